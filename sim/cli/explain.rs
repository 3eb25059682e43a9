//! `tailback explain`: where the time of the tail went, who kept whom waiting, and what would change it.

use std::path::PathBuf;

use engine::{Model, Seed};
use lab::explain::{Change, Checked, How, Split, changes};
use lab::{Plan, WorldResult, run_all};
use report::explain_json::explain_json;
use report::text::Style;
use report::text::explain::{Explained, explained};
use report::text::notes::warm_up_note;
use scenario::{Compiled, Override};

use crate::files::{self, Source};
use crate::problem::{Problem, unknown};
use crate::run::parse_overrides;
use crate::settle::settle;
use crate::terminal;

/// What to explain.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Explain only this world
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// Explain only requests of this class
    #[arg(long, value_name = "NAME")]
    class: Option<String>,
    /// Say where the time went, and try no changes
    #[arg(long)]
    no_changes: bool,
    /// Where chance begins; the same seed gives the same bytes
    #[arg(long)]
    seed: Option<u64>,
    /// Runs of every world and every change, each with chance drawn anew
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Lay a value over the file, for example --set world.threads.threads=80
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    /// Threads to run on; the result does not depend on it [default: all cores]
    #[arg(long)]
    threads: Option<usize>,
}

/// Explains the worlds of a scenario.
pub fn explain(args: &Args) -> Result<(), Problem> {
    let text = files::read(&args.file)?;
    let source = Source { path: &args.file, text: &text };
    let overrides = parse_overrides(&args.set)?;
    let mut compiled = source.compile(&overrides)?;
    let plan = Plan {
        seed: Seed(args.seed.unwrap_or(compiled.seed)),
        replications: args.replications.unwrap_or(compiled.replications),
        threads: args.threads,
    };
    let warm_up = settle(&mut compiled, &plan)?;
    let models: Vec<&Model> = meant(&compiled, args)?;
    let class = class_of(&compiled, args)?;
    let owned: Vec<Model> = models.iter().map(|&model| model.clone()).collect();
    let results = terminal::with_bar(owned.len(), &plan, |progress| run_all(&owned, &plan, progress))?;
    let mut worlds: Vec<Explained<'_>> = Vec::new();
    for (&model, result) in models.iter().zip(&results) {
        let split = Split::of(model, &result.records, class);
        let name = args.class.as_deref();
        worlds.push(Explained { model, class: name, split, checked: Vec::new(), replications: plan.replications });
    }
    if !args.no_changes {
        try_changes(&source, &overrides, &plan, class, &mut worlds, &results)?;
    }
    if args.json {
        return files::print(&explain_json(env!("CARGO_PKG_VERSION"), &compiled.title, &worlds));
    }
    let style = Style { bold: terminal::coloured(&std::io::stdout()), width: terminal::width(120) };
    let found = warm_up.map_or(String::new(), |warm_up| warm_up_note(&warm_up, style.width) + "\n");
    let texts: Vec<String> = worlds.iter().map(|world| explained(world, style)).collect();
    files::print(&format!("{}\n\n{found}{}", compiled.title, texts.join("\n")))
}

/// The worlds that are meant.
fn meant<'a>(compiled: &'a Compiled, args: &Args) -> Result<Vec<&'a Model>, Problem> {
    let Some(name) = &args.world else { return Ok(compiled.models.iter().collect()) };
    let found: Vec<&Model> = compiled.models.iter().filter(|model| model.name == *name).collect();
    if found.is_empty() {
        return Err(unknown("world", name, compiled.models.iter().map(|model| model.name.as_str())));
    }
    Ok(found)
}

/// The class that is meant.
fn class_of(compiled: &Compiled, args: &Args) -> Result<Option<usize>, Problem> {
    let Some(name) = &args.class else { return Ok(None) };
    let classes = compiled.models.first().map(|model| &*model.classes).unwrap_or_default();
    match classes.iter().position(|class| class.name == *name) {
        Some(at) => Ok(Some(at)),
        None => Err(unknown("class", name, classes.iter().map(|class| class.name.as_str()))),
    }
}

/// Tries each change that might help a world, all of them in one go.
fn try_changes(
    source: &Source<'_>,
    overrides: &[Override],
    plan: &Plan,
    class: Option<usize>,
    worlds: &mut [Explained<'_>],
    results: &[WorldResult],
) -> Result<(), Problem> {
    let mut tried: Vec<(usize, Change, Model)> = Vec::new();
    for (at, world) in worlds.iter().enumerate() {
        let Some(split) = &world.split else { continue };
        for change in changes(world.model, split) {
            if let Some(model) = changed(source, overrides, world.model, &change) {
                tried.push((at, change, model));
            }
        }
    }
    if tried.is_empty() {
        return Ok(());
    }
    let models: Vec<Model> = tried.iter().map(|(_, _, model)| model.clone()).collect();
    let after = terminal::with_bar(models.len(), plan, |progress| run_all(&models, plan, progress))?;
    for ((at, change, _), after) in tried.into_iter().zip(&after) {
        worlds[at].checked.push(Checked::of(change, &results[at], after, class));
    }
    Ok(())
}

/// The world's model with the change; `None` if the scenario does not allow it.
fn changed(source: &Source<'_>, overrides: &[Override], model: &Model, change: &Change) -> Option<Model> {
    let warm_up = model.run.warm_up;
    let mut model = match &change.how {
        How::PeerTwiceAsFast(_) => model.clone(),
        How::Set { key, value } => {
            let mut all = overrides.to_vec();
            all.push(Override { key: key.clone(), value: value.clone() });
            let compiled = source.compile_quietly(&all).ok()?;
            compiled.models.into_iter().find(|other| other.name == model.name)?
        }
    };
    // One that was found is found once, for the change too.
    model.run.warm_up = warm_up;
    change.apply(&mut model);
    Some(model)
}
