//! The tables that become files: a row for each run, and a row for each point and world.

use super::numbers::WholeRun;
use super::results::{Results, estimate_cells, seed_cell};
use super::run::PointOutcome;
use super::study::Mode;
use super::table::{Cell, ColumnKind, SweepTable, setting_columns};

/// How runs that are measured in one way are laid out.
pub(super) trait Tabled {
    fn runs_table(&self, results: &Results) -> SweepTable;

    /// What they come to.
    fn summary_table(&self, results: &Results) -> SweepTable;
}

impl Mode {
    fn tabled(&self) -> &dyn Tabled {
        match self {
            Mode::Grid | Mode::Tornado { .. } => &WholeRun,
            Mode::Hysteresis(steps) => steps,
        }
    }
}

impl Results {
    /// One row for each point, world and replication; of a load that goes up and down, for each of its steps too.
    pub fn runs_table(&self) -> SweepTable {
        self.study.mode.tabled().runs_table(self)
    }

    /// One row for each point and world, with means and intervals; of such a load, for each of its steps.
    pub fn summary_table(&self) -> SweepTable {
        self.study.mode.tabled().summary_table(self)
    }
}

impl Tabled for WholeRun {
    fn runs_table(&self, results: &Results) -> SweepTable {
        let mut table = SweepTable::new(&[("point", ColumnKind::Integer)]);
        table.columns.extend(setting_columns(&results.study));
        table.add(&[
            ("world", ColumnKind::Text),
            ("replication", ColumnKind::Integer),
            ("seed", ColumnKind::Integer),
            ("failure", ColumnKind::Text),
        ]);
        table.columns.extend(results.numbers.iter().map(|number| (number.name.clone(), ColumnKind::Number)));
        for (place, outcome) in results.by_point_and_world() {
            let mut row = results.row_head(place.point, place.world);
            row.push(Cell::Integer(i64::from(place.replication)));
            row.push(seed_cell(results.study.points[place.point].seed));
            match outcome {
                PointOutcome::Numbers(kept) => {
                    row.push(Cell::Nothing);
                    row.extend(kept.iter().map(|&number| Cell::number(number)));
                }
                PointOutcome::Failed(why) => {
                    row.push(Cell::Text(why.clone()));
                    row.extend(results.numbers.iter().map(|_| Cell::Nothing));
                }
            }
            table.rows.push(row);
        }
        table
    }

    fn summary_table(&self, results: &Results) -> SweepTable {
        let mut table = SweepTable::new(&[("point", ColumnKind::Integer)]);
        table.columns.extend(setting_columns(&results.study));
        table.add(&[
            ("world", ColumnKind::Text),
            ("replications", ColumnKind::Integer),
            ("failed", ColumnKind::Integer),
            ("overloaded", ColumnKind::Integer),
        ]);
        for number in &results.numbers {
            let column = |what: &str| (format!("{what}_{}", number.name), ColumnKind::Number);
            table.columns.extend(["mean", "low", "high"].map(column));
        }
        for point in 0..results.study.points.len() {
            for world in 0..results.study.worlds.len() {
                let mut row = results.row_head(point, world);
                row.push(Cell::Integer(i64::from(results.study.points[point].replications)));
                let failed =
                    results.outcomes_of(point, world).filter(|outcome| matches!(outcome, PointOutcome::Failed(_)));
                row.push(Cell::Integer(i64::try_from(failed.count()).unwrap_or(i64::MAX)));
                row.push(Cell::Integer(i64::from(results.overload(point, world).is_some())));
                for number in 0..results.numbers.len() {
                    row.extend(estimate_cells(results.estimate(point, world, number)));
                }
                table.rows.push(row);
            }
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::numbers::numbers;
    use crate::sweep::study::{SettingColumn, Study, StudyPoint, StudyRun};
    use crate::sweep::values;

    fn results() -> Results {
        let point = |value: &str| StudyPoint { values: vec![value.to_owned()], seed: 3, replications: 2 };
        let study = Study {
            version: "1".to_owned(),
            title: "t".to_owned(),
            mode: Mode::Grid,
            settings: vec![SettingColumn { key: "client.users.rate".to_owned(), kind: values::ValueKind::Rate }],
            points: vec![point("60/m"), point("2/s")],
            worlds: vec!["a".to_owned(), "b".to_owned()],
            classes: vec![],
            open: true,
        };
        let columns = numbers(&study).len();
        let outcome = |place: &StudyRun| match place.number {
            3 => PointOutcome::Failed("livelock".to_owned()),
            number => PointOutcome::Numbers(vec![Some(number as f64); columns]),
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
