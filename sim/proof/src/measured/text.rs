//! Predictions beside measurements as a table: a row for each entry, in 120 places.

use report::words::number::{grouped, percent};
use report::words::wrap;

use super::{BandSummary, Bands, ComparedQuantity, EntryComparison, EntryFate, EntryPart, InBand, Tally, Validated};

/// Places of the first column; a longer name has a line of its own.
const NAME: usize = 32;
/// Places of a measured or predicted number.
const NUMBER: usize = 6;
/// Places of an error, its mark included.
const ERROR: usize = 8;
/// What stands behind an error outside of its band.
const OUTSIDE: char = '×';

/// How the table is to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ValidationStyle {
    /// Whether what is outside of its band is red, by an ANSI sequence: for terminals only.
    pub colour: bool,
    /// Places in a line of words; the table itself needs 120.
    pub width: usize,
}

/// The table, what its columns are, and the summary.
pub fn validation_table(entries: &[Validated], summary: &BandSummary, look: ValidationStyle) -> String {
    let mut text = head();
    for (part, title) in [
        (EntryPart::Judged, "Judged"),
        (EntryPart::ByChance, "Judged by their spread: a herd larger than the listen queue, so chance decides a run"),
        (EntryPart::Calibration, "Calibration: shown, not judged"),
    ] {
        let of_part: Vec<&Validated> = entries.iter().filter(|entry| entry.part == part).collect();
        if !of_part.is_empty() {
            text += &format!("\n{title}\n");
            rows(&mut text, &of_part, look);
        }
    }
    let note = "Medians over the measured runs and over the simulated ones; error in per cent of the measured median, × outside of \
                its band. Bad: how many requests timed out or failed, measured/predicted where they differ. CPU: per cent of a \
                core that the server used, measured and predicted, not judged.";
    text += &format!("\n{}\n", wrap(note, look.width));
    text + &summary_text(summary, look)
}

fn head() -> String {
    let groups: String =
        ["good/s", "p50 ms", "p99 ms"].into_iter().map(|title| format!(" {title:>NUMBER$}{:16}", "")).collect();
    let columns = format!(" {:>NUMBER$} {:>NUMBER$} error % ", "meas.", "pred.").repeat(3);
    format!("{:NAME$}{}\n{:NAME$}{columns}  {:9} CPU %\n", "", groups.trim_end(), "", "bad")
}

/// The rows of one part, families apart.
fn rows(text: &mut String, entries: &[&Validated], look: ValidationStyle) {
    for entry in entries {
        let name = &entry.name;
        if name.chars().count() > NAME {
            *text += &format!("{name}\n{:NAME$}", "");
        } else {
            *text += &format!("{name:NAME$}");
        }
        let row = match &entry.fate {
            EntryFate::Compared(found) => numbers(found, look),
            EntryFate::NotMapped(why) => format!("  {}", paint(&format!("not mapped: {why}"), look)),
            EntryFate::Failed(why) => format!("  {}", paint(&format!("did not come to its end: {why}"), look)),
        };
        *text += &format!("{}\n", row.trim_end());
    }
}

fn numbers(found: &EntryComparison, look: ValidationStyle) -> String {
    let quantities = [Some(&found.ok_rps), found.p50_ms.as_ref(), found.p99_ms.as_ref()];
    let mut text: String = quantities.into_iter().map(|quantity| group(quantity, look)).collect();
    let (seen, told) = (found.regime_measured.label(), found.regime_predicted.label());
    let regime = if seen == told { seen.to_owned() } else { format!("{seen}/{told}") };
    let regime = format!("{regime:9}");
    text += "  ";
    text += &if found.regime == InBand::Outside { paint(&regime, look) } else { regime };
    let share = |cores: f64| format!("{:.0}", cores * 100.0);
    let cpu = found.cpu_cores.map(|known| (share(known.measured.median), share(known.predicted.median)));
    if let Some((seen, told)) = cpu {
        text += &format!(" {seen:>3} {told:>3}");
    }
    text
}

/// Measured, predicted, error and mark.
fn group(quantity: Option<&ComparedQuantity>, look: ValidationStyle) -> String {
    let Some(quantity) = quantity else {
        return format!(" {:>NUMBER$} {:>NUMBER$} {:ERROR$}", "–", "", "");
    };
    let (seen, told) = (number(quantity.measured.median), number(quantity.predicted.median));
    let percent = quantity.error * 100.0;
    let error = if percent.abs() < 999.5 { format!("{percent:+.1}") } else { format!("{percent:+.0}") };
    let outside = quantity.verdict == InBand::Outside;
    let mark = if outside { OUTSIDE } else { ' ' };
    let error = format!("{error:>7}{mark}");
    let error = if outside { paint(&error, look) } else { error };
    format!(" {seen:>NUMBER$} {told:>NUMBER$} {error}")
}

