//! A wait of a thread that polls; who looks and how often is in `carrier/threads/polled.rs`.

use crate::kit::time::{Span, Time};

/// A wait that polls, of one thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polls {
    pub(crate) until: Time,
    /// The last sleep.
    pub(crate) delay: Span,
    /// Whether there is something to see.
    pub(crate) notified: bool,
    /// Whether it is up and pays for a look.
    pub(crate) looks: bool,
}

impl Polls {
    /// What it waits for is there, or worth trying: it will see that at its next look.
    pub(crate) fn notify(&mut self) {
        self.notified = true;
    }
}
