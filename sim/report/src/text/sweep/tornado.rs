//! Which setting matters, as a table for each world.

use lab::Estimate;
use lab::sweep::results::Results;
use lab::sweep::tornado::{Knob, knobs};

use super::super::Style;
use super::columns::{ColumnCell, table};
use super::points::{indented, written};
use crate::words::number::Written;
use crate::words::wrap;

/// Settings that are shown; the files have all.
const SHOWN_MAX: usize = 15;
/// The heads of a world's table.
const HEADS: [&str; 5] = ["setting", "from", "to", "p99", "throughput"];

pub(super) fn tornado(results: &Results, style: Style) -> String {
    let mut text = String::new();
    for (world, name) in results.study.worlds.iter().enumerate() {
        let base = |figure: &str| written(results, 0, world, figure).value;
        let as_is = format!("p99 {}, throughput {}", base("latency_p99_ns"), base("throughput_rps"));
        text += &format!("\n{name} (as the file has it: {as_is})\n");
        let all = knobs(results, world);
        let shown: Vec<&Knob> = all.iter().filter(|knob| knob.effect() > 0.0).take(SHOWN_MAX).collect();
        if !shown.is_empty() {
            text += &table(&HEADS, &shown.iter().flat_map(|knob| rows(knob)).collect::<Vec<_>>());
        }
        let chance: Vec<&Knob> = all.iter().filter(|knob| knob.effect() == 0.0).collect();
        text += &rest(&chance, all.len() - chance.len() - shown.len(), style);
    }
    text + "\nIn brackets: within chance, the interval does not leave zero out.\n"
}

/// Settings that are in no row, in words.
fn rest(chance: &[&Knob], less: usize, style: Style) -> String {
    let mut text = String::new();
    if less > 0 {
        text += &format!("{less} settings with less effect are left out here and stand in the files. ");
    }
    if !chance.is_empty() {
        let names: Vec<&str> = chance.iter().map(|knob| knob.key.as_str()).collect();
        text += &format!("No sure effect: {}.", names.join(", "));
    }
    if text.is_empty() {
        return text;
    }
    indented(&wrap(text.trim_end(), style.width.saturating_sub(2))).concat()
}

fn rows(knob: &Knob) -> Vec<Vec<ColumnCell>> {
    let row = |(at, moved): (usize, &lab::sweep::tornado::Move)| {
        let name = if at == 0 { knob.key.as_str() } else { "" };
        let from = if at == 0 { knob.base.as_str() } else { "" };
        let mut row = vec![ColumnCell::words(name), ColumnCell::right(from), ColumnCell::right(moved.value.as_str())];
        row.extend(
            moved.changes.iter().map(|change| ColumnCell::Number(change.as_ref().map_or_else(nothing, percent))),
        );
        row
    };
    knob.moves.iter().enumerate().map(row).collect()
}

fn nothing() -> Written {
    Written { value: "–".to_owned(), margin: None }
}

/// A change in percent; one that chance can explain stands in brackets.
fn percent(change: &Estimate) -> Written {
    let of = |share: f64| share * 100.0;
    if of(change.mean).abs() < 0.05 {
        return Written { value: "0 %".to_owned(), margin: None };
    }
    let digits = if of(change.mean).abs() >= 99.95 { 0 } else { 1 };
    let value = format!("{:+.digits$} %", of(change.mean));
    let margin = change.half_width().filter(|half| *half > 0.0).map(|half| format!("±{:.digits$}", of(half)));
    if change.excludes(0.0) == Some(false) {
        return Written { value: format!("({value})"), margin };
    }
    Written { value, margin }
}
