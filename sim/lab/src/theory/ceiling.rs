//! The most that a world can serve: the least over all that a request needs (the utilisation law), and what follows for closed clients.
//!
//! Of one group of open clients, or several, it is the total at which the first thing is always busy, at the mix in which they come.
//! With closed clients in it, who come as fast as they are answered, it is the most that all groups together can get, none of them more
//! than it asks for.

use engine::law::Law;
use engine::model::{Arrivals, Bursts, ClientSpec, Model};

use super::least::{EarlyEnd, Use, taken};
use super::stations::{Flow, Needed, Station, StationKind, needed};
use crate::estimate::Estimate;

/// Standard errors within which a bound that holds may seem not to.
const WITHIN: f64 = super::AGREES_WITHIN;

/// What the throughput cannot exceed.
#[derive(Clone, PartialEq, Debug)]
pub struct Ceiling {
    /// Requests a second that can be served, for as long as one likes, at the mix in which they are asked for.
    pub most: f64,
    /// What binds.
    pub binds: StationKind,
    /// Why not more, in words.
    pub why: String,
    /// Requests a second that are asked for, of open clients alone who come at steady rates and once.
    pub offered: Option<f64>,
    /// How many of what binds that takes, where it is more than there are.
    pub little: Option<Little>,
    /// Mean time that closed clients wait for a response at least, where there is one group of them and nothing fails.
    pub latency: Option<LatencyFloor>,
    /// What the figure can be in one run: what was inside when its window began may end in it.
    pub in_this_run: f64,
    /// Standard deviation over mean of what a request takes of what binds; at most.
    pub variation: f64,
    /// Good responses a second in the runs.
    pub simulated: Option<Estimate>,
}

/// A mean time that nobody can be below.
#[derive(Clone, PartialEq, Debug)]
pub struct LatencyFloor {
    /// In seconds.
    pub least: f64,
    /// Why not less, in words.
    pub why: String,
    /// What the runs say, in nanoseconds.
    pub simulated: Option<Estimate>,
}

/// Little's law where something runs out: a rate, times what each takes, wants so many; there are fewer.
#[derive(Clone, PartialEq, Debug)]
pub struct Little {
    /// Requests a second.
    pub rate: f64,
    /// What each takes of it, in seconds, or bytes through an uplink.
    pub each: f64,
    /// How many there are.
    pub have: f64,
    /// Of what.
    pub of: StationKind,
    /// Whether `each` was seen in the runs, waits included; else it is the least that is certain.
    pub seen: bool,
}

impl Little {
    /// How many are wanted.
    pub fn want(&self) -> f64 {
        self.rate * self.each
    }

    /// What they are called.
    pub fn units(&self) -> &'static str {
        match self.of {
            StationKind::Clients => "clients",
            StationKind::Slots => "slots",
            StationKind::Connections => "connections",
            StationKind::Cores => "cores",
            StationKind::Hubs => "hubs",
            StationKind::Loops => "event loops",
            StationKind::Gils => "GILs",
            StationKind::Acceptors => "accepting threads",
            StationKind::Pool(_) | StationKind::Lock(_) => "units",
            StationKind::Queue(_) => "places",
            StationKind::NativeThreads => "threads",
            StationKind::Peer(_) => "calls at once",
            StationKind::ClientPorts(_) | StationKind::PeerPorts(_) => "ports",
            StationKind::Tracked => "entries",
            StationKind::Uplink => "bytes a second",
            StationKind::Router => "routers",
            StationKind::Sender(_) => "senders",
        }
    }
}

impl Ceiling {
    /// Whether the simulation keeps to it, as far as its interval can tell.
    pub fn holds(&self) -> Option<bool> {
        let simulated = self.simulated?;
        Some(simulated.mean - WITHIN * simulated.standard_error()? <= self.in_this_run * (1.0 + 1e-9))
    }
}

/// How fast a group of clients sends at most, and whether it comes at that rate.
struct Group {
    /// Requests a second, second tries not counted.
    rate: f64,
    open: bool,
    /// Whether the rate is steady and nobody asks again.
    plain: bool,
}

