//! The run queue of a host: whose turn it is when there are more runnable threads than cores.
//!
//! After Linux 6.18's EEVDF (`kernel/sched/fair.c`: `pick_eevdf`, `place_entity`, `update_entity_lag`, `dequeue_entity`) with equal
//! weights. Each thread has a virtual run time, which is the CPU time it has had, and a deadline, a slice after the virtual run time at
//! which its request for the core began. Who has had no more than the average of all is eligible; of the eligible, the earliest
//! deadline goes first.
//!
//! Who goes to sleep remembers its lag, by how much it was behind the average, and gets it back when it wakes up. Who has had more than
//! the average stays in the queue while it sleeps until the others have caught up, or until it would be its turn (`DELAY_DEQUEUE`,
//! `DELAY_ZERO`).
//!
//! Books are kept only while somebody waits: threads that have a core each have nothing to share, as on queues of their own.

use std::collections::VecDeque;

use crate::kit::id::ThreadId;
use crate::kit::time::{Span, Time};

/// A thread that waits for a core, or sleeps and owes time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(super) thread: ThreadId,
    /// Its virtual run time.
    pub(super) virt: i64,
    /// By when it shall have had its slice, in virtual run time.
    pub(super) deadline: i64,
    /// When it woke up; [`Time::NEVER`] if it had to leave its core.
    pub(super) woken: Time,
}

/// The threads of a host that share its cores.
#[derive(Debug, Default)]
pub(crate) struct RunQueue {
    /// Earliest deadline first, then who came first.
    entries: VecDeque<Entry>,
    /// How many of them sleep and owe time.
    asleep: usize,
    /// Threads on cores.
    running: i64,
    /// The sum of all virtual run times; of those on cores, as they would be at the beginning of time.
    sum: i128,
}

impl RunQueue {
    /// Whether books are kept.
    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        !self.entries.is_empty()
    }

    /// Whether somebody waits for a core.
    #[inline]
    pub(crate) fn has_waiting(&self) -> bool {
        self.entries.len() > self.asleep
    }

    /// A thread on a core joins: it has had as much as the average, whatever that is. How far its virtual run time is ahead of the
    /// clock.
    pub(crate) fn join(&mut self, now: Time) -> i64 {
        let ahead = -signed(now);
        self.enters_core(ahead);
        ahead
    }

    /// Who is that far ahead of the clock is on a core.
    fn enters_core(&mut self, ahead: i64) {
        self.running += 1;
        self.sum += i128::from(ahead);
    }

    /// A thread on a core is charged with time that it has not had.
    pub(crate) fn charge(&mut self, time: i64) {
        self.sum += i128::from(time);
    }

    /// A thread leaves its core.
    pub(crate) fn leaves_core(&mut self, ahead: i64) {
        self.running -= 1;
        self.sum -= i128::from(ahead);
    }

    fn members(&self) -> i64 {
        self.entries.len() as i64 + self.running
    }

    fn total(&self, now: Time) -> i128 {
        self.sum + i128::from(self.running) * i128::from(signed(now))
    }

    /// By how much a thread among them is behind the average; below zero if it is ahead.
    pub(crate) fn lag(&self, virt: i64, now: Time) -> i64 {
        let members = i128::from(self.members());
        ((self.total(now) - i128::from(virt) * members).div_euclid(members)) as i64
    }

    /// Whether a thread has had no more than the average.
    pub(crate) fn is_eligible(&self, virt: i64, now: Time) -> bool {
        i128::from(virt) * i128::from(self.members()) <= self.total(now)
    }

    /// A thread that wakes up gets its place: so that it is as far behind the average as it was, once it is in it.
    pub(crate) fn place(&mut self, thread: ThreadId, lag: i64, slice: Span, now: Time) {
        let members = self.members();
        let virt = match members {
            0 => 0,
            _ => self.lag(0, now) - (i128::from(lag) * i128::from(members + 1) / i128::from(members)) as i64,
        };
        self.insert(Entry { thread, virt, deadline: virt + slice.as_ns() as i64, woken: now });
    }

    /// A thread that had a core waits for the next.
    pub(crate) fn insert(&mut self, entry: Entry) {
        let at = self.entries.partition_point(|other| other.deadline <= entry.deadline);
        self.entries.insert(at, entry);
        self.sum += i128::from(entry.virt);
    }

    /// A thread that sleeps stays until the others have caught up.
    pub(crate) fn insert_asleep(&mut self, entry: Entry) {
        self.insert(entry);
        self.asleep += 1;
    }

    /// A thread that slept in the queue has woken up. False if the others have caught up: it is to be placed anew, without lag.
    pub(crate) fn wake(&mut self, thread: ThreadId, now: Time) -> bool {
        let at = self.position(thread).expect("who owes time is in the queue");
        self.asleep -= 1;
        if self.is_eligible(self.entries[at].virt, now) {
            self.remove(at);
            return false;
        }
        self.entries[at].woken = now;
        true
    }

    /// Whose turn it would be.
    pub(crate) fn best(&self, now: Time) -> Option<(usize, Entry)> {
        self.entries.iter().copied().enumerate().find(|(_, entry)| self.is_eligible(entry.virt, now))
    }

    /// A thread gets a core. How far its virtual run time is ahead of the clock.
    pub(crate) fn start(&mut self, at: usize, now: Time) -> i64 {
        let entry = self.remove(at);
        let ahead = entry.virt - signed(now);
        if self.is_shared() {
            self.enters_core(ahead);
        }
        ahead
    }

    /// The earliest deadline.
    pub(crate) fn first(&self) -> Option<(usize, Entry)> {
        self.entries.front().map(|&entry| (0, entry))
    }

    /// A sleeping thread owes nothing more.
    pub(crate) fn acquit(&mut self, at: usize) -> ThreadId {
        self.asleep -= 1;
        self.remove(at).thread
    }

    /// A thread is gone, in whatever state.
    pub(crate) fn forget(&mut self, thread: ThreadId, asleep: bool) {
        if let Some(at) = self.position(thread) {
            self.asleep -= usize::from(asleep);
            self.remove(at);
        }
    }

    fn position(&self, thread: ThreadId) -> Option<usize> {
        self.entries.iter().position(|entry| entry.thread == thread)
    }

    fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries.remove(at).expect("it was found there");
        self.sum -= i128::from(entry.virt);
        if self.entries.is_empty() {
            (self.running, self.sum) = (0, 0);
        }
        entry
    }
}

