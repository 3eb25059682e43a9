//! Numbers that something else bounds: a backlog by the kernel, a pool by whoever could hold its units, CPU use by how many cores can
//! be busy at all.

use engine::model::{SyncKind, WorkerKind};

use crate::reader::bound::Bound;
use crate::reader::node::Node;
use crate::tables::client::{TypedClient, When};
use crate::tables::step::{Act, TypedStep};
use crate::tables::world::TypedWorld;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;
use crate::words::limits::grouped;
use crate::words::source::Name;

/// Looks for numbers that cannot be what they seem.
pub(super) fn check(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    check_backlogs(scenario, root, findings);
    check_pools(scenario, root, findings);
    check_cpu(scenario, root, findings);
}

/// `listen` above `somaxconn`.
fn check_backlogs(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    let nodes = root.get::<&[(Name, Node)]>("world");
    for (name, node) in nodes.iter().filter(|(_, node)| node.given("listen")) {
        let Some(world) = scenario.worlds.iter().find(|world| world.name == name.text) else { continue };
        let listen: u32 = node.get("listen");
        if world.backlog >= listen {
            continue;
        }
        let cap = grouped(u64::from(world.backlog));
        let what = format!(
            "the kernel caps this backlog at {cap}: `somaxconn` of the machine bounds every accept queue, whatever `listen` asks for"
        );
        let help = format!(
            "write `listen = {}`, which is the same, or `somaxconn = {listen}` in [machine] (net.core.somaxconn)",
            world.backlog
        );
        findings.doubt(Doubt::CappedBacklog, node.at("listen"), what).label(format!("{cap} in fact")).help(help);
    }
}

/// Pools of which every process has more units than its requests can hold at once.
fn check_pools(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    for (name, node) in root.get::<&[(Name, Node)]>("pool") {
        let Some(SyncKind::Semaphore { units, .. }) =
            scenario.syncs.iter().find(|sync| sync.name.text == name.text).map(|sync| sync.kind)
        else {
            continue;
        };
        let held = scenario.requests.iter().map(|request| most_held(&request.steps, &name.text)).max().unwrap_or(0);
        let users = |world: &TypedWorld| slots(world).min(people(scenario)).saturating_mul(held);
        let Some(most) = scenario.worlds.iter().map(users).max() else { continue };
        if held == 0 || most >= u64::from(units) || varies_slots(scenario) {
            continue;
        }
        let widest = scenario.worlds.iter().find(|world| users(world) == most).expect("it is one of them");
        let what = format!(
            "no process can use more than {} of the {} units of pool `{}`: {}",
            grouped(most),
            grouped(u64::from(units)),
            name.text,
            why(widest, scenario, held)
        );
        let help = format!(
            "every process has a pool of its own: write how many units each has, {} at most, or let a process carry more requests",
            grouped(most)
        );
        findings.doubt(Doubt::IdlePool, node.at("units"), what).label("never all in use").help(help);
    }
}

/// Requests that a process carries at once.
fn slots(world: &TypedWorld) -> u64 {
    match world.worker.kind {
        WorkerKind::Threads { threads } | WorkerKind::Pool { threads, .. } => u64::from(threads),
        WorkerKind::Hub { greenlets, .. } => u64::from(greenlets),
        WorkerKind::Loop(spec) => u64::from(spec.places()),
    }
}

/// People who can ask at once, if none come at a rate and nobody leaves a request behind.
fn people(scenario: &Scenario) -> u64 {
    let stays = |client: &TypedClient| {
        client.patience.is_none() && client.read_timeout.is_none() && client.policies.hedge.is_none()
    };
    let of = |client: &TypedClient| match client.when {
        When::Closed { clients, .. } if stays(client) => u64::from(clients),
        _ => u64::MAX,
    };
    if scenario.balancer.check.is_some() || scenario.proxy.is_some() {
        return u64::MAX;
    }
    scenario.clients.iter().map(of).fold(0, u64::saturating_add)
}

/// Whether a plan may give a process more threads or greenlets than the file does.
fn varies_slots(scenario: &Scenario) -> bool {
    let mut paths = scenario.plan.iter().flat_map(|plan| &plan.vary).map(|vary| vary.path.rsplit('.').next());
    paths.any(|key| matches!(key, Some("threads" | "greenlets" | "clients" | "units")))
}

fn why(world: &TypedWorld, scenario: &Scenario, held: u64) -> String {
    let each = if held > 1 { format!(", and each holds {held} at most") } else { String::new() };
    let (count, of) = (slots(world), people(scenario));
    if of < count {
        return format!("{} clients ask at once{each}", grouped(of));
    }
    let what = if matches!(world.worker.kind, WorkerKind::Hub { .. }) { "greenlets" } else { "threads" };
    let one = if count == 1 { what.trim_end_matches('s') } else { what };
    format!("it has {} {one}{each}", grouped(count))
}

