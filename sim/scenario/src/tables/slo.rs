//! `[slo]`: what the servers have promised, and which worlds are held to it.

use engine::time::Span;

use crate::reader::bound::{Bound, Goal, Of};
use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

const LATENCY: Goal = Goal::below(Of::Time);
const NONE: Presence = Presence::Else("no such objective");

const P50: TableKey = key("p50", KeyKind::Bound(LATENCY), NONE, "\"< 200ms\"", "Median latency of good responses.");
const P90: TableKey =
    key("p90", KeyKind::Bound(LATENCY), NONE, "\"< 300ms\"", "90th percentile of the latency of good responses.");
const P95: TableKey =
    key("p95", KeyKind::Bound(LATENCY), NONE, "\"< 400ms\"", "95th percentile of the latency of good responses.");
const P99: TableKey =
    key("p99", KeyKind::Bound(LATENCY), NONE, "\"< 500ms\"", "99th percentile of the latency of good responses.");
const P99_9: TableKey =
    key("p99_9", KeyKind::Bound(LATENCY), NONE, "\"< 2s\"", "99.9th percentile of the latency of good responses.");
const ERRORS: TableKey = key(
    "errors",
    KeyKind::Bound(Goal::below(Of::Share)),
    NONE,
    "\"< 1%\"",
    "Requests that did not end well, over all that ended; those that the end of the run cuts off are left out.",
);
const THROUGHPUT: TableKey =
    key("throughput", KeyKind::Bound(Goal::above(Of::Rate)), NONE, "\"> 280/s\"", "Good responses a second.");
const JAIN: TableKey = key(
    "jain",
    KeyKind::Bound(Goal::above(Of::Index)),
    NONE,
    "\"> 0.9\"",
    "Jain's fairness index of latency over ideal time: 1 when everybody is slowed alike, 1/n when one is.",
);

static CLASS_SLO: KeyTable = KeyTable {
    heading: "[slo.class.NAME]",
    noun: "an objective of a request",
    doc: "Objectives of one kind of request, beside those of all.",
    keys: &[P50, P90, P95, P99, P99_9, ERRORS, THROUGHPUT, JAIN],
};

pub(crate) static SLO: KeyTable = KeyTable {
    heading: "[slo]",
    noun: "an objective",
    doc: "Service level objectives. `run` says of each whether every world meets it and ends with exit code 0 (met), 1 (missed) or 3 (not \
          precise enough to say); `capacity` and `plan` look for the load and the deployment that just meet all of them. An objective \
          is met if the whole 95 % interval over the replications is on its good side.",
    keys: &[
        P50,
        P90,
        P95,
        P99,
        P99_9,
        ERRORS,
        THROUGHPUT,
        JAIN,
        key(
            "cpu",
            KeyKind::Bound(Goal::below(Of::Share)),
            NONE,
            "\"< 80%\"",
            "Busy core time over core time. Cores that nothing can run on count as idle: see `busiest_process_cpu`.",
        ),
        key(
            "busiest_process_cpu",
            KeyKind::Bound(Goal::below(Of::Share)),
            NONE,
            "\"< 70%\"",
            "CPU time of the busiest server process over the time, as `top` shows it: 100 % is one core, all that a hub or threads under one GIL can use, however many cores there are.",
        ),
        key(
            "served",
            KeyKind::Bound(Goal::above(Of::Share)),
            NONE,
            "\"> 99%\"",
            "People who got a good response to any of their requests, over people who came.",
        ),
        key(
            "worlds",
            KeyKind::Names(NameGroup::World),
            Presence::Else("all"),
            "[\"gevent\"]",
            "The worlds whose verdicts count for the exit code; the others are judged all the same.",
        ),
        key(
            "class",
            KeyKind::Each(&CLASS_SLO, NameGroup::Request),
            Presence::Default("{}"),
            "{ page = { p99 = \"< 300ms\" } }",
            "Objectives of single kinds of request.",
        ),
    ],
};

/// What k6 calls things in its thresholds, and how they are written here.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "http_req_duration",
        "k6's http_req_duration: p(95)<400 is `p95 = \"< 400ms\"` here; there are p50, p90, p95, p99 and p99_9",
    ),
    ("http_req_failed", "k6's http_req_failed: rate<0.01 is `errors = \"< 1%\"` here"),
    ("http_reqs", "k6's http_reqs: rate>280 is `throughput = \"> 280/s\"` here"),
    ("iterations", "k6's iterations: rate>280 is `throughput = \"> 280/s\"` here"),
    ("checks", "k6's checks: rate>0.99 is `errors = \"< 1%\"` here"),
];

/// What to write for a name that another tool has for an objective.
pub(crate) fn elsewhere(table: &'static KeyTable, name: &str) -> Option<&'static str> {
    let objectives = std::ptr::eq(table, &SLO) || std::ptr::eq(table, &CLASS_SLO);
    let found = ELSEWHERE.iter().find(|(other, _)| *other == name.trim());
    found.filter(|_| objectives).map(|(_, here)| *here)
}

/// One objective of a scenario.
#[derive(Clone, PartialEq, Debug)]
pub struct TypedObjective {
    /// What is bounded: the name of its key, such as `p99`.
    pub measure: &'static str,
    /// The kind of request that it is about; `None`: all.
    pub class: Option<String>,
    /// What keeps it: on which side of which value, in base units.
    pub bound: Bound,
    /// Where it stands.
    pub(crate) at: At,
}

/// The objectives of a scenario.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct TypedSlo {
    /// The objectives: those of all requests first, then those of single ones, in the order of the file's keys.
    pub objectives: Vec<TypedObjective>,
    /// Names of the worlds that are held to them; `None`: all.
    pub worlds: Option<Vec<String>>,
}

impl TypedSlo {
    /// Reads `[slo]`, if the file has one; `length` is that of the run.
    pub(crate) fn read(node: Option<&Node>, length: Option<Span>, findings: &mut Findings) -> Option<TypedSlo> {
        let node = node?;
        let mut objectives = objectives(node, None);
        for (name, class) in node.get::<&[(Name, Node)]>("class") {
            objectives.extend(objectives_of(class, name));
        }
        if objectives.is_empty() && node.fields.iter().all(|field| field.sound) {
            let finding = findings.error(node.at, "`slo` has no objective");
            finding.label("promises nothing").help("write at least one, such as p99 = \"< 500ms\"");
        }
        if length.is_none() && objectives.iter().any(|one| one.measure == "throughput") {
            let what = "`throughput` is counted until the last response, because the run has no length";
            findings.warning(node.key_at("throughput"), what).label("until the end").help("give [run] a `length`");
        }
        let worlds: Option<&[Name]> = node.find("worlds");
        Some(TypedSlo { objectives, worlds: worlds.map(|names| names.iter().map(|name| name.text.clone()).collect()) })
    }
}

fn objectives_of(node: &Node, class: &Name) -> Vec<TypedObjective> {
    objectives(node, Some(&class.text))
}

fn objectives(node: &Node, class: Option<&str>) -> Vec<TypedObjective> {
    let one = |key: &'static TableKey| {
        let bound = node.find::<Bound>(key.name)?;
        Some(TypedObjective { measure: key.name, class: class.map(str::to_owned), bound, at: node.at(key.name) })
    };
    node.table.keys.iter().filter_map(one).collect()
}
