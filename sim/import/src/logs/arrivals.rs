//! Arrivals in bins: how many came a second, whether a Poisson process explains them, and how the rate went over the day.
//!
//! The index of dispersion (variance over mean of the counts of a bin) of a Poisson process is one; times n - 1 it is chi-square
//! distributed. It is taken within stretches of sixty bins, so that a rate that drifts over the day does not count as bursts.

use std::collections::BTreeMap;

/// Bins that are kept; when there are more, bins become twice as wide.
const BINS_MAX: usize = 120_000;
/// Bins of a stretch in which the rate is taken for constant.
const STRETCH: u64 = 60;

/// Counts of arrivals by time.
#[derive(Clone, Debug)]
pub struct ArrivalBins {
    width_s: u64,
    bins: BTreeMap<u64, u32>,
    first_ns: u64,
    last_ns: u64,
    total: u64,
}

impl Default for ArrivalBins {
    fn default() -> ArrivalBins {
        ArrivalBins { width_s: 1, bins: BTreeMap::new(), first_ns: u64::MAX, last_ns: 0, total: 0 }
    }
}

/// Whether arrivals are a Poisson process.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PoissonVerdict {
    /// Variance over mean of the counts.
    pub dispersion: f64,
    /// Where it lies in 95 of 100 Poisson processes.
    pub expected: (f64, f64),
    /// Width of a bin in seconds.
    pub width_s: u64,
    /// Bins that it was taken over.
    pub bins: u64,
}

/// Bursts between quiet times.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct BurstFit {
    /// The rate in a burst over the quiet one.
    pub factor: f64,
    /// Arrivals a second while it is quiet.
    pub quiet_rate: f64,
    /// Mean length of a burst in seconds.
    pub on_s: f64,
    /// Mean time between two in seconds.
    pub off_s: f64,
    /// Bursts that were seen.
    pub seen: u64,
}

impl PoissonVerdict {
    /// Whether it is inside of what a Poisson process shows.
    pub fn fits(&self) -> bool {
        (self.expected.0..=self.expected.1).contains(&self.dispersion)
    }
}

impl ArrivalBins {
    /// Adds an arrival.
    pub fn add(&mut self, ns: u64) {
        let bin = ns / 1_000_000_000 / self.width_s;
        match self.bins.last_entry() {
            Some(mut last) if *last.key() == bin => *last.get_mut() += 1,
            Some(_) | None => *self.bins.entry(bin).or_default() += 1,
        }
        (self.first_ns, self.last_ns) = (self.first_ns.min(ns), self.last_ns.max(ns));
        self.total += 1;
        if self.bins.len() > BINS_MAX {
            self.width_s *= 2;
            let mut wider = BTreeMap::new();
            for (bin, count) in std::mem::take(&mut self.bins) {
                *wider.entry(bin / 2).or_default() += count;
            }
            self.bins = wider;
        }
    }

    /// How many came.
    pub fn count(&self) -> u64 {
        self.total
    }

    /// The first arrival, nanoseconds since the epoch.
    pub fn first_ns(&self) -> Option<u64> {
        (self.total > 0).then_some(self.first_ns)
    }

    /// From the first to the last arrival, in seconds: of n arrivals n - 1 gaps lie in it.
    pub fn seconds(&self) -> f64 {
        if self.total < 2 { 0.0 } else { (self.last_ns - self.first_ns) as f64 / 1e9 }
    }

    /// Arrivals a second; `None` if all came at one instant.
    pub fn rate(&self) -> Option<f64> {
        let seconds = self.seconds();
        (seconds > 0.0).then(|| (self.total - 1) as f64 / seconds)
    }

    /// Whether a Poisson process explains them; `None` if there are too few to say.
    pub fn poisson(&self) -> Option<PoissonVerdict> {
        let (first, last) = (*self.bins.keys().next()? + 1, self.bins.keys().next_back()?.checked_sub(1)?);
        let (mut weighted, mut freedom, mut bins) = (0.0, 0.0, 0);
        let mut from = first;
        while from <= last {
            let to = (from + STRETCH - 1).min(last);
            let n = (to - from + 1) as f64;
            let counts = || self.bins.range(from..=to).map(|(_, count)| f64::from(*count));
            let (sum, squares) = (counts().sum::<f64>(), counts().map(|count| count * count).sum::<f64>());
            let mean = sum / n;
            if n >= 10.0 && mean >= 0.2 {
                weighted += (squares - n * mean * mean) / mean;
                freedom += n - 1.0;
                bins += to - from + 1;
            }
            // Hours without a request need not be walked through.
            from = match self.bins.range(to + 1..).next() {
                Some((next, _)) => *next,
                None => break,
            };
        }
        let spread = 1.96 * libm::sqrt(2.0 / freedom);
        let dispersion = weighted / freedom;
        let expected = (1.0 - spread, 1.0 + spread);
        (freedom >= 20.0).then_some(PoissonVerdict { dispersion, expected, width_s: self.width_s, bins })
    }

