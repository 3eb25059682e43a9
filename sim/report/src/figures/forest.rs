//! `differences`: a line for each figure that two worlds differ in, with its relative difference and its interval.
//!
//! A forest plot. A filled dot is significant after Holm's correction, a ring is not; the colour says which way is good, because to the
//! right is good for a throughput and bad for a latency. What lies beyond the axis is an arrow: the numbers stand beside it.

use lab::versus::{Method, Significance, Versus, VersusRow};
use lab::{Estimate, FigureGroup};

use super::canvas::{Anchor, Canvas, Hand};
use super::scale::{decimal, round_up};
use super::style::{self, Rgb, WorldStyle};
use super::type_setting::Face;
use super::{DrawError, Drawing, finished};
use crate::words::number;
use crate::words::sides::{Sides, relative_words};

const NAME: &str = "differences";

/// Height of a row.
const ROW: f64 = 26.0;
/// Height of a group's heading.
const HEADING: f64 = 30.0;
/// Top of the first row, below a line that says what the sides are.
const TOP: f64 = 116.0;
/// And without that line.
const TOP_BARE: f64 = 92.0;
/// From the last row to the end of the sheet: tick labels, legend, note.
const FOOT: f64 = 112.0;
/// Room for labels, left of the axis.
const LABELS: f64 = 206.0;
/// Room for numbers, right of the axis.
const NUMBERS: f64 = 330.0;
/// A dot.
const RADIUS: f64 = 4.4;
/// What lies further to the right, as a share, does not stretch the axis: a tenfold count would hide a latency 3 % shorter.
const FURTHEST: f64 = 1.0;
/// Where something lies further to the right, the right side is at least this long beside the left one.
const RIGHT_MIN: f64 = 0.25;
/// The axis is at least twice as long as this.
const NEAREST: f64 = 0.01;
/// Ticks at most.
const TICKS_MAX: f64 = 7.0;

/// Draws the rows of a pair that have a relative difference.
///
/// # Errors
/// [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_versus(title: &str, versus: &Versus, sides: &Sides) -> Result<Drawing, DrawError> {
    let rows = &versus.rows;
    let mut groups: Vec<FigureGroup> = rows.iter().map(|row| row.spec.group).collect();
    groups.dedup();
    let top = if sides.legend.is_some() { TOP } else { TOP_BARE };
    let bottom = top + ROW * rows.len().max(1) as f64 + HEADING * groups.len() as f64;
    let mut canvas = Canvas::new(style::WIDTH, bottom + FOOT);
    let heading = format!("{} against {}", sides.b, sides.a);
    head(&mut canvas, &heading, title, sides);
    let axis = ForestAxis::of(rows);
    axis.draw(&mut canvas, top - 4.0, bottom);
    let mut y = top;
    let mut last = None;
    for row in rows {
        if last != Some(row.spec.group) {
            last = Some(row.spec.group);
            let at = (style::MARGIN, y + HEADING - 11.0);
            canvas.text(row.spec.group.label(), at, hand(style::LABEL, Face::Bold, style::INK, Anchor::Start));
            y += HEADING;
        }
        line(&mut canvas, &axis, y + ROW / 2.0, row);
        y += ROW;
    }
    if rows.is_empty() {
        let middle = (style::WIDTH / 2.0, top + ROW / 2.0);
        let text = "nothing differs in any replication";
        canvas.text(text, middle, hand(style::LABEL, Face::Regular, style::GREY, Anchor::Middle));
    }
    foot(&mut canvas, bottom, versus, sides);
    finished(NAME, &heading, title, &canvas)
}

fn hand(size: f64, face: Face, colour: Rgb, anchor: Anchor) -> Hand {
    Hand { size, face, colour, anchor }
}

fn head(canvas: &mut Canvas, heading: &str, title: &str, sides: &Sides) {
    let (left, room) = (style::MARGIN, style::WIDTH - 2.0 * style::MARGIN);
    let bold = hand(style::TITLE, Face::Bold, style::INK, Anchor::Start);
    canvas.text(&Face::Bold.cut(heading, style::TITLE, room), (left, left + 16.0), bold);
    let text = Face::Regular.cut(title, style::SUBTITLE, room);
    canvas.text(&text, (left, left + 40.0), hand(style::SUBTITLE, Face::Regular, style::GREY, Anchor::Start));
    let legend = Face::Regular.cut(sides.legend.as_deref().unwrap_or_default(), style::LABEL, room);
    canvas.text(&legend, (left, left + 61.0), hand(style::LABEL, Face::Regular, style::GREY, Anchor::Start));
}

/// How a verdict looks.
fn look(verdict: Significance) -> WorldStyle {
    match verdict {
        Significance::Better => style::world(2),
        Significance::Worse => style::world(1),
        Significance::Differs => style::world(0),
        Significance::TooSmall | Significance::Undecided | Significance::Incomparable => {
            WorldStyle { line: style::GREY, text: style::GREY }
        }
    }
}

/// A dot, or a ring for what is not significant.
fn mark(canvas: &mut Canvas, at: (f64, f64), verdict: Significance) {
    canvas.dot(at, RADIUS, look(verdict).line);
    if !verdict.is_significant() {
        canvas.dot(at, RADIUS - 1.6, style::PAPER);
    }
}

