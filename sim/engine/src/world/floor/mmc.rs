//! The floor under M/M/c: customers take one of so many servers, first come first served, and leave.

use std::collections::VecDeque;

use super::{Floor, Ground};
use crate::kit::id::RequestId;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::Span;
use crate::model::Model;
use crate::program::request::Stage;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe};

#[derive(Clone, Copy)]
enum Event {
    Arrives,
    Leaves(RequestId),
}

fn code(event: Event) -> u64 {
    match event {
        Event::Arrives => 0,
        Event::Leaves(id) => (1 << 32) | id.index() as u64,
    }
}

/// A run of M/M/c by hand: the model's one class of its one group of Poisson clients, at its slots. It serves the same customers after
/// the same waits as the engine.
///
/// # Panics
/// If the model has other clients, or no length.
pub fn mmc(model: &Model, seed: Seed, replication: Replication) -> Floor {
    let mut ground = Ground::new(model, seed, replication);
    let mut free = model.slots();
    let mut waiting: VecDeque<RequestId> = VecDeque::new();
    ground.schedule(Event::Arrives);
    while let Some(event) = ground.next(code) {
        match event {
            Event::Arrives => {
                let id = ground.birth(Stage::Queued);
                ground.requests[id].turn(ground.now, Wait::Backlog);
                ground.probe.on(ground.now, Fact::Gauge(Gauge::Queued, 1));
                waiting.push_back(id);
                ground.schedule(Event::Arrives);
            }
            Event::Leaves(id) => {
                free += 1;
                ground.answer(id);
                ground.end(id, Ending::Ok);
                ground.forget(id);
            }
        }
        if free > 0
            && let Some(id) = waiting.pop_front()
        {
            free -= 1;
            ground.begin(id, Wait::Timer);
            let span = Span::from_ns(ground.fates.row_from(ground.requests[id].fate())[0]);
            ground.events.push(ground.now + span, Event::Leaves(id));
        }
    }
    ground.finish()
}
