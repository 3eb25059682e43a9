//! Loads, and the deployments that carry them, in a few words.

use lab::Unit;
use lab::capacity::LoadUnit;
use lab::plan::Deployment;

use super::number;

/// A load as people say it.
pub fn load_words(load: LoadUnit, factor: f64) -> String {
    match load {
        LoadUnit::PerSecond(rate) => number::value(Unit::PerSecond, rate * factor),
        LoadUnit::Clients(clients) => {
            let clients = (clients * factor).round();
            format!("{} {}", number::grouped(clients, 0), if clients == 1.0 { "client" } else { "clients" })
        }
        LoadUnit::Mixed => format!("{} the load of the file", number::value(Unit::Ratio, factor)),
    }
}

/// The settings of a deployment: `processes = 4, threads = 20`.
pub fn settings_words(deployment: &Deployment) -> String {
    let one = |(path, value): &(String, String)| format!("{} = {value}", setting(path, &deployment.world));
    deployment.settings.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A path without what is clear beside the name of its world.
pub(crate) fn setting<'p>(path: &'p str, world: &str) -> &'p str {
    path.strip_prefix(&format!("world.{world}.")).unwrap_or(path)
}

/// What it costs.
pub(crate) fn money(cost: f64) -> String {
    number::grouped(cost, 2)
}
