//! Locks, events, conditions and barriers.
//!
//! After `locks.py` (CPython 3.8 to 3.14). A lock that is released wakes its first waiter and leaves it in the queue, so nobody takes it
//! before that one runs (K1, K2); a waiter that is cancelled passes the wake-up on (K3).

use std::collections::VecDeque;

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{Ended, Exc, FutKey, FutureValue};
use super::task::TaskInput;

/// `Lock`.
#[derive(Debug, Default)]
pub(super) struct AioLock {
    locked: bool,
    waiters: VecDeque<FutKey>,
}

/// `Event`.
#[derive(Debug, Default)]
pub(super) struct AioEvent {
    pub(super) value: bool,
    waiters: VecDeque<FutKey>,
}

/// `Condition`, over a lock of its own.
#[derive(Debug, Default)]
pub(super) struct Condition {
    lock: usize,
    waiters: VecDeque<FutKey>,
}

/// `Barrier`, which is a condition.
#[derive(Debug)]
pub(super) struct Barrier {
    condition: usize,
    parties: u32,
    count: u32,
    draining: bool,
}

/// Locks and what is made of them; others say which by index.
#[derive(Debug, Default)]
pub(super) struct Locks {
    locks: Vec<AioLock>,
    events: Vec<AioEvent>,
    conditions: Vec<Condition>,
    barriers: Vec<Barrier>,
}

/// Adds to a table and says where.
fn add<T>(table: &mut Vec<T>, row: T) -> usize {
    table.push(row);
    table.len() - 1
}

impl Locks {
    pub(super) fn new_lock(&mut self) -> usize {
        add(&mut self.locks, AioLock::default())
    }

    pub(super) fn new_event(&mut self, value: bool) -> usize {
        add(&mut self.events, AioEvent { value, ..AioEvent::default() })
    }

    pub(super) fn new_condition(&mut self) -> usize {
        let lock = self.new_lock();
        add(&mut self.conditions, Condition { lock, ..Condition::default() })
    }

    pub(super) fn new_barrier(&mut self, parties: u32) -> usize {
        let condition = self.new_condition();
        add(&mut self.barriers, Barrier { condition, parties, count: 0, draining: false })
    }

    /// The lock of a condition.
    pub(super) fn lock_of(&self, condition: usize) -> usize {
        self.conditions[condition].lock
    }

    pub(super) fn event(&mut self, event: usize) -> &mut AioEvent {
        &mut self.events[event]
    }
}

impl EventLoop {
    /// `Lock.release`.
    pub(super) fn release_lock(&mut self, lock: usize) -> Result<(), Exc> {
        let state = &mut self.locks.locks[lock];
        if !state.locked {
            return Err(Exc::RUNTIME);
        }
        state.locked = false;
        self.wake_up_first(lock);
        Ok(())
    }

    /// `Lock._wake_up_first`.
    fn wake_up_first(&mut self, lock: usize) {
        if let Some(&first) = self.locks.locks[lock].waiters.front() {
            self.set_result(first, FutureValue::Bool(true));
        }
    }

    /// `Event.set`: all who wait, in order (E1).
    pub(super) fn set_event(&mut self, event: usize) {
        let state = &mut self.locks.events[event];
        if std::mem::replace(&mut state.value, true) {
            return;
        }
        for at in 0..self.locks.events[event].waiters.len() {
            let waiter = self.locks.events[event].waiters[at];
            self.set_result(waiter, FutureValue::Bool(true));
        }
    }

    /// `Condition.notify`; `u16::MAX` is all.
    pub(super) fn notify(&mut self, condition: usize, count: u16) -> Result<(), Exc> {
        let state = &self.locks.conditions[condition];
        if !self.locks.locks[state.lock].locked {
            return Err(Exc::RUNTIME);
        }
        self.notify_some(condition, count);
        Ok(())
    }

    /// `Condition._notify`: the oldest who are not woken yet (D1).
    fn notify_some(&mut self, condition: usize, count: u16) {
        let mut left = if count == u16::MAX { usize::MAX } else { usize::from(count) };
        for at in 0..self.locks.conditions[condition].waiters.len() {
            let waiter = self.locks.conditions[condition].waiters[at];
            if left == 0 {
                break;
            }
            if !self.is_done(waiter) {
                left -= 1;
                self.set_result(waiter, FutureValue::Bool(false));
            }
        }
    }
}

/// `Lock.acquire`.
#[derive(Debug)]
pub(super) struct TakeLock {
    lock: usize,
    wait: Option<FutKey>,
}

