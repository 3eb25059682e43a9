//! A session: a compiled scenario is brought to its warm-up, run and judged, for every command that shows what came of it.

use engine::Model;
use lab::attainable::Unattainable;
use lab::precision::run_to_precision;
use lab::slo::{JudgedObjective, Verdict, judge, overall};
use lab::theory::{TheoryPanel, panel};
use lab::{Comparison, Precision, Progress, RunSettings, Target, WarmUp, WorldResult, run_all};
use report::json::read::ResultSource;
use report::json::{About, Beside};
use scenario::Compiled;

use crate::laws;
use crate::objectives::slo_of;
use crate::problem::Problem;
use crate::terminal;
use crate::warm_up_pilots;

/// A scenario that was run, with all that its runs were held against.
pub struct Session {
    /// The scenario, its warm-up found.
    pub compiled: Compiled,
    /// How it was run; the replications are those that there are, which a precision may have made more.
    pub settings: RunSettings,
    /// The warm-up, if it was left open.
    pub warm_up: Option<WarmUp>,
    /// The precision that was reached, if one was asked for.
    pub precision: Option<Precision>,
    pub results: Vec<WorldResult>,
    /// What they come to.
    pub comparison: Comparison,
    /// What theory says of every world.
    pub theory: Vec<TheoryPanel>,
    /// Verdicts on the objectives, if there are any.
    pub judged: Option<Vec<JudgedObjective>>,
    /// Objectives that a world cannot meet however little it has to do.
    pub unattainable: Vec<Unattainable>,
}

impl Session {
    /// Makes the runs that are asked for, or as many as the precision takes.
    pub fn run(mut compiled: Compiled, asked: &RunSettings, target: Option<&Target>) -> Result<Session, Problem> {
        let warm_up = warm_up_pilots::find_and_set(&mut compiled, asked)?;
        let (results, precision) = simulate(target, &compiled.models, asked)?;
        let comparison = Comparison::of(&results);
        let theory = compiled.models.iter().zip(&comparison.worlds).map(|(model, world)| panel(model, world)).collect();
        let judged = compiled.slo.as_ref().map(|slo| judge(&slo_of(slo), &results));
        let unattainable = laws::out_of_reach(&compiled, &compiled.models);
        let settings = RunSettings { replications: comparison.worlds[0].replications, ..*asked };
        Ok(Session { compiled, settings, warm_up, precision, results, comparison, theory, judged, unattainable })
    }

    /// The head of a document about it, by this version of tailback.
    pub fn about<'a>(&'a self, version: &'a str) -> About<'a> {
        let RunSettings { seed, replications, .. } = self.settings;
        About { version, title: &self.compiled.title, seed: seed.0, replications }
    }

    /// What is told beside the numbers.
    pub fn beside<'a>(&'a self, source: Option<&'a ResultSource>) -> Beside<'a> {
        Beside {
            source,
            warm_up: self.warm_up.as_ref(),
            precision: self.precision.as_ref(),
            theory: &self.theory,
            slo: self.judged.as_deref(),
            unattainable: &self.unattainable,
        }
    }

    /// What all verdicts come to.
    pub fn verdict(&self) -> Verdict {
        self.judged.as_ref().map_or(Verdict::Met, |judged| overall(judged))
    }
}

/// All runs that were asked for, or as many as the precision takes.
fn simulate(
    target: Option<&Target>,
    models: &[Model],
    settings: &RunSettings,
) -> Result<(Vec<WorldResult>, Option<Precision>), Problem> {
    let Some(target) = target else {
        let results = terminal::with_bar(models.len(), settings, |progress| run_all(models, settings, progress))?;
        return Ok((results, None));
    };
    let run = |progress: &(dyn Fn(Progress) + Sync)| run_to_precision(models, settings, target, progress);
    let (results, precision) = terminal::with_bar(models.len(), settings, run)?;
    Ok((results, Some(precision)))
}
