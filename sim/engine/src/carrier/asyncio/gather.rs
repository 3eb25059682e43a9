//! Waiting for several: `gather`, `shield`, `wait`, `as_completed`.
//!
//! After `tasks.py` (CPython 3.8.18, 3.11.7, 3.13.0). Each has a callback on every member and a future of its own that the last of them
//! sets: two turns from the last member's end (M1, M4, M5). Which member of a set is looked at first asyncio leaves open; here the
//! order is the one that was given.

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{DoneCallback, Exc, FutKey, FutureValue, Kind, State};
use super::handle::{Callback, Handle};
use super::queues::{AioQueue, GetItem, Order, QueueKey};
use super::task::{AioKey, TaskInput};
use crate::kit::arena::ArenaKey;
use crate::kit::time::Span;
use crate::program::asyncio::Until;
use crate::program::said::{Outcome, Said};

/// A gathering: its future, and the members whose ends it waits for.
#[derive(Debug)]
pub(crate) struct GatherCall {
    pub(super) children: Vec<FutKey>,
    outer: FutKey,
    /// Members, each counted once.
    members: usize,
    finished: usize,
    /// `return_exceptions`.
    exceptions: bool,
    cancel_requested: bool,
}

/// A wait for several.
#[derive(Debug)]
pub(crate) struct WaitCall {
    waiter: FutKey,
    timer: Option<ArenaKey<Handle>>,
    left: usize,
    until: Until,
}

/// The members of an `as_completed` that have not ended, and those that have, in a queue.
#[derive(Debug)]
pub(crate) struct Completions {
    members: Vec<FutKey>,
    ended: QueueKey,
    timer: Option<ArenaKey<Handle>>,
}

/// Each once, in the order given.
fn set(members: &[FutKey]) -> Vec<FutKey> {
    let mut set = Vec::new();
    for &member in members {
        if !set.contains(&member) {
            set.push(member);
        }
    }
    set
}

impl EventLoop {
    /// `gather`: its future.
    pub(super) fn gather(&mut self, children: Vec<FutKey>, exceptions: bool) -> (ArenaKey<GatherCall>, FutKey) {
        let members = set(&children);
        let outer = self.create_future();
        let (count, cancel_requested) = (members.len(), false);
        let gather = self.gathers.insert(GatherCall {
            children,
            outer,
            members: count,
            finished: 0,
            exceptions,
            cancel_requested,
        });
        if let Some(future) = self.futures.get_mut(outer) {
            future.kind = Kind::Gather(gather);
        }
        // Since 3.12 those that are done count at once, when all callbacks are added (M3).
        let at_once = |on: &EventLoop, member: FutKey| on.rules.gather_counts_done && on.is_done(member);
        let done: Vec<FutKey> = members.iter().copied().filter(|&member| at_once(self, member)).collect();
        for &member in members.iter().filter(|member| !done.contains(member)) {
            self.add_done_callback(member, DoneCallback::Gathered(gather));
        }
        for member in done {
            self.on_gathered(gather, member);
        }
        (gather, outer)
    }

    /// A member has ended; the last one sets the gathering's future, or the first that failed (M2).
    pub(super) fn on_gathered(&mut self, gather: ArenaKey<GatherCall>, member: FutKey) {
        let error = match self.state(member) {
            State::Cancelled => Some(Exc::Cancelled),
            State::Done(ended) => ended.err(),
            State::Pending => None,
        };
        let Some(state) = self.gathers.get_mut(gather) else { return };
        state.finished += 1;
        let (outer, cancelled) = (state.outer, state.cancel_requested);
        let (is_last, exceptions) = (state.finished == state.members, state.exceptions);
        let ended = match error {
            Some(error) if !exceptions => Err(error),
            _ if !is_last => return,
            _ if cancelled => Err(Exc::Cancelled),
            _ => Ok(FutureValue::None),
        };
        self.settle(outer, State::Done(ended));
    }

