//! How a loop ends with its process, and begins with the next one.

use super::super::EventLoop;
use crate::kit::id::{LoopId, ProcessId};
use crate::model::WorkerKind;
use crate::watch::probe::Probe;
use crate::world::World;

impl<P: Probe> World<'_, P> {
    /// The process accepts no more: its loop leaves the listener alone, and connections over which nobody asks are closed.
    pub(crate) fn loop_stops_accepting(&mut self, id: LoopId) {
        let on = &mut self.carriers.loops[id];
        let process = on.server.process;
        on.remove_reader(on.server.listener);
        self.close_idle(process);
    }

    /// The loop of the process that takes this one's place: what was under way finds nobody.
    pub(crate) fn loop_anew(&mut self, process: ProcessId) {
        let Some(id) = self.loop_of(process) else { return };
        self.leaves_loop(id);
        let WorkerKind::Loop(spec) = self.worker(process).kind else { unreachable!("loops run loop workers") };
        let before = &mut self.carriers.loops[id];
        let mut anew = EventLoop::new(before.thread, &spec, &self.model.syncs);
        anew.listen(process);
        anew.server.held_max = before.server.held_max;
        anew.outside = std::mem::take(&mut before.outside);
        anew.outside.clear();
        *before = anew;
    }
}
