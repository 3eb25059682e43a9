//! `[software]`: what the application is made of and when gevent patches it. Nothing of it is simulated; `check` reads it.

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::tables::library;

/// Releases of gevent with which something changed that a file can ask about.
pub(crate) const GEVENTS: [&str; 6] = ["0.13", "1.0", "1.1", "1.3.5", "25.4.1", "26.9"];

/// A part of the standard library in which an application may wait.
#[derive(Debug)]
pub(crate) struct LibraryPart {
    pub(crate) name: &'static str,
    /// The first of [`GEVENTS`] whose `patch_all()` makes it give way; `None`: no release does.
    pub(crate) since: Option<&'static str>,
    /// What happens without.
    pub(crate) harm: &'static str,
    /// What to write instead.
    pub(crate) instead: &'static str,
}

/// After gevent's documents: "What's new in gevent 1.0" and "1.1", and the changelog of 1.3.5 and 25.4.1.
pub(crate) static PARTS: [LibraryPart; 6] = [
    LibraryPart {
        name: "signal",
        since: Some("1.0"),
        harm: "a handler does not run while the event loop waits",
        instead: "gevent.signal",
    },
    LibraryPart {
        name: "queue",
        since: Some("25.4.1"),
        harm: "it waits in the patched locks beneath it, which costs more than a wait in the hub, and polls in Python 2",
        instead: "gevent.queue",
    },
    LibraryPart {
        name: "subprocess",
        since: Some("1.1"),
        harm: "waiting for a child stops the hub",
        instead: "gevent.subprocess, or patch_all(subprocess=True) with 1.0",
    },
    LibraryPart {
        name: "SimpleQueue",
        since: Some("1.3.5"),
        harm: "it waits in C, and ThreadPoolExecutor with it",
        instead: "gevent.queue.SimpleQueue, or gevent.threadpool",
    },
    LibraryPart {
        name: "files",
        since: None,
        harm: "reading and writing a file stops the hub",
        instead: "gevent.fileobject.FileObjectThread, or an `offload` step",
    },
    LibraryPart {
        name: "multiprocessing",
        since: None,
        harm: "its pipes and locks wait outside the hub",
        instead: "gevent.subprocess, or processes that the server starts",
    },
];

fn parts() -> Vec<&'static str> {
    PARTS.iter().map(|part| part.name).collect()
}

pub(crate) static SOFTWARE: KeyTable = KeyTable {
    heading: "[software]",
    noun: "the software",
    doc: "What the application is made of, and when gevent patches it. Nothing of it is simulated: `tailback check` says what goes \
          wrong with it under a hub.",
    keys: &[
        key(
            "gevent",
            KeyKind::OneOf(|| GEVENTS.to_vec()),
            Presence::Default("\"26.9\""),
            "\"1.0\"",
            "The release, or the last one of these before it.",
        ),
        key(
            "patch",
            KeyKind::OneOf(|| vec!["first", "after-imports", "before-fork", "none"]),
            Presence::Default("\"first\""),
            "\"before-fork\"",
            "When monkey.patch_all() runs: first of all in the process that serves; after modules were imported or sockets opened; \
             in a parent that then forks or daemonizes; never.",
        ),
        key(
            "reinit",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "The child calls gevent.reinit(). Since 1.0 a patched os.fork() does so itself.",
        ),
        key(
            "uses",
            KeyKind::SomeOf(parts),
            Presence::Default("[]"),
            "[\"signal\", \"queue\"]",
            "Parts of the standard library that it waits in, beside sockets, time and threads.",
        ),
        key(
            "libraries",
            KeyKind::SomeOf(library::names),
            Presence::Default("[]"),
            "[\"psycopg2\", \"psycogreen\"]",
            "Client libraries and event loops that it imports. A peer may name the one that calls it.",
        ),
        key(
            "resolver",
            KeyKind::OneOf(|| vec!["libevent-dns", "thread", "ares", "dnspython", "block"]),
            Presence::Else("the release's own: libevent-dns in 0.13, then thread"),
            "\"ares\"",
            "What resolves names: GEVENT_RESOLVER.",
        ),
    ],
};
