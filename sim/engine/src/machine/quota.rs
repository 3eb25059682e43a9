//! A CPU limit: how much time the processes of a server may have on all cores together, and who stands still once it is used up.
//!
//! After Linux 6.12's bandwidth control (`kernel/sched/fair.c`: `__assign_cfs_rq_runtime`, `__account_cfs_rq_runtime`,
//! `throttle_cfs_rq`, `distribute_cfs_runtime`, `do_sched_cfs_period_timer`, `__return_cfs_rq_runtime`,
//! `do_sched_cfs_slack_timer`). A pool is filled once a period with the quota. A core takes a slice of 5 ms out of it at a time and
//! looks at each tick, and when its thread leaves, whether that is used up; so it may run over by up to a tick, which the next slice
//! pays. With an empty pool the core is throttled: its thread stays where it is, with whatever lock it holds, until a period begins. A
//! core that goes idle gives back what it has over one millisecond.
//!
//! Left out: that the periods of two containers begin apart, and that a woken thread may choose a core that is not throttled.

use std::collections::VecDeque;

use crate::kit::id::{CoreId, HostId};
use crate::kit::time::{Span, Time};
use crate::machine::Role;
use crate::machine::thread::Status;
use crate::model::CpuLimit;
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe};
use crate::watch::trace::Doing;
use crate::world::{Event, World};

/// What a core takes out of the pool at a time (`sched_cfs_bandwidth_slice_us`).
const SLICE: i64 = 5_000_000;
/// What an idle core keeps (`min_cfs_rq_runtime`).
const KEPT: i64 = 1_000_000;
/// How long after a core gave time back it is handed to those that stand still (`cfs_bandwidth_slack_period`).
const SLACK: Span = Span::from_ms(5);
/// Time that close to the next period is not handed out any more (`min_bandwidth_expiration`).
const SOON: Span = Span::from_ms(2);

/// The limit of a host's processes at run time.
#[derive(Debug)]
pub(crate) struct Quota {
    spec: CpuLimit,
    /// What is left of the period's time, in ns.
    pool: i64,
    /// When the next period begins; [`Time::NEVER`] while nobody has taken anything for a period.
    period_end: Time,
    /// Whether nobody has taken anything since the period began.
    untouched: bool,
    /// Whether time that was given back is about to be handed out.
    slack: bool,
    /// Cores that stand still, longest first.
    throttled: VecDeque<CoreId>,
}

/// What a core has of the limit of its host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ration {
    /// Time that it may still run, in ns; below zero if it ran over.
    left: i64,
    /// Until when that is accounted for.
    accounted: Time,
    /// The tick at which it looks; [`Time::NEVER`] without a limit.
    pub(in crate::machine) looks_at: Time,
    /// Since when it stands still; [`Time::NEVER`] while it does not.
    stopped: Time,
}

impl Ration {
    pub(in crate::machine) const NEW: Ration =
        Ration { left: 0, accounted: Time::ZERO, looks_at: Time::NEVER, stopped: Time::NEVER };

    /// Whether the core stands still.
    #[inline]
    pub(in crate::machine) fn is_throttled(&self) -> bool {
        self.stopped != Time::NEVER
    }
}

impl Quota {
    pub(in crate::machine) fn new(spec: CpuLimit) -> Quota {
        // Before anybody runs the pool is full, and the first period begins with the first who takes something.
        let pool = spec.quota.as_ns() as i64;
        Quota { spec, pool, period_end: Time::NEVER, untouched: true, slack: false, throttled: VecDeque::new() }
    }

    /// A core asks for what it lacks of a slice. What it gets.
    fn take(&mut self, wanted: i64) -> i64 {
        let given = self.pool.clamp(0, wanted);
        self.pool -= given;
        self.untouched &= given == 0;
        given
    }

    /// A period begins: unused time is lost but for the burst.
    fn refill(&mut self) {
        let (quota, most) = (self.spec.quota, self.spec.quota + self.spec.burst);
        self.pool = (self.pool + quota.as_ns() as i64).min(most.as_ns() as i64);
    }

