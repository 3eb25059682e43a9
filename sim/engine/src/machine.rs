//! Hosts, cores and operating-system threads: who runs where, and for how long.
//!
//! After Linux's EEVDF (6.6 and later) with equal weights: the thread that has been runnable longest goes first. A running thread
//! is safe for a slice; then it goes to the tail of the run queue as soon as the kernel looks, which is when another thread
//! wakes up, or at the next tick. A thread that runs alone begins a new slice at such a tick. A core is charged for each switch
//! to another thread, and its kernel needs a while to come out of idle, longer after a long pause.
//! Left out: priorities, and a run queue for each core.
//! The machine asks both worlds one question, [`Demand`]; what a thread does with its time it does not know.
//!
//! An event is a hint and the entity decides: a core remembers until when its thread runs, so an event that was overtaken
//! finds another time there and is dropped.

use std::collections::VecDeque;

use crate::holds::StepOf;
use crate::id::{CoreId, GeneratorId, HostId, HubId, ProcessId, RequestId, RouterId, Slab, TaskId, ThreadId};
use crate::model::Cooling;
use crate::op::Pc;
use crate::probe::{Fact, Probe, tell};
use crate::record::Wait;
use crate::request::Request;
use crate::task::Task;
use crate::time::{Span, Time};
use crate::trace::{Detail, Doing};
use crate::warmth::cooled;
use crate::world::{Event, World};

/// What a thread wants from the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Demand {
    /// CPU time; what the thread owes is paid along with it.
    Cpu {
        /// How much.
        span: Span,
        /// Whether it must hold the GIL meanwhile.
        gil: bool,
    },
    /// To go to the tail of the run queue.
    Yield,
    /// To leave its core until somebody wakes it.
    Wait,
}

impl Demand {
    /// Pay what is owed, then ask again.
    pub(crate) const PAY: Demand = Demand::Cpu { span: Span::ZERO, gil: false };
}

/// One machine at run time.
#[derive(Debug)]
pub(crate) struct Host {
    /// Threads that could run, oldest first.
    pub(crate) ready: VecDeque<ThreadId>,
    idle: Vec<CoreId>,
    cores: Vec<CoreId>,
    /// Whether every running thread's turn is limited already.
    sliced: bool,
    /// Whether a thread woke up since the last dispatch.
    woken: bool,
    /// Whether it is among those that must dispatch.
    pub(crate) disturbed: bool,
    slice: Span,
    tick: Span,
    switch: Span,
    wake: Span,
    cooling: Cooling,
}

/// One core.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) host: HostId,
    pub(crate) thread: ThreadId,
    last: ThreadId,
    busy_since: Time,
    /// Since when it has been idle.
    idle_since: Time,
    /// Since when its thread has its slice, ticks that it met alone not counted.
    slice_from: Time,
    /// The tick at which its thread must make room; [`Time::NEVER`] while nobody else is runnable.
    turn_end: Time,
    /// Whether its thread pays what it owes, without the lock that it will need.
    paying: bool,
    /// When the thread will have had all it asked for.
    pub(crate) demand_end: Time,
    /// When the core looks again.
    until: Time,
}

/// One operating-system thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) process: ProcessId,
    pub(crate) role: Role,
    pub(crate) status: Status,
    pub(crate) core: CoreId,
    /// The task it serves (bare threads).
    pub(crate) task: TaskId,
    /// CPU time of the current demand still to do.
    pub(crate) left: Span,
    /// Whether the current demand needs the GIL.
    pub(crate) gil: bool,
    /// Whether it stopped waiting for the GIL because a switch interval was over.
    pub(crate) timed_out: bool,
    /// How often the GIL had changed hands when it began to wait for it.
    pub(crate) switches_seen: u32,
    /// The request whose client it waits for to close.
    pub(crate) lingers_for: RequestId,
    /// The connection that it has accepted and whose bytes it waits for.
    pub(crate) reads: RequestId,
    /// When it left a core last.
    left_at: Time,
    /// How long it was off the cores before it came back; zero once that was paid for.
    pub(crate) away: Span,
    /// Whether it comes back from a call that waited, and takes the GIL again.
    pub(crate) returns: bool,
    /// Whether its task has not run yet.
    pub(crate) fresh: bool,
    /// Whether what it computes is native code.
    pub(crate) native: bool,
    /// Requests that it has begun.
    pub(crate) served: u32,
    /// Whether it is about to look for work (pool servers).
    pub(crate) looking: bool,
    /// Pieces of the server's own Python that are left around the current request, and how long each takes.
    pub(crate) pieces: (u8, Span),
    /// CPU costs that were incurred and not yet paid: the thread's own clock is so far ahead.
    pub(crate) owed: Span,
    /// When it wakes by itself; [`Time::NEVER`] if it does not.
    pub(crate) wake_at: Time,
    /// Ends of the timeout blocks it is in.
    pub(crate) deadlines: Vec<Time>,
    /// What it does once it has paid.
    pub(crate) deferred: Option<crate::advance::Effect>,
}

