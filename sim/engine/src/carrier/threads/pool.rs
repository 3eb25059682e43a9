//! Pool servers: one thread accepts, a pool of threads serves.
//!
//! After gunicorn's `gthread.py` (27): the main thread looks at its poller, accepts one connection and submits it to an executor, then
//! closes all connections whose requests were answered meanwhile; a serving thread only asks it to. So with gthread a client sees the
//! end of its response when the main thread has won the GIL once more, and while that waits for the client to close (`linger.rs`)
//! it does nothing else. A connection that is kept has been answered by then, and goes back into the poller (`finish_request`); one
//! over which a request has come is submitted like a new one (`on_client_socket_readable`). No more are kept idle than leave each
//! thread a connection (`max_keepalived`). After Paste's `httpserver.py`: the main
//! thread accepts and queues, and serving threads close for themselves.
//! The Python of both runs under the GIL, the system calls do not.

use crate::carrier::above::LifeForCarrier;
use crate::kit::id::{ProcessId, RequestId, ThreadId};
use crate::kit::time::Span;
use crate::machine::Demand;
use crate::machine::warmth::Part;
use crate::model::Looks;
use crate::net::Finished;
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::watch::trace::DoorState;
use crate::world::World;

/// One round of a main loop that finds nobody serving (gunicorn 23 `gthread.py`, `run`: `futures.wait` of an empty list returns at
/// once). How long one takes decides only how soon it sees that a connection is over.
const ROUND: Span = Span::from_us(100);

