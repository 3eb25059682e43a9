//! Text for a terminal or a log.

pub mod ab;
pub mod capacity;
pub mod explain;
pub mod finding;
pub mod gallery;
pub(crate) mod layout;
pub mod markdown;
pub mod notes;
pub(crate) mod number;
pub mod plan;
pub mod plot;
pub(crate) mod rows;
pub mod slo;
pub mod sweep;
pub mod table;
pub mod theory;
pub mod validation;
pub mod versus;

pub use table::Style;
