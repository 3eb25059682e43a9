//! Numbers as people read them: a unit that fits, three significant digits, counts in full.

use lab::{Estimate, Unit};

/// Digits that a number keeps.
const SIGNIFICANT: i32 = 3;
/// Decimals at most, however close a share comes to its end.
const DECIMALS_MAX: usize = 6;

/// A number and what is written after its plus-minus sign.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Written {
    /// The number with its unit.
    pub value: String,
    /// Half its interval, in the same unit; `None` without an interval, and where all replications agree.
    pub margin: Option<String>,
}

impl Written {
    /// The same with a mark after it.
    pub fn marked(self, mark: &str) -> Written {
        let margin = self.margin.map_or_else(|| mark.to_owned(), |margin| format!("{margin} {mark}"));
        Written { margin: Some(margin), ..self }
    }
}

/// Writes a mean and its interval.
pub fn estimate(unit: Unit, estimate: &Estimate) -> Written {
    let scale = Scale::of(unit, estimate.mean);
    let value = scale.write(estimate.mean);
    let margin = estimate.half_width().filter(|&half| half > 0.0);
    Written { value, margin: margin.map(|half| scale.write_margin(half)) }
}

/// Writes a single number.
pub fn value(unit: Unit, value: f64) -> String {
    Scale::of(unit, value).write(value)
}

/// How numbers of one size are written.
struct Scale {
    /// What one of the unit is worth.
    one: f64,
    decimals: usize,
    suffix: &'static str,
}

impl Scale {
    fn of(unit: Unit, value: f64) -> Scale {
        match unit {
            Unit::Count => Scale::new(1.0, if value.fract() == 0.0 { 0 } else { decimals(value) }, ""),
            Unit::Nanoseconds => Scale::time(value),
            Unit::PerSecond => Scale::new(1.0, decimals(value), " /s"),
            Unit::Share => Scale::new(0.01, short_of(value * 100.0, 100.0), " %"),
            Unit::Index => Scale::new(1.0, short_of(value, 1.0), ""),
            Unit::Ratio => Scale::new(1.0, decimals(value), "x"),
            Unit::Bytes => Scale::bytes(value),
        }
    }

    fn new(one: f64, decimals: usize, suffix: &'static str) -> Scale {
        Scale { one, decimals, suffix }
    }

    /// The largest unit of time that leaves a number of at least one, once rounded.
    fn time(ns: f64) -> Scale {
        let units = [(1e9, " s"), (1e6, " ms"), (1e3, " us")];
        let fits = |&(one, _): &(f64, &str)| rounded(ns.abs()) >= one;
        let (one, suffix) = units.into_iter().find(fits).unwrap_or((1.0, " ns"));
        Scale::new(one, decimals(ns / one), suffix)
    }

    /// MiB, or GiB from one on.
    fn bytes(bytes: f64) -> Scale {
        if bytes > 0.0 && bytes < 100_000.0 {
            return Scale::new(1.0, 0, " B");
        }
        let (mib, gib) = (f64::from(1 << 20), f64::from(1 << 30));
        let (one, suffix) = if bytes.abs() >= gib { (gib, " GiB") } else { (mib, " MiB") };
        Scale::new(one, decimals(bytes / one), suffix)
    }

    fn write(&self, value: f64) -> String {
        format!("{}{}", grouped(value / self.one, self.decimals), self.suffix)
    }

    /// With the decimals of the number itself, or one more where that would be nothing.
    fn write_margin(&self, half: f64) -> String {
        let half = half / self.one;
        let written = [self.decimals, self.decimals + 1].into_iter().find(|&decimals| round_to(half, decimals) > 0.0);
        written.map_or("±0".to_owned(), |decimals| format!("±{}", grouped(half, decimals)))
    }
}

/// Decimals that leave three significant digits; nothing needs none.
fn decimals(value: f64) -> usize {
    if value == 0.0 {
        return 0;
    }
    let magnitude = rounded(value.abs()).max(10.0_f64.powi(-3)).log10().floor() as i32;
    usize::try_from(SIGNIFICANT - 1 - magnitude).unwrap_or(0)
}

/// As [`decimals`], but more where rounding would say `end` of something that falls short of it.
fn short_of(value: f64, end: f64) -> usize {
    let mut decimals = decimals(value);
    while value < end && decimals < DECIMALS_MAX && round_to(value, decimals) >= end {
        decimals += 1;
    }
    if value == end { 0 } else { decimals }
}

