//! Results as one JSON document, for programs: everything the table has and more, with stable keys in a stable order.
//!
//! A mean that no replication had is `null`. `docs/results.md` has the format. What is read again has one definition with what is
//! written; what follows from it, or what nobody needs again, is only written. [`super::read`] reads it and doubts it.

use std::borrow::Cow;
use std::fmt;

use lab::attainable::Unattainable;
use lab::figure::RUN_FIGURES;
use lab::slo::JudgedObjective;
use lab::theory::TheoryPanel;
use lab::{
    ClassDifference, ClassSummary, Comparison, Difference, Figure, Overload, Precision, SharedSummary, Summary, WarmUp,
    WorldDifference, WorldResult,
};
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::beside::{PrecisionReached, WarmUpFound, WrittenTheory};
use super::number::{Interval, Number, OneLine, document};
use super::read::{FORMAT, ResultSource};
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
    pub source: Option<&'a ResultSource>,
    /// The warm-up that was found.
    pub warm_up: Option<&'a WarmUp>,
    /// The precision that was reached.
    pub precision: Option<&'a Precision>,
    /// What theory says of the worlds; empty: it is not asked.
    pub theory: &'a [TheoryPanel],
    /// Verdicts on the objectives, if there are any.
    pub slo: Option<&'a [JudgedObjective]>,
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
    let worlds = results.iter().zip(&comparison.worlds);
    let written = WrittenResults {
        tailback: about.version.into(),
        format: FORMAT,
        scenario: about.title.into(),
        seed: about.seed,
        replications: about.replications,
        source: beside.source.map(Cow::Borrowed),
        warm_up: beside.warm_up.map(WarmUpFound::of),
        precision: beside.precision.map(PrecisionReached::of),
        unattainable: missed_anyway(beside.unattainable),
        slo: beside.slo.map(Verdicts::of),
        worlds: worlds.map(|(result, summary)| WrittenWorld::of(result, summary)).collect(),
        differences: comparison.differences.iter().map(WorldAgainst::of).collect(),
        theory: beside.theory.iter().map(WrittenTheory::of).collect(),
    };
    document(&written)
}

/// A document of results: as it is written, and as it is read before anybody believes it.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a document of results")]
pub(super) struct WrittenResults<'a> {
    pub(super) tailback: Cow<'a, str>,
    pub(super) format: u32,
    pub(super) scenario: Cow<'a, str>,
    pub(super) seed: u64,
    pub(super) replications: u32,
    /// Results that nobody can run again have none; a document without one is not read.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "there")]
    pub(super) source: Option<Cow<'a, ResultSource>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    warm_up: Option<WarmUpFound<'a>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    precision: Option<PrecisionReached<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    unattainable: Vec<OneLine<MissedAnyway<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    slo: Option<Verdicts<'a>>,
    pub(super) worlds: Vec<WrittenWorld<'a>>,
    #[serde(skip_deserializing)]
    differences: Vec<WorldAgainst<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    theory: Vec<WrittenTheory<'a>>,
}

/// What may be left out on writing and not on reading.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// A world of a document.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a world of a document of results")]
pub(super) struct WrittenWorld<'a> {
    pub(super) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    overload: Option<Growth>,
    pub(super) figures: WrittenFigures,
    #[serde(skip_deserializing)]
    classes: Vec<WrittenClass<'a>>,
    #[serde(skip_deserializing)]
    blame: WrittenFigures,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    groups: Vec<WrittenShared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    pools: Vec<WrittenShared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    values: Vec<WrittenShared<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty", skip_deserializing)]
    connections: Vec<WrittenShared<'a>>,
    /// In hexadecimal, for readers whose numbers are floats.
    pub(super) fingerprints: OneLine<Vec<String>>,
    pub(super) births_fingerprints: OneLine<Vec<String>>,
    pub(super) events: OneLine<Vec<u64>>,
}

