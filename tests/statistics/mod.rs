//! What is made of runs: laws of queueing theory, intervals, warm-ups, windows, the ceiling.

mod ceiling;
mod coverage;
mod features;
mod laws;
mod theory;
mod warm_up;
mod warm_up_counts;
mod window;
