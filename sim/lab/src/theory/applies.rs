//! Which law applies to a world: the conditions in the order in which they are told, then where the queue is.

use engine::model::{Arrivals, ClientSpec, HostSpec, Model, WorkerKind};
use engine::time::Span;

use super::needs::{Needs, needs};
use super::stations::TRIPS;
use super::{Refusal, laws, steady_rate, tail};
use crate::summary::Summary;

/// Waits for CPU may be this share of a service that holds a slot: then they lengthen it, and slots are still what people wait for.
const LIGHT: f64 = 0.05;
/// A slice longer than this share of a request's CPU time is no fair share of a core.
const COARSE: f64 = 0.25;
/// Slots are enough if this many standard deviations beyond the mean number inside find one.
const DEVIATIONS: f64 = 6.0;
/// What is next to nothing beside a service.
const NOTHING: f64 = 1e-3;

/// Whether the model is one that laws are about at all.
pub(super) fn conditions(model: &Model) -> Result<(), Refusal> {
    let [client] = &*model.clients else { return Err(Refusal::SeveralClients) };
    client_conditions(client)?;
    let worker = &model.workers[0];
    let checks = [
        (model.proxy.is_some(), Refusal::Proxy),
        (model.hosts.len() > 1 || model.listeners.len() > 1 || model.workers.len() > 1, Refusal::SeveralServers),
        (worker.router.is_some(), Refusal::Router),
        (worker.resident, Refusal::Resident),
        (worker.lingers && !client.network.is_zero(), Refusal::Lingers),
        (uplink_matters(model), Refusal::Uplink),
        (model.hosts.iter().any(|host| host.cpu_limit.is_some()), Refusal::CpuLimit),
        (model.kernel.threads.is_some_and(|most| model.os_threads() > u64::from(most)), Refusal::FewerThreads),
        (!model.kernel.down.is_empty(), Refusal::Down),
        (model.kernel.tcp_mem.is_some(), Refusal::SocketMemory),
        (worker.life.is_some_and(|life| life.max_requests.is_some()), Refusal::Replaced),
    ];
    checks.into_iter().find(|(violated, _)| *violated).map_or(Ok(()), |(_, refusal)| Err(refusal))
}

fn client_conditions(client: &ClientSpec) -> Result<(), Refusal> {
    match &client.arrivals {
        Arrivals::Poisson(_) if steady_rate(&client.arrivals).is_none() => return Err(Refusal::RateChanges),
        Arrivals::Fixed(_) => return Err(Refusal::EvenlySpaced),
        Arrivals::Trace(_) => return Err(Refusal::Trace),
        Arrivals::Closed { requests: Some(_), .. } => return Err(Refusal::Total),
        Arrivals::Poisson(_) | Arrivals::Closed { .. } => {}
    }
    let checks = [
        (client.bursts.is_some(), Refusal::Bursts),
        (client.refresh.is_some(), Refusal::Refresh),
        (client.patience.is_some(), Refusal::Patience),
        (client.retry.is_some(), Refusal::Retries),
        (client.hedge.is_some(), Refusal::SecondCopies),
        (client.breaker.is_some(), Refusal::Breaker),
        (client.begins.is_some(), Refusal::Begins),
        (client.keep_alive.is_some(), Refusal::KeptConnections),
        (client.download.is_some(), Refusal::SlowReaders),
        (client.cost.is_some(), Refusal::SenderCost),
    ];
    checks.into_iter().find(|(violated, _)| *violated).map_or(Ok(()), |(_, refusal)| Err(refusal))
}

/// Whether responses take time on their way through an uplink, or wait for it, that is worth a word.
fn uplink_matters(model: &Model) -> bool {
    let client = &model.clients[0];
    let Some(rate) = model.hosts[0].uplink else { return false };
    let bytes = |class: &u32| {
        let class = &model.classes[*class as usize];
        f64::from(class.header_bytes) + f64::from(class.body_bytes)
    };
    let longest = client.classes.iter().map(bytes).fold(0.0, f64::max) / rate as f64;
    let needs = needs(model, &client.classes).0.whole();
    let busy =
        steady_rate(&client.arrivals).unwrap_or_else(|| model.slots() as f64 / needs.max(f64::MIN_POSITIVE)) * longest;
    busy > NOTHING || longest > NOTHING * needs
}

/// Whether the runs were ones that laws are about: nothing dropped, nothing failed, nobody replaced.
pub(super) fn shown(summary: &Summary) -> Result<(), Refusal> {
    let any = |names: &[&str]| names.iter().any(|name| summary.mean(name).is_some_and(|mean| mean > 0.0));
    if any(&["syn_drops", "ack_drops", "conntrack_drops"]) {
        return Err(Refusal::Dropped);
    }
    if any(&["descriptor_failures"]) {
        return Err(Refusal::Descriptors);
    }
    if any(&["workers_replaced", "workers_crashed", "worker_timeouts", "worker_harakiris", "oom_kills"]) {
        return Err(Refusal::Replaced);
    }
    let bad = ["requests_failed", "requests_connect_timeout", "requests_read_timeout", "requests_refused"];
    if any(&bad) || any(&["requests_gave_up", "requests_reset", "requests_no_port"]) {
        return Err(Refusal::Unsuccessful);
    }
    Ok(())
}

