//! A row of the gallery as data.

use engine::record::RunRecord;

use super::window::Stretch;
use lab::figure::{RUN_FIGURES, Recipe, Unit};

/// One published figure.
#[derive(Clone, Copy, Debug)]
pub struct GalleryRow {
    /// Item of the reports' list, and where it has several figures, which.
    pub key: &'static str,
    /// What it is about.
    pub what: &'static str,
    /// The figure as the report prints it, or the shape as it words it.
    pub published: &'static str,
    /// What is wrong or unclear about the published figure; empty if nothing is.
    pub flaw: &'static str,
    /// How it is held against a simulation.
    pub check: Check,
}

/// A published figure with nothing wrong about it.
pub(super) const fn row(key: &'static str, what: &'static str, published: &'static str, check: Check) -> GalleryRow {
    GalleryRow { key, what, published, flaw: "", check }
}

/// The same for a number of one world.
pub(super) const fn value(
    key: &'static str,
    what: &'static str,
    published: &'static str,
    reading: Reading,
    band: Tolerance,
) -> GalleryRow {
    row(key, what, published, Check::Value(reading, band))
}

/// How a figure is held against a simulation.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// A number of one world.
    Value(Reading, Tolerance),
    /// One number over another.
    Ratio(Reading, Reading, Tolerance),
    /// The number from which the report's one constant was calibrated: shown, not judged.
    Calibrated(Reading),
    /// A published draw of a lottery: it lies among the replications.
    Among(Reading, f64),
    /// The middle one of the replications' numbers.
    Middle(Reading, Tolerance),
    /// In how many of the replications the number is no more than so much.
    Share(Reading, f64, Tolerance),
    /// What several numbers look like side by side.
    Shape(&'static [Reading], Shape),
    /// What `tailback check` says of a file is the mistake, and it does not say it of the cure.
    Doubt(DoubtCase),
    /// What windows of runs look like side by side; each reading's figure is a column of the time series.
    Course(&'static [(Reading, Stretch)], Shape),
    /// A scheduling program beneath the folder of scenarios, and what its greenlets say, in order, and nothing else.
    Order(&'static str, &'static [&'static str]),
    /// It cannot be simulated yet, and why.
    NotYet(&'static str),
    /// It states something about a world of ours that is no outcome of a run, and which file says it.
    Stated(&'static str),
}

/// A scenario file with a mistake laid over it, and with the cure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DoubtCase {
    /// Scenario file, beneath the folder of scenarios.
    pub scenario: &'static str,
    /// The kind of doubt, as messages call it.
    pub kind: &'static str,
    /// Values laid over the file that make the mistake.
    pub mistake: &'static [&'static str],
    /// Values that do not.
    pub cure: &'static [&'static str],
}

impl DoubtCase {
    /// How many doubts of the kind there are with the mistake, and with the cure. They come from no run and no world.
    pub fn readings(&self) -> [Reading; 2] {
        [self.mistake, self.cure].map(|set| Reading { scenario: self.scenario, set, world: "", figure: self.kind })
    }
}

/// A number to take from runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Scenario file, beneath the folder of scenarios.
    pub scenario: &'static str,
    /// Values laid over the file, as `key=value`.
    pub set: &'static [&'static str],
    /// Which of its worlds.
    pub world: &'static str,
    /// Name of a figure of the run, as in data files.
    pub figure: &'static str,
}

/// A reading, or a window of one run's series.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WantedReading {
    /// From which runs, and which figure or column.
    pub reading: Reading,
    /// Of the whole run, or of a window.
    pub window: Option<Stretch>,
}

/// Where a number has to be. In the figure's own unit, which for durations is nanoseconds.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Tolerance {
    /// That number and no other.
    Exactly(f64),
    /// So many per cent around the published number.
    Near(f64, f64),
    /// Between two numbers, both included.
    Between(f64, f64),
}

/// What several numbers look like.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Shape {
    /// Largest and smallest lie within so many per cent of each other.
    Flat(f64),
    /// None is smaller than the one before, and the last is at least so many times the first.
    Rising(f64),
    /// None is larger than the one before, and the first is at least so many times the last.
    Falling(f64),
    /// None is less than so many per cent of the first.
    Keeps(f64),
    /// The first is at most so large, the last at least so much.
    Breaks(f64, f64),
    /// They rise over these ascending places, and each lies within so many per cent of the line from the first to the last.
    Straight(&'static [f64], f64),
}

impl Reading {
    /// How the number is read from a record.
    pub fn recipe(&self) -> Option<&'static Recipe<RunRecord>> {
        RUN_FIGURES.iter().find(|recipe| recipe.spec.name == self.figure)
    }

    /// Whether two numbers come from the same runs.
    pub fn shares_runs(&self, other: &Reading) -> bool {
        (self.scenario, self.set) == (other.scenario, other.set)
    }
}

impl WantedReading {
    /// What it is measured in; `None` if there is no such figure or column.
    pub fn unit(&self) -> Option<Unit> {
        match self.window {
            None => self.reading.recipe().map(|recipe| recipe.spec.unit),
            Some(window) => window.unit(self.reading.figure),
        }
    }

    /// The number of one run.
    pub fn of(&self, record: &RunRecord) -> Option<f64> {
        match self.window {
            None => self.reading.recipe().and_then(|recipe| (recipe.value)(record)),
            Some(window) => window.of(self.reading.figure, record),
        }
    }
}

