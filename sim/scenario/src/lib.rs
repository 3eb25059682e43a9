//! Scenario files: TOML in, engine models out, and everything that can be said about what is wrong in between.
//!
//! [`parse`] reads a text and collects every mistake in it; [`compile`] makes one [`engine::model::Model`] per
//! world. [`schema`], [`reference()`] and [`starter`] come from the same key tables that the reader uses, so they
//! cannot drift apart. This crate does no I/O: texts are passed in, and files beside a scenario come through a
//! closure.

mod begins;
mod bound;
mod brackets;
mod budget;
mod client;
mod compile;
mod csv;
mod diagnostic;
mod front;
mod habits;
mod kernel;
mod key;
mod knobs;
mod law_text;
mod library;
mod life;
mod limits;
mod lint;
mod node;
mod overrides;
mod peer;
mod place;
mod plan;
mod preset;
mod program;
mod range;
mod raw;
mod reference;
mod request;
mod resident;
mod root;
mod router;
mod scalar;
mod schema;
mod settings;
mod settle;
mod sharing;
mod slo;
mod software;
mod starter;
mod step;
mod suggest;
mod sync;
mod unit;
mod walk;
mod world;
mod written;

pub use bound::{Bound, Side};
pub use compile::{Compiled, compile};
pub use diagnostic::{Diagnostic, Severity};
pub use knobs::{Knob, knobs};
pub use limits::{BESIDE_BYTES, FILE_BYTES, grouped, listed as limits};
pub use overrides::Override;
pub use place::{About, LateDoubt, Places};
pub use plan::{Plan, Vary};
pub use preset::presets;
pub use reference::reference;
pub use root::{Scenario, parse};
pub use schema::schema;
pub use settings::settings;
pub use slo::{Objective, Slo};
pub use starter::starter;
pub use suggest::{help as suggestion, meant, nearest};
pub use written::{WrittenStep, written_steps};
