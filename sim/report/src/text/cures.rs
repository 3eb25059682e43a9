//! What was tried, what came of it, and what was not tried.

use lab::Unit;
use lab::explain::{Change, Checked, How, On};

use super::explain::{Explained, indented, wrapped};
use crate::words::number;

/// A change of the share of good responses that is worth saying.
const SUCCESS_MIN: f64 = 0.001;
/// A ratio of the longest latencies that is worth saying, either way.
const LONGEST_MIN: f64 = 0.1;

/// A fall of the busiest process's part of the requests that is worth saying.
const BUSIEST_MIN: f64 = 0.1;

/// A change that was not tried.
#[derive(Clone, PartialEq, Debug)]
pub struct Left {
    /// Which.
    pub change: Change,
    /// Why not.
    pub why: String,
}

/// What was tried, whether it helped, and what was not tried.
pub(super) fn changes_list(world: &Explained<'_>, width: usize) -> String {
    if !world.tries {
        return String::new();
    }
    let mut text = String::new();
    if !world.checked.is_empty() {
        let runs = if world.replications == 1 { "replication" } else { "replications" };
        text += &format!(
            "\nWhat would change it, each run by itself in {} {runs} of the same people, the best first:\n",
            world.replications
        );
    }
    for checked in &world.checked {
        text += &indented(&format!("{}: {}", checked.change.what, effect(checked)), width, 2);
        text += &match &checked.change.how {
            How::Set(_) => format!("      {}\n", typed(&checked.change)),
            How::PeerTwiceAsFast(_) => "      (no setting: it says what is at stake)\n".to_owned(),
        };
    }
    text += &verdict(world, width);
    if !world.left.is_empty() {
        text += "\nNot tried:\n";
        for left in &world.left {
            let setting = typed(&left.change);
            let setting = if setting.is_empty() { String::new() } else { format!(" ({setting})") };
            text += &indented(&format!("{}{setting}: {}", left.change.what, left.why), width, 2);
        }
    }
    text
}

/// What is said where nothing helps.
fn verdict(world: &Explained<'_>, width: usize) -> String {
    let is_setting = |change: &Change| matches!(change.how, How::Set(_));
    let tried = world.checked.iter().filter(|checked| is_setting(&checked.change)).count();
    if world.checked.iter().any(|checked| is_setting(&checked.change) && checked.helps()) {
        return String::new();
    }
    let text = match (tried, world.left.is_empty()) {
        (0, true) => "No setting acts on it: what the p99 consists of is its own work, its way and its dependencies, and no setting \
                      of the servers is about these."
            .to_owned(),
        (0, false) => "No setting was tried.".to_owned(),
        (_, true) => "None of these settings helps, and no other acts on what the p99 waits for.".to_owned(),
        (_, false) => "None of these settings helps; others were not tried.".to_owned(),
    };
    format!("\n{}", wrapped(&text, width))
}

/// What is to be typed.
fn typed(change: &Change) -> String {
    let all = change.settings().iter().map(|setting| format!("--set {}", for_a_shell(&setting.typed())));
    all.collect::<Vec<_>>().join(" ")
}

/// A text as one word of a shell.
fn for_a_shell(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.=/:,%+".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What came of a change: how many were answered well, if that changed, the p99, and whatever else it was about.
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
    let time = |ns| number::value(Unit::Nanoseconds, ns);
    let longest = checked.longest_ns.filter(|(before, after)| (after / before - 1.0).abs() >= LONGEST_MIN);
    let longest = longest.map(|(before, after)| format!("; the longest {} instead of {}", time(after), time(before)));
    let share = |share| number::value(Unit::Share, share);
    let (before, after) = checked.busiest;
    // More processes have less each, however even they are.
    let as_many = checked.change.settings().iter().all(|setting| !setting.key.ends_with(".processes"));
    let evens = checked.change.on == On::Uneven || as_many && before - after >= BUSIEST_MIN;
    let busiest = evens
        .then(|| format!("; the busiest process has {} of the requests instead of {}", share(after), share(before)));
    format!("{success}p99 {} ({by}){}{}", time(p99.mean), longest.unwrap_or_default(), busiest.unwrap_or_default())
}

/// A ratio as a change.
fn percent(ratio: f64) -> String {
    let change = (ratio - 1.0) * 100.0;
    let digits = if change.abs() >= 10.0 { 0 } else { 1 };
    format!("{change:+.digits$} %")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_with_blanks_is_one_word_of_a_shell() {
        assert_eq!(for_a_shell("world.a.accepts=1"), "world.a.accepts=1");
        let inline = "request.q.steps.1={ offload = \"exp(1s)\" }";
        assert_eq!(for_a_shell(inline), format!("'{inline}'"));
        assert_eq!(for_a_shell("a=it's"), "'a=it'\\''s'");
    }
}
