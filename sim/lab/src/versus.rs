//! Two worlds against each other, figure by figure, with a verdict on each that holds for all of them together.
//!
//! Differences are paired by replication: run with the same seed, both worlds serve the same people as long as their births are equal.
//! Results that share no chance are compared as independent samples (Welch).
//! Many figures are compared at once, and of twenty that do not differ one would look different at 95 %. So verdicts are Holm's
//! (Scandinavian Journal of Statistics 6, 1979): the chance that any of them claims a difference where there is none is 5 % at most,
//! however the figures hang together.

use crate::comparison::COMPARABLE_SUCCESS;
use crate::estimate::{CONFIDENCE, Estimate, paired_difference, paired_p_value, paired_relative};
use crate::figure::{Better, Figure, FigureGroup, FigureSpec, Unit};
use crate::summary::{Summary, WorldResult};
use crate::welch::{welch_difference, welch_p_value, welch_relative};

/// The figures that are compared, by name, in the order of the table of figures. What is counted twice elsewhere, as the good responses
/// are in the throughput, stands here once.
pub const COMPARED: [&str; 29] = [
    "requests_failed",
    "requests_connect_timeout",
    "requests_read_timeout",
    "requests_gave_up",
    "requests_refused",
    "requests_reset",
    "requests_no_port",
    "success_share",
    "throughput_rps",
    "latency_mean_ns",
    "latency_p50_ns",
    "latency_p90_ns",
    "latency_p95_ns",
    "latency_p99_ns",
    "latency_p999_ns",
    "users_served_share",
    "refreshes",
    "wasted_slot_time_ns",
    "retries",
    "lost_updates",
    "conflicts",
    "slots_busy_share",
    "cpu_busy_share",
    "syn_drops",
    "memory_peak_bytes",
    "worker_timeouts",
    "workers_crashed",
    "hub_lag_p99_ns",
    "slowdown_jain_index",
];

/// What can be said of a figure of two worlds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Significance {
    /// The second is significantly better.
    Better,
    /// The second is significantly worse.
    Worse,
    /// They differ significantly, and neither way is better.
    Differs,
    /// They differ significantly, by less than anybody would act on.
    TooSmall,
    /// The replications cannot tell them apart.
    Undecided,
    /// Not tested: one of them answered fewer requests well, and the slow ones may be missing from it.
    Incomparable,
}

impl Significance {
    /// In data files.
    pub fn name(self) -> &'static str {
        match self {
            Significance::Better => "better",
            Significance::Worse => "worse",
            Significance::Differs => "differs",
            Significance::TooSmall => "too_small",
            Significance::Undecided => "undecided",
            Significance::Incomparable => "incomparable",
        }
    }

    /// Whether a difference is claimed that is worth acting on.
    pub fn is_significant(self) -> bool {
        matches!(self, Significance::Better | Significance::Worse | Significance::Differs)
    }
}

/// One figure of two worlds.
#[derive(Clone, PartialEq, Debug)]
pub struct VersusRow {
    /// What it is.
    pub spec: &'static FigureSpec,
    /// In the first world.
    pub a: Estimate,
    /// In the second.
    pub b: Estimate,
    /// The second less the first.
    pub difference: Estimate,
    /// That over the first's mean; `None` from nothing and to nothing, which no interval can be told of.
    pub relative: Option<Estimate>,
    /// Chance of such a difference if there were none; `None` where it is not tested.
    pub p: Option<f64>,
    /// The same after Holm's correction.
    pub adjusted: Option<f64>,
    /// What follows.
    pub verdict: Significance,
}

/// How two worlds are held against each other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// Replication by replication: chance that is common to both cancels.
    Paired,
    /// As samples that have nothing to do with each other.
    Welch,
}

impl Method {
    /// In data files.
    pub fn name(self) -> &'static str {
        match self {
            Method::Paired => "paired",
            Method::Welch => "welch",
        }
    }
}

