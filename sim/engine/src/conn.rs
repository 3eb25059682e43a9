//! Connections that are used again: who keeps an idle one, for how long, and what that takes in the server.
//!
//! Who asks (a group of clients, or the proxy) keeps idle connections on a stack and takes the youngest, as HTTP client libraries
//! and nginx's `keepalive` do. What an idle one takes in the server follows from how the server carries requests:
//! - A thread that accepts for itself closes after every response (gunicorn sync, uWSGI's `http-socket`).
//! - gunicorn gthread puts it back into the accepting thread's poller: it takes a place among the `connections` of the process, but
//!   no thread (`gthread.py`, `finish_request`, `murder_keepalived`).
//! - gunicorn gevent and pywsgi stay in the connection's greenlet and wait for the next request: it takes a greenlet
//!   (`base_async.py`, `handle`).
//!
//! The server closes an idle connection after its own `keepalive`; bytes that cross the close find nobody, and who asked connects
//! anew.

use crate::id::{ConnId, HubId, ProcessId, RequestId, ThreadId};
use crate::model::{KeepAlive, WorkerKind};
use crate::probe::{Fact, Gauge, Probe};
use crate::record::Wait;
use crate::request::{Request, Stage};
use crate::time::Time;
use crate::world::{Event, World};

/// Idle connections of who asks, the youngest last.
#[derive(Clone, Debug, Default)]
pub(crate) struct Idle(Vec<ConnId>);

/// A connection that outlives a request.
#[derive(Debug)]
pub(crate) struct Conn {
    listener: u16,
    process: ProcessId,
    /// The hub whose greenlet waits on it, if a hub serves it, and on which of its sockets.
    pub(crate) hub: HubId,
    pub(crate) sock: u32,
    /// The request whose bytes have come and that nobody serves yet.
    pub(crate) request: RequestId,
    /// The client group that it belongs to; the proxy, if there is one.
    client: u16,
    /// Requests over it so far.
    used: u32,
    /// Whether it waits for a request.
    idle: bool,
    /// Whether both sides believe in it.
    pub(crate) open: bool,
    /// Whether the server and who asks still know it.
    server_holds: bool,
    owner_holds: bool,
    /// When the server closes it, and when who asks does.
    server_until: Time,
    owner_until: Time,
}

