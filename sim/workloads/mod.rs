//! Three workloads on which simulators are compared, for the program `workload` and for the benches: each on the engine, and as a
//! hand-written loop over the engine's event queue.
//!
//! `mmc`: customers come at random, take one of eight servers and leave; three events a customer. `timers`: sleepers sleep again and
//! again; an event a sleep. `pool`: closed clients take a connection of a pool, with a second's patience, and think; three events a
//! cycle, two if they gave up. `ring`: greenlets that only yield to each other. `page`: the third party's incident while all is well.

pub mod bare;
pub mod pages;
pub mod real;

use engine::time::Span;

/// What a workload came to.
#[derive(Clone, Copy, Debug)]
pub struct WorkloadOutcome {
    /// Resumptions of a customer, sleeper or client, counted alike for the engine and the loop.
    pub events: u64,
    /// `mmc`: mean wait over mean service. `timers`: mean sleep over its law's mean. `pool`: share of those who gave up. `ring`: 1 if
    /// everybody had as many turns. `page`: share of those who were served.
    pub check: f64,
}

/// Servers of `mmc`, and how long each customer takes in the mean.
const SERVERS: u32 = 8;
const SERVICE: Span = Span::from_secs(1);
/// Utilisation of `mmc` times its servers over the mean service.
const ARRIVALS_A_SECOND: f64 = 7.2;
/// Mean of a sleep of `timers`.
const SLEEP: Span = Span::from_secs(1);
/// `pool`: clients, connections, and for how long they wait, hold and think.
const POOL_CLIENTS: u32 = 5_000;
const POOL_UNITS: u32 = 100;
const PATIENCE: Span = Span::from_secs(1);
const HOLD: Span = Span::from_ms(5);
const THINK: Span = Span::from_ms(200);

/// For how long customers come, so that about so many do.
fn mmc_length(customers: u64) -> Span {
    Span::from_ns((customers as f64 / ARRIVALS_A_SECOND * 1e9) as u64)
}
