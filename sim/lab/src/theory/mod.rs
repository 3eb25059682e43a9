//! What queueing theory says of a world beside what is simulated: a law where one applies, a reason where none does, and bounds.
//!
//! A law is claimed only where its conditions hold in the model. It is called exact only where nothing else takes part: work of the
//! server that the law has no word for makes it an approximation, and says so. What the run showed (drops, failures, processes that were
//! replaced) can refuse a law too, but never choose one: that would be to fit theory to results.

mod applies;
pub mod laws;
mod needs;
mod refusal;

use engine::model::{Arrivals, Model};

pub use refusal::Refusal;

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
pub struct Panel {
    /// Name of the world.
    pub world: String,
    /// The law that applies, or the first reason why none does.
    pub law: Result<Claim, Refusal>,
    /// What no world with these needs can exceed; `None` where nothing is known of them.
    pub bound: Option<Bound>,
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

/// What the throughput cannot exceed.
#[derive(Clone, PartialEq, Debug)]
pub struct Bound {
    /// Requests a second that can be served, for as long as one likes.
    pub most: f64,
    /// Why not more, in words.
    pub why: String,
    /// Requests a second that are asked for, of an open client with a steady rate.
    pub offered: Option<f64>,
    /// What the figure can be in this run: what was asked for within its window may be answered while it drains.
    pub in_this_run: f64,
    /// Good responses a second in the runs.
    pub simulated: Option<Estimate>,
}

impl Bound {
    /// Whether the simulation keeps to it, as far as its interval can tell.
    pub fn holds(&self) -> Option<bool> {
        let simulated = self.simulated?;
        let most = self.offered.map_or(self.in_this_run, |offered| offered.min(self.in_this_run));
        Some(simulated.mean - AGREES_WITHIN * simulated.standard_error()? <= most * (1.0 + 1e-9))
    }
}

/// What theory says of a world beside its runs.
pub fn panel(model: &Model, summary: &Summary) -> Panel {
    let classes = &model.clients.first().map_or(Vec::new(), |client| client.chosen().collect());
    let (needs, refusal) = needs::needs(model, classes);
    let law = applies::conditions(model)
        .and_then(|()| refusal.map_or(Ok(()), Err))
        .and_then(|()| applies::shown(summary))
        .and_then(|()| applies::station(model, &needs));
    let simulated = |name: &str| summary.figure(name).and_then(|figure| figure.estimate);
    let law = law.map(|station| Claim {
        law: station.name(),
        approximation: station.approximation(),
        predictions: station
            .predictions(model)
            .into_iter()
            .map(|(name, predicted)| {
                let spec = figure(name).expect("predictions are of figures of the table");
                Prediction { spec, predicted, simulated: simulated(name) }
            })
            .collect(),
    });
    let bound = (model.clients.len() == 1).then(|| applies::bound(model, &needs)).flatten();
    let bound = bound.map(|bound| Bound { simulated: simulated("throughput_rps"), ..bound });
    Panel { world: summary.world.clone(), law, bound }
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
