//! How numbers, paragraphs and the texts of strangers are written, wherever they stand.

pub(crate) mod carriers;
pub mod load;
pub mod number;
mod paragraph;
mod printable;
pub mod sides;

pub(crate) use paragraph::is_unit;
pub use paragraph::wrap;
pub use printable::{json_escaped, printable, printable_lines};
