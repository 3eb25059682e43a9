//! Deadlocks: tasks that wait for each other in a circle, so that none of them will ever go on.
//!
//! Nothing is counted while a run goes on. When it is over, every task that waits without a limit for a unit of a lock or pool, or for
//! the runs of its fan-out, is a suspect. Who holds the units follows from the programs (`python/ledger/`). A suspect is cleared if somebody
//! who could help it is not one: a unit is free, a holder is not stuck, all its runs go on. Who is left when nobody can be cleared any
//! more is stuck for ever. Where the holders of a unit do not come out as many as its units, it is not judged: nobody is accused wrongly.
//! A task is no suspect while something ends its wait: a timeout, a block around it, the death of its process.

use std::collections::{BTreeMap, BTreeSet};

use crate::kit::id::{ProcessId, TaskId};
use crate::kit::time::Time;
use crate::machine::Role;
use crate::model::step_names::step_name;
use crate::model::{SyncKind, WorkerKind};
use crate::program::op::{Op, Pc};
use crate::program::task::{News, Parked, Task};
use crate::python::ledger::Thing;
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::{RunError, World};

/// A lock or pool of a process.
type Shared = (ProcessId, u16);

/// Links of a circle that a message shows; the rest is counted.
const SHOWN: usize = 8;

/// What a suspect waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Want {
    Unit(Shared),
    Children,
}

/// Who waits, and who holds.
#[derive(Default)]
struct Waits {
    suspects: BTreeMap<TaskId, Want>,
    /// By lock or pool: its holders.
    holders: BTreeMap<Shared, Vec<TaskId>>,
    /// By parent: the runs of its fan-out.
    children: BTreeMap<TaskId, Vec<TaskId>>,
}

impl Waits {
    /// Clears suspects until nobody can be cleared any more; who is left is stuck.
    fn clear<P: Probe>(&mut self, world: &World<'_, P>) {
        loop {
            let stuck = |shared: &Shared| {
                let holders = self.holders.get(shared).map_or(&[][..], Vec::as_slice);
                let all = world.units_of(shared.1).is_some_and(|units| holders.len() == units as usize);
                all && holders.iter().all(|holder| self.suspects.contains_key(holder))
            };
            let stuck: BTreeSet<Shared> = self.holders.keys().copied().filter(stuck).collect();
            let is_stuck = |(task, want): (&TaskId, &Want)| match want {
                Want::Unit(shared) => stuck.contains(shared),
                Want::Children => self.children_of(*task).any(|child| self.suspects.contains_key(&child)),
            };
            let cleared = self.suspects.iter().filter(|suspect| !is_stuck(*suspect));
            let cleared: BTreeSet<TaskId> = cleared.map(|(task, _)| *task).collect();
            if cleared.is_empty() {
                return;
            }
            self.suspects.retain(|task, _| !cleared.contains(task));
        }
    }

    fn children_of(&self, task: TaskId) -> impl Iterator<Item = TaskId> {
        self.children.get(&task).into_iter().flatten().copied()
    }

    /// Whom a stuck task waits for: the first who is stuck too.
    fn waits_for(&self, task: TaskId) -> Option<TaskId> {
        match self.suspects.get(&task)? {
            Want::Unit(shared) => self.holders.get(shared)?.iter().copied().find(|one| self.suspects.contains_key(one)),
            Want::Children => self.children_of(task).find(|child| self.suspects.contains_key(child)),
        }
    }

    /// A circle among those who are stuck: from anybody along who waits for whom until somebody comes up again.
    fn circle(&self) -> Vec<TaskId> {
        let mut path: Vec<TaskId> = self.suspects.keys().take(1).copied().collect();
        while let Some(next) = path.last().and_then(|last| self.waits_for(*last)) {
            if let Some(at) = path.iter().position(|task| *task == next) {
                return path.split_off(at);
            }
            path.push(next);
        }
        Vec::new()
    }
}

