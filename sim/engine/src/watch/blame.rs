//! Blame: where the time of requests went, kept apart by how long they took, so that the tail has a bill of its own.
//!
//! The bills of all good responses of a class are summed in rows, one for each eighth of a power of two of latency. The sum of the
//! rows is the class's bill, exactly; the row around a percentile says what the requests of that latency waited for.

use serde::Serialize;

use crate::kit::time::{Span, Time};
use crate::program::request::Request;
use crate::program::wait::Wait;

/// Rows of an octave: a power of two.
const OCTAVE_BITS: u32 = 3;
/// Requests that a bill around a percentile is made of at least, if there are as many: neighbours are taken in until then.
const AROUND_MIN: u64 = 20;
/// The slowest requests of a class that are kept with their bills.
const WORST_MAX: usize = 3;

/// The bills of one class by latency; by [`Wait`] unless it is said otherwise.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct BlameRows<const KINDS: usize = { Wait::KINDS }> {
    rows: Vec<Row<KINDS>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Row<const KINDS: usize> {
    count: u64,
    /// Nanoseconds by kind.
    bill: [u64; KINDS],
}

impl<const KINDS: usize> Default for Row<KINDS> {
    fn default() -> Self {
        Row { count: 0, bill: [0; KINDS] }
    }
}

/// What the requests of about one latency waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Around<const KINDS: usize = { Wait::KINDS }> {
    /// How many they are.
    pub count: u64,
    /// No shorter latency is among them.
    pub from: Span,
    /// Every latency among them is shorter.
    pub to: Span,
    /// Sum of their bills, by kind.
    pub bill: [Span; KINDS],
}

impl Around {
    /// Part of their time that went into a wait, 0 to 1.
    pub fn share(&self, wait: Wait) -> f64 {
        let all: f64 = self.bill.iter().map(|span| span.as_ns() as f64).sum();
        if all > 0.0 { self.bill[wait as usize].as_ns() as f64 / all } else { 0.0 }
    }
}

/// The row of a latency.
fn row_of(latency: Span) -> usize {
    let ns = latency.as_ns().max(1 << OCTAVE_BITS);
    let octave = 63 - ns.leading_zeros();
    let part = (ns >> (octave - OCTAVE_BITS)) & ((1 << OCTAVE_BITS) - 1);
    ((octave - OCTAVE_BITS) << OCTAVE_BITS) as usize + part as usize
}

/// The shortest latency of a row.
fn row_begin(row: usize) -> Span {
    let (octave, part) = (row >> OCTAVE_BITS, row & ((1 << OCTAVE_BITS) - 1));
    // The first row takes whatever is shorter, too.
    if row == 0 { Span::ZERO } else { Span::from_ns(((1 << OCTAVE_BITS) + part as u64) << octave) }
}

impl<const KINDS: usize> BlameRows<KINDS> {
    /// Adds the bill of a good response.
    #[inline]
    pub(crate) fn add(&mut self, latency: Span, bill: &[Span; KINDS]) {
        let at = row_of(latency);
        if at >= self.rows.len() {
            self.reach(at);
        }
        let row = &mut self.rows[at];
        row.count += 1;
        row.bill.iter_mut().zip(bill).for_each(|(sum, part)| *sum += part.as_ns());
    }

    #[cold]
    #[inline(never)]
    fn reach(&mut self, at: usize) {
        self.rows.resize(at + 1, Row::default());
    }

    /// Adds all of another class's, or of another replication's.
    pub fn merge(&mut self, other: &BlameRows<KINDS>) {
        if self.rows.len() < other.rows.len() {
            self.rows.resize(other.rows.len(), Row::default());
        }
        for (row, more) in self.rows.iter_mut().zip(&other.rows) {
            row.add(more);
        }
    }

    /// The bill of all of them, by kind.
    pub fn total(&self) -> [Span; KINDS] {
        let mut all = Row::default();
        self.rows.iter().for_each(|row| all.add(row));
        all.bill.map(Span::from_ns)
    }

