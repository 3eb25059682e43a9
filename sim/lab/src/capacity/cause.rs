//! What breaks first beyond the capacity, from the mechanisms' own records just below and just above it.
//!
//! First come things that leave no doubt: a client without ports or with busy cores, and limits of the kernel that were met.
//! Then the bill decides: the wait that grew most says where requests stood, and how busy slots, processes and cores were says why.
//! A request that waits outside tells nothing of what those inside wait for, so for waits at the door the fullest resource behind it is
//! named: cores before hubs and GILs, these before slots.

use engine::model::{Model, WorkerKind};
use engine::record::{Ending, Wait};

use super::vitals::Vitals;

/// Part of the periods of a CPU limit in which somebody stands still from which on the limit is what is full.
const OFTEN: f64 = 0.5;
/// A share from which on something counts as full.
const FULL: f64 = 0.9;
/// Part of the time inside the server from which on it is the CPU that keeps slots busy.
const MOSTLY: f64 = 0.5;
/// Part of the growth of a bill from which on a wait inside the server explains full slots.
const EXPLAINS: f64 = 0.25;
/// Part of the requests from which on an ending is more than an accident.
const MANY: f64 = 0.001;

/// What breaks first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The clients have no local ports left: they were measured, not the servers.
    ClientPorts,
    /// The program that sends requests has no CPU time left: it was measured, not the servers.
    ClientCores,
    /// The kernel kills processes for want of memory.
    Memory,
    /// Servers have no local ports left to call peers from.
    PeerPorts,
    /// Processes have no descriptors left.
    Descriptors,
    /// The table of tracked connections is full.
    Conntrack,
    /// Masters kill workers that take too long.
    Killed,
    /// Threads or greenlets that can carry a request.
    Slots,
    /// Hubs: one thread each.
    Hub,
    /// The interpreter's lock.
    Gil,
    /// Cores.
    Cores,
    /// The limit of CPU time.
    CpuLimit,
    /// Locks or pools.
    Pool,
    /// Something that requests call.
    Dependency,
    /// The accept queue, before anything behind it is full.
    Backlog,
    /// Nothing is full and no wait has grown: the objective is missed by the load alone.
    Nothing,
}

impl Cause {
    /// All.
    pub const ALL: [Cause; 16] = [
        Cause::ClientPorts,
        Cause::ClientCores,
        Cause::Memory,
        Cause::PeerPorts,
        Cause::Descriptors,
        Cause::Conntrack,
        Cause::Killed,
        Cause::Slots,
        Cause::Hub,
        Cause::Gil,
        Cause::Cores,
        Cause::CpuLimit,
        Cause::Pool,
        Cause::Dependency,
        Cause::Backlog,
        Cause::Nothing,
    ];

    /// One word for it, for programs.
    pub fn name(self) -> &'static str {
        match self {
            Cause::ClientPorts => "client-ports",
            Cause::ClientCores => "client-cores",
            Cause::Memory => "memory",
            Cause::PeerPorts => "ports",
            Cause::Descriptors => "descriptors",
            Cause::Conntrack => "conntrack",
            Cause::Killed => "killed",
            Cause::Slots => "slots",
            Cause::Hub => "hub",
            Cause::Gil => "gil",
            Cause::Cores => "cores",
            Cause::CpuLimit => "cpu-limit",
            Cause::Pool => "pool",
            Cause::Dependency => "dependency",
            Cause::Backlog => "backlog",
            Cause::Nothing => "nothing",
        }
    }

    /// Whether it is a limit of who asks rather than of who answers.
    pub fn is_of_the_client(self) -> bool {
        matches!(self, Cause::ClientPorts | Cause::ClientCores)
    }
}

