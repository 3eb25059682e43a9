//! Steps that only tasks of an asyncio loop do: one op, `Op::Aio`, points into a program's table of these.
//!
//! They are apart from the ops so that an op stays eight bytes, and whoever runs requests never meets them. What all worlds have
//! (locks, queues, events, sockets, timeout blocks) are ops like any other; here is what `asyncio` has beside it: blocks that catch,
//! groups, limits around coroutines, and what waits for several.

use crate::kit::time::Span;
use crate::program::op::{Pc, Spawn};

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AioStep {
    /// Raise an error of this name.
    Raise(&'static str),
    /// Begin a block that catches.
    Try {
        /// Whether errors are caught, `CancelledError` included; if so the outcome is the error's name.
        catch: bool,
        /// The first op of the `finally` clause, if there is one.
        last: Option<Pc>,
        /// The first op after all of it.
        end: Pc,
    },
    /// Begin `async with asyncio.TaskGroup()`.
    Group {
        /// What the group is called.
        name: u16,
        /// The first op after the block.
        end: Pc,
    },
    /// Begin `asyncio.wait_for` around steps, as one coroutine.
    Limit {
        /// After how long.
        limit: Span,
        /// The first op after the block.
        end: Pc,
    },
    /// The end of the innermost of those blocks, or of its `finally` clause.
    Leave,
    /// `call_soon` or `call_later` of a callback that has a note traced.
    Call {
        /// What the trace says then.
        note: u16,
        /// After how long; `None`: soon.
        after: Option<Span>,
    },
    /// `create_task` in a group, or eagerly.
    Spawn {
        /// What, as an [`Op::Spawn`](super::op::Op::Spawn) would.
        spawn: Spawn,
        /// The group's name.
        group: Option<u16>,
        /// `eager_start=True`.
        eager: bool,
    },
    /// `Task.cancel`, of each in order. Outcome: that of the last.
    Cancel {
        /// Index into `Program::targets`.
        targets: u16,
    },
    /// Cancel a result. Outcome: whether it was pending.
    CancelResult {
        /// Index into `Model::syncs`.
        sync: u16,
    },
    /// Await one task.
    Await {
        /// Index into `Program::targets`.
        targets: u16,
    },
    /// Await `asyncio.shield` of one task.
    Shield {
        /// Index into `Program::targets`.
        targets: u16,
    },
    /// Await `asyncio.gather` of tasks.
    Gather {
        /// Index into `Program::targets`.
        targets: u16,
        /// `return_exceptions=True`.
        exceptions: bool,
    },
    /// `asyncio.wait` for tasks.
    Wait {
        /// Index into `Program::targets`.
        targets: u16,
        /// Longest wait.
        limit: Option<Span>,
        /// For how many.
        until: Until,
    },
    /// Go through `asyncio.as_completed` of tasks and have a note traced for each.
    Completed {
        /// Index into `Program::targets`.
        targets: u16,
        /// What the trace says then.
        note: u16,
        /// Longest wait for all.
        limit: Option<Span>,
    },
    /// `set_exception` of a result. Outcome: none, or false if it is done.
    Fail {
        /// Index into `Model::syncs`.
        sync: u16,
        /// The error's name.
        error: &'static str,
    },
    /// `sock_recv` at an end of a pair, or `StreamReader.read` at one of a stream. Outcome: how many bytes, or `timeout`.
    Receive {
        /// Index into `Model::syncs`.
        sync: u16,
        /// The end: 0 or 1.
        end: u8,
        /// At most so many.
        bytes: u32,
        /// Longest wait.
        limit: Option<Span>,
    },
    /// `sock_recv` of a remote peer's answer.
    Answer {
        /// Index into `Model::syncs`.
        sync: u16,
        /// Longest wait.
        limit: Option<Span>,
    },
    /// `add_reader` of a callback that reads and has a note traced.
    Watch {
        /// Index into `Model::syncs` of the pair.
        sync: u16,
        /// The end: 0 or 1.
        end: u8,
        /// What the trace says for each read.
        note: u16,
        /// At most so many bytes a read.
        bytes: u32,
    },
    /// `remove_reader`. Outcome: whether there was one.
    Unwatch {
        /// Index into `Model::syncs` of the pair.
        sync: u16,
        /// The end: 0 or 1.
        end: u8,
    },
    /// `Queue.shutdown`.
    Shutdown {
        /// Index into `Model::syncs`.
        sync: u16,
        /// `immediate=True`.
        immediate: bool,
    },
}

/// What `asyncio.wait` waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Until {
    /// `ALL_COMPLETED`.
    #[default]
    All,
    /// `FIRST_COMPLETED`.
    First,
    /// `FIRST_EXCEPTION`.
    Error,
}
