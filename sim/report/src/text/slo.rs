//! Verdicts on objectives, as lines of a table and a sentence.

use lab::slo::{GoodSide, JudgedObjective, Measure, Objective, Seen, Verdict, overall};
use lab::{Overload, Unit};

use crate::words::number;
use crate::words::wrap;

/// A verdict in words.
pub fn verdict_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Open => "not precise enough",
        Verdict::Missed => "missed",
    }
}

/// An objective as people say it: `p99 of page < 500 ms`.
pub fn objective_words(objective: &Objective) -> String {
    format!("{} {}", what(objective), bound_words(objective))
}

/// What is bounded: `p99 of page`.
pub fn what(objective: &Objective) -> String {
    let name = match objective.measure.name() {
        "p99_9" => "p99.9",
        name => name,
    };
    objective.class.as_ref().map_or(name.to_owned(), |class| format!("{name} of {class}"))
}

/// The sign of a bound.
pub(crate) fn operator(objective: &Objective) -> &'static str {
    match (objective.side, objective.inclusive) {
        (GoodSide::Below, false) => "<",
        (GoodSide::Below, true) => "<=",
        (GoodSide::Above, false) => ">",
        (GoodSide::Above, true) => ">=",
    }
}

/// The bound: `< 500 ms`, with no more digits than it has.
pub fn bound_words(objective: &Objective) -> String {
    let written = number::value(objective.measure.unit(), objective.bound);
    let (digits, unit) = written.split_once(' ').map_or((written.as_str(), ""), |(digits, unit)| (digits, unit));
    let digits = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    format!("{} {digits} {unit}", operator(objective)).trim_end().to_owned()
}

/// What is missed and by how much, the queue that grows first.
pub(crate) fn missed_list(missed: &[(Objective, Seen)], overload: Option<Overload>) -> String {
    let grows = overload.map(|overload| {
        format!(
            "OVERLOADED, the number of requests inside grows by {}",
            number::value(Unit::PerSecond, overload.growth_rps)
        )
    });
    let values = missed.iter().map(|(objective, seen)| {
        let value = match seen {
            Seen::Value(value) => number::value(objective.measure.unit(), *value),
            Seen::Never | Seen::Nobody => "of no good response".to_owned(),
        };
        format!("{} {value} (wanted: {})", what(objective), bound_words(objective))
    });
    grows.into_iter().chain(values).collect::<Vec<_>>().join(", ")
}

/// The verdicts, a line for each objective and world, and what they come to.
pub fn verdicts(judged: &[JudgedObjective], width: usize) -> String {
    let mut rows: Vec<[String; 5]> = Vec::new();
    for (at, one) in judged.iter().enumerate() {
        let repeated = at > 0 && judged[at - 1].objective == one.objective;
        let objective = if repeated { String::new() } else { objective_words(&one.objective) };
        let (value, interval) = numbers(one);
        rows.push([objective, one.world.clone(), verdict_words(one.verdict).to_owned(), value, interval]);
    }
    let mut text = String::from("Objectives\n");
    let width_of = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width_of(0), width_of(1), width_of(2), width_of(3)];
    for row in &rows {
        let value = format!("{:>1$}", row[3], widths[3]);
        let line = format!(
            "  {:<w0$}   {:<w1$}   {:<w2$}   {value}   {}",
            row[0],
            row[1],
            row[2],
            row[4],
            w0 = widths[0],
            w1 = widths[1],
            w2 = widths[2]
        );
        text += &format!("{}\n", line.trim_end());
    }
    text + "\n" + &wrap(&summary(judged), width)
}

/// The value of a verdict and its interval.
pub(crate) fn numbers(one: &JudgedObjective) -> (String, String) {
    let unit = one.objective.measure.unit();
    let not_counted = if one.binds { "" } else { "not counted" };
    let Some(estimate) = one.estimate else {
        let nobody = one.seen.iter().all(|seen| *seen == Seen::Nobody);
        let why = if nobody { "nobody asked" } else { "a replication answered nobody well" };
        return ("–".to_owned(), join(&[why, not_counted]));
    };
    let value = |number: f64| number::value(unit, number);
    let interval = match (estimate.low, estimate.high) {
        // Nothing that is bounded can be below zero, but an interval of a few replications can.
        (Some(low), Some(high)) => format!("{} to {}", value(low.max(0.0)), value(high)),
        _ => String::new(),
    };
    let needed = one.replications_needed();
    let more = needed.map_or(String::new(), |needed| match needed {
        0..=10_000 => format!("about {} replications would tell", number::grouped(f64::from(needed), 0)),
        _ => "the bound is where the value is: no number of replications will tell".to_owned(),
    });
    let grows = if one.overloaded { "OVERLOADED: grows with the length of the run" } else { "" };
    let grows = if matches!(one.objective.measure, Measure::Latency(_)) { grows } else { "" };
    (value(estimate.mean), join(&[&interval, grows, &more, not_counted]))
}

