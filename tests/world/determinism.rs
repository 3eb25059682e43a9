//! Same again: the same scenario and seed give the same run, on any number of threads and in every build.
//!
//! `tests/golden/fingerprints.txt` holds the fingerprints of every shipped scenario, cut short where it is long. This build is held
//! against it, and the program that `TAILBACK_PROGRAM` names, as a path from the root: `.ci/run` names its release build. `TAILBACK_BLESS=1 cargo test --test main determinism::` writes it anew; a change of
//! it says that the model changed, and the commit says why.

use crate::common::cores::on_all_cores;
use crate::common::shipped;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use engine::fingerprint_windows::{Fingerprints, Wanted};
use engine::model::Arrivals;
use engine::time::{Span, Time};
use engine::{Model, Replication, Seed};
use lab::{Comparison, RunSettings, WorldResult, run_all};
use report::json::{About, results_json};
use scenario::Compiled;
use serde_json::Value;

/// Of a longer scenario this much is run: into the third party's bad minutes, which begin at 5 min.
const LONGEST: Span = Span::from_secs(330);
/// Of this much it is tried whether threads, and chance at one instant, leave a trace: neither knows how long a run is.
const BRIEF: Span = Span::from_secs(20);
const REPLICATIONS: u32 = 2;
const GOLDEN: &str = "tests/golden/fingerprints.txt";

/// A scenario and what came of it.
struct Run {
    name: String,
    compiled: Compiled,
    results: Vec<WorldResult>,
}

fn run_everything(threads: usize, longest: Span) -> Vec<Run> {
    let run = |shipped: &shipped::Shipped| {
        let compiled = shipped.shortened(longest);
        let plan = RunSettings { seed: Seed(compiled.seed), replications: REPLICATIONS, threads: Some(threads) };
        let results = run_all(&compiled.models, &plan, &|_| {});
        let results = results.unwrap_or_else(|error| panic!("{}: {error}", shipped.name));
        Run { name: shipped.name.clone(), compiled, results }
    };
    on_all_cores(&shipped::scenarios(), run)
}

/// Everything, each scenario on one thread.
static RUNS: LazyLock<Vec<Run>> = LazyLock::new(|| run_everything(1, LONGEST));

