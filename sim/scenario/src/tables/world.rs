//! `[machine]` and `[world.NAME]`: what serves the requests.

use engine::kernel::{Handshake, Kernel};
use engine::model::asyncio::{LoopCosts, LoopSpec};
use engine::model::{Cooling, WhenFull, WorkerKind, WorkerSpec};
use engine::time::Span;
use engine::worker::RouterSpec;

use crate::reader::key::{KeyKind, KeyTable, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::tables::kernel::{self, Syn};
use crate::tables::preset::python;
use crate::tables::preset::worker::{self, Carrier, Worker};
use crate::tables::preset::{self, Preset};
use crate::tables::{collector, life, router};
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};
use crate::words::{limits, suggest};

const SERVERS: u64 = 1_000;
const CORES: u64 = 1_024;
const SLOTS: u64 = limits::TASKS;
const PRESET: Presence = Presence::Else("the preset's");
const MACHINES: Presence = Presence::Else("the machine's");

/// Keys of a world that speak of its server, and mean nothing where greenlets are the clients themselves.
const SERVER_KEYS: [&str; 10] =
    ["greenlets", "listen", "accepts", "full", "down", "reuse_port", "wakes", "nofile", "kernel", "memory"];

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
            "in_thread",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "All requests run in native threads of `[offload]`, as if each said `in_thread`: FastAPI with `def` endpoints. Only for hubs and event loops.",
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
        key(
            "yield_every",
            KeyKind::Positive,
            Presence::Else("it never yields by itself"),
            "\"5ms\"",
            "The application calls sleep(0) after that much CPU time of every `burn`.",
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
    pub(crate) processes: u32,
    pub(crate) backlog: u32,
    pub(crate) yield_every: Option<Span>,
    /// Whether all requests run in native threads.
    pub(crate) in_thread: bool,
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

impl TypedWorld {
    /// Reads one `[world.NAME]`.
    pub(crate) fn read(
        (name, node): &(Name, Node),
        machine: &Node,
        preset: &Preset,
        findings: &mut Findings,
    ) -> Option<TypedWorld> {
        let worker = find_worker(node, preset, findings)?;
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
            processes,
            backlog: listen.min(somaxconn),
            yield_every: node.find("yield_every"),
            in_thread: node.get("in_thread"),
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

/// The software of a world: the preset's worker, and what the file says over it.
fn configured(
    worker: &Worker,
    (name, node): (&Name, &Node),
    processes: u32,
    slower: u64,
    findings: &mut Findings,
) -> WorkerSpec {
    let usual = &worker.prototype;
    let mut kind = carrier(&name.text, node, worker, processes, findings);
    let mut costs = usual.costs.scaled(slower);
    if let Some(own) = node.find::<&Node>("costs") {
        for cost in &worker::COSTS {
            if let Some(span) = own.find(cost.name) {
                *(cost.of)(&mut costs) = span;
            }
        }
    }
    if let WorkerKind::Loop(spec) = &mut kind {
        spec.costs = LoopCosts::of(&costs);
    }
    let timeout = node.find("http_timeout");
    let router = usual
        .router
        .map(|router| RouterSpec { timeout: timeout.unwrap_or(router.timeout), costs: router.costs.scaled(slower) });
    WorkerSpec {
        kind,
        costs,
        router,
        gil: node.find("gil").unwrap_or(usual.gil),
        switch_interval: node.find("switch_interval").unwrap_or(usual.switch_interval),
        timed_waits: node.find("timed_waits").map_or(usual.timed_waits, python::timed_waits),
        lock_yields: node.get("lock_yields"),
        zero_timers: node.get::<&str>("zero_sleep") == "timer",
        keep_alive: node.find("keepalive").or(usual.keep_alive),
        life: life::read(node, worker.name(), worker.master.as_ref(), findings),
        ..usual.clone()
    }
}

/// Reports keys that mean nothing to the software.
fn refuse_foreign(node: &Node, worker: &Worker, findings: &mut Findings) {
    let software = worker.name();
    let mut refuse = |key: &str, why: &str| node.refuse(key, software, why, findings);
    if worker.prototype.keep_alive.is_none() {
        refuse("keepalive", "this server closes every connection after its response");
    }
    let hub = worker.carrier == Carrier::Hub;
    if worker.prototype.resident {
        for key in SERVER_KEYS {
            refuse(
                key,
                "its greenlets are the clients themselves: nobody connects, and `clients` says how many there are",
            );
        }
    }
    match worker.carrier {
        Carrier::Hub => refuse("threads", "a hub carries requests in greenlets: write `greenlets`"),
        Carrier::Loop => {
            for key in ["threads", "greenlets"] {
                refuse(
                    key,
                    "an event loop carries requests in tasks, as many as come: `limit_concurrency` bounds them",
                );
            }
        }
        Carrier::Sync => {
            refuse("threads", "a sync worker has one thread; raise `processes`, or take gunicorn-gthread");
            refuse("greenlets", "a sync worker has one thread; take gunicorn-gevent");
        }
        Carrier::Threads | Carrier::Pool => {
            refuse("greenlets", "this server carries requests in threads: write `threads`")
        }
    }
    let on_loop = worker.carrier == Carrier::Loop;
    if !on_loop {
        refuse("limit_concurrency", "it is uvicorn's");
        refuse(
            "collector",
            "its pauses are simulated on event loops alone, where what waits in the process has no bound",
        );
    }
    if !(on_loop || hub) {
        refuse("in_thread", "its requests run in threads anyway");
    }
    if !hub {
        if !on_loop {
            refuse("accepts", "only a hub or an event loop accepts several connections at once");
        }
        refuse("zero_sleep", "only a hub has a loop that goes round");
        refuse("full", "only a hub can leave its listener unwatched or spin");
    }
    if worker.prototype.router.is_none() {
        refuse("http_timeout", "it has no router in front: take uwsgi-router-threads or uwsgi-router-gevent");
    }
    if worker.carrier != Carrier::Pool {
        refuse("connections", "only a pool server queues connections inside");
    }
}

fn carrier(world: &str, node: &Node, worker: &Worker, processes: u32, findings: &mut Findings) -> WorkerKind {
    refuse_foreign(node, worker, findings);
    let software = worker.name();
    let mut needed = |key: &str, known: Option<u32>| {
        node.find(key).or(known).unwrap_or_else(|| {
            let what = format!("world `{world}` needs `{key}`");
            let help = format!("write `{key} = 40`: how many requests a process of {software} carries at once");
            findings.error(node.at, what).label(format!("how many {key}?")).help(help).echo();
            1
        })
    };
    match worker.prototype.kind {
        WorkerKind::Loop(spec) => WorkerKind::Loop(LoopSpec {
            accepts: node.find("accepts").unwrap_or(spec.accepts),
            limit: node.find("limit_concurrency"),
            collector: collector::read(node),
            ..spec
        }),
        WorkerKind::Threads { .. } if worker.carrier == Carrier::Sync => WorkerKind::Threads { threads: 1 },
        WorkerKind::Threads { .. } => WorkerKind::Threads { threads: needed("threads", None) },
        WorkerKind::Pool { connections, closes, .. } => WorkerKind::Pool {
            threads: needed("threads", None),
            connections: node.find("connections").unwrap_or(connections),
            closes,
        },
        WorkerKind::Hub { accepts, full, .. } => {
            let usual = if processes > 1 { worker.accepts_shared } else { accepts };
            let said =
                node.find::<&str>("full").map(|word| if word == "spin" { WhenFull::Spin } else { WhenFull::Stop });
            WorkerKind::Hub {
                greenlets: needed("greenlets", worker.greenlets),
                accepts: node.find("accepts").unwrap_or(usual),
                full: said.unwrap_or(full),
            }
        }
    }
}
