//! Wayfair, blocking I/O in gevent.

use super::row::{Band, Check, Reading, Row, Shape};

const PATIENT: &[&str] = &["request.write.steps.1.blocking=false"];
const AT_ONCE: &[&str] = &["request.write.steps.1.blocking=false", "request.write.steps.1.takes=0s"];
const SHORT: &[&str] = &["request.write.steps.1.takes=49ms"];
const LOW: &[&str] = &["client.users.rate=80/s", "run.replications=1"];
const HIGH: &[&str] = &["client.users.rate=160/s", "run.replications=1"];
const MIDDLE: &[&str] = &["client.users.rate=110/s", "run.replications=1"];

const fn flush(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "wayfair/flush.toml", set, world: "gevent", figure }
}

const fn fleet(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "wayfair/moderate-load.toml", set, world: "gevent", figure }
}

const fn row(key: &'static str, what: &'static str, published: &'static str, check: Check) -> Row {
    Row { key, what, published, flaw: "", check }
}

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [Row; 17] = [
    row("D1", "6 servers, 4 gunicorn gevent workers each", "24 processes", Check::Stated("wayfair/moderate-load.toml")),
    row("D2", "a database that gives way, a C library that does not", "\"thousands of concurrent requests\"", Check::Stated("wayfair/moderate-load.toml")),
    row("D3/slowly", "p90 at 80, 110 and 160 requests a second", "rises slowly, then no response", Check::Shape(&[fleet(LOW, "latency_p90_ns"), fleet(MIDDLE, "latency_p90_ns"), fleet(HIGH, "latency_p90_ns")], Shape::Rising(5.0))),
    row("D3/at-once", "good answers a second, 20 s after the load fell over those before it rose", "back to normal at once", Check::NotYet("a window of the run is not yet a number of the run")),
    row("D4", "CPU where it stops answering", "~30 %", Check::Value(fleet(HIGH, "cpu_busy_share"), Band::Between(0.0, 0.3))),
    row("D5", "what a worker could do, per gunicorn's documentation", "\"thousands of requests per second\"", Check::NotYet("a claim of a manual about bare requests; calibration entries measure it")),
    row("D6", "100 threads on 4 workers: calls in progress", "exactly 4", Check::Value(flush(&[], "calls_peak"), Band::Exactly(4.0))),
    row("D7/container", "ceiling of a container, 200 ms a call", "derived 4 / 0.2 s = 20 /s", Check::Value(flush(&[], "throughput_rps"), Band::Near(20.0, 2.0))),
    row("D7/fleet", "ceiling of the fleet", "derived 24 / 0.2 s = 120 /s", Check::NotYet("the fleet's calls are longer than 200 ms by 5 ms of CPU and a database; the container's row is the law")),
    row("D8", "poll(timeout=0): calls in progress no longer bounded by 4", "hundreds of concurrent requests", Check::Value(flush(PATIENT, "calls_peak"), Band::Exactly(100.0))),
    row("D9", "poll(timeout>0) blocks again: calls in progress", "back to 4", Check::Value(flush(SHORT, "calls_peak"), Band::Exactly(4.0))),
    Row { key: "D10", what: "latency of the route before and after", published: "200 ms -> \"5ns\"", flaw: "5 ns is no latency of a request: surely a slip of the unit", check: Check::Shape(&[flush(&[], "latency_p50_ns"), flush(AT_ONCE, "latency_p50_ns")], Shape::Falling(10.0)) },
    row("D11", "health checks and balancer: a cascade", "\"stop responding\"", Check::NotYet("no scenario of it")),
    row("D12", "p90 with 0, 10, 30 and 100 % of the routes blocking", "\"very difficult to even identify\"", Check::NotYet("no scenario of it")),
    row("D13/threads", "threads under the same call: calls in progress", "not in the report", Check::Value(Reading { scenario: "wayfair/flush.toml", set: &[], world: "threads", figure: "calls_peak" }, Band::Exactly(100.0))),
    row("D13/pure", "a client that gives way: throughput over that of flush()", "\"pure Python\"", Check::Ratio(flush(PATIENT, "throughput_rps"), flush(&[], "throughput_rps"), Band::Between(20.0, 26.0))),
    row("D13/offload", "the hub's thread pool", "not in the report", Check::Stated("patterns/offload.toml")),
];
