//! The program that sends requests has one core, and a request costs it CPU time too.
//!
//! A load generator that is busy sees a response late: its latency and, with closed clients, its next request are late by as
//! much. People have a computer each; their cost is zero.
//! Clients that waited for the first response of all connect one after the other, each after half of that cost.

use crate::id::RequestId;
use crate::probe::Probe;
use crate::request::Stage;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// The first response of a group is there: the clients that waited for it begin.
    pub(crate) fn send_held(&mut self, index: usize) {
        let cost = self.model.clients[index].cost;
        for turn in 1..=u64::from(std::mem::take(&mut self.clients[index].held)) {
            self.send_next(index, cost * turn / 2);
        }
    }

    /// Whether the sender must still work on the response; if so, it has seen it when that is done.
    pub(crate) fn reads_later(&mut self, id: RequestId) -> bool {
        let request = &mut self.requests[id];
        let index = usize::from(request.client);
        let cost = self.model.clients[index].cost;
        if cost.is_zero() || request.stage == Stage::Read || request.ending.is_some() {
            return false;
        }
        request.stage = Stage::Read;
        let busy_until = &mut self.clients[index].busy_until;
        *busy_until = (*busy_until).max(self.now) + cost;
        self.queue.push(*busy_until, Event::Response(id));
        true
    }
}
