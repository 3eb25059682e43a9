//! The command line of tailback: parse, run one subcommand, turn its end into an exit code.
//!
//! Exit codes: 0 done, and every objective met; 1 an objective missed, or traces, measurements, published figures or results that differ;
//! 2 bad input or an unwritable place; 3 no answer: not precise enough to say, or a run that could not be brought to its end; 130 a
//! sweep that was stopped and can go on.

mod arguments;
mod commands;
mod drawings;
mod files;
mod laws;
mod objectives;
mod page;
mod problem;
mod result_file;
mod run_output;
mod session;
mod terminal;
mod warm_up_pilots;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use commands::{
    capacity, check, compare, completions, conform, diff, doctor, explain, export, fingerprint, gallery, import,
    manual, merge, new, plan, report, run, sweep, trace, validate, verify,
};

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
    /// Write everything about a scenario's worlds into one page that opens in any browser
    Report(report::Args),
    /// Say where the time of the tail went, who kept whom waiting, and what would change it
    Explain(explain::Args),
    /// Write who did what when, for Perfetto and chrome://tracing
    Trace(trace::Args),
    /// Write every request, every step and every figure of runs as files for other programs
    Export(export::Args),
    /// Hold two worlds against each other, and say what differs significantly
    Compare(compare::Args),
    /// Hold two results of `run --json` against each other: what was set otherwise, and what came of it
    Diff(diff::Args),
    /// Run a result of `run --json` again from what it holds, and confirm every fingerprint and figure
    Verify(verify::Args),
    /// Run a scenario at many combinations of settings, through interruptions and in parts, and draw what comes of it
    Sweep(sweep::Args),
    /// Join the shards of a sweep
    Merge(merge::Args),
    /// Find the highest load of every world that meets the objectives, and what breaks first beyond it
    Capacity(capacity::Args),
    /// Find the cheapest deployment that meets the objectives, and how far it moves if an input is off
    Plan(plan::Args),
    /// Print what identifies the runs of a scenario, to find where two machines part that should agree
    Fingerprint(fingerprint::Args),
    /// Report every mistake in scenario files, without running them
    Check(check::Args),
    /// Print the JSON Schema of scenario files, for completion in an editor
    Schema,
    /// Write a commented scenario to start from
    New(new::Args),
    /// Read logs, traces, load tests and configuration, and write a commented scenario
    Import(import::Args),
    /// Print how scheduling programs run on a gevent hub, or compare that with recorded traces
    Conform(conform::Args),
    /// Hold predictions against measured servers
    Validate(validate::Args),
    /// Show every figure that field reports publish beside what the simulation says
    Gallery(gallery::Args),
    /// Say what this program is and runs on, and test that it simulates what it should
    Doctor(doctor::Args),
    /// Print what a shell completes commands and flags by
    Completions(completions::Args),
    /// Print the manual page, or write a page for every command
    Man(manual::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Report(args) => report::report(&args),
        Command::Explain(args) => explain::explain(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Export(args) => export::export(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Diff(args) => diff::diff(&args),
        Command::Verify(args) => verify::verify(&args),
        Command::Sweep(args) => sweep::sweep(&args),
        Command::Merge(args) => merge::merge(&args),
        Command::Capacity(args) => capacity::capacity(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Fingerprint(args) => fingerprint::fingerprint(&args),
        Command::Check(args) => check::check(&args),
        Command::Schema => files::print(&format!("{:#}\n", scenario::schema())),
        Command::New(args) => new::new(&args),
        Command::Import(args) => import::import(&args),
        Command::Conform(args) => conform::conform(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Gallery(args) => gallery::gallery(&args),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Completions(args) => completions::completions(&args, Cli::command()),
        Command::Man(args) => manual::man(&args, Cli::command()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            files::say(&problem.to_string());
            problem.exit_code()
        }
    }
}
