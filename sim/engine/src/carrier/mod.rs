//! What carries tasks: bare threads and pools of them, hubs with greenlets, event loops with coroutines, and the loops of routers and of programs that send.
//!
//! The table of carriers: whatever the rest of the engine asks of a thread without knowing what runs on it is asked here, with one
//! line for each kind. A new kind of carrier is a folder beside these, a [`Role`], and its line in each function.

pub(crate) mod above;
pub(crate) mod asyncio;
pub(crate) mod generator;
pub(crate) mod hub;
mod native;
mod on_thread;
mod readable;
pub(crate) mod router;
pub(crate) mod threads;

use crate::carrier::above::LifeForCarrier;
use crate::carrier::asyncio::{EventLoop, Served};
use crate::carrier::generator::Generator;
use crate::carrier::on_thread::OnThread;
use crate::carrier::router::Router;
use crate::carrier::threads::ThreadPool;
use crate::kit::id::{GeneratorId, LoopId, ProcessId, RouterId, TaskId, ThreadId};
use crate::kit::table::Table;
use crate::machine::above::CarrierForMachine;
use crate::machine::{Demand, Role, Thread};
use crate::model::Model;
use crate::program::op::{Op, Program};
use crate::watch::probe::Probe;
use crate::watch::trace::ThreadKind;
use crate::world::World;

/// What only carriers know of a run, beside processes, threads and hubs.
#[derive(Debug)]
pub(crate) struct Carriers {
    /// Routers in front, one a server; none where clients connect to the workers.
    routers: Table<RouterId, Router>,
    /// Programs that send requests from the cores of a server.
    generators: Table<GeneratorId, Generator>,
    /// What carriers keep of threads.
    pub(in crate::carrier) threads: Table<ThreadId, OnThread>,
    /// What processes keep of their threads.
    pub(in crate::carrier) pools: Table<ProcessId, ThreadPool>,
    /// Event loops.
    pub(in crate::carrier) loops: Table<LoopId, EventLoop>,
    /// What loops know of the tasks of requests, by task.
    pub(in crate::carrier) served: Vec<Served>,
    /// Resident clients that have begun.
    residents: u32,
    /// Which programs are rich.
    rich: Vec<bool>,
    /// Whether any has steps in native threads.
    lend: bool,
}

impl Carriers {
    /// What is kept of a thread takes so much memory.
    pub(crate) const BYTES_OF_A_THREAD: usize = size_of::<OnThread>();

    pub(crate) fn new(model: &Model) -> Carriers {
        let rich = model.programs.iter().map(Program::is_rich).collect();
        let lend = model.programs.iter().any(|program| program.code.iter().any(|op| matches!(op, Op::ToThread { .. })));
        let (routers, generators, loops) = (Table::new(), Table::new(), Table::new());
        let (threads, pools) = (Table::new(), Table::new());
        Carriers { routers, generators, threads, pools, loops, served: Vec::new(), residents: 0, rich, lend }
    }

    /// Whether hubs and loops let steps run in native threads, and contend with those for the GIL.
    #[inline(always)]
    pub(crate) fn lend_tasks(&self) -> bool {
        self.lend
    }

    /// Whether clients connect to routers.
    pub(crate) fn have_routers(&self) -> bool {
        !self.routers.is_empty()
    }

    /// Event loops.
    pub(crate) fn loops(&self) -> impl Iterator<Item = &EventLoop> {
        self.loops.iter()
    }

    /// The window begins.
    pub(crate) fn begin_counting(&mut self) {
        self.loops.iter_mut().for_each(EventLoop::begin_counting);
    }

    /// A process comes into being, which keeps so many connections at most.
    pub(crate) fn add_process(&mut self, connections_max: u32) {
        self.pools.push(ThreadPool::new(connections_max));
    }

    /// A process has taken the place of another: its threads have nothing to do.
    pub(crate) fn start_anew(&mut self, process: ProcessId) {
        self.pools[process].start_anew();
    }

    /// A thread has nothing to do any more.
    pub(crate) fn forget_thread(&mut self, thread: ThreadId) {
        self.threads[thread] = OnThread::new();
    }

    /// What bare threads work on, as far as they do.
    pub(crate) fn tasks_on_threads(&self) -> impl Iterator<Item = TaskId> {
        self.threads.iter().map(|thread| thread.task)
    }

    /// Whether something ends the waits of a bare thread.
    pub(crate) fn is_in_a_timeout_block(&self, thread: ThreadId) -> bool {
        !self.threads[thread].deadlines.is_empty()
    }

