//! What the command lines in `cmd/` simulate takes no cost from a preset, so that a new number in a preset moves none of them.

use crate::common::shipped::{self, Shipped};
use std::fs;
use std::path::PathBuf;

use engine::model::{Costs, WorkerSpec};
use engine::time::Span;

/// Files that are only checked, or that have mistakes.
const NOT_RUN: [&str; 2] = ["tests/cmd/doubts.in/counter.toml", "tests/cmd/mistakes.in/very-wrong.toml"];

/// One cost of all.
type CostOf = fn(&Costs) -> Span;

/// What a file says of its machine.
const MACHINE: [&str; 9] =
    ["slice", "tick", "switch", "wake", "cold_percent", "cooling", "syn_linear_timeouts", "syn_timeout", "somaxconn"];

/// What a file says of its worlds, as far as the worker pays it at all. Left out are `look`, `search` and `expire`, which only waits with
/// a time limit pay: no file here has one under a hub.
const COSTS: [(&str, CostOf); 15] = [
    ("accept", |costs| costs.accept),
    ("request", |costs| costs.request),
    ("respond", |costs| costs.respond),
    ("handoff", |costs| costs.handoff),
    ("take", |costs| costs.take),
    ("close", |costs| costs.close),
    ("switch", |costs| costs.switch),
    ("spawn", |costs| costs.spawn),
    ("timer", |costs| costs.timer),
    ("socket", |costs| costs.socket),
    ("poll", |costs| costs.poll),
    ("wake", |costs| costs.wake),
    ("clock", |costs| costs.clock),
    ("create", |costs| costs.create),
    ("start", |costs| costs.start),
];

/// Files that are run with one thread too. Of such a world the checker says that what threads cost at their start is nothing to it.
const ONE_THREAD: [&str; 2] = ["tests/cmd/livelock.in/livelock.toml", "tests/cmd/sweep.in/site.toml"];

/// The costs that a worker of a file pays.
fn paid(worker: &WorkerSpec, file: &str) -> Vec<&'static str> {
    let is_left_out = |name: &str| matches!(name, "create" | "start") && ONE_THREAD.contains(&file);
    let pays =
        |(name, of): &(&'static str, CostOf)| (of(&worker.costs) > Span::ZERO && !is_left_out(name)).then_some(*name);
    COSTS.iter().filter_map(pays).collect()
}

fn files() -> Vec<Shipped> {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("tests/cmd"), &mut paths);
    let below = |path: &PathBuf| path.strip_prefix(shipped::root()).expect("it was found there").display().to_string();
    paths.retain(|path| {
        path.extension().is_some_and(|extension| extension == "toml") && below(path).matches('/').count() > 2
    });
    let read = |path: PathBuf| Shipped {
        name: below(&path),
        text: fs::read_to_string(&path).expect("a scenario can be read"),
        path,
    };
    let mut files: Vec<Shipped> = paths.into_iter().map(read).collect();
    files.retain(|file| !NOT_RUN.contains(&file.name.as_str()));
    files
}

#[test]
fn what_command_lines_simulate_takes_no_cost_from_a_preset() {
    let files = files();
    assert!(files.len() > 10, "only {} files", files.len());
    for file in &files {
        let typed: Vec<String> = scenario::typed_numbers(&file.text).into_iter().map(|number| number.key).collect();
        for model in &file.compile(&[]).models {
            let world = &model.name;
            let machine = MACHINE.iter().map(|key| format!("machine.{key}"));
            let costs = model
                .workers
                .iter()
                .flat_map(|worker| paid(worker, &file.name))
                .map(|cost| format!("world.{world}.costs.{cost}"));
            let missing: Vec<String> = machine.chain(costs).filter(|key| !typed.contains(key)).collect();
            assert!(missing.is_empty(), "{} leaves to its preset: {missing:?}", file.name);
        }
    }
}

#[test]
fn command_lines_show_no_figure_of_a_shipped_scenario() {
    let mut paths = Vec::new();
    shipped::files_below(&shipped::root().join("tests/cmd"), &mut paths);
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    for path in paths {
        let text = fs::read_to_string(&path).expect("command lines can be read");
        for block in text.split("\n$ ").skip(1).filter(|block| block.starts_with("tailback ")) {
            let mut lines = block.lines();
            let command = lines.next().expect("a block has a line");
            // A mistake on the command line is told without a figure.
            let is_mistake = lines.next() == Some("? 2");
            assert!(
                is_mistake || !command.contains(" scenarios/"),
                "{}: {command}: take a file of tests/cmd/frozen",
                path.display()
            );
        }
    }
}
