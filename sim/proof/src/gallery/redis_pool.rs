//! "10x faster gevent Redis connection pool".

use super::row::{Check, GalleryRow, Reading, Shape, Tolerance, row as said, value as row};

const ONE: &[&str] = &["queue.pool.size=1", "run.length=62s"];
const TEN: &[&str] = &["queue.pool.size=10", "run.length=62s"];
const HUNDRED: &[&str] = &["queue.pool.size=100", "run.length=62s"];
/// A run of the benchmark counts for 60 s.
const LAW: f64 = 2.0;
const RATE: f64 = 25.0;

const fn stdlib(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "redis-pool/stdlib-queue.toml", set, world: "python-2", figure }
}

const fn gevent(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "redis-pool/gevent-queue.toml", set, world: "gevent", figure }
}

const fn hand_off(figure: &'static str) -> Reading {
    Reading { scenario: "redis-pool/hand-off.toml", set: &["run.length=62s"], world: "gevent", figure }
}

const STARVED: &str = "the report did not look: all others failed";

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 45] = [
    said("E1", "5,000 greenlets, 1 s, pools of 1, 10, 100", "60 s a pass", Check::Stated("redis-pool/stdlib-queue.toml")),

    row("E2/fail-1", "stdlib queue, 1 connection, failures", "295823", stdlib(ONE, "requests_failed"), Tolerance::Near(295_823.0, LAW)),
    row("E2/fail-10", "stdlib queue, 10, failures", "294557", stdlib(TEN, "requests_failed"), Tolerance::Near(294_557.0, LAW)),
    row("E2/fail-100", "stdlib queue, 100, failures", "285101", stdlib(HUNDRED, "requests_failed"), Tolerance::Near(285_101.0, LAW)),
    said("E2/ok-1", "stdlib queue, 1 connection, good", "31127", Check::Calibrated(stdlib(ONE, "requests_ok"))),
    row("E2/ok-10", "stdlib queue, 10, good", "87462", stdlib(TEN, "requests_ok"), Tolerance::Near(87_462.0, RATE)),
    row("E2/ok-100", "stdlib queue, 100, good", "166749", stdlib(HUNDRED, "requests_ok"), Tolerance::Near(166_749.0, RATE)),
    said("E2/rate-1", "stdlib queue, 1 connection, success rate", "9.520 %", Check::Calibrated(stdlib(ONE, "success_share"))),
    row("E2/rate-10", "stdlib queue, 10, success rate", "22.895 %", stdlib(TEN, "success_share"), Tolerance::Near(0.228_947, RATE)),
    row("E2/rate-100", "stdlib queue, 100, success rate", "36.904 %", stdlib(HUNDRED, "success_share"), Tolerance::Near(0.369_036, RATE)),
    said("E3/rps-1", "stdlib queue, 1 connection", "518.758 req/s", Check::Calibrated(stdlib(ONE, "throughput_rps"))),
    row("E3/rps-10", "stdlib queue, 10", "1456.940 req/s", stdlib(TEN, "throughput_rps"), Tolerance::Near(1_456.940, RATE)),
    row("E3/rps-100", "stdlib queue, 100", "2776.179 req/s", stdlib(HUNDRED, "throughput_rps"), Tolerance::Near(2_776.179, RATE)),
    said("E3/elapsed", "stdlib queue, how late join(60) comes back with 1, 10, 100 (median of one a second)", "one draw each: 2.9, 31.3, 64.2 ms", Check::Shape(&[stdlib(ONE, "join_lag_p50_ns"), stdlib(TEN, "join_lag_p50_ns"), stdlib(HUNDRED, "join_lag_p50_ns")], Shape::Rising(5.0))),
    said("E3/elapsed-gevent", "gevent queue, the same", "one draw each: 0.2, 0.6, 9.0 ms", Check::Shape(&[gevent(ONE, "join_lag_p50_ns"), gevent(TEN, "join_lag_p50_ns"), gevent(HUNDRED, "join_lag_p50_ns")], Shape::Rising(5.0))),

    row("E4/fail-1", "gevent queue, 1 connection, failures", "297846", gevent(ONE, "requests_failed"), Tolerance::Near(297_846.0, LAW)),
    row("E4/fail-10", "gevent queue, 10, failures", "296746", gevent(TEN, "requests_failed"), Tolerance::Near(296_746.0, LAW)),
    row("E4/fail-100", "gevent queue, 100, failures", "289100", gevent(HUNDRED, "requests_failed"), Tolerance::Near(289_100.0, LAW)),
    said("E4/ok-1", "gevent queue, 1 connection, good", "521149", Check::Calibrated(gevent(ONE, "requests_ok"))),
    row("E4/ok-10", "gevent queue, 10, good", "1150745", gevent(TEN, "requests_ok"), Tolerance::Near(1_150_745.0, RATE)),
    row("E4/ok-100", "gevent queue, 100, good", "1112744", gevent(HUNDRED, "requests_ok"), Tolerance::Near(1_112_744.0, RATE)),
    said("E4/rate-1", "gevent queue, 1 connection, success rate", "63.633 %", Check::Calibrated(gevent(ONE, "success_share"))),
    row("E4/rate-10", "gevent queue, 10, success rate", "79.499 %", gevent(TEN, "success_share"), Tolerance::Near(0.794_993, RATE)),
    row("E4/rate-100", "gevent queue, 100, success rate", "79.377 %", gevent(HUNDRED, "success_share"), Tolerance::Near(0.793_772, RATE)),
    said("E5/rps-1", "gevent queue, 1 connection", "8685.794 req/s", Check::Calibrated(gevent(ONE, "throughput_rps"))),
    row("E5/rps-10", "gevent queue, 10", "19178.888 req/s", gevent(TEN, "throughput_rps"), Tolerance::Near(19_178.888, RATE)),
    row("E5/rps-100", "gevent queue, 100", "18542.948 req/s", gevent(HUNDRED, "throughput_rps"), Tolerance::Near(18_542.948, RATE)),
    said("E5/ratio-1", "gevent over stdlib, 1 connection", "16.7x", Check::Ratio(gevent(ONE, "throughput_rps"), stdlib(ONE, "throughput_rps"), Tolerance::Near(16.743, RATE))),
    said("E5/ratio-10", "gevent over stdlib, 10", "13.2x", Check::Ratio(gevent(TEN, "throughput_rps"), stdlib(TEN, "throughput_rps"), Tolerance::Near(13.164, RATE))),
    said("E5/ratio-100", "gevent over stdlib, 100", "6.7x (\"~10x\")", Check::Ratio(gevent(HUNDRED, "throughput_rps"), stdlib(HUNDRED, "throughput_rps"), Tolerance::Near(6.679, RATE))),
    said("E6/rise", "gevent queue, from 1 connection to 10", "2.2 times as many", Check::Shape(&[gevent(ONE, "throughput_rps"), gevent(TEN, "throughput_rps")], Shape::Rising(1.6))),
    said("E6/dip", "gevent queue, 10 connections and 100", "19,179 -> 18,543: no more to gain", Check::Shape(&[gevent(TEN, "throughput_rps"), gevent(HUNDRED, "throughput_rps")], Shape::Flat(5.0))),
    said("E7", "failures fall as winners rise", "4,964 / 4,946 / 4,818 a second", Check::Shape(&[gevent(ONE, "requests_failed"), gevent(TEN, "requests_failed"), gevent(HUNDRED, "requests_failed")], Shape::Falling(1.0))),
    row("E7/served-1", "greenlets that ever got a connection, of 5,000", STARVED, gevent(ONE, "residents_served"), Tolerance::Exactly(1.0)),
    row("E7/served-10", "the same with 10 connections", STARVED, gevent(TEN, "residents_served"), Tolerance::Exactly(10.0)),
    row("E7/served-100", "the same with 100", STARVED, gevent(HUNDRED, "residents_served"), Tolerance::Exactly(100.0)),
    row("E7/stdlib-10", "the same, stdlib queue, 10 connections", STARVED, stdlib(TEN, "residents_served"), Tolerance::Exactly(10.0)),
    row("E7/jain-10", "Jain's index, 10 connections", "measured again: 0.0020", gevent(TEN, "residents_jain_index"), Tolerance::Near(0.002, 5.0)),
    row("E7/longest", "longest time without a connection", "the whole minute", gevent(TEN, "residents_longest_without_ns"), Tolerance::Exactly(60e9)),
    said("E8", "\"No connection available.\"", "a log line", Check::Stated("redis-pool/gevent-queue.toml: requests_failed")),
    said("E9", "spawn all, reset the counters, join", "sleep(0.01), sleep(0.1)", Check::Stated("redis-pool/gevent-queue.toml: warm_up")),
    row("E10/served", "what if the pool hands over: greenlets served", "nobody starves", hand_off("residents_served"), Tolerance::Exactly(5_000.0)),
    row("E10/fail", "the same: failures", "5000 / 19,179 = 0.26 s < 1 s: none", hand_off("requests_failed"), Tolerance::Exactly(0.0)),
    row("E10/jain", "the same: Jain's index", "1: all have as many", hand_off("residents_jain_index"), Tolerance::Near(1.0, LAW)),
    said("E11", "versions", "gevent 1.3.3, Python 2.7.12", Check::Stated("redis-pool/stdlib-queue.toml: timed_waits, lock_yields")),
];
