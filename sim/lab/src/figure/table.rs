//! The tables of numbers: what is told about a run, a class, a shared value, a connection and a wait.

use engine::hist::Hist;
use engine::record::{
    Apart, ClassRecord, ConnectionRecord, Ending, Evenness, GroupRecord, PoolRecord, RunRecord, Slowdown, ValueRecord,
    Wait,
};
use engine::time::Span;

use super::{Better, FigureGroup, FigureSpec, Recipe, Unit};
use crate::busiest::BusiestMinute;
use crate::overload::{growth_ratio, growth_rps};

/// One row of a table below: keeps them one screen each.
const fn row<R>(
    name: &'static str,
    label: &'static str,
    (unit, group, better): (Unit, FigureGroup, Better),
    doc: &'static str,
    value: fn(&R) -> Option<f64>,
) -> Recipe<R> {
    Recipe { spec: FigureSpec { name, label, unit, group, better, doc }, value }
}

const OUTCOME: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Outcome, Better::Less);
const LATENCY: (Unit, FigureGroup, Better) = (Unit::Nanoseconds, FigureGroup::Latency, Better::Less);
const USERS: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Users, Better::Neither);
const TROUBLE: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Resilience, Better::Less);
const COPIES: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Resilience, Better::Neither);
const TOUCHES: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Sharing, Better::Neither);
const HARM: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Sharing, Better::Less);
const SIZE: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Resources, Better::Neither);
const BUSY: (Unit, FigureGroup, Better) = (Unit::Share, FigureGroup::Resources, Better::Neither);
const LAG: (Unit, FigureGroup, Better) = (Unit::Nanoseconds, FigureGroup::Resources, Better::Less);
const LIMIT: (Unit, FigureGroup, Better) = (Unit::Count, FigureGroup::Resources, Better::Less);
const JAIN: (Unit, FigureGroup, Better) = (Unit::Index, FigureGroup::Fairness, Better::More);
const SLOWED: (Unit, FigureGroup, Better) = (Unit::Ratio, FigureGroup::Fairness, Better::Less);

