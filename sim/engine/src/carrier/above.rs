//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::{HostId, ProcessId, ThreadId};
use crate::kit::time::Span;
use crate::machine::Demand;

/// The lives of processes.
pub(crate) trait LifeForCarrier {
    /// A process comes into being that serves nobody: it has a socket and does a worker's kind of work.
    fn add_process(&mut self, host: HostId, socket: usize, worker: usize) -> ProcessId;

    /// A main loop came round: it says that it is alive if it did not within `every`.
    fn beat(&mut self, id: ProcessId, every: Span);

    /// What a new process does before it serves; `None` once it is up.
    fn boot_demand(&mut self, thread: ThreadId) -> Option<Demand>;

    /// The main loop of a process finds that it has served all that it shall.
    fn tick_finds_it_spent(&mut self, id: ProcessId);

    /// Whether a process accepts no more.
    fn is_stopping(&self, id: ProcessId) -> bool;
}

/// How a process starts its threads.
pub(crate) trait StartupForCarrier {
    /// A main thread has created a thread, and creates the next.
    fn creates_another(&mut self, main: ThreadId) -> Demand;
}
