//! The floor under M/M/c: what the engine would take if it had no mechanisms.
//!
//! A loop by hand with the engine's own draws, requests, bills, births' hash, fingerprint, event queue and recorder, and nothing else:
//! no handshake, no accept queue, no threads, cores or carriers. It serves the same customers after the same waits, so what the engine
//! takes over it is what its mechanisms take. A yardstick for measuring, and no way to run a scenario.

use std::collections::VecDeque;

use crate::client::arrivals::{UNIT_EXPONENTIAL, instant_of};
use crate::client::birth::draw_fate;
use crate::client::{Site, site_names};
use crate::kit::event::EventQueue;
use crate::kit::fate::Fates;
use crate::kit::id::{RequestId, Slab};
use crate::kit::rng::{Replication, Seed, Streams, mix};
use crate::kit::time::{Span, Time};
use crate::model::{Arrivals, Model, SiteSpec};
use crate::program::request::{Request, Stage};
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Gauge, Probe};
use crate::watch::recorder::Recorder;

/// What came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Floor {
    /// Customers who were served.
    pub served: u64,
    /// What they waited in the queue, all together.
    pub waited: Span,
    /// Hash over their births: that of the engine's run.
    pub births_fingerprint: u64,
    /// 99th percentile of their time in the system.
    pub p99: Option<Span>,
    /// Events, and the hash over them: not the engine's, for it has others.
    pub counted: (u64, u64),
}

#[derive(Clone, Copy)]
enum Event {
    Arrives,
    Leaves(RequestId),
}

impl Event {
    fn code(self) -> u64 {
        match self {
            Event::Arrives => 0,
            Event::Leaves(id) => (1 << 32) | id.index() as u64,
        }
    }
}

/// A run of M/M/c by hand: the model's one class of its one group of Poisson clients, at its slots, first come first served.
///
/// # Panics
/// If the model has other clients, or no length.
pub fn mmc(model: &Model, seed: Seed, replication: Replication) -> Floor {
    let slots = model.slots();
    let cores = model.hosts.iter().map(|host| u64::from(host.cores)).sum();
    let mut queue = Loop::new(model, seed, replication, Recorder::new(model, cores, slots));
    queue.free = slots;
    queue.schedule();
    while let Some((at, event)) = queue.events.pop() {
        queue.step(at, event);
    }
    queue.probe.close(queue.now);
    Floor {
        served: queue.probe.endings[Ending::Ok as usize],
        waited: Span::from_ns(queue.probe.classes[0].blame[Wait::Backlog as usize].as_ns()),
        births_fingerprint: queue.births,
        p99: queue.probe.latency.quantile(0.99),
        counted: (queue.counted, queue.fingerprint),
    }
}

struct Loop<'m> {
    sites: &'m [SiteSpec],
    arrivals: &'m Arrivals,
    end: Time,
    now: Time,
    streams: Streams,
    fates: Fates,
    events: EventQueue<Event>,
    requests: Slab<RequestId, Request>,
    waiting: VecDeque<RequestId>,
    free: u64,
    born: u64,
    due: f64,
    births: u64,
    counted: u64,
    fingerprint: u64,
    probe: Recorder,
}

impl<'m> Loop<'m> {
    fn new(model: &'m Model, seed: Seed, replication: Replication, probe: Recorder) -> Loop<'m> {
        let names = site_names(&model.clients, &model.classes);
        Loop {
            sites: &model.classes[0].sites,
            arrivals: &model.clients[0].arrivals,
            end: Time::ZERO + model.run.length.expect("a floor has a length"),
            now: Time::ZERO,
            streams: Streams::new(seed, replication, names.iter().map(String::as_str)),
            fates: Fates::default(),
            events: EventQueue::new(),
            requests: Slab::new(),
            waiting: VecDeque::new(),
            free: 0,
            born: 0,
            due: 0.0,
            births: 0,
            counted: 0,
            fingerprint: 0,
            probe,
        }
    }

    /// The next customer is on the way.
    fn schedule(&mut self) {
        let Arrivals::Poisson(profile) = self.arrivals else { panic!("customers of a floor come at random") };
        self.due += UNIT_EXPONENTIAL.sample(self.streams.bits(Site::Gap as usize, self.born)).as_secs_f64();
        if let Some(at) = instant_of(profile, self.due).filter(|&at| at < self.end) {
            self.events.push(at.max(self.now), Event::Arrives);
        }
    }

    fn step(&mut self, at: Time, event: Event) {
        self.now = at;
        self.counted += 1;
        self.fingerprint = mix(self.fingerprint ^ at.as_ns(), event.code());
        match event {
            Event::Arrives => self.arrives(),
            Event::Leaves(id) => self.leaves(id),
        }
        if self.free > 0
            && let Some(id) = self.waiting.pop_front()
        {
            self.begins(id);
        }
    }

    fn arrives(&mut self) {
        let (row, now) = (self.born, self.now);
        self.born += 1;
        let key = self.streams.bits(Site::Key as usize, row);
        let births = mix(self.births ^ now.as_ns(), key);
        let place = (Site::COUNT, row);
        let (fate, births) = draw_fate(&mut self.fates, &mut self.streams, self.sites, place, births);
        self.births = births;
        let id =
            self.requests.insert(Request { stage: Stage::Queued, ..Request::new(now, key, row | row << 32, fate) });
        self.probe.on(now, Fact::Sent(&self.requests[id]));
        self.requests[id].turn(now, Wait::Backlog);
        self.probe.on(now, Fact::Gauge(Gauge::Queued, 1));
        self.waiting.push_back(id);
        self.schedule();
    }

    fn begins(&mut self, id: RequestId) {
        self.free -= 1;
        let request = &mut self.requests[id];
        request.turn(self.now, Wait::Timer);
        (request.stage, request.begun) = (Stage::Served, self.now);
        let span = Span::from_ns(self.fates.row_from(request.fate)[0]);
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
        self.events.push(self.now + span, Event::Leaves(id));
    }

    fn leaves(&mut self, id: RequestId) {
        self.free += 1;
        let request = &mut self.requests[id];
        request.turn(self.now, Wait::Network);
        (request.stage, request.ending) = (Stage::Answered, Some(Ending::Ok));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
        let request = &self.requests[id];
        assert_eq!(request.billed(), self.now - request.born, "what a customer did adds up");
        self.probe.on(self.now, Fact::Ended(request, Ending::Ok));
        self.probe.on(self.now, Fact::Bytes { class: 0, head: 0, body: 0 });
        self.fates.give(request.fate, self.sites.len());
        self.requests.remove(id);
    }
}
