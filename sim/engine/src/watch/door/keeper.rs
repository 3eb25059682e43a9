//! The probe that stands at the doors: it knows what every process does and who waits for it.

use super::{ClassDoor, DoorRecord, FULL, INSIDE, Meanwhile, Parts, SLOTS, Shut, Station, WorstDoor};
use crate::kit::id::{HubId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::model::asyncio::LoopSpec;
use crate::model::{Model, WorkerKind};
use crate::program::request::Request;
use crate::program::wait::{Ending, Wait};
use crate::watch::blame::BlameRows;
use crate::watch::door::Areas;
use crate::watch::probe::{Fact, Onlooker};
use crate::watch::trace::{Detail, Doing, DoorState, LoopPhase};

/// The slowest requests of a class that are kept: as many as the record has.
const WORST_MAX: usize = 3;

/// What is known of a process.
#[derive(Clone, Debug)]
struct ProcessNow {
    host: usize,
    listener: usize,
    kind: WorkerKind,
    slots: u64,
    /// Why it accepts nobody, if it is no process that would.
    shut: Option<Meanwhile>,
    /// Whether it has no room for another connection.
    full: bool,
    /// What its loop or its accepting thread does.
    doing: Meanwhile,
    /// Whether its loop has come to its poll.
    polls: bool,
    /// Whether its accepting thread waits for a client to close.
    closes: bool,
    /// Threads that serve, or close.
    taken: u64,
    /// Its requests by what they are at.
    inside: [u64; Wait::KINDS],
    /// Where accepted requests wait for one of its threads.
    within: Station,
}

impl ProcessNow {
    fn state(&self) -> usize {
        match self.shut {
            Some(shut) => shut.index(),
            None if self.full => FULL,
            None => self.doing.index(),
        }
    }
}

/// Where somebody waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Where {
    Listener(usize),
    Process(usize),
}

/// A request that is alive.
#[derive(Clone, Debug)]
struct Standing {
    /// Where it waits, since when, and the reading of then.
    waits: Option<Box<(Where, Time, Areas)>>,
    /// What it has waited for so far, if it has waited.
    parts: Option<Box<Parts>>,
    /// The process that has accepted it.
    given: Option<usize>,
    /// The one that serves it.
    served_by: Option<usize>,
    /// Whether it has been served: then it waits for its end only.
    begun: bool,
    wait: Wait,
}

const NOBODY: Standing =
    Standing { waits: None, parts: None, given: None, served_by: None, begun: false, wait: Wait::Network };

/// A server whose processes may all be shut at once.
#[derive(Clone, Copy, Default, Debug)]
struct HostNow {
    processes: u32,
    shut: u32,
    since: Time,
}

/// See [`crate::watch::door`].
#[derive(Debug)]
pub(crate) struct Doorkeeper {
    warm_up: Time,
    listeners: Vec<Station>,
    hosts: Vec<HostNow>,
    processes: Vec<ProcessNow>,
    /// The process of each thread that is there from the start, and whether it is the one that accepts for others.
    threads: Vec<(usize, bool)>,
    /// Whether it serves, of threads that accept for themselves.
    serves: Vec<bool>,
    hubs: Vec<usize>,
    requests: Vec<Standing>,
    tasks: Vec<RequestId>,
    /// Who ended last.
    ended: RequestId,
    record: DoorRecord,
}

impl Doorkeeper {
    pub(crate) fn new(model: &Model) -> Doorkeeper {
        let class = |_: &crate::model::ClassSpec| ClassDoor {
            rows: BlameRows::default(),
            lost: [Span::ZERO; Meanwhile::KINDS],
            worst: Vec::new(),
        };
        let mut keeper = Doorkeeper {
            warm_up: Time::ZERO + model.run.warm_up,
            listeners: model.listeners.iter().map(|_| Station::new()).collect(),
            hosts: vec![HostNow::default(); model.hosts.len()],
            processes: Vec::new(),
            threads: Vec::new(),
            serves: Vec::new(),
            hubs: Vec::new(),
            requests: Vec::new(),
            tasks: Vec::new(),
            ended: RequestId::NONE,
            record: DoorRecord { classes: model.classes.iter().map(class).collect(), shut: Shut::default() },
        };
        for (at, spec) in model.processes.iter().enumerate() {
            let kind = model.workers[spec.worker as usize].kind;
            let (slots, helpers, leader) = match kind {
                WorkerKind::Threads { threads } => (threads, threads, false),
                WorkerKind::Pool { threads, .. } => (threads, threads, true),
                WorkerKind::Hub { greenlets, .. } => (greenlets, 0, true),
                WorkerKind::Loop(_) => (LoopSpec::PLACES, 0, true),
            };
            if matches!(kind, WorkerKind::Hub { .. }) {
                keeper.hubs.push(at);
            }
            keeper.threads.extend(leader.then_some((at, true)));
            keeper.threads.extend((0..helpers).map(|_| (at, false)));
            let listener = spec.listener as usize;
            let host = model.listeners[listener].host as usize;
            keeper.hosts[host].processes += 1;
            keeper.listeners[listener].level[Meanwhile::Idle.index()] += 1;
            let mut within = Station::new();
            (within.level[Meanwhile::Idle.index()], within.level[SLOTS]) = (1, u64::from(slots));
            keeper.processes.push(ProcessNow {
                host,
                listener,
                kind,
                slots: u64::from(slots),
                shut: None,
                full: false,
                doing: Meanwhile::Idle,
                polls: false,
                closes: false,
                taken: 0,
                inside: [0; Wait::KINDS],
                within,
            });
        }
        keeper.serves = vec![false; keeper.threads.len()];
        keeper
    }

