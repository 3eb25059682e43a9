//! A way to serve as configuration describes it: a world's keys, each with where it stands, and what nobody could tell.

/// A key of a world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorldKey {
    /// As scenarios name it.
    pub key: &'static str,
    /// As TOML.
    pub value: String,
    /// Where it stands.
    pub source: String,
}

/// A way to serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServingWorld {
    /// What it is called.
    pub name: String,
    /// The software, as presets name it; empty if nobody said.
    pub worker: &'static str,
    /// Its keys, in the order in which they are written.
    pub keys: Vec<WorldKey>,
    /// What was said and could not be used, each a sentence for a comment.
    pub asked: Vec<String>,
    /// The format of its access log, if one is configured.
    pub log_format: Option<String>,
}

impl ServingWorld {
    /// Sets a key; who speaks later counts.
    pub fn set(&mut self, key: &'static str, value: impl ToString, source: &str) {
        let entry = WorldKey { key, value: value.to_string(), source: source.to_owned() };
        match self.keys.iter_mut().find(|known| known.key == key) {
            Some(known) => *known = entry,
            None => self.keys.push(entry),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.keys.iter().find(|known| known.key == key).map(|known| known.value.as_str())
    }

    /// Takes a key away.
    pub fn remove(&mut self, key: &str) {
        self.keys.retain(|known| known.key != key);
    }

    /// Everything that another one says and this one does not.
    pub fn fill_from(&mut self, other: &ServingWorld) {
        if self.worker.is_empty() {
            self.worker = other.worker;
        }
        for key in &other.keys {
            if self.get(key.key).is_none() {
                self.keys.push(key.clone());
            }
        }
        self.asked.extend(other.asked.iter().cloned());
        if self.log_format.is_none() {
            self.log_format.clone_from(&other.log_format);
        }
    }

    /// What is said of a value that could not be used.
    pub fn ask(&mut self, what: impl Into<String>) {
        let what = what.into();
        if !self.asked.contains(&what) {
            self.asked.push(what);
        }
    }

    /// Brings what was said into what the software allows: threads make gunicorn's sync worker a gthread one, and so on.
    pub fn settle(&mut self) {
        let threads = self.get("threads").and_then(|threads| threads.parse::<u64>().ok());
        if self.worker == "gunicorn-sync" && threads.is_some_and(|threads| threads > 1) {
            self.worker = "gunicorn-gthread";
        }
        if self.worker == "uwsgi-threads" && self.get("greenlets").is_some() {
            self.worker = "uwsgi-gevent";
        }
        let keeps: &[&str] = match self.worker {
            "gunicorn-gthread" | "uwsgi-threads" | "uwsgi-router-threads" => &["threads"],
            "gunicorn-gevent" | "uwsgi-gevent" | "uwsgi-router-gevent" => &["greenlets"],
            _ => &[],
        };
        for key in ["threads", "greenlets"] {
            if !keeps.contains(&key) {
                self.remove(key);
            }
        }
        if keeps == ["threads"] && self.get("threads").is_none() {
            self.set("threads", 1, "not said: one thread is the default");
        }
        if !self.worker.starts_with("gunicorn") {
            self.remove("max_requests_jitter");
        }
        if self.get("max_requests").is_none() {
            self.remove("max_requests_jitter");
        }
        if self.worker != "gunicorn-gthread" {
            self.remove("connections");
        }
    }
}

/// A duration of whole or decimal seconds, as TOML.
pub fn seconds(text: &str) -> Option<String> {
    let value: f64 = text.trim().trim_end_matches('s').parse().ok()?;
    (value.is_finite() && (0.0..=1e6).contains(&value)).then(|| format!("\"{}s\"", crate::numbers::plain(value)))
}
