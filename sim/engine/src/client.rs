//! Clients: who asks, when, how long they wait, and what they do when they lose patience.
//!
//! Everything random about a request is drawn here, at its birth, from streams named after the client and the class; the streams
//! know nothing of servers, so every world sees the same people with the same needs.
//! A person who loses patience closes the connection and may ask again; the server knows nothing of it and works on.

use crate::id::{ClientId, RequestId, TaskId, ThreadId};
use crate::law::Law;
use crate::model::{Arrivals, ClientSpec, Profile};
use crate::probe::{Fact, Gauge, Probe};
use crate::record::{Ending, Wait};
use crate::request::{Request, Stage};
use crate::rng::{happens, mix};
use crate::time::{Span, Time};
use crate::world::{Event, World};

/// One client group at run time.
#[derive(Debug)]
pub(crate) struct Client {
    /// Sites of its own draws, in [`Site`] order.
    sites: [usize; Site::COUNT],
    /// Requests born, refreshes not counted: the row of the next.
    pub(crate) born: u64,
    /// Rows used up by each class, in the order of `ClientSpec::classes`.
    class_rows: Vec<u64>,
    /// Sum of the weights of its classes.
    weights: u64,
    /// Sites of each class's draws: (first, count) in the world's streams.
    class_sites: Vec<(usize, usize)>,
    /// Expected arrivals up to the last one: the integral of the rate.
    due: f64,
    /// Whether another arrival is scheduled (open clients).
    expects: bool,
    /// Closed clients that wait for the first response of all.
    pub(crate) held: u32,
    /// Until when the core of the program that sends has work to do.
    pub(crate) busy_until: Time,
}

/// What a client draws.
#[derive(Clone, Copy)]
enum Site {
    Gap,
    Class,
    Key,
    Patience,
    Think,
    Refresh,
    Pause,
}

