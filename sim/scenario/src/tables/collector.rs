//! `collector` of a world: what Python's garbage collector finds to look at.

use engine::model::asyncio::CollectorSpec;

use crate::reader::key::{KeyKind, KeyTable, Presence, TableKey, key};
use crate::reader::node::Node;

pub(crate) static COLLECTOR: KeyTable = KeyTable {
    heading: "collector = { objects, request, full }",
    noun: "a collector",
    doc: "Pauses of Python's cyclic garbage collector (CPython 3.11), for which everything in a process stands still. Requests that \
          wait in the process make them frequent and long.",
    keys: &[
        key(
            "objects",
            KeyKind::Count(1, 1_000_000_000),
            Presence::Required,
            "73000",
            "Containers that the collector knows of while nothing is served: `len(gc.get_objects())`.",
        ),
        key(
            "request",
            KeyKind::Count(0, 1_000_000),
            Presence::Required,
            "110",
            "How many more there are for each request in service.",
        ),
        key(
            "full",
            KeyKind::Duration,
            Presence::Required,
            "\"55ms\"",
            "CPU time of a full collection while nothing is served: what `gc.collect()` takes. With requests in service it is longer by what they hold.",
        ),
    ],
};

pub(crate) const COLLECTOR_KEY: TableKey = key(
    "collector",
    KeyKind::Table(&COLLECTOR),
    Presence::Else("its pauses are left out"),
    "{ objects = 73000, request = 110, full = \"55ms\" }",
    "What Python's garbage collector has to look at. Only for event loops.",
);

/// What a world says of its collector.
pub(crate) fn read(world: &Node) -> Option<CollectorSpec> {
    world.find::<&Node>("collector").map(|node| CollectorSpec {
        objects: node.get("objects"),
        request: node.get("request"),
        full: node.get("full"),
    })
}
