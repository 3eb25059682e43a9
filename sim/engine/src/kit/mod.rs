//! What every room needs and what knows nothing of servers: time, tables, the event queue, random numbers, laws and histograms.

pub(crate) mod arena;
pub mod event;
#[cfg(test)]
mod event_naive;
pub(crate) mod fate;
pub(crate) mod few;
pub(crate) mod heap;
pub mod hist;
pub mod id;
pub mod law;
pub mod rng;
pub(crate) mod table;
pub mod time;
