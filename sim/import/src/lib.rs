//! From logs, traces, load tests and configuration to a scenario.

pub mod draft;
mod error;
mod intake;
mod lines;
pub mod loads;
pub mod logs;
mod nature;
pub mod numbers;
pub mod reports;
pub mod settings;
pub mod traces;

#[cfg(test)]
mod tests;

pub use error::{ImportError, SpoiltKind, SpoiltLines, excerpt};
pub use intake::{FileIntake, FileReport, Intake, IntakeOptions, WHOLE_MAX};
pub use lines::{CutLine, LINE_MAX, LineCutter};
pub use nature::{FileNature, HEAD_BYTES, nature_of};
