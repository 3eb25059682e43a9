//! A study with the outcome of each of its runs: the numbers by point and world, and the tables that become files.

use super::numbers::{Number, numbers};
use super::run::Outcome;
use super::study::{Mode, Place, Study};
use super::table::{Cell, Kind, Table, setting_cell, setting_columns};
use super::updown;
use crate::estimate::Estimate;
use crate::overload::{Overload, overload};

/// A study and what came of its runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Results {
    /// What was run.
    pub study: Study,
    /// What is kept of each run.
    pub numbers: Vec<Number>,
    places: Vec<Place>,
    outcomes: Vec<Outcome>,
}

impl Results {
    /// A study and its outcomes, by the numbers of its runs.
    ///
    /// # Panics
    /// If there is not one outcome for each run, or an outcome has not one number for each column.
    pub fn new(study: Study, outcomes: Vec<Outcome>) -> Results {
        let (places, numbers) = (study.places(), numbers(&study));
        assert!(places.len() == outcomes.len(), "{} outcomes of {} runs", outcomes.len(), places.len());
        for outcome in &outcomes {
            let fits = !matches!(outcome, Outcome::Numbers(kept) if kept.len() != numbers.len());
            assert!(fits, "an outcome with another number of columns than {}", numbers.len());
        }
        Results { study, numbers, places, outcomes }
    }

    /// The position of a number among those that are kept.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.numbers.iter().position(|number| number.name == name)
    }

    /// One number of a world at a point, by replication.
    pub fn values(&self, point: usize, world: usize, number: usize) -> Vec<Option<f64>> {
        let of = |outcome: &Outcome| match outcome {
            Outcome::Numbers(kept) => kept[number],
            Outcome::Failed(_) => None,
        };
        self.outcomes_of(point, world).map(of).collect()
    }

    /// Mean and interval of one number of a world at a point.
    pub fn estimate(&self, point: usize, world: usize, number: usize) -> Option<Estimate> {
        let known: Vec<f64> = self.values(point, world, number).into_iter().flatten().collect();
        Estimate::of(&known)
    }

    /// Whether the queue of a world grows at a point.
    pub fn overload(&self, point: usize, world: usize) -> Option<Overload> {
        let values = |name: &str| self.number(name).map(|number| self.values(point, world, number));
        overload(&values("inside_growth_rps")?, &values("inside_growth_ratio")?)
    }

    /// The outcomes of a world at a point, by replication.
    pub fn outcomes_of(&self, point: usize, world: usize) -> impl Iterator<Item = &Outcome> {
        let mine = move |place: &Place| place.point == point && place.world == world;
        self.places.iter().zip(&self.outcomes).filter(move |(place, _)| mine(place)).map(|(_, outcome)| outcome)
    }

    /// Why runs did not come to their end, by their numbers.
    pub fn failures(&self) -> Vec<(Place, &str)> {
        let failed = |(place, outcome): (&Place, &'_ Outcome)| match outcome {
            Outcome::Numbers(_) => None,
            Outcome::Failed(_) => Some(*place),
        };
        let why = |place: Place| match &self.outcomes[place.number] {
            Outcome::Failed(why) => (place, why.as_str()),
            Outcome::Numbers(_) => (place, ""),
        };
        self.places.iter().zip(&self.outcomes).filter_map(failed).map(why).collect()
    }

    /// One row for each point, world and replication; of a load that goes up and down, for each of its steps too.
    pub fn runs_table(&self) -> Table {
        if let Mode::Hysteresis(steps) = &self.study.mode {
            return updown::runs_table(self, steps);
        }
        let mut table = Table::new(&[("point", Kind::Integer)]);
        table.columns.extend(setting_columns(&self.study));
        table.add(&[
            ("world", Kind::Text),
            ("replication", Kind::Integer),
            ("seed", Kind::Integer),
            ("failure", Kind::Text),
        ]);
        table.columns.extend(self.numbers.iter().map(|number| (number.name.clone(), Kind::Number)));
        let mut order: Vec<&Place> = self.places.iter().collect();
        order.sort_by_key(|place| (place.point, place.world, place.replication));
        for place in order {
            let mut row = self.row_head(place.point, place.world);
            row.push(Cell::Integer(i64::from(place.replication)));
            row.push(seed_cell(self.study.points[place.point].seed));
            match &self.outcomes[place.number] {
                Outcome::Numbers(kept) => {
                    row.push(Cell::Nothing);
                    row.extend(kept.iter().map(|&number| Cell::number(number)));
                }
                Outcome::Failed(why) => {
                    row.push(Cell::Text(why.clone()));
                    row.extend(self.numbers.iter().map(|_| Cell::Nothing));
                }
            }
            table.rows.push(row);
        }
        table
    }

    /// One row for each point and world, with means and intervals.
    pub fn summary_table(&self) -> Table {
        if let Mode::Hysteresis(steps) = &self.study.mode {
            return updown::summary_table(self, steps);
        }
        let mut table = Table::new(&[("point", Kind::Integer)]);
        table.columns.extend(setting_columns(&self.study));
        table.add(&[
            ("world", Kind::Text),
            ("replications", Kind::Integer),
            ("failed", Kind::Integer),
            ("overloaded", Kind::Integer),
        ]);
        for number in &self.numbers {
            let column = |what: &str| (format!("{what}_{}", number.name), Kind::Number);
            table.columns.extend(["mean", "low", "high"].map(column));
        }
        for point in 0..self.study.points.len() {
            for world in 0..self.study.worlds.len() {
                let mut row = self.row_head(point, world);
                row.push(Cell::Integer(i64::from(self.study.points[point].replications)));
                let failed = self.outcomes_of(point, world).filter(|outcome| matches!(outcome, Outcome::Failed(_)));
                row.push(Cell::Integer(i64::try_from(failed.count()).unwrap_or(i64::MAX)));
                row.push(Cell::Integer(i64::from(self.overload(point, world).is_some())));
                for number in 0..self.numbers.len() {
                    row.extend(estimate_cells(self.estimate(point, world, number)));
                }
                table.rows.push(row);
            }
        }
        table
    }

    /// The cells that every row begins with: point, settings, world.
    pub(super) fn row_head(&self, point: usize, world: usize) -> Vec<Cell> {
        let mut row = vec![Cell::count(point + 1)];
        let settings = self.study.settings.iter().zip(&self.study.points[point].values);
        row.extend(settings.map(|(column, value)| setting_cell(column.kind, value)));
        row.push(Cell::Text(self.study.worlds[world].clone()));
        row
    }
}

