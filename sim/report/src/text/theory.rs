//! What theory says beside what is simulated, in a few lines for each world.

use lab::theory::{Ceiling, Claim, LatencyFloor, Little, Prediction, StationKind, TheoryPanel};
use lab::{Estimate, FigureGroup, Unit};

use crate::words::number;
use crate::words::wrap;

/// An approximation that is further off than this, and not by chance, is called a poor one.
const POOR: f64 = 0.1;
/// A throughput that much above what can be served for long needs a word.
const MORE: f64 = 1.005;

/// The panels of all worlds, with a heading.
pub fn theory_text(panels: &[TheoryPanel], width: usize) -> String {
    let mut text = "Theory\n".to_owned();
    for panel in panels {
        for (at, line) in panel_lines(panel).iter().enumerate() {
            text += &indented(line, if at == 0 { 2 } else { 4 }, width);
        }
    }
    text
}

/// What is said of one world: the law, or why there is none, then each prediction and the bound.
pub(crate) fn panel_lines(panel: &TheoryPanel) -> Vec<String> {
    let mut lines = vec![law_line(panel)];
    if let Ok(claim) = &panel.law {
        lines.extend(claim.predictions.iter().map(|prediction| prediction_line(prediction, claim)));
    }
    if let Some(bound) = &panel.bound {
        lines.push(bound_line(bound));
        lines.extend(bound.little.as_ref().map(little_line));
        lines.extend(bound.latency.as_ref().map(floor_line));
    }
    lines
}

/// Wraps a paragraph and sets all of it in.
fn indented(paragraph: &str, by: usize, width: usize) -> String {
    let blanks = " ".repeat(by);
    let wrapped = wrap(paragraph, width.saturating_sub(by).max(20));
    wrapped.lines().map(|line| format!("{blanks}{line}\n")).collect()
}

fn law_line(panel: &TheoryPanel) -> String {
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
        FigureGroup::Latency => format!("{} latency", spec.label),
        _ => spec.label.to_owned(),
    };
    let predicted = number::value(spec.unit, prediction.predicted);
    let Some(simulated) = &prediction.simulated else {
        return format!("{subject}: {predicted} predicted, nothing simulated.");
    };
    let off = prediction.off().map_or(String::new(), |off| format!(", {:+.1} %", off * 100.0));
    let exact = claim.approximation.is_none();
    let verdict = match prediction.agrees() {
        Some(false) if !prediction.settled => {
            "; the runs are too short to tell: a few requests that hardly ever come make much of it"
        }
        Some(false) if exact => "; more than three standard errors off, so is the warm-up long enough?",
        Some(false) if prediction.off().is_some_and(|off| off.abs() > POOR) => "; a poor approximation here",
        Some(false) | Some(true) | None => "",
    };
    format!("{subject}: {predicted} predicted, {} simulated{off}{verdict}", written(spec.unit, simulated))
}

fn bound_line(bound: &Ceiling) -> String {
    let rate = |rps: f64| number::value(Unit::PerSecond, rps);
    let offered = bound.offered.map_or(String::new(), |offered| {
        let share = number::value(Unit::Share, offered / bound.most);
        format!("; {} are asked for, {share} of that", rate(offered))
    });
    let simulated = bound.simulated.as_ref();
    let said = simulated.map_or("nothing".to_owned(), |simulated| written(Unit::PerSecond, simulated));
    let more = simulated.is_some_and(|simulated| simulated.mean > bound.most * MORE);
    let note = match bound.holds() {
        Some(false) => ", beyond its bound",
        _ if more => ", some of it from what was there before, or from those who need less of that",
        _ => "",
    };
    format!("throughput: at most {} ({}){offered}; {said} simulated{note}", rate(bound.most), bound.why)
}

/// Little's law where something runs out: `150 /s x 2.99 s want 449 slots; there are 128`.
pub fn little_words(little: &Little) -> String {
    let rate = number::value(Unit::PerSecond, little.rate);
    let each = match little.of {
        StationKind::Uplink => format!("{} bytes", number::grouped(little.each, 0)),
        _ => number::value(Unit::Nanoseconds, little.each * 1e9),
    };
    // Hardly more than there are is said with as many digits as tell it from that.
    let (want, have) = (little.want(), little.have);
    let digits = if want.round() > have { 0 } else { 2 };
    let verb = if have == 1.0 { "is" } else { "are" };
    let want = if digits == 0 { want.round() } else { want };
    let (want, have) = (number::grouped(want, digits), number::grouped(have, 0));
    format!("{rate} x {each} want {want} {}; there {verb} {have}", little.units())
}

