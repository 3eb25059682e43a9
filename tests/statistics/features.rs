//! The theory panel with every key of the scenario format switched on alone: a law agrees with the simulation, or it is refused.
//!
//! `features/keys.txt` has what is laid over `features/base.toml` for each key. The keys come from the schema, so a new one fails here
//! until somebody has said what switches it on.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use engine::RunRecord;
use engine::rng::{Replication, Seed};
use lab::Summary;
use lab::theory::{TheoryPanel, panel};
use scenario::Override;

/// An exact law may be off by this share and that many standard errors: of six replications one value in some 200 is beyond four, and
/// most keys run the very same requests. Chosen before looking.
const EXACT: (f64, f64) = (0.01, 4.0);
/// An approximation by what `run` calls poor.
const APPROXIMATE: f64 = 0.10;

/// Tables whose entries have names; `--set` can change an entry and not add one.
const NAMED: [&str; 9] = ["executor", "lock", "pool", "queue", "event", "value", "connection", "peer", "request"];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features").join(name);
    fs::read_to_string(path).expect("the file is there")
}

/// Each key with what switches it on; `None` for one that changes nothing by itself.
fn cases() -> Vec<(String, Option<String>)> {
    let text = read("keys.txt");
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let case = |line: &str| {
        let (key, edits) = line.split_once(" | ").unwrap_or_else(|| panic!("{line}: a key | what switches it on"));
        let edits = edits.trim();
        let why = edits.strip_prefix('-');
        assert!(why.is_none_or(|why| !why.trim().is_empty()), "{key} says why");
        (key.trim().to_owned(), why.is_none().then(|| edits.to_owned()))
    };
    lines.map(case).collect()
}

/// The parts of an inline table.
fn entries(inline: &str) -> Vec<String> {
    let inside = inline.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).expect("an inline table");
    let (mut parts, mut depth, mut quoted) = (vec![String::new()], 0, false);
    for c in inside.chars() {
        quoted ^= c == '"';
        match c {
            '{' | '[' if !quoted => depth += 1,
            '}' | ']' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().expect("there is one").push(c);
    }
    parts
}

/// The base with edits laid over it, and those that `--set` can make.
fn laid(edits: &str) -> (String, Vec<Override>) {
    let (mut text, mut overrides) = (read("base.toml"), Vec::new());
    for edit in edits.split(" ; ") {
        let (path, value) = edit.trim().split_once('=').unwrap_or_else(|| panic!("{edit}: a path = a value"));
        let parts: Vec<&str> = path.split('.').collect();
        let last = parts.last().expect("a path has an end");
        if value.is_empty() {
            let kept = text.lines().filter(|line| !line.starts_with(&format!("{last} =")));
            text = kept.collect::<Vec<_>>().join("\n") + "\n";
        } else if parts.len() == 2 && NAMED.contains(&parts[0]) && !text.contains(&format!("[{path}]")) {
            text += &format!("\n[{path}]\n{}\n", entries(value).join("\n"));
        } else {
            overrides.push(Override { key: path.to_owned(), value: value.to_owned() });
        }
    }
    (text, overrides)
}

fn panel_of(key: &str, edits: &str) -> TheoryPanel {
    let (text, overrides) = laid(edits);
    let compiled = scenario::parse(&text, "s.toml", &overrides)
        .and_then(|scenario| scenario::compile(&scenario, &mut |_| Err("no file".to_owned())))
        .unwrap_or_else(|list| panic!("{key}: {}", list.iter().map(|one| one.plain(&text)).collect::<String>()));
    let model = &compiled.models[0];
    let run = |replication| engine::run(model, Seed(1), Replication(replication)).expect("it runs to its end");
    let records: Vec<RunRecord> = (0..compiled.replications).map(run).collect();
    panel(model, &Summary::of(&records))
}

/// What is wrong with what the panel says, if anything is.
fn wrong(key: &str, panel: &TheoryPanel) -> Option<String> {
    let Ok(claim) = &panel.law else { return None };
    // An interval of a tail over six replications is too narrow where requests queue: `tests/statistics/theory.rs` has the quantiles, of long runs.
    let off = claim.predictions.iter().filter(|one| one.spec.name != "latency_p99_ns").filter(|prediction| {
        let Some(simulated) = prediction.simulated else { return true };
        let difference = (simulated.mean - prediction.predicted).abs();
        let (share, errors) = if claim.approximation.is_some() { (APPROXIMATE, 0.0) } else { EXACT };
        difference > share * prediction.predicted + errors * simulated.standard_error().unwrap_or(0.0)
    });
    let off: Vec<String> = off
        .map(|one| format!("{} {} predicted, {:?} simulated", one.spec.name, one.predicted, one.simulated))
        .collect();
    let law = format!("{}{}", claim.law, claim.approximation.as_ref().map_or("", |_| " (approximation)"));
    (!off.is_empty()).then(|| format!("{key}: {law}: {}", off.join("; ")))
}

#[test]
fn with_each_key_alone_a_law_agrees_or_is_refused() {
    let mut seen: Vec<(String, TheoryPanel)> = Vec::new();
    let mut found = Vec::new();
    for (key, edits) in cases() {
        let Some(edits) = edits else { continue };
        // Keys of one table are often switched on together.
        let panel = match seen.iter().find(|(known, _)| *known == edits) {
            Some((_, panel)) => panel.clone(),
            None => panel_of(&key, &edits),
        };
        found.extend(wrong(&key, &panel));
        seen.push((edits, panel));
    }
    assert!(found.is_empty(), "{} keys\n{}", found.len(), found.join("\n"));
    let claimed = seen.iter().filter(|(_, panel)| panel.law.is_ok()).count();
    assert!(claimed >= 40, "laws are claimed of {claimed} keys only: the test says little");
}

#[test]
fn every_key_of_the_format_is_switched_on_or_says_why_not() {
    let schema = scenario::schema();
    let mut keys = BTreeSet::new();
    let mut note = |table: &str, schema: &serde_json::Value| {
        let properties = schema["properties"].as_object().into_iter().flatten();
        keys.extend(properties.map(|(key, _)| format!("{table}.{key}")));
    };
    note("root", &schema);
    for (table, schema) in schema["$defs"].as_object().expect("there are definitions") {
        note(table, schema);
    }
    let known: BTreeSet<String> = cases().into_iter().map(|(key, _)| key).collect();
    let missing: Vec<&String> = keys.difference(&known).collect();
    assert!(missing.is_empty(), "say in tests/features/keys.txt what switches these on: {missing:?}");
    let gone: Vec<&String> = known.difference(&keys).collect();
    assert!(gone.is_empty(), "these are no keys any longer: {gone:?}");
}
