//! Results as one JSON document, for programs: everything the table has and more, with stable keys in a stable order.
//!
//! A mean that no replication had is `null`. `docs/results.md` has the format, and [`super::read`] reads it.

use lab::attainable::Unattainable;
use lab::slo::Judged;
use lab::theory::Panel;
use lab::{
    ClassDifference, ClassSummary, Comparison, Difference, Figure, Overload, Precision, SharedSummary, Summary, WarmUp,
    WorldDifference, WorldResult,
};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::beside::{PrecisionReached, Theory, WarmUpFound};
use super::number::{Interval, Number, OneLine, document};
use super::read::{FORMAT, Source};
use super::slo::{MissedAnyway, Verdicts, missed_anyway};

/// Where results come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About<'a> {
    /// Version of tailback.
    pub version: &'a str,
    /// Title of the scenario.
    pub title: &'a str,
    /// Seed of every run.
    pub seed: u64,
    /// Replications of each world.
    pub replications: u32,
}

/// What is told beside the numbers, where it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// What was run, so that anybody can run it again.
    pub source: Option<&'a Source>,
    /// The warm-up that was found.
    pub warm_up: Option<&'a WarmUp>,
    /// The precision that was reached.
    pub precision: Option<&'a Precision>,
    /// What theory says of the worlds; empty: it is not asked.
    pub theory: &'a [Panel],
    /// Verdicts on the objectives, if there are any.
    pub slo: Option<&'a [Judged]>,
    /// Objectives that a world cannot meet however little it has to do.
    pub unattainable: &'a [Unattainable],
}

/// The document, indented, ending in a line feed.
///
/// # Panics
/// If `comparison` was not made of `results`.
pub fn results_json(about: &About<'_>, results: &[WorldResult], comparison: &Comparison) -> String {
    results_json_with(about, results, comparison, &Beside::default())
}

/// [`results_json`] with what is told beside the numbers.
///
/// # Panics
/// As [`results_json`].
pub fn results_json_with(
    about: &About<'_>,
    results: &[WorldResult],
    comparison: &Comparison,
    beside: &Beside<'_>,
) -> String {
    assert_eq!(results.len(), comparison.worlds.len(), "results and comparison differ in their worlds");
    let written = Document {
        tailback: about.version,
        format: FORMAT,
        scenario: about.title,
        seed: about.seed,
        replications: about.replications,
        source: beside.source,
        warm_up: beside.warm_up.map(WarmUpFound::of),
        precision: beside.precision.map(PrecisionReached::of),
        unattainable: missed_anyway(beside.unattainable),
        slo: beside.slo.map(Verdicts::of),
        worlds: results.iter().zip(&comparison.worlds).map(|(result, summary)| World::of(result, summary)).collect(),
        differences: comparison.differences.iter().map(WorldAgainst::of).collect(),
        theory: beside.theory.iter().map(Theory::of).collect(),
    };
    document(&written)
}

#[derive(Serialize)]
struct Document<'a> {
    tailback: &'a str,
    format: u32,
    scenario: &'a str,
    seed: u64,
    replications: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warm_up: Option<WarmUpFound<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<PrecisionReached<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unattainable: Vec<OneLine<MissedAnyway<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    slo: Option<Verdicts<'a>>,
    worlds: Vec<World<'a>>,
    differences: Vec<WorldAgainst<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    theory: Vec<Theory<'a>>,
}

#[derive(Serialize)]
struct World<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    overload: Option<Growth>,
    figures: Figures<'a>,
    classes: Vec<Class<'a>>,
    blame: Figures<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Shared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pools: Vec<Shared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<Shared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    connections: Vec<Shared<'a>>,
    /// In hexadecimal, for readers whose numbers are floats.
    fingerprints: OneLine<Vec<String>>,
    births_fingerprints: OneLine<Vec<String>>,
    events: OneLine<Vec<u64>>,
}

