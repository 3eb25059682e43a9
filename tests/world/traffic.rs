//! What stands between people and servers: balancers, retries, hedges, breakers, kept connections, slow readers, a proxy.

use crate::common::world::*;
use engine::Model;
use engine::law::Law;
use engine::model::*;
use engine::record::Ending;
use engine::time::{Span, Time};

fn at(seconds: u64) -> Time {
    Time::ZERO + secs(seconds)
}

/// Requests of 20 ms of sleep on `servers` servers of one thread each.
fn fleet(servers: u32, rate: f64, policy: Balancing) -> Model {
    let mut model = world(threads(1), 1, Steps::new().sleep(exponential(ms(20))), poisson(rate));
    model.hosts = (0..servers).map(|_| model.hosts[0].clone()).collect();
    model.listeners = (0..servers).map(|host| ListenerSpec { host, backlog: 1_000_000 }).collect();
    model.processes = (0..servers).map(|listener| ProcessSpec { listener, worker: 0 }).collect();
    model.balancer = policy.into();
    model.run.length = Some(secs(100));
    model
}

fn mean_ms(model: &Model) -> u64 {
    run(model).latency.mean().expect("good responses").as_ns() / 1_000_000
}

#[test]
fn the_fewest_connections_wait_least_two_choices_nearly_so_and_chance_most() {
    let wait = |policy| mean_ms(&fleet(10, 400.0, policy));
    let [least, two, turns, any] =
        [Balancing::LeastConnections, Balancing::TwoChoices, Balancing::RoundRobin, Balancing::Random].map(wait);
    assert!(least < two && two < turns && turns < any, "{least} {two} {turns} {any} ms");
    // M/M/1 at 80 % load: 20 ms / (1 - 0.8).
    assert!((85..=115).contains(&any), "{any} ms");
}

#[test]
fn a_hash_sends_a_key_to_one_server_and_many_keys_to_all() {
    let begun = |keys| run(&fleet(4, 20.0, Balancing::Hash { keys })).process_requests;
    let one = begun(1);
    assert_eq!(one.iter().filter(|&&begun| begun > 0).count(), 1, "{one:?}");
    let many = begun(100_000);
    assert!(many.iter().all(|&begun| begun > 300 && begun < 700), "{many:?}");
}

#[test]
fn weights_divide_the_requests() {
    for policy in [Balancing::RoundRobin, Balancing::Random] {
        let mut model = fleet(2, 20.0, policy);
        model.balancer.weights = vec![3, 1];
        let begun = run(&model).process_requests;
        let share = begun[0] * 100 / (begun[0] + begun[1]);
        assert!((72..=78).contains(&share), "{policy:?}: {begun:?}");
    }
}

fn retry(times: u32, budget_ppm: Option<u32>) -> Retry {
    let backoff = Backoff { first: ms(100), factor_milli: 2_000, max: secs(10), jitter: Jitter::Full };
    Retry {
        times,
        backoff,
        on_connect: true,
        on_refused: true,
        on_timeout: true,
        on_error: true,
        budget_ppm,
        reserve: 10,
    }
}

/// Every call fails from second 20 to second 30.
fn outage(retry: Option<Retry>) -> Model {
    let steps = Steps::new().call(0, Law::Fixed(ms(5)), None);
    let mut model = world(hub(1_000), 1, steps, poisson(100.0));
    model.peers[0].windows = vec![DegradedSpan { from: at(20), to: at(30), factor_milli: 1_000, fail_ppm: 1_000_000 }];
    model.run.length = Some(secs(60));
    edit_client(&mut model, |client| client.retry = retry.clone());
    model
}

#[test]
fn an_outage_with_three_retries_multiplies_the_load_and_a_budget_does_not_let_it() {
    let sent = |retry| {
        let record = run(&outage(retry));
        let outage: u64 = record.series.sent[22..30].iter().sum();
        (outage, record.users.served, record.resilience.retries)
    };
    let (calm, _, none) = sent(None);
    let (storm, _, _) = sent(Some(retry(3, None)));
    let (held, _, retries) = sent(Some(retry(3, Some(100_000))));
    assert_eq!(none, 0);
    assert!(storm > calm * 35 / 10, "{calm} without, {storm} with retries");
    assert!(held < calm * 115 / 100, "{calm} without, {held} with a budget");
    assert!(retries < 130, "{retries}");
}

