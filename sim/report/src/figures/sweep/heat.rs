//! Two varied settings: throughput, 99th percentile and errors of one world as cells of a table, the larger the lighter.

use lab::sweep::results::Results;

use super::super::canvas::{Anchor, Canvas, Hand};
use super::super::layout::Frame;
use super::super::scale::{Axis, LOG_SPAN, Quantity, decimal};
use super::super::style::{self, Rgb};
use super::super::type_setting::{Face, clean};
use super::pane;
use super::quantity::Shown;
use super::{FOOT_HEIGHT, HEAD_HEIGHT, foot, head};

pub(super) const TITLE: &str = "What two settings do to throughput, tail latency and errors";

/// Cividis (Nunez, Anderton and Renslow, 2018): dark to light in one order for every kind of colour vision, and on paper.
const PALETTE: [Rgb; 10] = [
    Rgb(0, 32, 77),
    Rgb(0, 51, 111),
    Rgb(57, 72, 107),
    Rgb(87, 92, 109),
    Rgb(112, 113, 115),
    Rgb(138, 135, 121),
    Rgb(166, 157, 117),
    Rgb(196, 181, 108),
    Rgb(228, 207, 91),
    Rgb(255, 234, 70),
];
/// A cell without a value.
const NOTHING: Rgb = Rgb(238, 238, 238);
/// White space between two maps.
const GAP: f64 = 22.0;
/// Lowest and highest cell.
const CELL: (f64, f64) = (9.0, 40.0);
/// Height that the cells of a map together should have.
const MAP_HEIGHT: f64 = 250.0;
/// Height of the bar that says what colours mean.
const BAR: f64 = 10.0;

/// Side of the mark in the corner of a cell that is overloaded.
const CORNER: f64 = 7.0;

/// Draws the maps of one world; the colours mean the same in the maps of all worlds.
pub(super) fn draw(results: &Results, world: usize, rows: usize, columns: usize) -> Canvas {
    let study = &results.study;
    let (row_values, column_values) = (study.values_of(rows), study.values_of(columns));
    let cell = (MAP_HEIGHT / row_values.len() as f64).clamp(CELL.0, CELL.1).floor();
    let top = style::MARGIN + HEAD_HEIGHT + 62.0;
    let bottom = top + cell * row_values.len() as f64;
    let height = bottom + 34.0 + 44.0 + FOOT_HEIGHT;
    let mut canvas = Canvas::new(style::WIDTH, height);
    let (row_key, column_key) = (&study.settings[rows].key, &study.settings[columns].key);
    head(&mut canvas, TITLE, &study.title, &format!("Upwards: {row_key}. To the right: {column_key}."));
    let hand =
        Hand { size: style::SUBTITLE, face: Face::Bold, colour: style::world(world).text, anchor: Anchor::Start };
    canvas.text(&clean(&study.worlds[world]), (style::MARGIN, style::MARGIN + HEAD_HEIGHT + 22.0), hand);

    let widest = row_values.iter().map(|value| Face::Regular.width(value, style::LABEL)).fold(0.0, f64::max);
    let left = (style::MARGIN + widest + 8.0).ceil();
    let width = ((style::WIDTH - style::MARGIN - left - 2.0 * GAP) / 3.0).floor();
    for (at, shown) in Shown::ALL.into_iter().enumerate() {
        let left = left + (width + GAP) * at as f64;
        let frame = Frame { left, top, right: left + width, bottom, strip: 0.0 };
        pane::heading(&mut canvas, frame, shown.heading(), style::INK);
        let map = Map { results, world, shown, rows: (rows, &row_values), columns: (columns, &column_values) };
        map.draw(&mut canvas, frame, at == 0);
    }
    let mut text =
        "Means of the replications; colours mean the same for all worlds of this sweep. Grey: nothing to measure."
            .to_owned();
    if super::any_overload(results, world..world + 1) {
        text += " Marked corners: OVERLOADED, the queue grows.";
    }
    foot(&mut canvas, &text, height);
    canvas
}

struct Map<'a> {
    results: &'a Results,
    world: usize,
    shown: Shown,
    /// The setting upwards, and its values from below.
    rows: (usize, &'a [&'a str]),
    /// The setting to the right.
    columns: (usize, &'a [&'a str]),
}