impl<P: Probe> World<'_, P> {
    /// The accepting thread's next step.
    #[inline(never)]
    pub(crate) fn accept_for_pool(&mut self, thread: ThreadId) -> Demand {
        if let Some(demand) = self.next_piece(thread) {
            return demand;
        }
        let id = self.threads[thread].process();
        let lingers = self.finish_step(id);
        self.beat(id, Span::ZERO);
        self.drop_gil(thread);
        if lingers {
            self.tell_door(id, DoorState::Closing);
            return Demand::Wait;
        }
        if !self.threads[thread].is_paid_up() {
            return Demand::PAY;
        }
        let pool = &mut self.carriers.pools[id];
        if pool.close_batch > 0 {
            return self.begin_closing(id);
        }
        if self.looks_away(id) {
            self.close_overdue(id);
        }
        let looks_away = self.looks_away(id);
        let pool = &mut self.carriers.pools[id];
        if !looks_away && let Some(request) = pool.readable.pop_front() {
            return self.hand_over(id, thread, request);
        }
        let full = pool.connections >= pool.connections_max || self.is_stopping(id);
        let listener = self.processes[id].socket();
        let fails = !full && self.accept_fails(id);
        self.tell_door(id, if full { DoorState::Full } else { DoorState::Room });
        if let Some(request) = if full || fails { None } else { self.accept(id) } {
            return self.begin_handing(id, thread, request);
        }
        let pool = &mut self.carriers.pools[id];
        pool.close_batch = pool.closing.len();
        if pool.close_batch > 0 {
            return self.begin_closing(id);
        }
        if fails {
            return self.accept_again(thread);
        }
        if looks_away && self.nobody_serves(id) {
            return Demand::Cpu { span: ROUND, gil: true };
        }
        let pool = &mut self.carriers.pools[id];
        if full {
            pool.stalled = thread;
        } else {
            self.net.blocks_in_accept(listener, thread);
        }
        Demand::Wait
    }

    /// Whether the accepting thread looks at no connection now: it has as many as it may.
    fn looks_away(&self, id: ProcessId) -> bool {
        let pool = &self.carriers.pools[id];
        pool.connections >= pool.connections_max && matches!(self.worker(id).looks, Looks::WhileRoom { .. })
    }

    /// Connections whose time is over are closed, whatever has come over them that nobody has looked at (`murder_keepalived`).
    #[cold]
    fn close_overdue(&mut self, id: ProcessId) {
        let is_due = |world: &Self, request: RequestId| {
            let conn = world.net.link(request).kept();
            conn.is_some() && world.net.conn(conn).is_overdue(world.now)
        };
        while let Some(at) = self.carriers.pools[id].readable.iter().position(|&request| is_due(self, request)) {
            let request = self.carriers.pools[id].readable.remove(at).expect("it was found there");
            self.carriers.pools[id].keeps_one_less();
            let stalled = self.carriers.pools[id].connection_over();
            debug_assert_eq!(stalled, None, "the accepting thread is the one that looks");
            self.reset_connection(request);
        }
    }

    /// Whether no thread has a request, and none waits for one.
    fn nobody_serves(&self, id: ProcessId) -> bool {
        let pool = &self.carriers.pools[id];
        pool.jobs.is_empty() && pool.idle.len() as u32 + 1 == self.worker(id).kind.os_threads()
    }

    /// A thread has finished: an accepting thread that looks at nothing else sees that.
    #[inline(never)]
    pub(super) fn has_finished_on(&mut self, id: ProcessId) {
        if matches!(self.worker(id).looks, Looks::WhileRoom { .. }) && self.carriers.pools[id].stalled.is_some() {
            self.wake_acceptor(id);
        }
    }

    /// What the accepting thread has just spent its time on takes effect. True if it must wait for a client to close.
    fn finish_step(&mut self, id: ProcessId) -> bool {
        let pool = &mut self.carriers.pools[id];
        let handed = std::mem::replace(&mut pool.handing, RequestId::NONE);
        let finished = pool.ending.take();
        if handed.is_some() {
            pool.jobs.push_back(handed);
            if let Some(server) = pool.idle.pop_front() {
                self.make_ready(server);
            }
        }
        let closed = match finished {
            Some(Finished::Closes(request)) => request,
            Some(Finished::Kept(conn, _)) => {
                if self.net.conn(conn).is_open() {
                    self.carriers.pools[id].keeps_one_more();
                }
                let come = self.back_in_poller(conn);
                self.carriers.pools[id].readable.extend(come);
                return false;
            }
            None => return false,
        };
        if self.worker(id).lingers {
            let acceptor = self.carriers.pools[id].acceptor();
            return self.close_gracefully(closed, acceptor);
        }
        self.close(id, closed);
        false
    }

    fn begin_handing(&mut self, id: ProcessId, thread: ThreadId, request: RequestId) -> Demand {
        self.requests[request].turn_told(request, Wait::Slot, self.now, &mut self.probe);
        let accept = self.own_work(id, Part::Accept, Span::ZERO);
        self.carriers.pools[id].connections += 1;
        if self.worker(id).looks == (Looks::WhileRoom { reads_first: true }) {
            // Into the poller, which tells of its bytes at the next look.
            self.carriers.pools[id].readable.push_back(request);
            return Demand::Cpu { span: accept, gil: false };
        }
        let handoff = self.hand_over(id, thread, request);
        self.threads[thread].owe_in_all(accept);
        handoff
    }

    /// A request is submitted to the serving threads.
    fn hand_over(&mut self, id: ProcessId, thread: ThreadId, request: RequestId) -> Demand {
        let handoff = self.own_work(id, Part::Handoff, Span::ZERO);
        let pool = &mut self.carriers.pools[id];
        if self.net.link(request).is_used_again() {
            pool.keeps_one_less();
        }
        pool.handing = request;
        pool.close_batch = pool.closing.len();
        let releases = self.worker(id).releases.accept;
        self.in_pieces(thread, handoff, releases)
    }

    fn begin_closing(&mut self, id: ProcessId) -> Demand {
        let pool = &mut self.carriers.pools[id];
        pool.close_batch -= 1;
        let finished = pool.closing.pop_front().expect("the batch counts what is there");
        pool.ending = Some(finished);
        let (thread, releases) = (pool.acceptor, self.worker(id).releases.close);
        let waited = match finished {
            Finished::Closes(request) => self.waited(request),
            Finished::Kept(_, waited) => waited,
        };
        let span = self.own_work(id, Part::Close, waited);
        self.in_pieces(thread, span, releases)
    }

    /// A serving thread asks the accepting one to close a connection, or to keep it.
    #[inline(never)]
    pub(super) fn finish_later(&mut self, id: ProcessId, finished: Finished) {
        if let Finished::Closes(request) = finished {
            let state = &mut self.requests[request];
            if !state.is_answered() {
                state.turn_told(request, Wait::Slot, self.now, &mut self.probe);
            }
        }
        self.carriers.pools[id].closing.push_back(finished);
        self.wake_acceptor(id);
    }

    /// Answers that are written and wait for the main thread of a process that is gone to close their connections: the kernel closes
    /// them.
    pub(crate) fn close_answered(&mut self, id: ProcessId) {
        if let Some(Finished::Closes(ending)) = self.carriers.pools[id].ending.take() {
            self.close(id, ending);
        }
        while let Some(finished) = self.carriers.pools[id].closing.pop_front() {
            if let Finished::Closes(answered) = finished {
                self.close(id, answered);
            }
        }
    }

    /// The accepting thread of a pool wakes if it waits for connections, or for the end of one.
    pub(crate) fn wake_acceptor(&mut self, id: ProcessId) {
        let (acceptor, listener) = (self.carriers.pools[id].acceptor, self.processes[id].socket());
        if !self.threads[acceptor].sleeps_until_woken() {
            return;
        }
        self.carriers.pools[id].stalled = ThreadId::NONE;
        self.net.leave_accept(listener, |thread| thread == acceptor);
        self.make_ready(acceptor);
    }

    /// A serving thread looks for an accepted request, which is Python and needs the GIL, and takes the oldest. `None`: it has work.
    ///
    /// Whoever looks first has it: a thread that has just answered may be faster than the one that was woken.
    #[inline(never)]
    pub(crate) fn take_from_pool(&mut self, thread: ThreadId) -> Option<Demand> {
        let id = self.threads[thread].process();
        if !std::mem::take(&mut self.carriers.threads[thread].looking) {
            self.carriers.threads[thread].looking = true;
            let away = self.pause_of(thread);
            return Some(Demand::Cpu { span: self.own_work(id, Part::Take, away), gil: true });
        }
        // To wait for work or to read the request, it lets go of the GIL.
        self.drop_gil(thread);
        let Some(request) = self.carriers.pools[id].jobs.pop_front() else {
            self.carriers.pools[id].waits_for_work(thread);
            self.has_finished_on(id);
            return Some(Demand::Wait);
        };
        let task = self.begin(request, thread);
        let worker = self.worker(id);
        if worker.keep_alive.is_some() && self.carriers.pools[id].keeps_enough(worker.kind.os_threads() - 1) {
            self.net.link_mut(request).will_be_closed();
        }
        let state = &mut self.carriers.threads[thread];
        (state.task, state.fresh) = (task, true);
        None
    }
}
