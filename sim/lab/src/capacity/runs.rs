//! The runs behind a capacity: which are made, on how many threads, and what is kept of them.
//!
//! A task of the pool is one world, and its replications are tasks of their own. A world decides by its own runs only, and by all of them
//! together, so neither the number of threads nor the order in which tasks finish changes a result.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::model::Model;
use engine::rng::Replication;
use rayon::prelude::*;

use super::at_load::at_load;
use super::cause::Break;
use super::edges::Edges;
use super::search::Bracket;
use super::tried::TriedLoads;
use super::vitals::Vitals;
use super::{Capacity, Ladder, LoadFloor, LoadPoint, LoadUnit, ReachedCapacity, SearchSettings, WorldCapacity};
use crate::estimate::Estimate;
use crate::run::FailedRun;
use crate::slo::Slo;
use crate::{LabError, Progress};

/// Told after each run, by one thread at a time; the total is what is expected by then.
pub type Done<'a> = dyn Fn(Progress) + Sync + 'a;

/// Loads that are judged by all replications, runs of a plot, and runs that only look where to begin: what is expected of each.
const EXPECTED: (usize, usize, usize) = (14, 6, 12);
/// The load beyond the capacity that tells what breaks.
const BEYOND: f64 = 1.1;
/// Loads of a plot, over the capacity.
const CURVE: [f64; 7] = [0.1, 0.25, 0.5, 0.75, 0.92, 1.06, 1.4];
/// A plot wants no load so near to one that was run.
const NEAR: f64 = 1.09;

/// A pool of threads, and a count of what it ran.
pub(crate) struct Runner<'a> {
    plan: &'a SearchSettings,
    pool: rayon::ThreadPool,
    done: &'a Done<'a>,
    runs: AtomicUsize,
    expected: AtomicUsize,
    telling: Mutex<()>,
}

