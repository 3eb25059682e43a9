//! A drawing: what figures are drawn from, and a canvas in both formats.

use std::fmt::Display;

use lab::series::WorldSeries;
use plotters::prelude::{IntoDrawingArea, SVGBackend};

use super::canvas::Canvas;
use super::raster::{Pixels, Raster};
use super::style::WORLDS_MAX;

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
pub trait FigureKind: Sync {
    /// Name of its files, without extension.
    fn name(&self) -> &'static str;

    /// Its subject, as a sentence that favours nobody.
    fn title(&self) -> &'static str;

    /// Draws it.
    fn draw(&self, story: &Story<'_>) -> Canvas;
}

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

pub(super) fn drawing(figure: &dyn FigureKind, story: &Story<'_>) -> Result<Drawing, DrawError> {
    finished(figure.name(), figure.title(), story.title, &figure.draw(story))
}

/// A canvas in both formats.
///
/// # Errors
/// [`DrawError::Backend`] if an image cannot be encoded.
pub fn finished(name: &'static str, title: &str, subject: &str, canvas: &Canvas) -> Result<Drawing, DrawError> {
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
