//! `[machine]` and `[world.NAME]`: what serves the requests.

pub(crate) mod build;
mod configured;
mod cpu_limit;

use engine::kernel::{Handshake, Kernel};
use engine::model::asyncio::{LoopKind, Python};
use engine::model::{Cooling, CpuLimit, WorkerKind, WorkerSpec};
use engine::time::Span;

use crate::reader::key::{KeyKind, KeyTable, NameGroup, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::tables::kernel::{self, Syn};
use crate::tables::preset::python;
use crate::tables::preset::version::{self, VERSION};
use crate::tables::preset::worker::Worker;
use crate::tables::preset::{self, Preset};
use crate::tables::request::InThread;
use crate::tables::sync::primitive::CarrierSetting;
use crate::tables::{collector, life, router};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};
use crate::words::{limits, suggest};
use build::Build;
use configured::configured;
use cpu_limit::{CPU_BURST, CPU_LIMIT, CPU_PERIOD};

const SERVERS: u64 = 1_000;
const CORES: u64 = limits::CORES;
const SLOTS: u64 = limits::TASKS;
const PRESET: Presence = Presence::Else("the preset's");
const MACHINES: Presence = Presence::Else("the machine's");

pub(crate) static MACHINE: KeyTable = KeyTable {
    heading: "[machine]",
    noun: "the machine",
    doc: "Every server is such a machine. A world may say its own `servers` and `cores`.",
    keys: &[
        key("servers", KeyKind::Count(1, SERVERS), Presence::Default("1"), "2", "Servers behind the balancer."),
        key(
            "cores",
            KeyKind::Count(1, CORES),
            Presence::Else("every world says its own"),
            "8",
            "Cores of a server that its processes may use.",
        ),
        CPU_LIMIT,
        CPU_PERIOD,
        CPU_BURST,
        key(
            "slice",
            KeyKind::Positive,
            Presence::Else("the preset's base slice, times 1 + log2 of the cores (8 at most)"),
            "\"2.8ms\"",
            "For how long a running thread is safe from others that are runnable.",
        ),
        key("tick", KeyKind::Positive, PRESET, "\"4ms\"", "How often the kernel looks whether a slice is over."),
        key("switch", KeyKind::Duration, PRESET, "\"3us\"", "CPU time of putting another thread on a core."),
        key("wake", KeyKind::Duration, PRESET, "\"5us\"", "Time from a wake-up to the woken thread being runnable."),
        key(
            "cold_percent",
            KeyKind::Count(100, 10_000),
            PRESET,
            "100",
            "What a server's own work costs after a long pause, in percent of its cost in a busy stream; 100: caches keep everything.",
        ),
        key("cooling", KeyKind::Positive, PRESET, "\"8ms\"", "The pause after which half of that difference is there."),
        key(
            "syn_linear_timeouts",
            KeyKind::Count(0, 100),
            PRESET,
            "0",
            "How often a dropped SYN is repeated after one second before the pauses double (net.ipv4.tcp_syn_linear_timeouts: 4 since Linux 6.5). With 0 a SYN is repeated at 1, 3, 7, 15, 31 and 63 s.",
        ),
        key(
            "syn_timeout",
            KeyKind::Positive,
            PRESET,
            "\"3s\"",
            "The first pause before a dropped SYN is repeated; each further one is twice as long (TCP_TIMEOUT_INIT: 3 s before Linux 3.1, 1 s since).",
        ),
        key(
            "syn_retries",
            KeyKind::Count(0, 20),
            PRESET,
            "5",
            "How often it is repeated at most, linear timeouts not counted (net.ipv4.tcp_syn_retries: 5 before Linux 3.7, 6 since).",
        ),
        key(
            "somaxconn",
            KeyKind::Count(1, 1_000_000),
            PRESET,
            "4096",
            "The kernel's bound on every accept queue, in connections.",
        ),
        key(
            "send_buffer",
            KeyKind::Count(1, 1_000_000_000),
            Presence::Default("87040"),
            "2500000",
            "Bytes of a response that the kernel takes at once from a writer whose reader is slow (Linux: net.ipv4.tcp_wmem; \
             it begins at 87,040 and grows with the congestion window).",
        ),
        key(
            "uplink",
            KeyKind::Count(1, 1_000_000_000_000),
            Presence::Else("as much as they need"),
            "2500000",
            "Bytes a second that all responses of a server share, one after the other.",
        ),
        key(
            "cpu_percent",
            KeyKind::Count(1, 100_000),
            Presence::Default("100"),
            "1000",
            "CPU time that all work of the preset needs on this machine, in percent of what it needed where it was measured, and what caches need to cool; `burn` and a client's `cost` mean what they say.",
        ),
    ],
};

