//! `throughput`: what was asked of the servers and what came back.

use super::chart::{self, Chart, ChartColumn, Facet};
use crate::figures::canvas::Canvas;
use crate::figures::scale::Quantity;
use crate::figures::style;
use crate::figures::{FigureKind, Story};

/// Requests sent, good responses and everything else, per second.
pub struct Throughput;

const CHART: Chart = Chart {
    title: "What was asked of the servers, and what came back",
    measures: "Requests per second",
    facet: Facet::Quantity,
    quantity: Quantity::Count,
    columns: &[
        ChartColumn {
            heading: "Sent, refreshes included",
            short: "sent",
            stroke: style::FINE,
            pick: |world| world.sent_rps.clone(),
        },
        ChartColumn {
            heading: "Good responses",
            short: "good",
            stroke: style::STRONG,
            pick: |world| world.ok_rps.clone(),
        },
        ChartColumn {
            heading: "Errors, timeouts, given up",
            short: "bad",
            stroke: style::DASHED,
            pick: |world| world.failed_rps.clone(),
        },
    ],
};

impl FigureKind for Throughput {
    fn name(&self) -> &'static str {
        "throughput"
    }

    fn title(&self) -> &'static str {
        CHART.title
    }

    fn draw(&self, story: &Story<'_>) -> Canvas {
        chart::draw(&CHART, story)
    }
}
