//! Inputs that once broke something when a fuzzer found them, and the files from which fuzzers begin: nothing breaks on them.
//!
//! `docs/robustness.md` says how they were found. Each folder of `tests/crashes/` is named after the target that its files are for.

use crate::common::shipped;
use crate::common::targets;
use std::fs;
use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("scenario", targets::scenario),
    ("program", targets::program),
    ("samples", targets::samples),
    ("trace", targets::trace),
    ("sweep_log", targets::sweep_log),
    ("measured", targets::measured),
];

/// Feeds every file of a folder to a target; says how many there were.
fn feed(folder: &Path, target: Target) -> usize {
    let mut paths = Vec::new();
    if folder.is_dir() {
        shipped::files_below(folder, &mut paths);
    }
    for path in &paths {
        let bytes = fs::read(path).expect("the file can be read");
        if let Err(panic) = std::panic::catch_unwind(|| target(&bytes)) {
            eprintln!("while reading {}", path.display());
            std::panic::resume_unwind(panic);
        }
    }
    paths.len()
}

#[test]
fn nothing_that_once_broke_breaks_again() {
    let folder = shipped::root().join("tests/crashes");
    let fed: usize = TARGETS.iter().map(|(name, target)| feed(&folder.join(name), *target)).sum();
    let mut all = Vec::new();
    shipped::files_below(&folder, &mut all);
    assert_eq!(fed, all.len(), "a file lies in a folder that no target is named after");
    assert!(fed > 0, "the inputs are missing");
}

#[test]
fn the_files_from_which_fuzzers_begin_are_read_to_their_end() {
    let folder = shipped::root().join("sim/fuzz/seeds");
    let fed: usize = TARGETS.iter().map(|(name, target)| feed(&folder.join(name), *target)).sum();
    assert!(fed >= 3, "the seeds are missing");
}

#[test]
fn every_target_has_its_loop() {
    let manifest = fs::read_to_string(shipped::root().join("sim/fuzz/Cargo.toml")).expect("it can be read");
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "no binary for {name}");
        let main = shipped::root().join(format!("sim/fuzz/fuzz_targets/{name}.rs"));
        let main = fs::read_to_string(main).expect("the loop can be read");
        assert!(main.contains(&format!("tailback_fuzz::{name}(")), "{name} is not called");
    }
}
