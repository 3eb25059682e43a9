//! The lives of server processes, and the router in front of them, as sentences about the world.

use crate::common::world;
use std::sync::Arc;

use crate::common::world::*;
use engine::kernel::Memory;
use engine::law::Law;
use engine::model::*;
use engine::record::{Ending, RunRecord};
use engine::time::{Span, Time};
use engine::worker::{LifeSpec, RouterCosts, RouterSpec};

/// Processes that nobody watches and nothing replaces; tests change what they are about.
pub(super) const LIFE: LifeSpec = LifeSpec {
    looks: Span::from_secs(1),
    reaps: Span::ZERO,
    timeout: None,
    harakiri: None,
    max_requests: None,
    graceful_timeout: Span::from_secs(30),
    boot: Span::ZERO,
    lifetime_least: Span::ZERO,
    forkbomb_delay: Span::ZERO,
    dies_of_emfile: false,
};

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

fn living(mut worker: WorkerSpec, life: LifeSpec) -> WorkerSpec {
    worker.life = Some(life);
    worker
}

fn pool_of(threads: u32) -> WorkerSpec {
    WorkerSpec { kind: WorkerKind::Pool { threads, connections: 1000, closes: true }, ..threads_of(1) }
}

fn threads_of(count: u32) -> WorkerSpec {
    world::threads(count)
}

fn routed(mut worker: WorkerSpec, timeout: Span) -> WorkerSpec {
    let us = Span::from_us;
    let costs =
        RouterCosts { poll: us(1), accept: us(10), connect: us(22), forward: us(9), answer: us(6), close: us(12) };
    worker.router = Some(RouterSpec { costs, timeout });
    worker
}

/// People who ask at these instants, one after the other of these kinds of request.
fn at(instants: &[Span]) -> Arrivals {
    Arrivals::Trace(instants.iter().map(|&at| Time::ZERO + at).collect())
}

fn ended(record: &RunRecord, ending: Ending) -> u64 {
    record.endings[ending as usize]
}

/// A world in which the first client's people ask for `slow`, and others for `quick`.
fn two_kinds(worker: WorkerSpec, slow: Steps, slow_at: &[Span], quick: Steps, quick_at: &[Span]) -> Model {
    let mut model = world(worker, 4, slow, at(slow_at));
    let (program, sites) = quick.compile();
    let class = ClassSpec { name: "quick".into(), program: 1, sites, ..model.classes[0].clone() };
    let client =
        ClientSpec { name: "others".into(), classes: vec![1], arrivals: at(quick_at), ..model.clients[0].clone() };
    model.programs = Arc::new([model.programs[0].clone(), program]);
    model.classes = Arc::new([model.classes[0].clone(), class]);
    model.clients = Arc::new([model.clients[0].clone(), client]);
    model.run.length = Some(secs(100));
    model
}

#[test]
fn a_sleep_of_zero_that_is_a_timer_lets_a_socket_in_and_one_that_is_a_callback_does_not() {
    // A hog burns 100 ms and yields every 5 ms; somebody quick comes after 12 ms. 50 callbacks run before the loop polls.
    let latency = |zero_timers| {
        let worker = WorkerSpec { zero_timers, ..hub(10) };
        let heavy = Steps::new().hog(fixed(ms(100)), ms(5));
        let model = two_kinds(worker, heavy, &[secs(1)], Steps::new().burn(fixed(ms(1))), &[secs(1) + ms(12)]);
        run(&model).classes[1].latency.max().expect("it was served")
    };
    // The piece that runs when it comes, at most, and as much again before it is the accepted one's turn.
    assert!(latency(true) <= ms(11), "{}", latency(true));
    assert!(latency(false) >= ms(85), "{}", latency(false));
}

#[test]
fn a_hub_is_held_as_long_as_one_greenlet_keeps_it() {
    let held = |worker: WorkerSpec, steps: Steps| run(&world(worker, 2, steps, closed(2, 2))).hub_hold_max;
    let burnt = || Steps::new().burn(fixed(ms(20))).sleep(fixed(ms(50))).burn(fixed(ms(30)));
    assert_eq!(held(hub(10), burnt()).map(|held| held / ms(1).as_ns()), Some(Span::from_ns(30)));
    // A call that gevent could not patch holds it without any CPU time.
    let blocked = held(hub(10), Steps::new().block(fixed(ms(200))));
    assert_eq!(blocked.map(|held| held / ms(1).as_ns()), Some(Span::from_ns(200)));
    assert_eq!(held(threads_of(2), burnt()), None, "threads have no hub");
}

