//! The gallery as a table: what was published, what is simulated, and whether that is within its band.

use lab::{Estimate, Unit};

use report::words::number;

use super::{Check, JudgedRow, RowAnswer, Standing, Tolerance};

/// The table and a count of verdicts.
pub fn gallery_table(rows: &[JudgedRow]) -> String {
    let cells: Vec<[String; 6]> = rows.iter().map(cells).collect();
    let heads = ["key", "what", "published", "simulated", "band", "verdict"].map(str::to_owned);
    let mut widths = heads.clone().map(|head| head.chars().count());
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&heads, &widths);
    for (row, judged) in cells.iter().zip(rows) {
        text += &line(row, &widths);
        if !judged.row.flaw.is_empty() {
            text += &format!("{:1$}(the report: {2})\n", "", widths[0] + 2, judged.row.flaw);
        }
    }
    text + &summary(rows)
}

/// How many rows there are of each verdict, in a sentence.
pub(crate) fn summary(rows: &[JudgedRow]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    format!(
        "\n{} rows: {} inside their bands, {} outside, {} not yet simulated, which counts as outside, and {} shown without a verdict.\n",
        rows.len(),
        count(Standing::Inside),
        count(Standing::Outside),
        count(Standing::NotYet),
        count(Standing::Shown)
    )
}

fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let padded: Vec<String> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

pub(crate) fn cells(judged: &JudgedRow) -> [String; 6] {
    let row = judged.row;
    let unit = match &judged.said {
        RowAnswer::Number(unit, _) | RowAnswer::Numbers(unit, _) => *unit,
        RowAnswer::Order(_) | RowAnswer::Nothing(_) => Unit::Count,
    };
    [
        row.key.to_owned(),
        row.what.to_owned(),
        row.published.to_owned(),
        said(&judged.said),
        band(&row.check, unit),
        verdict(judged).to_owned(),
    ]
}

/// A verdict in a word or two.
pub fn verdict(judged: &JudgedRow) -> &'static str {
    match (judged.verdict, &judged.row.check) {
        (Standing::Inside, _) => "inside",
        (Standing::Outside, _) => "OUTSIDE",
        (Standing::NotYet, _) => "not yet",
        (Standing::Shown, Check::Calibrated(..)) => "calibrated",
        (Standing::Shown, _) => "shown",
    }
}

fn said(said: &RowAnswer) -> String {
    match said {
        RowAnswer::Number(unit, found) => written(*unit, found),
        RowAnswer::Numbers(unit, found) => {
            let all: Vec<String> = found.iter().map(|one| written(*unit, one)).collect();
            all.join(", ")
        }
        RowAnswer::Order(said) => said.join(", "),
        RowAnswer::Nothing(why) => (*why).to_owned(),
    }
}

fn written(unit: Unit, found: &Estimate) -> String {
    let written = number::estimate(unit, found);
    match written.margin {
        Some(margin) => format!("{} {margin}", written.value),
        None => written.value,
    }
}

/// A band in words, in the unit of its number.
pub fn band(check: &Check, unit: Unit) -> String {
    match check {
        Check::Value(_, band) => words(band, unit),
        Check::Ratio(_, _, band) => words(band, Unit::Ratio),
        Check::Middle(_, band) => format!("median {}", words(band, unit)),
        Check::Share(_, most, band) => {
            format!("{} at most: {} of the runs", number::value(unit, *most), words(band, Unit::Share))
        }
        Check::Shape(_, shape) | Check::Course(_, shape) => shape.words(),
        Check::Order(..) => "that order and nothing else".to_owned(),
        Check::Among(_, draw) => format!("{} among the runs", number::value(unit, *draw)),
        Check::Doubt(asked) => format!("warning[{}], then none", asked.kind),
        Check::Calibrated(..) | Check::NotYet(_) | Check::Stated(_) => String::new(),
    }
}

fn words(band: &Tolerance, unit: Unit) -> String {
    match *band {
        Tolerance::Exactly(value) => format!("exactly {}", number::value(unit, value)),
        Tolerance::Near(value, percent) => format!("{} ±{percent} %", number::value(unit, value)),
        Tolerance::Between(low, high) => format!("{} to {}", number::value(unit, low), number::value(unit, high)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::{Check, Evidence, GalleryRow, judge, rows};

    static LATER: GalleryRow = GalleryRow {
        key: "A99",
        what: "what nobody knows",
        published: "-",
        flaw: "",
        check: Check::NotYet("not known"),
    };

    #[test]
    fn a_row_without_runs_is_outside_and_one_that_cannot_be_run_says_why() {
        let all: Vec<JudgedRow> =
            rows().into_iter().chain([&LATER]).map(|row| judge(row, &Evidence::default())).collect();
        let text = gallery_table(&all);
        assert!(text.lines().any(|line| line.starts_with("D6 ") && line.ends_with("OUTSIDE")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("A18 ") && line.ends_with("OUTSIDE")), "{text}");
        assert!(text.lines().any(|line| line.starts_with("A99 ") && line.ends_with("not yet")), "{text}");
        assert!(text.contains("(the report: 5 ns is no latency"), "{text}");
        assert!(text.contains(&format!("{} rows: 0 inside", all.len())), "{text}");
    }
}
