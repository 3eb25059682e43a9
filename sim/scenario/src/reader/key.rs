//! What a key is: the one definition that the reader, the suggestions, the schema and the reference share.
//!
//! The tables themselves stand beside the code that reads them, in `tables/` and `whole/`.

use crate::reader::bound::Goal;
use crate::reader::{law_text, unit};

/// A table of the file format.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its heading, for example `[world.NAME]`.
    pub(crate) heading: &'static str,
    /// What one is, with an article, for messages: `a world`.
    pub(crate) noun: &'static str,
    /// What it says, in sentences.
    pub(crate) doc: &'static str,
    /// Its keys, in the order of the reference.
    pub(crate) keys: &'static [Key],
}

impl Table {
    /// The key called `name`.
    pub(crate) fn key(&self, name: &str) -> Option<&'static Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub(crate) struct Key {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What values it takes.
    pub(crate) kind: Kind,
    /// Whether it must be there.
    pub(crate) need: Need,
    /// A value, as TOML.
    pub(crate) example: &'static str,
    /// What it means, with its unit.
    pub(crate) doc: &'static str,
    /// It makes sense only beside one of these keys; empty: always.
    pub(crate) beside: &'static [&'static str],
}

/// A key of a table; `example` is TOML.
pub(crate) const fn key(name: &'static str, kind: Kind, need: Need, example: &'static str, doc: &'static str) -> Key {
    Key { name, kind, need, example, doc, beside: &[] }
}

