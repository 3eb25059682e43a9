//! `[balancer]` and `[proxy]`: what stands between the clients and the servers.

use engine::model::{BalancerSpec, Balancing, Ejection, HealthCheck, ProxySpec};

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::node::Node;
use crate::tables::client_policies::{self, KEEP_ALIVE, says};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

static WEIGHT: KeyTable = KeyTable {
    heading: "weights = [{ server, weight }]",
    noun: "a weight",
    doc: "What a server is to get relative to the others.",
    keys: &[
        key("server", KeyKind::Count(1, 1_000), Presence::Required, "1", "Which server, counted from 1."),
        key(
            "weight",
            KeyKind::Count(1, 1_000),
            Presence::Required,
            "3",
            "Its weight; servers that are not listed have 1.",
        ),
    ],
};

static CHECK: KeyTable = KeyTable {
    heading: "check = { request, interval, timeout, rise, fall }",
    noun: "a health check",
    doc: "A request that the balancer sends to every server from time to time. It waits in the same queues as all others, and is \
          counted with none of them.",
    keys: &[
        key("request", KeyKind::Name(NameGroup::Request), Presence::Required, "\"health\"", "What is asked for."),
        key(
            "interval",
            KeyKind::Positive,
            Presence::Default("\"2s\""),
            "\"5s\"",
            "Pause between two checks of a server.",
        ),
        key("timeout", KeyKind::Positive, Presence::Default("\"2s\""), "\"1s\"", "Longest wait for the answer."),
        key(
            "rise",
            KeyKind::Count(1, 1_000),
            Presence::Default("2"),
            "3",
            "Good ones in a row that bring a server back.",
        ),
        key("fall", KeyKind::Count(1, 1_000), Presence::Default("3"), "2", "Bad ones in a row that take a server out."),
    ],
};

pub(crate) static BALANCER: KeyTable = KeyTable {
    heading: "[balancer]",
    noun: "the balancer",
    doc: "How a new connection chooses among the servers.",
    keys: &[
        key(
            "policy",
            KeyKind::OneOf(|| vec!["round-robin", "least-connections", "random", "two-choices", "hash"]),
            Presence::Default("\"round-robin\""),
            "\"least-connections\"",
            "One server after the other; the one with the fewest open connections; any; the freer of any two; or the one that \
             belongs to the client's key on a consistent ring.",
        ),
        key(
            "keys",
            KeyKind::Count(1, 100_000_000),
            Presence::Default("1000000"),
            "500",
            "Different keys that clients have, such as addresses, for `hash`; a person keeps theirs.",
        )
        .beside(&["policy"]),
        key(
            "weights",
            KeyKind::List(&WEIGHT),
            Presence::Default("[]"),
            "[{ server = 1, weight = 3 }]",
            "What servers are to get relative to each other.",
        ),
        key(
            "check",
            KeyKind::Table(&CHECK),
            Presence::Else("every server is taken for healthy"),
            "{ request = \"health\" }",
            "Requests by which it looks after the servers.",
        ),
    ],
};

pub(crate) static PROXY: KeyTable = KeyTable {
    heading: "[proxy]",
    noun: "the proxy",
    doc: "A proxy such as nginx between clients and servers: it takes a request whole, asks a server that the balancer chooses, and \
          gives the response on. It has room for everybody and takes no core of the servers.",
    keys: &[
        key("latency", KeyKind::Duration, Presence::Default("\"0s\""), "\"100us\"", "What it adds to every request."),
        key(
            "network",
            KeyKind::Duration,
            Presence::Default("\"0s\""),
            "\"100us\"",
            "One way over the network to the servers.",
        ),
        key(
            "connect_timeout",
            KeyKind::Positive,
            Presence::Default("\"60s\""),
            "\"1s\"",
            "Longest wait for a connection to a server (nginx: proxy_connect_timeout).",
        ),
        key(
            "read_timeout",
            KeyKind::Positive,
            Presence::Default("\"60s\""),
            "\"10s\"",
            "Longest wait for a server's response (nginx: proxy_read_timeout).",
        ),
        key(
            "buffer",
            KeyKind::Flag,
            Presence::Default("true"),
            "false",
            "Whether it takes in a response at once, however slow the client reads (nginx: proxy_buffering).",
        ),
        key(
            "keep_alive",
            KeyKind::Table(&KEEP_ALIVE),
            Presence::Else("a connection a request"),
            "{ connections = 32 }",
            "How it keeps connections to the servers (nginx: keepalive).",
        ),
        key(
            "tries",
            KeyKind::Count(1, engine::model::TRIES_MAX as u64),
            Presence::Default("1"),
            "2",
            "Servers that a request is sent to at most (nginx: proxy_next_upstream_tries).",
        ),
        key(
            "next_upstream",
            KeyKind::SomeOf(client_policies::went_wrong),
            Presence::Default("[\"connect\", \"refused\", \"timeout\"]"),
            "[\"refused\", \"error\"]",
            "What makes it ask the next server: no connection, one that is refused or breaks, no response in time, an error as the \
             response.",
        ),
        key(
            "max_fails",
            KeyKind::Count(0, 1_000_000),
            Presence::Default("1"),
            "3",
            "Failures after which it leaves a server alone; 0: it never does. A server without others is never left alone.",
        ),
        key(
            "fail_timeout",
            KeyKind::Positive,
            Presence::Default("\"10s\""),
            "\"30s\"",
            "For how long it does, and how long failures are counted.",
        ),
    ],
};

