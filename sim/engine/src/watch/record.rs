//! What a run leaves behind: counts, histograms, time series, fairness and the fingerprint, as plain data.
//!
//! Nothing here steers the run; the world never reads a record back.

use serde::Serialize;

use crate::kit::hist::Hist;
use crate::kit::time::{Span, Time};
pub use crate::program::wait::{Ending, StepOf, Wait};
pub use crate::watch::apart::Apart;
pub use crate::watch::blame::{Around, BlameRows, Worst, WorstList};
pub use crate::watch::door::DoorRecord;
use crate::watch::fairness::jain;
pub use crate::watch::fairness::{Evenness, GroupRecord, LORENZ_PARTS, Residents, Waiting};
pub use crate::watch::hub_blame::{Held, HubBlame};
pub use crate::watch::starved::{STARVED_MAX, StarvedClient, StarvedClients, StarvedRequest, StarvedRequests};
pub use crate::watch::steps::{PoolRecord, StepWait};

/// One run of one world.
#[derive(Clone, Debug, Serialize)]
pub struct RunRecord {
    /// Name of the world.
    pub world: String,
    /// Seed of the run.
    pub seed: u64,
    /// Which replication.
    pub replication: u32,
    /// Instant of the last counted ending; `ab`'s "time taken" when the clock starts at zero.
    pub finished: Time,
    /// Span over which rates are computed: counted births to the end of arrivals (or `finished`, for closed clients).
    pub window: Span,
    /// What is left out at its begin.
    #[serde(skip)]
    pub warm_up: Span,
    /// Events simulated.
    pub events: u64,
    /// Running hash of (time, event): equal runs have equal fingerprints.
    pub fingerprint: u64,
    /// Hash over births and fates in birth order: equal in every world of a scenario while nobody refreshes.
    pub births_fingerprint: u64,
    /// Requests that were alive within the window, refreshes included, per ending.
    pub endings: [u64; Ending::COUNT],
    /// Which of them ended after the window, or never.
    pub apart: Apart,
    /// Users: one each for an original request and its refreshes together.
    pub users: Users,
    /// Requests finished after the warm-up whose sender had left before, and the slot time they took.
    pub wasted: Wasted,
    /// What clients and proxies did about trouble after the warm-up.
    #[serde(skip_serializing_if = "Resilience::is_nothing")]
    pub resilience: Resilience,
    /// How evenly resident clients were served; of runs that have any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub residents: Option<Residents>,
    /// How the groups of clients fared, in model order.
    pub groups: Vec<GroupRecord>,
    /// What requests waited for after the warm-up at each step that waits for a lock, a pool, a queue or a peer, by class and step.
    #[serde(skip)]
    pub steps: Vec<StepWait>,
    /// The pools, in the order of the model.
    pub pools: Vec<PoolRecord>,
    /// Whether its hubs are event loops of asyncio.
    #[serde(skip)]
    pub loops: bool,
    /// Who waited for hubs after the warm-up, and who held them meanwhile.
    pub hub_blame: HubBlame,
    /// What was seen at the doors of the servers; nothing unless somebody looked ([`crate::run_at_the_door`]).
    #[serde(skip)]
    pub door: DoorRecord,
    /// What was done to shared values after the warm-up, in model order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<ValueRecord>,
    /// What was done with connections after the warm-up, in model order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<ConnectionRecord>,
    /// Most calls to peers under way at once after the warm-up.
    pub calls_peak: u64,
    /// SYNs dropped at full queues and tables after the warm-up.
    pub syn_drops: u64,
    /// What CPU limits did after the warm-up.
    #[serde(skip_serializing_if = "Throttling::is_none")]
    pub throttling: Throttling,
    /// What the kernel's limits did after the warm-up.
    pub kernel: KernelCounts,
    /// What masters did to their workers after the warm-up.
    pub workers: WorkerCounts,
    /// Per class, in model order.
    pub classes: Vec<ClassRecord>,
    /// Latency of good responses of all classes.
    pub latency: Hist,
    /// Callback-ready to running after the warm-up, for greenlets; empty in threaded worlds.
    pub hub_lag: Hist,
    /// How long greenlets ran from a switch into them until they gave way, after the warm-up; empty in threaded worlds.
    pub hub_hold: Hist,
    /// How late a main greenlet that joins the resident clients with a timeout would have come back, tried every second; empty without
    /// resident clients.
    pub join_lag: Hist,
    /// Busy core time over available core time, parts per million, over the window.
    pub cpu_ppm: u64,
    /// Busy slots over slots, parts per million, over the window.
    pub slots_ppm: u64,
    /// Slots (threads or greenlets that can carry a request) of the fleet.
    pub slots: u64,
    /// Threads of the operating system that the fleet has from the start, masters and routers included.
    pub os_threads: u64,
    /// The longest time that a greenlet kept its hub, of those that gave it back after the warm-up; `None` without hubs.
    pub hub_hold_max: Option<Span>,
    /// Cores of the fleet.
    pub cores: u64,
    /// CPU time by server processes after the warm-up, in model order.
    pub process_cpu: Vec<Span>,
    /// Requests begun by server processes after the warm-up, in model order.
    pub process_requests: Vec<u64>,
    /// Requests begun by serving threads after the warm-up; of threaded worlds.
    pub thread_requests: Evenness,
    /// The time series.
    pub series: Series,
}

