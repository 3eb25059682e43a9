//! A task: a 64-byte cursor into a program. A thread's job in one world, a greenlet in the other.
//!
//! A task knows where it is in its program and what it waits for; what it has cost its sender so far is in its
//! request (`request.rs`), so that a request's bill survives the task and a task without a request costs nothing more.

use crate::kit::id::{GreenId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::program::op::{Pc, Program};

/// A cursor into a program, with its loop counters.
#[derive(Clone, Debug)]
pub struct Task {
    /// When it became ready, while it is: how long a hub or GIL keeps it waiting is measured from here.
    pub ready_since: Time,
    /// CPU time that a yielding burn still has to do.
    pub piece: Span,
    /// When the limit of what it waits for passes; [`Time::NEVER`] without one.
    pub limit_at: Time,
    /// The request it serves.
    pub request: RequestId,
    /// The operating-system thread that carries it.
    pub thread: ThreadId,
    /// Who waits for it, if it is one run of a fan-out.
    pub parent: TaskId,
    /// Its greenlet, if it has more to it than a request's program: a name, links, timeout blocks.
    pub green: GreenId,
    /// Index of the timer, socket, call or linkable it waits for; what it means depends on `parked`.
    pub handle: u32,
    /// Index of the hub timer of its limit.
    pub limit_timer: u32,
    /// Loop counters.
    pub registers: [u32; Program::REGISTERS],
    /// Index of its program.
    pub program: u16,
    /// The next op.
    pub pc: Pc,
    /// What it waits for.
    pub parked: Parked,
    /// What it finds when it goes on.
    pub news: News,
    /// Whether it is on its way out after a failure, giving back what it holds.
    pub unwinding: bool,
}

const _: () = assert!(size_of::<Task>() == 64);

/// What a task waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parked {
    /// Nothing: it runs or could run.
    No,
    /// A sleep.
    Timer,
    /// The pause of a resident client before its next request.
    Thinking,
    /// A peer's reply.
    Peer,
    /// A unit of a lock or pool.
    Unit,
    /// Its turn, after `sleep(0)`.
    Turn,
    /// An event or result, or a unit that it will not take.
    Readiness,
    /// Nothing else being left to do.
    Idle,
    /// An item.
    Item,
    /// Room for an item.
    Room,
    /// Data on a socket.
    Data,
    /// The death of a greenlet.
    Death,
    /// The deaths of several.
    Deaths,
    /// Those whom it kills to be thrown into.
    Kill,
    /// The runs of a fan-out; `handle` counts those that are not done.
    Children,
}

/// What a task finds when it goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum News {
    /// It was just begun: the server's own Python comes first.
    Begun,
    /// Nothing special: what it waited for is there, or worth trying again.
    None,
    /// A unit was handed to it.
    Granted,
    /// Its limit passed, or the call failed: the request fails.
    Failed,
}

impl Task {
    /// A task at the first op of a program.
    pub fn new(request: RequestId, thread: ThreadId, program: u16) -> Task {
        Task {
            ready_since: Time::ZERO,
            piece: Span::ZERO,
            limit_at: Time::NEVER,
            request,
            thread,
            parent: TaskId::NONE,
            green: GreenId::NONE,
            handle: u32::MAX,
            limit_timer: u32::MAX,
            registers: [0; Program::REGISTERS],
            program,
            pc: Pc(0),
            parked: Parked::No,
            news: News::Begun,
            unwinding: false,
        }
    }
}
