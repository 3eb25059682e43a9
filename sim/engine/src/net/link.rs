//! A connection as the kernels at both ends see it: each request that lives has one, and what it is of depends on how far it has come.

use crate::kit::id::{ConnId, ProcessId, RequestId, ThreadId};
use crate::kit::time::Time;
use crate::net::Net;
use crate::program::wait::Ending;

/// The connection of one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Index of the listening socket that it was given to; a server's first one unless it has several.
    pub(super) socket: u32,
    /// How it will end, if that is on its way.
    pub(super) verdict: Option<Ending>,
    /// When its end of the handshake was first ignored.
    pub(super) ignored_at: Time,
    /// The process that accepted it.
    pub(super) process: ProcessId,
    /// The one that the request came over, if that was kept from before or is kept after.
    pub(super) conn: ConnId,
    /// The server's thread that waits for its sender to close it.
    pub(super) linger: ThreadId,
    /// What of it is under way while a socket waits for data.
    pub(super) deferred: Deferred,
    /// Its way through a router, once one has accepted it.
    relay: Option<Relay>,
    /// SYNs sent.
    pub(super) syns: u8,
    /// Whether the queue of incomplete handshakes does not hold it: it was answered with a SYN cookie, or has left.
    pub(super) cookie: bool,
    /// Whether the server has forgotten its incomplete handshake.
    pub(super) forgotten: bool,
    /// Whether it holds a local port of its client.
    pub(super) port: bool,
    /// Whether its server tracks it.
    pub(super) tracked: bool,
    /// Whether the memory that it held is free again.
    pub(super) weightless: bool,
    /// Whether the server is too full for it: its answer is an error, and closes the connection.
    pub(super) turned_away: bool,
    /// Whether the server closes it with the response, having kept enough others.
    pub(super) unkept: bool,
    /// Whether its response has left, though its program goes on.
    pub(super) early: bool,
}

/// A connection to a socket that waits for data (`TCP_DEFER_ACCEPT`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Deferred {
    /// When its sender gets to writing its bytes, or they arrive; [`Time::NEVER`] once they have.
    pub(super) data_at: Time,
    /// The thread that has it like this and waits for the bytes.
    pub(super) reader: ThreadId,
    /// Whether its sender has yet to write them.
    pub(super) unsent: bool,
    /// Whether the server has a socket for it: its handshake is complete.
    pub(super) heard: bool,
    /// Whether it got that without its bytes, and they have not come since.
    pub(super) dataless: bool,
    /// Whether a greenlet has it like this and waits for the bytes.
    pub(super) aside: bool,
    /// Times that its bytes were sent again.
    pub(super) tries: u8,
}

/// A request behind a router, as the router's kernel sees it.
#[derive(Clone, Copy, Debug)]
struct Relay {
    /// SYNs sent to the workers' socket since it last began to connect.
    syns: u8,
    /// How often the kernel gave up and it began anew.
    retries: u8,
    /// When the router closes the session unless something happens.
    limit_at: Time,
    /// Whether it has closed it.
    closed: bool,
}

impl Deferred {
    pub(super) const NONE: Deferred = Deferred {
        data_at: Time::NEVER,
        reader: ThreadId::NONE,
        unsent: false,
        heard: false,
        dataless: false,
        aside: false,
        tries: 0,
    };
}

impl Link {
    /// That of a request that has not been sent.
    const NONE: Link = Link {
        socket: 0,
        verdict: None,
        ignored_at: Time::ZERO,
        process: ProcessId::NONE,
        conn: ConnId::NONE,
        linger: ThreadId::NONE,
        deferred: Deferred::NONE,
        relay: None,
        syns: 0,
        cookie: false,
        forgotten: false,
        port: false,
        tracked: false,
        weightless: false,
        turned_away: false,
        unkept: false,
        early: false,
    };

    /// The process that accepted it.
    pub(crate) fn process(&self) -> ProcessId {
        self.process
    }

    /// Whether it was accepted without its bytes, and they have not come since.
    #[inline(always)]
    pub(crate) fn is_dataless(&self) -> bool {
        self.deferred.dataless
    }

    /// The server is too full for its request: the answer is an error, and closes the connection.
    pub(crate) fn is_turned_away(&mut self) {
        self.turned_away = true;
    }

