//! The root of a scenario file: its tables, and all that its walker knows.

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::vocabulary::Vocabulary;
use crate::tables::{
    balancer_and_proxy, client, foreign, peer, plan, preset, request, sharing, slo, software, step, sync, world,
};
use crate::whole::run;
use crate::words::doubt;

/// What a scenario file may say.
pub(crate) static SCENARIO: Vocabulary = Vocabulary { root: &ROOT, steps: &step::STEPS, elsewhere: foreign::elsewhere };

pub(crate) static ROOT: KeyTable = KeyTable {
    heading: "",
    noun: "a scenario",
    doc: "Every file starts with two comment lines: the question it asks, and its source.",
    keys: &[
        key("version", KeyKind::Count(1, 1), Presence::Required, "1", "Version of the file format."),
        key(
            "title",
            KeyKind::Text,
            Presence::Required,
            "\"A slow third party\"",
            "What tables and plots are headed with.",
        ),
        key(
            "question",
            KeyKind::Text,
            Presence::Else("none is shown"),
            "\"Does a slow third party take the site down?\"",
            "What the file wants to know.",
        ),
        key(
            "source",
            KeyKind::Text,
            Presence::Else("none is shown"),
            "\"Save the day with gevent\"",
            "Where the situation comes from.",
        ),
        key(
            "preset",
            KeyKind::OneOf(preset::names),
            Presence::Default("\"2026-py3.11\""),
            "\"2026-py3.11\"",
            "Which age's costs to use.",
        ),
        key(
            "run",
            KeyKind::Table(&run::RUN),
            Presence::Default("{}"),
            "{ seed = 7, length = \"15m\" }",
            "How long and how closely to look.",
        ),
        key(
            "machine",
            KeyKind::Table(&world::MACHINE),
            Presence::Default("{}"),
            "{ cores = 8 }",
            "What every server is.",
        ),
        key(
            "balancer",
            KeyKind::Table(&balancer_and_proxy::BALANCER),
            Presence::Default("{}"),
            "{ policy = \"round-robin\" }",
            "How connections choose a server.",
        ),
        key(
            "proxy",
            KeyKind::Table(&balancer_and_proxy::PROXY),
            Presence::Else("clients connect to the servers themselves"),
            "{ keep_alive = { connections = 32 } }",
            "What stands between clients and servers.",
        ),
        key(
            "world",
            KeyKind::Named(&world::WORLD, NameGroup::World),
            Presence::Required,
            "{ threads = { worker = \"uwsgi-threads\", threads = 10 } }",
            "The ways to serve that are compared.",
        ),
        key(
            "client",
            KeyKind::Named(&client::CLIENT, NameGroup::Client),
            Presence::Required,
            "{ users = { rate = \"300/s\" } }",
            "Who sends requests.",
        ),
        key(
            "peer",
            KeyKind::Named(&peer::PEER, NameGroup::Peer),
            Presence::Default("{}"),
            "{ redis = { network = \"200us\" } }",
            "What requests call.",
        ),
        key(
            "pool",
            KeyKind::Named(&sync::POOL, NameGroup::Sync),
            Presence::Default("{}"),
            "{ db = { units = 20 } }",
            "Pools of connections inside a process.",
        ),
        key(
            "lock",
            KeyKind::Named(&sync::LOCK, NameGroup::Sync),
            Presence::Default("{}"),
            "{ cache = {} }",
            "Locks inside a process.",
        ),
        key(
            "queue",
            KeyKind::Named(&sync::QUEUE, NameGroup::Queue),
            Presence::Default("{}"),
            "{ jobs = { size = 10 } }",
            "Queues inside a process.",
        ),
        key(
            "event",
            KeyKind::Named(&sync::EVENT, NameGroup::Event),
            Presence::Default("{}"),
            "{ ready = {} }",
            "Events inside a process.",
        ),
        key(
            "executor",
            KeyKind::Named(&sync::EXECUTOR, NameGroup::Executor),
            Presence::Default("{}"),
            "{ sync = { threads = 1 } }",
            "Pools of native threads inside a process.",
        ),
        key(
            "value",
            KeyKind::Named(&sharing::VALUE, NameGroup::Value),
            Presence::Default("{}"),
            "{ counter = {} }",
            "Values that the tasks of a process share.",
        ),
        key(
            "connection",
            KeyKind::Named(&sharing::CONNECTION, NameGroup::Connection),
            Presence::Default("{}"),
            "{ cache = {} }",
            "Connections to peers that several tasks may use.",
        ),
        key(
            "software",
            KeyKind::Table(&software::SOFTWARE),
            Presence::Default("{}"),
            "{ libraries = [\"pymysql\"] }",
            "What the application is made of, for `check`.",
        ),
        key(
            "expect",
            KeyKind::SomeOf(doubt::names),
            Presence::Default("[]"),
            "[\"lost-update\"]",
            "Kinds of doubt that the file is about: they are not told. One that is not there is.",
        ),
        key(
            "offload",
            KeyKind::Table(&sync::OFFLOAD),
            Presence::Default("{}"),
            "{ threads = 20 }",
            "The pool of native threads of a hub or event loop.",
        ),
        key(
            "slo",
            KeyKind::Table(&slo::SLO),
            Presence::Else("nothing is promised"),
            "{ p99 = \"< 500ms\", errors = \"< 1%\" }",
            "What the servers have promised.",
        ),
        key(
            "plan",
            KeyKind::Table(&plan::PLAN),
            Presence::Else("there is nothing to plan"),
            "{ vary = { \"world.gevent.processes\" = \"1..16\" } }",
            "What may vary when the cheapest deployment is looked for.",
        ),
        key(
            "request",
            KeyKind::Named(&request::REQUEST, NameGroup::Request),
            Presence::Required,
            "{ page = { steps = [{ burn = \"2ms\" }] } }",
            "What is asked for.",
        ),
    ],
};
