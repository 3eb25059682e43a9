//! A latency histogram: HDR buckets with three significant digits, so every percentile is right within 0.1 %.
//!
//! The buckets are those of Gil Tene's HdrHistogram, counted here because every request and every switch of a hub is: adding a span
//! is a division by a constant, a count of zeros and four sums. The counts reach as far as the longest span so far, so clearing
//! a histogram and asking it for percentiles cost little. The tests hold it against the published crate.

use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::kit::time::Span;

/// Counts of spans, 100 ns to [`Hist::CAP`].
#[derive(Clone, Debug)]
pub struct Hist {
    /// How many spans fell into each bucket, up to the last that has any.
    counts: Vec<u64>,
    total: u64,
    /// Exact sum, because a bucketed mean would not be.
    sum: u128,
    max: Span,
    min: Span,
}

/// The bucket of a span.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Bucket(u32);

impl Default for Hist {
    fn default() -> Self {
        Self::new()
    }
}

/// Buckets of an octave are this many, a power of two: three significant digits need a thousand.
const OCTAVE_BITS: u32 = 10;
impl Hist {
    /// Largest span kept apart; longer ones count as this.
    pub const CAP: Span = Span::from_secs(100_000);
    /// What one bucket unit is: finer than any cost we model.
    const UNIT_NS: u64 = 100;

    /// An empty histogram.
    pub fn new() -> Hist {
        Hist { counts: Vec::new(), total: 0, sum: 0, max: Span::ZERO, min: Span::MAX }
    }

    /// Adds one span.
    #[inline]
    pub fn add(&mut self, span: Span) {
        self.add_in(Hist::bucket(span), span);
    }

    /// The bucket that a span falls into: the same in every histogram.
    #[inline]
    pub(crate) fn bucket(span: Span) -> Bucket {
        let units = (span.as_ns() / Self::UNIT_NS).clamp(1, Self::CAP.as_ns() / Self::UNIT_NS);
        // Units up to 2,047 have a bucket each; from there on every octave has half as many.
        let octave = (63 - OCTAVE_BITS) - (units | ((2 << OCTAVE_BITS) - 1)).leading_zeros();
        Bucket(((octave << OCTAVE_BITS) as u64 + (units >> octave)) as u32)
    }

    /// Adds one span whose bucket is known.
    #[inline]
    pub(crate) fn add_in(&mut self, Bucket(at): Bucket, span: Span) {
        let at = at as usize;
        if at >= self.counts.len() {
            self.reach(at);
        }
        self.counts[at] += 1;
        self.total += 1;
        self.sum += u128::from(span.as_ns());
        self.max = self.max.max(span);
        self.min = self.min.min(span);
    }

    #[cold]
    #[inline(never)]
    fn reach(&mut self, at: usize) {
        self.counts.resize(at + 1, 0);
    }

    /// Buckets of a histogram whose longest span is this.
    pub(crate) fn buckets_to(longest: Span) -> u64 {
        u64::from(Hist::bucket(longest).0) + 1
    }

    /// Adds all of another histogram.
    pub fn merge(&mut self, other: &Hist) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
        self.total += other.total;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
    }

    /// Adds those spans of another histogram that are longer than this, each as the longest of its bucket.
    pub fn merge_beyond(&mut self, other: &Hist, than: Span) {
        for (span, count) in other.buckets().filter(|&(span, _)| span > than) {
            let at = Hist::bucket(span).0 as usize;
            if at >= self.counts.len() {
                self.reach(at);
            }
            self.counts[at] += count;
            self.total += count;
            self.sum += u128::from(span.as_ns()) * u128::from(count);
            self.max = self.max.max(span);
            self.min = self.min.min(span);
        }
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.counts.clear();
        self.total = 0;
        self.sum = 0;
        self.max = Span::ZERO;
        self.min = Span::MAX;
    }

    /// How many spans were added.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The span that a share `p` (0 to 1) of the spans do not exceed; `None` when empty.
    pub fn quantile(&self, p: f64) -> Option<Span> {
        if self.count() == 0 {
            return None;
        }
        if p >= 1.0 {
            return Some(self.max);
        }
        let wanted = (libm::ceil(p * self.total as f64) as u64).max(1);
        Some(upper_edge(self.bucket_of_rank(wanted)).clamp(self.min, self.max))
    }

    /// The bucket of the span that so many do not exceed, itself counted: first whole pieces of the counts, then one by one.
    fn bucket_of_rank(&self, rank: u64) -> Bucket {
        let first = Hist::bucket(self.min).0 as usize;
        let (mut at, mut seen) = (first, 0);
        for piece in self.counts[first..].chunks(16) {
            let sum: u64 = piece.iter().sum();
            if seen + sum >= rank {
                break;
            }
            seen += sum;
            at += piece.len();
        }
        let reaches = |&count: &u64| {
            seen += count;
            seen >= rank
        };
        at += self.counts[at..].iter().position(reaches).expect("no rank is beyond the last span");
        Bucket(at as u32)
    }

    /// Mean, exact to the nanosecond; `None` when empty.
    pub fn mean(&self) -> Option<Span> {
        let count = u128::from(self.count());
        (count > 0).then(|| Span::from_ns(u64::try_from((self.sum + count / 2) / count).unwrap_or(u64::MAX)))
    }

    /// Exact sum of all spans, in ns.
    pub fn sum_ns(&self) -> u128 {
        self.sum
    }

    /// Largest span added, exact; `None` when empty.
    pub fn max(&self) -> Option<Span> {
        (self.count() > 0).then_some(self.max)
    }

    /// Smallest span added, exact; `None` when empty.
    pub fn min(&self) -> Option<Span> {
        (self.count() > 0).then_some(self.min)
    }

    /// (upper edge, count) of the occupied buckets in ascending order.
    pub fn buckets(&self) -> impl Iterator<Item = (Span, u64)> + '_ {
        let occupied = (0..).zip(&self.counts).filter(|&(_, &count)| count > 0);
        occupied.map(|(at, &count)| (upper_edge(Bucket(at)), count))
    }
}

