//! Access logs with a JSON object a line, by the keys that loggers use; a duration without a unit in its key or value is asked for.

use serde_json::{Map, Value};

use super::line::{AccessLine, without_query};
use super::{decimal, instant};

/// The unit of durations whose keys do not say one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DurationUnit {
    /// Nanoseconds of one.
    pub ns: u64,
}

const TIMES: [&str; 9] =
    ["time", "timestamp", "@timestamp", "ts", "time_local", "time_iso8601", "msec", "datetime", "date"];
const REQUESTS: [&str; 2] = ["request", "request_line"];
const METHODS: [&str; 5] = ["method", "request_method", "http_method", "http.method", "http.request.method"];
const TARGETS: [&str; 9] =
    ["path", "request_uri", "uri", "url", "request_path", "http.target", "url.path", "route", "http.route"];
const STATUSES: [&str; 6] = ["status", "status_code", "response_status", "http_status", "http.status_code", "code"];
const SIZES: [&str; 7] =
    ["body_bytes_sent", "bytes_sent", "bytes", "size", "response_length", "response_size", "content_length"];
/// Keys whose meaning fixes their unit.
const SECONDS: [&str; 1] = ["request_time"];
const DURATIONS: [&str; 8] =
    ["duration", "latency", "elapsed", "took", "response_time", "request_duration", "processing_time", "time_taken"];
const ENDINGS: [(&str, u64); 10] = [
    ("_ns", 1),
    ("_nanos", 1),
    ("_us", 1_000),
    ("_micros", 1_000),
    ("_microseconds", 1_000),
    ("_ms", 1_000_000),
    ("_millis", 1_000_000),
    ("_milliseconds", 1_000_000),
    ("_s", 1_000_000_000),
    ("_seconds", 1_000_000_000),
];

/// Why a duration cannot be used; the importer looks for this one.
pub const NO_UNIT: &str = "its duration has no unit; say which with --duration-unit s, ms, us or ns";

/// A line of such a log.
pub fn json_line(text: &str, unit: Option<DurationUnit>) -> Result<AccessLine, &'static str> {
    let value: Value = serde_json::from_str(text).map_err(|_| "it is no whole JSON object")?;
    let map = value.as_object().ok_or("it is no JSON object")?;
    let mut line = AccessLine::default();
    if let Some(time) = first(map, &TIMES) {
        line.end_ns = Some(instant(&written(time)).ok_or("its time cannot be read")?);
    }
    if let Some(Value::String(request)) = first(map, &REQUESTS) {
        let mut words = request.split(' ');
        words.next().unwrap_or("").clone_into(&mut line.method);
        without_query(words.next().unwrap_or("")).clone_into(&mut line.path);
    }
    if let Some(method) = first(map, &METHODS).and_then(Value::as_str) {
        method.clone_into(&mut line.method);
    }
    if let Some(target) = first(map, &TARGETS).and_then(Value::as_str) {
        without_query(target).clone_into(&mut line.path);
    }
    if line.path.is_empty() {
        return Err("it does not say what was asked for");
    }
    line.status = first(map, &STATUSES).and_then(|status| written(status).parse().ok());
    line.bytes = first(map, &SIZES).and_then(|bytes| decimal(&written(bytes), 1));
    line.took_ns = duration(map, unit)?;
    line.upstream_ns = map.get("upstream_response_time").and_then(|time| decimal(&written(time), 1_000_000_000));
    Ok(line)
}

/// A value as text, without the quotes of JSON.
fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The first of these keys that is there and says something.
fn first<'a>(map: &'a Map<String, Value>, keys: &[&str]) -> Option<&'a Value> {
    keys.iter().filter_map(|key| map.get(*key)).find(|value| !value.is_null() && value.as_str() != Some("-"))
}

fn duration(map: &Map<String, Value>, unit: Option<DurationUnit>) -> Result<Option<u64>, &'static str> {
    if let Some(value) = first(map, &SECONDS) {
        return scaled(&written(value), 1_000_000_000).map(Some);
    }
    for name in DURATIONS {
        for (ending, scale) in ENDINGS {
            if let Some(value) = first(map, &[format!("{name}{ending}").as_str()]) {
                return scaled(&written(value), scale).map(Some);
            }
        }
        let Some(value) = first(map, &[name]) else { continue };
        let text = written(value);
        if let Some(ns) = with_unit(&text) {
            return Ok(Some(ns));
        }
        return scaled(&text, unit.ok_or(NO_UNIT)?.ns).map(Some);
    }
    Ok(None)
}

fn scaled(text: &str, scale: u64) -> Result<u64, &'static str> {
    decimal(text.trim(), scale).ok_or("its duration is no number")
}

/// `12ms`, `0.25s`, as Go writes them.
fn with_unit(text: &str) -> Option<u64> {
    let at = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let scale = match text[at..].trim() {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        _ => return None,
    };
    decimal(&text[..at], scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_in_the_key_or_the_value_is_enough() {
        let took = |text: &str| json_line(text, None).map(|line| line.took_ns);
        assert_eq!(took(r#"{"path":"/a","duration_ms":12.5}"#), Ok(Some(12_500_000)));
        assert_eq!(took(r#"{"path":"/a","latency":"1.5ms"}"#), Ok(Some(1_500_000)));
        assert_eq!(took(r#"{"path":"/a","request_time":"0.250"}"#), Ok(Some(250_000_000)));
        assert_eq!(took(r#"{"path":"/a","duration":12}"#), Err(NO_UNIT));
        let ms = Some(DurationUnit { ns: 1_000_000 });
        assert_eq!(json_line(r#"{"path":"/a","duration":12}"#, ms).unwrap().took_ns, Some(12_000_000));
    }

    #[test]
    fn method_path_and_time_are_found_under_many_names() {
        let line =
            json_line(r#"{"ts":1796006593.5,"request":"POST /x?y HTTP/1.1","status":"201","bytes":7}"#, None).unwrap();
        assert_eq!((line.method.as_str(), line.path.as_str(), line.status), ("POST", "/x", Some(201)));
        assert_eq!(line.end_ns, Some(1_796_006_593_500_000_000));
        assert_eq!(json_line(r#"{"a":1}"#, None), Err("it does not say what was asked for"));
        assert_eq!(json_line(r#"{"path":"/a""#, None), Err("it is no whole JSON object"));
    }
}
