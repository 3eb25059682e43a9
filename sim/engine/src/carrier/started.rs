//! Threads that a request starts and leaves alone: `threading.Thread(...).start()`, `executor.submit(...)`.
//!
//! After CPython 3.13 `threading.py` and `concurrent/futures/thread.py`, gevent 26.9 `monkey/api.py`, `threading.py` and
//! `threadpool.py`. `Thread.start` waits for the event `_started`, which the new thread sets before it runs anything: so the starter lets
//! go of the GIL, the new thread has it, and the starter gets it back a switch interval later if the new one computes. Under a hub
//! `threading` is patched: the thread is a greenlet, and the event gevent's own. The starter is woken by a callback, which is behind
//! all that the new greenlet does until it waits for the first time: its CPU time delays the starter's response.
//! An executor starts a thread only if none is idle and it has fewer than its limit; else the job is queued, and the submitter goes on.
//! gevent's own thread pool takes a job to a native thread, of which it waits for a free one, but not for its start.
//! On a loop `start` keeps the loop, and so does `submit` while it starts a thread.
//! Left out: that a process which is to end waits for threads that are no daemons; what `spawn` of gevent's pool notes of results that
//! nobody reads.

use crate::kit::id::{ProcessId, TaskId, ThreadId};
use crate::kit::time::Time;
use crate::machine::{Demand, Role};
use crate::model::SyncKind;
use crate::program::op::Op;
use crate::program::task::Parked;
use crate::program::wait::Wait;
use crate::python::linkable::Linkable;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// A started thread comes into being, on `thread`.
    pub(in crate::carrier) fn leave_alone(&mut self, starter: TaskId, program: u16, thread: ThreadId) -> TaskId {
        self.carriers.left_alone += 1;
        self.stuck |= self.carriers.left_alone > self.model.limits.requests;
        self.new_left_alone(starter, program, thread)
    }

    /// Whether a thread must be started for a job of an executor, or for one of no executor.
    pub(in crate::carrier) fn needs_start(&mut self, process: ProcessId, executor: u16) -> bool {
        if executor == Op::NO_EXECUTOR {
            return true;
        }
        let SyncKind::Threads { size } = self.model.syncs[usize::from(executor)].kind else {
            unreachable!("jobs are submitted to executors")
        };
        self.carriers.pools[process].submits(executor, size)
    }

    /// An operating-system thread of a process that is free for steps beside those of `thread`.
    fn thread_beside(&mut self, process: ProcessId, thread: ThreadId) -> ThreadId {
        if let Some(idle) = self.carriers.pools[process].free_helper() {
            return idle;
        }
        let role = match self.threads[thread].role() {
            Role::Hub(_) | Role::Loop(_) => Role::Native(thread),
            role @ Role::Native(_) => role,
            Role::Server | Role::PoolServer | Role::Acceptor | Role::Helper | Role::Router(_) | Role::Generator(_) => {
                Role::Helper
            }
        };
        self.start_thread(process, role);
        ThreadId::from_index(self.threads.len() - 1)
    }

    /// An operating-system thread begins to run a program that nobody waits for.
    pub(in crate::carrier) fn set_off(&mut self, starter: TaskId, program: u16, thread: ThreadId) -> TaskId {
        let process = self.threads[thread].process();
        let beside = self.thread_beside(process, thread);
        let task = self.leave_alone(starter, program, beside);
        let cost = self.worker(process).costs.spawn;
        self.threads[beside].owe_in_all(cost);
        let state = &mut self.carriers.threads[beside];
        (state.task, state.returns) = (task, self.interpreters[process].has_gil());
        self.make_ready(beside);
        task
    }

    /// A thread, or that of a loop, starts another. It waits until that has begun, if it is a new one.
    #[inline(never)]
    pub(in crate::carrier) fn start_from_thread(
        &mut self,
        thread: ThreadId,
        task: TaskId,
        program: u16,
        executor: u16,
    ) -> Option<Demand> {
        let process = self.threads[thread].process();
        let waits = self.needs_start(process, executor);
        let started = self.set_off(task, program, thread);
        if !waits {
            return None;
        }
        let link = self.interpreters[process].link_for_a_wait(Linkable::event(false));
        self.tasks[started].wait_for(link);
        self.queue_for_unit(process, link, task);
        self.leave_python(thread);
        self.tasks[task].park(Parked::Readiness);
        self.tasks[task].give_up_at(Time::NEVER);
        self.bill(task, self.now, Wait::Lock);
        Some(Demand::Wait)
    }

    /// A started thread runs: who waits for that goes on.
    pub(in crate::carrier) fn has_started(&mut self, process: ProcessId, task: TaskId) {
        let link = self.tasks[task].take_handle();
        if link == u32::MAX {
            return;
        }
        let waiters = std::mem::take(&mut self.link(process, link).waiters);
        self.interpreters[process].free_link(link);
        for (_, starter) in waiters {
            self.wake_bare(starter, Wait::Core);
        }
    }

    /// A thread that was left alone is over.
    pub(in crate::carrier) fn end_left_alone(&mut self, task: TaskId) {
        let state = self.tasks.remove(task);
        self.carriers.left_alone -= 1;
        let process = self.threads[state.thread()].process();
        if let Some(Op::Acquire { sync, .. }) = self.model.programs[usize::from(state.program())].code.get(1)
            && matches!(self.model.syncs[usize::from(*sync)].kind, SyncKind::Threads { .. })
        {
            self.carriers.pools[process].job_done(*sync);
        }
    }
}
