//! `tailback report`: all worlds of a scenario as one page that opens anywhere, without a network.

use std::path::PathBuf;

use crate::arguments::{Chance, SetArg, Threads};
use crate::files::{self, shown};
use crate::page::{Origin, write_page};
use crate::problem::Problem;
use crate::session::Session;

/// What to run, and where to put the page.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file; `-` reads standard input
    file: PathBuf,
    /// Folder for report.html [default: out/NAME-OF-THE-FILE]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    chance: Chance,
    #[command(flatten)]
    set: SetArg,
    #[command(flatten)]
    threads: Threads,
}

/// Runs a scenario and writes the page.
pub fn report(args: &Args) -> Result<(), Problem> {
    let (compiled, text) = files::compile_with_text(&args.file, &args.set.overrides()?)?;
    let asked = args.chance.settings(&compiled, args.threads);
    let folder = args.out.clone().unwrap_or_else(|| files::default_folder(&args.file));
    files::prepare(&folder)?;
    let session = Session::run(compiled, &asked, None)?;
    let origin = Origin { file: &args.file, text: &text, set: &args.set.set };
    let path = write_page(&origin, &session, &folder)?;
    files::print(&format!("{}\nReport: {}\n", session.compiled.title, shown(&path)))
}
