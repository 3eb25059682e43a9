//! `tailback capacity`: the highest load of every world that meets the objectives, and what breaks first beyond it.

use std::path::PathBuf;

use engine::model::{Arrivals, ClientSpec, Model};
use engine::time::{Span, Time};
use lab::capacity::{Ladder, LoadUnit, SearchSettings, assumed, measure};
use lab::scaled::can_scale;
use report::figures::draw_capacity;
use report::json::About;
use report::json::capacity_json;
use report::text::attainable::unattainable_text;
use report::text::capacity::{CapacityQuestion, capacity_text};
use scenario::Compiled;

use crate::arguments::{LengthArg, PlotArgs, SeedArg, Threads, parse_overrides};
use crate::files;
use crate::laws;
use crate::objectives::slo_of;
use crate::problem::Problem;
use crate::terminal;

/// What to measure, and what to do with the result.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Only these worlds, for example --worlds threads,gevent
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    worlds: Vec<String>,
    #[command(flatten)]
    length: LengthArg,
    /// Loads closer than this many per cent are not told apart
    #[arg(long, value_name = "PERCENT", default_value_t = Ladder::TOLERANCE * 100.0, value_parser = percent)]
    tolerance: f64,
    #[command(flatten)]
    seed: SeedArg,
    /// Replications of every world, each with a capacity of its own
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Lay a value over the file, for example --set slo.p99="< 500ms"
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    plot: PlotArgs,
    #[command(flatten)]
    threads: Threads,
}

/// Of a constant load, so many requests are looked at unless somebody says otherwise: a hundred of them are beyond the p99.
const REQUESTS: f64 = 10_000.0;
/// And for so long at least, because a queue needs time to grow.
const LEAST_S: f64 = 30.0;
/// In steps of this.
const STEP_S: f64 = 10.0;

fn percent(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches('%').trim().parse::<f64>().ok();
    number
        .filter(|number| *number >= 0.1 && *number <= 100.0)
        .ok_or_else(|| "write a number from 0.1 to 100".to_owned())
}

/// Measures the capacities of a scenario's worlds and shows them.
pub fn capacity(args: &Args) -> Result<(), Problem> {
    let overrides = parse_overrides(&args.set)?;
    let compiled = files::compile(&args.file, &overrides)?;
    crate::warm_up_pilots::refuse(&compiled, "capacity")?;
    let mut models = chosen(&compiled, &args.worlds)?;
    models.iter().try_for_each(can_scale).map_err(|error| Problem::Usage(error.to_string()))?;
    let notes = shorten(&mut models, &compiled, args.length.length);
    let folder = args.plot.folder(&args.file)?;
    let unattainable = laws::out_of_reach_at_any_load(&compiled, &models);
    let settings = SearchSettings {
        seed: args.seed.or(compiled.seed),
        replications: args.replications.unwrap_or(compiled.replications),
        threads: args.threads.count(),
        tolerance: args.tolerance / 100.0,
        curve: folder.is_some(),
        longer: nothing_happens(&compiled, &models),
    };
    let (asked, capacity) = terminal::with_growing_bar(|done| {
        let given = compiled.slo.as_ref().map(slo_of);
        let asked = assumed(given.as_ref(), &models, &settings, done)?;
        let capacity = measure(&models, &asked.slo, &settings, done)?;
        Ok((asked, capacity))
    })?;
    let asked = CapacityQuestion {
        assumed: asked.assumed,
        set_aside: asked.set_aside,
        guessed: !asked.told,
        replications: settings.replications,
        tolerance: settings.tolerance,
        notes,
        unattainable,
    };
    if args.plot.json {
        let (version, title) = (env!("CARGO_PKG_VERSION"), compiled.title.as_str());
        let about = About { version, title, seed: settings.seed.0, replications: settings.replications };
        files::print(&capacity_json(&about, &capacity, &asked))?;
    } else {
        let text = capacity_text(&capacity, &asked, terminal::width(120));
        let first = unattainable_text(&asked.unattainable, terminal::width(120));
        files::print(&format!("{}: capacity\n\n{first}{text}", compiled.title))?;
    }
    let Some(folder) = folder else { return Ok(()) };
    let drawing = draw_capacity(&compiled.title, &capacity).map_err(Problem::Draw)?;
    args.plot.write(&folder, &drawing)
}

