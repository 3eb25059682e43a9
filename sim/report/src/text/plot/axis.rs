//! The scales of a plot: which values and instants are named, and where.

use lab::Unit;

use crate::words::number;

/// What times are told in: seconds of one, and its sign.
const TIMES: [(f64, &str); 4] = [(3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms")];
/// Numbers that steps of a scale begin with.
const ROUND: [f64; 3] = [1.0, 2.0, 5.0];

/// Where scales from zero end, times a power of ten, and in how many parts that goes well.
const ENDS: [(f64, u32); 9] =
    [(1.0, 4), (1.2, 4), (1.5, 3), (2.0, 4), (3.0, 3), (4.0, 4), (6.0, 3), (8.0, 4), (10.0, 4)];
/// Decimals at most.
const DECIMALS_MAX: usize = 6;

/// A vertical scale.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    log: bool,
    rows: usize,
    /// (row from the top, what stands beside it); the row after the last is the axis.
    pub(super) labels: Vec<(usize, String)>,
}

impl Scale {
    /// One for all of these values: from zero on, or logarithmic between round times; `None` without anything to show.
    pub(super) fn of(values: &[f64], latency: bool, unit: &str, rows: usize) -> Option<Scale> {
        let highest = values.iter().copied().reduce(f64::max)?;
        if latency {
            let lowest = values.iter().copied().filter(|&value| value > 0.0).reduce(f64::min)?;
            return Some(Scale::log(lowest, highest, rows));
        }
        let power = 10_f64.powf(highest.max(1e-9).log10().floor());
        let reaches = |&&(end, _): &&(f64, u32)| end * power >= highest * (1.0 - 1e-9);
        let &(end, parts) = ENDS.iter().find(reaches).unwrap_or(&ENDS[ENDS.len() - 1]);
        let high = end * power;
        // Halves rather than quarters that are no whole numbers.
        let quarters_are_odd = high >= 2.0 && (high / f64::from(parts)).fract() > 1e-6;
        let parts = if quarters_are_odd { parts / 2 } else { parts };
        let step = high / f64::from(parts);
        let mut scale = Scale { low: 0.0, high, log: false, rows, labels: Vec::new() };
        let is_whole = |decimals: &usize| {
            let units = step * 10_f64.powi(*decimals as i32);
            (units - units.round()).abs() < 1e-6
        };
        let decimals = (0..DECIMALS_MAX).find(is_whole).unwrap_or(DECIMALS_MAX);
        let blanks = if unit.is_empty() { 0 } else { unit.len() + 1 };
        for part in (0..=parts).rev() {
            let digits = number::grouped(step * f64::from(part), if part == 0 { 0 } else { decimals });
            let behind = if part == parts && blanks > 0 { format!(" {unit}") } else { " ".repeat(blanks) };
            scale.name(step * f64::from(part), format!("{digits}{behind}"));
        }
        Some(scale)
    }

    fn log(lowest: f64, highest: f64, rows: usize) -> Scale {
        let low = round_below(lowest);
        let mut high = step_above(highest);
        if high <= low * 1.01 {
            high = step_above(low * 1.01);
        }
        let mut scale = Scale { low, high, log: true, rows, labels: Vec::new() };
        // The ends first, then the powers of ten, then what there is room for.
        let exponents = || low.log10().floor() as i32..=high.log10().ceil() as i32;
        let powers = exponents().map(|exponent| 10_f64.powi(exponent));
        let others = exponents().flat_map(|exponent| [2.0, 5.0].map(|digit| digit * 10_f64.powi(exponent)));
        for value in [low, high].into_iter().chain(powers).chain(others) {
            if value >= low * 0.99 && value <= high * 1.01 {
                scale.name(value, time_label(value));
            }
        }
        scale.labels.sort();
        scale
    }

    /// Names a value at the row whose upper edge it is, if that and its neighbours are free.
    fn name(&mut self, value: f64, label: String) {
        let up = (self.share(value) * self.rows as f64 - 1e-6).ceil().max(0.0) as usize;
        let row = self.rows - up.min(self.rows);
        if self.labels.iter().all(|(taken, _)| taken.abs_diff(row) > 1) {
            self.labels.push((row, label));
        }
    }

    /// How far up a value is, 0 to 1.
    pub(super) fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// Whether a row is named.
    pub(super) fn is_named(&self, row: usize) -> bool {
        self.labels.iter().any(|(named, _)| *named == row)
    }
}

/// The horizontal scale.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Times {
    /// (place, what stands below it).
    pub(super) labels: Vec<(usize, String)>,
}

