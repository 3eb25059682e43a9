//! Queues.
//!
//! After `queues.py` (CPython 3.13; the same since 3.8 but for `shutdown`). An item is not handed over: a woken getter that finds
//! nothing waits anew, at the back (Q2, Q3), and a woken putter likewise (Q4).

use std::collections::VecDeque;

use super::EventLoop;
use super::frame::{CoroutineFrame, FrameFlow};
use super::future::{Exc, FutKey, FutureValue, State};
use super::locks::WaitEvent;
use super::task::TaskInput;
use crate::kit::arena::ArenaKey;
use crate::kit::heap;

/// What comes out first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Fifo,
    Lifo,
    /// The least item.
    Priority,
}

/// `Queue` and its kin.
#[derive(Debug)]
pub(crate) struct AioQueue {
    order: Order,
    max: Option<u32>,
    items: VecDeque<FutureValue>,
    /// `PriorityQueue`: a heap of items.
    heap: Vec<u16>,
    getters: VecDeque<FutKey>,
    putters: VecDeque<FutKey>,
    unfinished: u32,
    /// `_finished`.
    finished: usize,
    is_shut_down: bool,
}

/// A queue's name.
pub(super) type QueueKey = ArenaKey<AioQueue>;

const SHUT_DOWN: Exc = Exc::Error("QueueShutDown");

impl AioQueue {
    /// An empty queue; `finished` is an event that is set.
    pub(super) fn new(order: Order, max: Option<u32>, finished: usize) -> AioQueue {
        AioQueue {
            order,
            max,
            items: VecDeque::new(),
            heap: Vec::new(),
            getters: VecDeque::new(),
            putters: VecDeque::new(),
            unfinished: 0,
            finished,
            is_shut_down: false,
        }
    }

    fn len(&self) -> usize {
        self.items.len() + self.heap.len()
    }

    fn is_full(&self) -> bool {
        self.max.is_some_and(|max| self.len() >= max as usize)
    }

    fn store(&mut self, value: FutureValue) {
        match (self.order, value) {
            (Order::Priority, FutureValue::Item(item)) => heap::push(&mut self.heap, item, |a, b| a < b),
            _ => self.items.push_back(value),
        }
    }

    fn take(&mut self) -> Option<FutureValue> {
        match self.order {
            Order::Fifo => self.items.pop_front(),
            Order::Lifo => self.items.pop_back(),
            Order::Priority => heap::pop(&mut self.heap, |a, b| a < b).map(FutureValue::Item),
        }
    }
}

/// Which line of waiters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Getters,
    Putters,
}

impl EventLoop {
    fn queue(&mut self, key: QueueKey) -> &mut AioQueue {
        self.queues.get_mut(key).expect("a queue that is used is there")
    }

    fn line(&mut self, key: QueueKey, line: Line) -> &mut VecDeque<FutKey> {
        let queue = self.queue(key);
        match line {
            Line::Getters => &mut queue.getters,
            Line::Putters => &mut queue.putters,
        }
    }

    /// `_wakeup_next`.
    fn wake_next(&mut self, key: QueueKey, line: Line) {
        while let Some(waiter) = self.line(key, line).pop_front() {
            if !self.is_done(waiter) {
                self.set_result(waiter, FutureValue::None);
                break;
            }
        }
    }

    /// `put_nowait`.
    pub(super) fn put_now(&mut self, key: QueueKey, value: FutureValue) -> Result<(), Exc> {
        let queue = self.queue(key);
        if queue.is_shut_down {
            return Err(SHUT_DOWN);
        }
        if queue.is_full() {
            return Err(Exc::Error("QueueFull"));
        }
        queue.store(value);
        queue.unfinished += 1;
        let finished = queue.finished;
        self.locks.event(finished).value = false;
        self.wake_next(key, Line::Getters);
        Ok(())
    }

    /// `get_nowait`.
    pub(super) fn get_now(&mut self, key: QueueKey) -> Result<FutureValue, Exc> {
        let queue = self.queue(key);
        let Some(value) = queue.take() else {
            return Err(if queue.is_shut_down { SHUT_DOWN } else { Exc::Error("QueueEmpty") });
        };
        self.wake_next(key, Line::Putters);
        Ok(value)
    }

    /// `task_done`.
    pub(super) fn item_done(&mut self, key: QueueKey) -> Result<(), Exc> {
        let queue = self.queue(key);
        if queue.unfinished == 0 {
            return Err(Exc::VALUE);
        }
        queue.unfinished -= 1;
        if queue.unfinished == 0 {
            let finished = queue.finished;
            self.set_event(finished);
        }
        Ok(())
    }

