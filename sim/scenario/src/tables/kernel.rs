//! What operating systems allow: `[world.NAME.kernel]`, outages, memory, and the ports of who connects.

use engine::kernel::{Conntrack, Handshake, Kernel, Memory, Outage, Ports, TcpMem, Wakes};
use engine::time::{Span, Time};

use crate::reader::key::{KeyKind, KeyTable, Presence, TableKey, key};
use crate::reader::node::Node;
use crate::words::diagnostic::Findings;

const QUEUE_MAX: u64 = 1_000_000;
pub(crate) const MIB: u64 = 1 << 20;
const KIB: u64 = 1 << 10;

pub(crate) static OUTAGE: KeyTable = KeyTable {
    heading: "down = [{ from, to, server }]",
    noun: "an outage",
    doc: "A span of time in which nobody listens: what waits to be accepted is reset, who connects is refused, and what is inside \
          is served to its end. Outages are sorted and do not overlap.",
    keys: &[
        key("from", KeyKind::Duration, Presence::Required, "\"60s\"", "First instant, from the start of the run."),
        key("to", KeyKind::Duration, Presence::Required, "\"65s\"", "First instant after it."),
        key("server", KeyKind::Count(1, 1_000), Presence::Else("all servers"), "1", "Which server, counted from 1."),
    ],
};

pub(crate) static KERNEL: KeyTable = KeyTable {
    heading: "[world.NAME.kernel]",
    noun: "a kernel",
    doc: "How the servers' kernel queues handshakes, and what it remembers of connections. With this table, even an empty one, \
          incomplete handshakes have a queue of their own and the end of one may be ignored; what is not said is Linux's default. \
          Without it a SYN reserves its place in the accept queue.",
    keys: &[
        key(
            "tcp_max_syn_backlog",
            KeyKind::Count(1, QUEUE_MAX),
            Presence::Default("4096"),
            "128",
            "Incomplete handshakes that Linux remembers without cookies, of which it uses three quarters (net.ipv4.tcp_max_syn_backlog; 4096 with much memory).",
        ),
        key(
            "tcp_syncookies",
            KeyKind::Flag,
            Presence::Default("true"),
            "false",
            "Whether a SYN beyond the queue of incomplete handshakes, which is as long as `listen`, is answered with a cookie instead of dropped (net.ipv4.tcp_syncookies).",
        ),
        key(
            "tcp_abort_on_overflow",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "Whether a handshake that ends at a full accept queue is reset instead of ignored (net.ipv4.tcp_abort_on_overflow).",
        ),
        key(
            "nf_conntrack_max",
            KeyKind::Count(1, 100_000_000),
            Presence::Else("connections are not tracked"),
            "262144",
            "Connections that a server's firewall can track; the SYN of one more is dropped (net.netfilter.nf_conntrack_max; 262144 with more than 4 GB).",
        ),
        key(
            "nf_conntrack_tcp_timeout_time_wait",
            KeyKind::Positive,
            Presence::Default("\"120s\""),
            "\"30s\"",
            "How long a tracked connection is remembered after its end.",
        )
        .beside(&["nf_conntrack_max"]),
        key(
            "tcp_mem",
            KeyKind::Counts(3, 1, 1 << 40),
            Presence::Else("sockets have what they need"),
            "[6144, 8192, 12288]",
            "Memory of a server's TCP sockets in pages of 4 KiB (net.ipv4.tcp_mem): below the first TCP is not short of it, above the second send buffers shrink, and of a connection that is closed above the third the rest is not sent but the connection reset. Linux's default is 3/64, 4/64 and 6/64 of the memory (6144, 8192 and 12288 with 512 MiB).",
        ),
    ],
};

pub(crate) static MEMORY: KeyTable = KeyTable {
    heading: "memory = { host_mib, process_mib, thread_kib, request_kib }",
    noun: "a memory",
    doc: "Memory of a server and of what runs on it. When it is used up the kernel kills the largest process: its connections are \
          reset.",
    keys: &[
        key(
            "host_mib",
            KeyKind::Count(1, 100_000_000),
            Presence::Required,
            "8192",
            "What the server has for its processes, in MiB.",
        ),
        key(
            "process_mib",
            KeyKind::Count(0, 1_000_000),
            Presence::Required,
            "60",
            "A process before it serves anything: interpreter, code and caches, in MiB.",
        ),
        key(
            "thread_kib",
            KeyKind::Count(0, 100_000_000),
            Presence::Default("0"),
            "100",
            "Touched memory of a thread, in KiB.",
        ),
        key(
            "request_kib",
            KeyKind::Count(0, 100_000_000),
            Presence::Default("0"),
            "200",
            "What a request in service holds: its objects, and its greenlet's saved stack, in KiB.",
        ),
    ],
};