impl Times {
    /// Names instants from zero on, eight places or more apart; the last has the unit.
    pub(super) fn of(length_s: f64, places: usize) -> Times {
        let &(one, unit) = TIMES.iter().find(|(one, _)| length_s >= 2.0 * one).unwrap_or(&TIMES[3]);
        let length = length_s / one;
        let step = time_step(length * 8.0 / places as f64, unit);
        let count = (length / step + 1e-9) as usize;
        let decimals = usize::try_from((-step.log10().floor()) as i64).unwrap_or(0);
        let label = |at: usize| {
            let place = ((at as f64 * step / length * places as f64).round() as usize).min(places - 1);
            let sign = if at == count { format!(" {unit}") } else { String::new() };
            (place, format!("{}{sign}", number::grouped(at as f64 * step, decimals)))
        };
        Times { labels: (0..=count).map(label).collect() }
    }
}

/// The least round number that is not below: of seconds and minutes, those of a clock.
fn time_step(least: f64, unit: &str) -> f64 {
    let clock = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0];
    let of_clock = matches!(unit, "s" | "min").then(|| clock.into_iter().find(|&step| step >= least));
    of_clock.flatten().filter(|_| least > 0.5).unwrap_or_else(|| step_above(least))
}

/// The least of 1, 2 and 5 times a power of ten that is not below.
fn step_above(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    let found = ROUND.iter().map(|digit| digit * power).find(|&step| step >= least * (1.0 - 1e-9));
    found.unwrap_or(10.0 * power)
}

/// The largest of 1, 2 and 5 times a power of ten that is not above.
fn round_below(most: f64) -> f64 {
    let power = 10_f64.powf(most.log10().floor());
    ROUND.iter().rev().map(|digit| digit * power).find(|&step| step <= most * (1.0 + 1e-9)).unwrap_or(power)
}

/// A round time of so many seconds, without digits that it does not need.
fn time_label(seconds: f64) -> String {
    let written = number::value(Unit::Nanoseconds, seconds * 1e9);
    let (digits, unit) = written.split_once(' ').unwrap_or((&written, ""));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{digits} {unit}")
}

/// An instant in words.
pub(super) fn moment(seconds: f64) -> String {
    let whole = (seconds * 1e3).round() / 1e3;
    format!("{whole} s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_begin_at_zero_and_end_at_a_round_number() {
        let scale = Scale::of(&[0.0, 283.0], false, "/s", 8).unwrap();
        assert_eq!(scale.high, 300.0);
        assert_eq!(scale.labels.first().unwrap(), &(0, "300 /s".to_owned()));
        assert_eq!(scale.labels.last().unwrap(), &(8, "0   ".to_owned()));
        let names = |highest: f64| -> Vec<String> {
            Scale::of(&[highest], false, "", 8).unwrap().labels.into_iter().map(|(_, label)| label).collect()
        };
        assert_eq!(names(9.99), ["10", "5", "0"]);
        assert_eq!(names(97.0), ["100", "75", "50", "25", "0"]);
        assert_eq!(names(0.9), ["1.00", "0.75", "0.50", "0.25", "0"]);
        assert_eq!(names(13.0), ["15", "10", "5", "0"]);
        assert_eq!(Scale::of(&[0.0], false, "", 8).unwrap().low, 0.0, "nothing but zeros has a scale too");
        assert!(Scale::of(&[], false, "", 8).is_none() && Scale::of(&[0.0], true, "", 8).is_none());
    }

    #[test]
    fn latencies_stand_between_round_times() {
        let scale = Scale::of(&[0.021, 0.9], true, "", 8).unwrap();
        let labels: Vec<&str> = scale.labels.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!((labels.first(), labels.last()), (Some(&"1 s"), Some(&"20 ms")));
        assert!(labels.contains(&"100 ms"), "{labels:?}");
        let same = Scale::of(&[1.0, 1.0], true, "", 6).unwrap();
        assert!(same.high > same.low);
    }

    #[test]
    fn instants_are_named_by_the_clock_and_never_crowd() {
        for (length_s, places, last) in
            [(420.0, 40, "6 min"), (10.0, 40, "9 s"), (90.0, 60, "90 s"), (1.2, 30, "1,000 ms")]
        {
            let times = Times::of(length_s, places);
            let apart = times.labels.windows(2).all(|two| two[1].0 - two[0].0 >= 7);
            assert!(apart && times.labels[0].1.starts_with('0'), "{times:?}");
            assert!(times.labels.last().unwrap().1.ends_with(last.rsplit(' ').next().unwrap()), "{times:?}");
        }
    }
}
