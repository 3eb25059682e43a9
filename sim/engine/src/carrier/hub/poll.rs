//! The hub's side of epoll: sockets, the kernel's ready list, and what one poll reports.
//!
//! After Linux's `eventpoll` (level-triggered) and libev's `ev_epoll.c`. A socket enters epoll at the first step 2 after its first
//! wait; if it is readable then, it joins the tail of the ready list there, else when its data arrives. A poll goes through the list
//! from the head: what is not readable is dropped, what is readable is reported and put back at the tail. A reported
//! socket nobody waits on leaves epoll. One poll takes 64 at most, the limit grows after a full one.

use std::collections::VecDeque;

use crate::kit::id::{CallId, ConnId, HubId, TaskId};
use crate::watch::probe::Probe;
use crate::world::World;

/// The listening socket's index among a hub's sockets.
pub(crate) const LISTENER: u32 = 0;
/// Descriptors that a first poll takes (libev, `ev_epoll.c`, `epoll_init`).
const ROOM_FIRST: usize = 64;

/// A descriptor as hub and kernel see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sock {
    /// Who waits on it.
    pub(super) task: TaskId,
    /// The call whose reply is awaited; none once it has come.
    pub(super) call: CallId,
    /// The connection to whoever asks, if it is kept between requests.
    pub(super) conn: ConnId,
    /// Whether a watcher is started.
    pub(super) wanted: bool,
    /// Whether data is there. For the listener the accept queue decides.
    readable: bool,
    /// Whether epoll knows it.
    registered: bool,
    /// Whether it is in the kernel's ready list.
    listed: bool,
    /// Whether libev must look at it in step 2.
    changed: bool,
    /// Whether it is closed; its slot is free once nothing refers to it.
    closed: bool,
}

/// A hub's sockets.
#[derive(Debug)]
pub(crate) struct Sockets {
    socks: Vec<Sock>,
    free: Vec<u32>,
    changes: Vec<u32>,
    ready: VecDeque<u32>,
    room: usize,
}

impl Sockets {
    pub(crate) fn new() -> Sockets {
        let mut sockets = Sockets {
            socks: Vec::new(),
            free: Vec::new(),
            changes: Vec::new(),
            ready: VecDeque::new(),
            room: ROOM_FIRST,
        };
        let listener = sockets.open(TaskId::NONE);
        debug_assert_eq!(listener, LISTENER);
        sockets
    }

    /// A new socket on which `task` will wait.
    pub(crate) fn open(&mut self, task: TaskId) -> u32 {
        let sock = Sock {
            task,
            call: CallId::NONE,
            conn: ConnId::NONE,
            wanted: false,
            readable: false,
            registered: false,
            listed: false,
            changed: false,
            closed: false,
        };
        match self.free.pop() {
            Some(index) => {
                self.socks[index as usize] = sock;
                index
            }
            None => {
                self.socks.push(sock);
                u32::try_from(self.socks.len() - 1).expect("a hub has under 2^32 sockets")
            }
        }
    }

    /// Who waits on a socket that has several waits in its life.
    pub(crate) fn set_reader(&mut self, index: u32, task: TaskId) {
        self.socks[index as usize].task = task;
    }

    /// All data was read.
    pub(crate) fn drain(&mut self, index: u32) {
        self.socks[index as usize].readable = false;
    }

    /// Notes which kept connection a socket is.
    pub(crate) fn set_conn(&mut self, index: u32, conn: ConnId) {
        self.socks[index as usize].conn = conn;
    }

    /// Notes for which call a socket waits.
    pub(crate) fn ask(&mut self, index: u32, call: CallId) {
        self.socks[index as usize].call = call;
    }

    /// The reply has come; the call is over.
    pub(crate) fn answered(&mut self, index: u32) {
        self.socks[index as usize].call = CallId::NONE;
    }

    /// Starts or stops the watcher.
    pub(crate) fn watch(&mut self, index: u32, wanted: bool) {
        let sock = &mut self.socks[index as usize];
        if sock.wanted == wanted {
            return;
        }
        sock.wanted = wanted;
        if !std::mem::replace(&mut sock.changed, true) {
            self.changes.push(index);
        }
    }

    /// Closes a socket: the kernel takes it out of epoll.
    pub(crate) fn close(&mut self, index: u32) {
        let sock = &mut self.socks[index as usize];
        sock.closed = true;
        sock.wanted = false;
        sock.task = TaskId::NONE;
        self.free_if_unknown(index);
    }