/// Three significant digits.
fn rounded(value: f64) -> f64 {
    if value == 0.0 {
        return 0.0;
    }
    format!("{value:.*e}", usize::try_from(SIGNIFICANT - 1).unwrap_or(0)).parse().unwrap_or(value)
}

fn round_to(value: f64, decimals: usize) -> f64 {
    format!("{value:.decimals$}").parse().unwrap_or(value)
}

/// A share in per cent, or a dash.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// With commas between thousands.
pub fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{:.decimals$}", value.abs());
    let (whole, rest) = plain.split_once('.').map_or((plain.as_str(), None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::new();
    if value < 0.0 && plain.bytes().any(|digit| (b'1'..=b'9').contains(&digit)) {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(rest) = rest {
        text.push('.');
        text.push_str(rest);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_in_mib_and_gib() {
        let mib = f64::from(1 << 20);
        let told = [0.0, 1.5, 60.0, 1023.0, 1024.0, 8192.0].map(|count| value(Unit::Bytes, count * mib));
        assert_eq!(told, ["0 MiB", "1.50 MiB", "60.0 MiB", "1,023 MiB", "1.00 GiB", "8.00 GiB"]);
    }

    #[test]
    fn a_few_bytes_are_counted() {
        assert_eq!([1_200.0, 9_100.0].map(|count| value(Unit::Bytes, count)), ["1,200 B", "9,100 B"]);
    }

    #[test]
    fn times_are_written_in_the_unit_that_fits() {
        let cases = [
            (0.0, "0 ns"),
            (250.0, "250 ns"),
            (1_234.0, "1.23 us"),
            (8_916_000.0, "8.92 ms"),
            (61_249_000.0, "61.2 ms"),
            (999_499_999.0, "999 ms"),
            (999_500_000.0, "1.00 s"),
            (29_934_000_000.0, "29.9 s"),
            (5_400_000_000_000.0, "5,400 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(value(Unit::Nanoseconds, ns), text);
        }
    }

    #[test]
    fn counts_are_written_in_full() {
        for (count, text) in [(0.0, "0"), (7.0, "7"), (270_123.0, "270,123"), (270_123.45, "270,123"), (2.3333, "2.33")]
        {
            assert_eq!(value(Unit::Count, count), text);
        }
    }

    #[test]
    fn nothing_is_written_without_decimals() {
        for (unit, text) in [(Unit::PerSecond, "0 /s"), (Unit::Share, "0 %"), (Unit::Ratio, "0x"), (Unit::Index, "0")] {
            assert_eq!(value(unit, 0.0), text);
        }
    }

    #[test]
    fn what_is_not_all_is_never_written_as_all() {
        let cases = [
            (1.0, "100 %"),
            (0.9997, "99.97 %"),
            (0.999_999, "99.9999 %"),
            (0.31, "31.0 %"),
            (0.0, "0 %"),
            (0.000_12, "0.0120 %"),
        ];
        for (share, text) in cases {
            assert_eq!(value(Unit::Share, share), text);
        }
        assert_eq!(value(Unit::Index, 0.9996), "0.9996");
        assert_eq!(value(Unit::Index, 1.0), "1");
    }

    #[test]
    fn a_margin_has_the_unit_and_decimals_of_its_number() {
        let written = |unit, mean: f64, half: f64| {
            let written = estimate(unit, &Estimate { mean, low: Some(mean - half), high: Some(mean + half), n: 5 });
            format!("{} {}", written.value, written.margin.unwrap())
        };
        assert_eq!(written(Unit::Nanoseconds, 8_916_000.0, 31_000.0), "8.92 ms ±0.03");
        assert_eq!(written(Unit::Nanoseconds, 30_000_000_000.0, 20_000_000.0), "30.0 s ±0.02");
        assert_eq!(written(Unit::Nanoseconds, 30_000_000_000.0, 2_000_000.0), "30.0 s ±0");
        assert_eq!(written(Unit::Share, 0.31, 0.005), "31.0 % ±0.5");
        assert_eq!(written(Unit::Count, 270_123.4, 1_201.0), "270,123 ±1,201");
    }

    #[test]
    fn one_replication_or_agreement_has_no_margin() {
        let plain = Written { value: "12.3x".to_owned(), margin: None };
        assert_eq!(estimate(Unit::Ratio, &Estimate { mean: 12.34, low: None, high: None, n: 1 }), plain);
        assert_eq!(estimate(Unit::Ratio, &Estimate { mean: 12.34, low: Some(12.34), high: Some(12.34), n: 4 }), plain);
    }
}
