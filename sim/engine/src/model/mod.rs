//! The compiled scenario of one world as plain data: every table, no names to look up, nothing that can be invalid.
//!
//! A [`Model`] is made by `scenario::compile` (or by hand in tests) and never changes while it runs.
//! Two worlds of one scenario differ in [`Model::hosts`] and [`Model::workers`] only.

pub mod asyncio;
pub mod kernel;
mod plain;
mod scaled;
pub mod step_names;
mod sync;
mod traffic;
pub mod worker;

pub use crate::program::request::TRIES_MAX;
pub use sync::{AioKind, Policy, SyncKind, SyncSpec};
pub use traffic::{
    Backoff, BalancerSpec, BreakerSpec, Bursts, Ejection, HealthCheck, Hedge, HedgeAfter, Jitter, KeepAlive, ProxySpec,
    Retry,
};

use std::sync::Arc;

use crate::kit::law::Law;
use crate::kit::time::{Span, Time};
use crate::model::asyncio::LoopSpec;
use crate::model::kernel::{Kernel, Ports};
use crate::model::worker::{LifeSpec, RouterSpec};
use crate::program::op::Program;

/// Everything one run needs besides seed and replication.
#[derive(Clone, PartialEq, Debug)]
pub struct Model {
    /// What the world is called in tables and plots.
    pub name: String,
    /// Machines that servers run on.
    pub hosts: Vec<HostSpec>,
    /// Listening sockets; every process accepts from one.
    pub listeners: Vec<ListenerSpec>,
    /// Server processes.
    pub processes: Vec<ProcessSpec>,
    /// Server software by configuration; a process names one by index.
    pub workers: Vec<WorkerSpec>,
    /// What the servers' operating systems allow.
    pub kernel: Kernel,
    /// How a connection chooses among the listeners.
    pub balancer: BalancerSpec,
    /// The proxy in front of the listeners, if there is one.
    pub proxy: Option<ProxySpec>,
    /// Things that requests call.
    pub peers: Vec<PeerSpec>,
    /// Locks and pools; every process has its own instance of each.
    pub syncs: Vec<SyncSpec>,
    /// Names of the values that the tasks of a process share; every process has its own.
    pub values: Vec<String>,
    /// Names of the connections to peers that several tasks may use.
    pub connections: Vec<String>,
    /// Kinds of request. Shared between the worlds of a scenario.
    pub classes: Arc<[ClassSpec]>,
    /// What requests do, by [`ClassSpec::program`]. Shared between the worlds of a scenario.
    pub programs: Arc<[Program]>,
    /// Who sends requests. Shared between the worlds of a scenario.
    pub clients: Arc<[ClientSpec]>,
    /// How long and how closely to look.
    pub run: RunSpec,
    /// Bounds that end a run with a named error.
    pub limits: Limits,
}

impl Model {
    /// Requests that the fleet can serve at once: its serving threads or greenlets.
    pub fn slots(&self) -> u64 {
        let slots = |process: &ProcessSpec| match self.workers[process.worker as usize].kind {
            WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => u64::from(threads),
            WorkerKind::Hub { greenlets, .. } => u64::from(greenlets),
            // Even those who are turned away have a task.
            WorkerKind::Loop(spec) => u64::from(spec.backpressure.unwrap_or(LoopSpec::PLACES)),
        };
        self.processes.iter().map(slots).sum()
    }

    /// Threads of the operating system that the fleet has from the start: those that serve, accept and run hubs, and of each server the
    /// master's and the router's. Not counted are those that come and go: of fan-outs, and of a hub's own pool.
    pub fn os_threads(&self) -> u64 {
        let of_process = |process: &ProcessSpec| match self.workers[process.worker as usize].kind {
            WorkerKind::Threads { threads } => u64::from(threads),
            WorkerKind::Pool { threads, .. } => u64::from(threads) + 1,
            WorkerKind::Hub { .. } | WorkerKind::Loop(_) => 1,
        };
        let of_server = |server: usize| {
            let process = self.processes.iter().find(|process| process.listener as usize == server);
            let worker = process.map(|process| &self.workers[process.worker as usize]);
            worker.map_or(0, |worker| u64::from(worker.master) + u64::from(worker.router.is_some()))
        };
        self.processes.iter().map(of_process).sum::<u64>() + (0..self.listeners.len()).map(of_server).sum::<u64>()
    }
}

