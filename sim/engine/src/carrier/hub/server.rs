//! A hub that serves requests: the watcher on its listening socket, and a greenlet per request.
//!
//! After gevent's `baseserver.py` (up to `max_accept` accepts for one readiness; no watcher while the pool is full) and uWSGI's gevent
//! plugin (one accept; the watcher stays on while all cores are taken, so the loop spins). Several hubs may watch one listener: all
//! are woken, those that come late find nothing and have had a turn for it.

use super::Hub;
use super::poll::LISTENER;
use crate::carrier::above::LifeForCarrier;
use crate::kit::id::{HubId, RequestId, TaskId};
use crate::kit::time::Span;
use crate::machine::warmth::Part;
use crate::model::{WhenFull, WorkerKind};
use crate::net::{After, FAILED_ACCEPT};
use crate::program::wait::Wait;
use crate::watch::probe::{Fact, Probe};
use crate::watch::trace::DoorState;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// The listener is readable: accept, and start a greenlet for each connection.
    pub(super) fn on_listener(&mut self, id: HubId) {
        let process = self.carriers.hubs[id].process;
        let worker = &self.model.workers[self.processes[process].worker()];
        let WorkerKind::Hub { accepts, full, .. } = worker.kind else { unreachable!("hubs run hub workers") };
        let costs = &worker.costs;
        for _ in 0..accepts {
            if self.hub(id).free == 0 {
                if full == WhenFull::Stop {
                    self.hub(id).sockets.watch(LISTENER, false);
                }
                return;
            }
            if self.accept_fails(process) {
                self.owe(id, costs.poll.max(FAILED_ACCEPT));
                if full == WhenFull::Stop {
                    self.hub(id).sockets.watch(LISTENER, false);
                    self.back_off(id, self.carriers.hubs[id].thread);
                }
                return;
            }
            if self.accepts_aside(process) {
                let accept = self.own_work(process, Part::Accept, Span::ZERO);
                self.owe(id, accept + costs.spawn);
                continue;
            }
            let waited = self.waits_aside(process);
            let Some(request) = self.accept(process) else {
                // Somebody else was faster, or that was all: one system call for nothing.
                self.owe(id, costs.poll);
                return;
            };
            if !waited {
                let accept = self.own_work(process, Part::Accept, Span::ZERO);
                self.owe(id, accept + costs.spawn);
            }
            self.net.has_accepted(id);
            self.hub(id).free -= 1;
            if self.hub(id).free == 0 {
                self.tell_door(process, DoorState::Full);
            }
            self.note_meeting(id, request);
            let task = self.begin(request, self.carriers.hubs[id].thread);
            self.bill(task, self.now, Wait::Hub);
            self.enrich(task, false);
            self.queue_turn(id, task);
        }
    }

    /// A connection was in the accept queue; since the hub had room for it, it waited for whatever the hub did.
    fn note_meeting(&mut self, id: HubId, request: RequestId) {
        let (hub, now) = (id.index() as u32, self.local(id));
        let request = &self.requests[request];
        let ready = request.since().max(self.carriers.hubs[id].room_since);
        let program = self.model.classes[usize::from(request.class())].program as u16;
        self.probe.on(self.now, Fact::HubMet { hub, program, ready, now });
    }

    /// A greenlet is done and its response written.
    pub(super) fn end_request(&mut self, id: HubId, task: TaskId) {
        if self.is_resident(id) {
            return self.go_round(id, task);
        }
        self.impoverish(id, task);
        self.switch_to_loop(id);
        if let After::Kept(conn) = self.finish(task) {
            return self.wait_for_next(id, conn);
        }
        self.free_greenlet(id);
    }

    /// A greenlet's place is free for another connection.
    pub(super) fn free_greenlet(&mut self, id: HubId) {
        let deaf = self.net.backs_off(id) || self.is_stopping(self.carriers.hubs[id].process);
        let now = self.now;
        let Hub { free, sockets, room_since, .. } = self.hub(id);
        let was_full = *free == 0;
        if was_full {
            *room_since = now;
        }
        *free += 1;
        if !deaf {
            sockets.watch(LISTENER, true);
        }
        if was_full {
            self.tell_door(self.carriers.hubs[id].process, DoorState::Room);
        }
    }
}
