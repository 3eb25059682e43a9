//! The life of server processes: heartbeats, harakiri, recycling, and what a death costs.
//!
//! After gunicorn 27 (`arbiter.py`, `workers/`) and uWSGI 2.0 (`core/master.c`, `master_checks.c`, `utils.c`). A master looks at its
//! workers every second. gunicorn kills one whose main loop has not said that it is alive for `timeout`: a sync worker says so
//! before each accept, so a request longer than that is its death; gthread's main thread and gevent's hub say so every second,
//! whatever their requests do, so only a loop that does not come to run is. uWSGI kills a process whose `harakiri` has passed; a
//! process has one such deadline, which each request sets anew when it begins and clears when it ends, so that among threads a
//! quick request saves a slow one beside it.
//! A process that has begun `max_requests` accepts no more, serves what it has, and is replaced; it is killed when that takes too
//! long; uWSGI's goes on until it is `min-worker-lifetime` old. Whoever a killed process was serving sees the connection break. A
//! new process first spends `boot` on a core. uWSGI's master sleeps when more processes than it has died within a second of each
//! other (`master.c`, `respawn_delta`), and looks after nobody meanwhile. A process without a master is never replaced.
//! A process that is idle has nothing to fear, so its heartbeats are not simulated: nobody would see them.
//! Left out: the heartbeat's own CPU time, and limits on a process's own memory (`reload-on-rss`).

use crate::carrier::above::LifeForCarrier;
use crate::kit::id::{HostId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::process::Process;
use crate::machine::{Demand, Role};
use crate::model::WorkerKind;
use crate::model::worker::LifeSpec;
use crate::net::above::LifeForNet;
use crate::program::request::{Request, Stage};
use crate::watch::probe::{Probe, tell};
use crate::watch::record::WorkerCounts;
use crate::watch::trace::{Detail, Doing, DoorState};
use crate::world::{Event, World};

/// uWSGI 2.0 counts whole seconds (`uwsgi_now`).
const LOOK: Span = Span::from_secs(1);

/// Why a process is killed, or ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Death {
    Timeout,
    Harakiri,
    Graceful,
    Crash,
}

/// The life of one process at run time.
#[derive(Debug)]
pub(crate) struct Life {
    /// When its main loop last said that it is alive.
    notified_at: Time,
    /// When its harakiri is due.
    harakiri_at: Time,
    /// When it began.
    begun_at: Time,
    /// When it was up.
    pub(super) up_at: Time,
    /// When it stopped accepting, to be replaced.
    pub(super) stopping_at: Option<Time>,
    /// When it ends that accepts no more and has nothing open.
    pub(super) ends_at: Time,
    /// Whether its next tick finds that it has served all that it shall.
    pub(super) is_spent: bool,
    /// Whether it ends now: by itself, or because the kernel killed it.
    crashed: bool,
    /// Whether SIGABRT was sent to it in vain.
    aborted: bool,
    /// Requests that it may still begin.
    pub(super) left: u64,
    /// Connections that it has accepted and not closed.
    pub(super) open: u32,
    /// When the master looks next; [`Time::NEVER`] if there is nothing to look for.
    pub(super) look_at: Time,
    /// How many processes were in its place before.
    generation: u32,
    /// The thread that starts it, until it is up.
    booting: ThreadId,
}

impl Life {
    pub(crate) fn new() -> Life {
        Life {
            notified_at: Time::ZERO,
            harakiri_at: Time::NEVER,
            begun_at: Time::ZERO,
            up_at: Time::ZERO,
            stopping_at: None,
            ends_at: Time::ZERO,
            is_spent: false,
            crashed: false,
            aborted: false,
            left: u64::MAX,
            open: 0,
            look_at: Time::NEVER,
            generation: 0,
            booting: ThreadId::NONE,
        }
    }

    /// Whether the death of its process would end a request that hangs: its harakiri is set, or, where the serving thread itself says
    /// that the process is alive, its master looks at it.
    pub(crate) fn ends_what_hangs(&self, serves_alone: bool) -> bool {
        self.harakiri_at != Time::NEVER || serves_alone && self.look_at != Time::NEVER
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping_at.is_some()
    }
}

