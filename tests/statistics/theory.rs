//! The theory panel: where it claims a law, the engine agrees; where it claims none, it says why; its bounds hold.
//!
//! Every world runs 20 replications after a warm-up of a tenth. An exact law agrees within three standard errors; an approximation
//! may be off by what its own literature allows, said at each.

use crate::common::world;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::common::world::*;
use engine::kernel::TcpMem;
use engine::law::Law;
use engine::model::*;
use engine::op::DrawKind;
use engine::record::RunRecord;
use engine::time::{Span, Time};
use lab::Summary;
use lab::theory::{Claim, Refusal, TheoryPanel, panel};

const SERVICE: Span = Span::from_ms(100);

fn panel_of(model: &mut Model, length: u64) -> TheoryPanel {
    model.run.length = Some(secs(length));
    model.run.warm_up = secs(length / 10);
    model.run.step = secs(length);
    let records: Vec<RunRecord> = (0..20).map(|replication| run_seed(model, replication)).collect();
    let panel = panel(model, &Summary::of(&records));
    let bound = panel.bound.as_ref().expect("the needs are known");
    assert_eq!(bound.holds(), Some(true), "{panel:#?}");
    panel
}

fn claimed(model: &mut Model, length: u64, law: &str) -> Claim {
    let claim = panel_of(model, length).law.expect("a law applies");
    assert!(claim.law.starts_with(law), "{}", claim.law);
    claim
}

fn assert_exact(model: &mut Model, length: u64, law: &str) {
    let claim = claimed(model, length, law);
    assert_eq!(claim.approximation, None);
    assert!(claim.predictions.len() >= 2);
    for prediction in &claim.predictions {
        assert_eq!(prediction.agrees(), Some(true), "{law}: {prediction:#?}");
    }
}

/// The law is called an approximation, and is off by no more than a share.
fn assert_near(model: &mut Model, length: u64, law: &str, share: f64) {
    let claim = claimed(model, length, law);
    assert!(claim.approximation.is_some(), "{claim:#?}");
    for prediction in &claim.predictions {
        assert!(prediction.off().expect("it was simulated").abs() <= share, "{law}: {prediction:#?}");
    }
}

fn sleeping(servers: u32, law: Law, rate: f64) -> Model {
    world(threads(servers), 1, Steps::new().sleep(law), poisson(rate))
}

/// Closed clients who think for an exponential time.
fn closed_for_ever(clients: u32, think: Span) -> Arrivals {
    Arrivals::Closed { clients, requests: None, think: exponential(think) }
}

#[test]
fn slots_that_sleep_exponentially_are_erlangs() {
    assert_exact(&mut sleeping(1, exponential(SERVICE), 6.0), 2_000, "M/M/1");
    assert_exact(&mut sleeping(8, exponential(SERVICE), 64.0), 500, "M/M/c (Erlang C) for the 8 slots");
}

#[test]
fn one_slot_of_any_service_is_pollaczeks_and_khinchines() {
    let law = Law::lognormal(Span::from_ms(60), Span::from_ms(300)).expect("the median is below the p99");
    assert_exact(&mut sleeping(1, law, 6.0), 4_000, "M/G/1 (Pollaczek and Khinchine)");
    // A thread that has a core to itself waits for nobody when it burns.
    let mut model = world(threads(1), 1, Steps::new().burn(Law::Fixed(SERVICE)), poisson(7.0));
    assert_exact(&mut model, 2_000, "M/G/1 (Pollaczek and Khinchine) for the one slot");
}

#[test]
fn several_slots_of_any_service_are_lees_and_longtons_about() {
    // Their wait is a few per cent off in the middle of its range (Tijms, "A First Course in Stochastic Models", 2003, 9.6), and the
    // wait is a part of the latency: 5 %.
    let mut model = sleeping(4, Law::uniform(ms(50), ms(150)).expect("low is below high"), 32.0);
    assert_near(&mut model, 1_000, "M/G/c (Lee and Longton)", 0.05);
}

