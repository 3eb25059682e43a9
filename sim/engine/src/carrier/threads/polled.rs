//! Waits with a time limit that poll, on bare threads: Python 2.7's.
//!
//! After CPython 2.7, `threading.py`, `_Condition.wait`: with a timeout it tries its own lock without waiting, sleeps, and tries again;
//! the sleep is 1 ms at first, twice as long each time, 50 ms at most and never past the limit. So a notification is seen up to 50 ms
//! late, and each look takes the GIL. `Queue.get` and `put`, `Event.wait` and everything else that is built of a condition wait so:
//! here a wait with a limit for an item, for room, for an event, and for a unit of a lock or pool. A timeout block bounds the waits
//! inside, so it is their limit. Waits without one are woken, as anywhere. Under a hub the same looks are in `carrier/hub/stdlib_ops.rs`.

use crate::kit::id::{ProcessId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::{Demand, Role};
use crate::model::TimedWaits;
use crate::program::task::Parked;
use crate::watch::probe::Probe;
use crate::world::World;

/// Half of the first sleep.
pub(crate) const FIRST_HALF: Span = Span::from_us(500);
/// The longest.
pub(crate) const LONGEST: Span = Span::from_ms(50);

/// The sleep after one of `delay`, with so much time left.
pub(crate) fn next_delay(delay: Span, left: Span) -> Span {
    (delay + delay).min(left).min(LONGEST)
}

/// A wait that polls, of one thread.
#[derive(Clone, Copy, Debug)]
pub(in crate::carrier) struct Polls {
    pub(in crate::carrier) until: Time,
    /// The last sleep.
    pub(in crate::carrier) delay: Span,
    /// Whether there is something to see.
    pub(in crate::carrier) notified: bool,
    /// Whether it is up and pays for a look.
    pub(in crate::carrier) looks: bool,
}

impl Polls {
    /// What it waits for is there, or worth trying: it will see that at its next look.
    pub(in crate::carrier) fn notify(&mut self) {
        self.notified = true;
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether a bare thread's waits with a limit poll.
    pub(crate) fn polls(&self, thread: ThreadId) -> bool {
        let state = &self.threads[thread];
        self.worker(state.process()).timed_waits == TimedWaits::Polled && !matches!(state.role(), Role::Hub(_))
    }

    /// A task that has just been parked until `until` at the latest begins with a look.
    #[inline(never)]
    pub(crate) fn begin_to_poll(&mut self, thread: ThreadId, until: Time) -> Demand {
        let polls = Polls { until, delay: FIRST_HALF, notified: false, looks: true };
        self.carriers.threads[thread].polls = Some(polls);
        self.pays_look(thread)
    }

    fn pays_look(&self, thread: ThreadId) -> Demand {
        let process = self.threads[thread].process();
        Demand::Cpu { span: self.worker(process).costs.look, gil: true }
    }

    /// A thread whose wait polls is up: it looks, which costs something first. `None`: the wait is over.
    #[inline(never)]
    pub(crate) fn poll_again(&mut self, thread: ThreadId, task: TaskId) -> Option<Demand> {
        let now = self.now;
        let process = self.threads[thread].process();
        let state = &mut self.carriers.threads[thread];
        let polls = state.polls.as_mut()?;
        if !std::mem::replace(&mut polls.looks, true) {
            return Some(self.pays_look(thread));
        }
        let left = polls.until.since(now);
        if polls.notified {
            state.polls = None;
            return None;
        }
        if left.is_zero() {
            state.polls = None;
            // Whoever gives up looks for itself in the list of waiters, from the front.
            let search = self.worker(process).costs.search * self.place_in_line(process, task);
            self.threads[thread].owe(search);
            self.limit_passed(process, task, now);
            return None;
        }
        let delay = next_delay(polls.delay, left);
        (polls.delay, polls.looks) = (delay, false);
        self.leave_python(thread);
        self.bill(task, now, self.wait_of_step(task));
        self.wake_at(thread, now + delay);
        Some(Demand::Wait)
    }

    /// How many wait in front of a task for what it waits for.
    fn place_in_line(&mut self, process: ProcessId, task: TaskId) -> u64 {
        let (parked, handle) = (self.tasks[task].parked(), self.tasks[task].handle());
        let place = match parked {
            Parked::Item => self.lines(process, handle as u16).0.iter().position(|&other| other == task),
            Parked::Room => self.lines(process, handle as u16).1.iter().position(|&(other, _)| other == task),
            _ => self.link(process, handle).waiters.iter().position(|&(_, other)| other == task),
        };
        place.unwrap_or(0) as u64
    }
}
