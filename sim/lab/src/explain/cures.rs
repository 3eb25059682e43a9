//! Which settings act on which cause.
//!
//! Only those that mean something in the world are proposed; whether the scenario takes them is for who lays them over it to find out.

use engine::Model;
use engine::door::Meanwhile;
use engine::model::WorkerKind;
use engine::record::Wait;

use super::causes::causes;
use super::change::{Change, On};
use super::settings::WorldToChange;
use super::split::Split;

/// Changes that are tried of one world at most.
pub const CHANGES_MAX: usize = 12;

/// A step as the scenario file has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StepText {
    /// The path of its key.
    pub key: String,
    /// The name of its request.
    pub request: String,
    /// Its verb.
    pub verb: String,
    /// What is said of the verb.
    pub says: String,
    /// Whether it blocks the thread.
    pub blocking: bool,
    /// Whether it has a time limit.
    pub limited: bool,
    /// Whether it is a step of a fan-out.
    pub in_fan: bool,
}

/// The changes that act on what the tail waits for, those of the largest cause first. The first cure of every cause comes before the
/// second of any.
pub fn changes(model: &Model, split: &Split, steps: &[StepText]) -> Vec<Change> {
    let world = WorldToChange { model, split, steps };
    let of_each: Vec<Vec<Change>> = causes(model, split).into_iter().map(|(on, _)| cures(&world, on)).collect();
    let longest = of_each.iter().map(Vec::len).max().unwrap_or(0);
    let mut all: Vec<Change> = Vec::new();
    // Three at a time, so that a cause keeps its best cures together and no cause is left out for the tenth of another.
    for from in (0..longest).step_by(3) {
        for change in of_each.iter().flat_map(|cures| cures.iter().skip(from).take(3)) {
            if all.iter().all(|known| known.how != change.how) {
                all.push(change.clone());
            }
        }
    }
    all
}

fn cures(world: &WorldToChange<'_>, on: On) -> Vec<Change> {
    match on {
        On::Wait(wait) => of_wait(world, on, wait),
        On::Door(meanwhile) => at_the_door(world, on, meanwhile),
        On::Uneven => [world.reuse_port(on), world.accepts(on), world.wakes(on), world.policy(on)].concat(),
        On::Retries => world.fewer_retries(on),
        On::Kills => world.longer_timeouts(on),
    }
}

fn of_wait(world: &WorldToChange<'_>, on: On, wait: Wait) -> Vec<Change> {
    match wait {
        Wait::Hub => held_up(world, on),
        Wait::Gil => [vec![world.processes(on)], world.processes_with_cores(on)].concat(),
        Wait::Core => vec![world.cores(on)],
        Wait::Throttled => world.cpu_limit(on),
        Wait::Slot | Wait::Backlog => {
            [world.slots(on), vec![world.processes(on)], world.policy(on), world.blocking(on), world.yields(on)]
                .concat()
        }
        Wait::SynRetry | Wait::Retransmit => {
            [vec![world.listen(on)], world.slots(on), vec![world.processes(on)]].concat()
        }
        Wait::Pool | Wait::Lock => world.shared(on, wait),
        Wait::Peer => [world.timeout(on), world.capacity(on), world.breaker(on), world.faster_peer(on)].concat(),
        // What is its own work, or on its way, no setting of the server changes.
        Wait::Network | Wait::Cpu | Wait::Native | Wait::Timer => Vec::new(),
    }
}

/// Cures for a loop that runs something else: give way, move it off, share it out, have more loops.
fn held_up(world: &WorldToChange<'_>, on: On) -> Vec<Change> {
    [
        world.blocking(on),
        world.yields(on),
        world.accepts(on),
        vec![world.processes(on)],
        world.processes_with_cores(on),
        world.reuse_port(on),
        world.policy(on),
    ]
    .concat()
}

fn at_the_door(world: &WorldToChange<'_>, on: On, meanwhile: Meanwhile) -> Vec<Change> {
    match meanwhile {
        Meanwhile::Idle => [world.wakes(on), world.reuse_port(on), world.accepts(on)].concat(),
        Meanwhile::Ran | Meanwhile::Blocked => held_up(world, on),
        Meanwhile::NoCore => vec![world.cores(on)],
        Meanwhile::Throttled => world.cpu_limit(on),
        Meanwhile::NoGil | Meanwhile::Closing => of_wait(world, on, Wait::Gil),
        Meanwhile::Stopping => {
            [world.graceful_timeout(on), world.keepalive(on), world.recycling(on), world.another_process(on)].concat()
        }
        Meanwhile::Booting => {
            [world.recycling(on), world.another_process(on), world.boot(on), world.longer_timeouts(on)].concat()
        }
        Meanwhile::Gone => [world.forkbomb_delay(on), world.recycling(on), world.another_process(on)].concat(),
        Meanwhile::FullOfIdle => {
            [world.keepalive(on), world.slots(on), vec![world.processes(on)], world.connections(on)].concat()
        }
        Meanwhile::Full(wait) => {
            let within = match wait {
                Wait::Peer | Wait::Pool | Wait::Lock => of_wait(world, on, wait),
                Wait::Hub => held_up(world, on),
                Wait::Core => vec![world.cores(on)],
                Wait::Throttled => world.cpu_limit(on),
                Wait::Cpu | Wait::Native | Wait::Gil => Vec::new(),
                Wait::Timer | Wait::Network => Vec::new(),
                Wait::SynRetry | Wait::Retransmit | Wait::Backlog | Wait::Slot => Vec::new(),
            };
            let room = [world.slots(on), vec![world.processes(on)], world.listen_if_full(on)].concat();
            [room, within, world.policy(on), world.connections(on)].concat()
        }
    }
}

/// Whether a world serves with hubs or event loops.
pub(super) fn has_hubs(model: &Model) -> bool {
    model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_)))
}
