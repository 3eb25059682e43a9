//! A request is born: the person's next row of every stream is drawn, whoever will serve it.

use crate::client::above::NetForClient;
use crate::client::{Beginning, Site};
use crate::kit::fate::Fates;
use crate::kit::id::RequestId;
use crate::kit::rng::{Streams, mix};
use crate::kit::time::{Span, Time};
use crate::model::SiteSpec;
use crate::program::request::{Request, Why};
use crate::watch::probe::Probe;
use crate::world::World;

/// Rows of refreshes and retries lie far behind those of first requests, so that no world's refreshes move another's draws.
pub(super) const ATTEMPT_ROWS: u32 = 40;
/// Set in the attempt of a second copy, whose rows lie behind all of those.
pub(crate) const COPY: u16 = 1 << 15;

/// Whose request it is, and the how manieth of that person.
#[derive(Clone, Copy)]
pub(super) struct Person {
    /// Index of the client.
    pub(super) client: usize,
    /// Place of the class among those of the client.
    pub(super) class: usize,
    /// Row of the client's draws.
    pub(super) row: u64,
    /// Row of the class's draws.
    pub(super) class_row: u64,
    /// Requests of this person before.
    pub(super) attempt: u16,
    /// Why it is sent.
    pub(super) why: Why,
}

impl<P: Probe> World<'_, P> {
    /// A person is born, with all of its draws.
    #[inline(always)]
    pub(super) fn new_request(&mut self, index: usize, pause: Span) -> RequestId {
        let row = self.clients[index].born;
        self.clients[index].born += 1;
        let class = self.pick_class(index, row);
        let class_row = self.clients[index].class_rows[class];
        self.clients[index].class_rows[class] += 1;
        self.birth(Person { client: index, class, row, class_row, attempt: 0, why: Why::First }, pause)
    }

    /// A balancer's own request. Its rows are those of second copies, which count for no births.
    pub(crate) fn new_check(&mut self, index: usize) -> RequestId {
        let row = self.clients[index].born;
        self.clients[index].born += 1;
        let person = Person { client: index, class: 0, row, class_row: row, attempt: COPY, why: Why::Check };
        self.birth(person, Span::ZERO)
    }

    /// The person behind a request, about to send another one.
    pub(super) fn person_of(&self, request: &Request, attempt: u16, why: Why) -> Person {
        let client = usize::from(request.client());
        let classes = &self.model.clients[client].classes;
        let class = classes.iter().position(|&id| id as usize == usize::from(request.class()));
        let class = class.expect("a request's class is one of its client's");
        let (row, class_row) = (request.row() & u64::from(u32::MAX), request.row() >> 32);
        Person { client, class, row, class_row, attempt, why }
    }

    fn pick_class(&mut self, index: usize, row: u64) -> usize {
        if self.clients[index].class_rows.len() == 1 {
            return 0;
        }
        let Beginning { clients, class: beginning } = self.clients[index].beginning;
        if row < clients {
            return beginning;
        }
        let bits = u128::from(self.draw(index, Site::Class, row));
        let mut left = ((bits * u128::from(self.clients[index].weights)) >> 64) as u64;
        let classes = &self.model.clients[index].classes;
        for (at, &class) in classes.iter().enumerate().filter(|(at, _)| *at != beginning) {
            let weight = u64::from(self.model.classes[class as usize].weight);
            if left < weight {
                return at;
            }
            left -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// Makes a request and draws its fate.
    pub(super) fn birth(&mut self, person: Person, pause: Span) -> RequestId {
        let Person { client: index, class, row, class_row, attempt, why } = person;
        let model = self.model;
        let spec = &model.clients[index];
        let shift = u64::from(attempt) << ATTEMPT_ROWS;
        let key = self.draw(index, Site::Key, row + shift);
        let born = self.now + pause;
        let leaves_at = match &spec.patience {
            Some(law) => born + law.sample(self.draw(index, Site::Patience, row + shift)),
            None => Time::NEVER,
        };
        let first = self.clients[index].class_sites[class];
        let class_id = spec.classes[class];
        let sites = &model.classes[class_id as usize].sites;
        let births = mix(self.births ^ born.as_ns(), key ^ u64::from(class_id));
        let (fate, births) = draw_fate(&mut self.fates, &mut self.streams, sites, (first, class_row + shift), births);
        if attempt == 0 {
            self.births = births;
        }
        let row = row | class_row << 32;
        let (client, class) = (index as u16, class_id as u16);
        let request = Request::new(born, key, row, fate).sent_by(client, class, attempt, why, leaves_at);
        let id = self.requests.insert(request);
        self.is_born(id);
        id
    }
}

/// Draws the spans of a request's program into a row of the arena, from site `first` on and from the streams' row `row`. Where it
/// lies, and the hash over births with it.
#[inline(always)]
pub(crate) fn draw_fate(
    fates: &mut Fates,
    streams: &mut Streams,
    sites: &[SiteSpec],
    (first, row): (usize, u64),
    mut births: u64,
) -> (u32, u64) {
    let fate = fates.take(sites.len());
    for ((column, value), spec) in fates.row_mut(fate, sites.len()).iter_mut().enumerate().zip(sites) {
        *value = spec.law.sample(streams.bits(first + column, row)).as_ns();
        births = mix(births, *value);
    }
    (fate, births)
}
