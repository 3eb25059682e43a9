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
mod started;
pub(crate) mod threads;

use crate::carrier::above::LifeForCarrier;
use crate::carrier::asyncio::{EventLoop, Served};
use crate::carrier::generator::{Generator, SendingProgram};
use crate::carrier::hub::Hub;
use crate::carrier::hub::greenlet::Green;
use crate::carrier::hub::poll::Sockets;
use crate::carrier::on_thread::OnThread;
use crate::carrier::router::Router;
use crate::carrier::threads::ThreadPool;
use crate::kit::id::{GeneratorId, GreenId, HubId, LoopId, ProcessId, RouterId, TaskId, ThreadId};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::above::CarrierForMachine;
use crate::machine::{Demand, Role, Thread};
use crate::model::{Model, WorkerKind, WorkerSpec};
use crate::program::op::{Op, Program};
use crate::watch::probe::Probe;
use crate::watch::trace::ThreadKind;
use crate::world::World;

/// What only carriers know of a run, beside processes, threads and hubs.
#[derive(Debug)]
pub(crate) struct Carriers {
    /// Routers in front, one a server; none where clients connect to the workers.
    routers: Table<RouterId, Router>,
    /// What the programs of client groups have done.
    senders: Vec<SendingProgram>,
    /// Programs that send requests from the cores of a server.
    generators: Table<GeneratorId, Generator>,
    pub(in crate::carrier) hubs: Table<HubId, Hub>,
    /// Greenlets that are more than a request.
    pub(in crate::carrier) greens: Table<GreenId, Green>,
    /// The newest greenlet of each name.
    pub(in crate::carrier) newest: Vec<GreenId>,
    /// Greenlets whose place may be used again.
    pub(in crate::carrier) free_greens: Vec<GreenId>,
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
    /// Whether loops take only so many connections.
    has_permits: bool,
    /// Threads that were started and left alone, and have not ended.
    left_alone: u32,
}

/// Whether hubs and loops of a world have native threads beside them.
fn lends(model: &Model) -> bool {
    let on_loops = model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Loop(_)));
    let lends = |op: &Op| match *op {
        Op::ToThread { .. } => true,
        Op::Start { native, .. } => native || on_loops,
        _ => false,
    };
    model.programs.iter().any(|program| program.code.iter().any(lends))
}

impl Carriers {
    /// What is kept of a thread takes so much memory.
    pub(crate) const BYTES_OF_A_THREAD: usize = size_of::<OnThread>();
    /// And of a hub.
    pub(crate) const BYTES_OF_A_HUB: usize = size_of::<Hub>();

    pub(crate) fn new(model: &Model) -> Carriers {
        let rich = model.programs.iter().map(Program::is_rich).collect();
        let lend = lends(model);
        let has_permits = model
            .workers
            .iter()
            .any(|worker| matches!(&worker.kind, WorkerKind::Loop(spec) if spec.backpressure.is_some()));
        let (routers, generators, loops) = (Table::new(), Table::new(), Table::new());
        let (threads, pools, hubs, greens) = (Table::new(), Table::new(), Table::new(), Table::new());
        let senders = model.clients.iter().map(SendingProgram::new).collect();
        let (newest, free_greens) = (Vec::new(), Vec::new());
        Carriers {
            senders,
            hubs,
            greens,
            newest,
            free_greens,
            routers,
            generators,
            threads,
            pools,
            loops,
            served: Vec::new(),
            residents: 0,
            rich,
            lend,
            has_permits,
            left_alone: 0,
        }
    }

    /// Threads that were started and left alone, and have not ended.
    pub(crate) fn left_alone(&self) -> u32 {
        self.left_alone
    }

    /// Whether hubs and loops let steps run in native threads, and contend with those for the GIL.
    #[inline(always)]
    pub(crate) fn lend_tasks(&self) -> bool {
        self.lend
    }

    /// A task is gone with its process: perhaps a thread that was left alone.
    pub(crate) fn forget_left_alone(&mut self, was_one: bool) {
        self.left_alone -= u32::from(was_one);
    }

    /// Whether clients connect to routers.
    pub(crate) fn have_routers(&self) -> bool {
        !self.routers.is_empty()
    }

    /// CPU time that the program of each client group has spent since the window began.
    pub(crate) fn work_of_senders(&self) -> impl Iterator<Item = Span> {
        self.senders.iter().map(SendingProgram::worked)
    }

