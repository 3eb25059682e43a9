//! The data dictionary: every column of the result files of a sweep and of an export, its unit and what it means.
//!
//! Made from the tables that the numbers themselves come from, so it cannot name a column that is not there.

use lab::FigureSpec;
use lab::sweep::numbers::{class_specs, run_specs};
use lab::sweep::updown::STEP_FIGURES;

use super::Column;
use super::figures;
use super::requests;
use super::series;

/// The document, in Markdown.
pub fn dictionary() -> String {
    let mut text = HEAD.to_owned();
    text += "\n## Numbers of a run\n\n";
    text += &specs(run_specs(), "");
    text += "\n## Numbers of a class of requests\n\n";
    text += "One column for each class of the scenario: `page.latency_p99_ns` for the class `page`.\n\n";
    text += &specs(class_specs(), "CLASS.");
    text += "\n## Numbers of a step of `--hysteresis`\n\n";
    text += "They stand in the place of all others, one row for each step of the load.\n\n";
    text += &specs(STEP_FIGURES.iter(), "");
    text += EXPORTS;
    text += "\n### `requests`: a row for each request\n\n";
    text += "Requests that were sent in the warm-up are left out, as in all figures.\n\n";
    text += &columns(&[&requests::COLUMNS[..], &requests::BILL[..]].concat());
    text += "\n### `series`: a row for each step of a run\n\n";
    text += "The warm-up is in it; steps are as long as those of the plots.\n\n";
    text += &columns(&series::COLUMNS);
    text += "\n### `summary`: a row for each figure\n\n";
    text += "The same as `tailback run --format csv`. Figures are those of the tables above, with those of `--json` beside them.\n\n";
    text += &columns(&figures::COLUMNS);
    text
}

fn columns(columns: &[Column]) -> String {
    let mut text = "| Column | Unit | Meaning |\n|---|---|---|\n".to_owned();
    for column in columns {
        text += &format!("| `{}` | {} | {} |\n", column.name, column.unit, column.doc);
    }
    text
}

/// What leads the tables of an export.
const EXPORTS: &str = "
## Tables of `tailback export`

Each as CSV, JSON, JSON Lines and Parquet with the same columns; [exports](exports.md) says how to make and read them.
Instants count from the start of the run.
";

fn specs<'a>(specs: impl Iterator<Item = &'a FigureSpec>, prefix: &str) -> String {
    let mut text = "| Column | Unit | Meaning |\n|---|---|---|\n".to_owned();
    for spec in specs {
        text += &format!("| `{prefix}{}` | {} | {} |\n", spec.name, spec.unit.symbol(), spec.doc);
    }
    text
}

/// What leads every row.
const HEAD: &str = "# Data dictionary

Made from the tables of the program; do not edit it by hand.
`TAILBACK_BLESS=1 cargo test -p report dictionary` makes it anew.

`tailback sweep` writes `runs` (one row for each point, world and replication) and `summary` (one row for each point and world), each as CSV, JSON Lines and Parquet, or as JSON, with the same columns.
A name ends in its unit: `_ns` nanoseconds, `_rps` per second, `_share` 0 to 1, `_index` 0 to 1, `_ratio` times, `_bytes` bytes; a bare name is a count.
What a run has no value for, such as a percentile of nothing, is empty in CSV and null elsewhere.

## Columns that lead a row

| Column | In | Type | Meaning |
|---|---|---|---|
| `point` | both | whole number | The combination of values, from 1. |
| the path of a setting | both | number or text | Its value at the point; durations end in `_ns`, rates in `_rps`. |
| `world` | both | text | Name of the world. |
| `replication` | runs | whole number | Number of the replication, from 0: the same people come to every world and point. |
| `seed` | runs | whole number | Seed of the run, which with the replication makes it again; one beyond 2^63 stands as a negative number. |
| `failure` | runs | text | Why the run did not come to its end; nothing if it did. |
| `replications` | summary | whole number | Replications of the point. |
| `failed` | summary | whole number | Those that did not come to their end, which are left out of the means. |
| `step`, `direction`, `offered_rps` | both, `--hysteresis` | number, text, number | Step of the load from 1, `up` or `down`, and the load itself. |
| `metastable` | summary, `--hysteresis` | text | `yes` where significantly fewer requests are answered well on the way down. |

In `summary` each number below has three columns: `mean_`, `low_` and `high_` with its name behind, the mean over the replications that have a value and the ends of its 95 % interval.
A single replication has a mean and no interval.
";

#[cfg(test)]
mod tests {
    use super::*;

    /// The document under `docs/` is what the program says.
    #[test]
    fn the_dictionary_in_docs_is_the_one_that_is_made() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/data-dictionary.md");
        if std::env::var_os("TAILBACK_BLESS").is_some() {
            std::fs::write(&path, dictionary()).unwrap();
        }
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            written == dictionary(),
            "TAILBACK_BLESS=1 cargo test -p report dictionary makes docs/data-dictionary.md anew"
        );
    }
}
