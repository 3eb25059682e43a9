//! Wayfair, blocking I/O in gevent.

use super::row::{Check, GalleryRow, Reading, Shape, Tolerance, row};
use super::window::{Extract, Stretch};

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

/// The report's fleet, whose load rises at 60 s and falls at 120 s.
const fn answers(from: u32, to: u32) -> (Reading, Stretch) {
    (fleet(&[], "ok_rps"), Stretch { take: Extract::Mean, from, to })
}

const fn cascade(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "wayfair/cascade.toml", set: &[], world, figure }
}

const fn after_the_server_is_back(from: u32, to: u32) -> (Reading, Stretch) {
    (cascade("gevent", "latency_p90_ns"), Stretch { take: Extract::Mean, from, to })
}

const fn partial(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "wayfair/partial.toml", set, world: "gevent", figure }
}

const NO_ROUTE: &[&str] = &["request.write.share=0", "request.other.share=100"];
const TEN_PERCENT: &[&str] = &["request.write.share=10", "request.other.share=90"];
const THIRTY_PERCENT: &[&str] = &["request.write.share=30", "request.other.share=70"];
const ALL_ROUTES: &[&str] = &["request.write.share=100", "request.other.share=0"];
/// gevent's monitor warns of a hub that is held for longer (`GEVENT_MAX_BLOCKING_TIME`).
const MONITOR: f64 = 0.1e9;

const fn one(scenario: &'static str, figure: &'static str) -> Reading {
    Reading { scenario, set: &[], world: "gevent", figure }
}

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 22] = [
    row("D1", "6 servers, 4 gunicorn gevent workers each", "24 processes", Check::Stated("wayfair/moderate-load.toml")),
    row("D2", "a database that gives way, a C library that does not", "\"thousands of concurrent requests\"", Check::Stated("wayfair/moderate-load.toml")),
    row("D3/slowly", "p90 at 80, 110 and 160 requests a second", "rises slowly, then no response", Check::Shape(&[fleet(LOW, "latency_p90_ns"), fleet(MIDDLE, "latency_p90_ns"), fleet(HIGH, "latency_p90_ns")], Shape::Rising(5.0))),
    GalleryRow { key: "D3/at-once", what: "good answers a second before the load rose, and from 20 s after it fell", published: "\"quickly return to responding normally\"", flaw: "how long the accept queues were is not said: here 128, Linux before 5.4; with gunicorn's 2,048 a minute of answers for nobody comes first", check: Check::Course(&[answers(30, 60), answers(140, 170)], Shape::Keeps(90.0)) },
    row("D4", "CPU where it stops answering", "~30 %", Check::Value(fleet(HIGH, "cpu_busy_share"), Tolerance::Between(0.0, 0.3))),
    row("D5", "what a worker could do, per gunicorn's documentation: bare requests", "\"thousands of requests per second\"", Check::Value(one("wayfair/bare-worker.toml", "throughput_rps"), Tolerance::Between(1_000.0, 10_000.0))),
    row("D6", "100 threads on 4 workers: calls in progress", "exactly 4", Check::Value(flush(&[], "calls_peak"), Tolerance::Exactly(4.0))),
    row("D7/container", "ceiling of a container, 200 ms a call", "derived 4 / 0.2 s = 20 /s", Check::Value(flush(&[], "throughput_rps"), Tolerance::Near(20.0, 2.0))),
    row("D7/fleet", "ceiling of the fleet", "derived 24 / 0.2 s = 120 /s", Check::Value(one("wayfair/fleet-ceiling.toml", "throughput_rps"), Tolerance::Near(120.0, 2.0))),
    row("D8", "poll(timeout=0): calls in progress no longer bounded by 4", "hundreds of concurrent requests", Check::Value(flush(PATIENT, "calls_peak"), Tolerance::Exactly(100.0))),
    row("D9", "poll(timeout>0) blocks again: calls in progress", "back to 4", Check::Value(flush(SHORT, "calls_peak"), Tolerance::Exactly(4.0))),
    GalleryRow { key: "D10", what: "latency of the route before and after", published: "200 ms -> \"5ns\"", flaw: "5 ns is no latency of a request: surely a slip of the unit", check: Check::Shape(&[flush(&[], "latency_p50_ns"), flush(AT_ONCE, "latency_p50_ns")], Shape::Falling(10.0)) },
    row("D11/cascade", "health checks beside blocked hubs, one of six servers down for 30 s: servers taken out", "\"stop responding\"", Check::Value(cascade("gevent", "ejections"), Tolerance::Between(6.0, 1e9))),
    row("D11/lasts", "p90 before, and two minutes after the server is back", "\"stop responding\"", Check::Course(&[after_the_server_is_back(30, 60), after_the_server_is_back(210, 270)], Shape::Rising(5.0))),
    row("D11/threads", "the same with threads: only the server that is down", "not in the report", Check::Value(cascade("threads", "ejections"), Tolerance::Exactly(1.0))),
    row("D12/p90", "p90 with 0, 10, 30 and 100 % of the routes blocking", "\"blocked less drastically\"", Check::Shape(&[partial(NO_ROUTE, "latency_p90_ns"), partial(TEN_PERCENT, "latency_p90_ns"), partial(THIRTY_PERCENT, "latency_p90_ns"), partial(ALL_ROUTES, "latency_p90_ns")], Shape::Rising(1.5))),
    row("D12/median", "the median with 0, 10 and 30 %: nothing to see", "\"very difficult to even identify\"", Check::Shape(&[partial(NO_ROUTE, "latency_p50_ns"), partial(TEN_PERCENT, "latency_p50_ns"), partial(THIRTY_PERCENT, "latency_p50_ns")], Shape::Flat(10.0))),
    row("D12/monitor", "longest hold of a hub with 10 %: gevent's monitor would see it", "not in the report; threshold 0.1 s", Check::Value(partial(TEN_PERCENT, "hub_hold_max_ns"), Tolerance::Between(MONITOR, 1e12))),
    row("D12/quiet", "the same with none: the monitor is quiet", "not in the report; threshold 0.1 s", Check::Value(partial(NO_ROUTE, "hub_hold_max_ns"), Tolerance::Between(0.0, MONITOR))),
    row("D13/threads", "threads under the same call: calls in progress", "not in the report", Check::Value(Reading { scenario: "wayfair/flush.toml", set: &[], world: "threads", figure: "calls_peak" }, Tolerance::Exactly(100.0))),
    row("D13/pure", "a client that gives way: throughput over that of flush()", "\"pure Python\"", Check::Ratio(flush(PATIENT, "throughput_rps"), flush(&[], "throughput_rps"), Tolerance::Between(20.0, 26.0))),
    row("D13/offload", "the hub's thread pool", "not in the report", Check::Stated("patterns/offload.toml")),
];
