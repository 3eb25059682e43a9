//! The global interpreter lock: one holder a process.
//!
//! After CPython's `ceval_gil.h` (3.11). Waiters queue at a condition variable, each for a switch interval (5 ms) at most. A
//! thread that lets go signals the first in that queue, which takes the lock when it gets to run, unless somebody was faster.
//! A waiter whose interval is over wakes up, which costs it a turn on a core; if the lock did not change hands meanwhile it
//! asks the holder to drop it, and either way it queues anew, at the tail. So who is signalled depends on whose interval ends
//! next, not on who waited longest. A holder that was asked drops the lock and waits until another has it.
//! An I/O thread beside a CPU-bound one therefore waits about 5 ms for each wake-up: the convoy.
//! Left out: the few microseconds until the holder reaches a bytecode boundary.

use std::collections::VecDeque;

use crate::kit::id::{ProcessId, ThreadId};
use crate::kit::time::{Span, Time};
use crate::machine::above::GilForMachine;
use crate::program::wait::Wait;
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::{Detail, Doing};
use crate::world::{Event, World};

/// The lock of one process.
#[derive(Debug)]
pub(crate) struct Gil {
    holder: ThreadId,
    /// Who held it last.
    last: ThreadId,
    /// How often it changed hands.
    switches: u32,
    /// Who waits, in the order of their beginning, which is that of their ends.
    waiters: VecDeque<Waiter>,
    /// Who stopped waiting because an interval was over and has not got to run since, and how often it had changed hands before.
    timed_out: Vec<(ThreadId, u32)>,
    /// When the first waiter's interval was set to end.
    timer: Time,
    /// Whether the holder was asked while it was off its core.
    asked: bool,
    /// Who dropped it when asked, and waits until another has it.
    dropped: ThreadId,
    interval: Span,
}

/// A thread that waits for the lock.
#[derive(Clone, Copy, Debug)]
struct Waiter {
    thread: ThreadId,
    /// When its interval is over.
    until: Time,
    /// How often the lock had changed hands when it began to wait.
    seen: u32,
}

impl Gil {
    pub(crate) fn new(interval: Span) -> Gil {
        Gil {
            holder: ThreadId::NONE,
            last: ThreadId::NONE,
            switches: 0,
            waiters: VecDeque::new(),
            timed_out: Vec::new(),
            timer: Time::NEVER,
            asked: false,
            dropped: ThreadId::NONE,
            interval,
        }
    }

    /// Whether a thread stopped waiting because its interval was over, and the lock has not changed hands since it began.
    #[inline(always)]
    fn waited_in_vain(&mut self, thread: ThreadId) -> bool {
        !self.timed_out.is_empty() && self.forget_timed_out(thread) == Some(self.switches)
    }

    fn forget_timed_out(&mut self, thread: ThreadId) -> Option<u32> {
        let at = self.timed_out.iter().position(|&(other, _)| other == thread)?;
        Some(self.timed_out.swap_remove(at).1)
    }

    /// The lock of the process that takes this one's place.
    pub(crate) fn anew(self) -> Gil {
        Gil::new(self.interval)
    }
}