/// One machine.
#[derive(Clone, PartialEq, Debug)]
pub struct HostSpec {
    /// Its name in messages.
    pub name: String,
    /// Cores that server threads may use.
    pub cores: u32,
    /// For how long a running thread is safe from others that are runnable.
    pub slice: Span,
    /// How often the kernel looks whether a slice is over. At least 1 ns.
    pub tick: Span,
    /// CPU cost of putting another thread on a core.
    pub switch: Span,
    /// Time from a wake-up to the woken thread being runnable.
    pub wake: Span,
    /// Bytes of a response that the kernel takes from a writer whose reader is slow.
    pub send_buffer: u64,
    /// Bytes a second that all its responses share; `None`: as many as they need.
    pub uplink: Option<u64>,
    /// How code that did not run for a while runs slower.
    pub cooling: Cooling,
    /// How much CPU time the processes of its server may have together; `None`: all that its cores give.
    pub cpu_limit: Option<CpuLimit>,
}

impl HostSpec {
    /// CPU time a second that its server's processes may have: its cores, or less where a limit says so.
    pub fn cpu(&self) -> f64 {
        let cores = f64::from(self.cores);
        self.cpu_limit.map_or(cores, |limit| cores.min(limit.cores()))
    }
}

/// A limit of CPU time, as containers have it (`cpu.max`; before, `cpu.cfs_quota_us` and its kin).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CpuLimit {
    /// CPU time in each period, over all cores. At least 1 ms, as the kernel has it.
    pub quota: Span,
    /// How long a period is.
    pub period: Span,
    /// Unused time of earlier periods that may be used on top (`cpu.max.burst`).
    pub burst: Span,
}

impl CpuLimit {
    /// CPU time a second, in cores.
    pub fn cores(self) -> f64 {
        self.quota.as_ns() as f64 / self.period.as_ns().max(1) as f64
    }
}

/// Code and data that were not used for a while have left the caches: the next run of them takes longer.
///
/// After a pause of `g`, a server's own work costs `1 + (cold - 1) g^2 / (g^2 + half^2)` times its usual CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cooling {
    /// Cost after a long pause, in percent of the usual; 100: it never cools.
    pub cold_percent: u32,
    /// The pause after which half of the difference is there.
    pub half: Span,
}

impl Cooling {
    /// Caches that keep everything.
    pub const NONE: Cooling = Cooling { cold_percent: 100, half: Span::from_secs(1) };
}

/// A listening socket.
#[derive(Clone, PartialEq, Debug)]
pub struct ListenerSpec {
    /// Index of its host.
    pub host: u32,
    /// Length of the accept queue, `min(listen backlog, somaxconn)`. Linux admits one more.
    pub backlog: u32,
}

/// One operating-system process of a server.
#[derive(Clone, PartialEq, Debug)]
pub struct ProcessSpec {
    /// Index of its listener, which also says the host.
    pub listener: u32,
    /// Index of its software.
    pub worker: u32,
}

/// Server software in one configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct WorkerSpec {
    /// What it is called in messages, for example `uwsgi-threads`.
    pub name: String,
    /// What it is and in which release, for example `gunicorn 27.0.1`.
    pub software: String,
    /// How it accepts and carries requests.
    pub kind: WorkerKind,
    /// What its own work costs.
    pub costs: Costs,
    /// Whether the interpreter has a GIL.
    pub gil: bool,
    /// How long a thread waits for the GIL before it asks the holder to drop it (`sys.getswitchinterval()`).
    pub switch_interval: Span,
    /// Whether a thread that closes a connection waits for its client to close it too.
    pub lingers: bool,
    /// How often its Python lets go of the GIL for a system call before and after the application runs (thread servers).
    pub releases: Releases,
    /// How a wait of the standard library with a time limit learns that it was notified.
    pub timed_waits: TimedWaits,
    /// Whether an attempt at a monkey-patched lock that fails without waiting yields (gevent 1.5 and later, `thread.py`: `sleep()` in
    /// `LockType.acquire`); the standard library so asks whether a plain lock is held, in every `notify`.
    pub lock_yields: bool,
    /// Whether its hub's `sleep(0)` is a timer of no length, which goes round the whole loop with a poll (gevent before 1.0), and not a
    /// callback.
    pub zero_timers: bool,
    /// How many callbacks its hub runs in a row.
    pub batch: Batch,
    /// What its accepting thread looks at (pool servers).
    pub looks: Looks,
    /// How long it keeps an idle connection; `None`: it closes after every response.
    pub keep_alive: Option<Span>,
    /// The router in front of its processes, if it has one.
    pub router: Option<RouterSpec>,
    /// Whether a process of its own watches over the others (uWSGI's `--master`, gunicorn's arbiter).
    pub master: bool,
    /// How its processes are watched and replaced; `None`: they live for ever.
    pub life: Option<LifeSpec>,
    /// Whether its threads accept one after another, behind a mutex: one of a process waits for connections, and all others for it.
    pub in_turn: bool,
    /// Whether its greenlets are the closed clients themselves, in a loop, with no server and no network between (hubs).
    pub resident: bool,
}

