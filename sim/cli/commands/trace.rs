//! `tailback trace`: who did what when in a window of a run, for Perfetto and chrome://tracing.

use std::path::{Path, PathBuf};

use engine::record::{RunRecord, Worst};
use engine::time::{Span, Time};
use engine::trace::{Trace, TraceWindow, trace as run_traced};
use engine::{Model, Replication, Seed};
use lab::RunSettings;
use report::trace_json::{TraceAbout, TraceText, trace_json};

use crate::arguments::{SeedArg, SetArg};
use crate::files::{self, shown};
use crate::problem::{Problem, unknown};
use crate::terminal;
use crate::warm_up_pilots;

/// Events that a trace has at most, unless the user says more: what a browser opens in seconds.
const EVENTS_MAX: usize = 1_000_000;
/// Fewer events would not even hold the names of a large world's tracks.
const EVENTS_MIN: u64 = 1_000;
/// A run of so few events of the simulation is traced whole.
const WHOLE: u64 = 20_000;
/// A window whose other end is not said is so long.
const LENGTH: Span = Span::from_secs(2);
/// What is shown before and after the slowest request at least.
const MARGIN: Span = Span::from_ms(1);

/// What to trace.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// World to trace [default: the first]
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    /// Where the window begins, such as 10s [default: the slowest request's, or the whole of a short run]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<Time>,
    /// Where the window ends
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<Time>,
    /// File to write [default: out/NAME-OF-THE-FILE/trace.json]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Events at most; a trace that would have more ends earlier, and says so
    #[arg(long, value_name = "N", default_value_t = EVENTS_MAX as u64,
          value_parser = clap::value_parser!(u64).range(EVENTS_MIN..=100_000_000))]
    max_events: u64,
    /// Which replication to trace
    #[arg(long, value_name = "N", default_value_t = 0)]
    replication: u32,
    #[command(flatten)]
    seed: SeedArg,
    #[command(flatten)]
    set: SetArg,
}

/// A window, and why it is this one.
struct Chosen {
    from: Time,
    to: Time,
    why: String,
}

/// Runs a world and writes its trace.
pub fn trace(args: &Args) -> Result<(), Problem> {
    let overrides = args.set.overrides()?;
    let mut compiled = files::compile(&args.file, &overrides)?;
    let (seed, replication) = (args.seed.or(compiled.seed).0, args.replication);
    warm_up_pilots::find_and_set(&mut compiled, &RunSettings { seed: Seed(seed), replications: 1, threads: None })?;
    let model = world(&compiled.models, args.world.as_deref())?;
    check_times(args, model)?;
    let out = args.out.clone().unwrap_or_else(|| files::default_folder(&args.file).join("trace.json"));
    if out.is_dir() {
        return Err(Problem::Usage(format!("--out {}: this is a folder; name a file", shown(&out))));
    }
    files::prepare(out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    let bar = terminal::bar("{msg}, {elapsed} so far", 3);
    let failed = |error| Problem::Program { path: args.file.clone(), error };
    bar.set_message("looking for the window");
    let chosen = match (args.from, args.to) {
        (Some(from), Some(to)) => Chosen { from, to, why: "as asked for".to_owned() },
        (Some(from), None) => Chosen { from, to: from.saturating_add(LENGTH), why: format!("{LENGTH} from --from on") },
        (None, Some(to)) => Chosen { from: to.saturating_sub(LENGTH), to, why: format!("{LENGTH} up to --to") },
        (None, None) => choose(model, &engine::run(model, Seed(seed), Replication(replication)).map_err(failed)?),
    };
    bar.inc(1);
    bar.set_message("tracing");
    let events_max = usize::try_from(args.max_events).unwrap_or(usize::MAX);
    let window = TraceWindow { from: chosen.from, to: chosen.to, events_max };
    let traced = run_traced(model, Seed(seed), Replication(replication), window).map_err(failed)?;
    check_end(args, model, &traced)?;
    bar.inc(1);
    bar.set_message("writing");
    let about = TraceAbout { version: env!("CARGO_PKG_VERSION"), title: &compiled.title, seed, replication };
    let text = trace_json(&about, model, &traced, events_max);
    if text.events > events_max {
        return Err(Problem::Usage(format!(
            "--max-events {events_max}: what goes on at {} alone takes {} events, on {} tracks",
            chosen.from, text.events, text.tracks
        )));
    }
    files::write(&out, text.json.as_bytes())?;
    bar.finish_and_clear();
    files::print(&said(&compiled.title, args, model, &chosen, &text, &out))
}

/// An instant of the simulation.
pub fn instant(text: &str) -> Result<Time, String> {
    let span: Span = text.trim().parse().map_err(|error| format!("{error}; write an instant such as 10s or 1.5s"))?;
    Ok(Time::ZERO + span)
}

/// The world that is meant.
pub fn world<'a>(models: &'a [Model], name: Option<&str>) -> Result<&'a Model, Problem> {
    let Some(name) = name else { return Ok(&models[0]) };
    let found = models.iter().find(|model| model.name == name);
    found.ok_or_else(|| unknown("world", name, models.iter().map(|model| model.name.as_str())))
}