/// What breaks first, with the two runs that say so.
#[derive(Clone, PartialEq, Debug)]
pub struct Break {
    /// What.
    pub cause: Cause,
    /// The wait that a mean good response has most more of, and how much more, nanoseconds; `None` where no wait grew.
    pub wait: Option<(Wait, f64)>,
    /// How much longer a mean good response takes, nanoseconds.
    pub longer_ns: f64,
    /// The load that still meets, as a factor.
    pub below: f64,
    /// The load beyond, as a factor.
    pub above: f64,
    /// The run at the first.
    pub at: Vitals,
    /// The run at the second.
    pub beyond: Vitals,
}

impl Break {
    /// Compares a run that meets the objectives with one beyond.
    pub fn between(model: &Model, (below, at): (f64, &Vitals), (above, beyond): (f64, &Vitals)) -> Break {
        let zero = [0.0; Wait::KINDS];
        let (before, after) = (at.blame_ns.unwrap_or(zero), beyond.blame_ns.unwrap_or(zero));
        let growth: Vec<(Wait, f64)> =
            Wait::ALL.into_iter().map(|wait| (wait, after[wait as usize] - before[wait as usize])).collect();
        let longer_ns = growth.iter().map(|(_, grown)| grown).sum();
        let most = growth.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).filter(|(_, grown)| *grown > 0.0);
        let cause = plain(at, beyond).unwrap_or_else(|| from_bill(model, at, beyond, most, &growth));
        Break { cause, wait: most, longer_ns, below, above, at: at.clone(), beyond: beyond.clone() }
    }
}

/// Causes that leave no doubt.
fn plain(at: &Vitals, beyond: &Vitals) -> Option<Cause> {
    let many = |ending: Ending| {
        let limit = MANY * beyond.ended.max(1) as f64;
        beyond.ending(ending) > at.ending(ending) && beyond.ending(ending) as f64 > limit
    };
    let killed = |vitals: &Vitals| vitals.workers.timeouts + vitals.workers.harakiris;
    let kernel = |count: fn(&Vitals) -> u64| count(beyond) > count(at);
    if many(Ending::NoPort) {
        Some(Cause::ClientPorts)
    } else if beyond.generator_share >= FULL {
        Some(Cause::ClientCores)
    } else if kernel(|vitals| vitals.kernel.oom_kills) {
        Some(Cause::Memory)
    } else if kernel(|vitals| vitals.kernel.port_failures) {
        Some(Cause::PeerPorts)
    } else if kernel(|vitals| vitals.kernel.descriptor_failures) {
        Some(Cause::Descriptors)
    } else if kernel(|vitals| vitals.kernel.conntrack_drops) {
        Some(Cause::Conntrack)
    } else if killed(beyond) > killed(at) && beyond.process_share < FULL && beyond.cpu_share < FULL {
        Some(Cause::Killed)
    } else {
        None
    }
}

/// What the wait that grew most stands for.
fn from_bill(model: &Model, at: &Vitals, beyond: &Vitals, most: Option<(Wait, f64)>, growth: &[(Wait, f64)]) -> Cause {
    let full = full_cpu(model, beyond);
    match most.map(|(wait, _)| wait) {
        Some(Wait::Lock | Wait::Pool) => Cause::Pool,
        Some(Wait::Peer) => Cause::Dependency,
        Some(Wait::Gil) => Cause::Gil,
        Some(Wait::Hub) => full.unwrap_or(Cause::Hub),
        Some(Wait::Core) => full.unwrap_or(Cause::Cores),
        Some(Wait::Throttled) => Cause::CpuLimit,
        Some(Wait::Network | Wait::SynRetry | Wait::Retransmit | Wait::Backlog | Wait::Slot) => {
            let drops = beyond.syn_drops > at.syn_drops;
            // Slots whose requests hardly want the CPU are not full because of it; a hub without free slots may spin.
            let full = full.filter(|_| beyond.slots_share < FULL || wants_cpu(beyond));
            full.unwrap_or_else(|| at_the_door(model, beyond, growth, drops))
        }
        Some(Wait::Cpu | Wait::Native | Wait::Timer) | None => {
            full.unwrap_or(if beyond.slots_share >= FULL { Cause::Slots } else { Cause::Nothing })
        }
    }
}

