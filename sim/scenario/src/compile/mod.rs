//! From what was typed to what it means: one engine model per world.
//!
//! Clients, request classes and (unless a world yields in heavy work) programs are one table shared by all worlds:
//! by construction the same people ask for the same things, whoever serves them.

mod budget;
pub(crate) mod places;
mod program;

use std::sync::Arc;

use engine::law::Law;
use engine::model::{
    Arrivals, ClassSpec, ClientSpec, HostSpec, ListenerSpec, Model, PeerSpec, ProcessSpec, Refresh, SyncKind, SyncSpec,
};
use engine::op::Program;
use engine::time::{Span, Time};

use crate::compile::places::FilePlaces;
use crate::compile::program::{Built, ModelTables};
use crate::reader::csv::Files;
use crate::reader::law_text::LawText;
use crate::tables::client::{TypedClient, When};
use crate::tables::plan::TypedPlan;
use crate::tables::request::{InThread, TypedRequest};
use crate::tables::slo::TypedSlo;
use crate::tables::world::TypedWorld;
use crate::whole::Scenario;
use crate::words::diagnostic::{Diagnostic, Findings};
use crate::words::source::At;

/// A scenario ready to run.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// What tables and plots are headed with.
    pub title: String,
    /// What the file wants to know.
    pub question: Option<String>,
    /// Where the situation comes from.
    pub source: Option<String>,
    /// Where chance begins.
    pub seed: u64,
    /// Runs with chance drawn anew.
    pub replications: u32,
    /// Whether the warm-up of the models is still to be found, by pilot runs: until then it is zero.
    pub auto_warm_up: bool,
    /// One model per world, in the order of the file.
    pub models: Vec<Model>,
    /// Windows in which a peer is degraded, with a label, for plots; sorted.
    pub shaded: Vec<(Time, Time, String)>,
    /// Clients that wait for their responses, if there are no others: `ab`'s concurrency level.
    pub concurrency: Option<u32>,
    /// What the servers have promised.
    pub slo: Option<TypedSlo>,
    /// What may vary when the cheapest deployment is looked for.
    pub plan: Option<TypedPlan>,
    /// What is taken for granted of the costs of a world, where that is not what its preset was measured with: its name, and what.
    pub assumed: Vec<(String, String)>,
    /// Doubts, sorted by position.
    pub warnings: Vec<Diagnostic>,
    /// Where worlds and objectives stand, for doubts that take the models to see.
    pub places: FilePlaces,
}

/// What a world makes of the same steps.
#[derive(Clone, PartialEq)]
struct ProgramVariant {
    /// Its `sleep(0)` in heavy work.
    yield_every: Option<Span>,
    /// The native threads that all requests run in.
    in_thread: InThread,
    /// Per cent of the CPU time that its interpreter needs for the same Python.
    python_percent: u32,
}

impl ProgramVariant {
    /// What requests are made of before any world has its say.
    const USUAL: ProgramVariant = ProgramVariant { yield_every: None, in_thread: InThread::No, python_percent: 100 };

    fn of(world: &TypedWorld) -> ProgramVariant {
        let python_percent = world.build.percent();
        ProgramVariant { yield_every: world.yield_every, in_thread: world.in_thread.clone(), python_percent }
    }
}

/// Threads of a hub's pool, unless the file says more: gevent, `Hub.threadpool_size`.
const GEVENT_THREADS: u32 = 10;
/// Threads that sync endpoints of a loop share: anyio 4, `_backends/_asyncio.py`, `current_default_thread_limiter`.
const ANYIO_TOKENS: u32 = 40;

