//! All integration tests, as one program: linking one is a matter of seconds, linking one for each file was minutes.
//!
//! `cargo test --test main network::` runs those of one file. They share a process: a test that needs one of its own asks for it
//! (`common::process`).

mod common;

mod output;
mod planner;
mod proof;
mod robustness;
mod statistics;
mod tree;
mod world;
