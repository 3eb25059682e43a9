//! Listening sockets that wait for data (`TCP_DEFER_ACCEPT`), and the kernels' timer wheel: what they make of a crowd.

use crate::common::world::*;
use engine::RunRecord;
use engine::kernel::Handshake;
use engine::law::Law;
use engine::model::{Model, WorkerSpec};
use engine::record::Ending;
use engine::time::Span;
use engine::worker::{RouterCosts, RouterSpec};

const DEFERRED: Handshake = Handshake { defer_accept: true, ..Handshake::LINUX };

fn ended(record: &RunRecord, ending: Ending) -> u64 {
    record.endings[ending as usize]
}

fn routed(mut worker: WorkerSpec) -> WorkerSpec {
    let us = Span::from_us;
    let costs =
        RouterCosts { poll: us(1), accept: us(10), connect: us(22), forward: us(9), answer: us(6), close: us(12) };
    worker.router = Some(RouterSpec { costs, timeout: secs(60) });
    worker
}

/// So many clients of one program on a core of its own, at a queue of ten.
fn crowd(worker: WorkerSpec, clients: u32, handshake: Handshake) -> Model {
    let steps = Steps::new().sleep(Law::Fixed(secs(1)));
    let mut model = world(worker, 1, steps, closed(clients, u64::from(clients)));
    model.listeners[0].backlog = 10;
    model.kernel.handshake = Some(handshake);
    edit_client(&mut model, |client| client.cost = Some(Law::Fixed(Span::from_us(40))));
    model
}

#[test]
fn syns_that_are_repeated_together_are_all_answered_and_most_of_them_ignored() {
    // People whose bytes come with the end of the handshake: eleven of sixty find room at once, and one thread for each.
    let people = |handshake| {
        let mut model = crowd(threads(60), 60, handshake);
        edit_client(&mut model, |client| client.cost = None);
        run(&model)
    };
    let (plain, deferred) = (people(Handshake::LINUX), people(DEFERRED));
    // One at a time they see what is left of the queue, and a SYN is dropped again and again.
    assert!(plain.syn_drops > 49, "{}", plain.syn_drops);
    assert_eq!(plain.kernel.ack_drops, 0);
    // Together they see an empty queue, so each SYN is dropped once; the ends of the handshakes are what finds it full.
    assert_eq!(deferred.syn_drops, 49);
    assert!(deferred.kernel.ack_drops > 30, "{}", deferred.kernel.ack_drops);
    assert_eq!((ended(&plain, Ending::Ok), ended(&deferred, Ending::Ok)), (60, 60));
}

#[test]
fn a_connection_without_bytes_waits_among_the_incomplete_ones() {
    // The program writes when it has connected for all, so ten stay incomplete, eleven get in with a cookie, and nobody serves yet.
    let deferred = run(&crowd(threads(1), 21, DEFERRED));
    assert_eq!((deferred.syn_drops, ended(&deferred, Ending::Ok)), (0, 21));
    let plain = run(&crowd(threads(1), 21, Handshake::LINUX));
    assert!(plain.syn_drops > 0, "without it there are eleven places");
}

#[test]
fn a_crowd_behind_a_router_waits_longer_the_more_of_it_there_is() {
    // Each time the bytes come again the queue has room for some, and each time takes twice as long as the one before.
    let took = |clients| run(&crowd(routed(threads(clients)), clients, DEFERRED)).finished.as_ns() / 1_000_000;
    let totals = [took(30), took(60), took(90)];
    assert!(totals[0] < totals[1], "{totals:?}");
    assert!(totals[2] - totals[1] > 2 * (totals[1] - totals[0]), "{totals:?}");
}

/// A thousand clients of `ab` at a router's queue of a hundred, the server's own work and the switches included.
fn herd(mut worker: WorkerSpec) -> Model {
    let us = Span::from_us;
    (worker.costs.accept, worker.costs.request, worker.costs.respond) = (us(8), us(5), us(7));
    let mut model = crowd(routed(worker), 1000, DEFERRED);
    model.listeners[0].backlog = 100;
    (model.hosts[0].slice, model.hosts[0].tick, model.hosts[0].switch) = (us(1400), ms(4), us(3));
    let costs = Law::lognormal(us(44), us(75)).expect("a median and a larger percentile");
    edit_client(&mut model, |client| client.cost = Some(costs));
    model
}

/// How long twenty runs took, in milliseconds, the shortest first.
fn totals(model: &Model) -> Vec<u64> {
    let mut totals: Vec<u64> = (0..20).map(|turn| run_seed(model, turn).finished.as_ns() / 1_000_000).collect();
    totals.sort_unstable();
    totals
}

#[test]
fn threads_that_accept_in_turn_lose_a_crowd_that_each_for_itself_would_accept() {
    let mut model = herd(threads(1000));
    let each = totals(&model);
    model.workers[0].in_turn = true;
    let turns = totals(&model);
    assert!(each[19] < 1_200 && turns[0] > 2_000, "{each:?} {turns:?}");
    assert!(turns[19] > turns[0] + 1_000, "another time in each run: {turns:?}");
    let hub = totals(&herd(hub(1000)));
    assert!(hub[19] < hub[0] + 1_000, "a hub the same: {hub:?}");
}

#[test]
fn threads_that_are_owed_time_from_their_start_accept_a_crowd_sooner() {
    let mut model = herd(threads(1000));
    model.workers[0].in_turn = true;
    let idle = totals(&model);
    let costs = &mut model.workers[0].costs;
    (costs.create, costs.start) = (Span::from_us(15), Span::from_us(24));
    let started = totals(&model);
    assert!(started[0] < idle[0] && started[19] < idle[19], "{started:?} {idle:?}");
}

#[test]
fn with_room_for_everybody_a_socket_that_waits_for_data_changes_no_ending() {
    for worker in [threads(50), hub(50), routed(threads(50)), routed(hub(50))] {
        let mut model = crowd(worker, 50, DEFERRED);
        model.listeners[0].backlog = 100;
        let record = run(&model);
        assert_eq!((record.syn_drops, record.kernel.ack_drops, ended(&record, Ending::Ok)), (0, 0, 50));
        assert!(record.finished.as_ns() < 1_100_000_000, "{}", record.finished);
    }
}

#[test]
fn with_abort_on_overflow_who_is_ignored_is_reset_instead() {
    let model = crowd(threads(60), 60, Handshake { abort_on_overflow: true, ..DEFERRED });
    let record = run(&model);
    assert_eq!(ended(&record, Ending::Reset), record.kernel.ack_drops);
    assert_eq!(ended(&record, Ending::Ok) + ended(&record, Ending::Reset), 60);
}
