//! `[software]`: what the application is made of and when gevent patches it. Of it the release of gevent is simulated, in what its hub
//! does otherwise; the rest `check` reads.

use engine::model::{Batch, WorkerKind, WorkerSpec};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::tables::library;
use crate::tables::preset::version::Numbers;
use crate::words::diagnostic::Findings;

/// The release of gevent that the presets describe.
pub(crate) const NEWEST: &str = "26.9";

/// A part of the standard library in which an application may wait.
#[derive(Debug)]
pub(crate) struct LibraryPart {
    pub(crate) name: &'static str,
    /// The first release whose `patch_all()` makes it give way; `None`: no release does.
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

/// Callbacks that a hub of gevent 1.0 to 1.2 runs in a row (`corecext.ppyx`, `_run_callbacks`).
const CALLBACKS: u32 = 1_000;

/// A release of gevent.
#[derive(Clone, Debug)]
pub(crate) struct Gevent(Numbers);

impl Gevent {
    /// The one that a file names.
    pub(crate) fn read(node: &Node) -> Gevent {
        Gevent(Numbers::parse(node.get("gevent")).unwrap_or_else(|| Numbers::of(NEWEST)))
    }

    /// That of a world: its own server's, if that is gevent's and the world names one.
    pub(crate) fn of_world(&self, world: &Node, worker: &mut WorkerSpec, given: bool) -> Gevent {
        let Some(own) = worker.software.strip_prefix("gevent ") else { return self.clone() };
        if world.given("version") {
            return Numbers::parse(own).map_or_else(|| self.clone(), Gevent);
        }
        if given {
            worker.software = format!("gevent {}", self.0);
        }
        self.clone()
    }

    /// Says that there is no such release, if the file's is none.
    pub(crate) fn check(node: &Node, findings: &mut Findings) {
        let text: &str = node.get("gevent");
        if Numbers::parse(text).is_none() {
            let what = format!("`{text}` is no release of gevent");
            let help = format!("write its numbers, such as `gevent = \"{NEWEST}\"`");
            findings.error(node.at("gevent"), what).label("not a version").help(help).echo();
        }
    }

    /// Whether it is at least that one.
    pub(crate) fn is_since(&self, release: &str) -> bool {
        self.0 >= Numbers::of(release)
    }

    /// Makes the hub of a world as this release has it, where the world does not say it itself.
    pub(crate) fn apply(&self, world: &Node, worker: &mut WorkerSpec) {
        if !matches!(worker.kind, WorkerKind::Hub { .. }) {
            return;
        }
        if self.is_since("1.0") && !self.is_since("1.3") {
            worker.batch = Batch::Counted(CALLBACKS);
        }
        worker.zero_timers |= !self.is_since("1.0") && !world.given("zero_sleep");
        worker.lock_yields &= self.is_since("1.5") || world.given("lock_yields");
    }

    /// Whether hubs of this release are those of the newest, but for what worlds say themselves.
    pub(crate) fn is_like_newest(&self) -> bool {
        self.is_since("1.5")
    }
}

fn parts() -> Vec<&'static str> {
    PARTS.iter().map(|part| part.name).collect()
}

pub(crate) static SOFTWARE: KeyTable = KeyTable {
    heading: "[software]",
    noun: "the software",
    doc: "What the application is made of, and when gevent patches it. The release of gevent changes hubs; of the rest nothing is \
          simulated: `tailback check` says what goes wrong with it under a hub.",
    keys: &[
        key(
            "gevent",
            KeyKind::Text,
            Presence::Default("\"26.9\""),
            "\"1.2.2\"",
            "The release of gevent. A hub runs 1,000 callbacks in a row from 1.0 to 1.2 and for 5 ms since 1.3; before 1.0 its sleep(0) is a \
             timer (`zero_sleep`), and before 1.5 a failed attempt at a lock does not yield (`lock_yields`). Costs stay the preset's.",
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
