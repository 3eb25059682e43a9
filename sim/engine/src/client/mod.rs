//! Clients: who asks, when, how long they wait, and what they do when they lose patience.
//!
//! Everything random about a request is drawn here, at its birth, from streams named after the client and the class; the streams
//! know nothing of servers, so every world sees the same people with the same needs.
//! A person who loses patience closes the connection and may ask again; the server knows nothing of it and works on.
//! The files: `arrivals.rs` when open clients come, `birth.rs` what is drawn, `retry.rs` refreshes and retries, `hedge.rs` second
//! copies, `socket_timeout.rs` programs that end when they hear nothing.

pub(crate) mod above;
pub(crate) mod arrivals;
pub(crate) mod birth;
pub(crate) mod breaker;
mod hedge;
mod retry;
mod socket_timeout;

use crate::client::above::FrontForClient;
use crate::client::above::NetForClient;
use crate::client::above::ResidentsForClient;
use crate::client::above::SenderForClient;
use crate::client::breaker::Breaker;
use crate::kit::id::{ClientId, RequestId};
use crate::kit::law::Law;
use crate::kit::time::{Span, Time};
use crate::model::{Arrivals, ClientSpec, Model};
use crate::program::request::{NO_RESIDENT, Stage, Why};
use crate::program::wait::{Ending, Wait};
use crate::watch::probe::{Fact, Probe, tell};
use crate::watch::trace::Detail;
use crate::world::{Event, World};
use arrivals::BurstLevel;
use hedge::Latencies;
use retry::Budget;

/// One client group at run time.
#[derive(Debug)]
pub(crate) struct Client {
    /// Sites of its own draws, in [`Site`] order.
    sites: [usize; Site::COUNT],
    /// Requests born, refreshes not counted: the row of the next.
    born: u64,
    /// Rows used up by each class, in the order of `ClientSpec::classes`.
    class_rows: Vec<u64>,
    /// Sum of the weights of the classes that it chooses among.
    weights: u64,
    /// What it asks for before it chooses.
    beginning: Beginning,
    /// The first of each class's sites in the world's streams.
    class_sites: Vec<usize>,
    /// Expected arrivals up to the last one: the integral of the rate.
    due: f64,
    /// Whether another arrival is scheduled (open clients).
    expects: bool,
    /// Quiet or burst.
    level: BurstLevel,
    /// What is left for retries.
    budget: Budget,
    /// The breaker around its requests.
    breaker: Option<Breaker>,
    /// How long good responses took, if second copies depend on it.
    latencies: Option<Latencies>,
    /// Closed clients that wait for the first response of all.
    held: u32,
    /// The first of its closed clients, counted over all groups.
    members: u32,
    /// When something happened at a connection of the program that sends.
    heard: Time,
    /// Whether that program has ended before its time.
    ended: bool,
}

/// What each of a group's closed clients asks for once, before anything else.
#[derive(Clone, Copy, Debug)]
struct Beginning {
    /// First requests, which are the group's first rows: all clients send theirs when the run begins. 0: they choose at once.
    clients: u64,
    /// Place of its class among the client's; no place if there is none.
    class: usize,
}

impl Beginning {
    fn of(spec: &ClientSpec) -> Beginning {
        match (spec.begins, &spec.arrivals) {
            (Some(class), Arrivals::Closed { clients, .. }) => {
                Beginning { clients: u64::from(*clients), class: usize::from(class) }
            }
            _ => Beginning { clients: 0, class: usize::MAX },
        }
    }
}

/// What a client draws.
#[derive(Clone, Copy)]
pub(crate) enum Site {
    Gap,
    Class,
    Key,
    Patience,
    Think,
    Refresh,
    Pause,
    Burst,
    Backoff,
}