fn fingerprints(runs: &[Run]) -> String {
    let mut out = String::from(
        "# scenario, world, replication, fingerprint, births, events\n\
         # Written by: TAILBACK_BLESS=1 cargo test --test main determinism::\n",
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
    let path = shipped::root().join(GOLDEN);
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

/// What the program of another build says of a scenario, as lines of the golden file; an error in its place if it says nothing.
fn said_by(program: &Path, shipped: &shipped::Shipped) -> String {
    let mut command = Command::new(program);
    command.arg("run").arg(&shipped.path).args(["--json", "--threads", "1", "--replications"]);
    command.arg(REPLICATIONS.to_string());
    for (key, value) in shipped.shortening(LONGEST) {
        command.args(["--set", &format!("{key}={value}")]);
    }
    let output = command.output().expect("the program can be started");
    let document: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}: {}", shipped.name, String::from_utf8_lossy(&output.stderr)));
    let mut lines = String::new();
    for world in document["worlds"].as_array().expect("a result has worlds") {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let of = |key: &str, at: usize| text(&world[key][at]);
        for at in 0..REPLICATIONS as usize {
            let (fingerprint, births) = (of("fingerprints", at), of("births_fingerprints", at));
            let (name, world, events) = (&shipped.name, text(&world["name"]), &world["events"][at]);
            writeln!(lines, "{name} {world} {at} {fingerprint} {births} {events}").expect("a string takes everything");
        }
    }
    lines
}

#[test]
fn the_program_that_people_run_comes_to_the_same_fingerprints() {
    let golden = std::fs::read_to_string(shipped::root().join(GOLDEN)).expect("the golden file can be read");
    let (named, program) = (std::env::var_os("TAILBACK_PROGRAM"), crate::common::process::program());
    let mut scenarios = shipped::scenarios();
    if named.is_none() {
        // This build is held to all of them above: here it is whether its program says them.
        scenarios.retain(|shipped| shipped.name.starts_with("redis-pool/"));
    }
    let found = on_all_cores(&scenarios, |shipped| said_by(&program, shipped));
    for (shipped, found) in scenarios.iter().zip(found) {
        let expected: Vec<&str> = golden.lines().filter(|line| line.split(' ').next() == Some(&shipped.name)).collect();
        assert!(!expected.is_empty(), "{}: the golden file lacks it", shipped.name);
        assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{} says {}", program.display(), shipped.name);
    }
}

#[test]
fn one_thread_and_two_write_the_same_bytes() {
    let json = |run: &Run| {
        let (title, seed) = (run.compiled.title.as_str(), run.compiled.seed);
        let about = About { version: env!("CARGO_PKG_VERSION"), title, seed, replications: REPLICATIONS };
        results_json(&about, &run.results, &Comparison::of(&run.results))
    };
    let (once, again) = (run_everything(1, BRIEF), run_everything(2, BRIEF));
    assert_eq!(fingerprints(&once), fingerprints(&again));
    for (once, again) in once.iter().zip(&again) {
        assert!(json(once) == json(again), "{}: the results of two runs differ", once.name);
    }
}

fn written(model: &Model, seed: u64, replication: u32, words: Option<(Time, Time)>) -> Fingerprints {
    let wanted = Wanted { window: Span::from_secs(1), words, lines_max: 40 };
    Fingerprints::of(model, Seed(seed), Replication(replication), wanted).expect("the run comes to its end")
}

/// Where two diaries part: the first window that differs, with what happened in it.
fn parting(a: &Fingerprints, b: &Fingerprints, words: impl Fn(Time, Time) -> String) -> Option<String> {
    let first = a.windows.iter().zip(&b.windows).position(|(a, b)| a != b);
    let at = first.or((a.windows.len() != b.windows.len()).then_some(a.windows.len().min(b.windows.len())))?;
    let from = a.windows.get(at).or(b.windows.get(at)).expect("one of them has it").from;
    Some(format!("they part in the second from {from}:\n{}", words(from, from + Span::from_secs(1))))
}

#[test]
fn where_two_runs_part_is_found_to_the_window_and_told_in_its_events() {
    let run = RUNS.iter().find(|run| run.name.ends_with("cpu-hog")).expect("it is shipped");
    let (model, seed) = (&run.compiled.models[1], run.compiled.seed);
    let once = written(model, seed, 0, None);
    let record = &run.results[1].records[0];
    let last = once.windows.last().expect("something happened");
    assert_eq!(
        (last.fingerprint, last.events),
        (record.fingerprint, record.events),
        "what is written down is of the same run"
    );
    assert_eq!(parting(&once, &written(model, seed, 0, None), |_, _| String::new()), None);
    // A run that differs from its 30th second on: the server is another one from then.
    let mut other = model.clone();
    other.run.length = Some(Span::from_secs(30));
    let shorter = written(&other, seed, 0, None);
    let words = |from, to| format!("{:?}", written(model, seed, 0, Some((from, to))).lines);
    let said = parting(&once, &shorter, words).expect("they part");
    assert!(said.starts_with("they part in the second from 30s"), "{said}");
    assert!(said.contains("Arrive(ClientId(0))"), "{said}");
}

#[test]
fn shuffled_ties_are_other_runs_of_the_same_people_whose_books_balance() {
    let mut differ = 0;
    for run in RUNS.iter() {
        for (model, world) in run.compiled.models.iter().zip(&run.results) {
            let record = engine::run_shuffled(model, Seed(run.compiled.seed), Replication(0), 1);
            let record = record.unwrap_or_else(|error| panic!("{}: {error}", run.name));
            differ += usize::from(record.fingerprint != world.records[0].fingerprint);
        }
        let mut model = run.compiled.models[0].clone();
        model.run.length = model.run.length.map(|length| length.min(BRIEF));
        let shuffled =
            || engine::run_shuffled(&model, Seed(run.compiled.seed), Replication(0), 7).map(|r| r.fingerprint);
        assert_eq!(shuffled().ok(), shuffled().ok(), "{}: this chance is drawn like all other", run.name);
    }
    assert!(differ > 5, "nothing was shuffled: only {differ} runs differ");
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
