//! A load that goes up in steps and down again: what the servers do at the same load on the way up and on the way down.
//!
//! Where the two differ the state depends on the past: a site that has broken down stays down under a load that it carried before
//! (Bronson and others, "Metastable failures in distributed systems", 2021). Each step is held; its first half is for the
//! state to settle, and what is told is its second half, which is one step of the record's time series.

use engine::record::{Ending, RunRecord};
use engine::time::Span;

use super::numbers::{KeptNumber, Measured};
use super::results::{Results, estimate_cells, seed_cell};
use super::run::PointOutcome;
use super::study::{LoadSteps, Study};
use super::table::{Cell, ColumnKind, SweepTable, setting_columns};
use super::tables::Tabled;
use super::values::read_number;
use crate::estimate::{Estimate, paired_difference, paired_ratio};
use crate::figure::{Better, FigureGroup, FigureSpec, Unit};

/// Least share of the load that must be lost on the way down: less is no state of its own, however sure it is.
pub const LOST_MIN: f64 = 0.05;

/// Least ratio of 99th percentiles that is called slower: chance and rounding move a percentile by less.
pub const SLOWER_MIN: f64 = 2.0;

/// What is told about each step.
pub static STEP_FIGURES: [FigureSpec; 5] = [
    figure(
        "sent_rps",
        "sent",
        Unit::PerSecond,
        Better::Neither,
        "Requests sent per second, retries and refreshes included.",
    ),
    figure("ok_rps", "good", Unit::PerSecond, Better::More, "Good responses per second."),
    figure("bad_rps", "bad", Unit::PerSecond, Better::Less, "Requests per second that ended in any other way."),
    figure(
        "latency_p50_ns",
        "p50",
        Unit::Nanoseconds,
        Better::Less,
        "Median latency of good responses that arrived in the step.",
    ),
    figure(
        "latency_p99_ns",
        "p99",
        Unit::Nanoseconds,
        Better::Less,
        "99th percentile of the latency of good responses that arrived in the step.",
    ),
];

const fn figure(name: &'static str, label: &'static str, unit: Unit, better: Better, doc: &'static str) -> FigureSpec {
    FigureSpec { name, label, unit, group: FigureGroup::Outcome, better, doc }
}

/// Position of the good responses among [`STEP_FIGURES`].
const OK: usize = 1;
/// Position of the 99th percentile among [`STEP_FIGURES`].
const P99: usize = 4;

/// Which way the load goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Up, the highest load included.
    Up,
    /// Down.
    Down,
}

impl Direction {
    /// As the result files call it.
    pub fn name(self) -> &'static str {
        match self {
            Direction::Up => "up",
            Direction::Down => "down",
        }
    }
}

/// Every step in the order of time: direction and position of its load.
pub fn steps_in_time(steps: &LoadSteps) -> Vec<(Direction, usize)> {
    let levels = steps.rates.len();
    let up = (0..levels).map(|level| (Direction::Up, level));
    up.chain((0..levels.saturating_sub(1)).rev().map(|level| (Direction::Down, level))).collect()
}

impl LoadSteps {
    /// The length of the whole run, nanoseconds.
    pub fn length_ns(&self) -> u64 {
        self.hold_ns * steps_in_time(self).len() as u64
    }

    /// The rate of the client as a scenario has it: a list of points.
    pub fn profile(&self) -> String {
        let steps = steps_in_time(self);
        let point = |(at, &(_, level)): (usize, &(Direction, usize))| {
            let at_ns = self.hold_ns * at as u64;
            let jump = if at > 0 { ", step = true" } else { "" };
            format!("{{ at = \"{at_ns}ns\", rate = \"{}\"{jump} }}", self.rates[level])
        };
        format!("[{}]", steps.iter().enumerate().map(point).collect::<Vec<_>>().join(", "))
    }

    /// A load, requests per second.
    pub fn rate_rps(&self, level: usize) -> f64 {
        read_number(&self.rates[level]).map_or(0.0, |number| number.value)
    }

    fn column(&self, direction: Direction, level: usize, figure: usize) -> usize {
        let at = steps_in_time(self).iter().position(|step| *step == (direction, level));
        at.unwrap_or(0) * STEP_FIGURES.len() + figure
    }
}

/// Of a run its steps are kept, one by one.
impl Measured for LoadSteps {
    fn numbers(&self, _: &Study) -> Vec<KeptNumber> {
        let of_step = |(direction, level): (Direction, usize)| {
            STEP_FIGURES.iter().map(move |spec| KeptNumber {
                name: format!("{}.{}.{}", direction.name(), level + 1, spec.name),
                spec,
                class: None,
            })
        };
        steps_in_time(self).into_iter().flat_map(of_step).collect()
    }

