//! What the laws alone say of a scenario before anything runs: objectives that are out of reach, and worlds that cannot carry their load.

use engine::model::Model;
use lab::attainable::{Unattainable, WhyUnattainable, alike, unattainable};
use lab::slo::Measure;
use lab::theory::ceiling;
use report::text::attainable::{instead, sentences, why_words};
use report::text::theory::overload_words;
use scenario::{Compiled, Diagnostic, DoubtSubject, LateDoubt};

use crate::objectives::slo_of;

/// Kinds of deployment at most that are looked at one by one; with more of them nothing is said.
const KINDS_MAX: usize = 8;

/// Objectives that these worlds cannot meet however little they have to do.
pub fn out_of_reach<'a>(compiled: &Compiled, models: impl IntoIterator<Item = &'a Model>) -> Vec<Unattainable> {
    let Some(slo) = compiled.slo.as_ref().map(slo_of) else { return Vec::new() };
    models.into_iter().flat_map(|model| unattainable(model, &slo)).collect()
}

/// The same where the load is what is looked for: what it allows to be answered is no objection.
pub fn out_of_reach_at_any_load(compiled: &Compiled, models: &[Model]) -> Vec<Unattainable> {
    let mut found = out_of_reach(compiled, models);
    found.retain(|missed| missed.objective.measure != Measure::Throughput);
    found
}

/// The same of all deployments of a world: only what none of them can meet.
pub fn out_of_reach_of_all(compiled: &Compiled, deployments: &[Model]) -> Vec<Unattainable> {
    let mut kinds: Vec<&Model> = Vec::new();
    for model in deployments {
        if !kinds.iter().any(|known| alike(known, model)) {
            kinds.push(model);
        }
    }
    if kinds.len() > KINDS_MAX {
        return Vec::new();
    }
    let each: Vec<Vec<Unattainable>> = kinds.iter().map(|model| out_of_reach(compiled, [*model])).collect();
    let Some((first, others)) = each.split_first() else { return Vec::new() };
    let everywhere = |missed: &&Unattainable| {
        let of_all = others.iter().all(|other| other.iter().any(|one| one.at == missed.at));
        // What binds one deployment need not bind another.
        of_all && !matches!(missed.why, WhyUnattainable::Ceiling { .. })
    };
    first.iter().filter(everywhere).cloned().collect()
}

/// Doubts of both kinds as `check` tells them, those that the file expects left out.
pub fn doubts(compiled: &Compiled) -> Vec<Diagnostic> {
    let missed = out_of_reach(compiled, &compiled.models);
    let mut told: Vec<usize> = Vec::new();
    let mut doubts = Vec::new();
    for one in &missed {
        if told.contains(&one.at) {
            continue;
        }
        told.push(one.at);
        let of: Vec<Unattainable> = missed.iter().filter(|other| other.at == one.at).cloned().collect();
        let what = sentences(&of).join(" ");
        doubts.push(LateDoubt {
            about: DoubtSubject::Objective(one.at),
            what: what.trim_end_matches('.').to_owned(),
            label: why_words(one),
            help: instead(one),
        });
    }
    for model in &compiled.models {
        let Some([what, label, help]) = ceiling(model).and_then(|bound| overload_words(&model.name, &bound)) else {
            continue;
        };
        doubts.push(LateDoubt { about: DoubtSubject::World(&model.name), what, label, help });
    }
    compiled.places.diagnostics(&doubts)
}
