//! A plot as an inline SVG: classes instead of colours, so that the page's style decides them, in light and in dark.
//!
//! Marks lie on a grid of tenths of a pixel, which keeps paths short: each point is written as the way from the one
//! before.

use std::fmt::Write;

use super::look::{attribute, escape, hue};
use super::plot::{Plot, PlotLine, PlotValue};
use crate::figures::Shade;
use crate::figures::layout::Frame;
use crate::figures::naming::{self, PlacedName};
use crate::figures::scale::{Axis, TimeAxis};
use crate::figures::style::{HEADING, MIDDLE};
use crate::figures::type_setting::{Face, clean};

/// Width of a plot; as wide as a phone's page.
pub(crate) const WIDTH: f64 = 360.0;
/// Height of a plot.
const HEIGHT: f64 = 214.0;
/// Room at the right, for half of the last label.
const RIGHT: f64 = 14.0;
/// Room at the top, for half of a label.
const TOP: f64 = 8.0;
/// The labels and the name of the horizontal axis.
const BOTTOM: f64 = 36.0;
/// Size of labels.
const LABEL: f64 = 11.0;
/// The strip that names shaded spans.
const STRIP: f64 = 15.0;
/// Baseline to baseline in a name.
const LEADING: f64 = 15.0;
/// Intervals are drawn of so many lines at most; of more they hide each other, and stand in the table only.
pub(crate) const AREAS_MAX: usize = 3;
/// Width of the line on top, and of the one at the bottom.
const THIN: f64 = 1.3;
const THICK: f64 = 2.7;
/// Least room between two labels of the horizontal axis.
const TICK_ROOM: f64 = 8.0;

/// A plot with its frame and axis.
struct Sheet<'a> {
    plot: &'a Plot,
    shaded: &'a [Shade],
    axis: Axis,
    frame: Frame,
}

/// Draws a plot; the shaded spans are those of a clock.
pub(crate) fn draw(plot: &Plot, shaded: &[Shade]) -> String {
    let axis = plot.axis();
    let labels = axis.ticks.iter().map(|&tick| Face::Regular.width(&axis.label(tick), LABEL));
    let left = (labels.fold(0.0, f64::max) + 8.0).ceil();
    let strip = if shaded.is_empty() { 0.0 } else { STRIP };
    let frame = Frame { left, top: TOP + strip, right: WIDTH - RIGHT, bottom: HEIGHT - BOTTOM, strip };
    let sheet = Sheet { plot, shaded, axis, frame };
    let id = attribute(&plot.id);
    let mut out = format!(
        "<svg class=\"plot\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" tabindex=\"0\" \
         aria-labelledby=\"{id}-t {id}-d\" \
         data-plot=\"{}\">\n<title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
        attribute(&sheet.spoken()),
        escape(&plot.title),
        escape(&plot.description()),
    );
    out += &sheet.shades();
    out += &sheet.grid();
    out += &sheet.lines();
    out += "<line class=\"rule\" hidden=\"\"/>\n</svg>\n";
    out
}

