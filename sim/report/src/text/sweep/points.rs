//! The points of a grid: a row each where there are few, else the best of each world.

use lab::sweep::results::Results;
use lab::sweep::run::PointOutcome;
use lab::{Estimate, Unit};

use super::super::Style;
use super::super::overload::GROWS;
use super::columns::{ColumnCell, table};
use super::scaling;
use crate::words::number::{Written, estimate};
use crate::words::wrap;

/// Rows of a world's table; more are for a plot.
const ROWS_MAX: usize = 30;
/// Share of good responses from which on a latency may be called the lowest: a server that answers nobody has none.
const ANSWERED_MIN: f64 = 0.99;
/// What stands where there is no value.
const NOTHING: &str = "–";

/// The numbers of a point, with their heads.
const SHOWN: [(&str, &str); 5] = [
    ("throughput", "throughput_rps"),
    ("p50", "latency_p50_ns"),
    ("p99", "latency_p99_ns"),
    ("success", "success_share"),
    ("CPU", "cpu_busy_share"),
];

pub(super) fn points(results: &Results, style: Style) -> String {
    let study = &results.study;
    let mut text = String::new();
    for world in 0..study.worlds.len() {
        text += &format!("\n{}\n", study.worlds[world]);
        let overloaded = (0..study.points.len()).filter(|&point| results.overload(point, world).is_some()).count();
        if overloaded > 0 {
            text += &wrap(
                &format!(
                    "OVERLOADED at {overloaded} of {} points: there the queue grows for as long as a run lasts, and \
                latencies ({GROWS}) with it.",
                    study.points.len()
                ),
                style.width,
            );
        }
        text += &if study.points.len() <= ROWS_MAX { rows(results, world) } else { best(results, world, style) };
        text += &scaling::scaling(results, world, style);
    }
    text
}

/// The mean of a number at a point as it is printed.
pub(super) fn written(results: &Results, point: usize, world: usize, name: &str) -> Written {
    let nothing = Written { value: NOTHING.to_owned(), margin: None };
    let Some(number) = results.number(name) else { return nothing };
    let found = results.estimate(point, world, number);
    found.map_or(nothing, |found| estimate(results.numbers[number].spec.unit, &found))
}

fn rows(results: &Results, world: usize) -> String {
    let study = &results.study;
    let varied = study.varied();
    let heads = varied.iter().map(|&at| study.settings[at].key.as_str()).chain(SHOWN.map(|(head, _)| head));
    let row = |point: usize| {
        let values = varied.iter().map(|&at| ColumnCell::right(study.points[point].values[at].as_str()));
        let failed = results.outcomes_of(point, world).all(|outcome| matches!(outcome, PointOutcome::Failed(_)));
        let numbers = SHOWN.iter().enumerate().map(|(at, (_, name))| match (failed, at) {
            (true, 0) => ColumnCell::right("failed"),
            _ => {
                let grows = name.starts_with("latency_") && results.overload(point, world).is_some();
                let written = written(results, point, world, name);
                ColumnCell::Number(if grows { written.marked(GROWS) } else { written })
            }
        });
        values.chain(numbers).collect::<Vec<ColumnCell>>()
    };
    let rows: Vec<Vec<ColumnCell>> = (0..study.points.len()).map(row).collect();
    table(&heads.collect::<Vec<_>>(), &rows)
}

/// Where a world did best, in sentences.
fn best(results: &Results, world: usize, style: Style) -> String {
    let study = &results.study;
    let mean = |point: usize, name: &str| -> Option<f64> {
        let found: Option<Estimate> = results.estimate(point, world, results.number(name)?);
        found.map(|found| found.mean)
    };
    let at = |point: usize| {
        let values = study.varied().into_iter();
        let values = values.map(|at| format!("{}={}", study.settings[at].key, study.points[point].values[at]));
        values.collect::<Vec<_>>().join(", ")
    };
    let points = || 0..study.points.len();
    let most = points().filter_map(|point| mean(point, "throughput_rps").map(|value| (point, value)));
    let most = most.reduce(|best, other| if other.1 > best.1 { other } else { best });
    let answered = points().filter(|&point| mean(point, "success_share").is_some_and(|share| share >= ANSWERED_MIN));
    let count = answered.clone().count();
    let quick = answered.filter_map(|point| mean(point, "latency_p99_ns").map(|value| (point, value)));
    let quick = quick.reduce(|best, other| if other.1 < best.1 { other } else { best });
    let mut lines = Vec::new();
    if let Some((point, value)) = most {
        lines.push(format!(
            "Most throughput: {} at {}.",
            crate::words::number::value(Unit::PerSecond, value),
            at(point)
        ));
    }
    lines.push(match quick {
        Some((point, value)) => format!(
            "Lowest p99 among the {count} points that answer 99 % well: {} at {}.",
            crate::words::number::value(Unit::Nanoseconds, value),
            at(point)
        ),
        None => "No point answers 99 % well.".to_owned(),
    });
    lines.iter().map(|line| wrap(line, style.width.saturating_sub(2))).flat_map(|text| indented(&text)).collect()
}

/// Lines set in by two.
pub(super) fn indented(text: &str) -> Vec<String> {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
