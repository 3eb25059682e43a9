//! The pending events: a queue by time that is first in, first out among equal times.
//!
//! # How it works
//!
//! Every pending event is in one of three places, from soonest to latest:
//!
//! 1. **ready**: events pushed for the very instant of the last pop, in a plain FIFO.
//! 2. **run**: a short sorted array of all other events up to a limit, `run_last`. It is sorted
//!    backwards, so that popping takes its last element and an event pushed for soon moves few others.
//! 3. **wheel**: everything later than `run_last`, in a hierarchical timing wheel (Varghese and
//!    Lauck, 1987) over the eight bytes of the time in nanoseconds. An event's level is the highest
//!    byte in which its time differs from the wheel's cursor, its slot on that level is the value of
//!    that byte. A slot is an unsorted bag that keeps the order of arrival. Events on a lower level
//!    are sooner than all on a higher one, and within a level a smaller slot is sooner, so the
//!    soonest slot is the first occupied one: a few bit operations find it.
//!
//! When ready and run are empty, pop refills the run from the soonest slot. A slot of at most
//! `SORT_MAX` events is sorted once, however wide the time it covers; a fuller one is first spread
//! over the levels below (its first instant becomes the cursor) until the soonest slot is small or
//! covers a single instant, when there is nothing to sort. That one sort instead of a walk down all
//! eight levels is what makes the wheel fast at any scale of time. If the slot holds few events, the
//! next ones are taken too, up to `BATCH`. When that empties the wheel, the run has no limit: with
//! a handful of events the queue is the sorted array, and the wheel is never touched.
//!
//! Pushing sorts a soon event into the run. When the run has become too long (`RUN_MAX`) its later
//! half goes back to the wheel and `run_last` moves ahead of it.
//!
//! Why it is FIFO among equals without sequence numbers: equal times are never on two sides of
//! `run_last`, and they are in the same slot; bags, sort and insertion all keep the order of arrival.
//! Events for the current instant in the run were pushed before it began, those in ready since.
//!
//! Slots store their events in chunks of `CHUNK` from one arena; freed chunks are used again, so
//! nothing is allocated in the steady state, and a push writes where a recent push wrote.
//!
//! Left out on purpose: removing an event. An event is a hint; the entity it names decides whether
//! it still matters. The plain twin that the tests compare with is in `event_naive.rs`.

use std::collections::VecDeque;
use std::fmt;

use crate::kit::time::Time;

/// Most events of a slot that are sorted at once instead of being spread over the level below.
const SORT_MAX: usize = 64;

/// Length of the run beyond which a push sends its later half to the wheel. Above some 32 events a
/// push into the sorted array costs more than a trip through the wheel (measured).
const RUN_MAX: usize = 32;

/// Number of events up to which a refill goes on to the next slot.
const BATCH: usize = 12;

/// Events in a chunk of a slot. At a million pending, chunks of 8 make a push and a pop 1.6 times as
/// dear, and chunks of 64 gain a tenth (measured).
const CHUNK: usize = 32;

/// Levels of the wheel: the bytes of a time.
const LEVELS: usize = 8;

/// Slots of a level: the values of a byte.
const SLOTS: usize = 256;

/// No chunk.
const END: u32 = u32::MAX;

/// Events waiting for their time, first in, first out among equal times.
///
/// `E` is copied about and should be small (8 bytes in this engine). A push and a pop together take
/// 15 to 40 ns from ten to a million pending events.
#[derive(Clone)]
pub struct EventQueue<E> {
    /// Time of the last pop in nanoseconds. No event is earlier.
    now: u64,
    /// Events pushed for `now` since it began.
    ready: VecDeque<E>,
    /// The events up to `run_last`, soonest last; among equals the first pushed is last.
    run: Vec<Entry<E>>,
    run_last: u64,
    /// Length of the run at which it sheds its later half.
    run_max: usize,
    /// The events after `run_last`.
    wheel: Wheel<E>,
}

#[derive(Clone, Copy)]
struct Entry<E> {
    at: u64,
    event: E,
}

/// Bytes of an event that waits, with its place in a chunk of the wheel.
pub(crate) const fn bytes_of<E>() -> u64 {
    size_of::<Entry<E>>() as u64 + 8
}

