//! Which setting matters in one world: bars for each moved down and up, the largest effect at the top.

use lab::Estimate;
use lab::sweep::results::Results;
use lab::sweep::tornado::{Knob, knobs};

use super::super::canvas::{Anchor, Canvas, Hand};
use super::super::layout::Frame;
use super::super::scale::decimal;
use super::super::style;
use super::super::type_setting::{Face, clean};
use super::pane;
use super::{FOOT_HEIGHT, HEAD_HEIGHT, foot, head};

pub(super) const TITLE: &str = "Which setting matters";

/// Settings that are shown; those below have less effect.
const SHOWN_MAX: usize = 12;
/// Height of a setting's two bars.
const ROW: f64 = 34.0;
/// Height of one bar.
const BAR: f64 = 10.0;
/// Width of the settings' names.
const NAMES: f64 = 268.0;
/// White space between the panels.
const GAP: f64 = 40.0;
/// Opacity of the bar of a setting that is moved down.
const DOWN_ALPHA: f64 = 0.45;
/// Changes that may be written below a panel.
const TICKS: [f64; 23] = [
    -0.99, -0.95, -0.9, -0.75, -0.5, -0.3, -0.2, -0.1, -0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
    3.0, 9.0, 29.0, 99.0,
];

/// Draws the figure.
pub(super) fn draw(results: &Results, world: usize, around: &str) -> Canvas {
    let all = knobs(results, world);
    let sure = all.iter().filter(|knob| knob.effect() > 0.0).count();
    // Without any sure effect the settings are shown all the same: whiskers across the middle are an answer too.
    let shown: Vec<&Knob> = all.iter().take(if sure > 0 { sure.min(SHOWN_MAX) } else { SHOWN_MAX }).collect();
    let top = style::MARGIN + HEAD_HEIGHT + 58.0;
    let bottom = top + ROW * shown.len().max(1) as f64;
    let height = bottom + 30.0 + FOOT_HEIGHT;
    let mut canvas = Canvas::new(style::WIDTH, height);
    let subject = format!("Each setting moved down (light) and up (dark) by {around}, the others as they are");
    head(&mut canvas, TITLE, &results.study.title, &subject);
    let hand =
        Hand { size: style::SUBTITLE, face: Face::Bold, colour: style::world(world).text, anchor: Anchor::Start };
    canvas.text(&clean(&results.study.worlds[world]), (style::MARGIN, style::MARGIN + HEAD_HEIGHT + 20.0), hand);
    names(&mut canvas, &shown, top);
    let left = style::MARGIN + NAMES;
    let width = ((style::WIDTH - style::MARGIN - left - GAP) / 2.0).floor();
    for (at, heading) in ["Change of p99", "Change of throughput"].into_iter().enumerate() {
        let left = left + (width + GAP) * at as f64;
        let frame = Frame { left, top, right: left + width, bottom, strip: 0.0 };
        pane::heading(&mut canvas, frame, heading, style::INK);
        bars(&mut canvas, frame, &shown, at, world);
    }
    let mut text = "Paired by replication; whiskers: 95 % intervals. A halving is as wide as a doubling.".to_owned();
    let left_out = all.len() - shown.len();
    if left_out > 0 {
        let why = if sure > shown.len() { "with less or no sure effect" } else { "without a sure effect" };
        text += &format!(" {left_out} settings {why} are left out.");
    }
    foot(&mut canvas, &text, height);
    canvas
}

/// The settings and their values.
fn names(canvas: &mut Canvas, shown: &[&Knob], top: f64) {
    for (row, knob) in shown.iter().enumerate() {
        let middle = top + ROW * (row as f64 + 0.5);
        let room = NAMES - 14.0;
        let hand = Hand { size: style::NOTE, face: Face::Regular, colour: style::INK, anchor: Anchor::Start };
        // The end of a path says more than its beginning.
        canvas.text(&cut_front(&knob.key, room), (style::MARGIN, middle - 3.0), hand);
        let values: Vec<&str> = knob.moves.iter().map(|moved| moved.value.as_str()).collect();
        let text = format!("{} → {}", knob.base, values.join(", "));
        let grey = Hand { colour: style::GREY, ..hand };
        canvas.text(&Face::Regular.cut(&text, style::NOTE, room), (style::MARGIN, middle + 11.0), grey);
    }
}

