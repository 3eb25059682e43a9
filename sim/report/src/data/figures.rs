//! Every figure of every world as a table: one row for each, with the mean over the replications and its interval.

use lab::sweep::table::{Cell, ColumnKind, SweepTable};
use lab::{Comparison, Figure, Summary};

use super::Column;
use crate::json::rounded;

/// Its columns.
pub const COLUMNS: [Column; 9] = [
    Column { name: "world", kind: ColumnKind::Text, unit: "text", doc: "Name of the world." },
    Column {
        name: "scope",
        kind: ColumnKind::Text,
        unit: "text",
        doc: "What the figure is of: `all` requests, or a `class`, `group` of clients, shared `value` or `connection`.",
    },
    Column {
        name: "name",
        kind: ColumnKind::Text,
        unit: "text",
        doc: "Which class, group, value or connection; nothing for `all`.",
    },
    Column { name: "figure", kind: ColumnKind::Text, unit: "text", doc: "Name of the figure; it ends in its unit." },
    Column {
        name: "mean",
        kind: ColumnKind::Number,
        unit: "see `unit`",
        doc: "Mean over the replications that have a value.",
    },
    Column {
        name: "low",
        kind: ColumnKind::Number,
        unit: "see `unit`",
        doc: "Lower end of the 95 % interval of the mean.",
    },
    Column { name: "high", kind: ColumnKind::Number, unit: "see `unit`", doc: "Upper end of that interval." },
    Column { name: "n", kind: ColumnKind::Integer, unit: "count", doc: "Replications that have a value." },
    Column { name: "unit", kind: ColumnKind::Text, unit: "text", doc: "Unit of `mean`, `low` and `high`." },
];

/// The table, world by world in the order of the scenario. Numbers have twelve significant digits, as in the JSON document.
pub fn figures_table(comparison: &Comparison) -> SweepTable {
    let mut table = Column::table(&COLUMNS);
    for world in &comparison.worlds {
        for (scope, name, figures) in parts(world) {
            let row = |figure| row(&world.world, scope, name, figure);
            table.rows.extend(figures.iter().map(row));
        }
    }
    table
}

/// What a world has figures of: the run and its blame, each class and its blame, and what is shared.
fn parts(world: &Summary) -> Vec<(&'static str, Option<&str>, &[Figure])> {
    type Part<'a> = (&'static str, Option<&'a str>, &'a [Figure]);
    let mut parts: Vec<Part<'_>> = vec![("all", None, &world.figures[..]), ("all", None, &world.blame[..])];
    for class in &world.classes {
        parts.push(("class", Some(&class.name), &class.figures));
        parts.push(("class", Some(&class.name), &class.blame));
    }
    let shared = [
        ("group", &world.groups),
        ("pool", &world.pools),
        ("value", &world.values),
        ("connection", &world.connections),
    ];
    for (scope, things) in shared {
        parts.extend(things.iter().map(|thing| (scope, Some(thing.name.as_str()), &thing.figures[..])));
    }
    parts
}

fn row(world: &str, scope: &str, name: Option<&str>, figure: &Figure) -> Vec<Cell> {
    let text = |text: &str| Cell::Text(text.to_owned());
    let estimate = figure.estimate.as_ref();
    let number = |number: Option<f64>| Cell::number(number.map(rounded));
    vec![
        text(world),
        text(scope),
        name.map_or(Cell::Nothing, text),
        text(figure.spec.name),
        number(estimate.map(|estimate| estimate.mean)),
        number(estimate.and_then(|estimate| estimate.low)),
        number(estimate.and_then(|estimate| estimate.high)),
        Cell::Integer(estimate.map_or(0, |estimate| i64::from(estimate.n))),
        text(figure.spec.unit.symbol()),
    ]
}

#[cfg(test)]
mod tests {
    use lab::{WorldResult, fixtures};

    use super::*;
    use crate::data::csv::csv;

    fn comparison() -> Comparison {
        let world = |name: &str| WorldResult {
            name: name.to_owned(),
            records: (0..3).map(|number| fixtures::record(name, number)).collect(),
        };
        Comparison::of(&[world("threads"), world("a, \"b\"")])
    }

    #[test]
    fn every_figure_of_every_world_and_class_has_a_row() {
        let comparison = comparison();
        let table = figures_table(&comparison);
        let count = |world: &Summary| parts(world).iter().map(|(_, _, figures)| figures.len()).sum::<usize>();
        assert_eq!(table.rows.len(), comparison.worlds.iter().map(count).sum::<usize>());
        let text = csv(&table);
        assert!(
            text.starts_with("world,scope,name,figure,mean,low,high,n,unit\nthreads,all,,requests_sent,1000,"),
            "{text}"
        );
        assert!(text.contains("\nthreads,class,page,latency_p50_ns,"), "{text}");
        assert!(text.contains("\n\"a, \"\"b\"\"\",all,,slot_mean_ns,"), "{text}");
    }

    #[test]
    fn a_figure_that_no_replication_has_is_a_row_of_nothing() {
        let records = vec![fixtures::empty("threads", 0), fixtures::empty("threads", 1)];
        let comparison = Comparison::of(&[WorldResult { name: "threads".to_owned(), records }]);
        let text = csv(&figures_table(&comparison));
        assert!(text.contains("\nthreads,all,,latency_p99_ns,,,,0,ns\n"), "{text}");
    }
}
