//! `tailback gallery`: every figure that the field reports publish, beside what the simulation says.

use std::path::{Path, PathBuf};

use engine::transcript::{self, Said};
use engine::{Model, Seed};
use lab::{RunSettings, run_all, run_all_with};
use proof::gallery::{
    Evidence, GalleryRow, Incident, JudgedRow, Reading, Taken, WantedReading, gallery_json, gallery_page,
    gallery_table, judge, rows, runs,
};
use proof::gevent;
use scenario::Compiled;

use crate::arguments::{Threads, parse_overrides};
use crate::commands::conform;
use crate::drawings::drawings;
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;

/// Which rows to show.
#[derive(clap::Args)]
pub struct Args {
    /// Only rows whose key begins with this, such as E or B12
    #[arg(long, value_name = "KEY")]
    only: Option<String>,
    /// Folder of the shipped scenarios
    #[arg(long, value_name = "DIR", default_value = "scenarios")]
    scenarios: PathBuf,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    /// Write a page with the table, plots and one JSON document to this folder
    #[arg(long, value_name = "DIR", conflicts_with_all = ["only", "json"])]
    out: Option<PathBuf>,
    /// Let chance order what happens at one instant to unrelated things; no verdict may depend on it
    #[arg(long, value_name = "SEED", conflicts_with = "out")]
    shuffle_ties: Option<u64>,
    #[command(flatten)]
    threads: Threads,
}

/// Runs what the rows need, prints them, and says by the exit code whether all are within their bands.
pub fn gallery(args: &Args) -> Result<(), Problem> {
    let wanted = |row: &&GalleryRow| args.only.as_ref().is_none_or(|key| row.key.starts_with(key.as_str()));
    let rows: Vec<&'static GalleryRow> = rows().into_iter().filter(wanted).collect();
    if rows.is_empty() {
        let only = args.only.as_deref().unwrap_or_default();
        return Err(Problem::Usage(format!("no row of the gallery has a key that begins with {only:?}")));
    }
    if let Some(out) = &args.out {
        files::prepare(&out.join(PLOTS))?;
    }
    let taken = simulate(&rows, args)?;
    let programs = rows.iter().filter_map(|row| row.check.program());
    let orders = programs.map(|file| Ok((file, order(&args.scenarios.join(file))?))).collect::<Result<_, Problem>>()?;
    let doubts = rows.iter().flat_map(|row| row.check.doubts());
    let doubts =
        doubts.map(|asked| Ok((asked, count_doubts(asked, &args.scenarios)?))).collect::<Result<_, Problem>>()?;
    let evidence = Evidence { taken, orders, doubts };
    let judged: Vec<JudgedRow> = rows.into_iter().map(|row| judge(row, &evidence)).collect();
    let text = if args.json { gallery_json(env!("CARGO_PKG_VERSION"), &judged) } else { gallery_table(&judged) };
    files::print(&text)?;
    if let Some(out) = &args.out {
        write_page(out, args, &judged)?;
    }
    if judged.iter().all(JudgedRow::holds) { Ok(()) } else { Err(Problem::Differs) }
}

/// Where the plots lie beneath the folder of the page.
const PLOTS: &str = "gallery";
/// The plot that stands for a scenario.
const PLOT: &str = "throughput";

/// Runs every scenario of the gallery as it stands, and writes the page, a plot of each and all numbers.
fn write_page(out: &Path, args: &Args, judged: &[JudgedRow]) -> Result<(), Problem> {
    let mut scenarios: Vec<&'static str> = Vec::new();
    for wanted in judged.iter().flat_map(|judged| judged.row.check.wanted()) {
        if !scenarios.contains(&wanted.reading.scenario) {
            scenarios.push(wanted.reading.scenario);
        }
    }
    let plots = out.join(PLOTS);
    let bar = terminal::bar("{pos} of {len} plots, {elapsed} so far", scenarios.len() as u64);
    let mut incidents = Vec::new();
    for scenario in scenarios {
        bar.set_message(scenario);
        let compiled = files::compile_quietly(&args.scenarios.join(scenario), &[])?;
        let settings = RunSettings { seed: Seed(compiled.seed), replications: 1, threads: args.threads.count() };
        let results = run_all(&compiled.models, &settings, &|_| {}).map_err(Problem::Runs)?;
        let stem = scenario.trim_end_matches(".toml").replace('/', "-");
        for drawing in drawings(&compiled, &results, &|name| name == PLOT)? {
            files::write_drawing(&plots, &stem, &drawing)?;
        }
        incidents.push(Incident {
            scenario,
            title: compiled.title,
            question: compiled.question,
            plot: format!("{PLOTS}/{stem}"),
        });
        bar.inc(1);
    }
    bar.finish_and_clear();
    files::write(&out.join("README.md"), gallery_page(judged, &incidents).as_bytes())?;
    files::write(&plots.join("gallery.json"), gallery_json(env!("CARGO_PKG_VERSION"), judged).as_bytes())?;
    files::print(&format!("\nThe page, its plots and its numbers are in {}\n", shown(out)))
}