impl Map<'_> {
    /// The point of a cell.
    fn point(&self, row: usize, column: usize) -> Option<usize> {
        let is = |point: &&(usize, &lab::sweep::study::StudyPoint)| {
            point.1.values[self.rows.0] == self.rows.1[row] && point.1.values[self.columns.0] == self.columns.1[column]
        };
        let points: Vec<_> = self.results.study.points.iter().enumerate().collect();
        points.iter().find(is).map(|point| point.0)
    }

    fn value(&self, point: usize) -> Option<f64> {
        self.shown.of(self.results, point, self.world).map(|estimate| estimate.mean)
    }

    /// Every value of every world: what the colours have to tell apart.
    fn all(&self) -> Vec<f64> {
        let mut all = Vec::new();
        for point in 0..self.results.study.points.len() {
            for world in 0..self.results.study.worlds.len() {
                all.extend(self.shown.of(self.results, point, world).map(|estimate| estimate.mean));
            }
        }
        all
    }

    fn draw(&self, canvas: &mut Canvas, frame: Frame, labelled: bool) {
        let scale = Colours::of(self.shown.quantity(), &self.all());
        let (rows, columns) = (self.rows.1.len(), self.columns.1.len());
        let (wide, high) = (frame.width() / columns as f64, (frame.bottom - frame.top) / rows as f64);
        let cells: Vec<(usize, usize, Option<f64>, bool)> = (0..rows)
            .flat_map(|row| (0..columns).map(move |column| (row, column)))
            .map(|(row, column)| {
                let point = self.point(row, column);
                let grows = point.is_some_and(|point| self.results.overload(point, self.world).is_some());
                (row, column, point.and_then(|point| self.value(point)), grows)
            })
            .collect();
        let size = style::NOTE.min(high - 3.0);
        let text = |value: f64| short(self.shown, value);
        let widest = cells.iter().filter_map(|cell| cell.2).map(|value| Face::Regular.width(&text(value), size));
        // All cells or none: a map in which some have numbers looks as if the others had none.
        let printed = size >= 8.5 && widest.fold(0.0, f64::max) <= wide - 4.0;
        for (row, column, value, grows) in cells {
            let left = frame.left + wide * column as f64;
            let top = frame.bottom - high * (row + 1) as f64;
            let colour = value.map_or(NOTHING, |value| scale.colour(value));
            canvas.rect((left, top), (left + wide - 1.0, top + high - 1.0), colour);
            let ink = if is_dark(colour) { style::PAPER } else { style::INK };
            if grows {
                let (right, side) = (left + wide - 1.0, CORNER.min(wide / 2.0).min(high / 2.0));
                canvas.area(&[(right - side, top), (right, top), (right, top + side)], ink, 1.0);
            }
            if let Some(value) = value.filter(|_| printed) {
                let hand = Hand { size, face: Face::Regular, colour: ink, anchor: Anchor::Middle };
                canvas.text(&text(value), (left + wide / 2.0, top + high / 2.0 + size * style::MIDDLE), hand);
            }
        }
        self.labels(canvas, frame, (wide, high), labelled);
        scale.bar(canvas, (frame.left, frame.bottom + 36.0), frame.width(), self.shown);
    }

    /// Values of the settings beside the cells, as many as fit.
    fn labels(&self, canvas: &mut Canvas, frame: Frame, (wide, high): (f64, f64), labelled: bool) {
        let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::End };
        let every = (style::LABEL * 1.3 / high).ceil().max(1.0) as usize;
        for (row, value) in self.rows.1.iter().enumerate().step_by(every).filter(|_| labelled) {
            let middle = frame.bottom - high * (row as f64 + 0.5);
            canvas.text(value, (frame.left - 8.0, middle + style::LABEL * style::MIDDLE), hand);
        }
        let widest = self.columns.1.iter().map(|value| Face::Regular.width(value, style::LABEL)).fold(0.0, f64::max);
        let every = ((widest + 8.0) / wide).ceil().max(1.0) as usize;
        for (column, value) in self.columns.1.iter().enumerate().step_by(every) {
            let middle = frame.left + wide * (column as f64 + 0.5);
            let at = (middle, frame.bottom + 4.0 + style::LABEL * 1.15);
            canvas.text(value, at, Hand { anchor: Anchor::Middle, ..hand });
        }
    }
}

