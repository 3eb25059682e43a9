//! Where the panels of a chart stand on the sheet.
//!
//! From top to bottom: title lines, headings, the strip that names shaded spans, frames, the clock, the note.

use super::Shade;
use super::naming;
use super::panel::{self, Panel};
use super::scale::{Axis, TimeAxis};
use super::style;
use super::type_setting::Face;

/// Title, subtitle and what is measured.
const HEAD_HEIGHT: f64 = 76.0;
/// Baseline to baseline in a heading.
pub const HEADING_LEADING: f64 = 16.0;
/// Most lines of a heading.
const HEADING_LINES_MAX: usize = 2;
/// From the last baseline of a heading to what it heads.
pub const HEADING_GAP: f64 = 11.0;
/// White space between panels in a row.
const PANEL_GAP: f64 = 30.0;
/// Between the labels of the vertical axis and the axis.
pub const TICK_GAP: f64 = 8.0;
/// The clock's labels below a frame.
const CLOCK_HEIGHT: f64 = 24.0;
/// The note, with the white space above and below it.
const NOTE_HEIGHT: f64 = 46.0;
/// Height of a frame where panels stand in several rows.
const FRAME_HEIGHT: f64 = 190.0;
/// White space between rows.
const ROW_GAP: f64 = 20.0;

/// The rectangle that a panel's lines live in, with the strip above it that names shaded spans.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Frame {
    pub left: f64,
    /// Top edge: the largest value.
    pub top: f64,
    /// Right edge: the end of the run.
    pub right: f64,
    /// Bottom edge: zero or the smallest value.
    pub bottom: f64,
    /// Height of the strip above the top.
    pub strip: f64,
}

impl Frame {
    /// Where an instant lies.
    pub fn x(&self, clock: &TimeAxis, at_s: f64) -> f64 {
        self.left + self.width() * clock.share(at_s)
    }

    /// Where a value lies.
    pub fn y(&self, axis: &Axis, value: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * axis.share(value)
    }

    /// From left to right.
    pub fn width(&self) -> f64 {
        self.right - self.left
    }
}

/// What stands to the right of panels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// Nothing.
    Bare,
    /// Names to the right of the last.
    LastNamed,
    /// Names to the right of each.
    EveryNamed,
}

/// Where things go. Every frame is as large as every other.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct FrameLayout {
    /// Height of the sheet.
    pub height: f64,
    /// Panels in a row.
    pub columns: usize,
    /// The first frame.
    first: Frame,
    /// From the left of a frame to the left of the next.
    right: f64,
    /// From the top of a frame to the top of the one below.
    down: f64,
}

impl FrameLayout {
    /// The layout of these panels.
    pub fn new(panels: &[Panel], axis: &Axis, clock: &TimeAxis, shaded: &[Shade], ends: Ends) -> FrameLayout {
        let columns = match panels.len() {
            count @ 0..=3 => count.max(1),
            4 => 2,
            5 | 6 | 9 => 3,
            _ => 4,
        };
        let rows = panels.len().div_ceil(columns).max(1);

        let labels = axis.ticks.iter().map(|&tick| Face::Regular.width(&axis.label(tick), style::LABEL));
        let left = (style::MARGIN + labels.fold(0.0, f64::max) + TICK_GAP).ceil();
        let names = panels.iter().map(naming::width_at_ends).fold(0.0, f64::max).ceil();
        let (between, last) = match ends {
            Ends::Bare => (0.0, 0.0),
            Ends::LastNamed => (0.0, names),
            Ends::EveryNamed => (names, names),
        };
        let gaps = (PANEL_GAP + between) * (columns - 1) as f64 + last;
        let width = ((style::WIDTH - style::MARGIN - left - gaps) / columns as f64).floor();

        let heading_lines = panels.iter().map(|panel| heading(panel, width).len()).max().unwrap_or(0);
        let heading = heading_lines as f64 * HEADING_LEADING + HEADING_GAP;
        let strip = panel::strip(width, clock, shaded);
        let top = style::MARGIN + HEAD_HEIGHT + heading + strip;
        let down = FRAME_HEIGHT + CLOCK_HEIGHT + ROW_GAP + heading;
        let (frame, height) = if rows == 1 {
            (style::HEIGHT - NOTE_HEIGHT - CLOCK_HEIGHT - top, style::HEIGHT)
        } else {
            (FRAME_HEIGHT, top + down * (rows - 1) as f64 + FRAME_HEIGHT + CLOCK_HEIGHT + NOTE_HEIGHT)
        };
        FrameLayout {
            height,
            columns,
            first: Frame { left, top, right: left + width, bottom: top + frame, strip },
            right: width + PANEL_GAP + between,
            down,
        }
    }

    /// The frame of panel `index`.
    pub fn frame(&self, index: usize) -> Frame {
        let (row, column) = (index / self.columns, index % self.columns);
        let (x, y) = (self.right * column as f64, self.down * row as f64);
        let first = self.first;
        Frame {
            left: first.left + x,
            top: first.top + y,
            right: first.right + x,
            bottom: first.bottom + y,
            // Shaded spans are named once, above the first panel.
            strip: if row == 0 { first.strip } else { 0.0 },
        }
    }
}

/// The heading of a panel this wide, broken into lines.
pub fn heading(panel: &Panel, width: f64) -> Vec<String> {
    Face::Bold.wrap(&panel.heading, style::HEADING, width, HEADING_LINES_MAX)
}
