//! The root of a scenario file: its tables, and all that its walker knows.

use crate::reader::key::{Group, Kind, Need, Table, key};
use crate::reader::vocabulary::Vocabulary;
use crate::tables::{
    balancer_and_proxy, client, peer, plan, preset, request, sharing, slo, software, step, sync, world,
};
use crate::whole::run;
use crate::words::doubt;

/// What a scenario file may say.
pub(crate) static SCENARIO: Vocabulary = Vocabulary { root: &ROOT, steps: &step::STEPS, elsewhere: slo::elsewhere };

pub(crate) static ROOT: Table = Table {
    heading: "",
    noun: "a scenario",
    doc: "Every file starts with two comment lines: the question it asks, and its source.",
    keys: &[
        key("version", Kind::Count(1, 1), Need::Required, "1", "Version of the file format."),
        key("title", Kind::Text, Need::Required, "\"A slow third party\"", "What tables and plots are headed with."),
        key(
            "question",
            Kind::Text,
            Need::Else("none is shown"),
            "\"Does a slow third party take the site down?\"",
            "What the file wants to know.",
        ),
        key(
            "source",
            Kind::Text,
            Need::Else("none is shown"),
            "\"Save the day with gevent\"",
            "Where the situation comes from.",
        ),
        key(
            "preset",
            Kind::OneOf(preset::names),
            Need::Default("\"2026-py3.11\""),
            "\"2026-py3.11\"",
            "Which age's costs to use.",
        ),
        key(
            "run",
            Kind::Table(&run::RUN),
            Need::Default("{}"),
            "{ seed = 7, length = \"15m\" }",
            "How long and how closely to look.",
        ),
        key("machine", Kind::Table(&world::MACHINE), Need::Default("{}"), "{ cores = 8 }", "What every server is."),
        key(
            "balancer",
            Kind::Table(&balancer_and_proxy::BALANCER),
            Need::Default("{}"),
            "{ policy = \"round-robin\" }",
            "How connections choose a server.",
        ),
        key(
            "proxy",
            Kind::Table(&balancer_and_proxy::PROXY),
            Need::Else("clients connect to the servers themselves"),
            "{ keep_alive = { connections = 32 } }",
            "What stands between clients and servers.",
        ),
        key(
            "world",
            Kind::Named(&world::WORLD, Group::World),
            Need::Required,
            "{ threads = { worker = \"uwsgi-threads\", threads = 10 } }",
            "The ways to serve that are compared.",
        ),
        key(
            "client",
            Kind::Named(&client::CLIENT, Group::Client),
            Need::Required,
            "{ users = { rate = \"300/s\" } }",
            "Who sends requests.",
        ),
        key(
            "peer",
            Kind::Named(&peer::PEER, Group::Peer),
            Need::Default("{}"),
            "{ redis = { network = \"200us\" } }",
            "What requests call.",
        ),
        key(
            "pool",
            Kind::Named(&sync::POOL, Group::Sync),
            Need::Default("{}"),
            "{ db = { units = 20 } }",
            "Pools of connections inside a process.",
        ),
        key(
            "lock",
            Kind::Named(&sync::LOCK, Group::Sync),
            Need::Default("{}"),
            "{ cache = {} }",
            "Locks inside a process.",
        ),
        key(
            "queue",
            Kind::Named(&sync::QUEUE, Group::Queue),
            Need::Default("{}"),
            "{ jobs = { size = 10 } }",
            "Queues inside a process.",
        ),
        key(
            "event",
            Kind::Named(&sync::EVENT, Group::Event),
            Need::Default("{}"),
            "{ ready = {} }",
            "Events inside a process.",
        ),
        key(
            "value",
            Kind::Named(&sharing::VALUE, Group::Value),
            Need::Default("{}"),
            "{ counter = {} }",
            "Values that the tasks of a process share.",
        ),
        key(
            "connection",
            Kind::Named(&sharing::CONNECTION, Group::Connection),
            Need::Default("{}"),
            "{ cache = {} }",
            "Connections to peers that several tasks may use.",
        ),
        key(
            "software",
            Kind::Table(&software::SOFTWARE),
            Need::Default("{}"),
            "{ libraries = [\"pymysql\"] }",
            "What the application is made of, for `check`.",
        ),
        key(
            "expect",
            Kind::SomeOf(doubt::names),
            Need::Default("[]"),
            "[\"lost-update\"]",
            "Kinds of doubt that the file is about: they are not told. One that is not there is.",
        ),
        key(
            "offload",
            Kind::Table(&sync::OFFLOAD),
            Need::Default("{}"),
            "{ threads = 20 }",
            "The hub's pool of native threads.",
        ),
        key(
            "slo",
            Kind::Table(&slo::SLO),
            Need::Else("nothing is promised"),
            "{ p99 = \"< 500ms\", errors = \"< 1%\" }",
            "What the servers have promised.",
        ),
        key(
            "plan",
            Kind::Table(&plan::PLAN),
            Need::Else("there is nothing to plan"),
            "{ vary = { \"world.gevent.processes\" = \"1..16\" } }",
            "What may vary when the cheapest deployment is looked for.",
        ),
        key(
            "request",
            Kind::Named(&request::REQUEST, Group::Request),
            Need::Required,
            "{ page = { steps = [{ burn = \"2ms\" }] } }",
            "What is asked for.",
        ),
    ],
};
