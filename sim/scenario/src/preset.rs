//! Presets: what servers, hubs and machines of an age cost, each value with its source.
//!
//! A preset is a TOML file like a scenario, shipped inside the program and read by the same walker.
//! A preset holds costs; a scenario holds situations.

use std::sync::OnceLock;

use engine::kernel::Kernel;
use engine::model::{Cooling, Costs, Releases, TimedWaits, WhenFull};
use engine::time::Span;
use engine::worker::RouterSpec;

use crate::diagnostic::{Diagnostic, Findings, Sources};
use crate::kernel::Syn;
use crate::key::{Group, Kind, Need, Table, key};
use crate::life::{self, Master};
use crate::node::Node;
use crate::raw;
use crate::router;
use crate::walk::{Names, Walker};

/// The shipped presets, newest first: name and text.
const FILES: [(&str, &str); 2] = [
    ("2026-py3.11", include_str!("../../../scenarios/presets/2026-py3.11.toml")),
    ("2010-py2.7", include_str!("../../../scenarios/presets/2010-py2.7.toml")),
];

/// Names of the shipped presets, newest first.
pub(crate) fn names() -> Vec<&'static str> {
    FILES.iter().map(|(name, _)| *name).collect()
}

/// The shipped presets, newest first: name, and what software of which version it has the costs of.
pub fn presets() -> Vec<(&'static str, &'static str)> {
    all().iter().map(|preset| (preset.name.as_str(), preset.title.as_str())).collect()
}

/// Names of the workers of all presets.
pub(crate) fn worker_names() -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for worker in all().iter().flat_map(|preset| &preset.workers) {
        if !names.contains(&worker.name.as_str()) {
            names.push(&worker.name);
        }
    }
    names
}

/// The shipped presets, newest first.
pub(crate) fn all() -> &'static [Preset] {
    static PRESETS: OnceLock<Vec<Preset>> = OnceLock::new();
    PRESETS.get_or_init(|| {
        let read = |(name, text): &(&str, &str)| Preset::read(name, text).expect("a test reads every shipped preset");
        FILES.iter().map(read).collect()
    })
}

/// Costs of an age.
#[derive(Clone, Debug)]
pub(crate) struct Preset {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The slice on one core.
    pub(crate) base_slice: Span,
    pub(crate) tick: Span,
    pub(crate) cooling: Cooling,
    pub(crate) switch: Span,
    pub(crate) wake: Span,
    pub(crate) somaxconn: u32,
    pub(crate) syn: Syn,
    pub(crate) gil: bool,
    pub(crate) switch_interval: Span,
    pub(crate) timed_waits: TimedWaits,
    pub(crate) workers: Vec<Worker>,
    /// What the reference prints about machine, interpreter and hub.
    pub(crate) facts: Vec<Fact>,
}

/// Server software as a preset knows it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) carrier: Carrier,
    /// Connections accepted for one readiness, by a process alone at its listener.
    pub(crate) accepts: u32,
    /// The same, with several processes at one listener.
    pub(crate) accepts_shared: u32,
    pub(crate) full: WhenFull,
    pub(crate) listen: u32,
    /// Greenlets, if the software has a default.
    pub(crate) greenlets: Option<u32>,
    /// Connections of a pool server.
    pub(crate) connections: u32,
    /// How long it keeps idle connections, if it keeps any.
    pub(crate) keep_alive: Option<Span>,
    /// Whether it waits for clients to close.
    pub(crate) lingers: bool,
    /// How often its Python lets go of the GIL around a request.
    pub(crate) releases: Releases,
    /// Whether a pool server's accepting thread closes them.
    pub(crate) closes: bool,
    pub(crate) costs: Costs,
    /// The router in front of its processes.
    pub(crate) router: Option<RouterSpec>,
    /// Whether its greenlets are the clients themselves.
    pub(crate) resident: bool,
    /// Whether its threads accept one after another.
    pub(crate) in_turn: bool,
    /// Whether its listening sockets wait for data (`TCP_DEFER_ACCEPT`).
    pub(crate) defers: bool,
    /// The master above its processes.
    pub(crate) master: Option<Master>,
    /// What the reference prints about it.
    pub(crate) facts: Vec<Fact>,
}

/// What carries a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Carrier {
    /// One thread a process.
    Sync,
    /// Threads that each accept.
    Threads,
    /// One accepting thread and a pool.
    Pool,
    /// A hub.
    Hub,
}

