//! The canvas: a list of marks, painted through plotters on any backend.
//!
//! A figure draws once; the same marks become the SVG and the PNG, so the two cannot differ in anything but resolution.
//! Coordinates are logical pixels (f64) on the way in and tenths of them (i32) in the list, which is what the
//! backends get.

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::style::{FAMILY, Rgb};
use super::type_setting::{Face, clean};

/// Backend units in a logical pixel.
pub const UNITS: i32 = 10;

/// plotters' font size over the em: plotters-svg divides by this, so multiplying first gives the em we measure with.
pub const SIZE_PER_EM: f64 = 1.24;

/// Baseline below the anchor of a text anchored at its top, in em: plotters-svg 0.3.7 writes `dy="0.76em"`. It is the
/// only vertical anchor whose baseline is the same in every viewer, so every text uses it.
pub const BASELINE_EM: f64 = 0.76;

/// A place in logical pixels, from the top left.
pub type CanvasPoint = (f64, f64);
type Unit = (i32, i32);

/// Which end of a text is at its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// Its beginning.
    Start,
    /// Its middle.
    Middle,
    /// Its end.
    End,
}

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Hand {
    /// Em, in logical pixels.
    pub size: f64,
    /// Regular or bold.
    pub face: Face,
    /// Colour.
    pub colour: Rgb,
    /// Which end is at the place.
    pub anchor: Anchor,
}

/// One thing on the canvas.
#[derive(Clone, PartialEq, Debug)]
enum Mark {
    Rect { from: Unit, to: Unit, colour: Rgb },
    Area { corners: Vec<Unit>, colour: Rgb, alpha: f64 },
    Stroke { points: Vec<Unit>, width: u32, colour: Rgb },
    Dot { centre: Unit, radius: i32, colour: Rgb },
    Text { at: Unit, em: f64, face: Face, anchor: Anchor, colour: Rgb, text: String },
}

/// Marks in painting order.
#[derive(Clone, PartialEq, Debug)]
pub struct Canvas {
    size: (f64, f64),
    marks: Vec<Mark>,
}

impl Canvas {
    /// An empty sheet of this many logical pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Canvas { size: (width, height), marks: Vec::new() }
    }

    /// Width and height in backend units.
    pub fn size_units(&self) -> (u32, u32) {
        let units = |length: f64| u32::try_from(unit(length)).unwrap_or(0);
        (units(self.size.0), units(self.size.1))
    }

    /// A filled rectangle.
    pub fn rect(&mut self, from: CanvasPoint, to: CanvasPoint, colour: Rgb) {
        self.marks.push(Mark::Rect { from: units(from), to: units(to), colour });
    }

    /// A filled, translucent polygon.
    pub fn area(&mut self, corners: &[CanvasPoint], colour: Rgb, alpha: f64) {
        if corners.len() > 2 {
            self.marks.push(Mark::Area { corners: corners.iter().copied().map(units).collect(), colour, alpha });
        }
    }

    /// A line through `points`; nothing for fewer than two.
    pub fn stroke(&mut self, points: &[CanvasPoint], width: f64, colour: Rgb) {
        let mut points: Vec<Unit> = points.iter().copied().map(units).collect();
        points.dedup();
        if points.len() > 1 {
            let width = u32::try_from(unit(width)).unwrap_or(0);
            self.marks.push(Mark::Stroke { points, width, colour });
        }
    }

    /// The same, broken into dashes of `on` with gaps of `off` between.
    pub fn dashes(&mut self, points: &[CanvasPoint], width: f64, colour: Rgb, (on, off): (f64, f64)) {
        let mut dash: Vec<CanvasPoint> = points.first().copied().into_iter().collect();
        let mut left = on;
        let mut drawing = true;
        for pair in points.windows(2) {
            let (mut from, to) = (pair[0], pair[1]);
            loop {
                let length = distance(from, to);
                if length <= left {
                    left -= length;
                    if drawing {
                        dash.push(to);
                    }
                    break;
                }
                let share = left / length;
                from = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
                if drawing {
                    dash.push(from);
                    self.stroke(&dash, width, colour);
                    dash.clear();
                } else {
                    dash = vec![from];
                }
                drawing = !drawing;
                left = if drawing { on } else { off };
            }
        }
        if drawing {
            self.stroke(&dash, width, colour);
        }
    }

    /// A filled circle.
    pub fn dot(&mut self, centre: CanvasPoint, radius: f64, colour: Rgb) {
        self.marks.push(Mark::Dot { centre: units(centre), radius: unit(radius), colour });
    }

    /// One line of text with its baseline at `at`.
    pub fn text(&mut self, text: &str, at: CanvasPoint, hand: Hand) {
        let text = clean(text);
        if !text.is_empty() {
            let at = units((at.0, at.1 - hand.size * BASELINE_EM));
            let em = hand.size * f64::from(UNITS);
            self.marks.push(Mark::Text { at, em, face: hand.face, anchor: hand.anchor, colour: hand.colour, text });
        }
    }

    /// Paints every mark on a plotters drawing area of [`Canvas::size_units`].
    pub fn paint<DB: DrawingBackend>(
        &self,
        sheet: &DrawingArea<DB, Shift>,
    ) -> Result<(), DrawingAreaErrorKind<DB::ErrorType>> {
        sheet.fill(&WHITE)?;
        for mark in &self.marks {
            match mark {
                Mark::Rect { from, to, colour } => sheet.draw(&Rectangle::new([*from, *to], rgb(*colour).filled()))?,
                Mark::Area { corners, colour, alpha } => {
                    sheet.draw(&Polygon::new(corners.clone(), rgb(*colour).mix(*alpha).filled()))?
                }
                Mark::Stroke { points, width, colour } => {
                    sheet.draw(&PathElement::new(points.clone(), rgb(*colour).stroke_width(*width)))?
                }
                Mark::Dot { centre, radius, colour } => {
                    sheet.draw(&Circle::new(*centre, *radius, rgb(*colour).filled()))?
                }
                Mark::Text { at, em, face, anchor, colour, text } => {
                    let paint = rgb(*colour);
                    let style = TextStyle::from((FAMILY, em * SIZE_PER_EM, font_style(*face)).into_font())
                        .color(&paint)
                        .pos(Pos::new(h_pos(*anchor), VPos::Top));
                    sheet.draw_text(text, &style, *at)?
                }
            }
        }
        sheet.present()
    }

    /// The document that plotters wrote, shown at its logical size, with round joins and a title for screen readers.
    pub fn finish_svg(&self, document: &str, title: &str) -> String {
        // plotters-svg 0.3.7 gives one line to the opening tag and takes the backend's size as the size on screen.
        let body = document.split_once('\n').map_or("", |(_, body)| body);
        let (wide, high) = self.size_units();
        let (width, height) = self.size;
        let title = escape(&clean(title));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {wide} {high}\" \
             stroke-linejoin=\"round\" role=\"img\">\n<title>{title}</title>\n{body}"
        )
    }
}

