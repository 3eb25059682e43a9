//! A second copy of a request that takes long.
//!
//! After Dean and Barroso, "The Tail at Scale" (2013): after a delay, such as the 95th percentile so far, the same request is sent
//! again; the first good answer counts. The client closes the connection of the other copy; the server does not notice and works
//! on, which is counted as waste. The copy has draws of its own: another server has other luck.
//! To the recorder the two are one request, born when the first was sent; the copy takes its bill over from the first.

use crate::client::above::NetForClient;
use crate::client::birth::COPY;
use crate::kit::id::RequestId;
use crate::kit::time::Span;
use crate::model::{Hedge, HedgeAfter};
use crate::program::request::{Stage, Why};
use crate::program::wait::Ending;
use crate::watch::probe::{Fact, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// Good responses before a percentile of them means anything.
const SAMPLES_MIN: u64 = 100;
/// Good responses between two looks at the percentile.
const LOOK_EVERY: u64 = 64;
/// Bins of a power of two.
const BINS: usize = 16;

/// How long a group's good responses took: counts in bins, sixteen for each power of two.
#[derive(Clone, Debug)]
pub(crate) struct Latencies {
    counts: Vec<u64>,
    count: u64,
    ppm: u32,
    /// The percentile when it was last looked at.
    delay: Option<Span>,
}

impl Latencies {
    /// For clients whose second copies depend on them.
    pub(super) fn of(spec: Option<&Hedge>) -> Option<Latencies> {
        match spec?.after {
            HedgeAfter::Quantile(ppm) => Some(Latencies { counts: vec![0; 65 * BINS], count: 0, ppm, delay: None }),
            HedgeAfter::Delay(_) => None,
        }
    }

    pub(super) fn add(&mut self, span: Span) {
        self.counts[bin(span.as_ns())] += 1;
        self.count += 1;
        if self.count >= SAMPLES_MIN && (self.count - SAMPLES_MIN).is_multiple_of(LOOK_EVERY) {
            self.delay = Some(self.quantile());
        }
    }

    /// The upper edge of the bin in which the share is reached.
    fn quantile(&self) -> Span {
        let wanted = (u128::from(self.count) * u128::from(self.ppm)).div_ceil(1_000_000).max(1);
        let mut seen = 0;
        for (at, &count) in self.counts.iter().enumerate() {
            seen += u128::from(count);
            if seen >= wanted {
                return Span::from_ns(edge(at + 1));
            }
        }
        Span::MAX
    }
}

/// Which bin a number of nanoseconds belongs to.
fn bin(ns: u64) -> usize {
    let power = ns.max(BINS as u64).ilog2() as usize;
    let low = if ns < BINS as u64 { 0 } else { power - 3 };
    low * BINS + ((ns >> low.saturating_sub(1)) as usize) % BINS
}

/// The first number of a bin.
fn edge(bin: usize) -> u64 {
    let (low, part) = (bin / BINS, (bin % BINS) as u64);
    let first = BINS as u64 + part;
    match low {
        0 => part,
        low if first.leading_zeros() < low as u32 - 1 => u64::MAX,
        low => first << (low - 1),
    }
}

impl<P: Probe> World<'_, P> {
    /// Schedules the second copy of a request.
    pub(super) fn schedule_hedge(&mut self, id: RequestId) {
        let index = usize::from(self.requests[id].client());
        let Some(hedge) = &self.model.clients[index].hedge else { return };
        let delay = match hedge.after {
            HedgeAfter::Delay(delay) => Some(delay),
            HedgeAfter::Quantile(_) => self.clients[index].latencies.as_ref().and_then(|seen| seen.delay),
        };
        if let Some(delay) = delay {
            self.requests[id].send_copy_at(self.now + delay);
            self.queue.push(self.now + delay, Event::Hedge(id));
        }
    }

    /// A request has taken long: its second copy is sent.
    #[inline(never)]
    pub(crate) fn hedge_event(&mut self, id: RequestId) {
        let Some(request) = self.requests.get_mut(id) else { return };
        if request.hedge_at() != self.now || request.ending().is_some() || request.stage() == Stage::Pausing {
            return;
        }
        request.turn(self.now, request.wait());
        let request = self.requests[id].clone();
        let person = self.person_of(&request, request.attempt() | COPY, Why::Hedge);
        let copy = self.birth(person, Span::ZERO);
        self.requests[copy].be_copy_of(id, &request);
        if P::DETAIL {
            tell(&mut self.probe, self.now, Detail::sent(copy, &self.requests[copy]));
        }
        self.requests[id].pair_with(copy);
        self.probe.on(self.now, Fact::Hedged);
        self.set_out(copy);
    }

    /// One of two copies comes to an end: a good answer ends the other, a bad one leaves it. True if the other goes on.
    #[inline(always)]
    pub(super) fn other_copy_goes_on(&mut self, id: RequestId, ending: Ending) -> bool {
        let twin = self.requests[id].lose_twin();
        if twin.is_none() {
            return false;
        }
        self.requests[twin].lose_twin();
        let goes_on = !matches!(ending, Ending::Ok | Ending::GaveUp | Ending::Unfinished);
        if goes_on {
            self.abandon(id, ending);
        } else {
            self.abandon(twin, Ending::GaveUp);
        }
        if ending == Ending::Ok && self.requests[id].why() == Why::Hedge {
            self.probe.on(self.now, Fact::HedgeWon);
        }
        goes_on
    }

    /// Nobody waits for a request any longer, and nobody is told of it here. Its connection ends as that of a request with this
    /// ending.
    #[inline(always)]
    pub(crate) fn abandon(&mut self, id: RequestId, ending: Ending) {
        self.retry_is_over(id);
        tell(&mut self.probe, self.now, Detail::Ended { request: id, ending });
        let request = &mut self.requests[id];
        request.end_as(ending);
        let is_written = request.stage() == Stage::Writing;
        self.sender_is_done(id, ending);
        if is_written {
            self.reader_leaves(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_between_the_edges_of_its_bin() {
        for ns in (0..5_000).chain([u64::from(u32::MAX), 1 << 40, (1 << 40) + (1 << 37), 1 << 62]) {
            let at = bin(ns);
            assert!(edge(at) <= ns && ns < edge(at + 1), "{ns} in bin {at}: {} to {}", edge(at), edge(at + 1));
        }
    }

    #[test]
    fn the_percentile_is_known_after_a_hundred_responses_and_right_within_a_sixteenth() {
        let hedge = Hedge { after: HedgeAfter::Quantile(950_000) };
        let mut seen = Latencies::of(Some(&hedge)).expect("it learns");
        for ms in 1..100 {
            seen.add(Span::from_ms(ms));
        }
        assert_eq!(seen.delay, None);
        seen.add(Span::from_ms(100));
        let delay = seen.delay.expect("a hundred responses");
        assert!(delay >= Span::from_ms(95) && delay <= Span::from_ms(102), "{delay}");
    }
}
