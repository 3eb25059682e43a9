//! Means with 95 % intervals, from independent replications.
//!
//! Student's t, because a handful of replications is the normal case and their spread is estimated from themselves.
//! Worlds are compared replication by replication: both served the same people, so most of the spread cancels.

use std::sync::OnceLock;

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// Chance that an interval covers the true mean.
pub const CONFIDENCE: f64 = 0.95;

/// A mean over replications with its 95 % interval.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Estimate {
    /// Mean over the replications that had a value.
    pub mean: f64,
    /// Lower end of the interval; `None` for a single value, which says nothing about spread.
    pub low: Option<f64>,
    /// Upper end of the interval; `None` for a single value.
    pub high: Option<f64>,
    /// Replications that had a value.
    pub n: u32,
}

impl Estimate {
    /// Mean and interval of `values`, in whatever order they come; `None` if there are none.
    ///
    /// # Panics
    /// If a value is not finite: a missing value is left out by the caller, never passed as NaN.
    pub fn of(values: &[f64]) -> Option<Estimate> {
        if values.is_empty() {
            return None;
        }
        assert!(values.iter().all(|value| value.is_finite()), "a figure is not a finite number: {values:?}");
        // Floating sums depend on their order; sorted, the order of the replications cannot matter.
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = u32::try_from(sorted.len()).expect("replications are counted by u32");
        let mean = mean_of(&sorted);
        if n == 1 {
            return Some(Estimate { mean, low: None, high: None, n });
        }
        let squares: f64 = sorted.iter().map(|value| (value - mean).powi(2)).sum();
        let deviation = (squares / f64::from(n - 1)).sqrt();
        let half = student_t(n - 1) * deviation / f64::from(n).sqrt();
        Some(Estimate { mean, low: Some(mean - half), high: Some(mean + half), n })
    }

    /// Half the width of the interval: what is written after a plus-minus sign.
    pub fn half_width(&self) -> Option<f64> {
        Some((self.high? - self.low?) / 2.0)
    }

    /// The standard error of the mean.
    pub fn standard_error(&self) -> Option<f64> {
        Some(self.half_width()? / student_t(self.n - 1))
    }

    /// Whether the interval leaves `value` out; `None` without an interval.
    pub fn excludes(&self, value: f64) -> Option<bool> {
        Some(value < self.low? || value > self.high?)
    }
}

/// Mean of `other - base`, replication by replication; `None` if no replication has both.
pub fn paired_difference(base: &[Option<f64>], other: &[Option<f64>]) -> Option<Estimate> {
    Estimate::of(&pairs(base, other).map(|(base, other)| other - base).collect::<Vec<_>>())
}

/// Geometric mean of `other / base`, replication by replication; `None` unless some replication has both above zero.
///
/// The interval is that of the logarithms, so a ratio and its inverse tell the same story.
pub fn paired_ratio(base: &[Option<f64>], other: &[Option<f64>]) -> Option<Estimate> {
    let logarithms: Vec<f64> = pairs(base, other)
        .filter(|&(base, other)| base > 0.0 && other > 0.0)
        .map(|(base, other)| (other / base).ln())
        .collect();
    let logarithm = Estimate::of(&logarithms)?;
    Some(Estimate {
        mean: logarithm.mean.exp(),
        low: logarithm.low.map(f64::exp),
        high: logarithm.high.map(f64::exp),
        n: logarithm.n,
    })
}

/// Mean of `other` over mean of `base`, less one, from pairs; `None` unless the mean of `base` is above zero.
///
/// The interval is the delta method's for a ratio of means: the spread of `other - ratio * base` over the mean of `base`. Unlike a
/// mean of ratios it can be read off a table of means, and a replication in which one of them is zero does no harm.
pub fn paired_relative(base: &[Option<f64>], other: &[Option<f64>]) -> Option<Estimate> {
    let both: Vec<(f64, f64)> = pairs(base, other).collect();
    let mean = |values: Vec<f64>| Estimate::of(&values).map(|estimate| estimate.mean);
    let under = mean(both.iter().map(|pair| pair.0).collect()).filter(|&under| under > 0.0)?;
    let ratio = mean(both.iter().map(|pair| pair.1).collect())? / under;
    let residues: Vec<f64> = both.iter().map(|(base, other)| (other - ratio * base) / under).collect();
    let half = Estimate::of(&residues)?.half_width();
    let relative = ratio - 1.0;
    Some(Estimate {
        mean: relative,
        low: half.map(|half| relative - half),
        high: half.map(|half| relative + half),
        n: u32::try_from(both.len()).expect("replications are counted by u32"),
    })
}

/// Chance of a mean as far from zero as that of `other - base`, or further, if there were no difference (Student's t, two-sided).
///
/// `None` without two pairs. Pairs that all differ by the same amount leave no room for chance: 1 if that is nothing, else 0.
pub fn paired_p_value(base: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let difference = paired_difference(base, other)?;
    let half = difference.half_width()?;
    if half == 0.0 {
        return Some(if difference.mean == 0.0 { 1.0 } else { 0.0 });
    }
    let freedom = difference.n - 1;
    let standard_error = half / student_t(freedom);
    let beyond = StudentsT::new(0.0, 1.0, f64::from(freedom)).expect("one or more degrees of freedom");
    Some(2.0 * beyond.sf((difference.mean / standard_error).abs()))
}

/// The replications in which both worlds have a value. The tail of a longer list has no partner.
fn pairs<'a>(base: &'a [Option<f64>], other: &'a [Option<f64>]) -> impl Iterator<Item = (f64, f64)> + 'a {
    base.iter().zip(other).filter_map(|(base, other)| Some(((*base)?, (*other)?)))
}

