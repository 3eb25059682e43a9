//! gunicorn's issue 2585 on keep-alive slots.
//!
//! The issue prints whole seconds, and 2 for requests of one second that nobody keeps waiting: they are taken as rounded up, so a
//! printed second is a band of one second.

use super::row::{Check, GalleryRow, Reading, Tolerance, row};

const SECOND: f64 = 1e9;

const fn last_of(set: &'static [&'static str], world: &'static str) -> Reading {
    Reading { scenario: "gunicorn/keep-alive-slots.toml", set, world, figure: "latency_max_ns" }
}

const fn printed(second: f64) -> Tolerance {
    Tolerance::Between((second - 1.0) * SECOND, second * SECOND)
}

const THREE: &[&str] = &["client.balancer.clients=3", "client.balancer.total=3"];
const SIX: &[&str] = &["client.balancer.clients=6", "client.balancer.total=6"];
const NINE: &[&str] = &["client.balancer.clients=9", "client.balancer.total=9"];
const TWELVE: &[&str] = &["client.balancer.clients=12", "client.balancer.total=12"];

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 6] = [
    row("F1/1", "15 requests, 3 connections: the first three are done", "2 s", Check::Value(last_of(THREE, "gevent"), printed(2.0))),
    row("F1/2", "the next three", "63 s", Check::Value(last_of(SIX, "gevent"), printed(63.0))),
    row("F1/3", "the next three", "124 s", Check::Value(last_of(NINE, "gevent"), printed(124.0))),
    row("F1/4", "the next three", "185 s", Check::Value(last_of(TWELVE, "gevent"), printed(185.0))),
    row("F1/5", "the last three", "246 s", Check::Value(last_of(&[], "gevent"), printed(246.0))),
    row("F1/gthread", "the same with gthread and 3 threads", "\"within few secs\"", Check::Value(last_of(&[], "gthread"), Tolerance::Between(0.0, 10.0 * SECOND))),
];
