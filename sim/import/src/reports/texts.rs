//! Reports of ab, wrk and wrk2, as people copy them from a terminal.
//!
//! After httpd 2.4 (support/ab.c), wrk 4.2 and wrk2 4.0 (wrk.c). All three keep a number of connections busy; wrk2 besides sends at a rate
//! and counts each latency from when its request should have been sent, the others from when it was: what was not sent while the server
//! stood still is missing from theirs, as it will be from the simulated clients'.

use crate::loads::{LoadClients, LoadLatency, LoadTest};

/// The number behind a label.
fn after<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(label))?;
    line.split_whitespace().next()
}

fn number(text: &str, label: &str) -> Option<f64> {
    after(text, label)?.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)
}

/// `50%` with what stands behind it.
fn percentiles(text: &str, value: impl Fn(&str) -> Option<f64>) -> Vec<(f64, f64)> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let share: f64 = words.next()?.strip_suffix('%')?.parse().ok()?;
        let ns = value(words.next()?)?;
        (0.0..=100.0).contains(&share).then_some((share / 100.0, ns))
    };
    let mut found: Vec<(f64, f64)> = text.lines().filter_map(line).collect();
    found.sort_by(|a, b| a.0.total_cmp(&b.0));
    found.dedup_by(|a, b| a.0 == b.0);
    found
}

/// A report of ab.
pub fn ab(text: &str, file: &str) -> Option<LoadTest> {
    let clients = number(text, "Concurrency Level:").filter(|clients| *clients >= 1.0)?;
    let complete = number(text, "Complete requests:").filter(|requests| *requests >= 1.0)?;
    let failed = number(text, "Failed requests:").unwrap_or(0.0).min(complete);
    let mean = text.lines().find(|line| line.starts_with("Time per request:") && line.ends_with("[ms] (mean)"));
    let all = LoadLatency {
        n: (complete - failed) as u64,
        mean_ns: mean.and_then(|line| number(line, "Time per request:")).map(|ms| ms * 1e6),
        quantiles: percentiles(text, |ms| ms.parse::<f64>().ok().map(|ms| ms * 1e6)),
    };
    Some(LoadTest {
        tool: "ab",
        file: file.to_owned(),
        clients: LoadClients::Closed(clients.min(1e6) as u32),
        sent: complete as u64,
        failed: failed as u64,
        seconds: number(text, "Time taken for tests:"),
        timeout_s: None,
        keeps_alive: number(text, "Keep-Alive requests:").is_some_and(|kept| kept > 0.0),
        all,
        classes: Vec::new(),
        server_cpu_s: None,
        note: Some(
            "ab's clients are closed: while the server stands still nobody asks, and no latency is counted; so are these",
        ),
    })
}

/// A report of wrk or wrk2.
pub fn wrk(text: &str, file: &str) -> Option<LoadTest> {
    let line = text.lines().find(|line| line.contains(" threads and ") && line.contains(" connections"))?;
    let clients: u32 =
        line.split_whitespace().nth(3)?.parse().ok().filter(|clients| (1..=1_000_000).contains(clients))?;
    let rate = number(text, "Requests/sec:").filter(|rate| *rate > 0.0)?;
    let requests = text.lines().find(|line| line.contains(" requests in "))?.trim();
    let sent: u64 = requests.split_whitespace().next()?.parse().ok()?;
    let seconds =
        requests.split(" requests in ").nth(1).and_then(|rest| time(rest.split(',').next()?)).map(|ns| ns / 1e9);
    let is_wrk2 = text.contains("Recorded Latency")
        || text.contains("Thread calibration")
        || text.contains("Detailed Percentile spectrum");
    let timeouts = text
        .lines()
        .find(|line| line.contains("Socket errors:"))
        .and_then(|line| line.rsplit(' ').next()?.parse().ok())
        .unwrap_or(0);
    let mut quantiles = percentiles(text, time);
    if quantiles.is_empty() {
        quantiles = spectrum(text);
    }
    let mean_ns =
        text.lines().find_map(|line| time(line.trim_start().strip_prefix("Latency")?.split_whitespace().next()?));
    Some(LoadTest {
        tool: if is_wrk2 { "wrk2" } else { "wrk" },
        file: file.to_owned(),
        clients: if is_wrk2 { LoadClients::Open { rate, poisson: false } } else { LoadClients::Closed(clients) },
        sent,
        failed: timeouts,
        seconds,
        timeout_s: None,
        keeps_alive: true,
        all: LoadLatency { n: sent.saturating_sub(timeouts), mean_ns, quantiles },
        classes: Vec::new(),
        server_cpu_s: None,
        note: Some(if is_wrk2 {
            "wrk2 sends at a rate and counts from when a request should have been sent: an open client, evenly spaced"
        } else {
            "wrk's connections are closed clients: while the server stands still nobody asks, and no latency is counted; so are these"
        }),
    })
}

/// wrk2's spectrum: value in milliseconds, share.
fn spectrum(text: &str) -> Vec<(f64, f64)> {
    let line = |line: &str| {
        let words: Vec<f64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let [ms, share, _, ..] = words[..] else { return None };
        (share <= 1.0 && ms.is_finite()).then_some((share, ms * 1e6))
    };
    text.lines().filter_map(line).collect()
}

/// `1.23ms`, `45.00us`, `1.20s`, `2.00m`.
fn time(text: &str) -> Option<f64> {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let scale = match &text[at..] {
        "us" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        "m" => 60e9,
        "h" => 3_600e9,
        _ => return None,
    };
    text[..at].parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0).map(|number| number * scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_ab_is_closed_clients() {
        let text = "Concurrency Level:      10\nTime taken for tests:   2.500 seconds\nComplete requests:      1000\nFailed requests:        3\n\
                    Time per request:       25.000 [ms] (mean)\nTime per request:       2.500 [ms] (mean, across all concurrent requests)\n\
                    Percentage of the requests served within a certain time (ms)\n  50%     20\n  99%     90\n 100%    120 (longest request)\n";
        let load = ab(text, "ab.txt").unwrap();
        assert_eq!((load.clients, load.sent, load.failed), (LoadClients::Closed(10), 1_000, 3));
        assert_eq!((load.all.mean_ns, load.all.median_ns()), (Some(25e6), Some(20e6)));
        assert!(!load.keeps_alive);
    }

    #[test]
    fn wrk_is_closed_and_wrk2_is_open() {
        let text = "Running 30s test @ http://x/\n  2 threads and 100 connections\n  Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency    12.00ms    1.00ms  50.00ms   90.00%\n\
                    \x20 Latency Distribution\n     50%   11.00ms\n     99%   40.00ms\n  9000 requests in 30.00s, 1.00MB read\n  Socket errors: connect 0, read 0, write 0, timeout 7\nRequests/sec:    300.00\n";
        let load = wrk(text, "wrk.txt").unwrap();
        assert_eq!(
            (load.tool, load.clients, load.failed, load.seconds),
            ("wrk", LoadClients::Closed(100), 7, Some(30.0))
        );
        assert_eq!((load.all.mean_ns, load.all.median_ns()), (Some(12e6), Some(11e6)));
        let two = text.replace("Latency Distribution", "Latency Distribution (HdrHistogram - Recorded Latency)");
        assert_eq!(wrk(&two, "x").unwrap().clients, LoadClients::Open { rate: 300.0, poisson: false });
    }
}
