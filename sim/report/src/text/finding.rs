//! What the numbers say, in a paragraph: only what they support.
//!
//! A difference is claimed only if its interval leaves out zero, or is said to be of a single replication.
//! Latencies are compared only between worlds that answered about as many requests well.

use engine::record::Ending;
use lab::figure::RUN_FIGURES;
use lab::{Comparison, Difference, Estimate, Summary, Unit, WorldDifference};

use super::rows::same_success;
use crate::words::carriers::CarrierWord;
use crate::words::number;

/// A load generator that is busy for more of the time than this is what limits a run.
const GENERATOR_BUSY: f64 = 0.9;

/// A sentence or two for every world, and one for each that is held against the first.
pub fn finding(comparison: &Comparison) -> String {
    paragraphs(comparison).join(" ")
}

/// The same with what belongs together in a paragraph of its own.
pub(crate) fn paragraphs(comparison: &Comparison) -> Vec<String> {
    let worlds = comparison.worlds.iter().map(world_sentences);
    let differences = comparison.differences.iter().map(|difference| difference_sentences(comparison, difference));
    worlds.chain(differences).filter(|said| !said.is_empty()).map(|said| said.join(" ")).collect()
}

fn world_sentences(world: &Summary) -> Vec<String> {
    let name = &world.world;
    let sent = world.mean("requests_sent").unwrap_or(0.0);
    let Some(success) = world.mean("success_share") else {
        let drained = world.mean("requests_drained").filter(|&drained| drained > 0.0);
        return vec![drained.map_or_else(
            || format!("{name}: {}", if sent > 0.0 { "no request ended." } else { "no request was sent." }),
            |drained| {
                let (of, ok) = (drained.round(), world.mean("requests_drained_ok").unwrap_or(0.0).round());
                let [of, ok] = [of, ok].map(|count| number::value(Unit::Count, count));
                format!(
                    "{name}: no request ended within the window; of {of} that ended while it drained, {ok} succeeded."
                )
            },
        )];
    };
    let mut first = format!(
        "{name}: {} of {} requests succeeded",
        number::value(Unit::Share, success),
        number::value(Unit::Count, settled(world, sent, success).round()),
    );
    if let Some(ending) = commonest_bad_ending(world) {
        first += &format!(", the rest mostly ended as \"{ending}\"");
    }
    first += &busy_clause(world);
    let mut sentences = vec![first + "."];
    sentences.extend(latency_sentence(world));
    sentences.extend(client_sentence(world));
    sentences
}

/// Of how many requests that share is: of those that ended within the window, or waited through all of it.
fn settled(world: &Summary, sent: f64, success: f64) -> f64 {
    let mean = |name| world.mean(name).unwrap_or(0.0);
    if success > 0.0 {
        return mean("requests_ok") / success;
    }
    sent - mean("requests_drained")
}

/// That the run says more of the client than of the server, if so.
fn client_sentence(world: &Summary) -> Option<String> {
    let mut limits = Vec::new();
    let no_port = world.mean("requests_no_port").unwrap_or(0.0);
    if no_port > 0.0 {
        limits.push(format!("{} requests found no local port", number::value(Unit::Count, no_port.round())));
    }
    if let Some(busy) = world.mean("generator_busy_share").filter(|&busy| busy > GENERATOR_BUSY) {
        limits.push(format!("its load generator was busy {} of the time", number::value(Unit::Share, busy)));
    }
    if limits.is_empty() {
        return None;
    }
    Some(format!("This measured the client: {}.", limits.join(" and ")))
}

/// The bad ending of more than half of the requests that ended badly.
fn commonest_bad_ending(world: &Summary) -> Option<&'static str> {
    // The figures after the requests sent are the endings, in their order.
    let endings = RUN_FIGURES[1..=Ending::COUNT].iter().zip(Ending::ALL).filter(|&(_, ending)| ending != Ending::Ok);
    let counts: Vec<(f64, Ending)> =
        endings.map(|(recipe, ending)| (world.mean(recipe.spec.name).unwrap_or(0.0), ending)).collect();
    let bad: f64 = counts.iter().map(|(count, _)| count).sum();
    let (_, ending) = counts.iter().find(|(count, _)| *count > bad / 2.0)?;
    Some(ending.label())
}

