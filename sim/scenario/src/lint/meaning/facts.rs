//! What a file has, and whether that is what a key needs.

use engine::model::WorkerKind;
use engine::time::Span;

use super::Needs;
use crate::reader::law_text::LawText;
use crate::reader::node::Node;
use crate::tables::step::{Act, TypedStep};
use crate::tables::sync::TypedSync;
use crate::tables::world::TypedWorld;
use crate::tables::world::build::Build;
use crate::whole::Scenario;
use crate::words::source::Name;

/// What the steps of a file do, and what its tables say together.
pub(super) struct Facts<'s> {
    pub(super) scenario: &'s Scenario,
    root: &'s Node,
    /// A `burn` that does not say itself how often it yields.
    burns: bool,
    /// `yield`, or a `burn` that yields.
    yields: bool,
    fans: bool,
    offloads: bool,
    /// Whether a request has steps in native threads.
    lends: bool,
    /// A standard queue is used; and with a limit.
    standard: bool,
    standard_timed: bool,
    /// A wait for something shared has a limit, or is inside a timeout block.
    shared_timed: bool,
    /// Any wait has a limit, or is inside a timeout block.
    timed: bool,
}

/// A table, and the world that it belongs to.
pub(super) struct TablePlace<'s> {
    pub(super) facts: &'s Facts<'s>,
    pub(super) world: Option<&'s TypedWorld>,
    pub(super) node: &'s Node,
}

/// Why a key means nothing, and what to write instead.
pub(super) struct Lack {
    pub(super) why: String,
    pub(super) help: String,
}

impl<'s> Facts<'s> {
    pub(super) fn of(scenario: &'s Scenario, root: &'s Node) -> Facts<'s> {
        let mut facts = Facts {
            scenario,
            root,
            burns: false,
            yields: false,
            fans: false,
            offloads: scenario.offload.is_some(),
            lends: scenario.requests.iter().any(|request| request.in_thread.lends())
                || scenario.uses(|act| matches!(act, Act::Thread { .. })),
            standard: false,
            standard_timed: false,
            shared_timed: false,
            timed: false,
        };
        for request in &scenario.requests {
            facts.see(&request.steps, false);
        }
        facts
    }

    fn see(&mut self, steps: &[TypedStep], within: bool) {
        for step in steps {
            let mut within = within;
            match &step.act {
                Act::Burn { yield_every: Some(_), .. } | Act::Yield => self.yields = true,
                Act::Burn { .. } => self.burns = true,
                Act::Fan { .. } => self.fans = true,
                Act::Sleep(_, takes) => {
                    self.timed |= within;
                    self.yields |= takes.law == LawText::Fixed(Span::ZERO);
                }
                Act::Call { timeout, .. } => self.timed |= within || timeout.is_some(),
                Act::Put { queue, timeout } | Act::Get { queue, timeout } => {
                    let limited = within || timeout.is_some();
                    let is_standard = self.is_standard(queue);
                    self.standard |= is_standard;
                    self.standard_timed |= is_standard && timeout.is_some();
                    (self.shared_timed, self.timed) = (self.shared_timed || limited, self.timed || limited);
                }
                Act::Acquire { timeout, .. } | Act::With { timeout, .. } | Act::Wait { timeout, .. } => {
                    let limited = within || timeout.is_some();
                    (self.shared_timed, self.timed) = (self.shared_timed || limited, self.timed || limited);
                }
                Act::Within { .. } => (within, self.timed) = (true, true),
                _ => {}
            }
            self.see(step.inner(), within);
        }
    }

    fn is_standard(&self, queue: &str) -> bool {
        let found = self.scenario.syncs.iter().find(|sync: &&TypedSync| sync.name.text == queue);
        found.is_some_and(|sync| matches!(sync.kind, engine::model::SyncKind::Queue { standard: true, .. }))
    }

    fn has_loop(&self) -> bool {
        self.scenario.worlds.iter().any(is_loop)
    }

    fn has_hub(&self) -> bool {
        self.scenario.worlds.iter().any(is_hub)
    }

    /// Whether the file has a setting of a world vary: then it means something for another value.
    fn varies(&self, key: &str) -> bool {
        let plan = self.scenario.plan.iter().flat_map(|plan| &plan.vary);
        plan.map(|vary| vary.path.as_str()).any(|path| path.rsplit('.').next() == Some(key))
    }

    fn has_bytes(&self) -> bool {
        self.scenario.requests.iter().any(|request| request.header > 0 || request.body > 0)
    }

    fn clients_keep(&self) -> bool {
        let kept = self.scenario.proxy.as_ref().is_some_and(|proxy| proxy.keep_alive.is_some());
        kept || self.scenario.clients.iter().any(|client| client.policies.keep_alive.is_some())
    }

    fn servers_keep(&self) -> bool {
        let keeps = |world: &TypedWorld| {
            world.worker.keep_alive.is_some() && !matches!(world.worker.kind, WorkerKind::Threads { .. })
        };
        self.scenario.worlds.iter().any(keeps)
    }

    /// Whether every world says its own of what the machine says too.
    fn all_worlds_say(&self, key: &str) -> bool {
        self.root.get::<&[(Name, Node)]>("world").iter().all(|(_, node)| node.given(key))
    }
}

