//! What a trace knows of a hub: its phase, who runs, and who held it lately.

use super::keep::Keep;
use super::{ArrowKind, Greenlet, Key, LoopPhase, StepOf, Track, What};
use crate::kit::time::{Span, Time};

/// Who was ready for a shorter time is not shown whom it waited for.
const VICTIM_MIN: Span = Span::from_us(100);

/// Holds that are remembered.
const HOLDS_MAX: usize = 256;

/// A greenlet that runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) greenlet: Greenlet,
    pub(super) since: Time,
    /// Since when it runs for its request: a resident client begins the next one where the last one ends.
    pub(super) for_request: Time,
}

/// One hub.
#[derive(Clone, Debug, Default)]
pub(super) struct HubNow {
    phase: Option<(LoopPhase, Time)>,
    /// Who runs.
    pub(super) current: Option<Running>,
    /// Holds that are longer than all after them, the longest first.
    holds: Vec<(Time, Time)>,
}

impl HubNow {
    /// The loop comes to another phase.
    pub(super) fn turn(&mut self, hub: u32, phase: Option<LoopPhase>, now: Time, keep: &mut Keep) {
        if let Some((before, since)) = self.phase {
            if Some(before) == phase {
                return;
            }
            keep.slice(Track::Hub(hub), What::Phase(before), since, now);
        }
        self.phase = phase.map(|phase| (phase, now));
    }

    /// Closes what is open.
    pub(super) fn close(&mut self, hub: u32, at: Time, keep: &mut Keep) {
        if let Some(Running { greenlet, since, .. }) = self.current {
            let step = StepOf { program: greenlet.program, pc: None };
            self.ran(hub, None, (step, since, at), keep);
        }
        self.turn(hub, None, at, keep);
    }

    /// A greenlet that was ready runs: an arrow from who held the hub longest meanwhile.
    pub(super) fn blame(&self, hub: u32, ready: Time, (track, now): (Track, Time), keep: &mut Keep) {
        if now.since(ready) < VICTIM_MIN {
            return;
        }
        if let Some(&(_, to)) = self.holds.iter().find(|&&(_, to)| to > ready) {
            keep.arrow(ArrowKind::HeldHub, (Track::Hub(hub), to), (track, now));
        }
    }

    /// A greenlet gives the hub back: its run is a slice on the hub and one where its request is.
    pub(super) fn ran(
        &mut self,
        hub: u32,
        request: Option<Key>,
        (step, from, to): (StepOf, Time, Time),
        keep: &mut Keep,
    ) {
        let Some(Running { greenlet: Greenlet { branch, .. }, for_request, .. }) = self.current.take() else { return };
        let what = What::Run { request, branch, step };
        keep.slice(Track::Hub(hub), what, from, to);
        if let Some(key) = request.filter(|_| !branch) {
            keep.slice(Track::Greenlet(hub, key), what, from.max(for_request), to);
        }
        let length = to.since(from);
        while self.holds.last().is_some_and(|&(begun, ended)| ended.since(begun) <= length) {
            self.holds.pop();
        }
        if self.holds.len() == HOLDS_MAX {
            self.holds.remove(0);
        }
        self.holds.push((from, to));
    }
}
