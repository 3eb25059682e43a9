//! Numbers with units, as they stand in quotes: durations (`"8ms"`) and rates (`"300/s"`).
//!
//! A duration is read by the engine's own parser, exactly; this file adds the limits and the words for
//! what is wrong.

use engine::time::{ParseSpanError, Span};

use crate::words::{limits, suggest};

/// How a duration is written, for help texts.
pub(crate) const DURATION_FORM: &str =
    "a number and a unit (ns, us, ms, s, m, h) in quotes, such as \"8ms\" or \"1.5s\"";
/// How a rate is written, for help texts.
pub(crate) const RATE_FORM: &str = "a number and a unit (/s, /m, /h) in quotes, such as \"300/s\"";

/// How a CPU limit is written, for help texts.
pub(crate) const CPU_FORM: &str = "a number of cores, such as 1.5, or thousandths of one in quotes, such as \"200m\"";

/// What is wrong with a text, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UnitMistake {
    /// What is wrong.
    pub(crate) what: String,
    /// Words for the underline.
    pub(crate) label: &'static str,
    /// What to write instead.
    pub(crate) help: String,
}

impl UnitMistake {
    pub(crate) fn new(what: impl Into<String>, label: &'static str, help: impl Into<String>) -> UnitMistake {
        UnitMistake { what: what.into(), label, help: help.into() }
    }
}

/// A text cut to a length that fits a message.
pub(crate) fn short(text: &str) -> String {
    const CHARS: usize = 40;
    let mut cut: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(CHARS).collect();
    if text.chars().nth(CHARS).is_some() {
        cut.push('…');
    }
    cut
}

/// Reads `8ms`, `1.5s`.
pub(crate) fn duration(text: &str) -> Result<Span, UnitMistake> {
    let shown = short(text.trim());
    let expected = || format!("write {DURATION_FORM}");
    let span = text.parse::<Span>().map_err(|error| match error {
        ParseSpanError::Empty => UnitMistake::new("a duration is missing", "nothing here", expected()),
        ParseSpanError::NoNumber if text.trim_start().starts_with('-') => {
            UnitMistake::new(format!("the duration `{shown}` is negative"), "below zero", expected())
        }
        ParseSpanError::NoNumber => {
            UnitMistake::new(format!("`{shown}` is not a duration"), "not a duration", expected())
        }
        ParseSpanError::NoUnit => UnitMistake::new(
            format!("the duration `{shown}` has no unit"),
            "a bare number",
            format!("write \"{shown}ms\" or \"{shown}s\"; units are ns, us, ms, s, m, h"),
        ),
        ParseSpanError::UnknownUnit(unit) => unknown_unit(&shown, &unit),
        ParseSpanError::TooLarge => too_long(&shown),
        ParseSpanError::TooFine => UnitMistake::new(
            format!("the duration `{shown}` is finer than a nanosecond"),
            "too many decimals",
            "durations are whole nanoseconds; write fewer decimals",
        ),
    })?;
    if span > Span::from_secs(limits::DURATION_S) {
        return Err(too_long(&shown));
    }
    Ok(span)
}

fn too_long(shown: &str) -> UnitMistake {
    UnitMistake::new(
        format!("the duration `{shown}` is longer than a scenario may say"),
        "too long",
        format!("the limit is {} s", limits::grouped(limits::DURATION_S)),
    )
}

fn unknown_unit(shown: &str, unit: &str) -> UnitMistake {
    const SPELLINGS: [(&str, &str); 16] = [
        ("sec", "s"),
        ("secs", "s"),
        ("second", "s"),
        ("seconds", "s"),
        ("msec", "ms"),
        ("millis", "ms"),
        ("milliseconds", "ms"),
        ("usec", "us"),
        ("micros", "us"),
        ("microseconds", "us"),
        ("nanoseconds", "ns"),
        ("mins", "m"),
        ("minutes", "m"),
        ("minute", "m"),
        ("hour", "h"),
        ("hours", "h"),
    ];
    let what = if unit.contains('/') {
        format!("`{shown}` is a rate, not a duration")
    } else {
        format!("`{}` is not a unit of time", short(unit))
    };
    let folded = unit.trim().to_lowercase();
    let meant = SPELLINGS.iter().find(|(spelling, _)| *spelling == folded).map(|(_, unit)| *unit);
    let meant = meant.or_else(|| ["ns", "us", "ms", "s", "m", "h"].into_iter().find(|unit| *unit == folded));
    let help = match meant {
        Some(unit) => format!("did you mean `{unit}`? units are ns, us, ms, s, m, h"),
        None => format!("write {DURATION_FORM}"),
    };
    UnitMistake::new(what, "unknown unit", help)
}

/// Reads a plain decimal number: digits with at most one point; no sign, no exponent, no `inf`.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.')
        && text.matches('.').count() <= 1
        && text.len() <= 40;
    plain.then(|| text.parse().ok()).flatten()
}

