//! Capacities in words: the highest load of every world, what is missed beyond it, and what breaks first.

use engine::record::Ending;
use lab::attainable::Unattainable;
use lab::capacity::{Break, Capacity, Cause, LoadFloor, LoadUnit, ReachedCapacity, Vitals, WorldCapacity};
use lab::slo::Objective;
use lab::{Estimate, Unit};

use super::slo::{missed_list, objective_words};
use crate::words::carriers::CarrierWord;
use crate::words::load::load_words;
use crate::words::number;
use crate::words::wrap;

/// Busy time of a process from which on its hub or GIL counts as full.
const FULL: f64 = 0.9;

/// How the question was put: objectives that nobody wrote, and what was done to the scenario.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct CapacityQuestion {
    /// Objectives that were assumed.
    pub assumed: Vec<Objective>,
    /// Objectives that a search for the highest load cannot use.
    pub set_aside: Vec<Objective>,
    /// Whether light load was told closely enough for what was assumed to be more than a guess.
    pub guessed: bool,
    /// Replications of each world.
    pub replications: u32,
    /// Distance of two loads that are told apart, as a share.
    pub tolerance: f64,
    /// Sentences on the length of the runs and what they leave out.
    pub notes: Vec<String>,
    /// Objectives that an empty system misses already.
    pub unattainable: Vec<Unattainable>,
}

/// Everything about the capacities of a scenario's worlds, for a terminal of this width.
pub fn capacity_text(capacity: &Capacity, asked: &CapacityQuestion, width: usize) -> String {
    let mut text = String::from("Objectives\n");
    for objective in &capacity.slo.objectives {
        let origin = match (asked.assumed.contains(objective), asked.guessed) {
            (false, _) => "",
            (true, false) => "   (assumed: [slo] does not say)",
            (true, true) => "   (a guess: [slo] does not say, and light load differs too much from run to run)",
        };
        text += &format!("  {}{origin}\n", objective_words(objective));
    }
    text += &format!("\n{}\n", table(capacity));
    let mut paragraphs: Vec<String> =
        capacity.worlds.iter().map(|world| sentences(world, capacity.load, asked).join(" ")).collect();
    paragraphs.extend(ratios(capacity));
    paragraphs.push(method(capacity, asked));
    let paragraphs: Vec<String> = paragraphs.iter().map(|paragraph| wrap(paragraph, width)).collect();
    text + &paragraphs.join("\n")
}

/// What a load is called over a column.
fn unit_words(load: LoadUnit) -> &'static str {
    match load {
        LoadUnit::PerSecond(_) => "requests a second",
        LoadUnit::Clients(_) => "clients at once",
        LoadUnit::Mixed => "times the load",
    }
}

fn table(capacity: &Capacity) -> String {
    let head = ["", unit_words(capacity.load), "95 % interval", "of the file's", "breaks first"];
    let mut rows = vec![head.map(str::to_owned)];
    for world in &capacity.worlds {
        let (value, interval, factor) = match &world.estimate {
            Some(_) if !world.told => {
                ("not precise enough".to_owned(), open_words(world, capacity.load), "–".to_owned())
            }
            Some(estimate) => {
                let more =
                    if world.reached.iter().any(|one| matches!(one, ReachedCapacity::Beyond(_))) { "> " } else { "" };
                let interval = match (estimate.low, estimate.high) {
                    (Some(low), Some(high)) => {
                        format!("{} to {}", load_words(capacity.load, low), load_words(capacity.load, high))
                    }
                    _ => "–".to_owned(),
                };
                let value = format!("{more}{}", load_words(capacity.load, estimate.mean));
                (value, interval, number::value(Unit::Ratio, estimate.mean))
            }
            None if !world.told => ("not precise enough".to_owned(), "–".to_owned(), "–".to_owned()),
            None => ("none".to_owned(), "–".to_owned(), "–".to_owned()),
        };
        let breaks = world.breaks.as_ref().map_or("–", |found| short_cause(found));
        rows.push([world.world.clone(), value, interval, factor, breaks.to_owned()]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2), width(3)];
    let line = |row: &[String; 5]| {
        let line = format!(
            "{:<w0$}   {:>w1$}   {:>w2$}   {:>w3$}   {}",
            row[0],
            row[1],
            row[2],
            row[3],
            row[4],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2],
            w3 = widths[3]
        );
        format!("{}\n", line.trim_end())
    };
    rows.iter().map(line).collect()
}

