//! Where the time went: bars of what latencies are made of, world by world, and lists of who kept whom waiting.

use std::fmt::Write;

use engine::Model;
use engine::record::Wait;
use lab::Unit;
use lab::explain::{BillColumn, Split, culprit_name, step_name};

use super::look::{attribute, escape, glued};
use super::svg::WIDTH;
use super::{PageChart, PageTable};
use crate::figures::style::MIDDLE;
use crate::figures::type_setting::Face;
use crate::text::explain::{lost_sentence, tail_sentence};
use crate::words::carriers::CarrierWord;
use crate::words::number;

/// The columns that get a bar.
const BARS: [&str; 3] = ["mean", "p50", "p99"];
/// Where bars begin.
const LEFT: f64 = 40.0;
/// Where bars end; what they amount to stands to the right.
const RIGHT: f64 = 290.0;
/// Height of a bar.
const BAR: f64 = 26.0;
/// From the top of a bar to the top of the next.
const DOWN: f64 = 34.0;
/// Size of text.
const LABEL: f64 = 11.0;
/// White space around a label within its part of a bar.
const PADDING: f64 = 4.0;
/// A part that is worth a mark.
const SHARE_MIN: f64 = 0.002;
/// Lines of a list.
const LIST_MAX: usize = 5;
/// A part of the waits for hubs that is worth a line.
const CULPRIT_MIN: f64 = 0.01;

/// What stands in a world's place if nothing was answered.
const NOTHING: &str = "There was no good response: nothing to explain.";

/// The bars of a world with what is told beneath them.
pub(crate) fn chart(world: usize, model: &Model, split: Option<&Split>) -> PageChart {
    let Some(split) = split else {
        let said = vec![NOTHING.to_owned()];
        return PageChart { title: model.name.clone(), world: Some(world), said, ..PageChart::default() };
    };
    let lost = lost_sentence(model, split, usize::MAX).trim().to_owned();
    let said = [tail_sentence(model, split).replace('`', ""), lost]
        .into_iter()
        .filter(|text| !text.is_empty())
        .map(|text| glued(&text))
        .collect();
    let lists = [held(model, split), steps(model, split), slowest(model, split)].into_iter().flatten().collect();
    PageChart {
        title: model.name.clone(),
        svg: draw(world, model, split),
        table: Some(bill(model, split)),
        world: Some(world),
        said,
        lists,
        ..PageChart::default()
    }
}

fn time(ns: f64) -> String {
    number::value(Unit::Nanoseconds, ns)
}

fn draw(world: usize, model: &Model, split: &Split) -> String {
    let height = DOWN * BARS.len() as f64;
    let id = format!("blame-{world}");
    let word = CarrierWord::of_model(model);
    let described: Vec<String> = BARS.iter().map(|label| described(split.column(label), word)).collect();
    let mut out = format!(
        "<svg class=\"bars\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\n\
         <title id=\"{id}-t\">{}</title>\n<desc id=\"{id}-d\">{}</desc>\n",
        escape(&format!("Where the time of good responses went: {}", model.name)),
        escape(&described.join(" ")),
    );
    for (row, label) in BARS.iter().enumerate() {
        let column = split.column(label);
        let top = DOWN * row as f64;
        let base = top + BAR / 2.0 + LABEL * MIDDLE;
        let latency = escape(&time(column.latency_ns));
        let _ = writeln!(out, "<text class=\"row\" x=\"0\" y=\"{base:.1}\">{label}</text>");
        let _ = writeln!(out, "<text class=\"amount\" x=\"{WIDTH}\" y=\"{base:.1}\">{latency}</text>");
        out += &parts(column, top, base, word);
    }
    out + "</svg>\n"
}

/// The parts of a bar, each with its name if that fits into it.
fn parts(column: &BillColumn, top: f64, base: f64, word: CarrierWord) -> String {
    let (mut out, mut left) = (String::new(), LEFT);
    for wait in Wait::ALL {
        let share = column.share(wait);
        let right = left + share * (RIGHT - LEFT);
        if share >= SHARE_MIN {
            let width = right - left;
            let label = word.told(wait.label());
            let told = format!("{label}: {}, {}", number::value(Unit::Share, share), time(share * column.latency_ns));
            let told = attribute(&told);
            let _ = writeln!(
                out,
                "<rect class=\"{}\" x=\"{left:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{BAR}\" \
                 data-told=\"{told}\"/>",
                tint(wait)
            );
            if Face::Regular.width(&label, LABEL) + 2.0 * PADDING <= width {
                let x = left + PADDING;
                let _ = writeln!(out, "<text class=\"part\" x=\"{x:.1}\" y=\"{base:.1}\">{label}</text>");
            }
        }
        left = right;
    }
    out
}