impl Site {
    pub(crate) const COUNT: usize = 9;
    const NAMES: [&'static str; Site::COUNT] =
        ["gap", "class", "key", "patience", "think", "refresh", "pause", "burst", "backoff"];
}

/// Names of all draw sites of a model: those of every client, then those of its classes.
pub(crate) fn site_names(clients: &[ClientSpec], classes: &[crate::model::ClassSpec]) -> Vec<String> {
    let mut names = Vec::new();
    for client in clients {
        names.extend(Site::NAMES.iter().map(|site| format!("client.{}/{site}", client.name)));
        for &class in &client.classes {
            let sites = &classes[class as usize].sites;
            names.extend(sites.iter().map(|site| format!("client.{}/{}", client.name, site.name)));
        }
    }
    names
}

/// The clients of a model, as they are before any has come.
pub(crate) fn of_model(model: &Model) -> Vec<Client> {
    let (mut first, mut members) = (0, 0);
    let clients = model.clients.iter().map(|spec| {
        let (mut client, next) = Client::new(spec, &model.classes, first);
        (client.members, first) = (members, next);
        members += match spec.arrivals {
            Arrivals::Closed { clients, .. } => clients,
            Arrivals::Poisson(_) | Arrivals::Fixed(_) | Arrivals::Trace(_) => 0,
        };
        client
    });
    clients.collect()
}

impl Client {
    /// Closed clients that waited for the first response of all, which is there now.
    pub(crate) fn release_held(&mut self) -> u32 {
        std::mem::take(&mut self.held)
    }

    /// The client whose sites begin at `first`; returns the first site after its own.
    fn new(spec: &ClientSpec, classes: &[crate::model::ClassSpec], first: usize) -> (Client, usize) {
        let mut at = first + Site::COUNT;
        let class_sites = spec
            .classes
            .iter()
            .map(|&class| {
                let count = classes[class as usize].sites.len();
                at += count;
                at - count
            })
            .collect();
        let client = Client {
            sites: std::array::from_fn(|site| first + site),
            born: 0,
            class_rows: vec![0; spec.classes.len()],
            weights: spec.chosen().map(|class| u64::from(classes[class as usize].weight)).sum(),
            beginning: Beginning::of(spec),
            class_sites,
            due: 0.0,
            expects: false,
            level: BurstLevel::default(),
            budget: Budget::new(spec.retry.as_ref()),
            breaker: spec.breaker.as_ref().map(Breaker::new),
            latencies: Latencies::of(spec.hedge.as_ref()),
            held: 0,
            members: 0,
            heard: Time::ZERO,
            ended: false,
        };
        (client, at)
    }
}

impl<P: Probe> World<'_, P> {
    /// Whether closed clients are greenlets of the servers themselves. A model has one kind of worker.
    pub(crate) fn has_residents(&self) -> bool {
        self.model.workers.iter().any(|worker| worker.resident)
    }

    /// Whether no client will send anything any more. Only asked while no request is alive, so closed clients are done.
    pub(crate) fn clients_are_done(&self) -> bool {
        !self.clients.iter().any(|client| client.expects)
    }

    /// Sends the first requests, or schedules them.
    pub(crate) fn open_clients(&mut self) {
        for index in 0..self.clients.len() {
            self.listen_for_silence(index);
            match self.model.clients[index].arrivals {
                Arrivals::Closed { clients, .. } if self.has_residents() => self.settle_residents(index, clients),
                Arrivals::Closed { clients, .. } => {
                    let alone = self.model.clients[index].first_alone;
                    self.clients[index].held = if alone { clients - 1 } else { 0 };
                    // The program that sends can only do one thing at a time.
                    let turns = clients - self.clients[index].held;
                    for turn in 0..turns {
                        let pause = self.turn_of(index, turn) + self.first_pause(index, turn, turns);
                        self.send_next(index, turn, pause);
                    }
                    self.polls_after(index, turns);
                }
                Arrivals::Poisson(_) | Arrivals::Fixed(_) | Arrivals::Trace(_) => self.schedule_arrival(index),
            }
        }
    }

