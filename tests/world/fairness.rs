//! Fairness and blame: who is starved, what is billed under which name, and who is said to have kept whom waiting.

use crate::common::world::{Steps, hub, ms, pool, run, secs, threads, world};
use engine::law::Law;
use engine::model::{Arrivals, Policy, Profile, WorkerSpec};
use engine::record::{Ending, Evenness, Held, RunRecord, STARVED_MAX, Wait};
use engine::time::{Span, Time};

const POOL: u16 = 0;

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

fn closed(clients: u32, think: Span) -> Arrivals {
    Arrivals::Closed { clients, requests: None, think: fixed(think) }
}

fn open(rate: f64) -> Arrivals {
    Arrivals::Poisson(Profile { points: vec![(Time::ZERO, rate)] })
}

/// Time that all good responses spent so.
fn billed(record: &RunRecord, wait: Wait) -> Span {
    record.classes[0].blame[wait as usize]
}

#[test]
fn equal_clients_of_a_fair_queue_are_served_alike_and_none_starves() {
    let mut model = world(threads(1), 1, Steps::new().burn(fixed(ms(10))), closed(20, Span::ZERO));
    model.run.length = Some(secs(60));
    let record = run(&model);
    let group = &record.groups[0];
    assert_eq!((group.clients.count, group.starved_clients, group.waiting.starved), (20, 0, 0));
    assert!(group.clients.jain() > Some(0.999), "{:?}", group.clients);
    // 20 clients, 10 ms each: nobody waits for longer than the other nineteen take.
    assert!(group.waiting.longest <= ms(191), "{}", group.waiting.longest);
}

#[test]
fn resident_clients_of_a_barging_pool_starve_and_those_of_one_that_hands_on_do_not() {
    let of = |policy| {
        let steps = Steps::new().acquire(POOL, None).call(0, fixed(ms(1)), None).release(POOL);
        let mut model = world(WorkerSpec { resident: true, ..hub(20) }, 1, steps, closed(20, Span::ZERO));
        model.syncs[0] = pool(3, policy);
        model.run.length = Some(secs(10));
        let record = run(&model);
        (record.groups[0].clone(), record.pools[0].clone())
    };
    let (barging, pool_that_barges) = of(Policy::Barging);
    assert_eq!((barging.clients.count, barging.starved_clients), (20, 17));
    assert!(barging.clients.jain() < Some(0.16), "three of twenty have all: {:?}", barging.clients.jain());
    // They are known by name: the last ones to come, who never had anything.
    let mut starved: Vec<u32> = barging.starved_longest.all().iter().map(|client| client.number).collect();
    starved.sort_unstable();
    assert_eq!(starved, (3..3 + STARVED_MAX as u32).collect::<Vec<_>>());
    assert!(barging.starved_longest.all().iter().all(|one| (one.served, one.longest) == (0, secs(10))));
    // The poorest 17 of 20 have nothing: 42 of 50 parts lie below them.
    assert_eq!((barging.lorenz[42], barging.lorenz[50]), (0, 50 * u64::try_from(barging.clients.sum).unwrap()));
    let (handed_on, pool_that_hands_on) = of(Policy::HandOff);
    assert_eq!(handed_on.starved_clients, 0);
    // Who comes between two others when units are handed on stays there: rounds of 20 by three are not quite even.
    assert!(handed_on.clients.jain() > Some(0.99), "{:?}", handed_on.clients);
    assert!(handed_on.starved_longest.all().is_empty());
    // Of the barging pool only the starved ever wait, all of them until the end; of the other everybody waits for some rounds.
    assert!(pool_that_barges.waits.count == 17 && pool_that_barges.waits.min >= secs(10).as_ns());
    assert!(pool_that_barges.waits.jain() > Some(0.999), "all that wait do so alike: who does not is another question");
    assert!(pool_that_hands_on.waits.count > 10_000, "{:?}", pool_that_hands_on.waits);
    assert!(pool_that_hands_on.waits.max < ms(10).as_ns(), "{:?}", pool_that_hands_on.waits);
}

#[test]
fn who_needs_long_or_pauses_long_does_not_starve() {
    let of = |needs: Span, pause: Span, slots| {
        let mut model = world(threads(slots), 4, Steps::new().sleep(fixed(needs)), closed(8, pause));
        model.run.length = Some(secs(120));
        run(&model).groups[0].starved_clients
    };
    assert_eq!((of(secs(3), Span::ZERO, 8), of(ms(1), secs(5), 8)), (0, 0));
    // Where all wait in turn, the others get one answer each before it is one's turn again.
    assert_eq!(of(secs(3), Span::ZERO, 4), 0);
}

