//! One panel of a chart: shaded spans, grid, areas, lines and the names at their ends.

use super::Shade;
use super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::layout::{Frame, HEADING_GAP, HEADING_LEADING, TICK_GAP, heading};
use super::scale::{Axis, TimeAxis};
use super::style::{self, Rgb, Stroke};
use super::type_setting::{Face, clean};

/// One step of one quantity of one world.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct PanelSample {
    /// Middle of the step, seconds.
    pub at_s: f64,
    /// Mean over replications.
    pub mean: f64,
    /// Its interval, if there were replications enough for one.
    pub interval: Option<(f64, f64)>,
}

/// One quantity of one world; `None` where it has no value.
pub type Curve = Vec<Option<PanelSample>>;

/// One line of a panel.
#[derive(Clone, PartialEq, Debug)]
pub struct PanelLine {
    /// What it shows.
    pub curve: Curve,
    pub colour: Rgb,
    /// The colour of its name.
    pub text: Rgb,
    pub stroke: Stroke,
    pub name: String,
}

/// A heading and lines.
#[derive(Clone, PartialEq, Debug)]
pub struct Panel {
    /// What all its lines have in common.
    pub heading: String,
    /// The colour of the heading.
    pub colour: Rgb,
    /// Its lines, the last on top.
    pub lines: Vec<PanelLine>,
}

/// Opacity of the area of an interval.
const AREA_ALPHA: f64 = 0.2;
/// Narrowest panel part that a tick of the clock may have.
const CLOCK_TICK_ROOM: f64 = 50.0;

impl Panel {
    /// The heading and the shaded spans.
    pub fn background(&self, canvas: &mut Canvas, frame: Frame, clock: &TimeAxis, shaded: &[Shade]) {
        for shade in shaded {
            let (from, to) = (frame.x(clock, shade.from_s), frame.x(clock, shade.to_s));
            if from < to {
                canvas.rect((from, frame.top - frame.strip), (to, frame.bottom), style::SHADE);
            }
        }
        let hand = Hand { size: style::HEADING, face: Face::Bold, colour: self.colour, anchor: Anchor::Start };
        let mut baseline = frame.top - frame.strip - HEADING_GAP;
        for line in heading(self, frame.width()).iter().rev() {
            canvas.text(line, (frame.left, baseline), hand);
            baseline -= HEADING_LEADING;
        }
    }

    /// Grid lines with the clock's labels below and, if `labelled`, the axis' labels to the left.
    pub fn grid(&self, canvas: &mut Canvas, frame: Frame, axis: &Axis, clock: &TimeAxis, labelled: bool) {
        let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::End };
        for &tick in &axis.ticks {
            let y = frame.y(axis, tick).round();
            canvas.rect((frame.left, y - 0.5), (frame.right, y + 0.5), style::GRID);
            if labelled {
                canvas.text(&axis.label(tick), (frame.left - TICK_GAP, y + style::LABEL * style::MIDDLE), hand);
            }
        }
        let ticks_max = (frame.width() / CLOCK_TICK_ROOM).clamp(2.0, 6.0) as u32;
        for tick in clock.ticks(ticks_max) {
            let x = frame.x(clock, tick).round();
            canvas.rect((x - 0.5, frame.bottom), (x + 0.5, frame.bottom + 5.0), style::INK);
            let label = clock.label(tick);
            let half = Face::Regular.width(&label, style::LABEL) / 2.0;
            // A label at the end of a panel keeps its distance from the next panel's first.
            let middle = x.min(frame.right + 10.0 - half).max(frame.left - 10.0 + half);
            let at = (middle, frame.bottom + 5.0 + style::LABEL * 1.15);
            canvas.text(&label, at, Hand { anchor: Anchor::Middle, ..hand });
        }
        canvas.rect((frame.left, frame.bottom - 0.5), (frame.right, frame.bottom + 0.5), style::INK);
    }

    /// All areas, then all lines; a word instead if there is nothing to draw.
    pub fn lines(&self, canvas: &mut Canvas, frame: Frame, axis: &Axis, clock: &TimeAxis) {
        if self.lines.iter().all(|line| line.curve.iter().flatten().next().is_none()) {
            let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::Middle };
            let middle = ((frame.left + frame.right) / 2.0, (frame.top + frame.bottom) / 2.0);
            canvas.rect((middle.0 - 32.0, middle.1 - 16.0), (middle.0 + 32.0, middle.1 + 8.0), style::PAPER);
            canvas.text("no data", middle, hand);
        }
        for line in &self.lines {
            for run in runs(&line.curve, |sample| sample.interval.is_some()) {
                let upper = run.iter().filter_map(|sample| sample.interval.map(|(_, high)| (sample.at_s, high)));
                let lower = run.iter().rev().filter_map(|sample| sample.interval.map(|(low, _)| (sample.at_s, low)));
                let corners: Vec<CanvasPoint> =
                    upper.chain(lower).map(|(at_s, value)| (frame.x(clock, at_s), frame.y(axis, value))).collect();
                canvas.area(&corners, line.colour, AREA_ALPHA);
            }
        }
        for line in &self.lines {
            for run in runs(&line.curve, |_| true) {
                let points: Vec<CanvasPoint> =
                    run.iter().map(|sample| (frame.x(clock, sample.at_s), frame.y(axis, sample.mean))).collect();
                stroke(canvas, &points, line);
            }
        }
    }
}

/// The unbroken stretches of a curve.
fn runs(curve: &Curve, keep: impl Fn(&PanelSample) -> bool) -> Vec<Vec<PanelSample>> {
    let mut runs: Vec<Vec<PanelSample>> = Vec::new();
    let mut open = false;
    for sample in curve {
        match sample.filter(|sample| keep(sample)) {
            Some(sample) if open => runs.last_mut().into_iter().for_each(|run| run.push(sample)),
            Some(sample) => runs.push(vec![sample]),
            None => {}
        }
        open = sample.is_some_and(|sample| keep(&sample));
    }
    runs
}

