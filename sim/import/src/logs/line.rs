//! Lines of access logs: by a format that is known, as uWSGI writes them by default, or as far as any common log can be read without one.
//!
//! uWSGI's own line is after uWSGI 2.0, core/logging.c (`log_request`).

use super::clock::instant;
use super::decimal;
use super::format::{AccessFormat, FormatPart, LoggedValue};

/// What a line says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccessLine {
    /// When the response was done, nanoseconds since the epoch.
    pub end_ns: Option<u64>,
    /// The method; empty if the request could not be read.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The status.
    pub status: Option<u16>,
    /// Bytes of the body.
    pub bytes: Option<u64>,
    /// How long it took.
    pub took_ns: Option<u64>,
    /// How long what stands behind a proxy took, all tries together.
    pub upstream_ns: Option<u64>,
}

/// How lines of a log are read.
#[derive(Clone, Debug, PartialEq)]
pub enum LineStyleFound {
    /// By a format.
    Format(AccessFormat),
    /// uWSGI's default.
    Uwsgi,
    /// A JSON object a line.
    Json,
    /// Common or combined, or something with their time, request and status: durations are not known.
    Common,
}

/// How a line can be read without a format that anybody gave.
pub fn style_of(line: &[u8]) -> Option<LineStyleFound> {
    if line.starts_with(b"{") {
        return Some(LineStyleFound::Json);
    }
    let text = std::str::from_utf8(line).ok()?;
    if uwsgi(text).is_some() {
        return Some(LineStyleFound::Uwsgi);
    }
    common(text).map(|_| LineStyleFound::Common)
}

impl LineStyleFound {
    /// Reads a line; says why it cannot.
    pub fn read(&self, line: &[u8], unit: Option<super::DurationUnit>) -> Result<AccessLine, &'static str> {
        let text = std::str::from_utf8(line).map_err(|_| "it is no UTF-8 text")?;
        match self {
            LineStyleFound::Json => super::json_line(text, unit),
            LineStyleFound::Uwsgi => uwsgi(text).ok_or("it is no line of uWSGI's log"),
            LineStyleFound::Common => common(text).ok_or("it has no time, request and status"),
            LineStyleFound::Format(format) => by_format(format, text),
        }
    }
}

fn by_format(format: &AccessFormat, text: &str) -> Result<AccessLine, &'static str> {
    let (mut line, mut rest) = (AccessLine::default(), text);
    let mut parts = format.parts.iter().peekable();
    while let Some(part) = parts.next() {
        match part {
            FormatPart::Literal(literal) => {
                let after = rest.as_bytes().strip_prefix(literal.as_slice()).and(rest.get(literal.len()..));
                rest = match after {
                    Some(after) => after,
                    // The last literal may be cut off by what trims white space.
                    None if parts.peek().is_none() && rest.trim().is_empty() => "",
                    None => return Err("it does not follow the format"),
                };
            }
            FormatPart::Value(value) => {
                let next = match parts.peek() {
                    Some(FormatPart::Literal(literal)) => literal.as_slice(),
                    Some(FormatPart::Value(_)) | None => &[],
                };
                let end = value_end(*value, rest, next).ok_or("it is cut short, or follows another format")?;
                take(&mut line, *value, &rest[..end])?;
                rest = &rest[end..];
            }
        }
    }
    if !rest.trim().is_empty() {
        return Err("it goes on behind the format");
    }
    Ok(line)
}

/// Where a value ends: before the next literal, but not inside of brackets, behind a backslash, or in a list of times.
fn value_end(value: LoggedValue, rest: &str, next: &[u8]) -> Option<usize> {
    if next.is_empty() {
        return Some(rest.len());
    }
    let bytes = rest.as_bytes();
    let mut from = 0;
    if value == LoggedValue::Instant && rest.starts_with('[') {
        from = rest.find(']')? + 1;
    }
    loop {
        let end = from + find(&bytes[from..], next)?;
        let escaped = next[0] == b'"' && bytes[..end].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        let listed = value == LoggedValue::Upstream && in_list(&bytes[..end], &bytes[end..]);
        if !escaped && !listed {
            return rest.is_char_boundary(end).then_some(end);
        }
        from = end + 1;
    }
}

/// Where a literal begins: they are short, and their first byte is rare in values.
fn find(bytes: &[u8], literal: &[u8]) -> Option<usize> {
    memchr::memchr_iter(literal[0], bytes).find(|at| bytes[*at..].starts_with(literal))
}

