//! The texts that a scenario is made of, and places in them.

use std::ops::Range;

/// A place in one of the [`Sources`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct At {
    /// Index of the source; 0 is the file.
    pub(crate) source: usize,
    pub(crate) start: usize,
    /// The first byte behind it.
    pub(crate) end: usize,
}

impl At {
    /// The place of bytes `range` of a source.
    pub(crate) fn new(source: usize, range: Range<usize>) -> At {
        At { source, start: range.start, end: range.end.max(range.start) }
    }

    /// Whether two places share a byte or touch.
    pub(crate) fn touches(self, other: At) -> bool {
        self.source == other.source && self.start <= other.end && other.start <= self.end
    }
}

/// The texts a scenario was made of: the file, then the overrides in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    file: String,
    texts: Vec<String>,
}

impl Sources {
    /// The file alone.
    pub(crate) fn new(file: &str, text: &str) -> Sources {
        Sources { file: file.to_owned(), texts: vec![text.to_owned()] }
    }

    /// The file's name for messages.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Adds an override's text and returns its index.
    pub(crate) fn push(&mut self, text: String) -> usize {
        self.texts.push(text);
        self.texts.len() - 1
    }

    /// The text of a source.
    pub(crate) fn text(&self, source: usize) -> &str {
        self.texts.get(source).map_or("", String::as_str)
    }

    /// The text at a place; empty if it is not there.
    pub(crate) fn slice(&self, at: At) -> &str {
        self.text(at.source).get(at.start..at.end).unwrap_or("")
    }

    /// The place of bytes `part` of the string value at `at`, or the whole value if its escapes hide them.
    pub(crate) fn inside(&self, at: At, value: &str, part: Range<usize>) -> At {
        let typed = self.slice(at);
        let quotes = match typed.len().checked_sub(value.len()) {
            Some(0) => 0,
            Some(2) if !typed.contains('\\') => 1,
            _ => return at,
        };
        At::new(at.source, at.start + quotes + part.start..at.start + quotes + part.end)
    }
}

/// A name and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) at: At,
}

/// Where the line of a place begins.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}
