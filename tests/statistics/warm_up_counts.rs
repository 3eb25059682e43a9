//! What is counted after a warm-up: all that happens after it, no more and no less, in every world that ships.
//!
//! A run is held against the same run with a warm-up, and against one that ends an instant before that warm-up does: what the whole
//! run counts, the two halves count together.

use crate::common::shipped;
use std::collections::{BTreeMap, BTreeSet};

use engine::record::{Ending, WorkerCounts};
use engine::time::Span;
use engine::{Model, Replication, RunRecord, Seed};
use serde_json::Value;

const LENGTH: Span = Span::from_secs(8);
const WARM_UP: Span = Span::from_secs(4);

/// What is no count of what happens: what a run is, levels' means, and the series, which have the warm-up in them.
const NO_COUNTS: [&str; 13] = [
    "seed",
    "replication",
    "finished",
    "window",
    "events",
    "fingerprint",
    "births_fingerprint",
    "slots",
    "os_threads",
    "cores",
    "cpu_ppm",
    "slots_ppm",
    "series",
];

/// Figures of requests and people: whose they are is a rule of its own, by who was there.
const OF_PEOPLE: [&str; 7] = ["endings", "apart", "users", "groups", "classes", "latency", "residents"];

/// Counts to which a run that is cut off adds waits that are not over, or which begin a second after the warm-up.
const MORE_IN_HALVES: [&str; 1] = ["pools"];
const NOT_HELD: [&str; 1] = ["join_lag"];

/// Parts of distributions that are no sums. The largest of a whole is the largest of its halves.
const NO_SUMS: [&str; 9] =
    ["mean_ns", "min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "thread_requests.count", "square", ".min"];
const PEAKS: [&str; 8] = [
    "calls_peak",
    "hub_hold_max",
    "kernel.ports_peak",
    "kernel.conntrack_peak",
    "kernel.memory_peak",
    "kernel.sockets.peak",
    "hub_lag.max_ns",
    "hub_hold.max_ns",
];

/// All whole numbers of a value, by where they stand.
fn numbers(value: &Value, place: &str, found: &mut BTreeMap<String, u64>) {
    let inside = |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                found.insert(place.to_owned(), number);
            }
        }
        Value::Array(all) => all.iter().enumerate().for_each(|(at, one)| numbers(one, &inside(&at.to_string()), found)),
        Value::Object(all) => all.iter().for_each(|(key, one)| numbers(one, &inside(key), found)),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// The counts of a run.
fn counts(record: &RunRecord) -> BTreeMap<String, u64> {
    let text = serde_json::to_string(record).expect("a record can be written");
    let mut found = BTreeMap::new();
    numbers(&serde_json::from_str(&text).expect("what was written can be read"), "", &mut found);
    let first = |place: &str| place.split('.').next().unwrap_or_default().to_owned();
    let apart: BTreeSet<&str> = NO_COUNTS.into_iter().chain(OF_PEOPLE).chain(NOT_HELD).collect();
    found.retain(|place, _| !apart.contains(first(place).as_str()) && !NO_SUMS.iter().any(|end| place.ends_with(end)));
    // The largest part of a distribution over threads is of other threads in each half.
    found.retain(|place, _| place != "thread_requests.max" && !place.ends_with("waits.max"));
    found
}

fn run(model: &Model, seed: u64, edit: impl FnOnce(&mut Model)) -> RunRecord {
    let mut model = model.clone();
    model.run.length = Some(LENGTH);
    model.run.warm_up = Span::ZERO;
    edit(&mut model);
    engine::run(&model, Seed(seed), Replication(0)).unwrap_or_else(|error| panic!("{}: {error}", model.name))
}

