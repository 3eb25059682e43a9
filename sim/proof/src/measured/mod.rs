//! Predictions held against measured servers.
//!
//! A [`MeasuredEntry`] is one setting of a real server with its runs. [`scenario_text`] writes the scenario that says the same;
//! whoever calls compiles it, and [`run_each`](lab::run_each) makes of every simulated run a [`ServerOutcome`], the same
//! numbers that a measured run has. [`EntryComparison`] holds the two against each other and [`BandSummary`] counts what was met.
//!
//! One mapping serves all entries; nothing here knows the numbers of any that is judged.

mod bands;
mod compare;
mod entry;
mod figure;
mod figure_names;
#[cfg(test)]
mod fixtures;
mod json;
mod mapping;
mod outcome;
mod rank_sum;
mod shop;
mod steps;
mod summary;
mod text;

pub use bands::Bands;
pub(crate) use compare::median;
pub use compare::{
    ComparedQuantity, EntryComparison, EntryFate, EntryPart, InBand, MeasuredQuantity, Predicted, Regime, Validated,
};
pub use entry::{Class, EntryError, MeasuredEntry, MeasuredLatency, MeasuredLoad, MeasuredServer, Run};
pub use figure::draw_validation;
pub use json::{Simulated, validation_json};
pub use mapping::{NotMapped, scenario_files, scenario_text};
pub use outcome::ServerOutcome;
pub use shop::Route;
pub use steps::{MeasuredStep, StepError};
pub use summary::{BandSummary, Tally};
pub use text::{ValidationStyle, validation_table};
