//! A hub at its desk: what a turn of the loop touches, found once for as many turns as follow each other.
//!
//! Most turns are alike. A timer or a callback switches into a greenlet that is no more than a request, and this one goes on to its
//! next sleep; then comes the next timer, or the end of the iteration. Such turns stay here, and whatever else comes up is left to
//! the general way (`turn.rs`), which finds the hub as if it had come there by itself. What a switch, a park and a look at the clock
//! are is written here only.

use super::timers::Purpose;
use super::turn::Phase;
use super::{Callback, Heaviest, Hub, Pending};
use crate::carrier::Carriers;
use crate::carrier::hub::greenlet::{Green, GreenletLife};
use crate::kit::fate::Fates;
use crate::kit::id::{GreenId, HubId, RequestId, Slab, TaskId};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::{Clock, Demand, Thread, bill_task};
use crate::model::Model;
use crate::program::advance::{Effect, Need};
use crate::program::op::Patching;
use crate::program::request::Request;
use crate::program::task::{News, Parked, Task};
use crate::program::wait::StepOf;
use crate::program::wait::Wait;
use crate::python::interpreter::Interpreter;
use crate::python::tasks::next_effect;
use crate::watch::probe::{Fact, Probe, tell};
use crate::watch::trace::{Detail, Greenlet, LoopPhase};
use crate::world::World;

/// What a turn of a hub touches.
pub(super) struct Desk<'w, P> {
    id: HubId,
    pub(super) hub: &'w mut Hub,
    thread: &'w mut Thread,
    tasks: &'w mut Slab<TaskId, Task>,
    requests: &'w mut Slab<RequestId, Request>,
    greens: &'w mut Table<GreenId, Green>,
    probe: &'w mut P,
    now: Time,
}

/// How a row of common turns ends.
pub(super) enum Common {
    /// The hub wants something of the machine.
    Ask(Demand),
    /// The current greenlet wants something that is made elsewhere.
    Effect(TaskId, Effect),
    /// Something else is next.
    Other,
}

/// What is next while no greenlet runs.
enum Next {
    Switched,
    Reified,
    Other,
}

impl<P: Probe> World<'_, P> {
    #[inline(always)]
    pub(super) fn desk(&mut self, id: HubId) -> Desk<'_, P> {
        let World { threads, carriers, tasks, requests, probe, now, .. } = self;
        let Carriers { hubs, greens, .. } = carriers;
        let hub = &mut hubs[id];
        let thread = &mut threads[hub.thread];
        Desk { id, hub, thread, tasks, requests, greens, probe, now: *now }
    }

    /// Runs common turns until something else is next.
    pub(super) fn common_turns(&mut self, id: HubId) -> Common {
        let World {
            threads, carriers, processes, interpreters, tasks, requests, probe, now, model, fates, steps, ..
        } = self;
        let Carriers { hubs, greens, .. } = carriers;
        let hub = &mut hubs[id];
        let process = &processes[hub.process];
        let interpreter = &mut interpreters[hub.process];
        let thread = &mut threads[hub.thread];
        let mut desk = Desk { id, hub, thread, tasks, requests, greens, probe, now: *now };
        loop {
            if desk.hub.current.is_none() {
                match desk.next() {
                    Next::Switched => {}
                    Next::Reified => return Common::Ask(Demand::PAY),
                    Next::Other => return Common::Other,
                }
            }
            let task = desk.hub.current;
            match desk.effect(task, model, fates, steps) {
                None => return Common::Other,
                Some(Effect::Wait { need: Need::Timer(span), patching: Patching::Patched, .. }) if !span.is_zero() => {
                    desk.sleep(task, span);
                }
                Some(Effect::Wait { need: Need::Unit { sync }, patching: Patching::Patched, limit }) => {
                    let wait = model.syncs[usize::from(sync)].wait();
                    desk.unit(interpreter, task, sync, limit, wait);
                }
                Some(Effect::GiveBack { sync })
                    if !interpreter.has_gil() && interpreter.is_handed_off(sync) && desk.serves(task) =>
                {
                    desk.hand_off(interpreter, sync);
                }
                Some(Effect::Yield) if !model.workers[process.worker()].zero_timers => desk.yield_turn(task, 0),
                Some(effect) => return Common::Effect(task, effect),
            }
        }
    }

    #[inline]
    pub(super) fn owe_and_look(&mut self, id: HubId, cost: Span, looks: u64) {
        self.desk(id).owe_and_look(cost, looks);
    }

    pub(super) fn refresh_clock(&mut self, id: HubId) {
        self.owe_and_look(id, Span::ZERO, 1);
    }

    /// Parks the current greenlet; the loop goes on.
    pub(super) fn park_as(&mut self, id: HubId, task: TaskId, parked: Parked) {
        self.desk(id).park_as(task, parked);
        if matches!(parked, Parked::Unit | Parked::Item | Parked::Room) {
            self.name_wait_as(task, self.wait_of_step(task));
        }
    }

    /// Says what a request waits for that has just parked for something shared.
    pub(super) fn name_wait_as(&mut self, task: TaskId, wait: Wait) {
        name_wait(&self.tasks[task], &mut self.requests, &mut self.probe, self.now, wait);
    }

    /// Starts the timer of a sleep.
    pub(super) fn sleep_on_hub(&mut self, id: HubId, task: TaskId, span: Span) {
        self.desk(id).start_sleep(task, span);
    }

    /// The current greenlet goes to the tail of the callbacks.
    pub(super) fn give_way(&mut self, id: HubId, task: TaskId) {
        // The ticket is that of its wait, which begins now.
        let green = self.tasks[task].green();
        let ticket = if green.is_some() { self.carriers.greens[green].ticket + 1 } else { 0 };
        self.desk(id).yield_turn(task, ticket);
    }

    /// Parks the current greenlet for so long.
    pub(super) fn sleep(&mut self, id: HubId, task: TaskId, span: Span) {
        self.desk(id).sleep(task, span);
    }

    pub(super) fn switch_to_loop(&mut self, id: HubId) {
        self.desk(id).switch_to_loop();
    }

    /// Switches into a greenlet that is ready.
    pub(super) fn switch_to(&mut self, id: HubId, task: TaskId) {
        self.desk(id).switch_to(task);
    }
}

