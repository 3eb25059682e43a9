//! Places of a scenario for who finds a doubt that takes the compiled models to see: its worlds and its objectives.
//!
//! What such a doubt is called, and where it stands, is like that of every other; a file that is about it says so in `expect`.

use crate::whole::Scenario;
use crate::words::diagnostic::{Diagnostic, Findings};
use crate::words::doubt::Doubt;
use crate::words::source::{At, Name, Sources};

/// Where worlds and objectives stand, and which late doubts the file expects.
#[derive(Clone, Debug, Default)]
pub struct FilePlaces {
    sources: Sources,
    worlds: Vec<(String, At)>,
    objectives: Vec<At>,
    expected: Vec<Name>,
}

/// What a doubt is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DoubtSubject<'a> {
    /// The world of this name.
    World(&'a str),
    /// The objective at this place of [`crate::TypedSlo::objectives`].
    Objective(usize),
}

/// A doubt that only the laws show, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LateDoubt<'a> {
    /// What it is about.
    pub about: DoubtSubject<'a>,
    /// What is wrong, as one sentence without a full stop.
    pub what: String,
    /// A few words for the underline.
    pub label: String,
    /// What to write instead.
    pub help: String,
}

impl FilePlaces {
    pub(crate) fn of(scenario: &Scenario) -> FilePlaces {
        let objectives = scenario.slo.as_ref().map_or(&[][..], |slo| &slo.objectives);
        FilePlaces {
            sources: scenario.sources.clone(),
            worlds: scenario.worlds.iter().map(|world| (world.name.clone(), world.at)).collect(),
            objectives: objectives.iter().map(|one| one.at).collect(),
            expected: scenario.expected_late.clone(),
        }
    }

    /// Late doubts as diagnostics, those that the file expects left out; one that it expects in vain is another.
    pub fn diagnostics(&self, doubts: &[LateDoubt<'_>]) -> Vec<Diagnostic> {
        let mut findings = Findings::default();
        for doubt in doubts {
            let (kind, at) = match doubt.about {
                DoubtSubject::World(name) => {
                    let at = self.worlds.iter().find(|(known, _)| known == name).map(|(_, at)| *at);
                    (Doubt::Overload, at.unwrap_or_default())
                }
                DoubtSubject::Objective(at) => {
                    (Doubt::Unattainable, self.objectives.get(at).copied().unwrap_or_default())
                }
            };
            let finding = findings.doubt(kind, at, doubt.what.as_str());
            let expect = format!("if the file is about that, write `expect = [\"{}\"]` at its top", kind.name());
            finding.label(doubt.label.as_str()).help(format!("{}; {expect}", doubt.help));
        }
        findings.acknowledge(&self.expected);
        findings.finish(&self.sources)
    }
}
