//! Health checks: a balancer asks every server from time to time whether it still answers.
//!
//! After HAProxy's `option httpchk` (`inter`, `fall`, `rise`, `timeout check`): a check is a request like any other, so it waits in
//! the same accept queue for the same threads as everybody else, and a server that is only full looks dead. `fall` bad ones in a row
//! take a server out, `rise` good ones bring it back; requests that it has already are served. Checks of several servers are spread
//! over the interval. They are not counted as requests.

use crate::kit::id::{ListenerId, RequestId};
use crate::kit::time::Span;
use crate::watch::probe::{Fact, Probe};
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// Schedules the first check of every server.
    pub(crate) fn start_checks(&mut self) {
        let Some(check) = self.model.balancer.check else { return };
        let count = self.servers() as u64;
        for at in 0..count {
            let offset = Span::from_ns(check.interval.as_ns() / count.max(1) * at);
            self.queue.push(self.now + offset, Event::Check(ListenerId::from_index(at as usize)));
        }
    }

    /// A server is asked whether it still answers.
    #[inline(never)]
    pub(crate) fn check_event(&mut self, listener: ListenerId) {
        let Some(check) = self.model.balancer.check else { return };
        let next = self.now + check.interval;
        if next < self.arrivals_end {
            self.queue.push(next, Event::Check(listener));
        }
        // The last client is the balancer itself.
        let id = self.new_check(self.clients.len() - 1);
        let arrives = self.now + self.hop_network(id);
        self.aim(id, listener.index());
        let request = &mut self.requests[id];
        request.begin_connecting();
        request.leave_at(self.now + check.timeout);
        self.queue.push(request.leaves_at(), Event::Limit(id));
        self.queue.push(arrives, Event::Syn(id));
    }

    /// What came of a check.
    #[cold]
    #[inline(never)]
    pub(crate) fn checked(&mut self, id: RequestId, good: bool) {
        let Some(check) = self.model.balancer.check else { return };
        let health = &mut self.balancer.health[usize::from(self.requests[id].listener())];
        if good != health.down {
            health.against = 0;
            return;
        }
        health.against += 1;
        let enough = if health.down { check.rise } else { check.fall };
        if health.against >= enough {
            (health.down, health.against) = (!health.down, 0);
            if health.down {
                self.probe.on(self.now, Fact::Ejected);
            }
        }
    }
}
