//! Simulated time: instants ([`Time`]) and durations ([`Span`]), both whole nanoseconds in a `u64`.
//!
//! The two are different types, so nobody adds two instants or compares a duration with a date.
//! There is no arithmetic on floating-point numbers here: two events tie exactly or not at all, on
//! every platform. Overflow is an error with both operands in its text, never a silent wrap; where a
//! model wants saturation it says so by name. Calendars, time zones and leap seconds are left out:
//! instant zero is the start of the run, and 2^64 ns reach 584 years past it.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Div, Mul, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An instant of the simulated world, in nanoseconds since the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// A duration of the simulated world, in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Time {
    /// The start of the run.
    pub const ZERO: Time = Time(0);

    /// An instant that no run reaches (`u64::MAX` ns, 584 years): "no deadline".
    ///
    /// It compares later than every other instant, and [`Time::saturating_add`] leaves it as it is.
    pub const NEVER: Time = Time(u64::MAX);

    /// The instant `ns` nanoseconds after the start of the run.
    pub const fn from_ns(ns: u64) -> Time {
        Time(ns)
    }

    /// Nanoseconds since the start of the run.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// How long ago `earlier` was; zero if it is not earlier.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }

    /// The instant `span` later, or [`Time::NEVER`] if that lies beyond the last instant.
    pub const fn saturating_add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }

    /// The instant `span` earlier, or [`Time::ZERO`] if that lies before the start of the run.
    pub const fn saturating_sub(self, span: Span) -> Time {
        Time(self.0.saturating_sub(span.0))
    }

    /// True at the start of the run only.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Seconds since the start of the run, for reports only: the number leaves the engine.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// Milliseconds since the start of the run, for reports only: the number leaves the engine.
    pub fn as_ms_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// The longest duration there is (`u64::MAX` ns, 584 years).
    pub const MAX: Span = Span(u64::MAX);

    /// A duration of `ns` nanoseconds.
    pub const fn from_ns(ns: u64) -> Span {
        Span(ns)
    }

    /// A duration of `us` microseconds.
    ///
    /// # Panics
    /// If that is longer than [`Span::MAX`].
    pub const fn from_us(us: u64) -> Span {
        Span::of(us, 1_000)
    }

    /// A duration of `ms` milliseconds.
    ///
    /// # Panics
    /// If that is longer than [`Span::MAX`].
    pub const fn from_ms(ms: u64) -> Span {
        Span::of(ms, 1_000_000)
    }

    /// A duration of `secs` seconds.
    ///
    /// # Panics
    /// If that is longer than [`Span::MAX`].
    pub const fn from_secs(secs: u64) -> Span {
        Span::of(secs, 1_000_000_000)
    }

    const fn of(count: u64, unit_ns: u64) -> Span {
        match count.checked_mul(unit_ns) {
            Some(ns) => Span(ns),
            None => panic!("a duration is longer than 2^64 ns"),
        }
    }

    /// The length in nanoseconds.
    pub const fn as_ns(self) -> u64 {
        self.0
    }

    /// True for a duration of no length.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, or [`Span::MAX`] if it is longer than that.
    pub const fn saturating_add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }

    /// The difference, or zero if `other` is longer.
    pub const fn saturating_sub(self, other: Span) -> Span {
        Span(self.0.saturating_sub(other.0))
    }

    /// This duration times `milli` thousandths, rounded to the nearest nanosecond (halves upwards),
    /// at most [`Span::MAX`]. `scaled(1_000)` changes nothing, `scaled(500)` halves.
    pub const fn scaled(self, milli: u32) -> Span {
        let ns = (self.0 as u128 * milli as u128 + 500) / 1_000;
        if ns > u64::MAX as u128 { Span::MAX } else { Span(ns as u64) }
    }

    /// The length in seconds, for reports only: the number leaves the engine.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The length in milliseconds, for reports only: the number leaves the engine.
    pub fn as_ms_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

// What is wrong with a sum is said out of line, with both operands by value: text written where the sum is would keep them in
// memory at every sum of the engine, and make the functions around them too long to be inlined.

#[cold]
#[inline(never)]
fn time_overflow(time: Time, span: Span) -> ! {
    panic!("time overflow: {time} + {span}")
}

#[cold]
#[inline(never)]
fn span_overflow(span: Span, other: Span) -> ! {
    panic!("duration overflow: {span} + {other}")
}

#[cold]
#[inline(never)]
fn product_overflow(span: Span, times: u64) -> ! {
    panic!("duration overflow: {span} * {times}")
}

#[cold]
#[inline(never)]
fn negative<T: fmt::Display>(later: T, earlier: T) -> ! {
    panic!("negative duration: {later} - {earlier}")
}

