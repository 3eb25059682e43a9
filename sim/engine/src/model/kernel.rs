//! What the operating systems of servers and clients allow: handshakes, sockets, ports, tables, descriptors and memory.
//!
//! The names are Linux's own (`Documentation/networking/ip-sysctl.rst`, `nf_conntrack-sysctl.rst`). The default is a kernel without
//! limits, in which nothing here takes place; what each limit does is in `net/`.

use crate::kit::time::{Span, Time};
use crate::model::WorkerKind;

/// The kernel of every server of a world.
#[derive(Clone, PartialEq, Debug)]
pub struct Kernel {
    /// How handshakes queue; `None`: a SYN reserves its place in the accept queue, so that nothing is dropped after it.
    pub handshake: Option<Handshake>,
    /// When nobody listens. Sorted, not overlapping.
    pub down: Vec<Outage>,
    /// SYNs that are sent again after one second each before the pauses double (`net.ipv4.tcp_syn_linear_timeouts`; 0 before Linux
    /// 6.5, 4 since).
    pub syn_linear_timeouts: u8,
    /// First pause before a SYN is sent again (`TCP_TIMEOUT_INIT`: 1 s since Linux 3.1, 3 s before).
    pub syn_timeout: Span,
    /// Times that a SYN is sent again, linear timeouts not counted (`net.ipv4.tcp_syn_retries`: 6 since Linux 3.7, 5 before).
    pub syn_retries: u8,
    /// Listening sockets of a server (`SO_REUSEPORT`: one for each process); 0 or 1: its processes share one.
    ///
    /// With `n` of them [`crate::Model::listeners`] has the first sockets of all servers, then the other `n - 1` of each server.
    pub sockets: u32,
    /// Whom a new connection wakes.
    pub wakes: Wakes,
    /// The connection tracker; `None`: the rule set does not track these connections.
    pub conntrack: Option<Conntrack>,
    /// Descriptors that a process may have open (`RLIMIT_NOFILE`); `None`: as many as it wants.
    pub descriptors: Option<u32>,
    /// Memory of a server; `None`: not looked at.
    pub memory: Option<Memory>,
    /// Threads that a server's processes may have together (`kernel.threads-max`); `None`: as many as they want.
    pub threads: Option<u32>,
    /// Memory of a server's TCP sockets; `None`: what they need.
    pub tcp_mem: Option<TcpMem>,
}

impl Default for Kernel {
    fn default() -> Self {
        Kernel {
            handshake: None,
            down: Vec::new(),
            syn_linear_timeouts: 0,
            syn_timeout: Kernel::SYN_TIMEOUT,
            syn_retries: Kernel::SYN_RETRIES,
            sockets: 0,
            wakes: Wakes::Usual,
            conntrack: None,
            descriptors: None,
            memory: None,
            threads: None,
            tcp_mem: None,
        }
    }
}

impl Kernel {
    /// `TCP_TIMEOUT_INIT`: Linux 3.1 and later, `include/net/tcp.h`.
    pub const SYN_TIMEOUT: Span = Span::from_secs(1);
    /// `net.ipv4.tcp_syn_retries`: Linux 3.7 and later, `TCP_SYN_RETRIES`.
    pub const SYN_RETRIES: u8 = 6;

    /// How long the sender waits for an answer to its `syns`th SYN.
    ///
    /// After Linux 6.5, `tcp_timer.c`: the pause doubles from the timeout on that is one more than the linear ones.
    pub fn syn_pause(&self, syns: u8) -> Span {
        self.syn_timeout * (1 << (syns - 1).saturating_sub(self.syn_linear_timeouts))
    }

    /// SYNs that are sent at most, the first included.
    pub fn syns_max(&self) -> u8 {
        1 + self.syn_retries.saturating_add(self.syn_linear_timeouts)
    }
}

/// The queue of incomplete handshakes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handshake {
    /// `net.ipv4.tcp_max_syn_backlog`; matters without cookies only.
    pub max_syn_backlog: u32,
    /// `net.ipv4.tcp_syncookies`: what does not fit the queue is answered without being remembered.
    pub syncookies: bool,
    /// `net.ipv4.tcp_abort_on_overflow`: a handshake that ends at a full accept queue is reset instead of ignored.
    pub abort_on_overflow: bool,
    /// Whether the server's sockets wait for data (`TCP_DEFER_ACCEPT`); the kernels' timers are those of Linux's wheel then.
    pub defer_accept: bool,
}

impl Handshake {
    /// Linux's own settings: 4,096 handshakes with much memory, cookies, and nobody is reset.
    pub const LINUX: Handshake =
        Handshake { max_syn_backlog: 4096, syncookies: true, abort_on_overflow: false, defer_accept: false };
}

/// A span of time in which nobody listens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outage {
    /// First instant.
    pub from: Time,
    /// First instant after it.
    pub to: Time,
    /// Index of the server; `None`: all of them.
    pub server: Option<u32>,
}

