//! What was done to make numbers honest, in a sentence or two: the warm-up that was found, the precision that was reached.

use lab::precision::ReachedPrecision;
use lab::{Precision, Unit, WarmUp};

use crate::words::number;
use crate::words::wrap;

/// What is taken for granted of worlds, by their names: each thing once, with all worlds that it is said of.
pub fn assumed_text(assumed: &[(String, String)], width: usize) -> String {
    let mut things: Vec<(&str, Vec<&str>)> = Vec::new();
    for (world, what) in assumed {
        match things.iter_mut().find(|(thing, _)| thing == what) {
            Some((_, worlds)) => worlds.push(world),
            None => things.push((what, vec![world])),
        }
    }
    things.iter().map(|(what, worlds)| wrap(&format!("Assumed of {}: {what}.", worlds.join(", ")), width)).collect()
}

/// What is left out of every run, and why.
pub fn warm_up_note(warm_up: &WarmUp, width: usize) -> String {
    let share = |at: engine::time::Span| {
        let share = at.as_ns() as f64 / warm_up.length.as_ns().max(1) as f64;
        number::value(Unit::Share, share)
    };
    let span = |at: engine::time::Span| match at.is_zero() {
        true => "nothing".to_owned(),
        false => number::value(Unit::Nanoseconds, at.as_ns() as f64),
    };
    let pilots = format!("MSER-5 on {} pilot runs of every world", warm_up.pilots);
    let text = if warm_up.settled() {
        let worlds: Vec<String> =
            warm_up.worlds.iter().map(|world| format!("{} {}", world.world, span(world.at))).collect();
        let found = worlds.join(", ");
        if warm_up.removed.is_zero() {
            format!("Warm-up: nothing is left out ({pilots}: settled from the first instant on).")
        } else {
            format!(
                "Warm-up: the first {} of every run are left out, {} of it ({pilots}: {found}).",
                span(warm_up.removed),
                share(warm_up.removed)
            )
        }
    } else {
        let unsettled = warm_up.worlds.iter().filter(|world| !world.settled);
        let names: Vec<String> = unsettled.map(|world| world.world.clone()).collect();
        format!(
            "Warm-up: nothing is left out, because {} not settle within {} ({pilots} would cut in the second half). \
             Means are over a run that still changes: make the run longer, lower the load, or give `warm_up` a duration.",
            did(&names),
            span(warm_up.length),
        )
    };
    wrap(&text, width)
}

fn did(names: &[String]) -> String {
    match names {
        [one] => format!("{one} did"),
        _ => format!("{} did", names.join(" and ")),
    }
}

/// How many replications it took, or that they did not suffice.
pub fn precision_note(precision: &Precision, width: usize) -> String {
    let target = percent(precision.target.share);
    let figures: Vec<&str> = precision.target.figures.iter().map(|figure| figure.label).collect();
    let rounds = if precision.rounds == 1 { "1 look".to_owned() } else { format!("{} looks", precision.rounds) };
    let count = precision.replications;
    let text = if precision.holds() {
        format!(
            "Precision: within ±{target} for {} in every world, after {count} replications ({rounds}).",
            listed(&figures)
        )
    } else {
        format!("Precision: not within ±{target} after {count} replications ({rounds}), the most allowed.")
    };
    wrap(&text, width)
}

/// Which figures of which worlds are not precise enough, a line each.
pub fn precision_missed(precision: &Precision) -> String {
    let target = percent(precision.target.share);
    let line = |missed: &ReachedPrecision| {
        let reached = match missed.share {
            Some(share) if share.is_finite() => format!("±{}", number::value(Unit::Share, share)),
            _ => "no interval".to_owned(),
        };
        format!("\n  {}: {} ({}) {reached}", missed.world, missed.figure.label, missed.figure.name)
    };
    let lines: String = precision.missed().map(line).collect();
    format!("not precise enough to say: ±{target} was wanted, and {} replications have{lines}", precision.replications)
}

/// A share as somebody typed it.
fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use engine::time::Span;
    use lab::precision::{Target, figure};
    use lab::warm_up::WorldCut;

    use super::*;

    fn warm_up(cuts: &[(&str, u64, bool)]) -> WarmUp {
        let cut = |&(world, at, settled): &(&str, u64, bool)| WorldCut {
            world: world.to_owned(),
            at: Span::from_secs(at),
            settled,
        };
        let worlds: Vec<WorldCut> = cuts.iter().map(cut).collect();
        let removed = if worlds.iter().all(|world| world.settled) { 12 } else { 0 };
        WarmUp { removed: Span::from_secs(removed), length: Span::from_secs(120), pilots: 5, worlds }
    }

    #[test]
    fn it_says_what_is_left_out_and_who_needed_it() {
        let note = warm_up_note(&warm_up(&[("threads", 12, true), ("gevent", 3, true)]), 1_000);
        let said = "Warm-up: the first 12.0 s of every run are left out, 10.0 % of it (MSER-5 on 5 pilot runs of every world: \
                    threads 12.0 s, gevent 3.00 s).\n";
        assert_eq!(note, said);
    }

    #[test]
    fn it_says_who_did_not_settle() {
        let note = warm_up_note(&warm_up(&[("threads", 90, false), ("gevent", 3, true)]), 1_000);
        assert!(
            note.starts_with("Warm-up: nothing is left out, because threads did not settle within 120 s"),
            "{note}"
        );
    }

    #[test]
    fn what_is_missing_is_named_with_its_world() {
        let spec = figure("latency_p99_ns").unwrap();
        let reached = |world: &str, share| ReachedPrecision { world: world.to_owned(), figure: spec, share };
        let target = Target { share: 0.02, figures: vec![spec], most: 30 };
        let reached = vec![reached("threads", Some(0.034)), reached("gevent", Some(0.01)), reached("one", None)];
        let precision = Precision { target, replications: 30, rounds: 2, reached };
        let said = "not precise enough to say: ±2 % was wanted, and 30 replications have\n  threads: p99 (latency_p99_ns) \
                    ±3.40 %\n  one: p99 (latency_p99_ns) no interval";
        assert_eq!(precision_missed(&precision), said);
        assert!(precision_note(&precision, 100).contains("not within ±2 % after 30 replications (2 looks)"));
    }
}