#[test]
fn closed_clients_of_slots_are_the_machine_repairmans() {
    let mut model = world(threads(2), 1, Steps::new().sleep(exponential(ms(50))), closed_for_ever(10, ms(400)));
    assert_exact(&mut model, 500, "machine repairman for the 2 slots");
    // With a slot for each, nobody waits, whatever the service.
    let mut model = world(threads(20), 1, Steps::new().sleep(Law::Fixed(ms(50))), closed_for_ever(20, ms(200)));
    assert_exact(&mut model, 500, "machine repairman for the 20 slots");
}

#[test]
fn threads_that_share_cores_are_a_shared_processor_about() {
    // Slices are a hundredth of a service: 3 % is allowed for them and for chance.
    let fine = |mut model: Model| {
        model.workers[0].gil = false;
        model.hosts.iter_mut().for_each(|host| (host.slice, host.tick) = (ms(1), ms(1)));
        model
    };
    let law = Law::lognormal(Span::from_ms(60), Span::from_ms(300)).expect("the median is below the p99");
    let mut one = fine(world(threads(1_000), 1, Steps::new().burn(law.clone()), poisson(5.0)));
    assert_near(&mut one, 2_000, "processor sharing", 0.03);
    // Two cores, and waits in between, which make nobody wait for a core.
    let steps = Steps::new().burn(law).sleep(exponential(secs(1)));
    let mut two = fine(world(threads(1_000), 2, steps, poisson(10.0)));
    assert_near(&mut two, 1_000, "processor sharing (M/G/c-PS) for the 2 cores", 0.03);
    let steps = Steps::new().burn(Law::Fixed(ms(50))).sleep(Law::Fixed(ms(20)));
    let mut shut = fine(world(threads(10), 1, steps, closed_for_ever(10, ms(300))));
    assert_near(&mut shut, 500, "processor sharing", 0.03);
}

#[test]
fn a_hub_that_only_burns_is_a_queue_with_one_server() {
    let mut model = world(hub(1_000), 1, Steps::new().burn(exponential(ms(20))), poisson(30.0));
    assert_exact(&mut model, 1_000, "M/M/1 for the hub");
}

#[test]
fn an_overloaded_world_keeps_to_its_bound() {
    let mut model = sleeping(4, exponential(SERVICE), 60.0);
    // What waits at the end is not served afterwards.
    model.run.drain = Span::ZERO;
    let panel = panel_of(&mut model, 200);
    let bound = panel.bound.expect("the needs are known");
    assert!((bound.most - 40.0).abs() < 0.1 && bound.why.starts_with("4 slots"), "{bound:?}");
    assert_eq!(panel.law, Err(Refusal::Overloaded));
    let little = bound.little.expect("slots run out");
    // 60 /s x 100 ms, or a little more where requests are counted that came when others waited already.
    assert!((5.9..6.6).contains(&little.want()) && little.have == 4.0, "{little:?}");
}

#[test]
fn a_new_connection_is_four_ways_over_the_network() {
    let mut model = sleeping(2, exponential(SERVICE), 14.0);
    edit_client(&mut model, |client| client.network = ms(100));
    assert_exact(&mut model, 1_000, "M/M/c (Erlang C) for the 2 slots");
    // SYN, SYN-ACK, the request and the response: 400 ms, and 0.1 s / (1 - 0.7^2) in the server.
    let claim = panel_of(&mut model, 1_000).law.expect("a law applies");
    assert!((claim.predictions[0].predicted / 1e9 - 0.4 - 0.1 / 0.51).abs() < 1e-6, "{claim:#?}");
    let mut shut = world(threads(2), 1, Steps::new().sleep(exponential(SERVICE)), closed_for_ever(5, ms(300)));
    edit_client(&mut shut, |client| client.network = ms(200));
    assert_exact(&mut shut, 1_000, "machine repairman for the 2 slots");
}

