//! Which setting matters: each moved down and up while the others stay, ranked by what that does.

use super::results::Results;
use crate::estimate::{Estimate, paired_ratio};

/// What is looked at, in the order of importance.
pub const LOOKED_AT: [&str; 2] = ["latency_p99_ns", "throughput_rps"];

/// One setting moved one way.
#[derive(Clone, PartialEq, Debug)]
pub struct Move {
    /// The point of the study.
    pub point: usize,
    /// Its value there.
    pub value: String,
    /// Change of each of [`LOOKED_AT`] against the file as it is, as a share: 0.5 is half as much again. Paired by replication;
    /// `None` where one of the two is never above zero.
    pub changes: [Option<Estimate>; LOOKED_AT.len()],
}

/// One setting in one world.
#[derive(Clone, PartialEq, Debug)]
pub struct Knob {
    /// Its position among the study's settings.
    pub setting: usize,
    /// Its path.
    pub key: String,
    /// Its value in the file.
    pub base: String,
    /// Moved, in the order of the points: down before up.
    pub moves: Vec<Move>,
}

impl Knob {
    /// The largest of its changes whose interval leaves zero out, or that has none; zero if there is none.
    ///
    /// A halving counts as much as a doubling.
    pub fn effect(&self) -> f64 {
        let sure = |change: &&Estimate| change.excludes(0.0) != Some(false);
        let changes = self.moves.iter().flat_map(|moved| moved.changes.iter().flatten());
        changes.filter(sure).map(|change| (1.0 + change.mean).ln().abs()).fold(0.0, f64::max)
    }
}

/// The knobs of a world, those with the largest effect first, else in the order of the file.
///
/// The first point of the study is the file as it is; each other one differs from it in one setting.
pub fn knobs(results: &Results, world: usize) -> Vec<Knob> {
    let study = &results.study;
    let Some(base) = study.points.first() else { return Vec::new() };
    let mut knobs: Vec<Knob> = Vec::new();
    for (point, spec) in study.points.iter().enumerate().skip(1) {
        let Some(setting) = (0..study.settings.len()).find(|&at| spec.values[at] != base.values[at]) else { continue };
        let moved = Move {
            point,
            value: spec.values[setting].clone(),
            changes: LOOKED_AT.map(|name| change(results, world, point, name)),
        };
        match knobs.iter_mut().find(|knob| knob.setting == setting) {
            Some(knob) => knob.moves.push(moved),
            None => knobs.push(Knob {
                setting,
                key: study.settings[setting].key.clone(),
                base: base.values[setting].clone(),
                moves: vec![moved],
            }),
        }
    }
    knobs.sort_by(|a, b| b.effect().total_cmp(&a.effect()).then(a.setting.cmp(&b.setting)));
    knobs
}

fn change(results: &Results, world: usize, point: usize, name: &str) -> Option<Estimate> {
    let number = results.number(name)?;
    let values = |point: usize| results.values(point, world, number);
    let ratio = paired_ratio(&values(0), &values(point))?;
    let less = |ratio: f64| ratio - 1.0;
    Some(Estimate { mean: less(ratio.mean), low: ratio.low.map(less), high: ratio.high.map(less), n: ratio.n })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::numbers::numbers;
    use crate::sweep::run::PointOutcome;
    use crate::sweep::study::{Mode, SettingColumn, Study, StudyPoint};
    use crate::sweep::values::ValueKind;

    /// Three settings; the second doubles the p99, the first moves it within chance, the third takes a quarter of the throughput.
    #[test]
    fn knobs_are_ranked_by_what_they_surely_do() {
        let point =
            |values: [&str; 3]| StudyPoint { values: values.map(str::to_owned).to_vec(), seed: 1, replications: 4 };
        let column = |key: &str| SettingColumn { key: key.to_owned(), kind: ValueKind::Count };
        let study = Study {
            version: String::new(),
            title: String::new(),
            mode: Mode::Tornado { around: "20%".to_owned() },
            settings: vec![column("chance"), column("slow"), column("less")],
            points: vec![
                point(["5", "5", "5"]),
                point(["4", "5", "5"]),
                point(["6", "5", "5"]),
                point(["5", "6", "5"]),
                point(["5", "5", "4"]),
            ],
            worlds: vec!["a".to_owned()],
            classes: vec![],
            open: true,
        };
        let columns = numbers(&study);
        let outcome = |point: usize, replication: u32| {
            let of_people = 1.0 + 0.1 * f64::from(replication);
            let p99 = match point {
                1 | 2 if replication.is_multiple_of(2) => 3e6,
                1 | 2 => 0.3e6,
                3 => 2e6,
                _ => 1e6,
            };
            let throughput = if point == 4 { 75.0 } else { 100.0 };
            let value = |name: &str| match name {
                "latency_p99_ns" => Some(p99 * of_people),
                "throughput_rps" => Some(throughput * of_people),
                _ => None,
            };
            PointOutcome::Numbers(columns.iter().map(|number| value(&number.name)).collect())
        };
        let outcomes = study.places().iter().map(|place| outcome(place.point, place.replication)).collect();
        let knobs = knobs(&Results::new(study, outcomes), 0);
        let order: Vec<&str> = knobs.iter().map(|knob| knob.key.as_str()).collect();
        assert_eq!(order, ["slow", "less", "chance"]);
        let doubled = knobs[0].moves[0].changes[0].unwrap();
        assert!((doubled.mean - 1.0).abs() < 1e-9 && doubled.excludes(0.0) == Some(true), "{doubled:?}");
        assert_eq!((knobs[2].effect(), knobs[2].moves.len()), (0.0, 2));
    }
}
