//! Scheduling programs: what some greenlets do, in JSON, and what real gevent was seen to make of it.
//!
//! [`parse`] compiles a program into a [`Model`] of one hub on which nothing costs time but what the program says. The engine
//! runs it (`engine::transcript::run`), and [`print`] writes the transcript as the reference interpreter does
//! (`tests/oracle/run_gevent.py`), so the two can be laid side by side: [`difference`] is that comparison.
//! The format is described in docs/conform.md. Values are left out here as everywhere: an item is a name.

pub(crate) mod body;
pub(crate) mod compile;
pub(crate) mod grammar;
mod trace;

use engine::Model;
use thiserror::Error;

pub use trace::{TraceLine, difference, entries, print, read_trace};

/// A scheduling program, ready to run: `engine::transcript::run(&model, main, main_name)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Oracle {
    /// What it is called.
    pub name: String,
    /// What it shows, in one line.
    pub about: String,
    /// The rules of gevent's schedule that it pins.
    pub rules: Vec<String>,
    /// Whether it relies on exact durations, so that it must not be re-timed when its trace is recorded.
    pub exact: bool,
    /// One hub with the program's objects and bodies.
    pub model: Model,
    /// Index of the program that the first greenlet runs.
    pub main: u16,
    /// Index of that greenlet's name.
    pub main_name: u16,
    /// Names under which greenlets are spawned.
    pub names: Vec<String>,
    /// Tags and notes.
    pub tags: Vec<String>,
    /// Items. An index from [`OWN_NAME`] on is no item but the unique name of a greenlet, see there.
    pub items: Vec<String>,
}

/// The item of a `set` without one is the unique name of the greenlet that sets it.
///
/// `Op::Signal` says so by the item `u16::MAX`; its outcome is this bit and the greenlet's serial number in spawn order.
pub const OWN_NAME: u16 = 0x8000;

/// What is wrong with a program or a trace, and where.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum OracleError {
    /// The text is no JSON, or has none of the expected shape.
    #[error("line {line}, column {column}: {what}")]
    Shape {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        what: String,
    },
    /// A part of the program cannot be.
    #[error("{place}: {what}")]
    Part {
        /// Its path, for example `bodies.main[2].steps[0]`.
        place: String,
        what: String,
    },
}

impl OracleError {
    pub(crate) fn part(place: &str, what: impl Into<String>) -> OracleError {
        OracleError::Part { place: place.to_owned(), what: what.into() }
    }
}

impl From<serde_json::Error> for OracleError {
    fn from(error: serde_json::Error) -> OracleError {
        OracleError::Shape { line: error.line(), column: error.column(), what: without_position(&error) }
    }
}

/// serde_json ends its messages with the position, which we say elsewhere or, for a step, know better.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) if error.line() > 0 => text[..at].to_owned(),
        Some(_) | None => text,
    }
}

/// Reads a program and compiles it.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn parse(text: &str) -> Result<Oracle, OracleError> {
    compile::compile(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests;
