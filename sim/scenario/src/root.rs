//! The root of a scenario file, `[run]`, and the whole of what was typed: [`Scenario`].

use std::collections::BTreeSet;

use engine::model::{Limits, ProxySpec, RunSpec, SyncKind};
use engine::time::{Span, Time};

use crate::client::{Client, When};
use crate::diagnostic::{At, Diagnostic, Findings, Sources};
use crate::front::{self, Balancer};
use crate::key::{Group, Kind, Need, Table, key};
use crate::limits;
use crate::lint;
use crate::node::{Name, Node};
use crate::overrides::{self, Override};
use crate::peer::{self, Peer};
use crate::plan::{self, Plan};
use crate::preset::{self, Preset};
use crate::raw;
use crate::request::{self, Request};
use crate::settle;
use crate::sharing::{self, Connection};
use crate::slo::{self, Slo};
use crate::software;
use crate::step::Act;
use crate::sync::{self, Sync};
use crate::walk::{Names, Walker};
use crate::world::{self, Machine, World};

static RUN: Table = Table {
    heading: "[run]",
    noun: "a run",
    doc: "How long and how closely to look.",
    keys: &[
        key(
            "seed",
            Kind::Count(0, i64::MAX as u64),
            Need::Default("1"),
            "7",
            "Where chance begins: the same seed gives the same run, on every machine.",
        ),
        key(
            "replications",
            Kind::Count(1, limits::REPLICATIONS),
            Need::Default("5"),
            "20",
            "Runs with chance drawn anew, for intervals.",
        ),
        key(
            "length",
            Kind::Positive,
            Need::Else("until the closed clients have sent all of their `total`"),
            "\"15m\"",
            "Requests are sent until then.",
        ),
        key(
            "drain",
            Kind::Duration,
            Need::Default("\"2m\""),
            "\"2m\"",
            "How long the run may go on after that for what is still inside.",
        ),
        key(
            "warm_up",
            Kind::DurationOr(settle::AUTO),
            Need::Default("\"0s\""),
            "\"10s\"",
            "Requests born before this are simulated but not counted; `\"auto\"`: until pilot runs have settled (MSER-5).",
        ),
        key("step", Kind::Positive, Need::Default("\"1s\""), "\"1s\"", "Width of a point of the time series."),
        key(
            "starved_after",
            Kind::Positive,
            Need::Default("\"1s\""),
            "\"5s\"",
            "A request that waits for longer, while two that came later are answered, counts as starved; so does a client that asks again \
             and again and waits for so long without a good response while another one gets two.",
        ),
        key(
            "max_events",
            Kind::Count(1, limits::EVENTS_MAX),
            Need::Default(limits::EVENTS),
            "1_000_000",
            "Events after which a run ends with an error. A file whose clients alone send more is refused.",
        ),
        key(
            "max_alive",
            Kind::Count(1, limits::ALIVE_MAX),
            Need::Default(limits::ALIVE),
            "10_000",
            "Requests alive at once beyond which a run ends with an error.",
        ),
        key(
            "max_memory_mib",
            Kind::Count(1, limits::MEMORY_MIB_MAX),
            Need::Default(limits::MEMORY_MIB),
            "512",
            "Memory of one run as estimated, and of the results of all runs together, in MiB; requests alive at once are as many as fit.",
        ),
    ],
};