/// The models of the worlds that are wanted: those named, or all.
pub fn chosen(compiled: &Compiled, names: &[String]) -> Result<Vec<Model>, Problem> {
    for name in names {
        if !compiled.models.iter().any(|model| model.name == *name) {
            let known: Vec<&str> = compiled.models.iter().map(|model| model.name.as_str()).collect();
            return Err(Problem::Usage(format!("the file has no world `{name}`; it has {}", known.join(", "))));
        }
    }
    let wanted = |model: &&Model| names.is_empty() || names.contains(&model.name);
    Ok(compiled.models.iter().filter(wanted).cloned().collect())
}

/// Cuts the runs to the length that is looked at, and says what that is and what it leaves out.
///
/// A constant load looks the same in every minute, so its first one is enough; one that changes is looked at as a whole.
pub fn shorten(models: &mut [Model], compiled: &Compiled, wanted: Option<Span>) -> Vec<String> {
    let Some(first) = models.first() else { return Vec::new() };
    let run = first.run;
    let Some(whole) = run.length else {
        return vec!["Every run goes on until its clients have sent all they have.".to_owned()];
    };
    let constant = first.clients.iter().all(is_constant);
    let length = match wanted {
        Some(length) => length,
        None if constant => whole.min(run.warm_up + enough(first)),
        None => whole,
    };
    for model in models.iter_mut() {
        model.run.length = Some(length);
        // With less than a length to look at, what is left of it counts.
        model.run.warm_up = run.warm_up.min(length / 2);
    }
    let mut notes = Vec::new();
    if length < whole {
        notes.push(match wanted {
            None => format!("The load is constant, so every run is {length} long instead of the file's {whole}."),
            Some(_) => format!("Every run is {length} long instead of the file's {whole}."),
        });
        let end = Time::ZERO + length;
        let later = compiled.shaded.iter().filter(|(from, _, _)| *from >= end);
        let later: Vec<String> = later.map(|(from, _, label)| format!("{label} from {from} on")).collect();
        if !later.is_empty() {
            let later = later.join(", ");
            notes.push(format!("That leaves out {later}; --length {whole} brings it in."));
        }
    } else {
        notes.push(format!("Every run is {length} long, and objectives are judged over all of it."));
    }
    notes
}

/// Whether the load is constant and nothing happens at a set time, so that a run may be longer than the file says.
fn nothing_happens(compiled: &Compiled, models: &[Model]) -> bool {
    compiled.shaded.is_empty() && models.iter().all(|model| model.clients.iter().all(is_constant))
}

/// Time enough for requests enough at the load of the file.
fn enough(model: &Model) -> Span {
    let seconds = match LoadUnit::of(&model.clients, model.run.length) {
        LoadUnit::PerSecond(rate) => (REQUESTS / rate).max(LEAST_S),
        LoadUnit::Clients(_) | LoadUnit::Mixed => LEAST_S,
    };
    Span::from_secs(((seconds / STEP_S).ceil() * STEP_S).min(1e6) as u64)
}

/// Whether it comes alike all the time.
fn is_constant(client: &ClientSpec) -> bool {
    let steady = match &client.arrivals {
        Arrivals::Poisson(rate) | Arrivals::Fixed(rate) => {
            rate.points.iter().all(|(_, rate_at)| *rate_at == rate.points[0].1)
        }
        Arrivals::Closed { requests, .. } => requests.is_none(),
        Arrivals::Trace(instants) => instants.is_empty(),
    };
    steady && client.bursts.is_none()
}