#[test]
fn retries_that_are_spread_out_serve_those_whom_a_short_failure_hit() {
    let mut model = outage(Some(retry(8, None)));
    model.peers[0].windows[0].to = at(21);
    let with = run(&model).users;
    edit_client(&mut model, |client| client.retry = None);
    let without = run(&model).users;
    assert_eq!(with.came, without.came);
    assert!(without.served + 50 < without.came);
    assert!(with.served > with.came - 10, "{with:?}");
}

#[test]
fn bursts_keep_their_mean_rate_and_make_the_same_load_wait_longer() {
    let mut model = fleet(1, 10.0, Balancing::RoundRobin);
    model.run.length = Some(secs(4_000));
    // Ten a second for 18 s, a hundred for 2 s: 19 a second on average.
    let bursts = Bursts { factor: 10.0, on: exponential(secs(2)), off: exponential(secs(18)) };
    edit_client(&mut model, |client| client.bursts = Some(bursts));
    let bursty = run(&model);
    edit_client(&mut model, |client| {
        client.bursts = None;
        client.arrivals = poisson(19.0);
    });
    let even = run(&model);
    let ratio = bursty.users.came * 100 / even.users.came;
    assert!((90..=110).contains(&ratio), "{} against {}", bursty.users.came, even.users.came);
    assert!(bursty.latency.mean() > even.latency.mean().map(|mean| mean * 10));
}

#[test]
fn a_trace_is_followed_to_the_nanosecond() {
    let mut model = fleet(1, 1.0, Balancing::RoundRobin);
    model.run.step = ms(1);
    model.run.length = Some(secs(1));
    let instants = [3, 3, 500].map(|ms| Time::ZERO + Span::from_ms(ms));
    edit_client(&mut model, |client| client.arrivals = Arrivals::Trace(instants.into()));
    let sent = run(&model).series.sent;
    assert_eq!((sent[2], sent[3], sent[4], sent[500]), (0, 2, 0, 1));
}

#[test]
fn a_second_copy_cuts_the_tail_and_is_paid_for_by_the_servers() {
    // One request in a hundred or so takes very long by its own luck; its copy has other luck.
    let long = Law::lognormal(ms(10), ms(300)).expect("a law");
    let mut model = world(hub(10_000), 4, Steps::new().sleep(long), poisson(100.0));
    model.run.length = Some(secs(100));
    let alone = run(&model);
    edit_client(&mut model, |client| client.hedge = Some(Hedge { after: HedgeAfter::Quantile(950_000) }));
    let hedged = run(&model);
    let p99 = |record: &engine::RunRecord| record.latency.quantile(0.99).expect("responses");
    assert!(p99(&hedged) * 2 < p99(&alone), "{} against {}", p99(&hedged), p99(&alone));
    assert_eq!(hedged.users.came, hedged.endings[Ending::Ok as usize], "each request ends once");
    let share = hedged.resilience.hedges * 1_000 / hedged.users.came;
    assert!((30..=70).contains(&share), "{share} per mille were sent twice");
    let wasted = hedged.wasted.requests * 100 / hedged.resilience.hedges;
    assert!((95..=100).contains(&wasted), "one copy of each pair was for nobody, but for dead heats: {wasted} %");
}

#[test]
fn a_breaker_in_the_process_fails_fast_and_gives_the_slots_back() {
    // From second 20 to second 40 every call times out after a second, and ten threads are soon all waiting.
    let steps = || Steps::new().call(0, Law::Fixed(ms(10)), Some(secs(1)));
    for worker in [threads(10), hub(10)] {
        let mut model = world(worker, 2, steps(), poisson(50.0));
        model.peers[0].windows = vec![DegradedSpan { from: at(20), to: at(40), factor_milli: 1_000_000, fail_ppm: 0 }];
        model.run.length = Some(secs(60));
        edit_client(&mut model, |client| client.read_timeout = Some(secs(2)));
        let without = run(&model);
        model.peers[0].breaker = Some(BreakerSpec { failures: 5, window: None, open: secs(2) });
        let with = run(&model);
        let busiest = |record: &engine::RunRecord| record.series.slots_ppm[22..40].iter().sum::<u64>() / 18;
        assert!(busiest(&without) > 990_000, "{}", busiest(&without));
        assert!(busiest(&with) < 200_000, "{}", busiest(&with));
        assert!(with.resilience.failed_fast > 500);
        let good = |record: &engine::RunRecord| record.endings[Ending::Ok as usize];
        assert!(good(&with) > 1_800 && good(&with) + 150 > good(&without), "{} {}", good(&with), good(&without));
    }
}