/// What `check` says of a world that cannot carry its load: what is wrong, why, and what it takes; `None` for one that can.
pub fn overload_words(world: &str, bound: &Ceiling) -> Option<[String; 3]> {
    let little = bound.little.as_ref().filter(|little| little.rate > bound.in_this_run)?;
    let rate = |rps: f64| number::value(Unit::PerSecond, rps);
    let (most, come) = (rate(bound.most), rate(little.rate));
    let what = format!("world `{world}` cannot carry its load: {come} come, and at most {most} can be served");
    Some([what, bound.why.clone(), little_words(little)])
}

fn little_line(little: &Little) -> String {
    let seen = if little.seen { ", as long as each was held in the runs, waits included" } else { "" };
    format!("{}: {}{seen}", runs_out(little), little_words(little))
}

/// What there is too little of.
fn runs_out(little: &Little) -> String {
    match (&little.of, little.of.of()) {
        (StationKind::Pool(name), _) => format!("pool {name} runs out"),
        (StationKind::Lock(name), _) => format!("lock {name} is always held"),
        (StationKind::Peer(name), _) => format!("peer {name} is full"),
        (_, Some(name)) => format!("{} of {name} run out", little.units()),
        (_, None) => format!("{} run out", little.units()),
    }
}

fn floor_line(floor: &LatencyFloor) -> String {
    let time = |seconds: f64| number::value(Unit::Nanoseconds, seconds * 1e9);
    let simulated = floor.simulated.as_ref();
    let said = simulated.map_or("nothing".to_owned(), |simulated| written(Unit::Nanoseconds, simulated));
    format!("mean latency: at least {} in the long run ({}); {said} simulated", time(floor.least), floor.why)
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

    fn claimed(approximation: Option<&str>, simulated: Estimate) -> TheoryPanel {
        let spec = figure("latency_mean_ns").expect("the table has it");
        let predictions = vec![Prediction { spec, predicted: 200e6, simulated: Some(simulated), settled: true }];
        let approximation = approximation.map(str::to_owned);
        let law = Ok(Claim { law: "M/M/1 for the one slot".to_owned(), approximation, predictions });
        TheoryPanel { world: "threads".to_owned(), law, bound: None }
    }

    #[test]
    fn a_law_that_the_runs_do_not_follow_is_not_passed_over() {
        let line = |panel: TheoryPanel| theory_text(&[panel], 10_000).lines().nth(2).expect("a prediction").to_owned();
        let good = line(claimed(None, estimate(201e6, 3e6)));
        assert_eq!(good, "    mean latency: 200 ms predicted, 201 ms ±3 simulated, +0.5 %");
        assert!(line(claimed(None, estimate(230e6, 3e6))).ends_with("is the warm-up long enough?"));
        assert!(line(claimed(Some("why"), estimate(230e6, 3e6))).ends_with("+15.0 %; a poor approximation here"));
        assert!(line(claimed(Some("why"), estimate(210e6, 3e6))).ends_with("+5.0 %"));
    }

    #[test]
    fn a_refusal_is_a_sentence_and_a_bound_says_what_is_asked_for() {
        let bound = Ceiling {
            most: 100.0,
            why: "10 slots, busy for 100 ms a request".to_owned(),
            binds: StationKind::Slots,
            offered: Some(85.0),
            little: None,
            latency: None,
            in_this_run: 140.0,
            variation: 0.0,
            simulated: Some(estimate(85.1, 0.4)),
        };
        let panel = TheoryPanel { world: "threads".to_owned(), law: Err(Refusal::Refresh), bound: Some(bound.clone()) };
        let said = "Theory\n  threads: no law applies, because requests refresh.\n    throughput: at most 100 /s (10 slots, busy for \
                    100 ms a request); 85.0 /s are asked for, 85.0 % of that; 85.1 /s ±0.4 simulated\n";
        assert_eq!(theory_text(std::slice::from_ref(&panel), 10_000), said);
        let late = Ceiling { simulated: Some(estimate(120.0, 0.4)), offered: Some(130.0), ..bound.clone() };
        assert!(
            bound_line(&late)
                .ends_with("simulated, some of it from what was there before, or from those who need less of that")
        );
        let little = Little { rate: 150.0, each: 2.99, have: 128.0, of: StationKind::Slots, seen: false };
        let full = TheoryPanel { bound: Some(Ceiling { little: Some(little.clone()), ..bound.clone() }), ..panel };
        let said = panel_lines(&full);
        assert_eq!(said[2], "slots run out: 150 /s x 2.99 s want 449 slots; there are 128");
        let barely = Little { rate: 10.001, each: 0.1, have: 1.0, of: StationKind::Pool("db".to_owned()), seen: true };
        assert!(little_line(&barely).starts_with("pool db runs out: 10.0 /s x 100 ms want 1.00 units; there is 1"));
        let broken = Ceiling { simulated: Some(estimate(150.0, 0.4)), offered: None, ..bound };
        assert!(bound_line(&broken).ends_with("simulated, beyond its bound"));
    }
}
