//! Laws of random durations: 64 uniform bits in, one [`Span`] out.
//!
//! A draw is the inverse of the law's distribution function at a point given by the bits. So one draw
//! needs exactly one number of a stream, more bits never mean a shorter duration, and two laws given
//! the same bits give the same luck.
//!
//! Floating-point numbers exist between bits and span only. They go through addition, multiplication,
//! division and square root, which IEEE 754 fixes to the bit, and through `libm`'s logarithm and
//! exponential, which are the same program on every platform; the platform's own are not used. The
//! result is rounded to a whole nanosecond. Left out on purpose: sums, mixtures and dependence, which
//! are steps of a program, and fitting a law to data.

use serde::{Deserialize, Serialize};

use crate::kit::time::Span;

/// How long something random takes.
///
/// Make one by the constructors, which refuse what makes no sense. A variant filled in by hand with
/// such values still gives spans between zero and [`Law::CAP`].
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub enum Law {
    /// Always the same.
    Fixed(Span),
    /// Anything between two spans with equal chance.
    Uniform {
        /// Shortest.
        low: Span,
        /// Longest.
        high: Span,
    },
    /// Without memory: gaps of a Poisson process, and service times where nothing better is known.
    Exponential {
        /// Mean.
        mean: Span,
    },
    /// The exponential of a normal variable: right-skewed, as most response times are.
    Lognormal {
        /// Mean of the logarithm of the nanoseconds, which is the logarithm of the median.
        mu: f64,
        /// Standard deviation of that logarithm.
        sigma: f64,
    },
    /// A power-law tail: P(longer than x) = (minimum / x)^alpha.
    Pareto {
        /// Shortest.
        minimum: Span,
        /// Tail exponent. The mean is infinite up to 1, the variance up to 2.
        alpha: f64,
    },
    /// One of the given samples with equal chance. They are sorted, and there is at least one.
    ///
    /// Nothing between two samples and nothing beyond the largest is ever drawn: a tail that was not
    /// measured is not there.
    Empirical(Box<[Span]>),
}

/// Why numbers do not make a law.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
pub enum LawError {
    /// A uniform law from a longer to a shorter span.
    #[error("a uniform law goes from the shorter to the longer span, not from {low} to {high}")]
    LowAboveHigh {
        /// What was given as shortest.
        low: Span,
        /// What was given as longest.
        high: Span,
    },
    /// A lognormal law around zero.
    #[error("the median of a lognormal law must be above zero")]
    MedianZero,
    /// A lognormal law with no spread, or a negative one.
    #[error("p99 must be above the median: p99 is {p99}, the median {median}")]
    P99NotAboveMedian {
        /// What was given as median.
        median: Span,
        /// What was given as 99th percentile.
        p99: Span,
    },
    /// A Pareto law that starts at zero.
    #[error("the minimum of a Pareto law must be above zero")]
    MinimumZero,
    /// A Pareto law whose exponent is no positive number.
    #[error("alpha must be a positive number, not {0}")]
    AlphaNotPositive(f64),
    /// An empirical law of nothing.
    #[error("an empirical law needs at least one sample")]
    NoSamples,
}

impl Law {
    /// The longest duration a law gives (10^6 s, eleven days): what would be longer is cut to this.
    pub const CAP: Span = Span::from_secs(1_000_000);

    /// Anything between `low` and `high`.
    ///
    /// # Errors
    /// If `low` is above `high`.
    pub fn uniform(low: Span, high: Span) -> Result<Law, LawError> {
        if low <= high { Ok(Law::Uniform { low, high }) } else { Err(LawError::LowAboveHigh { low, high }) }
    }

    /// The lognormal law with this median and this 99th percentile.
    ///
    /// # Errors
    /// If the median is zero or `p99` is not above it.
    pub fn lognormal(median: Span, p99: Span) -> Result<Law, LawError> {
        if median.is_zero() {
            return Err(LawError::MedianZero);
        }
        if p99 <= median {
            return Err(LawError::P99NotAboveMedian { median, p99 });
        }
        let (median_ns, p99_ns) = (median.as_ns() as f64, p99.as_ns() as f64);
        Ok(Law::Lognormal { mu: libm::log(median_ns), sigma: libm::log(p99_ns / median_ns) / normal_quantile(0.99) })
    }