/// What a world can serve at most; `None` if nothing bounds it.
pub fn ceiling(model: &Model) -> Option<Ceiling> {
    if model.workers.len() != 1 || model.hosts.is_empty() {
        return None;
    }
    let needed = needed(model);
    let groups: Vec<Option<Group>> = (0..model.clients.len()).map(|group| of_group(model, &needed, group)).collect();
    let sending: Vec<usize> = (0..groups.len()).filter(|&group| groups[group].is_some()).collect();
    let open = sending.iter().all(|&group| groups[group].as_ref().is_some_and(|group| group.open));
    let rates: Vec<f64> = groups.iter().map(|group| group.as_ref().map_or(0.0, |group| group.rate)).collect();
    let total: f64 = rates.iter().sum();
    if sending.is_empty() || total <= 0.0 {
        return None;
    }
    let mixed = |station: &Station| mix(&needed.flows, &rates, &station.takes);
    let most = |station: &Station| match open {
        true => station.servers / mixed(station).mean,
        false => most_of_groups(&needed.flows, &rates, station),
    };
    let mut all: Vec<(f64, Option<&Station>)> = needed.stations.iter().map(|one| (most(one), Some(one))).collect();
    if !open {
        // What allows all that the clients can ask for does not bind.
        all.retain(|(most, _)| *most < total * (1.0 - 1e-9));
        all.push((total, None));
    }
    let finite = all.into_iter().filter(|(most, _)| most.is_finite() && *most > 0.0);
    let (most, station) = finite.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let mut takes = station.map_or(Use::default(), mixed);
    let (binds, why) = match station {
        Some(station) => (station.kind.clone(), words(model, station, takes.mean)),
        None => {
            let (clients, round) = clients(model, &needed, &sending);
            takes = round;
            (StationKind::Clients, clients)
        }
    };
    let plain = sending.iter().all(|&group| groups[group].as_ref().is_some_and(|group| group.plain));
    let have = station.map_or(0.0, |station| station.servers);
    let little = (open && total > most * (1.0 + 1e-9)).then(|| Little {
        rate: total,
        each: takes.mean,
        have,
        of: binds.clone(),
        seen: false,
    });
    let in_this_run = in_this_run(model, &needed, &rates, open, (most, station));
    Some(Ceiling {
        most,
        why,
        offered: (open && plain).then_some(total),
        little,
        latency: floor(model, &needed, &sending, most_of_all(model, &needed, &rates)),
        in_this_run,
        variation: if takes.mean > 0.0 { takes.deviation / takes.mean } else { 0.0 },
        binds,
        simulated: None,
    })
}

/// Seconds of a run that are measured.
fn window(model: &Model) -> Option<f64> {
    let length = model.run.length?;
    Some(length.saturating_sub(model.run.warm_up).as_secs_f64()).filter(|&window| window > 0.0)
}

/// What a group of clients sends; `None` for one that sends nothing of its own.
fn of_group(model: &Model, needed: &Needed, group: usize) -> Option<Group> {
    let client = &model.clients[group];
    let again = client.refresh.is_some() || client.retry.is_some() || client.bursts.is_some();
    let rate = match &client.arrivals {
        Arrivals::Closed { clients, .. } => {
            let rate = f64::from(*clients) / (mean_round(needed, group).mean + think(client).mean);
            return Some(Group { rate: if rate.is_finite() { rate } else { f64::MAX }, open: false, plain: false });
        }
        arrivals => mean_rate(arrivals, model)? * client.bursts.as_ref().map_or(1.0, bursts),
    };
    let plain = super::steady_rate(&client.arrivals).is_some() && !again;
    (rate > 0.0).then_some(Group { rate, open: true, plain })
}

/// Mean pause of a closed client, as far as it counts for each good response.
fn think(client: &ClientSpec) -> Use {
    match &client.arrivals {
        Arrivals::Closed { think, .. } => taken(think, EarlyEnd::Never),
        _ => Use::default(),
    }
}