#[test]
fn a_request_is_starved_if_two_later_ones_were_answered_while_it_waited_for_too_long() {
    // One greenlet of a hub burns for 3 s, with a yield after each ms; those who come meanwhile are answered between its pieces.
    let steps = Steps::new().hog(Law::Uniform { low: ms(1), high: ms(6_000) }, ms(1));
    let mut model = world(hub(1_000), 1, steps, open(0.5));
    model.run.length = Some(secs(600));
    let record = run(&model);
    let starved = record.classes[0].waiting.starved;
    assert!(starved > 0 && starved < record.endings[Ending::Ok as usize], "{starved}");
    let list = record.classes[0].starved.all();
    assert_eq!(list.len() as u64, starved.min(STARVED_MAX as u64));
    assert!(list.iter().all(|one| one.waited > secs(1)) && list.is_sorted_by(|a, b| a.waited >= b.waited));
    assert!(list.iter().all(|one| one.bill.iter().copied().sum::<Span>() > one.waited), "a bill has the work, too");
    model.run.starved_after = secs(10_000);
    assert_eq!(run(&model).classes[0].waiting.starved, 0, "nobody waits for so long");
}

#[test]
fn native_code_pools_and_locks_are_billed_by_their_names() {
    let of = |pooled: bool, worker: WorkerSpec| {
        let steps = Steps::new().acquire(POOL, None).native(fixed(ms(5))).burn(fixed(ms(2))).release(POOL);
        let mut model = world(worker, 4, steps, closed(2, Span::ZERO));
        model.syncs[0].pool = pooled;
        model.run.length = Some(secs(10));
        run(&model)
    };
    for (pooled, named, other) in [(true, Wait::Pool, Wait::Lock), (false, Wait::Lock, Wait::Pool)] {
        // Greenlets of one hub would wait for the hub: a burn lets nobody near the lock.
        let record = of(pooled, threads(4));
        assert!(billed(&record, named) > ms(4_000), "one of two always waits: {}", billed(&record, named));
        assert!(billed(&record, other).is_zero());
        // Coming back to the GIL is some 100 ns of CPU.
        let each = |wait| billed(&record, wait) / record.endings[Ending::Ok as usize];
        assert!((ms(5)..ms(5) + Span::from_us(1)).contains(&each(Wait::Native)), "{}", each(Wait::Native));
        assert!((ms(2)..ms(2) + Span::from_us(1)).contains(&each(Wait::Cpu)), "{}", each(Wait::Cpu));
        let step = record.steps.iter().find(|step| step.wait == named).expect("somebody waited");
        assert_eq!(step.op.0, 0);
        let longest = Span::from_ns(step.spans.max);
        assert!((ms(7)..ms(7) + Span::from_us(1)).contains(&longest), "{longest}");
    }
    let on_hub = of(true, hub(4));
    let each = billed(&on_hub, Wait::Native) / on_hub.endings[Ending::Ok as usize];
    assert!((ms(5)..ms(5) + Span::from_us(1)).contains(&each), "{each}");
}

#[test]
fn what_kept_greenlets_waiting_is_the_step_that_held_the_hub() {
    let steps = Steps::new().sleep(fixed(ms(20))).burn(fixed(ms(1))).block(fixed(ms(30)));
    let mut model = world(hub(100), 2, steps, closed(10, Span::ZERO));
    model.run.length = Some(secs(10));
    let record = run(&model);
    let blame = &record.hub_blame;
    let of = |pc: u16| {
        let is_step = |held: &&Held| held.culprit.and_then(|step| step.pc).is_some_and(|at| at.0 == pc);
        blame.held.iter().filter(is_step).map(|held| held.time).sum::<Span>()
    };
    // A burn and the blocking sleep behind it are one hold, and the sleep is most of it.
    let (blocking, burn) = (of(2), of(1));
    assert!(blocking.as_ns() * 100 > blame.waited.as_ns() * 97, "{blocking} of {}", blame.waited);
    assert!(burn.is_zero(), "{burn}");
    let sum: Span = blame.held.iter().map(|held| held.time).sum();
    assert_eq!(sum, blame.waited, "all of the waiting has a cause");
}

#[test]
fn who_leaves_has_a_bill_too() {
    let mut model = world(threads(1), 1, Steps::new().burn(fixed(ms(100))), open(20.0));
    let client = &mut std::sync::Arc::make_mut(&mut model.clients)[0];
    client.patience = Some(fixed(secs(1)));
    model.run.length = Some(secs(60));
    let record = run(&model);
    let (left, lost) = (record.endings[Ending::GaveUp as usize], &record.classes[0].lost);
    assert!(left > 100);
    assert_eq!(lost.iter().copied().sum::<Span>(), secs(1) * left, "each of them waited for a second");
    assert!(lost[Wait::Backlog as usize] > lost[Wait::Cpu as usize]);
}

#[test]
fn the_skew_of_threads_and_processes_is_seen() {
    let mut model = world(threads(4), 4, Steps::new().burn(fixed(ms(1))), closed(1, ms(1)));
    model.run.length = Some(secs(5));
    let record = run(&model);
    assert_eq!(record.thread_requests.count, 4);
    assert_eq!(record.thread_requests.sum, u128::from(record.process_requests[0]));
    assert_eq!(Evenness::of(record.process_requests.iter().copied()).max_share(), Some(1.0));
}
