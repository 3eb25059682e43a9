//! Handles: what the loop will call, the queue of those that are ready, and the heap of timers.
//!
//! After `events.py:Handle`, `base_events.py:call_soon`, `call_at`, `call_later`. A handle that is cancelled stays where it is queued and
//! is skipped (L7): here its row is freed, and the key that is queued finds nothing.

use super::EventLoop;
use super::future::{DoneCallback, FutKey, FutureValue};
use super::gather::Completions;
use super::limit::Timeout;
use super::server::Ask;
use super::sockets::Reader;
use super::spawn::Birth;
use super::task::Aio;
use super::threads::Job;
use crate::kit::arena::ArenaKey;
use crate::kit::heap;
use crate::kit::time::{Span, Time};
use crate::model::asyncio::LoopKind;
use crate::program::said::Said;

/// Timers below which cancelled ones are left in the heap (`base_events.py`, `_MIN_SCHEDULED_TIMER_HANDLES`).
const MIN_SCHEDULED: usize = 100;
/// uvloop counts time in milliseconds.
pub(super) const MILLISECOND: u64 = 1_000_000;

/// Something that the loop will call.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(super) callback: Callback,
    /// Whether it is in the heap of timers.
    scheduled: bool,
}

/// What it calls.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callback {
    /// `Task.__step`.
    Step(ArenaKey<Aio>),
    /// A callback of a future.
    Done(DoneCallback, FutKey),
    /// `futures.py:_set_result_unless_cancelled`, or `tasks.py:_release_waiter`.
    SetResult(FutKey),
    /// `timeouts.py:_on_timeout`.
    TimedOut(ArenaKey<Timeout>),
    /// A note is traced.
    Note(u32, u16),
    /// A task is made.
    Spawn(Birth),
    /// `tasks.py:as_completed`, `_on_timeout`.
    Overdue(ArenaKey<Completions>),
    /// `futures.py:_chain_future`, `_set_state`.
    JobDone(ArenaKey<Job>),
    /// A descriptor is readable.
    Read(Reader),
    /// What a server does.
    Server(Ask),
}

/// An entry of the heap of timers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timer {
    pub(super) when: Time,
    /// Under uvloop, the how manieth it is: libuv's heap keeps equal deadlines in order (U4).
    serial: u64,
    pub(super) handle: ArenaKey<Handle>,
}

/// Only deadlines are compared (`events.py:TimerHandle.__lt__`).
fn earlier(a: &Timer, b: &Timer) -> bool {
    (a.when, a.serial) < (b.when, b.serial)
}

impl EventLoop {
    pub(super) fn new_handle(&mut self, callback: Callback) -> ArenaKey<Handle> {
        self.handles.insert(Handle { callback, scheduled: false })
    }

    /// `call_soon`: to the tail of the queue (L2).
    pub(super) fn call_soon(&mut self, callback: Callback) -> ArenaKey<Handle> {
        let handle = self.new_handle(callback);
        self.ready.push_back(handle);
        handle
    }

    /// `call_soon_threadsafe`: the same, and a byte into the self-pipe (P2).
    pub(super) fn call_soon_threadsafe(&mut self, callback: Callback) {
        self.call_soon(callback);
        self.write_to_self();
    }

    /// A look at the clock: it is never cached, and takes time itself (L8).
    fn look(&mut self) -> Time {
        self.now += self.costs.clock;
        self.now
    }

    /// `loop.time()`. uvloop's is libuv's cached clock, read anew, in milliseconds (U4).
    pub(super) fn time(&mut self) -> Time {
        let now = self.look();
        match self.kind {
            LoopKind::Asyncio => now,
            LoopKind::Uvloop => {
                self.cached = Time::from_ns(now.as_ns() / MILLISECOND * MILLISECOND);
                self.cached
            }
        }
    }