/// Refuses times that cannot be, before anything is run.
fn check_times(args: &Args, model: &Model) -> Result<(), Problem> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && to <= from
    {
        return Err(Problem::Usage(format!("--to {to}: that is not after --from {from}")));
    }
    if args.to == Some(Time::ZERO) {
        return Err(Problem::Usage("--to 0ns: nothing has happened by then".to_owned()));
    }
    let Some(length) = model.run.length else { return Ok(()) };
    let end = (Time::ZERO + length).saturating_add(model.run.drain);
    for (flag, at) in [("--from", args.from), ("--to", args.to)] {
        let beyond = at.filter(|&at| at > end || (flag == "--from" && at == end));
        if let Some(at) = beyond {
            return Err(Problem::Usage(format!("{flag} {at}: that is beyond the run, which ends by {end}")));
        }
    }
    Ok(())
}

/// Refuses times that lie beyond the end that the run turned out to have.
fn check_end(args: &Args, model: &Model, traced: &Trace) -> Result<(), Problem> {
    let Some(end) = traced.run_ended else { return Ok(()) };
    let open = model.run.length.is_none();
    match (args.from, args.to) {
        (Some(from), _) if from >= end => {
            Err(Problem::Usage(format!("--from {from}: that is beyond the run, which ended at {end}")))
        }
        (_, Some(to)) if to > end && open => {
            Err(Problem::Usage(format!("--to {to}: that is beyond the run, which ended at {end}")))
        }
        _ => Ok(()),
    }
}

/// The whole of a short run; otherwise where the slowest good response was on its way, or where servers were fullest.
fn choose(model: &Model, record: &RunRecord) -> Chosen {
    let end = record.finished.max(Time::from_ns(1));
    if record.events <= WHOLE {
        let last =
            model.run.length.map_or(end, |length| end.max((Time::ZERO + length).saturating_add(model.run.drain)));
        return Chosen { from: Time::ZERO, to: last, why: "the whole run, which is short".to_owned() };
    }
    let all = record.classes.iter().flat_map(|class| class.worst.all());
    let slowest: Option<&Worst> = all.max_by_key(|worst| (worst.latency, std::cmp::Reverse(worst.born)));
    if let Some(worst) = slowest {
        let margin = (worst.latency / 10).max(MARGIN);
        let class = &model.classes[usize::from(worst.class)].name;
        let why = format!(
            "around the slowest good response: `{class}`, sent at {}, which took {}",
            worst.born, worst.latency
        );
        let from = worst.born.saturating_sub(margin);
        return Chosen { from, to: worst.born.saturating_add(worst.latency).saturating_add(margin), why };
    }
    let series = &record.series;
    let fullest = (0..series.in_flight_milli.len())
        .max_by_key(|&at| (series.in_flight_milli[at] + series.queued_milli[at], std::cmp::Reverse(at)));
    let from = Time::ZERO + series.step * fullest.unwrap_or(0) as u64;
    let why = "no request was answered well: where most were in the servers and before them".to_owned();
    Chosen { from, to: from.saturating_add(LENGTH), why }
}

/// What a person reads after it.
fn said(title: &str, args: &Args, model: &Model, chosen: &Chosen, text: &TraceText, out: &Path) -> String {
    let mut said = format!("{title}\n");
    said += &format!("World {}, replication {}, from {} to {}: ", model.name, args.replication, chosen.from, text.to);
    said += &format!("{}.\n", chosen.why);
    if text.cut {
        said += &format!(
            "Cut at {}: there is room for {} events, and what happens from there to {} takes more. Nothing before it is\nmissing; \
             narrow the window with --from and --to, or give more room with --max-events.\n",
            text.to, args.max_events, chosen.to
        );
    }
    said += &format!("Wrote {}: {} events on {} tracks.\n", shown(out), text.events, text.tracks);
    said + "Open it in https://ui.perfetto.dev (Open trace file) or in chrome://tracing; docs/traces.md says what one sees.\n"
}
