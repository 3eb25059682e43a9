//! The steps of a file's requests and where they stand: what somebody types to change one of them.

use crate::reader::raw::{self, Raw};
use crate::whole::root::SCENARIO;
use crate::words::diagnostic::Findings;
use crate::words::source::Sources;

/// A step as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WrittenStep {
    /// Its path, as an [`crate::Override`] has it: `request.page.steps.1`.
    pub key: String,
    /// The name of its request.
    pub request: String,
    /// What it does, as the file says it: `call`.
    pub verb: &'static str,
    /// What is said of the verb, as text: a duration, a law, a name; empty if it is neither.
    pub says: String,
    /// Whether it blocks the thread.
    pub blocking: bool,
    /// Whether it has a time limit.
    pub limited: bool,
    /// Whether it is one of the steps of a `fan`, which have a program of their own.
    pub in_fan: bool,
}

/// Every step of every request of a file, in its order; inner ones follow the one that they are in.
///
/// A file with mistakes has those that could be read.
pub fn written_steps(text: &str) -> Vec<WrittenStep> {
    let sources = Sources::new("", text);
    let root = raw::read(0, &sources, &mut Findings::default());
    let mut all = Vec::new();
    for item in root.get("request").and_then(Raw::items).unwrap_or_default() {
        walk(&item.raw, &format!("request.{}", quoted(&item.key)), &item.key, false, &mut all);
    }
    all
}

fn walk(holder: &Raw, path: &str, request: &str, in_fan: bool, all: &mut Vec<WrittenStep>) {
    let Some(raw::RawValue::Array(steps)) = holder.get("steps").map(|raw| &raw.value) else { return };
    for (at, step) in steps.iter().enumerate() {
        let key = format!("{path}.steps.{at}");
        let verbs = step.items().unwrap_or_default().iter().filter_map(|item| SCENARIO.step(&item.key));
        // `timeout` is a verb only where no other is.
        let Some(table) = verbs.min_by_key(|table| table.keys[0].name == "timeout") else { continue };
        let verb = table.keys[0].name;
        let is_set = |name: &str| matches!(step.get(name).map(|raw| &raw.value), Some(raw::RawValue::Flag(true)));
        all.push(WrittenStep {
            key: key.clone(),
            request: request.to_owned(),
            verb,
            says: step.get(verb).and_then(Raw::text).unwrap_or_default().to_owned(),
            blocking: is_set("blocking"),
            limited: verb != "timeout" && step.get("timeout").is_some(),
            in_fan,
        });
        walk(step, &key, request, in_fan || verb == "fan", all);
    }
}

/// A key that TOML would not take bare stands in quotes.
fn quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if bare { key.to_owned() } else { format!("{key:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Override, parse};

    const TEXT: &str = r#"
version = 1
title = "t"
[run]
length = "60s"
[machine]
cores = 1
[world.a]
worker = "gevent-pywsgi"
[client.users]
rate = "1/s"
[peer.db]
[request."a page"]
steps = [{ burn = "1ms" }, { repeat = 2, steps = [{ call = "db", takes = "2ms", timeout = "1s" }] }, { sleep = "exp(1s)", blocking = true }]
[request.wide]
steps = [{ fan = 2, steps = [{ sleep = "5ms" }] }, { timeout = "1s", steps = [{ offload = "3ms" }] }]
"#;

    #[test]
    fn steps_are_found_where_they_stand() {
        let shown = |step: &WrittenStep| format!("{}: {} {}", step.key, step.verb, step.says);
        let steps = written_steps(TEXT);
        let wanted = [
            "request.\"a page\".steps.0: burn 1ms",
            "request.\"a page\".steps.1: repeat ",
            "request.\"a page\".steps.1.steps.0: call db",
            "request.\"a page\".steps.2: sleep exp(1s)",
            "request.wide.steps.0: fan ",
            "request.wide.steps.0.steps.0: sleep 5ms",
            "request.wide.steps.1: timeout 1s",
            "request.wide.steps.1.steps.0: offload 3ms",
        ];
        assert_eq!(steps.iter().map(shown).collect::<Vec<_>>(), wanted);
        let marks: Vec<(bool, bool, bool)> =
            steps.iter().map(|step| (step.blocking, step.limited, step.in_fan)).collect();
        let no = (false, false, false);
        let wanted = [no, no, (false, true, false), (true, false, false), no, (false, false, true), no, no];
        assert_eq!(marks, wanted);
    }

    #[test]
    fn a_step_can_be_replaced_where_it_stands() {
        let steps = written_steps(TEXT);
        let blocking = steps.iter().find(|step| step.blocking).unwrap();
        let text = TEXT.replace("gevent-pywsgi", "pywsgi");
        let set = |key: String, value: &str| Override { key, value: value.to_owned() };
        assert!(parse(&text, "t", &[set(blocking.key.clone(), "{ offload = \"exp(1s)\" }")]).is_ok());
        assert!(parse(&text, "t", &[set(format!("{}.blocking", blocking.key), "false")]).is_ok());
        assert!(parse(&text, "t", &[set(format!("{}.nonsense", blocking.key), "false")]).is_err());
    }
}