/// One world as it is compared, whether it was just run or read from a document.
#[derive(Clone, PartialEq, Debug)]
pub struct ComparedWorld {
    /// Name of the world.
    pub name: String,
    /// The figures of the run as a whole.
    pub figures: Vec<Figure>,
    /// Hash of the births of each replication, in their order.
    pub births: Vec<u64>,
    /// Whether it is known to run event loops of asyncio.
    pub loops: bool,
}

/// Two worlds against each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Versus {
    /// Name of the first world.
    pub a: String,
    /// Name of the second.
    pub b: String,
    /// How differences are taken.
    pub method: Method,
    /// Replications of each, first and second.
    pub replications: [u32; 2],
    /// Replications in which both served the same people with the same needs.
    pub births_equal: u32,
    /// The figures that differ in any replication.
    pub rows: Vec<VersusRow>,
    /// The figures that both have and that are equal in every replication, and not nothing.
    pub equal: Vec<&'static FigureSpec>,
    /// The smallest difference worth acting on, as a share; 0: any.
    pub smallest: f64,
    /// Whether the first is known to run event loops of asyncio, and whether the second is.
    pub loops: [bool; 2],
}

/// Holds the second of each pair against the first, paired. Holm's correction is over the rows of all pairs together.
///
/// # Panics
/// If the worlds of a pair have different replications, or none.
pub fn compare(pairs: &[(&WorldResult, &WorldResult)]) -> Vec<Versus> {
    let numbers = |result: &WorldResult| result.records.iter().map(|record| record.replication).collect::<Vec<_>>();
    let pair = |(a, b): &(&WorldResult, &WorldResult)| {
        assert!(numbers(a) == numbers(b), "{} and {} have different replications", a.name, b.name);
        (ComparedWorld::of(a), ComparedWorld::of(b), Method::Paired)
    };
    compare_sides(pairs.iter().map(pair).collect())
}

/// The same for sides that were prepared, each pair in its own way; paired, the tail of the longer side has no partner and is left out.
///
/// # Panics
/// If a figure of a side has not as many values as the side has births.
pub fn compare_sides(pairs: Vec<(ComparedWorld, ComparedWorld, Method)>) -> Vec<Versus> {
    let mut all: Vec<Versus> = pairs.into_iter().map(|(a, b, method)| Versus::untested(a, b, method)).collect();
    let p_values: Vec<f64> = all.iter().flat_map(|versus| &versus.rows).filter_map(|row| row.p).collect();
    let mut adjusted = holm(&p_values).into_iter();
    for row in all.iter_mut().flat_map(|versus| &mut versus.rows).filter(|row| row.p.is_some()) {
        row.adjusted = adjusted.next();
        row.verdict = verdict(row);
    }
    all
}

/// Each p-value after Holm's correction, in the same order.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]).then(a.cmp(&b)));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (rank, &at) in order.iter().enumerate() {
        // No hypothesis is rejected after one that was kept.
        largest = largest.max(p_values[at] * (p_values.len() - rank) as f64).min(1.0);
        adjusted[at] = largest;
    }
    adjusted
}

fn verdict(row: &VersusRow) -> Significance {
    if row.adjusted.is_none_or(|adjusted| adjusted > 1.0 - CONFIDENCE) {
        return Significance::Undecided;
    }
    match (row.spec.better, row.difference.mean > 0.0) {
        (Better::Neither, _) => Significance::Differs,
        (Better::More, more) => {
            if more {
                Significance::Better
            } else {
                Significance::Worse
            }
        }
        (Better::Less, more) => {
            if more {
                Significance::Worse
            } else {
                Significance::Better
            }
        }
    }
}

/// Takes differences below this share for too small to act on, however significant: enough replications tell any two worlds apart.
pub fn disregard_small(all: &mut [Versus], smallest: f64) {
    for versus in all {
        versus.smallest = smallest;
        for row in versus.rows.iter_mut().filter(|row| row.verdict.is_significant()) {
            if row.distance().is_some_and(|distance| distance < smallest) {
                row.verdict = Significance::TooSmall;
            }
        }
    }
}