#[test]
fn a_first_request_that_runs_alone_costs_a_round() {
    let finished = |alone, clients, requests| {
        let mut model = world(
            routed(threads_of(clients), secs(60)),
            1,
            Steps::new().sleep(fixed(secs(1))),
            closed(clients, requests),
        );
        edit_client(&mut model, |client| client.first_alone = alone);
        run(&model).finished.as_ns() / 100_000_000
    };
    // Measured behind uWSGI's router: 2.006 s for 10 requests of 10 clients, 3.009 s for 20, 11.03 s for 100.
    assert_eq!([finished(true, 10, 10), finished(true, 10, 20), finished(true, 10, 100)], [20, 30, 110]);
    assert_eq!([finished(false, 10, 10), finished(false, 10, 100)], [10, 100]);
}

#[test]
fn a_router_and_its_workers_have_an_accept_queue_each() {
    // Two threads of 10 s a request, and 11 places in the workers' queue: the router accepts all the rest and repeats its SYNs.
    let mut model = world(routed(threads_of(2), secs(600)), 4, Steps::new().sleep(fixed(secs(10))), closed(40, 40));
    model.listeners[0].backlog = 10;
    let record = run(&model);
    assert_eq!(ended(&record, Ending::Ok), 40);
    // 29 of 40 clients met the full queue of the router at once and came again; the router's own SYNs met that of the workers.
    assert!(record.syn_drops > 29 + 13, "{}", record.syn_drops);
    assert!(record.classes[0].latency.max() > Some(secs(200)));
}

#[test]
fn a_router_gives_up_on_a_silent_worker_which_does_not_notice() {
    let model = world(routed(threads_of(1), secs(60)), 1, Steps::new().sleep(fixed(secs(90))), at(&[Span::ZERO]));
    let model = Model { run: RunSpec { length: Some(secs(200)), ..model.run }, ..model };
    let record = run(&model);
    assert_eq!(ended(&record, Ending::Reset), 1);
    assert_eq!(record.finished.as_ns() / 1_000_000_000, 60);
    assert_eq!((record.wasted.requests, record.wasted.slot_time.as_ns() / 1_000_000), (1, 90_000));
}

#[test]
fn a_router_with_few_clients_adds_its_own_work_and_nothing_else() {
    let steps = || Steps::new().sleep(fixed(ms(10)));
    let latency = |worker| run(&world(worker, 1, steps(), closed(1, 20))).latency.max().expect("20 requests");
    assert_eq!(latency(routed(threads_of(4), secs(60))), latency(threads_of(4)) + Span::from_us(64));
}

#[test]
fn a_sync_worker_is_killed_for_a_request_longer_than_the_timeout() {
    let life = LifeSpec { timeout: Some(secs(30)), boot: ms(500), ..LIFE };
    let quick = || Steps::new().burn(fixed(ms(1)));
    let slow = Steps::new().sleep(fixed(secs(45)));
    let record = run(&two_kinds(living(threads_of(1), life), slow, &[ms(200)], quick(), &[secs(1)]));
    assert_eq!((record.workers.timeouts, record.workers.lost), (1, 1));
    assert_eq!((ended(&record, Ending::Reset), ended(&record, Ending::Ok)), (1, 1));
    // The arbiter looks every second, so it sees at 31 s what was due at 30.2 s; the one who waited is served when the next is up.
    let waited = record.classes[1].latency.max().expect("it was served");
    assert_eq!(waited, secs(30) + ms(501));
}

#[test]
fn a_request_shorter_than_the_timeout_is_nobodys_death() {
    let life = LifeSpec { timeout: Some(secs(30)), ..LIFE };
    let record = run(&world(living(threads_of(1), life), 1, Steps::new().sleep(fixed(secs(29))), closed(1, 20)));
    assert_eq!((record.workers.timeouts, ended(&record, Ending::Ok)), (0, 20));
}

#[test]
fn gthread_and_gevent_say_that_they_live_whatever_their_requests_do() {
    let life = LifeSpec { timeout: Some(secs(30)), ..LIFE };
    for worker in [pool_of(4), hub(10)] {
        let record = run(&world(living(worker, life), 1, Steps::new().sleep(fixed(secs(100))), closed(3, 6)));
        assert_eq!((record.workers.timeouts, ended(&record, Ending::Ok)), (0, 6), "{}", record.world);
    }
}