/// Everything that is told about a run as a whole, in table order.
#[rustfmt::skip] // One number a row reads as the table it is.
pub static RUN_FIGURES: [Recipe<RunRecord>; 91] = [
    row("requests_sent", "requests sent", (Unit::Count, FigureGroup::Outcome, Better::Neither),
        "Requests that were alive within the window, refreshes included.", |r| Some(sent(&r.endings) as f64)),
    row("requests_ok", "ok", (Unit::Count, FigureGroup::Outcome, Better::More),
        "Good responses in time, within the window.", |r| within(&r.endings, &r.apart, Ending::Ok)),
    row("requests_failed", "failed (5xx)", OUTCOME,
        "Requests the server answered with an error.", |r| within(&r.endings, &r.apart, Ending::Failed)),
    row("requests_connect_timeout", "connect timeout", OUTCOME,
        "Requests that got no connection in time.", |r| within(&r.endings, &r.apart, Ending::ConnectTimeout)),
    row("requests_read_timeout", "read timeout", OUTCOME,
        "Requests that were connected but got no response in time.", |r| within(&r.endings, &r.apart, Ending::ReadTimeout)),
    row("requests_gave_up", "gave up", OUTCOME,
        "Requests whose user lost patience and left.", |r| within(&r.endings, &r.apart, Ending::GaveUp)),
    row("requests_refused", "refused", OUTCOME,
        "Requests whose connection was refused, because nobody listened.", |r| within(&r.endings, &r.apart, Ending::Refused)),
    row("requests_reset", "reset", OUTCOME,
        "Requests whose connection broke before the response was there.", |r| within(&r.endings, &r.apart, Ending::Reset)),
    row("requests_no_port", "no local port", OUTCOME,
        "Requests for which the client had no local port left.", |r| within(&r.endings, &r.apart, Ending::NoPort)),
    row("requests_unfinished", "unfinished", OUTCOME,
        "Requests that were still inside when the run ended.", |r| Some(r.endings[Ending::Unfinished as usize] as f64)),
    row("requests_drained", "ended while draining", OUTCOME,
        "Requests that ended after the window, while the run drained: in no other row of endings, and in no rate.",
        |r| Some(r.apart.drained.iter().sum::<u64>() as f64)),
    row("requests_drained_ok", "of these ok", OUTCOME,
        "Those of them that were good responses.", |r| Some(r.apart.drained[Ending::Ok as usize] as f64)),
    row("success_share", "success", (Unit::Share, FigureGroup::Outcome, Better::More),
        "Good responses within the window over all requests that ended there, or waited through all of it.",
        |r| r.apart.success(&r.endings)),
    row("throughput_rps", "throughput", (Unit::PerSecond, FigureGroup::Outcome, Better::More),
        "Good responses within the window per second: what ends while the run drains is no throughput.", throughput),
    row("inside_growth_rps", "inside, growth", (Unit::PerSecond, FigureGroup::Outcome, Better::Neither),
        "By how many requests a second the number inside grew over the second half of the window; where some client does not wait for \
         answers.", growth_rps),
    row("inside_growth_ratio", "inside, growth over chance", (Unit::Ratio, FigureGroup::Outcome, Better::Neither),
        "The same growth over the standard deviation of what a world at its limit gains by chance in that time.", growth_ratio),
    row("received_bytes", "received", (Unit::Bytes, FigureGroup::Outcome, Better::Neither),
        "Bytes of all good responses, heads and bodies.", |r| received(r, |class| class.bytes)),
    row("received_body_bytes", "of it bodies", (Unit::Bytes, FigureGroup::Outcome, Better::Neither),
        "Bytes of the bodies of all good responses.", |r| received(r, |class| class.body_bytes)),

    row("latency_mean_ns", "mean", LATENCY, "Mean latency of good responses.", |r| span(r.latency.mean())),
    row("latency_p50_ns", "p50", LATENCY, "Median latency of good responses.", |r| span(r.latency.quantile(0.5))),
    row("latency_p90_ns", "p90", LATENCY,
        "90th percentile of the latency of good responses.", |r| span(r.latency.quantile(0.9))),
    row("latency_p95_ns", "p95", LATENCY,
        "95th percentile of the latency of good responses.", |r| span(r.latency.quantile(0.95))),
    row("latency_p99_ns", "p99", LATENCY,
        "99th percentile of the latency of good responses.", |r| span(r.latency.quantile(0.99))),
    row("latency_p999_ns", "p99.9", LATENCY,
        "99.9th percentile of the latency of good responses; where a run has 1,000 of them.", |r| p999(&r.latency)),
    row("latency_max_ns", "max", LATENCY, "Longest latency of a good response.", |r| span(r.latency.max())),

    row("users_came", "came", USERS,
        "People who came, or were there when the window began, each with an original request and its refreshes.", |r| Some(r.users.came as f64)),
    row("users_served", "served", (Unit::Count, FigureGroup::Users, Better::More),
        "People who got a good response to any of their requests.", |r| Some(r.users.served as f64)),
    row("users_served_share", "served share", (Unit::Share, FigureGroup::Users, Better::More),
        "People served over people who came.", |r| share(r.users.served, r.users.came)),
    row("refreshes", "refreshes", (Unit::Count, FigureGroup::Users, Better::Less),
        "New requests by people who had lost patience.", |r| Some(r.users.refreshes as f64)),
    row("requests_wasted", "wasted requests", (Unit::Count, FigureGroup::Users, Better::Less),
        "Requests that the server finished for people who had left.", |r| Some(r.wasted.requests as f64)),
    row("wasted_slot_time_ns", "slot time wasted", (Unit::Nanoseconds, FigureGroup::Users, Better::Less),
        "Slot time that wasted requests held, in all.", |r| span(Some(r.wasted.slot_time))),

    row("retries", "retries", TROUBLE,
        "New requests sent because the one before went wrong.", |r| trouble(r, r.resilience.retries)),
    row("retries_refused", "retries refused", TROUBLE,
        "Retries that were not sent because the bucket was empty.", |r| trouble(r, r.resilience.retries_refused)),
    row("hedges", "second copies", COPIES,
        "Second copies of requests that were sent.", |r| copies(r, r.resilience.hedges)),
    row("hedges_won", "second copies that won", COPIES,
        "Second copies that were answered first.", |r| copies(r, r.resilience.hedges_won)),
    row("failed_fast", "failed fast", TROUBLE,
        "Requests and calls that an open breaker failed at once.", |r| trouble(r, r.resilience.failed_fast)),
    row("ejections", "servers left alone", TROUBLE,
        "Times that a balancer began to leave a server alone.", |r| trouble(r, r.resilience.ejections)),

    row("value_reads", "reads", TOUCHES,
        "Times that a shared value was read.", |r| values(r, |value| value.reads)),
    row("value_writes", "writes", TOUCHES,
        "Times that a shared value was written.", |r| values(r, |value| value.writes)),
    row("lost_updates", "lost updates", HARM,
        "Writes by a task that had not seen what another task wrote since its own read.",
        |r| values(r, |value| value.lost_updates)),
    row("connection_uses", "uses of connections", TOUCHES,
        "Times that a task began to use a declared connection.", |r| connections(r, |one| one.uses)),
    row("conflicts", "conflicts", HARM,
        "Uses of a connection that began while another task waited on it.", |r| connections(r, |one| one.conflicts)),

    row("slots", "slots", SIZE,
        "Threads or greenlets of the fleet that can carry a request.", |r| Some(r.slots as f64)),
    row("os_threads", "threads of the system", SIZE,
        "Threads of the operating system that the fleet has from the start, with those of masters and routers.",
        |r| Some(r.os_threads as f64)),
    row("slots_busy_share", "slots busy", BUSY,
        "Busy slots over slots, over the window.", |r| Some(r.slots_ppm as f64 / 1e6)),
    row("slots_busiest_minute_share", "slots, busiest minute", BUSY,
        "Busy slots over slots in the minute in which most were busy.",
        |r| BusiestMinute::of(r).map(|minute| minute.slots_share)),
    row("calls_peak", "calls at once, most", SIZE,
        "Most calls to peers under way at once.", |r| (r.calls_peak > 0).then_some(r.calls_peak as f64)),
    row("cores", "cores", SIZE, "Cores of the fleet.", |r| Some(r.cores as f64)),
    row("cpu_busy_share", "CPU busy", BUSY,
        "Busy core time over core time, over the window.", |r| Some(r.cpu_ppm as f64 / 1e6)),
    row("cpu_busiest_process_share", "CPU, busiest process", BUSY,
        "CPU time of the busiest server process over the window: 100 % is one core, all that a hub or threads under one GIL can use.",
        busiest_process_cpu),
    row("cpu_busiest_minute_share", "CPU, in that minute", BUSY,
        "Busy core time over core time in the minute in which most slots were busy.",
        |r| BusiestMinute::of(r).map(|minute| minute.cpu_share)),
    row("throttled_periods_share", "periods throttled", BUSY,
        "Active periods of a CPU limit at whose end a core stood still, over all of them (cpu.stat: nr_throttled over nr_periods).",
        |r| r.throttling.share()),
    row("throttled_cores_share", "cores throttled", BUSY,
        "Time in which cores stood still under a CPU limit, over core time (cpu.stat: throttled_usec).",
        |r| (r.throttling.periods > 0 && !r.window.is_zero()).then(|| r.throttling.time.as_secs_f64() / r.window.as_secs_f64() / r.cores as f64)),
    row("syn_drops", "SYN drops", (Unit::Count, FigureGroup::Resources, Better::Less),
        "SYNs dropped at full queues and tables.", |r| Some(r.syn_drops as f64)),
    row("ack_drops", "handshakes ignored", LIMIT,
        "Ends of handshakes ignored at full accept queues, repetitions included.", |r| Some(r.kernel.ack_drops as f64)),
    row("conntrack_drops", "conntrack drops", LIMIT,
        "SYNs dropped because the table of tracked connections was full.", |r| Some(r.kernel.conntrack_drops as f64)),
    row("descriptor_failures", "EMFILE", LIMIT,
        "Calls of accept or socket that failed for want of a descriptor.",
        |r| Some(r.kernel.descriptor_failures as f64)),
    row("extra_wakes", "extra wake-ups", LIMIT,
        "Threads and hubs woken beside the one that a connection needs.", |r| Some(r.kernel.extra_wakes as f64)),
    row("oom_kills", "killed for memory", LIMIT,
        "Processes that the kernel killed for want of memory.", |r| Some(r.kernel.oom_kills as f64)),
    row("ports_peak", "ports, most taken", LIMIT,
        "Most local ports of one client group taken at once, TIME_WAIT included; where they are limited.",
        |r| Some(r.kernel.ports_peak as f64)),
    row("memory_peak_bytes", "memory, peak", (Unit::Bytes, FigureGroup::Resources, Better::Less),
        "Most memory of one server, where it is looked at.", |r| r.kernel.memory_peak.map(|bytes| bytes as f64)),
    row("socket_memory_peak_bytes", "socket memory, peak", (Unit::Bytes, FigureGroup::Resources, Better::Less),
        "Most memory of one server's TCP sockets, where it is looked at.",
        |r| r.kernel.sockets.map(|sockets| sockets.peak as f64)),
    row("socket_memory_refused", "socket memory refused", LIMIT,
        "Times that a socket with something to send was refused more memory, where it is looked at.",
        |r| r.kernel.sockets.map(|sockets| sockets.refused as f64)),
    row("socket_memory_resets", "resets for socket memory", LIMIT,
        "Connections that the kernel reset for want of socket memory when they were closed, where it is looked at.",
        |r| r.kernel.sockets.map(|sockets| sockets.aborted as f64)),
    row("worker_timeouts", "worker timeouts", LIMIT,
        "Server processes killed because their main loop was silent for too long.", |r| Some(r.workers.timeouts as f64)),
    row("worker_harakiris", "harakiris", LIMIT,
        "Server processes killed because a request took too long.", |r| Some(r.workers.harakiris as f64)),
    row("worker_graceful_kills", "killed while stopping", LIMIT,
        "Server processes killed because they did not finish in time when they were to be replaced.",
        |r| Some(r.workers.graceful_kills as f64)),
    row("workers_replaced", "workers replaced", LIMIT,
        "Server processes replaced after their number of requests.", |r| Some(r.workers.replaced as f64)),
    row("workers_crashed", "workers crashed", LIMIT,
        "Server processes that ended for want of a descriptor or were killed for want of memory, and were replaced.",
        |r| Some(r.workers.crashed as f64)),
    row("master_naps", "naps of a master", LIMIT,
        "Times a uWSGI master slept because its processes died too fast.", |r| Some(r.workers.naps as f64)),
    row("worker_connections_lost", "lost with a worker", LIMIT,
        "Connections that broke because their server process was killed.", |r| Some(r.workers.lost as f64)),
    row("generator_busy_share", "load generator busy", BUSY,
        "CPU time of the busiest group's load generator over the time of its processes; where requests cost it any.",
        generator_share),
    row("hub_hold_max_ns", "hub held, longest", LAG,
        "The longest time that a greenlet kept its hub without giving way; gevent's monitor warns from 0.1 s on.",
        |r| span(r.hub_hold_max)),
    row("hub_hold_p99_ns", "hub held p99", LAG,
        "99th percentile of the time from a switch into a greenlet to its giving way.", |r| span(r.hub_hold.quantile(0.99))),
    row("hub_lag_p50_ns", "hub lag p50", LAG,
        "Median time from a greenlet being ready to its running.", |r| span(r.hub_lag.quantile(0.5))),
    row("hub_lag_p99_ns", "hub lag p99", LAG,
        "99th percentile of the time from a greenlet being ready to its running.", |r| span(r.hub_lag.quantile(0.99))),
    row("hub_lag_max_ns", "hub lag max", LAG,
        "Longest time from a greenlet being ready to its running.", |r| span(r.hub_lag.max())),
    row("join_lag_p50_ns", "late join p50", LAG,
        "Median time by which a main greenlet that joins resident clients for a set time comes back late.",
        |r| span(r.join_lag.quantile(0.5))),
    row("join_lag_max_ns", "late join max", LAG,
        "Longest time by which it comes back late.", |r| span(r.join_lag.max())),

    row("slowdown_jain_index", "Jain's index of slowdown", JAIN,
        "Jain's fairness index of latency over ideal time: 1 when everybody is slowed alike, 1/n when one is.",
        |r| slowdown(r).jain()),
    row("slowdown_mean_ratio", "slowdown mean", SLOWED, "Mean of latency over ideal time.", |r| slowdown(r).mean()),
    row("slowdown_max_ratio", "slowdown max", SLOWED,
        "Largest latency over ideal time.", |r| slowdown_max(&slowdown(r))),
    row("wait_longest_ns", "longest wait", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "The longest that a request waited: its latency without its own needs, however it ended.",
        |r| span(r.groups.iter().map(|group| group.waiting.longest).max())),
    row("requests_starved", "starved requests", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Requests that waited for longer than `run.starved_after` while two or more that came later were answered.",
        |r| Some(r.classes.iter().map(|class| class.waiting.starved).sum::<u64>() as f64)),
    row("clients_jain_index", "Jain's index of clients", JAIN,
        "Jain's fairness index of good responses over clients that ask again and again.",
        |r| returning(r).and_then(|clients| clients.jain())),
    row("clients_starved", "starved clients", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Clients that waited for longer than `run.starved_after` without a good response while another one got two.",
        |r| (r.groups.iter().any(|group| group.clients.count > 0))
            .then(|| r.groups.iter().map(|group| group.starved_clients).sum::<u64>() as f64)),
    row("process_requests_skew_ratio", "busiest process", (Unit::Ratio, FigureGroup::Fairness, Better::Less),
        "Requests of the busiest server process over the mean of all.", |r| skew(&r.process_requests)),
    row("thread_requests_skew_ratio", "busiest thread", (Unit::Ratio, FigureGroup::Fairness, Better::Less),
        "Requests of the busiest serving thread over the mean of all.",
        |r| (r.thread_requests.count > 1).then(|| r.thread_requests.max_share()).flatten()),
    row("residents_served", "clients ever served", (Unit::Count, FigureGroup::Fairness, Better::More),
        "Resident clients that had any good pass.", |r| r.residents.map(|all| all.served as f64)),
    row("residents_jain_index", "Jain's index of passes", JAIN,
        "Jain's fairness index of good passes over resident clients: 1 when all have as many, 1/n when one has all.",
        |r| r.residents.and_then(|all| all.jain())),
    row("residents_longest_without_ns", "longest without", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "The longest time that a resident client went without a good pass.",
        |r| span(r.residents.map(|all| all.longest_without))),
];