impl ComparedWorld {
    /// A world that was run.
    ///
    /// # Panics
    /// If it has no record.
    pub fn of(result: &WorldResult) -> ComparedWorld {
        let births = result.records.iter().map(|record| record.births_fingerprint).collect();
        let loops = result.records.iter().any(|record| record.loops);
        ComparedWorld { name: result.name.clone(), figures: Summary::of(&result.records).figures, births, loops }
    }

    /// The figure of that name, if it has it.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.spec.name == name)
    }

    /// Its first replications.
    fn cut(self, count: usize) -> ComparedWorld {
        if self.births.len() == count {
            return self;
        }
        let cut = |figure: &Figure| Figure::new(figure.spec, figure.values[..count].to_vec());
        ComparedWorld { figures: self.figures.iter().map(cut).collect(), births: self.births[..count].to_vec(), ..self }
    }

    fn replications(&self) -> u32 {
        assert!(self.figures.iter().all(|figure| figure.values.len() == self.births.len()), "{} is uneven", self.name);
        u32::try_from(self.births.len()).expect("replications are counted by u32")
    }

    /// Where nobody asks twice, the share of people who are served is that of requests, and would be tested twice.
    fn people_are_requests(&self) -> bool {
        let values = |name| self.figure(name).map(|figure| &figure.values);
        values("users_served_share") == values("success_share")
    }
}

/// In how many replications both sides served the same people with the same needs.
pub fn births_equal(a: &ComparedWorld, b: &ComparedWorld) -> u32 {
    let equal = a.births.iter().zip(&b.births).filter(|(a, b)| a == b);
    u32::try_from(equal.count()).expect("replications are counted by u32")
}

impl Versus {
    fn untested(a: ComparedWorld, b: ComparedWorld, method: Method) -> Versus {
        let common = a.births.len().min(b.births.len());
        let (a, b) = match method {
            Method::Paired => (a.cut(common), b.cut(common)),
            Method::Welch => (a, b),
        };
        let comparable = successes_are_close(&a, &b);
        let mut versus = Versus {
            a: a.name.clone(),
            b: b.name.clone(),
            method,
            replications: [a.replications(), b.replications()],
            births_equal: births_equal(&a, &b),
            rows: Vec::new(),
            equal: Vec::new(),
            smallest: 0.0,
            loops: [a.loops, b.loops],
        };
        for name in COMPARED {
            let (Some(of_a), Some(of_b)) = (a.figure(name), b.figure(name)) else { continue };
            if name == "users_served_share" && a.people_are_requests() && b.people_are_requests() {
                continue;
            }
            if of_a.values == of_b.values {
                let something = of_a.mean().is_some_and(|mean| mean != 0.0);
                versus.equal.extend(something.then_some(of_a.spec));
            } else {
                versus.rows.extend(VersusRow::untested(of_a, of_b, method, comparable));
            }
        }
        versus
    }
}

/// Whether both worlds answered about the same share of requests well, so that their good responses can be compared.
fn successes_are_close(a: &ComparedWorld, b: &ComparedWorld) -> bool {
    let share = |side: &ComparedWorld| side.figure("success_share").and_then(Figure::mean).unwrap_or(0.0);
    (share(a) - share(b)).abs() <= COMPARABLE_SUCCESS
}

impl VersusRow {
    /// How far the second is from the first, as a share; `None` from nothing or to nothing, which is never small.
    ///
    /// Of a share it is that of the smaller part: from 99.8 % to 99.9 % is half of what fails, though a thousandth of what does not.
    pub fn distance(&self) -> Option<f64> {
        let relative = self.relative?.mean.abs();
        let rest = 1.0 - self.a.mean;
        if self.spec.unit != Unit::Share || rest >= self.a.mean {
            return Some(relative);
        }
        (rest > 0.0).then(|| self.difference.mean.abs() / rest)
    }

