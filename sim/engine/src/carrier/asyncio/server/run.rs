//! What a loop makes of the effects of a request's task: the third column of the table.
//!
//! A burn keeps the loop, and so does native code and a call that blocks the thread. All other waits are futures.

use super::super::frame::{CoroutineFrame, Sleep};
use super::super::task::RunningTask;
use super::{Ask, Hold};
use crate::kit::id::{LoopId, TaskId};
use crate::kit::time::Span;
use crate::machine::Demand;
use crate::machine::warmth::Part;
use crate::net::After;
use crate::program::advance::Effect;
use crate::program::op::{OnError, Op, Patching};
use crate::program::task::Parked;
use crate::program::wait::{StepOf, Wait};
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// The program of the request's task that runs goes on to its next effect.
    pub(in crate::carrier::asyncio) fn serve_program(&mut self, id: LoopId) -> Option<Demand> {
        let on = &mut self.carriers.loops[id];
        let Some(&RunningTask::Task(me)) = on.running.last() else { unreachable!("a program is a task's") };
        let (cursor, thread) = (on.task(me).cursor, on.thread);
        if on.server.hold.is_none() {
            self.takes_loop(id, cursor);
        }
        if let Some(effect) = self.carriers.threads[thread].deferred.take() {
            return self.do_deferred(id, cursor, effect);
        }
        let parked = self.tasks[cursor].unpark();
        if parked != Parked::No && self.parks_again(id, cursor, parked) {
            return None;
        }
        let effect = self.advance_task(cursor);
        self.make_on_loop(id, cursor, effect)
    }

    fn make_on_loop(&mut self, id: LoopId, cursor: TaskId, effect: Effect) -> Option<Demand> {
        let thread = self.carriers.loops[id].thread;
        match effect {
            Effect::Burn(span) | Effect::Native(span) => {
                self.threads[thread].computes_natively(matches!(effect, Effect::Native(_)));
                self.note_hold(id, cursor, span);
                return Some(Demand::Cpu { span, gil: true });
            }
            Effect::Wait { patching: Patching::Blocking, .. } => {
                self.note_hold(id, cursor, Span::MAX);
                self.carriers.threads[thread].deferred = Some(effect);
                return Some(Demand::PAY);
            }
            Effect::Wait { need, limit, .. } => self.await_on_loop(id, cursor, need, limit),
            Effect::Yield => self.yield_on_loop(id, cursor),
            Effect::GiveBack { sync } => self.give_back_on_loop(id, cursor, sync),
            Effect::Do(Op::Respond) => return Some(self.responds_on_loop(id, cursor, effect)),
            Effect::Do(Op::Start { .. }) => {
                // `Thread.start()` waits for the thread's first sign of life, and the loop with it.
                self.note_hold(id, cursor, Span::ZERO);
                let on = &mut self.carriers.loops[id];
                on.now += on.costs.thread / 2;
                self.carriers.threads[thread].deferred = Some(effect);
                return Some(Demand::PAY);
            }
            Effect::Do(op) => self.perform_on_loop(id, cursor, op),
            Effect::Leave => self.give_back_all(cursor, |world, op| match op {
                Op::Release { sync } => world.give_back_on_loop(id, cursor, sync),
                op => world.share(world.threads[thread].process(), cursor, op, true),
            }),
            Effect::Exit if self.tasks[cursor].parent().is_some() => self.end_branch_on_loop(id, cursor),
            Effect::Exit if self.is_answered(cursor) => self.end_request_on_loop(id, cursor),
            Effect::Exit => return Some(self.responds_on_loop(id, cursor, effect)),
        }
        None
    }

    /// The response is written before what comes then.
    fn responds_on_loop(&mut self, id: LoopId, cursor: TaskId, then: Effect) -> Demand {
        let respond = self.respond_work(cursor);
        let on = &mut self.carriers.loops[id];
        on.now += respond;
        let thread = on.thread;
        let sends = self.worker(self.threads[thread].process()).releases.after;
        self.makes_system_calls(thread, sends);
        self.carriers.threads[thread].deferred = Some(then);
        Demand::PAY
    }

    /// What was deferred until all that the loop owed was paid.
    fn do_deferred(&mut self, id: LoopId, cursor: TaskId, effect: Effect) -> Option<Demand> {
        let thread = self.carriers.loops[id].thread;
        match effect {
            Effect::Wait { need, limit, .. } => self.wait_on_thread(thread, cursor, need, limit),
            Effect::Do(Op::Respond) => {
                self.answer_early(cursor);
                None
            }
            Effect::Do(Op::Start { program, executor, .. }) => {
                self.start_from_thread(thread, cursor, program, executor)
            }
            Effect::Exit => {
                match self.hold_for_write(cursor) {
                    Some(hold) => {
                        let until = self.carriers.loops[id].now + hold;
                        self.park_in_frame(id, cursor, Sleep::frame(hold), (Parked::Timer, Wait::Timer), None);
                        self.tasks[cursor].ready_from(until);
                    }
                    None => self.end_request_on_loop(id, cursor),
                }
                None
            }
            Effect::Burn(_)
            | Effect::Native(_)
            | Effect::Yield
            | Effect::GiveBack { .. }
            | Effect::Do(_)
            | Effect::Leave => unreachable!("a loop defers only what the outside sees"),
        }
    }

    /// A task begins to keep the loop.
    fn takes_loop(&mut self, id: LoopId, cursor: TaskId) {
        let state = &self.tasks[cursor];
        let (program, ready) = (state.program(), state.ready_since());
        if state.parked() == Parked::Timer {
            // It was ready when its time came, however late the loop has found it.
            self.bill(cursor, ready.min(self.now), Wait::Hub);
        }
        self.bill(cursor, self.now, Wait::Cpu);
        let on = &mut self.carriers.loops[id];
        let (hub, now) = (id.index() as u32, on.now);
        on.server.hold = Some(Hold { from: now, heaviest: Span::ZERO, pc: None, program });
        self.probe.on(self.now, Fact::HubRan { hub, program, ready: ready.min(now), now });
    }

    /// It gives the loop back.
    pub(super) fn leaves_loop(&mut self, id: LoopId) {
        let on = &mut self.carriers.loops[id];
        let Some(Hold { from, pc, program, .. }) = on.server.hold.take() else { return };
        let to = on.now.max(self.now);
        on.server.held_max = on.server.held_max.max(to.since(from));
        let (hub, step) = (id.index() as u32, StepOf { program, pc });
        self.probe.on(self.now, Fact::HubHeld { hub, step, from, to });
    }

    /// A step that takes so long keeps the loop.
    fn note_hold(&mut self, id: LoopId, cursor: TaskId, span: Span) {
        let pc = self.op_of(cursor);
        if let Some(hold) = &mut self.carriers.loops[id].server.hold
            && span >= hold.heaviest
        {
            (hold.heaviest, hold.pc) = (span, Some(pc));
        }
    }

    /// `sleep(0)`: a bare `yield`.
    pub(super) fn yield_on_loop(&mut self, id: LoopId, cursor: TaskId) {
        self.park_in_frame(id, cursor, CoroutineFrame::YieldOnce, (Parked::Turn, Wait::Hub), None);
    }

    /// A task of the loop is over.
    fn retire(&mut self, id: LoopId, cursor: TaskId) {
        let served = std::mem::take(self.served(cursor));
        let me = served.task.expect("it has a task of the loop");
        let on = &mut self.carriers.loops[id];
        on.running.pop();
        for timer in served.limit.into_iter().chain(served.guards) {
            on.cancel_handle(timer);
        }
        if let Some(task) = on.tasks.remove(me) {
            on.forget(task.fut);
        }
        self.leaves_loop(id);
    }

    /// The response is written: the connection is kept, or closed with it.
    fn end_request_on_loop(&mut self, id: LoopId, cursor: TaskId) {
        let line = self.served(cursor).line;
        self.collector_misses(id, cursor);
        self.retire(id, cursor);
        self.carriers.loops[id].server.tasks -= 1;
        let (request, process) = (self.tasks[cursor].request(), self.carriers.loops[id].server.process);
        if self.keeps(request, process).is_none() {
            // `transport.close` queues `_call_connection_lost`, which closes the socket: whatever runs before that keeps it open.
            self.bill(cursor, self.now, Wait::Hub);
            return self.carriers.loops[id].soon(Ask::Close(cursor, line));
        }
        if let (After::Kept(conn), Some(sock)) = (self.finish(cursor), line) {
            self.keep_line(id, sock, conn);
        }
    }

    /// A response ends with its connection.
    pub(super) fn close_with_response(&mut self, id: LoopId, cursor: TaskId, line: Option<u32>) {
        let after = self.finish(cursor);
        debug_assert!(!matches!(after, After::Kept(_)), "what is not kept is not kept a turn later");
        if let Some(sock) = line {
            self.spend(id, Part::Close);
            self.close_line(id, sock);
        }
    }

    /// A branch is done; the last one, or the first that fails, wakes the parent through the future of `gather`, two turns later.
    fn end_branch_on_loop(&mut self, id: LoopId, cursor: TaskId) {
        let parent = self.tasks[cursor].parent();
        if self.fails_first(cursor) && self.on_error(parent) == OnError::Cancel {
            // `TaskGroup._abort`: the others are cancelled, each in its wait.
            for other in self.other_runs(cursor) {
                self.limit_on_loop(id, other);
            }
        }
        self.retire(id, cursor);
        if self.end_branch(cursor) {
            self.wake_in_two(id, parent);
        }
    }
}
