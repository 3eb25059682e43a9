//! Values of a setting as they are typed: lists, linear and logarithmic ranges, with and without units.
//!
//! `a,b,c` is a list, `1..16` every whole number, `10..640:8` eight numbers evenly spaced, `10ms..1s:log5` five whose ratios are
//! alike. What comes out are texts as a scenario has them, each with the number that it stands for.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Values of all settings together: the points of a grid. More of them are a study, not a sweep.
pub const POINTS_MAX: usize = 10_000;
/// Digits that a point of a linear range keeps between its ends.
const LINEAR_DIGITS: usize = 4;
/// Digits that a point of a logarithmic range keeps between its ends.
const LOG_DIGITS: usize = 3;

/// What the values of a setting are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueKind {
    /// Whole numbers of things.
    Count,
    /// Numbers without a unit.
    Number,
    /// Spans of time, in nanoseconds.
    Duration,
    /// Rates, per second.
    Rate,
    /// Words, laws, lists: anything else.
    Text,
}

impl ValueKind {
    /// What the name of a column ends in.
    pub fn suffix(self) -> &'static str {
        match self {
            ValueKind::Duration => "_ns",
            ValueKind::Rate => "_rps",
            ValueKind::Count | ValueKind::Number | ValueKind::Text => "",
        }
    }

    /// How data files name its unit.
    pub fn unit(self) -> &'static str {
        match self {
            ValueKind::Count => "count",
            ValueKind::Number => "number",
            ValueKind::Duration => "ns",
            ValueKind::Rate => "1/s",
            ValueKind::Text => "text",
        }
    }
}

/// One value of a setting.
#[derive(Clone, PartialEq, Debug)]
pub struct SweptValue {
    /// As a scenario would have it.
    pub text: String,
    /// Where it comes from in the argument.
    pub span: Range<usize>,
}

/// A setting and the values that it is to take.
#[derive(Clone, PartialEq, Debug)]
pub struct SweptSetting {
    /// Its path in the file, such as `world.threads.threads`.
    pub key: String,
    /// What its values are.
    pub kind: ValueKind,
    /// They, in the order of the argument.
    pub values: Vec<SweptValue>,
}

/// What is wrong with an argument, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ArgumentMistake {
    /// Bytes of the argument.
    pub span: Range<usize>,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
    /// A few words for the underline.
    pub label: &'static str,
    /// What to write instead.
    pub help: String,
}

impl ArgumentMistake {
    fn new(
        span: Range<usize>,
        what: impl Into<String>,
        label: &'static str,
        help: impl Into<String>,
    ) -> ArgumentMistake {
        ArgumentMistake { span, what: what.into(), label, help: help.into() }
    }
}

/// How values are written, for help texts.
const FORMS: &str =
    "write values as 10,20,40 or 1..16 or 10..640:8 or 10..640:log8, with units where there are some: 10ms..1s:log5";

/// Reads `KEY=VALUES`.
///
/// # Errors
/// Every mistake in it.
pub fn read_setting(argument: &str) -> Result<SweptSetting, Vec<ArgumentMistake>> {
    let whole = 0..argument.len();
    let Some((key, values)) = argument.split_once('=').filter(|(key, _)| !key.trim().is_empty()) else {
        let help = "write it as KEY=VALUES, such as world.threads.threads=10..640:log8";
        return Err(vec![ArgumentMistake::new(whole, "a setting has a key and values", "not KEY=VALUES", help)]);
    };
    let start = key.len() + 1;
    let mut read: Vec<SweptValue> = Vec::new();
    let mut mistakes = Vec::new();
    for item in items(values) {
        let span = start + item.start..start + item.end;
        match item_values(&argument[span.clone()], span.clone()) {
            Ok(mut values) => read.append(&mut values),
            Err(mistake) => mistakes.push(mistake),
        }
    }
    for (index, value) in read.iter().enumerate() {
        if read[..index].iter().any(|other| other.text == value.text) {
            let what = format!("the value `{}` stands here twice", value.text);
            mistakes.push(ArgumentMistake::new(value.span.clone(), what, "again", "keep one of the two"));
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    Ok(SweptSetting { key: key.trim().to_owned(), kind: common(&read), values: read })
}

/// The parts between the commas that are inside no bracket and no quotation, without blanks around them.
fn items(values: &str) -> Vec<Range<usize>> {
    let mut cuts = Vec::new();
    let (mut depth, mut quoted, mut begin) = (0_i32, false, 0);
    for (at, letter) in values.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                cuts.push(begin..at);
                begin = at + 1;
            }
            _ => {}
        }
    }
    cuts.push(begin..values.len());
    let trim = |cut: Range<usize>| {
        let text = &values[cut.clone()];
        let lead = text.len() - text.trim_start().len();
        cut.start + lead..cut.start + lead.max(text.trim_end().len())
    };
    cuts.into_iter().map(trim).collect()
}

