//! The one chart that every figure is: small panels over time that share both axes.
//!
//! A figure names its quantities; the chart decides how to lay them out. Two worlds are compared in the same axes,
//! one panel for each quantity, unless the figure is about the quantities of one world. Any other number of worlds
//! gets a panel each.

use lab::series::{Band, WorldSeries};

use crate::figures::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use crate::figures::layout::{Ends, FrameLayout};
use crate::figures::naming::{self, PlacedName};
use crate::figures::panel::{Curve, Panel, PanelLine, PanelSample, name_shades};
use crate::figures::scale::{Axis, Quantity, TimeAxis, decimal};
use crate::figures::style::{self, Stroke};
use crate::figures::type_setting::{Face, clean};
use crate::figures::{Shade, Story};

/// One quantity of a figure.
#[derive(Clone, Copy, Debug)]
pub struct ChartColumn {
    /// Its name above a panel of its own.
    pub heading: &'static str,
    /// Its name at the end of a line.
    pub short: &'static str,
    /// Its line where it shares a panel with other quantities.
    pub stroke: Stroke,
    pub pick: fn(&WorldSeries) -> Band,
}

/// What a panel holds when there are two worlds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Facet {
    /// One quantity of both worlds: to compare worlds.
    Quantity,
    /// All quantities of one world: to compare quantities.
    World,
}

/// The description of a figure.
#[derive(Clone, Copy, Debug)]
pub struct Chart {
    /// The subject, as a sentence that favours nobody.
    pub title: &'static str,
    /// What the vertical axis measures.
    pub measures: &'static str,
    /// What a panel holds.
    pub facet: Facet,
    /// What the numbers are.
    pub quantity: Quantity,
    /// The quantities, most important first.
    pub columns: &'static [ChartColumn],
}

/// How far an interval may stretch the axis beyond the largest mean; wider ones are cut by the frame.
const INTERVAL_STRETCH: f64 = 1.3;

/// Draws a chart of a story on a canvas of its own.
pub fn draw(chart: &Chart, story: &Story<'_>) -> Canvas {
    let curves: Vec<Vec<Curve>> = story
        .worlds
        .iter()
        .map(|world| chart.columns.iter().map(|column| curve(world, &(column.pick)(world))).collect())
        .collect();
    let axis = axis(chart.quantity, &curves);
    let clock = clock(story, &curves);
    let panels = panels(chart, story, &curves);
    let (layout, names) = named(&panels, &axis, &clock, story.shaded, by_world(chart, story));

    let mut canvas = Canvas::new(style::WIDTH, layout.height);
    head(&mut canvas, chart, story, axis.log);
    for (index, panel) in panels.iter().enumerate() {
        let frame = layout.frame(index);
        panel.background(&mut canvas, frame, &clock, story.shaded);
        if index == 0 {
            name_shades(&mut canvas, frame, &clock, story.shaded);
        }
        panel.grid(&mut canvas, frame, &axis, &clock, index % layout.columns == 0);
        panel.lines(&mut canvas, frame, &axis, &clock);
    }
    names.iter().for_each(|name| name.write(&mut canvas));
    note(&mut canvas, story, &curves, &clock, layout.height);
    canvas
}

/// The numbers of one band on their instants, whatever is missing or not a number left out.
fn curve(world: &WorldSeries, band: &Band) -> Curve {
    let number =
        |column: &[Option<f64>], at: usize| column.get(at).copied().flatten().filter(|value| value.is_finite());
    let sample = |(at, &at_s): (usize, &f64)| {
        let mean = number(&band.mean, at).filter(|_| at_s.is_finite())?;
        let interval = number(&band.low, at).zip(number(&band.high, at)).filter(|(low, high)| low < high);
        Some(PanelSample { at_s, mean, interval })
    };
    world.start_s.iter().enumerate().map(sample).collect()
}

fn samples(curves: &[Vec<Curve>]) -> impl Iterator<Item = &PanelSample> {
    curves.iter().flatten().flatten().flatten()
}

fn axis(quantity: Quantity, curves: &[Vec<Curve>]) -> Axis {
    let largest = samples(curves).map(|sample| sample.mean).fold(0.0, f64::max);
    let highs =
        samples(curves).filter_map(|sample| sample.interval).map(|(_, high)| high.min(largest * INTERVAL_STRETCH));
    Axis::around(quantity, samples(curves).map(|sample| sample.mean).chain(highs))
}

/// From zero to the end of the longest series; to the end of the shaded spans if there is none.
fn clock(story: &Story<'_>, curves: &[Vec<Curve>]) -> TimeAxis {
    let last = |world: &WorldSeries| world.start_s.last().map(|middle| middle + world.step_s / 2.0);
    let ends = story.worlds.iter().filter_map(last).chain(samples(curves).map(|sample| sample.at_s));
    let end_s = ends.filter(|end| end.is_finite()).fold(0.0, f64::max);
    let shades = story.shaded.iter().map(|shade| shade.to_s).filter(|end| end.is_finite()).fold(0.0, f64::max);
    let end_s = if end_s > 0.0 { end_s } else { shades };
    TimeAxis { end_s: if end_s > 0.0 { end_s } else { 1.0 } }
}

/// Whether a panel holds the quantities of one world, rather than the worlds of one quantity.
fn by_world(chart: &Chart, story: &Story<'_>) -> bool {
    match story.worlds.len() {
        0 => false,
        2 => chart.facet == Facet::World,
        _ => true,
    }
}