#[test]
fn a_client_with_an_open_breaker_sends_nothing() {
    let mut model = outage(None);
    edit_client(&mut model, |client| {
        client.breaker = Some(BreakerSpec { failures: 5, window: None, open: secs(1) });
    });
    let record = run(&model);
    assert!(record.process_requests[0] < 5_200, "{:?}", record.process_requests);
    assert!(record.resilience.failed_fast > 800);
    assert_eq!(record.users.came, record.endings.iter().sum::<u64>());
}

/// Five clients that ask, read for 500 ms and ask again.
fn keeping(kind: WorkerKind, keep_alive: Option<Span>) -> Model {
    let closed = Arrivals::Closed { clients: 5, requests: Some(200), think: Law::Fixed(ms(500)) };
    let worker = WorkerSpec { kind, keep_alive, ..threads(1) };
    let mut model = world(worker, 2, Steps::new().sleep(Law::Fixed(ms(20))), closed);
    edit_client(&mut model, |client| {
        client.network = ms(1);
        client.keep_alive = Some(KeepAlive { requests: 1_000, timeout: secs(60), connections: 100 });
    });
    model
}

const HUB: WorkerKind = WorkerKind::Hub { greenlets: 5, accepts: 100, full: WhenFull::Stop };
const POOL: WorkerKind = WorkerKind::Pool { threads: 5, connections: 100, closes: false };

#[test]
fn a_request_over_a_kept_connection_needs_no_handshake() {
    for kind in [HUB, POOL] {
        let kept = run(&keeping(kind, Some(secs(2)))).latency.quantile(0.5).expect("responses");
        let closed = run(&keeping(kind, None)).latency.quantile(0.5).expect("responses");
        let saved = closed.as_ns() - kept.as_ns();
        assert!((1_900_000..=2_100_000).contains(&saved), "{kind:?}: {closed} against {kept}");
    }
}

#[test]
fn an_idle_kept_connection_takes_a_greenlet_and_no_thread() {
    let busy = |kind| run(&keeping(kind, Some(secs(2)))).slots_ppm;
    assert!(busy(HUB) > 900_000, "{}", busy(HUB));
    assert!(busy(POOL) < 100_000, "{}", busy(POOL));
}

#[test]
fn greenlets_held_by_idle_connections_keep_a_sixth_client_waiting_until_the_server_closes_one() {
    let mut model = keeping(HUB, Some(secs(2)));
    edit_client(&mut model, |client| {
        client.arrivals = Arrivals::Closed { clients: 6, requests: Some(6), think: Law::Fixed(secs(1)) };
    });
    let slowest = run(&model).latency.max().expect("responses");
    assert!(slowest > secs(2) && slowest < ms(2_100), "{slowest}");
    model.workers[0].kind = POOL;
    let slowest = run(&model).latency.max().expect("responses");
    assert!(slowest < ms(50), "a thread is free: {slowest}");
}

#[test]
fn a_thread_that_accepts_for_itself_closes_every_connection() {
    let record = run(&keeping(WorkerKind::Threads { threads: 5 }, Some(secs(2))));
    assert_eq!(record.endings[Ending::Ok as usize], 200);
    let median = record.latency.quantile(0.5).expect("responses");
    assert!((ms(24)..ms(24) + Span::from_us(1)).contains(&median), "{median}");
}

/// A page of 500 kB for readers of 50 kB a second: ten seconds, of which 8.26 s hold the writer.
fn slow_readers(worker: WorkerSpec) -> Model {
    let mut model = world(worker, 1, Steps::new().sleep(Law::Fixed(ms(10))), poisson(2.0));
    let mut class = model.classes[0].clone();
    class.body_bytes = 500_000;
    model.classes = [class].into();
    model.run.length = Some(secs(120));
    edit_client(&mut model, |client| client.download = Some(50_000));
    model
}

fn proxy() -> ProxySpec {
    ProxySpec {
        latency: Span::ZERO,
        network: Span::ZERO,
        connect_timeout: secs(60),
        read_timeout: secs(60),
        buffer: true,
        keep_alive: None,
        tries: 1,
        on_connect: true,
        on_refused: true,
        on_timeout: true,
        on_error: false,
        ejection: None,
    }
}

