//! Socket memory: what responses take in send buffers, and what becomes of them when it runs out (`net.ipv4.tcp_mem`).
//!
//! After Linux 6.x. A response is copied into its socket's send buffer in fragments of 32 KiB, and each is charged in whole pages
//! (`tcp_sendmsg_locked`, `__sk_mem_schedule`) until it is acknowledged. Above `pressure` TCP is short of memory until it is below
//! `low` again, and no socket may then have more than its even share of `high` (`__sk_mem_raise_allocated`). Whoever may not have
//! more has half the send buffer from then on (`sk_stream_moderate_sndbuf`), which grows again only when memory is ample
//! (`tcp_should_expand_sndbuf`, `tcp_sndbuf_expand`). No segment is lost: what does not fit waits in `send` for an acknowledgement.
//! So a response moves one send buffer a round trip, and its writer is held for as long. That is all that a client feels, until
//! more than `high` is taken: a connection that its server then closes while more than the least send buffer is on its way is reset
//! (`tcp_check_oom`, "TCP: out of memory"). A request is one segment, which is always taken in (`tcp_data_queue`), and holds a page
//! until somebody accepts it.
//! Left out: what segments need beside their bytes, the congestion window, receive windows, requests and answers of peers that
//! need more than a segment, responses through a router, and that a kept connection keeps its small buffer.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::kit::id::{HostId, RequestId, TaskId};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::model::Model;
use crate::model::kernel::TcpMem;
use crate::net::above::CarrierForNet;
use crate::program::request::Stage;
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::Probe;
use crate::watch::record::SocketMemoryCounts;
use crate::world::World;

/// A page (x86-64, `PAGE_SIZE`).
pub(crate) const PAGE: u64 = 4_096;
/// What is copied and charged at once: a page fragment (`net/core/sock.c`, `SKB_FRAG_PAGE_ORDER`).
const FRAGMENT: u64 = 32_768;
/// The least send buffer: two segments of 2,048 bytes with their `sk_buff` of 256 (`include/net/sock.h`, `SOCK_MIN_SNDBUF`).
const BUFFER_LEAST: u64 = 4_608;
/// What a socket may have in its send buffer under pressure whatever the others have (`net.ipv4.tcp_wmem`, the first).
const ALWAYS: u64 = 4_096;
/// The largest send buffer (`net.ipv4.tcp_wmem`, the third).
const BUFFER_MOST: u64 = 4 << 20;

/// Pages that so many bytes of one socket take (`sk_mem_pages`).
fn pages(bytes: u64) -> u64 {
    bytes.div_ceil(PAGE)
}

/// Socket memory of all servers, and who writes.
#[derive(Debug)]
pub(crate) struct SocketMemory {
    /// By server; empty if nobody looks at it.
    hosts: Table<HostId, Charged>,
    /// By the place of the request in its slab.
    writers: Vec<Writer>,
}

/// Socket memory of a server.
#[derive(Clone, Debug, Default)]
struct Charged {
    /// Pages in send buffers.
    sent: u64,
    /// Whether TCP is short of memory.
    pressure: bool,
    /// When what was sent is acknowledged, the first first, and its place in `parts`.
    due: BinaryHeap<Reverse<(Time, u32)>>,
    /// Pages on their way; none, once they were given back early.
    parts: Vec<u64>,
    /// Places in `parts` that hold nothing.
    vacant: Vec<u32>,
}

/// A response on its way into its send buffer.
#[derive(Clone, Copy, Debug)]
struct Writer {
    /// Bytes that no send buffer has had.
    unsent: u64,
    /// Size of its send buffer.
    buffer: u64,
    /// Bytes written last.
    queued: u64,
    /// When they are acknowledged.
    acked_at: Time,
    /// Their place among the parts of their server.
    part: u32,
}

impl Writer {
    const NONE: Writer = Writer { unsent: 0, buffer: 0, queued: 0, acked_at: Time::ZERO, part: u32::MAX };
}

/// What else counts when a socket asks for memory.
#[derive(Clone, Copy, Debug)]
struct Others {
    /// Pages of requests that nobody has accepted.
    received: u64,
    /// TCP sockets of the server.
    sockets: u64,
}

