//! The gallery as one JSON document, for programs.
//!
//! Keys end in their unit, and numbers are written as in [`crate::json`]; `docs/gallery.md` has its fields.

use lab::gallery::{Band, Check, Judged, Said};
use lab::{Estimate, Unit};
use serde::Serialize;

use crate::json::Number;
use crate::text::gallery::verdict;

#[derive(Serialize)]
struct Document<'a> {
    tailback: &'a str,
    holds: bool,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
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
    runs: Vec<Run>,
}

#[derive(Serialize)]
struct Found {
    mean: Number,
    low: Option<Number>,
    high: Option<Number>,
    replications: u32,
}

#[derive(Serialize)]
struct Run {
    scenario: &'static str,
    set: &'static [&'static str],
    world: &'static str,
    figure: &'static str,
}

/// The document, indented, ending in a line feed.
pub fn gallery_json(version: &str, rows: &[Judged]) -> String {
    let holds = rows.iter().all(Judged::holds);
    let document = Document { tailback: version, holds, rows: rows.iter().map(Row::of).collect() };
    serde_json::to_string_pretty(&document).expect("a document of strings and numbers can be written") + "\n"
}

impl Row {
    fn of(judged: &Judged) -> Row {
        let (unit, simulated, reason): (Option<Unit>, Vec<Found>, _) = match &judged.said {
            Said::Number(unit, found) => (Some(*unit), vec![Found::of(found)], None),
            Said::Numbers(unit, found) => (Some(*unit), found.iter().map(Found::of).collect(), None),
            Said::Nothing(why) => (None, Vec::new(), Some(*why)),
        };
        let row = judged.row;
        let runs = row.check.readings().into_iter().chain(row.check.doubts()).map(|reading| Run {
            scenario: reading.scenario,
            set: reading.set,
            world: reading.world,
            figure: reading.figure,
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

fn band(check: &Check) -> Option<Band> {
    match check {
        Check::Value(_, band) | Check::Ratio(_, _, band) => Some(*band),
        Check::Among(_, draw) => Some(Band::Exactly(*draw)),
        Check::Calibrated(..) | Check::Shape(..) | Check::Doubt(_) | Check::NotYet(_) | Check::Stated(_) => None,
    }
}
