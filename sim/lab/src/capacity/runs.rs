//! The runs behind a capacity: which are made, on how many threads, and what is kept of them.
//!
//! A task of the pool is one world in one replication. It decides by its own runs only, so neither the number of threads nor the order
//! in which tasks finish changes a result.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::model::Model;
use engine::rng::Replication;
use rayon::prelude::*;

use super::cause::Break;
use super::search::{Found, Stride, search};
use super::vitals::Vitals;
use super::{Capacity, Ladder, Load, Plan, Point, Reached, WorldCapacity, geometric};
use crate::run::FailedRun;
use crate::scaled::with_load;
use crate::slo::{Objective, Seen, Slo};
use crate::{LabError, Progress};

/// Told after each run, by one thread at a time; the total is what is expected by then.
pub type Done<'a> = dyn Fn(Progress) + Sync + 'a;

/// Runs of a first search, of a later one, and around a capacity: what is expected of each.
const EXPECTED: (usize, usize, usize) = (10, 6, 6);
/// The load beyond the capacity that tells what breaks.
const BEYOND: f64 = 1.1;
/// Loads of a plot, over the capacity.
const CURVE: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 0.92, 1.06, 1.4];
/// A plot wants no load so near to one that was run.
const NEAR: f64 = 1.09;

/// A pool of threads, and a count of what it ran.
pub(super) struct Runner<'a> {
    plan: &'a Plan,
    pool: rayon::ThreadPool,
    done: &'a Done<'a>,
    runs: AtomicUsize,
    expected: AtomicUsize,
    telling: Mutex<()>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(plan: &'a Plan, done: &'a Done<'a>) -> Result<Runner<'a>, LabError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.threads.unwrap_or(0)).build()?;
        let (runs, expected) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Runner { plan, pool, done, runs, expected, telling: Mutex::new(()) })
    }

    fn expect(&self, runs: usize) {
        self.expected.fetch_max(self.runs.load(Ordering::Relaxed) + runs, Ordering::Relaxed);
    }

    /// One run of a world at a load.
    pub(super) fn run(&self, model: &Model, factor: f64, replication: u32, slo: &Slo) -> Result<Vitals, FailedRun> {
        let scaled = with_load(model, factor);
        let (seed, replication) = (self.plan.seed, Replication(replication));
        let result = engine::run(&scaled, seed, replication);
        let failed = |error| FailedRun { world: model.name.clone(), seed, replication, error: Box::new(error) };
        let vitals = Vitals::of(&result.map_err(failed)?, &scaled, slo);
        let _telling = self.telling.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let done = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let total = self.expected.fetch_max(done, Ordering::Relaxed).max(done);
        (self.done)(Progress { done, total, world: model.name.clone() });
        Ok(vitals)
    }

    /// Something for every world and replication, by world.
    pub(super) fn each<T: Send>(
        &self,
        models: &[Model],
        make: &(impl Fn(&Model, u32) -> Result<T, FailedRun> + Sync),
    ) -> Result<Vec<Vec<T>>, LabError> {
        let replications = self.plan.replications as usize;
        self.expect(models.len() * replications);
        let places: Vec<(usize, u32)> = (0..self.plan.replications)
            .flat_map(|replication| (0..models.len()).map(move |world| (world, replication)))
            .collect();
        let results = self.all(&places, &|&(world, replication)| make(&models[world], replication))?;
        let mut by_world: Vec<Vec<T>> = models.iter().map(|_| Vec::new()).collect();
        places.iter().zip(results).for_each(|(&(world, _), result)| by_world[world].push(result));
        Ok(by_world)
    }

    /// Something for every place, in their order, or all that failed.
    fn all<P: Sync, T: Send>(
        &self,
        places: &[P],
        make: &(impl Fn(&P) -> Result<T, FailedRun> + Sync),
    ) -> Result<Vec<T>, LabError> {
        let results: Vec<Result<T, FailedRun>> =
            self.pool.install(|| places.par_iter().with_max_len(1).map(make).collect());
        let mut good = Vec::new();
        let mut failed = Vec::new();
        for result in results {
            match result {
                Ok(result) => good.push(result),
                Err(run) => failed.push(run),
            }
        }
        if failed.is_empty() { Ok(good) } else { Err(LabError::Runs { failed, total: places.len() }) }
    }
}

/// The runs of one replication of one world, by rung.
struct Tried<'a> {
    model: &'a Model,
    ladder: &'a Ladder,
    slo: &'a Slo,
    replication: u32,
    runner: &'a Runner<'a>,
    known: Vec<(usize, Vitals)>,
}

impl Tried<'_> {
    fn at(&mut self, rung: usize) -> Result<&Vitals, FailedRun> {
        if let Some(at) = self.known.iter().position(|(known, _)| *known == rung) {
            return Ok(&self.known[at].1);
        }
        let vitals = self.runner.run(self.model, self.ladder.factor(rung), self.replication, self.slo)?;
        self.known.push((rung, vitals));
        Ok(&self.known[self.known.len() - 1].1)
    }

    fn search(&mut self, start: usize, stride: Stride) -> Result<Found, FailedRun> {
        search(self.ladder.len(), start, stride, &mut |rung| Ok(self.at(rung)?.holds))
    }
}

/// What the first replication of a world found.
struct First {
    found: Found,
    known: Vec<(usize, Vitals)>,
}

