//! Where the time of requests went, at the mean, at percentiles and at the end of the tail.

use engine::Model;
use engine::door::{Meanwhile, Parts, Shut, WorstDoor};
use engine::hist::Hist;
use engine::record::{BlameRows, Ending, RunRecord, StepOf, Wait, Worst};
use engine::time::{Span, Time};

use super::processes::{ProcessShare, process_shares};
use super::starved::Starved;

/// The percentiles that are told apart.
const QUANTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

/// Where the time went in one world, over all of its replications.
#[derive(Clone, PartialEq, Debug)]
pub struct Split {
    /// Good responses that it is made of.
    pub responses: u64,
    /// The mean and some percentiles of the latency, each with a bill of its own.
    pub columns: Vec<BillColumn>,
    /// The slowest requests.
    pub slowest: Vec<Slowest>,
    /// Requests that ended badly, other than with the end of the run, and what they had waited for until then, in all.
    pub lost: (u64, [Span; Wait::KINDS]),
    /// Who held hubs while others were ready, the largest part first.
    pub held: Vec<HeldShare>,
    /// Waits for hubs of a millisecond or more, per good response.
    pub hub_waits: f64,
    /// Steps at which requests waited for a lock, a pool, a queue or a peer, the largest sum first.
    pub steps: Vec<StepShare>,
    /// Who was starved.
    pub starved: Starved,
    /// Whether somebody looked at the doors: else nothing is known of what workers did while connections waited for them.
    pub looked: bool,
    /// What workers did while those who ended badly waited for them, as parts of all their time.
    pub lost_door: [f64; Meanwhile::KINDS],
    /// When nobody accepted, over all replications.
    pub shut: Shut,
    /// How requests and CPU time went to the processes, of all classes.
    pub processes: Vec<ProcessShare>,
    /// What was counted, over all replications and classes.
    pub counts: Counts,
}

/// What tells whether there is something to cure that is no wait.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Counts {
    /// Requests sent.
    pub sent: u64,
    /// Of these, sent because the one before went wrong.
    pub retries: u64,
    /// Requests that a process began, in the mean of the replications.
    pub begun: f64,
    /// SYNs and ends of handshakes that met a full accept queue.
    pub dropped: u64,
    /// Workers that their masters killed, for their silence or for a request of theirs.
    pub killed: u64,
    /// Workers that were replaced after their number of requests, or killed for taking too long over that.
    pub replaced: u64,
    /// Of these, those that were killed.
    pub replaced_late: u64,
}

/// What requests of about one latency waited for.
#[derive(Clone, PartialEq, Debug)]
pub struct BillColumn {
    /// "mean", or a percentile.
    pub label: &'static str,
    /// That latency, in ns.
    pub latency_ns: f64,
    /// Part of it by [`Wait`], in [`Wait::ALL`] order; they add up to one.
    pub shares: [f64; Wait::KINDS],
    /// How many requests its bill is made of, and between which latencies they lie; `None` for the mean of all.
    pub of: Option<(u64, Span, Span)>,
    /// Part of it that was waited for workers, by what they did meanwhile, in [`Meanwhile::all`] order.
    pub door: [f64; Meanwhile::KINDS],
}

impl BillColumn {
    /// Part of the latency in which workers that were waited for did this.
    pub fn door(&self, meanwhile: Meanwhile) -> f64 {
        self.door[meanwhile.index()]
    }

    /// Part of the latency that went into a wait, 0 to 1.
    pub fn share(&self, wait: Wait) -> f64 {
        self.shares[wait as usize]
    }

    /// The wait that most of it went into.
    pub fn largest(&self) -> Wait {
        let by_share = |a: &Wait, b: &Wait| self.share(*a).total_cmp(&self.share(*b));
        Wait::ALL.into_iter().max_by(by_share).expect("there are waits")
    }
}

/// One of the slowest requests.
#[derive(Clone, PartialEq, Debug)]
pub struct Slowest {
    /// Index of its class.
    pub class: u16,
    /// Its replication.
    pub replication: u32,
    /// When its sender asked.
    pub born: Time,
    /// How long it took.
    pub latency: Span,
    /// Part of it by [`Wait`].
    pub shares: [f64; Wait::KINDS],
    /// Part of it by what workers did that it waited for.
    pub door: [f64; Meanwhile::KINDS],
}