    /// `_GatheringFuture.cancel`: all members, in order.
    pub(super) fn cancel_gather(&mut self, gather: ArenaKey<GatherCall>) -> bool {
        let Some(state) = self.gathers.get(gather) else { return false };
        let children = state.children.clone();
        let mut any = false;
        for child in children {
            any |= self.cancel(child);
        }
        if let Some(state) = self.gathers.get_mut(gather) {
            state.cancel_requested |= any;
        }
        any
    }

    pub(super) fn forget_gather(&mut self, gather: ArenaKey<GatherCall>) {
        if let Some(state) = self.gathers.remove(gather) {
            self.forget(state.outer);
        }
    }

    /// `shield`: a future in between, or the inner one itself if that is done (C5).
    pub(super) fn shield(&mut self, inner: FutKey) -> FutKey {
        if self.is_done(inner) {
            return inner;
        }
        let outer = self.create_future();
        self.add_done_callback(inner, DoneCallback::ShieldInner(outer));
        self.add_done_callback(outer, DoneCallback::ShieldOuter(inner));
        outer
    }

    /// The inner future of a shield is done.
    pub(super) fn on_inner_done(&mut self, outer: FutKey, inner: FutKey) {
        let state = self.state(inner);
        self.settle(outer, state);
    }

    /// A member of a `wait` has ended.
    pub(super) fn on_waited(&mut self, wait: ArenaKey<WaitCall>, member: FutKey) {
        let failed = matches!(self.state(member), State::Done(Err(_)));
        let Some(state) = self.waits.get_mut(wait) else { return };
        state.left -= 1;
        let enough = match state.until {
            Until::All => false,
            Until::First => true,
            Until::Error => failed,
        };
        if state.left == 0 || enough {
            let (timer, waiter) = (state.timer, state.waiter);
            if let Some(timer) = timer {
                self.cancel_handle(timer);
            }
            self.set_result(waiter, FutureValue::None);
        }
    }

    /// A member of an `as_completed` has ended.
    pub(super) fn on_completed(&mut self, completions: ArenaKey<Completions>, member: FutKey) {
        let Some(state) = self.completions.get_mut(completions) else { return };
        if state.members.is_empty() {
            return;
        }
        state.members.retain(|&other| other != member);
        let (ended, timer) = (state.ended, state.timer.filter(|_| state.members.is_empty()));
        // It has no bound and is never shut down.
        let _ = self.put_now(ended, FutureValue::Future(member));
        if let Some(timer) = timer {
            self.cancel_handle(timer);
        }
    }

    /// The time of an `as_completed` is up: an entry for each that has not ended.
    pub(super) fn on_overdue(&mut self, completions: ArenaKey<Completions>) {
        let Some(state) = self.completions.get_mut(completions) else { return };
        let (members, ended) = (std::mem::take(&mut state.members), state.ended);
        for member in members {
            self.remove_done_callback(member, DoneCallback::Completed(completions));
            let _ = self.put_now(ended, FutureValue::None);
        }
    }
}

/// `wait`.
#[derive(Debug)]
pub(super) struct WaitMany {
    targets: Vec<FutKey>,
    limit: Option<Span>,
    until: Until,
    wait: Option<ArenaKey<WaitCall>>,
}

