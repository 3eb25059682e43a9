//! Files beside a scenario: samples of an empirical law, instants of an arrival trace; one duration a line.

use std::collections::BTreeMap;

use engine::time::{Span, Time};

use crate::reader::unit::{self, short};
use crate::words::diagnostic::Findings;
use crate::words::limits;
use crate::words::source::At;

/// How a file is written, for help texts.
const FORM: &str = "one duration a line, such as 12.5ms; # begins a comment; \
                    a first line that is a unit alone (ms) is the unit of bare numbers below it";

/// Mistakes of one file that are reported.
const REPORTED: usize = 5;

/// The files of a scenario, each loaded once.
pub(crate) struct Files<'a> {
    load: &'a mut dyn FnMut(&str) -> Result<String, String>,
    read: BTreeMap<String, Vec<Span>>,
    used: usize,
}

impl<'a> Files<'a> {
    /// No file yet; `load` reads one by the name in the scenario.
    pub(crate) fn new(load: &'a mut dyn FnMut(&str) -> Result<String, String>) -> Files<'a> {
        Files { load, read: BTreeMap::new(), used: 0 }
    }

    /// Makes sure that the samples of a file are there; `at` is where the scenario names it.
    pub(crate) fn samples(&mut self, path: &str, at: At, findings: &mut Findings) {
        self.file(path, at, findings);
        self.used = self.used.saturating_add(self.read[path].len());
        if self.used > limits::SAMPLES {
            let what = "the samples of all empirical laws together are more than the limit";
            let help = format!("the limit is {}, counted once for every use", limits::grouped(limits::SAMPLES as u64));
            findings.error(at, what).label("too many").help(help);
            self.used = 0;
        }
    }

    /// The samples of a file that [`Files::samples`] has seen.
    pub(crate) fn known(&self, path: &str) -> Vec<Span> {
        self.read.get(path).cloned().unwrap_or_default()
    }

    /// The instants of an arrival trace, ascending.
    pub(crate) fn instants(&mut self, path: &str, at: At, findings: &mut Findings) -> Vec<Time> {
        self.file(path, at, findings);
        let spans = &self.read[path];
        if let Some(index) = spans.windows(2).position(|pair| pair[1] < pair[0]) {
            let what = format!("{path}: entry {} is earlier than the one before it", index + 2);
            findings.error(at, what).label("not ascending").help("sort the instants of the trace");
        }
        spans.iter().map(|span| Time::ZERO + *span).collect()
    }

    fn file(&mut self, path: &str, at: At, findings: &mut Findings) {
        if self.read.contains_key(path) {
            return;
        }
        if leads_out(path) {
            let what = format!("{} does not lie beside the scenario", short(path));
            let help = "put the file into the scenario's folder or below it, and write its name from there";
            findings.error(at, what).label("leads elsewhere").help(help);
            self.read.insert(path.to_owned(), Vec::new());
            return;
        }
        let spans = match (self.load)(path) {
            Ok(text) => parse(path, &text, at, findings),
            Err(why) => {
                let finding = findings.error(at, format!("cannot read {}: {}", short(path), why));
                finding.label("this file").help("file names are relative to the scenario's folder");
                Vec::new()
            }
        };
        self.read.insert(path.to_owned(), spans);
    }
}

/// Whether a name leads out of the scenario's folder: a file from somebody else reads what lies beside it and nothing more.
fn leads_out(path: &str) -> bool {
    let drive = path.as_bytes().get(1) == Some(&b':');
    drive || path.starts_with(['/', '\\']) || path.split(['/', '\\']).any(|part| part == "..")
}

/// Places by which an exponent may move a point.
const PLACES: i32 = 18;

/// A number as programs write it, such as `1.5e-3`, without its exponent and with its unit if it has one; `None` if it has no exponent.
fn without_exponent(line: &str) -> Option<String> {
    let (number, rest) = line.split_once(['e', 'E'])?;
    unit::decimal(number)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').unwrap_or(rest.len());
    let places: i32 = rest[..end].parse().ok().filter(|places: &i32| places.abs() <= PLACES)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{part}");
    let point = whole.len() as i32 + places;
    let moved = if point <= 0 {
        format!("0.{}{digits}", "0".repeat(point.unsigned_abs() as usize))
    } else if (point as usize) < digits.len() {
        format!("{}.{}", &digits[..point as usize], &digits[point as usize..])
    } else {
        format!("{digits}{}", "0".repeat(point as usize - digits.len()))
    };
    let tidy = if moved.contains('.') { moved.trim_end_matches('0').trim_end_matches('.') } else { &moved };
    Some(format!("{tidy}{}", &rest[end..]))
}

fn parse(path: &str, text: &str, at: At, findings: &mut Findings) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut unit = None;
    let mut mistakes = 0;
    // Spreadsheets begin a file with a mark of its byte order.
    let lines =
        text.strip_prefix('\u{feff}').unwrap_or(text).lines().map(|line| line.split('#').next().unwrap_or("").trim());
    let lines = lines.enumerate().filter(|(_, line)| !line.is_empty());
    for (place, (index, line)) in lines.enumerate() {
        if place == 0 && ["ns", "us", "ms", "s", "m", "h"].contains(&line) {
            unit = Some(line);
            continue;
        }
        let plain = without_exponent(line);
        let line = plain.as_deref().unwrap_or(line);
        let with_unit = match unit {
            Some(unit) if unit::decimal(line).is_some() => &format!("{line}{unit}"),
            _ => line,
        };
        match unit::duration(with_unit) {
            Ok(span) => spans.push(span),
            Err(mistake) => {
                mistakes += 1;
                let what = format!("{path}, line {}: {}", index + 1, mistake.what);
                findings.error(at, what).label("this file").help(format!("write {FORM}"));
            }
        }
        if spans.len() > limits::SAMPLES {
            let help = format!("the limit is {}", limits::grouped(limits::SAMPLES as u64));
            findings.error(at, format!("{path} has more lines than the limit")).label("this file").help(help);
            break;
        }
        if mistakes == REPORTED {
            break;
        }
    }
    if spans.is_empty() && mistakes == 0 {
        findings.error(at, format!("{path} is empty")).label("this file").help(format!("write {FORM}"));
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_are_points_that_have_moved() {
        for (typed, plain) in [
            ("1e3", "1000"),
            ("1.5e-3", "0.0015"),
            ("12.25E+1", "122.5"),
            ("7e0", "7"),
            ("0.001e3s", "0001s"),
            ("2.5e-7s", "0.00000025s"),
        ] {
            assert_eq!(without_exponent(typed).as_deref(), Some(plain), "{typed}");
        }
        for other in ["1", "ms", "1e", "e3", "1e99", "1ee3", "-1e3", "1e3.5x", "twelve"] {
            let read = without_exponent(other);
            assert!(
                read.is_none() || read.as_deref().is_some_and(|text| unit::duration(text).is_err()),
                "{other}: {read:?}"
            );
        }
    }
}
