//! The highest load of every world that meets its objectives, and what breaks first beyond it.
//!
//! Every replication has a capacity of its own: the highest rung of a [`Ladder`] at which its run is on the good side of every bound.
//! So the interval is one over independent replications, and the ratio of two worlds is paired: both served the same people.
//! The first replication looks for the neighbourhood, the others begin there.
//!
//! It relies on more load never making a missed objective a met one; a floor on throughput is the exception, which is why it is set
//! aside here.

mod assumed;
mod cause;
mod ladder;
mod runs;
mod search;
mod vitals;

use engine::model::{Arrivals, ClientSpec, Profile};
use engine::rng::Seed;
use engine::time::{Span, Time};

pub use assumed::{Assumed, assumed};
pub use cause::{Break, Cause};
pub use ladder::Ladder;
pub(crate) use runs::Runner;
pub use runs::{Done, measure};
pub use search::{Found, Stride, search};
pub use vitals::Vitals;

use crate::estimate::{Estimate, paired_ratio};
use crate::slo::{Objective, Seen, Slo};

/// What to measure.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Seed of every run.
    pub seed: Seed,
    /// Replications of each world.
    pub replications: u32,
    /// Threads to run on; `None`: as many as there are cores.
    pub threads: Option<usize>,
    /// Distance of two loads that are told apart, as a share.
    pub tolerance: f64,
    /// Whether to run loads around the capacity for a plot.
    pub curve: bool,
}

/// What a load of 1 is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Load {
    /// So many requests a second, as a mean over the run.
    PerSecond(f64),
    /// So many clients that wait for their responses.
    Clients(f64),
    /// Both kinds come: only a factor says how many.
    Mixed,
}

impl Load {
    /// The load of these clients until `end`.
    pub fn of(clients: &[ClientSpec], end: Option<Span>) -> Load {
        let mut rate = 0.0;
        let mut closed = 0.0;
        for client in clients {
            match &client.arrivals {
                Arrivals::Poisson(profile) | Arrivals::Fixed(profile) => rate += mean_rate(profile, end),
                Arrivals::Closed { clients, .. } => closed += f64::from(*clients),
                Arrivals::Trace(_) => {}
            }
        }
        match (rate > 0.0, closed > 0.0) {
            (true, false) => Load::PerSecond(rate),
            (false, true) => Load::Clients(closed),
            _ => Load::Mixed,
        }
    }
}

/// The mean of a rate from the beginning to `end`, or of its first point.
fn mean_rate(profile: &Profile, end: Option<Span>) -> f64 {
    let Some(end) = end.filter(|end| !end.is_zero()) else { return profile.points[0].1 };
    let end = Time::ZERO + end;
    let mut area = 0.0;
    for (at, &(from, rate)) in profile.points.iter().enumerate() {
        if from >= end {
            break;
        }
        let (to, last) = profile.points.get(at + 1).copied().unwrap_or((end, rate));
        let until = to.min(end);
        let whole = (to - from).as_secs_f64();
        let reached = if whole > 0.0 { rate + (last - rate) * (until - from).as_secs_f64() / whole } else { rate };
        area += (rate + reached) / 2.0 * (until - from).as_secs_f64();
    }
    area / end.as_secs_f64()
}

/// A load and what came of it, in the first replication.
#[derive(Clone, PartialEq, Debug)]
pub struct Point {
    /// The load, as a factor.
    pub factor: f64,
    /// What came of it.
    pub vitals: Vitals,
}

/// The capacity of one replication.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Reached {
    /// The highest load that meets, and the next one, which misses, as factors.
    Load(f64, f64),
    /// Not even the lightest load meets.
    Never,
    /// The heaviest load still meets; this is it.
    Beyond(f64),
}

impl Reached {
    /// The factor, if there is one.
    pub fn factor(self) -> Option<f64> {
        match self {
            Reached::Load(factor, _) | Reached::Beyond(factor) => Some(factor),
            Reached::Never => None,
        }
    }

    /// The lowest factor that is too much, as far as is known.
    fn too_much(self) -> Option<f64> {
        match self {
            Reached::Load(_, factor) | Reached::Beyond(factor) => Some(factor),
            Reached::Never => None,
        }
    }
}

