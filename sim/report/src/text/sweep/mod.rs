//! A sweep as text: what was varied, the points or what was read from them, and how throughput scales.

mod columns;
mod points;
mod scaling;
mod tornado;
mod updown;

use lab::sweep::results::Results;
use lab::sweep::study::Mode;

use super::Style;
use crate::words::wrap;

/// Everything that is printed about a sweep, without where its files are.
pub fn sweep_text(results: &Results, style: Style) -> String {
    let study = &results.study;
    let mut text = format!("{}\n", study.title);
    text += &wrap(&subject(results), style.width);
    text += &match &study.mode {
        Mode::Grid => points::points(results, style),
        Mode::Tornado { .. } => tornado::tornado(results, style),
        Mode::Hysteresis(steps) => updown::updown(results, steps, style),
    };
    let most = study.points.iter().map(|point| point.replications).max().unwrap_or(0);
    let note = match most {
        0 | 1 => "One replication says nothing about chance; add --replications 5 for intervals.".to_owned(),
        most => format!("Means of {most} replications; ± is half the width of the 95 % interval."),
    };
    text + &format!("\n{}", wrap(&note, style.width))
}

/// What was run, in a sentence.
fn subject(results: &Results) -> String {
    let study = &results.study;
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let runs = study.places().len();
    let worlds = counted(study.worlds.len(), "world");
    match &study.mode {
        Mode::Grid => {
            let varied = study.varied();
            let name = |&at: &usize| format!("{} ({} values)", study.settings[at].key, study.values_of(at).len());
            let names: Vec<String> = varied.iter().map(name).collect();
            let points = counted(study.points.len(), "point");
            let over = if names.is_empty() { String::new() } else { format!(" over {}", names.join(" and ")) };
            format!("{points}{over}, {worlds}: {runs} runs.")
        }
        Mode::Tornado { around } => {
            let moves = study.points.len() - 1;
            format!("The file as it is, and {moves} times with one setting moved by {around}, {worlds}: {runs} runs.")
        }
        Mode::Hysteresis(steps) => {
            let (low, high) = (&steps.rates[0], &steps.rates[steps.rates.len() - 1]);
            let hold =
                lab::sweep::values::write_number(lab::sweep::values::ValueKind::Duration, steps.hold_ns as f64, 4, "");
            let count = steps.rates.len();
            format!(
                "The rate of {} goes from {low} to {high} in {count} steps of {hold} and down again, {worlds}: {runs} runs.",
                steps.client
            )
        }
    }
}

#[cfg(test)]
mod tests;
