//! A TOML document as a plain tree in which everything knows its place: the file and the overrides alike.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::reader::brackets::unclosed;
use crate::reader::unit;
use crate::words::diagnostic::Findings;
use crate::words::limits;
use crate::words::source::{At, Sources, line_start};

/// A value and its place.
#[derive(Clone, Debug)]
pub(crate) struct Raw {
    pub(crate) at: At,
    pub(crate) value: RawValue,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(crate) enum RawValue {
    Table(Vec<Item>),
    Array(Vec<Raw>),
    Text(String),
    /// Saturated: what does not fit is beyond every limit.
    Integer(i128),
    Float(f64),
    Flag(bool),
    Date,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) at: At,
    pub(crate) raw: Raw,
}

impl Raw {
    /// The type in words, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            RawValue::Table(_) => "a table",
            RawValue::Array(_) => "a list",
            RawValue::Text(_) => "text",
            RawValue::Integer(_) | RawValue::Float(_) => "a bare number",
            RawValue::Flag(_) => "true or false",
            RawValue::Date => "a date",
        }
    }

    /// Its items, if it is a table.
    pub(crate) fn items(&self) -> Option<&[Item]> {
        match &self.value {
            RawValue::Table(items) => Some(items),
            _ => None,
        }
    }

    /// Its text, if it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            RawValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value under `key`, if it is a table that has it.
    pub(crate) fn get(&self, key: &str) -> Option<&Raw> {
        self.items()?.iter().find(|item| item.key == key).map(|item| &item.raw)
    }
}

/// Reads a source; syntax errors go to the findings, and the tree holds what could be saved.
pub(crate) fn read(source: usize, sources: &Sources, findings: &mut Findings) -> Raw {
    let text = sources.text(source);
    let (mut table, mut errors) = recovered(text);
    if !errors.is_empty()
        && let Some(open) = unclosed(text)
    {
        // What the reader makes of the rest is nothing that anybody wrote.
        (table, errors) = recovered(&text[..line_start(text, open)]);
        let (bracket, close) = if text.as_bytes()[open] == b'{' { ('{', '}') } else { ('[', ']') };
        let finding = findings.syntax(At::new(source, open..open + 1), format!("`{bracket}` is not closed"));
        finding.label("opened here").help(format!("end it with `{close}`"));
    }
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let at = At::new(source, span.start.min(text.len())..span.end.min(text.len()));
        syntax_error(at, error.message(), sources, findings);
    }
    Raw { at: At::new(source, 0..0), value: RawValue::Table(items(source, table.get_ref())) }
}

/// What can be read of a text, and its mistakes; of a long one without rhyme or reason, only its beginning, as every mistake takes
/// memory.
fn recovered(text: &str) -> (Spanned<DeTable<'_>>, Vec<toml::de::Error>) {
    /// Bytes that are read at a time, and mistakes that are enough.
    const STAGE: usize = 64 << 10;
    const ENOUGH: usize = 2 * limits::DIAGNOSTICS;
    if text.len() > STAGE && DeTable::parse(text).is_err() {
        for end in (STAGE..text.len()).step_by(STAGE) {
            // A line that is cut would be a mistake of ours.
            let whole = text.as_bytes()[..end].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
            let (table, errors) = DeTable::parse_recoverable(&text[..whole]);
            if errors.len() > ENOUGH {
                return (table, errors);
            }
        }
    }
    DeTable::parse_recoverable(text)
}

/// The root table of a text without a mistake.
pub(crate) fn read_document(text: &str) -> Option<RawValue> {
    let table = DeTable::parse(text).ok()?;
    Some(RawValue::Table(items(0, table.get_ref())))
}

/// The value of a text of the form `KEY = VALUE`, if it is nothing but that.
pub(crate) fn read_single(text: &str) -> Option<Raw> {
    match read_document(text)? {
        RawValue::Table(mut items) if items.len() == 1 => items.pop().map(|item| item.raw),
        _ => None,
    }
}

fn items(source: usize, table: &DeTable<'_>) -> Vec<Item> {
    let mut items: Vec<Item> = table
        .iter()
        .map(|(key, value)| Item {
            key: key.get_ref().to_string(),
            at: At::new(source, key.span()),
            raw: Raw { at: At::new(source, value.span()), value: convert(source, value.get_ref()) },
        })
        .collect();
    // The parser sorts by name; the order of worlds is the order of the file.
    items.sort_by_key(|item| item.at.start);
    items
}

fn convert(source: usize, value: &DeValue<'_>) -> RawValue {
    match value {
        DeValue::String(text) => RawValue::Text(text.to_string()),
        DeValue::Integer(number) => {
            let saturated = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
            RawValue::Integer(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(saturated))
        }
        DeValue::Float(number) => RawValue::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(flag) => RawValue::Flag(*flag),
        DeValue::Datetime(_) => RawValue::Date,
        DeValue::Array(array) => RawValue::Array(
            array
                .iter()
                .map(|value| Raw { at: At::new(source, value.span()), value: convert(source, value.get_ref()) })
                .collect(),
        ),
        DeValue::Table(table) => RawValue::Table(items(source, table)),
    }
}

fn syntax_error(at: At, message: &str, sources: &Sources, findings: &mut Findings) {
    let typed = sources.slice(at);
    let shown = unit::short(typed);
    if message.starts_with("string values must be quoted") {
        if typed.trim().is_empty() {
            let finding = findings.syntax(at, "a value is missing after `=`");
            finding.label("nothing here").help("text, durations and rates stand in quotes: \"8ms\"");
        } else {
            let finding = findings.syntax(at, format!("`{shown}` must stand in quotes"));
            finding.label("no quotes").help(format!("write \"{shown}\"")).mild();
        }
        return;
    }
    if message == "duplicate key" {
        let finding = findings.syntax(at, format!("`{shown}` is defined twice"));
        finding.label("the second one").help("keep one of the two").mild();
        return;
    }
    let (what, label, help) = match message {
        _ if message.starts_with("missing comma") => {
            ("a comma is missing before this", "no comma", "separate the entries with commas")
        }
        _ if message.starts_with("key with no value") => ("a key has no value", "no `=`", "write `key = value`"),
        _ if message.starts_with("unclosed table") => ("a heading is not closed", "no `]`", "write `[table]`"),
        _ if message.starts_with("invalid basic string") => {
            ("text is not closed", "no quotation mark", "end it with a quotation mark")
        }
        _ => {
            let what = format!("this is not TOML: {}", message.replace('\n', "; "));
            let help = "a line is `key = value` or `[table]`; text, durations and rates stand in quotes";
            findings.syntax(at, what).label("the reader stumbles here").help(help);
            return;
        }
    };
    findings.syntax(at, what).label(label).help(help);
}