    /// The longest time that a hub or event loop was kept; `None` where there are none.
    pub(crate) fn longest_hold(&self) -> Option<Span> {
        let hubs = self.hubs.iter().map(|hub| hub.held_max);
        hubs.chain(self.loops.iter().map(EventLoop::held_max)).max()
    }

    /// The window begins.
    pub(crate) fn begin_counting(&mut self) {
        self.senders.iter_mut().for_each(SendingProgram::begin_counting);
        self.hubs.iter_mut().for_each(|hub| hub.held_max = Span::ZERO);
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

    /// What bare threads and hubs work on, as far as they do.
    pub(crate) fn tasks_on_threads(&self) -> impl Iterator<Item = TaskId> {
        self.threads.iter().map(|thread| thread.task).chain(self.hubs.iter().map(|hub| hub.current))
    }

    /// Whether something ends the waits of a bare thread.
    pub(crate) fn is_in_a_timeout_block(&self, thread: ThreadId) -> bool {
        !self.threads[thread].deadlines.is_empty()
    }

    /// A hub for a process, on a thread that will come into being.
    pub(crate) fn add_hub(&mut self, process: ProcessId, thread: ThreadId, greenlets: u32, spec: &WorkerSpec) -> HubId {
        self.hubs.push(Hub::new(process, thread, greenlets, (spec.costs, spec.switch_interval, spec.batch)))
    }

    /// The process of each hub.
    pub(crate) fn processes_of_hubs(&self) -> impl ExactSizeIterator<Item = ProcessId> {
        self.hubs.iter().map(|hub| hub.process)
    }

    /// The hub of a process, if it has one.
    pub(crate) fn hub_of(&self, process: ProcessId) -> Option<HubId> {
        self.hubs.iter().position(|hub| hub.process == process).map(HubId::from_index)
    }

    /// The sockets of the hub of a process, if it has one.
    pub(crate) fn sockets_of(&mut self, process: ProcessId) -> Option<&mut Sockets> {
        self.hubs.iter_mut().rfind(|hub| hub.process == process).map(|hub| &mut hub.sockets)
    }

    /// A hub that stops accepts nothing more.
    pub(crate) fn close_listener_of_hub(&mut self, hub: HubId) {
        self.hubs[hub].close_listener();
    }

    /// The process of a hub is up: it has room for connections from now on.
    pub(crate) fn hub_is_up(&mut self, hub: HubId, now: Time) {
        self.hubs[hub].has_room_from(now);
    }

    /// The process of a hub has taken the place of another.
    pub(crate) fn hub_starts_anew(&mut self, hub: HubId, greenlets: u32) {
        self.hubs[hub] = self.hubs[hub].anew(greenlets);
    }

    /// When a hub last had something to do.
    pub(crate) fn hub_was_active_at(&self, hub: HubId) -> Time {
        self.hubs[hub].active_at
    }

    /// Greenlets that have not ended, in the order of their births.
    pub(crate) fn living_greenlets(&self) -> impl Iterator<Item = GreenId> {
        self.greens.ids().filter(|&green| self.greens[green].alive)
    }

    /// Whether a greenlet is in a timeout block.
    pub(crate) fn is_guarded(&self, green: GreenId) -> bool {
        !self.greens[green].guards.is_empty()
    }

    /// A greenlet is gone with its process.
    pub(crate) fn forget_greenlet(&mut self, green: GreenId) {
        self.free_greens.push(green);
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
            Role::Hub(hub) => self.carriers.hubs[hub].polling,
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
            Role::Server => self.net.blocks_in_accept(listener, id),
            Role::Acceptor => {
                self.carriers.pools[process].accepts_on(id);
                self.net.blocks_in_accept(listener, id);
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
            Role::Hub(hub) => self.carriers.hubs[hub].current,
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
            Role::Hub(hub) => match self.finds_nothing(hub) {
                Some(demand) => demand,
                None => self.hub_demand(hub),
            },
            Role::Loop(on) => self.loop_demand(on),
            Role::Router(router) => self.router_demand(router),
            Role::Generator(generator) => self.generator_demand(generator),
            Role::Server | Role::Acceptor | Role::PoolServer | Role::Helper | Role::Native(_) => {
                self.bare_demand(thread)
            }
        }
    }
}