/// Why requests stand before the door of servers that have CPU time left.
fn at_the_door(model: &Model, beyond: &Vitals, growth: &[(Wait, f64)], drops: bool) -> Cause {
    let grown = |wait: Wait| growth.iter().find(|(other, _)| *other == wait).map_or(0.0, |(_, grown)| *grown);
    let all: f64 = growth.iter().map(|(_, grown)| grown.max(0.0)).sum();
    if grown(Wait::Lock) + grown(Wait::Pool) > EXPLAINS * all {
        Cause::Pool
    } else if grown(Wait::Peer) > EXPLAINS * all {
        Cause::Dependency
    } else if beyond.slots_share >= FULL {
        Cause::Slots
    } else if drops {
        Cause::Backlog
    } else {
        // Nobody is turned away and there is room inside: who should open the door is held up.
        of_process(model).unwrap_or(Cause::Backlog)
    }
}

/// Whether requests inside the server spend most of their time on a core or waiting for one.
fn wants_cpu(vitals: &Vitals) -> bool {
    let bill = vitals.blame_ns.unwrap_or([0.0; Wait::KINDS]);
    let sum = |waits: &[Wait]| waits.iter().map(|wait| bill[*wait as usize]).sum::<f64>();
    let cpu = sum(&[Wait::Cpu, Wait::Native, Wait::Hub, Wait::Gil, Wait::Core, Wait::Throttled]);
    let rest = sum(&[Wait::Lock, Wait::Pool, Wait::Peer, Wait::Timer]);
    cpu >= MOSTLY * (cpu + rest)
}

/// What of the CPU is full, if anything is: all cores, or the one that a hub or a GIL can use.
fn full_cpu(model: &Model, beyond: &Vitals) -> Option<Cause> {
    if beyond.throttled_share >= OFTEN {
        return Some(Cause::CpuLimit);
    }
    if beyond.cpu_share >= FULL && cores_are_fewer(model) {
        return Some(Cause::Cores);
    }
    let full = of_process(model).filter(|_| beyond.process_share >= FULL);
    full.or((beyond.cpu_share >= FULL).then_some(Cause::Cores))
}

/// What keeps a process to one core, if anything does.
fn of_process(model: &Model) -> Option<Cause> {
    let worker = model.workers.first()?;
    match worker.kind {
        WorkerKind::Hub { .. } | WorkerKind::Loop(_) => Some(Cause::Hub),
        WorkerKind::Threads { .. } | WorkerKind::Pool { .. } => worker.gil.then_some(Cause::Gil),
    }
}

/// Whether more processes would find no core: where each has one to itself, the hub or the GIL is what is full.
fn cores_are_fewer(model: &Model) -> bool {
    let cores: u64 = model.hosts.iter().map(|host| u64::from(host.cores)).sum();
    of_process(model).is_none() || cores <= model.processes.len() as u64
}

#[cfg(test)]
mod tests {
    use engine::model::{HostSpec, RunSpec, WorkerSpec};
    use engine::time::Span;

    use super::*;
    use crate::fixtures;
    use crate::slo::Slo;

    fn model(kind: WorkerKind, gil: bool, cores: u32) -> Model {
        let run = RunSpec {
            length: Some(Span::from_secs(60)),
            drain: Span::ZERO,
            warm_up: Span::ZERO,
            step: Span::from_secs(1),
            starved_after: Span::MAX,
        };
        let worker = WorkerSpec { gil, ..WorkerSpec::plain("server", kind) };
        Model::plain(HostSpec::plain(cores), worker, run)
    }

    fn vitals(change: impl FnOnce(&mut Vitals)) -> Vitals {
        let slo = Slo { objectives: Vec::new(), worlds: None };
        let model = model(WorkerKind::Threads { threads: 4 }, true, 1);
        let mut vitals = Vitals::of(&fixtures::record("threads", 0), &model, &slo);
        vitals.blame_ns = Some([1e6; Wait::KINDS]);
        (vitals.slots_share, vitals.cpu_share, vitals.process_share) = (0.5, 0.3, 0.4);
        change(&mut vitals);
        vitals
    }