    /// The Pareto law from `minimum` on with tail exponent `alpha`.
    ///
    /// # Errors
    /// If `minimum` is zero or `alpha` is not a positive number.
    pub fn pareto(minimum: Span, alpha: f64) -> Result<Law, LawError> {
        if minimum.is_zero() {
            Err(LawError::MinimumZero)
        } else if alpha > 0.0 && alpha.is_finite() {
            Ok(Law::Pareto { minimum, alpha })
        } else {
            Err(LawError::AlphaNotPositive(alpha))
        }
    }

    /// The law that repeats `samples`, which may come in any order.
    ///
    /// # Errors
    /// If there are none.
    pub fn empirical(mut samples: Vec<Span>) -> Result<Law, LawError> {
        samples.sort_unstable();
        if samples.is_empty() { Err(LawError::NoSamples) } else { Ok(Law::Empirical(samples.into())) }
    }

    /// The duration that 64 uniform bits stand for: the quantile at the middle of the 2^-52 wide
    /// piece of (0, 1) that the top 52 bits name. It never falls when the bits rise.
    ///
    /// Takes 1 to 35 ns, by law.
    ///
    /// # Panics
    /// If an empirical law was built by hand without samples.
    #[inline]
    pub fn sample(&self, bits: u64) -> Span {
        // The top 53 bits with the last one set: an odd multiple of 2^-53, so never 0 and never 1,
        // and 1 - p is exact too.
        let p = ((bits >> 11) | 1) as f64 * P_MIN;
        match self {
            Law::Exponential { mean } => exponential(*mean, p),
            _ => self.at(p),
        }
    }

    /// The duration that a share `p` of the draws do not exceed. `p` = 0 and 1 give the ends of what
    /// [`sample`](Law::sample) can give.
    ///
    /// # Panics
    /// If `p` is not between 0 and 1, or an empirical law was built by hand without samples.
    pub fn quantile(&self, p: f64) -> Span {
        assert!((0.0..=1.0).contains(&p), "a share is from 0 to 1, not {p}");
        self.at(p.clamp(P_MIN, 1.0 - P_MIN))
    }

    /// The mean in nanoseconds, by formula and without regard to [`Law::CAP`]; `None` if infinite.
    pub fn mean(&self) -> Option<f64> {
        match self {
            Law::Fixed(span) => Some(span.as_ns() as f64),
            Law::Uniform { low, high } => Some((low.as_ns() as f64 + high.as_ns() as f64) / 2.0),
            Law::Exponential { mean } => Some(mean.as_ns() as f64),
            Law::Lognormal { mu, sigma } => Some(libm::exp(mu + sigma * sigma / 2.0)),
            Law::Pareto { minimum, alpha } => (*alpha > 1.0).then(|| minimum.as_ns() as f64 * alpha / (alpha - 1.0)),
            Law::Empirical(samples) => {
                let sum: u128 = samples.iter().map(|span| u128::from(span.as_ns())).sum();
                Some(sum as f64 / samples.len() as f64)
            }
        }
    }

    /// The quantile at `p`, strictly between 0 and 1.
    fn at(&self, p: f64) -> Span {
        match self {
            Law::Fixed(span) => (*span).min(Law::CAP),
            Law::Uniform { low, high } => {
                let width = high.saturating_sub(*low).as_ns() as f64;
                low.saturating_add(rounded(width * p)).min(Law::CAP)
            }
            Law::Exponential { mean } => exponential(*mean, p),
            Law::Lognormal { mu, sigma } => rounded(libm::exp(mu + sigma * normal_quantile(p))),
            Law::Pareto { minimum, alpha } => rounded(minimum.as_ns() as f64 * libm::exp(-libm::log(1.0 - p) / alpha)),
            Law::Empirical(samples) => {
                // Nearest rank: the smallest sample that at least a share p of them do not exceed.
                let rank = libm::ceil(p * samples.len() as f64) as usize;
                samples[rank.clamp(1, samples.len()) - 1].min(Law::CAP)
            }
        }
    }
}

