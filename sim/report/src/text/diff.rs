//! What happened between two results, in a sentence, and which settings are behind it.

use std::collections::BTreeMap;

use lab::versus::{Row, Versus};
use serde::Serialize;

use super::versus::{Sides, relative_words};
use super::{layout, number, printable};

/// Changed settings that are shown.
const CHANGES_SHOWN: usize = 40;
/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

/// A setting that is not the same in both results.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Change {
    /// Path of the key.
    pub key: String,
    /// Its value in the first; `None` where it is not set.
    pub a: Option<String>,
    /// Its value in the second.
    pub b: Option<String>,
}

/// The settings that differ: those of the first in its order, then those that only the second has.
pub fn changes(a: &[(String, String)], b: &[(String, String)]) -> Vec<Change> {
    let of_a: BTreeMap<&str, &str> = a.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let of_b: BTreeMap<&str, &str> = b.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let changed = a.iter().filter(|(key, value)| of_b.get(key.as_str()) != Some(&value.as_str()));
    let added = b.iter().filter(|(key, _)| !of_a.contains_key(key.as_str()));
    let change = |(key, _): &(String, String)| Change {
        key: key.clone(),
        a: of_a.get(key.as_str()).map(|&value| value.to_owned()),
        b: of_b.get(key.as_str()).map(|&value| value.to_owned()),
    };
    changed.chain(added).map(change).collect()
}

/// The changed settings, one on a line.
pub fn settings_text(changes: &[Change]) -> String {
    let mut text = match changes.len() {
        0 => return "The settings are the same.\n".to_owned(),
        1 => "1 setting differs:\n".to_owned(),
        many => format!("{many} settings differ:\n"),
    };
    for Change { key, a, b } in changes.iter().take(CHANGES_SHOWN) {
        let key = printable(key);
        text += &match (a, b) {
            (Some(a), Some(b)) => format!("  {key}: {} → {}\n", shown(a), shown(b)),
            (Some(a), None) => format!("  {key}: {} only in A\n", shown(a)),
            (None, b) => format!("  {key}: {} only in B\n", shown(b.as_deref().unwrap_or_default())),
        };
    }
    if changes.len() > CHANGES_SHOWN {
        text += &format!("  and {} more; --json has them all\n", changes.len() - CHANGES_SHOWN);
    }
    text
}

fn shown(value: &str) -> String {
    let mut cut: String = value.chars().take(VALUE_SHOWN).collect();
    if value.chars().nth(VALUE_SHOWN).is_some() {
        cut.push('…');
    }
    printable(&cut)
}

/// One sentence that says what happened in every pair, without intervals: only what is significant is claimed.
///
/// # Panics
/// If there are not as many sides as pairs.
pub fn headline(pairs: &[Versus], sides: &[Sides]) -> String {
    assert_eq!(pairs.len(), sides.len(), "every pair has its names");
    let of_pair = |(versus, sides): (&Versus, &Sides)| {
        let what = happened(versus, sides);
        match pairs.len() {
            1 => what,
            _ if versus.a == versus.b => format!("{}: {what}", versus.a),
            _ => format!("{} against {}: {what}", versus.b, versus.a),
        }
    };
    let parts: Vec<String> = pairs.iter().zip(sides).map(of_pair).collect();
    format!("{}.\n", parts.join("; "))
}

