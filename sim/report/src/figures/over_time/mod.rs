//! The figures over time: one file each, all of them one chart.

mod chart;
mod in_flight;
mod latency;
mod throughput;
mod utilisation;

use super::FigureKind;

/// Every figure, in the order of a report.
pub const FIGURES: [&dyn FigureKind; 4] =
    [&latency::Latency, &in_flight::InFlight, &throughput::Throughput, &utilisation::Utilisation];
