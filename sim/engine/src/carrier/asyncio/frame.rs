//! Frames: what a task is in, as small machines that do what the library's coroutines do, in the same order.
//!
//! A coroutine that awaits a coroutine is a frame over a frame: no turn, no switch (F4). The innermost goes first; what it returns or
//! raises is what the next one goes on with. Blocks of a program (`try`, `timeout`, `group`) are frames too: under them the program
//! runs, and what is raised in it comes to them.

use super::EventLoop;
use super::future::{Ended, Exc, FutKey, Value};
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
use super::task::{AioKey, Input};
use crate::kit::arena::Key;
use crate::kit::time::Span;
use crate::program::op::Pc;
use crate::program::said::Outcome;

/// What a task is in.
#[derive(Debug)]
pub(super) enum Frame {
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
pub(super) enum Flow {
    /// It is over.
    Return(Value),
    /// It is over, by an exception.
    Raise(Exc),
    /// It awaits a coroutine.
    Call(Frame),
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

impl Flow {
    /// What was awaited is what it comes to.
    pub(super) fn pass(input: Input) -> Flow {
        match input {
            Input::Ok(value) => Flow::Return(value),
            Input::Err(error) => Flow::Raise(error),
            Input::Start | Input::Leave => unreachable!("it has begun, and is no block"),
        }
    }

    pub(super) fn of(ended: Ended) -> Flow {
        Flow::pass(Input::of(ended))
    }
}

impl Frame {
    /// Goes on.
    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: Input) -> Flow {
        match self {
            Frame::Say(say) => say.step(on, input),
            Frame::Future(future, own) => match input {
                Input::Start => Flow::Await(*future),
                input => {
                    if *own {
                        on.forget(*future);
                    }
                    Flow::pass(input)
                }
            },
            Frame::Sleep(sleep) => sleep.step(on, input),
            Frame::YieldOnce => match input {
                Input::Start => Flow::Yield,
                input => Flow::pass(input),
            },
            Frame::Lock(frame) => frame.step(on, input),
            Frame::Token(frame) => frame.step(on, input),
            Frame::Event(frame) => frame.step(on, input),
            Frame::Condition(frame) => frame.step(on, input),
            Frame::Barrier(frame) => frame.step(on, input),
            Frame::Put(frame) => frame.step(on, input),
            Frame::Get(frame) => frame.step(on, input),
            Frame::Join(frame) => frame.step(on, input),
            Frame::Receive(frame) => frame.step(on, input),
            Frame::Read(frame) => frame.step(on, input),
            Frame::WaitFor(frame) => frame.step(on, me, input),
            Frame::WaitMany(frame) => frame.step(on, input),
            Frame::Each(frame) => frame.step(on, me, input),
            Frame::Birth(frame) => frame.step(on, input),
            Frame::Try(frame) => frame.step(input),
            Frame::Limit(frame) => frame.step(on, input),
            Frame::Group(frame) => frame.step(on, me, input),
        }
    }
}

/// `tasks.py:sleep`: a future that a timer sets, so two handles (F5).
#[derive(Debug)]
pub(super) struct Sleep {
    span: Span,
    wait: Option<(FutKey, Key<Handle>)>,
}

impl Sleep {
    pub(super) fn frame(span: Span) -> Frame {
        if span.is_zero() { Frame::YieldOnce } else { Frame::Sleep(Sleep { span, wait: None }) }
    }

    fn step(&mut self, on: &mut EventLoop, input: Input) -> Flow {
        let Some((future, handle)) = self.wait else {
            let future = on.create_future();
            let handle = on.call_later(self.span, Callback::SetResult(future));
            self.wait = Some((future, handle));
            return Flow::Await(future);
        };
        on.cancel_handle(handle);
        on.forget(future);
        Flow::pass(input)
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

    fn step(&mut self, input: Input) -> Flow {
        let comes_to = match input {
            Input::Start | Input::Ok(_) => return Flow::Program(None),
            Input::Leave => match self.pending.take() {
                Some(pending) => return self.over(pending),
                None => Ok(Outcome::Ok),
            },
            // What is raised in the clause takes the place of what was pending.
            Input::Err(error) if self.pending.is_some() => return Flow::Raise(error),
            Input::Err(error) if self.catch => Ok(Outcome::Word(error.name())),
            Input::Err(error) => Err(error),
        };
        match self.last {
            Some(last) => {
                self.pending = Some(comes_to);
                Flow::Program(Some(last))
            }
            None => self.over(comes_to),
        }
    }

    fn over(&self, comes_to: Result<Outcome, Exc>) -> Flow {
        match comes_to {
            Ok(outcome) => Flow::Done(Some(outcome), Some(self.end)),
            Err(error) => Flow::Raise(error),
        }
    }
}
