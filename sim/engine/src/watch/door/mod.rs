//! What the workers did while connections waited for them: in the accept queue, and in a pool server for one of its threads.
//!
//! At each instant a process is in one state: it is idle, its loop is held up, all its slots are taken, or it accepts nobody because it
//! is stopping, booting or gone. While anybody stands in a queue, the time of each state grows by the number of processes that are in
//! it, and so does that of what those requests wait for that take the slots. So who waited has two readings, one at each end, and
//! its time belongs to the states in proportion to what they grew by.
//! A probe keeps these books, from details that only it and a trace ask for: a run that nobody explains does not pay for them.
//! Left out: the processes of routers.

mod keeper;

use serde::Serialize;

use crate::kit::time::{Span, Time};
use crate::program::wait::Wait;
use crate::watch::blame::BlameRows;
pub(crate) use keeper::Doorkeeper;

/// What a process did while a connection waited for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Meanwhile {
    /// Nothing: it was just being woken.
    Idle,
    /// Its loop, or the thread that accepts, ran something else on a core.
    Ran,
    /// Its loop was in a call that blocks it.
    Blocked,
    /// Its loop, or the thread that accepts, wanted a core.
    NoCore,
    /// The thread that accepts waited for the GIL.
    NoGil,
    /// Its thread stood still, because the CPU limit of its server was used up.
    Throttled,
    /// The thread that accepts waited for a client to close its connection.
    Closing,
    /// It accepted nobody any more: it was to be replaced, and finished what it had.
    Stopping,
    /// It was being started.
    Booting,
    /// It was dead, and its master had yet to start another.
    Gone,
    /// All its slots were taken, by connections over which nobody asked or that were being closed.
    FullOfIdle,
    /// All its slots were taken, by requests that were at this.
    Full(Wait),
}

/// States that do not say what slots are taken by.
const STATES: [Meanwhile; 11] = [
    Meanwhile::Idle,
    Meanwhile::Ran,
    Meanwhile::Blocked,
    Meanwhile::NoCore,
    Meanwhile::NoGil,
    Meanwhile::Throttled,
    Meanwhile::Closing,
    Meanwhile::Stopping,
    Meanwhile::Booting,
    Meanwhile::Gone,
    Meanwhile::FullOfIdle,
];

impl Meanwhile {
    /// How many there are.
    pub const KINDS: usize = STATES.len() + Wait::KINDS;

    /// All, in the order of [`Meanwhile::index`].
    pub fn all() -> impl Iterator<Item = Meanwhile> {
        STATES.into_iter().chain(Wait::ALL.into_iter().map(Meanwhile::Full))
    }

    /// Its place in a list of all.
    pub fn index(self) -> usize {
        match self {
            Meanwhile::Idle => 0,
            Meanwhile::Ran => 1,
            Meanwhile::Blocked => 2,
            Meanwhile::NoCore => 3,
            Meanwhile::NoGil => 4,
            Meanwhile::Throttled => 5,
            Meanwhile::Closing => 6,
            Meanwhile::Stopping => 7,
            Meanwhile::Booting => 8,
            Meanwhile::Gone => 9,
            Meanwhile::FullOfIdle => 10,
            Meanwhile::Full(wait) => STATES.len() + wait as usize,
        }
    }

    /// Whether all its slots were taken.
    pub fn is_full(self) -> bool {
        matches!(self, Meanwhile::Full(_) | Meanwhile::FullOfIdle)
    }

    /// Whether it was no process that accepts: on its way out, on its way in, or neither.
    pub fn is_shut(self) -> bool {
        matches!(self, Meanwhile::Stopping | Meanwhile::Booting | Meanwhile::Gone)
    }