fn is_hub(world: &TypedWorld) -> bool {
    matches!(world.worker.kind, WorkerKind::Hub { .. })
}

/// Whether a world runs event loops: they accept, hand over, switch, poll and close by themselves, as hubs and pool servers do.
fn is_loop(world: &TypedWorld) -> bool {
    matches!(world.worker.kind, WorkerKind::Loop(_))
}

/// Threads of a process that run requests, and an accepting one.
fn python_threads(world: &TypedWorld) -> u32 {
    match world.worker.kind {
        WorkerKind::Threads { threads } => threads,
        WorkerKind::Pool { threads, .. } => threads.saturating_add(1),
        WorkerKind::Hub { .. } | WorkerKind::Loop(_) => 1,
    }
}

fn lack(why: impl Into<String>, help: impl Into<String>) -> Option<Lack> {
    Some(Lack { why: why.into(), help: help.into() })
}

impl TablePlace<'_> {
    /// What a key lacks here to mean something; `None`: nothing.
    pub(super) fn lack(&self, needs: Needs, key: &str) -> Option<Lack> {
        match self.world {
            Some(world) => self.lack_of_world(world, needs),
            None => self.lack_of_file(needs, key),
        }
    }

    fn lack_of_world(&self, world: &TypedWorld, needs: Needs) -> Option<Lack> {
        let (facts, name) = (self.facts, &world.worker.name);
        let remove = "remove it";
        let hub = is_hub(world);
        let polled = world.worker.timed_waits == engine::model::TimedWaits::Polled;
        let several = world.processes > 1 || facts.varies("processes");
        match needs {
            Needs::Hub | Needs::Pool | Needs::Closes | Needs::Spawns | Needs::Polls if is_loop(world) => None,
            Needs::Hub if !hub => lack(format!("{name} has threads and no hub"), remove),
            Needs::Threads if hub && !(facts.lends || world.in_thread.lends()) => {
                lack(format!("{name} runs a hub, which has its interpreter to itself"), remove)
            }
            // A hub ends a batch of callbacks by it.
            Needs::SeveralThreads if !hub && python_threads(world) < 2 && !facts.fans && !facts.varies("threads") => {
                lack(format!("{name} has one thread in this world, which never waits for its GIL"), remove)
            }
            Needs::Pool if !matches!(world.worker.kind, WorkerKind::Pool { .. }) => {
                lack(format!("{name} has no thread that accepts for others"), remove)
            }
            Needs::Closes if !matches!(world.worker.kind, WorkerKind::Pool { closes: true, .. }) => lack(
                format!("the threads of {name} close their connections themselves, as a part of `respond`"),
                remove,
            ),
            Needs::Creates
                if !matches!(world.worker.kind, WorkerKind::Threads { threads: 2.. }) && !facts.varies("threads") =>
            {
                lack(format!("{name} does not create several threads at its start"), remove)
            }
            Needs::Server if world.worker.resident => {
                lack(format!("{name} has no server that anybody connects to"), remove)
            }
            Needs::Spawns if !hub && !facts.fans => {
                lack(format!("{name} has no hub, and no request starts threads by `fan`"), remove)
            }
            Needs::Polls if !hub && world.kernel.descriptors.is_none() => lack(format!("{name} has no hub"), remove),
            _ => {
                self.lack_of_steps(world, (hub, polled), needs).or_else(|| lack_of_lives(world, facts, several, needs))
            }
        }
    }

    /// What the steps of the requests would have to do.
    fn lack_of_steps(&self, world: &TypedWorld, (hub, polled): (bool, bool), needs: Needs) -> Option<Lack> {
        let (facts, name) = (self.facts, &world.worker.name);
        let not_hub = || lack(format!("{name} has threads and no hub"), "remove it");
        match needs {
            Needs::Version
                if world.build.is_like_usual()
                    && world.build.own_percent(matches!(world.worker.kind, WorkerKind::Loop(_))) == 100
                    && !facts.scenario.syncs.iter().any(|sync| sync.differs_in(world)) =>
            {
                lack(
                    format!(
                        "nothing of this file is another in CPython {} than in {}",
                        world.python(),
                        Build::USUAL.version
                    ),
                    "remove it, or say whose a pool or lock is: `primitive = \"asyncio.Semaphore\"`; what the interpreter costs is the preset's",
                )
            }
            Needs::Burns if !facts.burns => lack(
                "no request has a `burn` that does not say its own `yield_every`",
                "remove it, or write { burn = \"20ms\" } where the CPU time is spent",
            ),
            Needs::Yields | Needs::StandardQueue | Needs::Expires if !hub => not_hub(),
            Needs::Yields if !(facts.yields || facts.standard || world.yield_every.is_some() && facts.burns) => {
                lack("nothing yields", "remove it, or write { yield = true } or `yield_every` where something does")
            }
            Needs::StandardQueue if !facts.standard => lack(
                "no request puts into or gets from a queue of the standard library",
                "remove it, or write `standard = true` in the [queue.NAME] that is one",
            ),
            Needs::Expires if !facts.timed => {
                lack("no wait has a time limit", "remove it, or write `timeout = \"1s\"` in a step that waits")
            }
            Needs::TimedWait | Needs::PolledWait if hub && !facts.standard_timed => lack(
                "no `put` or `get` of a standard queue has a time limit, and under a hub nothing else waits so",
                "remove it, or write `standard = true` in [queue.NAME] and `timeout = \"1s\"` in the step",
            ),
            Needs::TimedWait | Needs::PolledWait if !hub && !facts.shared_timed => lack(
                "no `get`, `put`, `wait`, `acquire` or `with` has a time limit",
                "remove it, or write `timeout = \"1s\"` in the step that waits",
            ),
            Needs::PolledWait if !polled => {
                lack("waits with a time limit are notified here", "remove it, or write `timed_waits = \"polled\"`")
            }
            _ => None,
        }
    }

    fn lack_of_file(&self, needs: Needs, key: &str) -> Option<Lack> {
        let facts = self.facts;
        let scenario = facts.scenario;
        let one_server = scenario.worlds.iter().all(|world| world.servers < 2) && !facts.varies("servers");
        let remove = "remove it";
        match needs {
            Needs::Hub if !facts.has_hub() => lack(
                "no world of the file has a hub",
                "remove it, or add a world with gevent, such as `worker = \"gunicorn-gevent\"`",
            ),
            Needs::OffloadingHub if facts.offloads && !facts.has_hub() && !facts.has_loop() => lack(
                "no world has a hub or loop, and a server of threads off-loads to a thread of its own",
                "remove it; how much goes on at once is said by `threads` of the world",
            ),
            Needs::SeveralServers | Needs::SecondTry | Needs::Ejects if one_server => {
                lack("no world has a second server", "remove it, or write `servers = 2` in [machine] or in a world")
            }
            Needs::SecondTry if self.node.get::<u64>("tries") < 2 => {
                lack("a request is sent to one server only", "remove it, or write `tries = 2` beside it")
            }
            Needs::Ejects if self.node.get::<u64>("max_fails") == 0 => {
                lack("`max_fails = 0` leaves no server alone", "remove it, or write `max_fails = 1`")
            }
            Needs::Hash if self.node.get::<&str>("policy") != "hash" => {
                lack("only the policy `hash` asks for a client's key", "remove it, or write `policy = \"hash\"`")
            }
            Needs::Inherited if facts.all_worlds_say(key) => lack(
                format!("every world says its own `{key}`"),
                "remove it here, or in the worlds that are to have it",
            ),
            Needs::KeptByServers if !facts.servers_keep() => lack(
                "no server of the file keeps a connection after its response",
                "remove it, or take a worker that keeps them, such as gunicorn-gthread, gunicorn-gevent or pywsgi",
            ),
            Needs::Bytes | Needs::SlowReader if !facts.has_bytes() => lack(
                "every response has 0 bytes",
                "write `response = { header = 200, body = 50000 }` in [request.NAME], or remove it",
            ),
            Needs::SlowReader
                if scenario.clients.iter().all(|client| client.download.is_none()) && !facts.has_socket_memory() =>
            {
                lack("no client reads at a rate of its own", "remove it, or write `download = 50000` in [client.NAME]")
            }
            Needs::Cold if scenario.machine.cooling.cold_percent <= 100 => {
                lack("caches keep everything (`cold_percent` is 100)", "remove it, or write `cold_percent = 400`")
            }
            Needs::CpuLimit if scenario.worlds.iter().all(|world| world.cpu_limit.is_none()) => {
                lack("no server has a CPU limit", "remove it, or write `cpu_limit = \"500m\"` beside it")
            }
            Needs::Backoff | Needs::SecondRetry if self.node.get::<Span>("backoff").is_zero() => {
                lack("there is no pause before a retry", "remove it, or write `backoff = \"100ms\"` beside it")
            }
            Needs::SecondRetry if self.node.get::<u64>("times") < 2 => {
                lack("there is one retry at most", "remove it, or write `times = 3` beside it")
            }
            Needs::SecondClient if self.node.find::<u64>("clients").is_some_and(|clients| clients < 2) => {
                lack("there is one client only", remove)
            }
            _ => None,
        }
    }
}

