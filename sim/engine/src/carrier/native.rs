//! Native threads that a hub or a loop lets steps run in: anyio's and asyncio's pools, gevent's thread pool.
//!
//! The task itself goes over: while it is in the thread it is carried as on a thread server, with its calls, its locks and its turns
//! at the GIL, and then it goes home, where its future or its result is set (`call_soon_threadsafe` and the self-pipe, the hub's
//! async watcher). So hub or loop and their threads contend for one GIL; without such steps a hub and a loop have nobody to share
//! theirs with, and none is kept.
//! A thread that has just been idle is taken first (anyio's `WorkerThread`s: `idle_workers.pop()`).
//! Left out: a wait for a thread that is cut short. What was thrown meanwhile is raised when the task is home, as anyio's shielded
//! `run_sync` does; gevent's greenlet would leave its thread alone.

use crate::carrier::on_thread::BetweenCalls;
use crate::carrier::threads::RETURN;
use crate::kit::id::{ProcessId, TaskId, ThreadId};
use crate::kit::time::Span;
use crate::machine::above::{CarrierForMachine, GilForMachine};
use crate::machine::{Demand, Role};
use crate::model::Policy;
use crate::program::task::News;
use crate::program::wait::Wait;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// Whether a thread runs steps for a hub or loop.
    #[inline(always)]
    pub(in crate::carrier) fn is_guest(&self, thread: ThreadId) -> bool {
        matches!(self.threads[thread].role(), Role::Native(_))
    }

    /// Whether a task is in a native thread, away from the hub or loop on `home`.
    #[inline]
    pub(in crate::carrier) fn is_away(&self, task: TaskId, home: ThreadId) -> bool {
        self.tasks[task].thread() != home
    }

    /// Wakes the thread that a task is in, if it is away from `home`. False if it is at home, and goes on there.
    #[inline]
    pub(in crate::carrier) fn wakes_away(&mut self, task: TaskId, home: ThreadId) -> bool {
        let away = self.is_away(task, home);
        if away {
            self.wake_bare(task, Wait::Core);
        }
        away
    }

    /// A task begins to run in a native thread, which takes the GIL first.
    #[inline(never)]
    pub(in crate::carrier) fn go_over(&mut self, task: TaskId, home: ThreadId) {
        let process = self.threads[home].process();
        let thread = match self.carriers.pools[process].free_helper() {
            Some(idle) => idle,
            None => {
                self.start_thread(process, Role::Native(home));
                ThreadId::from_index(self.threads.len() - 1)
            }
        };
        self.tasks[task].move_to(thread);
        self.tasks[task].unpark();
        self.bill(task, self.now, Wait::Core);
        let state = &mut self.carriers.threads[thread];
        (state.task, state.returns) = (task, self.interpreters[process].has_gil());
        self.make_ready(thread);
    }

    /// Its steps there are over, or have failed: it goes home.
    #[inline(never)]
    pub(in crate::carrier) fn go_home(&mut self, thread: ThreadId, task: TaskId) {
        let Role::Native(home) = self.threads[thread].role() else { unreachable!("only guests have a home") };
        self.drop_gil(thread);
        self.carriers.threads[thread].task = TaskId::NONE;
        let state = &mut self.tasks[task];
        state.move_to(home);
        state.give_up_at(crate::kit::time::Time::NEVER);
        match self.threads[home].role() {
            Role::Hub(hub) => self.is_home_on_hub(hub, task),
            Role::Loop(on) => self.is_home_on_loop(on, task),
            _ => unreachable!("hubs and loops lend tasks"),
        }
    }

    /// A unit comes back in a native thread: to another one, to a hub or loop that is kept waiting for it, or to their tasks.
    #[inline(never)]
    pub(in crate::carrier) fn give_back_from_native(&mut self, thread: ThreadId, giver: TaskId, sync: u16) {
        let process = self.threads[thread].process();
        let (link, policy) = self.shelf(process, sync);
        let next = self.link(process, link).waiters.front().map(|&(_, next)| next);
        let Some(next) = next.filter(|&next| !self.is_guest(self.tasks[next].thread())) else {
            if let Some(waiter) = self.give_back(process, sync, giver) {
                self.wake_bare(waiter, Wait::Core);
            }
            return;
        };
        let home = self.tasks[next].thread();
        let keeps = self.keeps_waiting(next, home);
        match self.threads[home].role() {
            Role::Hub(hub) if policy == Policy::Barging && !keeps => {
                self.tell_unit(process, sync, giver, false);
                self.link(process, link).give();
                self.check_and_notify(hub, link);
                self.wake_poll(hub);
            }
            Role::Hub(_) | Role::Loop(_) if keeps => {
                self.tell_unit(process, sync, giver, false);
                self.link(process, link).hand_off();
                self.tasks[next].hear(News::Granted);
                self.tell_unit(process, sync, next, true);
                self.wake_bare(next, Wait::Core);
            }
            _ => {
                if let Some(waiter) = self.give_back(process, sync, giver) {
                    self.wake_waiter(process, waiter);
                }
            }
        }
    }

    /// Whether a hub or loop stands still because its task waits for a unit.
    fn keeps_waiting(&self, task: TaskId, home: ThreadId) -> bool {
        self.current_task(home) == task && self.threads[home].is_parked() && !self.is_idle(home)
    }

    /// Who waited for a unit goes on with it, or looks for it again, whatever carries it.
    pub(in crate::carrier) fn wake_waiter(&mut self, process: ProcessId, waiter: TaskId) {
        debug_assert_eq!(self.threads[self.tasks[waiter].thread()].process(), process, "units stay in their process");
        match self.threads[self.tasks[waiter].thread()].role() {
            Role::Hub(hub) => {
                self.end_wait_on_hub(hub, waiter);
                self.wake_poll(hub);
            }
            Role::Loop(on) => self.wake_from_outside(on, waiter),
            _ => self.wake_bare(waiter, Wait::Core),
        }
    }

    /// What the thread of a hub or loop wants that contends with native threads for the GIL: the Python that it owes runs under it,
    /// every system call in that lets go of it for an instant, and so does every wait.
    #[inline(never)]
    pub(in crate::carrier) fn demand_beside_threads(&mut self, thread: ThreadId) -> Demand {
        let has_gil = self.interpreters[self.threads[thread].process()].has_gil();
        let state = &mut self.carriers.threads[thread];
        if std::mem::take(&mut state.returns) {
            return Demand::Cpu { span: RETURN, gil: true };
        }
        if state.stretch.left > 0 {
            state.stretch.left -= 1;
            let last = if state.stretch.left == 0 { std::mem::take(&mut state.stretch.last) } else { Span::ZERO };
            let span = state.stretch.piece + last;
            self.drop_gil(thread);
            return Demand::Cpu { span, gil: true };
        }
        let demand = match self.threads[thread].role() {
            Role::Hub(hub) => self.hub_demand(hub),
            Role::Loop(on) => self.loop_demand(on),
            _ => unreachable!("only hubs and loops lend tasks"),
        };
        if has_gil { self.as_python(thread, demand) } else { demand }
    }

    fn as_python(&mut self, thread: ThreadId, demand: Demand) -> Demand {
        match demand {
            Demand::PAY if self.has_gil(thread) => self.in_stretches(thread, Span::ZERO),
            Demand::Cpu { span, gil: true } if self.threads[thread].is_native() => {
                self.drop_gil(thread);
                self.carriers.threads[thread].returns = true;
                Demand::Cpu { span, gil: false }
            }
            Demand::Cpu { span, gil: true } => self.in_stretches(thread, span),
            Demand::Wait | Demand::Yield => {
                self.drop_gil(thread);
                demand
            }
            Demand::Cpu { .. } => demand,
        }
    }

    /// The Python that the thread owes, between its system calls, and then `last`.
    fn in_stretches(&mut self, thread: ThreadId, last: Span) -> Demand {
        let owed = self.threads[thread].take_debt();
        let state = &mut self.carriers.threads[thread];
        let calls = std::mem::take(&mut state.system_calls);
        if calls == 0 {
            return Demand::Cpu { span: owed + last, gil: true };
        }
        let piece = owed / (u64::from(calls) + 1);
        state.stretch = BetweenCalls { left: calls, piece, last };
        Demand::Cpu { span: piece, gil: true }
    }

    /// The Python that the thread of a hub or loop owes has made so many system calls more, each of which lets go of the GIL.
    #[inline]
    pub(in crate::carrier) fn makes_system_calls(&mut self, thread: ThreadId, calls: u8) {
        if self.carriers.lend {
            let made = &mut self.carriers.threads[thread].system_calls;
            *made = made.saturating_add(calls);
        }
    }

    /// A hub or loop comes back from a call, or from its poll: it takes the GIL first, if there is one and it has it not.
    #[inline(always)]
    pub(in crate::carrier) fn takes_gil(&mut self, thread: ThreadId) -> Option<Demand> {
        if self.has_gil(thread) { None } else { Some(Demand::Cpu { span: RETURN, gil: true }) }
    }
}
