//! One type name, one meaning: who reads a name need not ask which of several it is.
//!
//! Looked at are the types and traits that other files can see. What only its own file sees may have a short name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::common::shipped;

/// Every command of the command line has its own: clap's word for what a command takes.
const EVERY_COMMAND_HAS: &str = "Args";

/// The type or trait that a line declares for other files to see.
fn declared(line: &str) -> Option<&str> {
    let line = line.trim_start().strip_prefix("pub")?;
    let line = if line.starts_with('(') { line.split_once(')')?.1 } else { line };
    let mut words = line.strip_prefix(' ')?.splitn(2, ' ');
    let is_type = ["struct", "enum", "union", "type", "trait"].contains(&words.next()?);
    let name = words.next()?.split(|c: char| !c.is_alphanumeric() && c != '_').next()?;
    is_type.then_some(name)
}

/// The files that declare each name.
fn by_name(files: &[(String, String)]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (path, text) in files {
        for name in text.lines().filter_map(declared) {
            names.entry(name).or_default().insert(path);
        }
    }
    names
}

/// Names with several meanings.
fn ambiguous(files: &[(String, String)]) -> Vec<String> {
    let names = by_name(files);
    let several = names.iter().filter(|(name, files)| files.len() > 1 && **name != EVERY_COMMAND_HAS);
    several.map(|(name, files)| format!("{name}: {}", files.iter().copied().collect::<Vec<_>>().join(", "))).collect()
}

fn sources() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("sim"), &mut paths);
    let named = |path: std::path::PathBuf| {
        let name = path.strip_prefix(shipped::root()).expect("it was found there").display().to_string();
        (name.replace('\\', "/"), path)
    };
    // What fuzzers build is not of the tree.
    let is_source = |name: &str| name.ends_with(".rs") && !name.contains("/target/");
    let sources = paths.into_iter().map(named).filter(|(name, _)| is_source(name));
    sources.map(|(name, path)| (name, fs::read_to_string(path).expect("a source can be read"))).collect()
}

#[test]
fn a_type_name_has_one_meaning() {
    let found = ambiguous(&sources());
    assert!(found.is_empty(), "names with several meanings; give each the word of its field:\n{}", found.join("\n"));
}

#[test]
fn a_name_that_is_given_twice_is_told_with_its_files() {
    let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
    let mut files = sources();
    files.push(file(
        "sim/lab/src/lib.rs",
        "    pub(crate) struct Twofold<'a>(&'a str);\npub trait TraceWindow {\nstruct Hidden;\n",
    ));
    files.push(file("sim/report/src/lib.rs", "pub enum Twofold {\nstruct Hidden;\npub(super) type Args = u8;\n"));
    let found = ambiguous(&files);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1], "Twofold: sim/lab/src/lib.rs, sim/report/src/lib.rs");
    assert!(
        found[0].starts_with("TraceWindow: sim/engine/") && found[0].ends_with(", sim/lab/src/lib.rs"),
        "{found:?}"
    );
}
