//! The program that sends requests has one core, and a request costs it CPU time too.
//!
//! Half of that goes into connecting and sending, over a kept connection too, and half into reading the response. A load generator
//! that is busy sees a response late: its latency and, with closed clients, its next request are late by as much. People have a
//! computer each; their cost is zero.
//! Clients that waited for the first response of all connect one after the other, each after half of that cost.

use crate::id::RequestId;
use crate::law::Law;
use crate::probe::Probe;
use crate::request::Stage;
use crate::rng::mix;
use crate::time::Span;
use crate::world::{Event, World};

/// Tells the two draws of a request apart.
const CONNECTING: u64 = 0x636f_6e6e;
const READING: u64 = 0x7265_6164;

impl<P: Probe> World<'_, P> {
    /// The first response of a group is there: the clients that waited for it begin.
    pub(crate) fn send_held(&mut self, index: usize) {
        for turn in 1..=std::mem::take(&mut self.clients[index].held) {
            let pause = self.turn_of(index, turn);
            self.send_next(index, pause);
        }
    }

    /// When a client begins whose turn comes after so many others that begin at one time.
    pub(crate) fn turn_of(&self, index: usize, turn: u32) -> Span {
        let median = |law: &Law| law.quantile(0.5) / 2;
        self.model.clients[index].cost.as_ref().map_or(Span::ZERO, median) * u64::from(turn)
    }

    /// Whether the sender must still work on the response; if so, it has seen it when that is done.
    pub(crate) fn reads_later(&mut self, id: RequestId) -> bool {
        let request = &mut self.requests[id];
        let index = usize::from(request.client);
        if self.model.clients[index].cost.is_none() || request.stage == Stage::Read || request.ending.is_some() {
            return false;
        }
        request.stage = Stage::Read;
        let key = mix(request.key, READING);
        let done = self.now + self.busy_for(index, key);
        self.queue.push(done, Event::Response(id));
        true
    }

    /// How long until the sender's core has connected for a request.
    pub(crate) fn connects_after(&mut self, id: RequestId) -> Span {
        let request = &self.requests[id];
        let index = usize::from(request.client);
        if self.model.clients[index].cost.is_none() {
            return Span::ZERO;
        }
        self.busy_for(index, mix(request.key, CONNECTING))
    }

    /// How long the sender's core needs until it has done half of a request's work, after what it has to do already.
    fn busy_for(&mut self, index: usize, bits: u64) -> Span {
        let Some(law) = &self.model.clients[index].cost else { return Span::ZERO };
        let half = law.sample(bits) / 2;
        let busy_until = &mut self.clients[index].busy_until;
        *busy_until = (*busy_until).max(self.now) + half;
        *busy_until - self.now
    }
}
