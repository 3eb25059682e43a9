//! The report as a page: one HTML file with everything in it, for people who were not there when it ran.
//!
//! It loads nothing from anywhere, and its policy lets nothing run but its own style and script, which lie beside the
//! template in `templates/`. What comes from a scenario is text and stays text: the template escapes it, and so does
//! everything here that writes SVG by hand. Same runs, same bytes.
//!
//! A new part of the page is a [`Section`] if words and tables suffice, or else a file here that makes [`PageChart`]s.

mod beside;
mod blame;
mod diagram;
mod evenness;
mod facts;
mod look;
mod over_time;
mod plot;
mod sections;
mod starved;
mod svg;
mod tail;
mod words;

pub use sections::{attainable_section, theory_section, verdict_section};

use askama::Template;
use engine::Model;
use lab::explain::Split;
use lab::{Comparison, WorldResult, WorldSeries, world_series};

use crate::figures::{DrawError, Shade, WORLDS_MAX};
use crate::text::finding;
use crate::text::overload::notices;
use crate::words::carriers::CarrierWord;
use beside::PageRow;
use facts::Fingerprint;
use plot::Plot;

const STYLE: &str = include_str!("../../templates/page.css");
const SCRIPT: &str = include_str!("../../templates/page.js");

/// Where a report comes from, so that anybody can make it again.
#[derive(Clone, Debug)]
pub struct PageAbout<'a> {
    /// Version of tailback.
    pub version: &'a str,
    /// Name of the scenario's file, without its folder.
    pub file: &'a str,
    /// The text of the scenario.
    pub scenario: &'a str,
    /// Title of the scenario.
    pub title: &'a str,
    /// What it asks.
    pub question: Option<&'a str>,
    /// Where the situation comes from.
    pub source: Option<&'a str>,
    /// What was laid over the file, as `KEY=VALUE`.
    pub overrides: Vec<String>,
    /// Seed of every run.
    pub seed: u64,
    /// Replications of each world.
    pub replications: u32,
}

/// What a page is made of.
pub struct Report<'a> {
    /// Where it comes from.
    pub about: PageAbout<'a>,
    /// The worlds.
    pub models: &'a [Model],
    /// What came of them, in the same order.
    pub results: &'a [WorldResult],
    /// The same beside each other.
    pub comparison: &'a Comparison,
    /// Spans of time to shade.
    pub shaded: &'a [Shade],
    /// What else is to be said, between the comparison and the plots.
    pub sections: Vec<Section>,
}

/// A part of the page in words and tables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Section {
    /// Its name in links: letters, digits and hyphens.
    pub id: String,
    /// Its heading.
    pub heading: String,
    /// What it says.
    pub paragraphs: Vec<String>,
    /// What it shows.
    pub tables: Vec<PageTable>,
}

/// A plain table.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PageTable {
    /// What it shows.
    pub caption: String,
    /// The heads of its columns, the first that of the rows' names.
    pub head: Vec<String>,
    /// Its rows: a name, and a cell for each of the other columns.
    pub rows: Vec<(String, Vec<String>)>,
}

/// A drawing with what belongs to it.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct PageChart {
    /// What it shows.
    pub title: String,
    /// What is measured, with the unit.
    pub measures: String,
    /// The drawing, as it goes into the page; written by this crate, every text in it escaped.
    pub svg: String,
    /// The numbers behind it.
    pub table: Option<PageTable>,
    /// The world that it is about; `None`: all.
    pub world: Option<usize>,
    /// What is told beneath it.
    pub said: Vec<String>,
    /// Lists beneath it.
    pub lists: Vec<PageTable>,
}

impl PageChart {
    fn of(plot: &Plot, shaded: &[Shade], world: Option<usize>) -> PageChart {
        PageChart {
            title: plot.title.clone(),
            measures: plot.measures.clone(),
            svg: svg::draw(plot, shaded),
            table: Some(plot.table()),
            world,
            ..PageChart::default()
        }
    }