/// A queue in front of servers of some kind: what makes requests wait in a world.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct QueueStation {
    queue: Queue,
    servers: u64,
    /// Mean time with one of the servers.
    service: f64,
    variance: f64,
    exponential: bool,
    /// Mean time in the system beside that, without waiting.
    elsewhere: f64,
    needs: Needs,
    /// Whether what is shared is a GIL.
    gil: bool,
    /// How many closed clients there are, if they are closed.
    clients: Option<u32>,
    caveat: Caveat,
}

/// Who is next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Queue {
    /// First come, first served, for a slot.
    Slots,
    /// First come, first served, for a hub that nobody leaves before the end.
    Hub,
    /// The same for an event loop.
    Loop,
    /// All at once, each a little.
    Shared,
}

/// What a law leaves out.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
struct Caveat {
    /// Waits for CPU are a part of the service, as long as they would be in a shared processor.
    waits_for_cpu: bool,
    /// The server's work and the kernel's around the steps counts as its mean only.
    costs: bool,
    /// CPU time is shared in slices, not infinitely finely.
    slices: bool,
}

/// What makes requests wait, if it is one thing.
pub(super) fn station(model: &Model, needs: &Needs) -> Result<QueueStation, Refusal> {
    if needs.whole() <= 0.0 {
        return Err(Refusal::NoTime);
    }
    let worker = &model.workers[0];
    let (slots, processes) = (model.slots(), model.processes.len() as u64);
    let host = &model.hosts[0];
    let cores = u64::from(host.cores);
    let hub = matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_));
    let parallel = if hub || worker.gil { cores.min(processes) } else { cores };
    let costs = needs.own + (host.switch + host.wake).as_secs_f64() > NOTHING * needs.whole();
    if uncounted(model, needs) > LIGHT * needs.whole() {
        return Err(Refusal::Overheads);
    }
    let busy = cpu_share(model, needs, parallel);
    let own_thread = matches!(worker.kind, WorkerKind::Threads { threads } if threads == 1 || !worker.gil);
    let waiting = if own_thread && slots <= cores { 0.0 } else { wait_for_cpu(needs.cpu, busy) };
    let several_gils = worker.gil && processes > 1;
    let enough = slots_suffice(model, needs, slots, busy);
    if !hub && !several_gils && enough && waiting > NOTHING * needs.whole() {
        if busy >= 1.0 && steady_rate(&model.clients[0].arrivals).is_some() {
            return Err(Refusal::Overloaded);
        }
        let slice = slice(host, worker.gil, worker.switch_interval.as_secs_f64());
        if slice > COARSE * needs.cpu {
            return Err(Refusal::CoarseSlices);
        }
        let slices = slice > NOTHING * needs.cpu;
        let caveat = Caveat { waits_for_cpu: false, costs, slices };
        let shared = fcfs(Queue::Shared, parallel, needs.cpu, needs.wait, needs, caveat);
        return QueueStation { gil: worker.gil, ..shared }.admissible(model);
    }
    if waiting <= LIGHT * needs.whole() {
        let shared_queue = processes == 1 || matches!(worker.kind, WorkerKind::Threads { .. });
        if !shared_queue && !slots_suffice(model, needs, slots / processes, 0.0) {
            return Err(Refusal::QueuePerProcess);
        }
        let caveat = Caveat { waits_for_cpu: waiting > NOTHING * needs.whole(), costs, slices: false };
        return fcfs(Queue::Slots, slots, needs.whole() + waiting, 0.0, needs, caveat).admissible(model);
    }
    // A loop closes a connection a turn after it has answered: who waits for that waits for whoever else had that turn.
    let sender_keeps =
        model.proxy.as_ref().map_or(model.clients[0].keep_alive.is_some(), |proxy| proxy.keep_alive.is_some());
    let ends_late = matches!(worker.kind, WorkerKind::Loop(_)) && !sender_keeps;
    if hub && processes == 1 && needs.wait == 0.0 && needs.bursts <= 1 && !ends_late {
        let caveat = Caveat { costs, ..Caveat::default() };
        let queue = if matches!(worker.kind, WorkerKind::Loop(_)) { Queue::Loop } else { Queue::Hub };
        return fcfs(queue, 1, needs.cpu, 0.0, needs, caveat).admissible(model);
    }
    let overloaded = busy >= 1.0 && steady_rate(&model.clients[0].arrivals).is_some();
    Err(match (overloaded, hub, several_gils) {
        (true, ..) => Refusal::Overloaded,
        (_, true, _) if matches!(worker.kind, WorkerKind::Loop(_)) => Refusal::TasksTakeTurns,
        (_, true, _) => Refusal::TakesTurns,
        (.., true) => Refusal::SeveralGils,
        _ => Refusal::SlotsAndCores,
    })
}

