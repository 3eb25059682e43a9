//! Where the names of lines stand: inside a panel where the lines are far apart, or else beside their ends.
//!
//! Incidents end, and afterwards all worlds look alike: at their ends the lines lie on each other. So a name is first
//! sought a place inside a panel, beside its own line and clear of all others. If one name finds none, all stand at
//! the line ends, pushed apart, with leaders.

use super::Shade;
use super::canvas::{Anchor, Canvas, CanvasPoint, Hand};
use super::labels::push_apart;
use super::layout::Frame;
use super::panel::{Panel, PanelLine};
use super::scale::{Axis, TimeAxis};
use super::style::{self, Rgb};
use super::type_setting::{Face, clean};

/// Between a panel and the names beside it: room for the leaders.
const NAME_GAP: f64 = 14.0;
/// Widest name inside or beside a panel.
const NAME_ROOM: f64 = 132.0;
/// Widest name in one line inside a panel.
const LINE_ROOM: f64 = 230.0;
/// Most lines of a name.
const NAME_LINES_MAX: usize = 3;
/// Baseline to baseline.
const LEADING: f64 = 15.0;
/// White space between two names.
const PADDING: f64 = 5.0;

/// A name in its place.
#[derive(Clone, PartialEq, Debug)]
pub struct PlacedName {
    lines: Vec<String>,
    left: f64,
    middle: f64,
    colour: Rgb,
    leader: Option<(CanvasPoint, CanvasPoint, Rgb)>,
}

impl PlacedName {
    /// Its lines, its left edge and its middle.
    pub fn place(&self) -> (&[String], f64, f64) {
        (&self.lines, self.left, self.middle)
    }

    pub fn write(&self, canvas: &mut Canvas) {
        if let Some((from, to, colour)) = self.leader {
            canvas.stroke(&[from, to], 0.8, colour);
        }
        let hand = Hand { size: style::HEADING, face: Face::Bold, colour: self.colour, anchor: Anchor::Start };
        let first = self.middle - (self.lines.len() as f64 - 1.0) * LEADING / 2.0 + style::HEADING * style::MIDDLE;
        for (row, line) in self.lines.iter().enumerate() {
            canvas.text(line, (self.left, first + row as f64 * LEADING), hand);
        }
    }
}

/// A name broken into lines: after its comma if that is enough, else wherever it must.
fn broken(name: &str) -> Vec<String> {
    let name = clean(name);
    let fits = |text: &str| Face::Bold.width(text, style::HEADING) <= NAME_ROOM;
    match name.split_once(", ") {
        Some((kind, size)) if !fits(&name) && fits(&format!("{kind},")) && fits(size) => {
            vec![format!("{kind},"), size.to_owned()]
        }
        Some(_) | None => Face::Bold.wrap(&name, style::HEADING, NAME_ROOM, NAME_LINES_MAX),
    }
}

/// The name in one line if it is short enough, and broken.
fn shapes(name: &str) -> Vec<Vec<String>> {
    let line = clean(name);
    let mut shapes = vec![broken(name)];
    if Face::Bold.width(&line, style::HEADING) <= LINE_ROOM {
        shapes.insert(0, vec![line]);
    }
    shapes.dedup();
    shapes
}

fn width(lines: &[String]) -> f64 {
    lines.iter().map(|line| Face::Bold.width(line, style::HEADING)).fold(0.0, f64::max)
}

/// Room to the right of a panel whose lines are named at their ends.
pub fn width_at_ends(panel: &Panel) -> f64 {
    NAME_GAP + panel.lines.iter().map(|line| width(&broken(&line.name))).fold(0.0, f64::max)
}

/// Whether every line has an end and no name there would have to be moved.
pub fn ends_are_apart(panel: &Panel, frame: Frame, axis: &Axis, clock: &TimeAxis) -> bool {
    let ends: Option<Vec<CanvasPoint>> = panel.lines.iter().map(|line| end(line, frame, axis, clock)).collect();
    let Some(ends) = ends else { return false };
    at_ends(panel, frame, axis, clock).iter().zip(ends).all(|(name, (_, y))| (name.middle - y).abs() < MOVED)
}

