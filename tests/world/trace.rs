//! Traces: the world is the same with and without them, their slices add up, and the document is what viewers expect.

use crate::common::shipped;
use std::collections::{BTreeMap, BTreeSet};

use engine::record::Wait;
use engine::time::{Span, Time};
use engine::trace::{ArrowKind, Trace, TraceWindow, Track, What, trace};
use engine::{Model, Replication, Seed};
use report::trace_json::{TraceAbout, TraceText, trace_json};
use serde_json::Value;

const SEED: Seed = Seed(1);
const REPLICATION: Replication = Replication(0);
const ABOUT: TraceAbout<'_> = TraceAbout { version: "0", title: "a test", seed: SEED.0, replication: 0 };
const MANY: usize = 1_000_000;

/// Worlds of all kinds: threads, pools and hubs, with routers, proxies, second copies, fan-outs, locks and resident clients.
const SCENARIOS: [&str; 12] = [
    "pinterest/cpu-hog",
    "pinterest/shared-socket",
    "patterns/balancers",
    "patterns/fan-out",
    "patterns/gil-convoy",
    "patterns/keep-alive",
    "patterns/lock-and-queue",
    "patterns/slow-readers",
    "patterns/worker-lives",
    "redis-pool/hand-off",
    "startup/router-herd",
    "startup/slow-third-party",
];

/// All worlds of these scenarios, cut short.
fn worlds() -> Vec<(String, Model)> {
    let wanted = |shipped: &shipped::Shipped| SCENARIOS.contains(&shipped.name.as_str());
    let of = |shipped: shipped::Shipped| {
        let compiled = shipped.shortened(Span::from_secs(1));
        let named = move |model: Model| (format!("{} {}", shipped.name, model.name), model);
        compiled.models.into_iter().map(named).collect::<Vec<_>>()
    };
    let worlds: Vec<_> = shipped::scenarios().into_iter().filter(wanted).flat_map(of).collect();
    assert!(worlds.len() > SCENARIOS.len(), "scenarios are missing");
    worlds
}

fn world(scenario: &str, name: &str) -> Model {
    let shipped = shipped::scenarios().into_iter().find(|shipped| shipped.name == scenario).expect("it is shipped");
    let models = shipped.shortened(Span::from_secs(10)).models;
    models.into_iter().find(|model| model.name == name).expect("it has this world")
}

fn traced(model: &Model, from: Span, to: Span) -> Trace {
    let window = TraceWindow { from: Time::ZERO + from, to: Time::ZERO + to, events_max: MANY };
    trace(model, SEED, REPLICATION, window).expect("it comes to its end")
}

fn document(model: &Model, trace: &Trace, events_max: usize) -> (TraceText, Vec<Value>) {
    let text = trace_json(&ABOUT, model, trace, events_max);
    let document: Value = serde_json::from_str(&text.json).expect("it is JSON");
    let events = document["traceEvents"].as_array().expect("it has events").clone();
    assert_eq!(events.len(), text.events);
    (text, events)
}

/// Nanoseconds of a number of microseconds.
fn ns(value: &Value) -> u64 {
    (value.as_f64().expect("it is a number") * 1e3).round() as u64
}

fn place(event: &Value) -> (u64, u64) {
    (event["pid"].as_u64().expect("it has a pid"), event["tid"].as_u64().expect("it has a tid"))
}

#[test]
fn a_traced_world_is_the_same_world() {
    for (name, model) in worlds() {
        let record = engine::run(&model, SEED, REPLICATION).expect("it comes to its end");
        let whole = traced(&model, Span::from_ms(500), Span::from_secs(1_000_000));
        assert!(whole.run_ended.is_some(), "{name}");
        assert_eq!(whole.counted, (record.events, record.fingerprint), "{name}");
    }
}

#[test]
fn the_same_trace_again_is_the_same_text() {
    let model = world("pinterest/cpu-hog", "threads");
    let text = || document(&model, &traced(&model, Span::from_secs(1), Span::from_secs(2)), MANY).0;
    assert_eq!(text(), text());
}

#[test]
fn every_document_has_what_viewers_ask_for() {
    for (name, model) in worlds() {
        let (text, events) = document(&model, &traced(&model, Span::from_ms(500), Span::from_ms(600)), MANY);
        assert!(!text.cut && text.events > 10, "{name}: {}", text.events);
        check(&name, &events);
    }
}