/// Four digits, or all of a larger whole number.
fn number(value: f64) -> String {
    let decimals = [1000.0, 100.0, 10.0].into_iter().position(|from| value >= from).unwrap_or(3);
    grouped(value, decimals)
}

/// Red, where there is colour.
fn paint(text: &str, look: ValidationStyle) -> String {
    if look.colour { format!("\x1b[31m{text}\x1b[0m") } else { text.to_owned() }
}

/// What was met, in words.
fn summary_text(summary: &BandSummary, look: ValidationStyle) -> String {
    let band = |share: f64| format!("{:.0} %", share * 100.0);
    let mut words = format!(
        "Throughput of {}: the error is {} for the median entry (band {}), and at most {} for nine in ten (band {}).",
        if summary.throughput_entries == 1 {
            "1 entry".to_owned()
        } else {
            format!("{} entries", summary.throughput_entries)
        },
        percent(summary.throughput_error_median),
        band(Bands::THROUGHPUT_MEDIAN),
        percent(summary.throughput_error_p90),
        band(Bands::THROUGHPUT_NINE_IN_TEN),
    );
    let count = |what: &str, where_to: &str, count: Tally| match count.of {
        0 => String::new(),
        of => format!(" {what} within {where_to}: {} of {of}.", count.met),
    };
    words += &count("Throughput of herds", "the spread of the simulation", summary.by_chance);
    words += &count("p50", &band(Bands::P50), summary.p50);
    words += &count("p99", &format!("{} or between the measured runs", band(Bands::P99)), summary.p99);
    words += &count("Regime of errors", "what was measured", summary.regime);
    if summary.not_mapped > 0 {
        words += &format!(" Not mapped: {}.", summary.not_mapped);
    }
    if summary.failed > 0 {
        words += &format!(" Did not come to their end: {}.", summary.failed);
    }
    let verdict = if summary.holds() { "All bands hold." } else { "Not all bands hold." };
    let text = wrap(&format!("{words} {verdict}"), look.width);
    if summary.holds() { text } else { text.replace(verdict, &paint(verdict, look)) }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::validated;

    use super::*;

    fn entries() -> Vec<Validated> {
        let mut unsaid = validated("loop/without-a-server", "loop", &[1.0], &[1.0]);
        unsaid.fate = EntryFate::NotMapped("there is no server".to_owned());
        vec![
            validated("io/pywsgi/c10", "pywsgi", &[97.0, 99.0, 98.0], &[100.0; 5]),
            validated("open/a-server-with-a-rather-long-name/r3000", "pywsgi", &[2_000.0], &[3_000.0]),
            unsaid,
            validated("calib/pywsgi/c1", "pywsgi", &[100.0], &[900.0]),
        ]
    }

    #[test]
    fn the_table_has_a_row_for_each_entry_and_a_mark_for_what_is_outside() {
        let entries = entries();
        let text =
            validation_table(&entries, &BandSummary::of(&entries), ValidationStyle { colour: false, width: 120 });
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        let expected = [
            "                                 good/s                 p50 ms                 p99 ms",
            "                                  meas.  pred. error %   meas.  pred. error %   meas.  pred. error %   bad       CPU %",
            "",
            "Judged",
            "io/pywsgi/c10                     98.00  100.0    +2.0   10.20  10.00    -2.0   20.41  20.00    -2.0   none       25  50",
            "open/a-server-with-a-rather-long-name/r3000",
            "                                  2,000  3,000   +50.0×  0.500  0.333   -33.3×  1.000  0.667   -33.3×  none       25  50",
            "loop/without-a-server             not mapped: there is no server",
            "",
            "Calibration: shown, not judged",
            "calib/pywsgi/c1                   100.0  900.0  +800.0   10.00  1.111   -88.9   20.00  2.222   -88.9   none       25  50",
        ];
        assert_eq!(lines[..expected.len()], expected, "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 120), "{text}");
        assert!(
            text.contains("p50 within 10 %: 1 of 2.") && text.contains("Not mapped: 1. Not all bands hold."),
            "{text}"
        );
    }

    #[test]
    fn only_a_terminal_gets_colour() {
        let entries = entries();
        let table =
            |colour| validation_table(&entries, &BandSummary::of(&entries), ValidationStyle { colour, width: 120 });
        assert!(!table(false).contains('\x1b') && table(true).contains("\x1b[31m  +50.0×\x1b[0m"));
    }
}