impl<P: Probe> World<'_, P> {
    /// The deadlock that some tasks are in, if any are.
    #[cold]
    pub(crate) fn deadlock_left(&self) -> Option<RunError> {
        let mut waits = self.waits();
        waits.clear(self);
        let circle = waits.circle();
        if circle.is_empty() {
            return None;
        }
        let since = circle.iter().filter_map(|task| self.waits_since(*task)).max();
        let mut links: Vec<String> = circle.iter().take(SHOWN).map(|task| self.link_text(*task, &waits)).collect();
        if circle.len() > SHOWN {
            links.push(format!("and {} more in the same circle", circle.len() - SHOWN));
        }
        Some(RunError::Circle {
            world: self.model.name.clone(),
            at: since.unwrap_or(self.now),
            tasks: waits.suspects.len(),
            circle: links.join("; "),
        })
    }

    /// Units that a lock or pool has when nobody holds one; `None` for what is neither.
    fn units_of(&self, sync: u16) -> Option<u32> {
        match self.model.syncs[usize::from(sync)].kind {
            SyncKind::Semaphore { units, .. } => Some(units),
            SyncKind::Queue { max, filled: true, .. } => max,
            SyncKind::Threads { size } => Some(size),
            _ => None,
        }
    }

    /// Whether a lock or pool has a unit that nobody holds.
    fn has_a_unit(&self, (process, sync): Shared) -> bool {
        let interpreter = &self.interpreters[process];
        match interpreter.shared(sync) {
            Sync::Semaphore { link, .. } => interpreter.link(*link).is_ready(),
            Sync::Queue(queue) => !queue.items.is_empty(),
            Sync::Standard(queue) => !queue.items.is_empty(),
            Sync::Threads(link) => interpreter.link(*link).is_ready(),
            _ => true,
        }
    }

    fn waits(&self) -> Waits {
        let mut waits = Waits::default();
        if !self.tasks.iter().any(|(_, task)| self.want(task).is_some()) {
            return waits;
        }
        for (id, task) in self.tasks.iter() {
            let process = self.threads[task.thread()].process();
            let want = self.want(task);
            if task.parent().is_some() {
                waits.children.entry(task.parent()).or_default().push(id);
            }
            for sync in self.shared_held(task) {
                waits.holders.entry((process, sync)).or_default().push(id);
            }
            waits.suspects.extend(want.map(|want| (id, want)));
        }
        waits
    }

    /// The locks and pools of which a task holds a unit, once for each.
    fn shared_held(&self, task: &Task) -> impl Iterator<Item = u16> {
        let held = self.held_by(task).into_iter().filter_map(|thing| match thing {
            Thing::Unit(sync) | Thing::Item(sync) => Some(sync),
            Thing::Connection(..) => None,
        });
        held.chain(self.pool_of_thread(task))
    }

    /// The pool of the native thread that a task of a hub or loop is in.
    fn pool_of_thread(&self, task: &Task) -> Option<u16> {
        if !matches!(self.threads[task.thread()].role(), Role::Native(_)) {
            return None;
        }
        let code = &self.model.programs[usize::from(task.program())].code[..usize::from(task.pc().0)];
        code.iter().rev().find_map(|op| if let Op::ToThread { sync } = op { Some(*sync) } else { None })
    }

    /// The lock or pool of which a task waits for a unit, whether a limit ends that or not.
    fn wanted_unit(&self, task: &Task) -> Option<u16> {
        if !matches!(task.parked(), Parked::Unit | Parked::Item) || task.news() == News::Granted {
            return None;
        }
        let code = &self.model.programs[usize::from(task.program())].code;
        match code.get(usize::from(task.pc().0.wrapping_sub(1))) {
            Some(Op::Acquire { sync, .. } | Op::Get { sync, .. } | Op::ToThread { sync }) => Some(*sync),
            _ => None,
        }
    }

    /// What a task waits for without an end of its own.
    fn want(&self, task: &Task) -> Option<Want> {
        let thread = &self.threads[task.thread()];
        let process = &self.processes[thread.process()];
        let serves_alone = matches!(self.model.workers[process.worker()].kind, WorkerKind::Threads { threads: 1 });
        let guarded = task.green().is_some() && self.carriers.is_guarded(task.green());
        let ends = task.limit_at() != Time::NEVER
            || task.news() != News::None
            || guarded
            || self.carriers.is_in_a_timeout_block(task.thread());
        if ends || self.lives[thread.process()].ends_what_hangs(serves_alone) {
            return None;
        }
        if task.parked() == Parked::Children {
            return Some(Want::Children);
        }
        let shared = (thread.process(), self.wanted_unit(task)?);
        (self.units_of(shared.1).is_some() && !self.has_a_unit(shared)).then_some(Want::Unit(shared))
    }

    /// Since when a task's request waits.
    fn waits_since(&self, task: TaskId) -> Option<Time> {
        let request = self.tasks[task].request();
        self.requests.get(request).map(|request| request.since())
    }

    /// One link: who holds what, and waits for what.
    fn link_text(&self, id: TaskId, waits: &Waits) -> String {
        let task = &self.tasks[id];
        let program = &self.model.programs[usize::from(task.program())];
        let holds: BTreeSet<u16> = self.shared_held(task).collect();
        let names = holds.iter().map(|sync| format!("`{}`", self.model.syncs[usize::from(*sync)].name));
        let holds = match names.collect::<Vec<_>>() {
            names if names.is_empty() => String::new(),
            names => format!("holds {} and ", names.join(", ")),
        };
        let step = Pc(task.pc().0.wrapping_sub(1));
        let step = step_name(self.model, task.program(), step);
        let waits_for = match waits.suspects.get(&id) {
            Some(Want::Children) => "for its runs".to_owned(),
            Some(Want::Unit((_, sync))) => match waits.holders.get(&self.shared_of(task, *sync)).map(Vec::len) {
                Some(1) | None => format!("for `{}`", self.model.syncs[usize::from(*sync)].name),
                Some(units) => format!("for one of the {units} of `{}`", self.model.syncs[usize::from(*sync)].name),
            },
            None => "for nothing".to_owned(),
        };
        format!("`{}` (task {}) {holds}waits {waits_for} at its step \"{step}\"", program.name, id.index())
    }

    fn shared_of(&self, task: &Task, sync: u16) -> Shared {
        (self.threads[task.thread()].process(), sync)
    }
}