impl Facts<'_> {
    fn has_socket_memory(&self) -> bool {
        self.scenario.worlds.iter().any(|world| world.kernel.tcp_mem.is_some())
    }
}

/// What the lives, the listening sockets and the connections of its processes would have to be.
fn lack_of_lives(world: &TypedWorld, facts: &Facts, several: bool, needs: Needs) -> Option<Lack> {
    let life = world.worker.life;
    let replaced = life.is_some_and(|life| life.max_requests.is_some());
    let killed = life.is_some_and(|life| {
        life.timeout.is_some() || life.harakiri.is_some() || life.dies_of_emfile && world.kernel.descriptors.is_some()
    });
    let waiters = match world.worker.kind {
        WorkerKind::Threads { threads } => u64::from(threads) * u64::from(world.processes),
        _ => u64::from(world.processes),
    };
    match needs {
        Needs::KeptByClients if !facts.clients_keep() => lack(
            "no client and no proxy uses a connection again",
            "remove it, or write `keep_alive = { timeout = \"5s\" }` in [client.NAME] or [proxy]",
        ),
        Needs::Replaced if !replaced => {
            lack("no process is ever replaced", "remove it, or write `max_requests = 1000` beside it")
        }
        Needs::Dies if !replaced && !killed && world.kernel.memory.is_none() => {
            lack("no process ever ends", "remove it, or say what ends one: `max_requests`, a time limit, `memory`")
        }
        Needs::SeveralProcesses if !several => {
            lack("there is one process, and one listening socket", "remove it, or write `processes = 4` beside it")
        }
        Needs::SeveralWaiters if waiters < 2 && !facts.varies("processes") && !facts.varies("threads") => {
            lack("one alone waits at the listening socket", "remove it, or write `processes = 4` beside it")
        }
        Needs::NoCookies if world.kernel.handshake.is_some_and(|handshake| handshake.syncookies) => lack(
            "with SYN cookies no handshake is dropped for want of memory",
            "remove it, or write `tcp_syncookies = false` beside it",
        ),
        _ => None,
    }
}
