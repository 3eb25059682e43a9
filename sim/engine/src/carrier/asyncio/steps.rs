//! What the loop makes of a program's steps: the coroutine that a task awaits, or what is done at once.
//!
//! A step that awaits becomes a frame (`frame.rs`) over a [`Say`], which makes its outcome. Whoever uses an object as it cannot be used has
//! got past the compiler of scheduling programs: that is asserted.

use super::EventLoop;
use super::Outside;
use super::frame::{CoroutineFrame, Sleep, TryBlock};
use super::future::{Exc, FutKey, FutureValue, State};
use super::gather::{EachCompleted, WaitMany};
use super::handle::Callback;
use super::limit::{LimitBlock, Limited, WaitFor};
use super::locks::{TakeLock, WaitBarrier, WaitCondition, WaitEvent};
use super::objects::LoopObject;
use super::queues::{GetItem, JoinQueue, PutItem};
use super::say::Say;
use super::semaphore::TakeToken;
use super::sockets::{ReadStream, Reader, Receive};
use super::spawn::Birthing;
use super::task::{AioKey, TaskInput, TaskOrigin};
use crate::kit::time::Span;
use crate::model::asyncio::{LoopKind, WaitForRule};
use crate::program::asyncio::AioStep;
use crate::program::op::{Limit, Op, Program};
use crate::program::said::{Outcome, Said};
use crate::program::task::Task;

/// Bytes of a remote peer's answer that are read at once.
const ANSWER: u32 = 65_536;

/// What is known of a task's program at a step.
#[derive(Clone, Copy)]
pub(super) struct StepAt<'a> {
    pub(super) program: &'a Program,
    /// The task's cursor, at the next op.
    pub(super) cursor: &'a Task,
    /// The duration that the op draws, if it does.
    pub(super) takes: Span,
}

impl StepAt<'_> {
    fn limit(&self, limit: Limit) -> Option<Span> {
        (limit != Limit::NONE).then(|| self.program.spans[usize::from(limit.0)])
    }
}

/// What came of a step that does not await: its outcome, or what it raises. `None`: it awaits.
type Now = Option<Result<Option<Outcome>, Exc>>;

const QUIET: Now = Some(Ok(None));

fn told(outcome: Outcome) -> Now {
    Some(Ok(Some(outcome)))
}

fn done(result: Result<(), Exc>) -> Now {
    Some(result.map(|()| None))
}

impl EventLoop {
    /// A task sleeps.
    pub(super) fn sleep(&mut self, me: AioKey, span: Span) {
        self.await_step(me, Say::Nothing, Sleep::frame(span));
    }

    /// A task does a step of its program.
    pub(super) fn perform(&mut self, me: AioKey, op: Op, at: StepAt<'_>) {
        let now = match op {
            Op::Mark { tag, outcome } => {
                let task = self.task(me);
                let (who, told) = (task.who, if outcome { task.outcome.take() } else { None });
                self.say(who, Said::Tag { tag, outcome: told });
                QUIET
            }
            Op::Acquire { .. } | Op::Release { .. } | Op::Await { .. } | Op::WaitCondition { .. } => {
                self.lock_step(me, op, at)
            }
            Op::Notify { sync, count } => done(match self.object(sync) {
                LoopObject::Condition(condition) => self.notify(condition, count),
                other => misused(other),
            }),
            Op::Signal { .. } | Op::Clear { .. } => self.signal(me, op),
            Op::Put { .. } | Op::Get { .. } | Op::TaskDone { .. } | Op::JoinAll { .. } => self.queue_step(me, op, at),
            Op::Send { .. } | Op::Ask { .. } | Op::Apply { .. } => self.outside_step(me, op, at),
            Op::Guard { limit, end } => {
                let span = at.limit(limit).unwrap_or(Span::MAX);
                let timeout = self.enter_timeout(me, span);
                self.task(me).frames.push(LimitBlock::frame(timeout, end));
                QUIET
            }
            Op::Unguard => self.leave_block(me),
            Op::Spawn { spawn } => self.spawn_step(me, at.program.spawns[usize::from(spawn)], None, false),
            Op::Link { targets, note } => self.targets(at.program, targets).map_or_else(
                |error| Some(Err(error)),
                |targets| {
                    targets
                        .into_iter()
                        .for_each(|target| self.add_done_callback(target, super::future::DoneCallback::Note(note)));
                    QUIET
                },
            ),
            Op::Aio { step } => self.aio_step(me, at.program.asyncio[usize::from(step)], at),
            other => unreachable!("no task of a loop does {other:?}"),
        };
        match now {
            Some(Ok(outcome)) => {
                let task = self.task(me);
                task.outcome = outcome;
            }
            Some(Err(error)) => self.task(me).input = TaskInput::Err(error),
            None => {}
        }
    }

