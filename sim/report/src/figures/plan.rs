//! `plan`: what every deployment that was run costs, and how fast it is.
//!
//! A dot is a deployment: full if it meets all objectives, a ring if not. A line joins those that nothing beats in both; the answer has
//! its name.

use lab::plan::{Deployment, Plan};
use lab::slo::Measure;

use super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::scale::{Axis, Quantity};
use super::style::{self, Rgb};
use super::type_setting::{Face, clean};
use super::{DrawError, Drawing, finished};
use crate::words::load::{money, settings_words};

const NAME: &str = "plan";
const TITLE: &str = "Cost and latency of deployments";

const LEFT: f64 = 84.0;
const RIGHT: f64 = style::WIDTH - style::MARGIN - 8.0;
const TOP: f64 = 144.0;
const BOTTOM: f64 = 482.0;
const HEIGHT: f64 = BOTTOM + 76.0;
/// A dot, and the inside of a ring.
const RADIUS: f64 = 4.2;

/// Draws the deployments of a plan.
///
/// # Errors
/// [`DrawError::TooManyWorlds`] beyond [`style::WORLDS_MAX`]; [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_plan(title: &str, plan: &Plan) -> Result<Drawing, DrawError> {
    let worlds: Vec<&str> = plan.worlds.iter().map(|world| world.world.as_str()).collect();
    if worlds.len() > style::WORLDS_MAX {
        return Err(DrawError::TooManyWorlds { worlds: worlds.len() });
    }
    let mut canvas = Canvas::new(style::WIDTH, HEIGHT);
    head(&mut canvas, title, &worlds);
    let shown = || plan.seen.iter().filter_map(|found| Some((found, found.p99_ns()? / 1e9)));
    let across = Axis::around(Quantity::Count, shown().map(|(found, _)| found.cost.total));
    let up = Axis::around(Quantity::Latency, shown().map(|(_, p99)| p99));
    let place =
        |cost: f64, p99: f64| (LEFT + (RIGHT - LEFT) * across.share(cost), BOTTOM - (BOTTOM - TOP) * up.share(p99));
    grid(&mut canvas, &across, &up);
    bound(&mut canvas, plan, &up);
    frontier(&mut canvas, plan, &place);
    for (found, p99) in shown() {
        let index = worlds.iter().position(|world| *world == found.world).unwrap_or(0);
        mark(&mut canvas, place(found.cost.total, p99), style::world(index).line, found.meets());
    }
    if let Some((found, p99)) = plan.answer().and_then(|found| Some((found, found.p99_ns()? / 1e9))) {
        let index = worlds.iter().position(|world| *world == found.world).unwrap_or(0);
        name(&mut canvas, found, place(found.cost.total, p99), style::world(index).text);
    }
    let text = "One dot a deployment that was run: full if it meets all objectives, a ring if not. Line: those that no other beats in both. \
                p99: first replication.";
    let note = hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start);
    let text = Face::Regular.cut(text, style::NOTE, style::WIDTH - 2.0 * style::MARGIN);
    canvas.text(&text, (style::MARGIN, HEIGHT - style::MARGIN * 0.6), note);
    finished(NAME, TITLE, title, &canvas)
}

fn hand(size: f64, face: Face, colour: Rgb, anchor: Anchor) -> Hand {
    Hand { size, face, colour, anchor }
}

/// Title, subject, and the worlds in their colours.
fn head(canvas: &mut Canvas, title: &str, worlds: &[&str]) {
    let left = style::MARGIN;
    let room = style::WIDTH - 2.0 * left;
    canvas.text(TITLE, (left, left + 16.0), hand(style::TITLE, Face::Bold, style::INK, Anchor::Start));
    let subject = Face::Regular.cut(title, style::SUBTITLE, room);
    canvas.text(&subject, (left, left + 40.0), hand(style::SUBTITLE, Face::Regular, style::INK, Anchor::Start));
    let mut x = LEFT;
    for (index, world) in worlds.iter().enumerate() {
        let look = style::world(index);
        mark(canvas, (x + RADIUS, TOP - 30.0), look.line, true);
        let name = clean(world);
        let at = (x + 3.0 * RADIUS, TOP - 30.0 + style::HEADING * style::MIDDLE);
        canvas.text(&name, at, hand(style::HEADING, Face::Bold, look.text, Anchor::Start));
        x += 3.0 * RADIUS + Face::Bold.width(&name, style::HEADING) + 24.0;
    }
}

