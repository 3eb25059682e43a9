//! Descriptors: how many files a process may have open (`RLIMIT_NOFILE`, `ulimit -n`).
//!
//! Connections and calls to peers count, and a few of the process's own. At the limit `accept` and `socket` fail with EMFILE.
//! `accept` looks for a descriptor before it looks at the queue (`__sys_accept4_file`), so the connection stays there.
//! What a server does then: gevent's own servers stop watching the listener and try again after 10 ms, twice as long each time, 1 s at
//! most (gevent 26.9, `baseserver.py`, `min_delay`, `max_delay`); uWSGI and socketserver report it and go on with their loop, which
//! spins, for the listener stays readable; gunicorn's sync and gthread workers do not catch it and end (27.0, `sync.py`, `gthread.py`:
//! all but EAGAIN, ECONNABORTED and EWOULDBLOCK is raised), and the arbiter starts others. A call fails at once.

use super::Net;
use crate::kit::id::{HubId, ProcessId, ThreadId};
use crate::kit::time::Span;
use crate::machine::Demand;
use crate::net::above::LifeForNet;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

/// What a process has open before it serves anything: three standard streams, the listening socket, epoll, a pipe or two, a log.
/// Estimated.
const OWN: u32 = 10;
/// What a failed accept costs at least, so that a loop around it lets time pass: one system call.
pub(crate) const FAILED_ACCEPT: Span = Span::from_us(1);

/// How a hub waits after an accept that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    /// How long the next wait will be.
    delay: Span,
    /// Whether it waits now.
    waits: bool,
}

impl BackOff {
    /// gevent 26.9, `baseserver.py`, `min_delay`.
    const FIRST: Span = Span::from_ms(10);
    /// gevent 26.9, `baseserver.py`, `max_delay`.
    const LONGEST: Span = Span::from_secs(1);
}

impl Default for BackOff {
    fn default() -> BackOff {
        BackOff { delay: BackOff::FIRST, waits: false }
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether there is a connection to accept, and no descriptor for it.
    pub(crate) fn accept_fails(&mut self, process: ProcessId) -> bool {
        let Some(limit) = self.model.kernel.descriptors else { return false };
        let listener = self.processes[process].socket();
        let fails =
            !self.net.listeners[listener].queue.is_empty() && self.net.descriptors[process.index()] + OWN >= limit;
        self.net.counts.descriptor_failures += u64::from(fails);
        fails
    }

    /// A connection or a call is closed.
    pub(crate) fn give_descriptor(&mut self, process: ProcessId) {
        self.net.descriptors[process.index()] -= 1;
    }

    /// Takes a descriptor for a call; false if there is none.
    pub(super) fn take_descriptor(&mut self, process: ProcessId) -> bool {
        let limit = self.model.kernel.descriptors.unwrap_or(u32::MAX);
        let open = &mut self.net.descriptors[process.index()];
        let free = *open + OWN < limit;
        *open += u32::from(free);
        self.net.counts.descriptor_failures += u64::from(!free);
        free
    }

    /// A thread reports that it could not accept, and tries again or takes its process with it.
    #[cold]
    #[inline(never)]
    pub(crate) fn accept_again(&mut self, thread: ThreadId) -> Demand {
        if self.dies_of_emfile(self.threads[thread].process()) {
            return Demand::Wait;
        }
        let state = &mut self.threads[thread];
        let costs = &self.model.workers[self.processes[state.process()].worker()].costs;
        state.owe(costs.poll.max(FAILED_ACCEPT));
        Demand::PAY
    }

    /// A hub that could not accept leaves its listener alone for a while, from the time that its thread has come to.
    pub(crate) fn back_off(&mut self, hub: HubId, thread: ThreadId) {
        let now = self.now + self.threads[thread].owed();
        let state = &mut self.net.backoffs[hub.index()];
        state.waits = true;
        self.queue.push(now + state.delay, Event::AcceptAgain(hub));
        state.delay = (state.delay * 2).min(BackOff::LONGEST);
    }
}

impl Net {
    /// A hub that could not accept has waited long enough.
    pub(crate) fn backed_off(&mut self, hub: HubId) {
        self.backoffs[hub.index()].waits = false;
    }

    /// Whether a hub leaves its listener alone for a while.
    #[inline(always)]
    pub(crate) fn backs_off(&self, hub: HubId) -> bool {
        self.backoffs[hub.index()].waits
    }

    /// A hub has accepted: the next time that it cannot, it waits as briefly as the first time.
    #[inline(always)]
    pub(crate) fn has_accepted(&mut self, hub: HubId) {
        self.backoffs[hub.index()].delay = BackOff::FIRST;
    }
}
