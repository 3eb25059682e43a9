//! What several tests use: small worlds, the shipped scenarios, the program and what documents show of it.

pub mod browser;
pub mod cores;
pub mod decision;
pub mod markup;
pub mod place;
pub mod process;
pub mod prompts;
pub mod shipped;
pub mod world;

/// What is done with each input of a fuzzer.
#[path = "../../sim/fuzz/src/lib.rs"]
pub mod targets;

/// The workloads by which simulators are compared.
#[path = "../../sim/workloads/mod.rs"]
pub mod workloads;
