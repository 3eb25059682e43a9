//! A trace as Chrome Trace Event JSON, which Perfetto (ui.perfetto.dev) and chrome://tracing open.
//!
//! After the "Trace Event Format" document: complete slices (`X`), counters (`C`), flows (`s` and `f`, which belong to the slice around
//! their instant) and names (`M`). Instants are simulated microseconds with three decimals, so whole nanoseconds.
//! `docs/traces.md` says what the tracks mean.

mod names;
mod tracks;

use std::fmt::Write;

use engine::Model;
use engine::time::Time;
use engine::trace::{ArrowKind, Counter, Slice, Trace};
use serde_json::json;

use names::TraceNames;
use tracks::{TrackPlace, Tracks};

/// What a trace is of.
#[derive(Clone, Copy, Debug)]
pub struct TraceAbout<'a> {
    /// Version of the program.
    pub version: &'a str,
    /// Title of the scenario.
    pub title: &'a str,
    /// Seed of the run.
    pub seed: u64,
    /// Which replication.
    pub replication: u32,
}

/// A trace as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TraceText {
    /// The document.
    pub json: String,
    /// Its events, names included.
    pub events: usize,
    /// Tracks that it has.
    pub tracks: usize,
    /// Where it ends.
    pub to: Time,
    /// Whether it ends there because there was room for no more events.
    pub cut: bool,
}

/// One event, by where it begins.
#[derive(Clone, Copy)]
enum TraceEvent {
    Slice(Slice, TrackPlace),
    Level(Counter, i64, TrackPlace),
    /// Either half of a flow: its number, and whether it is the end.
    Flow(ArrowKind, usize, bool, TrackPlace),
}

/// Writes a trace, with so many events at most; with more only if what goes on in its first instant takes more.
pub fn trace_json(about: &TraceAbout<'_>, model: &Model, trace: &Trace, events_max: usize) -> TraceText {
    let mut to = trace.to;
    let mut tracks = Tracks::of(model, trace, to);
    let mut events = collect(trace, &tracks, to);
    let mut cut = trace.full;
    // What is too much is left out from an instant on: until then nothing is missing.
    while tracks.names() + events.len() > events_max && to > trace.from {
        let room = events_max.saturating_sub(tracks.names());
        to = match events.get(room) {
            Some((at, _)) if room > 0 && *at < to => (*at).max(trace.from),
            // The names alone take too much: half of the time has fewer tracks.
            _ => trace.from + (to - trace.from) / 2,
        };
        cut = true;
        tracks = Tracks::of(model, trace, to);
        events = collect(trace, &tracks, to);
    }
    let names = TraceNames { model, trace };
    let mut lines: Vec<String> = tracks.metadata();
    lines.extend(events.iter().map(|(at, event)| line(&names, trace, (*at, event), to)));
    let head = json!({
        "tailback": about.version,
        "scenario": about.title,
        "world": model.name,
        "seed": about.seed,
        "replication": about.replication,
        "from_ns": trace.from.as_ns(),
        "to_ns": to.as_ns(),
        "cut": cut,
    });
    let body = lines.join(",\n");
    let json = format!("{{\"displayTimeUnit\":\"ms\",\"otherData\":{head},\"traceEvents\":[\n{body}\n]}}\n");
    TraceText { json, events: lines.len(), tracks: tracks.count(), to, cut }
}

/// All events until `to`, by where they begin; of those that begin together the longest first, so that they nest.
fn collect(trace: &Trace, tracks: &Tracks, to: Time) -> Vec<(Time, TraceEvent)> {
    let within = |slice: &&Slice| slice.from < to && slice.to > trace.from;
    let mut events: Vec<(Time, TraceEvent)> = Vec::new();
    for slice in trace.slices.iter().filter(within) {
        let place = tracks.place(slice.track).expect("every slice has a place");
        events.push((slice.from.max(trace.from), TraceEvent::Slice(*slice, place)));
    }
    for level in trace.levels.iter().filter(|level| level.at < to) {
        events.push((
            level.at,
            TraceEvent::Level(level.counter, level.value, tracks.counter_place(trace, level.counter)),
        ));
    }
    for (number, arrow) in trace.arrows.iter().enumerate().filter(|(_, arrow)| arrow.to.1 < to) {
        // What ends in no time is left where it begins.
        let next = Time::from_ns(arrow.from.1.as_ns() + 1);
        let leaves = [arrow.from.1, next].into_iter().find(|&at| at <= arrow.to.1 && tracks.is_busy(arrow.from.0, at));
        let arrives = Some(arrow.to.1).filter(|&at| tracks.is_busy(arrow.to.0, at));
        let places = (tracks.place(arrow.from.0), tracks.place(arrow.to.0));
        if let (Some(leaves), Some(arrives), (Some(from), Some(into))) = (leaves, arrives, places) {
            events.push((leaves, TraceEvent::Flow(arrow.link, number, false, from)));
            events.push((arrives, TraceEvent::Flow(arrow.link, number, true, into)));
        }
    }
    // A slice before the flows that belong to it, and the longer slice before what lies in it.
    events.sort_by_key(|(at, event)| match event {
        TraceEvent::Slice(slice, place) => (*at, 0, std::cmp::Reverse(slice.to.min(to)), *place),
        TraceEvent::Level(_, _, place) => (*at, 1, std::cmp::Reverse(*at), *place),
        TraceEvent::Flow(_, _, _, place) => (*at, 2, std::cmp::Reverse(*at), *place),
    });
    events
}

/// Microseconds with three decimals.
fn micros(ns: u64) -> String {
    format!("{}.{:03}", ns / 1000, ns % 1000)
}

fn line(names: &TraceNames<'_>, trace: &Trace, (at, event): (Time, &TraceEvent), to: Time) -> String {
    let mut out = String::new();
    let TrackPlace { pid, tid } = match event {
        TraceEvent::Slice(_, place) | TraceEvent::Level(_, _, place) | TraceEvent::Flow(_, _, _, place) => *place,
    };
    let here = format!("\"pid\":{pid},\"tid\":{tid},\"ts\":{}", micros(at.as_ns()));
    match event {
        TraceEvent::Slice(slice, _) => {
            let length = slice.to.min(to).since(at).as_ns();
            let (name, kind, mut args) = names.of(slice);
            if slice.from < trace.from {
                args["since_ns"] = json!(slice.from.as_ns());
            }
            if slice.to > to {
                args["goes_on"] = json!(true);
            }
            let name = json!(name);
            let _ = write!(out, "{{\"ph\":\"X\",\"name\":{name},\"cat\":\"{kind}\",{here},\"dur\":{}", micros(length));
            let empty = args.as_object().is_some_and(serde_json::Map::is_empty);
            out += &if empty { "}".to_owned() } else { format!(",\"args\":{args}}}") };
        }
        TraceEvent::Level(counter, value, _) => {
            let name = names.counter(*counter);
            let _ = write!(out, "{{\"ph\":\"C\",\"name\":{},{here},\"args\":{{\"value\":{value}}}}}", json!(name));
        }
        TraceEvent::Flow(link, number, ends, _) => {
            let half = if *ends { "\"ph\":\"f\",\"bp\":\"e\"" } else { "\"ph\":\"s\"" };
            let name = names::link_name(*link);
            let _ = write!(out, "{{{half},\"id\":{},\"name\":\"{name}\",\"cat\":\"flow\",{here}}}", number + 1);
        }
    }
    out
}
