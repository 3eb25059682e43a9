//! `[run]`: how long and how closely to look, and whether a run of the scenario can be like that.

use engine::model::{Limits, RunSpec};
use engine::time::{Span, Time};

use crate::reader::key::{KeyKind, KeyTable, Presence, key};
use crate::reader::node::Node;
use crate::tables::client::When;
use crate::whole::{Scenario, warm_up_check};
use crate::words::diagnostic::Findings;
use crate::words::limits;

pub(super) static RUN: KeyTable = KeyTable {
    heading: "[run]",
    noun: "a run",
    doc: "How long and how closely to look.",
    keys: &[
        key(
            "seed",
            KeyKind::Count(0, i64::MAX as u64),
            Presence::Default("1"),
            "7",
            "Where chance begins: the same seed gives the same run, on every machine.",
        ),
        key(
            "replications",
            KeyKind::Count(1, limits::REPLICATIONS),
            Presence::Default("5"),
            "20",
            "Runs with chance drawn anew, for intervals.",
        ),
        key(
            "length",
            KeyKind::Positive,
            Presence::Else("until the closed clients have sent all of their `total`"),
            "\"15m\"",
            "Requests are sent until then.",
        ),
        key(
            "drain",
            KeyKind::Duration,
            Presence::Default("\"2m\""),
            "\"2m\"",
            "How long the run may go on after that for what is still inside.",
        ),
        key(
            "warm_up",
            KeyKind::DurationOr(warm_up_check::AUTO),
            Presence::Default("\"0s\""),
            "\"10s\"",
            "Requests born before this are simulated but not counted; `\"auto\"`: until pilot runs have settled (MSER-5).",
        ),
        key("step", KeyKind::Positive, Presence::Default("\"1s\""), "\"1s\"", "Width of a point of the time series."),
        key(
            "starved_after",
            KeyKind::Positive,
            Presence::Default("\"1s\""),
            "\"5s\"",
            "A request that waits for longer, while two that came later are answered, counts as starved; so does a client that asks again \
             and again and waits for so long without a good response while another one gets two.",
        ),
        key(
            "max_events",
            KeyKind::Count(1, limits::EVENTS_MAX),
            Presence::Default(limits::EVENTS),
            "1_000_000",
            "Events after which a run ends with an error. A file whose clients alone send more is refused.",
        ),
        key(
            "max_alive",
            KeyKind::Count(1, limits::ALIVE_MAX),
            Presence::Default(limits::ALIVE),
            "10_000",
            "Requests alive at once beyond which a run ends with an error.",
        ),
        key(
            "max_memory_mib",
            KeyKind::Count(1, limits::MEMORY_MIB_MAX),
            Presence::Default(limits::MEMORY_MIB),
            "512",
            "Memory of one run as estimated, and of the results of all runs together, in MiB; requests alive at once are as many as fit.",
        ),
    ],
};

/// What ends a run before its time.
pub(super) fn limits(run: &Node) -> Limits {
    Limits {
        events: run.get("max_events"),
        requests: run.get("max_alive"),
        bytes: run.get::<u64>("max_memory_mib") << 20,
        ..Limits::default()
    }
}

/// Reads what is recorded, and for how long.
pub(super) fn spec(run: &Node) -> RunSpec {
    RunSpec {
        length: run.find("length"),
        drain: run.get("drain"),
        warm_up: run.find("warm_up").unwrap_or(Span::ZERO),
        step: run.get("step"),
        starved_after: run.get("starved_after"),
    }
}

impl Scenario {
    /// Reports a run that has no end, counts nothing, or is looked at too closely.
    pub(super) fn check_run(&self, node: &Node, findings: &mut Findings) {
        let endless = self.clients.iter().find(|client| !client.ends());
        let RunSpec { length, drain, warm_up, step, starved_after: _ } = self.run;
        let Some(length) = length else {
            if let Some(client) = endless {
                let missing =
                    if matches!(client.when, When::Closed { .. }) { ", or `total` to the client" } else { "" };
                let what = format!("the run has no end: client `{}` never stops", client.name.text);
                let help = format!("add `length = \"60s\"` to [run]{missing}");
                findings.error(client.name.at, what).label("comes for ever").help(help).echo();
            }
            return;
        };
        if warm_up >= length && node.sound(&["warm_up", "length"]) {
            let what = format!("nothing is counted: the warm-up {warm_up} is not shorter than the run {length}");
            findings
                .error(node.at("warm_up"), what)
                .label("as long as the run")
                .help("shorten `warm_up` or lengthen `length`");
        }
        let points = (length + drain).as_ns() / step.as_ns().max(1);
        if points > limits::SERIES && node.sound(&["step", "length", "drain"]) {
            let what = format!("the time series has {} points, more than the limit", limits::grouped(points));
            let help = format!("the limit is {}; choose a longer `step`", limits::grouped(limits::SERIES));
            findings.error(node.at("step"), what).label("too fine").help(help);
        }
        if !node.sound(&["length", "drain"]) {
            return;
        }
        let end = Time::ZERO + (length + drain);
        for peer in &self.peers {
            if peer.windows.iter().any(|window| window.from >= end) {
                let what = format!("a window of peer `{}` begins after the run has ended at {end}", peer.name.text);
                findings
                    .warning(peer.name.at, what)
                    .label("never reached")
                    .help("move the window, or lengthen the run");
            }
        }
    }
}