/// A step's part of all waits for hubs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct HeldShare {
    /// What ran; `None` for the loop itself.
    pub culprit: Option<StepOf>,
    /// Its part of the time that others were ready and waited, 0 to 1.
    pub share: f64,
}

/// The waits at one step.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct StepShare {
    /// Index of the class.
    pub class: u16,
    /// Op of its program.
    pub op: engine::op::Pc,
    /// What for.
    pub wait: Wait,
    /// How many waits.
    pub count: u64,
    /// Mean of one, ns.
    pub mean_ns: f64,
    /// The longest.
    pub longest: Span,
}

impl Split {
    /// Of one class, or of all; `None` without a good response.
    pub fn of(model: &Model, records: &[RunRecord], class: Option<usize>) -> Option<Split> {
        let is_meant = |index: usize| class.is_none_or(|wanted| wanted == index);
        let (mut rows, mut latency) = (BlameRows::default(), Hist::new());
        let mut doors: BlameRows<{ Meanwhile::KINDS }> = BlameRows::default();
        let (mut lost, mut lost_bill) = (0, [Span::ZERO; Wait::KINDS]);
        let mut lost_door = [Span::ZERO; Meanwhile::KINDS];
        for record in records {
            for (_, class) in record.classes.iter().enumerate().filter(|(index, _)| is_meant(*index)) {
                rows.merge(&class.blame_rows);
                latency.merge(&class.latency);
                let well = class.endings[Ending::Ok as usize] + class.endings[Ending::Unfinished as usize];
                lost += class.endings.iter().sum::<u64>() - well;
                lost_bill.iter_mut().zip(class.lost).for_each(|(sum, part)| *sum += part);
            }
            for (_, class) in record.door.classes.iter().enumerate().filter(|(index, _)| is_meant(*index)) {
                doors.merge(&class.rows);
                lost_door.iter_mut().zip(class.lost).for_each(|(sum, part)| *sum += part);
            }
        }
        let responses = latency.count();
        let mut columns = vec![BillColumn {
            label: "mean",
            latency_ns: latency.mean()?.as_ns() as f64,
            shares: shares(&rows.total()),
            of: None,
            door: of_bill(&doors.total(), &rows.total()),
        }];
        for (label, p) in QUANTILES {
            let at = latency.quantile(p)?;
            let around = rows.around(at)?;
            let of = Some((around.count, around.from, around.to));
            let door = doors.around(at).map_or([0.0; Meanwhile::KINDS], |door| of_bill(&door.bill, &around.bill));
            columns.push(BillColumn { label, latency_ns: at.as_ns() as f64, shares: shares(&around.bill), of, door });
        }
        let program = class.map(|class| model.classes[class].program);
        let (held, waits) = held(records, program);
        Some(Split {
            responses,
            columns,
            slowest: slowest(records, is_meant),
            lost: (lost, lost_bill),
            held,
            hub_waits: waits as f64 / responses as f64,
            steps: steps(records, is_meant),
            starved: Starved::of(records, is_meant),
            looked: records.iter().any(|record| !record.door.classes.is_empty()),
            lost_door: of_bill(&lost_door, &lost_bill),
            shut: records.iter().fold(Shut::default(), |all, record| all.merged(record.door.shut)),
            processes: process_shares(records),
            counts: counts(records),
        })
    }

    /// The busiest process's requests over the mean of all; 1 where there is one process.
    pub fn skew(&self) -> f64 {
        self.processes.first().map_or(1.0, |busiest| busiest.requests * self.processes.len() as f64)
    }

    /// The column of that label.
    pub fn column(&self, label: &str) -> &BillColumn {
        self.columns.iter().find(|column| column.label == label).expect("every split has these columns")
    }

    /// The waits of a kind by what is waited for, the largest sum first.
    pub fn steps_of(&self, wait: Wait) -> impl Iterator<Item = &StepShare> {
        self.steps.iter().filter(move |step| step.wait == wait)
    }
}

/// What was waited for workers, as parts of the sum of a bill.
fn of_bill(parts: &Parts, bill: &[Span; Wait::KINDS]) -> [f64; Meanwhile::KINDS] {
    let all: u128 = bill.iter().map(|span| u128::from(span.as_ns())).sum();
    parts.map(|span| if all == 0 { 0.0 } else { span.as_ns() as f64 / all as f64 })
}

