//! `tailback run`: all worlds of a scenario, side by side, with plots.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use engine::Seed;
use indicatif::{ProgressBar, ProgressStyle};
use lab::{Comparison, Plan, WorldResult, run_all, world_series};
use report::figures::{Shade, draw_all};
use report::json::{About, results_json};
use report::text::{Style, ab::ab_block, table::comparison_table};
use scenario::{Compiled, Override};

use crate::files;
use crate::problem::Problem;

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
    /// Print one JSON document instead of tables; plots are written only with --out
    #[arg(long)]
    json: bool,
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Runs a scenario and shows what came of it.
pub fn run(args: &Args) -> Result<(), Problem> {
    let overrides = args.set.iter().map(|text| parse_override(text)).collect::<Result<Vec<_>, _>>()?;
    let compiled = files::compile(&args.file, &overrides)?;
    let seed = args.seed.unwrap_or(compiled.seed);
    let replications = args.replications.unwrap_or(compiled.replications);
    let folder = match &args.out {
        Some(folder) => Some(folder.clone()),
        None if args.json || args.no_plots => None,
        None => {
            let stem = args.file.file_stem().filter(|stem| *stem != "-").unwrap_or("stdin".as_ref());
            Some(Path::new("out").join(stem))
        }
    };
    if let Some(folder) = &folder {
        files::prepare(folder)?;
    }
    let results = simulate(&compiled, &Plan { seed: Seed(seed), replications, threads: args.threads })?;
    let comparison = Comparison::of(&results);
    if args.json {
        let about = About { version: env!("CARGO_PKG_VERSION"), title: &compiled.title, seed, replications };
        files::print(&results_json(&about, &results, &comparison))?;
    } else {
        files::print(&tables(&compiled, &results, &comparison))?;
    }
    let Some(folder) = folder else { return Ok(()) };
    let names = draw(&compiled, &results, &folder)?;
    if !args.json {
        files::print(&format!("\nPlots in {}: {} (.svg and .png)\n", folder.display(), names.join(", ")))?;
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

/// Runs all worlds, with a bar on a terminal.
fn simulate(compiled: &Compiled, plan: &Plan) -> Result<Vec<WorldResult>, Problem> {
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    let style =
        ProgressStyle::with_template("{bar:30} {pos} of {len} runs, {elapsed} so far, about {eta} to go  {msg}");
    bar.set_style(style.expect("the template is constant and valid"));
    bar.set_length(compiled.models.len() as u64 * u64::from(plan.replications));
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    let results = run_all(&compiled.models, plan, &|progress| {
        bar.set_position(progress.done as u64);
        bar.set_message(progress.world);
    });
    bar.finish_and_clear();
    results.map_err(Problem::Runs)
}

/// Everything that goes to the terminal: title, ab's block where there is a closed client, the comparison.
fn tables(compiled: &Compiled, results: &[WorldResult], comparison: &Comparison) -> String {
    let terminal = std::io::stdout().is_terminal();
    let width = terminal_size::terminal_size().map_or(120, |(width, _)| usize::from(width.0));
    let style = Style { bold: terminal && std::env::var_os("NO_COLOR").is_none(), width: width.clamp(40, 160) };
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
    let series: Vec<_> = results.iter().map(|world| world_series(&world.records)).collect();
    let shade = |(from, to, label): &(engine::time::Time, engine::time::Time, String)| Shade {
        from_s: from.as_secs_f64(),
        to_s: to.as_secs_f64(),
        label: label.clone(),
    };
    let shaded: Vec<Shade> = compiled.shaded.iter().map(shade).collect();
    let drawings = draw_all(&compiled.title, &series, &shaded).map_err(Problem::Draw)?;
    for drawing in &drawings {
        files::write(&folder.join(format!("{}.svg", drawing.name)), drawing.svg.as_bytes())?;
        files::write(&folder.join(format!("{}.png", drawing.name)), &drawing.png)?;
    }
    Ok(drawings.iter().map(|drawing| drawing.name).collect())
}