impl Key {
    /// The same key, which makes sense only beside one of `others`.
    pub(crate) const fn beside(self, others: &'static [&'static str]) -> Key {
        Key { beside: others, ..self }
    }
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Need {
    Required,
    /// If not, this TOML value stands in.
    Default(&'static str),
    /// If not, these words say what happens.
    Else(&'static str),
}

/// What values a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// A whole number between two, inclusive.
    Count(u64, u64),
    /// So many of them, none smaller than the one before.
    Counts(usize, u64, u64),
    /// A number between two, inclusive.
    Number(f64, f64),
    /// A duration, perhaps zero.
    Duration,
    /// A duration above zero.
    Positive,
    /// A duration, perhaps zero, or this word.
    DurationOr(&'static str),
    /// A duration or a law.
    Law,
    Rate,
    /// A rate or a list of points.
    Profile(&'static Table),
    /// The name of a file beside the scenario.
    File,
    /// One of some words.
    OneOf(fn() -> Vec<&'static str>),
    /// Some of some words.
    SomeOf(fn() -> Vec<&'static str>),
    /// The name of something else in the file.
    Name(Group),
    /// Several such names.
    Names(Group),
    Table(&'static Table),
    /// A bound on something measured.
    Bound(Goal),
    /// Settings by their paths, each with what it may be.
    Ranges,
    /// Tables by name.
    Named(&'static Table, Group),
    /// Tables by the names of things that the file has elsewhere.
    Each(&'static Table, Group),
    /// A list of tables.
    List(&'static Table),
    /// A list of steps.
    Steps,
}

/// What a name may refer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    World,
    Client,
    Peer,
    /// `[pool.NAME]` and `[lock.NAME]`.
    Sync,
    Queue,
    Event,
    Value,
    Connection,
    Request,
    /// `[worker.NAME]` of a preset.
    Worker,
}

impl Group {
    /// What one of them is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Group::World => "world",
            Group::Client => "client",
            Group::Peer => "peer",
            Group::Sync => "pool or lock",
            Group::Queue => "queue",
            Group::Event => "event",
            Group::Value => "value",
            Group::Connection => "connection",
            Group::Request => "request",
            Group::Worker => "worker",
        }
    }

    /// The same with an article.
    pub(crate) fn one(self) -> String {
        let article = if self.noun().starts_with('e') { "an" } else { "a" };
        format!("{article} {}", self.noun())
    }

    /// What several of them are called.
    pub(crate) fn nouns(self) -> &'static str {
        match self {
            Group::World => "worlds",
            Group::Client => "clients",
            Group::Peer => "peers",
            Group::Sync => "pools and locks",
            Group::Queue => "queues",
            Group::Event => "events",
            Group::Value => "values",
            Group::Connection => "connections",
            Group::Request => "requests",
            Group::Worker => "workers",
        }
    }

    /// The root keys whose tables belong to it.
    pub(crate) fn roots(self) -> &'static [&'static str] {
        match self {
            Group::World => &["world"],
            Group::Client => &["client"],
            Group::Peer => &["peer"],
            Group::Sync => &["pool", "lock"],
            Group::Queue => &["queue"],
            Group::Event => &["event"],
            Group::Value => &["value"],
            Group::Connection => &["connection"],
            Group::Request => &["request"],
            Group::Worker => &["worker"],
        }
    }
}

impl Kind {
    /// What to write, for a value of the wrong type.
    pub(crate) fn expected(self, example: &str) -> String {
        let such = |what: &str| format!("write {what}, such as {example}");
        match self {
            Kind::Text => such("text in quotes"),
            Kind::Flag => "write true or false".to_owned(),
            Kind::Count(..) => such("a whole number"),
            Kind::Counts(many, ..) => {
                such(&format!("a list of {many} whole numbers, none smaller than the one before"))
            }
            Kind::Number(..) => such("a number"),
            Kind::Duration | Kind::Positive => format!("write {}", unit::DURATION_FORM),
            Kind::DurationOr(word) => format!("write \"{word}\", or {}", unit::DURATION_FORM),
            Kind::Law => format!("write a duration or a law; {}", law_text::forms()),
            Kind::Rate => format!("write {}", unit::RATE_FORM),
            Kind::Profile(_) => format!("write {}, or a list of {{ at, rate }}", unit::RATE_FORM),
            Kind::File => such("the name of a file in quotes"),
            Kind::OneOf(words) => one_of(&words()),
            Kind::SomeOf(words) => format!("write a list of some of {}", quoted(&words())),
            Kind::Name(group) => format!("write the name of {} in quotes", group.one()),
            Kind::Names(group) => format!("write a list of names of {}, such as {example}", group.nouns()),
            Kind::Table(_) => such("a table"),
            Kind::Bound(goal) => format!("write {}", goal.form()),
            Kind::Ranges => such("a table of paths"),
            Kind::Named(table, _) => format!("write tables with a name each: {}", table.heading),
            Kind::Each(table, group) => {
                format!("write tables by the names of {}: {}", group.nouns(), table.heading)
            }
            Kind::List(_) => such("a list of tables"),
            Kind::Steps => such("a list of steps"),
        }
    }

    /// The type in a few words, for the reference.
    pub(crate) fn words(self) -> String {
        let number = |n: f64| {
            if n >= 1e6 { format!("{n:e}") } else { n.to_string() }
        };
        match self {
            Kind::Text => "text".to_owned(),
            Kind::Flag => "true or false".to_owned(),
            Kind::Count(low, high) => {
                format!("whole number, {low} to {}", crate::words::limits::grouped(high))
            }
            Kind::Counts(many, low, high) => {
                format!("list of {many} whole numbers, {low} to {}, ascending", crate::words::limits::grouped(high))
            }
            Kind::Number(low, high) => format!("number, {} to {}", number(low), number(high)),
            Kind::Duration => "duration".to_owned(),
            Kind::Positive => "duration above zero".to_owned(),
            Kind::DurationOr(word) => format!("duration or `\"{word}\"`"),
            Kind::Law => "duration or law".to_owned(),
            Kind::Rate => "rate".to_owned(),
            Kind::Profile(_) => "rate, or list of points".to_owned(),
            Kind::File => "file name".to_owned(),
            Kind::OneOf(words) => words().iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
            Kind::SomeOf(words) => {
                let words: Vec<String> = words().iter().map(|word| format!("`\"{word}\"`")).collect();
                format!("list of some of {}", words.join(", "))
            }
            Kind::Name(group) => format!("name of {}", group.one()),
            Kind::Names(group) => format!("list of names of {}", group.nouns()),
            Kind::Table(_) => "table".to_owned(),
            Kind::Bound(goal) => goal.words().to_owned(),
            Kind::Ranges => "table of paths with ranges".to_owned(),
            Kind::Named(..) => "tables by name".to_owned(),
            Kind::Each(_, group) => format!("tables by the names of {}", group.nouns()),
            Kind::List(_) => "list of tables".to_owned(),
            Kind::Steps => "list of steps".to_owned(),
        }
    }
}

fn quoted(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}

/// "write one of ...".
pub(crate) fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    match words.as_slice() {
        [only] => format!("write {only}"),
        _ => format!("write one of {}", words.join(", ")),
    }
}
