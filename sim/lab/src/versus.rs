//! Two worlds against each other, figure by figure, with a verdict on each that holds for all of them together.
//!
//! Differences are paired by replication: run with the same seed, both worlds serve the same people as long as their births are equal.
//! Many figures are compared at once, and of twenty that do not differ one would look different at 95 %. So verdicts are Holm's
//! (Scandinavian Journal of Statistics 6, 1979): the chance that any of them claims a difference where there is none is 5 % at most,
//! however the figures hang together.

use crate::comparison::COMPARABLE_SUCCESS;
use crate::estimate::{CONFIDENCE, Estimate, paired_difference, paired_p_value, paired_relative};
use crate::figure::{Better, Figure, FigureSpec, Group};
use crate::summary::{Summary, WorldResult};

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
pub enum Verdict {
    /// The second is significantly better.
    Better,
    /// The second is significantly worse.
    Worse,
    /// They differ significantly, and neither way is better.
    Differs,
    /// The replications cannot tell them apart.
    Undecided,
    /// Not tested: one of them answered fewer requests well, and the slow ones may be missing from it.
    Incomparable,
}

impl Verdict {
    /// In data files.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Better => "better",
            Verdict::Worse => "worse",
            Verdict::Differs => "differs",
            Verdict::Undecided => "undecided",
            Verdict::Incomparable => "incomparable",
        }
    }

    /// Whether a difference is claimed.
    pub fn is_significant(self) -> bool {
        matches!(self, Verdict::Better | Verdict::Worse | Verdict::Differs)
    }
}

/// One figure of two worlds.
#[derive(Clone, PartialEq, Debug)]
pub struct Row {
    /// What it is.
    pub spec: &'static FigureSpec,
    /// In the first world.
    pub a: Estimate,
    /// In the second.
    pub b: Estimate,
    /// The second less the first, paired.
    pub difference: Estimate,
    /// That over the first's mean; `None` from nothing and to nothing, which no interval can be told of.
    pub relative: Option<Estimate>,
    /// Chance of such a difference if there were none; `None` where it is not tested.
    pub p: Option<f64>,
    /// The same after Holm's correction.
    pub adjusted: Option<f64>,
    /// What follows.
    pub verdict: Verdict,
}

/// Two worlds against each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Versus {
    /// Name of the first world.
    pub a: String,
    /// Name of the second.
    pub b: String,
    /// Replications of each.
    pub replications: u32,
    /// Replications in which both served the same people with the same needs.
    pub births_equal: u32,
    /// The figures that differ in any replication.
    pub rows: Vec<Row>,
    /// The figures that both have and that are equal in every replication, and not nothing.
    pub equal: Vec<&'static FigureSpec>,
}

