//! Hand-made entries for the tests of what is made of them.

use super::{Comparison, Deployment, Entry, Fate, Latency, Load, Outcome, Run, Validated};

/// An entry of closed clients whose runs, measured and simulated, have these throughputs and latencies to match.
pub fn validated(name: &str, server: &str, measured_rps: &[f64], simulated_rps: &[f64]) -> Validated {
    let latency = |rps: f64| Latency {
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
    let entry = Entry {
        name: name.to_owned(),
        deployment: Deployment { server: server.to_owned(), ..Deployment::default() },
        mix: Vec::new(),
        load: Load::Closed { clients: 1, requests: 100, timeout_s: 60.0 },
        runs: measured_rps.iter().map(run).collect(),
    };
    let outcome = |&rps: &f64| Outcome {
        ok_rps: rps,
        p50_ms: Some(1e3 / rps),
        p90_ms: Some(1e3 / rps),
        p99_ms: Some(2e3 / rps),
        bad_share: 0.0,
        cpu_cores: Some(0.5),
    };
    let simulated: Vec<Outcome> = simulated_rps.iter().map(outcome).collect();
    Validated::new(&entry, Fate::Compared(Box::new(Comparison::of(&entry, &simulated))))
}
