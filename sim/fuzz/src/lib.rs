//! What is done with each input of a fuzzer: read it, and go as far with it as a command would, within small bounds.
//!
//! Nothing here may panic, whatever the input. `tests/robustness/crashes.rs` calls the same functions with all inputs that once did.

use std::collections::BTreeMap;

use engine::model::asyncio::{LoopKind, Python};
use engine::model::{Limits, Model};
use engine::rng::{Replication, Seed};
use engine::transcript;
use lab::sweep::log;
use lab::sweep::results::Results;
use lab::theory::panel;
use lab::{Comparison, WorldResult};
use proof::asyncio;
use proof::gevent::{self as oracle, Oracle, TraceLine};
use proof::measured::{
    self, BandSummary, EntryComparison, EntryFate, ServerOutcome, Validated, ValidationStyle, scenario_text,
    validation_json, validation_table,
};
use report::data::Format;
use report::json::{About, results_json};
use report::text::{Style, sweep::sweep_text, table::comparison_table, theory::theory_text};
use scenario::Compiled;

/// Events of one run: enough for some hundred requests.
const EVENTS: u64 = 20_000;
/// Bytes of an input beyond which nothing new is tried.
const INPUT_BYTES: usize = 64 * 1024;
/// Threads, greenlets and points of a series of a model that is run: larger ones are compiled and not built.
const BUILT: u64 = 20_000;
/// How tables look.
const STYLE: Style = Style { bold: false, width: 120 };

fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok().filter(|text| text.len() <= INPUT_BYTES)
}

fn small(limits: &mut Limits) {
    *limits = Limits { events: EVENTS, events_per_instant: EVENTS / 4, requests: 5_000, ..*limits };
}

fn is_small(model: &Model) -> bool {
    model.slots()
        + model.os_threads()
        + model.run.points()
        + model.hosts.iter().map(|host| u64::from(host.cores)).sum::<u64>()
        <= BUILT
}

/// A scenario file: read, compiled, and every world of it run for some thousand events; what came of it is put into words.
pub fn scenario(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut load = |file: &str| match file {
        "missing.csv" => Err("there is no such file".to_owned()),
        _ => Ok("ms\n0.5\n1\n7\n12\n".to_owned()),
    };
    match ::scenario::parse(text, "fuzzed.toml", &[]).and_then(|parsed| ::scenario::compile(&parsed, &mut load)) {
        Ok(compiled) => run(&compiled),
        Err(wrong) => {
            assert!(!wrong.is_empty(), "refused without a word");
            wrong.iter().for_each(|diagnostic| drop(diagnostic.plain(text)));
        }
    }
}

