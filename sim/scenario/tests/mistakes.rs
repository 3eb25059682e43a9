//! Every kind of mistake has its message, held against a golden file.
//!
//! `mistakes/cases.txt` is a list of cases: `## title`, then an edit of `base.toml` (`-` lines are replaced by `+`
//! lines; without `-` lines the `+` lines are appended), then what the reader says in plain text. `mistakes/idle.txt` is
//! another: keys that change nothing, and numbers that something else bounds. So is `mistakes/doubts.txt`, over `shared.toml`: what the
//! checker says of shared things and of software.
//! `TAILBACK_BLESS=1 cargo test -p scenario` rewrites what is said.

use std::fmt::Write as _;

use scenario::{Diagnostic, Severity};

/// Golden files by name: the text that their cases edit, and the cases.
const SETS: [(&str, &str, &str); 3] = [
    ("cases.txt", include_str!("mistakes/base.toml"), include_str!("mistakes/cases.txt")),
    ("idle.txt", include_str!("mistakes/base.toml"), include_str!("mistakes/idle.txt")),
    ("doubts.txt", include_str!("mistakes/shared.toml"), include_str!("mistakes/doubts.txt")),
];

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    match scenario::parse(text, "s.toml", &[]) {
        Ok(scenario) => scenario.warnings().to_vec(),
        Err(list) => list,
    }
}

fn plain(text: &str) -> String {
    diagnostics(text).iter().map(|diagnostic| diagnostic.plain(text)).collect()
}

struct Case {
    title: String,
    edit: String,
    text: String,
    said: String,
}

fn cases() -> Vec<Case> {
    SETS.iter().flat_map(|(_, base, cases)| cases_of(base, cases)).collect()
}

fn cases_of(base: &str, cases: &str) -> Vec<Case> {
    cases.split("## ").skip(1).map(|block| case(base, block)).collect()
}

fn case(base: &str, block: &str) -> Case {
    let mut lines = block.lines();
    let title = lines.next().expect("a case has a title").to_owned();
    let (mut edit, mut old, mut new, mut said) = (String::new(), vec![], vec![], String::new());
    for line in lines {
        match (line.strip_prefix('-'), line.strip_prefix('+')) {
            (Some(line), _) if said.is_empty() => old.push(line),
            (_, Some(line)) if said.is_empty() => new.push(line),
            _ => {
                let _ = writeln!(said, "{line}");
                continue;
            }
        }
        let _ = writeln!(edit, "{line}");
    }
    let (old, new) = (old.join("\n"), new.join("\n"));
    let text = if old.is_empty() {
        format!("{base}{new}\n")
    } else {
        assert!(base.contains(&old), "{title}: the base has no line\n{old}");
        base.replacen(&old, &new, 1)
    };
    // A case may show what nothing is said about.
    let said = if said.trim().is_empty() { String::new() } else { said.trim_end().to_owned() + "\n" };
    Case { title, edit, text, said }
}

#[test]
fn the_base_has_no_mistake() {
    for (_, base, _) in SETS {
        assert_eq!(plain(base), "");
    }
}

#[test]
fn every_kind_of_mistake_says_where_and_what_to_write() {
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        for (name, base, cases) in SETS {
            let mut out = String::new();
            for case in cases_of(base, cases) {
                let _ = write!(out, "## {}\n{}{}\n", case.title, case.edit, plain(&case.text));
            }
            let path = format!("{}/tests/mistakes/{name}", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, out).expect("the golden file can be written");
        }
        return;
    }
    for case in cases() {
        assert_eq!(plain(&case.text), case.said, "{}", case.title);
    }
}

#[test]
fn a_very_wrong_file_hears_of_everything_at_once() {
    let text = include_str!("mistakes/everything.toml");
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mistakes/everything.txt");
        std::fs::write(path, plain(text)).expect("the golden file can be written");
        return;
    }
    assert!(diagnostics(text).len() > 50);
    assert_eq!(plain(text), include_str!("mistakes/everything.txt"));
}

#[test]
fn every_message_has_help_and_starts_small() {
    for case in cases() {
        for diagnostic in diagnostics(&case.text) {
            assert!(diagnostic.help.is_some(), "{}: {}", case.title, diagnostic.what);
            assert!(!diagnostic.what.ends_with('.'), "{}", diagnostic.what);
        }
    }
}

#[test]
fn one_slip_makes_one_message() {
    for case in cases() {
        let errors = diagnostics(&case.text).iter().filter(|d| d.severity == Severity::Error).count();
        let several = case.title.contains("several");
        assert!(errors <= 1 || several, "{}: {errors} messages", case.title);
    }
}