fn mean_round(needed: &Needed, group: usize) -> Use {
    let flows = needed.flows.iter().filter(|flow| flow.group == group);
    flows.fold(Use::default(), |sum, flow| sum.and(flow.round.times(flow.share)))
}

/// Mean rate of open clients over what is measured of a run.
fn mean_rate(arrivals: &Arrivals, model: &Model) -> Option<f64> {
    let (from, window) = (model.run.warm_up.as_secs_f64(), window(model)?);
    let to = from + window;
    match arrivals {
        Arrivals::Poisson(profile) | Arrivals::Fixed(profile) => {
            let points: Vec<(f64, f64)> = profile.points.iter().map(|(at, rate)| (at.as_secs_f64(), *rate)).collect();
            let last = points.last()?;
            let mut sum = (to - last.0.max(from)).max(0.0) * last.1;
            for pair in points.windows(2) {
                let ((start, rate), (end, next)) = (pair[0], pair[1]);
                let (low, high) = (start.max(from), end.min(to));
                if high > low && end > start {
                    let at = |time: f64| rate + (next - rate) * (time - start) / (end - start);
                    sum += (high - low) * f64::midpoint(at(low), at(high));
                }
            }
            Some(sum / window)
        }
        Arrivals::Trace(instants) => {
            let counted = instants.iter().filter(|at| (from..to).contains(&at.as_secs_f64())).count();
            Some(counted as f64 / window)
        }
        Arrivals::Closed { .. } => None,
    }
}

/// What bursts make of a mean rate.
fn bursts(bursts: &Bursts) -> f64 {
    let mean = |law: &Law| law.mean().unwrap_or(f64::INFINITY);
    let (on, off) = (mean(&bursts.on), mean(&bursts.off));
    let share = if on.is_finite() && off.is_finite() && on + off > 0.0 { on / (on + off) } else { 0.5 };
    1.0 + share * (bursts.factor - 1.0)
}

/// What a request takes of something, over all flows by their rates.
fn mix(flows: &[Flow], rates: &[f64], takes: &[Use]) -> Use {
    let total: f64 = rates.iter().sum();
    let part = |flow: &Flow| rates[flow.group] / total * flow.share;
    let (mut mean, mut square) = (0.0, 0.0);
    for (flow, takes) in flows.iter().zip(takes) {
        mean += part(flow) * takes.mean;
        square += part(flow) * (takes.mean.powi(2) + takes.deviation.powi(2));
    }
    Use { mean, deviation: (square - mean * mean).max(0.0).sqrt() }
}

/// The most that groups can get of a station together, none more than its rate: those who need least of it first.
fn most_of_groups(flows: &[Flow], rates: &[f64], station: &Station) -> f64 {
    let groups = rates.iter().enumerate().map(|(group, &rate)| {
        let of = flows.iter().zip(&station.takes).filter(|(flow, _)| flow.group == group);
        (rate, of.map(|(flow, takes)| flow.share * takes.mean).sum::<f64>())
    });
    filled(groups.collect(), station.servers)
}

/// The same for single kinds of request, whose shares of those who are answered may be others than of those who ask.
fn most_of_flows(model: &Model, needed: &Needed, rates: &[f64], station: Option<&Station>) -> f64 {
    let alone = |flow: &Flow| {
        let client = &model.clients[flow.group];
        match client.arrivals {
            Arrivals::Closed { clients, .. } => f64::from(clients) / (flow.round.mean + think(client).mean),
            _ => rates[flow.group] * flow.share,
        }
    };
    match station {
        Some(station) => {
            let each = needed.flows.iter().zip(&station.takes).map(|(flow, takes)| (alone(flow), takes.mean));
            filled(each.collect(), station.servers)
        }
        None => needed.flows.iter().map(alone).sum(),
    }
}

/// How much fits: of each so much at most, each taking so much room.
fn filled(mut each: Vec<(f64, f64)>, mut room: f64) -> f64 {
    each.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut sum = 0.0;
    for (most, takes) in each {
        let some = if takes > 0.0 { most.min(room / takes) } else { most };
        sum += some;
        room -= some * takes;
    }
    sum
}