    fn numbers_of(&self, record: &RunRecord) -> Vec<Option<f64>> {
        let series = &record.series;
        let count = |column: &[u64], at: usize| column.get(at).copied().unwrap_or(0);
        let seconds = series.step.as_secs_f64();
        let of_step = |step: usize| {
            // Every other step of the series is the second half of a held load.
            let at = 2 * step + 1;
            let bad = Ending::ALL.into_iter().filter(|ending| *ending != Ending::Ok);
            let bad: u64 = bad.map(|ending| count(&series.endings[ending as usize], at)).sum();
            let rate = |count: u64| Some(count as f64 / seconds);
            let latency = |column: &[Option<Span>]| column.get(at).copied().flatten().map(|span| span.as_ns() as f64);
            [
                rate(count(&series.sent, at)),
                rate(count(&series.endings[Ending::Ok as usize], at)),
                rate(bad),
                latency(&series.latency_p50),
                latency(&series.latency_p99),
            ]
        };
        (0..steps_in_time(self).len()).flat_map(of_step).collect()
    }
}

/// One load in one world.
#[derive(Clone, PartialEq, Debug)]
pub struct LoadLevel {
    /// The load, first requests per second.
    pub offered_rps: f64,
    /// Good responses per second on the way up.
    pub up_ok: Option<Estimate>,
    /// The same on the way down; of the highest load, which is held once, those of the way up.
    pub down_ok: Option<Estimate>,
    /// 99th percentile on the way up, nanoseconds.
    pub up_p99: Option<Estimate>,
    /// The same on the way down.
    pub down_p99: Option<Estimate>,
    /// Good responses per second on the way down less those on the way up, paired by replication.
    pub difference: Option<Estimate>,
    /// Whether significantly fewer requests are answered well on the way down: the interval of the difference lies below zero,
    /// and at least [`LOST_MIN`] of the load is lost.
    pub metastable: bool,
    /// Whether as many are answered well, but significantly later: the 99th percentile is at least [`SLOWER_MIN`] times as long.
    pub slower: bool,
}

/// The loads of a world, from the lowest on.
pub fn levels(results: &Results, steps: &LoadSteps, world: usize) -> Vec<LoadLevel> {
    let top = steps.rates.len() - 1;
    let level = |level: usize| {
        let down = if level == top { Direction::Up } else { Direction::Down };
        let values = |direction, figure| results.values(0, world, steps.column(direction, level, figure));
        let estimate = |direction, figure| results.estimate(0, world, steps.column(direction, level, figure));
        let difference = paired_difference(&values(Direction::Up, OK), &values(down, OK)).filter(|_| level < top);
        let offered_rps = steps.rate_rps(level);
        let lost = |difference: &Estimate| {
            let enough = -difference.mean >= LOST_MIN * offered_rps;
            enough && difference.high.is_some_and(|high| high < 0.0)
        };
        let later = paired_ratio(&values(Direction::Up, P99), &values(down, P99)).filter(|_| level < top);
        let later = later.is_some_and(|ratio| ratio.mean >= SLOWER_MIN && ratio.low.is_some_and(|low| low > 1.0));
        let metastable = difference.as_ref().is_some_and(lost);
        LoadLevel {
            offered_rps,
            up_ok: estimate(Direction::Up, OK),
            down_ok: estimate(down, OK),
            up_p99: estimate(Direction::Up, P99),
            down_p99: estimate(down, P99),
            metastable,
            slower: later && !metastable,
            difference,
        }
    };
    (0..=top).map(level).collect()
}

/// The columns that lead every row of a step.
fn head(study: &Study) -> SweepTable {
    let mut table = SweepTable::new(&[("point", ColumnKind::Integer)]);
    table.columns.extend(setting_columns(study));
    table.add(&[
        ("world", ColumnKind::Text),
        ("step", ColumnKind::Integer),
        ("direction", ColumnKind::Text),
        ("offered_rps", ColumnKind::Number),
    ]);
    table
}

fn row_head(results: &Results, steps: &LoadSteps, world: usize, at: usize) -> Vec<Cell> {
    let (direction, level) = steps_in_time(steps)[at];
    let mut row = results.row_head(0, world);
    row.extend([Cell::count(at + 1), Cell::Text(direction.name().to_owned()), Cell::Number(steps.rate_rps(level))]);
    row
}

/// A row for each world and step, and of runs for each replication.
impl Tabled for LoadSteps {
    fn runs_table(&self, results: &Results) -> SweepTable {
        let mut table = head(&results.study);
        table.add(&[
            ("replication", ColumnKind::Integer),
            ("seed", ColumnKind::Integer),
            ("failure", ColumnKind::Text),
        ]);
        table.columns.extend(STEP_FIGURES.iter().map(|spec| (spec.name.to_owned(), ColumnKind::Number)));
        for world in 0..results.study.worlds.len() {
            for at in 0..steps_in_time(self).len() {
                for (replication, outcome) in results.outcomes_of(0, world).enumerate() {
                    let mut row = row_head(results, self, world, at);
                    row.extend([Cell::count(replication), seed_cell(results.study.points[0].seed)]);
                    match outcome {
                        PointOutcome::Numbers(kept) => {
                            row.push(Cell::Nothing);
                            let of_step = &kept[at * STEP_FIGURES.len()..(at + 1) * STEP_FIGURES.len()];
                            row.extend(of_step.iter().map(|&number| Cell::number(number)));
                        }
                        PointOutcome::Failed(why) => {
                            row.push(Cell::Text(why.clone()));
                            row.extend(STEP_FIGURES.iter().map(|_| Cell::Nothing));
                        }
                    }
                    table.rows.push(row);
                }
            }
        }
        table
    }

