//! Python 2.7's waits with a time limit on threads: they look for what they wait for, and see it up to 50 ms late.

use engine::time::Span;
use engine::{Replication, RunRecord, Seed};

/// Machine and server take no time, so that what is measured is the waits.
const HEAD: &str = r#"
version = 1
title = "polled"
[run]
length = "10s"
[machine]
cores = 4
switch = "0s"
wake = "0s"
"#;
const FREE: &str = r#"costs = { accept="0s", request="0s", respond="0s", handoff="0s", take="0s", close="0s", look="0s", search="0s" }"#;

/// Runs steps for who waits from 1 s on, and others for who comes later.
fn run(worker: &str, timed_waits: &str, shared: &str, (waits, comes): (&str, &str), later: &str) -> RunRecord {
    let text = format!(
        "{HEAD}[world.w]\n{worker}\ntimed_waits = \"{timed_waits}\"\n{FREE}\n{shared}\n\
         [client.a]\ntrace = \"1s\"\nrequests = [\"waits\"]\n[client.b]\ntrace = \"{later}\"\nrequests = [\"comes\"]\n\
         [request.waits]\nsteps = [{waits}]\n[request.comes]\nsteps = [{comes}]\n"
    );
    let plain = |list: Vec<scenario::Diagnostic>| list.iter().map(|said| said.plain(&text)).collect::<String>();
    let compiled = scenario::parse(&text, "polled.toml", &[])
        .and_then(|parsed| scenario::compile(&parsed, &mut |file| Ok(format!("{file}\n"))))
        .map_err(plain)
        .unwrap_or_else(|said| panic!("{said}"));
    engine::run(&compiled.models[0], Seed(1), Replication(0)).expect("the run comes to its end")
}

const PASTE: &str = "worker = \"paste\"\nthreads = 5";
const UWSGI: &str = "worker = \"uwsgi-threads\"\nthreads = 5";

/// How long the one who waits took, if its wait was not in vain.
fn waited(record: &RunRecord) -> Option<f64> {
    record.classes[0].latency.quantile(1.0).map(Span::as_ms_f64)
}

/// Latency is counted to three digits.
fn is_about(found: Option<f64>, wanted: f64) -> bool {
    found.is_some_and(|found| (found - wanted).abs() <= 0.005 * wanted)
}

/// Sleeps of 1, 2, 4, 8, 16, 32 ms and then of 50: the looks after 113 ms are at 163, 213, 263 ms, ...
#[test]
fn a_timed_wait_of_a_thread_sees_its_notification_at_the_next_look() {
    let shared = "[queue.q]\n[event.e]\n[pool.p]\nunits = 1\n[queue.full]\nsize = 1\nfilled = true\n[lock.l]";
    let cases = [
        (r#"{ get = "q", timeout = "1s" }"#, r#"{ put = "q" }"#),
        (r#"{ put = "full", timeout = "1s" }"#, r#"{ get = "full" }"#),
        (r#"{ wait = "e", timeout = "1s" }"#, r#"{ set = "e" }"#),
        (r#"{ timeout = "1s", steps = [{ get = "q" }] }"#, r#"{ put = "q" }"#),
    ];
    for worker in [PASTE, UWSGI] {
        for steps in cases {
            let of = |timed_waits, later| waited(&run(worker, timed_waits, shared, steps, later));
            assert!(is_about(of("notified", "1.17s"), 170.0), "{steps:?}");
            assert!(is_about(of("polled", "1.17s"), 213.0), "{steps:?}: {:?}", of("polled", "1.17s"));
            assert!(is_about(of("polled", "1.005s"), 7.0), "{steps:?}: {:?}", of("polled", "1.005s"));
        }
    }
}

#[test]
fn a_thread_that_waits_for_a_unit_with_a_limit_looks_for_it() {
    // Who comes first holds the unit from 0.9 s to 1.17 s.
    let steps = (
        r#"{ acquire = "p", timeout = "1s" }, { release = "p" }"#,
        r#"{ acquire = "p" }, { sleep = "270ms" }, { release = "p" }"#,
    );
    for policy in ["barging", "hand-off"] {
        let shared = format!("[pool.p]\nunits = 1\npolicy = \"{policy}\"");
        let of = |timed_waits| waited(&run(UWSGI, timed_waits, &shared, steps, "0.9s"));
        assert!(is_about(of("notified"), 170.0), "{policy}: {:?}", of("notified"));
        assert!(is_about(of("polled"), 213.0), "{policy}: {:?}", of("polled"));
    }
}

#[test]
fn a_wait_without_a_limit_is_woken_and_one_in_vain_ends_at_its_limit() {
    let shared = "[queue.q]";
    let without = run(UWSGI, "polled", shared, (r#"{ get = "q" }"#, r#"{ put = "q" }"#), "1.17s");
    assert!(is_about(waited(&without), 170.0), "{:?}", waited(&without));
    let in_vain = run(UWSGI, "polled", shared, (r#"{ get = "q", timeout = "100ms" }"#, r#"{ put = "q" }"#), "2s");
    assert_eq!(in_vain.endings[engine::record::Ending::Failed as usize], 1, "{:?}", in_vain.endings);
    // The one who puts finds nobody: the item stays, and nobody is woken for it twice.
    assert_eq!(in_vain.endings[engine::record::Ending::Ok as usize], 1);
}

#[test]
fn every_look_takes_the_gil_and_costs_its_time() {
    // A second of waiting is a look at once and 25 after sleeps, the last of which sees that the time is up.
    let cpu = |timed_waits: &str| {
        let worker = format!("{UWSGI}\n");
        let shared = "[queue.q]";
        let steps = (r#"{ get = "q", timeout = "1s" }"#, r#"{ put = "q" }"#);
        let text_costs = FREE.replace("look=\"0s\"", "look=\"100us\"");
        let text = format!(
            "{HEAD}[world.w]\n{worker}timed_waits = \"{timed_waits}\"\n{text_costs}\n{shared}\n\
             [client.a]\ntrace = \"1s\"\nrequests = [\"waits\"]\n[client.b]\ntrace = \"5s\"\nrequests = [\"comes\"]\n\
             [request.waits]\nsteps = [{}]\n[request.comes]\nsteps = [{}]\n",
            steps.0, steps.1
        );
        let parsed = scenario::parse(&text, "polled.toml", &[]).expect("the text is right");
        let compiled = scenario::compile(&parsed, &mut |file| Ok(format!("{file}\n"))).expect("so are its files");
        let record = engine::run(&compiled.models[0], Seed(1), Replication(0)).expect("the run comes to its end");
        record.process_cpu[0].as_ms_f64()
    };
    let looks = (cpu("polled") - cpu("notified")) / 0.1;
    assert!((25.9..26.1).contains(&looks), "{looks} looks");
}
