//! Runs one workload on the engine, as a hand-written loop, on the engine's floor, or all in turn.
//!
//! `workload [bare|floor|ratio] mmc CUSTOMERS | timers SLEEPERS EVENTS | pool SECONDS | ring GREENLETS SWITCHES | turns hub|loop
//! REQUESTS SWITCHES | fleet HOSTS GREENLETS SECONDS | page WORLD SECONDS [--rounds N] [--seed N]`. Without a word before the workload, and with `bare` or `floor`, it prints one JSON line: events, wall_s,
//! cpu_s, ns_per_event, peak_rss_bytes, check. With `ratio` it runs both, one after the other, `N` times, and prints the medians and
//! the median of the ratios, all by time on a processor. `growth FOLDER` runs both over sizes and draws what they cost.

mod growth;
#[path = "mod.rs"]
mod workloads;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use workloads::{WorkloadOutcome, bare, pages, real};

/// Which workload, and how much of it.
#[derive(Clone, Copy)]
enum Workload {
    Mmc { customers: u64 },
    Timers { sleepers: u32, events: u64 },
    Pool { seconds: u64 },
    Ring { greenlets: u32, switches: u64 },
    Turns { on: Turning, requests: u32, switches: u64 },
    Fleet { hosts: u32, greenlets: u32, seconds: u64 },
    Page { world: World, seconds: u64 },
}

/// What requests take turns on.
#[derive(Clone, Copy)]
enum Turning {
    Hub,
    Loop,
}

/// A world of the third party's scenario.
#[derive(Clone, Copy)]
enum World {
    Threads,
    Gevent,
}

impl World {
    fn name(self) -> &'static str {
        match self {
            World::Threads => "threads",
            World::Gevent => "gevent",
        }
    }
}

impl Workload {
    /// Reads the words after the options.
    fn read(words: &[String]) -> Option<Workload> {
        let number = |at: usize| words.get(at)?.parse::<u64>().ok().filter(|&number| number > 0);
        match words.first()?.as_str() {
            "mmc" => Some(Workload::Mmc { customers: number(1)? }),
            "timers" => Some(Workload::Timers { sleepers: u32::try_from(number(1)?).ok()?, events: number(2)? }),
            "ring" => Some(Workload::Ring { greenlets: u32::try_from(number(1)?).ok()?, switches: number(2)? }),
            "turns" => {
                let on = match words.get(1)?.as_str() {
                    "hub" => Turning::Hub,
                    "loop" => Turning::Loop,
                    _ => return None,
                };
                Some(Workload::Turns { on, requests: u32::try_from(number(2)?).ok()?, switches: number(3)? })
            }
            "pool" => Some(Workload::Pool { seconds: number(1)? }),
            "fleet" => Some(Workload::Fleet {
                hosts: u32::try_from(number(1)?).ok()?,
                greenlets: u32::try_from(number(2)?).ok()?,
                seconds: number(3)?,
            }),
            "page" => {
                let world = [World::Threads, World::Gevent]
                    .into_iter()
                    .find(|world| words.get(1).is_some_and(|word| word == world.name()));
                Some(Workload::Page { world: world?, seconds: number(2)? })
            }
            _ => None,
        }
    }

    fn on_the_engine(self, seed: u64) -> WorkloadOutcome {
        match self {
            Workload::Mmc { customers } => real::mmc(customers, seed),
            Workload::Timers { sleepers, events } => real::timers(sleepers, events, seed),
            Workload::Pool { seconds } => real::pool(seconds, seed),
            Workload::Ring { greenlets, switches } => real::ring(greenlets, switches),
            Workload::Turns { on: Turning::Hub, requests, switches } => {
                real::turns(real::hub(requests), requests, switches)
            }
            Workload::Turns { on: Turning::Loop, requests, switches } => {
                real::turns(real::event_loop(), requests, switches)
            }
            Workload::Fleet { hosts, greenlets, seconds } => real::fleet(hosts, greenlets, seconds, seed),
            Workload::Page { world, seconds } => pages::page(world.name(), seconds, seed),
        }
    }

    /// A loop by hand that keeps one sum, where there is one.
    fn by_hand(self, seed: u64) -> Option<WorkloadOutcome> {
        Some(match self {
            Workload::Mmc { customers } => bare::mmc(customers, seed),
            Workload::Timers { sleepers, events } => bare::timers(sleepers, events, seed),
            Workload::Pool { seconds } => bare::pool(seconds, seed),
            Workload::Ring { greenlets, switches } => bare::ring(greenlets, switches),
            // By hand whoever takes a turn is a number in a queue.
            Workload::Turns { requests, switches, .. } => bare::ring(requests, switches),
            // By hand a fleet is no more than its sleepers.
            Workload::Fleet { hosts, greenlets, seconds } => {
                bare::timers(hosts * greenlets, u64::from(hosts * greenlets) * seconds, seed)
            }
            Workload::Page { .. } => return None,
        })
    }

