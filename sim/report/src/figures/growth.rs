//! What an event and a greenlet cost over the size of what is simulated: panels side by side, sizes on a logarithmic axis.

use super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::scale::{Axis, Quantity};
use super::style::{self, Rgb, WorldStyle};
use super::type_setting::Face;
use super::{DrawError, Drawing, finished};

const NAME: &str = "growth";
const TITLE: &str = "What an event and a greenlet cost, over how many there are";

/// Top of the panels, their height, and the room that is left of each for labels.
const TOP: f64 = 116.0;
const HEIGHT: f64 = 250.0;
const LABELS: f64 = 52.0;
/// White space between two panels.
const GAP: f64 = 22.0;
/// Room below the panels.
const FOOT: f64 = 78.0;
const RADIUS: f64 = 3.2;

/// A quantity over sizes.
#[derive(Clone, PartialEq, Debug)]
pub struct GrowthPanel {
    /// What it is, with its unit.
    pub heading: String,
    /// What there are so many of.
    pub across: String,
    /// Whether its axis begins at zero; else equal ways are equal ratios.
    pub from_zero: bool,
    /// Names with their (size, value) pairs, sizes ascending.
    pub lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// Draws quantities over sizes; `subject` says what was measured where.
///
/// # Errors
/// [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_growth(subject: &str, panels: &[GrowthPanel]) -> Result<Drawing, DrawError> {
    let mut canvas = Canvas::new(style::WIDTH, TOP + HEIGHT + FOOT);
    let left = style::MARGIN;
    canvas.text(TITLE, (left, left + 16.0), hand(style::TITLE, Face::Bold, style::INK, Anchor::Start));
    let shown = Face::Regular.cut(subject, style::SUBTITLE, style::WIDTH - 2.0 * left);
    canvas.text(&shown, (left, left + 40.0), hand(style::SUBTITLE, Face::Regular, style::INK, Anchor::Start));
    let count = panels.len().max(1) as f64;
    let width = ((style::WIDTH - 2.0 * left - GAP * (count - 1.0)) / count).floor();
    for (at, panel) in panels.iter().enumerate() {
        let from = left + (width + GAP) * at as f64;
        draw(&mut canvas, panel, (from, from + width));
    }
    finished(NAME, TITLE, subject, &canvas)
}

fn hand(size: f64, face: Face, colour: Rgb, anchor: Anchor) -> Hand {
    Hand { size, face, colour, anchor }
}

fn draw(canvas: &mut Canvas, panel: &GrowthPanel, (from, right): (f64, f64)) {
    canvas.text(&panel.heading, (from, TOP - 16.0), hand(style::HEADING, Face::Bold, style::INK, Anchor::Start));
    let (left, bottom) = (from + LABELS, TOP + HEIGHT);
    let all = || panel.lines.iter().flat_map(|(_, points)| points).copied();
    if all().next().is_none() {
        return;
    }
    let sizes = decades(all().map(|point| point.0));
    let values = match panel.from_zero {
        true => Axis::around(Quantity::Count, all().map(|point| point.1)),
        false => logarithmic(all().map(|point| point.1)),
    };
    let place = |(size, value): CanvasPoint| {
        (left + (right - 8.0 - left) * sizes.share(size), bottom - HEIGHT * values.share(value))
    };
    let grey = |anchor| hand(style::LABEL, Face::Regular, style::GREY, anchor);
    for &tick in &values.ticks {
        let y = place((sizes.ticks[0], tick)).1.round();
        canvas.rect((left, y - 0.5), (right, y + 0.5), style::GRID);
        canvas.text(&values.label(tick), (left - 8.0, y + style::LABEL * style::MIDDLE), grey(Anchor::End));
    }
    for &tick in &sizes.ticks {
        let x = place((tick, values.ticks[0])).0.round();
        canvas.rect((x - 0.5, bottom), (x + 0.5, bottom + 5.0), style::INK);
        canvas.text(&short(tick), (x, bottom + 5.0 + style::LABEL * 1.15), grey(Anchor::Middle));
    }
    canvas.rect((left, bottom - 0.5), (right, bottom + 0.5), style::INK);
    canvas.text(&panel.across, ((left + right) / 2.0, bottom + 44.0), grey(Anchor::Middle));
    for (at, (name, points)) in panel.lines.iter().enumerate() {
        let look = style::world(at);
        line(canvas, points.iter().map(|&point| place(point)).collect(), look);
        let key = (left + 10.0, TOP + 14.0 + 17.0 * at as f64);
        canvas.dot((key.0, key.1 - style::LABEL * style::MIDDLE), RADIUS, look.line);
        let name_hand = hand(style::LABEL, Face::Regular, look.text, Anchor::Start);
        canvas.text(name, (key.0 + 9.0, key.1), name_hand);
    }
}

fn line(canvas: &mut Canvas, points: Vec<CanvasPoint>, look: WorldStyle) {
    canvas.stroke(&points, style::STRONG.width, look.line);
    for at in points {
        canvas.dot(at, RADIUS, look.line);
    }
}

/// A logarithmic axis for positive values.
fn logarithmic(values: impl Iterator<Item = f64>) -> Axis {
    let (low, high) =
        values.fold((f64::INFINITY, 0.0), |(low, high): CanvasPoint, value| (low.min(value), high.max(value)));
    Axis::logarithmic(Quantity::Count, low, high)
}

/// The same with ticks at powers of ten only.
fn decades(values: impl Iterator<Item = f64>) -> Axis {
    let mut axis = logarithmic(values);
    axis.ticks.retain(|&tick| is_power(tick));
    axis
}

/// Whether a value is a power of ten.
fn is_power(value: f64) -> bool {
    let exponent = libm::log10(value);
    (exponent - libm::round(exponent)).abs() < 1e-9
}

/// A size in as few letters as it takes.
fn short(size: f64) -> String {
    let axis = Axis::logarithmic(Quantity::Count, 1.0, 1000.0);
    match size {
        size if size >= 1e6 => format!("{}M", axis.label(size / 1e6)),
        size if size >= 1e3 => format!("{}k", axis.label(size / 1e3)),
        size => axis.label(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel() -> GrowthPanel {
        let points = vec![(100.0, 140.0), (1e5, 200.0), (1e7, 900.0)];
        GrowthPanel {
            heading: "ns an event".to_owned(),
            across: "sleepers".to_owned(),
            from_zero: false,
            lines: vec![("engine".to_owned(), points)],
        }
    }

    #[test]
    fn sizes_are_written_in_thousands_and_millions() {
        assert_eq!([100.0, 1e3, 3e4, 1e7].map(short), ["100", "1k", "30k", "10M"]);
    }

    #[test]
    fn a_drawing_has_its_words_and_is_the_same_each_time() {
        let drawn = || draw_growth("a machine", &[panel(), panel()]).expect("it can be drawn");
        let svg = drawn().svg;
        assert!(["ns an event", "sleepers", "engine", "10M", "a machine"].iter().all(|word| svg.contains(word)));
        assert_eq!(drawn(), drawn());
    }

    #[test]
    fn nothing_measured_leaves_a_panel_empty() {
        let empty = GrowthPanel { lines: Vec::new(), ..panel() };
        assert!(draw_growth("nothing", &[empty]).is_ok());
    }
}
