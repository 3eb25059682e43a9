//! Properties of every world, over random worlds: conservation, bills that add up, equal people in both worlds.

use crate::common::world;
use crate::common::world::*;
use engine::law::Law;
use engine::model::{Model, Policy, Refresh, WhenFull, WorkerKind, WorkerSpec};
use engine::record::{Ending, RunRecord};
use engine::time::Span;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Burn(u64),
    Native(u64),
    Hog(u64, u64),
    Sleep(u64),
    Block(u64),
    Yield,
    Call(u64, Option<u64>),
    Lock(u64, Option<u64>),
    Put(bool, u64),
    Get(bool, u64),
    Set,
    Clear,
    Wait(u64),
    Offload(u64),
    Fan(u16),
    Within(u64, u64, u16),
    Count(u64),
    Over(u64, Option<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..20u64).prop_map(Step::Burn),
        (0..20u64).prop_map(Step::Native),
        (0..40u64, 1..10u64).prop_map(|(span, every)| Step::Hog(span, every)),
        (0..200u64).prop_map(Step::Sleep),
        (0..50u64).prop_map(Step::Block),
        Just(Step::Yield),
        (0..100u64, proptest::option::of(0..100u64)).prop_map(|(takes, limit)| Step::Call(takes, limit)),
        (0..20u64, proptest::option::of(0..100u64)).prop_map(|(hold, limit)| Step::Lock(hold, limit)),
        (any::<bool>(), 0..50u64).prop_map(|(standard, limit)| Step::Put(standard, limit)),
        (any::<bool>(), 0..50u64).prop_map(|(standard, limit)| Step::Get(standard, limit)),
        Just(Step::Set),
        Just(Step::Clear),
        (0..50u64).prop_map(Step::Wait),
        (0..50u64).prop_map(Step::Offload),
        (1..4u16).prop_map(Step::Fan),
        (0..60u64, 0..60u64, 1..4u16).prop_map(|(limit, takes, count)| Step::Within(limit, takes, count)),
        (0..20u64).prop_map(Step::Count),
        (0..100u64, proptest::option::of(0..100u64)).prop_map(|(takes, limit)| Step::Over(takes, limit)),
    ]
}

fn steps(list: &[Step]) -> Steps {
    list.iter().fold(Steps::new(), |steps, step| match *step {
        Step::Burn(span) => steps.burn(exponential(ms(span))),
        Step::Native(span) => steps.native(Law::Fixed(ms(span))),
        Step::Hog(span, every) => steps.hog(exponential(ms(span)), ms(every)),
        Step::Sleep(span) => steps.sleep(exponential(ms(span))),
        Step::Block(span) => steps.block(Law::Fixed(ms(span))),
        Step::Yield => steps.yields(),
        Step::Call(takes, limit) => steps.call(0, exponential(ms(takes)), limit.map(ms)),
        Step::Put(standard, limit) => steps.put(1 + u16::from(standard), ms(limit)),
        Step::Get(standard, limit) => steps.get(1 + u16::from(standard), ms(limit)),
        Step::Set => steps.set(3),
        Step::Clear => steps.clear(3),
        Step::Wait(limit) => steps.wait(3, ms(limit)),
        Step::Offload(takes) => steps.offload(4, exponential(ms(takes))),
        Step::Fan(count) => steps.fan(1, count),
        Step::Within(limit, takes, count) => steps.within(ms(limit), |inside| {
            inside
                .over(0, |inside| inside.call(0, exponential(ms(takes)), None))
                .acquire(0, None)
                .call(0, exponential(ms(takes)), None)
                .release(0)
                .fan(1, count)
                .burn(Law::Fixed(ms(1)))
        }),
        Step::Count(takes) => steps.read(0).call(0, exponential(ms(takes)), None).write(0),
        Step::Over(takes, limit) => steps.over(0, |steps| steps.call(0, exponential(ms(takes)), limit.map(ms))),
        Step::Lock(hold, limit) => steps.acquire(0, limit.map(ms)).sleep(exponential(ms(hold))).release(0),
    })
}

fn any_worker() -> impl Strategy<Value = WorkerSpec> {
    prop_oneof![
        (1..12u32).prop_map(threads),
        (1..12u32).prop_map(hub),
        (any::<bool>(), proptest::option::of(2..12u32)).prop_map(|(uv, limit)| event_loop(uv, limit)),
        (1..12u32, 1..30u32, any::<bool>()).prop_map(|(threads, connections, closes)| {
            WorkerSpec { kind: WorkerKind::Pool { threads, connections, closes }, ..world::threads(1) }
        }),
        (1..12u32).prop_map(|greenlets| {
            WorkerSpec { kind: WorkerKind::Hub { greenlets, accepts: 1, full: WhenFull::Spin }, ..hub(1) }
        }),
    ]
}

