//! The worlds of a draft: every way to serve that configuration describes, each key with its place.

use std::collections::BTreeSet;

use super::text::{Calibration, ScenarioWriter};
use crate::intake::Intake;
use crate::numbers::duration;
use crate::settings::ServingWorld;

/// What stands where nobody said how the service is served.
fn stand_in() -> ServingWorld {
    let mut world = ServingWorld { name: "today".to_owned(), worker: "gunicorn-gthread", ..ServingWorld::default() };
    let source = "a guess: no configuration was given; put your own, or import again with --world 'gunicorn ...'";
    world.set("processes", 1, source);
    world.set("threads", 8, source);
    world
}

/// All worlds with names that a scenario may have, the one that was measured first.
pub fn worlds_of(intake: &Intake) -> Vec<ServingWorld> {
    let mut worlds = intake.worlds.clone();
    if worlds.is_empty() {
        worlds.push(stand_in());
    }
    let mut names = BTreeSet::new();
    for world in &mut worlds {
        let clean: String =
            world.name.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let clean: String = clean.trim_matches('-').chars().take(40).collect();
        let base = if clean.is_empty() { "today".to_owned() } else { clean };
        let mut name = base.clone();
        let mut at = 2;
        while !names.insert(name.clone()) {
            name = format!("{base}-{at}");
            at += 1;
        }
        world.name = name;
    }
    worlds.truncate(16);
    worlds
}

/// Writes the worlds.
pub fn write_worlds(out: &mut ScenarioWriter, worlds: &[ServingWorld], calibration: &Calibration) {
    for world in worlds {
        out.blank();
        for asked in &world.asked {
            out.comment(asked);
        }
        out.table(&format!("world.{}", world.name));
        out.line(&format!("worker = \"{}\"", world.worker), "");
        for key in &world.keys {
            out.line(&format!("{} = {}", key.key, key.value), &key.source);
        }
        let base = calibration.request_costs.get(world.worker);
        if let Some(base) = base.filter(|_| calibration.framework_ns > 0.0) {
            let whole = duration(base + calibration.framework_ns);
            let says = format!(
                "the preset's {} and {} of the framework's own: see [machine]",
                duration(*base),
                duration(calibration.framework_ns)
            );
            out.line(&format!("costs = {{ request = \"{whole}\" }}"), &says);
        }
    }
}
