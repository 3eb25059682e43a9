//! `tailback check`: every mistake of scenario files at once.

use std::path::PathBuf;

use report::text::notes::assumed_text;

use crate::files::{self, shown};
use crate::laws;
use crate::problem::Problem;

/// What to check.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario files; `-` reads standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Reports all mistakes of all files.
pub fn check(args: &Args) -> Result<(), Problem> {
    let mut wrong = String::new();
    for path in &args.files {
        match files::compile_with_text(path, &[]) {
            Ok((compiled, text)) => {
                let late = laws::doubts(&compiled);
                files::say(&files::show(&late, &text));
                let worlds: Vec<&str> = compiled.models.iter().map(|model| model.name.as_str()).collect();
                let verdict = match compiled.warnings.len() + late.len() {
                    0 => "fine".to_owned(),
                    1 => "one doubt".to_owned(),
                    doubts => format!("{doubts} doubts"),
                };
                let assumed = assumed_text(&compiled.assumed, usize::MAX);
                files::print(&format!("{}: {verdict}; worlds: {}\n{assumed}", shown(path), worlds.join(", ")))?;
            }
            // A file that cannot be read is one more mistake among all.
            Err(problem @ (Problem::Scenario(_) | Problem::Read { .. })) => wrong += &problem.to_string(),
            Err(problem) => return Err(problem),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Problem::Scenario(wrong)) }
}
