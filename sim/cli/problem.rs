//! What can go wrong on the command line, in a user's words, and with which exit code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use engine::RunError;
use lab::LabError;
use proof::gevent::OracleError;
use report::words::printable;

/// Why a command did not do what it was asked to.
pub enum Problem {
    /// A file could not be read.
    Read { path: PathBuf, source: io::Error },
    /// A file, or standard output, could not be written.
    Write {
        /// Which; `None` for standard output.
        path: Option<PathBuf>,
        source: io::Error,
    },
    /// Scenario files have mistakes; the text shows all of them.
    Scenario(String),
    /// A scheduling program, or a trace, has a mistake.
    Oracle { path: PathBuf, error: OracleError },
    /// A scheduling program, or a run that is traced, did not come to its end.
    Program { path: PathBuf, error: RunError },
    /// Traces differ from the recorded ones, predictions from measurements, or runs from what is claimed of them; standard output
    /// says which.
    Differs,
    /// An objective is missed; standard output says which.
    Missed,
    /// Runs are not precise enough to judge an objective; standard output says which.
    Undecided,
    /// The user asked for something that cannot be.
    Usage(String),
    /// Runs did not come to their end.
    Runs(LabError),
    /// There were too few runs to say what was asked with the precision that was asked for; the text says what is missing.
    NotPrecise(String),
    /// Some runs of a sweep did not come to their end; the text says which.
    SomeRuns(String),
    /// Somebody stopped a sweep; the text says how it goes on.
    Interrupted(String),
    /// A file of results could not be made.
    Data(report::data::parquet::ParquetError),
    /// A plot could not be drawn.
    Draw(report::figures::DrawError),
}

/// A path as it may be shown: a terminal obeys some of what a name may hold.
pub fn shown(path: impl AsRef<Path>) -> String {
    printable(&path.as_ref().display().to_string())
}

impl Problem {
    /// 1 for what differs from what was recorded or promised; 3 for runs that failed or leave it open; 130 for Ctrl-C; 2 for everything
    /// that the user or the machine must mend first.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Problem::Differs | Problem::Missed => ExitCode::from(1),
            Problem::Undecided
            | Problem::Runs(_)
            | Problem::SomeRuns(_)
            | Problem::NotPrecise(_)
            | Problem::Program { .. } => ExitCode::from(3),
            Problem::Interrupted(_) => ExitCode::from(130),
            Problem::Read { .. }
            | Problem::Write { .. }
            | Problem::Scenario(_)
            | Problem::Oracle { .. }
            | Problem::Usage(_)
            | Problem::Data(_)
            | Problem::Draw(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Read { path, source } => writeln!(f, "error: cannot read {}: {source}", shown(path)),
            Problem::Write { path: Some(path), source } => {
                writeln!(f, "error: cannot write {}: {source}", shown(path))
            }
            Problem::Write { path: None, source } => writeln!(f, "error: cannot write the output: {source}"),
            Problem::Scenario(text) => f.write_str(text),
            Problem::Oracle { path, error } => writeln!(f, "error: {}: {error}", shown(path)),
            Problem::Program { path, error } => writeln!(f, "error: {}: {error}", shown(path)),
            Problem::Differs | Problem::Missed | Problem::Undecided => Ok(()),
            Problem::NotPrecise(text) => writeln!(f, "error: {text}"),
            Problem::Usage(text) => writeln!(f, "error: {text}"),
            Problem::Runs(error) => writeln!(f, "error: {error}"),
            Problem::SomeRuns(text) => writeln!(f, "error: {text}"),
            Problem::Interrupted(text) => writeln!(f, "{text}"),
            Problem::Data(error) => writeln!(f, "error: cannot write a table: {error}"),
            Problem::Draw(error) => writeln!(f, "error: cannot draw: {error}"),
        }
    }
}

/// An option names a world, or another thing of the scenario, that is not there: which ones are.
pub fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Problem {
    let known: Vec<&str> = known.collect();
    let near = scenario::meant(name, known.iter().copied());
    Problem::Usage(format!("--{what} {name}: there is no such {what}; {near}there are: {}", known.join(", ")))
}