/// The class of the colour of a wait.
pub(crate) fn tint(wait: Wait) -> String {
    format!("b{}", wait as usize)
}

fn described(column: &BillColumn, word: CarrierWord) -> String {
    let mut parts: Vec<(f64, Wait)> = Wait::ALL.into_iter().map(|wait| (column.share(wait), wait)).collect();
    parts.retain(|(share, _)| *share >= 0.01);
    parts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let part =
        |(share, wait): &(f64, Wait)| format!("{} {}", word.told(wait.label()), number::value(Unit::Share, *share));
    let parts: Vec<String> = parts.iter().map(part).collect();
    format!("{} {}: {}.", column.label, time(column.latency_ns), parts.join(", "))
}

/// The waits that any of the worlds has a visible part of, for the key.
pub(crate) fn key<'a>(splits: impl Iterator<Item = &'a Split> + Clone, word: CarrierWord) -> Vec<(String, String)> {
    let seen = |wait: &Wait| {
        let share = |split: &Split| BARS.iter().any(|label| split.column(label).share(*wait) >= SHARE_MIN);
        splits.clone().any(share)
    };
    Wait::ALL.into_iter().filter(seen).map(|wait| (tint(wait), word.told(wait.label()))).collect()
}

/// The bill of the mean and of each percentile.
fn bill(model: &Model, split: &Split) -> PageTable {
    let head = [String::new()].into_iter().chain(split.columns.iter().map(|column| column.label.to_owned())).collect();
    let latency = split.columns.iter().map(|column| time(column.latency_ns)).collect();
    let mut rows = vec![("latency".to_owned(), latency)];
    for wait in Wait::ALL {
        if split.columns.iter().any(|column| column.share(wait) >= SHARE_MIN) {
            let cells = split.columns.iter().map(|column| number::value(Unit::Share, column.share(wait)));
            rows.push((CarrierWord::of_model(model).told(wait.label()), cells.collect()));
        }
    }
    PageTable { caption: format!("Where the time went: {}", model.name), head, rows }
}

/// Who held hubs while others were ready.
fn held(model: &Model, split: &Split) -> Option<PageTable> {
    let worth = split.held.iter().filter(|held| held.share >= CULPRIT_MIN).take(LIST_MAX);
    let row = |held: &lab::explain::HeldShare| {
        (culprit_name(model, held.culprit).replace('`', ""), vec![number::value(Unit::Share, held.share)])
    };
    let rows: Vec<_> = worth.map(row).collect();
    let head = vec![
        format!("what held the {} (waits of 1 ms and more)", CarrierWord::of_model(model).word()),
        "share".to_owned(),
    ];
    (!rows.is_empty()).then_some(PageTable { caption: "The culprits".to_owned(), head, rows })
}

/// What was waited for, step by step.
fn steps(model: &Model, split: &Split) -> Option<PageTable> {
    let row = |step: &lab::explain::StepShare| {
        let class = &model.classes[usize::from(step.class)];
        let program = u16::try_from(class.program).expect("models have under 2^16 programs");
        let name = format!("{}: {}", class.name, step_name(model, program, step.op).replace('`', ""));
        (name, vec![time(step.mean_ns), time(step.longest.as_ns() as f64)])
    };
    let rows: Vec<_> = split.steps.iter().take(LIST_MAX).map(row).collect();
    let head = ["what was waited for", "mean", "longest"].map(str::to_owned).to_vec();
    (!rows.is_empty()).then_some(PageTable { caption: "Waits at steps".to_owned(), head, rows })
}

/// The slowest requests, and what most of their time was.
fn slowest(model: &Model, split: &Split) -> Option<PageTable> {
    let row = |one: &lab::explain::Slowest| {
        let most = Wait::ALL.into_iter().max_by(|a, b| one.shares[*a as usize].total_cmp(&one.shares[*b as usize]));
        let most = most.map_or(String::new(), |wait| {
            let label = CarrierWord::of_model(model).told(wait.label());
            format!("{label} {}", number::value(Unit::Share, one.shares[wait as usize]))
        });
        let class = &model.classes[usize::from(one.class)].name;
        let name = format!("{class}, sent at {} of replication {}: {most}", one.born, one.replication);
        (name, vec![time(one.latency.as_ns() as f64)])
    };
    let rows: Vec<_> = split.slowest.iter().map(row).collect();
    let head = vec!["the slowest requests".to_owned(), "latency".to_owned()];
    (!rows.is_empty()).then_some(PageTable { caption: "The slowest requests".to_owned(), head, rows })
}