/// Whether a list of times goes on: `0.000, 1.000` or `0.000 : 1.000`.
fn in_list(before: &[u8], after: &[u8]) -> bool {
    let goes_on = |bytes: &[u8]| matches!(bytes.iter().find(|byte| **byte != b' '), Some(b',' | b':'));
    let begun = matches!(before.iter().rev().find(|byte| **byte != b' '), Some(b',' | b':'));
    begun || goes_on(after)
}

fn take(line: &mut AccessLine, value: LoggedValue, text: &str) -> Result<(), &'static str> {
    let absent = text == "-" || text.is_empty();
    match value {
        LoggedValue::Instant => line.end_ns = Some(instant(text).ok_or("its time cannot be read")?),
        LoggedValue::Request => request(line, text),
        LoggedValue::Method => text.clone_into(&mut line.method),
        LoggedValue::Target => without_query(text).clone_into(&mut line.path),
        LoggedValue::Status if !absent => line.status = Some(status(text)?),
        LoggedValue::Bytes if !absent => line.bytes = Some(decimal(text, 1).ok_or("its size is no number")?),
        LoggedValue::Took(scale) if !absent => {
            let took = decimal(text, scale).ok_or("its duration is no number")?;
            // Of two durations in one line the finer one counts.
            line.took_ns = Some(match line.took_ns {
                Some(known) if known % scale != 0 || known > 0 && took == 0 => known,
                Some(_) | None => took,
            });
        }
        LoggedValue::Upstream if !absent => {
            let tries = text.split([',', ':']).map(str::trim).filter(|time| !time.is_empty() && *time != "-");
            let times: Option<Vec<u64>> = tries.map(|time| decimal(time, 1_000_000_000)).collect();
            let times = times.ok_or("its upstream time is no number")?;
            line.upstream_ns =
                (!times.is_empty()).then(|| times.iter().fold(0_u64, |sum, time| sum.saturating_add(*time)));
        }
        _ => {}
    }
    Ok(())
}

fn status(text: &str) -> Result<u16, &'static str> {
    let known = text.parse::<u16>().ok().filter(|status| (0..1_000).contains(status));
    known.ok_or("its status is no number")
}

/// `GET /path?query HTTP/1.1`; anything else, such as a TLS handshake, has no method.
fn request(line: &mut AccessLine, text: &str) {
    let mut words = text.split(' ');
    if let (Some(method), Some(target)) = (words.next(), words.next()) {
        let is_method =
            !method.is_empty() && method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_uppercase());
        if is_method && !target.is_empty() {
            method.clone_into(&mut line.method);
            without_query(target).clone_into(&mut line.path);
        }
    }
}

