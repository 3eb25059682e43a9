//! Objectives held against runs: met, missed, or not precise enough to say.
//!
//! An objective is judged by its 95 % interval over the replications, because one run that happens to stay below a bound shows little.
//! A single replication has no interval, so its value alone decides; who prints the verdict says so.

use engine::hist::Hist;
use engine::record::{Apart, ClassRecord, Ending, RunRecord};

use crate::estimate::{CONFIDENCE, Estimate, student_t_at};
use crate::figure::{self, Unit};
use crate::overload::overload_of;
use crate::summary::WorldResult;

/// What an objective bounds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Measure {
    /// A percentile of the latency of good responses: so many thousandths of them do not exceed it.
    Latency(u32),
    /// Requests that did not end well, over all that ended within the window or waited through all of it.
    Errors,
    /// Good responses a second, of those within the window.
    Throughput,
    /// Jain's fairness index of latency over ideal time.
    Jain,
    /// Busy core time over core time.
    Cpu,
    /// CPU time of the busiest server process over the time: 1 is one core, all that a hub or threads under one GIL can use.
    BusiestProcess,
    /// People served over people who came.
    Served,
}

impl Measure {
    /// All, by the names that they have in a scenario.
    pub const NAMED: [(&'static str, Measure); 11] = [
        ("p50", Measure::Latency(500)),
        ("p90", Measure::Latency(900)),
        ("p95", Measure::Latency(950)),
        ("p99", Measure::Latency(990)),
        ("p99_9", Measure::Latency(999)),
        ("errors", Measure::Errors),
        ("throughput", Measure::Throughput),
        ("jain", Measure::Jain),
        ("cpu", Measure::Cpu),
        ("busiest_process_cpu", Measure::BusiestProcess),
        ("served", Measure::Served),
    ];

    /// The one of that name.
    pub fn named(name: &str) -> Option<Measure> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, measure)| *measure)
    }

    /// Its name in a scenario.
    pub fn name(self) -> &'static str {
        let (name, _) = Self::NAMED.iter().find(|(_, known)| *known == self).expect("every measure has a name");
        name
    }

    /// What it is measured in.
    pub fn unit(self) -> Unit {
        match self {
            Measure::Latency(_) => Unit::Nanoseconds,
            Measure::Errors | Measure::Cpu | Measure::BusiestProcess | Measure::Served => Unit::Share,
            Measure::Throughput => Unit::PerSecond,
            Measure::Jain => Unit::Index,
        }
    }
}

/// Which side of a bound is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GoodSide {
    /// Less: a ceiling.
    Below,
    /// More: a floor.
    Above,
}

/// A bound on something measured.
#[derive(Clone, PartialEq, Debug)]
pub struct Objective {
    /// What is bounded.
    pub measure: Measure,
    /// The kind of request that it is about; `None`: all.
    pub class: Option<String>,
    /// Which side is good.
    pub side: GoodSide,
    /// Whether the bound itself is good.
    pub inclusive: bool,
    /// The bound, in the base unit of its measure: nanoseconds, a share, per second, an index.
    pub bound: f64,
}

/// The objectives of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct Slo {
    /// All objectives.
    pub objectives: Vec<Objective>,
    /// Names of the worlds that are held to them; `None`: all.
    pub worlds: Option<Vec<String>>,
}

impl Slo {
    /// Whether the verdicts on a world count.
    pub fn binds(&self, world: &str) -> bool {
        self.worlds.as_ref().is_none_or(|names| names.iter().any(|name| name == world))
    }

    /// Whether a single run is on the good side of every bound.
    pub fn holds(&self, record: &RunRecord) -> bool {
        self.objectives.iter().all(|objective| objective.holds(record))
    }
}

/// What a run says about an objective.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Seen {
    /// The measured value.
    Value(f64),
    /// Requests came, and none was answered well: worse than any bound.
    Never,
    /// Nobody asked, so there is nothing to judge.
    Nobody,
}

impl Objective {
    /// What a run says about it.
    pub fn seen(&self, record: &RunRecord) -> Seen {
        match &self.class {
            None => self.of_run(record),
            Some(name) => {
                let class = record.classes.iter().find(|class| class.name == *name);
                class.map_or(Seen::Nobody, |class| self.of_class(class, record))
            }
        }
    }

