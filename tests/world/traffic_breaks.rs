//! What clients, proxies and kept connections make of servers that refuse, die, or see to a connection late.

use std::sync::Arc;

use crate::common::world::*;
use engine::RunRecord;
use engine::kernel::{Outage, Ports};
use engine::law::Law;
use engine::model::*;
use engine::record::Ending;
use engine::time::{Span, Time};
use engine::worker::LifeSpec;

const GTHREAD: WorkerKind = WorkerKind::Pool { threads: 5, connections: 100, closes: true };
const HUB: WorkerKind = WorkerKind::Hub { greenlets: 5, accepts: 100, full: WhenFull::Stop };

fn ended(record: &RunRecord, ending: Ending) -> u64 {
    record.endings[ending as usize]
}

fn median_ms(record: &RunRecord) -> u64 {
    record.latency.quantile(0.5).expect("responses").as_ns() / 1_000_000
}

fn down(from: u64, to: u64, server: Option<u32>) -> Vec<Outage> {
    let at = |seconds| Time::ZERO + secs(seconds);
    vec![Outage { from: at(from), to: at(to), server }]
}

fn retry(on_refused: bool) -> Retry {
    let backoff = Backoff { first: ms(300), factor_milli: 2_000, max: secs(10), jitter: Jitter::None };
    let (on_connect, on_timeout, on_error) = (true, true, false);
    Retry { times: 4, backoff, on_connect, on_refused, on_timeout, on_error, budget_ppm: None, reserve: 0 }
}

#[test]
fn who_is_refused_comes_again_only_if_refusals_are_retried() {
    let outcome = |on_refused| {
        let mut model = world(threads(10), 1, Steps::new().sleep(Law::Fixed(ms(10))), poisson(50.0));
        model.run.length = Some(secs(20));
        model.kernel.down = down(5, 7, None);
        edit_client(&mut model, |client| client.retry = Some(retry(on_refused)));
        let record = run(&model);
        (record.users.came - record.users.served, record.resilience.retries)
    };
    let (lost, retries) = outcome(false);
    assert!(lost > 70 && retries == 0, "a hundred came while nobody listened: {lost}, {retries}");
    let (lost, retries) = outcome(true);
    assert!(lost == 0 && retries > 150, "0.3 + 0.6 + 1.2 s of pauses outlast two seconds: {lost}, {retries}");
}

/// Two servers behind a proxy, of which the second does not listen.
fn half_down(edit: impl FnOnce(&mut ProxySpec)) -> RunRecord {
    let mut model = world(threads(10), 1, Steps::new().sleep(Law::Fixed(ms(10))), poisson(50.0));
    model.hosts.push(model.hosts[0].clone());
    model.listeners = (0..2).map(|host| ListenerSpec { host, backlog: 100 }).collect();
    model.processes = (0..2).map(|listener| ProcessSpec { listener, worker: 0 }).collect();
    model.run.length = Some(secs(20));
    model.kernel.down = down(0, 100, Some(1));
    let mut proxy = ProxySpec {
        latency: Span::ZERO,
        network: ms(1),
        connect_timeout: secs(60),
        read_timeout: secs(60),
        buffer: true,
        keep_alive: None,
        tries: 2,
        on_connect: true,
        on_refused: true,
        on_timeout: true,
        on_error: false,
        ejection: None,
    };
    edit(&mut proxy);
    model.proxy = Some(proxy);
    run(&model)
}

#[test]
fn a_proxy_asks_the_next_server_when_one_refuses_and_answers_with_an_error_if_it_may_not() {
    let next = half_down(|_| ());
    assert_eq!(ended(&next, Ending::Ok), next.users.came);
    let slowest = next.latency.max().expect("responses");
    assert!(slowest > ms(13) && slowest < ms(20), "a refusal takes one round trip: {slowest}");
    let none = half_down(|proxy| proxy.on_refused = false);
    let share = ended(&none, Ending::Failed) * 100 / none.users.came;
    assert!((48..=52).contains(&share), "a 502, not a refused connection: {share} %");
    assert_eq!(ended(&none, Ending::Refused), 0);
}

/// Five clients that ask, read for 100 ms and ask again.
fn five(worker: WorkerSpec, keep_alive: Option<Span>) -> Model {
    let closed = Arrivals::Closed { clients: 5, requests: Some(200), think: Law::Fixed(ms(100)) };
    let worker = WorkerSpec { keep_alive, ..worker };
    let mut model = world(worker, 2, Steps::new().sleep(Law::Fixed(ms(20))), closed);
    edit_client(&mut model, |client| {
        client.network = ms(1);
        client.keep_alive = Some(KeepAlive { requests: 1_000, timeout: secs(60), connections: 100 });
    });
    model
}

