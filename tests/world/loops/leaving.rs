//! Loops that leave: ticks, limits of requests, and connections that stay in the accept queue.

use crate::common::world::*;
use engine::law::Law;
use engine::model::{Arrivals, Model, WorkerKind, WorkerSpec};
use engine::record::Wait;
use engine::requests::{Told, run_telling};
use engine::time::{Span, Time};
use engine::worker::LifeSpec;
use engine::{Replication, Seed};

fn fixed(ms: u64) -> Law {
    Law::Fixed(Span::from_ms(ms))
}

/// A loop that is replaced after so many requests, looking for that every 100 ms if it ticks.
fn replaced_after(requests: u32, ticks: bool, reaps: Span) -> WorkerSpec {
    let mut worker = event_loop(false, None);
    let WorkerKind::Loop(spec) = &mut worker.kind else { unreachable!("it is a loop") };
    spec.tick = ticks.then_some(ms(100));
    worker.life = Some(LifeSpec {
        timeout: None,
        harakiri: None,
        max_requests: Some((requests, 0)),
        graceful_timeout: secs(3),
        boot: ms(50),
        lifetime_least: Span::ZERO,
        forkbomb_delay: Span::ZERO,
        looks: Span::from_ns(1),
        reaps,
        dies_of_emfile: false,
    });
    worker
}

fn at(worker: WorkerSpec, instants: &[u64], steps: Steps) -> Model {
    let times: Vec<Time> = instants.iter().map(|&at| Time::ZERO + ms(at)).collect();
    let mut model = world(worker, 2, steps, Arrivals::Trace(times.into()));
    model.run.length = Some(secs(20));
    model
}

fn told(model: &Model) -> Vec<Told> {
    let mut all = Vec::new();
    run_telling(model, Seed(1), Replication(0), |request| all.push(*request)).expect("it runs");
    all.sort_by_key(|one| one.born);
    all
}

/// When each ended, in whole milliseconds from the start.
fn ends(model: &Model) -> Vec<u64> {
    told(model).iter().map(|one| one.ended.as_ns() / 1_000_000).collect()
}

#[test]
fn a_loop_that_ticks_serves_on_until_its_tick_and_looks_again_before_it_ends() {
    let steps = || Steps::new().burn(fixed(1));
    // The second answer is its last; the third request comes before the tick at 100 ms, the fourth after it: the process ends at
    // 200 ms, and the next is up 50 ms later.
    assert_eq!(ends(&at(replaced_after(2, true, Span::ZERO), &[10, 20, 50, 150], steps())), [11, 21, 51, 251]);
    // A master that looks every half a second finds it at 500 ms.
    assert_eq!(ends(&at(replaced_after(2, true, ms(500)), &[10, 20, 50, 150], steps())), [11, 21, 51, 551]);
    // One that does not tick stops with the request that is its last.
    assert_eq!(ends(&at(replaced_after(2, false, Span::ZERO), &[10, 20, 50], steps())), [11, 21, 72]);
}

#[test]
fn a_loop_that_is_held_at_its_tick_ends_later() {
    let steps = Steps::new().burn(fixed(80));
    // Two burns, to 160 ms: the tick of 100 ms comes when the second is done, and the process looks again 100 ms later.
    let ends = ends(&at(replaced_after(1, true, Span::ZERO), &[10, 15, 200], steps));
    assert_eq!(ends, [90, 170, 400]);
}

#[test]
fn what_a_process_has_begun_is_cut_after_its_grace_to_the_millisecond() {
    let model = at(replaced_after(1, false, Span::ZERO), &[10], Steps::new().sleep(fixed(10_000)));
    assert_eq!(ends(&model), [3_010]);
}

#[test]
fn connections_beyond_the_backpressure_stay_in_the_accept_queue_until_one_ends() {
    for (permits, expected) in [(None, [0, 0, 0]), (Some(2), [0, 0, 98]), (Some(1), [0, 99, 198])] {
        let mut worker = event_loop(false, None);
        let WorkerKind::Loop(spec) = &mut worker.kind else { unreachable!("it is a loop") };
        spec.backpressure = permits;
        let all = told(&at(worker, &[0, 1, 2], Steps::new().sleep(fixed(100))));
        let queued = all.iter().map(|one| one.bill[Wait::Backlog as usize].as_ns() / 1_000_000);
        assert_eq!(queued.collect::<Vec<u64>>(), expected, "{permits:?}");
    }
}
