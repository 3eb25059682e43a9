//! As many replications as it takes: rounds are added until the intervals are narrow enough.
//!
//! How many there will be follows from the results alone, never from the number of threads. To stop as soon as an interval looks
//! narrow enough favours the moments in which it looks too narrow by chance; so there is a fewest, [`FEWEST`], and rounds are large
//! (at least half as many again), so that there are few moments to choose from. `docs/statistics.md` has what is left of the effect.

use engine::model::Model;
use engine::rng::Replication;

use crate::figure::{FigureSpec, RUN_FIGURES};
use crate::run::{LabError, Progress, RunSettings, run_all_from};
use crate::summary::{Summary, WorldResult};

/// Replications before the first look.
pub const FEWEST: u32 = 10;
/// Replications at most, where nothing else is said.
pub const MOST: u32 = 200;
/// The figures whose intervals count, where nothing else is said: what is served, how fast, how slow at worst, and how well.
pub const FIGURES: [&str; 4] = ["throughput_rps", "latency_p50_ns", "latency_p99_ns", "success_share"];

/// What is wanted.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// Half the width of the 95 % interval over the mean, at most.
    pub share: f64,
    /// Which figures of a run.
    pub figures: Vec<&'static FigureSpec>,
    /// Replications at most.
    pub most: u32,
}

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Precision {
    /// What was wanted.
    pub target: Target,
    /// Replications of every world.
    pub replications: u32,
    /// Times that the intervals were looked at.
    pub rounds: u32,
    /// Every wanted figure of every world that has it: how narrow it is now.
    pub reached: Vec<ReachedPrecision>,
}

/// How narrow one interval is.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct ReachedPrecision {
    pub world: String,
    pub figure: &'static FigureSpec,
    /// Half its width over its mean; `None` where there is no interval yet.
    pub share: Option<f64>,
}

impl ReachedPrecision {
    fn holds(&self, share: f64) -> bool {
        self.share.is_some_and(|reached| reached <= share)
    }
}

/// The figure of that name, if a run has one.
pub fn figure(name: &str) -> Option<&'static FigureSpec> {
    RUN_FIGURES.iter().map(|recipe| &recipe.spec).find(|spec| spec.name == name)
}

impl Precision {
    /// The intervals that are still too wide.
    pub fn missed(&self) -> impl Iterator<Item = &ReachedPrecision> {
        self.reached.iter().filter(|reached| !reached.holds(self.target.share))
    }

    /// Whether all are narrow enough.
    pub fn holds(&self) -> bool {
        self.missed().next().is_none()
    }
}

