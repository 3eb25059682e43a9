//! What a file is, by its content: names say nothing.

use serde_json::Value;

use crate::error::{ImportError, excerpt};
use crate::logs::{AccessFormat, LineStyleFound, json_line, style_of};
use crate::settings;
use crate::traces::TraceForm;

/// Bytes of the beginning of a file by which it is known.
pub const HEAD_BYTES: usize = 1024 * 1024;
/// Lines of it that are tried.
const LINES_TRIED: usize = 50;

/// What a file is.
#[derive(Clone, PartialEq, Debug)]
pub enum FileNature {
    /// An access log whose lines are read so.
    AccessLog(LineStyleFound),
    /// A document of spans, or a span, in every line.
    TraceLines,
    /// One JSON document over many lines: traces, or a report of a load test.
    JsonDocument,
    /// A report or a metric that is read whole.
    Report(crate::reports::ReportForm),
    /// `gunicorn.conf.py`.
    GunicornConf,
    /// `uwsgi.ini`.
    UwsgiIni,
    /// Compose or Kubernetes.
    Manifest,
    /// `nginx.conf`.
    NginxConf,
    /// A Procfile or a command.
    Commands,
}

impl FileNature {
    /// What to call it.
    pub fn name(&self) -> &'static str {
        match self {
            FileNature::AccessLog(LineStyleFound::Json) => "an access log in JSON lines",
            FileNature::AccessLog(LineStyleFound::Uwsgi) => "an access log of uWSGI",
            FileNature::AccessLog(LineStyleFound::Common) => "an access log in the common or combined format",
            FileNature::AccessLog(LineStyleFound::Format(_)) => "an access log",
            FileNature::TraceLines => "traces in JSON lines",
            FileNature::JsonDocument => "a JSON document",
            FileNature::Report(form) => form.name(),
            FileNature::GunicornConf => "a gunicorn.conf.py",
            FileNature::UwsgiIni => "a uwsgi.ini",
            FileNature::Manifest => "a manifest",
            FileNature::NginxConf => "an nginx.conf",
            FileNature::Commands => "a server's command",
        }
    }

    /// Whether it says how other files are to be read, and is to be read before them.
    pub fn is_configuration(&self) -> bool {
        match self {
            FileNature::GunicornConf
            | FileNature::UwsgiIni
            | FileNature::Manifest
            | FileNature::NginxConf
            | FileNature::Commands => true,
            FileNature::AccessLog(_) | FileNature::TraceLines | FileNature::JsonDocument | FileNature::Report(_) => {
                false
            }
        }
    }
}

/// What a file is, by its first bytes and the formats of logs that are known.
///
/// # Errors
/// If it is empty, or nothing that is known.
pub fn nature_of(file: &str, head: &[u8], formats: &[AccessFormat]) -> Result<FileNature, ImportError> {
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(ImportError::Empty { file: file.to_owned() });
    }
    let unknown = |hint: &str| {
        let first = head.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or(head);
        ImportError::Unknown { file: file.to_owned(), first: excerpt(first), hint: hint.to_owned() }
    };
    if head.starts_with(b"\x1f\x8b") || head.starts_with(b"\x28\xb5\x2f\xfd") || head.starts_with(b"BZh") {
        return Err(unknown("it is compressed: unpack it first"));
    }
    if head.iter().take(4_096).filter(|byte| **byte == 0).count() > 8 {
        return Err(unknown("it is binary; logs, JSON, CSV and configuration files are text"));
    }
    let lines: Vec<&[u8]> = head
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii)
        .filter(|line| !line.is_empty())
        .take(LINES_TRIED)
        .collect();
    if let Some(nature) = by_json(head, &lines).or_else(|| by_log(&lines, formats)) {
        return Ok(nature);
    }
    let text = String::from_utf8_lossy(head);
    by_text(&text, file).ok_or_else(|| {
        unknown("if it is an access log, say its format with --log-format, as nginx's log_format or gunicorn's access_log_format")
    })
}

fn by_json(head: &[u8], lines: &[&[u8]]) -> Option<FileNature> {
    let first = head.trim_ascii_start();
    if !first.starts_with(b"{") && !first.starts_with(b"[") {
        return None;
    }
    for line in lines {
        let Ok(value) = serde_json::from_slice::<Value>(line) else { continue };
        if let Some(form) = crate::reports::ReportForm::of_json_line(&value) {
            return Some(FileNature::Report(form));
        }
        if TraceForm::of(&value).is_some() {
            return Some(FileNature::TraceLines);
        }
        let text = std::str::from_utf8(line).unwrap_or("");
        match json_line(text, None) {
            Ok(_) | Err(crate::logs::NO_UNIT) => return Some(FileNature::AccessLog(LineStyleFound::Json)),
            Err(_) => {}
        }
    }
    // A log whose lines begin with a bracket is no JSON.
    let is_open =
        first.starts_with(b"{") || matches!(first[1..].trim_ascii_start().first(), Some(b'{' | b'[' | b']' | b'"'));
    is_open.then_some(FileNature::JsonDocument)
}

/// The format that reads most of the first lines, or else what can be read without one.
fn by_log(lines: &[&[u8]], formats: &[AccessFormat]) -> Option<FileNature> {
    let styles = formats.iter().cloned().map(LineStyleFound::Format);
    let read = |style: &LineStyleFound| lines.iter().filter(|line| style.read(line, None).is_ok()).count();
    let best = styles.map(|style| (read(&style), style)).filter(|(count, _)| *count > 0);
    // The first of equals: `max_by_key` would take the last.
    if let Some((_, style)) = best.reduce(|best, other| if other.0 > best.0 { other } else { best }) {
        return Some(FileNature::AccessLog(style));
    }
    lines
        .iter()
        .find_map(|line| style_of(line))
        .filter(|style| *style != LineStyleFound::Json)
        .map(FileNature::AccessLog)
}

fn by_text(text: &str, file: &str) -> Option<FileNature> {
    if let Some(form) = crate::reports::ReportForm::of_text(text) {
        return Some(FileNature::Report(form));
    }
    let line_starts = |word: &str| text.lines().any(|line| line.starts_with(word));
    if line_starts("[uwsgi]") {
        return Some(FileNature::UwsgiIni);
    }
    if line_starts("services:") || (line_starts("apiVersion:") && line_starts("kind:")) {
        return Some(FileNature::Manifest);
    }
    if text.contains(';') && text.contains('{') && settings::nginx_conf(text, file).is_some() {
        return Some(FileNature::NginxConf);
    }
    if !settings::commands_of(text, file).is_empty() && text.lines().count() < 200 {
        return Some(FileNature::Commands);
    }
    settings::gunicorn_conf(text, file, None).map(|_| FileNature::GunicornConf)
}
