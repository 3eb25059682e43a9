//! The three workloads on the engine: programs, tasks, threads or a hub, and the recorder that every run has.

use std::sync::Arc;

use engine::law::Law;
use engine::model::asyncio::{LoopKind, LoopSpec, Python};
use engine::model::*;
use engine::op::{Draw, DrawKind, Limit, Op, Patching, Pc, Program};
use engine::record::{Ending, Wait};
use engine::rng::stable_hash;
use engine::time::{Span, Time};
use engine::{Model, Replication, RunRecord, Seed};

use super::{
    ARRIVALS_A_SECOND, HOLD, PATIENCE, POOL_CLIENTS, POOL_UNITS, SERVERS, SERVICE, SLEEP, THINK, WorkloadOutcome,
    mmc_length,
};

fn exponential(mean: Span) -> Law {
    Law::Exponential { mean }
}

/// A random duration that is drawn anew in every pass of a loop.
fn each_pass(name: &str, mean: Span) -> DrawKind {
    DrawKind::PerPass { site: stable_hash(name), law: exponential(mean) }
}

/// One process on one core, which costs nothing.
fn model(kind: WorkerKind, program: Program, sites: Vec<SiteSpec>, arrivals: Arrivals, length: Span) -> Model {
    let class = ClassSpec { name: "task".into(), weight: 1, program: 0, sites, header_bytes: 0, body_bytes: 0 };
    let units = SyncKind::Semaphore { units: POOL_UNITS, policy: Policy::HandOff, bounded: false };
    let run = RunSpec {
        length: Some(length),
        drain: Span::ZERO,
        warm_up: Span::ZERO,
        step: length / 60,
        starved_after: Span::from_secs(1),
    };
    Model {
        listeners: vec![ListenerSpec { host: 0, backlog: 20_000_000 }],
        syncs: vec![SyncSpec { name: "pool".into(), pool: true, kind: units }],
        classes: Arc::new([class]),
        programs: Arc::new([program]),
        clients: Arc::new([ClientSpec::plain("users", vec![0], arrivals)]),
        ..Model::plain(HostSpec::plain(1), WorkerSpec::plain("workload", kind), run)
    }
}

pub fn hub(greenlets: u32) -> WorkerKind {
    WorkerKind::Hub { greenlets, accepts: 100, full: WhenFull::Stop }
}

/// An event loop of asyncio, CPython 3.11's.
pub fn event_loop() -> WorkerKind {
    WorkerKind::Loop(LoopSpec::plain(Python::V3_11, LoopKind::Asyncio))
}

fn run(model: &Model, seed: u64) -> RunRecord {
    engine::run(model, Seed(seed), Replication(0)).expect("the workload runs to its end")
}

/// Time that all good responses spent on `wait`.
fn total(record: &RunRecord, wait: Wait) -> f64 {
    record.classes[0].blame[wait as usize].as_ns() as f64
}

/// M/M/8: every customer is a request, the servers are eight threads.
pub fn mmc_model(customers: u64) -> Model {
    let code = [Op::Sleep(Patching::Patched, Draw(0)), Op::End];
    let program = Program::new("customer", code, [DrawKind::Fate(0)], []);
    let sites = vec![SiteSpec { name: "hold".into(), law: exponential(SERVICE) }];
    let arrivals = Arrivals::Poisson(Profile { points: vec![(Time::ZERO, ARRIVALS_A_SECOND)] });
    let mut model = model(WorkerKind::Threads { threads: SERVERS }, program, sites, arrivals, mmc_length(customers));
    model.run.drain = Span::from_secs(100_000);
    model
}

/// M/M/8 on the engine.
pub fn mmc(customers: u64, seed: u64) -> WorkloadOutcome {
    let record = run(&mmc_model(customers), seed);
    let served = record.endings[Ending::Ok as usize];
    WorkloadOutcome {
        events: 3 * served,
        check: total(&record, Wait::Backlog) / served as f64 / SERVICE.as_ns() as f64,
    }
}

/// M/M/8 on the engine's floor: the same customers, bills and record, without mechanisms.
pub fn mmc_floor(customers: u64, seed: u64) -> WorkloadOutcome {
    let floor = engine::floor::mmc(&mmc_model(customers), Seed(seed), Replication(0));
    let waited = floor.waited.as_ns() as f64;
    WorkloadOutcome { events: 3 * floor.served, check: waited / floor.served as f64 / SERVICE.as_ns() as f64 }
}

/// Sleepers: greenlets of one hub that serve nobody, until about so many sleeps are over.
pub fn timers(processes: u32, events: u64, seed: u64) -> WorkloadOutcome {
    let code = [
        Op::Set { register: 0, times: u32::MAX },
        Op::Sleep(Patching::Patched, Draw(0)),
        Op::Loop { register: 0, back: Pc(1) },
        Op::End,
    ];
    let program = Program::new("sleeper", code, [each_pass("sleep", SLEEP)], []);
    let length = Span::from_ns((SLEEP.as_ns() as f64 * events as f64 / f64::from(processes)) as u64);
    let none = Arrivals::Closed { clients: 0, requests: Some(0), think: Law::Fixed(Span::ZERO) };
    let model = model(hub(0), program, vec![], none, length);
    let run = engine::idle_greenlets::run(&model, 0, processes, Seed(seed)).expect("the workload runs to its end");
    // Each was switched into once before its first sleep.
    let events = run.switches - u64::from(processes);
    let sleep = f64::from(processes) * length.as_ns() as f64 / events as f64;
    WorkloadOutcome { events, check: sleep / SLEEP.as_ns() as f64 }
}

