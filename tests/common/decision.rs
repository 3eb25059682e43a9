//! The table in which the tutorial decides: every number in it is read off what the page's own commands print.

use crate::common::prompts::{self, Shown};

/// The page.
pub const PAGE: &str = "docs/tutorial.md";

const SALE: &str = "tailback run docs/tutorial/1-today.toml --no-plots --set client.shoppers.rate=80/s";
const GEVENT: &str = "tailback run docs/tutorial/2-gevent.toml --no-plots";
const PLAN: &str = "tailback plan docs/tutorial/5-plan.toml --no-plots";
const SLOW_16: &str = "tailback run docs/tutorial/5-plan.toml --no-plots --set machine.cores=1 --set world.threads.processes=2 \
                       --set world.threads.threads=16 --set world.gevent.processes=2 \
                       --set 'peer.payments.slow=[{ from = \"20s\", to = \"40s\", factor = 4 }]'";
const SLOW_64: &str = "tailback run docs/tutorial/5-plan.toml --no-plots --set machine.cores=1 --set world.threads.processes=2 \
                       --set world.threads.threads=64 --set world.gevent.processes=2 \
                       --set 'peer.payments.slow=[{ from = \"20s\", to = \"40s\", factor = 4 }]'";
const QUICK_64: &str = "tailback run docs/tutorial/5-plan.toml --no-plots --set machine.cores=1 --set world.threads.processes=2 \
                        --set world.threads.threads=64 --set world.gevent.processes=2";

/// Where a cell comes from.
enum Cell {
    /// No command says anything of it.
    Words(&'static str),
    /// The share of good responses of a world.
    Success(&'static str, &'static str),
    /// Whether a world meets all objectives.
    Verdict(&'static str, &'static str),
    /// Whether the plan found a world's cheapest deployment to be this one, which meets them.
    Planned(&'static str, &'static str),
    /// Whether the plan says that a step less of what it found meets as well.
    AsWell(&'static str),
    /// What the plan says that a world's cheapest deployment costs, and words after it.
    Cost(&'static str, &'static str),
}

/// The head of the table, from which on it is drawn.
const HEAD: &str = "| What | Success at 80/s | with a slow provider | Cost |";

const ROWS: [(&str, [Cell; 3]); 5] = [
    (
        "as it is: 4 processes with 4 threads",
        [Cell::Success(SALE, "threads"), Cell::Words("not asked"), Cell::Words("-")],
    ),
    ("gevent, and nothing else", [Cell::Success(GEVENT, "gevent"), Cell::Words("not asked"), Cell::Words("-")]),
    (
        "short holds, 2 processes with 16 threads, one core",
        [Cell::AsWell("threads = 16"), Cell::Success(SLOW_16, "threads"), Cell::Cost("threads", "")],
    ),
    (
        "short holds, 2 processes with 64 threads, one core",
        [Cell::Verdict(QUICK_64, "threads"), Cell::Success(SLOW_64, "threads"), Cell::Cost("threads", " and a little")],
    ),
    (
        "short holds, 2 processes of greenlets, one core",
        [
            Cell::Planned("gevent", "machine.cores = 1, processes = 2"),
            Cell::Success(SLOW_16, "gevent"),
            Cell::Cost("gevent", ""),
        ],
    ),
];

/// The page with the table that its commands make.
pub fn redrawn(text: &str) -> String {
    let shown = prompts::commands(text);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let head = lines.iter().position(|line| line == HEAD).unwrap_or_else(|| panic!("{PAGE} has no table {HEAD}"));
    for (at, (what, cells)) in ROWS.iter().enumerate() {
        let cells: Vec<String> = cells.iter().map(|cell| cell.drawn(&shown)).collect();
        lines[head + 2 + at] = format!("| {what} | {} |", cells.join(" | "));
    }
    lines.join("\n") + "\n"
}

impl Cell {
    fn drawn(&self, shown: &[Shown]) -> String {
        match self {
            Cell::Words(words) => (*words).to_owned(),
            Cell::Success(command, world) => value(output(shown, command), world, "success"),
            Cell::Verdict(command, world) => verdict(output(shown, command), world),
            Cell::Planned(world, settings) => {
                let found = deployment(shown, world);
                let met = found.last().map(String::as_str) == Some(*settings);
                if met { "objectives met".to_owned() } else { format!("the plan says {}", found.join(", ")) }
            }
            Cell::AsWell(setting) => {
                let line =
                    output(shown, PLAN).iter().find(|line| line.trim_start().starts_with(&format!("{setting} (")));
                match line {
                    Some(line) if line.ends_with("meets as well, with less room.") => "objectives met".to_owned(),
                    Some(line) => format!("the plan says {}", line.trim()),
                    None => format!("the plan says nothing of {setting}"),
                }
            }
            Cell::Cost(world, after) => format!("{}{after}", deployment(shown, world)[1]),
        }
    }
}

/// What the page shows of a command's output.
fn output<'s>(shown: &'s [Shown], command: &str) -> &'s [String] {
    let found = shown.iter().find(|shown| shown.at_prompt && shown.command == command);
    &found.unwrap_or_else(|| panic!("{PAGE} does not show\n{command}")).output
}

/// The cells of a line, between which stand two blanks at least.
fn cells(line: &str) -> Vec<String> {
    line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
}

/// The value in a row of the table of worlds, without its interval.
fn value(output: &[String], world: &str, row: &str) -> String {
    let head = output.iter().map(|line| cells(line)).find(|cells| cells.iter().any(|cell| cell == world));
    let column = head.and_then(|head| head.iter().position(|cell| cell == world)).expect("the worlds head the table");
    let row = output.iter().map(|line| cells(line)).find(|cells| cells.first().is_some_and(|cell| cell == row));
    let cell = row.and_then(|row| row.get(column + 1).cloned()).expect("the page shows that row");
    cell.split(" ±").next().unwrap_or_default().to_owned()
}

/// Whether a world meets all objectives that a run shows.
fn verdict(output: &[String], world: &str) -> String {
    let from = output.iter().position(|line| line == "Objectives").expect("the page shows the objectives");
    let lines = output[from..].iter().map(|line| cells(line));
    let verdicts: Vec<String> = lines
        .filter_map(|cells| {
            let at = cells.iter().position(|cell| cell == world)?;
            cells.get(at + 1).cloned()
        })
        .collect();
    assert!(!verdicts.is_empty(), "no objective of {world}");
    if verdicts.iter().all(|verdict| verdict == "met") { "objectives met".to_owned() } else { verdicts.join(", ") }
}

/// A world's row in what the plan found: its name, cost, p99 and settings.
fn deployment(shown: &[Shown], world: &str) -> Vec<String> {
    let lines = output(shown, PLAN).iter().map(|line| cells(line));
    let mut rows = lines.filter(|cells| cells.first().is_some_and(|cell| cell == world) && cells.len() == 4);
    rows.next().unwrap_or_else(|| panic!("the plan has no row of {world}"))
}