pub(crate) static ROOT: Table = Table {
    heading: "",
    noun: "a scenario",
    doc: "Every file starts with two comment lines: the question it asks, and its source.",
    keys: &[
        key("version", Kind::Count(1, 1), Need::Required, "1", "Version of the file format."),
        key("title", Kind::Text, Need::Required, "\"A slow third party\"", "What tables and plots are headed with."),
        key(
            "question",
            Kind::Text,
            Need::Else("none is shown"),
            "\"Does a slow third party take the site down?\"",
            "What the file wants to know.",
        ),
        key(
            "source",
            Kind::Text,
            Need::Else("none is shown"),
            "\"Save the day with gevent\"",
            "Where the situation comes from.",
        ),
        key(
            "preset",
            Kind::OneOf(preset::names),
            Need::Default("\"2026-py3.11\""),
            "\"2026-py3.11\"",
            "Which age's costs to use.",
        ),
        key(
            "run",
            Kind::Table(&RUN),
            Need::Default("{}"),
            "{ seed = 7, length = \"15m\" }",
            "How long and how closely to look.",
        ),
        key("machine", Kind::Table(&world::MACHINE), Need::Default("{}"), "{ cores = 8 }", "What every server is."),
        key(
            "balancer",
            Kind::Table(&front::BALANCER),
            Need::Default("{}"),
            "{ policy = \"round-robin\" }",
            "How connections choose a server.",
        ),
        key(
            "proxy",
            Kind::Table(&front::PROXY),
            Need::Else("clients connect to the servers themselves"),
            "{ keep_alive = { connections = 32 } }",
            "What stands between clients and servers.",
        ),
        key(
            "world",
            Kind::Named(&world::WORLD, Group::World),
            Need::Required,
            "{ threads = { worker = \"uwsgi-threads\", threads = 10 } }",
            "The ways to serve that are compared.",
        ),
        key(
            "client",
            Kind::Named(&crate::client::CLIENT, Group::Client),
            Need::Required,
            "{ users = { rate = \"300/s\" } }",
            "Who sends requests.",
        ),
        key(
            "peer",
            Kind::Named(&peer::PEER, Group::Peer),
            Need::Default("{}"),
            "{ redis = { network = \"200us\" } }",
            "What requests call.",
        ),
        key(
            "pool",
            Kind::Named(&sync::POOL, Group::Sync),
            Need::Default("{}"),
            "{ db = { units = 20 } }",
            "Pools of connections inside a process.",
        ),
        key(
            "lock",
            Kind::Named(&sync::LOCK, Group::Sync),
            Need::Default("{}"),
            "{ cache = {} }",
            "Locks inside a process.",
        ),
        key(
            "queue",
            Kind::Named(&sync::QUEUE, Group::Queue),
            Need::Default("{}"),
            "{ jobs = { size = 10 } }",
            "Queues inside a process.",
        ),
        key(
            "event",
            Kind::Named(&sync::EVENT, Group::Event),
            Need::Default("{}"),
            "{ ready = {} }",
            "Events inside a process.",
        ),
        key(
            "value",
            Kind::Named(&sharing::VALUE, Group::Value),
            Need::Default("{}"),
            "{ counter = {} }",
            "Values that the tasks of a process share.",
        ),
        key(
            "connection",
            Kind::Named(&sharing::CONNECTION, Group::Connection),
            Need::Default("{}"),
            "{ cache = {} }",
            "Connections to peers that several tasks may use.",
        ),
        key(
            "software",
            Kind::Table(&software::SOFTWARE),
            Need::Default("{}"),
            "{ libraries = [\"pymysql\"] }",
            "What the application is made of, for `check`.",
        ),
        key(
            "expect",
            Kind::SomeOf(lint::names),
            Need::Default("[]"),
            "[\"lost-update\"]",
            "Kinds of doubt that the file is about: they are not told. One that is not there is.",
        ),
        key(
            "offload",
            Kind::Table(&sync::OFFLOAD),
            Need::Default("{}"),
            "{ threads = 20 }",
            "The hub's pool of native threads.",
        ),
        key(
            "slo",
            Kind::Table(&slo::SLO),
            Need::Else("nothing is promised"),
            "{ p99 = \"< 500ms\", errors = \"< 1%\" }",
            "What the servers have promised.",
        ),
        key(
            "plan",
            Kind::Table(&plan::PLAN),
            Need::Else("there is nothing to plan"),
            "{ vary = { \"world.gevent.processes\" = \"1..16\" } }",
            "What may vary when the cheapest deployment is looked for.",
        ),
        key(
            "request",
            Kind::Named(&request::REQUEST, Group::Request),
            Need::Required,
            "{ page = { steps = [{ burn = \"2ms\" }] } }",
            "What is asked for.",
        ),
    ],
};