/// Everything that is told about one class of requests, in table order.
#[rustfmt::skip] // As above.
pub static CLASS_FIGURES: [Recipe<ClassRecord>; 15] = [
    row("requests_sent", "requests", (Unit::Count, FigureGroup::Fairness, Better::Neither),
        "Requests of the class, refreshes included.", |c| Some(sent(&c.endings) as f64)),
    row("requests_ok", "ok", (Unit::Count, FigureGroup::Fairness, Better::More),
        "Good responses of the class in time, within the window.", |c| within(&c.endings, &c.apart, Ending::Ok)),
    row("success_share", "success", (Unit::Share, FigureGroup::Fairness, Better::More),
        "Good responses of the class within the window over all that ended there, or waited through all of it.",
        |c| c.apart.success(&c.endings)),
    row("latency_mean_ns", "mean", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "Mean latency of good responses of the class.", |c| span(c.latency.mean())),
    row("latency_p50_ns", "p50", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "Median latency of good responses of the class.", |c| span(c.latency.quantile(0.5))),
    row("latency_p90_ns", "p90", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "90th percentile of the latency of good responses of the class.", |c| span(c.latency.quantile(0.9))),
    row("latency_p95_ns", "p95", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "95th percentile of the latency of good responses of the class.", |c| span(c.latency.quantile(0.95))),
    row("latency_p99_ns", "p99", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "99th percentile of the latency of good responses of the class.", |c| span(c.latency.quantile(0.99))),
    row("latency_p999_ns", "p99.9", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "99.9th percentile of the latency of good responses of the class; where a run has 1,000 of them.",
        |c| p999(&c.latency)),
    row("latency_max_ns", "max", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "Longest latency of a good response of the class.", |c| span(c.latency.max())),
    row("slowdown_jain_index", "Jain's index", JAIN,
        "Jain's fairness index of latency over ideal time within the class.", |c| c.slowdown.jain()),
    row("slowdown_mean_ratio", "slowdown mean", SLOWED,
        "Mean of latency over ideal time within the class.", |c| c.slowdown.mean()),
    row("slowdown_max_ratio", "slowdown max", SLOWED,
        "Largest latency over ideal time within the class.", |c| slowdown_max(&c.slowdown)),
    row("wait_longest_ns", "longest wait", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "The longest that a request of the class waited, however it ended.", |c| Some(c.waiting.longest.as_ns() as f64)),
    row("requests_starved", "starved", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Requests of the class that waited for longer than `run.starved_after` while two that came later were answered.",
        |c| Some(c.waiting.starved as f64)),
];

