//! The objectives that are assumed where a scenario has none: what people would call working.
//!
//! Latency: a p99 of three times what the best world has at light load. Errors: one request in a hundred more than the best world has
//! there, because some scenarios lose people whatever the servers do.
//! Without both a queue without end would count as well served, so whichever is missing is assumed.
//!
//! A bound that is made of measured values is no better than these. So light load is run until its errors are known to a quarter of what
//! is granted beyond them and its p99 to a tenth; where that takes too many runs, the bound is said to be a guess.

use engine::model::Model;

use rayon::prelude::*;

use super::at_load::at_load;
use super::runs::{Done, Runner};
use super::{Ladder, SearchSettings, Vitals};
use crate::LabError;
use crate::estimate::Estimate;
use crate::run::FailedRun;
use crate::slo::{GoodSide, Measure, Objective, Slo};

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
/// Of that, the standard error of the errors of light load may be this part.
const CLOSE_ERRORS: f64 = 0.25;
/// Of the p99 of light load, its standard error may be this part.
const CLOSE_P99: f64 = 0.1;
/// Runs of a light load at most, of each world.
const MOST: u32 = 64;

/// Objectives to search with, and how many of them nobody wrote.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumed {
    /// All objectives of the search.
    pub slo: Slo,
    /// Those that were assumed; they are among them, at the end.
    pub assumed: Vec<Objective>,
    /// Those of the scenario that a search for the highest load cannot use: floors on throughput.
    pub set_aside: Vec<Objective>,
    /// Whether light load was told closely enough for what was assumed to be more than a guess.
    pub told: bool,
}

/// Completes the objectives of a scenario for a search.
///
/// # Errors
/// As [`super::measure`].
pub fn assumed(
    given: Option<&Slo>,
    models: &[Model],
    plan: &SearchSettings,
    done: &Done<'_>,
) -> Result<Assumed, LabError> {
    let runner = &Runner::new(plan, done)?;
    let given: Vec<Objective> = given.map_or(Vec::new(), |slo| slo.objectives.clone());
    let (set_aside, mut objectives): (Vec<_>, Vec<_>) =
        given.into_iter().partition(|objective| objective.measure == Measure::Throughput);
    let has = |wanted: fn(Measure) -> bool| objectives.iter().any(|objective| wanted(objective.measure));
    let no_latency = !has(|measure| matches!(measure, Measure::Latency(_)));
    let no_errors = !has(|measure| matches!(measure, Measure::Errors | Measure::Served));
    let mut assumed = Vec::new();
    let mut told = true;
    if no_latency || no_errors {
        let ladder = Ladder::of(&models[0].clients, plan.tolerance);
        let numbers: Vec<usize> = (0..models.len()).collect();
        let light = runner.all(&numbers, &|&world| Light::of(&models[world], &ladder, plan, runner))?;
        let p99 = light.iter().filter_map(|one| one.p99_ns).fold(f64::INFINITY, f64::min);
        if no_latency && p99.is_finite() {
            assumed.push(below(Measure::Latency(990), two_digits(SLOWER * p99)));
        }
        if no_errors {
            let share = light.iter().map(|one| one.errors).fold(f64::INFINITY, f64::min) + ERRORS;
            assumed.push(below(Measure::Errors, ((share * 1e3).floor() / 1e3).min(1.0)));
        }
        told = light.iter().all(|one| one.told);
    }
    objectives.extend(assumed.iter().cloned());
    Ok(Assumed { slo: Slo { objectives, worlds: None }, assumed, set_aside, told })
}

fn below(measure: Measure, bound: f64) -> Objective {
    Objective { measure, class: None, side: GoodSide::Below, inclusive: false, bound }
}

/// A world at light load.
struct Light {
    /// Mean of the p99 of its runs; `None` if one of them has none.
    p99_ns: Option<f64>,
    /// Mean of the errors.
    errors: f64,
    /// Whether both are told closely.
    told: bool,
}