/// What breaks, for a column.
pub fn short_cause(found: &Break) -> &'static str {
    match found.cause {
        Cause::ClientPorts => "the client: ports",
        Cause::ClientCores => "the client: CPU",
        Cause::Memory => "memory",
        Cause::PeerPorts => "ports to a peer",
        Cause::Descriptors => "descriptors",
        Cause::Conntrack => "conntrack table",
        Cause::Killed => "worker timeouts",
        Cause::Slots => "slots",
        Cause::Hub => CarrierWord::of(found.beyond.loops).word(),
        Cause::Gil => "GIL",
        Cause::Cores => "cores",
        Cause::CpuLimit => "CPU limit",
        Cause::Pool => "lock or pool",
        Cause::Dependency => "dependency",
        Cause::Backlog => "accept queue",
        Cause::Nothing => "nothing is full",
    }
}

/// What is to be said of a world.
fn sentences(world: &WorldCapacity, load: LoadUnit, asked: &CapacityQuestion) -> Vec<String> {
    let name = &world.world;
    let Some(estimate) = &world.estimate else { return vec![none_sentence(world, load)] };
    if !world.told {
        return open_sentences(world, load);
    }
    let mut said = Vec::new();
    if world.missed_at.is_none() {
        said.push(format!(
            "{name} still meets the objectives at {}, the heaviest load that is tried.",
            load_words(load, estimate.mean)
        ));
    } else {
        said.push(format!("{name} carries {}{}.", load_words(load, estimate.mean), interval(load, estimate)));
    }
    said.extend(world.floor.as_ref().map(|floor| floor_sentence(floor, load)));
    if let Some(found) = &world.breaks {
        said.push(missed_sentence(world, found, load, asked));
        said.push(cause_sentence(found, load));
    }
    said
}

/// No load that was tried meets.
fn none_sentence(world: &WorldCapacity, load: LoadUnit) -> String {
    let (lightest, heaviest) = world.tried;
    let missed = match missed_list(&world.missed, world.overload) {
        values if values.is_empty() => values,
        values => {
            let at = world.missed_at.map_or_else(|| "the lightest".to_owned(), |factor| load_words(load, factor));
            format!(" At {at}: {values}.")
        }
    };
    let not_sure = match world.told {
        true => "",
        false => {
            " But that is not sure at all of them: the replications are not precise enough to say, and more --replications would tell."
        }
    };
    format!(
        "{} meets the objectives at none of the loads that were tried, from {} to {}.{missed}{not_sure}",
        world.world,
        load_words(load, lightest),
        load_words(load, heaviest)
    )
}

/// The loads of which the replications do not tell whether they meet.
fn open_words(world: &WorldCapacity, load: LoadUnit) -> String {
    let Some(estimate) = &world.estimate else { return "–".to_owned() };
    let low =
        estimate.low.map_or_else(|| format!("below {}", load_words(load, world.tried.0)), |low| load_words(load, low));
    let high = estimate.high.map_or_else(|| "?".to_owned(), |high| load_words(load, high));
    format!("{low} to {high}")
}

/// Why there is no answer, and what would bring one.
fn open_sentences(world: &WorldCapacity, load: LoadUnit) -> Vec<String> {
    let Some(estimate) = &world.estimate else { return Vec::new() };
    let name = &world.world;
    let surely = match estimate.low {
        Some(low) => format!("it surely meets them at {}", load_words(load, low)),
        None => format!(
            "at no load from {} on does every interval lie on the good side of its bound",
            load_words(load, world.tried.0)
        ),
    };
    let not = match estimate.high {
        Some(high) => format!("it surely misses them at {}", load_words(load, high)),
        None => "at no load that was tried does it surely miss them".to_owned(),
    };
    let mut said = vec![format!(
        "{name}: {} replications are not precise enough to say how much it carries: {surely}, {not}, and the means cross a bound at {}.",
        estimate.n,
        load_words(load, estimate.mean)
    )];
    let missed = missed_list(&world.missed, world.overload);
    if !missed.is_empty() {
        let at = world.missed_at.map_or_else(String::new, |factor| format!(" at {}", load_words(load, factor)));
        said.push(format!("The means{at}: {missed}."));
    }
    said.push(
        "More --replications, a longer --length or a bound that is further from what light load has would tell."
            .to_owned(),
    );
    said
}

