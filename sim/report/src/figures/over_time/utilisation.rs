//! `utilisation`: how full the slots were beside how busy the processors were.

use super::chart::{self, Chart, ChartColumn, Facet};
use crate::figures::canvas::Canvas;
use crate::figures::scale::Quantity;
use crate::figures::style;
use crate::figures::{FigureKind, Story};

/// Slots in use and core time in use, each as a share of what there is.
pub struct Utilisation;

const CHART: Chart = Chart {
    title: "How full the slots were, and how busy the processors",
    measures: "Share in use; a slot is a thread or greenlet that can carry one request",
    facet: Facet::World,
    quantity: Quantity::Share,
    columns: &[
        ChartColumn { heading: "Slots", short: "slots", stroke: style::STRONG, pick: |world| world.slots.clone() },
        ChartColumn { heading: "CPU", short: "CPU", stroke: style::DASHED, pick: |world| world.cpu.clone() },
    ],
};

impl FigureKind for Utilisation {
    fn name(&self) -> &'static str {
        "utilisation"
    }

    fn title(&self) -> &'static str {
        CHART.title
    }

    fn draw(&self, story: &Story<'_>) -> Canvas {
        chart::draw(&CHART, story)
    }
}
