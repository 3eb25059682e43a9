//! Whether what a scenario says can be run at all: requests against the budget of events, memory against the budget of memory.
//!
//! `engine::size` estimates; this refuses, by name and place, and says what to raise. What cannot be known before a run, such as
//! a backlog that grows, the engine's own limits end.

use engine::model::Model;
use engine::size;

use crate::whole::Scenario;
use crate::words::diagnostic::Findings;
use crate::words::limits::grouped;

/// Events that even a request takes that is refused: it is born, it knocks, it is told.
const EVENTS_LEAST: f64 = 3.0;

const MIB: u64 = 1 << 20;

/// Reports clients that send more than a run may handle, and worlds and results that do not fit the memory; the requests that may
/// be alive at once become as many as fit.
pub(crate) fn check(scenario: &Scenario, models: &mut [Model], findings: &mut Findings) {
    check_requests(scenario, models, findings);
    let mut results = 0_u64;
    for (model, world) in models.iter_mut().zip(&scenario.worlds) {
        let (start, record) = (size::bytes_at_start(model), size::record_bytes(model));
        results = results.saturating_add(record.saturating_mul(u64::from(scenario.replications)));
        if start > model.limits.bytes {
            let what = format!(
                "world `{}` takes about {} MiB before its first request, more than the {} that a run may take",
                world.name,
                grouped(start.div_ceil(MIB)),
                grouped(model.limits.bytes / MIB)
            );
            let help = "take fewer processes, threads or clients, or raise `run.max_memory_mib`";
            findings.error(world.at, what).label("too large").help(help);
            continue;
        }
        let fit = (model.limits.bytes - start) / size::bytes_per_request(model).max(1);
        model.limits.requests = model.limits.requests.min(u32::try_from(fit).unwrap_or(u32::MAX)).max(1);
    }
    let most = scenario.limits.bytes;
    if results > most && !findings.failed() {
        let what = format!(
            "the results of all runs take about {} MiB, more than the {} that they may take",
            grouped(results.div_ceil(MIB)),
            grouped(most / MIB)
        );
        let help = "take fewer replications, a longer `step`, or raise `run.max_memory_mib`";
        findings.error(scenario.worlds[0].at, what).label("this world and the others").help(help);
    }
}

/// Clients are the same in every world.
fn check_requests(scenario: &Scenario, models: &[Model], findings: &mut Findings) {
    let Some(model) = models.first() else { return };
    let most = model.limits.events;
    for (spec, client) in model.clients.iter().zip(&scenario.clients) {
        let Some(requests) = size::requests_of(spec, model.run.length) else { continue };
        if requests * EVENTS_LEAST > most as f64 {
            let what = format!(
                "client `{}` sends about {} requests, and a run ends after {} events",
                client.name.text,
                // A count beyond 2^64 would be printed as that.
                grouped(requests as u64),
                grouped(most)
            );
            let help = "lower its rate or its total, shorten `run.length`, or raise `run.max_events`";
            findings.error(client.name.at, what).label("too many").help(help);
        }
    }
}