    /// Whether a single run is on the good side; where nobody asked, nothing was broken.
    pub fn holds(&self, record: &RunRecord) -> bool {
        match self.seen(record) {
            Seen::Value(value) => self.allows(value),
            Seen::Never => false,
            Seen::Nobody => true,
        }
    }

    /// Requests that ended among those that it is about.
    pub fn asked(&self, record: &RunRecord) -> u64 {
        match &self.class {
            None => ended(&record.endings),
            Some(name) => {
                record.classes.iter().find(|class| class.name == *name).map_or(0, |class| ended(&class.endings))
            }
        }
    }

    /// Whether a value is on the good side.
    pub fn allows(&self, value: f64) -> bool {
        let beyond = match self.side {
            GoodSide::Below => value < self.bound,
            GoodSide::Above => value > self.bound,
        };
        beyond || self.inclusive && value == self.bound
    }

    fn of_run(&self, record: &RunRecord) -> Seen {
        let ended = ended(&record.endings) + record.apart.stuck;
        let value = match self.measure {
            Measure::Latency(milli) => return percentile(&record.latency, &unfinished(record), milli, ended),
            Measure::Errors => errors(&record.endings, &record.apart),
            Measure::Throughput => throughput(&record.endings, &record.apart, record),
            Measure::Jain => figure::slowdown(record).jain(),
            Measure::Cpu => Some(record.cpu_ppm as f64 / 1e6),
            Measure::BusiestProcess => figure::busiest_process_cpu(record),
            Measure::Served => (record.users.came > 0).then(|| record.users.served as f64 / record.users.came as f64),
        };
        value.map_or(if ended > 0 { Seen::Never } else { Seen::Nobody }, Seen::Value)
    }

    fn of_class(&self, class: &ClassRecord, record: &RunRecord) -> Seen {
        let ended = ended(&class.endings) + class.apart.stuck;
        let value = match self.measure {
            Measure::Latency(milli) => return percentile(&class.latency, &class.unfinished, milli, ended),
            Measure::Errors => errors(&class.endings, &class.apart),
            Measure::Throughput => throughput(&class.endings, &class.apart, record),
            Measure::Jain => class.slowdown.jain(),
            // A class has no cores, no processes and no people of its own.
            Measure::Cpu | Measure::BusiestProcess | Measure::Served => return Seen::Nobody,
        };
        value.map_or(if ended > 0 { Seen::Never } else { Seen::Nobody }, Seen::Value)
    }
}

/// Requests that ended before the run did.
fn ended(endings: &[u64; Ending::COUNT]) -> u64 {
    endings.iter().sum::<u64>() - endings[Ending::Unfinished as usize]
}

/// How long those have been inside that had no answer when the run ended, of all classes.
fn unfinished(record: &RunRecord) -> Hist {
    let mut all = Hist::new();
    record.classes.iter().for_each(|class| all.merge(&class.unfinished));
    all
}

/// A percentile of the latency. Who has waited for longer than it would be without him, and has no answer yet, will have had one later
/// still: he counts with the time so far. So a percentile is not met by those alone who got through.
fn percentile(latency: &Hist, unfinished: &Hist, milli: u32, ended: u64) -> Seen {
    let of = |hist: &Hist| hist.quantile(f64::from(milli) / 1e3);
    let Some(answered) = of(latency) else { return if ended > 0 { Seen::Never } else { Seen::Nobody } };
    if unfinished.max().is_none_or(|longest| longest <= answered) {
        return Seen::Value(answered.as_ns() as f64);
    }
    let mut all = latency.clone();
    all.merge_beyond(unfinished, answered);
    Seen::Value(of(&all).unwrap_or(answered).as_ns() as f64)
}

fn errors(endings: &[u64; Ending::COUNT], apart: &Apart) -> Option<f64> {
    apart.errors(endings)
}

fn throughput(endings: &[u64; Ending::COUNT], apart: &Apart, record: &RunRecord) -> Option<f64> {
    let good = apart.within(endings, Ending::Ok);
    (!record.window.is_zero()).then(|| good as f64 / record.window.as_secs_f64())
}

