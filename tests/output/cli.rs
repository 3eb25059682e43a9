//! The command line as people use it: the commands in the README's tables, and everything in `cmd/`.
//!
//! The files in `cmd/` are command lines with what they print. What they simulate says itself what everything costs, so that a new
//! number in a preset moves none of them. `TRYCMD=overwrite cargo test --test main cli::` writes down what they
//! print now; a change of them wants a reason in its commit.

use crate::common::prompts;
use crate::common::shipped;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::prompts::{copy_of_the_tree, tailback, text};

/// What the README calls us; the rest of the line is ours.
const US: &str = "cargo run --release -- ";

#[test]
fn the_commands_of_the_readme_run_as_they_stand_there() {
    let readme = fs::read_to_string(shipped::root().join("README.md")).expect("the README can be read");
    let mut lines = prompts::commands(&readme);
    // What stands at a prompt, here or in the book, is run with the book.
    let run_elsewhere = book_commands();
    lines.retain(|shown| {
        let args = shown.command.strip_prefix(US);
        !shown.at_prompt && args.is_some_and(|args| !run_elsewhere.contains(&format!("tailback {args}")))
    });
    assert!(lines.len() >= 8, "the README has too few commands: {lines:#?}");
    let folder = copy_of_the_tree();
    for shown in lines {
        let args = shown.command.strip_prefix(US).expect("the others were left out");
        let output = tailback(folder.path(), args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(shown.code), "{args}\n{out}{err}");
    }
}

/// The commands at the prompts of the book.
fn book_commands() -> BTreeSet<String> {
    let mut pages = Vec::new();
    shipped::files_below(&shipped::root().join("docs"), &mut pages);
    pages.retain(|page| page.extension().is_some_and(|extension| extension == "md"));
    let of = |page: &PathBuf| prompts::commands(&fs::read_to_string(page).expect("a page can be read"));
    pages.iter().flat_map(of).filter(|shown| shown.at_prompt).map(|shown| shown.command).collect()
}

#[test]
fn the_tests_of_the_readme_are_the_tests_of_ci() {
    let read = |path: &str| fs::read_to_string(shipped::root().join(path)).expect("the file can be read");
    let (readme, ci) = (read("README.md"), read(".ci/run"));
    let others: Vec<&str> = readme
        .split(['`', '\n'])
        .map(|part| part.trim_start_matches("$ "))
        .filter(|part| part.starts_with("cargo ") && !part.starts_with("cargo run"))
        .collect();
    assert!(others.contains(&"cargo test --workspace"), "{others:?}");
    for command in others {
        assert!(ci.contains(command), "CI does not run `{command}`");
    }
}

#[test]
fn every_command_line_in_cmd_prints_what_is_written_there() {
    let cases = trycmd::TestCases::new();
    cases.register_bin("tailback", crate::common::process::program());
    cases.case("tests/cmd/*.md").case("tests/cmd/*.toml");
}

#[test]
fn nothing_but_a_terminal_gets_escape_codes() {
    let commands = [
        "run scenarios/startup/ab-waves.toml --no-plots",
        "run --json scenarios/startup/ab-waves.toml",
        "run scenarios/startup/ab-waves.toml --no-plots --plot",
        "run scenarios/startup/ab-waves.toml --format markdown",
        "man",
        "completions zsh",
        "check scenarios/startup/ab-waves.toml",
        "check tests/cmd/mistakes.in/very-wrong.toml",
        "run scenarios/startup/ab-waves.toml --set run.seed=x",
        "run --no-such-flag",
        "diff tests/cmd/results.in/before.json tests/cmd/results.in/after.json",
        "verify tests/cmd/results.in/before.json",
        "doctor",
        "--help",
        "schema",
    ];
    for args in commands {
        let output = tailback(shipped::root(), args);
        let printed = text(&output.stdout) + &text(&output.stderr);
        assert!(!printed.is_empty() && !printed.contains('\x1b'), "{args}\n{printed:?}");
    }
}

#[test]
fn help_names_every_command_and_every_flag_of_run() {
    let help = text(&tailback(shipped::root(), "--help").stdout);
    assert!(
        [
            "run",
            "report",
            "export",
            "diff",
            "verify",
            "doctor",
            "fingerprint",
            "check",
            "schema",
            "new",
            "conform",
            "completions",
            "man",
        ]
        .iter()
        .all(|command| help.contains(command)),
        "{help}"
    );
    let help = text(&tailback(shipped::root(), "run --help").stdout);
    let flags = [
        "--seed",
        "--replications",
        "--set",
        "--out",
        "--no-plots",
        "--report",
        "--format",
        "--json",
        "--plot",
        "--threads",
    ];
    assert!(flags.iter().all(|flag| help.contains(flag)), "{help}");
}

#[test]
fn the_schema_is_json_and_describes_every_key() {
    let output = tailback(shipped::root(), "schema");
    assert!(output.status.success());
    let schema: Value = serde_json::from_slice(&output.stdout).expect("the schema is JSON");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut keys = 0;
    each_property(&schema, &mut |name, property| {
        let description = property["description"].as_str().unwrap_or_default();
        assert!(description.len() > 3, "`{name}` has no description");
        keys += 1;
    });
    assert!(keys > 80, "only {keys} keys");
}

/// Calls `see` with every entry of every `properties` in a schema.
fn each_property(schema: &Value, see: &mut impl FnMut(&str, &Value)) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object {
                if let ("properties", Value::Object(properties)) = (key.as_str(), value) {
                    properties.iter().for_each(|(name, property)| see(name, property));
                }
                each_property(value, see);
            }
        }
        Value::Array(array) => array.iter().for_each(|value| each_property(value, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn plots_are_written_where_out_says_and_nowhere_else() {
    let folder = copy_of_the_tree();
    let written = |below: &str| {
        let mut files = Vec::new();
        shipped::files_below(&folder.path().join(below), &mut files);
        files.len()
    };
    let before = written(".");
    for quiet in ["--no-plots", "--json"] {
        let output = tailback(folder.path(), &format!("run scenarios/startup/ab-waves.toml {quiet}"));
        assert!(output.status.success());
        assert_eq!(written("."), before, "{quiet} writes nothing");
    }
    let output = tailback(folder.path(), "run scenarios/startup/ab-waves.toml --out plots/here");
    assert!(output.status.success());
    assert_eq!(written("plots/here"), 8, "four figures in two formats");
    assert_eq!(written("."), before + 8, "and nothing else");
}
