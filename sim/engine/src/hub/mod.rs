//! The cooperative carrier: a gevent hub. One thread, one loop, greenlets that run until they let go.
//!
//! After gevent 26.9 over libev 4.33 (`ev.c:ev_run`, `corecext.pyx:_run_callbacks`). One iteration: the callbacks, first in first
//! out, with a look at the clock after every 50th and an end of the batch after 5 ms; epoll learns what changed; poll; the
//! timers that are due; then the pending watchers, priority by priority, the last made pending first.
//! The files: `timers.rs` libev's heap, `poll.rs` sockets and epoll, `units.rs` locks and pools, `server.rs` accepting.
//!
//! What the loop's own work costs is owed by its thread and paid before anything outside can see a result: the loop's clock is
//! the world's plus what is owed. A burn keeps the whole hub; a call that gevent could not patch parks the whole thread.

pub(crate) mod poll;
mod server;
pub(crate) mod timers;
mod units;

use std::collections::VecDeque;

use crate::advance::{Effect, Need};
use crate::id::{HubId, ProcessId, TaskId, ThreadId};
use crate::machine::Demand;
use crate::model::Costs;
use crate::op::Patching;
use crate::peer::Caller;
use crate::probe::{Fact, Probe};
use crate::record::Wait;
use crate::task::Parked;
use crate::time::{Span, Time};
use crate::world::{Event, World};
use poll::{LISTENER, Sockets};
use timers::{Purpose, Timers};
use units::Notifier;

/// Callbacks between two looks at the clock: gevent 26.9, `corecext.pyx`, `CALLBACK_CHECK_COUNT`.
const CALLBACK_CHECK_COUNT: u32 = 50;
/// How late the kernel ends a timed wait: Linux's default timer slack.
const TIMER_SLACK: Span = Span::from_us(50);
/// `epoll_wait` counts in these.
const MILLISECOND: u64 = 1_000_000;

/// One hub at run time.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) process: ProcessId,
    pub(crate) thread: ThreadId,
    /// The greenlet that runs; none while the loop itself does.
    pub(crate) current: TaskId,
    /// Whether the thread is blocked in the poll.
    pub(crate) polling: bool,
    pub(crate) sockets: Sockets,
    /// Greenlets that may still be started for requests.
    free: u32,
    callbacks: VecDeque<Callback>,
    timers: Timers,
    /// Pending watchers of priority 0.
    pending: Vec<Pending>,
    /// Due limits, of priority -1.
    limits: Vec<u32>,
    notifier: Option<Notifier>,
    /// The loop's cached clock.
    clock: Time,
    phase: Phase,
}

/// Something that the loop will do in its next batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Callback {
    /// Switch to a greenlet, for the first time or after `sleep(0)`.
    Switch(TaskId),
    /// Go through the waiters of a lock or pool.
    Notify(u16),
}

/// A watcher whose turn comes in step 6.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pending {
    Sock(u32),
    Timer(u32),
}

/// Where the loop is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Running callbacks: so many until the next look at the clock, at which the batch ends from this instant on.
    Callbacks { count: u32, deadline: Time },
    /// Telling epoll what changed, then polling.
    Reify,
    /// In the poll.
    Poll,
    /// Running pending watchers.
    Invoke,
}

impl Hub {
    pub(crate) fn new(process: ProcessId, thread: ThreadId, greenlets: u32) -> Hub {
        let mut sockets = Sockets::new();
        sockets.watch(LISTENER, true);
        Hub {
            process,
            thread,
            current: TaskId::NONE,
            polling: false,
            sockets,
            free: greenlets,
            callbacks: VecDeque::new(),
            timers: Timers::default(),
            pending: Vec::new(),
            limits: Vec::new(),
            notifier: None,
            clock: Time::ZERO,
            phase: Phase::Reify,
        }
    }
}

