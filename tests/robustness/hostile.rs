//! Scenarios that mean no good: random edits of the shipped ones, and files put together from extreme values.
//!
//! Each is read, compiled, and run for some thousand events, as a fuzzer's input is. None may panic, hang, or grow the memory; whether it
//! is refused or run does not matter here.

use crate::common::process::alone;
use crate::common::shipped;
use crate::common::targets;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

/// A single case that takes longer hangs: most take milliseconds.
const CASE_MAX: Duration = Duration::from_secs(20);
/// Cases of each property: together they take some ten seconds.
const CASES: u32 = 250;
/// Memory that all cases together may have taken at their largest, KiB.
const MEMORY_KIB_MAX: u64 = 1 << 20;

/// What stands for a number.
const NUMBERS: [&str; 18] = [
    "0",
    "-0",
    "1",
    "-1",
    "2",
    "0.5",
    "1e-9",
    "1e308",
    "-1e308",
    "nan",
    "inf",
    "-inf",
    "255",
    "65536",
    "1000000",
    "4294967296",
    "9223372036854775807",
    "170141183460469231731687303715884105728",
];

/// What stands for a text in quotes.
const TEXTS: [&str; 26] = [
    "0s",
    "1ns",
    "-1ms",
    "1000000s",
    "1000001s",
    "18446744073709551616ns",
    "1e30h",
    "0/s",
    "1e-9/h",
    "10000000/s",
    "10000001/s",
    "nan/s",
    "infms",
    "exp(1ns)",
    "exp(1000000s)",
    "lognormal(1ns, 1000000s)",
    "lognormal(5ms, 5ms)",
    "uniform(0ms, 0ms)",
    "pareto(1ms, 0.0001)",
    "empirical(../../etc/passwd)",
    "empirical(missing.csv)",
    "",
    "page",
    "\u{0}",
    "auto",
    "< 1ns",
];

const UNITS: [&str; 9] = ["ns", "us", "ms", "s", "m", "h", "/s", "/m", "/h"];

/// The case that is under way, and since when.
static CASE: Mutex<Option<(Instant, String)>> = Mutex::new(None);

/// Ends the process, which is the test's own, if a case hangs, and says which: nobody else could.
fn watched(text: &str, run: impl FnOnce()) {
    static WATCHDOG: OnceLock<()> = OnceLock::new();
    WATCHDOG.get_or_init(|| {
        thread::spawn(|| {
            loop {
                thread::sleep(Duration::from_millis(200));
                let case = CASE.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, text)) = case.as_ref()
                    && since.elapsed() > CASE_MAX
                {
                    eprintln!("a case hangs:\n{text}");
                    std::process::exit(101);
                }
            }
        });
    });
    *CASE.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), text.to_owned()));
    run();
    *CASE.lock().unwrap_or_else(PoisonError::into_inner) = None;
    if let Some(peak) = memory_peak_kib() {
        assert!(peak < MEMORY_KIB_MAX, "{peak} KiB of memory after:\n{text}");
    }
}

/// The largest memory of this process so far, where the system tells it.
fn memory_peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// One change of a text: what, where, and which of its kind.
type Edit = (u8, usize, usize);

/// Where the numbers of a line are, or its texts in quotes.
fn places(line: &str, quoted: bool) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    if quoted {
        let quotes: Vec<usize> = line.match_indices('"').map(|(at, _)| at).collect();
        found.extend(quotes.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]));
        return found;
    }
    let mut from = None;
    for (at, letter) in line.char_indices().chain([(line.len(), ' ')]) {
        match (letter.is_ascii_digit() || letter == '.', from) {
            (true, None) => from = Some(at),
            (false, Some(start)) => {
                found.push(start..at);
                from = None;
            }
            _ => {}
        }
    }
    found
}

/// Puts `with(what stood there)` into one place of a line, if it has any.
fn put(line: &str, quoted: bool, choice: usize, with: impl Fn(&str) -> String) -> String {
    let places = places(line, quoted);
    match places.get(choice % places.len().max(1)) {
        Some(place) => format!("{}{}{}", &line[..place.start], with(&line[place.clone()]), &line[place.end..]),
        None => line.to_owned(),
    }
}

fn other_unit(text: &str, choice: usize) -> String {
    let digits = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    format!("{}{}", &text[..digits], UNITS[choice % UNITS.len()])
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for &(kind, line, choice) in edits {
        let at = line % lines.len().max(1);
        let Some(line) = lines.get(at).cloned() else { break };
        match kind % 7 {
            0 => drop(lines.remove(at)),
            1 => lines.insert(at, line),
            2 => {
                let other = choice % lines.len();
                lines.swap(at, other);
            }
            3 | 4 => lines[at] = put(&line, false, choice / 32, |_| NUMBERS[choice % NUMBERS.len()].to_owned()),
            5 => lines[at] = put(&line, true, choice / 32, |_| TEXTS[choice % TEXTS.len()].to_owned()),
            _ => lines[at] = put(&line, true, choice / 32, |text| other_unit(text, choice)),
        }
    }
    lines.join("\n")
}

