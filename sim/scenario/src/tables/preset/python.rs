//! `[python]` of a preset: how the interpreter shares itself among threads.

use engine::model::TimedWaits;

use crate::reader::key::{Kind, Need, Table, key};
use crate::tables::preset::sourced::{DURATION, FLAG};

/// The words for [`TimedWaits`].
pub(crate) fn timed_waits_words() -> Vec<&'static str> {
    vec!["notified", "polled"]
}

/// What one of the words means.
pub(crate) fn timed_waits(word: &str) -> TimedWaits {
    if word == "polled" { TimedWaits::Polled } else { TimedWaits::Notified }
}

static TIMED_WAITS_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced word",
    doc: "How the standard library waits with a time limit, and where that comes from.",
    keys: &[
        key("value", Kind::OneOf(timed_waits_words), Need::Required, "\"notified\"", "the word"),
        key("source", Kind::Text, Need::Required, "\"threading.py\"", "where it comes from"),
    ],
};

pub(super) static PYTHON: Table = Table {
    heading: "[python]",
    noun: "the interpreter",
    doc: "How the interpreter shares itself.",
    keys: &[
        key("gil", FLAG, Need::Required, "{}", "whether it has a GIL"),
        key("switch_interval", DURATION, Need::Required, "{}", "wait before the GIL is asked for"),
        key("timed_waits", Kind::Table(&TIMED_WAITS_VALUE), Need::Required, "{}", "how Condition.wait(timeout) waits"),
    ],
};
