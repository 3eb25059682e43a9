//! The parts of a model in a few words each, for the diagram.

use engine::law::Law;
use engine::model::{
    Arrivals, Balancing, ClientSpec, HedgeAfter, Model, PeerSpec, ProxySpec, SyncKind, SyncSpec, WorkerKind,
};
use engine::time::{Span, Time};
use lab::Unit;

use crate::figures::scale::TimeAxis;
use crate::words::number;

fn count(value: u64) -> String {
    number::value(Unit::Count, value as f64)
}

/// So many of a thing, in the singular or the plural.
pub(crate) fn several(many: u64, of: &str) -> String {
    let ending = match many {
        1 => "",
        _ if of.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {of}{ending}", count(many))
}

/// A random duration: itself, or what is typical and what is rare.
fn law(law: &Law) -> String {
    let time = |span: Span| number::value(Unit::Nanoseconds, span.as_ns() as f64);
    match law {
        Law::Fixed(span) => span.to_string(),
        Law::Uniform { low, high } => format!("{low} to {high}"),
        Law::Exponential { mean } => format!("{mean} in the mean"),
        Law::Lognormal { .. } | Law::Pareto { .. } | Law::Empirical(_) => {
            format!("{} (p99 {})", time(law.quantile(0.5)), time(law.quantile(0.99)))
        }
    }
}

fn rate(profile: &engine::model::Profile) -> String {
    let rates = || profile.points.iter().map(|&(_, rate)| rate);
    let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
    let told = |rate| number::grouped(rate, if rate < 10.0 && f64::fract(rate) != 0.0 { 1 } else { 0 });
    if least == most {
        format!("{} requests/s", told(most))
    } else {
        format!("{} to {} requests/s", told(least), told(most))
    }
}

/// What a group of clients does.
pub(crate) fn client(client: &ClientSpec, resident: bool) -> Vec<String> {
    let mut lines = match &client.arrivals {
        Arrivals::Poisson(profile) => vec![format!("{}, at random", rate(profile))],
        Arrivals::Fixed(profile) => vec![format!("{}, evenly", rate(profile))],
        Arrivals::Trace(instants) => vec![format!("{} requests as recorded", count(instants.len() as u64))],
        Arrivals::Closed { clients, requests, think } => {
            let what = if resident { "greenlets in a loop" } else { "clients, each waits for its response" };
            let mut lines = vec![format!("{} {what}", count(u64::from(*clients)))];
            lines.extend(requests.map(|all| format!("{} requests in all", count(all))));
            lines.extend((*think != Law::Fixed(Span::ZERO)).then(|| format!("think {}", law(think))));
            lines
        }
    };
    lines.extend(client.bursts.as_ref().map(|bursts| format!("bursts of {} times as many", bursts.factor)));
    lines.extend(client.patience.as_ref().map(|patience| format!("patience {}", law(patience))));
    lines.extend(client.refresh.as_ref().map(|refresh| {
        let share = number::value(Unit::Share, f64::from(refresh.ppm) / 1e6);
        format!("{share} refresh, up to {} times", refresh.times)
    }));
    lines.extend(client.retry.as_ref().map(|retry| format!("retries, up to {}", retry.times)));
    lines.extend(client.hedge.as_ref().map(|hedge| match &hedge.after {
        HedgeAfter::Delay(delay) => format!("second copy after {delay}"),
        HedgeAfter::Quantile(ppm) => {
            format!("second copy after p{}", number::grouped(f64::from(*ppm) / 1e4, 0))
        }
    }));
    lines.extend(client.connect_timeout.map(|limit| format!("connect timeout {limit}")));
    lines.extend(client.read_timeout.map(|limit| format!("read timeout {limit}")));
    lines
}

/// How connections choose a server.
pub(crate) fn balancing(policy: Balancing) -> String {
    match policy {
        Balancing::RoundRobin => "one after the other".to_owned(),
        Balancing::LeastConnections => "fewest connections".to_owned(),
        Balancing::Random => "at random".to_owned(),
        Balancing::TwoChoices => "the better of two at random".to_owned(),
        Balancing::Hash { keys } => format!("by hash of {} addresses", count(u64::from(keys))),
    }
}

/// What a proxy does.
pub(crate) fn proxy(proxy: &ProxySpec) -> Vec<String> {
    let buffers = if proxy.buffer { "buffers responses" } else { "does not buffer" };
    let mut lines = vec![format!("{buffers}, read timeout {}", proxy.read_timeout)];
    lines.extend((proxy.tries > 1).then(|| format!("up to {} tries", proxy.tries)));
    lines.extend(proxy.keep_alive.as_ref().map(|keep| format!("keeps {} connections", keep.connections)));
    lines
}

/// What carries requests in a process.
fn carriers(kind: WorkerKind) -> String {
    match kind {
        WorkerKind::Threads { threads } => several(u64::from(threads), "thread"),
        WorkerKind::Pool { threads, .. } => {
            format!("{} and one that accepts", several(u64::from(threads), "serving thread"))
        }
        WorkerKind::Hub { greenlets, .. } => format!("one hub and {}", several(u64::from(greenlets), "greenlet")),
        WorkerKind::Loop(_) => "one event loop".to_owned(),
    }
}

/// A lock or pool of each process; `None` for what only scheduling programs have.
pub(crate) fn sync(sync: &SyncSpec) -> Option<String> {
    let name = &sync.name;
    match sync.kind {
        SyncKind::Semaphore { units, .. } if sync.pool => Some(format!("pool {name}: {}", count(u64::from(units)))),
        SyncKind::Semaphore { units: 1, .. } | SyncKind::Lock | SyncKind::RLock => Some(format!("lock {name}")),
        SyncKind::Semaphore { units, .. } => Some(format!("semaphore {name}: {}", count(u64::from(units)))),
        SyncKind::Queue { max, filled, .. } => {
            let room = max.map_or(String::new(), |max| format!(": {}", count(u64::from(max))));
            Some(format!("{} {name}{room}", if filled { "filled queue" } else { "queue" }))
        }
        SyncKind::Event => Some(format!("event {name}")),
        SyncKind::Threads { size } => Some(format!("thread pool {name}: {}", count(u64::from(size)))),
        SyncKind::AsyncResult
        | SyncKind::Condition { .. }
        | SyncKind::Channel
        | SyncKind::Pool { .. }
        | SyncKind::Pair
        | SyncKind::Remote
        | SyncKind::Aio(_) => None,
    }
}

/// What a dependency is like.
pub(crate) fn peer(peer: &PeerSpec, length: Option<Span>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend((peer.network > Span::ZERO).then(|| format!("{} away", peer.network)));
    lines.extend(peer.capacity.map(|calls| format!("serves {} at once", several(u64::from(calls), "call"))));
    let clock = TimeAxis { end_s: length.map_or(0.0, Span::as_secs_f64) };
    let at = |time: Time| clock.label(time.as_secs_f64());
    for window in &peer.windows {
        let mut told = Vec::new();
        if window.factor_milli != 1_000 {
            told.push(format!("{} times as slow", f64::from(window.factor_milli) / 1_000.0));
        }
        if window.fail_ppm > 0 {
            told.push(format!("{} fail", number::value(Unit::Share, f64::from(window.fail_ppm) / 1e6)));
        }
        lines.push(format!("{}, {} to {}", told.join(", "), at(window.from), at(window.to)));
    }
    lines.extend(peer.breaker.as_ref().map(|breaker| format!("breaker after {} failures", breaker.failures)));
    lines
}

/// What the servers are, in a line: processes, what they hold, and slots in all.
pub(crate) fn fleet(model: &Model) -> String {
    let servers = model.listeners.len() as u64;
    let processes = model.processes.len() as u64;
    let Some(first) = model.processes.first() else { return "no processes".to_owned() };
    let worker = &model.workers[first.worker as usize];
    let alike = model.processes.iter().all(|process| process.worker == first.worker);
    let each = if processes > 1 { ", each with" } else { " with" };
    let of = if alike { format!("{each} {}", carriers(worker.kind)) } else { " of several kinds".to_owned() };
    let on = if servers > 1 { format!(" on {}", several(servers, "server")) } else { String::new() };
    let all = if processes > 1 { format!(": {} in all", several(model.slots(), "slot")) } else { String::new() };
    format!("{}{on}{of}{all}", several(processes, "process"))
}
