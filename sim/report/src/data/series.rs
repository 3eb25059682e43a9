//! What is followed over time as a table: a row for each step of each run.

use engine::record::{Ending, RunRecord};
use engine::time::Span;
use lab::WorldResult;
use lab::sweep::table::{Cell, ColumnKind, SweepTable};

use super::Column;

/// Its columns.
pub const COLUMNS: [Column; 23] = [
    Column { name: "world", kind: ColumnKind::Text, unit: "text", doc: "Name of the world." },
    Column { name: "replication", kind: ColumnKind::Integer, unit: "number", doc: "Number of the run, from 0." },
    Column {
        name: "from_ns",
        kind: ColumnKind::Integer,
        unit: "ns",
        doc: "Beginning of the step, from the start of the run.",
    },
    Column { name: "to_ns", kind: ColumnKind::Integer, unit: "ns", doc: "End of the step." },
    count("sent", "Requests sent in the step, refreshes and retries included."),
    count("refreshes", "Refreshes and retries among them."),
    count("ok", "Good responses in the step."),
    count("failed", "Requests that the server answered with an error."),
    count("connect_timeout", "Requests that got no connection in time."),
    count("read_timeout", "Requests that were connected but got no response in time."),
    count("gave_up", "Requests whose user lost patience and left."),
    count("refused", "Requests whose connection was refused."),
    count("reset", "Requests whose connection broke before the response was there."),
    count("no_port", "Requests for which the client had no local port left."),
    count("syn_drops", "SYNs dropped at full queues and tables."),
    number("in_flight", "count", "Requests inside the servers, mean over the step."),
    number("queued", "count", "Connections in accept queues and in-server queues, mean over the step."),
    number("retrying", "count", "Clients waiting to repeat a dropped SYN, mean over the step."),
    number("slots_busy_share", "share", "Busy slots over slots."),
    number("cpu_busy_share", "share", "Busy core time over core time."),
    span("latency_p50_ns", "Median latency of the good responses of the step."),
    span("latency_p90_ns", "90th percentile of the same."),
    span("latency_p99_ns", "99th percentile of the same."),
];

const fn count(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer, unit: "count", doc }
}

const fn number(name: &'static str, unit: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Number, unit, doc }
}

const fn span(name: &'static str, doc: &'static str) -> Column {
    Column { name, kind: ColumnKind::Integer, unit: "ns", doc }
}

/// The table, world by world and run by run; requests of the warm-up are in it.
pub fn series_table(results: &[WorldResult]) -> SweepTable {
    let mut table = Column::table(&COLUMNS);
    for record in results.iter().flat_map(|world| &world.records) {
        let steps = record.series.sent.len().max(record.series.in_flight_milli.len());
        table.rows.extend((0..steps).map(|at| row(record, at)));
    }
    table
}

fn row(record: &RunRecord, at: usize) -> Vec<Cell> {
    let series = &record.series;
    let whole = |number: u64| Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    // Nothing was counted where a column has ended.
    let count = |column: &[u64]| whole(column.get(at).copied().unwrap_or(0));
    let level = |column: &[u64], one: f64| Cell::number(column.get(at).map(|&value| value as f64 / one));
    let latency =
        |column: &[Option<Span>]| column.get(at).copied().flatten().map_or(Cell::Nothing, |span| whole(span.as_ns()));
    let from = series.step * at as u64;
    let mut row = vec![
        Cell::Text(record.world.clone()),
        Cell::Integer(i64::from(record.replication)),
        whole(from.as_ns()),
        whole((from + series.step).as_ns()),
        count(&series.sent),
        count(&series.refreshes),
    ];
    let endings = Ending::ALL.into_iter().filter(|&ending| ending != Ending::Unfinished);
    row.extend(endings.map(|ending| count(&series.endings[ending as usize])));
    row.push(count(&series.syn_drops));
    let milli = [&series.in_flight_milli, &series.queued_milli, &series.retrying_milli];
    row.extend(milli.map(|column| level(column, 1e3)));
    row.extend([&series.slots_ppm, &series.cpu_ppm].map(|column| level(column, 1e6)));
    row.extend([&series.latency_p50, &series.latency_p90, &series.latency_p99].map(|column| latency(column)));
    row
}

#[cfg(test)]
mod tests {
    use lab::fixtures;

    use super::*;
    use crate::data::csv::csv;

    #[test]
    fn every_step_of_every_run_has_a_row_with_a_cell_for_each_column() {
        let records: Vec<RunRecord> = (0..2)
            .map(|number| {
                let mut record = fixtures::empty("threads", number);
                record.series.step = Span::from_secs(2);
                record.series.sent = vec![10, 0];
                record.series.endings[Ending::Ok as usize] = vec![4, 5];
                record.series.in_flight_milli = vec![1_500, 0, 250];
                record.series.latency_p50 = vec![Some(Span::from_ms(20)), None, None];
                record
            })
            .collect();
        let table = series_table(&[WorldResult { name: "threads".to_owned(), records }]);
        assert!(table.rows.len() == 6 && table.rows.iter().all(|row| row.len() == table.columns.len()));
        let text = csv(&table);
        assert!(text.contains("\nthreads,0,0,2000000000,10,0,4,0,0,0,0,0,0,0,0,1.5,,,,,20000000,,\n"), "{text}");
        assert!(text.contains("\nthreads,1,4000000000,6000000000,0,0,0,0,0,0,0,0,0,0,0,0.25,,,,,,,\n"), "{text}");
    }
}
