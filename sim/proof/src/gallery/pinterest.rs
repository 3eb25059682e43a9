//! Pinterest, "How we use gevent to go fast".

use super::row::{Check, GalleryRow, Reading, Shape, Tolerance, row};
use super::window::{Extract, Stretch};

const IN_A_ROW: &[&str] = &["client.users.requests=[\"in-a-row\"]", "run.length=60s"];
const SIDE_BY_SIDE: &[&str] = &["client.users.requests=[\"side-by-side\"]", "run.length=60s"];

const fn hog(world: &'static str) -> Reading {
    Reading { scenario: "pinterest/cpu-hog.toml", set: &[], world, figure: "latency_p90_ns" }
}

const fn fan(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "patterns/fan-out.toml", set, world: "gevent", figure: "latency_mean_ns" }
}

const fn slow(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "pinterest/slow-requests.toml", set: &[], world, figure }
}

/// The median of a fleet, of whose requests one in ten needs what is slow from 60 s to 120 s.
const fn median(world: &'static str, from: u32, to: u32) -> (Reading, Stretch) {
    (slow(world, "latency_p50_ns"), Stretch { take: Extract::Mean, from, to })
}

const ONE_BACKEND: &[&str] = &["client.users.rate=100/s", "request.page.steps.0.fan=1"];
const FIVE_BACKENDS: &[&str] = &["client.users.rate=100/s"];
const TWENTY_BACKENDS: &[&str] = &["client.users.rate=100/s", "request.page.steps.0.fan=20"];

const fn tail(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "pinterest/tail-at-scale.toml", set, world: "gevent", figure }
}

const IN_C: &[&str] = &["client.users.requests=[\"in-c\"]"];
const IN_PYTHON: &[&str] = &["client.users.requests=[\"in-python\"]"];
const IN_C_FULL: &[&str] = &["client.users.requests=[\"in-c\"]", "client.users.clients=50", "client.users.think=0s"];
const IN_PYTHON_FULL: &[&str] =
    &["client.users.requests=[\"in-python\"]", "client.users.clients=50", "client.users.think=0s"];

const fn driver(set: &'static [&'static str], figure: &'static str) -> Reading {
    Reading { scenario: "pinterest/drivers.toml", set, world: "gevent", figure }
}

const fn tuned(set: &'static [&'static str]) -> Reading {
    Reading { scenario: "pinterest/tuning.toml", set, world: "gevent", figure: "throughput_rps" }
}

const AT_ONCE_1: &[&str] = &["world.gevent.greenlets=1"];
const AT_ONCE_4: &[&str] = &["world.gevent.greenlets=4"];
const AT_ONCE_16: &[&str] = &["world.gevent.greenlets=16"];
const AT_ONCE_64: &[&str] = &["world.gevent.greenlets=64"];
const AT_ONCE_200: &[&str] = &["world.gevent.greenlets=200"];

const fn saturated(world: &'static str) -> Reading {
    Reading { scenario: "pinterest/yield-cost.toml", set: &[], world, figure: "throughput_rps" }
}

const fn timers(world: &'static str) -> Reading {
    Reading { scenario: "pinterest/cpu-hog-2013.toml", set: &[], world, figure: "latency_p90_ns" }
}

const fn outcome(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "pinterest/before-after.toml", set: &[], world, figure }
}

