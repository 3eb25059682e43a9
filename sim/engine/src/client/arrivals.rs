//! When open clients come: at random, evenly spaced or by a trace, at a rate that follows a profile and may come in bursts.
//!
//! An arrival is where the integral of the rate reaches a sum of unit-exponential gaps (or of ones). A burst multiplies the rate,
//! so it only makes the way to the next arrival shorter: with exponential laws for its two levels this is the two-state
//! Markov-modulated Poisson process (Fischer and Meier-Hellstern, "The MMPP cookbook", 1993).

use crate::client::Site;
use crate::kit::id::ClientId;
use crate::kit::law::Law;
use crate::kit::time::{Span, Time};
use crate::model::{Arrivals, Bursts, Profile};
use crate::watch::probe::Probe;
use crate::world::{Event, World};

/// Where a client is between quiet and burst.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BurstLevel {
    /// Whether it is in a burst.
    on: bool,
    /// When that changes.
    until: Time,
    /// Changes so far: the row of the next length.
    changes: u64,
}

impl<P: Probe> World<'_, P> {
    /// Schedules the next arrival of an open client.
    #[inline]
    pub(super) fn schedule_arrival(&mut self, index: usize) {
        let model = self.model;
        let row = self.clients[index].born;
        let at = match &model.clients[index].arrivals {
            Arrivals::Poisson(profile) => {
                let gap = UNIT_EXPONENTIAL.sample(self.draw(index, Site::Gap, row));
                self.next_due(index, profile, gap.as_secs_f64())
            }
            Arrivals::Fixed(profile) => self.next_due(index, profile, 1.0),
            Arrivals::Trace(instants) => instants.get(row as usize).copied(),
            Arrivals::Closed { .. } => unreachable!("closed clients do not arrive"),
        };
        let at = at.filter(|&at| at < self.arrivals_end);
        self.clients[index].expects = at.is_some();
        if let Some(at) = at {
            self.queue.push(at.max(self.now), Event::Arrive(ClientId::from_index(index)));
        }
    }

    /// When so much more of the rate's integral has passed.
    #[inline(always)]
    fn next_due(&mut self, index: usize, profile: &Profile, gap: f64) -> Option<Time> {
        let model = self.model;
        let mut gap = gap;
        if let Some(bursts) = &model.clients[index].bursts {
            gap = self.through_bursts(index, bursts, profile, gap)?;
        }
        self.clients[index].due += gap;
        instant_of(profile, self.clients[index].due)
    }

    /// Goes through the levels that end before the next arrival; what is left of the way, at the profile's own rate.
    #[inline(never)]
    fn through_bursts(&mut self, index: usize, bursts: &Bursts, profile: &Profile, gap: f64) -> Option<f64> {
        let mut gap = gap;
        if self.clients[index].level.changes == 0 {
            self.change_level(index, bursts, false);
        }
        loop {
            let BurstLevel { on, until, .. } = self.clients[index].level;
            let factor = if on { bursts.factor } else { 1.0 };
            let area = (integral(profile, until) - self.clients[index].due).max(0.0);
            if gap <= area * factor {
                return Some(gap / factor);
            }
            if until >= self.arrivals_end {
                return None;
            }
            gap -= area * factor;
            self.clients[index].due += area;
            self.change_level(index, bursts, !on);
        }
    }

    fn change_level(&mut self, index: usize, bursts: &Bursts, on: bool) {
        let BurstLevel { until, changes, .. } = self.clients[index].level;
        let law = if on { &bursts.on } else { &bursts.off };
        // At least a nanosecond, so that levels of no length end.
        let length = law.sample(self.draw(index, Site::Burst, changes)).max(Span::from_ns(1));
        self.clients[index].level = BurstLevel { on, until: until.saturating_add(length), changes: changes + 1 };
    }
}

pub(crate) const UNIT_EXPONENTIAL: Law = Law::Exponential { mean: Span::from_secs(1) };

/// The integral of the rate from the start to `at`.
fn integral(profile: &Profile, at: Time) -> f64 {
    let mut sum = 0.0;
    for (index, &(from, rate)) in profile.points.iter().enumerate() {
        if at <= from {
            break;
        }
        let (to, end_rate) = match profile.points.get(index + 1) {
            Some(&(to, end_rate)) => (to, end_rate),
            None => return sum + (at - from).as_secs_f64() * rate,
        };
        let length = (to - from).as_secs_f64();
        let part = (at.min(to) - from).as_secs_f64();
        let slope = if length > 0.0 { (end_rate - rate) / length } else { 0.0 };
        sum += part * (rate + slope * part / 2.0);
    }
    sum
}

/// When the integral of the rate reaches `due`; `None` if it never does.
#[inline]
pub(crate) fn instant_of(profile: &Profile, due: f64) -> Option<Time> {
    let mut left = due;
    for (at, &(from, rate)) in profile.points.iter().enumerate() {
        let Some(&(to, end_rate)) = profile.points.get(at + 1) else {
            return (rate > 0.0).then(|| after(from, left / rate));
        };
        let length = (to - from).as_secs_f64();
        let area = length * (rate + end_rate) / 2.0;
        if left <= area && length > 0.0 {
            // Solve rate t + slope t^2 / 2 = left; this form is exact for a slope of zero.
            let slope = (end_rate - rate) / length;
            let root = libm::sqrt((rate * rate + 2.0 * slope * left).max(0.0));
            return Some(after(from, 2.0 * left / (rate + root)).min(to));
        }
        left -= area;
    }
    None
}

fn after(from: Time, seconds: f64) -> Time {
    from.saturating_add(Span::from_ns(libm::round(seconds * 1e9) as u64))
}
