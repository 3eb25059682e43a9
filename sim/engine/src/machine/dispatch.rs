//! Who gets a core, and for how long: what a host does with its run queue.
//!
//! A running thread is safe for a slice, as long as it has not had more than the average. After its slice it must be the best choice still
//! when the kernel looks, which is when another thread wakes up, or at the next tick; ahead of the average, it makes way for who wakes up
//! and is the best choice (`update_deadline`, `protect_slice`, `check_preempt_wakeup_fair`). A thread that runs alone begins a new
//! slice at such a tick. The rule of choice is in [`crate::machine::runqueue`].

use crate::kit::id::{CoreId, HostId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::runqueue::{Entry, signed};
use crate::machine::warmth::cooled;
use crate::machine::{Host, Status, Thread};
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe, tell};
use crate::watch::trace::{Detail, Doing};
use crate::world::{Event, World};

impl Host {
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
    pub(crate) fn turn_end(&self, from: Time, now: Time) -> Time {
        let earliest = (self.slice_began(from, now) + self.slice).max(now).as_ns();
        Time::from_ns(earliest.next_multiple_of(self.tick.as_ns()))
    }

    /// Whether somebody waits for a core.
    #[inline]
    pub(crate) fn is_wanted(&self) -> bool {
        !self.arrivals.is_empty() || self.run_queue.has_waiting()
    }

    /// How much lag a thread keeps (`entity_lag`).
    fn lag_max(&self) -> i64 {
        (self.slice + self.slice).max(self.tick).as_ns() as i64
    }
}

