//! What this room asks of those above it: they do it, and the room does not know who they are.

use crate::kit::id::RequestId;

/// Whoever waits for a client to close.
pub(crate) trait CarrierForFront {
    /// A client closes its connection: whoever waits for that goes on once it has heard of it.
    fn client_closes(&mut self, id: RequestId);
}
