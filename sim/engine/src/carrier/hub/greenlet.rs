//! Greenlets that are more than a request: they have a name, links, timeout blocks, and can be joined and killed.
//!
//! After `greenlet.py`, `timeout.py` and `_waiter.py` (gevent 26.9). A greenlet that only serves a request has none of this and
//! does not pay for it. What happens to them is in `hub/`; here is what they are.

use std::collections::VecDeque;

use crate::kit::id::{GreenId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::op::{Pc, Spawn};
use crate::program::said::Outcome;
use crate::python::sync::Lock;

/// A greenlet.
#[derive(Debug)]
pub(in crate::carrier) struct Green {
    pub(in crate::carrier) task: TaskId,
    pub(in crate::carrier) life: GreenletLife,
    /// Whether it counts as alive at the end of the run: from its spawn to the end of its body.
    pub(in crate::carrier) alive: bool,
    /// Counts its waits: a callback that was queued for an earlier one finds another number and does nothing.
    pub(in crate::carrier) ticket: u32,
    /// Who goes on when it ends, if not the loop: who made it, if it is a bare one.
    pub(in crate::carrier) parent: TaskId,
    pub(in crate::carrier) links: VecDeque<DeathLink>,
    /// Whether the callback that calls the links is queued or running.
    pub(in crate::carrier) notifying: bool,
    /// Open timeout blocks, innermost last.
    pub(in crate::carrier) guards: Vec<Guard>,
    /// What was thrown into it and it has not seen yet.
    pub(in crate::carrier) thrown: Option<Exception>,
    /// What was thrown while it was in a native thread.
    pub(in crate::carrier) late: Option<Exception>,
    /// What goes on flying when a `finally` clause is done.
    pub(in crate::carrier) flying: Option<Exception>,
    /// Whether that clause has begun.
    pub(in crate::carrier) clause_done: bool,
    /// Steps of the op it is in, the next one last.
    pub(in crate::carrier) micros: Vec<Micro>,
    /// What it does with the unit it waits for.
    pub(in crate::carrier) then: Then,
    /// Which timeout limits its present wait; 0 is none.
    pub(in crate::carrier) limit: u32,
    /// What its last op came to.
    pub(in crate::carrier) outcome: Option<Outcome>,
    /// The item handed to it.
    pub(in crate::carrier) item: u16,
    /// The lock on which it waits for a condition, whether it was notified, and what it must restore.
    pub(in crate::carrier) ticket_lock: u32,
    pub(in crate::carrier) notified: bool,
    pub(in crate::carrier) saved: u32,
    /// When a standard queue's timed wait ends.
    pub(in crate::carrier) end_at: Option<Time>,
    pub(in crate::carrier) gather: Option<Gather>,
    /// The slot of the native thread that it uses.
    pub(in crate::carrier) native_room: u32,
    /// Whom it kills.
    pub(in crate::carrier) killing: Vec<GreenId>,
}

/// How far a greenlet is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrier) enum GreenletLife {
    /// Its spawner waits for room in a pool.
    Unborn,
    /// Its first switch is queued, under this ticket.
    Queued,
    /// Its first switch waits for a timer.
    Timed(u32),
    /// It has begun.
    Begun,
    Dead,
}

/// What the death of a greenlet does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrier) enum DeathLink {
    /// Switches into one that joins it.
    Join(TaskId),
    /// Tells one that waits for several.
    Gather(GreenId),
    /// Takes it out of its pool.
    Discard(u16),
    /// Has a note traced, by a greenlet of its own.
    Note(u16),
}

/// An open timeout block.
#[derive(Clone, Copy, Debug)]
pub(in crate::carrier) struct Guard {
    /// Which timeout it is.
    pub(in crate::carrier) serial: u32,
    /// Its timer, until it fires.
    pub(in crate::carrier) timer: u32,
    /// Whether it has fired.
    pub(in crate::carrier) fired: bool,
    /// Where the program goes on.
    pub(in crate::carrier) end: Pc,
}

