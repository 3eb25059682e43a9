//! "Save the day with gevent".

use super::row::{Check, GalleryRow, Reading, Shape, Tolerance, row};
use super::window::{Extract, Stretch};

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
/// `ab` as it was then, and the report's own application: Flask around the sleep, 61 us (`docs/workers.md`).
const LOTTERY: &[&str] = &[
    "run.replications=400",
    "client.ab.first_alone=false",
    "client.ab.cost=lognormal(44us, 75us)",
    "request.hello.steps=[{ burn = \"61us\" }, { sleep = \"1s\" }]",
];

const fn page(set: &'static [&'static str], world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "startup/slow-third-party.toml", set, world, figure }
}

const fn waves(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "startup/ab-waves.toml", set: &[], world, figure }
}

const fn herd(world: &'static str) -> Reading {
    Reading { scenario: "startup/router-herd.toml", set: LOTTERY, world, figure: "throughput_rps" }
}

const fn demo(world: &'static str, figure: &'static str) -> Reading {
    Reading { scenario: "startup/docker-demo.toml", set: &[], world, figure }
}

/// The herd of today's ab, as measured.
const fn today(world: &'static str) -> Reading {
    Reading { scenario: "startup/router-herd.toml", set: &[], world, figure: "throughput_rps" }
}

/// As many runs of it as a lottery needs.
const fn draws(world: &'static str) -> Reading {
    Reading { set: &["run.replications=200"], ..today(world) }
}

/// A window of the outage: the third party is slow from 300 s to 480 s.
const fn outage(column: &'static str, take: Extract, from: u32, to: u32) -> (Reading, Stretch) {
    (page(OUTAGE, "threads", column), Stretch { take, from, to })
}

