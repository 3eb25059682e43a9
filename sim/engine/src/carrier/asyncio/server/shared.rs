//! What tasks of a loop share: units, queues, events, timeout blocks, fan-out, and native threads.
//!
//! `asyncio.Queue`: whoever finds it empty or full waits, is woken by the next put or get, and looks again. A fan-out is `gather`: a
//! task for each run, and the first error is raised at once, or it cancels the others as `TaskGroup` does. Off-loading is anyio's `to_thread.run_sync`: a limiter of so many tokens, first come, first served, which the
//! loop hands on when it has seen the thread's result; a wait for a thread cannot be cut short.
//! Left out: that anyio yields twice before the thread gets its job.

use super::super::handle::Callback;
use super::super::sockets::SELF_PIPE;
use super::{Ask, Native};
use crate::kit::id::{LoopId, TaskId};
use crate::program::op::{Limit, Op};
use crate::program::task::{News, Parked};
use crate::program::wait::Wait;
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// An op of the task that runs.
    #[inline(never)]
    pub(super) fn perform_on_loop(&mut self, id: LoopId, cursor: TaskId, op: Op) {
        let process = self.carriers.loops[id].server.process;
        match op {
            Op::Put { sync, item, limit, .. } => self.put_on_loop(id, cursor, sync, item, limit),
            Op::Get { sync, limit, .. } => self.get_on_loop(id, cursor, sync, limit),
            Op::Signal { sync, .. } => {
                let link = self.event_link(process, sync);
                let state = self.link(process, link);
                state.set();
                let waiters = std::mem::take(&mut state.waiters);
                waiters.into_iter().for_each(|(_, task)| self.wake_coroutine(id, task));
            }
            Op::Clear { sync } => {
                let link = self.event_link(process, sync);
                self.link(process, link).clear();
            }
            Op::Await { sync, limit } => {
                let link = self.event_link(process, sync);
                if !self.link(process, link).is_ready() {
                    self.queue_for_unit(process, link, cursor);
                    let limit = self.span_of(cursor, limit);
                    self.park_on_loop(id, cursor, (Parked::Readiness, Wait::Lock), limit);
                }
            }
            Op::Guard { limit, .. } => {
                let span = self.span_of(cursor, limit).expect("a timeout block has a limit");
                let timer = self.carriers.loops[id].call_later(span, Callback::Server(Ask::Limit(cursor)));
                self.served(cursor).guards.push(timer);
            }
            Op::Unguard => {
                if let Some(timer) = self.served(cursor).guards.pop() {
                    self.carriers.loops[id].cancel_handle(timer);
                }
            }
            Op::Apply { sync, takes } => {
                let span = self.drawn(cursor, takes);
                self.offload(id, cursor, sync, Native::Wants(span));
            }
            Op::ToThread { sync } => self.offload(id, cursor, sync, Native::WantsToGo),
            Op::Read { .. } | Op::Write { .. } | Op::Occupy { .. } | Op::Vacate { .. } => {
                self.share(process, cursor, op, true);
            }
            Op::Release { sync } => {
                if self.holds_unit(cursor, sync) {
                    self.give_back_on_loop(id, cursor, sync);
                }
            }
            Op::Fan { program, count, .. } => self.gather_on_loop(id, cursor, program, count),
            op => unreachable!("the scenario language has no {op:?}"),
        }
    }

    /// A unit comes back, and its next owner, or whoever may take it, is woken.
    pub(super) fn give_back_on_loop(&mut self, id: LoopId, cursor: TaskId, sync: u16) {
        let process = self.carriers.loops[id].server.process;
        if let Some(waiter) = self.give_back(process, sync, cursor)
            && !self.wakes_away(waiter, self.carriers.loops[id].thread)
        {
            self.wake_coroutine(id, waiter);
        }
    }

    fn put_on_loop(&mut self, id: LoopId, cursor: TaskId, sync: u16, item: u16, limit: Limit) {
        let process = self.carriers.loops[id].server.process;
        let put = match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) if queue.has_room() => {
                queue.items.push_back(item);
                true
            }
            Sync::Standard(queue) if queue.has_room() => {
                queue.items.push_back(item);
                true
            }
            Sync::Queue(_) | Sync::Standard(_) => false,
            _ => unreachable!("items go to queues"),
        };
        if put {
            self.stop_limit_on_loop(id, cursor);
            if let Some(getter) = self.lines(process, sync).0.pop_front() {
                self.wake_coroutine(id, getter);
            }
            return;
        }
        self.lines(process, sync).1.push_back((cursor, item));
        self.wait_in_line(id, cursor, sync, Parked::Room, limit);
    }

    fn get_on_loop(&mut self, id: LoopId, cursor: TaskId, sync: u16, limit: Limit) {
        let process = self.carriers.loops[id].server.process;
        let got = match self.interpreters[process].shared_mut(sync) {
            Sync::Queue(queue) => (!queue.items.is_empty()).then(|| queue.take()),
            Sync::Standard(queue) => (!queue.items.is_empty()).then(|| queue.take()),
            _ => unreachable!("items come from queues"),
        };
        if got.is_some() {
            self.stop_limit_on_loop(id, cursor);
            if let Some((putter, _)) = self.lines(process, sync).1.pop_front() {
                self.wake_coroutine(id, putter);
            }
            return;
        }
        self.lines(process, sync).0.push_back(cursor);
        self.wait_in_line(id, cursor, sync, Parked::Item, limit);
    }

    fn wait_in_line(&mut self, id: LoopId, cursor: TaskId, sync: u16, parked: Parked, limit: Limit) {
        self.tasks[cursor].wait_for(u32::from(sync));
        let (wait, limit) = (self.wait_of_step(cursor), self.span_of(cursor, limit));
        self.park_on_loop(id, cursor, (parked, wait), limit);
    }

    /// `gather`: a task for each branch, in order; this one waits for all of them.
    fn gather_on_loop(&mut self, id: LoopId, cursor: TaskId, program: u16, count: u16) {
        let thread = self.carriers.loops[id].thread;
        for number in 0..count {
            let branch = self.new_branch(cursor, program, number, thread);
            self.start_coroutine(id, branch);
        }
        self.tasks[cursor].wait_for(u32::from(count));
        self.park_on_loop(id, cursor, (Parked::Children, Wait::Peer), None);
    }

    /// `to_thread.run_sync`: a token first.
    fn offload(&mut self, id: LoopId, cursor: TaskId, sync: u16, wants: Native) {
        let process = self.carriers.loops[id].server.process;
        let Sync::Threads(link) = *self.interpreters[process].shared(sync) else {
            unreachable!("native threads come in pools")
        };
        self.served(cursor).tokens = link;
        if self.take_unit(process, link) {
            return self.work_natively(id, cursor, wants);
        }
        self.queue_for_unit(process, link, cursor);
        self.served(cursor).native = wants;
        let wait = self.wait_of_step(cursor);
        self.park_on_loop(id, cursor, (Parked::Unit, wait), None);
    }

    /// A native thread begins to work for the task, which waits or goes over.
    fn work_natively(&mut self, id: LoopId, cursor: TaskId, wants: Native) {
        let on = &mut self.carriers.loops[id];
        on.now += on.costs.thread / 2;
        let Native::Wants(span) = wants else {
            on.sends_over(cursor);
            self.served(cursor).native = Native::Away;
            self.park_on_loop(id, cursor, (Parked::Timer, Wait::Timer), None);
            return;
        };
        let until = on.now + span;
        on.works_until(until, cursor);
        self.served(cursor).native = Native::Runs;
        self.park_on_loop(id, cursor, (Parked::Timer, Wait::Timer), None);
        self.tasks[cursor].ready_from(until);
    }

    /// A native thread is done: it queues the handle that sets the result, and a byte ends the poll.
    pub(in crate::carrier::asyncio) fn native_over(&mut self, id: LoopId, cursor: TaskId) {
        self.wake_in_two(id, cursor);
        self.carriers.loops[id].sockets.arrive(SELF_PIPE, 1);
    }

    /// A task is back from a native thread: the same.
    pub(in crate::carrier) fn is_home_on_loop(&mut self, id: LoopId, cursor: TaskId) {
        self.tasks[cursor].park(Parked::Timer);
        self.carriers.loops[id].now = self.now;
        self.native_over(id, cursor);
        self.wake_loop(id);
    }

    /// A native thread ends the wait of a task (`call_soon_threadsafe`).
    pub(in crate::carrier) fn wake_from_outside(&mut self, id: LoopId, cursor: TaskId) {
        self.carriers.loops[id].now = self.now;
        self.wake_coroutine(id, cursor);
        self.carriers.loops[id].sockets.arrive(SELF_PIPE, 1);
        self.wake_loop(id);
    }

    /// A task goes on with what it has of a native thread. True if it waits again.
    pub(super) fn go_on_natively(&mut self, id: LoopId, cursor: TaskId, native: Native) -> bool {
        self.served(cursor).native = Native::No;
        match native {
            Native::No => {}
            Native::Wants(_) | Native::WantsToGo => {
                self.work_natively(id, cursor, native);
                return true;
            }
            Native::Runs | Native::Away | Native::AwayTooLong | Native::Declines => {
                if native == Native::AwayTooLong {
                    self.fail_task(cursor);
                }
                let on = &mut self.carriers.loops[id];
                let process = on.server.process;
                if native != Native::Declines {
                    on.now += on.costs.thread / 2;
                }
                let link = self.served(cursor).tokens;
                if let Some(next) = self.link(process, link).hand_off() {
                    self.tasks[next].hear(News::Granted);
                    if !self.wakes_away(next, self.carriers.loops[id].thread) {
                        self.wake_coroutine(id, next);
                    }
                }
            }
        }
        false
    }
}