/// A run of values: a line, or a dot if it is only one.
fn stroke(canvas: &mut Canvas, points: &[CanvasPoint], line: &PanelLine) {
    let Stroke { width, dash } = line.stroke;
    match (points, dash) {
        (&[only], _) => canvas.dot(only, width.max(2.0), line.colour),
        (_, Some(dash)) => canvas.dashes(points, width, line.colour, dash),
        (_, None) => canvas.stroke(points, width, line.colour),
    }
}

/// Baseline to baseline in the name of a shaded span.
const SHADE_LEADING: f64 = 14.0;
/// Most lines of the name of a shaded span.
const SHADE_LINES_MAX: usize = 2;
/// White space to the left of the name of a shaded span.
const SHADE_PADDING: f64 = 5.0;
/// Least room for a name of a shaded span; with less it stays unnamed.
const SHADE_ROOM_MIN: f64 = 40.0;

/// The names of the shaded spans, broken to fit a frame this wide. Offsets are from the left of the frame.
///
/// Each name begins with its span, or before it if there is no room to the right, and ends where the next span begins.
fn shade_names(width: f64, clock: &TimeAxis, shaded: &[Shade]) -> Vec<(f64, Vec<String>)> {
    let mut spans: Vec<(f64, &str)> = shaded
        .iter()
        .filter(|shade| clock.share(shade.from_s) < clock.share(shade.to_s))
        .map(|shade| (width * clock.share(shade.from_s), shade.label.as_str()))
        .collect();
    spans.sort_by(|left, right| left.0.total_cmp(&right.0));
    let mut names = Vec::new();
    let mut free = 0.0_f64;
    for (index, &(from, label)) in spans.iter().enumerate() {
        let label = clean(label);
        let end = spans.get(index + 1).map_or(width, |next| next.0);
        let wanted = Face::Regular.width(&label, style::NOTE);
        let start = (from + SHADE_PADDING).min(end - wanted).max(free);
        let lines = Face::Regular.wrap(&label, style::NOTE, end - start, SHADE_LINES_MAX);
        if end - start >= wanted.min(SHADE_ROOM_MIN) && !lines.is_empty() {
            let longest = lines.iter().map(|line| Face::Regular.width(line, style::NOTE)).fold(0.0, f64::max);
            free = start + longest + 2.0 * SHADE_PADDING;
            names.push((start, lines));
        }
    }
    names
}

/// Height of the strip that holds the names of the shaded spans.
pub fn strip(width: f64, clock: &TimeAxis, shaded: &[Shade]) -> f64 {
    match shade_names(width, clock, shaded).iter().map(|(_, lines)| lines.len()).max() {
        None | Some(0) => 0.0,
        Some(lines) => lines as f64 * SHADE_LEADING + 8.0,
    }
}

/// Names the shaded spans in the strip above a frame.
pub fn name_shades(canvas: &mut Canvas, frame: Frame, clock: &TimeAxis, shaded: &[Shade]) {
    let hand = Hand { size: style::NOTE, face: Face::Regular, colour: style::SHADE_TEXT, anchor: Anchor::Start };
    for (x, lines) in shade_names(frame.width(), clock, shaded) {
        for (row, line) in lines.iter().enumerate() {
            let baseline = frame.top - frame.strip + SHADE_LEADING * (row as f64 + 1.0);
            canvas.text(line, (frame.left + x, baseline), hand);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(spans: &[(f64, &str)]) -> Vec<(f64, Vec<String>)> {
        let shade = |&(from_s, label): &(f64, &str)| Shade { from_s, to_s: from_s + 5.0, label: label.to_owned() };
        shade_names(300.0, &TimeAxis { end_s: 300.0 }, &spans.iter().map(shade).collect::<Vec<_>>())
    }

    #[test]
    fn a_shaded_span_is_named_from_its_beginning_or_up_to_the_end_of_the_panel() {
        assert_eq!(names(&[(100.0, "slow")]), [(105.0, vec!["slow".to_owned()])]);
        let late = names(&[(290.0, "third party slow")]);
        let width = Face::Regular.width("third party slow", style::NOTE);
        assert_eq!(late, [(300.0 - width, vec!["third party slow".to_owned()])]);
    }

    #[test]
    fn names_of_shaded_spans_never_meet() {
        let many: Vec<(f64, &str)> = (0..30).map(|index| (f64::from(index) * 10.0, "third party slow again")).collect();
        for (spans, count) in [(&many[..], 1), (&[(0.0, "deploy"), (60.0, "third party slow"), (290.0, "deploy")], 3)] {
            let names = names(spans);
            assert!(names.len() >= count, "{names:?}");
            for pair in names.windows(2) {
                let end = pair[0]
                    .1
                    .iter()
                    .map(|line| Face::Regular.width(line, style::NOTE))
                    .fold(pair[0].0, |end, width| end.max(pair[0].0 + width));
                assert!(end < pair[1].0, "{names:?}");
            }
        }
    }

    #[test]
    fn a_gap_parts_a_curve_and_so_does_a_missing_interval() {
        let sample = |interval| Some(PanelSample { at_s: 0.0, mean: 1.0, interval });
        let curve = vec![sample(None), sample(Some((0.0, 2.0))), None, None, sample(Some((0.0, 2.0)))];
        let lengths = |runs: Vec<Vec<PanelSample>>| runs.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(runs(&curve, |_| true)), [2, 1]);
        assert_eq!(lengths(runs(&curve, |sample| sample.interval.is_some())), [1, 1]);
    }
}
