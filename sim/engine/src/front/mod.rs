//! What stands before the servers: a balancer that chooses among them, its health checks, and a proxy.

pub(crate) mod balance;
pub(crate) mod health_check;
pub(crate) mod proxy;
