//! `[pool.NAME]`, `[lock.NAME]`, `[queue.NAME]`, `[event.NAME]`, `[executor.NAME]` and `[offload]`: what requests share and wait
//! for inside a process.

pub(crate) mod primitive;

use engine::model::{Policy, SyncKind};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::tables::world::TypedWorld;
use crate::tables::world::build::Build;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;
use primitive::{Primitive, ThreadSource};

const POLICY: KeyKind = KeyKind::OneOf(|| vec!["barging", "hand-off"]);
const POLICY_DOC: &str = "Who gets a unit that comes back: whoever runs first (gevent, CPython), or the oldest waiter.";
const PRIMITIVE: Presence = Presence::Else("what its other keys say");

pub(crate) static POOL: KeyTable = KeyTable {
    heading: "[pool.NAME]",
    noun: "a pool",
    doc: "A pool of connections; every process has its own instance.",
    keys: &[
        key("units", KeyKind::Count(1, 1_000_000), Presence::Required, "20", "Units in a process's instance."),
        key("policy", POLICY, Presence::Default("\"barging\""), "\"hand-off\"", POLICY_DOC),
        key(
            "primitive",
            KeyKind::OneOf(primitive::pools),
            PRIMITIVE,
            "\"sqlalchemy.QueuePool\"",
            "Whose pool or semaphore it is; the policy follows from that, from what carries the world's requests, and from its `python`. \
             Where it does not exist, its counterpart there is meant.",
        ),
    ],
};

pub(crate) static LOCK: KeyTable = KeyTable {
    heading: "[lock.NAME]",
    noun: "a lock",
    doc: "A lock: a pool of one. Every process has its own instance.",
    keys: &[
        key("policy", POLICY, Presence::Default("\"barging\""), "\"hand-off\"", POLICY_DOC),
        key(
            "primitive",
            KeyKind::OneOf(primitive::locks),
            PRIMITIVE,
            "\"threading.Lock\"",
            "Whose lock it is; the policy follows, as with pools.",
        ),
    ],
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
        key(
            "primitive",
            KeyKind::OneOf(primitive::queues),
            PRIMITIVE,
            "\"queue.LifoQueue\"",
            "Whose queue it is; `lifo` and `standard` follow.",
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
          without it, but for those that nobody waits for.",
    keys: &[
        key(
            "threads",
            KeyKind::Count(1, 10_000),
            Presence::Else("those of the `primitive`"),
            "1",
            "Native threads of a process's pool.",
        ),
        key(
            "primitive",
            KeyKind::OneOf(primitive::executors),
            Presence::Else("one of as many threads as said"),
            "\"asgiref.sync_to_async\"",
            "Whose threads they are, which says how many: 40 of anyio, min(32, cores + 4) of CPython's `ThreadPoolExecutor`, one of \
             asgiref (Django 3, Channels), one for each request in a `ThreadSensitiveContext` (Django since 4.0), 10 of gevent.",
        ),
    ],
};

/// A pool, lock, queue or event.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedSync {
    pub(crate) name: Name,
    /// The root key of its table.
    pub(crate) table: &'static str,
    /// As it is where no primitive says otherwise.
    pub(crate) kind: SyncKind,
    /// Whose it is.
    pub(crate) primitive: Option<&'static Primitive>,
    /// Whose threads they are.
    pub(crate) threads: Option<&'static ThreadSource>,
}

