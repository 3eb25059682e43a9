//! From what a team has of its service to a scenario: logs, traces, load tests and configuration in, a commented draft out.

mod error;
mod lines;
pub mod logs;
pub mod numbers;
pub mod settings;
pub mod traces;

pub use error::{ImportError, SpoiltKind, SpoiltLines, excerpt};
pub use lines::{CutLine, LINE_MAX, LineCutter};