/// A value and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) key: String,
    pub(crate) value: String,
    pub(crate) source: String,
}

/// A part of a server's own work: name, meaning, and its place in [`Costs`].
pub(crate) struct Cost {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&mut Costs) -> &mut Span,
}

/// All parts, in the order of [`Costs`].
pub(crate) const COSTS: [Cost; 18] = [
    Cost { name: "accept", of: |costs| &mut costs.accept },
    Cost { name: "request", of: |costs| &mut costs.request },
    Cost { name: "respond", of: |costs| &mut costs.respond },
    Cost { name: "handoff", of: |costs| &mut costs.handoff },
    Cost { name: "take", of: |costs| &mut costs.take },
    Cost { name: "close", of: |costs| &mut costs.close },
    Cost { name: "switch", of: |costs| &mut costs.switch },
    Cost { name: "spawn", of: |costs| &mut costs.spawn },
    Cost { name: "timer", of: |costs| &mut costs.timer },
    Cost { name: "socket", of: |costs| &mut costs.socket },
    Cost { name: "wake", of: |costs| &mut costs.wake },
    Cost { name: "poll", of: |costs| &mut costs.poll },
    Cost { name: "clock", of: |costs| &mut costs.clock },
    Cost { name: "look", of: |costs| &mut costs.look },
    Cost { name: "search", of: |costs| &mut costs.search },
    Cost { name: "expire", of: |costs| &mut costs.expire },
    Cost { name: "create", of: |costs| &mut costs.create },
    Cost { name: "start", of: |costs| &mut costs.start },
];

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

static FULL_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced word",
    doc: "What a hub does when it is full, and where that comes from.",
    keys: &[
        key("value", Kind::OneOf(|| vec!["stop", "spin"]), Need::Required, "\"stop\"", "the word"),
        key("source", Kind::Text, Need::Required, "\"baseserver.py\"", "where it comes from"),
    ],
};

const NO: Need = Need::Else("nothing");
pub(crate) const DURATION: Kind = Kind::Table(&DURATION_VALUE);
const COUNT: Kind = Kind::Table(&COUNT_VALUE);
const SMALL: Kind = Kind::Table(&SMALL_VALUE);

static MACHINE: Table = Table {
    heading: "[machine]",
    noun: "the machine",
    doc: "How the operating system schedules.",
    keys: &[
        key("slice", DURATION, Need::Required, "{}", "for how long a running thread is safe, on one core"),
        key("tick", DURATION, Need::Required, "{}", "how often the kernel looks"),
        key("cold_percent", COUNT, Need::Required, "{}", "cost of work after a long pause"),
        key("cooling", DURATION, Need::Required, "{}", "the pause after which half of the difference is there"),
        key("switch", DURATION, Need::Required, "{}", "CPU time of putting another thread on a core"),
        key("wake", DURATION, Need::Required, "{}", "time from a wake-up to the thread being runnable"),
        key("somaxconn", COUNT, Need::Required, "{}", "longest accept queue"),
        key("syn_timeout", DURATION, NO, "{}", "first pause before a SYN is repeated"),
        key("syn_retries", SMALL, NO, "{}", "how often it is repeated"),
        key("syn_linear_timeouts", SMALL, NO, "{}", "SYNs repeated every second before the pauses double"),
    ],
};

static FLAG_VALUE: Table = Table {
    heading: "{ value, source }",
    noun: "a sourced flag",
    doc: "True or false, and where that comes from.",
    keys: &[
        key("value", Kind::Flag, Need::Required, "true", "the flag"),
        key("source", Kind::Text, Need::Required, "\"CPython\"", "where it comes from"),
    ],
};

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

static PYTHON: Table = Table {
    heading: "[python]",
    noun: "the interpreter",
    doc: "How the interpreter shares itself.",
    keys: &[
        key("gil", Kind::Table(&FLAG_VALUE), Need::Required, "{}", "whether it has a GIL"),
        key("switch_interval", DURATION, Need::Required, "{}", "wait before the GIL is asked for"),
        key("timed_waits", Kind::Table(&TIMED_WAITS_VALUE), Need::Required, "{}", "how Condition.wait(timeout) waits"),
    ],
};