    fn free_if_unknown(&mut self, index: u32) {
        let sock = &self.socks[index as usize];
        if sock.closed && !sock.listed && !sock.changed {
            self.free.push(index);
        }
    }

    /// Watched sockets and who waits on them, but for the listener.
    pub(crate) fn readers(&self) -> impl Iterator<Item = (u32, TaskId)> {
        let own = self.socks.iter().zip(0..).skip(1 + LISTENER as usize);
        own.filter(|(sock, _)| sock.wanted).map(|(sock, index)| (index, sock.task))
    }

    pub(crate) fn sock(&self, index: u32) -> &Sock {
        &self.socks[index as usize]
    }

    /// Data arrives. Whether a poll would report it.
    fn arrive(&mut self, index: u32) -> bool {
        let sock = &mut self.socks[index as usize];
        if sock.closed {
            return false;
        }
        sock.readable = true;
        self.list(index)
    }

    fn list(&mut self, index: u32) -> bool {
        let sock = &mut self.socks[index as usize];
        if sock.registered && !std::mem::replace(&mut sock.listed, true) {
            self.ready.push_back(index);
        }
        self.socks[index as usize].listed
    }

    /// Step 2: epoll learns of the descriptors whose watchers changed.
    pub(crate) fn reify(&mut self, listener_readable: bool) {
        for at in 0..self.changes.len() {
            let index = self.changes[at];
            let sock = &mut self.socks[index as usize];
            sock.changed = false;
            if sock.wanted && !sock.registered {
                sock.registered = true;
                let readable = if index == LISTENER { listener_readable } else { sock.readable };
                if readable {
                    self.list(index);
                }
            }
            self.free_if_unknown(index);
        }
        self.changes.clear();
    }

    /// Whether a poll finds nothing, epoll knowing all already; the listener leaves the ready list if somebody else has accepted.
    #[inline(always)]
    pub(super) fn find_nothing(&mut self, listener_readable: bool) -> bool {
        if !self.changes.is_empty() {
            return false;
        }
        match self.ready.front() {
            None => true,
            Some(&LISTENER) if !listener_readable && self.ready.len() == 1 => {
                self.ready.clear();
                self.socks[LISTENER as usize].listed = false;
                true
            }
            Some(_) => false,
        }
    }

    /// One look at the ready list: reported sockets go to `pending`. Whether there were any.
    pub(in crate::carrier) fn report(&mut self, listener_readable: bool, pending: &mut Vec<super::Pending>) -> bool {
        let mut reported = 0;
        for _ in 0..self.ready.len() {
            if reported == self.room {
                break;
            }
            let index = self.ready.pop_front().expect("as many as were counted");
            let sock = &mut self.socks[index as usize];
            let readable = if index == LISTENER { listener_readable } else { sock.readable };
            sock.listed = false;
            if sock.closed || !readable {
                self.free_if_unknown(index);
                continue;
            }
            reported += 1;
            if sock.wanted {
                sock.listed = true;
                self.ready.push_back(index);
                pending.push(super::Pending::Sock(index));
            } else {
                sock.registered = false;
            }
        }
        if reported == self.room {
            self.room = 2 * (self.room + 1);
        }
        reported > 0
    }
}

impl<P: Probe> World<'_, P> {
    /// A hub that could not accept watches its listener again.
    #[cold]
    #[inline(never)]
    pub(crate) fn accept_again_event(&mut self, hub: HubId) {
        self.net.backed_off(hub);
        self.carriers.hubs[hub].sockets.watch(LISTENER, true);
        self.wake_poll(hub);
    }

    /// Data for a greenlet arrives at a hub's socket; a hub that is blocked in its poll wakes.
    pub(crate) fn arrived(&mut self, hub: HubId, sock: u32) {
        if self.carriers.hubs[hub].sockets.arrive(sock) {
            self.wake_poll(hub);
        }
    }

    /// A listener has something to accept. Whether the hub wakes for it.
    pub(in crate::carrier) fn hub_listens(&mut self, hub: HubId) -> bool {
        self.carriers.hubs[hub].sockets.list(LISTENER) && self.wake_poll(hub)
    }

    /// A hub that is blocked in its poll wakes; false if it was not.
    pub(crate) fn wake_poll(&mut self, hub: HubId) -> bool {
        let state = &self.carriers.hubs[hub];
        let blocked = state.polling && self.threads[state.thread].is_parked();
        if blocked {
            self.make_ready(state.thread);
        }
        blocked
    }
}
