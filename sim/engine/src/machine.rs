//! Hosts, cores and operating-system threads: who runs where, and for how long.
//!
//! A thread that wants CPU time gets a core for as long as it asks; when others are runnable it is put back at the tail of the
//! run queue after a slice (Linux: `sched_rr`-like; priorities and wake-up pre-emption are left out). A core is charged for
//! each switch to another thread, and needs the wake-up latency to come out of idle.
//! The machine asks both worlds one question, [`Demand`]; what a thread does with its time it does not know.
//!
//! An event is a hint and the entity decides: a core remembers until when its thread runs, so an event that was overtaken
//! finds another time there and is dropped.

use std::collections::VecDeque;

use crate::id::{CoreId, HostId, HubId, ProcessId, RouterId, TaskId, ThreadId};
use crate::probe::{Fact, Probe};
use crate::record::Wait;
use crate::time::{Span, Time};
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
    slice: Span,
    switch: Span,
    wake: Span,
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
    slice_end: Time,
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
        let idle = cores.iter().rev().copied().collect();
        let ready = VecDeque::new();
        Host { ready, idle, cores, sliced: false, slice: spec.slice, switch: spec.switch, wake: spec.wake }
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
            slice_end: Time::ZERO,
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
        self.bill_thread(thread, Wait::Core);
        self.hosts[host.index()].ready.push_back(thread);
        self.disturb(host);
    }

    /// Notes that a host must dispatch once the current event is done.
    pub(crate) fn disturb(&mut self, host: HostId) {
        if !self.disturbed.contains(&host) {
            self.disturbed.push(host);
        }
    }

    /// Gives idle cores to runnable threads; then makes sure that no turn is endless while others wait.
    pub(crate) fn dispatch(&mut self, host: HostId) {
        loop {
            let state = &mut self.hosts[host.index()];
            if state.ready.is_empty() {
                state.sliced = false;
                return;
            }
            let Some(core) = state.idle.pop() else { break };
            let thread = state.ready.pop_front().expect("the queue was not empty");
            self.start(core, thread);
        }
        self.limit_turns(host);
    }

    /// Ends every turn at the end of its slice.
    fn limit_turns(&mut self, host: HostId) {
        if std::mem::replace(&mut self.hosts[host.index()].sliced, true) {
            return;
        }
        for at in 0..self.hosts[host.index()].cores.len() {
            let id = self.hosts[host.index()].cores[at];
            let core = &mut self.cores[id.index()];
            let end = core.slice_end.max(self.now);
            if core.thread.is_some() && core.until > end {
                core.until = end;
                self.queue.push(end, Event::Core(id));
            }
        }
    }

    fn start(&mut self, id: CoreId, thread: ThreadId) {
        let host = &self.hosts[self.cores[id.index()].host.index()];
        let core = &mut self.cores[id.index()];
        // A core that goes from one thread to the next was never idle.
        let latency = if core.idle_since == self.now && core.last.is_some() { Span::ZERO } else { host.wake };
        let switch = if core.last == thread { Span::ZERO } else { host.switch };
        core.thread = thread;
        core.busy_since = self.now + latency;
        core.slice_end = core.busy_since + host.slice;
        let state = &mut self.threads[thread.index()];
        state.status = Status::Running;
        state.core = id;
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
            let state = &self.threads[thread.index()];
            if state.gil && !self.take_gil(thread) {
                self.leave(id);
                return;
            }
            let state = &mut self.threads[thread.index()];
            state.left += std::mem::take(&mut state.owed);
            if !state.left.is_zero() {
                break;
            }
        }
        self.bill_thread(thread, Wait::Cpu);
        let core = &mut self.cores[id.index()];
        core.demand_end = self.now + self.threads[thread.index()].left;
        core.until = core.demand_end;
        if !self.hosts[core.host.index()].ready.is_empty() {
            core.until = core.until.min(core.slice_end.max(self.now));
        }
        self.queue.push(core.until, Event::Core(id));
    }

    /// Asks the thread what it wants. False if it left the core.
    fn take_demand(&mut self, id: CoreId, thread: ThreadId) -> bool {
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
                self.leave(id);
                false
            }
        }
    }

    /// Moves the thread on a core to the tail of the run queue.
    fn preempt(&mut self, id: CoreId) {
        let core = &self.cores[id.index()];
        let (host, thread) = (core.host, core.thread);
        self.threads[thread.index()].status = Status::Ready;
        self.bill_thread(thread, Wait::Core);
        self.hosts[host.index()].ready.push_back(thread);
        self.leave(id);
    }

    /// Frees a core.
    pub(crate) fn leave(&mut self, id: CoreId) {
        let core = &mut self.cores[id.index()];
        let thread = std::mem::replace(&mut core.thread, ThreadId::NONE);
        core.last = thread;
        core.until = Time::NEVER;
        core.idle_since = self.now;
        let (host, from) = (core.host, core.busy_since);
        let state = &mut self.threads[thread.index()];
        state.core = CoreId::NONE;
        if from < self.now {
            self.processes[state.process.index()].cpu += self.now - from;
            self.probe.on(self.now, Fact::CoreBusy { from });
        }
        self.hosts[host.index()].idle.push(id);
        self.disturb(host);
    }

    /// The run is over: what cores have been doing until now counts.
    pub(crate) fn stop_cores(&mut self) {
        for at in 0..self.cores.len() {
            if self.cores[at].thread.is_some() {
                self.leave(CoreId::from_index(at));
            }
        }
    }

    /// A core looks: its thread's demand is met, or its slice is over.
    pub(crate) fn core_event(&mut self, id: CoreId) {
        let core = &self.cores[id.index()];
        if core.until != self.now || core.thread.is_none() {
            return;
        }
        let (host, thread, left) = (core.host, core.thread, core.demand_end - self.now);
        self.threads[thread.index()].left = left;
        let contended = !self.hosts[host.index()].ready.is_empty();
        if contended && self.now >= core.slice_end {
            self.preempt(id);
            return;
        }
        if left.is_zero() {
            self.go(id);
            return;
        }
        let core = &mut self.cores[id.index()];
        core.until = core.demand_end;
        self.queue.push(core.until, Event::Core(id));
    }

    /// Takes the thread off its core in the middle of a demand.
    pub(crate) fn interrupt(&mut self, thread: ThreadId) {
        let id = self.threads[thread.index()].core;
        self.threads[thread.index()].left = self.cores[id.index()].demand_end - self.now;
        self.leave(id);
    }

    /// Opens the account `wait` for the request that a thread works on now.
    pub(crate) fn bill_thread(&mut self, thread: ThreadId, wait: Wait) {
        let state = &self.threads[thread.index()];
        let task = match state.role {
            Role::Hub(hub) => self.hubs[hub.index()].current,
            Role::Server | Role::PoolServer | Role::Acceptor | Role::Helper | Role::Router(_) => state.task,
        };
        if task.is_some() {
            self.bill(task, self.now, wait);
        }
    }

    /// Opens the account `wait` for the request of a task.
    pub(crate) fn bill(&mut self, task: TaskId, at: Time, wait: Wait) {
        let state = &self.tasks[task];
        // While a request has fanned out, its bill says so, whatever its runs do.
        if state.request.is_some() && state.parent.is_none() {
            let request = state.request;
            self.requests[request].turn(at, wait);
        }
    }
}
