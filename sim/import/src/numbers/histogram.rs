//! A histogram of durations whose buckets are each about one per cent wide, after HdrHistogram's: constant memory, and exact to mix.

/// Buckets of one doubling: a value is known to 1/64 of itself.
const PER_OCTAVE: usize = 64;
/// Doublings above one nanosecond: 2^50 ns are thirteen days.
const OCTAVES: usize = 50;

/// Durations in nanoseconds, by buckets of a sixty-fourth of their value.
#[derive(Clone, Debug, Default)]
pub struct LatencySketch {
    counts: Vec<u64>,
    total: u64,
    sum: f64,
    max: u64,
}

impl LatencySketch {
    /// Adds a duration.
    pub fn add(&mut self, ns: u64) {
        self.add_many(ns, 1);
    }

    /// Adds as many equal durations.
    pub fn add_many(&mut self, ns: u64, times: u64) {
        if times == 0 {
            return;
        }
        let at = bucket(ns);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += times;
        self.total += times;
        self.sum += ns as f64 * times as f64;
        self.max = self.max.max(ns);
    }

    /// Adds all of another one.
    pub fn mix(&mut self, other: &LatencySketch) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.sum += other.sum;
        self.max = self.max.max(other.max);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// Their mean in nanoseconds; none without values.
    pub fn mean(&self) -> Option<f64> {
        (self.total > 0).then(|| self.sum / self.total as f64)
    }

    /// The longest.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// The value below which a share of them lies, in nanoseconds.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.total == 0 {
            return None;
        }
        let rank = libm::floor(share.clamp(0.0, 1.0) * self.total as f64).min(self.total as f64 - 1.0) as u64;
        let mut seen = 0;
        for (at, &count) in self.counts.iter().enumerate() {
            seen += count;
            if seen > rank {
                return Some(middle(at).min(self.max as f64));
            }
        }
        Some(self.max as f64)
    }

    /// The 95 % interval of a quantile by the ranks around it (binomial, without an assumption about the law).
    pub fn quantile_interval(&self, share: f64) -> Option<(f64, f64)> {
        let n = self.total as f64;
        let spread = 1.96 * libm::sqrt(share * (1.0 - share) / n.max(1.0));
        Some((self.quantile(share - spread)?, self.quantile(share + spread)?))
    }
}

fn bucket(ns: u64) -> usize {
    if ns < PER_OCTAVE as u64 {
        return ns as usize;
    }
    let octave = ns.ilog2() as usize;
    let within = (ns >> (octave - 6)) as usize - PER_OCTAVE;
    ((octave - 5) * PER_OCTAVE + within).min(OCTAVES * PER_OCTAVE - 1)
}

fn middle(at: usize) -> f64 {
    if at < PER_OCTAVE {
        return at as f64;
    }
    let (octave, within) = (at / PER_OCTAVE + 5, at % PER_OCTAVE);
    let width = libm::exp2(octave as f64 - 6.0);
    (PER_OCTAVE + within) as f64 * width + width / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_known_to_a_hundredth() {
        let mut sketch = LatencySketch::default();
        for ns in 1..=100_000_u64 {
            sketch.add(ns * 1_000);
        }
        for share in [0.01, 0.5, 0.9, 0.99] {
            let found = sketch.quantile(share).unwrap();
            assert!((found / (share * 1e8) - 1.0).abs() < 0.012, "{share}: {found}");
        }
        assert_eq!(sketch.count(), 100_000);
    }

    #[test]
    fn an_empty_one_has_no_quantile() {
        assert_eq!(LatencySketch::default().quantile(0.5), None);
        assert_eq!(LatencySketch::default().mean(), None);
    }

    #[test]
    fn two_mixed_are_as_one() {
        let (mut one, mut other, mut both) =
            (LatencySketch::default(), LatencySketch::default(), LatencySketch::default());
        for ns in 0..5_000_u64 {
            let half = if ns % 2 == 0 { &mut one } else { &mut other };
            half.add(ns * ns);
            both.add(ns * ns);
        }
        one.mix(&other);
        assert_eq!(one.quantile(0.9), both.quantile(0.9));
        assert_eq!(one.max(), both.max());
    }

    #[test]
    fn the_longest_duration_that_can_be_written_has_a_bucket() {
        let mut sketch = LatencySketch::default();
        sketch.add(u64::MAX);
        sketch.add(0);
        assert_eq!(sketch.count(), 2);
        assert!(sketch.quantile(1.0).is_some());
    }
}
