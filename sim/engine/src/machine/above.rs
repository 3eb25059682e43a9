//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::{TaskId, ThreadId};
use crate::machine::Demand;

/// What carriers answer.
pub(crate) trait CarrierForMachine {
    /// The task that a thread works on now: its own, or that of the greenlet that runs.
    fn current_task(&self, thread: ThreadId) -> TaskId;

    /// What a thread wants from the machine now: the one question that it asks of all carriers.
    fn next_demand(&mut self, thread: ThreadId) -> Demand;
}

/// What the GIL of a process allows.
pub(crate) trait GilForMachine {
    /// Whether a thread may run Python at once: it holds the GIL, or there is none.
    fn has_gil(&self, thread: ThreadId) -> bool;

    /// Takes the GIL for a running thread; false if it must wait, which is then arranged.
    fn take_gil(&mut self, thread: ThreadId) -> bool;
}
