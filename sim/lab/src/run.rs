//! Replications of every world side by side, on as many threads as are wanted.
//!
//! Which thread ran what, and in which order they finished, leaves no trace in the results: every run has its place.

use std::error::Error;
use std::fmt;
use std::sync::Mutex;

use engine::model::Model;
use engine::record::RunRecord;
use engine::rng::{Replication, Seed};
use rayon::prelude::*;

use crate::summary::WorldResult;

/// What to run of each world.
#[derive(Clone, Copy, Debug)]
pub struct RunSettings {
    /// Seed of every run; the replication number makes them differ.
    pub seed: Seed,
    /// Replications of each world.
    pub replications: u32,
    /// Threads to run on; `None`: as many as there are cores.
    pub threads: Option<usize>,
}

/// How far [`run_all`] has come, after each run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// Runs done, this one included.
    pub done: usize,
    /// Runs in all.
    pub total: usize,
    /// World of the run just done.
    pub world: String,
}

/// A run that ended in an error.
#[derive(Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct FailedRun {
    /// Name of its world.
    pub world: String,
    pub seed: Seed,
    pub replication: Replication,
    pub error: Box<dyn Error + Send + Sync>,
}

impl fmt::Display for FailedRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The engine's errors begin with the world's name.
        write!(f, "{} (seed {}, replication {})", self.error, self.seed.0, self.replication.0)
    }
}

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A plan without a single run.
    #[error("nothing to run: {worlds} worlds, {replications} replications")]
    NothingToRun {
        /// Worlds given.
        worlds: usize,
        /// Replications planned.
        replications: u32,
    },
    /// The operating system gave us no threads.
    #[error("cannot start the threads to run on: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Runs that ended in an error; all of them, by world and replication.
    #[error("{} of {total} runs failed{}", failed.len(), list(failed))]
    Runs {
        /// Those that failed.
        failed: Vec<FailedRun>,
        /// Runs in all.
        total: usize,
    },
}

impl LabError {
    /// The same error when replication zero stood for another one.
    fn shifted(mut self, first: u32) -> LabError {
        if let LabError::Runs { failed, .. } = &mut self {
            failed.iter_mut().for_each(|run| run.replication.0 += first);
        }
        self
    }
}

/// What came of one model: of every run in the order of replications, or the runs that failed.
pub type OfModel<T> = Result<Vec<T>, Vec<FailedRun>>;

fn list(failed: &[FailedRun]) -> String {
    failed.iter().map(|run| format!("\n  {run}")).collect()
}

