//! Spans in JSON: OTLP's, Jaeger's, and a span a line.
//!
//! After opentelemetry-proto 1.9 (trace.proto and its JSON mapping, in which 64-bit numbers are strings, and what exporters write all the
//! same: numbers), the semantic conventions 1.37 for attributes, and Jaeger's query API (model/json).

use serde_json::{Map, Value};

use super::span::{SpanKindSeen, SpanSeen, identifier, short_identifier};
use crate::logs::{decimal, instant};

/// How spans are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TraceForm {
    /// `resourceSpans`.
    Otlp,
    /// `data` with `spans` and `processes`.
    Jaeger,
    /// An object with a name, a start and an end.
    Lines,
}

/// The form of a document, if it has spans.
impl TraceForm {
    /// What a JSON value looks like.
    pub fn of(value: &Value) -> Option<TraceForm> {
        if value.get("resourceSpans").or_else(|| value.get("resource_spans")).is_some() {
            return Some(TraceForm::Otlp);
        }
        let first = |key: &str| value.get(key).and_then(|list| list.get(0));
        if first("data").is_some_and(|trace| trace.get("spans").is_some())
            || (value.get("spans").is_some() && value.get("processes").is_some())
        {
            return Some(TraceForm::Jaeger);
        }
        let map = value.as_object()?;
        let is_span = key(map, &NAMES).is_some()
            && key(map, &STARTS).is_some()
            && (key(map, &ENDS).is_some() || key(map, &TOOK).is_some());
        is_span.then_some(TraceForm::Lines)
    }
}

const NAMES: [&str; 3] = ["name", "operationName", "span"];
const STARTS: [&str; 7] =
    ["start", "start_ns", "startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "begin"];
const ENDS: [&str; 6] = ["end", "end_ns", "endTimeUnixNano", "end_time_unix_nano", "end_time", "endTime"];
const TOOK: [&str; 3] = ["duration_ns", "duration_us", "duration_ms"];
const CPUS: [&str; 6] = ["cpu_ns", "cpu", "thread.cpu_ns", "cpu_time_ns", "thread_cpu_ns", "process.cpu.time_ns"];
const TRACES: [&str; 4] = ["trace", "trace_id", "traceId", "traceID"];
const IDS: [&str; 4] = ["id", "span_id", "spanId", "spanID"];
const PARENTS: [&str; 5] = ["parent", "parent_id", "parentSpanId", "parent_span_id", "parentId"];
/// What says whom a span calls, the best first.
const PEERS: [&str; 10] = [
    "peer.service",
    "db.system.name",
    "db.system",
    "messaging.system",
    "rpc.service",
    "server.address",
    "net.peer.name",
    "http.host",
    "url.full",
    "http.url",
];

/// Gives every span of a document; counts those that cannot be used by `spoilt`.
pub fn spans_of(value: &Value, form: TraceForm, give: &mut dyn FnMut(SpanSeen), spoilt: &mut dyn FnMut(&'static str)) {
    let mut each = |span: Result<SpanSeen, &'static str>| match span {
        Ok(span) if span.end < span.start => spoilt("a span ends before it begins"),
        Ok(span) => give(span),
        Err(reason) => spoilt(reason),
    };
    match form {
        TraceForm::Otlp => otlp(value, &mut each),
        TraceForm::Jaeger => jaeger(value, &mut each),
        TraceForm::Lines => each(line(value)),
    }
}

type EachSpan<'a> = dyn FnMut(Result<SpanSeen, &'static str>) + 'a;

fn list<'a>(value: &'a Value, names: &[&str]) -> &'a [Value] {
    names.iter().find_map(|name| value.get(*name)).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn otlp(value: &Value, each: &mut EachSpan<'_>) {
    for resource in list(value, &["resourceSpans", "resource_spans"]) {
        let attributes = resource.get("resource").map_or_else(Map::new, otlp_attributes);
        let service = text(&attributes, "service.name").unwrap_or_default();
        for scope in list(resource, &["scopeSpans", "scope_spans", "instrumentationLibrarySpans"]) {
            for span in list(scope, &["spans"]) {
                each(otlp_span(span, &service));
            }
        }
    }
}

/// Attributes as a map; values keep what is inside of their typed wrapping.
fn otlp_attributes(value: &Value) -> Map<String, Value> {
    let pair = |attribute: &Value| {
        let inner = attribute.get("value")?.as_object()?.values().next()?.clone();
        Some((attribute.get("key")?.as_str()?.to_owned(), inner))
    };
    list(value, &["attributes"]).iter().filter_map(pair).collect()
}

