//! Tasks on their way: what one asks for next, what it draws, how it fails, and the branches of a fan-out.

use crate::client::above::TasksForClient;
use crate::kit::fate::Fates;
use crate::kit::id::{ProcessId, RequestId, Slab, TaskId, ThreadId};
use crate::kit::rng::mix;
use crate::kit::time::Span;
use crate::machine::Role;
use crate::machine::warmth::Part;
use crate::model::{Model, WorkerSpec};
use crate::program::advance::{self, Effect, Fate};
use crate::program::op::{Draw, OnError, Op};
use crate::program::request::Request;
use crate::program::task::{News, Task};
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    pub(crate) fn worker(&self, process: ProcessId) -> &WorkerSpec {
        &self.model.workers[self.processes[process].worker()]
    }

    /// Runs a task to its next effect.
    #[inline(always)]
    pub(crate) fn advance_task(&mut self, id: TaskId) -> Effect {
        self.steps += 1;
        let task = &mut self.tasks[id];
        if self.steps > self.model.limits.events_per_instant {
            self.stuck = true;
            return Effect::Burn(Span::from_ns(1));
        }
        if task.news() == News::Begun && task.request().is_some() {
            task.hear(News::None);
            let process = self.threads[task.thread()].process();
            return Effect::Burn(self.own_work(process, Part::Request, Span::ZERO));
        }
        next_effect(task, &self.requests, self.model, &self.fates)
    }

    /// The value of a draw for a task.
    pub(crate) fn drawn(&self, task: TaskId, draw: Draw) -> Span {
        let state = &self.tasks[task];
        let program = &self.model.programs[usize::from(state.program())];
        if state.request().is_none() {
            return advance::span(state, program, Fate { row: &[], key: self.fates.key_left_to(state.parent()) }, draw);
        }
        let request = &self.requests[state.request()];
        let fate = Fate { row: self.fates.row_from(request.fate()), key: request.key() };
        advance::span(state, program, fate, draw)
    }

    /// A task begins its program: whatever the one in its place knew or held is nothing to it.
    #[inline]
    pub(crate) fn begins_anew(&mut self, task: TaskId) {
        self.sharing.begin_task(task);
        self.ledgers.begin_task(task);
    }

    /// Marks a task's request as failed, and the task as on its way out, unless it is already.
    #[cold]
    #[inline(never)]
    pub(crate) fn fail_task(&mut self, task: TaskId) {
        let state = &mut self.tasks[task];
        if !state.unwinding() {
            state.hear(News::Failed);
        }
        let request = state.request();
        // What goes on after the response fails without anybody's knowledge.
        if request.is_some() && !self.requests[request].is_answered() {
            self.requests[request].fail();
        }
    }

    /// A branch of a fan-out, ready to run.
    pub(crate) fn new_branch(&mut self, parent: TaskId, program: u16, number: u16, thread: ThreadId) -> TaskId {
        let mut task = Task::new(self.tasks[parent].request(), thread, program);
        task.branch_off(parent);
        task.hear(News::None);
        // The run's number in the low ten bits, and above them what tells apart the passes of loops around the fan-out.
        let [a, b] = self.tasks[parent].registers();
        let around = if a | b == 0 { 0 } else { mix(u64::from(a) << 32 | u64::from(b), 0) as u32 };
        task.load(0, (u32::from(number) + 1) | around << 10);
        let task = self.tasks.insert(task);
        self.begins_anew(task);
        task
    }

    /// A thread that `starter` starts and leaves alone: it serves no request, and what is random in it is its own.
    pub(crate) fn new_left_alone(&mut self, starter: TaskId, program: u16, thread: ThreadId) -> TaskId {
        let state = &self.tasks[starter];
        let [a, b] = state.registers();
        let place = u64::from(state.program()) << 16 | u64::from(state.pc().0);
        let key = if state.request().is_some() { self.requests[state.request()].key() } else { 0 };
        let own = mix(mix(key, place), u64::from(a) << 32 | u64::from(b)) as u32;
        let mut task = Task::new(RequestId::NONE, thread, program);
        task.hear(News::None);
        task.load(0, own);
        let task = self.tasks.insert(task);
        self.begins_anew(task);
        task
    }

    /// Whether a task is a thread that was started and left alone.
    #[inline]
    pub(crate) fn is_left_alone(&self, task: TaskId) -> bool {
        let state = &self.tasks[task];
        state.request().is_none() && self.model.programs[usize::from(state.program())].alone
    }

    /// Whether nobody catches what goes wrong in a task: it is a request's, or a thread that was left alone, and no scheduling program.
    #[inline]
    pub(crate) fn fails_as_a_whole(&self, task: TaskId) -> bool {
        let state = &self.tasks[task];
        state.request().is_some() || state.parent().is_some() || self.is_left_alone(task)
    }

    /// What becomes of a fan-out, for which `parent` waits, when one of its runs fails.
    pub(crate) fn on_error(&self, parent: TaskId) -> OnError {
        let state = &self.tasks[parent];
        let code = &self.model.programs[usize::from(state.program())].code;
        let Op::Fan { errors, .. } = code[usize::from(state.pc().0) - 1] else {
            unreachable!("who waits for runs has just met their op")
        };
        errors.on(matches!(self.threads[state.thread()].role(), Role::Loop(_)))
    }

    /// Whether a run that is at its end is the first of its fan-out to fail, and nobody has been told.
    pub(crate) fn fails_first(&self, task: TaskId) -> bool {
        let branch = &self.tasks[task];
        let parent = branch.parent();
        branch.unwinding() && parent != task && self.tasks[parent].news() != News::Failed
    }

    /// The runs of a fan-out, apart from one of them.
    pub(crate) fn other_runs(&self, task: TaskId) -> Vec<TaskId> {
        let parent = self.tasks[task].parent();
        let others = self.tasks.iter().filter(|(other, state)| state.parent() == parent && *other != task);
        others.map(|(other, _)| other).collect()
    }

    /// A branch is done. True if who waits for it goes on: it was the last, or it failed and the others are left to themselves.
    pub(crate) fn end_branch(&mut self, task: TaskId) -> bool {
        let parent = self.tasks[task].parent();
        if parent == task {
            self.tasks.remove(task);
            self.fates.forget(task);
            return false;
        }
        let leaves = self.tasks[task].unwinding() && self.on_error(parent) == OnError::Raise;
        let others = if leaves { self.other_runs(task) } else { Vec::new() };
        let branch = self.tasks.remove(task);
        if branch.unwinding() {
            self.fail_task(parent);
        }
        for other in others {
            let key = self.requests[self.tasks[other].request()].key();
            self.fates.leave(other, key);
            self.tasks[other].is_left_to_itself(other);
        }
        self.tasks[parent].lose_run() || leaves
    }
}

/// Runs a task, which is not about to begin, to its next effect.
#[inline(always)]
pub(crate) fn next_effect(
    state: &mut Task,
    requests: &Slab<RequestId, Request>,
    model: &Model,
    fates: &Fates,
) -> Effect {
    let mut fate = Fate { row: &[], key: 0 };
    if state.request().is_some() {
        let request = &requests[state.request()];
        fate = Fate { row: fates.row_from(request.fate()), key: request.key() };
    } else {
        if state.news() == News::Begun {
            state.hear(News::None);
        }
        if state.parent().is_some() {
            fate.key = fates.key_left_to(state.parent());
        }
    }
    advance::advance(state, &model.programs[usize::from(state.program())], fate)
}

impl<P: Probe> TasksForClient for World<'_, P> {
    #[inline(always)]
    fn call_fails(&mut self, task: TaskId) {
        self.fail_task(task)
    }
}
