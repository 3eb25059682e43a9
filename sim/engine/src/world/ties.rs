//! Ties: what happens at one instant, in the order in which it was told to happen, or shuffled.
//!
//! The queue is first in, first out among equal times. Where two things have nothing to do with each other, that order is an accident
//! of the program, and no conclusion may rest on it: a run that shuffles, if its probe allows it, takes the next event by chance
//! among the entities that have one at this instant. What concerns one entity (one request, thread, core, call...) keeps its order.

use std::collections::VecDeque;

use crate::kit::rng::mix;
use crate::kit::time::Time;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

/// Events among which chance chooses, at most; the others of an instant wait behind them.
const CHOICE_MAX: usize = 64;

/// The events of an instant that have been taken from the queue and not yet happened.
#[derive(Debug, Default)]
pub(crate) struct Ties {
    held: VecDeque<Event>,
    /// Where chance is; none in a run that keeps its ties.
    state: Option<u64>,
}

impl<P: Probe> World<'_, P> {
    /// The next event.
    #[inline(always)]
    pub(super) fn next_event(&mut self) -> Option<(Time, Event)> {
        if P::SHUFFLES && self.ties.state.is_some() { self.next_by_chance() } else { self.queue.pop() }
    }

    /// Whether another event happens at this instant.
    #[inline(always)]
    pub(super) fn has_more_now(&self) -> bool {
        self.queue.has_more_now() || (P::SHUFFLES && !self.ties.held.is_empty())
    }

    /// Chance orders what happens at one instant from now on.
    pub(super) fn shuffle_ties(&mut self, from: u64) {
        self.ties.state = Some(from);
    }

    fn next_by_chance(&mut self) -> Option<(Time, Event)> {
        let at = match self.ties.held.is_empty() {
            true => {
                let (at, event) = self.queue.pop()?;
                self.ties.held.push_back(event);
                at
            }
            false => self.now,
        };
        while self.queue.has_more_now() {
            let (_, event) = self.queue.pop().expect("there is one");
            self.ties.held.push_back(event);
        }
        let Ties { held, state } = &mut self.ties;
        let chance = state.insert(mix(state.unwrap_or_default(), 1));
        let choice = held.len().min(CHOICE_MAX) as u64;
        let entity = held[(*chance % choice) as usize].entity();
        let first = held.iter().position(|event| event.entity() == entity).expect("it has an event");
        let event = held.remove(first).expect("it was found");
        Some((at, event))
    }
}

impl Event {
    /// Whose event it is: what it names, by kind and number.
    fn entity(self) -> (u8, usize) {
        match self {
            Event::Arrive(id) | Event::Silence(id) => (0, id.index()),
            Event::Send(id)
            | Event::Syn(id)
            | Event::NoRoute(id)
            | Event::Established(id)
            | Event::Response(id)
            | Event::Limit(id)
            | Event::Refusal(id)
            | Event::Retransmit(id)
            | Event::RelaySyn(id)
            | Event::Data(id)
            | Event::RelayLimit(id)
            | Event::Hedge(id)
            | Event::Again(id)
            | Event::AtProxy(id)
            | Event::Upstream(id) => (1, id.index()),
            Event::Core(id) => (2, id.index()),
            Event::Wake(id) => (3, id.index()),
            Event::Gil(id) | Event::Master(id) => (4, id.index()),
            Event::AtPeer(id) | Event::Served(id) | Event::Reply(id) => (5, id.index()),
            Event::Outage(id) => (6, id.index()),
            Event::AcceptAgain(id) => (7, id.index()),
            Event::Idle(id) => (8, id.index()),
            Event::Check(id) => (9, id.index()),
            Event::Period(id) | Event::Slack(id) => (10, id.index()),
        }
    }
}
