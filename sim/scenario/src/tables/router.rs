//! The router in front of a server's processes: what a preset knows of it, and what a world may say.

use engine::time::Span;
use engine::worker::{RouterCosts, RouterSpec};

use crate::reader::key::{KeyKind, KeyTable, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::tables::preset::sourced::DURATION;

/// A preset's router.
pub(crate) static ROUTER: KeyTable = KeyTable {
    heading: "[worker.NAME.router]",
    noun: "a router",
    doc: "A process in front of the workers that accepts everything and relays it; costs in CPU time a request.",
    keys: &[
        key("timeout", DURATION, Presence::Required, "{}", "longest silence of a session"),
        key("poll", DURATION, Presence::Required, "{}", "an epoll_wait"),
        key("accept", DURATION, Presence::Required, "{}", "accepting"),
        key("connect", DURATION, Presence::Required, "{}", "parsing, connecting to the workers"),
        key("forward", DURATION, Presence::Required, "{}", "sending the request on"),
        key("answer", DURATION, Presence::Required, "{}", "reading the response"),
        key("close", DURATION, Presence::Required, "{}", "sending it to the client, closing"),
    ],
};

/// A world's key for it.
pub(crate) const HTTP_TIMEOUT: TableKey = key(
    "http_timeout",
    KeyKind::Positive,
    Presence::Else("the preset's"),
    "\"300s\"",
    "Silence after which a router closes a session, whatever the worker does: the client's connection is reset (uWSGI: --http-timeout, 60 s).",
);

/// A preset's router, from its table.
pub(crate) fn read(node: &Node) -> RouterSpec {
    let span = |name: &str| node.get::<&Node>(name).get::<Span>("value");
    RouterSpec {
        costs: RouterCosts {
            poll: span("poll"),
            accept: span("accept"),
            connect: span("connect"),
            forward: span("forward"),
            answer: span("answer"),
            close: span("close"),
        },
        timeout: span("timeout"),
    }
}

/// CPU time of a request that finds the router busy: a poll takes many events, so its own time counts once.
#[cfg(test)]
pub(crate) fn request(router: &RouterSpec) -> Span {
    let RouterCosts { poll, accept, connect, forward, answer, close } = router.costs;
    poll + accept + connect + forward + answer + close
}
