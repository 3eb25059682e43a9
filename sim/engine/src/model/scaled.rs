//! The same work on a machine that needs so many per cent of the time for it.

use super::Costs;
use crate::kit::time::Span;
use crate::model::worker::RouterCosts;

impl Costs {
    /// What a server's own work costs there; rounded down.
    #[must_use]
    pub fn scaled(self, percent: u64) -> Costs {
        let of = |cost: Span| cost * percent / 100;
        Costs {
            accept: of(self.accept),
            request: of(self.request),
            respond: of(self.respond),
            handoff: of(self.handoff),
            take: of(self.take),
            close: of(self.close),
            switch: of(self.switch),
            spawn: of(self.spawn),
            timer: of(self.timer),
            socket: of(self.socket),
            poll: of(self.poll),
            wake: of(self.wake),
            clock: of(self.clock),
            look: of(self.look),
            search: of(self.search),
            expire: of(self.expire),
            create: of(self.create),
            start: of(self.start),
        }
    }
}

impl RouterCosts {
    /// What a router's work costs there; rounded down.
    #[must_use]
    pub fn scaled(self, percent: u64) -> RouterCosts {
        let of = |cost: Span| cost * percent / 100;
        RouterCosts {
            poll: of(self.poll),
            accept: of(self.accept),
            connect: of(self.connect),
            forward: of(self.forward),
            answer: of(self.answer),
            close: of(self.close),
        }
    }
}