    fn grown(wait: Wait, share: (f64, f64, f64)) -> Vitals {
        vitals(|vitals| {
            vitals.blame_ns.as_mut().unwrap()[wait as usize] = 5e8;
            (vitals.slots_share, vitals.cpu_share, vitals.process_share) = share;
        })
    }

    fn cause(model: &Model, beyond: &Vitals) -> Cause {
        Break::between(model, (1.0, &vitals(|_| {})), (1.1, beyond)).cause
    }

    #[test]
    fn waiting_at_the_door_is_the_fault_of_what_is_full_behind_it() {
        let threads = model(WorkerKind::Threads { threads: 40 }, true, 8);
        assert_eq!(cause(&threads, &grown(Wait::Backlog, (0.99, 0.3, 0.4))), Cause::Slots);
        assert_eq!(cause(&threads, &grown(Wait::Backlog, (0.99, 0.12, 0.97))), Cause::Gil);
        let mut sleeping = grown(Wait::Backlog, (0.99, 0.12, 0.97));
        sleeping.blame_ns.as_mut().unwrap()[Wait::Timer as usize] = 1e8;
        assert_eq!(cause(&threads, &sleeping), Cause::Slots, "they are not full because of the GIL");
        let mut dropped = grown(Wait::SynRetry, (0.5, 0.3, 0.4));
        dropped.syn_drops += 100;
        assert_eq!(cause(&threads, &dropped), Cause::Backlog);
        let single = model(WorkerKind::Threads { threads: 1 }, false, 1);
        assert_eq!(cause(&single, &grown(Wait::Backlog, (0.99, 0.98, 0.98))), Cause::Cores);
    }

    #[test]
    fn a_hub_is_full_before_its_cores_unless_there_are_no_more_cores_than_hubs() {
        let hub = |cores| {
            model(WorkerKind::Hub { greenlets: 100, accepts: 1, full: engine::model::WhenFull::Stop }, true, cores)
        };
        assert_eq!(cause(&hub(4), &grown(Wait::Hub, (0.2, 0.25, 0.99))), Cause::Hub);
        assert_eq!(cause(&hub(4), &grown(Wait::Backlog, (0.2, 0.08, 0.3))), Cause::Hub, "held up, not full");
        assert_eq!(cause(&hub(1), &grown(Wait::Hub, (0.2, 0.99, 0.99))), Cause::Cores);
    }

    #[test]
    fn a_client_without_ports_or_with_busy_cores_is_what_was_measured() {
        let threads = model(WorkerKind::Threads { threads: 40 }, true, 8);
        let no_port = vitals(|vitals| vitals.endings[Ending::NoPort as usize] = 100);
        assert_eq!(cause(&threads, &no_port), Cause::ClientPorts);
        let busy = vitals(|vitals| vitals.generator_share = 0.97);
        assert_eq!(cause(&threads, &busy), Cause::ClientCores);
        assert!(Cause::ClientCores.is_of_the_client() && !Cause::Hub.is_of_the_client());
    }

    #[test]
    fn waits_inside_name_their_own_cause() {
        let threads = model(WorkerKind::Threads { threads: 40 }, true, 8);
        for (wait, named) in [
            (Wait::Lock, Cause::Pool),
            (Wait::Pool, Cause::Pool),
            (Wait::Peer, Cause::Dependency),
            (Wait::Core, Cause::Cores),
            (Wait::Gil, Cause::Gil),
        ] {
            assert_eq!(cause(&threads, &grown(wait, (0.5, 0.3, 0.4))), named);
        }
        let memory = vitals(|vitals| vitals.kernel.oom_kills = 1);
        assert_eq!(cause(&threads, &memory), Cause::Memory);
        assert_eq!(cause(&threads, &vitals(|_| {})), Cause::Nothing);
    }
}