const fn cost(name: &'static str, doc: &'static str) -> TableKey {
    key(name, KeyKind::Duration, PRESET, "\"10us\"", doc)
}

static COSTS: KeyTable = KeyTable {
    heading: "[world.NAME.costs]",
    noun: "a list of costs",
    doc: "What the server's own work costs, in CPU time; what is not said is the preset's.",
    keys: &[
        cost("accept", "Accepting one connection and reading its request, without the GIL."),
        cost("request", "The server's and framework's Python around a request, holding the GIL."),
        cost("respond", "Writing the response and closing, without the GIL."),
        cost("handoff", "Handing a request to a serving thread (pool servers)."),
        cost("take", "A look of a serving thread into the queue of accepted requests, holding the GIL (pool servers)."),
        cost("close", "Closing a connection in the accepting thread, holding the GIL (pool servers that do so)."),
        cost("switch", "Switching from the hub into a greenlet and back."),
        cost("spawn", "Starting a greenlet."),
        cost("timer", "Starting a timer and having it fire."),
        cost("socket", "Waiting for a socket: watcher on, watcher off, the call again."),
        cost("wake", "Coming out of a poll that blocked (hubs)."),
        cost("poll", "One epoll_wait and its bookkeeping."),
        key(
            "clock",
            KeyKind::Positive,
            PRESET,
            "\"50ns\"",
            "Reading the clock; above zero, so that equal sleeps keep their order.",
        ),
        cost("look", "One look of a wait that polls (`timed_waits`): the interpreter's own loop around its sleep."),
        cost(
            "search",
            "Passing one waiter in the list of all when a wait that polls is over in vain: Python 2.7 looks for its own from the front (`list.remove`).",
        ),
        cost(
            "expire",
            "A wait of a greenlet that ends by its time limit: making the `Timeout`, throwing it, unwinding to who catches it.",
        ),
        cost("create", "Creating one thread, by the main thread of a server that starts with all of them."),
        cost("start", "What a new thread does before it waits for work."),
    ],
};

