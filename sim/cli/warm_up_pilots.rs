//! `warm_up = "auto"`: pilot runs before the runs that count.

use engine::Model;
use lab::warm_up::PILOTS;
use lab::{RunSettings, WarmUp};
use scenario::Compiled;

use crate::problem::Problem;
use crate::terminal;

/// Finds the warm-up of a scenario that leaves it open, and writes it into its models.
pub fn find_and_set(compiled: &mut Compiled, settings: &RunSettings) -> Result<Option<WarmUp>, Problem> {
    if !compiled.auto_warm_up {
        return Ok(None);
    }
    let found = find(&compiled.models, settings)?;
    found.apply(&mut compiled.models);
    Ok(Some(found))
}

/// Refuses a scenario that leaves its warm-up open, for commands that run it in many forms, each of which would have another.
pub fn refuse(compiled: &Compiled, command: &str) -> Result<(), Problem> {
    if !compiled.auto_warm_up {
        return Ok(());
    }
    let what = "the warm-up is \"auto\", which would differ from run to run";
    Err(Problem::Usage(format!("{command}: {what}; say how long it is, such as --set run.warm_up=10s")))
}

/// Runs the pilots, with a bar on a terminal.
pub fn find(models: &[Model], settings: &RunSettings) -> Result<WarmUp, Problem> {
    let settings = RunSettings { replications: PILOTS, ..*settings };
    terminal::with_bar(models.len(), &settings, |progress| WarmUp::find(models, &settings, progress))
}
