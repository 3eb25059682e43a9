//! `[plan]`: which settings may vary when the cheapest deployment is looked for, and what it costs.

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::{Node, Range};
use crate::tables::slo::TypedSlo;
use crate::words::diagnostic::Findings;

static COST: KeyTable = KeyTable {
    heading: "cost = { core, gib, host }",
    noun: "a cost",
    doc: "What a deployment costs, in any unit: all its servers, their cores, and the memory that its processes, threads and requests \
          take.",
    keys: &[
        key("core", KeyKind::Number(0.0, 1e9), Presence::Default("1.0"), "1.0", "A core."),
        key("gib", KeyKind::Number(0.0, 1e9), Presence::Default("0.2"), "0.2", "A GiB of memory that it takes."),
        key("host", KeyKind::Number(0.0, 1e9), Presence::Default("0.0"), "5.0", "A server, however small."),
    ],
};

pub(crate) static PLAN: KeyTable = KeyTable {
    heading: "[plan]",
    noun: "a plan",
    doc: "What `tailback plan` may change to find the cheapest deployment that meets `[slo]`. A setting of a world is varied for that world \
          alone, any other setting for all worlds.",
    keys: &[
        key(
            "vary",
            KeyKind::Ranges,
            Presence::Required,
            "{ \"world.gevent.processes\" = \"1..16\" }",
            "Settings by their paths, as `--set` takes them, each with what it may be: whole numbers \"1..16\", every second of them \"2..16/2\", or a list such as [10, 20, 40].",
        ),
        key(
            "cost",
            KeyKind::Table(&COST),
            Presence::Default("{}"),
            "{ core = 1.0, gib = 0.2, host = 5.0 }",
            "What a deployment costs.",
        ),
        key(
            "process_mib",
            KeyKind::Number(0.0, 1e6),
            Presence::Default("60.0"),
            "120.0",
            "Memory of a process before it serves anything, in MiB, where the world has no `memory`: interpreter, framework and code. The default is a guess; measure your own.",
        ),
        key(
            "thread_kib",
            KeyKind::Number(0.0, 1e6),
            Presence::Default("16.25"),
            "100.0",
            "Resident memory of a thread, in KiB, where the world has no `memory`. Default: a parked thread of CPython 3.11, measured; an application's stack and objects come on top.",
        ),
        key(
            "greenlet_kib",
            KeyKind::Number(0.0, 1e6),
            Presence::Default("8.0"),
            "50.0",
            "Memory of a greenlet that serves a request, in KiB, where the world has no `memory`. Default: a parked greenlet of gevent 26.5, measured: two pages.",
        ),
    ],
};

/// What may vary, and what a deployment costs.
#[derive(Clone, PartialEq, Debug)]
pub struct TypedPlan {
    /// The settings, in the order of the file.
    pub vary: Vec<Vary>,
    /// What a core costs.
    pub core: f64,
    /// What a GiB of memory costs.
    pub gib: f64,
    /// What a server costs.
    pub host: f64,
    /// Memory of a process, MiB.
    pub process_mib: f64,
    /// Memory of a thread, KiB.
    pub thread_kib: f64,
    /// Memory of a greenlet, KiB.
    pub greenlet_kib: f64,
}

/// A setting that may vary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Vary {
    /// Its path, as an override has it.
    pub path: String,
    /// What it may be, as an override's value; numbers ascend.
    pub values: Vec<String>,
}

impl Vary {
    /// The world that it is a setting of; `None`: it is one of all worlds.
    pub fn world(&self) -> Option<&str> {
        let mut segments = self.path.split('.');
        (segments.next() == Some("world")).then(|| segments.next()).flatten().map(|name| name.trim_matches(['"', '\'']))
    }
}

impl TypedPlan {
    /// Reads `[plan]`, if the file has one; `slo` is what the servers have promised.
    pub(crate) fn read(node: Option<&Node>, slo: Option<&TypedSlo>, findings: &mut Findings) -> Option<TypedPlan> {
        let node = node?;
        if slo.is_none() {
            let finding = findings.error(node.at, "a plan needs objectives to meet, and the file has no [slo]");
            finding.label("meets what?").help("write a table [slo], such as p99 = \"< 500ms\"").echo();
        }
        let ranges: &[Range] = node.get("vary");
        if ranges.is_empty() && node.sound(&["vary"]) {
            let finding = findings.error(node.key_at("vary"), "`vary` is empty");
            finding.label("nothing varies").help("write { \"world.NAME.processes\" = \"1..16\" }");
        }
        let cost: &Node = node.get("cost");
        Some(TypedPlan {
            vary: ranges.iter().map(|range| Vary { path: range.path.clone(), values: range.values.clone() }).collect(),
            core: cost.get("core"),
            gib: cost.get("gib"),
            host: cost.get("host"),
            process_mib: node.get("process_mib"),
            thread_kib: node.get("thread_kib"),
            greenlet_kib: node.get("greenlet_kib"),
        })
    }
}