/// Text for the inside of an element.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unit(length: f64) -> i32 {
    let scaled = (length * f64::from(UNITS)).round();
    // Figures are a few thousand units wide; whatever lies outside this is outside the sheet as well.
    scaled.clamp(-1e6, 1e6) as i32
}

fn units((x, y): CanvasPoint) -> Unit {
    (unit(x), unit(y))
}

/// Length of a straight line; a square root is exact on every platform, `hypot` is not.
fn distance(from: CanvasPoint, to: CanvasPoint) -> f64 {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    (dx * dx + dy * dy).sqrt()
}

fn rgb(Rgb(red, green, blue): Rgb) -> RGBColor {
    RGBColor(red, green, blue)
}

fn h_pos(anchor: Anchor) -> HPos {
    match anchor {
        Anchor::Start => HPos::Left,
        Anchor::Middle => HPos::Center,
        Anchor::End => HPos::Right,
    }
}

fn font_style(face: Face) -> FontStyle {
    match face {
        Face::Regular => FontStyle::Normal,
        Face::Bold => FontStyle::Bold,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_cover_their_share_of_the_line_and_turn_corners() {
        let mut canvas = Canvas::new(100.0, 100.0);
        canvas.dashes(&[(0.0, 0.0), (5.0, 0.0), (5.0, 15.0)], 1.0, Rgb(0, 0, 0), (6.0, 4.0));
        let strokes: Vec<Vec<Unit>> = canvas
            .marks
            .iter()
            .map(|mark| match mark {
                Mark::Stroke { points, .. } => points.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(strokes, vec![vec![(0, 0), (50, 0), (50, 10)], vec![(50, 50), (50, 110)]]);
    }

    #[test]
    fn a_line_needs_two_different_points() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.stroke(&[(1.0, 1.0), (1.01, 1.0)], 1.0, Rgb(0, 0, 0));
        canvas.dashes(&[], 1.0, Rgb(0, 0, 0), (1.0, 1.0));
        canvas.area(&[(0.0, 0.0), (1.0, 0.0)], Rgb(0, 0, 0), 0.5);
        assert!(canvas.marks.is_empty());
    }
}
