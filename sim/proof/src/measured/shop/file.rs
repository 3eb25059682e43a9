//! The form of the shop's files, and how it is read as an entry.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Route;
use crate::measured::entry::{Class, MeasuredEntry, MeasuredLatency, MeasuredLoad, MeasuredServer, Run};

/// The seed of the first run's load; those of the following ones are one more each (`run.py`).
const SEED: u32 = 100;

/// A file of the shop.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::measured) struct ShopFile {
    name: String,
    server: String,
    processes: u32,
    threads_or_connections: u32,
    db_pool: u32,
    mix: Vec<(f64, String)>,
    load: MeasuredLoad,
    runs: Vec<ShopRun>,
}

#[derive(Debug, Deserialize)]
struct ShopRun {
    sent: u64,
    ok: u64,
    rps: f64,
    timeouts: u64,
    errors: u64,
    /// How late requests were sent, which is no part of their latency.
    #[serde(rename = "late_p99_ms")]
    _late_p99_ms: Option<f64>,
    all: ShopLatency,
    server_cpu_s: f64,
    wall_s: f64,
    core0_busy: f64,
    /// By route.
    #[serde(flatten)]
    routes: BTreeMap<String, ShopLatency>,
}

/// Latencies; there are none where nothing went well.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShopLatency {
    n: u64,
    mean_ms: Option<f64>,
    p50_ms: Option<f64>,
    p90_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    max_ms: Option<f64>,
}

impl ShopFile {
    /// As an entry like all others.
    pub(in crate::measured) fn entry(self) -> MeasuredEntry {
        let load = match self.load {
            MeasuredLoad::Open { rate, seconds, timeout_s, seed } => {
                MeasuredLoad::Open { rate, seconds, timeout_s, seed: seed.or(Some(SEED)) }
            }
            other => other,
        };
        let count = |servers: &[&str]| {
            (self.threads_or_connections > 0 && servers.contains(&self.server.as_str()))
                .then_some(self.threads_or_connections)
        };
        let deployment = MeasuredServer {
            processes: Some(self.processes),
            threads: count(&["gthread", "uwsgi"]),
            greenlets: count(&["gevent"]),
            backlog: Some(if self.server == "uwsgi" { 128 } else { 2_048 }),
            db_pool: Some(self.db_pool),
            server: self.server,
            ..MeasuredServer::default()
        };
        let paths: Vec<&str> = self.mix.iter().map(|(_, path)| path.as_str()).collect();
        let runs = self.runs.iter().map(|run| run.run(&paths)).collect();
        let mix = self.mix.iter().map(|(weight, path)| Class { weight: *weight, steps: path.clone() }).collect();
        MeasuredEntry { name: self.name, deployment, mix, load, runs }
    }
}

impl ShopRun {
    fn run(&self, paths: &[&str]) -> Run {
        let class = |at: usize| paths.get(at).and_then(|path| self.routes.get(*path)).and_then(|found| found.latency());
        Run {
            sent: Some(self.sent),
            ok: self.ok,
            timeouts: self.timeouts,
            errors: self.errors,
            wall_s: Some(self.wall_s),
            rps: Some(self.rps),
            all: self.all.latency(),
            class0: class(0),
            class1: class(1),
            class2: class(2),
            class3: class(3),
            server_cpu_s: Some(self.server_cpu_s),
            foreign_cpu0: Some(self.core0_busy - self.server_cpu_s / self.wall_s),
            ..Run::default()
        }
    }
}

impl ShopLatency {
    fn latency(&self) -> Option<MeasuredLatency> {
        Some(MeasuredLatency {
            n: self.n,
            mean_ms: self.mean_ms?,
            p50_ms: self.p50_ms?,
            p90_ms: self.p90_ms?,
            p95_ms: self.p95_ms?,
            p99_ms: self.p99_ms?,
            max_ms: self.max_ms?,
        })
    }
}

/// Whether all that an entry asks for is bare.
pub(in crate::measured) fn is_bare(mix: &[Class]) -> bool {
    !mix.is_empty() && mix.iter().all(|class| Route::of(&class.steps) == Some(Route::Bare))
}
