//! Capacities as one JSON document, for programs.
//!
//! Keys end in their unit, and numbers are written as in [`crate::json`]; `docs/planning.md` has the fields.

use engine::record::{Ending, Wait};
use lab::capacity::{Break, Capacity, LoadPoint, LoadUnit, WorldCapacity};
use lab::slo::{Objective, Seen};
use serde::Serialize;

use super::number::{Interval, Number, OneLine, document};
use super::results::{About, Growth};
use super::slo::{MissedAnyway, WrittenObjective, missed_anyway};
use crate::text::capacity;

#[derive(Serialize)]
struct CapacityDocument<'a> {
    tailback: &'a str,
    scenario: &'a str,
    seed: u64,
    replications: u32,
    tolerance_share: Number,
    runs: usize,
    notes: &'a [String],
    objectives: Vec<OneLine<KneeObjective<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unattainable: Vec<OneLine<MissedAnyway<'a>>>,
    load: OneLine<KneeUnit>,
    worlds: Vec<KneeWorld<'a>>,
    ratios: Vec<OneLine<KneeRatio<'a>>>,
}

#[derive(Serialize)]
struct KneeObjective<'a> {
    #[serde(flatten)]
    goal: WrittenObjective<'a>,
    assumed: bool,
}

/// What a factor of 1 stands for.
#[derive(Serialize)]
struct KneeUnit {
    rate_rps: Option<Number>,
    clients: Option<Number>,
}

#[derive(Serialize)]
struct KneeWorld<'a> {
    name: &'a str,
    factor: OneLine<Interval>,
    load: OneLine<Interval>,
    by_replication: OneLine<Vec<Option<Number>>>,
    precise: bool,
    tried: OneLine<KneeTried>,
    #[serde(skip_serializing_if = "Option::is_none")]
    too_light: Option<OneLine<TooLight<'a>>>,
    unbounded: bool,
    missed_first: Vec<OneLine<KneeMissed<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overload: Option<OneLine<Growth>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaks_first: Option<KneeBreaks>,
    curve: Vec<OneLine<KneeLoad>>,
}

/// The lightest and the heaviest load that were tried, as factors.
#[derive(Serialize)]
struct KneeTried {
    low: Number,
    high: Number,
}

/// A load below which objectives are missed.
#[derive(Serialize)]
struct TooLight<'a> {
    holds_factor: Number,
    misses_factor: Number,
    missed: Vec<KneeMissed<'a>>,
}

#[derive(Serialize)]
struct KneeMissed<'a> {
    objective: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    factor: Option<Number>,
    value: Option<Number>,
    bound: Number,
}

#[derive(Serialize)]
struct KneeBreaks {
    cause: &'static str,
    client_measured: bool,
    wait: Option<Wait>,
    wait_grows_mean_ns: Option<Number>,
    longer_mean_ns: Number,
    below_factor: Number,
    above_factor: Number,
    slots_busy_share: Number,
    cpu_busy_share: Number,
    process_busy_share: Number,
    generator_busy_share: Number,
    syn_drops: u64,
    no_local_port: u64,
}

#[derive(Serialize)]
struct KneeLoad {
    factor: Number,
    latency_p99_ns: Option<Number>,
    errors_share: Number,
    throughput_rps: Number,
    slots_busy_share: Number,
    cpu_busy_share: Number,
    holds: bool,
}

#[derive(Serialize)]
struct KneeRatio<'a> {
    world: &'a str,
    base: &'a str,
    #[serde(flatten)]
    interval: Interval,
}

