//! The world in virtual time: a deterministic discrete-event simulator of threaded and gevent servers.
//!
//! No I/O, no wall clock, no threads, no floating point in its state. Read `op.rs` first, then `advance.rs`, `machine.rs`,
//! `thread.rs` and `hub/`.

mod advance;
mod balance;
mod blame;
mod books;
mod breaker;
mod check;
mod client;
mod conn;
pub mod crew;
pub mod diary;
mod dispatch;
pub mod event;
pub mod event_naive;
mod fairness;
mod fate;
mod generator;
mod gil;
mod green;
pub mod hist;
mod holds;
mod hub;
pub mod id;
pub mod kernel;
mod knot;
pub mod law;
mod life;
mod linger;
mod linkable;
mod machine;
pub mod model;
pub mod names;
mod net;
pub mod op;
mod peer;
mod pool;
mod probe;
mod proxy;
pub mod record;
mod recorder;
mod request;
pub mod requests;
pub mod rng;
mod router;
mod runqueue;
mod shared;
mod sharing;
pub mod size;
mod slow;
mod starved;
mod steps;
mod sync;
mod task;
mod thread;
pub mod time;
pub mod trace;
pub mod transcript;
mod warmth;
pub mod worker;
mod world;

pub use model::Model;
pub use record::RunRecord;
pub use rng::{Replication, Seed};
pub use world::{RunError, run, run_shuffled, run_unwatched};
