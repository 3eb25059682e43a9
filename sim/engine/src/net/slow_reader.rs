//! Slow readers: a response larger than the socket's send buffer holds its writer until the rest fits.
//!
//! A response of so many bytes takes its time at the client's rate. What the kernel takes at once is the socket's send buffer; a
//! blocking `sendall` returns, and a greenlet in it goes on, when no more than that is left to send. On Linux the buffer begins at
//! 87,040 bytes for a new connection (`net.ipv4.tcp_wmem`, `tcp_init_buffer_space`: ten segments of the initial window with their
//! overhead, twice) and grows with the congestion window, which stays small towards a slow reader. A client that leaves ends the
//! write at once. Left out: the reader's own receive buffer, and the growth of the window.
//! A server's uplink is one pipe for all its responses, which go through it one after the other as they were written; nobody is held
//! by it. Left out there: packets, their headers and how connections share it, and responses to a proxy.

use crate::kit::id::{RequestId, TaskId};
use crate::kit::time::Span;
use crate::net::above::CarrierForNet;
use crate::program::request::{Request, Stage};
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

/// How long so many bytes take at a rate.
fn transfer(bytes: u64, rate: u64) -> Span {
    let ns = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate.max(1)));
    Span::from_ns(u64::try_from(ns).unwrap_or(u64::MAX))
}

impl<P: Probe> World<'_, P> {
    /// How long the client takes to read a response, or what a proxy that does not buffer has of it last.
    #[inline(always)]
    pub(crate) fn download(&self, id: RequestId) -> Span {
        let request = &self.requests[id];
        let part = self.last_part(id).filter(|_| self.reading_rate(id).is_some());
        let bytes = part.unwrap_or_else(|| self.size(request));
        self.model.clients[usize::from(request.client())].download.map_or(Span::ZERO, |rate| transfer(bytes, rate))
    }

    /// How long a response needs to its client but for the way over the network: to be read, or through its server's uplink.
    #[inline(always)]
    pub(crate) fn on_the_wire(&mut self, id: RequestId) -> Span {
        let bytes = self.last_part(id).unwrap_or_else(|| self.size(&self.requests[id]));
        self.through_uplink(id, bytes).max(self.download(id))
    }

    /// Bytes of a response go through its server's uplink. How long until the last has.
    #[inline(always)]
    pub(crate) fn through_uplink(&mut self, id: RequestId, bytes: u64) -> Span {
        let host = self.model.listeners[usize::from(self.requests[id].listener())].host as usize;
        let Some(rate) = self.model.hosts[host].uplink else { return Span::ZERO };
        let free_at = &mut self.net.uplinks[host];
        *free_at = (*free_at).max(self.now) + transfer(bytes, rate);
        *free_at - self.now
    }

    /// How long bytes of a response would need to be read, and to go through its server's uplink.
    pub(crate) fn piece_takes(&self, id: RequestId, bytes: u64) -> Span {
        let host = self.model.listeners[usize::from(self.requests[id].listener())].host as usize;
        let read = self.reading_rate(id).map_or(Span::ZERO, |rate| transfer(bytes, rate));
        let sent = self.model.hosts[host].uplink.filter(|_| self.proxy_of(&self.requests[id]).is_none());
        sent.map_or(read, |rate| read.max(self.net.uplinks[host].since(self.now) + transfer(bytes, rate)))
    }

    /// Bytes a second that whoever the server writes to reads, if that is a slow client.
    #[inline]
    pub(crate) fn reading_rate(&self, id: RequestId) -> Option<u64> {
        let request = &self.requests[id];
        let buffers = self.proxy_of(request).is_some_and(|proxy| proxy.buffer);
        self.model.clients[usize::from(request.client())].download.filter(|_| !buffers)
    }

    pub(crate) fn size(&self, request: &Request) -> u64 {
        let class = &self.model.classes[usize::from(request.class())];
        u64::from(class.header_bytes) + u64::from(class.body_bytes)
    }

    /// A response is to be written. How long that holds its writer; `None`: it fits, or it is written already.
    #[inline(always)]
    pub(crate) fn hold_for_write(&mut self, task: TaskId) -> Option<Span> {
        if self.model.kernel.tcp_mem.is_some() {
            return self.write_on(task);
        }
        let id = self.tasks[task].request();
        let request = &self.requests[id];
        let rate = self.model.clients[usize::from(request.client())].download?;
        let host = self.processes[self.threads[self.tasks[task].thread()].process()].host();
        let rest = self.size(request).saturating_sub(self.model.hosts[host.index()].send_buffer);
        let buffers = self.proxy_of(request).is_some_and(|proxy| proxy.buffer);
        if rest == 0 || buffers || request.ending().is_some() || request.stage() != Stage::Served {
            return None;
        }
        self.leaves_its_writer(id);
        Some(transfer(rest, rate))
    }

    /// A response leaves, and who has written it is held, or goes on.
    #[inline]
    fn leaves_its_writer(&mut self, id: RequestId) {
        let back = self.way_back(&self.requests[id]);
        let arrives = self.now + self.on_the_wire(id) + back;
        let request = &mut self.requests[id];
        request.be_written();
        request.turn_told(id, Wait::Network, self.now, &mut self.probe);
        self.queue.push(arrives, Event::Response(id));
    }

    /// The response leaves though its program goes on: its client waits for nothing more. Where a router stands in between, or socket
    /// memory is counted, it leaves at the end as any other.
    #[inline(never)]
    pub(crate) fn answer_early(&mut self, task: TaskId) {
        let id = self.tasks[task].request();
        let request = &self.requests[id];
        let whole = self.net.links[id].is_routed() || self.model.kernel.tcp_mem.is_some();
        if whole || request.ending().is_some() || request.stage() != Stage::Served {
            return;
        }
        self.net.links[id].early = true;
        self.leaves_its_writer(id);
    }

    /// From a server to the client, through the proxy if there is one.
    fn way_back(&self, request: &Request) -> Span {
        let proxy = self.proxy_of(request).map_or(Span::ZERO, |proxy| proxy.network);
        proxy + self.model.clients[usize::from(request.client())].network
    }

    /// The reader has left: its writer fails at once and goes on.
    #[cold]
    #[inline(never)]
    pub(crate) fn stop_writing(&mut self, id: RequestId) {
        self.drop_unsent(id);
        let task = self.requests[id].task();
        // A writer that is done may have left its id to another task.
        if !self.net.links[id].early && self.tasks.get(task).is_some_and(|state| state.request() == id) {
            self.reader_left(task);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_take_their_time() {
        assert_eq!(transfer(1_000_000, 1_000_000), Span::from_secs(1));
        assert_eq!(transfer(1, 3), Span::from_ns(333_333_334));
        assert_eq!(transfer(u64::MAX, 1), Span::from_ns(u64::MAX));
    }
}
