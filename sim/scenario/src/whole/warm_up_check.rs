//! `warm_up = "auto"`: it needs a run that settles, so a scenario in which something happens at a set time is refused.

use engine::model::Profile;

use crate::reader::node::Node;
use crate::tables::client::{TypedClient, When};
use crate::whole::Scenario;
use crate::words::diagnostic::Findings;

/// What is written instead of a duration.
pub(crate) const AUTO: &str = "auto";

/// Reports everything that keeps the runs of a scenario from settling, if its warm-up is to be found.
pub(crate) fn check(scenario: &Scenario, run: &Node, findings: &mut Findings) {
    if !scenario.auto_warm_up {
        return;
    }
    for why in reasons(scenario) {
        let what = format!("`warm_up = \"{AUTO}\"` needs a run that settles, but {why}");
        let help = "write a duration, such as \"10s\", after which you want to count";
        findings.error(run.at("warm_up"), what).label("settles never").help(help);
    }
}

/// Why the runs never settle, in words.
fn reasons(scenario: &Scenario) -> Vec<String> {
    // A run without `length` needs no reason of its own: it ends with a `total`, or is a mistake anyway.
    let mut reasons: Vec<String> = scenario.clients.iter().filter_map(unsteady).collect();
    let slow = scenario.peers.iter().filter(|peer| !peer.windows.is_empty());
    reasons.extend(slow.map(|peer| format!("peer `{}` has times in which it is slow or fails", peer.name.text)));
    let down = scenario.worlds.iter().filter(|world| !world.kernel.down.is_empty());
    reasons.extend(down.map(|world| format!("servers of world `{}` are down for a time", world.name)));
    reasons
}

/// What a client does at a set time, if anything.
fn unsteady(client: &TypedClient) -> Option<String> {
    let name = &client.name.text;
    let changes = |profile: &Profile| profile.points.windows(2).any(|pair| pair[0].1 != pair[1].1);
    match &client.when {
        When::Poisson(profile) | When::Fixed(profile) if changes(profile) => {
            Some(format!("client `{name}` changes its rate"))
        }
        When::Trace { .. } => Some(format!("client `{name}` follows a trace")),
        When::Closed { total: Some(_), .. } => Some(format!("client `{name}` stops after its `total`")),
        When::Poisson(_) | When::Fixed(_) | When::Closed { .. } => None,
    }
}
