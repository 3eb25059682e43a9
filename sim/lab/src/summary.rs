//! All numbers of one world over its replications.

use engine::record::{ClassRecord, RunRecord};

use crate::figure::{
    BLAME_FIGURES, CLASS_FIGURES, CONNECTION_FIGURES, Figure, FigureGroup, GROUP_FIGURES, POOL_FIGURES, RUN_FIGURES,
    Recipe, VALUE_FIGURES, blame_of,
};
use crate::overload::{Overload, overload_of};

/// All replications of one world.
#[derive(Clone, Debug)]
pub struct WorldResult {
    /// Name of the world.
    pub name: String,
    /// One record per replication, by number.
    pub records: Vec<RunRecord>,
}

/// All numbers of one world.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Name of the world.
    pub world: String,
    /// Replications it is made of.
    pub replications: u32,
    /// Whether it runs event loops of asyncio.
    pub loops: bool,
    /// Whether its queue grows for as long as the runs last; then its latencies do.
    pub overload: Option<Overload>,
    /// The run as a whole: one per row of [`RUN_FIGURES`], in its order; those about trouble and sharing only if there was any.
    pub figures: Vec<Figure>,
    /// What good responses of all classes waited for; only what was ever waited for, in `Wait::ALL` order.
    pub blame: Vec<Figure>,
    /// The classes, in model order.
    pub classes: Vec<ClassSummary>,
    /// The groups of clients, in model order: one figure per row of [`GROUP_FIGURES`].
    pub groups: Vec<SharedSummary>,
    /// The pools, in model order: one figure per row of [`POOL_FIGURES`].
    pub pools: Vec<SharedSummary>,
    /// The shared values, in model order: one figure per row of [`VALUE_FIGURES`].
    pub values: Vec<SharedSummary>,
    /// The declared connections, in model order: one figure per row of [`CONNECTION_FIGURES`].
    pub connections: Vec<SharedSummary>,
}

/// All numbers of one group of clients, pool, shared value or connection in one world.
#[derive(Clone, PartialEq, Debug)]
pub struct SharedSummary {
    /// Its name.
    pub name: String,
    /// Its figures, in the order of their table.
    pub figures: Vec<Figure>,
}

/// All numbers of one class in one world.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassSummary {
    /// Name of the class.
    pub name: String,
    /// One per row of [`CLASS_FIGURES`], in its order.
    pub figures: Vec<Figure>,
    /// What its good responses waited for; only what was ever waited for, in `Wait::ALL` order.
    pub blame: Vec<Figure>,
}

impl Summary {
    /// Sums up the replications of one world, in whatever order they come.
    ///
    /// # Panics
    /// If there is no record, or if the records are not replications of each other.
    pub fn of(records: &[RunRecord]) -> Summary {
        let mut records: Vec<&RunRecord> = records.iter().collect();
        records.sort_by_key(|record| record.replication);
        let first = *records.first().expect("a summary needs at least one replication");
        for record in &records {
            assert!(record.world == first.world, "summary of two worlds: {} and {}", first.world, record.world);
            let classes = record.classes.len();
            assert!(classes == first.classes.len(), "replications of {} differ in their classes", first.world);
        }
        let figure = |recipe: &'static Recipe<RunRecord>| {
            Figure::new(&recipe.spec, records.iter().map(|record| (recipe.value)(record)).collect())
        };
        Summary {
            world: first.world.clone(),
            loops: first.loops,
            replications: u32::try_from(records.len()).expect("replications are counted by u32"),
            overload: overload_of(records.iter().copied()),
            figures: RUN_FIGURES
                .iter()
                .map(figure)
                .filter(|figure| {
                    let rare = matches!(figure.spec.group, FigureGroup::Resilience | FigureGroup::Sharing);
                    !rare || figure.estimate.is_some()
                })
                .collect(),
            blame: blame(&records, |record| &record.classes),
            classes: (0..first.classes.len()).map(|class| ClassSummary::of(&records, class)).collect(),
            groups: shared(&records, |record| &record.groups, &GROUP_FIGURES, |group| &group.name),
            pools: shared(&records, |record| &record.pools, &POOL_FIGURES, |pool| &pool.name),
            values: shared(&records, |record| &record.values, &VALUE_FIGURES, |value| &value.name),
            connections: shared(&records, |record| &record.connections, &CONNECTION_FIGURES, |one| &one.name),
        }
    }

    /// The number of that name, if there is one.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        find(&self.figures, name)
    }

    /// Mean of the number of that name over the replications that had it.
    pub fn mean(&self, name: &str) -> Option<f64> {
        self.figure(name)?.mean()
    }
}

