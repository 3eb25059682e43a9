//! Axes: from values to pixels, and the round numbers written beside them.
//!
//! Logarithms come from `libm`, so a tick sits on the same pixel on every platform.

/// What the numbers on a vertical axis are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quantity {
    /// Seconds; logarithmic if the values span more than [`LOG_SPAN`].
    Latency,
    /// Things, or things per second; from zero.
    Count,
    /// A share of a whole, 0 to 1; always the whole range.
    Share,
}

/// Largest over smallest value from which on a latency axis is logarithmic: below it a linear axis still shows both.
pub const LOG_SPAN: f64 = 20.0;

/// The smallest value that an axis can end at.
const SMALLEST: f64 = 1e-9;
/// The largest value that an axis can end at.
const LARGEST: f64 = 1e15;
/// Most labels that stand above each other legibly in the lowest frame.
const TICKS_MAX: usize = 8;

/// A vertical axis: a range of values and the ticks in it.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    low: f64,
    high: f64,
    /// Whether equal distances are equal ratios.
    pub log: bool,
    /// Values that get a grid line, ascending.
    pub ticks: Vec<f64>,
    quantity: Quantity,
}

impl Axis {
    /// An axis for these values with about six ticks. Values that are not finite are left out; those below a
    /// billionth count as zero and those above 10^15 as 10^15, so that there is always a step between two ticks.
    pub fn around(quantity: Quantity, values: impl Iterator<Item = f64>) -> Axis {
        let mut smallest = f64::INFINITY;
        let mut largest = 0.0_f64;
        for value in values.filter(|value| value.is_finite()) {
            let value = value.min(LARGEST);
            if value >= SMALLEST {
                largest = largest.max(value);
                smallest = smallest.min(value);
            }
        }
        match quantity {
            Quantity::Share => Axis { low: 0.0, high: 1.0, log: false, ticks: shares(), quantity },
            Quantity::Latency if largest > smallest * LOG_SPAN => Self::logarithmic(quantity, smallest, largest),
            Quantity::Latency | Quantity::Count => Self::from_zero(quantity, largest),
        }
    }

    fn from_zero(quantity: Quantity, largest: f64) -> Axis {
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let step = round_up(largest / 6.0);
        let count = (largest / step).ceil().max(1.0);
        let ticks: Vec<f64> = (0..=count as u32).map(|tick| f64::from(tick) * step).collect();
        Axis { low: 0.0, high: count * step, log: false, ticks, quantity }
    }

    /// A logarithmic axis from one value above zero to another.
    pub fn logarithmic(quantity: Quantity, smallest: f64, largest: f64) -> Axis {
        let (low, high) = (round_down(smallest), round_up(largest));
        let within = |mantissas: &[f64]| -> Vec<f64> {
            let first = exponent(low);
            let decades = exponent(high) - first + 1;
            (0..decades)
                .flat_map(|decade| mantissas.iter().map(move |mantissa| mantissa * power(first + decade)))
                .filter(|&tick| tick > low * 0.999 && tick < high * 1.001)
                .collect()
        };
        let mut ticks = within(&[1.0, 2.0, 5.0]);
        if ticks.len() > TICKS_MAX {
            ticks = within(&[1.0, 3.0]);
        }
        if ticks.len() > TICKS_MAX {
            ticks = within(&[1.0]);
        }
        let every = ticks.len().div_ceil(TICKS_MAX);
        let ticks = ticks.into_iter().step_by(every.max(1)).collect();
        Axis { low, high, log: true, ticks, quantity }
    }

    /// Where `value` lies, 0 at the bottom and 1 at the top; values outside are moved to the edge.
    pub fn share(&self, value: f64) -> f64 {
        let share = if self.log {
            let (low, high) = (libm::log10(self.low), libm::log10(self.high));
            (libm::log10(value.max(self.low)) - low) / (high - low)
        } else {
            (value - self.low) / (self.high - self.low)
        };
        share.clamp(0.0, 1.0)
    }

