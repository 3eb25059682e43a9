//! The ops that CPython's own code makes of several: `threading.Condition` and `queue.Queue`, monkey-patched.
//!
//! After `threading.py` and `queue.py` of CPython 3.11 over gevent's locks. A wait queues a lock of its own, lets go of the outer
//! lock, waits for its own one, and takes the outer one back, whatever happens. Whether a plain lock is held is found out by trying
//! to take it, and gevent's patched lock yields when that fails, so every `notify` and every `wait` over a plain lock yields first.
//! A wait with a limit may poll instead, as CPython 2.7's does; left out there is that a waiter into which something is thrown stays
//! in the queue and swallows a notification.

use crate::carrier::hub::greenlet::{Exception, Micro, Then};
use crate::carrier::threads::polled;
use crate::kit::id::{HubId, ProcessId, TaskId};
use crate::kit::time::{Span, Time};
use crate::model::TimedWaits;
use crate::program::advance::Need;
use crate::program::op::Op;
use crate::program::said::Outcome;
use crate::python::linkable::{LinkId, Linkable};
use crate::python::sync::{Lock, Standard, Sync};
use crate::watch::probe::Probe;
use crate::world::World;

/// The lists of waiters of a standard queue; a condition has the first.
const NOT_EMPTY: u8 = 0;
const NOT_FULL: u8 = 1;
const ALL_DONE: u8 = 2;

