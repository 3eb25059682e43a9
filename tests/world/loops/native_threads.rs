//! Steps in native threads of a loop or hub, waits that keep it, and what goes on after a response, as sentences about the world.

use crate::common::world::*;
use engine::law::Law;
use engine::model::{Arrivals, ClassSpec, Model, Policy, SyncKind, WorkerSpec};
use engine::record::Ending;
use engine::requests::{Told, run_telling};
use engine::time::{Span, Time};
use engine::{Replication, RunError, Seed};
use proptest::prelude::*;

/// The pool of native threads of [`world`].
const POOL: u16 = 4;

fn fixed(ms: u64) -> Law {
    Law::Fixed(Span::from_ms(ms))
}

/// Requests that come at these milliseconds, on two cores that cost nothing, and so many native threads.
fn at(worker: WorkerSpec, threads: u32, instants: &[u64], steps: Steps) -> Model {
    let times: Vec<Time> = instants.iter().map(|&at| Time::ZERO + ms(at)).collect();
    let mut model = world(worker, 2, steps, Arrivals::Trace(times.into()));
    model.run.length = Some(secs(60));
    let SyncKind::Threads { size } = &mut model.syncs[usize::from(POOL)].kind else { panic!("{:?}", model.syncs) };
    *size = threads;
    model
}

/// A second kind of request from clients of its own.
fn beside(model: &mut Model, instants: &[u64], steps: Steps) {
    let (program, sites) = steps.compile();
    let class = ClassSpec { name: "ping".into(), weight: 1, program: 1, sites, header_bytes: 79, body_bytes: 12 };
    model.programs = [model.programs[0].clone(), program].into();
    model.classes = [model.classes[0].clone(), class].into();
    let times: Vec<Time> = instants.iter().map(|&at| Time::ZERO + ms(at)).collect();
    let ping = engine::model::ClientSpec::plain("ping", vec![1], Arrivals::Trace(times.into()));
    model.clients = [model.clients[0].clone(), ping].into();
}

fn told(model: &Model) -> Vec<Told> {
    let mut all = Vec::new();
    run_telling(model, Seed(1), Replication(0), |request| all.push(*request)).expect("it runs");
    all
}

/// Latencies in whole milliseconds of a class, in the order of the ends.
fn latencies(model: &Model, class: u16) -> Vec<u64> {
    let of_class = told(model).into_iter().filter(|request| request.class == class);
    of_class.map(|request| request.latency().as_ns() / 1_000_000).collect()
}

fn carriers() -> [WorkerSpec; 3] {
    [event_loop(false, None), event_loop(true, None), hub(100)]
}

#[test]
fn blocking_calls_in_threads_leave_the_loop_and_the_hub_free() {
    for worker in carriers() {
        let steps = Steps::new().in_thread(POOL, |thread| thread.block(fixed(100)));
        let mut model = at(worker, 5, &[0; 5], steps);
        beside(&mut model, &[50], Steps::new().sleep(fixed(1)));
        assert_eq!(latencies(&model, 0), [100; 5], "{}", model.workers[0].name);
        assert!(latencies(&model, 1)[0] <= 2, "{:?}", latencies(&model, 1));
    }
}

#[test]
fn threads_of_a_pool_are_first_come_first_served() {
    for worker in carriers() {
        let steps = Steps::new().in_thread(POOL, |thread| thread.call(0, fixed(1000), None));
        let model = at(worker, 2, &[0, 1, 2, 3, 4], steps);
        assert_eq!(latencies(&model, 0), [1000, 1000, 1998, 1998, 2996], "{}", model.workers[0].name);
    }
}

#[test]
fn a_thread_that_computes_keeps_the_loop_from_the_gil_for_a_switch_interval_and_not_longer() {
    for worker in carriers() {
        let steps = Steps::new().in_thread(POOL, |thread| thread.burn(fixed(100)));
        let mut model = at(worker, 1, &[0], steps);
        beside(&mut model, &[50], Steps::new().burn(fixed(1)));
        let ping = latencies(&model, 1)[0];
        assert!((6..=7).contains(&ping), "{}: {ping} ms", model.workers[0].name);
        // Without a GIL there is a core for each.
        model.workers[0].gil = false;
        assert_eq!(latencies(&model, 1), [1], "{}", model.workers[0].name);
    }
}