/// The last value of a line.
fn end(line: &PanelLine, frame: Frame, axis: &Axis, clock: &TimeAxis) -> Option<CanvasPoint> {
    line.curve.iter().flatten().next_back().map(|last| (frame.x(clock, last.at_s), frame.y(axis, last.mean)))
}

/// A name this far from the end of its line counts as moved away.
const MOVED: f64 = 3.0;

/// The names beside the ends of their lines, never over each other.
pub fn at_ends(panel: &Panel, frame: Frame, axis: &Axis, clock: &TimeAxis) -> Vec<PlacedName> {
    let blocks: Vec<Vec<String>> = panel.lines.iter().map(|line| broken(&line.name)).collect();
    let ends: Vec<Option<CanvasPoint>> = panel.lines.iter().map(|line| end(line, frame, axis, clock)).collect();
    // A line without values is named at the bottom: its world still exists.
    let wishes: Vec<f64> = ends.iter().map(|end| end.map_or(frame.bottom, |(_, y)| y)).collect();
    let heights: Vec<f64> = blocks.iter().map(|block| block.len() as f64 * LEADING + PADDING).collect();
    let middles = push_apart(&wishes, &heights, frame.top - LEADING, frame.bottom + PADDING);
    let name = |(index, lines): (usize, Vec<String>)| {
        let (line, middle) = (&panel.lines[index], middles[index]);
        // A line that ends early has no leader: it would cross half the panel.
        let near = ends[index].filter(|(x, _)| frame.right - x < frame.width() * 0.1);
        let leader = near.map(|(x, y)| ((x + 3.0, y), (frame.right + NAME_GAP - 4.0, middle), line.colour));
        PlacedName { lines, left: frame.right + NAME_GAP, middle, colour: line.text, leader }
    };
    blocks.into_iter().enumerate().map(name).collect()
}

/// A rectangle that a name would cover.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Block {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Block {
    /// Distance to a point, 0 inside.
    fn distance(&self, (x, y): CanvasPoint) -> f64 {
        let dx = (self.left - x).max(x - self.right).max(0.0);
        let dy = (self.top - y).max(y - self.bottom).max(0.0);
        (dx * dx + dy * dy).sqrt()
    }

    fn overlaps(&self, other: &Block, apart: f64) -> bool {
        self.left < other.right + apart
            && other.left < self.right + apart
            && self.top < other.bottom + apart
            && other.top < self.bottom + apart
    }
}

/// Least distance of a name to any line, its own included.
const CLEAR: f64 = 5.0;
/// Least distance of a name to the lines of others.
const CLEAR_OF_OTHERS: f64 = 12.0;
/// A name is at least this many times nearer to its own line than to any other.
const UNMISTAKABLE: f64 = 1.5;
/// Distances beyond this are equally good.
const FAR: f64 = 70.0;
/// Gaps between a line and its name that are tried, nearest first.
const GAPS: [f64; 4] = [8.0, 13.0, 20.0, 30.0];
/// Pixels between two points of a line that are looked at.
const GRAIN: f64 = 4.0;

/// Longer gaps, to the right or left, which a leader bridges; it may cross other lines but not run along them.
const BRIDGED_GAPS: [f64; 4] = [16.0, 24.0, 36.0, 52.0];
/// Least distance of the start of a leader to the lines of others: nobody shall wonder which line it starts from.
const CLEAR_OF_CROSSINGS: f64 = 6.0;
/// How far above or below its point a name with a leader may stand.
const BRIDGED_SHIFTS: [f64; 5] = [0.0, -10.0, 10.0, -20.0, 20.0];
/// What a leader costs, in pixels of distance to other lines.
const BRIDGE_COST: f64 = 20.0;

/// What a place away from the shaded spans costs.
const CALM_COST: f64 = 100.0;
/// What each pixel away from the middle of a shaded span costs, so that names are centred where they can be.
const OFF_MIDDLE_COST: f64 = 0.1;
/// Pixels down for one to the right from which on a line is steep, and what a place beside a steep part costs.
const STEEP: f64 = 3.0;
const STEEP_COST: f64 = 20.0;
/// What a grid line through a name costs.
const GRID_COST: f64 = 10.0;