#[test]
fn a_slow_reader_holds_a_thread_and_a_proxy_that_buffers_frees_it() {
    let mut model = slow_readers(threads(10));
    let direct = run(&model);
    model.proxy = Some(proxy());
    let buffered = run(&model);
    model.proxy = Some(ProxySpec { buffer: false, ..proxy() });
    let unbuffered = run(&model);
    let median = |record: &engine::RunRecord| record.latency.quantile(0.5).expect("responses");
    assert!(direct.slots_ppm > 950_000 && unbuffered.slots_ppm > 950_000);
    assert!(median(&direct) > secs(30), "two a second need 17 threads: {}", median(&direct));
    assert!(buffered.slots_ppm < 10_000, "{}", buffered.slots_ppm);
    assert!(median(&buffered) < ms(10_100), "{}", median(&buffered));
}

#[test]
fn under_a_hub_a_slow_reader_holds_a_greenlet_and_nobody_else() {
    let record = run(&slow_readers(hub(1_000)));
    let median = record.latency.quantile(0.5).expect("responses");
    assert!(median < ms(10_100), "{median}");
    assert!(record.slots_ppm > 10_000, "17 of 1,000: {}", record.slots_ppm);
}

#[test]
fn a_reader_who_leaves_ends_the_write() {
    for worker in [threads(10), hub(10)] {
        let mut model = slow_readers(worker);
        edit_client(&mut model, |client| client.read_timeout = Some(secs(1)));
        let record = run(&model);
        assert_eq!(record.endings[Ending::ReadTimeout as usize], record.users.came);
        assert!(record.slots_ppm < 300_000, "two a second for a second each: {}", record.slots_ppm);
    }
}

/// Two servers behind a proxy, of which the first takes a hundred times as long.
fn one_sick(edit: impl FnOnce(&mut ProxySpec)) -> Model {
    let mut model = fleet(2, 20.0, Balancing::RoundRobin);
    let sick = WorkerSpec { costs: Costs { request: secs(2), ..Costs::default() }, ..threads(1) };
    model.workers.push(sick);
    model.processes[0].worker = 1;
    let mut spec = ProxySpec { read_timeout: ms(500), ..proxy() };
    edit(&mut spec);
    model.proxy = Some(spec);
    model
}

fn good_percent(model: &Model) -> u64 {
    let record = run(model);
    record.endings[Ending::Ok as usize] * 100 / record.endings.iter().sum::<u64>()
}

#[test]
fn a_proxy_asks_the_next_server_and_leaves_a_bad_one_alone() {
    assert!(good_percent(&one_sick(|_| ())) <= 55);
    assert!(good_percent(&one_sick(|proxy| proxy.tries = 2)) >= 99);
    let ejecting = one_sick(|proxy| proxy.ejection = Some(Ejection { fails: 1, period: secs(10) }));
    assert!(good_percent(&ejecting) >= 90);
    let record = run(&ejecting);
    assert!(record.resilience.ejections >= 5, "{:?}", record.resilience);
    assert!(record.process_requests[0] * 10 < record.process_requests[1]);
}

#[test]
fn health_checks_take_out_a_server_that_does_not_answer_and_count_as_no_requests() {
    let mut model = one_sick(|_| ());
    model.proxy = None;
    let spec = HealthCheck { interval: secs(1), timeout: ms(500), rise: 2, fall: 3, class: 0 };
    model.balancer.check = Some(spec);
    let mut clients = model.clients.to_vec();
    clients.push(ClientSpec { name: "check".into(), arrivals: Arrivals::Trace([].into()), ..clients[0].clone() });
    model.clients = clients.into();
    edit_client(&mut model, |client| client.read_timeout = Some(secs(1)));
    let record = run(&model);
    assert_eq!(record.users.came, record.endings.iter().sum::<u64>());
    let good = record.endings[Ending::Ok as usize] * 100 / record.users.came;
    assert!(good >= 90, "{good} %");
    assert!(record.resilience.ejections >= 1);
}

