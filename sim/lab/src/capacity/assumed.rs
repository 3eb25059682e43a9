//! The objectives that are assumed where a scenario has none: what people would call working.
//!
//! Latency: a p99 of three times what the best world has at light load. Errors: one request in a hundred more than the best world has
//! there, because some scenarios lose people whatever the servers do.
//! Without both a queue without end would count as well served, so whichever is missing is assumed.

use engine::model::Model;

use super::runs::{Done, Runner};
use super::{Ladder, Plan};
use crate::LabError;
use crate::slo::{Measure, Objective, Side, Slo};

/// A world counts as lightly loaded while no more than this of its slots and of its cores is busy.
const LIGHT: f64 = 0.25;
/// How many times the p99 of light load is still good.
const SLOWER: f64 = 3.0;
/// Requests from which on a share of errors means something.
const ENOUGH: u64 = 1_000;
/// Loads that are asked at most, each a quarter of the one before.
const QUARTERS: usize = 5;
/// Errors beyond those of light load that are still good.
const ERRORS: f64 = 0.01;

/// Objectives to search with, and how many of them nobody wrote.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumed {
    /// All objectives of the search.
    pub slo: Slo,
    /// Those that were assumed; they are among them, at the end.
    pub assumed: Vec<Objective>,
    /// Those of the scenario that a search for the highest load cannot use: floors on throughput.
    pub set_aside: Vec<Objective>,
}

/// Completes the objectives of a scenario for a search.
///
/// # Errors
/// As [`super::measure`].
pub fn assumed(given: Option<&Slo>, models: &[Model], plan: &Plan, done: &Done<'_>) -> Result<Assumed, LabError> {
    let runner = &Runner::new(plan, done)?;
    let given: Vec<Objective> = given.map_or(Vec::new(), |slo| slo.objectives.clone());
    let (set_aside, mut objectives): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|objective| objective.measure == Measure::Throughput);
    let has = |wanted: fn(Measure) -> bool| objectives.iter().any(|objective| wanted(objective.measure));
    let no_latency = !has(|measure| matches!(measure, Measure::Latency(_)));
    let no_errors = !has(|measure| matches!(measure, Measure::Errors | Measure::Served));
    let mut assumed = Vec::new();
    if no_latency || no_errors {
        let ladder = Ladder::of(&models[0].clients, plan.tolerance);
        let light = runner.each(models, &|model, replication| lightest(model, &ladder, replication, runner))?;
        let least = |value: fn(&(Option<f64>, f64)) -> Option<f64>| {
            let means = light.iter().filter_map(|runs| {
                let values: Option<Vec<f64>> = runs.iter().map(value).collect();
                values.map(|values| values.iter().sum::<f64>() / values.len() as f64)
            });
            means.fold(f64::INFINITY, f64::min)
        };
        let p99 = least(|(p99, _)| *p99);
        if no_latency && p99.is_finite() {
            assumed.push(below(Measure::Latency(990), two_digits(SLOWER * p99)));
        }
        if no_errors {
            let share = least(|(_, errors)| Some(*errors)) + ERRORS;
            assumed.push(below(Measure::Errors, ((share * 1e3).floor() / 1e3).min(1.0)));
        }
    }
    objectives.extend(assumed.iter().cloned());
    Ok(Assumed { slo: Slo { objectives, worlds: None }, assumed, set_aside })
}

fn below(measure: Measure, bound: f64) -> Objective {
    Objective { measure, class: None, side: Side::Below, inclusive: false, bound }
}

/// p99 and errors of a replication at light load: the scenario's own if that is light, else a quarter of it, and so on.
///
/// Where errors do not go away they may be the client's, as when it runs out of ports, so still lighter loads are asked for them.
fn lightest(
    model: &Model,
    ladder: &Ladder,
    replication: u32,
    runner: &Runner<'_>,
) -> Result<(Option<f64>, f64), crate::FailedRun> {
    let nothing = Slo { objectives: Vec::new(), worlds: None };
    let mut rung = ladder.base();
    let mut found: Option<(Option<f64>, f64)> = None;
    for tried in 1..=QUARTERS {
        let vitals = runner.run(model, ladder.factor(rung), replication, &nothing)?;
        let last = rung == 0 || tried == QUARTERS;
        if let Some(found) = found.filter(|_| vitals.ended < ENOUGH) {
            return Ok(found);
        }
        if last || vitals.slots_share <= LIGHT && vitals.cpu_share <= LIGHT {
            let (p99_ns, errors) = found.unwrap_or((vitals.p99_ns, vitals.errors));
            found = Some((p99_ns, errors.min(vitals.errors)));
            if last || vitals.errors <= ERRORS {
                break;
            }
        }
        rung = rung.saturating_sub(2 * ladder.doubling());
    }
    Ok(found.expect("the last load counts as light"))
}

/// Rounded up to two digits: a bound that can be said.
fn two_digits(value: f64) -> f64 {
    let mut unit = 1.0;
    while value / unit >= 100.0 {
        unit *= 10.0;
    }
    (value / unit).ceil() * unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_rounded_up_to_two_digits() {
        assert_eq!([3.96e9, 4.0e9, 41.2e6, 99.5e3, 7.0].map(two_digits), [4.0e9, 4.0e9, 42.0e6, 100.0e3, 7.0]);
    }
}