fn otlp_span(value: &Value, service: &str) -> Result<SpanSeen, &'static str> {
    let map = value.as_object().ok_or("a span is no object")?;
    let attributes = otlp_attributes(value);
    let mut span = SpanSeen {
        name: map.get("name").and_then(Value::as_str).unwrap_or("(no name)").to_owned(),
        service: service.to_owned(),
        start: key(map, &STARTS).and_then(nanoseconds).ok_or("a span has no start")?,
        end: key(map, &ENDS).and_then(nanoseconds).ok_or("a span has no end")?,
        kind: kind(map.get("kind")),
        ..SpanSeen::default()
    };
    identify(&mut span, map);
    describe(&mut span, &attributes);
    Ok(span)
}

fn kind(value: Option<&Value>) -> SpanKindSeen {
    match value.map(written).unwrap_or_default().to_ascii_uppercase().trim_start_matches("SPAN_KIND_") {
        "2" | "SERVER" | "5" | "CONSUMER" => SpanKindSeen::Server,
        "3" | "CLIENT" | "4" | "PRODUCER" => SpanKindSeen::Client,
        _ => SpanKindSeen::Internal,
    }
}

fn identify(span: &mut SpanSeen, map: &Map<String, Value>) {
    let number = |names: &[&str]| key(map, names).map(written).unwrap_or_default();
    span.trace = identifier(&number(&TRACES));
    span.id = short_identifier(&number(&IDS));
    span.parent = short_identifier(&number(&PARENTS));
}

fn describe(span: &mut SpanSeen, attributes: &Map<String, Value>) {
    span.cpu = CPUS.iter().find_map(|name| attributes.get(*name)).and_then(|cpu| decimal(&written(cpu), 1));
    span.peer = PEERS.iter().find_map(|name| text(attributes, name)).map(|peer| host(&peer).to_owned());
    let method = text(attributes, "http.request.method").or_else(|| text(attributes, "http.method"));
    let route = text(attributes, "http.route");
    span.route = route.map(|route| method.map_or(route.clone(), |method| format!("{method} {route}")));
}

/// The host of an address or URL.
fn host(text: &str) -> &str {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    text.split(['/', ':', '?']).next().unwrap_or(text)
}

fn jaeger(value: &Value, each: &mut EachSpan<'_>) {
    let traces = match value.get("data") {
        Some(Value::Array(traces)) => traces.as_slice(),
        Some(_) | None => std::slice::from_ref(value),
    };
    for trace in traces {
        for span in list(trace, &["spans"]) {
            each(jaeger_span(span, trace));
        }
    }
}

fn jaeger_span(value: &Value, trace: &Value) -> Result<SpanSeen, &'static str> {
    let map = value.as_object().ok_or("a span is no object")?;
    let micros = |name: &str| map.get(name).and_then(|value| decimal(&written(value), 1_000));
    let start = micros("startTime").ok_or("a span has no start")?;
    let took = micros("duration").ok_or("a span has no duration")?;
    let process = map.get("processID").and_then(Value::as_str).and_then(|id| trace.get("processes")?.get(id));
    let tag = |tag: &Value| Some((tag.get("key")?.as_str()?.to_owned(), tag.get("value")?.clone()));
    let tags: Map<String, Value> = list(value, &["tags"]).iter().filter_map(tag).collect();
    let mut span = SpanSeen {
        name: map.get("operationName").and_then(Value::as_str).unwrap_or("(no name)").to_owned(),
        service: process.and_then(|process| process.get("serviceName")?.as_str()).unwrap_or_default().to_owned(),
        start,
        end: start.checked_add(took).ok_or("a span has no end")?,
        kind: kind(tags.get("span.kind")),
        ..SpanSeen::default()
    };
    identify(&mut span, map);
    let mut references = list(value, &["references"]).iter();
    let parent = references.find(|reference| reference.get("refType").and_then(Value::as_str) == Some("CHILD_OF"));
    if let Some(parent) = parent.and_then(|reference| reference.get("spanID")?.as_str()) {
        span.parent = short_identifier(parent);
    }
    describe(&mut span, &tags);
    Ok(span)
}

