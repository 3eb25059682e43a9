//! What carries requests, for a trace: threads and the cores they are on, the GIL, hubs, and calls to peers.

use super::hubs::{HubNow, Running};
use super::tracer::{Place, Tracer, at};
use super::{ArrowKind, Counter, Doing, Greenlet, Key, StepOf, Track, What};
use crate::kit::id::{CallId, HostId, ProcessId, RequestId, ThreadId};
use crate::kit::time::Time;
use crate::program::wait::Wait;

/// A thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct ThreadNow {
    doing: Doing,
    since: Time,
    /// What the request that it serves waits for while it waits.
    wait: Option<(Wait, StepOf)>,
    /// The request that it serves.
    serves: RequestId,
    /// Since when it has been after the GIL.
    wanted_gil: Option<Time>,
}

impl ThreadNow {
    const NEW: ThreadNow =
        ThreadNow { doing: Doing::Waiting, since: Time::ZERO, wait: None, serves: RequestId::NONE, wanted_gil: None };
}

/// A call under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallNow {
    track: Track,
    key: Option<Key>,
    request: RequestId,
    from: Time,
}

impl Tracer<'_> {
    /// A thread does something else: what it did is a slice.
    pub(super) fn thread_does(&mut self, thread: ThreadId, host: HostId, doing: Doing, now: Time) {
        let before = at(&mut self.threads, thread.index(), ThreadNow::NEW).doing;
        self.close_thread(thread, now);
        if (before == Doing::Runnable) != (doing == Doing::Runnable) {
            let counter = Counter::Runnable(host.index() as u32);
            self.keep.change(counter, now, if doing == Doing::Runnable { 1 } else { -1 });
        }
        let serves = self.threads[thread.index()].serves;
        let wait = self.live(serves).map(|live| (live.wait, live.step)).filter(|_| doing == Doing::Waiting);
        let state = &mut self.threads[thread.index()];
        (state.doing, state.wait) = (doing, wait);
        if doing == Doing::WaitingGil {
            state.wanted_gil.get_or_insert(now);
        }
        if doing == Doing::Running
            && let Some(source) = self.seen_reply(serves)
        {
            self.keep.arrow(ArrowKind::Reply, source, (Track::Thread(thread.index() as u32), now));
        }
    }

    /// The reply that a request sees now.
    fn seen_reply(&mut self, request: RequestId) -> Option<(Track, Time)> {
        self.live(request)?.reply.take()
    }

    /// Another request is served by a thread, or none: what it does is cut there.
    pub(super) fn thread_serves(&mut self, thread: ThreadId, request: RequestId, now: Time) {
        at(&mut self.threads, thread.index(), ThreadNow::NEW);
        self.close_thread(thread, now);
        let state = &mut self.threads[thread.index()];
        (state.serves, state.wait) = (request, None);
    }

    fn close_thread(&mut self, thread: ThreadId, now: Time) {
        let state = &mut self.threads[thread.index()];
        let (doing, from, wait) = (state.doing, std::mem::replace(&mut state.since, now), state.wait);
        let track = Track::Thread(thread.index() as u32);
        match (doing, wait) {
            (Doing::Waiting, None) => {}
            (Doing::Waiting, Some((wait, step))) => self.keep.slice(track, What::Wait(wait, step), from, now),
            (Doing::WaitingGil | Doing::Runnable | Doing::Running | Doing::Throttled, _) => {
                self.keep.slice(track, What::Doing(doing), from, now);
            }
        }
    }

    /// The request that a thread serves, by the name that slices have for it.
    fn served_by(&mut self, thread: u32, from: Time, to: Time) -> Option<Key> {
        if !self.keep.touches(from, to) {
            return None;
        }
        let serves = at(&mut self.threads, thread as usize, ThreadNow::NEW).serves;
        self.key(serves)
    }

    pub(super) fn on_core(&mut self, core: usize, thread: ThreadId, now: Time) {
        let next = thread.is_some().then_some((thread.index() as u32, now));
        let before = std::mem::replace(at(&mut self.cores, core, None), next);
        if let Some((thread, from)) = before {
            let request = self.served_by(thread, from, now);
            self.keep.slice(Track::Core(core as u32), What::By { thread, request }, from, now);
        }
    }

    /// A GIL changes hands, or is free.
    pub(super) fn gil(&mut self, process: ProcessId, thread: ThreadId, now: Time) {
        let place = process.index();
        let next = thread.is_some().then_some((thread.index() as u32, now));
        let before = std::mem::replace(at(&mut self.gils, place, None), next);
        if let Some((thread, from)) = before {
            let request = self.served_by(thread, from, now);
            self.keep.slice(Track::Gil(place as u32), What::By { thread, request }, from, now);
            *at(&mut self.let_go, place, None) = Some((thread, now));
        }
        let let_go = *at(&mut self.let_go, place, None);
        if let (Some((taker, _)), Some((giver, at))) = (next, let_go)
            && taker != giver
            && self.waited_for_gil(taker, at)
        {
            self.keep.arrow(ArrowKind::HeldGil, (Track::Thread(giver), at), (Track::Thread(taker), now));
        }
    }

    /// Whether a thread was waiting for the GIL when it was let go, or just before.
    fn waited_for_gil(&mut self, thread: u32, let_go: Time) -> bool {
        let state = at(&mut self.threads, thread as usize, ThreadNow::NEW);
        std::mem::take(&mut state.wanted_gil).is_some_and(|since| since < let_go)
    }

    /// A hub switches into a greenlet.
    pub(super) fn switched(&mut self, greenlet: Greenlet, ready: Time, now: Time) {
        let Greenlet { hub, request, branch, .. } = greenlet;
        let number = hub.index() as u32;
        // A run that begins before the window gets its name when it reaches into it.
        let inside = now >= self.keep.window.from && now < self.keep.window.to;
        let key = if inside { self.key(request) } else { None };
        let ran = self.live(request).map_or(Time::ZERO, |live| live.ran);
        let since = self.live(request).and_then(|live| live.place).map_or(Time::ZERO, |place: Place| place.since);
        at(&mut self.hubs, hub.index(), HubNow::default());
        let track = match key.filter(|_| !branch) {
            Some(key) => {
                let ready = ready.max(ran).max(since);
                self.keep.slice(Track::Greenlet(number, key), What::Ready, ready, now);
                Track::Greenlet(number, key)
            }
            None => Track::Hub(number),
        };
        if let Some(source) = self.seen_reply(request).filter(|_| !branch) {
            self.keep.arrow(ArrowKind::Reply, source, (track, now));
        }
        self.hubs[hub.index()].blame(number, ready, (track, now), &mut self.keep);
        self.hubs[hub.index()].current = Some(Running { greenlet, since: now, for_request: now });
    }

    pub(super) fn call(&mut self, call: CallId, peer: u16, request: RequestId, from: Time) {
        self.called = self.called.wrapping_add(1);
        let track = Track::Peer(peer, self.called);
        let inside = from >= self.keep.window.from && from < self.keep.window.to;
        let key = if inside { self.key(request) } else { self.live(request).and_then(|live| live.key) };
        *at(&mut self.calls, call.index(), None) = Some(CallNow { track, key, request, from });
        let place = self.live(request).and_then(|live| live.place);
        if let (Some(key), Some(place)) = (key, place) {
            self.keep.arrow(ArrowKind::Call, (place.track(key), from), (track, from));
        }
    }

    pub(super) fn replied(&mut self, call: CallId, failed: bool, now: Time) {
        let Some(CallNow { track, key, request, from }) = at(&mut self.calls, call.index(), None).take() else {
            return;
        };
        self.keep.slice(track, What::Call { request: key, failed }, from, now);
        if let Some(live) = self.live(request).filter(|_| from < now) {
            live.reply = Some((track, now));
        }
    }

    /// The window is over: what lasts is cut here.
    pub(super) fn close(&mut self, now: Time) {
        for thread in 0..self.threads.len() {
            self.close_thread(ThreadId::from_index(thread), now);
        }
        for core in 0..self.cores.len() {
            self.on_core(core, ThreadId::NONE, now);
        }
        for process in 0..self.gils.len() {
            self.gil(ProcessId::from_index(process), ThreadId::NONE, now);
        }
        for call in 0..self.calls.len() {
            self.replied(CallId::from_index(call), false, now);
        }
        for hub in 0..self.hubs.len() {
            if let Some(Running { greenlet, since, .. }) = self.hubs[hub].current {
                let step = StepOf { program: greenlet.program, pc: None };
                self.hub_held((hub as u32, step), since, now);
            }
        }
        for (hub, state) in self.hubs.iter_mut().enumerate() {
            state.close(hub as u32, now, &mut self.keep);
        }
        for request in 0..self.requests.len() {
            self.close_request(RequestId::from_index(request), now);
        }
    }

    fn close_request(&mut self, request: RequestId, now: Time) {
        let Some(live) = self.live(request).copied() else { return };
        if let Some((listener, _)) = live.queued {
            self.unqueued(listener, request, now);
        }
        if live.wanted {
            self.waited(request, (live.wait, live.step), live.since, now);
            if self.keep.touches(live.traced.born, now)
                && let Some(key) = self.key(request)
            {
                self.keep.slice(Track::Request(key), What::Stay(key), live.traced.born, now);
            }
        }
        self.give_back_all(request, now);
        if let Some(place) = live.place
            && self.keep.touches(place.since, now)
            && let Some(key) = self.key(request)
        {
            self.keep.slice(place.track(key), What::Stay(key), place.since, now.max(live.ran));
        }
    }
}
