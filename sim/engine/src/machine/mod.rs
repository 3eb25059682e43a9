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
pub(crate) mod process;
mod quota;
pub(crate) mod runqueue;
pub(crate) mod thread;
mod told;
pub(crate) mod warmth;

pub(crate) use thread::{Role, Status, Thread};

use std::collections::VecDeque;

use crate::kit::id::{CoreId, HostId, RequestId, Slab, TaskId, ThreadId};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::machine::above::{CarrierForMachine, GilForMachine};
use crate::machine::quota::{Quota, Ration};
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
    arrivals: VecDeque<ThreadId>,
    run_queue: RunQueue,
    idle: Vec<CoreId>,
    cores: Vec<CoreId>,
    /// Whether every running thread's turn is limited already.
    sliced: bool,
    /// Whether a thread woke up since the last dispatch.
    woken: bool,
    /// Whether it is among those that must dispatch.
    disturbed: bool,
    slice: Span,
    tick: Span,
    switch: Span,
    wake: Span,
    cooling: Cooling,
    /// The limit that its server's processes share; none if they may use all cores.
    quota: Option<Quota>,
}

/// One core.
#[derive(Debug)]
pub(crate) struct Core {
    host: HostId,
    thread: ThreadId,
    last: ThreadId,
    busy_since: Time,
    /// Since when it has been idle.
    idle_since: Time,
    /// Since when its thread has its slice, ticks that it met alone not counted.
    slice_from: Time,
    /// How far its thread's virtual run time is ahead of the clock, while cores are shared.
    ahead: i64,
    /// The tick at which its thread must make room; [`Time::NEVER`] while nobody else is runnable.
    turn_end: Time,
    /// Whether its thread pays what it owes, without the lock that it will need.
    paying: bool,
    /// When the thread will have had all it asked for.
    demand_end: Time,
    /// When the core looks again.
    until: Time,
    /// What it has of the limit of its host.
    ration: Ration,
}

/// All machines that servers run on, and their cores: nobody outside of this room knows more of them than it is told.
#[derive(Debug)]
pub(crate) struct Machine {
    hosts: Table<HostId, Host>,
    cores: Table<CoreId, Core>,
    /// Hosts that must dispatch once the current event is done.
    disturbed: Vec<HostId>,
    /// Whether any host has a CPU limit: nobody looks for one otherwise.
    limited: bool,
}

impl Machine {
    pub(crate) const fn new() -> Machine {
        Machine { hosts: Table::new(), cores: Table::new(), disturbed: Vec::new(), limited: false }
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

    /// Threads that have been running on a core since before `at`, and since when: who stands still there does not.
    pub(crate) fn running_since_before(&self, at: Time) -> impl Iterator<Item = (ThreadId, Time)> {
        let running = self.cores.iter().filter(move |core| core.runs() && core.busy_since < at);
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
            quota: spec.cpu_limit.map(Quota::new),
        }
    }
}

impl Core {
    /// Whether a thread runs on it, and has to make room in its turn.
    #[inline]
    fn runs(&self) -> bool {
        self.thread.is_some() && !self.ration.is_throttled()
    }

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
            ration: Ration::NEW,
        }
    }
}

impl<P: Probe> World<'_, P> {
    pub(crate) fn build_hosts(&mut self) {
        for (at, spec) in self.model.hosts.iter().enumerate() {
            let host = HostId::from_index(at);
            let cores = (0..spec.cores).map(|_| self.machine.cores.push(Core::new(host))).collect();
            self.machine.hosts.push(Host::new(spec, cores));
            self.machine.limited |= spec.cpu_limit.is_some();
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
        let task = self.current_task(thread);
        if task.is_some() {
            let clock = Clock { now: self.now, at: self.now };
            let wait = if native { Wait::Native } else { Wait::Cpu };
            bill_task(&self.tasks[task], &mut self.requests, &mut self.probe, clock, wait);
        }
        let core = &mut self.machine.cores[id];
        core.paying = paying;
        core.demand_end = self.now + span;
        self.look_again(id);
    }

    /// The thread on a core has had all that it computed for.
    #[inline(always)]
    fn end_stint(&mut self, id: CoreId) {
        let core = &mut self.machine.cores[id];
        debug_assert_eq!(core.demand_end, self.now, "a core looks when its thread has what it wants");
        let state = &mut self.threads[core.thread];
        if std::mem::take(&mut core.paying) { state.owed = Span::ZERO } else { state.left = Span::ZERO }
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
        // Who stands still has had its stint ended already.
        if self.threads[thread].status == Status::Running {
            self.stop_stint(id);
        }
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
    if task.request().is_some() && task.parent().is_none() {
        let request = &mut requests[task.request()];
        // While its response is on the way the bill says so, whoever still writes it.
        if !request.is_answered() {
            let step = StepOf { program: task.program(), pc: Some(Pc(task.pc().0.wrapping_sub(1))) };
            tell(probe, now, Detail::Turned { request: task.request(), at, to: wait, step });
            request.turn_from_step(at, wait, now, probe);
            request.wait_at(Pc(task.pc().0.wrapping_sub(1)));
        }
    }
}