pub(crate) static PORTS: KeyTable = KeyTable {
    heading: "ports = { first, last, addresses, closes, tcp_tw_reuse }",
    noun: "a range of ports",
    doc: "Local ports to connect from, one for each connection to one destination. Without a free one `connect` fails at once \
          (EADDRNOTAVAIL).",
    keys: &[
        key(
            "first",
            KeyKind::Count(1, 65_535),
            Presence::Default("32768"),
            "1024",
            "First port of net.ipv4.ip_local_port_range.",
        ),
        key(
            "last",
            KeyKind::Count(1, 65_535),
            Presence::Default("60999"),
            "65535",
            "Last port of net.ipv4.ip_local_port_range.",
        ),
        key(
            "addresses",
            KeyKind::Count(1, 60_000),
            Presence::Default("1"),
            "4",
            "Addresses that connections come from.",
        ),
        key(
            "closes",
            KeyKind::OneOf(|| vec!["client", "server"]),
            Presence::Default("\"server\""),
            "\"client\"",
            "Who closes first after a response and keeps the connection for 60 s in TIME_WAIT; a server that answers with Connection: close does. A client that gives up closes first in any case.",
        ),
        key(
            "tcp_tw_reuse",
            KeyKind::Flag,
            Presence::Default("false"),
            "true",
            "Whether a port is free a second after its connection, in spite of TIME_WAIT (net.ipv4.tcp_tw_reuse 1; the default 2 does so on loopback only).",
        ),
        key(
            "tcp_max_tw_buckets",
            KeyKind::Count(0, 100_000_000),
            Presence::Default("262144"),
            "5000",
            "Sockets that may be in TIME_WAIT at once; those beyond are destroyed, and their ports free at once (net.ipv4.tcp_max_tw_buckets).",
        ),
    ],
};

/// The keys of a world that this file reads.
pub(crate) const DOWN: TableKey = key(
    "down",
    KeyKind::List(&OUTAGE),
    Presence::Default("[]"),
    "[{ from = \"60s\", to = \"65s\" }]",
    "When nobody listens, as in a restart.",
);
pub(crate) const REUSE_PORT: TableKey = key(
    "reuse_port",
    KeyKind::Flag,
    Presence::Default("false"),
    "true",
    "Whether every process has a listening socket of its own, among which the kernel chooses by a hash of the connection (SO_REUSEPORT).",
);
pub(crate) const WAKES: TableKey = key(
    "wakes",
    KeyKind::OneOf(|| vec!["all", "one"]),
    Presence::Else("one thread blocked in `accept`, in turn; all hubs"),
    "\"all\"",
    "Whom a connection wakes among those who wait at a socket: all (select, epoll), or one (a blocked accept in turn; epoll with EPOLLEXCLUSIVE the first idle hub).",
);
pub(crate) const NOFILE: TableKey = key(
    "nofile",
    KeyKind::Count(16, 100_000_000),
    Presence::Else("not limited"),
    "1024",
    "Descriptors that a process may have open (`ulimit -n`): connections, calls to peers, and ten of its own.",
);
pub(crate) const THREADS_MAX: TableKey = key(
    "threads_max",
    KeyKind::Count(1, 100_000_000),
    Presence::Else("not limited"),
    "8192",
    "Threads that the kernel gives to a server's processes together (kernel.threads-max, or `ulimit -u`); one that wants more ends before it listens. Linux's default is an eighth of the memory in thread stacks: 8192 for 512 MiB with stacks of 8 KiB (before 3.15), 4096 with 16 KiB.",
);
pub(crate) const KERNEL_KEY: TableKey = key(
    "kernel",
    KeyKind::Table(&KERNEL),
    Presence::Else("no such limits"),
    "{ tcp_syncookies = false }",
    "The kernel's own limits.",
);
pub(crate) const MEMORY_KEY: TableKey = key(
    "memory",
    KeyKind::Table(&MEMORY),
    Presence::Else("not looked at"),
    "{ host_mib = 8192, process_mib = 60, request_kib = 200 }",
    "Memory of a server and of what runs on it.",
);

/// When the kernels of an age send a SYN again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Syn {
    pub(crate) timeout: Span,
    pub(crate) retries: u8,
    pub(crate) linear_timeouts: u8,
}

impl Syn {
    /// The preset's, or what `[machine]` says instead.
    pub(crate) fn read(machine: &Node, preset: Syn) -> Syn {
        Syn {
            timeout: machine.find("syn_timeout").unwrap_or(preset.timeout),
            retries: machine.find("syn_retries").unwrap_or(preset.retries),
            linear_timeouts: machine.find("syn_linear_timeouts").unwrap_or(preset.linear_timeouts),
        }
    }
}