/// Mean of sorted values; exactly the value when all are the same, so that a constant has an interval of zero width.
fn mean_of(sorted: &[f64]) -> f64 {
    let (first, last) = (sorted[0], sorted[sorted.len() - 1]);
    if first == last {
        return first;
    }
    sorted.iter().sum::<f64>() / sorted.len() as f64
}

/// How many standard errors reach from the mean to either end of the interval.
///
/// A time series asks for the same few degrees of freedom thousands of times, so the common ones are kept.
fn student_t(freedom: u32) -> f64 {
    static KEPT: OnceLock<Vec<f64>> = OnceLock::new();
    let kept = KEPT.get_or_init(|| (1..=100).map(student_t_computed).collect());
    let index = usize::try_from(freedom - 1).expect("at least one degree of freedom");
    kept.get(index).copied().unwrap_or_else(|| student_t_computed(freedom))
}

fn student_t_computed(freedom: u32) -> f64 {
    student_t_at(f64::midpoint(1.0, CONFIDENCE), freedom)
}

/// The quantile of Student's t distribution that a share `p` does not exceed.
pub fn student_t_at(p: f64, freedom: u32) -> f64 {
    StudentsT::new(0.0, 1.0, f64::from(freedom))
        .expect("one or more degrees of freedom make a distribution")
        .inverse_cdf(p)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-5 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn t_quantiles_are_those_of_printed_tables() {
        // Two-sided 95 %, as in any textbook's table; 150 is beyond the kept ones.
        for (freedom, quantile) in [
            (1, 12.706_205),
            (2, 4.302_653),
            (4, 2.776_445),
            (9, 2.262_157),
            (19, 2.093_024),
            (99, 1.984_217),
            (150, 1.975_905),
        ] {
            close(student_t(freedom), quantile);
        }
    }

    #[test]
    fn an_interval_is_mean_plus_minus_t_standard_errors() {
        // Mean 5, deviation sqrt(32 / 7); 2.364624 is t(0.975) at 7 degrees.
        let estimate = Estimate::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        close(estimate.mean, 5.0);
        close(estimate.half_width().unwrap(), 2.364_624 * (32.0_f64 / 7.0).sqrt() / 8.0_f64.sqrt());
        assert_eq!(estimate.n, 8);
    }

    #[test]
    fn one_replication_has_no_interval_and_none_has_no_estimate() {
        assert_eq!(Estimate::of(&[3.0]), Some(Estimate { mean: 3.0, low: None, high: None, n: 1 }));
        assert_eq!(Estimate::of(&[]), None);
    }

    #[test]
    fn equal_values_have_an_interval_of_no_width() {
        let estimate = Estimate::of(&[0.1; 7]).unwrap();
        assert_eq!((estimate.mean, estimate.low, estimate.high), (0.1, Some(0.1), Some(0.1)));
        assert_eq!(estimate.excludes(0.0), Some(true));
    }

    #[test]
    fn pairing_takes_out_what_both_worlds_share() {
        // The worlds differ by 1 or 1.2 in every replication while the replications differ by hundreds.
        let base = [Some(100.0), Some(500.0), Some(900.0), None];
        let other = [Some(101.0), Some(501.2), Some(901.0), Some(7.0)];
        let difference = paired_difference(&base, &other).unwrap();
        assert_eq!(difference.n, 3);
        assert_eq!(difference.excludes(0.0), Some(true));
        close(difference.mean, 3.2 / 3.0);
    }

    #[test]
    fn a_relative_difference_is_that_of_the_means() {
        // Means 4 and 5; the residues other - 1.25 base are -0.5, 0.5 and 0, so their deviation is 0.5 and t is 4.302653.
        let (base, other) = ([2.0, 4.0, 6.0].map(Some), [2.0, 5.5, 7.5].map(Some));
        let relative = paired_relative(&base, &other).unwrap();
        close(relative.mean, 0.25);
        close(relative.half_width().unwrap(), 4.302_653 * 0.5 / 3.0_f64.sqrt() / 4.0);
        // A zero among the others is a value like any; a base of nothing has no relative difference.
        assert_eq!(paired_relative(&base, &[Some(0.0); 3]).unwrap().mean, -1.0);
        assert_eq!(paired_relative(&[Some(0.0); 3], &other), None);
    }

    #[test]
    fn p_values_are_those_of_the_paired_t_test() {
        // Differences 1, 2, 3: t = 2 sqrt(3) at two degrees; of t at two degrees the tails are 1 - t / sqrt(2 + t^2).
        let t = 2.0 * 3.0_f64.sqrt();
        let p = paired_p_value(&[Some(0.0); 3], &[1.0, 2.0, 3.0].map(Some)).unwrap();
        close(p, 1.0 - t / (2.0 + t * t).sqrt());
        assert_eq!(paired_p_value(&[Some(3.0); 3], &[Some(3.0); 3]), Some(1.0));
        assert_eq!(paired_p_value(&[Some(3.0); 3], &[Some(4.0); 3]), Some(0.0));
        assert_eq!(paired_p_value(&[Some(3.0)], &[Some(4.0)]), None);
    }

    #[test]
    fn a_ratio_is_the_inverse_of_its_inverse() {
        let base = [Some(1.0), Some(2.0), Some(0.0)];
        let other = [Some(4.0), Some(2.0), Some(5.0)];
        let ratio = paired_ratio(&base, &other).unwrap();
        let inverse = paired_ratio(&other, &base).unwrap();
        close(ratio.mean, 2.0);
        close(ratio.mean * inverse.mean, 1.0);
        close(ratio.low.unwrap() * inverse.high.unwrap(), 1.0);
        assert_eq!(ratio.n, 2, "a ratio to nothing is no ratio");
    }
}