/// Everything that is told about one shared value, in table order.
#[rustfmt::skip] // As above.
pub static VALUE_FIGURES: [Recipe<ValueRecord>; 3] = [
    row("value_reads", "reads", TOUCHES, "Times that the value was read.", |v| Some(v.reads as f64)),
    row("value_writes", "writes", TOUCHES, "Times that the value was written.", |v| Some(v.writes as f64)),
    row("lost_updates", "lost updates", HARM,
        "Writes by a task that had not seen what another task wrote since its own read.",
        |v| Some(v.lost_updates as f64)),
];

/// Everything that is told about one connection, in table order.
#[rustfmt::skip] // As above.
pub static CONNECTION_FIGURES: [Recipe<ConnectionRecord>; 2] = [
    row("connection_uses", "uses", TOUCHES, "Times that a task began to use the connection.", |c| Some(c.uses as f64)),
    row("conflicts", "conflicts", HARM,
        "Uses that began while another task waited on the connection.", |c| Some(c.conflicts as f64)),
];

/// Everything that is told about one group of clients, in table order.
#[rustfmt::skip] // As above.
pub static GROUP_FIGURES: [Recipe<GroupRecord>; 8] = [
    row("requests_ok", "ok", (Unit::Count, FigureGroup::Fairness, Better::More),
        "Good responses of the group.", |g| Some(g.served as f64)),
    row("wait_longest_ns", "longest wait", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "The longest that a request of the group waited, however it ended.", |g| span(Some(g.waiting.longest))),
    row("requests_starved", "starved requests", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Requests of the group that waited for longer than `run.starved_after` while two that came later were answered.",
        |g| Some(g.waiting.starved as f64)),
    row("clients", "clients", (Unit::Count, FigureGroup::Fairness, Better::Neither),
        "Clients of the group that ask again and again.", |g| of_clients(g, Some(g.clients.count as f64))),
    row("clients_starved", "starved clients", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Those of them that waited for longer than `run.starved_after` without a good response while another one got two.",
        |g| of_clients(g, Some(g.starved_clients as f64))),
    row("clients_jain_index", "Jain's index of clients", JAIN,
        "Jain's fairness index of good responses over the clients of the group.", |g| of_clients(g, g.clients.jain())),
    row("clients_least_ratio", "least of a client", (Unit::Ratio, FigureGroup::Fairness, Better::More),
        "Good responses of the client that got least over the mean of the group.",
        |g| of_clients(g, g.clients.min_share())),
    row("clients_most_ratio", "most of a client", (Unit::Ratio, FigureGroup::Fairness, Better::Less),
        "Good responses of the client that got most over the mean of the group.",
        |g| of_clients(g, g.clients.max_share())),
];