    /// What was seen until the run ended.
    pub(crate) fn finish(&mut self, now: Time) -> DoorRecord {
        for host in 0..self.hosts.len() {
            self.opens(host, now);
        }
        std::mem::take(&mut self.record)
    }

    fn standing(&mut self, request: RequestId) -> &mut Standing {
        if self.requests.len() <= request.index() {
            self.requests.resize(request.index() + 1, NOBODY);
        }
        &mut self.requests[request.index()]
    }

    /// Changes what is known of a process, and with it the levels of its station.
    fn change(&mut self, at: usize, now: Time, change: impl FnOnce(&mut ProcessNow)) {
        let process = &mut self.processes[at];
        let before = (process.state(), process.shut.is_some());
        let station = &mut self.listeners[process.listener];
        station.advance(now);
        let mut count = |process: &ProcessNow, sign: i64| {
            let mut add = |place: usize, number: u64| {
                let level = &mut station.level[place];
                *level = if sign > 0 { *level + number } else { *level - number };
            };
            add(process.state(), 1);
            if process.state() == FULL {
                add(SLOTS, process.slots);
                (0..Wait::KINDS).for_each(|wait| add(INSIDE + wait, process.inside[wait]));
            }
        };
        count(process, -1);
        change(process);
        count(process, 1);
        let (host, shut) = (process.host, process.shut.is_some());
        if before.1 != shut {
            self.shuts(host, shut, now);
        }
    }

    /// One more process of a server is shut, or one less.
    fn shuts(&mut self, host: usize, shut: bool, now: Time) {
        if !shut {
            self.opens(host, now);
            self.hosts[host].shut -= 1;
            return;
        }
        let state = &mut self.hosts[host];
        state.shut += 1;
        if now >= self.warm_up {
            self.record.shut.most = self.record.shut.most.max(state.shut);
        }
        state.since = now;
    }

    /// A server whose processes were all shut is so no longer.
    fn opens(&mut self, host: usize, now: Time) {
        let state = self.hosts[host];
        let closed = now.since(state.since.max(self.warm_up));
        if state.processes > 0 && state.shut == state.processes && !closed.is_zero() {
            let shut = Shut { times: 1, total: closed, longest: closed, most: 0 };
            self.record.shut = self.record.shut.merged(shut);
        }
    }

    /// A request that is served goes from one thing to the next, or begins or ends to be served (`None`).
    fn moves(&mut self, process: usize, now: Time, (from, to): (Option<Wait>, Option<Wait>)) {
        let state = &mut self.processes[process];
        let full = state.state() == FULL;
        state.within.advance(now);
        let station = &mut self.listeners[state.listener];
        if full {
            station.advance(now);
        }
        for (wait, sign) in from.map(|wait| (wait, -1)).into_iter().chain(to.map(|wait| (wait, 1))) {
            let place = INSIDE + wait as usize;
            let add =
                |level: &mut u64| *level = level.checked_add_signed(sign).expect("nobody leaves who did not come");
            add(&mut state.inside[wait as usize]);
            add(&mut state.within.level[place]);
            if full {
                add(&mut station.level[place]);
            }
        }
    }

    /// A thread of a process takes a connection, or is free for another.
    fn takes(&mut self, process: usize, now: Time, taken: bool) {
        let state = &mut self.processes[process];
        state.taken = if taken { state.taken + 1 } else { state.taken.saturating_sub(1) };
        let all = state.taken >= state.slots;
        match state.kind {
            WorkerKind::Threads { .. } => self.change(process, now, |process| process.full = all),
            WorkerKind::Pool { .. } => {
                state.within.advance(now);
                (state.within.level[FULL], state.within.level[Meanwhile::Idle.index()]) =
                    (u64::from(all), u64::from(!all));
            }
            WorkerKind::Hub { .. } | WorkerKind::Loop(_) => {}
        }
    }

