//! What a document of results says of how they were made: the warm-up that was found, the precision that was reached.

use lab::warm_up::WorldCut;
use lab::{Precision, WarmUp};
use serde::Serialize;

use crate::json::{Number, OneLine};

/// What is left out of every run.
#[derive(Serialize)]
pub(crate) struct WarmUpFound<'a> {
    method: &'static str,
    removed_s: Number,
    /// Whether every world has settled; if not, nothing is left out.
    settled: bool,
    pilot_runs: u32,
    worlds: Vec<OneLine<Cut<'a>>>,
}

/// Where a world would be cut.
#[derive(Serialize)]
struct Cut<'a> {
    world: &'a str,
    cut_s: Number,
    settled: bool,
}

impl<'a> WarmUpFound<'a> {
    pub(crate) fn of(warm_up: &'a WarmUp) -> WarmUpFound<'a> {
        let cut = |world: &'a WorldCut| {
            OneLine(Cut { world: &world.world, cut_s: Number(world.at.as_secs_f64()), settled: world.settled })
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
    figures: Vec<OneLine<Reached<'a>>>,
}

/// Half an interval over its mean; `null` where there is no interval.
#[derive(Serialize)]
struct Reached<'a> {
    world: &'a str,
    figure: &'static str,
    half_width_share: Option<Number>,
}

impl<'a> PrecisionReached<'a> {
    pub(crate) fn of(precision: &'a Precision) -> PrecisionReached<'a> {
        let reached = |reached: &'a lab::precision::Reached| {
            let share = reached.share.filter(|share| share.is_finite());
            OneLine(Reached { world: &reached.world, figure: reached.figure.name, half_width_share: share.map(Number) })
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
