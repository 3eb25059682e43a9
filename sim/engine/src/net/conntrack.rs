//! The firewall's table of connections.
//!
//! After Linux's `nf_conntrack` (`nf_conntrack_core.c`, `nf_conntrack_proto_tcp.c`). A SYN of a connection that the table does not know
//! needs an entry; with `nf_conntrack_max` of them it is dropped ("table full, dropping packet") and its client repeats it. The entry
//! outlives its connection by 120 s (`nf_conntrack_tcp_timeout_time_wait`), whoever closed it, so 32,768 entries are 273 connections
//! a second. An entry of a connection that was refused or reset is free at once (Linux: after 10 s).
//! Left out: early drop of entries without an answer, and the host's own connections to peers.

use super::Net;
use crate::kit::id::RequestId;
use crate::kit::time::Time;
use crate::model::Model;
use crate::program::wait::Ending;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// Finds or makes the entry of a connection; false if the table is full.
    pub(super) fn track(&mut self, id: RequestId) -> bool {
        let Some(conntrack) = &self.model.kernel.conntrack else { return true };
        let (link, request) = (&mut self.net.links[id], &self.requests[id]);
        if link.tracked {
            return true;
        }
        let host = self.model.listeners[usize::from(request.listener())].host as usize;
        let places = &mut self.net.tracked[host];
        link.tracked = places.take(conntrack.max, self.now);
        self.net.counts.conntrack_peak = self.net.counts.conntrack_peak.max(places.taken());
        link.tracked
    }
}

impl Net {
    /// Lets the entry of a connection go, which both ends have forgotten.
    pub(super) fn untrack(&mut self, model: &Model, id: RequestId, listener: u16, now: Time) {
        let link = &mut self.links[id];
        if std::mem::take(&mut link.tracked) {
            let broken = matches!(link.verdict, Some(Ending::Refused | Ending::Reset));
            self.let_go(model, listener, broken, now);
        }
    }

    /// Lets an entry of a server go; at once if its connection broke.
    pub(crate) fn let_go(&mut self, model: &Model, listener: u16, broken: bool, now: Time) {
        let Some(conntrack) = &model.kernel.conntrack else { return };
        let host = model.listeners[usize::from(listener)].host as usize;
        self.tracked[host].give((!broken).then(|| now + conntrack.time_wait), u32::MAX, now);
    }
}