impl Sheet<'_> {
    fn x(&self, at: f64) -> f64 {
        self.frame.left + self.frame.width() * self.plot.along.share(at)
    }

    fn y(&self, value: f64) -> f64 {
        self.frame.y(&self.axis, value)
    }

    /// What is said on hovering: where each place lies, its name, and the values of the lines there.
    fn spoken(&self) -> String {
        let plot = self.plot;
        let places: Vec<f64> = plot.at.iter().map(|&at| tenth(self.x(at))).collect();
        let names: Vec<String> = plot.at.iter().map(|&at| plot.along.words(at)).collect();
        let line = |line: &PlotLine| {
            let values: Vec<String> =
                line.values.iter().map(|value| value.map_or(String::new(), |value| plot.words(value.mean))).collect();
            serde_json::json!({ "world": line.world, "name": clean(&line.name), "values": values })
        };
        let lines: Vec<_> = plot.lines.iter().map(line).collect();
        let (top, bottom) = (self.frame.top, self.frame.bottom);
        serde_json::json!({ "at": places, "names": names, "lines": lines, "top": top, "bottom": bottom }).to_string()
    }

    /// Shaded spans, each named above if there is room.
    fn shades(&self) -> String {
        let (mut out, mut free) = (String::new(), self.frame.left);
        for shade in self.shaded {
            let (from, to) = (self.x(shade.from_s), self.x(shade.to_s));
            if to <= from {
                continue;
            }
            let (top, height) = (self.frame.top - STRIP, self.frame.bottom - self.frame.top + STRIP);
            let (x, width) = (tenth(from), tenth(to - from));
            let _ =
                writeln!(out, "<rect class=\"shade\" x=\"{x}\" y=\"{top}\" width=\"{width}\" height=\"{height}\"/>");
            let label = clean(&shade.label);
            let wide = Face::Regular.width(&label, LABEL);
            let start = (from + 4.0).min(self.frame.right - wide).max(free);
            let text = Face::Regular.cut(&label, LABEL, self.frame.right - start);
            if self.frame.right - start >= wide.min(40.0) {
                free = start + wide + 8.0;
                let (x, y) = (tenth(start), tenth(self.frame.top - 4.0));
                let _ = writeln!(out, "<text class=\"shade-name\" x=\"{x}\" y=\"{y}\">{}</text>", escape(&text));
            }
        }
        out
    }

    /// Grid lines with their labels, and what is below the horizontal axis.
    fn grid(&self) -> String {
        let Frame { left, right, top, bottom, .. } = self.frame;
        let mut out = String::from("<g class=\"grid\">\n");
        for &tick in &self.axis.ticks {
            let y = tenth(self.y(tick));
            let base = y + LABEL * MIDDLE;
            let label = escape(&self.axis.label(tick));
            let (x, base) = (left - 6.0, tenth(base));
            let _ = writeln!(out, "<path d=\"M{left} {y}H{right}\"/><text x=\"{x}\" y=\"{base}\">{label}</text>");
        }
        out += "</g>\n<g class=\"clock\">\n";
        let _ = writeln!(out, "<path d=\"M{left} {bottom}H{right}\"/>");
        let mut free = 0.0;
        for (at, label) in self.plot.along.ticks() {
            let x = self.x(at);
            let half = Face::Regular.width(&label, LABEL) / 2.0;
            let middle = x.min(WIDTH - half - 1.0);
            if middle - half < free {
                continue;
            }
            free = middle + half + TICK_ROOM;
            let (x, middle, base) = (tenth(x), tenth(middle), tenth(bottom + 4.0 + LABEL * 1.1));
            let _ = writeln!(
                out,
                "<path d=\"M{x} {bottom}v4\"/><text x=\"{middle}\" y=\"{base}\">{}</text>",
                escape(&label)
            );
        }
        let (middle, base) = (tenth((left + right) / 2.0), HEIGHT - 3.0);
        let name = escape(&self.plot.along.name());
        let _ = writeln!(out, "<text class=\"name\" x=\"{middle}\" y=\"{base}\">{name}</text>\n</g>");
        if self.plot.diagonal {
            let _ = writeln!(out, "<path class=\"even\" d=\"M{left} {bottom}L{right} {top}\"/>");
        }
        out
    }

    /// Every line with its area and its name, in a group that can be hidden.
    fn lines(&self) -> String {
        let names = self.names();
        let mut out = String::new();
        for (at, line) in self.plot.lines.iter().enumerate() {
            let (world, hue) = (line.world, hue(line.world));
            let _ = writeln!(out, "<g class=\"{hue}\" data-world=\"{world}\">");
            let area = if self.plot.lines.len() <= AREAS_MAX { self.area(line) } else { String::new() };
            if !area.is_empty() {
                let _ = writeln!(out, "<path class=\"area\" d=\"{area}\"/>");
            }
            let class = if line.dashed { "line dashed" } else { "line" };
            // The last is on top: where it covers another, both show.
            let below = (self.plot.lines.len() - 1 - at) as f64 / (self.plot.lines.len().max(2) - 1) as f64;
            let width = if line.dashed { 1.3 } else { THIN + (THICK - THIN) * below };
            let _ = writeln!(out, "<path class=\"{class}\" stroke-width=\"{width:.1}\" d=\"{}\"/>", self.path(line));
            out += &self.lonely(line);
            if let Some(name) = names.get(at) {
                out += &written(name);
            }
            out += "</g>\n";
        }
        if !self.plot.has_values() {
            let (x, y) = (tenth((self.frame.left + self.frame.right) / 2.0), tenth(self.frame.bottom - 40.0));
            let _ = writeln!(out, "<text class=\"none\" x=\"{x}\" y=\"{y}\">nothing to measure</text>");
        }
        out
    }

    /// Names beside their lines, if all find a place.
    fn names(&self) -> Vec<PlacedName> {
        let share = |shade: &Shade| Shade {
            from_s: self.plot.along.share(shade.from_s),
            to_s: self.plot.along.share(shade.to_s),
            label: String::new(),
        };
        let shaded: Vec<Shade> = self.shaded.iter().map(share).collect();
        let clock = TimeAxis { end_s: 1.0 };
        naming::inside(&self.plot.panel(), self.frame, &self.axis, &clock, &shaded).unwrap_or_default()
    }

    fn points<'b>(&'b self, line: &'b PlotLine) -> impl Iterator<Item = Option<(f64, PlotValue)>> + 'b {
        line.values.iter().zip(&self.plot.at).map(|(value, &at)| value.map(|value| (self.x(at), value)))
    }

    /// The line itself; it breaks where there is no value.
    fn path(&self, line: &PlotLine) -> String {
        let mut pen = Pen::default();
        for point in self.points(line) {
            match point {
                Some((x, value)) => pen.to(x, self.y(value.mean)),
                None => pen.lift(),
            }
        }
        pen.path
    }

    /// Values without a neighbour, which a line cannot show.
    fn lonely(&self, line: &PlotLine) -> String {
        let points: Vec<Option<(f64, PlotValue)>> = self.points(line).collect();
        let mut out = String::new();
        for (at, point) in points.iter().enumerate() {
            let beside = |at: Option<usize>| at.and_then(|at| points.get(at)).is_some_and(Option::is_some);
            let Some((x, value)) = point else { continue };
            if !beside(at.checked_sub(1)) && !beside(Some(at + 1)) {
                let (x, y) = (tenth(*x), tenth(self.y(value.mean)));
                let _ = writeln!(out, "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"2\"/>");
            }
        }
        out
    }

    /// The intervals, as an area there and back for every stretch that has them.
    fn area(&self, line: &PlotLine) -> String {
        let mut pen = Pen::default();
        let mut stretch: Vec<(f64, f64, f64)> = Vec::new();
        for point in self.points(line).chain([None]) {
            if let Some((x, PlotValue { interval: Some((low, high)), .. })) = point {
                stretch.push((x, low, high));
                continue;
            }
            if stretch.len() > 1 {
                stretch.iter().for_each(|&(x, _, high)| pen.to(x, self.y(high)));
                stretch.iter().rev().for_each(|&(x, low, _)| pen.to(x, self.y(low)));
                pen.close();
            }
            stretch.clear();
        }
        pen.path
    }
}

