//! Semaphores: who gets a token, by version.
//!
//! After `locks.py:Semaphore` of CPython 3.8.18 (tokens are taken by whoever comes first), 3.9.18 (nobody takes one while somebody is
//! woken), 3.10.13 to 3.12.1 (a release hands the token over) and 3.13.0 (S1 to S4).

use std::collections::VecDeque;

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{Exc, FutKey, FutureValue, State};
use super::task::TaskInput;
use crate::model::asyncio::SemaphoreRule;

/// `Semaphore`.
#[derive(Debug)]
pub(super) struct Semaphore {
    value: u32,
    /// `BoundedSemaphore`: no more than that.
    bound: Option<u32>,
    waiters: VecDeque<FutKey>,
    /// Whether a waiter is woken that has not run yet (3.9).
    wakeup_scheduled: bool,
}

impl Semaphore {
    pub(super) fn new(value: u32, bounded: bool) -> Semaphore {
        let bound = bounded.then_some(value);
        Semaphore { value, bound, waiters: VecDeque::new(), wakeup_scheduled: false }
    }
}

impl EventLoop {
    /// `release`.
    pub(super) fn release_token(&mut self, at: usize) -> Result<(), Exc> {
        let semaphore = &mut self.semaphores[at];
        if semaphore.bound.is_some_and(|bound| semaphore.value >= bound) {
            return Err(Exc::VALUE);
        }
        semaphore.value += 1;
        self.wake_up_next(at);
        Ok(())
    }

    /// `_wake_up_next`: the first waiter that is not woken yet. Whether there was one.
    fn wake_up_next(&mut self, at: usize) -> bool {
        match self.rules.semaphore {
            SemaphoreRule::Barging | SemaphoreRule::Flagged => {
                while let Some(waiter) = self.semaphores[at].waiters.pop_front() {
                    if !self.is_done(waiter) {
                        self.set_result(waiter, FutureValue::None);
                        self.semaphores[at].wakeup_scheduled = true;
                        return true;
                    }
                }
                false
            }
            SemaphoreRule::HandOver | SemaphoreRule::HandOverToAll => {
                let first = self.semaphores[at].waiters.iter().copied().find(|&waiter| !self.is_done(waiter));
                let Some(waiter) = first else { return false };
                self.semaphores[at].value -= 1;
                self.set_result(waiter, FutureValue::Bool(true));
                true
            }
        }
    }

    /// Whether whoever asks now must wait.
    fn must_wait(&self, at: usize) -> bool {
        let semaphore = &self.semaphores[at];
        match self.rules.semaphore {
            SemaphoreRule::Barging => semaphore.value == 0,
            SemaphoreRule::Flagged => semaphore.wakeup_scheduled || semaphore.value == 0,
            // Whoever is queued goes first, even one that is woken already (S3).
            SemaphoreRule::HandOver | SemaphoreRule::HandOverToAll => {
                semaphore.value == 0 || semaphore.waiters.iter().any(|&waiter| !self.is_cancelled(waiter))
            }
        }
    }
}

/// `Semaphore.acquire`.
#[derive(Debug)]
pub(super) struct TakeToken {
    semaphore: usize,
    wait: Option<FutKey>,
}

impl TakeToken {
    pub(super) fn frame(semaphore: usize) -> CoroutineFrame {
        CoroutineFrame::Token(TakeToken { semaphore, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        match self.wait.take() {
            None => self.begin(on),
            Some(wait) => {
                let state = on.state(wait);
                let flow = match on.rules.semaphore {
                    SemaphoreRule::Barging | SemaphoreRule::Flagged => self.try_again(on, input, state),
                    SemaphoreRule::HandOver | SemaphoreRule::HandOverToAll => self.go_on(on, input, wait, state),
                };
                on.forget(wait);
                flow
            }
        }
    }

    fn begin(&mut self, on: &mut EventLoop) -> FrameFlow {
        if !on.must_wait(self.semaphore) {
            on.semaphores[self.semaphore].value -= 1;
            return FrameFlow::Return(FutureValue::Bool(true));
        }
        let wait = on.create_future();
        on.semaphores[self.semaphore].waiters.push_back(wait);
        self.wait = Some(wait);
        FrameFlow::Await(wait)
    }

    /// Until 3.9 a waiter that is woken asks anew.
    fn try_again(&mut self, on: &mut EventLoop, input: TaskInput, state: State) -> FrameFlow {
        let flagged = on.rules.semaphore == SemaphoreRule::Flagged;
        if let TaskInput::Err(error) = input {
            let passes = flagged || on.semaphores[self.semaphore].value > 0 && state != State::Cancelled;
            if passes {
                on.wake_up_next(self.semaphore);
            }
            return FrameFlow::Raise(error);
        }
        on.semaphores[self.semaphore].wakeup_scheduled = false;
        self.begin(on)
    }

    /// From 3.10.8 on its token is taken already when a waiter is woken.
    fn go_on(&mut self, on: &mut EventLoop, input: TaskInput, wait: FutKey, state: State) -> FrameFlow {
        let at = self.semaphore;
        on.semaphores[at].waiters.retain(|&waiter| waiter != wait);
        let was_woken = state != State::Cancelled && state != State::Pending;
        let to_all = on.rules.semaphore == SemaphoreRule::HandOverToAll;
        if matches!(input, TaskInput::Err(_)) && was_woken {
            on.semaphores[at].value += 1;
            if !to_all {
                on.wake_up_next(at);
            }
        }
        if to_all {
            while on.semaphores[at].value > 0 && on.wake_up_next(at) {}
        } else if matches!(input, TaskInput::Ok(_)) && on.semaphores[at].value > 0 {
            on.wake_up_next(at);
        }
        match input {
            TaskInput::Err(error) => FrameFlow::Raise(error),
            _ => FrameFlow::Return(FutureValue::Bool(true)),
        }
    }
}
