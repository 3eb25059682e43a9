//! Rows held against runs.

use lab::estimate::{Estimate, paired_ratio};
use lab::figure::Unit;

use crate::measured::median;

use super::row::{Check, GalleryRow, Reading, WantedReading};

/// How a row came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// In its band.
    Inside,
    /// Not in its band, or without a number.
    Outside,
    /// Shown, not judged: the report's constant comes from here, or there is no outcome to judge.
    Shown,
    /// It cannot be simulated yet; counts as outside.
    NotYet,
}

/// What the simulation says to a row.
#[derive(Clone, PartialEq, Debug)]
pub enum RowAnswer {
    /// A number.
    Number(Unit, Estimate),
    /// Several, in the order of the row.
    Numbers(Unit, Vec<Estimate>),
    /// What was said, in order.
    Order(Vec<String>),
    /// None, and why.
    Nothing(&'static str),
}

/// A row with what was simulated.
#[derive(Clone, Debug)]
pub struct JudgedRow {
    /// The row.
    pub row: &'static GalleryRow,
    /// What the simulation says.
    pub said: RowAnswer,
    /// Whether it is in the row's band.
    pub verdict: Standing,
}

/// A number taken from runs, replication by replication.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub wanted: WantedReading,
    /// Its value in each replication, in their order.
    pub values: Vec<Option<f64>>,
}

