//! Futures: what they hold, who is told when they are done, and how they are cancelled.
//!
//! After `futures.py:Future`. A future that is done queues its callbacks in the order they were added (F3), the wake-ups of waiting
//! tasks among them; nothing runs at once. What a callback does is a [`DoneCallback`]; whoever it names may be gone by then and is not found.

use super::EventLoop;
use super::gather::{Completions, GatherCall, WaitCall};
use super::group::Group;
use super::handle::{Callback, Handle};
use super::task::Aio;
use super::threads::Job;
use crate::kit::arena::ArenaKey;
use crate::program::said::Said;

/// How deep a cancellation goes through gatherings within gatherings (`sys.getrecursionlimit()`).
const RECURSION_MAX: u32 = 1000;

/// What is awaited.
pub(super) type FutKey = ArenaKey<Fut>;

/// A value, as far as one is told apart from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FutureValue {
    None,
    Bool(bool),
    Item(u16),
    /// The name of a task, counted in spawn order.
    Who(u32),
    /// So many bytes, or an index.
    Count(u32),
    Future(FutKey),
}

/// An exception.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Exc {
    Cancelled,
    Timeout,
    Error(&'static str),
}

impl Exc {
    pub(super) const RUNTIME: Exc = Exc::Error("RuntimeError");
    pub(super) const VALUE: Exc = Exc::Error("ValueError");
    pub(super) const KEY: Exc = Exc::Error("KeyError");

    /// Its name in a trace.
    pub(super) fn name(self) -> &'static str {
        match self {
            Exc::Cancelled => "cancelled",
            Exc::Timeout => "TimeoutError",
            Exc::Error(name) => name,
        }
    }
}

/// How something came out.
pub(super) type Ended = Result<FutureValue, Exc>;

/// How far a future is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    Pending,
    Cancelled,
    /// It has a result or an exception; the latter may be a `CancelledError` without the future being cancelled.
    Done(Ended),
}

/// What a future is beside a future: how it takes a `cancel`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Plain,
    Task(ArenaKey<Aio>),
    Gather(ArenaKey<GatherCall>),
}

/// A future.
#[derive(Debug)]
pub(crate) struct Fut {
    pub(super) state: State,
    callbacks: Vec<DoneCallback>,
    pub(super) kind: Kind,
    /// `_asyncio_future_blocking`, left behind by a task that has awaited itself: who awaits it now gets an error.
    pub(super) blocking: bool,
}

/// A callback of a future that is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DoneCallback {
    /// `Task.__wakeup`.
    WakeUp(ArenaKey<Aio>),
    /// A note is traced under the task's name.
    Note(u16),
    /// `tasks.py:_release_waiter`.
    Release(FutKey),
    /// `tasks.py:_wait`, `_on_completion`.
    Waited(ArenaKey<WaitCall>),
    /// `tasks.py:gather`, `_done_callback`.
    Gathered(ArenaKey<GatherCall>),
    /// `tasks.py:shield`, `_inner_done_callback`: the outer future.
    ShieldInner(FutKey),
    /// `tasks.py:shield`, `_outer_done_callback`: the inner future.
    ShieldOuter(FutKey),
    /// `tasks.py:as_completed`, `_on_completion`.
    Completed(ArenaKey<Completions>),
    /// `taskgroups.py:_on_task_done`.
    Grouped(ArenaKey<Group>),
    /// `selector_events.py:_sock_read_done`.
    NotRead(u32, ArenaKey<Handle>),
    /// `futures.py:_chain_future`, `_call_check_cancel`.
    CheckCancel(ArenaKey<Job>),
}

impl EventLoop {
    pub(super) fn new_future(&mut self, kind: Kind) -> FutKey {
        let callbacks = self.spare.pop().unwrap_or_default();
        self.futures.insert(Fut { state: State::Pending, callbacks, kind, blocking: false })
    }

    /// `loop.create_future()`.
    pub(super) fn create_future(&mut self) -> FutKey {
        self.new_future(Kind::Plain)
    }

    /// Nobody will ask for a future again.
    pub(super) fn forget(&mut self, key: FutKey) {
        if let Some(mut future) = self.futures.remove(key) {
            future.callbacks.clear();
            self.spare.push(future.callbacks);
        }
    }

