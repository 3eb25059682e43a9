//! `tailback explain` in words: where the time went, who kept whom waiting, and what would change it.

use engine::Model;
use engine::door::Meanwhile;
use engine::model::WorkerKind;
use engine::op::Op;
use engine::record::Wait;
use lab::Unit;
use lab::explain::{Checked, Split, culprit_name, shares, step_name};

use super::Style;
use super::cures::{Left, changes_list};
use super::doors::{did, door_list, in_short, process_list, shut_sentence};
use super::layout;
use super::rows::{TableLine, TextRow};
use super::starved::starved_list;
use crate::words::carriers::CarrierWord;
use crate::words::number::{self, Written};
use crate::words::wrap;

/// A part of a latency that is worth a line.
const SHARE_MIN: f64 = 0.005;
/// A part of one request's time that is worth a word.
const PART_MIN: f64 = 0.05;
/// Lines of a list.
const LIST_MAX: usize = 5;
/// A part of the waits for hubs that is worth a line.
const CULPRIT_MIN: f64 = 0.01;
/// A part of the requests from which on those that ended badly are the first thing to say.
const LOST_MANY: f64 = 0.05;
/// A part of the mean or of the p99 from which on waits for hubs are worth a list.
const HUB_MIN: f64 = 0.01;

/// One world, explained.
pub struct Explained<'a> {
    /// Its model.
    pub model: &'a Model,
    /// The class that is explained; `None` for all.
    pub class: Option<&'a str>,
    /// Where the time went; `None` without a good response.
    pub split: Option<Split>,
    /// Whether anything is to be tried.
    pub tries: bool,
    /// What was tried, what helps most first.
    pub checked: Vec<Checked>,
    /// What was not.
    pub left: Vec<Left>,
    /// Replications that it is made of.
    pub replications: u32,
}

/// All that is said of one world.
pub fn explained(world: &Explained<'_>, style: Style) -> String {
    let of = world.class.map(|class| format!(", requests of `{class}`")).unwrap_or_default();
    let head = format!("{}{of}", world.model.name);
    let mut text = if style.bold { format!("\x1b[1m{head}\x1b[0m\n") } else { head + "\n" };
    let Some(split) = &world.split else {
        return text + "There was no good response: nothing to explain.\n";
    };
    text += &bill_table(CarrierWord::of_model(world.model), split, style);
    text += "\n";
    // Where many had no good response, the tail of the others is not the first thing to say.
    let many = split.lost.0 as f64 >= LOST_MANY * (split.lost.0 + split.responses) as f64;
    if many {
        text += lost_sentence(world.model, split, style.width).trim_start();
    }
    text += &wrapped(&tail_sentence(world.model, split), style.width);
    text += &door_list(split, CarrierWord::of_model(world.model));
    text += &shut_sentence(split, world.model.processes.len() / world.model.hosts.len().max(1), style.width);
    text += &held_list(world.model, split);
    text += &process_list(split, style.width);
    text += &step_list(world.model, split);
    text += &slowest_list(world.model, split);
    if !many {
        text += &lost_sentence(world.model, split, style.width);
    }
    text += &starved_list(world.model, &split.starved, style.width);
    text + &changes_list(world, style.width)
}

/// Columns for the mean and the percentiles, a row for each wait.
fn bill_table(word: CarrierWord, split: &Split, style: Style) -> String {
    let heads: Vec<&str> = split.columns.iter().map(|column| column.label).collect();
    let cell = |value: String| Some(Written { value, margin: None });
    let latency = split.columns.iter().map(|column| cell(number::value(Unit::Nanoseconds, column.latency_ns)));
    let mut lines = vec![row("latency", 0, latency.collect())];
    for wait in Wait::ALL {
        if split.columns.iter().all(|column| column.share(wait) < SHARE_MIN) {
            continue;
        }
        let cells = split.columns.iter().map(|column| match column.share(wait) {
            share if share < SHARE_MIN => None,
            share => cell(number::value(Unit::Share, share)),
        });
        lines.push(row(&word.told(wait.label()), 1, cells.collect()));
    }
    layout::table(&heads, &lines, style)
}

fn row(label: &str, indent: usize, cells: Vec<Option<Written>>) -> TableLine {
    TableLine::Row(TextRow { label: label.to_owned(), indent, cells, best: None })
}

/// The tail in a sentence: how long, what for, and because of whom.
pub(crate) fn tail_sentence(model: &Model, split: &Split) -> String {
    let tail = split.column("p99");
    let time = |ns| number::value(Unit::Nanoseconds, ns);
    let mut text = format!("p99 is {}; {}.", time(tail.latency_ns), cause(model, split));
    if let Some((count, from, to)) = tail.of {
        let (from, to) = (time(from.as_ns() as f64), time(to.as_ns() as f64));
        let count = number::value(Unit::Count, count as f64);
        text += &format!(" (The bill of p99 is that of the {count} responses between {from} and {to}.)");
    }
    text
}

