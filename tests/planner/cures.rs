//! `explain` names the cause, and the setting that cures it is among those that it tries: cases that people reported.

use std::process::Command;

use scenario::Override;
use serde_json::Value;

/// What `explain` says of a scenario's first world, as a document and in words; whatever it proposes is accepted by the reader of
/// scenarios.
fn explained(text: &str) -> (Value, String) {
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("case.toml");
    std::fs::write(&file, text).expect("it can be written");
    let run = |extra: &[&str]| {
        let mut command = Command::new(crate::common::process::program());
        let output = command.arg("explain").arg(&file).args(extra).output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("it is text")
    };
    let document: Value = serde_json::from_str(&run(&["--json"])).expect("it is JSON");
    let world = document["worlds"][0].clone();
    for change in world["changes"].as_array().expect("a list") {
        let set = change["set"].as_array().expect("a list");
        let overrides: Vec<Override> = set.iter().map(|one| override_of(one.as_str().expect("text"))).collect();
        let parsed = scenario::parse(text, "case.toml", &overrides);
        assert!(parsed.is_ok(), "{set:?} is not accepted: {:?}", parsed.err());
    }
    // In one line, for sentences are broken where the width ends.
    let text = run(&["--no-changes"]).split_whitespace().collect::<Vec<_>>().join(" ");
    (world, text)
}

fn override_of(typed: &str) -> Override {
    let (key, value) = typed.split_once('=').expect("a key and a value");
    Override { key: key.to_owned(), value: value.to_owned() }
}

/// The change that sets exactly this.
fn change<'a>(world: &'a Value, set: &[&str]) -> &'a Value {
    let changes = world["changes"].as_array().expect("a list");
    let found = changes.iter().find(|change| {
        let values = change["set"].as_array().expect("a list");
        values.len() == set.len() && values.iter().zip(set).all(|(value, wanted)| value == wanted)
    });
    found.unwrap_or_else(|| panic!("{set:?} is not among {:#?}", sets(world)))
}

fn sets(world: &Value) -> Vec<&Value> {
    world["changes"].as_array().expect("a list").iter().map(|change| &change["set"]).collect()
}

fn mean(value: &Value) -> f64 {
    value["mean"].as_f64().unwrap_or_else(|| panic!("{value} has a mean"))
}

fn p99(world: &Value) -> &Value {
    world["latency"].as_array().expect("a list").iter().find(|column| column["at"] == "p99").expect("a p99")
}

/// Part of the p99 in which workers did this.
fn workers(world: &Value, what: &str) -> f64 {
    p99(world)["workers"][what].as_f64().unwrap_or(0.0)
}

#[test]
fn an_accept_queue_that_is_too_short_is_lengthened_along_with_the_kernels_bound() {
    let (world, text) = explained(
        r#"
version = 1
title = "A queue of 16"
[run]
length = "1s"
drain = "600s"
replications = 1
[machine]
cores = 2
somaxconn = 16
[world.sync]
worker = "gunicorn-sync"
timeout = "30s"
[proxy]
connect_timeout = "20s"
read_timeout = "600s"
[client.vegeta]
rate = "40/s"
arrivals = "fixed"
[request.page]
steps = [{ sleep = "2s" }]
"#,
    );
    assert!(workers(&world, "full: sleep") > 0.3, "{world:#}");
    assert!(text.contains("was full of requests that slept"), "{text}");
    let longer = change(&world, &["world.sync.listen=128", "machine.somaxconn=128"]);
    assert!(mean(&longer["success_share_change"]) > 0.2, "{longer}");
    let more = change(&world, &["world.sync.processes=2"]);
    assert!(mean(&more["success_share_change"]) > 0.1 || mean(&more["p99_ratio"]) < 0.8, "{more}");
    // A sync worker has no threads to add, and that is said.
    assert!(world["changes_not_tried"].as_array().expect("a list").iter().any(|left| {
        left["set"][0] == "world.sync.threads=2" && left["why"].as_str().is_some_and(|why| why.contains("thread"))
    }));
}

