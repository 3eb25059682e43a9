//! The highest load of every world that meets its objectives, and what breaks first beyond it.
//!
//! A load meets the objectives if the means over its replications do. It surely meets them if the whole 95 % interval of each is on its
//! good side, and surely misses them if one is on its bad side: the verdicts of a run. The capacity is the highest rung of a [`Ladder`]
//! that meets, and its interval reaches from the highest that surely does to the lowest that surely does not: the loads at which the
//! replications leave it open.
//! Every replication has a capacity of its own besides, so the ratio of two worlds is paired: both served the same people.
//!
//! More load may make a missed objective a met one, where caches are cold; so loads are looked at far and wide first ([`edges`]).
//! A floor on throughput would be missed by every light load, and is set aside.

mod assumed;
mod at_load;
mod cause;
mod edges;
mod judged;
mod ladder;
mod runs;
mod search;
mod tried;
mod vitals;

use engine::model::{Arrivals, ClientSpec, Profile};
use engine::rng::Seed;
use engine::time::{Span, Time};

pub use assumed::{Assumed, assumed};
pub use at_load::at_load;
pub use cause::{Break, Cause};
pub use judged::JudgedLoad;
pub(crate) use judged::missed;
pub use ladder::Ladder;
pub(crate) use runs::Runner;
pub use runs::{Done, measure};
pub use search::{Bracket, Stride, search};
pub use vitals::Vitals;

use crate::estimate::{Estimate, paired_ratio};
use crate::overload::Overload;
use crate::slo::{Objective, Seen, Slo};

/// What to measure.
#[derive(Clone, Debug)]
pub struct SearchSettings {
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
    /// Whether the run of a lighter load may be longer, because nothing happens at a set time.
    pub longer: bool,
}

/// What a load of 1 is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum LoadUnit {
    /// So many requests a second, as a mean over the run.
    PerSecond(f64),
    /// So many clients that wait for their responses.
    Clients(f64),
    /// Both kinds come: only a factor says how many.
    Mixed,
}

impl LoadUnit {
    /// The load of these clients until `end`.
    pub fn of(clients: &[ClientSpec], end: Option<Span>) -> LoadUnit {
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
            (true, false) => LoadUnit::PerSecond(rate),
            (false, true) => LoadUnit::Clients(closed),
            _ => LoadUnit::Mixed,
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
pub struct LoadPoint {
    /// The load, as a factor.
    pub factor: f64,
    /// What came of it.
    pub vitals: Vitals,
}

/// The capacity of one replication.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum ReachedCapacity {
    /// The highest load that meets, and the next one, which misses, as factors.
    Load(f64, f64),
    /// Not even the lightest load meets.
    Never,
    /// The heaviest load still meets; this is it.
    Beyond(f64),
}

impl ReachedCapacity {
    /// The factor, if there is one.
    pub fn factor(self) -> Option<f64> {
        match self {
            ReachedCapacity::Load(factor, _) | ReachedCapacity::Beyond(factor) => Some(factor),
            ReachedCapacity::Never => None,
        }
    }

    /// The lowest factor that is too much, as far as is known.
    fn too_much(self) -> Option<f64> {
        match self {
            ReachedCapacity::Load(_, factor) | ReachedCapacity::Beyond(factor) => Some(factor),
            ReachedCapacity::Never => None,
        }
    }
}

/// A load that is too light.
#[derive(Clone, PartialEq, Debug)]
pub struct LoadFloor {
    /// The lightest load that meets, as a factor.
    pub holds: f64,
    /// The next lighter one, which misses.
    pub misses: f64,
    /// The objectives that it misses, and their means.
    pub missed: Vec<(Objective, Seen)>,
    /// What is worse there than at the load that meets.
    pub breaks: Break,
}

/// The capacity of a world.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldCapacity {
    /// Its name.
    pub world: String,
    /// The capacity of every replication by itself.
    pub reached: Vec<ReachedCapacity>,
    /// The highest load, as a factor, at which the means over the replications meet; `None`: none that was tried.
    ///
    /// The interval reaches from the highest load that surely meets to the lowest beyond that surely misses; an end that was not found
    /// is not there.
    pub estimate: Option<Estimate>,
    /// Whether the replications tell it closely enough to be an answer.
    pub told: bool,
    /// The load below which objectives are missed, if there is one.
    pub floor: Option<LoadFloor>,
    /// The objectives that are missed one step beyond, and their means; those of the lightest load if none meets.
    pub missed: Vec<(Objective, Seen)>,
    /// Whether the queue grows there.
    pub overload: Option<Overload>,
    /// That step, as a factor.
    pub missed_at: Option<f64>,
    /// What breaks first, in the first replication; `None` if there is no run on one of the sides.
    pub breaks: Option<Break>,
    /// The lightest and the heaviest load that were tried, as factors.
    pub tried: (f64, f64),
    /// Loads that the first replication was run at, ascending.
    pub points: Vec<LoadPoint>,
}

/// The capacities of all worlds.
#[derive(Clone, PartialEq, Debug)]
pub struct Capacity {
    /// What the worlds were held to.
    pub slo: Slo,
    /// What a load of 1 is.
    pub load: LoadUnit,
    /// The worlds, in the order of the scenario.
    pub worlds: Vec<WorldCapacity>,
    /// Each later world's capacity over the first one's, paired by replication; `None` where one of them has none.
    pub ratios: Vec<Option<Estimate>>,
    /// Runs that it took.
    pub runs: usize,
}

impl Capacity {
    fn of(slo: &Slo, load: LoadUnit, worlds: Vec<WorldCapacity>, runs: usize) -> Capacity {
        let meets = |world: &WorldCapacity| world.reached.iter().map(|one| one.factor()).collect::<Vec<_>>();
        let misses = |world: &WorldCapacity| world.reached.iter().map(|one| one.too_much()).collect::<Vec<_>>();
        let ratio = |world: &WorldCapacity| {
            let base = &worlds[0];
            let whole =
                [base, world].iter().all(|one| one.told && one.reached.iter().all(|one| one.factor().is_some()));
            let mean = paired_ratio(&meets(base), &meets(world)).filter(|_| whole)?;
            let low = paired_ratio(&misses(base), &meets(world)).and_then(|least| least.low);
            let high = paired_ratio(&meets(base), &misses(world)).and_then(|most| most.high);
            Some(Estimate { low, high, ..mean })
        };
        let ratios = worlds.iter().skip(1).map(ratio).collect();
        Capacity { slo: slo.clone(), load, worlds, ratios, runs }
    }
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
}