impl<E: Copy> EventQueue<E> {
    /// An empty queue at [`Time::ZERO`].
    pub fn new() -> Self {
        EventQueue {
            now: 0,
            ready: VecDeque::new(),
            run: Vec::with_capacity(2 * SORT_MAX),
            run_last: u64::MAX,
            run_max: RUN_MAX,
            wheel: Wheel::new(),
        }
    }

    /// Adds an event that happens at `at`, after all events already pushed for that instant.
    ///
    /// # Panics
    /// If `at` is before the time of the last pop.
    #[inline]
    pub fn push(&mut self, at: Time, event: E) {
        let at = at.as_ns();
        if at == self.now {
            self.ready.push_back(event);
        } else {
            self.push_later(at, event);
        }
    }

    fn push_later(&mut self, at: u64, event: E) {
        if at < self.now {
            in_the_past(at, self.now);
        }
        if at <= self.run_last {
            self.insert(Entry { at, event });
        } else {
            self.wheel.place(Entry { at, event });
        }
    }

    /// Takes the soonest event; among events of one instant the one pushed first.
    #[inline]
    pub fn pop(&mut self) -> Option<(Time, E)> {
        loop {
            if let Some(&next) = self.run.last()
                && (next.at == self.now || self.ready.is_empty())
            {
                self.run.pop();
                self.now = next.at;
                return Some((Time::from_ns(next.at), next.event));
            }
            if let Some(event) = self.ready.pop_front() {
                return Some((Time::from_ns(self.now), event));
            }
            if !self.refill() {
                return None;
            }
        }
    }

    /// The time of the soonest event.
    ///
    /// Costs little if a pop follows. Without one, it may look through the whole soonest slot again.
    #[inline]
    pub fn peek(&self) -> Option<Time> {
        let soonest = if !self.ready.is_empty() {
            self.now
        } else if let Some(next) = self.run.last() {
            next.at
        } else {
            self.wheel.soonest()?
        };
        Some(Time::from_ns(soonest))
    }

    /// Whether another event is pending for the instant of the last pop.
    ///
    /// Looks nowhere else than where such events are: the wheel has later ones only.
    #[inline]
    pub fn has_more_now(&self) -> bool {
        !self.ready.is_empty() || self.run.last().is_some_and(|next| next.at == self.now)
    }

    /// Pending events.
    pub fn len(&self) -> usize {
        self.ready.len() + self.run.len() + self.wheel.len
    }

    /// Whether no event is pending.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sorts an event up to `run_last` into the run, behind its equals (which is in front of them:
    /// the run is backwards).
    #[inline]
    fn insert(&mut self, entry: Entry<E>) {
        if self.run.len() >= self.run_max {
            self.shed();
            if entry.at > self.run_last {
                return self.wheel.place(entry);
            }
        }
        let mut place = self.run.len();
        self.run.push(entry);
        while place > 0 && self.run[place - 1].at <= entry.at {
            self.run[place] = self.run[place - 1];
            place -= 1;
        }
        self.run[place] = entry;
    }

    /// Sends the later half of the run to the wheel, but nothing of the current instant: what is
    /// ready now comes after it. Equal times stay together, so more or less than half may go.
    #[cold]
    #[inline(never)]
    fn shed(&mut self) {
        if self.wheel.len == 0 {
            self.wheel.cursor = self.now;
        }
        // An insertion is later than now, so now is not the last instant there is.
        let first_to_go = self.run[self.run.len() / 2].at.max(self.now + 1);
        let go = self.run.partition_point(|entry| entry.at >= first_to_go);
        for &entry in self.run[..go].iter().rev() {
            self.wheel.place(entry);
        }
        self.run.drain(..go);
        self.run_last = first_to_go - 1;
        self.run_max = RUN_MAX;
    }

