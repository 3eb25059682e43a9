//! What the replications of one load say together: met, missed, or not precise enough.
//!
//! A single run is above a bound or below it by chance as well; the interval over the replications says which.
//! Where too few requests came for the tail that is bounded, nothing is said at all.

use super::vitals::Vitals;
use crate::overload::Overload;
use crate::slo::{GoodSide, Measure, Objective, Seen, Slo, Verdict, verdict};

/// Of a share that is bounded, so many must be expected: of none in three times as many as the bound's inverse, 95 of 100 times the
/// share is below the bound.
const EXPECTED: f64 = 3.0;

/// What all replications of a load say.
#[derive(Clone, PartialEq, Debug)]
pub struct JudgedLoad {
    /// The worst verdict on any objective.
    pub verdict: Verdict,
    /// Whether the means of all objectives are on their good sides.
    pub holds: bool,
    /// The mean of every objective, in their order.
    pub means: Vec<Seen>,
    /// Whether the queue grows: whatever was measured, a longer run measures worse, so nothing is met.
    pub overload: Option<Overload>,
}

impl JudgedLoad {
    /// Holds the runs of a load against all objectives.
    pub fn of(slo: &Slo, runs: &[&Vitals]) -> JudgedLoad {
        let overload = Vitals::overload(runs);
        let at_first = if overload.is_some() { Verdict::Missed } else { Verdict::Met };
        let mut judged = JudgedLoad { verdict: at_first, holds: overload.is_none(), means: Vec::new(), overload };
        for (at, objective) in slo.objectives.iter().enumerate() {
            let seen: Vec<Seen> = runs.iter().map(|vitals| vitals.seen[at]).collect();
            let (mut told, estimate) = verdict(objective, &seen);
            let mean = match estimate {
                Some(estimate) => Seen::Value(estimate.mean),
                None if seen.contains(&Seen::Never) => Seen::Never,
                None => Seen::Nobody,
            };
            let asked: u64 = runs.iter().map(|vitals| vitals.asked[at]).sum();
            if told == Verdict::Met && runs.len() > 1 && !enough(objective, asked) {
                told = Verdict::Open;
            }
            judged.holds &= match mean {
                Seen::Value(value) => objective.allows(value),
                Seen::Never => false,
                Seen::Nobody => true,
            };
            judged.verdict = judged.verdict.max(told);
            judged.means.push(mean);
        }
        judged
    }

    /// The objectives whose means are on their bad sides.
    pub fn missed(&self, slo: &Slo) -> Vec<(Objective, Seen)> {
        missed(slo, &self.means)
    }
}

/// The objectives on whose bad sides these values are.
pub(crate) fn missed(slo: &Slo, seen: &[Seen]) -> Vec<(Objective, Seen)> {
    let bad = |(objective, seen): &(&Objective, &Seen)| match seen {
        Seen::Value(value) => !objective.allows(*value),
        Seen::Never => true,
        Seen::Nobody => false,
    };
    slo.objectives.iter().zip(seen).filter(bad).map(|(objective, seen)| (objective.clone(), *seen)).collect()
}

/// Whether so many requests can show that the objective is met.
fn enough(objective: &Objective, asked: u64) -> bool {
    let beyond = match (objective.measure, objective.side) {
        (Measure::Latency(milli), _) => 1.0 - f64::from(milli) / 1e3,
        (Measure::Errors | Measure::Served, GoodSide::Below) => objective.bound,
        (Measure::Errors | Measure::Served, GoodSide::Above) => 1.0 - objective.bound,
        (Measure::Throughput | Measure::Jain | Measure::Cpu | Measure::BusiestProcess, _) => return true,
    };
    // A bound of nothing at all asks for nothing that many requests could show.
    beyond <= 0.0 || asked as f64 * beyond >= EXPECTED
}

#[cfg(test)]
mod tests {
    use engine::record::Ending;

    use super::*;
    use crate::fixtures;

    fn objective(measure: Measure, bound: f64) -> Objective {
        Objective { measure, class: None, side: GoodSide::Below, inclusive: false, bound }
    }

    /// Runs with so many requests, of which so many failed.
    fn judged(bound: f64, runs: &[(u64, u64)]) -> JudgedLoad {
        let slo = Slo { objectives: vec![objective(Measure::Errors, bound)], worlds: None };
        let vitals: Vec<Vitals> = (0..)
            .zip(runs)
            .map(|(number, &(all, failed))| {
                let mut record = fixtures::empty("w", number);
                record.endings[Ending::Ok as usize] = all - failed;
                record.endings[Ending::Failed as usize] = failed;
                Vitals::of(&record, &fixtures::model(), &slo)
            })
            .collect();
        JudgedLoad::of(&slo, &vitals.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_load_is_met_or_missed_only_by_the_interval_over_its_replications() {
        assert_eq!(judged(0.10, &[(1_000, 50), (1_000, 52), (1_000, 48)]).verdict, Verdict::Met);
        assert_eq!(judged(0.04, &[(1_000, 50), (1_000, 52), (1_000, 48)]).verdict, Verdict::Missed);
        let close = judged(0.05, &[(1_000, 30), (1_000, 52), (1_000, 64)]);
        assert_eq!((close.verdict, close.holds), (Verdict::Open, true));
    }

    #[test]
    fn a_few_requests_without_an_error_do_not_show_that_one_in_a_hundred_is_the_most() {
        assert_eq!(judged(0.01, &[(40, 0), (40, 0), (40, 0)]).verdict, Verdict::Open);
        assert_eq!(judged(0.01, &[(100, 0), (100, 0), (100, 0)]).verdict, Verdict::Met);
    }
}
