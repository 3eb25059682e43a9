//! Capacities as text, document and drawing, from hand-made runs.

use engine::model::{HostSpec, Model, RunSpec, WorkerKind, WorkerSpec};
use engine::time::Span;
use lab::capacity::{Break, Capacity, LoadFloor, LoadPoint, LoadUnit, ReachedCapacity, Vitals, WorldCapacity};
use lab::slo::{GoodSide, Measure, Objective, Seen, Slo};
use lab::{Estimate, fixtures};
use report::figures::draw_capacity;
use report::json::About;
use report::json::capacity_json;
use report::text::capacity::{CapacityQuestion, capacity_text};

fn slo() -> Slo {
    let p99 =
        Objective { measure: Measure::Latency(990), class: None, side: GoodSide::Below, inclusive: false, bound: 5e8 };
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
    let point = |factor: f64, vitals: &Vitals| LoadPoint { factor, vitals: vitals.clone() };
    WorldCapacity {
        world: world.to_owned(),
        reached: vec![ReachedCapacity::Load(factor, factor * 1.02); 3],
        estimate: Some(Estimate { mean: factor, low: Some(factor), high: Some(factor * 1.02), n: 3 }),
        overload: None,
        missed: vec![(slo().objectives[0].clone(), Seen::Value(1.2e9))],
        missed_at: Some(factor * 1.02),
        told: true,
        floor: None,
        tried: (0.01, factor * 2.0),
        breaks: Some(Break::between(&model(), (factor, &at), (factor * 1.1, &beyond))),
        points: vec![point(factor / 4.0, &at), point(factor, &at), point(factor * 1.1, &beyond)],
    }
}

/// A world that misses whatever the load.
fn never(world: &str) -> WorldCapacity {
    let missed = vec![(slo().objectives[0].clone(), Seen::Never)];
    let reached = vec![ReachedCapacity::Never; 3];
    let (estimate, breaks, points) = (None, None, Vec::new());
    let (told, floor, tried) = (true, None, (0.001, 4.0));
    let world = world.to_owned();
    let overload = None;
    WorldCapacity {
        world,
        reached,
        estimate,
        told,
        floor,
        missed,
        overload,
        missed_at: Some(0.001),
        breaks,
        tried,
        points,
    }
}

fn capacity(worlds: Vec<WorldCapacity>) -> Capacity {
    let ratios = worlds.iter().skip(1).map(|world| world.estimate).collect();
    Capacity { slo: slo(), load: LoadUnit::PerSecond(300.0), worlds, ratios, runs: 42 }
}

fn asked() -> CapacityQuestion {
    let assumed = slo().objectives;
    let notes = vec!["Every run is 60s long.".to_owned()];
    CapacityQuestion {
        assumed,
        set_aside: Vec::new(),
        guessed: false,
        replications: 3,
        tolerance: 0.02,
        notes,
        unattainable: Vec::new(),
    }
}

#[test]
fn a_capacity_says_how_much_what_is_missed_and_what_breaks() {
    let text = capacity_text(&capacity(vec![carries("threads", 3.0), never("gevent")]), &asked(), 100_000);
    let said = [
        "  p99 < 500 ms   (assumed: [slo] does not say)\n",
        "threads carries 900 /s (95 % interval 900 /s to 918 /s). On average over the replications 900 /s still holds and 918 /s does not: p99 1.20 s (wanted: < 500 ms).",
        "The slots break first: 99.0 % of the slots",
        "\"accept queue\" grows by 400 ms.",
        "gevent meets the objectives at none of the loads that were tried, from 0.300 /s to 1,200 /s. At 0.300 /s: p99 of no good response (wanted: < 500 ms).",
        "42 runs; loads are told apart to 2.00 %",
    ];
    for said in said {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
}

#[test]
fn what_the_replications_leave_open_is_no_number() {
    let open = WorldCapacity {
        told: false,
        estimate: Some(Estimate { mean: 0.5, low: None, high: Some(0.9), n: 12 }),
        ..carries("threads", 0.5)
    };
    let text = capacity_text(&capacity(vec![open]), &asked(), 100_000);
    let said = [
        "threads   not precise enough   below 3.00 /s to 270 /s",
        "threads: 12 replications are not precise enough to say how much it carries: at no load from 3.00 /s on does every interval lie on the good side of its bound, it surely misses them at 270 /s, and the means cross a bound at 150 /s.",
    ];
    for said in said {
        assert!(text.contains(said), "{said:?} is not in\n{text}");
    }
    assert!(!text.contains("carries 150"), "{text}");
}

#[test]
fn a_load_that_is_too_light_is_told() {
    let (at, mut light) = (vitals(0.6), vitals(0.1));
    if let Some(bill) = &mut light.blame_ns {
        bill[engine::record::Wait::Cpu as usize] += 2e8;
    }
    let breaks = Break::between(&model(), (0.3, &at), (0.29, &light));
    let missed = vec![(slo().objectives[0].clone(), Seen::Value(7e8))];
    let cold = WorldCapacity {
        floor: Some(LoadFloor { holds: 0.3, misses: 0.29, missed, breaks }),
        ..carries("threads", 3.0)
    };
    let text = capacity_text(&capacity(vec![cold]), &asked(), 100_000);
    let said = "Less is too little as well: it meets the objectives from 90.0 /s on and misses at 87.0 /s: p99 700 ms (wanted: < 500 ms); a mean good response takes 200 ms longer there";
    assert!(text.contains(said), "{text}");
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
