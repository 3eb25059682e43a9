//! Threads that a request starts and leaves alone, as sentences about the world.

use crate::common::world::*;
use engine::law::Law;
use engine::model::{Arrivals, Model, SyncKind, WorkerSpec};
use engine::op::{Op, Program};
use engine::record::Ending;
use engine::requests::{Told, run_telling};
use engine::time::{Span, Time};
use engine::{Replication, Seed};

/// The executor of [`world`].
const EXECUTOR: u16 = 4;

fn fixed(ms: u64) -> Law {
    Law::Fixed(Span::from_ms(ms))
}

/// Requests that come at these milliseconds on four cores, and what they start.
fn at(worker: WorkerSpec, instants: &[u64], steps: Steps, started: Program) -> Model {
    let times: Vec<Time> = instants.iter().map(|&at| Time::ZERO + ms(at)).collect();
    let mut model = world(worker, 4, steps, Arrivals::Trace(times.into()));
    model.programs = [model.programs[0].clone(), started].into();
    model.run.length = Some(secs(60));
    model
}

fn told(model: &Model) -> Vec<Told> {
    let mut all = Vec::new();
    run_telling(model, Seed(1), Replication(0), |request| all.push(*request)).expect("it runs");
    all
}

/// Latencies in whole milliseconds, in the order of the births.
fn latencies(model: &Model) -> Vec<u64> {
    let mut all = told(model);
    all.sort_by_key(|one| one.born);
    all.iter().map(|one| one.latency().as_ns() / 1_000_000).collect()
}

fn with_gil(mut worker: WorkerSpec) -> WorkerSpec {
    worker.gil = true;
    worker
}

fn carriers() -> [WorkerSpec; 4] {
    [with_gil(threads(8)), event_loop(false, None), event_loop(true, None), with_gil(hub(100))]
}

#[test]
fn a_thread_that_is_started_and_waits_keeps_nobody() {
    for worker in carriers() {
        let steps = Steps::new().burn(fixed(1)).start(1, Op::NO_EXECUTOR).burn(fixed(1));
        let model = at(worker, &[0, 5, 10], steps, Steps::started(Op::NO_EXECUTOR, |thread| thread.sleep(fixed(500))));
        assert_eq!(latencies(&model), [2; 3], "{}", model.workers[0].name);
    }
}

#[test]
fn one_that_computes_takes_the_gil_for_a_switch_interval_each_time_and_under_a_hub_all_of_its_time() {
    for worker in carriers() {
        let on_hub = worker.name == "gevent";
        let steps = Steps::new().burn(fixed(1)).start(1, Op::NO_EXECUTOR).burn(fixed(1));
        let model = at(worker, &[0], steps, Steps::started(Op::NO_EXECUTOR, |thread| thread.burn(fixed(300))));
        let (name, latency) = (&model.workers[0].name, latencies(&model)[0]);
        // The starter waits for a first sign of life, then for the GIL: 5 ms; a greenlet gives way to nobody.
        let expected = if on_hub { 302..=302 } else { 6..=8 };
        assert!(expected.contains(&latency), "{name}: {latency} ms");
    }
}

#[test]
fn jobs_of_an_executor_wait_for_its_threads_and_who_submits_them_does_not() {
    for worker in carriers() {
        let steps = Steps::new().start(1, EXECUTOR).burn(fixed(1));
        let mut model =
            at(worker, &[0, 10, 20, 30], steps, Steps::started(EXECUTOR, |thread| thread.call(0, fixed(100), None)));
        for (size, most) in [(1, 1), (2, 2), (10, 4)] {
            model.syncs[usize::from(EXECUTOR)].kind = SyncKind::Threads { size };
            assert_eq!(latencies(&model), [1; 4], "{}", model.workers[0].name);
            assert_eq!(run(&model).calls_peak, most, "{} threads of {}", size, model.workers[0].name);
        }
    }
}

#[test]
fn under_a_hub_only_a_new_thread_of_an_executor_comes_before_the_response() {
    // The second job finds an idle thread, which a callback wakes: its request has answered by then.
    let steps = Steps::new().burn(fixed(1)).start(1, EXECUTOR).burn(fixed(1));
    let job = Steps::started(EXECUTOR, |thread| thread.burn(fixed(300)));
    let model = at(with_gil(hub(100)), &[0, 1000], steps, job);
    assert_eq!(latencies(&model), [302, 2]);
}

#[test]
fn what_fails_in_a_started_thread_fails_no_request_and_gives_back_what_it_holds() {
    for worker in carriers() {
        let steps = Steps::new().start(1, Op::NO_EXECUTOR).sleep(fixed(1)).acquire(0, None).release(0);
        let thread = Steps::started(Op::NO_EXECUTOR, |thread| {
            thread.acquire(0, None).call(0, fixed(500), Some(ms(100))).release(0)
        });
        let model = at(worker, &[0], steps, thread);
        let all = told(&model);
        assert_eq!(all[0].ending, Ending::Ok);
        assert_eq!(latencies(&model), [100], "{}", model.workers[0].name);
    }
}

#[test]
fn more_threads_than_may_be_alive_end_the_run_with_their_name() {
    let thread = || Steps::started(Op::NO_EXECUTOR, |thread| thread.sleep(fixed(50_000)));
    for (limit, ends) in [(3, true), (2, false)] {
        let mut model = at(threads(4), &[0, 10, 20], Steps::new().start(1, Op::NO_EXECUTOR), thread());
        model.limits.requests = limit;
        let result = engine::run(&model, Seed(1), Replication(0));
        match result {
            Ok(_) => assert!(ends, "three threads pass a limit of {limit}"),
            Err(error) => assert!(!ends && error.to_string().contains("more than 2 threads"), "{error}"),
        }
    }
}
