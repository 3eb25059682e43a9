//! How values stand in a document: numbers of twelve significant digits, one to a line where there are many, means with intervals.

use lab::Estimate;
use serde::ser::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::to_raw_value;

/// A document as text: indented, ending in a line feed.
///
/// # Panics
/// If a key of it is no string: our documents are structures and maps from names.
pub fn document(written: &impl Serialize) -> String {
    serde_json::to_string_pretty(written).expect("a document of strings and numbers can be written") + "\n"
}

/// A value on a line of its own, however deep: a document of one number per line can be read and compared.
///
/// The layout is the writer's alone: on reading it is the value, however it lies.
pub struct OneLine<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OneLine<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OneLine<T>, D::Error> {
        T::deserialize(deserializer).map(OneLine)
    }
}

impl<T: Serialize> Serialize for OneLine<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        to_raw_value(&self.0).map_err(S::Error::custom)?.serialize(serializer)
    }
}

/// A mean with its interval, and of how many replications it is.
#[derive(Default, Serialize)]
pub(crate) struct Interval {
    mean: Option<Number>,
    low: Option<Number>,
    high: Option<Number>,
    n: u32,
}

impl Interval {
    pub(crate) fn of(estimate: Option<&Estimate>) -> Interval {
        Interval::in_units(estimate, 1.0)
    }

    /// In so much of what was estimated.
    pub(crate) fn in_units(estimate: Option<&Estimate>, unit: f64) -> Interval {
        let number = |value: f64| Number(value * unit);
        Interval {
            mean: estimate.map(|estimate| number(estimate.mean)),
            low: estimate.and_then(|estimate| estimate.low).map(number),
            high: estimate.and_then(|estimate| estimate.high).map(number),
            n: estimate.map_or(0, |estimate| estimate.n),
        }
    }
}

/// The nearest number of twelve significant digits.
pub(crate) fn rounded(number: f64) -> f64 {
    format!("{number:.11e}").parse().expect("what was printed as a float is one")
}

/// A float with twelve significant digits, without a fraction where there is none.
///
/// It is read as it stands.
pub struct Number(pub f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        f64::deserialize(deserializer).map(Number)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rounded = rounded(self.0);
        // Every whole number below 2^53 is a float, and every reader's.
        if rounded.fract() == 0.0 && rounded.abs() < 9e15 {
            serializer.serialize_i64(rounded as i64)
        } else {
            serializer.serialize_f64(rounded)
        }
    }
}

/// A field written as a [`Number`], for types that are written as they are.
///
/// # Errors
/// The serializer's own.
pub fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

/// The same of one that may be missing.
///
/// # Errors
/// The serializer's own.
pub fn number_or_null<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    value.map(Number).serialize(serializer)
}
