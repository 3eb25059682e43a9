//! Text for a terminal or a log.

pub mod ab;
pub mod capacity;
pub mod finding;
pub mod gallery;
mod layout;
pub(crate) mod number;
pub mod plan;
mod rows;
pub mod slo;
pub mod table;
pub mod validation;

pub use table::Style;
