//! What workers do while connections wait for them: it adds up, it changes nothing, and it names what held them up.

use engine::door::Meanwhile;
use engine::record::{Ending, RunRecord, Wait};
use engine::{Model, Replication, Seed};

/// The worlds of a scenario.
fn models(text: &str) -> Vec<Model> {
    let parsed = scenario::parse(text, "test.toml", &[]).unwrap_or_else(|found| panic!("{found:?}"));
    scenario::compile(&parsed, &mut |_| Err("no file".to_owned())).unwrap_or_else(|found| panic!("{found:?}")).models
}

fn at_the_door(model: &Model) -> RunRecord {
    engine::run_at_the_door(model, Seed(3), Replication(0)).expect("it runs to its end")
}

/// What was waited for workers, in all classes together.
fn parts(record: &RunRecord) -> [u64; Meanwhile::KINDS] {
    let mut all = [0; Meanwhile::KINDS];
    for class in &record.door.classes {
        for (sum, part) in all.iter_mut().zip(class.rows.total()) {
            *sum += part.as_ns();
        }
    }
    all
}

fn part(record: &RunRecord, which: impl Fn(Meanwhile) -> bool) -> f64 {
    let all = parts(record);
    let some: u64 = Meanwhile::all().filter(|&of| which(of)).map(|of| all[of.index()]).sum();
    some as f64 / all.iter().sum::<u64>().max(1) as f64
}

const BASE: &str = r#"
version = 1
title = "t"
[run]
length = "40s"
drain = "200s"
[machine]
cores = 2
somaxconn = 1024
"#;

/// Servers of every kind under more than they can do for a while, with all that keeps them from accepting.
fn busy_worlds() -> Vec<Model> {
    // Half as long is long enough for every process to be replaced once.
    let base = BASE.replace("40s", "20s");
    models(&format!(
        r#"{base}
[world.sync]
worker = "gunicorn-sync"
processes = 3
max_requests = 50
boot = "700ms"
[world.gthread]
worker = "gunicorn-gthread"
processes = 2
threads = 3
connections = 20
max_requests = 90
[world.gevent]
worker = "gunicorn-gevent"
processes = 2
greenlets = 4
max_requests = 70
keepalive = "5s"
graceful_timeout = "3s"
[world.reuse-port]
worker = "uwsgi-gevent"
processes = 3
greenlets = 2
reuse_port = true
[client.users]
rate = "30/s"
patience = "lognormal(2s, 8s)"
[client.idlers]
clients = 3
think = "exp(3s)"
keep_alive = {{ timeout = "60s" }}
[request.page]
steps = [{{ burn = "3ms" }}, {{ sleep = "exp(80ms)" }}]
[request.hog]
share = 0.02
steps = [{{ burn = "300ms" }}]
"#
    ))
}

#[test]
fn a_run_is_the_same_whether_somebody_stands_at_the_doors_or_not() {
    for model in busy_worlds() {
        let plain = engine::run(&model, Seed(3), Replication(0)).expect("it runs to its end");
        let watched = at_the_door(&model);
        assert_eq!((plain.events, plain.fingerprint), (watched.events, watched.fingerprint), "{}", model.name);
        assert_eq!(plain.endings, watched.endings);
        assert!(plain.door.classes.is_empty() && !watched.door.classes.is_empty());
    }
}

/// Who accepts and serves at once leaves no time between the queue and the service: what is told of the doors is the wait in the queue.
/// A pool server's requests may wait for a thread as well, before they are served and after.
#[test]
fn what_workers_did_adds_up_to_the_wait_for_them() {
    for model in busy_worlds() {
        let record = at_the_door(&model);
        let all: u64 = parts(&record).iter().sum();
        let bill = |wait: Wait| record.classes.iter().map(|class| class.blame[wait as usize].as_ns()).sum::<u64>();
        let (queue, slot) = (bill(Wait::Backlog), bill(Wait::Slot));
        assert!(queue + slot > 1_000_000_000, "{}: {queue} {slot}", model.name);
        match model.name.as_str() {
            "gthread" => assert!((queue..=queue + slot).contains(&all), "{}: {all} of {queue} and {slot}", model.name),
            _ => assert_eq!(all, queue, "{}", model.name),
        }
    }
}

