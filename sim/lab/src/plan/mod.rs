//! The cheapest deployment that meets the objectives, what binds it, what more or less money buys, and how far it moves if an input
//! is off.
//!
//! A deployment meets the objectives if every replication does: that is stricter than an interval, and a single run can refuse it.

mod cost;
mod grid;
mod miss;
mod table;
mod tried;

use engine::model::Model;
use engine::rng::Seed;

pub use cost::{Cost, Prices};
pub use grid::{DeploymentFate, Grid, GridAxis, MORE_HELPS, cheapest, cheapest_by_force};
pub use table::make;

use crate::capacity::{Break, Vitals};
use crate::overload::Overload;
use crate::scaled::Input;
use crate::slo::{GoodSide, Objective, Seen, Slo};
use miss::used;

/// How far inputs are off when the answer is asked for again, per cent.
pub const OFF_PERCENT: u32 = 20;
/// Costs that differ by no more than this share are taken for equal.
pub const TIE: f64 = 0.01;
/// Deployments of a world that are run in full because they cost as much as its answer.
pub const TIES_MAX: usize = 24;
/// Deployments that are cheaper than a world's answer and were ruled out unseen are run after all, if they are no more than this.
pub const CHECKED_MAX: usize = 200;
/// Deployments beyond those of the search that are run once, to show what money buys.
pub const FRONTIER_RUNS: usize = 24;

/// All deployments of a world.
#[derive(Clone, Debug)]
pub struct Space {
    /// The world.
    pub world: String,
    /// What varies.
    pub grid: Grid,
    /// The world in each deployment, by its index in the grid.
    pub models: Vec<Model>,
}

/// What to plan, and how closely.
#[derive(Clone, Debug)]
pub struct Question {
    /// Seed of every run.
    pub seed: Seed,
    /// Replications that have to meet the objectives.
    pub replications: u32,
    /// Threads to run on; `None`: as many as there are cores.
    pub threads: Option<usize>,
    /// What everything costs.
    pub prices: Prices,
    /// Whether every deployment that is cheaper than the answer is run, not only those that the assumption leaves open.
    pub by_force: bool,
    /// Whether the search is made anew with inputs that are off.
    pub off: bool,
}

/// A deployment that was run.
#[derive(Clone, PartialEq, Debug)]
pub struct Deployment {
    /// Its world.
    pub world: String,
    /// Every setting that varies: path and value.
    pub settings: Vec<(String, String)>,
    /// What it costs.
    pub cost: Cost,
    /// Its replications, up to the first that misses; all where it misses by little.
    pub runs: Vec<Vitals>,
}

impl Deployment {
    /// Whether no replication misses an objective. Of a deployment that was run once this is that one's answer.
    pub fn meets(&self) -> bool {
        self.runs.iter().all(|vitals| vitals.holds)
    }

    /// p99 of the first replication, nanoseconds.
    pub fn p99_ns(&self) -> Option<f64> {
        self.runs.first()?.p99_ns
    }

    /// The worst that any replication has of an objective.
    pub fn worst(&self, slo: &Slo, at: usize) -> Option<f64> {
        let value = |vitals: &Vitals| if let Seen::Value(value) = vitals.seen[at] { Some(value) } else { None };
        let values = self.runs.iter().filter_map(value);
        match slo.objectives[at].side {
            GoodSide::Below => values.reduce(f64::max),
            GoodSide::Above => values.reduce(f64::min),
        }
    }

    /// The objective with the least room, and how much of its bound is used.
    pub fn binding<'s>(&self, slo: &'s Slo) -> Option<(&'s Objective, f64)> {
        let used = |(at, objective): (usize, &'s Objective)| {
            let worst = self.worst(slo, at)?;
            Some((objective, used(objective, worst)))
        };
        slo.objectives.iter().enumerate().filter_map(used).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// A deployment with one step less of something.
#[derive(Clone, PartialEq, Debug)]
pub struct StepDown {
    /// The path of what it has less of.
    pub path: String,
    /// The deployment.
    pub deployment: Deployment,
    /// The objectives that it misses, in its first replication that misses any.
    pub missed: Vec<(Objective, Seen)>,
    /// Whether its queue grows in that replication.
    pub overload: Option<Overload>,
    /// What breaks; `None` if it meets the objectives as well.
    pub breaks: Option<Break>,
}

/// The answer for one world.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldPlan {
    /// Its name.
    pub world: String,
    /// Deployments that there are.
    pub deployments: usize,
    /// Those that were run.
    pub run: usize,
    /// The cheapest that meets, or of those that cost about as much the one with the most room; `None`: none does.
    pub cheapest: Option<Deployment>,
    /// It with one step less of each setting of which more helps.
    pub steps_down: Vec<StepDown>,
    /// The one that comes nearest where none meets: the last that was run.
    pub nearest: Option<Deployment>,
    /// Deployments that cost about as much as the cheapest and meet as well, itself included: the one with the most room is the answer.
    pub tied: usize,
    /// What the cheapest of these costs, and the dearest.
    pub tie: Option<(f64, f64)>,
    /// Whether a cheaper deployment was found to meet although the search had ruled it out.
    pub surprised: bool,
    /// Cheaper deployments that were ruled out and never run, because there are too many.
    pub unchecked: usize,
}

/// The answer if an input is off.
#[derive(Clone, PartialEq, Debug)]
pub struct Moved {
    /// What is off.
    pub input: Input,
    /// So many per cent of what the scenario says.
    pub percent: u32,
    /// Whether the answer of the scenario as it is still meets.
    pub holds: bool,
    /// The cheapest deployment then, of all worlds.
    pub cheapest: Option<Deployment>,
}

/// Everything that was asked.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// What the deployments were held to.
    pub slo: Slo,
    /// What everything costs.
    pub prices: Prices,
    /// The worlds, in the order of the scenario.
    pub worlds: Vec<WorldPlan>,
    /// The world with the cheapest deployment, or of those that cost about as much the one with the most room.
    pub best: Option<usize>,
    /// All deployments that were run with the inputs as they are, by cost.
    pub seen: Vec<Deployment>,
    /// Which of them nothing beats in both cost and p99.
    pub frontier: Vec<usize>,
    /// The answer if an input is off.
    pub moved: Vec<Moved>,
    /// Runs that it took.
    pub runs: usize,
}

impl Plan {
    /// The cheapest deployment of all worlds.
    pub fn answer(&self) -> Option<&Deployment> {
        self.worlds[self.best?].cheapest.as_ref()
    }
}
