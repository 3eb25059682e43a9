//! What happened between two results, in a sentence, and which settings are behind it.

use std::collections::BTreeMap;

use lab::versus::{Significance, Versus, VersusRow};
use serde::Serialize;

use crate::words::sides::Sides;
use crate::words::wrap;
use crate::words::{number, printable};

/// Changed settings that are shown.
const CHANGES_SHOWN: usize = 40;
/// Characters of a value that are shown.
const VALUE_SHOWN: usize = 60;

/// A setting that is not the same in both results.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct SettingChange {
    /// Path of the key.
    pub key: String,
    /// Its value in the first; `None` where it is not set.
    pub a: Option<String>,
    /// Its value in the second.
    pub b: Option<String>,
}

/// The settings that differ: those of the first in its order, then those that only the second has.
pub fn changes(a: &[(String, String)], b: &[(String, String)]) -> Vec<SettingChange> {
    let of_a: BTreeMap<&str, &str> = a.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let of_b: BTreeMap<&str, &str> = b.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    // An empty table that the other side has filled is told by what is in it.
    let filled = |(key, value): &(String, String), other: &BTreeMap<&str, &str>| {
        let below = format!("{key}.");
        value == "{}" && other.range(below.as_str()..).next().is_some_and(|(key, _)| key.starts_with(&below))
    };
    let changed = a.iter().filter(|(key, value)| of_b.get(key.as_str()) != Some(&value.as_str()));
    let changed = changed.filter(|one| !filled(one, &of_b));
    let added = b.iter().filter(|(key, _)| !of_a.contains_key(key.as_str())).filter(|one| !filled(one, &of_a));
    let change = |(key, _): &(String, String)| SettingChange {
        key: key.clone(),
        a: of_a.get(key.as_str()).map(|&value| value.to_owned()),
        b: of_b.get(key.as_str()).map(|&value| value.to_owned()),
    };
    changed.chain(added).map(change).collect()
}

/// The changed settings, one on a line.
pub fn settings_text(changes: &[SettingChange]) -> String {
    let mut text = match changes.len() {
        0 => return "The settings are the same.\n".to_owned(),
        1 => "1 setting differs:\n".to_owned(),
        many => format!("{many} settings differ:\n"),
    };
    for SettingChange { key, a, b } in changes.iter().take(CHANGES_SHOWN) {
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
            1 => sentence(&what),
            _ if versus.a == versus.b => format!("{}: {what}", versus.a),
            _ => format!("{} against {}: {what}", versus.b, versus.a),
        }
    };
    let parts: Vec<String> = pairs.iter().zip(sides).map(of_pair).collect();
    parts.join("; ") + ".\n"
}

/// With a capital at its beginning.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn happened(versus: &Versus, sides: &Sides) -> String {
    if versus.rows.is_empty() {
        return "nothing differs in any replication".to_owned();
    }
    let alone = versus.replications.contains(&1);
    let told: Vec<&VersusRow> = versus.rows.iter().filter(|row| alone || row.verdict.is_significant()).collect();
    let small = versus.rows.iter().any(|row| row.verdict == Significance::TooSmall);
    if told.is_empty() && small {
        return "no figure differs by as much as is worth acting on".to_owned();
    }
    if told.is_empty() {
        return "no figure differs significantly".to_owned();
    }
    let clauses: Vec<Clause> = CLAUSES
        .iter()
        .filter_map(|name| told.iter().find(|row| row.spec.name == *name))
        .map(|row| Clause::of(row))
        .collect();
    let others = told.len() - clauses.len();
    let significantly = if alone { "" } else { " significantly" };
    if clauses.is_empty() {
        let other = if others == 1 { "1 figure differs" } else { &format!("{others} figures differ") };
        return format!("{other}{significantly}, but not in what is served and how fast");
    }
    let mut text = String::new();
    for (at, clause) in clauses.iter().enumerate() {
        text += match at {
            0 => "",
            _ if at + 1 == clauses.len() => " and ",
            _ => ", ",
        };
        text += &match (at, clause) {
            (0, Clause::Does(words)) => format!("{} {words}", sides.b),
            (0, Clause::Has(words)) => format!("{}'s {words}", sides.b),
            (_, Clause::Does(words)) => format!("it {words}"),
            (_, Clause::Has(words)) => format!("its {words}"),
        };
    }
    if others > 0 {
        let other = if others == 1 { "1 more figure differs" } else { &format!("{others} more figures differ") };
        text += &format!(" ({other}{significantly})");
    }
    if alone {
        text += ", which one replication cannot tell from chance";
    }
    text
}

