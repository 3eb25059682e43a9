//! Event loops of asyncio: which version of CPython, which loop, what its own work costs.
//!
//! A version is a set of rules, each named by what `Lib/asyncio` does in it; the code that follows a rule asks for the rule and never
//! for the version. Compared: CPython 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0 and 3.14; uvloop 0.23 keeps CPython's tasks and
//! futures and has a loop of its own.

use std::fmt;

use crate::kit::time::Span;
use crate::model::Costs;

/// An event loop as a process runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoopSpec {
    /// The version of CPython.
    pub python: Python,
    /// Whose loop it is.
    pub kind: LoopKind,
    /// Whether every task begins inside its maker (`asyncio.eager_task_factory`).
    pub eager: bool,
    /// What the loop's own work costs.
    pub costs: LoopCosts,
    /// Connections accepted for one readiness of the listener: asyncio's `backlog`.
    pub accepts: u32,
    /// Connections or requests in service from which on a server answers with 503 (uvicorn: `--limit-concurrency`).
    pub limit: Option<u32>,
    /// Open connections beyond which it leaves others in the accept queue (granian: `--backpressure`).
    pub backpressure: Option<u32>,
    /// How often its server looks whether it shall end (uvicorn: `main_loop`); `None`: it ends as soon as it shall.
    pub tick: Option<Span>,
    /// What Python's cyclic garbage collector finds to do; `None` if its pauses are left out.
    pub collector: Option<CollectorSpec>,
}

/// What a full collection of Python's garbage looks at, and how long that takes.
///
/// Collections of the young are a part of what a request costs; a full one is a pause of the whole process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CollectorSpec {
    /// Containers that the collector knows of while nothing is served (`len(gc.get_objects())`). At least one.
    pub objects: u32,
    /// How many more there are for each request in service.
    pub request: u32,
    /// CPU time of a full collection while nothing is served; it grows with what there is to look at.
    pub full: Span,
}

impl LoopSpec {
    /// A loop whose work costs nothing but a nanosecond for each look at the clock.
    pub fn plain(python: Python, kind: LoopKind) -> LoopSpec {
        let (costs, accepts, limit) = (LoopCosts::default(), 100, None);
        LoopSpec { python, kind, eager: false, costs, accepts, limit, backpressure: None, tick: None, collector: None }
    }
}

/// Whose loop it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LoopKind {
    /// `asyncio.SelectorEventLoop` over epoll.
    #[default]
    Asyncio,
    /// `uvloop.Loop`, over libuv.
    Uvloop,
}

/// What a loop's own work costs, in CPU time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LoopCosts {
    /// A turn: one `epoll_wait` and its bookkeeping.
    pub turn: Span,
    /// Coming out of a poll that blocked.
    pub wake: Span,
    /// Running one handle.
    pub callback: Span,
    /// One step of a task, beside its handle.
    pub step: Span,
    /// Making a task.
    pub task: Span,
    /// Starting a timer and having it fire, or cancelling it.
    pub timer: Span,
    /// Telling epoll of a descriptor, or that it is gone.
    pub control: Span,
    /// A system call on a socket.
    pub socket: Span,
    /// Handing a job to a native thread and taking its result, of both threads.
    pub thread: Span,
    /// Reading the clock. At least 1 ns, so that deadlines asked for later are later.
    pub clock: Span,
}

impl LoopSpec {
    /// Tasks that a loop has places for: as good as no limit.
    pub const PLACES: u32 = 1_000_000;

    /// Requests that it serves at once.
    pub fn places(&self) -> u32 {
        self.limit.unwrap_or(LoopSpec::PLACES)
    }
}

impl LoopCosts {
    /// Those of a server: its own costs say them. Running a handle and making a task's step are half of a `switch` each; coming out
    /// of a poll is a part of the server's work.
    pub fn of(costs: &Costs) -> LoopCosts {
        LoopCosts {
            turn: costs.poll,
            wake: Span::ZERO,
            callback: costs.switch / 2,
            step: costs.switch - costs.switch / 2,
            task: costs.spawn,
            timer: costs.timer,
            control: costs.poll,
            socket: costs.socket,
            thread: costs.take,
            clock: costs.clock,
        }
    }
}

impl Default for LoopCosts {
    fn default() -> Self {
        LoopCosts {
            turn: Span::ZERO,
            wake: Span::ZERO,
            callback: Span::ZERO,
            step: Span::ZERO,
            task: Span::ZERO,
            timer: Span::ZERO,
            control: Span::ZERO,
            socket: Span::ZERO,
            thread: Span::ZERO,
            clock: Span::from_ns(1),
        }
    }
}