/// The balancer as it was typed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedBalancer {
    policy: Balancing,
    weights: Vec<(u32, u32)>,
    pub(crate) check: Option<TypedHealthCheck>,
}

/// A health check as it was typed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedHealthCheck {
    pub(crate) request: Option<Name>,
    pub(crate) at: At,
    spec: HealthCheck,
}

impl TypedBalancer {
    /// Reads `[balancer]`.
    pub(crate) fn read(node: &Node, servers: u32, findings: &mut Findings) -> TypedBalancer {
        let policy = match node.get::<&str>("policy") {
            "least-connections" => Balancing::LeastConnections,
            "random" => Balancing::Random,
            "two-choices" => Balancing::TwoChoices,
            "hash" => Balancing::Hash { keys: node.get("keys") },
            _ => Balancing::RoundRobin,
        };
        let nodes: &[Node] = node.get("weights");
        let mut weights: Vec<(u32, u32)> = Vec::new();
        for weight in nodes.iter().filter(|weight| weight.sound(&["server", "weight"])) {
            let server: u32 = weight.get("server");
            if server > servers {
                let what = format!("there is no server {server}: no world has more than {servers}");
                let help = "servers are counted from 1; see `servers` of [machine]";
                findings.error(weight.at("server"), what).label("not there").help(help);
            }
            weights.push((server, weight.get("weight")));
        }
        TypedBalancer { policy, weights, check: node.find::<&Node>("check").map(TypedHealthCheck::read) }
    }

    /// Whether its health checks ask for a request.
    pub(crate) fn checks(&self, request: &str) -> bool {
        let asked = self.check.as_ref().and_then(|check| check.request.as_ref());
        asked.is_some_and(|name| name.text == request)
    }

    /// What it means for so many servers; `class` is the index of the check's request.
    pub(crate) fn spec(&self, servers: u32, class: u32) -> BalancerSpec {
        let weight = |server: u32| self.weights.iter().find(|(listed, _)| *listed == server + 1).map_or(1, |of| of.1);
        let weights: Vec<u32> = (0..servers).map(weight).collect();
        let alike = weights.windows(2).all(|pair| pair[0] == pair[1]);
        BalancerSpec {
            policy: self.policy,
            weights: if alike { Vec::new() } else { weights },
            check: self.check.as_ref().map(|check| HealthCheck { class, ..check.spec }),
        }
    }
}

impl TypedHealthCheck {
    fn read(node: &Node) -> TypedHealthCheck {
        TypedHealthCheck {
            request: node.get::<&[Name]>("request").first().cloned(),
            at: node.at,
            spec: HealthCheck {
                interval: node.get("interval"),
                timeout: node.get("timeout"),
                rise: node.get("rise"),
                fall: node.get("fall"),
                class: 0,
            },
        }
    }
}

/// Reads `[proxy]`.
pub(crate) fn proxy(node: &Node) -> ProxySpec {
    let fails: u32 = node.get("max_fails");
    ProxySpec {
        latency: node.get("latency"),
        network: node.get("network"),
        connect_timeout: node.get("connect_timeout"),
        read_timeout: node.get("read_timeout"),
        buffer: node.get("buffer"),
        keep_alive: node.find::<&Node>("keep_alive").map(client_policies::keep_alive),
        tries: node.get("tries"),
        on_connect: says(node, "next_upstream", "connect"),
        on_refused: says(node, "next_upstream", "refused"),
        on_timeout: says(node, "next_upstream", "timeout"),
        on_error: says(node, "next_upstream", "error"),
        ejection: (fails > 0).then(|| Ejection { fails, period: node.get("fail_timeout") }),
    }
}
