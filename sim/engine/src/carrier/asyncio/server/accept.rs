//! Connections: accepting them, their handles turn by turn, and the time between two requests.
//!
//! After `selector_events.py:_accept_connection`, `_accept_connection2`, `_SelectorSocketTransport.__init__` and uvicorn's
//! `h11_impl.py`: one readiness of the listener accepts up to `backlog` connections in one handle, each is set up by a task of its own
//! a turn later, `connection_made` runs a turn after that, and its first bytes are read in the next. The task of a request is made
//! where its bytes are read.

use super::super::handle::Callback;
use super::super::sockets::{Reader, SELF_PIPE};
use super::super::task::TaskOrigin;
use super::{Ask, Line, Served};
use crate::carrier::above::LifeForCarrier;
use crate::kit::id::{ConnId, LoopId, ProcessId, RequestId, TaskId};
use crate::kit::time::Span;
use crate::machine::warmth::Part;
use crate::model::WorkerKind;
use crate::model::asyncio::LoopSpec;
use crate::net::FAILED_ACCEPT;
use crate::program::op::{Pc, Program};
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

/// Pause after an accept that failed for want of descriptors: CPython 3.11, `asyncio/constants.py`, `ACCEPT_RETRY_DELAY`.
const ACCEPT_RETRY_DELAY: Span = Span::from_secs(1);

