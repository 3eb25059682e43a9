//! What is wrong with a scenario: where, what, and what to write instead.
//!
//! Mistakes are collected, never thrown: a reader gets all of them, sorted by position. Drawing them in
//! colour is the command line's business; [`Diagnostic::plain`] is the text for logs and tests.

use std::fmt::Write as _;
use std::ops::Range;

use crate::words::doubt::Doubt;
use crate::words::limits;
use crate::words::source::{At, Name, Sources, line_start};

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Severity {
    /// The scenario cannot run.
    Error,
    /// It runs, but perhaps not as meant.
    Warning,
}

/// One mistake, or one doubt, in a scenario.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file's name as given to `parse`, or `--set` for an override.
    pub file: String,
    /// Bytes of the text it is about; may be empty.
    pub span: Range<usize>,
    /// Line where the span begins, from 1.
    pub line: usize,
    /// Character of that line where the span begins, from 1.
    pub column: usize,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
    /// What to write instead.
    pub help: Option<String>,
    /// A few words for the underline.
    pub label: String,
    /// What kind of doubt it is, as `expect` calls it, if it has one.
    pub doubt: Option<&'static str>,
    /// The text that `span` counts in, if that is not the scenario's: an override as it was typed.
    pub source: Option<String>,
}

impl Diagnostic {
    /// The diagnostic as plain text: `file:line:column`, the line, its underline, the help.
    ///
    /// `text` is the text that was given to `parse`.
    pub fn plain(&self, text: &str) -> String {
        let text = self.source.as_deref().unwrap_or(text);
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let kind = self.doubt.map_or(String::new(), |doubt| format!("[{doubt}]"));
        let mut out = format!("{}:{}:{}: {severity}{kind}: {}\n", self.file, self.line, self.column, self.what);
        let gutter = self.line.to_string().len();
        let (line, before, width) = excerpt(text, &self.span);
        let _ = writeln!(out, "{:gutter$} |", "");
        let _ = writeln!(out, "{} | {line}", self.line);
        let underline = format!("{}{} {}", " ".repeat(before), "^".repeat(width), self.label);
        let _ = writeln!(out, "{:gutter$} | {}", "", underline.trim_end());
        if let Some(help) = &self.help {
            let _ = writeln!(out, "{:gutter$} = help: {help}", "");
        }
        out
    }
}

/// Characters of a line shown at most; a longer line is cut around the span.
const SHOWN: usize = 110;

/// The line of a span, how many characters lie before the span, and how many it covers there.
fn excerpt(text: &str, span: &Range<usize>) -> (String, usize, usize) {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end).max(start);
    let line_start = line_start(text, start);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let clean = |part: &str| -> Vec<char> { part.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
    let before = clean(&text[line_start..start]);
    let marked = clean(&text[start..end.min(line_end).max(start)]);
    let after = clean(&text[end.min(line_end).max(start)..line_end]);
    let fits = before.len() + marked.len() <= SHOWN;
    let lead = if fits { before.len() } else { before.len().min(SHOWN / 3) };
    let width = marked.len().clamp(1, SHOWN - lead.min(SHOWN - 1));
    let mut line: String = before[before.len() - lead..].iter().collect();
    if lead < before.len() {
        line = format!("…{}", line.chars().skip(1).collect::<String>());
    }
    line.extend(marked.iter().chain(&after).take(SHOWN - lead));
    if lead + marked.len() + after.len() > SHOWN {
        line.push('…');
    }
    (line.trim_end().to_owned(), lead, width)
}

/// The nearest character boundary at or below `at`.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A finding on its way to becoming a [`Diagnostic`].
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    severity: Severity,
    at: At,
    what: String,
    help: Option<String>,
    label: String,
    /// Something is not there, which may be a mere echo of a mistake elsewhere.
    echo: bool,
    /// The TOML itself is wrong here.
    syntax: bool,
    /// Nothing was lost by it: the reader knows what was meant.
    mild: bool,
    doubt: Option<Doubt>,
}

impl Finding {
    /// Words for the underline.
    pub(crate) fn label(&mut self, label: impl Into<String>) -> &mut Finding {
        self.label = label.into();
        self
    }

