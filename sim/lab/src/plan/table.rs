//! The runs behind a plan: a search for every world, what more and less money buys, and the same searches with inputs that are off.

use super::grid::cheapest_by_force;
use super::tried::TriedDeployments;
use super::{Deployment, FRONTIER_RUNS, Moved, OFF_PERCENT, Plan, Question, Space, StepDown, TIE, WorldPlan};
use crate::LabError;
use crate::capacity::{Done, Runner, SearchSettings};
use crate::run::FailedRun;
use crate::scaled::Input;
use crate::slo::{Measure, Seen, Slo};

/// Runs that a search is expected to take.
const EXPECTED: usize = 18;
/// How much dearer than the answer a deployment may be to show what money buys.
const DEARER: f64 = 3.0;

/// What a world's search left behind.
struct Searched<'a> {
    tried: TriedDeployments<'a>,
    answer: Option<usize>,
    steps_down: Vec<StepDown>,
    tied: usize,
    tie: Option<(f64, f64)>,
    surprised: bool,
    unchecked: usize,
}

/// Finds the cheapest deployment of every world and everything around it.
///
/// # Errors
/// [`LabError::Runs`] names every run that failed; [`LabError::NothingToRun`] and [`LabError::Threads`] as [`crate::run_all`].
pub fn make(spaces: &[Space], slo: &Slo, question: &Question, done: &Done<'_>) -> Result<Plan, LabError> {
    if spaces.iter().all(|space| space.grid.is_empty()) || question.replications == 0 {
        return Err(LabError::NothingToRun { worlds: spaces.len(), replications: question.replications });
    }
    let Question { seed, replications, threads, .. } = *question;
    let runs = SearchSettings { seed, replications, threads, tolerance: 1.0, curve: false, longer: false };
    let runner = Runner::new(&runs, done)?;
    let states = if question.off { 2 * Input::ALL.len() } else { 0 };
    runner.expect(spaces.len() * EXPECTED * (1 + states) + FRONTIER_RUNS);
    let tried = |space, off| TriedDeployments::new(space, slo, question, &runner, off);
    let numbers: Vec<usize> = (0..spaces.len()).collect();
    let mut searched = runner.all(&numbers, &|world| searched(tried(&spaces[*world], None)))?;
    runner.expect(spaces.len() * EXPECTED * states + FRONTIER_RUNS);
    let best = best(&searched);
    show_what_money_buys(&mut searched, best, &runner)?;
    let mut states: Vec<(Input, u32)> = Vec::new();
    for input in Input::ALL.into_iter().filter(|_| question.off) {
        states.extend([100 - OFF_PERCENT, 100 + OFF_PERCENT].map(|percent| (input, percent)));
    }
    runner.expect(states.len() * spaces.len() * EXPECTED);
    let answers: Vec<Option<usize>> = searched.iter().map(|one| one.answer).collect();
    let moved = match best {
        Some(best) => runner.all(&states, &|&(input, percent)| {
            let mut worlds: Vec<TriedDeployments<'_>> =
                spaces.iter().map(|space| tried(space, Some((input, percent)))).collect();
            moved(&mut worlds, &answers, best)
        })?,
        None => Vec::new(),
    };
    let seen = all_seen(&searched);
    let frontier = frontier(&seen, slo);
    let worlds = searched.into_iter().map(world_plan).collect();
    Ok(Plan { slo: slo.clone(), prices: question.prices, worlds, best, seen, frontier, moved, runs: runner.runs() })
}

