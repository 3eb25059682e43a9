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
use crate::net::Net;
use crate::net::above::CarrierForNet;
use crate::net::above::LifeForNet;
use crate::net::above::RouterForNet;
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::World;

/// One listening socket at run time.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Established connections that nobody has accepted.
    pub(super) queue: VecDeque<RequestId>,
    /// Threads blocked in accept, oldest first: the kernel wakes one for each connection.
    pub(super) threads: VecDeque<ThreadId>,
    /// Whether threads accept in turn.
    takes_turns: bool,
    /// If so, those whose turn it is and who have been woken: one of a process.
    in_turn: Vec<ThreadId>,
    /// Threads of hubs and event loops that have it in their epoll set, in the order in which they added it.
    pollers: Vec<ThreadId>,
    /// Handshakes under way.
    pub(super) shaking: u32,
    /// Of those in `queue`, how many a worker has accepted before: they take no place there.
    pub(super) aside: u32,
    /// Connections that a balancer counts as open.
    pub(super) open: u32,
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
    pub(super) fn is_spoken_for(&self) -> bool {
        self.queue.len() as u64 + u64::from(self.shaking) > u64::from(self.backlog)
    }
}

impl Net {
    /// A listening socket more, with such a backlog: its index.
    pub(crate) fn add_listener(&mut self, backlog: u32) -> usize {
        self.listeners.push(Listener::new(backlog));
        self.listeners.len() - 1
    }

    /// Threads accept in turn from a socket.
    pub(crate) fn accept_in_turn(&mut self, socket: usize) {
        self.listeners[socket].takes_turns = true;
    }

    /// A thread adds a socket to its epoll set.
    pub(crate) fn add_poller(&mut self, socket: usize, thread: ThreadId) {
        self.listeners[socket].pollers.push(thread);
    }

    /// Whether at most one thread polls a socket.
    pub(crate) fn has_one_poller(&self, socket: usize) -> bool {
        self.listeners[socket].pollers.len() < 2
    }

    /// Whether there is a connection to accept at a socket.
    #[inline(always)]
    pub(crate) fn is_readable(&self, socket: usize) -> bool {
        !self.listeners[socket].queue.is_empty()
    }

    /// Established connections that nobody has accepted at a socket.
    pub(crate) fn queued_at(&self, socket: usize) -> usize {
        self.listeners[socket].queue.len()
    }

    /// Connections to a server that its balancer counts as open.
    #[inline(always)]
    pub(crate) fn open_to(&self, server: usize) -> u32 {
        self.listeners[server].open
    }

    /// A thread blocks in accept at a socket: it is the last that a connection will wake.
    #[inline(always)]
    pub(crate) fn blocks_in_accept(&mut self, socket: usize, thread: ThreadId) {
        self.listeners[socket].threads.push_back(thread);
    }

    /// Threads block in accept at a socket no longer.
    pub(crate) fn leave_accept(&mut self, socket: usize, leaves: impl Fn(ThreadId) -> bool) {
        self.listeners[socket].threads.retain(|&thread| !leaves(thread));
    }

    /// It is no longer the turn of threads to accept at a socket.
    pub(crate) fn lose_turn(&mut self, socket: usize, loses: impl Fn(ThreadId) -> bool) {
        self.listeners[socket].in_turn.retain(|&thread| !loses(thread));
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
        request.join_queue();
        let link = &self.net.links[id];
        let index = link.socket as usize;
        if !link.is_routed() {
            self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
        }
        self.net.listeners[index].queue.push_back(id);
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
        if self.net.listeners[index].takes_turns {
            return self.wake_next_in_turn(index);
        }
        let Some(thread) = self.net.listeners[index].threads.pop_front() else { return false };
        self.make_ready(thread);
        true
    }

    /// The same where threads accept in turn; true if it is somebody's turn already.
    #[inline(never)]
    fn wake_next_in_turn(&mut self, index: usize) -> bool {
        let listener = &self.net.listeners[index];
        if listener.in_turn.len() >= self.processes.len() {
            return true;
        }
        let Some(at) = listener.threads.iter().position(|&thread| !self.waits_for_turn(index, thread)) else {
            return !listener.in_turn.is_empty();
        };
        let listener = &mut self.net.listeners[index];
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
        self.net.listeners[index].in_turn.iter().any(in_its_way)
    }

    /// A thread has accepted, or does not: it is the next one's turn if a connection waits.
    #[inline]
    pub(crate) fn ends_turn(&mut self, index: usize, thread: ThreadId) {
        if self.net.listeners[index].takes_turns {
            self.pass_turn(index, thread);
        }
    }

    #[inline(never)]
    fn pass_turn(&mut self, index: usize, thread: ThreadId) {
        let listener = &mut self.net.listeners[index];
        listener.in_turn.retain(|&other| other != thread);
        if !listener.queue.is_empty() {
            self.wake_next_in_turn(index);
        }
    }

    /// All waiting threads, the last to wait first.
    #[inline(never)]
    fn wake_threads(&mut self, index: usize) -> u64 {
        let mut woken = 0;
        while let Some(thread) = self.net.listeners[index].threads.pop_back() {
            self.make_ready(thread);
            woken += 1;
        }
        woken
    }

    /// All that poll the socket, the last to add it first.
    fn wake_pollers(&mut self, index: usize) -> u64 {
        let mut woken = 0;
        for at in (0..self.net.listeners[index].pollers.len()).rev() {
            woken += u64::from(self.listener_readable(self.net.listeners[index].pollers[at]));
        }
        woken
    }

    /// Every poller up to the first that is idle learns of the connection; that one wakes.
    #[inline(never)]
    fn wake_first_poller(&mut self, index: usize) {
        for at in 0..self.net.listeners[index].pollers.len() {
            if self.listener_readable(self.net.listeners[index].pollers[at]) {
                return;
            }
        }
    }

    /// A process takes the oldest connection from its accept queue.
    #[inline]
    pub(crate) fn accept(&mut self, process: ProcessId) -> Option<RequestId> {
        let listener = self.processes[process].socket();
        let id = self.net.listeners[listener].queue.pop_front()?;
        self.leaves_aside(id, listener);
        tell(&mut self.probe, self.now, Detail::Unqueued { listener: listener as u32, request: id });
        self.net.descriptors[process.index()] += 1;
        self.life_accepts(process);
        tell(&mut self.probe, self.now, Detail::Given { request: id, process });
        self.requests[id].be_accepted();
        self.net.links[id].process = process;
        Some(id)
    }
}
