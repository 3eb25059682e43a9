//! What might change a tail: for each thing that it waits for, the settings that act on that.

use engine::model::{Policy, SyncKind, Window, WorkerKind};
use engine::op::{Op, Pc};
use engine::record::{StepOf, Wait};
use engine::time::Time;
use engine::{Model, RunRecord};

use super::split::Split;
use crate::estimate::{Estimate, paired_difference, paired_ratio};
use crate::summary::WorldResult;

/// A wait is worth a change from this part of the tail on.
const SHARE_MIN: f64 = 0.05;
/// A step that held hubs for less of the time is not worth a yield.
const CULPRIT_MIN: f64 = 0.2;
/// Changes that are tried of one world.
const CHANGES_MAX: usize = 6;

/// One thing changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// What it acts on.
    pub wait: Wait,
    /// The change in words, such as "2 processes instead of 1".
    pub what: String,
    /// How it is made.
    pub how: How,
}

/// How a change is made.
#[derive(Clone, PartialEq, Debug)]
pub enum How {
    /// A value laid over the scenario file.
    Set {
        /// Path of the key.
        key: String,
        /// The value.
        value: String,
    },
    /// A peer that takes half as long: nothing that its caller can set.
    PeerTwiceAsFast(u16),
}

/// A change that was tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Checked {
    /// Which.
    pub change: Change,
    /// The p99 with it, ns; `None` without a good response.
    pub p99_ns: Option<Estimate>,
    /// Its ratio to the p99 without, paired by replication.
    pub p99_ratio: Option<Estimate>,
    /// By how much the share of good responses changed, paired by replication.
    pub success_change: Option<Estimate>,
}

impl Checked {
    /// Holds the runs of a world with a change against those without, of one class or of all.
    pub fn of(change: Change, before: &WorldResult, after: &WorldResult, class: Option<usize>) -> Checked {
        let p99 = |result: &WorldResult| -> Vec<Option<f64>> {
            let of = |record: &RunRecord| {
                let latency = class.map_or(&record.latency, |class| &record.classes[class].latency);
                latency.quantile(0.99).map(|span| span.as_ns() as f64)
            };
            result.records.iter().map(of).collect()
        };
        let success = |result: &WorldResult| -> Vec<Option<f64>> {
            let of = |record: &RunRecord| match class {
                Some(class) => record.classes[class].apart.success(&record.classes[class].endings),
                None => record.apart.success(&record.endings),
            };
            result.records.iter().map(of).collect()
        };
        let known: Vec<f64> = p99(after).into_iter().flatten().collect();
        Checked {
            change,
            p99_ns: Estimate::of(&known),
            p99_ratio: paired_ratio(&p99(before), &p99(after)),
            success_change: paired_difference(&success(before), &success(after)),
        }
    }
}

impl Change {
    /// Makes the change to a model, if it is not one of a setting.
    pub fn apply(&self, model: &mut Model) {
        if let How::PeerTwiceAsFast(peer) = self.how {
            let spec = &mut model.peers[usize::from(peer)];
            spec.windows.iter_mut().for_each(|window| window.factor_milli /= 2);
            spec.windows.push(Window { from: Time::ZERO, to: Time::NEVER, factor_milli: 500, fail_ppm: 0 });
        }
    }
}

/// The changes that act on what the 99th percentile waits for, those of the largest wait first.
pub fn changes(model: &Model, split: &Split) -> Vec<Change> {
    let tail = split.column("p99");
    let mut waits: Vec<Wait> = Wait::ALL.into_iter().filter(|&wait| tail.share(wait) >= SHARE_MIN).collect();
    waits.sort_by(|a, b| tail.share(*b).total_cmp(&tail.share(*a)));
    let mut all: Vec<Change> = Vec::new();
    for wait in waits {
        for change in changes_of(model, split, wait) {
            if all.iter().all(|known| known.how != change.how) {
                all.push(change);
            }
        }
    }
    all.truncate(CHANGES_MAX);
    all
}

fn changes_of(model: &Model, split: &Split, wait: Wait) -> Vec<Change> {
    match wait {
        Wait::Hub => [yields(model, split), vec![processes(model, wait)]].concat(),
        Wait::Gil => vec![processes(model, wait)],
        Wait::Core => vec![cores(model)],
        Wait::Backlog if has_hubs(model) => {
            [yields(model, split), vec![processes(model, wait)], slots(model, wait)].concat()
        }
        Wait::Slot | Wait::Backlog => [slots(model, wait), vec![processes(model, wait)]].concat(),
        Wait::SynRetry | Wait::Retransmit => [vec![listen(model, wait)], slots(model, wait)].concat(),
        Wait::Pool | Wait::Lock => shared(model, split, wait),
        Wait::Peer => peer(model, split).into_iter().collect(),
        // What is its own work, or on its way, no setting of the server changes.
        Wait::Network | Wait::Cpu | Wait::Native | Wait::Timer => Vec::new(),
    }
}

fn set(wait: Wait, key: String, value: impl ToString, what: String) -> Change {
    Change { wait, what, how: How::Set { key, value: value.to_string() } }
}