/// The layout with the names of the lines.
///
/// Quantities are named at their line ends if those are apart. Otherwise names stand inside the panels: worlds in the
/// first that has room, quantities in all that have, if these are more than half. Else they stand at the line ends,
/// pushed apart.
fn named(
    panels: &[Panel],
    axis: &Axis,
    clock: &TimeAxis,
    shaded: &[Shade],
    by_world: bool,
) -> (FrameLayout, Vec<PlacedName>) {
    let ends = if by_world { Ends::EveryNamed } else { Ends::LastNamed };
    let beside = FrameLayout::new(panels, axis, clock, shaded, ends);
    let frames =
        |layout: FrameLayout| panels.iter().enumerate().map(move |(index, panel)| (panel, layout.frame(index)));
    if by_world && frames(beside).all(|(panel, frame)| naming::ends_are_apart(panel, frame, axis, clock)) {
        return (
            beside,
            frames(beside).flat_map(|(panel, frame)| naming::at_ends(panel, frame, axis, clock)).collect(),
        );
    }
    let bare = FrameLayout::new(panels, axis, clock, shaded, Ends::Bare);
    let inside: Vec<Vec<PlacedName>> =
        frames(bare).filter_map(|(panel, frame)| naming::inside(panel, frame, axis, clock, shaded)).collect();
    let enough = if by_world { inside.len() * 2 > panels.len() } else { !inside.is_empty() };
    if enough {
        return (bare, inside.into_iter().take(if by_world { panels.len() } else { 1 }).flatten().collect());
    }
    let first = if by_world { 0 } else { panels.len().saturating_sub(1) };
    let names =
        frames(beside).skip(first).flat_map(|(panel, frame)| naming::at_ends(panel, frame, axis, clock)).collect();
    (beside, names)
}

/// The panels with their lines: a world to a panel, or a quantity.
fn panels(chart: &Chart, story: &Story<'_>, curves: &[Vec<Curve>]) -> Vec<Panel> {
    if by_world(chart, story) {
        let panel = |(index, world): (usize, &WorldSeries)| {
            let look = style::world(index);
            let line = |(at, column): (usize, &ChartColumn)| PanelLine {
                curve: curves[index][at].clone(),
                colour: look.line,
                text: look.text,
                stroke: column.stroke,
                name: column.short.to_owned(),
            };
            Panel {
                heading: clean(&world.label()),
                colour: look.text,
                lines: chart.columns.iter().enumerate().map(line).collect(),
            }
        };
        return story.worlds.iter().enumerate().map(panel).collect();
    }
    let panel = |(at, column): (usize, &ChartColumn)| {
        let line = |(index, world): (usize, &WorldSeries)| {
            let look = style::world(index);
            PanelLine {
                curve: curves[index][at].clone(),
                colour: look.line,
                text: look.text,
                stroke: if index == 0 { style::UNDER } else { style::OVER },
                name: world.label(),
            }
        };
        Panel {
            heading: column.heading.to_owned(),
            colour: style::INK,
            lines: story.worlds.iter().enumerate().map(line).collect(),
        }
    };
    chart.columns.iter().enumerate().map(panel).collect()
}

/// Whether a value is missing between two that are there.
fn has_gap(curve: &Curve) -> bool {
    let first = curve.iter().position(Option::is_some);
    let last = curve.iter().rposition(Option::is_some);
    first.zip(last).is_some_and(|(first, last)| curve[first..last].iter().any(Option::is_none))
}

fn head(canvas: &mut Canvas, chart: &Chart, story: &Story<'_>, log: bool) {
    let room = style::WIDTH - 2.0 * style::MARGIN;
    let mut line = |text: &str, below: f64, size: f64, face: Face, colour: style::Rgb| {
        let at: CanvasPoint = (style::MARGIN, style::MARGIN + below);
        canvas.text(&face.cut(text, size, room), at, Hand { size, face, colour, anchor: Anchor::Start });
    };
    let scale = if log { ", on a logarithmic scale" } else { "" };
    line(chart.title, 16.0, style::TITLE, Face::Bold, style::INK);
    line(story.title, 40.0, style::SUBTITLE, Face::Regular, style::INK);
    line(&format!("{}{scale}", chart.measures), 61.0, style::LABEL, Face::Regular, style::GREY);
}

/// What the clock counts, and what areas mean where there are any.
fn note(canvas: &mut Canvas, story: &Story<'_>, curves: &[Vec<Curve>], clock: &TimeAxis, height: f64) {
    let mut text = format!("Time since the start of the run{}.", clock.unit());
    let mut steps = story.worlds.iter().map(|world| world.step_s);
    if let Some(step) = steps.next().filter(|step| step.is_finite() && *step > 0.0 && steps.all(|other| other == *step))
    {
        let step = if step == 1.0 { "second".to_owned() } else { format!("{} s", decimal(step)) };
        text += &format!(" One value per {step}.");
    }
    if samples(curves).any(|sample| sample.interval.is_some()) {
        text += " Lines: means of the replications; light areas: their 95 % intervals.";
    }
    if curves.iter().flatten().any(has_gap) {
        text += " Gap: nothing to measure.";
    }
    let hand = Hand { size: style::NOTE, face: Face::Regular, colour: style::GREY, anchor: Anchor::Start };
    let room = style::WIDTH - 2.0 * style::MARGIN;
    canvas.text(&Face::Regular.cut(&text, hand.size, room), (style::MARGIN, height - style::MARGIN * 0.75), hand);
}
