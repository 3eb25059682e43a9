//! A plan in words: the cheapest deployment, what binds it, what more and less money buys, and how far it moves.

use lab::Unit;
use lab::plan::{Cost, Deployment, Moved, Plan, StepDown, TIE, WorldPlan};

use super::capacity::{cause_words, short_cause};
use super::slo::{missed_list, objective_words, what};
use crate::words::load::{money, setting, settings_words};
use crate::words::number;
use crate::words::wrap;

/// Most rows of the frontier.
const FRONTIER_MAX: usize = 16;

/// Everything about a plan, for a terminal of this width.
pub fn plan_text(plan: &Plan, replications: u32, notes: &[String], width: usize) -> String {
    let mut text = String::from("Objectives\n");
    for objective in &plan.slo.objectives {
        text += &format!("  {}\n", objective_words(objective));
    }
    text += &format!("\n{}\n", wrap(&(answer(plan) + &tie(plan)), width));
    text += &format!("{}\n", worlds(plan));
    for world in plan.worlds.iter().filter(|world| world.cheapest.is_some()) {
        text += &format!("{}\n", binding(plan, world, width));
    }
    if !plan.frontier.is_empty() {
        text += &frontier(plan);
    }
    if !plan.moved.is_empty() {
        text += &format!("\n{}", moved(plan));
    }
    text + "\n" + &wrap(&method(plan, replications, notes), width)
}

fn answer(plan: &Plan) -> String {
    let Some(found) = plan.answer() else {
        let all: usize = plan.worlds.iter().map(|world| world.deployments).sum();
        return format!("None of the {} deployments meets the objectives.", number::grouped(all as f64, 0));
    };
    let Cost { hosts, cores, gib, total } = found.cost;
    let prices = &plan.prices;
    let mut parts =
        vec![format!("{cores} cores x {}", prices.core), format!("{} GiB x {}", number::grouped(gib, 2), prices.gib)];
    if prices.host > 0.0 {
        parts.push(format!("{hosts} {} x {}", if hosts == 1 { "server" } else { "servers" }, prices.host));
    }
    format!(
        "The cheapest deployment that meets them is {} with {}: it costs {} ({}).",
        found.world,
        settings_words(found),
        money(total),
        parts.join(" + ")
    )
}

/// Where several cost about as much: which of them it is, and why.
fn tie(plan: &Plan) -> String {
    let Some(best) = plan.best else { return String::new() };
    let Some(found) = plan.answer() else { return String::new() };
    let others = |(at, world): (usize, &WorldPlan)| {
        let cost = world.cheapest.as_ref().map(|other| other.cost.total);
        at != best && cost.is_some_and(|cost| (cost - found.cost.total).abs() <= TIE * cost.min(found.cost.total))
    };
    let worlds = plan.worlds.iter().enumerate().filter(|one| others(*one)).count();
    let tied = plan.worlds[best].tied;
    if tied < 2 && worlds == 0 {
        return String::new();
    }
    let room = found.binding(&plan.slo).map_or(String::new(), |(objective, used)| {
        format!(
            ", with {} at {} of its bound in the worst replication",
            what(objective),
            number::value(Unit::Share, used)
        )
    });
    let range = match plan.worlds[best].tie {
        Some((low, high)) if money(low) != money(high) => format!(", which cost {} to {},", money(low), money(high)),
        _ => String::new(),
    };
    let who = match (tied, worlds) {
        (0 | 1, _) => "Worlds whose cheapest costs as much meet as well, and".to_owned(),
        (_, 0) => format!("{} deployments{range} meet, and", number::grouped(tied as f64, 0)),
        (_, _) => format!("{} deployments{range} and other worlds meet, and", number::grouped(tied as f64, 0)),
    };
    format!(" Costs within 1 % are taken for equal: {who} this one has the most room{room}.")
}

/// The cheapest deployment of every world.
fn worlds(plan: &Plan) -> String {
    let mut rows = vec![["", "cost", "p99", "cheapest that meets"].map(str::to_owned)];
    for world in &plan.worlds {
        rows.push(match &world.cheapest {
            Some(found) => [world.world.clone(), money(found.cost.total), p99(found), settings_words(found)],
            None => {
                let tried = match &world.nearest {
                    Some(nearest) => format!("none, not even {}", settings_words(nearest)),
                    None => "none".to_owned(),
                };
                [world.world.clone(), "–".to_owned(), "–".to_owned(), tried]
            }
        });
    }
    columns(&rows, &[Left, Right, Right, Left])
}

fn p99(deployment: &Deployment) -> String {
    deployment.p99_ns().map_or("–".to_owned(), |ns| number::value(Unit::Nanoseconds, ns))
}

/// What keeps a world's cheapest deployment from being cheaper.
fn binding(plan: &Plan, world: &WorldPlan, width: usize) -> String {
    let Some(found) = &world.cheapest else { return String::new() };
    let mut text = format!("What binds {}", world.world);
    if let Some((objective, used)) = found.binding(&plan.slo) {
        text += &format!(
            ": {} is the closest, at {} of its bound in the worst replication",
            what(objective),
            number::value(Unit::Share, used)
        );
    }
    let mut text = wrap(&(text + "."), width);
    if world.steps_down.is_empty() {
        text += "  Nothing can be less: it is the least of every setting.\n";
    }
    for step in &world.steps_down {
        let line = step_words(step, &world.world);
        for (at, line) in wrap(&line, width.saturating_sub(4)).lines().enumerate() {
            text += &format!("  {}{line}\n", if at == 0 { "" } else { "  " });
        }
    }
    text
}

