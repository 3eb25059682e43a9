//! What the kernels of a run remember beside their listening sockets.

use std::collections::VecDeque;

use super::conn::Conn;
use super::descriptors::BackOff;
use super::link::Link;
use super::listener::Listener;
use super::memory::MemoryUse;
use super::tcp_mem::SocketMemory;
use super::wheel::Wheel;
use crate::kit::id::{ConnId, RequestId, Slab};
use crate::kit::table::Table;
use crate::kit::time::Time;
use crate::model::Model;
use crate::watch::record::{KernelCounts, SocketMemoryCounts};

/// Tables of the kernels, and how often their limits were met.
#[derive(Debug)]
pub(crate) struct Net {
    /// Listening sockets: those of the model, then those of routers.
    pub(super) listeners: Vec<Listener>,
    /// Connections that outlive a request.
    pub(super) conns: Slab<ConnId, Conn>,
    /// Connections that wait for the next request of who asks, the youngest last: by client group, or the proxy's alone.
    pub(super) idle: Vec<Vec<ConnId>>,
    /// The connections of requests.
    pub(super) links: Table<RequestId, Link>,
    pub(super) counts: KernelCounts,
    /// Ports in use, by client group.
    pub(super) client_ports: Vec<Places>,
    /// Ports in use, by server and peer.
    pub(super) peer_ports: Vec<Places>,
    /// Tracked connections, by server.
    pub(super) tracked: Vec<Places>,
    /// Descriptors in use, by process.
    pub(super) descriptors: Vec<u32>,
    /// What hubs do about an accept that failed, by hub.
    pub(super) backoffs: Vec<BackOff>,
    pub(super) memory: MemoryUse,
    pub(super) sockets: SocketMemory,
    /// When each server's uplink has sent what it was given.
    pub(super) uplinks: Vec<Time>,
    /// Servers whose threads the kernel did not start, so that nobody listens there.
    pub(super) unstarted: Vec<bool>,
    /// Where the kernels' timers lie, if they are looked at so closely.
    pub(super) wheel: Option<Wheel>,
}

impl Net {
    /// Empty tables for a model.
    pub(crate) fn new(model: &Model) -> Net {
        let places = |count: usize| (0..count).map(|_| Places::default()).collect();
        Net {
            listeners: model.listeners.iter().map(|spec| Listener::new(spec.backlog)).collect(),
            conns: Slab::new(),
            idle: vec![Vec::new(); model.clients.len().max(1)],
            links: Table::new(),
            counts: KernelCounts::default(),
            client_ports: places(model.clients.len()),
            peer_ports: places(model.hosts.len() * model.peers.len()),
            tracked: places(model.hosts.len()),
            descriptors: vec![0; model.processes.len()],
            backoffs: Vec::new(),
            memory: MemoryUse::new(model),
            sockets: SocketMemory::new(model),
            uplinks: vec![Time::ZERO; model.hosts.len()],
            unstarted: unstarted(model),
            wheel: None,
        }
    }

    /// Makes room for what was built: processes, routers among them, and hubs.
    pub(crate) fn size(&mut self, processes: usize, hubs: usize) {
        self.descriptors.resize(processes, 0);
        self.backoffs = vec![BackOff::default(); hubs];
        self.counts.memory_peak = self.memory.peak();
    }

    /// How often the limits of the kernels were met.
    pub(crate) fn counts(&self) -> KernelCounts {
        self.counts
    }

    /// The window begins: counts begin anew, and the highest level so far is the present one; `sockets` is that of socket memory.
    #[cold]
    pub(crate) fn begin_counting(&mut self, at: Time, sockets: u64) {
        let taken = |places: &mut Places| {
            places.forget_before(at);
            places.taken()
        };
        let limited = self.client_ports.iter_mut().chain(&mut self.peer_ports);
        self.counts = KernelCounts {
            ports_peak: limited.map(taken).max().unwrap_or_default(),
            conntrack_peak: self.tracked.iter_mut().map(taken).max().unwrap_or_default(),
            memory_peak: self.memory.peak(),
            sockets: self.counts.sockets.map(|before| SocketMemoryCounts {
                // It is known by what somebody met who wrote.
                peak: sockets.min(before.peak),
                ..SocketMemoryCounts::default()
            }),
            ..KernelCounts::default()
        };
    }
}

/// Servers whose processes want more threads than the kernel gives (`copy_process`: `nr_threads >= max_threads` is EAGAIN).
///
/// A server that cannot start its threads ends before it serves: Python says "can't start new thread", uWSGI "pthread_create()".
fn unstarted(model: &Model) -> Vec<bool> {
    let Some(limit) = model.kernel.threads else { return Vec::new() };
    let mut threads = vec![0_u64; model.hosts.len()];
    for process in &model.processes {
        let host = model.listeners[process.listener as usize].host as usize;
        threads[host] += u64::from(model.workers[process.worker as usize].kind.os_threads());
    }
    threads.iter().map(|&wanted| wanted > u64::from(limit)).collect()
}

/// Places in a table, some of which stay taken for a while after their use.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    used: u64,
    /// When those that linger are free again, the first first.
    lingering: VecDeque<Time>,
}

impl Places {
    /// Takes one of `count` places; false if there is none.
    pub(super) fn take(&mut self, count: u32, now: Time) -> bool {
        self.forget_before(now);
        let free = self.taken() < u64::from(count);
        self.used += u64::from(free);
        free
    }

    fn forget_before(&mut self, now: Time) {
        while self.lingering.front().is_some_and(|&free_at| free_at <= now) {
            self.lingering.pop_front();
        }
    }

    /// Gives one back, which is free at an instant not before any other's; at once if so many linger already.
    pub(super) fn give(&mut self, free_at: Option<Time>, most: u32, now: Time) {
        self.forget_before(now);
        self.used -= 1;
        if let Some(free_at) = free_at.filter(|_| self.lingering.len() < most as usize) {
            debug_assert!(self.lingering.back().is_none_or(|&last| last <= free_at), "places linger equally long");
            self.lingering.push_back(free_at);
        }
    }

    /// Places taken, lingering ones included, as of the last `take`.
    pub(super) fn taken(&self) -> u64 {
        self.used + self.lingering.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::time::Span;

    #[test]
    fn a_place_that_lingers_is_free_again_at_its_time() {
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut places = Places::default();
        assert!(places.take(2, at(0)) && places.take(2, at(0)) && !places.take(2, at(0)));
        places.give(Some(at(60)), 1, at(0));
        assert!(!places.take(2, at(59)));
        assert!(places.take(2, at(60)));
        places.give(None, 1, at(60));
        assert!(places.take(2, at(60)));
    }

    #[test]
    fn no_more_places_linger_than_may() {
        let at = |secs| Time::ZERO + Span::from_secs(secs);
        let mut places = Places::default();
        assert!((0..3).all(|_| places.take(3, at(0))));
        for _ in 0..3 {
            places.give(Some(at(60)), 2, at(0));
        }
        assert_eq!(places.taken(), 2);
        // At 60 s those two are gone, and others may linger.
        assert!(places.take(3, at(60)));
        places.give(Some(at(120)), 2, at(60));
        assert_eq!(places.taken(), 1);
    }
}
