//! A law for a sample: constant, log-normal where that fits, and otherwise the sample's own quantiles in a file beside the scenario.
//!
//! The log-normal is fitted by the moments of the logarithms. It is held against the sample by the largest distance of the two
//! distribution functions; with fitted parameters the 5 % point of that distance is 0.886 / sqrt(n) (Lilliefors 1967).

use super::sample::{Sample, of_sorted};

/// Lilliefors' 5 % point for large samples, times the root of n.
const CRITICAL: f64 = 0.886;
/// Below this distance a law is close enough for planning, however large the sample that proves the difference.
const CLOSE: f64 = 0.02;
/// The 99th percentile of the standard normal.
const Z99: f64 = 2.326_347_874;
/// Quantiles that a file of a law has at most.
pub const QUANTILES_MAX: usize = 1_000;

/// What a sample of durations in nanoseconds is written as.
#[derive(Clone, Debug, PartialEq)]
pub enum LawFit {
    /// There is no time in it.
    Nothing,
    /// Always about the same.
    Constant(f64),
    /// Median and 99th percentile, and the largest distance from the sample.
    LogNormal {
        /// Nanoseconds.
        median: f64,
        /// Nanoseconds.
        p99: f64,
        /// Of the distribution functions.
        distance: f64,
    },
    /// Quantiles of the sample in nanoseconds, and how far the best log-normal was.
    Empirical {
        /// Equally likely values.
        values: Vec<f64>,
        /// Of the distribution functions.
        distance: f64,
    },
}

/// The simplest law that a sample allows.
pub fn fit_law(sample: &Sample) -> LawFit {
    let sorted: Vec<f64> = sample.sorted().into_iter().map(|value| value.max(0.0)).collect();
    if sorted.is_empty() || of_sorted(&sorted, 0.995) < 1.0 {
        return LawFit::Nothing;
    }
    let (low, median, high) = (of_sorted(&sorted, 0.01), of_sorted(&sorted, 0.5), of_sorted(&sorted, 0.99));
    if high - low < 0.02 * median {
        return LawFit::Constant(median);
    }
    let (law, distance) = log_normal(&sorted);
    let close = distance < (CRITICAL / libm::sqrt(sorted.len() as f64)).max(CLOSE);
    match law {
        Some((median, p99)) if close => LawFit::LogNormal { median, p99, distance },
        Some(_) | None => LawFit::Empirical { values: thinned(&sorted), distance },
    }
}

/// Median and 99th percentile of the log-normal with the sample's moments, and its distance from the sample.
fn log_normal(sorted: &[f64]) -> (Option<(f64, f64)>, f64) {
    if sorted.iter().any(|value| *value < 1.0) || sorted.len() < 8 {
        return (None, 1.0);
    }
    let n = sorted.len() as f64;
    let logs: Vec<f64> = sorted.iter().map(|value| libm::log(*value)).collect();
    let mean = logs.iter().sum::<f64>() / n;
    let sigma = libm::sqrt(logs.iter().map(|log| (log - mean) * (log - mean)).sum::<f64>() / (n - 1.0));
    if sigma <= 0.0 {
        return (None, 1.0);
    }
    let mut distance: f64 = 0.0;
    for (rank, log) in logs.iter().enumerate() {
        let at = 0.5 * libm::erfc(-(log - mean) / sigma / std::f64::consts::SQRT_2);
        distance = distance.max((at - rank as f64 / n).abs()).max((at - (rank + 1) as f64 / n).abs());
    }
    (Some((libm::exp(mean), libm::exp(mean + Z99 * sigma))), distance)
}

/// All values, or evenly spaced quantiles where there are more than a file has room for.
fn thinned(sorted: &[f64]) -> Vec<f64> {
    if sorted.len() <= QUANTILES_MAX {
        return sorted.to_vec();
    }
    let share = |at: usize| (at as f64 + 0.5) / QUANTILES_MAX as f64;
    (0..QUANTILES_MAX).map(|at| of_sorted(sorted, share(at))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: impl IntoIterator<Item = f64>) -> Sample {
        let mut sample = Sample::default();
        values.into_iter().for_each(|value| sample.add(value));
        sample
    }

    /// Evenly spaced quantiles of a log-normal of 60 ms and 250 ms, by bisection of the distribution function.
    fn partner(n: usize) -> Vec<f64> {
        let sigma = libm::log(250.0 / 60.0) / Z99;
        let z_of = |share: f64| {
            let (mut low, mut high) = (-8.0, 8.0);
            for _ in 0..60 {
                let middle = (low + high) / 2.0;
                let below = 0.5 * libm::erfc(-middle / std::f64::consts::SQRT_2) < share;
                if below { low = middle } else { high = middle }
            }
            low
        };
        (0..n).map(|at| 60e6 * libm::exp(sigma * z_of((at as f64 + 0.5) / n as f64))).collect()
    }

    #[test]
    fn a_log_normal_sample_is_written_as_its_median_and_tail() {
        let LawFit::LogNormal { median, p99, distance } = fit_law(&sample(partner(500))) else {
            panic!("it is log-normal")
        };
        assert!((median / 60e6 - 1.0).abs() < 0.01, "{median}");
        assert!((p99 / 250e6 - 1.0).abs() < 0.03, "{p99}");
        assert!(distance < 0.01, "{distance}");
    }

    #[test]
    fn two_heaps_are_no_log_normal() {
        let values = (0..400).map(|at| if at % 2 == 0 { 5.7e6 + f64::from(at) } else { 9.9e6 + f64::from(at) });
        assert!(matches!(fit_law(&sample(values)), LawFit::Empirical { distance, .. } if distance > 0.2));
    }

    #[test]
    fn equal_times_are_constant_and_none_are_nothing() {
        assert_eq!(fit_law(&sample([100e6; 20])), LawFit::Constant(100e6));
        assert_eq!(fit_law(&sample([])), LawFit::Nothing);
        assert_eq!(fit_law(&sample([0.0; 20])), LawFit::Nothing);
    }

    #[test]
    fn a_file_of_a_law_has_a_bound() {
        let values = (0..5_000).map(|at| if at % 7 == 0 { 1e9 } else { f64::from(at) });
        let LawFit::Empirical { values, .. } = fit_law(&sample(values)) else { panic!("no log-normal") };
        assert_eq!(values.len(), QUANTILES_MAX);
    }
}
