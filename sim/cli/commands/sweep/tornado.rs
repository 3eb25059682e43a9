//! `--tornado`: the file as it is, and each of its numbers moved down and up.

use lab::sweep::study::{Mode, SettingColumn};
use lab::sweep::values::{ValueKind, read_number, write_number};
use scenario::{Diagnostic, Override, TypedNumber, typed_numbers};

use super::Args;
use super::arguments::{Arguments, diagnostic};
use super::draft::Draft;
use super::source::SweepSource;

/// Replications at least: a difference needs an interval to be believed.
const REPLICATIONS_MIN: u32 = 5;
/// Digits that a moved number keeps.
const DIGITS: usize = 4;
/// Settings that a mistake lists at most.
const LISTED_MAX: usize = 8;

/// The file's knobs, or those that were named, each moved by a share.
pub fn draft(args: &Args, source: &SweepSource) -> Result<Draft, Vec<Diagnostic>> {
    let (fixed, named): (Vec<String>, Vec<String>) = args.set.iter().cloned().partition(|typed| typed.contains('='));
    let arguments = Arguments::read(&fixed, args.max_points)?;
    let mut wrong: Vec<Diagnostic> = Vec::new();
    for (setting, typed) in arguments.settings.iter().zip(&arguments.typed) {
        if setting.values.len() > 1 {
            let what =
                format!("`{}` has {} values, and --tornado moves settings itself", setting.key, setting.values.len());
            let help = "write one value to fix it, or the key alone to move it";
            wrong.push(diagnostic(typed, 0..typed.len(), what, "more than one value", help));
        }
    }
    let around = share(&args.around).unwrap_or_else(|| {
        let what = format!("`{}` is not how far settings are moved", args.around);
        let mut found = diagnostic(
            &args.around,
            0..args.around.len(),
            what,
            "not a share",
            "write a share above 0% and below 100%, such as 20%",
        );
        found.file = "--around".to_owned();
        wrong.push(found);
        0.0
    });
    let set: Vec<Override> = overrides(&arguments);
    // A file with mistakes has no knobs to speak of; its mistakes are told, not ours.
    source.compile(&set)?;
    let known: Vec<TypedNumber> = typed_numbers(&source.text);
    let wanted = wanted(&known, &named, &arguments, &mut wrong);
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let (columns, points) = points(source, &arguments, &wanted, around, args.max_points)?;
    Ok(Draft {
        mode: Mode::Tornado { around: args.around.clone() },
        arguments,
        columns,
        points,
        replications_min: REPLICATIONS_MIN,
    })
}

/// Settings that are the same at all points.
fn overrides(arguments: &Arguments) -> Vec<Override> {
    let fixed = arguments.settings.iter().zip(arguments.points().swap_remove(0));
    fixed.map(|(setting, value)| Override { key: setting.key.clone(), value }).collect()
}

/// Reads `20%`.
fn share(text: &str) -> Option<f64> {
    let percent: f64 = text.trim().strip_suffix('%')?.trim().parse().ok()?;
    (percent > 0.0 && percent < 100.0).then_some(percent / 100.0)
}

/// The knobs to move: those that were named, or all that are not fixed.
fn wanted(
    known: &[TypedNumber],
    named: &[String],
    arguments: &Arguments,
    wrong: &mut Vec<Diagnostic>,
) -> Vec<TypedNumber> {
    let fixed = |knob: &&TypedNumber| arguments.settings.iter().any(|setting| setting.key == knob.key);
    if named.is_empty() {
        return known.iter().filter(|knob| !fixed(knob)).cloned().collect();
    }
    let mut wanted = Vec::new();
    for name in named {
        match known.iter().find(|knob| knob.key == name.trim()) {
            Some(knob) => wanted.push(knob.clone()),
            None => {
                let what = format!("the file types no number at `{}`", name.trim());
                let mut keys: Vec<&str> = known.iter().map(|knob| knob.key.as_str()).collect();
                let more = keys.len() > LISTED_MAX;
                keys.truncate(LISTED_MAX);
                let help = format!("its numbers: {}{}", keys.join(", "), if more { ", ..." } else { "" });
                wrong.push(diagnostic(name, 0..name.len(), what, "no number there", &help));
            }
        }
    }
    wanted
}

