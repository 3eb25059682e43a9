//! A table as the result files have it: named columns of one kind each, and rows.

use super::study::Study;
use super::values::{self, read_number};

/// What a column holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // What has no comment is what it is called.
pub enum ColumnKind {
    Text,
    Integer,
    Number,
}

/// One value of a row.
#[derive(Clone, PartialEq, Debug)]
pub enum Cell {
    /// There is none.
    Nothing,
    /// Words.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Number(f64),
}

impl Cell {
    /// A number, or nothing.
    pub fn number(number: Option<f64>) -> Cell {
        number.filter(|number| number.is_finite()).map_or(Cell::Nothing, Cell::Number)
    }

    /// A count of things in memory.
    pub fn count(count: usize) -> Cell {
        Cell::Integer(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

/// Named columns and rows.
#[derive(Clone, PartialEq, Debug)]
pub struct SweepTable {
    /// Names, which end in the unit, and kinds.
    pub columns: Vec<(String, ColumnKind)>,
    /// Rows with a cell for each column.
    pub rows: Vec<Vec<Cell>>,
}

impl SweepTable {
    /// A table without rows.
    pub fn new(columns: &[(&str, ColumnKind)]) -> SweepTable {
        let mut table = SweepTable { columns: Vec::new(), rows: Vec::new() };
        table.add(columns);
        table
    }

    /// More columns to the right.
    pub fn add(&mut self, columns: &[(&str, ColumnKind)]) {
        self.columns.extend(columns.iter().map(|&(name, kind)| (name.to_owned(), kind)));
    }
}

/// The columns of a study's settings.
pub fn setting_columns(study: &Study) -> impl Iterator<Item = (String, ColumnKind)> {
    study.settings.iter().map(|column| {
        let kind = match column.kind {
            values::ValueKind::Text => ColumnKind::Text,
            values::ValueKind::Count
            | values::ValueKind::Number
            | values::ValueKind::Duration
            | values::ValueKind::Rate => ColumnKind::Number,
        };
        (format!("{}{}", column.key, column.kind.suffix()), kind)
    })
}

/// The value of a setting, in the unit of its column.
pub fn setting_cell(kind: values::ValueKind, text: &str) -> Cell {
    match kind {
        values::ValueKind::Text => Cell::Text(text.to_owned()),
        _ => Cell::number(read_number(text).map(|number| number.value)),
    }
}
