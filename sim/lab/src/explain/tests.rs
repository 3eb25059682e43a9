//! A hub with a hog, a slow dependency: what is said of them, and what is tried.

use engine::law::Law;
use engine::model::{Arrivals, HostSpec, Model, RunSpec, WhenFull, WorkerKind, WorkerSpec};
use engine::op::{Draw, DrawKind, Op, Program};
use engine::record::Wait;
use engine::time::{Span, Time};
use engine::{Replication, Seed};

use super::*;

/// A hub on a core that serves quick requests of 1 ms, beside a hog of 200 ms that comes now and then.
fn hub_with_a_hog() -> Model {
    let run = RunSpec {
        length: Some(Span::from_secs(60)),
        drain: Span::from_secs(60),
        warm_up: Span::ZERO,
        step: Span::from_secs(1),
        starved_after: Span::from_secs(1),
    };
    let kind = WorkerKind::Hub { greenlets: 100, accepts: 100, full: WhenFull::Stop };
    let mut model = Model::plain(HostSpec::plain(1), WorkerSpec::plain("gevent", kind), run);
    model.name = "gevent".to_owned();
    model.listeners[0].backlog = 1024;
    let burn = |name: &str, ms| {
        let draws = [DrawKind::Constant(Span::from_ms(ms))];
        Program::new(name, [Op::Burn(Draw(0)), Op::End], draws, [])
    };
    model.programs = [burn("quick", 1), burn("hog", 200)].into();
    let class = |(program, (name, weight)): (u32, (&str, u32))| {
        let (name, sites) = (name.to_owned(), Vec::new());
        engine::model::ClassSpec { name, weight, program, sites, header_bytes: 0, body_bytes: 0 }
    };
    model.classes = (0..).zip([("quick", 98), ("hog", 2)]).map(class).collect();
    let profile = engine::model::Profile { points: vec![(Time::ZERO, 50.0)] };
    model.clients = [engine::model::ClientSpec::plain("users", vec![0, 1], Arrivals::Poisson(profile))].into();

    model
}

fn split(model: &Model, class: Option<usize>) -> Split {
    let records =
        (0..2).map(|number| engine::run_at_the_door(model, Seed(7), Replication(number)).expect("it runs to its end"));
    Split::of(model, &records.collect::<Vec<_>>(), class).expect("there are good responses")
}

#[test]
fn the_tail_of_the_quick_waits_for_a_hub_that_the_hog_held() {
    let model = hub_with_a_hog();
    let quick = split(&model, Some(0));
    let tail = quick.column("p99");
    let for_hub = tail.share(Wait::Hub) + tail.share(Wait::Backlog);
    assert!(for_hub > 0.98, "{for_hub}");
    let worst = &quick.held[0];
    assert_eq!(culprit_name(&model, worst.culprit), "`hog`: burn 200ms");
    assert!(worst.share > 0.9, "{}", worst.share);
    for column in &quick.columns {
        let sum: f64 = column.shares.iter().sum();
        assert!((sum - 1.0).abs() < 1e-9, "the parts of {} add up to {sum}", column.label);
    }
    assert!(quick.slowest.iter().all(|one| one.class == 0 && one.latency.as_ns() as f64 >= tail.latency_ns));
}

#[test]
fn yielding_is_the_first_change_against_a_hog_and_helps() {
    let model = hub_with_a_hog();
    let all = changes(&model, &split(&model, Some(0)), &[]);
    assert_eq!(all[0].settings()[0].typed(), "world.gevent.yield_every=100us");
    assert!(all.iter().any(|change| change.what == "2 processes instead of 1"), "{all:?}");
}

#[test]
fn who_waits_for_a_dependency_is_told_what_a_faster_one_would_bring() {
    let mut model = hub_with_a_hog();
    let draws = [DrawKind::Constant(Span::from_ms(80))];
    let call =
        Op::Call { patching: engine::op::Patching::Patched, peer: 0, takes: Draw(0), limit: engine::op::Limit::NONE };
    let program = |name: &str| Program::new(name, [call, call, Op::End], draws.clone(), []);
    model.programs = [program("quick"), program("hog")].into();
    model.peers = vec![engine::model::PeerSpec {
        name: "backend".to_owned(),
        network: Span::ZERO,
        capacity: None,
        windows: Vec::new(),
        breaker: None,
        ports: None,
    }];
    let before = split(&model, None);
    assert_eq!(before.column("p99").largest(), Wait::Peer);
    let steps: Vec<String> = before.steps.iter().map(|step| step_name(&model, 0, step.op)).collect();
    assert!(steps.contains(&"call of `backend` (2 of 2)".to_owned()), "{steps:?}");
    let change = &changes(&model, &before, &[])[0];
    assert_eq!(change.how, How::PeerTwiceAsFast(0));
    change.apply(&mut model);
    let ratio = split(&model, None).column("p50").latency_ns / before.column("p50").latency_ns;
    assert!((ratio - 0.5).abs() < 0.01, "{ratio}");
}

#[test]
fn laws_are_told_by_their_mean() {
    let mut model = hub_with_a_hog();
    let draws = [DrawKind::PerPass { site: 1, law: Law::Exponential { mean: Span::from_us(123_456) } }];
    model.programs = [Program::new("quick", [Op::Burn(Draw(0)), Op::End], draws, [])].into();
    assert_eq!(step_name(&model, 0, engine::op::Pc(0)), "burn 123ms in the mean");
}
