//! A run of which a window is traced, and who lives where in it.

use crate::carrier::kind_of;
use crate::kit::id::ProcessId;
use crate::kit::rng::{Replication, Seed};
use crate::model::Model;
use crate::watch::probe::Watched;
use crate::watch::trace::tracer::Tracer;
use crate::watch::trace::{Layout, ProcessKind, ThreadKind, Trace, TraceWindow};
use crate::world::{RunError, World};

/// Runs one world and keeps what happens in a window; the run ends with the window.
///
/// Same arguments: same trace, on every platform.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached or requests wait for ever.
pub fn trace(model: &Model, seed: Seed, replication: Replication, window: TraceWindow) -> Result<Trace, RunError> {
    let mut tracer = Tracer::new(model, window);
    let mut world = World::new(model, seed, replication, Watched::<true>::new(None, &mut tracer));
    let end = world.arrivals_end.saturating_add(model.run.drain);
    world.run_to(end.min(window.to))?;
    let over = end <= window.to || (world.requests.is_empty() && world.clients_are_done());
    let (now, counted) = (world.now, world.counted());
    let layout = layout(&world);
    let until = if over { now } else { window.to };
    drop(world);
    let mut trace = tracer.finish(until, layout);
    (trace.run_ended, trace.counted) = (over.then_some(now), counted);
    Ok(trace)
}

fn layout<P>(world: &World<'_, P>) -> Layout {
    let first = |process| world.threads.iter().find(|thread| thread.process() == process).map(|thread| thread.role());
    let kind = |process: ProcessId| match first(process).map(kind_of) {
        Some(ThreadKind::Router) => ProcessKind::Router,
        Some(ThreadKind::Generator) => ProcessKind::Generator,
        Some(ThreadKind::Server | ThreadKind::Acceptor | ThreadKind::Helper | ThreadKind::Hub) | None => {
            ProcessKind::Worker(world.processes[process].worker() as u32)
        }
    };
    let processes =
        world.processes.ids().map(|process| (world.processes[process].host().index() as u32, kind(process)));
    let threads = world.threads.iter().map(|thread| (thread.process().index() as u32, kind_of(thread.role())));
    Layout {
        processes: processes.collect(),
        threads: threads.collect(),
        hubs: world.carriers.processes_of_hubs().map(|process| process.index() as u32).collect(),
        cores: world.machine.cores().map(|host| host.index() as u32).collect(),
    }
}
