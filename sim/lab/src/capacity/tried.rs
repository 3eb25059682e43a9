//! The runs of one world, by load and replication: what was run once is known.

use std::collections::BTreeMap;

use engine::model::Model;
use rayon::prelude::*;

use super::at_load::at_load;
use super::judged::JudgedLoad;
use super::runs::Runner;
use super::search::{Bracket, Stride, search};
use super::{Ladder, Vitals};
use crate::run::FailedRun;
use crate::slo::Slo;

/// Everything that is known of a world.
pub(crate) struct TriedLoads<'a> {
    pub(crate) model: &'a Model,
    pub(crate) ladder: &'a Ladder,
    pub(crate) slo: &'a Slo,
    pub(crate) runner: &'a Runner<'a>,
    /// Whether the run of a lighter load may be longer.
    pub(crate) longer: bool,
    /// Replications that judge a load.
    pub(crate) replications: u32,
    /// The lightest load that is asked.
    pub(crate) lowest: usize,
    known: BTreeMap<(usize, u32), Vitals>,
}

impl<'a> TriedLoads<'a> {
    pub(crate) fn new(
        model: &'a Model,
        ladder: &'a Ladder,
        slo: &'a Slo,
        runner: &'a Runner<'a>,
        longer: bool,
    ) -> TriedLoads<'a> {
        let replications = runner.replications();
        TriedLoads { model, ladder, slo, runner, longer, replications, lowest: 0, known: BTreeMap::new() }
    }

    /// One replication of a load.
    pub(crate) fn one(&mut self, rung: usize, replication: u32) -> Result<&Vitals, FailedRun> {
        let place = (rung, replication);
        if !self.known.contains_key(&place) {
            let vitals = self.run(place)?;
            self.known.insert(place, vitals);
        }
        Ok(&self.known[&place])
    }

    /// All replications of a load, and what they say together.
    pub(crate) fn judged(&mut self, rung: usize) -> Result<JudgedLoad, FailedRun> {
        let all = (0..self.replications).map(|replication| (rung, replication));
        let missing: Vec<(usize, u32)> = all.filter(|place| !self.known.contains_key(place)).collect();
        let runs: Vec<Result<Vitals, FailedRun>> =
            missing.par_iter().with_max_len(1).map(|place| self.run(*place)).collect();
        for (place, vitals) in missing.into_iter().zip(runs) {
            self.known.insert(place, vitals?);
        }
        let runs: Vec<&Vitals> = (0..self.replications).map(|replication| &self.known[&(rung, replication)]).collect();
        Ok(JudgedLoad::of(self.slo, &runs))
    }

    /// The highest load, from a lowest one on, whose replications together are good.
    pub(crate) fn search(&mut self, start: usize, good: fn(&JudgedLoad) -> bool) -> Result<Bracket, FailedRun> {
        self.walk(start, Stride::Growing, &mut |tried, rung| Ok(good(&tried.judged(rung)?)))
    }

    /// The highest load at which one replication meets.
    pub(crate) fn search_one(&mut self, start: usize, replication: u32) -> Result<Bracket, FailedRun> {
        self.walk(start, Stride::Growing, &mut |tried, rung| Ok(tried.one(rung, replication)?.holds))
    }

    fn walk(
        &mut self,
        start: usize,
        stride: Stride,
        good: &mut dyn FnMut(&mut Self, usize) -> Result<bool, FailedRun>,
    ) -> Result<Bracket, FailedRun> {
        let lowest = self.lowest;
        let found = search(self.ladder.len() - lowest, start.max(lowest) - lowest, stride, &mut |rung| {
            good(self, rung + lowest)
        })?;
        let up = |rung: Option<usize>| rung.map(|rung| rung + lowest);
        Ok(Bracket { meets: up(found.meets), misses: up(found.misses) })
    }

    /// The loads that the first replication was run at, ascending, and what came of them.
    pub(crate) fn first(&self) -> impl Iterator<Item = (usize, &Vitals)> {
        self.known.iter().filter(|((_, replication), _)| *replication == 0).map(|((rung, _), vitals)| (*rung, vitals))
    }

    /// The loads that were judged by all replications, between two of them.
    pub(crate) fn judged_between(&self, low: usize, high: usize) -> Vec<usize> {
        let last = self.replications - 1;
        let within = self.known.range((low, 0)..=(high, u32::MAX));
        within.filter(|((_, replication), _)| *replication == last).map(|((rung, _), _)| *rung).collect()
    }

    fn run(&self, (rung, replication): (usize, u32)) -> Result<Vitals, FailedRun> {
        let scaled = at_load(self.model, self.ladder.factor(rung), self.longer);
        self.runner.run(&scaled, replication, self.slo)
    }
}
