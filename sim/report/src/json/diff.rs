//! Two results against each other as one JSON document, for programs.

use lab::versus::Versus;
use serde::Serialize;

use super::number::{Number, OneLine, document};
use super::read::ResultDoc;
use super::versus::{Unpaired, WrittenPair, unpaired};
use crate::text::diff::SettingChange;

/// What is compared.
#[derive(Clone, Debug)]
pub struct TwoResults<'a> {
    /// Version of tailback that compares.
    pub version: &'a str,
    /// What happened, in a sentence.
    pub summary: &'a str,
    /// Names of the files, and what is in them.
    pub sides: [(&'a str, &'a ResultDoc); 2],
    /// The settings that differ.
    pub settings: &'a [SettingChange],
    /// Worlds that have no partner, each with its side.
    pub unpaired: &'a [(String, String)],
    /// What a reader should know.
    pub notes: &'a [String],
}

/// The document, indented, ending in a line feed.
pub fn diff_json(about: &TwoResults<'_>, pairs: &[Versus]) -> String {
    let [a, b] = about.sides.map(DiffSide::of);
    let written = DiffDocument {
        tailback: about.version,
        summary: about.summary.trim_end(),
        a,
        b,
        settings: about.settings.iter().map(OneLine).collect(),
        correction: "holm",
        smallest_difference_share: Number(pairs.first().map_or(0.0, |versus| versus.smallest)),
        tests: pairs.iter().flat_map(|versus| &versus.rows).filter(|row| row.p.is_some()).count(),
        pairs: pairs.iter().map(DiffPair::of).collect(),
        unpaired: unpaired(about.unpaired),
        notes: about.notes,
    };
    document(&written)
}

#[derive(Serialize)]
struct DiffDocument<'a> {
    tailback: &'a str,
    summary: &'a str,
    a: DiffSide<'a>,
    b: DiffSide<'a>,
    settings: Vec<OneLine<&'a SettingChange>>,
    correction: &'static str,
    smallest_difference_share: Number,
    tests: usize,
    pairs: Vec<DiffPair<'a>>,
    unpaired: Vec<OneLine<Unpaired<'a>>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct DiffSide<'a> {
    file: &'a str,
    tailback: &'a str,
    scenario: &'a str,
    source: &'a str,
    set: &'a [String],
    seed: u64,
    replications: u32,
}

impl<'a> DiffSide<'a> {
    fn of((file, document): (&'a str, &'a ResultDoc)) -> DiffSide<'a> {
        DiffSide {
            file,
            tailback: &document.version,
            scenario: &document.title,
            source: &document.source.file,
            set: &document.source.set,
            seed: document.source.seed,
            replications: document.replications,
        }
    }
}

/// As `compare` has it, and how the difference was taken.
#[derive(Serialize)]
struct DiffPair<'a> {
    method: &'static str,
    replications_b: u32,
    #[serde(flatten)]
    pair: WrittenPair<'a>,
}

impl<'a> DiffPair<'a> {
    fn of(versus: &'a Versus) -> DiffPair<'a> {
        DiffPair { method: versus.method.name(), replications_b: versus.replications[1], pair: WrittenPair::of(versus) }
    }
}