    /// The engine without its mechanisms, where that is written.
    fn on_its_floor(self, seed: u64) -> Option<WorkloadOutcome> {
        match self {
            Workload::Mmc { customers } => Some(real::mmc_floor(customers, seed)),
            Workload::Page { world, seconds } => Some(pages::page_floor(world.name(), seconds, seed)),
            Workload::Timers { .. }
            | Workload::Ring { .. }
            | Workload::Turns { .. }
            | Workload::Pool { .. }
            | Workload::Fleet { .. } => None,
        }
    }
}

/// A run with how long it took, and how long it was on a processor.
struct Timed {
    outcome: WorkloadOutcome,
    wall_s: f64,
    cpu_s: f64,
}

impl Timed {
    fn run(run: impl FnOnce() -> WorkloadOutcome) -> Timed {
        let (start, cpu) = (Instant::now(), cpu_s());
        let outcome = run();
        let wall_s = start.elapsed().as_secs_f64();
        let cpu_s = cpu_s().zip(cpu).map_or(wall_s, |(end, start)| end - start);
        Timed { outcome, wall_s, cpu_s }
    }

    /// A run that not every workload has.
    fn try_run(run: impl FnOnce() -> Option<WorkloadOutcome>) -> Option<Timed> {
        let mut outcome = None;
        let timed = Timed::run(|| {
            outcome = run();
            outcome.unwrap_or(WorkloadOutcome { events: 0, check: f64::NAN })
        });
        outcome.map(|_| timed)
    }

    fn ns_per_event(&self, seconds: f64) -> f64 {
        seconds * 1e9 / self.outcome.events.max(1) as f64
    }

    fn print(&self) {
        let WorkloadOutcome { events, check } = self.outcome;
        let line = serde_json::json!({
            "events": events,
            "wall_s": self.wall_s,
            "cpu_s": self.cpu_s,
            "ns_per_event": self.ns_per_event(self.wall_s),
            "peak_rss_bytes": peak_rss_bytes(),
            "check": check,
        });
        println!("{line}");
    }
}

/// The most memory that this process has had, where the kernel says so (Linux, `VmHWM`).
fn peak_rss_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Time on a processor so far, where the kernel says so: a neighbour's load is not in it.
fn cpu_s() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Engine, loop and floor in turn: nanoseconds an event, and the engine's over those of the others, by rounds.
fn ratio(workload: Workload, rounds: u64, seed: u64) {
    let mut engine = Vec::new();
    let mut others = [("bare", Vec::new(), Vec::new()), ("floor", Vec::new(), Vec::new())];
    for _ in 0..rounds {
        let ns = |timed: Timed| timed.ns_per_event(timed.cpu_s);
        let theirs =
            [Timed::try_run(|| workload.by_hand(seed)).map(ns), Timed::try_run(|| workload.on_its_floor(seed)).map(ns)];
        let ours = ns(Timed::run(|| workload.on_the_engine(seed)));
        engine.push(ours);
        for ((_, all, ratios), theirs) in others.iter_mut().zip(theirs) {
            if let Some(theirs) = theirs {
                all.push(theirs);
                ratios.push(ours / theirs);
            }
        }
    }
    let mut line = serde_json::json!({ "engine_ns_per_event": median(engine), "rounds": rounds });
    for (name, all, ratios) in others {
        if !all.is_empty() {
            line[format!("{name}_ns_per_event")] = median(all).into();
            line[format!("ratio_to_{name}")] = median(ratios).into();
        }
    }
    println!("{line}");
}

/// The number after an option, taken out of the words.
fn option(words: &mut Vec<String>, name: &str, default: u64) -> Option<u64> {
    let Some(at) = words.iter().position(|word| word == name) else { return Some(default) };
    let value = words.get(at + 1)?.parse().ok()?;
    words.drain(at..at + 2);
    Some(value)
}

/// `None` if the words say nothing.
fn run(mut words: Vec<String>) -> Option<Result<(), Box<dyn Error>>> {
    let rounds = option(&mut words, "--rounds", 5)?;
    let seed = option(&mut words, "--seed", 1)?;
    let how = words.first().cloned()?;
    if how == "growth" {
        return Some(growth::measure(Path::new(words.get(1)?), rounds.max(1)));
    }
    let rest = if matches!(how.as_str(), "bare" | "ratio" | "floor") { &words[1..] } else { &words[..] };
    let workload = Workload::read(rest)?;
    match how.as_str() {
        "ratio" => ratio(workload, rounds.max(1), seed),
        "bare" => Timed::try_run(|| workload.by_hand(seed))?.print(),
        "floor" => Timed::try_run(|| workload.on_its_floor(seed))?.print(),
        _ => Timed::run(|| workload.on_the_engine(seed)).print(),
    }
    Some(Ok(()))
}

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(why)) => {
            eprintln!("workload: {why}");
            ExitCode::FAILURE
        }
        None => {
            eprintln!(
                "workload [bare|floor|ratio] mmc CUSTOMERS | timers SLEEPERS EVENTS | pool SECONDS | ring GREENLETS SWITCHES\n\
                 | fleet HOSTS GREENLETS SECONDS | page threads|gevent SECONDS [--rounds N] [--seed N]\n\
                 workload growth FOLDER [--rounds N]"
            );
            ExitCode::from(2)
        }
    }
}
