//! `tailback run`: all worlds of a scenario, side by side, with plots.

use std::path::{Path, PathBuf};

use lab::slo::Verdict;
use lab::{FigureSpec, Target};
use report::text::notes::precision_missed;

use crate::arguments::{Chance, SetArg, Threads, figure, percent};
use crate::drawings::draw;
use crate::files::{self, shown};
use crate::objectives::exit;
use crate::page::{Origin, write_page};
use crate::problem::Problem;
use crate::result_file;
use crate::run_output::{Form, RunOutput};
use crate::session::Session;

/// What to run, and what to do with the result.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    chance: Chance,
    /// Add replications until the 95 % intervals are within this share of their means, such as 2%
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    precision: Option<f64>,
    /// Figures that are to be as precise as that, by their names in --json
    #[arg(long, value_name = "NAMES", requires = "precision", value_delimiter = ',', value_parser = figure,
          default_values = lab::precision::FIGURES)]
    precision_of: Vec<&'static FigureSpec>,
    /// Replications at most, with --precision; exit code 3 if they do not suffice
    #[arg(long, value_name = "N", requires = "precision", default_value_t = lab::precision::MOST,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_replications: u32,
    #[command(flatten)]
    set: SetArg,
    /// Folder for the plots [default: out/NAME-OF-THE-FILE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no plots
    #[arg(long, conflicts_with = "out")]
    no_plots: bool,
    /// Write report.html beside the plots: everything in one page
    #[arg(long, conflicts_with = "no_plots")]
    report: bool,
    /// How to show the results: ab is ApacheBench's own report of the first run of every world, csv a row for each figure, markdown
    /// a comment for a pull request. Other forms than table write plots only with --out or --report
    #[arg(long, value_enum, value_name = "FORM", default_value_t = Form::Table, conflicts_with = "json")]
    format: Form,
    /// The same as --format json
    #[arg(long)]
    json: bool,
    /// Draw throughput, latency and requests in flight over time beneath the table
    #[arg(long)]
    plot: bool,
    #[command(flatten)]
    threads: Threads,
}

/// Runs a scenario and shows what came of it.
pub fn run(args: &Args) -> Result<(), Problem> {
    let form = if args.json { Form::Json } else { args.format };
    let (compiled, text, texts) = files::compile_with_texts(&args.file, &args.set.overrides()?)?;
    form.check(&compiled, args.plot)?;
    let wanted = !args.no_plots && (form == Form::Table || args.report);
    let folder = files::plots_folder(args.out.as_deref(), wanted, &args.file)?;
    let asked = args.chance.settings(&compiled, args.threads);
    let target = args.target();
    let session = Session::run(compiled, &asked, target.as_ref())?;
    let source = result_file::source(&args.file, &args.set.set, &asked, target.as_ref(), &text, texts);
    let beside = session.beside(Some(&source));
    let origin = Origin { file: &args.file, text: &text, set: &args.set.set };
    let output = RunOutput { session: &session, beside: &beside, origin: &origin };
    files::print(&output.text(form, args.plot))?;
    if let Some(folder) = folder {
        write_figures(&session, &origin, &folder, args.report, form == Form::Table)?;
    }
    let verdict = session.verdict();
    match &session.precision {
        Some(precision) if verdict != Verdict::Missed && !precision.holds() => {
            Err(Problem::NotPrecise(precision_missed(precision)))
        }
        _ => exit(verdict),
    }
}

impl Args {
    /// The precision that is asked for, if any is.
    fn target(&self) -> Option<Target> {
        let share = self.precision?;
        Some(Target { share, figures: self.precision_of.clone(), most: self.max_replications })
    }
}

/// Writes the plots, and the page if it is wanted; says so if that is.
fn write_figures(
    session: &Session,
    origin: &Origin<'_>,
    folder: &Path,
    with_page: bool,
    say: bool,
) -> Result<(), Problem> {
    let names = draw(&session.compiled, &session.results, folder)?;
    let mut page = String::new();
    if with_page {
        page = format!("Report: {}\n", write_page(origin, session, folder)?.display());
    }
    if !say {
        return Ok(());
    }
    files::print(&format!("\nPlots in {}: {} (.svg and .png)\n{page}", shown(folder), names.join(", ")))
}