/// The search in one world, checked by running what it ruled out unseen and, one step down, what it is not allowed to rule out.
fn searched(mut tried: TriedDeployments<'_>) -> Result<Searched<'_>, FailedRun> {
    let found = tried.search(None)?;
    let (mut answer, mut unchecked) = tried.checked(found)?;
    let mut surprised = answer != found;
    let costs = tried.costs();
    let mut steps_down = tried.steps_down_of(answer)?;
    let cheaper =
        |step: &StepDown| answer.is_some_and(|at| step.breaks.is_none() && step.deployment.cost.total < costs[at]);
    if unchecked > 0 && steps_down.iter().any(cheaper) {
        // More did hurt here: nothing may be ruled out unseen.
        (surprised, unchecked) = (true, 0);
        answer = cheapest_by_force(&tried.space.grid, &costs, &mut |index| tried.meets(index))?;
        steps_down = tried.steps_down_of(answer)?;
    }
    let mut tied = 0;
    let mut tie = None;
    if let Some(cheapest) = answer {
        let equals = tried.as_dear_as(cheapest)?;
        let roomiest = tried.roomiest(&equals);
        (tied, tie) = (equals.len(), equals.last().map(|last| (costs[cheapest], costs[*last])));
        if roomiest != cheapest {
            answer = Some(roomiest);
            steps_down = tried.steps_down_of(answer)?;
        }
    }
    Ok(Searched { tried, answer, steps_down, tied, tie, surprised, unchecked })
}

/// The world whose answer is the cheapest, or of those that cost about as much the one with the most room.
fn best(searched: &[Searched<'_>]) -> Option<usize> {
    let priced = || {
        let of = |(world, one): (usize, &Searched<'_>)| {
            let answer = one.answer?;
            Some((world, one.tried.costs()[answer], one.tried.room_used(answer)))
        };
        searched.iter().enumerate().filter_map(of).collect::<Vec<_>>()
    };
    let least = priced().iter().map(|(_, cost, _)| *cost).fold(f64::INFINITY, f64::min);
    let equals = priced().into_iter().filter(|(_, cost, _)| *cost <= least * (1.0 + TIE));
    equals.min_by(|a, b| a.2.total_cmp(&b.2).then(a.1.total_cmp(&b.1)).then(a.0.cmp(&b.0))).map(|(world, _, _)| world)
}

/// Runs deployments of many costs once.
fn show_what_money_buys(
    searched: &mut [Searched<'_>],
    best: Option<usize>,
    runner: &Runner<'_>,
) -> Result<(), LabError> {
    let limit =
        best.and_then(|best| Some(searched[best].tried.costs()[searched[best].answer?])).unwrap_or(f64::INFINITY);
    let mut open: Vec<(f64, usize, usize)> = Vec::new();
    for (world, one) in searched.iter().enumerate() {
        let costs = one.tried.costs();
        let unseen = (0..costs.len()).filter(|index| !one.tried.known.contains_key(index));
        open.extend(unseen.filter(|index| costs[*index] <= limit * DEARER).map(|index| (costs[index], world, index)));
    }
    open.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    // Evenly spread over what there is, the dearest included.
    let every = open.len().div_ceil(FRONTIER_RUNS).max(1);
    let wanted: Vec<(usize, usize)> =
        open.iter().rev().step_by(every).map(|(_, world, index)| (*world, *index)).collect();
    let views: Vec<&TriedDeployments<'_>> = searched.iter().map(|one| &one.tried).collect();
    let found = runner.all(&wanted, &|&(world, index)| {
        let tried = views[world];
        tried.runner.run(&tried.model(index), 0, tried.slo)
    })?;
    for (&(world, index), vitals) in wanted.iter().zip(found) {
        searched[world].tried.known.insert(index, vec![vitals]);
    }
    Ok(())
}

/// The answer with an input that is off: the search begins at the answer as it was.
fn moved(worlds: &mut [TriedDeployments<'_>], answers: &[Option<usize>], best: usize) -> Result<Moved, FailedRun> {
    let (input, percent) = worlds[best].off.expect("an input is off here");
    let mut found: Option<Deployment> = None;
    let mut holds = false;
    for (world, tried) in worlds.iter_mut().enumerate() {
        let answer = tried.search(answers[world])?;
        if let Some(old) = answers[world].filter(|_| world == best) {
            holds = tried.meets(old)?;
        }
        let deployment = answer.map(|answer| tried.deployment(answer));
        found = match (found, deployment) {
            (Some(found), Some(other)) if other.cost.total < found.cost.total => Some(other),
            (Some(found), _) => Some(found),
            (None, other) => other,
        };
    }
    Ok(Moved { input, percent, holds, cheapest: found })
}

fn all_seen(searched: &[Searched<'_>]) -> Vec<Deployment> {
    let all = searched.iter().flat_map(|one| one.tried.known.keys().map(|index| one.tried.deployment(*index)));
    let mut seen: Vec<Deployment> = all.collect();
    // Stable: equally dear ones stay in the order of the worlds and of their grids.
    seen.sort_by(|a, b| a.cost.total.total_cmp(&b.cost.total));
    seen
}

/// Which deployments nothing beats in both cost and p99, among those that meet everything but latencies.
fn frontier(seen: &[Deployment], slo: &Slo) -> Vec<usize> {
    let answers_well = |deployment: &Deployment| {
        let other = slo.objectives.iter().enumerate().filter(|(_, one)| !matches!(one.measure, Measure::Latency(_)));
        deployment.runs.first().is_some_and(|vitals| {
            other.clone().all(|(at, objective)| match vitals.seen[at] {
                Seen::Value(value) => objective.allows(value),
                Seen::Never => false,
                Seen::Nobody => true,
            })
        })
    };
    let mut frontier: Vec<usize> = Vec::new();
    let mut least = f64::INFINITY;
    for (at, deployment) in seen.iter().enumerate().filter(|(_, deployment)| answers_well(deployment)) {
        let Some(p99) = deployment.p99_ns().filter(|p99| *p99 < least) else { continue };
        least = p99;
        // Of equally dear ones the last is the fastest.
        if frontier.last().is_some_and(|last| seen[*last].cost.total >= deployment.cost.total) {
            frontier.pop();
        }
        frontier.push(at);
    }
    frontier
}

fn world_plan(searched: Searched<'_>) -> WorldPlan {
    let Searched { tried, answer, steps_down, tied, tie, surprised, unchecked } = searched;
    let dearest = tried.known.keys().copied().max_by(|a, b| tried.costs()[*a].total_cmp(&tried.costs()[*b]));
    WorldPlan {
        world: tried.space.world.clone(),
        deployments: tried.space.grid.len(),
        run: tried.known.len(),
        cheapest: answer.map(|answer| tried.deployment(answer)),
        steps_down,
        nearest: dearest.filter(|_| answer.is_none()).map(|index| tried.deployment(index)),
        tied,
        tie,
        surprised,
        unchecked,
    }
}
