//! What the tasks of a loop share, as the model declares it: locks, queues, results, sockets, pools of threads.

use super::EventLoop;
use super::future::FutKey;
use super::queues::{AioQueue, Order, QueueKey};
use super::semaphore::Semaphore;
use super::sockets::{Reader, SELF_PIPE};
use super::threads::Executor;
use crate::model::{AioKind, SyncKind, SyncSpec};

/// A shared object: where it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum LoopObject {
    Lock(usize),
    Semaphore(usize),
    Event(usize),
    Condition(usize),
    Barrier(usize),
    Result(FutKey),
    Queue(QueueKey),
    /// Its two descriptors.
    Pair([u32; 2]),
    /// Its two streams.
    Stream([usize; 2]),
    Remote(u32),
    Threads(usize),
    /// What only gevent has.
    Foreign,
}

impl EventLoop {
    /// Makes what a process shares, in the order of its declaration, after the loop's own self-pipe.
    pub(super) fn build_objects(&mut self, specs: &[SyncSpec]) {
        let self_pipe = self.sockets.open();
        debug_assert_eq!(self_pipe, SELF_PIPE);
        self.add_reader(self_pipe, Reader::SelfPipe);
        for spec in specs {
            let object = self.build_object(spec.kind);
            self.objects.push(object);
        }
        self.sockets.tell();
        // All of it was there before the first task.
        self.now = crate::kit::time::Time::ZERO;
    }

    fn build_object(&mut self, kind: SyncKind) -> LoopObject {
        match kind {
            SyncKind::Lock => LoopObject::Lock(self.locks.new_lock()),
            SyncKind::Semaphore { units, bounded, .. } => {
                self.semaphores.push(Semaphore::new(units, bounded));
                LoopObject::Semaphore(self.semaphores.len() - 1)
            }
            SyncKind::Event => LoopObject::Event(self.locks.new_event(false)),
            SyncKind::AsyncResult => LoopObject::Result(self.create_future()),
            SyncKind::Condition { .. } => LoopObject::Condition(self.locks.new_condition()),
            SyncKind::Queue { lifo, max, .. } => self.build_queue(if lifo { Order::Lifo } else { Order::Fifo }, max),
            SyncKind::Pair => LoopObject::Pair(self.sockets.pair()),
            SyncKind::Remote => LoopObject::Remote(self.sockets.open()),
            SyncKind::Threads { size } => {
                self.pools.push(Executor::new(size));
                LoopObject::Threads(self.pools.len() - 1)
            }
            SyncKind::Aio(AioKind::Barrier { parties }) => LoopObject::Barrier(self.locks.new_barrier(parties)),
            SyncKind::Aio(AioKind::Stream) => {
                let [a, b] = self.sockets.pair();
                LoopObject::Stream([self.open_stream(a), self.open_stream(b)])
            }
            SyncKind::Aio(AioKind::PriorityQueue { max }) => self.build_queue(Order::Priority, max),
            SyncKind::RLock | SyncKind::Channel | SyncKind::Pool { .. } => LoopObject::Foreign,
        }
    }

    fn build_queue(&mut self, order: Order, max: Option<u32>) -> LoopObject {
        let finished = self.locks.new_event(true);
        LoopObject::Queue(self.queues.insert(AioQueue::new(order, max, finished)))
    }

    pub(super) fn object(&self, sync: u16) -> LoopObject {
        self.objects[usize::from(sync)]
    }
}