    /// Whether the next period begins within `span`.
    fn begins_within(&self, now: Time, span: Span) -> bool {
        self.period_end == Time::NEVER || self.period_end <= now + span
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether the core may go on under the limit of its host; if so it knows when to look again, if not it stands still.
    #[cold]
    #[inline(never)]
    pub(in crate::machine) fn may_run(&mut self, id: CoreId) -> bool {
        if !self.is_limited(id) {
            self.machine.cores[id].ration.looks_at = Time::NEVER;
            return true;
        }
        self.account(id);
        let core = &self.machine.cores[id];
        let (host, left) = (core.host, core.ration.left);
        if left <= 0 {
            self.begin_periods(host);
            let host = &mut self.machine.hosts[host];
            let Some(quota) = &mut host.quota else { return true };
            self.machine.cores[id].ration.left += quota.take(SLICE - left);
        }
        let left = self.machine.cores[id].ration.left;
        if left <= 0 {
            self.throttle(id);
            return false;
        }
        let tick = self.machine.hosts[host].tick.as_ns();
        let used_up = (self.now + Span::from_ns(left as u64)).as_ns();
        self.machine.cores[id].ration.looks_at = Time::from_ns(used_up.next_multiple_of(tick));
        true
    }

    /// Whether the thread on a core has to do with the limit of its host: whoever sends stands beside the container.
    fn is_limited(&self, id: CoreId) -> bool {
        let core = &self.machine.cores[id];
        let sends = matches!(self.threads[core.thread].role(), Role::Generator(_));
        self.machine.hosts[core.host].quota.is_some() && !sends
    }

    /// What the thread on a core has run since the last look is paid.
    fn account(&mut self, id: CoreId) {
        let core = &mut self.machine.cores[id];
        let (ration, since) = (&mut core.ration, core.busy_since);
        if !ration.is_throttled() && ration.accounted < self.now {
            // Before its thread came it was idle.
            ration.left -= (self.now - ration.accounted.max(since)).as_ns() as i64;
            ration.accounted = self.now;
        }
    }

    /// Somebody takes time: periods follow each other from now on.
    fn begin_periods(&mut self, id: HostId) {
        let Some(quota) = &mut self.machine.hosts[id].quota else { return };
        if quota.period_end == Time::NEVER {
            let period = quota.spec.period.as_ns();
            quota.period_end = Time::from_ns((self.now.as_ns() / period + 1) * period);
            self.queue.push(quota.period_end, Event::Period(id));
        }
    }

    /// Nothing is left: the thread on the core stands still.
    fn throttle(&mut self, id: CoreId) {
        self.stop_stint(id);
        let core = &mut self.machine.cores[id];
        let (host, thread, from) = (core.host, core.thread, core.busy_since);
        core.ration.stopped = self.now;
        core.ration.looks_at = Time::NEVER;
        (core.until, core.turn_end) = (Time::NEVER, Time::NEVER);
        self.count_busy(thread, from);
        self.threads[thread].status = Status::Throttled;
        self.tell_thread(thread, Doing::Throttled);
        self.bill_thread(thread, Wait::Throttled);
        if let Some(quota) = &mut self.machine.hosts[host].quota {
            quota.throttled.push_back(id);
        }
    }

    /// A core that stood still may go on, or its thread is taken off it.
    fn runs_again(&mut self, id: CoreId) {
        let core = &mut self.machine.cores[id];
        let stood = self.now - core.ration.stopped;
        self.probe.on(self.now, Fact::Throttled { from: core.ration.stopped });
        core.ration.stopped = Time::NEVER;
        core.ration.accounted = self.now;
        core.busy_since = self.now;
        core.slice_from += stood;
        let thread = core.thread;
        self.threads[thread].status = Status::Running;
        self.tell_thread(thread, Doing::Running);
        let core = &mut self.machine.cores[id];
        let host = &mut self.machine.hosts[core.host];
        if host.run_queue.is_shared() {
            // It has had nothing of the time in which it stood there.
            let lost = stood.as_ns() as i64;
            core.ahead -= lost;
            host.run_queue.charge(-lost);
        }
    }

    /// The thread of a core leaves it: what it ran is paid, and what an idle core does not need goes back.
    #[cold]
    #[inline(never)]
    pub(in crate::machine) fn return_ration(&mut self, id: CoreId) {
        if !self.is_limited(id) {
            return;
        }
        let core = &self.machine.cores[id];
        let host = core.host;
        if core.ration.is_throttled() {
            self.runs_again(id);
            if let Some(quota) = &mut self.machine.hosts[host].quota {
                quota.throttled.retain(|&other| other != id);
            }
        } else {
            self.account(id);
        }
        let host_state = &mut self.machine.hosts[host];
        let ration = &mut self.machine.cores[id].ration;
        ration.looks_at = Time::NEVER;
        let (slack, wanted) = (ration.left - KEPT, host_state.is_wanted());
        let Some(quota) = &mut host_state.quota else { return };
        if slack <= 0 || wanted {
            return;
        }
        ration.left = KEPT;
        quota.pool += slack;
        let hands_out = quota.pool > SLICE && !quota.throttled.is_empty();
        if hands_out && !quota.slack && !quota.begins_within(self.now, SLACK + SOON) {
            quota.slack = true;
            self.queue.push(self.now + SLACK, Event::Slack(host));
        }
    }

    /// A period of the limit begins.
    #[cold]
    #[inline(never)]
    pub(crate) fn period_event(&mut self, id: HostId) {
        let Some(quota) = &mut self.machine.hosts[id].quota else { return };
        quota.refill();
        let throttled = !quota.throttled.is_empty();
        self.probe.on(self.now, Fact::QuotaPeriod { throttled });
        if quota.untouched && !throttled {
            quota.period_end = Time::NEVER;
            return;
        }
        quota.untouched = true;
        quota.period_end = self.now + quota.spec.period;
        self.queue.push(quota.period_end, Event::Period(id));
        self.end_throttling(id);
    }

    /// Time that an idle core gave back goes to those that stand still.
    #[cold]
    #[inline(never)]
    pub(crate) fn slack_event(&mut self, id: HostId) {
        let Some(quota) = &mut self.machine.hosts[id].quota else { return };
        quota.slack = false;
        if quota.pool > SLICE && !quota.begins_within(self.now, SOON) {
            self.end_throttling(id);
        }
    }

    /// Each core that stands still gets what it ran over, as long as there is any, and goes on.
    fn end_throttling(&mut self, id: HostId) {
        let Some(quota) = &mut self.machine.hosts[id].quota else { return };
        let mut freed = Vec::new();
        while let Some(&core) = quota.throttled.front() {
            let ration = &mut self.machine.cores[core].ration;
            let given = quota.take(1 - ration.left);
            ration.left += given;
            if ration.left <= 0 {
                break;
            }
            quota.throttled.pop_front();
            freed.push(core);
        }
        if !freed.is_empty() {
            self.disturb(id);
        }
        for core in freed {
            self.runs_again(core);
            self.go(core);
        }
    }
}
