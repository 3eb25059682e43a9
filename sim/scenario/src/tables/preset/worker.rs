//! `[worker.NAME]` of a preset: server software and what it costs.

use engine::model::asyncio::{LoopKind, LoopSpec, Python};
use engine::model::{Batch, Costs, Looks, Releases, WhenFull, WorkerKind, WorkerSpec};
use engine::time::Span;

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::tables::life::{self, Master};
use crate::tables::preset::python;
use crate::tables::preset::sourced::{self, COUNT, DURATION, FLAG, NO, SMALL, SourcedValue};
use crate::tables::preset::version::{self, OLDER, Older, Release};
use crate::tables::router;

/// Server software as a preset knows it.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) carrier: Carrier,
    /// What a world has that says nothing else. How many requests a process carries is for the world to say, but for `greenlets`.
    pub(crate) prototype: WorkerSpec,
    /// Connections accepted for one readiness, with several processes at one listener.
    pub(crate) accepts_shared: u32,
    /// Whether a process leaves connections beyond a limit in the accept queue.
    pub(crate) has_backpressure: bool,
    /// Greenlets, if the software has a default.
    pub(crate) greenlets: Option<u32>,
    /// The backlog that it asks for.
    pub(crate) listen: u32,
    /// Whether its listening sockets wait for data (`TCP_DEFER_ACCEPT`).
    pub(crate) defers: bool,
    /// The master above its processes.
    pub(crate) master: Option<Master>,
    /// The release that it is, and what older ones do otherwise, newest first.
    pub(crate) release: Release,
    pub(crate) older: Vec<Older>,
    /// What the reference prints about it.
    pub(crate) facts: Vec<SourcedValue>,
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
    Hub,
    /// An event loop of asyncio.
    Loop,
}

/// A part of a server's own work: name, meaning, and its place in [`Costs`].
pub(crate) struct WorkCost {
    pub(crate) name: &'static str,
    pub(crate) of: fn(&mut Costs) -> &mut Span,
}

/// All parts, in the order of [`Costs`].
pub(crate) const COSTS: [WorkCost; 18] = [
    WorkCost { name: "accept", of: |costs| &mut costs.accept },
    WorkCost { name: "request", of: |costs| &mut costs.request },
    WorkCost { name: "respond", of: |costs| &mut costs.respond },
    WorkCost { name: "handoff", of: |costs| &mut costs.handoff },
    WorkCost { name: "take", of: |costs| &mut costs.take },
    WorkCost { name: "close", of: |costs| &mut costs.close },
    WorkCost { name: "switch", of: |costs| &mut costs.switch },
    WorkCost { name: "spawn", of: |costs| &mut costs.spawn },
    WorkCost { name: "timer", of: |costs| &mut costs.timer },
    WorkCost { name: "socket", of: |costs| &mut costs.socket },
    WorkCost { name: "wake", of: |costs| &mut costs.wake },
    WorkCost { name: "poll", of: |costs| &mut costs.poll },
    WorkCost { name: "clock", of: |costs| &mut costs.clock },
    WorkCost { name: "look", of: |costs| &mut costs.look },
    WorkCost { name: "search", of: |costs| &mut costs.search },
    WorkCost { name: "expire", of: |costs| &mut costs.expire },
    WorkCost { name: "create", of: |costs| &mut costs.create },
    WorkCost { name: "start", of: |costs| &mut costs.start },
];

static FULL_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced word",
    doc: "What a hub does when it is full, and where that comes from.",
    keys: &[
        key("value", KeyKind::OneOf(|| vec!["stop", "spin"]), Presence::Required, "\"stop\"", "the word"),
        key("source", KeyKind::Text, Presence::Required, "\"baseserver.py\"", "where it comes from"),
    ],
};

static LOOP_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced loop",
    doc: "Whose event loop it is, and where that comes from.",
    keys: &[
        key("value", KeyKind::OneOf(|| vec!["asyncio", "uvloop"]), Presence::Required, "\"uvloop\"", "the loop"),
        key("source", KeyKind::Text, Presence::Required, "\"config.py\"", "where it comes from"),
    ],
};