/// Compiles a scenario; `load` reads a file by the name it has in the scenario, or says why it cannot.
///
/// # Errors
/// Every mistake in the files it names.
pub fn compile(
    scenario: &Scenario,
    load: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    let mut files = Files::new(load);
    for (law, at) in laws(scenario) {
        if let LawText::Empirical(path) = law {
            files.samples(path, at, &mut findings);
        }
    }
    let arrivals: Vec<Arrivals> =
        scenario.clients.iter().map(|client| arrivals(client, &mut files, &mut findings)).collect();
    if findings.failed() {
        return Err(findings.finish(&scenario.sources));
    }
    let compiler = Compiler { scenario, files: &files };
    let classes = compiler.classes();
    let clients = compiler.clients(arrivals, &classes);
    let mut programs: Vec<(ProgramVariant, Arc<[Program]>)> = Vec::new();
    let mut models = Vec::new();
    for world in &scenario.worlds {
        let variant = ProgramVariant::of(world);
        let known = programs.iter().find(|(known, _)| *known == variant);
        let code = match known {
            Some((_, code)) => Arc::clone(code),
            None => {
                let code = compiler.programs(&variant);
                programs.push((variant, Arc::clone(&code)));
                code
            }
        };
        models.push(compiler.model(world, Arc::clone(&classes), code, Arc::clone(&clients)));
    }
    budget::check(scenario, &mut models, &mut findings);
    if findings.failed() {
        return Err(findings.finish(&scenario.sources));
    }
    Ok(Compiled {
        title: scenario.title.clone(),
        question: scenario.question.clone(),
        source: scenario.source.clone(),
        seed: scenario.seed,
        replications: scenario.replications,
        auto_warm_up: scenario.auto_warm_up,
        models,
        shaded: shaded(scenario),
        concurrency: concurrency(&scenario.clients),
        slo: scenario.slo.clone(),
        plan: scenario.plan.clone(),
        assumed: scenario
            .worlds
            .iter()
            .flat_map(|world| world.assumed.iter().map(|what| (world.name.clone(), what.clone())))
            .collect(),
        warnings: scenario.warnings.clone(),
        places: FilePlaces::of(scenario),
    })
}

/// Every law of a scenario and where it stands.
fn laws(scenario: &Scenario) -> Vec<(&LawText, At)> {
    let mut laws: Vec<(&LawText, At)> = Vec::new();
    for client in &scenario.clients {
        let own = client.patience.iter().chain(&client.cost);
        laws.extend(own.map(|(law, at)| (law, *at)));
        laws.extend(client.refresh.iter().map(|refresh| (&refresh.pause.0, refresh.pause.1)));
        if let Some(bursts) = &client.bursts {
            laws.extend([(&bursts.on.0, bursts.on.1), (&bursts.off.0, bursts.off.1)]);
        }
        if let When::Closed { think: (law, at), .. } = &client.when {
            laws.push((law, *at));
        }
    }
    for request in &scenario.requests {
        request.each_step(&mut |step| laws.extend(step.takes().map(|takes| (&takes.law, takes.at))));
    }
    laws
}

fn arrivals(client: &TypedClient, files: &mut Files, findings: &mut Findings) -> Arrivals {
    match &client.when {
        When::Poisson(profile) => Arrivals::Poisson(profile.clone()),
        When::Fixed(profile) => Arrivals::Fixed(profile.clone()),
        When::Trace { path, at } => Arrivals::Trace(files.instants(path, *at, findings).into()),
        When::Closed { clients, total, think } => {
            Arrivals::Closed { clients: *clients, requests: *total, think: law(&think.0, files) }
        }
    }
}

fn law(text: &LawText, files: &Files) -> Law {
    text.law(|path| files.known(path))
}

fn shaded(scenario: &Scenario) -> Vec<(Time, Time, String)> {
    let mut shaded: Vec<(Time, Time, String)> = Vec::new();
    for peer in &scenario.peers {
        for window in &peer.windows {
            let mut label = peer.name.text.clone();
            if window.factor_milli != 1000 {
                label.push_str(&format!(" x{}", f64::from(window.factor_milli) / 1e3));
            }
            if window.fail_ppm > 0 {
                label.push_str(&format!(" fails {} %", f64::from(window.fail_ppm) / 1e4));
            }
            shaded.push((window.from, window.to, label));
        }
    }
    shaded.sort();
    shaded
}

fn concurrency(clients: &[TypedClient]) -> Option<u32> {
    let closed = |client: &TypedClient| match client.when {
        When::Closed { clients, .. } => Some(clients),
        _ => None,
    };
    let each: Option<Vec<u32>> = clients.iter().map(closed).collect();
    each?.into_iter().try_fold(0u32, u32::checked_add)
}

