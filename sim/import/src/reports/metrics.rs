//! Prometheus' text format, and folded stacks.
//!
//! After the exposition format 0.0.4 (a quantile out of a histogram is known no better than its bucket) and py-spy 0.4 (`--format raw`).

use std::collections::BTreeMap;

use super::between;
use crate::numbers::{count, duration};

/// Functions of stacks that are kept.
const FUNCTIONS_MAX: usize = 50_000;
/// Histograms that are told.
const HISTOGRAMS_MAX: usize = 10;

/// What metrics say.
#[derive(Clone, Debug, Default)]
pub struct MetricsRead {
    /// Seconds of all processes.
    pub cpu: Option<f64>,
    /// Requests that were counted.
    pub requests: Option<f64>,
    /// Histograms of durations, each a sentence.
    pub histograms: Vec<String>,
}

/// Buckets of a histogram: upper bounds in seconds with their counts, of all labels together.
type Buckets = BTreeMap<String, Vec<(f64, f64)>>;

/// Reads a scrape.
pub fn prometheus(text: &str) -> MetricsRead {
    let (mut read, mut buckets) = (MetricsRead::default(), Buckets::new());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((name, labels, value)) = sample(line) else { continue };
        if name == "process_cpu_seconds_total" {
            *read.cpu.get_or_insert(0.0) += value;
        } else if let Some(base) = name.strip_suffix("_bucket").filter(|base| is_duration(base)) {
            let bound = label(labels, "le").and_then(|bound| bound.parse::<f64>().ok());
            if let Some(bound) = bound {
                let known = buckets.entry(base.to_owned()).or_default();
                match known.iter_mut().find(|(other, _)| *other == bound) {
                    Some((_, counted)) => *counted += value,
                    None => known.push((bound, value)),
                }
            }
        } else if name.strip_suffix("_count").is_some_and(is_duration) && name.contains("request") {
            *read.requests.get_or_insert(0.0) += value;
        }
    }
    for (name, mut bounds) in buckets.into_iter().take(HISTOGRAMS_MAX) {
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        read.histograms.extend(told(&name, &bounds));
    }
    read
}

fn is_duration(name: &str) -> bool {
    name.ends_with("_seconds") && ["duration", "latency", "time", "request"].iter().any(|word| name.contains(word))
}

/// `name{labels} value timestamp`.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    let end = line.find(['{', ' '])?;
    let (labels, rest) = match line[end..].strip_prefix('{') {
        Some(inside) => inside.rsplit_once('}')?,
        None => ("", &line[end..]),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((&line[..end], labels, value))
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let at = labels.find(&format!("{name}=\""))? + name.len() + 2;
    labels[at..].split('"').next()
}

fn told(name: &str, bounds: &[(f64, f64)]) -> Option<String> {
    let total = bounds.last()?.1;
    if total <= 0.0 {
        return None;
    }
    let quantile = |share: f64| {
        let at = bounds.iter().position(|(_, counted)| *counted >= share * total)?;
        let low = if at == 0 { 0.0 } else { bounds[at - 1].0 };
        let high = bounds[at].0;
        Some(if high.is_finite() {
            between(share, low * 1e9, high * 1e9)
        } else {
            format!("p{} above {}", share * 100.0, duration(low * 1e9))
        })
    };
    let quantiles: Vec<String> = [0.5, 0.9, 0.99].into_iter().filter_map(quantile).collect();
    Some(format!("{name}: {} requests, {}", count(total as u64), quantiles.join(", ")))
}

/// `a (x.py:1);b (y.py:2) 42`.
pub fn folded_line(line: &str) -> Option<(Vec<&str>, u64)> {
    let (frames, samples) = line.trim().rsplit_once(' ')?;
    let samples: u64 = samples.parse().ok()?;
    let frames: Vec<&str> = frames.split(';').collect();
    frames.iter().all(|frame| !frame.is_empty()).then_some((frames, samples))
}

/// Counts a stack for each function in it once.
pub fn add_stack(stacks: &mut BTreeMap<String, u64>, frames: &[&str], samples: u64) {
    let mut names: Vec<&str> = frames.iter().map(|frame| frame.split(" (").next().unwrap_or(frame)).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        if stacks.len() < FUNCTIONS_MAX || stacks.contains_key(name) {
            let counted = stacks.entry(name.to_owned()).or_default();
            *counted = counted.saturating_add(samples);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_known_no_better_than_its_buckets() {
        let text = "# TYPE http_request_duration_seconds histogram\nhttp_request_duration_seconds_bucket{route=\"/\",le=\"0.1\"} 60\n\
                    http_request_duration_seconds_bucket{route=\"/\",le=\"0.5\"} 95\nhttp_request_duration_seconds_bucket{route=\"/\",le=\"+Inf\"} 100\n\
                    http_request_duration_seconds_count{route=\"/\"} 100\nprocess_cpu_seconds_total 2.5\n";
        let read = prometheus(text);
        assert_eq!((read.cpu, read.requests), (Some(2.5), Some(100.0)));
        assert_eq!(
            read.histograms,
            [
                "http_request_duration_seconds: 100 requests, p50 between 0ns and 100ms, p90 between 100ms and 500ms, p99 above 500ms"
            ]
        );
    }

    #[test]
    fn stacks_are_counted_once_a_function() {
        let mut stacks = BTreeMap::new();
        let (frames, samples) = folded_line("main (a.py:1);product (b.py:2);main (a.py:3) 7").unwrap();
        add_stack(&mut stacks, &frames, samples);
        assert_eq!(stacks.into_iter().collect::<Vec<_>>(), [("main".to_owned(), 7), ("product".to_owned(), 7)]);
        assert_eq!(folded_line("no count"), None);
    }
}
