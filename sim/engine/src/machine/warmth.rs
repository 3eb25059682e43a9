//! Cold caches: a server's own work takes longer when it was not done for a while.
//!
//! Each process remembers when it last did each part of its work; the stack and the data of a thread that waited are cold too. See
//! [`crate::model::Cooling`] for the law, and the preset for the measurement behind it: one bare request costs four times the CPU
//! time of one in a busy stream.

use crate::kit::id::{ProcessId, RequestId, TaskId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::Role;
use crate::machine::above::CarrierForMachine;
use crate::model::{Cooling, Costs};
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::World;

/// Parts of a server's work that are warm or cold each by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// [`Costs::accept`].
    Accept,
    /// [`Costs::handoff`].
    Handoff,
    /// [`Costs::take`].
    Take,
    /// [`Costs::request`].
    Request,
    /// [`Costs::respond`].
    Respond,
    /// [`Costs::close`].
    Close,
    /// [`Costs::wake`].
    Wake,
}

impl Part {
    fn cost(self, costs: &Costs) -> Span {
        match self {
            Part::Accept => costs.accept,
            Part::Handoff => costs.handoff,
            Part::Take => costs.take,
            Part::Request => costs.request,
            Part::Respond => costs.respond,
            Part::Close => costs.close,
            Part::Wake => costs.wake,
        }
    }
}

/// When a process last did each [`Part`]; `None`: never.
pub(crate) type Warmth = [Option<Time>; 7];

impl<P: Probe> World<'_, P> {
    /// What a part of a process's work costs now, caches considered; it is done with that. The data it works on was last used
    /// `unused` ago.
    #[inline(always)]
    pub(crate) fn own_work(&mut self, process: ProcessId, part: Part, unused: Span) -> Span {
        let now = self.now;
        let state = &mut self.processes[process];
        let cost = part.cost(&self.model.workers[state.worker()].costs);
        let cooling = self.model.hosts[state.host().index()].cooling;
        if cooling.cold_percent <= 100 {
            // Nobody ever asks when it was done last.
            return cost;
        }
        let pause = state.warmth[part as usize].replace(now).map(|last| (now - last).max(unused));
        cooled(cost, cooling, pause)
    }

    /// What the end of a task's request costs now: what it left behind before it waited for something has cooled meanwhile.
    #[inline(always)]
    pub(crate) fn respond_work(&mut self, task: TaskId) -> Span {
        let state = &self.tasks[task];
        let process = self.threads[state.thread()].process();
        self.own_work(process, Part::Respond, self.waited(state.request()))
    }

    /// How long a request has waited for something outside the server, its data unused.
    #[inline]
    pub(crate) fn waited(&self, request: RequestId) -> Span {
        let bill = self.requests[request].bill();
        [Wait::Timer, Wait::Peer, Wait::Lock, Wait::Pool].into_iter().map(|wait| bill[wait as usize]).sum()
    }

    /// When what a thread works with was last in use: a server's thread without a request has nothing of its own that could cool, only
    /// what all threads of its process share.
    #[inline]
    pub(crate) fn unused_since(&self, thread: ThreadId) -> Time {
        let state = &self.threads[thread];
        match state.role() {
            Role::Server if self.current_task(thread).is_none() => self.processes[state.process()].left_at,
            _ => state.left_at,
        }
    }

    /// How long a thread, with its stack and its data, was off the cores before it came back, if it did no work since.
    pub(crate) fn pause_of(&mut self, thread: ThreadId) -> Span {
        std::mem::take(&mut self.threads[thread].away)
    }
}

/// A cost after a pause; `None`: it was never done.
#[inline(always)]
pub(crate) fn cooled(cost: Span, cooling: Cooling, pause: Option<Span>) -> Span {
    if cooling.cold_percent <= 100 || cost.is_zero() { cost } else { cooled_down(cost, cooling, pause) }
}

#[inline(never)]
fn cooled_down(cost: Span, cooling: Cooling, pause: Option<Span>) -> Span {
    // Microseconds, and a second at most: the squares stay far below 2^64, and a second is long enough.
    let micros = |span: Span| span.as_ns().min(1_000_000_000) / 1000;
    let (pause, half) = (pause.map_or(1_000_000, micros), micros(cooling.half).max(1));
    let (cold, warm) = (pause * pause, half * half);
    let (dearer, whole) = (u128::from(cost.as_ns()) * u128::from(cooling.cold_percent - 100), (cold + warm) * 100);
    let extra = dearer * u128::from(cold);
    // A division of 128 bits is dear, and most pauses are too short to need one.
    let extra = match u64::try_from(extra) {
        Ok(extra) => extra / whole,
        Err(_) => (extra / u128::from(whole)) as u64,
    };
    cost + Span::from_ns(extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLING: Cooling = Cooling { cold_percent: 400, half: Span::from_ms(8) };
    const COST: Span = Span::from_us(100);

    #[test]
    fn a_busy_stream_pays_the_usual_cost() {
        assert_eq!(cooled(COST, COOLING, Some(Span::ZERO)), COST);
        assert_eq!(cooled(COST, Cooling::NONE, None), COST);
    }

    #[test]
    fn half_of_the_difference_is_there_after_the_half_time() {
        assert_eq!(cooled(COST, COOLING, Some(Span::from_ms(8))), Span::from_us(250));
    }

    #[test]
    fn the_first_request_and_one_after_a_long_pause_are_cold() {
        for pause in [None, Some(Span::from_secs(1)), Some(Span::from_secs(1000))] {
            let cost = cooled(COST, COOLING, pause);
            assert!(cost > Span::from_us(399) && cost <= Span::from_us(400), "{cost}");
        }
    }

    #[test]
    fn a_longer_pause_is_never_cheaper() {
        let costs: Vec<Span> = (0..200).map(|ms| cooled(COST, COOLING, Some(Span::from_ms(ms)))).collect();
        assert!(costs.is_sorted());
    }
}
