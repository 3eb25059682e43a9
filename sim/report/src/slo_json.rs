//! Verdicts on objectives for programs.
//!
//! Numbers are written as in [`crate::json`]; `docs/planning.md` has the fields.

use lab::slo::{Judged, Verdict, overall};
use serde::Serialize;

use crate::json::{Number, OneLine};
use crate::text::slo::operator;

/// All verdicts and what they come to.
#[derive(Serialize)]
pub(crate) struct Verdicts<'a> {
    verdict: &'static str,
    objectives: Vec<OneLine<One<'a>>>,
}

#[derive(Serialize)]
struct One<'a> {
    objective: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    operator: &'static str,
    bound: Number,
    unit: &'static str,
    world: &'a str,
    counts: bool,
    verdict: &'static str,
    mean: Option<Number>,
    low: Option<Number>,
    high: Option<Number>,
    n: u32,
}

/// One word for a verdict.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Open => "open",
        Verdict::Missed => "missed",
    }
}

impl<'a> Verdicts<'a> {
    pub(crate) fn of(judged: &'a [Judged]) -> Verdicts<'a> {
        let one = |judged: &'a Judged| {
            let objective = &judged.objective;
            let estimate = judged.estimate;
            OneLine(One {
                objective: objective.measure.name(),
                class: objective.class.as_deref(),
                operator: operator(objective),
                bound: Number(objective.bound),
                unit: objective.measure.unit().symbol(),
                world: &judged.world,
                counts: judged.binds,
                verdict: word(judged.verdict),
                mean: estimate.map(|estimate| Number(estimate.mean)),
                low: estimate.and_then(|estimate| estimate.low).map(Number),
                high: estimate.and_then(|estimate| estimate.high).map(Number),
                n: estimate.map_or(0, |estimate| estimate.n),
            })
        };
        Verdicts { verdict: word(overall(judged)), objectives: judged.iter().map(one).collect() }
    }
}