fn run(compiled: &Compiled) {
    let mut models = compiled.models.clone();
    let mut results = Vec::new();
    for model in &mut models {
        if !is_small(model) {
            return;
        }
        small(&mut model.limits);
        match engine::run(model, Seed(compiled.seed), Replication(0)) {
            Ok(record) => results.push(WorldResult { name: model.name.clone(), records: vec![record] }),
            Err(engine::RunError::Unbalanced { what, .. }) => panic!("the books do not balance: {what}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    if results.len() < models.len() {
        return;
    }
    let comparison = Comparison::of(&results);
    let about = About { version: "0", title: &compiled.title, seed: compiled.seed, replications: 1 };
    let panels: Vec<_> = models.iter().zip(&comparison.worlds).map(|(model, world)| panel(model, world)).collect();
    assert!(!comparison_table(&comparison, STYLE).is_empty());
    drop(theory_text(&panels, STYLE.width));
    assert!(!results_json(&about, &results, &comparison).is_empty());
}

/// A scheduling program: read, compiled, run, and its trace printed.
pub fn program(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match oracle::parse(text) {
        Ok(oracle) => traced(oracle),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    match asyncio::parse(text) {
        Ok(program) => {
            let loops = Python::ALL.map(|python| (python, LoopKind::Asyncio)).into_iter();
            let loops = loops.chain([(Python::REFERENCE, LoopKind::Uvloop)]);
            loops.filter_map(|(python, kind)| program.on(python, kind)).for_each(traced);
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Runs a scheduling program and prints its trace.
fn traced(mut oracle: Oracle) {
    small(&mut oracle.model.limits);
    if let Ok(transcript) = transcript::run(&oracle.model, oracle.main, oracle.main_name) {
        let printed = oracle::print(&oracle, &transcript);
        let read = oracle::read_trace(&printed).expect("what is printed can be read");
        let entries = oracle::entries(&oracle, &transcript);
        assert!(oracle::difference(&entries, &read, true).is_none(), "a trace differs from itself");
    }
}

/// The file of an empirical law, or of an arrival trace.
pub fn samples(data: &[u8]) {
    const EMPIRICAL: &str = include_str!("empirical.toml");
    const TRACE: &str = include_str!("arrivals.toml");
    let Some(samples) = text(data) else { return };
    for text in [EMPIRICAL, TRACE] {
        let parsed = ::scenario::parse(text, "samples.toml", &[]).expect("the scenario is right");
        match ::scenario::compile(&parsed, &mut |_| Ok(samples.to_owned())) {
            Ok(compiled) => run(&compiled),
            Err(wrong) => assert!(!wrong.is_empty(), "refused without a word"),
        }
    }
}

/// A recorded trace, laid beside another one.
pub fn trace(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(read) = oracle::read_trace(text) else { return };
    assert!(oracle::difference(&read, &read, true).is_none(), "a trace differs from itself");
    let mut other = read.clone();
    other.reverse();
    for times in [false, true] {
        drop(oracle::difference(&other, &read, times));
        drop(oracle::difference(&read, &other[..other.len() / 2], times));
    }
    let differ = |got: &[TraceLine], want: &[TraceLine]| oracle::difference(got, want, false).is_some();
    assert_eq!(differ(&read, &other), differ(&other, &read), "the order decides which of two is compared with which");
}

/// The log of a sweep. Its lines get their checksums here, which a fuzzer would never guess; what is read is made into tables.
pub fn sweep_log(data: &[u8]) {
    let Some(text) = text(data) else { return };
    drop(log::read(data));
    let sealed: String = text.lines().map(log::sealed).collect();
    let Some(read) = log::read(sealed.as_bytes()) else { return };
    assert!(read.whole <= sealed.len() as u64, "more is whole than there is");
    let first = read.header.line();
    let lines = read.outcomes.iter().map(|(number, outcome)| log::sealed(&log::run_line(*number, outcome)));
    let again = log::read((first + &lines.collect::<String>()).as_bytes()).expect("what is written can be read");
    assert_eq!(format!("{:?}", again.outcomes), format!("{:?}", read.outcomes), "a log changes when it is copied");
    let runs = read.header.study.runs();
    if runs > 1_000 || read.header.study.classes.len() > 100 {
        return;
    }
    let mut outcomes: BTreeMap<usize, _> = read.outcomes;
    for number in 0..runs as usize {
        outcomes.entry(number).or_insert(lab::sweep::run::PointOutcome::Failed("it was not run".to_owned()));
    }
    let results = Results::new(read.header.study, outcomes.into_values().collect());
    assert!(!sweep_text(&results, STYLE).is_empty());
    for table in [results.runs_table(), results.summary_table()] {
        for format in Format::ALL {
            assert!(format.write(&table).is_ok(), "a table cannot be written");
        }
    }
}

/// A measured entry: read, said as a scenario, run, and held against what was measured.
pub fn measured(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let Ok(entry) = measured::MeasuredEntry::read(text) else { return };
    let Ok(text) = scenario_text(&entry) else { return };
    let parsed = ::scenario::parse(&text, "entry.toml", &[]);
    let compiled = parsed.and_then(|parsed| ::scenario::compile(&parsed, &mut |_| Err("no files".to_owned())));
    let fate = match compiled {
        Err(wrong) => EntryFate::NotMapped(wrong.first().map(|first| first.what.clone()).unwrap_or_default()),
        Ok(mut compiled) => {
            let model = &mut compiled.models[0];
            if !is_small(model) {
                return;
            }
            small(&mut model.limits);
            match engine::run(model, Seed(1), Replication(0)) {
                Ok(record) => {
                    EntryFate::Compared(Box::new(EntryComparison::of(&entry, &[ServerOutcome::simulated(&record)])))
                }
                Err(error) => EntryFate::Failed(error.to_string()),
            }
        }
    };
    let validated = [Validated::new(&entry, fate)];
    let summary = BandSummary::of(&validated);
    assert!(!validation_table(&validated, &summary, ValidationStyle { colour: false, width: 120 }).is_empty());
    let about = measured::Simulated { version: "0", seed: 1, replications: 1 };
    assert!(!validation_json(&about, &validated, &summary).is_empty());
}