/// A version of CPython.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum Python {
    V3_8,
    V3_9,
    V3_10,
    V3_11,
    V3_12,
    V3_13,
    V3_14,
    V3_15,
}

impl Python {
    /// All, oldest first.
    pub const ALL: [Python; 8] = [
        Python::V3_8,
        Python::V3_9,
        Python::V3_10,
        Python::V3_11,
        Python::V3_12,
        Python::V3_13,
        Python::V3_14,
        Python::V3_15,
    ];
    /// The one that everything else is told apart from.
    pub const REFERENCE: Python = Python::V3_13;

    /// As people write it: `3.13`.
    pub fn label(self) -> &'static str {
        match self {
            Python::V3_8 => "3.8",
            Python::V3_9 => "3.9",
            Python::V3_10 => "3.10",
            Python::V3_11 => "3.11",
            Python::V3_12 => "3.12",
            Python::V3_13 => "3.13",
            Python::V3_14 => "3.14",
            Python::V3_15 => "3.15",
        }
    }

    /// The version that is written so.
    pub fn named(label: &str) -> Option<Python> {
        Python::ALL.into_iter().find(|python| python.label() == label)
    }

    /// What its asyncio does.
    pub fn rules(self) -> Rules {
        Rules {
            semaphore: match self {
                Python::V3_8 => SemaphoreRule::Barging,
                Python::V3_9 => SemaphoreRule::Flagged,
                Python::V3_10 | Python::V3_11 | Python::V3_12 => SemaphoreRule::HandOver,
                Python::V3_13 | Python::V3_14 | Python::V3_15 => SemaphoreRule::HandOverToAll,
            },
            wait_for: match self {
                Python::V3_8 => WaitForRule::TaskThatMustTimeOut,
                Python::V3_9 | Python::V3_10 | Python::V3_11 => WaitForRule::Task,
                Python::V3_12 | Python::V3_13 | Python::V3_14 | Python::V3_15 => WaitForRule::Inline,
            },
            gather_counts_done: self >= Python::V3_12,
            uncancel_forgets: self >= Python::V3_13,
            group_keeps_cancellation: self >= Python::V3_13,
            group_counts_done: matches!(self, Python::V3_12 | Python::V3_13),
            condition_passes_on: self >= Python::V3_13,
            recv_knows_its_reader: self >= Python::V3_9,
        }
    }
}

impl fmt::Display for Python {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// What a version's asyncio does where versions differ.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// Who gets a token (`locks.py:Semaphore`).
    pub semaphore: SemaphoreRule,
    /// How a limit is put around what is awaited (`tasks.py:wait_for`).
    pub wait_for: WaitForRule,
    /// Whether `gather` counts members that are done already at once, not through their callbacks (`tasks.py:gather`).
    pub gather_counts_done: bool,
    /// Whether the last `uncancel` takes back a cancellation that has not struck (`tasks.py:Task.uncancel`).
    pub uncancel_forgets: bool,
    /// Whether a cancellation from outside outlives a failing group (`taskgroups.py:__aexit__`).
    pub group_keeps_cancellation: bool,
    /// Whether a group counts a task that was done when it was made at once, not through its callback (`taskgroups.py:create_task`).
    pub group_counts_done: bool,
    /// Whether a waiter that leaves a condition by an error wakes another (`locks.py:Condition.wait`).
    pub condition_passes_on: bool,
    /// Whether `sock_recv` takes back only its own reader (`selector_events.py:_sock_read_done`).
    pub recv_knows_its_reader: bool,
}

/// Who gets a token of a semaphore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SemaphoreRule {
    /// Whoever comes first takes it, and a waiter that finds none queues anew (3.8).
    Barging,
    /// Nobody takes one while a waiter is woken (3.9).
    Flagged,
    /// The first waiter, which wakes one more when it runs (3.10.8 to 3.12).
    HandOver,
    /// The first waiter, which wakes as many as there are tokens when it runs (3.13).
    HandOverToAll,
}

/// How `wait_for` limits a wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WaitForRule {
    /// In a task of its own, and once the time is up no result helps (3.8).
    TaskThatMustTimeOut,
    /// In a task of its own, whose result counts if it has one after all (3.9 to 3.11).
    Task,
    /// Where it stands, in a `timeout` block (3.12).
    Inline,
}
