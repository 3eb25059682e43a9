//! Two worlds against each other, in a table and in words: what differs significantly, which way, and by how much.

use lab::versus::{Method, Significance, Versus, VersusRow};
use lab::{Estimate, FigureGroup, FigureSpec, Unit};

use super::Style;
use crate::words::carriers::CarrierWord;
use crate::words::number;
use crate::words::sides::{Sides, relative, relative_words};
use crate::words::wrap;

/// Tables of all pairs, what the intervals mean, and the findings in words.
///
/// # Panics
/// If there are not as many sides as pairs.
pub fn versus_text(pairs: &[Versus], sides: &[Sides], style: Style) -> String {
    assert_eq!(pairs.len(), sides.len(), "every pair has its names");
    let mut text = String::new();
    for (versus, sides) in pairs.iter().zip(sides) {
        if let Some(legend) = &sides.legend {
            text += &wrap(legend, style.width);
        }
        text += &wrap(&births(versus), style.width);
        text.push('\n');
        text += &table(versus, sides, style);
        text += &format!("\n{}\n", wrap(&finding(versus, sides), style.width).trim_end());
        text.push('\n');
    }
    text + &wrap(&note(pairs), style.width)
}

/// How many tests the verdicts are corrected for.
fn tests(pairs: &[Versus]) -> usize {
    pairs.iter().flat_map(|versus| &versus.rows).filter(|row| row.p.is_some()).count()
}

fn note(pairs: &[Versus]) -> String {
    let longest = pairs.iter().map(|versus| versus.replications).max_by_key(|[a, b]| *a.max(b));
    let replications = match longest.unwrap_or_default() {
        [a, b] if a == b => a.to_string(),
        [a, b] => format!("{a} and {b}"),
    };
    let rows = match tests(pairs) {
        0 => return format!("Means of {replications} replications. Nothing is tested."),
        1 => "the one row that is tested".to_owned(),
        tests => format!("the {tests} rows that are tested"),
    };
    let welch = |versus: &Versus| versus.method == Method::Welch;
    let how = match (pairs.iter().any(welch), pairs.iter().all(welch)) {
        (false, _) => "are paired by replication",
        (true, true) => "are those of independent samples (Welch)",
        (true, false) => "are paired by replication, or those of independent samples (Welch) where it is said",
    };
    format!(
        "Means of {replications} replications; differences {how}, and ± and brackets are their 95 % intervals. \
         Verdicts are after Holm's correction over {rows}: the chance that any of them claims a difference where there is none is \
         5 % at most."
    )
}

/// Whether pairing works.
fn births(versus: &Versus) -> String {
    let Versus { method, replications: [replications, of_b], births_equal, .. } = versus;
    if *method == Method::Welch {
        return "The replications of one side are not those of the other with the same people: both are compared as independent \
                samples (Welch), whose intervals are wider than those of pairs."
            .to_owned();
    }
    assert!(replications == of_b, "pairs have two sides");
    if births_equal == replications {
        let all = if *replications == 1 { "the only replication" } else { &format!("all {replications} replications") };
        format!("Births are equal in {all}: both serve the same people, and differences are paired.")
    } else {
        let equal = match births_equal {
            0 => "no replication".to_owned(),
            _ => format!("{births_equal} of {replications} replications"),
        };
        format!(
            "Births are equal in {equal}: the traffic is described otherwise, or who asks when depends on the servers. \
             Intervals hold all the same, but pairing narrows them less."
        )
    }
}

/// What the sides run requests on: a figure about that stands in both.
fn word_of(versus: &Versus) -> CarrierWord {
    match versus.loops {
        [a, b] if a == b => CarrierWord::of(a),
        _ => CarrierWord::Either,
    }
}

/// A row in the words of a table.
struct Cells {
    label: String,
    a: String,
    b: String,
    difference: String,
    relative: String,
    p: String,
    verdict: &'static str,
}

impl Cells {
    fn of(row: &VersusRow, word: CarrierWord) -> Cells {
        Cells {
            label: word.told(row.spec.label),
            a: number::value(row.spec.unit, row.a.mean),
            b: number::value(row.spec.unit, row.b.mean),
            difference: signed_estimate(row.spec.unit, &row.difference),
            relative: relative_words(row),
            p: row.adjusted.map_or("–".to_owned(), p_value),
            verdict: verdict_words(row.verdict),
        }
    }
}

/// A verdict in a word or two.
fn verdict_words(verdict: Significance) -> &'static str {
    match verdict {
        Significance::Better => "better",
        Significance::Worse => "worse",
        Significance::Differs => "differs",
        Significance::TooSmall => "too small",
        Significance::Undecided => "none shown",
        Significance::Incomparable => "not compared",
    }
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

fn signed_estimate(unit: Unit, estimate: &Estimate) -> String {
    let written = number::estimate(unit, estimate);
    let sign = if estimate.mean > 0.0 { "+" } else { "" };
    let margin = written.margin.map_or(String::new(), |margin| format!(" {margin}"));
    // Shares differ by percentage points; per cent stand in the next column.
    let value = if unit == Unit::Share { written.value.replace(" %", " pp") } else { written.value };
    format!("{sign}{value}{margin}")
}