    /// What is written beside a tick.
    pub fn label(&self, tick: f64) -> String {
        match self.quantity {
            Quantity::Share => format!("{} %", decimal(tick * 100.0)),
            Quantity::Count => decimal(tick),
            Quantity::Latency if tick == 0.0 => "0".to_owned(),
            // A linear axis keeps to one unit from bottom to top.
            Quantity::Latency if self.log => seconds(tick, tick),
            Quantity::Latency => seconds(tick, self.high),
        }
    }
}

/// The ticks of a share.
fn shares() -> Vec<f64> {
    vec![0.0, 0.25, 0.5, 0.75, 1.0]
}

/// A latency in the unit that fits `like`.
fn seconds(value: f64, like: f64) -> String {
    if like >= 0.999_999 {
        format!("{} s", decimal(value))
    } else if like >= 0.000_999_999 {
        format!("{} ms", decimal(value * 1e3))
    } else {
        format!("{} µs", decimal(value * 1e6))
    }
}

/// A number with at most three decimals, none of them idle, and thousands set apart.
pub fn decimal(value: f64) -> String {
    let text = format!("{value:.3}");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let rest = rest.trim_end_matches('0');
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if rest.is_empty() { grouped } else { format!("{grouped}.{rest}") }
}

/// The power of ten at or below a positive value.
fn exponent(value: f64) -> i32 {
    let guess = libm::floor(libm::log10(value)) as i32;
    // The logarithm of a power of ten may fall a hair short of the whole number.
    if value >= power(guess + 1) { guess + 1 } else { guess }
}

/// Ten to a whole power, by multiplication: `powi` may differ between platforms.
fn power(exponent: i32) -> f64 {
    let size = (0..exponent.unsigned_abs()).fold(1.0, |product, _| product * 10.0);
    if exponent < 0 { 1.0 / size } else { size }
}

/// The smallest 1, 2 or 5 times a power of ten that is no less than `value`.
pub fn round_up(value: f64) -> f64 {
    let unit = power(exponent(value));
    [1.0, 2.0, 5.0]
        .into_iter()
        .map(|mantissa| mantissa * unit)
        .find(|&tick| tick >= value * 0.999_999)
        .unwrap_or(10.0 * unit)
}

/// The largest 1, 2 or 5 times a power of ten that is no more than `value`.
fn round_down(value: f64) -> f64 {
    let unit = power(exponent(value));
    [5.0, 2.0].into_iter().map(|mantissa| mantissa * unit).find(|&tick| tick <= value * 1.000_001).unwrap_or(unit)
}

/// The time axis: from the start of the run to its end.
#[derive(Clone, PartialEq, Debug)]
pub struct TimeAxis {
    /// Its end, seconds.
    pub end_s: f64,
}

/// Steps a clock may tick in, seconds.
const CLOCK_STEPS: [f64; 23] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0,
    7200.0, 21600.0, 43200.0, 86400.0,
];

impl TimeAxis {
    /// At most `ticks_max` ticks, from zero; at least the zero.
    pub fn ticks(&self, ticks_max: u32) -> Vec<f64> {
        let fits = |step: f64| self.end_s / step * 1.000_001 < f64::from(ticks_max);
        let step = CLOCK_STEPS.into_iter().find(|&step| fits(step)).unwrap_or(self.end_s);
        let count = (self.end_s / step * 1.000_001).floor() as u32;
        (0..=count.min(ticks_max)).map(|tick| f64::from(tick) * step).collect()
    }

    /// Where an instant lies, 0 at the left and 1 at the right; instants outside are moved to the edge.
    pub fn share(&self, at_s: f64) -> f64 {
        (at_s / self.end_s).clamp(0.0, 1.0)
    }

    /// What is written below a tick: seconds up to two minutes, then min:s, then h:min.
    pub fn label(&self, tick_s: f64) -> String {
        let whole = tick_s.round() as u64;
        if self.end_s <= 120.0 {
            format!("{} s", decimal(tick_s))
        } else if self.end_s <= 7200.0 {
            format!("{}:{:02}", whole / 60, whole % 60)
        } else {
            format!("{}:{:02}", whole / 3600, whole / 60 % 60)
        }
    }

