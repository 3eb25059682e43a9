//! Which rows a comparison has, and which world's value is the best: everything about the table but its layout.

use lab::comparison::COMPARABLE_SUCCESS;
use lab::figure::{BLAME_FIGURES, CLASS_FIGURES, RUN_FIGURES};
use lab::{Better, Comparison, Figure, FigureGroup, FigureSpec, SharedSummary, Summary, Unit};

use super::overload::GROWS;
use crate::words::carriers::CarrierWord;
use crate::words::number::{self, Written};

/// What is told of a class in a table; data files have more.
const CLASS_ROWS: [&str; 8] = [
    "requests_sent",
    "success_share",
    "latency_p50_ns",
    "latency_p99_ns",
    "latency_max_ns",
    "slowdown_jain_index",
    "slowdown_mean_ratio",
    "slowdown_max_ratio",
];

/// A line of the table.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum TableLine {
    /// The title of the rows beneath, set in by so many steps.
    Heading(usize, String),
    /// A number of every world.
    Row(TextRow),
}

/// A number of every world.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct TextRow {
    /// What the number is.
    pub label: String,
    /// Steps that the label is set in.
    pub indent: usize,
    /// Its value in each world; `None` where there is none.
    pub cells: Vec<Option<Written>>,
    /// The world that does best, if one clearly does.
    pub best: Option<usize>,
}

/// The lines of a comparison, group by group; rows that tell nothing are left out.
pub(crate) fn lines(comparison: &Comparison) -> Vec<TableLine> {
    let worlds = &comparison.worlds;
    let mut lines = Vec::new();
    for group in FigureGroup::ALL {
        let rows = match group {
            FigureGroup::Users if !users_differ_from_requests(worlds) => Vec::new(),
            FigureGroup::Blame => blame_rows(worlds),
            FigureGroup::Outcome
            | FigureGroup::Latency
            | FigureGroup::Users
            | FigureGroup::Resilience
            | FigureGroup::Resources => run_rows(worlds, group),
            FigureGroup::Sharing => [run_rows(worlds, group), shared_rows(worlds)].concat(),
            FigureGroup::Fairness => [run_rows(worlds, group), class_rows(worlds), pool_rows(worlds)].concat(),
        };
        if !rows.is_empty() {
            lines.push(TableLine::Heading(0, group.label().to_owned()));
            lines.extend(rows);
        }
    }
    lines
}

/// Without refreshes every user is one request, and the group would repeat the outcome.
fn users_differ_from_requests(worlds: &[Summary]) -> bool {
    worlds.iter().any(|world| {
        world.mean("users_came") != world.mean("requests_sent")
            || world.mean("users_served") != world.mean("requests_ok")
    })
}

fn run_rows(worlds: &[Summary], group: FigureGroup) -> Vec<TableLine> {
    let grows = worlds.iter().any(|world| world.overload.is_some());
    let specs = RUN_FIGURES.iter().map(|recipe| &recipe.spec);
    let specs = specs.filter(|spec| {
        spec.group == group && (grows || spec.name != "inside_growth_rps") && spec.name != "inside_growth_ratio"
    });
    specs.filter_map(|spec| row(worlds, spec, 1, |world| world.figure(spec.name))).map(TableLine::Row).collect()
}

/// Each class under its own heading; a single class would repeat the rows above.
fn class_rows(worlds: &[Summary]) -> Vec<TableLine> {
    let mut names: Vec<&str> = Vec::new();
    for class in worlds.iter().flat_map(|world| &world.classes) {
        if !names.contains(&class.name.as_str()) {
            names.push(&class.name);
        }
    }
    if names.len() < 2 {
        return Vec::new();
    }
    let mut lines = Vec::new();
    for name in names {
        lines.push(TableLine::Heading(1, format!("class {name}")));
        let specs = CLASS_FIGURES.iter().map(|recipe| &recipe.spec).filter(|spec| CLASS_ROWS.contains(&spec.name));
        let rows = specs.filter_map(|spec| {
            let figure = |world: &'_ Summary| world.classes.iter().position(|class| class.name == name);
            row(worlds, spec, 2, |world| world.classes[figure(world)?].figure(spec.name))
        });
        lines.extend(rows.map(TableLine::Row));
    }
    lines
}

/// Each pool that anybody waited for under its own heading.
fn pool_rows(worlds: &[Summary]) -> Vec<TableLine> {
    let pools = worlds.first().map_or(&[][..], |world| &world.pools);
    let mut lines = Vec::new();
    for (at, pool) in pools.iter().enumerate() {
        let of = |world: &'_ Summary, spec: &FigureSpec| world.pools.get(at)?.figure(spec.name)?.mean();
        let waited = |figure: &Figure| worlds.iter().any(|world| of(world, figure.spec).is_some_and(|mean| mean > 0.0));
        if !pool.figures.iter().any(waited) {
            continue;
        }
        lines.push(TableLine::Heading(1, format!("pool {}", pool.name)));
        let figures = pool.figures.iter();
        let rows = figures
            .filter_map(|figure| row(worlds, figure.spec, 2, |world| world.pools.get(at)?.figure(figure.spec.name)));
        lines.extend(rows.map(TableLine::Row));
    }
    lines
}