    /// The futures of the newest tasks of these names; `KeyError` if one was never made.
    fn targets(&self, program: &Program, targets: u16) -> Result<Vec<FutKey>, Exc> {
        let newest = |&name: &u16| {
            let task = self.newest.get(usize::from(name)).copied().flatten().ok_or(Exc::KEY)?;
            Ok(self.fut_of(task))
        };
        program.targets[usize::from(targets)].iter().map(newest).collect()
    }

    fn leave_block(&mut self, me: AioKey) -> Now {
        self.task(me).input = TaskInput::Leave;
        None
    }

    fn spawn_step(&mut self, me: AioKey, spawn: crate::program::op::Spawn, group: Option<u16>, eager: bool) -> Now {
        let birth = self.birth(spawn, group, eager);
        if let Some(after) = spawn.after {
            self.spawn_later(birth, after);
            return QUIET;
        }
        let task = self.task(me);
        task.frames.push(CoroutineFrame::Birth(Birthing::new(birth)));
        task.input = TaskInput::Start;
        None
    }

    fn lock_step(&mut self, me: AioKey, op: Op, at: StepAt<'_>) -> Now {
        let (frame, limit) = match op {
            Op::Release { sync } => {
                return done(match self.object(sync) {
                    LoopObject::Lock(lock) => self.release_lock(lock),
                    LoopObject::Condition(condition) => self.release_lock(self.locks.lock_of(condition)),
                    LoopObject::Semaphore(semaphore) => self.release_token(semaphore),
                    other => misused(other),
                });
            }
            Op::Acquire { sync, limit, .. } => {
                let frame = match self.object(sync) {
                    LoopObject::Lock(lock) => TakeLock::frame(lock),
                    LoopObject::Condition(condition) => TakeLock::frame(self.locks.lock_of(condition)),
                    LoopObject::Semaphore(semaphore) => TakeToken::frame(semaphore),
                    other => misused(other),
                };
                (frame, limit)
            }
            Op::Await { sync, limit } => {
                let frame = match self.object(sync) {
                    LoopObject::Event(event) => WaitEvent::frame(event),
                    LoopObject::Barrier(barrier) => WaitBarrier::frame(barrier),
                    other => misused(other),
                };
                (frame, limit)
            }
            Op::WaitCondition { sync, limit } => match self.object(sync) {
                LoopObject::Condition(condition) => (WaitCondition::frame(condition), limit),
                other => misused(other),
            },
            other => unreachable!("{other:?} is no step of a lock"),
        };
        self.await_step(me, Say::Flag, WaitFor::around(at.limit(limit), frame));
        None
    }

    /// Events and results.
    fn signal(&mut self, me: AioKey, op: Op) -> Now {
        match op {
            Op::Signal { sync, item } => match self.object(sync) {
                LoopObject::Event(event) => {
                    self.set_event(event);
                    QUIET
                }
                LoopObject::Result(result) => {
                    // Without an item it is the task's name.
                    let who = self.task(me).who;
                    let value = if item == u16::MAX { FutureValue::Who(who) } else { FutureValue::Item(item) };
                    self.set_once(result, State::Done(Ok(value)))
                }
                other => misused(other),
            },
            Op::Clear { sync } => match self.object(sync) {
                LoopObject::Event(event) => {
                    self.locks.event(event).value = false;
                    QUIET
                }
                other => misused(other),
            },
            other => unreachable!("{other:?} is no step of an event"),
        }
    }

    /// Sets a result, which says false if it is done.
    fn set_once(&mut self, result: FutKey, state: State) -> Now {
        if self.is_done(result) {
            return told(Outcome::Bool(false));
        }
        self.settle(result, state);
        QUIET
    }

