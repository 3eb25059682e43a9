//! How far a run misses: what is missed by a little may have been missed by chance, and rules out nothing but itself.

use crate::capacity::Vitals;
use crate::slo::{GoodSide, Objective, Seen, Slo};

/// A run that is so many times beyond a bound misses, whatever its luck.
const FAR: f64 = 4.0;
/// Where every replication is so many times beyond a bound, it was no chance either.
const CLEARLY: f64 = 1.2;

/// How surely a deployment misses, as far as it was run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Miss {
    /// So far or so often that what has less of everything misses too.
    Clear,
    /// By so little that more replications have to say.
    Near,
}

impl Miss {
    /// Judges runs of which at least one misses.
    pub(crate) fn of(slo: &Slo, runs: &[Vitals], replications: u32) -> Miss {
        let beyond: Vec<f64> = runs.iter().map(|vitals| beyond(slo, vitals)).collect();
        let all = runs.len() >= replications as usize && beyond.iter().all(|times| *times >= CLEARLY);
        // One replication has nothing to be compared with, so it has to be far off.
        let all = all && runs.len() > 1;
        if all || beyond.iter().any(|times| *times >= FAR) { Miss::Clear } else { Miss::Near }
    }
}

/// How many times its bound a run has of the objective that it misses most.
fn beyond(slo: &Slo, vitals: &Vitals) -> f64 {
    let times = |(objective, seen): (&Objective, &Seen)| match seen {
        Seen::Value(value) => used(objective, *value),
        Seen::Never => f64::INFINITY,
        Seen::Nobody => 0.0,
    };
    slo.objectives.iter().zip(&vitals.seen).map(times).fold(0.0, f64::max)
}

/// How much of its bound an objective uses: above 1 it is missed.
///
/// A share that must be high has a bound on what is missing from all, where the bound leaves something: nine tenths of 99 % is as far off
/// as can be.
pub(crate) fn used(objective: &Objective, value: f64) -> f64 {
    let share = matches!(objective.measure.unit(), crate::Unit::Share | crate::Unit::Index);
    match objective.side {
        GoodSide::Below if objective.bound > 0.0 => value / objective.bound,
        GoodSide::Below => 1.0 + value,
        GoodSide::Above if share && objective.bound < 1.0 => (1.0 - value) / (1.0 - objective.bound),
        GoodSide::Above => objective.bound / value.max(f64::MIN_POSITIVE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::Measure;

    fn objective(measure: Measure, side: GoodSide, bound: f64) -> Objective {
        Objective { measure, class: None, side, inclusive: false, bound }
    }

    fn runs(values: &[f64]) -> (Slo, Vec<Vitals>) {
        let slo = Slo { objectives: vec![objective(Measure::Latency(990), GoodSide::Below, 300e6)], worlds: None };
        let vitals = |value: &f64| {
            let (model, empty) = (crate::fixtures::model(), Slo { objectives: Vec::new(), worlds: None });
            let mut vitals = Vitals::of(&crate::fixtures::empty("w", 0), &model, &empty);
            vitals.seen = vec![Seen::Value(*value * 1e6)];
            vitals
        };
        let vitals = values.iter().map(vitals).collect();
        (slo, vitals)
    }

    fn miss(values: &[f64]) -> Miss {
        let (slo, runs) = runs(values);
        Miss::of(&slo, &runs, 3)
    }

    #[test]
    fn a_miss_by_chance_is_no_clear_one() {
        assert_eq!(miss(&[222.0, 183.0, 301.0]), Miss::Near, "one replication of three, by a three-hundredth");
        assert_eq!(miss(&[368.0, 310.0, 450.0]), Miss::Near, "one of them by a thirtieth");
        assert_eq!(miss(&[450.0]), Miss::Near, "one run is not enough to say");
    }

    #[test]
    fn a_miss_in_every_replication_or_by_far_is_a_clear_one() {
        assert_eq!(miss(&[368.0, 390.0, 450.0]), Miss::Clear);
        assert_eq!(miss(&[9_000.0]), Miss::Clear);
    }

    #[test]
    fn a_share_that_must_be_high_is_used_up_by_what_is_missing() {
        let served = objective(Measure::Served, GoodSide::Above, 0.99);
        assert!((used(&served, 0.98) - 2.0).abs() < 1e-9);
        assert!((used(&served, 0.995) - 0.5).abs() < 1e-9);
        assert!((used(&objective(Measure::Throughput, GoodSide::Above, 100.0), 80.0) - 1.25).abs() < 1e-9);
    }
}
