//! Connections that end with a RST, or without an answer: refused, reset, no port to connect from.
//!
//! Linux answers a SYN to a port without a listener with a RST (`tcp_v4_send_reset`): the client's `connect` fails with ECONNREFUSED one
//! round trip after it began. When a process dies the kernel closes its sockets: connections that nobody has accepted are reset
//! (`inet_csk_listen_stop`), accepted ones end before the response; to the client both are a connection that broke.

use crate::id::{RequestId, TaskId};
use crate::probe::{Fact, Gauge, Probe};
use crate::record::{Ending, Wait};
use crate::request::Stage;
use crate::time::Span;
use crate::world::{Event, World};

/// What a client needs at least to find out that it cannot connect and to come again: the measured clients of the presets spend
/// 60 to 100 us of CPU time on a request.
const ATTEMPT: Span = Span::from_us(100);

impl<P: Probe> World<'_, P> {
    /// The server's end of a connection goes away without a response, because its process dies.
    ///
    /// The request may be in the accept queue, accepted, or served. It leaves the accept queue and the levels of a run; its task, its
    /// slot and its place in a pool's queue are the caller's, who has given them up before. The client learns of it one way over the
    /// network later and its request ends as [`Ending::Reset`]. Nothing happens to a request whose response is on its way, or that is
    /// not connected yet.
    pub(crate) fn reset_connection(&mut self, id: RequestId) {
        let request = &self.requests[id];
        if request.stage == Stage::Queued {
            let queue = &mut self.listeners[request.link.socket as usize].queue;
            if queue.front() == Some(&id) {
                queue.pop_front();
            } else {
                queue.retain(|&queued| queued != id);
            }
        }
        self.hang_up(id);
    }

    /// The same for a connection that is in no accept queue any more.
    pub(super) fn hang_up(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        let levels: &[Gauge] = match request.stage {
            Stage::Queued if request.link.relay.is_none() => &[Gauge::Queued],
            Stage::Queued | Stage::Accepted => &[Gauge::Queued, Gauge::InFlight],
            Stage::Served => &[Gauge::Slots, Gauge::InFlight],
            Stage::Pausing | Stage::Connecting | Stage::Unheard | Stage::Answered | Stage::Read => return,
        };
        let served = request.stage == Stage::Served;
        if request.stage != Stage::Queued {
            self.close_connection(id);
        }
        let request = &mut self.requests[id];
        let held = self.now - request.begun;
        request.stage = Stage::Answered;
        request.task = TaskId::NONE;
        let nobody = request.ending.is_some();
        let counted = request.counted;
        for &level in levels {
            self.probe.on(self.now, Fact::Gauge(level, -1));
        }
        if nobody && served && counted {
            self.probe.on(self.now, Fact::Wasted { held });
        }
        self.answer_with(id, Ending::Reset, Span::ZERO);
    }

    /// A RST leaves for the client, or its own kernel says no after `least`.
    pub(crate) fn answer_with(&mut self, id: RequestId, ending: Ending, least: Span) {
        let request = &mut self.requests[id];
        if request.ending.is_some() {
            self.forget(id);
            return;
        }
        request.turn(self.now, Wait::Network);
        request.link.verdict = Some(ending);
        let way = self.model.clients[usize::from(request.client)].network;
        self.queue.push(self.now + way.max(least), Event::Refusal(id));
    }

    /// Nobody listens where a SYN arrives.
    pub(super) fn refuse(&mut self, id: RequestId) {
        self.answer_with(id, Ending::Refused, ATTEMPT);
    }

    /// A client has no port left to connect from: nothing leaves its machine.
    pub(super) fn no_port(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        request.link.verdict = Some(Ending::NoPort);
        self.queue.push(self.now + ATTEMPT, Event::Refusal(id));
    }

    /// The bad news reaches the client.
    pub(crate) fn refusal_event(&mut self, id: RequestId) {
        let request = &self.requests[id];
        if let Some(ending) = request.link.verdict.filter(|_| request.ending.is_none()) {
            self.end(id, ending);
        }
        self.forget(id);
    }
}