impl Light {
    fn of(model: &Model, ladder: &Ladder, plan: &SearchSettings, runner: &Runner<'_>) -> Result<Light, FailedRun> {
        let (of_p99, of_errors) = lightest(model, ladder, plan, runner)?;
        let same = of_p99 == of_errors;
        let close_errors = |runs: &[Vitals]| {
            let values: Vec<f64> = runs.iter().map(|vitals| vitals.errors).collect();
            is_close(&values, |_| CLOSE_ERRORS * ERRORS)
        };
        let close_p99 = |runs: &[Vitals]| {
            let values: Option<Vec<f64>> = runs.iter().map(|vitals| vitals.p99_ns).collect();
            values.is_none_or(|values| is_close(&values, |mean| CLOSE_P99 * mean))
        };
        let at = |rung: usize| move |number: u32| run(model, ladder, rung, number, plan, runner);
        let (p99s, told_p99) = closely(plan, at(of_p99), |runs| close_p99(runs) && (!same || close_errors(runs)))?;
        let p99_ns: Option<Vec<f64>> = p99s.iter().map(|vitals| vitals.p99_ns).collect();
        let (errors, told_errors) = if same { (p99s, told_p99) } else { closely(plan, at(of_errors), close_errors)? };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let errors: Vec<f64> = errors.iter().map(|vitals| vitals.errors).collect();
        Ok(Light { p99_ns: p99_ns.map(|all| mean(&all)), errors: mean(&errors), told: told_p99 && told_errors })
    }
}

fn run(
    model: &Model,
    ladder: &Ladder,
    rung: usize,
    replication: u32,
    plan: &SearchSettings,
    runner: &Runner<'_>,
) -> Result<Vitals, FailedRun> {
    let nothing = Slo { objectives: Vec::new(), worlds: None };
    runner.run(&at_load(model, ladder.factor(rung), plan.longer), replication, &nothing)
}

/// Runs replications until they are close, as many as the plan says at least, and says whether they are.
fn closely(
    plan: &SearchSettings,
    run: impl Fn(u32) -> Result<Vitals, FailedRun> + Sync,
    close: impl Fn(&[Vitals]) -> bool,
) -> Result<(Vec<Vitals>, bool), FailedRun> {
    let mut runs: Vec<Vitals> = Vec::new();
    let mut wanted = plan.replications;
    loop {
        let first = u32::try_from(runs.len()).expect("replications are counted by u32");
        let more: Vec<Result<Vitals, FailedRun>> = (first..wanted).into_par_iter().with_max_len(1).map(&run).collect();
        for vitals in more {
            runs.push(vitals?);
        }
        // A single replication is one because somebody asked for no more.
        let close = plan.replications == 1 || close(&runs);
        if close || wanted >= MOST {
            return Ok((runs, close));
        }
        wanted = (wanted * 2).min(MOST);
    }
}

/// Whether the standard error of the mean is within what the mean allows.
fn is_close(values: &[f64], allowed: impl Fn(f64) -> f64) -> bool {
    let estimate = Estimate::of(values);
    estimate.is_some_and(|estimate| estimate.standard_error().is_some_and(|error| error <= allowed(estimate.mean)))
}

/// The loads that count as light, by the first replication, for the p99 and for the errors: the scenario's own if that is light, else a
/// quarter of it, and so on.
///
/// Where errors do not go away they may be the client's, as when it runs out of ports, so still lighter loads are asked for them.
fn lightest(
    model: &Model,
    ladder: &Ladder,
    plan: &SearchSettings,
    runner: &Runner<'_>,
) -> Result<(usize, usize), FailedRun> {
    let mut rung = ladder.base();
    let mut found: Option<(usize, usize, f64)> = None;
    for tried in 1..=QUARTERS {
        let vitals = run(model, ladder, rung, 0, plan, runner)?;
        let last = rung == 0 || tried == QUARTERS;
        if let Some((of_p99, of_errors, _)) = found.filter(|_| vitals.ended < ENOUGH) {
            return Ok((of_p99, of_errors));
        }
        if last || vitals.slots_share <= LIGHT && vitals.cpu_share <= LIGHT {
            let (of_p99, of_errors, errors) = found.unwrap_or((rung, rung, vitals.errors));
            let fewer = vitals.errors < errors;
            found = Some((of_p99, if fewer { rung } else { of_errors }, errors.min(vitals.errors)));
            if last || vitals.errors <= ERRORS {
                break;
            }
        }
        rung = rung.saturating_sub(2 * ladder.doubling());
    }
    let (of_p99, of_errors, _) = found.expect("the last load counts as light");
    Ok((of_p99, of_errors))
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
