//! What people and programs get to see: tables and words for a terminal, JSON for programs, figures for pages.
//!
//! Nothing here simulates or estimates; it lays out what `lab` has worked out and returns it as text.

mod beside_json;
pub mod capacity_json;
pub mod data;
pub mod diff_json;
pub mod explain_json;
pub mod figures;
pub mod json;
pub mod page;
pub mod plan_json;
pub mod resultdoc;
mod slo_json;
#[cfg(test)]
mod sweep_fixture;
pub mod text;
pub mod trace_json;
pub mod versus_json;
pub mod words;