fn line(value: &Value) -> Result<SpanSeen, &'static str> {
    let map = value.as_object().ok_or("it is no JSON object")?;
    let start = key(map, &STARTS).and_then(nanoseconds).ok_or("a span has no start")?;
    let end = match key(map, &ENDS) {
        Some(end) => nanoseconds(end),
        None => {
            let scales = [("duration_ns", 1), ("duration_us", 1_000), ("duration_ms", 1_000_000)];
            let took = scales.iter().find_map(|(name, scale)| decimal(&written(map.get(*name)?), *scale));
            took.and_then(|took| start.checked_add(took))
        }
    };
    let mut span = SpanSeen {
        name: key(map, &NAMES).and_then(Value::as_str).ok_or("a span has no name")?.to_owned(),
        service: text(map, "service").or_else(|| text(map, "service_name")).unwrap_or_default(),
        start,
        end: end.ok_or("a span has no end")?,
        kind: kind(map.get("kind")),
        ..SpanSeen::default()
    };
    identify(&mut span, map);
    let attributes = map.get("attributes").and_then(Value::as_object).unwrap_or(map);
    describe(&mut span, attributes);
    Ok(span)
}

fn key<'a>(map: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| map.get(*name)).filter(|value| !value.is_null())
}

fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// An instant: whole nanoseconds as they are, anything else by its size or form.
fn nanoseconds(value: &Value) -> Option<u64> {
    instant(&written(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<SpanSeen>, Vec<&'static str>) {
        let value: Value = serde_json::from_str(text).unwrap();
        let (mut spans, mut spoilt) = (Vec::new(), Vec::new());
        spans_of(&value, TraceForm::of(&value).unwrap(), &mut |span| spans.push(span), &mut |reason| {
            spoilt.push(reason)
        });
        (spans, spoilt)
    }

    #[test]
    fn otlp_has_its_numbers_as_strings_or_as_numbers() {
        for (start, end, kind) in [
            ("\"1796006593000000000\"", "\"1796006593001000000\"", "2"),
            ("1796006593000000000", "1796006593001000000", "\"SPAN_KIND_SERVER\""),
        ] {
            let text = format!(
                r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"shop"}}}}]}},
                "scopeSpans":[{{"spans":[{{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"b7ad6b7169203331","name":"GET",
                "kind":{kind},"startTimeUnixNano":{start},"endTimeUnixNano":{end},"attributes":[
                {{"key":"http.route","value":{{"stringValue":"/product"}}}},{{"key":"http.request.method","value":{{"stringValue":"GET"}}}},
                {{"key":"cpu_ns","value":{{"intValue":"1500"}}}}]}}]}}]}}]}}"#
            );
            let (spans, spoilt) = read(&text);
            assert!(spoilt.is_empty());
            assert_eq!((spans[0].wall(), spans[0].kind, spans[0].cpu), (1_000_000, SpanKindSeen::Server, Some(1_500)));
            assert_eq!((spans[0].route.as_deref(), spans[0].service.as_str()), (Some("GET /product"), "shop"));
        }
    }

    #[test]
    fn jaeger_has_microseconds_and_references() {
        let (spans, _) = read(
            r#"{"data":[{"traceID":"a","spans":[{"traceID":"a","spanID":"2","operationName":"SELECT","references":[{"refType":"CHILD_OF",
            "traceID":"a","spanID":"1"}],"startTime":1796006593000000,"duration":250,"tags":[{"key":"span.kind","value":"client"},
            {"key":"db.system","value":"postgresql"}],"processID":"p1"}],"processes":{"p1":{"serviceName":"shop"}}}]}"#,
        );
        assert_eq!((spans[0].parent, spans[0].wall(), spans[0].kind), (1, 250_000, SpanKindSeen::Client));
        assert_eq!((spans[0].peer.as_deref(), spans[0].service.as_str()), (Some("postgresql"), "shop"));
    }

    #[test]
    fn a_span_a_line_may_have_cpu_time_and_no_identity() {
        let (spans, _) =
            read(r#"{"name":"pool","start":1796006593116629955,"end":1796006593116709994,"cpu":79849,"trace":""}"#);
        assert_eq!((spans[0].wall(), spans[0].cpu, spans[0].trace), (80_039, Some(79_849), 0));
        let (spans, spoilt) = read(r#"{"name":"pool","start":1796006593116629955,"end":1796006593116629954}"#);
        assert_eq!((spans.len(), spoilt), (0, vec!["a span ends before it begins"]));
    }
}
