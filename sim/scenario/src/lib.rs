//! Scenario files: TOML in, engine models out, and everything that can be said about what is wrong in between.
//!
//! [`parse`] reads a text and collects every mistake in it; [`compile`] makes one [`engine::model::Model`] per
//! world. [`schema`], [`reference()`] and [`starter`] come from the same key tables that the reader uses, so they
//! cannot drift apart. This crate does no I/O: texts are passed in, and files beside a scenario come through a
//! closure.
//!
//! Its rooms, each of which knows those before it only: `words/` (findings and their places), `reader/` (text to checked nodes),
//! `tables/` (what keys there are and what they mean), `whole/` (what they say together), `format/` (what is told of the format),
//! `compile/` (models), `lint/` (doubts).

mod compile;
mod format;
mod lint;
mod reader;
mod tables;
mod whole;
mod words;

use reader::walk::{Names, Walker};
use reader::{overrides, raw};
use whole::root::SCENARIO;
use words::diagnostic::Findings;
use words::source::{At, Sources};

pub use compile::places::{DoubtSubject, FilePlaces, LateDoubt};
pub use compile::{Compiled, compile};
pub use format::reference::reference;
pub use format::schema::schema;
pub use format::settings::settings;
pub use format::starter::starter;
pub use format::typed_numbers::{TypedNumber, typed_numbers};
pub use format::written_steps::{WrittenStep, written_steps};
pub use reader::bound::{Bound, BoundSide};
pub use reader::overrides::Override;
pub use tables::plan::{TypedPlan, Vary};
pub use tables::preset::presets;
pub use tables::slo::{TypedObjective, TypedSlo};
pub use whole::Scenario;
pub use words::diagnostic::{Diagnostic, Severity};
pub use words::limits::{BESIDE_BYTES, FILE_BYTES, grouped, listed as limits};
pub use words::suggest::{help as did_you_mean, meant, nearest};

/// Reads a scenario: `text` is the file's content, `file` its name for messages.
///
/// # Errors
/// Every mistake in it, sorted by position, those of overrides last; warnings are among them.
pub fn parse(text: &str, file: &str, overrides: &[Override]) -> Result<Scenario, Vec<Diagnostic>> {
    let mut findings = Findings::default();
    if text.len() > FILE_BYTES {
        let what = format!("the file has {} bytes, more than the limit", grouped(text.len() as u64));
        let help = format!("the limit is {} bytes", grouped(FILE_BYTES as u64));
        findings.error(At::default(), what).label("too large").help(help);
        return Err(findings.finish(&Sources::new(file, "")));
    }
    let mut sources = Sources::new(file, text);
    let mut document = raw::read(0, &sources, &mut findings);
    overrides::apply(&mut document, SCENARIO.root, overrides, &mut sources, &mut findings);
    let names = Names::of(&document);
    let root = Walker::new(&SCENARIO, &sources, &names, &mut findings).file(&document);
    let scenario = Scenario::read(&root, &mut findings);
    lint::check(&scenario, &root, &mut findings);
    let failed = findings.failed();
    let list = findings.finish(&sources);
    if failed { Err(list) } else { Ok(Scenario { sources, warnings: list, ..scenario }) }
}