#[test]
fn two_threads_that_compute_share_a_gil_and_native_code_does_not() {
    for worker in carriers() {
        let burn = at(worker.clone(), 2, &[0, 0], Steps::new().in_thread(POOL, |thread| thread.burn(fixed(100))));
        assert_eq!(latencies(&burn, 0).last(), Some(&200), "{:?}", latencies(&burn, 0));
        let native = at(worker, 2, &[0, 0], Steps::new().in_thread(POOL, |thread| thread.native(fixed(100))));
        assert_eq!(latencies(&native, 0), [100, 100]);
    }
}

#[test]
fn a_thread_server_runs_such_steps_itself() {
    let steps = |inside: fn(Steps) -> Steps| Steps::new().burn(fixed(1)).in_thread(POOL, inside).burn(fixed(1));
    let in_thread = at(threads(3), 1, &[0; 3], steps(|thread| thread.call(0, fixed(100), None)));
    assert_eq!(latencies(&in_thread, 0).len(), 3);
    assert!(latencies(&in_thread, 0).iter().all(|&ms| ms < 110), "{:?}", latencies(&in_thread, 0));
}

#[test]
fn what_fails_in_a_thread_gives_back_its_unit_and_its_thread() {
    for worker in carriers() {
        let steps = Steps::new()
            .in_thread(POOL, |thread| thread.acquire(0, None).call(0, fixed(500), Some(ms(100))).release(0));
        let model = at(worker, 1, &[0, 0, 0], steps);
        let ended: Vec<Ending> = told(&model).iter().map(|one| one.ending).collect();
        assert_eq!(ended, [Ending::Failed; 3]);
        assert_eq!(latencies(&model, 0), [100, 200, 300], "{}", model.workers[0].name);
    }
}

#[test]
fn a_unit_goes_from_a_thread_to_a_coroutine_or_greenlet_and_back() {
    for worker in carriers() {
        for policy in [Policy::Barging, Policy::HandOff] {
            let in_thread = Steps::new().in_thread(POOL, |thread| thread.acquire(0, None).block(fixed(100)).release(0));
            let mut model = at(worker.clone(), 2, &[0, 150], in_thread);
            model.syncs[0] = pool(1, policy);
            beside(&mut model, &[50], Steps::new().acquire(0, None).sleep(fixed(100)).release(0));
            // A hub's timer is up to a millisecond late.
            let (in_threads, beside) = (latencies(&model, 0), latencies(&model, 1));
            assert!(in_threads[0] == 100 && in_threads[1].abs_diff(150) <= 1, "{in_threads:?}");
            assert!(beside[0].abs_diff(150) <= 1, "{beside:?}");
        }
    }
}

#[test]
fn a_lock_of_threads_in_a_coroutine_keeps_the_loop_until_a_thread_gives_it_back() {
    for worker in carriers() {
        let in_thread = Steps::new().in_thread(POOL, |thread| thread.acquire(0, None).block(fixed(100)).release(0));
        let mut model = at(worker, 1, &[0], in_thread);
        beside(&mut model, &[10, 20], Steps::new().acquire_blocking(0, None).release(0));
        // The first stands still with its loop until 100; the second was not even looked at before.
        assert_eq!((latencies(&model, 0), latencies(&model, 1)), (vec![100], vec![90, 80]));
    }
}

#[test]
fn a_lock_that_only_the_loop_could_give_back_stands_until_its_limit() {
    for worker in carriers() {
        let steps = Steps::new().acquire_blocking(0, Some(secs(30))).sleep(fixed(10)).release(0);
        let model = at(worker, 1, &[0, 1], steps);
        let ended: Vec<(Ending, u64)> =
            told(&model).iter().map(|one| (one.ending, one.latency().as_ns() / 1_000_000_000)).collect();
        assert_eq!(ended, [(Ending::Failed, 30), (Ending::Ok, 30)], "{}", model.workers[0].name);
    }
}