    /// `shutdown`: everybody wakes, and looks again (Q8).
    pub(super) fn shut_down(&mut self, key: QueueKey, immediate: bool) {
        let queue = self.queue(key);
        queue.is_shut_down = true;
        if immediate {
            while queue.take().is_some() {
                queue.unfinished = queue.unfinished.saturating_sub(1);
            }
            if queue.unfinished == 0 {
                let finished = queue.finished;
                self.set_event(finished);
            }
        }
        for line in [Line::Getters, Line::Putters] {
            while let Some(waiter) = self.line(key, line).pop_front() {
                self.set_result(waiter, FutureValue::None);
            }
        }
    }

    /// A waiter was woken, or something was thrown into it: then it leaves its line, and passes on a wake-up that it cannot use.
    fn leave_line(&mut self, key: QueueKey, line: Line, wait: FutKey, input: TaskInput) -> Option<Exc> {
        let TaskInput::Err(error) = input else {
            self.forget(wait);
            return None;
        };
        // "Just in case it is not done yet": nobody listens to it any more.
        let was_cancelled = matches!(self.state(wait), State::Cancelled | State::Pending);
        self.forget(wait);
        self.line(key, line).retain(|&waiter| waiter != wait);
        let queue = self.queue(key);
        let is_free = match line {
            Line::Getters => queue.len() > 0,
            Line::Putters => !queue.is_full(),
        };
        if is_free && !was_cancelled {
            self.wake_next(key, line);
        }
        Some(error)
    }

    fn wait_in_line(&mut self, key: QueueKey, line: Line) -> FutKey {
        let wait = self.create_future();
        self.line(key, line).push_back(wait);
        wait
    }
}

/// `Queue.put`.
#[derive(Debug)]
pub(super) struct PutItem {
    queue: QueueKey,
    item: u16,
    wait: Option<FutKey>,
}

impl PutItem {
    pub(super) fn frame(queue: QueueKey, item: u16) -> CoroutineFrame {
        CoroutineFrame::Put(PutItem { queue, item, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        if let Some(wait) = self.wait.take()
            && let Some(error) = on.leave_line(self.queue, Line::Putters, wait, input)
        {
            return FrameFlow::Raise(error);
        }
        let queue = on.queue(self.queue);
        if queue.is_full() {
            if queue.is_shut_down {
                return FrameFlow::Raise(SHUT_DOWN);
            }
            let wait = on.wait_in_line(self.queue, Line::Putters);
            self.wait = Some(wait);
            return FrameFlow::Await(wait);
        }
        match on.put_now(self.queue, FutureValue::Item(self.item)) {
            Ok(()) => FrameFlow::Return(FutureValue::None),
            Err(error) => FrameFlow::Raise(error),
        }
    }
}

/// `Queue.get`.
#[derive(Debug)]
pub(super) struct GetItem {
    queue: QueueKey,
    wait: Option<FutKey>,
}

impl GetItem {
    pub(super) fn frame(queue: QueueKey) -> CoroutineFrame {
        CoroutineFrame::Get(GetItem { queue, wait: None })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        if let Some(wait) = self.wait.take()
            && let Some(error) = on.leave_line(self.queue, Line::Getters, wait, input)
        {
            return FrameFlow::Raise(error);
        }
        let queue = on.queue(self.queue);
        if queue.len() == 0 && !queue.is_shut_down {
            let wait = on.wait_in_line(self.queue, Line::Getters);
            self.wait = Some(wait);
            return FrameFlow::Await(wait);
        }
        match on.get_now(self.queue) {
            Ok(value) => FrameFlow::Return(value),
            Err(error) => FrameFlow::Raise(error),
        }
    }
}

/// `Queue.join` (Q7).
#[derive(Debug)]
pub(super) struct JoinQueue {
    queue: QueueKey,
}

impl JoinQueue {
    pub(super) fn frame(queue: QueueKey) -> CoroutineFrame {
        CoroutineFrame::Join(JoinQueue { queue })
    }

    pub(super) fn step(&mut self, on: &mut EventLoop, input: TaskInput) -> FrameFlow {
        let queue = on.queue(self.queue);
        match input {
            TaskInput::Start if queue.unfinished > 0 => FrameFlow::Call(WaitEvent::frame(queue.finished)),
            TaskInput::Err(error) => FrameFlow::Raise(error),
            // It says that it was waited for to the end.
            _ => FrameFlow::Return(FutureValue::Bool(true)),
        }
    }
}
