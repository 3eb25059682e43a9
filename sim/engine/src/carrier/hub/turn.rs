//! One iteration of the loop.
//!
//! After `ev.c:ev_run` and `corecext.pyx:_run_callbacks`: the callbacks, first in first out, with a look at the clock after every
//! 50th and an end of the batch after 5 ms (before gevent 1.3 after 1,000: [`Batch`]); epoll learns what changed; poll; the timers that are due; then the pending watchers,
//! priority by priority, the last made pending first.

use super::common_turns::Common;
use super::poll::LISTENER;
use super::timers::Purpose;
use super::{Callback, Hub, Pending};
use crate::carrier::above::LifeForCarrier;
use crate::carrier::hub::greenlet::GreenletLife;
use crate::kit::id::{HubId, TaskId};
use crate::kit::time::{Span, Time};
use crate::machine::Demand;
use crate::machine::warmth::Part;
use crate::model::Batch;
use crate::program::task::Parked;
use crate::watch::probe::Probe;
use crate::watch::trace::LoopPhase;
use crate::world::World;

/// Callbacks between two looks at the clock: gevent 26.9, `corecext.pyx`, `CALLBACK_CHECK_COUNT`.
const CALLBACK_CHECK_COUNT: u32 = 50;
/// How late the kernel ends a timed wait: Linux's default timer slack.
const TIMER_SLACK: Span = Span::from_us(50);
/// Pause between two heartbeats: gunicorn 27, `workers/ggevent.py`, `run`: `gevent.sleep(1.0)`.
const HEARTBEAT: Span = Span::from_secs(1);
/// `epoll_wait` counts in these.
const MILLISECOND: u64 = 1_000_000;

/// Where the loop is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    /// Running callbacks: so many until the next look at the clock, at which the batch ends from this instant on.
    Callbacks { count: u32, deadline: Time },
    /// Telling epoll what changed, then polling.
    Reify,
    /// In the poll.
    Poll,
    /// Running pending watchers.
    Invoke,
}

