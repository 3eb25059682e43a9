//! The numbers of one run, measured or simulated, worked out in the same way.

use engine::record::{Ending, RunRecord};
use engine::time::Span;

use super::entry::{MeasuredLoad, Run};

/// What one run gave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ServerOutcome {
    /// Good responses a second, from the first request to the last response.
    pub ok_rps: f64,
    /// Median latency of good responses, milliseconds; `None` if none was timed.
    pub p50_ms: Option<f64>,
    /// 90th percentile, milliseconds.
    pub p90_ms: Option<f64>,
    /// 99th percentile, milliseconds.
    pub p99_ms: Option<f64>,
    /// Share of requests that timed out or failed.
    pub bad_share: f64,
    /// CPU time of the server's processes over wall time, cores. Of a simulated run at most all cores: a server may have work
    /// left for people who are gone when the last of them is.
    pub cpu_cores: Option<f64>,
}

impl ServerOutcome {
    /// Of a measured run.
    pub fn measured(run: &Run, load: &MeasuredLoad) -> ServerOutcome {
        let bad = match load {
            MeasuredLoad::Loop { .. } => run.fail.unwrap_or(0),
            MeasuredLoad::Closed { .. } | MeasuredLoad::Open { .. } | MeasuredLoad::Ab { .. } => {
                run.timeouts + run.errors
            }
        };
        let over_wall = run.server_cpu_s.zip(run.wall_s).map(|(cpu_s, wall_s)| cpu_s / wall_s);
        ServerOutcome {
            ok_rps: run.rps.or(run.ok_per_s).unwrap_or(0.0),
            p50_ms: run.all.map(|all| all.p50_ms),
            p90_ms: run.all.map(|all| all.p90_ms),
            p99_ms: run.all.map(|all| all.p99_ms),
            bad_share: share(bad, run.ok + bad),
            cpu_cores: run.server_cpu_util.or(over_wall).or(run.cpu_util),
        }
    }

    /// Of a simulated run.
    pub fn simulated(record: &RunRecord) -> ServerOutcome {
        // Until the last response; what greenlets that loop do is counted until their time is up, as they never end.
        let looped = record.residents.is_some();
        let wall_s = if looped { record.window.as_secs_f64() } else { record.finished.as_secs_f64() };
        let ok = record.endings[Ending::Ok as usize];
        let under_way = if looped { record.endings[Ending::Unfinished as usize] } else { 0 };
        let sent: u64 = record.endings.iter().sum::<u64>() - under_way;
        let quantile = |p: f64| record.latency.quantile(p).map(|span| span.as_secs_f64() * 1e3);
        // A loop's clock stops with its window, which begins when the warm-up is over.
        let busy_s = if looped { wall_s } else { record.until_finished().as_secs_f64() };
        let cpu_s: f64 = record.process_cpu.iter().copied().map(Span::as_secs_f64).sum();
        ServerOutcome {
            ok_rps: if wall_s > 0.0 { ok as f64 / wall_s } else { 0.0 },
            p50_ms: quantile(0.5),
            p90_ms: quantile(0.9),
            p99_ms: quantile(0.99),
            bad_share: share(sent - ok, sent),
            cpu_cores: (busy_s > 0.0).then_some((cpu_s / busy_s).min(record.cores as f64)),
        }
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
