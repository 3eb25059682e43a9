//! Connections that are used again: who keeps an idle one, for how long, and what that takes in the server.
//!
//! Who asks (a group of clients, or the proxy) keeps idle connections on a stack and takes the youngest, as HTTP client libraries
//! and nginx's `keepalive` do. What an idle one takes in the server follows from how the server carries requests:
//! - A thread that accepts for itself closes after every response (gunicorn sync, uWSGI's `http-socket`).
//! - gunicorn gthread puts it back into the accepting thread's poller: it takes a place among the `connections` of the process, but
//!   no thread (`gthread.py`, `finish_request`, `murder_keepalived`). The response has left by then; what comes before is read then.
//! - gunicorn gevent and pywsgi stay in the connection's greenlet and wait for the next request: it takes a greenlet
//!   (`base_async.py`, `handle`).
//!
//! The server closes an idle connection after its own `keepalive`; bytes that cross the close find nobody, and who asked connects
//! anew. A process that is about to be replaced keeps none, and with a process its connections go.
//! A connection's port, its entry in a firewall's table and its descriptor are taken for as long as it is there; a request that is
//! under way over it has the first two.

use crate::kit::id::{ConnId, HubId, ProcessId, RequestId};
use crate::kit::time::{Span, Time};
use crate::model::{KeepAlive, WorkerKind};
use crate::net::Net;
use crate::net::above::CarrierForNet;
use crate::net::above::LifeForNet;
use crate::net::above::SenderForNet;
use crate::program::request::{Request, Why};
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// A connection that outlives a request.
#[derive(Debug)]
pub(crate) struct Conn {
    listener: u16,
    process: ProcessId,
    /// The hub whose greenlet waits on it, if a hub serves it, and on which of its sockets.
    hub: HubId,
    sock: u32,
    /// The request whose bytes have come and that nobody serves yet.
    request: RequestId,
    /// The client group that it belongs to; the proxy, if there is one.
    client: u16,
    /// Requests over it so far.
    used: u32,
    /// Whether it waits for a request.
    idle: bool,
    /// Whether the server looks at it: a pool's accepting thread has it in its poller.
    polled: bool,
    /// Whether both sides believe in it.
    open: bool,
    /// Whether the server and who asks still know it.
    server_holds: bool,
    owner_holds: bool,
    /// When the server closes it, and when who asks does.
    server_until: Time,
    owner_until: Time,
    /// Whether it holds a port of its client, and an entry in its server's table.
    port: bool,
    tracked: bool,
}

impl Net {
    /// A connection that outlives a request.
    #[inline(always)]
    pub(crate) fn conn(&self, conn: ConnId) -> &Conn {
        &self.conns[conn]
    }

    /// The same, when something happens to it.
    #[inline(always)]
    pub(crate) fn conn_mut(&mut self, conn: ConnId) -> &mut Conn {
        &mut self.conns[conn]
    }
}