impl<P: Probe> World<'_, P> {
    /// Hosts that something has happened to dispatch.
    pub(crate) fn dispatch_disturbed(&mut self) {
        while let Some(host) = self.machine.disturbed.pop() {
            self.machine.hosts[host].disturbed = false;
            self.dispatch(host);
            if self.machine.hosts.len() == 1 {
                // What disturbed the only host meanwhile, its own dispatch has seen.
                self.machine.hosts[host].disturbed = false;
                self.machine.disturbed.clear();
            }
        }
    }

    /// Makes a waiting thread runnable.
    pub(crate) fn make_ready(&mut self, thread: ThreadId) {
        let state = &mut self.threads[thread];
        debug_assert!(matches!(state.status, Status::Parked | Status::WaitingGil), "{thread:?} is already up");
        state.status = Status::Ready;
        state.wake_at = Time::NEVER;
        let host = self.processes[state.process()].host();
        self.tell_thread(thread, Doing::Runnable);
        self.bill_thread(thread, Wait::Core);
        let host_state = &mut self.machine.hosts[host];
        host_state.arrivals.push_back(thread);
        host_state.woken = true;
        self.disturb(host);
    }

    /// Notes that a host must dispatch once the current event is done.
    pub(crate) fn disturb(&mut self, host: HostId) {
        if !std::mem::replace(&mut self.machine.hosts[host].disturbed, true) {
            self.machine.disturbed.push(host);
        }
    }

    /// Gives idle cores to runnable threads; then those that woke up make threads leave, and every turn gets an end while others wait.
    #[inline(always)]
    pub(crate) fn dispatch(&mut self, host: HostId) {
        loop {
            let state = &mut self.machine.hosts[host];
            if state.run_queue.is_shared() {
                if !self.share_out(host) {
                    return;
                }
                continue;
            }
            let Some(thread) = state.arrivals.front().copied() else {
                (state.sliced, state.woken) = (false, false);
                return;
            };
            let Some(core) = state.idle.pop() else {
                self.place_arrivals(host);
                continue;
            };
            state.arrivals.pop_front();
            self.machine.cores[core].slice_from = self.now;
            self.start(core, thread);
        }
    }

    /// One step of a dispatch where threads share cores; false if it was the last.
    #[inline(never)]
    fn share_out(&mut self, host: HostId) -> bool {
        self.place_arrivals(host);
        if !self.machine.hosts[host].idle.is_empty() {
            self.start_best(host);
            return true;
        }
        let state = &mut self.machine.hosts[host];
        if !state.run_queue.has_waiting() {
            (state.sliced, state.woken) = (false, false);
            return false;
        }
        if state.woken && self.make_room(host) {
            return true;
        }
        self.machine.hosts[host].woken = false;
        self.limit_turns(host);
        false
    }

    /// Those that woke up get their places among the threads that share the cores.
    fn place_arrivals(&mut self, host: HostId) {
        let state = &self.machine.hosts[host];
        if state.arrivals.is_empty() {
            return;
        }
        if !state.run_queue.has_waiting() {
            // Meanwhile the kernel has looked: who sleeps and owes nothing more is gone.
            while let Some((at, _)) = self.machine.hosts[host].run_queue.best(self.now) {
                self.acquit(host, at);
            }
        }
        let state = &mut self.machine.hosts[host];
        if !state.run_queue.is_shared() {
            for at in 0..state.cores.len() {
                let core = &mut self.machine.cores[state.cores[at]];
                if core.thread.is_some() {
                    core.slice_from = state.slice_began(core.slice_from, self.now);
                    core.ahead = state.run_queue.join(self.now);
                }
            }
        }
        while let Some(thread) = state.arrivals.pop_front() {
            let sleeper = &mut self.threads[thread];
            let lag = std::mem::take(&mut sleeper.lag);
            if !std::mem::take(&mut sleeper.owes) || !state.run_queue.wake(thread, self.now) {
                state.run_queue.place(thread, lag, state.slice, self.now);
            }
        }
    }

    /// A thread that sleeps in the run queue leaves it.
    fn acquit(&mut self, host: HostId, at: usize) {
        let thread = self.machine.hosts[host].run_queue.acquit(at);
        let state = &mut self.threads[thread];
        (state.owes, state.lag) = (false, 0);
    }

    /// An idle core gets the best of those that wait; if there is none, nobody owes anything any more.
    fn start_best(&mut self, host: HostId) {
        loop {
            let queue = &self.machine.hosts[host].run_queue;
            let Some((at, entry)) = queue.best(self.now).or_else(|| queue.first()) else { return };
            if self.threads[entry.thread].owes {
                self.acquit(host, at);
                continue;
            }
            let state = &mut self.machine.hosts[host];
            let id = state.idle.pop().expect("it was asked for");
            let core = &mut self.machine.cores[id];
            core.ahead = state.run_queue.start(at, self.now);
            let used = state.slice.as_ns() as i64 - (entry.deadline - entry.virt);
            core.slice_from = self.now.saturating_sub(Span::from_ns(used.max(0) as u64));
            return self.start(id, entry.thread);
        }
    }

    /// Whether the thread on a core must leave for one that it has just woken: before it is back from that system call.
    pub(crate) fn gives_way(&mut self, id: CoreId) -> bool {
        let host = self.machine.cores[id].host;
        let state = &self.machine.hosts[host];
        if !state.woken || !state.idle.is_empty() {
            return false;
        }
        self.place_arrivals(host);
        self.machine.hosts[host].run_queue.has_waiting() && self.must_leave(id, false)
    }

    /// Where the thread of a core has got to, as it would stand in the queue.
    fn entry_of(&self, id: CoreId) -> Entry {
        let core = &self.machine.cores[id];
        let host = &self.machine.hosts[core.host];
        let virt = core.ahead + signed(self.now);
        let end = host.slice_began(core.slice_from, self.now) + host.slice;
        let left = if end <= self.now { host.slice } else { end - self.now };
        Entry { thread: core.thread, virt, deadline: virt + left.as_ns() as i64, woken: Time::NEVER }
    }

    /// Whether the thread on a core must leave it for one of those that wait; `over` if its turn is.
    fn must_leave(&mut self, id: CoreId, over: bool) -> bool {
        let (host, now) = (self.machine.cores[id].host, self.now);
        let over = over || self.machine.hosts[host].slice_is_over(self.machine.cores[id].slice_from, now);
        let entry = self.entry_of(id);
        loop {
            let queue = &self.machine.hosts[host].run_queue;
            let eligible = queue.is_eligible(entry.virt, now);
            if eligible && !over {
                return false;
            }
            let Some((at, best)) = queue.best(now) else { break };
            if self.threads[best.thread].owes {
                self.acquit(host, at);
                continue;
            }
            if !over {
                return best.woken == now;
            }
            if !eligible || best.deadline <= entry.deadline {
                return true;
            }
            break;
        }
        if over {
            self.machine.cores[id].slice_from = now;
        }
        false
    }

    /// The first thread that must leave its core does. False if there is none.
    #[inline(never)]
    fn make_room(&mut self, host: HostId) -> bool {
        for at in 0..self.machine.hosts[host].cores.len() {
            let id = self.machine.hosts[host].cores[at];
            if self.machine.cores[id].runs() && self.must_leave(id, false) {
                self.stop_stint(id);
                self.preempt(id);
                return true;
            }
        }
        false
    }

    /// Ends every turn at the tick after its slice.
    #[inline(never)]
    fn limit_turns(&mut self, host: HostId) {
        if std::mem::replace(&mut self.machine.hosts[host].sliced, true) {
            return;
        }
        for at in 0..self.machine.hosts[host].cores.len() {
            let id = self.machine.hosts[host].cores[at];
            let core = &mut self.machine.cores[id];
            if core.runs() {
                core.turn_end = self.machine.hosts[host].turn_end(core.slice_from, self.now);
                if core.until > core.turn_end {
                    core.until = core.turn_end;
                    self.queue.push(core.until, Event::Core(id));
                }
            }
        }
    }

    /// The core looks when its thread has what it wants, or its turn is over.
    #[inline(always)]
    pub(crate) fn look_again(&mut self, id: CoreId) {
        let limited = self.machine.limited;
        if limited && !self.may_run(id) {
            return;
        }
        let core = &mut self.machine.cores[id];
        let host = &self.machine.hosts[core.host];
        if !host.is_wanted() {
            core.turn_end = Time::NEVER;
        } else if core.turn_end == Time::NEVER || core.turn_end < self.now {
            core.turn_end = host.turn_end(core.slice_from, self.now);
        }
        core.until = core.demand_end.min(core.turn_end);
        if limited {
            core.until = core.until.min(core.ration.looks_at);
        }
        self.queue.push(core.until, Event::Core(id));
    }

    /// Puts a thread on an idle core, which costs what it costs.
    #[inline(always)]
    fn start(&mut self, id: CoreId, thread: ThreadId) {
        let away = self.now - self.unused_since(thread);
        let host = &self.machine.hosts[self.machine.cores[id].host];
        let core = &mut self.machine.cores[id];
        // A core that goes from one thread to the next was never idle.
        let latency = match core.last.is_some() && core.idle_since == self.now {
            true => Span::ZERO,
            false => cooled(host.wake, host.cooling, Some(self.now - core.idle_since)),
        };
        let switch = if core.last == thread { Span::ZERO } else { cooled(host.switch, host.cooling, Some(away)) };
        core.thread = thread;
        core.busy_since = self.now;
        core.turn_end = Time::NEVER;
        self.tell_thread(thread, Doing::Running);
        let state = &mut self.threads[thread];
        state.status = Status::Running;
        state.core = id;
        tell(&mut self.probe, self.now, Detail::Core { core: id, thread });
        state.away = away;
        state.owed += latency + switch;
        self.go(id);
    }

    /// The thread on a core gives up the rest of its slice, as if it had used it (`yield_task_fair`).
    pub(crate) fn give_up_slice(&mut self, id: CoreId) {
        let host = self.machine.cores[id].host;
        self.place_arrivals(host);
        let entry = self.entry_of(id);
        let (queue, core) = (&mut self.machine.hosts[host].run_queue, &mut self.machine.cores[id]);
        if queue.is_eligible(entry.virt, self.now) {
            let rest = entry.deadline - entry.virt;
            queue.charge(rest);
            core.ahead += rest;
            core.slice_from = self.now;
        }
        self.preempt(id);
    }

    /// The thread on a core waits for the next one.
    #[inline(never)]
    pub(crate) fn preempt(&mut self, id: CoreId) {
        let core = &self.machine.cores[id];
        let (host, thread) = (core.host, core.thread);
        self.threads[thread].status = Status::Ready;
        self.tell_thread(thread, Doing::Runnable);
        self.bill_thread(thread, Wait::Core);
        let (entry, ahead) = (self.entry_of(id), self.machine.cores[id].ahead);
        let queue = &mut self.machine.hosts[host].run_queue;
        debug_assert!(queue.is_shared(), "somebody wants the core");
        queue.leaves_core(ahead);
        queue.insert(entry);
        self.free(id);
    }

    /// The thread on a core goes to sleep.
    pub(crate) fn leave(&mut self, id: CoreId) {
        let core = &self.machine.cores[id];
        let (host, thread) = (core.host, core.thread);
        let state = &self.machine.hosts[host];
        if state.run_queue.is_shared() || !state.arrivals.is_empty() && state.idle.is_empty() {
            self.settle_lag(id);
        } else {
            self.threads[thread].lag = 0;
        }
        self.free(id);
    }

    /// What it owes or is owed is remembered.
    #[inline(never)]
    fn settle_lag(&mut self, id: CoreId) {
        let host = self.machine.cores[id].host;
        self.place_arrivals(host);
        let (entry, ahead) = (self.entry_of(id), self.machine.cores[id].ahead);
        let state = &mut self.machine.hosts[host];
        let sleeper = &mut self.threads[entry.thread];
        let lag = state.run_queue.lag(entry.virt, self.now);
        sleeper.owes = lag < 0;
        sleeper.lag = lag.clamp(0, state.lag_max());
        state.run_queue.leaves_core(ahead);
        if sleeper.owes {
            state.run_queue.insert_asleep(entry);
        }
    }

    /// Nobody is on a core any more.
    fn free(&mut self, id: CoreId) {
        if self.machine.limited {
            self.return_ration(id);
        }
        let core = &mut self.machine.cores[id];
        let thread = std::mem::replace(&mut core.thread, ThreadId::NONE);
        core.last = thread;
        tell(&mut self.probe, self.now, Detail::Core { core: id, thread: ThreadId::NONE });
        core.until = Time::NEVER;
        core.idle_since = self.now;
        let (host, from) = (core.host, core.busy_since);
        let state = &mut self.threads[thread];
        state.core = CoreId::NONE;
        state.left_at = self.now;
        self.processes[state.process()].left_at = self.now;
        self.count_busy(thread, from);
        let alone = self.machine.hosts.len() == 1;
        let state = &mut self.machine.hosts[host];
        state.idle.push(id);
        // Nobody wants the core and nobody is limited: the dispatch would find nothing to do. With other hosts beside this one it
        // is asked for all the same, so that their turns keep their order.
        if !alone || !state.arrivals.is_empty() || state.run_queue.is_shared() || state.sliced || state.woken {
            self.disturb(host);
        }
    }

    /// A thread has been computing since `from`.
    #[inline(always)]
    pub(in crate::machine) fn count_busy(&mut self, thread: ThreadId, from: Time) {
        if from < self.now {
            self.processes[self.threads[thread].process()].cpu += self.now - from;
            self.probe.on(self.now, Fact::CoreBusy { from });
        }
    }

    /// The run is over: what cores have been doing until now counts.
    pub(crate) fn stop_cores(&mut self) {
        for core in self.machine.cores.ids() {
            if self.machine.cores[core].thread.is_some() {
                self.free(core);
            }
        }
    }

    /// A core looks: its thread's demand is met, or its turn is over.
    #[inline(always)]
    pub(crate) fn core_event(&mut self, id: CoreId) {
        let core = &self.machine.cores[id];
        if core.until != self.now || core.thread.is_none() {
            return;
        }
        if core.demand_end <= self.now {
            self.end_stint(id);
            self.go(id);
            return;
        }
        if core.ration.looks_at <= self.now && core.turn_end > self.now {
            // A limit makes a core look before its thread's turn is over.
            return self.look_again(id);
        }
        self.turn_over(id);
    }

    /// The kernel looks at a tick whether the thread on a core must leave it.
    #[inline(never)]
    fn turn_over(&mut self, id: CoreId) {
        let core = &mut self.machine.cores[id];
        let host = core.host;
        core.turn_end = Time::NEVER;
        if !self.machine.hosts[host].is_wanted() {
            // Those who waited are gone: a new slice.
            core.slice_from = self.now;
            return self.look_again(id);
        }
        self.place_arrivals(host);
        if self.must_leave(id, true) {
            self.stop_stint(id);
            self.preempt(id);
        } else {
            self.look_again(id);
        }
    }

    /// A thread is in no queue for a core any more, and as on its first day.
    pub(crate) fn forget_ready(&mut self, thread: ThreadId) {
        let state = &self.threads[thread];
        let host = &mut self.machine.hosts[self.processes[state.process()].host()];
        host.arrivals.retain(|&arrived| arrived != thread);
        host.run_queue.forget(thread, state.owes);
        self.threads[thread] = Thread::new(state.process(), state.role());
    }
}
