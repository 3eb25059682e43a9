//! Documents for programs, as JSON: results, capacities, plans, explanations, comparisons, and what is read of them again.
//!
//! Keys stand in a stable order and end in their unit. Numbers carry twelve significant digits, so that the last bits of a platform's
//! logarithm cannot change a document.

mod beside;
mod capacity;
mod diff;
mod explain;
mod number;
mod plan;
pub mod read;
mod results;
mod slo;
mod versus;

pub use capacity::capacity_json;
pub use diff::{TwoResults, diff_json};
pub use explain::explain_json;
pub(crate) use number::rounded;
pub use number::{Number, OneLine, document, number, number_or_null};
pub use plan::plan_json;
pub use results::{About, Beside, results_json, results_json_with};
pub use versus::{TwoSides, versus_json};