/// A seed, which has more values than a signed number: what does not fit is written as its bits are.
pub(super) fn seed_cell(seed: u64) -> Cell {
    Cell::Integer(seed.cast_signed())
}

/// Mean, low and high.
pub(super) fn estimate_cells(estimate: Option<Estimate>) -> [Cell; 3] {
    [
        Cell::number(estimate.map(|estimate| estimate.mean)),
        Cell::number(estimate.and_then(|estimate| estimate.low)),
        Cell::number(estimate.and_then(|estimate| estimate.high)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::study::{Column, Point};
    use crate::sweep::values;

    fn results() -> Results {
        let point = |value: &str| Point { values: vec![value.to_owned()], seed: 3, replications: 2 };
        let study = Study {
            version: "1".to_owned(),
            title: "t".to_owned(),
            mode: Mode::Grid,
            settings: vec![Column { key: "client.users.rate".to_owned(), kind: values::Kind::Rate }],
            points: vec![point("60/m"), point("2/s")],
            worlds: vec!["a".to_owned(), "b".to_owned()],
            classes: vec![],
            open: true,
        };
        let columns = numbers(&study).len();
        let outcome = |place: &Place| match place.number {
            3 => Outcome::Failed("livelock".to_owned()),
            number => Outcome::Numbers(vec![Some(number as f64); columns]),
        };
        let outcomes = study.places().iter().map(outcome).collect();
        Results::new(study, outcomes)
    }

    #[test]
    fn rows_go_by_point_world_and_replication_with_their_settings() {
        let table = results().runs_table();
        let names: Vec<&str> = table.columns[..6].iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["point", "client.users.rate_rps", "world", "replication", "seed", "failure"]);
        assert_eq!(table.rows.len(), 8);
        let first = &table.rows[0];
        assert_eq!(first[1], Cell::Number(1.0), "60 a minute is one a second");
        // Numbered replication by replication, shown world by world.
        let shown: Vec<&Cell> = table.rows.iter().map(|row| &row[6]).collect();
        let number = |number: f64| Cell::Number(number);
        assert_eq!(shown[..4], [&number(0.0), &number(2.0), &number(1.0), &Cell::Nothing]);
        assert_eq!(table.rows[3][5], Cell::Text("livelock".to_owned()));
    }

    #[test]
    fn a_summary_leaves_failed_runs_out_and_counts_them() {
        let table = results().summary_table();
        let column = |name: &str| table.columns.iter().position(|(other, _)| other == name).unwrap();
        assert_eq!(table.rows.len(), 4);
        assert_eq!(table.rows[0][column("mean_requests_sent")], Cell::Number(1.0));
        let half_failed = &table.rows[1];
        assert_eq!(half_failed[column("failed")], Cell::Integer(1));
        assert_eq!(half_failed[column("mean_requests_sent")], Cell::Number(1.0));
        assert_eq!(half_failed[column("low_requests_sent")], Cell::Nothing, "one value has no interval");
    }
}
