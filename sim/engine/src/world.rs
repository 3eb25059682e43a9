//! The world: all tables, one `match` over [`Event`], the run loop and its limits.
//!
//! Nothing happens but through the event queue. An event is a hint: the entity it names decides by its own state whether it still
//! means anything, so nothing is ever taken out of the queue.

use thiserror::Error;

use crate::advance::{self, Effect, Fate};
use crate::client::{self, Client};
use crate::event::EventQueue;
use crate::fate::Fates;
use crate::gil::Gil;
use crate::green::Green;
use crate::hub::Hub;
use crate::hub::poll::Sockets;
use crate::id::{CallId, ClientId, CoreId, GreenId, HostId, HubId, ProcessId, RequestId, Slab, TaskId, ThreadId};
use crate::linkable::{LinkId, Linkable};
use crate::machine::{Core, Host, Role, Thread};
use crate::model::{Model, WorkerKind};
use crate::net::Listener;
use crate::op::{Draw, Program};
use crate::peer::{Call, Peer};
use crate::probe::{Gauge, Probe};
use crate::record::{Ending, RunRecord};
use crate::recorder::Recorder;
use crate::request::Request;
use crate::rng::{Replication, Seed, Streams, mix};
use crate::sync::{self, Sync};
use crate::task::{News, Task};
use crate::time::{Span, Time};

/// Something that will happen, or may have been overtaken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Event {
    /// An open client's next request.
    Arrive(ClientId),
    /// A request is sent after a pause.
    Send(RequestId),
    /// A SYN reaches its listener.
    Syn(RequestId),
    /// The kernel gives up on a connection.
    NoRoute(RequestId),
    /// A connection is established.
    Established(RequestId),
    /// A response reaches its client.
    Response(RequestId),
    /// A client's patience or timeout passes.
    Limit(RequestId),
    /// A core's thread has had what it asked for, or its slice.
    Core(CoreId),
    /// A parked thread's own time has come.
    Wake(ThreadId),
    /// A waiter asks for the GIL.
    Gil(ProcessId),
    /// A call reaches a peer with a capacity.
    AtPeer(CallId),
    /// A peer with a capacity has served a call.
    Served(CallId),
    /// A reply arrives.
    Reply(CallId),
}

const _: () = assert!(size_of::<Event>() == 8);

impl Event {
    /// A number that differs between events, for the fingerprint.
    fn code(self) -> u64 {
        let (kind, index) = match self {
            Event::Arrive(id) => (0, id.index()),
            Event::Send(id) => (1, id.index()),
            Event::Syn(id) => (2, id.index()),
            Event::NoRoute(id) => (3, id.index()),
            Event::Established(id) => (4, id.index()),
            Event::Response(id) => (5, id.index()),
            Event::Limit(id) => (6, id.index()),
            Event::Core(id) => (7, id.index()),
            Event::Wake(id) => (8, id.index()),
            Event::Gil(id) => (9, id.index()),
            Event::AtPeer(id) => (10, id.index()),
            Event::Served(id) => (11, id.index()),
            Event::Reply(id) => (12, id.index()),
        };
        (kind << 32) | index as u64
    }
}

/// One server process at run time.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) host: HostId,
    pub(crate) listener: usize,
    pub(crate) worker: usize,
    pub(crate) gil: Option<Gil>,
    pub(crate) syncs: Vec<Sync>,
    /// What waiters link themselves to, in `syncs` and for the length of a wait.
    pub(crate) links: Vec<Linkable>,
    /// How many of the links belong to `syncs`.
    pub(crate) own_links: u32,
    /// Links of waits that are over.
    pub(crate) free_links: Vec<LinkId>,
    /// CPU time so far.
    pub(crate) cpu: Span,
    /// Requests begun.
    pub(crate) begun: u64,
    /// Threads that have run a branch of a fan-out and are free for another.
    pub(crate) helpers: Vec<ThreadId>,
    /// Pool servers: accepted requests that no thread serves yet.
    pub(crate) jobs: std::collections::VecDeque<RequestId>,
    /// Pool servers: threads without work, longest idle first.
    pub(crate) idle: std::collections::VecDeque<ThreadId>,
    /// Pool servers: open connections, and how many there may be.
    pub(crate) connections: u32,
    pub(crate) connections_max: u32,
    /// Pool servers: the request that the accepting thread is about to queue.
    pub(crate) handing: RequestId,
    /// Pool servers: the accepting thread, while it waits for a connection to end.
    pub(crate) stalled: ThreadId,
}

