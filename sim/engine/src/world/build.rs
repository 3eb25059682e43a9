//! Hosts, processes and threads of a model, as they stand before anything happens.

use crate::carrier::asyncio::EventLoop;
use crate::carrier::hub::poll::Sockets;
use crate::kit::id::{HostId, ProcessId, TaskId};
use crate::machine::Role;
use crate::machine::process::Process;
use crate::model::WorkerKind;
use crate::python::gil::Gil;
use crate::python::interpreter::Interpreter;
use crate::watch::probe::Probe;
use crate::world::World;
use crate::world::process_life::Life;

impl<P: Probe> World<'_, P> {
    pub(super) fn build_processes(&mut self) {
        for spec in &self.model.processes {
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
            let id = self.push_process(Process::new(host, listener, worker_index), gil, connections_max);
            if worker.in_turn {
                self.net.accept_in_turn(spec.listener as usize);
            }
            match worker.kind {
                WorkerKind::Threads { threads } => (0..threads).for_each(|_| self.start_thread(id, Role::Server)),
                WorkerKind::Pool { threads, .. } => {
                    self.start_thread(id, Role::Acceptor);
                    (0..threads).for_each(|_| self.start_thread(id, Role::PoolServer));
                }
                WorkerKind::Hub { greenlets, .. } => {
                    let thread = self.threads.next_id();
                    let hub = self.carriers.add_hub(id, thread, greenlets, worker);
                    self.net.add_poller(spec.listener as usize, thread);
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
                    self.net.add_poller(spec.listener as usize, thread);
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
        let sockets = self.carriers.sockets_of(id).unwrap_or(&mut no_hub);
        let mut open = || sockets.open(TaskId::NONE);
        self.interpreters[id].build_syncs(&self.model.syncs, &mut open);
    }

    /// A process with its rows in every table.
    pub(super) fn push_process(&mut self, process: Process, gil: Option<Gil>, connections_max: u32) -> ProcessId {
        self.interpreters.push(Interpreter::new(gil));
        self.breakers.add_process(&self.model.peers);
        self.lives.push(Life::new());
        self.carriers.add_process(connections_max);
        self.processes.push(process)
    }
}