#[test]
fn a_run_that_hardly_sees_its_tail_is_too_short_to_tell() {
    let heavy = Law::lognormal(ms(5), secs(2)).expect("the median is below the p99");
    let claim = claimed(&mut sleeping(1, heavy, 0.5), 2_000, "M/G/1");
    assert!(claim.predictions.iter().all(|prediction| !prediction.settled), "{claim:#?}");
    let claim = claimed(&mut sleeping(1, exponential(SERVICE), 6.0), 2_000, "M/M/1");
    assert!(claim.predictions.iter().all(|prediction| prediction.settled), "{claim:#?}");
}

/// A world that a law knows.
fn known() -> Model {
    sleeping(2, exponential(SERVICE), 10.0)
}

fn with(edit: impl FnOnce(&mut Model)) -> Model {
    let mut model = known();
    edit(&mut model);
    model
}

fn with_client(edit: impl FnOnce(&mut ClientSpec)) -> Model {
    with(|model| edit_client(model, edit))
}

fn with_steps(steps: Steps) -> Model {
    world(threads(2), 1, steps, poisson(5.0))
}

fn sleep() -> Steps {
    Steps::new().sleep(exponential(SERVICE))
}

fn calling(edit: impl FnOnce(&mut PeerSpec)) -> Model {
    let mut model = with_steps(Steps::new().call(0, exponential(SERVICE), None));
    edit(&mut model.peers[0]);
    model
}

/// Why no law applies to a world whose runs were like this record.
fn refused(model: &Model, edit: impl FnOnce(&mut RunRecord)) -> Refusal {
    let mut record = lab::fixtures::empty(&model.name, 0);
    edit(&mut record);
    panel(model, &Summary::of(&[record])).law.expect_err("no law applies")
}

/// Worlds whose clients no law knows.
fn strange_clients() -> Vec<(Refusal, Model)> {
    let profile = |points: &[(u64, f64)]| Profile {
        points: points.iter().map(|&(at, rate)| (Time::ZERO + secs(at), rate)).collect(),
    };
    let law = || exponential(SERVICE);
    let two = |model: &mut Model| model.clients = Arc::new([model.clients[0].clone(), model.clients[0].clone()]);
    let rising = Arrivals::Poisson(profile(&[(0, 1.0), (10, 5.0)]));
    let backoff = Backoff { first: ms(1), factor_milli: 1_000, max: ms(1), jitter: Jitter::None };
    let retry = Retry {
        times: 1,
        backoff,
        on_connect: true,
        on_refused: true,
        on_timeout: true,
        on_error: true,
        budget_ppm: None,
        reserve: 0,
    };
    let breaker = BreakerSpec { failures: 1, window: None, open: ms(1) };
    let kept = KeepAlive { requests: 1, timeout: secs(1), connections: 1 };
    vec![
        (Refusal::SeveralClients, with(two)),
        (Refusal::RateChanges, with_client(|client| client.arrivals = rising)),
        (Refusal::EvenlySpaced, with_client(|client| client.arrivals = Arrivals::Fixed(profile(&[(0, 1.0)])))),
        (Refusal::Trace, with_client(|client| client.arrivals = Arrivals::Trace([Time::ZERO].into()))),
        (Refusal::Total, with_client(|client| client.arrivals = closed(2, 10))),
        (Refusal::Bursts, with_client(|client| client.bursts = Some(Bursts { factor: 2.0, on: law(), off: law() }))),
        (Refusal::Refresh, with_client(|client| client.refresh = Some(Refresh { ppm: 1, pause: law(), times: 1 }))),
        (Refusal::Patience, with_client(|client| client.patience = Some(law()))),
        (Refusal::Retries, with_client(|client| client.retry = Some(retry))),
        (Refusal::SecondCopies, with_client(|client| client.hedge = Some(Hedge { after: HedgeAfter::Delay(SERVICE) }))),
        (Refusal::Breaker, with_client(|client| client.breaker = Some(breaker))),
        (Refusal::Begins, with_client(|client| client.begins = Some(0))),
        (Refusal::KeptConnections, with_client(|client| client.keep_alive = Some(kept))),
        (Refusal::SlowReaders, with_client(|client| client.download = Some(1_000))),
        (Refusal::SenderCost, with_client(|client| client.cost = Some(law()))),
    ]
}

