//! `tailback completions`: what a shell needs to complete commands, flags and their values.

use clap::Command;
use clap_complete::Shell;

use crate::files;
use crate::problem::Problem;

/// For which shell.
#[derive(clap::Args)]
pub struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints the script of a shell; `docs/exports.md` says where each shell wants it.
pub fn completions(args: &Args, mut cli: Command) -> Result<(), Problem> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli, "tailback", &mut script);
    files::print(&String::from_utf8_lossy(&script))
}
