//! `tailback sweep`: a scenario at many combinations of settings, on all cores, through interruptions, in parts.

pub mod arguments;
pub mod draft;
pub mod finish;
pub mod log;
mod source;
mod templates;
mod tornado;
mod updown;
mod work;

use std::path::{Path, PathBuf};

use lab::sweep::study::Shard;
use report::data::Format;

use crate::arguments::{SeedArg, Threads};
use crate::files::{self, shown};
use crate::problem::Problem;
use log::Header;
use source::SweepSource;
use templates::Scheduler;

/// What to vary, where to put the results, and which part of it is ours.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    #[arg(required_unless_present = "template")]
    file: Option<PathBuf>,
    /// Values of a setting: 10,20,40 or 1..16 or 10..640:8 or 10..640:log8, with units where there are some (10ms..1s:log5);
    /// several --set make a grid. With --tornado, KEY alone names a setting to move
    #[arg(long = "set", value_name = "KEY=VALUES")]
    set: Vec<String>,
    /// Move every numeric setting of the file, or those named by --set KEY, down and up, and rank them by what that does
    #[arg(long, conflicts_with = "hysteresis")]
    tornado: bool,
    /// How far --tornado moves settings
    #[arg(long, value_name = "SHARE", default_value = "20%", requires = "tornado")]
    around: String,
    /// Raise the load of an open client in steps and lower it again, in one run; --set client.NAME.rate=VALUES says the steps
    #[arg(long)]
    hysteresis: bool,
    /// How long --hysteresis holds each step; its second half is measured
    #[arg(long, value_name = "DURATION", default_value = "40s", requires = "hysteresis")]
    hold: String,
    #[command(flatten)]
    seed: SeedArg,
    /// Runs of every world at every point [default: the file's, but at least 5 with --tornado and --hysteresis]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Folder for the results; a sweep that was interrupted goes on from what is there [default: out/NAME-sweep]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Kinds of result files: csv, json, jsonl, parquet [default: csv,jsonl,parquet]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = format)]
    format: Vec<Format>,
    /// Make only every N-th run, from the I-th on, for `tailback merge` to join
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// Points at most
    #[arg(long, value_name = "N", default_value_t = lab::sweep::values::POINTS_MAX)]
    max_points: usize,
    #[command(flatten)]
    threads: Threads,
    /// Print a job file for a cluster that runs a sweep in shards, and run nothing
    #[arg(long, value_name = "SCHEDULER", conflicts_with_all = ["file", "set"])]
    template: Option<Scheduler>,
}

/// Runs what is not yet done, then writes the results.
pub fn sweep(args: &Args) -> Result<(), Problem> {
    let file = match (&args.template, &args.file) {
        (Some(scheduler), _) => return files::print(scheduler.template()),
        (None, Some(file)) => file,
        (None, None) => return Ok(()),
    };
    let source = SweepSource::read(file)?;
    let plan = draft::plan(args, &source)?;
    files::say(&plan.warnings);
    let fingerprint = log::fingerprint(&plan.study, &source.all_texts());
    let header = Header { fingerprint, shard: args.shard.unwrap_or(Shard::WHOLE), study: plan.study };
    let folder = args.out.clone().unwrap_or_else(|| default_folder(file, args));
    files::prepare(&folder)?;
    let (_locked, outcomes) = work::work(args, &source, &header, &folder)?;
    if header.shard != Shard::WHOLE {
        let Shard { index, of } = header.shard;
        let runs = outcomes.len();
        let log = folder.join(log::name(header.shard));
        return files::print(&format!(
            "Shard {index} of {of} is done: {runs} runs in {}\nJoin the shards with: tailback merge DIR... --out DIR\n",
            shown(&log)
        ));
    }
    finish::finish(&header, outcomes, &folder, &formats(&args.format))
}

/// Where results go if nobody says.
fn default_folder(file: &Path, args: &Args) -> PathBuf {
    let what = match (args.tornado, args.hysteresis) {
        (true, _) => "tornado",
        (_, true) => "hysteresis",
        _ => "sweep",
    };
    let mut folder = files::default_folder(file).into_os_string();
    folder.push(format!("-{what}"));
    folder.into()
}

/// The kinds that were asked for, or the usual ones.
pub fn formats(asked: &[Format]) -> Vec<Format> {
    if asked.is_empty() { Format::OF_SWEEPS.to_vec() } else { asked.to_vec() }
}

/// Reads the name of a kind of file.
pub fn format(text: &str) -> Result<Format, String> {
    let all = Format::ALL.map(Format::ending);
    let found = Format::ALL.into_iter().find(|format| format.ending() == text);
    found.ok_or_else(|| format!("{}write one of {}", scenario::meant(text, all), all.join(", ")))
}

/// Reads `3/8`.
fn shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/').and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((index, of)) if index >= 1 && index <= of => Ok(Shard { index, of }),
        Some((0, _)) => Err("shards are counted from 1: write 1/8 for the first of eight".to_owned()),
        Some((index, of)) => Err(format!("there is no shard {index} of {of}")),
        None => Err("write which shard of how many, such as 3/8".to_owned()),
    }
}