pub(crate) static WORLD: KeyTable = KeyTable {
    heading: "[world.NAME]",
    noun: "a world",
    doc: "One way to serve the requests. All worlds of a file serve the same people with the same needs; the name is \
          the label in tables and plots, and the order of the file is the order there.",
    keys: &[
        key(
            "worker",
            KeyKind::OneOf(preset::worker_names),
            Presence::Required,
            "\"uwsgi-threads\"",
            "Server software, as the preset knows it.",
        ),
        VERSION,
        key("processes", KeyKind::Count(1, limits::PROCESSES), Presence::Default("1"), "8", "Processes of a server."),
        key(
            "threads",
            KeyKind::Count(1, SLOTS),
            Presence::Else("must be said for servers with threads"),
            "40",
            "Threads of a process; each carries one request.",
        ),
        key(
            "greenlets",
            KeyKind::Count(1, SLOTS),
            Presence::Else("the software's, if it has a default"),
            "1000",
            "Greenlets of a process; each carries one request.",
        ),
        key(
            "connections",
            KeyKind::Count(1, SLOTS),
            PRESET,
            "1000",
            "Connections that a pool server accepts, waiting or in service, before it stops accepting.",
        ),
        key(
            "limit_concurrency",
            KeyKind::Count(1, SLOTS),
            Presence::Else("whatever comes is served"),
            "100",
            "Connections, the asking one and idle ones included, or requests in service, from which on a process of uvicorn answers with 503 and closes (--limit-concurrency): with 100 it serves 99.",
        ),
        key(
            "backpressure",
            KeyKind::Count(1, SLOTS),
            Presence::Else("`listen` / `processes` with granian, no limit with others"),
            "100",
            "Open connections of a process of granian, idle ones included, beyond which others stay in the accept queue until one ends (--backpressure).",
        ),
        key(
            "in_thread",
            KeyKind::FlagOrName(NameGroup::Executor),
            Presence::Default("false"),
            "true",
            "All requests run in native threads of `[offload]`, or of the executor named, as if each said `in_thread`: FastAPI with `def` endpoints, Django with sync views. Only for hubs and event loops.",
        ),
        key(
            "listen",
            KeyKind::Count(1, 1_000_000),
            PRESET,
            "1024",
            "Backlog asked for, in connections; the kernel's queue is the smaller of it and `somaxconn`.",
        ),
        key("servers", KeyKind::Count(1, SERVERS), MACHINES, "2", "Servers behind the balancer."),
        key("cores", KeyKind::Count(1, CORES), MACHINES, "8", "Cores of a server that its processes may use."),
        CPU_LIMIT,
        CPU_PERIOD,
        CPU_BURST,
        key(
            "yield_every",
            KeyKind::Positive,
            Presence::Else("it never yields by itself"),
            "\"5ms\"",
            "The application calls sleep(0) after that much CPU time of every `burn`.",
        ),
        key(
            "python",
            KeyKind::OneOf(build::names),
            Presence::Else("3.11, which the preset was measured with"),
            "\"3.14\"",
            "The version of CPython: it says who gets a unit of what has a `primitive`, and which rules a loop follows. A `t` stands for a \
             free-threaded build, which has no GIL and needs more CPU time for the same Python: 40 % more in 3.13t, 8 % more since 3.14t \
             (CPython's free-threading HOWTO, on Linux). What the server's own Python costs follows it from 3.8 to 3.13, as measured beside \
             3.11; of later versions it is what 3.11 costs. A run says so.",
        ),
        key(
            "loop",
            KeyKind::OneOf(|| vec!["asyncio", "uvloop"]),
            PRESET,
            "\"uvloop\"",
            "Whose event loop it is: asyncio's own, or uvloop, whose poll and timers differ. Costs stay the preset's: `uvicorn-uvloop` and its \
             like were measured on uvloop.",
        ),
        key("gil", KeyKind::Flag, PRESET, "false", "Whether the interpreter has a GIL."),
        key(
            "switch_interval",
            KeyKind::Positive,
            PRESET,
            "\"1ms\"",
            "How long a thread waits for the GIL before it asks the holder to drop it (sys.getswitchinterval()).",
        ),
        key(
            "timed_waits",
            KeyKind::OneOf(python::timed_waits_words),
            PRESET,
            "\"polled\"",
            "How the standard library's waits with a time limit learn of a notification: they are woken (Python 3), or look for it every 1 to 50 ms (Python 2.7). Under a hub so wait the standard library's queues, on threads every `get`, `put`, `wait`, `acquire` and `with` that has a limit.",
        ),
        key(
            "lock_yields",
            KeyKind::Flag,
            Presence::Default("true"),
            "false",
            "Whether a failed attempt at a monkey-patched lock that does not wait yields, as it does since gevent 1.5 (thread.py); the standard library's queues try so in every put and get.",
        ),
        key(
            "zero_sleep",
            KeyKind::OneOf(|| vec!["callback", "timer"]),
            Presence::Default("\"callback\""),
            "\"timer\"",
            "What sleep(0) is to a hub: one of the callbacks, of which many run between two polls (gevent 1.0 and later), or a timer of no length, for which the loop goes round and polls each time (gevent 0.13 over libevent, hub.py).",
        ),
        key(
            "accepts",
            KeyKind::Count(1, 1_000_000),
            PRESET,
            "1",
            "Connections that a hub or an event loop accepts for one readiness of its listener.",
        ),
        key(
            "full",
            KeyKind::OneOf(|| vec!["stop", "spin"]),
            PRESET,
            "\"stop\"",
            "What a hub does with its listener while all greenlets are taken: stop watching it, or leave the watcher on and spin.",
        ),
        key(
            "keepalive",
            KeyKind::Positive,
            PRESET,
            "\"2s\"",
            "How long the server keeps an idle connection of a client or proxy that uses it again.",
        ),
        router::HTTP_TIMEOUT,
        life::TIMEOUT,
        life::HARAKIRI,
        life::MAX_REQUESTS_KEY,
        life::JITTER,
        life::GRACEFUL_TIMEOUT,
        life::BOOT,
        life::LIFETIME_LEAST,
        life::FORKBOMB_DELAY,
        kernel::DOWN,
        kernel::REUSE_PORT,
        kernel::WAKES,
        kernel::NOFILE,
        kernel::THREADS_MAX,
        kernel::KERNEL_KEY,
        kernel::MEMORY_KEY,
        collector::COLLECTOR_KEY,
        key("costs", KeyKind::Table(&COSTS), PRESET, "{ request = \"300us\" }", "Own costs instead of the preset's."),
    ],
};