#[test]
fn a_kept_connection_keeps_its_port_and_closed_ones_run_out_of_them() {
    for kind in [HUB, GTHREAD] {
        let outcome = |keep_alive| {
            let mut model = five(WorkerSpec { kind, ..threads(1) }, keep_alive);
            let ports = Ports {
                count: 7,
                closes_first: true,
                lingers: Ports::TIME_WAIT,
                lingering_most: Ports::TIME_WAIT_MOST,
            };
            edit_client(&mut model, |client| client.ports = Some(ports));
            let record = run(&model);
            (ended(&record, Ending::Ok), ended(&record, Ending::NoPort), record.kernel.ports_peak)
        };
        assert_eq!(outcome(Some(secs(2))), (200, 0, 5), "{kind:?}");
        assert_eq!(outcome(None), (7, 193, 7), "{kind:?}");
    }
}

#[test]
fn a_response_over_a_kept_connection_does_not_wait_for_the_thread_that_closes() {
    // The accepting thread needs 5 ms for each connection that a serving thread is done with.
    let outcome = |keep_alive| {
        let costs = Costs { close: ms(5), ..Costs::default() };
        let worker = WorkerSpec { kind: GTHREAD, costs, lingers: true, ..threads(1) };
        let mut model = five(worker, keep_alive);
        edit_client(&mut model, |client| {
            client.arrivals = Arrivals::Closed { clients: 1, requests: Some(100), think: Law::Fixed(ms(100)) };
        });
        let record = run(&model);
        (median_ms(&record), record.process_cpu[0])
    };
    let (kept, cpu) = outcome(Some(secs(2)));
    assert_eq!(kept, 22, "there and back, and 20 ms");
    assert!(cpu > ms(490), "it is put back into the poller all the same: {cpu}");
    let (closed, cpu) = outcome(None);
    assert_eq!(closed, 29, "a handshake and a close longer");
    assert!((ms(500)..ms(501)).contains(&cpu), "a hundred closes: {cpu}");
}

#[test]
fn what_comes_before_the_connection_is_back_in_the_poller_is_read_then() {
    let costs = Costs { close: ms(50), ..Costs::default() };
    let mut model = five(WorkerSpec { kind: GTHREAD, costs, ..threads(1) }, Some(secs(2)));
    edit_client(&mut model, |client| {
        client.arrivals = Arrivals::Closed { clients: 1, requests: Some(100), think: Law::Fixed(Span::ZERO) };
    });
    // The next request is there 2 ms after the response has left, and waits for another 48 ms.
    assert_eq!(median_ms(&run(&model)), 70);
}

#[test]
fn a_killed_process_takes_its_idle_connections_along_and_their_clients_connect_anew() {
    for kind in [HUB, GTHREAD] {
        let life = LifeSpec {
            looks: Span::from_secs(1),
            reaps: Span::ZERO,
            timeout: None,
            harakiri: Some(secs(2)),
            max_requests: None,
            graceful_timeout: secs(30),
            boot: Span::ZERO,
            lifetime_least: Span::ZERO,
            forkbomb_delay: Span::ZERO,
            dies_of_emfile: false,
        };
        let worker = WorkerSpec { kind, life: Some(life), ..threads(1) };
        let mut model = five(worker, Some(secs(10)));
        // One request takes for ever; the others are done in a moment, long before it is killed.
        let (program, sites) = Steps::new().sleep(Law::Fixed(secs(100))).compile();
        let class = ClassSpec { name: "stuck".into(), program: 1, sites, ..model.classes[0].clone() };
        let stuck = Arrivals::Trace([Time::ZERO + ms(500)].into());
        let client = ClientSpec { name: "other".into(), classes: vec![1], arrivals: stuck, ..model.clients[0].clone() };
        model.programs = Arc::new([model.programs[0].clone(), program]);
        model.classes = Arc::new([model.classes[0].clone(), class]);
        model.clients = Arc::new([model.clients[0].clone(), client]);
        edit_client(&mut model, |client| {
            client.arrivals = Arrivals::Closed { clients: 3, requests: Some(6), think: Law::Fixed(ms(4_000)) };
        });
        let record = run(&model);
        assert_eq!(record.workers.harakiris, 1, "{kind:?}");
        assert_eq!((ended(&record, Ending::Ok), ended(&record, Ending::Reset)), (6, 1), "{kind:?}");
        // Over a kept connection it would have been 22 ms.
        assert_eq!(median_ms(&record), 24, "all six needed a handshake: {kind:?}");
        assert_eq!(record.latency.quantile(0.01).map(|least| least.as_ns() / 1_000_000), Some(24), "{kind:?}");
    }
}
