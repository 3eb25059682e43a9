//! A load that goes up and down: goodput and latency against the load, both ways, with what is metastable shaded.

use lab::Estimate;
use lab::sweep::results::Results;
use lab::sweep::study::LoadSteps;
use lab::sweep::updown::{LoadLevel, levels};
use lab::sweep::values::ValueKind;

use super::super::canvas::{Anchor, Canvas, Hand};
use super::super::layout::Frame;
use super::super::scale::{Axis, Quantity};
use super::super::style;
use super::super::type_setting::{Face, clean};
use super::pane::{self, Below, LineStyle, PaneValue};
use super::{FOOT_HEIGHT, HEAD_HEIGHT, foot, head};

pub(super) const TITLE: &str = "The same load on the way up and on the way down";

/// Height of a frame, with several worlds and with one.
const FRAME_HEIGHT: (f64, f64) = (170.0, 300.0);
/// Between the frames of two worlds.
const ROW_GAP: f64 = 66.0;
/// White space between two panels of a world.
const GAP: f64 = 34.0;
/// The way down.
const DASH: (f64, f64) = (6.0, 3.5);
/// Length of a line in the key.
const SAMPLE: f64 = 26.0;

/// Goodput, then latency.
type Sides = [fn(&LoadLevel) -> [Option<Estimate>; 2]; 2];
const SIDES: Sides = [|level| [level.up_ok, level.down_ok], |level| [level.up_p99, level.down_p99].map(seconds)];
/// What the two panels of a world show.
const HEADINGS: [(&str, Quantity); 2] =
    [("Good responses per second", Quantity::Count), ("p99 of good responses", Quantity::Latency)];

fn seconds(estimate: Option<Estimate>) -> Option<Estimate> {
    let scale = |value: f64| value / 1e9;
    estimate.map(|estimate| Estimate {
        mean: scale(estimate.mean),
        low: estimate.low.map(scale),
        high: estimate.high.map(scale),
        n: estimate.n,
    })
}

/// Draws the figure.
pub(super) fn draw(results: &Results, steps: &LoadSteps) -> Canvas {
    let study = &results.study;
    let all: Vec<Vec<LoadLevel>> = (0..study.worlds.len()).map(|world| levels(results, steps, world)).collect();
    let rates: Vec<&str> = steps.rates.iter().map(String::as_str).collect();
    let below = Below::of(ValueKind::Rate, &rates);
    let frame_height = if all.len() > 1 { FRAME_HEIGHT.0 } else { FRAME_HEIGHT.1 };
    let first = style::MARGIN + HEAD_HEIGHT + 62.0;
    let height = first + (frame_height + ROW_GAP) * all.len() as f64 - ROW_GAP + 24.0 + FOOT_HEIGHT;
    let mut canvas = Canvas::new(style::WIDTH, height);
    let hold = lab::sweep::values::write_number(ValueKind::Duration, steps.hold_ns as f64, 4, "");
    let what = format!("Over the rate of {}, each step held for {hold}, its second half shown", steps.client);
    head(&mut canvas, TITLE, &study.title, &what);
    key(&mut canvas, &all);

    let axes: Vec<Axis> = SIDES.iter().zip(HEADINGS).map(|(side, (_, quantity))| axis(side, quantity, &all)).collect();
    let labels: Vec<f64> = axes.iter().map(pane::labels_width).collect();
    let width = ((style::WIDTH - 2.0 * style::MARGIN - labels.iter().sum::<f64>() - GAP) / 2.0).floor();
    for (world, levels) in all.iter().enumerate() {
        let top = first + (frame_height + ROW_GAP) * world as f64;
        let mut left = style::MARGIN;
        for (at, axis) in axes.iter().enumerate() {
            left += labels[at];
            let frame = Frame { left, top, right: left + width, bottom: top + frame_height, strip: 0.0 };
            let heading = if all.len() > 1 { format!("{}: ", clean(&study.worlds[world])) } else { String::new() };
            shade(&mut canvas, frame, &below, levels);
            pane::heading(&mut canvas, frame, &format!("{heading}{}", HEADINGS[at].0), style::world(world).text);
            pane::grid(&mut canvas, frame, axis);
            below.draw(&mut canvas, frame);
            curves(&mut canvas, frame, axis, &below, levels, SIDES[at], world);
            left += width + GAP;
        }
    }
    let mut text = String::new();
    if study.points.iter().any(|point| point.replications > 1) {
        text += "Lines: means of the replications; light areas: their 95 % intervals. ";
    }
    text += "Metastable: on the way down significantly fewer requests are answered well.";
    foot(&mut canvas, &text, height);
    canvas
}

