//! `capacity`: latency and errors against load, with every world's capacity marked.
//!
//! Two panels, one above the other, share a logarithmic axis of load. A thin line of a world's colour falls through both at its
//! capacity, a light area beside it is the 95 % interval, and its name stands at its top.

use lab::capacity::{Capacity, LoadPoint, LoadUnit, WorldCapacity};
use lab::slo::Measure;

use super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::scale::{Axis, Quantity, decimal};
use super::style::{self, Rgb};
use super::type_setting::{Face, clean};
use super::{DrawError, Drawing, finished};
use crate::words::load::load_words;

const NAME: &str = "capacity";
const TITLE: &str = "Latency and errors against load";

const LEFT: f64 = 84.0;
const RIGHT: f64 = style::WIDTH - style::MARGIN - 8.0;
/// Top of what is above the first panel: the names of the worlds.
const NAMES_TOP: f64 = 100.0;
/// Baseline to baseline of names.
const LEADING: f64 = 17.0;
/// Height of a panel.
const PANEL: f64 = 190.0;
/// From a panel's bottom to the next one's top.
const BETWEEN: f64 = 44.0;
/// Opacity of an interval.
const AREA_ALPHA: f64 = 0.16;

/// One of the two panels.
struct CapacityPanel {
    heading: &'static str,
    top: f64,
    axis: Axis,
    value: fn(&LoadPoint) -> Option<f64>,
    /// The bound on what it shows, if there is one.
    bound: Option<f64>,
}

impl CapacityPanel {
    fn y(&self, value: f64) -> f64 {
        self.top + PANEL * (1.0 - self.axis.share(value))
    }

    fn bottom(&self) -> f64 {
        self.top + PANEL
    }
}

/// Draws the capacities of a scenario's worlds.
///
/// # Errors
/// [`DrawError::TooManyWorlds`] beyond [`style::WORLDS_MAX`]; [`DrawError::Backend`] if an image cannot be encoded.
pub fn draw_capacity(title: &str, capacity: &Capacity) -> Result<Drawing, DrawError> {
    let worlds = &capacity.worlds;
    if worlds.len() > style::WORLDS_MAX {
        return Err(DrawError::TooManyWorlds { worlds: worlds.len() });
    }
    let top = NAMES_TOP + LEADING * worlds.len() as f64 + 30.0;
    let height = top + 2.0 * PANEL + BETWEEN + 74.0;
    let mut canvas = Canvas::new(style::WIDTH, height);
    head(&mut canvas, title);
    let loads = across(capacity);
    let x = |factor: f64| LEFT + (RIGHT - LEFT) * loads.share(factor * unit(capacity.load));
    let panels = panels(capacity, top);
    for panel in &panels {
        grid(&mut canvas, panel, &loads);
    }
    for (index, world) in worlds.iter().enumerate() {
        knee(&mut canvas, world, index, capacity.load, &panels, &x);
    }
    for panel in &panels {
        for (index, world) in worlds.iter().enumerate() {
            curve(&mut canvas, world, index, panel, &x);
        }
    }
    foot(&mut canvas, capacity, &loads, &panels, height);
    finished(NAME, TITLE, title, &canvas)
}

fn hand(size: f64, face: Face, colour: Rgb, anchor: Anchor) -> Hand {
    Hand { size, face, colour, anchor }
}

fn head(canvas: &mut Canvas, title: &str) {
    let room = style::WIDTH - 2.0 * style::MARGIN;
    let left = style::MARGIN;
    canvas.text(TITLE, (left, left + 16.0), hand(style::TITLE, Face::Bold, style::INK, Anchor::Start));
    let subject = Face::Regular.cut(title, style::SUBTITLE, room);
    canvas.text(&subject, (left, left + 40.0), hand(style::SUBTITLE, Face::Regular, style::INK, Anchor::Start));
    let text = "Vertical lines: the highest load at which all objectives hold";
    canvas.text(text, (left, left + 61.0), hand(style::LABEL, Face::Regular, style::GREY, Anchor::Start));
}

/// What a factor of 1 is on the axis.
fn unit(load: LoadUnit) -> f64 {
    match load {
        LoadUnit::PerSecond(unit) | LoadUnit::Clients(unit) => unit,
        LoadUnit::Mixed => 1.0,
    }
}