    pub(crate) fn draw(&mut self, client: usize, site: Site, row: u64) -> u64 {
        self.streams.bits(self.clients[client].sites[site as usize], row)
    }

    /// An open client sends a request.
    #[inline(always)]
    pub(crate) fn arrive_event(&mut self, client: ClientId) {
        let id = self.new_request(client.index(), Span::ZERO);
        self.send(id);
        self.schedule_arrival(client.index());
    }

    /// A closed client sends its next request after a pause, if there is one left to send.
    ///
    /// `number` says which of its group it is.
    pub(crate) fn send_next(&mut self, index: usize, number: u32, pause: Span) {
        let Arrivals::Closed { requests, .. } = self.model.clients[index].arrivals else { return };
        let sent_all = requests.is_some_and(|requests| self.clients[index].born >= requests);
        if sent_all || self.clients[index].ended || self.now + pause >= self.arrivals_end {
            return;
        }
        let id = self.new_request(index, pause);
        self.requests[id].belong_to(self.clients[index].members + number);
        self.queue.push(self.now + pause, Event::Send(id));
    }

    /// The next request of a resident client, after its pause; `None` if it has none left to send.
    pub(crate) fn next_of_resident(&mut self, index: usize, resident: u32, pause: Span) -> Option<RequestId> {
        let Arrivals::Closed { requests, .. } = self.model.clients[index].arrivals else { return None };
        let sent_all = requests.is_some_and(|requests| self.clients[index].born >= requests);
        if sent_all || self.now + pause >= self.arrivals_end {
            return None;
        }
        let id = self.new_request(index, pause);
        self.requests[id].belong_to_resident(resident);
        Some(id)
    }

    /// How long a closed client pauses before its next request.
    pub(crate) fn draw_think(&mut self, index: usize) -> Span {
        let model = self.model;
        let Arrivals::Closed { think, .. } = &model.clients[index].arrivals else { return Span::ZERO };
        let row = self.clients[index].born;
        let bits = if matches!(think, Law::Fixed(_)) { 0 } else { self.draw(index, Site::Think, row) };
        think.sample(bits)
    }

    /// What a client that begins among so many waits before its first request: nothing, or where they are spread, a pause like any
    /// other. Of pauses that are all as long, it is their turn's part of one.
    fn first_pause(&mut self, index: usize, turn: u32, of: u32) -> Span {
        let spec = &self.model.clients[index];
        let Arrivals::Closed { think, .. } = &spec.arrivals else { return Span::ZERO };
        match think {
            _ if !spec.spread => Span::ZERO,
            Law::Fixed(pause) => *pause * u64::from(turn) / u64::from(of.max(1)),
            Law::Uniform { .. }
            | Law::Exponential { .. }
            | Law::Lognormal { .. }
            | Law::Pareto { .. }
            | Law::Empirical(_) => self.draw_think(index),
        }
    }

    /// The click.
    #[inline(always)]
    pub(crate) fn send(&mut self, id: RequestId) {
        let request = &self.requests[id];
        debug_assert_eq!(request.born(), self.now);
        let client = &mut self.clients[usize::from(request.client())];
        if client.ended {
            return self.forget(id);
        }
        client.heard = self.now;
        tell(&mut self.probe, self.now, Detail::sent(id, request));
        if request.why() != Why::Check {
            self.probe.on(self.now, Fact::Sent(request));
        }
        let (index, why) = (usize::from(request.client()), request.why());
        if why == Why::First {
            self.clients[index].budget.deposit(self.model.clients[index].retry.as_ref());
        }
        if let Some(breaker) = &mut self.clients[index].breaker
            && !breaker.lets(self.now)
        {
            self.probe.on(self.now, Fact::FailedFast);
            self.end(id, Ending::Failed);
            self.forget(id);
            return;
        }
        self.set_out(id);
        self.schedule_hedge(id);
    }

