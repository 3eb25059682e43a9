//! Runs one workload on the engine, as a hand-written loop, on the engine's floor, or all in turn.
//!
//! `workload [bare|floor|ratio] mmc CUSTOMERS | timers SLEEPERS EVENTS | pool SECONDS | ring GREENLETS SWITCHES | fleet HOSTS GREENLETS
//! SECONDS [--rounds N] [--seed N]`. Without a word before the workload, and with `bare` or `floor`, it prints one JSON line: events, wall_s,
//! cpu_s, ns_per_event, peak_rss_bytes, check. With `ratio` it runs both, one after the other, `N` times, and prints the medians and
//! the median of the ratios, all by time on a processor. `growth FOLDER` runs both over sizes and draws what they cost.

mod growth;
#[path = "mod.rs"]
mod workloads;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use workloads::{WorkloadOutcome, bare, real};

/// Which workload, and how much of it.
#[derive(Clone, Copy)]
enum Workload {
    Mmc { customers: u64 },
    Timers { sleepers: u32, events: u64 },
    Pool { seconds: u64 },
    Ring { greenlets: u32, switches: u64 },
    Fleet { hosts: u32, greenlets: u32, seconds: u64 },
}

impl Workload {
    /// Reads the words after the options.
    fn read(words: &[String]) -> Option<Workload> {
        let number = |at: usize| words.get(at)?.parse::<u64>().ok().filter(|&number| number > 0);
        match words.first()?.as_str() {
            "mmc" => Some(Workload::Mmc { customers: number(1)? }),
            "timers" => Some(Workload::Timers { sleepers: u32::try_from(number(1)?).ok()?, events: number(2)? }),
            "ring" => Some(Workload::Ring { greenlets: u32::try_from(number(1)?).ok()?, switches: number(2)? }),
            "pool" => Some(Workload::Pool { seconds: number(1)? }),
            "fleet" => Some(Workload::Fleet {
                hosts: u32::try_from(number(1)?).ok()?,
                greenlets: u32::try_from(number(2)?).ok()?,
                seconds: number(3)?,
            }),
            _ => None,
        }
    }

    fn on_the_engine(self, seed: u64) -> WorkloadOutcome {
        match self {
            Workload::Mmc { customers } => real::mmc(customers, seed),
            Workload::Timers { sleepers, events } => real::timers(sleepers, events, seed),
            Workload::Pool { seconds } => real::pool(seconds, seed),
            Workload::Ring { greenlets, switches } => real::ring(greenlets, switches),
            Workload::Fleet { hosts, greenlets, seconds } => real::fleet(hosts, greenlets, seconds, seed),
        }
    }

    fn by_hand(self, seed: u64) -> WorkloadOutcome {
        match self {
            Workload::Mmc { customers } => bare::mmc(customers, seed),
            Workload::Timers { sleepers, events } => bare::timers(sleepers, events, seed),
            Workload::Pool { seconds } => bare::pool(seconds, seed),
            Workload::Ring { greenlets, switches } => bare::ring(greenlets, switches),
            // By hand a fleet is no more than its sleepers.
            Workload::Fleet { hosts, greenlets, seconds } => {
                bare::timers(hosts * greenlets, u64::from(hosts * greenlets) * seconds, seed)
            }
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

/// Engine, loop and floor in turn.
fn ratio(workload: Workload, rounds: u64, seed: u64) {
    let (mut engine, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let (mut floor, mut to_floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let by_hand = Timed::run(|| workload.by_hand(seed));
        let on_engine = Timed::run(|| workload.on_the_engine(seed));
        let (by_hand, on_engine) = (by_hand.ns_per_event(by_hand.cpu_s), on_engine.ns_per_event(on_engine.cpu_s));
        ratios.push(on_engine / by_hand);
        engine.push(on_engine);
        bare.push(by_hand);
        if let Workload::Mmc { customers } = workload {
            let on_floor = Timed::run(|| real::mmc_floor(customers, seed));
            let on_floor = on_floor.ns_per_event(on_floor.cpu_s);
            to_floor.push(on_engine / on_floor);
            floor.push(on_floor);
        }
    }
    let mut line = serde_json::json!({
        "engine_ns_per_event": median(engine),
        "bare_ns_per_event": median(bare),
        "ratio": median(ratios),
        "rounds": rounds,
    });
    if !floor.is_empty() {
        line["floor_ns_per_event"] = median(floor).into();
        line["ratio_to_floor"] = median(to_floor).into();
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
        "bare" => Timed::run(|| workload.by_hand(seed)).print(),
        "floor" => {
            let Workload::Mmc { customers } = workload else { return None };
            Timed::run(|| real::mmc_floor(customers, seed)).print();
        }
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
                 | fleet HOSTS GREENLETS SECONDS [--rounds N] [--seed N]\n\
                 workload growth FOLDER [--rounds N]"
            );
            ExitCode::from(2)
        }
    }
}