/// The axis of loads, from the lightest to the heaviest that was run, without the far ends of the search.
fn across(capacity: &Capacity) -> Axis {
    let knees = || capacity.worlds.iter().filter_map(|world| world.estimate.map(|estimate| estimate.mean));
    let (low, high) = (knees().fold(f64::INFINITY, f64::min) / 12.0, knees().fold(0.0, f64::max) * 2.2);
    let factors = || capacity.worlds.iter().flat_map(|world| &world.points).map(|point| point.factor);
    let within = |factor: &f64| knees().next().is_none() || (*factor >= low && *factor <= high);
    let smallest = factors().filter(within).fold(f64::INFINITY, f64::min);
    let largest = factors().filter(within).fold(0.0, f64::max);
    let unit = unit(capacity.load);
    if largest > 0.0 {
        Axis::logarithmic(Quantity::Count, smallest * unit, (largest * unit).max(smallest * unit * 1.5))
    } else {
        Axis::logarithmic(Quantity::Count, unit / 2.0, unit * 2.0)
    }
}

fn p99(point: &LoadPoint) -> Option<f64> {
    point.vitals.p99_ns.map(|ns| ns / 1e9)
}

fn errors(point: &LoadPoint) -> Option<f64> {
    Some(point.vitals.errors)
}

fn panels(capacity: &Capacity, top: f64) -> [CapacityPanel; 2] {
    let points = || capacity.worlds.iter().flat_map(|world| &world.points);
    let latency = Axis::around(Quantity::Latency, points().filter_map(p99));
    let share = Axis::around(Quantity::Share, points().filter_map(errors));
    let bound = |measure: Measure| {
        let objective = capacity.slo.objectives.iter().find(|one| one.measure == measure && one.class.is_none());
        objective.map(|objective| objective.bound)
    };
    [
        CapacityPanel {
            heading: "99th percentile of latency",
            top,
            axis: latency,
            value: p99,
            bound: bound(Measure::Latency(990)).map(|ns| ns / 1e9),
        },
        CapacityPanel {
            heading: "Requests that did not end well",
            top: top + PANEL + BETWEEN,
            axis: share,
            value: errors,
            bound: bound(Measure::Errors),
        },
    ]
}

fn grid(canvas: &mut Canvas, panel: &CapacityPanel, loads: &Axis) {
    let label = |anchor| hand(style::LABEL, Face::Regular, style::GREY, anchor);
    let scale = if panel.axis.log { ", on a logarithmic scale" } else { "" };
    let heading = hand(style::HEADING, Face::Bold, style::INK, Anchor::Start);
    canvas.text(panel.heading, (LEFT, panel.top - 11.0), heading);
    let after = LEFT + Face::Bold.width(panel.heading, style::HEADING);
    canvas.text(scale, (after, panel.top - 11.0), hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start));
    for &tick in &panel.axis.ticks {
        let y = panel.y(tick).round();
        canvas.rect((LEFT, y - 0.5), (RIGHT, y + 0.5), style::GRID);
        canvas.text(&panel.axis.label(tick), (LEFT - 8.0, y + style::LABEL * style::MIDDLE), label(Anchor::End));
    }
    if let Some(bound) = panel.bound {
        let y = panel.y(bound);
        canvas.dashes(&[(LEFT, y), (RIGHT, y)], 1.0, style::GREY, (2.0, 3.0));
        canvas.text("objective", (LEFT + 4.0, y - 4.0), hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start));
    }
    for &tick in &loads.ticks {
        let x = (LEFT + (RIGHT - LEFT) * loads.share(tick)).round();
        canvas.rect((x - 0.5, panel.bottom()), (x + 0.5, panel.bottom() + 5.0), style::INK);
    }
    canvas.rect((LEFT, panel.bottom() - 0.5), (RIGHT, panel.bottom() + 0.5), style::INK);
}

