//! Pilot runs of an import: what was measured of the first world and neither spans nor presets explain is found by running it.
//!
//! Two numbers, each by secants at the load that was measured: CPU time of the framework, so that a request costs what the server's
//! processes used; and the way to the server, so that the median is what clients saw. Nothing of another setting is looked at.

use engine::Seed;
use import::draft::{Calibration, ScenarioDraft};
use import::numbers::duration;
use lab::{RunSettings, Summary, run_all};
use scenario::{Compiled, Override};

use crate::files;
use crate::problem::Problem;
use crate::terminal;

/// Runs of a pilot.
const REPLICATIONS: u32 = 4;
/// Requests of each run, about.
const REQUESTS: f64 = 3_000.0;
/// Steps of a secant.
const STEPS: usize = 4;
/// What is close enough.
const CLOSE: f64 = 0.005;

/// A draft, compiled; its mistakes are ours, and are told as those of any scenario.
pub fn compiled(draft: &ScenarioDraft) -> Result<Compiled, Problem> {
    compiled_with(draft, &[])
}

fn compiled_with(draft: &ScenarioDraft, overrides: &[Override]) -> Result<Compiled, Problem> {
    let mut load = |name: &str| draft.files.get(name).cloned().ok_or_else(|| "it was not written".to_owned());
    files::compile_loading("the draft", &draft.text, overrides, &mut load).map(|(compiled, _)| compiled)
}

/// Finds both; `None` if nothing was measured that they could explain.
pub fn calibrate(
    first: &ScenarioDraft,
    write: &dyn Fn(&Calibration) -> Result<ScenarioDraft, Problem>,
) -> Result<Option<Calibration>, Problem> {
    if first.targets.cpu_ns.is_none() && first.targets.p50_ns.is_none() && first.targets.path_ns.is_none() {
        return Ok(None);
    }
    let mut found = Calibration { request_costs: request_costs(first)?, ..Calibration::default() };
    let bar = terminal::bar("{pos} of {len} pilot runs", 2 * STEPS as u64);
    let figure = |calibration: &Calibration, name: Wish| -> Result<f64, Problem> {
        bar.inc(1);
        pilot(&write(calibration)?, name)
    };
    if let Some(path) = &first.targets.path_ns {
        by_path(&mut found, first, path)?;
        if let Some((target, source)) = &first.targets.cpu_ns {
            let simulated = figure(&found, Wish::Cpu)?;
            found.framework_says += &rest_of_cpu(simulated, *target, source, first.targets.rate);
        }
    } else if let Some((target, source)) = &first.targets.cpu_ns {
        let run = |ns: f64| figure(&Calibration { framework_ns: ns, ..found.clone() }, Wish::Cpu);
        let (bare, ns) = solved(*target, 0.4, run)?;
        found.framework_ns = ns;
        found.framework_says = by_cpu(ns, bare, *target, source);
    }
    if let Some((target, source)) = &first.targets.p50_ns {
        let trips = first.targets.round_trips;
        let run = |ns: f64| figure(&Calibration { network_ns: ns, ..found.clone() }, Wish::Median);
        let (bare, ns) = solved(*target, 1.0 / (2.0 * trips), run)?;
        found.network_ns = ns;
        found.network_says = if ns > 0.0 {
            let what = "clients saw a median of";
            format!(
                "{what} {} ({source}), {} of it outside of the server: its network, and the time of the clients' own program",
                duration(*target),
                duration(target - bare)
            )
        } else {
            format!(
                "the simulated median, {}, is no shorter than the {} that clients saw ({source})",
                duration(bare),
                duration(*target)
            )
        };
    }
    bar.finish_and_clear();
    Ok(Some(found))
}

/// The framework's own by what the log has beyond the spans: work of the server that is cold at the rate that was measured, of which the
/// preset has a part.
fn by_path(found: &mut Calibration, first: &ScenarioDraft, (path, source): &(f64, String)) -> Result<(), Problem> {
    let compiled = compiled(first)?;
    let model = &compiled.models[0];
    let costs = model.workers[0].costs;
    let warm = path / cold(model.hosts[0].cooling, first.targets.rate.unwrap_or(1.0));
    let preset = (costs.request.as_ns() + costs.respond.as_ns()) as f64;
    found.framework_ns = (warm - preset).max(0.0);
    found.framework_says = format!(
        "the log's durations are {} longer than the spans ({source}): in a busy stream {} of work, of which the preset has {}, and {} are the framework's own",
        duration(*path),
        duration(warm),
        duration(preset),
        duration(found.framework_ns)
    );
    Ok(())
}

fn rest_of_cpu(simulated: f64, target: f64, source: &str, rate: Option<f64>) -> String {
    let rest = target - simulated;
    let share = 100.0 * (rest * rate.unwrap_or(0.0) / 1e9).max(0.0);
    format!(
        "; of the {} of CPU time a request that were measured ({source}) a simulated one needs {}; the rest is on no request's way and is left out: {share:.2} % of a core",
        duration(target),
        duration(simulated)
    )
}