impl SocketMemory {
    pub(super) fn new(model: &Model) -> SocketMemory {
        let count = if model.kernel.tcp_mem.is_some() { model.hosts.len() } else { 0 };
        SocketMemory { hosts: (0..count).map(|_| Charged::default()).collect(), writers: Vec::new() }
    }

    fn writer(&mut self, id: RequestId) -> &mut Writer {
        if self.writers.len() <= id.index() {
            self.writers.resize(id.index() + 1, Writer::NONE);
        }
        &mut self.writers[id.index()]
    }
}

impl Charged {
    /// What was acknowledged until now is free again.
    fn free_acknowledged(&mut self, limits: TcpMem, others: Others, now: Time) {
        while let Some(&Reverse((at, part))) = self.due.peek() {
            if at > now {
                break;
            }
            self.due.pop();
            self.sent -= std::mem::take(&mut self.parts[part as usize]);
            self.vacant.push(part);
            self.pressure &= self.sent + others.received >= limits.low;
        }
    }

    /// Pages are taken until an instant.
    fn take_until(&mut self, pages: u64, at: Time) -> u32 {
        let part = self.vacant.pop().unwrap_or_else(|| {
            self.parts.push(0);
            u32::try_from(self.parts.len() - 1).expect("fewer than 2^32 responses are on their way")
        });
        self.parts[part as usize] = pages;
        self.due.push(Reverse((at, part)));
        part
    }

    /// Whether a socket with so much in its send buffer may have more pages (`__sk_mem_raise_allocated`).
    fn raise(&mut self, limits: TcpMem, others: Others, queued: u64, size: u64) -> bool {
        let taken = self.sent + others.received + pages(queued + size) - pages(queued);
        if taken <= limits.low {
            self.pressure = false;
            return true;
        }
        self.pressure |= taken > limits.pressure;
        taken <= limits.high
            && (queued < ALWAYS || !self.pressure || limits.high > others.sockets * pages(queued + size))
    }

    /// Copies into an empty send buffer what fits (`tcp_sendmsg_locked`, `tcp_wmem_schedule`). Bytes copied, and how often it was
    /// refused more.
    fn fill(&mut self, limits: TcpMem, others: Others, writer: &mut Writer) -> (u64, u64) {
        let (mut queued, mut refused) = (0, 0);
        while queued < writer.unsent && queued < writer.buffer {
            let mut size = FRAGMENT.min(writer.unsent - queued);
            let granted = self.raise(limits, others, queued, size);
            if !granted {
                refused += 1;
                writer.buffer = (queued / 2).min(writer.buffer).max(BUFFER_LEAST);
                // A socket below its buffer cannot wait for an acknowledgement: it gets what is always its own.
                if queued + size < writer.buffer {
                    size = size.min(ALWAYS.saturating_sub(queued));
                }
            }
            self.sent += pages(queued + size) - pages(queued);
            queued += size;
            if size == 0 {
                break;
            }
        }
        writer.unsent -= queued;
        writer.queued = queued;
        (queued, refused)
    }
}

