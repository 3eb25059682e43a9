//! The handshake: SYNs that find room or are dropped, and ends of handshakes that are ignored.
//!
//! After Linux 6.x (`tcp_conn_request`, `tcp_check_req`, `tcp_v4_syn_recv_sock`). A SYN is dropped if the accept queue is full
//! (`sk_acceptq_is_full`). A SYN that finds the queue of incomplete handshakes full, which is as long as the backlog, is answered
//! with a cookie and forgotten (`tcp_syncookies` 1), or dropped; without cookies the last quarter of `tcp_max_syn_backlog` is not
//! used either. A client repeats a dropped SYN after 1, 2, 4 ... 32 s, that is at 1, 3, 7, 15, 31 and 63 s (`TCP_TIMEOUT_INIT`,
//! `tcp_syn_retries` 6); 64 s after the last it gives up.
//!
//! The end of a handshake that meets a full accept queue is ignored: the client is connected and does not know. It sends its
//! request again after 200 ms and a round trip (the tail loss probe, `tcp_schedule_loss_probe`), and then each time after as long
//! again as it has waited in all; the server repeats its SYN-ACK after 1, 3, 7, 15 and 31 s, which the client's kernel answers
//! (`tcp_synack_retries` 5). Any of these completes the handshake if there is room by then. After 63 s the server has forgotten the
//! client, after two minutes a cookie is void: what comes then is reset. `tcp_abort_on_overflow` resets at once.
//! The request's bytes come with the handshake's last segment. Left out: lost segments, and TCP Fast Open.

use crate::kit::id::RequestId;
use crate::kit::time::Span;
use crate::model::kernel::Handshake;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe};
use crate::world::{Event, World};

/// Times that a SYN-ACK is sent again (Linux, `net.ipv4.tcp_synack_retries`).
const SYNACK_RETRIES: u32 = 5;
/// How long a server remembers an incomplete handshake: 1, 2, 4 ... 32 s (Linux, `reqsk_timer_handler`).
pub(super) const REMEMBERED: Span = Span::from_secs((1 << (SYNACK_RETRIES + 1)) - 1);
/// How long a SYN cookie is good (Linux, `MAX_SYNCOOKIE_AGE`).
pub(super) const COOKIE_GOOD: Span = Span::from_secs(120);
/// Least wait for an acknowledgement before data is sent again (Linux, `TCP_RTO_MIN`).
pub(super) const RTO_MIN: Span = Span::from_ms(200);

/// What a kernel does with a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Remembered,
    Cookie,
    Dropped,
}