fn line(canvas: &mut Canvas, axis: &ForestAxis, y: f64, row: &VersusRow) {
    let look = look(row.verdict);
    let base = y + style::LABEL * style::MIDDLE;
    let label = Face::Regular.cut(row.spec.label, style::LABEL, LABELS - 16.0);
    let at = (style::MARGIN + 12.0, base);
    canvas.text(&label, at, hand(style::LABEL, Face::Regular, style::INK, Anchor::Start));
    if let Some(estimate) = &row.relative {
        interval(canvas, axis, y, estimate, look.line);
        if axis.holds(estimate.mean) {
            mark(canvas, (axis.x(estimate.mean), y), row.verdict);
        }
    }
    let numbers = style::WIDTH - style::MARGIN - NUMBERS;
    let face = if row.verdict.is_significant() { Face::Bold } else { Face::Regular };
    canvas.text(&relative_words(row), (numbers, base), hand(style::NOTE, face, look.text, Anchor::Start));
    let unit = row.spec.unit;
    let from_to = format!("{} → {}", number::value(unit, row.a.mean), number::value(unit, row.b.mean));
    let right = (style::WIDTH - style::MARGIN, base);
    canvas.text(&from_to, right, hand(style::NOTE, Face::Regular, style::GREY, Anchor::End));
}

/// A bar from end to end, with an arrow where an end lies beyond the axis.
fn interval(canvas: &mut Canvas, axis: &ForestAxis, y: f64, estimate: &Estimate, colour: Rgb) {
    let Some((low, high)) = estimate.low.zip(estimate.high) else { return };
    canvas.stroke(&[(axis.x(low), y), (axis.x(high), y)], 2.0, colour);
    for end in [low, high] {
        if axis.holds(end) {
            // Within the dot a cap would only be dirt.
            if (axis.x(end) - axis.x(estimate.mean)).abs() <= RADIUS + 1.0 {
                continue;
            }
            canvas.stroke(&[(axis.x(end), y - 5.0), (axis.x(end), y + 5.0)], 1.6, colour);
        } else {
            arrow(canvas, axis.x(end), y, end.signum(), colour);
        }
    }
}

/// The interval goes on beyond the axis.
fn arrow(canvas: &mut Canvas, x: f64, y: f64, way: f64, colour: Rgb) {
    canvas.area(&[(x + 9.0 * way, y), (x, y - 5.0), (x, y + 5.0)], colour, 1.0);
}

fn foot(canvas: &mut Canvas, bottom: f64, versus: &Versus, sides: &Sides) {
    let mut x = style::MARGIN + 6.0;
    let y = bottom + 52.0;
    let entries = [
        (Significance::Better, format!("{} is better", sides.b)),
        (Significance::Worse, format!("{} is worse", sides.b)),
        (Significance::Differs, "differs, neither way is better".to_owned()),
        (Significance::Undecided, "no difference shown, or not compared".to_owned()),
    ];
    for (verdict, text) in entries {
        mark(canvas, (x, y - style::LABEL * style::MIDDLE), verdict);
        canvas.text(&text, (x + 12.0, y), hand(style::LABEL, Face::Regular, look(verdict).text, Anchor::Start));
        x += Face::Regular.width(&text, style::LABEL) + 40.0;
    }
    let [of_a, of_b] = versus.replications;
    let replications = match versus.method {
        Method::Paired if versus.births_equal == of_a => {
            format!("{of_a} paired replications (both serve the same people)")
        }
        Method::Paired => format!("{of_a} paired replications (births differ)"),
        Method::Welch => format!("{of_a} and {of_b} replications as independent samples (Welch)"),
    };
    let note = [
        format!("Difference over the value of {}; bars: 95 % intervals of {replications}.", sides.a),
        "Filled: significant after Holm's correction over all rows. Right: the values, first and second.".to_owned(),
    ];
    let room = style::WIDTH - 2.0 * style::MARGIN;
    for (at, text) in note.iter().enumerate() {
        let place = (style::MARGIN, bottom + 78.0 + 16.0 * at as f64);
        let text = Face::Regular.cut(text, style::NOTE, room);
        canvas.text(&text, place, hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start));
    }
}

/// A linear axis of shares around zero.
struct ForestAxis {
    low: f64,
    high: f64,
    step: f64,
}

impl ForestAxis {
    fn of(rows: &[VersusRow]) -> ForestAxis {
        let known = || rows.iter().filter_map(|row| row.relative.as_ref());
        let ends = || known().flat_map(|estimate| [estimate.low, estimate.high, Some(estimate.mean)]).flatten();
        let low = ends().fold(0.0, f64::min).max(-FURTHEST);
        let within = ends().filter(|&end| end <= FURTHEST).fold(0.0, f64::max);
        let beyond = ends().any(|end| end > FURTHEST);
        let high = if beyond { within.max(-low * RIGHT_MIN).max(NEAREST) } else { within };
        let step = round_up(((high - low) / TICKS_MAX).max(NEAREST / 2.0));
        ForestAxis { low: (low / step).floor() * step, high: (high / step).ceil().max(1.0) * step, step }
    }

    fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    fn x(&self, value: f64) -> f64 {
        let (left, right) = (style::MARGIN + LABELS, style::WIDTH - style::MARGIN - NUMBERS - 24.0);
        left + (right - left) * ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn draw(&self, canvas: &mut Canvas, top: f64, bottom: f64) {
        let count = ((self.high - self.low) / self.step).round() as u32;
        for tick in 0..=count {
            let value = self.low + f64::from(tick) * self.step;
            let x = self.x(value).round();
            canvas.rect((x - 0.5, top), (x + 0.5, bottom), style::GRID);
            let whole = (value * 1e5).round() / 1e3;
            let sign = if whole > 0.0 { "+" } else { "" };
            let label = if whole == 0.0 { "0".to_owned() } else { format!("{sign}{} %", decimal(whole)) };
            let at = (x, bottom + 6.0 + style::NOTE * 1.15);
            canvas.text(&label, at, hand(style::NOTE, Face::Regular, style::GREY, Anchor::Middle));
        }
        let zero = self.x(0.0).round();
        canvas.rect((zero - 0.8, top), (zero + 0.8, bottom), style::INK);
    }
}
