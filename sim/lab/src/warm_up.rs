//! How much of the beginning of a run to leave out: MSER-5 on pilot runs.
//!
//! MSER (White, "An effective truncation heuristic for bias reduction in simulation output", Simulation 69, 1997; in batches of five:
//! White, Cobb and Spratt, Winter Simulation Conference 2000) cuts a series where the standard error of the mean of the rest is least:
//! what is still on its way adds more spread than it adds data. Its authors' rule of validity is part of it: a cut in the second half
//! says that the series has not settled, or is too short to tell.
//!
//! What is cut is the number of requests in the system, because it is always defined and every latency follows it (Little's law);
//! with closed clients the good responses as well, because such clients can keep the number constant from the first instant on.
//! Series are averaged over pilot runs whose chance no counted run shares, so that the choice leaves no mark in the results.

use engine::model::{Arrivals, Model, RunSpec};
use engine::record::{Ending, RunRecord};
use engine::rng::Replication;
use engine::time::Span;

use crate::run::{LabError, Progress, RunSettings, run_all_from};

/// Steps that are averaged to one value before the cut is looked for: the 5 of MSER-5.
pub const BATCH: usize = 5;
/// Values at the end that are never left alone, at least (Hoad, Robinson and Davies, Journal of Simulation 4, 2010).
pub const REST_MIN: usize = 5;
/// And the share of all values that is not: neighbours agree for as long as the system remembers, which would pass for steadiness. A cut
/// may lie in the third quarter still, which is enough to see that it lies in the second half.
const REST_SHARE: usize = 4;
/// Steps of a pilot run, whatever its length.
const STEPS: u64 = 1_000;
/// Pilot runs of every world.
pub const PILOTS: u32 = 5;
/// Number of the first pilot run: far beyond those of runs that count.
const FIRST_PILOT: Replication = Replication(1 << 31);

/// Where a series is to be cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// From this step on it has settled.
    After(usize),
    /// It has not: the best cut would lie at this step, in the second half.
    Never(usize),
}

/// The cut of MSER-5; `None` for a series of fewer than twice [`REST_MIN`] batches, of which nothing can be said.
///
/// Steps that do not fill a batch at the end are left out.
pub fn mser5(series: &[f64]) -> Option<Cut> {
    let batches: Vec<f64> = series.chunks_exact(BATCH).map(|batch| batch.iter().sum::<f64>() / BATCH as f64).collect();
    if batches.len() < 2 * REST_MIN {
        return None;
    }
    let rest = REST_MIN.max(batches.len() / REST_SHARE);
    // From the back, by Welford's recurrence: the squares of a series that does not change stay exactly zero.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    let mut best = (f64::INFINITY, batches.len());
    for (at, value) in batches.iter().enumerate().rev() {
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
        let statistic = squares / (count * count);
        // Of equal ones the earliest, which leaves most.
        if at + rest <= batches.len() && statistic <= best.0 {
            best = (statistic, at);
        }
    }
    let cut = best.1 * BATCH;
    Some(if 2 * best.1 <= batches.len() { Cut::After(cut) } else { Cut::Never(cut) })
}

/// What is left out of the runs of a scenario, and why so much.
#[derive(Clone, PartialEq, Debug)]
pub struct WarmUp {
    /// Left out of every run of every world: the largest cut; nothing if a world has not settled.
    pub removed: Span,
    /// Length of the runs.
    pub length: Span,
    /// Pilot runs of every world.
    pub pilots: u32,
    /// What was found in each world, in their order.
    pub worlds: Vec<WorldCut>,
}

/// What was found in one world.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldCut {
    /// Its name.
    pub world: String,
    /// Where it is to be cut, from the beginning of the run.
    pub at: Span,
    /// Whether it has settled there.
    pub settled: bool,
}