impl<P: Probe> World<'_, P> {
    pub(super) fn loop_spec(&self, id: LoopId) -> LoopSpec {
        let process = self.carriers.loops[id].server.process;
        match self.worker(process).kind {
            WorkerKind::Loop(spec) => spec,
            WorkerKind::Threads { .. } | WorkerKind::Pool { .. } | WorkerKind::Hub { .. } => {
                unreachable!("loops run loop workers")
            }
        }
    }

    pub(super) fn spend(&mut self, id: LoopId, part: Part) {
        let process = self.carriers.loops[id].server.process;
        let cost = self.own_work(process, part, Span::ZERO);
        self.carriers.loops[id].now += cost;
    }

    /// A listener has something to accept. Whether the loop wakes for it.
    pub(crate) fn loop_listens(&mut self, id: LoopId) -> bool {
        let on = &mut self.carriers.loops[id];
        let listener = on.server.listener;
        on.sockets.level(listener, true) && self.wake_loop(id)
    }

    /// What the loop sees of the world when it comes to run: whether anything waits in the accept queue, as the poll will find it. It
    /// says that its process is alive.
    pub(in crate::carrier::asyncio) fn look_around(&mut self, id: LoopId, wakes: bool) {
        if wakes {
            self.spend(id, Part::Wake);
        }
        let (process, listener) = (self.carriers.loops[id].server.process, self.carriers.loops[id].server.listener);
        let timeout = self.worker(process).life.and_then(|life| life.timeout);
        if let Some(timeout) = timeout.filter(|_| !self.is_stopping(process)) {
            // uvicorn's `workers.py`: told from the tick, once half of the timeout has passed, and no more when that has ended.
            self.beat(process, timeout / 2);
        }
        let readable = self.net.is_readable(self.processes[process].socket());
        self.carriers.loops[id].sockets.level(listener, readable);
    }

    /// `_accept_connection`: so many more accepts. Where others poll the socket too, each is paid before the next, so that they get
    /// theirs meanwhile.
    pub(super) fn accept_on_loop(&mut self, id: LoopId, accepts: u32) {
        let process = self.carriers.loops[id].server.process;
        let alone = self.net.has_one_poller(self.processes[process].socket());
        for left in (0..accepts).rev() {
            if self.has_no_permit(id) {
                return;
            }
            if self.accept_fails(process) {
                let on = &mut self.carriers.loops[id];
                on.now += on.costs.socket.max(FAILED_ACCEPT);
                on.remove_reader(on.server.listener);
                on.call_later(ACCEPT_RETRY_DELAY, Callback::Server(Ask::Listen));
                return;
            }
            if self.accepts_aside(process) {
                self.spend(id, Part::Accept);
                continue;
            }
            let waited = self.waits_aside(process);
            let Some(request) = self.accept(process) else {
                let on = &mut self.carriers.loops[id];
                on.now += on.costs.socket;
                return;
            };
            if !waited {
                self.makes_system_calls(self.carriers.loops[id].thread, 1);
                self.spend(id, Part::Accept);
            }
            self.meet(id, request);
            let on = &mut self.carriers.loops[id];
            let sock = on.sockets.open();
            *on.line_at(sock) = Line { request, ..Line::NEW };
            on.server.unmade += 1;
            on.now += on.costs.task;
            on.soon(Ask::Setup(sock));
            if !alone && left > 0 {
                on.server.asks = Some(Ask::Accept(left));
                on.server.pays = true;
                return;
            }
        }
    }

    /// `--backpressure`: whether so many connections are open that the next one stays in the accept queue until one ends.
    fn has_no_permit(&mut self, id: LoopId) -> bool {
        let Some(permits) = self.loop_spec(id).backpressure else { return false };
        let process = self.carriers.loops[id].server.process;
        let open = self.carriers.pools[process].connections() + self.carriers.loops[id].server.unmade;
        let on = &mut self.carriers.loops[id];
        if open >= permits && !on.server.is_full {
            on.server.is_full = true;
            on.remove_reader(on.server.listener);
        }
        open >= permits
    }

    /// A connection has ended: where one waited for that, the next is accepted.
    pub(in crate::carrier) fn permit_is_free(&mut self, process: ProcessId) {
        let Some(id) = self.loop_of(process) else { return };
        let blocked = self.threads[self.carriers.loops[id].thread].is_parked();
        let (now, on) = (self.now, &mut self.carriers.loops[id]);
        if std::mem::take(&mut on.server.is_full) {
            on.server.room_from = now;
            if on.polling && blocked {
                on.now = now;
                on.sockets.arrive(SELF_PIPE, 1);
            }
            on.soon(Ask::Listen);
            self.wake_loop(id);
        }
    }

    /// The server's main loop looks at the counter of requests so much later.
    pub(crate) fn loop_ticks_in(&mut self, id: LoopId, left: Span) {
        self.carriers.loops[id].call_later(left, Callback::Server(Ask::Tick));
        self.wake_loop(id);
    }

    /// A connection was in the accept queue, waiting for whatever the loop did; from now on it waits for its turns.
    fn meet(&mut self, id: LoopId, request: RequestId) {
        let (hub, now) = (id.index() as u32, self.carriers.loops[id].now);
        let room_from = self.carriers.loops[id].server.room_from;
        let state = &mut self.requests[request];
        let (ready, program) =
            (state.since().max(room_from), self.model.classes[usize::from(state.class())].program as u16);
        state.turn_told(request, Wait::Hub, self.now, &mut self.probe);
        self.probe.on(self.now, Fact::HubMet { hub, program, ready, now });
    }

    /// `_accept_connection2`: the transport queues `connection_made`, its reader, and the end of this task's wait.
    pub(super) fn set_up(&mut self, id: LoopId, sock: u32) {
        let on = &mut self.carriers.loops[id];
        on.now += on.costs.step;
        on.soon(Ask::Made(sock));
        on.soon(Ask::Watch(sock));
    }

    /// The transport begins to read; its bytes came with the handshake.
    pub(super) fn watch_line(&mut self, id: LoopId, sock: u32) {
        let on = &mut self.carriers.loops[id];
        // The waiter's two handles and the last step of the task that set the connection up.
        on.now += on.costs.callback * 2 + on.costs.step;
        on.add_reader(sock, Reader::Server(Ask::Ready(sock)));
        on.sockets.arrive(sock, 1);
    }

    /// The bytes of a request arrive over a connection that was kept.
    pub(crate) fn loop_reads(&mut self, id: LoopId, sock: u32) {
        self.carriers.loops[id].sockets.arrive(sock, 1);
        self.wake_loop(id);
    }

    /// `data_received`: the request is parsed, and its task made.
    pub(super) fn data_received(&mut self, id: LoopId, sock: u32) {
        self.makes_system_calls(self.carriers.loops[id].thread, 1);
        let on = &mut self.carriers.loops[id];
        on.sockets.take(sock, u32::MAX);
        on.now += on.costs.socket;
        let line = on.line_at(sock);
        let (request, conn) = (std::mem::replace(&mut line.request, RequestId::NONE), line.conn);
        if let Some(timer) = line.idle.take() {
            on.cancel_handle(timer);
        }
        let request = match (request.is_some(), conn.is_some()) {
            (true, _) => request,
            (false, true) => self.net.conn_mut(conn).take_request(),
            (false, false) => return,
        };
        if request.is_none() {
            return;
        }
        self.spend(id, Part::Handoff);
        let ready = self.requests[request].since();
        let refused = self.turns_away(id);
        let task = self.begin(request, self.carriers.loops[id].thread);
        let (hub, now) = (id.index() as u32, self.carriers.loops[id].now);
        self.probe.on(self.now, Fact::HubRan { hub, program: self.tasks[task].program(), ready, now });
        self.bill(task, self.now, Wait::Hub);
        self.carriers.loops[id].server.tasks += 1;
        self.start_coroutine(id, task);
        self.served(task).line = Some(sock);
        self.collector_meets(id, task);
        if refused {
            self.net.link_mut(request).is_turned_away();
            self.fail_task(task);
        }
    }

    /// `limit_concurrency`: whether so many connections, this one included, or tasks are there that a request is answered with 503.
    fn turns_away(&self, id: LoopId) -> bool {
        let server = &self.carriers.loops[id].server;
        let connections = self.carriers.pools[server.process].connections();
        self.loop_spec(id).limit.is_some_and(|limit| connections >= limit || server.tasks >= limit)
    }

    /// A task of a loop for a cursor: it runs in the next turn.
    pub(super) fn start_coroutine(&mut self, id: LoopId, task: TaskId) {
        let on = &mut self.carriers.loops[id];
        let origin = TaskOrigin { program: self.tasks[task].program(), pc: Pc(0), registers: [0; Program::REGISTERS] };
        let me = on.new_task(Some(origin), Vec::new(), 0, false);
        on.task(me).cursor = task;
        on.begin_task(me, false);
        self.tasks[task].ready_from(on.now);
        *self.served(task) = Served { task: Some(me), ..Served::default() };
    }

    /// A request is answered and its connection stays, for `timeout_keep_alive` at most.
    pub(super) fn keep_line(&mut self, id: LoopId, sock: u32, conn: ConnId) {
        self.net.conn_mut(conn).is_read_at(sock);
        let process = self.carriers.loops[id].server.process;
        let keeps = self.worker(process).keep_alive.unwrap_or(Span::MAX);
        let on = &mut self.carriers.loops[id];
        on.line_at(sock).conn = conn;
        if keeps != Span::MAX {
            let timer = on.call_later(keeps, Callback::Server(Ask::Idle(sock)));
            on.line_at(sock).idle = Some(timer);
        }
    }

    /// Nobody has asked for so long: the server closes the connection.
    pub(super) fn idle_too_long(&mut self, id: LoopId, sock: u32) {
        let line = self.carriers.loops[id].line_at(sock);
        line.idle = None;
        let conn = line.conn;
        if conn.is_some() && !self.net.conn(conn).has_request() {
            self.spend(id, Part::Close);
            self.closes_idle(conn);
        }
    }

    /// A connection is closed.
    pub(super) fn close_line(&mut self, id: LoopId, sock: u32) {
        let on = &mut self.carriers.loops[id];
        if let Some(timer) = on.line_at(sock).idle.take() {
            on.cancel_handle(timer);
        }
        *on.line_at(sock) = Line::NEW;
        on.remove_reader(sock);
        on.sockets.close(sock);
    }

    /// An idle connection is gone.
    pub(crate) fn loop_forgets(&mut self, id: LoopId, sock: u32) {
        if sock != super::NO_SOCK && self.carriers.loops[id].line_at(sock).conn.is_some() {
            self.close_line(id, sock);
        }
    }
}
