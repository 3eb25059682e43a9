//! What goes wrong between the tasks of a process that share a value or a connection: updates that are lost, sockets that two use.
//!
//! A value has a version, which every write raises; a task remembers the version that it read last, or wrote itself. A write loses an
//! update if the version has moved since: what somebody else wrote in between is overwritten unseen. Nothing is computed.
//! A connection counts the tasks that wait on it. Who begins while another waits is a conflict. Under a hub it fails at once, after
//! gevent 1.3 and later (`_hub_primitives.py`, `_primitive_wait`: `ConcurrentObjectUseError`, "This socket is already used by another
//! greenlet", while the watcher has a callback); it has one until its greenlet runs again. On bare threads, and in a call that gevent
//! could not patch, nobody looks: both read from one stream, and what they get is undefined.
//! Left out: what the peer does with the bytes that the failing greenlet has sent before it finds out, and whoever closes the
//! connection after an error or a timeout: the next one finds it usable.

use crate::kit::id::{ProcessId, RequestId, TaskId};
use crate::model::Model;
use crate::program::op::{Op, Patching, Per};
use crate::watch::probe::{Fact, Probe, Touch};
use crate::world::World;

/// The version of what a task has not read.
const UNREAD: u64 = u64::MAX;

/// Versions and waiting tasks: flat tables, one row for each process, task or request; empty in models that share nothing.
#[derive(Debug)]
pub(crate) struct Sharing {
    values: usize,
    connections: usize,
    /// By process and value: its version.
    versions: Vec<u64>,
    /// By task and value: the version it has seen. As long as the latest reader needs.
    seen: Vec<u64>,
    /// By process and connection: tasks that wait on it.
    busy: Vec<u32>,
    /// By request and connection of its own: likewise. As long as the latest user needs.
    own: Vec<u32>,
}

impl Sharing {
    /// Nothing has been written, and nobody waits.
    pub(crate) fn new(model: &Model) -> Sharing {
        let (values, connections, processes) = (model.values.len(), model.connections.len(), model.processes.len());
        Sharing {
            values,
            connections,
            versions: vec![0; values * processes],
            seen: Vec::new(),
            busy: vec![0; connections * processes],
            own: Vec::new(),
        }
    }

    /// A task begins: what the one in its place had read is nothing to it.
    pub(crate) fn begin_task(&mut self, task: TaskId) {
        clear(&mut self.seen, task.index() * self.values, self.values, UNREAD);
    }

    /// A request is begun: its own connections are not open yet.
    pub(crate) fn begin_request(&mut self, request: RequestId) {
        clear(&mut self.own, request.index() * self.connections, self.connections, 0);
    }

    /// A process dies with all its tasks.
    pub(crate) fn end_process(&mut self, process: ProcessId) {
        clear(&mut self.busy, process.index() * self.connections, self.connections, 0);
    }

    /// A task looks at a value.
    fn read(&mut self, process: ProcessId, task: TaskId, value: u16) {
        let version = self.versions[process.index() * self.values + usize::from(value)];
        *cell(&mut self.seen, task.index() * self.values, value, self.values, UNREAD) = version;
    }

    /// A task writes a value. True if somebody else has written it since this task last saw it.
    fn write(&mut self, process: ProcessId, task: TaskId, value: u16) -> bool {
        let version = &mut self.versions[process.index() * self.values + usize::from(value)];
        let before = *version;
        *version += 1;
        let after = *version;
        let seen = cell(&mut self.seen, task.index() * self.values, value, self.values, UNREAD);
        let lost = *seen != UNREAD && *seen != before;
        *seen = after;
        lost
    }

    /// Whether every connection is free.
    #[cfg(test)]
    pub(crate) fn nobody_waits(&self) -> bool {
        self.busy.iter().chain(&self.own).all(|&waiting| waiting == 0)
    }

    /// How many tasks wait on a connection; `None` if nobody else can.
    fn waiting(&mut self, per: Per, process: ProcessId, request: RequestId, connection: u16) -> Option<&mut u32> {
        let width = self.connections;
        match per {
            Per::Process => Some(&mut self.busy[process.index() * width + usize::from(connection)]),
            Per::Request if request.is_none() => None,
            Per::Request => Some(cell(&mut self.own, request.index() * width, connection, width, 0)),
            Per::Task => None,
        }
    }
}

/// Sets a row to `nothing`, as far as the table goes.
fn clear<T: Copy>(table: &mut [T], first: usize, width: usize, nothing: T) {
    let end = (first + width).min(table.len());
    if first < end {
        table[first..end].fill(nothing);
    }
}

/// A cell of the row that begins at `first`; the table grows to the end of that row if it has to.
fn cell<T: Copy>(table: &mut Vec<T>, first: usize, column: u16, width: usize, nothing: T) -> &mut T {
    if table.len() < first + width {
        table.resize(first + width, nothing);
    }
    &mut table[first + usize::from(column)]
}

impl<P: Probe> World<'_, P> {
    /// An op about a shared value or connection, of whatever carries the task. It takes no time, and nobody runs in between.
    pub(crate) fn share(&mut self, process: ProcessId, task: TaskId, op: Op, on_hub: bool) {
        match op {
            Op::Read { value } => {
                self.sharing.read(process, task, value);
                self.probe.on(self.now, Fact::Read(Touch { process, task, value }));
            }
            Op::Write { value } => {
                let lost = self.sharing.write(process, task, value);
                self.probe.on(self.now, Fact::Wrote { touch: Touch { process, task, value }, lost });
            }
            Op::Occupy { connection, per, patching } => {
                self.occupy(process, task, (connection, per), on_hub && patching == Patching::Patched);
            }
            Op::Vacate { connection, per } => {
                let request = self.tasks[task].request();
                if let Some(waiting) = self.sharing.waiting(per, process, request, connection) {
                    *waiting -= 1;
                }
            }
            op => unreachable!("{op:?} is about nothing that is shared"),
        }
    }

    /// A task begins to use a connection; under a hub it fails if another waits on it.
    fn occupy(&mut self, process: ProcessId, task: TaskId, (connection, per): (u16, Per), guarded: bool) {
        let request = self.tasks[task].request();
        let mut conflict = false;
        if let Some(waiting) = self.sharing.waiting(per, process, request, connection) {
            conflict = *waiting > 0;
            *waiting += u32::from(!(conflict && guarded));
        }
        self.probe.on(self.now, Fact::Used { connection, conflict });
        if conflict && guarded {
            // As with a unit that it did not get: it has nothing to give back.
            self.fail_acquire(task);
        }
    }

    /// Whether a task's call goes over a connection that is open already: its op stands between taking it and leaving it.
    pub(crate) fn is_over_open_connection(&self, task: TaskId) -> bool {
        if self.sharing.connections == 0 {
            return false;
        }
        let state = &self.tasks[task];
        let code = &self.model.programs[usize::from(state.program())].code;
        let before = usize::from(state.pc().0).checked_sub(2).map(|at| code[at]);
        matches!(before, Some(Op::Occupy { per: Per::Process, .. }))
    }
}

#[cfg(test)]
mod tests;
