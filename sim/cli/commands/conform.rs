//! `tailback conform`: scheduling programs as gevent runs them, and whether we run them the same way.

use std::path::{Path, PathBuf};

use engine::RunError;
use engine::transcript::{self, Transcript};
use proof::gevent::{self, Oracle, TraceLine};

use crate::files;
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
}

/// Prints the traces of programs, or compares them with recorded ones.
pub fn conform(args: &Args) -> Result<(), Problem> {
    let paths = programs(&args.files)?;
    if args.check { check(args, &paths) } else { show(&paths) }
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
fn show(paths: &[PathBuf]) -> Result<(), Problem> {
    for path in paths {
        let oracle = oracle_of(path)?;
        let transcript = run(&oracle).map_err(|error| Problem::Program { path: path.clone(), error })?;
        if paths.len() > 1 {
            files::print(&format!("{}\n", path.display()))?;
        }
        files::print(&format!("{}\n", gevent::print(&oracle, &transcript)))?;
    }
    Ok(())
}

/// Compares every trace with the recorded one; mistakes in the files come before any comparison, all of them at once.
fn check(args: &Args, paths: &[PathBuf]) -> Result<(), Problem> {
    let mut wrong = String::new();
    let mut pairs: Vec<(&Path, Oracle, Vec<TraceLine>)> = Vec::new();
    for path in paths {
        match oracle_of(path).and_then(|oracle| Ok((oracle, recorded(path)?))) {
            Ok((oracle, want)) => pairs.push((path, oracle, want)),
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
            files::print(&format!("{}\n{found}\n", path.display()))?;
        }
    }
    files::print(&format!("{} passed, {failed} failed\n", pairs.len() - failed))?;
    if failed == 0 { Ok(()) } else { Err(Problem::Differs) }
}

pub fn oracle_of(path: &Path) -> Result<Oracle, Problem> {
    let text = files::read(path)?;
    gevent::parse(&text).map_err(|error| Problem::Oracle { path: path.to_owned(), error })
}

/// The recorded trace of a program.
fn recorded(program: &Path) -> Result<Vec<TraceLine>, Problem> {
    let name = program.to_string_lossy();
    let Some(stem) = name.strip_suffix(PROGRAM) else {
        return Err(Problem::Usage(format!(
            "{name}: --check takes files called NAME{PROGRAM}, with NAME{TRACE} beside them"
        )));
    };
    let path = PathBuf::from(format!("{stem}{TRACE}"));
    let text = files::read(&path)?;
    gevent::read_trace(&text).map_err(|error| Problem::Oracle { path, error })
}

fn run(oracle: &Oracle) -> Result<Transcript, RunError> {
    transcript::run(&oracle.model, oracle.main, oracle.main_name)
}