impl<P: Probe> Desk<'_, P> {
    /// The hub's own time: the world's, and what its thread has not paid yet.
    #[inline(always)]
    fn local(&self) -> Time {
        self.now + self.thread.owed()
    }

    /// Owes a cost and so many looks at the clock, and knows the time after the last of them.
    #[inline(always)]
    fn owe_and_look(&mut self, cost: Span, looks: u64) {
        self.thread.owe(cost + self.hub.costs.clock * looks);
        self.hub.clock = self.local();
    }

    #[inline(always)]
    fn switch_to_loop(&mut self) {
        self.thread.owe(self.hub.costs.switch);
        let now = self.local();
        let task = std::mem::replace(&mut self.hub.current, TaskId::NONE);
        self.hub.held_max = self.hub.held_max.max(now.since(self.hub.active_at));
        if task.is_some() {
            let Heaviest { program, pc, .. } = self.hub.heaviest;
            let (hub, step) = (self.id.index() as u32, StepOf { program, pc });
            self.probe.on(self.now, Fact::HubHeld { hub, step, from: self.hub.active_at, to: now });
        }
        self.hub.active_at = now;
    }

    /// The loop comes to its next phase.
    #[inline(always)]
    pub(super) fn tell_phase(&mut self, phase: LoopPhase) {
        if P::DETAIL {
            let detail = Detail::Phase { hub: self.id, phase, now: self.local(), waiting: self.hub.waiting() };
            tell(self.probe, self.now, detail);
        }
    }

    #[inline(always)]
    fn switch_to(&mut self, task: TaskId) {
        let now = self.local();
        let state = &self.tasks[task];
        let hub = self.id.index() as u32;
        self.probe.on(self.now, Fact::HubRan { hub, program: state.program(), ready: state.ready_since(), now });
        assert!(
            state.green().is_none() || self.greens[state.green()].life == GreenletLife::Begun,
            "only who has begun and lives goes on"
        );
        bill_task(state, self.requests, self.probe, Clock { now: self.now, at: self.now }, Wait::Cpu);
        if P::DETAIL {
            let (request, program, ready) = (state.request(), state.program(), state.ready_since());
            let (waiting, branch) = (self.hub.waiting(), state.parent().is_some());
            let greenlet = Greenlet { hub: self.id, task, request, program, branch };
            tell(self.probe, self.now, Detail::Switched { greenlet, ready, now, waiting });
        }
        assert!(self.hub.current.is_none(), "a hub runs one greenlet at a time");
        self.hub.current = task;
        self.hub.heaviest = Heaviest { program: state.program(), ..Heaviest::default() };
        self.hub.active_at = now;
    }

    #[inline(always)]
    fn park_as(&mut self, task: TaskId, parked: Parked) {
        let wait = match parked {
            Parked::Timer | Parked::Thinking => Wait::Timer,
            Parked::Peer | Parked::Data | Parked::Children => Wait::Peer,
            Parked::No | Parked::Turn => Wait::Hub,
            Parked::Unit
            | Parked::Readiness
            | Parked::Idle
            | Parked::Item
            | Parked::Room
            | Parked::Death
            | Parked::Deaths
            | Parked::Kill => Wait::Lock,
        };
        self.park_for(task, parked, wait);
    }

    /// Parks the current greenlet, whose request waits for this by name.
    #[inline(always)]
    fn park_for(&mut self, task: TaskId, parked: Parked, wait: Wait) {
        let ready_since = self.local();
        let state = &mut self.tasks[task];
        state.park(parked);
        state.ready_from(ready_since);
        if state.green().is_some() {
            self.greens[state.green()].ticket += 1;
        }
        bill_task(state, self.requests, self.probe, Clock { now: self.now, at: self.now }, wait);
        self.switch_to_loop();
    }

    #[inline(always)]
    fn sleep(&mut self, task: TaskId, span: Span) {
        self.start_sleep(task, span);
        self.park_as(task, Parked::Timer);
    }

    /// The greenlet goes to the tail of the callbacks.
    #[inline(always)]
    fn yield_turn(&mut self, task: TaskId, ticket: u32) {
        self.park_as(task, Parked::Turn);
        self.hub.callbacks.push_back(Callback::Turn(task, ticket));
    }

    #[inline(always)]
    fn start_sleep(&mut self, task: TaskId, span: Span) {
        // In a batch of callbacks the clock is old: gevent looks once more.
        let looks = if matches!(self.hub.phase, Phase::Callbacks { .. }) { 2 } else { 1 };
        self.owe_and_look(self.hub.costs.timer, looks);
        self.tasks[task].wait_for(self.hub.timers.start(self.hub.clock + span, Purpose::Wake, task));
    }

    /// The current greenlet takes a unit, or waits for one.
    #[inline(always)]
    fn unit(&mut self, interpreter: &mut Interpreter, task: TaskId, sync: u16, limit: Option<Span>, wait: Wait) {
        let (link, _) = interpreter.shelf(sync);
        let shelf = interpreter.link_mut(link);
        if shelf.take() {
            if P::DETAIL {
                let (process, request) = (self.hub.process, self.tasks[task].request());
                tell(self.probe, self.now, Detail::Unit { process, sync, request, taken: true });
            }
            return;
        }
        if let Some(limit) = limit {
            let (timer, at) = self.start_timeout(task, limit);
            let state = &mut self.tasks[task];
            state.give_up_by(timer, at);
        }
        shelf.push(task);
        self.tasks[task].wait_for(link);
        self.park_for(task, Parked::Unit, wait);
    }

    /// `Timeout.start`: its timer, on a fresh clock, and when it is due.
    #[inline(always)]
    pub(super) fn start_timeout(&mut self, task: TaskId, limit: Span) -> (u32, Time) {
        self.owe_and_look(self.hub.costs.timer, 1);
        let at = self.hub.clock + limit;
        (self.hub.timers.start(at, Purpose::Limit, task), at)
    }

    /// Whether a task is that of a request.
    fn serves(&self, task: TaskId) -> bool {
        self.tasks[task].request().is_some()
    }

    /// A unit comes back and goes to who has waited longest, or to the shelf.
    #[inline(always)]
    fn hand_off(&mut self, interpreter: &mut Interpreter, sync: u16) {
        let (link, _) = interpreter.shelf(sync);
        let of = self.hub.process;
        if P::DETAIL {
            let request = self.tasks[self.hub.current].request();
            tell(self.probe, self.now, Detail::Unit { process: of, sync, request, taken: false });
        }
        let shelf = interpreter.link_mut(link);
        let Some(waiter) = shelf.hand_off() else { return };
        let state = &mut self.tasks[waiter];
        state.hear(News::Granted);
        let timer = state.take_limit_timer();
        state.give_up_at(Time::NEVER);
        state.ready_from(self.now + self.thread.owed());
        if timer != u32::MAX {
            self.hub.timers.stop(timer);
        }
        tell(self.probe, self.now, Detail::Unit { process: of, sync, request: state.request(), taken: true });
        bill_task(state, self.requests, self.probe, Clock { now: self.now, at: self.now }, Wait::Hub);
        let ticket = if state.green().is_some() { self.greens[state.green()].ticket } else { 0 };
        self.hub.callbacks.push_back(Callback::Turn(waiter, ticket));
    }

    /// The poll has returned: it and what woke the thread are owed, and due timers become pending.
    #[inline(always)]
    pub(super) fn after_poll(&mut self, wake: Span) {
        self.owe_and_look(self.hub.costs.poll + wake, 1);
        self.expire();
    }

    /// Step 4: due timers become pending, so that the earliest runs first.
    #[inline(always)]
    fn expire(&mut self) {
        let Hub { timers, pending, limits, clock, bell, rings, .. } = &mut *self.hub;
        let (first, first_limit) = (pending.len(), limits.len());
        while let Some((at, timer, purpose, task)) = timers.expire(*clock) {
            match purpose {
                Purpose::Limit | Purpose::Gather => limits.push(timer),
                Purpose::Wake | Purpose::Start => {
                    pending.push(Pending::Timer(timer));
                    let task = &mut self.tasks[task];
                    task.ready_from(at);
                    // While a request has fanned out, its bill says so, whatever its runs do.
                    let speaks = task.request().is_some() && task.parent().is_none();
                    if speaks && !self.requests[task.request()].is_answered() {
                        tell(self.probe, self.now, Detail::turned(task.request(), at.min(self.now), Wait::Hub));
                        self.requests[task.request()].turn(at.min(self.now), Wait::Hub);
                    }
                }
            }
        }
        *rings = *bell <= *clock;
        pending[first..].reverse();
        limits[first_limit..].reverse();
    }

    /// The next turn of the loop, if it is a common one.
    #[inline(always)]
    fn next(&mut self) -> Next {
        if self.hub.underway.is_some() {
            return Next::Other;
        }
        match self.hub.phase {
            Phase::Invoke => match self.hub.pending.last() {
                Some(&Pending::Timer(timer)) => self.timer(timer),
                Some(_) => Next::Other,
                None if self.hub.limits.is_empty() && !self.hub.rings => {
                    self.tell_phase(LoopPhase::Callbacks);
                    self.hub.begin_batch();
                    if self.hub.callbacks.is_empty() { self.end_of_batch() } else { Next::Other }
                }
                None => Next::Other,
            },
            Phase::Callbacks { count, deadline } => match self.hub.callbacks.front() {
                Some(&Callback::Turn(task, _)) if count > 0 => {
                    self.turn(task, Phase::Callbacks { count: count - 1, deadline })
                }
                Some(_) => Next::Other,
                None => self.end_of_batch(),
            },
            Phase::Reify | Phase::Poll => Next::Other,
        }
    }

    /// A sleep may be over.
    #[inline(always)]
    fn timer(&mut self, timer: u32) -> Next {
        let Some(task) = self.hub.timers.run_if(timer, Purpose::Wake) else { return Next::Other };
        self.hub.pending.pop();
        self.tasks[task].take_handle();
        self.switch_to(task);
        Next::Switched
    }

    /// A callback switches to a greenlet; its turn is its own if it is no more than a request.
    #[inline(always)]
    fn turn(&mut self, task: TaskId, phase: Phase) -> Next {
        if self.tasks.get(task).is_none_or(|state| state.green().is_some()) {
            return Next::Other;
        }
        self.hub.callbacks.pop_front();
        self.hub.phase = phase;
        self.switch_to(task);
        Next::Switched
    }

    /// No callback is left: a look at the clock, and another one when epoll has learned what changed.
    #[inline(always)]
    fn end_of_batch(&mut self) -> Next {
        self.owe_and_look(Span::ZERO, 2);
        self.tell_phase(LoopPhase::Poll);
        self.hub.phase = Phase::Poll;
        Next::Reified
    }

    /// What the current greenlet wants, if it only goes on with its program.
    #[inline(always)]
    fn effect(&mut self, task: TaskId, model: &Model, fates: &Fates, steps: &mut u64) -> Option<Effect> {
        let state = &mut self.tasks[task];
        let begins = state.news() == News::Begun && state.request().is_some();
        let takes_unit = state.parked() == Parked::Unit && state.news() == News::None;
        let is_plain = state.green().is_none() && state.parked() != Parked::Thinking;
        if !is_plain || begins || takes_unit || self.hub.deferred.is_some() || *steps >= model.limits.events_per_instant
        {
            return None;
        }
        *steps += 1;
        if state.unpark() != Parked::No && state.news() == News::Granted {
            state.hear(News::None);
        }
        Some(next_effect(state, self.requests, model, fates))
    }
}

/// Says what a request waits for that has just parked for something shared.
#[inline(always)]
fn name_wait<P: Probe>(task: &Task, requests: &mut Slab<RequestId, Request>, probe: &mut P, now: Time, wait: Wait) {
    if task.request().is_some() && task.parent().is_none() && requests[task.request()].wait() == Wait::Lock {
        tell(probe, now, Detail::Named { request: task.request(), wait });
        requests[task.request()].name_wait(wait);
    }
}
