//! Mixpanel, "gevent: the Good, the Bad, the Ugly".

use super::row::{Asked, Band, Check, Reading, Row, Shape};

const PAGE: &str = "mixpanel/static-page.toml";
const TEN: &[&str] = &["client.ab.clients=10"];
const HUNDRED: &[&str] = &["client.ab.clients=100"];
const FIVE_HUNDRED: &[&str] = &["client.ab.clients=500", "world.gevent.greenlets=500", "world.paste.threads=500"];
const PORTS: &[&str] =
    &["run.length=4m", "run.warm_up=2m", "client.reuse.rate=0.001/s", "client.one-address.rate=700/s"];
const WIDE: &[&str] = &[
    "run.length=4m",
    "run.warm_up=2m",
    "client.reuse.rate=0.001/s",
    "client.one-address.rate=1500/s",
    "client.one-address.ports.first=1024",
    "client.one-address.ports.last=65535",
];

const fn page(set: &'static [&'static str], world: &'static str) -> Reading {
    Reading { scenario: PAGE, set, world, figure: "throughput_rps" }
}

const fn ports(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "limits/ports.toml", set, world: "gevent", figure: "throughput_rps" }
}

const IN_2010: &str = "software.gevent=\"0.13\"";
const BEFORE_FORK: &str = "software.patch=before-fork";
const REINIT: &str = "software.reinit=true";

/// What the checker says of an application's software.
const fn doubt(kind: &'static str, mistake: &'static [&'static str], cure: &'static [&'static str]) -> Check {
    Check::Doubt(Asked { scenario: "mixpanel/patching.toml", kind, mistake, cure })
}

const fn row(key: &'static str, what: &'static str, published: &'static str, check: Check) -> Row {
    Row { key, what, published, flaw: "", check }
}

const UNSEEN: &str = "no scenario of it";

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [Row; 32] = [
    row("A1/2010", "gevent over paste, a static page", "\"by a factor of 4\"", Check::NotYet("no preset of 2010: gevent.wsgi was libevent's HTTP server in C")),
    row("A1/today", "the same with today's servers", "measured again: 1.1", Check::Ratio(page(HUNDRED, "gevent"), page(HUNDRED, "paste"), Band::Between(0.825, 1.375))),
    row("A2/gevent", "rps at 10, 100 and 500 clients, gevent", "\"remarkably stable\"", Check::Shape(&[page(TEN, "gevent"), page(HUNDRED, "gevent"), page(FIVE_HUNDRED, "gevent")], Shape::Flat(15.0))),
    row("A2/paste", "the same, threads", "\"remarkably stable\"", Check::Shape(&[page(TEN, "paste"), page(HUNDRED, "paste"), page(FIVE_HUNDRED, "paste")], Shape::Flat(15.0))),
    row("A3", "errors of the threads: connect timeouts", "rise linearly with concurrency", Check::NotYet(UNSEEN)),
    row("A4", "gevent's errors", "0 up to 5,000; some at 10,000", Check::NotYet(UNSEEN)),
    row("A5", "threads at 10,000", "\"failed completely\"", Check::NotYet("worlds have no limit on threads")),
    row("A6", "ab -c NUM -n 100000 -r", "-", Check::Stated(PAGE)),
    row("A7", "WSGIServer(spawn=NUM)", "-", Check::Stated(PAGE)),
    row("A8", "threadpool_workers=NUM", "-", Check::Stated(PAGE)),
    row("A9", "client and server on one machine", "four cores, 100 % of one", Check::NotYet("a load generator has a core of its own")),
    row("A10", "payload", "derived 4,470 bytes and tags", Check::NotYet("ab's block of `tailback run` prints bytes; there is no bandwidth")),
    row("A11/default", "ports: connections a second of 28,232 in 60 s", "\"~500\" (derived 470)", Check::Value(ports(PORTS), Band::Near(470.53, 2.0))),
    row("A11/wide", "the same with 1024-65535", "derived 1,075", Check::Value(ports(WIDE), Band::Near(1_075.2, 2.0))),
    row("A12", "tcp_tw_recycle, tcp_tw_reuse", "needed past a rate", Check::Stated("limits/ports.toml: tcp_tw_reuse; recycle is gone since Linux 4.12")),
    Row { key: "A13", what: "syncookies", published: "\"echo 1 | sudo tee .../tcp_syncookies\"", flaw: "the text means to disable them, which is 0, as a comment says", check: Check::Stated("limits/handshake.toml: tcp_syncookies") },
    row("A14", "conntrack's table full", "no number; derived 273 /s", Check::NotYet("no scenario with 32,768 entries")),
    row("A15", "conntrack off for the loopback", "a comment", Check::Stated("limits/tables.toml: nf_conntrack_max left out")),
    row("A16", "open files", "4096: \"~4000 simultaneous\"", Check::NotYet("no scenario with 4,096")),
    row("A17", "one pair of addresses only in tests", "-", Check::Stated("limits/ports.toml: addresses")),
    row("A18", "eventlet inside gevent", "hangs", doubt("second-loop", &["software.libraries=[\"pymongo\", \"eventlet\"]"], &[])),
    row("A19/fork", "a patched parent daemonizes; gevent.reinit()", "an unpatched socket", doubt("patch-order", &[IN_2010, BEFORE_FORK], &[IN_2010, BEFORE_FORK, REINIT])),
    row("A19/imports", "patching after imports; patching first", "an unpatched socket", doubt("patch-order", &["software.patch=after-imports"], &[])),
    row("A20", "not everything is patched", "signal, Queue", doubt("unpatched", &[IN_2010], &[])),
    row("A21", "N daemons on N ports behind nginx", "one core a process", Check::Stated("patterns/balancers.toml")),
    row("A22", "a load client of many processes", "-", Check::NotYet("one program sends, on one core")),
    row("A23", "gunicorn's gevent workers at one socket", "-", Check::Stated("limits/accept-sharing.toml")),
    row("A24", "gunicorn and slow clients", "Unicorn's Achilles heel", Check::Stated("patterns/slow-readers.toml")),
    row("A25", "cost of a greenlet's switch", "\"greenlet is slow\"", Check::Stated("presets/2026-py3.11.toml: hub.switch")),
    row("A26", "socket buffers run out silently", "-", Check::NotYet("socket memory is not modelled")),
    row("A27", "DNS after fork", "c-ares", doubt("resolver", &[IN_2010, BEFORE_FORK, REINIT], &["software.gevent=\"1.0\"", BEFORE_FORK, REINIT])),
    row("F1", "gunicorn's keep-alive slots: 15 requests, 3 connections", "2, 63, 124, 185, 246 s", Check::NotYet("no scenario of it")),
];
