//! The plain queue of pending events: a binary heap with sequence numbers.
//!
//! It says in forty lines what [`EventQueue`] must do in four hundred: the reference of its tests,
//! which are at the end of this file, and the measure of its benches. The engine does not use it.
//!
//! [`EventQueue`]: crate::kit::event::EventQueue

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::kit::time::Time;

/// Events waiting for their time, first in, first out among equal times: the slow, obvious way.
///
/// A push and a pop together take from 26 ns at ten to about 1,400 ns at a million pending events.
#[derive(Clone, Debug)]
pub struct HeapQueue<E> {
    heap: BinaryHeap<Entry<E>>,
    /// Number of the next push.
    seq: u64,
    /// Time of the last pop.
    now: Time,
}

/// Compared by its key alone, which is unique.
#[derive(Clone, Debug)]
struct Entry<E> {
    /// Reversed, because the heap gives the largest first.
    key: (Reverse<Time>, Reverse<u64>),
    event: E,
}

impl<E: Copy> HeapQueue<E> {
    /// An empty queue at [`Time::ZERO`].
    pub fn new() -> Self {
        HeapQueue { heap: BinaryHeap::new(), seq: 0, now: Time::ZERO }
    }

    /// Adds an event that happens at `at`, after all events already pushed for that instant.
    ///
    /// # Panics
    /// If `at` is before the time of the last pop.
    pub fn push(&mut self, at: Time, event: E) {
        assert!(at >= self.now, "event in the past: {at} < {}", self.now);
        let key = (Reverse(at), Reverse(self.seq));
        self.heap.push(Entry { key, event });
        self.seq += 1;
    }

