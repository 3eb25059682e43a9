//! The HTTP router of uWSGI: one process with an event loop in front of the workers' socket.
//!
//! After uWSGI 2.0 (`plugins/corerouter/corerouter.c`, `cr.h`, `plugins/http/http.c`): `epoll_wait` takes 64 events at most
//! (`nevents`), the listening socket is one of them and gives one connection each time. A session is: accept; read the request and
//! begin to connect; connected, send it on; read the response; send it to the client and close. `--http` binds the workers to a TCP
//! socket of the loopback with the same `--listen` as the router's own, so there are two accept queues, and the kernel repeats the
//! router's SYNs as it repeats a client's. Both sockets wait for data (`TCP_DEFER_ACCEPT`), which is in `net/defer.rs`; in a model
//! without that a SYN reserves its place, and a worker that accepts has the request. A session that is silent for `--http-timeout` is
//! closed: the client loses its response, the worker does not notice.
//! A client that has left is served all the same.
//! Left out: keep-alive, several router processes, subscription, and partial reads and writes.

use std::collections::VecDeque;

use crate::carrier::above::LifeForCarrier;
use crate::kit::id::{HostId, ProcessId, RequestId, RouterId, ThreadId};
use crate::kit::time::Span;
use crate::machine::{Demand, Role};
use crate::net::above::RouterForNet;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// Events that one poll takes: uWSGI 2.0, `corerouter.c`, `uwsgi_corerouter_init`, `nevents`.
const EVENTS: usize = 64;
/// Times that it connects anew for one request: the same, `max_retries`.
const MAX_RETRIES: u8 = 3;

/// One router at run time.
#[derive(Debug)]
pub(crate) struct Router {
    pub(super) thread: ThreadId,
    pub(super) process: ProcessId,
    /// Index of the listener that clients connect to.
    front: usize,
    /// The kernel's ready list.
    ready: VecDeque<Ready>,
    /// What the last poll reported and the loop has not handled.
    batch: VecDeque<Ready>,
    /// What it has paid for and does next.
    doing: Option<(RequestId, Step)>,
    /// Whether the listening socket is in the ready list.
    listed: bool,
}

/// A descriptor that is ready.
#[derive(Clone, Copy, Debug)]
enum Ready {
    Listener,
    Session(RequestId, Step),
}

/// What a session does next.
#[derive(Clone, Copy, Debug)]
enum Step {
    Connect,
    Forward,
    Answer,
    Close,
}

impl Router {
    pub(crate) fn new(process: ProcessId, thread: ThreadId, front: usize) -> Router {
        let (ready, batch) = (VecDeque::new(), VecDeque::new());
        Router { thread, process, front, ready, batch, doing: None, listed: false }
    }
}

