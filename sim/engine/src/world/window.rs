//! The begin of the window: what the world itself counts begins anew when the warm-up is over.
//!
//! The recorder does the same with what it counts as it happens (`Recorder::roll`). Nobody asks at each event whether it counts: at this one
//! instant counts go back to nothing, and levels of which the highest is wanted to where they stand. What happens in the world does
//! not know of it.

use crate::kit::id::ProcessId;
use crate::kit::time::{Span, Time};
use crate::machine::Thread;
use crate::machine::process::Process;
use crate::watch::probe::Probe;
use crate::watch::record::WorkerCounts;
use crate::world::World;

/// What counts that go on without a pause had come to when the window began.
#[derive(Clone, Default, Debug)]
pub(crate) struct Before {
    /// CPU time, by process; empty in runs without a warm-up.
    cpu: Vec<Span>,
}

impl<P: Probe> World<'_, P> {
    /// Nothing has happened yet at `at`, where the window begins.
    #[cold]
    #[inline(never)]
    pub(super) fn open_window(&mut self, at: Time) {
        self.masters.counts = WorkerCounts::default();
        let sockets = self.socket_memory(at);
        self.net.begin_counting(at, sockets);
        self.peer.begin_counting();
        self.processes.iter_mut().for_each(Process::begin_counting);
        self.threads.iter_mut().for_each(Thread::begin_counting);
        self.carriers.begin_counting();
        self.before.cpu = self.processes.iter().map(Process::cpu).collect();
        // What cores have been doing since they were taken is added when they are left.
        for (thread, since) in self.machine.running_since_before(at) {
            self.before.cpu[self.threads[thread].process().index()] += at - since;
        }
    }

    /// CPU time of a process since the window began.
    pub(super) fn cpu_in_window(&self, id: ProcessId) -> Span {
        let before = self.before.cpu.get(id.index()).copied().unwrap_or_default();
        self.processes[id].cpu() - before
    }
}