/// What can be said of an objective in a world.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Verdict {
    /// The whole interval is on the good side.
    Met,
    /// The bound lies within the interval, or there was nothing to measure.
    Open,
    /// The whole interval is on the bad side, or a replication answered nobody well.
    Missed,
}

/// An objective in a world.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct JudgedObjective {
    pub objective: Objective,
    pub world: String,
    /// Whether the verdict counts.
    pub binds: bool,
    /// Whether the queue of the world grows for as long as the runs last: no latency of it can be promised.
    pub overloaded: bool,
    /// What every replication says, by number.
    pub seen: Vec<Seen>,
    /// Mean and interval; `None` if a replication answered nobody well, or nobody asked.
    pub estimate: Option<Estimate>,
    pub verdict: Verdict,
}

/// Holds every world against all objectives: by objective, then by world in the order of the results.
pub fn judge(slo: &Slo, results: &[WorldResult]) -> Vec<JudgedObjective> {
    let worlds: Vec<(&WorldResult, bool)> =
        results.iter().map(|world| (world, overload_of(world.records.iter()).is_some())).collect();
    let judged = |objective: &Objective, &(world, overloaded): &(&WorldResult, bool)| {
        let seen: Vec<Seen> = world.records.iter().map(|record| objective.seen(record)).collect();
        let (verdict, estimate) = verdict(objective, &seen);
        let binds = slo.binds(&world.name);
        // Whatever was measured, a longer run measures more.
        let grows = overloaded && matches!(objective.measure, Measure::Latency(_));
        let verdict = if grows { Verdict::Missed } else { verdict };
        JudgedObjective {
            objective: objective.clone(),
            world: world.name.clone(),
            binds,
            overloaded,
            seen,
            estimate,
            verdict,
        }
    };
    slo.objectives.iter().flat_map(|objective| worlds.iter().map(move |world| judged(objective, world))).collect()
}

/// What the replications together say of an objective, and their mean.
pub(crate) fn verdict(objective: &Objective, seen: &[Seen]) -> (Verdict, Option<Estimate>) {
    if seen.contains(&Seen::Never) {
        return (Verdict::Missed, None);
    }
    let value = |seen: &Seen| if let Seen::Value(value) = seen { Some(*value) } else { None };
    let values: Vec<f64> = seen.iter().filter_map(value).collect();
    let Some(estimate) = Estimate::of(&values) else { return (Verdict::Open, None) };
    let (low, high) = (estimate.low.unwrap_or(estimate.mean), estimate.high.unwrap_or(estimate.mean));
    let verdict = match (objective.allows(low), objective.allows(high)) {
        (true, true) => Verdict::Met,
        (false, false) => Verdict::Missed,
        _ => Verdict::Open,
    };
    (verdict, Some(estimate))
}

/// The verdict on everything that counts: the worst.
pub fn overall(judged: &[JudgedObjective]) -> Verdict {
    judged.iter().filter(|one| one.binds).map(|one| one.verdict).max().unwrap_or(Verdict::Met)
}