impl Add<Span> for Time {
    type Output = Time;

    #[inline]
    fn add(self, span: Span) -> Time {
        match self.0.checked_add(span.0) {
            Some(ns) => Time(ns),
            None => time_overflow(self, span),
        }
    }
}

impl AddAssign<Span> for Time {
    #[inline]
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Time> for Time {
    type Output = Span;

    #[inline]
    fn sub(self, earlier: Time) -> Span {
        match self.0.checked_sub(earlier.0) {
            Some(ns) => Span(ns),
            None => negative(self, earlier),
        }
    }
}

impl Add for Span {
    type Output = Span;

    #[inline]
    fn add(self, other: Span) -> Span {
        match self.0.checked_add(other.0) {
            Some(ns) => Span(ns),
            None => span_overflow(self, other),
        }
    }
}

impl AddAssign for Span {
    #[inline]
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Sub for Span {
    type Output = Span;

    #[inline]
    fn sub(self, other: Span) -> Span {
        match self.0.checked_sub(other.0) {
            Some(ns) => Span(ns),
            None => negative(self, other),
        }
    }
}

impl Mul<u64> for Span {
    type Output = Span;

    #[inline]
    fn mul(self, times: u64) -> Span {
        match self.0.checked_mul(times) {
            Some(ns) => Span(ns),
            None => product_overflow(self, times),
        }
    }
}

impl Div<u64> for Span {
    type Output = Span;

    #[inline]
    fn div(self, parts: u64) -> Span {
        match self.0.checked_div(parts) {
            Some(ns) => Span(ns),
            None => panic!("{self} cannot be divided into no parts"),
        }
    }
}

/// How many times `other` fits whole.
impl Div<Span> for Span {
    type Output = u64;

    #[inline]
    fn div(self, other: Span) -> u64 {
        match self.0.checked_div(other.0) {
            Some(times) => times,
            None => panic!("{self} cannot be divided by a duration of zero"),
        }
    }
}

impl Sum for Span {
    fn sum<I: Iterator<Item = Span>>(spans: I) -> Span {
        spans.fold(Span::ZERO, Add::add)
    }
}

impl<'a> Sum<&'a Span> for Span {
    fn sum<I: Iterator<Item = &'a Span>>(spans: I) -> Span {
        spans.copied().sum()
    }
}

/// `never`, or the time since the start of the run as a [`Span`] shows it.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Time::NEVER { f.pad("never") } else { fmt::Display::fmt(&Span(self.0), f) }
    }
}

/// In the largest unit of ns, us, ms and s that leaves a number of at least one, with at most three
/// decimals, rounded: `250ns`, `1.2us`, `8ms`, `90s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ns = self.0;
        if ns < 1_000 {
            return f.pad(&format!("{ns}ns"));
        }
        let in_thousandths_of = |unit: u64| {
            let step = unit / 1_000;
            ns / step + u64::from(ns % step >= step.div_ceil(2))
        };
        // Rounding may lift 999.9996 of one unit to 1 of the next.
        let (thousandths, unit) = [(1_000, "us"), (1_000_000, "ms")]
            .into_iter()
            .map(|(unit, name)| (in_thousandths_of(unit), name))
            .find(|&(thousandths, _)| thousandths < 1_000_000)
            .unwrap_or_else(|| (in_thousandths_of(1_000_000_000), "s"));
        let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
        let decimals = format!(".{rest:03}");
        let decimals = decimals.trim_end_matches('0').trim_end_matches('.');
        f.pad(&format!("{whole}{decimals}{unit}"))
    }
}

/// Why a text is not a duration.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseSpanError {
    /// The text holds nothing but blanks.
    #[error("a duration is missing: write 8ms or 1.5s")]
    Empty,
    /// The text does not begin with a number.
    #[error("a duration begins with a number: 8ms, 1.5s")]
    NoNumber,
    /// A bare number.
    #[error("a duration needs a unit: 8ms, 1.5s")]
    NoUnit,
    /// What follows the number is none of our units.
    #[error("unknown unit of time \"{0}\": use ns, us, ms, s, m or h")]
    UnknownUnit(String),
    /// Longer than [`Span::MAX`].
    #[error("a duration is at most 584 years")]
    TooLarge,
    /// Not a whole number of nanoseconds.
    #[error("a duration is a whole number of nanoseconds: this one has too many decimals")]
    TooFine,
}