/// The last unit of a bucket.
pub(crate) fn upper_edge(Bucket(at): Bucket) -> Span {
    let octave = (at >> OCTAVE_BITS).saturating_sub(1);
    let first = ((at - (octave << OCTAVE_BITS)) as u64) << octave;
    Span::from_ns((first + (1 << octave) - 1) * Hist::UNIT_NS)
}

impl Serialize for Hist {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Hist", 8)?;
        out.serialize_field("count", &self.count())?;
        out.serialize_field("mean_ns", &self.mean())?;
        out.serialize_field("min_ns", &self.min())?;
        out.serialize_field("p50_ns", &self.quantile(0.5))?;
        out.serialize_field("p90_ns", &self.quantile(0.9))?;
        out.serialize_field("p99_ns", &self.quantile(0.99))?;
        out.serialize_field("p999_ns", &self.quantile(0.999))?;
        out.serialize_field("max_ns", &self.max())?;
        out.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_counts_as_the_published_histogram_does(
            spans in prop::collection::vec((0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift), 1..300),
        ) {
            let mut twin = Histogram::<u64>::new_with_bounds(1, Hist::CAP.as_ns() / Hist::UNIT_NS, 3).expect("good bounds");
            twin.auto(false);
            let (mut some, mut others) = (Hist::new(), Hist::new());
            for (turn, &ns) in spans.iter().enumerate() {
                twin.saturating_record((ns / Hist::UNIT_NS).clamp(1, Hist::CAP.as_ns() / Hist::UNIT_NS));
                let hist = if turn % 3 == 0 { &mut others } else { &mut some };
                hist.add(Span::from_ns(ns));
            }
            some.merge(&others);
            prop_assert_eq!(some.count(), twin.len());
            let (min, max) = (spans.iter().copied().min(), spans.iter().copied().max());
            prop_assert_eq!((some.min().map(Span::as_ns), some.max().map(Span::as_ns)), (min, max));
            for p in [0.0001, 0.5, 0.9, 0.99, 0.999] {
                let (low, high) = (min.expect("there are some"), max.expect("there are some"));
                let theirs = (twin.value_at_quantile(p) * Hist::UNIT_NS).clamp(low, high);
                prop_assert_eq!(some.quantile(p).map(Span::as_ns), Some(theirs));
            }
            let theirs = twin.iter_recorded().map(|bucket| (bucket.value_iterated_to() * Hist::UNIT_NS, bucket.count_at_value()));
            let ours = some.buckets().map(|(edge, count)| (edge.as_ns(), count));
            prop_assert_eq!(ours.collect::<Vec<_>>(), theirs.collect::<Vec<_>>());
        }
    }

    #[test]
    fn around_the_cap_a_longer_span_is_in_no_lower_bucket() {
        let around = (99_000..120_000_u64).step_by(7).map(Span::from_secs).chain([Span::MAX]);
        let buckets: Vec<Bucket> = around.map(Hist::bucket).collect();
        assert!(buckets.is_sorted());
        let mut hist = Hist::new();
        [105_000, 1_000_000].map(Span::from_secs).iter().for_each(|&span| hist.add(span));
        assert_eq!(
            hist.quantile(0.9),
            Some(Span::from_secs(105_000)),
            "what is beyond the cap is told as the least of it"
        );
    }

    #[test]
    fn a_cleared_histogram_is_as_good_as_new() {
        let mut hist = Hist::new();
        hist.add(Span::from_ms(5));
        hist.clear();
        assert_eq!((hist.count(), hist.quantile(0.5), hist.buckets().count()), (0, None, 0));
        hist.add(Span::from_us(7));
        assert_eq!(hist.buckets().count(), 1);
    }
}