    fn queue_step(&mut self, me: AioKey, op: Op, at: StepAt<'_>) -> Now {
        let (say, frame, limit) = match op {
            Op::TaskDone { sync } => {
                return done(match self.object(sync) {
                    LoopObject::Queue(queue) => self.item_done(queue),
                    other => misused(other),
                });
            }
            Op::JoinAll { sync, limit } => match self.object(sync) {
                LoopObject::Queue(queue) => (Say::Flag, JoinQueue::frame(queue), limit),
                other => misused(other),
            },
            Op::Put { sync, item, limit, block } => match self.object(sync) {
                LoopObject::Queue(queue) if block => (Say::Put, PutItem::frame(queue, item), limit),
                LoopObject::Queue(queue) => {
                    return match self.put_now(queue, FutureValue::Item(item)) {
                        Ok(()) => told(Outcome::Ok),
                        Err(Exc::Error("QueueFull")) => told(Outcome::Full),
                        Err(error) => Some(Err(error)),
                    };
                }
                other => misused(other),
            },
            Op::Get { sync, limit, block } => match self.object(sync) {
                LoopObject::Queue(queue) if block => (Say::Get, GetItem::frame(queue), limit),
                LoopObject::Queue(queue) => {
                    return match self.get_now(queue) {
                        Ok(FutureValue::Item(item)) => told(Outcome::Item(item)),
                        Ok(_) => unreachable!("a program's queue holds items"),
                        Err(Exc::Error("QueueEmpty")) => told(Outcome::Empty),
                        Err(error) => Some(Err(error)),
                    };
                }
                LoopObject::Result(result) => {
                    let frame = match at.limit(limit) {
                        Some(span) => WaitFor::frame(span, Limited::Future(result)),
                        None => CoroutineFrame::Future(result, false),
                    };
                    self.await_step(me, Say::Get, frame);
                    return None;
                }
                other => misused(other),
            },
            other => unreachable!("{other:?} is no step of a queue"),
        };
        self.await_step(me, say, WaitFor::around(at.limit(limit), frame));
        None
    }

    /// Sockets, remote peers and threads.
    fn outside_step(&mut self, me: AioKey, op: Op, at: StepAt<'_>) -> Now {
        match op {
            Op::Send { sync, end, bytes } => {
                let sock = self.sock_of(sync, end);
                self.send(sock, bytes);
                QUIET
            }
            Op::Ask { sync, .. } => match self.object(sync) {
                LoopObject::Remote(sock) => {
                    let question = self.question(sock);
                    self.happens_at(self.now + at.takes, Outside::Answer(sock, question));
                    QUIET
                }
                other => misused(other),
            },
            Op::Apply { sync, .. } => match self.object(sync) {
                LoopObject::Threads(pool) => {
                    let job = self.submit(pool, at.takes);
                    self.await_step(me, Say::Nothing, CoroutineFrame::Future(job, true));
                    None
                }
                other => misused(other),
            },
            other => unreachable!("{other:?} is no step to the outside"),
        }
    }

    /// The descriptor of an end.
    fn sock_of(&self, sync: u16, end: u8) -> u32 {
        match self.object(sync) {
            LoopObject::Pair(socks) => socks[usize::from(end)],
            LoopObject::Stream(streams) => self.streams[streams[usize::from(end)]].sock,
            other => misused(other),
        }
    }

