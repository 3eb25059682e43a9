//! The worlds beside each other: the rows of the text's table, as cells of the page's.

use lab::Comparison;

use crate::text::rows::{self, TableLine, TextRow};

/// A line of the table.
pub(crate) enum PageRow {
    /// The title of the rows beneath, and how far it is set in.
    Heading(usize, String),
    /// The name of a number, how far it is set in, and its value in each world.
    Row(usize, String, Vec<PageCell>),
}

/// A value of one world.
pub(crate) struct PageCell {
    /// Number and unit, or a dash.
    pub value: String,
    /// Half its interval, or nothing.
    pub margin: String,
    /// Whether it is clearly the best of its row.
    pub best: bool,
}

pub(crate) fn lines(comparison: &Comparison) -> Vec<PageRow> {
    rows::lines(comparison).into_iter().map(line).collect()
}

fn line(line: TableLine) -> PageRow {
    let TextRow { label, indent, cells, best } = match line {
        TableLine::Heading(depth, words) => return PageRow::Heading(depth, words),
        TableLine::Row(row) => row,
    };
    let cell = |(world, written): (usize, Option<crate::words::number::Written>)| match written {
        None => PageCell { value: "–".to_owned(), margin: String::new(), best: false },
        Some(written) => {
            PageCell { value: written.value, margin: written.margin.unwrap_or_default(), best: best == Some(world) }
        }
    };
    PageRow::Row(indent, label, cells.into_iter().enumerate().map(cell).collect())
}
