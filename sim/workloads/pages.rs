//! Pages of the third party's scenario before its incident: what a request with three calls takes on threads and on hubs, and what the
//! same pages take on the engine's floor.

use std::path::Path;

use engine::record::Ending;
use engine::{Model, Replication, Seed};

use super::WorkloadOutcome;

/// The scenario, from the root.
const SCENARIO: &str = "scenarios/startup/slow-third-party.toml";

/// One world of the scenario for so many seconds, all of them healthy: at most the 300 before the incident.
pub fn page_model(world: &str, seconds: u64) -> Model {
    assert!(seconds <= 300, "the incident begins after 300 s");
    // The workloads are a package of their own, and part of the tests of the whole.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path =
        [package, &package.join("../..")].map(|root| root.join(SCENARIO)).into_iter().find(|path| path.is_file());
    let path = path.expect("the scenario is shipped");
    let text = std::fs::read_to_string(path).expect("a shipped scenario can be read");
    let length = scenario::Override { key: "run.length".into(), value: format!("{seconds}s") };
    let parsed = scenario::parse(&text, SCENARIO, &[length]).expect("a shipped scenario has no mistakes");
    let mut load = |file: &str| Err(format!("{file} is not needed"));
    let compiled = scenario::compile(&parsed, &mut load).expect("a shipped scenario has no mistakes");
    compiled.models.into_iter().find(|model| model.name == world).expect("the scenario has that world")
}

/// Pages on the engine; an event is a request.
pub fn page(world: &str, seconds: u64, seed: u64) -> WorkloadOutcome {
    let record = engine::run(&page_model(world, seconds), Seed(seed), Replication(0)).expect("it runs to its end");
    let served = record.endings[Ending::Ok as usize];
    WorkloadOutcome { events: served, check: served as f64 / record.endings.iter().sum::<u64>() as f64 }
}

/// The same pages on the floor.
pub fn page_floor(world: &str, seconds: u64, seed: u64) -> WorkloadOutcome {
    let floor = engine::floor::pages(&page_model(world, seconds), Seed(seed), Replication(0));
    WorkloadOutcome { events: floor.served, check: 1.0 }
}
