//! Benches: `cargo bench -p workload`, or one of them with its name behind `--`.
//!
//! Times are of whole runs, and throughputs are in events; see `docs/speed.md` for what an event is. Names that begin with `limit/`
//! are the hand-written loops, so that ratios come from one run.

#[path = "mod.rs"]
mod workloads;

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use engine::event::EventQueue;
use engine::rng::mix;
use engine::time::{Span, Time};
use engine::{Model, Replication, Seed};
use workloads::{WorkloadOutcome, bare, pages, real};

/// A whole run of a workload, by events a second.
fn workload(criterion: &mut Criterion, name: &str, events: u64, run: impl Fn() -> WorkloadOutcome) {
    let mut group = criterion.benchmark_group("workload");
    group.throughput(Throughput::Elements(events));
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let WorkloadOutcome { events, check } = run();
            black_box((events, check))
        });
    });
    group.finish();
}

fn workloads(criterion: &mut Criterion) {
    workload(criterion, "limit/mmc", 300_000, || bare::mmc(100_000, 1));
    workload(criterion, "mmc", 300_000, || real::mmc(100_000, 1));
    workload(criterion, "floor/mmc", 300_000, || real::mmc_floor(100_000, 1));
    for (name, sleepers, events) in
        [("timers/1e3", 1_000, 300_000), ("timers/1e5", 100_000, 1_000_000), ("timers/1e6", 1_000_000, 2_000_000)]
    {
        workload(criterion, &format!("limit/{name}"), events, || bare::timers(sleepers, events, 1));
        workload(criterion, name, events, || real::timers(sleepers, events, 1));
    }
    workload(criterion, "limit/pool", 300_000, || bare::pool(5, 1));
    workload(criterion, "pool", 270_000, || real::pool(5, 1));
    workload(criterion, "limit/hub/ring", 1_000_000, || bare::ring(1_000, 1_000_000));
    workload(criterion, "hub/ring", 1_000_000, || real::ring(1_000, 1_000_000));
    for (name, on) in [("hub", real::hub(1_000)), ("loop", real::event_loop())] {
        workload(criterion, &format!("turns/{name}"), 1_000_000, || real::turns(on, 1_000, 1_000_000));
    }
    for world in ["threads", "gevent"] {
        workload(criterion, &format!("page/{world}"), 3_000, || pages::page(world, 10, 1));
    }
    workload(criterion, "floor/page", 3_000, || pages::page_floor("threads", 10, 1));
    workload(criterion, "fleet/1e3", 200_000, || real::fleet(1_000, 100, 1, 1));
}

/// One pop and one push of the event queue, over the number of pending events.
fn queue(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue/hold");
    for exponent in 2..=7 {
        let pending = 10_u64.pow(exponent);
        let mut queue = EventQueue::new();
        (0..pending).for_each(|event| queue.push(Time::from_ns(mix(event, 0) >> 34), event));
        let mut number = 0;
        group.bench_function(format!("1e{exponent}"), |bencher| {
            bencher.iter(|| {
                let (now, event) = queue.pop().expect("the number of events is constant");
                number += 1;
                queue.push(now + Span::from_ns(mix(number, event) >> 34), event);
            });
        });
    }
    group.finish();
}

/// The worlds of a shipped scenario, cut short.
fn shipped(name: &str, length: &str) -> Vec<Model> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(name);
    let text = std::fs::read_to_string(path).expect("a shipped scenario can be read");
    let overrides = [("run.length", length), ("run.warm_up", "0s")];
    let overrides = overrides.map(|(key, value)| scenario::Override { key: key.into(), value: value.into() });
    let scenario = scenario::parse(&text, name, &overrides).expect("a shipped scenario has no mistakes");
    let mut load = |file: &str| Err(format!("{file} is not needed"));
    scenario::compile(&scenario, &mut load).expect("a shipped scenario has no mistakes").models
}

/// Sockets under a hub, and threads that want one GIL: a world each of a shipped scenario, by events of the engine.
fn mechanisms(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("workload");
    for (name, file, world) in
        [("hub/sockets", "mixpanel/static-page.toml", "gevent"), ("threads/gil", "mixpanel/static-page.toml", "paste")]
    {
        let models = shipped(file, "2s");
        let model = models.iter().find(|model| model.name == world).expect("the scenario has that world");
        let (seed, replication) = (Seed(1), Replication(0));
        let events = engine::run(model, seed, replication).expect("it runs to its end").events;
        group.throughput(Throughput::Elements(events));
        group.bench_function(name, |bencher| {
            bencher.iter(|| engine::run(model, seed, replication).expect("it runs to its end").events);
        });
    }
    group.finish();
}

/// The third party's incident, watched by the recorder and by nobody.
fn incident(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("scenario/slow-third-party");
    for model in shipped("startup/slow-third-party.toml", "60s") {
        let (seed, replication) = (Seed(1), Replication(0));
        group.bench_function(format!("{}/watched", model.name), |bencher| {
            bencher.iter(|| engine::run(&model, seed, replication).expect("it runs to its end").events);
        });
        group.bench_function(format!("{}/unwatched", model.name), |bencher| {
            bencher.iter(|| engine::run_unwatched(&model, seed, replication).expect("it runs to its end"));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    targets = workloads, queue, mechanisms, incident
}
criterion_main!(benches);
