//! `tailback fingerprint`: what identifies the runs of a scenario, as a whole or window by window, and the events of a window in
//! words. Where two machines or two builds should agree and do not, `diff` of this shows where they part.

use std::path::PathBuf;

use engine::fingerprint_windows::{Fingerprints, Wanted};
use engine::time::{Span, Time};
use engine::{Model, Replication, Seed};
use lab::RunSettings;

use crate::arguments::{SeedArg, SetArg};
use crate::commands::trace::{instant, world};
use crate::files;
use crate::problem::Problem;
use crate::warm_up_pilots;

/// Events in words at most.
const LINES_MAX: u32 = 10_000;

/// Whose fingerprint.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// World to look at [default: all]
    #[arg(long, value_name = "NAME")]
    world: Option<String>,
    #[command(flatten)]
    seed: SeedArg,
    /// Runs of every world [default: the file's]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Print the fingerprint at the end of every window of this width, such as 1s
    #[arg(long, value_name = "TIME", value_parser = width)]
    window: Option<Span>,
    /// Print the events from this instant on
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "to")]
    from: Option<Time>,
    /// Print the events before this instant
    #[arg(long, value_name = "TIME", value_parser = instant, requires = "from")]
    to: Option<Time>,
    /// Events to print at most, of each run
    #[arg(long, value_name = "N", default_value_t = LINES_MAX)]
    max_lines: u32,
    #[command(flatten)]
    set: SetArg,
}

/// Runs the worlds one after another and prints what identifies them.
pub fn fingerprint(args: &Args) -> Result<(), Problem> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && to <= from
    {
        return Err(Problem::Usage(format!("--to {to}: that is not after --from {from}")));
    }
    let mut compiled = files::compile(&args.file, &args.set.overrides()?)?;
    let seed = args.seed.or(compiled.seed);
    let replications = args.replications.unwrap_or(compiled.replications);
    warm_up_pilots::find_and_set(&mut compiled, &RunSettings { seed, replications, threads: Some(1) })?;
    let models = match &args.world {
        Some(name) => vec![world(&compiled.models, Some(name))?],
        None => compiled.models.iter().collect(),
    };
    for model in models {
        for replication in 0..replications {
            files::print(&of_run(args, model, seed, Replication(replication))?)?;
        }
    }
    Ok(())
}

/// What is said of one run.
fn of_run(args: &Args, model: &Model, seed: Seed, replication: Replication) -> Result<String, Problem> {
    let wanted = Wanted {
        window: args.window.unwrap_or(Span::MAX),
        words: args.from.zip(args.to),
        lines_max: args.max_lines as usize,
    };
    let written = Fingerprints::of(model, seed, replication, wanted)
        .map_err(|error| Problem::Program { path: args.file.clone(), error })?;
    let run = format!("{} {}", model.name, replication.0);
    let mut text = String::new();
    for window in &written.windows {
        let at = args.window.map_or(String::new(), |_| format!(" from {}", window.from));
        text += &format!("{run}{at}: {:016x}, {} events\n", window.fingerprint, window.events);
    }
    for (at, line) in &written.lines {
        // To the nanosecond, where other times are rounded for people.
        text += &format!("{run} {} ns: {line}\n", at.as_ns());
    }
    if written.cut > 0 {
        text += &format!("{run}: {} lines more; --max-lines shows more of them\n", written.cut);
    }
    Ok(text)
}

/// The width of a window.
fn width(text: &str) -> Result<Span, String> {
    let span: Span = text.trim().parse().map_err(|error| format!("{error}; write a duration such as 1s or 100ms"))?;
    if span.is_zero() { Err("a window is longer than nothing".to_owned()) } else { Ok(span) }
}