#[test]
fn a_worker_that_is_full_is_told_by_what_its_requests_wait_for() {
    let of = |steps: &str| {
        let text = format!(
            "{BASE}[world.threads]\nworker = \"uwsgi-threads\"\nthreads = 4\n[client.users]\nclients = 12\n\
             [peer.db]\n[request.page]\nsteps = [{steps}]\n"
        );
        at_the_door(&models(&text)[0])
    };
    let sleeps = of("{ sleep = \"200ms\" }");
    assert!(part(&sleeps, |of| of == Meanwhile::Full(Wait::Timer)) > 0.95, "{:?}", parts(&sleeps));
    let calls = of("{ call = \"db\", takes = \"200ms\" }");
    assert!(part(&calls, |of| of == Meanwhile::Full(Wait::Peer)) > 0.95, "{:?}", parts(&calls));
}

#[test]
fn a_worker_that_is_replaced_is_stopping_and_then_booting_and_is_not_held_by_its_loop() {
    let text = format!(
        r#"{BASE}
[world.gevent]
worker = "gunicorn-gevent"
max_requests = 60
keepalive = "60s"
graceful_timeout = "9s"
boot = "1s"
timeout = "60s"
[client.idler]
clients = 1
total = 1
keep_alive = {{ timeout = "300s" }}
[client.loop]
rate = "5/s"
arrivals = "fixed"
[request.page]
steps = [{{ sleep = "50ms" }}]
"#
    );
    let record = at_the_door(&models(&text)[0]);
    assert!(part(&record, Meanwhile::is_shut) > 0.95, "{:?}", parts(&record));
    let (stopping, booting) =
        (part(&record, |of| of == Meanwhile::Stopping), part(&record, |of| of == Meanwhile::Booting));
    assert!(stopping > 3.0 * booting && booting > 0.01, "{stopping} {booting}");
    let shut = record.door.shut;
    assert!(shut.most == 1 && shut.times >= 1 && shut.longest.as_secs_f64() > 9.0, "{shut:?}");
    // Nobody was kept waiting by anything that ran on a hub.
    let held = record.hub_blame.waited.as_secs_f64();
    let waited = record.classes[0].blame[Wait::Backlog as usize].as_secs_f64();
    assert!(held < 0.05 * waited, "{held} of {waited}");
}

#[test]
fn a_worker_whose_greenlets_all_belong_to_idle_connections_is_full_of_nobody() {
    let text = format!(
        r#"{BASE}
[world.gevent]
worker = "gunicorn-gevent"
greenlets = 3
keepalive = "8s"
[client.idlers]
clients = 3
total = 3
keep_alive = {{ timeout = "300s", connections = 3 }}
[client.later]
clients = 1
total = 2
think = "1s"
[request.page]
steps = [{{ sleep = "50ms" }}]
"#
    );
    let record = at_the_door(&models(&text)[0]);
    assert_eq!(record.endings[Ending::Ok as usize], 5);
    assert!(part(&record, |of| of == Meanwhile::FullOfIdle) > 0.9, "{:?}", parts(&record));
}

#[test]
fn what_native_threads_do_for_a_request_is_service_and_the_wait_for_one_is_not() {
    let text = format!(
        r#"{BASE}
[world.hub]
worker = "pywsgi"
[offload]
threads = 2
[client.users]
clients = 6
total = 60
[request.page]
steps = [{{ offload = "100ms" }}]
"#
    );
    let record = &at_the_door(&models(&text)[0]);
    let class = &record.classes[0];
    let seconds = |wait: Wait| class.blame[wait as usize].as_secs_f64();
    assert!((seconds(Wait::Timer) - 6.0).abs() < 0.1, "sixty times 100 ms: {}", seconds(Wait::Timer));
    assert!(seconds(Wait::Pool) > 10.0, "six share two threads: {}", seconds(Wait::Pool));
    assert!(seconds(Wait::Lock) < 0.001);
    let slowdown = class.slowdown.mean().expect("there are responses");
    assert!((2.5..3.5).contains(&slowdown), "{slowdown}");
    assert!(class.slowdown.jain().expect("there are responses") > 0.9);
    let pool = record.pools.iter().find(|pool| pool.name == "hub threadpool").expect("it is one");
    assert!(pool.waits.count >= 54, "{pool:?}");
}

#[test]
fn the_only_server_is_not_counted_as_left_alone() {
    let of = |servers: u32| {
        let text = format!(
            "{BASE}[world.threads]\nworker = \"uwsgi-threads\"\nthreads = 2\nservers = {servers}\n[proxy]\nread_timeout = \"1s\"\n\
             [client.users]\nrate = \"2/s\"\n[request.page]\nsteps = [{{ sleep = \"2s\" }}]\n"
        );
        at_the_door(&models(&text)[0]).resilience.ejections
    };
    assert_eq!(of(1), 0);
    assert!(of(2) > 0);
}
