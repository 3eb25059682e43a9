//! One small plot of the page as data: what is drawn, what is said on hovering, and the table behind it are made of
//! the same numbers.

use lab::{Estimate, Unit};

use super::PageTable;
use crate::figures::panel;
use crate::figures::panel::{Curve, PanelSample};
use crate::figures::scale::{Axis, Quantity, TimeAxis};
use crate::figures::style::{self, FINE};
use crate::figures::type_setting::clean;
use crate::words::number;

/// Rows of a table behind a plot, at most.
const ROWS_MAX: usize = 25;
/// How far an interval may stretch the axis beyond the largest value; wider ones are cut by the frame.
const INTERVAL_STRETCH: f64 = 1.3;

/// What the horizontal axis is.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Along {
    /// Time since the start of the run, in seconds.
    Clock(TimeAxis),
    /// Percentiles: an instant is the number of nines, `-log10(1 - p)`, up to so many.
    Nines(f64),
    /// A share of a whole, 0 to 1, of the things named.
    Share(&'static str),
}

/// One line of a plot.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct PlotLine {
    /// The world that it belongs to: its colour, and what hides it.
    pub world: usize,
    /// Its name beside it.
    pub name: String,
    /// Whether it is the other side of the story.
    pub dashed: bool,
    /// A value for each place of [`Plot::at`], with its interval if there is one.
    pub values: Vec<Option<PlotValue>>,
}

/// A value with its interval.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct PlotValue {
    /// Mean over replications, or what they have together.
    pub mean: f64,
    /// Its interval, if there is one.
    pub interval: Option<(f64, f64)>,
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Plot {
    /// Its name in the page.
    pub id: String,
    /// What it shows.
    pub title: String,
    /// What the vertical axis measures, with its unit.
    pub measures: String,
    /// The horizontal axis.
    pub along: Along,
    /// Places on it, ascending.
    pub at: Vec<f64>,
    /// Which of the places stand in the table; none: some, evenly.
    pub tabled: Vec<usize>,
    /// The vertical axis.
    pub quantity: Quantity,
    /// How its values are written.
    pub unit: Unit,
    pub lines: Vec<PlotLine>,
    /// Whether a line from corner to corner is drawn for comparison.
    pub diagonal: bool,
}

impl Along {
    /// Where a place lies, 0 at the left and 1 at the right.
    pub fn share(&self, at: f64) -> f64 {
        match self {
            Along::Clock(clock) => clock.share(at),
            Along::Nines(most) => (at / most).clamp(0.0, 1.0),
            Along::Share(_) => at.clamp(0.0, 1.0),
        }
    }

    /// Places and what is written below them.
    pub fn ticks(&self) -> Vec<(f64, String)> {
        match self {
            Along::Clock(clock) => clock.ticks(6).into_iter().map(|at| (at, clock.label(at))).collect(),
            Along::Nines(most) => {
                let all =
                    [(0.0, "0"), (libm::log10(2.0), "50"), (1.0, "90"), (2.0, "99"), (3.0, "99.9"), (4.0, "99.99")];
                let shown = all.into_iter().filter(|(at, _)| at <= most);
                shown.map(|(at, label)| (at, format!("{label} %"))).collect()
            }
            Along::Share(_) => [0.0, 0.25, 0.5, 0.75, 1.0].map(|at| (at, format!("{} %", at * 100.0))).to_vec(),
        }
    }

    /// A place in words, for the table and on hovering.
    pub fn words(&self, at: f64) -> String {
        match self {
            Along::Clock(clock) => clock.label(at),
            Along::Nines(_) => percentile(at),
            Along::Share(_) => format!("{:.0} %", at * 100.0),
        }
    }

    /// The same for the head of a table, where room is scarce.
    pub fn head(&self) -> String {
        match self {
            Along::Clock(clock) => clock.unit().strip_prefix(", ").unwrap_or("time").to_owned(),
            Along::Nines(_) => "percentile".to_owned(),
            Along::Share(_) => "share".to_owned(),
        }
    }

    /// What the axis is, for the line below it.
    pub fn name(&self) -> String {
        match self {
            Along::Clock(clock) => format!("Time since the start{}", clock.unit()),
            Along::Nines(_) => "Percentile, each nine as wide".to_owned(),
            Along::Share(of) => (*of).to_owned(),
        }
    }
}