fn counts(records: &[RunRecord]) -> Counts {
    let sum = |of: &dyn Fn(&RunRecord) -> u64| records.iter().map(of).sum::<u64>();
    Counts {
        sent: sum(&|record| record.endings.iter().sum()),
        retries: sum(&|record| record.resilience.retries),
        begun: sum(&|record| record.process_requests.iter().sum()) as f64 / records.len().max(1) as f64,
        dropped: sum(&|record| record.syn_drops + record.kernel.ack_drops),
        killed: sum(&|record| record.workers.timeouts + record.workers.harakiris),
        replaced: sum(&|record| record.workers.replaced + record.workers.graceful_kills),
        replaced_late: sum(&|record| record.workers.graceful_kills),
    }
}

/// A bill as parts of its sum.
pub fn shares(bill: &[Span; Wait::KINDS]) -> [f64; Wait::KINDS] {
    let all: u128 = bill.iter().map(|span| u128::from(span.as_ns())).sum();
    bill.map(|span| if all == 0 { 0.0 } else { span.as_ns() as f64 / all as f64 })
}

fn slowest(records: &[RunRecord], is_meant: impl Fn(usize) -> bool) -> Vec<Slowest> {
    const SHOWN: usize = 3;
    let of_record = |record: &RunRecord| {
        let replication = record.replication;
        let worst = record
            .classes
            .iter()
            .flat_map(|class| class.worst.all())
            .filter(|worst| is_meant(usize::from(worst.class)));
        let worst = worst.map(move |worst| Slowest {
            class: worst.class,
            replication,
            born: worst.born,
            latency: worst.latency,
            shares: shares(&worst.bill),
            door: door_of(record, worst),
        });
        worst.collect::<Vec<_>>()
    };
    let mut all: Vec<Slowest> = records.iter().flat_map(of_record).collect();
    all.sort_by_key(|one| (std::cmp::Reverse(one.latency), one.replication));
    all.truncate(SHOWN);
    all
}

/// What workers did while one of the slowest waited for them, if somebody looked.
fn door_of(record: &RunRecord, worst: &Worst) -> [f64; Meanwhile::KINDS] {
    let class = record.door.classes.get(usize::from(worst.class));
    let same = |one: &&WorstDoor| (one.born, one.latency) == (worst.born, worst.latency);
    let found = class.and_then(|class| class.worst.iter().find(same));
    found.map_or([0.0; Meanwhile::KINDS], |one| of_bill(&one.parts, &worst.bill))
}

/// Who held hubs while a class's greenlets, or all, were ready; and how many waits there were.
fn held(records: &[RunRecord], program: Option<u32>) -> (Vec<HeldShare>, u64) {
    let mut all: Vec<(Option<StepOf>, Span)> = Vec::new();
    for held in records.iter().flat_map(|record| &record.hub_blame.held) {
        if program.is_some_and(|program| program != u32::from(held.victim)) {
            continue;
        }
        match all.iter_mut().find(|(culprit, _)| *culprit == held.culprit) {
            Some((_, sum)) => *sum += held.time,
            None => all.push((held.culprit, held.time)),
        }
    }
    all.sort_by_key(|&(_, time)| std::cmp::Reverse(time));
    let sum: f64 = all.iter().map(|(_, time)| time.as_ns() as f64).sum();
    let held = all.into_iter().map(|(culprit, time)| HeldShare { culprit, share: time.as_ns() as f64 / sum });
    (held.collect(), records.iter().map(|record| record.hub_blame.waits).sum())
}

fn steps(records: &[RunRecord], is_meant: impl Fn(usize) -> bool) -> Vec<StepShare> {
    let mut all: Vec<engine::record::StepWait> = Vec::new();
    for step in records.iter().flat_map(|record| &record.steps).filter(|step| is_meant(usize::from(step.class))) {
        match all.iter_mut().find(|known| (known.class, known.op, known.wait) == (step.class, step.op, step.wait)) {
            Some(known) => known.spans = known.spans.merged(step.spans),
            None => all.push(*step),
        }
    }
    all.sort_by_key(|step| (std::cmp::Reverse(step.spans.sum), step.class, step.op.0));
    let share = |step: engine::record::StepWait| StepShare {
        class: step.class,
        op: step.op,
        wait: step.wait,
        count: step.spans.count,
        mean_ns: step.spans.sum as f64 / step.spans.count.max(1) as f64,
        longest: Span::from_ns(step.spans.max),
    };
    all.into_iter().map(share).collect()
}
