//! "Save the day with gevent".

use super::row::{Band, Check, Reading, Row};

const LIMIT: &[&str] = &[
    "run.length=60s",
    "run.warm_up=20s",
    "run.drain=20s",
    "run.replications=3",
    "client.users.patience=1000s",
    "request.page.steps.1.takes=664ms",
    "request.page.steps.3.takes=664ms",
    "request.page.steps.5.takes=664ms",
];
const CALM: &[&str] = &["run.length=60s", "run.warm_up=20s", "run.drain=20s", "run.replications=3"];
const OUTAGE: &[&str] = &["run.replications=1"];
const ENOUGH: &[&str] = &["run.replications=1", "world.threads.threads=125"];
const LOTTERY: &[&str] =
    &["run.replications=20", "client.ab.first_alone=false", "client.ab.cost=lognormal(44us, 75us)"];

const fn page(set: &'static [&'static str], world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "startup/slow-third-party.toml", set, world, figure }
}

const fn waves(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "startup/ab-waves.toml", set: &[], world, figure }
}

const fn herd(world: &'static str) -> Reading {
    Reading { scenario: "startup/router-herd.toml", set: LOTTERY, world, figure: "throughput_rps" }
}

const fn row(key: &'static str, what: &'static str, published: &'static str, check: Check) -> Row {
    Row { key, what, published, flaw: "", check }
}

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [Row; 31] = [
    row("B1", "2 servers, 8 processes, 40 threads", "640 threads", Check::Value(page(OUTAGE, "threads", "slots"), Band::Exactly(640.0))),
    row("B2", "threads busy at 300 rps and 2 s a page", "600 of 640, 93.75 %", Check::Value(page(LIMIT, "threads", "slots_busy_share"), Band::Near(0.9375, 2.0))),
    Row { key: "B3", what: "threads busy in calm times", published: "\"one third\" of 640", flaw: "a third busy is 0.71 s a page; the text says 100 to 200 ms, which is 30 to 60 threads", check: Check::Value(page(CALM, "threads", "slots_busy_share"), Band::Near(1.0 / 3.0, 25.0)) },
    row("B4", "threads busy in the bad minutes", "no threads left", Check::Value(page(OUTAGE, "threads", "slots_busiest_minute_share"), Band::Between(0.98, 1.0))),
    row("B5", "threads busy in the bad minutes with 2,000", "enough", Check::Value(page(ENOUGH, "threads", "slots_busiest_minute_share"), Band::Between(0.0, 0.95))),
    row("B6", "CPU in the bad minutes", "\"really low\"", Check::Value(page(OUTAGE, "threads", "cpu_busiest_minute_share"), Band::Between(0.0, 0.1))),
    row("B7/waste", "pages finished for people who had refreshed", "the avalanche", Check::Value(page(OUTAGE, "threads", "requests_wasted"), Band::Between(1_000.0, 1e9))),
    row("B7/second", "a second peak after the first", "success almost zero, then again", Check::NotYet("a window of the run is not yet a number of the run")),
    row("B8", "delay = queue + third party", "an identity", Check::Stated("every run asserts that waits add up to latency")),
    row("B9", "the third party's slowness is not our doing", "-", Check::Stated("startup/slow-third-party.toml: no capacity")),
    row("B10", "the greenlet primitive", "12, 56, 34; never 78", Check::NotYet("the gallery does not run scheduling programs; `tailback conform` does")),
    row("B11", "EWOULDBLOCK, watch, switch, again", "order of events", Check::NotYet("the gallery does not run scheduling programs; `tailback conform` does")),
    row("B12/rps", "ten threads, ab -c 10 -n 100, sleep(1)", "9.90 /s (10.098 s)", Check::Value(waves("threads", "throughput_rps"), Band::Near(9.90, 2.0))),
    row("B12/latency", "time per request", "1009.751 ms", Check::Value(waves("threads", "latency_mean_ns"), Band::Near(1_009.751e6, 2.0))),
    row("B12/ok", "complete requests", "100", Check::Value(waves("threads", "requests_ok"), Band::Exactly(100.0))),
    row("B12/failed", "failed requests", "0", Check::Value(waves("threads", "requests_failed"), Band::Exactly(0.0))),
    row("B12/bytes", "bytes in all, HTML", "9100, 1200", Check::NotYet("ab's block of `tailback run` prints them; they are no figure yet")),
    row("B13/rps", "ten greenlets", "9.89 /s (10.114 s)", Check::Value(waves("gevent", "throughput_rps"), Band::Near(9.89, 2.0))),
    row("B13/latency", "time per request", "1011.380 ms", Check::Value(waves("gevent", "latency_mean_ns"), Band::Near(1_011.380e6, 2.0))),
    row("B13/order", "threads over greenlets", "10.114 / 10.098 = 1.0016", Check::Ratio(waves("threads", "throughput_rps"), waves("gevent", "throughput_rps"), Band::Between(1.0, 1.02))),
    row("B14", "threads of the operating system", "13, 12 of them uWSGI's", Check::NotYet("a run does not count threads that serve nobody")),
    row("B15/threads", "ab -c 1000 -n 2000, threads, listen 100: any of 20 runs", "35.667 s (56 /s)", Check::Among(herd("threads"), 56.075)),
    row("B15/gevent", "the same with greenlets", "5.143 s (389 /s)", Check::Among(herd("gevent"), 388.877)),
    row("B15/threads-lucky", "threads could have drawn the greenlets' time", "measured: 4.2 to 24 s", Check::Among(herd("threads"), 388.877)),
    row("B15/gevent-unlucky", "greenlets could have drawn the threads' time", "measured: 4.5 to 35.5 s", Check::Among(herd("gevent"), 56.075)),
    row("B16/threads", "the same with listen 1024, threads", "measured: 3.1 to 3.2 s", Check::NotYet("measured with today's ab, whose first request runs alone; see the next row")),
    row("B16/no-lottery", "listen 1024: greenlets over threads", "1: two waves each", Check::Ratio(herd("gevent-listen-1024"), herd("threads-listen-1024"), Band::Near(1.0, 2.0))),
    row("B17/router", "--http, master", "an extra hop", Check::Stated("startup/router-herd.toml")),
    row("B17/docker", "docker's port map", "a proxy in user space", Check::NotYet("no such proxy in a world")),
    row("B18", "harakiri, rejected requests", "no number", Check::Stated("patterns/worker-lives.toml")),
    row("B19", "the cost of a rewrite", "10, 20, 42 KLOC", Check::NotYet("lines of code are not simulated")),
];
