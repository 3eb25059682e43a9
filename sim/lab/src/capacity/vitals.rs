//! The few numbers of a run that a search keeps: what was promised, how full everything was, and what the time went into.

use engine::model::{Arrivals, ClientSpec, Model};
use engine::record::{Ending, KernelCounts, RunRecord, Wait, WorkerCounts};

use crate::busiest::BusiestMinute;
use crate::figure::blame_of;
use crate::overload::{Overload, growth_ratio, growth_rps, overload};
use crate::slo::{Seen, Slo};

/// What is kept of a run.
#[derive(Clone, PartialEq, Debug)]
pub struct Vitals {
    /// What the run says about every objective, in their order.
    pub seen: Vec<Seen>,
    /// Requests that ended among those that each objective is about, in their order.
    pub asked: Vec<u64>,
    /// Whether it is on the good side of all of them, and its queue does not grow.
    pub holds: bool,
    /// By how many requests a second the number inside grew, and that over what chance gains: see [`crate::overload`].
    pub growth: (Option<f64>, Option<f64>),
    /// Requests that ended within the window, or waited through all of it.
    pub ended: u64,
    /// Requests per ending.
    pub endings: [u64; Ending::COUNT],
    /// 99th percentile of the latency of good responses, nanoseconds.
    pub p99_ns: Option<f64>,
    /// Those of them that did not end well, as a share.
    pub errors: f64,
    /// Good responses a second.
    pub throughput_rps: f64,
    /// Mean nanoseconds per good response in each [`Wait`].
    pub blame_ns: Option<[f64; Wait::KINDS]>,
    /// Busy slots over slots: in the busiest minute of runs that have one, because a bad hour is lost in the mean of a day.
    pub slots_share: f64,
    /// Busy core time over core time, in the same minute.
    pub cpu_share: f64,
    /// CPU time of the busiest server process over the length of the run.
    pub process_share: f64,
    /// Work of the program that sends requests, over the core time that it has; 0 if that costs nothing, or is not known.
    pub generator_share: f64,
    /// Part of the active periods of a CPU limit in which somebody stood still; 0 without one.
    pub throttled_share: f64,
    /// The longest time that a greenlet kept its hub, nanoseconds; `None` without hubs.
    pub hub_hold_max_ns: Option<f64>,
    /// Whether it is a loop that was held.
    pub loops: bool,
    /// What the kernel's limits did.
    pub kernel: KernelCounts,
    /// What masters did to their workers.
    pub workers: WorkerCounts,
    /// SYNs dropped at full queues and tables.
    pub syn_drops: u64,
}

impl Vitals {
    /// Those of a run of `model`.
    pub fn of(record: &RunRecord, model: &Model, slo: &Slo) -> Vitals {
        let (endings, apart) = (&record.endings, &record.apart);
        let growth = (growth_rps(record), growth_ratio(record));
        let good = apart.within(endings, Ending::Ok);
        let whole = record.until_finished().as_secs_f64().max(1e-9);
        let busiest = record.process_cpu.iter().copied().max();
        let whole_run =
            BusiestMinute { slots_share: record.slots_ppm as f64 / 1e6, cpu_share: record.cpu_ppm as f64 / 1e6 };
        let minute = BusiestMinute::of(record).unwrap_or(whole_run);
        Vitals {
            seen: slo.objectives.iter().map(|objective| objective.seen(record)).collect(),
            asked: slo.objectives.iter().map(|objective| objective.asked(record)).collect(),
            holds: slo.holds(record) && overload(&[growth.0], &[growth.1]).is_none(),
            growth,
            ended: apart.settled(endings),
            endings: record.endings,
            p99_ns: record.latency.quantile(0.99).map(|span| span.as_ns() as f64),
            errors: apart.errors(endings).unwrap_or(0.0),
            throughput_rps: if record.window.is_zero() { 0.0 } else { good as f64 / record.window.as_secs_f64() },
            blame_ns: blame_of(record.classes.iter()),
            slots_share: minute.slots_share,
            cpu_share: minute.cpu_share,
            process_share: busiest.map_or(0.0, |cpu| cpu.as_secs_f64() / whole),
            generator_share: generator_share(record, model),
            throttled_share: record.throttling.share().unwrap_or(0.0),
            loops: record.loops,
            hub_hold_max_ns: record.hub_hold_max.map(|span| span.as_ns() as f64),
            kernel: record.kernel,
            workers: record.workers,
            syn_drops: record.syn_drops,
        }
    }

    /// Whether the queue grows in these replications of one load.
    pub fn overload(runs: &[&Vitals]) -> Option<Overload> {
        let (rps, ratio): (Vec<_>, Vec<_>) = runs.iter().map(|vitals| vitals.growth).unzip();
        overload(&rps, &ratio)
    }

    /// Requests that ended so.
    pub fn ending(&self, ending: Ending) -> u64 {
        self.endings[ending as usize]
    }
}

/// How busy the sending program's own cores were, where one program sends everything.
fn generator_share(record: &RunRecord, model: &Model) -> f64 {
    let checks = |client: &&ClientSpec| matches!(&client.arrivals, Arrivals::Trace(instants) if instants.is_empty());
    let mut clients = model.clients.iter().filter(|client| !checks(client));
    let (Some(client), None) = (clients.next(), clients.next()) else { return 0.0 };
    let Some(cost) = client.cost.as_ref().filter(|_| !client.beside_servers) else { return 0.0 };
    let sent: u64 = record.series.sent.iter().sum();
    let until = model.run.length.map_or(record.finished.as_secs_f64(), |length| length.as_secs_f64()).max(1e-9);
    let work = cost.mean().unwrap_or(0.0) / 1e9 * sent as f64;
    work / (f64::from(client.generators) * until)
}
