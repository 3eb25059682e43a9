//! A loop on the machine: what its thread demands, what comes to it from outside, and what a task's effects become.

use super::future::FutureValue;
use super::steps::StepAt;
use super::task::RunningTask;
use super::turn::Next;
use super::{EventLoop, Out, Outside};
use crate::kit::arena::ArenaKey;
use crate::kit::id::RequestId;
use crate::kit::id::{LoopId, TaskId};
use crate::kit::time::Span;
use crate::machine::Demand;
use crate::peer::Caller;
use crate::program::advance::{Effect, Need};
use crate::program::op::{Op, Spawn};
use crate::program::task::Task;
use crate::watch::probe::{Fact, Probe};
use crate::world::World;

impl<P: Probe> World<'_, P> {
    fn event_loop(&mut self, id: LoopId) -> &mut EventLoop {
        &mut self.carriers.loops[id]
    }

    /// Runs tasks and loop until CPU time has to pass or there is nothing to do.
    #[inline(never)]
    pub(crate) fn loop_demand(&mut self, id: LoopId) -> Demand {
        let (now, thread) = (self.now, self.event_loop(id).thread);
        if self.carriers.lend_tasks() && self.event_loop(id).polls_next() {
            // `select.epoll.poll` lets go of the GIL, however short it is.
            self.drop_gil(thread);
        }
        let owed = self.threads[thread].owed();
        let on = self.event_loop(id);
        on.now = now + owed;
        let wakes = std::mem::take(&mut on.polling);
        on.now += if wakes { on.costs.wake } else { Span::ZERO };
        if on.serves() {
            self.look_around(id, wakes);
        }
        let demand = loop {
            match self.event_loop(id).turn() {
                Next::Task => {
                    if let Some(demand) = self.run_program(id) {
                        break demand;
                    }
                }
                Next::Serve(ask) => self.run_ask(id, ask),
                Next::Python => {
                    if self.carriers.lend_tasks()
                        && let Some(demand) = self.takes_gil(thread)
                    {
                        break demand;
                    }
                }
                Next::Pay => break Demand::PAY,
                Next::Block(until) => {
                    if self.event_loop(id).now > now {
                        break Demand::PAY;
                    }
                    self.event_loop(id).polling = true;
                    self.wake_at(thread, until);
                    break Demand::Wait;
                }
            }
        };
        let owed = self.event_loop(id).now - now;
        self.threads[thread].owe_in_all(owed);
        self.hand_out(id);
        demand
    }

    /// The program of the task that runs goes on to its next effect.
    fn run_program(&mut self, id: LoopId) -> Option<Demand> {
        if self.event_loop(id).serves() {
            return self.serve_program(id);
        }
        let cursor = self.cursor_on_loop(id);
        let effect = self.advance_task(cursor);
        let on = &mut self.carriers.loops[id];
        let Some(&RunningTask::Task(me)) = on.running.last() else { unreachable!("a program is a task's") };
        let op = match effect {
            Effect::Burn(span) | Effect::Native(span) => {
                self.threads[on.thread].computes_natively(matches!(effect, Effect::Native(_)));
                return Some(Demand::Cpu { span, gil: true });
            }
            Effect::Wait { need: Need::Timer(span), .. } => {
                on.sleep(me, span);
                return None;
            }
            Effect::Yield => {
                on.sleep(me, Span::ZERO);
                return None;
            }
            Effect::Exit => {
                let who = on.task(me).who;
                on.end_task(me, Ok(FutureValue::Who(who)));
                return None;
            }
            Effect::GiveBack { sync } => Op::Release { sync },
            Effect::Do(op) => op,
            Effect::Wait { need: Need::Reply { .. } | Need::Unit { .. }, .. } | Effect::Leave => {
                unreachable!("scheduling programs serve no requests")
            }
        };
        let takes = match op {
            Op::Ask { takes, .. } | Op::Apply { takes, .. } => self.drawn(cursor, takes),
            _ => Span::ZERO,
        };
        let state = &self.tasks[cursor];
        let program = &self.model.programs[usize::from(state.program())];
        self.carriers.loops[id].perform(me, op, StepAt { program, cursor: state, takes });
        None
    }

    /// The cursor of the task that runs, where its program goes on; made when it first runs.
    fn cursor_on_loop(&mut self, id: LoopId) -> TaskId {
        let on = &mut self.carriers.loops[id];
        let Some(&RunningTask::Task(me)) = on.running.last() else { unreachable!("a program is a task's") };
        let thread = on.thread;
        let task = on.task(me);
        if task.cursor.is_none() {
            let origin = task.origin.expect("it has a program");
            let cursor = Task::new(RequestId::NONE, thread, origin.program).from(origin.pc, origin.registers);
            task.cursor = self.tasks.insert(cursor);
        }
        let (cursor, jump) = (task.cursor, task.jump.take());
        if let Some(pc) = jump {
            self.tasks[cursor].jump_to(pc);
        }
        cursor
    }

    /// What a loop has made happen while it ran.
    fn hand_out(&mut self, id: LoopId) {
        let Out { born, said, later, over } = std::mem::take(&mut self.event_loop(id).out);
        for name in born {
            self.probe.on(self.now, Fact::Born(name));
        }
        for (at, who, said) in said {
            self.probe.on(at, Fact::Said { who, said: &said });
        }
        for (at, key) in later {
            self.later(at, Caller::Loop { on: id, what: key.raw() });
        }
        for cursor in over {
            self.tasks.remove(cursor);
        }
    }

    /// Something outside has happened that a loop asked for.
    pub(crate) fn loop_hears(&mut self, id: LoopId, what: (u32, u32)) {
        let now = self.now;
        let on = self.event_loop(id);
        on.now = now;
        match on.outside.remove(ArenaKey::from_raw(what)) {
            Some(Outside::Answer(sock, question)) => on.answer(sock, question),
            Some(Outside::Job(job)) => on.finish_job(job),
            Some(Outside::Native(task)) => self.native_over(id, task),
            Some(Outside::GoesOver(task)) => {
                let home = on.thread;
                self.go_over(task, home);
            }
            None => {}
        }
        let on = self.event_loop(id);
        let wakes = on.polling && (!on.ready.is_empty() || on.sockets.has_ready());
        let thread = on.thread;
        self.hand_out(id);
        if wakes && self.threads[thread].is_parked() {
            self.make_ready(thread);
        }
    }

    /// The first task of a scheduling program, on a loop that does not run yet.
    pub(crate) fn begin_program(&mut self, id: LoopId, main: u16, main_name: u16) {
        let on = self.event_loop(id);
        on.make_main(Spawn { program: main, name: main_name, after: None, pool: None, bare: false });
        on.begin();
        let thread = on.thread;
        self.hand_out(id);
        if self.threads[thread].is_parked() {
            self.make_ready(thread);
        }
    }

    /// An event loop.
    pub(crate) fn loop_state(&self, id: LoopId) -> &EventLoop {
        &self.carriers.loops[id]
    }
}