macro_rules! cost_table {
    ($name:ident, $heading:literal) => {
        static $name: Table = Table {
            heading: $heading,
            noun: "a list of costs",
            doc: "Costs in CPU time.",
            keys: &[
                key("accept", DURATION, NO, "{}", "accepting"),
                key("request", DURATION, NO, "{}", "Python"),
                key("respond", DURATION, NO, "{}", "responding"),
                key("handoff", DURATION, NO, "{}", "to a serving thread"),
                key("take", DURATION, NO, "{}", "a look into the queue of requests"),
                key("close", DURATION, NO, "{}", "of a connection, by the accepting thread"),
                key("switch", DURATION, NO, "{}", "into a greenlet and back"),
                key("spawn", DURATION, NO, "{}", "a greenlet's start"),
                key("timer", DURATION, NO, "{}", "a timer's start and end"),
                key("socket", DURATION, NO, "{}", "a wait for a socket"),
                key("wake", DURATION, NO, "{}", "out of a poll that blocked"),
                key("poll", DURATION, NO, "{}", "an epoll_wait"),
                key("clock", DURATION, NO, "{}", "a look at the clock"),
                key("look", DURATION, NO, "{}", "one look of a wait that polls"),
                key("search", DURATION, NO, "{}", "passing a waiter in a list"),
                key("expire", DURATION, NO, "{}", "a wait that ends by its time limit"),
                key("create", DURATION, NO, "{}", "creating a thread"),
                key("start", DURATION, NO, "{}", "a new thread's own"),
            ],
        };
    };
}
cost_table!(HUB, "[hub]");
cost_table!(WORKER_COSTS, "[worker.NAME.costs]");

static WORKER: Table = Table {
    heading: "[worker.NAME]",
    noun: "a worker",
    doc: "Server software.",
    keys: &[
        key(
            "kind",
            Kind::OneOf(|| vec!["sync", "threads", "pool", "hub"]),
            Need::Required,
            "\"hub\"",
            "what carries a request",
        ),
        key("accepts", COUNT, NO, "{}", "connections for one readiness"),
        key("accepts_shared", COUNT, NO, "{}", "the same, several processes at one listener"),
        key("full", Kind::Table(&FULL_VALUE), NO, "{}", "when all greenlets are taken"),
        key("greenlets", COUNT, NO, "{}", "greenlets by default"),
        key("connections", COUNT, NO, "{}", "connections of a pool server"),
        key("keepalive", DURATION, NO, "{}", "how long an idle connection is kept"),
        key("releases_before", SMALL, NO, "{}", "system calls without the GIL before the application"),
        key("releases_after", SMALL, NO, "{}", "system calls without the GIL after it"),
        key("releases_accept", SMALL, NO, "{}", "system calls without the GIL around a hand-over"),
        key("releases_close", SMALL, NO, "{}", "system calls without the GIL around closing"),
        key("lingers", Kind::Table(&FLAG_VALUE), NO, "{}", "whether it waits for clients to close"),
        key("closes", Kind::Table(&FLAG_VALUE), NO, "{}", "whether a pool server's accepting thread closes them"),
        key("in_turn", Kind::Table(&FLAG_VALUE), NO, "{}", "whether its threads accept one after another"),
        key("resident", Kind::Table(&FLAG_VALUE), NO, "{}", "whether its greenlets are the clients themselves"),
        key("defer_accept", Kind::Table(&FLAG_VALUE), NO, "{}", "whether its listening sockets wait for data"),
        key("listen", COUNT, Need::Required, "{}", "backlog asked for by default"),
        key("measured", DURATION, Need::Required, "{}", "CPU time of a bare request"),
        key("costs", Kind::Table(&WORKER_COSTS), Need::Required, "{}", "its parts"),
        key("timeout", DURATION, NO, "{}", "silence that is a worker's death"),
        key("graceful_timeout", DURATION, NO, "{}", "time to finish before being replaced"),
        key("boot", DURATION, NO, "{}", "start of a process"),
        key("min_worker_lifetime", DURATION, NO, "{}", "age below which a process is not replaced"),
        key("forkbomb_delay", DURATION, NO, "{}", "nap of a master whose processes die too fast"),
        key("dies_of_emfile", Kind::Table(&FLAG_VALUE), NO, "{}", "whether an accept without a descriptor ends it"),
        key("router", Kind::Table(&router::ROUTER), NO, "{}", "the router in front of it"),
    ],
};