/// About what a request costs the server and the kernel beside what is counted, caches as cold as they get: switches, timers, wake-ups.
fn uncounted(model: &Model, needs: &Needs) -> f64 {
    let (host, costs) = (&model.hosts[0], &model.workers[0].costs);
    let cold = f64::from(host.cooling.cold_percent) / 100.0;
    let each = match model.workers[0].kind {
        WorkerKind::Hub { .. } => {
            costs.timer + costs.socket + costs.switch * 2 + costs.poll + costs.wake + costs.clock * 4
        }
        WorkerKind::Loop(spec) => {
            let costs = spec.costs;
            costs.timer + costs.control * 2 + costs.socket + (costs.callback + costs.step) * 2 + costs.turn + costs.wake
        }
        WorkerKind::Threads { .. } | WorkerKind::Pool { .. } => Span::ZERO,
    };
    let turns = (needs.waits + 1.0) * (each + host.switch + host.wake).as_secs_f64();
    needs.own * (cold - 1.0).max(0.0) + turns * cold.max(1.0)
}

/// How long a thread keeps a core, or the GIL, from others.
fn slice(host: &HostSpec, gil: bool, switch_interval: f64) -> f64 {
    if gil { switch_interval } else { host.slice.max(host.tick).as_secs_f64() }
}

fn fcfs(queue: Queue, servers: u64, service: f64, elsewhere: f64, needs: &Needs, caveat: Caveat) -> QueueStation {
    let variance = needs.variance.unwrap_or(f64::INFINITY);
    QueueStation {
        queue,
        servers,
        service,
        variance,
        exponential: needs.exponential,
        elsewhere,
        needs: needs.clone(),
        gil: false,
        clients: None,
        caveat,
    }
}

/// Mean wait for CPU time in a shared processor that is so busy.
fn wait_for_cpu(cpu: f64, busy: f64) -> f64 {
    if busy < 1.0 { cpu * busy / (1.0 - busy) } else { f64::INFINITY }
}

/// Busy CPU over what of it can be busy at once, if nobody waited: for closed clients as if they were served as fast as can be.
fn cpu_share(model: &Model, needs: &Needs, parallel: u64) -> f64 {
    let client = &model.clients[0];
    let rate = match &client.arrivals {
        Arrivals::Closed { clients, .. } => {
            let slots = model.slots() as f64 / needs.whole().max(f64::MIN_POSITIVE);
            let round = needs.whole() + away(client);
            (f64::from(*clients) / round.max(f64::MIN_POSITIVE)).min(slots)
        }
        arrivals => steady_rate(arrivals).unwrap_or(f64::INFINITY),
    };
    rate * needs.cpu / parallel as f64
}

/// Mean time that a closed client is not at the servers between two requests: thinking, and both ways over the network.
fn away(client: &ClientSpec) -> f64 {
    let network = TRIPS * client.network.as_secs_f64();
    match &client.arrivals {
        Arrivals::Closed { think, .. } => network + think.mean().map_or(f64::INFINITY, |ns| ns / 1e9),
        _ => network,
    }
}

/// Whether hardly anybody would ever wait for one of so many slots.
fn slots_suffice(model: &Model, needs: &Needs, slots: u64, busy: f64) -> bool {
    match &model.clients[0].arrivals {
        Arrivals::Closed { clients, .. } => u64::from(*clients) <= slots,
        arrivals => {
            let rate = steady_rate(arrivals).unwrap_or(f64::INFINITY);
            let waits = rate * needs.wait;
            let shares = busy / (1.0 - busy).max(f64::MIN_POSITIVE);
            // A Poisson number who wait, and a geometric one who share the CPU.
            let deviation = (waits + shares * (1.0 + shares) + rate * needs.cpu).sqrt();
            waits + shares + rate * needs.cpu + DEVIATIONS * deviation <= slots as f64
        }
    }
}