/// Names for every track, instants in order, slices that nest, flows with two halves that both lie in slices.
fn check(name: &str, events: &[Value]) {
    let (mut processes, mut threads) = (BTreeSet::new(), BTreeSet::new());
    for event in events.iter().filter(|event| event["ph"] == "M") {
        match event["name"].as_str().expect("it has a name") {
            "process_name" => processes.insert(place(event).0),
            "thread_name" => threads.insert(place(event)),
            _ => true,
        };
    }
    let mut last: BTreeMap<(u64, u64), u64> = BTreeMap::new();
    let mut open: BTreeMap<(u64, u64), Vec<(u64, u64)>> = BTreeMap::new();
    let mut flows: BTreeMap<u64, (u32, u32)> = BTreeMap::new();
    for event in events.iter().filter(|event| event["ph"] != "M") {
        let (here, at) = (place(event), ns(&event["ts"]));
        assert!(processes.contains(&here.0) && threads.contains(&here), "{name}: nobody named {event}");
        assert!(*last.get(&here).unwrap_or(&0) <= at, "{name}: out of order: {event}");
        last.insert(here, at);
        let around = open.entry(here).or_default();
        around.retain(|&(_, end)| end > at);
        match event["ph"].as_str().expect("it has a kind") {
            "X" => {
                let end = at + ns(&event["dur"]);
                assert!(end > at, "{name}: {event} takes no time");
                assert!(around.iter().all(|&(_, other)| end <= other), "{name}: {event} reaches out of {around:?}");
                around.push((at, end));
            }
            "C" => assert!(event["args"]["value"].as_i64().is_some_and(|value| value >= 0), "{name}: {event}"),
            half @ ("s" | "f") => {
                assert!(!around.is_empty(), "{name}: {event} is in no slice");
                let halves = flows.entry(event["id"].as_u64().expect("it has a number")).or_default();
                if half == "s" { halves.0 += 1 } else { halves.1 += 1 }
            }
            other => panic!("{name}: a kind of event that is not ours: {other}"),
        }
    }
    assert!(flows.values().all(|&halves| halves == (1, 1)), "{name}: half a flow");
}

#[test]
fn the_waits_of_a_request_add_up_to_its_latency() {
    for (name, model) in worlds() {
        let trace = traced(&model, Span::ZERO, Span::from_secs(1_000_000));
        let mut waits = vec![[Span::ZERO; Wait::KINDS]; trace.requests.len()];
        for slice in &trace.slices {
            if let (Track::Request(key), What::Wait(wait, _)) = (slice.track, slice.what) {
                waits[key as usize][wait as usize] += slice.to - slice.from;
            }
        }
        for (request, waits) in trace.requests.iter().zip(&waits) {
            if let Some((ended, _)) = request.ended {
                let sum: Span = waits.iter().copied().sum();
                assert_eq!(sum, ended - request.born, "{name}: {request:?}");
            }
        }
        // What a record says of its slowest requests, the trace says too, wait by wait.
        let record = engine::run(&model, SEED, REPLICATION).expect("it comes to its end");
        for worst in record.classes.iter().flat_map(|class| class.worst.all()) {
            let alike = |at: &usize| {
                let request = &trace.requests[*at];
                let latency = request.ended.map(|(ended, _)| ended - request.born);
                (request.class, request.born, latency) == (worst.class, worst.born, Some(worst.latency))
            };
            // Second copies are drawn from their own sending on.
            let hedged = model.clients.iter().any(|client| client.hedge.is_some());
            let found: Vec<usize> = (0..trace.requests.len()).filter(alike).collect();
            let billed = found.iter().any(|&at| waits[at] == worst.bill);
            assert!(billed || hedged, "{name}: {worst:?} is not among {found:?}");
        }
    }
}

