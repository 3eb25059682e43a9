//! What stands on a page beside the numbers: verdicts on objectives, and what theory says.

use lab::attainable::Unattainable;
use lab::slo::{JudgedObjective, overall};
use lab::theory::TheoryPanel;

use super::{PageTable, Section};
use crate::text::attainable::sentences;
use crate::text::slo::{numbers, objective_words, verdict_words};
use crate::text::theory::panel_lines;

/// The verdicts as a section; none without objectives.
pub fn verdict_section(judged: &[JudgedObjective]) -> Option<Section> {
    if judged.is_empty() {
        return None;
    }
    let row = |one: &JudgedObjective| {
        let (value, interval) = numbers(one);
        let binds = if one.binds { "" } else { " (not counted)" };
        let verdict = format!("{}{binds}", verdict_words(one.verdict));
        (objective_words(&one.objective), vec![one.world.clone(), verdict, value, interval])
    };
    let head = ["objective", "world", "verdict", "value", "interval"].map(str::to_owned).to_vec();
    let caption = "Every objective in every world".to_owned();
    Some(Section {
        id: "objectives".to_owned(),
        heading: "Objectives".to_owned(),
        paragraphs: vec![format!("Together: {}.", verdict_words(overall(judged)))],
        tables: vec![PageTable { caption, head, rows: judged.iter().map(row).collect() }],
    })
}

/// Objectives that are out of reach, as a section; none if there are none.
pub fn attainable_section(unattainable: &[Unattainable]) -> Option<Section> {
    (!unattainable.is_empty()).then(|| Section {
        id: "attainable".to_owned(),
        heading: "Out of reach".to_owned(),
        paragraphs: sentences(unattainable),
        tables: Vec::new(),
    })
}

/// What theory says, as a section; none if it was not asked.
pub fn theory_section(panels: &[TheoryPanel]) -> Option<Section> {
    (!panels.is_empty()).then(|| Section {
        id: "theory".to_owned(),
        heading: "Theory".to_owned(),
        paragraphs: panels.iter().map(|panel| panel_lines(panel).join(" ")).collect(),
        tables: Vec::new(),
    })
}
