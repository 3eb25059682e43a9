//! Tables as files for other programs: CSV, JSON, JSON Lines and Parquet, histograms as HdrHistogram prints them, and the dictionary of their columns.
//!
//! The same table makes the same bytes on every machine: numbers are written as short as they can be read back exactly, and
//! nothing knows the date, or in which order runs ended.

pub mod csv;
pub mod dictionary;
pub mod figures;
pub mod hgrm;
pub mod lines;
pub mod parquet;
pub mod requests;
pub mod series;
pub mod stream;

use lab::sweep::table::{ColumnKind, SweepTable};

/// A column of a table that is the same for every scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name, which ends in the unit.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnKind,
    /// Its unit, for the dictionary.
    pub unit: &'static str,
    /// What it means, for the dictionary.
    pub doc: &'static str,
}

impl Column {
    /// A table of such columns, without rows.
    pub fn table(columns: &[Column]) -> SweepTable {
        let columns = columns.iter().map(|column| (column.name.to_owned(), column.kind)).collect();
        SweepTable { columns, rows: Vec::new() }
    }
}

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// One JSON array of objects.
    Json,
    /// One JSON object a line.
    Lines,
    /// Parquet, version 1, without compression.
    Parquet,
}

impl Format {
    /// All.
    pub const ALL: [Format; 4] = [Format::Csv, Format::Json, Format::Lines, Format::Parquet];
    /// Those that a sweep writes if nobody says which.
    pub const OF_SWEEPS: [Format; 3] = [Format::Csv, Format::Lines, Format::Parquet];

    /// What its files' names end in.
    pub fn ending(self) -> &'static str {
        match self {
            Format::Csv => "csv",
            Format::Json => "json",
            Format::Lines => "jsonl",
            Format::Parquet => "parquet",
        }
    }

    /// A table as a file's bytes.
    ///
    /// # Errors
    /// What the Parquet writer complains of.
    pub fn write(self, table: &SweepTable) -> Result<Vec<u8>, parquet::ParquetError> {
        match self {
            Format::Csv => Ok(csv::csv(table).into_bytes()),
            Format::Json if table.rows.is_empty() => Ok(b"[]\n".to_vec()),
            Format::Json => Ok(format!("[{}\n]\n", lines::members(table, true)).into_bytes()),
            Format::Lines => Ok(lines::lines(table).into_bytes()),
            Format::Parquet => parquet::parquet(table),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    use lab::sweep::table::{Cell, ColumnKind, SweepTable};

    /// A table with every kind of cell, and what has to be quoted.
    pub(crate) fn table() -> SweepTable {
        let mut table = SweepTable::new(&[
            ("point", ColumnKind::Integer),
            ("world", ColumnKind::Text),
            ("client.users.rate_rps", ColumnKind::Number),
            ("latency_p99_ns", ColumnKind::Number),
        ]);
        let text = |text: &str| Cell::Text(text.to_owned());
        table.rows.push(vec![Cell::Integer(1), text("a, \"b\""), Cell::Number(0.1), Cell::Number(1.5e9)]);
        table.rows.push(vec![Cell::Integer(-2), text("é\nü"), Cell::Number(1.0 / 3.0), Cell::Nothing]);
        table.rows.push(vec![Cell::Nothing, Cell::Nothing, Cell::Number(1e-9), Cell::Number(0.0)]);
        table
    }
}
