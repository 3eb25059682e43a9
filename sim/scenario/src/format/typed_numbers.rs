//! The numbers that a file itself types: what somebody could turn to see whether it matters.

use crate::reader::key::{KeyKind, KeyTable};
use crate::reader::law_text::LawText;
use crate::reader::raw::{self, Raw, RawValue};
use crate::reader::unit;
use crate::whole::root;
use crate::words::diagnostic::Findings;
use crate::words::source::Sources;

/// A number of a file: where it stands, and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypedNumber {
    /// Its path, as an [`crate::Override`] has it.
    pub key: String,
    /// As it was typed, without quotation marks.
    pub value: String,
}

/// Tables and keys that say when something happens or how it is measured, rather than how much of it there is.
const NO_AMOUNTS: [&str; 5] = ["run", "version", "at", "from", "to"];

/// Every count, number, duration, law and rate that a file types, in its order.
///
/// A file with mistakes has those of what could be read.
pub fn typed_numbers(text: &str) -> Vec<TypedNumber> {
    let sources = Sources::new("", text);
    let root = raw::read(0, &sources, &mut Findings::default());
    let mut numbers = Vec::new();
    walk(&root, "", Some(KeyKind::Table(&root::ROOT)), &sources, &mut numbers);
    numbers
}

fn walk(raw: &Raw, path: &str, kind: Option<KeyKind>, sources: &Sources, numbers: &mut Vec<TypedNumber>) {
    match &raw.value {
        RawValue::Table(items) => {
            for item in items.iter().filter(|item| !NO_AMOUNTS.contains(&item.key.as_str())) {
                let inner = match kind {
                    Some(KeyKind::Table(table)) => of_key(table, &item.key),
                    Some(KeyKind::Named(table, _)) => Some(KeyKind::Table(table)),
                    _ => None,
                };
                walk(&item.raw, &below(path, &item.key), inner, sources, numbers);
            }
        }
        RawValue::Array(array) => {
            let inner = match kind {
                Some(KeyKind::List(table) | KeyKind::Profile(table)) => Some(KeyKind::Table(table)),
                _ => None,
            };
            for (index, raw) in array.iter().enumerate() {
                walk(raw, &below(path, &index.to_string()), inner, sources, numbers);
            }
        }
        RawValue::Integer(_) | RawValue::Float(_) => {
            numbers.push(TypedNumber { key: path.to_owned(), value: sources.slice(raw.at).to_owned() });
        }
        RawValue::Text(text) if is_number(text, kind) => {
            numbers.push(TypedNumber { key: path.to_owned(), value: text.clone() });
        }
        RawValue::Text(_) | RawValue::Flag(_) | RawValue::Date => {}
    }
}

fn of_key(table: &'static KeyTable, key: &str) -> Option<KeyKind> {
    table.key(key).map(|key| key.kind)
}

/// Whether a text is a duration, a law or a rate, and may be one where it stands.
fn is_number(text: &str, kind: Option<KeyKind>) -> bool {
    match kind {
        None | Some(KeyKind::Duration | KeyKind::Positive | KeyKind::Law | KeyKind::Rate | KeyKind::Profile(_)) => {
            unit::rate(text).is_ok() || LawText::read(text).is_ok()
        }
        Some(_) => false,
    }
}

/// A path one key longer; a key that TOML would not take bare stands in quotes.
fn below(path: &str, key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    let key = if bare { key.to_owned() } else { format!("{key:?}") };
    if path.is_empty() { key } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Override, parse};

    const TEXT: &str = r#"
version = 1
title = "5ms"
[run]
length = "10s"
[machine]
cores = 4
[world.a]
worker = "uwsgi-threads"
threads = 8
[client.users]
rate = [{ at = "0s", rate = "10/s" }, { at = "5s", rate = "20/s" }]
patience = "lognormal(4s, 10s)"
[peer.db]
network = "200us"
[request.page]
share = 0.5
steps = [{ burn = "1ms" }, { call = "db", takes = "exp(5ms)" }, { repeat = 3, steps = [{ sleep = "2ms" }] }]
"#;

    #[test]
    fn a_typed_number_is_what_the_file_types_as_a_number() {
        let listed: Vec<String> =
            typed_numbers(TEXT).iter().map(|number| format!("{}={}", number.key, number.value)).collect();
        let wanted = [
            "machine.cores=4",
            "world.a.threads=8",
            "client.users.rate.0.rate=10/s",
            "client.users.rate.1.rate=20/s",
            "client.users.patience=lognormal(4s, 10s)",
            "peer.db.network=200us",
            "request.page.share=0.5",
            "request.page.steps.0.burn=1ms",
            "request.page.steps.1.takes=exp(5ms)",
            "request.page.steps.2.repeat=3",
            "request.page.steps.2.steps.0.sleep=2ms",
        ];
        assert_eq!(listed, wanted);
    }

    /// Each number is the path of an override: laying its own value over the file changes nothing, and another value is accepted.
    #[test]
    fn a_typed_number_can_be_set() {
        for number in typed_numbers(TEXT) {
            let same = Override { key: number.key.clone(), value: number.value.clone() };
            assert!(parse(TEXT, "t", &[same]).is_ok(), "{number:?}");
            let wrong = Override { key: number.key.clone(), value: "no number".to_owned() };
            assert!(parse(TEXT, "t", &[wrong]).is_err(), "{number:?} is not read");
        }
    }
}
