//! Outages: spans of time in which nobody listens.
//!
//! The listening sockets of a server are closed at the beginning, as a graceful stop does: connections that nobody has accepted are
//! reset (`inet_csk_listen_stop`), SYNs are refused, and what is inside is served to its end. At the end of it the server listens
//! again. A process that dies with what is inside is another matter: see [`World::reset_connection`].
//! A server whose threads the kernel does not start never listens at all.

use crate::kit::id::OutageId;
use crate::model::kernel::Outage;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// Schedules the beginnings of outages.
    pub(crate) fn schedule_outages(&mut self) {
        for (at, outage) in self.model.kernel.down.iter().enumerate() {
            self.queue.push(outage.from, Event::Outage(OutageId::from_index(at)));
        }
    }

    /// Whether nobody listens at a server now.
    pub(crate) fn is_down(&self, server: usize) -> bool {
        if self.net.unstarted.get(server).copied().unwrap_or(false) {
            return true;
        }
        let is_now = |outage: &Outage| outage.from <= self.now && self.now < outage.to;
        self.model.kernel.down.iter().any(|outage| is_now(outage) && concerns(outage, server))
    }

    /// An outage begins: accept queues are emptied.
    #[cold]
    #[inline(never)]
    pub(crate) fn outage_event(&mut self, id: OutageId) {
        let outage = &self.model.kernel.down[id.index()];
        let sockets = self.model.kernel.sockets.max(1) as usize;
        let targets = self.servers();
        for socket in 0..self.net.listeners.len() {
            let server = if let Some(router) = self.router_at(socket) {
                router.index()
            } else if socket < targets {
                socket
            } else {
                (socket - targets) / (sockets - 1)
            };
            if !concerns(outage, server) {
                continue;
            }
            self.reset_queue(socket);
        }
    }
}

fn concerns(outage: &Outage, server: usize) -> bool {
    outage.server.is_none_or(|only| only as usize == server)
}
