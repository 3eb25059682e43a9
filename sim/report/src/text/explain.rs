//! `tailback explain` in words: where the time went, who kept whom waiting, and what would change it.

use engine::Model;
use engine::model::WorkerKind;
use engine::record::Wait;
use lab::Unit;
use lab::explain::{Checked, How, Split, culprit_name, shares, step_name};

use super::layout;
use super::number::{self, Written};
use super::rows::{Line, Row};
use super::starved::starved_list;
use super::table::Style;

/// A part of a latency that is worth a line.
const SHARE_MIN: f64 = 0.005;
/// A part of one request's time that is worth a word.
const PART_MIN: f64 = 0.05;
/// Lines of a list.
const LIST_MAX: usize = 5;
/// A change of the share of good responses that is worth saying.
const SUCCESS_MIN: f64 = 0.001;
/// A part of the waits for hubs that is worth a line.
const CULPRIT_MIN: f64 = 0.01;

/// One world, explained.
pub struct Explained<'a> {
    /// Its model.
    pub model: &'a Model,
    /// The class that is explained; `None` for all.
    pub class: Option<&'a str>,
    /// Where the time went; `None` without a good response.
    pub split: Option<Split>,
    /// What was tried, in the order of the waits it acts on.
    pub checked: Vec<Checked>,
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
    text += &bill_table(split, style);
    text += "\n";
    text += &wrapped(&tail_sentence(world.model, split), style.width);
    text += &held_list(world.model, split);
    text += &step_list(world.model, split);
    text += &slowest_list(world.model, split);
    text += &lost_sentence(split, style.width);
    text += &starved_list(world.model, &split.starved, style.width);
    text + &changes_list(world, style.width)
}

/// Columns for the mean and the percentiles, a row for each wait.
fn bill_table(split: &Split, style: Style) -> String {
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
        lines.push(row(wait.label(), 1, cells.collect()));
    }
    layout::table(&heads, &lines, style)
}

fn row(label: &str, indent: usize, cells: Vec<Option<Written>>) -> Line {
    Line::Row(Row { label: label.to_owned(), indent, cells, best: None })
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
    let largest = tail.largest();
    let share = |share| number::value(Unit::Share, share);
    if is_for_hub(model, largest) {
        // Who is in the accept queue of a hub that has room for it waits for the hub, too.
        let all = tail.share(Wait::Hub) + tail.share(Wait::Backlog);
        let queue = tail.share(Wait::Backlog);
        let inside = if queue < SHARE_MIN { String::new() } else { format!(", {} in its accept queue", share(queue)) };
        let by = split.held.first().map(|held| format!("; mostly held by {}", culprit_name(model, held.culprit)));
        return format!("{} of it waited for a hub{inside}{}", share(all), by.unwrap_or_default());
    }
    let text = format!("{} of it {}", share(tail.share(largest)), verb(largest));
    let Some(step) = split.steps_of(largest).next() else { return text };
    let class = &model.classes[usize::from(step.class)];
    let program = u16::try_from(class.program).expect("models have under 2^16 programs");
    format!("{text}: {} in `{}`", step_name(model, program, step.op), class.name)
}

/// Whether who waits so waits for a hub: in its accept queue too.
fn is_for_hub(model: &Model, wait: Wait) -> bool {
    let hubs = model.workers.iter().any(|worker| matches!(worker.kind, WorkerKind::Hub { .. }));
    hubs && matches!(wait, Wait::Hub | Wait::Backlog)
}

/// What a part of a latency was spent on.
fn verb(wait: Wait) -> &'static str {
    match wait {
        Wait::Network => "was spent on the network",
        Wait::SynRetry => "was waited until a dropped SYN was sent again",
        Wait::Retransmit => "was waited for a retransmission, because the accept queue was full",
        Wait::Backlog => "was waited in the accept queue",
        Wait::Slot => "was waited for a thread or greenlet",
        Wait::Hub => "waited for a hub",
        Wait::Gil => "waited for the GIL",
        Wait::Core => "waited for a core",
        Wait::Cpu => "was its own work on a core",
        Wait::Native => "was its own native code",
        Wait::Lock => "waited for a lock or queue",
        Wait::Pool => "waited for a pool",
        Wait::Peer => "was a dependency's answer",
        Wait::Timer => "was its own sleep",
    }
}