/// The capacity of a world.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldCapacity {
    /// Its name.
    pub world: String,
    /// The capacity in every replication.
    pub reached: Vec<Reached>,
    /// Mean over the replications, as a factor, with an interval; `None` if one of them has none.
    ///
    /// The interval reaches from the lower end for the loads that meet to the upper end for those that miss: that all replications
    /// agree on a step does not make a step narrower.
    pub estimate: Option<Estimate>,
    /// The objectives that are missed one step beyond, in the first replication, and what the run says of them.
    pub missed: Vec<(Objective, Seen)>,
    /// That step, as a factor.
    pub missed_at: Option<f64>,
    /// What breaks first; `None` if there is no run on one of the sides.
    pub breaks: Option<Break>,
    /// Loads that the first replication was run at, ascending.
    pub points: Vec<Point>,
}

/// The capacities of all worlds.
#[derive(Clone, PartialEq, Debug)]
pub struct Capacity {
    /// What the worlds were held to.
    pub slo: Slo,
    /// What a load of 1 is.
    pub load: Load,
    /// The worlds, in the order of the scenario.
    pub worlds: Vec<WorldCapacity>,
    /// Each later world's capacity over the first one's, paired by replication; `None` where one of them has none.
    pub ratios: Vec<Option<Estimate>>,
    /// Runs that it took.
    pub runs: usize,
}

impl Capacity {
    fn of(slo: &Slo, load: Load, worlds: Vec<WorldCapacity>, runs: usize) -> Capacity {
        let meets = |world: &WorldCapacity| world.reached.iter().map(|one| one.factor()).collect::<Vec<_>>();
        let misses = |world: &WorldCapacity| world.reached.iter().map(|one| one.too_much()).collect::<Vec<_>>();
        let ratio = |world: &WorldCapacity| {
            let base = &worlds[0];
            let whole = base.estimate.is_some() && world.estimate.is_some();
            let mean = paired_ratio(&meets(base), &meets(world)).filter(|_| whole)?;
            let low = paired_ratio(&misses(base), &meets(world)).and_then(|least| least.low);
            let high = paired_ratio(&meets(base), &misses(world)).and_then(|most| most.high);
            Some(Estimate { low, high, ..mean })
        };
        let ratios = worlds.iter().skip(1).map(ratio).collect();
        Capacity { slo: slo.clone(), load, worlds, ratios, runs }
    }
}

/// Mean and interval of the logarithms: half as much and twice as much are equally far away.
fn geometric(reached: &[Reached]) -> Option<Estimate> {
    let ones = vec![Some(1.0); reached.len()];
    let mean = |factor: fn(Reached) -> Option<f64>| {
        let factors: Vec<Option<f64>> = reached.iter().map(|one| factor(*one)).collect();
        paired_ratio(&ones, &factors).filter(|_| factors.iter().all(Option::is_some))
    };
    let (meets, misses) = (mean(Reached::factor)?, mean(Reached::too_much)?);
    Some(Estimate { high: misses.high, ..meets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_a_rate_is_the_area_beneath_it() {
        let at = |secs: u64| Time::ZERO + Span::from_secs(secs);
        let profile = Profile { points: vec![(at(0), 100.0), (at(10), 300.0), (at(10), 0.0), (at(20), 0.0)] };
        assert_eq!(mean_rate(&profile, Some(Span::from_secs(10))), 200.0);
        assert_eq!(mean_rate(&profile, Some(Span::from_secs(20))), 100.0);
        assert_eq!(mean_rate(&profile, Some(Span::from_secs(5))), 150.0);
        assert_eq!(mean_rate(&profile, Some(Span::from_secs(40))), 50.0);
    }

    #[test]
    fn a_world_of_which_a_replication_never_meets_has_no_mean() {
        assert_eq!(geometric(&[Reached::Load(2.0, 2.1), Reached::Never]), None);
        let mean = geometric(&[Reached::Load(2.0, 2.1), Reached::Load(8.0, 8.4)]).unwrap();
        assert!((mean.mean - 4.0).abs() < 1e-12 && mean.n == 2);
    }

    #[test]
    fn replications_that_agree_leave_the_step_between_two_loads_open() {
        let same = geometric(&[Reached::Load(2.0, 2.1); 3]).unwrap();
        let close = |value: Option<f64>, wanted: f64| (value.unwrap() - wanted).abs() < 1e-9;
        assert!(close(same.low, 2.0) && close(same.high, 2.1), "{same:?}");
    }
}
