//! Load tests with a row a request (hey, k6, vegeta) and their summaries in JSON (oha, k6, vegeta).
//!
//! After hey 0.1.4 (requester/print.go), oha 1.10 (its JSON), k6 1.3 (output/json, the end-of-test summary) and vegeta 12.12 (lib/results.go,
//! lib/metrics.go). Whose clients are closed and whose number the file does not say: their mean number is Little's law's, rate times latency.

use std::collections::BTreeMap;

use serde_json::Value;

use super::ReportForm;
use crate::loads::{LoadClients, LoadLatency, LoadTest};
use crate::logs::{folded, instant};
use crate::numbers::LatencySketch;

/// Names of requests that are kept apart.
const NAMES_MAX: usize = 500;
/// Shares of which quantiles are kept.
const SHARES: [f64; 6] = [0.5, 0.75, 0.9, 0.95, 0.99, 0.999];

/// Rows of a load test so far.
#[derive(Clone, Debug, Default)]
pub struct RowsOpen {
    all: LatencySketch,
    names: BTreeMap<String, LatencySketch>,
    sent: u64,
    failed: u64,
    first_ns: Option<u64>,
    last_ns: u64,
    users: f64,
    dropped: bool,
    header: Vec<String>,
}

impl RowsOpen {
    fn add(&mut self, at: Option<u64>, took_ns: f64, good: bool, name: Option<String>) {
        self.sent += 1;
        if let Some(at) = at {
            self.first_ns = Some(self.first_ns.map_or(at, |first| first.min(at)));
            self.last_ns = self.last_ns.max(at);
        }
        if !good {
            self.failed += 1;
            return;
        }
        let took = took_ns.clamp(0.0, 1e18) as u64;
        self.all.add(took);
        if let Some(name) = name.filter(|name| self.names.len() < NAMES_MAX || self.names.contains_key(name)) {
            self.names.entry(name).or_default().add(took);
        }
    }

    /// A line of hey's CSV.
    pub fn hey(&mut self, text: &str) -> Result<bool, &'static str> {
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        if self.header.is_empty() {
            self.header = fields.iter().map(|field| (*field).to_owned()).collect();
            return Ok(false);
        }
        let field =
            |name: &str| self.header.iter().position(|known| known == name).and_then(|at| fields.get(at).copied());
        let number = |name: &str| {
            field(name).and_then(|text| text.parse::<f64>().ok()).filter(|number| number.is_finite() && *number >= 0.0)
        };
        let took = number("response-time").ok_or("its response time is no number")?;
        let status = number("status-code").ok_or("its status is no number")?;
        let at = number("offset").map(|seconds| (seconds * 1e9) as u64);
        self.add(at, took * 1e9, status < 500.0 && status > 0.0, None);
        Ok(true)
    }

    /// A line of k6's JSON output.
    pub fn k6(&mut self, text: &str) -> Result<bool, &'static str> {
        let value: Value = serde_json::from_str(text).map_err(|_| "it is no whole JSON object")?;
        if value.get("type").and_then(Value::as_str) != Some("Point") {
            return Ok(false);
        }
        let data = value.get("data").ok_or("it has no data")?;
        let number = data.get("value").and_then(Value::as_f64).ok_or("it has no value")?;
        match value.get("metric").and_then(Value::as_str) {
            Some("vus") => self.users = self.users.max(number),
            Some("dropped_iterations") => self.dropped = true,
            Some("http_req_duration") => {
                let tag = |name: &str| data.get("tags").and_then(|tags| tags.get(name)?.as_str());
                let good = tag("expected_response") != Some("false");
                let at = data.get("time").and_then(Value::as_str).and_then(instant);
                let name = tag("name").or_else(|| tag("url")).map(|name| route(tag("method"), name));
                self.add(at, number * 1e6, good, name);
            }
            Some(_) | None => return Ok(false),
        }
        Ok(true)
    }

    /// A line of vegeta's JSON results.
    pub fn vegeta(&mut self, text: &str) -> Result<bool, &'static str> {
        let value: Value = serde_json::from_str(text).map_err(|_| "it is no whole JSON object")?;
        let took = value.get("latency").and_then(Value::as_f64).ok_or("it has no latency")?;
        let code = value.get("code").and_then(Value::as_u64).ok_or("it has no code")?;
        let at = value.get("timestamp").and_then(Value::as_str).and_then(instant);
        let name =
            value.get("url").and_then(Value::as_str).map(|url| route(value.get("method").and_then(Value::as_str), url));
        self.add(at, took, (200..400).contains(&code), name);
        Ok(true)
    }

    /// What the rows came to; nothing without any.
    pub fn close(self, form: ReportForm, file: &str) -> Option<LoadTest> {
        if self.sent == 0 {
            return None;
        }
        let seconds = self.first_ns.map(|first| (self.last_ns - first) as f64 / 1e9).filter(|seconds| *seconds > 0.0);
        let rate = seconds.map(|seconds| self.sent as f64 / seconds);
        let busy = rate.zip(self.all.mean()).map(|(rate, mean)| little(rate, mean));
        let (tool, clients, note) = match form {
            ReportForm::VegetaResults => {
                let clients = rate.map_or(LoadClients::Unknown, |rate| LoadClients::Open { rate, poisson: false });
                ("vegeta", clients, "vegeta sends at a rate: an open client, evenly spaced")
            }
            ReportForm::K6Points if self.dropped => {
                let clients = rate.map_or(LoadClients::Unknown, |rate| LoadClients::Open { rate, poisson: false });
                ("k6", clients, "iterations were dropped, so k6 sent at a rate and had too few users for it")
            }
            ReportForm::K6Points if self.users >= 1.0 => (
                "k6",
                LoadClients::Closed(self.users.min(1e6) as u32),
                "k6's users are closed clients, if its executor was not one of a rate",
            ),
            _ => (
                "hey",
                busy.unwrap_or(LoadClients::Unknown),
                "its workers are closed clients; their number is Little's law's",
            ),
        };
        Some(LoadTest {
            tool,
            file: file.to_owned(),
            clients,
            sent: self.sent,
            failed: self.failed,
            seconds,
            timeout_s: None,
            keeps_alive: true,
            all: latency(&self.all),
            classes: self.names.iter().map(|(name, sketch)| (name.clone(), latency(sketch))).collect(),
            server_cpu_s: None,
            note: Some(note),
        })
    }
}

