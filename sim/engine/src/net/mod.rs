//! The way of a request to a server and back: a connection, its turn at the server, and the response.
//!
//! After Linux: the kernel completes handshakes into the accept queue without the application, so a client is "connected" while it
//! queues. The files: `listener.rs` the sockets and whom a connection wakes, `syn.rs` the handshake and its queues, `outage.rs` and
//! `reset.rs` connections that are refused or break, `ports.rs`, `conntrack.rs`, `descriptors.rs` and `memory.rs` what runs out.
//! What the limits are is in `kernel.rs`.
//! Left out: lost segments, and the transfer time of bodies.

mod conntrack;
mod descriptors;
mod listener;
mod memory;
mod outage;
mod ports;
mod reset;
mod state;
mod syn;

pub(crate) use descriptors::{BackOff, FAILED_ACCEPT};
pub(crate) use listener::Listener;
pub(crate) use state::Net;
pub(crate) use syn::{SYN_RETRIES, SYN_RETRY_FIRST};

use crate::id::{ProcessId, RequestId, TaskId, ThreadId};
use crate::model::{Balancing, WorkerKind};
use crate::probe::{Fact, Gauge, Probe};
use crate::record::{Ending, Wait};
use crate::request::Stage;
use crate::task::Task;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// A client sends a request: the balancer chooses, the first SYN leaves.
    pub(crate) fn connect(&mut self, id: RequestId) {
        let listener = self.balance();
        self.listeners[listener].open += 1;
        let socket = self.socket_of(listener, self.requests[id].key);
        let front = self.front_of(listener);
        let request = &mut self.requests[id];
        request.listener = listener as u16;
        request.link.socket = u32::try_from(front.unwrap_or(socket)).expect("a model has under 2^32 sockets");
        request.stage = Stage::Connecting;
        if !self.take_port(id) {
            self.no_port(id);
            return;
        }
        let client = usize::from(self.requests[id].client);
        let arrives = self.now + self.busy_with(client) + self.model.clients[client].network;
        self.queue.push(arrives, Event::Syn(id));
    }

    fn balance(&mut self) -> usize {
        let count = self.servers();
        let turn = self.next_listener;
        let chosen = match self.model.balancer {
            Balancing::RoundRobin => turn,
            Balancing::LeastConnections => {
                let at = |step| (turn + step) % count;
                at((0..count).min_by_key(|&step| self.listeners[at(step)].open).expect("a world has listeners"))
            }
        };
        self.next_listener = (chosen + 1) % count;
        chosen
    }

    /// A slot takes an accepted request.
    pub(crate) fn begin(&mut self, id: RequestId, thread: ThreadId) -> TaskId {
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
        let process = self.threads[thread.index()].process;
        self.processes[process.index()].begun += 1;
        let class = usize::from(self.requests[id].class);
        let program = u16::try_from(self.model.classes[class].program).expect("models have under 2^16 programs");
        let task = self.tasks.insert(Task::new(id, thread, program));
        let request = &mut self.requests[id];
        request.task = task;
        request.stage = Stage::Served;
        request.begun = self.now;
        request.turn(self.now, Wait::Cpu);
        self.hold_memory(process);
        self.life_begins(process);
        task
    }

    /// A task is done: its slot is free, and the response leaves with the end of the connection. True if its thread now waits
    /// for the client to close.
    pub(crate) fn finish(&mut self, task: TaskId) -> bool {
        let done = self.tasks.remove(task);
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        let process = self.threads[done.thread.index()].process;
        let worker = self.worker(process);
        if matches!(worker.kind, WorkerKind::Pool { closes: true, .. }) {
            self.close_later(process, done.request);
            return false;
        }
        if worker.lingers {
            return self.close_gracefully(done.request, done.thread);
        }
        self.close(process, done.request);
        false
    }

    /// The connection is closed: its client has the whole response.
    pub(crate) fn close(&mut self, process: ProcessId, id: RequestId) {
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
        self.free_slot(process);
        self.life_closes(process);
        self.close_connection(id);
        let request = &mut self.requests[id];
        request.stage = Stage::Answered;
        request.task = TaskId::NONE;
        if request.ending.is_some() {
            let held = self.now - request.begun;
            if request.counted {
                self.probe.on(self.now, Fact::Wasted { held });
            }
            self.forget(id);
            return;
        }
        if request.link.relay.is_some() {
            return self.relay_response(id);
        }
        request.turn(self.now, Wait::Network);
        let arrives = self.now + self.model.clients[usize::from(request.client)].network;
        self.queue.push(arrives, Event::Response(id));
    }

    /// A pool's accepting thread may go on when a connection is over.
    fn free_slot(&mut self, process: ProcessId) {
        let process = &mut self.processes[process.index()];
        process.connections = process.connections.saturating_sub(1);
        let stalled = std::mem::replace(&mut process.stalled, ThreadId::NONE);
        if stalled.is_some() {
            self.make_ready(stalled);
        }
    }

    /// A response reaches its client.
    pub(crate) fn response_event(&mut self, id: RequestId) {
        if self.reads_later(id) {
            return;
        }
        self.client_closes(id);
        let request = &self.requests[id];
        if request.ending.is_none() {
            let ending = if request.failed { Ending::Failed } else { Ending::Ok };
            self.end(id, ending);
        }
        self.forget(id);
    }
}