impl<P: Probe> World<'_, P> {
    fn gil(&mut self, process: ProcessId) -> &mut Gil {
        self.interpreters[process].gil.as_mut().expect("only processes with a GIL come here")
    }

    fn acquire_gil(&mut self, process: ProcessId, thread: ThreadId) {
        tell(&mut self.probe, self.now, Detail::Gil { process, thread });
        let gil = self.gil(process);
        (gil.holder, gil.asked) = (thread, false);
        if gil.last == thread {
            return;
        }
        gil.last = thread;
        gil.switches = gil.switches.wrapping_add(1);
        let dropped = std::mem::replace(&mut gil.dropped, ThreadId::NONE);
        if dropped.is_some() {
            self.make_ready(dropped);
        }
    }

    fn queue_for_gil(&mut self, process: ProcessId, thread: ThreadId) {
        self.threads[thread].waits_for_gil();
        self.tell_thread(thread, Doing::WaitingGil);
        self.bill_thread(thread, Wait::Gil);
        let now = self.now;
        let gil = self.gil(process);
        let until = now + gil.interval;
        gil.waiters.push_back(Waiter { thread, until, seen: gil.switches });
        if gil.timer == Time::NEVER {
            self.set_gil_timer(process, until);
        }
    }

    fn set_gil_timer(&mut self, process: ProcessId, at: Time) {
        self.gil(process).timer = at;
        self.queue.push(at, Event::Gil(process));
    }

    /// Lets go of the GIL if the thread has it, and signals the first waiter.
    #[inline]
    pub(crate) fn drop_gil(&mut self, thread: ThreadId) {
        let process = self.threads[thread].process();
        if self.interpreters[process].gil.is_some() {
            self.let_go_of_gil(process, thread);
        }
    }

    fn let_go_of_gil(&mut self, process: ProcessId, thread: ThreadId) {
        let gil = self.gil(process);
        if gil.holder != thread {
            return;
        }
        (gil.holder, gil.asked) = (ThreadId::NONE, false);
        let next = gil.waiters.pop_front();
        tell(&mut self.probe, self.now, Detail::Gil { process, thread: ThreadId::NONE });
        if let Some(waiter) = next {
            self.make_ready(waiter.thread);
        }
    }

    /// A waiter waited a whole interval for nothing: the holder shall drop the lock, at once or as soon as it is on a core.
    fn ask_for_gil(&mut self, process: ProcessId) {
        let holder = self.gil(process).holder;
        if !self.threads[holder].is_running() {
            self.gil(process).asked = true;
            return;
        }
        self.interrupt(holder);
        let dropped = self.drop_for_another(process);
        debug_assert!(dropped, "somebody asked");
    }

    /// The holder drops the lock and waits until another has it. False if nobody is there who wants it.
    fn drop_for_another(&mut self, process: ProcessId) -> bool {
        let gil = self.gil(process);
        let Some(waiter) = gil.waiters.pop_front() else { return false };
        let holder = std::mem::replace(&mut gil.holder, ThreadId::NONE);
        gil.dropped = holder;
        self.threads[holder].waits_for_gil();
        tell(&mut self.probe, self.now, Detail::Gil { process, thread: ThreadId::NONE });
        self.tell_thread(holder, Doing::WaitingGil);
        self.bill_thread(holder, Wait::Gil);
        self.make_ready(waiter.thread);
        true
    }

    /// The interval of the first waiter may be over: it looks what became of the lock as soon as it is on a core.
    #[inline(never)]
    pub(crate) fn gil_event(&mut self, process: ProcessId) {
        let now = self.now;
        let Some(gil) = &mut self.interpreters[process].gil else { return };
        if gil.timer != now {
            return;
        }
        gil.timer = Time::NEVER;
        while let Some(&Waiter { thread, until, seen }) = self.gil(process).waiters.front() {
            if until > now {
                self.set_gil_timer(process, until);
                return;
            }
            let gil = self.gil(process);
            gil.waiters.pop_front();
            gil.timed_out.push((thread, seen));
            self.make_ready(thread);
        }
    }
}

impl<P: Probe> GilForMachine for World<'_, P> {
    #[inline]
    fn has_gil(&self, thread: ThreadId) -> bool {
        let process = self.threads[thread].process();
        self.interpreters[process].gil.as_ref().is_none_or(|gil| gil.holder == thread)
    }

    fn take_gil(&mut self, thread: ThreadId) -> bool {
        let process = self.threads[thread].process();
        let Some(gil) = &mut self.interpreters[process].gil else { return true };
        let in_vain = gil.waited_in_vain(thread);
        if gil.holder == thread {
            return !std::mem::take(&mut gil.asked) || !self.drop_for_another(process);
        }
        if gil.holder.is_none() {
            self.acquire_gil(process, thread);
            return true;
        }
        self.queue_for_gil(process, thread);
        if in_vain {
            self.ask_for_gil(process);
        }
        false
    }
}
