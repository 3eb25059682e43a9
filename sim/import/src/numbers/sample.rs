//! A bounded sample of a long row of numbers, chosen without chance: every value, then every second, every fourth and so on.

/// Values that a sample keeps at most.
pub const SAMPLE_MAX: usize = 2_048;

/// Every k-th of the values that came, in their order; k doubles whenever the sample is full.
#[derive(Clone, Debug)]
pub struct Sample {
    values: Vec<f64>,
    stride: u64,
    seen: u64,
    moments: Moments,
}

impl Default for Sample {
    fn default() -> Sample {
        Sample { values: Vec::new(), stride: 1, seen: 0, moments: Moments::default() }
    }
}

impl Sample {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        if self.seen.is_multiple_of(self.stride) {
            if self.values.len() == SAMPLE_MAX {
                let mut at = 0_usize;
                self.values.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride *= 2;
            }
            if self.seen.is_multiple_of(self.stride) {
                self.values.push(value);
            }
        }
        self.seen += 1;
        self.moments.add(value);
    }

    /// How many came.
    pub fn count(&self) -> u64 {
        self.seen
    }

    /// Mean and deviation of all that came.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// What is kept, in the order in which it came.
    pub fn in_order(&self) -> &[f64] {
        &self.values
    }

    /// What is kept, smallest first.
    pub fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// A quantile of what is kept; zero without values.
    pub fn quantile(&self, share: f64) -> f64 {
        of_sorted(&self.sorted(), share)
    }

    /// Everything through a function, in the same order.
    pub fn map(&self, change: impl Fn(f64) -> f64) -> Sample {
        let mut changed = Sample::default();
        for &value in &self.values {
            changed.add(change(value));
        }
        changed
    }
}

/// A quantile of sorted values; zero without values.
pub fn of_sorted(sorted: &[f64], share: f64) -> f64 {
    let at = libm::floor(share.clamp(0.0, 1.0) * sorted.len() as f64) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(0.0)
}

/// Count, mean and deviation in one pass (Welford).
#[derive(Clone, Copy, Debug, Default)]
pub struct Moments {
    n: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds a value.
    pub fn add(&mut self, value: f64) {
        self.n += 1;
        let off = value - self.mean;
        self.mean += off / self.n as f64;
        self.squares += off * (value - self.mean);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.n
    }

    /// Their mean; zero without values.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Their variance; zero for less than two.
    pub fn variance(&self) -> f64 {
        if self.n < 2 { 0.0 } else { self.squares / (self.n - 1) as f64 }
    }

    /// Half of the 95 % interval of the mean.
    pub fn error(&self) -> f64 {
        1.96 * libm::sqrt(self.variance() / self.n.max(1) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sample_keeps_every_second_and_goes_on() {
        let mut sample = Sample::default();
        for value in 0..100_000 {
            sample.add(f64::from(value));
        }
        assert!(sample.in_order().len() <= SAMPLE_MAX);
        assert_eq!(sample.count(), 100_000);
        assert!((sample.quantile(0.5) - 50_000.0).abs() < 100.0);
        let steps: Vec<f64> = sample.in_order().windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().all(|step| *step == steps[0]), "evenly chosen");
    }

    #[test]
    fn the_sample_at_its_limit_is_whole_and_one_beyond_is_halved() {
        let mut sample = Sample::default();
        for value in 0..SAMPLE_MAX {
            sample.add(value as f64);
        }
        assert_eq!(sample.in_order().len(), SAMPLE_MAX);
        sample.add(0.0);
        assert_eq!(sample.in_order().len(), SAMPLE_MAX / 2 + 1);
    }

    #[test]
    fn mean_and_deviation_are_those_of_all_values() {
        let mut moments = Moments::default();
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            moments.add(value);
        }
        assert_eq!(moments.mean(), 5.0);
        assert!((moments.variance() - 32.0 / 7.0).abs() < 1e-12);
    }
}
