//! The figures over time: one file each, all of them one chart.

mod chart;
mod in_flight;
mod latency;
mod throughput;
mod utilisation;

use super::Figure;

/// Every figure, in the order of a report.
pub const FIGURES: [&dyn Figure; 4] =
    [&latency::Latency, &in_flight::InFlight, &throughput::Throughput, &utilisation::Utilisation];