/// Shares as whole weights: as they are if they are whole, else in proportion to a sum of 10^9.
fn weights(requests: &[TypedRequest]) -> Vec<u32> {
    const SUM: f64 = 1e9;
    let sum: f64 = requests.iter().map(|request| request.share).sum();
    let whole = sum <= SUM && requests.iter().all(|request| request.share.fract() == 0.0);
    let weight = |share: f64| match share {
        share if share <= 0.0 => 0,
        share if whole => share as u32,
        // What is asked for at all keeps a weight.
        share => ((share / sum * SUM).round() as u32).max(1),
    };
    requests.iter().map(|request| weight(request.share)).collect()
}

/// All that a client ever asks for.
fn asked<'a>(client: &'a TypedClient, classes: &'a [ClassSpec]) -> impl Iterator<Item = (u32, &'a ClassSpec)> {
    let chooses = |class: &ClassSpec| class.weight > 0 && client.asks(&class.name);
    (0..).zip(classes).filter(move |(_, class)| chooses(class) || client.begins_with(&class.name))
}

struct Compiler<'a> {
    scenario: &'a Scenario,
    files: &'a Files<'a>,
}

impl Compiler<'_> {
    /// What the steps of every request become; the programs of their fans follow those of all requests.
    fn build(&self, ProgramVariant { yield_every, in_thread, python_percent }: &ProgramVariant) -> Vec<Built> {
        let Scenario { peers, syncs, values, connections, requests, .. } = self.scenario;
        let peers: Vec<&str> = peers.iter().map(|peer| peer.name.text.as_str()).collect();
        let native = syncs.iter().filter(|sync| sync.threads.is_some_and(|source| source.are_gevents()));
        let native: Vec<&str> = native.map(|sync| sync.name.text.as_str()).collect();
        let syncs: Vec<&str> = syncs.iter().map(|sync| sync.name.text.as_str()).collect();
        let samples = |path: &str| self.files.known(path);
        let values: Vec<&str> = values.iter().map(|value| value.text.as_str()).collect();
        let tables = ModelTables {
            peers: &peers,
            syncs: &syncs,
            native: &native,
            values: &values,
            connections,
            samples: &samples,
            yield_every: *yield_every,
            python_percent: *python_percent,
        };
        let mut first_fan = requests.len();
        let mut all = Vec::new();
        for request in requests {
            let built = program::build(
                request,
                if request.in_thread.lends() { &request.in_thread } else { in_thread },
                &tables,
                first_fan,
            );
            first_fan += built.fans.len();
            all.push(built);
        }
        all
    }

    fn programs(&self, variant: &ProgramVariant) -> Arc<[Program]> {
        let mut fans = Vec::new();
        let mut programs = Vec::new();
        for built in self.build(variant) {
            programs.push(built.program);
            fans.extend(built.fans);
        }
        programs.extend(fans);
        programs.into()
    }

    fn classes(&self) -> Arc<[ClassSpec]> {
        let weights = weights(&self.scenario.requests);
        let classes = self.scenario.requests.iter().zip(self.build(&ProgramVariant::USUAL)).zip(weights).zip(0..);
        classes
            .map(|(((request, built), weight), program)| ClassSpec {
                name: request.name.text.clone(),
                weight,
                program,
                sites: built.sites,
                header_bytes: request.header,
                body_bytes: request.body,
            })
            .collect()
    }

    fn clients(&self, arrivals: Vec<Arrivals>, classes: &[ClassSpec]) -> Arc<[ClientSpec]> {
        let clients = self.scenario.clients.iter().zip(arrivals);
        clients
            .map(|(client, arrivals)| ClientSpec {
                name: client.name.text.clone(),
                begins: asked(client, classes)
                    .position(|(_, class)| client.begins_with(&class.name))
                    .map(|place| place as u16),
                classes: asked(client, classes).map(|(index, _)| index).collect(),
                arrivals,
                spread: false,
                first_alone: client.first_alone,
                silence: client.silence,
                network: client.network,
                ports: client.ports,
                cost: client.cost.as_ref().map(|(text, _)| law(text, self.files)),
                generators: client.generators,
                beside_servers: client.beside_servers,
                connect_timeout: client.connect_timeout,
                read_timeout: client.read_timeout,
                patience: client.patience.as_ref().map(|(text, _)| law(text, self.files)),
                refresh: client.refresh.as_ref().map(|refresh| Refresh {
                    ppm: refresh.ppm,
                    pause: law(&refresh.pause.0, self.files),
                    times: refresh.times,
                }),
                bursts: client.bursts.as_ref().map(|bursts| bursts.bursts(|text| law(text, self.files))),
                retry: client.policies.retry.clone(),
                hedge: client.policies.hedge,
                breaker: client.policies.breaker,
                keep_alive: client.policies.keep_alive,
                download: client.download,
            })
            .chain(self.checker())
            .collect()
    }

    /// The client that is the balancer itself, if it checks the servers' health.
    fn checker(&self) -> Option<ClientSpec> {
        let class = self.check_class()?;
        // No name of a file has this character.
        Some(ClientSpec::plain("balancer#check", vec![class], Arrivals::Trace(Arc::new([]))))
    }

    /// Index of the request that health checks ask for.
    fn check_class(&self) -> Option<u32> {
        let request = self.scenario.balancer.check.as_ref()?.request.as_ref()?;
        let at = self.scenario.requests.iter().position(|other| other.name.text == request.text)?;
        u32::try_from(at).ok()
    }

    /// What is shared by name, and after it the native threads of a hub or loop, if a request uses them.
    fn syncs(&self, world: &TypedWorld) -> Vec<SyncSpec> {
        let Scenario { syncs, offload, .. } = self.scenario;
        let on_loop = matches!(world.worker.kind, engine::model::WorkerKind::Loop(_));
        let (name, usual) =
            if on_loop { ("threads of the loop", ANYIO_TOKENS) } else { ("hub threadpool", GEVENT_THREADS) };
        let threads = offload.map(|said| SyncSpec {
            name: name.to_owned(),
            pool: true,
            kind: SyncKind::Threads { size: said.unwrap_or(usual) },
        });
        let named = syncs.iter().map(|sync| SyncSpec {
            name: sync.name.text.clone(),
            pool: sync.is_pool(),
            kind: sync.kind_in(world),
        });
        named.chain(threads).collect()
    }

    fn model(
        &self,
        world: &TypedWorld,
        classes: Arc<[ClassSpec]>,
        programs: Arc<[Program]>,
        clients: Arc<[ClientSpec]>,
    ) -> Model {
        let Scenario { machine, peers, .. } = self.scenario;
        let host = |server: u32| HostSpec {
            name: format!("server-{}", server + 1),
            cores: world.cores,
            slice: machine.slice(world.cores),
            tick: machine.tick,
            cooling: machine.cooling,
            switch: machine.switch,
            wake: machine.wake,
            send_buffer: machine.send_buffer,
            uplink: machine.uplink,
            cpu_limit: world.cpu_limit,
        };
        // All processes of a server accept from one socket, or each has its own: then the first sockets of all servers come first.
        let others = world.kernel.sockets.saturating_sub(1);
        let socket = |server: u32, process: u32| match process {
            0 => server,
            _ if others == 0 => server,
            _ => world.servers + server * others + process - 1,
        };
        let processes = (0..world.servers).flat_map(|server| {
            (0..world.processes).map(move |process| ProcessSpec { listener: socket(server, process), worker: 0 })
        });
        let hosts = (0..world.servers).chain((0..world.servers).flat_map(|host| (0..others).map(move |_| host)));
        Model {
            name: world.name.clone(),
            hosts: (0..world.servers).map(host).collect(),
            listeners: hosts.map(|host| ListenerSpec { host, backlog: world.backlog }).collect(),
            processes: processes.collect(),
            workers: vec![world.worker.clone()],
            kernel: world.kernel.clone(),
            balancer: self.scenario.balancer.spec(world.servers, self.check_class().unwrap_or(0)),
            proxy: self.scenario.proxy,
            peers: peers
                .iter()
                .map(|peer| PeerSpec {
                    name: peer.name.text.clone(),
                    network: peer.network,
                    ports: peer.ports,
                    capacity: peer.capacity,
                    windows: peer.windows.clone(),
                    breaker: peer.breaker,
                })
                .collect(),
            syncs: self.syncs(world),
            values: self.scenario.values.iter().map(|value| value.text.clone()).collect(),
            connections: self.scenario.connections.iter().map(|one| one.name.text.clone()).collect(),
            classes,
            programs,
            clients,
            run: self.scenario.run,
            limits: self.scenario.limits,
        }
    }
}
