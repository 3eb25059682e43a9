//! Floors: what the engine would take if it had no mechanisms.
//!
//! Loops by hand with the engine's own draws, requests, bills, births' hash, fingerprint, event queue and recorder, and nothing else:
//! no handshake to lose, no accept queue, no threads, cores or carriers. What the engine takes over them is what its mechanisms take.
//! Yardsticks for measuring, and no way to run a scenario.

mod mmc;
mod pages;

pub use mmc::mmc;
pub use pages::pages;

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

/// What came of a run on a floor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Floor {
    /// Requests that were served in time.
    pub served: u64,
    /// What they waited in the queue, all together.
    pub waited: Span,
    /// Hash over births: that of the engine's run.
    pub births_fingerprint: u64,
    /// 99th percentile of the latency.
    pub p99: Option<Span>,
    /// Events, and the hash over them: not the engine's, for it has others.
    pub counted: (u64, u64),
}

/// What all floors have: one group of Poisson clients that ask for one class, and everything that is kept of a run.
struct Ground<'m, E> {
    sites: &'m [SiteSpec],
    arrivals: &'m Arrivals,
    end: Time,
    now: Time,
    streams: Streams,
    fates: Fates,
    events: EventQueue<E>,
    requests: Slab<RequestId, Request>,
    born: u64,
    due: f64,
    births: u64,
    counted: u64,
    fingerprint: u64,
    probe: Recorder,
}

impl<'m, E: Copy> Ground<'m, E> {
    fn new(model: &'m Model, seed: Seed, replication: Replication) -> Ground<'m, E> {
        let names = site_names(&model.clients, &model.classes);
        let cores = model.hosts.iter().map(|host| u64::from(host.cores)).sum();
        Ground {
            sites: &model.classes[0].sites,
            arrivals: &model.clients[0].arrivals,
            end: Time::ZERO + model.run.length.expect("a floor has a length"),
            now: Time::ZERO,
            streams: Streams::new(seed, replication, names.iter().map(String::as_str)),
            fates: Fates::default(),
            events: EventQueue::new(),
            requests: Slab::new(),
            born: 0,
            due: 0.0,
            births: 0,
            counted: 0,
            fingerprint: 0,
            probe: Recorder::new(model, cores, model.slots()),
        }
    }

    /// The next request is on the way.
    fn schedule(&mut self, arrives: E) {
        let Arrivals::Poisson(profile) = self.arrivals else { panic!("requests of a floor come at random") };
        self.due += UNIT_EXPONENTIAL.sample(self.streams.bits(Site::Gap as usize, self.born)).as_secs_f64();
        if let Some(at) = instant_of(profile, self.due).filter(|&at| at < self.end) {
            self.events.push(at.max(self.now), arrives);
        }
    }

    /// The next event, counted and hashed with its code.
    fn next(&mut self, code: impl FnOnce(E) -> u64) -> Option<E> {
        let (at, event) = self.events.pop()?;
        self.now = at;
        self.counted += 1;
        self.fingerprint = mix(self.fingerprint ^ at.as_ns(), code(event));
        Some(event)
    }

    /// A request is born with its draws, and sent.
    fn birth(&mut self, stage: Stage) -> RequestId {
        let (row, now) = (self.born, self.now);
        self.born += 1;
        let key = self.streams.bits(Site::Key as usize, row);
        let births = mix(self.births ^ now.as_ns(), key);
        let place = (Site::COUNT, row);
        let (fate, births) = draw_fate(&mut self.fates, &mut self.streams, self.sites, place, births);
        self.births = births;
        let id = self.requests.insert(Request::new(now, key, row | row << 32, fate).at(stage));
        self.probe.on(now, Fact::Sent(&self.requests[id]));
        id
    }

    /// A slot takes up a request that has been queued.
    fn begin(&mut self, id: RequestId, wait: Wait) {
        let request = &mut self.requests[id];
        request.turn(self.now, wait);
        request.be_served(self.now);
        self.probe.on(self.now, Fact::Gauge(Gauge::Queued, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, 1));
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, 1));
    }

    /// A slot has answered.
    fn answer(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        request.turn(self.now, Wait::Network);
        request.be_over();
        self.probe.on(self.now, Fact::Gauge(Gauge::Slots, -1));
        self.probe.on(self.now, Fact::Gauge(Gauge::InFlight, -1));
    }

    /// A request has ended for its sender.
    fn end(&mut self, id: RequestId, ending: Ending) {
        let request = &mut self.requests[id];
        request.turn(self.now, Wait::Network);
        request.end_as(ending);
        let request = &self.requests[id];
        assert_eq!(request.billed(), self.now - request.born(), "what a request did adds up");
        self.probe.on(self.now, Fact::Ended(request, ending));
        self.probe.on(self.now, Fact::Bytes { class: 0, head: 0, body: 0 });
    }

    /// Nobody knows a request any longer.
    fn forget(&mut self, id: RequestId) {
        self.fates.give(self.requests[id].fate(), self.sites.len());
        self.requests.remove(id);
    }

    fn finish(mut self) -> Floor {
        self.probe.close(self.now);
        Floor {
            served: self.probe.endings[Ending::Ok as usize],
            waited: Span::from_ns(self.probe.classes[0].blame[Wait::Backlog as usize].as_ns()),
            births_fingerprint: self.births,
            p99: self.probe.latency.quantile(0.99),
            counted: (self.counted, self.fingerprint),
        }
    }
}
