//! The runs of a sweep: those that the log does not know yet, on all cores, until they are done or somebody presses Ctrl-C.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use engine::Model;
use lab::sweep::numbers::numbers_of;
use lab::sweep::run::{PointOutcome, run_places};
use lab::sweep::study::{Shard, StudyRun};

use super::Args;
use super::draft::overrides;
use super::log::{Header, Log, name};
use super::source::SweepSource;
use crate::files::shown;
use crate::problem::Problem;
use crate::terminal;

/// Whether somebody wants the sweep to stop.
static STOP: AtomicBool = AtomicBool::new(false);

/// Makes the runs of a shard that are not done; returns the outcomes of all of its runs, and the log, whose lock keeps others
/// out of the folder until the results are written.
pub fn work(
    args: &Args,
    source: &SweepSource,
    header: &Header,
    folder: &Path,
) -> Result<(Log, BTreeMap<usize, PointOutcome>), Problem> {
    let (mut log, mut done) = Log::open(folder, header)?;
    let mine: Vec<StudyRun> =
        header.study.places().into_iter().filter(|place| header.shard.has(place.number)).collect();
    let twins = Twins::of(header, &mine);
    // A sweep that was killed may have kept a run and not its twins.
    for number in done.keys().copied().collect::<Vec<_>>() {
        let outcome = done[&number].clone();
        twins.keep(number, &outcome, &mut log, &mut done)?;
    }
    let missing = mine.iter().copied().filter(|place| !done.contains_key(&place.number));
    let todo: Vec<StudyRun> = missing.filter(|place| twins.is_first(place.number)).collect();
    let (all, before) = (mine.len(), done.len());
    if todo.is_empty() {
        log.sync()?;
        return Ok((log, done));
    }
    listen();
    let bar = terminal::bar("{pos} of {len} runs, {elapsed} so far, about {eta} to go", all as u64);
    bar.set_position(before as u64);
    bar.reset_eta();
    let kept = Mutex::new((log, done));
    let model = |place: &StudyRun| model(source, header, place);
    let finished = |place: &StudyRun, outcome: PointOutcome| {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let (log, done) = &mut *kept;
        twins.keep(place.number, &outcome, log, done)?;
        bar.set_position(done.len() as u64);
        bar.set_message(format!("point {}, {}", place.point + 1, header.study.worlds[place.world]));
        Ok(())
    };
    let reduce = |record: &_| numbers_of(&header.study, record);
    let result = run_places(&header.study, &todo, args.threads.count(), &STOP, &model, &reduce, &finished);
    bar.finish_and_clear();
    let (mut log, done) = kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    log.sync()?;
    result.map_err(Problem::Runs)??;
    if done.len() < all {
        return Err(Problem::Interrupted(interrupted(header, folder, done.len(), all)));
    }
    Ok((log, done))
}

/// Runs that are the same run: a world whose settings are not varied has the same numbers at many points.
struct Twins {
    /// Of each run of the shard, all runs that are the same, itself included, in their order.
    groups: BTreeMap<usize, Arc<[usize]>>,
}

impl Twins {
    fn of(header: &Header, mine: &[StudyRun]) -> Twins {
        let mut same: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        for place in mine {
            same.entry(header.study.decided_by(place)).or_default().push(place.number);
        }
        let mut groups = BTreeMap::new();
        for group in same.into_values() {
            let group: Arc<[usize]> = group.into();
            groups.extend(group.iter().map(|&number| (number, Arc::clone(&group))));
        }
        Twins { groups }
    }

    /// Whether it is the one that is made for all.
    fn is_first(&self, number: usize) -> bool {
        self.groups.get(&number).is_some_and(|group| group[0] == number)
    }

    /// Keeps an outcome for a run and all its twins that have none.
    fn keep(
        &self,
        number: usize,
        outcome: &PointOutcome,
        log: &mut Log,
        done: &mut BTreeMap<usize, PointOutcome>,
    ) -> Result<(), Problem> {
        for &twin in self.groups.get(&number).into_iter().flat_map(|group| group.iter()) {
            if let Entry::Vacant(missing) = done.entry(twin) {
                log.append(twin, outcome)?;
                missing.insert(outcome.clone());
            }
        }
        Ok(())
    }
}

/// What a sweep that was interrupted leaves behind, and how it goes on.
fn interrupted(header: &Header, folder: &Path, done: usize, all: usize) -> String {
    let shard = match header.shard {
        Shard::WHOLE => String::new(),
        Shard { index, of } => format!(" of shard {index}/{of}"),
    };
    let log = folder.join(name(header.shard));
    format!(
        "interrupted: {done} of {all} runs{shard} are done and kept in {}\n\
         The same command goes on with the other {}.",
        shown(&log),
        all - done
    )
}

/// The model of one run. It was compiled before, and not kept, so that thousands of points are never in memory at once.
fn model(source: &SweepSource, header: &Header, place: &StudyRun) -> Result<Model, Problem> {
    let overrides = overrides(&header.study, place.point);
    let compiled = source.compile(&overrides);
    let mut models = compiled.map_err(|_| changed())?.models;
    if place.world >= models.len() {
        return Err(changed());
    }
    Ok(models.swap_remove(place.world))
}

/// A point compiles the same way twice, because its texts are read once.
fn changed() -> Problem {
    Problem::Usage("a point of the sweep does not compile any more".to_owned())
}

/// From now on Ctrl-C, and a scheduler's request to end, stop the sweep after the runs under way; a second one stops it at once.
fn listen() {
    let heard = || {
        if STOP.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        crate::files::say("\nStopping after the runs under way; once more to stop at once.\n");
    };
    // A system without signals, or a handler that is there already, leaves Ctrl-C as it is: nothing that is done is lost.
    let _ = ctrlc::set_handler(heard);
}
