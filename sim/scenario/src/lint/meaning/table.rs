//! What every key needs to mean something: one row for each key of who serves, who asks, and what lies between.
//!
//! A test holds it against the key tables, so a new key says here what it needs. Left out are tables in which no key can be idle:
//! `[run]`, `[slo]`, `[plan]`, requests and their steps.

use super::Needs;
use crate::reader::key::KeyTable;

/// Keys of a table, with blanks between them, that need the same.
type Row = (&'static str, Needs);

/// The rows of every table, by its heading.
pub(super) static TABLES: [(&str, &[Row]); 33] = [
    (
        "",
        &[
            ("version title question source preset run machine world client peer", Needs::Nothing),
            ("pool lock queue event value connection expect slo plan request proxy balancer", Needs::Nothing),
            ("software", Needs::Hub),
            ("executor", Needs::Nothing),
            ("offload", Needs::OffloadingHub),
        ],
    ),
    (
        "[machine]",
        &[
            ("servers cores cpu_limit", Needs::Inherited),
            ("cpu_period cpu_burst", Needs::CpuLimit),
            ("slice tick switch wake cold_percent somaxconn cpu_percent", Needs::Nothing),
            ("syn_linear_timeouts syn_timeout syn_retries", Needs::Nothing),
            ("cooling", Needs::Cold),
            ("send_buffer", Needs::SlowReader),
            ("uplink", Needs::Bytes),
        ],
    ),
    (
        "[world.NAME]",
        &[
            // What is refused of other servers where it is read needs nothing more.
            (
                "worker version processes threads greenlets connections limit_concurrency backpressure in_thread listen servers cores",
                Needs::Nothing,
            ),
            ("cpu_limit", Needs::Nothing),
            ("cpu_period cpu_burst", Needs::CpuLimit),
            ("accepts full http_timeout timeout harakiri max_requests max_requests_jitter", Needs::Nothing),
            ("down nofile threads_max kernel memory costs collector", Needs::Nothing),
            ("yield_every", Needs::Burns),
            ("python", Needs::Version),
            ("loop", Needs::Nothing),
            ("gil", Needs::Threads),
            ("switch_interval", Needs::SeveralThreads),
            ("timed_waits", Needs::TimedWait),
            ("lock_yields", Needs::StandardQueue),
            ("zero_sleep", Needs::Yields),
            ("keepalive", Needs::KeptByClients),
            ("graceful_timeout min_worker_lifetime", Needs::Replaced),
            ("boot forkbomb_delay", Needs::Dies),
            ("reuse_port", Needs::SeveralProcesses),
            ("wakes", Needs::SeveralWaiters),
        ],
    ),
    (
        "[world.NAME.costs]",
        &[
            ("request", Needs::Nothing),
            ("accept respond", Needs::Server),
            ("handoff take", Needs::Pool),
            ("close", Needs::Closes),
            ("switch timer socket wake clock", Needs::Hub),
            ("spawn", Needs::Spawns),
            ("poll", Needs::Polls),
            ("look search", Needs::PolledWait),
            ("expire", Needs::Expires),
            ("create start", Needs::Creates),
        ],
    ),
    (
        "[world.NAME.kernel]",
        &[
            ("tcp_syncookies tcp_abort_on_overflow tcp_mem", Needs::Nothing),
            ("nf_conntrack_max nf_conntrack_tcp_timeout_time_wait", Needs::Nothing),
            ("tcp_max_syn_backlog", Needs::NoCookies),
        ],
    ),
    (
        "memory = { host_mib, process_mib, thread_kib, request_kib }",
        &[("host_mib process_mib thread_kib request_kib", Needs::Nothing)],
    ),
    ("collector = { objects, request, full }", &[("objects request full", Needs::Nothing)]),
    ("down = [{ from, to, server }]", &[("from to server", Needs::Nothing)]),
    (
        "[client.NAME]",
        &[
            ("rate arrivals bursts spikes trace clients total think begins requests", Needs::Nothing),
            ("cost generators on network ports connect_timeout read_timeout silence", Needs::Nothing),
            ("patience refresh retry hedge breaker", Needs::Nothing),
            ("first_alone", Needs::SecondClient),
            ("keep_alive", Needs::KeptByServers),
            ("download", Needs::Bytes),
        ],
    ),
    ("{ at, rate, step }", &[("at rate step", Needs::Nothing)]),
    ("bursts = { factor, on, off }", &[("factor on off", Needs::Nothing)]),
    ("spikes = [{ at, factor, length, ramp }]", &[("at factor length ramp", Needs::Nothing)]),
    (
        "ports = { first, last, addresses, closes, tcp_tw_reuse }",
        &[("first last addresses closes tcp_tw_reuse tcp_max_tw_buckets", Needs::Nothing)],
    ),
    ("refresh = { chance, pause, times }", &[("chance pause times", Needs::Nothing)]),
    (
        "retry = { times, backoff, budget }",
        &[
            ("times backoff on budget reserve", Needs::Nothing),
            ("jitter max", Needs::Backoff),
            ("factor", Needs::SecondRetry),
        ],
    ),
    ("hedge = { after }", &[("after percentile", Needs::Nothing)]),
    ("breaker = { failures, window, open }", &[("failures window open", Needs::Nothing)]),
    ("keep_alive = { requests, timeout, connections }", &[("requests timeout connections", Needs::Nothing)]),
    ("[peer.NAME]", &[("network capacity ports slow breaker library", Needs::Nothing)]),
    ("slow = [{ from, to, factor, fail }]", &[("from to factor fail", Needs::Nothing)]),
    ("[pool.NAME]", &[("units policy primitive", Needs::Nothing)]),
    ("[lock.NAME]", &[("policy primitive", Needs::Nothing)]),
    ("[queue.NAME]", &[("size lifo filled primitive", Needs::Nothing), ("standard", Needs::Hub)]),
    ("[event.NAME]", &[]),
    ("[value.NAME]", &[]),
    ("[connection.NAME]", &[("per pool", Needs::Nothing)]),
    ("[offload]", &[("threads", Needs::Nothing)]),
    ("[executor.NAME]", &[("threads primitive", Needs::OffloadingHub)]),
    ("[software]", &[("gevent patch reinit uses libraries resolver", Needs::Nothing)]),
    ("[balancer]", &[("policy weights", Needs::SeveralServers), ("keys", Needs::Hash), ("check", Needs::Nothing)]),
    ("check = { request, interval, timeout, rise, fall }", &[("request interval timeout rise fall", Needs::Nothing)]),
    ("weights = [{ server, weight }]", &[("server weight", Needs::Nothing)]),
    (
        "[proxy]",
        &[
            ("latency network connect_timeout read_timeout", Needs::Nothing),
            ("buffer", Needs::SlowReader),
            ("keep_alive", Needs::KeptByServers),
            ("tries max_fails", Needs::SeveralServers),
            ("next_upstream", Needs::SecondTry),
            ("fail_timeout", Needs::Ejects),
        ],
    ),
];

/// What a key of a table needs; `None` of a table that has no rows.
pub(super) fn needs(table: &KeyTable, key: &str) -> Option<Needs> {
    let (_, rows) = TABLES.iter().find(|(heading, _)| *heading == table.heading)?;
    rows.iter().find(|(keys, _)| keys.split(' ').any(|known| known == key)).map(|(_, needs)| *needs)
}
