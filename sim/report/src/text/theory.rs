//! What theory says beside what is simulated, in a few lines for each world.

use lab::theory::{Bound, Claim, Panel, Prediction};
use lab::{Estimate, Group, Unit};

use super::{layout, number};

/// A throughput that much above what can be served was not all served before the last arrival.
const LATER: f64 = 1.005;

/// The panels of all worlds, with a heading.
pub fn theory_text(panels: &[Panel], width: usize) -> String {
    let mut text = "Theory\n".to_owned();
    for panel in panels {
        text += &indented(&law_line(panel), 2, width);
        if let Ok(claim) = &panel.law {
            for prediction in &claim.predictions {
                text += &indented(&prediction_line(prediction, claim), 4, width);
            }
        }
        if let Some(bound) = &panel.bound {
            text += &indented(&bound_line(bound), 4, width);
        }
    }
    text
}

/// Wraps a paragraph and sets all of it in.
fn indented(paragraph: &str, by: usize, width: usize) -> String {
    let blanks = " ".repeat(by);
    let wrapped = layout::wrap(paragraph, width.saturating_sub(by).max(20));
    wrapped.lines().map(|line| format!("{blanks}{line}\n")).collect()
}

fn law_line(panel: &Panel) -> String {
    let world = &panel.world;
    match &panel.law {
        Err(refusal) => format!("{world}: no law applies, because {refusal}."),
        Ok(Claim { law, approximation: None, .. }) => format!("{world}: {law}."),
        Ok(Claim { law, approximation: Some(why), .. }) => format!("{world}: {law}, an approximation: {why}."),
    }
}

fn prediction_line(prediction: &Prediction, claim: &Claim) -> String {
    let spec = prediction.spec;
    let subject = match spec.group {
        Group::Latency => format!("{} latency", spec.label),
        _ => spec.label.to_owned(),
    };
    let predicted = number::value(spec.unit, prediction.predicted);
    let Some(simulated) = &prediction.simulated else {
        return format!("{subject}: {predicted} predicted, nothing simulated.");
    };
    let off = prediction.off().map_or(String::new(), |off| format!(", {:+.1} %", off * 100.0));
    let exact = claim.approximation.is_none();
    let verdict = match prediction.agrees() {
        Some(false) if exact => "; more than three standard errors off, so is the warm-up long enough?",
        Some(false) | Some(true) | None => "",
    };
    format!("{subject}: {predicted} predicted, {} simulated{off}{verdict}", written(spec.unit, simulated))
}

fn bound_line(bound: &Bound) -> String {
    let rate = |rps: f64| number::value(Unit::PerSecond, rps);
    let offered = bound.offered.map_or(String::new(), |offered| {
        let share = number::value(Unit::Share, offered / bound.most);
        format!("; {} are asked for, {share} of that", rate(offered))
    });
    let simulated = bound.simulated.as_ref();
    let said = simulated.map_or("nothing".to_owned(), |simulated| written(Unit::PerSecond, simulated));
    let later = simulated.is_some_and(|simulated| simulated.mean > bound.most * LATER);
    let note = match bound.holds() {
        Some(false) => ", beyond its bound",
        _ if later => ", some of it after the last arrival",
        _ => "",
    };
    format!("throughput: at most {} ({}){offered}; {said} simulated{note}", rate(bound.most), bound.why)
}

fn written(unit: Unit, estimate: &Estimate) -> String {
    let written = number::estimate(unit, estimate);
    match written.margin {
        Some(margin) => format!("{} {margin}", written.value),
        None => written.value,
    }
}