/// Holds the second of each pair against the first. Holm's correction is over the rows of all pairs together.
///
/// # Panics
/// If the worlds of a pair have different replications, or none.
pub fn compare(pairs: &[(&WorldResult, &WorldResult)]) -> Vec<Versus> {
    let mut all: Vec<Versus> = pairs.iter().map(|(a, b)| Versus::untested(a, b)).collect();
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

fn verdict(row: &Row) -> Verdict {
    if row.adjusted.is_none_or(|adjusted| adjusted > 1.0 - CONFIDENCE) {
        return Verdict::Undecided;
    }
    match (row.spec.better, row.difference.mean > 0.0) {
        (Better::Neither, _) => Verdict::Differs,
        (Better::More, more) => {
            if more {
                Verdict::Better
            } else {
                Verdict::Worse
            }
        }
        (Better::Less, more) => {
            if more {
                Verdict::Worse
            } else {
                Verdict::Better
            }
        }
    }
}

impl Versus {
    fn untested(a: &WorldResult, b: &WorldResult) -> Versus {
        let numbers = |result: &WorldResult| result.records.iter().map(|record| record.replication).collect::<Vec<_>>();
        assert!(numbers(a) == numbers(b), "{} and {} have different replications", a.name, b.name);
        let equal = a.records.iter().zip(&b.records).filter(|(a, b)| a.births_fingerprint == b.births_fingerprint);
        let births_equal = u32::try_from(equal.count()).expect("replications are counted by u32");
        let (of_a, of_b) = (Summary::of(&a.records), Summary::of(&b.records));
        let comparable = successes_are_close(&of_a, &of_b);
        let mut versus = Versus {
            a: a.name.clone(),
            b: b.name.clone(),
            replications: of_a.replications,
            births_equal,
            rows: Vec::new(),
            equal: Vec::new(),
        };
        for name in COMPARED {
            let (Some(a), Some(b)) = (of_a.figure(name), of_b.figure(name)) else { continue };
            if name == "users_served_share" && [&of_a, &of_b].into_iter().all(people_are_requests) {
                continue;
            }
            if a.values == b.values {
                let something = a.mean().is_some_and(|mean| mean != 0.0);
                versus.equal.extend(something.then_some(a.spec));
            } else {
                versus.rows.extend(Row::untested(a, b, comparable));
            }
        }
        versus
    }
}

/// Where nobody asks twice, the share of people who are served is that of requests, and would be tested twice.
fn people_are_requests(summary: &Summary) -> bool {
    let values = |name| summary.figure(name).map(|figure| &figure.values);
    values("users_served_share") == values("success_share")
}

/// Whether both worlds answered about the same share of requests well, so that their good responses can be compared.
fn successes_are_close(a: &Summary, b: &Summary) -> bool {
    let share = |summary: &Summary| summary.mean("success_share").unwrap_or(0.0);
    (share(a) - share(b)).abs() <= COMPARABLE_SUCCESS
}

impl Row {
    /// A row before the correction; `None` if no replication has the figure in both worlds.
    fn untested(a: &Figure, b: &Figure, comparable: bool) -> Option<Row> {
        let of_good_responses = matches!(a.spec.group, Group::Latency | Group::Fairness);
        let tested = comparable || !of_good_responses;
        Some(Row {
            spec: a.spec,
            a: a.estimate?,
            b: b.estimate?,
            difference: paired_difference(&a.values, &b.values)?,
            relative: paired_relative(&a.values, &b.values).filter(|relative| relative.mean > -1.0),
            p: if tested { paired_p_value(&a.values, &b.values) } else { None },
            adjusted: None,
            verdict: if tested { Verdict::Undecided } else { Verdict::Incomparable },
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

    fn row<'a>(versus: &'a Versus, name: &str) -> &'a Row {
        versus.rows.iter().find(|row| row.spec.name == name).unwrap()
    }

    #[test]
    fn more_throughput_is_better_and_more_failures_are_worse() {
        let a = world("a", &[(1_000, 1), (1_100, 2), (900, 1), (1_050, 3)]);
        let b = world("b", &[(1_100, 4), (1_205, 5), (1_002, 4), (1_149, 6)]);
        let versus = &compare(&[(&a, &b)])[0];
        assert_eq!(row(versus, "throughput_rps").verdict, Verdict::Better);
        assert_eq!(row(versus, "requests_failed").verdict, Verdict::Worse);
        assert_eq!(
            row(versus, "requests_failed").p,
            Some(0.0),
            "three more in every replication leave nothing to chance"
        );
        let back = &compare(&[(&b, &a)])[0];
        assert_eq!(row(back, "throughput_rps").verdict, Verdict::Worse);
        assert_eq!(versus.births_equal, 4);
        // What is the same in every replication is no row, and what never happened is not even mentioned.
        assert!(versus.equal.iter().any(|spec| spec.name == "latency_p50_ns"));
        assert!(versus.equal.iter().all(|spec| spec.name != "requests_reset"));
    }

    #[test]
    fn a_row_that_would_pass_alone_may_not_pass_among_many() {
        let a = world("a", &[(1_000, 0), (1_000, 0), (1_000, 0), (1_000, 0)]);
        // p is about 0.03 alone; four such pairs make it 0.12.
        let b = world("b", &[(1_010, 0), (1_004, 0), (1_008, 0), (1_002, 0)]);
        let alone = compare(&[(&a, &b)]);
        let tests = |all: &[Versus]| all.iter().flat_map(|versus| &versus.rows).filter(|row| row.p.is_some()).count();
        assert_eq!((tests(&alone), row(&alone[0], "throughput_rps").verdict), (1, Verdict::Better));
        let many = compare(&[(&a, &b), (&a, &b), (&a, &b), (&a, &b)]);
        assert_eq!((tests(&many), row(&many[0], "throughput_rps").verdict), (4, Verdict::Undecided));
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
        assert_eq!((mean.verdict, mean.p), (Verdict::Incomparable, None));
        assert_eq!(row(versus, "success_share").verdict, Verdict::Worse);
    }
}