impl WaitMany {
    pub(super) fn frame(targets: Vec<FutKey>, limit: Option<Span>, until: Until) -> CoroutineFrame {
        CoroutineFrame::WaitMany(WaitMany { targets, limit, until, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let members = set(&self.targets);
        let Some(wait) = self.wait else {
            let waiter = on.create_future();
            let timer = self.limit.map(|span| on.call_later(span, Callback::SetResult(waiter)));
            let wait = on.waits.insert(WaitCall { waiter, timer, left: members.len(), until: self.until });
            members.iter().for_each(|&member| on.add_done_callback(member, DoneCallback::Waited(wait)));
            self.wait = Some(wait);
            return FrameFlow::Await(waiter);
        };
        if let Some(state) = on.waits.remove(wait) {
            if let Some(timer) = state.timer {
                on.cancel_handle(timer);
            }
            on.forget(state.waiter);
        }
        members.iter().for_each(|&member| on.remove_done_callback(member, DoneCallback::Waited(wait)));
        if let TaskInput::Err(error) = input {
            return FrameFlow::Raise(error);
        }
        // What is done when the waiter runs counts, whatever woke it.
        let done = self.targets.iter().filter(|&&target| on.is_done(target));
        let names = done.filter_map(|&target| on.name_of(target)).collect();
        FrameFlow::Done(Some(Outcome::Names(names)), None)
    }
}

impl EventLoop {
    /// The name of the task that a future is.
    fn name_of(&self, future: FutKey) -> Option<u32> {
        match self.futures.get(future)?.kind {
            Kind::Task(task) => self.tasks.get(task).map(|task| task.who),
            Kind::Plain | Kind::Gather(_) => None,
        }
    }
}

/// `for one in as_completed(...)`, with a note for each.
#[derive(Debug)]
pub(super) struct EachCompleted {
    targets: Vec<FutKey>,
    limit: Option<Span>,
    note: u16,
    left: usize,
    at: Option<ArenaKey<Completions>>,
}

impl EachCompleted {
    pub(super) fn frame(targets: Vec<FutKey>, limit: Option<Span>, note: u16) -> CoroutineFrame {
        let targets = set(&targets);
        let left = targets.len();
        CoroutineFrame::Each(EachCompleted { targets, limit, note, left, at: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, me: AioKey, input: TaskInput) -> FrameFlow {
        let Some(at) = self.at else {
            return self.begin(on);
        };
        let came = match input {
            TaskInput::Ok(FutureValue::Future(member)) => on.result(member).unwrap_or(Ok(FutureValue::None)),
            TaskInput::Ok(_) => Err(Exc::Timeout),
            TaskInput::Err(error) => Err(error),
            TaskInput::Start | TaskInput::Leave => unreachable!("it has begun, and is no block"),
        };
        let outcome = match came {
            Ok(FutureValue::Who(who)) => Outcome::Names(vec![who]),
            Ok(_) => Outcome::Word("None"),
            Err(Exc::Timeout) => {
                on.completions.remove(at);
                return FrameFlow::Done(Some(Outcome::Timeout), None);
            }
            Err(error @ (Exc::RUNTIME | Exc::KEY | Exc::VALUE)) => Outcome::Word(error.name()),
            Err(error) => {
                on.completions.remove(at);
                return FrameFlow::Raise(error);
            }
        };
        let who = on.task(me).who;
        on.say(who, Said::Tag { tag: self.note, outcome: Some(outcome) });
        self.next(on, at)
    }

    fn begin(&mut self, on: &mut EventLoop) -> FrameFlow {
        let finished = on.locks.new_event(true);
        let ended = on.queues.insert(AioQueue::new(Order::Fifo, None, finished));
        let at = on.completions.insert(Completions { members: self.targets.clone(), ended, timer: None });
        self.at = Some(at);
        self.targets.iter().for_each(|&member| on.add_done_callback(member, DoneCallback::Completed(at)));
        if let Some(span) = self.limit {
            let timer = on.call_later(span, Callback::Overdue(at));
            if let Some(state) = on.completions.get_mut(at) {
                state.timer = Some(timer);
            }
        }
        self.next(on, at)
    }

    fn next(&mut self, on: &mut EventLoop, at: ArenaKey<Completions>) -> FrameFlow {
        let ended = on.completions.get(at).map(|state| state.ended);
        match ended.filter(|_| self.left > 0) {
            Some(ended) => {
                self.left -= 1;
                FrameFlow::Call(GetItem::frame(ended))
            }
            None => {
                on.completions.remove(at);
                FrameFlow::Done(Some(Outcome::Ok), None)
            }
        }
    }
}
