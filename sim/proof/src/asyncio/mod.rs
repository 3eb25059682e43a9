//! Scheduling programs for asyncio, in JSON.
//!
//! [`parse`] compiles a program into a model of one event loop on which nothing costs time but what the program says; which version of
//! CPython and whose loop it is, is chosen with [`Program::on`]. The engine runs it as it runs gevent's, and traces are written and
//! compared as theirs are. The format is described in docs/conform.md.

mod body;
mod compile;
mod grammar;

use engine::model::asyncio::{LoopKind, LoopSpec, Python};
use engine::model::{Model, WorkerKind, WorkerSpec};
use serde_json::Value;

use crate::gevent::{Oracle, OracleError};

/// A scheduling program for asyncio.
#[derive(Clone, PartialEq, Debug)]
pub struct AsyncioProgram {
    /// The program on the reference version's own loop.
    pub oracle: Oracle,
    /// The first version that can run it.
    pub since: Python,
    /// Whether the loop makes every task eagerly.
    pub eager: bool,
}

impl AsyncioProgram {
    /// The program on another loop; `None` if that cannot run it.
    pub fn on(&self, python: Python, kind: LoopKind) -> Option<Oracle> {
        // uvloop 0.23 has no eager tasks.
        if python < self.since || kind == LoopKind::Uvloop && self.eager {
            return None;
        }
        let spec = LoopSpec { eager: self.eager, ..LoopSpec::plain(python, kind) };
        let workers = vec![WorkerSpec::plain("asyncio", WorkerKind::Loop(spec))];
        Some(Oracle { model: Model { workers, ..self.oracle.model.clone() }, ..self.oracle.clone() })
    }
}

/// Reads a program and compiles it.
///
/// # Errors
/// The first thing that is wrong with it, with its place.
pub fn parse(text: &str) -> Result<AsyncioProgram, OracleError> {
    compile::compile(serde_json::from_str(text)?)
}

/// Steps that only programs for asyncio have.
const OPS: [&str; 13] = [
    "wait_for",
    "try",
    "raise",
    "call",
    "group",
    "cancel",
    "await",
    "shield",
    "gather",
    "as_completed",
    "shutdown",
    "watch",
    "unwatch",
];
/// Fields of a step that only they have.
const FIELDS: [&str; 5] = ["eager", "group", "until", "error", "exceptions"];
/// Types of objects that only they have.
const TYPES: [&str; 3] = ["lock", "barrier", "stream"];

/// Whether a text has anything that only programs for asyncio have. What has nothing of the kind may be either.
pub fn is_meant(text: &str) -> bool {
    let Ok(Value::Object(file)) = serde_json::from_str::<Value>(text) else { return false };
    if file.contains_key("since") || file.contains_key("eager") {
        return true;
    }
    let typed = |object: &Value| {
        let word = |field: &str| object.get(field).and_then(Value::as_str);
        word("type").is_some_and(|word| TYPES.contains(&word)) || word("order") == Some("priority")
    };
    let objects = file.get("objects").and_then(Value::as_object);
    objects.is_some_and(|objects| objects.values().any(typed)) || file.get("bodies").is_some_and(has_own_step)
}

/// Whether a step of theirs is somewhere below.
fn has_own_step(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().any(has_own_step),
        Value::Object(fields) => {
            let op = fields.get("op").and_then(Value::as_str);
            op.is_some_and(|op| OPS.contains(&op))
                || op.is_some() && FIELDS.iter().any(|field| fields.contains_key(*field))
                || fields.values().any(has_own_step)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests;
