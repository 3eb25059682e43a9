//! Whether more comes into a world than it gets done: a test for drift of the number of requests inside.
//!
//! A queue that grows for as long as a run lasts has no latency of its own: whatever is measured grows with the length of the run. So
//! a world like that is called overloaded before anything else is said of it.
//!
//! The number inside of a stable world wanders too, and the closer it is to its limit the further. At the limit itself it is a random walk
//! that cannot go below nothing: after a time `t` the part gained is at most the size of a normal variable of variance `s^2 t`, where
//! `s^2` is the variance of the steps of the walk. No stable world gains more than that, in distribution. So the growth over the second
//! half of the window, when what fills up at the beginning is full, is held against the mean of as many such sizes as there are
//! replications. It is called growth where the walk would gain as much once in [`FALSE_ALARMS`] at most.
//!
//! How much it takes to be found: where a share `d` of what comes cannot be done, `n` requests in the second half leave `d n` behind, and
//! the walk has a deviation of `sqrt(2 n)`; a single run finds it 19 times of 20 where `d^2 n >= 46`, more runs sooner.
//!
//! Only where somebody asks without waiting for an answer first: closed clients bound the number inside by their own. A load that rises
//! raises the number inside with it; so much of a growth is no overload. A run without a length, or one of few steps, says nothing.

use engine::record::RunRecord;
use engine::time::Span;

/// A stable world is called overloaded once in so many at most, however close it is to its limit.
pub const FALSE_ALARMS: f64 = 200.0;

/// The normal deviation beyond which one in [`FALSE_ALARMS`] lies.
const DEVIATIONS: f64 = 2.576;
/// Mean, standard deviation and skewness of the size of a standard normal variable.
const SIZE: (f64, f64, f64) = (0.797_885, 0.602_810, 0.995_272);
/// Steps of the window below which a run says nothing.
const STEPS: usize = 16;
/// Steps of the walk are looked at one by one, by two, by four: where they depend on each other, longer ones vary more.
const SCALES: [usize; 3] = [1, 2, 4];
/// As many longer ones as are needed to tell their variance.
const BLOCKS: usize = 8;
/// Requests that come and go without being a growth.
const LEAST: f64 = 2.0;
/// What is larger is so many.
const RATIO_MAX: f64 = 1e6;

/// A world whose queue grows.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Overload {
    /// By so many requests a second the number inside grows.
    pub growth_rps: f64,
}

/// The number inside of one run.
struct Path {
    /// When the window begins, at its middle, and when it ends; means over a tenth of the window.
    levels: [f64; 3],
    /// What of the growth since the middle a rising load explains.
    explained: f64,
    /// Steps between the middle and the end.
    steps: f64,
    /// Variance of a step, at the scale at which it is largest.
    variance: f64,
}

impl Path {
    fn of(record: &RunRecord) -> Option<Path> {
        let (first, last) = window(record)?;
        let inside = &record.series.inside[first..last];
        let steps = inside.len();
        let tenth = (steps / 10).max(1);
        let middle = steps / 2;
        let level = |from: usize| inside[from..from + tenth].iter().sum::<u64>() as f64 / tenth as f64;
        let levels = [level(0), level(middle), level(steps - tenth)];
        let sent = |from: usize| -> f64 {
            let quarter = steps / 4;
            record.series.sent[first + from..].iter().take(quarter).sum::<u64>() as f64
        };
        let (before, at_end) = (sent(middle - steps / 4), sent(steps - steps / 4));
        // Only as far as it is no chance that more came.
        let rise = (at_end - 2.0 * at_end.sqrt()) / (before + 2.0 * before.sqrt()).max(1.0);
        let variance = SCALES.iter().filter_map(|&scale| variance(&inside[middle..], scale)).fold(0.0, f64::max);
        let explained = levels[1] * (rise - 1.0).max(0.0);
        Some(Path { levels, explained, steps: (steps - tenth - middle) as f64, variance })
    }

    /// Requests that it gained since the middle, beyond what a rising load explains.
    fn gained(&self) -> f64 {
        self.levels[2] - self.levels[1] - self.explained
    }
}

/// The steps of the window, if they can say anything.
fn window(record: &RunRecord) -> Option<(usize, usize)> {
    let series = &record.series;
    let last = series.measured?.min(series.inside.len()).min(series.sent.len());
    let steps = usize::try_from(record.window.as_ns() / series.step.as_ns().max(1)).ok()?;
    let first = series.measured?.saturating_sub(steps);
    (last >= first + STEPS).then_some((first, last))
}

/// Variance of the differences over so many steps each, for one step; `None` if there are too few.
fn variance(inside: &[u64], scale: usize) -> Option<f64> {
    let levels: Vec<f64> = inside.iter().step_by(scale).map(|&level| level as f64).collect();
    let differences: Vec<f64> = levels.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if differences.len() < if scale == 1 { 2 } else { BLOCKS } {
        return None;
    }
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let squares = differences.iter().map(|difference| (difference - mean).powi(2)).sum::<f64>();
    Some(squares / (differences.len() - 1) as f64 / scale as f64)
}