/// A percentile with the digits that tell it from its neighbours.
fn percentile(nines: f64) -> String {
    let percent = (1.0 - libm::pow(10.0, -nines)) * 100.0;
    let digits = if nines < 0.99 {
        0
    } else if nines < 1.99 {
        1
    } else if nines < 2.99 {
        2
    } else {
        3
    };
    let text = format!("{percent:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("p{text}")
}

impl Plot {
    /// A value in words.
    pub fn words(&self, value: f64) -> String {
        number::value(self.unit, value * self.scale())
    }

    /// A value and half its interval, in the same unit. The upper half is told: the lower is cut at zero.
    fn with_margin(&self, mean: f64, half: f64) -> String {
        let (mean, half) = (mean * self.scale(), half * self.scale());
        let estimate = Estimate { mean, low: Some(mean - half), high: Some(mean + half), n: 2 };
        let written = number::estimate(self.unit, &estimate);
        [Some(written.value), written.margin].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// How many of the unit's own measure a value of one is.
    fn scale(&self) -> f64 {
        if self.unit == Unit::Nanoseconds { 1e9 } else { 1.0 }
    }

    /// Whether there is anything to draw.
    pub fn has_values(&self) -> bool {
        self.lines.iter().any(|line| line.values.iter().any(Option::is_some))
    }

    /// The vertical axis for all of its values.
    pub fn axis(&self) -> Axis {
        let values = || self.lines.iter().flat_map(|line| line.values.iter().flatten());
        let largest = values().map(|value| value.mean).fold(0.0, f64::max);
        let highs = values().filter_map(|value| value.interval).map(|(_, high)| high.min(largest * INTERVAL_STRETCH));
        Axis::around(self.quantity, values().map(|value| value.mean).chain(highs))
    }

    /// The same as a panel of the figures, on a clock of one second: what finds places for names knows those.
    pub fn panel(&self) -> panel::Panel {
        let curve = |line: &PlotLine| -> Curve {
            let sample = |(value, &at): (&Option<PlotValue>, &f64)| {
                let mean = (*value)?.mean;
                Some(PanelSample { at_s: self.along.share(at), mean, interval: None })
            };
            line.values.iter().zip(&self.at).map(sample).collect()
        };
        let line = |line: &PlotLine| {
            let look = style::world(line.world);
            let name = clean(&line.name);
            panel::PanelLine { curve: curve(line), colour: look.line, text: look.text, stroke: FINE, name }
        };
        panel::Panel { heading: String::new(), colour: style::INK, lines: self.lines.iter().map(line).collect() }
    }

    /// The table behind the plot: a row for some of its places.
    pub fn table(&self) -> PageTable {
        let every = self.at.len().div_ceil(ROWS_MAX).max(1);
        let evenly: Vec<usize> = (0..self.at.len()).step_by(every).collect();
        let rows = if self.tabled.is_empty() { &evenly } else { &self.tabled };
        let cell = |value: Option<PlotValue>| match value {
            None => "–".to_owned(),
            Some(PlotValue { mean, interval: None }) => self.words(mean),
            Some(PlotValue { mean, interval: Some((_, high)) }) => self.with_margin(mean, high - mean),
        };
        let row = |&at: &usize| {
            let cells = self.lines.iter().map(|line| cell(line.values[at])).collect();
            (self.along.words(self.at[at]), cells)
        };
        let head = [self.along.head()].into_iter().chain(self.lines.iter().map(|line| line.name.clone())).collect();
        PageTable { caption: format!("{}: {}", self.title, self.measures), head, rows: rows.iter().map(row).collect() }
    }

    /// What a screen reader says of it: the ends of each line and its largest value.
    pub fn description(&self) -> String {
        let of_line = |line: &PlotLine| {
            let mut known = line.values.iter().zip(&self.at).filter_map(|(value, &at)| Some(((*value)?.mean, at)));
            let Some(first) = known.next() else { return format!("{}: nothing to measure.", line.name) };
            let (last, largest) =
                known.fold((first, first), |(_, largest), one| (one, if one.0 > largest.0 { one } else { largest }));
            let place = |(value, at): (f64, f64)| format!("{} at {}", self.words(value), self.along.words(at));
            format!("{}: from {} to {}, at most {}.", line.name, place(first), place(last), place(largest))
        };
        self.lines.iter().map(of_line).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_have_the_digits_that_tell_them_apart() {
        let told = [0.0, std::f64::consts::LOG10_2, 1.0, 2.0, 3.0, 4.0].map(percentile);
        assert_eq!(told, ["p0", "p50", "p90", "p99", "p99.9", "p99.99"]);
    }

    #[test]
    fn a_table_has_few_rows_and_half_of_each_interval() {
        let value = |at: usize| Some(PlotValue { mean: at as f64, interval: Some((0.0, 2.0 * at as f64)) });
        let plot = Plot {
            id: "x".to_owned(),
            title: "Sent".to_owned(),
            measures: "requests a second".to_owned(),
            along: Along::Clock(TimeAxis { end_s: 1000.0 }),
            at: (0..1000).map(f64::from).collect(),
            tabled: Vec::new(),
            quantity: Quantity::Count,
            unit: Unit::PerSecond,
            lines: vec![PlotLine {
                world: 0,
                name: "a".to_owned(),
                dashed: false,
                values: (0..1000).map(value).collect(),
            }],
            diagonal: false,
        };
        let table = plot.table();
        assert!(table.rows.len() <= ROWS_MAX);
        assert_eq!(table.rows[1], ("0:40".to_owned(), vec!["40.0 /s ±40.0".to_owned()]));
        assert_eq!(plot.description(), "a: from 0 /s at 0:00 to 999 /s at 16:39, at most 999 /s at 16:39.");
    }
}