    /// A row before the correction; `None` if no replication has the figure in both worlds.
    fn untested(a: &Figure, b: &Figure, method: Method, comparable: bool) -> Option<VersusRow> {
        let of_good_responses = matches!(a.spec.group, FigureGroup::Latency | FigureGroup::Fairness);
        let tested = comparable || !of_good_responses;
        let (of_a, of_b) = (&a.values[..], &b.values[..]);
        let (difference, relative, p) = match method {
            Method::Paired => (paired_difference(of_a, of_b), paired_relative(of_a, of_b), paired_p_value(of_a, of_b)),
            Method::Welch => (welch_difference(of_a, of_b), welch_relative(of_a, of_b), welch_p_value(of_a, of_b)),
        };
        Some(VersusRow {
            spec: a.spec,
            a: a.estimate?,
            b: b.estimate?,
            difference: difference?,
            relative: relative.filter(|relative| relative.mean > -1.0),
            p: p.filter(|_| tested),
            adjusted: None,
            verdict: if tested { Significance::Undecided } else { Significance::Incomparable },
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::record::Ending;
    use engine::time::Span;

    use super::*;
    use crate::fixtures;
    use crate::precision::figure;

    #[test]
    fn holm_is_as_in_a_worked_example() {
        // Four p-values times 4, 3, 2, 1 in their order, none below the one before.
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        assert!(adjusted.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{adjusted:?}");
        assert_eq!(holm(&[0.6, 0.9]), [1.0, 1.0]);
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn every_compared_figure_exists_once() {
        assert!(COMPARED.iter().all(|name| figure(name).is_some()));
        let mut names = COMPARED.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COMPARED.len());
    }

    /// A world whose replications have these good and failed requests, all of 10 ms.
    fn world(name: &str, counts: &[(u64, u64)]) -> WorldResult {
        let records = (0..).zip(counts).map(|(number, &(good, failed))| {
            let mut record = fixtures::with_classes(name, number, vec![fixtures::class("page", &[10; 50], 1)]);
            record.endings[Ending::Ok as usize] = good;
            record.endings[Ending::Failed as usize] = failed;
            record.window = Span::from_secs(1);
            record
        });
        WorldResult { name: name.to_owned(), records: records.collect() }
    }

    fn row<'a>(versus: &'a Versus, name: &str) -> &'a VersusRow {
        versus.rows.iter().find(|row| row.spec.name == name).unwrap()
    }

    #[test]
    fn more_throughput_is_better_and_more_failures_are_worse() {
        let a = world("a", &[(1_000, 1), (1_100, 2), (900, 1), (1_050, 3)]);
        let b = world("b", &[(1_100, 4), (1_205, 5), (1_002, 4), (1_149, 6)]);
        let versus = &compare(&[(&a, &b)])[0];
        assert_eq!(row(versus, "throughput_rps").verdict, Significance::Better);
        assert_eq!(row(versus, "requests_failed").verdict, Significance::Worse);
        assert_eq!(
            row(versus, "requests_failed").p,
            Some(0.0),
            "three more in every replication leave nothing to chance"
        );
        let back = &compare(&[(&b, &a)])[0];
        assert_eq!(row(back, "throughput_rps").verdict, Significance::Worse);
        assert_eq!(versus.births_equal, 4);
        // What is the same in every replication is no row, and what never happened is not even mentioned.
        assert!(versus.equal.iter().any(|spec| spec.name == "latency_p50_ns"));
        assert!(versus.equal.iter().all(|spec| spec.name != "requests_reset"));
    }

    #[test]
    fn a_difference_below_the_smallest_worth_saying_is_no_better_and_no_worse() {
        // 0.3 % more in every replication: nobody would act on it, though nothing is left to chance.
        let a = world("a", &[(1_000, 1), (1_100, 2), (900, 1), (1_050, 3)]);
        let b = world("b", &[(1_003, 1), (1_103, 2), (903, 1), (1_053, 2)]);
        let mut versus = compare(&[(&a, &b)]);
        assert_eq!(row(&versus[0], "throughput_rps").verdict, Significance::Better);
        disregard_small(&mut versus, 0.01);
        assert_eq!(row(&versus[0], "throughput_rps").verdict, Significance::TooSmall);
        assert!(!Significance::TooSmall.is_significant());
    }

    #[test]
    fn half_of_what_fails_is_no_small_difference_though_nearly_all_succeed() {
        let a = world("a", &[(9_980, 20), (9_979, 21), (9_981, 19), (9_980, 20)]);
        let b = world("b", &[(9_990, 10), (9_989, 11), (9_991, 9), (9_990, 10)]);
        let mut versus = compare(&[(&a, &b)]);
        disregard_small(&mut versus, 0.01);
        let row = row(&versus[0], "success_share");
        assert!(row.relative.unwrap().mean < 0.01 && (0.4..0.6).contains(&row.distance().unwrap()), "{row:?}");
        assert_eq!(row.verdict, Significance::Better);
    }

    #[test]
    fn a_row_that_would_pass_alone_may_not_pass_among_many() {
        let a = world("a", &[(1_000, 0), (1_000, 0), (1_000, 0), (1_000, 0)]);
        // p is about 0.03 alone; four such pairs make it 0.12.
        let b = world("b", &[(1_010, 0), (1_004, 0), (1_008, 0), (1_002, 0)]);
        let alone = compare(&[(&a, &b)]);
        let tests = |all: &[Versus]| all.iter().flat_map(|versus| &versus.rows).filter(|row| row.p.is_some()).count();
        assert_eq!((tests(&alone), row(&alone[0], "throughput_rps").verdict), (1, Significance::Better));
        let many = compare(&[(&a, &b), (&a, &b), (&a, &b), (&a, &b)]);
        assert_eq!((tests(&many), row(&many[0], "throughput_rps").verdict), (4, Significance::Undecided));
    }

    #[test]
    fn latencies_are_not_tested_where_one_world_answered_fewer_well() {
        let a = world("a", &[(1_000, 0), (1_000, 0), (1_000, 0)]);
        let mut b = world("b", &[(900, 100), (910, 90), (890, 110)]);
        for record in &mut b.records {
            record.latency.add(Span::from_secs(1));
        }
        let versus = &compare(&[(&a, &b)])[0];
        let mean = row(versus, "latency_mean_ns");
        assert_eq!((mean.verdict, mean.p), (Significance::Incomparable, None));
        assert_eq!(row(versus, "success_share").verdict, Significance::Worse);
    }

    /// A side whose only figure is the throughput.
    fn side(name: &str, values: &[f64], births: &[u64]) -> ComparedWorld {
        let spec = figure("throughput_rps").unwrap();
        let figures = vec![Figure::new(spec, values.iter().copied().map(Some).collect())];
        ComparedWorld { name: name.to_owned(), figures, births: births.to_vec(), loops: false }
    }

    #[test]
    fn the_longer_side_of_a_pair_is_cut_and_samples_are_not() {
        let a = side("a", &[100.0, 200.0, 300.0], &[1, 2, 3]);
        let b = side("b", &[101.0, 201.5, 301.0, 900.0], &[1, 2, 3, 4]);
        let all = compare_sides(vec![(a.clone(), b.clone(), Method::Paired), (a, b, Method::Welch)]);
        assert_eq!((all[0].replications, all[0].births_equal), ([3, 3], 3));
        assert_eq!((all[1].replications, all[1].births_equal), ([3, 4], 3));
        assert!((all[0].rows[0].b.mean - 603.5 / 3.0).abs() < 1e-9);
        assert!((all[1].rows[0].b.mean - 1_503.5 / 4.0).abs() < 1e-9);
        assert!(all[0].rows[0].p < all[1].rows[0].p, "only pairing sees a difference of one among hundreds");
    }

    #[test]
    fn one_replication_is_compared_and_nothing_is_claimed() {
        for method in [Method::Paired, Method::Welch] {
            let versus = &compare_sides(vec![(side("a", &[100.0], &[1]), side("b", &[300.0], &[1]), method)])[0];
            let row = &versus.rows[0];
            assert_eq!((row.difference.mean, row.p, row.verdict), (200.0, None, Significance::Undecided));
            assert_eq!(row.relative.unwrap().mean, 2.0);
        }
    }
}
