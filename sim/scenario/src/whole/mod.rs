//! A scenario as a whole: its root, its run, and what its tables say together.

mod residents;
pub(crate) mod root;
mod run;
mod traffic_check;
mod use_check;
mod warm_up_check;

use engine::model::{Limits, ProxySpec, RunSpec};

use crate::reader::node::Node;
use crate::tables::balancer_and_proxy::{self, TypedBalancer};
use crate::tables::client::TypedClient;
use crate::tables::peer::TypedPeer;
use crate::tables::plan::TypedPlan;
use crate::tables::preset::{self, Preset};
use crate::tables::request::{self, InThread, TypedRequest};
use crate::tables::sharing::{self, Connection};
use crate::tables::slo::TypedSlo;
use crate::tables::software::Gevent;
use crate::tables::step::Act;
use crate::tables::sync::TypedSync;
use crate::tables::world::{TypedMachine, TypedWorld};
use crate::words::diagnostic::{Diagnostic, Findings};
use crate::words::doubt;
use crate::words::source::{Name, Sources};

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
    pub(crate) machine: TypedMachine,
    pub(crate) balancer: TypedBalancer,
    pub(crate) proxy: Option<ProxySpec>,
    pub(crate) worlds: Vec<TypedWorld>,
    pub(crate) clients: Vec<TypedClient>,
    pub(crate) peers: Vec<TypedPeer>,
    pub(crate) syncs: Vec<TypedSync>,
    pub(crate) values: Vec<Name>,
    pub(crate) connections: Vec<Connection>,
    /// Native threads of a hub's or loop's pool, if a request uses them; the inner one is what the file says.
    pub(crate) offload: Option<Option<u32>>,
    pub(crate) requests: Vec<TypedRequest>,
    pub(crate) slo: Option<TypedSlo>,
    pub(crate) plan: Option<TypedPlan>,
    pub(crate) warnings: Vec<Diagnostic>,
    /// Kinds of doubt that it expects and that only its models show.
    pub(crate) expected_late: Vec<Name>,
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

    /// Reads the tables of a file without its text, and holds them against each other.
    pub(crate) fn read(root: &Node, findings: &mut Findings) -> Scenario {
        let preset = Preset::named(root.get("preset")).unwrap_or(&preset::all()[0]);
        let named = |key: &str| root.get::<&[(Name, Node)]>(key);
        let machine: &Node = root.get("machine");
        let run: &Node = root.get("run");
        check_cores(named("world"), machine, findings);
        let worlds = worlds(root, preset, findings);
        let servers = worlds.iter().map(|world| world.servers).max().unwrap_or(1);
        let text = |key: &str| root.find::<&str>(key).map(visible);
        let scenario = Scenario {
            sources: Sources::new("", ""),
            title: text("title").unwrap_or_default(),
            question: text("question"),
            source: text("source"),
            seed: run.get("seed"),
            replications: run.get("replications"),
            run: run::spec(run),
            limits: run::limits(run),
            auto_warm_up: run.find::<&str>("warm_up").is_some(),
            machine: TypedMachine::read(machine, preset),
            balancer: TypedBalancer::read(root.get("balancer"), servers, findings),
            proxy: root.find::<&Node>("proxy").map(balancer_and_proxy::proxy),
            syncs: TypedSync::read_all(root, &worlds, findings),
            worlds,
            clients: named("client").iter().map(|client| TypedClient::read(client, findings)).collect(),
            peers: named("peer").iter().map(|peer| TypedPeer::read(peer, findings)).collect(),
            values: sharing::values(root),
            connections: sharing::connections(root, findings),
            offload: None,
            requests: named("request").iter().map(|request| TypedRequest::read(request, findings)).collect(),
            slo: TypedSlo::read(root.find("slo"), run.find("length"), findings),
            plan: None,
            warnings: Vec::new(),
            expected_late: expected_late(root),
        };
        let sync = scenario.requests.iter().any(|request| request.in_thread == InThread::Offload)
            || scenario.worlds.iter().any(|world| world.in_thread == InThread::Offload);
        let offloads = sync
            || scenario.uses(|act| matches!(act, Act::Offload(_) | Act::Thread { executor: None, wait: true, .. }));
        let offload: &Node = root.get("offload");
        let scenario = Scenario { offload: offloads.then(|| offload.find("threads")), ..scenario };
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
        warm_up_check::check(&scenario, run, findings);
        scenario.check_threads(root, findings);
        scenario.check_shares(findings);
        scenario.check_use(findings);
        sharing::check_use(&scenario.values, &scenario.connections, &scenario.requests, findings);
        scenario.check_traffic(findings);
        scenario.seat_residents(root, findings);
        scenario.plan = TypedPlan::read(root.find("plan"), scenario.slo.as_ref(), findings);
        scenario
    }

    /// Whether a step of a request does this.
    pub(crate) fn uses(&self, does: impl Fn(&Act) -> bool) -> bool {
        request::any_step(&self.requests, does)
    }

    /// Whoever does not say what it asks for chooses among all requests but those that somebody begins with.
    fn leave_beginnings(&mut self) {
        let begun: Vec<String> =
            self.clients.iter().filter_map(|client| client.begins.as_ref()).map(|name| name.text.clone()).collect();
        if begun.is_empty() {
            return;
        }
        let others = self.requests.iter().filter(|request| !begun.contains(&request.name.text));
        let others: Vec<Name> = others.map(|request| request.name.clone()).collect();
        for client in &mut self.clients {
            client.requests.get_or_insert_with(|| others.clone());
        }
    }
}

/// A text whose control characters are spelled out, but for ends of lines and tabs: titles are printed by every command, and a
/// terminal obeys them.
fn visible(text: &str) -> String {
    let is_obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    text.chars().map(|c| if is_obeyed(c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

/// The worlds of a file, with the hubs that its release of gevent has.
fn worlds(root: &Node, preset: &Preset, findings: &mut Findings) -> Vec<TypedWorld> {
    let (software, machine): (&Node, &Node) = (root.get("software"), root.get("machine"));
    Gevent::check(software, findings);
    let gevent = Gevent::read(software);
    let read = |world: &(Name, Node)| {
        let mut typed = TypedWorld::read(world, machine, preset, findings)?;
        let own = gevent.of_world(&world.1, &mut typed.worker, software.given("gevent"));
        own.apply(&world.1, &mut typed.worker);
        Some(typed)
    };
    root.get::<&[(Name, Node)]>("world").iter().filter_map(read).collect()
}

/// Cores are said by the machine, or else by every world.
fn check_cores(worlds: &[(Name, Node)], machine: &Node, findings: &mut Findings) {
    let without = worlds.iter().find(|(_, node)| node.field("cores").is_none());
    if let Some((name, _)) = without.filter(|_| machine.field("cores").is_none()) {
        let what = format!("world `{}` has no cores", name.text);
        let help = "write `cores = 8` in [machine], or in every world";
        findings.error(name.at, what).label("how many cores?").help(help).echo();
    }
}

/// What the file expects of the doubts that only its models show.
fn expected_late(root: &Node) -> Vec<Name> {
    let late = |name: &&Name| doubt::late_names().any(|late| late == name.text);
    root.get::<&[Name]>("expect").iter().filter(late).cloned().collect()
}
