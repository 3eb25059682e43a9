//! Listening sockets that wait for data (`TCP_DEFER_ACCEPT`), as uWSGI's do, and what that makes of a crowd.
//!
//! After Linux 6.x (`tcp_check_req`, `tcp_conn_request`, `tcp_v4_syn_recv_sock`): the bare end of a handshake is dropped, so the
//! connection stays among the incomplete ones until its bytes come, and there are as few places as the accept queue has. A SYN that
//! finds them taken is answered with a cookie; of such a connection the kernel knows nothing that it could defer, so the end of its
//! handshake brings it into the accept queue without its bytes. If that is full, the end is ignored: the client is connected and does
//! not know, and its bytes complete the handshake if they find room; else they are sent again after 200, 200, 400, 800 ms and so on
//! (the tail loss probe, then the timeout that doubles). Who accepts a connection without its bytes waits for them.
//!
//! SYNs that are repeated together (`wheel.rs`) are all answered before the end of the first of their handshakes comes: the loopback
//! hands on what is sent to it in the order of sending (`process_backlog`). So whatever the accept queue has room for, all of a crowd
//! are answered, and most of them are ignored later.
//! Left out: that such a SYN-ACK is repeated after seven seconds, that old incomplete handshakes are dropped while there are many, and
//! that a worker closes a connection whose bytes do not come for four seconds (uWSGI's `--socket-timeout`).

use super::syn::{COOKIE_GOOD, REMEMBERED, RTO_MIN};
use super::wheel::Wheel;
use crate::kit::id::{ProcessId, RequestId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::net::above::RouterForNet;
use crate::net::above::SenderForNet;
use crate::net::link::Deferred;
use crate::program::request::Stage;
use crate::program::wait::Ending;
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};

/// What a bundle of SYNs is ahead of the ends of their handshakes: any span will do.
const IN_TURN: Span = Span::from_ns(1);

