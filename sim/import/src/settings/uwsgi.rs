//! uWSGI's settings, from `uwsgi.ini` and from its command line, after uWSGI 2.0 (core/uwsgi.c, the table of options).

use std::collections::BTreeMap;

use super::world::{ServingWorld, seconds};

/// Most bytes of an ini file.
const INI_MAX: usize = 1024 * 1024;

/// A `uwsgi.ini`: what stands under `[uwsgi]`. uWSGI's grammar is its own (core/ini.c): keys may occur twice, values are not quoted.
pub fn uwsgi_ini(text: &str, file: &str) -> Option<ServingWorld> {
    if text.len() > INI_MAX {
        return None;
    }
    let (mut section, mut found, mut options, mut lines) = ("", false, Vec::new(), BTreeMap::new());
    for (number, line) in (1_u64..).zip(text.lines()) {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.trim();
            found |= section == "uwsgi";
        } else if let Some((key, value)) =
            line.split_once('=').filter(|_| section == "uwsgi" && !line.starts_with(['#', ';']))
        {
            lines.insert(key.trim().to_owned(), number);
            options.push((key.trim().to_owned(), value.trim().to_owned()));
        }
    }
    if !found {
        return None;
    }
    let place = |key: &str| lines.get(key).map_or(file.to_owned(), |line| format!("{file}:{line}"));
    let mut world = uwsgi_options(&options, &place);
    world.name = "today".to_owned();
    Some(world)
}

/// Settings by the names of uWSGI's options.
pub fn uwsgi_options(options: &[(String, String)], place: &dyn Fn(&str) -> String) -> ServingWorld {
    let mut world = ServingWorld { worker: "uwsgi-threads", ..ServingWorld::default() };
    let mut router = false;
    for (key, value) in options {
        let (source, value) = (place(key), value.trim());
        let name = key.trim().replace('_', "-");
        if value.contains("%k") || value.contains("$(") || value.contains("%(") {
            world.ask(format!("{source}: {name} = {value} depends on the machine; write the number"));
            continue;
        }
        let number = value.parse::<u64>().ok().filter(|number| *number > 0);
        let key = match name.as_str() {
            "processes" | "workers" | "p" => Some("processes"),
            "threads" => Some("threads"),
            "gevent" | "async" => Some("greenlets"),
            "listen" | "l" => Some("listen"),
            "max-requests" | "R" => Some("max_requests"),
            _ => None,
        };
        if let Some(key) = key {
            match number {
                Some(number) => world.set(key, number, &source),
                None => world.ask(format!("{source}: {name} = {value} is no whole number above zero")),
            }
            continue;
        }
        match name.as_str() {
            "http" | "https" | "http-router" => router = true,
            "harakiri" | "t" => duration(&mut world, "harakiri", value, &source),
            "http-timeout" => duration(&mut world, "http_timeout", value, &source),
            "worker-reload-mercy" => duration(&mut world, "graceful_timeout", value, &source),
            "min-worker-lifetime" => duration(&mut world, "min_worker_lifetime", value, &source),
            "cheaper" => world.ask(format!(
                "{source}: with cheaper = {value} there are fewer processes when it is quiet; all are simulated"
            )),
            "log-format" | "logformat" => world.log_format = Some(value.to_owned()),
            _ => {}
        }
    }
    world.settle();
    if router {
        world.worker = if world.worker == "uwsgi-gevent" { "uwsgi-router-gevent" } else { "uwsgi-router-threads" };
    } else {
        world.remove("http_timeout");
    }
    world
}

fn duration(world: &mut ServingWorld, key: &'static str, value: &str, source: &str) {
    match seconds(value) {
        Some(value) => world.set(key, value, source),
        None => world.ask(format!("{source}: {key} = {value} is no number of seconds")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ini_file_is_a_world_with_places() {
        let text =
            "[uwsgi]\nhttp-socket = :8000\nmaster = true\nprocesses = 2\nthreads = 8\nlisten = 128\nharakiri = 30\n";
        let world = uwsgi_ini(text, "uwsgi.ini").unwrap();
        assert_eq!(
            (world.worker, world.get("processes"), world.get("threads")),
            ("uwsgi-threads", Some("2"), Some("8"))
        );
        assert_eq!(world.keys.iter().find(|key| key.key == "harakiri").unwrap().source, "uwsgi.ini:7");
        let text = "[uwsgi]\nhttp = :8000\nprocesses = %k\ngevent = 100\n";
        let world = uwsgi_ini(text, "uwsgi.ini").unwrap();
        assert_eq!((world.worker, world.get("greenlets"), world.asked.len()), ("uwsgi-router-gevent", Some("100"), 1));
    }

    #[test]
    fn another_ini_file_is_none() {
        assert_eq!(uwsgi_ini("[supervisord]\nx = 1\n", "a.ini"), None);
        assert_eq!(uwsgi_ini("\u{0}[", "a.ini"), None);
    }
}
