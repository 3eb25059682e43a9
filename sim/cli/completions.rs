//! `tailback completions`: what a shell needs to complete commands, flags and their values.

use clap::CommandFactory;
use clap_complete::Shell;

use crate::Cli;
use crate::files;
use crate::problem::Problem;

/// For which shell.
#[derive(clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints the script of a shell; `docs/exports.md` says where each shell wants it.
pub fn completions(args: &Args) -> Result<(), Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tailback", &mut script);
    files::print(&String::from_utf8_lossy(&script))
}