/// By how many requests a second the number inside grew over the second half of a run; `None` where a run says nothing of it.
pub fn growth_rps(record: &RunRecord) -> Option<f64> {
    let path = Path::of(record)?;
    Some(path.gained() / (path.steps * seconds(record.series.step)))
}

/// The same growth over what the walk of a world at its limit gains in that time, as a standard deviation.
pub fn growth_ratio(record: &RunRecord) -> Option<f64> {
    let path = Path::of(record)?;
    // The walk of a deterministic world has no steps; what comes and goes by one is no growth.
    let grows = path.gained() > LEAST && path.levels[2] > path.levels[0];
    let walk = (path.variance * path.steps).sqrt();
    Some(if grows { (path.gained() / walk.max(path.gained() / RATIO_MAX)).min(RATIO_MAX) } else { 0.0 })
}

/// Whether the queue of a world grows, from the numbers of all of its replications: [`growth_rps`] and [`growth_ratio`].
pub fn overload(growth_rps: &[Option<f64>], growth_ratio: &[Option<f64>]) -> Option<Overload> {
    let mean = |values: &[Option<f64>]| -> Option<f64> {
        let known: Vec<f64> = values.iter().copied().collect::<Option<_>>()?;
        (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
    };
    let (growth_rps, ratio) = (mean(growth_rps)?, mean(growth_ratio)?);
    (ratio > most_by_chance(growth_ratio.len() as f64)).then_some(Overload { growth_rps })
}

/// [`overload`] of all replications of a world.
pub fn overload_of<'a>(records: impl Iterator<Item = &'a RunRecord> + Clone) -> Option<Overload> {
    let values = |of: fn(&RunRecord) -> Option<f64>| records.clone().map(of).collect::<Vec<_>>();
    overload(&values(growth_rps), &values(growth_ratio))
}

/// What the mean of so many sizes of standard normal variables exceeds once in [`FALSE_ALARMS`], after Cornish and Fisher.
fn most_by_chance(count: f64) -> f64 {
    let (mean, deviation, skewness) = SIZE;
    let skewed = DEVIATIONS + (DEVIATIONS * DEVIATIONS - 1.0) * skewness / (6.0 * count.sqrt());
    mean + deviation / count.sqrt() * skewed
}

fn seconds(step: Span) -> f64 {
    step.as_secs_f64().max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// A run of steps of a second whose number inside and requests sent are given.
    fn run(inside: impl IntoIterator<Item = u64>, sent: impl Fn(u64) -> u64) -> RunRecord {
        let mut record = fixtures::empty("w", 0);
        let inside: Vec<u64> = inside.into_iter().collect();
        record.window = Span::from_secs(inside.len() as u64);
        record.series.step = Span::from_secs(1);
        record.series.measured = Some(inside.len());
        record.series.sent = (0..inside.len() as u64).map(sent).collect();
        record.series.inside = inside;
        record
    }

    fn found(record: &RunRecord) -> Option<Overload> {
        overload(&[growth_rps(record)], &[growth_ratio(record)])
    }

    #[test]
    fn a_queue_that_grows_evenly_is_an_overload_and_says_at_which_rate() {
        let found = found(&run((0..60).map(|at| 10 + at * 15), |_| 100)).unwrap();
        assert!((found.growth_rps - 15.0).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_system_that_fills_up_and_stays_full_is_none() {
        assert_eq!(found(&run((0..60).map(|at| 500.min(at * 100)), |_| 100)), None);
    }

    #[test]
    fn a_system_that_recovers_from_an_outage_is_none() {
        let inside = (0_u64..60).map(|at| if at < 30 { at * 100 } else { 3_000 - (at - 30) * 90 });
        assert_eq!(found(&run(inside, |_| 100)), None);
    }

    #[test]
    fn a_load_that_rises_raises_the_number_inside_without_overload() {
        // Everybody stays for two seconds.
        let rising = |at: u64| 200 + at * 20;
        assert_eq!(found(&run((0..60).map(|at| 2 * rising(at)), rising)), None);
        // The same growth at a steady load is one.
        assert!(found(&run((0..60).map(|at| 2 * rising(at)), |_| 500)).is_some());
    }

    #[test]
    fn a_short_run_and_one_whose_clients_wait_for_answers_say_nothing() {
        let short = run((0..15).map(|at| at * 100), |_| 100);
        assert_eq!((found(&short), growth_rps(&short)), (None, None));
        let closed = RunRecord { window: Span::from_secs(60), ..run([], |_| 100) };
        assert_eq!(growth_rps(&closed), None);
    }

    #[test]
    fn what_chance_gains_is_never_put_too_low() {
        // Half-normal: beyond 2.807 lies one in 200. For many, the normal approximation: 0.798 + 2.576 * 0.603 / 10.
        assert!((2.807..3.0).contains(&most_by_chance(1.0)), "{}", most_by_chance(1.0));
        assert!((0.953..0.97).contains(&most_by_chance(100.0)), "{}", most_by_chance(100.0));
    }
}
