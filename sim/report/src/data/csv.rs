//! A table as comma-separated values after RFC 4180, with a line of names; what is missing is empty.

use lab::sweep::table::{Cell, SweepTable};

/// The file's text.
pub fn csv(table: &SweepTable) -> String {
    head(table) + &rows(table)
}

/// The line of names.
pub(super) fn head(table: &SweepTable) -> String {
    let names: Vec<String> = table.columns.iter().map(|(name, _)| quoted(name)).collect();
    names.join(",") + "\n"
}

/// A line for each row.
pub(super) fn rows(table: &SweepTable) -> String {
    let mut text = String::new();
    for row in &table.rows {
        let cells: Vec<String> = row.iter().map(cell).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => String::new(),
        Cell::Text(text) => quoted(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
    }
}

/// A text in quotation marks if it needs them.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) || text.is_empty() {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_must_and_numbers_are_exact() {
        let lines = [
            "point,world,client.users.rate_rps,latency_p99_ns",
            "1,\"a, \"\"b\"\"\",0.1,1500000000",
            "-2,\"é\nü\",0.3333333333333333,",
            ",,0.000000001,0",
        ];
        assert_eq!(csv(&crate::data::fixture::table()), lines.join("\n") + "\n");
    }
}
