//! Releases as sentences about the world: what an older one does otherwise.

use std::sync::Arc;

use crate::common::world::*;
use engine::law::Law;
use engine::model::*;
use engine::record::RunRecord;
use engine::time::Span;

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

/// Eight clients that keep their connections, at a process with two threads that may have four.
fn kept(looks: Looks, keep_alive: Span) -> RunRecord {
    let kind = WorkerKind::Pool { threads: 2, connections: 4, closes: false };
    let worker = WorkerSpec { looks, keep_alive: Some(keep_alive), ..WorkerSpec::plain("gthread", kind) };
    let arrivals = Arrivals::Closed { clients: 8, requests: None, think: exponential(ms(100)) };
    let mut model = world(worker, 2, Steps::new().sleep(fixed(ms(20))), arrivals);
    let own = KeepAlive { timeout: secs(75), connections: 8, requests: u32::MAX };
    edit_client(&mut model, |client| client.keep_alive = Some(own));
    model.run.length = Some(secs(20));
    model.run.drain = Span::ZERO;
    run(&model)
}

fn ok(record: &RunRecord) -> u64 {
    record.endings[engine::record::Ending::Ok as usize]
}

#[test]
fn a_pool_that_looks_at_nothing_while_it_is_full_serves_nobody_once_all_its_connections_are_idle() {
    let hangs = kept(Looks::WhileRoom { reads_first: true }, secs(75));
    // Four connections, each of which it has seen once at most; the accepting thread goes round and round.
    assert!(ok(&hangs) <= 4, "{}", ok(&hangs));
    assert!(hangs.process_cpu[0] > secs(19), "{}", hangs.process_cpu[0]);
}

#[test]
fn who_hands_connections_over_at_once_or_looks_at_all_of_them_keeps_no_more_than_leave_each_thread_one() {
    for looks in [Looks::WhileRoom { reads_first: false }, Looks::Always] {
        let goes_on = kept(looks, secs(75));
        assert!(ok(&goes_on) > 500, "{looks:?}: {}", ok(&goes_on));
        assert!(goes_on.process_cpu[0] < secs(1), "{looks:?}: {}", goes_on.process_cpu[0]);
    }
}

#[test]
fn the_hang_ends_when_the_server_closes_an_idle_connection() {
    let short = ok(&kept(Looks::WhileRoom { reads_first: true }, secs(2)));
    assert!((8..200).contains(&short), "{short}");
}

/// A greenlet that gives way after every half millisecond, and one that sleeps 0.1 s again and again beside it.
fn heartbeat(batch: Batch) -> Span {
    let hub = WorkerKind::Hub { greenlets: 10, accepts: 1, full: WhenFull::Stop };
    let worker = WorkerSpec { batch, ..WorkerSpec::plain("hub", hub) };
    let busy = Steps::new().hog(fixed(secs(20)), Span::from_us(500));
    let mut model = world(worker, 1, busy, closed(1, 1));
    let (program, sites) = Steps::new().sleep(fixed(ms(100))).compile();
    let class = ClassSpec { name: "beat".into(), program: 1, sites, ..model.classes[0].clone() };
    let again = Arrivals::Closed { clients: 1, requests: Some(10), think: fixed(Span::ZERO) };
    let client = ClientSpec { name: "beat".into(), classes: vec![1], arrivals: again, ..model.clients[0].clone() };
    model.programs = Arc::new([model.programs[0].clone(), program]);
    model.classes = Arc::new([model.classes[0].clone(), class]);
    model.clients = Arc::new([model.clients[0].clone(), client]);
    run(&model).classes[1].latency.quantile(0.5).expect("it beats")
}

#[test]
fn a_hub_that_counts_its_callbacks_polls_after_a_thousand_of_them() {
    let counted = heartbeat(Batch::Counted(1_000));
    // It is accepted at one poll and wakes at the next but one at most: two rounds of 1,000 turns of 0.5 ms.
    assert!((ms(900)..ms(1_100)).contains(&counted), "{counted}");
    let timed = heartbeat(Batch::Timed);
    // A look after every 50th turn is a round of 25 ms.
    assert!((ms(100)..ms(160)).contains(&timed), "{timed}");
}
