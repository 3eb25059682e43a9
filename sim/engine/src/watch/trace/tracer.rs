//! The probe behind a trace: it follows every entity from the start of the run, because what lasts may have begun before the window.

use super::carriers::{CallNow, ThreadNow};
use super::hubs::{HubNow, Running};
use super::keep::Keep;
use super::{ArrowKind, Counter, Detail, Key, Layout, StepOf, Trace, TraceWindow, Traced, Track, What};
use crate::kit::id::{HubId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::Time;
use crate::model::Model;
use crate::program::op::Op;
use crate::program::request::Why;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Onlooker};

pub(super) const NO_STEP: StepOf = StepOf { program: 0, pc: None };

/// A request that is alive.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) traced: Traced,
    /// What slices call it, once one does.
    pub(super) key: Option<Key>,
    pub(super) wait: Wait,
    pub(super) step: StepOf,
    pub(super) since: Time,
    /// Whether its sender still waits.
    pub(super) wanted: bool,
    /// When it entered its accept queue, and when it left.
    pub(super) queued: Option<(u32, Time)>,
    pub(super) unqueued: Option<(u32, Time)>,
    /// Where it is served, and since when.
    pub(super) place: Option<Place>,
    /// The reply that it has not yet seen.
    pub(super) reply: Option<(Track, Time)>,
    /// Until when its greenlet has run.
    pub(super) ran: Time,
}

/// Where a request is served.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) thread: ThreadId,
    /// None on a bare thread.
    pub(super) hub: HubId,
    pub(super) process: ProcessId,
    pub(super) since: Time,
}

impl Place {
    /// Where its slices are drawn.
    pub(super) fn track(self, key: Key) -> Track {
        if self.hub.is_some() {
            return Track::Greenlet(self.hub.index() as u32, key);
        }
        Track::Thread(self.thread.index() as u32)
    }
}

/// Everything that is known while a world runs.
#[derive(Debug)]
pub(crate) struct Tracer<'m> {
    pub(super) model: &'m Model,
    pub(super) keep: Keep,
    pub(super) requests: Vec<Option<Live>>,
    /// The request of each task that serves one.
    pub(super) tasks: Vec<RequestId>,
    pub(super) traced: Vec<Traced>,
    /// Requests sent, by class.
    pub(super) sent: Vec<u64>,
    pub(super) threads: Vec<ThreadNow>,
    pub(super) hubs: Vec<HubNow>,
    pub(super) cores: Vec<Option<(u32, Time)>>,
    /// Who holds each GIL, and since when.
    pub(super) gils: Vec<Option<(u32, Time)>>,
    /// Who let go of each GIL last, and when.
    pub(super) let_go: Vec<Option<(u32, Time)>>,
    pub(super) calls: Vec<Option<CallNow>>,
    pub(super) called: u32,
    /// Units that are held: where, by whom, and since when.
    pub(super) units: Vec<(u32, u16, RequestId, Time)>,
}

/// A place in a table that grows as ids come.
pub(super) fn at<T: Clone>(table: &mut Vec<T>, index: usize, empty: T) -> &mut T {
    if table.len() <= index {
        table.resize(index + 1, empty);
    }
    &mut table[index]
}

