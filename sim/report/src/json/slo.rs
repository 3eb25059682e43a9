//! Verdicts on objectives for programs.
//!
//! Numbers are written as in [`crate::json`]; `docs/planning.md` has the fields.

use lab::attainable::Unattainable;
use lab::slo::{JudgedObjective, Objective, Verdict, overall};
use serde::Serialize;

use super::number::{Interval, Number, OneLine};
use crate::text::attainable::why_words;
use crate::text::slo::operator;

/// All verdicts and what they come to.
#[derive(Serialize)]
pub(crate) struct Verdicts<'a> {
    verdict: &'static str,
    objectives: Vec<OneLine<WrittenVerdict<'a>>>,
}

/// What was promised.
#[derive(Serialize)]
pub(crate) struct WrittenObjective<'a> {
    objective: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    operator: &'static str,
    bound: Number,
    unit: &'static str,
}

#[derive(Serialize)]
struct WrittenVerdict<'a> {
    #[serde(flatten)]
    goal: WrittenObjective<'a>,
    world: &'a str,
    counts: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    overloaded: bool,
    verdict: &'static str,
    #[serde(flatten)]
    interval: Interval,
}

/// An objective that a world misses on an empty system.
#[derive(Serialize)]
pub(crate) struct MissedAnyway<'a> {
    #[serde(flatten)]
    goal: WrittenObjective<'a>,
    world: &'a str,
    best: Number,
    best_low: Number,
    best_high: Number,
    why: String,
}

/// All of them.
pub(crate) fn missed_anyway(all: &[Unattainable]) -> Vec<OneLine<MissedAnyway<'_>>> {
    all.iter().map(MissedAnyway::of).map(OneLine).collect()
}

impl<'a> MissedAnyway<'a> {
    fn of(missed: &'a Unattainable) -> MissedAnyway<'a> {
        MissedAnyway {
            goal: WrittenObjective::of(&missed.objective),
            world: &missed.world,
            best: Number(missed.best),
            best_low: Number(missed.between.0),
            best_high: Number(missed.between.1),
            why: why_words(missed),
        }
    }
}

/// One word for a verdict.
pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Met => "met",
        Verdict::Open => "open",
        Verdict::Missed => "missed",
    }
}

impl<'a> WrittenObjective<'a> {
    pub(crate) fn of(objective: &'a Objective) -> WrittenObjective<'a> {
        WrittenObjective {
            objective: objective.measure.name(),
            class: objective.class.as_deref(),
            operator: operator(objective),
            bound: Number(objective.bound),
            unit: objective.measure.unit().symbol(),
        }
    }
}

impl<'a> Verdicts<'a> {
    pub(crate) fn of(judged: &'a [JudgedObjective]) -> Verdicts<'a> {
        let one = |judged: &'a JudgedObjective| {
            OneLine(WrittenVerdict {
                goal: WrittenObjective::of(&judged.objective),
                world: &judged.world,
                counts: judged.binds,
                overloaded: judged.overloaded,
                verdict: word(judged.verdict),
                interval: Interval::of(judged.estimate.as_ref()),
            })
        };
        Verdicts { verdict: word(overall(judged)), objectives: judged.iter().map(one).collect() }
    }
}
