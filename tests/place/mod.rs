//! A folder with one scenario, `site.toml`, for tests of commands that write files.

use std::fs;
use std::path::{Path, PathBuf};

pub struct Place(tempfile::TempDir);

impl Place {
    /// A new one with that scenario.
    pub fn of(scenario: &str) -> Place {
        let folder = tempfile::tempdir().expect("there is room for a temporary folder");
        fs::write(folder.path().join("site.toml"), scenario).expect("a file can be written");
        Place(folder)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.0.path()
    }

    /// A file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }
}
