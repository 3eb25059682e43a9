//! A few spans, for percentiles as a histogram has them: kept one by one until they are asked for.
//!
//! A step of a series sees some hundreds of latencies, which are scattered over a histogram of tens of kilobytes. Kept as a list they lie
//! side by side, and a percentile is found by selection when the step ends. What comes out is what [`Hist`] says. When there are more
//! than a few, the histogram takes them.

use crate::kit::hist::{Bucket, Hist, upper_edge};
use crate::kit::time::Span;

/// So many are kept one by one: 16 KiB.
const FEW: usize = 4_096;

/// Spans that were added since they were taken last.
#[derive(Clone, Default, Debug)]
pub(crate) struct Few {
    buckets: Vec<Bucket>,
    /// Those before them, if they were more than a few, each as the longest of its bucket.
    many: Hist,
    min: Span,
    max: Span,
}

impl Few {
    /// Adds one span whose bucket is known.
    #[inline]
    pub(crate) fn add_in(&mut self, bucket: Bucket, span: Span) {
        if self.buckets.len() == FEW {
            self.give_to_many();
        }
        self.min = if self.buckets.is_empty() && self.many.count() == 0 { span } else { self.min.min(span) };
        self.max = self.max.max(span);
        self.buckets.push(bucket);
    }

    #[cold]
    #[inline(never)]
    fn give_to_many(&mut self) {
        self.buckets.drain(..).for_each(|bucket| self.many.add_in(bucket, upper_edge(bucket)));
    }

    /// What these shares of the spans do not exceed, smallest share first, and forgets the spans; `None` if there are none.
    pub(crate) fn take<const N: usize>(&mut self, shares: [f64; N]) -> [Option<Span>; N] {
        let mut out = [None; N];
        if self.many.count() > 0 {
            self.give_to_many();
            out = shares.map(|share| self.many.quantile(share).map(|span| span.clamp(self.min, self.max)));
            self.many.clear();
        }
        let count = self.buckets.len();
        let mut rest = &mut self.buckets[..];
        // From the largest share on down, so that each selection is among fewer.
        for (place, share) in out.iter_mut().zip(shares).rev().filter(|_| count > 0) {
            let rank = (libm::ceil(share * count as f64) as usize).clamp(1, count);
            let (_, &mut bucket, _) = rest.select_nth_unstable(rank - 1);
            *place = Some(upper_edge(bucket).clamp(self.min, self.max));
            rest = &mut rest[..rank];
        }
        self.buckets.clear();
        (self.min, self.max) = (Span::ZERO, Span::ZERO);
        out
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kit::hist::Hist;

    proptest! {
        #[test]
        fn a_list_says_what_a_histogram_says(
            rounds in prop::collection::vec(prop::collection::vec((0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift), 0..200), 1..4),
            times in prop_oneof![Just(1_usize), Just(60)],
        ) {
            let mut few = Few::default();
            for spans in rounds {
                let mut hist = Hist::new();
                for span in spans.iter().cycle().take(spans.len() * times).copied().map(Span::from_ns) {
                    hist.add(span);
                    few.add_in(Hist::bucket(span), span);
                }
                let shares = [0.01, 0.5, 0.9, 0.99];
                prop_assert_eq!(few.take(shares), shares.map(|share| hist.quantile(share)));
            }
        }
    }
}