impl RunRecord {
    /// From the end of the warm-up to the last counted ending: what [`RunRecord::process_cpu`] is to be held against.
    pub fn until_finished(&self) -> Span {
        self.finished.since(Time::ZERO + self.warm_up)
    }
}

/// Server processes that were killed or replaced after the warm-up.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct WorkerCounts {
    /// Killed because their main loop was silent for too long (gunicorn's `timeout`).
    pub timeouts: u64,
    /// Killed because a request took too long (uWSGI's `harakiri`).
    pub harakiris: u64,
    /// Killed because they did not finish in time what they had when they were to be replaced.
    pub graceful_kills: u64,
    /// Replaced after their number of requests.
    pub replaced: u64,
    /// Ended by themselves for want of a descriptor, or were killed for want of memory, and replaced.
    pub crashed: u64,
    /// Naps of masters whose processes died too fast (uWSGI's `forkbomb-delay`).
    pub naps: u64,
    /// Connections that broke with a killed process.
    pub lost: u64,
}

/// How often a limit of the operating system was met after the warm-up, and how high levels rose, from where they stood at its end.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct KernelCounts {
    /// Ends of handshakes ignored at a full accept queue, repetitions included.
    pub ack_drops: u64,
    /// SYNs dropped because the table of tracked connections was full; among the dropped SYNs.
    pub conntrack_drops: u64,
    /// SYNs answered with a cookie.
    pub cookies: u64,
    /// Calls of `accept` or `socket` that failed for want of a descriptor (EMFILE).
    pub descriptor_failures: u64,
    /// Threads and hubs woken beside the one that a connection needs.
    pub extra_wakes: u64,
    /// Calls to peers that failed for want of a local port (EADDRNOTAVAIL).
    pub port_failures: u64,
    /// Most ports taken by one client group, TIME_WAIT included; counted where they are limited.
    pub ports_peak: u64,
    /// Most tracked connections of one server; counted where they are limited.
    pub conntrack_peak: u64,
    /// Most memory of one server, in bytes; `None` where it is not looked at.
    pub memory_peak: Option<u64>,
    /// Processes that the kernel killed for want of memory.
    pub oom_kills: u64,
    /// What became of socket memory; `None` where it is not looked at.
    pub sockets: Option<SocketMemoryCounts>,
}

/// How socket memory ran out.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct SocketMemoryCounts {
    /// Most memory of one server's TCP sockets, in bytes.
    pub peak: u64,
    /// Times that a socket with something to send was refused more memory.
    pub refused: u64,
    /// Connections that the kernel reset when they were closed.
    pub aborted: u64,
}

/// What became of people rather than of requests.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Users {
    /// People who came, or were there already when the window began.
    pub came: u64,
    /// People who got a good response, to whichever of their requests.
    pub served: u64,
    /// New requests sent by people who had lost patience.
    pub refreshes: u64,
}

/// Work for people who had left.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Wasted {
    /// Requests that the server finished for nobody.
    pub requests: u64,
    /// Slot time they held in all.
    pub slot_time: Span,
}

/// What clients, breakers and balancers did about trouble after the warm-up.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Resilience {
    /// New requests sent because the one before went wrong.
    pub retries: u64,
    /// Retries that were not sent because the group's bucket was empty.
    pub retries_refused: u64,
    /// Second copies sent.
    pub hedges: u64,
    /// Second copies that were answered first.
    pub hedges_won: u64,
    /// Requests and calls that an open breaker failed at once.
    pub failed_fast: u64,
    /// Times that a server was left alone, by its health checks or for its failures.
    pub ejections: u64,
}

impl Resilience {
    /// Whether nothing of it happened.
    pub fn is_nothing(&self) -> bool {
        *self == Resilience::default()
    }
}

/// A shared value in one run after the warm-up, over all processes.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct ValueRecord {
    /// Its name.
    pub name: String,
    /// Times it was read.
    pub reads: u64,
    /// Times it was written.
    pub writes: u64,
    /// Writes by a task that had not seen what another task wrote since its own read.
    pub lost_updates: u64,
}