impl<'a> WrittenWorld<'a> {
    fn of(result: &'a WorldResult, summary: &'a Summary) -> WrittenWorld<'a> {
        assert_eq!(result.name, summary.world, "results and comparison differ in their worlds");
        let records = result.records.iter();
        let hexadecimal = |fingerprint: u64| format!("{fingerprint:016x}");
        WrittenWorld {
            name: result.name.as_str().into(),
            overload: summary.overload.map(Growth::of),
            figures: WrittenFigures::of(&summary.figures),
            classes: summary.classes.iter().map(WrittenClass::of).collect(),
            blame: WrittenFigures::of(&summary.blame),
            groups: summary.groups.iter().map(WrittenShared::of).collect(),
            pools: summary.pools.iter().map(WrittenShared::of).collect(),
            values: summary.values.iter().map(WrittenShared::of).collect(),
            connections: summary.connections.iter().map(WrittenShared::of).collect(),
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
struct WrittenClass<'a> {
    name: &'a str,
    figures: WrittenFigures,
    blame: WrittenFigures,
}

impl<'a> WrittenClass<'a> {
    fn of(class: &'a ClassSummary) -> WrittenClass<'a> {
        let (figures, blame) = (WrittenFigures::of(&class.figures), WrittenFigures::of(&class.blame));
        WrittenClass { name: &class.name, figures, blame }
    }
}

/// A group of clients, a pool, a shared value or connections.
#[derive(Serialize)]
struct WrittenShared<'a> {
    name: &'a str,
    figures: WrittenFigures,
}

impl<'a> WrittenShared<'a> {
    fn of(shared: &'a SharedSummary) -> WrittenShared<'a> {
        WrittenShared { name: &shared.name, figures: WrittenFigures::of(&shared.figures) }
    }
}

#[derive(Serialize)]
struct WorldAgainst<'a> {
    world: &'a str,
    base: &'a str,
    figures: WrittenDifferences<'a>,
    classes: Vec<ClassAgainst<'a>>,
}

impl<'a> WorldAgainst<'a> {
    fn of(against: &'a WorldDifference) -> WorldAgainst<'a> {
        WorldAgainst {
            world: &against.world,
            base: &against.base,
            figures: WrittenDifferences(&against.figures),
            classes: against.classes.iter().map(ClassAgainst::of).collect(),
        }
    }
}

#[derive(Serialize)]
struct ClassAgainst<'a> {
    name: &'a str,
    figures: WrittenDifferences<'a>,
}

impl<'a> ClassAgainst<'a> {
    fn of(against: &'a ClassDifference) -> ClassAgainst<'a> {
        ClassAgainst { name: &against.name, figures: WrittenDifferences(&against.figures) }
    }
}

/// A map from name to figure, in the order of the table of figures.
///
/// Of those that are read, only the figures of a run that this program knows are kept, and of one that stands there twice the last.
#[derive(Default)]
pub(super) struct WrittenFigures(Vec<(&'static str, OneLine<WrittenFigure>)>);

impl WrittenFigures {
    fn of(figures: &[Figure]) -> WrittenFigures {
        WrittenFigures(figures.iter().map(|figure| (figure.spec.name, OneLine(WrittenFigure::of(figure)))).collect())
    }

    /// Takes one out.
    pub(super) fn remove(&mut self, name: &str) -> Option<WrittenFigure> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1.0)
    }
}

impl Serialize for WrittenFigures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, figure)| (name, figure)))
    }
}

impl<'de> Deserialize<'de> for WrittenFigures {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<WrittenFigures, D::Error> {
        deserializer.deserialize_map(FiguresVisitor)
    }
}

struct FiguresVisitor;

impl<'de> Visitor<'de> for FiguresVisitor {
    type Value = WrittenFigures;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<WrittenFigures, A::Error> {
        let mut figures = WrittenFigures::default();
        while let Some((name, figure)) = map.next_entry::<Cow<'_, str>, _>()? {
            if let Some(recipe) = RUN_FIGURES.iter().find(|recipe| recipe.spec.name == name) {
                figures.remove(&name);
                figures.0.push((recipe.spec.name, figure));
            }
        }
        Ok(figures)
    }
}

/// A map from name to paired difference, in the order of the table of figures.
struct WrittenDifferences<'a>(&'a [Difference]);

impl Serialize for WrittenDifferences<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for difference in self.0 {
            let interval = Interval::of(Some(&difference.difference));
            let ratio = difference.ratio.as_ref().map(|ratio| Interval::of(Some(ratio)));
            let unit = difference.spec.unit.symbol();
            let excludes_zero = difference.excludes_zero;
            map.serialize_entry(
                difference.spec.name,
                &OneLine(WrittenDifference { interval, unit, excludes_zero, ratio }),
            )?;
        }
        map.end()
    }
}

/// A figure: its mean with an interval, and what these are of.
#[derive(Serialize, Deserialize)]
#[serde(expecting = "a figure of a document of results")]
pub(super) struct WrittenFigure {
    /// Follows from the values, and is not read.
    #[serde(flatten, skip_deserializing)]
    interval: Interval,
    #[serde(skip_deserializing)]
    unit: &'static str,
    /// Of all replications, in their order, so that two documents can be compared in pairs.
    pub(super) values: Option<Vec<Option<Number>>>,
}

impl WrittenFigure {
    fn of(figure: &Figure) -> WrittenFigure {
        let values = figure.values.iter().map(|value| value.map(Number)).collect();
        let interval = Interval::of(figure.estimate.as_ref());
        WrittenFigure { interval, unit: figure.spec.unit.symbol(), values: Some(values) }
    }
}

#[derive(Serialize)]
struct WrittenDifference {
    #[serde(flatten)]
    interval: Interval,
    unit: &'static str,
    excludes_zero: Option<bool>,
    ratio: Option<Interval>,
}
