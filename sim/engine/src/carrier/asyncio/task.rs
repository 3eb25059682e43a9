//! Tasks: futures that drive a coroutine, step by step.
//!
//! After `tasks.py:Task` (CPython's C does the same). A coroutine is a stack of frames (`frame.rs`), over the task's cursor into its
//! program. A step runs it until something that is not done is awaited; what it awaits wakes it a turn later. `cancel` goes to what
//! is awaited, and only if that takes none the task itself remembers it (C1 to C10).

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{DoneCallback, Ended, Exc, FutKey, FutureValue, Kind, State};
use super::handle::Callback;
use super::spawn::{Birth, Made};
use crate::kit::arena::ArenaKey;
use crate::kit::id::TaskId;
use crate::program::op::{Pc, Program};
use crate::program::said::{Outcome, Said};

/// A task's name in the tables.
pub(super) type AioKey = ArenaKey<Aio>;

/// A task of a loop.
#[derive(Debug)]
pub(crate) struct Aio {
    /// It is a future itself.
    pub(super) fut: FutKey,
    /// Where its program begins, if it has one; else it is but a coroutine of the library.
    pub(super) origin: Option<TaskOrigin>,
    /// Its cursor, once it has begun.
    pub(super) cursor: TaskId,
    /// Whose name it speaks under, counted in spawn order.
    pub(super) who: u32,
    /// Whether its body says how it ended, if not well.
    pub(super) tells: bool,
    begun: bool,
    /// What it is in, the innermost last.
    pub(super) frames: Vec<CoroutineFrame>,
    /// What that goes on with.
    pub(super) input: TaskInput,
    /// Where its program goes on, if not at the next op.
    pub(super) jump: Option<Pc>,
    /// What its last step came to.
    pub(super) outcome: Option<Outcome>,
    /// `_fut_waiter`.
    pub(super) waits_on: Option<FutKey>,
    /// `_must_cancel`.
    must_cancel: bool,
    /// `_num_cancels_requested`.
    pub(super) cancels: u32,
}

/// Where a task's program begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct TaskOrigin {
    pub(super) program: u16,
    pub(super) pc: Pc,
    pub(super) registers: [u32; Program::REGISTERS],
}

/// What a frame goes on with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TaskInput {
    /// Its beginning.
    Start,
    /// What it awaited, or called, came out well.
    Ok(FutureValue),
    /// It did not, or an exception was thrown in.
    Err(Exc),
    /// The program has come to the end of the block.
    Leave,
}

impl TaskInput {
    pub(super) fn of(ended: Ended) -> TaskInput {
        match ended {
            Ok(value) => TaskInput::Ok(value),
            Err(error) => TaskInput::Err(error),
        }
    }
}

/// Who runs: a task, or what goes on when a task that was begun inside it pauses.
#[derive(Clone, Copy, Debug)]
pub(super) enum RunningTask {
    Task(AioKey),
    /// A timer's callback that makes a task eagerly.
    Birth(Birth, Made),
}

/// How far a task came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Driven {
    /// Its program is next.
    Program,
    /// Another begins inside it.
    Nested,
    /// It waits, or it has ended.
    Paused,
}

impl EventLoop {
    /// A task of a program or of a coroutine of the library. Who makes it begins it.
    pub(super) fn new_task(
        &mut self,
        origin: Option<TaskOrigin>,
        frames: Vec<CoroutineFrame>,
        who: u32,
        tells: bool,
    ) -> AioKey {
        self.now += self.costs.task;
        let fut = self.create_future();
        let task = self.tasks.insert(Aio {
            fut,
            origin,
            cursor: TaskId::NONE,
            who,
            tells,
            begun: false,
            frames,
            input: TaskInput::Start,
            jump: None,
            outcome: None,
            waits_on: None,
            must_cancel: false,
            cancels: 0,
        });
        if let Some(future) = self.futures.get_mut(fut) {
            future.kind = Kind::Task(task);
        }
        task
    }

    pub(super) fn task(&mut self, key: AioKey) -> &mut Aio {
        self.tasks.get_mut(key).expect("a task that runs or is waited for is there")
    }

    pub(super) fn fut_of(&self, key: AioKey) -> FutKey {
        self.tasks.get(key).expect("a task that has a name is there").fut
    }

    /// Whether a task has ended.
    pub(super) fn has_ended(&self, key: AioKey) -> bool {
        self.tasks.get(key).is_none_or(|task| self.is_done(task.fut))
    }

    /// `Task.cancel`. What a task awaits is cancelled; if that takes none, it strikes when the task runs (C1, C2). Down a chain of
    /// tasks it goes to the innermost (C4).
    pub(super) fn cancel_task(&mut self, key: AioKey) -> bool {
        if self.has_ended(key) {
            return false;
        }
        let mut at = key;
        // A circle of tasks that await each other is left after one round.
        for _ in 0..self.tasks.len() {
            let task = self.task(at);
            task.cancels += 1;
            let Some(waits_on) = task.waits_on else {
                task.must_cancel = true;
                return true;
            };
            match self.futures.get(waits_on).map(|future| future.kind) {
                Some(Kind::Task(inner)) if !self.has_ended(inner) => at = inner,
                Some(_) | None => {
                    if !self.cancel(waits_on) {
                        self.task(at).must_cancel = true;
                    }
                    return true;
                }
            }
        }
        true
    }

    /// `Task.uncancel`: how many cancellations are left.
    pub(super) fn uncancel(&mut self, key: AioKey) -> u32 {
        let forgets = self.rules.uncancel_forgets;
        let task = self.task(key);
        if task.cancels > 0 {
            task.cancels -= 1;
            if task.cancels == 0 && forgets {
                task.must_cancel = false;
            }
        }
        task.cancels
    }