/// Everything that is told about one pool, in table order.
#[rustfmt::skip] // As above.
pub static POOL_FIGURES: [Recipe<PoolRecord>; 4] = [
    row("waits", "waits", (Unit::Count, FigureGroup::Fairness, Better::Less),
        "Times that a request had to wait for a unit of the pool.", |p| Some(p.waits.count as f64)),
    row("wait_mean_ns", "mean wait", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "Mean of these waits, those that ended without a unit among them.",
        |p| (p.waits.count > 0).then(|| p.waits.sum as f64 / p.waits.count as f64)),
    row("wait_longest_ns", "longest wait", (Unit::Nanoseconds, FigureGroup::Fairness, Better::Less),
        "The longest of them.", |p| (p.waits.count > 0).then_some(p.waits.max as f64)),
    row("waits_jain_index", "Jain's index of waits", JAIN,
        "Jain's fairness index of these waits: 1 when all waited alike, near 0 when a few waited for all.", |p| p.waits.jain()),
];

/// A number of clients that ask again and again, where a group has any.
fn of_clients(group: &GroupRecord, number: Option<f64>) -> Option<f64> {
    number.filter(|_| group.clients.count > 0)
}

/// What is told about each [`Wait`], in [`Wait::ALL`] order.
pub static BLAME_FIGURES: [FigureSpec; Wait::KINDS] = [
    blame("network_mean_ns", "network", "Mean time travelling between client and server, per good response."),
    blame("syn_retry_mean_ns", "SYN retry", "Mean time until a dropped SYN was sent again, per good response."),
    blame(
        "retransmit_mean_ns",
        "retransmission",
        "Mean time from an ignored end of a handshake to the retransmission that was heard, per good response.",
    ),
    blame("backlog_mean_ns", "accept queue", "Mean time in the kernel's accept queue, per good response."),
    blame(
        "slot_mean_ns",
        "waiting for a slot",
        "Mean time accepted but without thread or greenlet, per good response.",
    ),
    blame("hub_mean_ns", "hub", "Mean time ready while the hub ran something else, per good response."),
    blame("gil_mean_ns", "GIL", "Mean time ready while another thread held the GIL, per good response."),
    blame("core_mean_ns", "core", "Mean time ready while no core was free, per good response."),
    blame(
        "throttled_mean_ns",
        "CPU limit",
        "Mean time on a core that stood still under a CPU limit, per good response.",
    ),
    blame("cpu_mean_ns", "own CPU", "Mean time running on a core, per good response."),
    blame("native_mean_ns", "native code", "Mean time computing in native code that needs no GIL, per good response."),
    blame("lock_mean_ns", "lock or queue", "Mean time waiting for a lock, a queue or an event, per good response."),
    blame("pool_mean_ns", "pool", "Mean time waiting for a unit of a pool, per good response."),
    blame("peer_mean_ns", "dependency", "Mean time waiting for a dependency's reply, per good response."),
    blame("timer_mean_ns", "sleep", "Mean time asleep, per good response."),
];