/// 2^-53: the smallest point at which a law is inverted, and the distance of the largest from 1.
const P_MIN: f64 = 1.0 / (1_u64 << 53) as f64;

/// The quantile of an exponential law.
#[inline(always)]
fn exponential(mean: Span, p: f64) -> Span {
    rounded(mean.as_ns() as f64 * -libm::log(1.0 - p))
}

/// Whole nanoseconds, halves upwards, at most [`Law::CAP`].
#[inline]
fn rounded(ns: f64) -> Span {
    Span::from_ns((ns + 0.5) as u64).min(Law::CAP)
}

/// The standard normal variable's quantile at `p`, strictly between 0 and 1.
///
/// Algorithm AS 241, PPND16 (M. J. Wichura, Applied Statistics 37, 1988, 477-484): relative error
/// about 1e-16.
fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        return q * polynomial(&CENTRE_OVER, r) / polynomial(&CENTRE_UNDER, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = libm::sqrt(-libm::log(tail));
    let distance = if r <= 5.0 {
        polynomial(&TAIL_OVER, r - 1.6) / polynomial(&TAIL_UNDER, r - 1.6)
    } else {
        polynomial(&FAR_OVER, r - 5.0) / polynomial(&FAR_UNDER, r - 5.0)
    };
    if q < 0.0 { -distance } else { distance }
}

/// The polynomial with these coefficients, the highest power first (Horner's rule).
#[inline]
fn polynomial(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, coefficient| sum * x + coefficient)
}

/// AS 241, numerator within 0.425 of the middle; highest power first, as in all of these.
const CENTRE_OVER: [f64; 8] = [
    2509.0809287301227,
    33430.57558358813,
    67265.7709270087,
    45921.95393154987,
    13731.69376550946,
    1971.5909503065513,
    133.14166789178438,
    3.3871328727963665,
];

/// AS 241, denominator within 0.425 of the middle.
const CENTRE_UNDER: [f64; 8] = [
    5226.495278852854,
    28729.085735721943,
    39307.89580009271,
    21213.794301586597,
    5394.196021424751,
    687.1870074920579,
    42.31333070160091,
    1.0,
];

/// AS 241, numerator in the tails down to e^-25.
const TAIL_OVER: [f64; 8] = [
    0.0007745450142783414,
    0.022723844989269184,
    0.2417807251774506,
    1.2704582524523684,
    3.6478483247632045,
    5.769497221460691,
    4.630337846156546,
    1.4234371107496835,
];

/// AS 241, denominator in the tails down to e^-25.
const TAIL_UNDER: [f64; 8] = [
    1.0507500716444169e-9,
    0.0005475938084995345,
    0.015198666563616457,
    0.14810397642748008,
    0.6897673349851,
    1.6763848301838038,
    2.053191626637759,
    1.0,
];

/// AS 241, numerator beyond that.
const FAR_OVER: [f64; 8] = [
    2.0103343992922881e-7,
    2.7115555687434876e-5,
    0.0012426609473880784,
    0.026532189526576124,
    0.29656057182850487,
    1.7848265399172913,
    5.463784911164114,
    6.657904643501103,
];

