//! The JSON grammar of a scheduling program for asyncio, as serde types. What fields mean is said in docs/conform.md.
//!
//! A step is read in two parts, as a gevent program's is: its tag, and an [`Action`].

use serde::Deserialize;
use serde_json::Value;

use crate::gevent::grammar::{NotifyCount, Ordered};

/// A program file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AsyncioFile {
    pub version: u32,
    pub name: String,
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub rules: Vec<String>,
    pub since: Option<String>,
    #[serde(default)]
    pub exact: bool,
    #[serde(default)]
    pub eager: bool,
    #[serde(default)]
    pub objects: Ordered<Value>,
    pub bodies: Ordered<Vec<Value>>,
}

/// A shared object.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AsyncioObject {
    Lock {},
    Event {},
    Condition {},
    Semaphore {
        #[serde(default = "one")]
        value: u32,
        #[serde(default)]
        bounded: bool,
    },
    Barrier {
        parties: u32,
    },
    Result {},
    Queue {
        #[serde(default)]
        order: AsyncioQueueOrder,
        maxsize: Option<u32>,
    },
    Pair {},
    Stream {},
    Remote {},
    Threads {
        #[serde(default = "six")]
        size: u32,
    },
}

fn one() -> u32 {
    1
}

fn six() -> u32 {
    6
}

/// What comes out of a queue first.
#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum AsyncioQueueOrder {
    #[default]
    Fifo,
    Lifo,
    Priority,
}

/// The errors that a program may raise.
#[derive(Deserialize, Clone, Copy)]
#[allow(clippy::enum_variant_names)] // As Python calls them.
pub(super) enum ErrorName {
    ValueError,
    KeyError,
    RuntimeError,
}

impl ErrorName {
    pub fn word(self) -> &'static str {
        match self {
            ErrorName::ValueError => "ValueError",
            ErrorName::KeyError => "KeyError",
            ErrorName::RuntimeError => "RuntimeError",
        }
    }
}

/// For how many a `join` waits.
#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(super) enum UntilWord {
    #[default]
    All,
    First,
    Error,
}

/// What a step does, without its tag. Times are milliseconds.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum AsyncioAction {
    Mark {},
    Burn {
        ms: f64,
    },
    Sleep {
        ms: f64,
    },
    Repeat {
        times: u32,
        steps: Vec<Value>,
    },
    Timeout {
        ms: f64,
        steps: Vec<Value>,
    },
    WaitFor {
        ms: f64,
        steps: Vec<Value>,
    },
    Try {
        steps: Vec<Value>,
        #[serde(rename = "finally")]
        last: Option<Vec<Value>>,
        #[serde(default = "yes")]
        catch: bool,
    },
    Raise {
        error: ErrorName,
    },
    Call {
        note: String,
        after_ms: Option<f64>,
    },
    Spawn {
        body: String,
        #[serde(rename = "as")]
        name: Option<String>,
        after_ms: Option<f64>,
        group: Option<String>,
        #[serde(default)]
        eager: bool,
    },
    Group {
        #[serde(rename = "as")]
        name: String,
        steps: Vec<Value>,
    },
    Link {
        target: Vec<String>,
        note: String,
    },
    Cancel {
        target: Option<Vec<String>>,
        on: Option<String>,
    },
    Await {
        target: Vec<String>,
    },
    Shield {
        target: Vec<String>,
    },
    Gather {
        target: Vec<String>,
        #[serde(default)]
        exceptions: bool,
    },
    Join {
        target: Option<Vec<String>>,
        on: Option<String>,
        until: Option<UntilWord>,
        timeout_ms: Option<f64>,
    },
    AsCompleted {
        target: Vec<String>,
        note: String,
        timeout_ms: Option<f64>,
    },
    Acquire {
        on: String,
        timeout_ms: Option<f64>,
    },
    Release {
        on: String,
    },
    Wait {
        on: String,
        timeout_ms: Option<f64>,
    },
    Notify {
        on: String,
        #[serde(default)]
        n: NotifyCount,
    },
    Set {
        on: String,
        item: Option<String>,
        error: Option<ErrorName>,
    },
    Clear {
        on: String,
    },
    Put {
        on: String,
        item: String,
        #[serde(default = "yes")]
        block: bool,
        timeout_ms: Option<f64>,
    },
    Get {
        on: String,
        #[serde(default = "yes")]
        block: bool,
        timeout_ms: Option<f64>,
    },
    TaskDone {
        on: String,
    },
    Shutdown {
        on: String,
        #[serde(default)]
        immediate: bool,
    },
    Send {
        on: String,
        bytes: u32,
    },
    Recv {
        on: String,
        bytes: Option<u32>,
        timeout_ms: Option<f64>,
    },
    Request {
        on: String,
        ms: f64,
    },
    Watch {
        on: String,
        note: String,
        bytes: Option<u32>,
    },
    Unwatch {
        on: String,
    },
    Apply {
        on: String,
        ms: f64,
    },
}

fn yes() -> bool {
    true
}