/// A connection in one run after the warm-up, over all processes.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct ConnectionRecord {
    /// Its name.
    pub name: String,
    /// Times that a task began to use it.
    pub uses: u64,
    /// Uses that began while another task waited on it.
    pub conflicts: u64,
}

/// One class in one run.
#[derive(Clone, Debug, Serialize)]
pub struct ClassRecord {
    /// Its name.
    pub name: String,
    /// Requests that were alive within the window, per ending.
    pub endings: [u64; Ending::COUNT],
    /// Which of them ended after the window, or never.
    pub apart: Apart,
    /// How long those have been inside that had no answer when the run ended.
    pub unfinished: Hist,
    /// Latency of good responses, as the client sees it.
    pub latency: Hist,
    /// Sum over good responses of time by [`Wait`], in [`Wait::ALL`] order; adds up to the sum of latencies, exactly.
    pub blame: [Span; Wait::KINDS],
    /// The same by latency.
    #[serde(skip)]
    pub blame_rows: BlameRows,
    /// The slowest of its good responses.
    #[serde(skip)]
    pub worst: WorstList,
    /// Those of its requests that were starved for longest.
    #[serde(skip)]
    pub starved: StarvedRequests,
    /// Sum over the requests that ended badly of time by [`Wait`]: what those who left or were turned away had waited for.
    pub lost: [Span; Wait::KINDS],
    /// How its requests waited.
    pub waiting: Waiting,
    /// Slowdown (latency over ideal time) of good responses.
    pub slowdown: Slowdown,
    /// Response bytes of good responses: heads and bodies.
    pub bytes: u64,
    /// The bodies' part of it.
    pub body_bytes: u64,
}

/// What the CPU limits of all servers did, as `cpu.stat` counts it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Throttling {
    /// Periods in which somebody was active (`nr_periods`).
    pub periods: u64,
    /// Those at whose end a core stood still (`nr_throttled`).
    pub throttled_periods: u64,
    /// How long cores stood still, summed over cores (`throttled_time`).
    pub time: Span,
}

impl Throttling {
    /// Part of the active periods in which somebody stood still; `None` without a limit.
    pub fn share(&self) -> Option<f64> {
        (self.periods > 0).then(|| self.throttled_periods as f64 / self.periods as f64)
    }

    /// Whether there is nothing to tell.
    pub fn is_none(&self) -> bool {
        *self == Throttling::default()
    }
}

/// Moments of the slowdown, in exact integers (thousandths).
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Slowdown {
    /// Responses.
    pub count: u64,
    /// Sum of slowdowns, thousandths.
    pub sum_milli: u128,
    /// Sum of squared slowdowns, millionths.
    pub square_micro: u128,
    /// Largest, thousandths.
    pub max_milli: u64,
}

impl Slowdown {
    /// Jain's fairness index of the slowdowns, (sum x)^2 / (n sum x^2): 1 when everybody is slowed alike, 1/n when one is.
    pub fn jain(&self) -> Option<f64> {
        jain(self.count, self.sum_milli, self.square_micro)
    }

    /// Mean slowdown.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum_milli as f64 / 1000.0 / self.count as f64)
    }
}

/// Columns over time, one entry per step of [`Series::step`], from the start of the run (warm-up included).
#[derive(Clone, Default, Debug, Serialize)]
pub struct Series {
    /// Width of a step.
    pub step: Span,
    /// Steps that lie within the length of the run; what follows is what drains. `None` for a run without a length.
    pub measured: Option<usize>,
    /// Requests sent.
    pub sent: Vec<u64>,
    /// Endings by [`Ending::ALL`] order (without the unfinished, which end with the run).
    pub endings: [Vec<u64>; Ending::COUNT],
    /// Refreshes and retries sent.
    pub refreshes: Vec<u64>,
    /// Median latency of the good responses that arrived in the step; `None` where there was none.
    pub latency_p50: Vec<Option<Span>>,
    /// 90th percentile.
    pub latency_p90: Vec<Option<Span>>,
    /// 99th percentile.
    pub latency_p99: Vec<Option<Span>>,
    /// Time-average of requests that threads or greenlets have taken and not yet closed, thousandths.
    pub in_flight_milli: Vec<u64>,
    /// Time-average of connections in accept queues and in-server queues, thousandths.
    pub queued_milli: Vec<u64>,
    /// Time-average of clients waiting to repeat a dropped SYN, thousandths.
    pub retrying_milli: Vec<u64>,
    /// Busy slots over slots, parts per million.
    pub slots_ppm: Vec<u64>,
    /// Busy core time over core time, parts per million.
    pub cpu_ppm: Vec<u64>,
    /// SYNs dropped.
    pub syn_drops: Vec<u64>,
    /// Requests between click and answer at the end of each step; none where clients wait for answers before they ask again, whose
    /// number has a bound.
    pub inside: Vec<u64>,
}