impl<P: Probe> World<'_, P> {
    /// A router before each server whose software has one, with a socket of the same backlog.
    pub(crate) fn build_routers(&mut self) {
        let model = self.model;
        if !model.workers.iter().any(|worker| worker.router.is_some()) {
            return;
        }
        for server in 0..self.servers() {
            let spec = &model.listeners[server];
            let worker = model.processes.iter().find(|process| process.listener as usize == server);
            let (host, worker) = (HostId::from_index(spec.host as usize), worker.map_or(0, |process| process.worker));
            let front = self.net.add_listener(spec.backlog);
            let process = self.add_process(host, front, worker as usize);
            let thread = self.threads.next_id();
            self.carriers.routers.push(Router::new(process, thread, front));
            self.start_thread(process, Role::Router(RouterId::from_index(server)));
        }
    }

    pub(crate) fn router_of(&self, request: RequestId) -> RouterId {
        RouterId::from_index(usize::from(self.requests[request].listener()))
    }

    fn session_ready(&mut self, request: RequestId, step: Step) {
        let id = self.router_of(request);
        self.carriers.routers[id].ready.push_back(Ready::Session(request, step));
        self.wake_router(id);
    }

    fn wake_router(&mut self, id: RouterId) {
        let thread = self.carriers.routers[id].thread;
        if self.threads[thread].is_parked() {
            self.make_ready(thread);
        }
    }

    /// What the router's thread wants next.
    #[inline(never)]
    pub(crate) fn router_demand(&mut self, id: RouterId) -> Demand {
        loop {
            let router = &mut self.carriers.routers[id];
            let thread = router.thread;
            if let Some((request, step)) = router.doing.take() {
                self.take_step(request, step);
                continue;
            }
            let Some(ready) = router.batch.pop_front() else {
                if self.poll_router(id) {
                    continue;
                }
                return self.pay_or_wait(thread);
            };
            let Some((request, step)) = self.handle_ready(id, ready) else { continue };
            let costs = self.router_costs(id);
            let cost = match step {
                Step::Connect => costs.connect,
                Step::Forward => costs.forward,
                Step::Answer => costs.answer,
                Step::Close => costs.close,
            };
            self.threads[thread].owe(cost);
            self.carriers.routers[id].doing = Some((request, step));
            return Demand::PAY;
        }
    }

    fn router_costs(&self, id: RouterId) -> crate::model::worker::RouterCosts {
        let worker = self.processes[self.carriers.routers[id].process].worker();
        self.model.workers[worker].router.map_or_else(Default::default, |router| router.costs)
    }

    /// One `epoll_wait`; false if nothing is ready.
    fn poll_router(&mut self, id: RouterId) -> bool {
        let router = &mut self.carriers.routers[id];
        if router.ready.is_empty() {
            return false;
        }
        for _ in 0..router.ready.len().min(EVENTS) {
            let ready = router.ready.pop_front().expect("as many as were counted");
            if matches!(ready, Ready::Listener) {
                router.listed = self.net.is_readable(router.front);
                if !router.listed {
                    continue;
                }
                router.ready.push_back(ready);
            }
            router.batch.push_back(ready);
        }
        let (thread, cost) = (router.thread, self.router_costs(id).poll);
        self.threads[thread].owe(cost);
        true
    }

    /// An accept is over at once but for its cost; of a session it says what is to be done.
    fn handle_ready(&mut self, id: RouterId, ready: Ready) -> Option<(RequestId, Step)> {
        let Ready::Session(request, step) = ready else {
            let process = self.carriers.routers[id].process;
            if let Some(request) = self.accept(process) {
                let (thread, cost) = (self.carriers.routers[id].thread, self.router_costs(id).accept);
                self.threads[thread].owe(cost);
                let state = &mut self.requests[request];
                self.net.link_mut(request).enters_router();
                tell(&mut self.probe, self.now, Detail::turned(request, self.now, Wait::Network));
                state.turn_unless_ended(self.now, Wait::Network);
                if !self.net.link(request).is_dataless() {
                    self.carriers.routers[id].ready.push_back(Ready::Session(request, Step::Connect));
                }
            }
            return None;
        };
        Some((request, step))
    }

    /// What is paid for happens.
    fn take_step(&mut self, id: RequestId, step: Step) {
        match step {
            Step::Connect => {
                self.watch_session(id);
                self.aim_relay(id);
                self.relay_syn_event(id);
            }
            Step::Forward if self.defers() => self.relay_data(id),
            Step::Forward => {
                let request = &mut self.requests[id];
                self.net.use_place(id);
                if self.net.link(id).is_session_closed() {
                    return self.abandon_relay(id);
                }
                tell(&mut self.probe, self.now, Detail::turned(id, self.now, Wait::Backlog));
                request.turn_unless_ended(self.now, Wait::Backlog);
                self.watch_session(id);
                self.enter_queue(id);
            }
            Step::Answer => self.session_ready(id, Step::Close),
            Step::Close => {
                let request = &self.requests[id];
                if request.ending().is_some() {
                    self.forget(id);
                    return;
                }
                self.respond(id);
            }
        }
    }

    /// The router's SYN reaches the workers' socket; it reserves its place in the accept queue.
    #[inline(never)]
    pub(crate) fn relay_syn_event(&mut self, id: RequestId) {
        let request = &self.requests[id];
        if !self.net.link(id).is_routed() {
            return;
        }
        let socket = self.socket_of(usize::from(request.listener()), request.key());
        self.stop_retrying(id);
        if self.net.link(id).is_session_closed() {
            return self.abandon_relay(id);
        }
        let most = self.model.kernel.syns_max();
        let Some(syns) = self.net.link_mut(id).router_sends_syn(most, MAX_RETRIES) else {
            return self.abandon_relay(id);
        };
        if self.defers() {
            if self.relay_shakes(id, syns) {
                return;
            }
        } else if self.net.reserve_place(id, socket) {
            self.session_ready(id, Step::Forward);
            return;
        }
        self.probe.on(self.now, Fact::SynDropped);
        if self.requests[id].ending().is_none() {
            self.requests[id].turn_told(id, Wait::SynRetry, self.now, &mut self.probe);
            self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, 1));
        }
        let pause = self.model.kernel.syn_pause(syns);
        self.queue.push(self.timer(pause), Event::RelaySyn(id));
    }

    /// A session was silent for too long: its client sees the connection end, one way over the network later.
    #[inline(never)]
    pub(crate) fn relay_limit_event(&mut self, id: RequestId) {
        if !self.requests.contains(id) {
            return;
        }
        let way = self.hop_network(id);
        if self.requests[id].is_answered() || !self.net.link(id).is_silent_too_long(self.now) {
            return;
        }
        let link = self.net.link_mut(id);
        if !link.close_session() && !way.is_zero() {
            let heard_at = self.now + way;
            link.may_be_silent_until(heard_at);
            self.queue.push(heard_at, Event::RelayLimit(id));
        } else {
            self.lost(id, Ending::Reset);
        }
    }
}

