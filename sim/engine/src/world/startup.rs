//! What the run queue owes a server's threads when their server has just started.
//!
//! A main thread creates the others one after another (uWSGI 2.0, `core/loop.c`: `simple_loop`). On a core that they share, a new
//! thread waits until its creator's slice is over, readies itself in a few microseconds and goes to sleep with lag: so it gets the core
//! sooner when its first connection comes. A start is simulated by the machine itself, before the run and without its clients.
//!
//! Left out: that the first request of a new thread for the core is half as long (`PLACE_DEADLINE_INITIAL`), and threads of pools, which
//! are made as they are needed, and processes that take the place of others.

use crate::carrier::above::StartupForCarrier;
use crate::kit::id::ThreadId;
use crate::kit::rng::{Replication, Seed};
use crate::kit::time::{Span, Time};
use crate::machine::{Demand, Role};
use crate::model::{Model, WorkerKind};
use crate::watch::probe::Probe;
use crate::world::World;

/// Longer than any start takes.
const ENDLESS: Span = Span::from_secs(86_400);

/// The main thread of a process, and the threads that it has yet to create.
#[derive(Debug)]
pub(crate) struct Startup {
    main: ThreadId,
    /// The thread that it is creating; itself before the first.
    next: usize,
    end: usize,
}

/// Whether creating threads costs a server of this model anything, and there are several.
fn is_worth_it(model: &Model) -> bool {
    model.workers.iter().any(|worker| {
        matches!(worker.kind, WorkerKind::Threads { threads: 2.. })
            && !(worker.costs.create + worker.costs.start).is_zero()
    })
}

impl<P: Probe> World<'_, P> {
    /// Lets the threads have what they are owed after a start.
    pub(crate) fn owe_from_startup(&mut self) {
        if !is_worth_it(self.model) {
            return;
        }
        let mut start = World::bare(self.model, Seed(0), Replication(0), ());
        start.start_servers();
        for (thread, started) in self.threads.iter_mut().zip(start.threads.iter()) {
            thread.lags_like(started);
        }
    }

    /// Every server's main thread creates the others, all at once.
    fn start_servers(&mut self) {
        let mut first = 0;
        while first < self.threads.len() {
            let main = ThreadId::from_index(first);
            let process = self.threads[main].process();
            let end = first + self.threads.iter().skip(first).take_while(|thread| thread.process() == process).count();
            if self.threads[main].role() == Role::Server {
                self.startups.push(Startup { main, next: first, end });
                self.make_ready(main);
            }
            first = end;
        }
        // A limit that a start passes, its run passes too, and says so.
        let _ = self.run_until(Time::ZERO + ENDLESS);
    }
}

impl<P: Probe> StartupForCarrier for World<'_, P> {
    #[cold]
    #[inline(never)]
    fn creates_another(&mut self, main: ThreadId) -> Demand {
        let Some(startup) = self.startups.iter_mut().find(|startup| startup.main == main) else { return Demand::Wait };
        let created = ThreadId::from_index(startup.next);
        startup.next += 1;
        let goes_on = startup.next < startup.end;
        let process = self.threads[main].process();
        let costs = self.model.workers[self.processes[process].worker()].costs;
        if created != main {
            self.threads[created].owe(costs.start);
            self.make_ready(created);
        }
        if !goes_on {
            return Demand::Wait;
        }
        self.threads[main].owe(costs.create);
        Demand::PAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::kernel::Outage;
    use crate::model::{HostSpec, RunSpec, WorkerSpec};

    fn model(cores: u32, threads: u32) -> Model {
        let mut worker = WorkerSpec::plain("threads", WorkerKind::Threads { threads });
        (worker.costs.create, worker.costs.start) = (Span::from_us(15), Span::from_us(24));
        let host = HostSpec { slice: Span::from_us(1400), ..HostSpec::plain(cores) };
        let day = Span::from_secs(86_400);
        let run = RunSpec { length: None, drain: day, warm_up: Span::ZERO, step: day, starved_after: day };
        Model::plain(host, worker, run)
    }

    fn lags(model: &Model) -> Vec<i64> {
        let world = World::new(model, Seed(1), Replication(0), ());
        world.threads.iter().map(crate::machine::Thread::lag).collect()
    }

    #[test]
    fn who_waits_while_its_creator_goes_on_is_owed_time_and_keeps_it() {
        let lags = lags(&model(1, 1000));
        assert!(lags.iter().all(|&lag| (0..=1_400_000).contains(&lag)));
        let owed = lags.iter().filter(|&&lag| lag > 0).count();
        assert!((500..1000).contains(&owed), "{owed} threads are owed something");
    }

    #[test]
    fn on_a_machine_with_room_for_all_nobody_waits_and_nobody_is_owed_anything() {
        assert_eq!(lags(&model(4, 1000)), vec![0; 1000]);
    }

    #[test]
    fn what_happens_to_servers_later_does_not_change_their_start() {
        let calm = model(1, 100);
        let mut dark = calm.clone();
        let from = Time::ZERO + Span::from_secs(1);
        dark.kernel.down = vec![Outage { from, to: from + Span::from_secs(1), server: None }];
        assert_eq!(lags(&calm), lags(&dark));
    }
}
