//! What a process keeps of its threads: those without work, the work that waits for them, and what its accepting thread is about.

use std::collections::VecDeque;

use crate::kit::id::{RequestId, ThreadId};
use crate::net::Finished;

/// The threads of one process and their queues; what a server without a pool does not need stays empty.
#[derive(Debug)]
pub(crate) struct ThreadPool {
    /// Threads that have run a branch of a fan-out, or steps for a hub or loop, and are free for another.
    pub(super) helpers: Vec<ThreadId>,
    /// Threads of executors to which jobs are submitted: which executor, how many it has started, how many jobs it has.
    executors: Vec<(u16, u32, u32)>,
    /// Accepted requests that no thread serves yet.
    pub(super) jobs: VecDeque<RequestId>,
    /// Threads without work, longest idle first.
    pub(super) idle: VecDeque<ThreadId>,
    /// Requests that have come over kept connections and that the accepting thread has not seen yet.
    pub(super) readable: VecDeque<RequestId>,
    /// Open connections, and how many there may be.
    pub(super) connections: u32,
    pub(super) connections_max: u32,
    /// Connections that clients keep and over which nobody asks anything.
    kept: u32,
    /// The request that the accepting thread is about to queue.
    pub(super) handing: RequestId,
    /// The accepting thread, while it waits for a connection to end.
    pub(super) stalled: ThreadId,
    /// Connections with answered requests that the accepting thread has yet to close, or to keep.
    pub(super) closing: VecDeque<Finished>,
    /// How many of these it sees to before it accepts again.
    pub(super) close_batch: usize,
    /// The accepting thread, or that of an event loop.
    pub(super) acceptor: ThreadId,
    /// The one that it is about to close, or to keep.
    pub(super) ending: Option<Finished>,
}

impl ThreadPool {
    /// That of a process before it has threads, which keeps so many connections at most.
    pub(in crate::carrier) fn new(connections_max: u32) -> ThreadPool {
        ThreadPool {
            helpers: Vec::new(),
            executors: Vec::new(),
            jobs: VecDeque::new(),
            idle: VecDeque::new(),
            readable: VecDeque::new(),
            connections: 0,
            connections_max,
            kept: 0,
            handing: RequestId::NONE,
            stalled: ThreadId::NONE,
            closing: VecDeque::new(),
            close_batch: 0,
            acceptor: ThreadId::NONE,
            ending: None,
        }
    }

    /// That of the process that takes this one's place: the same threads, which have nothing to do.
    pub(in crate::carrier) fn start_anew(&mut self) {
        *self = ThreadPool { acceptor: self.acceptor, ..ThreadPool::new(self.connections_max) };
    }

    /// A thread accepts for the others, or is that of an event loop.
    pub(in crate::carrier) fn accepts_on(&mut self, thread: ThreadId) {
        self.acceptor = thread;
    }

    /// The thread that accepts for the others, or that of an event loop.
    #[inline(always)]
    pub(in crate::carrier) fn acceptor(&self) -> ThreadId {
        self.acceptor
    }

    /// A serving thread has nothing to do.
    pub(in crate::carrier) fn waits_for_work(&mut self, thread: ThreadId) {
        self.idle.push_back(thread);
    }

    /// A helper has nothing to do.
    pub(in crate::carrier) fn helps_no_more(&mut self, thread: ThreadId) {
        self.helpers.push(thread);
    }

    /// The helper that has just become free, if one is.
    pub(in crate::carrier) fn free_helper(&mut self) -> Option<ThreadId> {
        self.helpers.pop()
    }

    /// A job is submitted to an executor of at most so many threads. True if that starts one: none is idle (`_adjust_thread_count`,
    /// CPython 3.13, `concurrent/futures/thread.py`).
    pub(in crate::carrier) fn submits(&mut self, executor: u16, most: u32) -> bool {
        let at = self.executors.iter().position(|known| known.0 == executor).unwrap_or_else(|| {
            self.executors.push((executor, 0, 0));
            self.executors.len() - 1
        });
        let (_, started, jobs) = &mut self.executors[at];
        *jobs += 1;
        let starts = *jobs > *started && *started < most;
        *started += u32::from(starts);
        starts
    }

    /// A job of an executor is done.
    pub(in crate::carrier) fn job_done(&mut self, executor: u16) {
        if let Some((.., jobs)) = self.executors.iter_mut().find(|known| known.0 == executor) {
            *jobs -= 1;
        }
    }

    /// A connection is open that counts.
    pub(in crate::carrier) fn counts_connection(&mut self) {
        self.connections += 1;
    }

    /// Open connections.
    pub(in crate::carrier) fn connections(&self) -> u32 {
        self.connections
    }

    /// A connection is kept, in the poller.
    pub(super) fn keeps_one_more(&mut self) {
        self.kept += 1;
    }

    /// One that was kept is over, or in use again.
    pub(in crate::carrier) fn keeps_one_less(&mut self) {
        self.kept = self.kept.saturating_sub(1);
    }

    /// Whether so many threads leave no room for another idle connection (gunicorn `gthread.py`, `max_keepalived`).
    pub(super) fn keeps_enough(&self, threads: u32) -> bool {
        self.kept >= self.connections_max.saturating_sub(threads)
    }

    /// The bytes of a request have come over a kept connection.
    pub(in crate::carrier) fn has_read(&mut self, request: RequestId) {
        self.readable.push_back(request);
    }

    /// Takes the oldest request that has come over a kept connection.
    pub(in crate::carrier) fn unread(&mut self) -> Option<RequestId> {
        self.readable.pop_front()
    }

    /// Takes the oldest request that no thread has taken, and its connection.
    pub(in crate::carrier) fn untaken(&mut self) -> Option<RequestId> {
        let request = self.jobs.pop_front();
        self.connections -= u32::from(request.is_some());
        request
    }

    /// A connection is over: the accepting thread goes on if it waits for that.
    #[inline(always)]
    pub(in crate::carrier) fn connection_over(&mut self) -> Option<ThreadId> {
        self.connections = self.connections.saturating_sub(1);
        let stalled = std::mem::replace(&mut self.stalled, ThreadId::NONE);
        stalled.is_some().then_some(stalled)
    }

    /// Connections that are accepted or kept and have sent a request that no thread has taken.
    pub(in crate::carrier) fn unserved(&self) -> usize {
        self.jobs.len() + self.readable.len()
    }
}