/// The names inside the frame, each beside its own line; `None` if one of them finds no place.
pub fn inside(panel: &Panel, frame: Frame, axis: &Axis, clock: &TimeAxis, shaded: &[Shade]) -> Option<Vec<PlacedName>> {
    let search = Search {
        frame,
        traces: panel.lines.iter().map(|line| Trace::new(line, frame, axis, clock)).collect(),
        shaded: shaded.iter().map(|shade| (frame.x(clock, shade.from_s), frame.x(clock, shade.to_s))).collect(),
        grid: axis.ticks.iter().map(|&tick| frame.y(axis, tick)).collect(),
    };
    // A name takes the best place that those before it have left, so the order matters: the better of two is taken.
    let forwards = arranged(panel, &search, (0..panel.lines.len()).collect());
    let backwards = arranged(panel, &search, (0..panel.lines.len()).rev().collect());
    let best = match (forwards, backwards) {
        (Some(forwards), Some(backwards)) if backwards.0 > forwards.0 => Some(backwards),
        (Some(forwards), _) => Some(forwards),
        (None, backwards) => backwards,
    };
    best.map(|(_, names)| names).filter(|names| !names.is_empty())
}

/// The names placed one after the other, with the sum of their scores; `None` if one of them finds no place.
fn arranged(panel: &Panel, search: &Search, order: Vec<usize>) -> Option<(f64, Vec<PlacedName>)> {
    let mut taken: Vec<Block> = Vec::new();
    let mut names: Vec<(usize, PlacedName)> = Vec::new();
    let mut total = 0.0;
    for index in order {
        let line = &panel.lines[index];
        let best = |lines: Vec<String>| {
            let size = (width(&lines), lines.len() as f64 * LEADING);
            search.best(index, size, &taken).map(|(score, place)| (score, place, lines))
        };
        let places = shapes(&line.name).into_iter().filter_map(best);
        let (score, place, lines) = places.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
        total += score;
        taken.push(place.block);
        let leader = place.leader.map(|(from, to)| (from, to, line.colour));
        let middle = (place.block.top + place.block.bottom) / 2.0;
        names.push((index, PlacedName { lines, left: place.block.left, middle, colour: line.text, leader }));
    }
    names.sort_by_key(|&(index, _)| index);
    Some((total, names.into_iter().map(|(_, name)| name).collect()))
}

/// A possible place of a name.
#[derive(Clone, Copy, PartialEq, Debug)]
struct Place {
    block: Block,
    /// How far it is from its line, and what it costs to bridge that.
    cost: f64,
    leader: Option<(CanvasPoint, CanvasPoint)>,
}

/// What a name must keep clear of.
struct Search {
    frame: Frame,
    traces: Vec<Trace>,
    /// Left and right of the shaded spans: names prefer lines there, where something happens.
    shaded: Vec<(f64, f64)>,
    /// Heights of the grid lines.
    grid: Vec<f64>,
}

impl Search {
    /// The best place for a name of this size beside line `index`, with its score: as far as can be from other lines,
    /// as near as can be to its own; the first in time among equals.
    fn best(&self, index: usize, size: CanvasPoint, taken: &[Block]) -> Option<(f64, Place)> {
        let mut best: Option<(f64, Place)> = None;
        for &(anchor, slope) in &self.traces[index].anchors {
            let prior = self.event_cost(anchor.0) + if slope > STEEP { STEEP_COST } else { 0.0 };
            for place in beside(anchor, size).chain(bridged(anchor, size)) {
                // Most places are out of the question for a reason that is quick to see.
                let beaten = best.is_some_and(|(most, _)| FAR - prior - place.cost <= most);
                let crowded = || taken.iter().any(|other| other.overlaps(&place.block, 2.0 * PADDING));
                if beaten || !self.fits(&place.block) || crowded() {
                    continue;
                }
                let Some(score) = self.score(&place, index).map(|score| score - prior) else { continue };
                if best.is_none_or(|(most, _)| score > most) {
                    best = Some((score, place));
                }
            }
        }
        best
    }

    /// What it costs that a name stands beside this instant: least in the middle of a shaded span, where all is at
    /// its worst.
    fn event_cost(&self, x: f64) -> f64 {
        let span = self.shaded.iter().find(|&&(from, to)| from < x && x < to);
        span.map_or(CALM_COST, |&(from, to)| OFF_MIDDLE_COST * (x - (from + to) / 2.0).abs())
    }

