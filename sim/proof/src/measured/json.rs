//! Predictions beside measurements as one JSON document; `docs/validation.md` has its fields.
//!
//! Keys end in their unit, and numbers are written as in [`report::json`].

use serde::Serialize;

use report::json::{Number, OneLine, document};

use super::{
    BandSummary, Bands, ComparedQuantity, EntryComparison, EntryFate, EntryPart, InBand, Regime, Tally, Validated,
};

/// Where predictions come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Simulated<'a> {
    /// Version of tailback.
    pub version: &'a str,
    /// Seed of every run.
    pub seed: u64,
    /// Simulated runs of each entry.
    pub replications: u32,
}

/// The document, indented, ending in a line feed.
pub fn validation_json(about: &Simulated<'_>, entries: &[Validated], summary: &BandSummary) -> String {
    let written = Document {
        tailback: about.version,
        seed: about.seed,
        replications: about.replications,
        bands: OneLine(Limits {
            throughput_error_median: Bands::THROUGHPUT_MEDIAN,
            throughput_error_p90: Bands::THROUGHPUT_NINE_IN_TEN,
            p50_error: Bands::P50,
            p99_error: Bands::P99,
            rank_sum_p: Bands::RANK_SUM_P,
        }),
        summary: Totals::of(summary),
        entries: entries.iter().map(Row::of).collect(),
    };
    document(&written)
}

#[derive(Serialize)]
struct Document<'a> {
    tailback: &'a str,
    seed: u64,
    replications: u32,
    bands: OneLine<Limits>,
    summary: Totals,
    entries: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Limits {
    throughput_error_median: f64,
    throughput_error_p90: f64,
    p50_error: f64,
    p99_error: f64,
    rank_sum_p: f64,
}

#[derive(Serialize)]
struct Totals {
    holds: bool,
    throughput_error_median: Option<Number>,
    throughput_error_p90: Option<Number>,
    throughput_entries: u32,
    by_chance: OneLine<Tally>,
    p50: OneLine<Tally>,
    p99: OneLine<Tally>,
    regime: OneLine<Tally>,
    not_mapped: u32,
    failed: u32,
    calibration: u32,
    entries: u32,
}

impl Totals {
    fn of(summary: &BandSummary) -> Totals {
        Totals {
            holds: summary.holds(),
            throughput_error_median: summary.throughput_error_median.map(Number),
            throughput_error_p90: summary.throughput_error_p90.map(Number),
            throughput_entries: summary.throughput_entries,
            by_chance: OneLine(summary.by_chance),
            p50: OneLine(summary.p50),
            p99: OneLine(summary.p99),
            regime: OneLine(summary.regime),
            not_mapped: summary.not_mapped,
            failed: summary.failed,
            calibration: summary.calibration,
            entries: summary.entries,
        }
    }
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    server: &'a str,
    part: EntryPart,
    fate: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(flatten)]
    numbers: Option<Numbers>,
}

impl<'a> Row<'a> {
    fn of(entry: &'a Validated) -> Row<'a> {
        let (fate, reason) = match &entry.fate {
            EntryFate::Compared(_) => ("compared", None),
            EntryFate::NotMapped(why) => ("not-mapped", Some(why.as_str())),
            EntryFate::Failed(why) => ("failed", Some(why.as_str())),
        };
        let numbers = entry.comparison().map(Numbers::of);
        Row { name: &entry.name, server: &entry.server, part: entry.part, fate, reason, numbers }
    }
}

#[derive(Serialize)]
struct Numbers {
    within: bool,
    ok_rps: OneLine<ComparedQuantity>,
    p50_ms: OneLine<Option<ComparedQuantity>>,
    p90_ms: OneLine<Option<ComparedQuantity>>,
    p99_ms: OneLine<Option<ComparedQuantity>>,
    cpu_cores: OneLine<Option<ComparedQuantity>>,
    regime: OneLine<Regimes>,
}

impl Numbers {
    fn of(found: &EntryComparison) -> Numbers {
        Numbers {
            within: found.is_within(),
            ok_rps: OneLine(found.ok_rps),
            p50_ms: OneLine(found.p50_ms),
            p90_ms: OneLine(found.p90_ms),
            p99_ms: OneLine(found.p99_ms),
            cpu_cores: OneLine(found.cpu_cores),
            regime: OneLine(Regimes {
                measured: found.regime_measured,
                predicted: found.regime_predicted,
                verdict: found.regime,
            }),
        }
    }
}

#[derive(Serialize)]
struct Regimes {
    measured: Regime,
    predicted: Regime,
    verdict: InBand,
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::validated;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_holds_what_was_measured_and_predicted() {
        let mut unsaid = validated("loop/x", "loop", &[1.0], &[1.0]);
        unsaid.fate = EntryFate::NotMapped("there is no server".to_owned());
        let entries = [validated("io/pywsgi/c10", "pywsgi", &[97.0, 99.0, 98.0], &[100.0; 6]), unsaid];
        let about = Simulated { version: "1", seed: 7, replications: 6 };
        let text = validation_json(&about, &entries, &BandSummary::of(&entries));
        let document: Value = serde_json::from_str(&text).unwrap();
        let first = &document["entries"][0];
        assert_eq!(
            (&first["ok_rps"]["measured"]["median"], &first["ok_rps"]["predicted"]["high"]),
            (&98.into(), &100.into())
        );
        assert_eq!(
            (&first["part"], &first["within"], &first["ok_rps"]["verdict"]),
            (&"judged".into(), &true.into(), &"within".into())
        );
        assert_eq!(document["entries"][1]["reason"], "there is no server");
        assert_eq!((&document["summary"]["not_mapped"], &document["summary"]["holds"]), (&1.into(), &false.into()));
    }
}
