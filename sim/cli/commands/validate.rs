//! `tailback validate`: predictions held against measured servers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use engine::{Model, Seed};
use lab::{OfModel, RunSettings, run_each};
use proof::measured::{
    BandSummary, EntryComparison, EntryFate, MeasuredEntry, ServerOutcome, Simulated, Validated, ValidationStyle,
    draw_validation, scenario_files, scenario_text, validation_json, validation_table,
};

use crate::arguments::Threads;
use crate::files::{self, shown};
use crate::problem::Problem;
use crate::terminal;

/// How the name of an entry's file ends.
const ENTRY: &str = ".json";
/// Entries of a folder.
const ENTRIES_MAX: usize = 10_000;

/// What to compare.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of measured entries, one JSON file each
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only entries whose name holds this
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Simulated runs of every entry
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    replications: u32,
    /// Where chance begins; the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the scenario that one entry is simulated as, and run nothing
    #[arg(long, value_name = "NAME", conflicts_with_all = ["only", "json", "out"])]
    scenario: Option<String>,
    /// Folder for the files that this scenario names
    #[arg(long, value_name = "DIR", requires = "scenario")]
    files: Option<PathBuf>,
    /// Print one JSON document instead of the table
    #[arg(long)]
    json: bool,
    /// Folder for the results and the plot
    #[arg(long, value_name = "DIR", default_value = "reports/validation")]
    out: PathBuf,
    #[command(flatten)]
    threads: Threads,
}

/// Compares, prints and writes; says by the exit code whether all bands hold.
pub fn validate(args: &Args) -> Result<(), Problem> {
    let entries = entries(&args.folder)?;
    if let Some(name) = &args.scenario {
        return show_scenario(&entries, name, args.files.as_deref());
    }
    let wanted = |entry: &MeasuredEntry| args.only.as_ref().is_none_or(|text| entry.name.contains(text.as_str()));
    let entries: Vec<MeasuredEntry> = entries.into_iter().filter(wanted).collect();
    if entries.is_empty() {
        let only = args.only.as_deref().unwrap_or_default();
        return Err(Problem::Usage(format!("no entry in {} has {only:?} in its name", shown(&args.folder))));
    }
    let settings =
        RunSettings { seed: Seed(args.seed), replications: args.replications, threads: args.threads.count() };
    files::prepare(&args.out)?;
    let validated = compare(&entries, &settings)?;
    let summary = BandSummary::of(&validated);
    let about = Simulated { version: env!("CARGO_PKG_VERSION"), seed: args.seed, replications: args.replications };
    let document = validation_json(&about, &validated, &summary);
    if args.json {
        files::print(&document)?;
    } else {
        let look = ValidationStyle { colour: terminal::coloured(&std::io::stdout()), width: terminal::width(120) };
        files::print(&validation_table(&validated, &summary, look))?;
    }
    files::write(&args.out.join("validation.json"), document.as_bytes())?;
    let drawing = draw_validation(&validated, &summary).map_err(Problem::Draw)?;
    files::write_drawing(&args.out, drawing.name, &drawing)?;
    if !args.json {
        files::print(&format!("\nThe numbers and the plot are in {}\n", shown(&args.out)))?;
    }
    if summary.holds() { Ok(()) } else { Err(Problem::Differs) }
}

/// Reads every entry of a folder, by file name; all mistakes at once, one line a file.
fn entries(folder: &Path) -> Result<Vec<MeasuredEntry>, Problem> {
    let paths = files::listed(folder, ENTRY)?;
    if paths.len() > ENTRIES_MAX {
        let text = format!("{} holds {} entries; there is room for {ENTRIES_MAX}", shown(folder), paths.len());
        return Err(Problem::Usage(text));
    }
    let mut entries: Vec<MeasuredEntry> = Vec::new();
    let mut names = BTreeSet::new();
    let mut wrong = String::new();
    for path in &paths {
        match MeasuredEntry::read(&files::read(path)?) {
            Ok(entry) if !names.insert(entry.name.clone()) => {
                wrong += &format!("error: {}: another file is called {:?} too\n", shown(path), entry.name);
            }
            Ok(entry) => entries.push(entry),
            Err(error) => wrong += &format!("error: {}: {error}\n", shown(path)),
        }
    }
    if wrong.is_empty() { Ok(entries) } else { Err(Problem::Scenario(wrong)) }
}

/// Prints the scenario of one entry, and writes the files that it names to a folder if there is one for them.
fn show_scenario(entries: &[MeasuredEntry], name: &str, beside: Option<&Path>) -> Result<(), Problem> {
    let Some(entry) = entries.iter().find(|entry| entry.name == name) else {
        return Err(Problem::Usage(format!("no entry is called {name:?}")));
    };
    let text = scenario_text(entry).map_err(|error| Problem::Usage(format!("{name} is not mapped: {error}")))?;
    if let Some(folder) = beside {
        for (name, text) in scenario_files(entry) {
            files::write(&folder.join(name), text.as_bytes())?;
        }
    }
    files::print(&text)
}

/// Simulates all entries and holds each against its measurement.
fn compare(entries: &[MeasuredEntry], settings: &RunSettings) -> Result<Vec<Validated>, Problem> {
    let models: Vec<Result<Model, String>> = entries.iter().map(model).collect();
    let mapped: Vec<Model> = models.iter().filter_map(|model| model.as_ref().ok().cloned()).collect();
    let mut outcomes = simulate(&mapped, settings)?.into_iter();
    let fate = |(entry, model): (&MeasuredEntry, Result<Model, String>)| {
        let fate = match model {
            Err(why) => EntryFate::NotMapped(why),
            Ok(_) => match outcomes.next().expect("every mapped entry was run") {
                Ok(runs) => EntryFate::Compared(Box::new(EntryComparison::of(entry, &runs))),
                Err(failed) => EntryFate::Failed(failed.first().map(ToString::to_string).unwrap_or_default()),
            },
        };
        Validated::new(entry, fate)
    };
    Ok(entries.iter().zip(models).map(fate).collect())
}

/// The model of an entry, or why there is none.
fn model(entry: &MeasuredEntry) -> Result<Model, String> {
    let text = scenario_text(entry).map_err(|error| error.to_string())?;
    let files = scenario_files(entry);
    let mut beside = |file: &str| {
        let known = files.iter().find(|(name, _)| name == file);
        known.map(|(_, text)| text.clone()).ok_or_else(|| format!("an entry has no file {file}"))
    };
    let compiled = scenario::parse(&text, &entry.name, &[])
        .and_then(|parsed| scenario::compile(&parsed, &mut beside))
        .map_err(|wrong| wrong.first().map(|first| first.what.clone()).unwrap_or_default())?;
    let mut model = compiled.models.into_iter().next().ok_or("the scenario has no world")?;
    model.name.clone_from(&entry.name);
    Ok(model)
}

fn simulate(models: &[Model], settings: &RunSettings) -> Result<Vec<OfModel<ServerOutcome>>, Problem> {
    if models.is_empty() {
        return Ok(Vec::new());
    }
    terminal::with_bar(models.len(), settings, |progress| {
        run_each(models, settings, progress, &ServerOutcome::simulated)
    })
}