impl QueueStation {
    /// Itself, if a law knows it.
    fn admissible(mut self, model: &Model) -> Result<QueueStation, Refusal> {
        if let Arrivals::Closed { clients, .. } = &model.clients[0].arrivals {
            self.clients = Some(*clients);
        }
        match &model.clients[0].arrivals {
            Arrivals::Closed { .. } if !away(&model.clients[0]).is_finite() => Err(Refusal::InfiniteMean),
            Arrivals::Closed { clients, .. } => {
                let known = self.queue == Queue::Shared || self.exponential || u64::from(*clients) <= self.servers;
                if known { Ok(self) } else { Err(Refusal::NotExponential) }
            }
            arrivals => {
                let load = steady_rate(arrivals).unwrap_or(f64::INFINITY) * self.service;
                if load >= self.servers as f64 {
                    return Err(Refusal::Overloaded);
                }
                // What is shared does not mind how service varies.
                let known = self.queue == Queue::Shared || self.variance.is_finite();
                if known { Ok(self) } else { Err(Refusal::InfiniteVariance) }
            }
        }
    }

    /// Whether so many requests show what its predictions are made of: a queue's wait needs squares of services too.
    pub fn settles(&self, needs: &Needs, requests: f64) -> bool {
        let squares = self.queue != Queue::Shared && self.clients.is_none();
        needs.laws.iter().all(|(law, times)| tail::settles(law, requests * times, squares))
    }

    /// What the law is called, with what it is applied to.
    pub fn name(&self) -> String {
        let servers = self.servers;
        let of = match (self.queue, servers) {
            (Queue::Slots, 1) => "the one slot".to_owned(),
            (Queue::Slots, _) => format!("the {servers} slots"),
            (Queue::Hub, _) => "the hub".to_owned(),
            (Queue::Loop, _) => "the event loop".to_owned(),
            (Queue::Shared, 1) if self.gil => "the GIL that threads share".to_owned(),
            (Queue::Shared, 1) => "the core that threads share".to_owned(),
            (Queue::Shared, _) => format!("the {servers} cores that threads share"),
        };
        format!("{} for {of}", self.law())
    }

    fn law(&self) -> String {
        match (self.queue, self.exponential, self.servers) {
            (Queue::Shared, _, 1) => "processor sharing (M/G/1-PS)".to_owned(),
            (Queue::Shared, ..) => "processor sharing (M/G/c-PS)".to_owned(),
            _ if self.clients.is_some() => "machine repairman".to_owned(),
            (_, true, 1) => "M/M/1".to_owned(),
            (_, false, 1) => "M/G/1 (Pollaczek and Khinchine)".to_owned(),
            (_, true, _) => "M/M/c (Erlang C)".to_owned(),
            (_, false, _) => "M/G/c (Lee and Longton)".to_owned(),
        }
    }

    /// Why it is not exact.
    pub fn approximation(&self) -> Option<String> {
        let mut why = Vec::new();
        if self.caveat.waits_for_cpu {
            why.push("waits for CPU lengthen the service as they would in a shared processor".to_owned());
        }
        if self.caveat.costs {
            why.push("of what the server and the kernel do around the steps only the mean counts".to_owned());
        }
        if self.caveat.slices {
            why.push("CPU time is shared in slices, not infinitely finely".to_owned());
        }
        if self.queue != Queue::Shared && self.clients.is_none() && !self.exponential && self.servers > 1 {
            why.push("so is the law itself, for service that is not exponential".to_owned());
        }
        (!why.is_empty()).then(|| why.join("; "))
    }

    /// What it predicts: names of figures and values in their units.
    pub fn predictions(&self, model: &Model) -> Vec<(&'static str, f64)> {
        let client = &model.clients[0];
        let network = TRIPS * client.network.as_secs_f64();
        let mut told = Vec::new();
        let rate = match &client.arrivals {
            Arrivals::Closed { clients, .. } => {
                let away = away(client) + self.elsewhere;
                let rate = laws::finite_source(u64::from(*clients), self.servers, self.service, away);
                let inside = f64::from(*clients) / rate - away + network;
                told.push(("throughput_rps", rate));
                told.push(("latency_mean_ns", (inside + self.elsewhere) * 1e9));
                rate
            }
            arrivals => {
                let rate = steady_rate(arrivals).expect("a law is claimed of a steady rate only");
                let wait = match self.queue {
                    Queue::Shared => laws::mmc_wait(self.servers, rate, self.service),
                    Queue::Slots | Queue::Hub | Queue::Loop => {
                        laws::mgc_wait(self.servers, rate, self.service, self.variance)
                    }
                };
                told.push(("latency_mean_ns", (wait + self.service + self.elsewhere + network) * 1e9));
                if self.exponential && self.queue == Queue::Slots && network == 0.0 {
                    let p99 = laws::mmc_quantile(self.servers, rate, self.service, 0.99);
                    told.push(("latency_p99_ns", p99 * 1e9));
                }
                rate
            }
        };
        match self.queue {
            Queue::Slots => told.push(("slots_busy_share", rate * self.service / self.servers as f64)),
            Queue::Hub | Queue::Loop | Queue::Shared => {
                told.push(("cpu_busy_share", rate * self.needs.cpu / f64::from(model.hosts[0].cores)));
            }
        }
        told
    }
}