/// Why a run ended early. Every variant carries the simulated time.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RunError {
    /// More events than [`crate::model::Limits::events`].
    #[error("{world}: more than {events} events by {at} of simulated time; shorten `run.length` or lower the rates")]
    EventBudget {
        /// World.
        world: String,
        /// The limit.
        events: u64,
        /// When.
        at: Time,
    },
    /// Time stood still.
    #[error(
        "{world}: {steps} steps at {at} without time passing; `{program}` spins: give its loop something that takes time"
    )]
    Livelock {
        /// World.
        world: String,
        /// The limit.
        steps: u64,
        /// When.
        at: Time,
        /// A program that was running.
        program: String,
    },
    /// Requests are left and nothing will ever happen to them.
    #[error("{world}: at {at} {requests} requests wait for ever; the oldest is a `{class}` waiting for: {waiting_for}")]
    Deadlock {
        /// World.
        world: String,
        /// When.
        at: Time,
        /// How many.
        requests: usize,
        /// Class of the oldest.
        class: String,
        /// What it waits for.
        waiting_for: &'static str,
    },
    /// More requests alive than [`crate::model::Limits::requests`].
    #[error(
        "{world}: more than {requests} requests alive at once by {at}; the servers are hopelessly behind the arrivals"
    )]
    TooManyRequests {
        /// World.
        world: String,
        /// The limit.
        requests: u32,
        /// When.
        at: Time,
    },
}

/// All tables of a run.
pub(crate) struct World<'m, P> {
    pub(crate) model: &'m Model,
    pub(crate) now: Time,
    pub(crate) queue: EventQueue<Event>,
    pub(crate) probe: P,
    pub(crate) streams: Streams,
    pub(crate) fates: Fates,
    pub(crate) hosts: Vec<Host>,
    pub(crate) cores: Vec<Core>,
    pub(crate) processes: Vec<Process>,
    pub(crate) threads: Vec<Thread>,
    pub(crate) hubs: Vec<Hub>,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) next_listener: usize,
    pub(crate) peers: Vec<Peer>,
    pub(crate) calls: Slab<CallId, Call>,
    pub(crate) clients: Vec<Client>,
    pub(crate) requests: Slab<RequestId, Request>,
    pub(crate) tasks: Slab<TaskId, Task>,
    /// Greenlets that are more than a request.
    pub(crate) greens: Vec<Green>,
    /// The newest greenlet of each name.
    pub(crate) newest: Vec<GreenId>,
    /// Greenlets whose place may be used again.
    pub(crate) free_greens: Vec<GreenId>,
    /// Which programs are rich.
    pub(crate) rich: Vec<bool>,
    /// Hosts that must dispatch once the current event is done.
    pub(crate) disturbed: Vec<HostId>,
    pub(crate) arrivals_end: Time,
    pub(crate) warm_up_end: Time,
    /// Requests sent and not ended.
    pub(crate) alive: u64,
    /// Requests ended.
    pub(crate) ended: u64,
    /// Running hash over births.
    pub(crate) births: u64,
    fingerprint: u64,
    events: u64,
    /// Steps and events since time last moved.
    steps: u64,
    stuck: bool,
}