fn happened(versus: &Versus, sides: &Sides) -> String {
    if versus.rows.is_empty() {
        return "every figure is the same in every replication".to_owned();
    }
    let alone = versus.replications.contains(&1);
    let told: Vec<&Row> = versus.rows.iter().filter(|row| alone || row.verdict.is_significant()).collect();
    if told.is_empty() {
        return "no figure differs significantly".to_owned();
    }
    let clauses: Vec<(&str, String)> = CLAUSES
        .iter()
        .filter_map(|name| told.iter().find(|row| row.spec.name == *name))
        .map(|row| clause(row))
        .collect();
    let others = told.len() - clauses.len();
    let significantly = if alone { "" } else { " significantly" };
    if clauses.is_empty() {
        let (figures, differ) = if others == 1 { ("figure", "differs") } else { ("figures", "differ") };
        return format!("{others} {figures} {differ}{significantly}, none of them about what is served and how fast");
    }
    let mut text = sides.b.clone();
    for (at, (_, words)) in clauses.iter().enumerate() {
        text += match at {
            0 => " ",
            _ if at + 1 == clauses.len() => " and ",
            _ => ", ",
        };
        text += words;
    }
    if others > 0 {
        let (figures, differ) = if others == 1 { ("figure", "differs") } else { ("figures", "differ") };
        text += &format!(" ({others} more {figures} {differ}{significantly})");
    }
    if alone {
        text += ", which one replication cannot tell from chance";
    }
    text
}

/// What a sentence can hold, in its order.
const CLAUSES: [&str; 5] = ["throughput_rps", "success_share", "latency_p50_ns", "latency_p99_ns", "cpu_busy_share"];

/// One figure as a part of a sentence whose subject is the second side.
fn clause(row: &Row) -> (&'static str, String) {
    let more = row.difference.mean > 0.0;
    let share = row.relative.as_ref().map(|relative| per_cent(relative.mean));
    let of = |by: &dyn Fn(&str) -> String| share.as_deref().map_or_else(|| relative_words(row), by);
    let (more_less, higher) = if more { ("more", "higher") } else { ("less", "lower") };
    let words = match row.spec.name {
        "throughput_rps" => of(&|share| format!("serves {share} {more_less}")),
        "success_share" => {
            let of_b = number::value(row.spec.unit, row.b.mean);
            format!("answers {of_b} instead of {} well", number::value(row.spec.unit, row.a.mean))
        }
        "cpu_busy_share" => of(&|share| format!("uses {share} {more_less} CPU")),
        _ => of(&|share| format!("has a {} that is {share} {higher}", row.spec.label)),
    };
    // Where no share can be told, it is from nothing or to nothing.
    let words = if share.is_none() && row.spec.name != "success_share" {
        format!("goes {words} in {}", row.spec.label)
    } else {
        words
    };
    (row.spec.name, words)
}

/// A share without its sign: whole per cent from ten on.
fn per_cent(share: f64) -> String {
    let percent = share.abs() * 100.0;
    let decimals = usize::from(percent < 9.95);
    format!("{} %", number::grouped(percent, decimals))
}

/// A remark, wrapped.
pub fn remark(text: &str, width: usize) -> String {
    layout::wrap(&printable(text), width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn settings_are_changed_or_only_on_one_side() {
        let a = settings(&[("run.length", "\"5m\""), ("x", "1"), ("y", "2")]);
        let b = settings(&[("y", "3"), ("run.length", "\"5m\""), ("z", "\u{1b}")]);
        let text = settings_text(&changes(&a, &b));
        assert_eq!(text, "3 settings differ:\n  x: 1 only in A\n  y: 2 → 3\n  z: \\u{1b} only in B\n");
        assert_eq!(settings_text(&changes(&a, &a)), "The settings are the same.\n");
    }

    #[test]
    fn as_many_settings_are_shown_as_fit_and_the_rest_is_counted() {
        let many =
            |count: usize| -> Vec<(String, String)> { (0..count).map(|k| (format!("k{k}"), "1".into())).collect() };
        assert!(!settings_text(&changes(&[], &many(CHANGES_SHOWN))).contains("more"));
        let beyond = settings_text(&changes(&[], &many(CHANGES_SHOWN + 1)));
        assert!(beyond.ends_with("  and 1 more; --json has them all\n"), "{beyond}");
    }

    #[test]
    fn shares_in_a_sentence_have_no_sign() {
        assert_eq!([0.124, -0.4, 0.049, 12.5].map(per_cent), ["12 %", "40 %", "4.9 %", "1,250 %"]);
    }
}