static PRESET: Table = Table {
    heading: "",
    noun: "a preset",
    doc: "A preset.",
    keys: &[
        key("version", Kind::Count(1, 1), Need::Required, "1", "the format"),
        key("title", Kind::Text, Need::Required, "\"CPython 3.11\"", "what was measured"),
        key("machine", Kind::Table(&MACHINE), Need::Required, "{}", "the machine"),
        key("python", Kind::Table(&PYTHON), Need::Required, "{}", "the interpreter"),
        key("hub", Kind::Table(&HUB), Need::Required, "{}", "every hub"),
        key("worker", Kind::Named(&WORKER, Group::Worker), Need::Required, "{}", "server software"),
    ],
};

impl Preset {
    /// The shipped preset called `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Preset> {
        all().iter().find(|preset| preset.name == name)
    }

    /// Its worker called `name`.
    pub(crate) fn worker(&self, name: &str) -> Option<&Worker> {
        self.workers.iter().find(|worker| worker.name == name)
    }

    /// Reads a preset's text.
    pub(crate) fn read(name: &str, text: &str) -> Result<Preset, Vec<Diagnostic>> {
        let sources = Sources::new(name, text);
        let mut findings = Findings::default();
        let root = raw::read(0, &sources, &mut findings);
        let names = Names::default();
        let node =
            Walker::new(&sources, &names, &mut findings).table(&PRESET, root.at, "", root.items().unwrap_or(&[]));
        if findings.failed() {
            return Err(findings.finish(&sources));
        }
        let machine: &Node = node.get("machine");
        let hub: &Node = node.get("hub");
        let span = |name: &str| machine.get::<&Node>(name).get::<Span>("value");
        let workers = node.get::<&[(crate::node::Name, Node)]>("worker");
        let python: &Node = node.get("python");
        let mut facts = facts_of(machine, "machine.");
        facts.extend(facts_of(python, "python."));
        facts.extend(facts_of(hub, "hub."));
        Ok(Preset {
            name: name.to_owned(),
            title: node.get::<&str>("title").to_owned(),
            base_slice: span("slice"),
            tick: span("tick"),
            cooling: Cooling { cold_percent: machine.get::<&Node>("cold_percent").get("value"), half: span("cooling") },
            switch: span("switch"),
            wake: span("wake"),
            somaxconn: machine.get::<&Node>("somaxconn").get("value"),
            syn: Syn {
                timeout: machine.find::<&Node>("syn_timeout").map_or(Kernel::SYN_TIMEOUT, |value| value.get("value")),
                retries: machine.find::<&Node>("syn_retries").map_or(Kernel::SYN_RETRIES, |value| value.get("value")),
                linear_timeouts: machine.find::<&Node>("syn_linear_timeouts").map_or(0, |value| value.get("value")),
            },
            gil: python.get::<&Node>("gil").get("value"),
            switch_interval: python.get::<&Node>("switch_interval").get("value"),
            timed_waits: timed_waits(python.get::<&Node>("timed_waits").get("value")),
            workers: workers.iter().map(|(name, node)| Worker::read(&name.text, node, hub)).collect(),
            facts,
        })
    }
}

impl Worker {
    fn read(name: &str, node: &Node, hub: &Node) -> Worker {
        let carrier = match node.get::<&str>("kind") {
            "sync" => Carrier::Sync,
            "threads" => Carrier::Threads,
            "pool" => Carrier::Pool,
            _ => Carrier::Hub,
        };
        let count = |key: &str| node.find::<&Node>(key).map(|value| value.get::<u32>("value"));
        let releases =
            |when: &str| node.find::<&Node>(&format!("releases_{when}")).map_or(0, |value| value.get("value"));
        let own: &Node = node.get("costs");
        let mut costs = Costs::default();
        for cost in COSTS {
            let shared = (carrier == Carrier::Hub).then(|| hub.find::<&Node>(cost.name)).flatten();
            if let Some(value) = own.find::<&Node>(cost.name).or(shared) {
                *(cost.of)(&mut costs) = value.get("value");
            }
        }
        let spins = node.find::<&Node>("full").is_some_and(|full| full.get::<&str>("value") == "spin");
        let mut facts = facts_of(node, "");
        facts.extend(facts_of(own, "costs."));
        let router = node.find::<&Node>("router");
        facts.extend(router.iter().flat_map(|router| facts_of(router, "router.")));
        Worker {
            name: name.to_owned(),
            carrier,
            accepts: count("accepts").unwrap_or(1),
            accepts_shared: count("accepts_shared").unwrap_or(1),
            full: if spins { WhenFull::Spin } else { WhenFull::Stop },
            listen: count("listen").unwrap_or(1),
            greenlets: count("greenlets"),
            connections: count("connections").unwrap_or(1),
            keep_alive: node.find::<&Node>("keepalive").map(|value| value.get("value")),
            lingers: node.find::<&Node>("lingers").is_some_and(|value| value.get("value")),
            releases: Releases {
                before: releases("before"),
                after: releases("after"),
                accept: releases("accept"),
                close: releases("close"),
            },
            closes: node.find::<&Node>("closes").is_some_and(|value| value.get("value")),
            costs,
            router: router.map(router::read),
            resident: node.find::<&Node>("resident").is_some_and(|value| value.get("value")),
            in_turn: node.find::<&Node>("in_turn").is_some_and(|value| value.get("value")),
            defers: node.find::<&Node>("defer_accept").is_some_and(|value| value.get("value")),
            master: life::master(node),
            facts,
        }
    }
}