/// What a sentence can hold, in its order.
const CLAUSES: [&str; 5] = ["throughput_rps", "success_share", "latency_p50_ns", "latency_p99_ns", "cpu_busy_share"];

/// One figure as a part of a sentence about the second side.
enum Clause {
    /// What it does: a verb and more.
    Does(String),
    /// What is true of something that it has.
    Has(String),
}

impl Clause {
    fn of(row: &VersusRow) -> Clause {
        let more = row.difference.mean > 0.0;
        let value = |mean: f64| number::value(row.spec.unit, mean);
        let Some(share) = row.relative.as_ref().map(|relative| per_cent(relative.mean)) else {
            // From nothing and to nothing there is no share.
            return Clause::Has(format!(
                "{} is {} instead of {}",
                row.spec.label,
                value(row.b.mean),
                value(row.a.mean)
            ));
        };
        let (amount, height) = if more { ("more", "higher") } else { ("less", "lower") };
        match row.spec.name {
            "throughput_rps" => Clause::Does(format!("serves {share} {amount}")),
            "success_share" => Clause::Does(format!(
                "answers {} of its requests well instead of {}",
                value(row.b.mean),
                value(row.a.mean)
            )),
            "cpu_busy_share" => Clause::Does(format!("uses {share} {amount} CPU")),
            _ => Clause::Has(format!("{} is {share} {height}", row.spec.label)),
        }
    }
}

/// A share without its sign: whole per cent from ten on.
fn per_cent(share: f64) -> String {
    let percent = share.abs() * 100.0;
    let decimals = usize::from(percent < 9.95);
    format!("{} %", number::grouped(percent, decimals))
}

/// A remark, wrapped.
pub fn remark(text: &str, width: usize) -> String {
    wrap(&printable(text), width)
}

#[cfg(test)]
mod tests {
    use lab::Figure;
    use lab::versus::{ComparedWorld, Method, compare_sides};

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
        let (empty, full) = (settings(&[("peer.db", "{}")]), settings(&[("peer.db.network", "1")]));
        assert_eq!(settings_text(&changes(&empty, &full)), "1 setting differs:\n  peer.db.network: 1 only in B\n");
        assert_eq!(settings_text(&changes(&full, &empty)), "1 setting differs:\n  peer.db.network: 1 only in A\n");
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

    fn side(name: &str, figures: &[(&str, [f64; 3])]) -> ComparedWorld {
        let figure = |(name, values): &(&str, [f64; 3])| {
            Figure::new(lab::precision::figure(name).unwrap(), values.iter().copied().map(Some).collect())
        };
        ComparedWorld {
            name: name.to_owned(),
            figures: figures.iter().map(figure).collect(),
            births: vec![1, 2, 3],
            loops: false,
        }
    }

    fn told(a: &[(&str, [f64; 3])], b: &[(&str, [f64; 3])]) -> String {
        let versus = compare_sides(vec![(side("w", a), side("w", b), Method::Paired)]);
        headline(&versus, &[Sides { a: "A".to_owned(), b: "B".to_owned(), legend: None }])
    }

    #[test]
    fn a_sentence_says_what_happened_and_claims_only_what_is_significant() {
        let a = [
            ("throughput_rps", [100.0, 110.0, 90.0]),
            ("latency_p99_ns", [5e8, 5.1e8, 4.9e8]),
            ("cpu_busy_share", [0.1, 0.11, 0.12]),
            ("retries", [5.0, 6.0, 7.0]),
        ];
        let b = [
            ("throughput_rps", [112.0, 122.0, 102.0]),
            ("latency_p99_ns", [3e8, 3.1e8, 2.9e8]),
            ("cpu_busy_share", [0.12, 0.09, 0.13]),
            ("retries", [1.0, 2.0, 3.0]),
        ];
        let text = "B serves 12 % more and its p99 is 40 % lower (1 more figure differs significantly).\n";
        assert_eq!(told(&a, &b), text);
        assert_eq!(told(&a, &a), "Nothing differs in any replication.\n");
        assert_eq!(told(&a[2..3], &b[2..3]), "No figure differs significantly.\n");
        assert_eq!(told(&a[1..2], &b[1..2]), "B's p99 is 40 % lower.\n");
        let rare = told(&a[3..], &b[3..]);
        assert_eq!(rare, "1 figure differs significantly, but not in what is served and how fast.\n");
    }

    #[test]
    fn shares_in_a_sentence_have_no_sign() {
        assert_eq!([0.124, -0.4, 0.049, 12.5].map(per_cent), ["12 %", "40 %", "4.9 %", "1,250 %"]);
    }
}
