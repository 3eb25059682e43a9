//! Worlds beside each other, and each later one against the first, replication by replication.

use crate::estimate::{Estimate, paired_difference, paired_ratio};
use crate::figure::{Figure, FigureSpec};
use crate::summary::{Summary, WorldResult};

/// Success shares that differ by more than this make latencies incomparable: the slow ones may be missing from one.
pub const COMPARABLE_SUCCESS: f64 = 0.01;

/// Worlds beside each other.
#[derive(Clone, PartialEq, Debug)]
pub struct Comparison {
    /// The worlds, in the order of the scenario; the first is the one the others are held against.
    pub worlds: Vec<Summary>,
    /// Each later world against the first.
    pub differences: Vec<WorldDifference>,
}

/// One world against another.
#[derive(Clone, PartialEq, Debug)]
pub struct WorldDifference {
    /// Name of the world.
    pub world: String,
    /// Name of the world it is held against.
    pub base: String,
    /// The runs as wholes, in the order of [`crate::figure::RUN_FIGURES`], without what one of them never had.
    pub figures: Vec<Difference>,
    /// The classes that both have, in model order.
    pub classes: Vec<ClassDifference>,
}

/// One class in one world against another.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassDifference {
    /// Name of the class.
    pub name: String,
    /// In the order of [`crate::figure::CLASS_FIGURES`], without what one of them never had.
    pub figures: Vec<Difference>,
}

/// One number against another.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Difference {
    /// What the number is.
    pub spec: &'static FigureSpec,
    /// This world's minus the other's, paired by replication.
    pub difference: Estimate,
    /// This world's over the other's, paired by replication: geometric mean; `None` where one is never above zero.
    pub ratio: Option<Estimate>,
    /// Whether the interval of the difference leaves zero out; `None` for a single replication.
    pub excludes_zero: Option<bool>,
}

impl Comparison {
    /// Sums up every world and holds the later ones against the first.
    ///
    /// # Panics
    /// If a world has no record, or if the worlds' replications are not the same ones.
    pub fn of(results: &[WorldResult]) -> Comparison {
        for result in results {
            assert!(numbers(result) == numbers(&results[0]), "{} has other replications than the first", result.name);
        }
        let worlds: Vec<Summary> = results.iter().map(|result| Summary::of(&result.records)).collect();
        let differences = worlds.iter().skip(1).map(|world| WorldDifference::of(&worlds[0], world)).collect();
        Comparison { worlds, differences }
    }
}

/// The replications that a world has, ascending.
fn numbers(result: &WorldResult) -> Vec<u32> {
    let mut numbers: Vec<u32> = result.records.iter().map(|record| record.replication).collect();
    numbers.sort_unstable();
    numbers
}

impl WorldDifference {
    fn of(base: &Summary, world: &Summary) -> WorldDifference {
        let classes = world.classes.iter().filter_map(|class| {
            let base = base.classes.iter().find(|base| base.name == class.name)?;
            Some(ClassDifference { name: class.name.clone(), figures: differences(&base.figures, &class.figures) })
        });
        WorldDifference {
            world: world.world.clone(),
            base: base.world.clone(),
            figures: differences(&base.figures, &world.figures),
            classes: classes.collect(),
        }
    }

    /// The difference in the number of that name, if both worlds have it.
    pub fn figure(&self, name: &str) -> Option<&Difference> {
        self.figures.iter().find(|difference| difference.spec.name == name)
    }
}

fn differences(base: &[Figure], world: &[Figure]) -> Vec<Difference> {
    base.iter()
        .filter_map(|base| {
            let world = world.iter().find(|figure| figure.spec == base.spec)?;
            let difference = paired_difference(&base.values, &world.values)?;
            Some(Difference {
                spec: world.spec,
                difference,
                ratio: paired_ratio(&base.values, &world.values),
                excludes_zero: difference.excludes(0.0),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn world(name: &str, replications: u32, drops: impl Fn(u32) -> u64) -> WorldResult {
        let records = (0..replications).map(|number| {
            let mut record = fixtures::record(name, number);
            record.syn_drops = drops(number);
            record
        });
        WorldResult { name: name.to_owned(), records: records.collect() }
    }

    #[test]
    fn later_worlds_are_held_against_the_first() {
        let results = [
            world("a", 4, |k| 100 + 50 * u64::from(k)),
            world("b", 4, |k| 110 + 50 * u64::from(k)),
            world("c", 4, |_| 7),
        ];
        let comparison = Comparison::of(&results);
        assert_eq!(comparison.worlds.len(), 3);
        let names: Vec<_> = comparison.differences.iter().map(|d| (d.world.as_str(), d.base.as_str())).collect();
        assert_eq!(names, [("b", "a"), ("c", "a")]);
        // The replications spread by 150; the worlds always differ by 10: only pairing can see that.
        let drops = comparison.differences[0].figure("syn_drops").unwrap();
        assert_eq!(drops.difference, Estimate { mean: 10.0, low: Some(10.0), high: Some(10.0), n: 4 });
        assert_eq!(drops.excludes_zero, Some(true));
        let same = comparison.differences[0].figure("latency_p99_ns").unwrap();
        assert_eq!(same.excludes_zero, Some(false));
        assert_eq!(same.ratio.unwrap().mean, 1.0);
    }

    #[test]
    fn one_replication_excludes_nothing() {
        let comparison = Comparison::of(&[world("a", 1, |_| 3), world("b", 1, |_| 900)]);
        let drops = comparison.differences[0].figure("syn_drops").unwrap();
        assert_eq!((drops.difference.mean, drops.excludes_zero), (897.0, None));
    }

    #[test]
    fn what_one_world_lacks_has_no_difference() {
        let nothing = WorldResult { name: "b".to_owned(), records: vec![fixtures::empty("b", 0)] };
        let comparison = Comparison::of(&[world("a", 1, |_| 3), nothing]);
        assert!(comparison.differences[0].figure("latency_p99_ns").is_none());
        assert!(comparison.differences[0].figure("requests_ok").is_some());
        assert!(comparison.differences[0].classes.is_empty());
    }

    #[test]
    #[should_panic(expected = "other replications")]
    fn worlds_with_other_replications_are_not_compared() {
        Comparison::of(&[world("a", 2, |_| 3), world("b", 3, |_| 3)]);
    }
}
