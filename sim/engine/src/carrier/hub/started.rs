//! Threads that a greenlet starts and leaves alone: `carrier/started.rs` has the rule, and its source.

use crate::kit::id::{HubId, TaskId};
use crate::program::op::Pc;
use crate::python::linkable::Linkable;
use crate::watch::probe::Probe;
use crate::world::World;

/// Where a job of an executor begins that has its thread already: behind its first sign of life and the taking of the thread.
const WITH_ITS_THREAD: Pc = Pc(2);

impl<P: Probe> World<'_, P> {
    /// A thread of the standard library, which is patched: a greenlet. The current one waits until that has begun.
    #[inline(never)]
    pub(super) fn start_greenlet(&mut self, id: HubId, task: TaskId, program: u16, executor: u16) {
        let (process, thread) = (self.carriers.hubs[id].process, self.carriers.hubs[id].thread);
        let waits = self.needs_start(process, executor);
        self.owe(id, self.hub_costs(id).spawn);
        let started = self.leave_alone(task, program, thread);
        self.enrich(started, true);
        self.queue_turn(id, started);
        if waits {
            let link = self.new_link(process, Linkable::event(false));
            self.tasks[started].wait_for(link);
            self.park_for_readiness(id, task, link, None);
        }
    }

    /// A started greenlet runs: whoever waits for that is woken by a callback, behind all that it does until it waits itself.
    pub(super) fn has_started_on_hub(&mut self, id: HubId, task: TaskId) {
        let link = self.tasks[task].take_handle();
        if link == u32::MAX {
            return;
        }
        let process = self.carriers.hubs[id].process;
        let event = self.link(process, link);
        event.set();
        if event.waiters.is_empty() {
            // A timeout has cut the wait short.
            self.free_link(process, link);
        } else {
            self.check_and_notify(id, link);
        }
    }

    /// The current greenlet, which was left alone, is over.
    pub(super) fn end_left_alone_on_hub(&mut self, id: HubId, task: TaskId) {
        self.impoverish(id, task);
        self.end_left_alone(task);
        self.switch_to_loop(id);
    }

    /// The current greenlet has one of a pool's native threads: that runs a program with it.
    pub(super) fn start_natively(&mut self, id: HubId, task: TaskId, program: u16, executor: u16) {
        let (process, thread) = (self.carriers.hubs[id].process, self.carriers.hubs[id].thread);
        self.needs_start(process, executor);
        let started = self.set_off(task, program, thread);
        self.tasks[started].jump_to(WITH_ITS_THREAD);
        self.tell_unit(process, executor, started, true);
    }
}
