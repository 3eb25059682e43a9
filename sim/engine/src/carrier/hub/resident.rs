//! Resident clients: greenlets of one process that ask for themselves, in a loop, with no server and no network between.
//!
//! A script such as `while True: try: r.ping() except: ...` in 5,000 greenlets (the benchmark of the field report "10x faster gevent
//! Redis connection pool"). When a pass ends, well or badly, the same greenlet begins the next one at once: it does not go back to
//! the hub in between, so what it has just given back it may take again before anybody whom that woke gets to run.
//! Only a pause before the next pass (`think`) gives way. To the recorder each pass is a request that never leaves its process.

use crate::client::above::ResidentsForClient;
use crate::kit::id::{HubId, RequestId, TaskId};
use crate::kit::time::{Span, Time};
use crate::program::task::{News, Parked};
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::World;

const SECOND: Span = Span::from_secs(1);

impl<P: Probe> World<'_, P> {
    /// Whether this hub's greenlets are.
    pub(super) fn is_resident(&self, id: HubId) -> bool {
        self.model.workers[self.processes[self.carriers.hubs[id].process].worker()].resident
    }

    /// The turn of the main greenlet, if its timeout were due now: like every timeout's after all other watchers. It only looks how late
    /// it is (`joinall(timeout=...)`, gevent 26.9, `_hub_primitives.py`: a timer of priority -1), every second.
    #[inline(never)]
    pub(super) fn ring(&mut self, id: HubId) {
        let (now, end) = (self.local(id), self.arrivals_end);
        let hub = self.hub(id);
        let due = hub.bell;
        hub.rings = false;
        while hub.bell <= now {
            hub.bell += SECOND;
        }
        if hub.bell > end {
            hub.bell = Time::NEVER;
        }
        self.probe.on(self.now, Fact::JoinLag(now.since(due)));
    }

    /// A new greenlet for the first pass of a client.
    fn begin_pass(&mut self, id: HubId, request: RequestId) -> TaskId {
        self.tell_sent(request);
        let task = self.begin(request, self.carriers.hubs[id].thread);
        // There is no server whose own Python would come first.
        self.tasks[task].hear(News::None);
        task
    }

    fn tell_sent(&mut self, request: RequestId) {
        if P::DETAIL {
            tell(&mut self.probe, self.now, Detail::sent(request, &self.requests[request]));
        }
        self.probe.on(self.now, Fact::Sent(&self.requests[request]));
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, 1));
    }

    /// A pass is over and paid for: the greenlet that runs begins the next one, pauses, or dies.
    pub(super) fn go_round(&mut self, id: HubId, task: TaskId) {
        let old = self.tasks[task].request();
        let request = &mut self.requests[old];
        let (index, resident, failed) = (usize::from(request.client()), request.resident(), request.failed());
        request.be_over();
        request.lose_task();
        // A script counts what has ended when its time is up, not what has begun.
        let ending = match failed {
            _ if self.now >= self.arrivals_end => Ending::Unfinished,
            true => Ending::Failed,
            false => Ending::Ok,
        };
        tell(&mut self.probe, self.now, Detail::Finished { task });
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
        self.end(old, ending);
        self.forget(old);
        self.impoverish(id, task);
        let pause = self.draw_think(index);
        let Some(request) = self.next_of_resident(index, resident, pause) else {
            self.tasks.remove(task);
            return self.switch_to_loop(id);
        };
        self.renew(task, request);
        if pause.is_zero() {
            return self.set_about(id, task);
        }
        self.sleep_on_hub(id, task, pause);
        self.park_as(id, task, Parked::Thinking);
    }

    /// The greenlet's frame is at the head of its loop again.
    fn renew(&mut self, task: TaskId, request: RequestId) {
        let class = usize::from(self.requests[request].class());
        let program = u16::try_from(self.model.classes[class].program).expect("models have under 2^16 programs");
        let state = &mut self.tasks[task];
        state.start_over(request, program);
        self.requests[request].be_carried_by(task);
        self.begins_anew(task);
        self.sharing.begin_request(request);
        self.enrich(task, false);
    }

    /// The next pass of a greenlet that runs begins.
    pub(super) fn set_about(&mut self, id: HubId, task: TaskId) {
        let request = self.tasks[task].request();
        self.tell_sent(request);
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
        let process = self.carriers.hubs[id].process;
        self.processes[process].begins_request();
        let now = self.now;
        self.tell_begun(request, task);
        tell(&mut self.probe, now, Detail::turned(request, now, Wait::Cpu));
        let request = &mut self.requests[request];
        request.be_served(now);
        request.turn(now, Wait::Cpu);
    }
}

impl<P: Probe> ResidentsForClient for World<'_, P> {
    fn settle_residents(&mut self, index: usize, clients: u32) {
        assert!(!self.carriers.hubs.is_empty(), "residents live on hubs");
        let first = self.warm_up_end + SECOND;
        self.carriers.hubs.iter_mut().for_each(|hub| hub.bell = first);
        for number in 0..clients {
            let id = HubId::from_index(number as usize % self.carriers.hubs.len());
            let resident = self.carriers.residents;
            let Some(request) = self.next_of_resident(index, resident, Span::ZERO) else { return };
            self.carriers.residents += 1;
            self.owe(id, self.hub_costs(id).spawn);
            let task = self.begin_pass(id, request);
            self.bill(task, self.now, Wait::Hub);
            self.enrich(task, false);
            self.queue_turn(id, task);
        }
    }
}
