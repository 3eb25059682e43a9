//! What the figures of a sweep show of a run: how much, how long, how badly.

use lab::Estimate;
use lab::sweep::results::Results;

use super::super::scale::Quantity;

/// One of the three.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Shown {
    /// Good responses per second.
    Throughput,
    /// 99th percentile of the latency of good responses, seconds.
    P99,
    /// Requests that were not answered well, over all.
    Errors,
}

impl Shown {
    pub(super) const ALL: [Shown; 3] = [Shown::Throughput, Shown::P99, Shown::Errors];

    /// Words above a panel.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Shown::Throughput => "Good responses per second",
            Shown::P99 => "p99 of good responses",
            Shown::Errors => "Requests not answered well",
        }
    }

    pub(super) fn quantity(self) -> Quantity {
        match self {
            Shown::Throughput => Quantity::Count,
            Shown::P99 => Quantity::Latency,
            Shown::Errors => Quantity::Share,
        }
    }

    /// Its value in a world at a point.
    pub(super) fn of(self, results: &Results, point: usize, world: usize) -> Option<Estimate> {
        let estimate = |name: &str| results.estimate(point, world, results.number(name)?);
        match self {
            Shown::Throughput => estimate("throughput_rps"),
            Shown::P99 => estimate("latency_p99_ns").map(|estimate| through(estimate, |ns| ns / 1e9)),
            Shown::Errors => estimate("success_share").map(|estimate| {
                let errors = through(estimate, |share| (1.0 - share).clamp(0.0, 1.0));
                Estimate { low: errors.high, high: errors.low, ..errors }
            }),
        }
    }
}

fn through(estimate: Estimate, change: impl Fn(f64) -> f64) -> Estimate {
    let (low, high) = (estimate.low.map(&change), estimate.high.map(&change));
    Estimate { mean: change(estimate.mean), low, high, n: estimate.n }
}