    /// What the requests of about this latency waited for; `None` if there are none at all.
    pub fn around(&self, latency: Span) -> Option<Around<KINDS>> {
        let (mut first, mut last) = (row_of(latency), row_of(latency));
        let mut all = self.rows.get(first).copied().unwrap_or_default();
        while all.count < AROUND_MIN && (first > 0 || last + 1 < self.rows.len()) {
            if first > 0 {
                first -= 1;
                all.add(&self.rows.get(first).copied().unwrap_or_default());
            }
            if last + 1 < self.rows.len() {
                last += 1;
                all.add(&self.rows[last]);
            }
        }
        let (from, to) = (row_begin(first), row_begin(last + 1));
        (all.count > 0).then(|| Around { count: all.count, from, to, bill: all.bill.map(Span::from_ns) })
    }
}

impl<const KINDS: usize> Row<KINDS> {
    fn add(&mut self, other: &Row<KINDS>) {
        self.count += other.count;
        self.bill.iter_mut().zip(other.bill).for_each(|(sum, part)| *sum += part);
    }
}

/// One of the slowest requests that were answered well.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Worst {
    /// Index of its class.
    pub class: u16,
    /// When its sender asked.
    pub born: Time,
    /// How long it took.
    pub latency: Span,
    /// Time by [`Wait`], in [`Wait::ALL`] order.
    pub bill: [Span; Wait::KINDS],
}

/// The slowest requests of a class, the slowest first; of equals the one that ended first.
#[derive(Clone, Default, Debug)]
pub struct WorstList {
    list: Vec<Worst>,
}

impl WorstList {
    #[inline]
    pub(crate) fn note(&mut self, request: &Request, latency: Span) {
        let enters = self.list.len() < WORST_MAX || self.list.last().is_some_and(|last| latency > last.latency);
        if enters {
            self.insert(request, latency);
        }
    }

    #[cold]
    #[inline(never)]
    fn insert(&mut self, request: &Request, latency: Span) {
        let at = self.list.partition_point(|worst| worst.latency >= latency);
        self.list.truncate(WORST_MAX - 1);
        self.list.insert(at, Worst { class: request.class(), born: request.born(), latency, bill: *request.bill() });
    }

    /// All of them.
    pub fn all(&self) -> &[Worst] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_latency_lies_within_its_row_which_is_an_eighth_wide(bits in any::<u64>(), shift in 0_u32..60) {
            let latency = Span::from_ns(bits >> shift >> 4);
            let row = row_of(latency);
            prop_assert!(row_begin(row) <= latency && latency < row_begin(row + 1));
            prop_assert!(row_begin(row + 1).as_ns() - row_begin(row).as_ns() <= (latency.as_ns() / 8).max(9));
        }

        #[test]
        fn the_rows_add_up_to_what_was_added(spans in prop::collection::vec(1_u64..1 << 40, 1..200)) {
            let mut rows: BlameRows = BlameRows::default();
            for &ns in &spans {
                let mut bill = [Span::ZERO; Wait::KINDS];
                bill[(ns % Wait::KINDS as u64) as usize] = Span::from_ns(ns);
                rows.add(Span::from_ns(ns), &bill);
            }
            let sum: Span = rows.total().into_iter().sum();
            prop_assert_eq!(sum.as_ns(), spans.iter().sum::<u64>());
            let around = rows.around(Span::from_ns(spans[0])).expect("there are some");
            prop_assert!(around.count >= (spans.len() as u64).min(AROUND_MIN));
            prop_assert!(around.from.as_ns() <= spans[0] && spans[0] < around.to.as_ns());
        }
    }

    #[test]
    fn the_tail_has_a_bill_of_its_own() {
        let mut rows: BlameRows = BlameRows::default();
        let bill = |wait: Wait, ms| {
            let mut bill = [Span::ZERO; Wait::KINDS];
            bill[wait as usize] = Span::from_ms(ms);
            bill
        };
        (0..980).for_each(|_| rows.add(Span::from_ms(10), &bill(Wait::Peer, 10)));
        (0..20).for_each(|_| rows.add(Span::from_ms(200), &bill(Wait::Hub, 200)));
        let tail = rows.around(Span::from_ms(200)).expect("there are some");
        assert_eq!((tail.count, tail.share(Wait::Hub), tail.share(Wait::Peer)), (20, 1.0, 0.0));
        let median = rows.around(Span::from_ms(10)).expect("there are some");
        assert_eq!((median.count, median.share(Wait::Peer)), (980, 1.0));
    }
}
