//! The deployments of a world that were run, and the search among them.

use std::collections::BTreeMap;

use engine::model::Model;
use rayon::prelude::*;

use super::grid::{DeploymentFate, cheapest, cheapest_by_force};
use super::miss::Miss;
use super::{CHECKED_MAX, Cost, Deployment, Question, Space, StepDown, TIE, TIES_MAX};
use crate::capacity::{Break, Runner, Vitals, missed};
use crate::run::FailedRun;
use crate::scaled::Input;
use crate::slo::Slo;

/// The deployments of a world that were run with the inputs in one state.
pub(crate) struct TriedDeployments<'a> {
    pub(crate) space: &'a Space,
    pub(crate) slo: &'a Slo,
    question: &'a Question,
    pub(crate) runner: &'a Runner<'a>,
    /// What of the scenario is off.
    pub(crate) off: Option<(Input, u32)>,
    pub(crate) known: BTreeMap<usize, Vec<Vitals>>,
}

impl<'a> TriedDeployments<'a> {
    pub(crate) fn new(
        space: &'a Space,
        slo: &'a Slo,
        question: &'a Question,
        runner: &'a Runner<'a>,
        off: Option<(Input, u32)>,
    ) -> TriedDeployments<'a> {
        TriedDeployments { space, slo, question, runner, off, known: BTreeMap::new() }
    }

    pub(crate) fn model(&self, index: usize) -> Model {
        let model = &self.space.models[index];
        self.off.map_or_else(|| model.clone(), |(input, percent)| input.scale(model, percent))
    }

    /// Runs a deployment once, if it was never run.
    fn once(&mut self, index: usize) -> Result<(), FailedRun> {
        if !self.known.contains_key(&index) {
            let vitals = self.runner.run(&self.model(index), 0, self.slo)?;
            self.known.insert(index, vec![vitals]);
        }
        Ok(())
    }

    /// Whether every replication of a deployment meets; nothing is run after the first that misses.
    pub(crate) fn meets(&mut self, index: usize) -> Result<bool, FailedRun> {
        self.once(index)?;
        let model = self.model(index);
        loop {
            let runs = &self.known[&index];
            if runs.iter().any(|vitals| !vitals.holds) {
                return Ok(false);
            }
            let next = u32::try_from(runs.len()).expect("replications are counted by u32");
            if next >= self.question.replications {
                return Ok(true);
            }
            let vitals = self.runner.run(&model, next, self.slo)?;
            self.known.entry(index).or_default().push(vitals);
        }
    }

    /// Whether it meets, and if not whether that was no chance: what misses by little is run in all replications before it rules out
    /// anything.
    fn fate(&mut self, index: usize) -> Result<DeploymentFate, FailedRun> {
        if self.meets(index)? {
            return Ok(DeploymentFate::Meets);
        }
        let model = self.model(index);
        loop {
            let runs = &self.known[&index];
            if Miss::of(self.slo, runs, self.question.replications) == Miss::Clear {
                return Ok(DeploymentFate::MissesByFar);
            }
            let next = u32::try_from(runs.len()).expect("replications are counted by u32");
            // One that meets cannot miss in all of them.
            if next >= self.question.replications.max(2) || runs.iter().any(|vitals| vitals.holds) {
                return Ok(DeploymentFate::Misses);
            }
            let vitals = self.runner.run(&model, next, self.slo)?;
            self.known.entry(index).or_default().push(vitals);
        }
    }

    /// Runs what is cheaper than the answer and was ruled out unseen, and says which of it meets after all, and how many are left unseen.
    pub(crate) fn checked(&mut self, answer: Option<usize>) -> Result<(Option<usize>, usize), FailedRun> {
        let costs = self.costs();
        let limit = answer.map_or(f64::INFINITY, |answer| costs[answer]);
        let earlier = |index: usize| costs[index] < limit || costs[index] == limit && Some(index) < answer;
        let mut cheaper: Vec<usize> = (0..costs.len()).filter(|index| earlier(*index)).collect();
        cheaper.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
        let mut unseen: Vec<usize> = cheaper.iter().copied().filter(|index| !self.known.contains_key(index)).collect();
        // The dearest of them come nearest to the answer.
        let unchecked = unseen.len().saturating_sub(CHECKED_MAX);
        unseen.drain(..unchecked);
        let runs: Vec<Result<Vitals, FailedRun>> =
            unseen.par_iter().with_max_len(1).map(|index| self.runner.run(&self.model(*index), 0, self.slo)).collect();
        for (index, vitals) in unseen.into_iter().zip(runs) {
            self.known.insert(index, vec![vitals?]);
        }
        for index in cheaper {
            if self.known.contains_key(&index) && self.meets(index)? {
                return Ok((Some(index), unchecked));
            }
        }
        Ok((answer, unchecked))
    }

    /// The deployments that meet and cost no more than about as much as this one, the cheapest that does; by cost, itself first.
    pub(crate) fn as_dear_as(&mut self, cheapest: usize) -> Result<Vec<usize>, FailedRun> {
        let costs = self.costs();
        let within = costs[cheapest]..=costs[cheapest] * (1.0 + TIE);
        let mut equals: Vec<usize> =
            (0..costs.len()).filter(|index| *index != cheapest && within.contains(&costs[*index])).collect();
        equals.sort_by(|a, b| costs[*a].total_cmp(&costs[*b]).then(a.cmp(b)));
        // Evenly spread over what there is, the dearest included.
        let every = equals.len().div_ceil(TIES_MAX).max(1);
        let mut meeting = Vec::new();
        for index in equals.into_iter().rev().step_by(every) {
            if self.meets(index)? {
                meeting.push(index);
            }
        }
        meeting.push(cheapest);
        meeting.reverse();
        Ok(meeting)
    }

    /// The one with the most room to its bounds; of equals the first.
    pub(crate) fn roomiest(&self, equals: &[usize]) -> usize {
        let used = |index: &usize| self.room_used(*index);
        equals.iter().copied().reduce(|a, b| if used(&b) < used(&a) { b } else { a }).expect("there is an answer")
    }

    /// How much of its bound the objective with the least room uses in the worst replication.
    pub(crate) fn room_used(&self, index: usize) -> f64 {
        self.deployment(index).binding(self.slo).map_or(0.0, |(_, used)| used)
    }

    pub(crate) fn costs(&self) -> Vec<f64> {
        self.space.models.iter().map(|model| Cost::of(model, &self.question.prices).total).collect()
    }

    pub(crate) fn search(&mut self, first: Option<usize>) -> Result<Option<usize>, FailedRun> {
        let (grid, costs) = (&self.space.grid, self.costs());
        if self.question.by_force {
            return cheapest_by_force(grid, &costs, &mut |index| self.meets(index));
        }
        cheapest(grid, &costs, first, &mut |index| self.fate(index))
    }

    pub(crate) fn deployment(&self, index: usize) -> Deployment {
        let settings = self.space.grid.settings(index);
        Deployment {
            world: self.space.world.clone(),
            settings: settings.iter().map(|(path, value)| ((*path).to_owned(), (*value).to_owned())).collect(),
            cost: Cost::of(&self.space.models[index], &self.question.prices),
            runs: self.known.get(&index).cloned().unwrap_or_default(),
        }
    }

    /// The answer with one step less of each setting; nothing without an answer.
    pub(crate) fn steps_down_of(&mut self, answer: Option<usize>) -> Result<Vec<StepDown>, FailedRun> {
        answer.map_or(Ok(Vec::new()), |answer| self.steps_down(answer))
    }

    /// One step less of each setting.
    fn steps_down(&mut self, answer: usize) -> Result<Vec<StepDown>, FailedRun> {
        let mut steps = Vec::new();
        for less in self.space.grid.steps_down(answer) {
            let meets = self.meets(less)?;
            let place = (self.space.grid.place(answer), self.space.grid.place(less));
            let axis = place.0.iter().zip(&place.1).position(|(more, less)| more != less).unwrap_or(0);
            let deployment = self.deployment(less);
            let at = deployment.runs.iter().position(|vitals| !vitals.holds).unwrap_or(deployment.runs.len() - 1);
            let (good, bad) = (&self.known[&answer][at.min(self.known[&answer].len() - 1)], &deployment.runs[at]);
            let breaks = (!meets).then(|| Break::between(&self.model(less), (1.0, good), (1.0, bad)));
            let (missed, overload) = (missed(self.slo, &bad.seen), Vitals::overload(&[bad]));
            let path = self.space.grid.axes[axis].path.clone();
            steps.push(StepDown { path, deployment, missed, overload, breaks });
        }
        Ok(steps)
    }
}