    fn fits(&self, block: &Block) -> bool {
        block.left >= self.frame.left + CLEAR
            && block.right <= self.frame.right
            && block.top >= self.frame.top + CLEAR
            && block.bottom <= self.frame.bottom - CLEAR
    }

    /// How good a place is; `None` if a reader could take the name for another line's, or not read it.
    fn score(&self, place: &Place, index: usize) -> Option<f64> {
        let own = self.traces[index].distance(&place.block);
        let others = || self.traces.iter().enumerate().filter(|&(other, _)| other != index).map(|(_, trace)| trace);
        let apart = others().map(|trace| trace.distance(&place.block)).fold(FAR, f64::min);
        let clear = match place.leader {
            None => apart >= CLEAR_OF_OTHERS.max(UNMISTAKABLE * own),
            Some(leader) => {
                let (x, y) = leader.0;
                let start = Block { left: x, top: y, right: x, bottom: y };
                apart >= CLEAR
                    && others().all(|trace| !trace.runs_along(leader) && trace.distance(&start) >= CLEAR_OF_CROSSINGS)
            }
        };
        let crossed = self.grid.iter().filter(|&&y| place.block.top < y && y < place.block.bottom).count();
        (own >= CLEAR && clear).then_some(apart - place.cost - crossed as f64 * GRID_COST)
    }
}

/// Right of a point, left of it, above and below.
fn beside((x, y): CanvasPoint, (width, height): CanvasPoint) -> impl Iterator<Item = Place> {
    GAPS.into_iter().flat_map(move |gap| {
        let block = |left: f64, top: f64| Block { left, top, right: left + width, bottom: top + height };
        let blocks = [
            block(x + gap, y - height / 2.0),
            block(x - gap - width, y - height / 2.0),
            block(x - width / 2.0, y - gap - height),
            block(x - width / 2.0, y + gap),
        ];
        blocks.into_iter().map(move |block| Place { block, cost: 2.0 * gap, leader: None })
    })
}

/// Further right or left of a point, with a leader from the point to the name.
fn bridged((x, y): CanvasPoint, (width, height): CanvasPoint) -> impl Iterator<Item = Place> {
    BRIDGED_GAPS.into_iter().flat_map(move |gap| {
        BRIDGED_SHIFTS.into_iter().flat_map(move |shift| {
            [1.0, -1.0].into_iter().map(move |side| {
                let near = x + side * gap;
                let (left, right) = if side > 0.0 { (near, near + width) } else { (near - width, near) };
                let top = y + shift - height / 2.0;
                let leader = ((x + side * 2.0, y), (near - side * 4.0, y + shift));
                let cost = BRIDGE_COST + gap + shift.abs();
                Place { block: Block { left, top, right, bottom: top + height }, cost, leader: Some(leader) }
            })
        })
    })
}

/// A line and the edges of its area as points close together.
struct Trace {
    /// Points of the line that a name may stand beside, with its steepness there.
    anchors: Vec<(CanvasPoint, f64)>,
    /// Everything a name keeps clear of.
    points: Vec<CanvasPoint>,
}

impl Trace {
    fn new(line: &PanelLine, frame: Frame, axis: &Axis, clock: &TimeAxis) -> Trace {
        let at = |at_s: f64, value: f64| (frame.x(clock, at_s), frame.y(axis, value));
        let mut trace = Trace { anchors: Vec::new(), points: Vec::new() };
        let means: Vec<Option<CanvasPoint>> =
            line.curve.iter().map(|sample| sample.map(|sample| at(sample.at_s, sample.mean))).collect();
        for (index, sample) in line.curve.iter().enumerate() {
            let (Some(sample), Some(here)) = (sample, means[index]) else { continue };
            let before = index.checked_sub(1).and_then(|before| means[before]).unwrap_or(here);
            let after = means.get(index + 1).copied().flatten().unwrap_or(here);
            trace.step(before, here);
            if trace.anchors.last().is_none_or(|&((x, _), _)| here.0 - x >= GRAIN) {
                trace.anchors.push((here, slope(before, here).max(slope(here, after))));
            }
            if let Some((low, high)) = sample.interval {
                trace.points.extend([at(sample.at_s, low), at(sample.at_s, high)]);
            }
        }
        trace
    }

