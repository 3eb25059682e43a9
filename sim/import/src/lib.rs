//! From what a team has of its service to a scenario: logs, traces, load tests and configuration in, a commented draft out.

pub mod numbers;