/// What rows are judged by.
#[derive(Clone, Default, Debug)]
pub struct Evidence {
    /// Numbers of runs.
    pub taken: Vec<Taken>,
    /// What scheduling programs said, by their files.
    pub orders: Vec<(&'static str, Vec<String>)>,
    /// How many doubts of a kind the checker has, by what was asked.
    pub doubts: Vec<(Reading, f64)>,
}

/// The different runs that rows need, each once, in the rows' order.
pub fn runs(rows: &[&'static GalleryRow]) -> Vec<Reading> {
    let mut runs: Vec<Reading> = Vec::new();
    for WantedReading { reading, .. } in rows.iter().flat_map(|row| row.check.wanted()) {
        if !runs.iter().any(|run| run.shares_runs(&reading)) {
            runs.push(reading);
        }
    }
    runs
}

const NONE: RowAnswer = RowAnswer::Nothing("the runs have no such number");

/// Holds a row against what was taken from the runs.
pub fn judge(row: &'static GalleryRow, evidence: &Evidence) -> JudgedRow {
    let wanted = row.check.wanted();
    let values = |at: usize| -> &[Option<f64>] {
        let found = evidence.taken.iter().find(|taken| Some(&taken.wanted) == wanted.get(at));
        found.map_or(&[], |taken| &taken.values)
    };
    let known = |at: usize| values(at).iter().copied().flatten();
    let estimate = |at: usize| Estimate::of(&known(at).collect::<Vec<f64>>());
    let unit = wanted.first().and_then(WantedReading::unit).unwrap_or(Unit::Count);
    let number = |unit: Unit, found: Option<Estimate>, holds: &dyn Fn(Estimate) -> Standing| match found {
        Some(found) => (RowAnswer::Number(unit, found), holds(found)),
        None => (NONE, Standing::Outside),
    };
    let (said, verdict) = match &row.check {
        Check::Value(_, band) => number(unit, estimate(0), &|found| inside(band.holds(found.mean))),
        Check::Calibrated(..) => number(unit, estimate(0), &|_| Standing::Shown),
        Check::Among(_, draw) => {
            let among = known(0).any(|value| value <= *draw) && known(0).any(|value| value >= *draw);
            number(unit, estimate(0), &|_| inside(among))
        }
        Check::Middle(_, band) => {
            let runs: Vec<f64> = known(0).collect();
            let middle = (!runs.is_empty()).then(|| median(&runs));
            number(unit, alone(middle, runs.len()), &|found| inside(band.holds(found.mean)))
        }
        Check::Share(_, most, band) => {
            let (runs, so_many) = (known(0).count(), known(0).filter(|value| value <= most).count());
            let share = (runs > 0).then(|| so_many as f64 / runs as f64);
            number(Unit::Share, alone(share, runs), &|found| inside(band.holds(found.mean)))
        }
        Check::Ratio(_, _, band) => {
            number(Unit::Ratio, paired_ratio(values(1), values(0)), &|found| inside(band.holds(found.mean)))
        }
        Check::Shape(_, shape) | Check::Course(_, shape) => {
            let found: Vec<Estimate> = (0..wanted.len()).filter_map(estimate).collect();
            let means: Vec<f64> = found.iter().map(|one| one.mean).collect();
            let whole = found.len() == wanted.len();
            (RowAnswer::Numbers(unit, found), inside(whole && shape.holds(&means)))
        }
        Check::Doubt(asked) => {
            let count = |of: &Reading| evidence.doubts.iter().find(|(other, _)| other == of).map(|(_, count)| *count);
            let found: Vec<Estimate> = asked.readings().iter().filter_map(|of| Estimate::of(&[count(of)?])).collect();
            let told = matches!(found[..], [with, without] if with.mean >= 1.0 && without.mean == 0.0);
            (RowAnswer::Numbers(Unit::Count, found), inside(told))
        }
        Check::Order(program, published) => match evidence.orders.iter().find(|(of, _)| of == program) {
            Some((_, said)) => (RowAnswer::Order(said.clone()), inside(said == published)),
            None => (RowAnswer::Nothing("the program was not run"), Standing::Outside),
        },
        Check::NotYet(why) => (RowAnswer::Nothing(why), Standing::NotYet),
        Check::Stated(file) => (RowAnswer::Nothing(file), Standing::Shown),
    };
    JudgedRow { row, said, verdict }
}

/// A number that so many replications give together.
fn alone(value: Option<f64>, replications: usize) -> Option<Estimate> {
    value.map(|mean| Estimate { mean, low: None, high: None, n: replications as u32 })
}

fn inside(holds: bool) -> Standing {
    if holds { Standing::Inside } else { Standing::Outside }
}

impl JudgedRow {
    /// Whether nothing is wrong with it.
    pub fn holds(&self) -> bool {
        matches!(self.verdict, Standing::Inside | Standing::Shown)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::DoubtCase;
    use super::*;

    const ASKED: DoubtCase = DoubtCase { scenario: "s.toml", kind: "lost-update", mistake: &["a=1"], cure: &["a=2"] };
    static ROW: GalleryRow = GalleryRow { key: "X", what: "", published: "", flaw: "", check: Check::Doubt(ASKED) };

    #[test]
    fn a_doubt_is_told_of_the_mistake_and_not_of_the_cure() {
        let verdict = |counts: [f64; 2]| {
            let doubts = ASKED.readings().into_iter().zip(counts).collect();
            judge(&ROW, &Evidence { doubts, ..Evidence::default() }).verdict
        };
        assert_eq!(verdict([1.0, 0.0]), Standing::Inside);
        assert_eq!(verdict([0.0, 0.0]), Standing::Outside, "the mistake is not seen");
        assert_eq!(verdict([1.0, 1.0]), Standing::Outside, "the cure is called a mistake");
        assert_eq!(judge(&ROW, &Evidence::default()).verdict, Standing::Outside, "nobody asked");
    }

    #[test]
    fn an_order_is_the_published_one_and_nothing_else() {
        static ROW: GalleryRow = GalleryRow {
            key: "X1",
            what: "",
            published: "",
            flaw: "",
            check: Check::Order("x.json", &["12", "56", "34"]),
        };
        let verdict = |said: &[&str]| {
            let said = said.iter().map(|&word| word.to_owned()).collect();
            judge(&ROW, &Evidence { orders: vec![("x.json", said)], ..Evidence::default() }).verdict
        };
        assert_eq!(verdict(&["12", "56", "34"]), Standing::Inside);
        assert_eq!(verdict(&["12", "56", "34", "78"]), Standing::Outside);
        assert_eq!(judge(&ROW, &Evidence::default()).verdict, Standing::Outside);
    }
}