/// The rows of a pair, group by group; a block for each row where the columns do not fit.
fn table(versus: &Versus, sides: &Sides, style: Style) -> String {
    if versus.rows.is_empty() {
        return "No figure differs in any replication.\n".to_owned();
    }
    let heads = ["", &sides.a, &sides.b, "difference", "relative (95 % interval)", "p (Holm)", "verdict"];
    let columns = |cells: &Cells| {
        let Cells { label, a, b, difference, relative, p, verdict } = cells;
        [
            format!("  {label}"),
            a.clone(),
            b.clone(),
            difference.clone(),
            relative.clone(),
            p.clone(),
            (*verdict).to_owned(),
        ]
    };
    let word = word_of(versus);
    let rows: Vec<(FigureGroup, Cells)> =
        versus.rows.iter().map(|row| (row.spec.group, Cells::of(row, word))).collect();
    let mut widths = heads.map(|head| head.chars().count());
    for (_, cells) in &rows {
        for (width, cell) in widths.iter_mut().zip(columns(cells)) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let wide = widths.iter().sum::<usize>() + 2 * (widths.len() - 1) <= style.width;
    let mut text = if wide { line(&heads.map(str::to_owned), &widths) } else { String::new() };
    let mut last = None;
    for (group, cells) in &rows {
        if last != Some(*group) {
            text += if last.is_none() { "" } else { "\n" };
            text += &format!("{}\n", group.label());
            last = Some(*group);
        }
        text += &if wide { line(&columns(cells), &widths) } else { block(cells, sides) };
    }
    text
}

/// Labels and verdicts to the left, numbers to the right.
fn line(cells: &[String; 7], widths: &[usize; 7]) -> String {
    let last = cells.len() - 1;
    let padded = cells.iter().zip(widths).enumerate().map(|(at, (cell, &width))| {
        if at == 0 || at == last { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
    });
    format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
}

fn block(cells: &Cells, sides: &Sides) -> String {
    let Cells { label, a, b, difference, relative, p, verdict } = cells;
    format!(
        "  {label}: {verdict}\n    {} {a}\n    {} {b}\n    {difference}\n    {relative}\n    p (Holm) {p}\n",
        sides.a, sides.b
    )
}

/// What is significant, which way and by how much.
fn finding(versus: &Versus, sides: &Sides) -> String {
    let of = |verdict: Significance| -> Vec<&VersusRow> {
        versus.rows.iter().filter(|row| row.verdict == verdict).collect()
    };
    let (Sides { a, b, .. }, word) = (sides, word_of(versus));
    let mut sentences = Vec::new();
    for (verdict, words) in [
        (Significance::Better, format!("{b} is significantly better than {a} in")),
        (Significance::Worse, format!("{b} is significantly worse than {a} in")),
        (Significance::Differs, format!("{b} significantly differs from {a} in")),
    ] {
        let rows = of(verdict);
        if !rows.is_empty() {
            let claims: Vec<String> = rows.into_iter().map(|row| claim(row, word)).collect();
            sentences.push(format!("{words} {}.", listed(&claims)));
        }
    }
    let small = of(Significance::TooSmall);
    if !small.is_empty() {
        let named: Vec<String> = small.iter().map(|row| beside(row, word)).collect();
        sentences.push(format!(
            "No difference worth acting on, below {}, is in {}.",
            number::value(Unit::Share, versus.smallest),
            listed(&named)
        ));
    }
    if versus.replications.contains(&1) && !versus.rows.is_empty() {
        sentences.push("What is significant takes two replications of each side at least.".to_owned());
    } else if sentences.is_empty() {
        let n = match versus.replications {
            [a, b] if a == b => a.to_string(),
            [a, b] => format!("{a} and {b}"),
        };
        sentences.push(format!("{n} replications show no significant difference between {a} and {b}."));
    } else {
        sentences.extend(undecided(&of(Significance::Undecided), word));
    }
    if !of(Significance::Incomparable).is_empty() {
        let fewer = versus.rows.iter().find(|row| row.spec.name == "success_share");
        let fewer = fewer.map_or(a, |row| if row.difference.mean < 0.0 { b } else { a });
        sentences.push(format!(
            "Their latencies are not compared, because {fewer} answered fewer requests well and what it did not answer is missing from \
             its percentiles."
        ));
    }
    if !versus.equal.is_empty() {
        let names: Vec<String> = versus.equal.iter().map(|spec| subject(spec, word)).collect();
        sentences.push(format!("Equal in every replication: {}.", listed(&names)));
    }
    sentences.join(" ")
}

/// Two values that are as good as the same.
fn beside(row: &VersusRow, word: CarrierWord) -> String {
    let Cells { a, b, .. } = Cells::of(row, word);
    format!("{} ({a} and {b})", subject(row.spec, word))
}

fn undecided(rows: &[&VersusRow], word: CarrierWord) -> Option<String> {
    let names: Vec<String> = rows.iter().map(|row| subject(row.spec, word)).collect();
    (!names.is_empty()).then(|| format!("No significant difference is shown in {}.", listed(&names)))
}

/// A significant difference: both values, and how far they are apart.
fn claim(row: &VersusRow, word: CarrierWord) -> String {
    let Cells { a, b, .. } = Cells::of(row, word);
    let apart = row.relative.as_ref().map_or(String::new(), |estimate| {
        format!(": {}", relative(estimate).replacen('(', "[", 1).replacen(')', "]", 1))
    });
    format!("{} ({b} instead of {a}{apart})", subject(row.spec, word))
}

/// What a figure is in a sentence: a bare percentile is one of latencies.
fn subject(spec: &FigureSpec, word: CarrierWord) -> String {
    match spec.group {
        FigureGroup::Latency => format!("{} latency", spec.label),
        _ => word.told(spec.label),
    }
}

fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
