//! Mixpanel, "gevent: the Good, the Bad, the Ugly".

use super::row::{Check, DoubtCase, GalleryRow, Reading, Shape, Tolerance, row};

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

const ERA: &str = "mixpanel/static-page-2010.toml";
const ERA_100: &[&str] = &["client.ab.clients=100", "world.paste.threads=100"];
const ERA_500: &[&str] = &["client.ab.clients=500", "world.paste.threads=500"];
const ERA_1000: &[&str] = &["client.ab.clients=1000", "world.paste.threads=1000"];
const ERA_2000: &[&str] = &["client.ab.clients=2000", "world.paste.threads=2000"];
const ERA_5000: &[&str] = &["client.ab.clients=5000", "world.paste.threads=5000"];
const ERA_10000: &[&str] = &["client.ab.clients=10000", "world.paste.threads=10000"];
/// `ab` on a core of its own, and no queue is too short.
const APART: &[&str] = &[
    "client.ab.clients=100",
    "world.paste.threads=100",
    "client.ab.on=own",
    "world.paste.listen=1024",
    "machine.somaxconn=1024",
];
const CONNECTIONS: &[f64] = &[100.0, 500.0, 1_000.0, 2_000.0, 5_000.0];
const FOUR: &[&str] = &["client.load.generators=4"];
const MIB: f64 = 1_048_576.0;

const fn era(set: &'static [&'static str], world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: ERA, set, world, figure }
}

const fn late(set: &'static [&'static str], world: &'static str) -> Reading {
    era(set, world, "requests_connect_timeout")
}

const fn rate(set: &'static [&'static str], world: &'static str) -> Reading {
    era(set, world, "throughput_rps")
}

const fn limit(scenario: &'static str, world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario, set: &[], world, figure }
}

const fn load(set: &'static [&'static str], world: &'static str) -> Reading {
    Reading { scenario: "limits/load-client.toml", set, world, figure: "throughput_rps" }
}

