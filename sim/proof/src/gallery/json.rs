//! The gallery as one JSON document, for programs.
//!
//! Keys end in their unit, and numbers are written as in [`report::json`]; `docs/gallery.md` has its fields.

use lab::{Estimate, Unit};
use serde::Serialize;

use report::json::Number;

use super::text::verdict;
use super::{Check, JudgedRow, RowAnswer, Tolerance, WantedReading};

#[derive(Serialize)]
struct Document<'a> {
    tailback: &'a str,
    holds: bool,
    rows: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    key: &'static str,
    what: &'static str,
    published: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    flaw: &'static str,
    verdict: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    simulated: Vec<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    band: Option<[Number; 2]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    said: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<&'static str>,
    runs: Vec<GalleryRun>,
}

#[derive(Serialize)]
struct Found {
    mean: Number,
    low: Option<Number>,
    high: Option<Number>,
    replications: u32,
}

#[derive(Serialize)]
struct GalleryRun {
    scenario: &'static str,
    set: &'static [&'static str],
    world: &'static str,
    figure: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    window_s: Option<[u32; 2]>,
}

/// The document, indented, ending in a line feed.
pub fn gallery_json(version: &str, rows: &[JudgedRow]) -> String {
    let holds = rows.iter().all(JudgedRow::holds);
    let written = Document { tailback: version, holds, rows: rows.iter().map(Row::of).collect() };
    report::json::document(&written)
}

impl<'a> Row<'a> {
    fn of(judged: &'a JudgedRow) -> Row<'a> {
        let (unit, simulated, reason): (Option<Unit>, Vec<Found>, _) = match &judged.said {
            RowAnswer::Number(unit, found) => (Some(*unit), vec![Found::of(found)], None),
            RowAnswer::Numbers(unit, found) => (Some(*unit), found.iter().map(Found::of).collect(), None),
            RowAnswer::Order(_) => (None, Vec::new(), None),
            RowAnswer::Nothing(why) => (None, Vec::new(), Some(*why)),
        };
        let said: &[String] = if let RowAnswer::Order(said) = &judged.said { said } else { &[] };
        let row = judged.row;
        let doubts = row.check.doubts().into_iter().map(|reading| WantedReading { reading, window: None });
        let runs = row.check.wanted().into_iter().chain(doubts).map(|WantedReading { reading, window }| GalleryRun {
            scenario: reading.scenario,
            set: reading.set,
            world: reading.world,
            figure: reading.figure,
            window_s: window.map(|window| [window.from, window.to]),
        });
        Row {
            key: row.key,
            what: row.what,
            published: row.published,
            flaw: row.flaw,
            verdict: verdict(judged).to_lowercase(),
            unit: unit.map(Unit::symbol),
            simulated,
            band: band(&row.check).map(|band| {
                let (low, high) = band.ends();
                [Number(low), Number(high)]
            }),
            reason,
            said,
            program: row.check.program(),
            runs: runs.collect(),
        }
    }
}

impl Found {
    fn of(found: &Estimate) -> Found {
        Found {
            mean: Number(found.mean),
            low: found.low.map(Number),
            high: found.high.map(Number),
            replications: found.n,
        }
    }
}

fn band(check: &Check) -> Option<Tolerance> {
    match check {
        Check::Value(_, band) | Check::Ratio(_, _, band) | Check::Middle(_, band) | Check::Share(_, _, band) => {
            Some(*band)
        }
        Check::Among(_, draw) => Some(Tolerance::Exactly(*draw)),
        Check::Calibrated(..)
        | Check::Shape(..)
        | Check::Course(..)
        | Check::Doubt(_)
        | Check::Order(..)
        | Check::NotYet(_)
        | Check::Stated(_) => None,
    }
}
