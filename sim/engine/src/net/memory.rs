//! Memory: processes, threads and requests in service against what a server has.
//!
//! What runs counts from the start, a request while it is served. When a server has no page left, Linux kills the process with the
//! most memory (`oom_badness`; with equal limits that is the largest): its connections break, and its requests' memory is free.
//! A master replaces it (`world/process_life.rs`); without one its threads and greenlets go on for nobody, and it serves again at once.
//! Left out: swap, overcommit, shared pages after a fork, and that a process keeps what it once had.

use crate::kit::id::{HostId, ProcessId, RequestId};
use crate::kit::table::Table;
use crate::model::Model;
use crate::net::above::CarrierForNet;
use crate::net::above::LifeForNet;
use crate::program::wait::Ending;
use crate::watch::probe::Probe;
use crate::world::World;

/// Memory in use.
#[derive(Debug)]
pub(crate) struct MemoryUse {
    /// Bytes by server; empty if nobody looks at it.
    hosts: Table<HostId, u64>,
    /// Requests in service whose memory counts, by process.
    serving: Table<ProcessId, u32>,
}

impl MemoryUse {
    /// What the processes of a model need before they serve anything.
    pub(super) fn new(model: &Model) -> MemoryUse {
        let Some(memory) = &model.kernel.memory else {
            return MemoryUse { hosts: Table::new(), serving: Table::new() };
        };
        let mut hosts: Table<HostId, u64> = model.hosts.iter().map(|_| 0).collect();
        for process in &model.processes {
            let host = HostId::from_index(model.listeners[process.listener as usize].host as usize);
            hosts[host] += memory.fixed(model.workers[process.worker as usize].kind);
        }
        MemoryUse { hosts, serving: model.processes.iter().map(|_| 0).collect() }
    }

    pub(super) fn peak(&self) -> Option<u64> {
        self.hosts.iter().copied().max()
    }
}

impl<P: Probe> World<'_, P> {
    /// A process begins to serve a request.
    pub(super) fn hold_memory(&mut self, process: ProcessId) {
        let Some(memory) = &self.model.kernel.memory else { return };
        let host = self.processes[process].host();
        self.net.memory.serving[process] += 1;
        let used = &mut self.net.memory.hosts[host];
        *used += memory.request;
        let (used, peak) = (*used, &mut self.net.counts.memory_peak);
        *peak = (*peak).max(Some(used.min(memory.host)));
        if used > memory.host {
            let on_host = self.processes.ids().take(self.model.processes.len());
            let size = |&process: &ProcessId| {
                let fixed = memory.fixed(self.model.workers[self.processes[process].worker()].kind);
                // The first of the largest.
                (fixed + memory.request * u64::from(self.net.memory.serving[process]), std::cmp::Reverse(process))
            };
            if let Some(largest) = on_host.filter(|&at| self.processes[at].host() == host).max_by_key(size) {
                self.kill_for_memory(largest);
            }
        }
    }

    /// A process is done with a connection: its descriptor is free, and what its request held.
    #[inline(always)]
    pub(super) fn close_connection(&mut self, id: RequestId) {
        let request = &self.requests[id];
        let (process, served) = (self.net.links[id].process, request.task().is_some());
        self.give_descriptor(process);
        if served {
            self.lose_memory(id, process);
        }
    }

    /// The kernel kills a process: whoever it serves or has accepted is reset, and who waits at a socket that is its own.
    #[cold]
    #[inline(never)]
    fn kill_for_memory(&mut self, process: ProcessId) {
        self.net.counts.oom_kills += 1;
        let served: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(id, request)| request.task().is_some() && self.net.links[*id].process == process)
            .map(|(id, _)| id)
            .collect();
        for id in served {
            self.lose_memory(id, process);
            if self.requests[id].ending().is_none() {
                self.end(id, Ending::Reset);
            }
        }
        while let Some(id) = self.untaken(process) {
            self.reset_connection(id);
        }
        self.close_idle(process);
        let socket = self.processes[process].socket();
        if self.model.kernel.sockets > 1 {
            self.reset_queue(socket);
        }
        self.crash(process);
    }

    /// What a request held is free, unless it was when its process was killed.
    pub(crate) fn lose_memory(&mut self, id: RequestId, process: ProcessId) {
        let Some(memory) = &self.model.kernel.memory else { return };
        if std::mem::replace(&mut self.net.links[id].weightless, true) {
            return;
        }
        let host = self.processes[process].host();
        self.net.memory.serving[process] -= 1;
        self.net.memory.hosts[host] -= memory.request;
    }
}