const fn memory(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "limits/socket-memory.toml", set: &[], world, figure }
}

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
    Check::Doubt(DoubtCase { scenario: "mixpanel/patching.toml", kind, mistake, cure })
}

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 46] = [
    row("A1/2010", "gevent over paste, a static page, errors ignored, ab apart", "\"by a factor of 4\"", Check::Ratio(rate(APART, "gevent"), rate(APART, "paste"), Tolerance::Near(4.0, 25.0))),
    GalleryRow { key: "A1/one-core", what: "the same, 1,000 clients on the server's core", published: "\"by a factor of 4\"", flaw: "with one core for both the same software, measured again without errors, gives 2.0, so this hangs on who waits longest; see docs/gallery.md", check: Check::Ratio(rate(ERA_1000, "gevent"), rate(ERA_1000, "paste"), Tolerance::Near(4.0, 25.0)) },
    row("A1/today", "the same with today's servers", "measured again: 1.1", Check::Ratio(page(HUNDRED, "gevent"), page(HUNDRED, "paste"), Tolerance::Between(0.825, 1.375))),
    row("A2/gevent", "rps at 10, 100 and 500 clients, gevent", "\"remarkably stable\"", Check::Shape(&[page(TEN, "gevent"), page(HUNDRED, "gevent"), page(FIVE_HUNDRED, "gevent")], Shape::Flat(15.0))),
    row("A2/paste", "the same, threads", "\"remarkably stable\"", Check::Shape(&[page(TEN, "paste"), page(HUNDRED, "paste"), page(FIVE_HUNDRED, "paste")], Shape::Flat(15.0))),
    row("A2/2010", "gevent's rps in 2010 at 100, 500, 1,000, 2,000 and 5,000", "\"remarkably stable\"", Check::Shape(&[rate(ERA_100, "gevent"), rate(ERA_500, "gevent"), rate(ERA_1000, "gevent"), rate(ERA_2000, "gevent"), rate(ERA_5000, "gevent")], Shape::Flat(15.0))),
    row("A3", "connect timeouts of threads at 100 to 5,000", "rise linearly with concurrency", Check::Shape(&[late(ERA_100, "paste"), late(ERA_500, "paste"), late(ERA_1000, "paste"), late(ERA_2000, "paste"), late(ERA_5000, "paste")], Shape::Straight(CONNECTIONS, 25.0))),
    row("A4/1000", "gevent's connect timeouts at 1,000", "0", Check::Value(late(ERA_1000, "gevent"), Tolerance::Exactly(0.0))),
    row("A4/5000", "the same at 5,000", "0", Check::Value(late(ERA_5000, "gevent"), Tolerance::Exactly(0.0))),
    row("A4/10000", "the same at 10,000", "some", Check::Calibrated(late(ERA_10000, "gevent"))),
    row("A4/apart", "gevent's rps at 10,000 over those at 1,000", "\"fell apart\"", Check::Ratio(rate(ERA_10000, "gevent"), rate(ERA_1000, "gevent"), Tolerance::Between(0.0, 0.75))),
    row("A5/5000", "threads at 5,000: good responses", "it runs", Check::Value(era(ERA_5000, "paste", "requests_ok"), Tolerance::Between(50_000.0, 99_999.0))),
    row("A5/10000", "threads at 10,000: good responses", "\"failed completely\"", Check::Value(era(ERA_10000, "paste", "requests_ok"), Tolerance::Exactly(0.0))),
    row("A6", "ab -c NUM -n 100000 -r", "-", Check::Stated(PAGE)),
    row("A7", "WSGIServer(spawn=NUM)", "-", Check::Stated(PAGE)),
    row("A8", "threadpool_workers=NUM", "-", Check::Stated(PAGE)),
    row("A9/core", "client and server on one core: its use, gevent", "\"100% of one core\"", Check::Value(era(ERA_100, "gevent", "cpu_busy_share"), Tolerance::Near(1.0, 2.0))),
    row("A9/apart", "gevent's rps with ab on a core of its own over that", "measured again: 2.2", Check::Ratio(rate(APART, "gevent"), rate(ERA_100, "gevent"), Tolerance::Near(2.2, 25.0))),
    row("A10/bytes", "payload", "derived 4,470 bytes and tags", Check::Stated("mixpanel/static-page-2010.toml: 4,506, ab's Document Length, measured again")),
    row("A10/bandwidth", "rps that 20 Mbit/s carry", "derived 541", Check::Value(limit("limits/bandwidth.toml", "gevent", "throughput_rps"), Tolerance::Near(540.77, 2.0))),
    row("A10/cpu", "CPU then", "not run out", Check::Value(limit("limits/bandwidth.toml", "gevent", "cpu_busy_share"), Tolerance::Between(0.0, 0.9))),
    row("A10/memory", "memory then, of 512 MiB", "not run out", Check::Value(limit("limits/bandwidth.toml", "gevent", "memory_peak_bytes"), Tolerance::Between(0.0, 460.0 * MIB))),
    row("A11/default", "ports: connections a second of 28,232 in 60 s", "\"~500\" (derived 470)", Check::Value(ports(PORTS), Tolerance::Near(470.53, 2.0))),
    row("A11/wide", "the same with 1024-65535", "derived 1,075", Check::Value(ports(WIDE), Tolerance::Near(1_075.2, 2.0))),
    row("A12", "tcp_tw_recycle, tcp_tw_reuse", "needed past a rate", Check::Stated("limits/ports.toml: tcp_tw_reuse; recycle is gone since Linux 4.12")),
    GalleryRow { key: "A13", what: "syncookies", published: "\"echo 1 | sudo tee .../tcp_syncookies\"", flaw: "the text means to disable them, which is 0, as a comment says", check: Check::Stated("limits/handshake.toml: tcp_syncookies") },
    row("A14", "conntrack's table of 32,768 full", "no number; derived 273 /s", Check::Value(limit("limits/conntrack.toml", "tracked", "throughput_rps"), Tolerance::Near(273.07, 2.0))),
    row("A15", "conntrack off for the loopback", "a comment", Check::Stated("limits/tables.toml: nf_conntrack_max left out")),
    row("A16/4096", "greenlets in service with 4,096 open files, of 10,000", "\"~4000 simultaneous\"", Check::Value(limit("limits/open-files.toml", "nofile-4096", "slots_busy_share"), Tolerance::Near(0.4096, 2.0))),
    row("A16/16384", "the same with 16,384, 6,000 at once", "enough", Check::Value(limit("limits/open-files.toml", "nofile-16384", "slots_busy_share"), Tolerance::Near(0.6, 2.0))),
    row("A17", "one pair of addresses only in tests", "-", Check::Stated("limits/ports.toml: addresses")),
    row("A18", "eventlet inside gevent", "hangs", doubt("second-loop", &["software.libraries=[\"pymongo\", \"eventlet\"]"], &[])),
    row("A19/fork", "a patched parent daemonizes; gevent.reinit()", "an unpatched socket", doubt("patch-order", &[IN_2010, BEFORE_FORK], &[IN_2010, BEFORE_FORK, REINIT])),
    row("A19/imports", "patching after imports; patching first", "an unpatched socket", doubt("patch-order", &["software.patch=after-imports"], &[])),
    row("A20", "not everything is patched", "signal, Queue", doubt("unpatched", &[IN_2010], &[])),
    row("A21", "N daemons on N ports behind nginx", "one core a process", Check::Stated("patterns/balancers.toml")),
    row("A22/one", "a load client of one process, 400 us a request", "derived 2,500 /s", Check::Value(load(&[], "four-processes"), Tolerance::Near(2_500.0, 2.0))),
    row("A22/four", "four of its processes over one", "derived 4", Check::Ratio(load(FOUR, "four-processes"), load(&[], "four-processes"), Tolerance::Near(4.0, 2.0))),
    row("A23", "gunicorn's gevent workers at one socket", "-", Check::Stated("limits/accept-sharing.toml")),
    row("A24", "gunicorn and slow clients", "Unicorn's Achilles heel", Check::Stated("patterns/slow-readers.toml")),
    row("A25", "cost of a greenlet's switch", "\"greenlet is slow\"", Check::Stated("presets/2026-py3.11.toml: hub.switch")),
    row("A26/greenlets", "rps with ample socket memory and with too little, gevent", "\"a performance degradation\"", Check::Shape(&[memory("ample", "throughput_rps"), memory("short", "throughput_rps")], Shape::Falling(1.5))),
    row("A26/threads", "the same, threads", "\"a performance degradation\"", Check::Shape(&[memory("ample-threads", "throughput_rps"), memory("short-threads", "throughput_rps")], Shape::Falling(1.5))),
    row("A26/errors", "share of requests that end well with too little, gevent", "\"a silent error\"", Check::Value(memory("short", "success_share"), Tolerance::Between(0.99, 1.0))),
    row("A26/errors-threads", "the same, threads", "\"a silent error\"", Check::Value(memory("short-threads", "success_share"), Tolerance::Between(0.99, 1.0))),
    row("A27", "DNS after fork", "c-ares", doubt("resolver", &[IN_2010, BEFORE_FORK, REINIT], &["software.gevent=\"1.0\"", BEFORE_FORK, REINIT])),
];
