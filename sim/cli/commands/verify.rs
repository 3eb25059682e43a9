//! `tailback verify`: runs a document of results again from what it holds, and holds every fingerprint and figure against it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use engine::Seed;
use lab::{RunSettings, Target};
use report::json::read::{AskedPrecision, ResultDoc, ResultSource, first_deviation};
use report::json::results_json_with;
use report::words::printable;
use scenario::Compiled;

use crate::arguments::{Threads, figure};
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::result_file;
use crate::session::Session;

/// What to verify.
#[derive(clap::Args)]
pub struct Args {
    /// Result to run again, as `tailback run FILE --json` prints it; `-` reads standard input
    result: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

/// Runs everything again, and says whether the document tells the truth.
pub fn verify(args: &Args) -> Result<(), Problem> {
    let (text, document) = result_file::read(&args.result)?;
    let again = run_again(&document, args.threads.count())?;
    let own = env!("CARGO_PKG_VERSION");
    if document.version != own {
        files::print(&format!("Tailback {} wrote this, and {own} runs it again.\n", printable(&document.version)))?;
    }
    let deviation = first_deviation(&text, &again);
    let deviation = deviation.map_err(|error| Problem::Usage(format!("{}: {error}", shown(&args.result))))?;
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
    let compiled = compile(source)?;
    let asked = RunSettings { seed: Seed(source.seed), replications: source.replications, threads };
    let target = source.precision.as_ref().map(target).transpose()?;
    let session = Session::run(compiled, &asked, target.as_ref())?;
    let (about, beside) = (session.about(&document.version), session.beside(Some(source)));
    Ok(results_json_with(&about, &session.results, &session.comparison, &beside))
}

/// The scenario from the texts of the document; nothing is read from the disk. What it is doubted for was told when it was run.
fn compile(source: &ResultSource) -> Result<Compiled, Problem> {
    let files: BTreeMap<&str, &str> = source.files.iter().map(|one| (one.name.as_str(), one.text.as_str())).collect();
    let mut load = |name: &str| match files.get(name) {
        Some(&text) => Ok(text.to_owned()),
        None => Err("its text is not in the document".to_owned()),
    };
    let overrides = result_file::overrides(source)?;
    files::compile_loading(&printable(&source.file), &source.scenario, &overrides, &mut load)
        .map(|(compiled, _)| compiled)
}

fn target(asked: &AskedPrecision) -> Result<Target, Problem> {
    let figures: Result<Vec<_>, String> = asked.figures.iter().map(|name| figure(name)).collect();
    let figures = figures.map_err(|why| Problem::Usage(printable(&format!("a precision of what? {why}"))))?;
    Ok(Target { share: asked.share, figures, most: asked.max_replications })
}