    /// Bursts as a process of two states has them: bins above the middle of both states' rates, and the lengths of their runs.
    pub fn bursts(&self) -> Option<BurstFit> {
        let (first, last) = (*self.bins.keys().next()?, *self.bins.keys().next_back()?);
        let n = last - first + 1;
        if !(60..=10_000_000).contains(&n) {
            return None;
        }
        let counts = || (first..=last).map(|bin| f64::from(self.bins.get(&bin).copied().unwrap_or(0)));
        let mut threshold = counts().sum::<f64>() / n as f64;
        let (mut quiet, mut loud) = (0.0, 0.0);
        for _ in 0..20 {
            let (mut above, mut below) = (crate::numbers::Moments::default(), crate::numbers::Moments::default());
            counts().for_each(|count| if count > threshold { above.add(count) } else { below.add(count) });
            (quiet, loud) = (below.mean(), above.mean());
            threshold = (quiet + loud) / 2.0;
        }
        let (mut seen, mut on, mut before) = (0_u64, 0_u64, false);
        for count in counts() {
            let is_on = count > threshold;
            on += u64::from(is_on);
            seen += u64::from(is_on && !before);
            before = is_on;
        }
        let width = self.width_s as f64;
        let enough = seen >= 5 && quiet > 0.0 && loud > 1.5 * quiet;
        enough.then(|| BurstFit {
            factor: loud / quiet,
            quiet_rate: quiet / width,
            on_s: on as f64 * width / seen as f64,
            off_s: (n - on) as f64 * width / seen as f64,
            seen,
        })
    }

    /// The rate in at most so many equal parts of the time: seconds since the first arrival, arrivals a second.
    pub fn profile(&self, parts: u32) -> Vec<(f64, f64)> {
        let (Some(&first), Some(&last)) = (self.bins.keys().next(), self.bins.keys().next_back()) else {
            return Vec::new();
        };
        let all = last - first + 1;
        let each = all.div_ceil(u64::from(parts.max(1))).max(1);
        let part = |at: u64| {
            let (from, to) = (first + at * each, (first + (at + 1) * each - 1).min(last));
            let sum: u64 = self.bins.range(from..=to).map(|(_, count)| u64::from(*count)).sum();
            ((at * each * self.width_s) as f64, sum as f64 / ((to - from + 1) * self.width_s) as f64)
        };
        (0..all.div_ceil(each)).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A generator whose numbers are good enough for a test (SplitMix64).
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / 9_007_199_254_740_992.0
    }

    fn process(rate_at: impl Fn(f64) -> f64, seconds: f64) -> ArrivalBins {
        let (mut bins, mut at, mut state) = (ArrivalBins::default(), 0.0, 7);
        while at < seconds {
            at += -libm::log(1.0 - uniform(&mut state)) / rate_at(at);
            bins.add(1_796_006_593_000_000_000 + (at * 1e9) as u64);
        }
        bins
    }

    #[test]
    fn a_poisson_process_is_known_as_one_even_while_its_rate_drifts() {
        let steady = process(|_| 20.0, 3_600.0);
        assert!(steady.poisson().unwrap().fits(), "{:?}", steady.poisson());
        assert!((steady.rate().unwrap() - 20.0).abs() < 0.4);
        let drifting = process(|at| 10.0 + at / 360.0, 3_600.0);
        assert!(drifting.poisson().unwrap().fits(), "{:?}", drifting.poisson());
        let profile = drifting.profile(6);
        assert_eq!(profile.len(), 6);
        assert!(profile[5].1 > profile[0].1 + 5.0, "{profile:?}");
    }

    #[test]
    fn bursts_are_no_poisson_process() {
        let bursts = process(|at| if at % 10.0 < 2.0 { 60.0 } else { 5.0 }, 3_600.0);
        assert!(!bursts.poisson().unwrap().fits());
        assert!(bursts.poisson().unwrap().dispersion > 5.0);
        let fit = bursts.bursts().unwrap();
        assert!(
            (fit.factor - 12.0).abs() < 2.0 && (fit.on_s - 2.0).abs() < 0.3 && (fit.off_s - 8.0).abs() < 0.5,
            "{fit:?}"
        );
    }

    #[test]
    fn too_few_arrivals_say_nothing() {
        assert_eq!(ArrivalBins::default().poisson(), None);
        assert_eq!(ArrivalBins::default().rate(), None);
        let mut one = ArrivalBins::default();
        one.add(5);
        assert_eq!((one.rate(), one.poisson()), (None, None));
    }

    #[test]
    fn a_long_log_has_wider_bins() {
        let mut bins = ArrivalBins::default();
        for second in 0..(BINS_MAX as u64 + 10) {
            bins.add(second * 1_000_000_000);
        }
        assert_eq!(bins.width_s, 2);
        assert!(bins.bins.len() <= BINS_MAX);
        assert_eq!(bins.count(), BINS_MAX as u64 + 10);
    }
}
