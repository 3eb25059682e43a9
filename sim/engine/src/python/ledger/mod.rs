//! What a task holds: units of locks and pools, items of queues, connections in use.
//!
//! Nobody keeps a list while all goes well. Which way a task has come through its program follows from its loops and its draws alone,
//! so a ledger is written by going that way again, up to where the task stands: what it took on the way and has not given back, it
//! holds, whatever overlaps, is nested or goes round in loops. That costs at most as many steps as the task has made itself, and only
//! when somebody asks: when it fails and gives back all that it holds (`World::give_back_all`), and when a run is searched for deadlocks
//! (`world/deadlock.rs`). A task that waits for a unit which it has not got stands before its acquire.
//!
//! Who holds nothing has nothing to give back: a release without a unit does nothing. In most programs every release follows an
//! acquire on every way, so nobody has to ask; in the others (`program/unheld.rs`) each task has a ledger of its own that follows it
//! from one release to the next.
//!
//! Items that were got from a queue are in the ledger too, but who fails keeps them: a queue does not know to whom it gave what.

use crate::kit::id::TaskId;
use crate::model::Model;
use crate::program::advance;
use crate::program::op::{Op, Pc, Per, Program};
use crate::program::task::{News, Parked, Task};
use crate::watch::probe::Probe;
use crate::world::World;

/// Something that a task can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Thing {
    /// A unit of a lock or pool.
    Unit(u16),
    /// An item of a queue.
    Item(u16),
    /// The use of a connection.
    Connection(u16, Per),
}

/// What an op does to what its task holds.
enum Change {
    Takes(Thing),
    Gives(Thing),
}

fn change_of(op: Op) -> Option<Change> {
    Some(match op {
        Op::Acquire { sync, .. } => Change::Takes(Thing::Unit(sync)),
        Op::Release { sync } => Change::Gives(Thing::Unit(sync)),
        Op::Get { sync, .. } => Change::Takes(Thing::Item(sync)),
        Op::Put { sync, .. } => Change::Gives(Thing::Item(sync)),
        Op::Occupy { connection, per, .. } => Change::Takes(Thing::Connection(connection, per)),
        Op::Vacate { connection, per } => Change::Gives(Thing::Connection(connection, per)),
        // No other op takes or gives anything.
        _ => return None,
    })
}

/// Something that was taken.
#[derive(Clone, Copy, Debug)]
struct Taken {
    thing: Thing,
    /// The one of the same kind that was taken before it and is still held.
    before: Option<u32>,
    /// Whether it was given back, while others that were taken later are held.
    given: bool,
}

/// What one task holds, and how far it has been followed.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pc: Pc,
    registers: [u32; Program::REGISTERS],
    /// Oldest first; the last one is held.
    taken: Vec<Taken>,
    /// Of each thing that was ever held: the newest one in `taken`.
    newest: Vec<(Thing, Option<u32>)>,
}

impl Ledger {
    /// A task begins: it holds nothing.
    fn clear(&mut self) {
        (self.pc, self.registers) = (Pc(0), [0; Program::REGISTERS]);
        self.taken.clear();
        self.newest.clear();
    }

    /// Follows a task from where it was followed to, or from its begin, until it stands before the op at `to`.
    fn follow(&mut self, task: &Task, to: Pc, program: &Program, key: u64) {
        if self.pc == Pc(0) {
            self.registers = advance::registers_at_birth(task, program);
        }
        while self.pc != to || self.registers != task.registers() {
            let op = program.code[usize::from(self.pc.0)];
            self.pc.0 += 1;
            match op {
                Op::Set { register, times } => self.registers[usize::from(register)] = times,
                Op::Loop { register, back } => {
                    if advance::goes_round(&mut self.registers, register) {
                        self.pc = back;
                    }
                }
                Op::Chance { odds, skip } => {
                    if !advance::comes_to_pass(program, odds, key, self.registers) {
                        self.pc = skip;
                    }
                }
                Op::End => unreachable!("a task stands on its way"),
                op => match change_of(op) {
                    Some(Change::Takes(thing)) => self.take(thing),
                    Some(Change::Gives(thing)) => self.give(thing),
                    None => {}
                },
            }
        }
    }

    fn newest(&mut self, thing: Thing) -> &mut Option<u32> {
        let at = self.newest.iter().position(|&(known, _)| known == thing).unwrap_or_else(|| {
            self.newest.push((thing, None));
            self.newest.len() - 1
        });
        &mut self.newest[at].1
    }

    fn take(&mut self, thing: Thing) {
        let at = u32::try_from(self.taken.len()).expect("pools have under 2^32 units");
        let before = self.newest(thing).replace(at);
        self.taken.push(Taken { thing, before, given: false });
    }

    /// The newest of its kind is given back, if there is one.
    fn give(&mut self, thing: Thing) {
        let Some(at) = *self.newest(thing) else { return };
        *self.newest(thing) = self.taken[at as usize].before;
        self.taken[at as usize].given = true;
        while self.taken.last().is_some_and(|last| last.given) {
            self.taken.pop();
        }
    }

    /// The newest of all is given back.
    fn give_newest(&mut self) -> Option<Thing> {
        let thing = self.taken.last()?.thing;
        self.give(thing);
        Some(thing)
    }

    fn holds(&mut self, thing: Thing) -> bool {
        self.newest(thing).is_some()
    }

