//! What waiters link themselves to: gevent's `AbstractLinkable`, under semaphores, locks, events and results.
//!
//! After `_abstract_linkable.py` (gevent 26.9). A change of state that makes the thing ready queues one callback, the notifier, if
//! somebody waits and none is queued or running. The notifier goes through the waiters in order, switching into each directly; it
//! stops after the one that was last when it began and, for semaphores, as soon as nothing is left. At its end, if the thing is
//! still ready and somebody waits, it queues itself anew. Whoever asks before the notifier runs is served first: barging.
//! On bare threads only the units and the queue of waiters are used.

use std::collections::VecDeque;

use crate::kit::id::TaskId;

/// Index of a [`Linkable`] among those of its process.
pub(crate) type LinkId = u32;

/// Something that is ready or not, and those who wait for it.
#[derive(Debug, Default)]
pub(crate) struct Linkable {
    /// Units on the shelf; an event that is set and a result that is there have one.
    units: u32,
    /// Units at most, where giving back more is an error.
    pub(crate) bound: Option<u32>,
    /// Whether readiness wakes everybody, not one for each unit.
    pub(crate) wakes_all: bool,
    /// The value of a result.
    pub(crate) value: u16,
    /// Waiters, oldest first, each with a number of its own.
    pub(crate) waiters: VecDeque<(u32, TaskId)>,
    /// Waiters that came to a ready event while its notifier was under way.
    pub(crate) late: VecDeque<(u32, TaskId)>,
    /// Those whose notifier was stopped: gevent forgets them, and they wait for ever (`unlink` closes the notifier whose argument
    /// they are in).
    pub(crate) lost: Vec<TaskId>,
    pub(crate) notifier: Notifier,
    /// Waiters that ever came.
    came: u32,
}

/// Whether a notifier is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Notifier {
    #[default]
    None,
    /// In the hub's callbacks, under this number; a callback of another number was stopped.
    Queued(u32),
    /// Going through the waiters.
    Running,
}

impl Linkable {
    /// A semaphore.
    pub(crate) fn semaphore(units: u32, bound: Option<u32>) -> Linkable {
        Linkable { units, bound, ..Linkable::default() }
    }

    /// An event or a result.
    pub(crate) fn event(set: bool) -> Linkable {
        Linkable { units: u32::from(set), wakes_all: true, ..Linkable::default() }
    }

    /// Units on the shelf.
    #[inline(always)]
    pub(crate) fn units(&self) -> u32 {
        self.units
    }

    /// Whether there is a unit; whether an event is set, or a result there.
    #[inline(always)]
    pub(crate) fn is_ready(&self) -> bool {
        self.units > 0
    }

    /// Whether one unit more is too many.
    pub(crate) fn is_full(&self) -> bool {
        self.bound.is_some_and(|bound| self.units >= bound)
    }

    /// Takes a unit, if there is one: the only way in which one goes.
    #[inline(always)]
    #[must_use]
    pub(crate) fn take(&mut self) -> bool {
        if self.units == 0 {
            return false;
        }
        self.units -= 1;
        true
    }

    /// A waiter that was woken for a unit takes it: nobody wakes more of them than there are units.
    #[inline(always)]
    pub(crate) fn take_woken(&mut self) {
        assert!(self.take(), "a woken waiter finds a unit");
    }

    /// Puts a unit on the shelf, for whoever asks next.
    #[inline(always)]
    pub(crate) fn give(&mut self) {
        self.units += 1;
    }

    /// Hands a unit to who has waited longest; it goes to the shelf if nobody waits.
    #[inline(always)]
    pub(crate) fn hand_off(&mut self) -> Option<TaskId> {
        let Some((_, waiter)) = self.waiters.pop_front() else {
            self.give();
            return None;
        };
        Some(waiter)
    }

    /// An event is set, a result there.
    pub(crate) fn set(&mut self) {
        self.units = 1;
    }

    /// An event is cleared.
    pub(crate) fn clear(&mut self) {
        self.units = 0;
    }

    /// Puts a task at the end of the waiters.
    pub(crate) fn push(&mut self, task: TaskId) {
        self.came += 1;
        self.waiters.push_back((self.came, task));
    }

    /// Puts a task behind those whom the notifier is about to wake.
    pub(crate) fn push_late(&mut self, task: TaskId) {
        self.came += 1;
        self.late.push_back((self.came, task));
    }

    /// A task does not wait any longer. A notifier that has nobody left to wake is stopped, and those who came late with it.
    pub(crate) fn unlink(&mut self, task: TaskId) {
        if let Some(at) = self.waiters.iter().position(|&(_, waiter)| waiter == task) {
            self.waiters.remove(at);
        }
        if self.waiters.is_empty() && matches!(self.notifier, Notifier::Queued(_)) {
            self.notifier = Notifier::None;
            self.lost.extend(self.late.drain(..).map(|(_, late)| late));
        }
        self.lost.retain(|&lost| lost != task);
        if let Some(at) = self.late.iter().position(|&(_, waiter)| waiter == task) {
            self.late.remove(at);
        }
    }

    /// Whether a notifier should be queued.
    pub(crate) fn wants_notifier(&self) -> bool {
        self.units > 0 && !self.waiters.is_empty() && self.notifier == Notifier::None
    }
}
