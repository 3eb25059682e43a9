//! A listening socket: its two queues, and whom a connection wakes.
//!
//! A thread that is blocked in `accept` waits exclusively at the tail of the socket's wait queue (`inet_csk_wait_for_connect`,
//! `prepare_to_wait_exclusive`): a connection wakes one, the longest waiting, so they take turns. `select`, `poll` and `epoll` wait
//! at its head and all are woken (`add_wait_queue`): the last to register runs first, those that come late look again and
//! sleep on, which costs the machine a switch, or find nothing to accept. With `EPOLLEXCLUSIVE` they wait at the tail in the order
//! of registration (`ep_ptable_queue_proc`, `add_wait_queue_exclusive`) and the first idle one is woken: not in turn, so the first
//! takes most of a light load.
//! The threads of a uWSGI process accept behind a mutex (`thunder_lock`): one waits in `epoll`, and wakes the next in line when it has
//! accepted. So do those here whose sockets wait for data (`defer.rs`).
//! With `SO_REUSEPORT` every process has a socket and a queue of its own, and a hash of the connection chooses among them
//! (`reuseport_select_sock`, `reciprocal_scale`), whoever is busy.

use std::collections::VecDeque;

use crate::kit::id::{ProcessId, RequestId, ThreadId};
use crate::kit::rng::mix;
use crate::model::kernel::Wakes;
use crate::net::above::CarrierForNet;
use crate::net::above::LifeForNet;
use crate::net::above::RouterForNet;
use crate::program::request::Stage;
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::World;

/// One listening socket at run time.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Established connections that nobody has accepted.
    pub(crate) queue: VecDeque<RequestId>,
    /// Threads blocked in accept, oldest first: the kernel wakes one for each connection.
    pub(crate) threads: VecDeque<ThreadId>,
    /// Whether threads accept in turn.
    pub(crate) takes_turns: bool,
    /// If so, those whose turn it is and who have been woken: one of a process.
    pub(crate) in_turn: Vec<ThreadId>,
    /// Threads of hubs and event loops that have it in their epoll set, in the order in which they added it.
    pub(crate) pollers: Vec<ThreadId>,
    /// Handshakes under way.
    pub(crate) shaking: u32,
    /// Of those in `queue`, how many a worker has accepted before: they take no place there.
    pub(super) aside: u32,
    /// Connections that a balancer counts as open.
    pub(crate) open: u32,
    pub(super) backlog: u32,
}

impl Listener {
    pub(crate) fn new(backlog: u32) -> Listener {
        let (queue, threads, pollers) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Listener {
            queue,
            threads,
            takes_turns: false,
            in_turn: Vec::new(),
            pollers,
            shaking: 0,
            aside: 0,
            open: 0,
            backlog,
        }
    }

    /// Whether the accept queue has no room (`sk_acceptq_is_full`: it holds one more than its backlog).
    pub(super) fn is_full(&self) -> bool {
        self.queue.len() as u64 > u64::from(self.backlog) + u64::from(self.aside)
    }

    /// Whether it will have none when all handshakes under way are complete.
    pub(crate) fn is_spoken_for(&self) -> bool {
        self.queue.len() as u64 + u64::from(self.shaking) > u64::from(self.backlog)
    }
}

/// Keeps the hash of a connection apart from other uses of its key.
const REUSEPORT: u64 = 0x5245_5553_4550_4F52;

