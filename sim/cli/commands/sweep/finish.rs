//! The end of a sweep: result files, plots and what is printed, all from the study and its outcomes alone.

use std::collections::BTreeMap;
use std::path::Path;

use lab::sweep::results::Results;
use lab::sweep::run::PointOutcome;
use report::data::Format;
use report::figures::sweep::draw_sweep;
use report::text::Style;
use report::text::sweep::sweep_text;

use super::log::Header;
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;

/// Failed runs that are named one by one.
const FAILURES_SHOWN: usize = 10;

/// Writes and prints everything; a study with failed runs has results too, and exit code 3.
pub fn finish(
    header: &Header,
    outcomes: BTreeMap<usize, PointOutcome>,
    folder: &Path,
    formats: &[Format],
) -> Result<(), Problem> {
    let results = Results::new(header.study.clone(), outcomes.into_values().collect());
    let mut written: Vec<String> = Vec::new();
    for (name, table) in [("runs", results.runs_table()), ("summary", results.summary_table())] {
        for format in formats {
            let file = format!("{name}.{}", format.ending());
            files::write(&folder.join(&file), &format.write(&table).map_err(Problem::Data)?)?;
            written.push(file);
        }
    }
    let style = Style { bold: terminal::coloured(&std::io::stdout()), width: terminal::width(160) };
    let text = sweep_text(&results, style);
    let plots = draw_sweep(&results).map_err(Problem::Draw)?;
    for (name, drawing) in &plots {
        files::write_drawing(folder, name, drawing)?;
    }
    files::remove_leftovers(folder)?;
    let names: Vec<&str> = plots.iter().map(|(name, _)| name.as_str()).collect();
    files::print(&text)?;
    files::print(&format!("\nResults in {}: {}\n", shown(folder), written.join(", ")))?;
    if !names.is_empty() {
        files::print(&format!("Plots: {} (.svg and .png)\n", names.join(", ")))?;
    }
    failed(&results)
}

/// The runs that did not come to their end, as a problem.
fn failed(results: &Results) -> Result<(), Problem> {
    let failures = results.failures();
    if failures.is_empty() {
        return Ok(());
    }
    let mut text = format!("{} of {} runs failed", failures.len(), results.study.places().len());
    for (place, why) in failures.iter().take(FAILURES_SHOWN) {
        text += &format!("\n  point {}: {why}", place.point + 1);
    }
    if failures.len() > FAILURES_SHOWN {
        text += "\n  and more; the column `failure` of runs has all of them";
    }
    Err(Problem::SomeRuns(text))
}
