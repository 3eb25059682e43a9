//! A proxy in front of the servers: it takes a request whole, asks a server, tries the next if that fails, and gives the response on.
//!
//! After nginx's `ngx_http_proxy_module` and `ngx_http_upstream`: `proxy_connect_timeout` and `proxy_read_timeout`,
//! `proxy_next_upstream` (on a connection that is not made, refused or broken, a timeout, or an error as the answer), `max_fails` and `fail_timeout`
//! (`balance.rs`), `keepalive` to the servers (`conn.rs`), and `proxy_buffering`: with it the server is rid of its response at once,
//! and the proxy feeds the slow reader.
//! A server that the proxy does not wait for works on, as for a client that left. The proxy itself has room for everybody; its work
//! is a delay and takes no core of the servers.

use crate::front::above::CarrierForFront;
use crate::kit::id::RequestId;
use crate::kit::time::{Span, Time};
use crate::program::request::Stage;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// A request has come to the proxy, which takes it at once.
    #[inline(never)]
    pub(crate) fn at_proxy_event(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        if request.ending().is_some() {
            self.forget(id);
            return;
        }
        request.reach_proxy();
        let index = usize::from(request.client());
        self.hear(index);
        let request = &mut self.requests[id];
        let client = &self.model.clients[index];
        request.wait_until(client.read_timeout.map_or(Time::NEVER, |limit| self.now + limit));
        if request.limit_at() != Time::NEVER {
            self.queue.push(request.limit_at(), Event::Limit(id));
        }
        self.ask_upstream(id);
    }

    /// The proxy sends a request to a server, if there is one that it may go to.
    fn ask_upstream(&mut self, id: RequestId) {
        let Some(spec) = self.model.proxy else { return };
        let Some(listener) = self.balance(id) else {
            self.requests[id].fail();
            return self.give_on(id);
        };
        let leaves = self.now + spec.latency;
        let request = &mut self.requests[id];
        request.try_server(listener as u16);
        request.proxy_waits_until(leaves + spec.connect_timeout);
        self.queue.push(request.hop_at(), Event::Limit(id));
        if let Some(conn) = self.reusable(id, Some(listener)) {
            self.send_over(id, conn, leaves + spec.network);
        } else {
            self.aim(id, listener);
            self.queue.push(leaves + spec.network, Event::Syn(id));
        }
        self.requests[id].reach_proxy();
    }

    /// The proxy does not wait for a server any longer.
    #[cold]
    #[inline(never)]
    pub(crate) fn upstream_timed_out(&mut self, id: RequestId) {
        let Some(spec) = self.model.proxy else { return };
        let again = if self.requests[id].stage() == Stage::Proxied { spec.on_connect } else { spec.on_timeout };
        self.upstream_failed(id, again);
    }

    /// A server does not answer the proxy, which asks another one if it may; the request lives on for nobody.
    pub(crate) fn upstream_failed(&mut self, id: RequestId, again: bool) {
        self.note_upstream(usize::from(self.requests[id].listener()), false);
        let next = self.successor(id);
        if again && self.may_try_another(next) {
            self.ask_upstream(next);
        } else {
            self.requests[next].fail();
            self.give_on(next);
        }
    }

    /// A server's response has come to the proxy.
    #[inline(never)]
    pub(crate) fn upstream_event(&mut self, id: RequestId) {
        let Some(spec) = self.model.proxy else { return };
        self.client_closes(id);
        let request = &self.requests[id];
        let (wanted, failed, listener) =
            (request.ending().is_none(), request.failed(), usize::from(request.listener()));
        self.keep_by_owner(id, wanted);
        if !wanted {
            self.forget(id);
            return;
        }
        let bad = failed && spec.on_error;
        self.note_upstream(listener, !bad);
        if bad && self.may_try_another(id) {
            let next = self.successor(id);
            self.forget(id);
            self.ask_upstream(next);
        } else {
            self.give_on(id);
        }
    }

    fn may_try_another(&self, id: RequestId) -> bool {
        let Some(spec) = self.model.proxy else { return false };
        let request = &self.requests[id];
        request.tries() < spec.tries && (0..self.servers()).any(|server| self.is_open_to(request, server))
    }

    /// The response, or the proxy's own error, goes to the client.
    fn give_on(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let network = self.model.clients[usize::from(request.client())].network;
        let takes = if request.failed() { Span::ZERO } else { self.download(id) };
        let request = &mut self.requests[id];
        request.be_over();
        request.proxy_waits_until(Time::NEVER);
        self.queue.push(self.now + takes + network, Event::Response(id));
    }

    /// The same request for its sender, about to be sent to another server; the one before lives on for nobody.
    fn successor(&mut self, id: RequestId) -> RequestId {
        let old = &self.requests[id];
        let count = self.model.classes[usize::from(old.class())].sites.len();
        let mut next = old.for_another_server(self.fates.copy(old.fate(), count));
        next.turn(self.now, Wait::Network);
        let twin = next.twin();
        let limits = [next.leaves_at(), next.limit_at()];
        let hedge_at = next.hedge_at();
        let next = self.requests.insert(next);
        self.net.hand_on_port(id, next);
        tell(&mut self.probe, self.now, Detail::Moved { request: id, to: next });
        if twin.is_some() {
            self.requests[twin].pair_with(next);
        }
        for at in limits {
            if at != Time::NEVER {
                self.queue.push(at, Event::Limit(next));
            }
        }
        if hedge_at > self.now && hedge_at != Time::NEVER {
            self.queue.push(hedge_at, Event::Hedge(next));
        }
        self.requests[id].lose_twin();
        self.abandon(id, Ending::GaveUp);
        next
    }
}
