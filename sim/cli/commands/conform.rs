//! `tailback conform`: scheduling programs as gevent or asyncio runs them, and whether we run them the same way.

use std::path::{Path, PathBuf};

use engine::RunError;
use engine::model::asyncio::{LoopKind, Python};
use engine::transcript::{self, Transcript};
use proof::asyncio;
use proof::gevent::{self, Oracle, TraceLine};

use crate::files::{self, shown};
use crate::problem::Problem;

/// How the name of a program file ends.
const PROGRAM: &str = ".program.json";
/// How the name of the trace beside it ends.
const TRACE: &str = ".trace.json";

/// What to run, and what to hold it against.
#[derive(clap::Args)]
pub struct Args {
    /// Scheduling programs, or folders of NAME.program.json files; `-` reads standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare with the recorded trace, NAME.trace.json beside NAME.program.json, instead of printing
    #[arg(long)]
    check: bool,
    /// Compare only the order, not the times
    #[arg(long, requires = "check")]
    no_times: bool,
    /// Failures that are shown in full
    #[arg(long, requires = "check", value_name = "N", default_value_t = 10)]
    limit: usize,
    /// Whose programs they are [default: asyncio's, if they have anything that only asyncio has or lie in a folder of that name,
    /// else gevent's]
    #[arg(long = "loop", value_name = "LOOP")]
    on: Option<Loop>,
    /// The version of CPython that runs programs for asyncio [default: 3.13]
    #[arg(long, value_name = "VERSION", value_parser = python)]
    python: Option<Python>,
    /// The same as --loop uvloop
    #[arg(long, conflicts_with = "on")]
    uvloop: bool,
}

/// Whose loop runs programs.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Loop {
    /// gevent's hub.
    Gevent,
    /// asyncio's own loop.
    Asyncio,
    /// uvloop's.
    Uvloop,
}

fn python(label: &str) -> Result<Python, String> {
    Python::named(label).ok_or_else(|| format!("there are: {}", Python::ALL.map(Python::label).join(", ")))
}

/// A program, ready to run; or the first version that can run it, if the loop that was asked for cannot.
type Subject = Result<Oracle, Python>;

impl Args {
    /// The loop that runs programs for asyncio.
    fn asyncio(&self) -> (Python, LoopKind) {
        let uvloop = self.uvloop || self.on == Some(Loop::Uvloop);
        let kind = if uvloop { LoopKind::Uvloop } else { LoopKind::Asyncio };
        (self.python.unwrap_or(Python::REFERENCE), kind)
    }

    /// The program in a file, on the loop that was asked for.
    fn subject(&self, path: &Path) -> Result<(Subject, bool), Problem> {
        let text = files::read(path)?;
        let told = self.uvloop || self.python.is_some() || self.on.is_some();
        let is_asyncio =
            if told { self.on != Some(Loop::Gevent) } else { lies_with_asyncios(path) || asyncio::is_meant(&text) };
        if !is_asyncio {
            return Ok((Ok(gevent_program(path, &text)?), false));
        }
        let program = asyncio::parse(&text).map_err(|error| Problem::Oracle { path: path.to_owned(), error })?;
        let (python, kind) = self.asyncio();
        Ok((program.on(python, kind).ok_or(program.since), true))
    }

    /// The file of the recorded trace: its own for a version or a loop that differs from the reference.
    fn trace_path(&self, stem: &str, is_asyncio: bool) -> PathBuf {
        let usual = PathBuf::from(format!("{stem}{TRACE}"));
        if !is_asyncio {
            return usual;
        }
        let (python, kind) = self.asyncio();
        let label = if kind == LoopKind::Uvloop { "uvloop" } else { python.label() };
        let own = PathBuf::from(format!("{stem}.trace.{label}.json"));
        if own.is_file() { own } else { usual }
    }
}

/// Whether a file lies in a folder that is called after asyncio.
fn lies_with_asyncios(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|folder| folder == "asyncio")
}