/// A name in its place.
fn written(name: &PlacedName) -> String {
    let (lines, left, middle) = name.place();
    let first = middle - (lines.len() as f64 - 1.0) * LEADING / 2.0 + HEADING * MIDDLE;
    let line = |(row, line): (usize, &String)| {
        let (x, y) = (tenth(left), tenth(first + row as f64 * LEADING));
        format!("<text class=\"direct\" x=\"{x}\" y=\"{y}\">{}</text>\n", escape(line))
    };
    lines.iter().enumerate().map(line).collect()
}

/// Rounded to a tenth, the finest that is written.
fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Writes a path: the first point of a stretch as it is, every other as the way from the one before.
#[derive(Default)]
struct Pen {
    path: String,
    last: Option<(i64, i64)>,
}

impl Pen {
    fn to(&mut self, x: f64, y: f64) {
        let (x, y) = ((x * 10.0).round() as i64, (y * 10.0).round() as i64);
        let (command, dx, dy) = match self.last {
            None => ('M', x, y),
            Some((last_x, last_y)) => ('l', x - last_x, y - last_y),
        };
        if command == 'l' && (dx, dy) == (0, 0) {
            return;
        }
        let _ = write!(self.path, "{command}{}", decimal(dx));
        let _ = write!(self.path, "{}{}", if dy < 0 { "" } else { " " }, decimal(dy));
        self.last = Some((x, y));
    }

    fn lift(&mut self) {
        self.last = None;
    }

    fn close(&mut self) {
        self.path.push('z');
        self.last = None;
    }
}

/// Tenths as a decimal, without idle digits.
fn decimal(tenths: i64) -> String {
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, rest) = (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10);
    match (whole, rest) {
        (whole, 0) => format!("{sign}{whole}"),
        (0, rest) => format!("{sign}.{rest}"),
        (whole, rest) => format!("{sign}{whole}.{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_short_and_breaks_where_the_pen_is_lifted() {
        let mut pen = Pen::default();
        pen.to(10.0, 20.0);
        pen.to(11.0, 19.95);
        pen.to(11.0, 19.96);
        pen.lift();
        pen.to(30.0, 5.5);
        pen.to(30.5, 5.0);
        assert_eq!(pen.path, "M10 20l1 0M30 5.5l.5-.5");
    }
}