impl<P: Probe> World<'_, P> {
    /// How the sender of a request keeps connections.
    fn keeping(&self, request: &Request) -> Option<KeepAlive> {
        match self.proxy_of(request) {
            Some(proxy) => proxy.keep_alive,
            None => self.model.clients[usize::from(request.client())].keep_alive,
        }
    }

    fn idle_mut(&mut self, client: u16) -> &mut Vec<ConnId> {
        let of = if self.model.proxy.is_some() { 0 } else { usize::from(client) };
        &mut self.net.idle[of]
    }

    /// The youngest idle connection for a request, to `server` if that is set.
    #[inline(always)]
    pub(crate) fn reusable(&mut self, id: RequestId, server: Option<usize>) -> Option<ConnId> {
        self.keeping(&self.requests[id])?;
        let client = self.requests[id].client();
        let mut at = self.idle_mut(client).len();
        while at > 0 {
            at -= 1;
            let conn = self.idle_mut(client)[at];
            let state = &mut self.net.conns[conn];
            if !state.open {
                state.owner_holds = false;
                self.idle_mut(client).remove(at);
                self.drop_conn(conn);
            } else if server.is_none_or(|server| server == usize::from(state.listener)) {
                state.owner_until = Time::NEVER;
                self.idle_mut(client).remove(at);
                return Some(conn);
            }
        }
        None
    }

    /// A request leaves over a connection that is there already.
    #[inline(never)]
    pub(crate) fn send_over(&mut self, id: RequestId, conn: ConnId, at: Time) {
        let state = &mut self.net.conns[conn];
        let listener = state.listener;
        let request = &mut self.requests[id];
        request.aim_at(listener);
        request.begin_connecting();
        let link = &mut self.net.links[id];
        link.conn = conn;
        link.port |= std::mem::take(&mut state.port);
        link.tracked = std::mem::take(&mut state.tracked);
        self.net.listeners[usize::from(listener)].open += 1;
        self.queue.push(at, Event::Again(id));
    }

    /// The bytes of a request arrive over a connection that was kept.
    #[inline(never)]
    pub(crate) fn again_event(&mut self, id: RequestId) {
        let conn = self.net.links[id].conn;
        if self.requests[id].ending().is_some() {
            self.close_conn(conn);
            self.forget(id);
            return;
        }
        if !self.net.conns[conn].open {
            return self.connect_anew(id, conn);
        }
        self.arrived_whole(id);
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
        let state = &mut self.net.conns[conn];
        (state.idle, state.request) = (false, id);
        let process = state.process;
        self.requests[id].be_accepted();
        self.net.links[id].process = process;
        tell(&mut self.probe, self.now, Detail::Given { request: id, process });
        self.conn_readable(conn, id);
    }

    /// The server closed a connection while a request was on its way over it: a reset, and a new connection to the same server.
    #[cold]
    #[inline(never)]
    fn connect_anew(&mut self, id: RequestId, conn: ConnId) {
        self.net.conns[conn].owner_holds = false;
        self.drop_conn(conn);
        self.net.links[id].conn = ConnId::NONE;
        // The old port is free at once, so there is one for the new connection.
        self.net.untrack(self.model, id, self.requests[id].listener(), self.now);
        self.aim_socket(id);
        let busy = if self.model.proxy.is_some() { Span::ZERO } else { self.connects_after(id) };
        self.queue.push(self.now + busy + self.hop_network(id) * 2, Event::Syn(id));
    }

    /// Whether the connection of a request stays after its response, and how often it has been used by then.
    #[inline(always)]
    pub(crate) fn keeps(&self, id: RequestId, process: ProcessId) -> Option<u32> {
        let (request, link) = (&self.requests[id], &self.net.links[id]);
        let worker = self.worker(process);
        let may = request.ending().is_none()
            && !link.turned_away
            && !link.unkept
            && request.why() != Why::Check
            && !self.accepts_no_more(process);
        let served = !matches!(worker.kind, WorkerKind::Threads { .. }) && worker.keep_alive.is_some();
        let used = if link.conn.is_some() { self.net.conns[link.conn].used + 1 } else { 1 };
        self.keeping(request).filter(|spec| may && served && used < spec.requests).map(|_| used)
    }

    /// A server has answered: the connection, if it stays.
    #[inline(always)]
    pub(crate) fn keep_conn(&mut self, id: RequestId, process: ProcessId) -> Option<ConnId> {
        let request = &self.requests[id];
        let (conn, client, listener) = (self.net.links[id].conn, request.client(), request.listener());
        let Some(used) = self.keeps(id, process) else {
            self.close_served(conn);
            return None;
        };
        let conn = if conn.is_some() { conn } else { self.net.conns.insert(Conn::new(listener, process, client)) };
        let proxied = self.model.proxy.is_some();
        let link = &mut self.net.links[id];
        link.conn = conn;
        let state = &mut self.net.conns[conn];
        (state.used, state.idle, state.polled, state.request) = (used, true, false, RequestId::NONE);
        state.port = !proxied && std::mem::take(&mut link.port);
        state.tracked = std::mem::take(&mut link.tracked);
        Some(conn)
    }

    /// The server begins to wait for the next request over a connection.
    pub(crate) fn start_idle(&mut self, conn: ConnId) {
        let process = self.net.conns[conn].process;
        let usual = self.worker(process).keep_alive;
        let keeps = usual.filter(|_| !self.times_idle_itself(process)).unwrap_or(Span::MAX);
        let state = &mut self.net.conns[conn];
        (state.polled, state.server_until) = (true, self.now.saturating_add(keeps));
        if state.server_until != Time::NEVER {
            self.queue.push(state.server_until, Event::Idle(conn));
        }
    }

    /// A pool's accepting thread has put a connection back into its poller, which tells of the request that has come before.
    pub(crate) fn back_in_poller(&mut self, conn: ConnId) -> Option<RequestId> {
        let state = &mut self.net.conns[conn];
        let (request, open) = (state.request, state.open);
        if !open {
            self.server_forgets(conn);
        } else if request.is_none() {
            self.start_idle(conn);
        } else {
            state.polled = true;
            return Some(request);
        }
        None
    }

    /// A server that has served a request closes its connection with the response.
    fn close_served(&mut self, conn: ConnId) {
        if conn.is_none() {
            return;
        }
        let state = &mut self.net.conns[conn];
        (state.open, state.server_holds) = (false, false);
        self.conn_closed(conn);
    }

    /// A response has come to who keeps the connection; `in_time` if it was still wanted.
    #[inline]
    pub(crate) fn keep_by_owner(&mut self, id: RequestId, in_time: bool) {
        let conn = std::mem::replace(&mut self.net.links[id].conn, ConnId::NONE);
        if conn.is_none() {
            return;
        }
        let Some(spec) = self.keeping(&self.requests[id]).filter(|_| in_time && self.net.conns[conn].open) else {
            return self.close_conn(conn);
        };
        let client = self.requests[id].client();
        let until = self.now.saturating_add(spec.timeout);
        self.net.conns[conn].owner_until = until;
        self.queue.push(until, Event::Idle(conn));
        let idle = self.idle_mut(client);
        idle.push(conn);
        if idle.len() > spec.connections as usize {
            let oldest = idle.remove(0);
            self.close_conn(oldest);
        }
    }

    /// The time of an idle connection is over for one of its sides.
    #[inline(never)]
    pub(crate) fn idle_event(&mut self, conn: ConnId) {
        let Some(state) = self.net.conns.get(conn).filter(|state| state.idle && state.open) else { return };
        if state.owner_until == self.now {
            let client = state.client;
            self.idle_mut(client).retain(|&other| other != conn);
            self.close_conn(conn);
        } else if state.server_until == self.now {
            self.server_closes(conn);
        }
    }

    /// Who asks closes a connection.
    fn close_conn(&mut self, conn: ConnId) {
        let first = self.net.conns[conn].open;
        self.net.conns[conn].owner_holds = false;
        self.give_conn_port(conn, first);
        if first {
            self.server_closes(conn);
        } else {
            self.drop_conn(conn);
        }
    }

    /// A server closes a connection over which nobody asks it anything.
    pub(crate) fn closes_idle(&mut self, conn: ConnId) {
        if self.net.conns[conn].idle && self.net.conns[conn].open {
            self.server_closes(conn);
        }
    }

    /// The server's side of an idle connection ends: a greenlet wakes to end, or the poller forgets it.
    fn server_closes(&mut self, conn: ConnId) {
        self.give_conn_port(conn, false);
        self.net.conns[conn].open = false;
        if !self.conn_ended(conn) && self.net.conns[conn].polled {
            self.server_forgets(conn);
        }
    }

    /// The server has closed its side: the poller forgets it, or its greenlet has ended.
    pub(crate) fn server_forgets(&mut self, conn: ConnId) {
        let state = &mut self.net.conns[conn];
        let process = state.process;
        state.server_holds = false;
        self.conn_forgotten(conn);
        self.give_descriptor(process);
        self.life_drops(process);
        self.connection_over(process);
        self.drop_conn(conn);
    }

    fn give_conn_port(&mut self, conn: ConnId, first: bool) {
        let state = &mut self.net.conns[conn];
        if std::mem::take(&mut state.port) {
            let client = usize::from(state.client);
            self.net.give_kept_port(self.model, client, first, self.now);
        }
    }

    fn drop_conn(&mut self, conn: ConnId) {
        let state = &self.net.conns[conn];
        if !state.server_holds && !state.owner_holds {
            let state = self.net.conns.remove(conn);
            if state.tracked {
                self.net.let_go(self.model, state.listener, false, self.now);
            }
        }
    }

    /// The connection of a request that is under way is gone with its process.
    pub(crate) fn break_conn(&mut self, id: RequestId) {
        let conn = std::mem::replace(&mut self.net.links[id].conn, ConnId::NONE);
        if conn.is_some() {
            let state = &mut self.net.conns[conn];
            (state.open, state.server_holds, state.owner_holds) = (false, false, false);
            if state.hub.is_some() && state.request == id {
                // Its greenlet was still waiting.
                self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
            }
            self.drop_conn(conn);
        }
    }

    /// A process closes the connections over which nobody asks it anything.
    #[cold]
    #[inline(never)]
    pub(crate) fn close_idle(&mut self, process: ProcessId) {
        for conn in self.idle_of(process) {
            if self.net.conns[conn].open {
                self.server_closes(conn);
            }
        }
        while let Some(id) = self.unread(process) {
            self.connection_over(process);
            self.reset_connection(id);
        }
    }

    /// A process is gone, and its idle connections with it.
    pub(crate) fn drop_idle(&mut self, process: ProcessId) {
        for conn in self.idle_of(process) {
            let state = &mut self.net.conns[conn];
            (state.open, state.server_holds) = (false, false);
            self.conn_orphaned(conn);
            self.give_conn_port(conn, false);
            self.give_descriptor(process);
            self.drop_conn(conn);
        }
    }

    fn idle_of(&self, process: ProcessId) -> Vec<ConnId> {
        let idle = |state: &Conn| state.process == process && state.idle && state.server_holds;
        self.net.conns.iter().filter(|(_, state)| idle(state)).map(|(conn, _)| conn).collect()
    }
}

