//! Connections that end with a RST, or without an answer: refused, reset, no port to connect from.
//!
//! Linux answers a SYN to a port without a listener with a RST (`tcp_v4_send_reset`): the client's `connect` fails with ECONNREFUSED one
//! round trip after it began. When a process dies the kernel closes its sockets: connections that nobody has accepted are reset
//! (`inet_csk_listen_stop`), accepted ones end before the response; to the client both are a connection that broke.

use crate::kit::id::RequestId;
use crate::kit::time::Span;
use crate::net::above::FrontForNet;
use crate::net::above::RouterForNet;
use crate::program::request::{Stage, Why};
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// What a client needs at least to find out that it cannot connect and to come again: the measured clients of the presets spend
/// 60 to 100 us of CPU time on a request.
const ATTEMPT: Span = Span::from_us(100);

impl<P: Probe> World<'_, P> {
    /// The server's end of a connection goes away without a response, because its process dies.
    ///
    /// The request may have been in the accept queue, accepted, or served. It leaves the levels of a run; its task, its slot and its
    /// place in a queue are the caller's, who has given them up before. The client learns of it one way over the network later and
    /// its request ends as [`Ending::Reset`]. Nothing happens to a request whose response is on its way, or that is not connected
    /// yet.
    #[cold]
    #[inline(never)]
    pub(crate) fn reset_connection(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        let levels: &[Gauge] = match request.stage() {
            Stage::Queued | Stage::Accepted => &[Gauge::Queued],
            Stage::Served => &[Gauge::Slots, Gauge::InFlight],
            Stage::Writing | Stage::Answered | Stage::Read if request.task().is_some() => return self.cut_off(id),
            Stage::Pausing | Stage::Connecting | Stage::Proxied | Stage::Unheard => return,
            Stage::Writing | Stage::Answered | Stage::Read => return,
        };
        let served = request.stage() == Stage::Served;
        if self.net.links[id].is_routed() && self.net.links[id].deferred.dataless {
            self.drop_session(id);
        }
        let request = &mut self.requests[id];
        if request.stage() != Stage::Queued {
            self.close_connection(id);
        }
        self.break_conn(id);
        let request = &mut self.requests[id];
        let held = self.now - request.begun();
        request.be_over();
        request.lose_task();
        let nobody = request.ending().is_some();
        let is_check = request.why() == Why::Check;
        for &level in levels {
            self.probe.on(self.now, Fact::Gauge(level, -1));
        }
        if nobody && served && !is_check {
            self.probe.on(self.now, Fact::Wasted { held });
        }
        self.answer_with(id, Ending::Reset, Span::ZERO);
    }

    /// A listening socket closes: nobody will accept what waits there.
    pub(crate) fn reset_queue(&mut self, socket: usize) {
        self.net.listeners[socket].aside = 0;
        while let Some(id) = self.net.listeners[socket].queue.pop_front() {
            tell(&mut self.probe, self.now, Detail::Unqueued { listener: socket as u32, request: id });
            self.reset_connection(id);
        }
    }

    /// A process dies that was still writing a response, or had it to finish only. Nobody learns of it later than now.
    fn cut_off(&mut self, id: RequestId) {
        self.close_connection(id);
        self.break_conn(id);
        for level in [Gauge::Slots, Gauge::InFlight] {
            self.probe.on(self.now, Fact::Gauge(level, -1));
        }
        let request = &mut self.requests[id];
        request.lose_task();
        let (stage, wanted, held) = (request.stage(), request.ending().is_none(), self.now - request.begun());
        if stage == Stage::Writing && wanted {
            self.end(id, Ending::Reset);
        } else if stage == Stage::Writing && request.why() != Why::Check {
            self.probe.on(self.now, Fact::Wasted { held });
        }
        // Otherwise the event of its last byte is still to come, unless that has not been written.
        if stage == Stage::Answered || (stage == Stage::Writing && self.model.kernel.tcp_mem.is_some()) {
            self.forget(id);
        }
    }

    /// A RST leaves for the client, or its own kernel says no after `least`.
    #[cold]
    #[inline(never)]
    pub(crate) fn answer_with(&mut self, id: RequestId, ending: Ending, least: Span) {
        let request = &mut self.requests[id];
        if request.ending().is_some() {
            self.forget(id);
            return;
        }
        request.turn_told(id, Wait::Network, self.now, &mut self.probe);
        self.net.links[id].verdict = Some(ending);
        let way = self.hop_network(id);
        self.queue.push(self.now + way.max(least), Event::Refusal(id));
    }

    /// Nobody listens where a SYN arrives.
    #[cold]
    #[inline(never)]
    pub(super) fn refuse(&mut self, id: RequestId) {
        self.answer_with(id, Ending::Refused, ATTEMPT);
    }

    /// A client has no port left to connect from: nothing leaves its machine.
    #[cold]
    #[inline(never)]
    pub(super) fn no_port(&mut self, id: RequestId) {
        self.net.links[id].verdict = Some(Ending::NoPort);
        self.queue.push(self.now + ATTEMPT, Event::Refusal(id));
    }

    /// The bad news reaches the client.
    #[cold]
    #[inline(never)]
    pub(crate) fn refusal_event(&mut self, id: RequestId) {
        if let Some(ending) = self.net.links[id].verdict {
            self.lost(id, ending);
        }
        self.forget(id);
    }

    /// A request gets no response over its connection: its sender knows, or the proxy in between.
    #[cold]
    #[inline(never)]
    pub(crate) fn lost(&mut self, id: RequestId, ending: Ending) {
        let request = &self.requests[id];
        if request.ending().is_some() {
            return;
        }
        match self.proxy_of(request) {
            Some(proxy) if ending != Ending::NoPort => {
                let again = if ending == Ending::ConnectTimeout { proxy.on_connect } else { proxy.on_refused };
                self.server_failed(id, again);
            }
            Some(_) | None => self.end(id, ending),
        }
    }
}
