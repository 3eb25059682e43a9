//! The global interpreter lock: one holder a process.
//!
//! After CPython's `ceval_gil.c` (3.11): a thread that lets go signals one waiter, which takes the lock when it gets to run, unless
//! somebody was faster. A waiter that waited a whole switch interval (5 ms) without a change of holder asks for the lock; the
//! holder then drops it and does not go on before another has it, so the lock is handed over. The interval begins anew with each
//! change of holder. An I/O thread beside a CPU-bound one therefore waits about 5 ms for each wake-up: the convoy.
//! Left out: the few microseconds until the holder reaches a bytecode boundary.

use std::collections::VecDeque;

use crate::id::{ProcessId, ThreadId};
use crate::machine::Status;
use crate::probe::Probe;
use crate::record::Wait;
use crate::time::{Span, Time};
use crate::world::{Event, World};

/// The lock of one process.
#[derive(Debug)]
pub(crate) struct Gil {
    holder: ThreadId,
    waiters: VecDeque<ThreadId>,
    /// When the front waiter asks for it.
    ask_at: Time,
    /// Whether the holder was asked while it was off its core.
    asked: bool,
    interval: Span,
}

impl Gil {
    pub(crate) fn new(interval: Span) -> Gil {
        Gil { holder: ThreadId::NONE, waiters: VecDeque::new(), ask_at: Time::NEVER, asked: false, interval }
    }
}

impl<P: Probe> World<'_, P> {
    /// Takes the GIL for a running thread; false if it must wait, which is then arranged.
    pub(crate) fn take_gil(&mut self, thread: ThreadId) -> bool {
        let process = self.threads[thread.index()].process;
        let Some(gil) = &mut self.processes[process.index()].gil else { return true };
        if gil.holder == thread {
            if !std::mem::take(&mut gil.asked) || gil.waiters.is_empty() {
                return true;
            }
            self.hand_over(process);
            self.queue_for_gil(process, thread);
            return false;
        }
        if gil.holder.is_none() {
            gil.holder = thread;
            if !gil.waiters.is_empty() {
                self.arm(process);
            }
            return true;
        }
        self.queue_for_gil(process, thread);
        false
    }

    fn queue_for_gil(&mut self, process: ProcessId, thread: ThreadId) {
        self.threads[thread.index()].status = Status::WaitingGil;
        self.bill_thread(thread, Wait::Gil);
        let gil = self.processes[process.index()].gil.as_mut().expect("it waits for it");
        gil.waiters.push_back(thread);
        if gil.waiters.len() == 1 {
            self.arm(process);
        }
    }

    /// Lets go of the GIL if the thread has it, and signals one waiter.
    pub(crate) fn drop_gil(&mut self, thread: ThreadId) {
        let process = self.threads[thread.index()].process;
        let Some(gil) = &mut self.processes[process.index()].gil else { return };
        if gil.holder != thread {
            return;
        }
        gil.holder = ThreadId::NONE;
        gil.asked = false;
        gil.ask_at = Time::NEVER;
        if let Some(waiter) = gil.waiters.pop_front() {
            self.make_ready(waiter);
        }
    }

    /// The interval of the oldest waiter begins.
    fn arm(&mut self, process: ProcessId) {
        let gil = self.processes[process.index()].gil.as_mut().expect("only processes with a GIL arm it");
        gil.ask_at = self.now + gil.interval;
        self.queue.push(gil.ask_at, Event::Gil(process));
    }

    /// A waiter has waited a whole interval.
    pub(crate) fn gil_event(&mut self, process: ProcessId) {
        let Some(gil) = &mut self.processes[process.index()].gil else { return };
        if gil.ask_at != self.now {
            return;
        }
        gil.ask_at = Time::NEVER;
        if gil.waiters.is_empty() || gil.holder.is_none() {
            return;
        }
        let holder = gil.holder;
        if self.threads[holder.index()].status != Status::Running {
            gil.asked = true;
            return;
        }
        self.interrupt(holder);
        self.hand_over(process);
        self.queue_for_gil(process, holder);
    }

    /// The lock goes to the oldest waiter.
    fn hand_over(&mut self, process: ProcessId) {
        let gil = self.processes[process.index()].gil.as_mut().expect("only processes with a GIL hand it over");
        let next = gil.waiters.pop_front().expect("somebody asked");
        gil.holder = next;
        if !gil.waiters.is_empty() {
            self.arm(process);
        }
        self.make_ready(next);
    }
}