    /// Points from `from` to `to`, `to` included.
    fn step(&mut self, from: CanvasPoint, to: CanvasPoint) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let pieces = ((dx * dx + dy * dy).sqrt() / GRAIN).ceil().max(1.0);
        for piece in 1..=pieces as u32 {
            let share = f64::from(piece) / pieces;
            self.points.push((from.0 + dx * share, from.1 + dy * share));
        }
    }

    /// Whether more of the line is beside the leader than a crossing takes.
    fn runs_along(&self, (from, to): (CanvasPoint, CanvasPoint)) -> bool {
        let strip = Block {
            left: from.0.min(to.0),
            top: from.1.min(to.1) - 2.0,
            right: from.0.max(to.0),
            bottom: from.1.max(to.1) + 2.0,
        };
        let height = strip.bottom - strip.top;
        let inside = self.points.iter().filter(|&&point| strip.distance(point) == 0.0).count();
        inside as f64 > height / GRAIN + 2.0
    }

    fn distance(&self, block: &Block) -> f64 {
        self.points.iter().map(|&point| block.distance(point)).fold(f64::INFINITY, f64::min)
    }
}

/// How steep a straight line is, up or down.
fn slope(from: CanvasPoint, to: CanvasPoint) -> f64 {
    if from == to { 0.0 } else { (to.1 - from.1).abs() / (to.0 - from.0).abs() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::panel::PanelSample;
    use crate::figures::scale::Quantity;

    const FRAME: Frame = Frame { left: 100.0, top: 100.0, right: 400.0, bottom: 400.0, strip: 0.0 };
    const CLOCK: TimeAxis = TimeAxis { end_s: 100.0 };

    fn panel(levels: &[f64]) -> (Panel, Axis) {
        let line = |(index, &mean): (usize, &f64)| PanelLine {
            curve: (0..100).map(|at| Some(PanelSample { at_s: f64::from(at), mean, interval: None })).collect(),
            colour: style::INK,
            text: style::INK,
            stroke: style::STRONG,
            name: format!("world {index}"),
        };
        let lines = levels.iter().enumerate().map(line).collect();
        (Panel { heading: String::new(), colour: style::INK, lines }, Axis::around(Quantity::Share, [].into_iter()))
    }

    #[test]
    fn a_name_stands_beside_its_own_line() {
        let (panel, axis) = panel(&[0.2, 0.5, 0.9]);
        let names = inside(&panel, FRAME, &axis, &CLOCK, &[]).expect("there is room");
        for (name, level) in names.iter().zip([0.2, 0.5, 0.9]) {
            assert!((name.middle - FRAME.y(&axis, level)).abs() < 40.0, "{name:?}");
            assert!(name.left > FRAME.left && name.leader.is_none(), "{name:?}");
        }
    }

    #[test]
    fn names_stand_in_the_shaded_span_if_they_can() {
        let (panel, axis) = panel(&[0.2, 0.8]);
        let shaded = Shade { from_s: 40.0, to_s: 80.0, label: String::new() };
        for name in inside(&panel, FRAME, &axis, &CLOCK, &[shaded]).expect("there is room") {
            assert!((220.0..340.0).contains(&(name.left + width(&name.lines) / 2.0)), "{name:?}");
        }
    }

    #[test]
    fn lines_on_each_other_are_named_at_their_ends() {
        let (panel, axis) = panel(&[0.5, 0.5]);
        assert_eq!(inside(&panel, FRAME, &axis, &CLOCK, &[]), None);
        let names = at_ends(&panel, FRAME, &axis, &CLOCK);
        assert!(names[1].middle - names[0].middle >= LEADING);
        assert!(names.iter().all(|name| name.left > FRAME.right && name.leader.is_some()));
        assert!(!ends_are_apart(&panel, FRAME, &axis, &CLOCK));
    }

    #[test]
    fn a_name_is_broken_after_its_comma() {
        assert_eq!(broken("uWSGI gevent, 8 × 1000"), ["uWSGI gevent,", "8 × 1000"]);
        assert_eq!(broken("gevent, 1000"), ["gevent, 1000"]);
    }
}
