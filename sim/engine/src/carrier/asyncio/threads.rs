//! Work in native threads: `run_in_executor`.
//!
//! After `concurrent/futures/thread.py`, `futures.py:_chain_future`, `base_events.py:call_soon_threadsafe` (CPython 3.13). Jobs begin first
//! in, first out (P1). The thread itself queues the handle that sets the result, at that moment, and a byte in the self-pipe ends the
//! poll (P2). A waiter that is cancelled takes back a job that has not begun (P3). Left out: the GIL that a thread needs to begin and end.

use std::collections::VecDeque;

use super::future::{DoneCallback, FutKey, FutureValue};
use super::handle::Callback;
use super::{EventLoop, Outside};
use crate::kit::arena::ArenaKey;
use crate::kit::time::Span;

/// `ThreadPoolExecutor`.
#[derive(Debug)]
pub(super) struct Executor {
    free: u32,
    jobs: VecDeque<ArenaKey<Job>>,
}

impl Executor {
    pub(super) fn new(size: u32) -> Executor {
        Executor { free: size, jobs: VecDeque::new() }
    }
}

/// A job of a pool: native sleep.
#[derive(Debug)]
pub(crate) struct Job {
    pool: usize,
    span: Span,
    /// The loop's future of it.
    dest: FutKey,
    begun: bool,
    /// Cancelled before it began.
    cancelled: bool,
}

impl EventLoop {
    /// `run_in_executor`: the future of the job.
    pub(super) fn submit(&mut self, pool: usize, span: Span) -> FutKey {
        let dest = self.create_future();
        let job = self.jobs.insert(Job { pool, span, dest, begun: false, cancelled: false });
        self.pools[pool].jobs.push_back(job);
        self.start_jobs(pool);
        self.add_done_callback(dest, DoneCallback::CheckCancel(job));
        dest
    }

    /// Threads that are free take jobs.
    fn start_jobs(&mut self, pool: usize) {
        while self.pools[pool].free > 0 {
            let Some(key) = self.pools[pool].jobs.pop_front() else { return };
            let Some(job) = self.jobs.get_mut(key).filter(|job| !job.cancelled) else { continue };
            job.begun = true;
            let ends = self.now + job.span;
            self.pools[pool].free -= 1;
            self.happens_at(ends, Outside::Job(key));
        }
    }

    /// A thread is done with its job: it reports, and takes the next.
    pub(super) fn finish_job(&mut self, key: ArenaKey<Job>) {
        let Some(pool) = self.jobs.get(key).map(|job| job.pool) else { return };
        self.pools[pool].free += 1;
        self.call_soon_threadsafe(Callback::JobDone(key));
        self.start_jobs(pool);
    }

    /// `_set_state`: the loop's future gets the result, unless it was cancelled.
    pub(super) fn on_job_done(&mut self, key: ArenaKey<Job>) {
        if let Some(job) = self.jobs.remove(key) {
            self.set_result(job.dest, FutureValue::None);
        }
    }

    /// `_call_check_cancel`: whoever waited was cancelled, and with it the job, if that has not begun. That is told as an end is.
    pub(super) fn check_cancel(&mut self, key: ArenaKey<Job>, dest: FutKey) {
        if !self.is_cancelled(dest) {
            return;
        }
        if let Some(job) = self.jobs.get_mut(key).filter(|job| !job.begun) {
            job.cancelled = true;
            self.call_soon_threadsafe(Callback::JobDone(key));
        }
    }
}