/// The values of one part: a range, or itself.
fn item_values(text: &str, span: Range<usize>) -> Result<Vec<SweptValue>, ArgumentMistake> {
    if text.is_empty() {
        return Err(ArgumentMistake::new(span, "a value is missing", "nothing here", FORMS));
    }
    match text.split_once("..") {
        Some((low, rest)) if text.starts_with(|first: char| first.is_ascii_digit()) => {
            let range = RangeText::read(low, rest, &span)?;
            let texts = range.texts()?;
            Ok(texts.into_iter().map(|text| SweptValue { text, span: span.clone() }).collect())
        }
        Some(_) | None => Ok(vec![SweptValue { text: text.to_owned(), span }]),
    }
}

/// What all values are.
fn common(values: &[SweptValue]) -> ValueKind {
    let mut kinds = values.iter().map(|value| read_number(&value.text).map_or(ValueKind::Text, |number| number.kind));
    let first = kinds.next().unwrap_or(ValueKind::Text);
    kinds.fold(first, |all, kind| match (all, kind) {
        _ if all == kind => all,
        (ValueKind::Count | ValueKind::Number, ValueKind::Count | ValueKind::Number) => ValueKind::Number,
        _ => ValueKind::Text,
    })
}

/// A number and what it is of.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ReadNumber {
    /// Its kind; never [`ValueKind::Text`].
    pub kind: ValueKind,
    /// In nanoseconds, per second, or as it is.
    pub value: f64,
}

/// Units of time, in nanoseconds.
const TIMES: [(&str, f64); 6] = [("ns", 1.0), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9)];
/// Units of rates, in seconds.
const RATES: [(&str, f64); 4] = [("/s", 1.0), ("/m", 60.0), ("/min", 60.0), ("/h", 3600.0)];

/// The number that a text is, with quotation marks or without, if it is one.
pub fn read_number(text: &str) -> Option<ReadNumber> {
    let (number, unit) = split_unit(unquoted(text))?;
    if unit.is_empty() {
        let kind = if number.contains('.') { ValueKind::Number } else { ValueKind::Count };
        return Some(ReadNumber { kind, value: number.parse().ok()? });
    }
    let value: f64 = number.parse().ok()?;
    let find = |units: &[(&str, f64)]| units.iter().find(|(name, _)| *name == unit).map(|(_, one)| *one);
    if let Some(one) = find(&TIMES) {
        return Some(ReadNumber { kind: ValueKind::Duration, value: value * one });
    }
    find(&RATES).map(|one| ReadNumber { kind: ValueKind::Rate, value: value / one })
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|inner| inner.strip_suffix('"')).unwrap_or(text).trim()
}

/// A plain decimal number and what follows it; no sign, no exponent.
fn split_unit(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let plain = number.starts_with(|first: char| first.is_ascii_digit()) && number.matches('.').count() <= 1;
    (plain && number.len() <= 40).then_some((number, unit.trim()))
}

/// `number` with so many significant digits, without an exponent.
pub fn rounded(number: f64, digits: usize) -> f64 {
    format!("{number:.*e}", digits.saturating_sub(1)).parse().unwrap_or(number)
}

/// How the points of a range lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spacing {
    Linear,
    Log,
}

