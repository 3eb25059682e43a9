//! What is different when a person looks on: colour, width, a bar of progress.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use lab::{LabError, Progress, RunSettings};

use crate::problem::Problem;

/// Whether what is written there may have colour: it is a terminal, and nobody said no.
pub fn coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Columns for a table of at most so many.
pub fn width(most: usize) -> usize {
    terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0)).clamp(40, most)
}

/// Whether who looks on can be shown more than ASCII, by the locale: the first of these variables that says anything. None says "C".
pub fn speaks_unicode() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(std::env::var_os).find(|value| !value.is_empty());
    let name = said.map(|value| value.to_string_lossy().to_ascii_lowercase());
    name.is_some_and(|name| name.contains("utf-8") || name.contains("utf8")) || cfg!(windows)
}

/// A bar of so many steps on a terminal, and nothing elsewhere; `form` is what stands behind the bar.
pub fn bar(form: &str, steps: u64) -> ProgressBar {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(steps) } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template(&format!("{{bar:30}} {form}  {{msg}}"));
    bar.set_style(style.expect("the template is constant and valid"));
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

/// Runs so many models as the settings say, with a bar on a terminal.
pub fn with_bar<T>(
    models: usize,
    settings: &RunSettings,
    run: impl FnOnce(&(dyn Fn(Progress) + Sync)) -> Result<T, LabError>,
) -> Result<T, Problem> {
    let runs = models as u64 * u64::from(settings.replications);
    with_bar_of("{pos} of {len} runs, {elapsed} so far, about {eta} to go", runs, run)
}

/// Runs work whose amount is known only as it goes on, with a bar on a terminal.
pub fn with_growing_bar<T>(run: impl FnOnce(&(dyn Fn(Progress) + Sync)) -> Result<T, LabError>) -> Result<T, Problem> {
    with_bar_of("{pos} of about {len} runs, {elapsed} so far, about {eta} to go", 1, run)
}

fn with_bar_of<T>(
    form: &str,
    runs: u64,
    run: impl FnOnce(&(dyn Fn(Progress) + Sync)) -> Result<T, LabError>,
) -> Result<T, Problem> {
    let bar = bar(form, runs);
    let results = run(&|progress| {
        // Rounds of runs begin anew, each with its own number.
        bar.set_length(progress.total as u64);
        bar.set_position(progress.done as u64);
        bar.set_message(progress.world);
    });
    bar.finish_and_clear();
    results.map_err(Problem::Runs)
}
