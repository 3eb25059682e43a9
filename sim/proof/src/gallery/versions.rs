//! What people met with older releases of gunicorn and gevent.
//!
//! Printed times and rates are taken with a tenth to both sides, counts as they are.

use super::row::{GalleryRow, Reading, Tolerance, value as row};

const MS: f64 = 1e6;
const TENTH: f64 = 10.0;

const fn read(scenario: &'static str, world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario, set: &[], world, figure }
}

const fn workers(world: &'static str) -> Reading {
    read("versions/workers-do-not-multiply.toml", world, "throughput_rps")
}

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 5] = [
    row("H1/23", "gunicorn 23, gthread, four kept connections: answers in 20 s", "measured: 3", read("versions/idle-connections.toml", "gunicorn-23", "requests_ok"), Tolerance::Exactly(3.0)),
    row("H2/1.2", "gevent 1.2.2: a heartbeat of 0.1 s beside sleep(0)", "0.5 s", read("versions/heartbeat.toml", "gevent-1-2", "latency_p50_ns"), Tolerance::Near(500.0 * MS, TENTH)),
    row("H3/1", "one gunicorn worker (sync, 20.0.4)", "2,200/s", workers("one"), Tolerance::Near(2_200.0, TENTH)),
    row("H3/2", "two of them", "2,230/s", workers("two"), Tolerance::Near(2_230.0, TENTH)),
    row("H3/4", "four", "2,280/s", workers("four"), Tolerance::Near(2_280.0, TENTH)),
];
