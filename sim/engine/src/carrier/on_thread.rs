//! What carriers keep of a thread: what runs on it, what it is about to do, and what it waits for.

use crate::carrier::threads::polled::Polls;
use crate::kit::id::{RequestId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::advance::Effect;

/// What the carrier of one thread keeps of it; the machine keeps the rest.
#[derive(Debug)]
pub(in crate::carrier) struct OnThread {
    /// The task it serves (bare threads).
    pub(in crate::carrier) task: TaskId,
    /// What it does once it has paid.
    pub(in crate::carrier) deferred: Option<Effect>,
    /// Whether its task has not run yet.
    pub(in crate::carrier) fresh: bool,
    /// Whether it comes back from a call that waited, and takes the GIL again.
    pub(in crate::carrier) returns: bool,
    /// Whether it is about to look for work (pool servers).
    pub(in crate::carrier) looking: bool,
    /// System calls in what it owes, and what is left of Python between some (hubs and loops beside native threads).
    pub(in crate::carrier) system_calls: u8,
    pub(in crate::carrier) stretch: BetweenCalls,
    /// Pieces of the server's own Python that are left around the current request, and how long each takes.
    pub(in crate::carrier) pieces: (u8, Span),
    /// The request whose client it waits for to close.
    pub(in crate::carrier) lingers_for: RequestId,
    /// The connection that it has accepted and whose bytes it waits for.
    pub(in crate::carrier) reads: RequestId,
    /// Ends of the timeout blocks it is in.
    pub(in crate::carrier) deadlines: Vec<Time>,
    /// The wait of its task, if that polls.
    pub(in crate::carrier) polls: Option<Polls>,
}

/// Python with system calls in it, after each of which the GIL is taken anew.
#[derive(Clone, Copy, Default, Debug)]
pub(in crate::carrier) struct BetweenCalls {
    /// Pieces that are left, and how long each is.
    pub(in crate::carrier) left: u8,
    pub(in crate::carrier) piece: Span,
    /// What comes with the last one.
    pub(in crate::carrier) last: Span,
}

impl OnThread {
    /// That of a thread with nothing to do.
    pub(in crate::carrier) fn new() -> OnThread {
        OnThread {
            task: TaskId::NONE,
            deferred: None,
            fresh: false,
            returns: false,
            looking: false,
            system_calls: 0,
            stretch: BetweenCalls::default(),
            pieces: (0, Span::ZERO),
            lingers_for: RequestId::NONE,
            reads: RequestId::NONE,
            deadlines: Vec::new(),
            polls: None,
        }
    }
}
