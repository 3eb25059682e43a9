//! `latency`: how long good responses took.

use super::chart::{self, Chart, ChartColumn, Facet};
use crate::figures::canvas::Canvas;
use crate::figures::scale::Quantity;
use crate::figures::style;
use crate::figures::{FigureKind, Story};

/// Median, 90th and 99th percentile of the latency of good responses.
pub struct Latency;

const CHART: Chart = Chart {
    title: "How long good responses took",
    measures: "Latency as the client sees it",
    facet: Facet::Quantity,
    quantity: Quantity::Latency,
    columns: &[
        ChartColumn { heading: "Median (p50)", short: "p50", stroke: style::STRONG, pick: |world| world.p50_s.clone() },
        ChartColumn {
            heading: "90th percentile (p90)",
            short: "p90",
            stroke: style::FINE,
            pick: |world| world.p90_s.clone(),
        },
        ChartColumn {
            heading: "99th percentile (p99)",
            short: "p99",
            stroke: style::DASHED,
            pick: |world| world.p99_s.clone(),
        },
    ],
};

impl FigureKind for Latency {
    fn name(&self) -> &'static str {
        "latency"
    }

    fn title(&self) -> &'static str {
        CHART.title
    }

    fn draw(&self, story: &Story<'_>) -> Canvas {
        chart::draw(&CHART, story)
    }
}