impl<P: Probe> World<'_, P> {
    /// Listening sockets of a server.
    fn sockets_each(&self) -> usize {
        self.model.kernel.sockets.max(1) as usize
    }

    /// Servers to balance among: the first so many listeners are the first of each.
    #[inline]
    pub(crate) fn servers(&self) -> usize {
        self.balancer.servers()
    }

    /// The socket of a server that the kernel gives a connection to.
    pub(crate) fn socket_of(&self, server: usize, key: u64) -> usize {
        let sockets = self.sockets_each();
        if sockets == 1 {
            return server;
        }
        let hash = mix(key ^ REUSEPORT, 0) >> 32;
        match ((hash * sockets as u64) >> 32) as usize {
            0 => server,
            other => self.servers() + server * (sockets - 1) + other - 1,
        }
    }

    /// A connection joins its accept queue, and somebody is woken for it.
    #[inline(always)]
    pub(crate) fn enter_queue(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        request.stage = Stage::Queued;
        let index = request.link.socket as usize;
        if request.link.relay.is_none() {
            self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
        }
        self.listeners[index].queue.push_back(id);
        tell(&mut self.probe, self.now, Detail::Queued { listener: index as u32, request: id });
        self.wake_for(index);
    }

    /// Somebody is woken for a connection that has joined a queue.
    #[inline(always)]
    pub(super) fn wake_for(&mut self, index: usize) {
        if let Some(router) = self.router_at(index) {
            return self.front_readable(router);
        }
        let woken = match self.model.kernel.wakes {
            Wakes::Usual => {
                if self.wake_oldest(index) {
                    return;
                }
                self.wake_pollers(index)
            }
            Wakes::All => self.wake_threads(index) + self.wake_pollers(index),
            Wakes::One => {
                if !self.wake_oldest(index) {
                    self.wake_first_poller(index);
                }
                1
            }
        };
        self.net.counts.extra_wakes += woken.saturating_sub(1);
    }

    /// The thread that has been blocked in accept for longest.
    pub(crate) fn wake_oldest(&mut self, index: usize) -> bool {
        if self.listeners[index].takes_turns {
            return self.wake_next_in_turn(index);
        }
        let Some(thread) = self.listeners[index].threads.pop_front() else { return false };
        self.make_ready(thread);
        true
    }

    /// The same where threads accept in turn; true if it is somebody's turn already.
    #[inline(never)]
    fn wake_next_in_turn(&mut self, index: usize) -> bool {
        let listener = &self.listeners[index];
        if listener.in_turn.len() >= self.processes.len() {
            return true;
        }
        let Some(at) = listener.threads.iter().position(|&thread| !self.waits_for_turn(index, thread)) else {
            return !listener.in_turn.is_empty();
        };
        let listener = &mut self.listeners[index];
        let thread = listener.threads.remove(at).expect("it was found there");
        listener.in_turn.push(thread);
        self.make_ready(thread);
        true
    }

    /// Whether it is another thread's turn to accept for the process.
    #[inline]
    pub(crate) fn waits_for_turn(&self, index: usize, thread: ThreadId) -> bool {
        let process = self.threads[thread].process();
        let in_its_way = |&other: &ThreadId| other != thread && self.threads[other].process() == process;
        self.listeners[index].in_turn.iter().any(in_its_way)
    }

    /// A thread has accepted, or does not: it is the next one's turn if a connection waits.
    #[inline]
    pub(crate) fn ends_turn(&mut self, index: usize, thread: ThreadId) {
        if self.listeners[index].takes_turns {
            self.pass_turn(index, thread);
        }
    }

    #[inline(never)]
    fn pass_turn(&mut self, index: usize, thread: ThreadId) {
        let listener = &mut self.listeners[index];
        listener.in_turn.retain(|&other| other != thread);
        if !listener.queue.is_empty() {
            self.wake_next_in_turn(index);
        }
    }

    /// All waiting threads, the last to wait first.
    #[inline(never)]
    fn wake_threads(&mut self, index: usize) -> u64 {
        let mut woken = 0;
        while let Some(thread) = self.listeners[index].threads.pop_back() {
            self.make_ready(thread);
            woken += 1;
        }
        woken
    }

    /// All that poll the socket, the last to add it first.
    fn wake_pollers(&mut self, index: usize) -> u64 {
        let mut woken = 0;
        for at in (0..self.listeners[index].pollers.len()).rev() {
            woken += u64::from(self.listener_readable(self.listeners[index].pollers[at]));
        }
        woken
    }

    /// Every poller up to the first that is idle learns of the connection; that one wakes.
    #[inline(never)]
    fn wake_first_poller(&mut self, index: usize) {
        for at in 0..self.listeners[index].pollers.len() {
            if self.listener_readable(self.listeners[index].pollers[at]) {
                return;
            }
        }
    }

    /// A process takes the oldest connection from its accept queue.
    #[inline]
    pub(crate) fn accept(&mut self, process: ProcessId) -> Option<RequestId> {
        let listener = self.processes[process].socket();
        let id = self.listeners[listener].queue.pop_front()?;
        self.leaves_aside(id, listener);
        tell(&mut self.probe, self.now, Detail::Unqueued { listener: listener as u32, request: id });
        self.net.descriptors[process.index()] += 1;
        self.life_accepts(process);
        tell(&mut self.probe, self.now, Detail::Given { request: id, process });
        let request = &mut self.requests[id];
        request.stage = Stage::Accepted;
        request.link.process = process;
        Some(id)
    }
}
