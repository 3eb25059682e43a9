//! The reference of the file format as Markdown, made from the key tables.

use std::fmt::Write as _;

use crate::format::starter::starter;
use crate::reader::key::{KeyKind, KeyTable, Presence};
use crate::reader::law_text;
use crate::tables::preset::sourced::SourcedValue;
use crate::tables::{preset, step};
use crate::whole::root;
use crate::words::limits;

/// The reference of scenario files as Markdown: every key with type, default, meaning and example.
pub fn reference() -> String {
    let mut out = String::from(HEAD);
    let _ = writeln!(out, "```toml\n{}```\n", starter("a first look"));
    out.push_str(VALUES);
    for (form, meaning) in law_text::FORMS {
        let _ = writeln!(out, "| `\"{form}\"` | {meaning} |");
    }
    out.push_str(FILES);
    out.push_str("\n## The keys\n\n");
    let mut seen = Vec::new();
    section(&mut out, &root::ROOT, &mut seen);
    // The last table ends with a blank line, and the next chapter begins with one.
    out.pop();
    out.push_str(STEPS);
    for step in step::STEPS {
        let _ = writeln!(out, "\n### `{}`\n\n{}\n", step.heading, sentences(step.doc));
        keys(&mut out, step);
    }
    out.push_str(OVERRIDES);
    out.push_str("\n## Limits\n\nA file beyond a limit is refused with a message that names it.\n\n");
    out.push_str("| Limit | Value | Of what |\n|---|---|---|\n");
    for (name, value, what) in limits::listed() {
        let _ = writeln!(out, "| {name} | {value} | {what} |");
    }
    out.push_str(PRESETS);
    for preset in preset::all() {
        let _ = writeln!(out, "\n### `{}`\n\n{}.\n", preset.name, preset.title);
        facts(&mut out, &preset.facts);
        for worker in &preset.workers {
            let _ = writeln!(out, "\n#### `{}`\n", worker.name());
            facts(&mut out, &worker.facts);
        }
    }
    out
}

const HEAD: &str = "\
# Scenario reference

<!-- Made from the key tables of sim/scenario by scenario::reference(); a test compares. Do not edit by hand. -->

A scenario is a TOML file: people who ask (`[client.NAME]`), what they ask for (`[request.NAME]`), what that calls and waits for \
(`[peer.NAME]`, `[pool.NAME]`, `[lock.NAME]`, `[queue.NAME]`, `[event.NAME]`), what it shares (`[value.NAME]`, `[connection.NAME]`), and the ways to serve it that are compared (`[world.NAME]`).
Everything but the worlds is shared, so a comparison compares servers and nothing else.
Unknown keys are mistakes, never ignored.
`tailback new NAME` writes this file to start from:

";

const VALUES: &str = "\
## Values

**Durations** stand in quotes with their unit: `\"250ns\"`, `\"1.2us\"`, `\"8ms\"`, `\"1.5s\"`, `\"2m\"`, `\"1h\"`.
They are exact, in whole nanoseconds.

**Rates** stand in quotes with their unit: `\"300/s\"`, `\"90/m\"`, `\"1000/h\"`.

**Shares and chances** are bare numbers; shares need not add up to anything.

**Laws** stand where a duration may be random:

| Written | Meaning |
|---|---|
";

const FILES: &str = "
**Files** (`empirical(samples.csv)`, `trace = \"arrivals.csv\"`) lie beside the scenario and hold one duration a line.
`#` begins a comment.
If the first line is a unit alone (`ms`), it is the unit of the bare numbers below it.
The instants of a trace ascend.
";

const STEPS: &str = "
## Steps

A request's `steps` run one after the other, between the server's own work before and after.
Each step is a table with one verb.
Inside `repeat` and `fan`, random durations are drawn anew in every pass and run; everywhere else a request's durations are drawn at its birth, so that \
every world serves the same needs.
";

const OVERRIDES: &str = "
## Setting keys from the command line

`--set world.threads.threads=80` lays a value over the file before it is read.
Any key can be set; text and durations need no quotes there (`--set run.length=60s`).
A number counts entries of a list from 0: `--set request.page.steps.0.burn=5ms`.
";

const PRESETS: &str = "
## Presets

A preset holds what servers and machines of an age cost, each value with its source.
A world's `costs` and `[machine]` replace single values.
";

fn section(out: &mut String, table: &'static KeyTable, seen: &mut Vec<&'static str>) {
    if !seen.contains(&table.noun) {
        seen.push(table.noun);
        let heading = if table.heading.is_empty() { "The root" } else { table.heading };
        let mark = if table.heading.is_empty() { "" } else { "`" };
        let _ = writeln!(out, "### {mark}{heading}{mark}\n\n{}\n", sentences(table.doc));
        keys(out, table);
        out.push('\n');
    }
    for key in table.keys {
        match key.kind {
            KeyKind::Table(inner)
            | KeyKind::Named(inner, _)
            | KeyKind::Each(inner, _)
            | KeyKind::List(inner)
            | KeyKind::Profile(inner)
                if !seen.contains(&inner.noun) =>
            {
                section(out, inner, seen);
            }
            _ => {}
        }
    }
}

fn keys(out: &mut String, table: &KeyTable) {
    if table.keys.is_empty() {
        out.pop();
        return;
    }
    out.push_str("| Key | Type | If not given | Meaning | Example |\n|---|---|---|---|---|\n");
    for key in table.keys {
        let default = match key.need {
            Presence::Required => "**required**".to_owned(),
            Presence::Default(text) => format!("`{text}`"),
            Presence::Else(words) => words.to_owned(),
        };
        let mut doc = key.doc.to_owned();
        if !key.beside.is_empty() {
            let others: Vec<String> = key.beside.iter().map(|other| format!("`{other}`")).collect();
            let _ = write!(doc, " Only beside {}.", others.join(" or "));
        }
        let _ = writeln!(out, "| `{}` | {} | {default} | {doc} | `{}` |", key.name, key.kind.words(), key.example);
    }
}

fn facts(out: &mut String, facts: &[SourcedValue]) {
    out.push_str("| Key | Value | Source |\n|---|---|---|\n");
    for fact in facts {
        let _ = writeln!(out, "| `{}` | {} | {} |", fact.key, fact.value, fact.source.replace('|', "\\|"));
    }
}

/// One sentence a line, as everywhere in our Markdown.
fn sentences(text: &str) -> String {
    text.replace(". ", ".\n")
}
