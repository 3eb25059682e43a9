//! The threaded carrier's side of queues, events, timeout blocks, fan-outs and off-loading.
//!
//! A queue is the standard library's: whoever finds it empty or full parks, is woken by the next put or get, and looks again. An event
//! wakes all. A timeout block cannot interrupt a thread: it bounds the waits inside. A fan-out starts a thread for each branch and
//! joins them. Off-loading to another thread is a wait like any other.

use crate::kit::id::{ProcessId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::{Demand, Role};
use crate::program::advance::Need;
use crate::program::op::{Limit, Op};
use crate::program::task::Parked;
use crate::program::wait::Wait;
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// When the first of the timeout blocks around a thread ends.
    pub(crate) fn deadline(&self, thread: ThreadId) -> Time {
        self.carriers.threads[thread].deadlines.iter().copied().min().unwrap_or(Time::NEVER)
    }

    /// Whether a thread runs a branch of a fan-out.
    pub(crate) fn is_branch(&self, thread: ThreadId) -> bool {
        self.threads[thread].role() == Role::Helper
    }

    /// An op of a bare thread that takes no CPU time. `None`: the thread goes on at once.
    #[inline(never)]
    pub(crate) fn perform_on_thread(&mut self, thread: ThreadId, task: TaskId, op: Op) -> Option<Demand> {
        let process = self.threads[thread].process();
        match op {
            Op::Put { sync, item, limit, .. } => self.put_on_thread(thread, task, sync, item, limit),
            Op::Get { sync, limit, .. } => self.get_on_thread(thread, task, sync, limit),
            Op::Signal { sync, .. } => {
                self.set_flag(process, sync);
                None
            }
            Op::Clear { sync } => {
                let link = self.event_link(process, sync);
                self.link(process, link).clear();
                None
            }
            Op::Await { sync, limit } => {
                let link = self.event_link(process, sync);
                if self.link(process, link).is_ready() {
                    return None;
                }
                self.queue_for_unit(process, link, task);
                Some(self.park_shared(thread, task, Parked::Readiness, limit))
            }
            Op::Guard { limit, .. } => {
                let span = self.span_of(task, limit).expect("a timeout block has a limit");
                let end = self.now + span;
                self.carriers.threads[thread].deadlines.push(end);
                None
            }
            Op::Unguard => {
                self.carriers.threads[thread].deadlines.pop();
                None
            }
            Op::Apply { takes, .. } => {
                let span = self.drawn(task, takes);
                self.wait_on_thread(thread, task, Need::Timer(span), None)
            }
            Op::Read { .. } | Op::Write { .. } | Op::Occupy { .. } | Op::Vacate { .. } => {
                self.share(process, task, op, false);
                None
            }
            Op::Release { sync } => {
                if self.holds_unit(task, sync) {
                    self.give_back_on_thread(thread, task, sync);
                }
                None
            }
            Op::Fan { program, count, .. } => Some(self.fan_out_on_threads(thread, task, program, count)),
            Op::Respond => {
                self.answer_early(task);
                None
            }
            Op::Start { program, executor, .. } => self.start_from_thread(thread, task, program, executor),
            Op::Started => {
                self.has_started(process, task);
                None
            }
            // It is a thread already, unless it is a hub's or a loop's that has been lent.
            Op::ToThread { .. } => None,
            Op::FromThread { .. } => {
                if self.is_guest(thread) {
                    self.go_home(thread, task);
                }
                None
            }
            op => unreachable!("the scenario language has no {op:?}"),
        }
    }

    pub(crate) fn span_of(&self, task: TaskId, limit: Limit) -> Option<Span> {
        let program = &self.model.programs[usize::from(self.tasks[task].program())];
        (limit != Limit::NONE).then(|| program.spans[usize::from(limit.0)])
    }

    pub(crate) fn event_link(&self, process: ProcessId, sync: u16) -> u32 {
        match *self.interpreters[process].shared(sync) {
            Sync::Event(link) => link,
            _ => unreachable!("only events are set and waited for"),
        }
    }

    fn set_flag(&mut self, process: ProcessId, sync: u16) {
        let link = self.event_link(process, sync);
        let state = self.link(process, link);
        state.set();
        let waiters = std::mem::take(&mut state.waiters);
        for (_, task) in waiters {
            self.wake_bare(task, Wait::Core);
        }
    }

    /// Parks a thread at something shared, until woken or out of time. A look that is repeated keeps its first limit.
    fn park_shared(&mut self, thread: ThreadId, task: TaskId, parked: Parked, limit: Limit) -> Demand {
        let end = match self.tasks[task].limit_at() {
            Time::NEVER => self.span_of(task, limit).map_or(Time::NEVER, |span| self.now + span),
            end => end,
        };
        let end = end.min(self.deadline(thread)).max(self.now);
        if end != Time::NEVER && self.polls(thread) {
            self.tasks[task].park(parked);
            self.tasks[task].give_up_at(end);
            return self.begin_to_poll(thread, end);
        }
        self.leave_python(thread);
        self.tasks[task].park(parked);
        self.tasks[task].give_up_at(end);
        self.bill(task, self.now, self.wait_of_step(task));
        self.wake_at(thread, end);
        Demand::Wait
    }

    /// The limit of a wait for an item, for room or for an event has passed.
    pub(crate) fn leave_shared(&mut self, process: ProcessId, task: TaskId) {
        let handle = self.tasks[task].handle();
        if self.tasks[task].parked() == Parked::Readiness {
            self.link(process, handle).unlink(task);
        } else {
            let (getters, putters) = self.lines(process, handle as u16);
            getters.retain(|&getter| getter != task);
            putters.retain(|&(putter, _)| putter != task);
        }
        self.fail_task(task);
    }

    pub(crate) fn lines(
        &mut self,
        process: ProcessId,
        sync: u16,
    ) -> (&mut std::collections::VecDeque<TaskId>, &mut std::collections::VecDeque<(TaskId, u16)>) {
        match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => (&mut queue.getters, &mut queue.putters),
            Sync::Standard(queue) => (&mut queue.getters, &mut queue.putters),
            _ => unreachable!("items go through queues"),
        }
    }

    fn put_on_thread(&mut self, thread: ThreadId, task: TaskId, sync: u16, item: u16, limit: Limit) -> Option<Demand> {
        let process = self.threads[thread].process();
        let has_room = match self.interpreters[process].shared(sync) {
            Sync::Queue(queue) => queue.has_room(),
            Sync::Standard(queue) => queue.has_room(),
            _ => unreachable!("items go to queues"),
        };
        if !has_room {
            self.lines(process, sync).1.push_back((task, item));
            self.tasks[task].wait_for(u32::from(sync));
            return Some(self.park_shared(thread, task, Parked::Room, limit));
        }
        match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => queue.items.push_back(item),
            Sync::Standard(queue) => queue.items.push_back(item),
            _ => unreachable!("items go to queues"),
        }
        self.tasks[task].give_up_at(Time::NEVER);
        if let Some(getter) = self.lines(process, sync).0.pop_front() {
            self.wake_bare(getter, Wait::Core);
        }
        None
    }

    fn get_on_thread(&mut self, thread: ThreadId, task: TaskId, sync: u16, limit: Limit) -> Option<Demand> {
        let process = self.threads[thread].process();
        let got = match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => (!queue.items.is_empty()).then(|| queue.take()),
            Sync::Standard(queue) => (!queue.items.is_empty()).then(|| queue.take()),
            _ => unreachable!("items come from queues"),
        };
        if got.is_none() {
            self.lines(process, sync).0.push_back(task);
            self.tasks[task].wait_for(u32::from(sync));
            return Some(self.park_shared(thread, task, Parked::Item, limit));
        }
        self.tasks[task].give_up_at(Time::NEVER);
        if let Some((putter, _)) = self.lines(process, sync).1.pop_front() {
            self.wake_bare(putter, Wait::Core);
        }
        None
    }

    /// A thread for each branch; this one waits for all of them.
    fn fan_out_on_threads(&mut self, thread: ThreadId, task: TaskId, program: u16, count: u16) -> Demand {
        let process = self.threads[thread].process();
        let cost = self.model.workers[self.processes[process].worker()].costs.spawn;
        self.leave_python(thread);
        self.tasks[task].wait_for(u32::from(count));
        self.tasks[task].park(Parked::Children);
        self.bill(task, self.now, Wait::Peer);
        for number in 0..count {
            let helper = match self.carriers.pools[process].free_helper() {
                Some(helper) => helper,
                None => {
                    self.start_thread(process, Role::Helper);
                    ThreadId::from_index(self.threads.len() - 1)
                }
            };
            let branch = self.new_branch(task, program, number, helper);
            let deadlines = self.carriers.threads[thread].deadlines.clone();
            self.threads[helper].owe_in_all(cost);
            let state = &mut self.carriers.threads[helper];
            (state.task, state.deadlines) = (branch, deadlines);
            self.make_ready(helper);
        }
        Demand::Wait
    }
}
