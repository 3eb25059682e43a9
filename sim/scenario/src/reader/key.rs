//! What a key is: the one definition that the reader, the suggestions, the schema and the reference share.
//!
//! The tables themselves stand beside the code that reads them, in `tables/` and `whole/`.

use crate::reader::bound::Goal;
use crate::reader::{law_text, unit};

/// A table of the file format.
#[derive(Debug)]
pub(crate) struct KeyTable {
    /// Its heading, for example `[world.NAME]`.
    pub(crate) heading: &'static str,
    /// What one is, with an article, for messages: `a world`.
    pub(crate) noun: &'static str,
    /// What it says, in sentences.
    pub(crate) doc: &'static str,
    /// Its keys, in the order of the reference.
    pub(crate) keys: &'static [TableKey],
}

impl KeyTable {
    /// The key called `name`.
    pub(crate) fn key(&self, name: &str) -> Option<&'static TableKey> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// A key of a table.
#[derive(Debug)]
pub(crate) struct TableKey {
    /// As it is written.
    pub(crate) name: &'static str,
    /// What values it takes.
    pub(crate) kind: KeyKind,
    /// Whether it must be there.
    pub(crate) need: Presence,
    /// A value, as TOML.
    pub(crate) example: &'static str,
    /// What it means, with its unit.
    pub(crate) doc: &'static str,
    /// It makes sense only beside one of these keys; empty: always.
    pub(crate) beside: &'static [&'static str],
}

/// A key of a table; `example` is TOML.
pub(crate) const fn key(
    name: &'static str,
    kind: KeyKind,
    need: Presence,
    example: &'static str,
    doc: &'static str,
) -> TableKey {
    TableKey { name, kind, need, example, doc, beside: &[] }
}

impl TableKey {
    /// The same key, which makes sense only beside one of `others`.
    pub(crate) const fn beside(self, others: &'static [&'static str]) -> TableKey {
        TableKey { beside: others, ..self }
    }
}