impl ClassSummary {
    fn of(records: &[&RunRecord], class: usize) -> ClassSummary {
        let figure = |recipe: &'static Recipe<ClassRecord>| {
            Figure::new(&recipe.spec, records.iter().map(|record| (recipe.value)(&record.classes[class])).collect())
        };
        ClassSummary {
            name: records[0].classes[class].name.clone(),
            figures: CLASS_FIGURES.iter().map(figure).collect(),
            blame: blame(records, |record| &record.classes[class..=class]),
        }
    }

    /// The number of that name, if there is one.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        find(&self.figures, name)
    }
}

impl SharedSummary {
    /// The number of that name, if there is one.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        find(&self.figures, name)
    }
}

/// One summary for each of the things of a kind that records have, all in the same order.
fn shared<R>(
    records: &[&RunRecord],
    of: impl Fn(&RunRecord) -> &[R],
    recipes: &'static [Recipe<R>],
    name: impl Fn(&R) -> &str,
) -> Vec<SharedSummary> {
    let figures = |at: usize| {
        let values = |recipe: &Recipe<R>| records.iter().map(|record| (recipe.value)(&of(record)[at])).collect();
        recipes.iter().map(|recipe| Figure::new(&recipe.spec, values(recipe))).collect()
    };
    let things = of(records[0]).iter().enumerate();
    things.map(|(at, thing)| SharedSummary { name: name(thing).to_owned(), figures: figures(at) }).collect()
}

fn find<'a>(figures: &'a [Figure], name: &str) -> Option<&'a Figure> {
    figures.iter().find(|figure| figure.spec.name == name)
}

/// What good responses of the given classes waited for, without what nobody ever waited for.
fn blame(records: &[&RunRecord], classes: impl Fn(&RunRecord) -> &[ClassRecord]) -> Vec<Figure> {
    let per_record: Vec<_> = records.iter().map(|record| blame_of(classes(record).iter())).collect();
    BLAME_FIGURES
        .iter()
        .enumerate()
        .map(|(wait, spec)| Figure::new(spec, per_record.iter().map(|blame| blame.map(|blame| blame[wait])).collect()))
        .filter(|figure| figure.values.iter().flatten().any(|&mean| mean > 0.0))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;
    use crate::series::world_series;

    #[test]
    fn figures_are_means_over_replications() {
        let records: Vec<_> = (0..3).map(|replication| fixtures::record("threads", replication)).collect();
        let summary = Summary::of(&records);
        assert_eq!(summary.replications, 3);
        assert_eq!(summary.mean("requests_sent"), Some(1000.0));
        assert_eq!(summary.mean("syn_drops"), Some(43.0));
        let p50 = summary.figure("latency_p50_ns").unwrap();
        assert_eq!(p50.estimate.unwrap().n, 3);
        assert!(p50.values[0] < p50.values[1] && p50.values[1] < p50.values[2]);
    }

    #[test]
    fn only_what_was_waited_for_is_blamed() {
        let summary = Summary::of(&[fixtures::record("threads", 0)]);
        let names: Vec<&str> = summary.blame.iter().map(|figure| figure.spec.name).collect();
        assert_eq!(names, ["slot_mean_ns", "peer_mean_ns"]);
        let page = &summary.classes[0];
        assert_eq!(page.name, "page");
        assert_eq!(page.blame[1].mean(), Some(30e6));
        assert_eq!(page.figure("requests_ok").unwrap().mean(), Some(800.0));
    }

    #[test]
    fn a_world_without_good_responses_has_no_latency_and_no_blame() {
        let summary = Summary::of(&[fixtures::empty("threads", 0), fixtures::empty("threads", 1)]);
        assert_eq!(summary.figure("latency_p99_ns").unwrap().estimate, None);
        assert!(summary.blame.is_empty());
    }

    proptest! {
        #[test]
        fn merging_in_any_order_gives_the_same_bits(order in Just((0..7).collect::<Vec<u32>>()).prop_shuffle()) {
            let record = |&number: &u32| fixtures::record("threads", number);
            let sorted: Vec<_> = [0, 1, 2, 3, 4, 5, 6].iter().map(record).collect();
            let shuffled: Vec<_> = order.iter().map(record).collect();
            prop_assert_eq!(Summary::of(&sorted), Summary::of(&shuffled));
            prop_assert_eq!(world_series(&sorted), world_series(&shuffled));
        }
    }
}
