//! The scenario of a sweep: read once, compiled for each point, with every file beside it remembered.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use scenario::{Compiled, Diagnostic, Override};

use crate::files::{self, shown};
use crate::problem::Problem;

/// A scenario's text and the texts of the files that it names.
pub struct SweepSource {
    /// As messages call it.
    pub name: String,
    pub text: String,
    folder: PathBuf,
    /// Every file is read once: all points are made of the same texts, whatever happens to the files meanwhile.
    beside: Mutex<BTreeMap<String, Result<String, String>>>,
}

impl SweepSource {
    /// Reads a scenario; `-` is standard input.
    pub fn read(path: &Path) -> Result<SweepSource, Problem> {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let (name, text) = (shown(path), files::read(path)?);
        Ok(SweepSource { name, text, folder, beside: Mutex::default() })
    }

    /// Compiles it with values laid over.
    pub fn compile(&self, overrides: &[Override]) -> Result<Compiled, Vec<Diagnostic>> {
        let mut load = |file: &str| {
            let mut beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
            let read = || files::beside(&self.folder, file).map_err(|error| error.to_string());
            beside.entry(file.to_owned()).or_insert_with(read).clone()
        };
        let parsed = scenario::parse(&self.text, &self.name, overrides)?;
        scenario::compile(&parsed, &mut load)
    }

    /// The scenario and every file that was read for it, in a fixed order, for a fingerprint.
    pub fn all_texts(&self) -> Vec<String> {
        let beside = self.beside.lock().unwrap_or_else(PoisonError::into_inner);
        let of_file = |(name, text): (&String, &Result<String, String>)| {
            [name.clone(), text.as_ref().map_or_else(Clone::clone, Clone::clone)]
        };
        [self.text.clone()].into_iter().chain(beside.iter().flat_map(of_file)).collect()
    }
}