/// Runs replications of every world until the intervals are as narrow as wanted, or there are as many as allowed.
///
/// `plan.replications` is the least, if it is above [`FEWEST`]; `progress` starts anew with each round.
///
/// # Errors
/// As [`crate::run_all`].
pub fn run_to_precision(
    models: &[Model],
    plan: &RunSettings,
    target: &Target,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<(Vec<WorldResult>, Precision), LabError> {
    let more = |first: u32, count: u32| {
        run_all_from(models, &RunSettings { replications: count, ..*plan }, Replication(first), progress)
    };
    until_narrow(plan.replications, target, &more)
}

/// The rounds; `more` runs so many replications from a number on.
fn until_narrow(
    least: u32,
    target: &Target,
    more: &dyn Fn(u32, u32) -> Result<Vec<WorldResult>, LabError>,
) -> Result<(Vec<WorldResult>, Precision), LabError> {
    let mut count = least.max(FEWEST).min(target.most);
    let mut results = more(0, count)?;
    let mut rounds = 1;
    loop {
        let reached = widths(&results, target);
        let precision = Precision { target: target.clone(), replications: count, rounds, reached };
        if precision.holds() || count >= target.most {
            return Ok((results, precision));
        }
        let next = next_count(count, &precision);
        for (world, new) in results.iter_mut().zip(more(count, next - count)?) {
            world.records.extend(new.records);
        }
        count = next;
        rounds += 1;
    }
}

/// How narrow the intervals are. What a world never has, such as a percentile of no responses, is no matter of precision.
fn widths(results: &[WorldResult], target: &Target) -> Vec<ReachedPrecision> {
    let mut reached = Vec::new();
    for result in results {
        let summary = Summary::of(&result.records);
        for &figure in &target.figures {
            let Some(estimate) = summary.figure(figure.name).and_then(|figure| figure.estimate) else { continue };
            let half = estimate.half_width();
            let share = half.map(|half| if half == 0.0 { 0.0 } else { half / estimate.mean.abs() });
            reached.push(ReachedPrecision { world: result.name.clone(), figure, share });
        }
    }
    reached
}

/// How many replications to have after the next round: as many as the widest interval asks for (its width falls with the root of
/// their number) and a tenth more, but at least half as many again as there are, at most three times as many.
fn next_count(count: u32, precision: &Precision) -> u32 {
    let worst = precision.missed().map(|missed| missed.share.unwrap_or(f64::INFINITY)).fold(0.0, f64::max);
    let times = (worst / precision.target.share).powi(2) * 1.1;
    let wanted = f64::from(count) * times.clamp(1.5, 3.0);
    // Below three times u32's largest, so the cast is exact; no more than allowed.
    (wanted.ceil() as u32).clamp(count + 1, precision.target.most.max(count + 1))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use engine::record::Ending;
    use engine::time::Span;

    use super::*;
    use crate::fixtures;

    fn target(share: f64, most: u32) -> Target {
        Target { share, figures: vec![figure("throughput_rps").unwrap()], most }
    }

    /// A world of one-second windows with as many good responses as `good` says for each replication.
    fn world(name: &str, first: u32, count: u32, good: &dyn Fn(u32) -> u64) -> WorldResult {
        let records = (first..first + count).map(|number| {
            let mut record = fixtures::empty(name, number);
            record.window = Span::from_secs(1);
            record.endings[Ending::Ok as usize] = good(number);
            record
        });
        WorldResult { name: name.to_owned(), records: records.collect() }
    }

    fn rounds(good: &dyn Fn(u32) -> u64, target: &Target) -> (Vec<(u32, u32)>, Precision) {
        let asked = RefCell::new(Vec::new());
        let more = |first, count| {
            asked.borrow_mut().push((first, count));
            Ok(vec![world("calm", first, count, &|_| 1_000), world("wild", first, count, good)])
        };
        let (results, precision) = until_narrow(1, target, &more).unwrap();
        let numbers: Vec<u32> = results[1].records.iter().map(|record| record.replication).collect();
        assert_eq!(numbers, (0..precision.replications).collect::<Vec<_>>(), "no replication twice, none left out");
        (asked.into_inner(), precision)
    }

    #[test]
    fn what_agrees_needs_no_more_than_the_fewest() {
        let (asked, precision) = rounds(&|_| 500, &target(0.01, 200));
        assert_eq!((asked, precision.holds()), (vec![(0, FEWEST)], true));
    }

    #[test]
    fn replications_are_added_until_the_interval_is_narrow_enough() {
        // 900 and 1,100 in turn: deviation 105, so ten have +-7.5 % and 1.1 (105 t / 20)^2 = 123 replications or so have +-2 %.
        let (asked, precision) = rounds(&|number| 900 + 200 * u64::from(number % 2), &target(0.02, 200));
        assert_eq!(asked[..2], [(0, 10), (10, 20)], "never more than three times as many");
        assert!(precision.holds() && (90..=135).contains(&precision.replications), "{precision:?}");
        let wild = precision.reached.iter().find(|reached| reached.world == "wild").unwrap();
        assert!(wild.share.unwrap() <= 0.02);
    }

    #[test]
    fn who_may_not_go_on_says_what_is_missing() {
        let (asked, precision) = rounds(&|number| 500 + 1_000 * u64::from(number % 2), &target(0.02, 25));
        assert_eq!(asked, [(0, 10), (10, 15)]);
        assert!(!precision.holds());
        let missed: Vec<&ReachedPrecision> = precision.missed().collect();
        assert_eq!((missed.len(), missed[0].world.as_str()), (1, "wild"));
        assert!(missed[0].share.unwrap() > 0.1);
    }

    #[test]
    fn to_stop_when_it_looks_precise_costs_little_coverage() {
        // 1,000 experiments of about normal values (twelve uniform ones added up) with a deviation of 5 %, which need about 27
        // replications for 2 %. Without stopping 950 of 1,000 intervals cover; three standard deviations of that and two points for
        // what stopping costs are allowed.
        let mut state = 1_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let (mut covered, mut looks) = (0, 0);
        for _ in 0..1_000 {
            let values: Vec<u64> =
                (0..200).map(|_| (1e6 + 5e4 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)) as u64).collect();
            let good = |number: u32| values[number as usize];
            let more = |first, count| Ok(vec![world("one", first, count, &good)]);
            let (results, precision) = until_narrow(1, &target(0.02, 200), &more).unwrap();
            let estimate = Summary::of(&results[0].records).figure("throughput_rps").unwrap().estimate.unwrap();
            assert!(precision.holds());
            covered += u32::from(estimate.excludes(1e6) == Some(false));
            looks += precision.rounds;
        }
        println!("{covered} of 1,000 intervals cover after {looks} looks");
        assert!((910..=970).contains(&covered), "{covered} of 1,000 intervals cover");
        assert!(looks < 3_500, "{looks} looks are more than few");
    }

    #[test]
    fn a_single_replication_is_never_precise() {
        let (_, precision) = rounds(&|_| 500, &target(0.5, 1));
        assert_eq!((precision.replications, precision.holds()), (1, false));
    }

    #[test]
    fn what_a_world_never_has_is_no_matter_of_precision() {
        let target = Target { figures: vec![figure("latency_p99_ns").unwrap()], ..target(0.01, 200) };
        let (_, precision) = rounds(&|_| 500, &target);
        assert!(precision.holds() && precision.reached.is_empty());
    }
}
