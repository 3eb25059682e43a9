//! Differences of means of two samples that share no chance, with 95 % intervals.
//!
//! Welch (Biometrika 34, 1947): the samples may differ in their spread and in their size; the degrees of freedom are Satterthwaite's.
//! Replications in which both worlds served the same people are paired instead, see [`crate::estimate`].

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::estimate::{CONFIDENCE, Estimate};

/// Mean of `other` less mean of `base`; `None` if one of them has no value.
///
/// Without an interval where one of them has a single value; `n` is that of the smaller one.
pub fn welch_difference(base: &[Option<f64>], other: &[Option<f64>]) -> Option<Estimate> {
    let (base, other) = (Sample::of(base)?, Sample::of(other)?);
    Some(Spread::of(base, other).estimate(other.mean - base.mean, base.n.min(other.n)))
}

/// Mean of `other` over mean of `base`, less one; `None` unless the mean of `base` is above zero.
///
/// The interval is the delta method's for a ratio of independent means.
pub fn welch_relative(base: &[Option<f64>], other: &[Option<f64>]) -> Option<Estimate> {
    let (base, other) = (Sample::of(base)?, Sample::of(other)?);
    if base.mean <= 0.0 {
        return None;
    }
    let ratio = other.mean / base.mean;
    let squared = base.mean.powi(2);
    let of_base = base.squared_error.map(|error| error * ratio.powi(2) / squared);
    let of_other = other.squared_error.map(|error| error / squared);
    let spread = Spread::of(Sample { squared_error: of_base, ..base }, Sample { squared_error: of_other, ..other });
    Some(spread.estimate(ratio - 1.0, base.n.min(other.n)))
}

/// Chance of means as far apart as these, or further, if there were no difference (two-sided).
///
/// `None` where one of them has fewer than two values. Samples without any spread leave no room for chance: 1 if they agree, else 0.
pub fn welch_p_value(base: &[Option<f64>], other: &[Option<f64>]) -> Option<f64> {
    let (base, other) = (Sample::of(base)?, Sample::of(other)?);
    let (error, freedom) = Spread::of(base, other).0?;
    let difference = other.mean - base.mean;
    if error == 0.0 {
        return Some(if difference == 0.0 { 1.0 } else { 0.0 });
    }
    Some(2.0 * student_t(freedom).sf((difference / error).abs()))
}

/// What is known of the mean of a sample.
#[derive(Clone, Copy)]
struct Sample {
    mean: f64,
    n: u32,
    /// Square of the mean's standard error; `None` for a single value.
    squared_error: Option<f64>,
}

impl Sample {
    fn of(values: &[Option<f64>]) -> Option<Sample> {
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        let estimate = Estimate::of(&known)?;
        let n = estimate.n;
        let squared_error = (n > 1).then(|| {
            let squares: f64 = known.iter().map(|value| (value - estimate.mean).powi(2)).sum();
            squares / f64::from(n - 1) / f64::from(n)
        });
        Some(Sample { mean: estimate.mean, n, squared_error })
    }
}

/// Standard error of a difference and its degrees of freedom.
struct Spread(Option<(f64, f64)>);

impl Spread {
    fn of(a: Sample, b: Sample) -> Spread {
        Spread(a.squared_error.zip(b.squared_error).map(|(of_a, of_b)| {
            let both = of_a + of_b;
            if both == 0.0 {
                return (0.0, f64::from(a.n.min(b.n) - 1));
            }
            // As shares of the sum, so that no square leaves the numbers.
            let part = |of: f64, n: u32| (of / both).powi(2) / f64::from(n - 1);
            let freedom = 1.0 / (part(of_a, a.n) + part(of_b, b.n));
            (both.sqrt(), freedom.max(1.0))
        }))
    }

    fn estimate(&self, mean: f64, n: u32) -> Estimate {
        let half = self.0.map(|(error, freedom)| match error == 0.0 {
            true => 0.0,
            false => error * student_t(freedom).inverse_cdf(f64::midpoint(1.0, CONFIDENCE)),
        });
        Estimate { mean, low: half.map(|half| mean - half), high: half.map(|half| mean + half), n }
    }
}