/// What all lives of a run have in common.
#[derive(Debug)]
pub(crate) struct Masters {
    pub(super) counts: WorkerCounts,
    /// Index of the stream of `max_requests_jitter`.
    pub(super) jitter: usize,
    /// Processes that are not up yet, and those that accept no more: mostly none, and then nobody's life need be looked at.
    booting: u32,
    stopping: u32,
    /// How fast processes die, by server.
    pub(super) deaths: Vec<Deaths>,
}

/// What a master knows of the deaths of its processes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Deaths {
    /// The whole second of the last one.
    second: Option<u64>,
    /// How many in a row came within a second of the one before.
    in_a_row: usize,
    /// Until when the master sleeps.
    asleep_until: Time,
}

impl Masters {
    /// `jitter`: index of the stream of `max_requests_jitter`.
    pub(crate) fn new(jitter: usize, hosts: usize) -> Masters {
        Masters {
            counts: WorkerCounts::default(),
            jitter,
            booting: 0,
            stopping: 0,
            deaths: vec![Deaths::default(); hosts],
        }
    }
}

/// Name of the stream of `max_requests_jitter`.
pub(crate) const JITTER: &str = "server/max_requests_jitter";

impl<P: Probe> World<'_, P> {
    pub(super) fn life_spec(&self, id: ProcessId) -> Option<&LifeSpec> {
        let process = &self.processes[id];
        let routed = self.carriers.is_router_or_sender(id);
        self.model.workers[process.worker()].life.as_ref().filter(|_| !routed)
    }

    /// How many requests a new process may begin.
    pub(crate) fn draw_lifetime(&mut self, id: ProcessId) {
        let Some((max, jitter)) = self.life_spec(id).and_then(|life| life.max_requests) else { return };
        let generation = u64::from(self.lives[id].generation);
        let extra = match jitter {
            0 => 0,
            jitter => {
                let row = generation * self.model.processes.len() as u64 + id.index() as u64;
                let bits = u128::from(self.streams.bits(self.masters.jitter, row));
                // Up to and with the jitter, as `randint(0, max_requests_jitter)`.
                ((bits * (u128::from(jitter) + 1)) >> 64) as u64
            }
        };
        self.lives[id].left = u64::from(max) + extra;
    }

    /// The main loop of a process says that it is alive.
    pub(crate) fn notify(&mut self, id: ProcessId) {
        let life = &mut self.lives[id];
        (life.notified_at, life.aborted) = (self.now, false);
        if life.look_at == Time::NEVER {
            self.look_later(id);
        }
    }

    /// The master will look when there may be something to see, at one of its whole seconds.
    pub(super) fn look_later(&mut self, id: ProcessId) {
        let Some(spec) = self.life_spec(id) else { return };
        let life = &self.lives[id];
        let heart = spec.timeout.map_or(Time::NEVER, |limit| life.notified_at + limit + Span::from_ns(1));
        let grace = life.stopping_at.map_or(Time::NEVER, |at| at + spec.graceful_timeout);
        // A hub that stops looks every second whether it is done.
        let beat =
            if life.stopping_at.is_some() && self.carriers.hub_of(id).is_some() { self.now } else { Time::NEVER };
        let due = heart.min(life.harakiri_at).min(grace).min(beat);
        if due == Time::NEVER {
            return;
        }
        let after = due.max(self.now + Span::from_ns(1)).as_ns();
        let look_at = Time::from_ns(after.next_multiple_of(spec.looks.as_ns()));
        let life = &mut self.lives[id];
        if look_at < life.look_at {
            life.look_at = look_at;
            self.queue.push(look_at, Event::Master(id));
        }
    }

    /// The master looks at a process.
    #[inline(never)]
    pub(crate) fn master_event(&mut self, id: ProcessId) {
        let now = self.now;
        let Some(spec) = self.life_spec(id).copied() else { return };
        let life = &mut self.lives[id];
        if life.look_at != now {
            return;
        }
        let nap_ends = self.masters.deaths[self.processes[id].host().index()].asleep_until;
        let life = &mut self.lives[id];
        if now < nap_ends {
            life.look_at = nap_ends;
            return self.queue.push(nap_ends, Event::Master(id));
        }
        life.look_at = Time::NEVER;
        if life.crashed {
            return self.kill_process(id, Death::Crash);
        }
        if life.booting.is_some() {
            return;
        }
        let (notified_at, harakiri_at, stopping_at, open) =
            (life.notified_at, life.harakiri_at, life.stopping_at, life.open);
        if stopping_at.is_some() && open == 0 {
            let ends_at = self.lives[id].ends_at;
            if now < ends_at {
                self.lives[id].look_at = ends_at;
                return self.queue.push(ends_at, Event::Master(id));
            }
            self.masters.counts.replaced += 1;
            return self.replace_process(id);
        }
        if stopping_at.is_some_and(|at| at + spec.graceful_timeout <= now) {
            return self.kill_process(id, Death::Graceful);
        }
        if harakiri_at <= now {
            return self.kill_process(id, Death::Harakiri);
        }
        // One that ticks says no more that it is alive once it has left its main loop.
        let asleep = self.main_loop_sleeps(id) && !(stopping_at.is_some() && self.tick_of(id).is_some());
        if spec.timeout.is_some_and(|limit| notified_at + limit < now) && !asleep {
            let deaf = self.main_loop_is_deaf(id);
            if !deaf || std::mem::replace(&mut self.lives[id].aborted, true) {
                return self.kill_process(id, Death::Timeout);
            }
        }
        if let Some(hub) = self.carriers.hub_of(id).filter(|_| stopping_at.is_some()) {
            self.carriers.close_listener_of_hub(hub);
        }
        let idle = asleep && stopping_at.is_none() && harakiri_at == Time::NEVER;
        if !idle {
            self.look_later(id);
        }
    }

    /// The thread whose loop says that the process is alive: the first.
    fn main_thread(&self, id: ProcessId) -> ThreadId {
        let at = self.threads.iter().position(|thread| thread.process() == id);
        ThreadId::from_index(at.expect("every process has a thread"))
    }

    /// Whether the main loop waits for something to do, with the heartbeat among it.
    fn main_loop_sleeps(&self, id: ProcessId) -> bool {
        let thread = self.main_thread(id);
        self.threads[thread].is_parked() && self.is_idle(thread)
    }

    /// Whether a signal handler in Python does not get to run: the main thread is in a call into C that does not come back for it.
    fn main_loop_is_deaf(&self, id: ProcessId) -> bool {
        let thread = &self.threads[self.main_thread(id)];
        matches!(thread.role(), Role::Hub(_) | Role::Loop(_)) && thread.is_parked()
    }

    /// Kills a process: whoever it serves sees the connection break. Another takes its place.
    fn kill_process(&mut self, id: ProcessId, death: Death) {
        let counts = &mut self.masters.counts;
        *match death {
            Death::Timeout => &mut counts.timeouts,
            Death::Harakiri => &mut counts.harakiris,
            Death::Graceful => &mut counts.graceful_kills,
            Death::Crash => &mut counts.crashed,
        } += 1;
        self.replace_process(id);
    }

    /// The process is gone with all that it had; the next one begins to boot.
    pub(crate) fn replace_process(&mut self, id: ProcessId) {
        let lost = self.take_down(id);
        self.masters.counts.lost += lost;
        let boot = self.life_spec(id).map_or(Span::ZERO, |life| life.boot);
        let begins_at = self.respawn_at(id);
        let main = self.main_thread(id);
        let before = &self.lives[id];
        let generation = before.generation + 1;
        self.masters.stopping -= u32::from(before.is_stopping());
        self.masters.booting += u32::from(before.booting.is_none());
        self.lives[id] = Life { generation, booting: main, notified_at: begins_at, begun_at: begins_at, ..Life::new() };
        self.processes[id].goes_cold();
        self.threads[main].owe_in_all(boot);
        self.draw_lifetime(id);
        if begins_at > self.now {
            self.tell_door(id, DoorState::Gone);
            return self.wake_at(main, begins_at);
        }
        self.tell_door(id, DoorState::Booting);
        self.make_ready(main);
    }

    /// When the master forks the successor of a process that is gone: now, or after a nap against fork bombs.
    fn respawn_at(&mut self, id: ProcessId) -> Time {
        let nap = self.life_spec(id).map_or(Span::ZERO, |spec| spec.forkbomb_delay);
        if nap.is_zero() {
            return self.now;
        }
        let host = self.processes[id].host();
        let processes = self.processes.iter().filter(|process| process.host() == host).count();
        let second = self.now.as_ns() / LOOK.as_ns();
        let deaths = &mut self.masters.deaths[host.index()];
        let soon = deaths.second.is_some_and(|last| second <= last + 1);
        deaths.in_a_row = if soon { deaths.in_a_row + 1 } else { 0 };
        if deaths.in_a_row > processes {
            deaths.in_a_row = 0;
            deaths.asleep_until = self.now + nap;
            self.masters.counts.naps += 1;
        }
        let begins_at = deaths.asleep_until.max(self.now);
        deaths.second = Some(begins_at.as_ns() / LOOK.as_ns());
        begins_at
    }

    /// Takes all that a process had away from it. Returns how many connections broke.
    fn take_down(&mut self, id: ProcessId) -> u64 {
        let mine = |request: &Request| request.stage() == Stage::Accepted || request.task().is_some();
        self.close_answered(id);
        self.drop_idle(id);
        if let Some(hub) = self.carriers.hub_of(id) {
            self.tell_last_hold(hub);
        }
        let requests: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(at, request)| self.net.link(*at).process() == id && mine(request))
            .map(|(request, _)| request)
            .collect();
        let tasks: Vec<TaskId> = self
            .tasks
            .iter()
            .filter(|(_, task)| self.threads[task.thread()].process() == id)
            .map(|(task, _)| task)
            .collect();
        let (alive, threads) = (&self.tasks, &self.threads);
        self.peer.forget(|task| alive.get(task).is_some_and(|task| threads[task.thread()].process() == id));
        for thread in self.threads.ids() {
            if self.threads[thread].process() == id {
                self.stop_thread(thread);
            }
        }
        for task in tasks {
            let state = self.tasks.remove(task);
            tell(&mut self.probe, self.now, Detail::Finished { task });
            if state.parent() == task {
                self.fates.forget(task);
            }
            self.carriers.forget_left_alone(self.model.programs[usize::from(state.program())].alone);
            if state.green().is_some() {
                self.carriers.forget_greenlet(state.green());
            }
        }
        let lost = requests.len() as u64;
        for request in requests {
            self.reset_connection(request);
        }
        self.clear_process(id);
        self.leave_socket(id);
        lost
    }

    /// A socket of its own closes with the process; for one that is shared, others are woken in its place.
    fn leave_socket(&mut self, id: ProcessId) {
        let listener = self.processes[id].socket();
        let threads = &self.threads;
        self.net.lose_turn(listener, |thread| threads[thread].process() == id);
        if self.model.kernel.sockets > 1 {
            return self.reset_queue(listener);
        }
        for _ in 0..self.net.queued_at(listener) {
            if !self.wake_oldest(listener) {
                return;
            }
        }
    }

    /// From now on it accepts nothing: a hub at its next heartbeat, threads at once.
    #[cold]
    #[inline(never)]
    pub(super) fn stop_accepting(&mut self, id: ProcessId) {
        self.masters.stopping += u32::from(!self.lives[id].is_stopping());
        self.lives[id].stopping_at = Some(self.now);
        self.tell_door(id, DoorState::Stopping);
        let (listener, threads) = (self.processes[id].socket(), &self.threads);
        self.net.leave_accept(listener, |thread| threads[thread].process() == id);
        if let Some(on) = self.loop_of(id) {
            self.loop_stops_accepting(on);
        }
    }

    /// Takes a thread off its core and out of every queue; it is as on the first day.
    fn stop_thread(&mut self, thread: ThreadId) {
        let state = &self.threads[thread];
        if state.has_core() {
            self.interrupt(thread);
        } else if state.is_parked() {
            let listener = self.processes[state.process()].socket();
            self.net.leave_accept(listener, |waiting| waiting == thread);
        }
        self.forget_ready(thread);
        self.carriers.forget_thread(thread);
        self.tell_thread(thread, Doing::Waiting);
    }

    /// The process's own memory: locks, queues, the GIL, the hub.
    fn clear_process(&mut self, id: ProcessId) {
        if let Some(hub) = self.carriers.hub_of(id) {
            let WorkerKind::Hub { greenlets, .. } = self.model.workers[self.processes[id].worker()].kind else {
                unreachable!("hubs run hub workers");
            };
            self.carriers.hub_starts_anew(hub, greenlets);
        }
        self.loop_anew(id);
        let hub = self.carriers.hub_of(id);
        tell(&mut self.probe, self.now, Detail::Died { process: id, hub });
        self.interpreters[id].start_anew();
        self.breakers.start_anew(id, &self.model.peers);
        self.carriers.start_anew(id);
        self.sharing.end_process(id);
        self.build_syncs(id);
    }
}

