//! Sweeps with numbers made by hand, for the tests of texts and figures.

use lab::sweep::numbers::numbers;
use lab::sweep::results::Results;
use lab::sweep::run::PointOutcome;
use lab::sweep::study::{Mode, SettingColumn, Study, StudyPoint};
use lab::sweep::values::{ValueKind, read_number};

/// A sweep over one setting of the world `a`, whose throughput is a function of its value.
pub(crate) fn results(key: &str, values: &[&str], open: bool, throughput: impl Fn(f64) -> f64) -> Results {
    let points: Vec<Vec<&str>> = values.iter().map(|value| vec![*value]).collect();
    grid(&[key], &points, open, |point| throughput(point[0]))
}

/// From this value of the first setting on the queue grows.
pub(crate) const OVERLOADED: f64 = 1e6;

/// A sweep over several settings of the worlds `a` and, with more than one setting, `b`.
pub(crate) fn grid(keys: &[&str], points: &[Vec<&str>], open: bool, throughput: impl Fn(&[f64]) -> f64) -> Results {
    let point = |values: &Vec<&str>| StudyPoint {
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        seed: 1,
        replications: 2,
    };
    let worlds = if keys.len() > 1 { &["a", "b"][..] } else { &["a"] };
    let study = Study {
        version: "1".to_owned(),
        title: "A sweep".to_owned(),
        mode: Mode::Grid,
        settings: keys.iter().map(|key| SettingColumn { key: (*key).to_owned(), kind: ValueKind::Count }).collect(),
        points: points.iter().map(point).collect(),
        worlds: worlds.iter().map(|world| (*world).to_owned()).collect(),
        classes: vec![],
        open,
    };
    let columns = numbers(&study);
    let outcomes = study.places().into_iter().map(|place| {
        let values: Vec<f64> =
            points[place.point].iter().filter_map(|value| read_number(value)).map(|read| read.value).collect();
        let kept = columns.iter().map(|number| match number.name.as_str() {
            "throughput_rps" => Some(throughput(&values)),
            "success_share" => Some(1.0),
            "inside_growth_rps" | "inside_growth_ratio" => Some(if values[0] >= OVERLOADED { 99.0 } else { 0.0 }),
            "latency_p99_ns" => Some(1e6 * (1.0 + place.point as f64)),
            _ => None,
        });
        PointOutcome::Numbers(kept.collect())
    });
    let outcomes = outcomes.collect();
    Results::new(study, outcomes)
}
