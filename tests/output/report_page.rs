//! The report as a page: whole, small, alone, the same twice, and deaf to whatever a scenario's texts try to make of
//! it.

use crate::common::markup;
use crate::common::shipped;
use std::sync::LazyLock;

use crate::common::markup::Element;
use engine::Seed;
use engine::model::{ClassSpec, ClientSpec};
use engine::op::Program;
use engine::time::{Span, Time};
use lab::{Comparison, RunSettings, WorldResult, run_all};
use proptest::prelude::*;
use report::figures::Shade;
use report::page::{PageAbout, PageTable, Report, Section, page};
use scenario::Compiled;

/// Bytes of a page.
const SIZE_MAX: usize = 1_000_000;

/// Every text of a scenario that a page shows as it is.
#[derive(Clone, Debug)]
struct Texts {
    file: String,
    scenario: String,
    title: String,
    question: String,
    source: String,
    set: String,
}

fn run(compiled: &Compiled, replications: u32, threads: usize) -> Vec<WorldResult> {
    let plan = RunSettings { seed: Seed(compiled.seed), replications, threads: Some(threads) };
    run_all(&compiled.models, &plan, &|_| {}).expect("it runs to its end")
}

fn plain(compiled: &Compiled, text: &str) -> Texts {
    Texts {
        file: "scenario.toml".to_owned(),
        scenario: text.to_owned(),
        title: compiled.title.clone(),
        question: compiled.question.clone().unwrap_or_default(),
        source: compiled.source.clone().unwrap_or_default(),
        set: "run.warm_up=0s".to_owned(),
    }
}

fn page_of(compiled: &Compiled, results: &[WorldResult], texts: &Texts, sections: Vec<Section>) -> String {
    let about = PageAbout {
        version: "0.0.0",
        file: &texts.file,
        scenario: &texts.scenario,
        title: &texts.title,
        question: Some(&texts.question),
        source: Some(&texts.source),
        overrides: vec![texts.set.clone()],
        seed: compiled.seed,
        replications: u32::try_from(results[0].records.len()).expect("a few"),
    };
    let shaded: Vec<Shade> = compiled
        .shaded
        .iter()
        .map(|(from, to, label)| Shade { from_s: from.as_secs_f64(), to_s: to.as_secs_f64(), label: label.clone() })
        .collect();
    let comparison = Comparison::of(results);
    let (models, shaded) = (&compiled.models[..], &shaded[..]);
    page(&Report { about, models, results, comparison: &comparison, shaded, sections }).expect("a page can be made")
}

/// What is true of every page; its elements.
fn checked(page: &str) -> Vec<Element> {
    let elements = markup::read(page).unwrap_or_else(|why| panic!("{why}"));
    assert!(page.len() < SIZE_MAX, "{} bytes", page.len());
    let count = |name: &str| elements.iter().filter(|element| element.name == name).count();
    assert_eq!((count("script"), count("style"), count("h1"), count("main")), (1, 1, 1, 1));
    for element in &elements {
        let known = ELEMENTS.contains(&element.name.as_str());
        assert!(known, "<{}> has no place in a page", element.name);
        for (key, _) in &element.attributes {
            let handler = key.starts_with("on");
            let loads = ["src", "srcset", "href", "xlink:href", "action", "data", "poster", "style"];
            assert!(!handler && !loads.contains(&key.as_str()), "<{} {key}>", element.name);
        }
    }
    for raw in elements.iter().filter(|element| element.name == "style" || element.name == "script") {
        for load in ["url(", "@import", "http:", "https:", "fetch(", "XMLHttpRequest", "import(", "eval(", "innerHTML"]
        {
            assert!(!raw.text.contains(load), "the {} has {load}", raw.name);
        }
    }
    every_plot_has_its_table_and_is_told(&elements);
    ids_are_unique_and_references_lead_to_them(&elements);
    elements
}

/// What pages are made of.
const ELEMENTS: [&str; 48] = [
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "h1",
    "h2",
    "h3",
    "p",
    "nav",
    "ul",
    "li",
    "button",
    "main",
    "section",
    "div",
    "figure",
    "figcaption",
    "svg",
    "desc",
    "g",
    "path",
    "rect",
    "line",
    "circle",
    "text",
    "details",
    "summary",
    "span",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "strong",
    "code",
    "pre",
    "footer",
    "output",
    "script",
    "a",
    "b",
    "i",
    "br",
];

