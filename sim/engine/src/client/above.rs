//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::{RequestId, TaskId};
use crate::kit::time::Span;
use crate::program::wait::Ending;

/// Programs that send from cores of their own.
pub(crate) trait SenderForClient {
    /// So many clients begin one after the other: their program connects for all of them before it polls.
    fn polls_after(&mut self, index: usize, turns: u32);

    /// The first response of a group is there: the clients that waited for it begin.
    fn send_held(&mut self, index: usize);

    /// When a client begins whose turn comes after so many others that begin at one time.
    fn turn_of(&self, index: usize, turn: u32) -> Span;
}

/// Clients that live on the hubs of the servers.
pub(crate) trait ResidentsForClient {
    /// Starts a greenlet for each client of a group, on one hub after the other.
    fn settle_residents(&mut self, index: usize, clients: u32);
}

/// What stands in front of the servers.
pub(crate) trait FrontForClient {
    /// What came of a check.
    fn check_ended(&mut self, id: RequestId, good: bool);

    /// The proxy does not wait for a server any longer.
    fn proxy_waited(&mut self, id: RequestId);
}

/// The way to the servers.
pub(crate) trait NetForClient {
    /// A request is born, which has no connection yet.
    fn is_born(&mut self, id: RequestId);

    /// A request has ended for its sender, whose side of the connection ends so.
    fn sender_is_done(&mut self, id: RequestId, ending: Ending);

    /// Both ends have forgotten the connection of a request.
    fn both_are_done(&mut self, id: RequestId);

    /// A client sends a request: over a connection that it has, to the proxy, or to the server that the balancer chooses.
    fn connect(&mut self, id: RequestId);

    /// A SYN that was dropped is under way again, or nobody waits for it any longer.
    fn retry_is_over(&mut self, id: RequestId);

    /// The reader has left: its writer fails at once and goes on.
    fn reader_leaves(&mut self, id: RequestId);
}

/// What runs Python.
pub(crate) trait TasksForClient {
    /// Marks a task's request as failed, and the task as on its way out, unless it is already.
    fn call_fails(&mut self, task: TaskId);
}
