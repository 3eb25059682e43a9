//! Reads what [`super::results_json`] writes: a document of results, as a file that anybody may have touched since.
//!
//! What is read is what a comparison needs, and what it takes to run everything again. Everything that a document says is doubted:
//! lengths, sizes and forms are checked here, so that whoever has a [`ResultDoc`] can count on it.

mod deviation;
mod source;

use lab::Figure;
use lab::figure::RUN_FIGURES;
use lab::versus::ComparedWorld;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::error::Category;

pub use deviation::{Deviation, first_deviation};
pub use source::{AskedPrecision, FileBeside, ResultSource};

use super::number::Number;
use super::results::{WrittenResults, WrittenWorld};

/// Version of the format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;
/// Bytes of a document that are read at most: a hundred times a long one, or two million lines of samples.
pub const DOCUMENT_BYTES: usize = 64 << 20;
/// Worlds of a document at most, as of a scenario.
pub const WORLDS_MAX: usize = 16;
/// Replications of a document at most, as of a run.
pub const REPLICATIONS_MAX: u32 = 10_000;
/// No figure of a run is further from zero, or nearer to it without being zero: beyond, sums of squares leave the numbers.
const VALUE_MAX: f64 = 1e30;

/// A document of results.
#[derive(Clone, PartialEq, Debug)]
pub struct ResultDoc {
    /// Version of tailback that wrote it.
    pub version: String,
    /// Title of the scenario.
    pub title: String,
    /// Replications of each world.
    pub replications: u32,
    /// What was run.
    pub source: ResultSource,
    /// The worlds, one at least, in the order of the scenario.
    pub worlds: Vec<ResultWorld>,
}

/// One world of a document; everything has a value for each replication, in their order.
#[derive(Clone, PartialEq, Debug)]
pub struct ResultWorld {
    /// Its name.
    pub name: String,
    /// The figures of the run as a whole that this program knows, in the order of their table.
    pub figures: Vec<Figure>,
    /// Hash of all events.
    pub fingerprints: Vec<u64>,
    /// Hash of who came with which needs.
    pub births: Vec<u64>,
    /// Number of events.
    pub events: Vec<u64>,
}

/// Why a document cannot be used, in a sentence that says what to do.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum ResultError {
    /// More than [`DOCUMENT_BYTES`].
    #[error("the document is larger than {DOCUMENT_BYTES} bytes, the most that is read")]
    TooLarge,
    /// Nothing in it.
    #[error("the file is empty; write it anew with `tailback run FILE --json`")]
    Empty,
    /// It stops too early.
    #[error("line {line}, column {column}: the document ends in the middle, so it was cut off; write it anew")]
    CutOff {
        /// Line of its end, from 1.
        line: usize,
        /// Column of its end.
        column: usize,
    },
    /// Not JSON.
    #[error("line {line}, column {column}: this is not JSON: {what}")]
    NotJson {
        /// Line of the mistake, from 1.
        line: usize,
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// JSON of somebody else, or of another command.
    #[error("this is JSON, but {0}; pass what `tailback run FILE --json` prints")]
    Foreign(&'static str),
    /// Written before documents had a format and the values of each replication.
    #[error("tailback {0} wrote this without the values of each replication; run the scenario again with --json")]
    Older(String),
    /// Written by a version that knows more than we do.
    #[error("its format is {format}, and this tailback reads {FORMAT}; read it with tailback {version} or a newer one")]
    Newer {
        format: u64,
        /// Who wrote it.
        version: String,
    },
    /// Ours by its head, but something is missing or of another kind.
    #[error("line {line}, column {column}: this is not as tailback writes it: {what}")]
    Shape {
        /// Line of the mistake, from 1.
        line: usize,
        column: usize,
        /// What is wrong.
        what: String,
    },
    /// Its parts do not go together.
    #[error("this is not as tailback writes it: {0}")]
    Contradiction(String),
}

/// Reads a document of results.
///
/// # Errors
/// What is wrong with it, with line and column where it is not JSON or not of the form.
pub fn read(text: &str) -> Result<ResultDoc, ResultError> {
    if text.len() > DOCUMENT_BYTES {
        return Err(ResultError::TooLarge);
    }
    if text.trim().is_empty() {
        return Err(ResultError::Empty);
    }
    check_head(text)?;
    let written: WrittenResults<'_> = serde_json::from_str(text).map_err(|error| mistake(&error, text))?;
    written.check()
}

/// What tells our documents from others.
#[derive(Deserialize)]
struct Head {
    tailback: Option<String>,
    format: Option<u64>,
    worlds: Option<IgnoredAny>,
    differences: Option<IgnoredAny>,
}

fn check_head(text: &str) -> Result<(), ResultError> {
    let head: Head = serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => ResultError::Foreign("it is not tailback's"),
        _ => mistake(&error, text),
    })?;
    // A list would be read as the fields in their order.
    let (Some(version), true) = (head.tailback, text.trim_start().starts_with('{')) else {
        return Err(ResultError::Foreign("it is not tailback's"));
    };
    match (head.format, head.worlds.and(head.differences)) {
        (Some(format), _) if format > u64::from(FORMAT) => Err(ResultError::Newer { format, version }),
        (_, None) => Err(ResultError::Foreign("another command of tailback wrote it")),
        (None, Some(_)) => Err(ResultError::Older(version)),
        (Some(_), Some(_)) => Ok(()),
    }
}

