//! A folder with one scenario, `site.toml`, for tests of commands that write files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

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

    /// The program with these arguments, in the folder, what it says kept.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(crate::common::process::program());
        command.current_dir(self.folder()).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The same, run to its end.
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program can be started")
    }
}
