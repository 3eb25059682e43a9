//! What the tasks of a process share and wait for: locks, pools, queues and the like.

use crate::program::wait::Wait;

/// Something that tasks of one process share and wait for.
#[derive(Clone, PartialEq, Debug)]
pub struct SyncSpec {
    /// Whether it is a pool, so that waits for it are named after pools rather than locks.
    pub pool: bool,
    /// Its name in messages.
    pub name: String,
    /// What it is.
    pub kind: SyncKind,
}

impl SyncSpec {
    /// What a request waits for that waits for it.
    #[inline(always)]
    pub(crate) fn wait(&self) -> Wait {
        if self.pool { Wait::Pool } else { Wait::Lock }
    }
}

/// What a shared thing is. The words are gevent's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyncKind {
    /// A lock (one unit), a pool of connections, a semaphore.
    Semaphore {
        /// Units at the start.
        units: u32,
        /// Who gets a unit that comes back.
        policy: Policy,
        /// Whether giving back more than was taken is an error (`BoundedSemaphore`).
        bounded: bool,
    },
    /// The monkey-patched `threading.Lock`: bounded, and a failed attempt to take it without waiting yields.
    Lock,
    /// A lock that its owner may take again.
    RLock,
    /// A flag to wait for.
    Event,
    /// A value to wait for.
    AsyncResult,
    /// The monkey-patched `threading.Condition` over a lock of its own.
    Condition {
        /// Whether the lock is an `RLock` or a plain `Lock`.
        reentrant: bool,
    },
    /// A queue of items.
    Queue {
        /// Whether the youngest item comes out first.
        lifo: bool,
        /// Items it holds at most.
        max: Option<u32>,
        /// Whether it is the standard library's, monkey-patched, rather than gevent's.
        standard: bool,
        /// Whether it holds `max` items at the start: a pool of connections that are got and put back.
        filled: bool,
    },
    /// A queue without room: putter and getter meet.
    Channel,
    /// A group of greenlets.
    Pool {
        /// Greenlets at once; `None` for a group without limit.
        size: Option<u32>,
    },
    /// A connected pair of sockets.
    Pair,
    /// A peer that answers at a set time.
    Remote,
    /// A pool of native threads.
    Threads {
        /// Threads.
        size: u32,
    },
    /// What only asyncio has.
    Aio(AioKind),
}

/// A shared thing that only asyncio has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AioKind {
    /// `asyncio.Barrier`.
    Barrier {
        /// How many go on together.
        parties: u32,
    },
    /// A connected pair of sockets, each end behind a `StreamReader` and a `StreamWriter`.
    Stream,
    /// `asyncio.PriorityQueue`: the item of the lowest number comes out first.
    PriorityQueue {
        /// Items it holds at most.
        max: Option<u32>,
    },
}

/// Who gets a unit that comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// It goes back on the shelf and the oldest waiter is woken; whoever runs first may take it (gevent, CPython).
    Barging,
    /// It is handed to the oldest waiter.
    HandOff,
}
