//! What is modelled, as sentences about the world: hubs, machines, kernels, traffic, workers.

mod deferred;
mod determinism;
mod fairness;
mod field;
mod hub;
mod hub_properties;
mod kernel_properties;
mod loops;
mod machine;
mod network;
mod properties;
mod residents;
mod sharing;
mod trace;
mod traffic;
mod traffic_breaks;
mod traffic_properties;
mod workers;
mod workloads;