    /// Fills the empty run from the wheel; false if that is empty too.
    ///
    /// Called by a pop only, which then moves `now` to or past the cursor: so no later push is
    /// before the cursor. (A peek must not refill, for a push may follow it.)
    #[inline(never)]
    fn refill(&mut self) -> bool {
        let wheel = &mut self.wheel;
        let Some(mut slot) = wheel.first() else {
            return false;
        };
        while wheel.slots[slot].len as usize > SORT_MAX && slot >= SLOTS {
            slot = wheel.spread(slot);
        }
        wheel.cursor = wheel.start_of(slot);
        loop {
            wheel.take(slot, &mut self.run);
            match wheel.first() {
                Some(next) if wheel.slots[next].len as usize + self.run.len() <= BATCH => {
                    slot = next;
                }
                Some(_) => {
                    self.run_last = wheel.end_of(slot);
                    break;
                }
                None => {
                    self.run_last = u64::MAX;
                    break;
                }
            }
        }
        self.run_max = RUN_MAX.max(self.run.len() + RUN_MAX / 2);
        if self.run.len() > 1 {
            self.run.sort_by_key(|entry| entry.at);
            self.run.reverse();
        }
        true
    }
}

#[cold]
#[inline(never)]
fn in_the_past(at: u64, now: u64) -> ! {
    panic!("event in the past: {} < {}", Time::from_ns(at), Time::from_ns(now))
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::new()
    }
}

/// The time of the last pop and the number of pending events.
impl<E: Copy> fmt::Debug for EventQueue<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventQueue")
            .field("now", &Time::from_ns(self.now))
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Bags of events by level and slot. A slot is numbered `level * SLOTS + byte`.
#[derive(Clone)]
struct Wheel<E> {
    /// What levels are relative to. No event of the wheel is earlier.
    cursor: u64,
    /// Events in all slots.
    len: usize,
    /// A bit for each level that has an occupied slot.
    levels: u32,
    /// A bit for each occupied slot.
    occupied: [[u64; SLOTS / 64]; LEVELS],
    slots: Box<[Slot; LEVELS * SLOTS]>,
    /// Chunk `c` is `entries[c * CHUNK..][..CHUNK]`.
    entries: Vec<Entry<E>>,
    /// The chunk after each chunk of a slot, or of the list of free chunks.
    next: Vec<u32>,
    /// The chunk freed last.
    free: u32,
}

/// A bag: a chain of chunks, all full but the last.
#[derive(Clone, Copy)]
struct Slot {
    head: u32,
    tail: u32,
    len: u32,
}

impl Slot {
    const EMPTY: Slot = Slot { head: END, tail: END, len: 0 };
}

impl<E: Copy> Wheel<E> {
    fn new() -> Self {
        Wheel {
            cursor: 0,
            len: 0,
            levels: 0,
            occupied: [[0; SLOTS / 64]; LEVELS],
            slots: Box::new([Slot::EMPTY; LEVELS * SLOTS]),
            entries: Vec::new(),
            next: Vec::new(),
            free: END,
        }
    }

    /// The soonest occupied slot.
    #[inline]
    fn first(&self) -> Option<usize> {
        let level = self.levels.trailing_zeros() as usize;
        let words = self.occupied.get(level)?;
        let word = words.iter().position(|&word| word != 0)?;
        Some(level * SLOTS + word * 64 + words[word].trailing_zeros() as usize)
    }

    /// The first instant a slot covers.
    #[inline]
    fn start_of(&self, slot: usize) -> u64 {
        let shift = slot / SLOTS * 8;
        ((self.cursor >> shift & !0xff) | (slot % SLOTS) as u64) << shift
    }

    /// The last instant a slot covers.
    #[inline]
    fn end_of(&self, slot: usize) -> u64 {
        let shift = slot / SLOTS * 8;
        self.start_of(slot) | ((1 << shift) - 1)
    }

    /// The time of the soonest event.
    fn soonest(&self) -> Option<u64> {
        let slot = self.slots[self.first()?];
        let (mut chunk, mut left) = (slot.head as usize, slot.len as usize);
        let mut soonest = u64::MAX;
        while left > 0 {
            let entries = &self.entries[chunk * CHUNK..][..left.min(CHUNK)];
            soonest = entries.iter().fold(soonest, |min, entry| min.min(entry.at));
            left -= entries.len();
            chunk = self.next[chunk] as usize;
        }
        Some(soonest)
    }

    /// Puts an event, not before the cursor, at the end of its slot.
    #[inline(never)]
    fn place(&mut self, entry: Entry<E>) {
        self.place_here(entry);
    }

