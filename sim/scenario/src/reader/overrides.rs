//! `--set KEY=VALUE`: values laid over the file before it is read, with places of their own.

use crate::reader::key::{KeyKind, KeyTable, NameGroup};
use crate::reader::raw::{self, Item, Raw, RawValue};
use crate::reader::unit::short;
use crate::words::diagnostic::Findings;
use crate::words::source::{At, Sources};
use crate::words::suggest;

/// A value to be laid over the file: `world.threads.threads` and `80`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// The path of the key, as in TOML; a number counts entries of a list from 0.
    pub key: String,
    /// A TOML value, or bare text, which is taken as a string.
    pub value: String,
}

/// Longest override in bytes.
const BYTES: usize = 65_536;

/// Lays the overrides over the document, in order; `table` is what the whole of it may say.
pub(crate) fn apply(
    document: &mut Raw,
    table: &'static KeyTable,
    overrides: &[Override],
    sources: &mut Sources,
    findings: &mut Findings,
) {
    for wanted in overrides {
        let typed = format!("{}={}", wanted.key, wanted.value);
        let source = sources.push(typed.clone());
        if typed.len() > BYTES {
            let finding = findings.error(At::new(source, 0..0), "this override is longer than the limit");
            finding.label("too long").help(format!("the limit is {BYTES} bytes"));
            continue;
        }
        let Some(path) = path(&wanted.key, source) else {
            let at = At::new(source, 0..wanted.key.len());
            let what = format!("`{}` is not the path of a key", short(&wanted.key));
            findings.error(at, what).label("not a path").help("write it as in TOML, such as world.threads.threads");
            continue;
        };
        let value = value(&wanted.value, source, wanted.key.len() + 1);
        lay(document, table, &path, value, findings);
    }
}

/// The segments of a dotted key with their places.
fn path(key: &str, source: usize) -> Option<Vec<(String, At)>> {
    if key.contains(['=', '\n', '\r', '#', '[']) {
        return None;
    }
    let mut raw = Raw { at: At::default(), value: RawValue::Table(vec![]) };
    let mut path = Vec::new();
    let document = format!("{key}=0");
    raw.value = raw::read_document(&document)?;
    while let RawValue::Table(mut items) = raw.value {
        let item = items.pop().filter(|_| items.is_empty())?;
        path.push((item.key, At { source, ..item.at }));
        raw = item.raw;
    }
    Some(path)
}

/// The segments of a dotted key, if it is one.
pub(crate) fn segments(key: &str) -> Option<Vec<String>> {
    Some(path(key, 0)?.into_iter().map(|(segment, _)| segment).collect())
}

/// A value as typed: TOML if it is some, else text.
fn value(text: &str, source: usize, base: usize) -> Raw {
    const PREFIX: &str = "x=";
    match raw::read_single(&format!("{PREFIX}{text}")) {
        Some(mut raw) => {
            shift(&mut raw, source, base, PREFIX.len());
            raw
        }
        None => Raw { at: At::new(source, base..base + text.len()), value: RawValue::Text(text.trim().to_owned()) },
    }
}

fn shift(raw: &mut Raw, source: usize, base: usize, prefix: usize) {
    let moved = |at: At| At {
        source,
        start: (at.start + base).saturating_sub(prefix),
        end: (at.end + base).saturating_sub(prefix),
    };
    raw.at = moved(raw.at);
    match &mut raw.value {
        RawValue::Table(items) => {
            for item in items {
                item.at = moved(item.at);
                shift(&mut item.raw, source, base, prefix);
            }
        }
        RawValue::Array(array) => array.iter_mut().for_each(|raw| shift(raw, source, base, prefix)),
        _ => {}
    }
}

/// What the walk down a path knows of the definition of the place it has reached.
#[derive(Clone, Copy)]
enum Defined {
    Table(&'static KeyTable),
    Named(&'static KeyTable, NameGroup),
    Entries(&'static KeyTable),
    Unknown,
}

impl Defined {
    fn below(self, key: &str) -> Defined {
        match self {
            Defined::Table(table) => match table.key(key).map(|key| key.kind) {
                Some(KeyKind::Table(inner)) => Defined::Table(inner),
                Some(KeyKind::Named(inner, group)) => Defined::Named(inner, group),
                Some(KeyKind::Each(inner, _)) => Defined::Entries(inner),
                Some(KeyKind::List(inner) | KeyKind::Profile(inner)) => Defined::Entries(inner),
                _ => Defined::Unknown,
            },
            Defined::Named(inner, _) | Defined::Entries(inner) => Defined::Table(inner),
            Defined::Unknown => Defined::Unknown,
        }
    }
}

fn lay(document: &mut Raw, table: &'static KeyTable, path: &[(String, At)], value: Raw, findings: &mut Findings) {
    let mut here = document;
    let mut defined = Defined::Table(table);
    for (depth, (segment, at)) in path.iter().enumerate() {
        let last = depth + 1 == path.len();
        here = match enter(here, defined, segment, *at, findings) {
            Some(next) => next,
            None => return,
        };
        defined = defined.below(segment);
        if last {
            *here = value;
            return;
        }
    }
}

/// The value under one segment, made if it may be; `None` after reporting why not.
fn enter<'r>(
    here: &'r mut Raw,
    defined: Defined,
    segment: &str,
    at: At,
    findings: &mut Findings,
) -> Option<&'r mut Raw> {
    let kind = here.kind();
    match &mut here.value {
        RawValue::Table(items) => {
            if let Some(index) = items.iter().position(|item| item.key == segment) {
                // The place of the key stays that of the file: a missing neighbour is missing there.
                return Some(&mut items[index].raw);
            }
            if let Defined::Named(_, group) = defined {
                let known = items.iter().map(|item| item.key.as_str());
                let help = suggest::help(segment, known, &format!("{} of this file", group.nouns()));
                let what = format!("the file has no {} `{}`", group.noun(), short(segment));
                findings.error(at, what).label("no such name").help(help);
                return None;
            }
            let raw = Raw { at, value: RawValue::Table(Vec::new()) };
            items.push(Item { key: segment.to_owned(), at, raw });
            items.last_mut().map(|item| &mut item.raw)
        }
        RawValue::Array(array) => {
            let count = array.len();
            let entry = segment.parse::<usize>().ok().filter(|index| *index < count);
            if entry.is_none() {
                let what = format!("`{}` is not an entry of this list", short(segment));
                let help = match count {
                    0 => "the list is empty".to_owned(),
                    _ => format!("entries are counted from 0 to {}", count - 1),
                };
                findings.error(at, what).label("no such entry").help(help);
            }
            entry.map(|index| &mut array[index])
        }
        _ => {
            let what = format!("`{}` cannot be set: what comes before it is {kind}", short(segment));
            findings.error(at, what).label("goes too deep").help("shorten the path");
            None
        }
    }
}
