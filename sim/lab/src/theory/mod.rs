//! What queueing theory says of a world beside what is simulated: a law where one applies, a reason where none does, and bounds.
//!
//! A law is claimed only where its conditions hold in the model. It is called exact only where nothing else takes part: work of the
//! server that the law has no word for makes it an approximation, and says so. What the run showed (drops, failures, processes that were
//! replaced) can refuse a law too, but never choose one: that would be to fit theory to results.

mod applies;
mod ceiling;
pub mod laws;
pub(crate) mod least;
mod needs;
mod refusal;
pub(crate) mod stations;
mod tail;
pub(crate) mod uses;

use engine::model::{Arrivals, Model};

pub(crate) use ceiling::offered;
pub use ceiling::{Ceiling, LatencyFloor, Little, ceiling};
pub(crate) use needs::passes;
pub use refusal::Refusal;
pub use stations::StationKind;

use crate::estimate::Estimate;
use crate::figure::FigureSpec;
use crate::precision::figure;
use crate::summary::Summary;

/// Standard errors within which a law and a simulation agree: one of about 370 right ones would not.
pub const AGREES_WITHIN: f64 = 3.0;

/// And by what share they may differ besides.
const UNREAD: f64 = 1e-4;

/// What theory says of one world.
#[derive(Clone, PartialEq, Debug)]
pub struct TheoryPanel {
    /// Name of the world.
    pub world: String,
    /// The law that applies, or the first reason why none does.
    pub law: Result<Claim, Refusal>,
    /// What no world with these needs can exceed; `None` where nothing is known of them.
    pub bound: Option<Ceiling>,
}

/// A law, and what it predicts.
#[derive(Clone, PartialEq, Debug)]
pub struct Claim {
    /// Its name, with its parameters.
    pub law: String,
    /// Why it is only an approximation here; `None` for an exact law.
    pub approximation: Option<String>,
    /// What it predicts of the figures of a run.
    pub predictions: Vec<Prediction>,
}

/// A figure as predicted and as simulated.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// Which.
    pub spec: &'static FigureSpec,
    /// What the law says, in the figure's unit.
    pub predicted: f64,
    /// What the runs say.
    pub simulated: Option<Estimate>,
    /// Whether the runs are long enough to have seen what the mean is made of; if not, their interval says little.
    pub settled: bool,
}

impl Prediction {
    /// By how much the simulation lies above the prediction, as a share of it.
    pub fn off(&self) -> Option<f64> {
        self.simulated.map(|simulated| simulated.mean / self.predicted - 1.0)
    }

    /// Whether the simulation lies within three standard errors of the prediction; `None` without an interval.
    pub fn agrees(&self) -> Option<bool> {
        let simulated = self.simulated?;
        let error = simulated.standard_error()?;
        // What does not vary agrees if it is the same in the digits that anybody reads: a return from a call takes 100 ns.
        Some((simulated.mean - self.predicted).abs() <= AGREES_WITHIN * error + UNREAD * self.predicted.abs())
    }
}

/// What theory says of a world beside its runs.
pub fn panel(model: &Model, summary: &Summary) -> TheoryPanel {
    let classes = &model.clients.first().map_or(Vec::new(), |client| client.chosen().collect());
    let (needs, refusal) = needs::needs(model, classes);
    let law = applies::conditions(model)
        .and_then(|()| refusal.map_or(Ok(()), Err))
        .and_then(|()| applies::shown(summary))
        .and_then(|()| applies::station(model, &needs));
    let simulated = |name: &str| summary.figure(name).and_then(|figure| figure.estimate);
    let requests = requests(model, summary);
    let law = law.map(|station| Claim {
        law: station.name(),
        approximation: station.approximation(),
        predictions: station
            .predictions(model)
            .into_iter()
            .map(|(name, predicted)| {
                let spec = figure(name).expect("predictions are of figures of the table");
                Prediction { spec, predicted, simulated: simulated(name), settled: station.settles(&needs, requests) }
            })
            .collect(),
    });
    let bound = ceiling(model).map(|bound| Ceiling {
        simulated: simulated("throughput_rps"),
        little: little(model, summary, &bound),
        latency: bound.latency.map(|floor| LatencyFloor { simulated: simulated("latency_mean_ns"), ..floor }),
        ..bound
    });
    TheoryPanel { world: summary.world.clone(), law, bound }
}

/// Requests that all runs of a world have answered, about.
fn requests(model: &Model, summary: &Summary) -> f64 {
    let rate = summary.mean("throughput_rps").unwrap_or(0.0);
    let window = model.run.length.map(|length| length.saturating_sub(model.run.warm_up).as_secs_f64());
    f64::from(summary.replications) * window.map_or(f64::INFINITY, |window| rate * window)
}

/// Slots are all taken if so many of them are, on average over a run.
const ALL_TAKEN: f64 = 0.99;

/// Little's law where something runs out: for slots with what the runs show of how long each is held, because waits are a part of it.
fn little(model: &Model, summary: &Summary, bound: &Ceiling) -> Option<Little> {
    let figure = |name: &str| summary.mean(name);
    let known = bound.little.clone();
    if known.as_ref().is_some_and(|little| little.of != StationKind::Slots) || model.workers[0].resident {
        return known;
    }
    let rate = known.as_ref().map(|little| little.rate).or(bound.offered)?;
    let (busy, good) = (figure("slots_busy_share")?, figure("throughput_rps")?);
    // Of requests that end badly nobody knows here how long they held a slot, or whether they did.
    if applies::shown(summary).is_err() {
        return known;
    }
    let have = model.slots() as f64;
    let seen = Little { rate, each: have * busy / good, have, of: StationKind::Slots, seen: true };
    if busy >= ALL_TAKEN && good > 0.0 && seen.want() > have { Some(seen) } else { known }
}

/// The rate of an open client that does not change; `None` for every other.
fn steady_rate(arrivals: &Arrivals) -> Option<f64> {
    match arrivals {
        Arrivals::Poisson(profile) | Arrivals::Fixed(profile) => {
            let first = profile.points.first()?.1;
            profile.points.iter().all(|point| point.1 == first).then_some(first)
        }
        Arrivals::Trace(_) | Arrivals::Closed { .. } => None,
    }
}
