//! The timers of a hub: libev's own heap, because its shape decides the order of ties.
//!
//! After `ev.c` (libev 4.33: `upheap`, `downheap`, `adjustheap`, `timers_reify`): four children a node, not stable among equals. A
//! timer moves up while its parent is later; on removal the last takes the hole, moves up if it is not later than its parent, else
//! down past the first of its earliest children.
//!
//! A heap of a million timers is slow: each way down it touches a timer on every level. So beyond [`EXACT`] timers the later ones
//! wait in a timing wheel (`event.rs`) and come into the heap a few at a time, shortly before they are due. All times come out as
//! before; only equal deadlines of a hub with so many timers are no longer in the order of one big heap, but of the small one.

use crate::kit::event::EventQueue;
use crate::kit::id::TaskId;
use crate::kit::time::Time;

/// Timers up to which a hub has the one heap of libev.
const EXACT: usize = 4096;
/// Timers that come out of the wheel together.
const BATCH: usize = 64;

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

/// Where a timer is: its index in the heap, or one of the numbers below, which no index reaches. One word, for every step through
/// the heap writes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place(u32);

impl Place {
    /// Nowhere: its slot may be used again.
    const FREE: Place = Place(u32::MAX);
    /// In the wheel.
    const WHEEL: Place = Place(u32::MAX - 1);
    /// Due, and waiting for its turn to run.
    const PENDING: Place = Place(u32::MAX - 2);
    /// Stopped while it waited for its turn.
    const STOPPED: Place = Place(u32::MAX - 3);
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
    /// Timers up to the horizon. Not empty unless there are none at all.
    heap: Vec<(Time, u32)>,
    timers: Vec<Timer>,
    free: Vec<u32>,
    /// Timers started so far.
    started: u32,
    far: Option<Far>,
}