impl<P: Probe> LifeForNet for World<'_, P> {
    fn life_accepts(&mut self, id: ProcessId) {
        self.lives[id].open += 1;
    }

    fn life_begins(&mut self, id: ProcessId) {
        let Some(spec) = self.life_spec(id).copied() else { return };
        let now = self.now;
        let life = &mut self.lives[id];
        if let Some(limit) = spec.harakiri {
            // uWSGI counts whole seconds (`uwsgi_now`).
            life.harakiri_at = Time::from_ns(now.as_ns() - now.as_ns() % LOOK.as_ns()) + limit;
        }
        // One that ticks counts what it has answered.
        if self.tick_of(id).is_none() {
            let life = &mut self.lives[id];
            life.left = life.left.saturating_sub(1);
            if life.left == 0 && life.stopping_at.is_none() && life.begun_at + spec.lifetime_least <= now {
                self.stop_accepting(id);
            }
        }
        if matches!(self.model.workers[self.processes[id].worker()].kind, WorkerKind::Threads { .. }) {
            self.notify(id);
        }
        self.look_later(id);
    }

    fn life_idles(&mut self, id: ProcessId) {
        let life = &mut self.lives[id];
        life.harakiri_at = Time::NEVER;
        if life.left != u64::MAX && !life.is_spent {
            self.counts_answer(id);
        }
    }

    fn life_closes(&mut self, id: ProcessId) {
        self.life_idles(id);
        self.life_drops(id);
    }

    fn life_drops(&mut self, id: ProcessId) {
        let life = &mut self.lives[id];
        life.open = life.open.saturating_sub(1);
        if life.stopping_at.is_some() && life.open == 0 && self.carriers.hub_of(id).is_none() {
            // It exits now; the threads that are on their way out do so first.
            self.exits(id);
        }
    }

    #[cold]
    #[inline(never)]
    fn crash(&mut self, id: ProcessId) -> bool {
        if self.life_spec(id).is_none() {
            return false;
        }
        let life = &mut self.lives[id];
        life.crashed = true;
        life.look_at = self.now;
        self.queue.push(self.now, Event::Master(id));
        true
    }

    fn dies_of_emfile(&mut self, id: ProcessId) -> bool {
        self.life_spec(id).is_some_and(|spec| spec.dies_of_emfile) && self.crash(id)
    }

    #[inline(always)]
    fn accepts_no_more(&self, id: ProcessId) -> bool {
        self.is_stopping(id)
    }
}