impl<P: Probe> World<'_, P> {
    /// The steps of an op, last first.
    pub(super) fn begin_steps(&mut self, task: TaskId, op: Op) {
        let span = |limit| self.limit_span(task, limit);
        let steps = match op {
            Op::WaitCondition { sync, limit } => {
                let limit = span(limit);
                vec![Micro::SayNotified, Micro::Enqueue(sync, 0, limit), Micro::Held(sync)]
            }
            Op::Notify { sync, count } => vec![Micro::Notify(sync, 0, count), Micro::Held(sync)],
            Op::Put { sync, item, limit, block } => {
                let limit = span(limit);
                vec![
                    Micro::DropMutex(sync),
                    Micro::Notify(sync, NOT_EMPTY, 1),
                    Micro::Held(sync),
                    Micro::Store(sync, item),
                    Micro::Room(sync, limit, block),
                    Micro::TakeMutex(sync),
                ]
            }
            Op::Get { sync, limit, block } => {
                let limit = span(limit);
                vec![
                    Micro::DropMutex(sync),
                    Micro::Notify(sync, NOT_FULL, 1),
                    Micro::Held(sync),
                    Micro::Take(sync),
                    Micro::Item(sync, limit, block),
                    Micro::TakeMutex(sync),
                ]
            }
            Op::TaskDone { sync } => vec![Micro::DropMutex(sync), Micro::TaskDone(sync), Micro::TakeMutex(sync)],
            Op::JoinAll { sync, .. } => vec![Micro::DropMutex(sync), Micro::Done(sync), Micro::TakeMutex(sync)],
            _ => unreachable!("the other ops are one step"),
        };
        let green = &mut self.carriers.greens[self.tasks[task].green()];
        green.micros = steps;
        (green.end_at, green.notified) = (None, false);
    }

    /// The next step of the op that the current greenlet is in.
    pub(super) fn step(&mut self, id: HubId, task: TaskId, micro: Micro) {
        let process = self.carriers.hubs[id].process;
        let green = self.tasks[task].green();
        match micro {
            Micro::TakeMutex(sync) => {
                let mutex = self.standard_mut(process, sync).mutex;
                self.take_or_park(id, task, mutex, None, Then::Step);
            }
            Micro::DropMutex(sync) => self.drop_mutex(id, task, sync),
            Micro::Held(sync) => self.ask_held(id, task, sync),
            Micro::Enqueue(sync, list, limit) => self.enqueue(id, task, sync, list, limit),
            Micro::AwaitTurn(sync, list, limit) => self.await_turn(id, task, sync, list, limit),
            Micro::PollTurn(sync, list, until, delay) => self.poll_turn(id, task, sync, list, until, delay),
            Micro::Restore(sync, list) => {
                let outer = self.outer_lock(process, sync);
                self.take_or_park(id, task, outer, None, Then::Restored(sync, list));
            }
            Micro::Notify(sync, list, count) => self.notify_waiters(id, sync, list, count),
            Micro::Room(sync, limit, block) => {
                if !self.standard_mut(process, sync).has_room() {
                    let again = Micro::Room(sync, limit, block);
                    self.wait_for_queue(id, task, sync, NOT_FULL, limit, block, again, Outcome::Full);
                }
            }
            Micro::Item(sync, limit, block) => {
                if self.standard_mut(process, sync).items.is_empty() {
                    let again = Micro::Item(sync, limit, block);
                    self.wait_for_queue(id, task, sync, NOT_EMPTY, limit, block, again, Outcome::Empty);
                }
            }
            Micro::Store(sync, item) => {
                let queue = self.standard_mut(process, sync);
                queue.items.push_back(item);
                queue.unfinished += 1;
                self.carriers.greens[green].outcome = Some(Outcome::Ok);
            }
            Micro::Take(sync) => {
                let item = self.standard_mut(process, sync).take();
                self.carriers.greens[green].outcome = Some(Outcome::Item(item));
            }
            Micro::Done(sync) => {
                if self.standard_mut(process, sync).unfinished > 0 {
                    self.push_wait(task, sync, ALL_DONE, None, Micro::Done(sync));
                } else {
                    self.carriers.greens[green].outcome = Some(Outcome::Bool(true));
                }
            }
            Micro::TaskDone(sync) => self.one_less_to_do(id, task, sync),
            Micro::SayNotified => {
                let notified = self.carriers.greens[green].notified;
                self.carriers.greens[green].outcome = Some(Outcome::Bool(notified));
            }
        }
    }

    /// The mutex of a standard queue is free again. If something was thrown while it waited to have it back, nobody may hold it now.
    fn drop_mutex(&mut self, id: HubId, task: TaskId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let mutex = self.standard_mut(process, sync).mutex;
        if !self.release_link(id, mutex) {
            self.unwind(id, task, Exception::Error("RuntimeError"));
        }
    }

    /// `task_done` of a standard queue, its mutex held: the last one wakes those who wait for all to be done.
    fn one_less_to_do(&mut self, id: HubId, task: TaskId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let queue = self.standard_mut(process, sync);
        match queue.unfinished {
            0 => self.unwind(id, task, Exception::Error("ValueError")),
            1 => {
                queue.unfinished = 0;
                let micros = &mut self.carriers.greens[self.tasks[task].green()].micros;
                micros.extend([Micro::Notify(sync, ALL_DONE, u16::MAX), Micro::Held(sync)]);
            }
            left => queue.unfinished = left - 1,
        }
    }

    /// Takes a unit now, or waits for one.
    pub(super) fn take_or_park(&mut self, id: HubId, task: TaskId, link: LinkId, limit: Option<Span>, then: Then) {
        let process = self.carriers.hubs[id].process;
        if self.take_unit(process, link) {
            self.with_unit(id, task, then);
        } else {
            self.park_for_unit(id, task, link, limit, then);
        }
    }

    /// Gives a unit back; false if that is one too many.
    pub(super) fn release_link(&mut self, id: HubId, link: LinkId) -> bool {
        let process = self.carriers.hubs[id].process;
        let state = self.link(process, link);
        if state.is_full() {
            return false;
        }
        state.give();
        self.check_and_notify(id, link);
        true
    }

    /// `_is_owned`: an owner is known; a plain lock is tried.
    fn ask_held(&mut self, id: HubId, task: TaskId, sync: u16) {
        let process = self.carriers.hubs[id].process;
        let held = match self.interpreters[process].shared(sync) {
            Sync::Lock(lock) if lock.reentrant => lock.is_owned_by(task),
            Sync::Lock(_) | Sync::Standard(_) => {
                let outer = self.outer_lock(process, sync);
                if !self.take_unit(process, outer) {
                    if self.model.workers[self.processes[process].worker()].lock_yields {
                        self.yield_turn(id, task);
                    }
                    return;
                }
                self.release_link(id, outer);
                false
            }
            _ => unreachable!("conditions are over locks"),
        };
        if !held {
            self.unwind(id, task, Exception::Error("RuntimeError"));
        }
    }

    fn enqueue(&mut self, id: HubId, task: TaskId, sync: u16, list: u8, limit: Option<Span>) {
        let process = self.carriers.hubs[id].process;
        let own = self.new_link(process, Linkable::semaphore(0, Some(1)));
        self.waiters_mut(process, sync, list).push_back(own);
        let green = self.tasks[task].green();
        (self.carriers.greens[green].ticket_lock, self.carriers.greens[green].notified) = (own, false);
        // From here on the outer lock must be taken back, whatever is thrown.
        self.carriers.greens[green].micros.extend([Micro::Restore(sync, list), Micro::AwaitTurn(sync, list, limit)]);
        if let Sync::Lock(lock) = self.interpreters[process].shared_mut(sync)
            && lock.reentrant
        {
            self.carriers.greens[green].saved = std::mem::take(&mut lock.count);
            lock.owner = TaskId::NONE;
        }
        let outer = self.outer_lock(process, sync);
        self.release_link(id, outer);
    }

    fn await_turn(&mut self, id: HubId, task: TaskId, sync: u16, list: u8, limit: Option<Span>) {
        let process = self.carriers.hubs[id].process;
        let worker = &self.model.workers[self.processes[process].worker()];
        if worker.timed_waits == TimedWaits::Polled
            && let Some(limit) = limit.filter(|limit| !limit.is_zero())
        {
            let until = self.local(id) + limit;
            return self.poll_turn(id, task, sync, list, until, polled::FIRST_HALF);
        }
        let own = self.carriers.greens[self.tasks[task].green()].ticket_lock;
        if limit == Some(Span::ZERO) && !self.link(process, own).is_ready() {
            // `acquire(False)` on a patched lock yields when it fails.
            self.yield_turn(id, task);
            return;
        }
        self.take_or_park(id, task, own, limit, Then::Notified);
    }

    /// One look of a wait that polls: the lock is there, the time is up, or it sleeps and looks again.
    fn poll_turn(&mut self, id: HubId, task: TaskId, sync: u16, list: u8, until: Time, delay: Span) {
        let process = self.carriers.hubs[id].process;
        let green = self.tasks[task].green();
        let own = self.carriers.greens[green].ticket_lock;
        self.owe(id, self.hub_costs(id).look);
        if self.take_unit(process, own) {
            self.carriers.greens[green].notified = true;
            return;
        }
        let left = until.since(self.local(id));
        if left.is_zero() {
            // Whoever gives up leaves the queue at once, before it has the outer lock back: `list.remove` looks at all before it.
            let waiters = self.waiters_mut(process, sync, list);
            if let Some(at) = waiters.iter().position(|&waiter| waiter == own) {
                waiters.remove(at);
                self.owe(id, self.hub_costs(id).search * at as u64);
            }
            return;
        }
        let delay = polled::next_delay(delay, left);
        self.carriers.greens[green].micros.push(Micro::PollTurn(sync, list, until, delay));
        self.park(id, task, Need::Timer(delay), None);
    }

    /// The outer lock is back.
    pub(super) fn restored(&mut self, id: HubId, task: TaskId, sync: u16, list: u8) {
        let process = self.carriers.hubs[id].process;
        let green = self.tasks[task].green();
        let saved = self.carriers.greens[green].saved;
        if let Sync::Lock(lock) = self.interpreters[process].shared_mut(sync)
            && lock.reentrant
        {
            (lock.owner, lock.count) = (task, saved);
        }
        let own = std::mem::replace(&mut self.carriers.greens[green].ticket_lock, u32::MAX);
        if !self.carriers.greens[green].notified {
            self.waiters_mut(process, sync, list).retain(|&waiter| waiter != own);
        }
        self.free_link(process, own);
    }

    fn notify_waiters(&mut self, id: HubId, sync: u16, list: u8, count: u16) {
        let process = self.carriers.hubs[id].process;
        let mut left = count;
        while left > 0 {
            let Some(waiter) = self.waiters_mut(process, sync, list).pop_front() else { return };
            if self.release_link(id, waiter) && left != u16::MAX {
                left -= 1;
            }
        }
    }

    /// A standard queue is full or empty: wait and look again, or give up.
    #[expect(clippy::too_many_arguments, reason = "put and get differ in every one of them")]
    fn wait_for_queue(
        &mut self,
        id: HubId,
        task: TaskId,
        sync: u16,
        list: u8,
        limit: Option<Span>,
        block: bool,
        again: Micro,
        otherwise: Outcome,
    ) {
        let green = self.tasks[task].green();
        let now = self.local(id);
        let left = limit.map(|limit| self.carriers.greens[green].end_at.get_or_insert(now + limit).since(now));
        if !block || left == Some(Span::ZERO) {
            // The exception leaves through the mutex's `finally` and is caught at once.
            self.carriers.greens[green].micros.clear();
            self.carriers.greens[green].micros.push(Micro::DropMutex(sync));
            self.carriers.greens[green].outcome = Some(otherwise);
            if self.fails_as_a_whole(task) {
                self.carriers.greens[green].flying = Some(Exception::Error("Timeout"));
            }
            return;
        }
        self.push_wait(task, sync, list, left, again);
    }

    fn push_wait(&mut self, task: TaskId, sync: u16, list: u8, limit: Option<Span>, again: Micro) {
        let micros = &mut self.carriers.greens[self.tasks[task].green()].micros;
        micros.extend([again, Micro::Enqueue(sync, list, limit), Micro::Held(sync)]);
    }

    fn outer_lock(&self, process: ProcessId, sync: u16) -> LinkId {
        match self.interpreters[process].shared(sync) {
            Sync::Lock(lock) => lock.link,
            Sync::Standard(queue) => queue.mutex,
            _ => unreachable!("conditions are over locks"),
        }
    }

    fn waiters_mut(&mut self, process: ProcessId, sync: u16, list: u8) -> &mut std::collections::VecDeque<LinkId> {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Lock(lock) => &mut lock.waiters,
            Sync::Standard(queue) => &mut queue.waiters[usize::from(list)],
            _ => unreachable!("conditions are over locks"),
        }
    }

    pub(super) fn lock_mut(&mut self, process: ProcessId, sync: u16) -> &mut Lock {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Lock(lock) => lock,
            _ => unreachable!("only locks are owned"),
        }
    }

    pub(super) fn standard_mut(&mut self, process: ProcessId, sync: u16) -> &mut Standard {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Standard(queue) => queue,
            _ => unreachable!("these steps belong to standard queues"),
        }
    }

    /// A linkable that lives as long as one wait.
    pub(super) fn new_link(&mut self, process: ProcessId, linkable: Linkable) -> LinkId {
        self.interpreters[process].link_for_a_wait(linkable)
    }

    pub(super) fn free_link(&mut self, process: ProcessId, link: LinkId) {
        self.interpreters[process].free_link(link);
    }
}
