//! The scenario that is written.

mod classes;
mod clients;
mod laws;
mod steps;
mod text;
mod worlds;

pub use classes::{DraftClass, classes};
pub use text::{Calibration, DraftOptions, ProfileTargets, ScenarioDraft, draft};
