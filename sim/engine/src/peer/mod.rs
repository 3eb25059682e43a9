//! Peers: the databases, caches and third parties that requests call.
//!
//! A call travels, is served for the time that the request's fate says, times the degradation of the moment, and travels back.
//! Without a capacity a peer serves any number at once, so its slowness does not depend on us; with one it has a queue, first
//! come first served. Left out: the peer's own retries, and the bandwidth of the way.

pub(crate) mod above;

use std::collections::VecDeque;

use crate::kit::id::{CallId, HubId, LoopId, ProcessId, RequestId, Slab, TaskId, ThreadId};
use crate::kit::rng::{happens, mix};
use crate::kit::time::{Span, Time};
use crate::model::{DegradedSpan, PeerSpec};
use crate::peer::above::CarrierForPeer;
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// One peer at run time.
#[derive(Debug, Default)]
pub(crate) struct Peer {
    busy: u32,
    queue: VecDeque<CallId>,
}

/// Everything that is called, and all calls under way: only this room knows them.
#[derive(Debug)]
pub(crate) struct Peers {
    peers: Vec<Peer>,
    calls: Slab<CallId, Call>,
    /// Most calls under way at once, since the window began.
    calls_peak: u64,
}

impl Peers {
    pub(crate) fn new(count: usize) -> Peers {
        Peers { peers: (0..count).map(|_| Peer::default()).collect(), calls: Slab::new(), calls_peak: 0 }
    }

    /// The window begins.
    pub(crate) fn begin_counting(&mut self) {
        self.calls_peak = self.calls.len() as u64;
    }

    /// Most calls under way at once, since the window began.
    pub(crate) fn calls_peak(&self) -> u64 {
        self.calls_peak
    }

    /// Calls of these tasks have nobody any more who waits for them.
    pub(crate) fn forget(&mut self, forgotten: impl Fn(TaskId) -> bool) {
        for (_, call) in self.calls.iter_mut() {
            if forgotten(call.task) {
                call.task = TaskId::NONE;
            }
        }
    }
}

/// A call on its way or in service.
#[derive(Debug)]
pub(crate) struct Call {
    peer: u16,
    takes: Span,
    /// Decides whether it fails in a bad minute.
    luck: u64,
    /// Who waits; nobody once the caller gave up.
    task: TaskId,
    caller: Caller,
    failed: bool,
    /// The process whose socket it is, while it is open; none for what is no connection.
    process: ProcessId,
}

/// Whom a reply wakes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Caller {
    /// A thread that is parked in the call.
    Thread(ThreadId),
    /// A greenlet, through a socket of its hub.
    Socket(HubId, u32),
    /// The reader of a remote peer's socket, if this is still the answer to its last question.
    Remote {
        /// Its hub.
        hub: HubId,
        /// The remote.
        sync: u16,
        /// The question.
        number: u32,
    },
    /// The watcher of a native thread.
    Native {
        /// Its hub.
        hub: HubId,
        /// Which sleep.
        serial: u32,
    },
    /// A coroutine, through a socket of its loop.
    Coroutine(LoopId, u32),
    /// An event loop that has made this happen.
    Loop {
        /// Which.
        on: LoopId,
        /// What it calls it.
        what: (u32, u32),
    },
}