#[test]
fn when_no_server_is_left_the_balancer_says_so_within_one_round_trip() {
    let mut model = one_sick(|_| ());
    (model.proxy, model.processes[1].worker) = (None, 1);
    model.balancer.check = Some(HealthCheck { interval: secs(1), timeout: ms(500), rise: 2, fall: 1, class: 0 });
    let mut clients = model.clients.to_vec();
    clients.push(ClientSpec { name: "check".into(), arrivals: Arrivals::Trace([].into()), ..clients[0].clone() });
    model.clients = clients.into();
    edit_client(&mut model, |client| client.network = ms(30));
    let record = run(&model);
    let failed = record.endings[Ending::Failed as usize];
    assert!(failed > 50, "{:?}", record.endings);
    assert_eq!(record.classes[0].lost.iter().copied().sum::<Span>(), ms(60) * failed, "there and back, 30 ms each");
}

#[test]
fn a_proxy_that_keeps_connections_spares_the_handshake_to_the_servers() {
    let direct = |keep_alive| {
        let mut model = keeping(HUB, Some(secs(2)));
        edit_client(&mut model, |client| client.keep_alive = None);
        model.proxy = Some(ProxySpec { network: ms(3), keep_alive, ..proxy() });
        run(&model).latency.quantile(0.5).expect("responses")
    };
    let keep = KeepAlive { requests: 1_000, timeout: secs(60), connections: 32 };
    let saved = direct(None).as_ns() - direct(Some(keep)).as_ns();
    assert!((5_900_000..=6_100_000).contains(&saved), "{saved} ns");
}

#[test]
fn whatever_is_combined_everybody_ends_once_runs_repeat_and_both_worlds_see_the_same_people() {
    let keep = KeepAlive { requests: 7, timeout: ms(300), connections: 20 };
    let policies =
        [Balancing::Random, Balancing::TwoChoices, Balancing::Hash { keys: 50 }, Balancing::LeastConnections];
    for bits in 0..64u32 {
        let has = |bit: u32| bits >> bit & 1 == 1;
        let mut births = Vec::new();
        for worker in [threads(4), hub(4), WorkerSpec { kind: POOL, ..threads(4) }] {
            let mut model = world(worker, 2, Steps::new().call(0, exponential(ms(40)), Some(ms(150))), poisson(120.0));
            model.workers[0].keep_alive = Some(ms(200));
            model.hosts.push(model.hosts[0].clone());
            model.listeners = (0..2).map(|host| ListenerSpec { host, backlog: 3 }).collect();
            model.processes = (0..2).map(|listener| ProcessSpec { listener, worker: 0 }).collect();
            model.run.length = Some(secs(5));
            model.balancer = policies[bits as usize % 4].into();
            model.peers[0].windows =
                vec![DegradedSpan { from: at(1), to: at(3), factor_milli: 3_000, fail_ppm: 300_000 }];
            model.peers[0].breaker =
                has(0).then_some(BreakerSpec { failures: 8, window: Some(secs(1)), open: ms(300) });
            let ejection = Some(Ejection { fails: 3, period: ms(500) });
            let limits = ProxySpec { connect_timeout: ms(200), read_timeout: ms(120), network: ms(1), ..proxy() };
            let spec = ProxySpec { tries: 2, on_error: true, ejection, keep_alive: has(2).then_some(keep), ..limits };
            model.proxy = has(1).then_some(spec);
            let mut class = model.classes[0].clone();
            class.body_bytes = 100_000;
            model.classes = [class].into();
            edit_client(&mut model, |client| {
                client.keep_alive = (has(2) && !has(1)).then_some(keep);
                client.hedge = has(3).then_some(Hedge { after: HedgeAfter::Delay(ms(60)) });
                client.retry = has(4).then(|| retry(2, Some(300_000)));
                client.download = has(5).then_some(2_000_000);
                client.network = ms(1);
                client.read_timeout = Some(ms(400));
                client.patience = Some(exponential(ms(600)));
                client.refresh = Some(Refresh { ppm: 500_000, pause: Law::Fixed(ms(50)), times: 2 });
            });
            let record = run(&model);
            let sent = record.users.came + record.users.refreshes + record.resilience.retries;
            assert_eq!(sent, record.endings.iter().sum::<u64>(), "{bits:06b}");
            assert_eq!(record.endings[Ending::Unfinished as usize], 0, "{bits:06b}");
            assert_eq!(record.fingerprint, run(&model).fingerprint, "{bits:06b}");
            births.push(record.births_fingerprint);
        }
        assert!(births.windows(2).all(|pair| pair[0] == pair[1]), "{bits:06b}");
    }
}
