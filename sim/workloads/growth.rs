//! How cost grows with size: the example runs itself for each size, so that every run has a memory of its own.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use report::figures::{GrowthPanel, draw_growth};

/// Sleepers of one hub.
const SLEEPERS: [u64; 6] = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// Hosts with a hub each, and greenlets on each.
const HOSTS: [u64; 5] = [1, 10, 100, 1_000, 10_000];
const GREENLETS: u64 = 100;
/// Events of a run at least, and for each sleeper.
const EVENTS: u64 = 2_000_000;
const EVENTS_EACH: u64 = 3;

/// One size of one workload.
struct Row {
    workload: &'static str,
    size: u64,
    greenlets: u64,
    engine: Cost,
    by_hand: Cost,
}

/// What a run came to.
#[derive(Clone, Copy)]
struct Cost {
    ns_per_event: f64,
    peak_rss_bytes: f64,
}

/// Measures every size `rounds` times, prints a table and leaves `growth.csv`, `growth.svg` and `growth.png` in a folder.
pub fn measure(folder: &Path, rounds: u64) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let mut rows = Vec::new();
    for sleepers in SLEEPERS {
        let events = EVENTS.max(sleepers * EVENTS_EACH);
        rows.push(row("timers", sleepers, sleepers, &[sleepers, events], rounds)?);
    }
    for hosts in HOSTS {
        let greenlets = hosts * GREENLETS;
        let seconds = EVENTS_EACH.max(EVENTS / greenlets);
        rows.push(row("fleet", hosts, greenlets, &[hosts, GREENLETS, seconds], rounds)?);
    }
    std::fs::write(folder.join("growth.csv"), table(&rows))?;
    let subject = "timers: greenlets of one hub sleep again and again; fleet: hosts with a hub and 100 of them each";
    let drawing = draw_growth(subject, &panels(&rows))?;
    std::fs::write(folder.join("growth.svg"), drawing.svg)?;
    std::fs::write(folder.join("growth.png"), drawing.png)?;
    Ok(())
}

fn row(workload: &'static str, size: u64, greenlets: u64, words: &[u64], rounds: u64) -> Result<Row, Box<dyn Error>> {
    let words: Vec<String> = words.iter().map(u64::to_string).collect();
    let (mut engine, mut by_hand) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        by_hand.push(cost(&["bare", workload], &words)?);
        engine.push(cost(&[workload], &words)?);
    }
    let row = Row { workload, size, greenlets, engine: median(engine), by_hand: median(by_hand) };
    print!("{}", line(&row));
    Ok(row)
}

/// Runs this program for one workload.
fn cost(how: &[&str], words: &[String]) -> Result<Cost, Box<dyn Error>> {
    let output = Command::new(std::env::current_exe()?).args(how).args(words).output()?;
    let line: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let number = |key: &str| line[key].as_f64().ok_or_else(|| format!("a run of {how:?} has no `{key}`"));
    let (events, cpu_s) = (number("events")?, number("cpu_s")?);
    Ok(Cost { ns_per_event: cpu_s * 1e9 / events, peak_rss_bytes: number("peak_rss_bytes").unwrap_or(f64::NAN) })
}

fn median(mut costs: Vec<Cost>) -> Cost {
    costs.sort_by(|a, b| a.ns_per_event.total_cmp(&b.ns_per_event));
    costs[costs.len() / 2]
}

const HEAD: &str = "workload,size,greenlets,engine_ns,by_hand_ns,engine_peak_bytes,by_hand_peak_bytes\n";

fn line(row: &Row) -> String {
    let Row { workload, size, greenlets, engine, by_hand } = row;
    format!(
        "{workload},{size},{greenlets},{:.1},{:.1},{:.0},{:.0}\n",
        engine.ns_per_event, by_hand.ns_per_event, engine.peak_rss_bytes, by_hand.peak_rss_bytes
    )
}

fn table(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    rows.iter().for_each(|row| write!(text, "{}", line(row)).expect("writing to a string never fails"));
    text
}

/// Cost over sleepers, cost over hosts, and memory.
fn panels(rows: &[Row]) -> [GrowthPanel; 3] {
    let points = |workload: &str, value: &dyn Fn(&Row) -> f64| -> Vec<(f64, f64)> {
        let of = rows.iter().filter(|row| row.workload == workload);
        of.map(|row| (row.size as f64, value(row))).filter(|point| point.1.is_finite() && point.1 > 0.0).collect()
    };
    let cost = |workload| {
        let (engine, by_hand) = (|row: &Row| row.engine.ns_per_event, |row: &Row| row.by_hand.ns_per_event);
        vec![
            ("engine".to_owned(), points(workload, &engine)),
            ("loop written by hand".to_owned(), points(workload, &by_hand)),
        ]
    };
    // What an empty run takes is no greenlet's.
    let empty = rows.first().map_or(0.0, |row| row.engine.peak_rss_bytes);
    let bytes = |row: &Row| (row.engine.peak_rss_bytes - empty) / row.greenlets as f64;
    let panel = |heading: &str, across: &str, from_zero, lines| GrowthPanel {
        heading: heading.to_owned(),
        across: across.to_owned(),
        from_zero,
        lines,
    };
    let memory = points("timers", &bytes).into_iter().filter(|point| point.0 >= 1e4).collect();
    [
        panel("Processor time an event, ns", "sleepers of one hub", false, cost("timers")),
        panel("Processor time an event, ns", "hosts, 100 greenlets on each", false, cost("fleet")),
        panel("Memory a greenlet, bytes", "sleepers of one hub", true, vec![("engine".to_owned(), memory)]),
    ]
}