/// Runs every replication of every world and returns the worlds in the order of `models`.
///
/// `progress` is called after each run by one thread at a time, with `done` counting up by one.
///
/// # Errors
/// [`LabError::Runs`] names every run that failed, not only the first; the others are run all the same.
pub fn run_all(
    models: &[Model],
    plan: &RunSettings,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<WorldResult>, LabError> {
    run_all_with(models, plan, progress, &engine::run)
}

/// [`run_all`] for the replications from `first` on: more of what was run before, or others than the ones that count.
///
/// # Errors
/// As [`run_all`].
pub fn run_all_from(
    models: &[Model],
    plan: &RunSettings,
    first: Replication,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<Vec<WorldResult>, LabError> {
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let run = |world: usize, Replication(number): Replication| {
        engine::run(&models[world], plan.seed, Replication(first.0 + number))
    };
    all_of(&names, plan, progress, &run).map_err(|error| error.shifted(first.0))
}

/// [`run_all`] with something else than the engine doing the runs, such as a test's.
///
/// # Errors
/// As [`run_all`].
pub fn run_all_with<E>(
    models: &[Model],
    plan: &RunSettings,
    progress: &(dyn Fn(Progress) + Sync),
    runner: &(impl Fn(&Model, Seed, Replication) -> Result<RunRecord, E> + Sync),
) -> Result<Vec<WorldResult>, LabError>
where
    E: Error + Send + Sync + 'static,
{
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let run = |world: usize, replication: Replication| runner(&models[world], plan.seed, replication);
    all_of(&names, plan, progress, &run)
}

/// Runs every replication of every model, keeps what `reduce` makes of each record, and returns that by model.
///
/// For many models of which a few numbers each are wanted: records are large. A model of which a run failed has its failed runs
/// instead, and spoils no other's results.
///
/// # Errors
/// [`LabError::NothingToRun`] and [`LabError::Threads`].
pub fn run_each<T: Send>(
    models: &[Model],
    plan: &RunSettings,
    progress: &(dyn Fn(Progress) + Sync),
    reduce: &(impl Fn(&RunRecord) -> T + Sync),
) -> Result<Vec<OfModel<T>>, LabError> {
    let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
    let run = |world: usize, replication: Replication| {
        engine::run(&models[world], plan.seed, replication).map(|record| reduce(&record))
    };
    run_places(&names, plan, progress, &run)
}

/// The records of every world, or all the runs that failed, by world.
fn all_of<E>(
    names: &[&str],
    plan: &RunSettings,
    progress: &(dyn Fn(Progress) + Sync),
    run: &(impl Fn(usize, Replication) -> Result<RunRecord, E> + Sync),
) -> Result<Vec<WorldResult>, LabError>
where
    E: Error + Send + Sync + 'static,
{
    let mut worlds = Vec::new();
    let mut failed = Vec::new();
    for (result, &name) in run_places(names, plan, progress, run)?.into_iter().zip(names) {
        match result {
            Ok(records) => worlds.push(WorldResult { name: name.to_owned(), records }),
            Err(mut runs) => failed.append(&mut runs),
        }
    }
    if failed.is_empty() {
        return Ok(worlds);
    }
    let replications = usize::try_from(plan.replications).expect("replications are counted by u32");
    Err(LabError::Runs { failed, total: names.len() * replications })
}

/// The scheduling, which needs only the worlds' names.
fn run_places<T, E>(
    names: &[&str],
    plan: &RunSettings,
    progress: &(dyn Fn(Progress) + Sync),
    run: &(impl Fn(usize, Replication) -> Result<T, E> + Sync),
) -> Result<Vec<OfModel<T>>, LabError>
where
    T: Send,
    E: Error + Send + Sync + 'static,
{
    // Replication by replication, so that the worlds of a pair are run close to each other.
    let places: Vec<(usize, Replication)> = (0..plan.replications)
        .flat_map(|number| (0..names.len()).map(move |world| (world, Replication(number))))
        .collect();
    if places.is_empty() {
        return Err(LabError::NothingToRun { worlds: names.len(), replications: plan.replications });
    }
    let total = places.len();
    let done = Mutex::new(0);
    let run_one = |&(world, replication): &(usize, Replication)| {
        let result = run(world, replication);
        let mut done = done.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        *done += 1;
        progress(Progress { done: *done, total, world: names[world].to_owned() });
        result
    };
    // No more threads than runs, however many are wanted; zero stands for one on each core.
    let threads = plan.threads.map_or(0, |wanted| wanted.min(total));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    // Runs take seconds each: one at a time keeps all threads busy to the end.
    let results: Vec<Result<T, E>> = pool.install(|| places.par_iter().with_max_len(1).map(run_one).collect());
    Ok(gather(names, plan, &places, results))
}

/// Puts each result in its place: by world, what came of its runs, or those that failed.
fn gather<T, E>(
    names: &[&str],
    plan: &RunSettings,
    places: &[(usize, Replication)],
    results: Vec<Result<T, E>>,
) -> Vec<OfModel<T>>
where
    E: Error + Send + Sync + 'static,
{
    let mut worlds: Vec<OfModel<T>> = names.iter().map(|_| Ok(Vec::new())).collect();
    for (&(world, replication), result) in places.iter().zip(results) {
        let place = &mut worlds[world];
        match (result, place.as_mut()) {
            (Ok(of_run), Ok(kept)) => kept.push(of_run),
            (Ok(_), Err(_)) => {}
            (Err(error), kept) => {
                let error = Box::new(error);
                let run = FailedRun { world: names[world].to_owned(), seed: plan.seed, replication, error };
                match kept {
                    Ok(_) => *place = Err(vec![run]),
                    Err(failed) => failed.push(run),
                }
            }
        }
    }
    worlds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Comparison;
    use crate::fixtures;
    use crate::series::world_series;

    #[derive(Debug, Clone, thiserror::Error)]
    #[error("{0}: livelock")]
    struct Livelock(&'static str);

    const NAMES: [&str; 3] = ["threads", "gevent", "pool"];

    fn plan(replications: u32, threads: usize) -> RunSettings {
        RunSettings { seed: Seed(7), replications, threads: Some(threads) }
    }

    fn run(world: usize, replication: Replication) -> Result<RunRecord, Livelock> {
        Ok(fixtures::record(NAMES[world], replication.0))
    }

    #[test]
    fn every_record_is_in_its_place() {
        let worlds = all_of(&NAMES, &plan(5, 3), &|_| {}, &run).unwrap();
        assert_eq!(worlds.len(), 3);
        for (world, name) in worlds.iter().zip(NAMES) {
            assert_eq!(world.name, name);
            assert!(world.records.iter().all(|record| record.world == name));
            let numbers: Vec<u32> = world.records.iter().map(|record| record.replication).collect();
            assert_eq!(numbers, [0, 1, 2, 3, 4]);
        }
    }

    #[test]
    fn every_failing_run_is_reported() {
        let failing = |world, replication: Replication| match (world, replication.0) {
            (2, 0) | (1, 1 | 3) => Err(Livelock(NAMES[world])),
            _ => run(world, replication),
        };
        let error = all_of(&NAMES, &plan(4, 2), &|_| {}, &failing).unwrap_err();
        let lines = [
            "3 of 12 runs failed",
            "  gevent: livelock (seed 7, replication 1)",
            "  gevent: livelock (seed 7, replication 3)",
            "  pool: livelock (seed 7, replication 0)",
        ];
        assert_eq!(error.to_string(), lines.join("\n"));
    }

    #[test]
    fn progress_counts_up_to_the_total() {
        let seen = Mutex::new(Vec::new());
        all_of(&NAMES, &plan(4, 4), &|progress| seen.lock().unwrap().push(progress), &run).unwrap();
        let seen = seen.into_inner().unwrap();
        assert!(seen.iter().enumerate().all(|(index, progress)| progress.done == index + 1 && progress.total == 12));
        assert_eq!(seen.iter().filter(|progress| progress.world == "gevent").count(), 4);
    }

    #[test]
    fn a_plan_without_runs_is_an_error() {
        for (names, replications) in [(&NAMES[..0], 3), (&NAMES[..], 0)] {
            let error = all_of(names, &plan(replications, 1), &|_| {}, &run).unwrap_err();
            assert!(matches!(error, LabError::NothingToRun { .. }), "{error}");
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config { cases: 12, ..Default::default() })]

        /// Runs take their time in any proportion, on any number of threads: every derived number stays the same bits.
        #[test]
        fn thread_count_and_finishing_order_change_nothing(
            threads in 1_usize..6,
            replications in 1_u32..5,
            pauses in proptest::collection::vec(0_u32..200, 16),
        ) {
            let slow = |world: usize, replication: Replication| {
                let place = (world * 5 + usize::try_from(replication.0).unwrap()) % pauses.len();
                (0..pauses[place]).for_each(|_| std::thread::yield_now());
                run(world, replication)
            };
            let one = all_of(&NAMES, &plan(replications, 1), &|_| {}, &run).unwrap();
            let many = all_of(&NAMES, &plan(replications, threads), &|_| {}, &slow).unwrap();
            proptest::prop_assert_eq!(Comparison::of(&one), Comparison::of(&many));
            for (one, many) in one.iter().zip(&many) {
                proptest::prop_assert_eq!(world_series(&one.records), world_series(&many.records));
                proptest::prop_assert_eq!(format!("{:?}", one.records), format!("{:?}", many.records));
            }
        }
    }
}
