//! Pinterest, "How we use gevent to go fast".

use super::row::{Band, Check, Reading, Row, Shape};

const IN_A_ROW: &[&str] = &["client.users.requests=[\"in-a-row\"]", "run.length=60s"];
const SIDE_BY_SIDE: &[&str] = &["client.users.requests=[\"side-by-side\"]", "run.length=60s"];

const fn hog(world: &'static str) -> Reading {
    Reading { scenario: "pinterest/cpu-hog.toml", set: &[], world, figure: "latency_p90_ns" }
}

const fn fan(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "patterns/fan-out.toml", set, world: "gevent", figure: "latency_mean_ns" }
}

const fn row(key: &'static str, what: &'static str, published: &'static str, check: Check) -> Row {
    Row { key, what, published, flaw: "", check }
}

/// Lost updates among requests of one kind.
const fn lost(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "pinterest/critical-section.toml", set, world: "gevent", figure: "lost_updates" }
}

/// Conflicts among requests of one kind.
const fn conflicts(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "pinterest/shared-socket.toml", set, world: "gevent", figure: "conflicts" }
}

const PLAIN: &[&str] = &["client.users.requests=[\"plain\"]"];
const YIELDS: &[&str] = &["client.users.requests=[\"yields\"]"];
const LOCKED: &[&str] = &["client.users.requests=[\"locked\"]"];
const SHARED: &[&str] = &["client.users.requests=[\"shared\"]"];
const POOLED: &[&str] = &["client.users.requests=[\"pooled\"]"];
const OWN: &[&str] = &["client.users.requests=[\"own\"]"];
const NONE: Band = Band::Exactly(0.0);
/// The first has none, the last has some.
const SOME: Shape = Shape::Breaks(0.0, 1.0);

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [Row; 20] = [
    row("C1", "slow requests take processes out of the pool", "500s or latency", Check::NotYet("no scenario of it")),
    row("C2", "memory of processes against the host", "\"footprint getting bigger\"", Check::Stated("limits/memory.toml")),
    row("C3", "more backends, more chances of a slow one", "-", Check::NotYet("no scenario of it")),
    row("C4", "five sub-requests side by side over in a row", "max, not sum: H5 / 5 = 0.457", Check::Ratio(fan(SIDE_BY_SIDE), fan(IN_A_ROW), Band::Near(0.4567, 25.0))),
    row("C5", "libraries that cannot be patched", "the whole process stops", Check::Stated("patterns/offload.toml, wayfair/flush.toml")),
    row("C6", "drivers in pure Python cost more CPU", "no number", Check::NotYet("no scenario of it")),
    row("C7", "updates lost in a critical section without a yield", "0 violations", Check::Value(lost(PLAIN), NONE)),
    row("C8", "in one with a lock, and in one with a yield", "0; > 0", Check::Shape(&[lost(LOCKED), lost(YIELDS)], SOME)),
    row("C9", "conflicts on a socket a request, and on one for all", "\"undefined behaviors\"", Check::Shape(&[conflicts(OWN), conflicts(SHARED)], SOME)),
    row("C10/lock", "conflicts with a lock around the shared socket", "no number", Check::Value(conflicts(LOCKED), NONE)),
    row("C10/pool", "conflicts with a pool of ten", "no number", Check::Value(conflicts(POOLED), NONE)),
    row("C10/request", "conflicts with a connection for each request", "no number", Check::Value(conflicts(OWN), NONE)),
    row("C11", "tests tune the settings", "-", Check::NotYet("no command sweeps a value")),
    row("C12", "p90 beside a CPU hog, hub over threads", "others wait for the whole burst", Check::Ratio(hog("gevent"), hog("threads"), Band::Between(1.5, 1e3))),
    row("C13/often", "fix 1: sleep(0) in heavy work, every 0.1 ms, over none", "fairness up", Check::Ratio(hog("gevent-sleep0-often"), hog("gevent"), Band::Between(0.0, 0.9))),
    Row { key: "C13/rarely", what: "the same every 5 ms", published: "fairness up", flaw: "no interval is printed; measured servers are not fairer with one every 5 ms either", check: Check::Ratio(hog("gevent-sleep0"), hog("gevent"), Band::Between(0.0, 0.9)) },
    row("C13/cost", "its price", "throughput slightly down", Check::NotYet("no saturated scenario of it")),
    row("C14", "fix 2: four processes over one", "the system schedules fairly", Check::Ratio(hog("gevent-4"), hog("gevent"), Band::Between(0.0, 0.9))),
    row("C15", "before and after", "fewer processes, lower latency", Check::NotYet("no scenario of it")),
    row("C16", "legacy size", "2 years, hundreds of thousands of lines", Check::NotYet("lines of code are not simulated")),
];
