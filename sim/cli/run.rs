//! `tailback run`: all worlds of a scenario, side by side, with plots.

use std::path::{Path, PathBuf};

use engine::{Model, Seed};
use lab::figure::RUN_FIGURES;
use lab::precision::run_to_precision;
use lab::slo::{Judged, Verdict, judge, overall};
use lab::theory::{Panel, panel};
use lab::{Comparison, FigureSpec, Precision, Progress, RunSettings, Target, WorldResult, run_all, world_series};
use report::figures::{Drawing, Shade, draw_figures};
use report::json::Beside;
use report::text::notes::precision_missed;
use scenario::{Compiled, Override};

use crate::document;
use crate::files;
use crate::laws;
use crate::objectives::{exit, slo_of};
use crate::problem::Problem;
use crate::report::{Origin, write_page};
use crate::settle::settle;
use crate::shown::{Form, Shown};
use crate::terminal;

/// What to run, and what to do with the result.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Where chance begins; the same seed gives the same bytes
    #[arg(long)]
    seed: Option<u64>,
    /// Runs of every world, each with chance drawn anew
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
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
    /// Lay a value over the file, for example --set world.threads.threads=80
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
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
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Runs a scenario and shows what came of it.
pub fn run(args: &Args) -> Result<(), Problem> {
    let form = if args.json { Form::Json } else { args.format };
    let overrides = parse_overrides(&args.set)?;
    let (mut compiled, text, texts) = files::compile_with_texts(&args.file, &overrides)?;
    form.check(&compiled, args.plot)?;
    let seed = args.seed.unwrap_or(compiled.seed);
    let replications = args.replications.unwrap_or(compiled.replications);
    let wanted = !args.no_plots && (form == Form::Table || args.report);
    let folder = files::plots_folder(args.out.as_deref(), wanted, &args.file)?;
    let plan = RunSettings { seed: Seed(seed), replications, threads: args.threads };
    let warm_up = settle(&mut compiled, &plan)?;
    let target = args.target();
    let (results, precision) = simulate(target.as_ref(), &compiled.models, &plan)?;
    let comparison = Comparison::of(&results);
    let panels = compiled.models.iter().zip(&comparison.worlds).map(|(model, world)| panel(model, world));
    let panels: Vec<Panel> = panels.collect();
    let judged: Option<Vec<Judged>> = compiled.slo.as_ref().map(|slo| judge(&slo_of(slo), &results));
    let unattainable = laws::out_of_reach(&compiled, &compiled.models);
    let source = document::source(&args.file, &args.set, &plan, target.as_ref(), &text, texts);
    let beside = Beside {
        source: Some(&source),
        warm_up: warm_up.as_ref(),
        precision: precision.as_ref(),
        theory: &panels,
        slo: judged.as_deref(),
        unattainable: &unattainable,
    };
    let plan = RunSettings { replications: comparison.worlds[0].replications, ..plan };
    let origin = Origin { file: &args.file, text: &text, set: &args.set, plan };
    let shown =
        Shown { compiled: &compiled, results: &results, comparison: &comparison, beside: &beside, origin: &origin };
    files::print(&shown.text(form, args.plot))?;
    if let Some(folder) = folder {
        write_figures(&shown, &folder, args.report, form == Form::Table)?;
    }
    let verdict = judged.map_or(Verdict::Met, |judged| overall(&judged));
    match precision {
        Some(precision) if verdict != Verdict::Missed && !precision.holds() => {
            Err(Problem::NotPrecise(precision_missed(&precision)))
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
fn write_figures(shown: &Shown<'_>, folder: &Path, with_page: bool, say: bool) -> Result<(), Problem> {
    let names = draw(shown.compiled, shown.results, folder)?;
    let mut page = String::new();
    if with_page {
        let path = write_page(shown.origin, shown.compiled, shown.results, shown.comparison, shown.beside, folder)?;
        page = format!("Report: {}\n", path.display());
    }
    if !say {
        return Ok(());
    }
    files::print(&format!("\nPlots in {}: {} (.svg and .png)\n{page}", folder.display(), names.join(", ")))
}

/// All runs that were asked for, or as many as the precision takes.
pub fn simulate(
    target: Option<&Target>,
    models: &[Model],
    plan: &RunSettings,
) -> Result<(Vec<WorldResult>, Option<Precision>), Problem> {
    let Some(target) = target else {
        let results = terminal::with_bar(models.len(), plan, |progress| run_all(models, plan, progress))?;
        return Ok((results, None));
    };
    let run = |progress: &(dyn Fn(Progress) + Sync)| run_to_precision(models, plan, target, progress);
    let (results, precision) = terminal::with_bar(models.len(), plan, run)?;
    Ok((results, Some(precision)))
}

/// A share that is written in per cent.
fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').map(str::trim).and_then(|number| number.parse::<f64>().ok());
    match number {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        Some(_) => Err("it is above 0% and at most 100%".to_owned()),
        None => Err("write it in per cent, such as 2%".to_owned()),
    }
}

/// A figure of a run by its name.
pub fn figure(name: &str) -> Result<&'static FigureSpec, String> {
    lab::precision::figure(name).ok_or_else(|| {
        let names: Vec<&str> = RUN_FIGURES.iter().map(|recipe| recipe.spec.name).collect();
        format!("{}figures are {}", scenario::meant(name, names.iter().copied()), names.join(", "))
    })
}

/// Every `KEY=VALUE` of the command line, in order.
pub fn parse_overrides(texts: impl IntoIterator<Item: AsRef<str>>) -> Result<Vec<Override>, Problem> {
    texts.into_iter().map(|text| parse_override(text.as_ref())).collect()
}

fn parse_override(text: &str) -> Result<Override, Problem> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Override { key: key.trim().to_owned(), value: value.trim().to_owned() })
        }
        Some(_) | None => Err(Problem::Usage(format!("--set {text}: write it as KEY=VALUE, such as run.length=5m"))),
    }
}

/// Draws and writes the plots; returns their names.
fn draw(compiled: &Compiled, results: &[WorldResult], folder: &Path) -> Result<Vec<&'static str>, Problem> {
    let drawings = drawings(compiled, results, &|_| true)?;
    for drawing in &drawings {
        files::write_drawing(folder, drawing.name, drawing)?;
    }
    Ok(drawings.iter().map(|drawing| drawing.name).collect())
}

/// The plots of a scenario's worlds whose names are wanted.
pub fn drawings(
    compiled: &Compiled,
    results: &[WorldResult],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Drawing>, Problem> {
    let series: Vec<_> = results.iter().map(|world| world_series(&world.records)).collect();
    draw_figures(&compiled.title, &series, &shades(compiled), wanted).map_err(Problem::Draw)
}

/// The spans of time that plots shade.
pub fn shades(compiled: &Compiled) -> Vec<Shade> {
    let shade = |(from, to, label): &(engine::time::Time, engine::time::Time, String)| Shade {
        from_s: from.as_secs_f64(),
        to_s: to.as_secs_f64(),
        label: label.clone(),
    };
    compiled.shaded.iter().map(shade).collect()
}
