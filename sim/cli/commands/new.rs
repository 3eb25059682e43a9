//! `tailback new`: a scenario to start from.

use std::path::{Path, PathBuf};

use crate::files::{self, shown};
use crate::problem::Problem;

/// What to write.
#[derive(clap::Args)]
pub struct Args {
    /// Name of the scenario; the file is NAME.toml
    name: String,
    /// Write over an existing file
    #[arg(long)]
    force: bool,
}

/// Writes a commented starter file that runs.
pub fn new(args: &Args) -> Result<(), Problem> {
    let stem = args.name.strip_suffix(".toml").unwrap_or(&args.name);
    if stem.ends_with(std::path::MAIN_SEPARATOR) || Path::new(stem).file_name().is_none() {
        return Err(Problem::Usage(format!("`{}` is no name for a file; write one such as `first`", args.name)));
    }
    let path = PathBuf::from(format!("{stem}.toml"));
    if path.exists() && !args.force {
        let text = format!("{} exists; choose another name, or write over it with --force", shown(&path));
        return Err(Problem::Usage(text));
    }
    let title = path.file_stem().map_or(stem.into(), |name| name.to_string_lossy());
    files::write(&path, scenario::starter(&title).as_bytes())?;
    files::print(&format!("Wrote {0}. Run it with: tailback run {0}\n", shown(&path)))
}