/// One step less of one setting, and what it does.
fn step_words(step: &StepDown, world: &str) -> String {
    let value = step.deployment.settings.iter().find(|(path, _)| *path == step.path).map_or("", |(_, value)| value);
    let head = format!("{} = {value} (cost {})", setting(&step.path, world), money(step.deployment.cost.total));
    let Some(found) = &step.breaks else { return format!("{head} meets as well, with less room.") };
    format!("{head} misses: {}. {}.", missed_list(&step.missed, step.overload), cause_words(found))
}

/// Deployments that nothing beats in both cost and p99.
fn frontier(plan: &Plan) -> String {
    let mut rows = vec![["cost", "p99", "objectives", "deployment"].map(str::to_owned)];
    for &at in plan.frontier.iter().take(FRONTIER_MAX) {
        let found = &plan.seen[at];
        let holds = if found.meets() { "met" } else { "missed" };
        let which = if plan.answer() == Some(found) { "   <- the answer" } else { "" };
        let name = format!("{}: {}{which}", found.world, settings_words(found));
        rows.push([money(found.cost.total), p99(found), holds.to_owned(), name]);
    }
    let more = plan.frontier.len().saturating_sub(FRONTIER_MAX);
    let more = if more > 0 { format!("... and {more} dearer ones\n") } else { String::new() };
    let head = "What money buys: of the deployments that were run, those that no other beats in both cost and p99\n";
    head.to_owned() + &columns(&rows, &[Right, Right, Left, Left]) + &more
}

/// The answer if an input is off.
fn moved(plan: &Plan) -> String {
    let answer = plan.answer().map_or(0.0, |found| found.cost.total);
    let head = ["if this is off", "this deployment", "cost", "cheapest then"];
    let mut rows = vec![head.map(str::to_owned)];
    for Moved { input, percent, holds, cheapest } in &plan.moved {
        let off = i64::from(*percent) - 100;
        let label = format!("{} {}{} %", input.label(), if off > 0 { "+" } else { "-" }, off.abs());
        let holds = if *holds { "still meets" } else { "misses" };
        let (cost, name) = match cheapest {
            Some(found) => {
                let change = (found.cost.total / answer - 1.0) * 100.0;
                let change =
                    if answer > 0.0 && change.abs() >= 0.05 { format!(" ({change:+.1} %)") } else { String::new() };
                let name = format!("{}: {}", found.world, settings_words(found));
                (format!("{}{change}", money(found.cost.total)), name)
            }
            None => ("–".to_owned(), "none of them meets".to_owned()),
        };
        rows.push([label, holds.to_owned(), cost, name]);
    }
    columns(&rows, &[Left, Left, Left, Left])
}

fn method(plan: &Plan, replications: u32, notes: &[String]) -> String {
    let all: usize = plan.worlds.iter().map(|world| world.deployments).sum();
    let run: usize = plan.worlds.iter().map(|world| world.run).sum();
    let mut said = vec![format!(
        "{} of {} deployments were run, in {} runs with those of inputs that are off.",
        number::grouped(run as f64, 0),
        number::grouped(all as f64, 0),
        number::grouped(plan.runs as f64, 0)
    )];
    said.push(match replications {
        1 => "A deployment meets the objectives if its one replication does.".to_owned(),
        _ => format!("A deployment meets the objectives if each of its {replications} replications does."),
    });
    if !plan.frontier.is_empty() {
        said.push("What only shows what money buys is run once.".to_owned());
    }
    let surprised: Vec<&str> =
        plan.worlds.iter().filter(|world| world.surprised).map(|world| world.world.as_str()).collect();
    if !surprised.is_empty() {
        said.push(format!(
            "In {} less of something did better than the search takes for granted; what it had ruled out was run as well.",
            surprised.join(", ")
        ));
    }
    let unchecked: usize = plan.worlds.iter().map(|world| world.unchecked).sum();
    if unchecked > 0 {
        said.push(format!(
            "{} cheaper deployments were not run, because one with no less of anything that helps misses by far: where more of something \
             hurts, one of them may meet. --by-force runs them all.",
            number::grouped(unchecked as f64, 0)
        ));
    }
    said.extend(notes.iter().cloned());
    said.join(" ")
}

/// Which way a column is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Left,
    Right,
}

use Set::{Left, Right};

fn columns<const N: usize>(rows: &[[String; N]], set: &[Set; N]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(set).enumerate().map(|(column, (cell, set))| {
            let width = width(column);
            if *set == Left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        let cells: Vec<String> = cells.collect();
        format!("  {}\n", cells.join("   ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// What breaks where a plan does not go further, in two words.
pub fn binding_resource(world: &WorldPlan) -> Option<&'static str> {
    let step = world.steps_down.iter().find_map(|step| step.breaks.as_ref())?;
    Some(short_cause(step))
}