impl<P: Probe> World<'_, P> {
    fn hub(&mut self, id: HubId) -> &mut Hub {
        &mut self.hubs[id.index()]
    }

    fn hub_costs(&self, id: HubId) -> &Costs {
        &self.model.workers[self.processes[self.hubs[id.index()].process.index()].worker].costs
    }

    fn owe(&mut self, id: HubId, cost: Span) {
        let thread = &mut self.threads[self.hubs[id.index()].thread.index()];
        thread.owed += cost;
    }

    /// The hub's own time: the world's, and what its thread has not paid yet.
    fn local(&self, id: HubId) -> Time {
        self.now + self.threads[self.hubs[id.index()].thread.index()].owed
    }

    fn refresh_clock(&mut self, id: HubId) {
        self.owe(id, self.hub_costs(id).clock);
        self.hubs[id.index()].clock = self.local(id);
    }

    /// Runs greenlets and loop until CPU time has to pass or there is nothing to do.
    pub(crate) fn hub_demand(&mut self, id: HubId) -> Demand {
        loop {
            let demand = if self.hub(id).current.is_some() {
                self.run_greenlet(id)
            } else if self.hub(id).notifier.is_some() {
                self.notify_on(id);
                None
            } else {
                match self.hub(id).phase {
                    Phase::Callbacks { count, deadline } => {
                        self.run_callback(id, count, deadline);
                        None
                    }
                    Phase::Reify => self.reify(id),
                    Phase::Poll => self.poll(id),
                    Phase::Invoke => {
                        self.invoke(id);
                        None
                    }
                }
            };
            if let Some(demand) = demand {
                return demand;
            }
        }
    }

    /// Runs the current greenlet to its next effect.
    fn run_greenlet(&mut self, id: HubId) -> Option<Demand> {
        let thread = self.hubs[id.index()].thread;
        let task = self.hubs[id.index()].current;
        if let Some(effect) = self.threads[thread.index()].deferred.take() {
            return match effect {
                Effect::Exit => {
                    self.end_greenlet(id, task);
                    None
                }
                Effect::Wait { need, limit, .. } => self.wait_on_thread(thread, task, need, limit),
                Effect::Burn(_) | Effect::Native(_) | Effect::Yield | Effect::GiveBack { .. } | Effect::Do(_) => {
                    unreachable!("a hub defers only what the outside sees")
                }
            };
        }
        let effect = match self.retry_unit(task) {
            Some(effect) => effect,
            None => self.advance_task(task),
        };
        match effect {
            Effect::Burn(span) | Effect::Native(span) => return Some(Demand::Cpu { span, gil: true }),
            Effect::Wait {
                need: need @ (Need::Timer(_) | Need::Reply { .. }),
                patching: Patching::Blocking,
                limit,
            } => {
                let patching = Patching::Blocking;
                self.threads[thread.index()].deferred = Some(Effect::Wait { need, patching, limit });
                return Some(Demand::PAY);
            }
            Effect::Wait { need, limit, .. } => self.park(id, task, need, limit),
            Effect::Yield => {
                self.bill(task, self.now, Wait::Hub);
                self.tasks[task].ready_since = self.local(id);
                self.switch_to_loop(id);
                self.hub(id).callbacks.push_back(Callback::Switch(task));
            }
            Effect::Do(_) => panic!("not yet"),
            Effect::GiveBack { sync } => self.give_back_on_hub(id, sync),
            Effect::Exit => {
                self.owe(id, self.hub_costs(id).respond);
                self.threads[thread.index()].deferred = Some(Effect::Exit);
                return Some(Demand::PAY);
            }
        }
        None
    }

    /// Parks the current greenlet; the loop goes on.
    fn park(&mut self, id: HubId, task: TaskId, need: Need, limit: Option<Span>) {
        let costs = *self.hub_costs(id);
        let (parked, wait) = match need {
            Need::Timer(span) if span.is_zero() => {
                self.hub(id).callbacks.push_back(Callback::Switch(task));
                (Parked::No, Wait::Hub)
            }
            Need::Timer(span) => {
                self.owe(id, costs.timer);
                self.refresh_clock(id);
                let hub = self.hub(id);
                let at = hub.clock + span;
                let timer = hub.timers.start(at, Purpose::Wake, task);
                self.tasks[task].handle = timer;
                (Parked::Timer, Wait::Timer)
            }
            Need::Reply { peer, takes } => {
                self.owe(id, costs.socket);
                let sock = self.hub(id).sockets.open(task);
                self.hub(id).sockets.watch(sock, true);
                let call = self.call(peer, takes, task, Caller::Socket(id, sock), self.local(id));
                self.hub(id).sockets.ask(sock, call);
                self.tasks[task].handle = sock;
                self.start_limit(id, task, limit);
                (Parked::Peer, Wait::Peer)
            }
            Need::Unit { sync } => {
                let process = self.hubs[id.index()].process;
                if self.take_unit(process, sync) {
                    return;
                }
                self.queue_for_unit(process, sync, task);
                self.start_limit(id, task, limit);
                (Parked::Unit, Wait::Lock)
            }
        };
        self.tasks[task].parked = parked;
        self.tasks[task].ready_since = self.local(id);
        self.bill(task, self.now, wait);
        self.switch_to_loop(id);
    }

    /// Starts the timer of a timeout, on a fresh clock.
    fn start_limit(&mut self, id: HubId, task: TaskId, limit: Option<Span>) {
        let Some(limit) = limit else { return };
        self.owe(id, self.hub_costs(id).timer);
        self.refresh_clock(id);
        let hub = self.hub(id);
        let at = hub.clock + limit;
        let timer = hub.timers.start(at, Purpose::Limit, task);
        self.tasks[task].limit_timer = timer;
        self.tasks[task].limit_at = at;
    }

    fn stop_limit(&mut self, id: HubId, task: TaskId) {
        let timer = std::mem::replace(&mut self.tasks[task].limit_timer, u32::MAX);
        if timer != u32::MAX {
            self.hub(id).timers.stop(timer);
        }
        self.tasks[task].limit_at = Time::NEVER;
    }

    fn switch_to_loop(&mut self, id: HubId) {
        self.owe(id, self.hub_costs(id).switch);
        self.hub(id).current = TaskId::NONE;
    }

    /// Switches into a greenlet that is ready.
    fn switch_to(&mut self, id: HubId, task: TaskId) {
        let lag = self.local(id).since(self.tasks[task].ready_since);
        self.probe.on(self.now, Fact::HubLag(lag));
        self.bill(task, self.now, Wait::Cpu);
        self.hub(id).current = task;
    }

    /// Step 1: one callback, or the end of the batch.
    fn run_callback(&mut self, id: HubId, count: u32, deadline: Time) {
        let mut count = count;
        if count == 0 && !self.hub(id).callbacks.is_empty() {
            self.refresh_clock(id);
            if self.hub(id).clock >= deadline {
                self.hub(id).phase = Phase::Reify;
                return;
            }
            count = CALLBACK_CHECK_COUNT;
        }
        let Some(callback) = self.hub(id).callbacks.pop_front() else {
            self.refresh_clock(id);
            self.hub(id).phase = Phase::Reify;
            return;
        };
        self.hub(id).phase = Phase::Callbacks { count: count - 1, deadline };
        match callback {
            Callback::Switch(task) => self.switch_to(id, task),
            Callback::Notify(sync) => self.begin_notify(id, sync),
        }
    }

    /// Step 2, once all is paid: what happened until now is visible to the poll.
    fn reify(&mut self, id: HubId) -> Option<Demand> {
        self.refresh_clock(id);
        self.hub(id).phase = Phase::Poll;
        Some(Demand::PAY)
    }

    /// Step 3: report what is ready, or block.
    fn poll(&mut self, id: HubId) -> Option<Demand> {
        let readable = self.listener_has_connections(id);
        let hub = &mut self.hubs[id.index()];
        hub.polling = false;
        hub.sockets.reify(readable);
        let reported = hub.sockets.report(readable, &mut hub.pending);
        if !reported && hub.callbacks.is_empty() {
            let until = self.wake_up(id);
            if self.now < until {
                return Some(self.block(id, until));
            }
        }
        self.owe(id, self.hub_costs(id).poll);
        self.refresh_clock(id);
        self.expire(id);
        self.hub(id).phase = Phase::Invoke;
        None
    }

    /// Parks the hub's thread in its poll.
    fn block(&mut self, id: HubId, until: Time) -> Demand {
        let thread = self.hub(id).thread;
        if !self.threads[thread.index()].owed.is_zero() {
            return Demand::PAY;
        }
        self.hub(id).polling = true;
        self.threads[thread.index()].wake_at = until;
        if until != Time::NEVER {
            self.queue.push(until, Event::Wake(thread));
        }
        Demand::Wait
    }

    /// When a poll that begins at the loop's clock ends by itself: whole milliseconds, rounded up as libev does, and the kernel's
    /// slack.
    fn wake_up(&self, id: HubId) -> Time {
        let hub = &self.hubs[id.index()];
        let Some(head) = hub.timers.head() else { return Time::NEVER };
        let wait = head.since(hub.clock).as_ns();
        if wait == 0 {
            return Time::ZERO;
        }
        let whole = ((wait + 999_900) / MILLISECOND).max(1);
        hub.clock + Span::from_ns(whole * MILLISECOND) + TIMER_SLACK
    }

    /// Step 4: due timers become pending, so that the earliest runs first.
    fn expire(&mut self, id: HubId) {
        let now = self.now;
        let World { hubs, tasks, requests, .. } = self;
        let Hub { timers, pending, limits, clock, .. } = &mut hubs[id.index()];
        let (first, first_limit) = (pending.len(), limits.len());
        while let Some((at, timer, purpose)) = timers.expire(*clock) {
            match purpose {
                Purpose::Limit => limits.push(timer),
                Purpose::Wake => {
                    pending.push(Pending::Timer(timer));
                    let task = &mut tasks[timers.task(timer)];
                    task.ready_since = at;
                    if task.request.is_some() {
                        requests[task.request].turn(at.min(now), Wait::Hub);
                    }
                }
            }
        }
        pending[first..].reverse();
        limits[first_limit..].reverse();
    }

    /// Step 6: the next pending watcher, or the end of the iteration.
    fn invoke(&mut self, id: HubId) {
        let hub = self.hub(id);
        if let Some(pending) = hub.pending.pop() {
            match pending {
                Pending::Sock(LISTENER) => self.on_listener(id),
                Pending::Sock(sock) => self.on_socket(id, sock),
                Pending::Timer(timer) => {
                    if let Some(task) = self.hub(id).timers.run(timer) {
                        self.switch_to(id, task);
                    }
                }
            }
            return;
        }
        if let Some(timer) = hub.limits.pop() {
            if let Some(task) = hub.timers.run(timer) {
                self.on_limit(id, task);
            }
            return;
        }
        let deadline = hub.clock + self.switch_interval(id);
        self.hub(id).phase = Phase::Callbacks { count: CALLBACK_CHECK_COUNT, deadline };
    }

    fn switch_interval(&self, id: HubId) -> Span {
        self.model.workers[self.processes[self.hubs[id.index()].process.index()].worker].switch_interval
    }

    /// A reply is there: the greenlet reads it and goes on.
    fn on_socket(&mut self, id: HubId, sock: u32) {
        let sockets = &mut self.hub(id).sockets;
        let task = sockets.sock(sock).task;
        if task.is_none() || !sockets.sock(sock).wanted {
            return;
        }
        sockets.watch(sock, false);
        sockets.close(sock);
        self.stop_limit(id, task);
        self.switch_to(id, task);
    }

    /// A limit fires: the exception is thrown into the greenlet.
    fn on_limit(&mut self, id: HubId, task: TaskId) {
        let state = &mut self.tasks[task];
        state.limit_timer = u32::MAX;
        state.ready_since = state.limit_at;
        state.limit_at = Time::NEVER;
        match self.tasks[task].parked {
            Parked::Peer => {
                let sock = self.tasks[task].handle;
                let sockets = &mut self.hubs[id.index()].sockets;
                let call = sockets.sock(sock).call;
                sockets.watch(sock, false);
                sockets.close(sock);
                self.abandon_call(task, call);
            }
            Parked::Unit => self.leave_queue(self.hubs[id.index()].process, task),
            Parked::No | Parked::Timer => unreachable!("only waits for replies and units have limits"),
        }
        self.switch_to(id, task);
    }
}