/// The elements below one, itself left out.
fn below(elements: &[Element], top: usize) -> Vec<&Element> {
    let is_below = |mut at: usize| loop {
        match elements[at].parent {
            Some(parent) if parent == top => return true,
            Some(parent) => at = parent,
            None => return false,
        }
    };
    (top + 1..elements.len()).filter(|&at| is_below(at)).map(|at| &elements[at]).collect()
}

fn every_plot_has_its_table_and_is_told(elements: &[Element]) {
    let mut plots = 0;
    for (at, figure) in elements.iter().enumerate().filter(|(_, element)| element.name == "figure") {
        let inside = below(elements, at);
        let svg = inside.iter().find(|element| element.name == "svg");
        let Some(class) = svg.and_then(|svg| svg.attribute("class")) else { continue };
        let has = |name: &str| inside.iter().any(|element| element.name == name && !element.text.trim().is_empty());
        assert!(has("title") && has("desc") && has("h3"), "a {class} without words: {figure:?}");
        if !class.starts_with("diagram") {
            plots += 1;
            let table = inside.iter().filter(|element| element.name == "td").count();
            assert!(
                inside.iter().any(|element| element.name == "details") && table > 0,
                "a {class} without its numbers"
            );
        }
    }
    assert!(plots >= 6, "only {plots} plots");
}

fn ids_are_unique_and_references_lead_to_them(elements: &[Element]) {
    let mut ids: Vec<&str> = elements.iter().filter_map(|element| element.attribute("id")).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]), "an id twice: {ids:?}");
    let labels = elements.iter().filter_map(|element| element.attribute("aria-labelledby"));
    assert!(labels.flat_map(str::split_whitespace).all(|id| ids.binary_search(&id).is_ok()));
}

/// Every shipped scenario, cut after a second: kinds of servers, clients, proxies and classes of every sort.
#[test]
fn every_scenario_makes_a_whole_page() {
    for shipped in shipped::scenarios() {
        let compiled = shipped.shortened(Span::from_secs(1));
        let results = run(&compiled, 1, 2);
        let page = page_of(&compiled, &results, &plain(&compiled, &shipped.text), Vec::new());
        println!("{}: {} bytes", shipped.name, page.len());
        let elements = checked(&page);
        let buttons = elements.iter().filter(|element| element.attribute("data-toggle").is_some()).count();
        assert_eq!(buttons, compiled.models.len(), "{}", shipped.name);
    }
}

/// Five worlds in two replications for two minutes.
#[test]
fn a_page_is_small_and_the_same_twice() {
    let shipped = cpu_hog();
    let compiled = shipped.compile(&[("run.length", "2m")]);
    let texts = plain(&compiled, &shipped.text);
    let pages = [1, 2].map(|threads| page_of(&compiled, &run(&compiled, 2, threads), &texts, Vec::new()));
    assert!(pages[0] == pages[1], "the page depends on the threads");
    checked(&pages[0]);
    for shown in ["heavy: burn 200ms", "tailback report scenario.toml --seed 1 --replications 2 --set run.warm_up=0s"] {
        assert!(pages[0].contains(shown), "the page does not say {shown}");
    }
    let print = format!("{:016x}", run(&compiled, 1, 2)[4].records[0].fingerprint);
    assert!(pages[0].contains(&print), "the page does not have the fingerprint {print}");
}

/// Texts made of what has broken pages before, among anything else.
fn hostile() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "<script>alert(1)</script>",
        "</script><script>alert(1)//",
        "</style><img src=x onerror=alert(1)>",
        "\"onload=\"alert(1)",
        "' onmouseover='alert(1)",
        "]]><svg onload=alert(1)>",
        "<!--",
        "-->",
        "</title></svg><script>",
        "&lt;script&gt;",
        "&#x3c;script>",
        "javascript:alert(1)",
        "{{ 7 * 7 }}",
        "\u{202E}\u{0}\u{1b}[31m\r\n",
        "</details></table></section></main>",
        "`code`",
        "\\u003cscript\\u003e",
    ]);
    prop::collection::vec(prop_oneof![known.prop_map(str::to_owned), "\\PC{0,8}"], 1..4)
        .prop_map(|parts| parts.concat())
}

