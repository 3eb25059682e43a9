//! The workloads by which simulators are compared give what theory and a hand-written loop say.

use engine::record::{Ending, Wait};

use crate::common::workloads::{bare, pages, real};

#[test]
fn customers_wait_on_the_engine_as_long_as_in_a_hand_written_loop() {
    for seed in [1, 2] {
        let (loops, engine) = (bare::mmc(100_000, seed), real::mmc(100_000, seed));
        // The same draws, and a server that costs nothing: the same waits, summed in another order of rounding.
        assert_eq!(loops.events, engine.events, "seed {seed}");
        assert!((loops.check - engine.check).abs() < 1e-9, "{} and {}", loops.check, engine.check);
    }
}

#[test]
fn the_floor_serves_the_engines_customers_after_the_engines_waits() {
    for seed in [1, 2] {
        let model = real::mmc_model(20_000);
        let record = engine::run(&model, engine::Seed(seed), engine::Replication(0)).expect("it comes to its end");
        let floor = engine::floor::mmc(&model, engine::Seed(seed), engine::Replication(0));
        assert_eq!(floor.births_fingerprint, record.births_fingerprint, "the same customers with the same needs");
        assert_eq!(floor.served, record.endings[Ending::Ok as usize]);
        assert_eq!(floor.waited.as_ns(), record.classes[0].blame[Wait::Backlog as usize].as_ns());
        assert_eq!(floor.p99, record.latency.quantile(0.99));
        assert_eq!(real::mmc_floor(20_000, seed).check, real::mmc(20_000, seed).check);
        assert!(floor.counted.0 < record.events, "{} events, and the engine {}", floor.counted.0, record.events);
    }
}

#[test]
fn the_floor_of_pages_serves_the_engines_people_and_is_no_slower_for_them() {
    for world in ["threads", "gevent"] {
        let model = pages::page_model(world, 60);
        let (seed, replication) = (engine::Seed(1), engine::Replication(0));
        let record = engine::run(&model, seed, replication).expect("it comes to its end");
        let floor = engine::floor::pages(&model, seed, replication);
        assert_eq!(floor.births_fingerprint, record.births_fingerprint, "the same people with the same needs");
        // Who loses patience asks again on the engine only: one in a thousand of lognormal(4s, 10s) takes less than 0.9 s.
        let served = record.endings[Ending::Ok as usize];
        assert!(floor.served.abs_diff(served) * 100 < served, "{} and {served}", floor.served);
        assert_eq!((pages::page(world, 60, 1).events, pages::page_floor(world, 60, 1).events), (served, floor.served));
        let p99 = |p99: Option<engine::time::Span>| p99.expect("some were served").as_secs_f64();
        let (bare, engine) = (p99(floor.p99), p99(record.latency.quantile(0.99)));
        assert!((0.99..=1.02).contains(&(engine / bare)), "{world}: {engine} and {bare}");
        assert!(floor.counted.0 < record.events, "{} events, and the engine {}", floor.counted.0, record.events);
    }
}

#[test]
fn customers_wait_as_long_as_erlang_says() {
    // Erlang's C for 8 servers at 0.9: a mean wait of 0.8769 services. One run of 10^5 customers has a standard deviation of 0.076
    // about it (autocorrelated waits); three of them over the root of 20 runs are 0.051.
    let mean = (1..=20).map(|seed| bare::mmc(100_000, seed).check).sum::<f64>() / 20.0;
    assert!((mean - 0.8769).abs() < 0.051, "{mean}");
}

#[test]
fn sleepers_sleep_as_long_as_their_law_says_and_a_poll_is_late() {
    // 400,000 exponential sleeps have a relative standard error of 0.16 %; a poll ends up to a millisecond late, and 50 us.
    for sleepers in [1_000, 20_000] {
        let loops = bare::timers(sleepers, 400_000, 1).check;
        let engine = real::timers(sleepers, 400_000, 1).check;
        assert!((loops - 1.0).abs() < 0.005, "{sleepers}: {loops}");
        assert!((engine - 1.000_55).abs() < 0.005, "{sleepers}: {engine}");
    }
}

#[test]
fn nobody_loses_patience_at_the_pool_and_all_cycles_are_made() {
    let (loops, engine) = (bare::pool(5, 1), real::pool(5, 1));
    assert_eq!((loops.check, engine.check), (0.0, 0.0));
    // 100 connections of 5 ms are 20,000 cycles a second. A hub's holds are late by half a millisecond and 50 us in the mean.
    let (ideal, late) = (3.0 * 20_000.0 * 5.0, 3.0 * 100.0 / 0.005_55 * 5.0);
    assert!((loops.events as f64 / ideal - 1.0).abs() < 0.02, "{}", loops.events);
    assert!((engine.events as f64 / late - 1.0).abs() < 0.03, "{}", engine.events);
}

#[test]
fn a_ring_of_greenlets_gives_everyone_its_turns() {
    let ring = real::ring(100, 10_000);
    assert_eq!((ring.events, ring.check), (10_100, 1.0));
    assert_eq!(bare::ring(100, 10_000).check, 1.0);
}

#[test]
fn a_fleet_sleeps_as_one_host_does() {
    // Each host has 50 of 2,500 sleepers in turn; 60 s leave out those who sleep at the end, one in sixty, and they are the long ones.
    let mean = real::fleet(50, 50, 60, 1).check;
    assert!((0.96..1.02).contains(&mean), "{mean}");
}

#[test]
fn requests_take_so_many_turns_on_a_hub_and_on_a_loop() {
    for on in [real::hub(50), real::event_loop()] {
        let turns = real::turns(on, 50, 10_000);
        assert_eq!((turns.events, turns.check), (10_000, 1.0), "all are served after as many turns as they were given");
    }
}