/// Try, watch, switch; what wakes it comes while another greenlet runs; try again, and no switch where there is something.
const WOULD_BLOCK: &[&str] = &[
    "recv is called",
    "another greenlet runs",
    "data is sent",
    "the writer goes on before the loop polls",
    "recv again=5",
    "recv finds something=3",
    "no switch between",
];

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 41] = [
    row("B1", "2 servers, 8 processes, 40 threads", "640 threads", Check::Value(page(OUTAGE, "threads", "slots"), Tolerance::Exactly(640.0))),
    row("B2", "threads busy at 300 rps and 2 s a page", "600 of 640, 93.75 %", Check::Value(page(LIMIT, "threads", "slots_busy_share"), Tolerance::Near(0.9375, 2.0))),
    GalleryRow { key: "B3", what: "threads busy in calm times", published: "\"one third\" of 640", flaw: "a third busy is 0.71 s a page; the text says 100 to 200 ms, which is 30 to 60 threads", check: Check::Value(page(CALM, "threads", "slots_busy_share"), Tolerance::Near(1.0 / 3.0, 25.0)) },
    row("B4", "threads busy in the bad minutes", "no threads left", Check::Value(page(OUTAGE, "threads", "slots_busiest_minute_share"), Tolerance::Between(0.98, 1.0))),
    row("B5", "threads busy in the bad minutes with 2,000", "enough", Check::Value(page(ENOUGH, "threads", "slots_busiest_minute_share"), Tolerance::Between(0.0, 0.95))),
    row("B6", "CPU in the bad minutes", "\"really low\"", Check::Value(page(OUTAGE, "threads", "cpu_busiest_minute_share"), Tolerance::Between(0.0, 0.1))),
    row("B7/waste", "pages finished for people who had refreshed", "the avalanche", Check::Value(page(OUTAGE, "threads", "requests_wasted"), Tolerance::Between(1_000.0, 1e9))),
    row("B7/second", "when response times rise, and when requests do", "a similar spike \"after some short delay\"", Check::Course(&[outage("latency_p50_ns", Extract::Rise, 300, 480), outage("sent_rps", Extract::Rise, 300, 480)], Shape::Rising(1.0))),
    row("B7/peak", "page loads a second, before and at the second peak", "the growing number of page loads", Check::Course(&[outage("sent_rps", Extract::Mean, 240, 300), outage("sent_rps", Extract::Mean, 360, 480)], Shape::Rising(1.5))),
    row("B7/success", "good responses a second, before and in the worst ten seconds", "\"dropped almost to zero\"", Check::Course(&[outage("ok_rps", Extract::Mean, 240, 300), outage("ok_rps", Extract::Least, 300, 540)], Shape::Falling(10.0))),
    row("B7/recovery", "good responses a second, before and two minutes after", "\"automagically recovered itself\"", Check::Course(&[outage("ok_rps", Extract::Mean, 240, 300), outage("ok_rps", Extract::Mean, 600, 660)], Shape::Flat(5.0))),
    row("B8", "delay = queue + third party", "an identity", Check::Stated("every run asserts that waits add up to latency")),
    row("B9", "the third party's slowness is not our doing", "-", Check::Stated("startup/slow-third-party.toml: no capacity")),
    row("B10", "the greenlet primitive", "12, 56, 34; never 78", Check::Order("startup/greenlet-switch.program.json", &["12", "56", "34"])),
    row("B11", "EWOULDBLOCK, watch, switch, again", "order of events", Check::Order("startup/would-block.program.json", WOULD_BLOCK)),
    row("B12/rps", "ten threads, ab -c 10 -n 100, sleep(1)", "9.90 /s (10.098 s)", Check::Value(waves("threads", "throughput_rps"), Tolerance::Near(9.90, 2.0))),
    row("B12/latency", "time per request", "1009.751 ms", Check::Value(waves("threads", "latency_mean_ns"), Tolerance::Near(1_009.751e6, 2.0))),
    row("B12/ok", "complete requests", "100", Check::Value(waves("threads", "requests_ok"), Tolerance::Exactly(100.0))),
    row("B12/failed", "failed requests", "0", Check::Value(waves("threads", "requests_failed"), Tolerance::Exactly(0.0))),
    row("B12/bytes", "bytes in all", "9100", Check::Value(waves("threads", "received_bytes"), Tolerance::Exactly(9_100.0))),
    row("B12/html", "bytes of HTML", "1200", Check::Value(waves("threads", "received_body_bytes"), Tolerance::Exactly(1_200.0))),
    row("B13/rps", "ten greenlets", "9.89 /s (10.114 s)", Check::Value(waves("gevent", "throughput_rps"), Tolerance::Near(9.89, 2.0))),
    row("B13/latency", "time per request", "1011.380 ms", Check::Value(waves("gevent", "latency_mean_ns"), Tolerance::Near(1_011.380e6, 2.0))),
    row("B13/order", "threads over greenlets", "10.114 / 10.098 = 1.0016", Check::Ratio(waves("threads", "throughput_rps"), waves("gevent", "throughput_rps"), Tolerance::Between(1.0, 1.02))),
    row("B14/threads", "threads of uWSGI: master, router, ten of the worker", "13 in all, 12 of them uWSGI's", Check::Value(demo("threads", "os_threads"), Tolerance::Exactly(12.0))),
    row("B14/gevent", "the same with greenlets: one for each process", "\"only the necessary uWSGI processes\"", Check::Value(demo("gevent", "os_threads"), Tolerance::Exactly(3.0))),
    GalleryRow { key: "B15/threads", what: "ab -c 1000 -n 2000, threads, listen 100: any of 400 runs", published: "35.667 s (56 /s)", flaw: "one draw of a lottery, which its author could not see: the listen queue of 100 overflows, and what it ignored is sent again after twice as long each time; the same set-up measured again took 4.2 to 24.4 s with threads and 4.5 to 35.5 s with greenlets", check: Check::Among(herd("threads"), 56.075) },
    row("B15/gevent", "the same with greenlets", "5.143 s (389 /s)", Check::Among(herd("gevent"), 388.877)),
    row("B15/threads-lucky", "threads could have drawn the greenlets' time", "measured: 4.2 to 24 s", Check::Among(herd("threads"), 388.877)),
    row("B15/gevent-unlucky", "greenlets could have drawn the threads' time", "measured: 4.5 to 35.5 s", Check::Among(herd("gevent"), 56.075)),
    row("B15/median", "the middle one of 200 runs with today's ab, threads", "measured: 11.9 s, the middle one of 9", Check::Middle(draws("threads"), Tolerance::Near(168.36, 25.0))),
    row("B15/median-gevent", "the same, greenlets", "measured: 5.1 s, the middle one of 8", Check::Middle(draws("gevent"), Tolerance::Near(392.06, 25.0))),
    row("B15/long", "runs of ten seconds and more, threads", "measured: 5 of 9 (95 %: 21 to 86 %)", Check::Share(draws("threads"), 200.0, Tolerance::Between(0.21, 0.86))),
    row("B15/long-gevent", "the same, greenlets", "measured: 1 of 8 (95 %: 0.3 to 53 %)", Check::Share(draws("gevent"), 200.0, Tolerance::Between(0.003, 0.53))),
    row("B16/threads", "listen 1024 and today's ab, whose first request runs alone: threads", "measured: 3.1 to 3.2 s", Check::Value(today("threads-listen-1024"), Tolerance::Between(2_000.0 / 3.25, 2_000.0 / 3.05))),
    row("B16/gevent", "the same, greenlets", "measured: 3.1 to 3.2 s", Check::Value(today("gevent-listen-1024"), Tolerance::Between(2_000.0 / 3.25, 2_000.0 / 3.05))),
    row("B16/no-lottery", "listen 1024: greenlets over threads", "1: two waves each", Check::Ratio(herd("gevent-listen-1024"), herd("threads-listen-1024"), Tolerance::Near(1.0, 2.0))),
    row("B17/router", "--http, master", "an extra hop", Check::Stated("startup/router-herd.toml")),
    row("B17/docker", "docker's port map: ten threads behind it and the router", "9.90 /s (10.098 s)", Check::Value(demo("threads", "throughput_rps"), Tolerance::Near(9.90, 2.0))),
    row("B18", "harakiri, rejected requests", "no number", Check::Stated("patterns/worker-lives.toml")),
    row("B19", "the cost of a rewrite", "10, 20, 42 KLOC; \"almost a year\"", Check::Stated("about the work of people, of which no run says anything")),
];
