//! Rows held against runs.

use crate::estimate::{Estimate, paired_ratio};
use crate::figure::Unit;

use super::row::{Check, Reading, Row};

/// How a row came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
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
pub enum Said {
    /// A number.
    Number(Unit, Estimate),
    /// Several, in the order of the row.
    Numbers(Unit, Vec<Estimate>),
    /// None, and why.
    Nothing(&'static str),
}

/// A row with what was simulated.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The row.
    pub row: &'static Row,
    /// What the simulation says.
    pub said: Said,
    /// Whether it is in the row's band.
    pub verdict: Verdict,
}

/// A number taken from runs, replication by replication.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Which.
    pub reading: Reading,
    /// Its value in each replication, in their order.
    pub values: Vec<Option<f64>>,
}

/// The different runs that rows need, each once, in the rows' order.
pub fn runs(rows: &[&'static Row]) -> Vec<Reading> {
    let mut runs: Vec<Reading> = Vec::new();
    for reading in rows.iter().flat_map(|row| row.check.readings()) {
        if !runs.iter().any(|run| run.shares_runs(&reading)) {
            runs.push(reading);
        }
    }
    runs
}

/// Holds a row against what was taken from the runs.
pub fn judge(row: &'static Row, taken: &[Taken]) -> Judged {
    let values = |reading: &Reading| -> &[Option<f64>] {
        taken.iter().find(|taken| taken.reading == *reading).map_or(&[], |taken| &taken.values)
    };
    let estimate = |reading: &Reading| {
        let known: Vec<f64> = values(reading).iter().copied().flatten().collect();
        Estimate::of(&known)
    };
    let unit = |reading: &Reading| reading.recipe().map_or(Unit::Count, |recipe| recipe.spec.unit);
    const NONE: Said = Said::Nothing("the runs have no such number");
    let (said, verdict) = match &row.check {
        Check::Value(reading, band) => match estimate(reading) {
            Some(found) => (Said::Number(unit(reading), found), inside(band.holds(found.mean))),
            None => (NONE, Verdict::Outside),
        },
        Check::Calibrated(reading, _) => match estimate(reading) {
            Some(found) => (Said::Number(unit(reading), found), Verdict::Shown),
            None => (NONE, Verdict::Outside),
        },
        Check::Among(reading, draw) => match estimate(reading) {
            Some(found) => {
                let known = || values(reading).iter().copied().flatten();
                let among = known().any(|value| value <= *draw) && known().any(|value| value >= *draw);
                (Said::Number(unit(reading), found), inside(among))
            }
            None => (NONE, Verdict::Outside),
        },
        Check::Ratio(over, under, band) => match paired_ratio(values(under), values(over)) {
            Some(found) => (Said::Number(Unit::Ratio, found), inside(band.holds(found.mean))),
            None => (NONE, Verdict::Outside),
        },
        Check::Shape(readings, shape) => {
            let found: Vec<Estimate> = readings.iter().filter_map(estimate).collect();
            let means: Vec<f64> = found.iter().map(|one| one.mean).collect();
            let whole = found.len() == readings.len();
            let unit = readings.first().map_or(Unit::Count, unit);
            (Said::Numbers(unit, found), inside(whole && shape.holds(&means)))
        }
        Check::Doubt(asked) => {
            let found: Vec<Estimate> = asked.readings().iter().filter_map(estimate).collect();
            let told = matches!(found[..], [with, without] if with.mean >= 1.0 && without.mean == 0.0);
            (Said::Numbers(Unit::Count, found), inside(told))
        }
        Check::NotYet(why) => (Said::Nothing(why), Verdict::NotYet),
        Check::Stated(file) => (Said::Nothing(file), Verdict::Shown),
    };
    Judged { row, said, verdict }
}

fn inside(holds: bool) -> Verdict {
    if holds { Verdict::Inside } else { Verdict::Outside }
}

impl Judged {
    /// Whether nothing is wrong with it.
    pub fn holds(&self) -> bool {
        matches!(self.verdict, Verdict::Inside | Verdict::Shown)
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::Asked;
    use super::*;

    const ASKED: Asked = Asked { scenario: "s.toml", kind: "lost-update", mistake: &["a=1"], cure: &["a=2"] };
    static ROW: Row = Row { key: "X", what: "", published: "", flaw: "", check: Check::Doubt(ASKED) };

    #[test]
    fn a_doubt_is_told_of_the_mistake_and_not_of_the_cure() {
        let verdict = |counts: [f64; 2]| {
            let taken = ASKED.readings().into_iter().zip(counts);
            let taken: Vec<Taken> =
                taken.map(|(reading, count)| Taken { reading, values: vec![Some(count)] }).collect();
            judge(&ROW, &taken).verdict
        };
        assert_eq!(verdict([1.0, 0.0]), Verdict::Inside);
        assert_eq!(verdict([0.0, 0.0]), Verdict::Outside, "the mistake is not seen");
        assert_eq!(verdict([1.0, 1.0]), Verdict::Outside, "the cure is called a mistake");
        assert_eq!(judge(&ROW, &[]).verdict, Verdict::Outside, "nobody asked");
    }
}