impl Site {
    const COUNT: usize = 7;
    const NAMES: [&'static str; Site::COUNT] = ["gap", "class", "key", "patience", "think", "refresh", "pause"];
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

impl Client {
    /// The client whose sites begin at `first`; returns the first site after its own.
    pub(crate) fn new(spec: &ClientSpec, classes: &[crate::model::ClassSpec], first: usize) -> (Client, usize) {
        let mut at = first + Site::COUNT;
        let class_sites = spec
            .classes
            .iter()
            .map(|&class| {
                let count = classes[class as usize].sites.len();
                at += count;
                (at - count, count)
            })
            .collect();
        let client = Client {
            sites: std::array::from_fn(|site| first + site),
            born: 0,
            class_rows: vec![0; spec.classes.len()],
            weights: spec.classes.iter().map(|&class| u64::from(classes[class as usize].weight)).sum(),
            class_sites,
            due: 0.0,
            expects: false,
            held: 0,
            busy_until: Time::ZERO,
        };
        (client, at)
    }
}

/// Rows of refreshes lie far behind those of first requests, so that no world's refreshes move another's draws.
const ATTEMPT_ROWS: u32 = 40;

impl<P: Probe> World<'_, P> {
    /// Whether no client will send anything any more. Only asked while no request is alive, so closed clients are done.
    pub(crate) fn clients_are_done(&self) -> bool {
        !self.clients.iter().any(|client| client.expects)
    }

    /// Sends the first requests, or schedules them.
    pub(crate) fn open_clients(&mut self) {
        for index in 0..self.clients.len() {
            match self.model.clients[index].arrivals {
                Arrivals::Closed { clients, .. } => {
                    let alone = self.model.clients[index].first_alone;
                    self.clients[index].held = if alone { clients - 1 } else { 0 };
                    // The program that sends can only do one thing at a time.
                    let cost = self.model.clients[index].cost;
                    for turn in 0..clients - self.clients[index].held {
                        self.send_next(index, cost * u64::from(turn) / 2);
                    }
                }
                Arrivals::Poisson(_) | Arrivals::Fixed(_) | Arrivals::Trace(_) => self.schedule_arrival(index),
            }
        }
    }

    fn draw(&mut self, client: usize, site: Site, row: u64) -> u64 {
        self.streams.bits(self.clients[client].sites[site as usize], row)
    }

    /// Schedules the next arrival of an open client.
    fn schedule_arrival(&mut self, index: usize) {
        let model = self.model;
        let row = self.clients[index].born;
        let at = match &model.clients[index].arrivals {
            Arrivals::Poisson(profile) => {
                let gap = UNIT_EXPONENTIAL.sample(self.draw(index, Site::Gap, row));
                self.clients[index].due += gap.as_secs_f64();
                instant_of(profile, self.clients[index].due)
            }
            Arrivals::Fixed(profile) => {
                self.clients[index].due += 1.0;
                instant_of(profile, self.clients[index].due)
            }
            Arrivals::Trace(instants) => instants.get(row as usize).copied(),
            Arrivals::Closed { .. } => unreachable!("closed clients do not arrive"),
        };
        let at = at.filter(|&at| at < self.arrivals_end);
        self.clients[index].expects = at.is_some();
        if let Some(at) = at {
            self.queue.push(at.max(self.now), Event::Arrive(ClientId::from_index(index)));
        }
    }

    /// An open client sends a request.
    pub(crate) fn arrive_event(&mut self, client: ClientId) {
        let id = self.new_request(client.index(), Span::ZERO);
        self.send(id);
        self.schedule_arrival(client.index());
    }

    /// A closed client sends its next request after a pause, if there is one left to send.
    pub(crate) fn send_next(&mut self, index: usize, pause: Span) {
        let Arrivals::Closed { requests, .. } = self.model.clients[index].arrivals else { return };
        let sent_all = requests.is_some_and(|requests| self.clients[index].born >= requests);
        if sent_all || self.now + pause >= self.arrivals_end {
            return;
        }
        let id = self.new_request(index, pause);
        self.queue.push(self.now + pause, Event::Send(id));
    }

    /// A person is born, with all of its draws.
    fn new_request(&mut self, index: usize, pause: Span) -> RequestId {
        let row = self.clients[index].born;
        self.clients[index].born += 1;
        let class = self.pick_class(index, row);
        let class_row = self.clients[index].class_rows[class];
        self.clients[index].class_rows[class] += 1;
        self.birth(index, class, row, class_row, 0, pause)
    }

    fn pick_class(&mut self, index: usize, row: u64) -> usize {
        if self.clients[index].class_rows.len() == 1 {
            return 0;
        }
        let bits = u128::from(self.draw(index, Site::Class, row));
        let mut left = ((bits * u128::from(self.clients[index].weights)) >> 64) as u64;
        let classes = &self.model.clients[index].classes;
        for (at, &class) in classes.iter().enumerate() {
            let weight = u64::from(self.model.classes[class as usize].weight);
            if left < weight {
                return at;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// Makes a request and draws its fate.
    fn birth(&mut self, index: usize, class: usize, row: u64, class_row: u64, attempt: u16, pause: Span) -> RequestId {
        let model = self.model;
        let spec = &model.clients[index];
        let shift = u64::from(attempt) << ATTEMPT_ROWS;
        let key = self.draw(index, Site::Key, row + shift);
        let born = self.now + pause;
        let leaves_at = match &spec.patience {
            Some(law) => born + law.sample(self.draw(index, Site::Patience, row + shift)),
            None => Time::NEVER,
        };
        let (first, count) = self.clients[index].class_sites[class];
        let class_id = spec.classes[class];
        let fate = self.fates.take(count);
        for column in 0..count {
            let bits = self.streams.bits(first + column, class_row + shift);
            let span = model.classes[class_id as usize].sites[column].law.sample(bits);
            self.fates.set(fate, column, span.as_ns());
        }
        if attempt == 0 {
            self.births = mix(self.births ^ born.as_ns(), key ^ u64::from(class_id));
            for column in 0..count {
                self.births = mix(self.births, self.fates.row(fate, count)[column]);
            }
        }
        self.requests.insert(Request {
            born,
            since: born,
            bill: [Span::ZERO; Wait::KINDS],
            key,
            row: row | class_row << 32,
            leaves_at,
            limit_at: Time::NEVER,
            begun: Time::ZERO,
            fate,
            task: TaskId::NONE,
            linger: ThreadId::NONE,
            client: index as u16,
            class: class_id as u16,
            listener: 0,
            attempt,
            syns: 0,
            wait: Wait::Network,
            stage: Stage::Pausing,
            ending: None,
            failed: false,
            counted: born >= self.warm_up_end,
            link: crate::request::Link::default(),
        })
    }

    /// The click.
    pub(crate) fn send(&mut self, id: RequestId) {
        self.alive += 1;
        let request = &mut self.requests[id];
        debug_assert_eq!(request.born, self.now);
        self.probe.on(self.now, Fact::Sent(request));
        let client = &self.model.clients[usize::from(request.client)];
        request.limit_at = client.connect_timeout.map_or(Time::NEVER, |limit| self.now + limit);
        for at in [request.leaves_at, request.limit_at] {
            if at != Time::NEVER {
                self.queue.push(at, Event::Limit(id));
            }
        }
        self.connect(id);
    }

    /// A patience or a timeout of a client may have passed.
    pub(crate) fn limit_event(&mut self, id: RequestId) {
        let Some(request) = self.requests.get(id) else { return };
        if request.ending.is_some() || request.stage == Stage::Pausing {
            return;
        }
        if request.leaves_at == self.now {
            self.end(id, Ending::GaveUp);
        } else if request.limit_at == self.now {
            let connecting = request.stage == Stage::Connecting;
            self.end(id, if connecting { Ending::ConnectTimeout } else { Ending::ReadTimeout });
        }
    }

    /// A request ends for its sender, who may refresh or send the next one.
    pub(crate) fn end(&mut self, id: RequestId, ending: Ending) {
        let model = self.model;
        let request = &mut self.requests[id];
        let retrying = request.wait == Wait::SynRetry;
        request.turn(self.now, Wait::Network);
        request.ending = Some(ending);
        assert_eq!(request.billed(), self.now - request.born, "the waits of a request add up to its latency");
        self.alive -= 1;
        self.ended += 1;
        self.listeners[usize::from(request.listener)].open -= 1;
        let (index, class) = (usize::from(request.client), usize::from(request.class));
        self.net.give_port(model, request, self.now);
        let (row, attempt) = (request.row, request.attempt);
        self.probe.on(self.now, Fact::Ended(request, ending));
        if retrying {
            self.probe.on(self.now, Fact::Gauge(Gauge::Retrying, -1));
        }
        if ending == Ending::Ok && request.counted {
            let spec = &model.classes[class];
            let (head, body) = (spec.header_bytes, spec.body_bytes);
            self.probe.on(self.now, Fact::Bytes { class, head, body });
        }
        if ending == Ending::GaveUp && self.refresh(index, class, row, attempt) {
            return;
        }
        if let Arrivals::Closed { think, .. } = &model.clients[index].arrivals {
            let row = self.clients[index].born;
            let bits = if matches!(think, Law::Fixed(_)) { 0 } else { self.draw(index, Site::Think, row) };
            self.send_next(index, think.sample(bits));
            self.send_held(index);
        }
    }

    /// Whether the person asks again; if so, the new request is on its way.
    fn refresh(&mut self, index: usize, class: usize, rows: u64, attempt: u16) -> bool {
        let model = self.model;
        let Some(refresh) = &model.clients[index].refresh else { return false };
        let (row, class_row) = (rows & u64::from(u32::MAX), rows >> 32);
        let shift = u64::from(attempt) << ATTEMPT_ROWS;
        let luck = self.draw(index, Site::Refresh, row + shift);
        if u32::from(attempt) >= refresh.times || !happens(luck, refresh.ppm) {
            return false;
        }
        let pause = refresh.pause.sample(self.draw(index, Site::Pause, row + shift));
        if self.now + pause >= self.arrivals_end {
            return false;
        }
        let at = model.clients[index].classes.iter().position(|&id| id as usize == class);
        let at = at.expect("a request's class is one of its client's");
        let id = self.birth(index, at, row, class_row, attempt + 1, pause);
        self.queue.push(self.now + pause, Event::Send(id));
        true
    }

    /// Gives a request's place back, once neither its sender nor the server knows it.
    pub(crate) fn forget(&mut self, id: RequestId) {
        let request = self.requests.remove(id);
        self.net.untrack(self.model, &request, self.now);
        self.fates.give(request.fate, self.model.classes[usize::from(request.class)].sites.len());
    }
}

const UNIT_EXPONENTIAL: Law = Law::Exponential { mean: Span::from_secs(1) };

/// When the integral of the rate reaches `due`; `None` if it never does.
fn instant_of(profile: &Profile, due: f64) -> Option<Time> {
    let mut left = due;
    for (at, &(from, rate)) in profile.points.iter().enumerate() {
        let Some(&(to, end_rate)) = profile.points.get(at + 1) else {
            return (rate > 0.0).then(|| after(from, left / rate));
        };
        let length = (to - from).as_secs_f64();
        let area = length * (rate + end_rate) / 2.0;
        if left <= area && length > 0.0 {
            // Solve rate t + slope t^2 / 2 = left; this form is exact for a slope of zero.
            let slope = (end_rate - rate) / length;
            let root = libm::sqrt((rate * rate + 2.0 * slope * left).max(0.0));
            return Some(after(from, 2.0 * left / (rate + root)).min(to));
        }
        left -= area;
    }
    None
}

fn after(from: Time, seconds: f64) -> Time {
    from.saturating_add(Span::from_ns(libm::round(seconds * 1e9) as u64))
}