#[test]
fn a_hub_in_a_blocking_call_is_killed_with_all_that_it_carries() {
    let life = LifeSpec { timeout: Some(secs(30)), ..LIFE };
    let slow = Steps::new().block(fixed(secs(80)));
    let quick = Steps::new().sleep(fixed(secs(60)));
    let arrivals: Vec<Span> = (1..=5).map(secs).collect();
    let record = run(&two_kinds(living(hub(10), life), slow, &[secs(6)], quick, &arrivals));
    assert_eq!((record.workers.timeouts, record.workers.lost), (1, 6));
    assert_eq!(ended(&record, Ending::Reset), 6);
    // SIGABRT finds a process that does not come back from C; SIGKILL follows a second later.
    let killed = record.finished.as_ns() / 1_000_000_000;
    assert!((36..=38).contains(&killed), "{killed}");
}

#[test]
fn harakiri_takes_the_whole_process_with_it() {
    let life = LifeSpec { harakiri: Some(secs(10)), ..LIFE };
    let slow = Steps::new().sleep(fixed(secs(60)));
    let quick = Steps::new().sleep(fixed(secs(9)));
    // The other two began later, so the clock of the process is theirs.
    let record = run(&two_kinds(living(threads_of(3), life), slow, &[Span::ZERO], quick, &[secs(1), secs(2)]));
    // At 10 s the first quick one ends and clears the clock: the slow one lives on.
    assert_eq!((record.workers.harakiris, ended(&record, Ending::Ok)), (0, 3));
    let slow = || Steps::new().sleep(fixed(secs(60)));
    let record = run(&two_kinds(living(threads_of(3), life), slow(), &[Span::ZERO, ms(100)], slow(), &[ms(200)]));
    assert_eq!((record.workers.harakiris, record.workers.lost), (1, 3));
    assert_eq!(record.finished.as_ns() / 1_000_000_000, 10);
}

#[test]
fn a_worker_is_replaced_after_its_requests_and_loses_nobody() {
    let life = LifeSpec { max_requests: Some((10, 0)), boot: ms(100), ..LIFE };
    for worker in [threads_of(1), threads_of(3), pool_of(3), hub(3)] {
        let kind = worker.kind;
        let record = run(&world(living(worker, life), 2, Steps::new().sleep(fixed(ms(20))), closed(3, 100)));
        assert_eq!(ended(&record, Ending::Ok), 100, "{kind:?}");
        assert!((3..=10).contains(&record.workers.replaced), "{kind:?}: {}", record.workers.replaced);
        assert_eq!(record.workers.lost, 0);
        // Somebody waited for a new process to be up.
        assert!(record.latency.max() >= Some(ms(120)), "{kind:?}");
    }
}

#[test]
fn jitter_keeps_processes_from_being_replaced_together() {
    let slowest = |jitter| {
        let life = LifeSpec { max_requests: Some((50, jitter)), boot: secs(1), ..LIFE };
        let arrivals = Arrivals::Fixed(Profile { points: vec![(Time::ZERO, 100.0)] });
        let mut model = world(living(threads_of(1), life), 8, Steps::new().sleep(fixed(ms(5))), arrivals);
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 4];
        model.run.length = Some(secs(60));
        let record = run(&model);
        assert!(record.workers.replaced > 20);
        record.latency.quantile(0.99).expect("thousands")
    };
    assert!(slowest(200) < slowest(0) / 2, "{} {}", slowest(200), slowest(0));
}

#[test]
fn what_does_not_finish_within_the_grace_is_killed() {
    let life = LifeSpec { max_requests: Some((2, 0)), graceful_timeout: secs(10), ..LIFE };
    let slow = Steps::new().sleep(fixed(secs(60)));
    let quick = Steps::new().sleep(fixed(ms(10)));
    let record = run(&two_kinds(living(threads_of(2), life), slow, &[Span::ZERO], quick, &[secs(1), secs(20)]));
    assert_eq!((record.workers.graceful_kills, ended(&record, Ending::Reset), ended(&record, Ending::Ok)), (1, 1, 2));
}

#[test]
fn four_hubs_with_blocking_calls_carry_four_requests() {
    // Wayfair: a C library's call of 200 ms under gevent; measured 19.9 requests a second, the CPU at 1 %.
    let mut model = world(hub(1000), 1, Steps::new().block(fixed(ms(200))), closed(100, 300));
    model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 4];
    // One accept for each readiness, as several processes at a socket have it.
    model.workers[0].kind = WorkerKind::Hub { greenlets: 1000, accepts: 1, full: WhenFull::Spin };
    let record = run(&model);
    assert_eq!(record.finished.as_ns() / 100_000_000, 150);
    assert!(record.cpu_ppm < 10_000, "{}", record.cpu_ppm);
}

