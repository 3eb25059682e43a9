//! The shipped scenarios about shared values and connections: what goes wrong without a cure, and that each cure is one.

use crate::common::shipped;
use engine::record::{ConnectionRecord, Ending, RunRecord, ValueRecord};
use engine::{Replication, Seed};

/// The worlds of a shipped scenario, run once with values laid over it.
fn run(name: &str, set: &[(&str, &str)]) -> Vec<RunRecord> {
    let scenarios = shipped::scenarios();
    let shipped = scenarios.iter().find(|shipped| shipped.name == name).expect("it is shipped");
    let compiled = shipped.compile(set);
    let records = compiled.models.iter().map(|model| engine::run(model, Seed(compiled.seed), Replication(0)));
    records.map(|record| record.expect("it runs to its end")).collect()
}

fn value<'r>(record: &'r RunRecord, name: &str) -> &'r ValueRecord {
    record.values.iter().find(|value| value.name == name).expect("the file has it")
}

fn connection<'r>(record: &'r RunRecord, name: &str) -> &'r ConnectionRecord {
    record.connections.iter().find(|one| one.name == name).expect("the file has it")
}

#[test]
fn greenlets_lose_updates_only_where_they_give_way_and_threads_anywhere_but_under_a_lock() {
    let [threads, gevent] = &run("pinterest/critical-section", &[])[..] else { panic!("two worlds") };
    for record in [threads, gevent] {
        // A read may fall into the warm-up and its write behind it.
        let whole = |value: &ValueRecord| value.writes > 900 && value.reads.abs_diff(value.writes) <= 3;
        assert!(record.values.iter().all(whole), "{:?}", record.values);
        assert!(value(record, "yields").lost_updates > 50, "{:?}", record.values);
        assert_eq!(value(record, "locked").lost_updates, 0);
    }
    assert_eq!(value(gevent, "plain").lost_updates, 0);
    assert!(value(threads, "plain").lost_updates > 10);
}

#[test]
fn a_shared_socket_fails_greenlets_and_mixes_threads_up_until_it_is_cured() {
    let [threads, gevent] = &run("pinterest/shared-socket", &[])[..] else { panic!("two worlds") };
    for record in [threads, gevent] {
        assert!(record.connections.iter().all(|one| one.uses > 2_000), "{:?}", record.connections);
        assert!(connection(record, "shared").conflicts > 500);
        for cure in ["locked", "pooled", "own"] {
            assert_eq!(connection(record, cure).conflicts, 0, "{cure}");
        }
    }
    assert_eq!(threads.endings[Ending::Failed as usize], 0, "nobody notices");
    let failed = |class: &str| {
        let class = gevent.classes.iter().find(|one| one.name == class).expect("the file has it");
        class.endings[Ending::Failed as usize]
    };
    assert!(failed("shared") > 500);
    assert_eq!(failed("locked") + failed("pooled") + failed("own"), 0);
}

#[test]
fn a_hub_whose_heavy_work_yields_has_no_safe_critical_section() {
    let set = [("world.gevent.yield_every", "100us"), ("client.users.requests", "[\"plain\"]")];
    let records = run("pinterest/critical-section", &set);
    assert!(value(&records[1], "plain").lost_updates > 0, "fix 1 of the CPU hog takes the safety away");
}

#[test]
fn four_processes_have_four_connections() {
    let set = [("world.gevent.processes", "4"), ("client.users.requests", "[\"shared\"]")];
    let [one, four] = [&set[1..], &set[..]].map(|set| run("pinterest/shared-socket", set).remove(1));
    let conflicts = |record: &RunRecord| connection(record, "shared").conflicts;
    // They share a listening socket, and who is woken first serves most.
    assert!(conflicts(&four) * 5 < conflicts(&one) * 4, "{} and {}", conflicts(&four), conflicts(&one));
}