    /// Takes the soonest event; among events of one instant the one pushed first.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Entry { key, event } = self.heap.pop()?;
        self.now = key.0.0;
        Some((self.now, event))
    }

    /// The time of the soonest event.
    pub fn peek(&self) -> Option<Time> {
        self.heap.peek().map(|entry| entry.key.0.0)
    }

    /// Pending events.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether no event is pending.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<E: Copy> Default for HeapQueue<E> {
    fn default() -> Self {
        HeapQueue::new()
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::event::EventQueue;
    use crate::kit::time::Span;
    use proptest::prelude::*;

    #[test]
    fn the_soonest_comes_first_and_equals_in_the_order_of_pushing() {
        let mut queue = HeapQueue::default();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b'), (5, 'e')] {
            queue.push(Time::from_ns(at), event);
        }
        assert_eq!((queue.peek(), queue.len()), (Some(Time::from_ns(1)), 5));
        let events: String = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(events, "abcde");
        assert!(queue.is_empty());
    }

    #[test]
    #[should_panic(expected = "event in the past: 9ns < 10ns")]
    fn an_event_in_the_past_is_refused() {
        let mut queue = HeapQueue::new();
        queue.push(Time::from_ns(10), ());
        queue.pop();
        queue.push(Time::from_ns(9), ());
    }

    /// The queue of the engine and this one, driven alike and compared at each step.
    #[derive(Default)]
    struct Pair {
        queue: EventQueue<u32>,
        twin: HeapQueue<u32>,
        now: Time,
        pushed: u32,
    }

    impl Pair {
        fn push(&mut self, at: Time) {
            self.queue.push(at, self.pushed);
            self.twin.push(at, self.pushed);
            self.pushed += 1;
        }

        fn push_after(&mut self, delay_ns: u64) {
            self.push(self.now.saturating_add(Span::from_ns(delay_ns)));
        }

        fn pop(&mut self) -> Option<(Time, u32)> {
            assert_eq!(self.queue.peek(), self.twin.peek());
            let popped = self.queue.pop();
            assert_eq!(popped, self.twin.pop());
            assert_eq!(self.queue.len(), self.twin.len());
            assert_eq!(self.queue.is_empty(), self.twin.is_empty());
            self.now = popped.map_or(self.now, |(at, _)| at);
            popped
        }

        fn pops(&mut self, count: u16) {
            (0..count).for_each(|_| {
                self.pop();
            });
        }

        fn drain(&mut self) {
            while self.pop().is_some() {}
        }
    }

    /// One thing done to the pair.
    #[derive(Clone, Debug)]
    enum Step {
        /// Push so far ahead, in nanoseconds.
        Push(u64),
        /// Push so far ahead, so often.
        Burst(u64, u16),
        /// Push next to the next multiple of a power of two: before it, at it or after it.
        Boundary(u8, u8),
        /// Pop so often.
        Pop(u8),
        /// Pop and push so far ahead, so often: the hold model.
        Hold(u64, u8),
        /// Pop everything.
        Drain,
    }

    fn delay() -> impl Strategy<Value = u64> {
        prop_oneof![
            3 => Just(0),
            2 => Just(1_200),
            2 => 0_u64..8,
            2 => 0_u64..100_000,
            3 => (0_u32..60, any::<u64>()).prop_map(|(bits, noise)| noise % (1 << bits)),
            1 => Just(1_000_000_000_000_000_000),
        ]
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            30 => delay().prop_map(Step::Push),
            2 => (delay(), 1_u16..200).prop_map(|(delay, count)| Step::Burst(delay, count)),
            5 => (0_u8..60, 0_u8..3).prop_map(|(bits, side)| Step::Boundary(bits, side)),
            20 => (1_u8..6).prop_map(Step::Pop),
            5 => (0_u64..1 << 40, 1_u8..50).prop_map(|(delay, count)| Step::Hold(delay, count)),
            1 => Just(Step::Drain),
        ]
    }

    fn act(pair: &mut Pair, step: &Step) {
        match *step {
            Step::Push(delay) => pair.push_after(delay),
            Step::Burst(delay, count) => (0..count).for_each(|_| pair.push_after(delay)),
            Step::Boundary(bits, side) => {
                let last_before = pair.now.as_ns() | ((1 << bits) - 1);
                pair.push(Time::from_ns(last_before).saturating_add(Span::from_ns(side.into())));
            }
            Step::Pop(count) => pair.pops(u16::from(count)),
            Step::Hold(delay, count) => {
                for turn in 0..u64::from(count) {
                    pair.pop();
                    pair.push_after(delay + turn % 3);
                }
            }
            Step::Drain => pair.drain(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]
        #[test]
        fn any_pushes_and_pops_give_the_heaps_order(
            steps in prop::collection::vec(step(), 1..300),
        ) {
            let mut pair = Pair::default();
            for step in &steps {
                act(&mut pair, step);
            }
            pair.drain();
        }
    }

    #[test]
    fn events_of_one_instant_come_in_the_order_they_were_pushed() {
        let mut pair = Pair::default();
        (0..5_000).for_each(|_| pair.push_after(7_000_000));
        for _ in 0..2_500 {
            pair.pop();
            pair.push_after(0);
            pair.push_after(1);
        }
        pair.drain();
        assert_eq!(pair.now, Time::from_ns(7_000_001));
    }

    #[test]
    fn a_burst_met_while_others_are_pending_keeps_its_place() {
        // Long and short of it: the burst goes through the run, sheds, and comes back by the wheel.
        let mut pair = Pair::default();
        for delay in [3, 70_000, 20_000_000, 6_000_000_000] {
            (0..100).for_each(|extra| pair.push_after(delay + extra % 2));
            (0..3_000).for_each(|_| pair.push_after(delay));
            pair.pops(1_500);
        }
        pair.drain();
    }

    #[test]
    fn an_instant_that_is_under_way_survives_a_crowd_of_later_events() {
        // The run holds many events of the current instant when later ones make it shed.
        let mut pair = Pair::default();
        (0..100).for_each(|_| pair.push_after(10));
        pair.pop();
        pair.push_after(0);
        (1..200).rev().for_each(|delay| pair.push_after(delay));
        pair.drain();
    }

    #[test]
    fn a_jump_over_years_of_idleness_keeps_the_order() {
        let mut pair = Pair::default();
        for round in 0..64 {
            pair.push_after(1_u64 << (round % 58));
            pair.push_after(1_000_000_000_000_000_000 >> (round % 50));
            pair.pop();
            pair.push_after(round);
        }
        pair.drain();
    }

    #[test]
    fn never_comes_last_but_is_an_instant_like_others() {
        let mut pair = Pair::default();
        (0..200).for_each(|_| pair.push(Time::NEVER));
        (0..200).for_each(|delay| pair.push_after(delay * 1_000));
        pair.pops(300);
        pair.push(Time::NEVER);
        pair.drain();
        assert_eq!(pair.now, Time::NEVER);
    }

    #[test]
    fn looking_ahead_moves_nothing() {
        let mut pair = Pair::default();
        pair.push_after(1_000_000_000);
        for delay in (1..1_000).rev() {
            assert_eq!(pair.queue.peek(), pair.twin.peek());
            pair.push_after(delay * 100);
        }
        pair.drain();
        assert_eq!(pair.queue.peek(), None);
    }
}