/// What most of the tail was, and because of whom.
fn cause(model: &Model, split: &Split) -> String {
    let tail = split.column("p99");
    let share = |share| number::value(Unit::Share, share);
    let hub = for_hub(model, split);
    let shut: f64 = Meanwhile::all().filter(|of| of.is_shut()).map(|of| tail.door(of)).sum();
    let full: f64 = Meanwhile::all().filter(|of| of.is_full()).map(|of| tail.door(of)).sum();
    let doors = |which: fn(Meanwhile) -> bool| {
        let parts = Meanwhile::all().filter(|&of| which(of)).map(|of| (tail.door(of), of));
        parts
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map_or(("", 0.0), |(part, of)| (did(of, CarrierWord::of_model(model)), part))
    };
    let most_else = Wait::ALL
        .into_iter()
        .filter(|&wait| {
            !(split.looked && matches!(wait, Wait::Backlog | Wait::Slot) || hub > 0.0 && is_for_hub(model, split, wait))
        })
        .max_by(|a, b| tail.share(*a).total_cmp(&tail.share(*b)))
        .expect("there are other waits");
    let else_share = tail.share(most_else);
    let first = hub.max(shut).max(full).max(else_share);
    if first == else_share {
        let text = format!("{} of it {}", share(else_share), verb(model, most_else));
        let Some(step) = split.steps_of(most_else).next() else { return text };
        let class = &model.classes[usize::from(step.class)];
        let program = u16::try_from(class.program).expect("models have under 2^16 programs");
        return format!("{text}: {} in `{}`", step_name(model, program, step.op), class.name);
    }
    if first == hub {
        // Who is in the accept queue of a hub that has room for it waits for the hub, too.
        let queue = hub - tail.share(Wait::Hub);
        let inside = if queue < SHARE_MIN { String::new() } else { format!(", {} in its accept queue", share(queue)) };
        let by = split.held.first().map(|held| format!("; mostly held by {}", culprit_name(model, held.culprit)));
        let word = CarrierWord::of_model(model).word();
        return format!("{} of it waited for a {word}{inside}{}", share(hub), by.unwrap_or_default());
    }
    let (words, part) = doors(if first == shut { Meanwhile::is_shut } else { Meanwhile::is_full });
    // Of several such things it is the largest that is named.
    let named = if first - part < SHARE_MIN { String::new() } else { format!(" ({})", share(part)) };
    format!("{} of it waited for a worker while that {words}{named}", share(first))
}

/// The part of the tail that waited for a hub: ready, or in the accept queue of one that had room and did something else.
fn for_hub(model: &Model, split: &Split) -> f64 {
    let hubs = model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. } | WorkerKind::Loop(_)));
    if !hubs {
        return 0.0;
    }
    let tail = split.column("p99");
    let queued: f64 = match split.looked {
        true => [Meanwhile::Ran, Meanwhile::Blocked, Meanwhile::NoCore].into_iter().map(|of| tail.door(of)).sum(),
        // Nobody looked: if a step held hubs, it was that.
        false if split.held.first().is_some_and(|held| held.culprit.is_some()) => tail.share(Wait::Backlog),
        false => 0.0,
    };
    tail.share(Wait::Hub) + queued
}

/// Whether a wait is counted among those for hubs.
fn is_for_hub(model: &Model, split: &Split, wait: Wait) -> bool {
    let with_queue = for_hub(model, split) > split.column("p99").share(Wait::Hub);
    wait == Wait::Hub || with_queue && wait == Wait::Backlog
}

/// What a part of a latency was spent on.
fn verb(model: &Model, wait: Wait) -> &'static str {
    match wait {
        Wait::Network => "was spent on the network",
        Wait::SynRetry => "was waited until a dropped SYN was sent again",
        Wait::Retransmit => "was waited for a retransmission, because the accept queue was full",
        Wait::Backlog => "was waited in the accept queue",
        Wait::Slot => "was waited for a thread or greenlet",
        Wait::Hub if CarrierWord::of_model(model) == CarrierWord::Loop => "waited for a loop",
        Wait::Hub => "waited for a hub",
        Wait::Gil => "waited for the GIL",
        Wait::Core => "waited for a core",
        Wait::Throttled => "stood still under the CPU limit",
        Wait::Cpu => "was its own work on a core",
        Wait::Native => "was its own native code",
        Wait::Lock => "waited for a lock or queue",
        Wait::Pool => "waited for a pool",
        Wait::Peer => "was a dependency's answer",
        Wait::Timer if off_loads(model) => "was its own sleep, or work in a native thread",
        Wait::Timer => "was its own sleep",
    }
}