/// A scenario as it was typed: checked, with the places of what may still go wrong.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) sources: Sources,
    pub(crate) title: String,
    pub(crate) question: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) seed: u64,
    pub(crate) replications: u32,
    pub(crate) run: RunSpec,
    /// What ends a run before its time.
    pub(crate) limits: Limits,
    /// Whether the warm-up is found by pilot runs.
    pub(crate) auto_warm_up: bool,
    pub(crate) machine: Machine,
    pub(crate) balancer: Balancer,
    pub(crate) proxy: Option<ProxySpec>,
    pub(crate) worlds: Vec<World>,
    pub(crate) clients: Vec<Client>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) syncs: Vec<Sync>,
    pub(crate) values: Vec<Name>,
    pub(crate) connections: Vec<Connection>,
    /// Native threads of a hub's pool, if a request uses them.
    pub(crate) offload: Option<u32>,
    pub(crate) requests: Vec<Request>,
    pub(crate) slo: Option<Slo>,
    pub(crate) plan: Option<Plan>,
    pub(crate) warnings: Vec<Diagnostic>,
    /// Kinds of doubt that it expects and that only its models show.
    pub(crate) expected_late: Vec<Name>,
}

/// Reads a scenario: `text` is the file's content, `file` its name for messages.
///
/// # Errors
/// Every mistake in it, sorted by position, those of overrides last; warnings are among them.
pub fn parse(text: &str, file: &str, overrides: &[Override]) -> Result<Scenario, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    if text.len() > limits::FILE_BYTES {
        let what = format!("the file has {} bytes, more than the limit", limits::grouped(text.len() as u64));
        let help = format!("the limit is {} bytes", limits::grouped(limits::FILE_BYTES as u64));
        findings.error(At::default(), what).label("too large").help(help);
        return Err(findings.finish(&Sources::new(file, "")));
    }
    let mut sources = Sources::new(file, text);
    let mut document = raw::read(0, &sources, &mut findings);
    overrides::apply(&mut document, overrides, &mut sources, &mut findings);
    let names = Names::of(&document);
    let root =
        Walker::new(&sources, &names, &mut findings).table(&ROOT, document.at, "", document.items().unwrap_or(&[]));
    let scenario = Scenario::read(&root, &mut findings);
    let failed = findings.failed();
    let list = findings.finish(&sources);
    if failed { Err(list) } else { Ok(Scenario { sources, warnings: list, ..scenario }) }
}

/// What ends a run before its time.
fn run_limits(run: &Node) -> Limits {
    Limits {
        events: run.get("max_events"),
        requests: run.get("max_alive"),
        bytes: run.get::<u64>("max_memory_mib") << 20,
        ..Limits::default()
    }
}