/// What a thread is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    /// Accepts for itself and serves one request at a time.
    Server,
    /// Accepts for a pool.
    Acceptor,
    /// Serves from a pool's queue.
    PoolServer,
    /// Runs one branch of a fan-out.
    Helper,
    /// Runs a hub.
    Hub(HubId),
    /// Runs the loop of a router.
    Router(RouterId),
    /// Sends requests.
    Generator(GeneratorId),
}

/// Where a thread is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// Waiting for something.
    Parked,
    /// Waiting for the GIL.
    WaitingGil,
    /// In the run queue.
    Ready,
    /// On a core.
    Running,
}

impl Host {
    pub(crate) fn new(spec: &crate::model::HostSpec, cores: Vec<CoreId>) -> Host {
        Host {
            ready: VecDeque::new(),
            idle: cores.iter().rev().copied().collect(),
            cores,
            sliced: false,
            woken: false,
            disturbed: false,
            slice: spec.slice,
            tick: spec.tick,
            switch: spec.switch,
            wake: spec.wake,
            cooling: spec.cooling,
        }
    }

    /// When a slice began that was given at `from`, as the kernel sees it `now`: a thread that runs alone gets a new one at the
    /// ticks that find the old one used up.
    fn slice_began(&self, from: Time, now: Time) -> Time {
        let tick = Time::from_ns(now.as_ns() - now.as_ns() % self.tick.as_ns());
        if tick >= from + self.slice { tick } else { from }
    }

    /// Whether a slice that was given at `from` is used up.
    fn slice_is_over(&self, from: Time, now: Time) -> bool {
        self.slice_began(from, now) + self.slice <= now
    }

    /// The first tick at which a slice that began at `from` is used up.
    fn turn_end(&self, from: Time, now: Time) -> Time {
        let earliest = (self.slice_began(from, now) + self.slice).max(now).as_ns();
        Time::from_ns(earliest.next_multiple_of(self.tick.as_ns()))
    }
}

impl Core {
    pub(crate) fn new(host: HostId) -> Core {
        Core {
            host,
            thread: ThreadId::NONE,
            last: ThreadId::NONE,
            busy_since: Time::ZERO,
            idle_since: Time::ZERO,
            slice_from: Time::ZERO,
            turn_end: Time::NEVER,
            paying: false,
            demand_end: Time::ZERO,
            until: Time::NEVER,
        }
    }
}

impl Thread {
    pub(crate) fn new(process: ProcessId, role: Role) -> Thread {
        Thread {
            process,
            role,
            status: Status::Parked,
            core: CoreId::NONE,
            task: TaskId::NONE,
            left: Span::ZERO,
            gil: false,
            timed_out: false,
            switches_seen: 0,
            lingers_for: RequestId::NONE,
            reads: RequestId::NONE,
            left_at: Time::ZERO,
            away: Span::ZERO,
            returns: false,
            fresh: false,
            native: false,
            served: 0,
            looking: false,
            pieces: (0, Span::ZERO),
            owed: Span::ZERO,
            wake_at: Time::NEVER,
            deadlines: Vec::new(),
            deferred: None,
        }
    }
}