    fn aio_step(&mut self, me: AioKey, step: AioStep, at: StepAt<'_>) -> Now {
        match step {
            AioStep::Raise(error) => Some(Err(Exc::Error(error))),
            AioStep::Leave => self.leave_block(me),
            AioStep::Try { catch, last, end } => {
                self.task(me).frames.push(CoroutineFrame::Try(TryBlock::new(catch, last, end)));
                QUIET
            }
            AioStep::Group { name, end } => {
                let block = self.enter_group(me, name, end);
                self.task(me).frames.push(block);
                QUIET
            }
            AioStep::Limit { limit, end } => {
                if self.rules.wait_for == WaitForRule::Inline && !limit.is_zero() {
                    let timeout = self.enter_timeout(me, limit);
                    self.task(me).frames.push(LimitBlock::frame(timeout, end));
                    return QUIET;
                }
                let (program, pc, registers) = (at.cursor.program(), at.cursor.pc(), at.cursor.registers());
                let steps = Limited::Steps(TaskOrigin { program, pc, registers });
                self.await_step(me, Say::Block(end), WaitFor::frame(limit, steps));
                None
            }
            AioStep::Call { note, after } => {
                let callback = Callback::Note(self.task(me).who, note);
                match after {
                    Some(span) => self.call_later(span, callback),
                    None => self.call_soon(callback),
                };
                QUIET
            }
            AioStep::Spawn { spawn, group, eager } => self.spawn_step(me, spawn, group, eager),
            AioStep::Shutdown { sync, immediate } => match self.object(sync) {
                LoopObject::Queue(queue) => {
                    self.shut_down(queue, immediate);
                    QUIET
                }
                other => misused(other),
            },
            AioStep::CancelResult { sync } => told(Outcome::Bool(match self.object(sync) {
                LoopObject::Result(result) => self.cancel(result),
                other => misused(other),
            })),
            AioStep::Fail { sync, error } => match self.object(sync) {
                LoopObject::Result(result) => self.set_once(result, State::Done(Err(Exc::Error(error)))),
                other => misused(other),
            },
            AioStep::Receive { .. } | AioStep::Answer { .. } | AioStep::Watch { .. } | AioStep::Unwatch { .. } => {
                self.read_step(me, step)
            }
            AioStep::Cancel { targets }
            | AioStep::Await { targets }
            | AioStep::Shield { targets }
            | AioStep::Gather { targets, .. }
            | AioStep::Wait { targets, .. }
            | AioStep::Completed { targets, .. } => match self.targets(at.program, targets) {
                Ok(targets) => self.many_step(me, step, targets),
                Err(error) => Some(Err(error)),
            },
        }
    }

    /// What reads.
    fn read_step(&mut self, me: AioKey, step: AioStep) -> Now {
        match step {
            AioStep::Receive { sync, end, bytes, limit } => {
                let frame = match self.object(sync) {
                    LoopObject::Pair(socks) => Receive::frame(socks[usize::from(end)], bytes),
                    LoopObject::Stream(streams) => ReadStream::frame(streams[usize::from(end)], bytes),
                    other => misused(other),
                };
                self.await_step(me, Say::Received, WaitFor::around(limit, frame));
                None
            }
            AioStep::Answer { sync, limit } => {
                let frame = match self.object(sync) {
                    LoopObject::Remote(sock) => Receive::frame(sock, ANSWER),
                    other => misused(other),
                };
                self.await_step(me, Say::Answered, WaitFor::around(limit, frame));
                None
            }
            AioStep::Watch { sync, end, note, bytes } => {
                let (sock, who) = (self.sock_of(sync, end), self.task(me).who);
                self.add_reader(sock, Reader::Watch { sock, bytes, who, note });
                QUIET
            }
            AioStep::Unwatch { sync, end } => {
                let sock = self.sock_of(sync, end);
                let was_watched = self.remove_reader(sock);
                // uvloop's says nothing.
                if self.kind == LoopKind::Uvloop { QUIET } else { told(Outcome::Bool(was_watched)) }
            }
            other => unreachable!("{other:?} reads nothing"),
        }
    }

    /// What has to do with other tasks.
    fn many_step(&mut self, me: AioKey, step: AioStep, targets: Vec<FutKey>) -> Now {
        let (say, frame) = match step {
            AioStep::Cancel { .. } => {
                let last = targets.into_iter().map(|target| self.cancel(target)).last();
                return told(Outcome::Bool(last.unwrap_or(false)));
            }
            AioStep::Await { .. } => (Say::Done, CoroutineFrame::Future(targets[0], false)),
            AioStep::Shield { .. } => {
                let outer = self.shield(targets[0]);
                (Say::Done, CoroutineFrame::Future(outer, outer != targets[0]))
            }
            AioStep::Gather { exceptions, .. } => {
                let (gather, outer) = self.gather(targets, exceptions);
                (Say::Gathered(gather), CoroutineFrame::Future(outer, false))
            }
            AioStep::Wait { limit, until, .. } => {
                self.push(me, WaitMany::frame(targets, limit, until));
                return None;
            }
            AioStep::Completed { note, limit, .. } => {
                self.push(me, EachCompleted::frame(targets, limit, note));
                return None;
            }
            other => unreachable!("{other:?} has no targets"),
        };
        self.await_step(me, say, frame);
        None
    }

    fn push(&mut self, me: AioKey, frame: CoroutineFrame) {
        let task = self.task(me);
        task.frames.push(frame);
        task.input = TaskInput::Start;
    }
}

fn misused(object: LoopObject) -> ! {
    unreachable!("{object:?} cannot be used so; the compiler of programs has seen to that")
}
