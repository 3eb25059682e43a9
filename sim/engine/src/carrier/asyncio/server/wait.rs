//! Waits of a request's task: what it parks for, what wakes it, and limits.
//!
//! A wait is a future of the loop; whoever ends the wait sets its result, and the task goes on a turn later. A limit is a timer, as
//! `asyncio.timeout`'s: its handle takes back what the task left with others, and ends its wait.

use super::super::frame::{CoroutineFrame, Sleep};
use super::super::future::{FutKey, FutureValue};
use super::super::handle::Callback;
use super::super::sockets::Reader;
use super::super::task::TaskInput;
use super::{Ask, Native};
use crate::kit::id::{CallId, LoopId, TaskId};
use crate::kit::time::{Span, Time};
use crate::peer::Caller;
use crate::program::advance::Need;
use crate::program::task::{News, Parked};
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// The task that runs waits for what it needs, or has it.
    pub(super) fn await_on_loop(&mut self, id: LoopId, cursor: TaskId, need: Need, limit: Option<Span>) {
        match need {
            Need::Timer(span) if span.is_zero() => self.yield_on_loop(id, cursor),
            Need::Timer(span) => {
                let until = self.carriers.loops[id].now + span;
                self.park_in_frame(id, cursor, Sleep::frame(span), (Parked::Timer, Wait::Timer), None);
                self.tasks[cursor].ready_from(until);
            }
            Need::Reply { peer, .. } if !self.may_call(cursor, peer) => {}
            Need::Reply { peer, takes } => {
                self.makes_system_calls(self.carriers.loops[id].thread, 1);
                let on = &mut self.carriers.loops[id];
                on.now += on.costs.socket;
                let (at, sock) = (on.now, on.sockets.open());
                let call = self.call(peer, takes, cursor, Caller::Coroutine(id, sock), at);
                self.tasks[cursor].wait_for(call.index() as u32);
                self.served(cursor).call = Some(sock);
                let fut = self.park_on_loop(id, cursor, (Parked::Peer, Wait::Peer), limit);
                // The transport of a connection that is open is known to epoll already.
                self.carriers.loops[id].watch_reply(sock, fut);
            }
            Need::Unit { sync } => {
                let process = self.carriers.loops[id].server.process;
                let (link, _) = self.shelf(process, sync);
                if self.take_unit(process, link) {
                    return self.tell_unit(process, sync, cursor, true);
                }
                if limit.is_some_and(Span::is_zero) {
                    return self.fail_acquire(cursor);
                }
                self.queue_for_unit(process, link, cursor);
                let wait = self.wait_of_step(cursor);
                self.park_on_loop(id, cursor, (Parked::Unit, wait), limit);
            }
        }
    }

    /// Parks the task that runs on a new future.
    pub(super) fn park_on_loop(
        &mut self,
        id: LoopId,
        cursor: TaskId,
        parked: (Parked, Wait),
        limit: Option<Span>,
    ) -> FutKey {
        let fut = self.carriers.loops[id].create_future();
        self.park_in_frame(id, cursor, CoroutineFrame::Future(fut, true), parked, limit);
        fut
    }

    /// Parks the task that runs in a coroutine of the library. A wait that is begun again keeps its first limit.
    pub(super) fn park_in_frame(
        &mut self,
        id: LoopId,
        cursor: TaskId,
        frame: CoroutineFrame,
        (parked, wait): (Parked, Wait),
        limit: Option<Span>,
    ) {
        let served = self.served(cursor);
        let (me, guarded) = (served.task.expect("it has a task of the loop"), !served.guards.is_empty());
        let old = served.limit;
        let on = &mut self.carriers.loops[id];
        let task = on.task(me);
        task.frames.push(frame);
        task.input = TaskInput::Start;
        let timer = match (old, limit) {
            (None, Some(limit)) => Some(on.call_later(limit, Callback::Server(Ask::Limit(cursor)))),
            (old, _) => old,
        };
        let now = on.now;
        self.served(cursor).limit = timer;
        let state = &mut self.tasks[cursor];
        state.park(parked);
        state.ready_from(now);
        // Whoever looks for deadlocks must know that this wait ends.
        state.give_up_at(if timer.is_some() || guarded { now + limit.unwrap_or(Span::ZERO) } else { Time::NEVER });
        self.bill(cursor, self.now, wait);
        self.leaves_loop(id);
    }

    /// A task goes on after a wait. True if it waits again.
    pub(super) fn parks_again(&mut self, id: LoopId, cursor: TaskId, parked: Parked) -> bool {
        let process = self.carriers.loops[id].server.process;
        let news = self.tasks[cursor].news();
        let native = self.served(cursor).native;
        if matches!(parked, Parked::Item | Parked::Room) && news == News::None {
            // Somebody made it worth another look: the op is met once more.
            self.tasks[cursor].meet_again();
            return false;
        }
        if parked == Parked::Unit && news == News::None && native == Native::No {
            let link = self.tasks[cursor].handle();
            if !self.take_unit(process, link) {
                self.queue_for_unit(process, link, cursor);
                let wait = self.wait_of_step(cursor);
                self.park_on_loop(id, cursor, (Parked::Unit, wait), None);
                return true;
            }
            self.tell_unit_of_step(process, cursor);
        }
        if news == News::Granted {
            self.tasks[cursor].hear(News::None);
        }
        self.stop_limit_on_loop(id, cursor);
        if let Some(sock) = self.served(cursor).call.take() {
            self.makes_system_calls(self.carriers.loops[id].thread, 1);
            self.carriers.loops[id].forget_reply(sock);
        }
        native != Native::No && self.go_on_natively(id, cursor, native)
    }

    /// The wait with a limit is over.
    pub(super) fn stop_limit_on_loop(&mut self, id: LoopId, cursor: TaskId) {
        self.tasks[cursor].give_up_at(Time::NEVER);
        if let Some(timer) = self.served(cursor).limit.take() {
            self.carriers.loops[id].cancel_handle(timer);
        }
    }

    /// The future that a task of the loop waits on, if that is still pending.
    fn pending_wait(&mut self, id: LoopId, cursor: TaskId) -> Option<FutKey> {
        let me = self.served(cursor).task?;
        let on = &self.carriers.loops[id];
        let fut = on.tasks.get(me)?.waits_on?;
        (!on.is_done(fut)).then_some(fut)
    }

    /// What a task waited for is there: it goes on a turn later.
    pub(super) fn wake_coroutine(&mut self, id: LoopId, cursor: TaskId) {
        if let Some(fut) = self.pending_wait(id, cursor) {
            self.carriers.loops[id].set_result(fut, FutureValue::None);
        }
        self.is_ready(id, cursor);
    }

    /// Whether what a task of a loop waited for is there, and it goes on as soon as its loop gets to it.
    #[cfg(test)]
    pub(crate) fn is_woken_on_loop(&self, cursor: TaskId) -> bool {
        let thread = self.tasks[cursor].thread();
        let crate::machine::Role::Loop(id) = self.threads[thread].role() else { return false };
        let Some(me) = self.carriers.served.get(cursor.index()).and_then(|served| served.task) else { return false };
        let on = &self.carriers.loops[id];
        on.tasks.get(me).and_then(|task| task.waits_on).is_none_or(|fut| on.is_done(fut))
    }

    /// A task is ready from now on.
    pub(super) fn is_ready(&mut self, id: LoopId, cursor: TaskId) {
        self.tasks[cursor].ready_from(self.carriers.loops[id].now.max(self.now));
        self.bill(cursor, self.now, Wait::Hub);
    }

    /// The same by a callback of what it waits for: two turns.
    pub(super) fn wake_in_two(&mut self, id: LoopId, cursor: TaskId) {
        if let Some(fut) = self.pending_wait(id, cursor) {
            self.carriers.loops[id].call_soon(Callback::SetResult(fut));
        }
        self.is_ready(id, cursor);
    }

    /// A loop that is blocked in its poll wakes; false if it was not.
    pub(super) fn wake_loop(&mut self, id: LoopId) -> bool {
        let on = &self.carriers.loops[id];
        let blocked = on.polling && self.threads[on.thread].is_parked();
        if blocked {
            self.make_ready(on.thread);
        }
        blocked
    }

    /// A reply is there for a task.
    pub(crate) fn loop_replied(&mut self, id: LoopId, sock: u32, task: TaskId) {
        // The call is over, though nobody has read its reply.
        self.tasks[task].take_handle();
        self.is_ready(id, task);
        self.carriers.loops[id].sockets.arrive(sock, 1);
        self.wake_loop(id);
    }

    /// A reader has left: whoever writes to it goes on.
    pub(crate) fn stop_writing_on_loop(&mut self, id: LoopId, task: TaskId) {
        if self.tasks[task].parked() == Parked::Timer {
            self.wake_coroutine(id, task);
            self.wake_loop(id);
        }
    }

    /// A limit has passed: the wait fails, and with it the request. Work in a native thread goes on, and is waited for.
    pub(super) fn limit_on_loop(&mut self, id: LoopId, task: TaskId) {
        let process = self.carriers.loops[id].server.process;
        let (parked, news, native) = {
            let state = &self.tasks[task];
            (state.parked(), state.news(), self.carriers.served[task.index()].native)
        };
        if matches!(native, Native::Away | Native::AwayTooLong) {
            self.served(task).native = Native::AwayTooLong;
            return;
        }
        let waits = self.pending_wait(id, task);
        match parked {
            Parked::Unit if matches!(native, Native::Wants(_) | Native::WantsToGo) => {
                let granted = news == News::Granted;
                self.served(task).native = if granted { Native::Declines } else { Native::No };
                let link = self.tasks[task].handle();
                self.link(process, link).unlink(task);
                self.fail_task(task);
            }
            Parked::Peer if waits.is_some() => {
                let handle = self.tasks[task].handle();
                let call = if handle == u32::MAX { CallId::NONE } else { CallId::from_index(handle as usize) };
                self.abandon_call(task, call);
            }
            Parked::Unit if news == News::None => {
                self.leave_queue(process, task);
                if waits.is_none() {
                    self.pass_on_unit(id, task);
                }
            }
            Parked::Item | Parked::Room | Parked::Readiness if news == News::None => {
                self.leave_shared(process, task);
                if waits.is_none() {
                    self.pass_on_look(id, task, parked);
                }
            }
            Parked::Children => {
                self.fail_task(task);
                let branches = self.tasks.iter().filter(|(_, state)| state.parent() == task);
                let branches: Vec<TaskId> = branches.map(|(branch, _)| branch).collect();
                branches.into_iter().for_each(|branch| self.limit_on_loop(id, branch));
                return;
            }
            _ => self.fail_task(task),
        }
        if native == Native::Runs {
            return;
        }
        if let Some(fut) = waits {
            self.carriers.loops[id].set_result(fut, FutureValue::None);
            self.is_ready(id, task);
        }
    }

    /// Who was woken for a unit will not take it: the next one is.
    fn pass_on_unit(&mut self, id: LoopId, task: TaskId) {
        let (process, link) = (self.carriers.loops[id].server.process, self.tasks[task].handle());
        let shelf = self.link(process, link);
        if shelf.is_ready()
            && let Some((_, next)) = shelf.waiters.pop_front()
            && !self.wakes_away(next, self.carriers.loops[id].thread)
        {
            self.wake_coroutine(id, next);
        }
    }

    /// Who was woken to look at a queue will not look: the next one is.
    fn pass_on_look(&mut self, id: LoopId, task: TaskId, parked: Parked) {
        let (process, sync) = (self.carriers.loops[id].server.process, self.tasks[task].handle() as u16);
        let next = match parked {
            Parked::Item => self.lines(process, sync).0.pop_front(),
            Parked::Room => self.lines(process, sync).1.pop_front().map(|(putter, _)| putter),
            _ => None,
        };
        if let Some(next) = next {
            self.wake_coroutine(id, next);
        }
    }
}

impl super::EventLoop {
    /// The reader of a reply sets a future.
    fn watch_reply(&mut self, sock: u32, fut: FutKey) {
        let control = std::mem::replace(&mut self.costs.control, Span::ZERO);
        self.add_reader(sock, Reader::Reply { sock, fut });
        self.costs.control = control;
    }

    /// Nobody reads it any more.
    fn forget_reply(&mut self, sock: u32) {
        let control = std::mem::replace(&mut self.costs.control, Span::ZERO);
        self.remove_reader(sock);
        self.sockets.close(sock);
        self.costs.control = control;
    }
}
