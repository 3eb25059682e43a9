//! Capacities as text, document and drawing, from hand-made runs.

use engine::model::{HostSpec, Model, RunSpec, WorkerKind, WorkerSpec};
use engine::time::Span;
use lab::capacity::{Break, Capacity, Load, Point, Reached, Vitals, WorldCapacity};
use lab::slo::{Measure, Objective, Seen, Side, Slo};
use lab::{Estimate, fixtures};
use report::capacity_json::capacity_json;
use report::figures::draw_capacity;
use report::json::About;
use report::text::capacity::{Asked, capacity_text};

fn slo() -> Slo {
    let p99 =
        Objective { measure: Measure::Latency(990), class: None, side: Side::Below, inclusive: false, bound: 5e8 };
    Slo { objectives: vec![p99], worlds: None }
}

fn model() -> Model {
    let run = RunSpec {
        length: Some(Span::from_secs(60)),
        drain: Span::ZERO,
        warm_up: Span::ZERO,
        step: Span::from_secs(1),
        starved_after: Span::from_secs(1),
    };
    let worker = WorkerSpec { gil: true, ..WorkerSpec::plain("threads", WorkerKind::Threads { threads: 4 }) };
    Model::plain(HostSpec::plain(2), worker, run)
}

fn vitals(slots_share: f64) -> Vitals {
    let mut vitals = Vitals::of(&fixtures::record("threads", 0), &model(), &slo());
    vitals.slots_share = slots_share;
    vitals
}

/// A world that carries so many times the load of the file.
fn carries(world: &str, factor: f64) -> WorldCapacity {
    let (at, mut beyond) = (vitals(0.6), vitals(0.99));
    if let Some(bill) = &mut beyond.blame_ns {
        bill[engine::record::Wait::Backlog as usize] += 4e8;
    }
    beyond.p99_ns = Some(1.2e9);
    let point = |factor: f64, vitals: &Vitals| Point { factor, vitals: vitals.clone() };
    WorldCapacity {
        world: world.to_owned(),
        reached: vec![Reached::Load(factor, factor * 1.02); 3],
        estimate: Some(Estimate { mean: factor, low: Some(factor), high: Some(factor * 1.02), n: 3 }),
        missed: vec![(slo().objectives[0].clone(), Seen::Value(1.2e9))],
        missed_at: Some(factor * 1.02),
        breaks: Some(Break::between(&model(), (factor, &at), (factor * 1.1, &beyond))),
        points: vec![point(factor / 4.0, &at), point(factor, &at), point(factor * 1.1, &beyond)],
    }
}

/// A world that misses whatever the load.
fn never(world: &str) -> WorldCapacity {
    let missed = vec![(slo().objectives[0].clone(), Seen::Never)];
    let reached = vec![Reached::Never; 3];
    let (estimate, breaks, points) = (None, None, Vec::new());
    WorldCapacity { world: world.to_owned(), reached, estimate, missed, missed_at: Some(0.001), breaks, points }
}

fn capacity(worlds: Vec<WorldCapacity>) -> Capacity {
    let ratios = worlds.iter().skip(1).map(|world| world.estimate).collect();
    Capacity { slo: slo(), load: Load::PerSecond(300.0), worlds, ratios, runs: 42 }
}

fn asked() -> Asked {
    let assumed = slo().objectives;
    let notes = vec!["Every run is 60s long.".to_owned()];
    Asked { assumed, set_aside: Vec::new(), replications: 3, tolerance: 0.02, notes, unattainable: Vec::new() }
}

#[test]
fn a_capacity_says_how_much_what_is_missed_and_what_breaks() {
    let text = capacity_text(&capacity(vec![carries("threads", 3.0), never("gevent")]), &asked(), 100_000);
    let said = [
        "  p99 < 500 ms   (assumed: [slo] does not say)\n",
        "threads carries 900 /s (95 % interval 900 /s to 918 /s). In the first replication 900 /s still holds and 918 /s does not: p99 1.20 s (wanted: < 500 ms).",
        "The slots break first: 99.0 % of the slots",
        "\"accept queue\" grows by 400 ms.",
        "gevent does not meet the objectives at any load in 3 of 3 replications. It misses p99 < 500 ms even at the lightest load.",
        "42 runs; loads are told apart to 2.00 %",
    ];
    for said in said {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
}

#[test]
fn the_document_has_every_world_and_says_so_where_there_is_nothing() {
    let about = About { version: "0.1.0", title: "x", seed: 7, replications: 3 };
    let text = capacity_json(&about, &capacity(vec![carries("threads", 3.0), never("gevent")]), &asked());
    let document: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(document["worlds"][0]["load"]["mean"], 900);
    assert_eq!(document["worlds"][0]["breaks_first"]["cause"], "slots");
    assert_eq!(document["worlds"][1]["load"]["mean"], serde_json::Value::Null);
    assert_eq!(document["objectives"][0]["assumed"], true);
}

#[test]
fn a_drawing_marks_every_capacity_and_names_worlds_without_one() {
    let drawing = draw_capacity("x", &capacity(vec![carries("threads", 3.0), never("gevent")])).expect("it is drawn");
    assert!(drawing.svg.contains("threads 900 /s") && drawing.svg.contains("gevent: no load meets the objectives"));
    // Nothing to draw is no reason to fail.
    assert!(draw_capacity("x", &capacity(vec![never("gevent")])).is_ok());
    let many = (0..=16).map(|number| carries(&number.to_string(), 1.0)).collect();
    assert!(draw_capacity("x", &capacity(many)).is_err());
}
