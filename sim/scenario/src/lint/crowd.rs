//! Clients that connect at one instant and keep what they get: a hub that takes many connections for one readiness has them all, for good.

use engine::model::WorkerKind;

use crate::reader::node::Node;
use crate::tables::client::{TypedClient, When};
use crate::tables::world::TypedWorld;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::doubt::Doubt;
use crate::words::limits::grouped;
use crate::words::source::Name;

/// Looks for worlds in which some process gets none of the connections that a group opens at once and keeps.
pub(super) fn check(scenario: &Scenario, root: &Node, findings: &mut Findings) {
    let nodes = root.get::<&[(Name, Node)]>("client");
    for client in &scenario.clients {
        let Some(clients) = comes_at_once(client) else { continue };
        let Some((_, node)) = nodes.iter().find(|(name, _)| name.text == client.name.text) else { continue };
        let Some((world, taken)) = scenario.worlds.iter().find_map(|world| Some((world, at_one_go(world, clients)?)))
        else {
            continue;
        };
        let what = format!(
            "in world `{}` the first {} of {} processes to look may keep all {} connections: they come at one instant, a hub accepts \
             up to {} at one go, and they are kept",
            world.name,
            clients.div_ceil(taken),
            world.processes,
            grouped(u64::from(clients)),
            grouped(u64::from(taken)),
        );
        let help = format!(
            "a load generator opens its connections one after the other: write `cost` (what one takes it, such as \"20us\") in [client.{}]; \
             or `accepts = 1` or `reuse_port = true` in [world.{}], if the server is run so",
            client.name.text, world.name
        );
        findings.doubt(Doubt::OneProcess, node.at("clients"), what).label("at one instant").help(help);
    }
}

/// How many connections a group opens at the first instant and keeps, if it does.
fn comes_at_once(client: &TypedClient) -> Option<u32> {
    let When::Closed { clients, .. } = &client.when else { return None };
    let spread = client.begins.is_some() || client.first_alone || client.cost.is_some();
    (client.policies.keep_alive.is_some() && !spread && *clients > 1).then_some(*clients)
}

/// How many connections a process takes at one go, if that leaves none for some other process of its server.
fn at_one_go(world: &TypedWorld, clients: u32) -> Option<u32> {
    let accepts = match world.worker.kind {
        WorkerKind::Hub { accepts, .. } => accepts,
        // A loop's accepts are paid one by one, and the others have theirs meanwhile.
        WorkerKind::Threads { .. } | WorkerKind::Pool { .. } | WorkerKind::Loop(_) => return None,
    };
    let alone = world.processes < 2 || world.servers > 1 || world.worker.router.is_some() || world.worker.resident;
    let keeps = world.worker.keep_alive.is_some() && world.kernel.sockets == 0;
    (!alone && keeps && u64::from(clients) <= u64::from(accepts) * u64::from(world.processes - 1)).then_some(accepts)
}
