//! The hub against gevent: 393 scheduling programs whose traces were recorded under real gevent, one small rule each or random.
//!
//! A program is JSON (docs/conform.md); its trace beside it is what gevent 26.9 did. `tailback conform --check tests/corpus`
//! is the same from the command line, and `tests/oracle/differential.sh` makes fresh ones.

use crate::common::shipped;
use std::fs;

use engine::transcript;
use proof::gevent as oracle;

/// Programs in the corpus.
const PROGRAMS: usize = 393;
/// How the name of a program file ends.
const PROGRAM: &str = ".program.json";

/// Failures that are shown in full.
const SHOWN: usize = 10;

/// What is wrong with our trace of a program; `None` if it is gevent's.
fn problem(program: &str, trace: &str) -> Option<String> {
    let oracle = match oracle::parse(program) {
        Ok(oracle) => oracle,
        Err(error) => return Some(error.to_string()),
    };
    let want = oracle::read_trace(trace).expect("a recorded trace can be read");
    match transcript::run(&oracle.model, oracle.main, oracle.main_name) {
        Ok(transcript) => oracle::difference(&oracle::entries(&oracle, &transcript), &want, true),
        Err(error) => Some(error.to_string()),
    }
}

#[test]
fn every_recorded_program_runs_as_it_did_under_gevent() {
    let mut paths = Vec::new();
    let folder = shipped::root().join("tests/corpus");
    shipped::files_below(&folder, &mut paths);
    // Below it is another one, of asyncio's.
    paths.retain(|path| path.parent() == Some(folder.as_path()));
    let names: Vec<String> =
        paths.iter().filter_map(|path| path.to_str()?.strip_suffix(PROGRAM).map(str::to_owned)).collect();
    assert_eq!(names.len(), PROGRAMS, "programs are missing");
    let read = |path: String| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut failures = Vec::new();
    for name in names {
        if let Some(problem) = problem(&read(format!("{name}{PROGRAM}")), &read(format!("{name}.trace.json"))) {
            failures.push(format!("{name}{PROGRAM}\n{problem}"));
        }
    }
    let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{} of {PROGRAMS} programs run otherwise:\n{shown}", failures.len());
}