/// A file in which everything is where it belongs, and nothing is as large as it should be.
fn extreme(picks: &[usize]) -> String {
    const SPANS: [&str; 6] = ["1ns", "1us", "7ms", "1s", "1000000s", "exp(1h)"];
    const RATES: [&str; 5] = ["1/h", "0.001/s", "50/s", "100000/s", "10000000/s"];
    const COUNTS: [&str; 5] = ["1", "2", "50", "20000", "1000000"];
    let mut picks = picks.iter().copied().cycle();
    let mut pick = |from: &[&str]| from[picks.next().unwrap_or(0) % from.len()].to_owned();
    let worker = pick(&[
        "uwsgi-threads\"\nthreads = 3",
        "uwsgi-gevent\"\ngreenlets = 7",
        "gunicorn-sync\"",
        "gunicorn-gthread\"\nthreads = 2",
        "gunicorn-gevent\"",
        "paste\"\nthreads = 2",
    ]);
    let steps: Vec<String> = (0..4)
        .map(|_| {
            let (span, count) = (pick(&SPANS), pick(&COUNTS));
            match pick(&["burn", "sleep", "call", "with", "repeat", "fan", "yield", "every"]).as_str() {
                "burn" => format!("{{ burn = \"{span}\" }}"),
                "sleep" => format!("{{ sleep = \"{span}\" }}"),
                "call" => format!("{{ call = \"db\", takes = \"{span}\" }}"),
                "with" => format!(
                    "{{ with = \"pool\", steps = [{{ sleep = \"{span}\" }}, {{ with = \"pool\", steps = [] }}] }}"
                ),
                "repeat" => format!("{{ repeat = {count}, steps = [{{ yield = true }}, {{ burn = \"{span}\" }}] }}"),
                "fan" => format!("{{ fan = 9, steps = [{{ with = \"pool\", steps = [{{ burn = \"{span}\" }}] }}] }}"),
                "every" => format!("{{ burn = \"{span}\", yield_every = \"1ns\" }}"),
                _ => format!("{{ repeat = {count}, steps = [{{ yield = true }}] }}"),
            }
        })
        .collect();
    let client = match pick(&["rate", "clients", "burst"]).as_str() {
        "rate" => format!("rate = \"{}\"", pick(&RATES)),
        "clients" => format!("clients = {}\nthink = \"{}\"", pick(&COUNTS), pick(&SPANS)),
        _ => format!("rate = \"{}\"\nread_timeout = \"{}\"\nretry = {{ times = 100 }}", pick(&RATES), pick(&SPANS)),
    };
    format!(
        "version = 1\ntitle = \"T\"\n[run]\nlength = \"{}\"\ndrain = \"{}\"\nstep = \"{}\"\n[machine]\ncores = {}\n\
         [world.w]\nworker = \"{worker}\nprocesses = {}\nlisten = {}\n[client.c]\n{client}\n[peer.db]\ncapacity = {}\n\
         [pool.pool]\nunits = {}\n[request.page]\nsteps = [{}]\n",
        pick(&["1ms", "1s", "1h", "1000000s"]),
        pick(&["0s", "1s", "1000000s"]),
        pick(&["1ms", "1s", "1h"]),
        pick(&["1", "2", "64"]),
        pick(&["1", "3", "100000"]),
        pick(&COUNTS),
        pick(&COUNTS),
        pick(&["1", "2", "1000000"]),
        steps.join(", "),
    )
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn a_shipped_scenario_with_random_edits_breaks_nothing() {
    let edit = (any::<u8>(), any::<usize>(), any::<usize>());
    alone("robustness::hostile::a_shipped_scenario_with_random_edits_breaks_nothing", || {
        let files = shipped::scenarios();
        proptest!(config(), |(which in any::<prop::sample::Index>(), edits in prop::collection::vec(edit, 1..8))| {
            let text = edited(&files[which.index(files.len())].text, &edits);
            watched(&text, || targets::scenario(text.as_bytes()));
        });
    });
}

#[test]
fn a_scenario_of_extremes_breaks_nothing() {
    alone("robustness::hostile::a_scenario_of_extremes_breaks_nothing", || {
        proptest!(config(), |(picks in prop::collection::vec(any::<usize>(), 32))| {
            let text = extreme(&picks);
            watched(&text, || targets::scenario(text.as_bytes()));
        });
    });
}

#[test]
fn the_extremes_are_scenarios_that_are_read_and_some_of_them_run() {
    let read = (0..200_usize).filter(|seed| {
        let picks: Vec<usize> =
            (0..32).map(|at| seed.wrapping_mul(2_654_435_761).wrapping_add(at * 40_503) >> 7).collect();
        let parsed = scenario::parse(&extreme(&picks), "extreme.toml", &[]);
        parsed.and_then(|parsed| scenario::compile(&parsed, &mut |_| Err(String::new()))).is_ok()
    });
    let read = read.count();
    assert!((20..200).contains(&read), "{read} of 200 are read: the test tries nothing");
}