/// Five worlds of hubs and threads for two seconds, and what came of them.
static SMALL: LazyLock<(Compiled, Vec<WorldResult>)> = LazyLock::new(|| {
    let compiled = cpu_hog().compile(&[("run.length", "2s"), ("run.warm_up", "0s")]);
    let results = run(&compiled, 1, 2);
    (compiled, results)
});

fn cpu_hog() -> shipped::Shipped {
    let is_it = |shipped: &shipped::Shipped| shipped.name == "pinterest/cpu-hog";
    shipped::scenarios().into_iter().find(is_it).expect("it is shipped")
}

/// The small worlds with this text for every name. They are named after they ran: names decide what chance draws.
fn named(name: &str) -> (Compiled, Vec<WorldResult>) {
    let (compiled, results) = &*SMALL;
    let mut models = compiled.models.clone();
    let mut results = results.clone();
    for (at, (model, result)) in models.iter_mut().zip(&mut results).enumerate() {
        // The worlds of a run differ in name.
        model.name = format!("{name}{at}");
        result.name = model.name.clone();
        model.peers.iter_mut().for_each(|peer| peer.name = name.to_owned());
        model.workers.iter_mut().for_each(|worker| worker.name = name.to_owned());
        model.clients = model.clients.iter().map(|one| ClientSpec { name: name.to_owned(), ..one.clone() }).collect();
        model.classes = model.classes.iter().map(|one| ClassSpec { name: name.to_owned(), ..one.clone() }).collect();
        let program = |one: &Program| Program { name: name.to_owned(), ..one.clone() };
        model.programs = model.programs.iter().map(program).collect();
        for record in &mut result.records {
            record.world = model.name.clone();
            record.classes.iter_mut().for_each(|class| class.name = name.to_owned());
            record.groups.iter_mut().for_each(|group| group.name = name.to_owned());
        }
    }
    let shaded = vec![(Time::ZERO, Time::ZERO + Span::from_secs(1), name.to_owned())];
    let compiled = Compiled {
        auto_warm_up: false,
        plan: None,
        slo: None,
        title: compiled.title.clone(),
        question: None,
        source: None,
        seed: compiled.seed,
        replications: 1,
        models,
        shaded,
        concurrency: None,
        assumed: Vec::new(),
        warnings: Vec::new(),
        places: scenario::FilePlaces::default(),
    };
    (compiled, results)
}

/// The elements of a page of these texts with the names of their attributes, and what runs in it.
fn skeleton(name: &str, title: &str, other: &str) -> Vec<(String, Vec<String>, String)> {
    let (compiled, results) = named(name);
    let texts = Texts {
        file: other.to_owned(),
        scenario: format!("{title}\n{other}"),
        title: title.to_owned(),
        question: other.to_owned(),
        source: title.to_owned(),
        set: other.to_owned(),
    };
    let rows = vec![(other.to_owned(), vec![title.to_owned()])];
    let table = PageTable { caption: title.to_owned(), head: vec![other.to_owned(), name.to_owned()], rows };
    let section = Section {
        id: "more".to_owned(),
        heading: other.to_owned(),
        paragraphs: vec![title.to_owned()],
        tables: vec![table],
    };
    let page = page_of(&compiled, &results, &texts, vec![section]);
    // Names that find no room in a plot are left out, and long ones take more lines: text is not counted.
    let counted = checked(&page).into_iter().filter(|element| element.name != "text");
    let shape = |element: Element| {
        let keys = element.attributes.into_iter().map(|(key, _)| key).collect();
        let script = if element.name == "script" || element.name == "style" { element.text } else { String::new() };
        (element.name, keys, script)
    };
    counted.map(shape).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever texts a scenario has, the page has the same elements and attributes as with harmless ones.
    #[test]
    fn a_hostile_text_stays_a_text(name in hostile(), title in hostile(), other in hostile()) {
        let (harmless, hostile) = (skeleton("name", "title", "other"), skeleton(&name, &title, &other));
        let differ = harmless.iter().zip(&hostile).find(|(one, other)| one != other);
        prop_assert!(harmless == hostile, "the first to differ: {:?}", differ);
    }
}
