//! What must hold when a scheduling program is over: nobody was forgotten, nobody is still named where he does not wait.
//!
//! Whoever has not ended is parked, and nothing that exists can end that wait; every list of waiters names exactly those who are
//! parked on that very thing. Left out are the locks queued under conditions and standard queues: CPython leaves the lock of a waiter
//! there if something is thrown into it while it takes the outer lock back, and so do we.

use crate::carrier::hub::greenlet::{DeathLink, Green, GreenletLife};
use crate::kit::id::{GreenId, HubId, ProcessId, TaskId};
use crate::program::op::Op;
use crate::program::task::Parked;
use crate::python::linkable::{Linkable, Notifier};
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

/// What is inconsistent in a world in which nothing will happen any more; nothing if all is well.
pub(crate) fn audit<P: Probe>(world: &World<'_, P>) -> Vec<String> {
    let mut found = Vec::new();
    for at in 0..world.carriers.hubs.len() {
        let id = HubId::from_index(at);
        audit_loop(world, id, &mut found);
        audit_links(world, id, &mut found);
        audit_syncs(world, id, &mut found);
    }
    for (at, green) in world.carriers.greens.iter().enumerate() {
        audit_green(world, GreenId::from_index(at), green, &mut found);
    }
    found
}

/// The loop has ended: nothing is queued, pending or started.
fn audit_loop<P: Probe>(world: &World<'_, P>, id: HubId, found: &mut Vec<String>) {
    let hub = &world.carriers.hubs[id];
    let rests = [
        ("a greenlet still runs", hub.current.is_some()),
        ("a callback is under way", hub.underway.is_some()),
        ("callbacks are queued", !hub.callbacks.is_empty()),
        ("watchers are pending", !hub.pending.is_empty() || !hub.limits.is_empty()),
        ("somebody waits for the loop to be idle", !hub.idles.is_empty()),
        ("native threads work", !hub.natives.is_empty()),
        ("timers are started", hub.timers.count() > 0),
    ];
    found.extend(rests.iter().filter(|(_, is)| *is).map(|(what, _)| format!("hub {}: {what}", id.index())));
    for (sock, reader) in hub.sockets.readers() {
        if !waits(world, reader, &[Parked::Data], sock) {
            found.push(format!("socket {sock} is watched for {reader:?}, who does not wait for it"));
        }
    }
}

/// Linkables: waiters wait, and not for what is there.
fn audit_links<P: Probe>(world: &World<'_, P>, id: HubId, found: &mut Vec<String>) {
    let interpreter = &world.interpreters[world.carriers.hubs[id].process];
    for (at, link) in interpreter.links().iter().enumerate() {
        found.extend(link_faults(link).into_iter().map(|what| format!("linkable {at}: {what}")));
        for &(_, task) in &link.waiters {
            if !waits(world, task, &[Parked::Unit, Parked::Readiness], at as u32) {
                found.push(format!("linkable {at}: {task:?} is in line and does not wait for it"));
            }
        }
    }
    for (at, &free) in interpreter.free_links().iter().enumerate() {
        if !interpreter.link(free).waiters.is_empty() || interpreter.free_links()[..at].contains(&free) {
            found.push(format!("linkable {free} is free, and in use or free twice"));
        }
    }
}

fn link_faults(link: &Linkable) -> Vec<&'static str> {
    let faults = [
        ("those who came late are not in line", !link.late.is_empty()),
        ("a notifier is on its way", link.notifier != Notifier::None),
        ("it is ready and somebody waits", link.is_ready() && !link.waiters.is_empty()),
        ("it has more units than it may", link.bound.is_some_and(|bound| link.units() > bound)),
        ("somebody is in line twice", has_twins(link.waiters.iter().map(|&(_, task)| task))),
    ];
    faults.iter().filter(|(_, is)| *is).map(|(what, _)| *what).collect()
}

fn has_twins<T: PartialEq>(all: impl Iterator<Item = T>) -> bool {
    let all: Vec<T> = all.collect();
    all.iter().enumerate().any(|(at, one)| all[..at].contains(one))
}

