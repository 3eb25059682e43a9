//! Text for a terminal or a log.

pub mod ab;
pub mod attainable;
pub mod capacity;
pub mod cures;
pub mod diff;
pub(crate) mod doors;
pub mod explain;
pub mod finding;
pub mod gallery;
pub(crate) mod layout;
pub mod markdown;
pub mod notes;
pub(crate) mod number;
pub mod overload;
pub mod plan;
pub mod plot;
mod printable;
pub(crate) mod rows;
pub mod slo;
pub(crate) mod starved;
pub mod sweep;
pub mod table;
pub mod theory;
pub mod validation;
pub mod versus;

pub use printable::{json_escaped, printable, printable_lines};
pub use table::Style;