impl<P: Probe> World<'_, P> {
    /// Whether the servers' sockets wait for data.
    #[inline]
    pub(crate) fn defers(&self) -> bool {
        matches!(self.model.kernel.handshake, Some(handshake) if handshake.defer_accept)
    }

    /// Draws where the kernels' timers lie, if it matters; `stream`: index of the wheel's stream.
    pub(crate) fn start_wheel(&mut self, stream: usize) {
        if self.defers() {
            self.net.wheel = Some(Wheel::draw(&mut self.streams, stream));
        }
    }

    /// When a kernel's timer goes off that is set now.
    pub(crate) fn timer(&self, pause: Span) -> Time {
        self.net.wheel.map_or(self.now + pause, |wheel| wheel.expires(self.now, pause))
    }

    /// The end of the handshake comes when all SYNs of this instant have been looked at.
    #[inline(never)]
    pub(super) fn shake_in_turn(&mut self, id: RequestId) {
        self.queue.push(self.now + IN_TURN, Event::Established(id));
    }

    /// A client is connected; its bytes come at once, or when its program gets to writing them.
    #[inline(never)]
    pub(super) fn defer(&mut self, id: RequestId) {
        if self.is_down(usize::from(self.requests[id].listener())) {
            return self.break_off(id);
        }
        if !self.sends_later(id) {
            return self.bytes_arrive(id);
        }
        if self.acknowledge(id) {
            let polls_at = self.polls_at(id);
            let deferred = &mut self.net.links[id].deferred;
            (deferred.unsent, deferred.data_at) = (true, self.now.max(polls_at));
            self.queue.push(deferred.data_at, Event::Data(id));
        }
    }

    /// The bare end of a handshake; false if that broke the connection off.
    fn acknowledge(&mut self, id: RequestId) -> bool {
        let link = &self.net.links[id];
        if !link.cookie {
            return true;
        }
        if !self.net.listeners[link.socket as usize].is_full() {
            let deferred = &mut self.net.links[id].deferred;
            (deferred.heard, deferred.dataless) = (true, true);
            self.complete_handshake(id);
            return true;
        }
        !self.overflows(id)
    }

    /// The accept queue has no room for the end of a handshake; true if that breaks the connection off.
    fn overflows(&mut self, id: RequestId) -> bool {
        self.net.counts.ack_drops += 1;
        let aborts = matches!(self.model.kernel.handshake, Some(handshake) if handshake.abort_on_overflow);
        if aborts {
            self.break_off(id);
        }
        aborts
    }

    /// A sender writes its bytes, or they come to the server's socket.
    #[inline(never)]
    pub(crate) fn data_event(&mut self, id: RequestId) {
        if !self.requests.contains(id) || self.net.links[id].deferred.data_at != self.now {
            return;
        }
        if std::mem::take(&mut self.net.links[id].deferred.unsent) {
            let at = self.now + self.sends_after(id) + self.hop_network(id);
            self.net.links[id].deferred.data_at = at;
            return self.queue.push(at, Event::Data(id));
        }
        self.net.links[id].deferred.data_at = Time::NEVER;
        self.bytes_arrive(id);
    }

    /// A request's bytes come to the socket it was sent to.
    fn bytes_arrive(&mut self, id: RequestId) {
        let link = &self.net.links[id];
        let (index, deferred) = (link.socket as usize, link.deferred);
        if !deferred.heard {
            if !self.net.listeners[index].is_full() {
                self.net.links[id].deferred.heard = true;
                self.complete_handshake(id);
            } else if !self.overflows(id) {
                self.net.links[id].deferred.tries = 0;
                self.ignore(id);
            }
            return;
        }
        if !deferred.dataless {
            return;
        }
        self.net.links[id].deferred.dataless = false;
        if deferred.reader.is_some() {
            self.net.links[id].deferred.reader = ThreadId::NONE;
            if self.threads[deferred.reader].is_parked() {
                self.make_ready(deferred.reader);
            }
            return;
        }
        if deferred.aside {
            // The greenlet that waits for them has had it from the accept queue already.
            self.net.listeners[index].queue.push_front(id);
            self.net.listeners[index].aside += 1;
            tell(&mut self.probe, self.now, Detail::Queued { listener: index as u32, request: id });
            return self.wake_for(index);
        }
        if self.requests[id].stage() == Stage::Accepted {
            self.session_readable(id);
        }
    }

    /// A thread has accepted a connection; true if it waits for its bytes.
    #[inline(always)]
    pub(crate) fn reads_later_on(&mut self, id: RequestId, thread: ThreadId) -> bool {
        let deferred = &mut self.net.links[id].deferred;
        if !deferred.dataless {
            return false;
        }
        deferred.reader = thread;
        true
    }

    /// Whether a hub has accepted the oldest connection before, and its greenlet goes on.
    #[inline]
    pub(crate) fn waits_aside(&self, process: ProcessId) -> bool {
        let listener = self.processes[process].socket();
        self.net.listeners[listener].aside > 0
            && matches!(self.net.listeners[listener].queue.front(), Some(&id) if self.net.links[id].deferred.aside)
    }

    /// A hub accepts the oldest connection, and its greenlet waits for the bytes; false if they are there.
    ///
    /// Who waits does not count as busy: there are more greenlets than connections without bytes.
    #[inline]
    pub(crate) fn accepts_aside(&mut self, process: ProcessId) -> bool {
        self.defers() && self.sets_aside(process)
    }

    #[inline(never)]
    fn sets_aside(&mut self, process: ProcessId) -> bool {
        let listener = self.processes[process].socket();
        let Some(&id) = self.net.listeners[listener].queue.front() else { return false };
        let deferred = &mut self.net.links[id].deferred;
        if !deferred.dataless {
            return false;
        }
        deferred.aside = true;
        self.net.listeners[listener].queue.pop_front();
        tell(&mut self.probe, self.now, Detail::Unqueued { listener: listener as u32, request: id });
        true
    }

    /// Somebody takes a connection from an accept queue, or goes on with one that he had taken before.
    #[inline]
    pub(super) fn leaves_aside(&mut self, id: RequestId, index: usize) {
        if std::mem::take(&mut self.net.links[id].deferred.aside) {
            self.net.listeners[index].aside -= 1;
        }
    }

    /// The bytes are sent once more, later than the last time.
    #[inline(never)]
    pub(super) fn send_again(&mut self, id: RequestId) {
        let way = self.way_of(id);
        let deferred = &mut self.net.links[id].deferred;
        let pause = (RTO_MIN + way * 2) * (1 << deferred.tries.saturating_sub(1).min(9));
        deferred.tries = deferred.tries.saturating_add(1);
        self.queue.push(self.timer(pause), Event::Retransmit(id));
    }

    /// Bytes that were sent again come to a server that ignored the end of their handshake.
    #[inline(never)]
    pub(super) fn sent_again(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let link = &self.net.links[id];
        let good_for = if link.cookie { COOKIE_GOOD } else { REMEMBERED };
        let void = self.now - link.ignored_at > good_for;
        let gone = match link.is_routed() {
            true => link.is_session_closed(),
            false => self.is_down(usize::from(request.listener())),
        };
        if void || gone {
            self.break_off(id);
        } else if self.net.listeners[link.socket as usize].is_full() {
            self.net.counts.ack_drops += 1;
            self.send_again(id);
        } else {
            self.net.links[id].deferred.heard = true;
            self.complete_handshake(id);
        }
    }

    /// One way to the socket that a request was sent to.
    fn way_of(&self, id: RequestId) -> Span {
        if self.net.links[id].is_routed() { Span::ZERO } else { self.hop_network(id) }
    }

    /// The server has no connection any more, or never had one, and says so.
    fn break_off(&mut self, id: RequestId) {
        self.leave_handshake(id);
        if self.net.links[id].is_routed() {
            return self.abandon_relay(id);
        }
        self.answer_with(id, Ending::Reset, Span::ZERO);
    }

    /// A router begins to connect to the workers' socket for a request.
    pub(crate) fn aim_relay(&mut self, id: RequestId) {
        if self.defers() {
            let request = &self.requests[id];
            let socket = self.socket_of(usize::from(request.listener()), request.key());
            let link = &mut self.net.links[id];
            link.socket = u32::try_from(socket).expect("a model has under 2^32 sockets");
            (link.cookie, link.deferred) = (true, Deferred::NONE);
        }
    }

    /// What the workers' kernel makes of a router's SYN; false if it drops it.
    pub(crate) fn relay_shakes(&mut self, id: RequestId, syns: u8) -> bool {
        if !self.admits(id) {
            return false;
        }
        if syns > 1 {
            self.shake_in_turn(id);
        } else {
            self.relay_connected(id);
        }
        true
    }

    /// A router's connection to the workers' socket is made, as the router sees it.
    #[inline(never)]
    pub(super) fn relay_connected(&mut self, id: RequestId) {
        if self.net.links[id].is_session_closed() {
            return self.break_off(id);
        }
        if self.acknowledge(id) {
            self.session_connected(id);
        }
    }

    /// A router writes a request to the worker that it is connected to.
    pub(crate) fn relay_data(&mut self, id: RequestId) {
        let link = &self.net.links[id];
        let closed = link.is_session_closed();
        if closed && !link.deferred.heard {
            return self.break_off(id);
        }
        if !closed {
            self.watch_session(id);
        }
        self.bytes_arrive(id);
    }
}