/// The scheduler's constants.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct TypedMachine {
    /// The slice if the file says it.
    slice: Option<Span>,
    base_slice: Span,
    pub(crate) tick: Span,
    pub(crate) cooling: Cooling,
    pub(crate) switch: Span,
    pub(crate) wake: Span,
    pub(crate) send_buffer: u64,
    pub(crate) uplink: Option<u64>,
}

/// One way to serve the requests.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TypedWorld {
    pub(crate) name: String,
    /// Where it stands in the file.
    pub(crate) at: At,
    /// Its software in its configuration: the preset's, with what the file says over it.
    pub(crate) worker: WorkerSpec,
    pub(crate) servers: u32,
    pub(crate) cores: u32,
    pub(crate) cpu_limit: Option<CpuLimit>,
    pub(crate) processes: u32,
    pub(crate) backlog: u32,
    pub(crate) yield_every: Option<Span>,
    /// The interpreter.
    pub(crate) build: Build,
    /// What is taken for granted: its release, and costs where it is not what its preset was measured with.
    pub(crate) assumed: Vec<String>,
    /// The native threads that all requests run in.
    pub(crate) in_thread: InThread,
    pub(crate) kernel: Kernel,
}

impl TypedMachine {
    /// Reads `[machine]`.
    pub(crate) fn read(node: &Node, preset: &Preset) -> TypedMachine {
        let slower: u64 = node.get("cpu_percent");
        let slow = |span: Span| span * slower / 100;
        TypedMachine {
            slice: node.find("slice"),
            base_slice: preset.base_slice,
            tick: node.find("tick").unwrap_or(preset.tick),
            cooling: Cooling {
                cold_percent: node.find("cold_percent").unwrap_or(preset.cooling.cold_percent),
                half: node.find("cooling").unwrap_or(slow(preset.cooling.half)),
            },
            switch: node.find("switch").unwrap_or(slow(preset.switch)),
            wake: node.find("wake").unwrap_or(slow(preset.wake)),
            send_buffer: node.get("send_buffer"),
            uplink: node.find("uplink"),
        }
    }

    /// The slice on so many cores (Linux `sched_tunable_scaling` 1: 1 + log2 of the cores, 8 at most).
    pub(crate) fn slice(&self, cores: u32) -> Span {
        self.slice.unwrap_or_else(|| self.base_slice * u64::from(1 + cores.clamp(1, 8).ilog2()))
    }
}

/// What is taken for granted of a world: its release, and the costs of its interpreter and of its loop.
fn assumed(worker: &Worker, node: &Node) -> Vec<String> {
    let build = Build::read(node).assumed(matches!(worker.prototype.kind, WorkerKind::Loop(_)));
    let on_loop = match (&worker.prototype.kind, node.find::<&str>("loop")) {
        (WorkerKind::Loop(spec), Some(loop_)) if (loop_ == "uvloop") != (spec.kind == LoopKind::Uvloop) => {
            let measured = if loop_ == "uvloop" { "asyncio's own loop" } else { "uvloop" };
            Some(format!("the loop is {loop_}'s, and costs what {measured} does, with which its preset was measured"))
        }
        _ => None,
    };
    version::assumed(worker, node).into_iter().chain(build).chain(on_loop).collect()
}

