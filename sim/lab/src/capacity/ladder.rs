//! The loads that a search may try: equal steps in the logarithm of the load, the same for every world and replication.
//!
//! A ladder makes a search a matter of whole numbers: what was run once is known, worlds meet on the same loads, and brute force over
//! all rungs is the same question.

use engine::model::{Arrivals, ClientSpec};

use crate::scaled::closed;

/// The loads, as factors on the scenario's own, ascending.
#[derive(Clone, PartialEq, Debug)]
pub struct Ladder {
    factors: Vec<f64>,
    /// The rung of the scenario's own load.
    base: usize,
    /// Rungs from a load to twice that load.
    doubling: usize,
}

impl Ladder {
    /// Distance of two rungs unless something else is asked for.
    pub const TOLERANCE: f64 = 0.02;
    /// How far it reaches: so many times the scenario's own load, and so small a part of it.
    pub const REACH: f64 = 1_024.0;
    /// Requests a second that no open client exceeds.
    const RATE_MAX: f64 = 1e7;
    /// Closed clients of a group at most.
    const CLIENTS_MAX: f64 = 1e6;

    /// A ladder for the load of these clients.
    ///
    /// # Panics
    /// If the tolerance is not above zero and at most 1.
    pub fn of(clients: &[ClientSpec], tolerance: f64) -> Ladder {
        assert!(tolerance > 0.0 && tolerance <= 1.0, "a tolerance of {tolerance}");
        let room = |client: &ClientSpec| match &client.arrivals {
            Arrivals::Poisson(rate) | Arrivals::Fixed(rate) => {
                Self::RATE_MAX / rate.points.iter().map(|(_, rate)| *rate).fold(1e-9, f64::max)
            }
            Arrivals::Closed { clients, .. } => Self::CLIENTS_MAX / f64::from(*clients).max(1.0),
            Arrivals::Trace(_) => Self::REACH,
        };
        let highest = clients.iter().map(room).fold(Self::REACH, f64::min).max(1.0);
        // Products in a fixed order, because `powi` may differ between platforms.
        let steps = |step: f64, reach: f64| {
            let mut factors = Vec::new();
            let mut factor = step;
            while factor <= reach {
                factors.push(factor);
                factor *= step;
            }
            factors
        };
        let up = steps(1.0 + tolerance, highest);
        let down = steps(1.0 + tolerance, Self::REACH);
        let all = down.iter().rev().map(|factor| 1.0 / factor).chain([1.0]).chain(up);
        let mut ladder = Ladder { factors: Vec::new(), base: 0, doubling: 1 };
        let mut last: Option<Vec<u32>> = None;
        for factor in all {
            let people = people(clients, factor);
            // Where all clients are closed, rungs that come to the same number of them are one.
            if people.is_some() && people == last {
                if factor == 1.0 {
                    ladder.base = ladder.factors.len() - 1;
                    ladder.factors[ladder.base] = 1.0;
                }
                continue;
            }
            if factor == 1.0 {
                ladder.base = ladder.factors.len();
            }
            ladder.factors.push(factor);
            last = people;
        }
        ladder.doubling = 1 + steps(1.0 + tolerance, 2.0).len();
        ladder
    }

    /// How many loads there are.
    pub fn len(&self) -> usize {
        self.factors.len()
    }

    /// Whether there is none; there always is the scenario's own.
    pub fn is_empty(&self) -> bool {
        self.factors.is_empty()
    }

    /// The factor of a rung.
    pub fn factor(&self, rung: usize) -> f64 {
        self.factors[rung]
    }

    /// The rung of the scenario's own load.
    pub fn base(&self) -> usize {
        self.base
    }

    /// Rungs from a load to about twice that load.
    pub fn doubling(&self) -> usize {
        self.doubling
    }

    /// The rung nearest to a factor.
    pub fn nearest(&self, factor: f64) -> usize {
        let above = self.factors.partition_point(|rung| *rung < factor).min(self.len() - 1);
        let below = above.saturating_sub(1);
        if factor / self.factors[below] < self.factors[above] / factor { below } else { above }
    }
}

/// How many closed clients of each group there are; `None` if other clients come at a rate.
fn people(clients: &[ClientSpec], factor: f64) -> Option<Vec<u32>> {
    let number = |client: &ClientSpec| match &client.arrivals {
        Arrivals::Closed { clients, .. } => Some(closed(*clients, factor)),
        Arrivals::Trace(_) => Some(0),
        Arrivals::Poisson(_) | Arrivals::Fixed(_) => None,
    };
    clients.iter().map(number).collect()
}

#[cfg(test)]
mod tests {
    use engine::law::Law;
    use engine::model::Profile;
    use engine::time::{Span, Time};

    use super::*;

    fn client(arrivals: Arrivals) -> ClientSpec {
        ClientSpec::plain("users", vec![0], arrivals)
    }

    fn open(rate: f64) -> ClientSpec {
        client(Arrivals::Poisson(Profile { points: vec![(Time::ZERO, rate)] }))
    }

    #[test]
    fn rungs_ascend_by_the_tolerance_and_the_base_is_the_load_of_the_scenario() {
        let ladder = Ladder::of(&[open(300.0)], 0.02);
        assert_eq!(ladder.factor(ladder.base()), 1.0);
        for rung in 1..ladder.len() {
            let step = ladder.factor(rung) / ladder.factor(rung - 1);
            assert!((step - 1.02).abs() < 1e-9, "{step}");
        }
        assert_eq!(ladder.doubling(), 36, "1.02^36 is 2.04");
        assert_eq!(ladder.nearest(1.0), ladder.base());
        assert_eq!(ladder.nearest(1e9), ladder.len() - 1);
    }

    #[test]
    fn closed_clients_are_whole_people() {
        let closed = client(Arrivals::Closed { clients: 10, requests: None, think: Law::Fixed(Span::ZERO) });
        let ladder = Ladder::of(&[closed], 0.02);
        assert_eq!(ladder.factor(ladder.base()), 1.0);
        let people: Vec<u32> = (0..ladder.len()).map(|rung| super::closed(10, ladder.factor(rung))).collect();
        assert_eq!(people[..12], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert!(people.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn no_rung_is_beyond_what_a_file_may_say() {
        let ladder = Ladder::of(&[open(1e6)], 0.5);
        assert!(ladder.factor(ladder.len() - 1) <= 10.0);
    }
}
