//! What keeps files from becoming a scenario, in a reader's words: what, where, and what to do about it.

use std::collections::BTreeMap;

/// Why an import gives no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// A file has no bytes, or nothing but white space.
    #[error("{file}: it is empty; is it the right file, or was the log rotated?")]
    Empty {
        /// Which.
        file: String,
    },
    /// Nobody knows what a file is.
    #[error("{file}: nobody knows what this is; its first line is `{first}`; {hint}")]
    Unknown {
        /// Which.
        file: String,
        /// How it begins.
        first: String,
        /// What would help.
        hint: String,
    },
    /// A file is of a known kind, and nothing in it could be used.
    #[error("{file}: it looks like {nature}, and none of its {lines} lines could be used{example}; {hint}")]
    NothingUsable {
        /// Which.
        file: String,
        /// What it was taken for.
        nature: &'static str,
        /// How many were tried.
        lines: u64,
        /// The first mistake with its line, if there is one.
        example: String,
        /// What would help.
        hint: &'static str,
    },
    /// A place in a file says something that cannot be.
    #[error("{file}:{line}: {what}; {hint}")]
    At {
        /// Which.
        file: String,
        /// Counted from one.
        line: u64,
        /// What is wrong.
        what: String,
        /// What would help.
        hint: String,
    },
    /// A log format cannot be read.
    #[error("--log-format `{format}`: {what}")]
    Format {
        /// As it was typed.
        format: String,
        /// What is wrong with it.
        what: String,
    },
    /// The files together do not say enough.
    #[error("{what}; {hint}")]
    TooLittle {
        /// What is missing.
        what: String,
        /// What would help.
        hint: String,
    },
}

/// Lines that could not be used, by reason, with the place of the first of each.
#[derive(Clone, Debug, Default)]
pub struct SpoiltLines {
    by_reason: BTreeMap<&'static str, SpoiltKind>,
}

/// Lines spoilt for one reason.
#[derive(Clone, Debug)]
pub struct SpoiltKind {
    /// How many.
    pub count: u64,
    /// The line of the first one.
    pub first_line: u64,
    /// How it begins.
    pub excerpt: String,
}

impl SpoiltLines {
    /// Counts a line.
    pub fn add(&mut self, reason: &'static str, line: u64, text: &[u8]) {
        let kind = self.by_reason.entry(reason).or_insert_with(|| SpoiltKind {
            count: 0,
            first_line: line,
            excerpt: excerpt(text),
        });
        kind.count += 1;
    }

    /// All of them.
    pub fn count(&self) -> u64 {
        self.by_reason.values().map(|kind| kind.count).sum()
    }

    /// Every reason with its lines.
    pub fn reasons(&self) -> impl Iterator<Item = (&'static str, &SpoiltKind)> {
        self.by_reason.iter().map(|(reason, kind)| (*reason, kind))
    }

    /// The first mistake of the first reason, as a part of a sentence.
    pub fn example(&self) -> String {
        match self.by_reason.iter().min_by_key(|(_, kind)| kind.first_line) {
            Some((reason, kind)) => format!(" (line {}: {reason}: `{}`)", kind.first_line, kind.excerpt),
            None => String::new(),
        }
    }
}

/// How a text begins, fit for a terminal: at most 60 characters, control characters and what is no UTF-8 as dots.
pub fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(240)]);
    let shown: String =
        text.trim().chars().take(60).map(|c| if c.is_control() || c == '\u{fffd}' { '.' } else { c }).collect();
    if text.trim().chars().count() > 60 { shown + "..." } else { shown }
}
