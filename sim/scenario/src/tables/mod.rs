//! What keys there are and what they mean: each file has the tables of one subject, and reads them.
//!
//! A table knows those that it is made of, and never the whole file: what several of them say together is in `whole/`.

pub(crate) mod balancer_and_proxy;
pub(crate) mod client;
pub(crate) mod client_policies;
pub(crate) mod collector;
pub(crate) mod first_request;
pub(crate) mod foreign;
pub(crate) mod kernel;
pub(crate) mod library;
pub(crate) mod life;
pub(crate) mod peer;
pub(crate) mod plan;
pub(crate) mod preset;
pub(crate) mod request;
pub(crate) mod router;
pub(crate) mod sharing;
pub(crate) mod slo;
pub(crate) mod software;
pub(crate) mod step;
pub(crate) mod sync;
pub(crate) mod world;
