//! A request: who sent it, how far it is, and its bill: every nanosecond since its birth under one [`Wait`].

use crate::kit::id::{ConnId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::program::wait::{Ending, Wait};

/// One request from its birth until both its sender and the server are done with it.
#[derive(Clone, Debug)]
pub struct Request {
    /// When its sender asked.
    pub born: Time,
    /// Since when it is in `wait`.
    pub since: Time,
    /// Time so far by [`Wait`].
    pub bill: [Span; Wait::KINDS],
    /// Its own random bits, for draws inside loops and chances.
    pub key: u64,
    /// Which of its client's people it belongs to; also the row of its draws.
    pub row: u64,
    /// When its sender loses patience.
    pub leaves_at: Time,
    /// When its sender gives up connecting, or waiting for the response.
    pub limit_at: Time,
    /// When the proxy does not wait for the server any longer.
    pub hop_at: Time,
    /// When its second copy is sent.
    pub hedge_at: Time,
    /// When a slot took it.
    pub begun: Time,
    /// Where its drawn spans begin in the arena.
    pub fate: u32,
    /// The task that serves it.
    pub task: TaskId,
    /// The other copy of it, while there are two.
    pub twin: RequestId,
    /// The connection that it came over, if that was kept from before or is kept after.
    pub conn: ConnId,
    /// The listeners that the proxy has tried for it.
    pub tried: [u16; TRIES_MAX],
    /// How many of them there are.
    pub tries: u8,
    /// Why it was sent.
    pub why: Why,
    /// The server's thread that waits for its sender to close the connection.
    pub linger: ThreadId,
    /// Which of the run's resident clients it belongs to; [`NO_RESIDENT`] for everybody else.
    pub resident: u32,
    /// Which of the clients that ask again and again it belongs to, counted over all groups; [`NO_MEMBER`] for everybody else.
    pub member: u32,
    /// Index of its client.
    pub client: u16,
    /// Index of its class.
    pub class: u16,
    /// Index of the listener it was sent to; [`NO_LISTENER`] before.
    pub listener: u16,
    /// How many requests this person sent before.
    pub attempt: u16,
    /// SYNs sent.
    pub syns: u8,
    /// What it is doing.
    pub wait: Wait,
    /// The op of its program that it waits at, while it waits for a lock, a pool, a queue or a peer.
    pub op: Pc,
    /// Where it is between client and server.
    pub stage: Stage,
    /// How it ended for its sender.
    pub ending: Option<Ending>,
    /// Whether the server's answer is an error.
    pub failed: bool,
    /// Whether an earlier request of its person ended after the warm-up: then the person is in the books.
    pub again: bool,
    /// Its connection, as the kernels at both ends see it.
    pub link: Link,
}

/// A connection as the kernels at both ends see it.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// Index of the listening socket that it was given to; a server's first one unless it has several.
    pub socket: u32,
    /// How it will end, if that is on its way.
    pub verdict: Option<Ending>,
    /// When its end of the handshake was first ignored.
    pub ignored_at: Time,
    /// Whether the queue of incomplete handshakes does not hold it: it was answered with a SYN cookie, or has left.
    pub cookie: bool,
    /// Whether the server has forgotten its incomplete handshake.
    pub forgotten: bool,
    /// What of it is under way while a socket waits for data.
    pub deferred: Deferred,
    /// The process that accepted it.
    pub process: ProcessId,
    /// Whether it holds a local port of its client.
    pub port: bool,
    /// Whether its server tracks it.
    pub tracked: bool,
    /// Its way through a router, once one has accepted it.
    pub relay: Option<Relay>,
    /// Whether the memory that it held is free again.
    pub weightless: bool,
    /// Whether the server is too full for it: its answer is an error, and closes the connection.
    pub turned_away: bool,
    /// Whether its response has left, though its program goes on.
    pub early: bool,
}

impl Default for Link {
    fn default() -> Link {
        Link {
            socket: 0,
            verdict: None,
            ignored_at: Time::ZERO,
            cookie: false,
            forgotten: false,
            deferred: Deferred::default(),
            process: ProcessId::NONE,
            port: false,
            tracked: false,
            relay: None,
            weightless: false,
            turned_away: false,
            early: false,
        }
    }
}

/// A connection to a socket that waits for data (`TCP_DEFER_ACCEPT`).
#[derive(Clone, Copy, Debug)]
pub struct Deferred {
    /// When its sender gets to writing its bytes, or they arrive; [`Time::NEVER`] once they have.
    pub data_at: Time,
    /// Whether its sender has yet to write them.
    pub unsent: bool,
    /// Whether the server has a socket for it: its handshake is complete.
    pub heard: bool,
    /// Whether it got that without its bytes, and they have not come since.
    pub dataless: bool,
    /// Whether a greenlet has it like this and waits for the bytes.
    pub aside: bool,
    /// The thread that has it like this and waits for the bytes.
    pub reader: ThreadId,
    /// Times that its bytes were sent again.
    pub tries: u8,
}

