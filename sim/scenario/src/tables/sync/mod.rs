//! `[pool.NAME]`, `[lock.NAME]`, `[queue.NAME]`, `[event.NAME]`, `[executor.NAME]` and `[offload]`: what requests share and wait
//! for inside a process.

use engine::model::{Policy, SyncKind};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

const POLICY: KeyKind = KeyKind::OneOf(|| vec!["barging", "hand-off"]);
const POLICY_DOC: &str = "Who gets a unit that comes back: whoever runs first (gevent, CPython), or the oldest waiter.";

pub(crate) static POOL: KeyTable = KeyTable {
    heading: "[pool.NAME]",
    noun: "a pool",
    doc: "A pool of connections; every process has its own instance.",
    keys: &[
        key("units", KeyKind::Count(1, 1_000_000), Presence::Required, "20", "Units in a process's instance."),
        key("policy", POLICY, Presence::Default("\"barging\""), "\"hand-off\"", POLICY_DOC),
    ],
};

pub(crate) static LOCK: KeyTable = KeyTable {
    heading: "[lock.NAME]",
    noun: "a lock",
    doc: "A lock: a pool of one. Every process has its own instance.",
    keys: &[key("policy", POLICY, Presence::Default("\"barging\""), "\"hand-off\"", POLICY_DOC)],
};

pub(crate) static QUEUE: KeyTable = KeyTable {
    heading: "[queue.NAME]",
    noun: "a queue",
    doc: "A queue of items; every process has its own instance, which is empty at the start unless it is `filled`. With a `size` it is a pool of \
          tokens too: `put` takes one and `get` gives it back; a request that fails in between keeps it.",
    keys: &[
        key(
            "size",
            KeyKind::Count(1, 1_000_000),
            Presence::Else("it always has room"),
            "10",
            "Items it holds; who puts one more waits for room.",
        ),
        key("lifo", KeyKind::Flag, Presence::Default("false"), "true", "The youngest item comes out first."),
        key(
            "standard",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "The standard library's queue, monkey-patched, instead of gevent's own; on threads it is the standard one anyway.",
        ),
        key(
            "filled",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "It holds `size` items at the start, as a connection pool does: `get` takes a connection and `put` gives it back. Only beside `size`.",
        ),
    ],
};

pub(crate) static EVENT: KeyTable = KeyTable {
    heading: "[event.NAME]",
    noun: "an event",
    doc: "A flag to wait for; every process has its own instance, which is clear at the start. It has no keys.",
    keys: &[],
};

pub(crate) static OFFLOAD: KeyTable = KeyTable {
    heading: "[offload]",
    noun: "the offload pool",
    doc: "The pool of native threads of a hub or event loop, which `offload` and `thread` steps use; every process has its own. Threaded \
          servers do without it.",
    keys: &[key(
        "threads",
        KeyKind::Count(1, 10_000),
        Presence::Else("10 on a hub (gevent's `threadpool_size`), 40 on a loop (anyio's limiter)"),
        "20",
        "Native threads of a process's pool.",
    )],
};

pub(crate) static EXECUTOR: KeyTable = KeyTable {
    heading: "[executor.NAME]",
    noun: "an executor",
    doc: "A pool of native threads beside `[offload]`, for `thread` steps that name it; every process has its own. Threaded servers do \
          without it.",
    keys: &[key("threads", KeyKind::Count(1, 10_000), Presence::Required, "1", "Native threads of a process's pool.")],
};

/// A pool, lock, queue or event.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedSync {
    pub(crate) name: Name,
    /// The root key of its table.
    pub(crate) table: &'static str,
    pub(crate) kind: SyncKind,
}

impl TypedSync {
    /// Reads the tables below the root's `pool`, `lock`, `queue`, `event` and `executor`, which share their names.
    pub(crate) fn read_all(root: &Node, findings: &mut Findings) -> Vec<TypedSync> {
        let mut syncs: Vec<TypedSync> = Vec::new();
        for table in ["pool", "lock", "queue", "event", "executor"] {
            for (name, node) in root.get::<&[(Name, Node)]>(table) {
                if table == "queue" && node.get("filled") && node.find::<u32>("size").is_none() {
                    let what = format!("queue `{}` is filled, but nothing says with how many items", name.text);
                    let help = "write `size = 10`: the items that it holds, and holds at the start";
                    findings.error(node.key_at("filled"), what).label("how many?").help(help);
                }
                if let Some(first) = syncs.iter().find(|sync| sync.name.text == name.text) {
                    let one = |table: &str| format!("{} {table}", if table.starts_with('e') { "an" } else { "a" });
                    let what = format!("`{}` is {} and {}", name.text, one(first.table), one(table));
                    let help =
                        "give one of them another name: pools, locks, queues, events and executors share their names";
                    findings.error(name.at, what).label("a second time").help(help);
                    continue;
                }
                syncs.push(TypedSync { name: name.clone(), table, kind: kind(table, node) });
            }
        }
        syncs
    }
}

impl TypedSync {
    /// Whether waiting for it is waiting for a pool: of units, or a queue that connections are got from and put back into.
    pub(crate) fn is_pool(&self) -> bool {
        self.table == "pool" || matches!(self.kind, SyncKind::Queue { filled: true, .. } | SyncKind::Threads { .. })
    }

    /// What a request does with one, for messages.
    pub(crate) fn use_words(&self) -> &'static str {
        match self.kind {
            SyncKind::Queue { .. } => "uses queue",
            SyncKind::Event => "uses event",
            SyncKind::Threads { .. } => "uses executor",
            _ => "uses pool or lock",
        }
    }
}

fn kind(table: &str, node: &Node) -> SyncKind {
    match table {
        "queue" => SyncKind::Queue {
            lifo: node.get("lifo"),
            max: node.find("size"),
            standard: node.get("standard"),
            filled: node.get("filled"),
        },
        "event" => SyncKind::Event,
        "executor" => SyncKind::Threads { size: node.get("threads") },
        _ => {
            let policy = if node.get::<&str>("policy") == "hand-off" { Policy::HandOff } else { Policy::Barging };
            SyncKind::Semaphore { units: node.find("units").unwrap_or(1), policy, bounded: false }
        }
    }
}