impl Check {
    /// All numbers that it takes.
    pub fn wanted(&self) -> Vec<WantedReading> {
        let whole = |reading: &Reading| WantedReading { reading: *reading, window: None };
        match self {
            Check::Value(reading, _)
            | Check::Calibrated(reading)
            | Check::Among(reading, _)
            | Check::Middle(reading, _)
            | Check::Share(reading, ..) => vec![whole(reading)],
            Check::Ratio(over, under, _) => vec![whole(over), whole(under)],
            Check::Shape(readings, _) => readings.iter().map(whole).collect(),
            Check::Course(points, _) => {
                points.iter().map(|&(reading, window)| WantedReading { reading, window: Some(window) }).collect()
            }
            Check::Doubt(_) | Check::Order(..) | Check::NotYet(_) | Check::Stated(_) => Vec::new(),
        }
    }

    /// All counts of doubts that it takes from the checker.
    pub fn doubts(&self) -> Vec<Reading> {
        match self {
            Check::Doubt(asked) => asked.readings().to_vec(),
            _ => Vec::new(),
        }
    }

    /// The scheduling program that it runs.
    pub fn program(&self) -> Option<&'static str> {
        match self {
            Check::Order(program, _) => Some(program),
            _ => None,
        }
    }
}

impl Tolerance {
    /// Lower and upper end.
    pub fn ends(&self) -> (f64, f64) {
        match *self {
            Tolerance::Exactly(value) => (value, value),
            Tolerance::Near(value, percent) => {
                let half = value.abs() * percent / 100.0;
                (value - half, value + half)
            }
            Tolerance::Between(low, high) => (low, high),
        }
    }

    /// Whether a number is in it. What was meant exactly may be off by the rounding of a mean.
    pub fn holds(&self, value: f64) -> bool {
        let (low, high) = self.ends();
        let slack = value.abs() * 1e-9;
        value >= low - slack && value <= high + slack
    }
}

impl Shape {
    /// Whether numbers look like it.
    pub fn holds(&self, values: &[f64]) -> bool {
        let (Some(&first), Some(&last)) = (values.first(), values.last()) else { return false };
        let pairs = || values.iter().zip(values.iter().skip(1));
        match *self {
            Shape::Flat(percent) => {
                let low = values.iter().copied().fold(f64::INFINITY, f64::min);
                let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                high <= low * (1.0 + percent / 100.0)
            }
            Shape::Rising(times) => pairs().all(|(a, b)| b >= a) && last > first && last >= first * times,
            Shape::Falling(times) => pairs().all(|(a, b)| b <= a) && first > last && first >= last * times,
            Shape::Keeps(percent) => values.iter().all(|&value| value >= first * percent / 100.0),
            Shape::Breaks(before, after) => first <= before && last >= after,
            Shape::Straight(places, percent) => last > first && is_straight(places, values, percent),
        }
    }

    /// In words.
    pub fn words(&self) -> String {
        match *self {
            Shape::Flat(percent) => format!("within {percent} % of each other"),
            Shape::Rising(times) => format!("rising, {times} times at least"),
            Shape::Falling(times) => format!("falling, to 1/{times} at most"),
            Shape::Keeps(percent) => format!("at least {percent} % of the first"),
            Shape::Breaks(before, after) => format!("first at most {before}, last at least {after}"),
            Shape::Straight(_, percent) => format!("on a rising line ±{percent} %"),
        }
    }
}

/// Whether values at these places lie within so many per cent of the line from the first to the last.
fn is_straight(places: &[f64], values: &[f64], percent: f64) -> bool {
    let (Some((&from, &to)), Some((&low, &high))) =
        (places.first().zip(places.last()), values.first().zip(values.last()))
    else {
        return false;
    };
    let on_line = |place: f64| low + (high - low) * (place - from) / (to - from);
    let near = |(&place, &value): (&f64, &f64)| (value - on_line(place)).abs() <= on_line(place) * percent / 100.0;
    places.len() == values.len() && places.iter().zip(values).all(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_includes_its_ends_and_nothing_beyond() {
        assert!(Tolerance::Exactly(4.0).holds(4.0) && !Tolerance::Exactly(4.0).holds(4.001));
        assert!(Tolerance::Near(100.0, 2.0).holds(98.0) && !Tolerance::Near(100.0, 2.0).holds(97.9));
        assert!(Tolerance::Between(1.0, 2.0).holds(2.0) && !Tolerance::Between(1.0, 2.0).holds(2.1));
    }

    #[test]
    fn shapes_are_about_all_numbers() {
        assert!(Shape::Flat(10.0).holds(&[100.0, 105.0, 109.0]) && !Shape::Flat(10.0).holds(&[100.0, 90.0]));
        assert!(Shape::Rising(2.0).holds(&[1.0, 1.5, 2.0]) && !Shape::Rising(2.0).holds(&[1.0, 3.0, 2.5]));
        assert!(Shape::Falling(2.0).holds(&[2.0, 1.0]) && !Shape::Falling(2.0).holds(&[1.0, 1.0]));
        assert!(Shape::Breaks(0.0, 1.0).holds(&[0.0, 5.0]) && !Shape::Breaks(0.0, 1.0).holds(&[0.0, 0.5]));
        let line = Shape::Straight(&[1.0, 2.0, 4.0], 10.0);
        assert!(line.holds(&[10.0, 21.0, 40.0]) && !line.holds(&[10.0, 25.0, 40.0]));
        assert!(!line.holds(&[40.0, 20.0, 10.0]) && !line.holds(&[10.0, 40.0]));
        assert!(Shape::Keeps(90.0).holds(&[10.0, 9.0, 12.0]) && !Shape::Keeps(90.0).holds(&[10.0, 12.0, 8.9]));
        assert!(!Shape::Flat(1.0).holds(&[]));
    }
}
