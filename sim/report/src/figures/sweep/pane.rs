//! One panel of a sweep's figure: a frame with an axis of its own below it and one to its left.

use lab::sweep::values::{ValueKind, read_number};

use super::super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::super::layout::{Frame, TICK_GAP};
use super::super::scale::{Axis, Quantity};
use super::super::style::{self, Rgb};
use super::super::type_setting::Face;

/// Opacity of the area of an interval.
const AREA_ALPHA: f64 = 0.2;
/// White space between two labels below a frame.
const LABEL_GAP: f64 = 8.0;
/// Radius of the dot at a value.
const DOT: f64 = 2.4;
/// Outer radius of a dot that is hollow.
const HOLLOW: f64 = 4.0;

/// The axis below a frame: where each value of a setting lies, and what is written there.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Below {
    /// Place of each value, 0 at the left and 1 at the right.
    pub(super) shares: Vec<f64>,
    labels: Vec<String>,
    /// Whether equal distances are equal ratios.
    pub(super) log: bool,
}

impl Below {
    /// The axis of these values: numbers where they are numbers, else side by side.
    pub(super) fn of(kind: ValueKind, values: &[&str]) -> Below {
        let labels = values.iter().map(|value| (*value).to_owned()).collect();
        let numbers: Option<Vec<f64>> = values.iter().map(|value| read_number(value).map(|read| read.value)).collect();
        match numbers.filter(|numbers| kind != ValueKind::Text && numbers.len() > 1) {
            Some(numbers) => {
                let (low, high) = (
                    numbers.iter().copied().fold(f64::INFINITY, f64::min),
                    numbers.iter().copied().fold(0.0, f64::max),
                );
                let log = low > 0.0 && is_log(&numbers);
                let place = |value: f64| if log { libm::log(value) } else { value };
                let share = |value: &f64| (place(*value) - place(low)) / (place(high) - place(low));
                Below { shares: numbers.iter().map(share).collect(), labels, log }
            }
            None => {
                let last = values.len().saturating_sub(1).max(1) as f64;
                Below { shares: (0..values.len()).map(|at| at as f64 / last).collect(), labels, log: false }
            }
        }
    }

    /// Where value `at` lies in a frame; a little inside, so that dots are whole.
    pub(super) fn x(&self, frame: Frame, at: usize) -> f64 {
        const INSIDE: f64 = 8.0;
        frame.left + INSIDE + (frame.width() - 2.0 * INSIDE) * self.shares[at]
    }

    /// Labels below a frame, as many as fit, and its lower edge.
    pub(super) fn draw(&self, canvas: &mut Canvas, frame: Frame) {
        let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::Middle };
        canvas.rect((frame.left, frame.bottom - 0.5), (frame.right, frame.bottom + 0.5), style::INK);
        let mut order: Vec<usize> = (0..self.shares.len()).collect();
        order.sort_by(|&a, &b| self.shares[a].total_cmp(&self.shares[b]));
        let half = |at: usize| Face::Regular.width(&self.labels[at], style::LABEL) / 2.0 + LABEL_GAP / 2.0;
        let middle = |at: usize| {
            let half = half(at);
            self.x(frame, at).min(frame.right + 10.0 - half).max(frame.left - 10.0 + half)
        };
        let apart = |a: usize, b: usize| middle(a) + half(a) <= middle(b) - half(b);
        // Every label, or every second, or every third: whatever leaves them apart.
        let every = (1..=order.len()).find(|&every| {
            let shown: Vec<usize> = order.iter().copied().step_by(every).collect();
            shown.windows(2).all(|pair| apart(pair[0], pair[1]))
        });
        for (rank, &at) in order.iter().enumerate() {
            let x = self.x(frame, at);
            canvas.rect((x - 0.5, frame.bottom), (x + 0.5, frame.bottom + 5.0), style::INK);
            if rank.is_multiple_of(every.unwrap_or(1)) {
                canvas.text(&self.labels[at], (middle(at), frame.bottom + 5.0 + style::LABEL * 1.15), hand);
            }
        }
    }
}

/// Whether ratios say more than differences: the largest gap lies near the end in numbers, but not in ratios.
fn is_log(numbers: &[f64]) -> bool {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let gaps = |place: &dyn Fn(f64) -> f64| {
        let gaps: Vec<f64> = sorted.windows(2).map(|pair| place(pair[1]) - place(pair[0])).collect();
        let (least, most) =
            (gaps.iter().copied().fold(f64::INFINITY, f64::min), gaps.iter().copied().fold(0.0, f64::max));
        most / least
    };
    sorted.len() > 2 && gaps(&libm::log) < gaps(&|value| value)
}

