//! What proves the product, apart from what plans with it: the hub against gevent's own schedule and the event loop against asyncio's, predictions against measured
//! servers, and the figures of field reports against the simulation.
//!
//! Knows nothing of files or terminals, as the crates beneath it.

pub mod asyncio;
pub mod gallery;
pub mod gevent;
pub mod measured;