/// A load that is too light to meet.
fn floor_sentence(floor: &LoadFloor, load: LoadUnit) -> String {
    let grown = match floor.breaks.wait.filter(|_| floor.breaks.longer_ns > 0.0) {
        Some((wait, grown)) => format!(
            "; a mean good response takes {} longer there than at {}, \"{}\" {}",
            number::value(Unit::Nanoseconds, floor.breaks.longer_ns),
            load_words(load, floor.holds),
            CarrierWord::of(floor.breaks.beyond.loops).told(wait.label()),
            number::value(Unit::Nanoseconds, grown)
        ),
        None => String::new(),
    };
    format!(
        "Less is too little as well: it meets the objectives from {} on and misses at {}: {}{grown}. What is seldom done finds cold caches, \
         or there is something else that only comes with load.",
        load_words(load, floor.holds),
        load_words(load, floor.misses),
        missed_list(&floor.missed, None),
    )
}

fn interval(load: LoadUnit, estimate: &Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!(" (95 % interval {} to {})", load_words(load, low), load_words(load, high))
        }
        (Some(low), None) => {
            format!(" (surely {}, and no load that was tried is surely too much)", load_words(load, low))
        }
        (None, _) => " (one replication, so no interval)".to_owned(),
    }
}

/// Which objectives are missed one step beyond, and by how much.
fn missed_sentence(world: &WorldCapacity, found: &Break, load: LoadUnit, asked: &CapacityQuestion) -> String {
    let values = missed_list(&world.missed, world.overload);
    let who = if asked.replications > 1 { "On average over the replications " } else { "" };
    let at = world.missed_at.map_or_else(|| "one step more".to_owned(), |factor| load_words(load, factor));
    format!("{who}{} still holds and {at} does not: {}.", load_words(load, found.below), values)
}

/// What breaks first, with the figures that say so.
fn cause_sentence(found: &Break, load: LoadUnit) -> String {
    format!("{}{}.", cause_words(found), bill_clause(found, load))
}

/// What breaks first and how full things are, without a full stop.
pub(crate) fn cause_words(found: &Break) -> String {
    let beyond = &found.beyond;
    let share = |share: f64| number::value(Unit::Share, share);
    let full =
        format!("{} of the slots and {} of the cores are busy", share(beyond.slots_share), share(beyond.cpu_share));
    match found.cause {
        Cause::ClientPorts => format!(
            "The client was measured, not the server: {} of its requests found no local port. Give it more addresses, or let it keep \
             connections",
            number::grouped(beyond.ending(Ending::NoPort) as f64, 0)
        ),
        Cause::ClientCores => format!(
            "The client was measured, not the server: the program that sends the requests has {} of its CPU time taken. Give it more \
             `generators`",
            share(beyond.generator_share)
        ),
        Cause::Memory => format!("Memory breaks first: the kernel kills {} processes", beyond.kernel.oom_kills),
        Cause::PeerPorts => {
            format!("Ports break first: {} calls to peers find no local port", beyond.kernel.port_failures)
        }
        Cause::Descriptors => {
            format!("Descriptors break first: {} sockets cannot be opened (EMFILE)", beyond.kernel.descriptor_failures)
        }
        Cause::Conntrack => format!(
            "The table of tracked connections breaks first: {} SYNs find no entry in it",
            beyond.kernel.conntrack_drops
        ),
        Cause::Killed => format!(
            "Masters break it: they kill {} workers that take too long",
            beyond.workers.timeouts + beyond.workers.harakiris
        ),
        Cause::Slots => format!("The slots break first: {full}"),
        Cause::Hub => hub_words(beyond, &full),
        Cause::Gil if beyond.process_share >= FULL => {
            format!(
                "The GIL breaks first: threads of the busiest process run {} of the time, while {full}",
                process(beyond)
            )
        }
        Cause::Gil => format!(
            "The GIL breaks first, not because it is always taken (threads of the busiest process run {} of the time) but because it is held long",
            process(beyond)
        ),
        Cause::Cores => format!("The cores break first: {full}"),
        Cause::CpuLimit => format!(
            "The CPU limit breaks first: the servers stand still in {} of the periods in which they work, while {full}",
            number::value(Unit::Share, beyond.throttled_share)
        ),
        Cause::Pool => format!("A lock or pool breaks first: {full}"),
        Cause::Dependency => format!("What the requests call breaks first: {full}"),
        Cause::Backlog => format!(
            "The accept queue breaks first: it drops {} SYNs, while {full}",
            number::grouped(beyond.syn_drops as f64, 0)
        ),
        Cause::Nothing => format!("Nothing is full: {full}"),
    }
}

