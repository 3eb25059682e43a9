//! What a random duration takes at least, for every time that it is carried through: what a ceiling may count on.
//!
//! Work that nothing can stop takes its mean. Work that something stops now and then takes less for each time that it comes to its end:
//! who stops it early, and lets the short ones pass, gets more of them done in the same time. Stopped after `t` at the latest, it takes
//! `E[min(D, t)] / P(D <= t)` for each one that is done; the least of that over all `t` bounds every way of stopping it that does not
//! know beforehand how long it takes. For a fixed, a uniform and an exponential law that is the mean, for heavier tails it is less.

use engine::law::Law;
use engine::time::Span;

/// Points at which a law without a formula is looked at.
const POINTS: u32 = 4096;
/// The least is looked for at the points only; a law is smooth, and between two of them it is less by no more than this share.
const BETWEEN: f64 = 0.995;

/// What something takes: its mean, and a bound on its standard deviation, in seconds.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Use {
    pub mean: f64,
    pub deviation: f64,
}

impl Use {
    pub fn fixed(mean: f64) -> Use {
        Use { mean, deviation: 0.0 }
    }

    pub fn span(span: Span) -> Use {
        Use::fixed(span.as_secs_f64())
    }

    /// Both, whatever they have to do with each other: deviations add up at most.
    #[must_use]
    pub fn and(self, other: Use) -> Use {
        Use { mean: self.mean + other.mean, deviation: self.deviation + other.deviation }
    }

    /// So many times; a fraction is a chance.
    #[must_use]
    pub fn times(self, times: f64) -> Use {
        let square = self.mean.powi(2) + self.deviation.powi(2);
        let deviation =
            if times.fract() == 0.0 { times * self.deviation } else { (times * times.max(1.0) * square).sqrt() };
        Use { mean: self.mean * times, deviation }
    }

    /// Whichever is longer on average.
    #[must_use]
    pub fn or(self, other: Use) -> Use {
        Use { mean: self.mean.max(other.mean), deviation: self.deviation.max(other.deviation) }
    }
}

/// How something may come to an end before its time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum EarlyEnd {
    /// Not at all.
    Never,
    /// After so many seconds.
    After(f64),
    /// At any time.
    Anytime,
}

/// What a law takes at least for each time that it is carried through.
pub(crate) fn taken(law: &Law, cut: EarlyEnd) -> Use {
    let whole = Use { mean: mean(law), deviation: deviation(law) };
    match cut {
        EarlyEnd::Never => whole,
        EarlyEnd::After(limit) => Use { mean: least(law).max(limited(law, limit)).min(whole.mean), ..whole },
        EarlyEnd::Anytime => Use { mean: least(law), ..whole },
    }
}

/// The mean in seconds; what is infinite counts as what is below the last of the points.
fn mean(law: &Law) -> f64 {
    law.mean().map_or_else(|| points(law).sum::<f64>() / f64::from(POINTS), |ns| ns / 1e9)
}

fn deviation(law: &Law) -> f64 {
    let second = |span: &Span| span.as_secs_f64();
    match law {
        Law::Fixed(_) => 0.0,
        Law::Uniform { low, high } => (second(high) - second(low)) / 12.0_f64.sqrt(),
        Law::Exponential { mean } => second(mean),
        Law::Lognormal { .. } | Law::Pareto { .. } | Law::Empirical(_) => super::needs::moments(law).1.map_or_else(
            || {
                let mean = mean(law);
                (points(law).map(|at| (at - mean).powi(2)).sum::<f64>() / f64::from(POINTS)).sqrt()
            },
            f64::sqrt,
        ),
    }
}

/// Values of a law, equally likely, from the shortest on.
fn points(law: &Law) -> impl Iterator<Item = f64> + '_ {
    (0..POINTS).map(|at| law.quantile((f64::from(at) + 0.5) / f64::from(POINTS)).as_secs_f64())
}

/// The least that a law takes for each time that it is carried through, whenever it may be stopped.
pub(crate) fn least(law: &Law) -> f64 {
    match law {
        // The longer such a law has run, the sooner it is over: to stop it gains nothing.
        Law::Fixed(_) | Law::Uniform { .. } | Law::Exponential { .. } => mean(law),
        Law::Lognormal { .. } | Law::Pareto { .. } => cheapest(points(law), POINTS.into(), 0.5) * BETWEEN,
        Law::Empirical(samples) => cheapest(samples.iter().map(|span| span.as_secs_f64()), samples.len() as u64, 1.0),
    }
}

/// The same over values that are equally likely and ascend; of each value itself so much is below it or there.
fn cheapest(values: impl Iterator<Item = f64>, count: u64, itself: f64) -> f64 {
    let count = count as f64;
    let (mut below, mut best) = (0.0, f64::INFINITY);
    for (at, value) in values.enumerate() {
        let before = at as f64;
        best = best.min((below + (count - before) * value) / (before + itself));
        below += value;
    }
    best
}

/// What a law takes for each time that it is done within a limit.
fn limited(law: &Law, limit: f64) -> f64 {
    let (mut sum, mut within) = (0.0, 1_u32);
    for value in points(law) {
        sum += value.min(limit);
        within += u32::from(value <= limit);
    }
    sum / f64::from(within.min(POINTS))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEAN: Span = Span::from_ms(100);

    #[test]
    fn to_stop_what_has_no_long_tail_gains_nothing() {
        let uniform = Law::uniform(Span::from_ms(50), Span::from_ms(150)).unwrap();
        for law in [Law::Fixed(MEAN), Law::Exponential { mean: MEAN }, uniform] {
            let numeric = cheapest(points(&law), POINTS.into(), 0.5);
            assert!((least(&law) - 0.1).abs() < 1e-9 && (numeric - 0.1).abs() < 1e-3, "{law:?}: {numeric}");
        }
    }

    #[test]
    fn to_stop_what_has_a_long_tail_lets_more_short_ones_pass() {
        let heavy = Law::lognormal(Span::from_ms(10), Span::from_secs(1)).unwrap();
        let bound = least(&heavy);
        for limit in [0.001, 0.01, 0.05, 0.3, 2.0] {
            assert!(bound <= limited(&heavy, limit) * 1.002, "{limit}: {} < {bound}", limited(&heavy, limit));
        }
        assert!(bound < mean(&heavy) / 2.0, "{bound} of {}", mean(&heavy));
        // Two values: stopped after the short one, half of them are done in the time of the short one each.
        let two = Law::empirical(vec![Span::from_ms(1), Span::from_secs(10)]).unwrap();
        assert!((least(&two) - 0.002).abs() < 1e-9);
    }

    #[test]
    fn a_chance_spreads_what_it_decides_on() {
        let one = Use::fixed(1.0).times(0.25);
        assert!((one.mean - 0.25).abs() < 1e-12 && (one.deviation - 0.5).abs() < 1e-12, "{one:?}");
        assert_eq!(Use::fixed(1.0).times(3.0), Use::fixed(3.0));
    }
}
