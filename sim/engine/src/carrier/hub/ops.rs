//! The ops of gevent's own primitives: what each does before anybody parks.
//!
//! After `_semaphore.py`, `lock.py`, `event.py`, `queue.py` (gevent 26.9).

use super::Callback;
use crate::carrier::hub::greenlet::{Exception, Guard, Then};
use crate::kit::id::{HubId, ProcessId, TaskId};
use crate::kit::time::Span;
use crate::program::op::{Limit, Op};
use crate::program::said::{Outcome, Said};
use crate::program::task::Parked;
use crate::python::sync::{Channel, Queue, Sync};
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    pub(super) fn limit_span(&self, task: TaskId, limit: Limit) -> Option<Span> {
        let program = &self.model.programs[usize::from(self.tasks[task].program())];
        (limit != Limit::NONE).then(|| program.spans[usize::from(limit.0)])
    }

    fn set_outcome(&mut self, task: TaskId, outcome: Outcome) {
        self.carriers.greens[self.tasks[task].green()].outcome = Some(outcome);
    }

    /// An op of the current greenlet that takes no CPU time of its own.
    pub(super) fn perform_on_hub(&mut self, id: HubId, task: TaskId, op: Op) {
        let process = self.carriers.hubs[id].process;
        match op {
            Op::Acquire { sync, limit, block, .. } => self.acquire(id, task, sync, limit, block),
            Op::Release { sync } => self.release(id, task, sync),
            Op::Await { sync, limit } => self.await_ready(id, task, sync, limit),
            Op::Signal { sync, item } => {
                let link = self.flag(process, sync);
                let own = 0x8000 | u16::try_from(self.tasks[task].green().index() & 0x7FFF).expect("15 bits");
                let state = self.link(process, link);
                state.set();
                state.value = if item == u16::MAX { own } else { item };
                self.check_and_notify(id, link);
            }
            Op::Clear { sync } => {
                let link = self.flag(process, sync);
                self.link(process, link).clear();
            }
            Op::Put { sync, item, limit, block } => self.put(id, task, op, sync, item, limit, block),
            Op::Get { sync, limit, block } => self.get(id, task, op, sync, limit, block),
            Op::Read { .. } | Op::Write { .. } | Op::Occupy { .. } | Op::Vacate { .. } => {
                self.share(process, task, op, true);
            }
            Op::TaskDone { sync } => self.task_done(id, task, op, sync),
            Op::JoinAll { sync, limit } => self.join_thing(id, task, op, sync, limit),
            Op::WaitCondition { .. } | Op::Notify { .. } => self.begin_steps(task, op),
            Op::Spawn { .. }
            | Op::Fan { .. }
            | Op::Link { .. }
            | Op::Join { .. }
            | Op::Kill { .. }
            | Op::SwitchTo { .. } => self.perform_among_greenlets(id, task, op),
            Op::Guard { .. } | Op::Unguard | Op::Idle => self.perform_on_itself(id, task, op),
            Op::Send { sync, end, bytes } => self.send_bytes(id, sync, end, bytes),
            Op::Receive { sync, end, bytes } => self.receive(id, task, sync, end, bytes),
            Op::Ask { sync, takes } => {
                let span = self.drawn(task, takes);
                self.ask_remote(id, sync, span);
            }
            Op::Answer { sync } => self.await_answer(id, task, sync),
            Op::Apply { sync, takes } => {
                let span = self.drawn(task, takes);
                self.want_thread(id, task, sync, Then::Apply(span));
            }
            Op::ToThread { sync } => self.want_thread(id, task, sync, Then::GoOver),
            Op::FromThread { .. } => unreachable!("only native threads come to the end of their steps"),
            Op::Start { program, executor, native: false } => self.start_greenlet(id, task, program, executor),
            Op::Start { program, executor, native: true } => {
                self.want_thread(id, task, executor, Then::Start(program, executor));
            }
            Op::Started => self.has_started_on_hub(id, task),
            Op::Mark { tag, outcome } => {
                let green = self.tasks[task].green();
                let outcome = if outcome { self.carriers.greens[green].outcome.take() } else { None };
                self.say(id, green, Said::Tag { tag, outcome });
            }
            Op::Burn(_)
            | Op::BurnYielding { .. }
            | Op::Native(_)
            | Op::Sleep(..)
            | Op::Yield
            | Op::Call { .. }
            | Op::Set { .. }
            | Op::Loop { .. }
            | Op::Chance { .. }
            | Op::Respond
            | Op::End => unreachable!("the interpreter turns these into effects"),
            Op::Aio { .. } => unreachable!("only event loops have tasks that do this"),
        }
    }

    /// A native thread of a pool, and then what for.
    fn want_thread(&mut self, id: HubId, task: TaskId, sync: u16, then: Then) {
        let process = self.carriers.hubs[id].process;
        let Sync::Threads(link) = *self.interpreters[process].shared(sync) else {
            unreachable!("native threads come in pools")
        };
        self.carriers.greens[self.tasks[task].green()].native_room = link;
        self.take_or_park(id, task, link, None, then);
    }

    /// An op that is about other greenlets.
    fn perform_among_greenlets(&mut self, id: HubId, task: TaskId, op: Op) {
        match op {
            Op::Spawn { spawn } => {
                let program = &self.model.programs[usize::from(self.tasks[task].program())];
                self.spawn(id, task, program.spawns[usize::from(spawn)]);
            }
            Op::Fan { program, count, .. } => self.fan_out(id, task, program, count),
            Op::Link { targets, note } => match self.targets(task, targets) {
                Some(greens) => self.link_note(id, &greens, note),
                None => self.unwind(id, task, Exception::Error("KeyError")),
            },
            Op::Join { targets, limit, count } => {
                let limit = self.limit_span(task, limit);
                match self.targets(task, targets) {
                    Some(greens) if count == 0 => self.join_one(id, task, greens[0], limit),
                    Some(greens) => self.join_several(id, task, greens, count, limit),
                    None => self.unwind(id, task, Exception::Error("KeyError")),
                }
            }
            Op::Kill { targets, block } => match self.targets(task, targets) {
                Some(greens) => self.kill(id, task, &greens, block),
                None => self.unwind(id, task, Exception::Error("KeyError")),
            },
            Op::SwitchTo { targets } => match self.targets(task, targets) {
                Some(greens) => self.switch_bare(id, task, greens[0]),
                None => self.unwind(id, task, Exception::Error("KeyError")),
            },
            _ => unreachable!("the other ops are about things"),
        }
    }

    /// A timeout block, or a wait for nothing else to do.
    fn perform_on_itself(&mut self, id: HubId, task: TaskId, op: Op) {
        match op {
            Op::Guard { limit, end } => {
                let limit = self.limit_span(task, limit).expect("a timeout block has a limit");
                let (timer, _, serial) = self.start_timeout(id, task, limit);
                let green = self.tasks[task].green();
                self.carriers.greens[green].guards.push(Guard { serial, timer, fired: false, end });
            }
            Op::Unguard => {
                let guard = self.carriers.greens[self.tasks[task].green()].guards.pop().expect("blocks are nested");
                self.stop_guard(id, guard);
                self.set_outcome(task, Outcome::Ok);
            }
            Op::Idle => {
                self.hub(id).idles.push(task);
                self.park_as(id, task, Parked::Idle);
            }
            _ => unreachable!("the other ops are about others"),
        }
    }

    fn flag(&self, process: ProcessId, sync: u16) -> u32 {
        match *self.interpreters[process].shared(sync) {
            Sync::Event(link) | Sync::Result(link) => link,
            _ => unreachable!("only events and results are set"),
        }
    }

    fn acquire(&mut self, id: HubId, task: TaskId, sync: u16, limit: Limit, block: bool) {
        let process = self.carriers.hubs[id].process;
        let limit = self.limit_span(task, limit);
        let (link, then, yields) = match self.interpreters[process].shared_mut(sync) {
            Sync::Semaphore { link, .. } => (*link, Then::Say, false),
            Sync::Lock(lock) if lock.reentrant => {
                if lock.owner == task && lock.count > 0 {
                    lock.count += 1;
                    return self.set_outcome(task, Outcome::Bool(true));
                }
                (lock.link, Then::Own(sync), false)
            }
            Sync::Lock(lock) => (lock.link, Then::Say, lock.yields),
            _ => unreachable!("only locks and semaphores are acquired"),
        };
        if block {
            return self.take_or_park(id, task, link, limit, then);
        }
        if self.take_unit(process, link) {
            return self.with_unit(id, task, then);
        }
        self.set_outcome(task, Outcome::Bool(false));
        if yields {
            self.yield_turn(id, task);
        }
    }

    fn release(&mut self, id: HubId, task: TaskId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let (link, error) = match self.interpreters[process].shared_mut(sync) {
            Sync::Semaphore { link, .. } => (*link, "ValueError"),
            Sync::Lock(lock) if lock.reentrant => {
                if lock.owner != task || lock.count == 0 {
                    return self.unwind(id, task, Exception::Error("RuntimeError"));
                }
                lock.count -= 1;
                if lock.count > 0 {
                    return;
                }
                lock.owner = TaskId::NONE;
                (lock.link, "RuntimeError")
            }
            Sync::Lock(lock) => (lock.link, "RuntimeError"),
            _ => unreachable!("only locks and semaphores are released"),
        };
        if !self.release_link(id, link) {
            self.unwind(id, task, Exception::Error(error));
        }
    }

    /// `wait` on an event or a semaphore.
    fn await_ready(&mut self, id: HubId, task: TaskId, sync: u16, limit: Limit) {
        let process = self.carriers.hubs[id].process;
        let limit = self.limit_span(task, limit);
        let (link, is_event) = match *self.interpreters[process].shared(sync) {
            Sync::Semaphore { link, .. } => (link, false),
            Sync::Event(link) | Sync::Result(link) => (link, true),
            _ => unreachable!("only events and semaphores are waited for"),
        };
        self.wait_for_flag(id, task, link, is_event, limit);
    }

    /// Waits until a linkable is ready. At once, unless it is an event whose notifier is under way: then behind the waiters.
    fn wait_for_flag(&mut self, id: HubId, task: TaskId, link: u32, is_event: bool, limit: Option<Span>) {
        let process = self.carriers.hubs[id].process;
        let state = self.link(process, link);
        if !state.is_ready() {
            return self.park_for_readiness(id, task, link, limit);
        }
        if is_event && state.notifier != crate::python::linkable::Notifier::None {
            state.push_late(task);
            self.tasks[task].wait_for(link);
            return self.park_as(id, task, Parked::Readiness);
        }
        self.set_outcome(task, Outcome::Bool(true));
    }

    #[expect(clippy::too_many_arguments, reason = "they are the op's")]
    fn put(&mut self, id: HubId, task: TaskId, op: Op, sync: u16, item: u16, limit: Limit, block: bool) {
        let process = self.carriers.hubs[id].process;
        let limit = self.limit_span(task, limit);
        match self.interpreters[process].shared_mut(sync) {
            Sync::Standard(_) => self.begin_steps(task, op),
            Sync::Channel(channel) => {
                let getters = !channel.getters.is_empty();
                channel.putters.push_back((task, item));
                let limit = if block { limit } else { Some(Span::ZERO) };
                self.park_in(id, task, sync, Parked::Room, limit, getters);
            }
            Sync::Queue(queue) => {
                let getters = !queue.getters.is_empty();
                if queue.has_room() {
                    self.store(process, sync, item);
                    self.set_outcome(task, Outcome::Ok);
                    if getters {
                        self.schedule_unlock(id, sync);
                    }
                } else if block {
                    queue.putters.push_back((task, item));
                    self.park_in(id, task, sync, Parked::Room, limit, getters);
                } else {
                    self.set_outcome(task, Outcome::Full);
                }
            }
            _ => unreachable!("items go to queues and channels"),
        }
    }

    fn get(&mut self, id: HubId, task: TaskId, op: Op, sync: u16, limit: Limit, block: bool) {
        let process = self.carriers.hubs[id].process;
        let limit = self.limit_span(task, limit);
        match self.interpreters[process].shared_mut(sync) {
            Sync::Standard(_) => self.begin_steps(task, op),
            Sync::Result(link) => {
                let link = *link;
                let state = self.link(process, link);
                let value = state.value;
                if state.is_ready() {
                    self.set_outcome(task, Outcome::Item(value));
                } else if block {
                    self.park_for_readiness(id, task, link, limit);
                } else {
                    self.set_outcome(task, Outcome::Empty);
                }
            }
            Sync::Channel(channel) => {
                let putters = !channel.putters.is_empty();
                channel.getters.push_back(task);
                let limit = if block { limit } else { Some(Span::ZERO) };
                self.park_in(id, task, sync, Parked::Item, limit, putters);
            }
            Sync::Queue(queue) => {
                let putters = !queue.putters.is_empty();
                if !queue.items.is_empty() {
                    let item = queue.take();
                    self.set_outcome(task, Outcome::Item(item));
                    if putters {
                        self.schedule_unlock(id, sync);
                    }
                } else if block {
                    queue.getters.push_back(task);
                    self.park_in(id, task, sync, Parked::Item, limit, putters);
                } else {
                    self.set_outcome(task, Outcome::Empty);
                }
            }
            _ => unreachable!("items come from queues, channels and results"),
        }
    }

    /// Parks at a queue or channel; if the other side waits too, somebody must look.
    fn park_in(&mut self, id: HubId, task: TaskId, sync: u16, parked: Parked, limit: Option<Span>, others: bool) {
        self.start_limit(id, task, limit);
        if others {
            self.schedule_unlock(id, sync);
        }
        self.tasks[task].wait_for(u32::from(sync));
        self.park_as(id, task, parked);
    }

    /// A getter was woken: a queue's takes its item itself, a channel's was handed one.
    pub(super) fn got_item(&mut self, id: HubId, task: TaskId, sync: u32) {
        let process = self.carriers.hubs[id].process;
        let item = match self.interpreters[process].shared_mut(sync as u16) {
            Sync::Queue(queue) => queue.take(),
            Sync::Channel(_) => self.carriers.greens[self.tasks[task].green()].item,
            _ => unreachable!("items come from queues and channels"),
        };
        self.set_outcome(task, Outcome::Item(item));
    }

    fn schedule_unlock(&mut self, id: HubId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let unlocking = match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => &mut queue.unlocking,
            Sync::Channel(channel) => &mut channel.unlocking,
            _ => unreachable!("queues and channels are unlocked"),
        };
        if !std::mem::replace(unlocking, true) {
            self.hub(id).callbacks.push_back(Callback::Unlock(sync));
        }
    }

    /// An item goes into a queue; there is something to do now.
    pub(super) fn store(&mut self, process: ProcessId, sync: u16, item: u16) {
        let queue = self.queue_mut(process, sync);
        queue.items.push_back(item);
        queue.unfinished += 1;
        let done = queue.done;
        self.link(process, done).clear();
    }

    fn task_done(&mut self, id: HubId, task: TaskId, op: Op, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let Sync::Queue(queue) = self.interpreters[process].shared_mut(sync) else {
            return self.begin_steps(task, op);
        };
        if queue.unfinished == 0 {
            return self.unwind(id, task, Exception::Error("ValueError"));
        }
        queue.unfinished -= 1;
        if queue.unfinished == 0 {
            let done = queue.done;
            self.link(process, done).set();
            self.check_and_notify(id, done);
        }
    }

    /// `join` of a queue or a pool: an event inside it.
    fn join_thing(&mut self, id: HubId, task: TaskId, op: Op, sync: u16, limit: Limit) {
        let process = self.carriers.hubs[id].process;
        let link = match self.interpreters[process].shared(sync) {
            Sync::Queue(queue) => queue.done,
            Sync::Pool(pool) => pool.empty,
            Sync::Standard(_) => return self.begin_steps(task, op),
            _ => unreachable!("queues and pools are joined"),
        };
        let limit = self.limit_span(task, limit);
        self.wait_for_flag(id, task, link, true, limit);
    }

    pub(super) fn queue_mut(&mut self, process: ProcessId, sync: u16) -> &mut Queue {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => queue,
            _ => unreachable!("this callback belongs to a queue"),
        }
    }

    pub(super) fn channel_mut(&mut self, process: ProcessId, sync: u16) -> &mut Channel {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Channel(channel) => channel,
            _ => unreachable!("this callback belongs to a channel"),
        }
    }
}