const fn blame(name: &'static str, label: &'static str, doc: &'static str) -> FigureSpec {
    FigureSpec { name, label, unit: Unit::Nanoseconds, group: FigureGroup::Blame, better: Better::Neither, doc }
}

/// Mean nanoseconds per good response that `classes` together spent in each [`Wait`]; `None` without good responses.
pub(crate) fn blame_of<'a>(classes: impl Iterator<Item = &'a ClassRecord>) -> Option<[f64; Wait::KINDS]> {
    let mut responses = 0_u64;
    let mut sums = [0_u128; Wait::KINDS];
    for class in classes {
        responses += class.latency.count();
        for (sum, wait) in sums.iter_mut().zip(class.blame) {
            *sum += u128::from(wait.as_ns());
        }
    }
    (responses > 0).then(|| sums.map(|sum| sum as f64 / responses as f64))
}

fn sent(endings: &[u64; Ending::COUNT]) -> u64 {
    endings.iter().sum()
}

/// A count over all shared values, in runs that have any.
fn values(record: &RunRecord, count: impl Fn(&ValueRecord) -> u64) -> Option<f64> {
    (!record.values.is_empty()).then(|| record.values.iter().map(count).sum::<u64>() as f64)
}

/// A count over all declared connections, in runs that have any.
fn connections(record: &RunRecord, count: impl Fn(&ConnectionRecord) -> u64) -> Option<f64> {
    (!record.connections.is_empty()).then(|| record.connections.iter().map(count).sum::<u64>() as f64)
}

