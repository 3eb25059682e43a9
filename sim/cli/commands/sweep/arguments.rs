//! `--set` of a sweep: its mistakes as diagnostics, and the mistakes of points traced back to what was typed.

use std::ops::Range;

use lab::sweep::study::{SettingColumn, combinations};
use lab::sweep::values::{ArgumentMistake, SweptSetting, read_setting};
use scenario::{Diagnostic, Severity};

/// The settings of a command line.
pub struct Arguments {
    /// As they were typed.
    pub typed: Vec<String>,
    /// As they were read.
    pub settings: Vec<SweptSetting>,
}

impl Arguments {
    /// Reads all arguments; all mistakes of all of them at once.
    pub fn read(typed: &[String], points_max: usize) -> Result<Arguments, Vec<Diagnostic>> {
        let mut settings: Vec<SweptSetting> = Vec::new();
        let mut wrong = Vec::new();
        for argument in typed {
            match read_setting(argument) {
                Ok(setting) if settings.iter().any(|other| other.key == setting.key) => {
                    let what = format!("`{}` is set twice", setting.key);
                    wrong.push(diagnostic(
                        argument,
                        0..setting.key.len(),
                        what,
                        "again",
                        "write all its values in one --set",
                    ));
                }
                Ok(setting) => settings.push(setting),
                Err(mistakes) => wrong.extend(mistakes.into_iter().map(|mistake| of_mistake(argument, mistake))),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let points = settings.iter().map(|setting| setting.values.len()).fold(1_usize, usize::saturating_mul);
        if let Some(last) = typed.last().filter(|_| points > points_max) {
            let what = format!("the grid has {points} points, more than the limit of {points_max}");
            let help = "vary fewer settings, take fewer values, or raise the limit with --max-points";
            return Err(vec![diagnostic(last, 0..last.len(), what, "too many points", help)]);
        }
        Ok(Arguments { typed: typed.to_vec(), settings })
    }

    /// The columns of the settings.
    pub fn columns(&self) -> Vec<SettingColumn> {
        self.settings.iter().map(|setting| SettingColumn { key: setting.key.clone(), kind: setting.kind }).collect()
    }

    /// The values of every point of the grid.
    pub fn points(&self) -> Vec<Vec<String>> {
        let values = |setting: &SweptSetting| setting.values.iter().map(|value| value.text.clone()).collect();
        combinations(&self.settings.iter().map(values).collect::<Vec<_>>())
    }

    /// A diagnostic about a point's own override, as one about the argument that it came from.
    pub fn trace_back(&self, mut found: Diagnostic) -> Diagnostic {
        let Some(source) = found.source.clone() else { return found };
        for (setting, typed) in self.settings.iter().zip(&self.typed) {
            let lead = setting.key.len() + 1;
            let Some(text) = source.strip_prefix(&setting.key).and_then(|rest| rest.strip_prefix('=')) else {
                continue;
            };
            let indent = typed.len() - typed.trim_start().len();
            let value = setting.values.iter().find(|value| value.text == text);
            found.span = match value {
                _ if found.span.end < lead => found.span.start + indent..found.span.end + indent,
                None => continue,
                // A value of a list stands there as it is; one of a range does not.
                Some(value) if typed.get(value.span.clone()) == Some(text) => {
                    let inside = |at: usize| (value.span.start + at.saturating_sub(lead)).min(value.span.end);
                    inside(found.span.start)..inside(found.span.end)
                }
                Some(value) => {
                    found.what = format!("{} (at the point {source})", found.what);
                    value.span.clone()
                }
            };
            found.column = typed[..found.span.start].chars().count() + 1;
            found.source = Some(typed.clone());
            return found;
        }
        found
    }
}

fn of_mistake(argument: &str, mistake: ArgumentMistake) -> Diagnostic {
    diagnostic(argument, mistake.span, mistake.what, mistake.label, &mistake.help)
}

/// A mistake in an argument of `--set`.
pub fn diagnostic(argument: &str, span: Range<usize>, what: String, label: &str, help: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        file: "--set".to_owned(),
        line: 1,
        column: argument[..span.start].chars().count() + 1,
        span,
        what,
        help: Some(help.to_owned()),
        label: label.to_owned(),
        doubt: None,
        source: Some(argument.to_owned()),
    }
}
