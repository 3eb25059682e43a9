//! What a scheduling program said: the trace of one hub or event loop, task by task, in order.

use crate::carrier::hub::audit;
use crate::kit::id::{HubId, LoopId};
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::Time;
use crate::model::{Model, WorkerKind};
pub use crate::program::said::{Outcome, Said};
use crate::watch::probe::{Fact, Onlooker, Watched};
use crate::world::{RunError, World};

/// The trace of a run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Transcript {
    /// The names under which greenlets were spawned, in spawn order; [`Line::who`] counts in it.
    pub born: Vec<u16>,
    /// What was said, in order.
    pub lines: Vec<Line>,
    /// How often a greenlet was switched into.
    pub switches: u64,
}

/// One entry of a trace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// When.
    pub at: Time,
    /// Which greenlet, counted in spawn order.
    pub who: u32,
    /// What.
    pub said: Said,
}

impl Onlooker for Transcript {
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        match fact {
            Fact::Born(name) => self.born.push(name),
            Fact::HubRan { .. } => self.switches += 1,
            Fact::Said { who, said } => self.lines.push(Line { at, who, said: said.clone() }),
            _ => {}
        }
    }
}

/// Runs a scheduling program on the model's first hub, or its first event loop if it has one: `main` is spawned by a loop that is already running and whose clock is
/// fresh, and the run ends when nothing is left that could ever run.
///
/// # Errors
/// [`RunError`] when a limit of the model is reached.
///
/// # Panics
/// If the hub has forgotten somebody: a bug in the engine.
pub fn run(model: &Model, main: u16, main_name: u16) -> Result<Transcript, RunError> {
    if model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Loop(_))) {
        return run_on_loop(model, main, main_name);
    }
    let mut transcript = Transcript::default();
    let watched = Watched::<false>::new(None, &mut transcript);
    let mut world = World::new(model, Seed(0), Replication(0), watched);
    let hub = HubId::from_index(0);
    let green = world.new_greenlet(hub, main, main_name);
    world.call_it(main_name, green);
    world.begin_batch(hub);
    world.start_green(hub, green);
    world.run_until(Time::NEVER)?;
    let faults = audit::audit(&world);
    assert!(faults.is_empty(), "{}: {}", model.name, faults.join("; "));
    // The last thing to happen may be an answer that nobody waits for; the loop has ended by then.
    let end = world.carriers.hub_was_active_at(hub);
    let blocked: Vec<u32> = world.carriers.living_greenlets().map(|green| green.index() as u32).collect();
    drop(world);
    transcript.lines.extend(blocked.into_iter().map(|who| Line { at: end, who, said: Said::Blocked }));
    Ok(transcript)
}

/// The same on an event loop: time 0 is when the task `main` is made, on a loop with nothing else to do.
fn run_on_loop(model: &Model, main: u16, main_name: u16) -> Result<Transcript, RunError> {
    let mut transcript = Transcript::default();
    let watched = Watched::<false>::new(None, &mut transcript);
    let mut world = World::new(model, Seed(0), Replication(0), watched);
    let on = LoopId::from_index(0);
    world.begin_program(on, main, main_name);
    world.run_until(Time::NEVER)?;
    let end = world.loop_state(on).active_at();
    let blocked = world.loop_state(on).blocked();
    drop(world);
    transcript.lines.extend(blocked.into_iter().map(|who| Line { at: end, who, said: Said::Blocked }));
    Ok(transcript)
}
