//! The gallery: every figure that the field reports publish, beside what the simulation says.
//!
//! A [`GalleryRow`] is data: a key of the reports' list, the figure as it was printed, which runs to look at, which number of them to take,
//! and the band it has to be in. No row holds an outcome of ours. What cannot be simulated yet stands in the table with its reason and
//! counts as outside.
//! Bands follow one rule for all reports, set before any run: exact for orders and counts, 2 % for laws and failure counts, 25 % for
//! rates after one constant per report was calibrated on one row, which is shown and not judged.

mod asyncio;
mod gunicorn;
mod json;
mod judge;
mod mixpanel;
mod page;
mod pinterest;
mod redis_pool;
mod row;
mod startup;
mod text;
mod versions;
mod wayfair;
mod window;

pub use json::gallery_json;
pub use judge::{Evidence, JudgedRow, RowAnswer, Standing, Taken, judge, runs};
pub use page::{Incident, gallery_page};
pub use row::{Check, DoubtCase, GalleryRow, Reading, Shape, Tolerance, WantedReading};
pub use text::gallery_table;
pub use window::{Extract, Stretch};

/// The reports, by the letter that their rows' keys begin with.
pub const REPORTS: [(char, &str); 8] = [
    ('A', "Mixpanel, \"gevent: the Good, the Bad, the Ugly\" (2010)"),
    ('B', "\"Save the day with gevent\""),
    ('C', "Pinterest, \"How we use gevent to go fast\" (2013)"),
    ('D', "Wayfair, blocking I/O in gevent"),
    ('E', "\"10x faster gevent Redis connection pool\""),
    ('F', "gunicorn's issue on keep-alive slots"),
    ('G', "Public questions about asyncio's servers"),
    ('H', "What older releases do"),
];

/// All rows, by report.
pub fn rows() -> Vec<&'static GalleryRow> {
    let reports: [&'static [GalleryRow]; 8] = [
        &mixpanel::ROWS,
        &startup::ROWS,
        &pinterest::ROWS,
        &wayfair::ROWS,
        &redis_pool::ROWS,
        &gunicorn::ROWS,
        &asyncio::ROWS,
        &versions::ROWS,
    ];
    reports.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_item_of_the_reports_has_a_row() {
        let items = [("A", 27), ("B", 19), ("C", 16), ("D", 13), ("E", 11), ("F", 1), ("G", 6), ("H", 3)];
        let keys: BTreeSet<&str> =
            rows().iter().map(|row| row.key.split('/').next().expect("a split has a first part")).collect();
        for (report, count) in items {
            for number in 1..=count {
                let key = format!("{report}{number}");
                assert!(keys.contains(key.as_str()), "{key} has no row");
            }
        }
    }

    #[test]
    fn no_two_rows_share_a_key() {
        let keys: BTreeSet<&str> = rows().iter().map(|row| row.key).collect();
        assert_eq!(keys.len(), rows().len());
    }

    #[test]
    fn every_row_takes_a_figure_that_there_is() {
        for row in rows() {
            for wanted in row.check.wanted() {
                assert!(wanted.unit().is_some(), "{}: no figure is called {}", row.key, wanted.reading.figure);
            }
        }
    }
}