    fn station(&mut self, place: Where) -> &mut Station {
        match place {
            Where::Listener(at) => &mut self.listeners[at],
            Where::Process(at) => &mut self.processes[at].within,
        }
    }

    fn enters(&mut self, request: RequestId, place: Where, now: Time) {
        // Routers have sockets of their own, and no workers behind them.
        if matches!(place, Where::Listener(at) if at >= self.listeners.len()) {
            return;
        }
        self.leaves(request, now);
        let reading = self.station(place).enter(now);
        self.standing(request).waits = Some(Box::new((place, now, reading)));
    }

    fn leaves(&mut self, request: RequestId, now: Time) {
        let standing = self.standing(request);
        let Some(waits) = standing.waits.take() else { return };
        let (place, since, reading) = *waits;
        let mut parts = standing.parts.take().unwrap_or_else(|| Box::new([Span::ZERO; Meanwhile::KINDS]));
        self.station(place).leave(now, since, &reading, &mut parts);
        self.standing(request).parts = Some(parts);
    }

    fn turned(&mut self, request: RequestId, to: Wait, now: Time) {
        let standing = self.standing(request);
        let from = std::mem::replace(&mut standing.wait, to);
        let (served, given, begun) = (standing.served_by, standing.given, standing.begun);
        if let Some(process) = served.filter(|_| from != to) {
            self.moves(process, now, (Some(from), Some(to)));
        }
        if let (Wait::Slot, Some(process), false) = (to, given, begun) {
            self.enters(request, Where::Process(process), now);
        }
    }

    fn begun(&mut self, request: RequestId, task: TaskId, (process, thread): (ProcessId, ThreadId), now: Time) {
        self.leaves(request, now);
        if self.tasks.len() <= task.index() {
            self.tasks.resize(task.index() + 1, RequestId::NONE);
        }
        self.tasks[task.index()] = request;
        let process = process.index();
        if process >= self.processes.len() {
            return;
        }
        let standing = self.standing(request);
        (standing.served_by, standing.begun) = (Some(process), true);
        let wait = standing.wait;
        self.moves(process, now, (None, Some(wait)));
        if let Some(serves) = self.serves.get_mut(thread.index()) {
            *serves = true;
        }
        self.takes(process, now, true);
    }

    fn finished(&mut self, task: TaskId, now: Time) {
        let Some(request) = self.tasks.get_mut(task.index()) else { return };
        let request = std::mem::replace(request, RequestId::NONE);
        if request.is_none() {
            return;
        }
        let standing = self.standing(request);
        let (served, wait) = (standing.served_by.take(), standing.wait);
        let Some(process) = served else { return };
        self.moves(process, now, (Some(wait), None));
        // A thread that accepts for itself may have to close first.
        if !matches!(self.processes[process].kind, WorkerKind::Threads { .. }) {
            self.takes(process, now, false);
        }
    }

    /// A thread does something else.
    fn thread(&mut self, thread: ThreadId, doing: Doing, now: Time) {
        let Some(&(process, true)) = self.threads.get(thread.index()) else { return };
        let state = &self.processes[process];
        let (hub, closes) = (matches!(state.kind, WorkerKind::Hub { .. }), state.closes);
        let doing = match doing {
            Doing::Running => Meanwhile::Ran,
            Doing::Runnable => Meanwhile::NoCore,
            Doing::Throttled => Meanwhile::Throttled,
            Doing::WaitingGil => Meanwhile::NoGil,
            Doing::Waiting if hub && !state.polls => Meanwhile::Blocked,
            Doing::Waiting if closes => Meanwhile::Closing,
            Doing::Waiting => Meanwhile::Idle,
        };
        self.change(process, now, |process| {
            process.doing = doing;
            process.closes &= doing != Meanwhile::Ran;
        });
    }

    fn door(&mut self, process: ProcessId, state: DoorState, now: Time) {
        let process = process.index();
        if process >= self.processes.len() {
            return;
        }
        self.change(process, now, |process| match state {
            DoorState::Room => process.full = false,
            DoorState::Full => process.full = true,
            DoorState::Closing => process.closes = true,
            DoorState::Up => process.shut = None,
            DoorState::Stopping => process.shut = Some(Meanwhile::Stopping),
            DoorState::Booting => process.shut = Some(Meanwhile::Booting),
            DoorState::Gone => process.shut = Some(Meanwhile::Gone),
        });
    }

