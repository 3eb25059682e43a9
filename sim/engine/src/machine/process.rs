//! A server process as the machine sees it: where it runs, whose work it does, and when it last did what.

use crate::kit::id::HostId;
use crate::kit::time::{Span, Time};
use crate::machine::warmth::Warmth;

/// One process at run time; what it shares, whom it serves and how long it lives is kept elsewhere.
#[derive(Debug)]
pub(crate) struct Process {
    host: HostId,
    /// Index of the socket that it accepts from.
    socket: usize,
    /// Index of its worker in the model.
    worker: usize,
    /// CPU time so far, warm-up included.
    pub(super) cpu: Span,
    /// When one of its threads last left a core.
    pub(super) left_at: Time,
    /// Requests begun since the window began.
    begun: u64,
    /// When it last did each part of its work.
    pub(super) warmth: Warmth,
}

impl Process {
    /// A process before anything happens, of this worker and at this socket.
    pub(crate) fn new(host: HostId, socket: usize, worker: usize) -> Process {
        Process { host, socket, worker, cpu: Span::ZERO, left_at: Time::ZERO, begun: 0, warmth: Warmth::default() }
    }

    /// Where it runs.
    #[inline(always)]
    pub(crate) fn host(&self) -> HostId {
        self.host
    }

    /// Index of the socket that it accepts from.
    #[inline(always)]
    pub(crate) fn socket(&self) -> usize {
        self.socket
    }

    /// Index of its worker in the model.
    #[inline(always)]
    pub(crate) fn worker(&self) -> usize {
        self.worker
    }

    /// CPU time so far, without what its threads that are on cores have done since they came there.
    pub(crate) fn cpu(&self) -> Span {
        self.cpu
    }

    /// Requests begun since the window began.
    pub(crate) fn begun(&self) -> u64 {
        self.begun
    }

    /// It begins a request.
    #[inline(always)]
    pub(crate) fn begins_request(&mut self) {
        self.begun += 1;
    }

    /// The window begins.
    pub(crate) fn begin_counting(&mut self) {
        self.begun = 0;
    }

    /// Another takes its place, whose caches are cold.
    pub(crate) fn goes_cold(&mut self) {
        self.warmth = Warmth::default();
    }
}
