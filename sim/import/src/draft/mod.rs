//! The draft: a scenario out of everything that the files said, each value with its source, sample size and error.

mod classes;
mod clients;
mod laws;
mod steps;
mod text;
mod worlds;

pub use classes::{DraftClass, classes};
pub use text::{Calibration, DraftOptions, ProfileTargets, ScenarioDraft, draft};