    /// The same within a loop over many, where the call would be a fifth of it.
    #[inline(always)]
    fn place_here(&mut self, entry: Entry<E>) {
        // An event at the cursor itself differs in no byte and belongs to the lowest level.
        let differing = (entry.at ^ self.cursor) | 1;
        let level = (63 - differing.leading_zeros()) as usize / 8;
        let byte = (entry.at >> (level * 8)) as usize % SLOTS;
        let slot = level * SLOTS + byte;
        let offset = self.slots[slot].len as usize % CHUNK;
        if offset == 0 {
            let chunk = self.new_chunk(entry);
            let slot = &mut self.slots[slot];
            if slot.len == 0 {
                slot.head = chunk;
                self.levels |= 1 << level;
                self.occupied[level][byte / 64] |= 1 << (byte % 64);
            } else {
                self.next[slot.tail as usize] = chunk;
            }
            slot.tail = chunk;
        }
        let slot = &mut self.slots[slot];
        self.entries[slot.tail as usize * CHUNK + offset] = entry;
        slot.len += 1;
        self.len += 1;
    }

    /// A chunk to be written to; `filler` initialises it if it is a new one.
    #[inline]
    fn new_chunk(&mut self, filler: Entry<E>) -> u32 {
        let chunk = self.free;
        if chunk != END {
            self.free = self.next[chunk as usize];
            return chunk;
        }
        let chunk = self.next.len() as u32;
        // Keeps the length of a slot within its u32.
        assert!(chunk < END / CHUNK as u32, "more than four thousand million events are pending");
        self.next.push(END);
        self.entries.resize((chunk as usize + 1) * CHUNK, filler);
        chunk
    }

    /// Marks a slot as empty and says what was in it.
    #[inline]
    fn vacate(&mut self, slot: usize) -> Slot {
        let bag = std::mem::replace(&mut self.slots[slot], Slot::EMPTY);
        self.len -= bag.len as usize;
        let (level, byte) = (slot / SLOTS, slot % SLOTS);
        let words = &mut self.occupied[level];
        words[byte / 64] &= !(1 << (byte % 64));
        if *words == [0; SLOTS / 64] {
            self.levels &= !(1 << level);
        }
        bag
    }

    /// Moves the events of a slot to the end of `run`, in order of arrival.
    #[inline]
    fn take(&mut self, slot: usize, run: &mut Vec<Entry<E>>) {
        let bag = self.vacate(slot);
        let (mut chunk, mut left) = (bag.head as usize, bag.len as usize);
        while left > 0 {
            let entries = &self.entries[chunk * CHUNK..][..left.min(CHUNK)];
            run.extend_from_slice(entries);
            left -= entries.len();
            chunk = self.next[chunk] as usize;
        }
        self.next[bag.tail as usize] = self.free;
        self.free = bag.head;
    }

    /// Moves the cursor to the start of the soonest slot and that slot's events to the levels below;
    /// says which slot is the soonest then.
    #[inline(never)]
    fn spread(&mut self, slot: usize) -> usize {
        self.cursor = self.start_of(slot);
        let bag = self.vacate(slot);
        let (mut chunk, mut left) = (bag.head, bag.len as usize);
        while left > 0 {
            let start = chunk as usize * CHUNK;
            let count = left.min(CHUNK);
            for index in start..start + count {
                self.place_here(self.entries[index]);
            }
            left -= count;
            let after = std::mem::replace(&mut self.next[chunk as usize], self.free);
            self.free = chunk;
            chunk = after;
        }
        self.first().expect("the events were just placed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::time::Span;

    #[test]
    fn nothing_is_allocated_in_the_steady_state() {
        let mut queue = EventQueue::new();
        let mut bits = 1_u64;
        let mut delay = || {
            bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            Span::from_ns(bits >> 36)
        };
        (0..5_000).for_each(|event| queue.push(Time::ZERO + delay(), event));
        let mut hold = |queue: &mut EventQueue<u32>| {
            for _ in 0..100_000 {
                let (now, event) = queue.pop().expect("the number of events is constant");
                queue.push(now + delay(), event);
            }
            [queue.run.capacity(), queue.wheel.entries.capacity(), queue.ready.capacity()]
        };
        assert_eq!(hold(&mut queue), hold(&mut queue));
    }

    #[test]
    #[should_panic(expected = "event in the past: 9ns < 10ns")]
    fn an_event_in_the_past_is_refused() {
        let mut queue = EventQueue::new();
        queue.push(Time::from_ns(10), 'a');
        queue.pop();
        queue.push(Time::from_ns(9), 'b');
    }
}