/// A ring of greenlets that only yield to each other, for about so many switches in all.
pub fn ring(greenlets: u32, switches: u64) -> WorkloadOutcome {
    let rounds = u32::try_from(switches / u64::from(greenlets)).unwrap_or(u32::MAX).max(1);
    let code = [Op::Set { register: 0, times: rounds }, Op::Yield, Op::Loop { register: 0, back: Pc(1) }, Op::End];
    let program = Program::new("ring", code, [], []);
    let none = Arrivals::Closed { clients: 0, requests: Some(0), think: Law::Fixed(Span::ZERO) };
    let model = model(hub(0), program, vec![], none, Span::from_secs(1_000));
    let run = engine::idle_greenlets::run(&model, 0, greenlets, Seed(1)).expect("the workload runs to its end");
    WorkloadOutcome { events: run.switches, check: run.switches as f64 / f64::from(greenlets) / f64::from(rounds + 1) }
}

/// Requests in service at once that only yield to each other, on a hub or a loop, for about so many turns in all.
pub fn turns(on: WorkerKind, requests: u32, switches: u64) -> WorkloadOutcome {
    let rounds = u32::try_from(switches / u64::from(requests)).unwrap_or(u32::MAX).max(1);
    let code = [Op::Set { register: 0, times: rounds }, Op::Yield, Op::Loop { register: 0, back: Pc(1) }, Op::End];
    let program = Program::new("turns", code, [], []);
    let once =
        Arrivals::Closed { clients: requests, requests: Some(u64::from(requests)), think: Law::Fixed(Span::ZERO) };
    let record = run(&model(on, program, vec![], once, Span::from_secs(1_000)), 1);
    let served = record.endings[Ending::Ok as usize];
    WorkloadOutcome { events: served * u64::from(rounds), check: served as f64 / f64::from(requests) }
}

/// A fleet: hosts with a hub each, and closed clients who keep so many greenlets of each asleep for a second in the mean.
pub fn fleet(hosts: u32, greenlets: u32, seconds: u64, seed: u64) -> WorkloadOutcome {
    let code = [Op::Sleep(Patching::Patched, Draw(0)), Op::End];
    let program = Program::new("sleeper", code, [DrawKind::Fate(0)], []);
    let sites = vec![SiteSpec { name: "sleep".into(), law: exponential(SLEEP) }];
    let arrivals = Arrivals::Closed { clients: hosts * greenlets, requests: None, think: Law::Fixed(Span::ZERO) };
    let mut model = model(hub(greenlets * 2), program, sites, arrivals, Span::from_secs(seconds));
    model.hosts = (0..hosts).map(|_| HostSpec::plain(1)).collect();
    model.listeners = (0..hosts).map(|host| ListenerSpec { host, backlog: 20_000_000 }).collect();
    model.processes = (0..hosts).map(|listener| ProcessSpec { listener, worker: 0 }).collect();
    model.syncs.clear();
    let record = run(&model, seed);
    let served = record.endings[Ending::Ok as usize];
    // A greenlet is switched into at its birth and after its sleep.
    WorkloadOutcome {
        events: record.hub_lag.count(),
        check: total(&record, Wait::Timer) / served as f64 / SLEEP.as_ns() as f64,
    }
}

/// Closed clients of a pool. Each is a request that goes round and round until it has to wait for too long; then it fails, and its
/// client sends another.
pub fn pool(seconds: u64, seed: u64) -> WorkloadOutcome {
    let code = [
        Op::Set { register: 0, times: u32::MAX },
        Op::Acquire { sync: 0, limit: Limit(0), block: true, patching: Patching::Patched },
        Op::Sleep(Patching::Patched, Draw(0)),
        Op::Release { sync: 0 },
        Op::Sleep(Patching::Patched, Draw(1)),
        Op::Loop { register: 0, back: Pc(1) },
        Op::End,
    ];
    let draws = [each_pass("hold", HOLD), each_pass("think", THINK)];
    let program = Program::new("client", code, draws, [PATIENCE]);
    let arrivals = Arrivals::Closed { clients: POOL_CLIENTS, requests: None, think: exponential(THINK) };
    let record = run(&model(hub(POOL_CLIENTS), program, vec![], arrivals, Span::from_secs(seconds)), seed);
    let (events, reneged) = (record.hub_lag.count(), record.endings[Ending::Failed as usize]);
    let served = events.saturating_sub(2 * reneged) / 3;
    WorkloadOutcome { events, check: reneged as f64 / (served + reneged).max(1) as f64 }
}
