//! Parking a greenlet, what wakes it, and what is thrown into it.
//!
//! After `_waiter.py`, `timeout.py` and the `finally` clauses of gevent's primitives: whoever is woken finds its wait complete;
//! whoever has something thrown into it first takes back all that it left with others, then the exception flies on to the next
//! `finally` clause or timeout block.

use crate::carrier::hub::greenlet::{Exception, Guard, Micro, Then};
use crate::kit::id::{CallId, GreenId, HubId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::said::Outcome;
use crate::program::task::{News, Parked};
use crate::python::linkable::LinkId;
use crate::python::sync::Sync;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// `sleep(0)`: to the tail of the callbacks.
    #[inline(always)]
    pub(super) fn yield_turn(&mut self, id: HubId, task: TaskId) {
        if self.model.workers[self.processes[self.carriers.hubs[id].process].worker()].zero_timers {
            self.sleep_on_hub(id, task, Span::ZERO);
            return self.park_as(id, task, Parked::Timer);
        }
        self.give_way(id, task);
    }

    /// Waits for a unit of a linkable, and then does `then` with it.
    pub(super) fn park_for_unit(&mut self, id: HubId, task: TaskId, link: LinkId, limit: Option<Span>, then: Then) {
        let process = self.carriers.hubs[id].process;
        let green = self.tasks[task].green();
        if green.is_some() {
            self.carriers.greens[green].then = then;
        }
        self.start_limit(id, task, limit);
        self.queue_for_unit(process, link, task);
        self.park_as(id, task, Parked::Unit);
    }

    /// Waits for a linkable to be ready, without taking anything.
    pub(super) fn park_for_readiness(&mut self, id: HubId, task: TaskId, link: LinkId, limit: Option<Span>) {
        let process = self.carriers.hubs[id].process;
        self.start_limit(id, task, limit);
        self.queue_for_unit(process, link, task);
        self.park_as(id, task, Parked::Readiness);
    }

    /// Starts the timer of a timeout, on a fresh clock.
    pub(super) fn start_limit(&mut self, id: HubId, task: TaskId, limit: Option<Span>) {
        let Some(limit) = limit else { return };
        let (timer, at, serial) = self.start_timeout(id, task, limit);
        let state = &mut self.tasks[task];
        state.give_up_by(timer, at);
        let green = state.green();
        if green.is_some() {
            self.carriers.greens[green].limit = serial;
        }
    }

    /// `Timeout.start`: its timer, when it is due, and which timeout it is.
    pub(super) fn start_timeout(&mut self, id: HubId, task: TaskId, limit: Span) -> (u32, Time, u32) {
        let (timer, at) = self.desk(id).start_timeout(task, limit);
        (timer, at, self.hub(id).timers.serial(timer))
    }

    pub(super) fn stop_limit(&mut self, id: HubId, task: TaskId) {
        let timer = self.tasks[task].take_limit_timer();
        if timer != u32::MAX {
            self.hub(id).timers.stop(timer);
        }
        self.tasks[task].give_up_at(Time::NEVER);
    }

    pub(super) fn stop_guards(&mut self, id: HubId, task: TaskId) {
        while let Some(guard) = self.carriers.greens[self.tasks[task].green()].guards.pop() {
            self.stop_guard(id, guard);
        }
    }

    pub(super) fn stop_guard(&mut self, id: HubId, guard: Guard) {
        if !guard.fired {
            self.hub(id).timers.stop(guard.timer);
        }
    }

    /// A timeout fires: that of the task's wait, or of a block it is in.
    pub(super) fn on_limit(&mut self, id: HubId, task: TaskId, serial: u32) {
        let green = self.tasks[task].green();
        self.owe(id, self.hub_costs(id).expire);
        if green.is_none() {
            return self.on_request_limit(id, task);
        }
        let state = &mut self.carriers.greens[green];
        if let Some(guard) = state.guards.iter_mut().find(|guard| guard.serial == serial) {
            guard.fired = true;
        } else {
            self.tasks[task].take_limit_timer();
        }
        if self.tasks[task].parked() == Parked::Children {
            return self.kill_branches(id, task);
        }
        self.throw(id, task, Exception::Timeout(serial));
    }

    /// The limit of a wait of a plain request: the wait has failed, and with it the request.
    fn on_request_limit(&mut self, id: HubId, task: TaskId) {
        let state = &mut self.tasks[task];
        state.take_limit_timer();
        state.ready_from(state.limit_at());
        state.give_up_at(Time::NEVER);
        let process = self.carriers.hubs[id].process;
        match self.tasks[task].parked() {
            Parked::Peer => self.close_call(id, task),
            Parked::Unit => self.leave_queue(process, task),
            _ => unreachable!("requests wait for replies and units"),
        }
        self.tasks[task].unpark();
        self.switch_to(id, task);
    }

    /// The caller does not wait for its reply any longer.
    fn close_call(&mut self, id: HubId, task: TaskId) {
        let sock = self.tasks[task].handle();
        let sockets = &mut self.carriers.hubs[id].sockets;
        let call: CallId = sockets.sock(sock).call;
        sockets.watch(sock, false);
        sockets.close(sock);
        self.abandon_call(task, call);
    }

    /// Throws into a parked greenlet, which runs at once.
    pub(super) fn throw(&mut self, id: HubId, task: TaskId, exception: Exception) {
        let green = self.tasks[task].green();
        if self.is_away(task, self.carriers.hubs[id].thread) {
            self.carriers.greens[green].late = Some(exception);
            return;
        }
        self.carriers.greens[green].thrown = Some(exception);
        let now = self.local(id);
        self.tasks[task].ready_from(now);
        self.switch_to(id, task);
    }

    /// The current greenlet sees what was thrown into its wait.
    pub(super) fn raise_in_wait(&mut self, id: HubId, task: TaskId, exception: Exception) {
        let green = self.tasks[task].green();
        let parked = self.tasks[task].unpark();
        self.carriers.greens[green].ticket += 1;
        self.stop_limit(id, task);
        self.take_back(id, task, parked);
        if parked == Parked::Unit
            && let Then::Step = self.carriers.greens[green].then
        {
            // It has not got the mutex, so there is none to give back.
            self.carriers.greens[green].micros.clear();
        }
        let state = &self.tasks[task];
        let waits = parked == Parked::Unit && state.news() == News::None && self.fails_as_a_whole(task);
        if waits && self.sync_of_step(task).is_some() {
            // It has not got the unit: it stands before its acquire. One that was handed over already is its own.
            self.tasks[task].meet_again();
        }
        let limit = std::mem::take(&mut self.carriers.greens[green].limit);
        if limit != 0 && exception == Exception::Timeout(limit) {
            self.ran_out(id, task, parked);
            return;
        }
        if parked == Parked::Readiness && matches!(exception, Exception::Timeout(_)) && self.waits_for_result(id, task)
        {
            // The program's own `except Timeout` around `AsyncResult.get` takes any timeout for "empty".
            self.carriers.greens[green].outcome = Some(Outcome::Empty);
            return;
        }
        self.unwind(id, task, exception);
    }

    /// Whether the wait that was just left was for a result that is still not there.
    fn waits_for_result(&self, id: HubId, task: TaskId) -> bool {
        let interpreter = &self.interpreters[self.carriers.hubs[id].process];
        let link = self.tasks[task].handle();
        let is_result = interpreter.all_shared().any(|sync| matches!(sync, Sync::Result(result) if *result == link));
        is_result && !interpreter.link(link).is_ready()
    }

    /// A wait is over before its time: what was left with others is taken back.
    fn take_back(&mut self, id: HubId, task: TaskId, parked: Parked) {
        let process = self.carriers.hubs[id].process;
        let handle = self.tasks[task].handle();
        match parked {
            Parked::No | Parked::Turn | Parked::Kill => {}
            Parked::Children => unreachable!("a fan-out waits for its branches, whatever is thrown"),
            Parked::Timer | Parked::Thinking => {
                if handle != u32::MAX {
                    self.hub(id).timers.stop(handle);
                }
            }
            Parked::Unit | Parked::Readiness => self.link(process, handle).unlink(task),
            Parked::Idle => self.hub(id).stop_idle(task),
            Parked::Item => match self.interpreters[process].shared_mut(handle as u16) {
                Sync::Queue(queue) => queue.getters.retain(|&getter| getter != task),
                Sync::Channel(channel) => channel.getters.retain(|&getter| getter != task),
                _ => unreachable!("items come from queues and channels"),
            },
            Parked::Room => match self.interpreters[process].shared_mut(handle as u16) {
                Sync::Queue(queue) => queue.putters.retain(|&(putter, _)| putter != task),
                Sync::Channel(channel) => channel.putters.retain(|&(putter, _)| putter != task),
                _ => unreachable!("items go to queues and channels"),
            },
            Parked::Data => self.hub(id).sockets.watch(handle, false),
            Parked::Peer => self.close_call(id, task),
            Parked::Death => {
                let links = &mut self.carriers.greens[GreenId::from_index(handle as usize)].links;
                if let Some(at) =
                    links.iter().position(|&link| link == crate::carrier::hub::greenlet::DeathLink::Join(task))
                {
                    links.remove(at);
                }
            }
            Parked::Deaths => {
                let me = self.tasks[task].green();
                self.end_gather(id, me);
            }
        }
    }

    /// The wait's own limit has passed: what the op comes to.
    fn ran_out(&mut self, id: HubId, task: TaskId, parked: Parked) {
        if parked == Parked::Unit
            && let Then::Notified = self.carriers.greens[self.tasks[task].green()].then
        {
            self.carriers.greens[self.tasks[task].green()].notified = false;
            return;
        }
        if self.fails_as_a_whole(task) {
            // A request does not catch it: it fails.
            return self.unwind(id, task, Exception::Error("Timeout"));
        }
        let green = self.tasks[task].green();
        let handle = self.tasks[task].handle();
        let process = self.carriers.hubs[id].process;
        let outcome = match parked {
            Parked::Unit => Outcome::Bool(false),
            Parked::Readiness => match self.is_semaphore_or_result(id, handle) {
                (true, _) => Outcome::Bool(self.link(process, handle).is_ready()),
                (_, true) if self.link(process, handle).is_ready() => {
                    let limit = Exception::Timeout(0);
                    return self.unwind(id, task, limit);
                }
                (_, true) => Outcome::Empty,
                _ => Outcome::Bool(false),
            },
            Parked::Item => Outcome::Empty,
            Parked::Room => Outcome::Full,
            Parked::Death => Outcome::Bool(self.carriers.greens[GreenId::from_index(handle as usize)].is_dead()),
            Parked::No
            | Parked::Timer
            | Parked::Thinking
            | Parked::Peer
            | Parked::Turn
            | Parked::Idle
            | Parked::Data
            | Parked::Deaths
            | Parked::Children
            | Parked::Kill => unreachable!("these waits have no limits of their own"),
        };
        self.carriers.greens[green].outcome = Some(outcome);
    }

    fn is_semaphore_or_result(&self, id: HubId, link: LinkId) -> (bool, bool) {
        let interpreter = &self.interpreters[self.carriers.hubs[id].process];
        let of = |wanted: fn(&Sync) -> Option<LinkId>| interpreter.all_shared().any(|sync| wanted(sync) == Some(link));
        let semaphore = of(|sync| if let Sync::Semaphore { link, .. } = sync { Some(*link) } else { None });
        let result = of(|sync| if let Sync::Result(link) = sync { Some(*link) } else { None });
        (semaphore, result)
    }

    /// An exception unwinds the body: to the next `finally` clause, to the timeout block that it belongs to, or out of the body.
    pub(super) fn unwind(&mut self, id: HubId, task: TaskId, exception: Exception) {
        let green = self.tasks[task].green();
        // It takes the place of one that flew already.
        let state = &mut self.carriers.greens[green];
        (state.flying, state.clause_done) = (None, false);
        while let Some(micro) = self.carriers.greens[green].micros.pop() {
            if matches!(micro, Micro::DropMutex(_) | Micro::Restore(..)) {
                let state = &mut self.carriers.greens[green];
                state.micros.push(micro);
                state.flying = Some(exception);
                return;
            }
        }
        if self.fails_as_a_whole(task) {
            // Nobody catches it: the request fails, and gives back what it holds on its way out.
            self.stop_guards(id, task);
            return self.fail_task(task);
        }
        while let Some(guard) = self.carriers.greens[green].guards.pop() {
            self.stop_guard(id, guard);
            if exception == Exception::Timeout(guard.serial) {
                self.tasks[task].jump_to(guard.end);
                self.carriers.greens[green].outcome = Some(Outcome::Timeout);
                return;
            }
        }
        self.die(id, task, Some(exception));
    }

    /// The same for a request, which has no outcomes: a unit that was not handed over is taken now.
    #[inline]
    pub(super) fn complete_plain(&mut self, id: HubId, task: TaskId, parked: Parked) {
        let state = &mut self.tasks[task];
        if parked == Parked::Unit && state.news() == News::None {
            let handle = state.handle();
            let process = self.carriers.hubs[id].process;
            self.link(process, handle).take_woken();
            self.tell_unit_of_step(process, task);
        } else if state.news() == News::Granted {
            state.hear(News::None);
        }
    }

    /// The current greenlet was woken: its wait is complete.
    pub(super) fn complete(&mut self, id: HubId, task: TaskId) {
        let parked = self.tasks[task].unpark();
        if parked == Parked::Thinking {
            return self.set_about(id, task);
        }
        let (green, handle) = (self.tasks[task].green(), self.tasks[task].handle());
        let process = self.carriers.hubs[id].process;
        if green.is_none() {
            return self.complete_plain(id, task, parked);
        }
        self.carriers.greens[green].limit = 0;
        match parked {
            Parked::Unit if self.tasks[task].news() == News::Granted => {
                self.tasks[task].hear(News::None);
                // Threads of executors are handed over too.
                let then = self.carriers.greens[green].then;
                if matches!(then, Then::Apply(_) | Then::GoOver | Then::Start(..)) {
                    self.with_unit(id, task, then);
                }
            }
            // A wait that kept the hub has run out.
            Parked::Unit if self.tasks[task].news() == News::Failed => {}
            Parked::Unit => {
                self.link(process, handle).take_woken();
                self.tell_unit_of_step(process, task);
                let then = self.carriers.greens[green].then;
                self.with_unit(id, task, then);
            }
            Parked::Readiness => {
                self.found_ready(id, task, handle);
                if let Some(late) = self.carriers.greens[green].late.take() {
                    self.unwind(id, task, late);
                }
            }
            Parked::Item => self.got_item(id, task, handle),
            Parked::Room => self.carriers.greens[green].outcome = Some(Outcome::Ok),
            Parked::Death => {
                let dead = self.carriers.greens[GreenId::from_index(handle as usize)].is_dead();
                self.carriers.greens[green].outcome = Some(Outcome::Bool(dead));
            }
            Parked::Deaths => self.gather_on(id, task),
            Parked::Kill => self.after_kill(id, task),
            Parked::Data => {
                self.hub(id).sockets.watch(handle, false);
                // The call is tried again: the op is met once more.
                self.tasks[task].meet_again();
            }
            Parked::Idle => self.hub(id).stop_idle(task),
            Parked::Turn | Parked::Timer | Parked::Thinking | Parked::Peer | Parked::Children | Parked::No => {}
        }
    }

    /// The current greenlet has a unit: what it wanted it for.
    pub(super) fn with_unit(&mut self, id: HubId, task: TaskId, then: Then) {
        let green = self.tasks[task].green();
        match then {
            Then::Say => self.carriers.greens[green].outcome = Some(Outcome::Bool(true)),
            Then::Own(sync) => {
                let lock = self.lock_mut(self.carriers.hubs[id].process, sync);
                (lock.owner, lock.count) = (task, 1);
                self.carriers.greens[green].outcome = Some(Outcome::Bool(true));
            }
            Then::Spawn(spawn, child) => self.spawn_now(id, spawn, child),
            Then::Apply(span) => self.apply_now(id, task, span),
            Then::GoOver => self.lend(id, task),
            Then::Start(program, sync) => self.start_natively(id, task, program, sync),
            Then::Step => {}
            Then::Notified => self.carriers.greens[green].notified = true,
            Then::Restored(sync, list) => self.restored(id, task, sync, list),
        }
    }

    /// An event, a result, or a semaphore's unit was there.
    fn found_ready(&mut self, id: HubId, task: TaskId, link: LinkId) {
        let green = self.tasks[task].green();
        let process = self.carriers.hubs[id].process;
        let outcome = match self.is_semaphore_or_result(id, link) {
            (true, _) => Some(Outcome::Bool(self.link(process, link).is_ready())),
            (_, true) => Some(Outcome::Item(self.link(process, link).value)),
            _ if self.is_native_result(id, link) => None,
            _ => Some(Outcome::Bool(true)),
        };
        self.carriers.greens[green].outcome = outcome;
    }
}
