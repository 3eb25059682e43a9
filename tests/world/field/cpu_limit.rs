//! CPU limits as sentences about the world: who stands still, for how long, and with what in hand.

use std::sync::Arc;

use crate::common::world::*;
use engine::law::Law;
use engine::model::*;
use engine::record::Wait;
use engine::time::Span;
use engine::worker::LifeSpec;

fn fixed(span: Span) -> Law {
    Law::Fixed(span)
}

/// So much CPU time in each period of 100 ms.
fn limit(quota: Span) -> Option<CpuLimit> {
    Some(CpuLimit { quota, period: ms(100), burst: Span::ZERO })
}

fn burning(threads_of_process: u32, cores: u32, span: Span, arrivals: Arrivals) -> Model {
    world(threads(threads_of_process), cores, Steps::new().burn(fixed(span)), arrivals)
}

#[test]
fn work_of_25_ms_takes_105_under_a_limit_of_20_in_100() {
    let mut model = burning(1, 1, ms(25), closed(1, 1));
    model.hosts[0].cpu_limit = limit(ms(20));
    let record = run(&model);
    assert_eq!(record.latency.max(), Some(ms(105)));
    assert_eq!(record.classes[0].blame[Wait::Throttled as usize], ms(80));
    assert_eq!(record.throttling.time, ms(80));
    assert_eq!(record.process_cpu[0], ms(25));
}

#[test]
fn who_computes_without_end_gets_the_quota_on_one_core_and_on_four() {
    for cores in [1, 4] {
        let mut model =
            burning(8, cores, ms(1), Arrivals::Closed { clients: 8, requests: None, think: fixed(Span::ZERO) });
        model.workers[0].gil = false;
        model.hosts[0].cpu_limit = limit(ms(30));
        model.run.length = Some(secs(60));
        model.run.drain = Span::ZERO;
        let record = run(&model);
        // 600 periods of 30 ms; what runs over a tick is paid in the next.
        let cpu = record.process_cpu[0];
        assert!((ms(17_950)..=ms(18_050)).contains(&cpu), "{cores} cores: {cpu}");
        assert!(record.throttling.share().is_some_and(|share| share > 0.99), "{:?}", record.throttling);
    }
}

#[test]
fn whoever_holds_the_gil_holds_it_while_it_stands_still() {
    // One thread computes for 30 ms under a limit of 20; the other needs a millisecond of the GIL from 12 ms on.
    let mut model = burning(2, 2, ms(30), closed(1, 1));
    model.hosts[0].cpu_limit = limit(ms(20));
    model.workers[0].switch_interval = secs(10);
    let (program, sites) = Steps::new().sleep(fixed(ms(12))).burn(fixed(ms(1))).compile();
    let class = ClassSpec { name: "short".into(), program: 1, sites, ..model.classes[0].clone() };
    let client = ClientSpec { name: "short".into(), classes: vec![1], ..model.clients[0].clone() };
    model.programs = Arc::new([model.programs[0].clone(), program]);
    model.classes = Arc::new([model.classes[0].clone(), class]);
    model.clients = Arc::new([model.clients[0].clone(), client]);
    let record = run(&model);
    let short = record.classes[1].latency.max().expect("it was served");
    assert!(short >= ms(110), "behind the rest of the other's work in the next period: {short}");
    model.workers[0].gil = false;
    let apart = run(&model).classes[1].latency.max().expect("it was served");
    assert!(apart < ms(20), "without a GIL it has a core and time of its own: {apart}");
}

#[test]
fn time_that_is_left_over_is_lost_unless_it_may_burst() {
    // The second request comes when two periods have gone by unused.
    let think = Arrivals::Closed { clients: 1, requests: Some(2), think: fixed(ms(350)) };
    let mut model = burning(1, 1, ms(35), think);
    model.hosts[0].cpu_limit = limit(ms(20));
    let lost = run(&model).latency.max().expect("both were served");
    assert!(lost >= ms(100), "{lost}");
    model.hosts[0].cpu_limit = Some(CpuLimit { quota: ms(20), period: ms(100), burst: ms(20) });
    let kept = run(&model).latency.min().expect("both were served");
    assert_eq!(kept, ms(35), "the second had two periods' time");
}

#[test]
fn a_limit_that_the_cores_cannot_reach_changes_nothing() {
    // With a core for each thread and no GIL nothing hangs on the order of what happens at one instant.
    let mut model = burning(2, 2, ms(8), poisson(80.0));
    model.workers[0].gil = false;
    model.run.length = Some(secs(60));
    let without = run(&model);
    model.hosts[0].cpu_limit = limit(ms(300));
    let with = run(&model);
    assert_eq!(with.latency.max(), without.latency.max());
    assert_eq!(with.throttling.time, Span::ZERO);
    assert_eq!(with.process_cpu, without.process_cpu);
}

#[test]
fn a_sender_stands_outside_of_the_limit() {
    let mut model = burning(1, 2, ms(1), closed(1, 100));
    edit_client(&mut model, |client| (client.cost, client.beside_servers) = (Some(fixed(ms(4))), true));
    model.hosts[0].cpu_limit = limit(ms(20));
    let record = run(&model);
    assert_eq!(record.throttling.throttled_periods, 0, "1 ms in 5 is 20 in 100: {:?}", record.throttling);
}

#[test]
fn a_process_that_is_killed_while_it_stands_still_leaves_its_core() {
    let mut model = burning(1, 1, ms(500), closed(1, 3));
    model.hosts[0].cpu_limit = limit(ms(20));
    model.workers[0].life = Some(LifeSpec { timeout: Some(secs(1)), ..super::super::workers::LIFE });
    let record = run(&model);
    assert_eq!(record.workers.timeouts, 3, "25 periods are longer than a second");
}
