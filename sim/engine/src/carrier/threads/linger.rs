//! A graceful close: the server ends its side of the connection and waits for the client to end its own.
//!
//! After gunicorn's `util.close_graceful` (26 and later; RFC 9112, section 9.6): shutdown, then receive until the client has closed,
//! for two seconds at most. The thread that does so is gone for as long as the client takes to read the response.

use crate::front::above::CarrierForFront;
use crate::kit::id::{RequestId, ThreadId};
use crate::kit::time::Span;
use crate::watch::probe::Probe;
use crate::world::World;

/// How long a server waits for a client to close (gunicorn `close_graceful`, `timeout`).
const LINGER_MAX: Span = Span::from_secs(2);

impl<P: Probe> World<'_, P> {
    /// The response of a request leaves; `thread` will wait for its client to close. False if that has closed already.
    #[inline(never)]
    pub(super) fn close_gracefully(&mut self, id: RequestId, thread: ThreadId) -> bool {
        let process = self.threads[thread].process();
        let waits = self.requests[id].ending().is_none();
        if waits {
            self.net.link_mut(id).is_awaited_by(thread);
            self.carriers.threads[thread].lingers_for = id;
            self.wake_at(thread, self.now + LINGER_MAX);
        }
        self.close(process, id);
        waits
    }
}

impl<P: Probe> CarrierForFront for World<'_, P> {
    #[inline]
    fn client_closes(&mut self, id: RequestId) {
        let thread = self.net.link_mut(id).sender_closes();
        // Unless it has waited for too long, or died, and does something else now.
        if thread.is_some() && self.carriers.threads[thread].lingers_for == id {
            self.carriers.threads[thread].lingers_for = RequestId::NONE;
            let heard = self.now + self.hop_network(id);
            self.wake_at(thread, heard);
        }
    }
}