pub(super) fn without_query(target: &str) -> &str {
    let target = target.split_once("://").map_or(target, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    target.split(['?', '#']).next().unwrap_or(target)
}

/// `[pid: 1|app: 0|req: 1/1] 10.0.0.1 () {28 vars in 300 bytes} [Mon Nov 30 02:43:13 2026] GET /path => generated 5 bytes in 3 msecs
/// (HTTP/1.1 200) 2 headers in 79 bytes (1 switches on core 0)`.
fn uwsgi(text: &str) -> Option<AccessLine> {
    let (head, rest) = text.strip_prefix("[pid: ")?.split_once("} [")?;
    let (time, rest) = rest.split_once("] ")?;
    let (asked, rest) = rest.split_once(" => generated ")?;
    let (bytes, rest) = rest.split_once(" bytes in ")?;
    let (took, rest) = rest.split_once(' ')?;
    let (unit, rest) = rest.split_once(" (")?;
    let scale = match unit {
        "msecs" => 1_000_000,
        "micros" => 1_000,
        "secs" => 1_000_000_000,
        _ => return None,
    };
    let status = rest.split_once(')')?.0.split_once(' ')?.1.parse().ok()?;
    let mut line = AccessLine {
        end_ns: Some(instant(time)?),
        status: Some(status),
        bytes: decimal(bytes, 1),
        took_ns: Some(decimal(took, scale)?),
        ..AccessLine::default()
    };
    request(&mut line, asked);
    head.contains("|app: ").then_some(line)
}

/// A time in brackets, then a request in quotes, then a status and a size.
fn common(text: &str) -> Option<AccessLine> {
    let (_, rest) = text.split_once('[')?;
    let (time, rest) = rest.split_once(']')?;
    let from = rest.find('"')? + 1;
    let rest = &rest[from..];
    let end = value_end(LoggedValue::Request, rest, b"\"")?;
    let mut line = AccessLine { end_ns: Some(instant(time)?), ..AccessLine::default() };
    request(&mut line, &rest[..end]);
    let mut words = rest[end + 1..].split_ascii_whitespace();
    line.status = Some(status(words.next()?).ok()?);
    line.bytes = words.next().and_then(|bytes| decimal(bytes, 1));
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(format: &str, line: &str) -> Result<AccessLine, &'static str> {
        LineStyleFound::Format(AccessFormat::of(format).unwrap()).read(line.as_bytes(), None)
    }

    #[test]
    fn a_line_of_gunicorn_is_read_by_its_format() {
        let format = "%(t)s \"%(r)s\" %(s)s %(b)s %(D)s";
        let line = read(format, "[30/Nov/2026:02:43:13 +0000] \"GET /product?id=7 HTTP/1.0\" 200 5705 2499").unwrap();
        let wanted = AccessLine {
            end_ns: Some(1_796_006_593_000_000_000),
            method: "GET".into(),
            path: "/product".into(),
            status: Some(200),
            bytes: Some(5_705),
            took_ns: Some(2_499_000),
            upstream_ns: None,
        };
        assert_eq!(line, wanted);
        let cut = "[30/Nov/2026:02:43:13 +0000] \"GET /product HTT";
        assert_eq!(read(format, cut), Err("it is cut short, or follows another format"));
        assert_eq!(
            read(format, "[30/Nov/2026:02:43:13 +0000] \"GET / H\" 200 1 12 13"),
            Err("its duration is no number")
        );
    }

    #[test]
    fn tries_of_an_upstream_are_added() {
        let format = "[$time_local] \"$request\" $status rt=$request_time urt=$upstream_response_time end";
        let line =
            |times: &str| format!("[30/Nov/2026:02:43:13 +0000] \"GET / HTTP/1.1\" 200 rt=1.001 urt={times} end");
        let upstream = |times: &str| read(format, &line(times)).unwrap().upstream_ns;
        assert_eq!(upstream("0.000, 1.000"), Some(1_000_000_000));
        assert_eq!(upstream("0.100 : 0.200, 0.300"), Some(600_000_000));
        assert_eq!(upstream("-"), None);
        assert_eq!(upstream("-, 0.250"), Some(250_000_000));
        assert_eq!(read(format, &line("0.000, x")), Err("its upstream time is no number"));
    }

    #[test]
    fn of_two_durations_the_finer_one_counts() {
        for format in ["\"%(r)s\" %(T)s %(D)s", "\"%(r)s\" %(D)s %(T)s"] {
            let line = if format.ends_with("%(D)s") { "\"GET / H\" 1 1234567" } else { "\"GET / H\" 1234567 1" };
            assert_eq!(read(format, line).unwrap().took_ns, Some(1_234_567_000), "{format}");
        }
    }

    #[test]
    fn uwsgi_and_common_lines_are_known_without_a_format() {
        let line = "[pid: 71|app: 0|req: 12/34] 10.0.0.1 () {28 vars in 300 bytes} [Mon Nov 30 02:43:13 2026] GET /a?b => \
                    generated 5 bytes in 3 msecs (HTTP/1.1 200) 2 headers in 79 bytes (1 switches on core 0)";
        assert_eq!(style_of(line.as_bytes()), Some(LineStyleFound::Uwsgi));
        let read = LineStyleFound::Uwsgi.read(line.as_bytes(), None).unwrap();
        assert_eq!((read.path.as_str(), read.took_ns, read.status), ("/a", Some(3_000_000), Some(200)));
        let line = br#"10.0.0.1 - - [30/Nov/2026:02:43:13 +0000] "GET /x\"y HTTP/1.1" 404 12 "-" "curl""#;
        assert_eq!(style_of(line), Some(LineStyleFound::Common));
        let read = LineStyleFound::Common.read(line, None).unwrap();
        assert_eq!((read.path.as_str(), read.took_ns, read.bytes), ("/x\\\"y", None, Some(12)));
        assert_eq!(style_of(b"\xff\xfe\x00"), None);
        assert_eq!(style_of(b"hello world"), None);
    }

    #[test]
    fn a_handshake_in_a_request_has_no_method() {
        let line = read("\"$request\" $status", "\"\\x16\\x03\\x01\\x02\" 400").unwrap();
        assert_eq!((line.method.as_str(), line.path.as_str(), line.status), ("", "", Some(400)));
    }
}
