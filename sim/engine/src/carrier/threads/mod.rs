//! The threaded carrier: what a bare operating-system thread makes of effects.
//!
//! A wait, patched or not, takes the thread off its core and lets go of the GIL. `sleep(0)` lets go of the GIL and goes to the
//! tail of the run queue. Costs of the server's own work are owed first and paid before anything else can see their result.

pub(crate) mod linger;
pub(crate) mod polled;
pub(crate) mod pool;
pub(crate) mod shared;
mod thread_pool;

pub(in crate::carrier) use thread_pool::ThreadPool;

use crate::carrier::above::LifeForCarrier;
use crate::carrier::above::StartupForCarrier;
use crate::kit::id::{CallId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::above::CarrierForMachine;
use crate::machine::warmth::Part;
use crate::machine::{Demand, Role};
use crate::net::After;
use crate::peer::Caller;
use crate::program::advance::{Effect, Need};
use crate::program::op::Op;
use crate::program::task::{News, Parked};
use crate::program::wait::Wait;
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::Detail;
use crate::world::World;

/// Python that runs between two calls at least: coming back from one takes the GIL, whatever follows. Of the order of a bytecode.
pub(in crate::carrier) const RETURN: Span = Span::from_ns(100);

impl<P: Probe> World<'_, P> {
    #[inline(always)]
    pub(super) fn bare_demand(&mut self, thread: ThreadId) -> Demand {
        loop {
            let state = &self.carriers.threads[thread];
            let (task, pieces, defers) = (state.task, state.pieces.0, state.deferred.is_some());
            let demand = if pieces > 0 {
                self.next_piece(thread)
            } else if defers {
                self.perform_due(thread, task)
            } else if task.is_none() {
                self.find_work(thread)
            } else {
                self.go_on_with_task(thread, task)
            };
            match demand {
                Some(Demand::Cpu { span, .. }) if span.is_zero() && self.threads[thread].is_paid_up() => {
                    // Nothing to pay and nothing to do: the machine would ask again at once.
                    self.threads[thread].needs_no_gil();
                }
                Some(demand) => return demand,
                None => {}
            }
        }
    }

    fn perform_due(&mut self, thread: ThreadId, task: TaskId) -> Option<Demand> {
        let effect = self.carriers.threads[thread].deferred.take()?;
        self.perform(thread, task, effect)
    }

    /// Runs a thread's task to its next effect. `None`: the thread goes on at once.
    #[inline(always)]
    fn go_on_with_task(&mut self, thread: ThreadId, task: TaskId) -> Option<Demand> {
        if self.tasks[task].parked() == Parked::No {
            self.tasks[task].give_up_at(Time::NEVER);
        } else if self.carriers.threads[thread].polls.is_some()
            && let Some(demand) = self.poll_again(thread, task)
        {
            return Some(demand);
        } else if let Some(demand) = self.retry_unit(thread) {
            return Some(demand);
        }
        if std::mem::take(&mut self.carriers.threads[thread].returns) {
            return Some(Demand::Cpu { span: RETURN, gil: true });
        }
        let effect = self.advance_task(task);
        match effect {
            Effect::Burn(span) => Some(Demand::Cpu { span: self.first_piece(thread, span), gil: true }),
            Effect::Native(span) => {
                self.drop_gil(thread);
                self.threads[thread].computes_natively(true);
                Some(Demand::Cpu { span, gil: false })
            }
            Effect::Exit => Some(self.pay_before_exit(thread, task)),
            Effect::Do(Op::Respond) => Some(self.pay_before_response(thread, task)),
            Effect::Leave if self.is_guest(thread) && !self.is_left_alone(task) => {
                self.go_home(thread, task);
                None
            }
            Effect::Leave if !self.has_to_give_back(task) => None,
            Effect::Wait { .. } | Effect::Yield | Effect::GiveBack { .. } | Effect::Do(_) | Effect::Leave => {
                if self.threads[thread].is_paid_up() {
                    return self.perform(thread, task, effect);
                }
                self.carriers.threads[thread].deferred = Some(effect);
                Some(Demand::PAY)
            }
        }
    }

    /// A task's program is done: what its end costs comes first.
    #[inline(always)]
    fn pay_before_exit(&mut self, thread: ThreadId, task: TaskId) -> Demand {
        self.drop_gil(thread);
        if self.is_branch(thread) || self.is_left_alone(task) {
            self.carriers.threads[thread].deferred = Some(Effect::Exit);
            return Demand::PAY;
        }
        let process = self.threads[thread].process();
        let after = self.worker(process).releases.after;
        let respond = if self.is_answered(task) { Span::ZERO } else { self.respond_work(task) };
        let piece = if after == 0 { respond } else { respond / (u64::from(after) + 1) };
        self.threads[thread].owe(piece);
        let state = &mut self.carriers.threads[thread];
        (state.pieces, state.deferred) = ((after, piece), Some(Effect::Exit));
        Demand::PAY
    }

    /// The response is sent before the program is over: what that costs comes first.
    #[cold]
    fn pay_before_response(&mut self, thread: ThreadId, task: TaskId) -> Demand {
        self.drop_gil(thread);
        let respond = self.respond_work(task);
        self.threads[thread].owe(respond);
        let state = &mut self.carriers.threads[thread];
        (state.deferred, state.returns) = (Some(Effect::Do(Op::Respond)), true);
        Demand::PAY
    }

    /// Whether the response to a task's request has left, or is leaving.
    pub(in crate::carrier) fn is_answered(&self, task: TaskId) -> bool {
        let request = self.tasks[task].request();
        request.is_some() && self.requests[request].is_answered()
    }

    /// The server's own Python before the application runs lets go of the GIL now and then: only its first piece.
    fn first_piece(&mut self, thread: ThreadId, span: Span) -> Span {
        let state = &mut self.carriers.threads[thread];
        if !std::mem::take(&mut state.fresh) {
            return span;
        }
        let worker = self.processes[self.threads[thread].process()].worker();
        let before = self.model.workers[worker].releases.before;
        let piece = span / (u64::from(before) + 1);
        state.pieces = (before, piece);
        piece
    }

    /// Python that lets go of the GIL so many times in between.
    pub(crate) fn in_pieces(&mut self, thread: ThreadId, span: Span, releases: u8) -> Demand {
        let piece = span / (u64::from(releases) + 1);
        self.carriers.threads[thread].pieces = (releases, piece);
        Demand::Cpu { span: piece, gil: true }
    }

    /// The next piece of it, after a system call that returned at once.
    #[inline(never)]
    pub(crate) fn next_piece(&mut self, thread: ThreadId) -> Option<Demand> {
        let (left, piece) = &mut self.carriers.threads[thread].pieces;
        if *left == 0 {
            return None;
        }
        *left -= 1;
        let span = *piece;
        self.drop_gil(thread);
        Some(Demand::Cpu { span, gil: true })
    }

    /// Does what takes no CPU time. `None`: the thread goes on at once.
    #[inline(always)]
    fn perform(&mut self, thread: ThreadId, task: TaskId, effect: Effect) -> Option<Demand> {
        match effect {
            Effect::Wait { need, limit, .. } => self.wait_on_thread(thread, task, need, limit),
            Effect::Yield => {
                self.drop_gil(thread);
                let host = self.processes[self.threads[thread].process()].host();
                self.machine.is_wanted(host).then_some(Demand::Yield)
            }
            Effect::GiveBack { sync } => {
                self.give_back_on_thread(thread, task, sync);
                None
            }
            Effect::Do(op) => self.perform_on_thread(thread, task, op),
            Effect::Leave => {
                self.give_back_all(task, |world, op| match op {
                    Op::Release { sync } => world.give_back_on_thread(thread, task, sync),
                    op => world.share(world.threads[thread].process(), task, op, false),
                });
                None
            }
            Effect::Exit if self.is_left_alone(task) => {
                self.carriers.threads[thread].task = TaskId::NONE;
                self.carriers.threads[thread].deadlines.clear();
                self.end_left_alone(task);
                None
            }
            Effect::Exit if self.is_branch(thread) => {
                self.carriers.threads[thread].task = TaskId::NONE;
                let parent = self.tasks[task].parent();
                if self.end_branch(task) {
                    self.wake_bare(parent, Wait::Core);
                }
                None
            }
            Effect::Exit => {
                self.drop_gil(thread);
                if let Some(hold) = self.hold_for_write(task) {
                    self.carriers.threads[thread].deferred = Some(effect);
                    self.wake_at(thread, self.now + hold);
                    return Some(Demand::Wait);
                }
                let state = &mut self.carriers.threads[thread];
                state.task = TaskId::NONE;
                state.deadlines.clear();
                let after = self.finish(task);
                self.is_done_with(thread, after).then_some(Demand::Wait)
            }
            Effect::Burn(_) | Effect::Native(_) => unreachable!("CPU time is never deferred"),
        }
    }

    /// What a thread does with the connection of a request that it has answered; true if it waits for the client's close.
    #[inline(always)]
    fn is_done_with(&mut self, thread: ThreadId, after: After) -> bool {
        match after {
            After::Over => {}
            After::Kept(conn) => {
                let process = self.net.conn(conn).process();
                self.carriers.pools[process].keeps_one_more();
                self.has_finished_on(process);
            }
            After::HandsOn(finished) => self.finish_later(self.threads[thread].process(), finished),
            After::Lingers(request) => return self.close_gracefully(request, thread),
        }
        false
    }

    /// A unit comes back, and its next owner wakes up.
    #[inline(always)]
    pub(crate) fn give_back_on_thread(&mut self, thread: ThreadId, task: TaskId, sync: u16) {
        let process = self.threads[thread].process();
        if self.is_guest(thread) {
            return self.give_back_from_native(thread, task, sync);
        }
        if let Some(waiter) = self.give_back(process, sync, task) {
            self.wake_bare(waiter, Wait::Core);
        }
    }

    /// Parks a whole thread: a bare one, or a hub in a call that gevent could not patch.
    #[inline(always)]
    pub(crate) fn wait_on_thread(
        &mut self,
        thread: ThreadId,
        task: TaskId,
        need: Need,
        limit: Option<Span>,
    ) -> Option<Demand> {
        let deadline = self.deadline(thread).max(self.now);
        let wake_at = limit.map_or(Time::NEVER, |limit| self.now + limit).min(deadline);
        self.tasks[task].give_up_at(wake_at);
        let (parked, wake_at, wait) = match need {
            Need::Timer(span) => (Parked::Timer, (self.now + span).min(deadline), Wait::Timer),
            Need::Reply { peer, .. } if !self.may_call(task, peer) => return None,
            Need::Reply { peer, takes } => {
                let call = self.call(peer, takes, task, Caller::Thread(thread), self.now);
                self.tasks[task].wait_for(call.index() as u32);
                (Parked::Peer, wake_at, Wait::Peer)
            }
            Need::Unit { sync } => {
                let process = self.threads[thread].process();
                let (link, _) = self.shelf(process, sync);
                if self.take_unit(process, link) {
                    self.tell_unit(process, sync, task, true);
                    return None;
                }
                self.queue_for_unit(process, link, task);
                (Parked::Unit, wake_at, self.wait_of_step(task))
            }
        };
        if parked == Parked::Unit && wake_at != Time::NEVER && self.polls(thread) {
            self.tasks[task].park(parked);
            return Some(self.begin_to_poll(thread, wake_at));
        }
        self.leave_python(thread);
        self.tasks[task].park(parked);
        self.bill(task, self.now, wait);
        self.wake_at(thread, wake_at);
        Some(Demand::Wait)
    }

    /// Lets go of the GIL for a call that waits; coming back from it takes the GIL.
    #[inline(always)]
    pub(crate) fn leave_python(&mut self, thread: ThreadId) {
        self.drop_gil(thread);
        let process = self.threads[thread].process();
        self.carriers.threads[thread].returns = self.interpreters[process].has_gil();
    }

    /// A task that was woken for a unit takes it, unless it was handed one or gave up. Else somebody was faster, and it waits again.
    fn retry_unit(&mut self, thread: ThreadId) -> Option<Demand> {
        let task = self.carriers.threads[thread].task;
        let process = self.threads[thread].process();
        let state = &mut self.tasks[task];
        let parked = state.unpark();
        if matches!(parked, Parked::Item | Parked::Room) && state.news() == News::None {
            // Somebody made it worth another look: the op is met once more.
            state.meet_again();
            return None;
        }
        state.give_up_at(if parked == Parked::Unit { state.limit_at() } else { Time::NEVER });
        if parked != Parked::Unit || state.news() == News::Failed {
            return None;
        }
        let (link, wake_at) = (state.handle(), state.limit_at().max(self.now));
        if state.take_news() == News::Granted {
            return None;
        }
        if self.take_unit(process, link) {
            self.tell_unit_of_step(process, task);
            return None;
        }
        self.queue_for_unit(process, link, task);
        if wake_at != Time::NEVER && self.polls(thread) {
            self.tasks[task].park(Parked::Unit);
            return Some(self.begin_to_poll(thread, wake_at));
        }
        self.drop_gil(thread);
        self.tasks[task].park(Parked::Unit);
        self.bill(task, self.now, self.wait_of_step(task));
        self.wake_at(thread, wake_at);
        Some(Demand::Wait)
    }

    /// A parked thread's own time has come: a sleep is over, or a limit has passed.
    #[inline(always)]
    pub(crate) fn wake_event(&mut self, thread: ThreadId) {
        let state = &self.threads[thread];
        if !state.sleeps_until(self.now) {
            return;
        }
        let process = state.process();
        self.carriers.threads[thread].lingers_for = RequestId::NONE;
        let (task, deadline) = (self.current_task(thread), self.deadline(thread));
        if task.is_some() && self.carriers.threads[thread].polls.is_none() {
            self.limit_passed(process, task, deadline);
        }
        self.make_ready(thread);
    }

    /// What a task waited for did not come in time; a sleep that is over is no failure.
    pub(crate) fn limit_passed(&mut self, process: ProcessId, task: TaskId, deadline: Time) {
        match self.tasks[task].parked() {
            Parked::Peer => self.abandon_call(task, CallId::from_index(self.tasks[task].handle() as usize)),
            Parked::Unit => self.leave_queue(process, task),
            Parked::Timer if deadline <= self.now => self.fail_task(task),
            Parked::Item | Parked::Room | Parked::Readiness => self.leave_shared(process, task),
            _ => {}
        }
    }

    /// Wakes the thread of a bare task.
    pub(crate) fn wake_bare(&mut self, task: TaskId, wait: Wait) {
        let thread = self.tasks[task].thread();
        if let Some(polls) = &mut self.carriers.threads[thread].polls {
            return polls.notify();
        }
        self.bill(task, self.now, wait);
        self.make_ready(thread);
    }

    /// A thread without a task looks for one. `None`: look again.
    #[inline(always)]
    fn find_work(&mut self, thread: ThreadId) -> Option<Demand> {
        match self.threads[thread].role() {
            Role::Server => self.accept_for_itself(thread),
            Role::Acceptor => Some(self.accept_for_pool(thread)),
            Role::PoolServer => self.take_from_pool(thread),
            Role::Helper | Role::Native(_) => {
                if !self.threads[thread].is_paid_up() {
                    return Some(Demand::PAY);
                }
                let process = self.threads[thread].process();
                self.carriers.pools[process].helps_no_more(thread);
                Some(Demand::Wait)
            }
            _ => unreachable!("the others have their own loops"),
        }
    }

    /// A thread pays what it owes, then waits for its turn to accept.
    fn wait_to_accept(&mut self, listener: usize, thread: ThreadId) -> Demand {
        let demand = self.pay_or_wait(thread);
        if demand != Demand::Wait {
            return demand;
        }
        if !self.startups.is_empty() {
            return self.creates_another(thread);
        }
        self.net.blocks_in_accept(listener, thread);
        demand
    }

    /// A thread serves a request.
    #[inline(always)]
    fn begin_on(&mut self, request: RequestId, thread: ThreadId) {
        let task = self.begin(request, thread);
        let state = &mut self.carriers.threads[thread];
        (state.task, state.fresh) = (task, true);
    }

    /// A thread that has accepted a connection without its bytes waits for them, then serves it.
    #[inline(never)]
    fn read_on(&mut self, request: RequestId, thread: ThreadId) -> Option<Demand> {
        if self.net.link(request).is_dataless() {
            return Some(self.pay_or_wait(thread));
        }
        self.carriers.threads[thread].reads = RequestId::NONE;
        self.begin_on(request, thread);
        None
    }

    #[inline(always)]
    fn accept_for_itself(&mut self, thread: ThreadId) -> Option<Demand> {
        let reads = self.carriers.threads[thread].reads;
        if reads.is_some() {
            return self.read_on(reads, thread);
        }
        tell(&mut self.probe, self.now, Detail::Looks { thread });
        let process = self.threads[thread].process();
        let listener = self.processes[process].socket();
        if self.is_stopping(process) {
            self.ends_turn(listener, thread);
            return Some(self.pay_or_wait(thread));
        }
        if self.waits_for_turn(listener, thread) {
            return Some(self.wait_to_accept(listener, thread));
        }
        if self.accept_fails(process) {
            return Some(self.accept_again(thread));
        }
        let Some(request) = self.accept(process) else {
            self.ends_turn(listener, thread);
            return Some(self.wait_to_accept(listener, thread));
        };
        self.ends_turn(listener, thread);
        let away = self.pause_of(thread);
        let cost = self.own_work(process, Part::Accept, away);
        self.threads[thread].owe(cost);
        if self.reads_later_on(request, thread) {
            self.carriers.threads[thread].reads = request;
            return Some(Demand::PAY);
        }
        self.begin_on(request, thread);
        None
    }
}