    /// How far a future is; one that is gone is done and has told everybody.
    pub(super) fn state(&self, key: FutKey) -> State {
        self.futures.get(key).map_or(State::Done(Ok(FutureValue::None)), |future| future.state)
    }

    pub(super) fn is_done(&self, key: FutKey) -> bool {
        self.state(key) != State::Pending
    }

    pub(super) fn is_cancelled(&self, key: FutKey) -> bool {
        self.state(key) == State::Cancelled
    }

    /// `Future.result()` of one that is done.
    pub(super) fn result(&self, key: FutKey) -> Option<Ended> {
        match self.state(key) {
            State::Pending => None,
            State::Cancelled => Some(Err(Exc::Cancelled)),
            State::Done(ended) => Some(ended),
        }
    }

    /// `set_result` or `set_exception` of one that is pending.
    pub(super) fn settle(&mut self, key: FutKey, state: State) {
        let Some(future) = self.futures.get_mut(key) else { return };
        if future.state != State::Pending {
            return;
        }
        future.state = state;
        let mut callbacks = std::mem::take(&mut future.callbacks);
        for &done in &callbacks {
            self.call_soon(Callback::Done(done, key));
        }
        callbacks.clear();
        match self.futures.get_mut(key) {
            Some(future) => future.callbacks = callbacks,
            None => self.spare.push(callbacks),
        }
    }

    pub(super) fn set_result(&mut self, key: FutKey, value: FutureValue) {
        self.settle(key, State::Done(Ok(value)));
    }

    /// `add_done_callback`: a future that is done queues it (F7).
    pub(super) fn add_done_callback(&mut self, key: FutKey, done: DoneCallback) {
        match self.futures.get_mut(key) {
            Some(future) if future.state == State::Pending => future.callbacks.push(done),
            Some(_) | None => {
                self.call_soon(Callback::Done(done, key));
            }
        }
    }

    pub(super) fn remove_done_callback(&mut self, key: FutKey, done: DoneCallback) {
        if let Some(future) = self.futures.get_mut(key) {
            future.callbacks.retain(|&known| known != done);
        }
    }

    /// `cancel()` of a future, a task or a gathering; whether there was anything to cancel.
    pub(super) fn cancel(&mut self, key: FutKey) -> bool {
        match self.futures.get(key).map(|future| (future.state, future.kind)) {
            Some((State::Pending, Kind::Plain)) => {
                self.settle(key, State::Cancelled);
                true
            }
            Some((State::Pending, Kind::Task(task))) => self.cancel_task(task),
            // Tasks that gather each other would go round for ever; Python has a limit too.
            Some((State::Pending, Kind::Gather(_))) if self.depth >= RECURSION_MAX => false,
            Some((State::Pending, Kind::Gather(gather))) => {
                self.depth += 1;
                let any = self.cancel_gather(gather);
                self.depth -= 1;
                any
            }
            Some((State::Cancelled | State::Done(_), _)) | None => false,
        }
    }

    /// Runs a callback of a future that is done.
    pub(super) fn run_done(&mut self, done: DoneCallback, key: FutKey) {
        match done {
            DoneCallback::WakeUp(task) => self.wake_up(task, key),
            DoneCallback::Note(note) => {
                if let Some(Kind::Task(task)) = self.futures.get(key).map(|future| future.kind) {
                    let who = self.tasks.get(task).map_or(u32::MAX, |task| task.who);
                    self.say(who, Said::Note(note));
                }
            }
            DoneCallback::Release(waiter) => self.set_result(waiter, FutureValue::None),
            DoneCallback::Waited(wait) => self.on_waited(wait, key),
            DoneCallback::Gathered(gather) => self.on_gathered(gather, key),
            DoneCallback::ShieldInner(outer) => self.on_inner_done(outer, key),
            DoneCallback::ShieldOuter(inner) => self.remove_done_callback(inner, DoneCallback::ShieldInner(key)),
            DoneCallback::Completed(completions) => self.on_completed(completions, key),
            DoneCallback::Grouped(group) => self.on_task_done(group, key),
            DoneCallback::NotRead(sock, handle) => {
                if !self.rules.recv_knows_its_reader || self.handles.get(handle).is_some() {
                    self.remove_reader(sock);
                }
            }
            DoneCallback::CheckCancel(job) => self.check_cancel(job, key),
        }
    }
}
