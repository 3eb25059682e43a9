//! The comparison of worlds as a table, with a finding in words beneath.

use lab::Comparison;

use super::{Style, finding::finding, layout, rows};
use crate::words::wrap;

/// The comparison with one column per world, or one block per world where the width does not suffice for that.
///
/// A value is the best of its row if its interval overlaps no other's. Latencies and slowdowns have a best only where
/// the worlds answered about as many requests well: else the slowest may be missing from one of them.
pub fn comparison_table(comparison: &Comparison, style: Style) -> String {
    let names: Vec<&str> = comparison.worlds.iter().map(|world| world.world.as_str()).collect();
    let mut text = layout::table(&names, &rows::lines(comparison), style);
    let replications = comparison.worlds.iter().map(|world| world.replications).max().unwrap_or(0);
    if replications > 1 {
        let note = format!(
            "Means of {replications} replications; ± is half the width of the 95 % interval of what runs of this length have."
        );
        text += &format!("\n{}", wrap(&note, style.width));
    }
    text += &format!("\n{}", wrap(&finding(comparison), style.width));
    text
}
