//! What people and programs get to see: tables and words for a terminal, JSON for programs, figures for pages.
//!
//! Nothing here simulates or estimates; it lays out what `lab` has worked out and returns it as text.

pub mod data;
pub mod figures;
#[cfg(any(test, feature = "fixtures"))]
pub mod fixtures;
pub mod json;
pub mod markdown;
pub mod page;
#[cfg(test)]
mod sweep_fixture;
pub mod text;
pub mod trace_json;
pub mod words;