/// A time as a virtual run time.
pub(crate) fn signed(at: Time) -> i64 {
    at.as_ns() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICE: Span = Span::from_ms(1);

    fn thread(number: usize) -> ThreadId {
        ThreadId::from_index(number)
    }

    fn at(us: u64) -> Time {
        Time::from_ns(us * 1000)
    }

    /// A thread on the only core, and one that has just woken up beside it.
    fn two(lag: i64) -> (RunQueue, i64) {
        let mut queue = RunQueue::default();
        let ahead = queue.join(at(0));
        queue.place(thread(1), lag, SLICE, at(0));
        (queue, ahead)
    }

    #[test]
    fn who_wakes_up_without_lag_is_no_better_than_who_runs_until_that_has_run() {
        let (queue, ahead) = two(0);
        assert!(queue.is_eligible(ahead, at(0)), "nobody is ahead yet");
        assert!(!queue.is_eligible(ahead + signed(at(1)), at(1)), "now it has had more");
        assert_eq!(queue.best(at(1)).map(|(_, entry)| entry.thread), Some(thread(1)));
    }

    #[test]
    fn lag_is_what_it_was_once_a_thread_has_its_place() {
        for lag in [0, 1, 700, 250_000] {
            let (mut queue, _) = two(lag);
            let entry = queue.best(at(0)).expect("it is behind, or level").1;
            assert_eq!(queue.lag(entry.virt, at(0)), lag);
            queue.place(thread(2), 40_000, SLICE, at(0));
            let third = queue.entries.iter().find(|entry| entry.thread == thread(2)).expect("placed");
            assert!((39_998..=40_001).contains(&queue.lag(third.virt, at(0))), "integer division");
        }
    }

    #[test]
    fn of_those_who_are_not_ahead_the_earliest_deadline_goes_first() {
        let (mut queue, _) = two(0);
        for (number, virt, deadline) in [(2, 900_000, 10), (3, -20, 70), (4, -10, 60)] {
            queue.insert(Entry { thread: thread(number), virt, deadline, woken: Time::NEVER });
        }
        assert_eq!(queue.best(at(0)).map(|(_, entry)| entry.thread), Some(thread(4)), "thread 2 has had too much");
    }

    #[test]
    fn who_sleeps_and_owes_time_stays_until_the_others_have_caught_up() {
        let (mut queue, ahead) = two(0);
        let sleeper = Entry { thread: thread(2), virt: 30_000, deadline: 1_000_000, woken: Time::NEVER };
        queue.insert_asleep(sleeper);
        assert!(queue.has_waiting());
        queue.start(0, at(0));
        assert!(!queue.has_waiting() && queue.is_shared(), "only the sleeper is left");
        assert!(queue.wake(thread(2), at(1)), "it wakes too early: the place is kept");
        queue.forget(thread(2), false);
        queue.enters_core(ahead);
        queue.insert_asleep(sleeper);
        assert!(!queue.wake(thread(2), at(100)), "the others have had more by now");
        assert!(!queue.is_shared());
        assert_eq!((queue.sum, queue.running), (0, 0), "no books are kept");
    }
}
