//! The commands, each with its arguments: what it reads, runs, prints and writes.

pub mod capacity;
pub mod check;
pub mod compare;
pub mod completions;
pub mod conform;
pub mod diff;
pub mod doctor;
pub mod explain;
pub mod export;
pub mod fingerprint;
pub mod gallery;
pub mod import;
pub mod manual;
pub mod merge;
pub mod new;
pub mod plan;
pub mod report;
pub mod run;
pub mod sweep;
pub mod trace;
pub mod validate;
pub mod verify;