/// How busy the servers were, when it mattered most.
fn busy_clause(world: &Summary) -> String {
    let share = |name| world.mean(name).map(|share| number::value(Unit::Share, share));
    let minute = share("slots_busiest_minute_share").zip(share("cpu_busiest_minute_share"));
    let run = || share("slots_busy_share").zip(share("cpu_busy_share"));
    let slots = number::value(Unit::Count, world.mean("slots").unwrap_or(0.0));
    match (minute, run()) {
        (Some((busy, cpu)), _) => format!("; in its busiest minute {busy} of {slots} slots were busy at {cpu} CPU"),
        (None, Some((busy, cpu))) => format!("; {busy} of {slots} slots were busy at {cpu} CPU"),
        (None, None) => String::new(),
    }
}

/// How long good responses took, and what most of that was.
fn latency_sentence(world: &Summary) -> Option<String> {
    let time = |name| world.mean(name).map(|ns| number::value(Unit::Nanoseconds, ns));
    let mut sentence =
        format!("Its good responses took {} (p50) and {} (p99)", time("latency_p50_ns")?, time("latency_p99_ns")?);
    let mean = world.mean("latency_mean_ns")?;
    let largest = world.blame.iter().max_by(|a, b| a.mean().unwrap_or(0.0).total_cmp(&b.mean().unwrap_or(0.0)));
    if let Some(blame) = largest.filter(|_| mean > 0.0) {
        let share = (blame.mean()? / mean).min(1.0);
        let part = CarrierWord::of(world.loops).told(blame.spec.label);
        sentence += &format!("; {} of the mean was \"{part}\"", number::value(Unit::Share, share));
    }
    Some(sentence + ".")
}

fn difference_sentences(comparison: &Comparison, against: &WorldDifference) -> Vec<String> {
    let named = |name: &str| comparison.worlds.iter().find(|world| world.world == name);
    let (Some(base), Some(world)) = (named(&against.base), named(&against.world)) else { return Vec::new() };
    let mut sentences = Vec::new();
    if let Some(difference) = against.figure("requests_ok") {
        sentences.push(claim(against, difference, "good responses", "as many good responses"));
    }
    if let Some(difference) = against.figure("latency_p99_ns") {
        sentences.push(if same_success(&[base, world]) {
            claim(against, difference, "p99 latency", "the same p99 latency")
        } else {
            let fewer = if base.mean("success_share") < world.mean("success_share") { base } else { world };
            let missing = "what it did not answer well is missing from its percentiles";
            format!("Their latencies are not compared, because {} did worse and {missing}.", fewer.world)
        });
    }
    sentences
}

/// What a paired difference allows to say.
fn claim(against: &WorldDifference, difference: &Difference, what: &str, same: &str) -> String {
    let WorldDifference { world, base, .. } = against;
    let Difference { spec, difference, ratio, excludes_zero } = difference;
    let half = difference.half_width().unwrap_or(0.0);
    if difference.mean == 0.0 && half == 0.0 {
        return format!("{world} had {same} as {base}.");
    }
    let ratio_undecided = ratio.and_then(|ratio| ratio.excludes(1.0)) == Some(false);
    if *excludes_zero == Some(false) || ratio_undecided {
        let n = difference.n;
        return format!("{n} replications cannot tell {world} from {base} in {what}.");
    }
    // Without good responses in some replication, a ratio would speak of the others only.
    let Some(ratio) = ratio.filter(|ratio| ratio.n == difference.n) else {
        let by = number::value(spec.unit, difference.mean.abs());
        let direction = if difference.mean > 0.0 { "more" } else { "fewer" };
        let interval = interval(spec.unit, difference);
        return format!("{world} had {by} {direction} {what} than {base} ({interval}).");
    };
    let times = number::value(Unit::Ratio, ratio.mean);
    format!("{world} had {times} the {what} of {base} ({}).", interval(Unit::Ratio, &ratio))
}

fn interval(unit: Unit, estimate: &Estimate) -> String {
    match (estimate.low, estimate.high) {
        (Some(low), Some(high)) => {
            format!("95 % interval {} to {}", number::value(unit, low), number::value(unit, high))
        }
        _ => "one replication, so no interval".to_owned(),
    }
}