/// Whom a connection wakes among those who wait for one at a shared socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Wakes {
    /// As the software waits: one thread that is blocked in `accept`, the longest waiting; every hub (`epoll` without
    /// `EPOLLEXCLUSIVE`).
    #[default]
    Usual,
    /// Everybody: `select`, `poll` and `epoll` without `EPOLLEXCLUSIVE`.
    All,
    /// One: a blocked `accept`, or `epoll` with `EPOLLEXCLUSIVE`, which wakes the first idle one in the order of registration.
    One,
}

/// The table of tracked connections of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Conntrack {
    /// Entries (`net.netfilter.nf_conntrack_max`).
    pub max: u32,
    /// How long an entry outlives its connection (`nf_conntrack_tcp_timeout_time_wait`).
    pub time_wait: Span,
}

impl Conntrack {
    /// `nf_conntrack_tcp_timeout_time_wait`: Linux 6.x, `nf_conntrack_proto_tcp.c`, `tcp_timeouts`.
    pub const TIME_WAIT: Span = Span::from_secs(120);
}

/// Memory of a server's TCP sockets, in pages of 4 KiB (`net.ipv4.tcp_mem`). Each is at least as much as the one before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpMem {
    /// Below it TCP is not short of memory.
    pub low: u64,
    /// Above it TCP is short of memory.
    pub pressure: u64,
    /// What it may have in all.
    pub high: u64,
}

/// Memory of a server and of what runs on it, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Memory {
    /// What the server has for its processes.
    pub host: u64,
    /// A process before it serves anything.
    pub process: u64,
    /// A thread.
    pub thread: u64,
    /// A request in service: a greenlet's stack, or what a thread holds for it.
    pub request: u64,
}

impl Memory {
    /// Bytes of a process before it serves anything.
    pub fn fixed(&self, kind: WorkerKind) -> u64 {
        self.process + self.thread * u64::from(kind.os_threads())
    }
}

/// Local ports of somebody who connects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ports {
    /// Ports to one destination: those of `net.ipv4.ip_local_port_range`, times the sender's addresses.
    pub count: u32,
    /// Whether this side closes a connection first once the response is there.
    pub closes_first: bool,
    /// How long a port stays taken after a connection that this side closed first.
    pub lingers: Span,
    /// Sockets that may linger at once: `net.ipv4.tcp_max_tw_buckets`. Those beyond are destroyed, and their ports free at once.
    pub lingering_most: u32,
}

impl Ports {
    /// `net.ipv4.ip_local_port_range`, first and last: Linux, `inet_init_net`.
    pub const RANGE: (u16, u16) = (32_768, 60_999);
    /// How long a socket stays in TIME_WAIT: Linux, `include/net/tcp.h`, `TCP_TIMEWAIT_LEN`.
    pub const TIME_WAIT: Span = Span::from_secs(60);
    /// How long before `net.ipv4.tcp_tw_reuse` gives it to a new connection: Linux, `tcp_twsk_unique`; `tcp_tw_reuse_delay` since 6.14.
    pub const REUSE_AFTER: Span = Span::from_secs(1);
    /// `net.ipv4.tcp_max_tw_buckets` of a server with 16 GiB and more: Linux, `tcp_sk_init`, half of 524,288 hash buckets.
    pub const TIME_WAIT_MOST: u32 = 262_144;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instants(linear: u8) -> Vec<u64> {
        let kernel = Kernel { syn_linear_timeouts: linear, ..Kernel::default() };
        let mut at = Span::ZERO;
        let mut instants = Vec::new();
        for syns in 1..=kernel.syns_max() {
            at += kernel.syn_pause(syns);
            instants.push(at.as_ns() / 1_000_000_000);
        }
        instants
    }

    #[test]
    fn a_syn_is_repeated_at_1_3_7_15_31_and_63_seconds_and_given_up_64_seconds_later() {
        assert_eq!(instants(0), [1, 3, 7, 15, 31, 63, 127]);
    }

    #[test]
    fn since_linux_6_5_it_is_repeated_every_second_at_first() {
        assert_eq!(instants(4), [1, 2, 3, 4, 5, 7, 11, 19, 35, 67, 131]);
    }

    #[test]
    fn before_linux_3_1_it_was_repeated_at_3_9_21_45_and_93_seconds_and_given_up_at_189() {
        let kernel = Kernel { syn_timeout: Span::from_secs(3), syn_retries: 5, ..Kernel::default() };
        let pauses: Vec<u64> =
            (1..=kernel.syns_max()).map(|syns| kernel.syn_pause(syns).as_ns() / 1_000_000_000).collect();
        assert_eq!(pauses, [3, 6, 12, 24, 48, 96]);
        assert_eq!(pauses.iter().sum::<u64>(), 189);
    }

    #[test]
    fn the_default_range_lasts_for_470_connections_a_second() {
        let (first, last) = Ports::RANGE;
        let ports = u64::from(last - first) + 1;
        assert_eq!((ports, ports * 1_000_000_000 / Ports::TIME_WAIT.as_ns()), (28_232, 470));
    }
}