/// A value in a cell.
fn short(shown: Shown, value: f64) -> String {
    let three = |value: f64| lab::sweep::values::rounded(value, 3);
    match shown {
        Shown::Throughput => decimal(three(value)),
        Shown::P99 if value >= 0.9995 => format!("{}s", decimal(three(value))),
        Shown::P99 => format!("{}ms", decimal(three(value * 1e3))),
        Shown::Errors if value == 0.0 => "0".to_owned(),
        Shown::Errors => format!("{}%", decimal(lab::sweep::values::rounded(value * 100.0, 2))),
    }
}

/// From values to colours.
struct Colours {
    low: f64,
    high: f64,
    log: bool,
}

impl Colours {
    fn of(quantity: Quantity, values: &[f64]) -> Colours {
        let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        let log = quantity == Quantity::Latency && high > least * LOG_SPAN;
        let low = match quantity {
            // Errors begin at none, whether there was a place without or not.
            Quantity::Share => 0.0,
            _ => values.iter().copied().fold(f64::INFINITY, f64::min),
        };
        let low = if log { least } else { low };
        Colours { low: if low.is_finite() { low } else { 0.0 }, high, log }
    }

    fn colour(&self, value: f64) -> Rgb {
        let place = |value: f64| if self.log { libm::log(value.max(self.low)) } else { value };
        let span = place(self.high) - place(self.low);
        mix(if span > 0.0 { (place(value) - place(self.low)) / span } else { 0.0 })
    }

    /// What the colours mean: a bar with its ends named.
    fn bar(&self, canvas: &mut Canvas, (left, top): (f64, f64), width: f64, shown: Shown) {
        const STRIPES: u32 = 60;
        let grey = Hand { size: style::NOTE, face: Face::Regular, colour: style::GREY, anchor: Anchor::Start };
        if self.high <= self.low {
            return canvas.text("the same everywhere", (left, top + style::NOTE), grey);
        }
        let stripe = width / f64::from(STRIPES);
        for at in 0..STRIPES {
            let x = left + stripe * f64::from(at);
            // One pixel over the next, so that no seam shows.
            let right = (x + stripe + 1.0).min(left + width);
            canvas.rect((x, top), (right, top + BAR), mix((f64::from(at) + 0.5) / f64::from(STRIPES)));
        }
        let baseline = top + BAR + style::NOTE * 1.3;
        let axis = Axis::around(shown.quantity(), [self.low, self.high].into_iter());
        let zero = self.low == 0.0;
        canvas.text(&if zero { axis.label(0.0) } else { short(shown, self.low) }, (left, baseline), grey);
        canvas.text(&short(shown, self.high), (left + width, baseline), Hand { anchor: Anchor::End, ..grey });
        if self.log {
            canvas.text("logarithmic", (left + width / 2.0, baseline), Hand { anchor: Anchor::Middle, ..grey });
        }
    }
}

/// The palette at a share between 0 and 1.
fn mix(share: f64) -> Rgb {
    let last = PALETTE.len() - 1;
    let at = share.clamp(0.0, 1.0) * last as f64;
    let below = (at.floor() as usize).min(last - 1);
    let (Rgb(r0, g0, b0), Rgb(r1, g1, b1)) = (PALETTE[below], PALETTE[below + 1]);
    let between =
        |from: u8, to: u8| (f64::from(from) + (f64::from(to) - f64::from(from)) * (at - below as f64)).round() as u8;
    Rgb(between(r0, r1), between(g0, g1), between(b0, b1))
}

/// Whether white reads better on a colour than ink, by the luma of Rec. 601.
fn is_dark(Rgb(red, green, blue): Rgb) -> bool {
    0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue) < 128.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_value_is_never_darker() {
        let luma =
            |Rgb(red, green, blue): Rgb| 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
        let steps: Vec<f64> = (0..=100).map(|step| luma(mix(f64::from(step) / 100.0))).collect();
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1] + 0.6), "rounding aside: {steps:?}");
        assert_eq!((mix(-1.0), mix(2.0)), (PALETTE[0], PALETTE[9]));
    }

    #[test]
    fn latencies_of_several_sizes_are_coloured_by_ratio() {
        let scale = Colours::of(Quantity::Latency, &[0.001, 0.01, 10.0]);
        assert!(scale.log && scale.colour(0.1) == mix(0.5));
        assert!(!Colours::of(Quantity::Latency, &[0.5, 1.0]).log);
        let nothing = Colours::of(Quantity::Count, &[]);
        assert_eq!(nothing.colour(0.0), PALETTE[0]);
    }
}