/// The most that anything but the clients themselves allows.
fn most_of_all(model: &Model, needed: &Needed, rates: &[f64]) -> Option<(f64, String)> {
    let total = rates.iter().sum::<f64>();
    if total <= 0.0 {
        return None;
    }
    let each = needed.stations.iter().map(|station| {
        let takes = mix(&needed.flows, rates, &station.takes).mean;
        (station.servers / takes, words(model, station, takes))
    });
    each.filter(|(most, _)| most.is_finite() && *most > 0.0).min_by(|a, b| a.0.total_cmp(&b.0))
}

/// What the throughput of a run can be: what has begun before its window may end in it, and who is answered may be others than who asks.
fn in_this_run(
    model: &Model,
    needed: &Needed,
    rates: &[f64],
    open: bool,
    (most, station): (f64, Option<&Station>),
) -> f64 {
    // Of closed clients all who ask are answered in their turn, where nothing fails.
    let answered = if open || needed.fails { most.max(most_of_flows(model, needed, rates, station)) } else { most };
    let Some(window) = window(model) else {
        return answered * (1.0 + closed_clients(model) / total(model).max(1.0));
    };
    let warm = !model.run.warm_up.is_zero();
    let slots = if model.workers[0].resident { 0.0 } else { model.slots() as f64 };
    let trip = |client: &ClientSpec| client.network.as_secs_f64();
    let proxy = model.proxy.map_or(0.0, |proxy| proxy.network.as_secs_f64());
    let back = model.clients.iter().map(trip).fold(0.0, f64::max) + proxy;
    let inside = if warm { slots + answered * back } else { 0.0 };
    answered + (inside + closed_clients(model) + station.map_or(0.0, |station| station.spare)) / window
}

fn closed_clients(model: &Model) -> f64 {
    let closed = |client: &ClientSpec| match client.arrivals {
        Arrivals::Closed { clients, .. } => f64::from(clients),
        _ => 0.0,
    };
    model.clients.iter().map(closed).sum()
}

fn total(model: &Model) -> f64 {
    let total = |client: &ClientSpec| match client.arrivals {
        Arrivals::Closed { requests: Some(requests), .. } => requests as f64,
        _ => 0.0,
    };
    model.clients.iter().map(total).sum()
}

/// Mean time that closed clients wait at least: what their requests take, and as long as the others before them do.
fn floor(model: &Model, needed: &Needed, sending: &[usize], most: Option<(f64, String)>) -> Option<LatencyFloor> {
    let &[group] = sending else { return None };
    let client = &model.clients[group];
    let Arrivals::Closed { clients, .. } = client.arrivals else { return None };
    if needed.fails || client.retry.is_some() {
        return None;
    }
    let (round, think) = (mean_round(needed, group).mean, think(client).mean);
    let queue = most.map_or(0.0, |(most, _)| f64::from(clients) / most - think);
    let least = round.max(queue);
    let why = if queue > round {
        let (most, _) = most_words(f64::from(clients) / (queue + think));
        let less = if think > 0.0 { format!(", less {} of thinking", time(think)) } else { String::new() };
        format!("{} share {most} /s{less}", plural(f64::from(clients), "client"))
    } else {
        "what one takes alone".to_owned()
    };
    (least > 0.0).then_some(LatencyFloor { least, why, simulated: None })
}

fn most_words(most: f64) -> (String, f64) {
    (if most >= 100.0 { format!("{most:.0}") } else { format!("{most:.2}") }, most)
}

/// What closed clients can ask for at most, in words, and the mean time between two requests of one.
fn clients(model: &Model, needed: &Needed, sending: &[usize]) -> (String, Use) {
    if let &[group] = sending
        && let Arrivals::Closed { clients, .. } = model.clients[group].arrivals
    {
        let round = mean_round(needed, group).and(think(&model.clients[group]));
        let why = format!("{}, each asking once in {} at most", plural(f64::from(clients), "client"), time(round.mean));
        return (why, round);
    }
    ("all that the clients ask for".to_owned(), Use::default())
}

