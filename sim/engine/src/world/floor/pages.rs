//! The floor under a page that computes and calls in turn, where nobody waits for a slot, a core or a lock.
//!
//! Of events it has those that must happen: a request comes, its SYN arrives, the handshake ends, each piece of its work is done, each
//! reply comes, the response arrives, its sender loses patience.

use super::{Floor, Ground};
use crate::client::Site;
use crate::kit::id::RequestId;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::model::Model;
use crate::program::op::{DrawKind, Op, Pc};
use crate::program::request::Stage;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe};

#[derive(Clone, Copy)]
enum Event {
    Arrives,
    Syn(RequestId),
    Established(RequestId),
    Ran(RequestId),
    Reply(RequestId),
    Response(RequestId),
    Limit(RequestId),
}

fn code(event: Event) -> u64 {
    let (kind, id) = match event {
        Event::Arrives => return 0,
        Event::Syn(id) => (1, id),
        Event::Established(id) => (2, id),
        Event::Ran(id) => (3, id),
        Event::Reply(id) => (4, id),
        Event::Response(id) => (5, id),
        Event::Limit(id) => (6, id),
    };
    (kind << 32) | id.index() as u64
}

/// A run of a model whose one class burns for constant times and calls peers in turn, without contention and without refreshes.
///
/// # Panics
/// If the model has other clients, other steps or no length.
pub fn pages(model: &Model, seed: Seed, replication: Replication) -> Floor {
    let mut pages = Pages { model, ground: Ground::new(model, seed, replication) };
    pages.ground.schedule(Event::Arrives);
    while let Some(event) = pages.ground.next(code) {
        pages.step(event);
    }
    pages.ground.finish()
}

struct Pages<'m> {
    model: &'m Model,
    ground: Ground<'m, Event>,
}

impl Pages<'_> {
    fn step(&mut self, event: Event) {
        match event {
            Event::Arrives => self.arrives(),
            Event::Syn(id) => self.after(self.model.clients[0].network * 2, Event::Established(id)),
            Event::Established(id) => self.established(id),
            Event::Ran(id) => self.ran(id),
            Event::Reply(id) => {
                let ground = &mut self.ground;
                ground.requests[id].turn_from_step(ground.now, Wait::Cpu, ground.now, &mut ground.probe);
                self.go_on(id);
            }
            Event::Response(id) => {
                if self.ground.requests[id].ending().is_none() {
                    self.ground.end(id, Ending::Ok);
                }
                self.ground.forget(id);
            }
            Event::Limit(id) => {
                let (now, request) = (self.ground.now, self.ground.requests.get(id));
                if request.is_some_and(|request| request.leaves_at() == now && request.ending().is_none()) {
                    self.ground.end(id, Ending::GaveUp);
                }
            }
        }
    }

    fn after(&mut self, span: Span, event: Event) {
        self.ground.events.push(self.ground.now + span, event);
    }

    fn arrives(&mut self) {
        let client = &self.model.clients[0];
        let row = self.ground.born;
        let id = self.ground.birth(Stage::Connecting);
        if let Some(patience) = &client.patience {
            let leaves_at = self.ground.now + patience.sample(self.ground.streams.bits(Site::Patience as usize, row));
            self.ground.requests[id].leave_at(leaves_at);
            if leaves_at != Time::NEVER {
                self.ground.events.push(leaves_at, Event::Limit(id));
            }
        }
        self.after(client.network, Event::Syn(id));
        self.ground.schedule(Event::Arrives);
    }

    fn established(&mut self, id: RequestId) {
        let ground = &mut self.ground;
        ground.requests[id].turn(ground.now, Wait::Backlog);
        ground.probe.on(ground.now, Fact::Gauge(Gauge::Queued, 1));
        ground.begin(id, Wait::Cpu);
        self.go_on(id);
    }

    /// A piece of work is done.
    fn ran(&mut self, id: RequestId) {
        let ground = &mut self.ground;
        ground.probe.on(ground.now, Fact::CoreBusy { from: ground.requests[id].since() });
        self.go_on(id);
    }

    /// To the next piece of work, the next call or the end.
    fn go_on(&mut self, id: RequestId) {
        let ground = &mut self.ground;
        let request = &mut ground.requests[id];
        let program = &self.model.programs[0];
        let at = request.op();
        let op = program.code[usize::from(at.0)];
        request.wait_at(Pc(at.0 + 1));
        match op {
            Op::Burn(draw) => {
                let DrawKind::Constant(span) = program.draws[usize::from(draw.0)] else { panic!("a constant burn") };
                self.after(span, Event::Ran(id));
            }
            Op::Call { peer, takes, .. } => {
                let DrawKind::Fate(column) = program.draws[usize::from(takes.0)] else { panic!("a call by fate") };
                request.turn(ground.now, Wait::Peer);
                let takes = Span::from_ns(ground.fates.row_from(request.fate())[usize::from(column)]);
                self.after(takes + self.model.peers[usize::from(peer)].network * 2, Event::Reply(id));
            }
            Op::End => {
                ground.answer(id);
                self.after(self.model.clients[0].network, Event::Response(id));
            }
            _ => panic!("pages burn and call"),
        }
    }
}