/// What can be thrown into a greenlet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::carrier) enum Exception {
    /// `GreenletExit`.
    Exit,
    /// The timeout of this number.
    Timeout(u32),
    /// An error of this name.
    Error(&'static str),
}

/// What a greenlet does with a unit.
#[derive(Clone, Copy, Debug)]
pub(in crate::carrier) enum Then {
    /// It says so.
    Say,
    /// It becomes the owner of an `RLock`.
    Own(u16),
    /// It starts a greenlet in a pool.
    Spawn(Spawn, GreenId),
    /// It sends a native thread to sleep.
    Apply(Span),
    /// It goes on in a native thread.
    GoOver,
    /// It starts a native thread of this executor that runs a program, and leaves it alone.
    Start(u16, u16),
    /// It goes on with the steps of its op.
    Step,
    /// It was notified.
    Notified,
    /// It has its condition's lock back.
    Restored(u16, u8),
}

/// Steps of the ops that CPython's own code makes of several.
#[derive(Clone, Copy, Debug)]
pub(in crate::carrier) enum Micro {
    /// Take the mutex of a standard queue.
    TakeMutex(u16),
    /// Give it back: a `finally` clause.
    DropMutex(u16),
    /// Is the lock of this thing held? A plain lock is asked by trying to take it, which yields.
    Held(u16),
    /// Queue a lock of one's own on a list of waiters, let go of the thing's lock, and wait.
    Enqueue(u16, u8, Option<Span>),
    /// Wait for that lock.
    AwaitTurn(u16, u8, Option<Span>),
    /// Try that lock, and sleep if it is not there: until then at most, and longer than this each time.
    PollTurn(u16, u8, Time, Span),
    /// Take the thing's lock back: a `finally` clause.
    Restore(u16, u8),
    /// Wake so many waiters of a list.
    Notify(u16, u8, u16),
    /// Is there room in a standard queue?
    Room(u16, Option<Span>, bool),
    /// Put the item in.
    Store(u16, u16),
    /// Is there an item in a standard queue?
    Item(u16, Option<Span>, bool),
    /// Take it out.
    Take(u16),
    /// Is everything done in a standard queue?
    Done(u16),
    /// One thing less to do in a standard queue.
    TaskDone(u16),
    /// Say whether it was notified.
    SayNotified,
}

/// A wait for several greenlets.
#[derive(Debug)]
pub(in crate::carrier) struct Gather {
    pub(in crate::carrier) objects: Vec<GreenId>,
    /// How many more it waits for.
    pub(in crate::carrier) left: usize,
    /// Who has died, in order; `None` when the time was up.
    pub(in crate::carrier) values: VecDeque<Option<GreenId>>,
    pub(in crate::carrier) results: Vec<u32>,
    /// Its timer, until it fires or is stopped.
    pub(in crate::carrier) timer: Option<u32>,
    /// Whether it only waits for those who survived a kill, and says nothing.
    pub(in crate::carrier) silent: bool,
}

impl Green {
    pub(in crate::carrier) fn new(task: TaskId) -> Green {
        Green {
            task,
            life: GreenletLife::Unborn,
            alive: true,
            ticket: 0,
            parent: TaskId::NONE,
            links: VecDeque::new(),
            notifying: false,
            guards: Vec::new(),
            thrown: None,
            late: None,
            flying: None,
            clause_done: false,
            micros: Vec::new(),
            then: Then::Say,
            limit: 0,
            outcome: None,
            item: 0,
            ticket_lock: u32::MAX,
            notified: false,
            saved: 0,
            end_at: None,
            gather: None,
            native_room: u32::MAX,
            killing: Vec::new(),
        }
    }

    pub(in crate::carrier) fn is_dead(&self) -> bool {
        self.life == GreenletLife::Dead
    }
}

impl Lock {
    /// Whether `task` holds the lock, where that can be told without trying.
    pub(in crate::carrier) fn is_owned_by(&self, task: TaskId) -> bool {
        self.reentrant && self.owner == task && self.count > 0
    }
}