/// System calls of a server around a request for which it lets go of the GIL, and which return at once.
///
/// Each is a chance for a waiter to take the lock, and one for a waiter that was woken to find it taken again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Releases {
    /// Between the server's own Python and the application.
    pub before: u8,
    /// Between the application and the end of the request.
    pub after: u8,
    /// Around handing a connection over, in the accepting thread (pool servers).
    pub accept: u8,
    /// Around closing a connection, in the accepting thread (pool servers that do so).
    pub close: u8,
}

/// When a hub ends a row of callbacks, and polls.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Batch {
    /// After the switch interval; it looks at the clock after every 50th (gevent 1.3 and later, `corecext.pyx`).
    #[default]
    Timed,
    /// After so many, though it ends no list before all that are on it have run (gevent 1.0 to 1.2, `corecext.ppyx`,
    /// `_run_callbacks`: 1,000).
    Counted(u32),
}

/// What the accepting thread of a pool server looks at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Looks {
    /// At all connections at any time; with as many as it may have, it only leaves the listener alone (gunicorn 24 and later).
    #[default]
    Always,
    /// At nothing while it has as many connections as it may: it waits for threads to finish, and goes round if none serves
    /// anything (gunicorn before 24, `gthread.py`, `run`).
    WhileRoom {
        /// Whether it waits for the bytes of a connection before it hands it over (gunicorn 21 to 23).
        reads_first: bool,
    },
}

/// How the interpreter's `Condition.wait(timeout)` waits, and with it every timed `get` and `put` of a standard queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TimedWaits {
    /// The notification wakes the waiter: its lock has a timed acquire (CPython 3.2 and later, `threading.py`).
    #[default]
    Notified,
    /// The waiter tries its lock without waiting and sleeps in between: 1 ms, then twice as long each time, 50 ms at most and never
    /// past its limit (CPython 2.7, `threading.py`, `_Condition.wait`; under gevent every sleep is a timer and a switch). One second
    /// of waiting is 25 sleeps.
    Polled,
}

/// How a process accepts connections and carries requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkerKind {
    /// Each thread accepts for itself and serves one request at a time (uWSGI; gunicorn sync with one thread).
    Threads {
        /// Threads a process.
        threads: u32,
    },
    /// One thread accepts and queues; a pool of threads serves (gunicorn gthread, paste).
    Pool {
        /// Serving threads a process.
        threads: u32,
        /// Accepted connections a process, waiting or in service, beyond which it stops accepting.
        connections: u32,
        /// Whether connections are closed by the accepting thread, later (gunicorn gthread), or by the serving one (paste).
        closes: bool,
    },
    /// One thread runs an event loop of asyncio.
    Loop(LoopSpec),
    /// One thread runs a gevent hub; each request is a greenlet.
    Hub {
        /// Requests a process carries at once.
        greenlets: u32,
        /// Connections accepted for one readiness of the listener.
        accepts: u32,
        /// What happens when all greenlets are taken.
        full: WhenFull,
    },
}

impl WorkerKind {
    /// Operating-system threads of a process.
    pub fn os_threads(self) -> u32 {
        match self {
            WorkerKind::Threads { threads } => threads,
            WorkerKind::Pool { threads, .. } => threads.saturating_add(1),
            WorkerKind::Hub { .. } | WorkerKind::Loop(_) => 1,
        }
    }
}