    /// Its world as an attribute's value.
    fn world_text(&self) -> String {
        self.world.map_or(String::new(), |world| world.to_string())
    }

    /// The class of its world's colour.
    fn hue(&self) -> String {
        self.world.map_or(String::new(), look::hue)
    }
}

/// Charts that answer one question.
struct PageFigure {
    id: &'static str,
    heading: &'static str,
    /// What to know before looking.
    note: String,
    /// What the colours of its bars mean: classes and words.
    key: Vec<(String, String)>,
    charts: Vec<PageChart>,
    tables: Vec<PageTable>,
}

impl PageFigure {
    fn new(id: &'static str, heading: &'static str, note: impl Into<String>, charts: Vec<PageChart>) -> PageFigure {
        PageFigure { id, heading, note: note.into(), key: Vec::new(), charts, tables: Vec::new() }
    }
}

/// A world as the page names it.
struct PageWorld<'a> {
    index: usize,
    hue: String,
    name: &'a str,
}

/// A paragraph of the finding: the world that it begins with, and the rest.
struct PageFinding {
    hue: String,
    name: String,
    rest: String,
}

#[derive(Template)]
#[template(path = "page.html")]
struct Html<'a> {
    about: &'a PageAbout<'a>,
    policy: String,
    style: &'a str,
    script: &'a str,
    worlds: Vec<PageWorld<'a>>,
    findings: Vec<PageFinding>,
    diagrams: PageFigure,
    rows: Vec<PageRow>,
    replications: u32,
    sections: &'a [Section],
    figures: Vec<PageFigure>,
    command: String,
    fingerprints: Vec<Fingerprint>,
}