/// The sourced values of a table, as the reference prints them.
fn facts_of(node: &Node, prefix: &str) -> Vec<Fact> {
    let mut facts = Vec::new();
    for entry in &node.entries {
        let Some(value) = node.find::<&Node>(entry.name).filter(|value| value.entry("source").is_some()) else {
            continue;
        };
        let shown = value
            .find::<Span>("value")
            .map(|span| span.to_string())
            .or_else(|| value.find::<u64>("value").map(crate::limits::grouped))
            .or_else(|| value.find::<bool>("value").map(|flag| flag.to_string()))
            .or_else(|| value.find::<&str>("value").map(str::to_owned));
        facts.push(Fact {
            key: format!("{prefix}{}", entry.name),
            value: shown.unwrap_or_default(),
            source: value.get::<&str>("source").to_owned(),
        });
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_preset_is_read_without_a_mistake() {
        for (name, text) in FILES {
            let read = Preset::read(name, text);
            let said = read.err().unwrap_or_default().iter().map(|d| d.plain(text)).collect::<String>();
            assert_eq!(said, "", "{name}");
        }
    }

    /// CPU time of a bare request under load, put together from its parts; `thread` is one change of thread.
    ///
    /// A busy thread takes the next connection itself; a pool hands over to another thread.
    /// A hub polls, accepts, spawns, and switches into the greenlet and back once.
    fn bare_request(worker: &Worker, thread: Span) -> Span {
        let costs = &worker.costs;
        let common = costs.accept + costs.request + costs.respond;
        let common = common + worker.router.as_ref().map_or(Span::ZERO, router::request);
        match worker.carrier {
            Carrier::Sync | Carrier::Threads => common,
            // One change to the serving thread, and one back to the accepting one if that closes.
            Carrier::Pool if worker.closes => common + costs.handoff + costs.take + costs.close + thread * 2,
            Carrier::Pool => common + costs.handoff + costs.take + thread,
            // No server, so no request: a pass costs what its steps cost.
            Carrier::Hub if worker.resident => common,
            Carrier::Hub => common + costs.poll + costs.spawn + costs.switch,
        }
    }

    #[test]
    fn the_parts_of_a_bare_request_add_up_to_what_was_measured() {
        for preset in all() {
            for worker in &preset.workers {
                let measured = worker.facts.iter().find(|fact| fact.key == "measured");
                let sum = bare_request(worker, preset.switch).to_string();
                assert_eq!(Some(sum), measured.map(|fact| fact.value.clone()), "{}", worker.name);
            }
        }
    }

    #[test]
    fn every_worker_that_the_field_compares_is_there() {
        let expected = [
            "uwsgi-threads",
            "uwsgi-gevent",
            "uwsgi-router-threads",
            "uwsgi-router-gevent",
            "gunicorn-sync",
            "gunicorn-gthread",
            "gunicorn-gevent",
            "pywsgi",
            "paste",
            "gevent-loop",
            "gevent-wsgi",
        ];
        assert_eq!(worker_names(), expected);
    }

    #[test]
    fn a_wrong_preset_says_where() {
        let wrong = "version = 1\ntitle = \"x\"\n[machine]\nslice = { value = \"4\", source = \"s\" }\n";
        let said = Preset::read("wrong", wrong).expect_err("wrong");
        assert_eq!(said[0].what, "`python` is missing");
        assert!(said.iter().any(|d| d.what == "the duration `4` has no unit" && d.line == 4), "{said:?}");
    }
}