/// Holds a world against itself. Counts that were there in both halves are added to `seen`.
fn check(what: &str, model: &Model, seed: u64, seen: &mut BTreeSet<String>) {
    let whole = run(model, seed, |_| {});
    let after = run(model, seed, |model| model.run.warm_up = WARM_UP);
    let before = run(model, seed, |model| {
        model.run.length = Some(WARM_UP - Span::from_ns(1));
        model.run.drain = Span::ZERO;
    });
    assert_eq!(whole.fingerprint, after.fingerprint, "{what}: a warm-up changes nothing but what is counted");
    assert_eq!((whole.events, whole.births_fingerprint), (after.events, after.births_fingerprint), "{what}");
    // Once nobody is left a run ends, before its servers have put all away: such a half is short of that.
    let cut = before.endings[Ending::Unfinished as usize] > 0;
    // Threads of a process that is replaced begin to count anew.
    let anew = whole.workers != WorkerCounts::default();
    // The one instant between the halves has a nanosecond of CPU time on each core, or one in which it stands still.
    let by_core = |place: &str| place.starts_with("process_cpu") || place == "throttling.time";
    let slack = |place: &str| if by_core(place) { whole.cores } else { 0 };
    let [whole_counts, before, after] = [&whole, &before, &after].map(counts);
    for (place, &all) in &whole_counts {
        let [before, after] = [&before, &after].map(|half| half.get(place).copied().unwrap_or(0));
        assert!(after <= all, "{what}: {after} {place} after the warm-up, of {all}");
        if cut && PEAKS.contains(&place.as_str()) {
            assert_eq!(all, before.max(after), "{what}: {place}, {before} before and {after} after");
        } else if !cut || anew && place.starts_with("thread_requests") {
            continue;
        } else if MORE_IN_HALVES.iter().any(|begin| place.starts_with(begin)) {
            assert!(all <= before + after, "{what}: {all} {place} are not {before} and {after}");
        } else {
            assert!(all.abs_diff(before + after) <= slack(place), "{what}: {all} {place} are not {before} and {after}");
        }
        if before > 0 && after > 0 {
            seen.insert(place.split('.').filter(|part| part.parse::<u64>().is_err()).collect::<Vec<_>>().join("."));
        }
    }
}

/// Clients who hedge, retry within a budget and break, before a balancer and a proxy that leave servers alone, to workers that are
/// replaced, with a peer that fails; by the published case.
const TROUBLE: &str = r#"
# Question: which counts leave the warm-up out?
# Source: made up.
version = 1
title = "trouble of every kind"
[run]
length = "20s"
[machine]
cores = 2
servers = 2
[balancer]
policy = "random"
[proxy]
tries = 2
next_upstream = ["error"]
max_fails = 3
fail_timeout = "200ms"
[world.threads]
worker = "uwsgi-threads"
threads = 40
max_requests = 100
min_worker_lifetime = "0s"
[world.hub]
worker = "pywsgi"
[client.u]
rate = "100/s"
hedge = { after = "10ms" }
retry = { times = 3, backoff = "10ms", on = ["error"], budget = 0.1 }
breaker = { failures = 4, open = "100ms" }
patience = "exp(100ms)"
refresh = { chance = 0.5 }
[peer.x]
slow = [{ from = "0s", to = "1000s", fail = 0.3 }]
breaker = { failures = 3, open = "50ms" }
[value.v]
[connection.c]
[request.p]
steps = [{ read = "v" }, { call = "x", takes = "exp(10ms)", over = "c" }, { write = "v" }]
"#;

/// A server that has few descriptors, and few ports to what it calls.
const SHORTAGE: &str = r#"
# Question: which counts leave the warm-up out?
# Source: made up.
version = 1
title = "too few of everything"
[run]
length = "20s"
[machine]
cores = 2
[world.hub]
worker = "pywsgi"
nofile = 150
[client.u]
rate = "100/s"
connect_timeout = "2s"
[peer.x]
ports = { first = 10001, last = 10050, closes = "client" }
[request.p]
steps = [{ sleep = "1500ms" }, { call = "x", takes = "20ms" }]
"#;

#[test]
fn all_counts_leave_the_warm_up_out_alike() {
    let mut seen = BTreeSet::new();
    for shipped in shipped::scenarios() {
        let compiled = shipped.compile(&[("run.warm_up", "0s")]);
        for model in &compiled.models {
            check(&format!("{}, {}", shipped.name, model.name), model, compiled.seed, &mut seen);
        }
    }
    for (name, text) in [("trouble", TROUBLE), ("shortage", SHORTAGE)] {
        let ours = shipped::Shipped { name: name.into(), path: format!("{name}.toml").into(), text: text.into() };
        let compiled = ours.compile(&[]);
        for model in &compiled.models {
            check(&format!("{name}, {}", model.name), model, compiled.seed, &mut seen);
        }
    }
    let wanted = [
        "wasted.requests",
        "wasted.slot_time",
        "resilience.retries",
        "resilience.retries_refused",
        "resilience.hedges",
        "resilience.hedges_won",
        "resilience.failed_fast",
        "resilience.ejections",
        "syn_drops",
        "kernel.ack_drops",
        "kernel.extra_wakes",
        "kernel.descriptor_failures",
        "kernel.port_failures",
        "workers.replaced",
        "workers.lost",
        "values.reads",
        "values.lost_updates",
        "connections.uses",
        "connections.conflicts",
        "hub_lag.count",
        "hub_hold.count",
        "hub_blame.waits",
        "process_cpu",
        "process_requests",
        "thread_requests.sum",
    ];
    let missing: Vec<_> = wanted.into_iter().filter(|place| !seen.contains(*place)).collect();
    assert!(missing.is_empty(), "no world counts {missing:?} in both halves; all that some do: {seen:?}");
}
