//! A run of which a window is traced, and who lives where in it.

use crate::kit::id::ProcessId;
use crate::kit::rng::{Replication, Seed};
use crate::machine::Role;
use crate::model::Model;
use crate::watch::trace::tracer::Tracer;
use crate::watch::trace::{Layout, ProcessKind, ThreadKind, Trace, Window};
use crate::world::{RunError, World};

/// Runs one world and keeps what happens in a window; the run ends with the window.
///
/// Same arguments: same trace, on every platform.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached or requests wait for ever.
pub fn trace(model: &Model, seed: Seed, replication: Replication, window: Window) -> Result<Trace, RunError> {
    let mut world = World::new(model, seed, replication, Tracer::new(model, window));
    let end = world.arrivals_end.saturating_add(model.run.drain);
    world.run_to(end.min(window.to))?;
    let over = end <= window.to || (world.requests.is_empty() && world.clients_are_done());
    let (now, counted) = (world.now, world.counted());
    let layout = layout(&world);
    let until = if over { now } else { window.to };
    let mut trace = world.probe.finish(until, layout);
    (trace.run_ended, trace.counted) = (over.then_some(now), counted);
    Ok(trace)
}

fn layout<P>(world: &World<'_, P>) -> Layout {
    let kind = |process: ProcessId| {
        let role = world.threads.iter().find(|thread| thread.process == process).map(|thread| thread.role);
        match role {
            Some(Role::Router(_)) => ProcessKind::Router,
            Some(Role::Generator(_)) => ProcessKind::Generator,
            Some(Role::Server | Role::PoolServer | Role::Acceptor | Role::Helper | Role::Hub(_)) | None => {
                ProcessKind::Worker(world.processes[process].worker as u32)
            }
        }
    };
    let processes = world.processes.ids().map(|process| (world.processes[process].host.index() as u32, kind(process)));
    let of_thread = |role| match role {
        Role::Server | Role::PoolServer => ThreadKind::Server,
        Role::Acceptor => ThreadKind::Acceptor,
        Role::Helper => ThreadKind::Helper,
        Role::Hub(_) => ThreadKind::Hub,
        Role::Router(_) => ThreadKind::Router,
        Role::Generator(_) => ThreadKind::Generator,
    };
    let threads = world.threads.iter().map(|thread| (thread.process.index() as u32, of_thread(thread.role)));
    Layout {
        processes: processes.collect(),
        threads: threads.collect(),
        hubs: world.hubs.iter().map(|hub| hub.process.index() as u32).collect(),
        cores: world.machine.cores().map(|host| host.index() as u32).collect(),
    }
}
