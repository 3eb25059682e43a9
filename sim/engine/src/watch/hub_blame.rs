//! Who kept whom waiting: the steps that held a hub while others were ready.
//!
//! A hub is held from a switch into a greenlet to its switch back. The hold belongs to the step that took most of it: a burn, native
//! code, a call that blocks the thread, or none of them. While hubs are held, sums by step grow; a greenlet that was ready for long
//! is a victim, and what the sums grew by since it became ready is what each step did to it. So a look at the past costs two
//! readings, however many holds lie in between. Readings lie a small part of the longest waits apart; between two of them the sums
//! are taken to grow evenly, which within one long hold they do.
//! What the steps do not explain is the loop itself, switching and polling, and its thread being without a core.

use std::collections::VecDeque;

use serde::Serialize;

use crate::kit::time::{Span, Time};
use crate::program::wait::StepOf;

/// Who waited for so short a time is nobody's victim.
const VICTIM_MIN: Span = Span::from_ms(1);
/// Steps of a run that are told apart; all others are one.
const STEPS_MAX: usize = 16;
/// Readings that are kept for each hub, and at least so many where hubs are countless.
const READINGS_MAX: usize = 512;
const READINGS_MIN: usize = 16;
/// Readings of all hubs together.
const READINGS_OF_ALL: usize = 1 << 18;
/// Readings are at least so far apart.
const APART_MIN: Span = Span::from_us(100);

/// What one step did to the greenlets of one program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    /// Program of those who were ready.
    pub victim: u16,
    /// What ran; `None` for the loop itself, and for what is too rare to be told apart.
    pub culprit: Option<StepOf>,
    /// How long they waited for it, in all.
    pub time: Span,
}

/// Waits for hubs, by whom and for what; of those who waited for at least a millisecond.
#[derive(Clone, Default, PartialEq, Eq, Debug, Serialize)]
pub struct HubBlame {
    /// How many such waits there were.
    pub waits: u64,
    /// Their sum.
    pub waited: Span,
    /// The same by victim and culprit, the largest first.
    #[serde(skip)]
    pub held: Vec<Held>,
}

type Sums = [u64; STEPS_MAX];

/// One hub's sums over time.
#[derive(Clone, Debug)]
struct Log {
    sums: Sums,
    readings: VecDeque<(Time, Sums)>,
    readings_max: usize,
    apart: Span,
    /// From when on the next reading is due.
    due: Time,
}

/// The recorder's part of it.
#[derive(Clone, Debug)]
pub(crate) struct Holds {
    /// Steps that are told apart. The last place is for all others.
    steps: Vec<StepOf>,
    /// The last step that held a hub, and its place.
    last: (StepOf, usize),
    logs: Vec<Log>,
    readings_max: usize,
    /// By program of the victim: waits, their sum, and the part of each step.
    victims: Vec<(u64, Span, Sums)>,
}

impl Log {
    fn new(readings_max: usize) -> Log {
        Log { sums: [0; STEPS_MAX], readings: VecDeque::new(), readings_max, apart: APART_MIN, due: Time::ZERO }
    }

    /// Notes the sums of this instant, if that is due.
    fn read(&mut self, at: Time) {
        if at < self.due {
            return;
        }
        if self.readings.len() == self.readings_max {
            self.readings.pop_front();
        }
        self.readings.push_back((at, self.sums));
        self.due = at + self.apart;
    }

    /// Adds a hold at whose end a reading is due, and at its begin if it was long.
    #[cold]
    #[inline(never)]
    fn hold_and_read(&mut self, place: usize, from: Time, to: Time) {
        self.read(from);
        self.sums[place] += to.since(from).as_ns();
        self.read(to);
    }

    /// The sums at an instant in the past.
    fn at(&self, at: Time, now: Time) -> Sums {
        let after = self.readings.partition_point(|&(time, _)| time < at);
        let (to, right) = self.readings.get(after).copied().unwrap_or((now, self.sums));
        let Some(&(from, left)) = after.checked_sub(1).and_then(|before| self.readings.get(before)) else {
            // Before the first reading: what came until then is not told apart.
            return if self.readings.len() == self.readings_max { right } else { [0; STEPS_MAX] };
        };
        let (whole, part) = (to.since(from).as_ns().max(1), at.since(from).as_ns());
        std::array::from_fn(|step| {
            let grown = u128::from(right[step] - left[step]) * u128::from(part.min(whole)) / u128::from(whole);
            left[step] + u64::try_from(grown).expect("a part is less than the whole")
        })
    }
}

impl Holds {
    /// For so many hubs.
    pub(crate) fn new(hubs: usize) -> Holds {
        let readings_max = (READINGS_OF_ALL / hubs.max(1)).clamp(READINGS_MIN, READINGS_MAX);
        let nothing = StepOf { program: u16::MAX, pc: None };
        Holds { steps: Vec::new(), last: (nothing, STEPS_MAX - 1), logs: Vec::new(), readings_max, victims: Vec::new() }
    }

    /// Who waited until now does not count. Who held hubs meanwhile is still known: others wait for it.
    pub(crate) fn begin_counting(&mut self) {
        self.victims.clear();
    }

    /// A hub was held by a step.
    #[inline]
    pub(crate) fn held(&mut self, hub: usize, step: StepOf, from: Time, to: Time) {
        let place = if step == self.last.0 { self.last.1 } else { self.place_of(step) };
        let log = self.log(hub);
        if to >= log.due {
            return log.hold_and_read(place, from, to);
        }
        log.sums[place] += to.since(from).as_ns();
    }

