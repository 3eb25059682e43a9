//! The universal scalability law in words, where what was varied is a number of things that work side by side.

use lab::Unit;
use lab::sweep::results::Results;
use lab::sweep::usl::{Fit, Misfit, NoFit, R2_MIN, ScalabilitySample, fit};
use lab::sweep::values::{ValueKind, read_number};

use super::super::Style;
use super::points::indented;
use crate::words::number::value;
use crate::words::wrap;

/// Keys that say how many of something work side by side.
const COUNTS: [&str; 7] = ["threads", "greenlets", "processes", "servers", "cores", "clients", "connections"];

/// The law of a world, or why there is none; nothing where the question makes no sense.
pub(super) fn scaling(results: &Results, world: usize, style: Style) -> String {
    let study = &results.study;
    let [setting] = study.varied()[..] else { return String::new() };
    let column = &study.settings[setting];
    let last = column.key.rsplit('.').next().unwrap_or_default();
    if column.kind != ValueKind::Count || !COUNTS.contains(&last) || !concerns(&column.key, &study.worlds[world]) {
        return String::new();
    }
    let text = match fit(&samples(results, world, setting)) {
        Ok(fit) => sentence(&fit, last),
        Err(NoFit::TooFewPoints(points)) => {
            format!(
                "Scalability law: {points} different points with an answer are too few for its three parameters; it takes 4."
            )
        }
        Err(NoFit::Flat) => {
            format!("Scalability law: throughput does not depend on {last}, so there is nothing to fit.")
        }
    };
    indented(&wrap(&text, style.width.saturating_sub(2))).concat()
}

/// Whether a setting has anything to do with a world: `world.threads.threads` has not with the world gevent.
fn concerns(key: &str, world: &str) -> bool {
    key.strip_prefix("world.").is_none_or(|rest| {
        rest.strip_prefix(world)
            .or_else(|| rest.strip_prefix(&format!("{world:?}")))
            .is_some_and(|rest| rest.starts_with('.'))
    })
}

fn samples(results: &Results, world: usize, setting: usize) -> Vec<ScalabilitySample> {
    let study = &results.study;
    let mean = |point: usize, name: &str| {
        let number = results.number(name)?;
        results.estimate(point, world, number).map(|found| found.mean)
    };
    let sample = |point: usize| {
        let n = read_number(&study.points[point].values[setting])?.value;
        let throughput = mean(point, "throughput_rps")?;
        let share = mean(point, "success_share").filter(|share| *share > 0.0 && study.open);
        Some(ScalabilitySample { n, throughput, sent: share.map(|share| throughput / share) })
    };
    (0..study.points.len()).filter_map(sample).collect()
}

fn sentence(fit: &Fit, what: &str) -> String {
    let r2 = format!("R² {:.3}", fit.r2);
    if !fit.doubts.is_empty() {
        let reason = |doubt: &Misfit| match doubt {
            Misfit::R2 => format!("it explains too little of the variance ({r2}, less than {R2_MIN})"),
            Misfit::Miss => format!("it misses a point by {:.0} % of the largest throughput", fit.miss * 100.0),
            Misfit::Offered(points) => format!(
                "at {points} points all that clients send is answered, so throughput is theirs and not the servers' (raise the rate)"
            ),
        };
        let reasons: Vec<String> = fit.doubts.iter().map(reason).collect();
        return format!("Scalability law: does not fit; {}.", reasons.join("; "));
    }
    let law = &fit.law;
    let peak = match law.peak() {
        None => "throughput never falls".to_owned(),
        Some(peak) => {
            let beyond = if peak > fit.tried { ", beyond what was tried" } else { "" };
            format!(
                "most throughput at N* = {} {what}{beyond}: {}",
                rounded(peak),
                value(Unit::PerSecond, law.at(peak))
            )
        }
    };
    format!(
        "Scalability law: lambda {}, sigma {} (queueing), kappa {} (crosstalk); {r2}; {peak}.",
        value(Unit::PerSecond, law.lambda),
        small(law.sigma),
        small(law.kappa),
    )
}

fn rounded(n: f64) -> String {
    format!("{}", lab::sweep::values::rounded(n, 3))
}

/// A parameter with three digits; one too small to see is none.
fn small(parameter: f64) -> String {
    if parameter < 1e-9 { "0".to_owned() } else { format!("{}", lab::sweep::values::rounded(parameter, 3)) }
}