impl<P: Probe> World<'_, P> {
    /// How the sender of a request keeps connections.
    fn keeping(&self, request: &Request) -> Option<KeepAlive> {
        match self.proxy_of(request) {
            Some(proxy) => proxy.keep_alive,
            None => self.model.clients[usize::from(request.client)].keep_alive,
        }
    }

    fn idle_mut(&mut self, client: u16) -> &mut Idle {
        if self.model.proxy.is_some() { &mut self.proxy_idle } else { &mut self.clients[usize::from(client)].idle }
    }

    /// The youngest idle connection for a request, to `server` if that is set.
    pub(crate) fn reusable(&mut self, id: RequestId, server: Option<usize>) -> Option<ConnId> {
        self.keeping(&self.requests[id])?;
        let client = self.requests[id].client;
        let mut at = self.idle_mut(client).0.len();
        while at > 0 {
            at -= 1;
            let conn = self.idle_mut(client).0[at];
            let state = &mut self.conns[conn];
            if !state.open {
                state.owner_holds = false;
                self.idle_mut(client).0.remove(at);
                self.drop_conn(conn);
            } else if server.is_none_or(|server| server == usize::from(state.listener)) {
                state.owner_until = Time::NEVER;
                self.idle_mut(client).0.remove(at);
                return Some(conn);
            }
        }
        None
    }

    /// A request leaves over a connection that is there already.
    pub(crate) fn send_over(&mut self, id: RequestId, conn: ConnId, at: Time) {
        let listener = self.conns[conn].listener;
        let request = &mut self.requests[id];
        (request.conn, request.listener, request.stage) = (conn, listener, Stage::Connecting);
        self.listeners[usize::from(listener)].open += 1;
        self.queue.push(at, Event::Again(id));
    }

    /// The bytes of a request arrive over a connection that was kept.
    pub(crate) fn again_event(&mut self, id: RequestId) {
        let conn = self.requests[id].conn;
        if self.requests[id].ending.is_some() {
            self.close_conn(conn);
            self.forget(id);
            return;
        }
        if !self.conns[conn].open {
            // The server closed it meanwhile: a reset, and a new connection to the same server.
            self.requests[id].conn = ConnId::NONE;
            self.conns[conn].owner_holds = false;
            self.drop_conn(conn);
            let network = self.hop_network(id);
            self.queue.push(self.now + network * 2, Event::Syn(id));
            return;
        }
        self.arrived_whole(id);
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        let state = &mut self.conns[conn];
        (state.idle, state.request) = (false, id);
        let (hub, sock, process) = (state.hub, state.sock, state.process);
        let request = &mut self.requests[id];
        request.stage = Stage::Accepted;
        if hub.is_some() {
            request.turn(self.now, Wait::Hub);
            self.arrived(hub, sock);
        } else {
            request.turn(self.now, Wait::Slot);
            self.processes[process.index()].readable.push_back(id);
            self.wake_acceptor(process);
        }
    }

    /// The accepting thread of a pool wakes, wherever it waits.
    fn wake_acceptor(&mut self, process: ProcessId) {
        let stalled = std::mem::replace(&mut self.processes[process.index()].stalled, ThreadId::NONE);
        if stalled.is_some() {
            return self.make_ready(stalled);
        }
        let listener = self.processes[process.index()].listener;
        let threads = &self.listeners[listener].threads;
        if let Some(at) = threads.iter().position(|thread| self.threads[thread.index()].process == process)
            && let Some(thread) = self.listeners[listener].threads.remove(at)
        {
            self.make_ready(thread);
        }
    }

    /// A server has answered: whether the connection stays.
    pub(crate) fn keep_conn(&mut self, id: RequestId, thread: ThreadId) -> bool {
        let process = self.threads[thread.index()].process;
        let request = &self.requests[id];
        let (conn, client, listener) = (request.conn, request.client, request.listener);
        let worker = &self.model.workers[self.processes[process.index()].worker];
        let spec =
            self.keeping(request).filter(|_| request.ending.is_none() && request.why != crate::request::Why::Check);
        let used = if conn.is_some() { self.conns[conn].used + 1 } else { 1 };
        let (Some(spec), Some(keeps)) = (spec, worker.keep_alive) else {
            self.close_served(conn);
            return false;
        };
        if used >= spec.requests || matches!(worker.kind, WorkerKind::Threads { .. }) {
            self.close_served(conn);
            return false;
        }
        let server_until = self.now.saturating_add(keeps);
        let conn = if conn.is_some() {
            conn
        } else {
            let (hub, sock) = (HubId::NONE, u32::MAX);
            self.conns.insert(Conn {
                listener,
                process,
                hub,
                sock,
                request: RequestId::NONE,
                client,
                used: 0,
                idle: true,
                open: true,
                server_holds: true,
                owner_holds: true,
                server_until,
                owner_until: Time::NEVER,
            })
        };
        self.requests[id].conn = conn;
        let state = &mut self.conns[conn];
        (state.used, state.idle, state.server_until, state.request) = (used, true, server_until, RequestId::NONE);
        if server_until != Time::NEVER {
            self.queue.push(server_until, Event::Idle(conn));
        }
        true
    }

    /// A server that has served a request closes its connection with the response.
    fn close_served(&mut self, conn: ConnId) {
        if conn.is_none() {
            return;
        }
        let state = &mut self.conns[conn];
        (state.open, state.server_holds) = (false, false);
        let hub = std::mem::replace(&mut state.hub, HubId::NONE);
        if hub.is_some() {
            let sock = state.sock;
            self.hubs[hub.index()].sockets.close(sock);
        }
    }

    /// A response has come to who keeps the connection; `in_time` if it was still wanted.
    pub(crate) fn keep_by_owner(&mut self, id: RequestId, in_time: bool) {
        let conn = std::mem::replace(&mut self.requests[id].conn, ConnId::NONE);
        if conn.is_none() {
            return;
        }
        let Some(spec) = self.keeping(&self.requests[id]).filter(|_| in_time && self.conns[conn].open) else {
            return self.close_conn(conn);
        };
        let client = self.requests[id].client;
        let until = self.now.saturating_add(spec.timeout);
        self.conns[conn].owner_until = until;
        self.queue.push(until, Event::Idle(conn));
        let idle = &mut self.idle_mut(client).0;
        idle.push(conn);
        if idle.len() > spec.connections as usize {
            let oldest = idle.remove(0);
            self.close_conn(oldest);
        }
    }

    /// The time of an idle connection is over for one of its sides.
    pub(crate) fn idle_event(&mut self, conn: ConnId) {
        let Some(state) = self.conns.get(conn).filter(|state| state.idle && state.open) else { return };
        if state.owner_until == self.now {
            let client = state.client;
            self.idle_mut(client).0.retain(|&other| other != conn);
            self.close_conn(conn);
        } else if state.server_until == self.now {
            self.server_closes(conn);
        }
    }

    /// Who asks closes a connection.
    fn close_conn(&mut self, conn: ConnId) {
        self.conns[conn].owner_holds = false;
        if self.conns[conn].open {
            self.server_closes(conn);
        } else {
            self.drop_conn(conn);
        }
    }

    /// The server's side of an idle connection ends: a greenlet wakes to end, or the poller forgets it.
    fn server_closes(&mut self, conn: ConnId) {
        let state = &mut self.conns[conn];
        state.open = false;
        let (hub, sock, process) = (state.hub, state.sock, state.process);
        if hub.is_some() {
            self.arrived(hub, sock);
            return;
        }
        state.server_holds = false;
        self.connection_over(process);
        self.drop_conn(conn);
    }

    /// The greenlet of a closed connection has ended.
    pub(crate) fn hub_forgets(&mut self, conn: ConnId) {
        self.conns[conn].server_holds = false;
        self.drop_conn(conn);
    }

    fn drop_conn(&mut self, conn: ConnId) {
        let state = &self.conns[conn];
        if !state.server_holds && !state.owner_holds {
            self.conns.remove(conn);
        }
    }

    /// A pool's accepting thread may go on when a connection is over.
    pub(crate) fn connection_over(&mut self, process: ProcessId) {
        let process = &mut self.processes[process.index()];
        process.connections = process.connections.saturating_sub(1);
        let stalled = std::mem::replace(&mut process.stalled, ThreadId::NONE);
        if stalled.is_some() {
            self.make_ready(stalled);
        }
    }
}
