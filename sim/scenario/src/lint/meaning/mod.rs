//! Keys that mean nothing where they stand: they are read, and no run differs by them.
//!
//! Which key needs what to have a meaning stands in `table.rs`, for every key of the format that is about who serves, who asks and what
//! lies between. A key that needs something of its world is held against that world; one that all worlds share must mean something to
//! one of them. What would even be a mistake (`threads` of a hub) is refused where it is read, and no doubt.

mod facts;
mod table;
#[cfg(test)]
mod tests;

use crate::reader::key::Presence;
use crate::reader::node::{Field, Node, Value};
use crate::tables::world::TypedWorld;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;
use crate::words::source::Name;
use facts::{Facts, TablePlace};

/// What must be there for a key to mean something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Needs {
    /// Nothing: it means something wherever the reader lets it stand.
    Nothing,
    Hub,
    /// A hub, in some world at least, for what is off-loaded.
    OffloadingHub,
    /// Threads that are no hubs.
    Threads,
    /// Several Python threads of one process, or a hub, whose batches end by the same interval.
    SeveralThreads,
    /// A build of CPython that needs more CPU time, or something whose primitive is another in that version.
    Version,
    /// A world that creates all of its threads at its start.
    Creates,
    /// A pool server.
    Pool,
    /// A pool server whose accepting thread closes connections.
    Closes,
    /// A server that somebody connects to.
    Server,
    /// A hub, or steps that start threads.
    Spawns,
    /// A hub, or an accept that may fail.
    Polls,
    /// A `burn` that does not say itself how often it yields.
    Burns,
    /// A hub in which something yields by `sleep(0)`.
    Yields,
    /// A hub and the standard library's queues.
    StandardQueue,
    /// A standard wait with a time limit.
    TimedWait,
    /// The same, and that it polls.
    PolledWait,
    /// A hub in which a wait has a time limit.
    Expires,
    /// Somebody who keeps connections.
    KeptByClients,
    /// A server that keeps connections.
    KeptByServers,
    /// A process that is replaced after its requests.
    Replaced,
    /// A process that may end.
    Dies,
    /// Several processes of a server.
    SeveralProcesses,
    /// Several who wait at one listening socket.
    SeveralWaiters,
    SeveralServers,
    /// The policy `hash`.
    Hash,
    /// A world that does not say its own.
    Inherited,
    /// Work that costs more in the cold.
    Cold,
    /// A limit of CPU time.
    CpuLimit,
    /// Responses with bytes.
    Bytes,
    /// A reader with a rate of its own.
    SlowReader,
    /// That SYN cookies are off.
    NoCookies,
    /// A pause before the first retry.
    Backoff,
    /// A second retry.
    SecondRetry,
    /// A second client.
    SecondClient,
    /// A second try at another server.
    SecondTry,
    /// That a server is left alone after some failures.
    Ejects,
}

/// Looks for keys without a meaning.
pub(super) fn check(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    let facts = Facts::of(scenario, root);
    walk(&TablePlace { facts: &facts, world: None, node: root }, findings);
}

/// The keys of a table, and of the tables inside.
fn walk(place: &TablePlace, findings: &mut Findings) {
    for field in place.node.fields.iter().filter(|field| field.given && field.sound && !is_usual(place.node, field)) {
        let needs = table::needs(place.node.table, field.name);
        if let Some(lack) = needs.and_then(|needs| place.lack(needs, field.name)) {
            let key = field.name;
            let what = format!("`{key}` changes nothing here: {}", lack.why);
            findings.doubt(Doubt::NoEffect, field.key_at, what).label("no effect").help(lack.help);
            continue;
        }
        inner(place, field, findings);
    }
}

fn inner(place: &TablePlace, field: &Field, findings: &mut Findings) {
    let world = |name: &Name| place.facts.scenario.worlds.iter().find(|world| world.name == name.text);
    match &field.value {
        Value::Table(node) => walk(&TablePlace { node, ..*place }, findings),
        Value::List(nodes) => nodes.iter().for_each(|node| walk(&TablePlace { node, ..*place }, findings)),
        Value::Named(named) => {
            for (name, node) in named {
                let own: Option<&TypedWorld> = if field.name == "world" { world(name) } else { None };
                walk(&TablePlace { node, world: own.or(place.world), ..*place }, findings);
            }
        }
        _ => {}
    }
}

/// Whether a value is what it would be anyway: to say so is no mistake where it matters to nobody.
fn is_usual(node: &Node, field: &Field) -> bool {
    let Some(Presence::Default(usual)) = node.table.key(field.name).map(|key| key.need) else { return false };
    match &field.value {
        Value::Flag(flag) => usual == flag.to_string(),
        Value::Count(count) => usual == count.to_string(),
        Value::Text(text) => usual.trim_matches('"') == text,
        _ => false,
    }
}
