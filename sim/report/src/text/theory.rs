//! What theory says beside what is simulated, in a few lines for each world.

use lab::theory::{Bound, Claim, Panel, Prediction};
use lab::{Estimate, Group, Unit};

use super::{layout, number};

/// An approximation that is further off than this, and not by chance, is called a poor one.
const POOR: f64 = 0.1;
/// A throughput that much above what can be served was not all served before the last arrival.
const LATER: f64 = 1.005;

/// The panels of all worlds, with a heading.
pub fn theory_text(panels: &[Panel], width: usize) -> String {
    let mut text = "Theory\n".to_owned();
    for panel in panels {
        for (at, line) in panel_lines(panel).iter().enumerate() {
            text += &indented(line, if at == 0 { 2 } else { 4 }, width);
        }
    }
    text
}

/// What is said of one world: the law, or why there is none, then each prediction and the bound.
pub(crate) fn panel_lines(panel: &Panel) -> Vec<String> {
    let mut lines = vec![law_line(panel)];
    if let Ok(claim) = &panel.law {
        lines.extend(claim.predictions.iter().map(|prediction| prediction_line(prediction, claim)));
    }
    lines.extend(panel.bound.as_ref().map(bound_line));
    lines
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
        Some(false) if prediction.off().is_some_and(|off| off.abs() > POOR) => "; a poor approximation here",
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

#[cfg(test)]
mod tests {
    use lab::precision::figure;
    use lab::theory::Refusal;

    use super::*;

    fn estimate(mean: f64, half: f64) -> Estimate {
        Estimate { mean, low: Some(mean - half), high: Some(mean + half), n: 20 }
    }

    fn claimed(approximation: Option<&str>, simulated: Estimate) -> Panel {
        let spec = figure("latency_mean_ns").expect("the table has it");
        let predictions = vec![Prediction { spec, predicted: 200e6, simulated: Some(simulated) }];
        let approximation = approximation.map(str::to_owned);
        let law = Ok(Claim { law: "M/M/1 for the one slot".to_owned(), approximation, predictions });
        Panel { world: "threads".to_owned(), law, bound: None }
    }

    #[test]
    fn a_law_that_the_runs_do_not_follow_is_not_passed_over() {
        let line = |panel: Panel| theory_text(&[panel], 10_000).lines().nth(2).expect("a prediction").to_owned();
        let good = line(claimed(None, estimate(201e6, 3e6)));
        assert_eq!(good, "    mean latency: 200 ms predicted, 201 ms ±3 simulated, +0.5 %");
        assert!(line(claimed(None, estimate(230e6, 3e6))).ends_with("is the warm-up long enough?"));
        assert!(line(claimed(Some("why"), estimate(230e6, 3e6))).ends_with("+15.0 %; a poor approximation here"));
        assert!(line(claimed(Some("why"), estimate(210e6, 3e6))).ends_with("+5.0 %"));
    }

    #[test]
    fn a_refusal_is_a_sentence_and_a_bound_says_what_is_asked_for() {
        let bound = Bound {
            most: 100.0,
            why: "10 slots, busy for 100 ms a request".to_owned(),
            offered: Some(85.0),
            in_this_run: 140.0,
            simulated: Some(estimate(85.1, 0.4)),
        };
        let panel = Panel { world: "threads".to_owned(), law: Err(Refusal::Refresh), bound: Some(bound.clone()) };
        let said = "Theory\n  threads: no law applies, because requests refresh.\n    throughput: at most 100 /s (10 slots, busy for \
                    100 ms a request); 85.0 /s are asked for, 85.0 % of that; 85.1 /s ±0.4 simulated\n";
        assert_eq!(theory_text(std::slice::from_ref(&panel), 10_000), said);
        let late = Bound { simulated: Some(estimate(120.0, 0.4)), offered: Some(130.0), ..bound.clone() };
        assert!(bound_line(&late).ends_with("simulated, some of it after the last arrival"));
        let broken = Bound { simulated: Some(estimate(150.0, 0.4)), offered: None, ..bound };
        assert!(bound_line(&broken).ends_with("simulated, beyond its bound"));
    }
}
