//! Objectives that no server can meet, in words, before anything else is said.

use lab::Unit;
use lab::attainable::{Failing, Unattainable, WhyUnattainable};
use lab::slo::{GoodSide, Measure};

use super::slo::{bound_words, objective_words, what};
use crate::words::number;
use crate::words::wrap;

/// A paragraph for each objective that is out of reach, with a heading; nothing if there is none.
pub fn unattainable_text(all: &[Unattainable], width: usize) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = "Out of reach\n".to_owned();
    for sentence in sentences(all) {
        let wrapped = wrap(&sentence, width.saturating_sub(2).max(20));
        text.extend(wrapped.lines().map(|line| format!("  {line}\n")));
    }
    text + "\n"
}

/// A sentence for each objective and each reason, with the worlds that it is true of.
pub fn sentences(all: &[Unattainable]) -> Vec<String> {
    let mut told: Vec<(usize, String, Vec<&str>)> = Vec::new();
    for missed in all {
        let said = match missed.why {
            // The reason is the best value itself.
            WhyUnattainable::Asked | WhyUnattainable::Ceiling { .. } => why_words(missed),
            WhyUnattainable::Alone { .. } | WhyUnattainable::Together { .. } | WhyUnattainable::Fails { .. } => {
                format!("{}; {}", why_words(missed), best_words(missed))
            }
        };
        match told.iter_mut().find(|(at, other, _)| *at == missed.at && *other == said) {
            Some((_, _, worlds)) => worlds.push(&missed.world),
            None => told.push((missed.at, said, vec![&missed.world])),
        }
    }
    let sentence = |(at, said, worlds): &(usize, String, Vec<&str>)| {
        let objective = all.iter().find(|one| one.at == *at).map(|one| objective_words(&one.objective));
        format!("{} cannot be met in {}: {said}.", objective.unwrap_or_default(), worlds.join(", "))
    };
    told.iter().map(sentence).collect()
}

/// Why an objective is out of reach.
pub fn why_words(missed: &Unattainable) -> String {
    let bound = number::value(missed.objective.measure.unit(), missed.objective.bound);
    match &missed.why {
        WhyUnattainable::Alone { of, share } => {
            format!("an empty system misses it, because `{of}` alone takes over {bound} in {}", one_in(*share))
        }
        WhyUnattainable::Together { class, share } => {
            format!("an empty system misses it: {} takes over {bound}, most often `{class}`", one_in(*share))
        }
        WhyUnattainable::Fails { of, peer, share } => {
            let share = number::value(Unit::Share, *share);
            let peer = peer.as_deref().unwrap_or_default();
            match of {
                Failing::Peer(_) => {
                    format!("an empty system misses it, because `{peer}` fails {share} of the requests")
                }
                Failing::Slow(_) => {
                    format!(
                        "an empty system misses it, because calls to `{peer}` exceed their time limit in {share} of the requests"
                    )
                }
                Failing::Block => {
                    format!("an empty system misses it, because a `timeout` ends {share} of the requests")
                }
                Failing::Left => {
                    format!(
                        "an empty system misses it, because in {share} of the requests the client waits no longer than the steps take"
                    )
                }
            }
        }
        WhyUnattainable::Asked => format!("no more than {} are asked for", number::value(Unit::PerSecond, missed.best)),
        WhyUnattainable::Ceiling { why, .. } => {
            format!("at most {} can be served ({why})", number::value(Unit::PerSecond, missed.best))
        }
    }
}

/// The best that is attainable, and between which values it lies where that is not the same.
pub fn best_words(missed: &Unattainable) -> String {
    let unit = missed.objective.measure.unit();
    let (low, high) = (number::value(unit, missed.between.0), number::value(unit, missed.between.1));
    let best = number::value(unit, missed.best);
    let range = if low == high { String::new() } else { format!(" ({low} to {high})") };
    let named = match (missed.objective.measure, missed.objective.side) {
        (Measure::Latency(_), _) => format!("the best attainable {}", what(&missed.objective)),
        (_, GoodSide::Below) => "the least attainable".to_owned(),
        (_, GoodSide::Above) => "the most attainable".to_owned(),
    };
    format!("{named} is {best}{range}")
}

/// The bound that could be met, for who asks what to write.
pub fn instead(missed: &Unattainable) -> String {
    format!("{} is out of reach; {}", bound_words(&missed.objective), best_words(missed))
}

/// A share as people say it: one in so many.
fn one_in(share: f64) -> String {
    let many = (1.0 / share.max(f64::MIN_POSITIVE)).round();
    if many <= 1.0 { "every request".to_owned() } else { format!("1 of {} requests", number::grouped(many, 0)) }
}

#[cfg(test)]
mod tests {
    use lab::slo::Objective;

    use super::*;

    fn missed(world: &str) -> Unattainable {
        let measure = Measure::named("p99").unwrap();
        Unattainable {
            world: world.to_owned(),
            at: 0,
            objective: Objective { measure, class: None, side: GoodSide::Below, inclusive: false, bound: 8e8 },
            best: 9.12e8,
            between: (9.03e8, 9.2e8),
            why: WhyUnattainable::Alone { of: "payments".to_owned(), share: 1.0 / 71.0 },
        }
    }

    #[test]
    fn what_is_out_of_reach_is_said_once_for_all_worlds() {
        let said = unattainable_text(&[missed("threads"), missed("gevent")], 1_000);
        let expected = "Out of reach\n  p99 < 800 ms cannot be met in threads, gevent: an empty system misses it, because `payments` \
                        alone takes over 800 ms in 1 of 71 requests; the best attainable p99 is 912 ms (903 ms to 920 ms).\n\n";
        assert_eq!(said, expected);
        assert_eq!(unattainable_text(&[], 80), "");
    }
}
