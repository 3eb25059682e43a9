//! What carries tasks: bare threads and pools of them, hubs with greenlets, and the loops of routers and of programs that send.

pub(crate) mod generator;
pub(crate) mod hub;
pub(crate) mod router;
pub(crate) mod threads;