/// Measures the capacity of every world.
///
/// # Errors
/// [`LabError::Runs`] names every run that failed; [`LabError::NothingToRun`] and [`LabError::Threads`] as [`crate::run_all`].
pub fn measure(models: &[Model], slo: &Slo, plan: &Plan, done: &Done<'_>) -> Result<Capacity, LabError> {
    if models.is_empty() || plan.replications == 0 {
        return Err(LabError::NothingToRun { worlds: models.len(), replications: plan.replications });
    }
    let runner = Runner::new(plan, done)?;
    let ladder = Ladder::of(&models[0].clients, plan.tolerance);
    let later = models.len() * (plan.replications as usize - 1);
    let around = if plan.curve { models.len() * EXPECTED.2 } else { models.len() };
    runner.expect(models.len() * EXPECTED.0 + later * EXPECTED.1 + around);
    let first = runner.all(models, &|model| {
        let mut tried = Tried { model, ladder: &ladder, slo, replication: 0, runner: &runner, known: Vec::new() };
        let found = tried.search(ladder.base(), Stride::Even(ladder.doubling()))?;
        Ok(First { found, known: tried.known })
    })?;
    let places: Vec<(usize, u32)> =
        (1..plan.replications).flat_map(|number| (0..models.len()).map(move |world| (world, number))).collect();
    runner.expect(places.len() * EXPECTED.1 + around);
    let found = runner.all(&places, &|&(world, replication)| {
        let model = &models[world];
        let start = first[world].found.meets.unwrap_or(0);
        let mut tried = Tried { model, ladder: &ladder, slo, replication, runner: &runner, known: Vec::new() };
        tried.search(start, Stride::Growing)
    })?;
    runner.expect(around);
    let numbered: Vec<(usize, First)> = first.into_iter().enumerate().collect();
    let worlds = runner.all(&numbered, &|(world, first)| {
        let later = places.iter().zip(&found).filter(|((other, _), _)| other == world).map(|(_, found)| *found);
        let all: Vec<Found> = std::iter::once(first.found).chain(later).collect();
        let known = first.known.clone();
        let mut tried = Tried { model: &models[*world], ladder: &ladder, slo, replication: 0, runner: &runner, known };
        world_capacity(&mut tried, &all, plan.curve)
    })?;
    let load = Load::of(&models[0].clients, models[0].run.length);
    Ok(Capacity::of(slo, load, worlds, runner.runs.load(Ordering::Relaxed)))
}

/// Adds up what the replications of a world found, and looks around its capacity.
fn world_capacity(tried: &mut Tried<'_>, all: &[Found], curve: bool) -> Result<WorldCapacity, FailedRun> {
    let ladder = tried.ladder;
    let reached = |found: &Found| match (found.meets, found.misses) {
        (Some(rung), Some(_)) => Reached::Load(ladder.factor(rung)),
        (Some(rung), None) => Reached::Beyond(ladder.factor(rung)),
        (None, _) => Reached::Never,
    };
    let reached: Vec<Reached> = all.iter().map(reached).collect();
    let estimate = geometric(&reached);
    let first = all[0];
    let missed = match first.misses {
        Some(rung) => missed(tried.slo, tried.at(rung)?),
        None => Vec::new(),
    };
    let breaks = match (first.meets, first.misses) {
        (Some(low), Some(high)) => {
            let beyond = ladder.nearest(ladder.factor(low) * BEYOND).max(high);
            let (at, after) = (tried.at(low)?.clone(), tried.at(beyond)?.clone());
            let (below, above) = (ladder.factor(low), ladder.factor(beyond));
            Some(Break::between(tried.model, (below, &at), (above, &after)))
        }
        _ => None,
    };
    if let Some(rung) = first.meets.filter(|_| curve) {
        fill_curve(tried, rung)?;
    }
    let mut known = std::mem::take(&mut tried.known);
    known.sort_by_key(|(rung, _)| *rung);
    let points = known.into_iter().map(|(rung, vitals)| Point { factor: ladder.factor(rung), vitals }).collect();
    let missed_at = first.misses.map(|rung| ladder.factor(rung));
    Ok(WorldCapacity { world: tried.model.name.clone(), reached, estimate, missed, missed_at, breaks, points })
}

/// Runs the loads that a plot wants and that are not near to any that was run.
fn fill_curve(tried: &mut Tried<'_>, capacity: usize) -> Result<(), FailedRun> {
    let ladder = tried.ladder;
    for share in CURVE {
        let rung = ladder.nearest(ladder.factor(capacity) * share);
        let factor = ladder.factor(rung);
        let near = |(known, _): &(usize, Vitals)| {
            let ratio = ladder.factor(*known) / factor;
            ratio < NEAR && 1.0 / ratio < NEAR
        };
        if !tried.known.iter().any(near) {
            tried.at(rung)?;
        }
    }
    Ok(())
}

/// The objectives on whose bad side a run is.
fn missed(slo: &Slo, vitals: &Vitals) -> Vec<(Objective, Seen)> {
    let bad = |(objective, seen): &(&Objective, &Seen)| match seen {
        Seen::Value(value) => !objective.allows(*value),
        Seen::Never => true,
        Seen::Nobody => false,
    };
    slo.objectives.iter().zip(&vitals.seen).filter(bad).map(|(objective, seen)| (objective.clone(), *seen)).collect()
}