fn mistake(error: &serde_json::Error, text: &str) -> ResultError {
    let (line, column) = (error.line(), error.column());
    let at_the_end =
        || (line, column) == (text.split('\n').count(), text.len() - text.rfind('\n').map_or(0, |at| at + 1));
    let what = error.to_string();
    let what = what.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&what).to_owned();
    match error.classify() {
        Category::Eof => ResultError::CutOff { line, column },
        // Half a number is called a bad one.
        Category::Syntax if what == "invalid number" && at_the_end() => ResultError::CutOff { line, column },
        Category::Data => ResultError::Shape { line, column, what },
        Category::Syntax | Category::Io => ResultError::NotJson { line, column, what },
    }
}

impl WrittenResults<'_> {
    fn check(self) -> Result<ResultDoc, ResultError> {
        let wrong = |what: String| Err(ResultError::Contradiction(what));
        let WrittenResults { tailback, scenario, replications, source, worlds, .. } = self;
        let source = source.expect("a document without its source is not read").into_owned();
        let count = worlds.len();
        if !(1..=WORLDS_MAX).contains(&count) {
            return wrong(format!("it has {count} worlds, and a scenario has 1 to {WORLDS_MAX}"));
        }
        let asked = [Some(replications), Some(source.replications)];
        let most = source.precision.as_ref().map(|precision| precision.max_replications);
        for asked in asked.into_iter().chain([most]).flatten() {
            if !(1..=REPLICATIONS_MAX).contains(&asked) {
                return wrong(format!("it has {asked} replications, and a run has 1 to {REPLICATIONS_MAX}"));
            }
        }
        if let Some(AskedPrecision { share, .. }) = source.precision
            && !(share > 0.0 && share <= 1.0)
        {
            return wrong(format!("a precision of {share} was asked for, and it is above 0 and at most 1"));
        }
        let expected = usize::try_from(replications).expect("replications were checked");
        let worlds: Result<Vec<ResultWorld>, ResultError> =
            worlds.into_iter().map(|world| world.check(expected)).collect();
        let (version, title) = (tailback.into_owned(), scenario.into_owned());
        Ok(ResultDoc { version, title, replications, source, worlds: worlds? })
    }
}

impl WrittenWorld<'_> {
    /// The world, if it has a value of everything for each of so many replications.
    fn check(mut self, replications: usize) -> Result<ResultWorld, ResultError> {
        let name = self.name.into_owned();
        let wrong = |what: String| ResultError::Contradiction(format!("world `{name}` {what}"));
        let fits = |what: &str, length: usize| match length == replications {
            true => Ok(()),
            false => Err(wrong(format!("has {length} {what} for {replications} replications"))),
        };
        fits("fingerprints", self.fingerprints.0.len())?;
        fits("births_fingerprints", self.births_fingerprints.0.len())?;
        fits("events", self.events.0.len())?;
        let hashes = |texts: &[String]| -> Result<Vec<u64>, ResultError> {
            texts
                .iter()
                .map(|text| hash(text).ok_or_else(|| wrong(format!("has no fingerprint in `{text}`"))))
                .collect()
        };
        let mut figures = Vec::new();
        for recipe in &RUN_FIGURES {
            let spec = &recipe.spec;
            let Some(written) = self.figures.remove(spec.name) else { continue };
            let missing = || wrong(format!("has no `values` of {}: run the scenario again with --json", spec.name));
            let values = written.values.ok_or_else(missing)?;
            let values: Vec<Option<f64>> = values.into_iter().map(|value| value.map(|Number(value)| value)).collect();
            fits(&format!("values of {}", spec.name), values.len())?;
            if let Some(value) = values.iter().flatten().find(|&&value| !is_plausible(value)) {
                return Err(wrong(format!("has {value} for {}, which no run has", spec.name)));
            }
            figures.push(Figure::new(spec, values));
        }
        let (fingerprints, births) = (hashes(&self.fingerprints.0)?, hashes(&self.births_fingerprints.0)?);
        Ok(ResultWorld { figures, fingerprints, births, events: self.events.0, name })
    }
}

/// Sixteen hexadecimal digits.
fn hash(text: &str) -> Option<u64> {
    let digits = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(text, 16).ok().filter(|_| digits)
}

fn is_plausible(value: f64) -> bool {
    value == 0.0 || (1.0 / VALUE_MAX..=VALUE_MAX).contains(&value.abs())
}

impl ResultWorld {
    /// As a side of a comparison.
    pub fn side(&self) -> ComparedWorld {
        // A document does not say.
        let loops = false;
        ComparedWorld { name: self.name.clone(), figures: self.figures.clone(), births: self.births.clone(), loops }
    }
}

#[cfg(test)]
mod tests;
