//! What threads and processes do, told to those who look that closely.

use crate::kit::id::{ProcessId, RequestId, TaskId, ThreadId};
use crate::watch::probe::{Probe, tell};
use crate::watch::trace::{Detail, Doing, DoorState};
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// Tells that a task has taken a request.
    #[inline(always)]
    pub(crate) fn tell_begun(&mut self, request: RequestId, task: TaskId) {
        if P::DETAIL {
            let thread = self.tasks[task].thread();
            let hub = self.threads[thread].role().hub();
            let process = self.threads[thread].process();
            tell(&mut self.probe, self.now, Detail::Begun { request, task, thread, hub, process });
        }
    }

    /// Tells what a thread does from now on.
    #[inline(always)]
    pub(crate) fn tell_thread(&mut self, thread: ThreadId, doing: Doing) {
        if P::DETAIL {
            let host = self.processes[self.threads[thread].process()].host();
            tell(&mut self.probe, self.now, Detail::Thread { thread, host, doing });
        }
    }

    /// Tells what a process does about connections from now on.
    #[inline(always)]
    pub(crate) fn tell_door(&mut self, process: ProcessId, state: DoorState) {
        tell(&mut self.probe, self.now, Detail::Door { process, state });
    }
}
