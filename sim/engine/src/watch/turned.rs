//! Accounts of requests that change while somebody looks.

use crate::kit::time::Time;
use crate::program::request::{Request, Why};
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe};

impl Request {
    /// Opens the account of `wait`, telling how long it waited at a step if it did.
    #[inline(always)]
    pub fn turn_from_step(&mut self, at: Time, wait: Wait, now: Time, probe: &mut impl Probe) {
        if self.wait.is_at_step() && self.why != Why::Check {
            let span = at.since(self.since);
            probe.on(now, Fact::Waited { class: self.class, op: self.op, wait: self.wait, span });
        }
        self.turn(at, wait);
    }
}
