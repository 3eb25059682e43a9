//! Formats of access logs, compiled from what servers are given: nginx's `log_format`, gunicorn's `access_log_format`, uWSGI's
//! `log-format` and Apache's `LogFormat`.
//!
//! After nginx 1.28 (ngx_http_log_module, ngx_http_upstream_module), gunicorn 27 (glogging.py), uWSGI 2.0 (core/logging.c) and httpd
//! 2.4 (mod_log_config). What a format writes beyond time, request, status, size and durations is passed over.

/// Longest format that is compiled.
const FORMAT_MAX: usize = 4_096;

/// What a place of a line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoggedValue {
    /// When the response was done.
    Instant,
    /// Method, target and protocol.
    Request,
    /// The method alone.
    Method,
    /// The target alone.
    Target,
    /// The status.
    Status,
    /// Bytes of the body.
    Bytes,
    /// How long the server took, in units of so many nanoseconds.
    Took(u64),
    /// How long what stands behind a proxy took, in seconds; a list where it was asked several times.
    Upstream,
    /// Anything else.
    Other,
}

/// A part of a line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FormatPart {
    /// These bytes.
    Literal(Vec<u8>),
    /// A value, up to the next literal.
    Value(LoggedValue),
}

/// A compiled format.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccessFormat {
    /// Its parts in order.
    pub parts: Vec<FormatPart>,
    /// As it was written.
    pub text: String,
}

impl AccessFormat {
    /// Compiles a format of any of the four kinds; says what is wrong with it otherwise.
    pub fn of(text: &str) -> Result<AccessFormat, String> {
        if text.len() > FORMAT_MAX {
            return Err(format!("it has more than {FORMAT_MAX} bytes"));
        }
        let parts = if text.contains('$') {
            variables(text)
        } else if text.contains("%(") {
            named(text)
        } else if text.contains('%') {
            letters(text)
        } else {
            return Err(
                "it names no values; write it as nginx's log_format, with `$status`, or gunicorn's, with `%(s)s`"
                    .to_owned(),
            );
        };
        let has = |wanted: &[LoggedValue]| {
            parts.iter().any(|part| matches!(part, FormatPart::Value(value) if wanted.contains(value)))
        };
        if !has(&[LoggedValue::Request, LoggedValue::Target]) {
            return Err("it does not say what was asked for ($request, %(r)s, %r)".to_owned());
        }
        let glued = parts.windows(2).any(|pair| matches!(pair, [FormatPart::Value(_), FormatPart::Value(_)]));
        if glued {
            return Err(
                "two of its values stand together with nothing between them, so nobody can tell where one ends"
                    .to_owned(),
            );
        }
        Ok(AccessFormat { parts, text: text.to_owned() })
    }

    /// Whether its lines say how long a response took.
    pub fn has_duration(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, FormatPart::Value(LoggedValue::Took(_) | LoggedValue::Upstream)))
    }
}

/// Collects parts, literals joined.
#[derive(Default)]
struct FormatBuilder(Vec<FormatPart>);

impl FormatBuilder {
    fn byte(&mut self, byte: u8) {
        match self.0.last_mut() {
            Some(FormatPart::Literal(literal)) => literal.push(byte),
            Some(FormatPart::Value(_)) | None => self.0.push(FormatPart::Literal(vec![byte])),
        }
    }

    fn value(&mut self, value: LoggedValue) {
        self.0.push(FormatPart::Value(value));
    }
}

/// nginx: `$name` and `${name}`.
fn variables(text: &str) -> Vec<FormatPart> {
    let (mut built, bytes, mut at) = (FormatBuilder::default(), text.as_bytes(), 0);
    while at < bytes.len() {
        if bytes[at] != b'$' {
            built.byte(bytes[at]);
            at += 1;
            continue;
        }
        let braced = bytes.get(at + 1) == Some(&b'{');
        let from = at + 1 + usize::from(braced);
        let length = bytes[from.min(bytes.len())..]
            .iter()
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_')
            .count();
        built.value(nginx_value(&text[from.min(text.len())..from.min(text.len()) + length]));
        at = from + length + usize::from(braced);
    }
    built.0
}

fn nginx_value(name: &str) -> LoggedValue {
    match name {
        "time_local" | "time_iso8601" | "msec" => LoggedValue::Instant,
        "request" => LoggedValue::Request,
        "request_method" => LoggedValue::Method,
        "request_uri" | "uri" | "document_uri" => LoggedValue::Target,
        "status" => LoggedValue::Status,
        "body_bytes_sent" | "bytes_sent" => LoggedValue::Bytes,
        "request_time" => LoggedValue::Took(1_000_000_000),
        "upstream_response_time" => LoggedValue::Upstream,
        _ => LoggedValue::Other,
    }
}

/// gunicorn: `%(D)s`; uWSGI: `%(msecs)`.
fn named(text: &str) -> Vec<FormatPart> {
    let is_gunicorn = text.contains(")s");
    let (mut built, mut rest) = (FormatBuilder::default(), text);
    while let Some(c) = rest.chars().next() {
        if let Some((name, after)) = rest.strip_prefix("%(").and_then(|inside| inside.split_once(')')) {
            built.value(if is_gunicorn { gunicorn_value(name) } else { uwsgi_value(name) });
            rest = if is_gunicorn { after.strip_prefix('s').unwrap_or(after) } else { after };
            continue;
        }
        let mut bytes = [0; 4];
        c.encode_utf8(&mut bytes).bytes().for_each(|byte| built.byte(byte));
        rest = &rest[c.len_utf8()..];
    }
    built.0
}

