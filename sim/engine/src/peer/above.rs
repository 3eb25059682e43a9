//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::TaskId;
use crate::peer::Caller;

/// Whoever called.
pub(crate) trait CarrierForPeer {
    /// Something has happened that the carrier asked for itself; false if it is a task's call.
    fn hears(&mut self, caller: Caller) -> bool;

    /// A reply is there for a task that waits for it, and its request's account is turned.
    fn replied(&mut self, caller: Caller, task: TaskId);
}