impl<'a> World<'a> {
    fn of(result: &'a WorldResult, summary: &'a Summary) -> World<'a> {
        assert_eq!(result.name, summary.world, "results and comparison differ in their worlds");
        let records = result.records.iter();
        let hexadecimal = |fingerprint: u64| format!("{fingerprint:016x}");
        World {
            name: &result.name,
            overload: summary.overload.map(Growth::of),
            figures: Figures(&summary.figures),
            classes: summary.classes.iter().map(Class::of).collect(),
            blame: Figures(&summary.blame),
            groups: summary.groups.iter().map(Shared::of).collect(),
            pools: summary.pools.iter().map(Shared::of).collect(),
            values: summary.values.iter().map(Shared::of).collect(),
            connections: summary.connections.iter().map(Shared::of).collect(),
            fingerprints: OneLine(records.clone().map(|record| hexadecimal(record.fingerprint)).collect()),
            births_fingerprints: OneLine(
                records.clone().map(|record| hexadecimal(record.births_fingerprint)).collect(),
            ),
            events: OneLine(records.map(|record| record.events).collect()),
        }
    }
}

/// That the queue of a world grows.
#[derive(Serialize)]
pub(crate) struct Growth {
    growth_rps: Number,
}

impl Growth {
    pub(crate) fn of(overload: Overload) -> Growth {
        Growth { growth_rps: Number(overload.growth_rps) }
    }
}

#[derive(Serialize)]
struct Class<'a> {
    name: &'a str,
    figures: Figures<'a>,
    blame: Figures<'a>,
}

impl<'a> Class<'a> {
    fn of(class: &'a ClassSummary) -> Class<'a> {
        Class { name: &class.name, figures: Figures(&class.figures), blame: Figures(&class.blame) }
    }
}

/// A shared value or connection.
#[derive(Serialize)]
struct Shared<'a> {
    name: &'a str,
    figures: Figures<'a>,
}

impl<'a> Shared<'a> {
    fn of(shared: &'a SharedSummary) -> Shared<'a> {
        Shared { name: &shared.name, figures: Figures(&shared.figures) }
    }
}

#[derive(Serialize)]
struct WorldAgainst<'a> {
    world: &'a str,
    base: &'a str,
    figures: Differences<'a>,
    classes: Vec<ClassAgainst<'a>>,
}

impl<'a> WorldAgainst<'a> {
    fn of(against: &'a WorldDifference) -> WorldAgainst<'a> {
        WorldAgainst {
            world: &against.world,
            base: &against.base,
            figures: Differences(&against.figures),
            classes: against.classes.iter().map(ClassAgainst::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct ClassAgainst<'a> {
    name: &'a str,
    figures: Differences<'a>,
}

impl<'a> ClassAgainst<'a> {
    fn of(against: &'a ClassDifference) -> ClassAgainst<'a> {
        ClassAgainst { name: &against.name, figures: Differences(&against.figures) }
    }
}

/// A map from name to number and its value in each replication, in the order of the table of figures.
struct Figures<'a>(&'a [Figure]);

impl Serialize for Figures<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for figure in self.0 {
            let interval = Interval::of(figure.estimate.as_ref());
            let values = figure.values.iter().map(|value| value.map(Number)).collect();
            let value = Value { interval, unit: figure.spec.unit.symbol(), values };
            map.serialize_entry(figure.spec.name, &OneLine(value))?;
        }
        map.end()
    }
}

/// A map from name to paired difference, in the order of the table of figures.
struct Differences<'a>(&'a [Difference]);

impl Serialize for Differences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for difference in self.0 {
            let interval = Interval::of(Some(&difference.difference));
            let ratio = difference.ratio.as_ref().map(|ratio| Interval::of(Some(ratio)));
            let unit = difference.spec.unit.symbol();
            let excludes_zero = difference.excludes_zero;
            map.serialize_entry(difference.spec.name, &OneLine(Against { interval, unit, excludes_zero, ratio }))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Value {
    #[serde(flatten)]
    interval: Interval,
    unit: &'static str,
    /// Of all replications, in their order, so that two documents can be compared in pairs.
    values: Vec<Option<Number>>,
}

#[derive(Serialize)]
struct Against {
    #[serde(flatten)]
    interval: Interval,
    unit: &'static str,
    excludes_zero: Option<bool>,
    ratio: Option<Interval>,
}
