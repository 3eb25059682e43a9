//! Worlds without a server: greenlets that are the clients themselves (`gevent-loop`), and which keys mean nothing to them.

use engine::model::WorkerKind;

use crate::reader::node::Node;
use crate::tables::client::When;
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::source::Name;

/// Keys of a client that speak of its way to a server, or of what it does when that does not answer.
const VISITOR_KEYS: [&str; 14] = [
    "first_alone",
    "cost",
    "network",
    "ports",
    "connect_timeout",
    "read_timeout",
    "silence",
    "patience",
    "refresh",
    "retry",
    "hedge",
    "breaker",
    "keep_alive",
    "download",
];

impl Scenario {
    /// Gives the greenlets of resident worlds to the clients, and refuses what such clients cannot do.
    pub(super) fn seat_residents(&mut self, root: &Node, findings: &mut Findings) {
        let Some(world) = self.worlds.iter().find(|world| world.worker.resident) else { return };
        let software = world.worker.name.clone();
        let mut clients = 0;
        for client in &self.clients {
            match client.when {
                When::Closed { clients: count, .. } => clients += count,
                When::Poisson(_) | When::Fixed(_) | When::Trace { .. } => {
                    let what =
                        format!("client `{}` comes from outside, and {software} has no server", client.name.text);
                    let help =
                        "write `clients = 5000`: so many greenlets that ask for themselves, one pass after the other";
                    findings.error(client.name.at, what).label("no `clients`").help(help).echo();
                }
            }
        }
        let named: &[(Name, Node)] = root.get("client");
        for (name, node) in named {
            for key in VISITOR_KEYS {
                if node.given(key) {
                    let what = format!("`{key}` of client `{}` means nothing to {software}", name.text);
                    let help = "its greenlets are the clients themselves: a pass that fails is over, and the same greenlet begins the next one";
                    findings.error(node.key_at(key), what).label(format!("not for {software}")).help(help);
                }
            }
        }
        for key in ["proxy", "balancer"] {
            if root.given(key) {
                let what = format!("`{key}` means nothing to {software}");
                let help = "nobody connects to it: remove the table";
                findings.error(root.key_at(key), what).label("no server").help(help);
            }
        }
        for world in self.worlds.iter_mut().filter(|world| world.worker.resident) {
            let share = clients.div_ceil((world.servers * world.processes).max(1)).max(1);
            if let WorkerKind::Hub { greenlets, .. } = &mut world.worker.kind {
                *greenlets = share;
            }
        }
    }
}
