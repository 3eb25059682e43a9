//! Values with a source: every cost of a preset says where it comes from.

use engine::time::Span;

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::words::limits::grouped;

static FLAG_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced flag",
    doc: "True or false, and where that comes from.",
    keys: &[
        key("value", KeyKind::Flag, Presence::Required, "true", "the flag"),
        key("source", KeyKind::Text, Presence::Required, "\"CPython\"", "where it comes from"),
    ],
};

static DURATION_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced duration",
    doc: "A duration and where it comes from.",
    keys: &[
        key("value", KeyKind::Duration, Presence::Required, "\"5us\"", "the duration"),
        key("source", KeyKind::Text, Presence::Required, "\"measured\"", "where it comes from"),
    ],
};

static COUNT_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced count",
    doc: "A count and where it comes from.",
    keys: &[
        key("value", KeyKind::Count(1, 1_000_000), Presence::Required, "100", "the count"),
        key("source", KeyKind::Text, Presence::Required, "\"config.py\"", "where it comes from"),
    ],
};

static SMALL_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced small count",
    doc: "A count and where it comes from.",
    keys: &[
        key("value", KeyKind::Count(0, 100), Presence::Required, "4", "the count"),
        key("source", KeyKind::Text, Presence::Required, "\"ip-sysctl.rst\"", "where it comes from"),
    ],
};

pub(crate) const NO: Presence = Presence::Else("nothing");
pub(crate) const DURATION: KeyKind = KeyKind::Table(&DURATION_VALUE);
pub(crate) const COUNT: KeyKind = KeyKind::Table(&COUNT_VALUE);
pub(crate) const SMALL: KeyKind = KeyKind::Table(&SMALL_VALUE);
pub(crate) const FLAG: KeyKind = KeyKind::Table(&FLAG_VALUE);

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct SourcedValue {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: String,
}

/// The sourced values of a table, as the reference prints them.
pub(super) fn facts(node: &Node, prefix: &str) -> Vec<SourcedValue> {
    let mut facts = Vec::new();
    for field in &node.fields {
        let Some(value) = node.find::<&Node>(field.name).filter(|value| value.field("source").is_some()) else {
            continue;
        };
        let shown = value
            .find::<Span>("value")
            .map(|span| span.to_string())
            .or_else(|| value.find::<u64>("value").map(grouped))
            .or_else(|| value.find::<bool>("value").map(|flag| flag.to_string()))
            .or_else(|| value.find::<&str>("value").map(str::to_owned));
        facts.push(SourcedValue {
            key: format!("{prefix}{}", field.name),
            value: shown.unwrap_or_default(),
            source: value.get::<&str>("source").to_owned(),
        });
    }
    facts
}
