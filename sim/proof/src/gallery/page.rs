//! The gallery as a page of Markdown: for each report its figures beside the simulated ones, and the plots of its scenarios.

use std::fmt::Write as _;

use super::text::{cells, summary};
use super::{JudgedRow, REPORTS};

/// A scenario of the gallery that was run as it stands.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Its file, beneath the folder of scenarios.
    pub scenario: &'static str,
    /// Its title.
    pub title: String,
    /// What it asks.
    pub question: Option<String>,
    /// Its plot, beside the page and without the ending.
    pub plot: String,
}

/// What begins the page.
const HEAD: &str = "\
# The incident gallery

Written by `cargo run --release -- gallery --out reports`; every change of the model shows here as a change of a number.
What the verdicts mean, what was calibrated and what is not met is told in [the gallery's documentation](../docs/gallery.md).
Predictions beside measured servers are in [validation/](validation/), see [validation](../docs/validation.md).
";

/// The page; plots stand under the report whose rows take numbers from their scenario first.
pub fn gallery_page(rows: &[JudgedRow], incidents: &[Incident]) -> String {
    let mut page = HEAD.to_owned();
    page += &summary(rows);
    let mut shown: Vec<&str> = Vec::new();
    for (letter, title) in REPORTS {
        let of_report: Vec<&JudgedRow> = rows.iter().filter(|judged| judged.row.key.starts_with(letter)).collect();
        if of_report.is_empty() {
            continue;
        }
        let _ = write!(page, "\n## {letter}. {title}\n\n");
        page += "| Key | What | Published | Simulated | Band | Verdict |\n|---|---|---|---|---|---|\n";
        for judged in &of_report {
            let cells = cells(judged).map(|cell| cell.replace('|', "\\|"));
            let _ = writeln!(page, "| {} |", cells.join(" | "));
        }
        let flawed = || of_report.iter().filter(|judged| !judged.row.flaw.is_empty());
        if flawed().next().is_some() {
            page += "\nWhat is to be known of the published figures:\n\n";
        }
        for judged in flawed() {
            let _ = writeln!(page, "- {}: {}", judged.row.key, judged.row.flaw);
        }
        for incident in incidents {
            let mut taken = of_report.iter().flat_map(|judged| judged.row.check.wanted());
            let is_its = taken.any(|wanted| wanted.reading.scenario == incident.scenario);
            if is_its && !shown.contains(&incident.scenario) {
                shown.push(incident.scenario);
                page += &shown_incident(incident);
            }
        }
    }
    page
}

fn shown_incident(incident: &Incident) -> String {
    let Incident { scenario, title, question, plot } = incident;
    let question = question.as_deref().unwrap_or_default();
    format!("\n### {title}\n\n{question}\n[scenarios/{scenario}](../scenarios/{scenario}).\n\n![{title}]({plot}.svg)\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::{Evidence, judge, rows};

    #[test]
    fn every_row_and_every_plot_stands_on_the_page_once() {
        let rows = rows();
        let judged: Vec<JudgedRow> = rows.iter().map(|row| judge(row, &Evidence::default())).collect();
        let incident = |scenario| Incident {
            scenario,
            title: "A | title".to_owned(),
            question: None,
            plot: "gallery/x".to_owned(),
        };
        let page = gallery_page(&judged, &[incident("wayfair/flush.toml"), incident("limits/ports.toml")]);
        for row in rows {
            assert_eq!(page.matches(&format!("\n| {} |", row.key)).count(), 1, "{}", row.key);
        }
        assert_eq!(page.matches("(gallery/x.svg)").count(), 2);
        assert!(page.contains("## D. ") && page.contains("- D10: "), "{page}");
    }
}
