//! Listeners and the way of a request to a server and back: SYN, accept queue, response.
//!
//! After Linux: the kernel completes handshakes into the accept queue without the application, so a client is "connected" while it
//! queues. A SYN that finds the queue full (`sk_acceptq_is_full`: more than `backlog`, so it holds one more) is dropped, and the
//! client repeats it after 1, 2, 4 ... 32 s, that is at 1, 3, 7, 15, 31, 63 s; 64 s after the last it gives up
//! (`tcp_syn_retries` 6). The request's bytes come with the handshake's last segment.
//! Left out: the SYN queue, lost segments, and the transfer time of bodies.

use std::collections::VecDeque;

use crate::id::{HubId, ProcessId, RequestId, TaskId, ThreadId};
use crate::model::{Balancing, WorkerKind};
use crate::probe::{Fact, Gauge, Probe};
use crate::record::{Ending, Wait};
use crate::request::Stage;
use crate::task::Task;
use crate::time::{Span, Time};
use crate::world::{Event, World};

/// One listening socket at run time.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Established connections that nobody has accepted.
    pub(crate) queue: VecDeque<RequestId>,
    /// Threads blocked in accept, oldest first: the kernel wakes one for each connection.
    pub(crate) threads: VecDeque<ThreadId>,
    /// Hubs that have it in their epoll set, in the order in which they are told: the last to add it first.
    pub(crate) hubs: Vec<HubId>,
    /// Handshakes under way.
    shaking: u32,
    /// Connections that a balancer counts as open.
    pub(crate) open: u32,
    backlog: u32,
}

impl Listener {
    pub(crate) fn new(backlog: u32) -> Listener {
        Listener { queue: VecDeque::new(), threads: VecDeque::new(), hubs: Vec::new(), shaking: 0, open: 0, backlog }
    }

    fn is_full(&self) -> bool {
        self.queue.len() as u64 + u64::from(self.shaking) > u64::from(self.backlog)
    }
}

/// First pause before a SYN is sent again; each further one is twice as long (Linux, `TCP_TIMEOUT_INIT`).
pub(crate) const SYN_RETRY_FIRST: Span = Span::from_secs(1);
/// Times that a SYN is sent again (Linux, `net.ipv4.tcp_syn_retries`).
pub(crate) const SYN_RETRIES: u8 = 6;

impl<P: Probe> World<'_, P> {
    /// A client sends a request: the balancer chooses, the first SYN leaves.
    pub(crate) fn connect(&mut self, id: RequestId) {
        let listener = self.balance();
        self.listeners[listener].open += 1;
        let request = &mut self.requests[id];
        request.listener = listener as u16;
        request.stage = Stage::Connecting;
        let arrives = self.now + self.model.clients[usize::from(request.client)].network;
        self.queue.push(arrives, Event::Syn(id));
    }

    fn balance(&mut self) -> usize {
        let count = self.listeners.len();
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

    /// A SYN reaches its listener.
    pub(crate) fn syn_event(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        if request.ending.is_some() {
            self.forget(id);
            return;
        }
        if request.wait == Wait::SynRetry {
            request.turn(self.now, Wait::Network);
            self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, -1));
        }
        let listener = &mut self.listeners[usize::from(request.listener)];
        request.syns += 1;
        if listener.is_full() {
            let pause = SYN_RETRY_FIRST * (1 << (request.syns - 1));
            request.turn(self.now, Wait::SynRetry);
            self.probe.on(self.now, Fact::SynDropped);
            self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, 1));
            let event = if request.syns > SYN_RETRIES { Event::NoRoute(id) } else { Event::Syn(id) };
            self.queue.push(self.now + pause, event);
            return;
        }
        listener.shaking += 1;
        let rest = self.model.clients[usize::from(request.client)].network * 2;
        self.queue.push(self.now + rest, Event::Established(id));
    }

    /// The kernel gives up on its SYN retries.
    pub(crate) fn no_route_event(&mut self, id: RequestId) {
        if self.requests[id].ending.is_none() {
            self.end(id, Ending::ConnectTimeout);
        }
        self.forget(id);
    }

    /// A handshake is complete and the request's bytes are there.
    pub(crate) fn established_event(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        request.stage = Stage::Queued;
        if request.ending.is_none() {
            request.turn(self.now, Wait::Backlog);
            let client = &self.model.clients[usize::from(request.client)];
            request.limit_at = client.read_timeout.map_or(Time::NEVER, |limit| self.now + limit);
            if request.limit_at != Time::NEVER {
                self.queue.push(request.limit_at, Event::Limit(id));
            }
        }
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
        let index = usize::from(request.listener);
        let listener = &mut self.listeners[index];
        listener.shaking -= 1;
        listener.queue.push_back(id);
        if let Some(thread) = listener.threads.pop_front() {
            self.make_ready(thread);
            return;
        }
        for at in (0..self.listeners[index].hubs.len()).rev() {
            self.listener_readable(self.listeners[index].hubs[at]);
        }
    }

    /// Takes the oldest connection from an accept queue.
    pub(crate) fn accept(&mut self, listener: usize) -> Option<RequestId> {
        let id = self.listeners[listener].queue.pop_front()?;
        let request = &mut self.requests[id];
        request.stage = Stage::Accepted;
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        Some(id)
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
