//! `tailback explain` as one JSON document, for programs.
//!
//! Keys end in their unit, and numbers are written as in [`crate::json`]; `docs/explain.md` has its fields.

use std::collections::BTreeMap;

use engine::Model;
use engine::door::Meanwhile;
use engine::record::{StarvedRequest, Wait};
use lab::Estimate;
use lab::explain::{BillColumn, Change, Checked, Setting, Split, culprit_name, step_name};
use serde::Serialize;

use super::number::{Interval, Number, document};
use crate::text::explain::Explained;

#[derive(Serialize)]
struct ExplainDocument<'a> {
    tailback: &'a str,
    scenario: &'a str,
    worlds: Vec<ExplainedWorld<'a>>,
}

#[derive(Serialize)]
struct ExplainedWorld<'a> {
    name: &'a str,
    class: Option<&'a str>,
    replications: u32,
    responses: u64,
    latency: Vec<ExplainedLatency>,
    nobody_accepted: ExplainedShut,
    hub_held_by: Vec<ExplainedHold>,
    processes: Vec<ExplainedProcess>,
    steps: Vec<ExplainedStep<'a>>,
    slowest: Vec<ExplainedSlowest<'a>>,
    lost: ExplainedLost,
    requests_starved: u64,
    starved_longest: Vec<ExplainedStarved<'a>>,
    clients_starved: u64,
    clients_starved_longest: Vec<ExplainedClient<'a>>,
    changes: Vec<ExplainedChange<'a>>,
    changes_not_tried: Vec<ExplainedUntried<'a>>,
}

#[derive(Serialize)]
struct ExplainedShut {
    times: u64,
    total_ns: u64,
    longest_ns: u64,
    processes_at_once: u32,
}

#[derive(Serialize)]
struct ExplainedProcess {
    requests_share: Number,
    cpu_share: Number,
}

#[derive(Serialize)]
struct ExplainedUntried<'a> {
    acts_on: String,
    what: &'a str,
    set: Vec<String>,
    why: &'a str,
}

#[derive(Serialize)]
struct ExplainedLatency {
    at: &'static str,
    latency_ns: Number,
    bill_of_requests: Option<u64>,
    bill_from_ns: Option<u64>,
    bill_to_ns: Option<u64>,
    shares: BTreeMap<&'static str, Number>,
    workers: BTreeMap<String, Number>,
}

#[derive(Serialize)]
struct ExplainedHold {
    by: String,
    share: Number,
}

#[derive(Serialize)]
struct ExplainedStep<'a> {
    class: &'a str,
    step: String,
    wait: &'static str,
    waits: u64,
    mean_ns: Number,
    longest_ns: u64,
}

#[derive(Serialize)]
struct ExplainedSlowest<'a> {
    class: &'a str,
    replication: u32,
    sent_at_ns: u64,
    latency_ns: u64,
    shares: BTreeMap<&'static str, Number>,
    workers: BTreeMap<String, Number>,
}

#[derive(Serialize)]
struct ExplainedStarved<'a> {
    class: &'a str,
    group: &'a str,
    replication: u32,
    sent_at_ns: u64,
    waited_ns: u64,
    ended: &'static str,
    shares: BTreeMap<&'static str, Number>,
}

#[derive(Serialize)]
struct ExplainedClient<'a> {
    group: &'a str,
    client: u32,
    replication: u32,
    without_ns: u64,
    since_ns: u64,
    requests_ok: u64,
}

#[derive(Serialize)]
struct ExplainedLost {
    requests: u64,
    shares: BTreeMap<&'static str, Number>,
    workers: BTreeMap<String, Number>,
}

#[derive(Serialize)]
struct ExplainedChange<'a> {
    acts_on: String,
    what: &'a str,
    set: Vec<String>,
    p99_ns: Option<Interval>,
    p99_ratio: Option<Interval>,
    success_share_change: Option<Interval>,
    longest_ns_before: Option<Number>,
    longest_ns: Option<Number>,
    busiest_process_share_before: Number,
    busiest_process_share: Number,
}

/// The document, indented, ending in a line feed.
pub fn explain_json(version: &str, title: &str, worlds: &[Explained<'_>]) -> String {
    let written = ExplainDocument {
        tailback: version,
        scenario: title,
        worlds: worlds.iter().filter_map(ExplainedWorld::of).collect(),
    };
    document(&written)
}

/// Shares above zero by the name of the wait.
fn shares(shares: &[f64; Wait::KINDS]) -> BTreeMap<&'static str, Number> {
    let some = Wait::ALL.into_iter().zip(shares).filter(|&(_, &share)| share > 0.0);
    some.map(|(wait, &share)| (wait.label(), Number(share))).collect()
}

/// The same of what workers did that were waited for.
fn workers(door: &[f64; Meanwhile::KINDS]) -> BTreeMap<String, Number> {
    let some = Meanwhile::all().zip(door).filter(|&(_, &share)| share > 0.0);
    some.map(|(meanwhile, &share)| (meanwhile.name(), Number(share))).collect()
}

fn typed(change: &Change) -> Vec<String> {
    change.settings().iter().map(Setting::typed).collect()
}

