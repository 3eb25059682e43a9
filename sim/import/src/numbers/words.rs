//! How numbers and names are written in a scenario: durations with three digits and their unit, shares in per cent, text in quotes.

use std::fmt;

/// A duration of so many nanoseconds with its unit, exact enough for a law: three or four digits.
pub fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns >= 1e10 => (ns / 1e9, "s"),
        ns if ns >= 1e7 => (ns / 1e6, "ms"),
        ns if ns >= 1e4 => (ns / 1e3, "us"),
        ns => return format!("{}ns", libm::round(ns.max(0.0)) as u64),
    };
    format!("{}{unit}", plain(value))
}

/// A number with at most four digits that say something and no zeros behind the point.
pub fn plain(value: f64) -> String {
    let decimals = match value.abs() {
        value if value >= 1_000.0 => 0,
        value if value >= 100.0 => 1,
        value if value >= 10.0 => 2,
        value if value >= 1.0 => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A share in per cent.
pub fn percent(share: f64) -> String {
    format!("{} %", plain(share * 100.0))
}

/// A count with commas between thousands.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A text in TOML's quotes; what no line of a file may hold is escaped.
pub struct TomlText<'a>(pub &'a str);

impl fmt::Display for TomlText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                c if c.is_control() => write!(f, "\\u{:04X}", u32::from(c))?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_or_four_digits_and_a_unit() {
        let cases = [(0.0, "0ns"), (950.4, "950ns"), (1_458_000.0, "1458us"), (60e6, "60ms"), (12_340e6, "12.34s")];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
        assert_eq!(duration(123_456.0), "123.5us");
        assert_eq!(duration(250_500_000.0), "250.5ms");
    }

    #[test]
    fn counts_have_commas_and_texts_their_escapes() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(999), "999");
        assert_eq!(TomlText("a\"b\\c\n").to_string(), "\"a\\\"b\\\\c\\u000A\"");
    }
}