impl<P: Probe> World<'_, P> {
    /// Tells that a call leaves.
    #[inline(always)]
    pub(crate) fn tell_called(&mut self, call: CallId, at: Time) {
        if P::DETAIL {
            let state = &self.peer.calls[call];
            let request = self.tasks.get(state.task).map_or(RequestId::NONE, |task| task.request());
            let peer = state.peer;
            tell(&mut self.probe, self.now, Detail::Called { call, peer, request, at });
        }
    }

    /// Opens the socket of a call; false if that cannot be done.
    fn open_call(&mut self, id: CallId) -> bool {
        let call = &self.peer.calls[id];
        let opened = self.open_socket(call.process, call.peer);
        if !opened {
            self.peer.calls[id].process = ProcessId::NONE;
        }
        opened
    }

    /// Closes the socket of a call, if it is open.
    fn release_call(&mut self, id: CallId) {
        let call = &mut self.peer.calls[id];
        let process = std::mem::replace(&mut call.process, ProcessId::NONE);
        if process.is_some() {
            let (peer, gave_up) = (call.peer, call.task.is_none());
            self.close_socket(process, peer, gave_up);
        }
    }

    /// Sends a call that leaves at `at`.
    pub(crate) fn call(&mut self, peer: u16, takes: Span, task: TaskId, caller: Caller, at: Time) -> CallId {
        let state = &self.tasks[task];
        let key = match state.request().is_some() {
            true => self.requests[state.request()].key(),
            false => self.fates.key_left_to(state.parent()),
        };
        let luck = mix(key ^ 0x00CA_11ED, u64::from(state.pc().0) ^ u64::from(state.register(0)) << 16);
        let is_open = self.is_over_open_connection(task);
        let process = if is_open { ProcessId::NONE } else { self.threads[state.thread()].process() };
        let call = self.peer.calls.insert(Call { peer, takes, luck, task, caller, failed: false, process });
        self.peer.calls_peak = self.peer.calls_peak.max(self.peer.calls.len() as u64);
        self.tell_called(call, at);
        if !is_open && !self.open_call(call) {
            self.peer.calls[call].failed = true;
            self.queue.push(at, Event::Reply(call));
            return call;
        }
        let spec = &self.model.peers[usize::from(peer)];
        let arrives = at + spec.network;
        if spec.capacity.is_some() {
            self.queue.push(arrives, Event::AtPeer(call));
        } else {
            let served = self.serve(call, arrives);
            self.queue.push(served + spec.network, Event::Reply(call));
        }
        call
    }

    /// Something outside happens at `at` of which `caller` is told.
    pub(crate) fn later(&mut self, at: Time, caller: Caller) {
        let process = ProcessId::NONE;
        let call = Call { peer: 0, takes: Span::ZERO, luck: 0, task: TaskId::NONE, caller, failed: false, process };
        let call = self.peer.calls.insert(call);
        self.queue.push(at, Event::Reply(call));
    }

    /// Serves a call from `from` on; returns when it is done.
    fn serve(&mut self, id: CallId, from: Time) -> Time {
        let call = &mut self.peer.calls[id];
        let spec: &PeerSpec = &self.model.peers[usize::from(call.peer)];
        let Some(window) = spec.windows.iter().find(|window| window.from <= from && from < window.to) else {
            return from + call.takes;
        };
        let DegradedSpan { factor_milli, fail_ppm, .. } = *window;
        call.failed = happens(call.luck, fail_ppm);
        from + call.takes.scaled(factor_milli)
    }

    /// A call has arrived at a peer with a capacity.
    #[inline(never)]
    pub(crate) fn at_peer_event(&mut self, call: CallId) {
        let index = usize::from(self.peer.calls[call].peer);
        let capacity = self.model.peers[index].capacity.unwrap_or(u32::MAX);
        let peer = &mut self.peer.peers[index];
        if peer.busy == capacity {
            peer.queue.push_back(call);
            return;
        }
        peer.busy += 1;
        let served = self.serve(call, self.now);
        self.queue.push(served, Event::Served(call));
    }

    /// A peer with a capacity has served a call and takes the next.
    #[inline(never)]
    pub(crate) fn served_event(&mut self, call: CallId) {
        let index = usize::from(self.peer.calls[call].peer);
        self.queue.push(self.now + self.model.peers[index].network, Event::Reply(call));
        match self.peer.peers[index].queue.pop_front() {
            Some(next) => {
                let served = self.serve(next, self.now);
                self.queue.push(served, Event::Served(next));
            }
            None => self.peer.peers[index].busy -= 1,
        }
    }

    /// A reply arrives.
    #[inline(never)]
    pub(crate) fn reply_event(&mut self, id: CallId) {
        self.release_call(id);
        let call = self.peer.calls.remove(id);
        tell(&mut self.probe, self.now, Detail::Replied { call: id, failed: call.failed });
        if self.hears(call.caller) || call.task.is_none() {
            return;
        }
        self.called(call.task, call.peer, !call.failed);
        if call.failed {
            self.fail_task(call.task);
        }
        self.replied(call.caller, call.task);
    }

    /// The caller does not wait any longer; [`CallId::NONE`] if the reply is there already, unread.
    pub(crate) fn abandon_call(&mut self, task: TaskId, call: CallId) {
        if call.is_some() {
            let state = &mut self.peer.calls[call];
            state.task = TaskId::NONE;
            let peer = state.peer;
            tell(&mut self.probe, self.now, Detail::Replied { call, failed: true });
            self.called(task, peer, false);
            self.release_call(call);
        }
        self.fail_task(task);
    }
}