#[derive(Clone, Debug)]
struct World {
    worker: WorkerSpec,
    cores: u32,
    steps: Vec<Step>,
    rate: u32,
    backlog: u32,
    patience: Option<u64>,
    refresh: u32,
    costs: bool,
    units: u32,
    policy: Policy,
    capacity: Option<u32>,
    network: u64,
}

fn any_world() -> impl Strategy<Value = World> {
    let people = (1..120u32, 0..20u32, proptest::option::of(20..500u64), 0..4u32, 0..3000u64);
    let servers = (any_worker(), 1..5u32, any::<bool>(), 1..4u32, any::<bool>(), proptest::option::of(1..5u32));
    (people, servers, proptest::collection::vec(step(), 0..6)).prop_map(|(people, servers, steps)| {
        let (rate, backlog, patience, refresh, network) = people;
        let (worker, cores, costs, units, hand_off, capacity) = servers;
        let policy = if hand_off { Policy::HandOff } else { Policy::Barging };
        World { worker, cores, steps, rate, backlog, patience, refresh, costs, units, policy, capacity, network }
    })
}

fn model(world: &World, mut worker: WorkerSpec) -> Model {
    if world.costs {
        let us = Span::from_us;
        let costs = &mut worker.costs;
        (costs.accept, costs.request, costs.respond, costs.handoff) = (us(30), us(80), us(20), us(15));
        (costs.switch, costs.spawn, costs.timer) = (Span::from_ns(400), us(6), us(2));
        (costs.socket, costs.poll, costs.clock) = (us(3), us(1), Span::from_ns(40));
    }
    // A spinning loop must take some time, or nothing else ever would.
    worker.costs.poll = worker.costs.poll.max(Span::from_us(20));
    let mut model = world::world(worker, world.cores, steps(&world.steps), poisson(f64::from(world.rate)));
    let branch =
        Steps::new().burn(Law::Fixed(ms(1))).acquire(0, Some(ms(30))).call(0, Law::Fixed(ms(9)), None).release(0);
    model.programs = [model.programs[0].clone(), branch.sleep(Law::Fixed(ms(3))).compile().0].into();
    model.run.length = Some(secs(3));
    model.run.drain = secs(30);
    model.listeners[0].backlog = world.backlog;
    model.syncs[0] = pool(world.units, world.policy);
    model.peers[0].capacity = world.capacity;
    if world.costs {
        (model.hosts[0].switch, model.hosts[0].wake) = (Span::from_us(2), Span::from_us(5));
    }
    edit_client(&mut model, |client| {
        client.network = Span::from_us(world.network);
        client.patience = world.patience.map(|mean| exponential(ms(mean)));
        client.refresh =
            (world.refresh > 0).then(|| Refresh { ppm: 800_000, pause: exponential(ms(50)), times: world.refresh });
    });
    model
}

fn sum(endings: &[u64]) -> u64 {
    endings.iter().sum()
}

fn check(record: &RunRecord) {
    let sent: u64 = record.series.sent.iter().sum();
    assert_eq!(sent, sum(&record.endings), "every request that was sent has ended in some way");
    assert_eq!(sent, record.users.came + record.users.refreshes, "a request is a first one or a refresh");
    assert!(record.users.served <= record.users.came, "nobody is served twice");
    assert!(record.cpu_ppm <= 1_000_000 && record.slots_ppm <= 1_000_000, "utilisation is at most one");
    assert!(record.series.slots_ppm.iter().all(|&ppm| ppm <= 1_000_000));
    assert!(record.series.cpu_ppm.iter().all(|&ppm| ppm <= 1_000_000), "{:?}", record.series.cpu_ppm);
    assert!(record.values.iter().all(|value| value.lost_updates <= value.writes), "only a write loses");
    assert!(record.connections.iter().all(|one| one.conflicts <= one.uses), "only a use conflicts");
    for class in &record.classes {
        let billed: u128 = class.blame.iter().map(|span| u128::from(span.as_ns())).sum();
        assert_eq!(billed, class.latency.sum_ns(), "the waits add up to the latency");
    }
    let columns: u64 = record.series.endings.iter().flatten().sum();
    assert_eq!(columns + record.endings[Ending::Unfinished as usize], sent, "the series counts what the totals count");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_and_every_bill_adds_up(world in any_world()) {
        check(&run(&model(&world, world.worker.clone())));
    }

    #[test]
    fn the_same_run_twice_is_the_same_run(world in any_world()) {
        let model = model(&world, world.worker.clone());
        let (once, again) = (run(&model), run(&model));
        prop_assert_eq!(once.fingerprint, again.fingerprint);
        prop_assert_eq!(once.endings, again.endings);
    }

    #[test]
    fn both_worlds_see_the_same_people_with_the_same_needs(world in any_world()) {
        let mut calm = world;
        calm.refresh = 0;
        let threaded = run(&model(&calm, threads(5)));
        let cooperative = run(&model(&calm, hub(5)));
        prop_assert_eq!(threaded.births_fingerprint, cooperative.births_fingerprint);
        prop_assert_eq!(threaded.users.came, cooperative.users.came);
    }
}