impl<P: Probe> World<'_, P> {
    /// A task writes as much of its response as its send buffer takes, or goes on with that. How long until there is room for
    /// more; `None`: all of it is written, or nobody wants it any longer.
    #[inline(never)]
    pub(crate) fn write_on(&mut self, task: TaskId) -> Option<Span> {
        let limits = self.model.kernel.tcp_mem?;
        let id = self.tasks[task].request();
        let request = &mut self.requests[id];
        let (goes_on, left) = (request.stage() == Stage::Writing, request.ending().is_some());
        if left || !(goes_on || request.stage() == Stage::Served) {
            if goes_on {
                request.be_written_no_more();
            }
            return None;
        }
        let routed = self.net.links[id].is_routed();
        if !goes_on {
            let size = self.size(&self.requests[id]);
            let buffer = self.model.hosts[self.host_of(id).index()].send_buffer;
            *self.net.sockets.writer(id) = Writer { unsent: size, buffer, queued: size, ..Writer::NONE };
        }
        let way = self.hop_network(id) * 2;
        if routed || (way.is_zero() && self.reading_rate(id).is_none()) {
            // Nothing stays in a send buffer if it is acknowledged at once.
            return None;
        }
        let takes = self.write_part(id, limits, way, goes_on);
        let request = &mut self.requests[id];
        if self.net.sockets.writers[id.index()].unsent == 0 {
            request.be_written_no_more();
            return None;
        }
        if !goes_on {
            request.be_written();
            request.turn_told(id, Wait::Network, self.now, &mut self.probe);
        }
        self.through_uplink(id, self.net.sockets.writers[id.index()].queued);
        Some(takes)
    }

    /// Fills a send buffer that is empty, for the first time or again. How long until it is acknowledged.
    fn write_part(&mut self, id: RequestId, limits: TcpMem, way: Span, again: bool) -> Span {
        let host = self.host_of(id);
        let slow = self.reading_rate(id).is_some();
        let others = self.other_sockets(host);
        let charged = &mut self.net.sockets.hosts[host];
        charged.free_acknowledged(limits, others, self.now);
        let writer = &mut self.net.sockets.writers[id.index()];
        let ample = !charged.pressure && charged.sent + others.received < limits.low;
        if again && ample && !slow {
            writer.buffer = (writer.buffer * 2).min(BUFFER_MOST).max(writer.buffer);
        }
        let (queued, refused) = charged.fill(limits, others, writer);
        let used = (charged.sent + others.received) * PAGE;
        let counts = self.net.counts.sockets.get_or_insert_default();
        counts.refused += refused;
        counts.peak = counts.peak.max(used);
        let takes = self.piece_takes(id, queued).max(way);
        let acked_at = self.now + takes;
        let part = self.net.sockets.hosts[host].take_until(pages(queued), acked_at);
        let writer = &mut self.net.sockets.writers[id.index()];
        (writer.acked_at, writer.part) = (acked_at, part);
        takes
    }

    /// What the sockets of a server hold beside send buffers, and how many there are.
    fn other_sockets(&self, host: HostId) -> Others {
        let mut others = Others { received: 0, sockets: 0 };
        for (listener, spec) in self.net.listeners.iter().zip(&self.model.listeners) {
            if spec.host as usize == host.index() {
                others.received += listener.queue.len() as u64;
                others.sockets += listener.queue.len() as u64;
            }
        }
        for (process, &open) in self.processes.ids().zip(&self.net.descriptors) {
            if self.processes[process].host() == host {
                others.received += self.unserved(process) as u64;
                others.sockets += u64::from(open);
            }
        }
        others
    }

    /// Most memory that the sockets of one server hold at an instant to which nothing has happened yet, in bytes.
    pub(crate) fn socket_memory(&self, at: Time) -> u64 {
        let of = |(host, charged): (usize, &Charged)| {
            let free = charged.due.iter().filter(|Reverse((due, _))| *due <= at);
            let free: u64 = free.map(|Reverse((_, part))| charged.parts[*part as usize]).sum();
            (charged.sent - free + self.other_sockets(HostId::from_index(host)).received) * PAGE
        };
        self.net.sockets.hosts.iter().enumerate().map(of).max().unwrap_or_default()
    }

    fn host_of(&self, id: RequestId) -> HostId {
        let listener = usize::from(self.requests[id].listener());
        HostId::from_index(self.model.listeners[listener].host as usize)
    }

    /// Bytes of a response that are under way once it is written, if socket memory is looked at.
    #[inline(always)]
    pub(crate) fn last_part(&self, id: RequestId) -> Option<u64> {
        self.model.kernel.tcp_mem?;
        self.net.sockets.writers.get(id.index()).map(|writer| writer.queued)
    }

    /// The reader of a response that is not all written has left: its send buffer is free.
    #[inline(never)]
    pub(crate) fn drop_unsent(&mut self, id: RequestId) {
        if self.model.kernel.tcp_mem.is_none() {
            return;
        }
        let (host, now) = (self.host_of(id), self.now);
        let SocketMemory { hosts, writers } = &mut self.net.sockets;
        if let Some(writer) = writers.get_mut(id.index()).filter(|writer| writer.acked_at > now) {
            hosts[host].sent -= std::mem::take(&mut hosts[host].parts[writer.part as usize]);
            *writer = Writer::NONE;
        }
    }

    /// A server closes a connection: whether the kernel resets it for want of memory (`tcp_check_oom`).
    #[inline(never)]
    pub(super) fn out_of_socket_memory(&mut self, id: RequestId) -> bool {
        let Some(limits) = self.model.kernel.tcp_mem else { return false };
        let request = &self.requests[id];
        // Who waits for the client to close has nothing under way when it closes.
        if self.net.links[id].linger.is_some() || request.ending().is_some() {
            return false;
        }
        let host = self.host_of(id);
        let others = self.other_sockets(host);
        let charged = &mut self.net.sockets.hosts[host];
        charged.free_acknowledged(limits, others, self.now);
        let writer = self.net.sockets.writers.get(id.index()).copied().unwrap_or(Writer::NONE);
        writer.acked_at > self.now && writer.queued > BUFFER_LEAST && charged.sent + others.received > limits.high
    }

    /// The kernel resets a connection instead of sending what is left of its response.
    #[cold]
    #[inline(never)]
    pub(super) fn abort_for_socket_memory(&mut self, id: RequestId) {
        self.net.counts.sockets.get_or_insert_with(SocketMemoryCounts::default).aborted += 1;
        self.drop_unsent(id);
        let request = &mut self.requests[id];
        request.be_over();
        request.lose_task();
        request.proxy_waits_until(Time::NEVER);
        self.answer_with(id, Ending::Reset, Span::ZERO);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TcpMem = TcpMem { low: 600, pressure: 800, high: 1_200 };

    fn writer(unsent: u64) -> Writer {
        Writer { unsent, buffer: 87_040, ..Writer::NONE }
    }

    fn others(sockets: u64) -> Others {
        Others { received: 0, sockets }
    }

    #[test]
    fn ample_memory_takes_a_send_buffer_and_the_fragment_that_overlaps_its_end() {
        let mut charged = Charged::default();
        let mut one = writer(1_000_000);
        assert_eq!(charged.fill(LIMITS, others(1), &mut one), (3 * FRAGMENT, 0));
        assert_eq!((one.unsent, one.buffer, charged.sent), (1_000_000 - 3 * FRAGMENT, 87_040, 24));
        assert_eq!(charged.fill(LIMITS, others(1), &mut writer(5_000)), (5_000, 0));
        assert_eq!(charged.sent, 26);
    }

    #[test]
    fn under_pressure_a_socket_has_its_even_share_and_half_the_buffer_from_then_on() {
        let mut charged = Charged { sent: 900, ..Charged::default() };
        // 1,200 pages are 12 for each of 100 sockets: the first fragment is 8, the second would make 16.
        let mut one = writer(1_000_000);
        assert_eq!(charged.fill(LIMITS, others(100), &mut one), (2 * FRAGMENT, 1));
        assert_eq!(one.buffer, FRAGMENT / 2);
        assert!(charged.pressure);
        assert_eq!(charged.fill(LIMITS, others(100), &mut one), (FRAGMENT, 0));
    }

    #[test]
    fn pressure_begins_above_the_second_limit_and_ends_below_the_first() {
        let mut charged = Charged { sent: 790, ..Charged::default() };
        charged.fill(LIMITS, others(1), &mut writer(4_096 * 10));
        assert!(!charged.pressure);
        charged.fill(LIMITS, others(1), &mut writer(4_096));
        assert!(charged.pressure);
        let at = |ms| Time::ZERO + Span::from_ms(ms);
        charged.take_until(201, at(1));
        charged.take_until(1, at(2));
        charged.free_acknowledged(LIMITS, others(1), at(1));
        assert_eq!((charged.sent, charged.pressure), (600, true));
        charged.free_acknowledged(LIMITS, others(1), at(2));
        assert_eq!((charged.sent, charged.pressure), (599, false));
    }

    #[test]
    fn beyond_the_last_limit_a_small_response_gets_a_page_and_a_large_one_a_fragment() {
        let mut charged = Charged { sent: 1_200, ..Charged::default() };
        assert_eq!(charged.fill(LIMITS, others(1), &mut writer(4_000)), (4_000, 1));
        let mut small = writer(4_500);
        assert_eq!(charged.fill(LIMITS, others(1), &mut small), (4_096, 2));
        assert_eq!(small.unsent, 404);
        assert_eq!(charged.fill(LIMITS, others(1), &mut writer(1_000_000)), (FRAGMENT, 1));
    }
}