/// Grid lines and labels to the left of a frame.
pub(super) fn grid(canvas: &mut Canvas, frame: Frame, axis: &Axis) {
    let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::End };
    for &tick in &axis.ticks {
        let y = frame.y(axis, tick).round();
        canvas.rect((frame.left, y - 0.5), (frame.right, y + 0.5), style::GRID);
        canvas.text(&axis.label(tick), (frame.left - TICK_GAP, y + style::LABEL * style::MIDDLE), hand);
    }
}

/// Width that the labels of an axis take.
pub(super) fn labels_width(axis: &Axis) -> f64 {
    let widths = axis.ticks.iter().map(|&tick| Face::Regular.width(&axis.label(tick), style::LABEL));
    widths.fold(0.0, f64::max).ceil() + TICK_GAP
}

/// A heading above a frame.
pub(super) fn heading(canvas: &mut Canvas, frame: Frame, text: &str, colour: Rgb) {
    let hand = Hand { size: style::HEADING, face: Face::Bold, colour, anchor: Anchor::Start };
    canvas.text(&Face::Bold.cut(text, style::HEADING, frame.width()), (frame.left, frame.top - 11.0), hand);
}

/// A value and its interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct PaneValue {
    pub(super) x: f64,
    pub(super) mean: f64,
    pub(super) interval: Option<(f64, f64)>,
    /// Whether the queue grows there: what was measured depends on the length of the run.
    pub(super) overloaded: bool,
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct LineStyle {
    pub(super) colour: Rgb,
    pub(super) width: f64,
    pub(super) dash: Option<(f64, f64)>,
}

/// Areas of intervals, a line and a dot at each value, hollow where it is overloaded; it is broken where a value is missing.
pub(super) fn line(canvas: &mut Canvas, frame: Frame, axis: &Axis, values: &[Option<PaneValue>], look: LineStyle) {
    for run in values.split(Option::is_none) {
        let run: Vec<PaneValue> = run.iter().copied().flatten().collect();
        let upper = run.iter().filter_map(|value| value.interval.map(|(_, high)| (value.x, frame.y(axis, high))));
        let lower = run.iter().rev().filter_map(|value| value.interval.map(|(low, _)| (value.x, frame.y(axis, low))));
        canvas.area(&upper.chain(lower).collect::<Vec<CanvasPoint>>(), look.colour, AREA_ALPHA);
        let points: Vec<CanvasPoint> = run.iter().map(|value| (value.x, frame.y(axis, value.mean))).collect();
        match look.dash {
            Some(dash) => canvas.dashes(&points, look.width, look.colour, dash),
            None => canvas.stroke(&points, look.width, look.colour),
        }
        for (value, &point) in run.iter().zip(&points) {
            canvas.dot(point, if value.overloaded { HOLLOW } else { DOT }, look.colour);
            if value.overloaded {
                canvas.dot(point, DOT, style::PAPER);
            }
        }
    }
}

/// The axis for values with intervals; an interval may stretch it a little and is cut by the frame beyond.
pub(super) fn axis_around(quantity: Quantity, values: &[PaneValue]) -> Axis {
    const STRETCH: f64 = 1.3;
    let largest = values.iter().map(|value| value.mean).fold(0.0, f64::max);
    let highs = values.iter().filter_map(|value| value.interval).map(|(_, high)| high.min(largest * STRETCH));
    Axis::around(quantity, values.iter().map(|value| value.mean).chain(highs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_lie_by_ratio_where_that_spreads_them_more_evenly() {
        let shares = |kind, values: &[&str]| Below::of(kind, values).shares;
        assert_eq!(shares(ValueKind::Count, &["10", "20", "30"]), [0.0, 0.5, 1.0]);
        let log = Below::of(ValueKind::Duration, &["10ms", "100ms", "1s"]);
        assert!(log.log && (log.shares[1] - 0.5).abs() < 1e-9);
        assert_eq!(shares(ValueKind::Text, &["exp(1ms)", "5ms", "fifo"]), [0.0, 0.5, 1.0]);
        assert_eq!(shares(ValueKind::Count, &["7"]), [0.0]);
        assert!(!Below::of(ValueKind::Count, &["0", "1", "100"]).log, "nothing has no logarithm");
    }
}
