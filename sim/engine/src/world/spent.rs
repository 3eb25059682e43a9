//! Processes that have served all that they shall, where their main loop finds out by a tick.
//!
//! After uvicorn 0.54 (`server.py`, `supervisors/multiprocess.py`, `workers.py`): responses are counted as they end, and the main loop,
//! which sleeps 0.1 s between two looks, ends at the first that finds `limit_max_requests`. Meanwhile the process accepts and serves on,
//! and a loop that is held looks later. Then it closes its listener and idle connections, and looks again every 0.1 s, the first time
//! after 0.1 s, whether all others have ended. `callback_notify`, gunicorn's heartbeat, is called from the tick: a process that has left
//! its main loop is silent, so gunicorn kills it if a request takes longer than `timeout`.
//! Left out: that a tick takes some time itself, so that it comes a little later each time; uvicorn's health check of its processes,
//! which a thread of theirs answers whatever their loop does.

use crate::kit::id::ProcessId;
use crate::kit::time::{Span, Time};
use crate::model::WorkerKind;
use crate::watch::probe::Probe;
use crate::world::{Event, World};

impl<P: Probe> World<'_, P> {
    /// How often a process looks whether it shall end.
    pub(super) fn tick_of(&self, id: ProcessId) -> Option<Span> {
        match &self.model.workers[self.processes[id].worker()].kind {
            WorkerKind::Loop(spec) => spec.tick,
            WorkerKind::Threads { .. } | WorkerKind::Pool { .. } | WorkerKind::Hub { .. } => None,
        }
    }

    /// A process that ticks has answered a request; after the last that it shall, its next tick is its last
    /// (uvicorn 0.54 `server.py`: `total_requests`, `main_loop`).
    #[cold]
    #[inline(never)]
    pub(super) fn counts_answer(&mut self, id: ProcessId) {
        let Some(tick) = self.tick_of(id) else { return };
        let (now, life) = (self.now, &mut self.lives[id]);
        life.left -= 1;
        if life.left > 0 {
            return;
        }
        life.is_spent = true;
        let since = now.since(life.up_at).as_ns();
        let left = Span::from_ns(since.next_multiple_of(tick.as_ns()) - since);
        if let Some(on) = self.loop_of(id) {
            self.loop_ticks_in(on, left);
        }
    }

    /// A process that accepts no more and has nothing open ends: at once, or where its shutdown next looks (uvicorn's
    /// `_wait_tasks_to_complete` after a `sleep(0.1)`). Its master is told, or finds it.
    pub(super) fn exits(&mut self, id: ProcessId) {
        let stopped = self.lives[id].stopping_at.unwrap_or(self.now);
        let ends = self.tick_of(id).map_or(self.now, |tick| {
            let looks = self.now.since(stopped).as_ns().max(1).next_multiple_of(tick.as_ns());
            stopped + Span::from_ns(looks)
        });
        let reaps = self.life_spec(id).map_or(Span::ZERO, |spec| spec.reaps).as_ns().max(1);
        let found = Time::from_ns(ends.as_ns().next_multiple_of(reaps));
        (self.lives[id].ends_at, self.lives[id].look_at) = (found, found);
        self.queue.push(found, Event::Master(id));
    }

    /// The main loop of a process finds that it has served all that it shall.
    pub(super) fn leaves_main_loop(&mut self, id: ProcessId) {
        if self.lives[id].is_stopping() {
            return;
        }
        self.stop_accepting(id);
        self.look_later(id);
        if self.lives[id].open == 0 {
            self.exits(id);
        }
    }
}