impl Onlooker for Tracer<'_> {
    fn on(&mut self, now: Time, fact: Fact<'_>) {
        if self.keep.full.is_some() {
            return;
        }
        if self.keep.is_full() {
            self.close(now);
            self.keep.full = Some(now);
            return;
        }
        match fact {
            Fact::Gauge(gauge, change) => {
                let counter = match gauge {
                    Gauge::InFlight => Counter::InFlight,
                    Gauge::Queued => Counter::Queued,
                    Gauge::Retrying => Counter::Retrying,
                    Gauge::Slots => Counter::Slots,
                };
                self.keep.change(counter, now, change);
            }
            Fact::HubHeld { hub, step, from, to } => {
                self.hub_held((hub, step), from, to);
            }
            Fact::Detail(detail) => self.detail(now, detail),
            // Counts, which a record has.
            Fact::Sent(_)
            | Fact::Ended(..)
            | Fact::Bytes { .. }
            | Fact::CoreBusy { .. }
            | Fact::Throttled { .. }
            | Fact::QuotaPeriod { .. }
            | Fact::HubRan { .. }
            | Fact::HubMet { .. }
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

impl<'m> Tracer<'m> {
    pub(crate) fn new(model: &'m Model, window: TraceWindow) -> Tracer<'m> {
        Tracer {
            model,
            keep: Keep::new(window),
            requests: Vec::new(),
            tasks: Vec::new(),
            traced: Vec::new(),
            sent: Vec::new(),
            threads: Vec::new(),
            hubs: Vec::new(),
            cores: Vec::new(),
            gils: Vec::new(),
            let_go: Vec::new(),
            calls: Vec::new(),
            called: 0,
            units: Vec::new(),
        }
    }

    /// The run is over, or the window: what is open ends here.
    pub(crate) fn finish(mut self, now: Time, layout: Layout) -> Trace {
        if self.keep.full.is_none() {
            self.close(now);
        }
        self.keep.note_still_levels();
        let Keep { window, full, slices, levels, arrows, .. } = self.keep;
        Trace {
            from: window.from,
            to: full.unwrap_or(now.min(window.to)),
            full: full.is_some(),
            run_ended: None,
            counted: (0, 0),
            layout,
            requests: self.traced,
            slices,
            levels,
            arrows,
        }
    }

    /// A greenlet gives its hub back.
    pub(super) fn hub_held(&mut self, (hub, step): (u32, StepOf), from: Time, to: Time) {
        let Some(Running { greenlet, .. }) = self.hubs.get(hub as usize).and_then(|state| state.current) else {
            return;
        };
        let key = if self.keep.touches(from, to) { self.key(greenlet.request) } else { None };
        self.hubs[hub as usize].ran(hub, key, (step, from, to), &mut self.keep);
        if let Some(live) = self.live(greenlet.request) {
            live.ran = to;
        }
    }

    fn detail(&mut self, now: Time, detail: Detail) {
        match detail {
            Detail::Sent { request, class, attempt, why, born } => {
                let number = at(&mut self.sent, usize::from(class), 0);
                *number += 1;
                // A second copy is drawn from its own sending on.
                let born = if why == Why::Hedge { now } else { born };
                let traced = Traced { class, number: *number, attempt, why, born, ended: None };
                self.sent(request, traced, now);
            }
            Detail::Moved { request, to } => {
                let moved = self.live(request).copied();
                *at(&mut self.requests, to.index(), None) = moved.map(|live| Live { place: None, ..live });
                if let Some(live) = self.live(request) {
                    live.wanted = false;
                }
            }
            Detail::Ended { request, ending } => self.ended(request, ending, now),
            Detail::Turned { request, at, to, step } => self.turned(request, at, to, step),
            Detail::Named { request, wait } => {
                if let Some(live) = self.live(request).filter(|live| live.wait == Wait::Lock) {
                    live.wait = wait;
                }
            }
            Detail::Queued { listener, request } => {
                self.keep.change(Counter::Accept(listener), now, 1);
                if let Some(live) = self.live(request) {
                    (live.queued, live.unqueued) = (Some((listener, now)), None);
                }
            }
            Detail::Unqueued { listener, request } => self.unqueued(listener, request, now),
            // A trace shows who serves a request by its slices.
            Detail::Given { .. } | Detail::Door { .. } | Detail::Looks { .. } => {}
            Detail::Begun { request, task, thread, hub, process } => {
                *at(&mut self.tasks, task.index(), RequestId::NONE) = request;
                if let Some(running) = self.running(hub, task) {
                    (running.greenlet.request, running.for_request) = (request, now);
                }
                self.begun(request, Place { thread, hub, process, since: now });
            }
            Detail::Finished { task } => self.finished(task, now),
            Detail::Thread { thread, host, doing } => self.thread_does(thread, host, doing, now),
            Detail::Core { core, thread } => self.on_core(core.index(), thread, now),
            Detail::Gil { process, thread } => self.gil(process, thread, now),
            Detail::Phase { hub, phase, now, waiting } => {
                self.keep.level(Counter::Waiting(hub.index() as u32), now, i64::from(waiting));
                let state = at(&mut self.hubs, hub.index(), HubNow::default());
                state.turn(hub.index() as u32, Some(phase), now, &mut self.keep);
            }
            Detail::Switched { greenlet, ready, now, waiting } => {
                let hub = greenlet.hub.index() as u32;
                self.keep.level(Counter::Waiting(hub), now, i64::from(waiting));
                self.switched(greenlet, ready, now);
            }
            Detail::Unit { process, sync, request, taken } => self.unit(process, sync, request, taken, now),
            Detail::Called { call, peer, request, at } => self.call(call, peer, request, at),
            Detail::Replied { call, failed } => self.replied(call, failed, now),
            Detail::Died { process, hub } => {
                self.gil(process, ThreadId::NONE, now);
                if let Some(state) = hub.and_then(|hub| self.hubs.get_mut(hub.index())) {
                    state.close(hub.map_or(0, |hub| hub.index() as u32), now, &mut self.keep);
                }
            }
        }
    }

    pub(super) fn live(&mut self, request: RequestId) -> Option<&mut Live> {
        if request.is_none() {
            return None;
        }
        self.requests.get_mut(request.index())?.as_mut()
    }

    /// What slices call a request.
    pub(super) fn key(&mut self, request: RequestId) -> Option<Key> {
        let next = self.traced.len() as Key;
        let live = self.live(request)?;
        if let Some(key) = live.key {
            return Some(key);
        }
        live.key = Some(next);
        let traced = live.traced;
        self.traced.push(traced);
        Some(next)
    }

    fn sent(&mut self, request: RequestId, traced: Traced, now: Time) {
        let live = Live {
            traced,
            key: None,
            wait: Wait::Network,
            step: NO_STEP,
            since: now,
            wanted: true,
            queued: None,
            unqueued: None,
            place: None,
            reply: None,
            ran: Time::ZERO,
        };
        *at(&mut self.requests, request.index(), None) = Some(live);
    }

    fn turned(&mut self, request: RequestId, at: Time, to: Wait, step: StepOf) {
        let Some(live) = self.live(request).filter(|live| live.wanted) else { return };
        let at = at.max(live.since);
        let (was, from) = ((live.wait, live.step), live.since);
        let step = if to.is_at_step() || to == Wait::Timer { step } else { NO_STEP };
        if was == (to, step) {
            // The same account goes on.
            return;
        }
        (live.wait, live.step, live.since) = (to, step, at);
        self.waited(request, was, from, at);
    }

    /// A wait of a request is over: a slice of its own, and one among those who wait for the same.
    pub(super) fn waited(&mut self, request: RequestId, (wait, step): (Wait, StepOf), from: Time, to: Time) {
        if !self.keep.touches(from, to) {
            return;
        }
        let Some(key) = self.key(request) else { return };
        self.keep.slice(Track::Request(key), What::Wait(wait, step), from, to);
        let place = self.live(request).and_then(|live| live.place);
        if let (Some(place), Some(sync)) = (place, self.unit_of(step)) {
            let track = Track::Waiter(place.process.index() as u32, sync, key);
            self.keep.slice(track, What::Stay(key), from.max(place.since), to);
        }
    }

    /// The lock or pool that a step waits for.
    fn unit_of(&self, step: StepOf) -> Option<u16> {
        match self.model.programs[usize::from(step.program)].code.get(usize::from(step.pc?.0)) {
            Some(Op::Acquire { sync, .. }) => Some(*sync),
            _ => None,
        }
    }

    fn ended(&mut self, request: RequestId, ending: Ending, now: Time) {
        let Some(live) = self.live(request).filter(|live| live.wanted) else { return };
        live.wanted = false;
        live.traced.ended = Some((now, ending));
        let (was, from, born) = ((live.wait, live.step), live.since, live.traced.born);
        self.waited(request, was, from, now);
        if self.keep.touches(born, now)
            && let Some(key) = self.key(request)
        {
            self.keep.slice(Track::Request(key), What::Stay(key), born, now);
        }
        let Some(live) = self.live(request) else { return };
        if let (Some(key), ended) = (live.key, live.traced.ended) {
            self.traced[key as usize].ended = ended;
        }
    }

    pub(super) fn unqueued(&mut self, listener: u32, request: RequestId, now: Time) {
        self.keep.change(Counter::Accept(listener), now, -1);
        let Some(live) = self.live(request) else { return };
        let Some((_, from)) = live.queued.take() else { return };
        if !self.keep.touches(from, now) {
            return;
        }
        let Some(key) = self.key(request) else { return };
        let track = Track::Accept(listener, key);
        self.keep.slice(track, What::Stay(key), from, now);
        self.keep.arrow(ArrowKind::Connect, (Track::Request(key), from), (track, from));
        if let Some(live) = self.live(request) {
            live.unqueued = Some((listener, now));
        }
    }

    fn begun(&mut self, request: RequestId, place: Place) {
        let (from, to, now) = (self.keep.window.from, self.keep.window.to, place.since);
        if place.hub.is_none() {
            self.thread_serves(place.thread, request, now);
        }
        let Some(live) = self.live(request) else { return };
        live.place = Some(place);
        let unqueued = live.unqueued.take();
        // Before the window nothing is drawn that needs a name.
        if now < from || now >= to {
            return;
        }
        let Some(key) = self.key(request) else { return };
        let source = match unqueued {
            Some((listener, left)) => (Track::Accept(listener, key), left),
            None => (Track::Request(key), now),
        };
        self.keep.arrow(ArrowKind::Accept, source, (place.track(key), now));
    }

    fn finished(&mut self, task: TaskId, now: Time) {
        let request = std::mem::replace(at(&mut self.tasks, task.index(), RequestId::NONE), RequestId::NONE);
        let Some(live) = self.live(request) else { return };
        let (wanted, ran) = (live.wanted, live.ran);
        let Some(place) = live.place.take() else { return };
        self.leave_run(request, task, place, now);
        self.give_back_all(request, now);
        if place.hub.is_none() {
            self.thread_serves(place.thread, RequestId::NONE, now);
        }
        // What a hub does for it after that, it owes already.
        let to = if place.hub.is_some() { now.max(ran) } else { now };
        if !self.keep.touches(place.since, to) {
            return;
        }
        let Some(key) = self.key(request) else { return };
        self.keep.slice(place.track(key), What::Stay(key), place.since, to);
        if wanted {
            self.keep.arrow(ArrowKind::Respond, (place.track(key), now), (Track::Request(key), now));
        }
    }

    /// The task's run, if it is on its hub.
    fn running(&mut self, hub: HubId, task: TaskId) -> Option<&mut Running> {
        let state = if hub.is_some() { self.hubs.get_mut(hub.index()) } else { None };
        state?.current.as_mut().filter(|running| running.greenlet.task == task)
    }

    /// A request is over while its greenlet runs on, as that of a resident client does: until here the run was its own.
    fn leave_run(&mut self, request: RequestId, task: TaskId, place: Place, now: Time) {
        let Some(running) = self.running(place.hub, task) else { return };
        let (from, program) = (running.for_request, running.greenlet.program);
        running.greenlet.request = RequestId::NONE;
        if self.keep.touches(from, now)
            && let Some(key) = self.key(request)
        {
            let what = What::Run { request: Some(key), branch: false, step: StepOf { program, pc: None } };
            self.keep.slice(place.track(key), what, from, now);
        }
    }

    fn unit(&mut self, process: ProcessId, sync: u16, request: RequestId, taken: bool, now: Time) {
        if request.is_none() {
            return;
        }
        let process = process.index() as u32;
        if taken {
            self.units.push((process, sync, request, now));
            return;
        }
        let held = self.units.iter().position(|&(of, which, by, _)| (of, which, by) == (process, sync, request));
        if let Some(held) = held {
            let (.., from) = self.units.remove(held);
            self.held(process, sync, request, from, now);
        }
    }

    pub(super) fn held(&mut self, process: u32, sync: u16, request: RequestId, from: Time, to: Time) {
        if self.keep.touches(from, to)
            && let Some(key) = self.key(request)
        {
            self.keep.slice(Track::Holder(process, sync, key), What::Stay(key), from, to);
        }
    }

    /// What a request still has goes back with its end.
    pub(super) fn give_back_all(&mut self, request: RequestId, now: Time) {
        while let Some(held) = self.units.iter().position(|&(_, _, by, _)| by == request) {
            let (process, sync, _, from) = self.units.remove(held);
            self.held(process, sync, request, from, now);
        }
    }
}