impl Conn {
    /// Whether both sides believe in it.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether its server has kept it for as long as it keeps any.
    pub(crate) fn is_overdue(&self, now: Time) -> bool {
        self.server_until <= now
    }

    /// The process that keeps it.
    pub(crate) fn process(&self) -> ProcessId {
        self.process
    }

    /// The hub whose greenlet waits on it, if a hub serves it.
    pub(crate) fn hub(&self) -> HubId {
        self.hub
    }

    /// Its socket in the hub or loop that serves it.
    pub(crate) fn sock(&self) -> u32 {
        self.sock
    }

    /// Whether a pool's accepting thread has it in its poller.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled
    }

    /// Whether the bytes of a request have come that nobody serves yet.
    pub(crate) fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// The request whose bytes have come, which will be served now.
    pub(crate) fn take_request(&mut self) -> RequestId {
        std::mem::replace(&mut self.request, RequestId::NONE)
    }

    /// A greenlet of a hub begins to wait on it, at a socket.
    pub(crate) fn waits_on_hub(&mut self, hub: HubId, sock: u32) {
        (self.hub, self.sock) = (hub, sock);
    }

    /// A loop reads from it, at a socket.
    pub(crate) fn is_read_at(&mut self, sock: u32) {
        self.sock = sock;
    }

    /// No greenlet waits on it any more: the hub of the one that did.
    pub(crate) fn leaves_hub(&mut self) -> HubId {
        std::mem::replace(&mut self.hub, HubId::NONE)
    }

    /// A connection that begins to outlive its first request.
    fn new(listener: u16, process: ProcessId, client: u16) -> Conn {
        Conn {
            listener,
            process,
            hub: HubId::NONE,
            sock: u32::MAX,
            request: RequestId::NONE,
            client,
            used: 0,
            idle: true,
            polled: false,
            open: true,
            server_holds: true,
            owner_holds: true,
            server_until: Time::NEVER,
            owner_until: Time::NEVER,
            port: false,
            tracked: false,
        }
    }
}