impl WarmUp {
    /// Runs pilots of every world and looks where they have settled.
    ///
    /// # Errors
    /// As [`crate::run_all`].
    ///
    /// # Panics
    /// If the runs have no length: the reader of scenarios sees to that.
    pub fn find(
        models: &[Model],
        plan: &RunSettings,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<WarmUp, LabError> {
        let pilots: Vec<Model> = models.iter().map(pilot).collect();
        let plan = RunSettings { replications: PILOTS, ..*plan };
        let results = run_all_from(&pilots, &plan, FIRST_PILOT, progress)?;
        let worlds = pilots.iter().zip(&results).map(|(model, result)| WorldCut::of(model, &result.records));
        let worlds: Vec<WorldCut> = worlds.collect();
        let settled = worlds.iter().all(|world| world.settled);
        let largest = worlds.iter().map(|world| world.at).max().unwrap_or(Span::ZERO);
        let length = models.first().map_or(Span::ZERO, length_of);
        Ok(WarmUp { removed: if settled { largest } else { Span::ZERO }, length, pilots: PILOTS, worlds })
    }

    /// Whether every world has settled.
    pub fn settled(&self) -> bool {
        self.worlds.iter().all(|world| world.settled)
    }

    /// Writes the warm-up into the models that it was found for.
    pub fn apply(&self, models: &mut [Model]) {
        models.iter_mut().for_each(|model| model.run.warm_up = self.removed);
    }
}

fn length_of(model: &Model) -> Span {
    model.run.length.expect("only a run with a length has a warm-up that is found")
}

/// The model that pilot runs are made of: everything counts, in steps of a thousandth, and nothing after the last arrival.
fn pilot(model: &Model) -> Model {
    let length = length_of(model);
    let step = (length / STEPS).max(Span::from_ns(1));
    let run = RunSpec {
        length: Some(length),
        drain: Span::ZERO,
        warm_up: Span::ZERO,
        step,
        starved_after: model.run.starved_after,
    };
    Model { run, ..model.clone() }
}

impl WorldCut {
    fn of(model: &Model, records: &[RunRecord]) -> WorldCut {
        let closed = model.clients.iter().any(|client| matches!(client.arrivals, Arrivals::Closed { .. }));
        let good = |record: &RunRecord| record.series.endings[Ending::Ok as usize].iter().map(|&n| n as f64).collect();
        let mut cuts = vec![mser5(&averaged(records, in_system))];
        if closed {
            cuts.push(mser5(&averaged(records, good)));
        }
        // The latest of all; a series of which nothing can be said has not settled.
        let mut latest = (0, true);
        for cut in cuts {
            let (at, settled) = match cut {
                Some(Cut::After(at)) => (at, true),
                Some(Cut::Never(at)) => (at, false),
                None => (0, false),
            };
            latest = (latest.0.max(at), latest.1 && settled);
        }
        let at = model.run.step * u64::try_from(latest.0).expect("a series has a thousand steps");
        WorldCut { world: model.name.clone(), at, settled: latest.1 }
    }
}

/// Requests in the system by step.
fn in_system(record: &RunRecord) -> Vec<f64> {
    let series = &record.series;
    let columns = series.in_flight_milli.iter().zip(&series.queued_milli).zip(&series.retrying_milli);
    columns.map(|((in_flight, queued), retrying)| (in_flight + queued + retrying) as f64 / 1e3).collect()
}

/// The mean over pilots of each step that all of them have, without what came after the arrivals.
fn averaged(records: &[RunRecord], series: impl Fn(&RunRecord) -> Vec<f64>) -> Vec<f64> {
    let all: Vec<Vec<f64>> = records.iter().map(series).collect();
    let steps = usize::try_from(STEPS).expect("a thousand");
    let steps = all.iter().map(Vec::len).min().unwrap_or(0).min(steps);
    (0..steps).map(|at| all.iter().map(|one| one[at]).sum::<f64>() / all.len() as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A series whose batches have these means.
    fn series(batches: &[f64]) -> Vec<f64> {
        batches.iter().flat_map(|&mean| [mean - 2.0, mean + 1.0, mean, mean - 1.0, mean + 2.0]).collect()
    }

    #[test]
    fn the_cut_is_that_of_an_example_worked_by_hand() {
        // Twelve batches. Without the first three, nine values 4, 6, 4, 6, 4, 6, 4, 6, 5: mean 5, squares 8, statistic 8/81 = 0.0988.
        // With the third, an 8: mean 5.3, squares 16.1, 0.161; with the second, a 20: 212.5/121 = 1.76; with all: 8.56.
        // Without the fourth: mean 5.125, squares 6.875, 6.875/64 = 0.107; each further one leaves less and has more: the last five,
        // 4, 6, 4, 6, 5, have 4/25 = 0.16.
        let batches = [40.0, 20.0, 8.0, 4.0, 6.0, 4.0, 6.0, 4.0, 6.0, 4.0, 6.0, 5.0];
        assert_eq!(mser5(&series(&batches)), Some(Cut::After(15)));
    }

    #[test]
    fn what_never_changes_is_not_cut() {
        assert_eq!(mser5(&[0.1; 500]), Some(Cut::After(0)));
    }

    #[test]
    fn what_rises_to_the_end_never_settles() {
        let rising: Vec<f64> = (0..500).map(f64::from).collect();
        // The last quarter is the flattest that may be left.
        assert_eq!(mser5(&rising), Some(Cut::Never(375)));
    }

    #[test]
    fn of_a_short_series_nothing_is_said() {
        assert_eq!(mser5(&[1.0; 49]), None);
        assert_eq!(mser5(&[1.0; 50]), Some(Cut::After(0)));
    }

    #[test]
    fn an_exponential_approach_is_cut_after_a_few_of_its_constants() {
        // 100 (1 - e^(-t / 50)) with noise of deviation 2.9 on each step, from a fixed sequence. After three constants 5 are missing,
        // which is the noise of single steps; after six 0.25, which is less than batches of five can show. MSER-5 belongs between.
        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31) * 10.0 - 5.0
        };
        let approach: Vec<f64> = (0..1_000).map(|t| 100.0 * (1.0 - (-f64::from(t) / 50.0).exp()) + noise()).collect();
        let Some(Cut::After(cut)) = mser5(&approach) else { panic!("it settles") };
        assert!((100..=300).contains(&cut), "{cut}");
    }
}
