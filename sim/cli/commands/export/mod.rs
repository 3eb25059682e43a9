//! `tailback export`: everything that runs leave behind, as files for other programs.

mod spill;

use std::io::{self, BufWriter, IntoInnerError, Write};
use std::path::{Path, PathBuf};

use lab::sweep::table::SweepTable;
use lab::{Comparison, WorldResult, run_all};
use report::data::Format;
use report::data::figures::figures_table;
use report::data::hgrm::hgrm;
use report::data::requests::{request_row, requests_table};
use report::data::series::series_table;
use report::data::stream::Stream;
use scenario::Compiled;
use tempfile::NamedTempFile;

use crate::arguments::{Chance, SetArg, Threads};
use crate::commands::sweep::format;
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;
use crate::warm_up_pilots;
use spill::Spills;

/// Rows of requests at most, unless the user says more: about 200 MB of CSV.
const ROWS_MAX: u64 = 1_000_000;
/// Rows that are held at once, and that a row group of a Parquet file has.
const ROWS_AT_ONCE: usize = 16_384;

/// What can be exported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Part {
    Requests,
    Series,
    Summary,
    Histogram,
}

impl Part {
    const ALL: [Part; 4] = [Part::Requests, Part::Series, Part::Summary, Part::Histogram];

    fn name(self) -> &'static str {
        match self {
            Part::Requests => "requests",
            Part::Series => "series",
            Part::Summary => "summary",
            Part::Histogram => "histogram",
        }
    }
}

/// What to export, and where to.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Folder for the files
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Kinds of files for tables: csv, json, jsonl, parquet
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = format, default_value = "csv")]
    format: Vec<Format>,
    /// What to export: requests, series, summary, histogram (percentiles as HdrHistogram prints them) [default: all]
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = part)]
    of: Vec<Part>,
    /// Rows of requests at most; every run has an equal part of them
    #[arg(long, value_name = "N", default_value_t = ROWS_MAX, value_parser = clap::value_parser!(u64).range(1..))]
    max_rows: u64,
    #[command(flatten)]
    chance: Chance,
    #[command(flatten)]
    set: SetArg,
    #[command(flatten)]
    threads: Threads,
}

/// Reads the name of something to export.
fn part(text: &str) -> Result<Part, String> {
    let names = Part::ALL.map(Part::name);
    Part::ALL
        .into_iter()
        .find(|part| part.name() == text)
        .ok_or_else(|| format!("{}write one of {}", scenario::meant(text, names), names.join(", ")))
}

/// Files that are written but not yet in their place, so that all appear or none.
#[derive(Default)]
struct Written {
    files: Vec<(NamedTempFile, PathBuf)>,
    /// (name, what is said of it).
    said: Vec<(String, String)>,
}

/// Runs a scenario and writes what was asked for.
pub fn export(args: &Args) -> Result<(), Problem> {
    let overrides = args.set.overrides()?;
    let mut compiled = files::compile(&args.file, &overrides)?;
    let settings = args.chance.settings(&compiled, args.threads);
    files::prepare(&args.out)?;
    warm_up_pilots::find_and_set(&mut compiled, &settings)?;
    let mut parts = if args.of.is_empty() { Part::ALL.to_vec() } else { args.of.clone() };
    parts.sort_unstable();
    parts.dedup();
    let mut formats: Vec<Format> = Vec::new();
    args.format.iter().for_each(|&format| {
        if !formats.contains(&format) {
            formats.push(format)
        }
    });
    let models = &compiled.models;
    let run_count = models.len() as u64 * u64::from(settings.replications);
    let with_requests = parts.contains(&Part::Requests);
    let spills = Spills::new(&args.out, (args.max_rows / run_count).max(1));
    let results = terminal::with_bar(models.len(), &settings, |progress| match with_requests {
        true => spills.run_all(models, &settings, progress),
        false => run_all(models, &settings, progress),
    })?;
    let mut written = Written::default();
    let mut cut = String::new();
    for part in parts {
        match part {
            Part::Requests => cut = written.requests(&compiled, &results, spills.of_runs()?, &formats, args)?,
            Part::Series => {
                written.table("series", &series_table(&results), "one for each step of a run", &formats, args)?
            }
            Part::Summary => {
                let table = figures_table(&Comparison::of(&results));
                written.table("summary", &table, "one for each figure", &formats, args)?;
            }
            Part::Histogram => written.histograms(&results, &args.out)?,
        }
    }
    let said = written.keep()?;
    files::print(&format!("{}\nWrote to {}:\n{said}{cut}", compiled.title, shown(&args.out)))
}

impl Written {
    /// A table that is there whole, in all formats.
    fn table(
        &mut self,
        name: &str,
        table: &SweepTable,
        what: &str,
        formats: &[Format],
        args: &Args,
    ) -> Result<(), Problem> {
        for &format in formats {
            let path = args.out.join(format!("{name}.{}", format.ending()));
            let mut out = Out::begin(format, table, path)?;
            out.rows(table)?;
            self.end(out, table.rows.len() as u64, what)?;
        }
        Ok(())
    }