fn latency(sketch: &LatencySketch) -> LoadLatency {
    let quantile = |share: &f64| Some((*share, sketch.quantile(*share)?));
    LoadLatency { n: sketch.count(), mean_ns: sketch.mean(), quantiles: SHARES.iter().filter_map(quantile).collect() }
}

fn route(method: Option<&str>, url: &str) -> String {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    format!("{} {}", method.unwrap_or("GET"), folded(path.split('?').next().unwrap_or(path)))
}

/// Clients of which each waits for its response: rate times latency.
fn little(rate: f64, mean_ns: f64) -> LoadClients {
    let clients = libm::round(rate * mean_ns / 1e9).clamp(1.0, 1e6);
    LoadClients::Closed(clients as u32)
}

fn number(value: &Value, path: &str) -> Option<f64> {
    let found = path.split('/').try_fold(value, |value, key| value.get(key))?;
    found.as_f64().filter(|number| number.is_finite() && *number >= 0.0)
}

fn report(tool: &'static str, file: &str, clients: LoadClients, all: LoadLatency, note: &'static str) -> LoadTest {
    LoadTest {
        tool,
        file: file.to_owned(),
        clients,
        sent: all.n,
        failed: 0,
        seconds: None,
        timeout_s: None,
        keeps_alive: true,
        all,
        classes: Vec::new(),
        server_cpu_s: None,
        note: Some(note),
    }
}