/// Twice a number of things, in words.
fn doubled(wait: Wait, key: String, number: u64, thing: &str) -> Change {
    let plural = if thing.ends_with('s') { format!("{thing}es") } else { format!("{thing}s") };
    set(wait, key, 2 * number, format!("{} {plural} instead of {number}", 2 * number))
}

fn of_world(model: &Model, key: &str) -> String {
    format!("world.{}.{key}", model.name)
}

fn has_hubs(model: &Model) -> bool {
    model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. }))
}

fn processes(model: &Model, wait: Wait) -> Change {
    let each = model.processes.len() / model.hosts.len().max(1);
    doubled(wait, of_world(model, "processes"), each as u64, "process")
}

fn cores(model: &Model) -> Change {
    let cores = model.hosts.first().map_or(1, |host| host.cores);
    doubled(Wait::Core, "machine.cores".to_owned(), u64::from(cores), "core")
}

fn slots(model: &Model, wait: Wait) -> Vec<Change> {
    let of = |kind: &WorkerKind| match *kind {
        WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => ("threads", "thread", threads),
        WorkerKind::Hub { greenlets, .. } => ("greenlets", "greenlet", greenlets),
    };
    let Some(worker) = model.workers.first() else { return Vec::new() };
    let (key, thing, number) = of(&worker.kind);
    vec![doubled(wait, of_world(model, key), u64::from(number), thing)]
}

fn listen(model: &Model, wait: Wait) -> Change {
    let now = model.listeners.first().map_or(1, |listener| u64::from(listener.backlog)).max(1);
    let what = format!("an accept queue of {} instead of {now}", 8 * now);
    set(wait, of_world(model, "listen"), 8 * now, what)
}

/// Burns that hold the hub give way every 100 us, if a burn is what holds it.
fn yields(model: &Model, split: &Split) -> Vec<Change> {
    let burns = |step: &StepOf| {
        let code = &model.programs[usize::from(step.program)].code;
        step.pc.is_some_and(|Pc(pc)| matches!(code.get(usize::from(pc)), Some(Op::Burn(_) | Op::BurnYielding { .. })))
    };
    let worth = split.held.iter().filter(|held| held.share >= CULPRIT_MIN);
    let Some(step) = worth.filter_map(|held| held.culprit).find(burns) else { return Vec::new() };
    let program = &model.programs[usize::from(step.program)].name;
    let what = format!("sleep(0) after every 100 us of CPU, in `{program}` and elsewhere");
    vec![set(Wait::Hub, of_world(model, "yield_every"), "100us", what)]
}

/// The lock or pool that is waited for most: more of it, and the other way to hand it on.
fn shared(model: &Model, split: &Split, wait: Wait) -> Vec<Change> {
    let op = |step: &super::split::StepShare| {
        let program = model.classes[usize::from(step.class)].program;
        model.programs[program as usize].code.get(usize::from(step.op.0)).copied()
    };
    let most = split.steps_of(wait).find_map(|step| match op(step) {
        Some(Op::Acquire { sync, .. } | Op::Get { sync, .. } | Op::Put { sync, .. }) => Some(sync),
        _ => None,
    });
    let Some(spec) = most.map(|sync| &model.syncs[usize::from(sync)]) else { return Vec::new() };
    let name = &spec.name;
    match spec.kind {
        SyncKind::Semaphore { units, policy, .. } => {
            let mut all = Vec::new();
            if spec.pool {
                let what = format!("{} units of pool `{name}` instead of {units}", 2 * units);
                all.push(set(wait, format!("pool.{name}.units"), 2 * units, what));
            }
            if policy == Policy::Barging {
                let table = if spec.pool { "pool" } else { "lock" };
                let what = format!("`{name}` handed to whoever has waited longest");
                all.push(set(wait, format!("{table}.{name}.policy"), "hand-off", what));
            }
            all
        }
        SyncKind::Queue { max: Some(size), .. } => {
            let what = format!("queue `{name}` of {} instead of {size}", 2 * size);
            vec![set(wait, format!("queue.{name}.size"), 2 * size, what)]
        }
        _ => Vec::new(),
    }
}

/// The peer that is waited for most.
fn peer(model: &Model, split: &Split) -> Vec<Change> {
    let called = split.steps_of(Wait::Peer).find_map(|step| {
        let program = model.classes[usize::from(step.class)].program;
        match model.programs[program as usize].code.get(usize::from(step.op.0)) {
            Some(Op::Call { peer, .. }) => Some(*peer),
            _ => None,
        }
    });
    let Some(peer) = called else { return Vec::new() };
    let spec = &model.peers[usize::from(peer)];
    let name = &spec.name;
    let faster = Change {
        wait: Wait::Peer,
        what: format!("`{name}` answering in half the time"),
        how: How::PeerTwiceAsFast(peer),
    };
    let capacity = spec.capacity.map(|capacity| {
        let what = format!("`{name}` serving {} calls at once instead of {capacity}", 2 * capacity);
        set(Wait::Peer, format!("peer.{name}.capacity"), 2 * capacity, what)
    });
    capacity.into_iter().chain([faster]).collect()
}