#[test]
fn a_hub_that_takes_a_whole_burst_is_cured_by_accepting_one_at_a_time() {
    let (world, _) = explained(
        r#"
version = 1
title = "A burst"
[run]
replications = 1
[machine]
cores = 4
[world.gevent]
worker = "gunicorn-gevent"
processes = 4
accepts = 100
[client.callers]
clients = 20
total = 20
[request.rpc]
steps = [{ burn = "5ms" }]
"#,
    );
    let one = change(&world, &["world.gevent.accepts=1"]);
    assert!(mean(&one["p99_ratio"]) < 0.4, "{one}");
    assert_eq!(world["changes"][0]["set"], one["set"], "it is the best of all: {:#?}", sets(&world));
}

#[test]
fn the_shares_of_all_processes_are_told_and_what_evens_them_out_is_tried() {
    let (world, text) = explained(
        r#"
version = 1
title = "Uneven"
[run]
length = "30s"
replications = 2
[machine]
cores = 8
[world.gevent]
worker = "uwsgi-gevent"
processes = 4
greenlets = 100
[client.users]
rate = "200/s"
[request.page]
steps = [{ burn = "2ms" }, { sleep = "exp(30ms)" }]
"#,
    );
    let processes = world["processes"].as_array().expect("a list");
    let shares: Vec<f64> = processes.iter().map(|one| one["requests_share"].as_f64().expect("a number")).collect();
    assert!(shares.len() == 4 && shares[0] > 0.5 && (shares.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{shares:?}");
    assert!(text.contains("Requests by process, the busiest first: "), "{text}");
    let own = change(&world, &["world.gevent.reuse_port=true"]);
    let after = own["busiest_process_share"].as_f64().expect("a number");
    assert!(after < 0.3, "a quarter each: {after}");
}

#[test]
fn who_waits_for_a_worker_that_is_recycled_is_told_so_and_its_settings_are_tried() {
    let (world, text) = explained(
        r#"
version = 1
title = "Recycled with idle connections"
[run]
length = "60s"
drain = "120s"
replications = 1
[machine]
cores = 2
[world.gevent]
worker = "gunicorn-gevent"
max_requests = 20
keepalive = "75s"
graceful_timeout = "30s"
timeout = "60s"
[client.idlers]
clients = 3
total = 3
keep_alive = { timeout = "300s", connections = 3 }
[client.loop]
rate = "10/s"
arrivals = "fixed"
[request.page]
steps = [{ sleep = "50ms" }]
"#,
    );
    assert!(workers(&world, "stopping") > 0.9, "{}", p99(&world));
    assert!(text.contains("waited for a worker while that was stopping"), "{text}");
    assert!(!text.contains("the loop itself"), "{text}");
    assert!(world["nobody_accepted"]["longest_ns"].as_u64().expect("a number") > 29_000_000_000);
    for set in ["world.gevent.graceful_timeout=3s", "world.gevent.keepalive=7.5s"] {
        let cure = change(&world, &[set]);
        assert!(mean(&cure["p99_ratio"]) < 0.6, "{cure}");
    }
    change(&world, &["world.gevent.max_requests=80"]);
    change(&world, &["world.gevent.processes=2"]);
}

#[test]
fn workers_that_are_recycled_together_are_named_and_told_apart_by_jitter() {
    let (world, text) = explained(
        r#"
version = 1
title = "Recycled together"
[run]
length = "100s"
replications = 1
[machine]
cores = 4
[world.gthread]
worker = "gunicorn-gthread"
processes = 4
threads = 25
max_requests = 1000
max_requests_jitter = 50
boot = "3s"
[client.users]
rate = "100/s"
[request.page]
steps = [{ burn = "3ms" }, { sleep = "exp(50ms)" }]
"#,
    );
    assert_eq!(world["nobody_accepted"]["processes_at_once"], 4, "{text}");
    assert!(text.contains("after `max_requests`") && text.contains("nobody accepted at all"), "{text}");
    let jitter = change(&world, &["world.gthread.max_requests_jitter=1000"]);
    let (before, after) = (jitter["longest_ns_before"].as_f64(), jitter["longest_ns"].as_f64());
    assert!(after.expect("a number") < 0.5 * before.expect("a number"), "{jitter}");
}

#[test]
fn native_threads_that_are_all_taken_are_cured_by_more_of_them() {
    let (world, text) = explained(
        r#"
version = 1
title = "Ten threads resolve names"
[run]
length = "20s"
replications = 2
[machine]
cores = 2
[world.gevent]
worker = "gevent-loop"
[client.greenlets]
clients = 100
[peer.web]
network = "5ms"
[request.get]
steps = [{ offload = "exp(50ms)" }, { call = "web", takes = "20ms" }]
"#,
    );
    assert!(p99(&world)["shares"]["pool"].as_f64().expect("a number") > 0.5);
    assert!(text.contains("offload"), "{text}");
    let twice = change(&world, &["offload.threads=20"]);
    assert!(mean(&twice["p99_ratio"]) < 0.7, "{twice}");
}

#[test]
fn a_tool_that_blocks_the_loop_is_cured_by_taking_it_off() {
    let (world, text) = explained(
        r#"
version = 1
title = "Sync tools on the loop"
[run]
length = "300s"
replications = 1
[machine]
servers = 3
cores = 2
[balancer]
policy = "least-connections"
check = { request = "health", interval = "5s", timeout = "1s", fall = 3, rise = 1 }
[world.loop]
worker = "pywsgi"
listen = 2048
[offload]
threads = 40
[client.agents]
clients = 5
requests = ["query"]
think = "exp(20s)"
[client.maps]
rate = "10/s"
requests = ["tile"]
patience = "10s"
[request.query]
steps = [{ burn = "5ms" }, { sleep = "lognormal(30s, 200s)", blocking = true }]
[request.tile]
steps = [{ burn = "2ms" }, { offload = "20ms" }]
[request.health]
share = 0
steps = [{ burn = "100us" }]
"#,
    );
    assert!(text.contains("`query`: blocking sleep"), "{text}");
    let off = change(&world, &["request.query.steps.1={ offload = \"lognormal(30s, 200s)\" }"]);
    assert!(mean(&off["success_share_change"]) > 0.1, "{off}");
    let first = world["changes"][0]["set"][0].as_str().expect("text");
    assert!(first.starts_with("request.query.steps.1"), "it is the best of all: {:#?}", sets(&world));
}

#[test]
fn a_call_that_is_sometimes_slow_is_given_a_time_limit() {
    let (world, _) = explained(
        r#"
version = 1
title = "A slow dependency"
[run]
length = "60s"
replications = 2
[machine]
cores = 4
[world.threads]
worker = "uwsgi-threads"
threads = 40
[client.users]
rate = "20/s"
[peer.backend]
[request.page]
steps = [{ burn = "1ms" }, { call = "backend", takes = "lognormal(50ms, 2s)" }]
"#,
    );
    let limits =
        world["changes"].as_array().expect("a list").iter().filter(|change| {
            change["set"][0].as_str().is_some_and(|set| set.starts_with("request.page.steps.1.timeout="))
        });
    let limited: Vec<&Value> = limits.collect();
    assert_eq!(limited.len(), 1, "{:#?}", sets(&world));
    assert!(mean(&limited[0]["p99_ratio"]) < 0.5, "{}", limited[0]);
}

#[test]
fn where_requests_only_do_their_own_work_no_setting_is_said_to_act() {
    let text = r#"
version = 1
title = "Sleepers"
[run]
length = "20s"
replications = 1
[machine]
cores = 4
[world.threads]
worker = "uwsgi-threads"
threads = 40
[client.users]
rate = "5/s"
[request.page]
steps = [{ sleep = "100ms" }]
"#;
    let folder = tempfile::tempdir().expect("there is room for files");
    let file = folder.path().join("case.toml");
    std::fs::write(&file, text).expect("it can be written");
    let output = Command::new(crate::common::process::program()).arg("explain").arg(&file).output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("it is text");
    assert!(said.contains("No setting acts on it"), "{said}");
}
