//! Why a run ends early.

use thiserror::Error;

use crate::kit::time::Time;

/// Why a run ended early. Every variant carries the simulated time.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum RunError {
    /// More events than [`crate::model::Limits::events`].
    #[error(
        "{world}: more than {events} events by {at} of simulated time, while {program} runs; shorten `run.length`, lower the rates, or raise \
         `run.max_events`"
    )]
    EventBudget {
        /// World.
        world: String,
        /// The limit.
        events: u64,
        /// When.
        at: Time,
        /// What was running, in words.
        program: String,
    },
    /// Time stood still.
    #[error(
        "{world}: {steps} steps at {at} without time passing; {program} spins: give its loop something that takes time"
    )]
    Livelock {
        /// World.
        world: String,
        /// The limit.
        steps: u64,
        /// When.
        at: Time,
        /// What was running, in words.
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
    /// Tasks wait for each other in a circle.
    #[error(
        "{world}: a deadlock by {at}: {tasks} tasks wait for ever, in a circle: {circle}; and so on from the first"
    )]
    Circle {
        /// World.
        world: String,
        /// When the circle had closed: when the last of those in it began to wait, or its client left.
        at: Time,
        /// How many tasks are in it or wait for it.
        tasks: usize,
        /// Who holds what and waits for what at which step, one after the other.
        circle: String,
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
    /// More points of the time series than [`crate::model::Limits::points`].
    #[error(
        "{world}: the time series has more than {points} points by {at}; choose a longer `run.step`, or a `run.length`"
    )]
    LongSeries {
        /// World.
        world: String,
        /// The limit.
        points: u64,
        /// When.
        at: Time,
    },
    /// More requests alive than [`crate::model::Limits::requests`].
    #[error(
        "{world}: more than {requests} requests alive at once by {at}; the servers are hopelessly behind the arrivals: lower the rates, \
         or raise `run.max_alive` and `run.max_memory_mib`"
    )]
    TooManyRequests {
        /// World.
        world: String,
        /// The limit.
        requests: u32,
        /// When.
        at: Time,
    },
    /// More threads that were started and left alone than [`crate::model::Limits::requests`].
    #[error(
        "{world}: more than {threads} threads that requests started and left alone are not done by {at}: start fewer, give them an \
         executor's limit of threads, or raise `run.max_alive` and `run.max_memory_mib`"
    )]
    TooManyThreads {
        /// World.
        world: String,
        /// The limit.
        threads: u32,
        /// When.
        at: Time,
    },
}
