//! Small plots for a terminal: throughput, latency and requests in flight over time, a panel for each world.
//!
//! All panels of a chart share both scales, so heights can be compared by eye. Colour is the world's, as in the figures, and says
//! nothing that the shapes and the names at their ends do not say too.

mod axis;
mod panel;

use lab::WorldSeries;

use crate::figures::Shade;
use crate::words::wrap;
use axis::{Scale, Times};
use panel::{Ink, PlotPanel};

/// How plots look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlotStyle {
    /// Places in a line.
    pub width: usize,
    /// Whether there is colour, by ANSI sequences: for terminals only.
    pub colour: bool,
    /// Whether there is more than ASCII.
    pub unicode: bool,
}

/// Places of a panel's inside at least; as many panels stand side by side as that allows.
const INSIDE_MIN: usize = 22;
/// Places of a panel's inside at most: wider ones say no more.
const INSIDE_MAX: usize = 100;
/// Places for the names at the ends of what is drawn, with the blank before them.
const NAMES: usize = 5;
/// Blanks between two panels.
const GAP: usize = 2;

/// How the values of steps become the value of a place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Joined {
    /// Their mean, each as long as it is there.
    Mean,
    /// The largest: a spike stays one.
    Largest,
}

/// How something is drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    /// Filled from the zero line on.
    Area,
    /// A mark for each place, where nothing else is.
    Dots,
    /// A line.
    Line,
}

/// Values over time, by step.
type Values = Vec<Option<f64>>;

/// Something that is drawn.
#[derive(Clone, Copy)]
struct Trace {
    /// What stands at its end: four places at most.
    name: &'static str,
    /// What it is.
    words: &'static str,
    mark: Mark,
    joined: Joined,
    pick: fn(&WorldSeries) -> Values,
}

/// A kind of plot.
struct TextChart {
    title: &'static str,
    /// Whether the scale is one of times, and logarithmic.
    latency: bool,
    unit: &'static str,
    traces: [Trace; 2],
}

const CHARTS: [TextChart; 3] = [
    TextChart {
        title: "Requests per second",
        latency: false,
        unit: "/s",
        traces: [
            Trace {
                name: "sent",
                words: "sent, refreshes included",
                mark: Mark::Dots,
                joined: Joined::Mean,
                pick: |world| world.sent_rps.mean.clone(),
            },
            Trace {
                name: "good",
                words: "good responses",
                mark: Mark::Area,
                joined: Joined::Mean,
                pick: |world| world.ok_rps.mean.clone(),
            },
        ],
    },
    TextChart {
        title: "Latency of good responses (logarithmic)",
        latency: true,
        unit: "",
        traces: [
            Trace {
                name: "p50",
                words: "p50",
                mark: Mark::Line,
                joined: Joined::Mean,
                pick: |world| world.p50_s.mean.clone(),
            },
            Trace {
                name: "p99",
                words: "p99 (above)",
                mark: Mark::Line,
                joined: Joined::Largest,
                pick: |world| world.p99_s.mean.clone(),
            },
        ],
    },
    TextChart {
        title: "Requests in flight",
        latency: false,
        unit: "",
        traces: [
            Trace {
                name: "all",
                words: "with those that wait to get in",
                mark: Mark::Dots,
                joined: Joined::Mean,
                pick: in_and_before,
            },
            Trace {
                name: "in",
                words: "in the servers",
                mark: Mark::Area,
                joined: Joined::Mean,
                pick: |world| world.in_flight.mean.clone(),
            },
        ],
    },
];

/// Requests in the servers, in their queues, and those whose SYN was dropped.
fn in_and_before(world: &WorldSeries) -> Values {
    let parts = world.in_flight.mean.iter().zip(&world.queued.mean).zip(&world.retrying.mean);
    parts
        .map(|((inside, queued), retrying)| Some((*inside)? + queued.unwrap_or(0.0) + retrying.unwrap_or(0.0)))
        .collect()
}

/// The plots of all worlds, with what happened meanwhile; nothing for a run without a single step.
pub fn plots(worlds: &[WorldSeries], shaded: &[Shade], look: PlotStyle) -> String {
    let length_s = worlds.iter().map(|world| world.step_s * world.start_s.len() as f64).fold(0.0, f64::max);
    if length_s <= 0.0 {
        return String::new();
    }
    let charts: Vec<String> = CHARTS.iter().map(|chart| draw(chart, worlds, shaded, length_s, look)).collect();
    let mut text = charts.join("\n");
    let mark = if look.unicode { "━" } else { "=" };
    for shade in shaded.iter().filter(|shade| shade.from_s < length_s) {
        let (from, to) = (shade.from_s, shade.to_s.min(length_s));
        let said = format!("{mark}{mark} {} from {} to {}", shade.label, axis::moment(from), axis::moment(to));
        text += &format!("\n{}", wrap(&said, look.width).trim_end());
    }
    text.trim_end().to_owned() + "\n"
}

