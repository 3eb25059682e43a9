//! What a document of results says beside the numbers: the warm-up that was found, the precision that was reached, what theory says.

use lab::theory::{Ceiling, Claim, LatencyFloor, Little, Prediction, TheoryPanel};
use lab::warm_up::WorldCut;
use lab::{Estimate, Precision, WarmUp};
use serde::Serialize;

use super::number::{Number, OneLine};
use crate::text::theory::little_words;

/// What is left out of every run.
#[derive(Serialize)]
pub(crate) struct WarmUpFound<'a> {
    method: &'static str,
    removed_s: Number,
    /// Whether every world has settled; if not, nothing is left out.
    settled: bool,
    pilot_runs: u32,
    worlds: Vec<OneLine<WrittenCut<'a>>>,
}

/// Where a world would be cut.
#[derive(Serialize)]
struct WrittenCut<'a> {
    world: &'a str,
    cut_s: Number,
    settled: bool,
}

impl<'a> WarmUpFound<'a> {
    pub(crate) fn of(warm_up: &'a WarmUp) -> WarmUpFound<'a> {
        let cut = |world: &'a WorldCut| {
            OneLine(WrittenCut { world: &world.world, cut_s: Number(world.at.as_secs_f64()), settled: world.settled })
        };
        WarmUpFound {
            method: "mser-5",
            removed_s: Number(warm_up.removed.as_secs_f64()),
            settled: warm_up.settled(),
            pilot_runs: warm_up.pilots,
            worlds: warm_up.worlds.iter().map(cut).collect(),
        }
    }
}

/// How narrow the intervals are that were asked for.
#[derive(Serialize)]
pub(crate) struct PrecisionReached<'a> {
    wanted_share: Number,
    holds: bool,
    looks: u32,
    max_replications: u32,
    figures: Vec<OneLine<WrittenReached<'a>>>,
}

/// Half an interval over its mean; `null` where there is no interval.
#[derive(Serialize)]
struct WrittenReached<'a> {
    world: &'a str,
    figure: &'static str,
    half_width_share: Option<Number>,
}

impl<'a> PrecisionReached<'a> {
    pub(crate) fn of(precision: &'a Precision) -> PrecisionReached<'a> {
        let reached = |reached: &'a lab::precision::ReachedPrecision| {
            let share = reached.share.filter(|share| share.is_finite());
            OneLine(WrittenReached {
                world: &reached.world,
                figure: reached.figure.name,
                half_width_share: share.map(Number),
            })
        };
        PrecisionReached {
            wanted_share: Number(precision.target.share),
            holds: precision.holds(),
            looks: precision.rounds,
            max_replications: precision.target.most,
            figures: precision.reached.iter().map(reached).collect(),
        }
    }
}

/// What theory says of a world.
#[derive(Serialize)]
pub(crate) struct WrittenTheory<'a> {
    world: &'a str,
    law: Option<&'a str>,
    exact: bool,
    approximation: Option<&'a str>,
    /// Why there is no law.
    why_none: Option<String>,
    predictions: Vec<OneLine<WrittenPrediction>>,
    throughput_bound: Option<OneLine<AtMost<'a>>>,
    /// Little's law where something runs out.
    #[serde(skip_serializing_if = "Option::is_none")]
    littles_law: Option<OneLine<WrittenLittle<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_bound: Option<OneLine<AtLeast<'a>>>,
}

#[derive(Serialize)]
struct WrittenLittle<'a> {
    of: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    asked_rps: Number,
    each: Number,
    unit: &'static str,
    seen_in_runs: bool,
    wanted: Number,
    there: Number,
    words: String,
}

#[derive(Serialize)]
struct AtLeast<'a> {
    least_mean_ns: Number,
    why: &'a str,
    simulated_mean_ns: Option<Number>,
}

#[derive(Serialize)]
struct WrittenPrediction {
    figure: &'static str,
    unit: &'static str,
    predicted: Number,
    simulated: Option<Number>,
    low: Option<Number>,
    high: Option<Number>,
    within_three_standard_errors: Option<bool>,
    long_enough: bool,
}

#[derive(Serialize)]
struct AtMost<'a> {
    most_rps: Number,
    binds: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    why: &'a str,
    offered_rps: Option<Number>,
    simulated_rps: Option<Number>,
    holds: Option<bool>,
}

impl<'a> WrittenTheory<'a> {
    pub(crate) fn of(panel: &'a TheoryPanel) -> WrittenTheory<'a> {
        let claim = panel.law.as_ref().ok();
        let bound = panel.bound.as_ref();
        let predictions = claim.map_or(&[][..], |claim| &claim.predictions);
        WrittenTheory {
            world: &panel.world,
            law: claim.map(|claim| claim.law.as_str()),
            exact: claim.is_some_and(|claim| claim.approximation.is_none()),
            approximation: claim.and_then(|Claim { approximation, .. }| approximation.as_deref()),
            why_none: panel.law.as_ref().err().map(ToString::to_string),
            predictions: predictions.iter().map(|prediction| OneLine(WrittenPrediction::of(prediction))).collect(),
            throughput_bound: panel.bound.as_ref().map(|bound| OneLine(AtMost::of(bound))),
            littles_law: bound.and_then(|bound| bound.little.as_ref()).map(|little| OneLine(WrittenLittle::of(little))),
            latency_bound: bound.and_then(|bound| bound.latency.as_ref()).map(|floor| OneLine(AtLeast::of(floor))),
        }
    }
}

impl<'a> WrittenLittle<'a> {
    fn of(little: &'a Little) -> WrittenLittle<'a> {
        WrittenLittle {
            of: little.of.name(),
            name: little.of.of(),
            asked_rps: Number(little.rate),
            each: Number(little.each),
            unit: if little.of == lab::theory::StationKind::Uplink { "bytes" } else { "s" },
            seen_in_runs: little.seen,
            wanted: Number(little.want()),
            there: Number(little.have),
            words: little_words(little),
        }
    }
}

impl<'a> AtLeast<'a> {
    fn of(floor: &'a LatencyFloor) -> AtLeast<'a> {
        let simulated = floor.simulated.map(|simulated| Number(simulated.mean));
        AtLeast { least_mean_ns: Number(floor.least * 1e9), why: &floor.why, simulated_mean_ns: simulated }
    }
}

impl WrittenPrediction {
    fn of(prediction: &Prediction) -> WrittenPrediction {
        let end = |of: fn(&Estimate) -> Option<f64>| prediction.simulated.as_ref().and_then(of).map(Number);
        WrittenPrediction {
            figure: prediction.spec.name,
            unit: prediction.spec.unit.symbol(),
            predicted: Number(prediction.predicted),
            simulated: end(|estimate| Some(estimate.mean)),
            low: end(|estimate| estimate.low),
            high: end(|estimate| estimate.high),
            within_three_standard_errors: prediction.agrees(),
            long_enough: prediction.settled,
        }
    }
}

impl<'a> AtMost<'a> {
    fn of(bound: &'a Ceiling) -> AtMost<'a> {
        AtMost {
            most_rps: Number(bound.most),
            binds: bound.binds.name(),
            name: bound.binds.of(),
            why: &bound.why,
            offered_rps: bound.offered.map(Number),
            simulated_rps: bound.simulated.map(|simulated| Number(simulated.mean)),
            holds: bound.holds(),
        }
    }
}
