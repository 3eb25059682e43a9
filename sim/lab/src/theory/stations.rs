//! Everything that a request needs and that there is only so much of, with what each kind of request takes of it at least.
//!
//! Slots, connections, cores, hubs or GILs, accepting threads, locks, pools and queues, native threads, peers with a capacity, local
//! ports, tracked connections, uplinks, routers, and the programs that send. What the servers do around the steps is counted as far as
//! it is certain: a kept connection is accepted once, so accepting counts for nobody who keeps one. Left out: switches, polls, timers,
//! cold caches and kills, which only make it worse.

use engine::model::{ClassSpec, ClientSpec, HostSpec, Model, SyncKind, WorkerKind, WorkerSpec};
use engine::time::Span;

use super::least::{EarlyEnd, Use, taken};
use super::uses::{Interruptions, Uses, Way, ways};

/// How long a server waits for a client to close at most (engine, `linger.rs`).
const LINGER_MAX: f64 = 2.0;
/// Of a sender's work this part may go unpaid: what writing to a socket that waits for data takes.
const UNWRITTEN: f64 = 1.0 / 8.0;
/// Descriptors of a process's own (engine, `descriptors.rs`).
const OWN_DESCRIPTORS: u32 = 10;

/// What something is that there is only so much of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // Each is what it is called.
pub enum StationKind {
    Clients,
    Slots,
    Connections,
    Cores,
    Hubs,
    /// Event loops.
    Loops,
    Gils,
    Acceptors,
    Pool(String),
    Lock(String),
    Queue(String),
    NativeThreads,
    Peer(String),
    ClientPorts(String),
    PeerPorts(String),
    Tracked,
    Uplink,
    Router,
    Sender(String),
}

impl StationKind {
    /// Its name in documents.
    pub fn name(&self) -> &'static str {
        match self {
            StationKind::Clients => "clients",
            StationKind::Slots => "slots",
            StationKind::Connections => "connections",
            StationKind::Cores => "cores",
            StationKind::Hubs => "hubs",
            StationKind::Loops => "loops",
            StationKind::Gils => "gils",
            StationKind::Acceptors => "acceptors",
            StationKind::Pool(_) => "pool",
            StationKind::Lock(_) => "lock",
            StationKind::Queue(_) => "queue",
            StationKind::NativeThreads => "native-threads",
            StationKind::Peer(_) => "peer",
            StationKind::ClientPorts(_) => "client-ports",
            StationKind::PeerPorts(_) => "peer-ports",
            StationKind::Tracked => "tracked-connections",
            StationKind::Uplink => "uplink",
            StationKind::Router => "router",
            StationKind::Sender(_) => "sender",
        }
    }

    /// The name that the file gives it.
    pub fn of(&self) -> Option<&str> {
        match self {
            StationKind::Pool(name) | StationKind::Lock(name) | StationKind::Queue(name) | StationKind::Peer(name) => {
                Some(name)
            }
            StationKind::ClientPorts(name) | StationKind::PeerPorts(name) | StationKind::Sender(name) => Some(name),
            _ => None,
        }
    }
}

/// Something that there is only so much of.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Station {
    pub kind: StationKind,
    /// How much of it there is: units, or seconds of work a second.
    pub servers: f64,
    /// What a request of each flow takes of it, in seconds of a unit.
    pub takes: Vec<Use>,
    /// Requests that find some of it unused at first, whatever the rate.
    pub spare: f64,
}

/// Requests of one class that one group of clients sends and that go one way where chance decides.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Flow {
    pub group: usize,
    pub class: usize,
    /// Which of all ways that is.
    way: usize,
    /// Its part of the group's requests.
    pub share: f64,
    /// Least time from its sending to its response.
    pub round: Use,
    /// The part of it that lies around its steps, in seconds, without what its sender works.
    pub around: f64,
}

/// All flows of a model and all that they need.
pub(crate) struct Needed {
    pub flows: Vec<Flow>,
    pub stations: Vec<Station>,
    /// Whether a request can fail, or its client leave.
    pub fails: bool,
}

/// Whether a group keeps its connections to the servers.
fn keeps(model: &Model, client: &ClientSpec) -> bool {
    match &model.proxy {
        Some(proxy) => proxy.keep_alive.is_some(),
        None => client.keep_alive.is_some(),
    }
}

