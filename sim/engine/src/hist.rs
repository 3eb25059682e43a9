//! A latency histogram: HDR buckets with three significant digits, so every percentile is right within 0.1 %.

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::time::Span;

/// Counts of spans, one microsecond to [`Hist::CAP`].
#[derive(Clone, Debug)]
pub struct Hist {
    inner: Histogram<u64>,
    /// Exact sum, because a bucketed mean would not be.
    sum: u128,
    max: Span,
    min: Span,
}

impl Default for Hist {
    fn default() -> Self {
        Self::new()
    }
}

impl Hist {
    /// Largest span kept apart; longer ones count as this.
    pub const CAP: Span = Span::from_secs(100_000);
    /// What one bucket unit is: finer than any cost we model.
    const UNIT_NS: u64 = 100;

    /// An empty histogram.
    pub fn new() -> Hist {
        let mut inner = Histogram::new_with_bounds(1, Self::CAP.as_ns() / Self::UNIT_NS, 3)
            .expect("the bounds are constants that hdrhistogram accepts");
        inner.auto(false);
        Hist { inner, sum: 0, max: Span::ZERO, min: Span::MAX }
    }

    /// Adds one span.
    pub fn add(&mut self, span: Span) {
        self.inner.saturating_record((span.as_ns() / Self::UNIT_NS).max(1));
        self.sum += u128::from(span.as_ns());
        self.max = self.max.max(span);
        self.min = self.min.min(span);
    }

    /// Adds all of another histogram.
    pub fn merge(&mut self, other: &Hist) {
        self.inner.add(&other.inner).expect("all histograms have the same bounds");
        self.sum += other.sum;
        self.max = self.max.max(other.max);
        self.min = self.min.min(other.min);
    }

    /// Forgets everything, keeping the memory.
    pub fn clear(&mut self) {
        self.inner.reset();
        self.sum = 0;
        self.max = Span::ZERO;
        self.min = Span::MAX;
    }

    /// How many spans were added.
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// The span that a share `p` (0 to 1) of the spans do not exceed; `None` when empty.
    pub fn quantile(&self, p: f64) -> Option<Span> {
        if self.count() == 0 {
            return None;
        }
        if p >= 1.0 {
            return Some(self.max);
        }
        let span = Span::from_ns(self.inner.value_at_quantile(p) * Self::UNIT_NS);
        Some(span.clamp(self.min, self.max))
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
        self.inner
            .iter_recorded()
            .map(|bucket| (Span::from_ns(bucket.value_iterated_to() * Self::UNIT_NS), bucket.count_at_value()))
    }
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