/// Units of a pool that one request can hold at once at most.
fn most_held(steps: &[TypedStep], pool: &str) -> u64 {
    let (mut held, mut most) = (0u64, 0u64);
    for step in steps {
        let inside = most_held(step.inner(), pool);
        let here = match &step.act {
            Act::Acquire { sync, .. } if sync == pool => {
                held += 1;
                0
            }
            Act::Release { sync } if sync == pool => {
                held = held.saturating_sub(1);
                0
            }
            Act::With { sync, .. } if sync == pool => inside + 1,
            Act::Fan { count, .. } => inside.saturating_mul(u64::from(*count)),
            // A pass that keeps what it takes meets the next one.
            Act::Repeat { times, steps } => inside + u64::from(times.saturating_sub(1)) * left_over(steps, pool),
            Act::Get { .. } | Act::Put { .. } => 0,
            _ => inside,
        };
        held += match &step.act {
            Act::Repeat { times, steps } => u64::from(*times) * left_over(steps, pool),
            Act::Chance { steps, .. }
            | Act::Within { steps, .. }
            | Act::Thread { wait: true, steps, .. }
            | Act::Background { steps } => left_over(steps, pool),
            _ => 0,
        };
        most = most.max(held + here);
    }
    most
}

/// Units that a list of steps takes and does not give back.
fn left_over(steps: &[TypedStep], pool: &str) -> u64 {
    let mut held = 0u64;
    for step in steps {
        match &step.act {
            Act::Acquire { sync, .. } if sync == pool => held += 1,
            Act::Release { sync } if sync == pool => held = held.saturating_sub(1),
            Act::Chance { steps, .. }
            | Act::Within { steps, .. }
            | Act::Thread { wait: true, steps, .. }
            | Act::Background { steps } => {
                held += left_over(steps, pool);
            }
            Act::Repeat { times, steps } => held += u64::from(*times) * left_over(steps, pool),
            _ => {}
        }
    }
    held
}

/// An objective on `cpu` that cannot be missed, because most cores have nobody to run on them.
fn check_cpu(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    let Some(slo) = root.find::<&Node>("slo") else { return };
    let Some(bound) = slo.find::<Bound>("cpu") else { return };
    let judged = |world: &&TypedWorld| {
        let named: Option<&[Name]> = slo.find("worlds");
        named.is_none_or(|names| names.iter().any(|name| name.text == world.name))
    };
    let varies = scenario
        .plan
        .iter()
        .flat_map(|plan| &plan.vary)
        .any(|vary| matches!(vary.path.rsplit('.').next(), Some("cores" | "processes" | "threads")));
    for world in scenario.worlds.iter().filter(judged) {
        let Some(busy) = cores_busy(world, scenario).filter(|busy| *busy < u64::from(world.cores)) else { continue };
        let share = busy as f64 / f64::from(world.cores);
        if varies || share >= bound.value {
            continue;
        }
        let noun = if matches!(world.worker.kind, WorkerKind::Hub { .. }) { "hub" } else { "process" };
        let who = match (busy, noun) {
            (1, noun) => format!("its {noun} keeps one"),
            (_, "hub") => format!("its {} hubs keep {}", grouped(busy), grouped(busy)),
            _ => format!("its {} processes of one thread keep {}", grouped(busy), grouped(busy)),
        };
        let cores = grouped(u64::from(world.cores));
        let what = format!("`cpu` can never be missed in world `{}`: {who} of {cores} cores busy at most", world.name);
        let help = format!(
            "write `busiest_process_cpu = \"< {}%\"`: the busiest process, in which 100 % is one core, all that it can use",
            (bound.value * 1e4).round() / 1e2
        );
        findings.doubt(Doubt::DilutedCpu, slo.at("cpu"), what).label("idle cores keep it").help(help);
    }
}

/// Cores that a world can keep busy at most; `None`: as many as there are.
fn cores_busy(world: &TypedWorld, scenario: &Scenario) -> Option<u64> {
    let beside = scenario.clients.iter().any(|client| client.beside_servers && client.cost.is_some());
    let fans = scenario.uses(|act| matches!(act, Act::Fan { .. } | Act::Thread { wait: false, .. }));
    let lends = scenario.uses(|act| matches!(act, Act::Thread { .. }))
        || scenario.requests.iter().any(|one| one.in_thread.lends())
        || world.in_thread.lends();
    let one = match world.worker.kind {
        WorkerKind::Hub { .. } | WorkerKind::Loop(_) => !lends,
        WorkerKind::Threads { threads } => threads == 1 && !fans,
        WorkerKind::Pool { .. } => false,
    };
    (one && world.worker.router.is_none() && !beside).then_some(u64::from(world.processes))
}