impl Default for Deferred {
    fn default() -> Deferred {
        let (unsent, heard, dataless, aside) = (false, false, false, false);
        Deferred { data_at: Time::NEVER, unsent, heard, dataless, aside, reader: ThreadId::NONE, tries: 0 }
    }
}

/// A request behind a router, as the router's kernel sees it.
#[derive(Clone, Copy, Debug)]
pub struct Relay {
    /// SYNs sent to the workers' socket since it last began to connect.
    pub syns: u8,
    /// How often the kernel gave up and it began anew.
    pub retries: u8,
    /// When the router closes the session unless something happens.
    pub limit_at: Time,
    /// Whether it has closed it.
    pub closed: bool,
}

/// The listener of a request that no balancer has seen.
pub const NO_LISTENER: u16 = u16::MAX;
/// Who sends a request whose sender comes once.
pub const NO_MEMBER: u32 = u32::MAX;
/// Who sends a request that no resident client sends.
pub const NO_RESIDENT: u32 = u32::MAX;
/// Servers that a proxy tries for one request at most.
pub const TRIES_MAX: usize = 5;

/// Why a request was sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// Somebody came.
    First,
    /// A person lost patience and asks again.
    Refresh,
    /// The one before went wrong.
    Retry,
    /// The one before takes long; both are alive.
    Hedge,
    /// A balancer looks after its servers.
    Check,
}

/// Where a request is between client and server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Its sender is about to send it, after a pause.
    Pausing,
    /// Connecting.
    Connecting,
    /// At the proxy, which has no server's answer yet.
    Proxied,
    /// Connected for its sender, but the server ignored the end of the handshake.
    Unheard,
    /// In the accept queue.
    Queued,
    /// Accepted by a server that has no thread for it yet.
    Accepted,
    /// Served by a task.
    Served,
    /// Its response is being written to a slow reader; the task still holds its slot.
    Writing,
    /// The response travels, or is gone.
    Answered,
    /// Its sender is reading the response.
    Read,
}

impl Request {
    /// One that its sender is about to send, with its draws: as `client` 0 asks for `class` 0, for the first time and with all patience.
    #[inline(always)]
    pub fn new(born: Time, key: u64, row: u64, fate: u32) -> Request {
        Request {
            born,
            since: born,
            bill: [Span::ZERO; Wait::KINDS],
            key,
            row,
            leaves_at: Time::NEVER,
            limit_at: Time::NEVER,
            hop_at: Time::NEVER,
            hedge_at: Time::NEVER,
            begun: Time::ZERO,
            fate,
            task: TaskId::NONE,
            linger: ThreadId::NONE,
            twin: RequestId::NONE,
            conn: ConnId::NONE,
            tried: [NO_LISTENER; TRIES_MAX],
            tries: 0,
            why: Why::First,
            resident: NO_RESIDENT,
            member: NO_MEMBER,
            client: 0,
            class: 0,
            listener: NO_LISTENER,
            attempt: 0,
            syns: 0,
            wait: Wait::Network,
            op: Pc(0),
            stage: Stage::Pausing,
            ending: None,
            failed: false,
            again: false,
            link: Link::default(),
        }
    }

    /// Closes the account of the current wait at `at` and opens that of `wait`.
    ///
    /// `at` may lie before now, when the hub discovers late that something was ready, but not before the last change.
    #[inline(always)]
    pub fn turn(&mut self, at: Time, wait: Wait) {
        let at = at.max(self.since);
        self.bill[self.wait as usize] += at - self.since;
        self.since = at;
        self.wait = wait;
    }

    /// Whether its response has left the server, or is leaving it.
    pub fn is_answered(&self) -> bool {
        matches!(self.stage, Stage::Writing | Stage::Answered | Stage::Read)
    }

    /// The same while its sender still waits; whose sender has left has no bill.
    pub fn turn_unless_ended(&mut self, at: Time, wait: Wait) {
        if self.ending.is_none() {
            self.turn(at, wait);
        }
    }

    /// Sum of the bill. No part of it is longer than a run, so it does not overflow: added in any order, several at a time.
    pub fn billed(&self) -> Span {
        Span::from_ns(self.bill.iter().fold(0, |sum: u64, part| sum.wrapping_add(part.as_ns())))
    }

    /// What the request would have taken on an empty system: the parts of the bill that are service.
    pub fn ideal(&self) -> Span {
        Wait::ALL.iter().filter(|wait| wait.is_service()).map(|&wait| self.bill[wait as usize]).sum()
    }
}