    /// A request leaves its client, which begins to wait.
    #[inline(always)]
    fn set_out(&mut self, id: RequestId) {
        let request = &mut self.requests[id];
        let client = &self.model.clients[usize::from(request.client())];
        request.wait_until(client.connect_timeout.map_or(Time::NEVER, |limit| self.now + limit));
        for at in [request.leaves_at(), request.limit_at()] {
            if at != Time::NEVER {
                self.queue.push(at, Event::Limit(id));
            }
        }
        self.connect(id);
    }

    /// A patience or a timeout of a client may have passed.
    #[inline(never)]
    pub(crate) fn limit_event(&mut self, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        if request.ending().is_some() || request.stage() == Stage::Pausing {
            return;
        }
        if request.leaves_at() == self.now {
            self.end(id, Ending::GaveUp);
        } else if request.limit_at() == self.now {
            self.time_out(id);
        } else if request.hop_at() == self.now {
            self.proxy_waited(id);
        }
    }

    /// Its sender waits no longer, for the connection or for the response.
    fn time_out(&mut self, id: RequestId) {
        let connecting = self.requests[id].stage() == Stage::Connecting;
        self.end(id, if connecting { Ending::ConnectTimeout } else { Ending::ReadTimeout });
    }

    /// A request ends for its sender, who may refresh, retry or send the next one.
    pub(crate) fn end(&mut self, id: RequestId, ending: Ending) {
        if self.other_copy_goes_on(id, ending) {
            return;
        }
        self.abandon(id, ending);
        let model = self.model;
        let request = &mut self.requests[id];
        request.turn_from_step(self.now, Wait::Network, self.now, &mut self.probe);
        assert_eq!(request.billed(), self.now - request.born(), "the waits of a request add up to its latency");
        let (index, class) = (usize::from(request.client()), usize::from(request.class()));
        self.hear(index);
        if self.requests[id].why() == Why::Check {
            return self.check_ended(id, ending == Ending::Ok);
        }
        let request = &self.requests[id];
        self.probe.on(self.now, Fact::Ended(request, ending));
        if ending == Ending::Ok {
            let spec = &model.classes[class];
            let (head, body) = (spec.header_bytes, spec.body_bytes);
            self.probe.on(self.now, Fact::Bytes { class, head, body });
        }
        self.learn(id, ending);
        if self.asks_again(id, ending) {
            return;
        }
        if self.requests[id].resident() != NO_RESIDENT {
            // Its greenlet goes on by itself.
            return;
        }
        if matches!(model.clients[index].arrivals, Arrivals::Closed { .. }) {
            let number = self.requests[id].member() - self.clients[index].members;
            let pause = self.draw_think(index);
            self.send_next(index, number, pause);
            self.send_held(index);
        }
    }

    /// What a group of clients learns from an ending.
    fn learn(&mut self, id: RequestId, ending: Ending) {
        let request = &self.requests[id];
        let index = usize::from(request.client());
        let client = &mut self.clients[index];
        if let Some(latencies) = client.latencies.as_mut().filter(|_| ending == Ending::Ok) {
            latencies.add(self.now - request.born());
        }
        // Who was turned away at the door says nothing of what is behind it.
        if let (Some(breaker), Some(spec)) = (&mut client.breaker, &self.model.clients[index].breaker)
            && request.stage() != Stage::Pausing
        {
            breaker.note(self.now, ending == Ending::Ok, spec);
        }
    }

    /// Gives a request's place back, once neither its sender nor the server knows it.
    #[inline]
    pub(crate) fn forget(&mut self, id: RequestId) {
        // Not taken out to be looked at: nobody needs a copy of it.
        self.both_are_done(id);
        let request = &self.requests[id];
        self.fates.give(request.fate(), self.model.classes[usize::from(request.class())].sites.len());
        self.requests.remove(id);
    }
}
