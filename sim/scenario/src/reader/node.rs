//! A table that has been read: every key of its definition that was given or has a default, with a typed value.
//!
//! A key that is missing or wrong has already been reported and holds a stand-in, so that reading can go on
//! and find the other mistakes; a scenario with an error never leaves `parse`.

use engine::time::Span;

use crate::reader::bound::Bound;
use crate::reader::key::KeyTable;
use crate::reader::law_text::LawText;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Name};

/// A table that has been read.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Its heading or its braces.
    pub(crate) at: At,
    pub(crate) table: &'static KeyTable,
    pub(crate) fields: Vec<Field>,
}

/// A key of a [`Node`] and its value.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// Where the key stands (the table's place for a default).
    pub(crate) key_at: At,
    /// Where the value stands.
    pub(crate) at: At,
    /// Typed by the author, rightly or wrongly.
    pub(crate) given: bool,
    /// Not a stand-in for a mistake.
    pub(crate) sound: bool,
    pub(crate) value: Value,
}

/// A typed value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Flag(bool),
    Count(u64),
    Counts(Vec<u64>),
    Number(f64),
    Duration(Span),
    Law(LawText),
    Bound(Bound),
    Ranges(Vec<Range>),
    Names(Vec<Name>),
    Table(Node),
    Named(Vec<(Name, Node)>),
    List(Vec<Node>),
}

/// A setting of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Range {
    pub(crate) path: String,
    /// What it may be.
    pub(crate) values: Vec<String>,
}

/// What can be taken out of a [`Value`].
pub(crate) trait Take<'n>: Sized {
    /// The value, if it has this type.
    fn take(value: &'n Value) -> Option<Self>;
}

macro_rules! take {
    ($type:ty, $variant:ident, $value:ident => $out:expr) => {
        impl<'n> Take<'n> for $type {
            fn take(value: &'n Value) -> Option<Self> {
                match value {
                    Value::$variant($value) => Some($out),
                    _ => None,
                }
            }
        }
    };
}

take!(&'n str, Text, text => text.as_str());
take!(bool, Flag, flag => *flag);
take!(u64, Count, count => *count);
take!(&'n [u64], Counts, counts => counts.as_slice());
take!(f64, Number, number => *number);
take!(Span, Duration, span => *span);
take!(&'n LawText, Law, law => law);
take!(Bound, Bound, bound => *bound);
take!(&'n [Range], Ranges, ranges => ranges.as_slice());
take!(&'n [Name], Names, names => names.as_slice());
take!(&'n Node, Table, node => node);
take!(&'n [(Name, Node)], Named, named => named.as_slice());
take!(&'n [Node], List, list => list.as_slice());

macro_rules! take_count {
    ($type:ty) => {
        impl<'n> Take<'n> for $type {
            fn take(value: &'n Value) -> Option<$type> {
                u64::take(value).and_then(|count| <$type>::try_from(count).ok())
            }
        }
    };
}

take_count!(u32);
take_count!(u8);

impl Node {
    /// Reports a key that the software of a world does not have, and why.
    pub(crate) fn refuse(&self, key: &str, software: &str, why: &str, findings: &mut Findings) {
        if self.given(key) {
            let what = format!("`{key}` means nothing to {software}");
            findings.error(self.key_at(key), what).label(format!("not for {software}")).help(why);
        }
    }

    /// The value of a key that is required or has a default.
    ///
    /// # Panics
    /// If the table's definition lacks the key or gives it another type: a bug of this crate.
    pub(crate) fn get<'n, T: Take<'n>>(&'n self, name: &str) -> T {
        match self.find(name) {
            Some(value) => value,
            None => panic!("{} has no `{name}` of that type", self.table.heading),
        }
    }

    /// The value of a key that may be left out.
    pub(crate) fn find<'n, T: Take<'n>>(&'n self, name: &str) -> Option<T> {
        self.field(name).and_then(|field| T::take(&field.value))
    }

    /// The key, if it was given or has a default.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// Whether the author typed the key, rightly or wrongly.
    pub(crate) fn given(&self, name: &str) -> bool {
        self.field(name).is_some_and(|field| field.given)
    }

    /// Whether none of these keys holds a stand-in for a mistake.
    pub(crate) fn sound(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.field(name).is_none_or(|field| field.sound))
    }

    /// Where a key's value stands, or else the table.
    pub(crate) fn at(&self, name: &str) -> At {
        self.field(name).filter(|field| field.given).map_or(self.at, |field| field.at)
    }

    /// Where a key stands, or else the table.
    pub(crate) fn key_at(&self, name: &str) -> At {
        self.field(name).filter(|field| field.given).map_or(self.at, |field| field.key_at)
    }
}