/// Good responses a second of a fleet in a window: the spike is from 90 s to 130 s, the trouble from 210 s to 240 s.
const fn good(world: &'static str, from: u32, to: u32) -> (Reading, Stretch) {
    (outcome(world, "ok_rps"), Stretch { take: Extract::Mean, from, to })
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
const NONE: Tolerance = Tolerance::Exactly(0.0);
/// The first has none, the last has some.
const SOME: Shape = Shape::Breaks(0.0, 1.0);

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 32] = [
    row("C1/latency", "median of all while one backend is slow, single-threaded processes", "\"skyrocketing the site latency\"", Check::Course(&[median("processes", 20, 60), median("processes", 80, 120)], Shape::Rising(10.0))),
    row("C1/errors", "the same: errors behind a proxy that waits 10 s", "\"causing 500 errors\"", Check::Value(slow("processes", "requests_failed"), Tolerance::Between(1.0, 1e9))),
    row("C1/pool", "the same: processes busy in the worst minute", "\"processes out the pool\"", Check::Value(slow("processes", "slots_busiest_minute_share"), Tolerance::Between(0.98, 1.0))),
    row("C1/gevent", "the median with greenlets: who does not need it does not notice", "not in the report", Check::Course(&[median("gevent", 20, 60), median("gevent", 80, 120)], Shape::Flat(25.0))),
    row("C2", "memory of processes against the host", "\"footprint getting bigger\"", Check::Stated("limits/memory.toml")),
    row("C3/1", "pages spoilt by a slow backend, each slow with q = exp(-3), one a page", "law: q = 0.0498", Check::Ratio(tail(ONE_BACKEND, "requests_failed"), tail(ONE_BACKEND, "requests_sent"), Tolerance::Near(0.049_787, 2.0))),
    row("C3/5", "the same, five a page", "law: 1 - (1 - q)^5 = 0.225", Check::Ratio(tail(FIVE_BACKENDS, "requests_failed"), tail(FIVE_BACKENDS, "requests_sent"), Tolerance::Near(0.225_352, 2.0))),
    row("C3/20", "the same, twenty a page", "law: 1 - (1 - q)^20 = 0.640", Check::Ratio(tail(TWENTY_BACKENDS, "requests_failed"), tail(TWENTY_BACKENDS, "requests_sent"), Tolerance::Near(0.639_904, 2.0))),
    row("C4", "five sub-requests side by side over in a row", "max, not sum: H5 / 5 = 0.457", Check::Ratio(fan(SIDE_BY_SIDE), fan(IN_A_ROW), Tolerance::Near(0.4567, 25.0))),
    row("C5", "libraries that cannot be patched", "the whole process stops", Check::Stated("patterns/offload.toml, wayfair/flush.toml")),
    row("C6/cpu", "CPU of a driver in Python over one in C, same load", "no number; measured a call: 90 us over 22 us", Check::Ratio(driver(IN_PYTHON, "cpu_busy_share"), driver(IN_C, "cpu_busy_share"), Tolerance::Between(1.05, 1e3))),
    row("C6/worth", "what a hub can do with it, over the one that blocks", "it was worth replacing", Check::Ratio(driver(IN_PYTHON_FULL, "throughput_rps"), driver(IN_C_FULL, "throughput_rps"), Tolerance::Between(2.0, 1e3))),
    row("C7", "updates lost in a critical section without a yield", "0 violations", Check::Value(lost(PLAIN), NONE)),
    row("C8", "in one with a lock, and in one with a yield", "0; > 0", Check::Shape(&[lost(LOCKED), lost(YIELDS)], SOME)),
    row("C9", "conflicts on a socket a request, and on one for all", "\"undefined behaviors\"", Check::Shape(&[conflicts(OWN), conflicts(SHARED)], SOME)),
    row("C10/lock", "conflicts with a lock around the shared socket", "no number", Check::Value(conflicts(LOCKED), NONE)),
    row("C10/pool", "conflicts with a pool of ten", "no number", Check::Value(conflicts(POOLED), NONE)),
    row("C10/request", "conflicts with a connection for each request", "no number", Check::Value(conflicts(OWN), NONE)),
    row("C11/rise", "throughput with 1, 4, 16 greenlets under 200 clients", "tests \"helped us fine-tune concurrency settings\"", Check::Shape(&[tuned(AT_ONCE_1), tuned(AT_ONCE_4), tuned(AT_ONCE_16)], Shape::Rising(5.0))),
    row("C11/knee", "the same with 16, 64, 200: no more to gain", "the setting to find", Check::Shape(&[tuned(AT_ONCE_16), tuned(AT_ONCE_64), tuned(AT_ONCE_200)], Shape::Flat(5.0))),
    row("C12", "p90 beside a CPU hog, hub over threads", "others wait for the whole burst", Check::Ratio(hog("gevent"), hog("threads"), Tolerance::Between(1.5, 1e3))),
    row("C13/often", "fix 1: sleep(0) in heavy work, every 0.1 ms, over none", "fairness up", Check::Ratio(hog("gevent-sleep0-often"), hog("gevent"), Tolerance::Between(0.0, 0.9))),
    row("C13/rarely", "the same every 5 ms, where sleep(0) is a timer as in the gevent of 2013", "fairness up", Check::Ratio(timers("timer"), timers("none"), Tolerance::Between(0.0, 0.9))),
    row("C13/today", "every 5 ms where sleep(0) is a callback: no fairer, as measured", "not in the report", Check::Stated("pinterest/cpu-hog-2013.toml: callback")),
    row("C13/cost", "its price at saturation, every 0.1 ms over none", "throughput slightly down", Check::Ratio(saturated("every-100us"), saturated("none"), Tolerance::Between(0.9, 0.999))),
    row("C14", "fix 2: four processes over one", "the system schedules fairly", Check::Ratio(hog("gevent-4"), hog("gevent"), Tolerance::Between(0.0, 0.9))),
    row("C15/processes", "threads of the system, after over before", "\"significantly reduce the number of processes\"", Check::Ratio(outcome("after", "os_threads"), outcome("before", "os_threads"), Tolerance::Between(0.0, 0.5))),
    row("C15/latency", "mean latency, after over before", "lower latency", Check::Ratio(outcome("after", "latency_mean_ns"), outcome("before", "latency_mean_ns"), Tolerance::Between(0.0, 0.9))),
    row("C15/throughput", "good responses, after over before", "higher throughput", Check::Ratio(outcome("after", "throughput_rps"), outcome("before", "throughput_rps"), Tolerance::Between(1.001, 1e3))),
    row("C15/spikes", "good responses a second in a spike of traffic, before and after", "better with spikes", Check::Course(&[good("before", 95, 125), good("after", 95, 125)], Shape::Rising(1.2))),
    row("C15/trouble", "the same while the database is slow", "better with network problems", Check::Course(&[good("before", 212, 240), good("after", 212, 240)], Shape::Rising(1.2))),
    row("C16", "legacy size", "2 years, hundreds of thousands of lines", Check::Stated("about the code, of which no run says anything")),
];
