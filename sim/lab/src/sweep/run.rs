//! The runs of a study on all threads, each handed over as soon as it is done, until all are or somebody says stop.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::model::Model;
use engine::record::RunRecord;
use engine::rng::{Replication, Seed};
use rayon::prelude::*;

use super::study::{Study, StudyRun};
use crate::run::LabError;

/// What came of one run: its numbers in the order of [`super::numbers::numbers`], or why there are none.
#[derive(Clone, PartialEq, Debug)]
pub enum PointOutcome {
    /// Its numbers.
    Numbers(Vec<Option<f64>>),
    /// In one line why it did not come to its end.
    Failed(String),
}

/// Runs the places and hands each outcome to `done`, by one thread at a time, in the order in which they end.
///
/// `model` compiles the worlds of a point when they are wanted: thousands of points are never in memory at once. Once `stop` is
/// set no further run begins; those under way are finished.
///
/// # Errors
/// What `done` returns ends the work and is returned; [`LabError::Threads`] becomes `failed`'s.
pub fn run_places<E: Send>(
    study: &Study,
    places: &[StudyRun],
    threads: Option<usize>,
    stop: &AtomicBool,
    model: &(impl Fn(&StudyRun) -> Result<Model, E> + Sync),
    reduce: &(impl Fn(&RunRecord) -> Vec<Option<f64>> + Sync),
    done: &(impl Fn(&StudyRun, PointOutcome) -> Result<(), E> + Sync),
) -> Result<Result<(), E>, LabError> {
    let order = Mutex::new(());
    let next = Mutex::new(places.iter());
    let work = || -> Result<(), E> {
        loop {
            let taken = if stop.load(Ordering::SeqCst) { None } else { lock(&next).next() };
            let Some(place) = taken else { return Ok(()) };
            let result = model(place).and_then(|model| {
                let outcome = run_one(study, place, &model, reduce);
                let _one_at_a_time = lock(&order);
                done(place, outcome)
            });
            if result.is_err() {
                stop.store(true, Ordering::SeqCst);
                return result;
            }
        }
    };
    let threads = threads.map_or(0, |wanted| wanted.min(places.len()));
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    // Every thread takes the next run that nobody has: they end in about the order of their numbers.
    let workers: Vec<usize> = (0..pool.current_num_threads()).collect();
    let results: Vec<Result<(), E>> = pool.install(|| workers.par_iter().with_max_len(1).map(|_| work()).collect());
    Ok(results.into_iter().collect())
}

fn run_one(
    study: &Study,
    place: &StudyRun,
    model: &Model,
    reduce: &impl Fn(&RunRecord) -> Vec<Option<f64>>,
) -> PointOutcome {
    let seed = Seed(study.points[place.point].seed);
    match engine::run(model, seed, Replication(place.replication)) {
        Ok(record) => PointOutcome::Numbers(reduce(&record)),
        Err(error) => {
            let why = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
            PointOutcome::Failed(format!("{why} (seed {}, replication {})", seed.0, place.replication))
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
