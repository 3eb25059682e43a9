//! `tailback explain`: where the time of the tail went, who kept whom waiting, and what would change it.

use std::path::PathBuf;

use engine::{Model, RunRecord};
use lab::explain::{CHANGES_MAX, Change, ChangeOutcome, Checked, How, Setting, Split, StepText, changes};
use lab::{RunSettings, WorldResult, run_all_with, run_each};
use report::json::explain_json;
use report::text::Style;
use report::text::cures::Left;
use report::text::explain::{Explained, explained};
use report::text::notes::warm_up_note;
use scenario::{Compiled, Override};

use crate::arguments::{SeedArg, SetArg, Threads, settings};
use crate::files::{self, ScenarioText};
use crate::problem::{Problem, unknown};
use crate::terminal;
use crate::warm_up_pilots;

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
    #[command(flatten)]
    seed: SeedArg,
    /// Runs of every world and every change, each with chance drawn anew
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    #[command(flatten)]
    set: SetArg,
    /// Print one JSON document instead of text
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    threads: Threads,
}

/// Explains the worlds of a scenario.
pub fn explain(args: &Args) -> Result<(), Problem> {
    let text = files::read(&args.file)?;
    let source = ScenarioText { path: &args.file, text: &text };
    let overrides = args.set.overrides()?;
    let mut compiled = source.compile(&overrides)?;
    let settings = settings(args.seed, args.replications, args.threads, &compiled);
    let warm_up = warm_up_pilots::find_and_set(&mut compiled, &settings)?;
    let models: Vec<&Model> = meant(&compiled, args)?;
    let class = class_of(&compiled, args)?;
    let owned: Vec<Model> = models.iter().map(|&model| model.clone()).collect();
    let results = terminal::with_bar(owned.len(), &settings, |progress| {
        run_all_with(&owned, &settings, progress, &engine::run_at_the_door)
    })?;
    let mut worlds: Vec<Explained<'_>> = Vec::new();
    for (&model, result) in models.iter().zip(&results) {
        let split = Split::of(model, &result.records, class);
        let name = args.class.as_deref();
        let (checked, left, tries) = (Vec::new(), Vec::new(), !args.no_changes);
        worlds.push(Explained { model, class: name, split, tries, checked, left, replications: settings.replications });
    }
    if !args.no_changes {
        try_changes(&source, &overrides, &settings, class, &mut worlds, &results)?;
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
    source: &ScenarioText<'_>,
    overrides: &[Override],
    settings: &RunSettings,
    class: Option<usize>,
    worlds: &mut [Explained<'_>],
    results: &[WorldResult],
) -> Result<(), Problem> {
    let steps = steps_of(source.text);
    let mut tried: Vec<(usize, Change)> = Vec::new();
    let mut models: Vec<Model> = Vec::new();
    for (at, world) in worlds.iter_mut().enumerate() {
        let Some(split) = &world.split else { continue };
        let mut room = CHANGES_MAX;
        for mut change in changes(world.model, split, &steps) {
            let why = match changed(source, overrides, world.model, &mut change) {
                Ok(_) if room == 0 => format!("{CHANGES_MAX} others act on more of it"),
                Ok(model) if model == *world.model => "it changes nothing here".to_owned(),
                Ok(model) => {
                    room -= 1;
                    tried.push((at, change));
                    models.push(model);
                    continue;
                }
                Err(why) => why,
            };
            world.left.push(Left { change, why });
        }
    }
    if models.is_empty() {
        return Ok(());
    }
    let after = terminal::with_bar(models.len(), settings, |progress| {
        run_each(&models, settings, progress, &|record: &RunRecord| ChangeOutcome::of(record, class))
    })?;
    for ((at, change), after) in tried.into_iter().zip(after) {
        match after {
            Ok(after) => {
                let before: Vec<ChangeOutcome> =
                    results[at].records.iter().map(|record| ChangeOutcome::of(record, class)).collect();
                worlds[at].checked.push(Checked::of(change, &before, &after));
            }
            Err(failed) => {
                let why = failed.first().map_or("its runs failed".to_owned(), |run| format!("its runs failed: {run}"));
                worlds[at].left.push(Left { change, why });
            }
        }
    }
    worlds.iter_mut().for_each(|world| Checked::rank(&mut world.checked));
    Ok(())
}

/// The steps of the file, for changes of single ones.
fn steps_of(text: &str) -> Vec<StepText> {
    let step = |step: scenario::WrittenStep| StepText {
        key: step.key,
        request: step.request,
        verb: step.verb.to_owned(),
        says: step.says,
        blocking: step.blocking,
        limited: step.limited,
        in_fan: step.in_fan,
    };
    scenario::written_steps(text).into_iter().map(step).collect()
}

/// The world's model with the change, or why the scenario does not allow it.
///
/// An accept queue that `somaxconn` would cap raises that as well, and the change says so.
fn changed(
    source: &ScenarioText<'_>,
    overrides: &[Override],
    model: &Model,
    change: &mut Change,
) -> Result<Model, String> {
    let warm_up = model.run.warm_up;
    let mut with = compiled_with(source, overrides, model, change)?;
    let capped = |with: &Model, wanted: u32| with.listeners.iter().any(|listener| listener.backlog < wanted);
    if let Some(wanted) = change.backlog.filter(|&wanted| capped(&with, wanted))
        && let How::Set(settings) = &mut change.how
    {
        settings.push(Setting { key: "machine.somaxconn".to_owned(), value: wanted.to_string() });
        change.what += ", and a kernel that allows it";
        with = compiled_with(source, overrides, model, change)?;
    }
    // One that was found is found once, for the change too.
    with.run.warm_up = warm_up;
    change.apply(&mut with);
    Ok(with)
}

fn compiled_with(
    source: &ScenarioText<'_>,
    overrides: &[Override],
    model: &Model,
    change: &Change,
) -> Result<Model, String> {
    if change.settings().is_empty() {
        return Ok(model.clone());
    }
    let mut all = overrides.to_vec();
    let settings = change.settings().iter();
    all.extend(settings.map(|Setting { key, value }| Override { key: key.clone(), value: value.clone() }));
    let compiled = source.compile_quietly(&all).map_err(|problem| mistake(&problem))?;
    let same = compiled.models.into_iter().find(|other| other.name == model.name);
    same.ok_or_else(|| "the world is gone with it".to_owned())
}

/// The first mistake of a scenario in its own words.
fn mistake(problem: &Problem) -> String {
    const ERROR: &str = ": error: ";
    let Problem::Scenario(text) = problem else { return "the scenario cannot be read with it".to_owned() };
    let first = text.lines().find_map(|line| line.split_once(ERROR));
    first.map_or("the scenario does not allow it".to_owned(), |(_, what)| what.to_owned())
}
