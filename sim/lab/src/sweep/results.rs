//! A study with the outcome of each of its runs: the numbers by point and world.

use super::numbers::{KeptNumber, numbers};
use super::run::PointOutcome;
use super::study::{Study, StudyRun};
use super::table::{Cell, setting_cell};
use crate::estimate::Estimate;
use crate::overload::{Overload, overload};

/// A study and what came of its runs.
#[derive(Clone, PartialEq, Debug)]
pub struct Results {
    /// What was run.
    pub study: Study,
    /// What is kept of each run.
    pub numbers: Vec<KeptNumber>,
    places: Vec<StudyRun>,
    outcomes: Vec<PointOutcome>,
}

impl Results {
    /// A study and its outcomes, by the numbers of its runs.
    ///
    /// # Panics
    /// If there is not one outcome for each run, or an outcome has not one number for each column.
    pub fn new(study: Study, outcomes: Vec<PointOutcome>) -> Results {
        let (places, numbers) = (study.places(), numbers(&study));
        assert!(places.len() == outcomes.len(), "{} outcomes of {} runs", outcomes.len(), places.len());
        for outcome in &outcomes {
            let fits = !matches!(outcome, PointOutcome::Numbers(kept) if kept.len() != numbers.len());
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
        let of = |outcome: &PointOutcome| match outcome {
            PointOutcome::Numbers(kept) => kept[number],
            PointOutcome::Failed(_) => None,
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
    pub fn outcomes_of(&self, point: usize, world: usize) -> impl Iterator<Item = &PointOutcome> {
        let mine = move |place: &StudyRun| place.point == point && place.world == world;
        self.places.iter().zip(&self.outcomes).filter(move |(place, _)| mine(place)).map(|(_, outcome)| outcome)
    }

    /// Why runs did not come to their end, by their numbers.
    pub fn failures(&self) -> Vec<(StudyRun, &str)> {
        let failed = |(place, outcome): (&StudyRun, &'_ PointOutcome)| match outcome {
            PointOutcome::Numbers(_) => None,
            PointOutcome::Failed(_) => Some(*place),
        };
        let why = |place: StudyRun| match &self.outcomes[place.number] {
            PointOutcome::Failed(why) => (place, why.as_str()),
            PointOutcome::Numbers(_) => (place, ""),
        };
        self.places.iter().zip(&self.outcomes).filter_map(failed).map(why).collect()
    }

    /// Every run with what came of it: point by point, world by world.
    pub(super) fn by_point_and_world(&self) -> impl Iterator<Item = (&StudyRun, &PointOutcome)> {
        let mut order: Vec<&StudyRun> = self.places.iter().collect();
        order.sort_by_key(|place| (place.point, place.world, place.replication));
        order.into_iter().map(|place| (place, &self.outcomes[place.number]))
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
