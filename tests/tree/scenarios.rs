//! Every shipped scenario: it compiles without a doubt, and each of its worlds runs and accounts for everybody.

use crate::common::shipped;
use engine::record::{Ending, RunRecord};
use engine::time::Span;
use engine::{Replication, Seed};

/// Of a longer scenario, its first half minute is run.
const LONGEST: Span = Span::from_secs(30);

fn check(what: &str, record: &RunRecord) {
    let sent: u64 = record.series.sent.iter().sum();
    let ended: u64 = record.endings.iter().sum();
    assert!(sent > 0, "{what}: nobody came");
    assert_eq!(sent, ended, "{what}: every request that was sent has ended in some way");
    assert!(record.endings[Ending::Ok as usize] > 0, "{what}: nobody was served");
    for class in &record.classes {
        let billed: u128 = class.blame.iter().map(|span| u128::from(span.as_ns())).sum();
        assert_eq!(billed, class.latency.sum_ns(), "{what}: the waits of {} add up to its latencies", class.name);
    }
    assert!(record.cpu_ppm <= 1_000_000 && record.slots_ppm <= 1_000_000, "{what}: nothing is more than fully used");
}

#[test]
fn every_scenario_compiles_without_a_doubt_and_compares_something() {
    for shipped in shipped::scenarios() {
        let compiled = shipped.compile(&[]);
        let doubts: String = compiled.warnings.iter().map(|doubt| doubt.plain(&shipped.text)).collect();
        assert_eq!(doubts, "", "{}", shipped.name);
        assert!(compiled.models.len() > 1, "{} compares nothing", shipped.name);
        assert!(
            compiled.question.is_some() && compiled.source.is_some(),
            "{} says neither why nor whence",
            shipped.name
        );
    }
}

#[test]
fn every_world_of_every_scenario_runs_and_accounts_for_everybody() {
    for shipped in shipped::scenarios() {
        let compiled = shipped.shortened(LONGEST);
        for model in &compiled.models {
            let what = format!("{}, {}", shipped.name, model.name);
            match engine::run(model, Seed(compiled.seed), Replication(0)) {
                Ok(record) => check(&what, &record),
                Err(error) => panic!("{what}: {error}"),
            }
        }
    }
}