impl TakeLock {
    pub(super) fn frame(lock: usize) -> CoroutineFrame {
        CoroutineFrame::Lock(TakeLock { lock, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let Some(wait) = self.wait else {
            let state = &on.locks.locks[self.lock];
            if !state.locked && state.waiters.iter().all(|&waiter| on.is_cancelled(waiter)) {
                on.locks.locks[self.lock].locked = true;
                return FrameFlow::Return(FutureValue::Bool(true));
            }
            let wait = on.create_future();
            on.locks.locks[self.lock].waiters.push_back(wait);
            self.wait = Some(wait);
            return FrameFlow::Await(wait);
        };
        on.locks.locks[self.lock].waiters.retain(|&waiter| waiter != wait);
        on.forget(wait);
        if let TaskInput::Err(error) = input {
            if !on.locks.locks[self.lock].locked {
                on.wake_up_first(self.lock);
            }
            return FrameFlow::Raise(error);
        }
        on.locks.locks[self.lock].locked = true;
        FrameFlow::Return(FutureValue::Bool(true))
    }
}

/// `Event.wait`.
#[derive(Debug)]
pub(super) struct WaitEvent {
    event: usize,
    wait: Option<FutKey>,
}

impl WaitEvent {
    pub(super) fn frame(event: usize) -> CoroutineFrame {
        CoroutineFrame::Event(WaitEvent { event, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let Some(wait) = self.wait else {
            if on.locks.events[self.event].value {
                return FrameFlow::Return(FutureValue::Bool(true));
            }
            let wait = on.create_future();
            on.locks.events[self.event].waiters.push_back(wait);
            self.wait = Some(wait);
            return FrameFlow::Await(wait);
        };
        on.locks.events[self.event].waiters.retain(|&waiter| waiter != wait);
        on.forget(wait);
        match input {
            // Whoever was woken returns true though it was cleared meanwhile (E2).
            TaskInput::Ok(_) => FrameFlow::Return(FutureValue::Bool(true)),
            input => FrameFlow::pass(input),
        }
    }
}

/// `Condition.wait`.
#[derive(Debug)]
pub(super) struct WaitCondition {
    condition: usize,
    at: AtCondition,
}

/// How far a waiter is.
#[derive(Debug)]
enum AtCondition {
    Begin,
    /// It waits to be notified.
    Notification(FutKey),
    /// It takes the lock again; this is what it comes to then.
    Lock(Ended),
}

impl WaitCondition {
    pub(super) fn frame(condition: usize) -> CoroutineFrame {
        CoroutineFrame::Condition(WaitCondition { condition, at: AtCondition::Begin })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let lock = on.locks.lock_of(self.condition);
        match self.at {
            AtCondition::Begin => {
                if on.release_lock(lock).is_err() {
                    return FrameFlow::Raise(Exc::RUNTIME);
                }
                let wait = on.create_future();
                on.locks.conditions[self.condition].waiters.push_back(wait);
                self.at = AtCondition::Notification(wait);
                FrameFlow::Await(wait)
            }
            AtCondition::Notification(wait) => {
                on.locks.conditions[self.condition].waiters.retain(|&waiter| waiter != wait);
                on.forget(wait);
                let ended = if let TaskInput::Err(error) = input { Err(error) } else { Ok(FutureValue::Bool(true)) };
                self.at = AtCondition::Lock(ended);
                FrameFlow::Call(TakeLock::frame(lock))
            }
            AtCondition::Lock(ended) => match input {
                // Cancellations are swallowed until it has the lock; the last is raised then (D3).
                TaskInput::Err(Exc::Cancelled) => {
                    self.at = AtCondition::Lock(Err(Exc::Cancelled));
                    FrameFlow::Call(TakeLock::frame(lock))
                }
                TaskInput::Err(error) => self.over(on, Err(error)),
                TaskInput::Ok(_) | TaskInput::Start | TaskInput::Leave => self.over(on, ended),
            },
        }
    }

    /// One that leaves by an error wakes another, since it may have been notified (D4).
    fn over(&self, on: &mut EventLoop, ended: Ended) -> FrameFlow {
        if ended.is_err() && on.rules.condition_passes_on {
            on.notify_some(self.condition, 1);
        }
        FrameFlow::of(ended)
    }
}

/// `Barrier.wait` (B1).
#[derive(Debug)]
pub(super) struct WaitBarrier {
    barrier: usize,
    at: AtBarrier,
}

/// How far one is who comes to a barrier.
#[derive(Debug)]
enum AtBarrier {
    Begin,
    /// It takes the lock.
    Enter,
    /// It waits until those before it have left.
    Block,
    /// It is among those who wait, as the how manieth.
    Inside(u32),
}

impl WaitBarrier {
    pub(super) fn frame(barrier: usize) -> CoroutineFrame {
        CoroutineFrame::Barrier(WaitBarrier { barrier, at: AtBarrier::Begin })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let condition = on.locks.barriers[self.barrier].condition;
        match self.at {
            AtBarrier::Begin => {
                self.at = AtBarrier::Enter;
                return FrameFlow::Call(TakeLock::frame(on.locks.lock_of(condition)));
            }
            AtBarrier::Enter => match input {
                TaskInput::Err(error) => return FrameFlow::Raise(error),
                _ => self.at = AtBarrier::Block,
            },
            AtBarrier::Block => {
                if let TaskInput::Err(error) = input {
                    let _ = on.release_lock(on.locks.lock_of(condition));
                    return FrameFlow::Raise(error);
                }
            }
            AtBarrier::Inside(index) => {
                if matches!(input, TaskInput::Ok(_)) && !on.locks.barriers[self.barrier].draining {
                    return FrameFlow::Call(WaitCondition::frame(condition));
                }
                return self.leave(on, condition, index, input);
            }
        }
        if on.locks.barriers[self.barrier].draining {
            return FrameFlow::Call(WaitCondition::frame(condition));
        }
        let barrier = &mut on.locks.barriers[self.barrier];
        let index = barrier.count;
        barrier.count += 1;
        if index + 1 == barrier.parties {
            barrier.draining = true;
            on.notify_some(condition, u16::MAX);
            return self.leave(on, condition, index, TaskInput::Ok(FutureValue::None));
        }
        self.at = AtBarrier::Inside(index);
        FrameFlow::Call(WaitCondition::frame(condition))
    }

    /// Whoever leaves last lets the next ones in.
    fn leave(&self, on: &mut EventLoop, condition: usize, index: u32, input: TaskInput) -> FrameFlow {
        let barrier = &mut on.locks.barriers[self.barrier];
        barrier.count -= 1;
        if barrier.count == 0 {
            barrier.draining = false;
            on.notify_some(condition, u16::MAX);
        }
        let _ = on.release_lock(on.locks.lock_of(condition));
        match input {
            TaskInput::Err(error) => FrameFlow::Raise(error),
            _ => FrameFlow::Return(FutureValue::Count(index)),
        }
    }
}
