//! The program that sends requests has one core, and a request costs it CPU time too.
//!
//! Half of that goes into connecting and half into reading the response. A load generator that is busy sees a response late: its
//! latency and, with closed clients, its next request are late by as much. People have a computer each; their cost is zero.
//! Clients that waited for the first response of all connect one after the other, each after half of that cost.

use crate::id::RequestId;
use crate::probe::Probe;
use crate::request::Stage;
use crate::time::Span;
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
        let done = self.now + self.busy_with(index);
        self.queue.push(done, Event::Response(id));
        true
    }

    /// How long the sender's core needs until it has done half of a request's work: connecting, or reading the response.
    pub(crate) fn busy_with(&mut self, index: usize) -> Span {
        let half = self.model.clients[index].cost / 2;
        if half.is_zero() {
            return Span::ZERO;
        }
        let busy_until = &mut self.clients[index].busy_until;
        *busy_until = (*busy_until).max(self.now) + half;
        *busy_until - self.now
    }
}