fn gunicorn_value(name: &str) -> LoggedValue {
    match name {
        "t" => LoggedValue::Instant,
        "r" => LoggedValue::Request,
        "m" => LoggedValue::Method,
        "U" => LoggedValue::Target,
        "s" => LoggedValue::Status,
        "b" | "B" => LoggedValue::Bytes,
        "T" | "L" => LoggedValue::Took(1_000_000_000),
        "M" => LoggedValue::Took(1_000_000),
        "D" => LoggedValue::Took(1_000),
        _ => LoggedValue::Other,
    }
}

fn uwsgi_value(name: &str) -> LoggedValue {
    match name {
        "ltime" | "ctime" | "time" | "epoch" | "tmsecs" | "tmicros" => LoggedValue::Instant,
        "method" => LoggedValue::Method,
        "uri" => LoggedValue::Target,
        "status" => LoggedValue::Status,
        "rsize" | "size" => LoggedValue::Bytes,
        "secs" => LoggedValue::Took(1_000_000_000),
        "msecs" => LoggedValue::Took(1_000_000),
        "micros" => LoggedValue::Took(1_000),
        _ => LoggedValue::Other,
    }
}

/// Apache: `%>s`, `%{ms}T`.
fn letters(text: &str) -> Vec<FormatPart> {
    let (mut built, bytes, mut at) = (FormatBuilder::default(), text.as_bytes(), 0);
    while at < bytes.len() {
        if bytes[at] != b'%' {
            built.byte(bytes[at]);
            at += 1;
            continue;
        }
        at += 1;
        while bytes.get(at).is_some_and(|byte| b"<>!,".contains(byte) || byte.is_ascii_digit()) {
            at += 1;
        }
        let mut argument = "";
        if bytes.get(at) == Some(&b'{') {
            let end = text[at..].find('}').map_or(text.len() - 1, |end| at + end);
            argument = text.get(at + 1..end).unwrap_or("");
            at = end + 1;
        }
        match bytes.get(at) {
            Some(b'%') => built.byte(b'%'),
            Some(&letter) => built.value(apache_value(letter, argument)),
            None => {}
        }
        at += 1;
    }
    built.0
}

fn apache_value(letter: u8, argument: &str) -> LoggedValue {
    match (letter, argument) {
        (b't', _) => LoggedValue::Instant,
        (b'r', _) => LoggedValue::Request,
        (b'm', _) => LoggedValue::Method,
        (b'U', _) => LoggedValue::Target,
        (b's', _) => LoggedValue::Status,
        (b'b' | b'B' | b'O', _) => LoggedValue::Bytes,
        (b'D', _) | (b'T', "us") => LoggedValue::Took(1_000),
        (b'T', "ms") => LoggedValue::Took(1_000_000),
        (b'T', _) => LoggedValue::Took(1_000_000_000),
        _ => LoggedValue::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(format: &str) -> Vec<LoggedValue> {
        let parts = AccessFormat::of(format).unwrap().parts;
        parts
            .into_iter()
            .filter_map(|part| if let FormatPart::Value(value) = part { Some(value) } else { None })
            .collect()
    }

    #[test]
    fn each_server_has_its_own_letters() {
        use LoggedValue::*;
        let nginx =
            "$remote_addr [$time_local] \"$request\" $status $body_bytes_sent ${request_time} $upstream_response_time";
        assert_eq!(values(nginx), [Other, Instant, Request, Status, Bytes, Took(1_000_000_000), Upstream]);
        assert_eq!(values("%(t)s \"%(r)s\" %(s)s %(b)s %(D)s"), [Instant, Request, Status, Bytes, Took(1_000)]);
        assert_eq!(values("%(L)s %(M)s %(r)s"), [Took(1_000_000_000), Took(1_000_000), Request]);
        assert_eq!(values("[%(ltime)] %(method) %(uri) %(msecs)"), [Instant, Method, Target, Took(1_000_000)]);
        assert_eq!(
            values("%h %t \"%r\" %>s %b %{ms}T %D"),
            [Other, Instant, Request, Status, Bytes, Took(1_000_000), Took(1_000)]
        );
    }

    #[test]
    fn a_format_that_cannot_be_read_back_is_refused_with_a_reason() {
        assert!(AccessFormat::of("combined").unwrap_err().contains("names no values"));
        assert!(AccessFormat::of("$status $request_time").unwrap_err().contains("what was asked for"));
        assert!(AccessFormat::of("$request$status").unwrap_err().contains("stand together"));
        assert!(AccessFormat::of(&"$request ".repeat(1_000)).unwrap_err().contains("more than"));
    }

    #[test]
    fn no_format_makes_it_panic() {
        for format in ["$", "${", "%", "%{", "%(", "%()s", "$request ${", "%>", "%{é}", "é$request"] {
            let _ = AccessFormat::of(format);
        }
    }
}
