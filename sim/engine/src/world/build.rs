//! Hosts, processes and threads of a model, as they stand before anything happens.

use crate::carrier::asyncio::EventLoop;
use crate::carrier::hub::Hub;
use crate::carrier::hub::poll::Sockets;
use crate::client::breaker::Breaker;
use crate::kit::id::{HostId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::Role;
use crate::machine::warmth::Warmth;
use crate::model::WorkerKind;
use crate::python::gil::Gil;
use crate::python::sync;
use crate::watch::probe::Probe;
use crate::world::process_life::Life;
use crate::world::{Process, World};

impl<P: Probe> World<'_, P> {
    pub(super) fn build_processes(&mut self) {
        for spec in &self.model.processes {
            let id = self.processes.next_id();
            let listener = &self.model.listeners[spec.listener as usize];
            let worker = &self.model.workers[spec.worker as usize];
            let connections_max = match worker.kind {
                WorkerKind::Pool { connections, .. } => connections,
                WorkerKind::Threads { .. } | WorkerKind::Hub { .. } | WorkerKind::Loop(_) => u32::MAX,
            };
            // The process of a hub or a loop has one thread that runs Python: nobody competes with it.
            let is_hub = matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_));
            let alone = is_hub && !self.carriers.lend_tasks();
            let gil = (worker.gil && !alone).then(|| Gil::new(worker.switch_interval));
            let host = HostId::from_index(listener.host as usize);
            let (listener, worker_index) = (spec.listener as usize, spec.worker as usize);
            let breakers = self.model.peers.iter().map(|peer| Breaker::of(peer.breaker.as_ref())).collect();
            let process = Process::new(host, listener, worker_index);
            self.processes.push(Process { gil, connections_max, breakers, ..process });
            self.listeners[spec.listener as usize].takes_turns |= worker.in_turn;
            match worker.kind {
                WorkerKind::Threads { threads } => (0..threads).for_each(|_| self.start_thread(id, Role::Server)),
                WorkerKind::Pool { threads, .. } => {
                    self.start_thread(id, Role::Acceptor);
                    (0..threads).for_each(|_| self.start_thread(id, Role::PoolServer));
                }
                WorkerKind::Hub { greenlets, .. } => {
                    let hub = self.hubs.next_id();
                    let thread = self.threads.next_id();
                    self.hubs.push(Hub::new(id, thread, greenlets, (worker.costs, worker.switch_interval)));
                    self.listeners[spec.listener as usize].pollers.push(thread);
                    self.start_thread(id, Role::Hub(hub));
                }
                WorkerKind::Loop(loop_spec) => {
                    // What the tasks of a scheduling program share is the loop's own.
                    let thread = self.threads.next_id();
                    let mut on = EventLoop::new(thread, &loop_spec, &self.model.syncs);
                    if !self.model.clients.is_empty() {
                        on.listen(id);
                    }
                    let on = self.carriers.add_loop(on);
                    self.listeners[spec.listener as usize].pollers.push(thread);
                    self.start_thread(id, Role::Loop(on));
                }
            }
            self.build_syncs(id);
            self.draw_lifetime(id);
        }
    }

    /// The process's instances of what its tasks share; their sockets are its hub's.
    pub(crate) fn build_syncs(&mut self, id: ProcessId) {
        let mut no_hub = Sockets::new();
        let sockets = match self.hubs.iter_mut().rfind(|hub| hub.process == id) {
            Some(hub) => &mut hub.sockets,
            None => &mut no_hub,
        };
        let process = &mut self.processes[id];
        let mut open = || sockets.open(TaskId::NONE);
        for spec in &self.model.syncs {
            let sync = sync::build(spec, &mut process.links, &mut open);
            process.syncs.push(sync);
        }
        process.own_links = u32::try_from(process.links.len()).expect("a process has under 2^32 linkables");
    }
}

impl Process {
    /// A process before anything happens, without a GIL and without threads.
    pub(crate) fn new(host: HostId, listener: usize, worker: usize) -> Process {
        Process {
            host,
            listener,
            worker,
            gil: None,
            syncs: Vec::new(),
            links: Vec::new(),
            own_links: 0,
            free_links: Vec::new(),
            cpu: Span::ZERO,
            helpers: Vec::new(),
            begun: 0,
            jobs: std::collections::VecDeque::new(),
            idle: std::collections::VecDeque::new(),
            readable: std::collections::VecDeque::new(),
            breakers: Vec::new(),
            connections: 0,
            connections_max: u32::MAX,
            handing: RequestId::NONE,
            stalled: ThreadId::NONE,
            closing: std::collections::VecDeque::new(),
            close_batch: 0,
            acceptor: ThreadId::NONE,
            ending: None,
            left_at: Time::ZERO,
            warmth: Warmth::default(),
            life: Life::new(),
        }
    }
}
