//! What is seen of a run and what is kept of it: facts go in by the probe, a record comes out.

pub(crate) mod apart;
pub(crate) mod blame;
pub(crate) mod books;
pub mod door;
pub(crate) mod fairness;
pub(crate) mod hub_blame;
pub(crate) mod probe;
pub mod record;
pub(crate) mod recorder;
pub(crate) mod starved;
pub(crate) mod steps;
pub mod trace;
mod turned;
