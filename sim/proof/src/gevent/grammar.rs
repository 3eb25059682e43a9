//! The JSON grammar of a scheduling program, as serde types. What fields mean is said in docs/conform.md.
//!
//! A step is read in two parts: its tag, which every kind of step may have, and an [`Action`]. Steps stay JSON values until
//! they are compiled, so that a message can name the place of a step.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A program file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub version: u32,
    pub name: String,
    #[serde(default)]
    pub about: String,
    #[serde(default)]
    pub rules: Vec<String>,
    #[serde(default)]
    pub exact: bool,
    #[serde(default)]
    pub objects: Ordered<Value>,
    pub bodies: Ordered<Vec<Value>>,
}

/// A JSON object in the order of the file: objects are made in that order. No key may come twice.
pub(crate) struct Ordered<T>(pub Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Ordered(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedVisitor(PhantomData))
    }
}

struct OrderedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for OrderedVisitor<T> {
    type Value = Ordered<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Ordered<T>, A::Error> {
        let mut entries: Vec<(String, T)> = Vec::new();
        while let Some((key, value)) = map.next_entry::<String, T>()? {
            if entries.iter().any(|(known, _)| *known == key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            entries.push((key, value));
        }
        Ok(Ordered(entries))
    }
}

/// A shared object.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Object {
    Semaphore {
        #[serde(default = "one")]
        value: u32,
        #[serde(default)]
        bounded: bool,
    },
    Rlock {},
    Event {},
    Result {},
    Condition {
        #[serde(default)]
        lock: LockKind,
    },
    Queue {
        #[serde(default)]
        order: QueueOrder,
        maxsize: Option<u32>,
        #[serde(rename = "impl", default)]
        made_by: QueueMaker,
    },
    Channel {},
    Pool {
        size: Option<u32>,
    },
    Pair {},
    Remote {},
    Threads {
        #[serde(default = "ten")]
        size: u32,
    },
}

fn one() -> u32 {
    1
}

fn ten() -> u32 {
    10
}

/// The lock of a condition.
#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum LockKind {
    #[default]
    Rlock,
    Lock,
}

/// What comes out of a queue first.
#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum QueueOrder {
    #[default]
    Fifo,
    Lifo,
}

/// Whose queue it is.
#[derive(Deserialize, Default, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(super) enum QueueMaker {
    #[default]
    Gevent,
    Stdlib,
}

/// What a step does, without its tag. Times are milliseconds.
#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    Mark {},
    Burn {
        ms: f64,
    },
    Sleep {
        ms: f64,
    },
    Idle {},
    Repeat {
        times: u32,
        steps: Vec<Value>,
    },
    Timeout {
        ms: f64,
        steps: Vec<Value>,
    },
    Spawn {
        body: String,
        #[serde(rename = "as")]
        name: Option<String>,
        after_ms: Option<f64>,
        pool: Option<String>,
    },
    Make {
        body: String,
        #[serde(rename = "as")]
        name: Option<String>,
    },
    Switch {
        target: Vec<String>,
    },
    Link {
        target: Vec<String>,
        note: String,
    },
    Join {
        target: Option<Vec<String>>,
        on: Option<String>,
        count: Option<u16>,
        timeout_ms: Option<f64>,
    },
    Kill {
        target: Vec<String>,
        #[serde(default = "yes")]
        block: bool,
    },
    Acquire {
        on: String,
        #[serde(default = "yes")]
        block: bool,
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
    Send {
        on: String,
        bytes: u32,
    },
    Recv {
        on: String,
        bytes: Option<u32>,
    },
    Request {
        on: String,
        ms: f64,
    },
    Apply {
        on: String,
        ms: f64,
    },
}

fn yes() -> bool {
    true
}

/// How many waiters a `notify` is for.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number below 65535 or \"all\"")]
pub(crate) enum NotifyCount {
    Number(u16),
    Word(All),
}

impl Default for NotifyCount {
    fn default() -> Self {
        NotifyCount::Number(1)
    }
}

/// The word for everybody.
#[derive(Deserialize)]
pub(crate) enum All {
    #[serde(rename = "all")]
    All,
}
