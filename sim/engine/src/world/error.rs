//! Why a run ends early.

use thiserror::Error;

use crate::time::Time;

/// Why a run ended early. Every variant carries the simulated time.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RunError {
    /// More events than [`crate::model::Limits::events`].
    #[error("{world}: more than {events} events by {at} of simulated time; shorten `run.length` or lower the rates")]
    EventBudget {
        /// World.
        world: String,
        /// The limit.
        events: u64,
        /// When.
        at: Time,
    },
    /// Time stood still.
    #[error(
        "{world}: {steps} steps at {at} without time passing; `{program}` spins: give its loop something that takes time"
    )]
    Livelock {
        /// World.
        world: String,
        /// The limit.
        steps: u64,
        /// When.
        at: Time,
        /// A program that was running.
        program: String,
    },
    /// Requests are left and nothing will ever happen to them.
    #[error("{world}: at {at} {requests} requests wait for ever; the oldest is a `{class}` waiting for: {waiting_for}")]
    Deadlock {
        /// World.
        world: String,
        /// When.
        at: Time,
        /// How many.
        requests: usize,
        /// Class of the oldest.
        class: String,
        /// What it waits for.
        waiting_for: &'static str,
    },
    /// The books of a run do not balance: a bug in the engine.
    #[error("{world}: the books do not balance: {what} (seed {seed}, replication {replication}); please report this")]
    Unbalanced {
        /// World.
        world: String,
        /// What does not hold, with figures.
        what: String,
        /// Seed of the run.
        seed: u64,
        /// Its replication.
        replication: u32,
    },
    /// More requests alive than [`crate::model::Limits::requests`].
    #[error(
        "{world}: more than {requests} requests alive at once by {at}; the servers are hopelessly behind the arrivals"
    )]
    TooManyRequests {
        /// World.
        world: String,
        /// The limit.
        requests: u32,
        /// When.
        at: Time,
    },
}
