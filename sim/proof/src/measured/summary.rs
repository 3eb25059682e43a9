//! All entries together: how many met which band.

use serde::Serialize;

use super::bands::Bands;
use super::compare::{ComparedQuantity, EntryComparison, EntryFate, EntryPart, InBand, Validated};

/// How many of how many.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize)]
pub struct Tally {
    /// Met their band.
    pub met: u32,
    /// Had one.
    pub of: u32,
}

impl Tally {
    /// Whether all did.
    pub fn is_full(&self) -> bool {
        self.met == self.of
    }

    fn add(&mut self, verdict: InBand) {
        match verdict {
            InBand::Within => (self.met, self.of) = (self.met + 1, self.of + 1),
            InBand::Outside => self.of += 1,
            InBand::NotJudged => {}
        }
    }
}

/// The bands over all entries but those for calibration.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct BandSummary {
    /// Median of the throughput's absolute error, over the entries that were simulated and are not a matter of chance.
    pub throughput_error_median: Option<f64>,
    /// Its 90th percentile: nine in ten are at most this.
    pub throughput_error_p90: Option<f64>,
    /// Entries that these two are over.
    pub throughput_entries: u32,
    /// Throughput of the entries that chance decides.
    pub by_chance: Tally,
    /// Median latency.
    pub p50: Tally,
    /// 99th percentile.
    pub p99: Tally,
    /// Regime of errors.
    pub regime: Tally,
    /// Entries that no scenario says.
    pub not_mapped: u32,
    /// Entries whose runs did not come to their end.
    pub failed: u32,
    /// Entries for calibration, which are not judged.
    pub calibration: u32,
    /// Entries in all.
    pub entries: u32,
}

impl BandSummary {
    /// Counts. An entry for calibration counts only if it could not be simulated.
    pub fn of(entries: &[Validated]) -> BandSummary {
        let mut summary = BandSummary::default();
        let mut errors = Vec::new();
        for Validated { part, fate, .. } in entries {
            summary.entries += 1;
            summary.calibration += u32::from(*part == EntryPart::Calibration);
            match fate {
                EntryFate::NotMapped(_) => summary.not_mapped += 1,
                EntryFate::Failed(_) => summary.failed += 1,
                EntryFate::Compared(found) => {
                    if *part == EntryPart::Judged {
                        errors.push(found.ok_rps.error.abs());
                    }
                    summary.add(*part, found);
                }
            }
        }
        errors.sort_by(f64::total_cmp);
        summary.throughput_entries = u32::try_from(errors.len()).expect("entries are counted by u32");
        summary.throughput_error_median = nearest_rank(&errors, 5);
        summary.throughput_error_p90 = nearest_rank(&errors, 9);
        summary
    }

    fn add(&mut self, part: EntryPart, found: &EntryComparison) {
        if part == EntryPart::ByChance {
            self.by_chance.add(found.ok_rps.verdict);
        }
        let verdict = |quantity: &Option<ComparedQuantity>| quantity.map_or(InBand::NotJudged, |known| known.verdict);
        self.p50.add(verdict(&found.p50_ms));
        self.p99.add(verdict(&found.p99_ms));
        self.regime.add(found.regime);
    }

    /// Whether the throughput bands hold: five per cent for the median entry, ten for nine in ten.
    pub fn throughput_holds(&self) -> bool {
        self.throughput_error_median.is_none_or(|error| error <= Bands::THROUGHPUT_MEDIAN)
            && self.throughput_error_p90.is_none_or(|error| error <= Bands::THROUGHPUT_NINE_IN_TEN)
    }

    /// Whether every band holds and every entry was simulated.
    pub fn holds(&self) -> bool {
        let counts = [self.by_chance, self.p50, self.p99, self.regime];
        self.throughput_holds() && counts.iter().all(Tally::is_full) && self.not_mapped == 0 && self.failed == 0
    }
}

/// The smallest of sorted values that `tenths` in ten do not exceed.
fn nearest_rank(sorted: &[f64], tenths: usize) -> Option<f64> {
    sorted.get((sorted.len() * tenths).div_ceil(10).max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_in_ten_are_counted_by_nearest_rank() {
        let errors: Vec<f64> = (1..=10).map(|error| f64::from(error) / 100.0).collect();
        assert_eq!((nearest_rank(&errors, 5), nearest_rank(&errors, 9)), (Some(0.05), Some(0.09)));
        assert_eq!((nearest_rank(&errors[..1], 5), nearest_rank(&[], 9)), (Some(0.01), None));
    }

    #[test]
    fn an_entry_that_no_scenario_says_breaks_the_bands() {
        let fate = EntryFate::NotMapped("a loop".to_owned());
        let entry = Validated { name: "pool/x".to_owned(), server: "x".to_owned(), part: EntryPart::Judged, fate };
        assert!(!BandSummary::of(&[entry]).holds());
        assert!(BandSummary::of(&[]).holds());
    }
}