/// Whether a key must be there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Presence {
    Required,
    /// If not, this TOML value stands in.
    Default(&'static str),
    /// If not, these words say what happens.
    Else(&'static str),
}

/// What values a key takes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyKind {
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
    /// CPU time a second: a number of cores, or thousandths of one.
    CpuTime,
    /// A rate or a list of points.
    Profile(&'static KeyTable),
    /// The name of a file beside the scenario.
    File,
    /// One of some words.
    OneOf(fn() -> Vec<&'static str>),
    /// Some of some words.
    SomeOf(fn() -> Vec<&'static str>),
    /// The name of something else in the file.
    Name(NameGroup),
    /// `true` or `false`, or such a name.
    FlagOrName(NameGroup),
    /// Several such names.
    Names(NameGroup),
    Table(&'static KeyTable),
    /// A bound on something measured.
    Bound(Goal),
    /// Settings by their paths, each with what it may be.
    Ranges,
    /// Tables by name.
    Named(&'static KeyTable, NameGroup),
    /// Tables by the names of things that the file has elsewhere.
    Each(&'static KeyTable, NameGroup),
    /// A list of tables.
    List(&'static KeyTable),
    /// A list of steps.
    Steps,
}

/// What a name may refer to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NameGroup {
    World,
    Client,
    Peer,
    /// `[pool.NAME]` and `[lock.NAME]`.
    Sync,
    Queue,
    Event,
    Value,
    Connection,
    Executor,
    Request,
    /// `[worker.NAME]` of a preset.
    Worker,
}

impl NameGroup {
    /// What one of them is called.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            NameGroup::World => "world",
            NameGroup::Client => "client",
            NameGroup::Peer => "peer",
            NameGroup::Sync => "pool or lock",
            NameGroup::Queue => "queue",
            NameGroup::Event => "event",
            NameGroup::Value => "value",
            NameGroup::Connection => "connection",
            NameGroup::Executor => "executor",
            NameGroup::Request => "request",
            NameGroup::Worker => "worker",
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
            NameGroup::World => "worlds",
            NameGroup::Client => "clients",
            NameGroup::Peer => "peers",
            NameGroup::Sync => "pools and locks",
            NameGroup::Queue => "queues",
            NameGroup::Event => "events",
            NameGroup::Value => "values",
            NameGroup::Connection => "connections",
            NameGroup::Executor => "executors",
            NameGroup::Request => "requests",
            NameGroup::Worker => "workers",
        }
    }

    /// The root keys whose tables belong to it.
    pub(crate) fn roots(self) -> &'static [&'static str] {
        match self {
            NameGroup::World => &["world"],
            NameGroup::Client => &["client"],
            NameGroup::Peer => &["peer"],
            NameGroup::Sync => &["pool", "lock"],
            NameGroup::Queue => &["queue"],
            NameGroup::Event => &["event"],
            NameGroup::Value => &["value"],
            NameGroup::Connection => &["connection"],
            NameGroup::Executor => &["executor"],
            NameGroup::Request => &["request"],
            NameGroup::Worker => &["worker"],
        }
    }
}

impl KeyKind {
    /// What to write, for a value of the wrong type.
    pub(crate) fn expected(self, example: &str) -> String {
        let such = |what: &str| format!("write {what}, such as {example}");
        match self {
            KeyKind::Text => such("text in quotes"),
            KeyKind::Flag => "write true or false".to_owned(),
            KeyKind::Count(..) => such("a whole number"),
            KeyKind::Counts(many, ..) => {
                such(&format!("a list of {many} whole numbers, none smaller than the one before"))
            }
            KeyKind::Number(..) => such("a number"),
            KeyKind::Duration | KeyKind::Positive => format!("write {}", unit::DURATION_FORM),
            KeyKind::DurationOr(word) => format!("write \"{word}\", or {}", unit::DURATION_FORM),
            KeyKind::Law => format!("write a duration or a law; {}", law_text::forms()),
            KeyKind::Rate => format!("write {}", unit::RATE_FORM),
            KeyKind::CpuTime => format!("write {}", unit::CPU_FORM),
            KeyKind::Profile(_) => format!("write {}, or a list of {{ at, rate }}", unit::RATE_FORM),
            KeyKind::File => such("the name of a file in quotes"),
            KeyKind::OneOf(words) => one_of(&words()),
            KeyKind::SomeOf(words) => format!("write a list of some of {}", quoted(&words())),
            KeyKind::Name(group) => format!("write the name of {} in quotes", group.one()),
            KeyKind::FlagOrName(group) => format!("write true or false, or the name of {} in quotes", group.one()),
            KeyKind::Names(group) => format!("write a list of names of {}, such as {example}", group.nouns()),
            KeyKind::Table(_) => such("a table"),
            KeyKind::Bound(goal) => format!("write {}", goal.form()),
            KeyKind::Ranges => such("a table of paths"),
            KeyKind::Named(table, _) => format!("write tables with a name each: {}", table.heading),
            KeyKind::Each(table, group) => {
                format!("write tables by the names of {}: {}", group.nouns(), table.heading)
            }
            KeyKind::List(_) => such("a list of tables"),
            KeyKind::Steps => such("a list of steps"),
        }
    }

    /// The type in a few words, for the reference.
    pub(crate) fn words(self) -> String {
        let number = |n: f64| {
            if n >= 1e6 { format!("{n:e}") } else { n.to_string() }
        };
        match self {
            KeyKind::Text => "text".to_owned(),
            KeyKind::Flag => "true or false".to_owned(),
            KeyKind::Count(low, high) => {
                format!("whole number, {low} to {}", crate::words::limits::grouped(high))
            }
            KeyKind::Counts(many, low, high) => {
                format!("list of {many} whole numbers, {low} to {}, ascending", crate::words::limits::grouped(high))
            }
            KeyKind::Number(low, high) => format!("number, {} to {}", number(low), number(high)),
            KeyKind::Duration => "duration".to_owned(),
            KeyKind::Positive => "duration above zero".to_owned(),
            KeyKind::DurationOr(word) => format!("duration or `\"{word}\"`"),
            KeyKind::Law => "duration or law".to_owned(),
            KeyKind::Rate => "rate".to_owned(),
            KeyKind::CpuTime => "number of cores, or text such as `\"200m\"`".to_owned(),
            KeyKind::Profile(_) => "rate, or list of points".to_owned(),
            KeyKind::File => "file name".to_owned(),
            KeyKind::OneOf(words) => words().iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
            KeyKind::SomeOf(words) => {
                let words: Vec<String> = words().iter().map(|word| format!("`\"{word}\"`")).collect();
                format!("list of some of {}", words.join(", "))
            }
            KeyKind::Name(group) => format!("name of {}", group.one()),
            KeyKind::FlagOrName(group) => format!("true or false, or name of {}", group.one()),
            KeyKind::Names(group) => format!("list of names of {}", group.nouns()),
            KeyKind::Table(_) => "table".to_owned(),
            KeyKind::Bound(goal) => goal.words().to_owned(),
            KeyKind::Ranges => "table of paths with ranges".to_owned(),
            KeyKind::Named(..) => "tables by name".to_owned(),
            KeyKind::Each(_, group) => format!("tables by the names of {}", group.nouns()),
            KeyKind::List(_) => "list of tables".to_owned(),
            KeyKind::Steps => "list of steps".to_owned(),
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
