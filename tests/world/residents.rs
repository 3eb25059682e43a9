//! Greenlets that are the clients themselves: who wins a pool, who starves, and what a pass is.

use crate::common::world::{Steps, hub, ms, pool, run, secs, world};
use engine::Model;
use engine::law::Law;
use engine::model::{Arrivals, Policy, SyncKind, SyncSpec, TimedWaits, WorkerSpec};
use engine::record::{Ending, Residents, RunRecord};
use engine::time::Span;

const POOL: u16 = 0;

/// So many greenlets in a loop, for ten seconds.
fn resident(clients: u32, think: Span, steps: Steps) -> Model {
    let arrivals = Arrivals::Closed { clients, requests: None, think: Law::Fixed(think) };
    let mut model = world(WorkerSpec { resident: true, ..hub(clients) }, 1, steps, arrivals);
    model.run.length = Some(secs(10));
    model
}

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

fn residents(record: &RunRecord) -> Residents {
    record.residents.expect("the clients are residents")
}

/// Takes a unit, waits 1 ms for a peer, gives it back.
fn with_unit() -> Steps {
    Steps::default().acquire(POOL, Some(secs(1))).call(0, fixed(ms(1)), None).release(POOL)
}

fn with_connection() -> Steps {
    Steps::default().burn(fixed(Span::from_us(10))).get(POOL, secs(1)).call(0, fixed(ms(1)), None).put(POOL, secs(1))
}

fn connections(count: u32, standard: bool) -> SyncSpec {
    let kind = SyncKind::Queue { lifo: true, max: Some(count), standard, filled: true };
    SyncSpec { name: "pool".into(), pool: true, kind }
}

#[test]
fn who_gives_a_unit_back_takes_it_again_and_all_others_starve() {
    let mut model = resident(20, Span::ZERO, with_unit());
    model.syncs[0] = pool(3, Policy::Barging);
    let record = run(&model);
    let all = residents(&record);
    assert_eq!((all.clients, all.served), (20, 3));
    assert_eq!(all.longest_without, secs(10));
    // 17 losers fail once a second; the last of their ten failures falls on the end.
    let failed = record.endings[Ending::Failed as usize];
    assert!((17 * 9..=17 * 10).contains(&failed), "{failed}");
}

#[test]
fn a_main_greenlet_that_joins_comes_back_late_by_up_to_two_rounds_of_the_loop() {
    // Each of 20 burns 10 ms and lets the next one in: a round is 200 ms. A timeout that falls due just after a poll waits for the end
    // of that round, and for that of the next one, in which timeouts come last.
    let record = run(&resident(20, Span::ZERO, Steps::default().burn(fixed(ms(10))).sleep(fixed(ms(1)))));
    let late = &record.join_lag;
    assert!((9..=10).contains(&late.count()), "tried every second: {}", late.count());
    let max = late.max().expect("some");
    assert!(max >= ms(200) && max <= ms(410), "{max}");
    let alone = run(&resident(1, Span::ZERO, Steps::default().sleep(fixed(ms(10)))));
    assert!(alone.join_lag.max().expect("some") <= ms(12), "whenever the loop comes round");
}

#[test]
fn a_pool_that_hands_over_serves_all_alike() {
    let mut model = resident(20, Span::ZERO, with_unit());
    model.syncs[0] = pool(3, Policy::HandOff);
    let record = run(&model);
    let all = residents(&record);
    assert_eq!((all.served, record.endings[Ending::Failed as usize]), (20, 0));
    assert!(all.jain() > Some(0.99), "{:?}", all.jain());
}

#[test]
fn queues_filled_with_connections_have_as_many_winners_as_connections() {
    for standard in [false, true] {
        for timed_waits in [TimedWaits::Notified, TimedWaits::Polled] {
            for lock_yields in [false, true] {
                let mut model = resident(20, Span::ZERO, with_connection());
                model.syncs[0] = connections(4, standard);
                model.workers[0] = WorkerSpec { timed_waits, lock_yields, ..model.workers[0].clone() };
                let all = residents(&run(&model));
                assert_eq!(all.served, 4, "standard: {standard}, {timed_waits:?}, yields: {lock_yields}");
            }
        }
    }
}

#[test]
fn who_gives_up_looks_for_itself_behind_those_who_joined_before_and_not_behind_those_who_were_notified() {
    let searching = |held: Span, search: Span| {
        let steps = Steps::default().burn(fixed(Span::from_us(10))).get(POOL, secs(1));
        let mut model = resident(20, Span::ZERO, steps.call(0, fixed(held), None).put(POOL, secs(1)));
        model.syncs[0] = connections(1, true);
        model.workers[0].timed_waits = TimedWaits::Polled;
        model.workers[0].costs.search = search;
        run(&model).process_cpu[0]
    };
    let us = Span::from_us;
    // One has the connection to the end: the others give up in the order in which they came, each at the front.
    assert_eq!(searching(secs(100), us(10)), searching(secs(100), Span::ZERO));
    // It comes back every millisecond, and the one who is notified goes to the end: 19 fail ten times, each behind some of 18.
    let more = searching(ms(1), us(10)) - searching(ms(1), Span::ZERO);
    assert!((us(19 * 9 * 10)..us(19 * 10 * 18 * 10)).contains(&more), "{more}");
}

#[test]
fn a_pause_between_passes_gives_the_others_their_turn() {
    let mut model = resident(6, ms(5), with_unit());
    model.syncs[0] = pool(3, Policy::Barging);
    let record = run(&model);
    assert_eq!((residents(&record).served, record.endings[Ending::Failed as usize]), (6, 0));
}

#[test]
fn passes_follow_each_other_without_a_gap() {
    let model = resident(1, Span::ZERO, Steps::default().burn(fixed(ms(1))));
    let record = run(&model);
    let passes = residents(&record).passes;
    assert!((9_990..=10_000).contains(&passes), "{passes} passes of 1 ms in 10 s");
    assert!(record.latency.max() < Some(ms(1) + Span::from_us(1)), "nothing but looks at the clock comes between");
}

#[test]
fn a_total_is_shared_by_all_and_ends_the_run() {
    let arrivals = Arrivals::Closed { clients: 4, requests: Some(10), think: fixed(Span::ZERO) };
    let model = world(WorkerSpec { resident: true, ..hub(4) }, 1, Steps::default().burn(fixed(ms(1))), arrivals);
    let record = run(&model);
    assert_eq!(residents(&record).passes, 10);
    assert_eq!(record.endings.iter().sum::<u64>(), 10);
}

#[test]
fn what_is_under_way_when_the_time_is_up_is_unfinished() {
    let model = resident(5, Span::ZERO, Steps::default().sleep(fixed(secs(3))));
    let record = run(&model);
    let ended = |ending| record.endings[ending as usize];
    assert_eq!((ended(Ending::Ok), ended(Ending::Unfinished)), (15, 5));
    assert_eq!(record.series.sent.iter().sum::<u64>(), 20);
}