fn student_t(freedom: f64) -> StudentsT {
    StudentsT::new(0.0, 1.0, freedom).expect("one or more degrees of freedom make a distribution")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-4 * b.abs(), "{a} is not {b}");
    }

    #[test]
    fn a_difference_is_as_worked_out_by_hand() {
        // Means 4 and 8, squared errors 4/3 and 1/3 (variances 4 and 1 of three values each): error sqrt(5/3), and
        // (5/3)^2 / ((4/3)^2 / 2 + (1/3)^2 / 2) = 50/17 degrees of freedom.
        let (base, other) = ([2.0, 4.0, 6.0].map(Some), [7.0, 8.0, 9.0].map(Some));
        let spread = Spread::of(Sample::of(&base).unwrap(), Sample::of(&other).unwrap()).0.unwrap();
        close(spread.0, (5.0_f64 / 3.0).sqrt());
        close(spread.1, 50.0 / 17.0);
        let difference = welch_difference(&base, &other).unwrap();
        close(difference.mean, 4.0);
        // Between the quantiles of a printed table for 2 and for 3 degrees, 4.302653 and 3.182446.
        let quantile = difference.half_width().unwrap() / spread.0;
        assert!(quantile > 3.182_446 && quantile < 3.4, "{quantile}");
        close(welch_relative(&base, &other).unwrap().mean, 1.0);
    }

    #[test]
    fn equal_spreads_and_sizes_are_students_own_test() {
        // Ten values each of the same spread have 18 degrees of freedom: 2.100922 in any table.
        let base: Vec<Option<f64>> = (0..10).map(|k| Some(f64::from(k))).collect();
        let other: Vec<Option<f64>> = (0..10).map(|k| Some(f64::from(k) + 2.0)).collect();
        let error = (2.0 * (82.5 / 9.0) / 10.0_f64).sqrt();
        let difference = welch_difference(&base, &other).unwrap();
        close(difference.half_width().unwrap(), 2.100_922 * error);
        // The p-value is 5 % exactly where the interval's end is zero.
        let half = difference.half_width().unwrap();
        let edge: Vec<Option<f64>> = (0..10).map(|k| Some(f64::from(k) + half)).collect();
        close(welch_p_value(&base, &edge).unwrap(), 0.05);
    }

    #[test]
    fn what_does_not_spread_leaves_nothing_to_chance() {
        let (three, four) = ([Some(3.0); 3], [Some(4.0); 2]);
        assert_eq!(welch_p_value(&three, &three), Some(1.0));
        assert_eq!(welch_p_value(&three, &four), Some(0.0));
        let difference = welch_difference(&three, &four).unwrap();
        assert_eq!((difference.low, difference.high, difference.n), (Some(1.0), Some(1.0), 2));
    }

    #[test]
    fn a_single_value_has_a_difference_and_no_interval() {
        let difference = welch_difference(&[Some(3.0)], &[Some(4.0), Some(5.0)]).unwrap();
        assert_eq!((difference.mean, difference.low, difference.n), (1.5, None, 1));
        assert_eq!(welch_p_value(&[Some(3.0)], &[Some(4.0), Some(5.0)]), None);
        assert_eq!(welch_difference(&[None], &[Some(4.0)]), None);
        assert_eq!(welch_relative(&[Some(0.0)], &[Some(4.0)]), None);
    }

    #[test]
    fn intervals_cover_the_truth_though_spreads_and_sizes_differ() {
        // 4,000 experiments of about normal values (twelve uniform ones added up): five of deviation 1 against nine of deviation 4, whose
        // means are 3 apart. 95 % of 4,000 are 3,800; three standard deviations of that are 41, and Satterthwaite's degrees of freedom are
        // off by a point at most for such sizes.
        let mut state = 7_u64;
        let mut uniform = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        let mut normal = || (0..12).map(|_| uniform()).sum::<f64>() - 6.0;
        let (mut covered, mut claimed) = (0, 0);
        for _ in 0..4_000 {
            let base: Vec<Option<f64>> = (0..5).map(|_| Some(10.0 + normal())).collect();
            let other: Vec<Option<f64>> = (0..9).map(|_| Some(13.0 + 4.0 * normal())).collect();
            covered += u32::from(welch_difference(&base, &other).unwrap().excludes(3.0) == Some(false));
            let same: Vec<Option<f64>> = other.iter().map(|value| value.map(|value| value - 3.0)).collect();
            claimed += u32::from(welch_p_value(&base, &same).unwrap() <= 0.05);
        }
        println!("{covered} of 4,000 intervals cover, {claimed} differences are claimed where there is none");
        assert!((3_720..=3_880).contains(&covered), "{covered} of 4,000 intervals cover");
        assert_eq!(covered + claimed, 4_000, "a test and its interval say the same");
    }
}
