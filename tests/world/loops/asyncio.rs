//! Servers on an event loop of asyncio, as sentences about the world. After uvicorn on CPython 3.11, measured or read in its source.

use crate::common::world::*;
use engine::law::Law;
use engine::model::worker::LifeSpec;
use engine::model::{Arrivals, KeepAlive, Model, Policy, ProcessSpec, Profile, WorkerKind};
use engine::record::Ending;
use engine::requests::{Told, run_telling};
use engine::time::{Span, Time};
use engine::{Replication, Seed};
use proptest::prelude::*;

fn fixed(ms: u64) -> Law {
    Law::Fixed(Span::from_ms(ms))
}

/// Requests that come at these milliseconds, to one loop on one core whose own work costs nothing.
fn at(instants: &[u64], steps: Steps) -> Model {
    let times: Vec<Time> = instants.iter().map(|&at| Time::ZERO + ms(at)).collect();
    let mut model = world(event_loop(false, None), 1, steps, Arrivals::Trace(times.into()));
    model.run.length = Some(secs(60));
    model.listeners[0].backlog = 2048;
    model
}

/// All requests in the order in which they end.
fn told(model: &Model) -> Vec<Told> {
    let mut all = Vec::new();
    run_telling(model, Seed(1), Replication(0), |request| all.push(*request)).expect("it runs");
    all
}

/// Latencies in whole milliseconds, in the order of the ends.
fn latencies(model: &Model) -> Vec<u64> {
    told(model).iter().map(|request| request.latency().as_ns() / 1_000_000).collect()
}

/// The same with clients that keep their connections, and so have their answer when it is written.
fn kept(mut model: Model) -> Model {
    edit_client(&mut model, |client| {
        client.keep_alive = Some(KeepAlive { requests: 1000, timeout: secs(60), connections: 100 });
    });
    model
}

#[test]
fn blocking_calls_in_coroutines_take_one_after_the_other() {
    let blocks = at(&[0; 5], Steps::new().block(fixed(100)));
    assert_eq!(latencies(&kept(blocks)), [100, 200, 300, 400, 500]);
    let burns = at(&[0; 5], Steps::new().burn(fixed(100)));
    assert_eq!(latencies(&kept(burns)), [100, 200, 300, 400, 500]);
    let sleeps = at(&[0; 5], Steps::new().sleep(fixed(100)));
    assert_eq!(latencies(&kept(sleeps)), [100; 5]);
}

#[test]
fn a_response_that_ends_with_its_connection_ends_after_whatever_else_runs_in_that_turn() {
    // `transport.close` queues the end of the connection for the next turn; all five tasks run in this one.
    let blocks = at(&[0; 5], Steps::new().block(fixed(100)));
    assert_eq!(latencies(&blocks), [500; 5]);
}

#[test]
fn a_lone_request_takes_as_long_as_on_a_thread() {
    let mut model = at(&[1000], Steps::new().burn(fixed(2)).call(0, fixed(7), None).burn(fixed(1)));
    edit_client(&mut model, |client| client.network = Span::from_us(300));
    model.peers[0].network = Span::from_us(200);
    let on_loop = told(&model)[0].latency();
    model.workers[0] = threads(1);
    let on_thread = told(&model)[0].latency();
    // A thread takes its GIL again after a call, a loop looks at the clock: some nanoseconds.
    assert!(on_loop.max(on_thread) - on_loop.min(on_thread) < Span::from_us(1), "{on_loop}, {on_thread}");
}

#[test]
fn all_connections_made_during_a_burn_are_accepted_at_once() {
    // Sixty come while the first one burns for a second; all of them have a task before the next one begins to burn.
    let mut instants = vec![0];
    instants.extend(100..160);
    let mut model = at(&instants, Steps::new().burn(fixed(1000)));
    assert!(latencies(&kept(model.clone())).is_sorted());
    let begun = |model: &Model| {
        let mut begun: Vec<Time> = told(model).iter().filter_map(|request| request.begun).collect();
        begun.sort_unstable();
        begun[1..].iter().filter(|&&at| at < Time::ZERO + ms(1001)).count()
    };
    assert_eq!(begun(&model), 60);
    let WorkerKind::Loop(spec) = &mut model.workers[0].kind else { unreachable!() };
    spec.accepts = 10;
    assert!(begun(&model) < 60, "a smaller backlog takes more turns");
}

#[test]
fn who_yields_again_and_again_does_not_starve_sockets() {
    // Under gevent a greenlet that only yields keeps the loop from its poll for 5 ms at a time; here every turn polls.
    let hog = Steps::new().hog(fixed(1000), ms(1));
    let model = at(&[0, 0, 500], hog);
    let third = told(&model).into_iter().find(|request| request.born > Time::ZERO).expect("it ends");
    let begun = third.begun.expect("it was served");
    assert!(begun.since(third.born) < ms(12), "{}", begun.since(third.born));
}

#[test]
fn a_thread_pool_is_first_come_first_served() {
    let mut model = at(&[0, 1, 2, 3, 4], Steps::new().offload(4, fixed(1000)));
    let engine::model::SyncKind::Threads { size } = &mut model.syncs[4].kind else { panic!("{:?}", model.syncs[4]) };
    *size = 2;
    let born: Vec<u64> = told(&model).iter().map(|one| one.born.as_ns() / 1_000_000).collect();
    assert_eq!(born, [0, 1, 2, 3, 4]);
    assert_eq!(latencies(&model), [1000, 1000, 1998, 1998, 2996]);
}

