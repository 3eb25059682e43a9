//! The command line of tailback: parse, run one subcommand, turn its end into an exit code.
//!
//! Exit codes: 0 done, 1 traces, measurements or published figures that differ, 2 bad input or an unwritable place, 3 a run that
//! could not be brought to its end, or too few of them to say.

mod check;
mod compare;
mod conform;
mod explain;
mod files;
mod gallery;
mod problem;
mod run;
mod settle;
mod start;
mod terminal;
mod trace;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use problem::Problem;

/// Tells what Python web servers will do before the servers do it.
///
/// A scenario file describes the traffic, what a request does, and one or more worlds that serve it: processes of threads, or of
/// greenlets on a gevent hub. tailback simulates all of them under the same traffic and shows them side by side.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a scenario in all of its worlds, compare them, and draw plots
    Run(run::Args),
    /// Say where the time of the tail went, who kept whom waiting, and what would change it
    Explain(explain::Args),
    /// Write who did what when, for Perfetto and chrome://tracing
    Trace(trace::Args),
    /// Hold two worlds against each other, and say what differs significantly
    Compare(compare::Args),
    /// Report every mistake in scenario files, without running them
    Check(check::Args),
    /// Print the JSON Schema of scenario files, for completion in an editor
    Schema,
    /// Write a commented scenario to start from
    New(start::Args),
    /// Print how scheduling programs run on a gevent hub, or compare that with recorded traces
    Conform(conform::Args),
    /// Hold predictions against measured servers
    Validate(validate::Args),
    /// Show every figure that field reports publish beside what the simulation says
    Gallery(gallery::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Check(args) => check::check(&args),
        Command::Schema => files::print(&format!("{:#}\n", scenario::schema())),
        Command::New(args) => start::new(&args),
        Command::Conform(args) => conform::conform(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Gallery(args) => gallery::gallery(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads our output has read enough: `tailback run ... | head` ends quietly.
        Err(Problem::Write { source, path: None }) if source.kind() == std::io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprint!("{problem}");
            problem.exit_code()
        }
    }
}
