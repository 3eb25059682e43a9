//! Whether a run is long enough for its mean to mean anything: of a heavy tail most of it comes from values that hardly ever come.

use engine::law::Law;

/// A run is too short if more than this part of a mean, or of a mean square, comes from values so long that it sees less than one.
const UNSEEN: f64 = 0.05;

/// Part of a law's `power`-th moment that comes from what is longer than `draws` draws see on average, once.
fn beyond(law: &Law, power: f64, draws: f64) -> f64 {
    let rare = 1.0 / draws.max(1.0);
    match law {
        Law::Fixed(_) | Law::Uniform { .. } | Law::Empirical(_) => 0.0,
        Law::Exponential { .. } => {
            // Of the moment of order k beyond x: the gamma law of order k + 1, which is one of these two here.
            let x = -rare.ln();
            if power > 1.0 { rare * (x * x / 2.0 + x + 1.0) } else { rare * (x + 1.0) }
        }
        Law::Lognormal { sigma, .. } => normal(power * sigma - quantile(1.0 - rare)),
        Law::Pareto { alpha, .. } => {
            if *alpha > power {
                rare.powf(1.0 - power / alpha)
            } else {
                1.0
            }
        }
    }
}

/// Whether so many draws of a law show its mean, or its mean square too if `squares`.
pub(super) fn settles(law: &Law, draws: f64, squares: bool) -> bool {
    beyond(law, if squares { 2.0 } else { 1.0 }, draws) <= UNSEEN
}

/// The standard normal law's distribution function (Abramowitz and Stegun, 26.2.17: 8 digits).
fn normal(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * x.abs());
    let series = [0.319_381_530, -0.356_563_782, 1.781_477_937, -1.821_255_978, 1.330_274_429];
    let sum = series.iter().rev().fold(0.0, |sum, term| (sum + term) * t);
    let tail = sum * (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if x >= 0.0 { 1.0 - tail } else { tail }
}

/// Its quantile, by halving.
fn quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal(middle) < p { low = middle } else { high = middle }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::time::Span;

    #[test]
    fn a_run_must_see_what_a_heavy_tail_is_made_of() {
        let second = Span::from_secs(1);
        let light = Law::Exponential { mean: second };
        assert!(!settles(&light, 100.0, true) && settles(&light, 1_000.0, true));
        // Median 10 ms, p99 1 s: the mean takes tens of thousands of draws, the mean square millions.
        let heavy = Law::lognormal(Span::from_ms(10), second).unwrap();
        assert!(settles(&heavy, 1e5, false) && !settles(&heavy, 1e5, true));
        let pareto = Law::pareto(Span::from_ms(1), 1.2).unwrap();
        assert!(!settles(&pareto, 1e7, false), "its mean settles after a hundred million");
        assert!(settles(&Law::Fixed(second), 1.0, true));
    }

    #[test]
    fn the_normal_law_is_the_textbooks() {
        for (x, p) in [(0.0, 0.5), (1.96, 0.975_002_1), (-2.326_347_9, 0.01), (3.0, 0.998_650_1)] {
            assert!((normal(x) - p).abs() < 1e-6, "{x}: {}", normal(x));
        }
        assert!((quantile(0.99) - 2.326_347_9).abs() < 1e-5);
    }
}