/// Worlds whose servers no law knows.
fn strange_servers() -> Vec<(Refusal, Model)> {
    let proxy = ProxySpec {
        latency: ms(1),
        network: ms(1),
        connect_timeout: secs(1),
        read_timeout: secs(1),
        buffer: true,
        keep_alive: None,
        tries: 1,
        on_connect: false,
        on_refused: false,
        on_timeout: false,
        on_error: false,
        ejection: None,
    };
    let outage = engine::kernel::Outage { from: Time::ZERO, to: Time::ZERO + secs(1), server: None };
    let life = engine::worker::LifeSpec {
        looks: Span::from_secs(1),
        reaps: Span::ZERO,
        timeout: None,
        harakiri: None,
        max_requests: Some((100, 0)),
        graceful_timeout: secs(1),
        boot: secs(1),
        lifetime_least: secs(1),
        forkbomb_delay: secs(1),
        dies_of_emfile: false,
    };
    let router = engine::worker::RouterSpec { costs: Default::default(), timeout: secs(60) };
    let processes = |model: &mut Model, count: usize| {
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; count];
    };
    let burning = |threads: u32, rate: f64| {
        let mut model = world(world::threads(threads), 2, Steps::new().burn(Law::Fixed(ms(50))), poisson(rate));
        model.hosts[0].cores = 2;
        model
    };
    vec![
        (Refusal::Proxy, with(|model| model.proxy = Some(proxy))),
        (Refusal::SeveralServers, with(|model| model.hosts.push(model.hosts[0].clone()))),
        (Refusal::Router, with(|model| model.workers[0].router = Some(router))),
        (Refusal::Resident, with(|model| model.workers[0].resident = true)),
        (Refusal::Down, with(|model| model.kernel.down.push(outage))),
        (Refusal::SocketMemory, with(|model| model.kernel.tcp_mem = Some(TcpMem { low: 1, pressure: 1, high: 1 }))),
        (Refusal::Replaced, with(|model| model.workers[0].life = Some(life))),
        (
            Refusal::QueuePerProcess,
            with(|model| {
                model.workers[0].kind = WorkerKind::Pool { threads: 2, connections: 100, closes: false };
                processes(model, 2);
            }),
        ),
        (Refusal::SeveralGils, {
            let mut model = burning(40, 20.0);
            processes(&mut model, 2);
            model
        }),
        (Refusal::CoarseSlices, world(threads(40), 2, Steps::new().burn(Law::Fixed(ms(10))), poisson(50.0))),
        (Refusal::SlotsAndCores, burning(4, 15.0)),
        (Refusal::Overloaded, burning(40, 21.0)),
        (
            Refusal::TakesTurns,
            world(hub(100), 1, Steps::new().burn(Law::Fixed(ms(50))).sleep(Law::Fixed(ms(5))), poisson(15.0)),
        ),
        (
            Refusal::NotExponential,
            world(threads(2), 1, Steps::new().sleep(Law::Fixed(SERVICE)), closed_for_ever(5, SERVICE)),
        ),
    ]
}

/// Worlds in which more takes time around a request than a law counts.
fn strange_surroundings() -> Vec<(Refusal, Model)> {
    let mut lingers = with_client(|client| client.network = ms(1));
    lingers.workers[0].lingers = true;
    vec![
        (Refusal::Lingers, lingers),
        (Refusal::Uplink, with(|model| model.hosts[0].uplink = Some(10_000))),
        (Refusal::FewerThreads, with(|model| model.kernel.threads = Some(1))),
        (Refusal::Overheads, with(|model| model.hosts[0].switch = ms(20))),
    ]
}