impl<P: Probe> World<'_, P> {
    /// Puts a waiting thread into its host's run queue.
    pub(crate) fn make_ready(&mut self, thread: ThreadId) {
        let state = &mut self.threads[thread.index()];
        debug_assert!(matches!(state.status, Status::Parked | Status::WaitingGil), "{thread:?} is already up");
        state.status = Status::Ready;
        state.wake_at = Time::NEVER;
        let host = self.processes[state.process.index()].host;
        self.tell_thread(thread, Doing::Runnable);
        self.bill_thread(thread, Wait::Core);
        let host_state = &mut self.hosts[host.index()];
        host_state.ready.push_back(thread);
        host_state.woken = true;
        self.disturb(host);
    }

    /// A thread that is about to park wakes by itself at `at`, if that ever comes.
    pub(crate) fn wake_at(&mut self, thread: ThreadId, at: Time) {
        self.threads[thread.index()].wake_at = at;
        if at != Time::NEVER {
            self.queue.push(at, Event::Wake(thread));
        }
    }

    /// Notes that a host must dispatch once the current event is done.
    pub(crate) fn disturb(&mut self, host: HostId) {
        if !std::mem::replace(&mut self.hosts[host.index()].disturbed, true) {
            self.disturbed.push(host);
        }
    }

    /// Gives idle cores to runnable threads; then those that woke up make threads leave whose slice is over, and every turn gets
    /// an end while others wait.
    #[inline(always)]
    pub(crate) fn dispatch(&mut self, host: HostId) {
        loop {
            let state = &mut self.hosts[host.index()];
            if state.ready.is_empty() {
                (state.sliced, state.woken) = (false, false);
                return;
            }
            if let Some(core) = state.idle.pop() {
                let thread = state.ready.pop_front().expect("the queue was not empty");
                self.start(core, thread);
                continue;
            }
            if !std::mem::take(&mut state.woken) || !self.make_room(host) {
                break;
            }
        }
        self.limit_turns(host);
    }

    /// Whether the thread on a core must leave for one that it has just woken: before it is back from that system call.
    fn gives_way(&self, id: CoreId) -> bool {
        let core = &self.cores[id.index()];
        let host = &self.hosts[core.host.index()];
        host.woken && host.idle.is_empty() && host.slice_is_over(core.slice_from, self.now)
    }

    /// Threads whose slices are over leave their cores, as many as others wait. False if there are none.
    #[inline(never)]
    fn make_room(&mut self, host: HostId) -> bool {
        let mut left = self.hosts[host.index()].ready.len();
        let mut some = false;
        for at in 0..self.hosts[host.index()].cores.len() {
            let id = self.hosts[host.index()].cores[at];
            let core = &self.cores[id.index()];
            let state = &self.hosts[host.index()];
            if core.thread.is_some() && left > 0 && state.slice_is_over(core.slice_from, self.now) {
                self.stop_stint(id);
                self.preempt(id);
                left -= 1;
                some = true;
            }
        }
        some
    }

    /// Ends every turn at the tick after its slice.
    #[inline(never)]
    fn limit_turns(&mut self, host: HostId) {
        if std::mem::replace(&mut self.hosts[host.index()].sliced, true) {
            return;
        }
        for at in 0..self.hosts[host.index()].cores.len() {
            let id = self.hosts[host.index()].cores[at];
            let core = &mut self.cores[id.index()];
            if core.thread.is_some() {
                core.turn_end = self.hosts[host.index()].turn_end(core.slice_from, self.now);
                if core.until > core.turn_end {
                    core.until = core.turn_end;
                    self.queue.push(core.until, Event::Core(id));
                }
            }
        }
    }

    #[inline(always)]
    fn start(&mut self, id: CoreId, thread: ThreadId) {
        let host = &self.hosts[self.cores[id.index()].host.index()];
        let core = &mut self.cores[id.index()];
        // A core that goes from one thread to the next was never idle.
        let latency = match core.last.is_some() && core.idle_since == self.now {
            true => Span::ZERO,
            false => cooled(host.wake, host.cooling, Some(self.now - core.idle_since)),
        };
        let away = self.now - self.threads[thread.index()].left_at;
        let switch = if core.last == thread { Span::ZERO } else { cooled(host.switch, host.cooling, Some(away)) };
        core.thread = thread;
        core.busy_since = self.now;
        core.slice_from = self.now;
        core.turn_end = Time::NEVER;
        self.tell_thread(thread, Doing::Running);
        let state = &mut self.threads[thread.index()];
        state.status = Status::Running;
        state.core = id;
        tell(&mut self.probe, self.now, Detail::Core { core: id, thread });
        state.away = away;
        state.owed += latency + switch;
        self.go(id);
    }

    /// Lets the thread on a core do what takes no time, up to its next demand.
    fn go(&mut self, id: CoreId) {
        let thread = self.cores[id.index()].thread;
        loop {
            if self.threads[thread.index()].left.is_zero() && !self.take_demand(id, thread) {
                return;
            }
            if self.threads[thread.index()].gil && !self.go_with_gil(id, thread) {
                return;
            }
            let state = &mut self.threads[thread.index()];
            let left = state.left + std::mem::take(&mut state.owed);
            state.left = left;
            if !left.is_zero() {
                return self.run_stint(id, left, false);
            }
        }
    }

    /// Sees that the thread on a core has the GIL. False if it pays first, or leaves.
    fn go_with_gil(&mut self, id: CoreId, thread: ThreadId) -> bool {
        if !self.has_gil(thread) {
            let owed = self.threads[thread.index()].owed;
            if !owed.is_zero() {
                self.run_stint(id, owed, true);
                return false;
            }
            if self.gives_way(id) {
                self.preempt(id);
                return false;
            }
        }
        let has = self.take_gil(thread);
        if !has {
            self.leave(id);
        }
        has
    }

    /// The thread on a core computes for `span`, or until its turn is over.
    fn run_stint(&mut self, id: CoreId, span: Span, paying: bool) {
        let thread = self.cores[id.index()].thread;
        let native = self.threads[thread.index()].native && !paying;
        self.bill_thread(thread, if native { Wait::Native } else { Wait::Cpu });
        let core = &mut self.cores[id.index()];
        let host = &self.hosts[core.host.index()];
        core.paying = paying;
        core.demand_end = self.now + span;
        if host.ready.is_empty() {
            core.turn_end = Time::NEVER;
        } else if core.turn_end == Time::NEVER || core.turn_end < self.now {
            core.turn_end = host.turn_end(core.slice_from, self.now);
        }
        core.until = core.demand_end.min(core.turn_end);
        self.queue.push(core.until, Event::Core(id));
    }

    /// What is left of the stint of the thread on a core goes back to its account.
    fn stop_stint(&mut self, id: CoreId) {
        let core = &mut self.cores[id.index()];
        let left = core.demand_end - self.now;
        let state = &mut self.threads[core.thread.index()];
        if std::mem::take(&mut core.paying) { state.owed = left } else { state.left = left }
    }

    /// Asks the thread what it wants. False if it left the core.
    #[inline(always)]
    fn take_demand(&mut self, id: CoreId, thread: ThreadId) -> bool {
        self.threads[thread.index()].native = false;
        match self.next_demand(thread) {
            Demand::Cpu { span, gil } => {
                let state = &mut self.threads[thread.index()];
                // Who wants no time does not queue for the GIL: a signal to it would be lost on the others.
                (state.left, state.gil) = (span, gil && !span.is_zero());
                true
            }
            Demand::Yield => {
                self.preempt(id);
                false
            }
            Demand::Wait => {
                self.threads[thread.index()].status = Status::Parked;
                self.tell_thread(thread, Doing::Waiting);
                self.leave(id);
                false
            }
        }
    }

    /// Moves the thread on a core to the tail of the run queue.
    #[inline(never)]
    fn preempt(&mut self, id: CoreId) {
        let core = &self.cores[id.index()];
        let (host, thread) = (core.host, core.thread);
        self.threads[thread.index()].status = Status::Ready;
        self.tell_thread(thread, Doing::Runnable);
        self.bill_thread(thread, Wait::Core);
        self.hosts[host.index()].ready.push_back(thread);
        self.leave(id);
    }

    /// Frees a core.
    pub(crate) fn leave(&mut self, id: CoreId) {
        let core = &mut self.cores[id.index()];
        let thread = std::mem::replace(&mut core.thread, ThreadId::NONE);
        core.last = thread;
        tell(&mut self.probe, self.now, Detail::Core { core: id, thread: ThreadId::NONE });
        core.until = Time::NEVER;
        core.idle_since = self.now;
        let (host, from) = (core.host, core.busy_since);
        let state = &mut self.threads[thread.index()];
        state.core = CoreId::NONE;
        state.left_at = self.now;
        if from < self.now {
            self.processes[state.process.index()].cpu += self.now - from;
            self.probe.on(self.now, Fact::CoreBusy { from });
        }
        let alone = self.hosts.len() == 1;
        let state = &mut self.hosts[host.index()];
        state.idle.push(id);
        // Nobody wants the core and nobody is limited: the dispatch would find nothing to do. With other hosts beside this one it
        // is asked for all the same, so that their turns keep their order.
        if !alone || !state.ready.is_empty() || state.sliced || state.woken {
            self.disturb(host);
        }
    }

    /// The run is over: what cores have been doing until now counts.
    pub(crate) fn stop_cores(&mut self) {
        for at in 0..self.cores.len() {
            if self.cores[at].thread.is_some() {
                self.leave(CoreId::from_index(at));
            }
        }
    }

    /// A core looks: its thread's demand is met, or its turn is over.
    #[inline(always)]
    pub(crate) fn core_event(&mut self, id: CoreId) {
        let core = &self.cores[id.index()];
        if core.until != self.now || core.thread.is_none() {
            return;
        }
        let host = core.host;
        if core.demand_end <= self.now {
            self.stop_stint(id);
            self.go(id);
            return;
        }
        if !self.hosts[host.index()].ready.is_empty() {
            self.stop_stint(id);
            self.preempt(id);
            return;
        }
        // Those who waited are gone: a new slice.
        let core = &mut self.cores[id.index()];
        (core.slice_from, core.turn_end) = (self.now, Time::NEVER);
        core.until = core.demand_end;
        self.queue.push(core.until, Event::Core(id));
    }

    /// Takes the thread off its core in the middle of a demand.
    #[inline(never)]
    pub(crate) fn interrupt(&mut self, thread: ThreadId) {
        let id = self.threads[thread.index()].core;
        self.stop_stint(id);
        self.leave(id);
    }

    /// Opens the account `wait` for the request that a thread works on now.
    pub(crate) fn bill_thread(&mut self, thread: ThreadId, wait: Wait) {
        let state = &self.threads[thread.index()];
        let task = match state.role {
            Role::Hub(hub) => self.hubs[hub.index()].current,
            Role::Server | Role::PoolServer | Role::Acceptor | Role::Helper | Role::Router(_) | Role::Generator(_) => {
                state.task
            }
        };
        if task.is_some() {
            self.bill(task, self.now, wait);
        }
    }

    /// Opens the account `wait` for the request of a task.
    pub(crate) fn bill(&mut self, task: TaskId, at: Time, wait: Wait) {
        let clock = Clock { now: self.now, at };
        bill_task(&self.tasks[task], &mut self.requests, &mut self.probe, clock, wait);
    }
}

/// When a request's account changes, and when that is known.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    pub(crate) now: Time,
    pub(crate) at: Time,
}

/// Opens the account `wait` for the request of a task.
#[inline(always)]
pub(crate) fn bill_task(
    task: &Task,
    requests: &mut Slab<RequestId, Request>,
    probe: &mut impl Probe,
    Clock { now, at }: Clock,
    wait: Wait,
) {
    // While a request has fanned out, its bill says so, whatever its runs do.
    if task.request.is_some() && task.parent.is_none() {
        let request = &mut requests[task.request];
        // While its response is on the way the bill says so, whoever still writes it.
        if !request.is_answered() {
            let step = StepOf { program: task.program, pc: Some(Pc(task.pc.0.wrapping_sub(1))) };
            tell(probe, now, Detail::Turned { request: task.request, at, to: wait, step });
            request.turn_from_step(at, wait, now, probe);
            request.op = Pc(task.pc.0.wrapping_sub(1));
        }
    }
}
