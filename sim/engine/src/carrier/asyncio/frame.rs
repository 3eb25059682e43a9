//! Frames: what a task is in, as small machines that do what the library's coroutines do, in the same order.
//!
//! A coroutine that awaits a coroutine is a frame over a frame: no turn, no switch (F4). The innermost goes first; what it returns or
//! raises is what the next one goes on with. Blocks of a program (`try`, `timeout`, `group`) are frames too: under them the program
//! runs, and what is raised in it comes to them.

use super::EventLoop;
use super::future::{Ended, Exc, FutKey, FutureValue};
use super::gather::{EachCompleted, WaitMany};
use super::group::GroupBlock;
use super::handle::{Callback, Handle};
use super::limit::{LimitBlock, WaitFor};
use super::locks::{TakeLock, WaitBarrier, WaitCondition, WaitEvent};
use super::queues::{GetItem, JoinQueue, PutItem};
use super::say::Say;
use super::semaphore::TakeToken;
use super::sockets::{ReadStream, Receive};
use super::spawn::Birthing;
use super::task::{AioKey, TaskInput};
use crate::kit::arena::ArenaKey;
use crate::kit::time::Span;
use crate::program::op::Pc;
use crate::program::said::Outcome;

/// What a task is in.
#[derive(Debug)]
pub(super) enum CoroutineFrame {
    Say(Say),
    /// A future that is awaited; whether it is nobody else's.
    Future(FutKey, bool),
    Sleep(Sleep),
    YieldOnce,
    Lock(TakeLock),
    Token(TakeToken),
    Event(WaitEvent),
    Condition(WaitCondition),
    Barrier(WaitBarrier),
    Put(PutItem),
    Get(GetItem),
    Join(JoinQueue),
    Receive(Receive),
    Read(ReadStream),
    WaitFor(Box<WaitFor>),
    WaitMany(WaitMany),
    Each(EachCompleted),
    Birth(Birthing),
    Try(TryBlock),
    Limit(LimitBlock),
    Group(GroupBlock),
}

/// What a frame does next.
#[derive(Debug)]
pub(super) enum FrameFlow {
    /// It is over.
    Return(FutureValue),
    /// It is over, by an exception.
    Raise(Exc),
    /// It awaits a coroutine.
    Call(CoroutineFrame),
    /// It awaits a future.
    Await(FutKey),
    /// A bare `yield`.
    Yield,
    /// It goes on when a task that it has made eagerly pauses.
    Nested,
    /// The program goes on under it, there if that is not the next op.
    Program(Option<Pc>),
    /// It is over with this outcome, and the program goes on.
    Done(Option<Outcome>, Option<Pc>),
}

impl FrameFlow {
    /// What was awaited is what it comes to.
    pub(super) fn pass(input: TaskInput) -> FrameFlow {
        match input {
            TaskInput::Ok(value) => FrameFlow::Return(value),
            TaskInput::Err(error) => FrameFlow::Raise(error),
            TaskInput::Start | TaskInput::Leave => unreachable!("it has begun, and is no block"),
        }
    }

    pub(super) fn of(ended: Ended) -> FrameFlow {
        FrameFlow::pass(TaskInput::of(ended))
    }
}

impl CoroutineFrame {
    /// Goes on.
    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: TaskInput) -> FrameFlow {
        match self {
            CoroutineFrame::Say(say) => say.step(on, input),
            CoroutineFrame::Future(future, own) => match input {
                TaskInput::Start => FrameFlow::Await(*future),
                input => {
                    if *own {
                        on.forget(*future);
                    }
                    FrameFlow::pass(input)
                }
            },
            CoroutineFrame::Sleep(sleep) => sleep.step(on, input),
            CoroutineFrame::YieldOnce => match input {
                TaskInput::Start => FrameFlow::Yield,
                input => FrameFlow::pass(input),
            },
            CoroutineFrame::Lock(frame) => frame.step(on, input),
            CoroutineFrame::Token(frame) => frame.step(on, input),
            CoroutineFrame::Event(frame) => frame.step(on, input),
            CoroutineFrame::Condition(frame) => frame.step(on, input),
            CoroutineFrame::Barrier(frame) => frame.step(on, input),
            CoroutineFrame::Put(frame) => frame.step(on, input),
            CoroutineFrame::Get(frame) => frame.step(on, input),
            CoroutineFrame::Join(frame) => frame.step(on, input),
            CoroutineFrame::Receive(frame) => frame.step(on, input),
            CoroutineFrame::Read(frame) => frame.step(on, input),
            CoroutineFrame::WaitFor(frame) => frame.step(on, me, input),
            CoroutineFrame::WaitMany(frame) => frame.step(on, input),
            CoroutineFrame::Each(frame) => frame.step(on, me, input),
            CoroutineFrame::Birth(frame) => frame.step(on, input),
            CoroutineFrame::Try(frame) => frame.step(input),
            CoroutineFrame::Limit(frame) => frame.step(on, input),
            CoroutineFrame::Group(frame) => frame.step(on, me, input),
        }
    }
}

/// `tasks.py:sleep`: a future that a timer sets, so two handles (F5).
#[derive(Debug)]
pub(super) struct Sleep {
    span: Span,
    wait: Option<(FutKey, ArenaKey<Handle>)>,
}

impl Sleep {
    pub(super) fn frame(span: Span) -> CoroutineFrame {
        if span.is_zero() { CoroutineFrame::YieldOnce } else { CoroutineFrame::Sleep(Sleep { span, wait: None }) }
    }

    fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let Some((future, handle)) = self.wait else {
            let future = on.create_future();
            let handle = on.call_later(self.span, Callback::SetResult(future));
            self.wait = Some((future, handle));
            return FrameFlow::Await(future);
        };
        on.cancel_handle(handle);
        on.forget(future);
        FrameFlow::pass(input)
    }
}

/// `try`, `except`, `finally` in a program.
#[derive(Debug)]
pub(super) struct TryBlock {
    catch: bool,
    /// The first op of its `finally` clause.
    last: Option<Pc>,
    end: Pc,
    /// What it comes to once that clause is over.
    pending: Option<Result<Outcome, Exc>>,
}

impl TryBlock {
    pub(super) fn new(catch: bool, last: Option<Pc>, end: Pc) -> TryBlock {
        TryBlock { catch, last, end, pending: None }
    }

    fn step(&mut self, input: TaskInput) -> FrameFlow {
        let comes_to = match input {
            TaskInput::Start | TaskInput::Ok(_) => return FrameFlow::Program(None),
            TaskInput::Leave => match self.pending.take() {
                Some(pending) => return self.over(pending),
                None => Ok(Outcome::Ok),
            },
            // What is raised in the clause takes the place of what was pending.
            TaskInput::Err(error) if self.pending.is_some() => return FrameFlow::Raise(error),
            TaskInput::Err(error) if self.catch => Ok(Outcome::Word(error.name())),
            TaskInput::Err(error) => Err(error),
        };
        match self.last {
            Some(last) => {
                self.pending = Some(comes_to);
                FrameFlow::Program(Some(last))
            }
            None => self.over(comes_to),
        }
    }

    fn over(&self, comes_to: Result<Outcome, Exc>) -> FrameFlow {
        match comes_to {
            Ok(outcome) => FrameFlow::Done(Some(outcome), Some(self.end)),
            Err(error) => FrameFlow::Raise(error),
        }
    }
}