/// Worlds whose requests no law knows.
fn strange_requests() -> Vec<(Refusal, Model)> {
    let window = DegradedSpan { from: Time::ZERO, to: Time::ZERO + secs(1), factor_milli: 2_000, fail_ppm: 0 };
    let pareto = |alpha: f64| Law::pareto(ms(10), alpha).expect("it is above zero");
    let by_chance = with(|model| {
        let mut programs = model.programs.to_vec();
        let mut code = programs[0].code.to_vec();
        code.insert(0, engine::op::Op::Chance { odds: engine::op::Draw(1), skip: engine::op::Pc(2) });
        programs[0].code = code.into();
        let mut draws = programs[0].draws.to_vec();
        draws.push(DrawKind::Chance { site: 1, ppm: 500_000 });
        programs[0].draws = draws.into();
        model.programs = programs.into();
    });
    vec![
        (Refusal::NoTime, with_steps(Steps::new())),
        (
            Refusal::InfiniteMean,
            with_client(|client| {
                client.arrivals = Arrivals::Closed { clients: 2, requests: None, think: pareto(1.0) };
            }),
        ),
        (Refusal::InfiniteMean, with_steps(Steps::new().sleep(pareto(1.0)))),
        (Refusal::InfiniteVariance, sleeping(1, pareto(1.5), 1.0)),
        (Refusal::Chance, by_chance),
        (Refusal::FanOut, with_steps(sleep().fan(0, 2))),
        (Refusal::TimeLimit, with_steps(Steps::new().call(0, exponential(SERVICE), Some(SERVICE)))),
        (Refusal::TimeLimit, with_steps(Steps::new().within(SERVICE, |steps| steps.sleep(exponential(SERVICE))))),
        (Refusal::Shared, with_steps(Steps::new().acquire(0, None).sleep(exponential(SERVICE)).release(0))),
        (Refusal::Yields, with_steps(sleep().yields())),
        (Refusal::Yields, with_steps(sleep().hog(Law::Fixed(SERVICE), ms(1)))),
        (Refusal::Blocking, world(hub(10), 1, Steps::new().block(exponential(SERVICE)), poisson(1.0))),
        (Refusal::PeerCapacity("peer".to_owned()), calling(|peer| peer.capacity = Some(3))),
        (Refusal::PeerWindows("peer".to_owned()), calling(|peer| peer.windows = vec![window])),
        (Refusal::Breaker, calling(|peer| peer.breaker = Some(BreakerSpec { failures: 1, window: None, open: ms(1) }))),
    ]
}

#[test]
fn every_reason_why_no_law_applies_is_told() {
    let mut told = BTreeSet::new();
    let strange = [strange_clients(), strange_servers(), strange_surroundings(), strange_requests()];
    for (refusal, model) in strange.concat() {
        assert_eq!(refused(&model, |_| {}), refusal);
        told.insert(refusal.to_string());
    }
    let model = known();
    assert!(panel(&model, &Summary::of(&[lab::fixtures::empty("threads", 0)])).law.is_ok(), "a law knows it");
    type Edit = fn(&mut RunRecord);
    let seen: [(Refusal, Edit); 4] = [
        (Refusal::Dropped, |record| record.syn_drops = 1),
        (Refusal::Descriptors, |record| record.kernel.descriptor_failures = 1),
        (Refusal::Replaced, |record| record.workers.timeouts = 1),
        (Refusal::Unsuccessful, |record| record.endings[1] = 1),
    ];
    for (refusal, edit) in seen {
        assert_eq!(refused(&model, edit), refusal);
        told.insert(refusal.to_string());
    }
    assert_eq!(told.len(), 47, "a reason is never told, or a new one is not tested: {told:#?}");
}