impl TypedWorld {
    /// Reads one `[world.NAME]`.
    pub(crate) fn read(
        (name, node): &(Name, Node),
        machine: &Node,
        preset: &Preset,
        findings: &mut Findings,
    ) -> Option<TypedWorld> {
        let worker = &*version::of_world(node, find_worker(node, preset, findings)?, findings);
        let processes: u32 = node.get("processes");
        let servers = node.find("servers").unwrap_or_else(|| machine.get("servers"));
        // That a world has cores at all is checked once for all worlds.
        let cores = node.find("cores").or_else(|| machine.find("cores")).unwrap_or(1);
        let listen: u32 = node.find("listen").unwrap_or(worker.listen);
        let somaxconn: u32 = machine.find("somaxconn").unwrap_or(preset.somaxconn);
        let syn = Syn::read(machine, preset.syn);
        let mut world = TypedWorld {
            name: name.text.clone(),
            at: name.at,
            worker: configured(worker, (name, node), processes, machine.get("cpu_percent"), findings),
            servers,
            cores,
            cpu_limit: cpu_limit::read(node, machine),
            processes,
            backlog: listen.min(somaxconn),
            yield_every: node.find("yield_every"),
            build: Build::read(node),
            assumed: assumed(worker, node),
            in_thread: InThread::read(node),
            kernel: kernel::read(&name.text, node, (servers, processes), syn, findings),
        };
        if worker.defers {
            let handshake = world.kernel.handshake.unwrap_or(Handshake::LINUX);
            world.kernel.handshake = Some(Handshake { defer_accept: true, ..handshake });
        }
        world.check_size(name, findings);
        check_memory(&world, node, findings);
        Some(world)
    }

    /// The version of CPython.
    pub(crate) fn python(&self) -> Python {
        self.build.version
    }

    /// What carries the requests when they wait for something shared.
    pub(crate) fn setting(&self) -> CarrierSetting {
        match self.worker.kind {
            WorkerKind::Threads { .. } | WorkerKind::Pool { .. } => CarrierSetting::Threads,
            WorkerKind::Hub { .. } | WorkerKind::Loop(_) if self.in_thread.lends() => CarrierSetting::Threads,
            WorkerKind::Hub { .. } => CarrierSetting::Hub,
            WorkerKind::Loop(_) => CarrierSetting::Loop,
        }
    }

    fn check_size(&self, name: &Name, findings: &mut Findings) {
        let slots = match self.worker.kind {
            WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => threads,
            WorkerKind::Hub { greenlets, .. } => greenlets,
            WorkerKind::Loop(spec) => spec.limit.unwrap_or(1),
        };
        let processes = u64::from(self.servers) * u64::from(self.processes);
        let tasks = processes.saturating_mul(u64::from(slots));
        let beyond = if processes > limits::PROCESSES {
            Some((processes, "processes", limits::PROCESSES))
        } else if tasks > limits::TASKS {
            Some((tasks, "threads or greenlets", limits::TASKS))
        } else {
            None
        };
        if let Some((count, what, limit)) = beyond {
            let what =
                format!("world `{}` has {} {what} in all, more than the limit", self.name, limits::grouped(count));
            let help = format!("the limit is {}", limits::grouped(limit));
            findings.error(name.at, what).label("too large").help(help);
        }
    }
}

/// Reports processes and threads that do not fit the server before anybody has come.
fn check_memory(world: &TypedWorld, node: &Node, findings: &mut Findings) {
    let Some(memory) = &world.kernel.memory else { return };
    let needed = memory.fixed(world.worker.kind).saturating_mul(u64::from(world.processes));
    if needed > memory.host && node.sound(&["memory"]) {
        let what = format!(
            "the processes of world `{}` need {} MiB of a server before they serve anything, and it has {}",
            world.name,
            limits::grouped(needed.div_ceil(kernel::MIB)),
            limits::grouped(memory.host / kernel::MIB)
        );
        let help = "take fewer processes or threads, or a server with more memory";
        findings.error(node.at("memory"), what).label("too little memory").help(help);
    }
}

fn find_worker<'p>(node: &Node, preset: &'p Preset, findings: &mut Findings) -> Option<&'p Worker> {
    if !node.sound(&["worker"]) {
        return None;
    }
    let name: &str = node.get("worker");
    let worker = preset.worker(name);
    if worker.is_none() {
        let known = preset.workers.iter().map(Worker::name);
        let what = format!("the preset {} has no worker `{name}`", preset.name);
        let help = suggest::help(name, known, "its workers");
        findings.error(node.at("worker"), what).label("not in this preset").help(help);
    }
    worker
}
