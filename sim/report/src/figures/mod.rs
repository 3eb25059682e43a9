//! Figures over time: what an incident looked like, one drawing for each question.
//!
//! A figure turns series into a [`Canvas`] of marks; the canvas becomes an SVG and a PNG. Same series, same bytes, on
//! every machine: the fonts are in the program, the arithmetic is exact or ours, and nothing knows what day it is. A
//! new figure is one file here and one line in [`FIGURES`].

mod canvas;
mod capacity;
pub(crate) mod chart;
mod forest;
mod growth;
mod in_flight;
mod labels;
mod latency;
pub(crate) mod layout;
pub(crate) mod naming;
pub(crate) mod panel;
mod plan;
mod raster;
pub(crate) mod scale;
mod scatter_names;
pub(crate) mod style;
pub mod sweep;
mod throughput;
pub(crate) mod type_setting;
mod utilisation;
mod validation;

use std::fmt::Display;

use lab::series::WorldSeries;
use plotters::prelude::{IntoDrawingArea, SVGBackend};

pub use canvas::Canvas;
pub use capacity::draw_capacity;
pub use forest::draw_versus;
pub use growth::{GrowthPanel, draw_growth};
pub use plan::draw_plan;
use raster::{Pixels, Raster};
pub use style::WORLDS_MAX;
pub use validation::draw_validation;

/// A figure in both formats.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Drawing {
    /// Name of its files, without extension.
    pub name: &'static str,
    /// Its subject, for a caption.
    pub title: String,
    /// The SVG document.
    pub svg: String,
    /// The PNG file, two pixels to each of the SVG's.
    pub png: Vec<u8>,
}

/// A span of time to shade in every figure, such as a bad window of a dependency.
#[derive(Clone, PartialEq, Debug)]
pub struct Shade {
    /// Beginning, seconds from the start of the run.
    pub from_s: f64,
    /// End, seconds.
    pub to_s: f64,
    /// What happened then, in a few words.
    pub label: String,
}

/// What all figures of a scenario are drawn from.
#[derive(Clone, Copy, Debug)]
pub struct Story<'a> {
    /// Title of the scenario.
    pub title: &'a str,
    /// One series per world, in the order of the scenario: the position decides the colour.
    pub worlds: &'a [WorldSeries],
    /// What to shade.
    pub shaded: &'a [Shade],
}

/// One kind of figure.
pub trait Figure: Sync {
    /// Name of its files, without extension.
    fn name(&self) -> &'static str;

    /// Its subject, as a sentence that favours nobody.
    fn title(&self) -> &'static str;

    /// Draws it.
    fn draw(&self, story: &Story<'_>) -> Canvas;
}

/// Every figure, in the order of a report.
pub const FIGURES: [&dyn Figure; 4] =
    [&latency::Latency, &in_flight::InFlight, &throughput::Throughput, &utilisation::Utilisation];

/// Why a figure could not be drawn.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DrawError {
    /// More worlds than a figure has panels for.
    #[error("{worlds} worlds are too many for one figure, which has room for {WORLDS_MAX}")]
    TooManyWorlds {
        /// How many there are.
        worlds: usize,
    },
    /// The backend failed.
    #[error("figure \"{name}\" could not be drawn: {why}")]
    Backend {
        /// Name of the figure.
        name: &'static str,
        /// The backend's words.
        why: String,
    },
}

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

fn drawing(figure: &dyn Figure, story: &Story<'_>) -> Result<Drawing, DrawError> {
    finished(figure.name(), figure.title(), story.title, &figure.draw(story))
}

/// A canvas in both formats.
fn finished(name: &'static str, title: &str, subject: &str, canvas: &Canvas) -> Result<Drawing, DrawError> {
    let failed = |why: &dyn Display| DrawError::Backend { name, why: why.to_string() };
    let mut svg = String::new();
    canvas
        .paint(&SVGBackend::with_string(&mut svg, canvas.size_units()).into_drawing_area())
        .map_err(|why| failed(&why))?;
    let mut pixels = Pixels::new(canvas.size_units());
    canvas.paint(&Raster(&mut pixels).into_drawing_area()).map_err(|why| failed(&why))?;
    Ok(Drawing {
        name,
        title: title.to_owned(),
        svg: canvas.finish_svg(&svg, &format!("{title}: {subject}")),
        png: pixels.png().map_err(|why| failed(&why))?,
    })
}

#[cfg(test)]
mod tests;
