//! Limits: `asyncio.timeout` and `asyncio.wait_for`.
//!
//! After `timeouts.py` and `tasks.py:wait_for` (CPython 3.8.18, 3.11.7, 3.13.0). A timer cancels the task; the block's end makes of that
//! cancellation a `TimeoutError`, unless there are others (T1, T5). Until 3.11 `wait_for` ran a coroutine in a task of its own, and no
//! limit at all, or less, has always done so (T6, T7).

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{DoneCallback, Ended, Exc, FutKey, FutureValue};
use super::handle::{Callback, Handle};
use super::task::{AioKey, TaskInput, TaskOrigin};
use crate::kit::arena::ArenaKey;
use crate::kit::time::Span;
use crate::model::asyncio::WaitForRule;
use crate::program::op::Pc;
use crate::program::said::Outcome;

/// `timeouts.py:Timeout`, entered.
#[derive(Debug)]
pub(crate) struct Timeout {
    task: AioKey,
    /// `_State.EXPIRING`.
    expiring: bool,
    handle: ArenaKey<Handle>,
    /// Cancellations that were asked for before.
    cancelling: u32,
}

impl EventLoop {
    /// `async with asyncio.timeout(span)`, the way in.
    pub(super) fn enter_timeout(&mut self, me: AioKey, span: Span) -> ArenaKey<Timeout> {
        let when = self.time() + span;
        let cancelling = self.task(me).cancels;
        let handle = ArenaKey::from_raw((0, u32::MAX));
        let timeout = self.timeouts.insert(Timeout { task: me, expiring: false, handle, cancelling });
        // A deadline that is not after the clock has no timer (T2).
        let handle = if when <= self.time() {
            self.call_soon(Callback::TimedOut(timeout))
        } else {
            self.call_at(when, Callback::TimedOut(timeout))
        };
        if let Some(state) = self.timeouts.get_mut(timeout) {
            state.handle = handle;
        }
        timeout
    }

    /// The way out: what the block comes to.
    pub(super) fn exit_timeout(&mut self, timeout: ArenaKey<Timeout>, ended: Ended) -> Ended {
        let Some(state) = self.timeouts.remove(timeout) else { return ended };
        self.cancel_handle(state.handle);
        if state.expiring && self.uncancel(state.task) <= state.cancelling && ended == Err(Exc::Cancelled) {
            return Err(Exc::Timeout);
        }
        ended
    }

    /// `_on_timeout`.
    pub(super) fn on_timeout(&mut self, timeout: ArenaKey<Timeout>) {
        let Some(state) = self.timeouts.get_mut(timeout) else { return };
        state.expiring = true;
        let task = state.task;
        self.cancel_task(task);
    }
}

/// A `timeout` block of a program, and a `wait_for` block where that is one.
#[derive(Debug)]
pub(super) struct LimitBlock {
    timeout: ArenaKey<Timeout>,
    end: Pc,
}

impl LimitBlock {
    pub(super) fn frame(timeout: ArenaKey<Timeout>, end: Pc) -> CoroutineFrame {
        CoroutineFrame::Limit(LimitBlock { timeout, end })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let ended = match input {
            TaskInput::Start | TaskInput::Ok(_) => return FrameFlow::Program(None),
            TaskInput::Leave => on.exit_timeout(self.timeout, Ok(FutureValue::None)),
            TaskInput::Err(error) => on.exit_timeout(self.timeout, Err(error)),
        };
        match ended {
            Ok(_) => FrameFlow::Done(Some(Outcome::Ok), Some(self.end)),
            Err(Exc::Timeout) => FrameFlow::Done(Some(Outcome::Timeout), Some(self.end)),
            Err(error) => FrameFlow::Raise(error),
        }
    }
}

/// What a `wait_for` limits.
#[derive(Debug)]
pub(super) enum Limited {
    Coroutine(CoroutineFrame),
    Future(FutKey),
    /// Steps of the task's own program.
    Steps(TaskOrigin),
}

/// `wait_for`.
#[derive(Debug)]
pub(super) struct WaitFor {
    span: Span,
    what: Option<Limited>,
    at: At,
    /// What it waits for, once that is a future; and the task that it has made for it.
    fut: Option<FutKey>,
    child: Option<AioKey>,
    /// Until 3.11: its timer, which stays started until all is over.
    timer: Option<ArenaKey<Handle>>,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
enum At {
    Begin,
    /// In a `timeout` block.
    Inline(ArenaKey<Timeout>),
    /// Its task was made and has run as far as it runs eagerly.
    Made(Option<FutKey>),
    /// It waits for the task or the timer.
    Waits(FutKey),
    /// `_cancel_and_wait`: it has cancelled the task and waits for its end, to raise that if anything.
    Cancels(FutKey, Option<Exc>),
}

impl WaitFor {
    pub(super) fn frame(span: Span, what: Limited) -> CoroutineFrame {
        CoroutineFrame::WaitFor(Box::new(WaitFor {
            span,
            what: Some(what),
            at: At::Begin,
            fut: None,
            child: None,
            timer: None,
        }))
    }

