//! `[peer.NAME]`: what requests call.

use engine::kernel::Ports;
use engine::model::{BreakerSpec, DegradedSpan};
use engine::time::{Span, Time};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::reader::unit::ppm;
use crate::tables::client_policies::{self, BREAKER};
use crate::tables::kernel;
use crate::tables::library::{self, Library};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

static SLOW: KeyTable = KeyTable {
    heading: "slow = [{ from, to, factor, fail }]",
    noun: "a slow window",
    doc: "A span of time in which the peer is degraded. Windows of a peer do not overlap.",
    keys: &[
        key("from", KeyKind::Duration, Presence::Required, "\"5m\"", "First instant, from the start of the run."),
        key("to", KeyKind::Duration, Presence::Required, "\"8m\"", "First instant after it."),
        key(
            "factor",
            KeyKind::Number(0.001, 1_000_000.0),
            Presence::Default("1"),
            "4.5",
            "Service times are multiplied by this.",
        ),
        key("fail", KeyKind::Number(0.0, 1.0), Presence::Default("0"), "0.01", "Share of calls that fail, 0 to 1."),
    ],
};

pub(crate) static PEER: KeyTable = KeyTable {
    heading: "[peer.NAME]",
    noun: "a peer",
    doc: "Something that requests call: a database, a cache, a third party.",
    keys: &[
        key("network", KeyKind::Duration, Presence::Default("\"0s\""), "\"1ms\"", "One way over the network to it."),
        key(
            "capacity",
            KeyKind::Count(1, 1_000_000),
            Presence::Else("its slowness does not depend on our load"),
            "100",
            "Calls it serves at once; the others queue there.",
        ),
        key(
            "ports",
            KeyKind::Table(&kernel::PORTS),
            Presence::Else("calls do not use up ports"),
            "{ closes = \"client\" }",
            "Local ports of a server to it, if every call opens a connection of its own.",
        ),
        key(
            "slow",
            KeyKind::List(&SLOW),
            Presence::Default("[]"),
            "[{ from = \"5m\", to = \"8m\", factor = 4.5 }]",
            "Windows in which it is slow or failing.",
        ),
        key(
            "breaker",
            KeyKind::Table(&BREAKER),
            Presence::Else("all calls are made"),
            "{ failures = 5, open = \"10s\" }",
            "The breaker that every server process has around its calls.",
        ),
        key(
            "library",
            KeyKind::OneOf(library::names),
            Presence::Else("nothing is known of it"),
            "\"pymysql\"",
            "The client library that calls it; `check` holds `blocking` against it.",
        ),
    ],
};

/// Something that requests call.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedPeer {
    pub(crate) name: Name,
    pub(crate) network: Span,
    pub(crate) ports: Option<Ports>,
    pub(crate) capacity: Option<u32>,
    /// Sorted, not overlapping.
    pub(crate) windows: Vec<DegradedSpan>,
    pub(crate) breaker: Option<BreakerSpec>,
    pub(crate) library: Option<(&'static Library, At)>,
}

impl TypedPeer {
    /// Reads one `[peer.NAME]`.
    pub(crate) fn read((name, node): &(Name, Node), findings: &mut Findings) -> TypedPeer {
        TypedPeer {
            name: name.clone(),
            network: node.get("network"),
            ports: kernel::ports(node, findings),
            capacity: node.find("capacity"),
            windows: windows(name, node.get("slow"), findings),
            breaker: node.find::<&Node>("breaker").map(client_policies::breaker),
            library: node.find("library").and_then(library::named).zip(Some(node.at("library"))),
        }
    }
}

fn windows(peer: &Name, nodes: &[Node], findings: &mut Findings) -> Vec<DegradedSpan> {
    let mut read: Vec<(DegradedSpan, &Node)> = Vec::new();
    for node in nodes.iter().filter(|node| node.sound(&["from", "to", "factor", "fail"])) {
        let from = Time::ZERO + node.get::<Span>("from");
        let to = Time::ZERO + node.get::<Span>("to");
        if to <= from {
            let what = format!("the window ends at {to}, before it begins at {from}");
            findings.error(node.at("to"), what).label("not after `from`").help("swap `from` and `to`");
            continue;
        }
        if !node.given("factor") && !node.given("fail") {
            let finding = findings.warning(node.at, format!("this window of peer `{}` changes nothing", peer.text));
            finding.label("no effect").help("write `factor = 4.5` or `fail = 0.01`");
        }
        // At most a million, checked by the walker, so a million times a thousand fits.
        let factor_milli = (node.get::<f64>("factor") * 1e3).round() as u32;
        read.push((DegradedSpan { from, to, factor_milli, fail_ppm: ppm(node.get("fail")) }, node));
    }
    read.sort_by_key(|(window, _)| (window.from, window.to));
    for pair in read.windows(2) {
        let ((before, _), (after, node)) = (&pair[0], &pair[1]);
        if after.from < before.to {
            let what = format!(
                "windows of peer `{}` overlap: this one begins at {}, another ends at {}",
                peer.text, after.from, before.to
            );
            findings
                .error(node.at("from"), what)
                .label("inside another window")
                .help("let one window end where the next begins");
        }
    }
    read.into_iter().map(|(window, _)| window).collect()
}
