//! What proves the product, apart from what plans with it: hub and event loop against gevent's and asyncio's own schedules, predictions against measured
//! servers, and the figures of field reports against the simulation.
//!
//! Knows nothing of files or terminals, as the crates beneath it.

pub mod asyncio;
pub mod gallery;
pub mod gevent;
pub mod measured;
