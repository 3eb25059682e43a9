//! A plain table: words to the left, numbers to the right, their margins under each other.

use crate::words::number::Written;

/// Blanks between two columns.
const GAP: usize = 3;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum ColumnCell {
    /// Words, set to the left.
    Words(String),
    /// A number with its margin, set to the right.
    Number(Written),
}

impl ColumnCell {
    pub(super) fn words(text: impl Into<String>) -> ColumnCell {
        ColumnCell::Words(text.into())
    }

    /// A value that stands to the right and has no margin.
    pub(super) fn right(text: impl Into<String>) -> ColumnCell {
        ColumnCell::Number(Written { value: text.into(), margin: None })
    }

    fn value(&self) -> &str {
        match self {
            ColumnCell::Words(text) => text,
            ColumnCell::Number(written) => &written.value,
        }
    }

    fn margin(&self) -> &str {
        match self {
            ColumnCell::Words(_) => "",
            ColumnCell::Number(written) => written.margin.as_deref().unwrap_or(""),
        }
    }
}

/// Lays out rows under their heads, indented by two.
pub(super) fn table(heads: &[&str], rows: &[Vec<ColumnCell>]) -> String {
    let width = |text: &str| text.chars().count();
    let most = |at: usize, of: &dyn Fn(&ColumnCell) -> usize| rows.iter().map(|row| of(&row[at])).max().unwrap_or(0);
    let is_words = |at: usize| rows.iter().any(|row| matches!(row[at], ColumnCell::Words(_)));
    let widths: Vec<(usize, usize)> = (0..heads.len())
        .map(|at| {
            let (value, margin) = (most(at, &|cell| width(cell.value())), most(at, &|cell| width(cell.margin())));
            let margin = if margin > 0 { margin + 1 } else { 0 };
            (value.max(width(heads[at]).saturating_sub(margin)), margin)
        })
        .collect();
    let blanks = |count: usize| " ".repeat(count);
    let mut text = String::new();
    let mut line = |cells: Vec<String>| {
        let cells: Vec<String> = cells;
        text += format!("  {}", cells.join(&blanks(GAP))).trim_end();
        text.push('\n');
    };
    let head = |at: usize| {
        let (value, margin) = widths[at];
        let rest = blanks(value + margin - width(heads[at]));
        if is_words(at) { format!("{}{rest}", heads[at]) } else { over_numbers(heads[at], value, margin) }
    };
    line((0..heads.len()).map(head).collect());
    for row in rows {
        let cell = |(at, cell): (usize, &ColumnCell)| {
            let (value, margin) = widths[at];
            let lead = blanks(value - width(cell.value()));
            let tail = blanks(margin.saturating_sub(width(cell.margin()) + usize::from(!cell.margin().is_empty())));
            match cell {
                ColumnCell::Words(text) => format!("{text}{lead}{}", blanks(margin)),
                ColumnCell::Number(written) => {
                    let margin = written.margin.as_ref().map_or(String::new(), |margin| format!(" {margin}"));
                    format!("{lead}{}{margin}{tail}", written.value)
                }
            }
        };
        line(row.iter().enumerate().map(cell).collect());
    }
    text
}

/// A head that ends with the numbers, or as far to the right of them as it needs.
fn over_numbers(head: &str, value: usize, margin: usize) -> String {
    let width = head.chars().count();
    let right = (value + margin - width).min(margin);
    format!("{}{head}{}", " ".repeat(value + margin - width - right), " ".repeat(right))
}