    /// A new event loop.
    pub(crate) fn add_loop(&mut self, on: EventLoop) -> LoopId {
        self.loops.push(on)
    }

    /// Whether a process is a router's, or of a sender behind those: they come after the servers' own.
    pub(crate) fn is_router_or_sender(&self, id: ProcessId) -> bool {
        matches!(self.routers.first(), Some(router) if router.process <= id)
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether a thread that is off its core waits for something to do, and for nothing that it has begun.
    pub(crate) fn is_idle(&self, thread: ThreadId) -> bool {
        let state = &self.threads[thread];
        match state.role() {
            Role::Hub(hub) => self.hubs[hub].polling,
            Role::Loop(on) => self.carriers.loops[on].polling,
            Role::Server
            | Role::PoolServer
            | Role::Acceptor
            | Role::Helper
            | Role::Native(_)
            | Role::Router(_)
            | Role::Generator(_) => self.carriers.threads[thread].task.is_none(),
        }
    }

    /// A thread of a process that has just been replaced is there again, beside the main one.
    pub(crate) fn stands_by(&mut self, thread: ThreadId) {
        let process = self.threads[thread].process();
        match self.threads[thread].role() {
            Role::Server => self.make_ready(thread),
            Role::PoolServer => self.carriers.pools[process].waits_for_work(thread),
            Role::Helper | Role::Native(_) => self.carriers.pools[process].helps_no_more(thread),
            Role::Acceptor | Role::Hub(_) | Role::Loop(_) | Role::Router(_) | Role::Generator(_) => {
                unreachable!("a process has one main thread")
            }
        }
    }

    /// A new thread, idle where its role waits for work; a hub runs its loop once to get there.
    pub(crate) fn start_thread(&mut self, process: ProcessId, role: Role) {
        let id = self.threads.next_id();
        self.threads.push(Thread::new(process, role));
        self.carriers.threads.push(OnThread::new());
        let listener = self.processes[process].socket();
        match role {
            Role::Server => self.listeners[listener].threads.push_back(id),
            Role::Acceptor => {
                self.carriers.pools[process].accepts_on(id);
                self.listeners[listener].threads.push_back(id);
            }
            Role::PoolServer => self.carriers.pools[process].waits_for_work(id),
            Role::Helper | Role::Native(_) | Role::Router(_) | Role::Generator(_) => {}
            Role::Hub(_) => self.make_ready(id),
            Role::Loop(_) => {
                self.carriers.pools[process].accepts_on(id);
                // One that serves nobody runs when it has a program.
                if !self.model.clients.is_empty() {
                    self.make_ready(id);
                }
            }
        }
    }
}

/// What a trace calls a thread of this role.
pub(crate) fn kind_of(role: Role) -> ThreadKind {
    match role {
        Role::Server | Role::PoolServer => ThreadKind::Server,
        Role::Acceptor => ThreadKind::Acceptor,
        Role::Helper | Role::Native(_) => ThreadKind::Helper,
        Role::Hub(_) | Role::Loop(_) => ThreadKind::Hub,
        Role::Router(_) => ThreadKind::Router,
        Role::Generator(_) => ThreadKind::Generator,
    }
}

impl<P: Probe> CarrierForMachine for World<'_, P> {
    #[inline(always)]
    fn current_task(&self, thread: ThreadId) -> TaskId {
        let state = &self.threads[thread];
        match state.role() {
            Role::Hub(hub) => self.hubs[hub].current,
            Role::Loop(on) => self.carriers.loops[on].current(),
            Role::Server
            | Role::PoolServer
            | Role::Acceptor
            | Role::Helper
            | Role::Native(_)
            | Role::Router(_)
            | Role::Generator(_) => self.carriers.threads[thread].task,
        }
    }

    #[inline(always)]
    fn next_demand(&mut self, thread: ThreadId) -> Demand {
        if let Some(demand) = self.boot_demand(thread) {
            return demand;
        }
        match self.threads[thread].role() {
            Role::Hub(_) | Role::Loop(_) if self.carriers.lend => self.demand_beside_threads(thread),
            Role::Hub(hub) => self.hub_demand(hub),
            Role::Loop(on) => self.loop_demand(on),
            Role::Router(router) => self.router_demand(router),
            Role::Generator(generator) => self.generator_demand(generator),
            Role::Server | Role::Acceptor | Role::PoolServer | Role::Helper | Role::Native(_) => {
                self.bare_demand(thread)
            }
        }
    }
}