static OVERSEER_VALUE: KeyTable = KeyTable {
    heading: "{ value, source }",
    noun: "a sourced master",
    doc: "Whose master replaces its processes, and where that comes from.",
    keys: &[
        key("value", KeyKind::OneOf(life::Overseer::names), Presence::Required, "\"hypercorn\"", "the master"),
        key("source", KeyKind::Text, Presence::Required, "\"run.py\"", "where it comes from"),
    ],
};

macro_rules! cost_table {
    ($name:ident, $heading:literal) => {
        pub(super) static $name: KeyTable = KeyTable {
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

pub(super) static WORKER: KeyTable = KeyTable {
    heading: "[worker.NAME]",
    noun: "a worker",
    doc: "Server software.",
    keys: &[
        key(
            "kind",
            KeyKind::OneOf(|| vec!["sync", "threads", "pool", "hub", "loop"]),
            Presence::Required,
            "\"hub\"",
            "what carries a request",
        ),
        key("accepts", COUNT, NO, "{}", "connections for one readiness"),
        key("accepts_shared", COUNT, NO, "{}", "the same, several processes at one listener"),
        key("full", KeyKind::Table(&FULL_VALUE), NO, "{}", "when all greenlets are taken"),
        key("greenlets", COUNT, NO, "{}", "greenlets by default"),
        key("loop", KeyKind::Table(&LOOP_VALUE), NO, "{}", "whose event loop it is"),
        key("connections", COUNT, NO, "{}", "connections of a pool server"),
        key("keepalive", DURATION, NO, "{}", "how long an idle connection is kept"),
        key("releases_before", SMALL, NO, "{}", "system calls without the GIL before the application"),
        key("releases_after", SMALL, NO, "{}", "system calls without the GIL after it"),
        key("releases_accept", SMALL, NO, "{}", "system calls without the GIL around a hand-over"),
        key("releases_close", SMALL, NO, "{}", "system calls without the GIL around closing"),
        key("lingers", FLAG, NO, "{}", "whether it waits for clients to close"),
        key("closes", FLAG, NO, "{}", "whether a pool server's accepting thread closes them"),
        key("in_turn", FLAG, NO, "{}", "whether its threads accept one after another"),
        key("resident", FLAG, NO, "{}", "whether its greenlets are the clients themselves"),
        key("defer_accept", FLAG, NO, "{}", "whether its listening sockets wait for data"),
        key("listen", COUNT, Presence::Required, "{}", "backlog asked for by default"),
        key("measured", DURATION, Presence::Required, "{}", "CPU time of a bare request"),
        key("costs", KeyKind::Table(&WORKER_COSTS), Presence::Required, "{}", "its parts"),
        key("overseer", KeyKind::Table(&OVERSEER_VALUE), NO, "{}", "whose master replaces it"),
        key("tick", DURATION, NO, "{}", "how often its main loop looks whether it shall end"),
        key(
            "backpressure",
            FLAG,
            NO,
            "{}",
            "whether it leaves connections beyond backlog / processes in the accept queue",
        ),
        key("timeout", DURATION, NO, "{}", "silence that is a worker's death"),
        key("graceful_timeout", DURATION, NO, "{}", "time to finish before being replaced"),
        key("boot", DURATION, NO, "{}", "start of a process"),
        key("min_worker_lifetime", DURATION, NO, "{}", "age below which a process is not replaced"),
        key("forkbomb_delay", DURATION, NO, "{}", "nap of a master whose processes die too fast"),
        key("dies_of_emfile", FLAG, NO, "{}", "whether an accept without a descriptor ends it"),
        key("router", KeyKind::Table(&router::ROUTER), NO, "{}", "the router in front of it"),
        key("product", KeyKind::Text, Presence::Required, "\"gunicorn\"", "whose releases `version` means"),
        key("release", KeyKind::Text, Presence::Required, "\"27.0.1\"", "the one that is described"),
        key("before", KeyKind::List(&OLDER), NO, "[]", "what older releases do otherwise"),
    ],
};

impl Worker {
    /// As worlds call it.
    pub(crate) fn name(&self) -> &str {
        &self.prototype.name
    }

    /// Reads one `[worker.NAME]`; `hub` and `python` are the preset's, for all workers.
    pub(super) fn read(name: &str, node: &Node, hub: &Node, python: &Node) -> Worker {
        let carrier = match node.get::<&str>("kind") {
            "sync" => Carrier::Sync,
            "threads" => Carrier::Threads,
            "pool" => Carrier::Pool,
            "loop" => Carrier::Loop,
            _ => Carrier::Hub,
        };
        let count = |key: &str| node.find::<&Node>(key).map(|value| value.get::<u32>("value"));
        let is = |key: &str| node.find::<&Node>(key).is_some_and(|value| value.get("value"));
        let of_python = |key: &str| python.get::<&Node>(key);
        let router = node.find::<&Node>("router");
        let master = life::master(node);
        let prototype = WorkerSpec {
            name: name.to_owned(),
            software: format!("{} {}", node.get::<&str>("product"), node.get::<&str>("release")),
            kind: kind(carrier, node),
            costs: costs(carrier, node.get("costs"), hub),
            gil: of_python("gil").get("value"),
            switch_interval: of_python("switch_interval").get("value"),
            lingers: is("lingers"),
            releases: releases(node),
            timed_waits: python::timed_waits(of_python("timed_waits").get("value")),
            lock_yields: true,
            zero_timers: false,
            batch: Batch::Timed,
            looks: Looks::Always,
            keep_alive: node.find::<&Node>("keepalive").map(|value| value.get("value")),
            router: router.map(router::read),
            master: master.is_some_and(|master| master.overseer.is_always_there()),
            life: None,
            in_turn: is("in_turn"),
            resident: is("resident"),
        };
        let mut facts = sourced::facts(node, "");
        facts.extend(sourced::facts(node.get("costs"), "costs."));
        facts.extend(router.iter().flat_map(|router| sourced::facts(router, "router.")));
        facts.extend(version::facts(node));
        Worker {
            carrier,
            prototype,
            accepts_shared: count("accepts_shared").unwrap_or(1),
            greenlets: count("greenlets"),
            listen: count("listen").unwrap_or(1),
            defers: is("defer_accept"),
            has_backpressure: is("backpressure"),
            master,
            release: Release::of(node.get("product"), node.get("release")),
            older: version::older(node),
            facts,
        }
    }
}

/// How it accepts and carries requests, one at a time where a world must say how many.
fn kind(carrier: Carrier, node: &Node) -> WorkerKind {
    let count = |key: &str| node.find::<&Node>(key).map_or(1, |value| value.get::<u32>("value"));
    match carrier {
        Carrier::Sync | Carrier::Threads => WorkerKind::Threads { threads: 1 },
        Carrier::Pool => WorkerKind::Pool {
            threads: 1,
            connections: count("connections"),
            closes: node.find::<&Node>("closes").is_some_and(|value| value.get("value")),
        },
        Carrier::Loop => {
            let is_uvloop = node.find::<&Node>("loop").is_some_and(|on| on.get::<&str>("value") == "uvloop");
            let on = if is_uvloop { LoopKind::Uvloop } else { LoopKind::Asyncio };
            let tick = node.find::<&Node>("tick").map(|value| value.get("value"));
            WorkerKind::Loop(LoopSpec { accepts: count("accepts"), tick, ..LoopSpec::plain(Python::V3_11, on) })
        }
        Carrier::Hub => {
            let spins = node.find::<&Node>("full").is_some_and(|full| full.get::<&str>("value") == "spin");
            let full = if spins { WhenFull::Spin } else { WhenFull::Stop };
            WorkerKind::Hub { greenlets: count("greenlets"), accepts: count("accepts"), full }
        }
    }
}

/// Its own costs, and under a hub those of every hub.
fn costs(carrier: Carrier, own: &Node, hub: &Node) -> Costs {
    let mut costs = Costs::default();
    for cost in COSTS {
        let shared = (carrier == Carrier::Hub).then(|| hub.find::<&Node>(cost.name)).flatten();
        if let Some(value) = own.find::<&Node>(cost.name).or(shared) {
            *(cost.of)(&mut costs) = value.get("value");
        }
    }
    costs
}

fn releases(node: &Node) -> Releases {
    let count = |when: &str| node.find::<&Node>(&format!("releases_{when}")).map_or(0, |value| value.get("value"));
    Releases { before: count("before"), after: count("after"), accept: count("accept"), close: count("close") }
}