impl<P: Probe> World<'_, P> {
    /// Runs greenlets and loop until CPU time has to pass or there is nothing to do.
    #[inline(never)]
    pub(crate) fn hub_demand(&mut self, id: HubId) -> Demand {
        loop {
            let hub = self.hub(id);
            let polls = hub.phase == Phase::Poll && hub.current.is_none() && hub.underway.is_none();
            if polls && let Some(demand) = self.poll_outside_python(id) {
                return demand;
            }
            let demand = match self.common_turns(id) {
                Common::Ask(demand) => return demand,
                Common::Effect(task, effect) => self.make_of(id, self.carriers.hubs[id].thread, task, effect),
                Common::Other => self.any_turn(id),
            };
            if let Some(demand) = demand {
                return demand;
            }
        }
    }

    /// What a hub wants that is in its poll and finds nothing there, as most do that a crowd woke. `None`: it is to be asked in full.
    #[inline(always)]
    pub(in crate::carrier) fn finds_nothing(&mut self, id: HubId) -> Option<Demand> {
        let World { carriers, processes, net, threads, now, .. } = self;
        let hub = &mut carriers.hubs[id];
        if !hub.only_polls() || !hub.sockets.find_nothing(net.is_readable(processes[hub.process].socket())) {
            return None;
        }
        let (thread, until) = (hub.thread, hub.wake_up());
        if *now >= until {
            return None;
        }
        hub.polling = threads[thread].is_paid_up();
        if !hub.polling {
            return Some(Demand::PAY);
        }
        self.wake_at(thread, until);
        Some(Demand::Wait)
    }

    /// A piece of a greenlet, or a turn of the loop, whatever it is.
    #[inline(never)]
    fn any_turn(&mut self, id: HubId) -> Option<Demand> {
        let hub = self.hub(id);
        if hub.current.is_some() {
            return self.run_greenlet(id);
        }
        if hub.underway.is_some() {
            self.go_on(id);
            return None;
        }
        match hub.phase {
            Phase::Callbacks { count, deadline } => self.run_callback(id, count, deadline),
            Phase::Reify => Some(self.reify(id)),
            Phase::Poll => self.poll_outside_python(id),
            Phase::Invoke => {
                self.invoke(id);
                None
            }
        }
    }

    /// Begins a batch of callbacks.
    pub(crate) fn begin_batch(&mut self, id: HubId) {
        self.desk(id).tell_phase(LoopPhase::Callbacks);
        self.hub(id).begin_batch();
    }

    /// Step 1: one callback, or the end of the batch and step 2.
    #[inline]
    fn run_callback(&mut self, id: HubId, count: u32, deadline: Time) -> Option<Demand> {
        let mut count = count;
        if count == 0 && !self.hub(id).callbacks.is_empty() {
            self.refresh_clock(id);
            match self.hub(id).next_list(deadline) {
                Some(next) => count = next,
                None => return Some(self.reify(id)),
            }
        }
        let hub = self.hub(id);
        let Some(callback) = hub.callbacks.pop_front() else {
            self.refresh_clock(id);
            return Some(self.reify(id));
        };
        hub.phase = Phase::Callbacks { count: count.saturating_sub(1), deadline };
        match callback {
            Callback::Turn(task, ticket) => self.take_turn(id, task, ticket),
            Callback::Notify(link, serial) => self.begin_notify(id, link, serial),
            Callback::Links(green) => self.hub(id).underway = Some(super::Underway::Links(green)),
            Callback::Unlock(sync) => self.begin_unlock(id, sync),
            Callback::Kill(kill) => self.begin_kill(id, kill.victims, kill.killer),
        }
        None
    }

    /// A greenlet's turn has come, unless it does not wait for it any more.
    fn take_turn(&mut self, id: HubId, task: TaskId, ticket: u32) {
        let green = self.tasks.get(task).map(|state| state.green());
        let Some(green) = green else { return };
        if green.is_some() {
            let state = &mut self.carriers.greens[green];
            if state.ticket != ticket {
                return;
            }
            if state.life == GreenletLife::Queued {
                state.life = GreenletLife::Begun;
            }
        }
        self.switch_to(id, task);
    }

    /// Step 2, once all is paid: what happened until now is visible to the poll.
    #[inline]
    fn reify(&mut self, id: HubId) -> Demand {
        self.refresh_clock(id);
        self.desk(id).tell_phase(LoopPhase::Poll);
        self.hub(id).phase = Phase::Poll;
        Demand::PAY
    }

    /// The loop runs without the GIL (`corecext.pyx`, `with nogil: libev.ev_run`), and takes it for what it has found.
    #[inline(always)]
    fn poll_outside_python(&mut self, id: HubId) -> Option<Demand> {
        if self.carriers.lend_tasks() { self.poll_beside_threads(id) } else { self.poll(id) }
    }

    #[cold]
    fn poll_beside_threads(&mut self, id: HubId) -> Option<Demand> {
        let thread = self.carriers.hubs[id].thread;
        self.drop_gil(thread);
        self.poll(id).or_else(|| self.takes_gil(thread))
    }

    /// Step 3: report what is ready, or block.
    #[inline(never)]
    fn poll(&mut self, id: HubId) -> Option<Demand> {
        let World { carriers, processes, net, .. } = self;
        let hub = &mut carriers.hubs[id];
        let process = hub.process;
        let readable = net.is_readable(processes[process].socket());
        let blocked = std::mem::take(&mut hub.polling);
        hub.sockets.reify(readable);
        let reported = hub.sockets.report(readable, &mut hub.pending);
        let signalled = hub.natives.iter().any(|native| native.sent);
        if !reported && !signalled && hub.callbacks.is_empty() && hub.idles.is_empty() {
            let until = hub.wake_up();
            if self.now < until {
                return Some(self.block(id, until));
            }
        }
        let wake = if blocked { self.own_work(process, Part::Wake, Span::ZERO) } else { Span::ZERO };
        self.desk(id).after_poll(wake);
        self.desk(id).tell_phase(LoopPhase::Watchers);
        self.beat(process, HEARTBEAT);
        let hub = self.hub(id);
        if hub.pending.is_empty() && !signalled && hub.callbacks.is_empty() {
            hub.pending.extend(hub.idles.iter().map(|&task| Pending::Idle(task)));
        }
        hub.phase = Phase::Invoke;
        if signalled {
            self.feed_natives(id);
        }
        None
    }

    /// Parks the hub's thread in its poll.
    fn block(&mut self, id: HubId, until: Time) -> Demand {
        let thread = self.hub(id).thread;
        if !self.threads[thread].is_paid_up() {
            return Demand::PAY;
        }
        self.hub(id).polling = true;
        self.wake_at(thread, until);
        Demand::Wait
    }

    /// Step 6: the next pending watcher, or the end of the iteration.
    fn invoke(&mut self, id: HubId) {
        let hub = self.hub(id);
        if let Some(pending) = hub.pending.pop() {
            match pending {
                Pending::Sock(LISTENER) => self.on_listener(id),
                Pending::Sock(sock) => self.on_socket(id, sock),
                Pending::Timer(timer) => self.on_timer(id, timer),
                Pending::Idle(task) => {
                    let now = self.local(id);
                    self.tasks[task].ready_from(now);
                    self.switch_to(id, task);
                }
                Pending::Native(serial) => self.deliver(id, serial),
            }
            return;
        }
        if let Some(timer) = hub.limits.pop() {
            self.on_timer(id, timer);
            return;
        }
        if self.hub(id).rings {
            self.ring(id);
        }
        self.begin_batch(id);
    }

    /// A timer's turn has come, unless it was stopped meanwhile.
    fn on_timer(&mut self, id: HubId, timer: u32) {
        let Some((task, serial, purpose)) = self.hub(id).timers.run(timer) else { return };
        match purpose {
            Purpose::Wake => {
                self.tasks[task].take_handle();
                self.switch_to(id, task);
            }
            Purpose::Start => {
                let green = self.tasks[task].green();
                self.carriers.greens[green].life = GreenletLife::Begun;
                self.switch_to(id, task);
            }
            Purpose::Limit => self.on_limit(id, task, serial),
            Purpose::Gather => {
                let green = self.tasks[task].green();
                if let Some(gather) = &mut self.carriers.greens[green].gather {
                    gather.timer = None;
                }
                self.gathered(id, green, None);
            }
        }
    }

    /// Data is there: the greenlet reads it and goes on.
    fn on_socket(&mut self, id: HubId, sock: u32) {
        let sockets = &mut self.hub(id).sockets;
        let conn = sockets.sock(sock).conn;
        if conn.is_some() && sockets.sock(sock).wanted {
            return self.on_kept(id, sock, conn);
        }
        let task = sockets.sock(sock).task;
        if task.is_none() || !sockets.sock(sock).wanted {
            return;
        }
        if self.tasks[task].parked() == Parked::Peer {
            let sockets = &mut self.hub(id).sockets;
            sockets.watch(sock, false);
            sockets.close(sock);
            self.stop_limit(id, task);
            self.tasks[task].unpark();
        } else {
            let now = self.local(id);
            self.tasks[task].ready_from(now);
        }
        self.switch_to(id, task);
    }
}

