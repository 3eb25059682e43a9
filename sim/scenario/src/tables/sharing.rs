//! `[value.NAME]` and `[connection.NAME]`: what the tasks of a process share without waiting for it.

use engine::op::Per;

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, key};
use crate::reader::node::Node;
use crate::tables::request::{self, TypedRequest};
use crate::tables::step::Act;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

pub(crate) static VALUE: KeyTable = KeyTable {
    heading: "[value.NAME]",
    noun: "a value",
    doc: "A value that requests `read` and `write`, such as a counter or a cache's entry; every process has its own. A run counts the \
          updates that are lost. It has no keys.",
    keys: &[],
};

pub(crate) static CONNECTION: KeyTable = KeyTable {
    heading: "[connection.NAME]",
    noun: "a connection",
    doc: "A connection to a peer, which calls go `over`. A run counts conflicts: uses that begin while another task waits on it. Under \
          a hub such a request fails (gevent's `ConcurrentObjectUseError`); threads read from one stream, and what they get is undefined.",
    keys: &[
        key(
            "per",
            KeyKind::OneOf(|| vec!["process", "request"]),
            Presence::Default("\"process\""),
            "\"request\"",
            "Whose it is: one for all tasks of a process, or one for each request, which only runs of a `fan` share.",
        ),
        key(
            "pool",
            KeyKind::Name(NameGroup::Sync),
            Presence::Else("it is no unit of a pool"),
            "\"db\"",
            "It is a unit of that pool: whoever holds one has a connection to itself.",
        ),
    ],
};

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Connection {
    pub(crate) name: Name,
    pub(crate) per: Per,
    pub(crate) pool: Option<String>,
}

/// Reads the names below the root's `value`.
pub(crate) fn values(root: &Node) -> Vec<Name> {
    root.get::<&[(Name, Node)]>("value").iter().map(|(name, _)| name.clone()).collect()
}

/// Reads the tables below the root's `connection`.
pub(crate) fn connections(root: &Node, findings: &mut Findings) -> Vec<Connection> {
    let read = |(name, node): &(Name, Node)| {
        let pool = node.find::<&[Name]>("pool").and_then(|names| names.first()).map(|pool| pool.text.clone());
        let of_process = node.get::<&str>("per") == "process";
        if pool.is_some() && of_process && node.given("per") {
            let what = format!("connection `{}` is a unit of a pool and one for all tasks of a process", name.text);
            let help = "remove `per`, or remove `pool`";
            findings.error(node.at("per"), what).label("not with a `pool`").help(help);
        }
        let per = if pool.is_none() && of_process { Per::Process } else { Per::Request };
        Connection { name: name.clone(), per, pool }
    };
    root.get::<&[(Name, Node)]>("connection").iter().map(read).collect()
}

/// Values and connections that nobody uses, or in a way that means nothing.
pub(crate) fn check_use(
    values: &[Name],
    connections: &[Connection],
    requests: &[TypedRequest],
    findings: &mut Findings,
) {
    for value in values {
        let does = |wanted: fn(&Act) -> Option<&str>| {
            request::any_step(requests, |act| wanted(act) == Some(value.text.as_str()))
        };
        let reads = does(|act| if let Act::Read { value } = act { Some(value) } else { None });
        let writes = does(|act| if let Act::Write { value } = act { Some(value) } else { None });
        let (what, label, help) = match (reads, writes) {
            (true, true) => continue,
            (false, false) => ("no request reads or writes", "not used", "use it in a step, or remove it".to_owned()),
            (true, false) => ("no request writes", "only read", format!("add a step {{ write = \"{}\" }}", value.text)),
            (false, true) => {
                ("no request reads", "only written", format!("add a step {{ read = \"{}\" }}", value.text))
            }
        };
        let what = format!("{what} value `{}`", value.text);
        findings.warning(value.at, what).label(label).help(help).echo();
    }
    for connection in connections {
        let name = connection.name.text.as_str();
        let mut first: Option<&str> = None;
        let mut second: Option<(At, &str)> = None;
        for request in requests {
            request.each_step(&mut |step| match &step.act {
                Act::Call { peer, over: Some(over), .. } if over == name => match first {
                    Some(known) if known != peer => second = second.or(Some((step.at, peer))),
                    _ => first = Some(peer),
                },
                _ => {}
            });
        }
        if let (Some(known), Some((at, peer))) = (first, second) {
            let what = format!("connection `{name}` leads to `{known}`, and this call over it goes to `{peer}`");
            let help = format!("give the calls to `{peer}` a connection of their own: a table [connection.NAME]");
            findings.error(at, what).label("another peer").help(help);
        }
        if first.is_none() {
            let what = format!("no call goes over connection `{name}`");
            let help = format!("write `over = \"{name}\"` in a call, or remove it");
            findings.warning(connection.name.at, what).label("not used").help(help).echo();
        }
    }
}
