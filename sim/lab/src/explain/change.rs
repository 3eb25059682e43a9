//! One thing changed, and what came of it.

use engine::door::Meanwhile;
use engine::model::DegradedSpan;
use engine::record::{Apart, Wait};
use engine::time::Time;
use engine::{Model, RunRecord};

use super::processes::busiest_share;
use crate::estimate::{Estimate, paired_difference, paired_ratio};

/// Part of all requests by which the share of good responses must change to come before what became of the p99.
const SUCCESS_MIN: f64 = 0.001;

/// What a change acts on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// A wait.
    Wait(Wait),
    /// What workers did while connections waited for them.
    Door(Meanwhile),
    /// That some processes have far more requests than others.
    Uneven,
    /// What is sent again.
    Retries,
    /// That masters kill workers.
    Kills,
}

impl On {
    /// Words for it.
    pub fn label(self) -> String {
        match self {
            On::Wait(wait) => wait.label().to_owned(),
            On::Door(meanwhile) => format!("workers: {}", meanwhile.name()),
            On::Uneven => "uneven processes".to_owned(),
            On::Retries => "retries".to_owned(),
            On::Kills => "killed workers".to_owned(),
        }
    }
}

/// One thing changed.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// What it acts on.
    pub on: On,
    /// The change in words, such as "2 processes instead of 1".
    pub what: String,
    /// How it is made.
    pub how: How,
    /// The accept queue that it is about: who makes it raises `machine.somaxconn` too where that would cap it.
    pub backlog: Option<u32>,
}

/// How a change is made.
#[derive(Clone, PartialEq, Debug)]
pub enum How {
    /// Values laid over the scenario file.
    Set(Vec<Setting>),
    /// A peer that takes half as long: nothing that its caller can set.
    PeerTwiceAsFast(u16),
}

/// A value of the scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Setting {
    /// Path of the key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl Setting {
    /// As it is typed after `--set`.
    pub fn typed(&self) -> String {
        format!("{}={}", self.key, self.value)
    }
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
    /// The longest latency of a good response without it and with it, ns, in the mean of the replications.
    pub longest_ns: Option<(f64, f64)>,
    /// The busiest process's part of the requests without it and with it.
    pub busiest: (f64, f64),
}

/// What is looked at in one run, of one class or of all.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ChangeOutcome {
    p99_ns: Option<f64>,
    longest_ns: Option<f64>,
    success: Option<f64>,
    busiest: f64,
}

impl ChangeOutcome {
    /// That of a run.
    pub fn of(record: &RunRecord, class: Option<usize>) -> ChangeOutcome {
        let latency = class.map_or(&record.latency, |class| &record.classes[class].latency);
        let of_class = class.map(|class| &record.classes[class]);
        let endings = of_class.map_or(&record.endings, |class| &class.endings);
        ChangeOutcome {
            p99_ns: latency.quantile(0.99).map(|span| span.as_ns() as f64),
            longest_ns: latency.max().map(|span| span.as_ns() as f64),
            success: Apart::in_the_end(endings),
            busiest: busiest_share(std::slice::from_ref(record)),
        }
    }
}

impl Checked {
    /// Holds the runs of a world with a change against those without.
    pub fn of(change: Change, before: &[ChangeOutcome], after: &[ChangeOutcome]) -> Checked {
        let all =
            |of: fn(&ChangeOutcome) -> Option<f64>, runs: &[ChangeOutcome]| runs.iter().map(of).collect::<Vec<_>>();
        let mean = |of: fn(&ChangeOutcome) -> Option<f64>, runs: &[ChangeOutcome]| {
            let known: Vec<f64> = runs.iter().filter_map(of).collect();
            Estimate::of(&known)
        };
        let (p99, success) = (|run: &ChangeOutcome| run.p99_ns, |run: &ChangeOutcome| run.success);
        let longest = |runs: &[ChangeOutcome]| mean(|run| run.longest_ns, runs).map(|longest| longest.mean);
        let busiest = |runs: &[ChangeOutcome]| mean(|run| Some(run.busiest), runs).map_or(0.0, |share| share.mean);
        Checked {
            change,
            p99_ns: mean(p99, after),
            p99_ratio: paired_ratio(&all(p99, before), &all(p99, after)),
            success_change: paired_difference(&all(success, before), &all(success, after)),
            longest_ns: longest(before).zip(longest(after)),
            busiest: (busiest(before), busiest(after)),
        }
    }

    /// Whether the runs tell that it helps: more are answered well, or as many and faster. One replication tells no interval, and
    /// counts as it is.
    pub fn helps(&self) -> bool {
        let gain = self.success_gain();
        if gain != 0 {
            return gain > 0;
        }
        self.p99_ratio.is_some_and(|ratio| ratio.mean < 1.0 && ratio.excludes(1.0) != Some(false))
            || self.change.on == On::Uneven && self.busiest.1 < self.busiest.0 - SUCCESS_MIN
    }

    /// By how many thousandths the share of good responses changes, as far as the runs can tell.
    fn success_gain(&self) -> i64 {
        let told = self.success_change.filter(|change| change.excludes(0.0) != Some(false));
        told.filter(|change| change.mean.abs() >= SUCCESS_MIN).map_or(0, |change| (change.mean * 1e3).round() as i64)
    }

    /// Puts what helps most first: more good responses, then a shorter p99, then a shorter longest.
    pub fn rank(all: &mut [Checked]) {
        let ratio = |one: &Checked| one.p99_ratio.map_or(f64::INFINITY, |ratio| (ratio.mean * 100.0).round());
        let longest = |one: &Checked| one.longest_ns.map_or(f64::INFINITY, |(_, after)| after);
        all.sort_by(|a, b| {
            (b.success_gain().cmp(&a.success_gain()))
                .then(ratio(a).total_cmp(&ratio(b)))
                .then(longest(a).total_cmp(&longest(b)))
        });
    }
}

impl Change {
    /// Makes the change to a model, if it is not one of a setting.
    pub fn apply(&self, model: &mut Model) {
        if let How::PeerTwiceAsFast(peer) = self.how {
            let spec = &mut model.peers[usize::from(peer)];
            spec.windows.iter_mut().for_each(|window| window.factor_milli /= 2);
            spec.windows.push(DegradedSpan { from: Time::ZERO, to: Time::NEVER, factor_milli: 500, fail_ppm: 0 });
        }
    }

    /// What is to be typed after `--set`, one value each; nothing where no setting does it.
    pub fn settings(&self) -> &[Setting] {
        match &self.how {
            How::Set(settings) => settings,
            How::PeerTwiceAsFast(_) => &[],
        }
    }
}
