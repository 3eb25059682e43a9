//! The numbers that are kept of every run, in the order in which they are kept.
//!
//! They are the rows of [`crate::figure`]: all that is told of a run, of its blame, and of each class of requests. Rows that a
//! run has no value for are kept as nothing, so that every run of a study has as many.

use engine::record::{ClassRecord, RunRecord};

use super::study::{Mode, Study};
use crate::figure::{BLAME_FIGURES, CLASS_FIGURES, FigureSpec, RUN_FIGURES, blame_of};

/// A number that is kept: its column and what it is.
#[derive(Clone, PartialEq, Debug)]
pub struct KeptNumber {
    /// Name of its column; ends in the unit.
    pub name: String,
    /// What it is.
    pub spec: &'static FigureSpec,
    /// The class that it is of; `None`: the run as a whole.
    pub class: Option<String>,
}

/// The name of a class's column.
fn class_column(class: &str, name: &str) -> String {
    format!("{class}.{name}")
}

/// The numbers of a run as a whole.
pub fn run_specs() -> impl Iterator<Item = &'static FigureSpec> {
    RUN_FIGURES.iter().map(|recipe| &recipe.spec).chain(&BLAME_FIGURES)
}

/// The numbers of a run of each class.
pub fn class_specs() -> impl Iterator<Item = &'static FigureSpec> {
    CLASS_FIGURES.iter().map(|recipe| &recipe.spec)
}

/// What is measured of every run: one for runs as a whole, one for the steps of a load.
pub(super) trait Measured {
    /// The numbers that are kept.
    fn numbers(&self, study: &Study) -> Vec<KeptNumber>;

    /// Those of one run, in that order.
    fn numbers_of(&self, record: &RunRecord) -> Vec<Option<f64>>;
}

/// A run that is told by its figures and those of its classes.
pub(super) struct WholeRun;

impl Mode {
    fn measured(&self) -> &dyn Measured {
        match self {
            Mode::Grid | Mode::Tornado { .. } => &WholeRun,
            Mode::Hysteresis(steps) => steps,
        }
    }
}

/// The numbers that a study keeps of each run.
pub fn numbers(study: &Study) -> Vec<KeptNumber> {
    study.mode.measured().numbers(study)
}

/// The numbers of one run, in the order of [`numbers`].
pub fn numbers_of(study: &Study, record: &RunRecord) -> Vec<Option<f64>> {
    study.mode.measured().numbers_of(record)
}

impl Measured for WholeRun {
    fn numbers(&self, study: &Study) -> Vec<KeptNumber> {
        let mut numbers: Vec<KeptNumber> =
            run_specs().map(|spec| KeptNumber { name: spec.name.to_owned(), spec, class: None }).collect();
        for class in &study.classes {
            let of_class = |spec: &'static FigureSpec| KeptNumber {
                name: class_column(class, spec.name),
                spec,
                class: Some(class.clone()),
            };
            numbers.extend(class_specs().map(of_class));
        }
        numbers
    }

    fn numbers_of(&self, record: &RunRecord) -> Vec<Option<f64>> {
        let mut kept: Vec<Option<f64>> = RUN_FIGURES.iter().map(|recipe| (recipe.value)(record)).collect();
        let blame = blame_of(record.classes.iter());
        kept.extend((0..BLAME_FIGURES.len()).map(|wait| blame.map(|blame| blame[wait])));
        let of_class =
            |class: &ClassRecord| CLASS_FIGURES.iter().map(|recipe| (recipe.value)(class)).collect::<Vec<_>>();
        kept.extend(record.classes.iter().flat_map(of_class));
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn every_kept_number_has_its_column() {
        let record = fixtures::record("threads", 0);
        let classes: Vec<String> = record.classes.iter().map(|class| class.name.clone()).collect();
        let study = Study {
            version: String::new(),
            title: String::new(),
            mode: Mode::Grid,
            settings: vec![],
            points: vec![],
            worlds: vec![],
            classes,
            open: true,
        };
        let (numbers, kept) = (numbers(&study), numbers_of(&study, &record));
        assert_eq!(numbers.len(), kept.len());
        let value = |name: &str| kept[numbers.iter().position(|number| number.name == name).unwrap()];
        assert_eq!(value("requests_sent"), Some(1000.0));
        let own_wait = record.latency.sum_ns() as f64 / record.latency.count() as f64;
        let blamed: f64 = BLAME_FIGURES.iter().filter_map(|spec| value(spec.name)).sum();
        assert!((blamed - own_wait).abs() < 1e-3, "blame adds up to the mean latency");
        assert_eq!(value("page.requests_ok"), Some(800.0));
        let mut names: Vec<&str> = numbers.iter().map(|number| number.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), numbers.len(), "no two columns share a name");
    }
}