/// The timers after the horizon, once there are many.
#[derive(Debug)]
struct Far {
    /// Index and serial; an entry whose timer was stopped finds another serial or place.
    wheel: EventQueue<(u32, u32)>,
    /// The last deadline that belongs into the heap.
    horizon: Time,
    /// The last deadline that the wheel has given out: it takes no earlier one.
    given: Time,
    /// Entries that were not stopped.
    live: usize,
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
        let timer = Timer { task, serial: self.started, purpose, place: Place(0) };
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
        if let Some(far) = self.far.as_mut().filter(|far| at > far.horizon) {
            self.timers[index as usize].place = Place::WHEEL;
            far.wheel.push(at, (index, self.started));
            far.live += 1;
            return index;
        }
        self.heap.push((at, index));
        self.up(self.heap.len() - 1);
        if self.heap.len() > EXACT {
            self.overflow();
        }
        index
    }

    /// Sends all but the earliest timers of the heap to the wheel.
    #[cold]
    #[inline(never)]
    fn overflow(&mut self) {
        let far = self.far.get_or_insert_with(|| Far {
            wheel: EventQueue::new(),
            horizon: Time::NEVER,
            given: Time::ZERO,
            live: 0,
        });
        self.heap.sort_by_key(|&(at, _)| at);
        far.horizon = self.heap[BATCH].0.max(far.given);
        let stay = self.heap.partition_point(|&(at, _)| at <= far.horizon);
        for (at, index) in self.heap.drain(stay..) {
            let timer = &mut self.timers[index as usize];
            timer.place = Place::WHEEL;
            far.wheel.push(at, (index, timer.serial));
            far.live += 1;
        }
        // What is sorted is a heap.
        for (place, &(_, index)) in self.heap.iter().enumerate() {
            self.timers[index as usize].place = Place(place as u32);
        }
    }

    /// The next timers come out of the wheel into the empty heap.
    #[inline(never)]
    fn refill(&mut self) {
        let Some(far) = &mut self.far else { return };
        while let Some((at, (index, serial))) = far.wheel.pop() {
            far.given = at;
            let timer = &mut self.timers[index as usize];
            if timer.serial == serial && timer.place == Place::WHEEL {
                // They come in order, and so they are a heap.
                timer.place = Place(self.heap.len() as u32);
                self.heap.push((at, index));
                far.live -= 1;
            }
            if self.heap.len() >= BATCH && far.wheel.peek() != Some(at) {
                far.horizon = at;
                return;
            }
        }
        far.horizon = Time::NEVER;
    }

    /// Most entries of the wheel were stopped: only the others are kept.
    #[cold]
    #[inline(never)]
    fn sweep(&mut self) {
        let Some(far) = &mut self.far else { return };
        let mut old = std::mem::take(&mut far.wheel);
        far.given = Time::ZERO;
        while let Some((at, (index, serial))) = old.pop() {
            let timer = &self.timers[index as usize];
            if timer.serial == serial && timer.place == Place::WHEEL {
                far.wheel.push(at, (index, serial));
            }
        }
    }

    /// Stops a timer that has not run.
    pub(crate) fn stop(&mut self, index: u32) {
        match self.timers[index as usize].place {
            Place::WHEEL => {
                self.release(index);
                let Some(far) = &mut self.far else { unreachable!("the timer is in the wheel") };
                far.live -= 1;
                if far.wheel.len() > 2 * far.live + EXACT {
                    self.sweep();
                }
            }
            Place::PENDING => self.timers[index as usize].place = Place::STOPPED,
            Place::FREE | Place::STOPPED => unreachable!("a timer is stopped once"),
            Place(at) => {
                self.take(at as usize);
                self.release(index);
            }
        }
    }

    /// Takes the earliest timer out if it is due strictly before `clock`; it is pending then. What it does, and for whom.
    #[inline]
    pub(crate) fn expire(&mut self, clock: Time) -> Option<(Time, u32, Purpose, TaskId)> {
        let &(at, index) = self.heap.first()?;
        if at >= clock {
            return None;
        }
        self.take(0);
        let timer = &mut self.timers[index as usize];
        timer.place = Place::PENDING;
        Some((at, index, timer.purpose, timer.task))
    }

    /// A number that no other timer has: which timeout it is that a greenlet sees.
    pub(crate) fn serial(&self, index: u32) -> u32 {
        self.timers[index as usize].serial
    }

    /// The greenlet of a pending timer whose turn has come; `None` if the timer was stopped meanwhile.
    pub(crate) fn run(&mut self, index: u32) -> Option<(TaskId, u32, Purpose)> {
        let Timer { task, serial, purpose, place } = self.timers[index as usize];
        self.release(index);
        (place == Place::PENDING).then_some((task, serial, purpose))
    }

    /// The same if it was not stopped and does this; else it is left as it is.
    #[inline(always)]
    pub(crate) fn run_if(&mut self, index: u32, what: Purpose) -> Option<TaskId> {
        let timer = &mut self.timers[index as usize];
        if timer.purpose != what || timer.place != Place::PENDING {
            return None;
        }
        timer.place = Place::FREE;
        self.free.push(index);
        Some(timer.task)
    }

    fn release(&mut self, index: u32) {
        self.timers[index as usize].place = Place::FREE;
        self.free.push(index);
    }

    fn take(&mut self, hole: usize) {
        let last = self.heap.pop().expect("a timer in the heap");
        if hole == self.heap.len() {
            if self.heap.is_empty() {
                self.refill();
            }
            return;
        }
        self.heap[hole] = last;
        if hole > 0 && last.0 <= self.heap[(hole - 1) / CHILDREN].0 {
            self.up(hole);
        } else {
            self.down(hole);
        }
    }

    #[inline]
    fn put(&mut self, at: usize, entry: (Time, u32)) {
        self.heap[at] = entry;
        self.timers[entry.1 as usize].place = Place(at as u32);
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
            let Some(children) = self.heap.get(first..) else { break };
            // The first of the earliest; a full family without a loop.
            let child = if let [a, b, c, d, ..] = children {
                let (left, left_at) = if b.0 < a.0 { (1, b.0) } else { (0, a.0) };
                let (right, right_at) = if d.0 < c.0 { (3, d.0) } else { (2, c.0) };
                if right_at < left_at { right } else { left }
            } else {
                let Some((child, _)) = children.iter().enumerate().min_by_key(|(_, child)| child.0) else { break };
                child
            };
            let earliest = children[child];
            if entry.0 <= earliest.0 {
                break;
            }
            self.put(at, earliest);
            at = first + child;
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
        std::iter::from_fn(|| timers.expire(Time::NEVER).map(|(_, index, ..)| index)).collect()
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
    fn many_timers_come_out_in_the_order_of_their_deadlines_whatever_was_stopped() {
        let mut timers = Timers::default();
        let mut alive = Vec::new();
        let mut seen = Vec::new();
        let mut clock = 0;
        for round in 0..40_u64 {
            for turn in 0..1000_u64 {
                // Some are due soon, some late.
                let bits = crate::kit::rng::mix(round, turn);
                let at = clock + 1 + bits % if bits & 1 << 40 == 0 { 1000 } else { 1_000_000 };
                alive.push((at, timers.start(Time::from_ns(at), Purpose::Wake, TaskId::NONE)));
            }
            for turn in 0..300 {
                let at = (crate::kit::rng::mix(turn, round) % alive.len() as u64) as usize;
                timers.stop(alive.swap_remove(at).1);
            }
            clock += 500;
            alive.sort_unstable();
            while let Some((at, index, ..)) = timers.expire(Time::from_ns(clock)) {
                let first = alive.remove(0);
                assert_eq!(at.as_ns(), first.0, "the earliest comes first");
                let same = alive.iter().position(|&other| other == (first.0, index));
                assert!(first.1 == index || same.is_some(), "a timer that was stopped or has fired");
                if let Some(other) = same {
                    alive[other] = first;
                    alive.sort_unstable();
                }
                timers.run(index);
                seen.push(index);
            }
            assert_eq!(timers.head().map(Time::as_ns), alive.first().map(|&(at, _)| at));
            assert_eq!(timers.count(), alive.len());
        }
        assert!(seen.len() > 4000 && timers.far.is_some(), "{} have fired", seen.len());
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
