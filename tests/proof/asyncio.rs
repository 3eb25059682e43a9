//! The event loop against asyncio: 304 scheduling programs whose traces were recorded under CPython 3.8 to 3.15 and under uvloop, one or
//! two rules each or random.
//!
//! Beside NAME.program.json lies NAME.trace.json, what 3.13 did, and NAME.trace.VERSION.json where another version, or uvloop, gave
//! another order. `tailback conform --check --python VERSION tests/corpus/asyncio` is the same from the command line, and
//! `tests/oracle/asyncio/differential.sh` makes fresh ones.

use std::fs;
use std::path::PathBuf;

use engine::model::asyncio::{LoopKind, Python};
use engine::transcript;
use proof::{asyncio, gevent as oracle};

use crate::common::shipped;

/// Programs in the corpus.
const PROGRAMS: usize = 304;
/// How the name of a program file ends.
const PROGRAM: &str = ".program.json";
/// Failures that are shown in full.
const SHOWN: usize = 10;

/// The programs of the corpus, by the paths of their files without the ending.
fn programs() -> Vec<(String, asyncio::AsyncioProgram)> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("tests/corpus/asyncio"), &mut paths);
    let program = |path: PathBuf| {
        let stem = path.to_str()?.strip_suffix(PROGRAM)?.to_owned();
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{stem}: {error}"));
        let program = asyncio::parse(&text).unwrap_or_else(|error| panic!("{stem}: {error}"));
        Some((stem, program))
    };
    let programs: Vec<_> = paths.into_iter().filter_map(program).collect();
    assert_eq!(programs.len(), PROGRAMS, "programs are missing");
    programs
}

/// What is wrong with our trace of a program; `None` if it is the recorded one, or if the loop cannot run it.
fn problem(stem: &str, program: &asyncio::AsyncioProgram, python: Python, kind: LoopKind) -> Option<String> {
    let subject = program.on(python, kind)?;
    let label = if kind == LoopKind::Uvloop { "uvloop" } else { python.label() };
    let own = format!("{stem}.trace.{label}.json");
    let trace = fs::read_to_string(own).or_else(|_| fs::read_to_string(format!("{stem}.trace.json")));
    let want = oracle::read_trace(&trace.expect("a trace lies beside its program")).expect("it can be read");
    match transcript::run(&subject.model, subject.main, subject.main_name) {
        Ok(transcript) => oracle::difference(&oracle::entries(&subject, &transcript), &want, true),
        Err(error) => Some(error.to_string()),
    }
}

/// Runs all programs that a loop can run, and asserts that there are so many.
fn all_run_as_recorded(python: Python, kind: LoopKind, runnable: usize) {
    let programs = programs();
    assert_eq!(programs.iter().filter(|(_, program)| program.on(python, kind).is_some()).count(), runnable, "{python}");
    let failures: Vec<String> = programs
        .iter()
        .filter_map(|(stem, program)| Some(format!("{stem}\n{}", problem(stem, program, python, kind)?)))
        .collect();
    let shown = failures.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(failures.is_empty(), "{python}: {} of {runnable} programs run otherwise:\n{shown}", failures.len());
}

#[test]
fn every_recorded_program_runs_as_it_did_under_asyncio_of_python_3_13() {
    all_run_as_recorded(Python::V3_13, LoopKind::Asyncio, PROGRAMS);
}

#[test]
fn every_recorded_program_runs_as_it_did_under_each_other_version() {
    let runnable = [
        (Python::V3_8, 178),
        (Python::V3_9, 178),
        (Python::V3_10, 178),
        (Python::V3_11, 241),
        (Python::V3_12, 303),
        (Python::V3_14, PROGRAMS),
        (Python::V3_15, PROGRAMS),
    ];
    for (python, runnable) in runnable {
        all_run_as_recorded(python, LoopKind::Asyncio, runnable);
    }
}

#[test]
fn every_recorded_program_runs_as_it_did_under_uvloop() {
    all_run_as_recorded(Python::V3_13, LoopKind::Uvloop, 300);
}

#[test]
fn each_version_that_has_traces_of_its_own_needs_its_own_rules() {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("tests/corpus/asyncio"), &mut paths);
    let programs = programs();
    for python in Python::ALL {
        let ending = format!(".trace.{python}.json");
        let stems = paths.iter().filter_map(|path| path.to_str()?.strip_suffix(&ending));
        for stem in stems {
            let (_, program) = programs.iter().find(|(known, _)| known == stem).expect("a trace has a program");
            let reference = program.on(Python::REFERENCE, LoopKind::Asyncio).expect("3.13 runs every program");
            let transcript = transcript::run(&reference.model, reference.main, reference.main_name).expect("it ends");
            let text = fs::read_to_string(format!("{stem}{ending}")).expect("it was found");
            let want = oracle::read_trace(&text).expect("it can be read");
            let difference = oracle::difference(&oracle::entries(&reference, &transcript), &want, true);
            assert!(difference.is_some(), "{stem}: {python} does as 3.13 does");
        }
    }
}