#[test]
fn limit_concurrency_serves_one_less_than_it_says() {
    let ended = |model: &Model, ending| told(model).iter().filter(|request| request.ending == ending).count();
    let mut model = at(&[0, 5, 10, 15, 20, 25, 30, 35, 40, 45], Steps::new().sleep(fixed(100)));
    model.workers[0] = event_loop(false, Some(5));
    assert_eq!((ended(&model, Ending::Ok), ended(&model, Ending::Failed)), (4, 6));
    // Connections that come at once are all made before the first request of them is looked at.
    let mut crowd = at(&[0; 10], Steps::new().sleep(fixed(100)));
    crowd.workers[0] = event_loop(false, Some(5));
    assert_eq!(ended(&crowd, Ending::Failed), 10);
    let mut none = model.clone();
    none.workers[0] = event_loop(false, Some(1));
    assert!(told(&none).iter().all(|request| request.ending == Ending::Failed));
}

#[test]
fn a_limit_cuts_a_wait_short_and_its_unit_comes_back() {
    let steps = || Steps::new().acquire(0, Some(ms(50))).sleep(fixed(200)).release(0);
    for policy in [Policy::Barging, Policy::HandOff] {
        let mut model = at(&[0, 0, 0, 190], steps());
        model.syncs[0] = pool(1, policy);
        let ended: Vec<(u64, Ending)> =
            told(&model).iter().map(|one| (one.latency().as_ns() / 1_000_000, one.ending)).collect();
        assert_eq!(ended, [(50, Ending::Failed), (50, Ending::Failed), (200, Ending::Ok), (210, Ending::Ok)]);
    }
}

#[test]
fn a_loop_that_only_burns_is_an_md1_queue() {
    // Mean wait of M/D/1: load x service / (2 (1 - load)) = 0.7 x 10 ms / 0.6 = 11.67 ms; 4 % is three standard errors of what
    // eight runs of 1,000 s at 70 requests a second scatter by.
    let mut waits = Vec::new();
    for replication in 0..8 {
        let mut model = kept(at(&[], Steps::new().burn(fixed(10))));
        edit_client(&mut model, |client| {
            client.arrivals = Arrivals::Poisson(Profile { points: vec![(Time::ZERO, 70.0)] });
        });
        model.run.length = Some(secs(1000));
        let record = run_seed(&model, replication);
        waits.push(record.latency.sum_ns() as f64 / record.latency.count() as f64 / 1e6 - 10.0);
    }
    let mean = waits.iter().sum::<f64>() / waits.len() as f64;
    assert!((mean - 11.667).abs() < 0.04 * 11.667, "{mean} ms: {waits:?}");
}

/// Numbers that make a world: people, limit, life, steps.
type Numbers = (u32, Option<u32>, bool, bool, Option<u64>, u64);

fn keeping((clients, limit, uvloop, dies, patience, think): Numbers) -> Model {
    let steps =
        Steps::new().burn(exponential(ms(2))).acquire(0, Some(ms(40))).call(0, exponential(ms(20)), Some(ms(60)));
    let steps = steps.release(0).offload(4, exponential(ms(5))).fan(1, 2);
    let mut model = world(event_loop(uvloop, limit), 2, steps, closed(clients, 400));
    let branch = Steps::new().call(0, exponential(ms(9)), None).burn(fixed(1));
    model.programs = [model.programs[0].clone(), branch.compile().0].into();
    model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 2];
    model.listeners[0].backlog = 64;
    model.syncs[0] = pool(2, Policy::Barging);
    let worker = &mut model.workers[0];
    worker.keep_alive = Some(ms(30));
    (worker.costs.handoff, worker.costs.request, worker.costs.respond) =
        (Span::from_us(40), Span::from_us(30), Span::from_us(20));
    worker.life = dies.then_some(LifeSpec {
        looks: Span::from_secs(1),
        reaps: Span::ZERO,
        timeout: None,
        harakiri: None,
        max_requests: Some((40, 10)),
        graceful_timeout: ms(20),
        boot: ms(50),
        lifetime_least: Span::ZERO,
        forkbomb_delay: Span::ZERO,
        dies_of_emfile: false,
    });
    edit_client(&mut model, |client| {
        client.network = Span::from_us(100);
        client.patience = patience.map(|mean| exponential(ms(mean)));
        client.keep_alive = Some(KeepAlive { requests: 20, timeout: ms(25), connections: 8 });
        if let Arrivals::Closed { think: pause, .. } = &mut client.arrivals {
            *pause = exponential(ms(think));
        }
    });
    model.run.drain = secs(60);
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_was_sent_has_ended_over_kept_connections_and_the_deaths_of_processes(
        numbers in (1..30u32, proptest::option::of(1..20u32), any::<bool>(), any::<bool>(), proptest::option::of(20..500u64), 0..60u64)
    ) {
        let model = keeping(numbers);
        let (once, again) = (run(&model), run(&model));
        prop_assert_eq!(once.fingerprint, again.fingerprint);
        let sent: u64 = once.series.sent.iter().sum();
        prop_assert_eq!(sent, once.endings.iter().sum::<u64>());
    }
}