#[test]
fn a_trace_without_room_ends_earlier_and_is_whole_until_then() {
    let model = world("pinterest/cpu-hog", "gevent");
    let (whole, all) = document(&model, &traced(&model, Span::from_secs(1), Span::from_secs(9)), MANY);
    for most in [1_000, 3_000, 5_000] {
        assert!(whole.events > most, "{}", whole.events);
        // Cut where it is written, and cut where it is kept.
        let kept =
            TraceWindow { from: Time::from_ns(1_000_000_000), to: Time::from_ns(9_000_000_000), events_max: most };
        let full = trace(&model, SEED, REPLICATION, kept).expect("it comes to its end");
        assert!(full.full, "{most}");
        for trace in [traced(&model, Span::from_secs(1), Span::from_secs(9)), full] {
            let (cut, events) = document(&model, &trace, most);
            assert!(cut.cut && cut.events <= most, "{most}: {}", cut.events);
            assert!(Time::ZERO + Span::from_secs(1) < cut.to && cut.to < whole.to, "{}", cut.to);
            check("cut", &events);
            let slices = |events: &[Value]| {
                let before = |event: &&Value| event["ph"] == "X" && ns(&event["ts"]) < cut.to.as_ns();
                events.iter().filter(before).count()
            };
            assert_eq!(slices(&events), slices(&all), "{most}");
        }
    }
}

#[test]
fn arrows_lead_from_who_held_the_hub_or_the_gil_to_who_waited() {
    let model = world("pinterest/cpu-hog", "gevent");
    let trace_of_hub = traced(&model, Span::from_secs(1), Span::from_secs(9));
    let heavy = model.classes.iter().position(|class| class.name == "heavy").expect("there is one") as u16;
    let mut blamed = 0;
    for arrow in trace_of_hub.arrows.iter().filter(|arrow| arrow.link == ArrowKind::HeldHub) {
        let holds = |slice: &&engine::trace::Slice| {
            let inside = slice.track == arrow.from.0 && slice.from <= arrow.from.1 && arrow.from.1 < slice.to;
            inside && matches!(slice.what, What::Run { .. })
        };
        let hold = trace_of_hub.slices.iter().find(holds).expect("an arrow leaves a run");
        assert!(arrow.from.1 < arrow.to.1, "{arrow:?}");
        let What::Run { request: Some(key), .. } = hold.what else { continue };
        let long = hold.to - hold.from > Span::from_ms(100);
        assert_eq!(long, trace_of_hub.requests[key as usize].class == heavy, "{hold:?}");
        blamed += u32::from(long);
    }
    assert!(blamed > 10, "{blamed}");
    let threads = traced(&world("pinterest/cpu-hog", "threads"), Span::from_secs(1), Span::from_secs(3));
    assert!(threads.arrows.iter().any(|arrow| arrow.link == ArrowKind::HeldGil));
}

#[test]
fn one_thread_at_a_time_is_on_a_core_and_one_holds_a_gil() {
    for (name, model) in worlds() {
        let trace = traced(&model, Span::ZERO, Span::from_secs(1));
        let mut last: BTreeMap<Track, Time> = BTreeMap::new();
        let mut slices: Vec<_> = trace.slices.iter().filter(|slice| matches!(slice.what, What::By { .. })).collect();
        slices.sort_by_key(|slice| slice.from);
        assert!(slices.iter().any(|slice| matches!(slice.track, Track::Core(_))), "{name}");
        for slice in slices {
            assert!(*last.get(&slice.track).unwrap_or(&Time::ZERO) <= slice.from, "{name}: {slice:?}");
            last.insert(slice.track, slice.to);
        }
    }
}

#[test]
fn no_more_units_are_held_than_there_are() {
    let mut held_at_all = 0;
    for (name, model) in worlds() {
        let trace = traced(&model, Span::ZERO, Span::from_secs(1));
        let mut changes: Vec<(u32, u16, Time, i64)> = Vec::new();
        for slice in &trace.slices {
            if let Track::Holder(process, sync, _) = slice.track {
                changes.extend([(process, sync, slice.from, 1), (process, sync, slice.to, -1)]);
            }
        }
        changes.sort();
        let mut now: BTreeMap<(u32, u16), i64> = BTreeMap::new();
        for (process, sync, _, change) in changes {
            let held = now.entry((process, sync)).or_default();
            *held += change;
            held_at_all += u32::from(*held > 0);
            let engine::model::SyncKind::Semaphore { units, .. } = model.syncs[usize::from(sync)].kind else {
                continue;
            };
            assert!((0..=i64::from(units)).contains(held), "{name}: {held} of {units}");
        }
    }
    assert!(held_at_all > 0, "nothing was ever held");
}
