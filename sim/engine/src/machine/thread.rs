//! An operating-system thread as the machine sees it: where it is, what it asked for, what it owes and what it is owed.

use crate::kit::id::{CoreId, GeneratorId, HubId, LoopId, ProcessId, RouterId, ThreadId};
use crate::kit::time::{Span, Time};

/// One operating-system thread; what it does with its time its carrier knows.
#[derive(Debug)]
pub(crate) struct Thread {
    process: ProcessId,
    role: Role,
    pub(super) status: Status,
    pub(super) core: CoreId,
    /// CPU time of the current demand still to do.
    pub(super) left: Span,
    /// Whether the current demand needs the GIL.
    pub(super) gil: bool,
    /// Whether what it computes is native code.
    pub(super) native: bool,
    /// Whether it sleeps in the run queue, because it was ahead.
    pub(super) owes: bool,
    /// When it left a core last.
    pub(super) left_at: Time,
    /// By how much it was behind the average of those that shared the cores when it went to sleep, in ns of CPU time.
    pub(super) lag: i64,
    /// How long it was off the cores before it came back; zero once that was paid for.
    pub(super) away: Span,
    /// CPU costs that were incurred and not yet paid: the thread's own clock is so far ahead.
    pub(super) owed: Span,
    /// When it wakes by itself; [`Time::NEVER`] if it does not.
    pub(super) wake_at: Time,
    /// Requests that it has begun since the window began.
    served: u32,
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
    /// On a core that stands still, because the CPU limit of its server is used up.
    Throttled,
}

impl Thread {
    /// One that waits for something to do.
    pub(crate) fn new(process: ProcessId, role: Role) -> Thread {
        Thread {
            process,
            role,
            status: Status::Parked,
            core: CoreId::NONE,
            left: Span::ZERO,
            gil: false,
            native: false,
            owes: false,
            left_at: Time::ZERO,
            lag: 0,
            away: Span::ZERO,
            owed: Span::ZERO,
            wake_at: Time::NEVER,
            served: 0,
        }
    }

    /// The process that it belongs to.
    #[inline(always)]
    pub(crate) fn process(&self) -> ProcessId {
        self.process
    }

    /// What it is for.
    #[inline(always)]
    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Whether it waits for something that is not the GIL.
    #[inline(always)]
    pub(crate) fn is_parked(&self) -> bool {
        self.status == Status::Parked
    }

    /// Whether it is on a core.
    #[inline(always)]
    pub(crate) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    /// Whether it is on a core, though that may stand still.
    pub(crate) fn has_core(&self) -> bool {
        matches!(self.status, Status::Running | Status::Throttled)
    }

    /// It waits for the GIL.
    #[inline(always)]
    pub(crate) fn waits_for_gil(&mut self) {
        self.status = Status::WaitingGil;
    }

    /// Whether it waits and has set itself no time to wake.
    pub(crate) fn sleeps_until_woken(&self) -> bool {
        self.is_parked() && self.wake_at == Time::NEVER
    }

    /// Whether it waits and has set itself this time to wake.
    #[inline(always)]
    pub(crate) fn sleeps_until(&self, at: Time) -> bool {
        self.wake_at == at && self.is_parked()
    }

    /// CPU costs that were incurred and not yet paid: the thread's own clock is so far ahead.
    #[inline(always)]
    pub(crate) fn owed(&self) -> Span {
        self.owed
    }

    /// Whether it has paid all that it owes.
    #[inline(always)]
    pub(crate) fn is_paid_up(&self) -> bool {
        self.owed.is_zero()
    }

    /// It owes so much more.
    #[inline(always)]
    pub(crate) fn owe(&mut self, cost: Span) {
        self.owed += cost;
    }

    /// It owes so much, whatever it owed before.
    #[inline(always)]
    pub(crate) fn owe_in_all(&mut self, cost: Span) {
        self.owed = cost;
    }

    /// What it owes becomes part of a demand of its carrier.
    #[inline(always)]
    pub(crate) fn take_debt(&mut self) -> Span {
        std::mem::take(&mut self.owed)
    }

    /// Whether what it computes is native code.
    #[inline(always)]
    pub(crate) fn is_native(&self) -> bool {
        self.native
    }

    /// What it is about to compute is native code, or is not.
    #[inline(always)]
    pub(crate) fn computes_natively(&mut self, native: bool) {
        self.native = native;
    }

    /// It has nothing to compute for which it would need the GIL.
    #[inline(always)]
    pub(crate) fn needs_no_gil(&mut self) {
        self.gil = false;
    }

    /// By how much it was behind the average when it went to sleep, in ns of CPU time.
    #[cfg(test)]
    pub(crate) fn lag(&self) -> i64 {
        self.lag
    }

    /// It sleeps, and will be as far behind when it wakes as another one is.
    pub(crate) fn lags_like(&mut self, other: &Thread) {
        self.lag = other.lag;
    }

    /// Requests that it has begun since the window began.
    pub(crate) fn served(&self) -> u32 {
        self.served
    }

    /// It begins a request.
    #[inline(always)]
    pub(crate) fn begins_request(&mut self) {
        self.served += 1;
    }

    /// The window begins.
    pub(crate) fn begin_counting(&mut self) {
        self.served = 0;
    }
}