/// The file as it is, then each knob down and up, where the scenario allows the value.
#[allow(clippy::type_complexity, reason = "columns and the points' values, used once")]
fn points(
    source: &SweepSource,
    arguments: &Arguments,
    knobs: &[TypedNumber],
    around: f64,
    points_max: usize,
) -> Result<(Vec<SettingColumn>, Vec<Vec<String>>), Vec<Diagnostic>> {
    let fixed = overrides(arguments);
    let mut columns = arguments.columns();
    let mut base: Vec<String> = fixed.iter().map(|over| over.value.clone()).collect();
    let mut moves: Vec<(usize, String)> = Vec::new();
    for knob in knobs {
        let at = base.len();
        let kind = read_number(&knob.value).map_or(ValueKind::Text, |number| number.kind);
        let values = [1.0 - around, 1.0 + around].into_iter().filter_map(|factor| moved(&knob.value, factor));
        for value in values {
            let over = Override { key: knob.key.clone(), value: value.clone() };
            // Not every number can be moved that far: a share ends at one, and half of a process is none.
            if source.compile(&[fixed.clone(), vec![over]].concat()).is_ok() {
                moves.push((at, value));
            }
        }
        columns.push(SettingColumn { key: knob.key.clone(), kind });
        base.push(knob.value.clone());
    }
    let moved = moves.into_iter().map(|(at, value)| {
        let mut point = base.clone();
        point[at] = value;
        point
    });
    let points: Vec<Vec<String>> = [base.clone()].into_iter().chain(moved).collect();
    if points.len() < 2 || points.len() > points_max {
        let what = match points.len() {
            0 | 1 => "no setting of this file can be moved that far".to_owned(),
            points => format!("moving every setting makes {points} points, more than the limit of {points_max}"),
        };
        let help = "name the settings to move with --set KEY";
        let mut found = diagnostic("--tornado", 0.."--tornado".len(), what, "nothing to compare", help);
        found.file = "the command".to_owned();
        return Err(vec![found]);
    }
    Ok((columns, points))
}

/// A number times a factor, as a scenario has it; of a law every duration in it. `None` if that changes nothing.
///
/// A whole number changes by one at least.
fn moved(text: &str, factor: f64) -> Option<String> {
    if let Some(number) = read_number(text) {
        let value = match number.kind {
            ValueKind::Count if factor < 1.0 => (number.value * factor).round().min(number.value - 1.0),
            ValueKind::Count => (number.value * factor).round().max(number.value + 1.0),
            _ => number.value * factor,
        };
        let unit = text.find('/').map_or("/s", |at| text[at..].trim());
        let changes = value >= 0.0 && value != number.value;
        return changes.then(|| write_number(number.kind, value, DIGITS, unit));
    }
    let (name, inner) = text.trim().strip_suffix(')')?.split_once('(')?;
    let parts: Vec<String> = inner
        .split(',')
        .map(|part| match read_number(part).filter(|number| number.kind == ValueKind::Duration) {
            Some(number) => write_number(ValueKind::Duration, number.value * factor, DIGITS, ""),
            None => part.trim().to_owned(),
        })
        .collect();
    let moved = format!("{name}({})", parts.join(", "));
    (moved != text).then_some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_laws_are_moved_in_their_own_unit() {
        let both = |text: &str| [moved(text, 0.8), moved(text, 1.2)].map(Option::unwrap_or_default);
        assert_eq!(both("100/s"), ["80/s", "120/s"]);
        assert_eq!(both("60/m"), ["48/m", "72/m"]);
        assert_eq!(both("5ms"), ["4ms", "6ms"]);
        assert_eq!(both("0.5"), ["0.4", "0.6"]);
        assert_eq!(both("40"), ["32", "48"]);
        assert_eq!(both("1"), ["0", "2"], "a whole number changes by one at least");
        assert_eq!(both("exp(5ms)"), ["exp(4ms)", "exp(6ms)"]);
        assert_eq!(both("pareto(1ms, 1.5)"), ["pareto(800us, 1.5)", "pareto(1.2ms, 1.5)"]);
        assert_eq!(both("empirical(s.csv)"), ["", ""]);
        assert_eq!(both("0s"), ["", ""]);
    }

    #[test]
    fn how_far_is_a_share_between_nothing_and_all() {
        assert_eq!(share("20%"), Some(0.2));
        assert!(["20", "0%", "100%", "-5%", "x%", "nan%", ""].iter().all(|text| share(text).is_none()));
    }
}