/// AS 241, denominator beyond that.
const FAR_UNDER: [f64; 8] = [
    2.0442631033899397e-15,
    1.421511758316446e-7,
    1.8463183175100548e-5,
    0.0007868691311456133,
    0.014875361290850615,
    0.1369298809227358,
    0.599832206555888,
    1.0,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POINTS: u64 = 200_000;

    /// The middles of equal pieces of the 64-bit range: a perfect sample.
    fn stratified() -> impl Iterator<Item = u64> {
        let piece = u64::MAX / POINTS;
        (0..POINTS).map(move |index| index * piece + piece / 2)
    }

    /// Mean of the `power`-th power of the nanoseconds over the stratified points.
    fn moment(law: &Law, power: i32) -> f64 {
        let powers = stratified().map(|bits| (law.sample(bits).as_ns() as f64).powi(power));
        powers.sum::<f64>() / POINTS as f64
    }

    fn assert_close(seen: f64, theory: f64, tolerance: f64) {
        let error = (seen / theory - 1.0).abs();
        assert!(error <= tolerance, "{seen} is not {theory}: off by {error}");
    }

    fn lognormal() -> Law {
        Law::lognormal(Span::from_ms(1), Span::from_ms(9)).expect("it is a law")
    }

    /// One law of each kind.
    fn laws() -> Vec<Law> {
        let (low, high) = (Span::from_us(2), Span::from_ms(5));
        vec![
            Law::Fixed(low),
            Law::uniform(low, high).expect("it is a law"),
            Law::Exponential { mean: high },
            lognormal(),
            Law::pareto(low, 1.5).expect("it is a law"),
            Law::empirical(vec![high, low, low]).expect("it is a law"),
        ]
    }

    #[test]
    fn the_exponential_has_its_mean_second_moment_and_quantiles() {
        let law = Law::Exponential { mean: Span::from_ms(5) };
        // The last piece lacks less than (ln POINTS)^2 / POINTS of either moment.
        assert_close(moment(&law, 1), 5e6, 1e-4);
        assert_close(moment(&law, 2), 2.0 * 5e6 * 5e6, 1e-3);
        assert_eq!(law.mean(), Some(5e6));
        assert_close(law.quantile(0.5).as_ns() as f64, 5e6 * std::f64::consts::LN_2, 1e-6);
        assert_close(law.quantile(0.99).as_ns() as f64, 5e6 * 100_f64.ln(), 1e-6);
    }

    #[test]
    fn the_uniform_has_its_mean_second_moment_and_ends() {
        let law = Law::uniform(Span::from_ms(2), Span::from_ms(8)).expect("it is a law");
        assert_close(moment(&law, 1), 5e6, 1e-6);
        assert_close(moment(&law, 2), 28e12, 1e-6);
        assert_eq!(law.mean(), Some(5e6));
        assert_eq!((law.sample(0), law.sample(u64::MAX)), (Span::from_ms(2), Span::from_ms(8)));
    }

    #[test]
    fn the_lognormal_has_the_median_and_p99_it_was_built_from() {
        let law = lognormal();
        assert_eq!(law.quantile(0.5), Span::from_ms(1));
        assert!(law.quantile(0.99).as_ns().abs_diff(9_000_000) <= 1);
        let sigma = 9_f64.ln() / 2.326_347_874_040_841;
        let mean = 1e6 * (sigma * sigma / 2.0).exp();
        assert_close(law.mean().expect("it is finite"), mean, 1e-12);
        // The last piece holds 1 / POINTS of the draws; its own mean is under 2 % above its middle.
        assert_close(moment(&law, 1), mean, 1e-3);
    }

    #[test]
    fn the_pareto_has_its_mean_if_any_and_its_quantiles() {
        let law = Law::pareto(Span::from_ms(3), 2.5).expect("it is a law");
        assert_eq!(law.mean(), Some(5e6));
        // The tail above the last piece carries POINTS^(1/2.5 - 1) = 0.07 % of the mean.
        assert_close(moment(&law, 1), 5e6, 1e-3);
        assert_close(law.quantile(0.99).as_ns() as f64, 3e6 * 100_f64.powf(0.4), 1e-6);
        let heavy = Law::pareto(Span::from_ms(3), 1.0).expect("it is a law");
        assert_eq!(heavy.mean(), None);
    }

    #[test]
    fn the_empirical_gives_each_sample_equally_often_and_the_nearest_rank() {
        let spans = [10, 20, 20, 40].map(Span::from_ns);
        let law = Law::empirical([spans[3], spans[1], spans[0], spans[2]].into()).expect("a law");
        assert_eq!(law.mean(), Some(22.5));
        assert_close(moment(&law, 1), 22.5, 1e-9);
        let quantiles = [0.0, 0.25, 0.26, 0.5, 0.75, 0.76, 1.0].map(|p| law.quantile(p).as_ns());
        assert_eq!(quantiles, [10, 10, 20, 20, 20, 40, 40]);
    }

    #[test]
    fn the_normal_quantile_agrees_with_published_values_in_all_three_regions() {
        // About 1e-16 by the algorithm, the rest by the roundings of some twenty operations.
        for (p, z) in NORMAL {
            assert!((normal_quantile(p) / z - 1.0).abs() < 1e-15, "{p}");
        }
        assert_eq!(normal_quantile(0.5), 0.0);
        assert_eq!(normal_quantile(0.25), -normal_quantile(0.75));
    }

    /// Computed with 60 digits by mpmath.
    const NORMAL: [(f64, f64); 5] = [
        (0.75, 0.674_489_750_196_081_7),
        (0.975, 1.959_963_984_540_054),
        (0.99, 2.326_347_874_040_841),
        (1e-9, -5.997_807_015_007_686_8),
        (P_MIN, -8.209_536_151_601_387),
    ];

    #[test]
    fn the_same_bits_are_the_same_nanoseconds_on_every_platform() {
        let bits = [0, 0x0123_4567_89AB_CDEF, 1 << 63, 0xFEDC_BA98_7654_3210, u64::MAX];
        let drawn = laws().into_iter().map(|law| bits.map(|bits| law.sample(bits).as_ns()));
        assert_eq!(drawn.collect::<Vec<_>>(), GOLDEN);
    }

    /// All but the constants: computed with 60 digits by mpmath.
    const GOLDEN: [[u64; 5]; 6] = [
        [2_000; 5],
        [2_000, 24_213, 2_501_000, 4_977_787, 5_000_000],
        [0, 22_272, 3_465_736, 27_080_502, 183_684_003],
        [429, 84_493, 1_000_000, 11_835_237, 2_330_569_910],
        [2_000, 2_006, 3_175, 73_986, 86_581_115_277_447],
        [2_000, 2_000, 2_000, 5_000_000, 5_000_000],
    ];

    #[test]
    fn no_draw_is_longer_than_the_cap() {
        let endless = Law::pareto(Span::from_ns(1), 0.01).expect("it is a law");
        let far = [Law::Fixed(Span::MAX), Law::Exponential { mean: Span::MAX }, endless];
        for law in far {
            assert_eq!(law.sample(u64::MAX), Law::CAP, "{law:?}");
        }
        let (low, high) = (Span::from_ns(u64::MAX - 1), Span::MAX);
        assert_eq!(Law::Uniform { low, high }.sample(u64::MAX), Law::CAP);
    }

    #[test]
    fn numbers_that_make_no_law_are_refused_in_words() {
        let (short, long) = (Span::from_ms(1), Span::from_ms(9));
        let said = |law: Result<Law, LawError>| law.map_err(|error| error.to_string());
        let refused = |why: &str| Err(why.to_owned());
        assert_eq!(
            said(Law::lognormal(long, short)),
            refused("p99 must be above the median: p99 is 1ms, the median 9ms")
        );
        assert_eq!(Law::lognormal(Span::ZERO, long), Err(LawError::MedianZero));
        assert_eq!(
            said(Law::uniform(long, short)),
            refused("a uniform law goes from the shorter to the longer span, not from 9ms to 1ms")
        );
        assert_eq!(Law::pareto(Span::ZERO, 1.0), Err(LawError::MinimumZero));
        assert_eq!(said(Law::pareto(short, -1.0)), refused("alpha must be a positive number, not -1"));
        assert!(Law::pareto(short, f64::NAN).is_err());
        assert_eq!(Law::empirical(Vec::new()), Err(LawError::NoSamples));
    }

    #[test]
    fn more_bits_never_give_a_shorter_duration() {
        for law in laws() {
            let mut last = Span::ZERO;
            for bits in stratified() {
                let span = law.sample(bits);
                assert!(last <= span, "{law:?} at {bits}: {span} after {last}");
                last = span;
            }
        }
    }

    proptest! {
        #[test]
        fn any_two_bits_keep_their_order(one: u64, other: u64) {
            for law in laws() {
                prop_assert!(law.sample(one.min(other)) <= law.sample(one.max(other)));
            }
        }
    }
}
