//! Accounts of requests that change while somebody looks.

use crate::kit::id::RequestId;
use crate::kit::time::Time;
use crate::program::request::{Request, Why};
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe, tell};
use crate::watch::trace::Detail;

impl Request {
    /// Opens the account of `wait` now, and tells a trace: the one place where both happen.
    #[inline(always)]
    pub(crate) fn turn_told(&mut self, id: RequestId, wait: Wait, now: Time, probe: &mut impl Probe) {
        tell(probe, now, Detail::turned(id, now, wait));
        self.turn(now, wait);
    }

    /// Opens the account of `wait`, telling how long it waited at a step if it did.
    #[inline(always)]
    pub fn turn_from_step(&mut self, at: Time, wait: Wait, now: Time, probe: &mut impl Probe) {
        if self.wait().is_at_step() && self.why() != Why::Check {
            let span = at.since(self.since());
            probe.on(now, Fact::Waited { class: self.class(), op: self.op(), wait: self.wait(), span });
        }
        self.turn(at, wait);
    }
}