    /// The requests of all runs, a few at a time; what is to be said if some are left out.
    fn requests(
        &mut self,
        compiled: &Compiled,
        results: &[WorldResult],
        mut spills: spill::OfRuns,
        formats: &[Format],
        args: &Args,
    ) -> Result<String, Problem> {
        let path = |format: Format| args.out.join(format!("requests.{}", format.ending()));
        let mut some = requests_table();
        let outs = formats.iter().map(|&format| Out::begin(format, &some, path(format)));
        let mut outs = outs.collect::<Result<Vec<_>, _>>()?;
        let (mut rows, mut all) = (0, 0);
        for (model, world) in compiled.models.iter().zip(results) {
            for record in &world.records {
                let spill = spills.remove(&(world.name.clone(), record.replication)).unwrap_or_default();
                all += spill.seen;
                for (at, told) in spill.read(&args.out)?.enumerate() {
                    let told = told.map_err(|source| Problem::Read { path: args.out.clone(), source })?;
                    some.rows.push(request_row(model, record.replication, at as u64 + 1, &told));
                    rows += 1;
                    if some.rows.len() == ROWS_AT_ONCE {
                        flush(&mut outs, &mut some)?;
                    }
                }
            }
        }
        flush(&mut outs, &mut some)?;
        for out in outs {
            self.end(out, rows, "one for each request")?;
        }
        Ok(if rows == all { String::new() } else { cut_note(rows, all, results, args) })
    }

    /// What HdrHistogram prints, for each world and each of its classes.
    fn histograms(&mut self, results: &[WorldResult], folder: &Path) -> Result<(), Problem> {
        let mut names: Vec<String> = Vec::new();
        for world in results {
            let (first, others) = world.records.split_first().expect("a world has a run");
            let mut all = first.latency.clone();
            others.iter().for_each(|record| all.merge(&record.latency));
            let mut wanted = vec![(plain(&world.name), all)];
            for (at, class) in first.classes.iter().enumerate() {
                let mut hist = class.latency.clone();
                others.iter().for_each(|record| hist.merge(&record.classes[at].latency));
                wanted.push((format!("{}.{}", plain(&world.name), plain(&class.name)), hist));
            }
            for (stem, hist) in wanted {
                let taken = names.iter().filter(|name| **name == stem).count();
                let number = if taken > 0 { format!("-{}", taken + 1) } else { String::new() };
                let name = format!("{stem}{number}.latency_ms.hgrm");
                names.push(stem);
                let mut file = files::begin(&folder.join(&name))?;
                let path = folder.join(&name);
                file.write_all(hgrm(&hist).as_bytes()).map_err(|error| unwritten(&path, error))?;
                self.files.push((file, path));
                self.said.push((name, format!("{} good responses", hist.count())));
            }
        }
        Ok(())
    }

    fn end(&mut self, out: Out, rows: u64, what: &str) -> Result<(), Problem> {
        let (file, path) = out.end()?;
        let name = path.file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned());
        self.said.push((name, format!("{rows} rows, {what}")));
        self.files.push((file, path));
        Ok(())
    }

    /// Puts all files into their places; a line for each.
    fn keep(self) -> Result<String, Problem> {
        for (file, path) in self.files {
            files::keep(file, &path)?;
        }
        let width = self.said.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        Ok(self.said.iter().map(|(name, said)| format!("  {name:<width$}   {said}\n")).collect())
    }
}

/// A table on its way to its file.
struct Out {
    stream: Stream,
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Out {
    fn begin(format: Format, columns: &SweepTable, path: PathBuf) -> Result<Out, Problem> {
        let stream = Stream::begin(format, columns).map_err(Problem::Data)?;
        Ok(Out { stream, file: BufWriter::new(files::begin(&path)?), path })
    }

    fn rows(&mut self, table: &SweepTable) -> Result<(), Problem> {
        let bytes = self.stream.rows(table).map_err(Problem::Data)?;
        self.file.write_all(&bytes).map_err(|source| unwritten(&self.path, source))
    }

    fn end(self) -> Result<(NamedTempFile, PathBuf), Problem> {
        let Out { stream, mut file, path } = self;
        let bytes = stream.end().map_err(Problem::Data)?;
        let written = file.write_all(&bytes).and_then(|()| file.into_inner().map_err(IntoInnerError::into_error));
        Ok((written.map_err(|source| unwritten(&path, source))?, path))
    }
}

/// Writes the rows that are there everywhere, and forgets them.
fn flush(outs: &mut [Out], some: &mut SweepTable) -> Result<(), Problem> {
    if !some.rows.is_empty() {
        outs.iter_mut().try_for_each(|out| out.rows(some))?;
    }
    some.rows.clear();
    Ok(())
}

fn unwritten(path: &Path, source: io::Error) -> Problem {
    Problem::Write { path: Some(path.to_owned()), source }
}

/// What is missing, and how to have it.
fn cut_note(rows: u64, all: u64, results: &[WorldResult], args: &Args) -> String {
    let runs: usize = results.iter().map(|world| world.records.len()).sum();
    format!(
        "\nCut: requests has {rows} of {all} rows, the first of every run, because --max-rows is {} for {runs} runs.\n\
         Give more room with --max-rows, or make fewer with --replications or --set run.length=...; the other files are whole.\n",
        args.max_rows
    )
}

/// A name that every file system takes, and in which a full stop divides.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '_' }).collect()
}