/// Reads `200m` or `1.5` as cores.
pub(crate) fn cpu_time(text: &str) -> Result<f64, UnitMistake> {
    let shown = short(text.trim());
    let (number, of) = match text.trim().strip_suffix('m') {
        Some(thousandths) => (thousandths, 1000.0),
        None => (text, 1.0),
    };
    let Some(number) = decimal(number) else {
        let what = format!("`{shown}` is no CPU time a second");
        return Err(UnitMistake::new(what, "not a number of cores", format!("write {CPU_FORM}")));
    };
    cores(number / of, &shown)
}

/// So many cores, if a limit may be so low or so high.
pub(crate) fn cores(cores: f64, shown: &str) -> Result<f64, UnitMistake> {
    let what = format!("`{shown}` cannot be a CPU limit");
    if cores < limits::CPU_LEAST {
        let help = "the kernel takes no quota under 1 ms in a period of 100 ms: write \"10m\" or more".to_owned();
        return Err(UnitMistake::new(what, "too low", help));
    }
    if cores > limits::CORES as f64 {
        let help = format!("the limit is {} cores; thousandths of a core have an m: \"{shown}m\"", limits::CORES);
        return Err(UnitMistake::new(what, "too high", help));
    }
    Ok(cores)
}

/// Reads `300/s` as requests a second.
pub(crate) fn rate(text: &str) -> Result<f64, UnitMistake> {
    let shown = short(text.trim());
    let expected = || format!("write {RATE_FORM}");
    let Some((number, unit)) = text.split_once('/') else {
        return Err(match decimal(text) {
            Some(_) => UnitMistake::new(
                format!("the rate `{shown}` has no unit"),
                "a bare number",
                format!("write \"{shown}/s\"; units are /s, /m, /h"),
            ),
            None => UnitMistake::new(format!("`{shown}` is not a rate"), "not a rate", expected()),
        });
    };
    let Some(number) = decimal(number) else {
        let (what, label) = if number.trim_start().starts_with('-') {
            (format!("the rate `{shown}` is negative"), "below zero")
        } else {
            (format!("`{shown}` is not a rate"), "not a rate")
        };
        return Err(UnitMistake::new(what, label, expected()));
    };
    let seconds = match unit.trim() {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        other => {
            let known = ["s", "m", "h"];
            let help = match suggest::nearest(other, known) {
                Some(near) => format!("did you mean `/{near}`? units are /s, /m, /h"),
                None => expected(),
            };
            let what = format!("`/{}` is not a unit of rate", short(other));
            return Err(UnitMistake::new(what, "unknown unit", help));
        }
    };
    let rate = number / seconds;
    if rate > limits::RATE {
        return Err(UnitMistake::new(
            format!("the rate `{shown}` is higher than a scenario may say"),
            "too high",
            format!("the limit is {} requests a second", limits::grouped(limits::RATE as u64)),
        ));
    }
    Ok(rate)
}

/// A chance between 0 and 1 in parts per million.
pub(crate) fn ppm(chance: f64) -> u32 {
    // The walker has checked the range, so the product is between 0 and 10^6.
    (chance.clamp(0.0, 1.0) * 1e6).round() as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let mistake = duration(text).expect_err("not a duration");
        format!("{} | {}", mistake.what, mistake.help)
    }

    #[test]
    fn a_duration_at_the_limit_is_read_and_one_beyond_is_refused() {
        assert_eq!(duration("1000000s"), Ok(Span::from_secs(1_000_000)));
        assert_eq!(
            said("1000000.000000001s"),
            "the duration `1000000.000000001s` is longer than a scenario may say | the limit is 1,000,000 s"
        );
    }

    #[test]
    fn a_text_that_is_no_duration_says_why_and_what_to_write() {
        assert_eq!(said("5"), "the duration `5` has no unit | write \"5ms\" or \"5s\"; units are ns, us, ms, s, m, h");
        assert_eq!(said("5sec"), "`sec` is not a unit of time | did you mean `s`? units are ns, us, ms, s, m, h");
        assert!(said("-5ms").starts_with("the duration `-5ms` is negative"));
        assert!(said("300/s").starts_with("`300/s` is a rate, not a duration"));
        assert!(said("0.1ns").starts_with("the duration `0.1ns` is finer than a nanosecond"));
        assert!(said("soon").starts_with("`soon` is not a duration"));
    }

    #[test]
    fn a_rate_is_read_a_second_a_minute_or_an_hour() {
        assert_eq!(rate("300/s"), Ok(300.0));
        assert_eq!(rate("90 / m"), Ok(1.5));
        assert_eq!(rate("36000000000/h"), Ok(1e7));
        assert!(rate("10000001/s").is_err());
        assert!(rate("-1/s").expect_err("negative").what.contains("negative"));
        assert!(rate("inf/s").is_err() && rate("1e9/s").is_err() && rate("nan/s").is_err());
        assert_eq!(rate("300").expect_err("no unit").help, "write \"300/s\"; units are /s, /m, /h");
        assert_eq!(rate("300/sec").expect_err("unit").help, "did you mean `/s`? units are /s, /m, /h");
    }
}
