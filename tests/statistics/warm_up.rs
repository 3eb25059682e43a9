//! The warm-up that is found on the engine: where theory says when a world has settled, or that it never does.

use crate::common::world::*;
use engine::model::{Arrivals, Model};
use engine::{Replication, Seed};
use lab::{RunSettings, WarmUp, run_all, run_all_from};

const PLAN: RunSettings = RunSettings { seed: Seed(1), replications: 1, threads: None };

/// Everybody stays a minute, and nobody waits: the number inside rises for a minute and then stays.
fn minute_long(rate: f64, threads_of_it: u32) -> Model {
    let minute = engine::law::Law::Fixed(secs(60));
    let mut model = world(threads(threads_of_it), 1, Steps::new().sleep(minute), poisson(rate));
    model.run.length = Some(secs(1_200));
    model
}

fn found(model: &Model) -> WarmUp {
    WarmUp::find(std::slice::from_ref(model), &PLAN, &|_| {}).expect("the pilots come to their end")
}

#[test]
fn a_world_that_fills_up_in_a_minute_is_cut_after_a_minute() {
    // 600 people +- 24 are inside; averaged over five pilots the noise is 2 %, so the last few seconds of the rise may stay in. What
    // happens after it is chance, which lasts as long as people stay: a dip may be cut too, but no more than a quarter of the run.
    let mut model = minute_long(10.0, 2_000);
    for seed in 1..=8 {
        let plan = RunSettings { seed: Seed(seed), ..PLAN };
        let warm_up = WarmUp::find(std::slice::from_ref(&model), &plan, &|_| {}).expect("the pilots come to their end");
        assert!(warm_up.settled(), "seed {seed}");
        let removed = warm_up.removed.as_secs_f64();
        assert!((50.0..=300.0).contains(&removed), "seed {seed}: {removed} s");
    }
    let warm_up = found(&model);
    warm_up.apply(std::slice::from_mut(&mut model));
    assert_eq!(model.run.warm_up, warm_up.removed);
}

#[test]
fn a_world_with_too_much_to_do_never_settles_and_keeps_everything() {
    let warm_up = found(&minute_long(10.0, 300));
    assert!(!warm_up.settled());
    assert!(warm_up.removed.is_zero() && warm_up.worlds[0].at > secs(600), "{warm_up:?}");
}

#[test]
fn closed_clients_are_cut_by_what_is_answered() {
    // A hundred clients who always ask keep the number inside constant; until the first answers there are none.
    let mut model = world(threads(100), 1, Steps::new().sleep(exponential(secs(10))), poisson(1.0));
    edit_client(&mut model, |client| {
        client.arrivals = Arrivals::Closed { clients: 100, requests: None, think: engine::law::Law::Fixed(ms(0)) };
    });
    model.run.length = Some(secs(1_000));
    let warm_up = found(&model);
    assert!(warm_up.settled() && warm_up.removed < secs(500), "{warm_up:?}");
}

#[test]
fn pilots_share_no_chance_with_runs_that_count() {
    let model = minute_long(1.0, 2_000);
    let births = |first: u32| {
        let results = run_all_from(std::slice::from_ref(&model), &PLAN, Replication(first), &|_| {}).expect("it runs");
        results[0].records[0].births_fingerprint
    };
    assert_ne!(births(0), births(1 << 31));
}

#[test]
fn replications_from_a_number_on_are_those_of_a_longer_run() {
    let models = [minute_long(1.0, 2_000)];
    let whole = run_all(&models, &RunSettings { replications: 3, ..PLAN }, &|_| {}).expect("it runs");
    let rest =
        run_all_from(&models, &RunSettings { replications: 2, ..PLAN }, Replication(1), &|_| {}).expect("it runs");
    let print = |records: &[engine::RunRecord]| records.iter().map(|record| record.fingerprint).collect::<Vec<_>>();
    assert_eq!(print(&whole[0].records[1..]), print(&rest[0].records));
    assert_eq!(rest[0].records[1].replication, 2);
}