/// The document, indented, ending in a line feed.
pub fn capacity_json(about: &About<'_>, capacity: &Capacity, asked: &capacity::CapacityQuestion) -> String {
    let base = capacity.worlds.first().map_or("", |world| world.world.as_str());
    let ratios =
        capacity.worlds.iter().skip(1).zip(&capacity.ratios).map(|(world, ratio)| {
            OneLine(KneeRatio { world: &world.world, base, interval: Interval::of(ratio.as_ref()) })
        });
    let (rate_rps, clients) = match capacity.load {
        LoadUnit::PerSecond(rate) => (Some(Number(rate)), None),
        LoadUnit::Clients(clients) => (None, Some(Number(clients))),
        LoadUnit::Mixed => (None, None),
    };
    let goals = capacity.slo.objectives.iter();
    let written = CapacityDocument {
        tailback: about.version,
        scenario: about.title,
        seed: about.seed,
        replications: about.replications,
        tolerance_share: Number(asked.tolerance),
        runs: capacity.runs,
        notes: &asked.notes,
        objectives: goals
            .map(|goal| {
                OneLine(KneeObjective { goal: WrittenObjective::of(goal), assumed: asked.assumed.contains(goal) })
            })
            .collect(),
        unattainable: missed_anyway(&asked.unattainable),
        load: OneLine(KneeUnit { rate_rps, clients }),
        worlds: capacity.worlds.iter().map(|world| KneeWorld::of(world, capacity.load)).collect(),
        ratios: ratios.collect(),
    };
    document(&written)
}

impl<'a> KneeWorld<'a> {
    fn of(world: &'a WorldCapacity, load: LoadUnit) -> KneeWorld<'a> {
        let unit = match load {
            LoadUnit::PerSecond(unit) | LoadUnit::Clients(unit) => unit,
            LoadUnit::Mixed => 1.0,
        };
        let too_light = world.floor.as_ref().map(|floor| {
            let missed = floor.missed.iter().map(|one| KneeMissed::of(one, Some(floor.misses))).collect();
            OneLine(TooLight { holds_factor: Number(floor.holds), misses_factor: Number(floor.misses), missed })
        });
        KneeWorld {
            name: &world.world,
            factor: OneLine(Interval::of(world.estimate.as_ref())),
            load: OneLine(Interval::in_units(world.estimate.as_ref(), unit)),
            by_replication: OneLine(world.reached.iter().map(|one| one.factor().map(Number)).collect()),
            precise: world.told,
            tried: OneLine(KneeTried { low: Number(world.tried.0), high: Number(world.tried.1) }),
            too_light,
            unbounded: world.estimate.is_some() && world.missed_at.is_none(),
            missed_first: world.missed.iter().map(|one| OneLine(KneeMissed::of(one, world.missed_at))).collect(),
            overload: world.overload.map(|overload| OneLine(Growth::of(overload))),
            breaks_first: world.breaks.as_ref().map(KneeBreaks::of),
            curve: world.points.iter().map(|point| OneLine(KneeLoad::of(point))).collect(),
        }
    }
}

impl<'a> KneeMissed<'a> {
    fn of((objective, seen): &'a (Objective, Seen), at: Option<f64>) -> KneeMissed<'a> {
        let value = if let Seen::Value(value) = seen { Some(Number(*value)) } else { None };
        let (name, class) = (objective.measure.name(), objective.class.as_deref());
        KneeMissed { objective: name, class, factor: at.map(Number), value, bound: Number(objective.bound) }
    }
}

impl KneeBreaks {
    fn of(found: &Break) -> KneeBreaks {
        let beyond = &found.beyond;
        KneeBreaks {
            cause: found.cause.name(),
            client_measured: found.cause.is_of_the_client(),
            wait: found.wait.map(|(wait, _)| wait),
            wait_grows_mean_ns: found.wait.map(|(_, grown)| Number(grown)),
            longer_mean_ns: Number(found.longer_ns),
            below_factor: Number(found.below),
            above_factor: Number(found.above),
            slots_busy_share: Number(beyond.slots_share),
            cpu_busy_share: Number(beyond.cpu_share),
            process_busy_share: Number(beyond.process_share),
            generator_busy_share: Number(beyond.generator_share),
            syn_drops: beyond.syn_drops,
            no_local_port: beyond.ending(Ending::NoPort),
        }
    }
}

impl KneeLoad {
    fn of(point: &LoadPoint) -> KneeLoad {
        let vitals = &point.vitals;
        KneeLoad {
            factor: Number(point.factor),
            latency_p99_ns: vitals.p99_ns.map(Number),
            errors_share: Number(vitals.errors),
            throughput_rps: Number(vitals.throughput_rps),
            slots_busy_share: Number(vitals.slots_share),
            cpu_busy_share: Number(vitals.cpu_share),
            holds: vitals.holds,
        }
    }
}