/// Reads what a world of so many servers and processes says of its kernel; `name` is the world's.
pub(crate) fn read(
    name: &str,
    node: &Node,
    (servers, processes): (u32, u32),
    syn: Syn,
    findings: &mut Findings,
) -> Kernel {
    let kernel = node.find::<&Node>("kernel");
    let wakes = match node.find::<&str>("wakes") {
        None => Wakes::Usual,
        Some("all") => Wakes::All,
        Some(_) => Wakes::One,
    };
    Kernel {
        syn_linear_timeouts: syn.linear_timeouts,
        syn_timeout: syn.timeout,
        syn_retries: syn.retries,
        handshake: kernel.map(|kernel| Handshake {
            max_syn_backlog: kernel.get("tcp_max_syn_backlog"),
            syncookies: kernel.get("tcp_syncookies"),
            abort_on_overflow: kernel.get("tcp_abort_on_overflow"),
            defer_accept: false,
        }),
        down: outages(name, node.get("down"), servers, findings),
        sockets: if node.get("reuse_port") { processes } else { 0 },
        wakes,
        conntrack: kernel.and_then(|kernel| {
            let time_wait = kernel.get("nf_conntrack_tcp_timeout_time_wait");
            kernel.find("nf_conntrack_max").map(|max| Conntrack { max, time_wait })
        }),
        descriptors: node.find("nofile"),
        memory: node.find::<&Node>("memory").map(|memory| Memory {
            host: memory.get::<u64>("host_mib") * MIB,
            process: memory.get::<u64>("process_mib") * MIB,
            thread: memory.get::<u64>("thread_kib") * KIB,
            request: memory.get::<u64>("request_kib") * KIB,
        }),
        threads: node.find("threads_max"),
        tcp_mem: kernel.and_then(|kernel| match kernel.find::<&[u64]>("tcp_mem") {
            Some(&[low, pressure, high]) => Some(TcpMem { low, pressure, high }),
            Some(_) | None => None,
        }),
    }
}

fn outages(world: &str, nodes: &[Node], servers: u32, findings: &mut Findings) -> Vec<Outage> {
    let mut read: Vec<(Outage, &Node)> = Vec::new();
    for node in nodes.iter().filter(|node| node.sound(&["from", "to", "server"])) {
        let from = Time::ZERO + node.get::<Span>("from");
        let to = Time::ZERO + node.get::<Span>("to");
        let server: Option<u32> = node.find("server");
        if to <= from {
            let what = format!("the outage ends at {to}, before it begins at {from}");
            findings.error(node.at("to"), what).label("not after `from`").help("swap `from` and `to`");
            continue;
        }
        if let Some(beyond) = server.filter(|&server| server > servers) {
            let what = format!("world `{world}` has no server {beyond}");
            let help = format!("its servers are 1 to {servers}; leave `server` out for all of them");
            findings.error(node.at("server"), what).label("no such server").help(help);
            continue;
        }
        read.push((Outage { from, to, server: server.map(|server| server - 1) }, node));
    }
    read.sort_by_key(|(outage, _)| (outage.from, outage.to));
    for (at, (after, node)) in read.iter().enumerate() {
        // Outages of other servers may stand between two that meet.
        let meets = |(before, _): &(Outage, &Node)| {
            let same = before.server.is_none() || after.server.is_none() || before.server == after.server;
            same && after.from < before.to
        };
        if read[..at].iter().any(meets) {
            let what = format!("outages of world `{world}` overlap at {}", after.from);
            let help = "let one outage end where the next begins";
            findings.error(node.at("from"), what).label("inside another outage").help(help);
        }
    }
    read.into_iter().map(|(outage, _)| outage).collect()
}

/// Reads the ports of somebody who connects.
pub(crate) fn ports(node: &Node, findings: &mut Findings) -> Option<Ports> {
    let ports = node.find::<&Node>("ports")?;
    let (first, last): (u32, u32) = (ports.get("first"), ports.get("last"));
    if last < first {
        let what = format!("the range of ports ends at {last}, before it begins at {first}");
        findings.error(ports.at("last"), what).label("below `first`").help("swap `first` and `last`");
        return None;
    }
    let lingers = if ports.get("tcp_tw_reuse") { Ports::REUSE_AFTER } else { Ports::TIME_WAIT };
    Some(Ports {
        count: (last - first + 1) * ports.get::<u32>("addresses"),
        closes_first: ports.get::<&str>("closes") == "client",
        lingers,
        lingering_most: ports.get("tcp_max_tw_buckets"),
    })
}
