//! Text for a terminal or a log.

pub mod ab;
pub mod attainable;
pub mod capacity;
pub mod cures;
pub mod diff;
pub(crate) mod doors;
pub mod explain;
pub mod finding;
pub(crate) mod layout;
pub mod notes;
pub mod overload;
pub mod plan;
pub mod plot;
pub(crate) mod rows;
pub mod slo;
pub(crate) mod starved;
mod style;
pub mod sweep;
pub mod table;
pub mod theory;
pub mod versus;

pub use style::Style;
