//! The timers of a hub: libev's own heap, because its shape decides the order of ties.
//!
//! After `ev.c` (libev 4.33: `upheap`, `downheap`, `adjustheap`, `timers_reify`): four children a node, not stable among equals. A
//! timer moves up while its parent is later; on removal the last takes the hole, moves up if it is not later than its parent, else
//! down past the first of its earliest children.

use crate::id::TaskId;
use crate::time::Time;

/// What a timer does when it fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Switch to the greenlet: its sleep is over. Priority 0.
    Wake,
    /// Switch to the greenlet for the first time. Priority 0.
    Start,
    /// Throw a timeout into the greenlet. Priority -1.
    Limit,
    /// Tell the greenlet that it has gathered long enough. Priority -1.
    Gather,
}

/// Where a timer is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Nowhere: its slot may be used again.
    Free,
    /// In the heap at this index.
    Heap(u32),
    /// Due, and waiting for its turn to run.
    Pending,
    /// Stopped while it waited for its turn.
    Stopped,
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    task: TaskId,
    serial: u32,
    purpose: Purpose,
    place: Place,
}

/// A hub's timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: Vec<(Time, u32)>,
    timers: Vec<Timer>,
    free: Vec<u32>,
    /// Timers started so far.
    started: u32,
}

const CHILDREN: usize = 4;

impl Timers {
    /// Timers that are started and have not run.
    pub(crate) fn count(&self) -> usize {
        self.timers.len() - self.free.len()
    }

    /// When the earliest is due.
    pub(crate) fn head(&self) -> Option<Time> {
        self.heap.first().map(|&(at, _)| at)
    }

    /// Starts a timer; its index stays valid until it has fired or was stopped.
    pub(crate) fn start(&mut self, at: Time, purpose: Purpose, task: TaskId) -> u32 {
        self.started = self.started.wrapping_add(1);
        let timer = Timer { task, serial: self.started, purpose, place: Place::Heap(0) };
        let index = match self.free.pop() {
            Some(index) => {
                self.timers[index as usize] = timer;
                index
            }
            None => {
                self.timers.push(timer);
                u32::try_from(self.timers.len() - 1).expect("a hub has under 2^32 timers")
            }
        };
        self.heap.push((at, index));
        self.up(self.heap.len() - 1);
        index
    }

    /// Stops a timer that has not run.
    pub(crate) fn stop(&mut self, index: u32) {
        match self.timers[index as usize].place {
            Place::Heap(at) => {
                self.take(at as usize);
                self.release(index);
            }
            Place::Pending => self.timers[index as usize].place = Place::Stopped,
            Place::Free | Place::Stopped => unreachable!("a timer is stopped once"),
        }
    }

    /// Takes the earliest timer out if it is due strictly before `clock`; it is pending then.
    pub(crate) fn expire(&mut self, clock: Time) -> Option<(Time, u32, Purpose)> {
        let &(at, index) = self.heap.first()?;
        if at >= clock {
            return None;
        }
        self.take(0);
        let timer = &mut self.timers[index as usize];
        timer.place = Place::Pending;
        Some((at, index, timer.purpose))
    }

    /// A number that no other timer has: which timeout it is that a greenlet sees.
    pub(crate) fn serial(&self, index: u32) -> u32 {
        self.timers[index as usize].serial
    }

    /// The greenlet that a timer is for.
    pub(crate) fn task(&self, index: u32) -> TaskId {
        self.timers[index as usize].task
    }

    /// The greenlet of a pending timer whose turn has come; `None` if the timer was stopped meanwhile.
    pub(crate) fn run(&mut self, index: u32) -> Option<(TaskId, u32, Purpose)> {
        let Timer { task, serial, purpose, place } = self.timers[index as usize];
        self.release(index);
        (place == Place::Pending).then_some((task, serial, purpose))
    }

    fn release(&mut self, index: u32) {
        self.timers[index as usize].place = Place::Free;
        self.free.push(index);
    }

    fn take(&mut self, hole: usize) {
        let last = self.heap.pop().expect("a timer in the heap");
        if hole == self.heap.len() {
            return;
        }
        self.heap[hole] = last;
        if hole > 0 && last.0 <= self.heap[(hole - 1) / CHILDREN].0 {
            self.up(hole);
        } else {
            self.down(hole);
        }
    }

    fn put(&mut self, at: usize, entry: (Time, u32)) {
        self.heap[at] = entry;
        self.timers[entry.1 as usize].place = Place::Heap(at as u32);
    }

    fn up(&mut self, mut at: usize) {
        let entry = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            if self.heap[parent].0 <= entry.0 {
                break;
            }
            self.put(at, self.heap[parent]);
            at = parent;
        }
        self.put(at, entry);
    }

    fn down(&mut self, mut at: usize) {
        let entry = self.heap[at];
        loop {
            let first = CHILDREN * at + 1;
            let children = first..self.heap.len().min(first + CHILDREN);
            let Some(child) = children.min_by_key(|&child| self.heap[child].0) else { break };
            if entry.0 <= self.heap[child].0 {
                break;
            }
            self.put(at, self.heap[child]);
            at = child;
        }
        self.put(at, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(starts: &[u64]) -> Vec<u32> {
        let mut timers = Timers::default();
        for &at in starts {
            timers.start(Time::from_ns(at), Purpose::Wake, TaskId::NONE);
        }
        std::iter::from_fn(|| timers.expire(Time::NEVER).map(|(_, index, _)| index)).collect()
    }

    #[test]
    fn timers_fire_in_the_order_of_their_deadlines() {
        assert_eq!(order(&[5, 3, 9, 1, 7]), [3, 1, 0, 4, 2]);
    }

    #[test]
    fn equal_timers_come_out_as_libev_has_them_the_first_and_then_backwards() {
        assert_eq!(order(&[1; 6]), [0, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_timer_stopped_while_it_waits_for_its_turn_does_not_run() {
        let mut timers = Timers::default();
        let index = timers.start(Time::from_ns(1), Purpose::Limit, TaskId::NONE);
        timers.expire(Time::from_ns(2));
        timers.stop(index);
        assert_eq!(timers.run(index), None);
    }
}