/// One chart: its title, and rows of panels that fit beside each other.
fn draw(chart: &TextChart, worlds: &[WorldSeries], shaded: &[Shade], length_s: f64, look: PlotStyle) -> String {
    let rows = if look.width < 60 { 6 } else { 8 };
    let all: Vec<f64> =
        worlds.iter().flat_map(|world| chart.traces.map(|trace| (trace.pick)(world))).flatten().flatten().collect();
    let mut text = heading(chart, look);
    let Some(scale) = Scale::of(&all, chart.latency, chart.unit, rows) else {
        return text + "  (there were none)\n";
    };
    let gutter = scale.labels.iter().map(|(_, label)| label.chars().count()).max().unwrap_or(0) + 1;
    let room = look.width.saturating_sub(gutter);
    let whole = |beside: usize| (room.saturating_sub(GAP * (beside - 1))) / beside;
    let fits = |&beside: &usize| whole(beside) > INSIDE_MIN + NAMES;
    let beside = (1..=worlds.len()).rev().find(fits).unwrap_or(1);
    let inside = whole(beside).saturating_sub(NAMES + 1).clamp(8, INSIDE_MAX);
    let times = Times::of(length_s, inside);
    for (row, some) in worlds.chunks(beside).enumerate() {
        let panels = some.iter().enumerate().map(|(at, world)| {
            let mut panel = PlotPanel::new(rows, inside, look);
            let ink = Ink::World(row * beside + at);
            for trace in &chart.traces {
                let values =
                    columns(&(trace.pick)(world), world.step_s, length_s, inside * trace.across(look), trace.joined);
                panel.draw(trace.mark, &values, &scale, ink, trace.name);
            }
            panel.time_axis(&times, shaded, length_s);
            (world.label(), ink, panel)
        });
        text += &side_by_side(&panels.collect::<Vec<_>>(), &scale, gutter, look);
    }
    text
}

/// What is drawn, and by which marks; a mark stays with its words.
fn heading(chart: &TextChart, look: PlotStyle) -> String {
    let said = |trace: &Trace| format!("{} {}", trace.sign(look), trace.words);
    let [first, second] = &chart.traces;
    let mut lines = vec![format!("{}:", chart.title)];
    for part in [format!("{},", said(second)), said(first)] {
        let last = lines.last_mut().expect("there is the title");
        if last.chars().count() + 1 + part.chars().count() <= look.width {
            *last += &format!(" {part}");
        } else {
            lines.push(part);
        }
    }
    let bold = |line: &String| if look.colour { format!("\x1b[1m{line}\x1b[0m\n") } else { format!("{line}\n") };
    lines.iter().map(bold).collect()
}

impl Trace {
    /// Values for each place: Braille has two dots beside each other.
    fn across(&self, look: PlotStyle) -> usize {
        if self.mark == Mark::Line && look.unicode { 2 } else { 1 }
    }

    fn sign(&self, look: PlotStyle) -> &'static str {
        match (self.mark, look.unicode) {
            (Mark::Area, true) => "█",
            (Mark::Area, false) => "#",
            (Mark::Dots, true) => "·",
            (Mark::Dots, false) => "-",
            (Mark::Line, true) => "⠒",
            (Mark::Line, false) if self.name == "p99" => "*",
            (Mark::Line, false) => "o",
        }
    }
}

/// The values of so many places over the whole length.
fn columns(values: &[Option<f64>], step_s: f64, length_s: f64, places: usize, joined: Joined) -> Values {
    let place_s = length_s / places as f64;
    let value = |place: usize| {
        let (from, to) = (place as f64 * place_s, (place + 1) as f64 * place_s);
        let first = (from / step_s + 1e-9) as usize;
        let last = ((to / step_s - 1e-9).ceil() as usize).clamp(first + 1, values.len().max(first + 1));
        let part = |at: usize| (to.min((at + 1) as f64 * step_s) - from.max(at as f64 * step_s)).max(0.0);
        let there = (first..last).filter_map(|at| Some((part(at), values.get(at).copied().flatten()?)));
        match joined {
            Joined::Largest => there.map(|(_, value)| value).reduce(f64::max),
            Joined::Mean => {
                let (weight, sum) =
                    there.fold((0.0, 0.0), |(weight, sum), (part, value)| (weight + part, sum + part * value));
                (weight > 0.0).then(|| sum / weight)
            }
        }
    };
    (0..places).map(value).collect()
}

/// Panels with their names above, the scale at the left of the first.
fn side_by_side(panels: &[(String, Ink, PlotPanel)], scale: &Scale, gutter: usize, look: PlotStyle) -> String {
    let mut text = " ".repeat(gutter);
    for (at, (name, ink, panel)) in panels.iter().enumerate() {
        let short = shortened(name, panel.width(), look);
        let gap = if at + 1 < panels.len() { panel.whole() + GAP - short.chars().count() } else { 0 };
        text += &format!("{}{}", ink.paint(&short, look), " ".repeat(gap));
    }
    text = text.trim_end().to_owned() + "\n";
    let lines: Vec<Vec<String>> = panels.iter().map(|(_, _, panel)| panel.lines(scale, look)).collect();
    for line in 0..lines[0].len() {
        let label = scale.labels.iter().find(|(row, _)| *row == line).map_or("", |(_, label)| label);
        let parts: Vec<&str> = lines.iter().map(|panel| panel[line].as_str()).collect();
        let whole = format!("{label:>width$} {}", parts.join(&" ".repeat(GAP)), width = gutter - 1);
        text += &format!("{}\n", whole.trim_end());
    }
    text
}

fn shortened(name: &str, most: usize, look: PlotStyle) -> String {
    if name.chars().count() <= most {
        return name.to_owned();
    }
    let kept: String = name.chars().take(most - 1).collect();
    kept + if look.unicode { "…" } else { "~" }
}

#[cfg(test)]
mod tests;