/// What a hub server does with its listener while all its greenlets are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhenFull {
    /// It stops watching the listener (gevent's own servers).
    Stop,
    /// It leaves the watcher on, so the loop spins (uWSGI 2.0).
    Spin,
}

/// What a server's own work costs, in CPU time. Each value of a preset names its source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Costs {
    /// Accepting one connection and reading its request, without the GIL.
    pub accept: Span,
    /// The server's and framework's Python around a request, holding the GIL.
    pub request: Span,
    /// Writing the response and closing, without the GIL.
    pub respond: Span,
    /// Handing a request from the accepting thread to a serving one (pool servers).
    pub handoff: Span,
    /// A look of a serving thread into the queue of accepted requests, holding the GIL (pool servers).
    pub take: Span,
    /// Closing a connection in the accepting thread, holding the GIL (pool servers that do).
    pub close: Span,
    /// One switch between hub and greenlet.
    pub switch: Span,
    /// Starting a greenlet.
    pub spawn: Span,
    /// Starting a timer and having it fire.
    pub timer: Span,
    /// Waiting for a socket: starting and stopping the watcher and trying the call again.
    pub socket: Span,
    /// One `epoll_wait` and its bookkeeping.
    pub poll: Span,
    /// Coming out of a poll that blocked (hubs).
    pub wake: Span,
    /// Reading the clock. At least 1 ns, so that equal sleeps keep their order.
    pub clock: Span,
    /// One look of a wait that polls ([`TimedWaits::Polled`]): the interpreter's own loop around its sleep.
    pub look: Span,
    /// Passing one waiter in a list in search of one's own, when a wait that polls is over in vain.
    pub search: Span,
    /// A wait that ends by its time limit (hubs): making the `Timeout`, throwing it and unwinding to who catches it.
    pub expire: Span,
    /// Creating one thread, by the main thread of a server that has all of them from its start.
    pub create: Span,
    /// What a new thread does before it waits for work.
    pub start: Span,
}

/// How a new connection chooses a listener.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Balancing {
    /// One after the other.
    RoundRobin,
    /// The one with the fewest open connections; the lowest index among equals, starting after the last choice.
    LeastConnections,
    /// Any of them (nginx `random`).
    Random,
    /// Two of them at random, and of these the one with fewer open connections (nginx `random two least_conn`).
    TwoChoices,
    /// The one that belongs to the client's key on a ring of points (nginx `hash KEY consistent`).
    Hash {
        /// Keys there are, such as client addresses: people share them.
        keys: u32,
    },
}

/// A thing that requests call: a database, a cache, a third party.
#[derive(Clone, PartialEq, Debug)]
pub struct PeerSpec {
    /// Its name in messages.
    pub name: String,
    /// One way over the network to it.
    pub network: Span,
    /// Ports of a server to it, if every call connects anew; `None`: not limited.
    pub ports: Option<Ports>,
    /// Calls it serves at once; `None`: its slowness does not depend on our load.
    pub capacity: Option<u32>,
    /// When it is slow or failing. Sorted, not overlapping.
    pub windows: Vec<DegradedSpan>,
    /// The breaker that every process has around its calls.
    pub breaker: Option<BreakerSpec>,
}

/// A span of time in which a peer is degraded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DegradedSpan {
    /// First instant.
    pub from: Time,
    /// First instant after it.
    pub to: Time,
    /// Service times are multiplied by this many thousandths.
    pub factor_milli: u32,
    /// Calls that fail, parts per million.
    pub fail_ppm: u32,
}

/// A kind of request.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassSpec {
    /// Its name in tables.
    pub name: String,
    /// Weight among the classes of its client.
    pub weight: u32,
    /// Index of its program.
    pub program: u32,
    /// What is drawn at a request's birth, in column order.
    pub sites: Vec<SiteSpec>,
    /// Bytes of the response's head.
    pub header_bytes: u32,
    /// Bytes of the response's body.
    pub body_bytes: u32,
}

/// A named place where something random is drawn.
#[derive(Clone, PartialEq, Debug)]
pub struct SiteSpec {
    /// Key of its random stream, for example `web.page/redis#0/takes`.
    pub name: String,
    /// What is drawn.
    pub law: Law,
}

