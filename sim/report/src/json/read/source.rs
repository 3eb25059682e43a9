//! Where a document of results comes from: everything that it takes to run it again, in the document itself.

use serde::{Deserialize, Serialize};

/// What was run. Written and read by this one definition.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ResultSource {
    /// Name of the scenario's file, without its folder; `-` for standard input.
    pub file: String,
    /// What was laid over the file, as it was typed and in that order: `KEY=VALUE`.
    pub set: Vec<String>,
    /// Seed of every run.
    pub seed: u64,
    /// Replications that were asked for: with a precision the fewest, without one exactly so many.
    pub replications: u32,
    /// The precision that was asked for, if any was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<AskedPrecision>,
    /// Text of the scenario's file.
    pub scenario: String,
    /// The files that the scenario reads, by name.
    pub files: Vec<FileBeside>,
}

/// A precision as it was asked for.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AskedPrecision {
    /// Half the width of an interval over its mean, at most.
    pub share: f64,
    /// Names of the figures that are to be so precise.
    pub figures: Vec<String>,
    /// Replications at most.
    pub max_replications: u32,
}

/// A file that a scenario reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileBeside {
    /// Its name, as the scenario has it.
    pub name: String,
    /// What is in it.
    pub text: String,
}
