//! Limits: `asyncio.timeout` and `asyncio.wait_for`.
//!
//! After `timeouts.py` and `tasks.py:wait_for` (CPython 3.8.18, 3.11.7, 3.13.0). A timer cancels the task; the block's end makes of that
//! cancellation a `TimeoutError`, unless there are others (T1, T5). Until 3.11 `wait_for` ran a coroutine in a task of its own, and no
//! limit at all, or less, has always done so (T6, T7).

use super::EventLoop;
use super::frame::{Flow, Frame};
use super::future::{Done, Ended, Exc, FutKey, Value};
use super::handle::{Callback, Handle};
use super::task::{AioKey, Input, Origin};
use crate::kit::arena::Key;
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
    handle: Key<Handle>,
    /// Cancellations that were asked for before.
    cancelling: u32,
}

impl EventLoop {
    /// `async with asyncio.timeout(span)`, the way in.
    pub(super) fn enter_timeout(&mut self, me: AioKey, span: Span) -> Key<Timeout> {
        let when = self.time() + span;
        let cancelling = self.task(me).cancels;
        let handle = Key::from_raw((0, u32::MAX));
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
    pub(super) fn exit_timeout(&mut self, timeout: Key<Timeout>, ended: Ended) -> Ended {
        let Some(state) = self.timeouts.remove(timeout) else { return ended };
        self.cancel_handle(state.handle);
        if state.expiring && self.uncancel(state.task) <= state.cancelling && ended == Err(Exc::Cancelled) {
            return Err(Exc::Timeout);
        }
        ended
    }

    /// `_on_timeout`.
    pub(super) fn on_timeout(&mut self, timeout: Key<Timeout>) {
        let Some(state) = self.timeouts.get_mut(timeout) else { return };
        state.expiring = true;
        let task = state.task;
        self.cancel_task(task);
    }
}

/// A `timeout` block of a program, and a `wait_for` block where that is one.
#[derive(Debug)]
pub(super) struct LimitBlock {
    timeout: Key<Timeout>,
    end: Pc,
}

impl LimitBlock {
    pub(super) fn frame(timeout: Key<Timeout>, end: Pc) -> Frame {
        Frame::Limit(LimitBlock { timeout, end })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: Input) -> Flow {
        let ended = match input {
            Input::Start | Input::Ok(_) => return Flow::Program(None),
            Input::Leave => on.exit_timeout(self.timeout, Ok(Value::None)),
            Input::Err(error) => on.exit_timeout(self.timeout, Err(error)),
        };
        match ended {
            Ok(_) => Flow::Done(Some(Outcome::Ok), Some(self.end)),
            Err(Exc::Timeout) => Flow::Done(Some(Outcome::Timeout), Some(self.end)),
            Err(error) => Flow::Raise(error),
        }
    }
}

/// What a `wait_for` limits.
#[derive(Debug)]
pub(super) enum Limited {
    Coroutine(Frame),
    Future(FutKey),
    /// Steps of the task's own program.
    Steps(Origin),
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
    timer: Option<Key<Handle>>,
}

/// How far it is.
#[derive(Clone, Copy, Debug)]
enum At {
    Begin,
    /// In a `timeout` block.
    Inline(Key<Timeout>),
    /// Its task was made and has run as far as it runs eagerly.
    Made(Option<FutKey>),
    /// It waits for the task or the timer.
    Waits(FutKey),
    /// `_cancel_and_wait`: it has cancelled the task and waits for its end, to raise that if anything.
    Cancels(FutKey, Option<Exc>),
}

impl WaitFor {
    pub(super) fn frame(span: Span, what: Limited) -> Frame {
        Frame::WaitFor(Box::new(WaitFor { span, what: Some(what), at: At::Begin, fut: None, child: None, timer: None }))
    }

    /// `frame` under a limit, if there is one.
    pub(super) fn around(limit: Option<Span>, frame: Frame) -> Frame {
        match limit {
            Some(span) => WaitFor::frame(span, Limited::Coroutine(frame)),
            None => frame,
        }
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: Input) -> Flow {
        match self.at {
            At::Begin => self.begin(on, me),
            At::Inline(timeout) => {
                let ended = if let Input::Err(error) = input { Err(error) } else { Ok(value_of(input)) };
                Flow::of(on.exit_timeout(timeout, ended))
            }
            At::Made(wait) => self.made(on, wait),
            At::Waits(waiter) => self.woken(on, waiter, input),
            At::Cancels(waiter, raises) => {
                let fut = self.fut.expect("it has made a task");
                on.remove_done_callback(fut, Done::Release(waiter));
                on.forget(waiter);
                if let Input::Err(error) = input {
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

    fn begin(&mut self, on: &mut EventLoop, me: AioKey) -> Flow {
        let inline = on.rules.wait_for == WaitForRule::Inline;
        if inline && !self.span.is_zero() {
            self.at = At::Inline(on.enter_timeout(me, self.span));
            return match self.what.take() {
                Some(Limited::Coroutine(frame)) => Flow::Call(frame),
                Some(Limited::Future(fut)) => Flow::Await(fut),
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
        if on.begin_task(child, on.eager) { Flow::Nested } else { self.made(on, wait) }
    }

    /// What it waits for is a future now.
    fn made(&mut self, on: &mut EventLoop, wait: Option<FutKey>) -> Flow {
        let fut = self.fut.expect("it was made");
        match wait {
            Some(waiter) => {
                on.add_done_callback(fut, Done::Release(waiter));
                self.at = At::Waits(waiter);
                Flow::Await(waiter)
            }
            None => match on.result(fut) {
                Some(ended) => self.over(on, ended),
                None => self.cancel_and_wait(on, None),
            },
        }
    }

    /// Until 3.11: the task is done, or the time is up, or the waiter was cancelled.
    fn woken(&mut self, on: &mut EventLoop, waiter: FutKey, input: Input) -> Flow {
        on.forget(waiter);
        let fut = self.fut.expect("it was made");
        if let Some(ended) = on.result(fut) {
            return self.over(on, ended);
        }
        on.remove_done_callback(fut, Done::Release(waiter));
        let raises = if let Input::Err(error) = input { Some(error) } else { None };
        self.cancel_and_wait(on, raises)
    }

    /// `_cancel_and_wait`.
    fn cancel_and_wait(&mut self, on: &mut EventLoop, raises: Option<Exc>) -> Flow {
        let fut = self.fut.expect("it was made");
        let waiter = on.create_future();
        on.add_done_callback(fut, Done::Release(waiter));
        on.cancel(fut);
        self.at = At::Cancels(waiter, raises);
        Flow::Await(waiter)
    }

    fn over(&self, on: &mut EventLoop, ended: Ended) -> Flow {
        if let Some(timer) = self.timer {
            on.cancel_handle(timer);
        }
        if let Some(child) = self.child {
            on.forget_task(child);
        }
        Flow::of(ended)
    }
}

fn value_of(input: Input) -> Value {
    match input {
        Input::Ok(value) => value,
        Input::Start | Input::Err(_) | Input::Leave => Value::None,
    }
}