impl<'a> Runner<'a> {
    pub(crate) fn new(plan: &'a SearchSettings, done: &'a Done<'a>) -> Result<Runner<'a>, LabError> {
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

    /// Replications that are asked for.
    pub(crate) fn replications(&self) -> u32 {
        self.plan.replications
    }

    /// One run of a world as it is.
    pub(crate) fn run(&self, model: &Model, replication: u32, slo: &Slo) -> Result<Vitals, FailedRun> {
        let (seed, replication) = (self.plan.seed, Replication(replication));
        let result = engine::run(model, seed, replication);
        let failed = |error| FailedRun { world: model.name.clone(), seed, replication, error: Box::new(error) };
        let vitals = Vitals::of(&result.map_err(failed)?, model, slo);
        let _telling = self.telling.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let done = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let total = self.expected.fetch_max(done, Ordering::Relaxed).max(done);
        (self.done)(Progress { done, total, world: model.name.clone() });
        Ok(vitals)
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

/// What was found of a world.
struct Searched<'a> {
    tried: TriedLoads<'a>,
    edges: Edges,
    /// What every replication finds by itself.
    each: Vec<Bracket>,
}

/// Measures the capacity of every world.
///
/// # Errors
/// [`LabError::Runs`] names every run that failed; [`LabError::NothingToRun`] and [`LabError::Threads`] as [`crate::run_all`].
pub fn measure(models: &[Model], slo: &Slo, plan: &SearchSettings, done: &Done<'_>) -> Result<Capacity, LabError> {
    if models.is_empty() || plan.replications == 0 {
        return Err(LabError::NothingToRun { worlds: models.len(), replications: plan.replications });
    }
    let runner = Runner::new(plan, done)?;
    let ladder = Ladder::of(&models[0].clients, plan.tolerance);
    let around = models.len() * if plan.curve { EXPECTED.1 } else { 1 };
    let each = EXPECTED.2 + EXPECTED.0 * plan.replications as usize;
    runner.expect(models.len() * each + around);
    let numbers: Vec<usize> = (0..models.len()).collect();
    let searched = runner.all(&numbers, &|&world| {
        let mut tried = TriedLoads::new(&models[world], &ladder, slo, &runner, plan.longer);
        let edges = Edges::find(&mut tried)?;
        let start = edges.centre.meets.unwrap_or(tried.lowest);
        let each = (0..plan.replications).map(|number| tried.search_one(start, number)).collect::<Result<_, _>>()?;
        Ok(Searched { tried, edges, each })
    })?;
    let around = around_capacities(&searched, &ladder, plan.curve);
    runner.expect(around.len());
    let vitals = runner.all(&around, &|&(world, rung)| {
        runner.run(&at_load(&models[world], ladder.factor(rung), plan.longer), 0, slo)
    })?;
    let mut worlds = Vec::new();
    for (world, searched) in searched.into_iter().enumerate() {
        let more = around.iter().zip(&vitals).filter(|((other, _), _)| *other == world);
        let mut known: Vec<(usize, Vitals)> =
            searched.tried.first().map(|(rung, vitals)| (rung, vitals.clone())).collect();
        known.extend(more.map(|((_, rung), vitals)| (*rung, vitals.clone())));
        known.sort_by_key(|(rung, _)| *rung);
        worlds.push(world_capacity(searched, &ladder, &known)?);
    }
    let load = LoadUnit::of(&models[0].clients, models[0].run.length);
    Ok(Capacity::of(slo, load, worlds, runner.runs()))
}

/// The rung that tells what breaks: a tenth beyond the capacity, or the first that misses if that is further.
fn beyond(found: Bracket, ladder: &Ladder) -> Option<usize> {
    let (low, high) = (found.meets?, found.misses?);
    Some(ladder.nearest(ladder.factor(low) * BEYOND).max(high))
}

/// Loads that are still to be run in the first replication: what breaks, and those of a plot that are not near to any that was run.
fn around_capacities(searched: &[Searched<'_>], ladder: &Ladder, curve: bool) -> Vec<(usize, usize)> {
    let mut wanted = Vec::new();
    for (world, Searched { tried, edges, .. }) in searched.iter().enumerate() {
        let mut rungs: Vec<usize> = tried.first().map(|(rung, _)| rung).collect();
        let shares = CURVE.iter().filter(|_| curve);
        let of_plot = edges
            .centre
            .meets
            .into_iter()
            .flat_map(|capacity| shares.clone().map(move |share| ladder.nearest(ladder.factor(capacity) * share)));
        let of_plot: Vec<usize> = of_plot.filter(|rung| *rung >= tried.lowest).collect();
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
        beyond(edges.centre, ladder).into_iter().for_each(|rung| add(rung, 1.0));
        of_plot.into_iter().for_each(|rung| add(rung, NEAR));
    }
    wanted
}

/// Adds up what was found of a world; `known` are all runs of its first replication, by rung.
fn world_capacity(
    searched: Searched<'_>,
    ladder: &Ladder,
    known: &[(usize, Vitals)],
) -> Result<WorldCapacity, LabError> {
    let Searched { mut tried, edges, each } = searched;
    let failed = |run: FailedRun| LabError::Runs { failed: vec![run], total: 1 };
    let reached = |found: &Bracket| match (found.meets, found.misses) {
        (Some(rung), Some(next)) => ReachedCapacity::Load(ladder.factor(rung), ladder.factor(next)),
        (Some(rung), None) => ReachedCapacity::Beyond(ladder.factor(rung)),
        (None, _) => ReachedCapacity::Never,
    };
    let run = |rung: usize| {
        let known = known.iter().find(|(known, _)| *known == rung);
        &known.expect("a search has run both ends of what it found").1
    };
    let between = |good: usize, bad: usize| {
        Break::between(tried.model, (ladder.factor(good), run(good)), (ladder.factor(bad), run(bad)))
    };
    let Bracket { meets, misses } = edges.centre;
    let breaks = meets.zip(beyond(edges.centre, ladder)).map(|(at, beyond)| between(at, beyond));
    let too_light = edges.floor.map(|(holds, misses)| between(holds, misses));
    let told = edges.is_told(&mut tried).map_err(failed)?;
    let estimate = meets.map(|at| {
        let end = |rung: Option<usize>| rung.filter(|_| tried.replications > 1).map(|rung| ladder.factor(rung));
        Estimate { mean: ladder.factor(at), low: end(edges.surely), high: end(edges.surely_not), n: tried.replications }
    });
    let (missed, overload) = match misses {
        Some(rung) => {
            let judged = tried.judged(rung).map_err(failed)?;
            (judged.missed(tried.slo), judged.overload)
        }
        None => (Vec::new(), None),
    };
    let floor = match edges.floor.zip(too_light) {
        Some(((holds, misses), breaks)) => {
            let missed = tried.judged(misses).map_err(failed)?.missed(tried.slo);
            Some(LoadFloor { holds: ladder.factor(holds), misses: ladder.factor(misses), missed, breaks })
        }
        None => None,
    };
    let ends = (known.first().map_or(1.0, |(rung, _)| ladder.factor(*rung)), known.last());
    Ok(WorldCapacity {
        world: tried.model.name.clone(),
        reached: each.iter().map(reached).collect(),
        estimate,
        told,
        floor,
        missed,
        overload,
        missed_at: misses.map(|rung| ladder.factor(rung)),
        breaks,
        tried: (ends.0, ends.1.map_or(1.0, |(rung, _)| ladder.factor(*rung))),
        points: known
            .iter()
            .map(|(rung, vitals)| LoadPoint { factor: ladder.factor(*rung), vitals: vitals.clone() })
            .collect(),
    })
}