fn held_list(model: &Model, split: &Split) -> String {
    let worth = split.held.iter().filter(|held| held.share >= CULPRIT_MIN).take(LIST_MAX);
    let lines: Vec<(String, String)> =
        worth.map(|held| (number::value(Unit::Share, held.share), culprit_name(model, held.culprit))).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nWhat held the hub while others were ready (waits of 1 ms or more):\n{}", aligned(&lines))
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
    let lines = split.slowest.iter().map(|one| {
        let class = &model.classes[usize::from(one.class)].name;
        let when = format!("`{class}`, sent at {} of replication {}", one.born, one.replication);
        (number::value(Unit::Nanoseconds, one.latency.as_ns() as f64), format!("{when}: {}", parts(&one.shares)))
    });
    let lines: Vec<(String, String)> = lines.collect();
    format!("\nThe slowest:\n{}", aligned(&lines))
}

/// The larger parts of a time, the largest first.
pub(crate) fn parts(shares: &[f64; Wait::KINDS]) -> String {
    let mut parts: Vec<(f64, &str)> =
        shares.iter().zip(Wait::ALL).map(|(&share, wait)| (share, wait.label())).collect();
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    parts.retain(|&(share, _)| share >= PART_MIN);
    let parts: Vec<String> =
        parts.iter().map(|&(share, label)| format!("{label} {}", number::value(Unit::Share, share))).collect();
    parts.join(", ")
}

/// What those had waited for who got no good response.
pub(crate) fn lost_sentence(split: &Split, width: usize) -> String {
    let (count, bill) = split.lost;
    if count == 0 || bill.iter().all(|span| span.is_zero()) {
        return String::new();
    }
    let count = number::value(Unit::Count, count as f64);
    let parts = parts(&shares(&bill));
    let text = format!("{count} requests ended badly; until then they had waited for: {parts}.");
    format!("\n{}", wrapped(&text, width))
}

/// What was tried, and whether it helped.
fn changes_list(world: &Explained<'_>, width: usize) -> String {
    if world.checked.is_empty() {
        return "\nNo setting of the scenario acts on what the p99 waits for.\n".to_owned();
    }
    let runs = if world.replications == 1 { "replication" } else { "replications" };
    let mut text =
        format!("\nWhat would change it, each run by itself in {} {runs} of the same people:\n", world.replications);
    for checked in &world.checked {
        text += &indented(&format!("{}: {}", checked.change.what, effect(checked)), width, 2);
        text += &match &checked.change.how {
            How::Set { key, value } => format!("      --set {key}={value}\n"),
            How::PeerTwiceAsFast(_) => "      (no setting: it says what is at stake)\n".to_owned(),
        };
    }
    text
}

/// What came of a change: how many were answered well, if that changed, and the p99.
fn effect(checked: &Checked) -> String {
    let (Some(p99), Some(ratio)) = (&checked.p99_ns, &checked.p99_ratio) else {
        return "no good response".to_owned();
    };
    let by = match (ratio.low, ratio.high, ratio.excludes(1.0)) {
        (_, _, Some(false)) => "no difference that these replications can tell".to_owned(),
        (Some(low), Some(high), _) => {
            format!("{}, 95 % interval {} to {}", percent(ratio.mean), percent(low), percent(high))
        }
        _ => format!("{}, one replication, so no interval", percent(ratio.mean)),
    };
    let success = checked.success_change.filter(|change| change.mean.abs() >= SUCCESS_MIN);
    let success = success.map(|change| format!("success {:+.1} points, ", change.mean * 100.0)).unwrap_or_default();
    format!("{success}p99 {} ({by})", number::value(Unit::Nanoseconds, p99.mean))
}

/// A ratio as a change.
fn percent(ratio: f64) -> String {
    let change = (ratio - 1.0) * 100.0;
    let digits = if change.abs() >= 10.0 { 0 } else { 1 };
    format!("{change:+.digits$} %")
}

/// Two columns, the first to the right.
pub(super) fn aligned(lines: &[(String, String)]) -> String {
    let width = lines.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0);
    lines.iter().map(|(left, right)| format!("  {left:>width$}  {right}\n")).collect()
}

fn wrapped(text: &str, width: usize) -> String {
    layout::wrap(text, width)
}

/// Text broken into lines, set in, and its later lines further.
fn indented(text: &str, width: usize, indent: usize) -> String {
    let lines = layout::wrap(text, width.saturating_sub(indent + 2));
    let set_in = |(at, line): (usize, &str)| format!("{}{line}\n", " ".repeat(indent + if at > 0 { 2 } else { 0 }));
    lines.lines().enumerate().map(set_in).collect()
}