/// Each shared value and connection under its own heading; a single one would repeat the rows above.
fn shared_rows(worlds: &[Summary]) -> Vec<TableLine> {
    type Of = fn(&Summary) -> &[SharedSummary];
    let kinds: [(&str, Of); 2] = [("value", |world| &world.values), ("connection", |world| &world.connections)];
    let mut lines = Vec::new();
    for (kind, of) in kinds {
        let things = worlds.first().map_or(&[][..], of);
        for (at, thing) in things.iter().enumerate().filter(|_| things.len() > 1) {
            lines.push(TableLine::Heading(1, format!("{kind} {}", thing.name)));
            let rows = thing
                .figures
                .iter()
                .filter_map(|figure| row(worlds, figure.spec, 2, |world| of(world).get(at)?.figure(figure.spec.name)));
            lines.extend(rows.map(TableLine::Row));
        }
    }
    lines
}

/// A part of the mean latency below this share of it is not worth a line.
const SHARE_MIN: f64 = 1e-5;

/// What any world waited for; a world that did not wait for it shows nothing, in time.
fn blame_rows(worlds: &[Summary]) -> Vec<TableLine> {
    let total = |world: &Summary| world.blame.iter().filter_map(Figure::mean).sum::<f64>();
    let matters =
        |world: &Summary, index: usize| world.blame[index].mean().is_some_and(|mean| mean >= SHARE_MIN * total(world));
    let find = |world: &Summary, spec: &FigureSpec| world.blame.iter().position(|figure| figure.spec == spec);
    let specs = BLAME_FIGURES
        .iter()
        .filter(|spec| worlds.iter().any(|world| find(world, spec).is_some_and(|at| matters(world, at))));
    let cells = |spec: &FigureSpec| {
        let cell = |world: &Summary| match find(world, spec) {
            Some(index) => written(&world.blame[index]),
            None if world.blame.is_empty() => None,
            None => Some(Written { value: number::value(spec.unit, 0.0), margin: None }),
        };
        worlds.iter().map(cell).collect()
    };
    let word = CarrierWord::of_worlds(worlds);
    specs
        .map(|spec| TableLine::Row(TextRow { label: word.told(spec.label), indent: 1, cells: cells(spec), best: None }))
        .collect()
}

/// One row, unless there is nothing to tell: no world has the number, or it counts misfortunes and nobody had any.
fn row<'a>(
    worlds: &'a [Summary],
    spec: &FigureSpec,
    indent: usize,
    figure: impl Fn(&'a Summary) -> Option<&'a Figure>,
) -> Option<TextRow> {
    let figures: Vec<Option<&Figure>> = worlds.iter().map(figure).collect();
    let means: Vec<f64> = figures.iter().flatten().filter_map(|figure| figure.mean()).collect();
    // That no update is lost is what one wants to read.
    let misfortune = spec.better == Better::Less
        && spec.group != FigureGroup::Sharing
        && matches!(spec.unit, Unit::Count | Unit::Nanoseconds);
    if means.is_empty() || misfortune && means.iter().all(|&mean| mean == 0.0) {
        return None;
    }
    let cell = |(figure, world): (&Option<&Figure>, &Summary)| {
        let written = figure.and_then(written)?;
        let grows = world.overload.is_some() && spec.name.starts_with("latency_");
        Some(if grows { written.marked(GROWS) } else { written })
    };
    Some(TextRow {
        label: CarrierWord::of_worlds(worlds).told(spec.label),
        indent,
        cells: figures.iter().zip(worlds).map(cell).collect(),
        best: best(worlds, spec, &figures),
    })
}

fn written(figure: &Figure) -> Option<Written> {
    figure.estimate.map(|estimate| number::estimate(figure.spec.unit, &estimate))
}

/// The world whose value is better than every other's, with no overlap of the intervals.
fn best(worlds: &[Summary], spec: &FigureSpec, figures: &[Option<&Figure>]) -> Option<usize> {
    let sign = match spec.better {
        Better::More => 1.0,
        Better::Less => -1.0,
        Better::Neither => return None,
    };
    // Turned so that more is better: (world, worst end, best end).
    let mut ranges: Vec<(usize, f64, f64)> = Vec::new();
    for (world, figure) in figures.iter().enumerate() {
        let Some(estimate) = figure.and_then(|figure| figure.estimate) else { continue };
        let ends = [estimate.low, estimate.high].map(|end| end.unwrap_or(estimate.mean) * sign);
        ranges.push((world, ends[0].min(ends[1]), ends[0].max(ends[1])));
    }
    let &(winner, worst_end, _) = ranges.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let beaten = ranges.iter().all(|&(world, _, best_end)| world == winner || best_end < worst_end);
    let comparable = !matches!(spec.group, FigureGroup::Latency | FigureGroup::Fairness)
        || same_success(&worlds.iter().collect::<Vec<_>>());
    (ranges.len() > 1 && beaten && comparable).then_some(winner)
}

/// Whether the worlds answered about the same share of requests well, so that their good responses can be compared.
pub(crate) fn same_success(worlds: &[&Summary]) -> bool {
    let shares = worlds.iter().map(|world| world.mean("success_share").unwrap_or(0.0));
    let (least, most) = shares.fold((1.0_f64, 0.0_f64), |(least, most), share| (least.min(share), most.max(share)));
    most - least <= COMPARABLE_SUCCESS
}
