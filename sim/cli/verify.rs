//! `tailback verify`: runs a document of results again from what it holds, and holds every fingerprint and figure against it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::Seed;
use lab::slo::judge;
use lab::theory::{Panel, panel};
use lab::{Comparison, RunSettings, Target};
use report::json::read::{Asked, ResultDoc, Source, first_deviation};
use report::json::{About, Beside, results_json_with};
use report::words::printable;
use scenario::Compiled;

use crate::document;
use crate::files;
use crate::laws;
use crate::objectives::slo_of;
use crate::problem::Problem;
use crate::run::{figure, simulate};
use crate::settle::settle;

/// What to verify.
#[derive(clap::Args)]
pub struct Args {
    /// Result to run again, as `tailback run FILE --json` prints it; `-` reads standard input
    result: PathBuf,
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Runs everything again, and says whether the document tells the truth.
pub fn verify(args: &Args) -> Result<(), Problem> {
    let (text, document) = document::read(&args.result)?;
    let again = run_again(&document, args.threads)?;
    let own = env!("CARGO_PKG_VERSION");
    if document.version != own {
        files::print(&format!("Tailback {} wrote this, and {own} runs it again.\n", printable(&document.version)))?;
    }
    let deviation = first_deviation(&text, &again);
    let deviation = deviation.map_err(|error| Problem::Usage(format!("{}: {error}", args.result.display())))?;
    match deviation {
        None => files::print(&verified(&document)),
        Some(deviation) => {
            files::print(&format!("Not verified: {deviation}.\n"))?;
            Err(Problem::Differs)
        }
    }
}

/// What was run, in numbers.
fn verified(document: &ResultDoc) -> String {
    let events: u64 = document.worlds.iter().flat_map(|world| &world.events).fold(0, |sum, &of| sum.saturating_add(of));
    let counted = |count: u64, one: &str| match count {
        1 => format!("1 {one}"),
        many => format!("{} {one}s", scenario::grouped(many)),
    };
    format!(
        "Verified: {}, {}, {}: every fingerprint and figure agrees.\n",
        counted(document.worlds.len() as u64, "world"),
        counted(document.replications.into(), "replication"),
        counted(events, "event")
    )
}

/// The document that the source of a document leads to, as if its own version had written it.
fn run_again(document: &ResultDoc, threads: Option<usize>) -> Result<String, Problem> {
    let source = &document.source;
    let mut compiled = compile(source)?;
    let plan = RunSettings { seed: Seed(source.seed), replications: source.replications, threads };
    let target = source.precision.as_ref().map(target).transpose()?;
    let warm_up = settle(&mut compiled, &plan)?;
    let (results, precision) = simulate(target.as_ref(), &compiled.models, &plan)?;
    let comparison = Comparison::of(&results);
    let panels = compiled.models.iter().zip(&comparison.worlds).map(|(model, world)| panel(model, world));
    let panels: Vec<Panel> = panels.collect();
    let judged = compiled.slo.as_ref().map(|slo| judge(&slo_of(slo), &results));
    let unattainable = laws::out_of_reach(&compiled, &compiled.models);
    let beside = Beside {
        source: Some(source),
        warm_up: warm_up.as_ref(),
        precision: precision.as_ref(),
        theory: &panels,
        slo: judged.as_deref(),
        unattainable: &unattainable,
    };
    let replications = comparison.worlds[0].replications;
    let about = About { version: &document.version, title: &compiled.title, seed: source.seed, replications };
    Ok(results_json_with(&about, &results, &comparison, &beside))
}

/// The scenario from the texts of the document; nothing is read from the disk. What it is doubted for was told when it was run.
fn compile(source: &Source) -> Result<Compiled, Problem> {
    let files: BTreeMap<&str, &str> = source.files.iter().map(|one| (one.name.as_str(), one.text.as_str())).collect();
    let mut load = |name: &str| match files.get(name) {
        Some(&text) => Ok(text.to_owned()),
        None => Err("its text is not in the document".to_owned()),
    };
    let overrides = document::overrides(source)?;
    files::compile_loading(&printable(&source.file), &source.scenario, &overrides, &mut load)
        .map(|(compiled, _)| compiled)
}

fn target(asked: &Asked) -> Result<Target, Problem> {
    let figures: Result<Vec<_>, String> = asked.figures.iter().map(|name| figure(name)).collect();
    let figures = figures.map_err(|why| Problem::Usage(printable(&format!("a precision of what? {why}"))))?;
    Ok(Target { share: asked.share, figures, most: asked.max_replications })
}
