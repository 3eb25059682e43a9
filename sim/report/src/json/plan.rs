//! A plan as one JSON document, for programs.
//!
//! Keys end in their unit, and numbers are written as in [`crate::json`]; `docs/planning.md` has the fields.

use lab::attainable::Unattainable;
use lab::plan::{Deployment, Moved, Plan, StepDown, WorldPlan};
use lab::slo::{Objective, Seen};
use serde::Serialize;

use super::number::{Number, OneLine, document};
use super::results::{About, Growth};
use super::slo::{MissedAnyway, WrittenObjective, missed_anyway};
use crate::text::plan::binding_resource;

#[derive(Serialize)]
struct PlanDocument<'a> {
    tailback: &'a str,
    scenario: &'a str,
    seed: u64,
    replications: u32,
    runs: usize,
    notes: &'a [String],
    objectives: Vec<OneLine<WrittenObjective<'a>>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unattainable: Vec<OneLine<MissedAnyway<'a>>>,
    cheapest: Option<OneLine<PlannedDeployment<'a>>>,
    worlds: Vec<PlannedWorld<'a>>,
    deployments: Vec<OneLine<PlannedAmongAll<'a>>>,
    moved: Vec<OneLine<PlannedIfOff<'a>>>,
}

#[derive(Serialize)]
struct PlannedDeployment<'a> {
    world: &'a str,
    settings: Vec<(&'a str, &'a str)>,
    cost: Number,
    hosts: u64,
    cores: Number,
    memory_gib: Number,
    latency_p99_ns: Option<Number>,
    meets: bool,
}

/// A deployment that was run, with its place among all.
#[derive(Serialize)]
struct PlannedAmongAll<'a> {
    #[serde(flatten)]
    one: PlannedDeployment<'a>,
    replications: usize,
    frontier: bool,
}

#[derive(Serialize)]
struct PlannedWorld<'a> {
    name: &'a str,
    deployments: usize,
    run: usize,
    cheapest: Option<OneLine<PlannedDeployment<'a>>>,
    tied: usize,
    unchecked: usize,
    binding_objective: Option<String>,
    binding_share: Option<Number>,
    binding_resource: Option<&'static str>,
    steps_down: Vec<OneLine<PlannedStepDown<'a>>>,
}

#[derive(Serialize)]
struct PlannedStepDown<'a> {
    path: &'a str,
    #[serde(flatten)]
    one: PlannedDeployment<'a>,
    missed: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    overload: Option<Growth>,
    breaks_first: Option<&'static str>,
}

#[derive(Serialize)]
struct PlannedIfOff<'a> {
    input: &'static str,
    percent: u32,
    cheapest_still_meets: bool,
    cheapest: Option<PlannedDeployment<'a>>,
}

/// The document, indented, ending in a line feed.
pub fn plan_json(about: &About<'_>, plan: &Plan, notes: &[String], unattainable: &[Unattainable]) -> String {
    let seen = plan.seen.iter().enumerate().map(|(at, found)| {
        let (replications, frontier) = (found.runs.len(), plan.frontier.contains(&at));
        OneLine(PlannedAmongAll { one: PlannedDeployment::of(found), replications, frontier })
    });
    let written = PlanDocument {
        tailback: about.version,
        scenario: about.title,
        seed: about.seed,
        replications: about.replications,
        runs: plan.runs,
        notes,
        objectives: plan.slo.objectives.iter().map(|goal| OneLine(WrittenObjective::of(goal))).collect(),
        unattainable: missed_anyway(unattainable),
        cheapest: plan.answer().map(|found| OneLine(PlannedDeployment::of(found))),
        worlds: plan.worlds.iter().map(|world| PlannedWorld::of(world, plan)).collect(),
        deployments: seen.collect(),
        moved: plan.moved.iter().map(|moved| OneLine(PlannedIfOff::of(moved))).collect(),
    };
    document(&written)
}

impl<'a> PlannedDeployment<'a> {
    fn of(found: &'a Deployment) -> PlannedDeployment<'a> {
        PlannedDeployment {
            world: &found.world,
            settings: found.settings.iter().map(|(path, value)| (path.as_str(), value.as_str())).collect(),
            cost: Number(found.cost.total),
            hosts: found.cost.hosts,
            cores: Number(found.cost.cores),
            memory_gib: Number(found.cost.gib),
            latency_p99_ns: found.p99_ns().map(Number),
            meets: found.meets(),
        }
    }
}

impl<'a> PlannedWorld<'a> {
    fn of(world: &'a WorldPlan, plan: &'a Plan) -> PlannedWorld<'a> {
        let binding = world.cheapest.as_ref().and_then(|found| found.binding(&plan.slo));
        PlannedWorld {
            name: &world.world,
            deployments: world.deployments,
            run: world.run,
            cheapest: world.cheapest.as_ref().map(|found| OneLine(PlannedDeployment::of(found))),
            tied: world.tied,
            unchecked: world.unchecked,
            binding_objective: binding.map(|(objective, _)| crate::text::slo::what(objective)),
            binding_share: binding.map(|(_, used)| Number(used)),
            binding_resource: binding_resource(world),
            steps_down: world.steps_down.iter().map(|step| OneLine(PlannedStepDown::of(step))).collect(),
        }
    }
}

impl<'a> PlannedStepDown<'a> {
    fn of(step: &'a StepDown) -> PlannedStepDown<'a> {
        let name = |(objective, _): &(Objective, Seen)| objective.measure.name();
        PlannedStepDown {
            path: &step.path,
            one: PlannedDeployment::of(&step.deployment),
            missed: step.missed.iter().map(name).collect(),
            overload: step.overload.map(Growth::of),
            breaks_first: step.breaks.as_ref().map(|found| found.cause.name()),
        }
    }
}

impl<'a> PlannedIfOff<'a> {
    fn of(moved: &'a Moved) -> PlannedIfOff<'a> {
        PlannedIfOff {
            input: moved.input.label(),
            percent: moved.percent,
            cheapest_still_meets: moved.holds,
            cheapest: moved.cheapest.as_ref().map(PlannedDeployment::of),
        }
    }
}
