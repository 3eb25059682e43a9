//! Pool servers: one thread accepts, a pool of threads serves.
//!
//! After gunicorn's `gthread.py` (27): the main thread looks at its poller, accepts one connection and submits it to an executor, then
//! closes all connections whose requests were answered meanwhile; a serving thread only asks it to. So with gthread a client sees
//! the end of its response when the main thread has won the GIL once more. After Paste's `httpserver.py`: the main thread accepts
//! and queues, and serving threads close for themselves.
//! The Python of both runs under the GIL, the system calls do not.

use crate::id::{ProcessId, RequestId, ThreadId};
use crate::machine::{Demand, Status};
use crate::probe::Probe;
use crate::record::Wait;
use crate::time::Span;
use crate::warmth::Part;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// The accepting thread's next step.
    pub(crate) fn accept_for_pool(&mut self, thread: ThreadId) -> Demand {
        let id = self.threads[thread.index()].process;
        self.finish_step(id);
        self.beat(id, Span::ZERO);
        self.drop_gil(thread);
        if !self.threads[thread.index()].owed.is_zero() {
            return Demand::PAY;
        }
        let process = &mut self.processes[id.index()];
        if process.close_batch > 0 {
            return self.begin_closing(id);
        }
        let stopping = process.life.is_stopping();
        let full = stopping || process.connections >= process.connections_max;
        let listener = process.listener;
        if !full && self.accept_fails(id) {
            return self.accept_again(thread);
        }
        if let Some(request) = if full { None } else { self.accept(id) } {
            return self.begin_handing(id, thread, request);
        }
        let process = &mut self.processes[id.index()];
        process.close_batch = process.closing.len();
        if process.close_batch > 0 {
            return self.begin_closing(id);
        }
        if full {
            process.stalled = thread;
        } else {
            self.listeners[listener].threads.push_back(thread);
        }
        Demand::Wait
    }

    /// What the accepting thread has just spent its time on takes effect.
    fn finish_step(&mut self, id: ProcessId) {
        let process = &mut self.processes[id.index()];
        let handed = std::mem::replace(&mut process.handing, RequestId::NONE);
        let closed = std::mem::replace(&mut process.ending, RequestId::NONE);
        if handed.is_some() {
            process.jobs.push_back(handed);
            if let Some(server) = process.idle.pop_front() {
                self.make_ready(server);
            }
        }
        if closed.is_some() {
            self.close(id, closed);
        }
    }

    fn begin_handing(&mut self, id: ProcessId, thread: ThreadId, request: RequestId) -> Demand {
        self.requests[request].turn(self.now, Wait::Slot);
        let accept = self.own_work(id, Part::Accept);
        let handoff = self.own_work(id, Part::Handoff);
        let process = &mut self.processes[id.index()];
        process.connections += 1;
        process.handing = request;
        process.close_batch = process.closing.len();
        self.threads[thread.index()].owed = accept;
        Demand::Cpu { span: handoff, gil: true }
    }

    fn begin_closing(&mut self, id: ProcessId) -> Demand {
        let process = &mut self.processes[id.index()];
        process.close_batch -= 1;
        process.ending = process.closing.pop_front().expect("the batch counts what is there");
        Demand::Cpu { span: self.own_work(id, Part::Close), gil: true }
    }

    /// A serving thread asks the accepting one to close a connection.
    pub(crate) fn close_later(&mut self, id: ProcessId, request: RequestId) {
        self.requests[request].turn(self.now, Wait::Slot);
        let process = &mut self.processes[id.index()];
        process.closing.push_back(request);
        let (acceptor, listener) = (process.acceptor, process.listener);
        if self.threads[acceptor.index()].status != Status::Parked {
            return;
        }
        process.stalled = ThreadId::NONE;
        self.listeners[listener].threads.retain(|&thread| thread != acceptor);
        self.make_ready(acceptor);
    }

    /// A serving thread takes the oldest accepted request. `None`: it has work now.
    pub(crate) fn take_from_pool(&mut self, thread: ThreadId) -> Option<Demand> {
        let id = self.threads[thread.index()].process;
        let Some(request) = self.processes[id.index()].jobs.pop_front() else {
            if !self.threads[thread.index()].owed.is_zero() {
                return Some(Demand::PAY);
            }
            self.processes[id.index()].idle.push_back(thread);
            return Some(Demand::Wait);
        };
        let task = self.begin(request, thread);
        self.threads[thread.index()].task = task;
        None
    }
}