    /// A greenlet that was ready since then runs now.
    #[inline]
    pub(crate) fn ran(&mut self, hub: usize, program: u16, ready: Time, now: Time) {
        if now.since(ready) >= VICTIM_MIN {
            self.waited(hub, program, ready, now);
        }
    }

    #[inline(never)]
    fn waited(&mut self, hub: usize, program: u16, ready: Time, now: Time) {
        let lag = now.since(ready);
        let log = self.log(hub);
        let past = log.at(ready, now);
        let grown: Sums = std::array::from_fn(|step| log.sums[step].saturating_sub(past[step]));
        log.apart = log.apart.max(lag / (log.readings_max as u64 / 2));
        if self.victims.len() <= usize::from(program) {
            self.victims.resize(usize::from(program) + 1, (0, Span::ZERO, [0; STEPS_MAX]));
        }
        let (waits, sum, parts) = &mut self.victims[usize::from(program)];
        *waits += 1;
        *sum += lag;
        parts.iter_mut().zip(grown).for_each(|(part, more)| *part += more);
    }

    #[inline]
    fn log(&mut self, hub: usize) -> &mut Log {
        if self.logs.len() <= hub {
            self.grow(hub);
        }
        &mut self.logs[hub]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, hub: usize) {
        let readings_max = self.readings_max;
        self.logs.resize_with(hub + 1, || Log::new(readings_max));
    }

    /// The place of a step among those told apart: the first come.
    #[inline(never)]
    fn place_of(&mut self, step: StepOf) -> usize {
        let known = self.steps.iter().position(|&known| known == step);
        let place = known.unwrap_or_else(|| {
            self.steps.push(step);
            self.steps.len() - 1
        });
        self.steps.truncate(STEPS_MAX - 1);
        self.last = (step, place.min(STEPS_MAX - 1));
        self.last.1
    }

    /// Who waited for what, over all hubs.
    pub(crate) fn blame(&self) -> HubBlame {
        let mut blame = HubBlame::default();
        for (victim, &(waits, sum, parts)) in (0..).zip(&self.victims) {
            blame.waits += waits;
            blame.waited += sum;
            let mut explained = Span::ZERO;
            for (&culprit, part) in self.steps.iter().zip(parts).filter(|&(_, part)| part > 0) {
                let time = Span::from_ns(part);
                explained += time;
                blame.held.push(Held { victim, culprit: Some(culprit), time });
            }
            let time = sum.saturating_sub(explained);
            if !time.is_zero() {
                blame.held.push(Held { victim, culprit: None, time });
            }
        }
        blame.held.sort_by_key(|held| std::cmp::Reverse(held.time));
        blame
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::op::Pc;

    fn ms(ms: u64) -> Time {
        Time::ZERO + Span::from_ms(ms)
    }

    fn step(program: u16, pc: u16) -> StepOf {
        StepOf { program, pc: Some(Pc(pc)) }
    }

    fn times(blame: &HubBlame) -> Vec<(u16, Option<u16>, u64)> {
        let program = |held: &Held| held.culprit.map(|step| step.program);
        blame.held.iter().map(|held| (held.victim, program(held), held.time.as_ns() / 1_000_000)).collect()
    }

    #[test]
    fn a_victim_waits_for_those_who_held_the_hub_since_it_was_ready() {
        let mut holds = Holds::new(1);
        // The hog runs from 10 to 210, a page from 210 to 230; who was ready at 60 runs at 230.
        holds.held(0, step(1, 0), ms(10), ms(210));
        holds.held(0, step(2, 3), ms(210), ms(230));
        holds.ran(0, 2, ms(60), ms(230));
        assert_eq!(times(&holds.blame()), [(2, Some(1), 150), (2, Some(2), 20)]);
        // Another hub's holds are no concern of this one's greenlets.
        holds.ran(1, 2, ms(60), ms(230));
        let blame = holds.blame();
        assert_eq!((blame.waits, blame.waited), (2, Span::from_ms(340)));
        assert_eq!(times(&blame), [(2, None, 170), (2, Some(1), 150), (2, Some(2), 20)]);
    }

    #[test]
    fn what_happened_before_it_was_ready_is_not_blamed() {
        let mut holds = Holds::new(1);
        for begin in (0..400).step_by(4) {
            holds.held(0, step(1, 0), ms(begin), ms(begin + 4));
        }
        holds.held(0, step(2, 0), ms(400), ms(420));
        holds.ran(0, 3, ms(400), ms(420));
        assert_eq!(times(&holds.blame()), [(3, Some(2), 20)]);
    }

    #[test]
    fn many_short_holds_are_summed_within_a_hundredth() {
        let mut holds = Holds::new(1);
        // Two steps in turn, 30 us and 10 us; victims of ever longer waits.
        let mut now = Time::ZERO;
        for turn in 0..200_000_u64 {
            let (which, long) = if turn % 2 == 0 { (1, 30) } else { (2, 10) };
            let end = now + Span::from_us(long);
            holds.held(0, step(which, 0), now, end);
            now = end;
            if turn % 1_000 == 999 {
                let lag = Span::from_ns((now.as_ns() / 4).max(1_000_000));
                holds.ran(0, 9, Time::from_ns(now.as_ns() - lag.as_ns().min(now.as_ns())), now);
            }
        }
        let blame = holds.blame();
        let part = |which: u16| {
            let held = blame.held.iter().find(|held| held.culprit == Some(step(which, 0))).expect("it held the hub");
            held.time.as_ns() as f64 / blame.waited.as_ns() as f64
        };
        assert!((part(1) - 0.75).abs() < 0.01 && (part(2) - 0.25).abs() < 0.01, "{} {}", part(1), part(2));
    }
}