/// oha's JSON; seconds.
pub fn oha(value: &Value, file: &str) -> Option<LoadTest> {
    let (rate, mean) = (number(value, "summary/requestsPerSec")?, number(value, "summary/average")?);
    let seconds = number(value, "summary/total")?;
    let shares = [("p50", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];
    let percentile =
        |(key, share): &(&str, f64)| Some((*share, value.get("latencyPercentiles")?.get(*key)?.as_f64()? * 1e9));
    let quantiles = shares.iter().filter_map(percentile).collect();
    let sent = libm::round(rate * seconds).max(0.0) as u64;
    let all = LoadLatency { n: sent, mean_ns: Some(mean * 1e9), quantiles };
    let note = "oha's connections are closed clients (unless it was given -q); their number is Little's law's";
    let good = number(value, "summary/successRate").unwrap_or(1.0).min(1.0);
    let failed = libm::round(sent as f64 * (1.0 - good)) as u64;
    Some(LoadTest { seconds: Some(seconds), failed, ..report("oha", file, little(rate, mean * 1e9), all, note) })
}

/// k6's summary, exported or handed to `handleSummary`; milliseconds.
pub fn k6_summary(value: &Value, file: &str) -> Option<LoadTest> {
    let metrics = value.get("metrics")?;
    let of = |metric: &str, key: &str| {
        number(metrics, &format!("{metric}/{key}")).or_else(|| number(metrics, &format!("{metric}/values/{key}")))
    };
    let n = of("http_reqs", "count")?;
    let shares = [("med", 0.5), ("p(90)", 0.9), ("p(95)", 0.95), ("p(99)", 0.99)];
    let quantiles =
        shares.iter().filter_map(|(key, share)| Some((*share, of("http_req_duration", key)? * 1e6))).collect();
    let all = LoadLatency { n: n as u64, mean_ns: of("http_req_duration", "avg").map(|ms| ms * 1e6), quantiles };
    let rate = of("http_reqs", "rate");
    let users = of("vus_max", "max").or_else(|| of("vus_max", "value"));
    let (clients, note) = match (of("dropped_iterations", "count"), users, rate) {
        (Some(_), _, Some(rate)) => (
            LoadClients::Open { rate, poisson: false },
            "iterations were dropped, so k6 sent at a rate and had too few users for it",
        ),
        (_, Some(users), _) if users >= 1.0 => (
            LoadClients::Closed(users.min(1e6) as u32),
            "k6's users are closed clients, if its executor was not one of a rate",
        ),
        _ => (LoadClients::Unknown, "the summary does not say how many users there were"),
    };
    let seconds = rate.filter(|rate| *rate > 0.0).map(|rate| n / rate);
    Some(LoadTest { seconds, ..report("k6", file, clients, all, note) })
}

/// vegeta's report in JSON; nanoseconds.
pub fn vegeta_report(value: &Value, file: &str) -> Option<LoadTest> {
    let (rate, n) = (number(value, "rate")?, number(value, "requests")?);
    let mean = number(value, "latencies/mean")?;
    let shares = [("50th", 0.5), ("90th", 0.9), ("95th", 0.95), ("99th", 0.99)];
    let quantiles =
        shares.iter().filter_map(|(key, share)| Some((*share, number(value, &format!("latencies/{key}"))?))).collect();
    let all = LoadLatency { n: n as u64, mean_ns: Some(mean), quantiles };
    let failed = libm::round(n * (1.0 - number(value, "success").unwrap_or(1.0).min(1.0))) as u64;
    let seconds = number(value, "duration").map(|ns| ns / 1e9);
    let clients = LoadClients::Open { rate, poisson: false };
    let note = "vegeta sends at a rate: an open client, evenly spaced";
    Some(LoadTest { seconds, failed, ..report("vegeta", file, clients, all, note) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_hey_are_closed_clients_by_littles_law() {
        let mut rows = RowsOpen::default();
        assert_eq!(
            rows.hey("response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"),
            Ok(false)
        );
        for at in 0..1_000 {
            rows.hey(&format!("0.1000,0,0,0,0,0,200,{:.4}", f64::from(at) / 100.0)).unwrap();
        }
        assert_eq!(rows.hey("0.1,0,0"), Err("its status is no number"));
        let load = rows.close(ReportForm::Hey, "hey.csv").unwrap();
        assert_eq!((load.clients, load.sent), (LoadClients::Closed(10), 1_000));
        assert!((load.all.median_ns().unwrap() / 1e8 - 1.0).abs() < 0.01);
    }

    #[test]
    fn points_of_k6_know_users_and_routes() {
        let mut rows = RowsOpen::default();
        rows.k6(r#"{"type":"Metric","metric":"vus","data":{}}"#).unwrap();
        rows.k6(r#"{"type":"Point","metric":"vus","data":{"time":"2026-11-30T02:43:13Z","value":25}}"#).unwrap();
        let point = r#"{"type":"Point","metric":"http_req_duration","data":{"time":"2026-11-30T02:43:13Z","value":12.5,"tags":{"method":"GET","name":"http://x/users/42","expected_response":"true"}}}"#;
        rows.k6(point).unwrap();
        let load = rows.close(ReportForm::K6Points, "k6.json").unwrap();
        assert_eq!((load.clients, load.classes[0].0.as_str()), (LoadClients::Closed(25), "GET /users/:number"));
    }

    #[test]
    fn summaries_are_known_by_their_keys() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let vegeta = value(
            r#"{"latencies":{"mean":5e6,"50th":4e6,"99th":2e7},"rate":100.0,"requests":3000,"duration":3e10,"success":0.99}"#,
        );
        let load = vegeta_report(&vegeta, "v.json").unwrap();
        assert_eq!((load.clients, load.failed), (LoadClients::Open { rate: 100.0, poisson: false }, 30));
        let k6 = value(
            r#"{"metrics":{"http_reqs":{"count":100,"rate":10},"http_req_duration":{"avg":5,"med":4,"p(95)":20},"vus_max":{"value":8,"max":8}}}"#,
        );
        assert_eq!(k6_summary(&k6, "k.json").unwrap().clients, LoadClients::Closed(8));
        let oha = self::oha(&value(r#"{"summary":{"successRate":1.0,"total":10.0,"average":0.05,"requestsPerSec":200.0},"latencyPercentiles":{"p50":0.04,"p99":0.2}}"#), "o.json").unwrap();
        assert_eq!((oha.clients, oha.all.median_ns()), (LoadClients::Closed(10), Some(4e7)));
    }
}
