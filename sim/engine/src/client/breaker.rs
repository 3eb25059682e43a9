//! A circuit breaker: it counts failures, and after too many lets nothing pass for a while, then one to try.
//!
//! After Nygard's pattern and its Python library, pybreaker (`fail_max`, `reset_timeout`): its state lives in one process, so every
//! process finds out by itself. Closed it lets all pass; open none, and who asks fails at once; when it has been open for its time
//! the next one is let through, and its outcome closes the breaker or opens it again. pybreaker counts failures in a row; with a
//! window it is so many within that time.

use std::collections::VecDeque;

use crate::client::above::TasksForClient;
use crate::kit::id::{ProcessId, TaskId};
use crate::kit::table::Table;
use crate::kit::time::{Span, Time};
use crate::model::{BreakerSpec, PeerSpec};
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

/// One breaker at run time.
#[derive(Clone, Debug)]
pub(crate) struct Breaker {
    state: State,
    /// Instants of the failures that count, oldest first; never more than open it.
    failures: VecDeque<Time>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Closed,
    /// Until then nothing passes.
    Open(Time),
    /// One was let through and has not come back.
    HalfOpen,
}

impl Breaker {
    /// A closed one.
    pub(crate) fn new(spec: &BreakerSpec) -> Breaker {
        Breaker { state: State::Closed, failures: VecDeque::with_capacity(spec.failures as usize) }
    }

    /// The breaker of a peer; one that nobody asks if it has none.
    pub(crate) fn of(spec: Option<&BreakerSpec>) -> Breaker {
        spec.map_or(Breaker { state: State::Closed, failures: VecDeque::new() }, Breaker::new)
    }

    /// Whether somebody who asks now may pass.
    pub(crate) fn lets(&mut self, now: Time) -> bool {
        match self.state {
            State::Closed => true,
            State::Open(until) if now >= until => {
                self.state = State::HalfOpen;
                true
            }
            State::Open(_) | State::HalfOpen => false,
        }
    }

    /// What became of somebody who passed.
    pub(crate) fn note(&mut self, now: Time, good: bool, spec: &BreakerSpec) {
        match self.state {
            State::Open(_) => {}
            State::HalfOpen => {
                self.failures.clear();
                self.state = if good { State::Closed } else { State::Open(now + spec.open) };
            }
            State::Closed if good => {
                if spec.window.is_none() {
                    self.failures.clear();
                }
            }
            State::Closed => self.count(now, spec),
        }
    }

    fn count(&mut self, now: Time, spec: &BreakerSpec) {
        let window = spec.window.unwrap_or(Span::MAX);
        while self.failures.front().is_some_and(|&first| now.since(first) >= window) {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        if self.failures.len() >= spec.failures as usize {
            self.failures.clear();
            self.state = State::Open(now + spec.open);
        }
    }
}

/// The breakers of all processes.
#[derive(Debug)]
pub(crate) struct Breakers {
    /// By process and peer; of a peer without one nobody asks.
    rows: Table<ProcessId, Vec<Breaker>>,
}

impl Breakers {
    /// Those of no process.
    pub(crate) const fn new() -> Breakers {
        Breakers { rows: Table::new() }
    }

    /// A process comes into being that calls these peers.
    pub(crate) fn add_process(&mut self, peers: &[PeerSpec]) {
        self.rows.push(closed(peers));
    }

    /// A process has taken the place of another and knows of no failure.
    pub(crate) fn start_anew(&mut self, process: ProcessId, peers: &[PeerSpec]) {
        self.rows[process] = closed(peers);
    }
}

fn closed(peers: &[PeerSpec]) -> Vec<Breaker> {
    peers.iter().map(|peer| Breaker::of(peer.breaker.as_ref())).collect()
}

impl<P: Probe> World<'_, P> {
    /// Whether a process's breaker lets a task call a peer; if not, the task has failed.
    pub(crate) fn may_call(&mut self, task: TaskId, peer: u16) -> bool {
        if self.model.peers[usize::from(peer)].breaker.is_none() {
            return true;
        }
        let process = self.process_of(task);
        let lets = self.breakers.rows[process][usize::from(peer)].lets(self.now);
        if !lets {
            self.probe.on(self.now, Fact::FailedFast);
            self.call_fails(task);
        }
        lets
    }

    /// What became of a task's call.
    pub(crate) fn called(&mut self, task: TaskId, peer: u16, good: bool) {
        let Some(spec) = &self.model.peers[usize::from(peer)].breaker else { return };
        let process = self.process_of(task);
        self.breakers.rows[process][usize::from(peer)].note(self.now, good, spec);
    }

    fn process_of(&self, task: TaskId) -> ProcessId {
        self.threads[self.tasks[task].thread()].process()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_ms(ms)
    }

    fn spec(window: Option<Span>) -> BreakerSpec {
        BreakerSpec { failures: 3, window, open: Span::from_secs(1) }
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_lets_one_through_after_its_time() {
        let spec = spec(None);
        let mut breaker = Breaker::new(&spec);
        for (ms, good) in [(1, false), (2, false), (3, true), (4, false), (5, false)] {
            assert!(breaker.lets(at(ms)));
            breaker.note(at(ms), good, &spec);
        }
        assert!(breaker.lets(at(6)), "two in a row are not three");
        breaker.note(at(6), false, &spec);
        assert!(!breaker.lets(at(1_005)), "open");
        assert!(breaker.lets(at(1_006)), "the probe");
        assert!(!breaker.lets(at(1_006)), "only one");
        breaker.note(at(1_010), false, &spec);
        assert!(!breaker.lets(at(2_009)), "open again");
        assert!(breaker.lets(at(2_010)));
        breaker.note(at(2_011), true, &spec);
        assert!(breaker.lets(at(2_012)) && breaker.lets(at(2_012)), "closed");
    }

    #[test]
    fn with_a_window_old_failures_are_forgotten_and_successes_change_nothing() {
        let spec = spec(Some(Span::from_ms(100)));
        let mut breaker = Breaker::new(&spec);
        for (ms, good) in [(0, false), (50, false), (60, true), (120, false)] {
            breaker.note(at(ms), good, &spec);
        }
        assert!(breaker.lets(at(121)), "two failures within the last 100 ms");
        breaker.note(at(140), false, &spec);
        assert!(!breaker.lets(at(141)));
    }
}
