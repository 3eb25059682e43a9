//! A run written down: its fingerprint window by window, and the events of one window in words. It finds where two runs that should
//! have been the same began to differ.

use std::fmt::Debug;

use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::model::Model;
use crate::program::wait::Ending;
use crate::watch::probe::{Fact, Onlooker, Watched};
use crate::world::{RunError, World};

/// What is written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// Width of a window.
    pub window: Span,
    /// From when to when events are written down in words.
    pub words: Option<(Time, Time)>,
    /// Lines in words at most.
    pub lines_max: usize,
}

/// A window in which something happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FingerprintWindow {
    /// When it begins.
    pub from: Time,
    /// Events from the start of the run to its end.
    pub events: u64,
    /// Hash over them.
    pub fingerprint: u64,
}

/// A run, as it was written down.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fingerprints {
    /// The windows in which something happened.
    pub windows: Vec<FingerprintWindow>,
    /// What happened while words were wanted, in order.
    pub lines: Vec<(Time, String)>,
    /// How many lines more there would be.
    pub cut: u64,
    wanted: Wanted,
    /// When the last window ends.
    edge: Time,
    events: u64,
}

impl Fingerprints {
    /// Runs one world of a model and writes it down.
    ///
    /// # Errors
    /// As [`crate::run`]; what was written until then is lost.
    pub fn of(model: &Model, seed: Seed, replication: Replication, wanted: Wanted) -> Result<Fingerprints, RunError> {
        let mut written =
            Fingerprints { windows: Vec::new(), lines: Vec::new(), cut: 0, wanted, edge: Time::ZERO, events: 0 };
        let mut world = World::new(model, seed, replication, Watched::<true>::new(None, &mut written));
        world.run()?;
        drop(world);
        Ok(written)
    }

    fn write(&mut self, at: Time, line: impl FnOnce() -> String) {
        if self.wanted.words.is_none_or(|(from, to)| at < from || at >= to) {
            return;
        }
        match self.lines.len() < self.wanted.lines_max {
            true => self.lines.push((at, line())),
            false => self.cut += 1,
        }
    }
}

impl Onlooker for Fingerprints {
    fn on(&mut self, at: Time, fact: Fact<'_>) {
        let ended = |ending: Ending, request: &crate::program::request::Request| {
            format!("  ended: class {}, born at {}, {}", request.class(), request.born(), ending.label())
        };
        match fact {
            Fact::Sent(request) => self.write(at, || format!("  sent: class {}", request.class())),
            Fact::Ended(request, ending) => self.write(at, || ended(ending, request)),
            Fact::HubRan { hub, program, ready, .. } => {
                self.write(at, || format!("  hub {hub} runs program {program}, ready since {ready}"));
            }
            Fact::SynDropped => self.write(at, || "  SYN dropped".to_owned()),
            _ => {}
        }
    }

    fn event(&mut self, at: Time, event: &dyn Debug, fingerprint: u64) {
        self.events += 1;
        if at >= self.edge || self.windows.is_empty() {
            let width = self.wanted.window.as_ns().max(1);
            let from = Time::from_ns(at.as_ns() / width * width);
            self.edge = from.saturating_add(Span::from_ns(width));
            self.windows.push(FingerprintWindow { from, events: 0, fingerprint: 0 });
        }
        let window = self.windows.last_mut().expect("it was pushed");
        (window.events, window.fingerprint) = (self.events, fingerprint);
        self.write(at, || format!("{event:?}"));
    }
}
