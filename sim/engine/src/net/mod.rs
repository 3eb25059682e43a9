//! The way of a request to a server and back: a connection, its turn at the server, and the response.
//!
//! After Linux: the kernel completes handshakes into the accept queue without the application, so a client is "connected" while it
//! queues. The files: `link.rs` what the connection of a request is, `listener.rs` the sockets and whom a connection wakes, `syn.rs`
//! the handshake and its queues, `defer.rs` sockets that wait for data, `wheel.rs` the kernels' timers, `outage.rs` and `reset.rs`
//! connections that are refused or break, `ports.rs`, `conntrack.rs`, `descriptors.rs`, `memory.rs` and `tcp_mem.rs` what runs out.
//! What the limits are is in `model/kernel.rs`.
//! Connections that are kept are in `conn.rs`, balancers in `front/balance.rs`.
//! Left out: lost segments, and the transfer time of bodies but to slow readers (`slow_reader.rs`).

pub(crate) mod above;
pub(crate) mod conn;
mod conntrack;
mod defer;
mod descriptors;
mod hop;
pub(crate) mod link;
mod listener;
mod memory;
mod outage;
mod ports;
mod reset;
pub(crate) mod slow_reader;
mod state;
mod syn;
pub(crate) mod tcp_mem;
mod wheel;

pub(crate) use descriptors::FAILED_ACCEPT;
pub(crate) use listener::Listener;
pub(crate) use state::Net;
pub(crate) use wheel::STREAM as WHEEL;

use crate::client::above::NetForClient;
use crate::kit::id::{ConnId, ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::model::WorkerKind;
use crate::net::above::CarrierForNet;
use crate::net::above::FrontForNet;
use crate::net::above::LifeForNet;
use crate::net::above::RouterForNet;
use crate::net::above::SenderForNet;
use crate::program::request::{NO_LISTENER, Stage, Why};
use crate::program::task::Task;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// A connection whose request a serving thread is done with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Finished {
    /// To be closed, which is the end of the response.
    Closes(RequestId),
    /// To be kept; its data was unused for so long while the request waited.
    Kept(ConnId, Span),
}

/// What a thread that has answered a request has to do with its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum After {
    /// Nothing: it is closed.
    Over,
    /// To close it, and to wait for the client to do so too.
    Lingers(RequestId),
    /// To hand it to the thread that accepts.
    HandsOn(Finished),
    /// To keep it for the next request.
    Kept(ConnId),
}