fn axis(side: &fn(&LoadLevel) -> [Option<Estimate>; 2], quantity: Quantity, all: &[Vec<LoadLevel>]) -> Axis {
    let estimates = all.iter().flatten().flat_map(side).flatten();
    pane::axis_around(quantity, &estimates.map(|estimate| value(0.0, estimate)).collect::<Vec<_>>())
}

fn value(x: f64, estimate: Estimate) -> PaneValue {
    let interval = estimate.low.map(|low| low.max(0.0)).zip(estimate.high).filter(|(low, high)| low < high);
    PaneValue { x, mean: estimate.mean, interval, overloaded: false }
}

/// Shades every load that is metastable, to half way to its neighbours.
fn shade(canvas: &mut Canvas, frame: Frame, below: &Below, levels: &[LoadLevel]) {
    let x = |at: usize| below.x(frame, at);
    let mut at = 0;
    // One rectangle for neighbours, so that no seam shows.
    for run in levels.chunk_by(|a, b| a.metastable == b.metastable) {
        let (first, last) = (at, at + run.len() - 1);
        at += run.len();
        if !run[0].metastable {
            continue;
        }
        let from = if first == 0 { frame.left } else { (x(first - 1) + x(first)) / 2.0 };
        let to = if at == levels.len() { frame.right } else { (x(last) + x(at)) / 2.0 };
        canvas.rect((from, frame.top), (to, frame.bottom), style::SHADE);
    }
}

fn curves(
    canvas: &mut Canvas,
    frame: Frame,
    axis: &Axis,
    below: &Below,
    levels: &[LoadLevel],
    side: fn(&LoadLevel) -> [Option<Estimate>; 2],
    world: usize,
) {
    let colour = style::world(world).line;
    for (way, dash) in [(0, None), (1, Some(DASH))] {
        let point =
            |(at, level): (usize, &LoadLevel)| side(level)[way].map(|estimate| value(below.x(frame, at), estimate));
        let values: Vec<Option<PaneValue>> = levels.iter().enumerate().map(point).collect();
        pane::line(canvas, frame, axis, &values, LineStyle { colour, width: 2.0, dash });
    }
}

/// What a solid line, a dashed one and the shade are.
fn key(canvas: &mut Canvas, all: &[Vec<LoadLevel>]) {
    let hand = Hand { size: style::HEADING, face: Face::Regular, colour: style::INK, anchor: Anchor::Start };
    let y = style::MARGIN + HEAD_HEIGHT + 20.0;
    let middle = y - style::HEADING * style::MIDDLE;
    let mut x = style::MARGIN;
    let mut word = |canvas: &mut Canvas, text: &str, draw: &dyn Fn(&mut Canvas, f64)| {
        draw(canvas, x);
        canvas.text(text, (x + SAMPLE + 6.0, y), hand);
        x += SAMPLE + 6.0 + Face::Regular.width(text, hand.size) + 24.0;
    };
    word(canvas, "load going up", &|canvas, x| canvas.stroke(&[(x, middle), (x + SAMPLE, middle)], 2.0, style::INK));
    word(canvas, "load going down", &|canvas, x| {
        canvas.dashes(&[(x, middle), (x + SAMPLE, middle)], 2.0, style::INK, DASH);
    });
    if all.iter().flatten().any(|level| level.metastable) {
        word(canvas, "metastable", &|canvas, x| {
            canvas.rect((x, middle - 7.0), (x + SAMPLE, middle + 7.0), style::SHADE)
        });
    }
}