impl<P: Probe> LifeForCarrier for World<'_, P> {
    fn add_process(&mut self, host: HostId, socket: usize, worker: usize) -> ProcessId {
        self.push_process(Process::new(host, socket, worker), None, u32::MAX)
    }

    fn beat(&mut self, id: ProcessId, every: Span) {
        let life = &self.lives[id];
        if (life.look_at == Time::NEVER || life.notified_at + every <= self.now)
            && self.life_spec(id).is_some_and(|spec| spec.timeout.is_some())
        {
            self.notify(id);
        }
    }

    #[inline(always)]
    fn boot_demand(&mut self, thread: ThreadId) -> Option<Demand> {
        if self.masters.booting == 0 { None } else { self.boots(thread) }
    }

    #[inline(always)]
    fn is_stopping(&self, id: ProcessId) -> bool {
        self.masters.stopping > 0 && self.lives[id].is_stopping()
    }

    #[cold]
    fn tick_finds_it_spent(&mut self, id: ProcessId) {
        self.leaves_main_loop(id);
    }
}

impl<P: Probe> World<'_, P> {
    /// What the main thread of a process does that is not up yet; `None` for all others, and once it is.
    #[cold]
    fn boots(&mut self, thread: ThreadId) -> Option<Demand> {
        let id = self.threads[thread].process();
        if self.lives[id].booting != thread {
            return None;
        }
        if !self.threads[thread].is_paid_up() {
            self.tell_door(id, DoorState::Booting);
            return Some(Demand::PAY);
        }
        self.masters.booting -= 1;
        self.lives[id].booting = ThreadId::NONE;
        self.lives[id].up_at = self.now;
        self.tell_door(id, DoorState::Up);
        if let Role::Hub(hub) = self.threads[thread].role() {
            self.carriers.hub_is_up(hub, self.now);
        }
        self.notify(id);
        for other in self.threads.ids() {
            if self.threads[other].process() == id && other != thread {
                self.stands_by(other);
            }
        }
        None
    }
}