impl<P: Probe> World<'_, P> {
    /// Its client has done what it has to do for that.
    #[inline(always)]
    pub(crate) fn set_sail(&mut self, id: RequestId) {
        let client = usize::from(self.requests[id].client());
        let network = self.model.clients[client].network;
        if self.model.proxy.is_none() {
            if let Some(conn) = self.reusable(id, None) {
                let leaves = self.now + self.connects_after(id);
                return self.send_over(id, conn, leaves + network);
            }
            let Some(server) = self.server_for(id) else {
                // Nobody is left to serve it, and the balancer says so.
                let request = &mut self.requests[id];
                request.be_over();
                request.fail();
                self.queue.push(self.now + network * 2, Event::Response(id));
                return;
            };
            self.aim(id, server);
        }
        if !self.take_port(id) {
            self.no_port(id);
            return;
        }
        let leaves = self.now + self.connects_after(id);
        match self.model.proxy {
            Some(_) => self.queue.push(leaves + network * 3, Event::AtProxy(id)),
            None => self.queue.push(leaves + network, Event::Syn(id)),
        }
    }

    /// A new connection for a request goes to a server, and there to one of its sockets.
    pub(crate) fn aim(&mut self, id: RequestId, server: usize) {
        self.net.listeners[server].open += 1;
        self.requests[id].aim_at(server as u16);
        self.aim_socket(id);
    }

    /// The socket of its server that a new connection for a request is given to.
    pub(crate) fn aim_socket(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let server = usize::from(request.listener());
        let socket = self.front_of(server).unwrap_or_else(|| self.socket_of(server, request.key()));
        self.net.links[id].socket = u32::try_from(socket).expect("a model has under 2^32 sockets");
    }

    /// A slot takes an accepted request.
    #[inline(always)]
    pub(crate) fn begin(&mut self, id: RequestId, thread: ThreadId) -> TaskId {
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
        let carrier = &mut self.threads[thread];
        carrier.begins_request();
        let process = carrier.process();
        self.processes[process].begins_request();
        let class = usize::from(self.requests[id].class());
        let program = u16::try_from(self.model.classes[class].program).expect("models have under 2^16 programs");
        let task = self.tasks.insert(Task::new(id, thread, program));
        self.begins_anew(task);
        self.sharing.begin_request(id);
        let request = &mut self.requests[id];
        request.be_carried_by(task);
        request.be_served(self.now);
        request.turn_told(id, Wait::Cpu, self.now, &mut self.probe);
        self.tell_begun(id, task);
        self.hold_memory(process);
        self.life_begins(process);
        task
    }

    /// A task is done: its slot is free, and the response leaves, with the end of the connection unless that is kept.
    #[inline(always)]
    pub(crate) fn finish(&mut self, task: TaskId) -> After {
        let done = self.tasks.remove(task);
        tell(&mut self.probe, self.now, Detail::Finished { task });
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        let (id, process) = (done.request(), self.threads[done.thread()].process());
        let worker = self.worker(process);
        let (lingers, closes) = (worker.lingers, matches!(worker.kind, WorkerKind::Pool { closes: true, .. }));
        if let Some(conn) = self.keep_conn(id, process) {
            self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
            self.lose_memory(id, process);
            self.life_idles(process);
            let waited = self.waited(id);
            self.answer(id);
            if closes {
                return After::HandsOn(Finished::Kept(conn, waited));
            }
            self.start_idle(conn);
            return After::Kept(conn);
        }
        if closes {
            return After::HandsOn(Finished::Closes(id));
        }
        if lingers {
            return After::Lingers(id);
        }
        self.close(process, id);
        After::Over
    }

    /// The connection is closed: its client has the whole response.
    #[inline(always)]
    pub(crate) fn close(&mut self, process: ProcessId, id: RequestId) {
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
        self.connection_over(process);
        self.life_closes(process);
        self.close_connection(id);
        if self.model.kernel.tcp_mem.is_some() && self.out_of_socket_memory(id) {
            return self.abort_for_socket_memory(id);
        }
        self.answer(id);
    }

    /// The response leaves for whoever asked, unless it was under way or nobody waits for it.
    #[inline(always)]
    fn answer(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        let before = request.stage();
        request.lose_task();
        if before != Stage::Read {
            request.be_over();
        }
        let under_way = matches!(before, Stage::Writing | Stage::Read);
        if request.ending().is_some() {
            let held = self.now - request.begun();
            // Somebody who read it all before its writer got to run has not left.
            if request.why() != Why::Check && matches!(before, Stage::Served | Stage::Writing) {
                self.probe.on(self.now, Fact::Wasted { held });
            }
            self.keep_by_owner(id, before == Stage::Answered);
            if !under_way {
                self.forget(id);
            }
            return;
        }
        request.proxy_waits_until(Time::NEVER);
        if under_way {
            return;
        }
        if self.net.links[id].is_routed() {
            return self.relay_response(id);
        }
        let request = &mut self.requests[id];
        request.turn_told(id, Wait::Network, self.now, &mut self.probe);
        self.respond(id);
    }

    /// A response leaves a server.
    #[inline(always)]
    pub(crate) fn respond(&mut self, id: RequestId) {
        let request = &self.requests[id];
        if let Some(proxy) = self.proxy_of(request) {
            self.queue.push(self.now + proxy.network, Event::Upstream(id));
            return;
        }
        let network = self.model.clients[usize::from(request.client())].network;
        let wire = self.on_the_wire(id);
        self.queue.push(self.now + wire + network, Event::Response(id));
    }

    /// A response reaches its client.
    #[inline(always)]
    pub(crate) fn response_event(&mut self, id: RequestId) {
        if self.reads_later(id) {
            return;
        }
        self.client_closed(id);
        let request = &mut self.requests[id];
        request.be_over();
        let (wanted, failed, writing) = (request.ending().is_none(), request.failed(), request.task().is_some());
        if wanted {
            self.end(id, if failed { Ending::Failed } else { Ending::Ok });
        }
        // A writer that has not got to run since the last byte was read forgets the request itself.
        if !writing {
            self.keep_by_owner(id, wanted);
            self.forget(id);
        }
    }
}

impl<P: Probe> NetForClient for World<'_, P> {
    #[inline(always)]
    fn is_born(&mut self, id: RequestId) {
        self.net.has_no_link(id);
    }

    #[inline(always)]
    fn sender_is_done(&mut self, id: RequestId, ending: Ending) {
        let request = &self.requests[id];
        self.net.give_port(self.model, id, request, ending, self.now);
        let listener = request.listener();
        if listener != NO_LISTENER {
            self.net.listeners[usize::from(listener)].open -= 1;
        }
    }

    #[inline(always)]
    fn both_are_done(&mut self, id: RequestId) {
        self.net.untrack(self.model, id, self.requests[id].listener(), self.now);
    }

    #[inline(always)]
    fn connect(&mut self, id: RequestId) {
        self.requests[id].begin_connecting();
        if !self.connects_later(id) {
            self.set_sail(id);
        }
    }

    #[inline(always)]
    fn retry_is_over(&mut self, id: RequestId) {
        self.stop_retrying(id)
    }

    #[inline(always)]
    fn reader_leaves(&mut self, id: RequestId) {
        self.stop_writing(id)
    }
}