impl<'m, P: Probe> World<'m, P> {
    /// A world at time zero, with its servers idle.
    pub(crate) fn new(model: &'m Model, seed: Seed, replication: Replication, probe: P) -> World<'m, P> {
        let names = client::site_names(&model.clients, &model.classes);
        let streams = Streams::new(seed, replication, names.iter().map(String::as_str));
        let mut first = 0;
        let clients = model.clients.iter().map(|spec| {
            let (client, next) = Client::new(spec, &model.classes, first);
            first = next;
            client
        });
        let clients: Vec<Client> = clients.collect();
        let length = model.run.length.unwrap_or(Span::MAX);
        let mut world = World {
            model,
            now: Time::ZERO,
            queue: EventQueue::new(),
            probe,
            streams,
            fates: Fates::default(),
            hosts: Vec::new(),
            cores: Vec::new(),
            processes: Vec::new(),
            threads: Vec::new(),
            hubs: Vec::new(),
            listeners: model.listeners.iter().map(|spec| Listener::new(spec.backlog)).collect(),
            next_listener: 0,
            peers: model.peers.iter().map(|_| Peer::default()).collect(),
            calls: Slab::new(),
            clients,
            requests: Slab::new(),
            tasks: Slab::new(),
            greens: Vec::new(),
            newest: Vec::new(),
            free_greens: Vec::new(),
            rich: model.programs.iter().map(Program::is_rich).collect(),
            disturbed: Vec::new(),
            arrivals_end: Time::ZERO.saturating_add(length),
            warm_up_end: Time::ZERO + model.run.warm_up,
            alive: 0,
            ended: 0,
            births: 0,
            fingerprint: 0,
            events: 0,
            steps: 0,
            stuck: false,
        };
        world.build_hosts();
        world.build_processes();
        world
    }

    fn build_hosts(&mut self) {
        for (at, spec) in self.model.hosts.iter().enumerate() {
            let host = HostId::from_index(at);
            let first = self.cores.len();
            self.cores.extend((0..spec.cores).map(|_| Core::new(host)));
            let cores = (first..self.cores.len()).map(CoreId::from_index).collect();
            self.hosts.push(Host::new(spec, cores));
        }
    }

    fn build_processes(&mut self) {
        for spec in &self.model.processes {
            let id = ProcessId::from_index(self.processes.len());
            let listener = &self.model.listeners[spec.listener as usize];
            let worker = &self.model.workers[spec.worker as usize];
            let connections_max = match worker.kind {
                WorkerKind::Pool { connections, .. } => connections,
                WorkerKind::Threads { .. } | WorkerKind::Hub { .. } => u32::MAX,
            };
            self.processes.push(Process {
                host: HostId::from_index(listener.host as usize),
                listener: spec.listener as usize,
                worker: spec.worker as usize,
                gil: worker.gil.then(|| Gil::new(worker.switch_interval)),
                syncs: Vec::new(),
                links: Vec::new(),
                own_links: 0,
                free_links: Vec::new(),
                cpu: Span::ZERO,
                helpers: Vec::new(),
                begun: 0,
                jobs: std::collections::VecDeque::new(),
                idle: std::collections::VecDeque::new(),
                connections: 0,
                connections_max,
                handing: RequestId::NONE,
                stalled: ThreadId::NONE,
            });
            match worker.kind {
                WorkerKind::Threads { threads } => (0..threads).for_each(|_| self.start_thread(id, Role::Server)),
                WorkerKind::Pool { threads, .. } => {
                    self.start_thread(id, Role::Acceptor);
                    (0..threads).for_each(|_| self.start_thread(id, Role::PoolServer));
                }
                WorkerKind::Hub { greenlets, .. } => {
                    let hub = HubId::from_index(self.hubs.len());
                    let thread = ThreadId::from_index(self.threads.len());
                    self.hubs.push(Hub::new(id, thread, greenlets));
                    self.listeners[spec.listener as usize].hubs.push(hub);
                    self.start_thread(id, Role::Hub(hub));
                }
            }
            self.build_syncs(id);
        }
    }

    /// The process's instances of what its tasks share; their sockets are its hub's.
    fn build_syncs(&mut self, id: ProcessId) {
        let mut no_hub = Sockets::new();
        let sockets = match self.hubs.last_mut().filter(|hub| hub.process == id) {
            Some(hub) => &mut hub.sockets,
            None => &mut no_hub,
        };
        let process = &mut self.processes[id.index()];
        let mut open = || sockets.open(TaskId::NONE);
        for spec in &self.model.syncs {
            let sync = sync::build(spec, &mut process.links, &mut open);
            process.syncs.push(sync);
        }
        process.own_links = u32::try_from(process.links.len()).expect("a process has under 2^32 linkables");
    }

    /// A new thread, idle where its role waits for work; a hub runs its loop once to get there.
    pub(crate) fn start_thread(&mut self, process: ProcessId, role: Role) {
        let id = ThreadId::from_index(self.threads.len());
        self.threads.push(Thread::new(process, role));
        let listener = self.processes[process.index()].listener;
        match role {
            Role::Server | Role::Acceptor => self.listeners[listener].threads.push_back(id),
            Role::PoolServer => self.processes[process.index()].idle.push_back(id),
            Role::Helper => {}
            Role::Hub(_) => self.make_ready(id),
        }
    }

    /// Runs a task to its next effect.
    pub(crate) fn advance_task(&mut self, id: TaskId) -> Effect {
        self.steps += 1;
        let task = &mut self.tasks[id];
        if self.steps > self.model.limits.events_per_instant {
            self.stuck = true;
            return Effect::Burn(Span::from_ns(1));
        }
        let program = &self.model.programs[usize::from(task.program)];
        if task.request.is_none() {
            task.news = if task.news == News::Begun { News::None } else { task.news };
            return advance::advance(task, program, Fate { row: &[], key: 0 });
        }
        let request = &self.requests[task.request];
        if task.news == News::Begun {
            task.news = News::None;
            let process = &self.processes[self.threads[task.thread.index()].process.index()];
            return Effect::Burn(self.model.workers[process.worker].costs.request);
        }
        let count = self.model.classes[usize::from(request.class)].sites.len();
        advance::advance(task, program, Fate { row: self.fates.row(request.fate, count), key: request.key })
    }

    /// The value of a draw for a task.
    pub(crate) fn drawn(&self, task: TaskId, draw: Draw) -> Span {
        let state = &self.tasks[task];
        let program = &self.model.programs[usize::from(state.program)];
        if state.request.is_none() {
            return advance::span(state, program, Fate { row: &[], key: 0 }, draw);
        }
        let request = &self.requests[state.request];
        let count = self.model.classes[usize::from(request.class)].sites.len();
        let fate = Fate { row: self.fates.row(request.fate, count), key: request.key };
        advance::span(state, program, fate, draw)
    }

    /// Marks a task's request as failed, and the task as on its way out.
    pub(crate) fn fail_task(&mut self, task: TaskId) {
        let state = &mut self.tasks[task];
        state.news = News::Failed;
        let request = state.request;
        if request.is_some() {
            self.requests[request].failed = true;
        }
    }

    /// A branch of a fan-out, ready to run.
    pub(crate) fn new_branch(&mut self, parent: TaskId, program: u16, number: u16, thread: ThreadId) -> TaskId {
        let mut task = Task::new(self.tasks[parent].request, thread, program);
        (task.parent, task.news) = (parent, News::None);
        // The run's number in the low ten bits, and above them what tells apart the passes of loops around the fan-out.
        let [a, b] = self.tasks[parent].registers;
        let around = if a | b == 0 { 0 } else { mix(u64::from(a) << 32 | u64::from(b), 0) as u32 };
        task.registers[0] = (u32::from(number) + 1) | around << 10;
        self.tasks.insert(task)
    }

    /// A branch is done. True if it was the last.
    pub(crate) fn end_branch(&mut self, task: TaskId) -> bool {
        let branch = self.tasks.remove(task);
        if branch.unwinding {
            self.fail_task(branch.parent);
        }
        let parent = &mut self.tasks[branch.parent];
        parent.handle -= 1;
        parent.handle == 0
    }

    /// Runs until nobody is left, or until the time is up.
    pub(crate) fn run(&mut self) -> Result<(), RunError> {
        let end = self.arrivals_end.saturating_add(self.model.run.drain);
        self.settle();
        self.open_clients();
        self.settle();
        loop {
            let Some((at, event)) = self.queue.pop() else {
                if self.requests.is_empty() {
                    break;
                }
                return Err(self.deadlock());
            };
            if at > end {
                self.now = end;
                break;
            }
            self.step_to(at, event)?;
            self.handle(event);
            self.settle();
            if self.requests.is_empty() && self.clients_are_done() {
                break;
            }
        }
        self.stop_cores();
        self.abandon_the_rest();
        Ok(())
    }

    /// Runs until nothing is left that could happen.
    pub(crate) fn run_out(&mut self) -> Result<(), RunError> {
        self.settle();
        while let Some((at, event)) = self.queue.pop() {
            self.step_to(at, event)?;
            self.handle(event);
            self.settle();
        }
        Ok(())
    }

    fn step_to(&mut self, at: Time, event: Event) -> Result<(), RunError> {
        if at > self.now {
            self.now = at;
            self.steps = 0;
        }
        self.steps += 1;
        self.events += 1;
        self.fingerprint = mix(self.fingerprint ^ at.as_ns(), event.code());
        let limits = &self.model.limits;
        let world = || self.model.name.clone();
        if self.events > limits.events {
            return Err(RunError::EventBudget { world: world(), events: limits.events, at });
        }
        if self.stuck || self.steps > limits.events_per_instant {
            let running = self.threads.iter().map(|thread| thread.task).chain(self.hubs.iter().map(|hub| hub.current));
            let task = running.filter_map(|task| self.tasks.get(task)).next();
            let program =
                task.map_or("the server", |task| &self.model.programs[usize::from(task.program)].name).to_owned();
            return Err(RunError::Livelock { world: world(), steps: limits.events_per_instant, at, program });
        }
        if self.requests.len() > limits.requests as usize {
            return Err(RunError::TooManyRequests { world: world(), requests: limits.requests, at });
        }
        Ok(())
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive(client) => self.arrive_event(client),
            Event::Send(request) => self.send(request),
            Event::Syn(request) => self.syn_event(request),
            Event::NoRoute(request) => self.no_route_event(request),
            Event::Established(request) => self.established_event(request),
            Event::Response(request) => self.response_event(request),
            Event::Limit(request) => self.limit_event(request),
            Event::Core(core) => self.core_event(core),
            Event::Wake(thread) => self.wake_event(thread),
            Event::Gil(process) => self.gil_event(process),
            Event::AtPeer(call) => self.at_peer_event(call),
            Event::Served(call) => self.served_event(call),
            Event::Reply(call) => self.reply_event(call),
        }
    }