    /// `Task.__wakeup`: what it waited for is done.
    pub(super) fn wake_up(&mut self, key: AioKey, future: FutKey) {
        let ended = self.result(future).unwrap_or(Ok(FutureValue::None));
        if let Some(task) = self.tasks.get_mut(key) {
            task.input = TaskInput::of(ended);
        }
        self.begin_step(key, ended.err());
    }

    /// `Task.__step`: from now on it runs.
    pub(super) fn begin_step(&mut self, key: AioKey, exception: Option<Exc>) {
        if self.has_ended(key) {
            return;
        }
        self.now += self.costs.step;
        let task = self.task(key);
        let mut exception = exception;
        if std::mem::take(&mut task.must_cancel) {
            exception = Some(Exc::Cancelled);
        }
        task.waits_on = None;
        match exception {
            // A coroutine that has not begun raises at once, and none of it runs (C3).
            Some(error) if !task.begun => {
                task.frames.clear();
                (task.tells, task.origin) = (false, None);
                task.input = TaskInput::Err(error);
            }
            Some(error) => task.input = TaskInput::Err(error),
            None => {}
        }
        task.begun = true;
        self.running.push(RunningTask::Task(key));
    }

    /// Begins a task that was just made: with the next turn (F1), or at once, inside its maker (G1). Whether at once.
    pub(super) fn begin_task(&mut self, key: AioKey, eager: bool) -> bool {
        if eager {
            self.task(key).begun = true;
            self.running.push(RunningTask::Task(key));
        } else {
            self.call_soon(Callback::Step(key));
        }
        eager
    }

    /// Runs a task's frames until its program is next or it pauses.
    pub(super) fn drive(&mut self, key: AioKey) -> Driven {
        loop {
            let task = self.task(key);
            let input = std::mem::replace(&mut task.input, TaskInput::Ok(FutureValue::None));
            let Some(mut frame) = task.frames.pop() else {
                match input {
                    TaskInput::Err(error) => self.end_task(key, Err(error)),
                    TaskInput::Start | TaskInput::Ok(_) if task.origin.is_some() => return Driven::Program,
                    TaskInput::Start | TaskInput::Leave => self.end_task(key, Ok(FutureValue::None)),
                    TaskInput::Ok(value) => self.end_task(key, Ok(value)),
                }
                return Driven::Paused;
            };
            let flow = frame.step(self, key, input);
            let task = self.task(key);
            match flow {
                FrameFlow::Return(value) => task.input = TaskInput::Ok(value),
                FrameFlow::Raise(error) => task.input = TaskInput::Err(error),
                FrameFlow::Call(inner) => {
                    task.frames.push(frame);
                    task.frames.push(inner);
                    task.input = TaskInput::Start;
                }
                FrameFlow::Await(future) => {
                    task.frames.push(frame);
                    if self.suspend(key, future) {
                        return Driven::Paused;
                    }
                }
                FrameFlow::Yield => {
                    task.frames.push(frame);
                    self.running.pop();
                    self.call_soon(Callback::Step(key));
                    return Driven::Paused;
                }
                FrameFlow::Nested => {
                    task.frames.push(frame);
                    return Driven::Nested;
                }
                FrameFlow::Program(jump) => {
                    task.frames.push(frame);
                    task.jump = jump;
                    return Driven::Program;
                }
                FrameFlow::Done(outcome, jump) => {
                    (task.outcome, task.jump) = (outcome, jump);
                    return Driven::Program;
                }
            }
        }
    }

    /// `await` of a future: false if it is done and the task runs on (F2).
    fn suspend(&mut self, key: AioKey, future: FutKey) -> bool {
        let own = self.fut_of(key) == future;
        if let Some(state) = self.futures.get_mut(future) {
            let blocks = state.blocking;
            state.blocking |= own;
            if blocks {
                self.task(key).input = TaskInput::Err(Exc::RUNTIME);
                return false;
            }
        }
        if own {
            // A task that awaits itself gets an error in the next turn.
            self.running.pop();
            self.task(key).input = TaskInput::Err(Exc::RUNTIME);
            self.call_soon(Callback::Step(key));
            return true;
        }
        if let Some(ended) = self.result(future) {
            self.task(key).input = TaskInput::of(ended);
            return false;
        }
        self.running.pop();
        self.add_done_callback(future, DoneCallback::WakeUp(key));
        let task = self.task(key);
        task.waits_on = Some(future);
        // It was cancelled while it ran: it strikes at the first wait that yields (C10).
        if task.must_cancel && self.cancel(future) {
            self.task(key).must_cancel = false;
        }
        true
    }

    /// A task's coroutine is over: the task is a future that is done (F4, F6).
    pub(super) fn end_task(&mut self, key: AioKey, ended: Ended) {
        self.running.pop();
        let task = self.task(key);
        let (fut, who, tells) = (task.fut, task.who, task.tells);
        let must_cancel = std::mem::take(&mut task.must_cancel);
        let cursor = std::mem::replace(&mut task.cursor, TaskId::NONE);
        task.frames = Vec::new();
        if cursor.is_some() {
            self.out.over.push(cursor);
        }
        if let Err(error) = ended
            && tells
        {
            self.say(who, Said::Error(error.name()));
        }
        match ended {
            Ok(_) if must_cancel => self.settle(fut, State::Cancelled),
            Err(Exc::Cancelled) => self.settle(fut, State::Cancelled),
            Ok(_) | Err(_) => self.settle(fut, State::Done(ended)),
        }
    }

    /// Nobody will ask for a task again that has ended.
    pub(super) fn forget_task(&mut self, key: AioKey) {
        if self.has_ended(key)
            && let Some(task) = self.tasks.remove(key)
        {
            self.forget(task.fut);
        }
    }
}