impl<P: Probe> RouterForNet for World<'_, P> {
    #[inline(never)]
    fn front_readable(&mut self, id: RouterId) {
        let router = &mut self.carriers.routers[id];
        if !std::mem::replace(&mut router.listed, true) {
            router.ready.push_back(Ready::Listener);
        }
        self.wake_router(id);
    }

    fn session_readable(&mut self, request: RequestId) {
        self.session_ready(request, Step::Connect);
    }

    fn session_connected(&mut self, request: RequestId) {
        self.session_ready(request, Step::Forward);
    }

    fn watch_session(&mut self, id: RequestId) {
        let process = self.carriers.routers[self.router_of(id)].process;
        let worker = self.processes[process].worker();
        let Some(router) = self.model.workers[worker].router.filter(|_| self.net.link(id).is_routed()) else { return };
        let until = self.now + router.timeout;
        self.net.link_mut(id).may_be_silent_until(until);
        self.queue.push(until, Event::RelayLimit(id));
    }

    fn drop_session(&mut self, request: RequestId) {
        let id = self.router_of(request);
        let router = &mut self.carriers.routers[id];
        let stays = |ready: &Ready| !matches!(ready, Ready::Session(other, _) if *other == request);
        router.ready.retain(stays);
        router.batch.retain(stays);
        router.doing = router.doing.filter(|&(other, _)| other != request);
    }

    fn abandon_relay(&mut self, id: RequestId) {
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.requests[id].be_over();
        self.answer_with(id, Ending::Reset, Span::ZERO);
    }

    #[inline(never)]
    fn relay_response(&mut self, id: RequestId) {
        if self.net.link(id).is_session_closed() {
            return self.answer_with(id, Ending::Reset, Span::ZERO);
        }
        self.requests[id].turn_told(id, Wait::Network, self.now, &mut self.probe);
        self.session_ready(id, Step::Answer);
    }
}
