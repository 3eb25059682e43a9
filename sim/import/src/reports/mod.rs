//! Load tests of other programs, metrics, profiles.

mod metrics;
mod rows;
mod tables;
mod texts;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::loads::LoadTest;
use crate::numbers::{duration, percent, plain};
use rows::RowsOpen;

/// What a report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportForm {
    /// Prometheus' text format.
    Prometheus,
    /// ApacheBench.
    Ab,
    /// wrk, and wrk2 with its spectrum.
    Wrk,
    /// hey -o csv.
    Hey,
    /// k6 --out json.
    K6Points,
    /// vegeta encode --to json.
    VegetaResults,
    /// Locust's stats.csv.
    Locust,
    /// Locust's stats_history.csv.
    LocustHistory,
    /// pg_stat_statements, copied out as CSV.
    Statements,
    /// py-spy record --format raw, and flame graphs' folded stacks.
    Folded,
}

impl ReportForm {
    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            ReportForm::Prometheus => "metrics in Prometheus' text format",
            ReportForm::Ab => "a report of ab",
            ReportForm::Wrk => "a report of wrk",
            ReportForm::Hey => "results of hey",
            ReportForm::K6Points => "points of k6",
            ReportForm::VegetaResults => "results of vegeta",
            ReportForm::Locust => "statistics of Locust",
            ReportForm::LocustHistory => "the history of Locust",
            ReportForm::Statements => "pg_stat_statements",
            ReportForm::Folded => "folded stacks",
        }
    }

    /// Whether it is read line by line, in constant memory.
    pub fn is_lines(self) -> bool {
        match self {
            ReportForm::Hey | ReportForm::K6Points | ReportForm::VegetaResults | ReportForm::Folded => true,
            ReportForm::Prometheus
            | ReportForm::Ab
            | ReportForm::Wrk
            | ReportForm::Locust
            | ReportForm::LocustHistory
            | ReportForm::Statements => false,
        }
    }

    /// By a line of JSON.
    pub fn of_json_line(value: &Value) -> Option<ReportForm> {
        let kind = value.get("type").and_then(Value::as_str);
        if value.get("metric").is_some() && matches!(kind, Some("Metric" | "Point")) {
            return Some(ReportForm::K6Points);
        }
        let has = |keys: &[&str]| keys.iter().all(|key| value.get(*key).is_some());
        has(&["seq", "code", "timestamp", "latency"]).then_some(ReportForm::VegetaResults)
    }

    /// By its text.
    pub fn of_text(text: &str) -> Option<ReportForm> {
        let first = text.lines().find(|line| !line.trim().is_empty())?.trim();
        let starts = |word: &str| text.lines().take(200).any(|line| line.trim_start().starts_with(word));
        let columns: Vec<&str> = first.split(',').map(|column| column.trim().trim_matches('"')).collect();
        let has = |wanted: &[&str]| wanted.iter().all(|name| columns.contains(name));
        if has(&["response-time", "status-code"]) {
            return Some(ReportForm::Hey);
        }
        if has(&["Timestamp", "User Count", "Name"]) {
            return Some(ReportForm::LocustHistory);
        }
        if has(&["Name", "Request Count", "Failure Count"]) {
            return Some(ReportForm::Locust);
        }
        if has(&["query", "calls"]) {
            return Some(ReportForm::Statements);
        }
        if starts("# TYPE ") || starts("# HELP ") {
            return Some(ReportForm::Prometheus);
        }
        if starts("Concurrency Level:") && starts("Time taken for tests:") {
            return Some(ReportForm::Ab);
        }
        if starts("Requests/sec:") && text.contains(" threads and ") {
            return Some(ReportForm::Wrk);
        }
        metrics::folded_line(first).filter(|_| first.contains(';')).map(|_| ReportForm::Folded)
    }
}

/// What reports said beside load tests.
#[derive(Clone, Debug, Default)]
pub struct ReportFacts {
    /// CPU seconds of the server's processes by counters, requests by counters, and the file.
    counters: Option<(f64, f64, String)>,
    lines: Vec<String>,
    open: RowsOpen,
    stacks: BTreeMap<String, u64>,
    samples: u64,
}

/// Functions of a profile that are told.
const FUNCTIONS_TOLD: usize = 10;

impl ReportFacts {
    /// CPU time of a request by counters of both, nanoseconds, and where it is from.
    pub fn cpu_per_request(&self) -> Option<(f64, String)> {
        let (cpu, requests, file) = self.counters.as_ref()?;
        let source =
            format!("{file}: {} CPU seconds and {} requests since the processes began", plain(*cpu), plain(*requests));
        (*requests > 0.0).then(|| (cpu * 1e9 / requests, source))
    }