    /// What the labels are where they do not say it themselves, for the note below the figure.
    pub fn unit(&self) -> &'static str {
        if self.end_s <= 120.0 {
            ""
        } else if self.end_s <= 7200.0 {
            ", min:s"
        } else {
            ", h:min"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|&tick| axis.label(tick)).collect()
    }

    #[test]
    fn a_wide_span_of_latencies_is_drawn_on_a_log_axis() {
        let axis = Axis::around(Quantity::Latency, [0.12, 31.0].into_iter());
        assert!(axis.log);
        assert_eq!(labels(&axis), ["100 ms", "300 ms", "1 s", "3 s", "10 s", "30 s"]);
        assert_eq!((axis.share(0.1), axis.share(50.0), axis.share(0.0)), (0.0, 1.0, 0.0));
    }

    #[test]
    fn a_narrow_span_starts_at_zero_and_keeps_to_one_unit() {
        let axis = Axis::around(Quantity::Latency, [0.4, 1.1].into_iter());
        assert!(!axis.log);
        assert_eq!(labels(&axis), ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s", "1.2 s"]);
        assert!((axis.share(0.6) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn nothing_zero_and_one_value_still_make_an_axis() {
        for values in [vec![], vec![0.0], vec![f64::NAN, f64::INFINITY]] {
            for quantity in [Quantity::Latency, Quantity::Count, Quantity::Share] {
                let axis = Axis::around(quantity, values.iter().copied());
                assert!(axis.ticks.len() >= 2 && axis.share(0.0) == 0.0 && axis.share(1.0) == 1.0, "{axis:?}");
            }
        }
        assert_eq!(
            labels(&Axis::around(Quantity::Count, [2_600.0].into_iter())),
            ["0", "500", "1,000", "1,500", "2,000", "2,500", "3,000"]
        );
        assert_eq!(
            labels(&Axis::around(Quantity::Latency, [0.000_4].into_iter())).last().map(String::as_str),
            Some("400 µs")
        );
    }

    #[test]
    fn absurd_values_still_make_an_axis() {
        for values in [[f64::MAX, f64::MIN_POSITIVE], [1e-310, 1e-320], [1e15, 1e-9], [-5.0, -1e300]] {
            for quantity in [Quantity::Latency, Quantity::Count, Quantity::Share] {
                let axis = Axis::around(quantity, values.into_iter());
                assert!((2..=TICKS_MAX).contains(&axis.ticks.len()), "{axis:?}");
            }
        }
    }

    #[test]
    fn numbers_are_written_as_people_write_them() {
        let written = [0.0, 0.5, 12.25, 999.0, 1000.0, 1_234_567.0, 0.1 + 0.2].map(decimal);
        assert_eq!(written, ["0", "0.5", "12.25", "999", "1,000", "1,234,567", "0.3"]);
    }

    #[test]
    fn round_numbers_stay_where_they_are() {
        for value in [0.001, 0.01, 0.1, 1.0, 10.0, 1000.0, 2.0, 0.5] {
            assert_eq!((round_up(value), round_down(value)), (value, value));
        }
        assert_eq!((round_up(6.0), round_down(0.49), round_up(0.021)), (10.0, 0.2, 0.05));
    }

    #[test]
    fn a_clock_ticks_in_round_steps_and_says_minutes_from_two_on() {
        let quarter = TimeAxis { end_s: 900.0 };
        let labels: Vec<String> = quarter.ticks(5).iter().map(|&tick| quarter.label(tick)).collect();
        assert_eq!(labels, ["0:00", "5:00", "10:00", "15:00"]);
        let short = TimeAxis { end_s: 10.1 };
        assert_eq!(
            short.ticks(7).iter().map(|&tick| short.label(tick)).collect::<Vec<_>>().join(" "),
            "0 s 2 s 4 s 6 s 8 s 10 s"
        );
        assert_eq!(TimeAxis { end_s: 86_400.0 }.label(5_400.0), "1:30");
        assert_eq!(TimeAxis { end_s: 1e9 }.ticks(4).len(), 2);
    }
}