fn off_loads(model: &Model) -> bool {
    model.programs.iter().flat_map(|program| &program.code).any(|op| matches!(op, Op::Apply { .. }))
}

fn held_list(model: &Model, split: &Split) -> String {
    if split.looked && !worth_a_list(split) {
        return String::new();
    }
    let worth = split.held.iter().filter(|held| held.share >= CULPRIT_MIN).take(LIST_MAX);
    let lines: Vec<(String, String)> =
        worth.map(|held| (number::value(Unit::Share, held.share), culprit_name(model, held.culprit))).collect();
    if lines.is_empty() {
        return String::new();
    }
    let word = CarrierWord::of_model(model).word();
    format!("\nWhat held the {word} while others were ready (waits of 1 ms or more):\n{}", aligned(&lines))
}

/// Whether anybody waited for a hub for long enough to ask who held it.
fn worth_a_list(split: &Split) -> bool {
    let doors = [Meanwhile::Ran, Meanwhile::Blocked, Meanwhile::NoCore];
    let blocked = doors.into_iter().map(|of| split.lost_door[of.index()]).sum::<f64>();
    let of = |column: &lab::explain::BillColumn| {
        column.share(Wait::Hub) + doors.into_iter().map(|of| column.door(of)).sum::<f64>()
    };
    blocked >= HUB_MIN || split.columns.iter().any(|column| of(column) >= HUB_MIN)
}

fn step_list(model: &Model, split: &Split) -> String {
    let lines = split.steps.iter().take(LIST_MAX).map(|step| {
        let class = &model.classes[usize::from(step.class)];
        let program = u16::try_from(class.program).expect("models have under 2^16 programs");
        let time = |ns| number::value(Unit::Nanoseconds, ns);
        let longest = time(step.longest.as_ns() as f64);
        let name = step_name(model, program, step.op);
        let count = number::value(Unit::Count, step.count as f64);
        (time(step.mean_ns), format!("`{}`: {name} (longest {longest}, {count} waits)", class.name))
    });
    let lines: Vec<(String, String)> = lines.collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nWhat was waited for, step by step (mean of a wait):\n{}", aligned(&lines))
}

fn slowest_list(model: &Model, split: &Split) -> String {
    let word = CarrierWord::of_model(model);
    let lines = split.slowest.iter().map(|one| {
        let class = &model.classes[usize::from(one.class)].name;
        let when = format!("`{class}`, sent at {} of replication {}", one.born, one.replication);
        let workers = in_short(&one.door, PART_MIN);
        let workers = if workers.is_empty() { workers } else { format!("; workers: {workers}") };
        let latency = number::value(Unit::Nanoseconds, one.latency.as_ns() as f64);
        (latency, format!("{when}: {}{workers}", parts(word, &one.shares)))
    });
    let lines: Vec<(String, String)> = lines.collect();
    format!("\nThe slowest:\n{}", aligned(&lines))
}

/// The larger parts of a time, the largest first.
pub(crate) fn parts(word: CarrierWord, shares: &[f64; Wait::KINDS]) -> String {
    let mut parts: Vec<(f64, String)> =
        shares.iter().zip(Wait::ALL).map(|(&share, wait)| (share, word.told(wait.label()))).collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.retain(|&(share, _)| share >= PART_MIN);
    let parts: Vec<String> =
        parts.iter().map(|(share, label)| format!("{label} {}", number::value(Unit::Share, *share))).collect();
    parts.join(", ")
}

/// What those had waited for who got no good response.
pub(crate) fn lost_sentence(model: &Model, split: &Split, width: usize) -> String {
    let (count, bill) = split.lost;
    if count == 0 || bill.iter().all(|span| span.is_zero()) {
        return String::new();
    }
    let count = number::value(Unit::Count, count as f64);
    let parts = parts(CarrierWord::of_model(model), &shares(&bill));
    let workers = in_short(&split.lost_door, PART_MIN);
    let workers = if workers.is_empty() { workers } else { format!("; workers: {workers}") };
    let text = format!("{count} requests ended badly; until then they had waited for: {parts}{workers}.");
    format!("\n{}", wrapped(&text, width))
}

/// Two columns, the first to the right.
pub(super) fn aligned(lines: &[(String, String)]) -> String {
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(left, right)| format!("  {left:>width$}  {right}\n")).collect()
}

pub(super) fn wrapped(text: &str, width: usize) -> String {
    wrap(text, width)
}

/// Text broken into lines, set in, and its later lines further.
pub(super) fn indented(text: &str, width: usize, indent: usize) -> String {
    let lines = wrap(text, width.saturating_sub(indent + 2));
    let set_in = |(at, line): (usize, &str)| format!("{}{line}\n", " ".repeat(indent + if at > 0 { 2 } else { 0 }));
    lines.lines().enumerate().map(set_in).collect()
}