    /// `frame` under a limit, if there is one.
    pub(super) fn around(limit: Option<Span>, frame: CoroutineFrame) -> CoroutineFrame {
        match limit {
            Some(span) => WaitFor::frame(span, Limited::Coroutine(frame)),
            None => frame,
        }
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: TaskInput) -> FrameFlow {
        match self.at {
            At::Begin => self.begin(on, me),
            At::Inline(timeout) => {
                let ended = if let TaskInput::Err(error) = input { Err(error) } else { Ok(value_of(input)) };
                FrameFlow::of(on.exit_timeout(timeout, ended))
            }
            At::Made(wait) => self.made(on, wait),
            At::Waits(waiter) => self.woken(on, waiter, input),
            At::Cancels(waiter, raises) => {
                let fut = self.fut.expect("it has made a task");
                on.remove_done_callback(fut, DoneCallback::Release(waiter));
                on.forget(waiter);
                if let TaskInput::Err(error) = input {
                    return self.over(on, Err(error));
                }
                let ended = match (raises, on.result(fut)) {
                    (Some(error), _) => Err(error),
                    (None, Some(Err(Exc::Cancelled)) | None) => Err(Exc::Timeout),
                    (None, Some(Ok(_))) if on.rules.wait_for == WaitForRule::TaskThatMustTimeOut => Err(Exc::Timeout),
                    (None, Some(ended)) => ended,
                };
                self.over(on, ended)
            }
        }
    }

    fn begin(&mut self, on: &mut EventLoop, me: AioKey) -> FrameFlow {
        let inline = on.rules.wait_for == WaitForRule::Inline;
        if inline && !self.span.is_zero() {
            self.at = At::Inline(on.enter_timeout(me, self.span));
            return match self.what.take() {
                Some(Limited::Coroutine(frame)) => FrameFlow::Call(frame),
                Some(Limited::Future(fut)) => FrameFlow::Await(fut),
                Some(Limited::Steps(_)) | None => unreachable!("steps under an inline limit are a block"),
            };
        }
        let wait = (!self.span.is_zero()).then(|| {
            let waiter = on.create_future();
            self.timer = Some(on.call_later(self.span, Callback::SetResult(waiter)));
            waiter
        });
        self.at = At::Made(wait);
        let who = on.task(me).who;
        let child = match self.what.take() {
            Some(Limited::Future(fut)) => {
                self.fut = Some(fut);
                return self.made(on, wait);
            }
            Some(Limited::Coroutine(frame)) => on.new_task(None, vec![frame], who, false),
            Some(Limited::Steps(origin)) => on.new_task(Some(origin), Vec::new(), who, false),
            None => unreachable!("it begins once"),
        };
        (self.child, self.fut) = (Some(child), Some(on.fut_of(child)));
        if on.begin_task(child, on.eager) { FrameFlow::Nested } else { self.made(on, wait) }
    }

    /// What it waits for is a future now.
    fn made(&mut self, on: &mut EventLoop, wait: Option<FutKey>) -> FrameFlow {
        let fut = self.fut.expect("it was made");
        match wait {
            Some(waiter) => {
                on.add_done_callback(fut, DoneCallback::Release(waiter));
                self.at = At::Waits(waiter);
                FrameFlow::Await(waiter)
            }
            None => match on.result(fut) {
                Some(ended) => self.over(on, ended),
                None => self.cancel_and_wait(on, None),
            },
        }
    }

    /// Until 3.11: the task is done, or the time is up, or the waiter was cancelled.
    fn woken(&mut self, on: &mut EventLoop, waiter: FutKey, input: TaskInput) -> FrameFlow {
        on.forget(waiter);
        let fut = self.fut.expect("it was made");
        if let Some(ended) = on.result(fut) {
            return self.over(on, ended);
        }
        on.remove_done_callback(fut, DoneCallback::Release(waiter));
        let raises = if let TaskInput::Err(error) = input { Some(error) } else { None };
        self.cancel_and_wait(on, raises)
    }

    /// `_cancel_and_wait`.
    fn cancel_and_wait(&mut self, on: &mut EventLoop, raises: Option<Exc>) -> FrameFlow {
        let fut = self.fut.expect("it was made");
        let waiter = on.create_future();
        on.add_done_callback(fut, DoneCallback::Release(waiter));
        on.cancel(fut);
        self.at = At::Cancels(waiter, raises);
        FrameFlow::Await(waiter)
    }

    fn over(&self, on: &mut EventLoop, ended: Ended) -> FrameFlow {
        if let Some(timer) = self.timer {
            on.cancel_handle(timer);
        }
        if let Some(child) = self.child {
            on.forget_task(child);
        }
        FrameFlow::of(ended)
    }
}

fn value_of(input: TaskInput) -> FutureValue {
    match input {
        TaskInput::Ok(value) => value,
        TaskInput::Start | TaskInput::Err(_) | TaskInput::Leave => FutureValue::None,
    }
}