/// Reads `8ms`, `1.5s`, `0.2 us`; units are ns, us (or µs), ms, s, m (or min) and h.
///
/// Exact: the number is never a float, and what is no whole number of nanoseconds is refused.
impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Span, ParseSpanError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseSpanError::Empty);
        }
        let (whole, rest) = split_digits(text);
        let (decimals, rest) = rest.strip_prefix('.').map_or(("", rest), split_digits);
        if whole.is_empty() {
            return Err(ParseSpanError::NoNumber);
        }
        let unit = unit_ns(rest.trim_start())?;
        let whole = whole.parse::<u64>().map_err(|_| ParseSpanError::TooLarge)?;
        let ns = u128::from(whole) * u128::from(unit) + decimals_ns(decimals, unit)?;
        u64::try_from(ns).map(Span).map_err(|_| ParseSpanError::TooLarge)
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

/// Nanoseconds in one `name`.
fn unit_ns(name: &str) -> Result<u64, ParseSpanError> {
    match name {
        "" => Err(ParseSpanError::NoUnit),
        "ns" => Ok(1),
        // The micro sign and the Greek letter look alike and are both typed.
        "us" | "\u{b5}s" | "\u{3bc}s" => Ok(1_000),
        "ms" => Ok(1_000_000),
        "s" => Ok(1_000_000_000),
        "m" | "min" => Ok(60_000_000_000),
        "h" => Ok(3_600_000_000_000),
        other => Err(ParseSpanError::UnknownUnit(other.to_owned())),
    }
}

