//! The page about a session, for the commands that write one.

use std::path::{Path, PathBuf};

use report::page::{PageAbout, Report, attainable_section, page, theory_section, verdict_section};

use crate::drawings::shades;
use crate::files;
use crate::problem::Problem;
use crate::session::Session;

/// Where a session comes from.
pub struct Origin<'a> {
    /// The scenario's file.
    pub file: &'a Path,
    pub text: &'a str,
    /// What was laid over it, as it was typed.
    pub set: &'a [String],
}

/// Writes `report.html` into a folder; returns its path.
pub fn write_page(origin: &Origin<'_>, session: &Session, folder: &Path) -> Result<PathBuf, Problem> {
    let compiled = &session.compiled;
    let name = origin.file.file_name().filter(|name| *name != "-").unwrap_or("scenario.toml".as_ref());
    let name = name.to_string_lossy();
    let about = PageAbout {
        version: env!("CARGO_PKG_VERSION"),
        file: &name,
        scenario: origin.text,
        title: &compiled.title,
        question: compiled.question.as_deref(),
        source: compiled.source.as_deref(),
        overrides: origin.set.to_vec(),
        seed: session.settings.seed.0,
        replications: session.settings.replications,
    };
    let shaded = shades(compiled);
    let first = attainable_section(&session.unattainable).into_iter();
    let verdicts = verdict_section(session.judged.as_deref().unwrap_or_default());
    let sections = first.chain(verdicts).chain(theory_section(&session.theory)).collect();
    let report = Report {
        about,
        models: &compiled.models,
        results: &session.results,
        comparison: &session.comparison,
        shaded: &shaded,
        sections,
    };
    let path = folder.join("report.html");
    files::write(&path, page(&report).map_err(Problem::Draw)?.as_bytes())?;
    Ok(path)
}
