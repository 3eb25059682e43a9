//! One turn of the loop.
//!
//! After `base_events.py:_run_once` (CPython 3.13): cancelled timers at the head go; poll; the handles of what is readable are queued,
//! then those of all timers that are due; then as many handles run as are queued at this moment (L1). Under uvloop the queue runs
//! first, descriptors' handles run inside the poll and due timers' right after it (`uv_run`, U1), and the poll is timed by a clock
//! that was cached earlier (U7).

use super::EventLoop;
use super::handle::MILLISECOND;
use super::server::Ask;
use super::task::{Driven, RunningTask};
use crate::kit::time::{Span, Time};
use crate::model::asyncio::LoopKind;

/// How late the kernel ends a timed wait: Linux's default timer slack.
const TIMER_SLACK: u64 = 50_000;
/// The longest poll (`base_events.py`, `MAXIMUM_SELECT_TIMEOUT`).
const LONGEST_POLL: Span = Span::from_secs(24 * 3600);

/// Where the loop is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TurnPhase {
    /// At the beginning of a turn.
    Begin,
    /// About to poll, until this instant at most; [`Time::NEVER`] is for ever.
    Poll(Time),
    /// Running so many handles of the queue.
    Queue(usize),
    /// uvloop: running what is in the batch, the handles of descriptors.
    Descriptors,
    /// uvloop: the same, those of timers.
    Timers,
}

/// What the loop wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Next {
    /// To pay what it owes, so that what happened until now is there.
    Pay,
    /// To be blocked in its poll until then.
    Block(Time),
    /// To go on with Python after its poll.
    Python,
    /// A task runs.
    Task,
    /// A handle does something outside of the loop.
    Serve(Ask),
}

/// How long the kernel waits in `select` with a timeout of so many seconds: whole milliseconds, rounded up by `selectors.py` and again by
/// `select.epoll.poll`, and a little late (L4). Python's own arithmetic, on doubles.
fn wait_ns(timeout: f64) -> u64 {
    if timeout <= 0.0 {
        return 0;
    }
    let rounded = (timeout * 1e3).ceil() * 1e-3;
    let ns = (rounded * 1e9).ceil() as u64;
    ns.div_ceil(MILLISECOND) * MILLISECOND + TIMER_SLACK
}

impl EventLoop {
    /// Goes on until a task's program is next, or something of the machine is wanted.
    pub(super) fn turn(&mut self) -> Next {
        loop {
            if self.pays_first() {
                return Next::Pay;
            }
            if let Some(ask) = self.asked() {
                return Next::Serve(ask);
            }
            match self.running.last() {
                Some(&RunningTask::Task(task)) => match self.drive(task) {
                    Driven::Program => return Next::Task,
                    Driven::Nested | Driven::Paused => continue,
                },
                Some(&RunningTask::Birth(birth, made)) => {
                    self.after_birth(birth, made);
                    continue;
                }
                None => {}
            }
            match self.phase {
                TurnPhase::Begin => {
                    self.phase = TurnPhase::Poll(self.poll_until());
                    return Next::Pay;
                }
                TurnPhase::Poll(until) => return self.poll(until).unwrap_or(Next::Python),
                TurnPhase::Queue(0) => self.phase = TurnPhase::Begin,
                TurnPhase::Queue(left) => {
                    self.phase = TurnPhase::Queue(left - 1);
                    let handle = self.ready.pop_front().expect("it was counted");
                    self.run_handle(handle);
                }
                TurnPhase::Descriptors | TurnPhase::Timers => self.run_batch(),
            }
        }
    }

    /// Until when the poll may last.
    fn poll_until(&mut self) -> Time {
        self.drop_cancelled();
        self.now += self.costs.turn;
        if !self.ready.is_empty() {
            return Time::ZERO;
        }
        let Some(when) = self.timers.first().map(|timer| timer.when) else { return Time::NEVER };
        let from = match self.kind {
            LoopKind::Asyncio => self.time(),
            LoopKind::Uvloop => self.cached,
        };
        let wait = Span::from_ns(when.as_ns().saturating_sub(from.as_ns())).min(LONGEST_POLL);
        self.now + Span::from_ns(wait_ns(wait.as_ns() as f64 / 1e9))
    }

    /// The poll, once all is paid: what is readable is found, or the loop blocks.
    fn poll(&mut self, until: Time) -> Option<Next> {
        self.sockets.tell();
        self.found.clear();
        self.sockets.report(&mut self.found);
        if self.found.is_empty() && self.ready.is_empty() && self.now < until {
            self.active_at = self.now;
            return Some(Next::Block(until));
        }
        match self.kind {
            LoopKind::Asyncio => {
                self.ready.extend(self.found.drain(..));
                let now = self.time();
                while let Some(handle) = self.pop_due(now) {
                    self.ready.push_back(handle);
                }
                self.phase = TurnPhase::Queue(self.ready.len());
            }
            LoopKind::Uvloop => {
                self.batch.extend(self.found.drain(..));
                self.phase = TurnPhase::Descriptors;
            }
        }
        None
    }

    /// uvloop: the next handle of a batch, or what comes after it.
    fn run_batch(&mut self) {
        if let Some(handle) = self.batch.pop_front() {
            return self.run_handle(handle);
        }
        if self.phase == TurnPhase::Timers {
            self.phase = TurnPhase::Queue(self.ready.len());
            return;
        }
        let now = self.time();
        while let Some(handle) = self.pop_due(now) {
            self.batch.push_back(handle);
        }
        self.phase = TurnPhase::Timers;
    }

    /// Whether all is paid, and the poll is next.
    pub(super) fn polls_next(&self) -> bool {
        matches!(self.phase, TurnPhase::Poll(_)) && self.running.is_empty()
    }

    /// The loop begins to run: with a poll, or under uvloop with its queue.
    pub(super) fn begin(&mut self) {
        self.phase = match self.kind {
            LoopKind::Asyncio => TurnPhase::Begin,
            LoopKind::Uvloop => TurnPhase::Queue(self.ready.len()),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_waits_are_a_millisecond_longer_than_asked_for() {
        let ms = |ms: u64| (wait_ns(ms as f64 / 1e3) - TIMER_SLACK) / MILLISECOND;
        let longer: Vec<u64> = (1..=90).filter(|&asked| ms(asked) > asked).collect();
        assert!([9, 13, 18, 26, 36, 52].iter().all(|asked| longer.contains(asked)), "{longer:?}");
        assert_eq!((ms(10), ms(100), wait_ns(0.0)), (10, 100, 0));
        assert_eq!((wait_ns(0.0101) - TIMER_SLACK) / MILLISECOND, 11);
    }
}
