//! `in-flight`: how many requests were inside the servers, and how many waited outside.

use lab::series::{Band, WorldSeries};

use super::chart::{self, Chart, ChartColumn, Facet};
use crate::figures::canvas::Canvas;
use crate::figures::scale::Quantity;
use crate::figures::style;
use crate::figures::{FigureKind, Story};

/// Requests in the servers beside those in queues before them.
pub struct InFlight;

const CHART: Chart = Chart {
    title: "How many requests were served at once, and how many waited",
    measures: "Requests, mean over each step",
    facet: Facet::Quantity,
    quantity: Quantity::Count,
    columns: &[
        ChartColumn {
            heading: "In flight: inside the servers",
            short: "in flight",
            stroke: style::STRONG,
            pick: |world| world.in_flight.clone(),
        },
        ChartColumn {
            heading: "Waiting: queued or repeating a SYN",
            short: "waiting",
            stroke: style::DASHED,
            pick: waiting,
        },
    ],
};

/// Queued and retrying together. The interval of the sum is the sum of the intervals: no narrower than the true one,
/// however the two depend on each other.
fn waiting(world: &WorldSeries) -> Band {
    let sum = |left: &[Option<f64>], right: &[Option<f64>]| -> Vec<Option<f64>> {
        left.iter().zip(right).map(|(left, right)| Some((*left)? + (*right)?)).collect()
    };
    let (queued, retrying) = (&world.queued, &world.retrying);
    Band {
        mean: sum(&queued.mean, &retrying.mean),
        low: sum(&queued.low, &retrying.low),
        high: sum(&queued.high, &retrying.high),
    }
}

impl FigureKind for InFlight {
    fn name(&self) -> &'static str {
        "in-flight"
    }

    fn title(&self) -> &'static str {
        CHART.title
    }

    fn draw(&self, story: &Story<'_>) -> Canvas {
        chart::draw(&CHART, story)
    }
}
