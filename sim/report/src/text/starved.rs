//! Who was starved, in words: how many, and by name those who had to do without for longest.

use engine::Model;
use engine::record::Ending;
use lab::Unit;
use lab::explain::{Starved, shares};

use super::explain::{aligned, parts};
use crate::words::carriers::CarrierWord;
use crate::words::number;
use crate::words::wrap;

/// The starved requests, then the starved clients; nothing where nobody was.
pub(crate) fn starved_list(model: &Model, starved: &Starved, width: usize) -> String {
    requests(model, starved, width) + &clients(model, starved, width)
}

fn requests(model: &Model, starved: &Starved, width: usize) -> String {
    if starved.requests == 0 {
        return String::new();
    }
    let head = format!(
        "{} starved: later ones were answered while they waited for longer than {}{}",
        were(starved.requests, "request was", "requests were"),
        model.run.starved_after,
        ending(starved.requests, starved.longest.len()),
    );
    let lines = starved.longest.iter().map(|(replication, one)| {
        let class = &model.classes[usize::from(one.class)].name;
        let group = &model.clients[usize::from(one.group)].name;
        let end = end(one.ending);
        let who = format!("`{class}` of `{group}`, sent at {} of replication {replication}, {end}", one.born);
        (time(one.waited.as_ns()), format!("{who}: {}", parts(CarrierWord::of_model(model), &shares(&one.bill))))
    });
    format!("\n{}{}", wrap(&head, width), aligned(&once(lines)))
}

/// Equal lines that follow each other as one.
fn once(lines: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let lines: Vec<(String, String)> = lines.collect();
    let alike = lines.chunk_by(|a, b| a == b).map(|alike| match alike {
        [one] => one.clone(),
        [one, ..] => (one.0.clone(), format!("{} ({} alike)", one.1, alike.len())),
        [] => unreachable!("a chunk has a line"),
    });
    alike.collect()
}

fn clients(model: &Model, starved: &Starved, width: usize) -> String {
    if starved.clients == 0 {
        return String::new();
    }
    let head = format!(
        "{} starved: without a good response after waiting for longer than {} while another one had two{}",
        were(starved.clients, "client was", "clients were"),
        model.run.starved_after,
        ending(starved.clients, starved.clients_longest.len()),
    );
    let lines = starved.clients_longest.iter().map(|(replication, group, one)| {
        let group = &model.clients[usize::from(*group)].name;
        let had = match one.served {
            0 => "none at all".to_owned(),
            1 => "one in all".to_owned(),
            more => format!("{} in all", number::value(Unit::Count, more as f64)),
        };
        let who = format!("client {} of `{group}`, replication {replication}", one.number + 1);
        (time(one.longest.as_ns()), format!("{who}: from {} on; {had}", one.since))
    });
    format!("\n{}{}", wrap(&head, width), aligned(&lines.collect::<Vec<_>>()))
}

/// How a starved request ended, in a word.
pub(crate) fn end(ending: Ending) -> &'static str {
    if ending == Ending::Ok { "answered" } else { ending.label() }
}

fn time(ns: u64) -> String {
    number::value(Unit::Nanoseconds, ns as f64)
}

fn were(count: u64, one: &str, more: &str) -> String {
    format!("{} {}", number::value(Unit::Count, count as f64), if count == 1 { one } else { more })
}

/// Whether all of them are listed.
fn ending(count: u64, listed: usize) -> &'static str {
    if count > listed as u64 { ". The longest:" } else { ":" }
}