impl Hub {
    /// Begins a batch of callbacks.
    pub(super) fn begin_batch(&mut self) {
        let count = match self.batch {
            Batch::Timed => CALLBACK_CHECK_COUNT,
            Batch::Counted(most) => {
                (self.listed, self.left) = (self.callbacks.len() as u32, most);
                self.listed
            }
        };
        self.phase = Phase::Callbacks { count, deadline: self.clock + self.interval };
    }

    /// How many callbacks run before the batch is looked at again; `None`: it is over.
    fn next_list(&mut self, deadline: Time) -> Option<u32> {
        match self.batch {
            Batch::Timed => (self.clock < deadline).then_some(CALLBACK_CHECK_COUNT),
            Batch::Counted(_) => {
                self.left = self.left.saturating_sub(self.listed);
                self.listed = self.callbacks.len() as u32;
                (self.left > 0).then_some(self.listed)
            }
        }
    }

    /// Whether it is in its poll and has nothing to do but what it may find there.
    #[inline(always)]
    fn only_polls(&self) -> bool {
        self.phase == Phase::Poll
            && self.current.is_none()
            && self.underway.is_none()
            && self.callbacks.is_empty()
            && self.idles.is_empty()
            && self.natives.is_empty()
    }

    /// When a poll that begins at the loop's clock ends by itself: whole milliseconds, rounded up as libev does, and the
    /// kernel's slack.
    fn wake_up(&self) -> Time {
        let Some(head) = self.timers.head() else { return Time::NEVER };
        let wait = head.since(self.clock).as_ns();
        if wait == 0 {
            return Time::ZERO;
        }
        let whole = ((wait + 999_900) / MILLISECOND).max(1);
        self.clock + Span::from_ns(whole * MILLISECOND) + TIMER_SLACK
    }
}
