//! What a deployment costs: its servers, their cores, and the memory that it takes with every slot taken.

use engine::model::{HostSpec, Model, WorkerKind};

/// What things cost, and how large they are where a world does not say.
#[derive(Clone, Copy, PartialEq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub struct Prices {
    pub core: f64,
    /// A GiB of memory.
    pub gib: f64,
    pub host: f64,
    /// Memory of a process, MiB.
    pub process_mib: f64,
    /// Memory of a thread, KiB.
    pub thread_kib: f64,
    /// Memory of a greenlet, KiB.
    pub greenlet_kib: f64,
}

/// What a deployment takes, and what that costs.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Cost {
    /// Servers.
    pub hosts: u64,
    /// Cores of all servers; of a server with a CPU limit, as many as that is: it is what is reserved and paid.
    pub cores: f64,
    /// Memory of all servers with every slot taken, GiB.
    pub gib: f64,
    /// Everything together.
    pub total: f64,
}

impl Cost {
    /// That of a world.
    pub fn of(model: &Model, prices: &Prices) -> Cost {
        let hosts = model.hosts.len() as u64;
        let cores: f64 = model.hosts.iter().map(HostSpec::cpu).sum();
        let gib = memory_bytes(model, prices) / f64::from(1 << 30);
        let total = prices.host * hosts as f64 + prices.core * cores + prices.gib * gib;
        Cost { hosts, cores, gib, total }
    }
}

/// Memory of all processes when every slot carries a request.
fn memory_bytes(model: &Model, prices: &Prices) -> f64 {
    const KIB: f64 = 1024.0;
    let of_process = |kind: WorkerKind| match model.kernel.memory {
        Some(memory) => (memory.fixed(kind) + memory.request * u64::from(slots(kind))) as f64,
        None => {
            let greenlets = if let WorkerKind::Hub { greenlets, .. } = kind { f64::from(greenlets) } else { 0.0 };
            let threads = f64::from(kind.os_threads());
            prices.process_mib * KIB * KIB + KIB * (prices.thread_kib * threads + prices.greenlet_kib * greenlets)
        }
    };
    model.processes.iter().map(|process| of_process(model.workers[process.worker as usize].kind)).sum()
}

fn slots(kind: WorkerKind) -> u32 {
    match kind {
        WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => threads,
        WorkerKind::Hub { greenlets, .. } => greenlets,
        WorkerKind::Loop(spec) => spec.limit.unwrap_or(1),
    }
}

#[cfg(test)]
mod tests {
    use engine::kernel::{Kernel, Memory};
    use engine::model::{CpuLimit, RunSpec, WorkerSpec};
    use engine::time::Span;

    use super::*;

    #[test]
    fn memory_is_the_worlds_own_or_what_the_plan_says() {
        let run = RunSpec {
            length: None,
            drain: Span::ZERO,
            warm_up: Span::ZERO,
            step: Span::from_secs(1),
            starved_after: Span::MAX,
        };
        let worker = WorkerSpec::plain("threads", WorkerKind::Threads { threads: 64 });
        let mut model = Model::plain(HostSpec::plain(4), worker, run);
        let prices = Prices { core: 1.0, gib: 2.0, host: 5.0, process_mib: 63.0, thread_kib: 16.0, greenlet_kib: 8.0 };
        // 63 MiB and 64 threads of 16 KiB are 64 MiB, a sixteenth of a GiB.
        assert_eq!(Cost::of(&model, &prices), Cost { hosts: 1, cores: 4.0, gib: 0.0625, total: 9.125 });
        let mib = 1 << 20;
        let memory = Memory { host: 0, process: 384 * mib, thread: mib, request: mib };
        model.kernel = Kernel { memory: Some(memory), ..Kernel::default() };
        assert_eq!(Cost::of(&model, &prices).gib, 0.5);
        model.hosts[0].cpu_limit =
            Some(CpuLimit { quota: Span::from_ms(50), period: Span::from_ms(100), burst: Span::ZERO });
        assert_eq!(Cost::of(&model, &prices).cores, 0.5, "what is reserved is paid");
    }
}