impl<'a> ExplainedWorld<'a> {
    /// `None` without a good response.
    fn of(world: &'a Explained<'a>) -> Option<ExplainedWorld<'a>> {
        let split = world.split.as_ref()?;
        let model = world.model;
        let held = |held: &lab::explain::HeldShare| ExplainedHold {
            by: culprit_name(model, held.culprit),
            share: Number(held.share),
        };
        Some(ExplainedWorld {
            name: &model.name,
            class: world.class,
            replications: world.replications,
            responses: split.responses,
            latency: split.columns.iter().map(ExplainedLatency::of).collect(),
            nobody_accepted: ExplainedShut {
                times: split.shut.times,
                total_ns: split.shut.total.as_ns(),
                longest_ns: split.shut.longest.as_ns(),
                processes_at_once: split.shut.most,
            },
            hub_held_by: split.held.iter().map(held).collect(),
            processes: processes(split),
            steps: steps(model, split),
            slowest: slowest(model, split),
            lost: lost(split),
            requests_starved: split.starved.requests,
            starved_longest: split
                .starved
                .longest
                .iter()
                .map(|(at, one)| ExplainedStarved::of(model, *at, one))
                .collect(),
            clients_starved: split.starved.clients,
            clients_starved_longest: clients(model, split),
            changes: world.checked.iter().map(ExplainedChange::of).collect(),
            changes_not_tried: world.left.iter().map(ExplainedUntried::of).collect(),
        })
    }
}

fn processes(split: &Split) -> Vec<ExplainedProcess> {
    let one = |one: &lab::explain::ProcessShare| ExplainedProcess {
        requests_share: Number(one.requests),
        cpu_share: Number(one.cpu),
    };
    split.processes.iter().map(one).collect()
}

fn class_name(model: &Model, class: u16) -> &str {
    &model.classes[usize::from(class)].name
}

fn steps<'a>(model: &'a Model, split: &Split) -> Vec<ExplainedStep<'a>> {
    let step = |step: &lab::explain::StepShare| {
        let program = model.classes[usize::from(step.class)].program;
        ExplainedStep {
            class: class_name(model, step.class),
            step: step_name(model, u16::try_from(program).expect("models have under 2^16 programs"), step.op),
            wait: step.wait.label(),
            waits: step.count,
            mean_ns: Number(step.mean_ns),
            longest_ns: step.longest.as_ns(),
        }
    };
    split.steps.iter().map(step).collect()
}

fn slowest<'a>(model: &'a Model, split: &Split) -> Vec<ExplainedSlowest<'a>> {
    let one = |one: &lab::explain::Slowest| ExplainedSlowest {
        class: class_name(model, one.class),
        replication: one.replication,
        sent_at_ns: one.born.as_ns(),
        latency_ns: one.latency.as_ns(),
        shares: shares(&one.shares),
        workers: workers(&one.door),
    };
    split.slowest.iter().map(one).collect()
}

fn lost(split: &Split) -> ExplainedLost {
    let (requests, bill) = &split.lost;
    let shares = shares(&lab::explain::shares(bill));
    ExplainedLost { requests: *requests, shares, workers: workers(&split.lost_door) }
}

impl<'a> ExplainedStarved<'a> {
    fn of(model: &'a Model, replication: u32, one: &StarvedRequest) -> ExplainedStarved<'a> {
        ExplainedStarved {
            class: class_name(model, one.class),
            group: &model.clients[usize::from(one.group)].name,
            replication,
            sent_at_ns: one.born.as_ns(),
            waited_ns: one.waited.as_ns(),
            ended: one.ending.label(),
            shares: shares(&lab::explain::shares(&one.bill)),
        }
    }
}

/// The clients that went without for longest, numbered from one as in the text.
fn clients<'a>(model: &'a Model, split: &Split) -> Vec<ExplainedClient<'a>> {
    let list = split.starved.clients_longest.iter().map(|(replication, group, one)| ExplainedClient {
        group: &model.clients[usize::from(*group)].name,
        client: one.number + 1,
        replication: *replication,
        without_ns: one.longest.as_ns(),
        since_ns: one.since.as_ns(),
        requests_ok: one.served,
    });
    list.collect()
}

impl ExplainedLatency {
    fn of(column: &BillColumn) -> ExplainedLatency {
        ExplainedLatency {
            at: column.label,
            latency_ns: Number(column.latency_ns),
            bill_of_requests: column.of.map(|(count, ..)| count),
            bill_from_ns: column.of.map(|(_, from, _)| from.as_ns()),
            bill_to_ns: column.of.map(|(.., to)| to.as_ns()),
            shares: shares(&column.shares),
            workers: workers(&column.door),
        }
    }
}

impl ExplainedUntried<'_> {
    fn of(left: &crate::text::cures::Left) -> ExplainedUntried<'_> {
        let crate::text::cures::Left { change, why } = left;
        ExplainedUntried { acts_on: change.on.label(), what: &change.what, set: typed(change), why }
    }
}

impl ExplainedChange<'_> {
    fn of(checked: &Checked) -> ExplainedChange<'_> {
        let interval = |estimate: &Estimate| Interval::of(Some(estimate));
        ExplainedChange {
            acts_on: checked.change.on.label(),
            what: &checked.change.what,
            set: typed(&checked.change),
            p99_ns: checked.p99_ns.as_ref().map(interval),
            p99_ratio: checked.p99_ratio.as_ref().map(interval),
            success_share_change: checked.success_change.as_ref().map(interval),
            longest_ns_before: checked.longest_ns.map(|(before, _)| Number(before)),
            longest_ns: checked.longest_ns.map(|(_, after)| Number(after)),
            busiest_process_share_before: Number(checked.busiest.0),
            busiest_process_share: Number(checked.busiest.1),
        }
    }
}
