//! Locks and pools: units on a shelf and a queue of waiters. Every process has its own instances.
//!
//! Barging is the default because real ones barge: a unit that comes back goes on the shelf and the oldest waiter is woken, but
//! whoever runs first may take it, the releaser included. A hand-off policy gives the unit to the oldest waiter instead.
//! Who is woken when is the carrier's business: a futex wake-up here (CPython's lock), a notifier callback in `hub/units.rs`.

use crate::id::{ProcessId, TaskId};
use crate::model::{Policy, SyncKind, SyncSpec};
use crate::op::Pc;
use crate::probe::Probe;
use crate::task::{News, Parked};
use crate::world::World;

/// One instance of a lock or pool.
#[derive(Debug)]
pub(crate) struct Sync {
    pub(crate) units: u32,
    pub(crate) policy: Policy,
    /// Oldest waiter; the chain goes through `Task::next`.
    pub(crate) head: TaskId,
    /// Youngest waiter.
    pub(crate) tail: TaskId,
    /// Whether the hub's notifier for it is queued or running.
    pub(crate) notifying: bool,
}

impl Sync {
    pub(crate) fn new(spec: &SyncSpec) -> Sync {
        let SyncKind::Semaphore { units, policy, .. } = spec.kind else { panic!("not yet") };
        Sync { units, policy, head: TaskId::NONE, tail: TaskId::NONE, notifying: false }
    }
}

impl<P: Probe> World<'_, P> {
    /// Takes a unit if there is one.
    pub(crate) fn take_unit(&mut self, process: ProcessId, sync: u16) -> bool {
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        if shelf.units == 0 {
            return false;
        }
        shelf.units -= 1;
        true
    }

    /// Puts a task at the end of the waiters.
    pub(crate) fn queue_for_unit(&mut self, process: ProcessId, sync: u16, task: TaskId) {
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        if shelf.head.is_none() {
            shelf.head = task;
        } else {
            self.tasks[shelf.tail].next = task;
        }
        shelf.tail = task;
        let state = &mut self.tasks[task];
        state.next = TaskId::NONE;
        state.handle = u32::from(sync);
    }

    /// Takes the oldest waiter out of the queue.
    pub(crate) fn next_waiter(&mut self, process: ProcessId, sync: u16) -> Option<TaskId> {
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        let task = shelf.head;
        if task.is_none() {
            return None;
        }
        shelf.head = self.tasks[task].next;
        self.tasks[task].next = TaskId::NONE;
        Some(task)
    }

    /// A unit comes back. Says whom to wake; under hand-off that task owns the unit already.
    pub(crate) fn give_back(&mut self, process: ProcessId, sync: u16) -> Option<TaskId> {
        let shelf = &mut self.processes[process.index()].syncs[usize::from(sync)];
        let policy = shelf.policy;
        if policy == Policy::Barging || shelf.head.is_none() {
            shelf.units += 1;
        }
        let waiter = self.next_waiter(process, sync)?;
        if policy == Policy::HandOff {
            self.tasks[waiter].news = News::Granted;
        }
        Some(waiter)
    }

    /// A task whose limit passed leaves the queue; its acquire has failed.
    pub(crate) fn leave_queue(&mut self, process: ProcessId, task: TaskId) {
        debug_assert_eq!(self.tasks[task].parked, Parked::Unit);
        let sync = self.tasks[task].handle as usize;
        let shelf = &mut self.processes[process.index()].syncs[sync];
        let (mut before, mut at) = (TaskId::NONE, shelf.head);
        while at != task {
            assert!(at.is_some(), "a task that waits for a unit is in its queue");
            (before, at) = (at, self.tasks[at].next);
        }
        let after = self.tasks[task].next;
        if before.is_none() {
            shelf.head = after;
        } else {
            self.tasks[before].next = after;
        }
        if shelf.tail == task {
            shelf.tail = before;
        }
        self.fail_acquire(task);
    }

    /// The acquire that a task stands behind did not succeed: it holds nothing of it.
    pub(crate) fn fail_acquire(&mut self, task: TaskId) {
        let state = &mut self.tasks[task];
        state.next = TaskId::NONE;
        state.news = News::Failed;
        state.pc = Pc(state.pc.0 - 1);
        let request = state.request;
        if request.is_some() {
            self.requests[request].failed = true;
        }
    }
}