impl<P: Probe> World<'_, P> {
    /// A SYN that was dropped is under way again, or nobody waits for it any longer.
    #[inline(always)]
    pub(crate) fn stop_retrying(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        if request.wait() == Wait::SynRetry {
            request.turn_told(id, Wait::Network, self.now, &mut self.probe);
            self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, -1));
        }
    }

    /// A SYN reaches its listener.
    #[inline(always)]
    pub(crate) fn syn_event(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        if request.ending().is_some() {
            self.forget(id);
            return;
        }
        self.stop_retrying(id);
        let request = &mut self.requests[id];
        let server = usize::from(request.listener());
        self.net.links[id].syns += 1;
        if !self.track(id) {
            self.net.counts.conntrack_drops += 1;
            self.drop_syn(id);
            return;
        }
        if self.is_down(server) {
            self.refuse(id);
            return;
        }
        if !self.admits(id) {
            return self.drop_syn(id);
        }
        let rest = self.hop_network(id) * 2;
        if rest.is_zero() && self.model.kernel.handshake.is_some() {
            // On one machine the whole handshake happens inside `connect`.
            if self.defers() && self.net.links[id].syns > 1 {
                return self.shake_in_turn(id);
            }
            self.established_event(id);
            return;
        }
        self.queue.push(self.now + rest, Event::Established(id));
    }

    /// What a server's kernel makes of a SYN; false if it drops it.
    #[inline(always)]
    pub(super) fn admits(&mut self, id: RequestId) -> bool {
        let verdict = self.judge(id);
        let link = &mut self.net.links[id];
        match verdict {
            Verdict::Dropped => return false,
            Verdict::Cookie => {
                link.cookie = true;
                self.net.counts.cookies += 1;
            }
            Verdict::Remembered => {
                link.cookie = false;
                self.net.listeners[link.socket as usize].shaking += 1;
            }
        }
        true
    }

    #[inline(always)]
    fn judge(&self, id: RequestId) -> Verdict {
        let listener = &self.net.listeners[self.net.links[id].socket as usize];
        let Some(Handshake { max_syn_backlog, syncookies, .. }) = self.model.kernel.handshake else {
            return if listener.is_spoken_for() { Verdict::Dropped } else { Verdict::Remembered };
        };
        let room = max_syn_backlog.saturating_sub(listener.shaking);
        if listener.is_full() {
            Verdict::Dropped
        } else if listener.shaking >= listener.backlog.max(1) {
            if syncookies { Verdict::Cookie } else { Verdict::Dropped }
        } else if !syncookies && room < max_syn_backlog / 4 {
            Verdict::Dropped
        } else {
            Verdict::Remembered
        }
    }

    #[cold]
    #[inline(never)]
    fn drop_syn(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        let pause = self.model.kernel.syn_pause(self.net.links[id].syns);
        request.turn_told(id, Wait::SynRetry, self.now, &mut self.probe);
        self.probe.on(self.now, Fact::SynDropped);
        self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, 1));
        let event =
            if self.net.links[id].syns >= self.model.kernel.syns_max() { Event::NoRoute(id) } else { Event::Syn(id) };
        self.queue.push(self.timer(pause), event);
    }

    /// The kernel gives up on its SYN retries.
    #[cold]
    #[inline(never)]
    pub(crate) fn no_route_event(&mut self, id: RequestId) {
        self.lost(id, Ending::ConnectTimeout);
        self.forget(id);
    }

    /// The end of a handshake reaches the server, and the request's bytes with it.
    #[inline(always)]
    pub(crate) fn established_event(&mut self, id: RequestId) {
        if self.net.links[id].is_routed() {
            return self.relay_connected(id);
        }
        self.begin_reading(id);
        if self.defers() {
            return self.defer(id);
        }
        let request = &self.requests[id];
        let full =
            self.model.kernel.handshake.filter(|_| self.net.listeners[self.net.links[id].socket as usize].is_full());
        if self.is_down(usize::from(request.listener())) {
            self.leave_handshake(id);
            self.answer_with(id, Ending::Reset, Span::ZERO);
        } else if let Some(handshake) = full {
            self.net.counts.ack_drops += 1;
            if handshake.abort_on_overflow {
                self.leave_handshake(id);
                self.answer_with(id, Ending::Reset, Span::ZERO);
            } else {
                self.ignore(id);
            }
        } else {
            self.complete_handshake(id);
        }
    }

    /// The client is connected: what it waits for now is the response.
    #[inline(always)]
    fn begin_reading(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        // From here on it is not connecting, whatever the server makes of it.
        request.stay_unheard();
        if request.ending().is_some() {
            return;
        }
        if self.model.proxy.is_none() {
            let index = usize::from(request.client());
            self.hear(index);
        }
        self.arrived_whole(id);
    }

    /// The server knows the client and lets it wait for somebody who accepts.
    #[inline(always)]
    pub(super) fn complete_handshake(&mut self, id: RequestId) {
        self.leave_handshake(id);
        let request = &mut self.requests[id];
        if request.ending().is_none() {
            request.turn_told(id, Wait::Backlog, self.now, &mut self.probe);
        }
        self.enter_queue(id);
    }

    /// The handshake leaves the queue of incomplete ones, if it is there.
    #[inline(always)]
    pub(super) fn leave_handshake(&mut self, id: RequestId) {
        let link = &mut self.net.links[id];
        if !std::mem::replace(&mut link.cookie, true) {
            self.net.listeners[link.socket as usize].shaking -= 1;
        }
    }

    /// Nothing becomes of the end of a handshake.
    #[cold]
    #[inline(never)]
    pub(super) fn ignore(&mut self, id: RequestId) {
        self.net.links[id].ignored_at = self.now;
        let request = &mut self.requests[id];
        if request.ending().is_none() {
            request.turn_told(id, Wait::Retransmit, self.now, &mut self.probe);
        }
        self.try_again(id);
    }

    fn try_again(&mut self, id: RequestId) {
        if self.defers() {
            return self.send_again(id);
        }
        let way = self.hop_network(id);
        let link = &self.net.links[id];
        let next = next_try(self.now - link.ignored_at, RTO_MIN + way * 2, link.cookie);
        self.queue.push(link.ignored_at + next, Event::Retransmit(id));
    }

    /// A request, or the answer to a repeated SYN-ACK, reaches a server that ignored the end of its handshake.
    #[cold]
    #[inline(never)]
    pub(crate) fn retransmit_event(&mut self, id: RequestId) {
        if self.defers() {
            return self.sent_again(id);
        }
        let (request, link) = (&self.requests[id], &self.net.links[id]);
        let (elapsed, socket) = (self.now - link.ignored_at, link.socket as usize);
        let good_for = if link.cookie { COOKIE_GOOD } else { REMEMBERED };
        if elapsed == REMEMBERED && !link.cookie {
            // The server forgets the client; who sends to it next is reset.
            self.leave_handshake(id);
            self.net.links[id].forgotten = true;
            self.try_again(id);
        } else if link.forgotten || elapsed > good_for || self.is_down(usize::from(request.listener())) {
            self.leave_handshake(id);
            self.answer_with(id, Ending::Reset, Span::ZERO);
        } else if self.net.listeners[socket].is_full() {
            self.net.counts.ack_drops += 1;
            self.try_again(id);
        } else {
            self.complete_handshake(id);
        }
    }
}

/// When something reaches the server next after `elapsed` since it ignored the end of the handshake.
fn next_try(elapsed: Span, first: Span, cookie: bool) -> Span {
    let mut next = first;
    while next <= elapsed {
        next = next * 2;
    }
    if cookie {
        return next;
    }
    let repeats = (1..=SYNACK_RETRIES + 1).map(|turn| Span::from_secs((1 << turn) - 1));
    repeats.filter(|&at| at > elapsed).fold(next, Span::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_request_comes_again_with_each_retransmission_and_each_syn_ack() {
        let mut at = Span::ZERO;
        let mut tries = Vec::new();
        while at < Span::from_secs(80) {
            at = next_try(at, RTO_MIN, false);
            tries.push(at.as_ns() / 1_000_000);
        }
        let expected = [200, 400, 800, 1000, 1600, 3000, 3200, 6400, 7000, 12_800, 15_000, 25_600, 31_000, 51_200];
        assert_eq!(tries[..14], expected);
        assert_eq!(tries[14..], [63_000, 102_400]);
    }

    #[test]
    fn a_cookie_is_remembered_by_nobody_so_no_syn_ack_is_repeated() {
        assert_eq!(next_try(Span::from_ms(800), RTO_MIN, true), Span::from_ms(1600));
    }
}
