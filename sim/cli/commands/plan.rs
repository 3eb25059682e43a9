//! `tailback plan`: the cheapest deployment that meets the objectives.

use std::path::PathBuf;

use engine::model::Model;
use engine::time::Span;
use lab::attainable::Unattainable;
use lab::plan::{Grid, GridAxis, Prices, Question, Space, make};
use lab::scaled::can_scale;
use report::figures::draw_plan;
use report::json::About;
use report::json::plan_json;
use report::text::attainable::unattainable_text;
use report::text::plan::plan_text;
use scenario::{Compiled, Override, TypedPlan};

use crate::arguments::{LengthArg, PlotArgs, SeedArg, Threads, parse_overrides};
use crate::commands::capacity::{chosen, shorten};
use crate::files::{self, shown};
use crate::laws;
use crate::objectives::slo_of;
use crate::problem::Problem;
use crate::terminal;

/// Deployments of a world at most.
const DEPLOYMENTS_MAX: usize = 5_000;

/// What to plan, and what to do with the result.
#[derive(clap::Args)]
pub struct Args {
    /// Scenario file with [slo] and [plan]; `-` reads standard input
    file: PathBuf,
    /// Only these worlds [default: those of slo.worlds, or all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    worlds: Vec<String>,
    #[command(flatten)]
    length: LengthArg,
    /// Run every deployment from the cheapest on until one meets, instead of ruling out those with less of what helps
    #[arg(long)]
    by_force: bool,
    #[command(flatten)]
    seed: SeedArg,
    /// Replications that a deployment has to meet the objectives in
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    replications: Option<u32>,
    /// Lay a value over the file, for example --set plan.cost.gib=0.5
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    #[command(flatten)]
    plot: PlotArgs,
    #[command(flatten)]
    threads: Threads,
}

/// Plans, shows the plan, and says by the exit code whether any deployment meets the objectives.
pub fn plan(args: &Args) -> Result<(), Problem> {
    let overrides = parse_overrides(&args.set)?;
    let text = files::read(&args.file)?;
    let source = files::ScenarioText { path: &args.file, text: &text };
    let compiled = source.compile(&overrides)?;
    let (Some(slo), Some(wanted)) = (&compiled.slo, &compiled.plan) else {
        let what = if compiled.slo.is_none() { "[slo], such as p99 = \"< 500ms\"" } else { VARY };
        return Err(Problem::Usage(format!("{} has no {what}", shown(&args.file))));
    };
    let named = if args.worlds.is_empty() { slo.worlds.as_deref().unwrap_or_default() } else { &args.worlds };
    crate::warm_up_pilots::refuse(&compiled, "plan")?;
    let models = chosen(&compiled, named)?;
    models.iter().try_for_each(can_scale).map_err(|error| Problem::Usage(error.to_string()))?;
    let folder = args.plot.folder(&args.file)?;
    let mut notes = Vec::new();
    let mut spaces = Vec::new();
    for model in &models {
        let (space, said) = space(&source, &overrides, wanted, model, &compiled, args.length.length)?;
        spaces.push(space);
        notes = said;
    }
    let question = Question {
        seed: args.seed.or(compiled.seed),
        replications: args.replications.unwrap_or(compiled.replications),
        threads: args.threads.count(),
        prices: prices(wanted),
        by_force: args.by_force,
        off: true,
    };
    let slo = slo_of(slo);
    let unattainable: Vec<Unattainable> =
        spaces.iter().flat_map(|space| laws::out_of_reach_of_all(&compiled, &space.models)).collect();
    let plan = terminal::with_growing_bar(|done| make(&spaces, &slo, &question, done))?;
    if args.plot.json {
        let (version, title) = (env!("CARGO_PKG_VERSION"), compiled.title.as_str());
        let about = About { version, title, seed: question.seed.0, replications: question.replications };
        files::print(&plan_json(&about, &plan, &notes, &unattainable))?;
    } else {
        let text = plan_text(&plan, question.replications, &notes, terminal::width(120));
        let first = unattainable_text(&unattainable, terminal::width(120));
        files::print(&format!("{}: plan\n\n{first}{text}", compiled.title))?;
    }
    if let Some(folder) = folder {
        let drawing = draw_plan(&compiled.title, &plan).map_err(Problem::Draw)?;
        args.plot.write(&folder, &drawing)?;
    }
    if plan.best.is_some() { Ok(()) } else { Err(Problem::Missed) }
}

const VARY: &str = "[plan], such as vary = { \"world.NAME.processes\" = \"1..16\" }";

/// All deployments of a world: its own settings, and those of all worlds.
fn space(
    source: &files::ScenarioText<'_>,
    overrides: &[Override],
    wanted: &TypedPlan,
    model: &Model,
    compiled: &Compiled,
    length: Option<Span>,
) -> Result<(Space, Vec<String>), Problem> {
    let of_world = |vary: &&scenario::Vary| vary.world().is_none_or(|world| world == model.name);
    let axis = |vary: &scenario::Vary| GridAxis { path: vary.path.clone(), values: vary.values.clone() };
    let grid = Grid { axes: wanted.vary.iter().filter(of_world).map(axis).collect() };
    let many = grid.axes.iter().try_fold(1_usize, |all, axis| all.checked_mul(axis.values.len()));
    if many.is_none_or(|many| many > DEPLOYMENTS_MAX) {
        let ranges: Vec<String> = grid.axes.iter().map(|axis| axis.values.len().to_string()).collect();
        return Err(Problem::Usage(format!(
            "world `{}` has {} deployments, more than {DEPLOYMENTS_MAX}: use wider steps, such as \"10..100/10\"",
            model.name,
            ranges.join(" x ")
        )));
    }
    let mut notes = Vec::new();
    let mut models = Vec::new();
    for index in 0..grid.len() {
        let settings = grid.settings(index);
        let laid = settings.iter().map(|(path, value)| Override { key: (*path).into(), value: (*value).into() });
        let all: Vec<Override> = overrides.iter().cloned().chain(laid).collect();
        let compiled_here = source.compile_quietly(&all)?;
        let mut one = chosen(&compiled_here, std::slice::from_ref(&model.name))?;
        notes = shorten(&mut one, compiled, length);
        models.append(&mut one);
    }
    Ok((Space { world: model.name.clone(), grid, models }, notes))
}

fn prices(plan: &TypedPlan) -> Prices {
    Prices {
        core: plan.core,
        gib: plan.gib,
        host: plan.host,
        process_mib: plan.process_mib,
        thread_kib: plan.thread_kib,
        greenlet_kib: plan.greenlet_kib,
    }
}
