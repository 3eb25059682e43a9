//! Reports that are read whole: load tests of other programs, metrics, statements of a database, profiles of stacks.

use serde_json::Value;

use crate::loads::LoadTest;

/// What a report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReportForm {
    /// Prometheus' text format.
    Prometheus,
}

impl ReportForm {
    /// What to call it.
    pub fn name(self) -> &'static str {
        match self {
            ReportForm::Prometheus => "metrics in Prometheus' text format",
        }
    }

    /// Whether it is read line by line, in constant memory.
    pub fn is_lines(self) -> bool {
        match self {
            ReportForm::Prometheus => false,
        }
    }

    /// By a line of JSON.
    pub fn of_json_line(_value: &Value) -> Option<ReportForm> {
        None
    }

    /// By its text.
    pub fn of_text(text: &str) -> Option<ReportForm> {
        let is_metric = |line: &str| line.starts_with("# TYPE ") || line.starts_with("# HELP ");
        text.lines().take(50).any(is_metric).then_some(ReportForm::Prometheus)
    }
}

/// What reports said beside load tests.
#[derive(Clone, Debug, Default)]
pub struct ReportFacts {
    /// CPU seconds of the server's processes by counters.
    pub cpu_seconds: Option<f64>,
}

impl ReportFacts {
    /// CPU time of a request by counters of both, nanoseconds, and where it is from.
    pub fn cpu_per_request(&self) -> Option<(f64, String)> {
        None
    }

    /// What is told of them, each a sentence.
    pub fn told(&self) -> Vec<String> {
        Vec::new()
    }

    /// A line of a report that is read by lines: whether it was of use, or why not.
    pub fn line(&mut self, _form: ReportForm, _text: &[u8]) -> Result<bool, &'static str> {
        Ok(false)
    }

    /// What the lines came to.
    pub fn close_lines(&mut self, _form: ReportForm, _file: &str) -> Option<LoadTest> {
        None
    }

    /// A report that is read whole; otherwise the line, what is wrong and what would help.
    pub fn whole(&mut self, form: ReportForm, _text: &str, _file: &str) -> Result<Option<LoadTest>, (u64, String, &'static str)> {
        match form {
            ReportForm::Prometheus => Ok(None),
        }
    }

    /// A document of JSON that is a report.
    pub fn json_report(&mut self, _value: &Value, _file: &str) -> Option<LoadTest> {
        None
    }
}
