//! Two worlds against each other as one JSON document, for programs.

use lab::versus::{Versus, VersusRow};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::number::{Interval, Number, OneLine, document};

/// Where a comparison comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TwoSides<'a> {
    /// Version of tailback.
    pub version: &'a str,
    /// Seed of every run.
    pub seed: u64,
    /// What each side is: file and overrides.
    pub sides: [String; 2],
    /// Worlds that have no partner, each with its side.
    pub unpaired: &'a [(String, String)],
}

/// The document, indented, ending in a line feed.
pub fn versus_json(about: &TwoSides<'_>, pairs: &[Versus]) -> String {
    let written = VersusDocument {
        tailback: about.version,
        seed: about.seed,
        a: &about.sides[0],
        b: &about.sides[1],
        correction: "holm",
        smallest_difference_share: Number(pairs.first().map_or(0.0, |versus| versus.smallest)),
        tests: pairs.iter().flat_map(|versus| &versus.rows).filter(|row| row.p.is_some()).count(),
        pairs: pairs.iter().map(WrittenPair::of).collect(),
        unpaired: unpaired(about.unpaired),
    };
    document(&written)
}

#[derive(Serialize)]
struct VersusDocument<'a> {
    tailback: &'a str,
    seed: u64,
    a: &'a str,
    b: &'a str,
    correction: &'static str,
    smallest_difference_share: Number,
    tests: usize,
    pairs: Vec<WrittenPair<'a>>,
    unpaired: Vec<OneLine<Unpaired<'a>>>,
}

/// A world without a partner.
#[derive(Serialize)]
pub(crate) struct Unpaired<'a> {
    side: &'a str,
    world: &'a str,
}

pub(crate) fn unpaired(all: &[(String, String)]) -> Vec<OneLine<Unpaired<'_>>> {
    all.iter().map(|(side, world)| OneLine(Unpaired { side, world })).collect()
}

#[derive(Serialize)]
pub(crate) struct WrittenPair<'a> {
    a: &'a str,
    b: &'a str,
    replications: u32,
    births_equal: u32,
    figures: WrittenRows<'a>,
    equal: OneLine<Vec<&'static str>>,
}

impl<'a> WrittenPair<'a> {
    pub(crate) fn of(versus: &'a Versus) -> WrittenPair<'a> {
        WrittenPair {
            a: &versus.a,
            b: &versus.b,
            replications: versus.replications[0],
            births_equal: versus.births_equal,
            figures: WrittenRows(&versus.rows),
            equal: OneLine(versus.equal.iter().map(|spec| spec.name).collect()),
        }
    }
}

/// A map from name to what was found, in the order of the table of figures.
struct WrittenRows<'a>(&'a [VersusRow]);

impl Serialize for WrittenRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for row in self.0 {
            let found = WrittenRow {
                a: Interval::of(Some(&row.a)),
                b: Interval::of(Some(&row.b)),
                difference: Interval::of(Some(&row.difference)),
                relative: row.relative.as_ref().map(|relative| Interval::of(Some(relative))),
                unit: row.spec.unit.symbol(),
                p: row.p.map(Number),
                p_holm: row.adjusted.map(Number),
                verdict: row.verdict.name(),
            };
            map.serialize_entry(row.spec.name, &OneLine(found))?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct WrittenRow {
    a: Interval,
    b: Interval,
    difference: Interval,
    relative: Option<Interval>,
    unit: &'static str,
    p: Option<Number>,
    p_holm: Option<Number>,
    verdict: &'static str,
}