/// The part after the decimal point, in nanoseconds, if that is whole.
fn decimals_ns(digits: &str, unit: u64) -> Result<u128, ParseSpanError> {
    let digits = digits.trim_end_matches('0');
    // One hour is 2^13 * 3^2 * 5^11 ns: a 14th significant decimal cannot be whole.
    if digits.len() > 13 {
        return Err(ParseSpanError::TooFine);
    }
    let (mut ns, mut scale) = (0_u128, 1_u128);
    for digit in digits.bytes() {
        ns = ns * 10 + u128::from(digit - b'0');
        scale *= 10;
    }
    ns *= u128::from(unit);
    if ns % scale == 0 { Ok(ns / scale) } else { Err(ParseSpanError::TooFine) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::de::value::{Error as DeError, U64Deserializer};

    fn span(text: &str) -> Result<Span, ParseSpanError> {
        text.parse()
    }

    #[test]
    fn an_instant_moves_by_durations_and_two_instants_differ_by_one() {
        let noon = Time::from_ns(12_000);
        let mut later = noon + Span::from_us(3);
        assert_eq!(later - noon, Span::from_ns(3_000));
        later += Span::from_ns(5);
        assert_eq!(later.as_ns(), 15_005);
        assert_eq!(noon.since(later), Span::ZERO);
        assert_eq!(later.since(noon), Span::from_ns(3_005));
        assert_eq!(noon.saturating_sub(Span::from_secs(1)), Time::ZERO);
    }

    #[test]
    fn never_is_later_than_everything_and_stays_never() {
        assert!(Time::from_ns(u64::MAX - 1) < Time::NEVER);
        assert_eq!(Time::NEVER.saturating_add(Span::from_secs(9)), Time::NEVER);
        assert_eq!(Time::from_ns(5).saturating_add(Span::MAX), Time::NEVER, "an overflow is never too");
    }

    #[test]
    #[should_panic(expected = "time overflow: never + 2ns")]
    fn adding_beyond_the_last_instant_names_both_operands() {
        let _ = Time::NEVER + Span::from_ns(2);
    }

    #[test]
    #[should_panic(expected = "negative duration: 1us - 2us")]
    fn subtracting_a_later_instant_names_both_operands() {
        let _ = Time::from_ns(1_000) - Time::from_ns(2_000);
    }

    #[test]
    #[should_panic(expected = "negative duration: 1ms - 1s")]
    fn subtracting_a_longer_duration_names_both_operands() {
        let _ = Span::from_ms(1) - Span::from_secs(1);
    }

    #[test]
    fn durations_add_scale_and_divide_in_whole_nanoseconds() {
        let spans = [Span::from_us(2), Span::from_ns(500), Span::ZERO];
        assert_eq!(spans.iter().sum::<Span>(), Span::from_ns(2_500));
        assert_eq!(spans.into_iter().sum::<Span>(), Span::from_ns(2_500));
        assert_eq!(Span::from_ms(3) * 4, Span::from_ms(12));
        assert_eq!(Span::from_ns(10) / 4, Span::from_ns(2));
        assert_eq!(Span::from_ms(10) / Span::from_ms(3), 3);
        assert_eq!(Span::from_ms(1).saturating_sub(Span::MAX), Span::ZERO);
        assert_eq!(Span::MAX.saturating_add(Span::MAX), Span::MAX);
        assert!(Span::ZERO.is_zero() && !Span::from_ns(1).is_zero());
        assert_eq!(Span::from_ms(3).max(Span::from_us(9)), Span::from_ms(3));
    }

    #[test]
    fn scaling_by_thousandths_rounds_to_the_nearest_nanosecond_and_saturates() {
        assert_eq!(Span::from_ms(8).scaled(1_250), Span::from_ms(10));
        assert_eq!(Span::from_ns(3).scaled(500), Span::from_ns(2));
        assert_eq!(Span::from_ns(1).scaled(499), Span::ZERO);
        assert_eq!(Span::MAX.scaled(1_000), Span::MAX);
        assert_eq!(Span::MAX.scaled(1_001), Span::MAX);
        assert_eq!(Span::MAX.scaled(0), Span::ZERO);
    }

    #[test]
    fn a_duration_prints_in_its_largest_unit_with_at_most_three_decimals() {
        let shown = |ns| Span::from_ns(ns).to_string();
        assert_eq!(shown(0), "0ns");
        assert_eq!(shown(250), "250ns");
        assert_eq!(shown(1_200), "1.2us");
        assert_eq!(shown(8_000_000), "8ms");
        assert_eq!(shown(1_234_400_000), "1.234s");
        assert_eq!(shown(1_500_000_000), "1.5s");
        assert_eq!(shown(90_000_000_000), "90s");
        assert_eq!(shown(999_999), "999.999us");
        assert_eq!(shown(999_999_600), "1s", "rounding may lift the unit");
        assert_eq!(format!("[{:>6}]", Span::from_ms(8)), "[   8ms]");
        assert_eq!(Time::from_ns(1_500_000).to_string(), "1.5ms");
        assert_eq!(Time::NEVER.to_string(), "never");
        assert_eq!(Span::MAX.to_string(), "18446744073.71s");
    }

    #[test]
    fn a_duration_is_read_exactly_with_its_unit() {
        assert_eq!(span("250ns"), Ok(Span::from_ns(250)));
        assert_eq!(span("0.2ms"), Ok(Span::from_us(200)));
        assert_eq!(span(" 1.5 s "), Ok(Span::from_ms(1_500)));
        assert_eq!(span("3µs"), span("3us"));
        assert_eq!(span("3μs"), span("3us"));
        assert_eq!(span("2m"), span("2min"));
        assert_eq!(span("2m"), Ok(Span::from_secs(120)));
        assert_eq!(span("0.0000000000005h"), Err(ParseSpanError::TooFine));
        assert_eq!(span("0.0000000000025h"), Ok(Span::from_ns(9)));
        assert_eq!(span("1.000000000000000000000h"), Ok(Span::from_secs(3_600)));
        assert_eq!(span("18446744073.709551615s"), Ok(Span::MAX));
        assert_eq!(span("0s"), Ok(Span::ZERO));
    }

    #[test]
    fn a_text_that_is_no_duration_says_why() {
        let said = |text: &str| span(text).map_err(|error| error.to_string());
        let refused = |why: &str| Err(why.to_owned());
        assert_eq!(said("8"), refused("a duration needs a unit: 8ms, 1.5s"), "a bare number has no unit");
        assert_eq!(span("  "), Err(ParseSpanError::Empty));
        assert_eq!(span("ms"), Err(ParseSpanError::NoNumber));
        assert_eq!(span("-5ms"), Err(ParseSpanError::NoNumber));
        assert_eq!(span(".5ms"), Err(ParseSpanError::NoNumber));
        assert_eq!(said("8 sec"), refused("unknown unit of time \"sec\": use ns, us, ms, s, m or h"));
        assert_eq!(span("1e3ms"), Err(ParseSpanError::UnknownUnit("e3ms".into())));
        assert_eq!(span("18446744073.709551616s"), Err(ParseSpanError::TooLarge));
        assert_eq!(span("99999999999999999999ns"), Err(ParseSpanError::TooLarge));
        assert_eq!(span("0.5ns"), Err(ParseSpanError::TooFine));
    }

    #[test]
    fn a_duration_is_a_bare_number_of_nanoseconds_when_serialised() {
        let raw = U64Deserializer::<DeError>::new(42);
        assert_eq!(Span::deserialize(raw), Ok(Span::from_ns(42)));
    }

    proptest! {
        #[test]
        fn what_is_printed_in_whole_thousandths_reads_back(thousandths in 1_u64..999_000) {
            for unit in [1_000, 1_000_000, 1_000_000_000] {
                let whole = Span::from_ns(thousandths * (unit / 1_000));
                prop_assert_eq!(span(&whole.to_string()), Ok(whole));
            }
        }
    }
}