/// A group of alike clients.
#[derive(Clone, PartialEq, Debug)]
pub struct ClientSpec {
    /// Its name in tables; also the prefix of its draw sites.
    pub name: String,
    /// Indices into [`Model::classes`] of what it asks for, chosen by weight.
    pub classes: Vec<u32>,
    /// Place in `classes` of what each closed client asks for once, before anything else; it is not chosen by weight.
    pub begins: Option<u16>,
    /// When requests are sent.
    pub arrivals: Arrivals,
    /// Whether closed clients begin each after a pause, as if they had just been served; else all of them when the run begins.
    pub spread: bool,
    /// Whether the first request of closed clients runs alone, and the others begin when its response is there (today's `ab`).
    pub first_alone: bool,
    /// How long closed clients go on together without anything happening at any of their connections.
    pub silence: Option<Span>,
    /// One way over the network to the servers.
    pub network: Span,
    /// Ports to connect from; `None`: not limited.
    pub ports: Option<Ports>,
    /// Longest wait for a connection; `None`: until the kernel gives up on its SYN retries (127 s).
    pub connect_timeout: Option<Span>,
    /// Longest wait for the response once connected.
    pub read_timeout: Option<Span>,
    /// How long a user looks at a blank page before leaving, from the click.
    pub patience: Option<Law>,
    /// What an impatient user does then; the old request lives on in the server.
    pub refresh: Option<Refresh>,
    /// Times of more arrivals than the profile says; only of open clients without a trace.
    pub bursts: Option<Bursts>,
    /// What the client does with a request that went wrong.
    pub retry: Option<Retry>,
    /// When a second copy of a request is sent.
    pub hedge: Option<Hedge>,
    /// The breaker around all requests of the group.
    pub breaker: Option<BreakerSpec>,
    /// How connections are used again.
    pub keep_alive: Option<KeepAlive>,
    /// What a client reads of a response, bytes a second; `None`: as fast as it comes.
    pub download: Option<u64>,
    /// CPU time that the program that sends these requests needs for one; all its clients share its cores.
    pub cost: Option<Law>,
    /// Processes of that program, each with a core's worth of work. At least 1.
    pub generators: u32,
    /// Whether they run on the cores of the first server, among its threads; else on cores of their own.
    pub beside_servers: bool,
}

/// What a user who lost patience does.
#[derive(Clone, PartialEq, Debug)]
pub struct Refresh {
    /// Chance of asking again, parts per million.
    pub ppm: u32,
    /// Pause before the new request.
    pub pause: Law,
    /// New requests a user sends at most.
    pub times: u32,
}

/// When requests are sent.
#[derive(Clone, PartialEq, Debug)]
pub enum Arrivals {
    /// A Poisson process whose rate follows a profile.
    Poisson(Profile),
    /// Evenly spaced, at a rate that follows a profile.
    Fixed(Profile),
    /// At given instants, ascending.
    Trace(Arc<[Time]>),
    /// A fixed number of clients that each wait for their response, think, and ask again.
    Closed {
        /// Clients.
        clients: u32,
        /// Requests of all clients together; `None`: until the end of the run.
        requests: Option<u64>,
        /// Pause between a response and the next request.
        think: Law,
    },
}

/// A rate over time: straight lines between points, constant after the last; a step is two points at one instant.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// (instant, requests a second), ascending in time; the first at zero.
    pub points: Vec<(Time, f64)>,
}

/// How long and how closely to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RunSpec {
    /// Requests are sent until then; `None`: until a closed client has sent all of its own.
    pub length: Option<Span>,
    /// How long the run may go on after that for what is still inside.
    pub drain: Span,
    /// Requests born before this are simulated but not counted.
    pub warm_up: Span,
    /// Width of a point of the time series.
    pub step: Span,
    /// A wait beyond this is starvation, if others who came later are served meanwhile.
    pub starved_after: Span,
}

/// Bounds that end a run with a named error.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Events of a run.
    pub events: u64,
    /// Events without progress of simulated time.
    pub events_per_instant: u64,
    /// Requests alive at once.
    pub requests: u32,
    /// Points of the time series.
    pub points: u64,
    /// Memory of a run, bytes, as [`crate::size`] estimates it; whoever compiles a model holds it against this.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            events: 20_000_000_000,
            events_per_instant: 10_000_000,
            requests: 20_000_000,
            points: 1_000_000,
            bytes: 4 << 30,
        }
    }
}
