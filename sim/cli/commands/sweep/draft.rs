//! From the command line to a study: what is varied, and whether every point of it compiles.

use std::collections::BTreeSet;

use engine::model::{Arrivals, ClientSpec};
use lab::sweep::study::{Mode, RUNS_MAX, SettingColumn, Study, StudyPoint};
use scenario::{Compiled, Diagnostic, Override};

use super::arguments::Arguments;
use super::source::SweepSource;
use super::{Args, arguments, tornado, updown};
use crate::files;
use crate::problem::Problem;

/// What is to be run.
pub struct Planned {
    pub study: Study,
    /// The doubts about its points, each once, as text.
    pub warnings: String,
}

/// What a study consists of before its points are compiled.
pub(super) struct Draft {
    pub(super) mode: Mode,
    pub(super) arguments: Arguments,
    /// What is set, in the order of the points' values.
    pub(super) columns: Vec<SettingColumn>,
    /// The values of every point.
    pub(super) points: Vec<Vec<String>>,
    /// Replications at least, if nobody says how many.
    pub(super) replications_min: u32,
}

/// Reads what is to be varied and compiles every point; every mistake at once, and nothing runs if there is one.
pub fn plan(args: &Args, source: &SweepSource) -> Result<Planned, Problem> {
    let wrong = |found: Vec<Diagnostic>| Problem::Scenario(files::show(&found, &source.text));
    if args.set.is_empty() && !args.tornado && !args.hysteresis {
        let text = "a sweep varies something: add --set KEY=VALUES, such as --set world.threads.threads=10..640:log8";
        return Err(Problem::Usage(text.to_owned()));
    }
    let draft = match (args.tornado, args.hysteresis) {
        (true, _) => tornado::draft(args, source),
        (_, true) => updown::draft(args, source),
        _ => Arguments::read(&args.set, args.max_points).map(|arguments| {
            let (columns, points) = (arguments.columns(), arguments.points());
            Draft { mode: Mode::Grid, arguments, columns, points, replications_min: 1 }
        }),
    };
    let draft = draft.map_err(wrong)?;
    let mut study = Study {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        title: String::new(),
        mode: draft.mode,
        settings: draft.columns,
        points: draft.points.into_iter().map(|values| StudyPoint { values, seed: 0, replications: 0 }).collect(),
        worlds: Vec::new(),
        classes: Vec::new(),
        open: false,
    };
    let warnings = compile_points(args, source, &mut study, &draft.arguments, draft.replications_min).map_err(wrong)?;
    Ok(Planned { study, warnings: files::show(&warnings, &source.text) })
}

/// Fills in what compiling tells: seeds, replications, worlds and classes. Returns the doubts, each once.
fn compile_points(
    args: &Args,
    source: &SweepSource,
    study: &mut Study,
    arguments: &Arguments,
    replications_min: u32,
) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let (mut wrong, mut doubts) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut news = |found: Vec<Diagnostic>| -> Vec<Diagnostic> {
        let traced = found.into_iter().map(|found| arguments.trace_back(found));
        traced.filter(|found| seen.insert(found.plain(&source.text))).collect()
    };
    for point in 0..study.points.len() {
        let compiled = match source.compile(&overrides(study, point)) {
            Ok(compiled) => compiled,
            Err(found) => {
                wrong.extend(news(found));
                continue;
            }
        };
        if compiled.auto_warm_up {
            let typed = arguments.typed.first().map_or("", String::as_str);
            let what = "the warm-up is \"auto\", which would differ from point to point".to_owned();
            let help = "say how long it is in the file, such as warm_up = \"10s\" in [run]";
            wrong.push(arguments::diagnostic(typed, 0..typed.len(), what, "varies what is found", help));
            break;
        }
        doubts.extend(news(compiled.warnings.clone()));
        let spec = &mut study.points[point];
        spec.seed = args.seed.or(compiled.seed).0;
        spec.replications = args.replications.unwrap_or(compiled.replications.max(replications_min));
        let (worlds, classes) = names(&compiled);
        study.open |= compiled.models.iter().any(|model| model.clients.iter().any(is_open));
        if study.worlds.is_empty() {
            (study.title, study.worlds, study.classes) = (compiled.title, worlds, classes);
        } else if study.worlds != worlds || study.classes != classes {
            let what = "the points of a sweep have the same worlds and the same classes of requests";
            let typed = arguments.typed.first().map_or("", String::as_str);
            let help = "set single keys, not whole tables of worlds or requests";
            wrong.push(arguments::diagnostic(typed, 0..typed.len(), what.to_owned(), "changes them", help));
            break;
        }
    }
    if study.runs() > RUNS_MAX && wrong.is_empty() {
        let typed = arguments.typed.first().map_or("", String::as_str);
        let what = format!("the sweep has {} runs, more than the limit of {RUNS_MAX}", study.runs());
        wrong.push(arguments::diagnostic(typed, 0..typed.len(), what, "too many", "take fewer values or replications"));
    }
    if wrong.is_empty() { Ok(doubts) } else { Err(wrong) }
}

/// Whether a client sends requests whether it is answered or not.
fn is_open(client: &ClientSpec) -> bool {
    !matches!(client.arrivals, Arrivals::Closed { .. })
}

/// Names of the worlds and of the classes.
fn names(compiled: &Compiled) -> (Vec<String>, Vec<String>) {
    let worlds = compiled.models.iter().map(|model| model.name.clone()).collect();
    let classes = compiled.models.first().map(|model| model.classes.iter().map(|class| class.name.clone()).collect());
    (worlds, classes.unwrap_or_default())
}

/// What a study lays over its scenario at a point.
pub fn overrides(study: &Study, point: usize) -> Vec<Override> {
    let values = study.settings.iter().zip(&study.points[point].values);
    let over = |(column, value): (&SettingColumn, &String)| Override { key: column.key.clone(), value: value.clone() };
    let mut overrides: Vec<Override> = values.map(over).collect();
    match &study.mode {
        Mode::Grid | Mode::Tornado { .. } => {}
        Mode::Hysteresis(steps) => overrides.extend(updown::overrides(steps)),
    }
    overrides
}
