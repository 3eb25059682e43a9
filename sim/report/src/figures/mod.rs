//! Figures over time: what an incident looked like, one drawing for each question.
//!
//! A figure turns series into a [`Canvas`] of marks; the canvas becomes an SVG and a PNG. Same series, same bytes, on
//! every machine: the fonts are in the program, the arithmetic is exact or ours, and nothing knows what day it is. A
//! new figure is one file in `over_time/` and one line in [`FIGURES`].

pub mod canvas;
mod capacity;
mod drawing;
mod forest;
mod growth;
mod labels;
pub(crate) mod layout;
pub(crate) mod naming;
mod over_time;
pub(crate) mod panel;
mod plan;
mod raster;
pub mod scale;
pub mod style;
pub mod sweep;
pub mod type_setting;

use lab::series::WorldSeries;

pub use canvas::Canvas;
pub use capacity::draw_capacity;
use drawing::drawing;
pub use drawing::{DrawError, Drawing, FigureKind, Shade, Story, finished};
pub use forest::draw_versus;
pub use growth::{GrowthPanel, draw_growth};
pub use over_time::FIGURES;
pub use plan::draw_plan;
pub use style::WORLDS_MAX;

/// Draws the figures of a scenario whose names are wanted.
///
/// # Errors
/// [`DrawError::TooManyWorlds`] beyond [`WORLDS_MAX`]; [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_figures(
    title: &str,
    worlds: &[WorldSeries],
    shaded: &[Shade],
    wanted: &dyn Fn(&str) -> bool,
) -> Result<Vec<Drawing>, DrawError> {
    if worlds.len() > WORLDS_MAX {
        return Err(DrawError::TooManyWorlds { worlds: worlds.len() });
    }
    let story = Story { title, worlds, shaded };
    FIGURES.into_iter().filter(|figure| wanted(figure.name())).map(|figure| drawing(figure, &story)).collect()
}

#[cfg(test)]
mod tests;
