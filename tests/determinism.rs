//! Same again: the same scenario and seed give the same run, on any number of threads and in every build.
//!
//! `golden/fingerprints.txt` holds the fingerprints of every shipped scenario, cut short where it is long. A debug build and a
//! release build are held against the same file. `TAILBACK_BLESS=1 cargo test --test determinism` writes it anew; a change of
//! it says that the model changed, and the commit says why.

mod shipped;

use std::fmt::Write as _;
use std::sync::LazyLock;

use engine::Seed;
use engine::model::Arrivals;
use engine::time::Span;
use lab::{Comparison, Plan, WorldResult, run_all};
use report::json::{About, results_json};
use scenario::Compiled;

/// Of a longer scenario this much is run: into the third party's bad minutes, which begin at 5 min.
const LONGEST: Span = Span::from_secs(330);
const REPLICATIONS: u32 = 2;

/// A scenario and what came of it.
struct Run {
    name: String,
    compiled: Compiled,
    results: Vec<WorldResult>,
}

fn run_everything(threads: usize) -> Vec<Run> {
    let run = |shipped: shipped::Shipped| {
        let compiled = shipped.shortened(LONGEST);
        let plan = Plan { seed: Seed(compiled.seed), replications: REPLICATIONS, threads: Some(threads) };
        let results = run_all(&compiled.models, &plan, &|_| {});
        let results = results.unwrap_or_else(|error| panic!("{}: {error}", shipped.name));
        Run { name: shipped.name, compiled, results }
    };
    shipped::scenarios().into_iter().map(run).collect()
}

/// Everything, on one thread.
static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| run_everything(1));

fn fingerprints(runs: &[Run]) -> String {
    let mut out = String::from(
        "# scenario, world, replication, fingerprint, births, events\n\
         # Written by: TAILBACK_BLESS=1 cargo test --test determinism\n",
    );
    for run in runs {
        for record in run.results.iter().flat_map(|world| &world.records) {
            let (name, world, replication) = (&run.name, &record.world, record.replication);
            let (fingerprint, births) = (record.fingerprint, record.births_fingerprint);
            writeln!(out, "{name} {world} {replication} {fingerprint:016x} {births:016x} {}", record.events)
                .expect("a string takes everything");
        }
    }
    out
}

#[test]
fn fingerprints_are_stable() {
    let path = shipped::root().join("tests/golden/fingerprints.txt");
    let found = fingerprints(&RUNS);
    if std::env::var_os("TAILBACK_BLESS").is_some() {
        std::fs::write(&path, &found).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).expect("the golden file can be read");
    let expected: Vec<&str> = expected.lines().collect();
    let found: Vec<&str> = found.lines().collect();
    let gone: Vec<&&str> = expected.iter().filter(|line| !found.contains(line)).collect();
    let new: Vec<&&str> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(expected == found, "fingerprints differ; in the file:\n{gone:#?}\nnow:\n{new:#?}");
}

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let json = |run: &Run| {
        let (title, seed) = (run.compiled.title.as_str(), run.compiled.seed);
        let about = About { version: env!("CARGO_PKG_VERSION"), title, seed, replications: REPLICATIONS };
        results_json(&about, &run.results, &Comparison::of(&run.results), None)
    };
    let again = run_everything(2);
    assert_eq!(fingerprints(&RUNS), fingerprints(&again));
    for (once, again) in RUNS.iter().zip(&again) {
        assert!(json(once) == json(again), "{}: the results of two runs differ", once.name);
    }
}

#[test]
fn every_world_serves_the_same_people_with_the_same_needs() {
    let is_open = |run: &&Run| {
        let mut clients = run.compiled.models[0].clients.iter();
        // When a closed client asks again depends on when it was answered, so its births belong to its world.
        clients.all(|client| !matches!(client.arrivals, Arrivals::Closed { .. }))
    };
    let open: Vec<&Run> = RUNS.iter().filter(is_open).collect();
    assert!(!open.is_empty(), "no scenario has open clients only");
    for run in open {
        let first = &run.results[0];
        for world in &run.results[1..] {
            for (record, base) in world.records.iter().zip(&first.records) {
                let what = format!("{}, {} against {}", run.name, world.name, first.name);
                assert_eq!(record.births_fingerprint, base.births_fingerprint, "{what}");
                assert_eq!(record.users.came, base.users.came, "{what}");
            }
        }
    }
}