impl TypedSync {
    /// Reads the tables below the root's `pool`, `lock`, `queue`, `event` and `executor`, which share their names.
    pub(crate) fn read_all(root: &Node, worlds: &[TypedWorld], findings: &mut Findings) -> Vec<TypedSync> {
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
                let named =
                    |known: bool| node.find::<&str>("primitive").filter(|_| known && node.sound(&["primitive"]));
                let primitive = named(table != "executor").and_then(Primitive::named);
                let sync = TypedSync {
                    name: name.clone(),
                    table,
                    kind: kind(table, node, primitive),
                    primitive,
                    threads: named(table == "executor").and_then(ThreadSource::named),
                };
                sync.check_primitive(node, worlds, findings);
                syncs.push(sync);
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

    /// What it is in a world.
    pub(crate) fn kind_in(&self, world: &TypedWorld) -> SyncKind {
        match (self.kind, self.primitive, self.threads) {
            (SyncKind::Semaphore { units, bounded, .. }, Some(one), _) => {
                SyncKind::Semaphore { units, policy: one.policy(world.setting(), world.python()), bounded }
            }
            (SyncKind::Threads { .. }, _, Some(source)) => SyncKind::Threads { size: source.threads(world.cores) },
            (kind, ..) => kind,
        }
    }

    /// Whether the version of CPython of a world makes something else of it than the usual one.
    pub(crate) fn differs_in(&self, world: &TypedWorld) -> bool {
        self.primitive.is_some_and(|one| {
            one.policy(world.setting(), world.python()) != one.policy(world.setting(), Build::USUAL.version)
        })
    }

    /// Reports a primitive that no world has, and keys that say otherwise than it does.
    fn check_primitive(&self, node: &Node, worlds: &[TypedWorld], findings: &mut Findings) {
        if self.table == "executor" && self.threads.is_none() && !node.given("threads") && node.sound(&["primitive"]) {
            let what = format!("executor `{}` does not say how many threads it has", self.name.text);
            let help = "write `threads = 12`, or whose they are: `primitive = \"anyio.to_thread\"`";
            findings.error(self.name.at, what).label("how many?").help(help).echo();
        }
        let one = self.primitive.map(|one| one.name).or(self.threads.map(|source| source.name));
        let Some(one) = one else { return };
        let away =
            self.primitive.filter(|one| !worlds.is_empty() && !worlds.iter().any(|at| one.is_at_home(at.setting())));
        if let Some(away) = away {
            let what = format!("`{one}` exists {} only, and the file has no such world", away.homes());
            let help = "name what the application has there: SQLAlchemy's and psycopg's pools exist everywhere, `threading` on threads \
                        and under a hub, `asyncio` on a loop";
            findings.error(node.at("primitive"), what).label("nowhere here").help(help);
        }
        for world in worlds {
            if let Some((key, is)) = self.contradicted(node, self.kind_in(world)) {
                let what = format!("`{key}` says otherwise than `{one}`, which {is} in world `{}`", world.name);
                findings.error(node.key_at(key), what).label("not so").help(format!("remove `{key}`, or `primitive`"));
                return;
            }
        }
    }

    /// A key of the file that says otherwise than the primitive, and what the primitive is.
    fn contradicted(&self, node: &Node, is: SyncKind) -> Option<(&'static str, String)> {
        let says = |key: &str, differs: bool| node.given(key) && node.sound(&[key]) && differs;
        match (self.kind, is) {
            (SyncKind::Semaphore { policy: said, .. }, SyncKind::Semaphore { policy, .. }) => {
                let word = if policy == Policy::Barging { "is barging" } else { "hands over" };
                says("policy", said != policy).then(|| ("policy", word.to_owned()))
            }
            (_, SyncKind::Queue { lifo, standard, .. }) => {
                let order = if lifo { "is last in, first out" } else { "is first in, first out" };
                let whose = if standard { "is the standard library's" } else { "is not the standard library's" };
                let of_order = says("lifo", node.get::<bool>("lifo") != lifo).then(|| ("lifo", order.to_owned()));
                let of_standard = says("standard", node.get::<bool>("standard") != standard);
                of_order.or_else(|| of_standard.then(|| ("standard", whose.to_owned())))
            }
            (SyncKind::Threads { size: said }, SyncKind::Threads { size }) => {
                let many = if size == 1 { "has 1 thread".to_owned() } else { format!("has {size} threads") };
                says("threads", said != size).then_some(("threads", many))
            }
            _ => None,
        }
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

fn kind(table: &str, node: &Node, primitive: Option<&Primitive>) -> SyncKind {
    match table {
        "queue" => SyncKind::Queue {
            lifo: primitive.map_or_else(|| node.get("lifo"), |one| one.lifo),
            max: node.find("size"),
            standard: primitive.map_or_else(|| node.get("standard"), |one| one.standard),
            filled: node.get("filled"),
        },
        "event" => SyncKind::Event,
        "executor" => SyncKind::Threads { size: node.find("threads").unwrap_or(1) },
        _ => {
            let policy = if node.get::<&str>("policy") == "hand-off" { Policy::HandOff } else { Policy::Barging };
            SyncKind::Semaphore { units: node.find("units").unwrap_or(1), policy, bounded: false }
        }
    }
}
