//! One panel of a plot: a grid of characters, areas of eighths of a block, lines of Braille dots, and its axes.
//!
//! Without Unicode an area is of `#`, with `:` and `.` for what fills a part of a place, and lines are of `*` and `o`.

use super::axis::{Scale, Times};
use super::{Mark, NAMES, PlotStyle};
use crate::figures::Shade;
use crate::figures::style::{self, Rgb};

/// What something is painted in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ink {
    /// As text.
    Plain,
    /// In a lower voice.
    Quiet,
    /// In the colour of a world.
    World(usize),
}

impl Ink {
    /// A text in this ink, where there is colour.
    pub(super) fn paint(self, text: &str, look: PlotStyle) -> String {
        match self {
            _ if !look.colour || text.trim().is_empty() => text.to_owned(),
            Ink::Plain => text.to_owned(),
            Ink::Quiet => format!("\x1b[2m{text}\x1b[0m"),
            Ink::World(index) => format!("\x1b[38;5;{}m{text}\x1b[0m", nearest(style::world(index).line)),
        }
    }
}

/// The nearest of the 256 colours that terminals agree on: a cube of six steps.
fn nearest(Rgb(red, green, blue): Rgb) -> u32 {
    let step = |byte: u8| match byte {
        0..=47 => 0,
        48..=114 => 1,
        byte => u32::from(byte - 35) / 40,
    };
    16 + 36 * step(red) + 6 * step(green) + step(blue)
}

/// What stands at a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Place {
    glyph: char,
    ink: Ink,
}

const BLANK: Place = Place { glyph: ' ', ink: Ink::Plain };
/// Where the dots of Braille begin.
const BRAILLE: u32 = 0x2800;
/// The bits of Braille's dots, from the lowest up, at the left and at the right.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// One world's part of a chart.
#[derive(Clone, Debug)]
pub(super) struct PlotPanel {
    look: PlotStyle,
    /// Rows from the top.
    grid: Vec<Vec<Place>>,
    /// What stands at the right: row, and a name.
    names: Vec<(usize, &'static str, Ink)>,
    axis: String,
    times: String,
}

impl PlotPanel {
    /// An empty one.
    pub(super) fn new(rows: usize, places: usize, look: PlotStyle) -> PlotPanel {
        let grid = vec![vec![BLANK; places]; rows];
        PlotPanel { look, grid, names: Vec::new(), axis: String::new(), times: String::new() }
    }

    /// Places of its inside.
    pub(super) fn width(&self) -> usize {
        self.grid[0].len()
    }

    /// Places in all.
    pub(super) fn whole(&self) -> usize {
        1 + self.width() + NAMES
    }

    /// Draws values, one for each place or two.
    pub(super) fn draw(&mut self, mark: Mark, values: &[Option<f64>], scale: &Scale, ink: Ink, name: &'static str) {
        let shares: Vec<Option<f64>> = values.iter().map(|value| value.map(|value| scale.share(value))).collect();
        match mark {
            Mark::Area => self.area(values, &shares, ink),
            Mark::Dots => self.dots(&shares),
            Mark::Line if self.look.unicode => self.line(&shares, ink),
            Mark::Line => self.letters(&shares, ink, if name == "p99" { '*' } else { 'o' }),
        }
        let ink = if mark == Mark::Dots { Ink::Quiet } else { ink };
        if let Some(last) = shares.iter().rev().flatten().next() {
            let row = self.row_of(*last);
            self.names.push((row, name, ink));
        }
    }

    /// The row of a share of the height, from the top.
    fn row_of(&self, share: f64) -> usize {
        let rows = self.grid.len();
        rows - 1 - ((share * rows as f64) as usize).min(rows - 1)
    }

    fn area(&mut self, values: &[Option<f64>], shares: &[Option<f64>], ink: Ink) {
        let rows = self.grid.len();
        for (place, share) in shares.iter().enumerate() {
            let something = values[place].is_some_and(|value| value > 0.0);
            // What is there at all shows.
            let eighths = ((share.unwrap_or(0.0) * (rows * 8) as f64).round() as usize).max(usize::from(something));
            for up in 0..eighths.div_ceil(8) {
                let part = (eighths - up * 8).min(8);
                let glyph = match (self.look.unicode, part) {
                    (true, part) => char::from_u32(0x2580 + part as u32).unwrap_or('█'),
                    (false, 8) => '#',
                    (false, 4..=7) => ':',
                    (false, _) => '.',
                };
                self.grid[rows - 1 - up][place] = Place { glyph, ink };
            }
        }
    }

