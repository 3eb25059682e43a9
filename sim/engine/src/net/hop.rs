//! Who is at the other end of a server's connections: the clients themselves, the proxy, or a router that owns the socket.

use crate::kit::id::{RequestId, RouterId};
use crate::kit::time::{Span, Time};
use crate::model::ProxySpec;
use crate::program::request::{Request, Why};
use crate::watch::probe::Probe;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// The proxy that a request goes through.
    pub(crate) fn proxy_of(&self, request: &Request) -> Option<&ProxySpec> {
        self.model.proxy.as_ref().filter(|_| request.why() != Why::Check)
    }

    /// One way over the network to the servers, from whoever connects to them.
    pub(crate) fn hop_network(&self, id: RequestId) -> Span {
        let request = &self.requests[id];
        match &self.model.proxy {
            Some(proxy) => proxy.network,
            None => self.model.clients[usize::from(request.client())].network,
        }
    }

    /// A server has the request: who asked begins to wait for its response.
    pub(crate) fn arrived_whole(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let limit = match self.proxy_of(request) {
            Some(proxy) => Some(proxy.read_timeout),
            None => self.model.clients[usize::from(request.client())].read_timeout,
        };
        let at = limit.map_or(Time::NEVER, |limit| self.now + limit);
        let proxied = self.proxy_of(request).is_some();
        let request = &mut self.requests[id];
        if proxied {
            request.proxy_waits_until(at);
        } else {
            request.wait_until(at);
        }
        if at != Time::NEVER {
            self.queue.push(at, Event::Limit(id));
        }
    }

    /// The router that owns a listening socket, if it is not the workers' own.
    pub(crate) fn router_at(&self, socket: usize) -> Option<RouterId> {
        let at = socket.checked_sub(self.model.listeners.len())?;
        Some(RouterId::from_index(at))
    }

    /// The socket that clients of a server connect to, if a router has it.
    pub(crate) fn front_of(&self, server: usize) -> Option<usize> {
        (self.carriers.have_routers()).then(|| self.model.listeners.len() + server)
    }
}
