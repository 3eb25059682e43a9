//! Requests one by one as a table: when each came and went, how it ended, and its bill, a column for each thing it waited for.

use engine::Model;
use engine::record::Wait;
use engine::requests::{Told, Why};
use engine::time::{Span, Time};
use lab::figure::RUN_FIGURES;
use lab::sweep::table::{Cell, ColumnKind, SweepTable};

use super::Column;

/// Columns before those of the bill.
pub const COLUMNS: [Column; 14] = [
    Column { name: "world", kind: ColumnKind::Text, unit: "text", doc: "Name of the world." },
    Column { name: "replication", kind: ColumnKind::Integer, unit: "number", doc: "Number of the run, from 0." },
    Column {
        name: "request",
        kind: ColumnKind::Integer,
        unit: "number",
        doc: "Which request of the run it is, from 1, in the order in which they ended.",
    },
    Column { name: "class", kind: ColumnKind::Text, unit: "text", doc: "Name of its class." },
    Column { name: "client", kind: ColumnKind::Text, unit: "text", doc: "Name of its group of clients." },
    Column {
        name: "person",
        kind: ColumnKind::Integer,
        unit: "number",
        doc: "Number of who sent it: the same person comes to every world of a replication. A client that asks again has another one each time.",
    },
    Column {
        name: "member",
        kind: ColumnKind::Integer,
        unit: "number",
        doc: "Which of the clients that ask again and again sent it, from 0 over all groups; nothing for people who come once.",
    },
    Column {
        name: "attempt",
        kind: ColumnKind::Integer,
        unit: "count",
        doc: "Requests that the same person had sent before: refreshes and retries.",
    },
    Column {
        name: "why",
        kind: ColumnKind::Text,
        unit: "text",
        doc: "Why it was sent: `first`, `refresh` after lost patience, `retry` after a bad end, or `copy` where a second copy came first.",
    },
    Column {
        name: "arrival_ns",
        kind: ColumnKind::Integer,
        unit: "ns",
        doc: "When it was sent, from the start of the run; of a second copy, when the first was.",
    },
    Column {
        name: "begun_ns",
        kind: ColumnKind::Integer,
        unit: "ns",
        doc: "When a thread or greenlet of a server took it; nothing if none did.",
    },
    Column { name: "finished_ns", kind: ColumnKind::Integer, unit: "ns", doc: "When it ended for its sender." },
    Column {
        name: "latency_ns",
        kind: ColumnKind::Integer,
        unit: "ns",
        doc: "From `arrival_ns` to `finished_ns`, however it ended: the sum of the columns that follow `outcome`.",
    },
    Column {
        name: "outcome",
        kind: ColumnKind::Text,
        unit: "text",
        doc: "How it ended: `ok`, or as in the figures `requests_...`, such as `gave_up`.",
    },
];

/// The bill, in the order of [`Wait::ALL`].
pub const BILL: [Column; Wait::KINDS] = [
    bill("network_ns", "Time travelling between client and server."),
    bill("syn_retry_ns", "Time until a dropped SYN was sent again."),
    bill("retransmit_ns", "Time from an ignored end of a handshake to the retransmission that was heard."),
    bill("backlog_ns", "Time in the kernel's accept queue."),
    bill("slot_ns", "Time accepted but without thread or greenlet."),
    bill("hub_ns", "Time ready while the hub ran something else."),
    bill("gil_ns", "Time ready while another thread held the GIL."),
    bill("core_ns", "Time ready while no core was free."),
    bill("throttled_ns", "Time on a core that stood still under a CPU limit."),
    bill("cpu_ns", "Time running on a core."),
    bill("native_ns", "Time computing in native code that needs no GIL."),
    bill("lock_ns", "Time waiting for a lock, a queue or an event."),
    bill("pool_ns", "Time waiting for a unit of a pool."),
    bill("peer_ns", "Time waiting for a dependency's reply."),
    bill("timer_ns", "Time asleep."),
];

const fn bill(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer, unit: "ns", doc }
}

/// A table of requests, without any.
pub fn requests_table() -> SweepTable {
    Column::table(&[&COLUMNS[..], &BILL[..]].concat())
}

/// The row of a request, which is the so-manieth of its run, from 1.
pub fn request_row(model: &Model, replication: u32, number: u64, told: &Told) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let whole = |number: u64| Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    let instant = |at: Time| whole(at.as_ns());
    let span = |span: Span| whole(span.as_ns());
    let mut row = vec![
        text(&model.name),
        Cell::Integer(i64::from(replication)),
        whole(number),
        text(&model.classes[usize::from(told.class)].name),
        text(&model.clients[usize::from(told.client)].name),
        whole(told.person),
        told.member.map_or(Cell::Nothing, |member| Cell::Integer(i64::from(member))),
        Cell::Integer(i64::from(told.attempt)),
        text(why(told.why)),
        instant(told.born),
        told.begun.map_or(Cell::Nothing, instant),
        instant(told.ended),
        span(told.latency()),
        text(outcome(told)),
    ];
    row.extend(told.bill.iter().map(|&part| span(part)));
    row
}

fn why(why: Why) -> &'static str {
    match why {
        Why::First => "first",
        Why::Refresh => "refresh",
        Why::Retry => "retry",
        Why::Hedge => "copy",
        Why::Check => "check",
    }
}

/// The ending as the figures have it: those after the requests sent are the endings, in their order.
fn outcome(told: &Told) -> &'static str {
    let name = RUN_FIGURES[1 + told.ending as usize].spec.name;
    name.strip_prefix("requests_").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use engine::record::Ending;
    use lab::figure::BLAME_FIGURES;

    use super::*;

    #[test]
    fn the_bill_has_a_column_for_each_figure_of_blame() {
        for (column, spec) in BILL.iter().zip(&BLAME_FIGURES) {
            assert_eq!(column.name.replace("_ns", "_mean_ns"), spec.name);
        }
    }

    #[test]
    fn outcomes_are_called_as_the_figures() {
        let told = |ending| Told {
            class: 0,
            client: 0,
            person: 0,
            member: None,
            attempt: 0,
            why: Why::First,
            born: Time::ZERO,
            begun: None,
            ended: Time::ZERO,
            ending,
            bill: [Span::ZERO; Wait::KINDS],
        };
        let names = Ending::ALL.map(|ending| outcome(&told(ending)));
        let all =
            ["ok", "failed", "connect_timeout", "read_timeout", "gave_up", "refused", "reset", "no_port", "unfinished"];
        assert_eq!(names, all);
    }
}