#[test]
fn a_session_that_is_closed_in_a_thread_of_the_same_pool_is_a_deadlock() {
    // FastAPI's `Depends` with `yield`: whoever holds the connection needs a thread to give it back, and all wait for the connection.
    let session = |threads: u32| {
        let steps = Steps::new()
            .in_thread(POOL, |thread| thread.acquire(0, None).call(0, fixed(20), None))
            .burn(fixed(1))
            .in_thread(POOL, |thread| thread.release(0));
        at(event_loop(false, None), threads, &[0; 4], steps)
    };
    assert_eq!(latencies(&session(4), 0).len(), 4, "as many threads as people is enough");
    match engine::run(&session(2), Seed(1), Replication(0)) {
        Err(RunError::Circle { circle, .. }) => {
            assert!(circle.contains("holds `pool`") && circle.contains("a thread of `native`"), "{circle}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_goes_on_after_the_response_keeps_the_slot_and_not_the_client() {
    let steps = || Steps::new().burn(fixed(1)).respond().sleep(fixed(100));
    for worker in [threads(1), event_loop(false, None), hub(100), hub(1)] {
        let model = at(worker, 1, &[0, 50], steps());
        let second = if model.slots() == 1 { 52 } else { 1 };
        let took = latencies(&model, 0);
        assert!(took[0] <= 1 && took[1].abs_diff(second) <= 1, "{}: {took:?}", model.workers[0].name);
    }
}

#[test]
fn what_fails_after_the_response_fails_nobody() {
    for worker in [threads(1), event_loop(false, None), hub(10)] {
        let steps = Steps::new().respond().acquire(0, None).call(0, fixed(500), Some(ms(10))).release(0);
        let model = at(worker, 1, &[0, 100], steps);
        assert!(told(&model).iter().all(|one| one.ending == Ending::Ok && one.latency() < ms(1)));
    }
}

/// Numbers that make a world: carrier, people, threads, policy, limit, patience.
type Numbers = (usize, u32, u32, bool, Option<u64>, Option<u64>);

fn mixed((carrier, clients, size, hands_off, limit, patience): Numbers) -> Model {
    let limit = limit.map(ms);
    let steps = Steps::new()
        .burn(exponential(ms(1)))
        .in_thread(POOL, |thread| {
            let held = thread.acquire(0, limit).burn(exponential(ms(2))).call(0, exponential(ms(9)), limit);
            held.native(exponential(ms(1))).release(0)
        })
        .acquire(0, limit)
        .call(0, exponential(ms(3)), limit)
        .release(0)
        .within(ms(60), |block| block.in_thread(POOL, |thread| thread.sleep(exponential(ms(20)))))
        .respond()
        .in_thread(POOL, |thread| thread.burn(exponential(ms(1))));
    let [asyncio, uvloop, hub] = carriers();
    let worker = [asyncio, uvloop, hub, threads(7)].into_iter().nth(carrier).expect("there are four");
    let mut model = world(worker, 2, steps, closed(clients, 300));
    model.syncs[0] = pool(2, if hands_off { Policy::HandOff } else { Policy::Barging });
    model.syncs[usize::from(POOL)].kind = SyncKind::Threads { size };
    let costs = &mut model.workers[0].costs;
    (costs.request, costs.respond, costs.switch) = (Span::from_us(30), Span::from_us(20), Span::from_us(1));
    edit_client(&mut model, |client| {
        client.network = Span::from_us(100);
        client.patience = patience.map(|mean| exponential(ms(mean)));
    });
    model.run.drain = secs(60);
    model
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whoever_was_sent_has_ended_whatever_carries_the_steps(
        numbers in (0..4usize, 1..20u32, 1..6u32, any::<bool>(), proptest::option::of(5..60u64), proptest::option::of(20..500u64))
    ) {
        let model = mixed(numbers);
        let (once, again) = (run(&model), run(&model));
        prop_assert_eq!(once.fingerprint, again.fingerprint);
        let sent: u64 = once.series.sent.iter().sum();
        prop_assert_eq!(sent, once.endings.iter().sum::<u64>());
        prop_assert_eq!(sent, 300);
    }
}