fn join(parts: &[&str]) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join("; ")
}

/// What the verdicts come to, and how they were made.
fn summary(judged: &[JudgedObjective]) -> String {
    let replications = judged.iter().map(|one| one.seen.len()).max().unwrap_or(0);
    let list = |verdict: Verdict| {
        let missed = judged.iter().filter(|one| one.binds && one.verdict == verdict);
        let named: Vec<String> = missed.map(|one| format!("{} in {}", what(&one.objective), one.world)).collect();
        named.join(", ")
    };
    let first = match overall(judged) {
        Verdict::Met => "All objectives are met.".to_owned(),
        Verdict::Missed => format!("Missed: {}.", list(Verdict::Missed)),
        Verdict::Open => format!("Not precise enough to say: {}.", list(Verdict::Open)),
    };
    let how = match replications {
        1 => "One replication has no interval, so its value alone decides.".to_owned(),
        _ => format!(
            "An objective is met if the whole 95 % interval over {replications} replications is on its good side, and missed if \
             all of it is on the bad side."
        ),
    };
    let uncounted: Vec<&str> = {
        let mut names: Vec<&str> = judged.iter().filter(|one| !one.binds).map(|one| one.world.as_str()).collect();
        names.dedup();
        names.sort_unstable();
        names.dedup();
        names
    };
    match uncounted.as_slice() {
        [] => format!("{first} {how}"),
        names => format!("{first} {how} `slo.worlds` leaves out {}.", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use lab::slo::{Slo, judge};
    use lab::{WorldResult, fixtures};

    use super::*;

    fn objective(measure: &str, side: GoodSide, bound: f64) -> Objective {
        let measure = Measure::named(measure).unwrap();
        Objective { measure, class: None, side, inclusive: false, bound }
    }

    #[test]
    fn a_bound_is_said_as_it_was_typed() {
        let said = |measure, side, bound| objective_words(&objective(measure, side, bound));
        assert_eq!(said("p99", GoodSide::Below, 5e8), "p99 < 500 ms");
        assert_eq!(said("p99_9", GoodSide::Below, 1.5e9), "p99.9 < 1.5 s");
        assert_eq!(said("errors", GoodSide::Below, 0.01), "errors < 1 %");
        assert_eq!(said("served", GoodSide::Above, 0.995), "served > 99.5 %");
        assert_eq!(said("throughput", GoodSide::Above, 280.0), "throughput > 280 /s");
        assert_eq!(said("jain", GoodSide::Above, 0.9), "jain > 0.9");
        let of_class = Objective { class: Some("page".to_owned()), ..objective("p50", GoodSide::Below, 2e8) };
        assert_eq!(objective_words(&Objective { inclusive: true, ..of_class }), "p50 of page <= 200 ms");
    }

    #[test]
    fn verdicts_say_value_interval_and_what_they_come_to() {
        let world = |name: &str, n| WorldResult {
            name: name.to_owned(),
            records: (0..n).map(|number| fixtures::record(name, number)).collect(),
        };
        let objectives = vec![objective("p50", GoodSide::Below, 5e8), objective("errors", GoodSide::Below, 0.05)];
        let slo = Slo { objectives, worlds: Some(vec!["b".to_owned()]) };
        let text = verdicts(&judge(&slo, &[world("a", 3), world("b", 3)]), 120);
        assert!(text.contains("\n  p50 < 500 ms   a   met "), "{text}");
        assert!(text.contains("Missed: errors in b."), "{text}");
        assert!(text.contains("`slo.worlds` leaves out a."), "{text}");
        let text = verdicts(&judge(&Slo { worlds: None, ..slo }, &[world("a", 1)]), 120);
        assert!(text.contains("One replication has no interval, so its value alone decides."), "{text}");
    }
}
