//! What people asked in public about event loops of asyncio, and what they measured.
//!
//! Printed times and rates are taken with a tenth to both sides, counts as they are.

use super::row::{GalleryRow, Reading, Tolerance, value as row};

const SECOND: f64 = 1e9;
const MS: f64 = 1e6;
const TENTH: f64 = 10.0;

const fn read(
    scenario: &'static str,
    set: &'static [&'static str],
    world: &'static str,
    figure: &'static str,
) -> Reading {
    Reading { scenario, set, world, figure }
}

const fn waits(set: &'static [&'static str], world: &'static str) -> Reading {
    read("asyncio/three-waits.toml", set, world, "throughput_rps")
}

const fn wrk(set: &'static [&'static str], world: &'static str) -> Reading {
    read("asyncio/ten-seconds.toml", set, world, "requests_ok")
}

const fn session(set: &'static [&'static str]) -> Reading {
    read("asyncio/session-deadlock.toml", set, "fastapi", "throughput_rps")
}

const fn checkout(set: &'static [&'static str], figure: &'static str) -> Reading {
    read("asyncio/blocking-checkout.toml", set, "asyncio", figure)
}

const fn ping(set: &'static [&'static str]) -> Reading {
    read("asyncio/gil.toml", set, "fastapi", "latency_p50_ns")
}

const TWELVE: &[&str] = &["offload.threads=12"];
const ASYNC: &[&str] = &["request.wait.in_thread=false"];
const FORTY: &[&str] = &["client.people.clients=40"];
const SIXTY: &[&str] = &["client.people.clients=60"];
const MANAGER: &[&str] = &[
    "client.people.clients=60",
    r#"request.depends.steps=[{thread=[{with="db",timeout="30s",steps=[{call="postgres",takes="20ms"},{burn="50us"}]}]}]"#,
];
const FIFTEEN: &[&str] = &["client.calls.clients=15", "client.calls.total=15"];
const TWENTY: &[&str] = &["client.calls.clients=20", "client.calls.total=20"];
const POOL_40: &[&str] = &["client.calls.clients=20", "client.calls.total=20", "pool.db.units=40"];
const FOUR: &[&str] = &[
    "machine.cores=2",
    "world.uvicorn.processes=4",
    "client.burst.clients=40",
    "client.burst.total=40",
    r#"request.blocks.steps=[{burn="300us"},{sleep="1s",blocking=true}]"#,
];

#[rustfmt::skip] // One published figure a row.
pub(super) static ROWS: [GalleryRow; 19] = [
    row("G1/async", "1,000 waits of 3 s, 50 at once, await", "15.74/s", waits(&[], "async"), Tolerance::Near(15.74, TENTH)),
    row("G1/anyio", "the same in `def`: 40 threads", "12.72/s", waits(&[], "threads"), Tolerance::Near(12.72, TENTH)),
    row("G1/executor", "the same through run_in_executor: 12 threads", "3.90/s", waits(TWELVE, "threads"), Tolerance::Near(3.90, TENTH)),

    row("G2/def-1", "wrk -c100, 60 s, waits of 10 s in `def`, 1 worker", "200", wrk(&[], "one"), Tolerance::Exactly(200.0)),
    row("G2/async-1", "the same in `async def`", "500", wrk(ASYNC, "one"), Tolerance::Exactly(500.0)),
    row("G2/def-4", "in `def`, 4 workers", "500", wrk(&[], "four"), Tolerance::Exactly(500.0)),
    row("G2/async-4", "in `async def`, 4 workers", "500", wrk(ASYNC, "four"), Tolerance::Exactly(500.0)),

    row("G3/40", "a session from Depends, pool of 10, 40 people", "460/s", session(FORTY), Tolerance::Near(460.0, TENTH)),
    row("G3/60", "60 people", "collapse", session(SIXTY), Tolerance::Between(0.0, 46.0)),
    row("G3/manager", "60 people, a context manager in the endpoint", "473/s", session(MANAGER), Tolerance::Near(473.0, TENTH)),

    row("G4/15", "15 calls that check out on the loop: the last is done", "4 s", checkout(FIFTEEN, "latency_max_ns"), Tolerance::Between(0.0, 4.4 * SECOND)),
    row("G4/16", "16 calls", "35 s", checkout(&[], "latency_max_ns"), Tolerance::Near(35.0 * SECOND, TENTH)),
    row("G4/16-error", "16 calls: errors", "1", checkout(&[], "requests_failed"), Tolerance::Exactly(1.0)),
    row("G4/20", "20 calls", "not within 15 minutes", checkout(TWENTY, "latency_max_ns"), Tolerance::Between(900.0 * SECOND, 86_400.0 * SECOND)),
    row("G4/40", "20 calls, pool_size = 40: good", "20 of 20", checkout(POOL_40, "requests_ok"), Tolerance::Exactly(20.0)),

    row("G5/4", "40 at once, 4 workers, 1 s each: the last answer", "measured again: 18 to 38 s", read("asyncio/one-worker.toml", FOUR, "uvicorn", "latency_max_ns"), Tolerance::Between(18.0 * SECOND, 38.0 * SECOND)),

    row("G6/1", "a ping beside 1 thread that computes", "measured: 5.8 ms", ping(&["client.hogs.clients=1"]), Tolerance::Near(5.8 * MS, TENTH)),
    row("G6/4", "beside 4", "measured: 40.6 ms", ping(&[]), Tolerance::Near(40.6 * MS, TENTH)),
    row("G6/8", "beside 8", "measured: 95 ms", ping(&["client.hogs.clients=8"]), Tolerance::Near(95.0 * MS, TENTH)),
];