    fn summary_table(&self, results: &Results) -> SweepTable {
        let mut table = head(&results.study);
        table.add(&[("replications", ColumnKind::Integer), ("metastable", ColumnKind::Text)]);
        for spec in &STEP_FIGURES {
            table
                .columns
                .extend(["mean", "low", "high"].map(|what| (format!("{what}_{}", spec.name), ColumnKind::Number)));
        }
        for world in 0..results.study.worlds.len() {
            let levels = levels(results, self, world);
            for (at, &(_, level)) in steps_in_time(self).iter().enumerate() {
                let mut row = row_head(results, self, world, at);
                row.push(Cell::Integer(i64::from(results.study.points[0].replications)));
                row.push(Cell::Text(if levels[level].metastable { "yes" } else { "no" }.to_owned()));
                for figure in 0..STEP_FIGURES.len() {
                    row.extend(estimate_cells(results.estimate(0, world, at * STEP_FIGURES.len() + figure)));
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
    use crate::fixtures;
    use crate::sweep::study::{Mode, StudyPoint};

    fn steps() -> LoadSteps {
        LoadSteps {
            client: "users".to_owned(),
            rates: ["60/m", "2/s", "4/s"].map(str::to_owned).to_vec(),
            hold_ns: 4_000_000_000,
        }
    }

    fn study() -> Study {
        Study {
            version: String::new(),
            title: String::new(),
            mode: Mode::Hysteresis(steps()),
            settings: vec![],
            points: vec![StudyPoint { values: vec![], seed: 1, replications: 4 }],
            worlds: vec!["a".to_owned()],
            classes: vec![],
            open: true,
        }
    }

    #[test]
    fn the_load_goes_up_and_the_same_way_down() {
        let profile = steps().profile();
        let rates: Vec<&str> = profile.split("rate = \"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(rates, ["60/m", "2/s", "4/s", "2/s", "60/m"]);
        assert!(
            profile.starts_with(
                "[{ at = \"0ns\", rate = \"60/m\" }, { at = \"4000000000ns\", rate = \"2/s\", step = true }"
            )
        );
        assert_eq!(steps().length_ns(), 20_000_000_000);
    }

    #[test]
    fn a_step_is_told_by_its_second_half() {
        let mut record = fixtures::empty("a", 0);
        record.series.step = Span::from_secs(2);
        record.series.sent = (0..10).collect();
        record.series.endings[Ending::Ok as usize] = vec![2; 10];
        record.series.latency_p99 = vec![Some(Span::from_ms(7)); 10];
        let kept = steps().numbers_of(&record);
        assert_eq!(kept.len(), steps().numbers(&study()).len());
        assert_eq!(kept[..5], [Some(0.5), Some(1.0), Some(0.0), None, Some(7e6)]);
        assert_eq!(kept[5], Some(1.5));
    }

    /// Good responses on the way up are as many as the load; on the way down so many less by level and replication.
    fn metastable(lost: [f64; 2], spread: f64) -> Vec<bool> {
        let steps = steps();
        let outcome = |replication: u32| {
            let of_step = |(direction, level): (Direction, usize)| {
                let chance = if replication.is_multiple_of(2) { spread } else { -spread };
                let down = direction == Direction::Down;
                let ok = steps.rate_rps(level) - if down { lost[level] + chance } else { 0.0 };
                [Some(1.0), Some(ok), Some(0.0), None, None]
            };
            PointOutcome::Numbers(steps_in_time(&steps).into_iter().flat_map(of_step).collect())
        };
        let outcomes = (0..4).map(outcome).collect();
        levels(&Results::new(study(), outcomes), &steps, 0).iter().map(|level| level.metastable).collect()
    }

    #[test]
    fn a_load_is_metastable_where_the_way_down_surely_loses_enough() {
        assert_eq!(metastable([0.0, 1.0], 0.1), [false, true, false]);
        assert_eq!(metastable([0.5, 1.0], 0.1), [true, true, false]);
        assert_eq!(metastable([0.0, 1.0], 5.0), [false, false, false], "within chance");
        assert_eq!(metastable([0.04, 0.09], 0.0), [false, false, false], "sure, but too little");
        assert_eq!(metastable([-0.5, -1.0], 0.1), [false, false, false], "better on the way down");
    }
}
