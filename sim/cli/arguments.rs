//! What commands share on the command line: flags that say the same in each of them, and how their texts are read.
//!
//! Each is a structure of its own and no larger, because a flag stands in the help where it stands in the command. A flag whose words
//! differ from command to command stays with its command.

use std::path::{Path, PathBuf};

use engine::Seed;
use engine::time::Span;
use lab::figure::RUN_FIGURES;
use lab::{FigureSpec, RunSettings};
use report::figures::Drawing;
use scenario::{Compiled, Override};

use crate::files::{self, shown};
use crate::problem::Problem;

/// The seed of a command that runs something.
#[derive(clap::Args, Clone, Copy)]
pub struct SeedArg {
    /// Where chance begins; the same seed gives the same bytes
    #[arg(long)]
    seed: Option<u64>,
}

impl SeedArg {
    /// The seed that was typed, or else the file's.
    pub fn or(self, of_file: u64) -> Seed {
        Seed(self.seed.unwrap_or(of_file))
    }
}

/// Seed and replications of a command that runs every world.
#[derive(clap::Args, Clone, Copy)]
pub struct Chance {
    #[command(flatten)]
    seed: SeedArg,
    /// Runs of every world, each with chance drawn anew
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
}

impl Chance {
    /// How a scenario is to be run: as was typed, and otherwise as it says itself.
    pub fn settings(self, compiled: &Compiled, threads: Threads) -> RunSettings {
        settings(self.seed, self.replications, threads, compiled)
    }
}

/// How a scenario is to be run, for commands that say in words of their own what replications are.
pub fn settings(seed: SeedArg, replications: Option<u32>, threads: Threads, compiled: &Compiled) -> RunSettings {
    RunSettings {
        seed: seed.or(compiled.seed),
        replications: replications.unwrap_or(compiled.replications),
        threads: threads.count(),
    }
}

/// How many threads work.
#[derive(clap::Args, Clone, Copy)]
pub struct Threads {
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

impl Threads {
    /// How many were asked for.
    pub fn count(self) -> Option<usize> {
        self.threads
    }
}

/// What is laid over a scenario.
#[derive(clap::Args)]
pub struct SetArg {
    /// Lay a value over the file, for example --set world.threads.threads=80
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

impl SetArg {
    /// All of it, in order.
    pub fn overrides(&self) -> Result<Vec<Override>, Problem> {
        parse_overrides(&self.set)
    }
}

/// How long the runs of a search are.
#[derive(clap::Args, Clone, Copy)]
pub struct LengthArg {
    /// Length of every run [default: the file's; of a constant load, enough for 10,000 requests]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub length: Option<Span>,
}

/// Where an answer goes that has one plot.
#[derive(clap::Args)]
pub struct PlotArgs {
    /// Folder for the plot [default: out/NAME-OF-THE-FILE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Write no plot
    #[arg(long, conflicts_with = "out")]
    no_plots: bool,
    /// Print one JSON document instead of text; the plot is written only with --out
    #[arg(long)]
    pub json: bool,
}

impl PlotArgs {
    /// The folder for the plot, if one is to be written; it is made if there is none.
    pub fn folder(&self, file: &Path) -> Result<Option<PathBuf>, Problem> {
        files::plots_folder(self.out.as_deref(), !self.no_plots && !self.json, file)
    }

    /// Writes the plot, and says where it is.
    pub fn write(&self, folder: &Path, drawing: &Drawing) -> Result<(), Problem> {
        files::write_drawing(folder, drawing.name, drawing)?;
        if self.json {
            return Ok(());
        }
        files::print(&format!("\nPlot in {}: {} (.svg and .png)\n", shown(folder), drawing.name))
    }
}

/// From which size on a difference counts.
#[derive(clap::Args, Clone, Copy)]
pub struct SmallestArg {
    /// The smallest difference worth acting on, per cent: what is smaller is called too small, however significant
    #[arg(long, value_name = "PERCENT", default_value_t = SMALLEST * 100.0, value_parser = smallest)]
    smallest: f64,
}

impl SmallestArg {
    /// As a share.
    pub fn share(self) -> f64 {
        self.smallest / 100.0
    }
}

/// Nobody acts on less than a hundredth.
const SMALLEST: f64 = 0.01;

/// A share in per cent that may be nothing.
fn smallest(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok();
    number
        .filter(|number| (0.0..=100.0).contains(number))
        .ok_or_else(|| "write a number of per cent from 0, which lets every difference count, to 100".to_owned())
}

/// A share that is written in per cent.
pub fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim().strip_suffix('%').map(str::trim).and_then(|number| number.parse::<f64>().ok());
    match number {
        Some(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        Some(_) => Err("it is above 0% and at most 100%".to_owned()),
        None => Err("write it in per cent, such as 2%".to_owned()),
    }
}

/// A duration above zero.
fn duration(text: &str) -> Result<Span, String> {
    match text.parse::<Span>() {
        Ok(span) if !span.is_zero() => Ok(span),
        Ok(_) | Err(_) => Err("write a duration above zero with its unit, such as 60s or 15m".to_owned()),
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