/// A count of second copies, in runs that had any.
fn copies(record: &RunRecord, count: u64) -> Option<f64> {
    (record.resilience.hedges > 0).then_some(count as f64)
}

/// A count of trouble, in runs that had any.
fn trouble(record: &RunRecord, count: u64) -> Option<f64> {
    (!record.resilience.is_nothing()).then_some(count as f64)
}

/// Endings of a kind within the window.
fn within(endings: &[u64; Ending::COUNT], apart: &Apart, ending: Ending) -> Option<f64> {
    Some(apart.within(endings, ending) as f64)
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Bytes of good responses of all classes; nothing if no class says how long its responses are.
fn received(record: &RunRecord, bytes: fn(&ClassRecord) -> u64) -> Option<f64> {
    let all = record.classes.iter().map(|class| class.bytes).sum::<u64>();
    (all > 0).then(|| record.classes.iter().map(bytes).sum::<u64>() as f64)
}

fn throughput(record: &RunRecord) -> Option<f64> {
    let good = record.apart.within(&record.endings, Ending::Ok) as f64;
    (!record.window.is_zero()).then(|| good / record.window.as_secs_f64())
}

fn span(span: Option<Span>) -> Option<f64> {
    span.map(|span| span.as_ns() as f64)
}

/// One in a thousand: of fewer than a thousand it would be the longest, which has a row of its own.
fn p999(latency: &Hist) -> Option<f64> {
    span(latency.quantile(0.999).filter(|_| latency.count() >= 1_000))
}

/// Slowdown over the good responses of all classes.
pub(crate) fn slowdown(record: &RunRecord) -> Slowdown {
    record.classes.iter().fold(Slowdown::default(), |all, class| Slowdown {
        count: all.count + class.slowdown.count,
        sum_milli: all.sum_milli + class.slowdown.sum_milli,
        square_micro: all.square_micro + class.slowdown.square_micro,
        max_milli: all.max_milli.max(class.slowdown.max_milli),
    })
}

/// CPU time of the busiest server process in cores, from the end of the warm-up to the last ending.
pub(crate) fn busiest_process_cpu(record: &RunRecord) -> Option<f64> {
    let busiest = record.process_cpu.iter().copied().max()?;
    let until = record.until_finished().max(record.window);
    (!until.is_zero()).then(|| busiest.as_secs_f64() / until.as_secs_f64())
}

/// The most of one over the mean of all; `None` for less than two, or if nobody has any.
fn skew(numbers: &[u64]) -> Option<f64> {
    (numbers.len() > 1).then(|| Evenness::of(numbers.iter().copied()).max_share()).flatten()
}

/// Good responses by client, over all groups of clients that ask again and again; resident ones have rows of their own.
fn returning(record: &RunRecord) -> Option<Evenness> {
    let groups = record.groups.iter().filter(|group| group.clients.count > 1);
    groups.map(|group| group.clients).reduce(Evenness::merged).filter(|_| record.residents.is_none())
}

fn generator_share(record: &RunRecord) -> Option<f64> {
    let time = record.until_finished().as_ns();
    let shares = record
        .groups
        .iter()
        .filter(|group| group.generators > 0 && time > 0)
        .map(|group| group.generator_cpu.as_ns() as f64 / (time as f64 * f64::from(group.generators)));
    shares.max_by(f64::total_cmp)
}

fn slowdown_max(slowdown: &Slowdown) -> Option<f64> {
    (slowdown.count > 0).then(|| slowdown.max_milli as f64 / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_name_ends_in_its_unit() {
        let specs = RUN_FIGURES.iter().map(|recipe| &recipe.spec);
        let specs = specs.chain(CLASS_FIGURES.iter().map(|recipe| &recipe.spec)).chain(&BLAME_FIGURES);
        let specs = specs.chain(VALUE_FIGURES.iter().map(|recipe| &recipe.spec));
        let specs = specs.chain(CONNECTION_FIGURES.iter().map(|recipe| &recipe.spec));
        let specs = specs.chain(POOL_FIGURES.iter().map(|recipe| &recipe.spec));
        let specs = specs.chain(GROUP_FIGURES.iter().map(|recipe| &recipe.spec));
        for spec in specs {
            let suffix = match spec.unit {
                Unit::Count => "",
                Unit::Share => "_share",
                Unit::Nanoseconds => "_ns",
                Unit::PerSecond => "_rps",
                Unit::Index => "_index",
                Unit::Ratio => "_ratio",
                Unit::Bytes => "_bytes",
            };
            assert!(spec.name.ends_with(suffix), "{} does not end in {suffix}", spec.name);
            assert!(spec.doc.ends_with('.'), "{} is described by no sentence", spec.name);
        }
    }

    #[test]
    fn no_two_figures_of_a_table_share_a_name() {
        let mut names: Vec<&str> = RUN_FIGURES.iter().map(|recipe| recipe.spec.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RUN_FIGURES.len());
    }

    #[test]
    fn endings_and_waits_are_called_as_in_the_engine() {
        for (wait, spec) in Wait::ALL.into_iter().zip(&BLAME_FIGURES) {
            assert_eq!(spec.label, wait.label());
        }
        for (ending, recipe) in Ending::ALL.into_iter().zip(&RUN_FIGURES[1..]) {
            assert_eq!(recipe.spec.label, ending.label());
        }
    }

    #[test]
    fn blame_adds_up_to_the_mean_latency() {
        let record = fixtures::record("threads", 0);
        let blame = blame_of(record.classes.iter()).unwrap();
        let mean = record.latency.sum_ns() as f64 / record.latency.count() as f64;
        assert!((blame.iter().sum::<f64>() - mean).abs() < 1e-3);
    }

    #[test]
    fn the_thousandth_part_of_fewer_than_a_thousand_is_not_told() {
        let of = |count: u64| {
            let latencies: Vec<u64> = (1..=count).collect();
            fixtures::with_classes("threads", 0, vec![fixtures::class("page", &latencies, 1)])
        };
        let recipe = RUN_FIGURES.iter().find(|recipe| recipe.spec.name == "latency_p999_ns").unwrap();
        assert_eq!((recipe.value)(&of(999)), None);
        // The bucket of 999 ms is right within a thousandth.
        let told = (recipe.value)(&of(1_000)).unwrap();
        assert!((told / 999e6 - 1.0).abs() < 1e-3, "{told}");
    }

    #[test]
    fn a_record_without_requests_has_no_shares_and_no_percentiles() {
        let record = fixtures::empty("threads", 0);
        let value = |name| (RUN_FIGURES.iter().find(|recipe| recipe.spec.name == name).unwrap().value)(&record);
        assert_eq!(value("requests_ok"), Some(0.0));
        for name in ["success_share", "throughput_rps", "latency_p99_ns", "slowdown_jain_index", "users_served_share"] {
            assert_eq!(value(name), None, "{name}");
        }
    }
}