    /// A process is gone: its threads are as on the first day.
    fn died(&mut self, process: usize, now: Time) {
        if process >= self.processes.len() {
            return;
        }
        for (thread, &(of, _)) in self.threads.iter().enumerate() {
            if of == process {
                self.serves[thread] = false;
            }
        }
        self.change(process, now, |process| {
            (process.taken, process.full, process.polls, process.closes) = (0, false, false, false);
            process.doing = Meanwhile::Idle;
        });
        let within = &mut self.processes[process].within;
        within.advance(now);
        (within.level[FULL], within.level[Meanwhile::Idle.index()]) = (0, 1);
    }

    fn detail(&mut self, now: Time, detail: Detail) {
        match detail {
            Detail::Sent { request, .. } => {
                self.leaves(request, now);
                *self.standing(request) = NOBODY;
            }
            Detail::Moved { request, to } => {
                self.leaves(request, now);
                let old = self.standing(request);
                let (parts, wait) = (old.parts.take(), old.wait);
                *self.standing(to) = Standing { parts, wait, ..NOBODY };
            }
            Detail::Ended { request, .. } => {
                self.leaves(request, now);
                self.ended = request;
            }
            Detail::Turned { request, to, .. } => self.turned(request, to, now),
            Detail::Named { request, wait } => self.turned(request, wait, now),
            Detail::Queued { listener, request } => self.enters(request, Where::Listener(listener as usize), now),
            Detail::Unqueued { request, .. } => self.leaves(request, now),
            Detail::Given { request, process } => {
                let process = Some(process.index()).filter(|&process| process < self.processes.len());
                let standing = self.standing(request);
                (standing.given, standing.begun) = (process, false);
            }
            Detail::Begun { request, task, thread, process, .. } => self.begun(request, task, (process, thread), now),
            Detail::Finished { task } => self.finished(task, now),
            Detail::Looks { thread } => {
                if let Some(serves) = self.serves.get_mut(thread.index())
                    && std::mem::take(serves)
                {
                    self.takes(self.threads[thread.index()].0, now, false);
                }
            }
            Detail::Thread { thread, doing, .. } => self.thread(thread, doing, now),
            Detail::Phase { hub, phase, .. } => self.phase(hub, phase),
            Detail::Door { process, state } => self.door(process, state, now),
            Detail::Died { process, .. } => self.died(process.index(), now),
            Detail::Core { .. }
            | Detail::Gil { .. }
            | Detail::Switched { .. }
            | Detail::Unit { .. }
            | Detail::Called { .. }
            | Detail::Replied { .. } => {}
        }
    }

    fn phase(&mut self, hub: HubId, phase: LoopPhase) {
        let process = self.hubs[hub.index()];
        self.processes[process].polls = phase == LoopPhase::Poll;
    }

    /// A request's bill is complete.
    fn ends(&mut self, at: Time, request: &Request, ending: Ending) {
        let ended = std::mem::replace(&mut self.ended, RequestId::NONE);
        if at < self.warm_up || ending == Ending::Unfinished || ended.is_none() {
            return;
        }
        let parts = self.standing(ended).parts.take();
        let parts = parts.map_or([Span::ZERO; Meanwhile::KINDS], |parts| *parts);
        let class = &mut self.record.classes[usize::from(request.class())];
        if ending != Ending::Ok {
            class.lost.iter_mut().zip(parts).for_each(|(sum, part)| *sum += part);
            return;
        }
        let (born, latency) = (request.born(), at - request.born());
        class.rows.add(latency, &parts);
        let enters = class.worst.len() < WORST_MAX || class.worst.last().is_some_and(|last| latency > last.latency);
        if enters {
            let place = class.worst.partition_point(|worst| worst.latency >= latency);
            class.worst.truncate(WORST_MAX - 1);
            class.worst.insert(place, WorstDoor { born, latency, parts });
        }
    }
}

impl Onlooker for Doorkeeper {
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        match fact {
            Fact::Ended(request, ending) => self.ends(at, request, ending),
            Fact::Detail(detail) => self.detail(at, detail),
            // What the recorder keeps.
            Fact::Sent(_)
            | Fact::Bytes { .. }
            | Fact::Gauge(..)
            | Fact::CoreBusy { .. }
            | Fact::Throttled { .. }
            | Fact::QuotaPeriod { .. }
            | Fact::HubRan { .. }
            | Fact::HubMet { .. }
            | Fact::HubHeld { .. }
            | Fact::Waited { .. }
            | Fact::JoinLag(_)
            | Fact::SynDropped
            | Fact::Born(_)
            | Fact::Said { .. }
            | Fact::FailedFast
            | Fact::RetryRefused
            | Fact::Hedged
            | Fact::HedgeWon
            | Fact::Ejected
            | Fact::Read(_)
            | Fact::Wrote { .. }
            | Fact::Used { .. }
            | Fact::Wasted { .. } => {}
        }
    }
}