fn grid(canvas: &mut Canvas, across: &Axis, up: &Axis) {
    let label = |anchor| hand(style::LABEL, Face::Regular, style::GREY, anchor);
    for &tick in &up.ticks {
        let y = (BOTTOM - (BOTTOM - TOP) * up.share(tick)).round();
        canvas.rect((LEFT, y - 0.5), (RIGHT, y + 0.5), style::GRID);
        canvas.text(&up.label(tick), (LEFT - 8.0, y + style::LABEL * style::MIDDLE), label(Anchor::End));
    }
    for &tick in &across.ticks {
        let x = (LEFT + (RIGHT - LEFT) * across.share(tick)).round();
        canvas.rect((x - 0.5, BOTTOM), (x + 0.5, BOTTOM + 5.0), style::INK);
        canvas.text(&across.label(tick), (x, BOTTOM + 5.0 + style::LABEL * 1.15), label(Anchor::Middle));
    }
    canvas.rect((LEFT, BOTTOM - 0.5), (RIGHT, BOTTOM + 0.5), style::INK);
    let scale = if up.log { ", on a logarithmic scale" } else { "" };
    let text = format!("99th percentile of latency{scale}");
    canvas.text(
        &text,
        (style::MARGIN, style::MARGIN + 61.0),
        hand(style::LABEL, Face::Regular, style::GREY, Anchor::Start),
    );
    let middle = ((LEFT + RIGHT) / 2.0, BOTTOM + 40.0);
    canvas.text("Cost", middle, hand(style::LABEL, Face::Regular, style::INK, Anchor::Middle));
}

/// The bound on p99, if there is one.
fn bound(canvas: &mut Canvas, plan: &Plan, up: &Axis) {
    let of_p99 = |measure: Measure| measure == Measure::Latency(990);
    let Some(objective) = plan.slo.objectives.iter().find(|one| of_p99(one.measure) && one.class.is_none()) else {
        return;
    };
    let y = BOTTOM - (BOTTOM - TOP) * up.share(objective.bound / 1e9);
    canvas.dashes(&[(LEFT, y), (RIGHT, y)], 1.0, style::GREY, (2.0, 3.0));
    canvas.text("objective", (RIGHT, y - 4.0), hand(style::NOTE, Face::Regular, style::GREY, Anchor::End));
}

fn frontier(canvas: &mut Canvas, plan: &Plan, place: &dyn Fn(f64, f64) -> CanvasPoint) {
    let points = plan.frontier.iter().map(|at| &plan.seen[*at]);
    let points: Vec<CanvasPoint> =
        points.filter_map(|found| Some(place(found.cost.total, found.p99_ns()? / 1e9))).collect();
    canvas.stroke(&points, 1.4, style::GREY);
}

/// A disc or a ring, parted from what is behind it.
fn mark(canvas: &mut Canvas, at: CanvasPoint, colour: Rgb, full: bool) {
    canvas.dot(at, RADIUS + 0.9, style::PAPER);
    canvas.dot(at, RADIUS, colour);
    if !full {
        canvas.dot(at, RADIUS - 1.6, style::PAPER);
    }
}

/// The name of the answer, above and to the right of its dot where there is room.
fn name(canvas: &mut Canvas, found: &Deployment, (x, y): CanvasPoint, colour: Rgb) {
    let lines = [format!("{}, cost {}", clean(&found.world), money(found.cost.total)), settings_words(found)];
    let widest = lines.iter().map(|line| Face::Bold.width(line, style::NOTE)).fold(0.0, f64::max);
    let (from, anchor) = if x + 14.0 + widest <= RIGHT { (x + 14.0, Anchor::Start) } else { (x - 14.0, Anchor::End) };
    let first = if y - 44.0 > TOP { y - 30.0 } else { y + 26.0 };
    let end = if anchor == Anchor::Start { from - 3.0 } else { from + 3.0 };
    canvas.stroke(&[(x, y), (end, first + 6.0)], 1.0, colour);
    for (row, line) in lines.iter().enumerate() {
        let face = if row == 0 { Face::Bold } else { Face::Regular };
        let at = (from, first + 14.0 * row as f64);
        let (left, right) = match anchor {
            Anchor::End => (from - face.width(line, style::NOTE) - 2.0, from + 2.0),
            Anchor::Start | Anchor::Middle => (from - 2.0, from + face.width(line, style::NOTE) + 2.0),
        };
        canvas.rect((left, at.1 - 10.5), (right, at.1 + 3.0), style::PAPER);
        canvas.text(line, at, hand(style::NOTE, face, colour, anchor));
    }
    canvas.dot((x, y), RADIUS + 2.4, colour);
    canvas.dot((x, y), RADIUS + 1.0, style::PAPER);
    canvas.dot((x, y), RADIUS - 0.6, colour);
}