/// Everything that a model's requests need.
pub(crate) fn needed(model: &Model) -> Needed {
    let around = Interruptions::of(model);
    let of_class = model.classes.iter().map(|class| ways(model, class, around));
    let (mut all_ways, mut places) = (Vec::new(), Vec::new());
    for ways in of_class {
        places.push(all_ways.len()..all_ways.len() + ways.len());
        all_ways.extend(ways);
    }
    let mut flows = Vec::new();
    for (group, client) in model.clients.iter().enumerate() {
        let weight = |class: u32| f64::from(model.classes[class as usize].weight);
        let all: f64 = client.chosen().map(weight).sum();
        for class in client.chosen() {
            let share = if all > 0.0 { weight(class) / all } else { 0.0 };
            let class = class as usize;
            let around = around_steps(model, client, &model.classes[class]);
            let sender = sender(model, client).unwrap_or_default();
            for way in places[class].clone() {
                let round = Use::fixed(around).and(all_ways[way].uses.seen).and(sender);
                flows.push(Flow { group, class, way, share: share * all_ways[way].share, round, around });
            }
        }
    }
    let fails = around.left || around.killed || all_ways.iter().any(|way| way.uses.fails) || turned_away(model);
    let stations = Builder { model, worker: &model.workers[0], flows: &flows, ways: &all_ways }.all();
    Needed { flows, stations, fails }
}

/// Whether a request may end before a server has it, or wait for an idle connection that others keep.
fn turned_away(model: &Model) -> bool {
    let kernel = &model.kernel;
    let closed = |client: &ClientSpec| match client.arrivals {
        engine::model::Arrivals::Closed { clients, .. } => u64::from(clients),
        _ => 0,
    };
    // Who finds no place in an accept queue gives up after two minutes.
    let places = model.slots() + model.listeners.iter().map(|listener| u64::from(listener.backlog)).sum::<u64>();
    let crowded = model.clients.iter().map(closed).sum::<u64>() > places;
    let limited = |client: &ClientSpec| client.ports.is_some() || client.keep_alive.is_some();
    let cut_off = kernel.conntrack.is_some() || kernel.descriptors.is_some() || !kernel.down.is_empty();
    model.clients.iter().any(limited) || cut_off || crowded && !model.workers[0].resident
}

/// Ways over the network from sending a request over a new connection to its response: SYN, SYN-ACK, the request, the response.
pub(crate) const TRIPS: f64 = 4.0;
/// And over one that is kept.
const TRIPS_KEPT: f64 = 2.0;

/// Least time from sending a request to having its response, in seconds; its steps and the work of its sender left out.
fn around_steps(model: &Model, client: &ClientSpec, class: &ClassSpec) -> f64 {
    let worker = &model.workers[0];
    if worker.resident {
        return 0.0;
    }
    let kept = keeps(model, client);
    let trips = if kept { TRIPS_KEPT } else { TRIPS };
    let network = match &model.proxy {
        Some(proxy) => {
            TRIPS * client.network.as_secs_f64() + proxy.latency.as_secs_f64() + trips * proxy.network.as_secs_f64()
        }
        None => trips * client.network.as_secs_f64(),
    };
    let costs = &worker.costs;
    let own = costs.request + costs.respond + if kept { Span::ZERO } else { costs.accept };
    let own = own
        + match worker.kind {
            WorkerKind::Threads { .. } => Span::ZERO,
            WorkerKind::Loop(_) => {
                let anew = if kept { Span::ZERO } else { costs.spawn + costs.close };
                costs.handoff + costs.spawn + costs.socket + anew
            }
            WorkerKind::Pool { closes, .. } => {
                costs.handoff + costs.take + if closes && !kept { costs.close } else { Span::ZERO }
            }
            WorkerKind::Hub { .. } => {
                if kept {
                    Span::ZERO
                } else {
                    costs.spawn
                }
            }
        };
    let wire = if model.proxy.is_some() { 0.0 } else { on_the_wire(model, client, class) };
    network + wire + own.as_secs_f64()
}

fn bytes(class: &ClassSpec) -> f64 {
    f64::from(class.header_bytes) + f64::from(class.body_bytes)
}

/// Least time that a response takes through the uplink, or to be read.
pub(crate) fn on_the_wire(model: &Model, client: &ClientSpec, class: &ClassSpec) -> f64 {
    if model.kernel.tcp_mem.is_some() {
        return 0.0;
    }
    let uplink = model.hosts.iter().map(|host| host.uplink.map_or(0.0, |rate| bytes(class) / rate as f64));
    let uplink = uplink.fold(f64::INFINITY, f64::min);
    uplink.max(client.download.map_or(0.0, |rate| bytes(class) / rate as f64))
}

