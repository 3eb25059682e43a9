//! The numbers that describe a run: each with its name, unit, meaning and how it is read from a record.
//!
//! One table for everyone (`figure/table.rs`): text, JSON and CSV print what stands there and cannot drift apart.
//! A name ends in its unit; a bare name is a count.

mod table;

pub use table::{
    BLAME_FIGURES, CLASS_FIGURES, CONNECTION_FIGURES, GROUP_FIGURES, POOL_FIGURES, RUN_FIGURES, VALUE_FIGURES,
};
pub(crate) use table::{blame_of, busiest_process_cpu, slowdown};

use crate::estimate::Estimate;

/// What a number is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// Things counted.
    Count,
    /// Part of a whole, 0 to 1.
    Share,
    /// Nanoseconds.
    Nanoseconds,
    /// Per second.
    PerSecond,
    /// An index between 0 and 1 that is no part of anything.
    Index,
    /// Times as much as something else.
    Ratio,
    /// Bytes of memory.
    Bytes,
}

impl Unit {
    /// How data files name it.
    pub fn symbol(self) -> &'static str {
        match self {
            Unit::Count => "count",
            Unit::Share => "share",
            Unit::Nanoseconds => "ns",
            Unit::PerSecond => "1/s",
            Unit::Index => "index",
            Unit::Ratio => "ratio",
            Unit::Bytes => "bytes",
        }
    }
}

/// Where a number stands in a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FigureGroup {
    /// How requests ended.
    Outcome,
    /// How long good responses took.
    Latency,
    /// What people rather than requests got.
    Users,
    /// What clients, breakers and balancers did about trouble; only where they did something.
    Resilience,
    /// What tasks did to values and connections that they share; only where there are any.
    Sharing,
    /// How busy servers were.
    Resources,
    /// How evenly waiting was spread.
    Fairness,
    /// What good responses waited for.
    Blame,
}

impl FigureGroup {
    /// All, in the order of a table.
    pub const ALL: [FigureGroup; 8] = [
        FigureGroup::Outcome,
        FigureGroup::Latency,
        FigureGroup::Users,
        FigureGroup::Resilience,
        FigureGroup::Sharing,
        FigureGroup::Resources,
        FigureGroup::Fairness,
        FigureGroup::Blame,
    ];

    /// Words for a table.
    pub fn label(self) -> &'static str {
        match self {
            FigureGroup::Outcome => "Outcome",
            FigureGroup::Latency => "Latency of good responses",
            FigureGroup::Users => "Users",
            FigureGroup::Resilience => "Retries, copies, breakers",
            FigureGroup::Sharing => "Shared values and connections",
            FigureGroup::Resources => "Resources",
            FigureGroup::Fairness => "Fairness",
            FigureGroup::Blame => "Where the time goes (mean per good response)",
        }
    }
}

/// Which way is good.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
    /// Neither: it describes.
    Neither,
}

/// What a number is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FigureSpec {
    /// Key in data files; ends in the unit.
    pub name: &'static str,
    /// Words for a table, beneath its group's heading.
    pub label: &'static str,
    /// What it is measured in.
    pub unit: Unit,
    /// Where it stands in a table.
    pub group: FigureGroup,
    /// Which way is good.
    pub better: Better,
    /// What it means, in a sentence.
    pub doc: &'static str,
}

/// A number and how to read it from one record.
pub struct Recipe<R: 'static> {
    /// What the number is.
    pub spec: FigureSpec,
    /// The number, or `None` where the record has none, such as a percentile of nothing.
    pub value: fn(&R) -> Option<f64>,
}

/// One number of one world, over its replications.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// What the number is.
    pub spec: &'static FigureSpec,
    /// Its value in each replication, in their order.
    pub values: Vec<Option<f64>>,
    /// Mean and interval; `None` if no replication had a value.
    pub estimate: Option<Estimate>,
}

impl Figure {
    /// A number from its value in each replication.
    pub fn new(spec: &'static FigureSpec, values: Vec<Option<f64>>) -> Figure {
        let known: Vec<f64> = values.iter().copied().flatten().collect();
        Figure { spec, values, estimate: Estimate::of(&known) }
    }

    /// Mean over the replications that had a value.
    pub fn mean(&self) -> Option<f64> {
        self.estimate.map(|estimate| estimate.mean)
    }
}