/// Queues, channels, pools, pairs and native threads.
fn audit_syncs<P: Probe>(world: &World<'_, P>, id: HubId, found: &mut Vec<String>) {
    let process_id = world.carriers.hubs[id].process;
    for (at, sync) in world.interpreters[process_id].all_shared().enumerate() {
        let name = &world.model.syncs[at].name;
        found.extend(sync_faults(world, process_id, at, sync).into_iter().map(|what| format!("{name}: {what}")));
        let (getters, putters) = match sync {
            Sync::Queue(queue) => (&queue.getters, &queue.putters),
            Sync::Channel(channel) => (&channel.getters, &channel.putters),
            _ => continue,
        };
        let putters = putters.iter().map(|&(task, _)| (task, Parked::Room));
        for (task, parked) in getters.iter().map(|&task| (task, Parked::Item)).chain(putters) {
            if !waits(world, task, &[parked], at as u32) {
                found.push(format!("{name}: {task:?} is in line and does not wait for it"));
            }
        }
    }
}

fn sync_faults<P: Probe>(world: &World<'_, P>, id: ProcessId, at: usize, sync: &Sync) -> Vec<&'static str> {
    let units = |link: u32| world.interpreters[id].link(link).units();
    let faults = match sync {
        Sync::Queue(queue) => vec![
            ("somebody is about to serve it", queue.unlocking),
            ("it has an item and somebody waits for one", !queue.items.is_empty() && !queue.getters.is_empty()),
            ("it has room and somebody waits for some", queue.has_room() && !queue.putters.is_empty()),
            ("it holds more than it may", queue.max.is_some_and(|max| queue.items.len() > max as usize)),
            ("it is done and not done", (queue.unfinished == 0) != (units(queue.done) > 0)),
        ],
        Sync::Channel(channel) => vec![
            ("somebody is about to pair them", channel.unlocking),
            ("putter and getter do not meet", !channel.getters.is_empty() && !channel.putters.is_empty()),
        ],
        Sync::Standard(queue) => {
            vec![("it holds more than it may", queue.max.is_some_and(|max| queue.items.len() > max as usize))]
        }
        Sync::Pool(pool) => {
            let member = |green: &&Green| green.links.contains(&DeathLink::Discard(at as u16));
            let members = world.carriers.greens.iter().filter(member).count() as u32;
            let size = pool_size(world, at);
            vec![
                ("its members are not counted right", pool.members != members),
                ("it is empty and not empty", (pool.members == 0) != (units(pool.empty) > 0)),
                ("members and room do not add up", pool.room.is_some_and(|room| units(room) + pool.members != size)),
            ]
        }
        Sync::Threads(link) => vec![("a native thread is not given back", units(*link) != pool_size(world, at))],
        Sync::Aio
        | Sync::Semaphore { .. }
        | Sync::Lock(_)
        | Sync::Event(_)
        | Sync::Result(_)
        | Sync::Pair { .. }
        | Sync::Remote(_) => Vec::new(),
    };
    faults.into_iter().filter(|(_, is)| *is).map(|(what, _)| what).collect()
}

/// How many a pool of greenlets or native threads has room for; 0 for a group.
fn pool_size<P: Probe>(world: &World<'_, P>, sync: usize) -> u32 {
    use crate::model::SyncKind;
    match world.model.syncs[sync].kind {
        SyncKind::Pool { size } => size.unwrap_or(0),
        SyncKind::Threads { size } => size,
        _ => unreachable!("only pools have a size"),
    }
}

/// Whether a task is a living greenlet that waits in one of these ways for the thing of this index.
fn waits<P: Probe>(world: &World<'_, P>, task: TaskId, ways: &[Parked], handle: u32) -> bool {
    world.tasks.get(task).is_some_and(|state| {
        let lives = state.green().is_none() || world.carriers.greens[state.green()].life == GreenletLife::Begun;
        lives && ways.contains(&state.parked()) && state.handle() == handle
    })
}

/// A greenlet: dead without leaving anything behind, or parked where somebody could find it.
fn audit_green<P: Probe>(world: &World<'_, P>, id: GreenId, green: &Green, found: &mut Vec<String>) {
    let mut fault = |what: &str| found.push(format!("greenlet {}: {what}", id.index()));
    if green.thrown.is_some() {
        fault("something was thrown into it and it never saw it");
    }
    match green.life {
        // Its spawner was killed, or waits for room in the pool.
        GreenletLife::Unborn => {}
        GreenletLife::Queued | GreenletLife::Timed(_) => fault("it was never started"),
        GreenletLife::Dead => {
            if !green.links.is_empty() || green.notifying {
                fault("it is dead and its links were not called");
            }
            if !green.guards.is_empty() || green.gather.is_some() {
                fault("it is dead and its timeouts or links are not taken back");
            }
        }
        GreenletLife::Begun => {
            if let Some(what) = fault_of_wait(world, id, green) {
                fault(what);
            }
        }
    }
}

/// Why a wait should be over, or nobody would find who waits; `None` if it is as it should be.
fn fault_of_wait<P: Probe>(world: &World<'_, P>, id: GreenId, green: &Green) -> Option<&'static str> {
    let state = &world.tasks[green.task];
    let hub = world.carriers.hubs.iter().find(|hub| hub.thread == state.thread())?;
    let interpreter = &world.interpreters[hub.process];
    let (task, handle) = (green.task, state.handle() as usize);
    let said = |holds: bool, what: &'static str| if holds { None } else { Some(what) };
    match state.parked() {
        Parked::Unit | Parked::Readiness => {
            let link = interpreter.link(state.handle());
            let in_line = link.waiters.iter().any(|&(_, waiter)| waiter == task);
            said(in_line || link.lost.contains(&task), "it waits for a linkable that does not know it")
        }
        Parked::Item | Parked::Room => {
            let in_line = match interpreter.shared(handle as u16) {
                Sync::Queue(queue) => in_lines(&queue.getters, &queue.putters, task),
                Sync::Channel(channel) => in_lines(&channel.getters, &channel.putters, task),
                _ => false,
            };
            said(in_line, "it waits for a queue that does not know it")
        }
        Parked::Data => said(
            hub.sockets.readers().any(|reader| reader == (state.handle(), task)),
            "it waits for data on a socket that does not know it",
        ),
        Parked::Death => said(
            {
                let joined = &world.carriers.greens[GreenId::from_index(handle)];
                joined.links.contains(&DeathLink::Join(task)) && !joined.is_dead()
            },
            "it joins one that is dead or does not know it",
        ),
        Parked::Deaths => said(
            green.gather.as_ref().is_some_and(|gather| {
                let knows = |other: &GreenId| world.carriers.greens[*other].links.contains(&DeathLink::Gather(id));
                let living = gather.objects.iter().filter(|other| !world.carriers.greens[**other].is_dead());
                gather.values.is_empty() && living.into_iter().all(knows)
            }),
            "it gathers those who do not know it",
        ),
        Parked::No => said(
            world.model.programs.iter().any(|program| program.code.iter().any(|op| matches!(op, Op::SwitchTo { .. }))),
            "it waits for nothing and does not run",
        ),
        Parked::Turn
        | Parked::Timer
        | Parked::Thinking
        | Parked::Idle
        | Parked::Kill
        | Parked::Peer
        | Parked::Children => Some("what it waits for always comes"),
    }
}

fn in_lines(
    getters: &std::collections::VecDeque<TaskId>,
    putters: &std::collections::VecDeque<(TaskId, u16)>,
    task: TaskId,
) -> bool {
    getters.contains(&task) || putters.iter().any(|&(putter, _)| putter == task)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::carrier::hub::Callback;
    use crate::carrier::hub::timers::Purpose;
    use crate::kit::rng::{Replication, Seed};
    use crate::kit::time::{Span, Time};
    use crate::model::*;
    use crate::program::op::Program;

    /// One hub; its first object is an event, its second a queue.
    fn model() -> Model {
        let kind = WorkerKind::Hub { greenlets: 0, accepts: 0, full: WhenFull::Stop };
        let long = Span::from_secs(1);
        let queue = SyncKind::Queue { lifo: false, max: None, standard: false, filled: false };
        let sync = |name: &str, kind| SyncSpec { name: name.into(), pool: false, kind };
        let wait = [Op::Await { sync: 0, limit: crate::program::op::Limit::NONE }, Op::End];
        let host = HostSpec { slice: long, tick: long, ..HostSpec::plain(1) };
        let run = RunSpec { length: None, drain: long, warm_up: Span::ZERO, step: long, starved_after: long };
        Model {
            syncs: vec![sync("event", SyncKind::Event), sync("queue", queue)],
            programs: Arc::new([Program { fails: false, ..Program::new("main", wait, [], []) }]),
            ..Model::plain(host, WorkerSpec::plain("gevent", kind), run)
        }
    }

    /// What the audit says of a world in which one greenlet waits for an event, after something was done to it.
    fn said(damage: impl FnOnce(&mut World<'_, ()>)) -> String {
        let model = model();
        let mut world = World::new(&model, Seed(0), Replication(0), ());
        let hub = HubId::from_index(0);
        let green = world.new_greenlet(hub, 0, 0);
        world.begin_batch(hub);
        world.start_green(hub, green);
        world.run_until(Time::NEVER).expect("it ends");
        damage(&mut world);
        audit(&world).join("; ")
    }

    fn waiter(world: &World<'_, ()>) -> TaskId {
        world.carriers.greens[GreenId::from_index(0)].task
    }

    #[test]
    fn a_greenlet_that_waits_in_line_for_ever_is_as_it_should_be() {
        assert_eq!(said(|_| {}), "");
    }

    #[test]
    fn a_waiter_that_nobody_knows_is_found() {
        let said = said(|world| world.interpreters[ProcessId::from_index(0)].link_mut(0).waiters.clear());
        assert_eq!(said, "greenlet 0: it waits for a linkable that does not know it");
    }

    #[test]
    fn a_waiter_of_what_is_ready_is_found() {
        let said = said(|world| world.interpreters[ProcessId::from_index(0)].link_mut(0).set());
        assert_eq!(said, "linkable 0: it is ready and somebody waits");
    }

    #[test]
    fn a_place_in_line_that_was_left_behind_is_found() {
        let linked = said(|world| {
            let task = waiter(world);
            world.interpreters[ProcessId::from_index(0)].link_mut(1).push(task);
        });
        assert!(
            linked.starts_with("linkable 1: ") && linked.ends_with("is in line and does not wait for it"),
            "{linked}"
        );
        let queued = said(|world| {
            let task = waiter(world);
            let Sync::Queue(queue) = world.interpreters[ProcessId::from_index(0)].shared_mut(1) else {
                unreachable!("it is a queue")
            };
            queue.getters.push_back(task);
        });
        assert!(queued.starts_with("queue: ") && queued.ends_with("is in line and does not wait for it"), "{queued}");
    }

    #[test]
    fn whoever_is_in_line_twice_is_found() {
        let said = said(|world| {
            let task = waiter(world);
            world.interpreters[ProcessId::from_index(0)].link_mut(0).push(task);
        });
        assert_eq!(said, "linkable 0: somebody is in line twice");
    }

    #[test]
    fn a_wait_that_should_have_ended_is_found() {
        let said = said(|world| {
            let task = waiter(world);
            world.interpreters[ProcessId::from_index(0)].link_mut(0).waiters.clear();
            world.tasks[task].park(Parked::Turn);
        });
        assert_eq!(said, "greenlet 0: what it waits for always comes");
    }

    #[test]
    fn a_timer_and_a_callback_that_were_left_behind_are_found() {
        let said = said(|world| {
            let task = waiter(world);
            world.carriers.hubs[HubId::from_index(0)].timers.start(Time::from_ns(1), Purpose::Wake, task);
            world.carriers.hubs[HubId::from_index(0)].callbacks.push_back(Callback::Turn(task, 0));
        });
        assert_eq!(said, "hub 0: callbacks are queued; hub 0: timers are started");
    }

    #[test]
    fn too_many_units_are_found() {
        let said = said(|world| {
            let link = world.interpreters[ProcessId::from_index(0)].link_mut(1);
            link.bound = Some(1);
            (0..2).for_each(|_| link.give());
        });
        assert_eq!(said, "linkable 1: it has more units than it may");
    }

    #[test]
    fn a_dead_greenlet_whose_links_were_not_called_is_found() {
        let said = said(|world| {
            world.interpreters[ProcessId::from_index(0)].link_mut(0).waiters.clear();
            world.carriers.greens[GreenId::from_index(0)].life = GreenletLife::Dead;
            world.carriers.greens[GreenId::from_index(0)].links.push_back(DeathLink::Note(0));
        });
        assert_eq!(said, "greenlet 0: it is dead and its links were not called");
    }
}