    /// The server will close it with the response: it keeps as many idle ones as it may.
    pub(crate) fn will_be_closed(&mut self) {
        self.unkept = true;
    }

    /// The one that was there before the request, if there was one.
    pub(crate) fn kept(&self) -> ConnId {
        self.conn
    }

    /// Whether it was there before the request.
    pub(crate) fn is_used_again(&self) -> bool {
        self.conn.is_some()
    }

    /// A thread of the server waits for its sender to close it.
    pub(crate) fn is_awaited_by(&mut self, thread: ThreadId) {
        self.linger = thread;
    }

    /// Its sender closes it: the thread that waits for that, if one does.
    #[inline(always)]
    pub(crate) fn sender_closes(&mut self) -> ThreadId {
        std::mem::replace(&mut self.linger, ThreadId::NONE)
    }

    /// A router has accepted it.
    pub(crate) fn enters_router(&mut self) {
        self.relay = Some(Relay { syns: 0, retries: 0, limit_at: Time::NEVER, closed: false });
    }

    /// Whether a router has accepted it.
    #[inline(always)]
    pub(crate) fn is_routed(&self) -> bool {
        self.relay.is_some()
    }

    /// Whether its router has closed the session.
    pub(crate) fn is_session_closed(&self) -> bool {
        self.relay.is_some_and(|relay| relay.closed)
    }

    /// Its router sends another SYN to the workers' socket: the how manieth, of `most` in a row. `None`: the kernel has given up
    /// for more than `retries_most` times.
    pub(crate) fn router_sends_syn(&mut self, most: u8, retries_most: u8) -> Option<u8> {
        let relay = self.relay.as_mut()?;
        if relay.syns >= most {
            // The kernel has given up: the router connects anew.
            (relay.syns, relay.retries) = (0, relay.retries + 1);
            if relay.retries > retries_most {
                return None;
            }
        }
        relay.syns += 1;
        Some(relay.syns)
    }

    /// Its router closes the session at `at` unless something happens.
    pub(crate) fn may_be_silent_until(&mut self, at: Time) {
        if let Some(relay) = &mut self.relay {
            relay.limit_at = at;
        }
    }

    /// Whether its session has been silent for as long as it may, at `now`.
    pub(crate) fn is_silent_too_long(&self, now: Time) -> bool {
        self.relay.is_some_and(|relay| relay.limit_at == now)
    }

    /// Its router closes the session; whether it was closed before.
    pub(crate) fn close_session(&mut self) -> bool {
        self.relay.as_mut().is_some_and(|relay| std::mem::replace(&mut relay.closed, true))
    }
}

impl Net {
    /// A request is born that has no connection yet.
    #[inline(always)]
    pub(super) fn has_no_link(&mut self, id: RequestId) {
        self.links.place(id, Link::NONE);
    }

    /// The connection of a request.
    #[inline(always)]
    pub(crate) fn link(&self, id: RequestId) -> &Link {
        &self.links[id]
    }

    /// The same, when something happens to it.
    #[inline(always)]
    pub(crate) fn link_mut(&mut self, id: RequestId) -> &mut Link {
        &mut self.links[id]
    }

    /// A request goes on under another name, over another connection: its client's port is the same.
    pub(crate) fn hand_on_port(&mut self, from: RequestId, to: RequestId) {
        let port = std::mem::take(&mut self.links[from].port);
        self.links.place(to, Link { port, ..Link::NONE });
    }

    /// The socket that a request's SYN goes to reserves a place in its accept queue; false if all are spoken for.
    pub(crate) fn reserve_place(&mut self, id: RequestId, socket: usize) -> bool {
        let listener = &mut self.listeners[socket];
        let has_room = !listener.is_spoken_for();
        if has_room {
            listener.shaking += 1;
            self.links[id].socket = u32::try_from(socket).expect("a model has under 2^32 sockets");
        }
        has_room
    }

    /// The place in the accept queue that was reserved for a request is its own, or nobody's.
    pub(crate) fn use_place(&mut self, id: RequestId) {
        let socket = self.links[id].socket as usize;
        self.listeners[socket].shaking -= 1;
    }
}