/// Runs every scenario that the rows need once, and takes their numbers.
fn simulate(rows: &[&'static GalleryRow], args: &Args) -> Result<Vec<Taken>, Problem> {
    let wanted: Vec<WantedReading> = rows.iter().flat_map(|row| row.check.wanted()).collect();
    let runs = runs(rows);
    let bar = terminal::bar("{pos} of {len} scenarios, {elapsed} so far", runs.len() as u64);
    let mut taken: Vec<Taken> = Vec::new();
    for run in &runs {
        bar.set_message(run.scenario);
        let of_run: Vec<WantedReading> = wanted.iter().copied().filter(|one| one.reading.shares_runs(run)).collect();
        for found in take(&of_run, args)? {
            if !taken.iter().any(|other| other.wanted == found.wanted) {
                taken.push(found);
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(taken)
}

/// The scenario of a reading, with what is laid over it.
fn compile(reading: &Reading, folder: &Path) -> Result<Compiled, Problem> {
    let overrides = parse_overrides(reading.set)?;
    files::compile_quietly(&folder.join(reading.scenario), &overrides)
}

/// How many doubts of a kind the checker has about a file.
fn count_doubts(asked: Reading, folder: &Path) -> Result<f64, Problem> {
    let compiled = compile(&asked, folder)?;
    let count = compiled.warnings.iter().filter(|warning| warning.doubt == Some(asked.figure)).count();
    Ok(count as f64)
}

/// Takes numbers that come from the same runs.
fn take(all: &[WantedReading], args: &Args) -> Result<Vec<Taken>, Problem> {
    let Some(WantedReading { reading: run, .. }) = all.first() else { return Ok(Vec::new()) };
    let mut compiled = compile(run, &args.scenarios)?;
    compiled.models.retain(|model| all.iter().any(|one| one.reading.world == model.name));
    let settings =
        RunSettings { seed: Seed(compiled.seed), replications: compiled.replications, threads: args.threads.count() };
    let results = match args.shuffle_ties {
        None => run_all(&compiled.models, &settings, &|_| {}),
        Some(ties) => run_all_with(&compiled.models, &settings, &|_| {}, &|model: &Model, seed, replication| {
            engine::run_shuffled(model, seed, replication, ties)
        }),
    };
    let results = results.map_err(Problem::Runs)?;
    let mut taken = Vec::new();
    for &wanted in all {
        let reading = wanted.reading;
        let world = results
            .iter()
            .find(|world| world.name == reading.world)
            .ok_or_else(|| Problem::Usage(format!("{} has no world `{}`", reading.scenario, reading.world)))?;
        if wanted.unit().is_none() {
            return Err(Problem::Usage(format!("no figure is called {}", reading.figure)));
        }
        taken.push(Taken { wanted, values: world.records.iter().map(|record| wanted.of(record)).collect() });
    }
    Ok(taken)
}

/// What the greenlets of a scheduling program say, in order; who is left waiting at the end says nothing.
fn order(path: &Path) -> Result<Vec<String>, Problem> {
    let oracle = conform::oracle_of(path)?;
    let mut transcript = transcript::run(&oracle.model, oracle.main, oracle.main_name)
        .map_err(|error| Problem::Program { path: path.to_owned(), error })?;
    transcript.lines.retain(|line| line.said != Said::Blocked);
    Ok(gevent::entries(&oracle, &transcript).into_iter().map(|entry| entry.tag).collect())
}
