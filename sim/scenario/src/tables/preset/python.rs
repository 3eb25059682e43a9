//! `[python]` of a preset: how the interpreter shares itself among threads.

use engine::model::TimedWaits;

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::tables::preset::sourced::{DURATION, FLAG};

/// The words for [`TimedWaits`].
pub(crate) fn timed_waits_words() -> Vec<&'static str> {
    vec!["notified", "polled"]
}

/// What one of the words means.
pub(crate) fn timed_waits(word: &str) -> TimedWaits {
    if word == "polled" { TimedWaits::Polled } else { TimedWaits::Notified }
}

static TIMED_WAITS_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced word",
    doc: "How the standard library waits with a time limit, and where that comes from.",
    keys: &[
        key("value", KeyKind::OneOf(timed_waits_words), Presence::Required, "\"notified\"", "the word"),
        key("source", KeyKind::Text, Presence::Required, "\"threading.py\"", "where it comes from"),
    ],
};

pub(super) static PYTHON: KeyTable = KeyTable {
    heading: "[python]",
    noun: "the interpreter",
    doc: "How the interpreter shares itself.",
    keys: &[
        key("gil", FLAG, Presence::Required, "{}", "whether it has a GIL"),
        key("switch_interval", DURATION, Presence::Required, "{}", "wait before the GIL is asked for"),
        key(
            "timed_waits",
            KeyKind::Table(&TIMED_WAITS_VALUE),
            Presence::Required,
            "{}",
            "how Condition.wait(timeout) waits",
        ),
    ],
};
