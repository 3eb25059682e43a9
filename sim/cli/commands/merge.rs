//! `tailback merge`: the shards of a sweep, in any order, joined to what one process would have written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use lab::sweep::run::PointOutcome;
use lab::sweep::study::Shard;
use report::data::Format;

use crate::commands::sweep::finish::finish;
use crate::commands::sweep::log::{FoundLog, Header, foreign, is_log, read};
use crate::commands::sweep::{format, formats};
use crate::files::{self, shown};
use crate::problem::Problem;

/// What to join, and where to put it.
#[derive(clap::Args)]
pub struct Args {
    /// Folders that hold the logs of shards, in any order
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// Folder for the results
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Kinds of result files: csv, json, jsonl, parquet [default: csv,jsonl,parquet]
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = format)]
    format: Vec<Format>,
}

/// Joins shards; everything that is wrong with them is told at once.
pub fn merge(args: &Args) -> Result<(), Problem> {
    let logs = logs(&args.folders)?;
    let wrong = mistakes(&logs);
    if !wrong.is_empty() {
        let list: Vec<String> = wrong.into_iter().map(|wrong| format!("error: {wrong}\n")).collect();
        return Err(Problem::Scenario(list.concat()));
    }
    let Some(first) = logs.first() else { return Ok(()) };
    let header = Header { shard: Shard::WHOLE, ..first.header.clone() };
    files::prepare(&args.out)?;
    let outcomes: BTreeMap<usize, PointOutcome> = logs.into_iter().flat_map(|log| log.outcomes).collect();
    finish(&header, outcomes, &args.out, &formats(&args.format))
}

/// Every log in the folders, each file once.
fn logs(folders: &[PathBuf]) -> Result<Vec<FoundLog>, Problem> {
    let mut paths: BTreeSet<PathBuf> = BTreeSet::new();
    let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
    for folder in folders {
        let mut found: Vec<PathBuf> = files::listed(folder, ".log")?;
        found.retain(|path| is_log(path));
        if found.is_empty() {
            return Err(Problem::Usage(format!("{} holds no log of a sweep", shown(folder))));
        }
        // The same folder under two names is one folder.
        found.retain(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
        paths.extend(found);
    }
    let read = |path: &PathBuf| read(path)?.ok_or_else(|| missing(path));
    paths.iter().map(read).collect()
}

/// A log that was there a moment ago.
fn missing(path: &Path) -> Problem {
    Problem::Read { path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() }
}

/// Why the logs are not the shards of one sweep, each of them once and whole.
fn mistakes(logs: &[FoundLog]) -> Vec<String> {
    let Some(first) = logs.first() else { return Vec::new() };
    let mut wrong = Vec::new();
    let of = first.header.shard.of;
    let mut by_index: BTreeMap<u32, &FoundLog> = BTreeMap::new();
    for log in logs {
        let shard = log.header.shard;
        let (path, whole) = (shown(&log.path), shown(&first.path));
        if log.header.fingerprint != first.header.fingerprint {
            let wanted = Header { shard, ..first.header.clone() };
            wrong.push(format!(
                "{}\n  than {whole}; the shards of one sweep are made by the same command",
                foreign(log, &wanted)
            ));
            continue;
        }
        if shard.of != of {
            wrong.push(format!("{path} is one of {} shards, and {whole} is one of {of}", shard.of));
            continue;
        }
        match by_index.get(&shard.index) {
            Some(other) => {
                wrong.push(format!("{path} is shard {}/{of}, and so is {}", shard.index, shown(&other.path)))
            }
            None => {
                by_index.insert(shard.index, log);
            }
        }
    }
    let places = first.header.study.places();
    for index in 1..=of {
        let shard = Shard { index, of };
        let Some(log) = by_index.get(&index) else {
            wrong.push(format!("shard {index}/{of} is missing; make it with --shard {index}/{of}"));
            continue;
        };
        let runs = places.iter().filter(|place| shard.has(place.number));
        let (all, left) = runs.fold((0, 0), |(all, left), place| {
            (all + 1, left + usize::from(!log.outcomes.contains_key(&place.number)))
        });
        if left > 0 {
            wrong.push(format!(
                "{} is not finished: {left} of its {all} runs are missing; the command that made it goes on",
                shown(&log.path)
            ));
        }
    }
    wrong
}
