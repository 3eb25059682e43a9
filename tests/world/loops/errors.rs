//! What becomes of a fan-out when one of its runs fails: `gather`, `TaskGroup`, `joinall`, `futures.wait`.

use crate::common::world::*;
use engine::law::Law;
use engine::model::{Arrivals, ClassSpec, Model, WorkerSpec};
use engine::op::OnError;
use engine::record::Ending;
use engine::requests::{Told, run_telling};
use engine::time::{Span, Time};
use engine::{Replication, Seed};

fn fixed(ms: u64) -> Law {
    Law::Fixed(Span::from_ms(ms))
}

/// At 0 ms a request with two runs, of which one gets the only unit for 300 ms and the other gives up after 50; at 100 ms another
/// request, which wants the unit.
fn model(worker: WorkerSpec, errors: OnError) -> Model {
    let mut model = world(worker, 2, Steps::new().fan_on(1, 2, errors), Arrivals::Trace([Time::ZERO].into()));
    let run = Steps::new().acquire(0, Some(ms(50))).sleep(fixed(300)).release(0).compile().0;
    let ping = Steps::new().acquire(0, None).release(0).compile().0;
    model.programs = [model.programs[0].clone(), run, ping].into();
    let class =
        ClassSpec { name: "ping".into(), weight: 1, program: 2, sites: vec![], header_bytes: 79, body_bytes: 12 };
    model.classes = [model.classes[0].clone(), class].into();
    let times = Arrivals::Trace([Time::ZERO + ms(100)].into());
    model.clients = [model.clients[0].clone(), engine::model::ClientSpec::plain("ping", vec![1], times)].into();
    model.run.length = Some(secs(10));
    model
}

/// Latencies in whole milliseconds of the request with the runs, which fails, and of the other one.
fn latencies(worker: WorkerSpec, errors: OnError) -> [u64; 2] {
    let mut all: Vec<Told> = Vec::new();
    let model = model(worker, errors);
    run_telling(&model, Seed(1), Replication(0), |request| all.push(*request)).expect("it runs");
    all.sort_by_key(|one| one.class);
    assert_eq!(all.iter().map(|one| one.ending).collect::<Vec<_>>(), [Ending::Failed, Ending::Ok]);
    [0, 1].map(|at| all[at].latency().as_ns() / 1_000_000)
}

#[test]
fn gather_raises_the_first_error_at_once_and_the_others_go_on() {
    for uvloop in [false, true] {
        let worker = || event_loop(uvloop, None);
        assert_eq!(latencies(worker(), OnError::Usual), [50, 200]);
        assert_eq!(latencies(worker(), OnError::Raise), [50, 200]);
        assert_eq!(latencies(worker(), OnError::Wait), [300, 200]);
    }
}

#[test]
fn a_task_group_cancels_the_others_which_give_back_what_they_hold() {
    for worker in [event_loop(false, None), event_loop(true, None), hub(10)] {
        let name = worker.name.clone();
        assert_eq!(latencies(worker, OnError::Cancel), [50, 0], "{name}");
    }
}

#[test]
fn hubs_and_threads_wait_for_all_runs_unless_they_say_otherwise() {
    for worker in [hub(10), threads(4)] {
        assert_eq!(latencies(worker.clone(), OnError::Usual), [300, 200], "{}", worker.name);
        assert_eq!(latencies(worker.clone(), OnError::Raise), [50, 200], "{}", worker.name);
    }
    // Nobody cancels a thread.
    assert_eq!(latencies(threads(4), OnError::Cancel), [300, 200]);
}