/// What the program that sends works for a request.
fn sender(model: &Model, client: &ClientSpec) -> Option<Use> {
    let cost = taken(client.cost.as_ref()?, EarlyEnd::Never);
    let defers = model.kernel.handshake.is_some_and(|handshake| handshake.defer_accept);
    // Each piece is rounded down to a nanosecond.
    let part = if defers { 1.0 - UNWRITTEN } else { 1.0 };
    Some(Use { mean: (cost.mean * part - 3e-9).max(0.0), ..cost })
}

struct Builder<'a> {
    model: &'a Model,
    worker: &'a WorkerSpec,
    flows: &'a [Flow],
    ways: &'a [Way],
}

impl Builder<'_> {
    fn all(&self) -> Vec<Station> {
        let model = self.model;
        let mut all = Vec::new();
        let (processes, servers) = (model.processes.len() as f64, model.hosts.len() as f64);
        if !self.worker.resident {
            let slots = self.each(|flow, uses| self.slot(flow, uses));
            self.push(&mut all, StationKind::Slots, model.slots() as f64, slots.clone());
            let connections = match (self.worker.kind, model.kernel.descriptors) {
                (WorkerKind::Pool { connections, .. }, _) => Some(connections),
                (_, Some(most)) => Some(most.saturating_sub(OWN_DESCRIPTORS)),
                _ => None,
            };
            if let Some(connections) = connections {
                self.push(&mut all, StationKind::Connections, f64::from(connections) * processes, slots);
            }
        }
        let cores: f64 = model.hosts.iter().map(HostSpec::cpu).sum();
        self.push(&mut all, StationKind::Cores, cores, self.each(|flow, uses| self.cpu(flow, uses)));
        match self.worker.kind {
            kind @ (WorkerKind::Hub { .. } | WorkerKind::Loop(_)) => {
                let takes = self.each(|flow, uses| uses.hub.and(Use::fixed(self.own(flow))));
                let on_loops = matches!(kind, WorkerKind::Loop(_));
                let of = if on_loops { StationKind::Loops } else { StationKind::Hubs };
                self.push(&mut all, of, processes, takes);
            }
            kind if self.worker.gil => {
                let costs = &self.worker.costs;
                let pool = match kind {
                    WorkerKind::Pool { closes, .. } => {
                        costs.handoff + costs.take + if closes { costs.close } else { Span::ZERO }
                    }
                    _ => Span::ZERO,
                };
                let own = Use::span(costs.request + pool);
                self.push(&mut all, StationKind::Gils, processes, self.each(|_, uses| uses.gil.and(own)));
            }
            _ => {}
        }
        if let WorkerKind::Pool { .. } = self.worker.kind {
            self.push(&mut all, StationKind::Acceptors, processes, self.each(|flow, _| self.acceptor(flow)));
        }
        if let Some(router) = &self.worker.router {
            let costs = &router.costs;
            let work = costs.accept + costs.connect + costs.forward + costs.answer + costs.close;
            self.push(&mut all, StationKind::Router, servers, self.each(|_, _| Use::span(work)));
        }
        self.shared(&mut all, processes);
        self.peers(&mut all, servers);
        self.network(&mut all, servers);
        all
    }

    fn each(&self, takes: impl Fn(&Flow, &Uses) -> Use) -> Vec<Use> {
        self.flows.iter().map(|flow| takes(flow, &self.ways[flow.way].uses)).collect()
    }

    /// Of one group's flows only.
    fn of_group(&self, group: usize, takes: impl Fn(&Flow, &Uses) -> Use) -> Vec<Use> {
        self.each(|flow, uses| if flow.group == group { takes(flow, uses) } else { Use::default() })
    }

    fn push(&self, all: &mut Vec<Station>, kind: StationKind, servers: f64, takes: Vec<Use>) {
        all.push(Station { kind, servers, takes, spare: 0.0 });
    }

    fn client(&self, flow: &Flow) -> &ClientSpec {
        &self.model.clients[flow.group]
    }

    fn kept(&self, flow: &Flow) -> bool {
        keeps(self.model, self.client(flow))
    }

    /// CPU time of the server around the steps of a request, in seconds.
    fn own(&self, flow: &Flow) -> f64 {
        if self.worker.resident {
            return 0.0;
        }
        let costs = &self.worker.costs;
        let anew = match self.worker.kind {
            WorkerKind::Hub { .. } => costs.accept + costs.spawn,
            WorkerKind::Loop(_) => costs.accept + costs.spawn + costs.close,
            WorkerKind::Threads { .. } | WorkerKind::Pool { .. } => costs.accept,
        };
        let pool = match self.worker.kind {
            WorkerKind::Pool { closes: true, .. } => costs.handoff + costs.take + costs.close,
            WorkerKind::Pool { .. } => costs.handoff + costs.take,
            WorkerKind::Loop(_) => costs.handoff + costs.spawn + costs.socket,
            WorkerKind::Threads { .. } | WorkerKind::Hub { .. } => Span::ZERO,
        };
        let kept = self.kept(flow);
        (costs.request + costs.respond + pool + if kept { Span::ZERO } else { anew }).as_secs_f64()
    }

    fn cpu(&self, flow: &Flow, uses: &Uses) -> Use {
        let costs = self.worker.router.map(|router| router.costs);
        let router =
            costs.map_or(Span::ZERO, |costs| costs.accept + costs.connect + costs.forward + costs.answer + costs.close);
        let client = self.client(flow);
        let sender = sender(self.model, client).filter(|_| client.beside_servers).unwrap_or_default();
        uses.cpu.and(Use::fixed(self.own(flow))).and(Use::span(router)).and(sender)
    }

    /// How long a request holds what carries it.
    fn slot(&self, flow: &Flow, uses: &Uses) -> Use {
        let costs = &self.worker.costs;
        let own = costs.request
            + costs.respond
            + match self.worker.kind {
                WorkerKind::Threads { .. } => {
                    if self.kept(flow) {
                        Span::ZERO
                    } else {
                        costs.accept
                    }
                }
                WorkerKind::Pool { .. } => costs.take,
                WorkerKind::Hub { .. } | WorkerKind::Loop(_) => Span::ZERO,
            };
        let lingers = match self.worker.kind {
            WorkerKind::Threads { .. } | WorkerKind::Pool { closes: false, .. } => self.lingers(flow),
            WorkerKind::Pool { .. } | WorkerKind::Hub { .. } | WorkerKind::Loop(_) => 0.0,
        };
        uses.wall.and(Use::span(own)).and(Use::fixed(self.writes(flow).max(lingers)))
    }

    /// How long a slow reader holds the writer of a response.
    fn writes(&self, flow: &Flow) -> f64 {
        let buffered = self.model.proxy.is_some_and(|proxy| proxy.buffer) || self.model.kernel.tcp_mem.is_some();
        let Some(rate) = self.client(flow).download.filter(|_| !buffered) else { return 0.0 };
        let buffer = self.model.hosts.iter().map(|host| host.send_buffer).max().unwrap_or(0);
        (bytes(&self.model.classes[flow.class]) - buffer as f64).max(0.0) / rate as f64
    }

    /// How long a server waits for a client to close once it has answered.
    fn lingers(&self, flow: &Flow) -> f64 {
        if !self.worker.lingers || self.model.proxy.is_some() || self.kept(flow) {
            return 0.0;
        }
        let client = self.client(flow);
        let wire = on_the_wire(self.model, client, &self.model.classes[flow.class]);
        (wire + 2.0 * client.network.as_secs_f64()).min(LINGER_MAX)
    }

    /// How long the thread that accepts for a pool is busy with a request.
    fn acceptor(&self, flow: &Flow) -> Use {
        let costs = &self.worker.costs;
        let closes = matches!(self.worker.kind, WorkerKind::Pool { closes: true, .. });
        let kept = self.kept(flow);
        let work = costs.handoff
            + if kept { Span::ZERO } else { costs.accept }
            + if closes { costs.close } else { Span::ZERO };
        let lingers = if closes { self.lingers(flow) } else { 0.0 };
        Use::fixed(work.as_secs_f64() + lingers)
    }

    /// Locks, pools, queues and native threads.
    fn shared(&self, all: &mut Vec<Station>, processes: f64) {
        let hub = matches!(self.worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_));
        for (at, sync) in self.model.syncs.iter().enumerate() {
            let name = sync.name.clone();
            let (kind, units) = match sync.kind {
                SyncKind::Semaphore { units, .. } if sync.pool => (StationKind::Pool(name), units),
                SyncKind::Semaphore { units, .. } => (StationKind::Lock(name), units),
                SyncKind::Lock => (StationKind::Lock(name), 1),
                SyncKind::Queue { max: Some(max), .. } => (StationKind::Queue(name), max),
                SyncKind::Threads { size } if hub => (StationKind::NativeThreads, size),
                _ => continue,
            };
            if self.ways.iter().any(|way| way.uses.strange[at]) {
                continue;
            }
            self.push(all, kind, f64::from(units) * processes, self.each(|_, uses| uses.syncs[at]));
        }
    }

    fn peers(&self, all: &mut Vec<Station>, servers: f64) {
        for (at, peer) in self.model.peers.iter().enumerate() {
            if let Some(capacity) = peer.capacity {
                let takes = self.each(|_, uses| uses.served[at]);
                self.push(all, StationKind::Peer(peer.name.clone()), f64::from(capacity), takes);
            }
            if let Some(ports) = &peer.ports {
                let lingers = lingering(ports);
                let takes = self.each(|_, uses| uses.open[at].and(Use::fixed(uses.calls[at] * lingers)));
                let servers = f64::from(ports.count) * servers;
                let kind = StationKind::PeerPorts(peer.name.clone());
                all.push(Station { kind, servers, takes, spare: self.spare(servers, |uses| uses.calls[at]) });
            }
        }
    }

    /// Requests that so many places are enough for before any comes back.
    fn spare(&self, places: f64, of: impl Fn(&Uses) -> f64) -> f64 {
        let least =
            self.ways.iter().map(|way| of(&way.uses)).filter(|calls| *calls > 0.0).fold(f64::INFINITY, f64::min);
        if least.is_finite() { places / least } else { 0.0 }
    }

    fn network(&self, all: &mut Vec<Station>, servers: f64) {
        let model = self.model;
        let per_connection = |flow: &Flow| {
            let client = self.client(flow);
            let most = if model.proxy.is_none() { client.keep_alive } else { None };
            most.map_or(1.0, |keep| 1.0 / f64::from(keep.requests))
        };
        for (group, client) in model.clients.iter().enumerate() {
            if let Some(ports) = client.ports.filter(|_| !self.worker.resident) {
                let lingers = lingering(&ports);
                let takes = self.of_group(group, |flow, _| flow.round.and(Use::fixed(lingers * per_connection(flow))));
                let servers = f64::from(ports.count);
                let most = client.keep_alive.map_or(1.0, |keep| f64::from(keep.requests));
                let kind = StationKind::ClientPorts(client.name.clone());
                all.push(Station { kind, servers, takes, spare: servers * most });
            }
            if let Some(work) = sender(model, client) {
                let takes = self.of_group(group, |_, _| work);
                self.push(all, StationKind::Sender(client.name.clone()), f64::from(client.generators.max(1)), takes);
            }
        }
        if let Some(tracked) = &model.kernel.conntrack
            && model.proxy.is_none()
            && !self.worker.resident
        {
            let after = tracked.time_wait.as_secs_f64();
            let takes = self.each(|flow, uses| uses.wall.and(Use::fixed(after * per_connection(flow))));
            let places = f64::from(tracked.max) * servers;
            let most = |client: &ClientSpec| client.keep_alive.map_or(1.0, |keep| f64::from(keep.requests));
            let spare = places * model.clients.iter().map(most).fold(1.0, f64::max);
            all.push(Station { kind: StationKind::Tracked, servers: places, takes, spare });
        }
        let rates: Option<Vec<u64>> = model.hosts.iter().map(|host| host.uplink).collect();
        if let Some(rates) = rates
            && model.proxy.is_none()
            && model.kernel.tcp_mem.is_none()
            && !self.worker.resident
        {
            let takes = self.each(|flow, _| Use::fixed(bytes(&model.classes[flow.class])));
            self.push(all, StationKind::Uplink, rates.iter().map(|&rate| rate as f64).sum(), takes);
        }
    }
}

/// How long a port is certainly taken after its connection.
fn lingering(ports: &engine::kernel::Ports) -> f64 {
    // With fewer places in TIME_WAIT than ports, the ports beyond them never linger.
    if ports.closes_first && ports.lingering_most >= ports.count { ports.lingers.as_secs_f64() } else { 0.0 }
}
