//! Idle greenlets: those on a hub that serve nobody, such as the sleepers of a benchmark or a server's own background greenlets.
//!
//! A member is a task without a request: its 64 bytes, the timer that it sleeps on, and nothing else. Every member runs the same
//! program; draws inside its loops differ from member to member, for the second loop register holds the member's number.

use crate::kit::hist::Hist;
use crate::kit::id::HubId;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::Time;
use crate::model::Model;
use crate::watch::recorder::Recorder;
use crate::world::{RunError, World};

/// What they leave behind.
#[derive(Clone, Debug)]
pub struct IdleRecord {
    /// How often a member was switched into.
    pub switches: u64,
    /// How long members were ready before they ran.
    pub hub_lag: Hist,
    /// Events of the queue.
    pub events: u64,
    /// Running hash over them.
    pub fingerprint: u64,
}

/// Runs `members` greenlets with one program on the model's first hub until `model.run.length` has passed, or until all are done.
///
/// Everything is recorded that a run with clients records; the model's clients send nothing.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached.
///
/// # Panics
/// If the model has no hub.
pub fn run(model: &Model, program: u16, members: u32, seed: Seed) -> Result<IdleRecord, RunError> {
    let cores = model.hosts.iter().map(|host| u64::from(host.cores)).sum();
    let recorder = Recorder::new(model, cores, model.slots().max(1));
    let mut world = World::new(model, seed, Replication(0), recorder);
    let hub = HubId::from_index(0);
    world.tasks.reserve(members as usize);
    world.begin_batch(hub);
    for member in 0..members {
        world.add_idle_greenlet(hub, program, member);
    }
    let end = model.run.length.map_or(Time::NEVER, |length| Time::ZERO + length);
    world.run_until(end)?;
    let (events, fingerprint) = world.counted();
    let mut recorder = world.probe;
    recorder.close(end.min(world.now));
    Ok(IdleRecord { switches: recorder.hub_lag.count(), hub_lag: recorder.hub_lag, events, fingerprint })
}