/// The capacity of a world: a line through both panels, its interval, and its name above.
fn knee(
    canvas: &mut Canvas,
    world: &WorldCapacity,
    index: usize,
    load: LoadUnit,
    panels: &[CapacityPanel],
    x: &dyn Fn(f64) -> f64,
) {
    let look = style::world(index);
    let baseline = NAMES_TOP + LEADING * (index as f64 + 1.0);
    let name = clean(&world.world);
    let Some(estimate) = &world.estimate else {
        let text = format!("{name}: no load meets the objectives");
        canvas.text(&text, (LEFT, baseline), hand(style::HEADING, Face::Bold, look.text, Anchor::Start));
        return;
    };
    let at = x(estimate.mean);
    let bottom = panels.iter().map(CapacityPanel::bottom).fold(0.0, f64::max);
    if let (Some(low), Some(high)) = (estimate.low, estimate.high) {
        for panel in panels {
            let (low, high) = (x(low), x(high));
            let corners: [CanvasPoint; 4] =
                [(low, panel.top), (high, panel.top), (high, panel.bottom()), (low, panel.bottom())];
            canvas.area(&corners, look.line, AREA_ALPHA);
        }
    }
    canvas.dashes(&[(at, baseline + 4.0), (at, bottom)], 1.2, look.line, (4.0, 3.0));
    let about = if world.told { "" } else { " about" };
    let text = format!("{name}{about} {}", load_words(load, estimate.mean));
    let width = Face::Bold.width(&text, style::HEADING);
    let pen = |anchor| hand(style::HEADING, Face::Bold, look.text, anchor);
    // To the left of its line, where no later name's line falls, unless there is no room.
    if at - 6.0 - width >= style::MARGIN {
        canvas.text(&text, (at - 6.0, baseline), pen(Anchor::End));
    } else {
        canvas.text(&text, (at + 6.0, baseline), pen(Anchor::Start));
    }
}

fn curve(canvas: &mut Canvas, world: &WorldCapacity, index: usize, panel: &CapacityPanel, x: &dyn Fn(f64) -> f64) {
    let look = style::world(index);
    let width = if index == 0 { style::UNDER.width } else { style::STRONG.width };
    let mut points: Vec<CanvasPoint> = Vec::new();
    for point in &world.points {
        let at = x(point.factor);
        // Loads beyond the axis would pile up at its edge.
        let inside = at > LEFT && at < RIGHT;
        points.extend((panel.value)(point).filter(|_| inside).map(|value| (at, panel.y(value))));
    }
    canvas.stroke(&points, width, look.line);
    for &point in &points {
        canvas.dot(point, 2.6, look.line);
    }
}

/// The labels of the loads, and what the picture is made of.
fn foot(canvas: &mut Canvas, capacity: &Capacity, loads: &Axis, panels: &[CapacityPanel], height: f64) {
    let bottom = panels.iter().map(CapacityPanel::bottom).fold(0.0, f64::max);
    for &tick in &loads.ticks {
        let x = (LEFT + (RIGHT - LEFT) * loads.share(tick)).round();
        let text = decimal(tick);
        let at = (x, bottom + 5.0 + style::LABEL * 1.15);
        canvas.text(&text, at, hand(style::LABEL, Face::Regular, style::GREY, Anchor::Middle));
    }
    let what = match capacity.load {
        LoadUnit::PerSecond(_) => "Requests a second",
        LoadUnit::Clients(_) => "Clients at once",
        LoadUnit::Mixed => "Times the load of the file",
    };
    let middle = ((LEFT + RIGHT) / 2.0, bottom + 40.0);
    let text = format!("{what}, on a logarithmic scale");
    canvas.text(&text, middle, hand(style::LABEL, Face::Regular, style::INK, Anchor::Middle));
    let intervals = capacity.worlds.iter().any(|world| world.estimate.is_some_and(|estimate| estimate.low.is_some()));
    let text = match intervals {
        true => {
            "Curves: the first replication. Dashed lines: the loads up to which the means meet; light areas: their 95 % intervals."
        }
        false => "Curves and dashed lines: one replication.",
    };
    let note = hand(style::NOTE, Face::Regular, style::GREY, Anchor::Start);
    let text = Face::Regular.cut(text, style::NOTE, style::WIDTH - 2.0 * style::MARGIN);
    canvas.text(&text, (style::MARGIN, height - style::MARGIN * 0.6), note);
}