/// A hub that is full, or one that is held up.
fn hub_words(beyond: &Vitals, full: &str) -> String {
    let busy = process(beyond);
    let word = CarrierWord::of(beyond.loops).word();
    let what = if beyond.loops { "tasks" } else { "greenlets" };
    if beyond.process_share >= FULL {
        return format!("The {word} breaks first: the busiest one runs {busy} of the time, while {full}");
    }
    let hold = number::value(Unit::Nanoseconds, beyond.hub_hold_max_ns.unwrap_or(0.0));
    format!(
        "The {word} breaks first, not because it is full (the busiest one runs {busy} of the time) but because single {what} hold it, \
         for up to {hold}"
    )
}

fn process(vitals: &Vitals) -> String {
    number::value(Unit::Share, vitals.process_share.min(1.0))
}

/// How the mean bill changed.
fn bill_clause(found: &Break, load: LoadUnit) -> String {
    let time = |ns: f64| number::value(Unit::Nanoseconds, ns);
    let Some((wait, grown)) = found.wait.filter(|_| found.longer_ns > 0.0) else { return String::new() };
    format!(
        "; a mean good response takes {} longer than at {}, and \"{}\" grows by {}",
        time(found.longer_ns),
        load_words(load, found.below),
        CarrierWord::of(found.beyond.loops).told(wait.label()),
        time(grown)
    )
}

/// Worlds against the first.
fn ratios(capacity: &Capacity) -> Option<String> {
    let base = &capacity.worlds.first()?.world;
    let sentence = |(world, ratio): (&WorldCapacity, &Option<Estimate>)| {
        let ratio = ratio.as_ref()?;
        let value = |value: f64| number::value(Unit::Ratio, value);
        let interval = match (ratio.low, ratio.high) {
            (Some(low), Some(high)) => {
                format!("95 % interval {} to {}, paired by replication", value(low), value(high))
            }
            _ => "one replication, so no interval".to_owned(),
        };
        Some(format!("{} carries {} the load of {base} ({interval}).", world.world, value(ratio.mean)))
    };
    let said: Vec<String> = capacity.worlds.iter().skip(1).zip(&capacity.ratios).filter_map(sentence).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// How the numbers were made.
fn method(capacity: &Capacity, asked: &CapacityQuestion) -> String {
    let mut said = vec![format!(
        "{} runs; loads are told apart to {}, and every load serves the same people.",
        number::grouped(capacity.runs as f64, 0),
        number::value(Unit::Share, asked.tolerance)
    )];
    if asked.replications > 1 {
        let most = capacity.worlds.iter().filter_map(|world| world.estimate.map(|estimate| estimate.n)).max();
        let many = match most {
            Some(most) if most > asked.replications => {
                format!("{} replications, or up to {most} where these leave it open", asked.replications)
            }
            _ => format!("{} replications", asked.replications),
        };
        said.push(format!(
            "A load meets the objectives if the means over {many} do; the interval reaches from the highest load that surely meets to \
             the lowest that surely misses, by the 95 % intervals of the objectives."
        ));
    }
    if !asked.set_aside.is_empty() {
        let names = asked.set_aside.iter().map(objective_words).collect::<Vec<_>>().join(", ");
        said.push(format!("{names} is set aside, because a light load misses it."));
    }
    said.extend(asked.notes.iter().cloned());
    said.join(" ")
}
