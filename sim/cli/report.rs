//! `tailback report`: all worlds of a scenario as one page that opens anywhere, without a network.

use std::path::{Path, PathBuf};

use engine::Seed;
use lab::slo::judge;
use lab::theory::{Panel, panel};
use lab::{Comparison, RunSettings, WorldResult, run_all};
use report::json::Beside;
use report::page::{PageAbout, Report, attainable_section, page, theory_section, verdict_section};
use scenario::Compiled;

use crate::files;
use crate::laws;
use crate::objectives::slo_of;
use crate::problem::Problem;
use crate::run::{parse_overrides, shades};
use crate::settle::settle;
use crate::terminal;

/// What to run, and where to put the page.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Folder for report.html [default: out/NAME-OF-THE-FILE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Where chance begins; the same seed gives the same bytes
    #[arg(long)]
    seed: Option<u64>,
    /// Runs of every world, each with chance drawn anew
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Lay a value over the file, for example --set world.threads.threads=80
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// What a page tells of its own making.
pub struct Origin<'a> {
    /// The scenario's file.
    pub file: &'a Path,
    /// Its text.
    pub text: &'a str,
    /// What was laid over it, as it was typed.
    pub set: &'a [String],
    /// What was run.
    pub plan: RunSettings,
}

/// Runs a scenario and writes the page.
pub fn report(args: &Args) -> Result<(), Problem> {
    let overrides = parse_overrides(&args.set)?;
    let (mut compiled, text) = files::compile_with_text(&args.file, &overrides)?;
    let plan = RunSettings {
        seed: Seed(args.seed.unwrap_or(compiled.seed)),
        replications: args.replications.unwrap_or(compiled.replications),
        threads: args.threads,
    };
    let folder = args.out.clone().unwrap_or_else(|| files::default_folder(&args.file));
    files::prepare(&folder)?;
    settle(&mut compiled, &plan)?;
    let models = &compiled.models;
    let results = terminal::with_bar(models.len(), &plan, |progress| run_all(models, &plan, progress))?;
    let comparison = Comparison::of(&results);
    let panels: Vec<Panel> = models.iter().zip(&comparison.worlds).map(|(model, world)| panel(model, world)).collect();
    let judged = compiled.slo.as_ref().map(|slo| judge(&slo_of(slo), &results));
    let unattainable = laws::out_of_reach(&compiled, models);
    let beside = Beside { theory: &panels, slo: judged.as_deref(), unattainable: &unattainable, ..Beside::default() };
    let origin = Origin { file: &args.file, text: &text, set: &args.set, plan };
    let path = write_page(&origin, &compiled, &results, &comparison, &beside, &folder)?;
    files::print(&format!("{}\nReport: {}\n", compiled.title, path.display()))
}

/// Writes `report.html` into a folder; returns its path.
pub fn write_page(
    origin: &Origin<'_>,
    compiled: &Compiled,
    results: &[WorldResult],
    comparison: &Comparison,
    beside: &Beside<'_>,
    folder: &Path,
) -> Result<PathBuf, Problem> {
    let name = origin.file.file_name().filter(|name| *name != "-").unwrap_or("scenario.toml".as_ref());
    let name = name.to_string_lossy();
    let about = PageAbout {
        version: env!("CARGO_PKG_VERSION"),
        file: &name,
        scenario: origin.text,
        title: &compiled.title,
        question: compiled.question.as_deref(),
        source: compiled.source.as_deref(),
        overrides: origin.set.to_vec(),
        seed: origin.plan.seed.0,
        replications: origin.plan.replications,
    };
    let shaded = shades(compiled);
    let first = attainable_section(beside.unattainable).into_iter();
    let verdicts = verdict_section(beside.slo.unwrap_or_default());
    let sections = first.chain(verdicts).chain(theory_section(beside.theory)).collect();
    let report = Report { about, models: &compiled.models, results, comparison, shaded: &shaded, sections };
    let path = folder.join("report.html");
    files::write(&path, page(&report).map_err(Problem::Draw)?.as_bytes())?;
    Ok(path)
}