    /// All that is held, oldest first.
    fn things(&self) -> impl Iterator<Item = Thing> {
        self.taken.iter().filter(|taken| !taken.given).map(|taken| taken.thing)
    }
}

/// The ledgers of a world.
#[derive(Debug, Default)]
pub(crate) struct Ledgers {
    /// By task: of those whose programs may release what they do not hold. As long as the latest of them needs.
    of: Vec<Ledger>,
    /// For whoever else is asked about.
    other: Ledger,
}

impl Ledgers {
    /// A task begins: what the one in its place held is nothing to it.
    #[inline]
    pub(crate) fn begin_task(&mut self, task: TaskId) {
        if let Some(ledger) = self.of.get_mut(task.index()) {
            ledger.clear();
        }
    }
}

/// The runs of a fan-out, and threads that are started, know their number by their first register, so no loop of theirs may use it.
pub(crate) fn assert_runs_keep_their_number(model: &Model) {
    for op in model.programs.iter().flat_map(|program| program.code.iter()) {
        if let Op::Fan { program, .. } | Op::Start { program, .. } = *op {
            let run = &model.programs[usize::from(program)];
            let keeps = !run.code.iter().any(|op| matches!(op, Op::Set { register: 0, .. }));
            assert!(keeps, "the runs of `{}` lose their number in a loop", run.name);
        }
    }
}

impl<P: Probe> World<'_, P> {
    /// The op before which a task stands: all before it on its way have had their effect.
    fn stands_before(&self, task: &Task) -> Pc {
        let code = &self.model.programs[usize::from(task.program())].code;
        let waits = matches!(task.parked(), Parked::Unit | Parked::Item | Parked::Room) && task.news() == News::None;
        let before = Pc(task.pc().0.wrapping_sub(1));
        let op = if waits { code.get(usize::from(before.0)) } else { None };
        if matches!(op, Some(Op::Acquire { .. } | Op::Get { .. } | Op::Put { .. })) { before } else { task.pc() }
    }

    fn key_of(&self, task: &Task) -> u64 {
        if task.request().is_some() {
            self.requests[task.request()].key()
        } else {
            self.fates.key_left_to(task.parent())
        }
    }

    /// What a task holds, oldest first.
    pub(crate) fn held_by(&self, task: &Task) -> Vec<Thing> {
        if task.unwinding() && task.news() == News::None {
            // It has failed and given back all.
            return Vec::new();
        }
        let mut ledger = Ledger::default();
        let program = &self.model.programs[usize::from(task.program())];
        ledger.follow(task, self.stands_before(task), program, self.key_of(task));
        ledger.things().collect()
    }

    /// The ledger of a task, up to an op.
    fn ledger(&mut self, task: TaskId, to: Pc) -> &mut Ledger {
        let key = self.key_of(&self.tasks[task]);
        let state = &self.tasks[task];
        let program = &self.model.programs[usize::from(state.program())];
        let ledger = if program.gives_unheld {
            if self.ledgers.of.len() <= task.index() {
                self.ledgers.of.resize_with(task.index() + 1, Ledger::default);
            }
            &mut self.ledgers.of[task.index()]
        } else {
            self.ledgers.other.clear();
            &mut self.ledgers.other
        };
        ledger.follow(state, to, program, key);
        ledger
    }

    /// Whether a task that has just met a release holds what it gives back.
    #[inline(never)]
    pub(crate) fn holds_unit(&mut self, task: TaskId, sync: u16) -> bool {
        let release = Pc(self.tasks[task].pc().0 - 1);
        self.ledger(task, release).holds(Thing::Unit(sync))
    }

    /// Whether a task that has failed has anything to give back. If not, its program is over.
    #[cold]
    #[inline(never)]
    pub(crate) fn has_to_give_back(&mut self, task: TaskId) -> bool {
        let state = &self.tasks[task];
        let code = &self.model.programs[usize::from(state.program())].code;
        let takes = code.iter().any(|&op| matches!(change_of(op), Some(Change::Takes(_))));
        let holds = takes && {
            let to = state.pc();
            !self.ledger(task, to).taken.is_empty()
        };
        if !holds {
            self.end_program(task);
        }
        holds
    }

    /// A task that has failed gives back all that it holds, the newest first, as `with` blocks and `finally` clauses would; then its
    /// program is over. `give_back` is how its carrier does that.
    #[cold]
    #[inline(never)]
    pub(crate) fn give_back_all(&mut self, task: TaskId, give_back: impl Fn(&mut Self, Op)) {
        let (to, program) = (self.tasks[task].pc(), usize::from(self.tasks[task].program()));
        self.ledger(task, to);
        let own = self.model.programs[program].gives_unheld;
        loop {
            let ledger = if own { &mut self.ledgers.of[task.index()] } else { &mut self.ledgers.other };
            match ledger.give_newest() {
                Some(Thing::Unit(sync)) => give_back(self, Op::Release { sync }),
                Some(Thing::Connection(connection, per)) => give_back(self, Op::Vacate { connection, per }),
                Some(Thing::Item(_)) => {}
                None => break,
            }
        }
        self.end_program(task);
    }

    /// A task that has failed comes to the end of its program.
    fn end_program(&mut self, task: TaskId) {
        let state = &mut self.tasks[task];
        let end = self.model.programs[usize::from(state.program())].code.len() - 1;
        state.jump_to(Pc(u16::try_from(end).expect("programs are shorter than 2^16 ops")));
        state.hear(News::None);
    }
}

#[cfg(test)]
mod tests;