    /// What to write instead.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Finding {
        self.help = Some(help.into());
        self
    }

    /// Marks a syntax error after which nothing is missing.
    pub(crate) fn mild(&mut self) -> &mut Finding {
        self.mild = true;
        self
    }

    /// Marks what may be a mere echo of a mistake elsewhere: something is not there.
    ///
    /// Errors of this kind are kept back beside a syntax error that lost text, doubts beside any error.
    pub(crate) fn echo(&mut self) -> &mut Finding {
        self.echo = true;
        self
    }
}

/// Everything found so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Adds a mistake.
    pub(crate) fn error(&mut self, at: At, what: impl Into<String>) -> &mut Finding {
        self.push(Severity::Error, at, what.into())
    }

    /// Adds a doubt.
    pub(crate) fn warning(&mut self, at: At, what: impl Into<String>) -> &mut Finding {
        self.push(Severity::Warning, at, what.into())
    }

    /// Adds a doubt of a kind that a file may expect.
    pub(crate) fn doubt(&mut self, doubt: Doubt, at: At, what: impl Into<String>) -> &mut Finding {
        let finding = self.push(Severity::Warning, at, what.into());
        finding.doubt = Some(doubt);
        finding
    }

    /// Drops the doubts that the file expects; one that it expects in vain is another.
    pub(crate) fn acknowledge(&mut self, expected: &[Name]) {
        for name in expected {
            let is_meant = |finding: &Finding| finding.doubt.is_some_and(|doubt| doubt.name() == name.text);
            if self.list.iter().any(is_meant) {
                self.list.retain(|finding| !is_meant(finding));
            } else {
                let what = format!("there is no `{}` here to expect", name.text);
                self.warning(name.at, what).label("not found").help("remove it from `expect`").echo();
            }
        }
    }

    /// Adds a mistake of the TOML itself; what else is found at that place is an echo of it.
    pub(crate) fn syntax(&mut self, at: At, what: impl Into<String>) -> &mut Finding {
        let finding = self.push(Severity::Error, at, what.into());
        finding.syntax = true;
        finding
    }

    fn push(&mut self, severity: Severity, at: At, what: String) -> &mut Finding {
        let label = "here".to_owned();
        self.list.push(Finding {
            severity,
            at,
            what,
            help: None,
            label,
            echo: false,
            syntax: false,
            mild: false,
            doubt: None,
        });
        self.list.last_mut().expect("a finding was just pushed")
    }

    /// Whether any of them is an error.
    pub(crate) fn failed(&self) -> bool {
        self.list.iter().any(|finding| finding.severity == Severity::Error)
    }

    /// All of them as diagnostics, by position; echoes of syntax errors are left out.
    pub(crate) fn finish(mut self, sources: &Sources) -> Vec<Diagnostic> {
        let syntax: Vec<At> = self.list.iter().filter(|finding| finding.syntax).map(|finding| finding.at).collect();
        let failed = self.failed();
        let lost = self.list.iter().any(|finding| finding.syntax && !finding.mild);
        self.list.retain(|finding| {
            let doubt = finding.severity == Severity::Warning;
            let echo = finding.echo && (lost || doubt && failed);
            finding.syntax || !echo && !syntax.iter().any(|at| at.touches(finding.at))
        });
        self.list.sort_by_key(|finding| (finding.at.source, finding.at.start, finding.severity));
        let dropped = self.list.len().saturating_sub(limits::DIAGNOSTICS);
        self.list.truncate(limits::DIAGNOSTICS);
        let mut list: Vec<Diagnostic> = self.list.into_iter().map(|finding| finding.locate(sources)).collect();
        if dropped > 0
            && let Some(last) = list.last_mut()
        {
            let more = format!("and {dropped} more mistakes after this one");
            last.help = Some(last.help.take().map_or(more.clone(), |help| format!("{help}; {more}")));
        }
        list
    }
}

impl Finding {
    fn locate(self, sources: &Sources) -> Diagnostic {
        let text = sources.text(self.at.source);
        let start = boundary(text, self.at.start);
        let end = boundary(text, self.at.end).max(start);
        let line_start = line_start(text, start);
        let overridden = self.at.source > 0;
        Diagnostic {
            severity: self.severity,
            file: if overridden { "--set".to_owned() } else { sources.file().to_owned() },
            span: start..end,
            line: text[..start].matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            what: self.what,
            help: self.help,
            label: self.label,
            doubt: self.doubt.map(Doubt::name),
            source: overridden.then(|| text.to_owned()),
        }
    }
}