fn by_cpu(ns: f64, bare: f64, target: f64, source: &str) -> String {
    if ns > 0.0 {
        let what = "of CPU time a request are the framework's own";
        return format!(
            "{} {what}: with what spans and presets have, {}, a request needs the {} that were measured ({source})",
            duration(ns),
            duration(bare),
            duration(target)
        );
    }
    format!(
        "spans and presets have {} of CPU time a request, which is no less than the {} that were measured ({source})",
        duration(bare),
        duration(target)
    )
}

/// What work costs that comes at random at this rate, over what it costs in a busy stream.
fn cold(cooling: engine::model::Cooling, rate: f64) -> f64 {
    let (more, half) = (f64::from(cooling.cold_percent) / 100.0 - 1.0, cooling.half.as_ns() as f64 / 1e9);
    // Pauses of a Poisson process, by their quantiles.
    let pauses = (0..POINTS).map(|at| -(1.0 - (f64::from(at) + 0.5) / f64::from(POINTS)).ln() / rate);
    1.0 + more * pauses.map(|pause| pause / (pause + half)).sum::<f64>() / f64::from(POINTS)
}

/// What the figure is with nothing, and what must be given for it to be the target; nothing if it is there already.
fn solved(target: f64, slope: f64, mut run: impl FnMut(f64) -> Result<f64, Problem>) -> Result<(f64, f64), Problem> {
    let bare = run(0.0)?;
    if bare >= target * (1.0 - CLOSE) {
        return Ok((bare, 0.0));
    }
    let (mut last, mut at) = ((0.0, bare), (target - bare) * slope);
    for _ in 0..STEPS {
        let now = run(at)?;
        let rise = (now - last.1) / (at - last.0);
        if (now / target - 1.0).abs() < CLOSE || rise <= 0.0 || !rise.is_finite() {
            break;
        }
        last = (at, now);
        at = (at + (target - now) / rise).max(0.0);
    }
    Ok((bare, at))
}

/// What is looked at.
#[derive(Clone, Copy)]
enum Wish {
    Cpu,
    Median,
}

/// The first world at the load that was measured.
fn pilot(draft: &ScenarioDraft, wish: Wish) -> Result<f64, Problem> {
    let mut compiled = compiled(draft)?;
    compiled.models.truncate(1);
    let settings = RunSettings { seed: Seed(1), replications: REPLICATIONS, threads: None };
    let run = |length: f64| -> Result<Summary, Problem> {
        let set = Override { key: "run.length".to_owned(), value: format!("{length:.0}s") };
        let mut compiled = compiled_with(draft, &[set])?;
        compiled.models.truncate(1);
        let results = run_all(&compiled.models, &settings, &|_| {}).map_err(Problem::Runs)?;
        Ok(Summary::of(&results[0].records))
    };
    let short = run(10.0)?;
    let rate = short.mean("throughput_rps").unwrap_or(1.0).max(0.01);
    let summary = run((REQUESTS / rate).clamp(20.0, 900.0))?;
    let mean = |name: &str| summary.mean(name).unwrap_or(0.0);
    Ok(match wish {
        Wish::Cpu => {
            let cores: u32 = compiled.models[0].hosts.iter().map(|host| host.cores).sum();
            mean("cpu_busy_share") * f64::from(cores) / mean("throughput_rps").max(1e-9) * 1e9
        }
        Wish::Median => mean("latency_p50_ns"),
    })
}

/// The same calibration at another rate. What lies outside of the server is the time of the clients' own program and of the kernel under
/// it: work that is cold after a pause, by the law that the preset has for work of this kind.
pub fn at_rate(found: &mut Calibration, draft: &ScenarioDraft, rate: f64) -> Result<(), Problem> {
    found.rate = Some(rate);
    let compiled = compiled(draft)?;
    let Some(measured) = draft.targets.rate.filter(|_| found.network_ns > 0.0) else { return Ok(()) };
    let cooling = compiled.models[0].hosts[0].cooling;
    let ratio = cold(cooling, rate) / cold(cooling, measured);
    found.network_ns *= ratio;
    let percent = ratio * 100.0;
    found.network_says += &format!(
        "; at {rate}/s {percent:.0} % of that, as work that comes more often is warmer (machine.cooling of the preset)"
    );
    Ok(())
}

/// Quantiles by which a mean is taken.
const POINTS: u32 = 2_000;

/// What the presets of the worlds have for the server's Python around a request.
fn request_costs(draft: &ScenarioDraft) -> Result<std::collections::BTreeMap<&'static str, f64>, Problem> {
    let compiled = compiled(draft)?;
    let mut costs = std::collections::BTreeMap::new();
    for (model, worker) in compiled.models.iter().zip(&draft.workers) {
        costs.insert(*worker, model.workers[0].costs.request.as_ns() as f64);
    }
    Ok(costs)
}
