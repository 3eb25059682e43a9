//! Values with a source: every cost of a preset says where it comes from.

use engine::time::Span;

use crate::reader::key::{Kind, Need, Table, key};
use crate::reader::node::Node;
use crate::words::limits::grouped;

static FLAG_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced flag",
    doc: "True or false, and where that comes from.",
    keys: &[
        key("value", Kind::Flag, Need::Required, "true", "the flag"),
        key("source", Kind::Text, Need::Required, "\"CPython\"", "where it comes from"),
    ],
};

static DURATION_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced duration",
    doc: "A duration and where it comes from.",
    keys: &[
        key("value", Kind::Duration, Need::Required, "\"5us\"", "the duration"),
        key("source", Kind::Text, Need::Required, "\"measured\"", "where it comes from"),
    ],
};

static COUNT_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced count",
    doc: "A count and where it comes from.",
    keys: &[
        key("value", Kind::Count(1, 1_000_000), Need::Required, "100", "the count"),
        key("source", Kind::Text, Need::Required, "\"config.py\"", "where it comes from"),
    ],
};

static SMALL_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced small count",
    doc: "A count and where it comes from.",
    keys: &[
        key("value", Kind::Count(0, 100), Need::Required, "4", "the count"),
        key("source", Kind::Text, Need::Required, "\"ip-sysctl.rst\"", "where it comes from"),
    ],
};

pub(crate) const NO: Need = Need::Else("nothing");
pub(crate) const DURATION: Kind = Kind::Table(&DURATION_VALUE);
pub(crate) const COUNT: Kind = Kind::Table(&COUNT_VALUE);
pub(crate) const SMALL: Kind = Kind::Table(&SMALL_VALUE);
pub(crate) const FLAG: Kind = Kind::Table(&FLAG_VALUE);

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: String,
}

/// The sourced values of a table, as the reference prints them.
pub(super) fn facts(node: &Node, prefix: &str) -> Vec<Fact> {
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
        facts.push(Fact {
            key: format!("{prefix}{}", field.name),
            value: shown.unwrap_or_default(),
            source: value.get::<&str>("source").to_owned(),
        });
    }
    facts
}
