//! Hand-made entries for the tests of what is made of them.

use super::{
    EntryComparison, EntryFate, MeasuredEntry, MeasuredLatency, MeasuredLoad, MeasuredServer, Run, ServerOutcome,
    Validated,
};

/// An entry of closed clients whose runs, measured and simulated, have these throughputs and latencies to match.
pub fn validated(name: &str, server: &str, measured_rps: &[f64], simulated_rps: &[f64]) -> Validated {
    let latency = |rps: f64| MeasuredLatency {
        n: 100,
        mean_ms: 1e3 / rps,
        p50_ms: 1e3 / rps,
        p90_ms: 1e3 / rps,
        p95_ms: 1e3 / rps,
        p99_ms: 2e3 / rps,
        max_ms: 3e3 / rps,
    };
    let run = |&rps: &f64| Run {
        ok: 100,
        wall_s: Some(100.0 / rps),
        rps: Some(rps),
        all: Some(latency(rps)),
        server_cpu_util: Some(0.25),
        ..Run::default()
    };
    let entry = MeasuredEntry {
        name: name.to_owned(),
        deployment: MeasuredServer { server: server.to_owned(), ..MeasuredServer::default() },
        mix: Vec::new(),
        load: MeasuredLoad::Closed { clients: 1, requests: 100, timeout_s: 60.0 },
        runs: measured_rps.iter().map(run).collect(),
    };
    let outcome = |&rps: &f64| ServerOutcome {
        ok_rps: rps,
        p50_ms: Some(1e3 / rps),
        p90_ms: Some(1e3 / rps),
        p99_ms: Some(2e3 / rps),
        bad_share: 0.0,
        cpu_cores: Some(0.5),
    };
    let simulated: Vec<ServerOutcome> = simulated_rps.iter().map(outcome).collect();
    Validated::new(&entry, EntryFate::Compared(Box::new(EntryComparison::of(&entry, &simulated))))
}
