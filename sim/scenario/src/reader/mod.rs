//! From text to checked nodes: TOML, values with units, and the walker that holds them against tables of keys.
//!
//! It knows types, and no table of the format: what a file may say is handed in (`vocabulary.rs`).

pub(crate) mod bound;
mod brackets;
pub(crate) mod csv;
pub(crate) mod key;
pub(crate) mod law_text;
pub(crate) mod node;
pub(crate) mod overrides;
mod range;
pub(crate) mod raw;
mod scalar;
pub(crate) mod unit;
pub(crate) mod vocabulary;
pub(crate) mod walk;
