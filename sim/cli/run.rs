//! `tailback run`: all worlds of a scenario, side by side, with plots.

use std::path::{Path, PathBuf};

use engine::Seed;
use lab::{Comparison, Plan, WorldResult, run_all, world_series};
use report::figures::{Drawing, Shade, draw_figures};
use report::json::{About, results_json};
use report::text::{Style, ab::ab_block, table::comparison_table};
use scenario::{Compiled, Override};

use crate::files;
use crate::problem::Problem;
use crate::report::{Origin, write_page};
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
    /// Print one JSON document instead of tables; plots are written only with --out or --report
    #[arg(long)]
    json: bool,
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Runs a scenario and shows what came of it.
pub fn run(args: &Args) -> Result<(), Problem> {
    let overrides = args.set.iter().map(|text| parse_override(text)).collect::<Result<Vec<_>, _>>()?;
    let (compiled, text) = files::compile_with_text(&args.file, &overrides)?;
    let seed = args.seed.unwrap_or(compiled.seed);
    let replications = args.replications.unwrap_or(compiled.replications);
    let folder = match &args.out {
        Some(folder) => Some(folder.clone()),
        None if args.no_plots || args.json && !args.report => None,
        None => Some(files::default_folder(&args.file)),
    };
    if let Some(folder) = &folder {
        files::prepare(folder)?;
    }
    let plan = Plan { seed: Seed(seed), replications, threads: args.threads };
    let models = &compiled.models;
    let results = terminal::with_bar(models.len(), &plan, |progress| run_all(models, &plan, progress))?;
    let comparison = Comparison::of(&results);
    if args.json {
        let about = About { version: env!("CARGO_PKG_VERSION"), title: &compiled.title, seed, replications };
        files::print(&results_json(&about, &results, &comparison))?;
    } else {
        files::print(&tables(&compiled, &results, &comparison))?;
    }
    let Some(folder) = folder else { return Ok(()) };
    let names = draw(&compiled, &results, &folder)?;
    let mut page = String::new();
    if args.report {
        let origin = Origin { file: &args.file, text: &text, set: &args.set, plan };
        page = format!("Report: {}\n", write_page(&origin, &compiled, &results, &comparison, &folder)?.display());
    }
    if !args.json {
        let names = names.join(", ");
        files::print(&format!("\nPlots in {}: {names} (.svg and .png)\n{page}", folder.display()))?;
    }
    Ok(())
}

/// A `KEY=VALUE` of the command line.
pub fn parse_override(text: &str) -> Result<Override, Problem> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok(Override { key: key.trim().to_owned(), value: value.trim().to_owned() })
        }
        Some(_) | None => Err(Problem::Usage(format!("--set {text}: write it as KEY=VALUE, such as run.length=5m"))),
    }
}

/// Everything that goes to the terminal: title, ab's block where there is a closed client, the comparison.
fn tables(compiled: &Compiled, results: &[WorldResult], comparison: &Comparison) -> String {
    let style = Style { bold: terminal::coloured(&std::io::stdout()), width: terminal::width(160) };
    let mut out = format!("{}\n", compiled.title);
    if let Some(question) = &compiled.question {
        out += &format!("{question}\n");
    }
    out.push('\n');
    if let Some(concurrency) = compiled.concurrency {
        for world in results {
            out += &format!("{}\n{}\n\n", world.name, ab_block(&world.records[0], concurrency).trim_end());
        }
    }
    out + &comparison_table(comparison, style)
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