    /// One word for it, or two, for programs.
    pub fn name(self) -> String {
        match self {
            Meanwhile::Idle => "idle".to_owned(),
            Meanwhile::Ran => "busy".to_owned(),
            Meanwhile::Blocked => "blocked".to_owned(),
            Meanwhile::NoCore => "core".to_owned(),
            Meanwhile::NoGil => "GIL".to_owned(),
            Meanwhile::Throttled => "throttled".to_owned(),
            Meanwhile::Closing => "closing".to_owned(),
            Meanwhile::Stopping => "stopping".to_owned(),
            Meanwhile::Booting => "booting".to_owned(),
            Meanwhile::Gone => "gone".to_owned(),
            Meanwhile::FullOfIdle => "full: no request".to_owned(),
            Meanwhile::Full(wait) => format!("full: {}", wait.label()),
        }
    }
}

/// Time by [`Meanwhile::index`].
pub type Parts = [Span; Meanwhile::KINDS];

/// What was seen at the doors of one run; without classes if nobody looked.
#[derive(Clone, Default, Debug)]
pub struct DoorRecord {
    /// By class, in model order.
    pub classes: Vec<ClassDoor>,
    /// When nobody accepted.
    pub shut: Shut,
}

/// What workers did while requests of one class waited for them.
#[derive(Clone, Debug)]
pub struct ClassDoor {
    /// Of good responses, by their latency.
    pub rows: BlameRows<{ Meanwhile::KINDS }>,
    /// Of those that ended badly, in all.
    pub lost: Parts,
    /// Of the slowest good responses, the slowest first; of equals the one that ended first.
    pub worst: Vec<WorstDoor>,
}

/// One of the slowest requests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WorstDoor {
    /// When its sender asked.
    pub born: Time,
    /// How long it took.
    pub latency: Span,
    /// What workers did while it waited for them.
    pub parts: Parts,
}

/// Times after the warm-up in which no process of a server accepted, all of them being stopped, started or dead.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize)]
pub struct Shut {
    /// How often.
    pub times: u64,
    /// How long in all, over all servers.
    pub total: Span,
    /// The longest.
    pub longest: Span,
    /// Most processes of a server that did not accept at once.
    pub most: u32,
}

impl Shut {
    /// Of two runs together.
    pub fn merged(self, other: Shut) -> Shut {
        Shut {
            times: self.times + other.times,
            total: self.total + other.total,
            longest: self.longest.max(other.longest),
            most: self.most.max(other.most),
        }
    }
}

/// The state of being full, while it is not said of what; it takes the place of what a process that is full of idle ones does.
const FULL: usize = STATES.len() - 1;
/// Where what requests are at that take the slots begins, and where the slots themselves are counted.
const INSIDE: usize = STATES.len();
const SLOTS: usize = INSIDE + Wait::KINDS;

type Levels = [u64; SLOTS + 1];
type Areas = [u128; SLOTS + 1];

/// A place where connections wait for workers: how many processes are in which state, and for how long they were.
#[derive(Clone, Debug)]
struct Station {
    at: Time,
    /// Who waits.
    waiting: u32,
    /// Processes by state; requests that take slots of full processes by what they are at; these slots.
    level: Levels,
    /// The same times nanoseconds, of the time in which anybody waits.
    area: Areas,
}

impl Station {
    fn new() -> Station {
        Station { at: Time::ZERO, waiting: 0, level: [0; SLOTS + 1], area: [0; SLOTS + 1] }
    }

    /// Adds up until now.
    fn advance(&mut self, now: Time) {
        let passed = now.since(self.at).as_ns();
        self.at = now;
        if self.waiting > 0 && passed > 0 {
            for (area, level) in self.area.iter_mut().zip(self.level) {
                *area += u128::from(level) * u128::from(passed);
            }
        }
    }

    /// Somebody begins to wait: the reading.
    fn enter(&mut self, now: Time) -> Areas {
        self.advance(now);
        self.waiting += 1;
        self.area
    }

