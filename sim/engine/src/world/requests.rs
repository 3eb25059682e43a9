//! Requests one by one, told as they end to whoever asks for that.
//!
//! Nothing is kept: who listens may write each of a million requests somewhere and forget it. A run that nobody listens to has no such
//! probe, and pays nothing.

use crate::client::birth::COPY;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::model::Model;
pub use crate::program::request::Why;
use crate::program::request::{NO_MEMBER, NO_RESIDENT, Request};
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Onlooker};
use crate::watch::record::RunRecord;
use crate::world::{RunError, run_with};

/// A request that has ended for its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Told {
    /// Index of its class.
    pub class: u16,
    /// Index of its group of clients.
    pub client: u16,
    /// The number of who sent it, the same in every world; a client that asks again has another one each time.
    pub person: u64,
    /// Which client it is of those that ask again and again, over all groups.
    pub member: Option<u32>,
    /// How many requests this person sent before.
    pub attempt: u16,
    /// Why it was sent.
    pub why: Why,
    /// When its sender asked; of a second copy, when the first was sent.
    pub born: Time,
    /// When a thread or greenlet took it, if one did; a greenlet that is itself a client takes none.
    pub begun: Option<Time>,
    /// When it ended for its sender.
    pub ended: Time,
    /// How.
    pub ending: Ending,
    /// Its time by [`Wait`], in [`Wait::ALL`] order; the sum is the time from `born` to `ended`, to the nanosecond.
    pub bill: [Span; Wait::KINDS],
}

impl Told {
    /// From its sender's asking to its end.
    pub fn latency(&self) -> Span {
        self.ended - self.born
    }

    fn of(request: &Request, at: Time, ending: Ending) -> Told {
        Told {
            class: request.class(),
            client: request.client(),
            person: request.row(),
            member: [request.member(), request.resident()]
                .into_iter()
                .zip([NO_MEMBER, NO_RESIDENT])
                .find_map(|(number, nobody)| (number != nobody).then_some(number)),
            attempt: request.attempt() & !COPY,
            why: request.why(),
            born: request.born(),
            // Time begins at zero, and so does this field: who was taken then has been on a core since.
            begun: (request.begun() > Time::ZERO
                || (request.born() == Time::ZERO && !request.bill()[Wait::Cpu as usize].is_zero()))
            .then_some(request.begun()),
            ended: at,
            ending,
            bill: *request.bill(),
        }
    }
}

/// The onlooker: it passes on what ends and counts.
struct Listener<F> {
    tell: F,
    warm_up_end: Time,
}

impl<F: FnMut(&Told)> Onlooker for Listener<F> {
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        if let Fact::Ended(request, ending) = fact
            && at >= self.warm_up_end
        {
            (self.tell)(&Told::of(request, at, ending));
        }
    }
}

/// Runs one world as [`crate::run`] does, and tells each request that counts as it ends: those that the record counts, too.
///
/// Same arguments: the same requests in the same order, on every platform, and the same record as without.
///
/// # Errors
/// As [`crate::run`].
pub fn run_telling(
    model: &Model,
    seed: Seed,
    replication: Replication,
    tell: impl FnMut(&Told),
) -> Result<RunRecord, RunError> {
    run_with(model, seed, replication, &mut Listener { tell, warm_up_end: Time::ZERO + model.run.warm_up })
}
