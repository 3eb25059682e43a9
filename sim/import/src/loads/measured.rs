//! Measured settings in the form of this project's own corpus (tests/measured): an open or closed load, latencies, CPU time of the server.

use serde_json::Value;

use super::{LoadClients, LoadLatency, LoadTest};

/// The load test of a document; `None` if it has another form.
pub fn measured(value: &Value, file: &str) -> Option<LoadTest> {
    let (load, run) = (value.get("load")?, value.get("runs")?.get(0)?);
    let number = |of: &Value, key: &str| of.get(key).and_then(Value::as_f64).filter(|number| number.is_finite());
    let clients = match load.get("kind")?.as_str()? {
        "open" => LoadClients::Open { rate: number(load, "rate")?, poisson: true },
        "closed" | "ab" => LoadClients::Closed(u32::try_from(load.get("clients")?.as_u64()?).ok()?),
        _ => LoadClients::Unknown,
    };
    let latency = |of: &Value| {
        let quantiles = [(0.5, "p50_ms"), (0.9, "p90_ms"), (0.95, "p95_ms"), (0.99, "p99_ms")];
        LoadLatency {
            n: of.get("n").and_then(Value::as_u64).unwrap_or(0),
            mean_ns: number(of, "mean_ms").map(|ms| ms * 1e6),
            quantiles: quantiles.iter().filter_map(|(share, key)| Some((*share, number(of, key)? * 1e6))).collect(),
        }
    };
    let mix = value.get("mix").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let routes = mix.iter().filter_map(|class| class.get(1)?.as_str());
    let (sent, ok) = (run.get("sent").or_else(|| run.get("ok"))?.as_u64()?, run.get("ok")?.as_u64()?);
    Some(LoadTest {
        tool: "a measured setting",
        file: file.to_owned(),
        clients,
        sent,
        failed: sent.saturating_sub(ok),
        seconds: number(load, "seconds").or_else(|| number(run, "wall_s")),
        timeout_s: number(load, "timeout_s"),
        keeps_alive: false,
        all: latency(run.get("all")?),
        classes: routes.filter_map(|route| Some((route.to_owned(), latency(run.get(route)?)))).collect(),
        server_cpu_s: number(run, "server_cpu_s"),
        note: None,
    })
}