impl Scenario {
    /// What tables and plots are headed with.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Doubts about it, sorted by position; `compile` hands them on.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    fn read(root: &Node, findings: &mut Findings) -> Scenario {
        let preset = Preset::named(root.get("preset")).unwrap_or(&preset::all()[0]);
        let named = |key: &str| root.get::<&[(Name, Node)]>(key);
        let machine: &Node = root.get("machine");
        let run: &Node = root.get("run");
        check_cores(named("world"), machine, findings);
        let worlds = named("world").iter().filter_map(|world| World::read(world, machine, preset, findings));
        let worlds: Vec<World> = worlds.collect();
        let servers = worlds.iter().map(|world| world.servers).max().unwrap_or(1);
        let text = |key: &str| root.find::<&str>(key).map(str::to_owned);
        let scenario = Scenario {
            sources: Sources::new("", ""),
            title: text("title").unwrap_or_default(),
            question: text("question"),
            source: text("source"),
            seed: run.get("seed"),
            replications: run.get("replications"),
            run: RunSpec {
                length: run.find("length"),
                drain: run.get("drain"),
                warm_up: run.find("warm_up").unwrap_or(Span::ZERO),
                step: run.get("step"),
                starved_after: run.get("starved_after"),
            },
            limits: run_limits(run),
            auto_warm_up: run.find::<&str>("warm_up").is_some(),
            machine: Machine::read(machine, preset),
            balancer: Balancer::read(root.get("balancer"), servers, findings),
            proxy: root.find::<&Node>("proxy").map(front::proxy),
            worlds,
            clients: named("client").iter().map(|client| Client::read(client, findings)).collect(),
            peers: named("peer").iter().map(|peer| Peer::read(peer, findings)).collect(),
            syncs: Sync::read_all(root, findings),
            values: sharing::values(root),
            connections: sharing::connections(root, findings),
            offload: None,
            requests: named("request").iter().map(|request| Request::read(request, findings)).collect(),
            slo: Slo::read(root.find("slo"), run.find("length"), findings),
            plan: None,
            warnings: Vec::new(),
            expected_late: lint::expected_late(root),
        };
        let offloads = scenario.uses(|act| matches!(act, Act::Offload(_)));
        let offload: &Node = root.get("offload");
        let scenario = Scenario { offload: offloads.then(|| offload.get("threads")), ..scenario };
        if root.given("offload") && !offloads {
            let finding = findings.warning(root.key_at("offload"), "no request offloads anything");
            finding.label("not used").help("write a step such as { offload = \"20ms\" }, or remove it").echo();
        }
        for key in ["world", "client", "request"] {
            if root.given(key) && root.sound(&[key]) && named(key).is_empty() {
                let what = format!("there is no {key}");
                let help = format!("write a table [{key}.NAME]");
                findings.error(root.key_at(key), what).label("none").help(help).echo();
            }
        }
        let mut scenario = scenario;
        scenario.leave_beginnings();
        scenario.check_run(run, findings);
        settle::check(&scenario, run, findings);
        scenario.check_shares(findings);
        scenario.check_use(findings);
        sharing::check_use(&scenario, findings);
        scenario.check_traffic(findings);
        scenario.seat_residents(root, findings);
        scenario.plan = Plan::read(root.find("plan"), &scenario, findings);
        lint::check(&scenario, root, findings);
        scenario
    }

    fn check_run(&self, node: &Node, findings: &mut Findings) {
        let endless = self.clients.iter().find(|client| !client.ends());
        let RunSpec { length, drain, warm_up, step, starved_after: _ } = self.run;
        let Some(length) = length else {
            if let Some(client) = endless {
                let missing =
                    if matches!(client.when, When::Closed { .. }) { ", or `total` to the client" } else { "" };
                let what = format!("the run has no end: client `{}` never stops", client.name.text);
                let help = format!("add `length = \"60s\"` to [run]{missing}");
                findings.error(client.name.at, what).label("comes for ever").help(help).echo();
            }
            return;
        };
        if warm_up >= length && node.sound(&["warm_up", "length"]) {
            let what = format!("nothing is counted: the warm-up {warm_up} is not shorter than the run {length}");
            findings
                .error(node.at("warm_up"), what)
                .label("as long as the run")
                .help("shorten `warm_up` or lengthen `length`");
        }
        let points = (length + drain).as_ns() / step.as_ns().max(1);
        if points > limits::SERIES && node.sound(&["step", "length", "drain"]) {
            let what = format!("the time series has {} points, more than the limit", limits::grouped(points));
            let help = format!("the limit is {}; choose a longer `step`", limits::grouped(limits::SERIES));
            findings.error(node.at("step"), what).label("too fine").help(help);
        }
        if !node.sound(&["length", "drain"]) {
            return;
        }
        let end = Time::ZERO + (length + drain);
        for peer in &self.peers {
            if peer.windows.iter().any(|window| window.from >= end) {
                let what = format!("a window of peer `{}` begins after the run has ended at {end}", peer.name.text);
                findings
                    .warning(peer.name.at, what)
                    .label("never reached")
                    .help("move the window, or lengthen the run");
            }
        }
    }

    fn check_shares(&self, findings: &mut Findings) {
        for client in self.clients.iter().filter(|_| !self.requests.is_empty()) {
            let mut asked = self.requests.iter().filter(|request| client.asks(&request.name.text)).peekable();
            let why = match (asked.peek(), &client.begins) {
                (None, Some(begins)) => &format!("it begins with `{}` and has nothing to go on with", begins.text),
                (None, None) => "its list of requests is empty",
                (Some(_), _) => "all shares of its requests are zero",
            };
            if asked.any(|request| request.share > 0.0) {
                continue;
            }
            let what = format!("client `{}` asks for nothing: {why}", client.name.text);
            let help = "give at least one request of this client a `share` above zero";
            findings.error(client.name.at, what).label("asks for nothing").help(help).echo();
        }
    }

    /// Whether a step of a request does this.
    pub(crate) fn uses(&self, does: impl Fn(&Act) -> bool) -> bool {
        let mut found = false;
        for request in &self.requests {
            request.each_step(&mut |step| found |= does(&step.act));
        }
        found
    }

    fn check_use(&self, findings: &mut Findings) {
        for request in &self.requests {
            let asked = self.clients.iter().any(|client| client.asks(&request.name.text));
            let begun = self.clients.iter().any(|client| client.begins_with(&request.name.text));
            let checks = self.balancer.checks(&request.name.text);
            if !checks && !begun && (!asked || request.share == 0.0) {
                let what = format!("nobody asks for request `{}`", request.name.text);
                let help = "list it in a client's `requests`, give it a `share`, or remove it";
                findings.warning(request.name.at, what).label("not used").help(help).echo();
            }
        }
        // What steps name, and with which verbs.
        let mut named: BTreeSet<(&str, &str)> = BTreeSet::new();
        for request in &self.requests {
            request.each_step(&mut |step| named.extend(step.act.named()));
        }
        let peers = self.peers.iter().map(|peer| (&peer.name, "calls peer"));
        let syncs = self.syncs.iter().map(|sync| (&sync.name, sync.use_words()));
        for (name, words) in peers.chain(syncs) {
            if !named.iter().any(|(_, used)| *used == name.text) {
                let what = format!("no request {words} `{}`", name.text);
                findings.warning(name.at, what).label("not used").help("use it in a step, or remove it").echo();
            }
        }
        for sync in &self.syncs {
            let name = sync.name.text.as_str();
            let does = |verb: &str| named.contains(&(verb, name));
            let (verb, label, what) = match sync.kind {
                SyncKind::Queue { .. } if does("get") && !does("put") => {
                    ("put", "nobody puts", format!("requests get items from queue `{name}`, and none puts one in"))
                }
                SyncKind::Queue { max: Some(_), .. } if does("put") && !does("get") => {
                    ("get", "nobody gets", format!("requests put items into queue `{name}`, and none gets one out"))
                }
                SyncKind::Event if does("wait") && !does("set") => {
                    ("set", "nobody sets", format!("requests wait for event `{name}`, and none sets it"))
                }
                _ => continue,
            };
            let help = format!("add a step {{ {verb} = \"{name}\" }} to a request");
            findings.warning(sync.name.at, what).label(label).help(help).echo();
        }
    }
}

/// Cores are said by the machine, or else by every world.
fn check_cores(worlds: &[(Name, Node)], machine: &Node, findings: &mut Findings) {
    let without = worlds.iter().find(|(_, node)| node.entry("cores").is_none());
    if let Some((name, _)) = without.filter(|_| machine.entry("cores").is_none()) {
        let what = format!("world `{}` has no cores", name.text);
        let help = "write `cores = 8` in [machine], or in every world";
        findings.error(name.at, what).label("how many cores?").help(help).echo();
    }
}