#[test]
fn a_request_above_gthreads_threads_waits_inside_and_is_served_for_nobody() {
    let mut model = world(pool_of(2), 1, Steps::new().sleep(fixed(secs(10))), at(&[Span::ZERO, ms(1), ms(2), ms(3)]));
    model.run.length = Some(secs(60));
    edit_client(&mut model, |client| client.patience = Some(fixed(secs(5))));
    let record = run(&model);
    assert_eq!((ended(&record, Ending::GaveUp), record.wasted.requests), (4, 4));
    assert_eq!(record.wasted.slot_time.as_ns() / 1_000_000, 40_000);
}

#[test]
fn a_full_hub_leaves_connections_in_the_accept_queue() {
    let mut model = world(hub(3), 1, Steps::new().sleep(fixed(secs(1))), closed(10, 10));
    model.listeners[0].backlog = 100;
    let record = run(&model);
    assert_eq!((record.finished.as_ns() / 100_000_000, record.syn_drops), (40, 0));
    assert!(record.series.in_flight_milli.iter().all(|&level| level <= 3000));
}

#[test]
fn a_master_whose_processes_die_too_fast_naps_and_looks_after_nobody() {
    // Every request passes its harakiri; the master looks each second and finds all four processes overdue.
    let deaths = |delay| {
        let life = LifeSpec { harakiri: Some(secs(1)), forkbomb_delay: delay, ..LIFE };
        let mut model = world(living(threads_of(1), life), 4, Steps::new().sleep(fixed(secs(60))), closed(8, 1000));
        model.processes = vec![ProcessSpec { listener: 0, worker: 0 }; 4];
        model.run.length = Some(secs(30));
        model.run.drain = Span::ZERO;
        let record = run(&model);
        (record.workers.harakiris, record.workers.naps)
    };
    let (without, none) = deaths(Span::ZERO);
    let (with, naps) = deaths(secs(2));
    assert_eq!(none, 0);
    assert!(naps > 2 && with < without, "{without} deaths without naps, {with} with {naps}");
}

#[test]
fn a_process_goes_on_after_its_requests_until_it_is_old_enough() {
    let replaced = |least| {
        let life = LifeSpec { max_requests: Some((10, 0)), lifetime_least: least, ..LIFE };
        let mut model = world(living(threads_of(1), life), 1, Steps::new().sleep(fixed(ms(100))), closed(1, 10_000));
        model.run.length = Some(secs(60));
        run(&model).workers.replaced
    };
    // Ten requests take a second.
    assert!((55..=60).contains(&replaced(Span::ZERO)), "{}", replaced(Span::ZERO));
    assert!((5..=6).contains(&replaced(secs(10))), "{}", replaced(secs(10)));
}

#[test]
fn a_gunicorn_thread_server_without_descriptors_ends_and_is_started_again() {
    let crashed = |dies| {
        let life = LifeSpec { dies_of_emfile: dies, boot: ms(100), ..LIFE };
        let mut model = world(living(pool_of(4), life), 2, Steps::new().sleep(fixed(secs(1))), closed(40, 200));
        model.kernel.descriptors = Some(24);
        let record = run(&model);
        assert!(record.kernel.descriptor_failures > 0);
        (record.workers.crashed, ended(&record, Ending::Reset))
    };
    assert_eq!(crashed(false), (0, 0));
    let (crashes, broken) = crashed(true);
    // Fourteen connections fit beside what a process has open itself; all break when the fifteenth comes.
    assert!(crashes > 0 && broken >= 14 * crashes, "{crashes} crashes broke {broken} connections");
}

#[test]
fn a_process_that_the_kernel_killed_for_memory_is_started_again_if_it_has_a_master() {
    const MIB: u64 = 1 << 20;
    let slowest = |life: Option<LifeSpec>| {
        let mut model = world(threads_of(4), 2, Steps::new().sleep(fixed(ms(100))), closed(4, 40));
        model.workers[0].life = life;
        model.kernel.memory = Some(Memory { host: 52 * MIB, process: 50 * MIB, thread: 0, request: MIB });
        let record = run(&model);
        assert!(record.kernel.oom_kills > 0);
        (record.workers.crashed == record.kernel.oom_kills, record.finished)
    };
    let (none, without) = slowest(None);
    let (all, with) = slowest(Some(LifeSpec { boot: secs(1), ..LIFE }));
    assert!(!none && all && with > without + secs(1), "{without} {with}");
}
