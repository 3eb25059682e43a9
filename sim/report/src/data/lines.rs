//! A table as JSON Lines: one object a row, every column in every row; what is missing is null.

use lab::sweep::table::{Cell, SweepTable};

/// The file's text.
pub fn lines(table: &SweepTable) -> String {
    objects(table).iter().map(|object| format!("{object}\n")).collect()
}

/// The same as members of an array, whose first ones these may be.
pub(super) fn members(table: &SweepTable, first: bool) -> String {
    let lead = |at: usize| if first && at == 0 { "\n" } else { ",\n" };
    objects(table).iter().enumerate().map(|(at, object)| format!("{}{object}", lead(at))).collect()
}

/// An object for each row.
fn objects(table: &SweepTable) -> Vec<String> {
    let names: Vec<String> = table.columns.iter().map(|(name, _)| string(name)).collect();
    let object = |row: &Vec<Cell>| {
        let members: Vec<String> =
            names.iter().zip(row).map(|(name, value)| format!("{name}:{}", cell(value))).collect();
        format!("{{{}}}", members.join(","))
    };
    table.rows.iter().map(object).collect()
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Nothing => "null".to_owned(),
        Cell::Text(text) => string(text),
        Cell::Integer(number) => number.to_string(),
        Cell::Number(number) => number.to_string(),
    }
}

fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_an_object_with_every_column() {
        let text = lines(&crate::data::fixture::table());
        let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["world"], "a, \"b\"");
        assert_eq!(rows[0]["latency_p99_ns"], 1_500_000_000_u64);
        assert_eq!(rows[1]["world"], "é\nü");
        assert!(rows[1]["latency_p99_ns"].is_null() && rows[2]["point"].is_null());
        assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 4));
    }
}
