//! Details: what a trace wants to know beyond what a record counts. They name entities by their ids.
//!
//! Ids of requests, tasks and calls are given out again; whoever watches must notice by [`Detail::Sent`] and its like.

use crate::kit::id::{CallId, CoreId, HostId, HubId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::Time;
use crate::program::request::{Request, Why};
use crate::program::wait::{Ending, StepOf, Wait};

/// Something that happened to an entity.
#[derive(Clone, Copy, Debug)]
pub enum Detail {
    /// A request leaves its client.
    Sent {
        /// Which.
        request: RequestId,
        /// Index of its class.
        class: u16,
        /// How many requests its sender sent before.
        attempt: u16,
        /// Why it was sent.
        why: Why,
        /// When its sender asked.
        born: Time,
    },
    /// A request goes on under another id, as a proxy's next attempt.
    Moved {
        /// Under which it was known.
        request: RequestId,
        /// Under which it goes on.
        to: RequestId,
    },
    /// A request is over for its sender.
    Ended {
        /// Which.
        request: RequestId,
        /// How.
        ending: Ending,
    },
    /// A request's account changes.
    Turned {
        /// Whose.
        request: RequestId,
        /// From when on; maybe before now, but not before the last change.
        at: Time,
        /// What it does from then on.
        to: Wait,
        /// The step that it is at, if it is at one.
        step: StepOf,
    },
    /// What a request has just begun to wait for has a better name.
    Named {
        /// Whose.
        request: RequestId,
        /// The name.
        wait: Wait,
    },
    /// A connection is in an accept queue.
    Queued {
        /// Whose queue.
        listener: u32,
        /// Its request.
        request: RequestId,
    },
    /// It is not any longer.
    Unqueued {
        /// Whose queue.
        listener: u32,
        /// Its request.
        request: RequestId,
    },
    /// A request is a process's from now on: its connection is accepted, or has been kept.
    Given {
        /// Which.
        request: RequestId,
        /// Whose.
        process: ProcessId,
    },
    /// What a process does about connections changes.
    Door {
        /// Which.
        process: ProcessId,
        /// How.
        state: DoorState,
    },
    /// A thread that accepts for itself looks for its next connection.
    Looks {
        /// Which.
        thread: ThreadId,
    },
    /// A thread or greenlet takes a request.
    Begun {
        /// Which.
        request: RequestId,
        /// Its task.
        task: TaskId,
        /// The thread that carries it.
        thread: ThreadId,
        /// Its hub; none on a bare thread.
        hub: HubId,
        /// Its process.
        process: ProcessId,
    },
    /// A task is done with its request.
    Finished {
        /// Which.
        task: TaskId,
    },
    /// A thread does something else from now on.
    Thread {
        /// Which.
        thread: ThreadId,
        /// On which host.
        host: HostId,
        /// What.
        doing: Doing,
    },
    /// Another thread is on a core from now on, or none.
    Core {
        /// Which.
        core: CoreId,
        /// Who.
        thread: ThreadId,
    },
    /// Another thread holds a GIL from now on, or none.
    Gil {
        /// Whose.
        process: ProcessId,
        /// Who.
        thread: ThreadId,
    },
    /// A loop comes to its next phase.
    Phase {
        /// Whose.
        hub: HubId,
        /// Which.
        phase: LoopPhase,
        /// The hub's own time.
        now: Time,
        /// Callbacks and watchers that wait for their turn.
        waiting: u32,
    },
    /// A hub switches into a greenlet.
    Switched {
        /// Which.
        greenlet: Greenlet,
        /// Since when it was ready, by the hub's own time.
        ready: Time,
        /// That time now.
        now: Time,
        /// Callbacks and watchers that wait for their turn.
        waiting: u32,
    },
    /// A request takes a unit of a lock or pool, or gives it back.
    Unit {
        /// In which process.
        process: ProcessId,
        /// Of what.
        sync: u16,
        /// Who.
        request: RequestId,
        /// Whether it has it now.
        taken: bool,
    },
    /// A call leaves for a peer.
    Called {
        /// Which.
        call: CallId,
        /// Index of the peer.
        peer: u16,
        /// For which request.
        request: RequestId,
        /// When.
        at: Time,
    },
    /// A call is over for its caller.
    Replied {
        /// Which.
        call: CallId,
        /// Whether it failed.
        failed: bool,
    },
    /// A process is gone, with all that it had in memory.
    Died {
        /// Which.
        process: ProcessId,
        /// Its hub, if it has one.
        hub: Option<HubId>,
    },
}

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doing {
    /// It waits for something, off the cores.
    Waiting,
    /// It waits for the GIL.
    WaitingGil,
    /// It waits for a core.
    Runnable,
    /// It is on a core.
    Running,
    /// It is on a core that stands still under a CPU limit.
    Throttled,
}

/// What a process does about connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DoorState {
    /// It has room for another one (hubs, pool servers).
    Room,
    /// It has none.
    Full,
    /// The thread that accepts waits for a client to close.
    Closing,
    /// It is up, and accepts.
    Up,
    /// It is to be replaced, and accepts no more.
    Stopping,
    /// It is being started.
    Booting,
    /// It is dead, and its master has yet to start another.
    Gone,
}

/// What a loop is at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoopPhase {
    /// A batch of callbacks.
    Callbacks,
    /// Telling epoll what changed, and the poll.
    Poll,
    /// Watchers: sockets that are ready and timers that are due.
    Watchers,
}

/// Who runs on a hub.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Greenlet {
    /// On which.
    pub hub: HubId,
    /// Its task.
    pub task: TaskId,
    /// What it serves; none if it serves nobody.
    pub request: RequestId,
    /// Its program.
    pub program: u16,
    /// Whether it is one of several that work for the request side by side.
    pub branch: bool,
}

impl Detail {
    /// A request leaves its client.
    #[inline(always)]
    pub(crate) fn sent(id: RequestId, request: &Request) -> Detail {
        let (class, attempt, why, born) = (request.class(), request.attempt(), request.why(), request.born());
        Detail::Sent { request: id, class, attempt, why, born }
    }

    /// A request's account changes at no step of its program.
    #[inline(always)]
    pub(crate) fn turned(request: RequestId, at: Time, to: Wait) -> Detail {
        Detail::Turned { request, at, to, step: StepOf { program: 0, pc: None } }
    }
}