/// Why a station allows no more, in words.
fn words(model: &Model, station: &Station, each: f64) -> String {
    let (count, processes) = (station.servers, model.processes.len() as f64);
    match &station.kind {
        StationKind::Clients => plural(count, "client"),
        StationKind::Slots => format!("{}, busy for {} a request", plural(count, "slot"), time(each)),
        StationKind::Connections => format!("{}, each open for {} a request", plural(count, "connection"), time(each)),
        StationKind::Cores if model.hosts.iter().any(|host| host.cpu() < f64::from(host.cores)) => {
            let cores = (count * 1000.0).round() / 1000.0;
            format!("{cores} cores by the CPU limit, {} of CPU time a request", time(each))
        }
        StationKind::Cores => format!("{}, {} of CPU time a request", plural(count, "core"), time(each)),
        StationKind::Hubs => format!("{} on a hub for {} a request", counted(processes), time(each)),
        StationKind::Loops => format!("{} on an event loop for {} a request", counted(processes), time(each)),
        StationKind::Gils => format!("{} under a GIL for {} a request", counted(processes), time(each)),
        StationKind::Acceptors => format!("{}, busy for {} a request", plural(count, "accepting thread"), time(each)),
        StationKind::Pool(name) => {
            format!("pool {name}: {}, each held {} a request", plural(count, "unit"), time(each))
        }
        StationKind::Lock(name) if count == 1.0 => format!("lock {name}: held {} a request", time(each)),
        StationKind::Lock(name) => {
            format!("lock {name}: one in each of {count} processes, held {} a request", time(each))
        }
        StationKind::Queue(name) => {
            format!("queue {name}: {}, each taken {} a request", plural(count, "place"), time(each))
        }
        StationKind::NativeThreads => {
            format!("offload: {}, busy for {} a request", plural(count, "thread"), time(each))
        }
        StationKind::Peer(name) => {
            format!("peer {name}: {} at once, each {} a request", plural(count, "call"), time(each))
        }
        StationKind::ClientPorts(name) => {
            format!("ports of client {name}: {}, each taken {} a request", plural(count, "port"), time(each))
        }
        StationKind::PeerPorts(name) => {
            format!("ports to peer {name}: {}, each taken {} a request", plural(count, "port"), time(each))
        }
        StationKind::Tracked => format!("tracked connections: {}, each kept {} a request", entries(count), time(each)),
        StationKind::Uplink => format!("uplink: {} bytes a second, {} bytes a response", digits(count), digits(each)),
        StationKind::Router => format!("{}, busy for {} a request", plural(count, "router"), time(each)),
        StationKind::Sender(name) => format!(
            "the program that sends for client {name}: {}, busy for {} a request",
            if count == 1.0 { "one process".to_owned() } else { format!("{} processes", digits(count)) },
            time(each)
        ),
    }
}

/// A time in the unit that fits.
fn time(seconds: f64) -> String {
    if seconds >= 1.0 { format!("{seconds:.3} s") } else { format!("{:.3} ms", seconds * 1e3) }
}

/// A whole number with its thousands apart.
pub(crate) fn digits(count: f64) -> String {
    let plain = format!("{count:.0}");
    let mut text = String::new();
    for (at, digit) in plain.chars().enumerate() {
        if at > 0 && (plain.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn plural(count: f64, noun: &str) -> String {
    format!("{} {noun}{}", digits(count), if count == 1.0 { "" } else { "s" })
}

fn entries(count: f64) -> String {
    format!("{} {}", digits(count), if count == 1.0 { "entry" } else { "entries" })
}

fn counted(processes: f64) -> String {
    if processes == 1.0 { "one process".to_owned() } else { format!("{processes} processes, each") }
}

/// Requests a second that each group of clients sends at most, second tries not counted; 0 for one that sends nothing of its own.
pub(crate) fn offered(model: &Model) -> Vec<f64> {
    let needed = needed(model);
    (0..model.clients.len()).map(|group| of_group(model, &needed, group).map_or(0.0, |group| group.rate)).collect()
}
