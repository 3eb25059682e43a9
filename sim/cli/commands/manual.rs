//! `tailback man`: manual pages, made of the same flags and words as the help.

use std::path::PathBuf;

use clap::Command;
use clap_mangen::Man;

use crate::files::{self, shown};
use crate::problem::Problem;

/// Where the pages go.
#[derive(clap::Args)]
pub struct Args {
    /// Folder for tailback.1 and a page for every command; without it the main page is printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the main page, or writes all of them.
pub fn man(args: &Args, cli: Command) -> Result<(), Problem> {
    let pages = pages(cli)?;
    let Some(folder) = &args.out else {
        let (_, text) = &pages[0];
        return files::print(text);
    };
    files::prepare(folder)?;
    for (name, text) in &pages {
        files::write(&folder.join(name), text.as_bytes())?;
    }
    files::print(&format!("{} pages in {}; read one with: man -l {}\n", pages.len(), shown(folder), {
        let first = folder.join("tailback.1");
        shown(&first)
    }))
}

/// (file name, text) of every page, the main one first.
fn pages(cli: Command) -> Result<Vec<(String, String)>, Problem> {
    let mut cli = cli.disable_help_subcommand(true);
    cli.build();
    let mut pages = vec![("tailback.1".to_owned(), page(&cli)?)];
    for command in cli.get_subcommands() {
        let name = format!("tailback-{}", command.get_name());
        pages.push((format!("{name}.1"), page(&command.clone().version(env!("CARGO_PKG_VERSION")))?));
    }
    Ok(pages)
}

fn page(command: &Command) -> Result<String, Problem> {
    let mut text = Vec::new();
    let man = Man::new(command.clone()).manual("tailback");
    man.render(&mut text).map_err(|source| Problem::Write { path: None, source })?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}