/// The page.
///
/// # Errors
/// [`DrawError::TooManyWorlds`] beyond [`WORLDS_MAX`].
///
/// # Panics
/// If models, results and comparison are not of the same worlds.
pub fn page(report: &Report<'_>) -> Result<String, DrawError> {
    let worlds = report.results.len();
    assert_eq!((report.models.len(), report.comparison.worlds.len()), (worlds, worlds), "reports of other worlds");
    if worlds > WORLDS_MAX {
        return Err(DrawError::TooManyWorlds { worlds });
    }
    let name = |(index, world): (usize, &'_ WorldResult)| (index, look::hue(index), world.name.clone());
    let names: Vec<(usize, String, String)> = report.results.iter().enumerate().map(name).collect();
    let html = Html {
        about: &report.about,
        policy: format!(
            "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
            look::policy_hash(STYLE),
            look::policy_hash(SCRIPT)
        ),
        style: STYLE,
        script: SCRIPT,
        worlds: names.iter().map(|(index, hue, name)| PageWorld { index: *index, hue: hue.clone(), name }).collect(),
        findings: findings(report.comparison),
        diagrams: diagrams(report.models),
        rows: beside::lines(report.comparison),
        replications: report.about.replications,
        sections: &report.sections,
        figures: figures(report),
        command: facts::command(&report.about),
        fingerprints: facts::fingerprints(report.results),
    };
    Ok(html.render().expect("a template of texts can be filled"))
}

/// The finding, each paragraph with the world that it is about set apart.
fn findings(comparison: &Comparison) -> Vec<PageFinding> {
    let split = |text: String| {
        let begins = |name: &str| text.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', ' ']));
        let worlds = comparison.worlds.iter().enumerate().filter(|(_, world)| begins(&world.world));
        match worlds.max_by_key(|(_, world)| world.world.len()) {
            None => PageFinding { hue: String::new(), name: String::new(), rest: text },
            Some((index, world)) => PageFinding {
                hue: look::hue(index),
                name: world.world.clone(),
                rest: look::glued(&text[world.world.len()..]),
            },
        }
    };
    let said = notices(comparison).into_iter().chain(finding::paragraphs(comparison));
    said.map(split).collect()
}

fn diagrams(models: &[Model]) -> PageFigure {
    let chart = |(index, model): (usize, &Model)| PageChart {
        title: model.name.clone(),
        svg: diagram::draw(index, model),
        world: Some(index),
        ..PageChart::default()
    };
    PageFigure::new("worlds", "The worlds", "", models.iter().enumerate().map(chart).collect())
}

/// Everything that is drawn from results, in the order of the page; figures without a chart are left out.
fn figures(report: &Report<'_>) -> Vec<PageFigure> {
    let series: Vec<WorldSeries> = report.results.iter().map(|world| world_series(&world.records)).collect();
    let shaded = report.shaded;
    let clock = |plots: Vec<Plot>| plots.iter().map(|plot| PageChart::of(plot, shaded, None)).collect::<Vec<_>>();
    let plain = |plots: Vec<Plot>| plots.iter().map(|plot| PageChart::of(plot, &[], None)).collect::<Vec<_>>();
    let of_world = |(index, plot): (usize, &Plot)| PageChart::of(plot, shaded, Some(index));
    let use_of = over_time::utilisation(&series);
    let steps = facts::steps(&series, report.about.replications);
    let together = facts::together(report.about.replications);
    let word = CarrierWord::of_models(report.models);
    let (title, hub) = match word {
        CarrierWord::Hub => ("How long hubs kept greenlets waiting", "greenlets that could run waited for their hub"),
        CarrierWord::Loop => ("How long event loops kept tasks waiting", "tasks that could run waited for their loop"),
        CarrierWord::Either => (
            "How long hubs and event loops kept others waiting",
            "greenlets or tasks that could run waited for their hub or loop",
        ),
    };
    let hub = format!("Lag: how long {hub}. Hold: how long one ran before the next could.");
    let slot = "Solid: slots, the threads or greenlets that can carry a request each. Dashed: CPU.";
    let mut figures = vec![
        PageFigure::new("latency", "How long good responses took", &*steps, clock(over_time::latencies(&series))),
        PageFigure::new("tail", "How long the unlucky waited", &*together, plain(tail::latencies(report.results))),
        PageFigure::new("traffic", "What was asked, and what came back", &*steps, clock(over_time::traffic(&series))),
        PageFigure::new("under-way", "How many were under way", &*steps, clock(over_time::under_way(&series))),
        PageFigure::new(
            "utilisation",
            "How full the slots were, and how busy the processors",
            slot,
            use_of.iter().enumerate().map(of_world).collect(),
        ),
        PageFigure::new("hubs", title, &*hub, plain(tail::hubs(report.results, word))),
        blames(report),
        evenness(report),
    ];
    figures.retain(|figure| !figure.charts.is_empty() || !figure.tables.is_empty());
    figures
}

fn blames(report: &Report<'_>) -> PageFigure {
    let worlds = || report.models.iter().zip(report.results);
    let splits: Vec<Option<Split>> = worlds().map(|(model, result)| Split::of(model, &result.records, None)).collect();
    let chart = |(index, model): (usize, &Model)| blame::chart(index, model, splits[index].as_ref());
    let note = "What the mean, the median and the 99th percentile of the latency were spent on. Pale: work that the \
                request would need on an empty system. Strong: waiting for others.";
    let charts = report.models.iter().enumerate().map(chart).collect();
    let figure = PageFigure::new("blame", "Where the time went, and because of whom", note, charts);
    PageFigure { key: blame::key(splits.iter().flatten(), CarrierWord::of_models(report.models)), ..figure }
}

fn evenness(report: &Report<'_>) -> PageFigure {
    let note = "Lorenz curves: which share of all the latency the fastest part of the responses had, and which share of all \
                good responses the clients had that got least. On the grey diagonal all would fare alike; the deeper a \
                curve sags, the more falls on a few.";
    let curves = [evenness::curves(report.results), evenness::client_curves(report.results)].concat();
    let charts = curves.iter().map(|plot| PageChart::of(plot, &[], None)).collect();
    let figure = PageFigure::new("evenness", "How unevenly the waiting fell", note, charts);
    let clients = evenness::clients(report.results);
    let starved = starved::tables(report.models, report.results);
    PageFigure { tables: clients.into_iter().chain(starved).collect(), ..figure }
}