    /// What is told of them, each a sentence.
    pub fn told(&self) -> Vec<String> {
        let mut told = self.lines.clone();
        let mut functions: Vec<(&String, &u64)> = self.stacks.iter().collect();
        functions.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        for (function, samples) in functions.into_iter().take(FUNCTIONS_TOLD) {
            let share = percent(*samples as f64 / self.samples.max(1) as f64);
            told.push(format!(
                "{share} of {} samples of the profile are in {function} and what it calls",
                self.samples
            ));
        }
        told
    }

    /// A line of a report that is read by lines: whether it was of use, or why not.
    pub fn line(&mut self, form: ReportForm, text: &[u8]) -> Result<bool, &'static str> {
        let text = std::str::from_utf8(text).map_err(|_| "it is no UTF-8 text")?.trim();
        if text.is_empty() {
            return Ok(false);
        }
        match form {
            ReportForm::Hey => self.open.hey(text),
            ReportForm::K6Points => self.open.k6(text),
            ReportForm::VegetaResults => self.open.vegeta(text),
            ReportForm::Folded => {
                let (frames, count) = metrics::folded_line(text).ok_or("it is no stack with a count")?;
                self.samples = self.samples.saturating_add(count);
                metrics::add_stack(&mut self.stacks, &frames, count);
                Ok(true)
            }
            ReportForm::Prometheus
            | ReportForm::Ab
            | ReportForm::Wrk
            | ReportForm::Locust
            | ReportForm::LocustHistory
            | ReportForm::Statements => Ok(false),
        }
    }

    /// What the lines came to.
    pub fn close_lines(&mut self, form: ReportForm, file: &str) -> Option<LoadTest> {
        std::mem::take(&mut self.open).close(form, file)
    }

    /// A report that is read whole; otherwise the line, what is wrong and what would help.
    pub fn whole(
        &mut self,
        form: ReportForm,
        text: &str,
        file: &str,
    ) -> Result<Option<LoadTest>, (u64, String, &'static str)> {
        let broken = |what: &str| (1, what.to_owned(), "is the file whole?");
        match form {
            ReportForm::Prometheus => {
                let metrics = metrics::prometheus(text);
                if let Some((cpu, requests)) = metrics.cpu.zip(metrics.requests) {
                    self.counters = Some((cpu, requests, file.to_owned()));
                }
                if metrics.cpu.is_none() && metrics.histograms.is_empty() {
                    let hint = "process_cpu_seconds_total and histograms of request durations are what is used";
                    return Err((1, "it has no CPU counter and no histogram of durations".to_owned(), hint));
                }
                for told in &metrics.histograms {
                    self.lines.push(format!("{file}: {told}"));
                }
                Ok(None)
            }
            ReportForm::Ab => texts::ab(text, file).map(Some).ok_or_else(|| broken("the report of ab has no requests")),
            ReportForm::Wrk => {
                texts::wrk(text, file).map(Some).ok_or_else(|| broken("the report of wrk has no requests"))
            }
            ReportForm::Locust => {
                tables::locust(text, file).map(Some).map_err(|(line, what)| (line, what, "is the file whole?"))
            }
            ReportForm::LocustHistory => {
                let users = tables::locust_users(text).ok_or_else(|| broken("no line has a number of users"))?;
                self.lines.push(format!(
                    "{file}: at most {users} users at once: they are closed clients (`clients = {users}`)"
                ));
                Ok(None)
            }
            ReportForm::Statements => {
                let told = tables::statements(text)
                    .map_err(|(line, what)| (line, what, "copy query, calls, mean_exec_time and stddev_exec_time"))?;
                self.lines.extend(told.into_iter().map(|told| format!("{file}: {told}")));
                Ok(None)
            }
            ReportForm::Hey | ReportForm::K6Points | ReportForm::VegetaResults | ReportForm::Folded => Ok(None),
        }
    }

    /// A document of JSON that is a report.
    pub fn json_report(&mut self, value: &Value, file: &str) -> Option<LoadTest> {
        rows::oha(value, file).or_else(|| rows::k6_summary(value, file)).or_else(|| rows::vegeta_report(value, file))
    }
}

/// What is said of a quantile out of a histogram: no better than its bucket.
fn between(share: f64, low: f64, high: f64) -> String {
    format!("p{} between {} and {}", plain(share * 100.0), duration(low), duration(high))
}
