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
const EXPECTED: (usize, usize, usize) = (14, 4, 6);
/// Runs that only look where to begin are so many times shorter.
const SCOUT: u64 = 6;
/// The load beyond the capacity that tells what breaks.
const BEYOND: f64 = 1.1;
/// Loads of a plot, over the capacity.
const CURVE: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 0.92, 1.06, 1.4];
/// A plot wants no load so near to one that was run.
const NEAR: f64 = 1.09;

/// A pool of threads, and a count of what it ran.
pub(crate) struct Runner<'a> {
    plan: &'a Plan,
    pool: rayon::ThreadPool,
    done: &'a Done<'a>,
    runs: AtomicUsize,
    expected: AtomicUsize,
    telling: Mutex<()>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(plan: &'a Plan, done: &'a Done<'a>) -> Result<Runner<'a>, LabError> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(plan.threads.unwrap_or(0)).build()?;
        let (runs, expected) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Ok(Runner { plan, pool, done, runs, expected, telling: Mutex::new(()) })
    }

    pub(crate) fn expect(&self, runs: usize) {
        self.expected.fetch_max(self.runs.load(Ordering::Relaxed) + runs, Ordering::Relaxed);
    }

    /// Runs so far.
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::Relaxed)
    }

    /// One run of a world at a load.
    pub(crate) fn run(&self, model: &Model, factor: f64, replication: u32, slo: &Slo) -> Result<Vitals, FailedRun> {
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
    pub(crate) fn each<T: Send>(
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
    pub(crate) fn all<P: Sync, T: Send>(
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
        let start = scout(model, &ladder, slo, &runner)?;
        let mut tried = Tried { model, ladder: &ladder, slo, replication: 0, runner: &runner, known: Vec::new() };
        let found = match start {
            Some(start) => tried.search(start, Stride::Growing)?,
            None => tried.search(ladder.base(), Stride::Even(ladder.doubling()))?,
        };
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
    let around = around_capacities(&first, &ladder, plan.curve);
    runner.expect(around.len());
    let vitals = runner.all(&around, &|&(world, rung)| runner.run(&models[world], ladder.factor(rung), 0, slo))?;
    let mut worlds = Vec::new();
    for (world, mut first) in first.into_iter().enumerate() {
        let later = places.iter().zip(&found).filter(|((other, _), _)| *other == world).map(|(_, found)| *found);
        let all: Vec<Found> = std::iter::once(first.found).chain(later).collect();
        let more = around.iter().zip(&vitals).filter(|((other, _), _)| *other == world);
        first.known.extend(more.map(|((_, rung), vitals)| (*rung, vitals.clone())));
        first.known.sort_by_key(|(rung, _)| *rung);
        worlds.push(world_capacity(&models[world], &ladder, slo, &first, &all));
    }
    let load = Load::of(&models[0].clients, models[0].run.length);
    Ok(Capacity::of(slo, load, worlds, runner.runs()))
}

/// Where short runs would put the capacity: a cheap first guess, which decides nothing but where the search begins.
fn scout(model: &Model, ladder: &Ladder, slo: &Slo, runner: &Runner<'_>) -> Result<Option<usize>, FailedRun> {
    let Some(length) = model.run.length else { return Ok(None) };
    let mut short = model.clone();
    short.run.length = Some(model.run.warm_up + (length - model.run.warm_up) / SCOUT);
    let mut tried = Tried { model: &short, ladder, slo, replication: 0, runner, known: Vec::new() };
    let found = tried.search(ladder.base(), Stride::Even(ladder.doubling()))?;
    Ok(found.meets.filter(|_| found.misses.is_some()))
}

/// The rung that tells what breaks: a tenth beyond the capacity, or the first that misses if that is further.
fn beyond(found: Found, ladder: &Ladder) -> Option<usize> {
    let (low, high) = (found.meets?, found.misses?);
    Some(ladder.nearest(ladder.factor(low) * BEYOND).max(high))
}

/// Loads that are still to be run in the first replication: what breaks, and those of a plot that are not near to any that was run.
fn around_capacities(first: &[First], ladder: &Ladder, curve: bool) -> Vec<(usize, usize)> {
    let mut wanted = Vec::new();
    for (world, First { found, known }) in first.iter().enumerate() {
        let mut rungs: Vec<usize> = known.iter().map(|(rung, _)| *rung).collect();
        let shares = CURVE.iter().filter(|_| curve);
        let of_plot = found
            .meets
            .into_iter()
            .flat_map(|capacity| shares.clone().map(move |share| ladder.nearest(ladder.factor(capacity) * share)));
        let of_plot: Vec<usize> = of_plot.collect();
        let mut add = |rung: usize, near: f64| {
            let factor = ladder.factor(rung);
            let known = |other: &usize| {
                let ratio = ladder.factor(*other) / factor;
                *other == rung || ratio < near && 1.0 / ratio < near
            };
            if !rungs.iter().any(known) {
                rungs.push(rung);
                wanted.push((world, rung));
            }
        };
        beyond(*found, ladder).into_iter().for_each(|rung| add(rung, 1.0));
        of_plot.into_iter().for_each(|rung| add(rung, NEAR));
    }
    wanted
}

/// Adds up what the replications of a world found.
fn world_capacity(model: &Model, ladder: &Ladder, slo: &Slo, first: &First, all: &[Found]) -> WorldCapacity {
    let reached = |found: &Found| match (found.meets, found.misses) {
        (Some(rung), Some(next)) => Reached::Load(ladder.factor(rung), ladder.factor(next)),
        (Some(rung), None) => Reached::Beyond(ladder.factor(rung)),
        (None, _) => Reached::Never,
    };
    let reached: Vec<Reached> = all.iter().map(reached).collect();
    let run = |rung: usize| {
        let known = first.known.iter().find(|(known, _)| *known == rung);
        &known.expect("a search has run both ends of what it found").1
    };
    let Found { meets, misses } = first.found;
    let breaks = meets
        .zip(beyond(first.found, ladder))
        .map(|(at, beyond)| Break::between(model, (ladder.factor(at), run(at)), (ladder.factor(beyond), run(beyond))));
    let point = |(rung, vitals): &(usize, Vitals)| Point { factor: ladder.factor(*rung), vitals: vitals.clone() };
    WorldCapacity {
        world: model.name.clone(),
        estimate: geometric(&reached),
        reached,
        missed: misses.map_or(Vec::new(), |rung| missed(slo, run(rung))),
        missed_at: misses.map(|rung| ladder.factor(rung)),
        breaks,
        points: first.known.iter().map(point).collect(),
    }
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
