//! A request: who sent it, how far it is, and its bill: every nanosecond since its birth under one [`Wait`].

use crate::kit::id::{RequestId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::op::Pc;
use crate::program::wait::{Ending, Wait};

/// One request from its birth until both its sender and the server are done with it.
#[derive(Clone, Debug)]
pub struct Request {
    /// When its sender asked.
    pub(super) born: Time,
    /// Since when it is in `wait`.
    pub(super) since: Time,
    /// Time so far by [`Wait`].
    pub(super) bill: [Span; Wait::KINDS],
    /// Its own random bits, for draws inside loops and chances.
    pub(super) key: u64,
    /// Which of its client's people it belongs to; also the row of its draws.
    pub(super) row: u64,
    /// When its sender loses patience.
    pub(super) leaves_at: Time,
    /// When its sender gives up connecting, or waiting for the response.
    pub(super) limit_at: Time,
    /// When the proxy does not wait for the server any longer.
    pub(super) hop_at: Time,
    /// When its second copy is sent.
    pub(super) hedge_at: Time,
    /// When a slot took it.
    pub(super) begun: Time,
    /// Where its drawn spans begin in the arena.
    pub(super) fate: u32,
    /// The task that serves it.
    pub(super) task: TaskId,
    /// The other copy of it, while there are two.
    pub(super) twin: RequestId,
    /// The listeners that the proxy has tried for it.
    pub(super) tried: [u16; TRIES_MAX],
    /// How many of them there are.
    pub(super) tries: u8,
    /// Why it was sent.
    pub(super) why: Why,
    /// Which of the run's resident clients it belongs to; [`NO_RESIDENT`] for everybody else.
    pub(super) resident: u32,
    /// Which of the clients that ask again and again it belongs to, counted over all groups; [`NO_MEMBER`] for everybody else.
    pub(super) member: u32,
    /// Index of its client.
    pub(super) client: u16,
    /// Index of its class.
    pub(super) class: u16,
    /// Index of the listener it was sent to; [`NO_LISTENER`] before.
    pub(super) listener: u16,
    /// How many requests this person sent before.
    pub(super) attempt: u16,
    /// What it is doing.
    pub(super) wait: Wait,
    /// The op of its program that it waits at, while it waits for a lock, a pool, a queue or a peer.
    pub(super) op: Pc,
    /// Where it is between client and server.
    pub(super) stage: Stage,
    /// How it ended for its sender.
    pub(super) ending: Option<Ending>,
    /// Whether the server's answer is an error.
    pub(super) failed: bool,
    /// Whether an earlier request of its person ended after the warm-up: then the person is in the books.
    pub(super) again: bool,
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
            twin: RequestId::NONE,
            tried: [NO_LISTENER; TRIES_MAX],
            tries: 0,
            why: Why::First,
            resident: NO_RESIDENT,
            member: NO_MEMBER,
            client: 0,
            class: 0,
            listener: NO_LISTENER,
            attempt: 0,
            wait: Wait::Network,
            op: Pc(0),
            stage: Stage::Pausing,
            ending: None,
            failed: false,
            again: false,
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