    fn dots(&mut self, shares: &[Option<f64>]) {
        let glyph = if self.look.unicode { '·' } else { '-' };
        for (place, share) in shares.iter().enumerate() {
            if let Some(share) = share {
                let row = self.row_of(*share);
                self.grid[row][place] = Place { glyph, ink: Ink::Quiet };
            }
        }
    }

    fn letters(&mut self, shares: &[Option<f64>], ink: Ink, glyph: char) {
        for (place, share) in shares.iter().enumerate() {
            if let Some(share) = share {
                let row = self.row_of(*share);
                self.grid[row][place] = Place { glyph, ink };
            }
        }
    }

    /// A line of dots, with no gap where it is steep.
    fn line(&mut self, shares: &[Option<f64>], ink: Ink) {
        let high = self.grid.len() * 4;
        let dot = |share: f64| ((share * high as f64) as usize).min(high - 1);
        let mut before: Option<usize> = None;
        for (at, share) in shares.iter().enumerate() {
            let Some(now) = share.map(dot) else {
                before = None;
                continue;
            };
            let from = match before {
                Some(before) if before < now => before + 1,
                Some(before) if before > now => before - 1,
                Some(_) | None => now,
            };
            for up in from.min(now)..=from.max(now) {
                let place = &mut self.grid[(high - 1 - up) / 4][at / 2];
                let bits = (place.glyph as u32).saturating_sub(BRAILLE);
                let glyph = char::from_u32(BRAILLE + (bits | DOTS[at % 2][up % 4])).unwrap_or('·');
                *place = Place { glyph, ink };
            }
            before = Some(now);
        }
    }

    /// The line beneath, heavy where something is shaded, and the instants beneath that.
    pub(super) fn time_axis(&mut self, times: &Times, shaded: &[Shade], length_s: f64) {
        let width = self.width();
        let [corner, plain, tick, heavy] =
            if self.look.unicode { ['└', '─', '┴', '━'] } else { ['+', '-', '+', '='] };
        let is_shaded = |place: usize| {
            let at = (place as f64 + 0.5) * length_s / width as f64;
            shaded.iter().any(|shade| at >= shade.from_s && at < shade.to_s)
        };
        let is_tick = |place: usize| place > 0 && times.labels.iter().any(|(at, _)| *at == place);
        let glyph = |place: usize| match (is_shaded(place), is_tick(place)) {
            (true, _) => heavy,
            (false, true) => tick,
            (false, false) => plain,
        };
        self.axis = std::iter::once(corner).chain((0..width).map(glyph)).collect();
        for (place, label) in &times.labels {
            let at = if *place == 0 { 0 } else { place + 1 };
            let half = if *place == 0 { 0 } else { label.trim_end_matches(|c: char| !c.is_ascii_digit()).len() / 2 };
            let at = at.saturating_sub(half).min((self.whole()).saturating_sub(label.len()));
            if self.times.is_empty() || at > self.times.len() {
                self.times += &" ".repeat(at - self.times.len());
                self.times += label;
            }
        }
    }

    /// Its lines, each as wide as the panel.
    pub(super) fn lines(&self, scale: &Scale, look: PlotStyle) -> Vec<String> {
        let names = self.placed_names();
        let mut lines = Vec::new();
        for (row, places) in self.grid.iter().enumerate() {
            let edge = match (look.unicode, scale.is_named(row)) {
                (true, true) => '┤',
                (true, false) => '│',
                (false, true) => '+',
                (false, false) => '|',
            };
            let mut line = edge.to_string();
            for run in places.chunk_by(|a, b| a.ink == b.ink) {
                let glyphs: String = run.iter().map(|place| place.glyph).collect();
                line += &run[0].ink.paint(&glyphs, look);
            }
            let name = names.iter().find(|(at, _, _)| *at == row);
            let (text, ink) = name.map_or(("", Ink::Plain), |(_, name, ink)| (*name, *ink));
            line += &format!(" {}", ink.paint(&format!("{text:<width$}", width = NAMES - 1), look));
            lines.push(line);
        }
        let padded = |text: &str| format!("{text:<width$}", width = self.whole());
        lines.push(padded(&self.axis));
        lines.push(padded(&self.times));
        lines
    }

    /// The names, moved apart where two would stand in one row: the first is never below the second unless its end is.
    fn placed_names(&self) -> Vec<(usize, &'static str, Ink)> {
        let mut names = self.names.clone();
        let last = self.grid.len() - 1;
        if let [first, second] = names.as_mut_slice()
            && first.0 == second.0
        {
            // Of two at one height, the one that is never less stands above.
            let (above, below) = if first.1 == "p50" { (second, first) } else { (first, second) };
            if above.0 > 0 { above.0 -= 1 } else { below.0 = (below.0 + 1).min(last) }
        }
        names
    }
}
