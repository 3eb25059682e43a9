//! One varied setting: throughput, 99th percentile and errors over it, a line for each world.

use lab::sweep::results::Results;

use super::super::canvas::{Anchor, Canvas, Hand};
use super::super::layout::Frame;
use super::super::style;
use super::super::type_setting::{Face, clean};
use super::pane::{self, Below, LineStyle, PaneValue};
use super::quantity::Shown;
use super::{FOOT_HEIGHT, HEAD_HEIGHT, foot, head};

pub(super) const TITLE: &str = "What a setting does to throughput, tail latency and errors";

/// White space between two panels.
const GAP: f64 = 26.0;
/// Height of a frame.
const FRAME_HEIGHT: f64 = 270.0;
/// Baseline to baseline in the list of worlds.
const LEADING: f64 = 18.0;
/// Length of a line in the list of worlds.
const SAMPLE: f64 = 22.0;
/// Width of the line of the last world.
const THINNEST: f64 = 1.4;
/// By how much each line is wider than the next.
const WIDER: f64 = 1.3;
/// By how much the first may be wider than the last.
const WIDEST: f64 = 6.0;
/// The dash of worlds beyond the seventh, whose colours begin again.
const AGAIN: (f64, f64) = (6.0, 3.5);

/// Draws the figure.
pub(super) fn draw(results: &Results, setting: usize) -> Canvas {
    let study = &results.study;
    let column = &study.settings[setting];
    let names: Vec<String> = study.worlds.iter().map(|world| clean(world)).collect();
    let (places, legend) = legend(&names);
    let below = Below::of(column.kind, &study.values_of(setting));
    let top = style::MARGIN + HEAD_HEIGHT + legend + 40.0;
    let height = top + FRAME_HEIGHT + 24.0 + FOOT_HEIGHT;
    let mut canvas = Canvas::new(style::WIDTH, height);
    let scale = if below.log { ", on a logarithmic scale" } else { "" };
    head(&mut canvas, TITLE, &study.title, &format!("Over {}{scale}", column.key));
    for (world, &(x, y)) in places.iter().enumerate() {
        let (x, y) = (style::MARGIN + x, style::MARGIN + HEAD_HEIGHT + y);
        let middle = y - style::HEADING * style::MIDDLE;
        sample(&mut canvas, (x, middle), look(world, results.study.worlds.len()));
        let hand =
            Hand { size: style::HEADING, face: Face::Regular, colour: style::world(world).text, anchor: Anchor::Start };
        canvas.text(&names[world], (x + SAMPLE + 6.0, y), hand);
    }
    panels(&mut canvas, results, &below, top);
    let mut text = "Good responses only; errors are all requests without one.".to_owned();
    if study.points.iter().any(|point| point.replications > 1) {
        text += " Lines: means of the replications; light areas: their 95 % intervals.";
    }
    if super::any_overload(results, 0..results.study.worlds.len()) {
        text += " Hollow dots: OVERLOADED, the queue grows for as long as a run lasts.";
    }
    foot(&mut canvas, &text, height);
    canvas
}

/// The look of a world's line. Earlier worlds are wider and lie below: where one covers another, both show.
fn look(world: usize, worlds: usize) -> LineStyle {
    let dash = (world >= style::COLOURS).then_some(AGAIN);
    let wider = (worlds - 1 - world) as f64 * WIDER.min(WIDEST / worlds as f64);
    LineStyle { colour: style::world(world).line, width: THINNEST + wider, dash }
}

fn sample(canvas: &mut Canvas, (x, y): (f64, f64), look: LineStyle) {
    let points = [(x, y), (x + SAMPLE, y)];
    match look.dash {
        Some(dash) => canvas.dashes(&points, look.width, look.colour, dash),
        None => canvas.stroke(&points, look.width, look.colour),
    }
    canvas.dot((x + SAMPLE / 2.0, y), 2.4, look.colour);
}

/// Where each world stands in the list of them, and how high the list is.
fn legend(names: &[String]) -> (Vec<(f64, f64)>, f64) {
    let room = style::WIDTH - 2.0 * style::MARGIN;
    let (mut x, mut y) = (0.0, LEADING);
    let mut places = Vec::new();
    for name in names {
        let width = SAMPLE + 6.0 + Face::Regular.width(name, style::HEADING) + 20.0;
        if x > 0.0 && x + width > room {
            (x, y) = (0.0, y + LEADING);
        }
        places.push((x, y));
        x += width;
    }
    (places, y)
}

fn panels(canvas: &mut Canvas, results: &Results, below: &Below, top: f64) {
    let of_world = |shown: Shown, world: usize| -> Vec<Option<PaneValue>> {
        let value = |point: usize| {
            let estimate = shown.of(results, point, world)?;
            let interval = estimate.low.zip(estimate.high).filter(|(low, high)| low < high);
            let overloaded = results.overload(point, world).is_some();
            Some(PaneValue { x: 0.0, mean: estimate.mean, interval, overloaded })
        };
        (0..results.study.points.len()).map(value).collect()
    };
    let worlds = results.study.worlds.len();
    let curves = Shown::ALL.map(|shown| (0..worlds).map(|world| of_world(shown, world)).collect::<Vec<_>>());
    let axes: Vec<_> = Shown::ALL
        .iter()
        .zip(&curves)
        .map(|(shown, curves)| {
            pane::axis_around(shown.quantity(), &curves.iter().flatten().flatten().copied().collect::<Vec<_>>())
        })
        .collect();
    let labels: Vec<f64> = axes.iter().map(pane::labels_width).collect();
    let room = style::WIDTH - 2.0 * style::MARGIN - labels.iter().sum::<f64>() - GAP * (axes.len() - 1) as f64;
    let width = (room / axes.len() as f64).floor();
    let mut left = style::MARGIN;
    for ((shown, curves), (axis, labels)) in Shown::ALL.iter().zip(curves).zip(axes.iter().zip(labels)) {
        left += labels;
        let frame = Frame { left, top, right: left + width, bottom: top + FRAME_HEIGHT, strip: 0.0 };
        pane::heading(canvas, frame, shown.heading(), style::INK);
        pane::grid(canvas, frame, axis);
        below.draw(canvas, frame);
        for (world, mut curve) in curves.into_iter().enumerate() {
            curve.iter_mut().enumerate().for_each(|(at, value)| {
                value.iter_mut().for_each(|value| value.x = below.x(frame, at));
            });
            // Values are joined in the order in which they lie, whatever the order of the command.
            let mut order: Vec<usize> = (0..curve.len()).collect();
            order.sort_by(|&a, &b| below.shares[a].total_cmp(&below.shares[b]));
            let curve: Vec<Option<PaneValue>> = order.into_iter().map(|at| curve[at]).collect();
            pane::line(canvas, frame, axis, &curve, look(world, worlds));
        }
        left += width + GAP;
    }
}