/// Prints the traces of programs, or compares them with recorded ones.
pub fn conform(args: &Args) -> Result<(), Problem> {
    let paths = programs(&args.files)?;
    if args.check { check(args, &paths) } else { show(args, &paths) }
}

/// The program files that are meant: folders stand for all programs in them, by name.
fn programs(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Problem> {
    let mut programs = Vec::new();
    for path in paths {
        if path.is_dir() {
            programs.append(&mut files::listed(path, PROGRAM)?);
        } else {
            programs.push(path.clone());
        }
    }
    Ok(programs)
}

/// Prints every trace; of several, each under the name of its file.
fn show(args: &Args, paths: &[PathBuf]) -> Result<(), Problem> {
    for path in paths {
        let oracle = match args.subject(path)?.0 {
            Ok(oracle) => oracle,
            Err(since) => {
                let what = format!(
                    "{}: the program needs Python {since} or later, and asyncio's own loop if it is eager",
                    shown(path)
                );
                return Err(Problem::Usage(what));
            }
        };
        let transcript = run(&oracle).map_err(|error| Problem::Program { path: path.clone(), error })?;
        if paths.len() > 1 {
            files::print(&format!("{}\n", shown(path)))?;
        }
        files::print(&format!("{}\n", gevent::print(&oracle, &transcript)))?;
    }
    Ok(())
}

/// Compares every trace with the recorded one; mistakes in the files come before any comparison, all of them at once. Programs that the
/// loop cannot run are left out, and counted.
fn check(args: &Args, paths: &[PathBuf]) -> Result<(), Problem> {
    let mut wrong = String::new();
    let mut skipped = 0;
    let mut pairs: Vec<(&Path, Oracle, Vec<TraceLine>)> = Vec::new();
    for path in paths {
        match args.subject(path) {
            Ok((Err(_), _)) => skipped += 1,
            Ok((Ok(oracle), is_asyncio)) => match recorded(args, path, is_asyncio) {
                Ok(want) => pairs.push((path, oracle, want)),
                Err(problem) => wrong += &problem.to_string(),
            },
            Err(problem) => wrong += &problem.to_string(),
        }
    }
    if !wrong.is_empty() {
        return Err(Problem::Scenario(wrong));
    }
    let mut failed = 0;
    for (path, oracle, want) in &pairs {
        let found = match run(oracle) {
            Ok(transcript) => gevent::difference(&gevent::entries(oracle, &transcript), want, !args.no_times),
            Err(error) => Some(format!("    {error}")),
        };
        let Some(found) = found else { continue };
        failed += 1;
        if failed <= args.limit {
            files::print(&format!("{}\n{found}\n", shown(path)))?;
        }
    }
    let left_out = if skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    files::print(&format!("{} passed, {failed} failed{left_out}\n", pairs.len() - failed))?;
    if failed == 0 { Ok(()) } else { Err(Problem::Differs) }
}

/// The gevent program in a file.
pub fn oracle_of(path: &Path) -> Result<Oracle, Problem> {
    gevent_program(path, &files::read(path)?)
}

fn gevent_program(path: &Path, text: &str) -> Result<Oracle, Problem> {
    gevent::parse(text).map_err(|error| Problem::Oracle { path: path.to_owned(), error })
}

/// The recorded trace of a program.
fn recorded(args: &Args, program: &Path, is_asyncio: bool) -> Result<Vec<TraceLine>, Problem> {
    let name = program.to_string_lossy();
    let Some(stem) = name.strip_suffix(PROGRAM) else {
        return Err(Problem::Usage(format!(
            "{name}: --check takes files called NAME{PROGRAM}, with NAME{TRACE} beside them"
        )));
    };
    let path = args.trace_path(stem, is_asyncio);
    let text = files::read(&path)?;
    gevent::read_trace(&text).map_err(|error| Problem::Oracle { path, error })
}

fn run(oracle: &Oracle) -> Result<Transcript, RunError> {
    transcript::run(&oracle.model, oracle.main, oracle.main_name)
}
