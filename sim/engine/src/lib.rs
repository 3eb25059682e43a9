//! The world in virtual time: a deterministic discrete-event simulator of threaded and gevent servers.
//!
//! No I/O, no wall clock, no threads, no floating point in its state. The rooms, from the ground up; a room asks those below it:
//! `kit` numbers, queues and laws; `program` what tasks do, step by step; `model` the compiled scenario; `watch` what is seen and kept;
//! `client` who asks; `machine` cores and threads; `python` the GIL and what tasks share; `peer` who is called; `net` connections;
//! `front` what stands before the servers; `carrier` what runs tasks: threads, hubs, routers, senders; `world` all of them together.
//! Read `program/op.rs` first, then `program/advance.rs`, `machine/`, `carrier/threads/` and `carrier/hub/`.

mod carrier;
mod client;
mod front;
mod kit;
mod machine;
pub mod model;
mod net;
mod peer;
mod program;
mod python;
mod watch;
mod world;

pub use kit::{event, hist, id, law, rng, time};
pub use model::{Model, kernel, step_names, worker};
pub use program::{asyncio, op};
pub use rng::{Replication, Seed};
pub use watch::record::RunRecord;
pub use watch::{door, record};
pub use world::{RunError, run, run_at_the_door, run_shuffled, run_unwatched};
pub use world::{fingerprint_windows, floor, idle_greenlets, requests, size, transcript};

/// Traces: who did what when, in a window of a run.
pub mod trace {
    pub use crate::watch::trace::*;
    pub use crate::world::traced::trace;
}
