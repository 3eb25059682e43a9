//! Text for a terminal or a log.

pub mod ab;
pub mod explain;
pub mod finding;
pub mod gallery;
pub(crate) mod layout;
pub(crate) mod number;
pub(crate) mod rows;
pub mod table;
pub mod validation;

pub use table::Style;