    /// Who began to wait at that reading does not any longer: what it waited for, which adds up to the time since.
    fn leave(&mut self, now: Time, since: Time, reading: &Areas, parts: &mut Parts) {
        self.advance(now);
        self.waiting -= 1;
        let grown: Areas = std::array::from_fn(|at| self.area[at] - reading[at]);
        let of = |part: u128, whole: u128, time: u64| {
            u64::try_from(u128::from(time) * part / whole.max(1)).expect("a part is no longer than the whole")
        };
        let time = now.since(since).as_ns();
        let whole: u128 = grown[..STATES.len()].iter().sum();
        let mut left = time;
        for state in (0..STATES.len()).filter(|&state| state != FULL && state != Meanwhile::Idle.index()) {
            let span = of(grown[state], whole, time);
            parts[state] += Span::from_ns(span);
            left -= span;
        }
        let full = of(grown[FULL], whole, time);
        left -= full;
        let inside: u128 = grown[INSIDE..SLOTS].iter().sum();
        let mut idle = full;
        for wait in 0..Wait::KINDS {
            let span = of(grown[INSIDE + wait], grown[SLOTS].max(inside), full);
            parts[INSIDE + wait] += Span::from_ns(span);
            idle -= span;
        }
        parts[FULL] += Span::from_ns(idle);
        // What whole numbers leave over is nobody's.
        parts[Meanwhile::Idle.index()] += Span::from_ns(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::from_ms(ms)
    }

    #[test]
    fn who_waited_has_the_time_of_each_state_in_which_the_processes_were_and_no_more() {
        let mut station = Station::new();
        station.level[Meanwhile::Idle.index()] = 2;
        let reading = station.enter(at(10));
        // Both are full for 30 ms, of three requests that sleep and one that burns; then one of them boots for 60 ms.
        station.advance(at(10));
        station.level[Meanwhile::Idle.index()] = 0;
        (station.level[FULL], station.level[SLOTS]) = (2, 8);
        (station.level[INSIDE + Wait::Timer as usize], station.level[INSIDE + Wait::Cpu as usize]) = (6, 2);
        station.advance(at(40));
        (station.level[FULL], station.level[SLOTS]) = (1, 4);
        station.level[INSIDE..SLOTS].fill(0);
        station.level[Meanwhile::Booting.index()] = 1;
        let mut parts = [Span::ZERO; Meanwhile::KINDS];
        station.leave(at(100), at(10), &reading, &mut parts);
        let part = |of: Meanwhile| parts[of.index()].as_ns();
        assert_eq!(parts.iter().map(|part| part.as_ns()).sum::<u64>(), 90_000_000);
        assert_eq!(part(Meanwhile::Booting), 30_000_000);
        let full: u64 = Meanwhile::all().filter(|of| of.is_full()).map(part).sum();
        assert!(full.abs_diff(60_000_000) < 100, "{full}");
        assert_eq!(part(Meanwhile::Full(Wait::Timer)) / 3, part(Meanwhile::Full(Wait::Cpu)));
    }

    #[test]
    fn time_in_which_nobody_waits_is_not_looked_at() {
        let mut station = Station::new();
        station.level[Meanwhile::Ran.index()] = 1;
        station.advance(at(1_000));
        assert_eq!(station.area, [0; SLOTS + 1]);
        let first = station.enter(at(1_000));
        station.advance(at(1_500));
        assert_eq!(station.area[Meanwhile::Ran.index()], 500_000_000);
        let mut parts = [Span::ZERO; Meanwhile::KINDS];
        station.leave(at(1_500), at(1_000), &first, &mut parts);
        station.advance(at(2_000));
        assert_eq!(station.area[Meanwhile::Ran.index()], 500_000_000);
    }

    #[test]
    fn every_state_has_its_place() {
        for (place, of) in Meanwhile::all().enumerate() {
            assert_eq!(of.index(), place, "{of:?}");
        }
        assert_eq!(Meanwhile::all().count(), Meanwhile::KINDS);
    }
}
