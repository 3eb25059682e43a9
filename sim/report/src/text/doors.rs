//! What workers did while connections waited for them, in words.

use engine::door::Meanwhile;
use engine::record::Wait;
use lab::Unit;
use lab::explain::{ProcessShare, Split};

use super::explain::{aligned, wrapped};
use crate::words::carriers::CarrierWord;
use crate::words::number;

/// A part of a latency that is worth a line.
const SHARE_MIN: f64 = 0.01;
/// Lines of a list.
const LIST_MAX: usize = 6;
/// Processes that are told one by one.
const PROCESSES_MAX: usize = 12;

/// What a worker did, after "a worker".
pub(crate) fn did(meanwhile: Meanwhile, word: CarrierWord) -> &'static str {
    match meanwhile {
        Meanwhile::Full(Wait::Hub) if word == CarrierWord::Loop => "was full of requests that waited for its loop",
        Meanwhile::Idle => "was just being woken",
        Meanwhile::Ran => "ran something else",
        Meanwhile::Blocked => "was in a call that blocks it",
        Meanwhile::NoCore => "had no core",
        Meanwhile::Throttled => "stood still under the CPU limit",
        Meanwhile::NoGil => "waited for the GIL to accept",
        Meanwhile::Closing => "waited for a client to close its connection",
        Meanwhile::Stopping => "was stopping: it was to be replaced, and finished what it had",
        Meanwhile::Booting => "was booting",
        Meanwhile::Gone => "was dead, and not yet replaced",
        Meanwhile::FullOfIdle => "was full of connections over which nobody asked, or that were being closed",
        Meanwhile::Full(Wait::Network) => "was full of requests whose responses were being written",
        Meanwhile::Full(Wait::SynRetry | Wait::Retransmit | Wait::Backlog | Wait::Slot) => "was full",
        Meanwhile::Full(Wait::Hub) => "was full of requests that waited for its hub",
        Meanwhile::Full(Wait::Gil) => "was full of requests that waited for the GIL",
        Meanwhile::Full(Wait::Throttled) => "was full of requests that stood still under the CPU limit",
        Meanwhile::Full(Wait::Core) => "was full of requests that waited for a core",
        Meanwhile::Full(Wait::Cpu) => "was full of requests that ran",
        Meanwhile::Full(Wait::Native) => "was full of requests in native code",
        Meanwhile::Full(Wait::Lock) => "was full of requests that waited for a lock or queue",
        Meanwhile::Full(Wait::Pool) => "was full of requests that waited for a pool",
        Meanwhile::Full(Wait::Peer) => "was full of requests that waited for a dependency",
        Meanwhile::Full(Wait::Timer) => "was full of requests that slept or were off-loaded",
    }
}

/// A part of a time in short: "stopping 95 %".
pub(crate) fn in_short(door: &[f64; Meanwhile::KINDS], min: f64) -> String {
    let mut parts: Vec<(f64, Meanwhile)> = door.iter().copied().zip(Meanwhile::all()).collect();
    parts.retain(|(share, _)| *share >= min);
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let part = |(share, meanwhile): &(f64, Meanwhile)| {
        format!("{} {}", meanwhile.name().replace(": ", " of "), number::value(Unit::Share, *share))
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The larger parts of the p99 that were waited for workers; nothing if there are none, or nobody looked.
pub(crate) fn door_list(split: &Split, word: CarrierWord) -> String {
    let tail = split.column("p99");
    let mut parts: Vec<(f64, Meanwhile)> = tail.door.iter().copied().zip(Meanwhile::all()).collect();
    parts.retain(|(share, _)| *share >= SHARE_MIN);
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let lines: Vec<(String, String)> = parts
        .iter()
        .take(LIST_MAX)
        .map(|(share, meanwhile)| (number::value(Unit::Share, *share), format!("a worker {}", did(*meanwhile, word))))
        .collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("\nWhat workers did while the p99 waited for them, as parts of the p99:\n{}", aligned(&lines))
}

/// That there were times in which nobody accepted.
pub(crate) fn shut_sentence(split: &Split, processes: usize, width: usize) -> String {
    let shut = split.shut;
    let counts = split.counts;
    if shut.most == 0 {
        return String::new();
    }
    let count = |count: u64, one: &str, many: &str| {
        format!("{} {}", number::value(Unit::Count, count as f64), if count == 1 { one } else { many })
    };
    let mut why = Vec::new();
    if counts.replaced > 0 {
        let late = match counts.replaced_late {
            0 => String::new(),
            late => format!(
                " ({} of them killed, because what it had was not done in time)",
                number::value(Unit::Count, late as f64)
            ),
        };
        why.push(format!(
            "{} after `max_requests`{late}",
            count(counts.replaced, "worker was replaced", "workers were replaced")
        ));
    }
    if counts.killed > 0 {
        let what = count(counts.killed, "worker was killed by its master", "workers were killed by their masters");
        why.push(format!("{what} for silence or for a request that took too long"));
    }
    let mut text = if why.is_empty() { String::new() } else { format!("{}. ", capital(&why.join("; "))) };
    let times = match shut.times {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        times => format!("{} times", number::value(Unit::Count, times as f64)),
    };
    let nobody = format!(
        "{times} nobody accepted at all, {} in all, {} at the longest.",
        time(shut.total.as_ns() as f64),
        time(shut.longest.as_ns() as f64),
    );
    let at_once = format!("At worst {} of {processes} processes stopped or booted at once", shut.most);
    text += &match shut.times {
        0 => format!("{at_once}, so that somebody always accepted."),
        _ if processes == 1 => capital(&nobody),
        _ => format!("{at_once}; {nobody}"),
    };
    format!("\n{}", wrapped(&text, width))
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

fn time(ns: f64) -> String {
    number::value(Unit::Nanoseconds, ns)
}

/// How requests went to the processes; nothing where there is one.
pub(crate) fn process_list(split: &Split, width: usize) -> String {
    let all = &split.processes;
    if all.len() < 2 {
        return String::new();
    }
    let of = |part: &dyn Fn(&ProcessShare) -> f64| {
        let told = all.iter().take(PROCESSES_MAX).map(|one| number::value(Unit::Share, part(one)));
        let mut text = told.collect::<Vec<_>>().join(", ");
        if all.len() > PROCESSES_MAX {
            let rest: f64 = all.iter().skip(PROCESSES_MAX).map(part).sum();
            text += &format!(" and the other {} {}", all.len() - PROCESSES_MAX, number::value(Unit::Share, rest));
        }
        text
    };
    let requests = of(&|one| one.requests);
    let cpu = of(&|one| one.cpu);
    let uneven = match split.skew() {
        skew if skew >= lab::explain::SKEW_MIN => format!(" The busiest has {skew:.1} times the mean."),
        _ => String::new(),
    };
    let text = format!("Requests by process, the busiest first: {requests}; of the CPU time they took {cpu}.{uneven}");
    format!("\n{}", wrapped(&text, width))
}