    /// `call_later`.
    pub(super) fn call_later(&mut self, delay: Span, callback: Callback) -> ArenaKey<Handle> {
        match self.kind {
            LoopKind::Asyncio => {
                let when = self.time() + delay;
                self.schedule(when, 0, callback)
            }
            LoopKind::Uvloop => {
                // Rounded to the nearest millisecond; less than half of one is none, and no timer (U4).
                let wait = (delay.as_ns() + MILLISECOND / 2) / MILLISECOND;
                if wait == 0 {
                    return self.call_soon(callback);
                }
                let when = self.time() + Span::from_ns(wait * MILLISECOND);
                self.started += 1;
                self.schedule(when, self.started, callback)
            }
        }
    }

    /// `call_at`. uvloop's goes by `call_later`.
    pub(super) fn call_at(&mut self, when: Time, callback: Callback) -> ArenaKey<Handle> {
        match self.kind {
            LoopKind::Asyncio => self.schedule(when, 0, callback),
            LoopKind::Uvloop => {
                let now = self.time();
                self.call_later(Span::from_ns(when.as_ns().saturating_sub(now.as_ns())), callback)
            }
        }
    }

    fn schedule(&mut self, when: Time, serial: u64, callback: Callback) -> ArenaKey<Handle> {
        self.now += self.costs.timer;
        let handle = self.handles.insert(Handle { callback, scheduled: true });
        heap::push(&mut self.timers, Timer { when, serial, handle }, earlier);
        handle
    }

    /// `Handle.cancel()`.
    pub(super) fn cancel_handle(&mut self, handle: ArenaKey<Handle>) {
        if self.handles.remove(handle).is_some_and(|handle| handle.scheduled) {
            self.cancelled_timers += 1;
        }
    }

    /// Step 1 of a turn: cancelled timers go when they reach the head, or all at once when they are many (L7).
    pub(super) fn drop_cancelled(&mut self) {
        let EventLoop { timers, handles, cancelled_timers, kind, .. } = self;
        let many = timers.len() > MIN_SCHEDULED && *cancelled_timers * 2 > timers.len();
        if many && *kind == LoopKind::Asyncio {
            timers.retain(|timer| handles.get(timer.handle).is_some());
            heap::heapify(timers, earlier);
            *cancelled_timers = 0;
            return;
        }
        while timers.first().is_some_and(|timer| handles.get(timer.handle).is_none()) {
            heap::pop(timers, earlier);
            *cancelled_timers = cancelled_timers.saturating_sub(1);
        }
    }

    /// The handle of the earliest timer, if that is due: its deadline is not after `now` (L6).
    pub(super) fn pop_due(&mut self, now: Time) -> Option<ArenaKey<Handle>> {
        if self.timers.first()?.when > now {
            return None;
        }
        let timer = heap::pop(&mut self.timers, earlier)?;
        match self.handles.get_mut(timer.handle) {
            Some(handle) => handle.scheduled = false,
            None => self.cancelled_timers = self.cancelled_timers.saturating_sub(1),
        }
        Some(timer.handle)
    }

    /// Runs a handle, unless it was cancelled.
    pub(super) fn run_handle(&mut self, key: ArenaKey<Handle>) {
        let Some(handle) = self.handles.get(key) else { return };
        let callback = handle.callback;
        // A reader stays until it is removed; all others are over.
        if !matches!(callback, Callback::Read(_)) {
            self.handles.remove(key);
        }
        self.now += self.costs.callback;
        match callback {
            Callback::Step(task) => self.begin_step(task, None),
            Callback::Done(done, future) => self.run_done(done, future),
            Callback::SetResult(future) => self.set_result(future, FutureValue::None),
            Callback::TimedOut(timeout) => self.on_timeout(timeout),
            Callback::Note(who, note) => self.say(who, Said::Note(note)),
            Callback::Spawn(birth) => self.spawn_from_timer(birth),
            Callback::Overdue(completions) => self.on_overdue(completions),
            Callback::JobDone(job) => self.on_job_done(job),
            Callback::Read(reader) => self.on_readable(reader),
            Callback::Server(ask) => self.ask(ask),
        }
    }
}