impl JudgedObjective {
    /// About how many replications would tell, if the spread stays as it is; `None` if the verdict is there, or nothing is known.
    pub fn replications_needed(&self) -> Option<u32> {
        let estimate = self.estimate.filter(|_| self.verdict == Verdict::Open)?;
        let half = estimate.half_width()?;
        let away = (estimate.mean - self.objective.bound).abs();
        // Few replications have a wide quantile of Student's t; of many it is nearly the normal one.
        let many = student_t_at(f64::midpoint(1.0, CONFIDENCE), 1_000);
        let few = student_t_at(f64::midpoint(1.0, CONFIDENCE), estimate.n - 1);
        let times = half / away.max(half * 1e-2) * many / few;
        Some((f64::from(estimate.n) * times * times).ceil() as u32 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn p99_below(ms: f64) -> Objective {
        let measure = Measure::Latency(990);
        Objective { measure, class: None, side: GoodSide::Below, inclusive: false, bound: ms * 1e6 }
    }

    fn results(replications: u32) -> Vec<WorldResult> {
        let records = (0..replications).map(|number| fixtures::record("threads", number));
        vec![WorldResult { name: "threads".to_owned(), records: records.collect() }]
    }

    fn verdict_of(objective: Objective, replications: u32) -> Verdict {
        let slo = Slo { objectives: vec![objective], worlds: None };
        overall(&judge(&slo, &results(replications)))
    }

    #[test]
    fn an_objective_is_met_or_missed_only_by_the_whole_interval() {
        // The 99th percentiles are 1,710 ms and a little more in each replication.
        assert_eq!(verdict_of(p99_below(3_000.0), 5), Verdict::Met);
        assert_eq!(verdict_of(p99_below(500.0), 5), Verdict::Missed);
        let estimate = judge(&Slo { objectives: vec![p99_below(1.0)], worlds: None }, &results(5))[0].estimate.unwrap();
        let between = (estimate.mean + estimate.high.unwrap()) / 2.0 / 1e6;
        assert_eq!(verdict_of(p99_below(between), 5), Verdict::Open);
        assert_eq!(verdict_of(p99_below(estimate.mean / 1e6), 5), Verdict::Open);
        let open = judge(&Slo { objectives: vec![p99_below(between)], worlds: None }, &results(5));
        // Half as far as the interval reaches: four times as many at least, less what a narrower quantile gains.
        assert!((10..=21).contains(&open[0].replications_needed().unwrap()), "{:?}", open[0].replications_needed());
    }

    #[test]
    fn a_single_replication_is_decided_by_its_value() {
        let value = fixtures::record("threads", 0).latency.quantile(0.99).unwrap().as_ms_f64();
        assert_eq!(verdict_of(p99_below(value * 1.001), 1), Verdict::Met);
        assert_eq!(verdict_of(p99_below(value * 0.999), 1), Verdict::Missed);
        assert_eq!(verdict_of(p99_below(value), 1), Verdict::Missed);
        assert_eq!(verdict_of(Objective { inclusive: true, ..p99_below(value) }, 1), Verdict::Met);
    }

    #[test]
    fn who_is_never_answered_misses_every_latency_and_whom_nobody_asks_misses_none() {
        let mut never = fixtures::empty("threads", 0);
        never.endings[Ending::ReadTimeout as usize] = 10;
        assert_eq!(p99_below(1e9).seen(&never), Seen::Never);
        assert_eq!(verdict(&p99_below(1e9), &[Seen::Value(1.0), Seen::Never]).0, Verdict::Missed);
        let nobody = fixtures::empty("threads", 0);
        assert_eq!(p99_below(1e9).seen(&nobody), Seen::Nobody);
        assert_eq!(verdict(&p99_below(1e9), &[Seen::Nobody]).0, Verdict::Open);
        assert!(p99_below(1.0).holds(&nobody) && !p99_below(1e9).holds(&never));
    }

    #[test]
    fn what_the_end_of_the_run_cuts_off_is_no_error() {
        let errors = Objective { measure: Measure::Errors, side: GoodSide::Below, bound: 0.2, ..p99_below(0.0) };
        let mut record = fixtures::empty("threads", 0);
        record.endings[Ending::Ok as usize] = 90;
        record.endings[Ending::Failed as usize] = 10;
        record.endings[Ending::Unfinished as usize] = 900;
        assert_eq!(errors.seen(&record), Seen::Value(0.1));
    }

    #[test]
    fn only_worlds_that_are_bound_count() {
        let slo = Slo { objectives: vec![p99_below(1.0)], worlds: Some(vec!["gevent".to_owned()]) };
        let judged = judge(&slo, &results(3));
        assert_eq!((judged[0].verdict, judged[0].binds, overall(&judged)), (Verdict::Missed, false, Verdict::Met));
    }

    #[test]
    fn a_class_is_judged_by_its_own_requests() {
        let of = |class: &str| Objective { class: Some(class.to_owned()), ..p99_below(200.0) };
        let record = fixtures::record("threads", 0);
        assert!(of("page").holds(&record) && !of("export").holds(&record));
        assert_eq!(of("nothing").seen(&record), Seen::Nobody);
    }

    #[test]
    fn every_measure_has_one_name() {
        for (name, measure) in Measure::NAMED {
            assert_eq!((Measure::named(name), measure.name()), (Some(measure), name));
        }
    }
}
