//! A load that goes up and down, as a table for each world and a sentence about what is metastable.

use lab::sweep::results::Results;
use lab::sweep::study::LoadSteps;
use lab::sweep::updown::{LoadLevel, levels};
use lab::{Estimate, Unit};

use super::super::Style;
use super::columns::{ColumnCell, table};
use super::points::indented;
use crate::words::number::{Written, estimate};
use crate::words::wrap;

/// The heads of a world's table.
const HEADS: [&str; 6] = ["load", "good, up", "good, down", "p99, up", "p99, down", ""];

pub(super) fn updown(results: &Results, steps: &LoadSteps, style: Style) -> String {
    let mut text = String::new();
    for (world, name) in results.study.worlds.iter().enumerate() {
        let levels = levels(results, steps, world);
        text += &format!("\n{name}\n");
        text += &table(&HEADS, &rows(&levels, steps));
        text += &indented(&wrap(&sentence(&levels, steps), style.width.saturating_sub(2))).concat();
    }
    text
}

fn rows(levels: &[LoadLevel], steps: &LoadSteps) -> Vec<Vec<ColumnCell>> {
    let written = |unit: Unit, found: &Option<Estimate>| {
        let nothing = Written { value: "–".to_owned(), margin: None };
        ColumnCell::Number(found.as_ref().map_or(nothing, |found| estimate(unit, found)))
    };
    let row = |(level, rate): (&LoadLevel, &String)| {
        vec![
            ColumnCell::right(rate.as_str()),
            written(Unit::PerSecond, &level.up_ok),
            written(Unit::PerSecond, &level.down_ok),
            written(Unit::Nanoseconds, &level.up_p99),
            written(Unit::Nanoseconds, &level.down_p99),
            ColumnCell::words(match (level.metastable, level.slower) {
                (true, _) => "metastable",
                (false, true) => "slower",
                (false, false) => "",
            }),
        ]
    };
    levels.iter().zip(&steps.rates).map(row).collect()
}

/// Which loads are metastable.
fn sentence(levels: &[LoadLevel], steps: &LoadSteps) -> String {
    let zone: Vec<&str> =
        levels.iter().zip(&steps.rates).filter(|(level, _)| level.metastable).map(|(_, rate)| rate.as_str()).collect();
    match zone[..] {
        [] if levels.iter().all(|level| level.difference.is_none_or(|found| found.low.is_none())) => {
            "One replication cannot tell a metastable load from chance.".to_owned()
        }
        [] if levels.iter().any(|level| level.slower) => {
            "No metastable load, but answers come later on the way down: what queued up at the highest load is not done within a \
             step. Hold the steps longer to see whether it ever is."
                .to_owned()
        }
        [] => "No metastable load: whatever is answered on the way up is answered on the way down.".to_owned(),
        [only] => format!("Metastable at {only}: what is answered on the way up is not answered on the way down."),
        [first, .., last] => {
            format!(
                "Metastable from {first} to {last}: what is answered on the way up is not answered on the way down."
            )
        }
    }
}
