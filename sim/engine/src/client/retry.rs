//! A person asks again: a refresh after patience was lost, a retry after something went wrong.
//!
//! Retries follow what client libraries do: a bound on attempts, a pause that grows (Amazon's "Exponential Backoff and Jitter", the
//! formulas `full` and `equal`), and a bucket of tokens for the whole group after Finagle's `RetryBudget`: every first request puts
//! in a part of a token and a retry takes a whole one, so retries stay below that share of the load. Finagle lets unused tokens
//! expire after 10 s; here the bucket holds no more than its reserve.

use crate::client::Site;
use crate::client::birth::{ATTEMPT_ROWS, COPY};
use crate::kit::id::RequestId;
use crate::kit::rng::happens;
use crate::kit::time::Span;
use crate::model::{Backoff, Jitter, Retry};
use crate::program::request::Why;
use crate::program::wait::Ending;
use crate::watch::probe::{Fact, Probe};
use crate::world::{Event, World};

/// A whole token.
const TOKEN: u64 = 1_000_000;

/// What a group of clients has left for retries, in millionths of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget(u64);

impl Budget {
    /// A full bucket.
    pub(super) fn new(spec: Option<&Retry>) -> Budget {
        Budget(spec.map_or(0, |retry| u64::from(retry.reserve) * TOKEN))
    }

    /// A first request pays in.
    pub(super) fn deposit(&mut self, spec: Option<&Retry>) {
        if let Some(Retry { budget_ppm: Some(ppm), reserve, .. }) = spec {
            self.0 = (self.0 + u64::from(*ppm)).min(u64::from(*reserve) * TOKEN);
        }
    }

    /// A retry pays, if it can.
    fn withdraw(&mut self, spec: &Retry) -> bool {
        if spec.budget_ppm.is_none() {
            return true;
        }
        let pays = self.0 >= TOKEN;
        self.0 -= if pays { TOKEN } else { 0 };
        pays
    }
}

impl Backoff {
    /// The pause before retry number `attempt`, from 0, with uniform bits for its jitter.
    fn pause(&self, attempt: u32, bits: u64) -> Span {
        let mut pause = self.first;
        for _ in 0..attempt {
            if pause >= self.max {
                break;
            }
            pause = pause.scaled(self.factor_milli);
        }
        let pause = pause.min(self.max);
        let part = |span: Span| Span::from_ns(((u128::from(span.as_ns()) * u128::from(bits)) >> 64) as u64);
        match self.jitter {
            Jitter::None => pause,
            Jitter::Full => part(pause),
            Jitter::Equal => {
                let half = Span::from_ns(pause.as_ns() / 2);
                half + part(half)
            }
        }
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether the person asks again; if so, the new request is on its way.
    #[inline(always)]
    pub(super) fn asks_again(&mut self, id: RequestId, ending: Ending) -> bool {
        match ending {
            Ending::GaveUp => self.refresh(id),
            Ending::Ok | Ending::Unfinished => false,
            Ending::Failed
            | Ending::ConnectTimeout
            | Ending::ReadTimeout
            | Ending::Refused
            | Ending::Reset
            | Ending::NoPort => self.retry(id, ending),
        }
    }

    #[cold]
    #[inline(never)]
    fn refresh(&mut self, id: RequestId) -> bool {
        let model = self.model;
        let (index, attempt, rows) = self.rows_of(id);
        let Some(refresh) = &model.clients[index].refresh else { return false };
        let luck = self.draw(index, Site::Refresh, rows);
        if u32::from(attempt) >= refresh.times || !happens(luck, refresh.ppm) {
            return false;
        }
        let pause = refresh.pause.sample(self.draw(index, Site::Pause, rows));
        self.ask_again(id, attempt + 1, Why::Refresh, pause)
    }

    #[cold]
    #[inline(never)]
    fn retry(&mut self, id: RequestId, ending: Ending) -> bool {
        let model = self.model;
        let (index, attempt, rows) = self.rows_of(id);
        let Some(retry) = &model.clients[index].retry else { return false };
        let wanted = match ending {
            Ending::ConnectTimeout => retry.on_connect,
            Ending::ReadTimeout => retry.on_timeout,
            Ending::Failed => retry.on_error,
            Ending::Refused | Ending::Reset | Ending::NoPort => retry.on_refused,
            Ending::Ok | Ending::GaveUp | Ending::Unfinished => false,
        };
        if !wanted || u32::from(attempt) >= retry.times {
            return false;
        }
        if !self.clients[index].budget.withdraw(retry) {
            self.probe.on(self.now, Fact::RetryRefused);
            return false;
        }
        let bits = if retry.backoff.jitter == Jitter::None { 0 } else { self.draw(index, Site::Backoff, rows) };
        let pause = retry.backoff.pause(u32::from(attempt), bits);
        self.ask_again(id, attempt + 1, Why::Retry, pause)
    }

    /// A request's client, the how manieth of its person it is, and the row of what it draws now.
    fn rows_of(&self, id: RequestId) -> (usize, u16, u64) {
        let request = &self.requests[id];
        let attempt = request.attempt() & !COPY;
        let row = request.row() & u64::from(u32::MAX);
        (usize::from(request.client()), attempt, row + (u64::from(attempt) << ATTEMPT_ROWS))
    }

    fn ask_again(&mut self, id: RequestId, attempt: u16, why: Why, pause: Span) -> bool {
        if self.now + pause >= self.arrivals_end {
            return false;
        }
        let member = self.requests[id].member();
        let person = self.person_of(&self.requests[id], attempt, why);
        let id = self.birth(person, pause);
        let after_warm_up = self.now >= self.warm_up_end;
        self.requests[id].come_again(member, after_warm_up);
        self.queue.push(self.now + pause, Event::Send(id));
        true
    }
}