/// A range as it was typed.
struct RangeText<'t> {
    span: &'t Range<usize>,
    low: (&'t str, ReadNumber),
    high: (&'t str, ReadNumber),
    /// Points, and how they lie; `None`: every whole number.
    steps: Option<(usize, Spacing)>,
}

impl<'t> RangeText<'t> {
    fn read(low: &'t str, rest: &'t str, span: &'t Range<usize>) -> Result<RangeText<'t>, ArgumentMistake> {
        let (high, steps) = rest.split_once(':').map_or((rest, None), |(high, steps)| (high, Some(steps)));
        let high_at = span.start + low.len() + 2;
        let end = |text: &'t str, at: usize| {
            let number = read_number(text).map(|number| (text.trim(), number));
            let what = format!("`{text}` is not the end of a range");
            number.ok_or_else(|| ArgumentMistake::new(at..at + text.len(), what, "not a number", FORMS))
        };
        let low = end(low, span.start)?;
        let high = end(high, high_at)?;
        let steps_at = span.end - steps.map_or(0, str::len)..span.end;
        let range = RangeText { span, low, high, steps: steps.map(|text| read_steps(text, steps_at)).transpose()? };
        range.check()?;
        Ok(range)
    }

    fn kind(&self) -> ValueKind {
        match (self.low.1.kind, self.high.1.kind) {
            (ValueKind::Count, ValueKind::Count) => ValueKind::Count,
            (ValueKind::Count, ValueKind::Number) => ValueKind::Number,
            (kind, _) => kind,
        }
    }

    fn check(&self) -> Result<(), ArgumentMistake> {
        let mistake = |what: String, label, help: &str| Err(ArgumentMistake::new(self.span.clone(), what, label, help));
        let ((low_text, low), (high_text, high)) = (self.low, self.high);
        let bare = |kind| matches!(kind, ValueKind::Count | ValueKind::Number);
        if low.kind != high.kind && !(bare(low.kind) && bare(high.kind)) {
            let what = format!("`{low_text}` and `{high_text}` are not of one kind");
            return mistake(
                what,
                "two kinds",
                "give both ends a unit of the same kind, such as 10ms..1s or 100/s..400/s",
            );
        }
        if low.value >= high.value {
            let what = format!("the range goes from `{low_text}` to `{high_text}`, which is not larger");
            return mistake(what, "not from small to large", "write the smaller end first");
        }
        match self.steps {
            None if self.kind() != ValueKind::Count => {
                let what = format!("how many points from `{low_text}` to `{high_text}`?");
                let help = format!("write {low_text}..{high_text}:5 for five, or {low_text}..{high_text}:log5");
                mistake(what, "no number of points", &help)
            }
            Some((_, Spacing::Log)) if low.value <= 0.0 => {
                mistake("a logarithmic range begins above zero".to_owned(), "begins at zero", "raise the lower end")
            }
            _ => Ok(()),
        }
    }

    /// The values as a scenario has them.
    fn texts(&self) -> Result<Vec<String>, ArgumentMistake> {
        let (low, high) = (self.low.1.value, self.high.1.value);
        let (count, spacing) = match self.steps {
            Some(steps) => steps,
            // Saturates, and so is more than the limit.
            None => ((high - low) as usize + 1, Spacing::Linear),
        };
        if count > POINTS_MAX {
            let what = format!("the range has {count} points, more than the limit of {POINTS_MAX}");
            return Err(ArgumentMistake::new(
                self.span.clone(),
                what,
                "too many",
                "write a number of points behind a colon",
            ));
        }
        let mut texts: Vec<String> = (0..count).map(|index| self.text(index, count, spacing)).collect();
        texts.dedup();
        if texts.len() < count {
            let (low, high) = (self.low.0, self.high.0);
            let what = format!("between {low} and {high} are no {count} different whole numbers spaced like that");
            let help = format!("ask for {} points or fewer, or write {low}.0..{high}.0 for fractions", texts.len());
            return Err(ArgumentMistake::new(self.span.clone(), what, "too many points", help));
        }
        Ok(texts)
    }

    fn text(&self, index: usize, count: usize, spacing: Spacing) -> String {
        // The ends stay as they were typed.
        if index == 0 {
            return self.low.0.to_owned();
        }
        if index + 1 == count {
            return self.high.0.to_owned();
        }
        let (low, high) = (self.low.1.value, self.high.1.value);
        let share = index as f64 / (count - 1) as f64;
        let (value, digits) = match spacing {
            Spacing::Linear => (low + (high - low) * share, LINEAR_DIGITS),
            Spacing::Log => {
                let (from, to) = (libm::log(low), libm::log(high));
                (libm::exp(from + (to - from) * share), LOG_DIGITS)
            }
        };
        let unit = split_unit(self.low.0).map_or("", |(_, unit)| unit);
        let same = split_unit(self.high.0).is_some_and(|(_, other)| other == unit);
        write_number(self.kind(), value, digits, if same { unit } else { "/s" })
    }
}

/// A number as a scenario has it; `rate_unit` is what a rate is written in.
pub fn write_number(kind: ValueKind, value: f64, digits: usize, rate_unit: &str) -> String {
    match kind {
        ValueKind::Count => format!("{}", libm::round(value)),
        ValueKind::Number | ValueKind::Text => format!("{}", rounded(value, digits)),
        ValueKind::Duration => {
            let fits = |&&(_, one): &&(&str, f64)| rounded(value, digits) >= one;
            let (unit, one) = TIMES[..4].iter().rev().find(fits).copied().unwrap_or(TIMES[0]);
            // Nothing is finer than a nanosecond.
            let number = if one == 1.0 { libm::round(value) } else { rounded(value / one, digits) };
            format!("{number}{unit}")
        }
        ValueKind::Rate => {
            let one = RATES.iter().find(|(name, _)| *name == rate_unit).map_or(1.0, |(_, one)| *one);
            format!("{}{rate_unit}", rounded(value * one, digits))
        }
    }
}

/// Reads `8` or `log8`.
fn read_steps(text: &str, at: Range<usize>) -> Result<(usize, Spacing), ArgumentMistake> {
    let (digits, spacing) = match text.trim().strip_prefix("log") {
        Some(digits) => (digits, Spacing::Log),
        None => (text.trim(), Spacing::Linear),
    };
    match digits.parse::<usize>() {
        Ok(count) if count >= 2 => Ok((count, spacing)),
        _ => {
            let what = format!("`{text}` is not a number of points");
            Err(ArgumentMistake::new(at, what, "not a number of points", "write 2 or more, such as :8 or :log8"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(argument: &str) -> Vec<String> {
        let setting = read_setting(argument).unwrap_or_else(|mistakes| panic!("{argument}: {mistakes:?}"));
        setting.values.into_iter().map(|value| value.text).collect()
    }

    fn said(argument: &str) -> String {
        let mistakes = read_setting(argument).expect_err(argument);
        mistakes.iter().map(|mistake| format!("{}|{}", &argument[mistake.span.clone()], mistake.what)).collect()
    }

    #[test]
    fn lists_and_ranges_become_the_values_of_a_scenario() {
        assert_eq!(values("k=1,2, 4"), ["1", "2", "4"]);
        assert_eq!(values("k=1..4"), ["1", "2", "3", "4"]);
        assert_eq!(values("k=10..640:8"), ["10", "100", "190", "280", "370", "460", "550", "640"]);
        assert_eq!(values("k=10..640:log7"), ["10", "20", "40", "80", "160", "320", "640"]);
        assert_eq!(values("k=100/s..400/s:4"), ["100/s", "200/s", "300/s", "400/s"]);
        assert_eq!(values("k=10ms..1s:log5"), ["10ms", "31.6ms", "100ms", "316ms", "1s"]);
        assert_eq!(values("k=1s..2s:4"), ["1s", "1.333s", "1.667s", "2s"]);
        assert_eq!(values("k=0.1..0.3:3"), ["0.1", "0.2", "0.3"]);
        assert_eq!(values("k=1..3,8"), ["1", "2", "3", "8"]);
        assert_eq!(values("k=60/m..120/m:3"), ["60/m", "90/m", "120/m"]);
    }

    #[test]
    fn commas_inside_brackets_and_quotes_part_nothing() {
        assert_eq!(values("k=exp(5ms),lognormal(1ms, 9ms),\"a,b\""), ["exp(5ms)", "lognormal(1ms, 9ms)", "\"a,b\""]);
        assert_eq!(values("k=[{ at = \"0s\", rate = \"1/s\" }]").len(), 1);
        assert_eq!(values("k=../trace.csv"), ["../trace.csv"]);
    }

    #[test]
    fn a_setting_knows_what_its_values_are() {
        let kind = |argument: &str| read_setting(argument).unwrap().kind;
        assert_eq!(kind("k=1,2"), ValueKind::Count);
        assert_eq!(kind("k=1,2.5"), ValueKind::Number);
        assert_eq!(kind("k=\"1ms\",2s"), ValueKind::Duration);
        assert_eq!(kind("k=1/s,2/m"), ValueKind::Rate);
        assert_eq!(kind("k=1ms,exp(1ms)"), ValueKind::Text);
        assert_eq!(read_number("90/m"), Some(ReadNumber { kind: ValueKind::Rate, value: 1.5 }));
        assert_eq!(read_number("1.5ms"), Some(ReadNumber { kind: ValueKind::Duration, value: 1.5e6 }));
        assert_eq!(read_number("fast"), None);
    }

    #[test]
    fn every_mistake_is_told_with_its_place() {
        assert_eq!(said("threads"), "threads|a setting has a key and values");
        assert_eq!(said("k=1,,2"), "|a value is missing");
        assert_eq!(said("k=1,5,1"), "1|the value `1` stands here twice");
        assert_eq!(said("k=10ms..1s"), "10ms..1s|how many points from `10ms` to `1s`?");
        assert_eq!(said("k=5..1"), "5..1|the range goes from `5` to `1`, which is not larger");
        assert_eq!(said("k=0..8:log4"), "0..8:log4|a logarithmic range begins above zero");
        assert_eq!(said("k=1ms..5/s:3"), "1ms..5/s:3|`1ms` and `5/s` are not of one kind");
        assert_eq!(said("k=1..x:3"), "x|`x` is not the end of a range");
        assert_eq!(said("k=1..9:log"), "log|`log` is not a number of points");
        assert_eq!(said("k=1..9:1"), "1|`1` is not a number of points");
        let few = "1..3:9|between 1 and 3 are no 9 different whole numbers spaced like that";
        assert_eq!(said("k=1..3:9"), few);
        assert!(said("k=1..99999").starts_with("1..99999|the range has 99999 points"));
        // Two mistakes of one argument come together.
        assert_eq!(read_setting("k=5..1,9..8:x").unwrap_err().len(), 2);
    }

    #[test]
    fn a_range_at_the_limit_is_read_and_one_beyond_is_refused() {
        assert_eq!(values(&format!("k=1..{POINTS_MAX}")).len(), POINTS_MAX);
        assert!(read_setting(&format!("k=0..{POINTS_MAX}")).is_err());
    }

    proptest::proptest! {
        /// Whatever the ends: the ends are there, the rest lies between them, in order, and each text is a number of the kind.
        #[test]
        fn a_range_runs_from_end_to_end(low in 1_u32..1_000, more in 50_u32..100_000, count in 2_usize..20, log: bool) {
            let steps = if log { "log" } else { "" };
            for unit in ["ms", "us", "/s", ".5"] {
                let argument = format!("k={low}{unit}..{}{unit}:{steps}{count}", low + more);
                let setting = read_setting(&argument).unwrap();
                let numbers: Vec<f64> =
                    setting.values.iter().map(|value| read_number(&value.text).unwrap().value).collect();
                proptest::prop_assert_eq!(numbers.len(), count);
                proptest::prop_assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", setting.values);
            }
        }
    }
}