/// A text without its beginning, if it is wider than the room.
fn cut_front(text: &str, room: f64) -> String {
    let fits = |text: &str| Face::Regular.width(text, style::NOTE) <= room;
    let tails = text.char_indices().map(|(at, _)| if at == 0 { text.to_owned() } else { format!("…{}", &text[at..]) });
    tails.into_iter().find(|tail| fits(tail)).unwrap_or_default()
}

/// Where a change lies: by its logarithm, so that a halving is as wide as a doubling.
fn place(change: f64) -> f64 {
    libm::log((1.0 + change).max(1e-3))
}

fn bars(canvas: &mut Canvas, frame: Frame, shown: &[&Knob], looked_at: usize, world: usize) {
    let changes = || shown.iter().flat_map(|knob| &knob.moves).filter_map(|moved| moved.changes[looked_at]);
    let reach = |sign: f64| changes().map(|change| place(change.mean) * sign).fold(place(0.02), f64::max) * 1.12;
    let (low, high) = (-reach(-1.0), reach(1.0));
    let x = |change: f64| {
        let share = (place(change) - low) / (high - low);
        frame.left + frame.width() * share.clamp(0.0, 1.0)
    };
    ticks(canvas, frame, &x, (low, high));
    let colour = style::world(world).line;
    for (row, knob) in shown.iter().enumerate() {
        let top = frame.top + ROW * row as f64 + (ROW - 2.0 * BAR) / 2.0;
        for (at, moved) in knob.moves.iter().enumerate() {
            // The lighter bar is the first of two; a setting that could only be moved up has the dark one.
            let down = at == 0 && (knob.moves.len() > 1 || is_down(&knob.base, &moved.value));
            let top = top + if down { 0.0 } else { BAR };
            let Some(change) = moved.changes[looked_at] else { continue };
            let (from, to) = (x(0.0).min(x(change.mean)), x(0.0).max(x(change.mean)));
            let corners = [(from, top + 1.0), (to, top + 1.0), (to, top + BAR - 1.0), (from, top + BAR - 1.0)];
            canvas.area(&corners, colour, if down { DOWN_ALPHA } else { 1.0 });
            whisker(canvas, &change, &x, top + BAR / 2.0);
        }
    }
    canvas.rect((x(0.0) - 0.5, frame.top), (x(0.0) + 0.5, frame.bottom), style::INK);
}

fn is_down(base: &str, value: &str) -> bool {
    let number = |text: &str| lab::sweep::values::read_number(text).map(|number| number.value);
    number(value).zip(number(base)).is_some_and(|(value, base)| value < base)
}

fn whisker(canvas: &mut Canvas, change: &Estimate, x: &dyn Fn(f64) -> f64, y: f64) {
    if let (Some(low), Some(high)) = (change.low, change.high) {
        canvas.stroke(&[(x(low), y), (x(high), y)], 1.0, style::INK);
    }
}

/// Grid lines where there is room, and what they mean.
fn ticks(canvas: &mut Canvas, frame: Frame, x: &dyn Fn(f64) -> f64, (low, high): (f64, f64)) {
    let hand = Hand { size: style::LABEL, face: Face::Regular, colour: style::GREY, anchor: Anchor::Middle };
    let mut inside: Vec<f64> = TICKS.into_iter().filter(|&tick| place(tick) >= low && place(tick) <= high).collect();
    // Nothing first, then the farthest: they say the most.
    inside.sort_by(|a, b| (*b == 0.0).cmp(&(*a == 0.0)).then(place(*b).abs().total_cmp(&place(*a).abs())));
    let mut taken: Vec<(f64, f64)> = Vec::new();
    for tick in inside {
        let sign = if tick > 0.0 { "+" } else { "" };
        let label = format!("{sign}{} %", decimal(tick * 100.0)).replace('-', "−");
        let (at, half) = (x(tick), Face::Regular.width(&label, style::LABEL) / 2.0 + 5.0);
        if taken.iter().any(|&(from, to)| at + half > from && at - half < to) {
            continue;
        }
        taken.push((at - half, at + half));
        canvas.rect((at - 0.5, frame.top), (at + 0.5, frame.bottom), style::GRID);
        canvas.text(&label, (at, frame.bottom + 5.0 + style::LABEL * 1.15), hand);
    }
}
