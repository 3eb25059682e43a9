//! Hosts, cores and operating-system threads: who runs where, and for how long.
//!
//! A core is charged for each switch to another thread, and its kernel needs a while to come out of idle, longer after a long pause.
//! Who gets a core when is in `dispatch.rs`. Left out: priorities, and a run queue for each core.
//! The machine asks both worlds one question, [`Demand`]; what a thread does with its time it does not know.
//!
//! An event is a hint and the entity decides: a core remembers until when its thread runs, so an event that was overtaken
//! finds another time there and is dropped.

pub(crate) mod above;
mod dispatch;
pub(crate) mod polls;
pub(crate) mod process;
pub(crate) mod runqueue;
mod told;
pub(crate) mod warmth;

use std::collections::VecDeque;

use crate::kit::id::{
    CoreId, GeneratorId, HostId, HubId, LoopId, ProcessId, RequestId, RouterId, Slab, TaskId, ThreadId,
};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::above::CarrierForMachine;
use crate::machine::above::GilForMachine;
use crate::machine::runqueue::RunQueue;
use crate::model::Cooling;
use crate::program::op::Pc;
use crate::program::request::Request;
use crate::program::task::Task;
use crate::program::wait::StepOf;
use crate::program::wait::Wait;
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::{Detail, Doing};
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
    /// Threads that woke up since the last dispatch and have no place in the run queue yet, oldest first.
    pub(crate) arrivals: VecDeque<ThreadId>,
    pub(crate) run_queue: RunQueue,
    pub(crate) idle: Vec<CoreId>,
    pub(crate) cores: Vec<CoreId>,
    /// Whether every running thread's turn is limited already.
    pub(crate) sliced: bool,
    /// Whether a thread woke up since the last dispatch.
    pub(crate) woken: bool,
    /// Whether it is among those that must dispatch.
    pub(crate) disturbed: bool,
    pub(crate) slice: Span,
    pub(crate) tick: Span,
    pub(crate) switch: Span,
    pub(crate) wake: Span,
    pub(crate) cooling: Cooling,
}

/// One core.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) host: HostId,
    pub(crate) thread: ThreadId,
    pub(crate) last: ThreadId,
    pub(crate) busy_since: Time,
    /// Since when it has been idle.
    pub(crate) idle_since: Time,
    /// Since when its thread has its slice, ticks that it met alone not counted.
    pub(crate) slice_from: Time,
    /// How far its thread's virtual run time is ahead of the clock, while cores are shared.
    pub(crate) ahead: i64,
    /// The tick at which its thread must make room; [`Time::NEVER`] while nobody else is runnable.
    pub(crate) turn_end: Time,
    /// Whether its thread pays what it owes, without the lock that it will need.
    paying: bool,
    /// When the thread will have had all it asked for.
    pub(crate) demand_end: Time,
    /// When the core looks again.
    pub(crate) until: Time,
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
    pub(crate) left_at: Time,
    /// By how much it was behind the average of those that shared the cores when it went to sleep, in ns of CPU time.
    pub(crate) lag: i64,
    /// Whether it sleeps in the run queue, because it was ahead.
    pub(crate) owes: bool,
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
    /// System calls in what it owes, and what is left of Python between some (hubs and loops beside native threads).
    pub(crate) system_calls: u8,
    pub(crate) stretch: BetweenCalls,
    /// When it wakes by itself; [`Time::NEVER`] if it does not.
    pub(crate) wake_at: Time,
    /// Ends of the timeout blocks it is in.
    pub(crate) deadlines: Vec<Time>,
    /// The wait of its task, if that polls.
    pub(crate) polls: Option<crate::machine::polls::Polls>,
    /// What it does once it has paid.
    pub(crate) deferred: Option<crate::program::advance::Effect>,
}

/// Python with system calls in it, after each of which the GIL is taken anew.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct BetweenCalls {
    /// Pieces that are left, and how long each is.
    pub(crate) left: u8,
    pub(crate) piece: Span,
    /// What comes with the last one.
    pub(crate) last: Span,
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
    /// Runs steps for the hub or loop of this thread.
    Native(ThreadId),
    /// Runs a hub.
    Hub(HubId),
    /// Runs an event loop of asyncio.
    Loop(LoopId),
    /// Runs the loop of a router.
    Router(RouterId),
    /// Sends requests.
    Generator(GeneratorId),
}

impl Role {
    /// The hub that it runs, if it runs one.
    #[inline(always)]
    pub(crate) fn hub(self) -> HubId {
        match self {
            Role::Hub(hub) => hub,
            Role::Server
            | Role::PoolServer
            | Role::Acceptor
            | Role::Helper
            | Role::Native(_)
            | Role::Loop(_)
            | Role::Router(_)
            | Role::Generator(_) => HubId::NONE,
        }
    }
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

/// All machines that servers run on, and their cores: nobody outside of this room knows more of them than it is told.
#[derive(Debug)]
pub(crate) struct Machine {
    hosts: Table<HostId, Host>,
    cores: Table<CoreId, Core>,
    /// Hosts that must dispatch once the current event is done.
    disturbed: Vec<HostId>,
}

impl Machine {
    pub(crate) const fn new() -> Machine {
        Machine { hosts: Table::new(), cores: Table::new(), disturbed: Vec::new() }
    }