    /// Lets disturbed hosts dispatch, once everything has arrived that arrives at this instant.
    fn settle(&mut self) {
        if self.disturbed.is_empty() || self.queue.peek() == Some(self.now) {
            return;
        }
        while let Some(host) = self.disturbed.pop() {
            self.dispatch(host);
        }
    }

    fn deadlock(&self) -> RunError {
        let (_, oldest) = self.requests.iter().min_by_key(|(_, request)| request.born).expect("there is one");
        RunError::Deadlock {
            world: self.model.name.clone(),
            at: self.now,
            requests: self.requests.len(),
            class: self.model.classes[usize::from(oldest.class)].name.clone(),
            waiting_for: oldest.wait.label(),
        }
    }

    /// The time is up: what is still on its way ends unfinished.
    fn abandon_the_rest(&mut self) {
        let left: Vec<RequestId> = self.requests.iter().map(|(id, _)| id).collect();
        for id in left {
            let request = &self.requests[id];
            if request.ending.is_none() && request.stage != crate::request::Stage::Pausing {
                self.end_unfinished(id);
            }
        }
    }
}

/// Runs one world of a model and returns what the recorder saw.
///
/// Same `model`, `seed` and `replication`: same record, on every platform.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached or requests wait for ever.
pub fn run(model: &Model, seed: Seed, replication: Replication) -> Result<RunRecord, RunError> {
    let cores = model.hosts.iter().map(|host| u64::from(host.cores)).sum();
    let slots = model.slots();
    let mut world = World::new(model, seed, replication, Recorder::new(model, cores, slots));
    world.run()?;
    let end = world.now;
    let World { probe: mut recorder, processes, fingerprint, births, events, .. } = world;
    recorder.close(end);
    let warm_up = Time::ZERO + model.run.warm_up;
    let until = match model.run.length {
        Some(length) => Time::ZERO + length,
        None => recorder.finished,
    };
    let window = until.since(warm_up);
    Ok(RunRecord {
        world: model.name.clone(),
        seed: seed.0,
        replication: replication.0,
        finished: recorder.finished,
        window,
        events,
        fingerprint,
        births_fingerprint: births,
        endings: recorder.endings,
        users: recorder.users,
        wasted: recorder.wasted,
        syn_drops: recorder.syn_drops,
        cpu_ppm: recorder.cpu_ppm(until.min(end)),
        slots_ppm: recorder.average(
            Gauge::Slots,
            1_000_000,
            Span::from_ns(window.as_ns().saturating_mul(slots.max(1))),
        ),
        slots,
        cores,
        process_cpu: processes.iter().map(|process| process.cpu).collect(),
        process_requests: processes.iter().map(|process| process.begun).collect(),
        classes: recorder.classes,
        latency: recorder.latency,
        hub_lag: recorder.hub_lag,
        series: recorder.series,
    })
}

impl<P: Probe> World<'_, P> {
    fn end_unfinished(&mut self, id: RequestId) {
        let now = self.now;
        let request = &mut self.requests[id];
        request.turn(now, request.wait);
        request.ending = Some(Ending::Unfinished);
        self.probe.on(now, crate::probe::Fact::Ended(&self.requests[id], Ending::Unfinished));
    }
}
