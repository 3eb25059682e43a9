//! `--hysteresis`: one run whose load goes up in steps and down again.

use engine::Model;
use engine::model::Arrivals;
use lab::sweep::study::{LoadSteps, Mode, SettingColumn};
use lab::sweep::values::{ValueKind, read_number};
use scenario::{Diagnostic, Override};

use super::Args;
use super::arguments::{Arguments, diagnostic};
use super::draft::Draft;
use super::source::SweepSource;

/// Replications at least: a difference needs an interval to be believed.
const REPLICATIONS_MIN: u32 = 5;
/// Steps on the way up, if nobody says which.
const STEPS: u32 = 10;
/// The highest of them, in percent of the scenario's own rate.
const HIGHEST_PERCENT: f64 = 200.0;
/// Steps on the way up at most: each is twice in a profile, whose points have a limit of their own.
const STEPS_MAX: usize = 200;

/// The steps that `--set client.NAME.rate=VALUES` says, or some around the rate of the only open client.
pub fn draft(args: &Args, source: &SweepSource) -> Result<Draft, Vec<Diagnostic>> {
    let arguments = Arguments::read(&args.set, args.max_points)?;
    let mut wrong = Vec::new();
    let hold_ns = hold(&args.hold, &mut wrong);
    let mut steps: Option<(String, Vec<String>)> = None;
    for (setting, typed) in arguments.settings.iter().zip(&arguments.typed) {
        let client = setting.key.strip_prefix("client.").and_then(|rest| rest.strip_suffix(".rate"));
        match client {
            Some(client) => {
                if let Some((what, help)) = unfit(setting) {
                    wrong.push(diagnostic(typed, 0..typed.len(), what, "not steps of a load", help));
                }
                let rates = setting.values.iter().map(|value| value.text.trim_matches('"').to_owned());
                steps = Some((client.to_owned(), rates.collect()));
            }
            None if setting.values.len() > 1 => {
                let what =
                    format!("`{}` has several values, and --hysteresis varies a client's rate only", setting.key);
                let help = "write one value; the steps of the load are those of --set client.NAME.rate=VALUES";
                wrong.push(diagnostic(typed, 0..typed.len(), what, "more than one value", help));
            }
            None => {}
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let fixed = |key: &str| steps.as_ref().is_none_or(|(client, _)| key != format!("client.{client}.rate"));
    let kept: Vec<usize> = (0..arguments.settings.len()).filter(|&at| fixed(&arguments.settings[at].key)).collect();
    let columns: Vec<SettingColumn> = kept.iter().map(|&at| arguments.columns().swap_remove(at)).collect();
    let values: Vec<String> = kept.iter().map(|&at| arguments.settings[at].values[0].text.clone()).collect();
    let (client, rates) = match steps {
        Some(steps) => steps,
        None => {
            let set = columns.iter().zip(&values);
            let set: Vec<Override> =
                set.map(|(column, value)| Override { key: column.key.clone(), value: value.clone() }).collect();
            let models = source.compile(&set)?.models;
            around(&models).ok_or_else(|| vec![nobody()])?
        }
    };
    let mode = Mode::Hysteresis(LoadSteps { client, rates, hold_ns });
    Ok(Draft { mode, arguments, columns, points: vec![values], replications_min: REPLICATIONS_MIN })
}

/// Why the values of a rate are no steps of a load, and what to write instead.
fn unfit(setting: &lab::sweep::values::SweptSetting) -> Option<(String, &'static str)> {
    let help = "write rates from low to high, such as client.users.rate=20/s..200/s:10";
    let rates: Vec<f64> =
        setting.values.iter().filter_map(|value| read_number(&value.text)).map(|rate| rate.value).collect();
    let what = if setting.kind != ValueKind::Rate || rates.len() < setting.values.len() {
        "the steps of a load are rates"
    } else if rates.len() < 2 || rates.len() > STEPS_MAX {
        return Some((format!("a load goes up in 2 to {STEPS_MAX} steps, not {}", rates.len()), help));
    } else if rates.windows(2).any(|pair| pair[0] >= pair[1]) {
        "the steps of a load go up"
    } else {
        return None;
    };
    Some((what.to_owned(), help))
}

/// The length of a step, nanoseconds: even, because its second half is what is measured.
fn hold(text: &str, wrong: &mut Vec<Diagnostic>) -> u64 {
    let read = read_number(text).filter(|number| number.kind == ValueKind::Duration && number.value >= 2.0);
    if let Some(number) = read {
        // Durations of a scenario are far below 2^53 nanoseconds, and longer ones are refused with the run's length.
        return number.value as u64 / 2 * 2;
    }
    let what = format!("`{text}` is not how long a step is held");
    let mut found = diagnostic(text, 0..text.len(), what, "not a duration", "write a duration, such as 40s");
    found.file = "--hold".to_owned();
    wrong.push(found);
    2
}

/// Steps around the rate of the only open client, if it is constant.
fn around(models: &[Model]) -> Option<(String, Vec<String>)> {
    let open =
        |client: &&engine::model::ClientSpec| matches!(client.arrivals, Arrivals::Poisson(_) | Arrivals::Fixed(_));
    let mut clients = models.first()?.clients.iter().filter(open);
    let (client, None) = (clients.next()?, clients.next()) else { return None };
    let (Arrivals::Poisson(profile) | Arrivals::Fixed(profile)) = &client.arrivals else { return None };
    let [(_, rate)] = profile.points[..] else { return None };
    let highest = rate * HIGHEST_PERCENT / 100.0;
    let step = |step: u32| {
        lab::sweep::values::write_number(ValueKind::Rate, highest * f64::from(step) / f64::from(STEPS), 4, "/s")
    };
    Some((client.name.clone(), (1..=STEPS).map(step).collect()))
}

/// Nobody whose load could be raised without being told which.
fn nobody() -> Diagnostic {
    let typed = "--hysteresis";
    let what = "the file has not exactly one open client with a constant rate".to_owned();
    let help = "say whose load goes up and how: --set client.NAME.rate=20/s..200/s:10";
    let mut found = diagnostic(typed, 0..typed.len(), what, "whose load?", help);
    found.file = "the command".to_owned();
    found
}

/// What such a run lays over its scenario: the load, and a time series whose every other step is what is measured.
pub fn overrides(steps: &LoadSteps) -> Vec<Override> {
    let over = |key: String, value: String| Override { key, value };
    vec![
        over(format!("client.{}.rate", steps.client), steps.profile()),
        over("run.length".to_owned(), format!("{}ns", steps.length_ns())),
        over("run.step".to_owned(), format!("{}ns", steps.hold_ns / 2)),
        over("run.warm_up".to_owned(), "0s".to_owned()),
    ]
}