    /// Whether a host must dispatch.
    #[inline(always)]
    pub(crate) fn is_disturbed(&self) -> bool {
        !self.disturbed.is_empty()
    }

    /// Whether a thread of a host wants a core and has none.
    #[inline(always)]
    pub(crate) fn is_wanted(&self, host: HostId) -> bool {
        self.hosts[host].is_wanted()
    }

    /// The host of each core.
    pub(crate) fn cores(&self) -> impl Iterator<Item = HostId> {
        self.cores.iter().map(|core| core.host)
    }

    /// Threads that have been on a core since before `at`, and since when.
    pub(crate) fn running_since_before(&self, at: Time) -> impl Iterator<Item = (ThreadId, Time)> {
        let running = self.cores.iter().filter(move |core| core.thread.is_some() && core.busy_since < at);
        running.map(|core| (core.thread, core.busy_since))
    }
}

impl Host {
    pub(crate) fn new(spec: &crate::model::HostSpec, cores: Vec<CoreId>) -> Host {
        Host {
            arrivals: VecDeque::new(),
            run_queue: RunQueue::default(),
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
            ahead: 0,
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
            lag: 0,
            owes: false,
            away: Span::ZERO,
            returns: false,
            fresh: false,
            native: false,
            served: 0,
            looking: false,
            pieces: (0, Span::ZERO),
            owed: Span::ZERO,
            system_calls: 0,
            stretch: BetweenCalls::default(),
            wake_at: Time::NEVER,
            deadlines: Vec::new(),
            polls: None,
            deferred: None,
        }
    }
}

impl<P: Probe> World<'_, P> {
    pub(crate) fn build_hosts(&mut self) {
        for (at, spec) in self.model.hosts.iter().enumerate() {
            let host = HostId::from_index(at);
            let cores = (0..spec.cores).map(|_| self.machine.cores.push(Core::new(host))).collect();
            self.machine.hosts.push(Host::new(spec, cores));
        }
    }

    /// A thread that is about to park wakes by itself at `at`, if that ever comes.
    pub(crate) fn wake_at(&mut self, thread: ThreadId, at: Time) {
        self.threads[thread].wake_at = at;
        if at != Time::NEVER {
            self.queue.push(at, Event::Wake(thread));
        }
    }

    /// Lets the thread on a core do what takes no time, up to its next demand.
    pub(crate) fn go(&mut self, id: CoreId) {
        let thread = self.machine.cores[id].thread;
        loop {
            if self.threads[thread].left.is_zero() && !self.take_demand(id, thread) {
                return;
            }
            if self.threads[thread].gil && !self.go_with_gil(id, thread) {
                return;
            }
            let state = &mut self.threads[thread];
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
            let owed = self.threads[thread].owed;
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
        let thread = self.machine.cores[id].thread;
        let native = self.threads[thread].native && !paying;
        self.bill_thread(thread, if native { Wait::Native } else { Wait::Cpu });
        let core = &mut self.machine.cores[id];
        core.paying = paying;
        core.demand_end = self.now + span;
        self.look_again(id);
    }

    /// What is left of the stint of the thread on a core goes back to its account.
    pub(crate) fn stop_stint(&mut self, id: CoreId) {
        let core = &mut self.machine.cores[id];
        let left = core.demand_end - self.now;
        let state = &mut self.threads[core.thread];
        if std::mem::take(&mut core.paying) { state.owed = left } else { state.left = left }
    }

    /// What a thread with nothing to do wants: to pay what it owes, then to wait.
    #[inline]
    pub(crate) fn pay_or_wait(&self, thread: ThreadId) -> Demand {
        if self.threads[thread].owed.is_zero() { Demand::Wait } else { Demand::PAY }
    }

    /// Asks the thread what it wants. False if it left the core.
    #[inline(always)]
    fn take_demand(&mut self, id: CoreId, thread: ThreadId) -> bool {
        self.threads[thread].native = false;
        match self.next_demand(thread) {
            Demand::Cpu { span, gil } => {
                let state = &mut self.threads[thread];
                // Who wants no time does not queue for the GIL: a signal to it would be lost on the others.
                (state.left, state.gil) = (span, gil && !span.is_zero());
                true
            }
            Demand::Yield => {
                self.give_up_slice(id);
                false
            }
            Demand::Wait => {
                self.threads[thread].status = Status::Parked;
                self.tell_thread(thread, Doing::Waiting);
                self.leave(id);
                false
            }
        }
    }

    /// Takes the thread off its core in the middle of a demand.
    #[inline(never)]
    pub(crate) fn interrupt(&mut self, thread: ThreadId) {
        let id = self.threads[thread].core;
        self.stop_stint(id);
        self.leave(id);
    }

    /// Opens the account `wait` for the request that a thread works on now.
    pub(crate) fn bill_thread(&mut self, thread: ThreadId, wait: Wait) {
        let task = self.current_task(thread);
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
