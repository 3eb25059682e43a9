//! What a trace keeps: slices, levels and arrows that touch its window, until it is full.

use std::collections::BTreeMap;

use super::{Arrow, ArrowKind, Counter, Level, Slice, TraceWindow, Track, What};
use crate::kit::time::Time;

/// Records of a window.
#[derive(Debug)]
pub(super) struct Keep {
    pub(super) window: TraceWindow,
    /// When it was full.
    pub(super) full: Option<Time>,
    pub(super) slices: Vec<Slice>,
    pub(super) levels: Vec<Level>,
    pub(super) arrows: Vec<Arrow>,
    /// The present levels, and whether the window knows them.
    now: BTreeMap<Counter, (i64, bool)>,
}

impl Keep {
    pub(super) fn new(window: TraceWindow) -> Keep {
        let (slices, levels, arrows, now) = (Vec::new(), Vec::new(), Vec::new(), BTreeMap::new());
        Keep { window, full: None, slices, levels, arrows, now }
    }

    /// Whether it has room for no more.
    pub(super) fn is_full(&self) -> bool {
        self.slices.len() + self.levels.len() + 2 * self.arrows.len() >= self.window.events_max
    }

    /// Whether something that lasted so long is of interest.
    pub(super) fn touches(&self, from: Time, to: Time) -> bool {
        from < to && from < self.window.to && to > self.window.from && self.full.is_none()
    }

    /// Keeps a slice.
    pub(super) fn slice(&mut self, track: Track, what: What, from: Time, to: Time) {
        if self.touches(from, to) {
            self.slices.push(Slice { track, what, from, to });
        }
    }

    /// Keeps an arrow; it leaves its slice just before that ends.
    pub(super) fn arrow(&mut self, link: ArrowKind, from: (Track, Time), to: (Track, Time)) {
        let leaves = Time::from_ns(from.1.as_ns().saturating_sub(1));
        if leaves >= self.window.from && to.1 < self.window.to && leaves <= to.1 && self.full.is_none() {
            self.arrows.push(Arrow { link, from: (from.0, leaves), to });
        }
    }

    /// A level is so high from now on.
    pub(super) fn level(&mut self, counter: Counter, at: Time, value: i64) {
        let (present, known) = self.now.entry(counter).or_insert((0, false));
        let before = std::mem::replace(present, value);
        if before == value {
            return;
        }
        if at < self.window.from || at >= self.window.to || self.full.is_some() {
            return;
        }
        if !std::mem::replace(known, true) && at > self.window.from {
            self.levels.push(Level { counter, at: self.window.from, value: before });
        }
        self.levels.push(Level { counter, at, value });
    }

    /// A level changes by so much.
    pub(super) fn change(&mut self, counter: Counter, at: Time, by: i64) {
        let before = self.now.get(&counter).map_or(0, |&(value, _)| value);
        self.level(counter, at, before + by);
    }

    /// Levels that did not change in the window are as high as they were.
    pub(super) fn note_still_levels(&mut self) {
        for (&counter, &(value, known)) in &self.now {
            if !known {
                self.levels.push(Level { counter, at: self.window.from, value });
            }
        }
    }
}
